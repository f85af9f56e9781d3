//! Every step before the intent, in the order of the protocol.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Trouble};

use crate::accounts::organisation;
use crate::assignment::Assignment;
use crate::confirm::{Call, Ready};
use crate::fault::Fault;
use crate::job::{self, Job};
use crate::line::Line;
use crate::listing::Listing;
use crate::offer;
use crate::proposals::{self, Reach, STATUSES};
use crate::session::Session;
use crate::tool::Tool;
use crate::upwork::Upwork;
use crate::{preview, transport};

/// Of old proposals the site itself tells by the job's `applied`.
const RECENT: Reach = Reach { back_to_ms: 0, most_pages: 2 };

impl Upwork {
    /// Reads all that decides, makes and compares the preview, and opens the connection of the confirm call.
    ///
    /// # Errors
    /// [`Trouble`]: nothing was submitted, and whether another try, a renewed login or nothing can help.
    pub async fn prepare(&self, assignment: &Assignment) -> Result<Ready, Trouble> {
        let access = self.grants().access(&assignment.account).await?;
        let session = self.session(&access, assignment.queue_id.as_str()).await?;
        let (tools, organisation) =
            tokio::join!(session.tools(), organisation(&session, access.org_uid.as_deref()));
        let listing = Listing::of(&tools?)?;
        self.pin_schemas(&listing)?;
        let organisation = organisation?;
        if access.org_uid.is_none() {
            self.grants().bind(&assignment.account, &organisation.org_uid).await?;
        }

        let org_uid = organisation.org_uid.as_str();
        let job = Job::of(&job::read(&session, org_uid, assignment.job.as_str()).await?)?;
        let site_key = JobKey::from_numeric(&job.id).ok_or(Fault::Missing("numeric job id"))?;
        job.admits(&organisation, &assignment.terms)?;
        let fitted = offer::fit(assignment, &job, listing.milestones)?;
        not_yet_applied(&session, org_uid, &job.id).await?;

        let made = preview::create(&session, org_uid, &fitted.offer).await?;
        let verified =
            made.verify(&session, org_uid, listing.era, &fitted.offer, &fitted.terms, job.balance_connects);
        let confirm = Tool::Confirm(listing.era);
        let (preview, line) = tokio::join!(verified, self.line(confirm));
        let preview = preview?;
        let params = serde_json::json!({"type": "proposal", listing.era.key(): preview.id});
        let (id, request) = session.detached(confirm, org_uid, params).await?;
        Ok(Ready {
            preview_id: preview.id,
            preview_expires_at: preview.expires_at_ms,
            job: site_key,
            terms: fitted.terms,
            cost_connects: preview.cost_connects,
            balance_connects: job.balance_connects,
            notes: fitted.notes,
            call: Call { line: line?, id, request },
        })
    }

    /// The fresh connection of a confirm call, opened when its turn at the site's rate has come.
    async fn line(&self, confirm: Tool) -> Result<Line, Trouble> {
        let transport = self.transport();
        transport.turn(Some(confirm)).await;
        let opening = Line::open(&self.endpoint().url, transport.tls());
        match tokio::time::timeout(transport::CONNECT_TIMEOUT.min(transport.read_timeout), opening).await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(Trouble::passing(format!("no connection for the confirm: {error}"))),
            Err(_) => Err(Trouble::passing("no connection for the confirm in time")),
        }
    }
}

/// The site first: no pending invitation and no proposal for the job, in whatever status.
async fn not_yet_applied(session: &Session, org_uid: &str, job: &str) -> Result<(), Trouble> {
    let list = |status| proposals::list(session, org_uid, job, Some(status), RECENT);
    let [pending, accepted, offered, hired, activated, declined, withdrawn, archived] = STATUSES.map(list);
    // At once, as they do not depend on each other and one application at a time makes them.
    let (is_invited, found) = tokio::try_join!(proposals::is_invited(session, org_uid, job), async {
        let first = tokio::try_join!(pending, accepted, offered, hired)?;
        let second = tokio::try_join!(activated, declined, withdrawn, archived)?;
        Ok([first.0, first.1, first.2, first.3, second.0, second.1, second.2, second.3])
    })?;
    if is_invited {
        return Err(Trouble::end(Code::InvitationExists, ""));
    }
    if found.iter().any(|found| !found.rows.is_empty()) {
        return Err(Trouble::end(Code::AlreadyApplied, ""));
    }
    Ok(())
}
