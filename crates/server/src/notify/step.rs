//! One step: take what is due, and begin an attempt for each.

use std::sync::Arc;
use std::time::Duration;

use applyd_core::delivery::{MOST_AT_ONCE, Schedule};
use applyd_core::seal::MasterKey;
use applyd_core::signature::{Secret, sign};
use applyd_store::delivery::{self, Attempt, Claimed, Recorded};
use applyd_store::{Error, Store};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use tokio::task::JoinSet;

use super::{Failure, LONGEST_EXCHANGE, Outbound, Rules, Target, secret};
use crate::failpoint;

/// Longer than an attempt, so that a living server loses no lease.
const LEASE: Duration = LONGEST_EXCHANGE.saturating_mul(2);

/// What delivery needs.
pub(crate) struct Notifier {
    store: Store,
    key: Arc<MasterKey>,
    rules: Rules,
    outbound: Outbound,
    schedule: Schedule,
}

/// Why nothing was taken.
enum NotTaken {
    /// By the receiver, or by where it is.
    Failed { status: Option<u16>, reason: String },
    /// Nothing was sent, by the fault of this server.
    Withheld,
}

const UNSIGNED: &str = "this server cannot open the secret that signs, so nothing was sent";

impl Notifier {
    /// Delivers what `store` has queued, signed by secrets that `key` opens, where `rules` allow.
    pub(crate) fn new(store: Store, key: Arc<MasterKey>, rules: Rules, schedule: Schedule) -> Self {
        let outbound = Outbound::new(rules.clone(), LONGEST_EXCHANGE);
        Self { store, key, rules, outbound, schedule }
    }
}

/// Takes as much of what is due as there are places in `tasks`; each task is one attempt with its record.
/// Answers how many began.
pub(crate) async fn step(notifier: &Arc<Notifier>, tasks: &mut JoinSet<()>) -> Result<usize, Error> {
    let room = MOST_AT_ONCE.saturating_sub(tasks.len());
    if room == 0 || !notifier.store.read(delivery::is_due).await? {
        return Ok(0);
    }
    let lease_ms = LEASE.as_millis() as i64;
    let claimed = notifier.store.write(move |tx| delivery::claim(tx, room, lease_ms)).await?;
    let begun = claimed.len();
    for claimed in claimed {
        tasks.spawn(attempt(Arc::clone(notifier), claimed));
    }
    Ok(begun)
}

async fn attempt(notifier: Arc<Notifier>, claimed: Claimed) {
    let taken = tell(&notifier, &claimed).await;
    failpoint::hit("told");
    let (webhook, event) = (claimed.webhook.clone(), claimed.event.id.clone());
    let reason = match &taken {
        Ok(_) => String::new(),
        Err(NotTaken::Failed { reason, .. }) => reason.clone(),
        Err(NotTaken::Withheld) => {
            tracing::error!(%webhook, event, "the secret cannot be opened with this master key: nothing is sent");
            UNSIGNED.to_owned()
        }
    };
    let schedule = notifier.schedule.clone();
    let recorded = notifier.store.write(move |tx| {
        let attempt = match &taken {
            Ok(status) => Attempt::Taken { status: *status },
            Err(NotTaken::Failed { status, reason }) => Attempt::Failed { status: *status, reason },
            Err(NotTaken::Withheld) => Attempt::Withheld { reason: UNSIGNED },
        };
        delivery::record(tx, &claimed, attempt, &schedule, fastrand::f64())
    });
    match recorded.await {
        Ok(Recorded::SwitchedOff) => {
            tracing::warn!(%webhook, reason, "every attempt has failed for too long: the webhook is switched off");
        }
        Ok(Recorded::Kept | Recorded::Lost) => {
            tracing::debug!(%webhook, event, reason, "a delivery was attempted");
        }
        // It is attempted again when its lease ends.
        Err(error) => tracing::warn!(%webhook, event, %error, "the result of a delivery could not be kept"),
    }
}

/// One message, signed now; its body is the same in every attempt.
async fn tell(notifier: &Notifier, claimed: &Claimed) -> Result<u16, NotTaken> {
    let target =
        Target::parse(&claimed.url, &notifier.rules).map_err(|refusal| NotTaken::of(refusal.message))?;
    let sealed = [Some(&claimed.secret), claimed.previous_secret.as_ref()];
    let secrets: Option<Vec<Secret>> = sealed
        .into_iter()
        .flatten()
        .map(|sealed| secret::open(&notifier.key, &claimed.webhook, sealed))
        .collect();
    let secrets = secrets.ok_or(NotTaken::Withheld)?;
    let body = serde_json::to_vec(&claimed.event).map_err(|error| NotTaken::of(error.to_string()))?;
    let headers = headers(claimed, &secrets, notifier.store.now() / 1000, &body);
    let headers = headers.map_err(|error| NotTaken::of(error.to_string()))?;
    notifier.outbound.post(&target, headers, body.into()).await.map_err(|failure| NotTaken::Failed {
        status: if let Failure::Status(status) = failure { Some(status) } else { None },
        reason: failure.to_string(),
    })
}

fn headers(
    claimed: &Claimed,
    secrets: &[Secret],
    now_s: i64,
    body: &[u8],
) -> Result<HeaderMap, axum::http::header::InvalidHeaderValue> {
    let id = HeaderValue::from_str(&claimed.event.id)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-timestamp", HeaderValue::from(now_s));
    headers.insert("webhook-signature", sign(secrets, &claimed.event.id, now_s, body).parse()?);
    headers.insert("webhook-id", id.clone());
    headers.insert("x-uphunt-delivery", id);
    headers.insert("x-uphunt-event", HeaderValue::from_static(claimed.event.kind.as_str()));
    Ok(headers)
}

impl NotTaken {
    fn of(reason: impl Into<String>) -> Self {
        Self::Failed { status: None, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests;
