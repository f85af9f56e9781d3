//! `applyd upwork link`.

use std::process::{Command, Stdio};

use applyd_store::account::Channel;
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::{Store, Tx, account, application, audit, freelancer};
use applyd_upwork::{Callback, Choice, Linked, Linking, Upwork};
use applyd_wire::Freelancer;
use serde_json::{Value, json};
use url::Url;

use crate::cli::{Global, Link, operator};
use crate::commands::freelancer as person;
use crate::commands::serve::{Stop, run};
use crate::failure::Failure;
use crate::output;

/// Where nobody says what the first profile offers.
const USUAL_TITLE: &str = "General";
const LONGEST_PASTED_BYTES: u64 = 16 * 1024;

pub(super) fn link(global: &Global, link: Link) -> Result<(), Failure> {
    let settings = global.settings()?;
    let store = crate::commands::store(global, false)?;
    let asked = link.clone();
    store.read_blocking(move |tx| planned(tx, &asked, asked.freelancer.as_deref()).map(|_| ()))?;
    let upwork = super::client(&store, &settings)?;
    let is_json = global.json;
    run(async move {
        let mut stop = Stop::listen()?;
        let linked = tokio::select! {
            linked = linked(&upwork, &store, &link) => linked?,
            () = stop.heard() => return Err(Failure::user("interrupted; nothing was linked")),
        };
        let kept = keep(&upwork, &store, link, linked).await?;
        output::print(is_json, &kept, |kept| {
            ["freelancerId", "name", "profileId", "orgUid"]
                .map(|member| format!("{member:<12}  {}", output::shown(&kept[member])))
                .join("\n")
        })
    })
}

/// What a linking will do, if it may.
enum Plan {
    /// The login of a freelancer that is known.
    Renew(Freelancer),
    /// A new freelancer; the name is Upwork's where none was given.
    Add,
}

fn planned(tx: &Tx<'_>, link: &Link, name: Option<&str>) -> Result<Plan, Failure> {
    let account = crate::commands::account_of(tx, &link.account)?;
    if account.channel != Channel::Upwork {
        return Err(Failure::hinted(
            format!("the account `{}` is of the channel {}", account.name, account.channel.as_str()),
            "`applyd account create NAME --credits N --channel upwork` makes one that can be linked",
        ));
    }
    let known = name.map(|name| person::find(tx, &account.id, name)).transpose()?.flatten();
    let described = link.hourly_rate.is_some() || link.title.is_some();
    match known {
        Some(known) if described => Err(Failure::hinted(
            format!("`{}` has profiles already", known.name),
            "leave --title and --hourly-rate out; `applyd freelancer add` adds a profile",
        )),
        Some(known) => Ok(Plan::Renew(known)),
        // Whether Upwork's name is a known one shows only after the login.
        None if name.is_none() && !freelancer::list(tx, &account.id)?.is_empty() => Ok(Plan::Add),
        None if link.hourly_rate.is_none() => Err(Failure::hinted(
            "a new freelancer needs a rate, for hourly jobs without one in the request",
            "add --hourly-rate DOLLARS, and --title if you like",
        )),
        None => {
            name.map(|name| person::text("name", name)).transpose()?;
            link.title.as_deref().map(|title| person::text("title", title)).transpose()?;
            Ok(Plan::Add)
        }
    }
}

async fn linked(upwork: &Upwork, store: &Store, link: &Link) -> Result<Linked, Failure> {
    let callback = if link.paste { None } else { Some(Callback::listen().await?) };
    let linking = upwork.ask_person(callback.as_ref()).await?;
    let address = linking.address();
    output::note(&format!("Open this address in a browser and consent:\n\n  {address}\n"));
    if !link.no_browser {
        open_browser(address);
    }
    let came_back = async {
        match callback {
            Some(callback) => Ok(callback.answer(&linking).await?),
            None => pasted(&linking).await,
        }
    };
    let came_back = tokio::time::timeout(link.wait, came_back).await.map_err(|_| {
        Failure::hinted(
            format!("nobody consented within {:?}; nothing was linked", link.wait),
            "--wait gives more time; --paste helps where the browser is on another machine",
        )
    })??;
    Ok(upwork.link(store, linking, &came_back).await?)
}

/// A browser that cannot be opened is no fault: the address is printed.
fn open_browser(address: &Url) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let silent = || Stdio::null();
    let opened =
        Command::new(opener).arg(address.as_str()).stdin(silent()).stdout(silent()).stderr(silent()).spawn();
    drop(opened);
}

async fn pasted(linking: &Linking) -> Result<Url, Failure> {
    output::note("Then paste the address that the browser ends at (its page need not load) and press Enter:");
    let line = tokio::task::spawn_blocking(|| {
        use std::io::{BufRead as _, Read as _};
        let mut line = String::new();
        std::io::stdin().lock().take(LONGEST_PASTED_BYTES).read_line(&mut line).map(|_| line)
    });
    let line = line.await.map_err(anyhow::Error::new)??;
    let came_back = Url::parse(line.trim()).ok().filter(|url| linking.is_answered_by(url));
    came_back.ok_or_else(|| {
        Failure::hinted(
            "that is not the answer to this login; nothing was linked",
            "paste the whole address, which begins with http://127.0.0.1/callback?",
        )
    })
}

