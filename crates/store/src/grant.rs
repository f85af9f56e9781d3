//! Grants of persons; tokens are sealed before they come here.

use std::fmt;

use applyd_core::ids::AccountId;

use crate::tx::{Row, values};
use crate::{Error, Tx};

/// Longest list.
const MOST_GRANTS: i64 = 10_000;

/// Whose grant: a person's, or an account's as such.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grantee {
    /// The account.
    pub account: AccountId,
    /// Its freelancer; none in the sandbox, which knows no persons.
    pub freelancer: Option<String>,
}

impl Grantee {
    /// The account as such.
    #[must_use]
    pub fn of_account(account: AccountId) -> Self {
        Self { account, freelancer: None }
    }

    pub(crate) fn freelancer_id(&self) -> &str {
        self.freelancer.as_deref().unwrap_or_default()
    }
}

/// `account` or `account/freelancer`.
impl fmt::Display for Grantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.freelancer {
            None => self.account.fmt(formatter),
            Some(freelancer) => write!(formatter, "{}/{freelancer}", self.account),
        }
    }
}

/// What was granted.
#[derive(Debug, Clone)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// The MCP endpoint it is for.
    pub endpoint: String,
    /// The organisation, once it was read from the site.
    pub org_uid: Option<String>,
    /// The OAuth client that got it.
    pub client_id: String,
    /// Access and refresh token, sealed.
    pub sealed: Vec<u8>,
    /// Which pair of tokens this is; the store counts.
    pub pair: i64,
    /// End of the access token, Unix milliseconds.
    pub expires_at: i64,
    /// The site refuses it for good.
    pub dead: bool,
    /// A refresh may be tried again from then on, Unix milliseconds.
    pub retry_at: Option<i64>,
}

const COLUMNS: &str =
    "account_id, freelancer_id, endpoint, org_uid, client_id, sealed, pair, expires_at, dead, retry_at";

fn read(row: &Row<'_>) -> Result<Grant, Error> {
    let account = row.parsed(0, AccountId::parse)?;
    let freelancer = Some(row.text(1)?).filter(|freelancer| !freelancer.is_empty());
    Ok(Grant {
        grantee: Grantee { account, freelancer },
        endpoint: row.text(2)?,
        org_uid: row.opt_text(3)?,
        client_id: row.text(4)?,
        sealed: row.bytes(5)?,
        pair: row.int(6)?,
        expires_at: row.int(7)?,
        dead: row.flag(8)?,
        retry_at: row.opt_int(9)?,
    })
}

/// The grant of somebody.
///
/// # Errors
/// The store's.
pub fn load(tx: &Tx<'_>, grantee: &Grantee) -> Result<Option<Grant>, Error> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM oauth_grant WHERE account_id = ?1 AND freelancer_id = ?2"),
        values![grantee.account.as_str(), grantee.freelancer_id()],
        read,
    )
}

/// Somebody whose grant for an endpoint is not known to be dead.
///
/// # Errors
/// The store's.
pub fn first_alive(tx: &Tx<'_>, endpoint: &str) -> Result<Option<Grantee>, Error> {
    let found = tx.one(
        &format!(
            "SELECT {COLUMNS} FROM oauth_grant WHERE endpoint = ?1 AND dead = 0
             ORDER BY account_id, freelancer_id LIMIT 1"
        ),
        values![endpoint],
        read,
    )?;
    Ok(found.map(|grant| grant.grantee))
}

/// All grants of an account's persons.
///
/// # Errors
/// The store's.
pub fn of_persons(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Grant>, Error> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM oauth_grant WHERE account_id = ?1 AND freelancer_id <> ''
             ORDER BY freelancer_id LIMIT ?2"
        ),
        values![account.as_str(), MOST_GRANTS],
        read,
    )
}

/// Whether anything was granted by a person: that cannot be got anew without one.
///
/// # Errors
/// The store's.
pub fn is_any_of_a_person(tx: &Tx<'_>) -> Result<bool, Error> {
    let found =
        tx.one("SELECT 1 FROM oauth_grant WHERE freelancer_id <> '' LIMIT 1", values![], |row| row.int(0))?;
    Ok(found.is_some())
}

/// The account, other than this one, whose persons act in an organisation.
///
/// # Errors
/// The store's.
pub fn other_owner(
    tx: &Tx<'_>,
    account: &AccountId,
    endpoint: &str,
    org_uid: &str,
) -> Result<Option<AccountId>, Error> {
    tx.one(
        "SELECT account_id FROM oauth_grant
         WHERE endpoint = ?1 AND org_uid = ?2 AND freelancer_id <> '' AND account_id <> ?3 LIMIT 1",
        values![endpoint, org_uid, account.as_str()],
        |row| row.parsed(0, AccountId::parse),
    )
}

/// Writes a new grant, in the place of an earlier one.
///
/// # Errors
/// The store's.
pub fn save(tx: &Tx<'_>, grant: &Grant) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO oauth_grant
           (account_id, freelancer_id, endpoint, org_uid, client_id, sealed, pair, expires_at, dead, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?9, ?7, ?8, ?9)
         ON CONFLICT (account_id, freelancer_id) DO UPDATE SET endpoint = excluded.endpoint,
           org_uid = excluded.org_uid, client_id = excluded.client_id, sealed = excluded.sealed,
           pair = oauth_grant.pair + 1, expires_at = excluded.expires_at, dead = excluded.dead,
           updated_at = excluded.updated_at, refresh_by = NULL, refresh_until = NULL, failures = 0, retry_at = NULL",
        values![
            grant.grantee.account.as_str(),
            grant.grantee.freelancer_id(),
            &grant.endpoint,
            grant.org_uid.as_deref(),
            &grant.client_id,
            grant.sealed.as_slice(),
            grant.expires_at,
            grant.dead,
            tx.now()
        ],
    )?;
    Ok(())
}

/// Remembers the organisation that a grant speaks for.
///
/// # Errors
/// The store's.
pub fn bind(tx: &Tx<'_>, grantee: &Grantee, org_uid: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE oauth_grant SET org_uid = ?3 WHERE account_id = ?1 AND freelancer_id = ?2",
        values![grantee.account.as_str(), grantee.freelancer_id(), org_uid],
    )?;
    Ok(())
}

/// Forgets a grant; answers what it was.
///
/// # Errors
/// The store's.
pub fn remove(tx: &Tx<'_>, grantee: &Grantee) -> Result<Option<Grant>, Error> {
    let was = load(tx, grantee)?;
    tx.execute(
        "DELETE FROM oauth_grant WHERE account_id = ?1 AND freelancer_id = ?2",
        values![grantee.account.as_str(), grantee.freelancer_id()],
    )?;
    Ok(was)
}
