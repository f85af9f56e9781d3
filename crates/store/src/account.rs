//! Accounts and their balances.

use std::collections::BTreeMap;

use applyd_core::approval::Policy;
use applyd_core::ids::AccountId;
use applyd_core::ledger::Balance;

use crate::tx::{Row, values};
use crate::{Error, Tx};

const MOST_ACCOUNTS: i64 = 10_000;

/// Where an account's applications are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The stand-in marketplace.
    Sandbox,
    /// Upwork's own server.
    Upwork,
    /// A person at the desk.
    Desk,
}

impl Channel {
    /// The name in the store and in commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Upwork => "upwork",
            Self::Desk => "desk",
        }
    }

    /// The channel of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sandbox, Self::Upwork, Self::Desk].into_iter().find(|channel| channel.as_str() == name)
    }
}

/// An agency's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its unique name.
    pub name: String,
    /// Where it submits.
    pub channel: Channel,
    /// Its credits.
    pub balance: Balance,
    /// Who must approve, where that is not what the channel takes.
    pub approval: Option<Policy>,
    /// How many people must.
    pub approvers: i64,
}

const COLUMNS: &str = "id, name, channel, available, held, spent, approval, approvers";

fn read(row: &Row<'_>) -> Result<Account, Error> {
    Ok(Account {
        id: row.parsed(0, AccountId::parse)?,
        name: row.text(1)?,
        channel: row.parsed(2, Channel::parse)?,
        balance: Balance { available: row.int(3)?, held: row.int(4)?, spent: row.int(5)? },
        approval: row.opt_parsed(6, Policy::parse)?,
        approvers: row.int(7)?,
    })
}

/// Adds an account without credits; `false` when the name is taken.
///
/// # Errors
/// The store's.
pub fn create(tx: &Tx<'_>, id: &AccountId, name: &str, channel: Channel) -> Result<bool, Error> {
    let added = tx.execute(
        "INSERT INTO account (id, name, channel, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING",
        values![id.as_str(), name, channel.as_str(), tx.now()],
    )?;
    Ok(added == 1)
}

/// The account of a name or an id.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, name_or_id: &str) -> Result<Option<Account>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC");
    tx.one(&sql, values![name_or_id], read)
}

/// Sets who must approve an account's applications, and how many people.
///
/// # Errors
/// The store's.
pub fn set_approval(
    tx: &Tx<'_>,
    id: &AccountId,
    policy: Option<Policy>,
    approvers: i64,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE account SET approval = ?2, approvers = ?3 WHERE id = ?1",
        values![id.as_str(), policy.map(Policy::as_str), approvers],
    )?;
    Ok(())
}

/// How many different people must approve one application.
///
/// # Errors
/// The store's.
pub fn approvers(tx: &Tx<'_>, id: &AccountId) -> Result<i64, Error> {
    let needed =
        tx.one("SELECT approvers FROM account WHERE id = ?1", values![id.as_str()], |row| row.int(0))?;
    Ok(needed.unwrap_or(1))
}

/// All accounts, oldest first, up to 10,000.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>) -> Result<Vec<Account>, Error> {
    tx.all(&format!("SELECT {COLUMNS} FROM account ORDER BY id LIMIT ?1"), values![MOST_ACCOUNTS], read)
}

/// All balances by account id.
pub(crate) fn balances(tx: &Tx<'_>) -> Result<BTreeMap<String, Balance>, Error> {
    let rows = tx.all("SELECT id, available, held, spent FROM account", values![], |row| {
        Ok((row.text(0)?, Balance { available: row.int(1)?, held: row.int(2)?, spent: row.int(3)? }))
    })?;
    Ok(rows.into_iter().collect())
}
