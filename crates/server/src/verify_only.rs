//! At the start: does the store still know every intent that the witness knows? If not, nothing is submitted
//! until the operator has looked.

use std::path::Path;

use applyd_core::state::State;
use applyd_store::recover::{self, Known, Witnessed};
use applyd_store::{Error, Store, application, meta};

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

async fn is_old_and_settled(store: &Store, intent: &Witnessed) -> Result<bool, Error> {
    if intent.at > store.now() - KEPT_MS {
        return Ok(false);
    }
    let id = intent.id.clone();
    let found = store.read(move |tx| application::load(tx, &id)).await?;
    Ok(found
        .is_some_and(|found| found.progress.state.is_terminal() && found.progress.state != State::Unknown))
}
