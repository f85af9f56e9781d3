//! Limits that differ from the table of the API, and what a key has used of a day.

use applyd_core::ids::{AccountId, KeyId};
use applyd_core::quota::{Endpoint, Limits};

use crate::tx::{Row, values};
use crate::{Error, Tx};

/// Sets the limits of an account for an endpoint.
///
/// # Errors
/// The store's.
pub fn set(tx: &Tx<'_>, account: &AccountId, endpoint: Endpoint, limits: Limits) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO rate_limit (account_id, endpoint, per_minute, per_day) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account_id, endpoint) DO UPDATE SET per_minute = excluded.per_minute, per_day = excluded.per_day",
        values![
            account.as_str(),
            endpoint.name(),
            i64::from(limits.per_minute),
            limits.per_day.map(i64::from)
        ],
    )?;
    Ok(())
}

/// Back to the table of the API; `false` when it was not set.
///
/// # Errors
/// The store's.
pub fn reset(tx: &Tx<'_>, account: &AccountId, endpoint: Endpoint) -> Result<bool, Error> {
    let gone = tx.execute(
        "DELETE FROM rate_limit WHERE account_id = ?1 AND endpoint = ?2",
        values![account.as_str(), endpoint.name()],
    )?;
    Ok(gone == 1)
}

/// What is set for an account: one row an endpoint at the most.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<(Endpoint, Limits)>, Error> {
    tx.all(
        "SELECT endpoint, per_minute, per_day FROM rate_limit WHERE account_id = ?1 ORDER BY endpoint",
        values![account.as_str()],
        |row| {
            let per_day = row.opt_int(2)?.map(count).transpose()?;
            Ok((row.parsed(0, Endpoint::parse)?, Limits { per_minute: count(row.int(1)?)?, per_day }))
        },
    )
}

/// What a key has used of a day, by endpoint.
///
/// # Errors
/// The store's.
pub fn used(tx: &Tx<'_>, key: &KeyId, day: i64) -> Result<Vec<(Endpoint, u32)>, Error> {
    tx.all(
        "SELECT endpoint, used FROM day_count WHERE key_id = ?1 AND day = ?2",
        values![key.as_str(), day],
        |row| Ok((row.parsed(0, Endpoint::parse)?, used_of(row, 1)?)),
    )
}

/// Adds to what a key has used of a day; answers the sum, which others may have added to as well.
///
/// # Errors
/// The store's.
pub fn add(tx: &Tx<'_>, key: &KeyId, endpoint: Endpoint, day: i64, more: u32) -> Result<u32, Error> {
    let of = values![key.as_str(), endpoint.name(), day, i64::from(more)];
    tx.execute(
        "INSERT INTO day_count (key_id, endpoint, day, used) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key_id, endpoint, day) DO UPDATE SET used = day_count.used + excluded.used",
        of,
    )?;
    let sum = tx.one(
        "SELECT used FROM day_count WHERE key_id = ?1 AND endpoint = ?2 AND day = ?3",
        &of[..3],
        |row| used_of(row, 0),
    )?;
    Ok(sum.unwrap_or(more))
}

/// Forgets the counts of days before this one.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>, day: i64) -> Result<usize, Error> {
    tx.execute("DELETE FROM day_count WHERE day < ?1", values![day])
}

fn used_of(row: &Row<'_>, at: usize) -> Result<u32, Error> {
    count(row.int(at)?)
}

fn count(number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::Damaged(number.to_string()))
}
