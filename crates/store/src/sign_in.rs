//! Ways into the dashboard: one-time links and passwords, and how often one may be wrong.

use applyd_core::ids::PersonId;
use applyd_core::sign_in::{
    LINK_LIVES_MS, MOST_WRONG_OF_ADDRESS, MOST_WRONG_OF_NAME, WRONG_COUNTS_MS, wait_until,
};

use crate::session::PURGED_AT_ONCE;
use crate::tx::values;
use crate::{Error, Tx};

/// As many attempts as are ever looked at.
const MOST_ATTEMPTS: i64 = 100;

/// Makes a link for a person, known by the hash of its token.
///
/// # Errors
/// The store's.
pub fn make_link(tx: &Tx<'_>, person: &PersonId, sha256: &[u8; 32]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO sign_in_link (sha256, person_id, expires_at) VALUES (?1, ?2, ?3)",
        values![sha256.as_slice(), person.as_str(), tx.now() + LINK_LIVES_MS],
    )?;
    Ok(())
}

/// Whose link this is, and that person's name, while it is good; it stays so.
///
/// # Errors
/// The store's.
pub fn look_at_link(tx: &Tx<'_>, sha256: &[u8; 32]) -> Result<Option<(PersonId, String)>, Error> {
    tx.one(
        "SELECT p.id, p.name FROM sign_in_link l JOIN person p ON p.id = l.person_id
         WHERE l.sha256 = ?1 AND l.expires_at > ?2 AND p.revoked_at IS NULL",
        values![sha256.as_slice(), tx.now()],
        |row| Ok((row.parsed(0, PersonId::parse)?, row.text(1)?)),
    )
}

/// The same, and it was its last use.
///
/// # Errors
/// The store's.
pub fn use_link(tx: &Tx<'_>, sha256: &[u8; 32]) -> Result<Option<(PersonId, String)>, Error> {
    let found = look_at_link(tx, sha256)?;
    let used = tx.execute("DELETE FROM sign_in_link WHERE sha256 = ?1", values![sha256.as_slice()])?;
    Ok(found.filter(|_| used == 1))
}

/// Sets the hash of a person's password.
///
/// # Errors
/// The store's.
pub fn set_password(tx: &Tx<'_>, person: &PersonId, hash: &str) -> Result<(), Error> {
    tx.execute("UPDATE person SET password = ?2 WHERE id = ?1", values![person.as_str(), hash])?;
    Ok(())
}

/// A password that is to be looked at.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// It counts as wrong until [`right`] says otherwise: many at once are no way around the count. With whom it is
    /// said to be of, and the hash of that person's password, if there are such.
    Counted(Option<(PersonId, String)>),
    /// Too many were wrong: until then nothing is looked at.
    Wait(i64),
}

/// Counts an attempt to sign in.
///
/// # Errors
/// The store's.
pub fn attempt(tx: &Tx<'_>, name: &str, address: &str) -> Result<Attempt, Error> {
    let of_name = wrong(tx, "name", name)?;
    let of_address = wrong(tx, "address", address)?;
    let waits = [
        wait_until(&of_name, MOST_WRONG_OF_NAME, tx.now()),
        wait_until(&of_address, MOST_WRONG_OF_ADDRESS, tx.now()),
    ];
    if let Some(until) = waits.into_iter().flatten().max() {
        return Ok(Attempt::Wait(until));
    }
    tx.execute(
        "INSERT INTO sign_in_attempt (name, address, at) VALUES (?1, ?2, ?3)",
        values![name, address, tx.now()],
    )?;
    let found = tx.one(
        "SELECT id, password FROM person WHERE name = ?1 AND revoked_at IS NULL AND password IS NOT NULL",
        values![name],
        |row| Ok((row.parsed(0, PersonId::parse)?, row.text(1)?)),
    )?;
    Ok(Attempt::Counted(found))
}

/// Times of what was wrong and still counts, oldest first.
fn wrong(tx: &Tx<'_>, column: &str, of: &str) -> Result<Vec<i64>, Error> {
    let mut newest = tx.all(
        &format!("SELECT at FROM sign_in_attempt WHERE {column} = ?1 AND at > ?2 ORDER BY at DESC LIMIT ?3"),
        values![of, tx.now() - WRONG_COUNTS_MS, MOST_ATTEMPTS],
        |row| row.int(0),
    )?;
    newest.reverse();
    Ok(newest)
}

/// A password was right: what was wrong before is forgotten, of this name only.
///
/// # Errors
/// The store's.
pub fn right(tx: &Tx<'_>, name: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM sign_in_attempt WHERE name = ?1", values![name])?;
    Ok(())
}

/// Forgets some links and attempts that are over; answers how many.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>) -> Result<usize, Error> {
    let links = tx.execute(
        "DELETE FROM sign_in_link WHERE sha256 IN
           (SELECT sha256 FROM sign_in_link WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        values![tx.now(), PURGED_AT_ONCE],
    )?;
    let attempts = tx.execute(
        "DELETE FROM sign_in_attempt WHERE id IN
           (SELECT id FROM sign_in_attempt WHERE at <= ?1 ORDER BY at LIMIT ?2)",
        values![tx.now() - WRONG_COUNTS_MS, PURGED_AT_ONCE],
    )?;
    Ok(links + attempts)
}
