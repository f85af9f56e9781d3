//! Sums over all accounts, for the operator's numbers.

use applyd_core::state::{STATES, State};

use crate::pause::DRIFT_GUARD;
use crate::tx::values;
use crate::{Error, Tx, meta};

/// What there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// By name of the state: each one in which time may still bring a change.
    pub under_way: Vec<(&'static str, UnderWay)>,
    /// Since time alone should have changed the first of them, in milliseconds.
    pub overdue_ms: i64,
    /// Deliveries to webhooks that wait; those at webhooks that are off, or gone, do not.
    pub deliveries: Backlog,
    /// Webhooks that are off because nothing worked there.
    pub given_up: i64,
    /// Pauses that stand, by what they stop: all, a channel, an account.
    pub pauses: [(&'static str, i64); 3],
    /// Pauses that stand because the tools of a site have changed.
    pub drifted: i64,
    /// Whether nothing is submitted until the operator has looked.
    pub verifies_only: bool,
    /// Credits that can be held.
    pub available: i64,
    /// Credits that are held.
    pub held: i64,
    /// Credits that were captured.
    pub spent: i64,
}

/// Applications in one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// How many.
    pub count: i64,
    /// Since the oldest was accepted, in milliseconds.
    pub oldest_ms: i64,
}

/// Deliveries that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub count: i64,
    /// For how long the first of them could have been attempted by now, in milliseconds.
    pub late_ms: i64,
}

/// Looks at what is under way, by its index, and at all balances.
///
/// # Errors
/// The store's.
pub fn read(tx: &Tx<'_>) -> Result<Overview, Error> {
    let found = tx.all(
        "SELECT state, count(*), min(accepted_at), min(due_at) FROM application WHERE due_at IS NOT NULL GROUP BY state",
        values![],
        |row| Ok((row.parsed(0, State::parse)?, row.int(1)?, row.int(2)?, row.int(3)?)),
    )?;
    let is_open = |state: &State| !state.is_terminal() || *state == State::Unknown;
    let under_way = STATES.into_iter().filter(is_open).map(|state| {
        let of_state = found.iter().find(|(found, ..)| *found == state);
        let under_way = of_state
            .map(|(_, count, since, _)| UnderWay { count: *count, oldest_ms: (tx.now() - since).max(0) });
        (state.as_str(), under_way.unwrap_or_default())
    });
    let overdue_ms = found.iter().map(|(.., due)| (tx.now() - due).max(0)).max().unwrap_or(0);
    let waiting = tx.one(
        "SELECT count(*) FROM delivery d JOIN webhook w ON w.id = d.webhook_id
         WHERE d.state = 'pending' AND w.disabled_at IS NULL",
        values![],
        |row| row.int(0),
    )?;
    let first =
        tx.one("SELECT min(due_at) FROM webhook WHERE due_at IS NOT NULL", values![], |row| row.opt_int(0))?;
    let late_ms = first.flatten().map_or(0, |first| (tx.now() - first).max(0));
    let given_up =
        tx.one("SELECT count(*) FROM webhook WHERE disabled_reason = 'failing'", values![], |row| {
            row.int(0)
        })?;
    let pauses = tx.one(
        "SELECT count(CASE WHEN scope = 'all' THEN 1 END), count(CASE WHEN scope LIKE 'channel:%' THEN 1 END),
           count(CASE WHEN scope LIKE 'account:%' THEN 1 END) FROM pause",
        values![],
        |row| Ok([("all", row.int(0)?), ("channel", row.int(1)?), ("account", row.int(2)?)]),
    )?;
    let drifted =
        tx.one("SELECT count(*) FROM pause WHERE set_by = ?1", values![DRIFT_GUARD], |row| row.int(0))?;
    let sums = tx.one(
        "SELECT CAST(coalesce(sum(available), 0) AS BIGINT), CAST(coalesce(sum(held), 0) AS BIGINT),
           CAST(coalesce(sum(spent), 0) AS BIGINT) FROM account",
        values![],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    let (available, held, spent) = sums.unwrap_or_default();
    Ok(Overview {
        under_way: under_way.collect(),
        overdue_ms,
        deliveries: Backlog { count: waiting.unwrap_or(0), late_ms },
        given_up: given_up.unwrap_or(0),
        pauses: pauses.unwrap_or_default(),
        drifted: drifted.unwrap_or(0),
        verifies_only: meta::verify_only(tx)?.is_some(),
        available,
        held,
        spent,
    })
}
