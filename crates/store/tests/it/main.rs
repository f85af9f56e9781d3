//! The conformance suite of the store: what every engine must do. A new engine is added to `engine.rs`;
//! only `sqlite.rs` knows one by name.
#![allow(clippy::unwrap_used, reason = "tests")]

mod accept;
mod applied_jobs;
mod approval;
mod cancel;
mod claim;
mod engine;
mod events;
mod group;
mod idempotency;
mod keys;
mod ledger;
mod letters;
mod life;
mod overdue;
mod pause;
mod random;
mod recover;
mod reopen;
mod retention;
mod sqlite;
mod stored_job;
mod webhooks;
mod world;
