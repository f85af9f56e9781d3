//! Telling receivers: what is due, where a message may go, and sending it there.

mod dispatch;
mod guard;
mod post;
pub mod secret;
mod step;

pub(crate) use dispatch::dispatch;
pub use guard::{Rules, Target};
pub use post::{Failure, LONGEST_EXCHANGE, Outbound};
pub(crate) use step::Notifier;
