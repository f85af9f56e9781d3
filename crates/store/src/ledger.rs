//! The ledger: append-only rows, and the balance they make, changed in the same transaction.

use std::collections::BTreeMap;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::ledger::{Balance, Entry, Expected, Kind, verify as law};
use applyd_core::outcome::Code;
use applyd_core::state::State;

use crate::account;
use crate::tx::values;
use crate::{Error, Tx};

/// What a check of the whole ledger found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Accounts looked at.
    pub accounts: usize,
    /// Applications looked at.
    pub applications: usize,
    /// One sentence for each violation.
    pub violations: Vec<String>,
}

/// Appends an entry and moves the balance, and answers the new one; `None` when there is not enough.
///
/// # Errors
/// The store's; a second hold or settlement breaks a rule of the schema.
pub fn post(
    tx: &Tx<'_>,
    account: &AccountId,
    application: Option<&QueueId>,
    kind: Kind,
    amount: i64,
) -> Result<Option<Balance>, Error> {
    if !transfer(tx, account, application, kind, amount)? {
        return Ok(None);
    }
    Ok(account::find(tx, account.as_str())?.map(|account| account.balance))
}

/// The same without reading the balance: whether there was enough.
pub(crate) fn transfer(
    tx: &Tx<'_>,
    account: &AccountId,
    application: Option<&QueueId>,
    kind: Kind,
    amount: i64,
) -> Result<bool, Error> {
    let moves = kind.moves(amount);
    // An application is accepted with its one hold.
    let accepted = i64::from(kind == Kind::Hold);
    let moved = tx.execute(
        "UPDATE account SET available = available + ?2, held = held + ?3, spent = spent + ?4,
           applications = applications + ?5
         WHERE id = ?1 AND available + ?2 >= 0 AND held + ?3 >= 0",
        values![account.as_str(), moves.available, moves.held, moves.spent, accepted],
    )?;
    if moved == 1 {
        tx.execute(
            "INSERT INTO ledger_entry (account_id, application_id, kind, amount, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            values![account.as_str(), application.map(QueueId::as_str), kind.as_str(), amount, tx.now()],
        )?;
    }
    Ok(moved == 1)
}

/// Checks every entry against the balances and the applications.
///
/// # Errors
/// The store's.
pub fn verify(tx: &Tx<'_>) -> Result<Report, Error> {
    let entries = tx.all(
        "SELECT account_id, application_id, kind, amount FROM ledger_entry ORDER BY seq",
        values![],
        |row| {
            Ok(Entry {
                account: row.text(0)?,
                application: row.opt_text(1)?,
                kind: row.parsed(2, Kind::parse)?,
                amount: row.int(3)?,
            })
        },
    )?;
    let balances = account::balances(tx)?;
    let applications: BTreeMap<String, Expected> = tx
        .all("SELECT id, state, code FROM application", values![], |row| {
            let state = row.parsed(1, State::parse)?;
            let code = row.opt_parsed(2, Code::parse)?;
            Ok((row.text(0)?, expected(state, code)))
        })?
        .into_iter()
        .collect();
    let violations = law(&entries, &balances, &applications);
    Ok(Report { accounts: balances.len(), applications: applications.len(), violations })
}

fn expected(state: State, code: Option<Code>) -> Expected {
    match (state, code) {
        (State::Applied, _) => Expected::Captured,
        (State::Failed, Some(Code::Unresolved)) => Expected::WrittenOff,
        (State::Unknown, _) => Expected::Held,
        (state, _) if state.is_terminal() => Expected::Released,
        _ => Expected::Held,
    }
}
