//! Which deliveries are attempted next: a fair share for each account, and never all places for the failing.

use applyd_core::delivery::{MOST_AT_ONCE, MOST_OF_ACCOUNT, Waiting, admits_failing, room, turn};
use applyd_core::ids::{AccountId, WebhookId};

use super::Claimed;
use crate::tx::values;
use crate::{Error, Tx, event};

/// Endpoints that one claim looks at. Who is served goes to the end of the line, so nobody stays out of sight.
const SEEN: i64 = 4 * MOST_AT_ONCE as i64;

/// An endpoint at which something is due.
struct Endpoint {
    webhook: WebhookId,
    account: AccountId,
    load: Waiting,
    /// Whether this claim took something there.
    is_served: bool,
}

/// Whether anything can be attempted now.
///
/// # Errors
/// The store's.
pub fn is_due(tx: &Tx<'_>) -> Result<bool, Error> {
    Ok(!waiting(tx, at_failing(tx)?, 1)?.is_empty())
}

/// Takes what is due, one after the other, each of the account whose turn it is.
///
/// # Errors
/// The store's.
pub fn claim(tx: &Tx<'_>, most: usize, lease_ms: i64) -> Result<Vec<Claimed>, Error> {
    let mut at_failing = at_failing(tx)?;
    let mut endpoints = waiting(tx, at_failing, SEEN)?;
    let mut taken = Vec::new();
    while taken.len() < most {
        let Some(at) = turn(endpoints.iter().map(|endpoint| &endpoint.load), at_failing) else { break };
        let Some(seq) = first_due(tx, &endpoints[at])? else {
            plan(tx, &endpoints.remove(at).webhook)?;
            continue;
        };
        match take(tx, seq, lease_ms) {
            Ok(claimed) => taken.push(claimed),
            Err(Error::Damaged(what)) => {
                set_aside(tx, seq, &what)?;
                continue;
            }
            Err(error) => return Err(error),
        }
        endpoints[at].is_served = true;
        endpoints[at].load.here += 1;
        at_failing += i64::from(endpoints[at].load.is_failing);
        let account = endpoints[at].account.clone();
        for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.account == account) {
            endpoint.load.of_account += 1;
        }
    }
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.is_served) {
        plan(tx, &endpoint.webhook)?;
    }
    Ok(taken)
}

/// Endpoints at which something is due and may begin, those first that wait longest. Who is held back by its
/// account, or among the failing, stays in line unplanned: when a result has made room, it is seen here again.
fn waiting(tx: &Tx<'_>, at_failing: i64, most: i64) -> Result<Vec<Endpoint>, Error> {
    const OF_ACCOUNT: &str =
        "(SELECT count(*) FROM delivery d WHERE d.account_id = w.account_id AND d.lease_until > ?1)";
    let mut endpoints = Vec::new();
    for is_failing in [false, true] {
        if is_failing && !admits_failing(at_failing) {
            continue;
        }
        let which = if is_failing { "IS NOT NULL" } else { "IS NULL" };
        endpoints.extend(tx.all(
            &format!(
                "SELECT w.id, w.account_id,
                   (SELECT count(*) FROM delivery d WHERE d.webhook_id = w.id AND d.lease_until > ?1), {OF_ACCOUNT}
                 FROM webhook w WHERE w.due_at <= ?1 AND w.failing_since {which} AND {OF_ACCOUNT} < ?2
                 ORDER BY w.due_at LIMIT ?3"
            ),
            values![tx.now(), MOST_OF_ACCOUNT, most],
            |row| {
                Ok(Endpoint {
                    webhook: row.parsed(0, WebhookId::parse)?,
                    account: row.parsed(1, AccountId::parse)?,
                    load: Waiting { is_failing, here: row.int(2)?, of_account: row.int(3)? },
                    is_served: false,
                })
            },
        )?);
    }
    Ok(endpoints)
}

/// Attempts under way at failing endpoints.
fn at_failing(tx: &Tx<'_>) -> Result<i64, Error> {
    let count = tx.one(
        "SELECT count(*) FROM delivery d JOIN webhook w ON w.id = d.webhook_id
         WHERE d.lease_until > ?1 AND w.failing_since IS NOT NULL",
        values![tx.now()],
        |row| row.int(0),
    )?;
    Ok(count.unwrap_or(0))
}