/// Keeps the login, for an organisation of this account's own.
async fn keep(upwork: &Upwork, store: &Store, link: Link, linked: Linked) -> Result<Value, Failure> {
    let choice = chosen(&linked.organisations, link.org.as_deref())?.clone();
    let name = link.freelancer.clone().unwrap_or_else(|| choice.name.clone());
    let (asked, named) = (link.clone(), name.clone());
    let plan = store.read(move |tx| planned(tx, &asked, Some(&named))).await?;
    let (asked, org_uid) = (link.account.clone(), choice.org_uid.clone());
    let account = store.read(move |tx| crate::commands::account_of(tx, &asked)).await?.id;
    // The seal is bound to the person, so the ids come first.
    let (owner, title) = (account.clone(), link.title.unwrap_or_else(|| USUAL_TITLE.to_owned()));
    let rate = link.hourly_rate;
    let (freelancer_id, profile_id, made) = match plan {
        Plan::Renew(known) => {
            let profile = known.profiles.iter().find(|profile| profile.is_default);
            (known.id.clone(), profile.map(|profile| profile.profile_id.clone()).unwrap_or_default(), None)
        }
        Plan::Add => {
            let ids = person::fresh_ids(store.now());
            (ids.0.clone(), ids.1.clone(), rate.map(|rate| (ids, rate)))
        }
    };
    let grantee = Grantee { account: account.clone(), freelancer: Some(freelancer_id.clone()) };
    let grant = upwork.granted(linked, &grantee, &org_uid)?;
    let told = json!({
        "accountId": account.as_str(), "freelancerId": freelancer_id, "name": name, "profileId": profile_id,
        "orgUid": org_uid, "organisation": choice.name,
    });
    store
        .write(move |tx| {
            if let Some(other) = grant::other_owner(tx, &owner, &grant.endpoint, &org_uid)? {
                let other = account::find(tx, other.as_str())?.map_or(other.to_string(), |other| other.name);
                return Err(Failure::hinted(
                    format!(
                        "the organisation {org_uid} belongs to the account `{other}`; nothing was linked"
                    ),
                    "one organisation belongs to one account: link it there, or unlink it there first",
                ));
            }
            stays(tx, &grant, &org_uid)?;
            if let Some(((freelancer, profile), rate)) = &made {
                person::make(tx, &owner, (freelancer, &name), (profile, &title), *rate)?;
            }
            grant::save(tx, &grant)?;
            audit::note(tx, "linked", &operator(), Some(&owner), &told)?;
            Ok(told.clone())
        })
        .await
}

/// Organisations for a person to read.
pub(super) fn listed(organisations: &[Choice]) -> String {
    let row = |choice: &Choice| {
        let kind = if choice.is_agency { "agency" } else { "freelancer" };
        let suspended = if choice.is_suspended { ", suspended" } else { "" };
        format!("{} ({}, {kind}{suspended})", choice.org_uid, choice.name)
    };
    organisations.iter().map(row).collect::<Vec<_>>().join("; ")
}

/// Refuses another organisation for a known login while a submission can only be settled by reading in the old one.
fn stays(tx: &Tx<'_>, grant: &Grant, org_uid: &str) -> Result<(), Failure> {
    let was = grant::load(tx, &grant.grantee)?.and_then(|was| was.org_uid);
    let Some(was) = was.filter(|was| was != org_uid) else { return Ok(()) };
    let unsettled = application::unsettled(tx, &grant.grantee.account)?;
    if unsettled == 0 {
        return Ok(());
    }
    Err(Failure::hinted(
        format!(
            "{unsettled} submission(s) of this account have no known outcome yet, and this freelancer is linked for \
             the organisation {was}, not {org_uid}; nothing was linked"
        ),
        "they are settled by reading Upwork with that login; wait for them, or link that organisation again",
    ))
}

/// The organisation that was named, or the only one that may propose.
fn chosen<'a>(organisations: &'a [Choice], named: Option<&str>) -> Result<&'a Choice, Failure> {
    let told = || listed(organisations);
    let mut usable = organisations
        .iter()
        .filter(|choice| !choice.is_suspended && named.is_none_or(|named| named == choice.org_uid));
    match (usable.next(), usable.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::hinted(
            format!("this login may propose for several organisations: {}; nothing was linked", told()),
            "name one with --org UID and consent once more",
        )),
        (None, _) => Err(Failure::hinted(
            format!("this login has no such organisation that may propose; it has: {}", told()),
            "consent as the freelancer, or a member of the agency, that is to apply",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_only_organisation_is_taken_and_one_of_several_is_named() {
        let choice = |org_uid: &str, is_agency, is_suspended| Choice {
            org_uid: org_uid.into(),
            name: "Ada".into(),
            is_agency,
            is_suspended,
        };
        let uid = |all: &[Choice], named| chosen(all, named).map(|choice| choice.org_uid.clone()).ok();
        let both = [choice("1", false, false), choice("2", true, false)];
        assert_eq!(uid(&both[..1], None).as_deref(), Some("1"));
        assert_eq!(uid(&both, None), None);
        assert_eq!(uid(&both, Some("2")).as_deref(), Some("2"));
        assert_eq!(uid(&both, Some("3")), None);
        assert_eq!(uid(&[], None), None);
        let suspended = [choice("1", false, true), choice("2", true, false)];
        assert_eq!(uid(&suspended, None).as_deref(), Some("2"));
        assert_eq!(uid(&suspended, Some("1")), None);
    }
}
