//! A person changes what an application asks for, while it waits for one: what was shown of it counts no more.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::state::State;
use applyd_core::terms::sha256_hex;
use applyd_core::time::Timing;
use serde_json::json;

use crate::application::{self, Application};
use crate::retention::Hashes;
use crate::tx::values;
use crate::{Error, Tx, approval, timeline};

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Revised {
    /// It stands; nobody has seen or approved it yet.
    Revised(Box<Application>),
    /// It is as it was: there was nothing to change.
    Same,
    /// There is no such application.
    Unknown,
    /// Somebody has changed it since it was read.
    Changed,
    /// A worker makes a preview of it at this moment.
    BeingShown,
    /// It does not wait for a person.
    Past(Box<Application>),
}

/// Puts `request`, which has been judged, in the place of the one whose SHA-256 is `seen`.
///
/// # Errors
/// The store's.
pub fn revise(
    tx: &Tx<'_>,
    account: &AccountId,
    id: &QueueId,
    seen: &str,
    request: &str,
    name: &str,
    timing: &Timing,
) -> Result<Revised, Error> {
    let found = application::load(tx, id)?.filter(|found| found.account == *account);
    let Some(found) = found else { return Ok(Revised::Unknown) };
    if found.progress.state != State::AwaitingApproval {
        return Ok(Revised::Past(Box::new(found)));
    }
    if found.progress.worker.is_some() {
        return Ok(Revised::BeingShown);
    }
    let was = application::request(tx, id)?.unwrap_or_default();
    if sha256_hex(was.as_bytes()) != seen {
        return Ok(Revised::Changed);
    }
    if was == request {
        return Ok(Revised::Same);
    }
    if found.progress.opened_until.is_some() {
        approval::close(tx, id, timing)?;
    }
    let (before, after) = (Hashes::of(&was), Hashes::of(request));
    tx.execute(
        // What was accepted is told by its hash from now on.
        "UPDATE application SET request = ?2, request_sha256 = coalesce(request_sha256, ?3),
           letter_sha256 = CASE WHEN request_sha256 IS NULL THEN ?4 ELSE letter_sha256 END, version = version + 1 WHERE id = ?1",
        values![id.as_str(), request, &before.request, before.letter.as_deref()],
    )?;
    let what = if before.letter == after.letter { "the terms" } else { "the letter" };
    let facts =
        json!({"act": "edited", "by": name, "requestSha256": after.request, "letterSha256": after.letter});
    timeline::testify(tx, id, "edited", &format!("by {name}: {what}"), facts)?;
    let damaged = || Error::Damaged(id.as_str().to_owned());
    Ok(Revised::Revised(Box::new(application::load(tx, id)?.ok_or_else(damaged)?)))
}
