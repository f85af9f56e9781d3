//! The client against the stand-in, which is the judge, and the one send against servers that break off.
#![allow(clippy::unwrap_used, reason = "tests")]

mod confirm;
mod drift;
#[path = "../../../store/tests/it/fresh.rs"]
mod fresh;
mod hostile;
mod jobs;
mod login;
mod look;
mod pace;
mod preflight;
mod prepare;
mod read;
mod transcript;
mod world;
