//! Telling receivers: where a message may go, and sending it there.

mod guard;
mod post;

pub use guard::{Rules, Target};
pub use post::{Failure, LONGEST_EXCHANGE, Outbound};
