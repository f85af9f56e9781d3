//! Who did what, which key, who approved which hash, what was sent, what came back: one line an act, for good.
//!
//! What the rows of an application say already is read from them. Only the operator's acts have a table of their own.

use std::collections::VecDeque;

use applyd_core::ids::AccountId;
use serde_json::{Map, Value, json};

use crate::retention::Hashes;
use crate::tx::{Row, values};
use crate::{Error, Tx};

/// Rows that one read takes from each source. A source is in the order of time but for what so many rows can hide.
const READ_AT_ONCE: i64 = 500;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, Unix milliseconds.
    pub at: i64,
    /// Which.
    pub act: String,
    /// Who: a person's name, a key's id, or the part of the server that did it.
    pub by: Option<String>,
    /// Whose.
    pub account: Option<String>,
    /// Of which application.
    pub application: Option<String>,
    /// The rest: ids, hashes, numbers, codes, people's own words.
    pub facts: Map<String, Value>,
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of this account alone.
    pub account: Option<AccountId>,
    /// From then on, Unix milliseconds.
    pub since: i64,
    /// Before then, Unix milliseconds.
    pub until: i64,
}

/// Writes down what the operator, or the server in the operator's place, has done.
///
/// # Errors
/// The store's.
pub fn note(
    tx: &Tx<'_>,
    act: &str,
    by: &str,
    account: Option<&AccountId>,
    facts: &Value,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit (at, act, done_by, account_id, facts) VALUES (?1, ?2, ?3, ?4, ?5)",
        values![tx.now(), act, by, account.map(AccountId::as_str), &facts.to_string()],
    )?;
    Ok(())
}

/// All lines, oldest first, a few hundred at a time, each in a read of its own: what is exported does not have to fit
/// into memory, and no reader stays open for long.
#[derive(Debug, Clone)]
pub struct Export {
    wanted: Wanted,
    sources: [Source; 4],
}

#[derive(Debug, Clone)]
struct Source {
    kind: Kind,
    /// Place of the last row that was read.
    after: String,
    lines: VecDeque<Line>,
    is_at_end: bool,
}

/// In the order in which they are told where the time is the same.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Operator,
    Accepted,
    Decision,
    Step,
}

/// A row's place, and its lines.
type Read = (String, Vec<Line>);

impl Export {
    /// From the beginning.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        let source = |kind| Source { kind, after: String::new(), lines: VecDeque::new(), is_at_end: false };
        let sources = [Kind::Operator, Kind::Accepted, Kind::Decision, Kind::Step].map(source);
        Self { wanted, sources }
    }

    /// The next lines; none: that was all.
    ///
    /// # Errors
    /// The store's.
    pub fn next(&mut self, tx: &Tx<'_>) -> Result<Vec<Line>, Error> {
        let enough = usize::try_from(READ_AT_ONCE).unwrap_or(0);
        for source in &mut self.sources {
            // One portion is held back, so that what came late can still be put in its place.
            while !source.is_at_end && source.lines.len() < 2 * enough {
                source.read(tx, &self.wanted)?;
            }
        }
        let mut next = Vec::new();
        while self.sources.iter().all(|source| source.is_at_end || source.lines.len() > enough) {
            let first = self.sources.iter_mut().filter(|source| !source.lines.is_empty());
            // The first of several smallest ones.
            let first = first.min_by_key(|source| source.lines.front().map(|line| line.at));
            match first.and_then(|source| source.lines.pop_front()) {
                Some(line) => next.push(line),
                None => break,
            }
            if next.len() >= 2 * enough {
                break;
            }
        }
        Ok(next)
    }
}

impl Source {
    fn read(&mut self, tx: &Tx<'_>, wanted: &Wanted) -> Result<(), Error> {
        let rows = match self.kind {
            Kind::Operator => operators(tx, wanted, &self.after),
            Kind::Accepted => accepted(tx, wanted, &self.after),
            Kind::Decision => decisions(tx, wanted, &self.after),
            Kind::Step => steps(tx, wanted, &self.after),
        }?;
        self.is_at_end = rows.is_empty();
        for (place, lines) in rows {
            self.after = place;
            self.lines.extend(lines);
        }
        self.lines.make_contiguous().sort_by_key(|line| line.at);
        Ok(())
    }
}

/// Of a table that counts its rows.
fn seq(after: &str) -> i64 {
    after.parse().unwrap_or(0)
}

/// The account that is wanted; '' for all.
fn account(wanted: &Wanted) -> &str {
    wanted.account.as_ref().map_or("", AccountId::as_str)
}

