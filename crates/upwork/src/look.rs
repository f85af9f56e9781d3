//! Whether the site has a proposal: reads only, in a new session.
//!
//! Found needs one source that shows it. Absent needs every source complete and silent. All else is unreadable.

mod history;

use applyd_core::outcome::{Sighting, Trouble};
use applyd_core::terms::folded;
use applyd_core::time::CLOCK_MARGIN_MS;
use serde_json::{Value, json};

use crate::accounts::{Role, organisation};
use crate::assignment::Assignment;
use crate::fault::Fault;
use crate::job::{self, has_applied};
use crate::proposals::{self, Reach, Row, Rows, STATUSES};
use crate::session::Session;
use crate::text::untag;
use crate::upwork::Upwork;

/// Back to the intent, however much the organisation has sent since: two hundred proposals are more than a day's.
const MOST_PAGES: usize = 20;

/// From when on a proposal counts as ours, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The intent: right before it the site said "not applied".
    Intent(i64),
    /// The acceptance, where no intent is known: what the site's flag says may be older.
    Acceptance(i64),
}

/// What one source says.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// It shows the proposal.
    Shown { proposal: Option<String>, created_ms: Option<i64>, by: &'static str },
    /// It answered completely and shows none.
    Silent,
    /// It cannot tell, for this reason.
    Doubt(String),
}

impl Upwork {
    /// Looks for the proposal of an application. A login that is refused is renewed once.
    pub async fn look(&self, assignment: &Assignment, since: Since) -> Sighting {
        let mut seen = self.look_once(assignment, since).await;
        if let Err(Trouble::Login { pair, .. }) = seen {
            seen = match self.renew(&assignment.grantee, pair).await {
                Ok(()) => self.look_once(assignment, since).await,
                Err(trouble) => Err(trouble),
            };
        }
        seen.unwrap_or_else(|trouble| Sighting::Unreadable { reason: trouble.reason() })
    }

    async fn look_once(&self, assignment: &Assignment, since: Since) -> Result<Sighting, Trouble> {
        let access = self.grants().access(&assignment.grantee).await?;
        let session = self.session(&access, assignment.queue_id.as_ref()).await?;
        let bound = access.org_uid.as_deref().or(assignment.org_uid.as_deref());
        let organisation = organisation(&session, bound).await?;
        let org_uid = organisation.org_uid.as_str();
        if assignment.org_uid.as_deref().is_some_and(|sent_for| sent_for != org_uid) {
            let reason = "the login now speaks for another organisation".into();
            return Ok(Sighting::Unreadable { reason });
        }
        let document = match job::read(&session, org_uid, &assignment.job).await {
            Ok(document) => document,
            Err(refused @ Fault::Login { .. }) => return Err(refused.into()),
            // The lists can still show it.
            Err(fault) => json!({"unreadable": fault.to_string()}),
        };
        let told_id = job::id(&document["data"]["marketplaceJobPosting"]["id"]);
        let Some(job) = told_id.or_else(|| assignment.job.numeric().map(str::to_owned)) else {
            return Ok(Sighting::Unreadable { reason: "the job's numeric id could not be read".into() });
        };
        let letter = &assignment.terms.cover_letter;
        let search = Search { session: &session, org_uid, job: &job, since, letter };
        Ok(search.sighting(&document, organisation.role).await)
    }
}

/// A row for the job that is not ours: who knows how it came there, so a person must look.
const ANOTHER: &str = "a proposal that is not ours stands for this job";

/// What is looked for, and where.
pub(crate) struct Search<'a> {
    pub(crate) session: &'a Session,
    pub(crate) org_uid: &'a str,
    pub(crate) job: &'a str,
    since: Since,
    letter: &'a str,
}

impl Search<'_> {
    /// From then on a proposal counts as ours.
    pub(crate) fn counts_from_ms(&self) -> i64 {
        let (Since::Intent(ms) | Since::Acceptance(ms)) = self.since;
        ms - CLOCK_MARGIN_MS
    }

    /// The flag and the list of the likely status first, so that the usual positive takes few calls.
    async fn sighting(&self, document: &Value, role: Role) -> Sighting {
        let mut doubts = Vec::new();
        let is_flagged = has_applied(document).unwrap_or_else(|fault| {
            let reason = document["unreadable"].as_str().map_or_else(|| fault.to_string(), str::to_owned);
            doubts.push(format!("job: {reason}"));
            false
        });
        let mut is_another_there = false;
        for status in STATUSES.into_iter().map(Some).chain([None]) {
            match self.list(status).await {
                Evidence::Shown { proposal, created_ms, by } => return found(proposal, created_ms, by),
                Evidence::Silent => {}
                Evidence::Doubt(doubt) => {
                    is_another_there |= doubt == ANOTHER;
                    doubts.push(format!("proposals: {doubt}"));
                }
            }
            // The flag said no before the intent; only another's row would explain it otherwise.
            if is_flagged && !is_another_there && matches!(self.since, Since::Intent(_)) {
                return found(None, None, "the job shows as applied to");
            }
        }
        // Another's row would explain a row of the history too.
        if is_another_there {
            return Sighting::Unreadable { reason: doubts.join("; ") };
        }
        match history::search(self, role).await {
            // As with the flag: another's proposal costs Connects too.
            Evidence::Shown { .. } if is_another_there => {}
            Evidence::Shown { proposal, created_ms, by } => return found(proposal, created_ms, by),
            Evidence::Silent => {}
            Evidence::Doubt(doubt) => doubts.push(format!("balance: {doubt}")),
        }
        if is_flagged {
            doubts.push("job: applied to, by no row of ours".into());
        }
        if doubts.is_empty() { Sighting::Absent } else { Sighting::Unreadable { reason: doubts.join("; ") } }
    }

    async fn list(&self, status: Option<&str>) -> Evidence {
        let reach = Reach { back_to_ms: self.counts_from_ms(), most_pages: MOST_PAGES };
        let listed = proposals::list(self.session, self.org_uid, self.job, status, reach).await;
        let Rows { rows, is_complete } = match listed {
            Ok(rows) => rows,
            Err(fault) => return Evidence::Doubt(fault.to_string()),
        };
        let mut doubt = None;
        for row in rows {
            match self.judge(row).await {
                shown @ Evidence::Shown { .. } => return shown,
                Evidence::Doubt(reason) => doubt = Some(reason),
                Evidence::Silent => {}
            }
        }
        match doubt {
            Some(reason) => Evidence::Doubt(reason),
            None if is_complete => Evidence::Silent,
            None => Evidence::Doubt("the list goes on".into()),
        }
    }

    /// Job equal, created late enough, letter equal where readable. A row that shows neither time nor letter
    /// proves nothing.
    async fn judge(&self, row: Row) -> Evidence {
        if row.created_ms.is_some_and(|created_ms| created_ms < self.counts_from_ms()) {
            return Evidence::Doubt(ANOTHER.into());
        }
        let letter = match &row.id {
            Some(id) => proposals::letter(self.session, self.org_uid, id).await.ok().flatten(),
            None => None,
        };
        match (letter, row.created_ms) {
            (Some(letter), _) if folded(&untag(&letter)) != folded(self.letter) => {
                Evidence::Doubt(ANOTHER.into())
            }
            (None, None) => Evidence::Doubt("a row without time and letter".into()),
            (_, created_ms) => Evidence::Shown { proposal: row.id, created_ms, by: "the list of proposals" },
        }
    }
}

fn found(proposal: Option<String>, created_at: Option<i64>, by: &str) -> Sighting {
    Sighting::Found { proposal, created_at, evidence: by.to_owned() }
}
