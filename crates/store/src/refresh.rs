//! Refreshing a grant: its refresh token is good for one use, so one process at a time spends it.

use applyd_core::ids::AccountId;
use applyd_core::retry::delay_ms;

use crate::grant::{self, Grant, Grantee};
use crate::tx::values;
use crate::{Error, Tx, application};

/// First delay after a refresh that failed for the moment.
const RETRY_BASE_MS: i64 = 500;
/// Least delay, so that a site that is down is not hammered.
const LEAST_RETRY_MS: i64 = 250;

/// What became of the wish to refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The pair may be spent, by this owner only.
    Mine,
    /// The pair is another one by now, or gone.
    Changed,
    /// Somebody spends it.
    Held,
    /// A submission of the account is under way with it.
    Submitting,
}

/// Takes the right to spend a pair's refresh token until `until`, Unix milliseconds.
///
/// Afterwards nobody knows whether it was spent; another may try it then, and the site's word counts.
///
/// # Errors
/// The store's.
pub fn begin(tx: &Tx<'_>, grant: &Grant, owner: &str, until: i64) -> Result<Begun, Error> {
    if grant::load(tx, &grant.grantee)?.is_none_or(|now| now.pair != grant.pair || now.dead) {
        return Ok(Begun::Changed);
    }
    if application::is_submitting(tx, &grant.grantee.account)? {
        return Ok(Begun::Submitting);
    }
    let taken = tx.execute(
        "UPDATE oauth_grant SET refresh_by = ?4, refresh_until = ?5
         WHERE account_id = ?1 AND freelancer_id = ?2 AND pair = ?3
           AND (refresh_until IS NULL OR refresh_until <= ?6)",
        values![
            grant.grantee.account.as_str(),
            grant.grantee.freelancer_id(),
            grant.pair,
            owner,
            until,
            tx.now()
        ],
    )?;
    Ok(if taken == 1 { Begun::Mine } else { Begun::Held })
}

/// Puts a new pair in the place of the one that was spent for it; `false` when that is not there any more.
///
/// # Errors
/// The store's.
pub fn renewed(tx: &Tx<'_>, spent: &Grant, sealed: &[u8], expires_at: i64) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE oauth_grant SET sealed = ?4, pair = pair + 1, expires_at = ?5, dead = 0, updated_at = ?6,
           refresh_by = NULL, refresh_until = NULL, failures = 0, retry_at = NULL
         WHERE account_id = ?1 AND freelancer_id = ?2 AND pair = ?3",
        values![
            spent.grantee.account.as_str(),
            spent.grantee.freelancer_id(),
            spent.pair,
            sealed,
            expires_at,
            tx.now()
        ],
    )?;
    Ok(changed == 1)
}

/// The site refused this pair for good, as its owner was told.
///
/// # Errors
/// The store's.
pub fn died(tx: &Tx<'_>, grant: &Grant, owner: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE oauth_grant SET dead = 1, updated_at = ?5, refresh_by = NULL, refresh_until = NULL
         WHERE account_id = ?1 AND freelancer_id = ?2 AND pair = ?3 AND refresh_by = ?4",
        values![grant.grantee.account.as_str(), grant.grantee.freelancer_id(), grant.pair, owner, tx.now()],
    )?;
    Ok(())
}

/// The refresh failed for the moment; answers when the next may be tried, Unix milliseconds.
///
/// # Errors
/// The store's.
pub fn failed(tx: &Tx<'_>, grant: &Grant, owner: &str, after_ms: Option<i64>) -> Result<i64, Error> {
    let key = values![grant.grantee.account.as_str(), grant.grantee.freelancer_id()];
    let failures = tx
        .one("SELECT failures FROM oauth_grant WHERE account_id = ?1 AND freelancer_id = ?2", key, |row| {
            row.int(0)
        })?
        .unwrap_or(0);
    let drawn = (tx.random() as u32) as f64 / f64::from(u32::MAX);
    let wait = delay_ms(RETRY_BASE_MS, failures, drawn).max(LEAST_RETRY_MS).max(after_ms.unwrap_or(0));
    let retry_at = tx.now() + wait;
    tx.execute(
        "UPDATE oauth_grant SET failures = failures + 1, retry_at = ?5, refresh_by = NULL, refresh_until = NULL
         WHERE account_id = ?1 AND freelancer_id = ?2 AND pair = ?3 AND refresh_by = ?4",
        values![
            grant.grantee.account.as_str(),
            grant.grantee.freelancer_id(),
            grant.pair,
            owner,
            retry_at
        ],
    )?;
    Ok(retry_at)
}

/// Whether this pair is still the grant's, and nobody spends it: what was prepared with it may be sent with it.
///
/// # Errors
/// The store's.
pub fn stands(tx: &Tx<'_>, grantee: &Grantee, pair: i64) -> Result<bool, Error> {
    let found = tx.one(
        "SELECT 1 FROM oauth_grant WHERE account_id = ?1 AND freelancer_id = ?2 AND pair = ?3
           AND (refresh_until IS NULL OR refresh_until <= ?4)",
        values![grantee.account.as_str(), grantee.freelancer_id(), pair, tx.now()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Whether a login of the account is known to be down at a time, Unix milliseconds: it waits for its next try.
///
/// # Errors
/// The store's.
pub fn is_down(tx: &Tx<'_>, account: &AccountId, at: i64) -> Result<bool, Error> {
    let found = tx.one(
        "SELECT 1 FROM oauth_grant WHERE account_id = ?1 AND retry_at > ?2 LIMIT 1",
        values![account.as_str(), at],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}
