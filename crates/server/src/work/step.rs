//! One application of one account, from the queue to where it rests.

use std::time::{Duration, Instant};

use applyd_core::ids::AccountId;
use applyd_core::outcome::{Code, Ending, Outcome, Sighting, Trouble};
use applyd_core::retry::delay_ms;
use applyd_core::state::{By, Event, State};
use applyd_core::terms::{Terms, sha256_hex};
use applyd_store::application::{self, Application};
use applyd_store::freelancer::Applicant;
use applyd_store::grant::Grantee;
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, meta, refresh};
use applyd_upwork::{Assignment, Ready, Since};

use super::gate::{Shut, cross};
use super::leases::{Lease, Lost};
use super::look::look;
use super::{Worker, applicant, assignment};
use crate::failpoint;

/// In the verify-only mode the queue is read again after this.
const VERIFY_ONLY_PAUSE_MS: i64 = 5_000;
/// A login that could not be renewed is tried again after this.
const LOGIN_PAUSE_MS: i64 = 2_000;
/// A login that was renewed while an application was prepared is used after this.
const RENEWED_PAUSE_MS: i64 = 100;
/// A policy prompt is looked at again after this.
const POLICY_PAUSE_MS: i64 = 10_000;

/// What a claim brings along.
struct Taken {
    application: Application,
    request: String,
    /// None: the profile was removed meanwhile.
    applicant: Option<Applicant>,
    verify_only: bool,
}

/// Takes the next application of an account, if there is one, and carries it as far as it goes.
/// Answers whether there was one.
///
/// # Errors
/// The store's. What was taken is then recovered when its lease ends.
pub async fn step(worker: &Worker, account: &AccountId) -> Result<bool, Error> {
    let since = Instant::now();
    let Some(taken) = claim(worker, account).await? else { return Ok(false) };
    let lease = worker.leases.take(&taken.application.id, taken.application.progress.epoch, since);
    worker.news.publish(&taken.application);
    failpoint::hit("claimed");
    let Some(applicant) = taken.applicant.clone() else {
        let gone = Ending::because(Code::InputRejected, "the profile was removed");
        let note = Some(gone.message.clone());
        let _ = worker.advance(lease.id(), Event::End(gone), By::Worker(lease.epoch()), note).await?;
        return Ok(true);
    };
    let assigned = assignment(&taken.application, &taken.request, applicant)?;
    if taken.verify_only {
        verify(worker, &lease, &taken.application, &assigned).await?;
    } else {
        submit(worker, &lease, &taken, &assigned).await?;
    }
    Ok(true)
}

async fn claim(worker: &Worker, account: &AccountId) -> Result<Option<Taken>, Error> {
    let (account, timing) = (account.clone(), worker.timing);
    let incarnation = worker.leases.incarnation().to_owned();
    worker
        .store
        .write(move |tx| {
            let Some(application) = queue::claim(tx, &account, &incarnation, &timing)? else {
                return Ok(None);
            };
            let damaged = || Error::Damaged(format!("{} has no request", application.id));
            let request = application::request(tx, &application.id)?.ok_or_else(damaged)?;
            let applicant = applicant(tx, &application, &request)?;
            let verify_only = meta::verify_only(tx)?.is_some();
            Ok(Some(Taken { application, request, applicant, verify_only }))
        })
        .await
}

async fn submit(worker: &Worker, lease: &Lease, taken: &Taken, assigned: &Assignment) -> Result<(), Error> {
    let marketplace = worker.marketplace(&taken.application)?;
    let mut title = None;
    let prepared = match lease.guard(marketplace.prepare(assigned, &mut title)).await {
        Ok(prepared) => prepared,
        Err(lost) => return hand_back(worker, lease, lost).await,
    };
    let ready = match prepared {
        Ok(ready) => ready,
        Err(trouble) => {
            return troubled(worker, lease, &taken.application, &assigned.grantee, trouble, title).await;
        }
    };
    if !arm(worker, lease, &assigned.grantee, &ready, title).await? {
        return Ok(());
    }
    failpoint::hit("armed");
    let terms_sha256 = hash(&ready.terms)?;
    let crossed = match cross(worker, lease, &taken.application, &taken.request, terms_sha256).await? {
        Ok(crossed) => crossed,
        Err(shut) => return stay(worker, lease, &shut).await,
    };
    let outcome = ready.confirm(crossed).await;
    failpoint::hit("confirmed");
    settle(worker, lease, assigned, outcome).await
}

