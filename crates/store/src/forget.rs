//! Forgetting what came from the site, when an account is disconnected from it.

use applyd_core::ids::AccountId;

use crate::{Error, Tx, stored_job};

/// Erases what an account has of the site's contents; ids and times stay. Answers of how many jobs.
///
/// # Errors
/// The store's.
pub fn contents(tx: &Tx<'_>, account: &AccountId) -> Result<usize, Error> {
    stored_job::wipe(tx, account)
}
