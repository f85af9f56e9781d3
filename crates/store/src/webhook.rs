//! Webhook endpoints of accounts. Their secrets are sealed before they come here.

use applyd_core::ids::{AccountId, WebhookId};
use applyd_core::webhook::{MOST_WEBHOOKS, OVERLAP_MS, Types};
use applyd_wire::EventType;

use crate::tx::{Row, values};
use crate::{Error, Tx, delivery};

/// An endpoint, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose.
    pub account: AccountId,
    /// Where it is.
    pub url: String,
    /// What it wants.
    pub types: Types,
    /// Unix milliseconds.
    pub created_at: i64,
    /// The secret before the last rotation signs too until then, Unix milliseconds; `None`: it does not.
    pub previous_until: Option<i64>,
    /// First failure since the last success, or since a long silence, Unix milliseconds.
    pub failing_since: Option<i64>,
    /// Since when and why nothing is sent there.
    pub disabled: Option<(i64, Reason)>,
}

/// Why an endpoint is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its owner said so.
    ByYou,
    /// Every attempt had failed for too long.
    Failing,
}

/// An endpoint to be.
#[derive(Debug, Clone)]
pub struct New {
    /// Its id.
    pub id: WebhookId,
    /// Whose.
    pub account: AccountId,
    /// Where it is.
    pub url: String,
    /// What it wants.
    pub types: Types,
    /// Its secret, sealed.
    pub secret: Vec<u8>,
}

/// What is to be changed; `None`: nothing.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Where it is.
    pub url: Option<String>,
    /// What it wants.
    pub types: Option<Types>,
    /// Whether anything is sent there.
    pub enabled: Option<bool>,
}

impl Reason {
    /// The name in the store and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByYou => "by you",
            Self::Failing => "failing",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::ByYou, Self::Failing].into_iter().find(|reason| reason.as_str() == name)
    }
}

const COLUMNS: &str = "id, account_id, url, types, created_at,
    previous_until, failing_since, disabled_at, disabled_reason";

fn read(row: &Row<'_>, now: i64) -> Result<Webhook, Error> {
    Ok(Webhook {
        id: row.parsed(0, WebhookId::parse)?,
        account: row.parsed(1, AccountId::parse)?,
        url: row.text(2)?,
        types: row.parsed(3, types)?,
        created_at: row.int(4)?,
        previous_until: row.opt_int(5)?.filter(|until| now < *until),
        failing_since: row.opt_int(6)?,
        disabled: row.opt_int(7)?.zip(row.opt_parsed(8, Reason::parse)?),
    })
}

fn types(names: &str) -> Option<Types> {
    Types::parse(names.split(' ')).ok()
}

/// Adds an endpoint; `false` when the account has as many as it may.
///
/// # Errors
/// The store's.
pub fn create(tx: &Tx<'_>, new: &New) -> Result<bool, Error> {
    let had =
        tx.one("SELECT count(*) FROM webhook WHERE account_id = ?1", values![new.account.as_str()], |row| {
            row.int(0)
        })?;
    if had.is_some_and(|had| had >= MOST_WEBHOOKS) {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO webhook (id, account_id, url, types, secret, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![
            new.id.as_str(),
            new.account.as_str(),
            &new.url,
            &new.types.names().join(" "),
            new.secret.as_slice(),
            tx.now()
        ],
    )?;
    Ok(true)
}

/// An endpoint of this account.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, account: &AccountId, id: &WebhookId) -> Result<Option<Webhook>, Error> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM webhook WHERE id = ?1 AND account_id = ?2"),
        values![id.as_str(), account.as_str()],
        |row| read(row, tx.now()),
    )
}

/// Whose endpoint it is, for the operator.
///
/// # Errors
/// The store's.
pub fn owner(tx: &Tx<'_>, id: &WebhookId) -> Result<Option<AccountId>, Error> {
    tx.one("SELECT account_id FROM webhook WHERE id = ?1", values![id.as_str()], |row| {
        row.parsed(0, AccountId::parse)
    })
}

