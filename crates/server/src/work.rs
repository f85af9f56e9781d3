//! The workers: take an application, prepare it, cross the gate once, settle it.

mod dispatch;
mod gate;
mod heartbeat;
mod leases;
mod look;
mod pace;
mod step;
mod sweep;
mod wakes;
pub mod witness;

use std::sync::Arc;

use applyd_core::draft::Draft;
use applyd_core::ids::QueueId;
use applyd_core::json;
use applyd_core::state::{Refused, State};
use applyd_core::terms::Terms;
use applyd_core::time::Timing;
use applyd_store::application::Application;
use applyd_store::freelancer::{self, Applicant};
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, Store, Tx};
use applyd_upwork::{Assignment, Upwork};

use crate::marketplaces::{Marketplaces, fill};
use crate::metrics;
use crate::news::News;
pub(crate) use dispatch::dispatch;
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
    pub(crate) leases: Arc<Leases>,
    pub(crate) witness: Witness,
    pub(crate) news: Arc<News>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) workers: usize,
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
                queue::advance(tx, &id, event, by, &timing, beside)
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

    fn publish(&self, application: &Application) {
        self.news.publish(application);
        let progress = &application.progress;
        if progress.state.is_terminal() && progress.state != State::Unknown {
            // A correction comes later, but the slot was free from the deadline on.
            let ended_at = self.store.now().min(progress.deadline);
            self.pace.ended(&application.account, application.accepted_at, ended_at);
        }
        if progress.state.is_terminal() {
            metrics::ended(application, self.store.now());
        }
        if !progress.state.holds_slot() {
            self.wakes.wake(&application.account);
        }
    }
}

/// The assignment of a stored request. It was judged when it was accepted, so a failure is ours.
fn assignment(application: &Application, request: &str, applicant: Applicant) -> Result<Assignment, Error> {
    let terms = terms(request).ok_or_else(|| Error::Damaged(format!("the request of {}", application.id)))?;
    Ok(Assignment {
        queue_id: Some(application.id.clone()),
        grantee: applicant.grantee,
        job: application.job.clone(),
        terms,
        default_rate: applicant.rate,
        fill: fill(application.channel),
    })
}

/// In whose name a stored request applies; none where its profile was removed meanwhile.
fn applicant(tx: &Tx<'_>, application: &Application, request: &str) -> Result<Option<Applicant>, Error> {
    let profile = terms(request).and_then(|terms| terms.profile_id);
    freelancer::applicant(tx, application.channel, &application.account, profile.as_deref())
}

fn terms(request: &str) -> Option<Terms> {
    let members = json::object(request.as_bytes()).ok()?;
    let request = serde_json::from_value(serde_json::Value::Object(members)).ok()?;
    Draft::parse(request).ok().map(|draft| draft.terms)
}
