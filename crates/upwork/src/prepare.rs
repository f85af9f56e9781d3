//! Every step before the intent, in the order of the protocol.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::Trouble;

use crate::assignment::Assignment;
use crate::confirm::{Call, Ready};
use crate::fault::Fault;
use crate::job::Job;
use crate::job_document;
use crate::line::Line;
use crate::objection::first;
use crate::survey::{Survey, earlier, judge};
use crate::tool::Tool;
use crate::upwork::Upwork;
use crate::{preview, transport};

impl Upwork {
    /// Reads all that decides, makes and compares the preview, and opens the connection of the confirm call.
    /// `title` is set as soon as the job was read, whatever becomes of the rest.
    ///
    /// # Errors
    /// [`Trouble`]: nothing was submitted, and whether another try, a renewed login or nothing can help.
    pub async fn prepare(
        &self,
        assignment: &Assignment,
        title: &mut Option<String>,
    ) -> Result<Ready, Trouble> {
        let survey = self.survey(assignment).await?;
        *title = job_document::title(&survey.document);
        let job = Job::of(&survey.document)?;
        let Survey { session, listing, organisation, .. } = &survey;
        let org_uid = organisation.org_uid.as_str();
        let site_key = JobKey::from_numeric(&job.id).ok_or(Fault::Missing("numeric job id"))?;
        let fitted = judge(assignment, organisation, &job, listing.milestones).map_err(first)?;
        if let Some(objection) = earlier(session, org_uid, &job.id).await?.into_iter().next() {
            return Err(objection.into());
        }

        let made = preview::create(session, org_uid, &fitted.offer).await?;
        let verified =
            made.verify(session, org_uid, listing.era, &fitted.offer, &fitted.terms, job.balance_connects);
        let confirm = Tool::Confirm(listing.era);
        let (preview, line) = tokio::join!(verified, self.line(confirm));
        let preview = preview?;
        let params = serde_json::json!({"type": "proposal", listing.era.key(): preview.id});
        let (id, request) = session.detached(confirm, org_uid, params).await?;
        Ok(Ready {
            login: survey.login,
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
