//! Reads after the intent: they settle what no answer settled, and never send.

use std::time::Instant;

use applyd_core::ids::QueueId;
use applyd_core::outcome::Sighting;
use applyd_core::state::{By, Event};
use applyd_store::Error;
use applyd_store::application::{self, Application};
use applyd_store::intent;
use applyd_store::queue::{self, Beside};
use applyd_store::timeline;
use applyd_upwork::{Assignment, Since};

use super::leases::{Lease, Lost};
use super::{Worker, assignment, profile};
use crate::failpoint;

/// Takes an application for one read and does it.
pub(crate) async fn look_once(worker: &Worker, id: &QueueId) -> Result<(), Error> {
    let since = Instant::now();
    let (wanted, timing) = (id.clone(), worker.timing);
    let incarnation = worker.leases.incarnation().to_owned();
    let taken = worker
        .store
        .write(move |tx| {
            let event = Event::Look { worker: incarnation.clone() };
            let Ok(application) =
                queue::advance(tx, &wanted, event, By::Sweeper, &timing, Beside::default())?
            else {
                return Ok::<_, Error>(None);
            };
            let request = application::request(tx, &wanted)?.unwrap_or_default();
            let profile = profile(tx, &application, &request)?;
            let login = intent::login(tx, &wanted)?;
            Ok(Some((application, request, profile, login)))
        })
        .await?;
    let Some((application, request, profile, login)) = taken else { return Ok(()) };
    let lease = worker.leases.take(id, application.progress.epoch, since);
    let assigned = assignment(&application, &request, profile.as_ref(), login)?;
    look(worker, &lease, &application, &assigned).await
}

/// One read under a lease, and what follows from it.
pub(crate) async fn look(
    worker: &Worker,
    lease: &Lease,
    application: &Application,
    assigned: &Assignment,
) -> Result<(), Error> {
    let since = match &application.progress.intent {
        Some(intent) => Since::Intent(intent.at),
        None => Since::Acceptance(application.accepted_at),
    };
    let again_ms = worker.look_again_ms(application);
    let mut seen_as = None;
    let (event, note) = match lease.guard(worker.marketplace(application)?.look(assigned, since)).await {
        Ok(Sighting::Found { created_at, evidence, proposal }) => {
            seen_as = proposal;
            (Event::Seen { site_at: created_at }, Some(format!("the site shows the proposal: {evidence}")))
        }
        Ok(Sighting::Absent) => {
            let settles = worker.absence_settles(application);
            (Event::NotSeen { settles, again_ms }, Some("the site shows no proposal".to_owned()))
        }
        Ok(Sighting::Unreadable { reason }) => {
            tracing::info!(application = %lease.id(), reason, "the site could not be read");
            (Event::Unreadable { again_ms }, Some(format!("the site could not be read: {reason}")))
        }
        Err(Lost::Stopping) => (Event::HandBack { delay_ms: 0 }, None),
        Err(Lost::Lease) => return Ok(()),
    };
    failpoint::hit("looked");
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let moved = worker
        .store
        .write(move |tx| {
            // Reads go on for a day: why they fail is worth a line when that is news.
            let is_unread = matches!(event, Event::Unreadable { .. });
            let note = match note.as_deref() {
                Some(note) if is_unread && timeline::ends_with(tx, &id, note)? => None,
                note => note,
            };
            let beside = Beside { note, proposal: seen_as.as_deref(), ..Beside::default() };
            queue::advance(tx, &id, event.clone(), by, &timing, beside)
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    Ok(())
}
