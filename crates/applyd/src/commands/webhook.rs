//! `applyd webhook …`.

use applyd_core::ids::{AccountId, EventId, WebhookId};
use applyd_core::refusal::Refusal;
use applyd_core::signature::Secret;
use applyd_core::webhook::{MOST_WEBHOOKS, Types};
use applyd_server::notify::{Target, secret};
use applyd_store::delivery::{self, Delivery};
use applyd_store::webhook::{self, Change, New, Webhook};
use applyd_store::{Tx, event};
use serde_json::{Value, json};

use crate::cli::{Global, WebhookChange, WebhookCommand};
use crate::failure::Failure;
use crate::output;

const MOST_DELIVERIES: i64 = 100;

pub(super) fn run(global: &Global, command: WebhookCommand) -> Result<(), Failure> {
    match command {
        WebhookCommand::Create { account, url, types } => create(global, account, &url, &types),
        WebhookCommand::List { account } => list(global, account),
        WebhookCommand::Update { webhook_id, change } => update(global, &webhook_id, change),
        WebhookCommand::Delete { webhook_id } => delete(global, &webhook_id),
        WebhookCommand::Test { webhook_id } => test(global, &webhook_id),
        WebhookCommand::Rotate { webhook_id } => rotate(global, &webhook_id),
        WebhookCommand::Deliveries { webhook_id } => deliveries(global, &webhook_id),
        WebhookCommand::Redeliver { event_id } => redeliver(global, &event_id),
    }
}

fn create(global: &Global, account: String, url: &str, types: &[String]) -> Result<(), Failure> {
    let (url, types) = (target(global, url)?, types_of(types)?.unwrap_or(Types::Every));
    let store = super::store(global, false)?;
    let id = WebhookId::new(store.now(), fastrand::u128(..));
    let (secret, sealed) = fresh_secret(global, &id)?;
    let made = store.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let new = New {
            id: id.clone(),
            account: account.id.clone(),
            url: url.clone(),
            types: types.clone(),
            secret: sealed.clone(),
        };
        if !webhook::create(tx, &new)? {
            return Err(Failure::user(format!("an account may have {MOST_WEBHOOKS} webhooks")));
        }
        found(tx, &account.id, &id)
    })?;
    print_secret(global, &made, &secret)
}

fn list(global: &Global, account: String) -> Result<(), Failure> {
    let webhooks = super::store(global, false)?.read_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        Ok::<Vec<Webhook>, Failure>(webhook::list(tx, &account.id)?)
    })?;
    let webhooks: Vec<Value> = webhooks.iter().map(told).collect();
    output::print(global.json, &json!({ "webhooks": webhooks }), |value| {
        let rows = value["webhooks"].as_array().into_iter().flatten();
        let columns = ["id", "url", "enabled", "disabledReason"];
        output::table(
            &["webhook", "url", "on", "off because"],
            rows.map(|row| columns.iter().map(|column| output::shown(&row[*column])).collect()),
        )
    })
}

fn update(global: &Global, id: &str, change: WebhookChange) -> Result<(), Failure> {
    let url = change.url.map(|url| target(global, &url)).transpose()?;
    let enabled = if change.enable { Some(true) } else { change.disable.then_some(false) };
    let change = Change { url, types: types_of(&change.types)?, enabled };
    let id = parsed(id)?;
    let changed = super::store(global, false)?.write_blocking(move |tx| {
        let account = owner(tx, &id)?;
        webhook::update(tx, &account, &id, &change)?.ok_or_else(|| unknown(id.as_str()))
    })?;
    output::print(global.json, &told(&changed), |_| format!("{} is changed", changed.id))
}

fn delete(global: &Global, id: &str) -> Result<(), Failure> {
    let gone = parsed(id)?;
    super::store(global, false)?.write_blocking(move |tx| {
        let account = owner(tx, &gone)?;
        Ok::<_, Failure>(webhook::delete(tx, &account, &gone)?)
    })?;
    output::print(global.json, &json!({"id": id, "deleted": true}), |_| format!("{id} is deleted"))
}

fn test(global: &Global, id: &str) -> Result<(), Failure> {
    let tested = parsed(id)?;
    let event = super::store(global, false)?.write_blocking(move |tx| {
        let account = owner(tx, &tested)?;
        let off = || Failure::hinted("the webhook is switched off", "`applyd webhook update ID --enable`");
        delivery::test(tx, &account, &tested)?.ok_or_else(off)
    })?;
    print_queued(global, event.as_str(), 1)
}

fn rotate(global: &Global, id: &str) -> Result<(), Failure> {
    let id = parsed(id)?;
    let (secret, sealed) = fresh_secret(global, &id)?;
    let rotated = super::store(global, false)?.write_blocking(move |tx| {
        let account = owner(tx, &id)?;
        webhook::rotate(tx, &account, &id, &sealed)?.ok_or_else(|| unknown(id.as_str()))
    })?;
    print_secret(global, &rotated, &secret)
}

