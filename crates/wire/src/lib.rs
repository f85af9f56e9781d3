//! What crosses the network between applyd and its callers: serde types and nothing else.
//!
//! Source: the UpHunt API's wire contract. Key names and number types are the contract; the rules behind
//! them live in `applyd-core`.

mod apply;
mod error;
mod event;
mod health;
mod letter;
mod object;
mod status;
mod submissions;
mod timeline;
mod webhook;

pub use apply::{ApplyAnswer, ApplyRequest, Milestone, ProposalTerms, QuestionAnswer, TIMELINES};
pub use error::ErrorAnswer;
pub use event::{EventBody, EventType, StreamedEvent};
pub use health::HealthAnswer;
pub use letter::{LetterAnswer, LetterRequest};
pub use status::{ApplicationStatus, StatusAnswer};
pub use submissions::{Submissions, SubmissionsAnswer, SubmittedProposal};
pub use timeline::{TimelineAnswer, TimelineEntry};
pub use webhook::{
    DeliveriesAnswer, DeliveryAnswer, EventsAnswer, QueuedAnswer, WebhookAnswer, WebhookChange,
    WebhookDeletedAnswer, WebhookRequest, WebhookSecretAnswer, WebhooksAnswer,
};
