//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "failpoints")]
mod crash;
mod harness;
mod smoke;
