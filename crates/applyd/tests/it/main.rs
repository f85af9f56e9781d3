//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "failpoints")]
mod crash;
mod freeze;
mod harness;
mod poll;
mod smoke;
mod verify_only;
