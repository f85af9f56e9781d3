//! Every step before the intent, in the order of the protocol.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Ending, Trouble};
use applyd_core::terms::Terms;

use crate::assignment::{ApprovedPreview, Assignment};
use crate::confirm::{Call, Ready};
use crate::line::Line;
use crate::preview::{self, Made, Preview};
use crate::session::Session;
use crate::survey::Prospect;
use crate::tool::Tool;
use crate::transport;
use crate::upwork::Upwork;

/// A preview for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The preview at the site.
    pub preview: ApprovedPreview,
    /// The job's key as the site tells it.
    pub job: JobKey,
    /// The organisation that would submit.
    pub org_uid: String,
    /// The terms as they would be sent.
    pub terms: Terms,
    /// What the organisation has, in Connects.
    pub balance_connects: i64,
    /// What people should know: what was kept and not sent.
    pub notes: Vec<String>,
}

impl Upwork {
    /// Makes every read and a preview, reads it back and compares it, for a person to decide.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn show(&self, assignment: &Assignment, title: &mut Option<String>) -> Result<Sight, Trouble> {
        let prospect = self.prospect(assignment, title).await?;
        let org_uid = &prospect.survey.organisation.org_uid;
        let made = preview::create(&prospect.survey.session, org_uid, &prospect.fitted.offer).await?;
        let Preview { id, expires_at_ms: expires_at, cost_connects } = verify(made, &prospect).await?;
        Ok(Sight {
            preview: ApprovedPreview { id, expires_at, cost_connects },
            job: prospect.key,
            org_uid: org_uid.clone(),
            terms: prospect.fitted.terms,
            balance_connects: prospect.job.balance_connects,
            notes: prospect.fitted.notes,
        })
    }

    /// Makes every read, and the preview unless one was approved, and opens the connection of the confirm call.
    /// `title` is set as soon as the job was read, whatever becomes of the rest.
    ///
    /// # Errors
    /// [`Trouble`]: nothing was submitted, and whether another try, a renewed login or nothing can help.
    pub async fn prepare(
        &self,
        assignment: &Assignment,
        title: &mut Option<String>,
    ) -> Result<Ready, Trouble> {
        let prospect = self.prospect(assignment, title).await?;
        let (session, era) = (&prospect.survey.session, prospect.survey.listing.era);
        let org_uid = &prospect.survey.organisation.org_uid;
        let made = match &assignment.approved {
            Some(approved) => Made::approved(approved),
            None => preview::create(session, org_uid, &prospect.fitted.offer).await?,
        };
        let confirm = Tool::Confirm(era);
        let (preview, line) = tokio::join!(verify(made, &prospect), self.line(session, confirm));
        let preview = preview?;
        if let Some(approved) = &assignment.approved {
            same_cost(approved, preview.cost_connects)?;
            same_cost(approved, prospect.job.cost_connects)?;
        }
        let params = serde_json::json!({"type": "proposal", era.key(): preview.id});
        let (id, request) = session.detached(confirm, org_uid, params).await?;
        Ok(Ready {
            login: prospect.survey.login,
            preview_id: preview.id,
            preview_expires_at: preview.expires_at_ms,
            job: prospect.key,
            org_uid: org_uid.clone(),
            terms: prospect.fitted.terms,
            cost_connects: preview.cost_connects,
            balance_connects: prospect.job.balance_connects,
            notes: prospect.fitted.notes,
            call: Call { line: line?, id, request, tool: confirm, turns: session.turns() },
        })
    }

    /// The fresh connection of a confirm call, opened when its turn at the site's rate has come.
    async fn line(&self, session: &Session, confirm: Tool) -> Result<Line, Trouble> {
        session.turn(Some(confirm)).await?;
        let transport = self.transport();
        let opening = Line::open(&self.endpoint().url, transport.tls());
        match tokio::time::timeout(transport::CONNECT_TIMEOUT.min(transport.read_timeout), opening).await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(Trouble::passing(format!("no connection for the confirm: {error}"))),
            Err(_) => Err(Trouble::passing("no connection for the confirm in time")),
        }
    }
}

async fn verify(made: Made, prospect: &Prospect) -> Result<Preview, Trouble> {
    let Prospect { survey, job, fitted, .. } = prospect;
    let (org_uid, era) = (&survey.organisation.org_uid, survey.listing.era);
    made.verify(&survey.session, org_uid, era, &fitted.offer, &fitted.terms, job.balance_connects).await
}

fn same_cost(approved: &ApprovedPreview, cost_connects: i64) -> Result<(), Trouble> {
    if cost_connects == approved.cost_connects {
        return Ok(());
    }
    let reason =
        format!("it was shown to cost {} Connects, it costs {cost_connects}", approved.cost_connects);
    Err(Trouble::End(Ending::because(Code::TermsChanged, &reason)))
}
