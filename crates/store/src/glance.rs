//! What one account has at one moment, for its people: bounded reads by indexes, however much there is.

use applyd_core::connects::Limits;
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::state::{STATES, State};

use crate::account::{self, Account, Channel};
use crate::pause::{self, Pause, Scope};
use crate::tx::values;
use crate::{Error, Tx, budget};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days that are counted, with today.
pub const DAYS: usize = 14;
/// As many of the newest as percentiles are taken of.
pub const MOST_SETTLED: i64 = 10_000;
const MOST_LOGINS: i64 = 200;

/// What there is.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The account with its credits.
    pub account: Account,
    /// Accepted on each of the last days, oldest first, today last.
    pub days: Vec<Day>,
    /// How long what has ended within a day took, in milliseconds, rising; of the newest 10,000.
    pub settled_ms: Vec<i64>,
    /// What is under way, by state; and what is unknown.
    pub open: Vec<Open>,
    /// Connects that are spent, or may be, on this UTC day.
    pub connects_today: i64,
    /// The account's limits of Connects.
    pub limits: Limits,
    /// Logins of its freelancers; of the account as such in the sandbox.
    pub logins: Vec<Login>,
    /// Pauses that stop it.
    pub pauses: Vec<Pause>,
}

/// What was accepted on a UTC day, by the state it is in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its beginning.
    pub at: i64,
    /// Only states that there are.
    pub states: Vec<(State, i64)>,
}

/// Applications in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub state: State,
    /// How many.
    pub count: i64,
    /// When the oldest was accepted.
    pub since: i64,
}

/// The login of one freelancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Whose; `None`: the account as such.
    pub freelancer: Option<String>,
    /// How it is.
    pub health: Health,
}

/// How a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Linked,
    /// Renewing it has failed for the moment; it is tried again.
    Renewing,
    /// The site refuses it for good.
    Broken,
    /// There is none.
    Missing,
}

/// Looks. The days before today may be known from a moment ago: they are many, and change hardly any more.
///
/// # Errors
/// The store's.
pub fn read(tx: &Tx<'_>, id: &AccountId, known: Option<&[Day]>) -> Result<Glance, Error> {
    let account =
        account::find(tx, id.as_str())?.ok_or_else(|| Error::Damaged(format!("no account {id}")))?;
    let today = tx.now() - tx.now().rem_euclid(DAY_MS);
    let known = known.filter(|known| known.last().is_some_and(|last| last.at + DAY_MS == today));
    let past = match known {
        Some(known) => known.to_vec(),
        None => {
            let past = (1..DAYS as i64).rev().map(|ago| day(tx, id, today - ago * DAY_MS));
            past.collect::<Result<_, Error>>()?
        }
    };
    let days = past.into_iter().chain([day(tx, id, today)?]).collect();
    let limits = budget::list(tx, id)?.into_iter().find(|(key, _)| key.is_none());
    let limits = limits.map(|(_, limits)| limits).unwrap_or_default();
    let scopes = [Scope::All, Scope::Channel(account.channel), Scope::Account(id.clone())];
    let pauses = scopes.iter().filter_map(|scope| pause::find(tx, scope).transpose());
    Ok(Glance {
        days,
        settled_ms: settled(tx, id)?,
        open: open(tx, id)?,
        connects_today: budget::spent(tx, id, limits)?,
        limits,
        logins: logins(tx, &account)?,
        pauses: pauses.collect::<Result<_, Error>>()?,
        account,
    })
}

/// By the ids, which begin with the time.
fn day(tx: &Tx<'_>, account: &AccountId, at: i64) -> Result<Day, Error> {
    let (from, to) = (QueueId::new(at, 0), QueueId::new(at + DAY_MS, 0));
    let states = tx.all(
        "SELECT state, count(*) FROM application WHERE account_id = ?1 AND id >= ?2 AND id < ?3 GROUP BY state",
        values![account.as_str(), from.as_str(), to.as_str()],
        |row| Ok((row.parsed(0, State::parse)?, row.int(1)?)),
    )?;
    Ok(Day { at, states })
}

fn settled(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<i64>, Error> {
    let mut took = tx.all(
        "SELECT ended_at - accepted_at FROM application
         WHERE account_id = ?1 AND ended_at IS NOT NULL AND ended_at > ?2 ORDER BY ended_at DESC LIMIT ?3",
        values![account.as_str(), tx.now() - DAY_MS, MOST_SETTLED],
        |row| Ok(row.int(0)?.max(0)),
    )?;
    took.sort_unstable();
    Ok(took)
}

fn open(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Open>, Error> {
    let mut all = Vec::new();
    for state in STATES.into_iter().filter(|state| !state.is_terminal() || *state == State::Unknown) {
        let counted = tx.one(
            "SELECT count(*), min(id) FROM application WHERE account_id = ?1 AND state = ?2 AND ended_at IS NULL",
            values![account.as_str(), state.as_str()],
            |row| Ok((row.int(0)?, row.opt_parsed(1, QueueId::parse)?)),
        )?;
        let Some((count, Some(oldest))) = counted else { continue };
        let since =
            tx.one("SELECT accepted_at FROM application WHERE id = ?1", values![oldest.as_str()], |row| {
                row.int(0)
            })?;
        all.push(Open { state, count, since: since.unwrap_or_else(|| tx.now()) });
    }
    Ok(all)
}

fn logins(tx: &Tx<'_>, account: &Account) -> Result<Vec<Login>, Error> {
    let health = |grants: i64, dead: i64, failures: i64| match (grants, dead, failures) {
        (0, ..) => Health::Missing,
        (_, 1.., _) => Health::Broken,
        (_, 0, 1..) => Health::Renewing,
        _ => Health::Linked,
    };
    match account.channel {
        // Nobody logs in there by a machine.
        Channel::Desk => Ok(Vec::new()),
        Channel::Sandbox => tx.all(
            "SELECT 1, dead, failures FROM oauth_grant WHERE account_id = ?1 AND freelancer_id = '' LIMIT 1",
            values![account.id.as_str()],
            |row| Ok(Login { freelancer: None, health: health(row.int(0)?, row.int(1)?, row.int(2)?) }),
        ),
        Channel::Upwork => tx.all(
            "SELECT f.name, CASE WHEN g.account_id IS NULL THEN 0 ELSE 1 END, coalesce(g.dead, 0), coalesce(g.failures, 0)
             FROM freelancer f
             LEFT JOIN oauth_grant g ON g.account_id = f.account_id AND g.freelancer_id = f.id
             WHERE f.account_id = ?1 ORDER BY f.position LIMIT ?2",
            values![account.id.as_str(), MOST_LOGINS],
            |row| {
                let health = health(row.int(1)?, row.int(2)?, row.int(3)?);
                Ok(Login { freelancer: Some(row.text(0)?), health })
            },
        ),
    }
}
