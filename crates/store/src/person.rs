//! People who act under their own name: only the SHA-256 of a token is kept.

use applyd_core::ids::{AccountId, PersonId, QueueId};
use applyd_core::quota::{Endpoint, Limits};
use applyd_core::role::Role;
use applyd_core::state::{By, Event};
use applyd_core::time::Timing;

use crate::application::Application;
use crate::queue::{Beside, advance};
use crate::tx::{Row, values};
use crate::{Error, Tx, rate_limit, session};

const MOST_PEOPLE: i64 = 1000;
/// What one person can hold back of a queue is less than this.
const MOST_CLAIMS: i64 = 10_000;

/// A person whose token is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Stands for the person in the store.
    pub id: PersonId,
    /// As others know them.
    pub name: String,
    /// The account that they work for.
    pub account: AccountId,
    /// Limits of the account that differ from the table of the API.
    pub limits: Vec<(Endpoint, Limits)>,
}

/// A person in a listing.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The person's id.
    pub id: PersonId,
    /// The name.
    pub name: String,
    /// The account's id.
    pub account: AccountId,
    /// What the person may do.
    pub role: Role,
    /// Added at.
    pub created_at: i64,
    /// From then on the token is nobody's.
    pub revoked_at: Option<i64>,
}

/// Who is to be added.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Id of the person to be.
    pub id: &'a PersonId,
    /// Unique among those who are not revoked.
    pub name: &'a str,
    /// The account that they work for.
    pub account: &'a AccountId,
    /// What the person may do.
    pub role: Role,
    /// Of the token.
    pub sha256: &'a [u8; 32],
}

/// Adds a person; `false` when somebody has that name.
///
/// # Errors
/// The store's.
pub fn add(tx: &Tx<'_>, new: New<'_>) -> Result<bool, Error> {
    let added = tx.execute(
        "INSERT INTO person (id, name, account_id, role, sha256, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING",
        values![
            new.id.as_str(),
            new.name,
            new.account.as_str(),
            new.role.as_str(),
            new.sha256.as_slice(),
            tx.now()
        ],
    )?;
    Ok(added == 1)
}

/// The person whose valid token has this hash; a viewer has no business at the desk.
///
/// # Errors
/// The store's.
pub fn at_desk(tx: &Tx<'_>, sha256: &[u8; 32]) -> Result<Option<Person>, Error> {
    let found = tx.one(
        "SELECT id, name, account_id FROM person WHERE sha256 = ?1 AND revoked_at IS NULL AND role <> 'viewer'",
        values![sha256.as_slice()],
        |row| {
            Ok(Person {
                id: row.parsed(0, PersonId::parse)?,
                name: row.text(1)?,
                account: row.parsed(2, AccountId::parse)?,
                limits: Vec::new(),
            })
        },
    )?;
    found.map(|found| Ok(Person { limits: rate_limit::list(tx, &found.account)?, ..found })).transpose()
}

/// The name of a person, revoked or not.
///
/// # Errors
/// The store's.
pub fn name(tx: &Tx<'_>, id: &PersonId) -> Result<Option<String>, Error> {
    tx.one("SELECT name FROM person WHERE id = ?1", values![id.as_str()], |row| row.text(0))
}

/// All people, newest first, up to 1000, revoked ones included.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>) -> Result<Vec<Listed>, Error> {
    tx.all(
        "SELECT id, name, account_id, role, created_at, revoked_at FROM person ORDER BY id DESC LIMIT ?1",
        values![MOST_PEOPLE],
        |row| {
            Ok(Listed {
                id: row.parsed(0, PersonId::parse)?,
                name: row.text(1)?,
                account: row.parsed(2, AccountId::parse)?,
                role: row.parsed(3, Role::parse)?,
                created_at: row.int(4)?,
                revoked_at: row.opt_int(5)?,
            })
        },
    )
}

/// The person of a name or an id who is not revoked, and the account that they work for.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, name_or_id: &str) -> Result<Option<(PersonId, AccountId)>, Error> {
    tx.one(
        "SELECT id, account_id FROM person WHERE (id = ?1 OR name = ?1) AND revoked_at IS NULL ORDER BY id = ?1 DESC LIMIT 1",
        values![name_or_id],
        |row| Ok((row.parsed(0, PersonId::parse)?, row.parsed(1, AccountId::parse)?)),
    )
}

/// Ends a person's token and sessions at once, by name or id, and hands back what they have claimed and not declared. What they
/// have declared stays theirs and is in doubt from now on: nobody is left to record it, so anybody who has looked may
/// resolve it. `None`: there is no such person.
///
/// # Errors
/// The store's.
pub fn revoke(tx: &Tx<'_>, name_or_id: &str, timing: &Timing) -> Result<Option<Vec<Application>>, Error> {
    let Some((id, _)) = find(tx, name_or_id)? else { return Ok(None) };
    session::end_all(tx, &id)?;
    tx.execute("UPDATE person SET revoked_at = ?2 WHERE id = ?1", values![id.as_str(), tx.now()])?;
    let held = tx.all(
        "SELECT id, state FROM application WHERE channel = 'desk' AND worker = ?1
         AND (state = 'leased' OR state = 'intent') LIMIT ?2",
        values![id.as_str(), MOST_CLAIMS],
        |row: &Row<'_>| Ok((row.parsed(0, QueueId::parse)?, row.text(1)? == "intent")),
    )?;
    let mut back = Vec::new();
    for (application, is_declared) in held {
        let beside = Beside { note: Some("the person was revoked"), ..Beside::default() };
        let event = if is_declared { Event::Doubt } else { Event::HandBack { delay_ms: 0 } };
        let moved = advance(tx, &application, event, By::Sweeper, timing, beside)?;
        back.extend(moved.ok().filter(|_| !is_declared));
    }
    Ok(Some(back))
}
