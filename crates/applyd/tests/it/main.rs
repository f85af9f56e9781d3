//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cli;
mod harness;
mod hostile;
mod letters;
mod refused;
mod requests;
mod slow;
mod smoke;
mod stop;
