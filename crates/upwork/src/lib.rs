//! The only crate that speaks to Upwork's MCP server; the stand-in is the same server at another address.
//!
//! [`Upwork::prepare`] makes every read and the preview, [`Ready::confirm`] is the one call that submits, and
//! [`Upwork::look`] only reads. Nothing here repeats by itself: repeats are the queue's, one layer up.

mod accounts;
mod assignment;
mod classify;
mod clock;
mod compare;
mod confirm;
mod document;
mod endpoint;
mod fault;
mod grants;
mod intake;
mod job;
mod line;
mod listing;
mod look;
mod oauth;
mod offer;
mod pace;
mod patterns;
mod prepare;
mod preview;
mod proposals;
mod session;
mod text;
mod tool;
mod transport;
mod upwork;

pub use assignment::{Assignment, Fill};
pub use confirm::Ready;
pub use endpoint::{Consent, Endpoint};
pub use look::Since;
pub use transport::Unusable;
pub use upwork::Upwork;
