//! `applyd person …`: who may act under their own name.

use std::collections::HashMap;

use applyd_core::ids::{self, PersonId};
use applyd_store::person::{self, Listed, New};
use applyd_store::{Error, account, audit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::{Global, PersonCommand, operator};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, command: PersonCommand) -> Result<(), Failure> {
    match command {
        PersonCommand::Add { name, account, role } => add(global, name, account, role),
        PersonCommand::List => list(global),
        PersonCommand::Revoke { person } => revoke(global, &person),
    }
}

fn add(global: &Global, name: String, account: String, role: String) -> Result<(), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Ours(anyhow::anyhow!("no random bytes: {error}")))?;
    let token = ids::person_token(random);
    let added = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let id = PersonId::new(tx.now(), fastrand::u128(..));
        let sha256 = Sha256::digest(token.as_bytes()).into();
        let new = New { id: &id, name: &name, account: &account.id, role: &role, sha256: &sha256 };
        if !person::add(tx, new)? {
            let hint = "names are unique; `applyd person list` shows them";
            return Err(Failure::hinted(format!("there is a person called `{name}`"), hint));
        }
        let facts = json!({"personId": id.as_str(), "name": name, "role": role});
        audit::note(tx, "person_added", &operator(), Some(&account.id), &facts)?;
        Ok::<Value, Failure>(json!({
            "personId": id.as_str(), "name": name, "role": role, "accountId": account.id.as_str(), "token": token,
        }))
    })?;
    output::print(global.json, &added, |added| {
        format!(
            "person   {}\nname     {}\nrole     {}\ntoken    {}  (shown only now)",
            output::shown(&added["personId"]),
            output::shown(&added["name"]),
            output::shown(&added["role"]),
            output::shown(&added["token"])
        )
    })
}

fn list(global: &Global) -> Result<(), Failure> {
    let people = super::store(global, false)?.read_blocking(|tx| {
        let accounts: HashMap<_, _> = account::list(tx)?
            .into_iter()
            .map(|account| (account.id.as_str().to_owned(), account.name))
            .collect();
        let told = |person: &Listed| {
            json!({"personId": person.id.as_str(), "name": person.name, "role": person.role,
                   "accountId": person.account.as_str(), "account": accounts.get(person.account.as_str()),
                   "createdAt": person.created_at, "revokedAt": person.revoked_at})
        };
        Ok::<Vec<Value>, Error>(person::list(tx)?.iter().map(told).collect())
    })?;
    output::print(global.json, &json!({ "people": people }), |value| {
        let rows = value["people"].as_array().into_iter().flatten().map(|person| {
            let state = if person["revokedAt"].is_null() { "active" } else { "revoked" };
            let texts = [&person["personId"], &person["name"], &person["role"], &person["account"]];
            texts.into_iter().map(output::shown).chain([state.to_owned()]).collect()
        });
        output::table(&["person", "name", "role", "account", "token"], rows)
    })
}

fn revoke(global: &Global, person: &str) -> Result<(), Failure> {
    let (wanted, timing) = (person.to_owned(), global.settings()?.timing);
    let back = super::store(global, false)?.write_blocking(move |tx| {
        let Some(back) = person::revoke(tx, &wanted, &timing)? else { return Ok::<_, Error>(None) };
        let facts = json!({"person": wanted, "released": back.len()});
        audit::note(tx, "person_revoked", &operator(), None, &facts)?;
        Ok(Some(back.len()))
    })?;
    let Some(released) = back else {
        let message = format!("there is no active person `{person}`");
        return Err(Failure::hinted(message, "`applyd person list` shows them"));
    };
    let told = json!({"person": person, "revoked": true, "released": released});
    output::print(global.json, &told, |_| {
        format!(
            "{person} is revoked; {released} claimed applications wait for another person\n\
             what was declared stays with its declaration: look at Upwork and settle it, as `applyd unresolved` lists it"
        )
    })
}
