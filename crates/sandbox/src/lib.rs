//! A stand-in of the Upwork MCP server with its own durable memory.
//!
//! It speaks MCP over streamable HTTP with Upwork's tool names, document forms and OAuth, plays the published
//! sandbox jobs, and counts every submission that reached it. It shares no code with the rest of `applyd`, so
//! that it cannot share its misunderstandings, and it never helps the server under test: a second submission
//! is stored and counted like the first.

mod behaviour;
mod catalogue;
mod chance;
mod clock;
mod connection;
mod document;
mod error;
mod hostile;
mod hostility;
mod job;
mod memory;
mod oauth;
mod refusal;
mod rpc;
mod schema;
mod script;
mod server;
mod sessions;
mod settings;
mod stand_in;
mod submissions;
mod tools;

pub use behaviour::{
    Behaviour, ConfirmFault, Era, PriorProposal, Rate, Refresh, Replies, Role, Standing, StatusFilter,
    StoredTerms,
};
pub use catalogue::{CatalogueJob, catalogue};
pub use error::Error;
pub use hostility::{Hostility, Misfortune};
pub use server::serve;
pub use settings::Settings;
pub use submissions::{Proposal, Submissions, submissions};
