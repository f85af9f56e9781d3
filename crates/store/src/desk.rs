//! The desk: people claim, declare and record; nothing of it is sent by a machine.

use applyd_core::ids::{PersonId, QueueId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Dead, Event, Refused, State};
use applyd_core::time::Timing;

use crate::account::Channel;
use crate::application::{self, Application};
use crate::pause::Pause;
use crate::person::{self, Person};
use crate::queue::{Beside, advance, catch_up};
use crate::retention::Hashes;
use crate::tx::values;
use crate::{Error, Tx, approval, meta, pause};

/// An application at the desk.
#[derive(Debug, Clone)]
pub struct Case {
    /// As it stands.
    pub application: Application,
    /// Who has it, or had it last.
    pub person: Option<Who>,
}

/// A person and the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The id.
    pub id: PersonId,
    /// The name.
    pub name: String,
}

/// What a person says that came of it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The site has it; a link or id of the proposal, if there is one.
    Submitted(Option<String>),
    /// The site said no, or nothing was sent: the ending's code tells which.
    Ended(Ending),
}

/// Why a person cannot do it. Nothing has changed then, but for what time alone had brought about.
#[derive(Debug, Clone)]
pub enum Stop {
    /// The account has no such application at the desk.
    Unknown,
    /// Another person has it.
    HeldBy(String),
    /// Nobody has it.
    NotClaimed,
    /// There is nothing to record before the declaration.
    NotDeclared,
    /// Too late for that.
    Past(Box<Application>),
    /// What the person has seen is not what is there now.
    Changed,
    /// Stopped by the operator.
    Paused(Pause),
    /// Nothing may be submitted before the operator has looked.
    VerifyOnly,
}

/// The application as it is then.
pub type Done = Result<Box<Application>, Stop>;

/// One application at the desk of a person's account, as time has left it.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, person: &Person, id: &QueueId) -> Result<Option<Case>, Error> {
    let found = application::load(tx, id)?;
    let found = found.filter(|found| found.account == person.account && found.channel == Channel::Desk);
    found.map(|application| case(tx, application)).transpose()
}

fn case(tx: &Tx<'_>, application: Application) -> Result<Case, Error> {
    let had =
        tx.one("SELECT person_id FROM application WHERE id = ?1", values![application.id.as_str()], |row| {
            row.opt_parsed(0, PersonId::parse)
        })?;
    // What was brought back from the witness names the person by its intent alone.
    let has = application.progress.responsible().and_then(PersonId::parse);
    let Some(id) = has.or(had.flatten()) else { return Ok(Case { application, person: None }) };
    let name = person::name(tx, &id)?.unwrap_or_else(|| id.as_str().to_owned());
    Ok(Case { application, person: Some(Who { id, name }) })
}

