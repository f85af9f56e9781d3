//! T20: a caller takes an application back while nothing was sent.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::Code;
use applyd_core::state::{By, Dead, Event, Progress, Refused};
use applyd_core::time::Timing;

use crate::application::{self, Application};
use crate::queue::{Beside, advance, catch_up};
use crate::{Error, Tx};

/// What became of it.
#[derive(Debug, Clone)]
pub enum Cancel {
    /// Cancelled, now or before.
    Cancelled(Box<Application>),
    /// An intent exists: it may have been sent.
    Started(Box<Application>),
    /// It had ended otherwise.
    Ended(Box<Application>),
    /// Verify-only: it may have been sent by an intent that the store has lost.
    Unread(Box<Application>),
}

/// Ends an account's application, if nothing of it was sent; `None`: the account has no such application.
///
/// # Errors
/// The store's.
pub fn cancel(
    tx: &Tx<'_>,
    account: &AccountId,
    id: &QueueId,
    timing: &Timing,
    dead: impl Fn(&Progress) -> Dead,
) -> Result<Option<Cancel>, Error> {
    let Some(found) = application::load(tx, id)?.filter(|found| found.account == *account) else {
        return Ok(None);
    };
    // What time has ended is not cancelled any more.
    let found = catch_up(tx, id, timing, dead)?.unwrap_or(found);
    let cancelled = advance(tx, id, Event::Cancel, By::Caller, timing, Beside::default())?;
    Ok(Some(match cancelled {
        Ok(now) => Cancel::Cancelled(Box::new(now)),
        Err(Refused::Unread) => Cancel::Unread(Box::new(found)),
        Err(_) if found.progress.code == Some(Code::Cancelled) => Cancel::Cancelled(Box::new(found)),
        Err(_) if found.progress.state.is_terminal() => Cancel::Ended(Box::new(found)),
        Err(_) => Cancel::Started(Box::new(found)),
    }))
}
