//! The stand-in over the wire: raw HTTP, and a foreign MCP client.

#![allow(clippy::unwrap_used, reason = "tests")]

mod behaviour;
mod catalogue;
mod foreign;
mod harness;
mod hostile;
mod jobs;
mod oauth;
mod record;
mod transport;
