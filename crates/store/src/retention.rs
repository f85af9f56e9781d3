//! What was written for a task, erased when the task is long over: upwork-mcp.md §9. Ids, times, hashes, codes and
//! people's own reasons stay, so that the audit tells the same before and after.
//!
//! Only what has ended is touched. What is under way, or of unknown outcome, needs its request and its evidence.

use applyd_core::ids::QueueId;
use applyd_core::outcome::{Code, Ending};
use applyd_core::terms::sha256_hex;
use applyd_wire::StatusAnswer;
use serde_json::Value;

use crate::tx::{Row, values};
use crate::{Error, Tx, letter};

mod wipe;

pub use wipe::Wipe;

/// How many one purge erases at most.
pub const PURGED_AT_ONCE: i64 = 100;

/// What is erased of one application.
struct Ended {
    id: QueueId,
    code: Option<Code>,
    request: String,
    ended_at: i64,
}

const ENDED: &str =
    "SELECT id, code, request, ended_at FROM application WHERE ended_at IS NOT NULL AND erased_at IS NULL";

/// Of a request as it arrived: what stays of it.
pub(crate) struct Hashes {
    pub(crate) request: String,
    /// `None`: it has no letter that could be read.
    pub(crate) letter: Option<String>,
}

impl Hashes {
    pub(crate) fn of(request: &str) -> Self {
        let members: Option<Value> = serde_json::from_str(request).ok();
        let text = members.as_ref().and_then(|members| members.get("coverLetter")?.as_str());
        Self { request: sha256_hex(request.as_bytes()), letter: text.map(letter::sha256) }
    }
}

/// Erases some of what ended so long ago; answers of how many applications.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>, kept_ms: i64) -> Result<usize, Error> {
    let ended = tx.all(
        &format!("{ENDED} AND ended_at <= ?1 ORDER BY ended_at LIMIT ?2"),
        values![tx.now().saturating_sub(kept_ms), PURGED_AT_ONCE],
        read,
    )?;
    for one in &ended {
        erase(tx, one)?;
    }
    Ok(ended.len())
}

/// Whether nothing of this application's request is needed any more.
///
/// # Errors
/// The store's.
pub fn is_erased(tx: &Tx<'_>, id: &QueueId) -> Result<bool, Error> {
    let erased = tx.one(
        "SELECT 1 FROM application WHERE id = ?1 AND erased_at IS NOT NULL",
        values![id.as_str()],
        |row| row.int(0),
    )?;
    Ok(erased.is_some())
}

fn read(row: &Row<'_>) -> Result<Ended, Error> {
    Ok(Ended {
        id: row.parsed(0, QueueId::parse)?,
        code: row.opt_parsed(1, Code::parse)?,
        request: row.text(2)?,
        ended_at: row.int(3)?,
    })
}

fn erase(tx: &Tx<'_>, ended: &Ended) -> Result<(), Error> {
    let (id, hashes) = (ended.id.as_str(), Hashes::of(&ended.request));
    let message = ended.code.map(|code| Ending::of(code).message);
    tx.execute(
        // Of one that a person has changed, the hashes of what was accepted stand already.
        "UPDATE application SET request = '', letter_sha256 = CASE WHEN request_sha256 IS NULL THEN ?3 ELSE letter_sha256 END,
           request_sha256 = coalesce(request_sha256, ?2), message = ?4, erased_at = ?5, version = version + 1 WHERE id = ?1",
        values![id, &hashes.request, hashes.letter.as_deref(), message.as_deref(), tx.now()],
    )?;
    // What a person or the caller's side has said is no content of the site.
    tx.execute(
        "UPDATE timeline SET detail = NULL WHERE application_id = ?1 AND detail IS NOT NULL
         AND (actor = 'worker' OR actor = 'reconciler' OR actor = 'sweeper')",
        values![id],
    )?;
    tx.execute(
        "UPDATE showing SET terms = NULL, remarks = NULL, failure = CASE WHEN failure IS NULL THEN NULL ELSE 'erased' END
         WHERE application_id = ?1",
        values![id],
    )?;
    erase_event(tx, ended, message)
}

/// The last event of each account outlives the others as a cursor, and a wipe is earlier than their purge. Only the one
/// of the end has words that are not ours; it was written with the end.
fn erase_event(tx: &Tx<'_>, ended: &Ended, message: Option<String>) -> Result<(), Error> {
    let event = tx.one(
        "SELECT id, data FROM event WHERE at = ?1 AND application_id = ?2",
        values![ended.ended_at, ended.id.as_str()],
        |row| Ok((row.text(0)?, row.parsed(1, |text| serde_json::from_str::<StatusAnswer>(text).ok())?)),
    )?;
    let Some((event, told)) = event else { return Ok(()) };
    let data = serde_json::to_string(&StatusAnswer { error_message: message, ..told });
    let data = data.map_err(|error| Error::Damaged(error.to_string()))?;
    tx.execute("UPDATE event SET data = ?2 WHERE id = ?1", values![&event, &data])?;
    Ok(())
}
