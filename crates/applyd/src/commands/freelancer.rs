//! `applyd freelancer …`.

use applyd_core::ids::{AccountId, FreelancerId, ProfileId};
use applyd_core::terms::Cents;
use applyd_store::freelancer::{self, NewFreelancer, NewProfile};
use applyd_store::grant::{self, Grantee};
use applyd_store::{Error, Tx, audit};
use applyd_wire::Freelancer;
use serde_json::{Value, json};

use crate::cli::{FreelancerCommand, Global, operator};
use crate::failure::Failure;
use crate::output;

const LONGEST_CHARS: usize = 100;
const MOST_PROFILES: usize = 1000;

pub(super) fn run(global: &Global, command: FreelancerCommand) -> Result<(), Failure> {
    match command {
        FreelancerCommand::Add { account, name, title, hourly_rate } => {
            add(global, account, &name, &title, hourly_rate)
        }
        FreelancerCommand::List { account } => list(global, account),
        FreelancerCommand::Remove { account, profile_id } => remove(global, account, profile_id),
    }
}

/// A freelancer's name or a profile's title.
pub(super) fn text(what: &str, given: &str) -> Result<String, Failure> {
    let fits = (1..=LONGEST_CHARS).contains(&given.chars().count());
    if !fits || given.trim() != given || given.chars().any(char::is_control) {
        return Err(Failure::user(format!(
            "a freelancer's {what} must have 1 to {LONGEST_CHARS} characters, without blanks at its ends"
        )));
    }
    Ok(given.to_owned())
}

/// Ids of a freelancer and of a first profile.
pub(super) fn fresh_ids(now: i64) -> (String, String) {
    let id = FreelancerId::new(now, fastrand::u128(..)).to_string();
    (id, ProfileId::new(now, fastrand::u128(..)).to_string())
}

/// Makes a freelancer, by id and name, with a first profile, by id and title.
pub(super) fn make(
    tx: &Tx<'_>,
    account: &AccountId,
    (id, name): (&str, &str),
    (profile, title): (&str, &str),
    hourly_rate: Cents,
) -> Result<(), Error> {
    let profiles = [NewProfile { id: profile, title, hourly_rate, is_default: true }];
    freelancer::add(tx, account, &[NewFreelancer { id, name, profiles: &profiles }])
}

/// The freelancer of a name or an id.
pub(super) fn find(tx: &Tx<'_>, account: &AccountId, name: &str) -> Result<Option<Freelancer>, Error> {
    let all = freelancer::list(tx, account)?;
    let by_id = all.iter().position(|found| found.id == name);
    let place = by_id.or_else(|| all.iter().position(|found| found.name == name));
    Ok(place.and_then(|place| all.into_iter().nth(place)))
}

fn add(global: &Global, account: String, name: &str, title: &str, hourly_rate: Cents) -> Result<(), Failure> {
    let (name, title) = (text("name", name)?, text("title", title)?);
    let added = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?.id;
        let profiles: usize = freelancer::list(tx, &account)?.iter().map(|found| found.profiles.len()).sum();
        if profiles >= MOST_PROFILES {
            return Err(Failure::user(format!("an account may have {MOST_PROFILES} profiles")));
        }
        let (id, profile) = match find(tx, &account, &name)? {
            None => {
                let (id, profile) = fresh_ids(tx.now());
                make(tx, &account, (&id, &name), (&profile, &title), hourly_rate)?;
                (id, profile)
            }
            Some(known) if known.profiles.iter().any(|profile| profile.title == title) => {
                return Err(Failure::hinted(
                    format!("`{name}` has a profile `{title}` already"),
                    "`applyd freelancer list ACCOUNT` shows them; remove it first to change its rate",
                ));
            }
            Some(known) => {
                let id = ProfileId::new(tx.now(), fastrand::u128(..)).to_string();
                let new = NewProfile { id: &id, title: &title, hourly_rate, is_default: false };
                freelancer::add_profile(tx, &account, &known.id, new)?;
                (known.id, id)
            }
        };
        let facts = json!({"freelancerId": id, "name": name, "profileId": profile, "title": title});
        audit::note(tx, "profile_added", &operator(), Some(&account), &facts)?;
        Ok(json!({"accountId": account.as_str(), "freelancerId": id, "name": name, "profileId": profile}))
    })?;
    output::print(global.json, &added, |added| {
        format!(
            "freelancer  {}\nprofile     {}",
            output::shown(&added["freelancerId"]),
            output::shown(&added["profileId"])
        )
    })
}

fn list(global: &Global, account: String) -> Result<(), Failure> {
    let freelancers = super::store(global, false)?.read_blocking(move |tx| {
        let account = super::account_of(tx, &account)?.id;
        Ok::<_, Failure>(freelancer::list(tx, &account)?)
    })?;
    let freelancers = serde_json::to_value(freelancers).map_err(anyhow::Error::new)?;
    output::print(global.json, &json!({ "freelancers": freelancers }), |value| {
        let rows = value["freelancers"].as_array().into_iter().flatten().flat_map(|freelancer: &Value| {
            freelancer["profiles"].as_array().into_iter().flatten().map(|profile| {
                [
                    &freelancer["id"],
                    &freelancer["name"],
                    &profile["profileId"],
                    &profile["title"],
                    &profile["hourlyRate"],
                    &profile["isDefault"],
                ]
                .map(output::shown)
                .to_vec()
            })
        });
        output::table(&["freelancer", "name", "profile", "title", "rate", "default"], rows)
    })
}

fn remove(global: &Global, account: String, profile: String) -> Result<(), Failure> {
    let shown = profile.clone();
    super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?.id;
        let all = freelancer::list(tx, &account)?;
        let owner = all.iter().find(|found| found.profiles.iter().any(|known| known.profile_id == profile));
        let owner = owner.ok_or_else(|| {
            Failure::hinted(
                format!("there is no profile `{profile}`"),
                "`applyd freelancer list ACCOUNT` shows the ids",
            )
        })?;
        let grantee = Grantee { account: account.clone(), freelancer: Some(owner.id.clone()) };
        if owner.profiles.len() == 1 && grant::load(tx, &grantee)?.is_some() {
            return Err(Failure::hinted(
                format!("it is the last profile of `{}`, who is linked to Upwork", owner.name),
                "`applyd upwork unlink` comes first",
            ));
        }
        freelancer::remove_profile(tx, &account, &owner.id, &profile)?;
        let facts = json!({"freelancerId": owner.id, "name": owner.name, "profileId": profile});
        Ok(audit::note(tx, "profile_removed", &operator(), Some(&account), &facts)?)
    })?;
    output::print(global.json, &json!({"profileId": shown, "removed": true}), |_| {
        format!("{shown} is removed")
    })
}