fn operators(tx: &Tx<'_>, wanted: &Wanted, after: &str) -> Result<Vec<Read>, Error> {
    tx.all(
        "SELECT seq, at, act, done_by, account_id, facts FROM audit WHERE seq > ?1 AND at >= ?2 AND at < ?3
         AND (?4 = '' OR account_id = ?4 OR account_id IS NULL) ORDER BY seq LIMIT ?5",
        values![seq(after), wanted.since, wanted.until, account(wanted), READ_AT_ONCE],
        |row| {
            let line = Line {
                at: row.int(1)?,
                act: row.text(2)?,
                by: row.opt_text(3)?,
                account: row.opt_text(4)?,
                application: None,
                facts: row.parsed(5, |text| serde_json::from_str(text).ok())?,
            };
            Ok((row.int(0)?.to_string(), vec![line]))
        },
    )
}

/// It has no row of its own: accepting is the one step that every caller waits for.
fn accepted(tx: &Tx<'_>, wanted: &Wanted, after: &str) -> Result<Vec<Read>, Error> {
    tx.all(
        // A key's own decision stands although a person was asked later.
        "SELECT id, accepted_at, account_id, key_id, channel, job_key,
           coalesce((SELECT d.verdict FROM decision d WHERE d.application_id = application.id
             AND d.verdict = 'by_request'), policy), request, request_sha256, letter_sha256
         FROM application WHERE id > ?1 AND accepted_at >= ?2 AND accepted_at < ?3 AND (?4 = '' OR account_id = ?4)
         ORDER BY id LIMIT ?5",
        values![after, wanted.since, wanted.until, account(wanted), READ_AT_ONCE],
        |row| {
            let hashes = match row.opt_text(8)? {
                Some(request) => Hashes { request, letter: row.opt_text(9)? },
                None => Hashes::of(&row.text(7)?),
            };
            let line = Line {
                at: row.int(1)?,
                act: "accepted".to_owned(),
                by: row.opt_text(3)?,
                account: row.opt_text(2)?,
                application: row.opt_text(0)?,
                facts: object(json!({
                    "channel": row.text(4)?, "jobId": row.text(5)?, "policy": row.text(6)?,
                    "requestSha256": hashes.request, "letterSha256": hashes.letter,
                })),
            };
            Ok((row.text(0)?, vec![line]))
        },
    )
}

fn decisions(tx: &Tx<'_>, wanted: &Wanted, after: &str) -> Result<Vec<Read>, Error> {
    tx.all(
        "SELECT d.seq, d.at, d.verdict, d.decided_by, a.account_id, d.application_id, d.address, d.sha256, d.preview_id,
           d.connects, d.reason
         FROM decision d JOIN application a ON a.id = d.application_id
         WHERE d.seq > ?1 AND d.at >= ?2 AND d.at < ?3 AND (?4 = '' OR a.account_id = ?4) ORDER BY d.seq LIMIT ?5",
        values![seq(after), wanted.since, wanted.until, account(wanted), READ_AT_ONCE],
        |row| {
            let line = Line {
                at: row.int(1)?,
                act: row.text(2)?,
                by: row.opt_text(3)?,
                account: row.opt_text(4)?,
                application: row.opt_text(5)?,
                facts: object(json!({
                    "address": row.text(6)?, "sha256": row.opt_text(7)?, "previewId": row.opt_text(8)?,
                    "connects": row.opt_int(9)?, "reason": row.opt_text(10)?,
                })),
            };
            Ok((row.int(0)?.to_string(), vec![line]))
        },
    )
}

fn steps(tx: &Tx<'_>, wanted: &Wanted, after: &str) -> Result<Vec<Read>, Error> {
    tx.all(
        "SELECT t.seq, t.at, t.actor, a.account_id, t.application_id, t.facts, a.preview_id, t.detail
         FROM timeline t JOIN application a ON a.id = t.application_id
         WHERE t.seq > ?1 AND t.facts IS NOT NULL AND t.at >= ?2 AND t.at < ?3 AND (?4 = '' OR a.account_id = ?4)
         ORDER BY t.seq LIMIT ?5",
        values![seq(after), wanted.since, wanted.until, account(wanted), READ_AT_ONCE],
        |row| {
            let acts: Vec<Map<String, Value>> = row.parsed(5, |text| serde_json::from_str(text).ok())?;
            let lines: Result<Vec<Line>, Error> = acts.into_iter().map(|facts| step(row, facts)).collect();
            Ok((row.int(0)?.to_string(), lines?))
        },
    )
}

fn step(row: &Row<'_>, mut facts: Map<String, Value>) -> Result<Line, Error> {
    let act = facts.remove("act").and_then(|act| act.as_str().map(str::to_owned)).unwrap_or_default();
    if act == "intent" {
        // The last one that was made before; no later one exists.
        facts.insert("previewId".to_owned(), json!(row.opt_text(6)?));
    }
    let actor = row.text(2)?;
    if actor == "person" {
        facts.insert("said".to_owned(), json!(row.opt_text(7)?));
    }
    Ok(Line {
        at: row.int(1)?,
        act,
        by: Some(actor),
        account: row.opt_text(3)?,
        application: row.opt_text(4)?,
        facts,
    })
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}