/// All endpoints of an account, oldest first.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Webhook>, Error> {
    tx.all(
        &format!("SELECT {COLUMNS} FROM webhook WHERE account_id = ?1 ORDER BY id LIMIT ?2"),
        values![account.as_str(), MOST_WEBHOOKS],
        |row| read(row, tx.now()),
    )
}

/// Changes an endpoint; what waits there goes to the new address. `None`: the account has no such endpoint.
///
/// # Errors
/// The store's.
pub fn update(
    tx: &Tx<'_>,
    account: &AccountId,
    id: &WebhookId,
    change: &Change,
) -> Result<Option<Webhook>, Error> {
    let Some(was) = find(tx, account, id)? else { return Ok(None) };
    // Another address, or a person's word that it is well: what failed before says nothing now.
    let anew = change.url.as_ref().is_some_and(|url| *url != was.url)
        || (change.enabled == Some(true) && was.disabled.is_some());
    let now = Webhook {
        url: change.url.clone().unwrap_or(was.url),
        types: change.types.clone().unwrap_or(was.types),
        failing_since: was.failing_since.filter(|_| !anew),
        disabled: match change.enabled {
            Some(true) => None,
            Some(false) => was.disabled.or(Some((tx.now(), Reason::ByYou))),
            None => was.disabled,
        },
        ..was
    };
    tx.execute(
        "UPDATE webhook SET url = ?2, types = ?3, failing_since = ?4, disabled_at = ?5, disabled_reason = ?6,
         due_at = NULL WHERE id = ?1",
        values![
            id.as_str(),
            &now.url,
            &now.types.names().join(" "),
            now.failing_since,
            now.disabled.map(|(at, _)| at),
            now.disabled.map(|(_, reason)| reason.as_str())
        ],
    )?;
    delivery::plan(tx, id)?;
    Ok(Some(now))
}

/// Gives an endpoint a new secret; the one it had signs too for a day, the one before that no longer.
/// `None`: the account has no such endpoint.
///
/// # Errors
/// The store's.
pub fn rotate(
    tx: &Tx<'_>,
    account: &AccountId,
    id: &WebhookId,
    secret: &[u8],
) -> Result<Option<Webhook>, Error> {
    tx.execute(
        "UPDATE webhook SET previous_secret = secret, previous_until = ?4, secret = ?3
         WHERE id = ?1 AND account_id = ?2",
        values![id.as_str(), account.as_str(), secret, tx.now() + OVERLAP_MS],
    )?;
    find(tx, account, id)
}

/// Forgets an endpoint, and with it what waits there; `false`: the account has none such.
///
/// # Errors
/// The store's.
pub fn delete(tx: &Tx<'_>, account: &AccountId, id: &WebhookId) -> Result<bool, Error> {
    let gone = tx.execute(
        "DELETE FROM webhook WHERE id = ?1 AND account_id = ?2",
        values![id.as_str(), account.as_str()],
    )?;
    Ok(gone == 1)
}

/// Whether any account has an endpoint, and with it a sealed secret.
///
/// # Errors
/// The store's.
pub fn is_any(tx: &Tx<'_>) -> Result<bool, Error> {
    Ok(tx.one("SELECT 1 FROM webhook LIMIT 1", values![], |_| Ok(()))?.is_some())
}

/// Endpoints of an account to which an event of this type goes.
pub(crate) fn wanting(tx: &Tx<'_>, account: &AccountId, kind: EventType) -> Result<Vec<WebhookId>, Error> {
    let enabled = tx.all(
        "SELECT id, types FROM webhook WHERE account_id = ?1 AND disabled_at IS NULL LIMIT ?2",
        values![account.as_str(), MOST_WEBHOOKS],
        |row| Ok((row.parsed(0, WebhookId::parse)?, types(&row.text(1)?))),
    )?;
    // An endpoint that cannot be read wants nothing: it must not stand in the way of a settlement.
    let wants = |types: Option<Types>| types.is_some_and(|types| types.wants(kind));
    Ok(enabled.into_iter().filter_map(|(id, types)| wants(types).then_some(id)).collect())
}
