//! One application of one account, from the queue to where it rests.

use std::time::{Duration, Instant};

use applyd_core::connects::Cost;
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Ending, Outcome, Trouble};
use applyd_core::retry::delay_ms;
use applyd_core::state::{By, Event, Refused, State};
use applyd_store::application::{self, Application};
use applyd_store::freelancer::Chosen;
use applyd_store::grant::{self, Grantee};
use applyd_store::intent::Login;
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, Tx, approval, budget, letter, refresh};
use applyd_upwork::{Assignment, Ready};

use super::Worker;
use super::gate::{Sent, Shut, cross};
use super::leases::{Lease, Lost};
use super::look::look;
use super::open::open;
use super::taken::{Taken, take};
use super::verify::verify;
use crate::failpoint;

/// In the verify-only mode the queue is read again after this.
const VERIFY_ONLY_PAUSE_MS: i64 = 5_000;
/// What a pause held back at the last step is ready again after this.
const PAUSED_MS: i64 = 100;
/// A login that could not be renewed is tried again after this.
const LOGIN_PAUSE_MS: i64 = 2_000;
/// A login that was renewed while an application was prepared is used after this.
const RENEWED_PAUSE_MS: i64 = 100;
/// A policy prompt is looked at again after this.
const POLICY_PAUSE_MS: i64 = 10_000;

/// Takes the next application of an account, if there is one, and carries it as far as it goes.
/// Answers whether there was one.
///
/// # Errors
/// The store's. What was taken is then recovered when its lease ends.
pub async fn step(worker: &Worker, account: &AccountId) -> Result<bool, Error> {
    let since = Instant::now();
    let Some(taken) = take(worker, account).await? else { return Ok(false) };
    let lease = worker.leases.take(&taken.application.id, taken.application.progress.epoch, since);
    worker.news.publish(&taken.application);
    failpoint::hit("claimed");
    let Some(profile) = &taken.profile else {
        let gone = Ending::because(Code::InputRejected, "the profile was removed");
        let note = Some(gone.message.clone());
        let _ = worker.advance(lease.id(), Event::End(gone), By::Worker(lease.epoch()), note).await?;
        return Ok(true);
    };
    let assigned = taken.assignment(profile, worker.letters.is_model())?;
    if taken.verify_only {
        verify(worker, &lease, &taken.application, &assigned).await?;
    } else if taken.application.progress.state == State::AwaitingApproval {
        open(worker, &lease, &taken, profile, &assigned).await?;
    } else {
        submit(worker, &lease, &taken, profile, &assigned).await?;
    }
    Ok(true)
}

async fn submit(
    worker: &Worker,
    lease: &Lease,
    taken: &Taken,
    profile: &Chosen,
    assigned: &Assignment,
) -> Result<(), Error> {
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
    let terms_sha256 = taken.sha256(profile, &ready.org_uid, &ready.terms);
    let cost = Cost { base: ready.cost_connects, boost: ready.terms.boost_connects };
    if !arm(worker, lease, &assigned.grantee, &ready, cost, &terms_sha256, title).await? {
        return Ok(());
    }
    failpoint::hit("armed");
    let letter_sha256 = letter::sha256(&ready.terms.cover_letter);
    let login = Login { freelancer: assigned.grantee.freelancer.clone(), org_uid: ready.org_uid.clone() };
    let sent = Sent { cost, terms_sha256, letter_sha256, login, pair: ready.login };
    // Whatever reads for it is to speak for whom it was sent.
    let assigned = Assignment { org_uid: Some(ready.org_uid.clone()), ..assigned.clone() };
    let crossed = match cross(worker, lease, &taken.application, &taken.request, sent).await? {
        Ok(crossed) => crossed,
        Err(shut) => return stay(worker, lease, &shut).await,
    };
    let outcome = ready.confirm(crossed).await;
    failpoint::hit("confirmed");
    settle(worker, lease, &assigned, outcome).await
}

