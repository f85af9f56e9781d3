//! Limits that differ from the table of the API, and what nodes have taken of the windows of each asker: a key or a
//! person, by its id.

use applyd_core::ids::AccountId;
use applyd_core::quota::{Endpoint, Limits, Portion, Wanted, Window};

use crate::tx::values;
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

/// Takes a portion of each of these windows for a node to spend; together nodes never take more than the limit.
///
/// # Errors
/// The store's.
pub fn take(tx: &Tx<'_>, asker: &str, endpoint: Endpoint, wants: &[Wanted]) -> Result<Vec<Portion>, Error> {
    wants.iter().map(|wanted| take_one(tx, asker, endpoint, *wanted)).collect()
}

fn take_one(tx: &Tx<'_>, asker: &str, endpoint: Endpoint, wanted: Wanted) -> Result<Portion, Error> {
    let usual = wanted.portion(0);
    if let Some(taken) = add(tx, asker, endpoint, wanted, usual.requests)? {
        return Ok(Portion { taken, ..usual });
    }
    let last = wanted.portion(taken(tx, asker, endpoint, wanted.window)?);
    if last.requests > 0 {
        add(tx, asker, endpoint, wanted, last.requests)?;
    }
    Ok(last)
}

/// Takes so many; answers what is taken then, and nothing where that would be more than the limit. No look at the row
/// before it: nodes that do so at once are in each other's way.
fn add(
    tx: &Tx<'_>,
    asker: &str,
    endpoint: Endpoint,
    wanted: Wanted,
    requests: u32,
) -> Result<Option<u32>, Error> {
    let Wanted { window, limit, .. } = wanted;
    tx.one(
        "INSERT INTO rate_window (asker, endpoint, period, ends_at_s, taken) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (asker, endpoint, period, ends_at_s) DO UPDATE SET taken = rate_window.taken + excluded.taken
         WHERE rate_window.taken + excluded.taken <= ?6 RETURNING taken",
        values![
            asker,
            endpoint.name(),
            window.period.as_str(),
            window.ends_at_s,
            i64::from(requests),
            i64::from(limit)
        ],
        |row| count(row.int(0)?),
    )
}

fn taken(tx: &Tx<'_>, asker: &str, endpoint: Endpoint, window: Window) -> Result<u32, Error> {
    let taken = tx.one(
        "SELECT taken FROM rate_window WHERE asker = ?1 AND endpoint = ?2 AND period = ?3 AND ends_at_s = ?4",
        values![asker, endpoint.name(), window.period.as_str(), window.ends_at_s],
        |row| count(row.int(0)?),
    )?;
    Ok(taken.unwrap_or(0))
}

/// Gives back what a node has taken and will not spend.
///
/// # Errors
/// The store's.
pub fn give_back(
    tx: &Tx<'_>,
    asker: &str,
    endpoint: Endpoint,
    window: Window,
    requests: u32,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE rate_window SET taken = taken - ?5
         WHERE asker = ?1 AND endpoint = ?2 AND period = ?3 AND ends_at_s = ?4 AND taken >= ?5",
        values![asker, endpoint.name(), window.period.as_str(), window.ends_at_s, i64::from(requests)],
    )?;
    Ok(())
}

/// Forgets those windows that ended first, if they have ended; answers how many.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>) -> Result<usize, Error> {
    tx.execute(
        "DELETE FROM rate_window WHERE ends_at_s < ?1 AND ends_at_s = (SELECT min(ends_at_s) FROM rate_window)",
        values![tx.now() / 1000],
    )
}

fn count(number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::Damaged(number.to_string()))
}
