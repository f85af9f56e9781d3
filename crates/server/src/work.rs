//! The workers: take an application, prepare it, cross the gate once, settle it.

mod answers;
mod dispatch;
mod gate;
mod heartbeat;
mod leases;
mod look;
mod open;
mod pace;
mod step;
mod sweep;
mod taken;
mod verify;
mod wakes;
pub mod witness;

use std::sync::Arc;

use applyd_core::draft::Draft;
use applyd_core::ids::QueueId;
use applyd_core::json;
use applyd_core::retention::Kept;
use applyd_core::retry::look_again_ms;
use applyd_core::state::{Refused, State};
use applyd_core::terms::{Cents, Terms};
use applyd_core::time::{CLOCK_MARGIN_MS, Timing};
use applyd_store::account::Channel;
use applyd_store::application::Application;
use applyd_store::freelancer::{self, Chosen};
use applyd_store::grant::Grantee;
use applyd_store::intent::Login;
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, Store, Tx};
use applyd_upwork::{Assignment, Upwork};

use crate::letter::Letters;
use crate::marketplaces::{Marketplaces, fill};
use crate::news::News;
pub(crate) use dispatch::dispatch;
pub(crate) use gate::witnessed;
pub(crate) use heartbeat::Heartbeat;
pub use leases::Leases;
pub(crate) use pace::Pace;
pub use step::step;
pub(crate) use sweep::{recover_others, sweep};
pub(crate) use wakes::Wakes;
use witness::Witness;

/// What the workers of one process share.
pub struct Worker {
    pub(crate) store: Store,
    pub(crate) marketplaces: Marketplaces,
    pub(crate) timing: Timing,
    pub(crate) retention: Kept,
    pub(crate) leases: Arc<Leases>,
    pub(crate) witness: Witness,
    pub(crate) news: Arc<News>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) pace: Arc<Pace>,
    /// Who writes the answers that callers leave to the server.
    pub(crate) letters: Arc<Letters>,
    pub(crate) workers: usize,
    /// The operator's leave to take absence at the live site for an answer.
    pub(crate) trusts_negative_reads: bool,
}

impl Worker {
    /// Moves an application and lets readers and waiting accounts know.
    async fn advance(
        &self,
        id: &QueueId,
        event: applyd_core::state::Event,
        by: applyd_core::state::By,
        note: Option<String>,
    ) -> Result<Result<Application, Refused>, Error> {
        let (id, timing) = (id.clone(), self.timing);
        let moved = self
            .store
            .write(move |tx| {
                let beside = Beside { note: note.as_deref(), ..Beside::default() };
                queue::advance(tx, &id, event.clone(), by, &timing, beside)
            })
            .await?;
        if let Ok(application) = &moved {
            self.publish(application);
        }
        Ok(moved)
    }

    /// The client of an application's channel. A machine takes nothing of the desk, so a missing one is our fault.
    fn marketplace(&self, application: &Application) -> Result<&Upwork, Error> {
        let none = || Error::Damaged(format!("{} is for a person to submit", application.id));
        self.marketplaces.of(application.channel).ok_or_else(none)
    }

    /// Whether complete reads that find nothing settle a lost answer; at a live site only by the operator's leave,
    /// and only when the preview cannot be confirmed any more.
    fn absence_settles(&self, application: &Application) -> bool {
        let is_over = || {
            let over = application.preview_expires_at.map(|at| at + CLOCK_MARGIN_MS);
            over.is_some_and(|over| self.store.now() >= over)
        };
        match application.channel {
            Channel::Sandbox => true,
            Channel::Upwork => self.trusts_negative_reads && is_over(),
            Channel::Desk => false,
        }
    }

    /// How long to wait before the site is read again for a lost answer.
    fn look_again_ms(&self, application: &Application) -> i64 {
        match (application.channel, &application.progress.intent) {
            (Channel::Upwork, Some(intent)) => look_again_ms(self.store.now() - intent.at),
            _ => self.timing.read_spacing_ms,
        }
    }

    fn publish(&self, application: &Application) {
        self.news.publish(application);
        let progress = &application.progress;
        if progress.state.is_terminal() && progress.state != State::Unknown {
            // A correction comes later, but the slot was free from the deadline on.
            let ended_at = self.store.now().min(progress.deadline);
            self.pace.ended(&application.account, application.accepted_at, ended_at);
        }
        if !progress.holds_slot() || progress.state == State::Queued {
            self.wakes.wake(&application.account);
        }
    }
}

/// What is looked for after an intent, by the login that sent. The request was judged when it was accepted, so a
/// failure is ours. An intent that does not know goes by the profile; where that was removed meanwhile, there is no
/// login to read with.
fn assignment(
    application: &Application,
    request: &str,
    profile: Option<&Chosen>,
    login: Option<Login>,
) -> Result<Assignment, Error> {
    let terms = terms(request).ok_or_else(|| Error::Damaged(format!("the request of {}", application.id)))?;
    let account = &application.account;
    let nobody = || Grantee::of_account(account.clone());
    Ok(Assignment {
        queue_id: Some(application.id.clone()),
        grantee: match &login {
            Some(login) => login.grantee(application),
            None => profile.map_or_else(nobody, |profile| profile.grantee(application.channel, account)),
        },
        org_uid: login.map(|login| login.org_uid),
        job: application.job.clone(),
        terms,
        // A read needs no rate.
        default_rate: Cents::new(0),
        fill: fill(application.channel),
        approved: None,
    })
}

/// The profile of a stored request; none where it was removed meanwhile.
fn profile(tx: &Tx<'_>, application: &Application, request: &str) -> Result<Option<Chosen>, Error> {
    let named = terms(request).and_then(|terms| terms.profile_id);
    freelancer::profile(tx, &application.account, named.as_deref())
}

/// The terms of a stored request.
pub(crate) fn terms(request: &str) -> Option<Terms> {
    let members = json::object(request.as_bytes()).ok()?;
    let request = serde_json::from_value(serde_json::Value::Object(members)).ok()?;
    Draft::parse(request).ok().map(|draft| draft.terms)
}