/// T7, unless the site's own key of the job shows that another application of the account has it, a limit of
/// Connects stands against it, or it is not what was approved.
async fn arm(
    worker: &Worker,
    lease: &Lease,
    grantee: &Grantee,
    ready: &Ready,
    cost: Cost,
    terms_sha256: &str,
    title: Option<String>,
) -> Result<bool, Error> {
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let (preview, expires_at, job) = (ready.preview_id.clone(), ready.preview_expires_at, ready.job.clone());
    let (grantee, login) = (grantee.clone(), ready.login);
    let (notes, terms_sha256) = (ready.notes.join(" · "), terms_sha256.to_owned());
    let trace_ids = ready.trace_ids.clone();
    let moved = worker
        .store
        .write(move |tx| {
            let beside = Beside { title: title.as_deref(), ..Beside::default() };
            if let Some(ending) = forbidden(tx, &id, &job, cost)? {
                return queue::advance(tx, &id, Event::End(ending), by, &timing, beside);
            }
            if !approval::still_decides(tx, &id)? {
                let beside = Beside { note: Some(KEY_GONE), ..beside };
                return queue::advance(tx, &id, Event::AskPerson, by, &timing, beside);
            }
            // The one call would go out with tokens that are being replaced. From here on nobody replaces them.
            if !refresh::stands(tx, &grantee, login)? {
                let again = Event::HandBack { delay_ms: RENEWED_PAUSE_MS };
                return queue::advance(tx, &id, again, by, &timing, Beside::default());
            }
            let note = if notes.is_empty() { "preview compared" } else { &notes };
            let preview = Some((preview.as_str(), expires_at));
            let beside = Beside { trace_ids: &trace_ids, connects: Some(cost.total()), ..beside };
            let armed = Beside { note: Some(note), preview, ..beside };
            let arm = Event::Arm { terms_sha256: terms_sha256.clone() };
            match queue::advance(tx, &id, arm, by, &timing, armed)? {
                Err(Refused::Unapproved) => {
                    let ending = Ending::because(Code::TermsChanged, NOT_APPROVED);
                    let beside = Beside { note: Some(NOT_APPROVED), ..beside };
                    queue::advance(tx, &id, Event::Void(ending), by, &timing, beside)
                }
                moved => Ok(moved),
            }
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    let is_armed = moved.as_ref().is_ok_and(|application| application.progress.state == State::Armed);
    wake_when_ready(worker, moved.ok());
    Ok(is_armed)
}

pub(super) const KEY_GONE: &str = "the key that asked for it does not decide any more";
const LOGIN_REPLACED: &str = "the login that it was prepared with was replaced or ended";
const NOT_APPROVED: &str = "what would be sent is not what was approved";

/// What ends an application although the site would take it.
fn forbidden(tx: &Tx<'_>, id: &QueueId, job: &JobKey, cost: Cost) -> Result<Option<Ending>, Error> {
    if queue::is_taken(tx, id, job)? {
        return Ok(Some(Ending::of(Code::AlreadyApplied)));
    }
    let Some(application) = application::load(tx, id)? else { return Ok(None) };
    let limit = budget::check(tx, &application, cost)?.err();
    Ok(limit.map(|limit| Ending::because(Code::ConnectsCap, &limit)))
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
        Trouble::Login { reason, pair } => (login(worker, was, grantee, pair).await?, reason),
        Trouble::Reconnecting { reason, after_ms } => {
            (Event::Block { code: Code::LoggedOut, renewed: false, delay_ms: after_ms }, reason)
        }
        Trouble::Person => (Event::AskPerson, "answers are to be written by the server".to_owned()),
        Trouble::End(ending) if voids(ending.code) => {
            let note = ending.message.clone();
            (Event::Void(ending), note)
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
            queue::advance(tx, &id, event.clone(), by, &timing, beside)
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    wake_when_ready(worker, moved.ok());
    Ok(())
}

/// What makes an approval void: a person who gave one may give another for what is there now.
fn voids(code: Code) -> bool {
    use Code::{ConnectsCap, InputRejected, MissingAnswer, TermsChanged, UnsupportedTerms};
    matches!(code, TermsChanged | ConnectsCap | MissingAnswer | InputRejected | UnsupportedTerms)
}

/// The first lost login is renewed; a second one, with a fresh grant, is a refusal for good. One that another call has
/// renewed meanwhile is neither.
async fn login(worker: &Worker, was: &Application, grantee: &Grantee, refused: i64) -> Result<Event, Error> {
    let asked = grantee.clone();
    let grant = worker.store.read(move |tx| grant::load(tx, &asked)).await?;
    if grant.is_some_and(|grant| grant.pair != refused) {
        return Ok(Event::Block { code: Code::LoggedOut, renewed: false, delay_ms: 0 });
    }
    if was.progress.logins_renewed > 0 {
        return Ok(Event::End(Ending::of(Code::LoggedOut)));
    }
    let renewed = worker.marketplace(was)?.renew(grantee, refused).await;
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

pub(super) async fn hand_back(worker: &Worker, lease: &Lease, lost: Lost) -> Result<(), Error> {
    if lost == Lost::Stopping {
        let event = Event::HandBack { delay_ms: 0 };
        let _ = worker.advance(lease.id(), event, By::Worker(lease.epoch()), None).await?;
    }
    Ok(())
}

/// The gate stayed shut: nothing was sent, so the queue may have it again if the lease is still ours.
pub(super) async fn stay(worker: &Worker, lease: &Lease, shut: &Shut) -> Result<(), Error> {
    tracing::info!(application = %lease.id(), ?shut, "nothing was submitted");
    let (delay_ms, note) = match shut {
        Shut::NoWitness | Shut::Ended => return Ok(()),
        Shut::VerifyOnly => (VERIFY_ONLY_PAUSE_MS, None),
        Shut::Paused(pause) => (PAUSED_MS, Some(pause.clone())),
        Shut::Login => (RENEWED_PAUSE_MS, Some(LOGIN_REPLACED.to_owned())),
        Shut::Refused => (0, None),
    };
    let moved =
        worker.advance(lease.id(), Event::HandBack { delay_ms }, By::Worker(lease.epoch()), note).await?;
    wake_when_ready(worker, moved.ok());
    Ok(())
}

pub(super) fn wake_when_ready(worker: &Worker, moved: Option<Application>) {
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
            let trace_ids: Vec<String> = submitted.trace_id().map(ToOwned::to_owned).into_iter().collect();
            let (id, timing) = (lease.id().clone(), worker.timing);
            let moved = worker
                .store
                .write(move |tx| {
                    let proposal = proposal.as_deref();
                    let beside = Beside { proposal, trace_ids: &trace_ids, ..Beside::default() };
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
            let note = unknown.reason().to_owned();
            let trace_ids: Vec<String> = unknown.trace_id().map(ToOwned::to_owned).into_iter().collect();
            let (id, timing) = (lease.id().clone(), worker.timing);
            let moved = worker
                .store
                .write(move |tx| {
                    let beside = Beside { note: Some(&note), trace_ids: &trace_ids, ..Beside::default() };
                    queue::advance(tx, &id, Event::Doubt, by, &timing, beside)
                })
                .await?;
            if let Ok(application) = &moved {
                worker.publish(application);
            }
        }
    }
    Ok(())
}