/// Of the terms as they are sent: with the profile's rate and all answers.
fn hash(terms: &Terms) -> Result<String, Error> {
    let terms = serde_json::to_vec(terms).map_err(|error| Error::Damaged(error.to_string()))?;
    Ok(sha256_hex(&terms))
}

/// T7, unless the site's own key of the job shows that another application of the account has it.
async fn arm(
    worker: &Worker,
    lease: &Lease,
    grantee: &Grantee,
    ready: &Ready,
    title: Option<String>,
) -> Result<bool, Error> {
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let (preview, expires_at, job) = (ready.preview_id.clone(), ready.preview_expires_at, ready.job.clone());
    let (grantee, login) = (grantee.clone(), ready.login);
    let notes = ready.notes.join(" · ");
    let moved = worker
        .store
        .write(move |tx| {
            if queue::is_taken(tx, &id, &job)? {
                let end = Event::End(Ending::of(Code::AlreadyApplied));
                let beside = Beside { title: title.as_deref(), ..Beside::default() };
                return queue::advance(tx, &id, end, by, &timing, beside);
            }
            // The one call would go out with tokens that are being replaced. From here on nobody replaces them.
            if !refresh::stands(tx, &grantee, login)? {
                let again = Event::HandBack { delay_ms: RENEWED_PAUSE_MS };
                return queue::advance(tx, &id, again, by, &timing, Beside::default());
            }
            let note = if notes.is_empty() { "preview compared" } else { &notes };
            let beside = Beside {
                note: Some(note),
                preview: Some((&preview, expires_at)),
                title: title.as_deref(),
                ..Beside::default()
            };
            queue::advance(tx, &id, Event::Arm, by, &timing, beside)
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    let is_armed = moved.as_ref().is_ok_and(|application| application.progress.state == State::Armed);
    wake_when_ready(worker, moved.ok());
    Ok(is_armed)
}

/// What the rule makes of a step before the intent that did not come through.
async fn troubled(
    worker: &Worker,
    lease: &Lease,
    was: &Application,
    grantee: &Grantee,
    trouble: Trouble,
    title: Option<String>,
) -> Result<(), Error> {
    let (event, note) = match trouble {
        Trouble::Passing { reason, after_ms } => {
            let jittered = delay_ms(worker.timing.retry_base_ms, was.progress.attempts, fastrand::f64());
            (Event::Retry { delay_ms: jittered.max(after_ms.unwrap_or(0)) }, reason)
        }
        Trouble::Policy { reason } => {
            (Event::Block { code: Code::PolicyPending, renewed: false, delay_ms: POLICY_PAUSE_MS }, reason)
        }
        Trouble::Login { reason } => (login(worker, was, grantee).await?, reason),
        Trouble::Reconnecting { reason, after_ms } => {
            (Event::Block { code: Code::LoggedOut, renewed: false, delay_ms: after_ms }, reason)
        }
        Trouble::End(ending) => {
            let note = ending.message.clone();
            (Event::End(ending), note)
        }
    };
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let moved = worker
        .store
        .write(move |tx| {
            let beside = Beside { note: Some(&note), title: title.as_deref(), ..Beside::default() };
            queue::advance(tx, &id, event, by, &timing, beside)
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    wake_when_ready(worker, moved.ok());
    Ok(())
}

/// The first lost login is renewed; a second one, with a fresh grant, is a refusal for good.
async fn login(worker: &Worker, was: &Application, grantee: &Grantee) -> Result<Event, Error> {
    if was.progress.logins_renewed > 0 {
        return Ok(Event::End(Ending::of(Code::LoggedOut)));
    }
    let renewed = worker.marketplace(was)?.renew(grantee).await;
    Ok(match renewed {
        Err(Trouble::End(ending)) => Event::End(ending),
        Ok(()) => Event::Block { code: Code::LoggedOut, renewed: true, delay_ms: 0 },
        // Not renewed and not refused: the next try renews it, until the cutoff.
        Err(Trouble::Reconnecting { after_ms, .. }) => {
            Event::Block { code: Code::LoggedOut, renewed: false, delay_ms: after_ms }
        }
        Err(_) => Event::Block { code: Code::LoggedOut, renewed: false, delay_ms: LOGIN_PAUSE_MS },
    })
}

async fn hand_back(worker: &Worker, lease: &Lease, lost: Lost) -> Result<(), Error> {
    if lost == Lost::Stopping {
        let event = Event::HandBack { delay_ms: 0 };
        let _ = worker.advance(lease.id(), event, By::Worker(lease.epoch()), None).await?;
    }
    Ok(())
}

/// The gate stayed shut: nothing was sent, so the queue may have it again if the lease is still ours.
async fn stay(worker: &Worker, lease: &Lease, shut: &Shut) -> Result<(), Error> {
    tracing::info!(application = %lease.id(), ?shut, "nothing was submitted");
    let delay_ms = match shut {
        Shut::NoWitness => return Ok(()),
        Shut::VerifyOnly => VERIFY_ONLY_PAUSE_MS,
        Shut::Refused => 0,
    };
    let moved =
        worker.advance(lease.id(), Event::HandBack { delay_ms }, By::Worker(lease.epoch()), None).await?;
    wake_when_ready(worker, moved.ok());
    Ok(())
}

fn wake_when_ready(worker: &Worker, moved: Option<Application>) {
    if let Some(application) = moved.filter(|application| application.progress.state == State::Queued) {
        let wait = application.progress.not_before - worker.store.now();
        worker
            .wakes
            .wake_later(&application.account, Duration::from_millis(u64::try_from(wait).unwrap_or(0)));
    }
}

/// The one send has ended and its socket is closed.
async fn settle(
    worker: &Worker,
    lease: &Lease,
    assigned: &Assignment,
    outcome: Outcome,
) -> Result<(), Error> {
    let by = By::Sender(lease.epoch());
    match outcome {
        Outcome::Submitted(submitted) => {
            let proposal = submitted.proposal().map(ToOwned::to_owned);
            let (id, timing) = (lease.id().clone(), worker.timing);
            let moved = worker
                .store
                .write(move |tx| {
                    let beside = Beside { proposal: proposal.as_deref(), ..Beside::default() };
                    queue::advance(tx, &id, Event::Accepted, by, &timing, beside)
                })
                .await?;
            failpoint::hit("submitted");
            if let Ok(application) = moved {
                worker.publish(&application);
                if application.progress.state == State::Submitted {
                    // T10: an independent read agrees; if it does not yet, later reads or time will.
                    return look(worker, lease, &application, assigned).await;
                }
            }
        }
        Outcome::Refused(ending) => {
            let note = Some(ending.message.clone());
            let _ = worker.advance(lease.id(), Event::Declined(ending), by, note).await?;
        }
        Outcome::NotSent(reason) => {
            let ending = Ending::because(Code::NotSubmitted, &reason);
            let _ = worker.advance(lease.id(), Event::Declined(ending), by, Some(reason)).await?;
        }
        Outcome::Unknown(unknown) => {
            let note = Some(unknown.reason().to_owned());
            let _ = worker.advance(lease.id(), Event::Doubt, by, note).await?;
        }
    }
    Ok(())
}

/// Verify-only: nothing is submitted, but what the site has of this application is found.
async fn verify(
    worker: &Worker,
    lease: &Lease,
    application: &Application,
    assigned: &Assignment,
) -> Result<(), Error> {
    let since = Since::Acceptance(application.accepted_at);
    let sighting = match lease.guard(worker.marketplace(application)?.look(assigned, since)).await {
        Ok(sighting) => sighting,
        Err(lost) => return hand_back(worker, lease, lost).await,
    };
    let (created_at, evidence) = match sighting {
        Sighting::Found { created_at, evidence, .. } => (created_at, evidence),
        Sighting::Absent => return absent(worker, lease).await,
        Sighting::Unreadable { .. } => return stay(worker, lease, &Shut::VerifyOnly).await,
    };
    let incarnation = worker.leases.incarnation().to_owned();
    let lost = Event::Recover { worker: incarnation, at: application.accepted_at, in_time: true };
    let note = Some(format!("the site has it although the store knows no intent: {evidence}"));
    match worker.advance(lease.id(), lost, By::Worker(lease.epoch()), note).await? {
        Ok(_) => {
            let seen = Event::Seen { site_at: created_at };
            let _ = worker.advance(lease.id(), seen, By::Sweeper, None).await?;
        }
        Err(refused) => {
            tracing::warn!(application = %lease.id(), ?refused, evidence, "the site has it, but it has moved on");
        }
    }
    Ok(())
}

/// Nothing of it is there yet, which the operator may go by.
async fn absent(worker: &Worker, lease: &Lease) -> Result<(), Error> {
    let note = Some("the site shows no proposal".to_owned());
    let event = Event::NotSeen { settles: false };
    let moved = worker.advance(lease.id(), event, By::Worker(lease.epoch()), note).await?;
    tracing::info!(application = %lease.id(), "the site shows no proposal; nothing was submitted");
    wake_when_ready(worker, moved.ok());
    Ok(())
}
