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
    let settings = global.settings()?;
    let store = crate::commands::store(global, false)?;
    let endpoint = settings.upwork.endpoint.to_string();
    let mut persons = listed(&store, &endpoint)?;
    if check {
        let upwork = super::client(&store, &settings)?;
        let grantees: Vec<_> = persons.iter().map(|person| (person.grantee.clone(), person.state)).collect();
        let (told, heard) = std::sync::mpsc::channel();
        run(async move {
            for (grantee, state) in grantees {
                let checked = if state == LIVE { upwork.check(&grantee).await } else { Ok(()) };
                let _ = told.send(checked.err());
            }
            Ok(())
        })?;
        let troubles: Vec<_> = heard.into_iter().collect();
        persons = listed(&store, &endpoint)?;
        for (person, trouble) in persons.iter_mut().zip(troubles) {
            if let Some(trouble) = trouble {
                person.suffer(trouble);
            }
        }
    }
    print(global, &persons)?;
    let unwell = |person: &&Person| matches!(person.state, DEAD | UNREACHABLE);
    let unwell: Vec<_> = persons.iter().filter(unwell).map(Person::shown).collect();
    if check && !unwell.is_empty() {
        let hint =
            "`applyd upwork link` links who is dead again; who is unreachable may be checked again later";
        return Err(Failure::hinted(format!("cannot apply now: {}", unwell.join(", ")), hint));
    }
    Ok(())
}

fn print(global: &Global, persons: &[Person]) -> Result<(), Failure> {
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

impl Person {
    fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} of {}", self.account),
            None => self.account.clone(),
        }
    }

    /// Goes by what a check has met, and tells it.
    fn suffer(&mut self, trouble: Trouble) {
        self.state = if matches!(trouble, Trouble::End(_)) { DEAD } else { UNREACHABLE };
        let reason = match trouble {
            Trouble::Passing { reason, .. }
            | Trouble::Login { reason, .. }
            | Trouble::Reconnecting { reason, .. }
            | Trouble::Policy { reason } => reason,
            Trouble::Person => "a person must approve it".to_owned(),
            Trouble::End(ending) => ending.message,
        };
        output::note(&format!("{} is {}: {reason}", self.shown(), self.state));
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
