//! A transaction as the table files see it: text, whole numbers and bytes, on any engine.

use std::cell::RefCell;

use crate::postgres::{self, Session};
use crate::{Error, sqlite};

/// One transaction (or one read); lives only within a closure of the seam.
pub struct Tx<'a> {
    on: On<'a>,
    now: i64,
}

/// The engine's own connection, which stands in the transaction.
pub(crate) enum On<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a RefCell<Session>),
}

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// One row of an answer, by position.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl<'a> Tx<'a> {
    pub(crate) fn new(on: On<'a>, now: i64) -> Self {
        Self { on, now }
    }

    /// The store's clock at the start of this closure, Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The one fragment in which the engines differ, at the end of a look for what to take: of a row that another node
    /// is taking in this moment nothing is waited for.
    pub(crate) fn skip_locked(&self) -> &'static str {
        match self.on {
            On::Sqlite(_) => "",
            On::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Whether the engine writes something of its own in each transaction that may write.
    pub(crate) fn is_marked(&self) -> bool {
        matches!(self.on, On::Postgres(_))
    }

    /// What is done here is news for the other nodes of the database.
    pub(crate) fn tell(&self) {
        if let On::Postgres(session) = self.on {
            session.borrow_mut().tell();
        }
    }

    /// Random bits for an id; ids are no secrets.
    pub(crate) fn random(&self) -> u128 {
        fastrand::u128(..)
    }

    /// Runs a statement; answers the number of rows changed.
    pub(crate) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        match self.on {
            On::Sqlite(connection) => sqlite::execute(connection, sql, values),
            On::Postgres(session) => session.borrow_mut().execute(sql, values),
        }
    }

    /// Reads at most one row.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.on {
            On::Sqlite(connection) => sqlite::one(connection, sql, values, read),
            On::Postgres(session) => {
                let rows = session.borrow_mut().query(sql, values)?;
                rows.first().map(|row| read(&Row::Postgres(row))).transpose()
            }
        }
    }

    /// Reads all rows; the statement's own LIMIT bounds them.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match self.on {
            On::Sqlite(connection) => sqlite::all(connection, sql, values, read),
            On::Postgres(session) => {
                let rows = session.borrow_mut().query(sql, values)?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }
}

impl Row<'_> {
    pub(crate) fn int(&self, at: usize) -> Result<i64, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get(at)?),
            Self::Postgres(row) => postgres::get::<postgres::Whole>(row, at).map(i64::from),
        }
    }

    pub(crate) fn opt_int(&self, at: usize) -> Result<Option<i64>, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get(at)?),
            Self::Postgres(row) => Ok(postgres::get::<Option<postgres::Whole>>(row, at)?.map(i64::from)),
        }
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, Error> {
        Ok(self.int(at)? != 0)
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get(at)?),
            Self::Postgres(row) => postgres::get(row, at),
        }
    }

    pub(crate) fn opt_text(&self, at: usize) -> Result<Option<String>, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get(at)?),
            Self::Postgres(row) => postgres::get(row, at),
        }
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<Vec<u8>, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get(at)?),
            Self::Postgres(row) => postgres::get(row, at),
        }
    }

    /// Text that a type of the core must recognise.
    pub(crate) fn parsed<T>(&self, at: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        let text = self.text(at)?;
        parse(&text).ok_or(Error::Damaged(text))
    }

    /// The same where null may stand.
    pub(crate) fn opt_parsed<T>(
        &self,
        at: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.opt_text(at)?.map(|text| parse(&text).ok_or(Error::Damaged(text))).transpose()
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::tx::Value::from($value)),*] };
}
pub(crate) use values;
