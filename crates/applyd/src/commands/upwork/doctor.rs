//! `applyd upwork doctor`: what a login finds at the site, and what stands against submitting. It only looks: it raises
//! no pause and agrees to no schema.

use std::process::ExitCode;

use applyd_core::outcome::Trouble;
use applyd_store::account::{Account, Channel};
use applyd_store::grant::{self, Grant};
use applyd_store::pause::{self, DRIFT_GUARD, Pause, Scope};
use applyd_store::tool_schema::{self, ToolSchema};
use applyd_store::{Store, Tx, meta};
use applyd_upwork::{Addresses, Tools, Visit};
use serde_json::{Value, json};

use super::link::listed;
use crate::cli::Global;
use crate::commands::serve::run;
use crate::failure::{self, Failure};
use crate::output;

const OK: &str = "ok";
const WARNING: &str = "warning";
const PROBLEM: &str = "problem";
const LINK: &str = "`applyd upwork link` links the person anew";
const LATER: &str = "try again later; nothing was changed";

/// What is known here before the site is asked.
struct Known {
    account: Account,
    grant: Option<Grant>,
    pauses: Vec<Pause>,
    verify_only: bool,
    schema: Option<ToolSchema>,
}

pub(super) fn doctor(
    global: &Global,
    account: String,
    freelancer: Option<String>,
) -> Result<ExitCode, Failure> {
    let settings = global.settings()?;
    let store = crate::commands::store(global, false)?;
    let known = store.read_blocking(move |tx| known(tx, &account, freelancer.as_deref()))?;
    let upwork = super::client(&store, &settings)?;
    let endpoint = settings.upwork.endpoint.to_string();
    let mut checks = Checks(vec![check("endpoint", OK, &endpoint, "")]);
    checks.of_store(&known);
    let usable = known.grant.clone().filter(|grant| !grant.dead && grant.endpoint == endpoint);
    let (addresses, visit) = run(async {
        let addresses = upwork.addresses().await;
        let visit = match &usable {
            Some(grant) => Some(upwork.visit(&grant.grantee, grant.org_uid.as_deref()).await),
            None => None,
        };
        Ok((addresses, visit))
    })?;
    checks.of_addresses(addresses);
    checks.of_login(&store, &known, &endpoint)?;
    match visit {
        Some(Ok(visit)) => checks.of_visit(&visit, &known),
        Some(Err(trouble)) => checks.of_trouble(trouble),
        None => {}
    }
    let Checks(checks) = checks;
    let is_ok = checks.iter().all(|check| check["verdict"] != PROBLEM);
    output::print(global.json, &json!({"checks": checks, "ok": is_ok}), |_| {
        checks.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::from(failure::USER) })
}

fn known(tx: &Tx<'_>, account: &str, freelancer: Option<&str>) -> Result<Known, Failure> {
    let account = crate::commands::account_of(tx, account)?;
    if account.channel != Channel::Upwork {
        return Err(Failure::hinted(
            format!("the account `{}` is of the channel {}", account.name, account.channel.as_str()),
            "only accounts of the channel upwork have logins; `applyd upwork accounts` shows them",
        ));
    }
    let grantee = super::grantee(tx, &account.id, freelancer)?;
    let grant = grantee.map(|grantee| grant::load(tx, &grantee)).transpose()?.flatten();
    let mut pauses = Vec::new();
    for scope in [Scope::All, Scope::Channel(account.channel), Scope::Account(account.id.clone())] {
        pauses.extend(pause::find(tx, &scope)?);
    }
    let schema = tool_schema::load(tx, account.channel)?;
    Ok(Known { account, grant, pauses, verify_only: meta::verify_only(tx)?.is_some(), schema })
}

/// In the order in which they are told.
struct Checks(Vec<Value>);

/// Without a hint where that is empty.
fn check(name: &str, verdict: &str, found: &str, hint: &str) -> Value {
    json!({"name": name, "verdict": verdict, "found": found, "hint": (!hint.is_empty()).then_some(hint)})
}

fn line(check: &Value) -> String {
    let [verdict, name, found] = ["verdict", "name", "found"].map(|member| output::shown(&check[member]));
    let told = format!("{verdict:<8}  {name:<14}  {found}");
    match check["hint"].as_str() {
        Some(hint) => format!("{told}\n{:<8}  {:<14}  hint: {hint}", "", ""),
        None => told,
    }
}

impl Checks {
    fn tell(&mut self, name: &str, verdict: &str, found: &str, hint: &str) {
        self.0.push(check(name, verdict, found, hint));
    }

    fn of_store(&mut self, known: &Known) {
        for pause in &known.pauses {
            let hint = match (&pause.scope, pause.set_by == DRIFT_GUARD) {
                (Scope::Channel(_), true) => {
                    "look at what has changed; then `applyd upwork agree`".to_owned()
                }
                (Scope::Account(_), _) => format!("`applyd resume {}` ends it", known.account.name),
                (Scope::Channel(channel), false) => {
                    format!("`applyd resume --channel {}` ends it", channel.as_str())
                }
                (Scope::All, _) => "`applyd resume` ends it".to_owned(),
            };
            // What a person has stopped is meant to stand still.
            let verdict = if pause.set_by == DRIFT_GUARD { PROBLEM } else { WARNING };
            self.tell("pause", verdict, &pause.to_string(), &hint);
        }
        if known.pauses.is_empty() {
            self.tell("pause", OK, "nothing is paused", "");
        }
        if known.verify_only {
            self.tell("verify-only", WARNING, "nothing is submitted", "`applyd verify-only end` ends it");
        }
    }

