//! What crosses the network between applyd and its callers: serde types and nothing else.
//!
//! Source: the UpHunt API's wire contract. Key names and number types are the contract; the rules behind
//! them live in `applyd-core`.

mod apply;
mod error;
mod event;
mod health;
mod object;
mod status;
mod submissions;

pub use apply::{ApplyAnswer, ApplyRequest, Milestone, ProposalTerms, QuestionAnswer};
pub use error::ErrorAnswer;
pub use event::EventType;
pub use health::HealthAnswer;
pub use status::{ApplicationStatus, StatusAnswer};
pub use submissions::{Submissions, SubmissionsAnswer, SubmittedProposal};
