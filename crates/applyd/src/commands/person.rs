//! `applyd person …`: who may act under their own name.

use std::collections::HashMap;

use applyd_core::ids::{self, PersonId};
use applyd_core::role::Role;
use applyd_store::account::Account;
use applyd_store::person::{self, Listed, New};
use applyd_store::{Error, Tx, account, audit};
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

fn add(global: &Global, name: String, account: String, role: Role) -> Result<(), Failure> {
    let added = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        insert(tx, &account, &name, role)
    })?;
    output::print(global.json, &added, |added| {
        let of = |member| output::shown(&added[member]);
        let told = format!("person   {}\nname     {}\nrole     {}", of("personId"), of("name"), of("role"));
        let token = added["token"].as_str().map(|token| format!("\ntoken    {token}  (shown only now)"));
        let sign_in = format!("\nsign in  `applyd dashboard link {}` prints a link", quoted(&of("name")));
        told + &token.unwrap_or_default() + &sign_in
    })
}

/// Adds a person to an account; a viewer's token is nobody's.
pub(super) fn insert(tx: &Tx<'_>, account: &Account, name: &str, role: Role) -> Result<Value, Failure> {
    let token = ids::person_token(super::random()?);
    let id = PersonId::new(tx.now(), fastrand::u128(..));
    let sha256 = Sha256::digest(token.as_bytes()).into();
    if !person::add(tx, New { id: &id, name, account: &account.id, role, sha256: &sha256 })? {
        let hint = "names are unique; `applyd person list` shows them";
        return Err(Failure::hinted(format!("there is a person called `{name}`"), hint));
    }
    let facts = json!({"personId": id.as_str(), "name": name, "role": role.as_str()});
    audit::note(tx, "person_added", &operator(), Some(&account.id), &facts)?;
    let token = (role != Role::Viewer).then_some(token);
    Ok(json!({
        "personId": id.as_str(), "name": name, "role": role.as_str(), "accountId": account.id.as_str(),
        "token": token,
    }))
}

/// As a shell takes it.
fn quoted(name: &str) -> String {
    if name.contains(|c: char| !c.is_alphanumeric()) {
        format!("'{}'", name.replace('\'', "'\\''"))
    } else {
        name.to_owned()
    }
}

fn list(global: &Global) -> Result<(), Failure> {
    let people = super::store(global, false)?.read_blocking(|tx| {
        let accounts: HashMap<_, _> = account::list(tx)?
            .into_iter()
            .map(|account| (account.id.as_str().to_owned(), account.name))
            .collect();
        let told = |person: &Listed| {
            json!({"personId": person.id.as_str(), "name": person.name, "role": person.role.as_str(),
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
        let account = person::find(tx, &wanted)?.map(|(_, account)| account);
        let Some(back) = person::revoke(tx, &wanted, &timing)? else { return Ok::<_, Error>(None) };
        let facts = json!({"person": wanted, "released": back.len()});
        audit::note(tx, "person_revoked", &operator(), account.as_ref(), &facts)?;
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
