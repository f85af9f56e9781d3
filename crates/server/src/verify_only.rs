//! At the start: does the store still know every intent that the witness knows? If not, nothing is submitted
//! until the operator has looked.

use std::collections::HashSet;
use std::path::Path;

use applyd_core::state::State;
use applyd_store::recover::{self, Known, Witnessed};
use applyd_store::{Error, Store, application, meta, retention};

use crate::config::Settings;
use crate::start::{StartError, Tried};
use crate::work::witness::{KEPT_MS, Testimony, Witness};

/// Compares store and witness, brings back what was lost, and opens the witness for this start.
pub(crate) async fn check(store: &Store, settings: &Settings, identity: &str) -> Result<Witness, StartError> {
    let path = &settings.witness_file;
    let unreadable = || format!("cannot read the witness {}", path.display());
    let testimony = Witness::read(path).tried(unreadable)?;
    let empty = store.read(recover::is_empty).await?;
    let stranger = testimony.store.as_deref().is_some_and(|store| store != identity);
    if stranger && empty {
        set_aside(path, &testimony)?;
        return Witness::open(path, identity)
            .tried(|| format!("cannot write the witness {}", path.display()));
    }
    if stranger {
        begin(store, "the store's identity differs from the witness's").await?;
    }
    if testimony.damaged > 0 {
        begin(store, "the witness has lines that cannot be read").await?;
    }
    let kept = bring_back(store, settings, testimony.intents).await?;
    let has_unusable = testimony.damaged > 0 || kept.given_up;
    if has_unusable {
        keep_copy(path, store.now())?;
    }
    if kept.pruned || stranger || has_unusable {
        Witness::rewrite(path, identity, &kept.intents)
            .tried(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(reason) = store.read(meta::verify_only).await? {
        tracing::warn!(reason, "verify-only: nothing is submitted until `applyd verify-only end`");
    }
    Witness::open(path, identity).tried(|| format!("cannot write the witness {}", path.display()))
}

struct Kept {
    intents: Vec<Witnessed>,
    pruned: bool,
    given_up: bool,
}

fn set_aside(path: &Path, testimony: &Testimony) -> Result<(), StartError> {
    let store = testimony.store.as_deref().unwrap_or("unknown");
    let aside = Witness::set_aside(path, store).tried(|| format!("cannot rename {}", path.display()))?;
    tracing::warn!(aside = %aside.display(), "the store is new and the witness is of another one; it is kept aside");
    Ok(())
}

/// What no start can use is for the operator to read, and no reason to begin the mode again at every start.
fn keep_copy(path: &Path, now: i64) -> Result<(), StartError> {
    let copy = Witness::copy(path, now).tried(|| format!("cannot copy {}", path.display()))?;
    tracing::warn!(copy = %copy.display(), "the witness has lines that cannot be used; a copy of it is kept");
    Ok(())
}

async fn begin(store: &Store, reason: &'static str) -> Result<(), Error> {
    tracing::warn!(reason, "verify-only mode begins");
    store.write(move |tx| meta::set_verify_only(tx, Some(reason))).await
}

/// Newest first, so that of two intents for one job the later one keeps the job.
async fn bring_back(store: &Store, settings: &Settings, intents: Vec<Witnessed>) -> Result<Kept, StartError> {
    let mut kept = Kept { intents: Vec::with_capacity(intents.len()), pruned: false, given_up: false };
    let timing = settings.timing;
    for intent in intents.into_iter().rev() {
        let id = intent.id.clone();
        if store.read(move |tx| recover::is_lost(tx, &id)).await? {
            begin(store, "the store has lost an intent that the witness knows").await?;
            let lost = intent.clone();
            let known = store.write(move |tx| recover::recover(tx, &lost, &timing)).await?;
            match known {
                Known::No(why) => {
                    tracing::error!(application = %intent.id, job = %intent.job, why, "an intent is lost");
                    kept.given_up = true;
                    continue;
                }
                Known::Yes | Known::Recovered => {
                    tracing::warn!(application = %intent.id, job = %intent.job, "a lost intent is brought back, to be verified");
                }
            }
        } else if is_old_and_settled(store, &intent).await? {
            kept.pruned = true;
            continue;
        }
        kept.intents.push(intent);
    }
    kept.intents.reverse();
    Ok(kept)
}

/// Takes out of the witness of a running server what would not be kept at its next start.
pub(crate) async fn prune(store: &Store, witness: &Witness) -> Result<(), StartError> {
    let unreadable = || "cannot read the witness".to_owned();
    let mut settled = HashSet::new();
    let read = witness.clone();
    let testimony = tokio::task::spawn_blocking(move || read.testimony()).await;
    for intent in testimony.map_err(std::io::Error::other).flatten().tried(unreadable)?.intents {
        if is_old_and_settled(store, &intent).await? {
            settled.insert(intent.id);
        }
    }
    if settled.is_empty() {
        return Ok(());
    }
    tracing::info!(applications = settled.len(), "the witness forgets what is long over");
    let written = witness.clone();
    let forgotten = tokio::task::spawn_blocking(move || written.forget(&settled)).await;
    forgotten.map_err(std::io::Error::other).flatten().tried(|| "cannot write the witness".to_owned())
}

/// Also what was erased before its time: a wipe leaves no letter.
async fn is_old_and_settled(store: &Store, intent: &Witnessed) -> Result<bool, Error> {
    let id = intent.id.clone();
    if store.read(move |tx| retention::is_erased(tx, &id)).await? {
        return Ok(true);
    }
    if intent.at > store.now() - KEPT_MS {
        return Ok(false);
    }
    let id = intent.id.clone();
    let found = store.read(move |tx| application::load(tx, &id)).await?;
    Ok(found
        .is_some_and(|found| found.progress.state.is_terminal() && found.progress.state != State::Unknown))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use applyd_core::approval::Policy;
    use applyd_core::draft::Draft;
    use applyd_core::ids::{AccountId, KeyId, QueueId};
    use applyd_core::job_ref::JobRef;
    use applyd_core::ledger::Kind;
    use applyd_core::outcome::{Code, Ending};
    use applyd_core::state::{By, Event};
    use applyd_core::terms::Cents;
    use applyd_core::time::Timing;
    use applyd_store::account::Channel;
    use applyd_store::freelancer::{self, NewFreelancer, NewProfile};
    use applyd_store::queue::{self, Accept, Beside, New};
    use applyd_store::{Clock, account, ledger};

    use super::*;
    use crate::fresh::Fresh;

    const START: i64 = 1_800_000_000_000;
    const PEOPLE: [NewFreelancer<'_>; 1] = [NewFreelancer {
        id: "fl",
        name: "Ada",
        profiles: &[NewProfile { id: "pf", title: "Rust", hourly_rate: Cents::new(6500), is_default: true }],
    }];

    /// Two applications with an intent; the first is refused, of the second nothing is known.
    fn applied(store: &Store) -> Vec<Witnessed> {
        let account = AccountId::new(START, 1);
        let request = r#"{"jobId":"~022000000000000000001","coverLetter":"Hello"}"#;
        let accepted = store.write_blocking(move |tx| {
            account::create(tx, &account, "a", Channel::Sandbox)?;
            freelancer::add(tx, &account, &PEOPLE)?;
            ledger::post(tx, &account, None, Kind::Grant, 9)?;
            let mut witnessed = Vec::new();
            for n in 1..=2_u64 {
                let new = New {
                    id: QueueId::new(START, u128::from(n)),
                    account: account.clone(),
                    channel: Channel::Sandbox,
                    key: KeyId::new(START, 1),
                    policy: Policy::None,
                    ceiling_connects: None,
                    job: JobRef::parse(&format!("~02200000000000000000{n}")).unwrap(),
                    terms: Draft::parse(serde_json::from_str(request).unwrap()).unwrap().terms,
                    fresh_job_id: format!("00000000-0000-4000-8000-00000000000{n}"),
                    request: request.to_owned(),
                    timing: Timing::DEFAULT,
                    one_takes_ms: None,
                };
                let Accept::Accepted { application, .. } = queue::accept(tx, &new)? else { panic!() };
                let timing = Timing::DEFAULT;
                let step = |event, by| {
                    queue::advance(tx, &application.id, event, by, &timing, Beside::default())?
                        .map_or_else(|refused| panic!("{refused:?}"), Ok::<_, Error>)
                };
                let epoch = queue::claim(tx, &account, "w", &timing)?.unwrap().progress.epoch;
                step(Event::Arm { terms_sha256: "h".into() }, By::Worker(epoch))?;
                step(Event::Cross { terms_sha256: "h".into() }, By::Worker(epoch))?;
                if n == 1 {
                    step(Event::Declined(Ending::of(Code::Refused)), By::Sender(epoch))?;
                }
                witnessed.push(Witnessed {
                    id: application.id.clone(),
                    account: account.clone(),
                    channel: Channel::Sandbox,
                    job: application.job.clone(),
                    processed_job_id: application.processed_job_id.clone(),
                    accepted_at: START,
                    at: START,
                    worker: "w".into(),
                    terms_sha256: "h".into(),
                    request: request.to_owned(),
                    login: None,
                });
            }
            Ok::<_, Error>(witnessed)
        });
        accepted.unwrap()
    }

    #[tokio::test]
    async fn a_running_server_forgets_what_is_long_over_and_goes_on_writing() {
        let fresh = Fresh::new();
        let clock = Arc::new(AtomicI64::new(START));
        let store = fresh.open(Clock::Manual(Arc::clone(&clock)));
        let opened = store.clone();
        let intents = tokio::task::spawn_blocking(move || applied(&opened)).await.unwrap();
        let path = fresh.path().join("applyd.witness");
        let witness = Witness::open(&path, "store").unwrap();
        for intent in &intents {
            witness.append(intent).await.unwrap();
        }
        let kept = || Witness::read(&path).unwrap().intents.into_iter().map(|intent| intent.id);
        clock.fetch_add(KEPT_MS - 1, Ordering::SeqCst);
        prune(&store, &witness).await.unwrap();
        assert_eq!(kept().count(), 2, "thirty days");
        clock.fetch_add(2, Ordering::SeqCst);
        prune(&store, &witness).await.unwrap();
        assert!(kept().eq([intents[1].id.clone()]), "what is not known stays");
        witness.append(&intents[0]).await.unwrap();
        assert!(kept().eq([intents[1].id.clone(), intents[0].id.clone()]), "the new file is written to");
        assert!(Witness::open(&path, "store").is_err(), "and held");
        assert_eq!(Witness::read(&path).unwrap().store.as_deref(), Some("store"));
    }
}
