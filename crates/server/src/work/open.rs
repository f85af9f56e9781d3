//! A preview for a person: made, read back, compared and shown. Nothing is submitted.

use applyd_core::connects::Cost;
use applyd_core::outcome::{Code, Ending, Trouble};
use applyd_core::state::{By, Event};
use applyd_core::terms::Terms;
use applyd_store::approval::{self, Shown};
use applyd_store::freelancer::Chosen;
use applyd_store::grant::Grantee;
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, application, letter};
use applyd_upwork::{Assignment, Sight};

use super::Worker;
use super::answers::answered;
use super::leases::Lease;
use super::step::hand_back;
use super::taken::Taken;

/// Opens an application that a person wants to look at.
pub(super) async fn open(
    worker: &Worker,
    lease: &Lease,
    taken: &Taken,
    profile: &Chosen,
    assigned: &Assignment,
) -> Result<(), Error> {
    let marketplace = worker.marketplace(&taken.application)?;
    let mut title = None;
    let made = lease.guard(async {
        let (assigned, remarks) = answered(worker, marketplace, taken, assigned).await?;
        let sight = marketplace.show(&assigned, &mut title).await?;
        Ok(Sight { notes: [remarks, sight.notes].concat(), ..sight })
    });
    let made = match made.await {
        Ok(made) => made,
        Err(lost) => return hand_back(worker, lease, lost).await,
    };
    match made {
        Ok(sight) => show(worker, lease, shown(taken, profile, sight), title).await,
        Err(Trouble::End(ending)) if ending.code != Code::LoggedOut => {
            end(worker, lease, ending, title).await
        }
        Err(trouble) => fail(worker, lease, &taken.application, &assigned.grantee, trouble).await,
    }
}

/// With the total as the ceiling where none was given: that is what the person sees and agrees to.
fn shown(taken: &Taken, profile: &Chosen, sight: Sight) -> (applyd_core::job_ref::JobKey, Shown) {
    let cost = Cost { base: sight.preview.cost_connects, boost: sight.terms.boost_connects };
    let terms = Terms { max_connects: sight.terms.max_connects.or(Some(cost.total())), ..sight.terms };
    let sha256 = taken.sha256(profile, &sight.org_uid, &terms);
    let shown = Shown {
        cost,
        balance_connects: sight.balance_connects,
        preview_id: sight.preview.id,
        preview_expires_at: sight.preview.expires_at,
        agency: sight.org_uid,
        sha256,
        terms,
        remarks: sight.notes,
        trace_ids: sight.trace_ids,
    };
    (sight.job, shown)
}

async fn show(
    worker: &Worker,
    lease: &Lease,
    (job, shown): (applyd_core::job_ref::JobKey, Shown),
    title: Option<String>,
) -> Result<(), Error> {
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let moved = worker
        .store
        .write(move |tx| {
            if queue::is_taken(tx, &id, &job)? {
                let end = Event::End(Ending::of(Code::AlreadyApplied));
                return queue::advance(tx, &id, end, by, &timing, Beside::default());
            }
            let mut shown = shown.clone();
            if let Some(application) = application::load(tx, &id)? {
                let letter = &shown.terms.cover_letter;
                let origin = letter::origin(tx, &application.account, &application.job, letter)?;
                shown.remarks.extend(origin.remarks());
            }
            approval::show(tx, &id, by, &timing, &shown, title.as_deref())
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    Ok(())
}

/// T5: the site says that there is nothing to approve.
async fn end(worker: &Worker, lease: &Lease, ending: Ending, title: Option<String>) -> Result<(), Error> {
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let moved = worker
        .store
        .write(move |tx| {
            let beside = Beside { note: Some(&ending.message), title: title.as_deref(), ..Beside::default() };
            queue::advance(tx, &id, Event::End(ending.clone()), by, &timing, beside)
        })
        .await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    Ok(())
}

/// It goes on waiting; the person is told why nothing can be shown. A login that was lost is renewed for the next try.
async fn fail(
    worker: &Worker,
    lease: &Lease,
    application: &application::Application,
    grantee: &Grantee,
    trouble: Trouble,
) -> Result<(), Error> {
    let reason = match trouble {
        Trouble::Login { reason, pair } => {
            match worker.marketplace(application)?.renew(grantee, pair).await {
                Ok(()) => format!("the login had to be renewed, try again ({reason})"),
                Err(_) => format!("the login is down: {reason}"),
            }
        }
        Trouble::End(ending) => ending.message,
        Trouble::Passing { reason, .. } | Trouble::Policy { reason } => reason,
        Trouble::Reconnecting { reason, .. } => format!("the login is down: {reason}"),
        Trouble::Person => "answers are to be written by the server".to_owned(),
    };
    let (id, by, timing) = (lease.id().clone(), By::Worker(lease.epoch()), worker.timing);
    let moved = worker.store.write(move |tx| approval::fail(tx, &id, by, &timing, &reason)).await?;
    if let Ok(application) = &moved {
        worker.publish(application);
    }
    Ok(())
}
