//! `GET /dashboard/events`: word to an open page that something of its account has changed. It asks for itself then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::{AccountId, PersonId};
use applyd_store::session;
use axum::extract::State as Shared;
use axum::http::{HeaderName, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use tokio::time::Instant;

use super::member::Member;
use crate::bells::Listener;
use crate::http::{App, Place};
use crate::start::told;

/// A sign of life, and a look whether the session still stands.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// However much changes, a page is told of it no more often.
const TOLD_EVERY: Duration = Duration::from_millis(200);
/// Of one person: a page that is not looked at has none.
const MOST_STREAMS: usize = 20;

pub(super) async fn events(Shared(app): Shared<Arc<App>>, member: Member) -> Response {
    let Some(place) = app.dashboard.streams.take(&member.0.person, MOST_STREAMS) else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let listener = app.news.of_members.listen(member.account());
    let tail = Tail { app, session: member.0.id, listener, not_before: Instant::now(), _place: place };
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    (unbuffered, Sse::new(tail.stream())).into_response()
}

/// One stream: between two words it holds a place in a list.
struct Tail {
    app: Arc<App>,
    session: i64,
    listener: Listener<AccountId>,
    /// Nothing is told before then.
    not_before: Instant,
    _place: Place<PersonId>,
}

impl Tail {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let tail = stream::unfold(self, |mut tail| async move {
            let event = tail.next().await?;
            Some((Ok(event), tail))
        });
        // The answer's head goes out with the first line.
        stream::once(async { Ok(Event::default().comment("here")) }).chain(tail)
    }

    /// Ends with the server, and with the session.
    async fn next(&mut self) -> Option<Event> {
        let stop = told(self.app.stop.clone());
        let changed = async {
            // What rings until then is told in one.
            tokio::time::sleep_until(self.not_before).await;
            self.listener.rung().await;
        };
        let has_changed = tokio::select! {
            () = changed => true,
            () = tokio::time::sleep(BEAT_EVERY) => false,
            () = stop => return None,
        };
        let id = self.session;
        let stands = self.app.store.read(move |tx| session::stands(tx, id)).await;
        let stands = stands.inspect_err(|error| tracing::warn!(%error, "a page's stream could not go on"));
        if !stands.ok()? {
            return None;
        }
        if !has_changed {
            return Some(Event::default().comment("beat"));
        }
        self.listener.hush();
        self.not_before = Instant::now() + TOLD_EVERY;
        Some(Event::default().event("change").data("1"))
    }
}
