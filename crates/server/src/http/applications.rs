//! One application: cancelled by its caller, or told from its beginning. uphunt-api.md §13.

use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_store::application::Application;
use applyd_store::cancel::{self, Cancel};
use applyd_store::timeline;
use applyd_wire::{ErrorAnswer, StatusAnswer, TimelineAnswer};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::{json, ready};
use super::named::Named;
use super::refused::Refused;

/// Cancels an application of which nothing was sent.
///
/// Its credit comes back. A repeated call answers the same.
#[utoipa::path(
    delete, path = "/api/auto-apply-v2/applications/{queueId}", tag = "applications",
    params(("queueId" = String, Path, description = "The id that apply answered")),
    responses(
        (status = 200, description = "Cancelled, now or before", body = StatusAnswer),
        (status = 404, description = "No such application of this account", body = ErrorAnswer),
        (status = 409, description = "Submission has started, or the application has ended", body = ErrorAnswer),
    ),
)]
pub(crate) async fn cancel(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let id = QueueId::parse(&id).ok_or(Refused::UnknownApplication)?;
    let (account, asked, timing, leases) = (holder.account.clone(), id, app.timing, Arc::clone(&app.leases));
    let outcome = app
        .store
        .write(move |tx| {
            cancel::cancel(tx, &account, &asked, &timing, |progress| leases.dead(&asked, progress))
        })
        .await?;
    let too_late = |application: Box<Application>, error| {
        let status = application.progress.state.status();
        (application, Err(Refused::Past { error, status }))
    };
    let (application, cancelled) = match outcome.ok_or(Refused::UnknownApplication)? {
        Cancel::Cancelled(application) => (application, Ok(())),
        Cancel::Started(application) => too_late(application, "Submission has started"),
        Cancel::Ended(application) => too_late(application, "Application has ended"),
        Cancel::Unread(application) => (application, Err(Refused::Unread)),
    };
    app.leases.taken_away(&application.id, &application.progress);
    let answer = app.news.publish(&application);
    app.wakes.wake(&application.account);
    cancelled.map(|()| ready(StatusCode::OK, answer.body))
}

/// Tells what has happened to an application so far, and who did it.
#[utoipa::path(
    get, path = "/api/auto-apply-v2/applications/{queueId}/timeline", tag = "applications",
    params(("queueId" = String, Path, description = "The id that apply answered")),
    responses(
        (status = 200, description = "Oldest first", body = TimelineAnswer),
        (status = 404, description = "No such application of this account", body = ErrorAnswer),
    ),
)]
pub(crate) async fn timeline(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let id = QueueId::parse(&id).ok_or(Refused::UnknownApplication)?;
    let (account, asked) = (holder.account.clone(), id.clone());
    let entries = app.store.read(move |tx| timeline::list(tx, &account, &asked)).await?;
    let entries = entries.ok_or(Refused::UnknownApplication)?;
    Ok(json(StatusCode::OK, &TimelineAnswer { queue_id: id.as_str().to_owned(), entries }))
}
