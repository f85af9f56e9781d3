//! The point of no return: intent durable, witness line on disk, then and only then a [`Crossed`].

use std::time::{Duration, Instant};

use applyd_core::connects::Cost;
use applyd_core::ids::QueueId;
use applyd_core::outcome::{Code, Crossed, Ending};
use applyd_core::state::{By, Event};
use applyd_store::application::{self, Application};
use applyd_store::intent::Login;
use applyd_store::queue::{self, Beside};
use applyd_store::recover::Witnessed;
use applyd_store::{Error, Tx, approval, budget, fault, meta, pause, refresh};

use super::Worker;
use super::leases::Lease;
use super::step::KEY_GONE;
use crate::failpoint;

/// Why the gate stayed shut. Nothing was sent.
#[derive(Debug)]
pub(crate) enum Shut {
    /// The rule said no: too late, lease lost, another intent.
    Refused,
    /// Nothing may be submitted now.
    VerifyOnly,
    /// An operator, or what the channel showed, has stopped it for now.
    Paused(String),
    /// The intent stands, the witness does not: closed as not submitted.
    NoWitness,
    /// The login was replaced or ended by a person since it was armed.
    Login,
    /// A limit of Connects stood against it at the last moment, or its key decides no more.
    Ended,
}

/// What the intent keeps of what is sent.
pub(crate) struct Sent {
    pub(crate) cost: Cost,
    pub(crate) terms_sha256: String,
    pub(crate) letter_sha256: String,
    pub(crate) login: Login,
    /// Its pair of tokens.
    pub(crate) pair: i64,
}

/// What the transaction at the gate came to.
enum Crossing {
    Intent(Application),
    Ended(Application),
}

/// The end of what a limit of Connects forbids now, whatever it allowed when the preview was made.
fn over_budget(tx: &Tx<'_>, id: &QueueId, cost: Cost) -> Result<Option<Ending>, Error> {
    let Some(application) = application::load(tx, id)? else { return Ok(None) };
    let limit = budget::check(tx, &application, cost)?.err();
    Ok(limit.map(|limit| Ending::because(Code::ConnectsCap, &limit)))
}

/// Records the intent.
pub(crate) async fn cross(
    worker: &Worker,
    lease: &Lease,
    application: &Application,
    request: &str,
    sent: Sent,
) -> Result<Result<Crossed, Shut>, Error> {
    // Taken before the commit, so that both ends come earlier than the store's own reckoning.
    let started = Instant::now();
    let (id, epoch, timing) = (lease.id().clone(), lease.epoch(), worker.timing);
    let (account, channel) = (application.account.clone(), application.channel);
    let (login, grantee) = (sent.login.clone(), sent.login.grantee(application));
    let crossed = worker
        .store
        .write(move |tx| {
            if meta::verify_only(tx)?.is_some() {
                return Ok::<_, Error>(Err(Shut::VerifyOnly));
            }
            if let Some(pause) = pause::of(tx, &account, channel)? {
                return Ok(Err(Shut::Paused(pause.to_string())));
            }
            if !refresh::stands(tx, &grantee, sent.pair)? {
                return Ok(Err(Shut::Login));
            }
            let by = By::Worker(epoch);
            if let Some(over) = over_budget(tx, &id, sent.cost)? {
                let ended = queue::advance(tx, &id, Event::End(over), by, &timing, Beside::default())?;
                return Ok(ended.map(Crossing::Ended).map_err(|_| Shut::Refused));
            }
            if !approval::still_decides(tx, &id)? {
                let beside = Beside { note: Some(KEY_GONE), ..Beside::default() };
                let asked = queue::advance(tx, &id, Event::AskPerson, by, &timing, beside)?;
                return Ok(asked.map(Crossing::Ended).map_err(|_| Shut::Refused));
            }
            let beside = Beside {
                connects: Some(sent.cost.total()),
                letter_sha256: Some(&sent.letter_sha256),
                login: Some(&sent.login),
                ..Beside::default()
            };
            let event = Event::Cross { terms_sha256: sent.terms_sha256.clone() };
            let moved = queue::advance(tx, &id, event, by, &timing, beside)?;
            Ok(moved.map(Crossing::Intent).map_err(|_| Shut::Refused))
        })
        .await?;
    let crossed = match crossed {
        Ok(Crossing::Intent(crossed)) => crossed,
        Ok(Crossing::Ended(ended)) => {
            worker.publish(&ended);
            return Ok(Err(Shut::Ended));
        }
        Err(Shut::Refused) if fault::is_told("cross_anyway") => return Ok(Ok(proof(worker, started))),
        Err(shut) => return Ok(Err(shut)),
    };
    failpoint::hit("intent_durable");
    let witnessed = witnessed(&crossed, request, Some(login));
    if let Err(error) = worker.witness.append(&witnessed).await {
        tracing::error!(%error, "the witness file cannot be written; nothing is submitted");
        let ending = Ending::because(Code::NotSubmitted, "the witness file could not be written");
        let by = By::Sender(lease.epoch());
        // Nothing was sent: this task is the only sender and it stops here.
        let _ = worker.advance(lease.id(), Event::Declined(ending), by, None).await?;
        return Ok(Err(Shut::NoWitness));
    }
    failpoint::hit("witnessed");
    Ok(Ok(proof(worker, started)))
}

/// Of an intent that was asked for at this moment.
fn proof(worker: &Worker, started: Instant) -> Crossed {
    let after = |ms: i64| started + Duration::from_millis(ms.unsigned_abs());
    #[allow(
        clippy::disallowed_methods,
        reason = "this is gate.cross(): the intent and its witness are durable"
    )]
    Crossed::after_durable_intent(after(worker.timing.send_by_ms), after(worker.timing.answer_by_ms))
}

/// The witness line of an intent.
pub(crate) fn witnessed(crossed: &Application, request: &str, login: Option<Login>) -> Witnessed {
    let intent = crossed.progress.intent.as_ref();
    Witnessed {
        id: crossed.id.clone(),
        account: crossed.account.clone(),
        channel: crossed.channel,
        job: crossed.job.clone(),
        processed_job_id: crossed.processed_job_id.clone(),
        accepted_at: crossed.accepted_at,
        at: intent.map_or(0, |intent| intent.at),
        worker: intent.map(|intent| intent.worker.clone()).unwrap_or_default(),
        terms_sha256: intent.map(|intent| intent.terms_sha256.clone()).unwrap_or_default(),
        request: request.to_owned(),
        login,
    }
}
