//! An account's applications as people look for them: newest first, by what they remember.
//!
//! State, job and time are found by index. What only the request tells is looked for in it, among so many at a time:
//! a page may be short of rows and say where to go on.

use std::collections::HashMap;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::Code;
use applyd_core::state::{STATES, State};

use crate::account::Channel;
use crate::application::{BARS, ENDED};
use crate::tx::Row;
use crate::tx::Value::{self, Int, Text};
use crate::{Error, Tx, freelancer};

/// So many are looked at for one page at most.
const MOST_LOOKED_AT: usize = 2000;
/// Read at once; more than a page, so that what passes an easy filter takes one read.
const READ_AT_ONCE: i64 = 200;
const EXCERPT_CHARS: usize = 160;
/// As a queue id's ULID writes its time.
const LATEST_MS: i64 = (1 << 48) - 1;

/// What is looked for; all of it at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// In one of these; none: in any.
    pub states: Vec<State>,
    /// For this job.
    pub job: Option<JobKey>,
    /// Accepted then or later, Unix milliseconds.
    pub since: Option<i64>,
    /// Accepted before then, Unix milliseconds.
    pub until: Option<i64>,
    /// In the name of this freelancer.
    pub freelancer: Option<String>,
    /// In the letter, the job's title or what was told of its end; upper and lower case are the same.
    pub text: Option<String>,
}

/// One application in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: QueueId,
    /// Unix milliseconds.
    pub accepted_at: i64,
    /// Unix milliseconds; `None`: it is under way.
    pub ended_at: Option<i64>,
    /// Where it stands.
    pub state: State,
    /// Why it ended as it did.
    pub code: Option<Code>,
    /// The same in words.
    pub message: Option<String>,
    /// Where it is submitted.
    pub channel: Channel,
    /// Which job.
    pub job: JobKey,
    /// Its title, if it was read.
    pub title: Option<String>,
    /// The name of whom it is in, if the account still has them.
    pub freelancer: Option<String>,
    /// How the letter begins; `None`: it is erased.
    pub letter: Option<String>,
}

/// Some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub rows: Vec<Listed>,
    /// Older ones are before this; `None`: that was all.
    pub next: Option<QueueId>,
}

/// The applications older than `before`, or the newest.
///
/// # Errors
/// The store's.
pub fn page(
    tx: &Tx<'_>,
    account: &AccountId,
    wanted: &Wanted,
    before: Option<&QueueId>,
    most: usize,
) -> Result<Page, Error> {
    let names = Names::of(tx, account)?;
    let first = wanted.since.map(|since| QueueId::new(since.clamp(0, LATEST_MS), 0));
    let end = wanted.until.map(|until| QueueId::new(until.clamp(0, LATEST_MS), 0));
    let mut end = [end.as_ref(), before].into_iter().flatten().min().cloned();
    let mut page = Page { rows: Vec::with_capacity(most), next: None };
    let mut looked_at = 0;
    loop {
        let found = read(tx, account, wanted, first.as_ref(), end.as_ref())?;
        let is_last = found.len() < usize::try_from(READ_AT_ONCE).unwrap_or(0);
        for (mut row, request) in found {
            if page.rows.len() == most || looked_at == MOST_LOOKED_AT {
                page.next = end;
                return Ok(page);
            }
            looked_at += 1;
            end = Some(row.id.clone());
            if names.tell(&mut row, &request, wanted) {
                page.rows.push(row);
            }
        }
        if is_last {
            return Ok(page);
        }
    }
}

/// One of them.
///
/// # Errors
/// The store's.
pub fn one(tx: &Tx<'_>, account: &AccountId, id: &QueueId) -> Result<Option<Listed>, Error> {
    let found = tx.one(
        &format!("{ROWS} WHERE account_id = ?1 AND id = ?2"),
        &[Text(account.as_str()), Text(id.as_str())],
        row,
    )?;
    let Some((mut listed, request)) = found else { return Ok(None) };
    Names::of(tx, account)?.tell(&mut listed, &request, &Wanted::default());
    Ok(Some(listed))
}

const ROWS: &str = "SELECT id, accepted_at, ended_at, state, code, message, channel, job_key, request,
      (SELECT s.title FROM stored_job s WHERE s.account_id = ?1 AND s.job_key = application.job_key)
    FROM application";

