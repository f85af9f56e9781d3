//! What crosses the network between applyd and its callers: serde types and nothing else.
//!
//! Source: the UpHunt API's wire contract. Key names and number types are the contract; the rules behind
//! them live in `applyd-core`.

mod applied_jobs;
mod apply;
mod client;
mod desk;
mod error;
mod event;
mod freelancers;
mod health;
mod job;
mod letter;
mod object;
mod preflight;
mod status;
mod submissions;
mod timeline;
mod webhook;

pub use applied_jobs::{AppliedJob, AppliedJobsAnswer};
pub use apply::{ApplyAnswer, ApplyRequest, Milestone, ProposalTerms, QuestionAnswer, TIMELINES};
pub use client::{
    Buyer, ClientJobsAnswer, Company, Contractor, Feedback, Location, OpenJob, PastJob, Stats, Verification,
    WorkHistory,
};
pub use desk::{DeskCase, DeskDeclaration, DeskListAnswer, DeskOutcome, DeskProfile, DeskSheet, DeskStage};
pub use error::ErrorAnswer;
pub use event::{EventBody, EventType, StreamedEvent};
pub use freelancers::{Freelancer, FreelancersAnswer, Profile};
pub use health::HealthAnswer;
pub use job::{
    Amount, AuthBuyer, AuthJob, AuthJobDetailsData, AuthJobDetailsResponse, AuthOpening, BidStats, BuyerInfo,
    ClientActivity, CompanyId, EngagementDuration, HourlyBudget, JobAnswer, JobAuthDetails, JobBuyer,
    JobDetailsData, JobDetailsResponse, JobInfo, JobPubDetails, Opening, Qualifications, Question,
};
pub use letter::{LetterAnswer, LetterRequest};
pub use preflight::{AskedQuestion, Connects, PreflightAnswer, PreflightRequest, Problem, Verdict};
pub use status::{ApplicationStatus, StatusAnswer};
pub use submissions::{Submissions, SubmissionsAnswer, SubmittedProposal};
pub use timeline::{TimelineAnswer, TimelineEntry};
pub use webhook::{
    DeliveriesAnswer, DeliveryAnswer, EventsAnswer, QueuedAnswer, WebhookAnswer, WebhookChange,
    WebhookDeletedAnswer, WebhookRequest, WebhookSecretAnswer, WebhooksAnswer,
};
