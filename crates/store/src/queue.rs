//! The queue: accepting, taking, moving on. Every change of an application goes through [`advance`].

use applyd_core::approval::Policy;
use applyd_core::ids::{AccountId, EventId, KeyId, QueueId};
use applyd_core::job_ref::{JobKey, JobRef};
use applyd_core::ledger::Kind;
use applyd_core::outcome::Code;
use applyd_core::queue::{most_ahead, retry_after_s};
use applyd_core::state::{self, By, Dead, Event, Progress, Refused, State};
use applyd_core::terms::Terms;
use applyd_core::time::Timing;
use applyd_wire::ApplicationStatus;
use serde_json::Value;

use crate::account::Channel;
use crate::act::Act;
use crate::application::{self, Application};
use crate::intent::{self, Login};
use crate::timeline::{self, Line};
use crate::tx::{Row, values};
use crate::{Error, Tx, approval, event, freelancer, ledger, meta, pause, refresh, stored_job};

/// What is asked to be accepted.
#[derive(Debug, Clone)]
pub struct New {
    /// Id of the application to be.
    pub id: QueueId,
    /// Whose.
    pub account: AccountId,
    /// The account's channel.
    pub channel: Channel,
    /// The key that asks.
    pub key: KeyId,
    /// Who must approve.
    pub policy: Policy,
    /// Most Connects where the request names no ceiling.
    pub ceiling_connects: Option<i64>,
    /// The job as named.
    pub job: JobRef,
    /// What is promised.
    pub terms: Terms,
    /// UUID for a job that the account has not met.
    pub fresh_job_id: String,
    /// The request as it arrived.
    pub request: String,
    /// The protocol's limits.
    pub timing: Timing,
    /// What one application of this account has taken of late, in milliseconds; `None`: nothing waits.
    pub one_takes_ms: Option<i64>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Accept {
    /// Durable with this transaction.
    Accepted {
        /// The row.
        application: Box<Application>,
        /// Credits left.
        available: i64,
    },
    /// 422: no such profile, or none at all.
    UnknownProfile,
    /// 404.
    UnknownJob,
    /// 409.
    Barred {
        /// The application that exists.
        by: QueueId,
        /// Its state.
        state: State,
    },
    /// 402.
    NoCredit {
        /// Credits left.
        available: i64,
    },
    /// 503: it would be bound to end `deadline`.
    Full {
        /// Whole seconds.
        retry_after_s: i64,
    },
    /// 503: nothing may be submitted before the operator has looked.
    VerifyOnly,
}

/// Accepts an application, with its credit held, or says why not; then nothing has changed.
///
/// # Errors
/// The store's.
pub fn accept(tx: &Tx<'_>, new: &New) -> Result<Accept, Error> {
    let Some(profile) = freelancer::profile(tx, &new.account, new.terms.profile_id.as_deref())? else {
        return Ok(Accept::UnknownProfile);
    };
    let Some(job) = stored_job::resolve(tx, &new.account, new.channel, &new.job)? else {
        return Ok(Accept::UnknownJob);
    };
    let foremost = application::foremost(tx, &new.account, &job)?;
    if let Some(barring) = foremost.as_ref().filter(|foremost| foremost.bars) {
        return Ok(Accept::Barred { by: barring.id.clone(), state: barring.state });
    }
    let (available, held) = tx
        .one("SELECT available, held FROM account WHERE id = ?1", values![new.account.as_str()], |row| {
            Ok((row.int(0)?, row.int(1)?))
        })?
        .unwrap_or_default();
    if available < 1 {
        return Ok(Accept::NoCredit { available });
    }
    if meta::verify_only(tx)?.is_some() {
        return Ok(Accept::VerifyOnly);
    }
    if let Some(retry_after_s) = full(tx, new, held)? {
        return Ok(Accept::Full { retry_after_s });
    }
    let processed_job_id = stored_job::known_id(tx, &new.account, new.channel, &job)?
        .or(foremost.map(|foremost| foremost.processed_job_id))
        .unwrap_or_else(|| new.fresh_job_id.clone());
    let mut application = Application {
        id: new.id.clone(),
        account: new.account.clone(),
        channel: new.channel,
        job,
        processed_job_id,
        accepted_at: tx.now(),
        version: 1,
        key: Some(new.key.clone()),
        ceiling_connects: new.ceiling_connects,
        preview_expires_at: None,
        progress: Progress::accepted(tx.now(), new.policy, &new.timing),
        has_ended: false,
    };
    if new.policy == Policy::ByRequest {
        application.progress.approval = Some(approval::by_request(tx, &application, &profile, &new.terms)?);
    }
    if !ledger::transfer(tx, &application.account, Some(&application.id), Kind::Hold, 1)? {
        return Ok(Accept::NoCredit { available });
    }
    application::insert(tx, &application, &new.request)?;
    if new.policy == Policy::ByRequest {
        approval::note_by_request(tx, &application)?;
    }
    pause::tell(tx, &application.id, &application.account, application.channel)?;
    Ok(Accept::Accepted { application: Box::new(application), available: available - 1 })
}

/// The state of the application that bars another one for a job, if there is one.
///
/// # Errors
/// The store's.
pub fn bars(tx: &Tx<'_>, account: &AccountId, job: &JobKey) -> Result<Option<State>, Error> {
    let foremost = application::foremost(tx, account, job)?;
    Ok(foremost.filter(|foremost| foremost.bars).map(|barring| barring.state))
}

/// Whether an account has a credit to hold.
///
/// # Errors
/// The store's.
pub fn has_credit(tx: &Tx<'_>, account: &AccountId) -> Result<bool, Error> {
    let available =
        tx.one("SELECT available FROM account WHERE id = ?1", values![account.as_str()], |row| row.int(0))?;
    Ok(available.unwrap_or(0) >= 1)
}

/// Whether another application of the same account bars this one, going by the key that the site tells.
///
/// # Errors
/// The store's.
pub fn is_taken(tx: &Tx<'_>, id: &QueueId, job: &JobKey) -> Result<bool, Error> {
    let Some(asking) = application::load(tx, id)? else { return Ok(false) };
    if asking.job == *job {
        return Ok(false);
    }
    Ok(application::foremost(tx, &asking.account, job)?.is_some_and(|other| other.bars))
}

/// Held credits bound the queue from above, so the exact count is read only near the limit.
fn full(tx: &Tx<'_>, new: &New, held: i64) -> Result<Option<i64>, Error> {
    let Some(one_takes_ms) = new.one_takes_ms else { return Ok(None) };
    let most = most_ahead(new.timing.intent_cutoff_ms, one_takes_ms);
    if held < most {
        return Ok(None);
    }
    let ahead = application::ahead(tx, &new.account)?;
    Ok((ahead >= most).then(|| retry_after_s(ahead, new.timing.intent_cutoff_ms, one_takes_ms)))
}

/// What goes into the same transaction beside the transition itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// A sentence for the timeline.
    pub note: Option<&'a str>,
    /// T7: preview id and its expiry, Unix milliseconds.
    pub preview: Option<(&'a str, i64)>,
    /// T8: cost and boost of what is sent, as last shown.
    pub connects: Option<i64>,
    /// The site's id of the proposal.
    pub proposal: Option<&'a str>,
    /// The job's title, as read for this application.
    pub title: Option<&'a str>,
    /// T8: SHA-256 of the letter that is sent.
    pub letter_sha256: Option<&'a str>,
    /// T8: whose login sends.
    pub login: Option<&'a Login>,
    /// The site's ids of the answers that led to it.
    pub trace_ids: &'a [String],
    /// One more act for the audit; none of the site's words.
    pub facts: Option<&'a Value>,
}

/// Moves one application: the pure rule decides, the row is written under its fence, ledger, event and
/// timeline go with it.
///
/// # Errors
/// The store's. A refusal by the rule is no error: nothing has changed then.
pub fn advance(
    tx: &Tx<'_>,
    id: &QueueId,
    event: Event,
    by: By,
    timing: &Timing,
    beside: Beside<'_>,
) -> Result<Result<Application, Refused>, Error> {
    let Some(was) = application::load(tx, id)? else { return Ok(Err(Refused::State)) };
    let (line, act) = (Line::of(&event, by, was.progress.policy), Act::of(&event, by));
    // In normal operation what has no intent was never sent.
    let unread = was.progress.intent.is_none() && meta::verify_only(tx)?.is_some();
    let step = if unread {
        state::advance_unread(&was.progress, event, by, was.accepted_at, tx.now(), timing)
    } else {
        state::advance(&was.progress, event, by, tx.now(), timing)
    };
    let step = match step {
        Ok(step) => step,
        Err(refused) => return Ok(Err(refused)),
    };
    // Settled before the row can hold it: the intent stands first.
    intent::write(tx, &was, step.next.intent.as_ref(), beside)?;
    if !application::update(tx, &was, &step.next)? {
        return Ok(Err(Refused::Lease));
    }
    if let Some((preview, expires_at)) = beside.preview {
        tx.execute(
            "UPDATE application SET preview_id = ?2, preview_expires_at = ?3 WHERE id = ?1",
            values![id.as_str(), preview, expires_at],
        )?;
    }
    if let Some(title) = beside.title {
        stored_job::save_title(tx, &was.account, &was.job, &was.processed_job_id, title)?;
    }
    let facts = act.facts(&was.progress, &step.next, &beside);
    timeline::note(tx, id, line, &was.progress, &step.next, beside.note, &facts)?;
    let has_ended = step.tell.is_some();
    let now = Application { version: was.version + 1, progress: step.next, has_ended, ..was };
    if let Some(kind) = step.ledger
        && !ledger::transfer(tx, &now.account, Some(id), kind, 1)?
    {
        return Err(Error::Damaged(format!("{id} has no held credit to {}", kind.as_str())));
    }
    if let Some(kind) = step.tell {
        event::append(tx, &EventId::new(tx.now(), tx.random()), &now.account, kind, &now.answer())?;
    }
    Ok(Ok(now))
}

/// Whether the site itself refuses what a sender that may still live could send: its preview is long over. A person at
/// the desk has none.
fn site_refuses(application: &Application, now: i64) -> bool {
    let in_doubt = matches!(application.progress.state, State::Verifying | State::Unknown);
    in_doubt && application.preview_expires_at.is_some_and(|at| now >= at + PREVIEW_OVER_MS)
}

const LOGIN_DOWN: Event = Event::Block { code: Code::LoggedOut, renewed: false, delay_ms: 0 };

/// Brings about what time alone has decided for one application; answers it if anything changed.
///
/// # Errors
/// The store's.
pub fn catch_up(
    tx: &Tx<'_>,
    id: &QueueId,
    timing: &Timing,
    dead: impl Fn(&Progress) -> Dead,
) -> Result<Option<Application>, Error> {
    // Doubt, permit closed, deadline; or a login that was down, deadline: no chain of overdue steps is longer.
    const LONGEST_CHAIN: usize = 4;
    let mut changed: Option<Application> = None;
    for _ in 0..LONGEST_CHAIN {
        let Some(was) = application::load(tx, id)? else { break };
        let dead = if site_refuses(&was, tx.now()) { Dead::Proven } else { dead(&was.progress) };
        let is_kept_back = state::is_kept_back(&was.progress, tx.now())
            && refresh::is_down(tx, &was.account, was.progress.cutoff)?;
        let overdue = || state::overdue(&was.progress, tx.now(), dead);
        let Some(event) = is_kept_back.then_some(LOGIN_DOWN).or_else(overdue) else { break };
        let note = match &event {
            Event::Void(ending) => Some(ending.message.clone()),
            Event::Block { .. } => Some("a login of the account was down at the cutoff".to_owned()),
            _ => None,
        };
        let beside = Beside { note: note.as_deref(), ..Beside::default() };
        match advance(tx, id, event, By::Sweeper, timing, beside)? {
            Ok(now) => {
                let has_ended = now.has_ended || changed.is_some_and(|before| before.has_ended);
                changed = Some(Application { has_ended, ..now });
            }
            Err(_) => break,
        }
    }
    Ok(changed)
}

/// Takes the next application of an account that is ready, if its slot is free or its own and no pause stops it; else
/// one whose preview a person wants to see.
///
/// # Errors
/// The store's.
pub fn claim(
    tx: &Tx<'_>,
    account: &AccountId,
    worker: &str,
    timing: &Timing,
) -> Result<Option<Application>, Error> {
    let Some(next) = next(tx, account)? else { return Ok(None) };
    if refresh::is_down(tx, account, tx.now())? || pause::of(tx, account, next.channel)?.is_some() {
        return Ok(None);
    }
    let worker = worker.to_owned();
    let event = if next.is_looked_at { Event::Open { worker } } else { Event::Claim { worker } };
    Ok(advance(tx, &next.id, event, By::Sweeper, timing, Beside::default())?.ok())
}

/// What a worker takes next.
pub(crate) struct Next {
    pub(crate) id: QueueId,
    pub(crate) channel: Channel,
    /// A person wants to see its preview.
    pub(crate) is_looked_at: bool,
}

fn next(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Next>, Error> {
    let read = |row: &Row<'_>| {
        let (id, channel) = (row.parsed(0, QueueId::parse)?, row.parsed(1, Channel::parse)?);
        Ok(Next { id, channel, is_looked_at: false })
    };
    // Not by the account, which may have any number, but by the time: what is queued is only read from its index.
    let ready =
        "SELECT id, channel FROM application WHERE coalesce(account_id, '') = ?1 AND state = 'queued' AND not_before <= ?2
         AND cutoff > ?2 AND channel <> 'desk'";
    if let Some(keeper) = application::in_slot(tx, account)? {
        // What a person has approved keeps the slot while it is queued.
        let sql = format!("{ready} AND id = ?3{}", tx.skip_locked());
        return tx.one(&sql, values![account.as_str(), tx.now(), keeper.as_str()], read);
    }
    // In the order of SQLite's index to its end, so that of those that came at one moment the same one is next anywhere.
    let sql = format!("{ready} ORDER BY not_before, account_id, cutoff, id LIMIT 1{}", tx.skip_locked());
    match tx.one(&sql, values![account.as_str(), tx.now()], read)? {
        Some(ready) => Ok(Some(ready)),
        None => approval::to_open(tx, account),
    }
}

/// The next accounts, in the order of their ids, with something ready to be taken, without those that a pause stops.
///
/// # Errors
/// The store's.
pub fn ready(tx: &Tx<'_>, after: Option<&AccountId>, most: i64) -> Result<Vec<AccountId>, Error> {
    let after = after.map_or("", AccountId::as_str);
    let mut accounts = approval::waiting_to_open(tx, after, most)?;
    accounts.extend(queued(tx, after, most)?);
    // Each list has all up to its own end; beyond the end of the shorter one it says nothing.
    accounts.sort_unstable();
    accounts.dedup();
    accounts.truncate(usize::try_from(most).unwrap_or(0));
    Ok(accounts)
}

fn queued(tx: &Tx<'_>, after: &str, most: i64) -> Result<Vec<AccountId>, Error> {
    tx.all(
        // As above; the channel of an account stands in its own row.
        "SELECT ready.account_id FROM (SELECT DISTINCT coalesce(account_id, '') AS account_id FROM application
           WHERE state = 'queued' AND coalesce(account_id, '') > ?3 AND not_before <= ?1 AND cutoff > ?1
           AND channel <> 'desk') AS ready
         JOIN account a ON a.id = ready.account_id
         WHERE NOT EXISTS (SELECT 1 FROM pause p WHERE p.scope = 'all' OR p.scope = 'channel:' || a.channel
           OR p.scope = 'account:' || a.id) ORDER BY ready.account_id LIMIT ?2",
        values![tx.now(), most, after],
        |row| row.parsed(0, AccountId::parse),
    )
}

