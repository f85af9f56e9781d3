//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admission;
mod cli;
mod clients;
#[cfg(feature = "failpoints")]
mod crash;
mod freeze;
mod harness;
mod hostile;
mod idempotency;
mod jobs;
mod letters;
mod limits;
mod openapi;
mod parallel;
mod poll;
mod poller;
mod preflight;
mod reads;
mod refused;
mod requests;
mod slow;
mod smoke;
mod stop;
mod submissions;
mod terms;
mod timing;
mod verify_only;
