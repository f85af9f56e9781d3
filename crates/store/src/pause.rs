//! The pause switch: while a pause stands, nothing in its scope is taken from the queue or submitted. Deadlines go on.

use std::fmt;

use applyd_core::ids::{AccountId, QueueId};

use crate::account::Channel;
use crate::tx::{Row, values};
use crate::{Error, Tx, timeline};

/// As many as are ever listed; one an account at the most, and a few more.
const MOST_PAUSES: i64 = 10_000;
/// Who a pause is by when the tools of a site are not what they were.
pub const DRIFT_GUARD: &str = "drift guard";
const ALL: &str = "all";
const CHANNEL: &str = "channel:";
const ACCOUNT: &str = "account:";

/// What a pause stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// The accounts of a channel.
    Channel(Channel),
    /// One account.
    Account(AccountId),
}

impl Scope {
    /// The scope of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == ALL {
            return Some(Self::All);
        }
        match name.strip_prefix(CHANNEL) {
            Some(channel) => Channel::parse(channel).map(Self::Channel),
            None => AccountId::parse(name.strip_prefix(ACCOUNT)?).map(Self::Account),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str(ALL),
            Self::Channel(channel) => write!(formatter, "{CHANNEL}{}", channel.as_str()),
            Self::Account(account) => write!(formatter, "{ACCOUNT}{account}"),
        }
    }
}

/// A pause that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What it stops.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub set_by: String,
    /// Since when.
    pub at: i64,
}

impl fmt::Display for Pause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "paused ({}) by {}: {}", self.scope, self.set_by, self.reason)
    }
}

fn read(row: &Row<'_>) -> Result<Pause, Error> {
    Ok(Pause {
        scope: row.parsed(0, Scope::parse)?,
        reason: row.text(1)?,
        set_by: row.text(2)?,
        at: row.int(3)?,
    })
}

/// The pause that stops an account of this channel, if one does; the oldest of several.
///
/// # Errors
/// The store's.
pub fn of(tx: &Tx<'_>, account: &AccountId, channel: Channel) -> Result<Option<Pause>, Error> {
    let (channel, account) =
        (Scope::Channel(channel).to_string(), Scope::Account(account.clone()).to_string());
    tx.one(
        "SELECT scope, reason, set_by, at FROM pause WHERE scope = ?1 OR scope = ?2 OR scope = ?3
         ORDER BY at, scope LIMIT 1",
        values![ALL, &channel, &account],
        read,
    )
}

/// The pause of exactly this scope.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, scope: &Scope) -> Result<Option<Pause>, Error> {
    let scope = scope.to_string();
    tx.one("SELECT scope, reason, set_by, at FROM pause WHERE scope = ?1", values![&scope], read)
}

/// All pauses, oldest first, up to 10,000.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>) -> Result<Vec<Pause>, Error> {
    tx.all(
        "SELECT scope, reason, set_by, at FROM pause ORDER BY at, scope LIMIT ?1",
        values![MOST_PAUSES],
        read,
    )
}

/// Pauses a scope, or gives its pause another reason. What waits from now on has it in its timeline.
///
/// # Errors
/// The store's.
pub fn set(tx: &Tx<'_>, scope: &Scope, reason: &str, set_by: &str) -> Result<Pause, Error> {
    let pause =
        Pause { scope: scope.clone(), reason: reason.to_owned(), set_by: set_by.to_owned(), at: tx.now() };
    tx.execute(
        "INSERT INTO pause (scope, reason, set_by, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason, set_by = excluded.set_by, at = excluded.at",
        values![&pause.scope.to_string(), reason, set_by, pause.at],
    )?;
    timeline::tell_unsent(tx, &pause)?;
    Ok(pause)
}

/// Ends the pause of exactly this scope; `false`: there was none.
///
/// # Errors
/// The store's.
pub fn lift(tx: &Tx<'_>, scope: &Scope) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM pause WHERE scope = ?1", values![&scope.to_string()])? == 1)
}

/// Writes into the timeline of what has just come to the queue that it waits because of a pause, if it does.
pub(crate) fn tell(tx: &Tx<'_>, id: &QueueId, account: &AccountId, channel: Channel) -> Result<(), Error> {
    match of(tx, account, channel)? {
        Some(pause) => timeline::tell_paused(tx, id, &pause),
        None => Ok(()),
    }
}