/// Applications whose next read is due and that nobody looks at, the longest due first.
///
/// # Errors
/// The store's.
pub fn to_look_at(tx: &Tx<'_>, most: i64) -> Result<Vec<QueueId>, Error> {
    tx.all(
        "SELECT id FROM application WHERE look_at IS NOT NULL AND look_at <= ?1
         AND (lease_until IS NULL OR lease_until <= ?1) ORDER BY look_at LIMIT ?2",
        values![tx.now(), most],
        |row| row.parsed(0, QueueId::parse),
    )
}

/// Applications that had no turn by their cutoff, because a login of their account was down then.
///
/// # Errors
/// The store's.
pub fn kept_back(tx: &Tx<'_>, most: i64) -> Result<Vec<QueueId>, Error> {
    tx.all(
        // The channel's condition is the index's.
        "SELECT a.id FROM application a WHERE a.state = 'queued' AND a.channel <> 'desk' AND a.cutoff <= ?1
         AND a.blocked IS NULL AND EXISTS
           (SELECT 1 FROM oauth_grant g WHERE g.account_id = a.account_id AND g.retry_at > a.cutoff) LIMIT ?2",
        values![tx.now(), most],
        |row| row.parsed(0, QueueId::parse),
    )
}

/// Applications that time has overtaken, the longest due first.
///
/// # Errors
/// The store's.
pub fn overdue(tx: &Tx<'_>, most: i64) -> Result<Vec<QueueId>, Error> {
    tx.all(
        "SELECT id FROM application WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
        values![tx.now(), most],
        |row| row.parsed(0, QueueId::parse),
    )
}

