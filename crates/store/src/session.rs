//! Who is signed in to the dashboard: only the SHA-256 of a token is kept.

use applyd_core::ids::{AccountId, PersonId};
use applyd_core::role::Role;
use applyd_core::sign_in::{IDLE_MS, PREVIOUS_LIVES_MS, SESSION_LIVES_MS};

use crate::account::{self, Account};
use crate::tx::{Value, values};
use crate::{Error, Tx};

/// Of one person; the next one ends the oldest.
const MOST_SESSIONS: i64 = 20;
/// How many one purge forgets at most.
pub const PURGED_AT_ONCE: i64 = 1000;

type Sha256 = [u8; 32];

/// A session that stands.
#[derive(Debug, Clone)]
pub struct Session {
    /// Stands for it in the store.
    pub id: i64,
    /// Whose it is.
    pub person: PersonId,
    /// As others know that person.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The account that they work for, and see.
    pub account: Account,
    /// What its forms carry.
    pub csrf: String,
    /// It was found by the token before the present one.
    pub is_previous: bool,
    /// Its token is of then.
    pub rotated_at: i64,
    /// It was last seen to be used then.
    pub seen_at: i64,
}

/// Begins one.
///
/// # Errors
/// The store's.
pub fn begin(tx: &Tx<'_>, person: &PersonId, sha256: &Sha256, csrf: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO session (person_id, sha256, csrf, created_at, rotated_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?4, ?4)",
        values![person.as_str(), sha256.as_slice(), csrf, tx.now()],
    )?;
    tx.execute(
        "DELETE FROM session WHERE person_id = ?1
         AND id NOT IN (SELECT id FROM session WHERE person_id = ?1 ORDER BY id DESC LIMIT ?2)",
        values![person.as_str(), MOST_SESSIONS],
    )?;
    Ok(())
}

/// The session that a token with this hash is good for, if that person is not revoked.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, sha256: &Sha256) -> Result<Option<Session>, Error> {
    let (idle, begun) = (tx.now() - IDLE_MS, tx.now() - SESSION_LIVES_MS);
    let found = read(tx, "s.sha256 = ?1", values![sha256.as_slice(), idle, begun])?;
    if found.is_some() {
        return Ok(found);
    }
    let replaced = tx.now() - PREVIOUS_LIVES_MS;
    let by = "s.previous_sha256 = ?1 AND s.rotated_at > ?4";
    let found = read(tx, by, values![sha256.as_slice(), idle, begun, replaced])?;
    Ok(found.map(|found| Session { is_previous: true, ..found }))
}

fn read(tx: &Tx<'_>, by: &str, values: &[Value<'_>]) -> Result<Option<Session>, Error> {
    let sql = format!(
        "SELECT s.id, s.person_id, p.name, p.role, p.account_id, s.csrf, s.rotated_at, s.seen_at
         FROM session s JOIN person p ON p.id = s.person_id
         WHERE {by} AND p.revoked_at IS NULL AND s.seen_at > ?2 AND s.created_at > ?3"
    );
    let found = tx.one(&sql, values, |row| {
        let person = (row.parsed(1, PersonId::parse)?, row.text(2)?, row.parsed(3, Role::parse)?);
        Ok((row.int(0)?, person, row.parsed(4, AccountId::parse)?, row.text(5)?, row.int(6)?, row.int(7)?))
    })?;
    let Some((id, (person, name, role), account, csrf, rotated_at, seen_at)) = found else { return Ok(None) };
    let Some(account) = account::find(tx, account.as_str())? else {
        return Err(Error::Damaged(account.to_string()));
    };
    Ok(Some(Session { id, person, name, role, account, csrf, is_previous: false, rotated_at, seen_at }))
}

/// Whether a session stands.
///
/// # Errors
/// The store's.
pub fn stands(tx: &Tx<'_>, id: i64) -> Result<bool, Error> {
    let found = tx.one(
        "SELECT 1 FROM session s JOIN person p ON p.id = s.person_id
         WHERE s.id = ?1 AND p.revoked_at IS NULL AND s.seen_at > ?2 AND s.created_at > ?3",
        values![id, tx.now() - IDLE_MS, tx.now() - SESSION_LIVES_MS],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Gives a session another token in the place of this one; `false`: somebody else has, or it is over.
///
/// # Errors
/// The store's.
pub fn rotate(tx: &Tx<'_>, sha256: &Sha256, next: &Sha256) -> Result<bool, Error> {
    let rotated = tx.execute(
        "UPDATE session SET sha256 = ?2, previous_sha256 = ?1, rotated_at = ?3, seen_at = ?3 WHERE sha256 = ?1",
        values![sha256.as_slice(), next.as_slice(), tx.now()],
    )?;
    Ok(rotated == 1)
}

/// Writes down that a session is used.
///
/// # Errors
/// The store's.
pub fn saw(tx: &Tx<'_>, id: i64) -> Result<(), Error> {
    tx.execute("UPDATE session SET seen_at = ?2 WHERE id = ?1", values![id, tx.now()])?;
    Ok(())
}

/// Ends one.
///
/// # Errors
/// The store's.
pub fn end(tx: &Tx<'_>, id: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM session WHERE id = ?1", values![id])?;
    Ok(())
}

/// Ends all of a person, and the links that would begin another; answers how many sessions there were.
///
/// # Errors
/// The store's.
pub fn end_all(tx: &Tx<'_>, person: &PersonId) -> Result<usize, Error> {
    tx.execute("DELETE FROM sign_in_link WHERE person_id = ?1", values![person.as_str()])?;
    tx.execute("DELETE FROM session WHERE person_id = ?1", values![person.as_str()])
}

/// Forgets some that are over; answers how many.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>) -> Result<usize, Error> {
    tx.execute(
        "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE seen_at <= ?1 ORDER BY seen_at LIMIT ?2)",
        values![tx.now() - IDLE_MS, PURGED_AT_ONCE],
    )
}
