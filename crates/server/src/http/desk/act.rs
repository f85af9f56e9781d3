//! What a person does at the desk, by the API or on the page: each act answers the sheet as it is then.

use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_core::state::State;
use applyd_store::application::Application;
use applyd_store::desk::{self, Done, Stop};
use applyd_store::person::Person;
use applyd_store::{Error, Tx};
use applyd_wire::{DeskOutcome, DeskSheet};

use super::{outcome, sheet};
use crate::failpoint;
use crate::http::App;
use crate::http::refused::Refused;
use crate::work::witnessed;

/// The person has it for an hour.
pub(crate) async fn claim(app: &Arc<App>, person: Person, id: QueueId) -> Result<DeskSheet, Refused> {
    let timing = app.timing;
    let did = act(app, person, id, move |tx, person, id| desk::claim(tx, person, id, &timing)).await?;
    Ok(did.sheet)
}

/// Anybody may have it again.
pub(crate) async fn release(app: &Arc<App>, person: Person, id: QueueId) -> Result<DeskSheet, Refused> {
    let timing = app.timing;
    let did = act(app, person, id, move |tx, person, id| desk::release(tx, person, id, &timing)).await?;
    Ok(did.sheet)
}

/// "I am submitting now" what was read under this hash: written down, twice, before it is answered.
pub(crate) async fn declare(
    app: &Arc<App>,
    person: Person,
    id: QueueId,
    seen: String,
) -> Result<DeskSheet, Refused> {
    let timing = app.timing;
    let did = act(app, person, id, move |tx, person, id| {
        let sha256 = sheet::sha256(tx, person, id)?;
        desk::declare(tx, person, id, &seen, sha256.as_deref(), &timing)
    });
    let did = did.await?;
    failpoint::hit("intent_durable");
    // A repeat writes the line again: nobody knows whether the first one came to be. Where it cannot be written the
    // intent stands all the same, because an earlier answer may have let the person go on.
    if let Err(error) = app.witness.append(&witnessed(&did.application, &did.request, None)).await {
        tracing::error!(%error, "the witness file cannot be written; a person was told to submit nothing");
        return Err(Refused::NoWitness);
    }
    failpoint::hit("witnessed");
    Ok(did.sheet)
}

/// What came of it.
pub(crate) async fn record(
    app: &Arc<App>,
    person: Person,
    id: QueueId,
    said: DeskOutcome,
) -> Result<DeskSheet, Refused> {
    let (outcome, timing) = (outcome::parse(said)?, app.timing);
    let did = act(app, person, id, move |tx, person, id| desk::record(tx, person, id, &outcome, &timing));
    Ok(did.await?.sheet)
}

/// What an act has come to.
struct Did {
    application: Application,
    request: String,
    sheet: DeskSheet,
}

/// Does one act of a person, and lets readers know.
async fn act(
    app: &Arc<App>,
    person: Person,
    id: QueueId,
    act: impl Fn(&Tx<'_>, &Person, &QueueId) -> Result<Done, Error> + Send + 'static,
) -> Result<Did, Refused> {
    let done = app
        .store
        .write(move |tx| {
            let application = match act(tx, &person, &id)? {
                Ok(application) => application,
                Err(stop) => return Ok::<_, Error>(Err(stop)),
            };
            let damaged = || Error::Damaged(id.as_str().to_owned());
            let sheet = sheet::read(tx, &person, &id)?.ok_or_else(damaged)?;
            let request = applyd_store::application::request(tx, &id)?.ok_or_else(damaged)?;
            Ok(Ok(Did { application: *application, request, sheet }))
        })
        .await?;
    match done {
        Ok(did) => {
            app.news.publish(&did.application);
            Ok(did)
        }
        Err(stop) => Err(stopped(app, stop)),
    }
}

fn stopped(app: &App, stop: Stop) -> Refused {
    match stop {
        Stop::Unknown => Refused::UnknownApplication,
        Stop::HeldBy(name) => Refused::HeldBy(name),
        Stop::NotClaimed => Refused::NotClaimed,
        Stop::NotDeclared => Refused::NotDeclared,
        Stop::Changed => Refused::Changed,
        Stop::Paused(pause) => Refused::Paused(pause.to_string()),
        Stop::VerifyOnly => Refused::Undeclared,
        Stop::Past(application) => {
            // Time may have ended it just now.
            app.news.publish(&application);
            let state = application.progress.state;
            let error = match state {
                State::Unknown => "The outcome is unknown",
                state if state.is_terminal() => "Application has ended",
                _ => "Submission has started",
            };
            Refused::Past { error, status: state.status() }
        }
    }
}
