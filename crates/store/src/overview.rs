//! Sums over all accounts, for the operator's numbers.

use applyd_core::state::State;

use crate::tx::values;
use crate::{Error, Tx};

/// What there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// By name of the state: each one in which time may still bring a change.
    pub under_way: Vec<(&'static str, UnderWay)>,
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

const STATES: [State; 7] = [
    State::Queued,
    State::Leased,
    State::Armed,
    State::Intent,
    State::Submitted,
    State::Verifying,
    State::Unknown,
];

/// Looks at what is under way, by its index, and at all balances.
///
/// # Errors
/// The store's.
pub fn read(tx: &Tx<'_>) -> Result<Overview, Error> {
    let found = tx.all(
        "SELECT state, count(*), min(accepted_at) FROM application WHERE due_at IS NOT NULL GROUP BY state",
        values![],
        |row| Ok((row.parsed(0, State::parse)?, row.int(1)?, row.int(2)?)),
    )?;
    let under_way = STATES.map(|state| {
        let of_state = found.iter().find(|(found, ..)| *found == state);
        let under_way = of_state
            .map(|(_, count, since)| UnderWay { count: *count, oldest_ms: (tx.now() - since).max(0) });
        (state.as_str(), under_way.unwrap_or_default())
    });
    let sums = tx.one(
        "SELECT coalesce(sum(available), 0), coalesce(sum(held), 0), coalesce(sum(spent), 0) FROM account",
        values![],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    let (available, held, spent) = sums.unwrap_or_default();
    Ok(Overview { under_way: under_way.to_vec(), available, held, spent })
}
