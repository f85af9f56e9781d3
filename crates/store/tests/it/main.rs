//! The conformance suite of the store: what every engine must do. A new engine is added to `engine.rs`;
//! only `sqlite.rs` and `nodes.rs` know one by name.
#![allow(clippy::unwrap_used, reason = "tests")]

mod accept;
mod applied_jobs;
mod approval;
mod backup;
mod cancel;
mod claim;
mod desk;
mod engine;
mod events;
mod glance;
mod group;
mod idempotency;
mod keys;
mod ledger;
mod letters;
mod life;
mod nodes;
mod overdue;
mod pace;
mod pause;
mod postgres;
mod random;
mod rate_limit;
mod recover;
mod refresh;
mod reopen;
mod resolve;
mod retention;
mod sessions;
mod sqlite;
mod stored_job;
mod tool_schema;
mod webhooks;
mod wire;
mod world;
