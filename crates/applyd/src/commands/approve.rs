//! `applyd approvals`, `applyd approve`, `applyd decline`: a person decides, at the operator's machine.

mod shown;

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use applyd_core::ids::{QueueId, ShowingId};
use applyd_core::state::State;
use applyd_store::application::{self, Application};
use applyd_store::approval::{self, Approved, Person, Showing, Shown};
use applyd_store::letter::{self, Origin};
use applyd_store::{Error, Store, pause};
use serde_json::{Value, json};

use super::serve::{Stop, run};
use crate::cli::{ApproveArgs, Global, PersonArgs};
use crate::failure::Failure;
use crate::output;

/// Where decisions of these commands come from, as the audit names it.
const ADDRESS: &str = "command line";
/// The running server has to make the preview in this time; on the live site that takes up to 35 s.
const LONGEST_OPENING: Duration = Duration::from_secs(90);
/// A wish to look is forgotten by the server after a minute.
const ASK_AGAIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// What a person types; anything else approves nothing.
const YES: &str = "approve";

pub(super) fn list(global: &Global, account: Option<String>) -> Result<(), Failure> {
    let waiting = super::store(global, false)?.read_blocking(move |tx| {
        let account = account.as_deref().map(|name| super::account_of(tx, name)).transpose()?;
        Ok::<_, Failure>(approval::waiting(tx, account.as_ref().map(|account| &account.id))?)
    })?;
    let waiting: Vec<Value> = waiting
        .iter()
        .map(|waiting| {
            json!({"queueId": waiting.id.as_str(), "accountId": waiting.account.as_str(),
                   "account": waiting.account_name, "jobId": waiting.job, "acceptedAt": waiting.accepted_at,
                   "approveBy": waiting.approve_by})
        })
        .collect();
    output::print(global.json, &json!({ "approvals": waiting }), |value| {
        let waiting = value["approvals"].as_array().map(Vec::as_slice).unwrap_or_default();
        if waiting.is_empty() {
            return "nothing waits for a person".to_owned();
        }
        let rows = waiting
            .iter()
            .map(|of| [&of["queueId"], &of["account"], &of["jobId"]].map(output::shown).to_vec());
        format!(
            "{}\n`applyd approve QUEUEID` shows one and asks",
            output::table(&["queueId", "account", "job"], rows)
        )
    })
}

pub(super) fn approve(global: &Global, arguments: ApproveArgs) -> Result<(), Failure> {
    let ApproveArgs { queue_id: id, person, show, showing } = arguments;
    let store = super::store(global, false)?;
    if let Some(showing) = showing {
        return decided(global, &store, &id, &showing, &person.name()?);
    }
    let (server, asked) = (store.clone(), id.clone());
    let Some((showing, shown)) = unless_stopped(move || open(&server, &asked))? else {
        return Err(left(global, &store, &id));
    };
    let sheet = sheet(&store, &id, &showing, &shown)?;
    if show {
        output::print(global.json, &sheet, shown::text)?;
        let hint = format!("applyd approve {id} --showing {}", showing.as_str());
        writeln!(std::io::stderr(), "approve exactly this, while it is open: {hint}")?;
        return Ok(());
    }
    let person = person.name()?;
    let question = format!(
        "{}\n\nType `{YES}` to submit this for {} Connects as {person}: ",
        shown::text(&sheet),
        shown.cost.total()
    );
    if typed(question)?.trim() != YES {
        return Err(left(global, &store, &id));
    }
    decided(global, &store, &id, &showing, &person)
}

/// What a person answers; nothing where the terminal is closed, or Ctrl-C or SIGTERM is the answer.
fn typed(question: String) -> Result<String, Failure> {
    let read = unless_stopped(move || {
        write!(std::io::stderr(), "{question}")?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line)
    });
    Ok(read?.unwrap_or_default())
}

/// What `work` comes to; `None` where Ctrl-C or SIGTERM comes first.
fn unless_stopped<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<Option<T>, Failure> {
    run(async move {
        let mut stop = Stop::listen()?;
        tokio::select! {
            done = tokio::task::spawn_blocking(work) => done.map_err(std::io::Error::other)?.map(Some),
            () = stop.heard() => {
                writeln!(std::io::stderr())?;
                Ok(None)
            }
        }
    })
}

/// Others need not wait until what nobody looks at any more closes by itself.
fn left(global: &Global, store: &Store, id: &QueueId) -> Failure {
    let close = || {
        let (id, timing) = (id.clone(), global.settings()?.timing);
        Ok(store.write_blocking(move |tx| approval::close(tx, &id, &timing))?)
    };
    close().err().unwrap_or_else(|| {
        Failure::hinted("not approved; it goes on waiting", "`applyd decline QUEUEID --reason TEXT` ends it")
    })
}

fn sheet(store: &Store, id: &QueueId, showing: &ShowingId, shown: &Shown) -> Result<Value, Failure> {
    let (asked, profile) = (id.clone(), shown.terms.profile_id.clone());
    let about = store.read_blocking(move |tx| approval::about(tx, &asked, profile.as_deref()))?;
    let about = about.ok_or_else(|| Failure::user(format!("there is no application `{id}`")))?;
    Ok(shown::sheet(id, showing, shown, &about, &origin(store, id, shown)?))
}