/// Newest first, with their requests.
fn read(
    tx: &Tx<'_>,
    account: &AccountId,
    wanted: &Wanted,
    first: Option<&QueueId>,
    end: Option<&QueueId>,
) -> Result<Vec<(Listed, String)>, Error> {
    // From the least to the greatest id there can be.
    let (first, end) = (first.map_or("", QueueId::as_str), end.map_or("r", QueueId::as_str));
    let found = |of: &str, job: &[Value<'_>]| {
        tx.all(
            &format!(
                "{ROWS} WHERE account_id = ?1 AND id >= ?2 AND id < ?3 AND {of} ORDER BY id DESC LIMIT ?4"
            ),
            &[&[Text(account.as_str()), Text(first), Text(end), Int(READ_AT_ONCE)], job].concat(),
            row,
        )
    };
    let states = &wanted.states;
    // Each part by its own index: that of a job's guard and of what has ended for it, or that of a state.
    let parts = match &wanted.job {
        Some(job) => {
            let in_states = if states.is_empty() { "1 = 1".to_owned() } else { one_of(states) };
            let of = |what| found(&format!("job_key = ?5 AND {what} AND {in_states}"), &[Text(job.as_str())]);
            vec![of(BARS)?, of(ENDED)?]
        }
        None if states.is_empty() => return found("1 = 1", &[]),
        None => {
            let of = |state: &State| found("state = ?5", &[Text(state.as_str())]);
            states.iter().map(of).collect::<Result<Vec<_>, _>>()?
        }
    };
    let mut all = parts.concat();
    all.sort_unstable_by(|(a, _), (b, _)| b.id.cmp(&a.id));
    all.dedup_by(|(a, _), (b, _)| a.id == b.id);
    all.truncate(usize::try_from(READ_AT_ONCE).unwrap_or(0));
    Ok(all)
}

fn one_of(states: &[State]) -> String {
    let named = STATES.iter().filter(|state| states.contains(state));
    let named: Vec<_> = named.map(|state| format!("state = '{}'", state.as_str())).collect();
    format!("({})", named.join(" OR "))
}

fn row(row: &Row<'_>) -> Result<(Listed, String), Error> {
    let listed = Listed {
        id: row.parsed(0, QueueId::parse)?,
        accepted_at: row.int(1)?,
        ended_at: row.opt_int(2)?,
        state: row.parsed(3, State::parse)?,
        code: row.opt_parsed(4, Code::parse)?,
        message: row.opt_text(5)?,
        channel: row.parsed(6, Channel::parse)?,
        job: row.parsed(7, JobKey::parse)?,
        title: row.opt_text(9)?,
        freelancer: None,
        letter: None,
    };
    Ok((listed, row.text(8)?))
}

/// Who applies, by profile.
struct Names {
    /// Profile: whose, and their name.
    by_profile: HashMap<String, (String, String)>,
    /// The profile of those who name none.
    default: Option<String>,
}

impl Names {
    fn of(tx: &Tx<'_>, account: &AccountId) -> Result<Self, Error> {
        let default = freelancer::profile(tx, account, None)?.map(|chosen| chosen.id);
        let all = freelancer::list(tx, account)?.into_iter();
        let by_profile = all.flat_map(|of| {
            let named = (of.id, of.name);
            of.profiles.into_iter().map(move |profile| (profile.profile_id, named.clone()))
        });
        Ok(Self { by_profile: by_profile.collect(), default })
    }

    /// Puts into a row what its request tells; whether it is wanted.
    fn tell(&self, row: &mut Listed, request: &str, wanted: &Wanted) -> bool {
        let request: serde_json::Value = serde_json::from_str(request).unwrap_or_default();
        let profile = request["profileId"].as_str().or(self.default.as_deref());
        let whose = profile.and_then(|profile| self.by_profile.get(profile));
        if wanted.freelancer.is_some() && wanted.freelancer.as_ref() != whose.map(|(id, _)| id) {
            return false;
        }
        let letter = request["coverLetter"].as_str();
        if let Some(text) = &wanted.text {
            let text = text.to_lowercase();
            let told = [letter, row.title.as_deref(), row.message.as_deref(), Some(row.id.as_str())];
            if !told.into_iter().flatten().any(|told| told.to_lowercase().contains(&text)) {
                return false;
            }
        }
        row.freelancer = whose.map(|(_, name)| name.clone());
        row.letter = letter.map(|letter| letter.chars().take(EXCERPT_CHARS).collect());
        true
    }
}
