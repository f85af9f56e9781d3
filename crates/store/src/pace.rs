//! The budget of calls to a site, shared by every process on this store.

use applyd_core::pace::Kind;

use crate::tx::values;
use crate::{Error, Tx};

/// A bucket of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Whose calls, e.g. of a grant.
    pub of: String,
    /// Which calls.
    pub kind: Kind,
}

/// Whether a call gets its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has it after this long, in milliseconds; it is taken.
    In(i64),
    /// It would come only after this long; nothing is taken.
    TooLate(i64),
}

impl Bucket {
    fn name(&self) -> String {
        format!("{}/{}", self.of, self.kind.as_str())
    }

    fn full_at(&self, tx: &Tx<'_>) -> Result<i64, Error> {
        let found =
            tx.one("SELECT full_at FROM pace WHERE bucket = ?1", values![&self.name()], |row| row.int(0));
        Ok(found?.unwrap_or(0))
    }

    fn set(&self, tx: &Tx<'_>, full_at: i64) -> Result<(), Error> {
        tx.execute(
            "INSERT INTO pace (bucket, full_at) VALUES (?1, ?2)
             ON CONFLICT (bucket) DO UPDATE SET full_at = excluded.full_at",
            values![&self.name(), full_at],
        )?;
        Ok(())
    }
}

/// How long the last of `calls` that this bucket had to give now would wait, in milliseconds.
///
/// # Errors
/// The store's.
pub fn wait_ms(tx: &Tx<'_>, bucket: &Bucket, calls: i64) -> Result<i64, Error> {
    let full_at = bucket.kind.taken(bucket.full_at(tx)?, calls, tx.now());
    Ok(bucket.kind.wait_ms(full_at, tx.now()))
}

/// Takes one call from each of the buckets, unless its turn would come later than `most_ms` from now.
///
/// # Errors
/// The store's.
pub fn take(tx: &Tx<'_>, buckets: &[Bucket], most_ms: i64) -> Result<Turn, Error> {
    let mut longest_ms = 0;
    for bucket in buckets {
        longest_ms = longest_ms.max(wait_ms(tx, bucket, 1)?);
    }
    if longest_ms > most_ms {
        return Ok(Turn::TooLate(longest_ms));
    }
    for bucket in buckets {
        bucket.set(tx, bucket.kind.taken(bucket.full_at(tx)?, 1, tx.now()))?;
    }
    Ok(Turn::In(longest_ms))
}

/// Gives back a call that was taken and not made.
///
/// # Errors
/// The store's.
pub fn give_back(tx: &Tx<'_>, buckets: &[Bucket]) -> Result<(), Error> {
    for bucket in buckets {
        bucket.set(tx, bucket.full_at(tx)?.saturating_sub(bucket.kind.refill_ms()))?;
    }
    Ok(())
}

/// Lets nobody take a call from these buckets for `after_ms`, as the site has asked.
///
/// # Errors
/// The store's.
pub fn hold(tx: &Tx<'_>, buckets: &[Bucket], after_ms: i64) -> Result<(), Error> {
    for bucket in buckets {
        bucket.set(tx, bucket.kind.held(bucket.full_at(tx)?, tx.now().saturating_add(after_ms)))?;
    }
    Ok(())
}