/// What has not ended at the desk of an account, oldest first, after the one that a cursor names.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, person: &Person, after: Option<&QueueId>, most: i64) -> Result<Vec<Case>, Error> {
    let ids = tx.all(
        "SELECT id FROM application WHERE account_id = ?1 AND id > ?2 AND channel = 'desk'
           AND (state = 'queued' OR state = 'leased' OR state = 'armed' OR state = 'intent' OR state = 'submitted'
             OR state = 'verifying' OR state = 'unknown')
         ORDER BY id LIMIT ?3",
        values![person.account.as_str(), after.map_or("", QueueId::as_str), most],
        |row| row.parsed(0, QueueId::parse),
    )?;
    let cases = ids.iter().map(|id| find(tx, person, id));
    Ok(cases.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The application after time has had its way, and whether it is this person's.
fn now(
    tx: &Tx<'_>,
    person: &Person,
    id: &QueueId,
    timing: &Timing,
) -> Result<Option<(Application, Option<Who>, bool)>, Error> {
    if find(tx, person, id)?.is_none() {
        return Ok(None);
    }
    let has_ended = catch_up(tx, id, timing, |_| Dead::No)?.is_some_and(|changed| changed.has_ended);
    let Some(Case { application, person: who }) = find(tx, person, id)? else { return Ok(None) };
    let is_own = who.as_ref().is_some_and(|who| who.id == person.id);
    Ok(Some((Application { has_ended, ..application }, who, is_own)))
}

fn past(application: Application) -> Stop {
    Stop::Past(Box::new(application))
}

fn held(who: Option<Who>) -> Stop {
    who.map_or(Stop::NotClaimed, |who| Stop::HeldBy(who.name))
}

/// T2: takes an application for an hour. A repeat by the same person changes nothing.
///
/// # Errors
/// The store's.
pub fn claim(tx: &Tx<'_>, person: &Person, id: &QueueId, timing: &Timing) -> Result<Done, Error> {
    let Some((was, who, is_own)) = now(tx, person, id, timing)? else { return Ok(Err(Stop::Unknown)) };
    match was.progress.state {
        State::Queued => {}
        State::Leased | State::Armed | State::Intent | State::Verifying | State::Unknown if is_own => {
            return Ok(Ok(Box::new(was)));
        }
        State::Leased | State::Armed | State::Intent => return Ok(Err(held(who))),
        _ => return Ok(Err(past(was))),
    }
    if let Some(pause) = pause::of(tx, &person.account, Channel::Desk)? {
        return Ok(Err(Stop::Paused(pause)));
    }
    let event = Event::Claim { worker: person.id.as_str().to_owned() };
    let moved = step(tx, person, id, event, By::Sweeper, timing, Beside::default())?;
    if moved.is_ok() {
        tx.execute(
            "UPDATE application SET person_id = ?2 WHERE id = ?1",
            values![id.as_str(), person.id.as_str()],
        )?;
    }
    Ok(moved)
}

/// T4: hands a claim back before the declaration.
///
/// # Errors
/// The store's.
pub fn release(tx: &Tx<'_>, person: &Person, id: &QueueId, timing: &Timing) -> Result<Done, Error> {
    let Some((was, who, is_own)) = now(tx, person, id, timing)? else { return Ok(Err(Stop::Unknown)) };
    match was.progress.state {
        State::Leased | State::Armed if is_own => {
            let by = By::Worker(was.progress.epoch);
            step(tx, person, id, Event::HandBack { delay_ms: 0 }, by, timing, Beside::default())
        }
        State::Leased | State::Armed => Ok(Err(held(who))),
        State::Queued if is_own => Ok(Ok(Box::new(was))),
        State::Queued => Ok(Err(Stop::NotClaimed)),
        _ => Ok(Err(past(was))),
    }
}

/// T7, T8: "I am submitting now", of what the person has seen under this hash; it counts as the approval. A repeat by
/// the same person changes nothing. Limits of Connects are not checked: nobody can read the cost here.
///
/// # Errors
/// The store's.
pub fn declare(
    tx: &Tx<'_>,
    person: &Person,
    id: &QueueId,
    seen_sha256: &str,
    sha256: Option<&str>,
    timing: &Timing,
) -> Result<Done, Error> {
    let Some((was, who, is_own)) = now(tx, person, id, timing)? else { return Ok(Err(Stop::Unknown)) };
    match (was.progress.state, &was.progress.intent) {
        (State::Leased | State::Armed, _) if is_own => {}
        (State::Intent, Some(intent)) if is_own && intent.terms_sha256 == seen_sha256 => {
            return Ok(Ok(Box::new(was)));
        }
        (State::Intent, _) if is_own => return Ok(Err(Stop::Changed)),
        (State::Leased | State::Armed | State::Intent, _) => return Ok(Err(held(who))),
        (State::Queued, _) => return Ok(Err(Stop::NotClaimed)),
        _ => return Ok(Err(past(was))),
    }
    if meta::verify_only(tx)?.is_some() {
        return Ok(Err(Stop::VerifyOnly));
    }
    if let Some(pause) = pause::of(tx, &person.account, Channel::Desk)? {
        return Ok(Err(Stop::Paused(pause)));
    }
    if sha256 != Some(seen_sha256) {
        return Ok(Err(Stop::Changed));
    }
    let (by, hash) = (By::Worker(was.progress.epoch), seen_sha256.to_owned());
    if was.progress.state == State::Leased {
        let armed =
            step(tx, person, id, Event::Arm { terms_sha256: hash.clone() }, by, timing, Beside::default())?;
        if armed.is_err() {
            return Ok(armed);
        }
    }
    let letter = application::request(tx, id)?.and_then(|request| Hashes::of(&request).letter);
    let beside = Beside { letter_sha256: letter.as_deref(), ..Beside::default() };
    let crossed = step(tx, person, id, Event::Cross { terms_sha256: hash }, by, timing, beside)?;
    if crossed.is_ok() {
        approval::note_declared(tx, id, seen_sha256, &person.name)?;
    }
    Ok(crossed)
}

/// T5, T9 to T11, T17, T18: what came of it, by whoever declared it; that the site takes no proposal can be said of a
/// claim too. A repeat by the same person changes nothing.
///
/// # Errors
/// The store's.
pub fn record(
    tx: &Tx<'_>,
    person: &Person,
    id: &QueueId,
    outcome: &Outcome,
    timing: &Timing,
) -> Result<Done, Error> {
    let Some((was, who, is_own)) = now(tx, person, id, timing)? else { return Ok(Err(Stop::Unknown)) };
    let sender = was.progress.intent.as_ref().map(|intent| By::Sender(intent.epoch));
    match (was.progress.state, outcome, sender) {
        (State::Intent | State::Verifying | State::Unknown, Outcome::Submitted(link), Some(by)) if is_own => {
            let beside = Beside { proposal: link.as_deref(), ..Beside::default() };
            let moved = step(tx, person, id, Event::Accepted, by, timing, beside)?;
            match moved {
                Ok(now) if now.progress.state == State::Submitted => {
                    // No machine reads for the desk: whoever submitted has seen it there.
                    step(tx, person, id, Event::Seen { site_at: None }, By::Person, timing, beside)
                }
                moved => Ok(moved),
            }
        }
        (State::Intent | State::Verifying | State::Unknown, Outcome::Ended(ending), Some(by)) if is_own => {
            step(tx, person, id, Event::Declined(ending.clone()), by, timing, Beside::default())
        }
        (State::Leased | State::Armed, Outcome::Ended(ending), None)
            if is_own && ending.code != Code::NotSubmitted =>
        {
            let by = By::Worker(was.progress.epoch);
            step(tx, person, id, Event::End(ending.clone()), by, timing, Beside::default())
        }
        (State::Leased | State::Armed, ..) if is_own => Ok(Err(Stop::NotDeclared)),
        (State::Queued, ..) => Ok(Err(Stop::NotClaimed)),
        (State::Leased | State::Armed | State::Intent | State::Verifying | State::Unknown, ..) => {
            Ok(Err(held(who)))
        }
        _ if is_own && has_ended_so(&was, outcome) => Ok(Ok(Box::new(was))),
        _ => Ok(Err(past(was))),
    }
}

fn has_ended_so(was: &Application, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Submitted(_) => was.progress.state == State::Applied,
        Outcome::Ended(ending) => {
            // What was unknown before ends as not submitted, with the whole sentence as its reason.
            let corrected = Ending::because(Code::NotSubmitted, &ending.message);
            [&ending.message, &corrected.message].map(Some).contains(&was.progress.message.as_ref())
        }
    }
}

/// One step by a person, with the name in the timeline.
fn step(
    tx: &Tx<'_>,
    person: &Person,
    id: &QueueId,
    event: Event,
    by: By,
    timing: &Timing,
    more: Beside<'_>,
) -> Result<Done, Error> {
    let told = match &event {
        Event::Declined(ending) | Event::End(ending) => Some(ending.message.as_str()),
        _ => more.proposal,
    };
    let note = match told {
        Some(told) => format!("by {}: {told}", person.name),
        None => format!("by {}", person.name),
    };
    let beside = Beside { note: Some(&note), ..more };
    match advance(tx, id, event, by, timing, beside)? {
        Ok(now) => Ok(Ok(Box::new(now))),
        // Nothing comes between: whatever stands against it has changed the application before.
        Err(Refused::Lease | Refused::State | Refused::Time | Refused::Unread | Refused::Unapproved) => {
            let now = application::load(tx, id)?.ok_or_else(|| Error::Damaged(id.as_str().to_owned()))?;
            Ok(Err(past(now)))
        }
    }
}