/// Has the running server make a preview, and waits for it.
fn open(store: &Store, id: &QueueId) -> Result<(ShowingId, Shown), Failure> {
    let begun = store.now();
    let (since, mut asked) = (Instant::now(), None::<Instant>);
    tell_who_is_in_the_way(store, id)?;
    while since.elapsed() < LONGEST_OPENING {
        if asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN) {
            ask(store, id)?;
            asked = Some(Instant::now());
        }
        let (wanted, now) = (id.clone(), store.now());
        let (application, showing) = store.read_blocking(move |tx| {
            Ok::<_, Error>((application::load(tx, &wanted)?, approval::last_shown(tx, &wanted)?))
        })?;
        let application = waits(id, application)?;
        let is_open = application.progress.worker.is_none()
            && application.progress.opened_until.is_some_and(|until| now < until);
        match showing.filter(|showing| showing.at >= begun || is_open) {
            Some(Showing { id, content: Ok(shown), .. }) if is_open => return Ok((id, shown)),
            Some(Showing { content: Err(reason), at, .. }) if at >= begun => {
                return Err(Failure::user(format!("it could not be shown: {reason}")));
            }
            _ => std::thread::sleep(POLL),
        }
    }
    let message = format!("no preview within {} s", LONGEST_OPENING.as_secs());
    let hint = "a server must be running on this database, and the account's one preview slot must be free";
    Err(Failure::hinted(message, hint))
}

/// Who waits should know what for.
fn tell_who_is_in_the_way(store: &Store, id: &QueueId) -> Result<(), Failure> {
    let wanted = id.clone();
    let Some((keeper, until)) = store.read_blocking(move |tx| approval::in_the_way(tx, &wanted))? else {
        return Ok(());
    };
    let until = until.map(|until| format!(", until {} at the latest", applyd_core::time::iso(until)));
    let until = until.unwrap_or_default();
    writeln!(std::io::stderr(), "{keeper} has the account's one preview{until}; this one waits for it")?;
    Ok(())
}

/// Where the letter that is shown comes from.
fn origin(store: &Store, id: &QueueId, shown: &Shown) -> Result<Origin, Error> {
    let (id, text) = (id.clone(), shown.terms.cover_letter.clone());
    store.read_blocking(move |tx| match application::load(tx, &id)? {
        Some(application) => letter::origin(tx, &application.account, &application.job, &text),
        None => Ok(Origin::default()),
    })
}

fn ask(store: &Store, id: &QueueId) -> Result<(), Failure> {
    let asked = id.clone();
    let paused = store.write_blocking(move |tx| {
        approval::ask(tx, &asked)?;
        let Some(application) = application::load(tx, &asked)? else { return Ok::<_, Error>(None) };
        let Some(pause) = pause::of(tx, &application.account, application.channel)? else { return Ok(None) };
        Ok(Some((pause.to_string(), super::pause::end_of(tx, &pause)?)))
    })?;
    match paused {
        Some((pause, hint)) => Err(Failure::hinted(pause, hint)),
        None => Ok(()),
    }
}

/// The application, if it still waits for a person.
fn waits(id: &QueueId, found: Option<Application>) -> Result<Application, Failure> {
    let hint = "`applyd approvals` lists what waits";
    let Some(application) = found else {
        return Err(Failure::hinted(format!("there is no application `{id}`"), hint));
    };
    let progress = &application.progress;
    match (&progress.message, progress.state) {
        (_, State::AwaitingApproval) => Ok(application),
        (Some(message), _) => Err(Failure::hinted(format!("{id} has ended: {message}"), hint)),
        (None, state) => {
            let state = state.status().as_str();
            Err(Failure::hinted(format!("{id} does not wait for a person: it is {state}"), hint))
        }
    }
}

fn decided(
    global: &Global,
    store: &Store,
    id: &QueueId,
    showing: &ShowingId,
    person: &str,
) -> Result<(), Failure> {
    let timing = global.settings()?.timing;
    let (wanted, seen, name) = (id.clone(), showing.clone(), person.to_owned());
    let approved = store.write_blocking(move |tx| {
        let person = Person { name: &name, address: ADDRESS };
        let approved = approval::approve(tx, &wanted, &seen, person, &timing)?;
        Ok::<_, Error>((approved, application::load(tx, &wanted)?))
    })?;
    let (approved, found) = approved;
    let (verdict, text) = match approved {
        Approved::Queued(_) => ("approved", format!("{id} is approved by {person} and will be submitted")),
        Approved::NeedsAnother => {
            ("needs_another", format!("{id}: another person must approve the same too"))
        }
        Approved::Again => {
            return Err(Failure::user(format!("{person} has approved this already; another person must")));
        }
        Approved::NotShown => {
            // What is over is told as that.
            waits(id, found)?;
            let message = "this is not what is shown now: it was closed, has expired, or has changed";
            return Err(Failure::hinted(message, "`applyd approve QUEUEID` shows it anew"));
        }
        Approved::OverBudget(limit) => {
            return Err(Failure::hinted(
                format!("not approved: {limit}"),
                "`applyd budget list ACCOUNT` shows the limits",
            ));
        }
    };
    output::print(global.json, &json!({"queueId": id.as_str(), "verdict": verdict, "by": person}), |_| text)
}

pub(super) fn decline(
    global: &Global,
    id: QueueId,
    reason: String,
    person: PersonArgs,
) -> Result<(), Failure> {
    let (timing, name) = (global.settings()?.timing, person.name()?);
    let (wanted, by) = (id.clone(), name.clone());
    let declined = super::store(global, false)?.write_blocking(move |tx| {
        let person = Person { name: &by, address: ADDRESS };
        if approval::decline(tx, &wanted, person, &reason, &timing)?.is_ok() {
            return Ok::<_, Failure>(());
        }
        let found = application::load(tx, &wanted)?;
        waits(&wanted, found).map(|_| ())
    });
    declined?;
    let told = json!({"queueId": id.as_str(), "verdict": "declined", "by": name});
    output::print(global.json, &told, |_| format!("{id} is declined by {name}; its credit is back"))
}
