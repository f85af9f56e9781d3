//! `applyd budget …`.

use applyd_core::connects::Limits;
use applyd_core::ids::{AccountId, KeyId};
use applyd_store::{Tx, api_key, audit, budget};
use serde_json::{Value, json};

use crate::cli::{BudgetCommand, BudgetLimits, Global, operator};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, command: BudgetCommand) -> Result<(), Failure> {
    match command {
        BudgetCommand::List { account } => list(global, account),
        BudgetCommand::Set { account, key, limits } => set(global, account, key, limits),
    }
}

fn set(global: &Global, account: String, key: Option<KeyId>, given: BudgetLimits) -> Result<(), Failure> {
    let limits = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        if let Some(key) = &key {
            known(tx, &account.id, key)?;
        }
        let all = budget::list(tx, &account.id)?;
        let was = all.into_iter().find(|(of, _)| *of == key).map(|(_, limits)| limits).unwrap_or_default();
        let limits = Limits {
            per_proposal: given.per_proposal.map_or(was.per_proposal, |given| given.0),
            boost: given.boost.map_or(was.boost, |given| given.0),
            per_day: given.per_day.map_or(was.per_day, |given| given.0),
        };
        budget::set(tx, &account.id, key.as_ref(), limits)?;
        let told = told(key.as_ref(), limits);
        audit::note(tx, "budget_set", &operator(), Some(&account.id), &told)?;
        Ok::<Value, Failure>(told)
    })?;
    output::print(global.json, &limits, |limits| rows([limits.clone()].iter()))
}

fn known(tx: &Tx<'_>, account: &AccountId, key: &KeyId) -> Result<(), Failure> {
    if api_key::list(tx, account)?.iter().any(|listed| listed.id == *key) {
        return Ok(());
    }
    let message = format!("the account has no key `{key}`");
    Err(Failure::hinted(message, "`applyd key list ACCOUNT` shows the ids"))
}

fn list(global: &Global, account: String) -> Result<(), Failure> {
    let limits = super::store(global, false)?.read_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let limits = budget::list(tx, &account.id)?;
        Ok::<Vec<Value>, Failure>(limits.iter().map(|(key, limits)| told(key.as_ref(), *limits)).collect())
    })?;
    output::print(global.json, &json!({ "budgets": limits }), |value| {
        let limits = value["budgets"].as_array().map(Vec::as_slice).unwrap_or_default();
        if limits.is_empty() { "no limits are set".to_owned() } else { rows(limits.iter()) }
    })
}

fn told(key: Option<&KeyId>, limits: Limits) -> Value {
    json!({"keyId": key.map(KeyId::as_str), "perProposal": limits.per_proposal, "boost": limits.boost,
           "perDay": limits.per_day})
}

fn rows<'a>(limits: impl Iterator<Item = &'a Value>) -> String {
    let rows = limits.map(|of| {
        [&of["keyId"], &of["perProposal"], &of["boost"], &of["perDay"]].map(output::shown).to_vec()
    });
    output::table(&["key", "a proposal", "boost", "a day"], rows)
}
