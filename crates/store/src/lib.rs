//! The only crate with applyd's SQL: one seam (`read` and `write`), one file a table group.
//!
//! The same SQL text is meant for every engine: placeholders `?1..?n`, TEXT, BIGINT and bytes, times as
//! Unix milliseconds, JSON as TEXT, enums as TEXT with CHECK. What differs is the DDL in `migrations/`.

pub mod account;
mod act;
pub mod api_key;
pub mod application;
pub mod applied_jobs;
pub mod approval;
pub mod audit;
pub mod backup;
pub mod budget;
pub mod cancel;
mod database;
pub mod delivery;
pub mod desk;
pub mod dossier;
mod error;
pub mod event;
pub mod fault;
pub mod feed;
pub mod freelancer;
pub mod glance;
pub mod grant;
pub mod idempotency;
pub mod intent;
mod job;
pub mod ledger;
pub mod letter;
pub mod listing;
mod lock;
pub mod meta;
mod migrate;
mod month;
pub mod oauth_client;
pub mod overview;
pub mod pace;
pub mod pause;
pub mod person;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod plans;
mod postgres;
pub mod queue;
pub mod rate_limit;
pub mod recover;
pub mod refresh;
pub mod resolve;
pub mod retention;
pub mod revise;
pub mod session;
pub mod sign_in;
mod sqlite;
mod store;
pub mod stored_job;
mod threads;
pub mod timeline;
pub mod tool_schema;
mod transfer;
mod tx;
pub mod webhook;

pub use database::Database;
pub use error::Error;
pub use lock::{ServeLock, real};
pub use store::{Clock, Hints, Store};
pub use transfer::{Moved, transfer};
pub use tx::Tx;
