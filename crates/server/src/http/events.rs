//! `GET /api/auto-apply-v2/events`: an account's events as they are committed. uphunt-api.md §13.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::{AccountId, EventId, KeyId};
use applyd_core::refusal::Refusal;
use applyd_store::{Error, api_key, event};
use applyd_wire::{ErrorAnswer, EventBody, StreamedEvent};
use axum::extract::{RawQuery, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};

use super::App;
use super::account::Caller;
use super::refused::Refused;
use super::streams::{MOST_STREAMS, Place};
use crate::bells::Listener;
use crate::start::told;

/// A sign of life on a silent stream.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// What a caller waits before it connects again.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// Events of one read; a stream holds no more at once.
const PAGE: i64 = 100;
/// The cursor before the oldest event that is kept.
pub(crate) const START: &str = "start";
const LAST_EVENT_ID: &str = "last-event-id";

/// Where a caller wants to go on.
enum Cursor {
    /// With what comes from now on.
    Now,
    /// With the oldest event that is kept.
    Start,
    After(EventId),
}

/// Streams the account's events as they happen.
///
/// Server-sent events: `event` is the type, `data` the body of the webhook, `id` the cursor. A comment line each 15
/// seconds shows that the stream lives.
#[utoipa::path(
    get, path = "/api/auto-apply-v2/events", tag = "applications",
    params(
        ("after" = Option<String>, Query, description = "Go on after this event's id; `start`: from the oldest kept; absent: from now on"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, and stands above `after`"),
    ),
    responses(
        (status = 200, description = "Events until the server stops", body = StreamedEvent, content_type = "text/event-stream"),
        (status = 422, description = "The cursor is none of this account", body = ErrorAnswer),
        (status = 429, description = "Over the limit, or five streams of this key are open", body = ErrorAnswer),
    ),
)]
pub(crate) async fn events(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let cursor = asked(&headers, query.as_deref().unwrap_or_default())?;
    let place = app.streams.take(&holder.key, MOST_STREAMS).ok_or(Refused::TooManyStreams)?;
    let first = Event::default().retry(RETRY_AFTER);
    let (after, first) = match cursor {
        Cursor::Start => (None, first),
        Cursor::After(id) => (Some(known(&app, &holder.account, id).await?), first),
        // Told its place before the first event, so that a reader that breaks off until then misses nothing.
        Cursor::Now => {
            let account = holder.account.clone();
            let newest = app.store.read(move |tx| event::newest(tx, &account)).await?;
            let id = newest.as_ref().map_or(START, EventId::as_str).to_owned();
            (newest, first.id(id))
        }
    };
    let listener = app.news.of_account.listen(holder.account.clone());
    let tail =
        Tail { app, account: holder.account.clone(), after, ready: VecDeque::from([first]), listener, place };
    let headers =
        [(header::CACHE_CONTROL, "no-store"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    let body = Sse::new(tail.stream()).keep_alive(KeepAlive::new().interval(BEAT_EVERY));
    Ok((headers, body).into_response())
}

/// The header stands above the address: a reader that connects again repeats the address as it was.
fn asked(headers: &HeaderMap, query: &str) -> Result<Cursor, Refusal> {
    let last = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty());
    let last = last.map(|last| String::from_utf8_lossy(last.as_bytes()));
    let after = || url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after");
    let Some(text) = last.or_else(|| Some(after()?.1)) else { return Ok(Cursor::Now) };
    if text == START {
        return Ok(Cursor::Start);
    }
    EventId::parse(&text).map(Cursor::After).ok_or_else(unknown)
}

fn unknown() -> Refusal {
    let allowed =
        format!("`after` and `Last-Event-ID` must be `{START}` or the id of an event of this account");
    Refusal::meaning("after", allowed)
}

async fn known(app: &App, account: &AccountId, id: EventId) -> Result<EventId, Refused> {
    let (account, asked) = (account.clone(), id.clone());
    let page = app.store.read(move |tx| event::after(tx, &account, Some(&asked), 0)).await?;
    Ok(page.map(|_| id).ok_or_else(unknown)?)
}

/// One stream: between two events it holds a place in a list and nothing of the store.
struct Tail {
    app: Arc<App>,
    account: AccountId,
    /// The last event that was told.
    after: Option<EventId>,
    ready: VecDeque<Event>,
    listener: Listener<AccountId>,
    place: Place<KeyId>,
}

impl Tail {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut tail| async move {
            let event = tail.next().await?;
            Some((Ok(event), tail))
        })
    }

    /// Ends with the server, and where the caller had better connect again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if *self.app.stop.borrow() {
                return None;
            }
            self.listener.hush();
            if self.read().await? {
                continue;
            }
            // What a page took up is given back while there is nothing to tell.
            self.ready = VecDeque::new();
            let stop = told(self.app.stop.clone());
            tokio::select! {
                () = self.listener.rung() => {}
                () = stop => return None,
            }
        }
    }

    /// Takes in the next events; whether there were any.
    async fn read(&mut self) -> Option<bool> {
        let (account, after, key) = (self.account.clone(), self.after.clone(), self.place.key().clone());
        let read = self.app.store.read(move |tx| {
            // A key that was revoked meanwhile is told nothing more.
            if !api_key::is_valid(tx, &key)? {
                return Ok::<_, Error>(None);
            }
            event::after(tx, &account, after.as_ref(), PAGE)
        });
        let page = read.await.inspect_err(|error| tracing::warn!(%error, "a stream could not be read on"));
        let events = page.ok()??.events;
        if let Some(last) = events.last() {
            self.after = EventId::parse(&last.id);
        }
        self.ready.extend(events.iter().map(told_as));
        Some(!events.is_empty())
    }
}

fn told_as(body: &EventBody) -> Event {
    // A body has nothing that serde_json could refuse, and no line break that it would leave.
    let data = serde_json::to_string(body).unwrap_or_default();
    Event::default().event(body.kind.as_str()).id(&body.id).data(data)
}
