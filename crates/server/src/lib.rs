//! The server of applyd: HTTP in front, workers behind, the store between them.

mod backup;
mod bells;
pub mod config;
pub mod dashboard;
mod drift;
pub mod failpoint;
#[cfg(test)]
#[path = "../../store/tests/it/fresh.rs"]
mod fresh;
mod http;
mod letter;
mod marketplaces;
mod master_key;
mod metrics;
mod news;
mod node;
pub mod notify;
pub mod password;
mod request;
mod restore;
mod start;
mod status_cache;
pub mod telemetry;
mod verify_only;
pub mod work;

pub use backup::{Backup, CopyError, back_up};
pub use http::description;
pub use marketplaces::upwork;
pub use master_key::{has_sealed, master_key};
pub use restore::{Restored, restore};
pub use start::{Running, StartError, open_store, start};
