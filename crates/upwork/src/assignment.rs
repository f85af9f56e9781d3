//! What a worker hands over: one application.

use applyd_core::ids::QueueId;
use applyd_core::job_ref::JobKey;
use applyd_core::terms::{Cents, Terms};
use applyd_store::grant::Grantee;

/// One application to judge, to prepare, to confirm or to look for.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Its id, sent as `X-Request-Id` with every call; none for a pre-flight, which is no application.
    pub queue_id: Option<QueueId>,
    /// Whose grant is used.
    pub grantee: Grantee,
    /// The organisation that it was sent for, once it was: a read in another one's name tells nothing.
    pub org_uid: Option<String>,
    /// The job.
    pub job: JobKey,
    /// What the caller decided.
    pub terms: Terms,
    /// The profile's rate, for an hourly job without one.
    pub default_rate: Cents,
    /// What becomes of questions without an answer.
    pub fill: Fill,
    /// What a person has approved: this preview is confirmed, and no other.
    pub approved: Option<ApprovedPreview>,
}

/// A preview that a person has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPreview {
    /// Its id at the site.
    pub id: String,
    /// From then on the site refuses it; Unix milliseconds.
    pub expires_at: i64,
    /// What it was shown to cost without its boost, in Connects.
    pub cost_connects: i64,
}

/// What becomes of questions without an answer when the caller asked for filling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// The sandbox's sentence answers them.
    Sandbox,
    /// They end the application (`missing_answer`).
    Refuse,
    /// Whatever the server would write needs a person's approval first.
    AskPerson,
}