fn first_due(tx: &Tx<'_>, endpoint: &Endpoint) -> Result<Option<i64>, Error> {
    if room(endpoint.load.here, endpoint.load.is_failing) == 0 {
        return Ok(None);
    }
    tx.one(
        &format!(
            "SELECT seq FROM delivery WHERE webhook_id = ?1 AND state = 'pending' AND due_at <= ?2
             ORDER BY due_at, seq LIMIT 1{}",
            tx.skip_locked()
        ),
        values![endpoint.webhook.as_str(), tx.now()],
        |row| row.int(0),
    )
}

fn take(tx: &Tx<'_>, seq: i64, lease_ms: i64) -> Result<Claimed, Error> {
    tx.execute(
        "UPDATE delivery SET epoch = epoch + 1, lease_until = ?2, due_at = ?2, again = 0 WHERE seq = ?1",
        values![seq, tx.now() + lease_ms],
    )?;
    let claimed = tx.one(
        "SELECT e.id, e.type, e.at, e.data, d.epoch, w.id, w.url, w.secret, w.previous_secret, w.previous_until
         FROM delivery d JOIN webhook w ON w.id = d.webhook_id JOIN event e ON e.id = d.event_id
         WHERE d.seq = ?1",
        values![seq],
        |row| {
            let previous_secret = match row.opt_int(9)? {
                Some(until) if tx.now() < until => Some(row.bytes(8)?),
                _ => None,
            };
            Ok(Claimed {
                seq,
                epoch: row.int(4)?,
                webhook: row.parsed(5, WebhookId::parse)?,
                url: row.text(6)?,
                secret: row.bytes(7)?,
                previous_secret,
                event: event::read(row)?,
            })
        },
    )?;
    claimed.ok_or_else(|| Error::Damaged(format!("delivery {seq} has no event")))
}

/// One row that cannot be read must not stop the others.
fn set_aside(tx: &Tx<'_>, seq: i64, what: &str) -> Result<(), Error> {
    tracing::error!(what, "a delivery cannot be read and is given up");
    tx.execute(
        "UPDATE delivery SET state = 'exhausted', due_at = NULL, lease_until = NULL,
         last_failure = 'the event cannot be read' WHERE seq = ?1",
        values![seq],
    )?;
    Ok(())
}

/// Attempts under way at an endpoint, and when the first of their leases ends.
fn under_way(tx: &Tx<'_>, webhook: &WebhookId) -> Result<(i64, Option<i64>), Error> {
    let found = tx.one(
        "SELECT count(*), min(lease_until) FROM delivery WHERE webhook_id = ?1 AND lease_until > ?2",
        values![webhook.as_str(), tx.now()],
        |row| Ok((row.int(0)?, row.opt_int(1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// Sets when something can be attempted at an endpoint next: at its first due delivery, or, where as much is
/// under way as may be, when the first lease there ends. A result that comes before plans anew. Where something
/// is due already, the endpoint goes to the end of the line.
pub(crate) fn plan(tx: &Tx<'_>, webhook: &WebhookId) -> Result<(), Error> {
    let on = tx.one(
        "SELECT failing_since, held_until FROM webhook WHERE id = ?1 AND disabled_at IS NULL",
        values![webhook.as_str()],
        |row| Ok((row.opt_int(0)?.is_some(), row.opt_int(1)?)),
    )?;
    let Some((is_failing, held_until)) = on else { return Ok(()) };
    let (here, first_end) = under_way(tx, webhook)?;
    let next = if room(here, is_failing) > 0 {
        let first_due = tx.one(
            "SELECT min(due_at) FROM delivery WHERE webhook_id = ?1 AND state = 'pending'",
            values![webhook.as_str()],
            |row| row.opt_int(0),
        )?;
        first_due.flatten()
    } else {
        first_end
    };
    let next = next.map(|next| next.max(tx.now()).max(held_until.unwrap_or(0)));
    tx.execute("UPDATE webhook SET due_at = ?2 WHERE id = ?1", values![webhook.as_str(), next])?;
    Ok(())
}
