//! The reads that decide, and the one judgement on them: what a pre-flight says is what an application meets.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Trouble};
use serde_json::Value;

use crate::accounts::{Organisation, organisation};
use crate::assignment::{Assignment, Fill};
use crate::fault::Fault;
use crate::job::{self, Job};
use crate::job_document;
use crate::listing::Listing;
use crate::objection::{Objection, Objections, first};
use crate::offer::{self, Fitted};
use crate::proposals::{self, Reach, STATUSES};
use crate::session::Session;
use crate::upwork::Upwork;

/// Of old proposals the site itself tells by the job's `applied`.
const RECENT: Reach = Reach { back_to_ms: 0, most_pages: 2 };

/// What was read for one application, in one session.
pub(crate) struct Survey {
    /// The pair of tokens that the session goes by.
    pub(crate) login: i64,
    pub(crate) session: Session,
    pub(crate) listing: Listing,
    pub(crate) organisation: Organisation,
    /// Of the job.
    pub(crate) document: Value,
}

impl Upwork {
    /// Logs in, and reads the tools, the organisation and the job.
    pub(crate) async fn survey(&self, assignment: &Assignment) -> Result<Survey, Trouble> {
        let access = self.grants().access(&assignment.grantee).await?;
        let session = self.session(&access, assignment.queue_id.as_ref()).await?;
        let (tools, organisation) =
            tokio::join!(session.tools(), organisation(&session, access.org_uid.as_deref()));
        let listing = self.guarded(&assignment.grantee.account, &tools?).await?;
        let organisation = organisation?;
        if access.org_uid.is_none() {
            self.grants().bind(&assignment.grantee, &organisation.org_uid).await?;
        }
        let document = job::read(&session, &organisation.org_uid, &assignment.job).await?;
        Ok(Survey { login: access.pair, session, listing, organisation, document })
    }
}

/// What one application would send, where nothing stands against it.
pub(crate) struct Prospect {
    pub(crate) survey: Survey,
    /// The job's key as the site tells it.
    pub(crate) key: JobKey,
    pub(crate) job: Job,
    pub(crate) fitted: Fitted,
}

impl Upwork {
    /// Every read and judgement before a preview. `title` is set as soon as the job was read.
    pub(crate) async fn prospect(
        &self,
        assignment: &Assignment,
        title: &mut Option<String>,
    ) -> Result<Prospect, Trouble> {
        let survey = self.survey(assignment).await?;
        *title = job_document::title(&survey.document);
        let job = Job::of(&survey.document)?;
        let key = JobKey::from_numeric(&job.id).ok_or(Fault::Missing("numeric job id"))?;
        let fitted = judge(assignment, &survey.organisation, &job, survey.listing.milestones);
        if assignment.fill == Fill::AskPerson && offer::needs_filling(&assignment.terms, &job.questions) {
            return Err(Trouble::Person);
        }
        let fitted = fitted.map_err(first)?;
        let org_uid = survey.organisation.org_uid.as_str();
        if let Some(objection) = earlier(&survey.session, org_uid, &job.id).await?.into_iter().next() {
            return Err(objection.into());
        }
        Ok(Prospect { survey, key, job, fitted })
    }
}

/// The terms fitted to the job, unless something stands against it.
///
/// # Errors
/// All that does, in the order in which it decides; at least one.
pub(crate) fn judge(
    assignment: &Assignment,
    organisation: &Organisation,
    job: &Job,
    takes_milestones: bool,
) -> Result<Fitted, Objections> {
    let mut objections = job.objections(organisation, &assignment.terms);
    match offer::fit(assignment, job, takes_milestones) {
        Ok(fitted) if objections.is_empty() => Ok(fitted),
        Ok(_) => Err(objections),
        Err(more) => {
            objections.extend(more);
            Err(objections)
        }
    }
}

/// The site first: a pending invitation, or a proposal for the job in whatever status.
pub(crate) async fn earlier(session: &Session, org_uid: &str, job: &str) -> Result<Objections, Fault> {
    let list = |status| proposals::list(session, org_uid, job, Some(status), RECENT);
    let [pending, accepted, offered, hired, activated, declined, withdrawn, archived] = STATUSES.map(list);
    // At once, as they do not depend on each other and one application at a time makes them.
    let (is_invited, found) = tokio::try_join!(proposals::is_invited(session, org_uid, job), async {
        let first = tokio::try_join!(pending, accepted, offered, hired)?;
        let second = tokio::try_join!(activated, declined, withdrawn, archived)?;
        Ok([first.0, first.1, first.2, first.3, second.0, second.1, second.2, second.3])
    })?;
    let invited = is_invited.then(|| Objection::new(Code::InvitationExists, ""));
    let applied = found.iter().any(|found| !found.rows.is_empty());
    let applied = applied.then(|| Objection::new(Code::AlreadyApplied, ""));
    Ok([invited, applied].into_iter().flatten().collect())
}
