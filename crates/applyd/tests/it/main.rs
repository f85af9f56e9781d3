//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admission;
mod clients;
#[cfg(feature = "failpoints")]
mod crash;
mod freeze;
mod harness;
mod idempotency;
mod jobs;
mod parallel;
mod poll;
mod poller;
mod smoke;
mod submissions;
mod terms;
mod timing;
mod verify_only;
