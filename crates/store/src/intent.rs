//! Intents: written once, closed once, with whose login sent.

use applyd_core::ids::{KeyId, QueueId};
use applyd_core::state::Intent;

use crate::application::Application;
use crate::grant::Grantee;
use crate::queue::Beside;
use crate::tx::values;
use crate::{Error, Tx};

/// Whose login sent, and in which organisation's name: no other can tell what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The freelancer; none in the sandbox, which knows no persons.
    pub freelancer: Option<String>,
    /// The organisation.
    pub org_uid: String,
}

impl Login {
    /// What it is of an application's account.
    #[must_use]
    pub fn grantee(&self, application: &Application) -> Grantee {
        Grantee { account: application.account.clone(), freelancer: self.freelancer.clone() }
    }
}

/// Whose login sent; none where there is no intent, or none that knows.
///
/// # Errors
/// The store's.
pub fn login(tx: &Tx<'_>, id: &QueueId) -> Result<Option<Login>, Error> {
    tx.one(
        "SELECT freelancer_id, org_uid FROM intent WHERE application_id = ?1 AND org_uid IS NOT NULL",
        values![id.as_str()],
        |row| {
            let freelancer = row.opt_text(0)?.filter(|freelancer| !freelancer.is_empty());
            Ok(Login { freelancer, org_uid: row.text(1)? })
        },
    )
}

/// Writes a new intent, or closes the one that stands.
pub(crate) fn write(
    tx: &Tx<'_>,
    was: &Application,
    intent: Option<&Intent>,
    beside: Beside<'_>,
) -> Result<(), Error> {
    let Some(intent) = intent else { return Ok(()) };
    match &was.progress.intent {
        None => tx.execute(
            "INSERT INTO intent (application_id, worker, epoch, at, answer_by, terms_sha256, closed, account_id, key_id,
               connects, letter_sha256, freelancer_id, org_uid)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            values![
                was.id.as_str(),
                &intent.worker,
                intent.epoch,
                intent.at,
                intent.answer_by,
                &intent.terms_sha256,
                intent.closed.as_str(),
                was.account.as_str(),
                was.key.as_ref().map(KeyId::as_str),
                beside.connects,
                beside.letter_sha256,
                beside.login.map(|login| login.freelancer.as_deref().unwrap_or_default()),
                beside.login.map(|login| login.org_uid.as_str())
            ],
        )?,
        Some(before) if before.closed != intent.closed => tx.execute(
            "UPDATE intent SET closed = ?2, proposal_id = ?3 WHERE application_id = ?1",
            values![was.id.as_str(), intent.closed.as_str(), beside.proposal],
        )?,
        Some(_) => 0,
    };
    Ok(())
}
