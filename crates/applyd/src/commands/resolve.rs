//! `applyd unresolved` and `applyd resolve`: a person who has looked at the site settles what nobody knew.

use applyd_core::approval::Policy;
use applyd_core::state::{Closed, State};
use applyd_core::time::iso;
use applyd_store::application::Application;
use applyd_store::resolve::{self, Finding, Open, Resolved};
use serde_json::{Value, json};

use crate::cli::{Global, ResolveArgs};
use crate::failure::Failure;
use crate::output;

const LISTED: &str = "`applyd unresolved` lists what waits for a person's word";

pub(super) fn list(global: &Global, account: Option<String>) -> Result<(), Failure> {
    let open = super::store(global, false)?.read_blocking(move |tx| {
        let account = account.as_deref().map(|name| super::account_of(tx, name)).transpose()?;
        Ok::<_, Failure>(resolve::list(tx, account.as_ref().map(|account| &account.id))?)
    })?;
    let open: Vec<Value> = open.iter().map(told).collect();
    output::print(global.json, &json!({ "unresolved": open }), |value| {
        let open = value["unresolved"].as_array().map(Vec::as_slice).unwrap_or_default();
        if open.is_empty() {
            return "nothing waits for a person's word".to_owned();
        }
        let mut text = String::new();
        for of in open {
            let [id, account, job, state, since] =
                [&of["queueId"], &of["account"], &of["jobId"], &of["state"], &of["since"]].map(output::shown);
            text += &format!("{id}  {state}  since {since}\n  account {account}, job {job}\n");
            for entry in of["evidence"].as_array().into_iter().flatten() {
                let [at, event, by] = [&entry["at"], &entry["event"], &entry["by"]].map(output::shown);
                let detail = entry["detail"].as_str().map(|detail| format!(": {detail}")).unwrap_or_default();
                text += &format!("  {at}  {event} by {by}{detail}\n");
            }
        }
        text + "look at Upwork, then `applyd resolve QUEUEID --submitted | --not-submitted --note TEXT`"
    })
}

fn told(open: &Open) -> Value {
    let (application, progress) = (&open.application, &open.application.progress);
    let since = progress.intent.as_ref().map_or(application.accepted_at, |intent| intent.at);
    let word = if progress.state == State::Failed { "unresolved" } else { progress.state.as_str() };
    let evidence: Vec<Value> = open
        .timeline
        .iter()
        .map(|of| json!({"at": iso(of.at), "event": of.event, "by": of.by, "detail": of.detail}))
        .collect();
    json!({
        "queueId": application.id.as_str(), "accountId": application.account.as_str(), "account": open.account_name,
        "channel": application.channel.as_str(), "jobId": application.job.as_str(), "state": word,
        "applicationStatus": progress.state.status().as_str(), "since": iso(since), "evidence": evidence,
    })
}

pub(super) fn run(global: &Global, arguments: ResolveArgs) -> Result<(), Failure> {
    let ResolveArgs { queue_id: id, finding, proposal, person, note } = arguments;
    let (timing, name) = (global.settings()?.timing, person.name()?);
    let finding = match (finding.submitted, finding.not_submitted) {
        (true, _) => Finding::Submitted(proposal),
        (_, true) => Finding::NotSubmitted,
        _ => Finding::ClearGuard,
    };
    let store = super::store(global, false)?;
    let (wanted, by) = (id.clone(), name.clone());
    let resolved =
        store.write_blocking(move |tx| resolve::resolve(tx, &wanted, &finding, &by, &note, &timing))?;
    let (outcome, text) = match resolved {
        Resolved::Settled(now) => {
            let is_applied = now.progress.state == State::Applied;
            let outcome = if is_applied { "applied" } else { "not_submitted" };
            let credit = if is_applied { "is spent" } else { "is back" };
            (outcome, format!("{id} is settled by {name}: {outcome}; its credit {credit}"))
        }
        Resolved::Noted => (
            "noted",
            format!(
                "{id} ended as unresolved, which stays; the finding stands in its timeline\n(--clear-guard lets its job be applied to again)"
            ),
        ),
        Resolved::GuardCleared => ("guard_cleared", format!("the job of {id} may be applied to again")),
        Resolved::Unknown => return Err(Failure::hinted(format!("there is no application `{id}`"), LISTED)),
        Resolved::NotOpen(application) => return Err(not_open(&application)),
        Resolved::NotUnresolved(_) => {
            let message = format!("{id} has not ended as unresolved: only that leaves a guard to clear");
            return Err(Failure::hinted(message, "say --submitted or --not-submitted"));
        }
        Resolved::TooEarly(from) => return Err(too_early(from, store.now())),
    };
    let told = json!({"queueId": id.as_str(), "outcome": outcome, "by": name});
    output::print(global.json, &told, |_| text)
}

/// Says why there is nothing for a person to say.
fn not_open(application: &Application) -> Failure {
    let (id, progress) = (&application.id, &application.progress);
    let closed = progress.intent.as_ref().map(|intent| intent.closed);
    let message = match &progress.message {
        Some(message) => format!("{id} has ended: {message}"),
        None if progress.state == State::Applied => format!("{id} is applied already"),
        None if progress.policy == Policy::Desk && closed == Some(Closed::Open) => {
            let until = iso(progress.deadline);
            format!("{id} is with the person who submits it, who has until {until} to record the outcome")
        }
        None => format!("{id} is under way; its outcome is not in doubt"),
    };
    Failure::hinted(message, LISTED)
}

/// T14, T18: "not submitted" is true only when nothing can follow any more.
fn too_early(from: Option<i64>, now: i64) -> Failure {
    let message = "it cannot be called not submitted yet: what was on its way may still arrive";
    let hint = match from {
        Some(from) => format!("say it again in {} s, after one more look at Upwork", (from - now).max(0) / 1000 + 1),
        None => "it is not proven that the process which sent it has ended: a server that starts on this database \
                 proves it; say it again some seconds later, after one more look at Upwork"
            .to_owned(),
    };
    Failure::hinted(message, hint)
}
