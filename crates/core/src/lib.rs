//! The pure rules of applyd: what a request means, which step an application may take, what it costs.
//!
//! No I/O, no clock, no async: time, ids and random numbers are arguments.

pub mod address;
pub mod approval;
pub mod connects;
pub mod delivery;
pub mod draft;
pub mod ids;
pub mod job_ref;
pub mod json;
pub mod ledger;
pub mod letter;
pub mod outcome;
pub mod pace;
pub mod queue;
pub mod quota;
pub mod refusal;
pub mod retention;
pub mod retry;
pub mod role;
pub mod seal;
pub mod sign_in;
pub mod signature;
pub mod state;
pub mod terms;
pub mod time;
pub mod webhook;
