//! `applyd key …`.

use applyd_core::ids::{self, AccountId, KeyId};
use applyd_core::time::iso;
use applyd_store::account::Channel;
use applyd_store::{Error, Tx, api_key, audit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::{Global, KeyCommand, operator};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { account, name, grace } => {
            let grace_ms = grace.map_or(0, |grace| i64::try_from(grace.as_millis()).unwrap_or(i64::MAX));
            create(global, account, name, grace_ms)
        }
        KeyCommand::List { account } => list(global, account),
        KeyCommand::ByRequest { key_id, connects, acknowledge, off, person } => {
            by_request(global, &key_id, connects, acknowledge || off, &person.name()?)
        }
        KeyCommand::Revoke { key_id } => revoke(global, &key_id),
    }
}

/// Makes a key in the place of the one of that name.
pub(super) fn make(
    tx: &Tx<'_>,
    account: &AccountId,
    name: &str,
    grace_ms: i64,
) -> Result<(KeyId, String), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Ours(anyhow::anyhow!("no random bytes: {error}")))?;
    let (id, key) = (KeyId::new(tx.now(), fastrand::u128(..)), ids::api_key(random));
    api_key::replace(tx, account, name, &id, &Sha256::digest(key.as_bytes()).into(), grace_ms)?;
    audit::note(tx, "key_created", &operator(), Some(account), &json!({"keyId": id.as_str(), "name": name}))?;
    Ok((id, key))
}

fn create(global: &Global, account: String, name: String, grace_ms: i64) -> Result<(), Failure> {
    if name.is_empty() || name.len() > 100 {
        return Err(Failure::user("a key's name must have 1 to 100 characters"));
    }
    let made = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let (id, key) = make(tx, &account.id, &name, grace_ms)?;
        Ok::<Value, Failure>(json!({
            "keyId": id.as_str(), "apiKey": key, "name": name, "accountId": account.id.as_str(),
        }))
    })?;
    output::print(global.json, &made, |made| {
        format!(
            "key      {}\nname     {}\nAPI key  {}  (shown only now)",
            output::shown(&made["keyId"]),
            output::shown(&made["name"]),
            output::shown(&made["apiKey"])
        )
    })
}

fn list(global: &Global, account: String) -> Result<(), Failure> {
    let keys = super::store(global, false)?.read_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let keys = api_key::list(tx, &account.id)?;
        let now = tx.now();
        Ok::<Vec<Value>, Failure>(
            keys.iter()
                .map(|key| {
                    let by_request = key.by_request.as_ref();
                    json!({"keyId": key.id.as_str(), "name": key.name, "createdAt": key.created_at,
                           "expiresAt": key.expires_at, "active": key.expires_at.is_none_or(|end| end > now),
                           "byRequest": by_request.is_some(), "connects": by_request.map(|of| of.connects),
                           "acknowledgedBy": by_request.map(|of| of.acknowledged_by.as_str()),
                           "acknowledgedAt": by_request.map(|of| of.acknowledged_at)})
                })
                .collect(),
        )
    })?;
    output::print(global.json, &json!({ "keys": keys }), |value| {
        let rows = value["keys"].as_array().into_iter().flatten().map(|key| {
            let members = ["keyId", "name", "active", "byRequest", "connects", "acknowledgedBy"];
            let at = key["acknowledgedAt"].as_i64().map_or_else(|| "-".to_owned(), iso);
            members.map(|member| output::shown(&key[member])).into_iter().chain([at]).collect()
        });
        let head = ["key", "name", "active", "by request", "connects", "acknowledged by", "acknowledged at"];
        output::table(&head, rows)
    })
}

/// upwork-mcp.md §9, what an operator takes upon himself.
const MEANING: &str = "Upwork's tools ask for a person's confirmation of each proposal, with its full preview shown. A call \
with this key counts as that person's decision although no preview was shown: you answer for it, to Upwork and to your \
agency. Whoever holds the key can spend Connects up to the ceiling for each proposal. Read Upwork's terms for its API and \
MCP server, and docs/responsible-use.md, first.";

fn by_request(
    global: &Global,
    id: &KeyId,
    connects: Option<i64>,
    acknowledged: bool,
    person: &str,
) -> Result<(), Failure> {
    if !acknowledged {
        return Err(Failure::hinted(MEANING, "add --acknowledge if you take that upon you"));
    }
    let (key, name) = (id.clone(), person.to_owned());
    let set = super::store(global, false)?.write_blocking(move |tx| {
        if connects.is_some() {
            may_decide(tx, &key)?;
        }
        let set = api_key::set_by_request(tx, &key, connects, &name)?;
        let facts = json!({"keyId": key.as_str(), "byRequest": connects.is_some(), "connects": connects});
        Ok::<_, Failure>(note(tx, set, "by_request_set", &name, &key, &facts)?)
    })?;
    if !set {
        let message = format!("there is no active key `{id}`");
        return Err(Failure::hinted(message, "`applyd key list ACCOUNT` shows the ids"));
    }
    let told =
        json!({"keyId": id.as_str(), "byRequest": connects.is_some(), "connects": connects, "by": person});
    output::print(global.json, &told, |_| match connects {
        Some(most) => format!("calls with {id} are decisions, up to {most} Connects for each proposal"),
        None => format!("what is asked for with {id} is approved by a person again"),
    })
}

/// At the desk a person decides by submitting: no call can stand for that.
fn may_decide(tx: &Tx<'_>, key: &KeyId) -> Result<(), Failure> {
    let Some(account) = api_key::account(tx, key)? else { return Ok(()) };
    let account = super::account_of(tx, account.as_str())?;
    if account.channel != Channel::Desk {
        return Ok(());
    }
    let message = format!(
        "{key} is of the desk account `{}`: there people submit by hand, and decide by it",
        account.name
    );
    Err(Failure::hinted(message, "by-request is for accounts of the channel upwork or sandbox"))
}

/// Writes down what was done to a key, if it was.
fn note(tx: &Tx<'_>, is_done: bool, act: &str, by: &str, key: &KeyId, facts: &Value) -> Result<bool, Error> {
    if is_done {
        let account = api_key::account(tx, key)?;
        audit::note(tx, act, by, account.as_ref(), facts)?;
    }
    Ok(is_done)
}

fn revoke(global: &Global, key_id: &str) -> Result<(), Failure> {
    let unknown = || {
        Failure::hinted(
            format!("there is no active key `{key_id}`"),
            "`applyd key list ACCOUNT` shows the ids",
        )
    };
    let id = KeyId::parse(key_id).ok_or_else(unknown)?;
    let ended = super::store(global, false)?.write_blocking(move |tx| {
        let ended = api_key::revoke(tx, &id)?;
        note(tx, ended, "key_revoked", &operator(), &id, &json!({"keyId": id.as_str()}))
    })?;
    if !ended {
        return Err(unknown());
    }
    output::print(global.json, &json!({"keyId": key_id, "revoked": true}), |_| format!("{key_id} is revoked"))
}
