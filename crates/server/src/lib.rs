//! The server of applyd: HTTP in front, workers behind, the store between them.

mod bells;
pub mod config;
mod drift;
pub mod failpoint;
mod http;
mod letter;
mod marketplaces;
mod master_key;
mod metrics;
mod news;
mod node;
pub mod notify;
mod request;
mod start;
mod status_cache;
pub mod telemetry;
mod verify_only;
pub mod work;

pub use http::description;
pub use marketplaces::upwork;
pub use master_key::{has_sealed, master_key};
pub use start::{Running, StartError, open_store, start};