    fn of_addresses(&mut self, addresses: Result<Addresses, String>) {
        match addresses {
            Ok(Addresses { documents: [resource, server], registration }) => {
                self.tell("resource", OK, resource.as_str(), "");
                self.tell("login server", OK, server.as_str(), "");
                self.tell("registration", OK, registration.as_str(), "");
            }
            Err(reason) => {
                self.tell("login server", PROBLEM, &format!("its documents cannot be read: {reason}"), LATER);
            }
        }
    }

    /// As it stands after the visit, which may have renewed it or seen it die.
    fn of_login(&mut self, store: &Store, known: &Known, endpoint: &str) -> Result<(), Failure> {
        let Some(was) = &known.grant else {
            self.tell("login", PROBLEM, "nobody is linked", "`applyd upwork link` links a freelancer");
            return Ok(());
        };
        let grantee = was.grantee.clone();
        let now = store.read_blocking(move |tx| grant::load(tx, &grantee))?;
        match now.filter(|now| !now.dead) {
            None => self.tell("login", PROBLEM, "Upwork refuses it for good", LINK),
            Some(now) if now.endpoint != endpoint => {
                self.tell("login", PROBLEM, &format!("it is for {}", now.endpoint), LINK);
            }
            Some(now) => {
                self.tell("login", OK, &format!("{} is linked", now.grantee), "");
                let left_s = (now.expires_at - store.now()).max(0) / 1000;
                let found = format!("it lives for {left_s} s and is renewed by itself");
                match now.retry_at.filter(|at| *at > store.now()) {
                    Some(_) => self.tell("token", WARNING, "a renewal has just failed", LATER),
                    None => self.tell("token", OK, &found, ""),
                }
            }
        }
        Ok(())
    }

    fn of_trouble(&mut self, trouble: Trouble) {
        // The site's last word on a login; all else may pass.
        let hint = if matches!(trouble, Trouble::End(_) | Trouble::Login { .. }) { LINK } else { LATER };
        self.tell("session", PROBLEM, &trouble.reason(), hint);
    }

    fn of_visit(&mut self, visit: &Visit, known: &Known) {
        self.tell("protocol", OK, &visit.version, "");
        match &visit.tools {
            Ok(tools) => self.of_tools(tools, known.schema.as_ref()),
            Err(none) if none.is_compact => {
                self.tell("tools", PROBLEM, "compact mode", &none.reason);
            }
            Err(none) => {
                let hint = "this version of applyd cannot submit with them; look for a newer one";
                self.tell("tools", PROBLEM, &none.reason, hint);
            }
        }
        self.of_organisation(visit, known.grant.as_ref().and_then(|grant| grant.org_uid.as_deref()));
        match &visit.connects {
            Some(Ok(0)) => self.tell("connects", WARNING, "0", "proposals end as not_enough_connects"),
            Some(Ok(balance)) => self.tell("connects", OK, &balance.to_string(), ""),
            Some(Err(reason)) => self.tell("connects", WARNING, &format!("not read: {reason}"), LATER),
            None => {}
        }
    }

    fn of_tools(&mut self, tools: &Tools, schema: Option<&ToolSchema>) {
        self.tell("tools", OK, "full list", "");
        let named = format!("the names with {}", tools.preview_key);
        let older = if tools.is_older {
            "Upwork gives these names up; they are used while they are listed"
        } else {
            ""
        };
        self.tell("era", if tools.is_older { WARNING } else { OK }, &named, older);
        if tools.milestones {
            self.tell("milestones", OK, "carried", "");
        } else {
            let hint = "a request with milestones ends as unsupported_terms";
            self.tell("milestones", WARNING, "not carried", hint);
        }
        for demand in &tools.demands {
            self.tell("demands", OK, &format!("{}: {}", demand.tool, demand.members.join(", ")), "");
        }
        let hash = &tools.schema_sha256;
        match schema {
            None => self.tell("schema", WARNING, hash, "not agreed to yet; the first that a server sees is"),
            Some(known) if known.pinned_sha256 == *hash && known.agrees() => {
                self.tell("schema", OK, hash, "")
            }
            Some(known) => {
                let found = format!("{hash}, not the {} that is agreed to", known.pinned_sha256);
                let hint =
                    "a server stops when it sees that; look at what has changed, then `applyd upwork agree`";
                self.tell("schema", PROBLEM, &found, hint);
            }
        }
    }

    fn of_organisation(&mut self, visit: &Visit, linked: Option<&str>) {
        let all = listed(&visit.organisations);
        let own = visit.organisations.iter().find(|one| linked == Some(one.org_uid.as_str()));
        match own {
            Some(own) if own.is_suspended => {
                self.tell(
                    "organisation",
                    PROBLEM,
                    &all,
                    "Upwork has suspended it; the person has to ask Upwork",
                );
            }
            Some(own) => {
                self.tell("organisation", OK, &format!("{} of {all}", own.org_uid), "");
            }
            None => {
                let linked = linked.unwrap_or("none");
                let found = format!("{linked} is linked, which is not among: {all}");
                self.tell("organisation", PROBLEM, &found, LINK);
            }
        }
    }
}
