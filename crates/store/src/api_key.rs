//! API keys: only their SHA-256 is kept.

use applyd_core::approval::Policy;
use applyd_core::ids::{AccountId, KeyId};
use applyd_core::quota::{Endpoint, Limits};

use crate::account::Channel;
use crate::approval::policy_of;
use crate::tx::values;
use crate::{Error, Tx, rate_limit};

const MOST_KEYS: i64 = 1000;

/// Who a key speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The key's id, for logs and limits.
    pub key: KeyId,
    /// The account it draws on.
    pub account: AccountId,
    /// The account's channel.
    pub channel: Channel,
    /// Who must approve what it asks for.
    pub policy: Policy,
    /// Where its calls are a person's decisions: most Connects for each proposal.
    pub ceiling_connects: Option<i64>,
    /// Valid before this, Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Limits of the account that differ from the table of the API.
    pub limits: Vec<(Endpoint, Limits)>,
}

impl Holder {
    /// How often this key may call an endpoint.
    #[must_use]
    pub fn limits_of(&self, endpoint: Endpoint) -> Limits {
        let own = self.limits.iter().find(|(of, _)| *of == endpoint);
        own.map_or_else(|| endpoint.limits(), |(_, limits)| *limits)
    }
}

/// A key in a listing.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The key's id.
    pub id: KeyId,
    /// Its name.
    pub name: String,
    /// Made at.
    pub created_at: i64,
    /// Valid before this.
    pub expires_at: Option<i64>,
    /// Where its calls are a person's decisions.
    pub by_request: Option<ByRequest>,
}

/// That a key's calls are a person's decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRequest {
    /// Most Connects for each proposal.
    pub connects: i64,
    /// Who answers for it.
    pub acknowledged_by: String,
    /// Since when.
    pub acknowledged_at: i64,
}

/// Who a valid key of this hash speaks for.
///
/// # Errors
/// The store's.
pub fn holder(tx: &Tx<'_>, sha256: &[u8; 32]) -> Result<Option<Holder>, Error> {
    let found = tx.one(
        "SELECT k.id, k.account_id, a.channel, k.expires_at, a.approval, k.by_request_connects FROM api_key k JOIN account a ON a.id = k.account_id
         WHERE k.sha256 = ?1 AND (k.expires_at IS NULL OR k.expires_at > ?2)",
        values![sha256.as_slice(), tx.now()],
        |row| {
            let channel = row.parsed(2, Channel::parse)?;
            let ceiling_connects = row.opt_int(5)?;
            let of_account = row.opt_parsed(4, Policy::parse)?;
            Ok(Holder {
                policy: policy_of(channel, of_account, ceiling_connects.is_some()),
                ceiling_connects,
                channel,
                key: row.parsed(0, KeyId::parse)?,
                account: row.parsed(1, AccountId::parse)?,
                expires_at: row.opt_int(3)?,
                limits: Vec::new(),
            })
        },
    )?;
    found.map(|found| Ok(Holder { limits: rate_limit::list(tx, &found.account)?, ..found })).transpose()
}

/// Whether a key that was valid before still is.
///
/// # Errors
/// The store's.
pub fn is_valid(tx: &Tx<'_>, id: &KeyId) -> Result<bool, Error> {
    let found = tx.one(
        "SELECT 1 FROM api_key WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        values![id.as_str(), tx.now()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Adds a key in the place of the account's key of that name, which lives on for `grace_ms`.
///
/// # Errors
/// The store's.
pub fn replace(
    tx: &Tx<'_>,
    account: &AccountId,
    name: &str,
    id: &KeyId,
    sha256: &[u8; 32],
    grace_ms: i64,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE api_key SET expires_at = ?3 WHERE account_id = ?1 AND name = ?2
         AND (expires_at IS NULL OR expires_at > ?3)",
        values![account.as_str(), name, tx.now() + grace_ms],
    )?;
    tx.execute(
        "INSERT INTO api_key (id, account_id, name, sha256, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        values![id.as_str(), account.as_str(), name, sha256.as_slice(), tx.now()],
    )?;
    // The limits of Connects are of the name; that its calls are decisions was said of the old key alone.
    tx.execute(
        "INSERT INTO connects_limit (account_id, key_id, per_proposal, boost, per_day)
         SELECT account_id, ?3, per_proposal, boost, per_day FROM connects_limit WHERE account_id = ?1 AND key_id =
           (SELECT max(id) FROM api_key WHERE account_id = ?1 AND name = ?2 AND id <> ?3)",
        values![account.as_str(), name, id.as_str()],
    )?;
    Ok(())
}

/// Makes a key's calls a person's decisions, up to so many Connects for each proposal (`None`: not any more);
/// `false` when there is no such valid key.
///
/// # Errors
/// The store's.
pub fn set_by_request(
    tx: &Tx<'_>,
    id: &KeyId,
    ceiling_connects: Option<i64>,
    acknowledged_by: &str,
) -> Result<bool, Error> {
    let set = tx.execute(
        "UPDATE api_key SET by_request_connects = ?3, acknowledged_by = ?4, acknowledged_at = ?2
         WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        values![id.as_str(), tx.now(), ceiling_connects, acknowledged_by],
    )?;
    Ok(set == 1)
}

/// Whose key it is, or was.
///
/// # Errors
/// The store's.
pub fn account(tx: &Tx<'_>, id: &KeyId) -> Result<Option<AccountId>, Error> {
    tx.one("SELECT account_id FROM api_key WHERE id = ?1", values![id.as_str()], |row| {
        row.parsed(0, AccountId::parse)
    })
}

/// Ends a key at once; `false` when there is no such valid key.
///
/// # Errors
/// The store's.
pub fn revoke(tx: &Tx<'_>, id: &KeyId) -> Result<bool, Error> {
    let ended = tx.execute(
        "UPDATE api_key SET expires_at = ?2 WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        values![id.as_str(), tx.now()],
    )?;
    Ok(ended == 1)
}

/// An account's keys, newest first, up to 1000, ended ones included.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Listed>, Error> {
    tx.all(
        "SELECT id, name, created_at, expires_at, by_request_connects, acknowledged_by, acknowledged_at
         FROM api_key WHERE account_id = ?1 ORDER BY id DESC LIMIT ?2",
        values![account.as_str(), MOST_KEYS],
        |row| {
            let by_request = match (row.opt_int(4)?, row.opt_text(5)?, row.opt_int(6)?) {
                (Some(connects), Some(acknowledged_by), Some(acknowledged_at)) => {
                    Some(ByRequest { connects, acknowledged_by, acknowledged_at })
                }
                _ => None,
            };
            Ok(Listed {
                by_request,
                id: row.parsed(0, KeyId::parse)?,
                name: row.text(1)?,
                created_at: row.int(2)?,
                expires_at: row.opt_int(3)?,
            })
        },
    )
}
