//! What only grows lies by the month in a shared database, so that the operator can take a month away whole: PostgreSQL's
//! own partitions, made here before they are needed. What finds none goes into the rest, so nothing waits for this.

use crate::postgres::{Server, Session, Trouble};
use crate::{Error, threads};

/// So many lie ready beyond the present one.
const AHEAD: u8 = 3;
/// Held by the one of several nodes that makes a month.
const LOCK: i64 = 0x6170_706c_6d6f;
/// A reader of the rest is waited for so long, as all later ones wait meanwhile; the next try comes by itself.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '200ms'";

/// A partition to be: name, first millisecond, first one after it.
struct Month {
    name: String,
    from: i64,
    to: i64,
}

impl Month {
    fn parse(told: &str) -> Option<Self> {
        let mut words = told.split(' ');
        let mut next = || words.next();
        Some(Self { name: next()?.to_owned(), from: next()?.parse().ok()?, to: next()?.parse().ok()? })
    }
}

/// Makes what is missing from now on, on a connection and a thread of its own.
pub(crate) fn prepare(server: &Server, now: i64) -> Result<(), Error> {
    let mut session = Session::new(server.clone());
    let preparing = threads::spawn("months", move || {
        let missing = in_one(&mut session, |session| missing(session, now, now))?;
        for month in missing {
            // Each alone: rows of it that are in the rest already keep one from being made, and no other.
            if let Err(error) = in_one(&mut session, |session| make_alone(session, &month)) {
                tracing::warn!(month = month.name, %error, "what is of this month goes into the rest");
            }
        }
        Ok(())
    })?;
    preparing.join().unwrap_or(Err(Error::Panicked))
}

/// Makes what is missing from a time on, in the transaction that has begun.
pub(crate) fn make_since(session: &mut Session, since: i64, now: i64) -> Result<(), Error> {
    missing(session, since, now)?.iter().try_for_each(|month| make(session, month))
}

fn in_one<T>(session: &mut Session, work: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
    session.begin(BEGIN).map_err(Trouble::into_error)?;
    let worked = work(session);
    let end = if worked.is_ok() { "COMMIT" } else { "ROLLBACK" };
    session.run(end).map_err(Trouble::into_error)?;
    worked
}

fn missing(session: &mut Session, since: i64, now: i64) -> Result<Vec<Month>, Error> {
    let told = session.run(&format!(
        "SELECT name || ' ' || CAST(extract(epoch FROM month) * 1000 AS BIGINT) || ' '
           || CAST(extract(epoch FROM month + INTERVAL '1 month') * 1000 AS BIGINT)
         FROM generate_series(date_trunc('month', to_timestamp({since} / 1000) AT TIME ZONE 'UTC'),
           date_trunc('month', to_timestamp({now} / 1000) AT TIME ZONE 'UTC') + INTERVAL '{AHEAD} months',
           INTERVAL '1 month') AS month
         CROSS JOIN LATERAL (SELECT 'timeline_' || to_char(month, 'YYYY_MM') AS name) AS named
         WHERE to_regclass(name) IS NULL ORDER BY month"
    ));
    let told = told.map_err(Trouble::into_error)?;
    told.iter().map(|told| Month::parse(told).ok_or_else(|| Error::Damaged(told.clone()))).collect()
}

/// Unless another node makes it in this moment, or has.
fn make_alone(session: &mut Session, month: &Month) -> Result<(), Error> {
    let free = session.run(&format!(
        "SELECT 1 WHERE pg_try_advisory_xact_lock({LOCK}) AND to_regclass('{}') IS NULL",
        month.name
    ));
    if free.map_err(Trouble::into_error)?.is_empty() { Ok(()) } else { make(session, month) }
}

/// Made beside the table and attached: so whoever writes into another month waits for nothing.
fn make(session: &mut Session, month: &Month) -> Result<(), Error> {
    let Month { name, from, to } = month;
    let made = session.run(&format!(
        "CREATE TABLE {name} (LIKE timeline INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
         ALTER TABLE timeline ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"
    ));
    made.map(drop).map_err(Trouble::into_error)
}
