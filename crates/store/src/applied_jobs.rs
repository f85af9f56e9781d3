//! The list of an account's applications.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::state::STATES;
use applyd_wire::{ApplicationStatus, AppliedJob};

use crate::application::{STATUS_COLUMNS, read_status};
use crate::tx::values;
use crate::{Error, Tx, queue};

/// Of an account, beside those of the page; the next read finds the rest.
const MOST_OVERDUE: i64 = 500;

/// One page of the list.
#[derive(Debug, Clone)]
pub struct Page {
    /// Newest acceptance first.
    pub jobs: Vec<AppliedJob>,
    /// How many match the filter.
    pub total: i64,
    /// Those that time has overtaken: of the page, and of what the filter would show or count otherwise.
    pub overdue: Vec<QueueId>,
}

/// A page of the applications of an account, of one status or of all.
///
/// # Errors
/// The store's.
pub fn page(
    tx: &Tx<'_>,
    account: &AccountId,
    status: Option<ApplicationStatus>,
    limit: i64,
    offset: i64,
) -> Result<Page, Error> {
    let states = status.map_or_else(String::new, in_states);
    let counted = match status {
        None => "SELECT applications FROM account WHERE id = ?1".to_owned(),
        Some(_) => format!("SELECT count(*) FROM application WHERE account_id = ?1{states}"),
    };
    let total = tx.one(&counted, values![account.as_str()], |row| row.int(0))?;
    // The page is found in the index; only its rows are read.
    let rows = tx.all(
        &format!(
            "SELECT {STATUS_COLUMNS}, (SELECT s.title FROM stored_job s
               WHERE s.account_id = ?1 AND s.job_key = application.job_key)
             FROM application WHERE id IN
               (SELECT id FROM application WHERE account_id = ?1{states} ORDER BY id DESC LIMIT ?2 OFFSET ?3)
             ORDER BY id DESC"
        ),
        values![account.as_str(), limit, offset],
        |row| Ok((read_status(row)?, row.opt_text(10)?)),
    )?;
    let mut page = Page {
        jobs: Vec::with_capacity(rows.len()),
        total: total.unwrap_or(0),
        overdue: queue::overdue_of(tx, account, MOST_OVERDUE)?,
    };
    for (status, title) in rows {
        if status.due_at.is_some_and(|due| due <= tx.now()) {
            page.overdue.extend(QueueId::parse(&status.answer.queue_id));
        }
        page.jobs.push(AppliedJob { status: status.answer, title });
    }
    Ok(page)
}

fn in_states(status: ApplicationStatus) -> String {
    let states: Vec<_> = STATES
        .iter()
        .filter(|state| state.status() == status)
        .map(|state| format!("'{}'", state.as_str()))
        .collect();
    format!(" AND state IN ({})", states.join(", "))
}
