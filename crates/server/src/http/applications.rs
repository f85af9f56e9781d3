//! One application: cancelled by its caller, or told from its beginning. uphunt-api.md §13.

use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_store::application::Application;
use applyd_store::cancel::{self, Cancel};
use applyd_store::timeline;
use applyd_wire::{ErrorAnswer, TimelineAnswer};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::{Refused, json, ready};

pub(crate) async fn cancel(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = QueueId::parse(&id).ok_or_else(unknown)?;
    let (account, asked, timing, leases) = (holder.account.clone(), id, app.timing, Arc::clone(&app.leases));
    let outcome = app
        .store
        .write(move |tx| {
            cancel::cancel(tx, &account, &asked, &timing, |progress| leases.dead(&asked, progress))
        })
        .await?;
    let (application, refused) = match outcome.ok_or_else(unknown)? {
        Cancel::Cancelled(application) => (application, None),
        Cancel::Started(application) => (application, Some("Submission has started")),
        Cancel::Ended(application) => (application, Some("Application has ended")),
    };
    app.leases.taken_away(&application.id, &application.progress);
    let answer = app.news.publish(&application);
    app.wakes.wake(&application.account);
    match refused {
        None => Ok(ready(StatusCode::OK, answer.body)),
        Some(error) => Err(conflict(error, &application)),
    }
}

pub(crate) async fn timeline(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = QueueId::parse(&id).ok_or_else(unknown)?;
    let (account, asked) = (holder.account.clone(), id.clone());
    let entries =
        app.store.read(move |tx| timeline::list(tx, &account, &asked)).await?.ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, &TimelineAnswer { queue_id: id.as_str().to_owned(), entries }))
}

fn unknown() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Application not found")
}

fn conflict(error: &str, application: &Application) -> Refused {
    let body = ErrorAnswer {
        application_status: Some(application.progress.state.status()),
        ..ErrorAnswer::text(error)
    };
    Refused::with(StatusCode::CONFLICT, body)
}
