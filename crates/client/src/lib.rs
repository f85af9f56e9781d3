//! Rust SDK of applyd
