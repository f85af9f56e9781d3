//! The verify-only mode: an application of which no intent is known is read for, and not submitted.

use applyd_core::outcome::Sighting;
use applyd_core::state::{By, Event};
use applyd_store::Error;
use applyd_store::application::Application;
use applyd_upwork::{Assignment, Since};

use super::Worker;
use super::gate::Shut;
use super::leases::Lease;
use super::step::{hand_back, stay, wake_when_ready};

/// Verify-only: nothing is submitted, but what the site has of this application is found.
pub(crate) async fn verify(
    worker: &Worker,
    lease: &Lease,
    application: &Application,
    assigned: &Assignment,
) -> Result<(), Error> {
    let since = Since::Acceptance(application.accepted_at);
    let sighting = match lease.guard(worker.marketplace(application)?.look(assigned, since)).await {
        Ok(sighting) => sighting,
        Err(lost) => return hand_back(worker, lease, lost).await,
    };
    let (created_at, evidence) = match sighting {
        Sighting::Found { created_at, evidence, .. } => (created_at, evidence),
        Sighting::Absent => return absent(worker, lease).await,
        Sighting::Unreadable { .. } => return stay(worker, lease, &Shut::VerifyOnly).await,
    };
    let incarnation = worker.leases.incarnation().to_owned();
    let lost = Event::Recover {
        worker: incarnation,
        at: application.accepted_at,
        terms_sha256: String::new(),
        in_time: true,
    };
    let note = Some(format!("the site has it although the store knows no intent: {evidence}"));
    match worker.advance(lease.id(), lost, By::Worker(lease.epoch()), note).await? {
        Ok(_) => {
            let seen = Event::Seen { site_at: created_at };
            let _ = worker.advance(lease.id(), seen, By::Sweeper, None).await?;
        }
        Err(refused) => {
            tracing::warn!(application = %lease.id(), ?refused, evidence, "the site has it, but it has moved on");
        }
    }
    Ok(())
}

/// Nothing of it is there yet, which the operator may go by.
async fn absent(worker: &Worker, lease: &Lease) -> Result<(), Error> {
    let note = Some("the site shows no proposal".to_owned());
    let event = Event::NotSeen { settles: false, again_ms: worker.timing.read_spacing_ms };
    let moved = worker.advance(lease.id(), event, By::Worker(lease.epoch()), note).await?;
    tracing::info!(application = %lease.id(), "the site shows no proposal; nothing was submitted");
    wake_when_ready(worker, moved.ok());
    Ok(())
}
