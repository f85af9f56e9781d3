//! The only crate that speaks to Upwork's MCP server; the stand-in is the same server at another address.
//!
//! [`Upwork::show`] makes a preview for a person, [`Upwork::prepare`] every read and the preview, and
//! [`Ready::confirm`] is the one call that submits; [`Upwork::look`], [`Upwork::preflight`] and [`Upwork::read_job`]
//! only read. Nothing here repeats by itself: repeats are the queue's, one layer up.

mod accounts;
mod assignment;
mod classify;
mod client_document;
mod clock;
mod compare;
mod confirm;
mod document;
mod drift;
mod endpoint;
mod examine;
mod fault;
#[cfg(test)]
#[path = "../../store/tests/it/fresh.rs"]
mod fresh;
mod grants;
mod intake;
mod job;
mod job_document;
mod line;
mod link;
mod listing;
mod look;
mod oauth;
mod objection;
mod offer;
mod pace;
mod patterns;
mod preflight;
mod prepare;
mod preview;
mod proposals;
mod read;
mod session;
mod survey;
mod text;
mod tool;
mod transport;
mod upwork;

pub use assignment::{ApprovedPreview, Assignment, Fill};
pub use confirm::Ready;
pub use endpoint::{Consent, Endpoint, is_local};
pub use examine::{Addresses, NoTools, Tools, Visit};
pub use job_document::JobDocument;
pub use link::{Callback, Choice, Linked, Linking, Unlinked};
pub use listing::Demand;
pub use look::Since;
pub use objection::Objection;
pub use preflight::{Facts, Preflight, Seen};
pub use prepare::Sight;
pub use transport::Unusable;
pub use upwork::Upwork;
