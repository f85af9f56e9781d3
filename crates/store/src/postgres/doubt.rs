//! A COMMIT whose answer is missing: was it made?
//!
//! Each group writes a mark of its own. To find out, the same mark is written once more: where it is there already the
//! group was committed; where it was not, it is there now and the group can never be committed any more, however late
//! its COMMIT arrives. A server's own word on a transaction's number would not do: after a failover the numbers are
//! given out again.

use std::time::{Duration, Instant};

use super::session::{Session, Trouble};

/// So long it is tried to find out.
const MOST_WAIT: Duration = Duration::from_secs(10);
const TRY_EVERY: Duration = Duration::from_millis(200);
/// Removes the marks that nobody can ask for any more; a statement of its own.
pub(super) const PURGE: &str = "DELETE FROM write_group \
     WHERE at < CAST(extract(epoch FROM clock_timestamp() - interval '1 hour') * 1000 AS BIGINT)";
const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

/// The statement that marks a group.
pub(super) fn mark(id: &str) -> String {
    format!("INSERT INTO write_group (id, fenced, at) VALUES ('{id}', 0, {NOW}); ")
}

/// Whether the group of this mark was committed, and lasts; `None`: it could not be found out.
pub(super) fn find_out(session: &mut Session, id: &str) -> Option<bool> {
    let begun = Instant::now();
    loop {
        session.leave();
        match asked(session, id) {
            Ok(Some(committed)) => {
                tracing::warn!(committed, "an answer to a commit was lost; it is known what became of it");
                return Some(committed);
            }
            Ok(None) => {}
            Err(trouble) => {
                let error = trouble.into_error();
                tracing::warn!(%error, "it cannot be found out yet whether a commit was made");
            }
        }
        if begun.elapsed() > MOST_WAIT {
            // It may stand in a transaction that failed; the next group must not find it so.
            session.leave();
            return None;
        }
        std::thread::sleep(TRY_EVERY);
    }
}

/// Its own commit, without a warning, says that all before it lasts too.
fn asked(session: &mut Session, id: &str) -> Result<Option<bool>, Trouble> {
    // A transaction that still stands in its COMMIT is waited for.
    let found = session.begin(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '3s'; \
         INSERT INTO write_group (id, fenced, at) VALUES ('{id}', 1, {NOW}) \
         ON CONFLICT (id) DO UPDATE SET at = excluded.at RETURNING fenced"
    ))?;
    session.take_warning();
    session.run("COMMIT")?;
    if session.take_warning() {
        return Ok(None);
    }
    Ok(found.first().map(|fenced| fenced == "0"))
}