fn deliveries(global: &Global, id: &str) -> Result<(), Failure> {
    let id = parsed(id)?;
    let page = super::store(global, false)?.read_blocking(move |tx| {
        owner(tx, &id)?;
        Ok::<_, Failure>(delivery::list(tx, &id, MOST_DELIVERIES, 0)?)
    })?;
    let rows: Vec<Value> = page.deliveries.iter().map(told_delivery).collect();
    output::print(global.json, &json!({"deliveries": rows, "total": page.total}), |value| {
        let rows = value["deliveries"].as_array().into_iter().flatten();
        let columns = ["eventId", "type", "state", "attempts", "lastFailure"];
        output::table(
            &["event", "type", "state", "attempts", "last failure"],
            rows.map(|row| columns.iter().map(|column| output::shown(&row[*column])).collect()),
        )
    })
}

fn redeliver(global: &Global, id: &str) -> Result<(), Failure> {
    let none = || Failure::user(format!("there is no event `{id}`"));
    let event = EventId::parse(id).ok_or_else(none)?;
    let queued = super::store(global, false)?.write_blocking(move |tx| {
        let Some(account) = event::owner(tx, &event)? else { return Ok(None) };
        Ok::<_, Failure>(delivery::redeliver(tx, &account, &event)?)
    })?;
    print_queued(global, id, queued.ok_or_else(none)?)
}

fn target(global: &Global, url: &str) -> Result<String, Failure> {
    let rules = global.settings()?.webhooks.rules;
    let target = Target::parse(url, &rules).map_err(|refusal| {
        Failure::hinted(refusal.message, "[webhooks] in applyd.default.toml says what may be allowed")
    })?;
    Ok(target.as_str().to_owned())
}

fn types_of(names: &[String]) -> Result<Option<Types>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    let types = Types::parse(names.iter().map(String::as_str));
    types.map(Some).map_err(|Refusal { message, .. }| Failure::user(message))
}

fn fresh_secret(global: &Global, id: &WebhookId) -> Result<(Secret, Vec<u8>), Failure> {
    let has_sealed = super::store(global, false)?.read_blocking(applyd_server::has_sealed)?;
    let key = applyd_server::master_key(&global.settings()?.master_key_file, !has_sealed)?;
    Ok(secret::make(&key, id)?)
}

fn parsed(id: &str) -> Result<WebhookId, Failure> {
    WebhookId::parse(id).ok_or_else(|| unknown(id))
}

fn owner(tx: &Tx<'_>, id: &WebhookId) -> Result<AccountId, Failure> {
    webhook::owner(tx, id)?.ok_or_else(|| unknown(id.as_str()))
}

fn found(tx: &Tx<'_>, account: &AccountId, id: &WebhookId) -> Result<Webhook, Failure> {
    webhook::find(tx, account, id)?.ok_or_else(|| unknown(id.as_str()))
}

fn unknown(id: &str) -> Failure {
    Failure::hinted(format!("there is no webhook `{id}`"), "`applyd webhook list ACCOUNT` shows the ids")
}

fn told(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id.as_str(), "accountId": webhook.account.as_str(), "url": webhook.url,
        "types": webhook.types.names(), "enabled": webhook.disabled.is_none(),
        "disabledAt": webhook.disabled.map(|(at, _)| at),
        "disabledReason": webhook.disabled.map(|(_, reason)| reason.as_str()),
        "failingSince": webhook.failing_since, "previousSecretUntil": webhook.previous_until,
        "createdAt": webhook.created_at,
    })
}

fn told_delivery(delivery: &Delivery) -> Value {
    json!({
        "eventId": delivery.event.as_str(), "type": delivery.kind.as_str(), "state": delivery.state.as_str(),
        "attempts": delivery.attempts, "lastStatus": delivery.last_status, "lastFailure": delivery.last_failure,
        "createdAt": delivery.created_at, "nextAttemptAt": delivery.due_at, "deliveredAt": delivery.delivered_at,
    })
}

fn print_secret(global: &Global, webhook: &Webhook, secret: &Secret) -> Result<(), Failure> {
    let mut value = told(webhook);
    value["secret"] = secret.expose().into();
    output::print(global.json, &value, |value| {
        let shown = |member: &str| output::shown(&value[member]);
        format!(
            "webhook  {}\nurl      {}\nsecret   {}  (shown only now)",
            shown("id"),
            shown("url"),
            shown("secret")
        )
    })
}

fn print_queued(global: &Global, event: &str, queued: usize) -> Result<(), Failure> {
    output::print(global.json, &json!({"id": event, "queued": queued}), |_| {
        format!("{event} is queued for {queued} webhook(s)")
    })
}
