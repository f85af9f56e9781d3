//! OAuth clients and grants; tokens are sealed before they come here.

use applyd_core::ids::AccountId;

use crate::tx::values;
use crate::{Error, Tx};

/// What an account was granted.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whose.
    pub account: AccountId,
    /// The MCP endpoint it is for.
    pub endpoint: String,
    /// The organisation, once it was read from the site.
    pub org_uid: Option<String>,
    /// The OAuth client that got it.
    pub client_id: String,
    /// Access and refresh token, sealed.
    pub sealed: Vec<u8>,
    /// End of the access token, Unix milliseconds.
    pub expires_at: i64,
    /// The site refuses it for good.
    pub dead: bool,
}

/// The grant of an account.
///
/// # Errors
/// The store's.
pub fn load(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Grant>, Error> {
    tx.one(
        "SELECT account_id, endpoint, org_uid, client_id, sealed, expires_at, dead FROM oauth_grant WHERE account_id = ?1",
        values![account.as_str()],
        |row| {
            Ok(Grant {
                account: row.parsed(0, AccountId::parse)?,
                endpoint: row.text(1)?,
                org_uid: row.opt_text(2)?,
                client_id: row.text(3)?,
                sealed: row.bytes(4)?,
                expires_at: row.int(5)?,
                dead: row.flag(6)?,
            })
        },
    )
}

/// An account whose grant for an endpoint is not known to be dead.
///
/// # Errors
/// The store's.
pub fn first_alive(tx: &Tx<'_>, endpoint: &str) -> Result<Option<AccountId>, Error> {
    tx.one(
        "SELECT account_id FROM oauth_grant WHERE endpoint = ?1 AND dead = 0 ORDER BY account_id LIMIT 1",
        values![endpoint],
        |row| row.parsed(0, AccountId::parse),
    )
}

/// Writes a grant, in the place of the account's earlier one.
///
/// # Errors
/// The store's.
pub fn save(tx: &Tx<'_>, grant: &Grant, now_ms: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO oauth_grant (account_id, endpoint, org_uid, client_id, sealed, expires_at, dead, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (account_id) DO UPDATE SET endpoint = excluded.endpoint, org_uid = excluded.org_uid,
           client_id = excluded.client_id, sealed = excluded.sealed, expires_at = excluded.expires_at,
           dead = excluded.dead, updated_at = excluded.updated_at",
        values![
            grant.account.as_str(),
            &grant.endpoint,
            grant.org_uid.as_deref(),
            &grant.client_id,
            grant.sealed.as_slice(),
            grant.expires_at,
            grant.dead,
            now_ms
        ],
    )?;
    Ok(())
}

/// The OAuth client registered at an endpoint.
///
/// # Errors
/// The store's.
pub fn registration(tx: &Tx<'_>, endpoint: &str) -> Result<Option<String>, Error> {
    tx.one("SELECT client_id FROM oauth_client WHERE endpoint = ?1", values![endpoint], |row| row.text(0))
}

/// Keeps the OAuth client registered at an endpoint.
///
/// # Errors
/// The store's.
pub fn save_registration(tx: &Tx<'_>, endpoint: &str, client_id: &str, now_ms: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO oauth_client (endpoint, client_id, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (endpoint) DO UPDATE SET client_id = excluded.client_id, created_at = excluded.created_at",
        values![endpoint, client_id, now_ms],
    )?;
    Ok(())
}
