//! `applyd limits …`.

use applyd_core::quota::{Endpoint, Limits};
use applyd_store::rate_limit;
use serde_json::{Value, json};

use crate::cli::{Global, LimitsCommand, PerDay};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, command: LimitsCommand) -> Result<(), Failure> {
    match command {
        LimitsCommand::List { account } => list(global, account),
        LimitsCommand::Set { account, endpoint, per_minute, per_day } => {
            set(global, account, endpoint, per_minute, per_day)
        }
        LimitsCommand::Reset { account, endpoint } => reset(global, account, endpoint),
    }
}

fn list(global: &Global, account: String) -> Result<(), Failure> {
    let own = super::store(global, false)?.read_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        Ok::<_, Failure>(rate_limit::list(tx, &account.id)?)
    })?;
    let rows: Vec<Value> = Endpoint::ALL
        .iter()
        .map(|endpoint| {
            let set = own.iter().find(|(of, _)| of == endpoint);
            told(*endpoint, set.map_or_else(|| endpoint.limits(), |(_, limits)| *limits), set.is_some())
        })
        .collect();
    output::print(global.json, &json!({ "limits": rows }), |value| {
        let rows = value["limits"].as_array().into_iter().flatten().map(|row| {
            [&row["endpoint"], &row["perMinute"], &row["perDay"], &row["set"]]
                .into_iter()
                .map(output::shown)
                .collect()
        });
        output::table(&["endpoint", "a minute", "a day", "set"], rows)
    })
}

/// Who raises the limit of a minute does not mean to lift that of a day.
fn set(
    global: &Global,
    account: String,
    endpoint: Endpoint,
    per_minute: u32,
    per_day: Option<PerDay>,
) -> Result<(), Failure> {
    let limits = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let own = rate_limit::list(tx, &account.id)?.into_iter().find(|(of, _)| *of == endpoint);
        let before = own.map_or_else(|| endpoint.limits(), |(_, limits)| limits);
        let limits = Limits { per_minute, per_day: per_day.map_or(before.per_day, |per_day| per_day.0) };
        rate_limit::set(tx, &account.id, endpoint, limits)?;
        Ok::<_, Failure>(limits)
    })?;
    output::print(global.json, &told(endpoint, limits, true), |_| format!("{} is set", endpoint.name()))
}

fn reset(global: &Global, account: String, endpoint: Endpoint) -> Result<(), Failure> {
    super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        Ok::<_, Failure>(rate_limit::reset(tx, &account.id, endpoint)?)
    })?;
    output::print(global.json, &told(endpoint, endpoint.limits(), false), |_| {
        format!("{} has the limits of the API", endpoint.name())
    })
}

fn told(endpoint: Endpoint, limits: Limits, set: bool) -> Value {
    json!({"endpoint": endpoint.name(), "perMinute": limits.per_minute, "perDay": limits.per_day, "set": set})
}
