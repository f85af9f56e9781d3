//! What an application would meet now, by reads alone: no preview, no confirm.

use applyd_core::outcome::{Code, Trouble};

use crate::assignment::Assignment;
use crate::fault::Fault;
use crate::job::Job;
use crate::job_document::JobDocument;
use crate::objection::Objection;
use crate::offer::answer_to;
use crate::survey::{Survey, earlier, judge};
use crate::upwork::Upwork;

/// What the reads of a pre-flight came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Preflight {
    /// The job, if it could be read.
    pub seen: Option<Seen>,
    /// All that stands against it, in the order in which an application would meet it.
    pub objections: Vec<Objection>,
}

/// What was read of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// For the data reads.
    pub document: JobDocument,
    /// What decides; none where the job is closed.
    pub facts: Option<Facts>,
}

/// What decides about an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What a proposal costs, in Connects.
    pub cost_connects: i64,
    /// What the organisation has, in Connects.
    pub balance_connects: i64,
    /// The screening questions in order, and whether the terms answer them.
    pub questions: Vec<(String, bool)>,
    /// Whether the channel carries milestones.
    pub takes_milestones: bool,
}

impl Upwork {
    /// Judges an application without making one. A login that is refused is renewed once.
    ///
    /// # Errors
    /// [`Trouble::Passing`] or [`Trouble::Policy`]: it cannot be told now. All else is an objection.
    pub async fn preflight(&self, assignment: &Assignment) -> Result<Preflight, Trouble> {
        let mut told = self.preflight_once(assignment).await;
        if let Err(Trouble::Login { pair, .. }) = told {
            told = match self.renew(&assignment.grantee, pair).await {
                Ok(()) => self.preflight_once(assignment).await,
                Err(trouble) => Err(trouble),
            };
        }
        let objection = match told {
            Err(Trouble::End(ending)) => Objection { ending, field: None },
            Err(Trouble::Login { reason, .. }) => Objection::new(Code::LoggedOut, &reason),
            told => return told,
        };
        Ok(Preflight { seen: None, objections: vec![objection] })
    }

    async fn preflight_once(&self, assignment: &Assignment) -> Result<Preflight, Trouble> {
        let Survey { session, listing, organisation, document, .. } = self.survey(assignment).await?;
        let read = JobDocument::of(&document)?;
        let job = match Job::of(&document) {
            Ok(job) => job,
            Err(Trouble::End(ending)) => {
                let objections = vec![Objection { ending, field: None }];
                return Ok(Preflight { seen: Some(Seen { document: read, facts: None }), objections });
            }
            Err(trouble) => return Err(trouble),
        };
        let judged = judge(assignment, &organisation, &job, listing.milestones);
        let mut objections = judged.err().unwrap_or_default();
        let is_known = |code| objections.iter().any(|known: &Objection| known.ending.code == code);
        let earlier: Result<_, Fault> = earlier(&session, &organisation.org_uid, &job.id).await;
        let fresh: Vec<_> =
            earlier?.into_iter().filter(|objection| !is_known(objection.ending.code)).collect();
        objections.extend(fresh);
        let facts = Facts {
            cost_connects: job.cost_connects,
            balance_connects: job.balance_connects,
            questions: job
                .questions
                .iter()
                .map(|question| (question.clone(), answer_to(&assignment.terms, question).is_some()))
                .collect(),
            takes_milestones: listing.milestones,
        };
        Ok(Preflight { seen: Some(Seen { document: read, facts: Some(facts) }), objections })
    }
}
