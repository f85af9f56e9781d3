//! Telling receivers: where a message may go, and sending it there.

mod guard;

pub use guard::{Rules, Target};
