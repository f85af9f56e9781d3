//! The operator's limits of Connects, and what of a day is spent.

use applyd_core::connects::{Cost, Limits};
use applyd_core::ids::{AccountId, KeyId};

use crate::application::Application;
use crate::tx::{Row, values};
use crate::{Error, Tx};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// More than an account has keys.
const MOST_LIMITS: i64 = 1001;

/// Sets the limits of an account, or of one of its keys.
///
/// # Errors
/// The store's.
pub fn set(tx: &Tx<'_>, account: &AccountId, key: Option<&KeyId>, limits: Limits) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO connects_limit (account_id, key_id, per_proposal, boost, per_day) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account_id, key_id) DO UPDATE SET per_proposal = excluded.per_proposal,
           boost = excluded.boost, per_day = excluded.per_day",
        values![
            account.as_str(),
            key.map_or("", KeyId::as_str),
            limits.per_proposal,
            limits.boost,
            limits.per_day
        ],
    )?;
    Ok(())
}

/// All limits of an account: its own under `None`, then those of its keys.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<(Option<KeyId>, Limits)>, Error> {
    tx.all(
        "SELECT per_proposal, boost, per_day, key_id FROM connects_limit WHERE account_id = ?1 ORDER BY key_id LIMIT ?2",
        values![account.as_str(), MOST_LIMITS],
        |row| {
            let key = Some(row.text(3)?).filter(|key| !key.is_empty());
            let key = key.map(|key| KeyId::parse(&key).ok_or(Error::Damaged(key))).transpose()?;
            Ok((key, read(row)?))
        },
    )
}

fn read(row: &Row<'_>) -> Result<Limits, Error> {
    Ok(Limits { per_proposal: row.opt_int(0)?, boost: row.opt_int(1)?, per_day: row.opt_int(2)? })
}

/// Whether an application may cost so much today; the sentence names the limit that stands against it.
///
/// # Errors
/// The store's.
pub fn check(tx: &Tx<'_>, application: &Application, cost: Cost) -> Result<Result<(), String>, Error> {
    let account = admitted(tx, application, None, cost, "the account's")?;
    match (&account, &application.key) {
        (Ok(()), Some(key)) => admitted(tx, application, Some(key), cost, "the key's"),
        _ => Ok(account),
    }
}

fn admitted(
    tx: &Tx<'_>,
    application: &Application,
    key: Option<&KeyId>,
    cost: Cost,
    whose: &str,
) -> Result<Result<(), String>, Error> {
    let key = key.map_or("", KeyId::as_str);
    let account = application.account.as_str();
    let limits = tx.one(
        "SELECT per_proposal, boost, per_day FROM connects_limit WHERE account_id = ?1 AND key_id = ?2",
        values![account, key],
        read,
    )?;
    let Some(limits) = limits else { return Ok(Ok(())) };
    let spent = spent_today(tx, account, key, limits, application.id.as_str())?;
    Ok(limits.admit(cost, spent, whose))
}

/// What an account has spent of its limits on this UTC day.
///
/// # Errors
/// The store's.
pub fn spent(tx: &Tx<'_>, account: &AccountId, limits: Limits) -> Result<i64, Error> {
    spent_today(tx, account.as_str(), "", limits, "")
}

/// But for one application. What is not known to have failed is spent, and what of it is not known to be less is the
/// most it may be. A key's limits are those of its name: who replaces a key does not begin anew.
fn spent_today(tx: &Tx<'_>, account: &str, key: &str, limits: Limits, but: &str) -> Result<i64, Error> {
    let most = limits.per_proposal.or(limits.per_day);
    let spent = tx.one(
        "SELECT CAST(coalesce(sum(coalesce(connects, ?5)), 0) AS BIGINT) FROM intent
         WHERE account_id = ?1 AND at >= ?2 AND application_id <> ?3 AND (closed = 'open' OR closed = 'submitted')
         AND (?4 = '' OR key_id IS NULL OR key_id IN (SELECT id FROM api_key WHERE account_id = ?1
           AND name = (SELECT name FROM api_key WHERE id = ?4)))",
        values![account, tx.now() - tx.now().rem_euclid(DAY_MS), but, key, most],
        |row| row.int(0),
    )?;
    Ok(spent.unwrap_or(0))
}