/// The same of one account.
///
/// # Errors
/// The store's.
pub(crate) fn overdue_of(tx: &Tx<'_>, account: &AccountId, most: i64) -> Result<Vec<QueueId>, Error> {
    tx.all(
        // Not by the account, which may have any number, but by the time: few are ever due.
        "SELECT id FROM application WHERE due_at IS NOT NULL AND due_at <= ?1 AND coalesce(account_id, '') = ?2
         ORDER BY due_at LIMIT ?3",
        values![tx.now(), account.as_str(), most],
        |row| row.parsed(0, QueueId::parse),
    )
}

/// So long after a preview's end nothing of it is accepted any more, whatever clocks say.
const PREVIEW_OVER_MS: i64 = 60_000;
/// What one look at the leftovers of other incarnations takes; the sweeper finds the rest when it is due.
const MOST_LEFT: i64 = 100_000;

/// Applications whose worker, or whose intent's sender, is not this incarnation; the longest due first.
///
/// # Errors
/// The store's.
pub fn of_others(tx: &Tx<'_>, worker: &str) -> Result<Vec<QueueId>, Error> {
    tx.all(
        "SELECT a.id FROM application a LEFT JOIN intent i ON i.application_id = a.id
         WHERE a.due_at IS NOT NULL AND coalesce(i.worker, a.worker, ?1) <> ?1 ORDER BY a.due_at LIMIT ?2",
        values![worker, MOST_LEFT],
        |row| row.parsed(0, QueueId::parse),
    )
}

/// Applications whose outcome is open, for the operator's list; in the verify-only mode those too that the site was
/// not yet read for.
///
/// # Errors
/// The store's.
pub fn unverified(tx: &Tx<'_>) -> Result<Vec<(QueueId, ApplicationStatus)>, Error> {
    let verify_only = i64::from(meta::verify_only(tx)?.is_some());
    tx.all(
        // Not in the order of the primary key, which has all that ever was: what is under way is sorted.
        "SELECT id, state FROM application WHERE due_at IS NOT NULL
         AND (state = 'intent' OR state = 'verifying' OR state = 'unknown'
           OR (CAST(?2 AS BIGINT) = 1 AND negative_reads = 0 AND channel <> 'desk'
             AND (state = 'awaiting_approval' OR state = 'queued' OR state = 'leased' OR state = 'armed')))
         ORDER BY coalesce(id, '') LIMIT ?1",
        values![MOST_LEFT, verify_only],
        |row| Ok((row.parsed(0, QueueId::parse)?, row.parsed(1, State::parse)?.status())),
    )
}
