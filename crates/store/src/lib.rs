//! The only crate with applyd SQL
