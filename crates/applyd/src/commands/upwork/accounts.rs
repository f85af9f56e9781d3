//! `applyd upwork accounts`.

use applyd_core::outcome::Trouble;
use applyd_store::account::{self, Channel};
use applyd_store::grant::{self, Grantee};
use applyd_store::{Error, Store, Tx, freelancer};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::commands::serve::run;
use crate::failure::Failure;
use crate::output;

const LIVE: &str = "live";
const DEAD: &str = "dead";
const NEEDS_LINKING: &str = "needs linking";
const UNREACHABLE: &str = "unreachable";

/// A freelancer, or an account that has none yet.
struct Person {
    grantee: Grantee,
    account: String,
    name: Option<String>,
    org_uid: Option<String>,
    expires_at: Option<i64>,
    state: &'static str,
}

pub(super) fn accounts(global: &Global, check: bool) -> Result<(), Failure> {
    let settings = global.settings(None)?;
    let store = crate::commands::store(global, false)?;
    let endpoint = settings.upwork.endpoint.to_string();
    let mut persons = listed(&store, &endpoint)?;
    if check {
        let upwork = super::client(&store, &settings)?;
        let grantees: Vec<_> = persons.iter().map(|person| (person.grantee.clone(), person.state)).collect();
        let (told, heard) = std::sync::mpsc::channel();
        run(async move {
            for (grantee, state) in grantees {
                let _ = told.send(if state == LIVE { checked(upwork.check(&grantee).await) } else { state });
            }
            Ok(())
        })?;
        let states: Vec<_> = heard.into_iter().collect();
        persons = listed(&store, &endpoint)?;
        for (person, state) in persons.iter_mut().zip(states) {
            if state == UNREACHABLE {
                person.state = state;
            }
        }
    }
    let persons: Vec<Value> = persons.iter().map(told).collect();
    output::print(global.json, &json!({ "accounts": persons }), |value| {
        let rows = value["accounts"].as_array().into_iter().flatten().map(|row| {
            ["account", "name", "freelancerId", "orgUid", "state", "expiresAt"]
                .map(|member| output::shown(&row[member]))
                .to_vec()
        });
        output::table(&["account", "freelancer", "id", "organisation", "state", "token ends (ms)"], rows)
    })
}

fn checked(checked: Result<(), Trouble>) -> &'static str {
    match checked {
        Ok(()) => LIVE,
        Err(Trouble::End(_)) => DEAD,
        Err(trouble) => {
            output::note(&format!("could not be checked: {trouble:?}"));
            UNREACHABLE
        }
    }
}

fn listed(store: &Store, endpoint: &str) -> Result<Vec<Person>, Failure> {
    let endpoint = endpoint.to_owned();
    store.read_blocking(move |tx| persons(tx, &endpoint)).map_err(|error: Error| error.into())
}

fn persons(tx: &Tx<'_>, endpoint: &str) -> Result<Vec<Person>, Error> {
    let mut persons = Vec::new();
    for account in account::list(tx)?.into_iter().filter(|account| account.channel == Channel::Upwork) {
        let freelancers = freelancer::list(tx, &account.id)?;
        let nobody = freelancers.is_empty().then_some((None, None));
        let named = freelancers.into_iter().map(|found| (Some(found.id), Some(found.name)));
        for (freelancer, name) in named.chain(nobody) {
            let grantee = Grantee { account: account.id.clone(), freelancer };
            let grant = grant::load(tx, &grantee)?.filter(|grant| grant.endpoint == endpoint);
            let state = grant.as_ref().map_or(NEEDS_LINKING, |grant| if grant.dead { DEAD } else { LIVE });
            persons.push(Person {
                grantee,
                account: account.name.clone(),
                name,
                expires_at: grant.as_ref().map(|grant| grant.expires_at),
                org_uid: grant.and_then(|grant| grant.org_uid),
                state,
            });
        }
    }
    Ok(persons)
}

fn told(person: &Person) -> Value {
    json!({
        "accountId": person.grantee.account.as_str(), "account": person.account,
        "freelancerId": person.grantee.freelancer, "name": person.name,
        "orgUid": person.org_uid, "state": person.state, "expiresAt": person.expires_at,
    })
}
