//! `applyd pause` and `applyd resume`: effective at once, before the next confirm of a running server.

use applyd_store::account::{self, Account};
use applyd_store::pause::{self, Pause, Scope};
use applyd_store::{Error, Tx, audit};
use serde_json::{Value, json};

use crate::cli::{Global, ScopeArgs, operator};
use crate::failure::Failure;
use crate::output;

/// Who a pause is by when a command sets it.
const OPERATOR: &str = "operator";

/// Without a reason it would be silent; with nothing at all, what stands is asked for.
pub(super) fn pause(global: &Global, scope: ScopeArgs, reason: Option<String>) -> Result<(), Failure> {
    let Some(reason) = reason else {
        if scope.account.is_none() && scope.channel.is_none() {
            return list(global);
        }
        return Err(Failure::hinted("a pause needs its reason", "add --reason \"TEXT\""));
    };
    let paused = super::store(global, false)?.write_blocking(move |tx| {
        let (scope, account) = scope_of(tx, &scope)?;
        let facts = json!({"scope": scope.to_string(), "reason": reason});
        audit::note(tx, "paused", &operator(), account.as_ref().map(|account| &account.id), &facts)?;
        Ok::<_, Failure>(pause::set(tx, &scope, &reason, OPERATOR)?)
    })?;
    output::print(global.json, &told(&paused), |told| {
        format!(
            "{} is paused: nothing more of it is submitted; deadlines go on",
            output::shown(&told["scope"])
        )
    })
}

pub(super) fn resume(global: &Global, scope: ScopeArgs) -> Result<(), Failure> {
    let resumed = super::store(global, false)?.write_blocking(move |tx| {
        let (scope, account) = scope_of(tx, &scope)?;
        let was_paused = pause::lift(tx, &scope)?;
        if was_paused {
            let facts = json!({"scope": scope.to_string()});
            audit::note(tx, "resumed", &operator(), account.as_ref().map(|account| &account.id), &facts)?;
        }
        let still = match (&scope, account) {
            (_, Some(account)) => pause::of(tx, &account.id, account.channel)?,
            (Scope::Channel(_), None) => pause::find(tx, &Scope::All)?,
            _ => None,
        };
        let hint = still.as_ref().map(|pause| end_of(tx, pause)).transpose()?;
        let still = still.map(|pause| pause.to_string());
        Ok::<_, Failure>(json!({
            "scope": scope.to_string(), "wasPaused": was_paused, "stillPaused": still, "hint": hint,
        }))
    })?;
    output::print(global.json, &resumed, |resumed| {
        let scope = output::shown(&resumed["scope"]);
        let verdict = if resumed["wasPaused"] == Value::Bool(true) { "is resumed" } else { "was not paused" };
        match resumed["stillPaused"].as_str() {
            Some(still) => {
                let hint = output::shown(&resumed["hint"]);
                format!("{scope} {verdict}, but it still stands still: {still} ({hint})")
            }
            None => format!("{scope} {verdict}"),
        }
    })
}

/// Names the command that ends a pause, for a hint.
pub(super) fn end_of(tx: &Tx<'_>, pause: &Pause) -> Result<String, Error> {
    let scope = match &pause.scope {
        Scope::All => String::new(),
        Scope::Channel(channel) => format!(" --channel {}", channel.as_str()),
        Scope::Account(id) => {
            let name =
                account::find(tx, id.as_str())?.map_or_else(|| id.as_str().to_owned(), |found| found.name);
            if name.contains(char::is_whitespace) { format!(" '{name}'") } else { format!(" {name}") }
        }
    };
    Ok(format!("`applyd resume{scope}` ends it"))
}

fn list(global: &Global) -> Result<(), Failure> {
    let pauses = super::store(global, false)?.read_blocking(pause::list)?;
    let pauses: Vec<Value> = pauses.iter().map(told).collect();
    output::print(global.json, &json!({ "pauses": pauses }), |value| {
        let pauses = value["pauses"].as_array().map(Vec::as_slice).unwrap_or_default();
        if pauses.is_empty() {
            return "nothing is paused (`applyd pause --reason TEXT` pauses all)".to_owned();
        }
        let rows = pauses.iter().map(|pause| {
            [&pause["scope"], &pause["by"], &pause["at"], &pause["reason"]]
                .into_iter()
                .map(output::shown)
                .collect()
        });
        output::table(&["scope", "by", "at", "reason"], rows)
    })
}

fn scope_of(tx: &Tx<'_>, given: &ScopeArgs) -> Result<(Scope, Option<Account>), Failure> {
    match (&given.account, given.channel) {
        (Some(account), _) => {
            let account = super::account_of(tx, account)?;
            Ok((Scope::Account(account.id.clone()), Some(account)))
        }
        (None, Some(channel)) => Ok((Scope::Channel(channel), None)),
        (None, None) => Ok((Scope::All, None)),
    }
}

fn told(pause: &Pause) -> Value {
    json!({"scope": pause.scope.to_string(), "reason": pause.reason, "by": pause.set_by, "at": pause.at})
}
