//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admission;
mod clients;
mod harness;
mod idempotency;
mod jobs;
mod parallel;
mod poller;
mod smoke;
mod submissions;
mod terms;
mod timing;
