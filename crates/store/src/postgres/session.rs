//! One connection to PostgreSQL and what has befallen the transaction on it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::postgres::error::{Severity, SqlState};
use ::postgres::fallible_iterator::FallibleIterator as _;
use ::postgres::types::{ToSql, Type};
use ::postgres::{Client, CopyInWriter, Row, SimpleQueryMessage, Statement};

use super::server::{Server, reason};
use crate::Error;
use crate::tx::Value;

/// More than the program has; a bound all the same.
const CACHED_STATEMENTS: usize = 1024;

/// A connection, made when it is needed.
pub(crate) struct Session {
    server: Server,
    client: Option<Client>,
    statements: HashMap<String, Statement>,
    trouble: Option<Trouble>,
    warned: Arc<AtomicBool>,
    is_told: bool,
}

/// Why what ran in a transaction cannot stay.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Undone for another's sake: to be run again.
    Conflict(Error),
    /// The connection is gone.
    Lost(Error),
    /// A row that was not seen is there already: may be a conflict, or the closure's own fault.
    Taken(Error),
    /// Refused for good.
    Failed(Error),
}

impl Trouble {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Conflict(error) | Self::Lost(error) | Self::Taken(error) | Self::Failed(error) => error,
        }
    }
}

impl Session {
    pub(crate) fn new(server: Server) -> Self {
        let (statements, warned) = (HashMap::new(), Arc::default());
        Self { server, client: None, statements, trouble: None, warned, is_told: false }
    }

    /// What befell the transaction since this was last asked.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Whether the server warned that a commit may not be durable, since this was last asked.
    pub(crate) fn take_warning(&self) -> bool {
        self.warned.swap(false, Ordering::SeqCst)
    }

    /// Leaves the connection; the next transaction is begun on a new one.
    pub(crate) fn leave(&mut self) {
        self.statements.clear();
        self.client = None;
        self.trouble = None;
    }

    /// Begins a transaction, on a new connection where there is none; answers as [`Self::run`].
    pub(crate) fn begin(&mut self, sql: &str) -> Result<Vec<String>, Trouble> {
        if self.client.is_none() {
            self.client = Some(self.server.connect(&self.warned).map_err(Trouble::Lost)?);
        }
        self.trouble = None;
        self.run(sql)
    }

    /// Runs statements that are ours and have no parameters, in one round trip; answers the rows' first columns.
    pub(crate) fn run(&mut self, sql: &str) -> Result<Vec<String>, Trouble> {
        let answered =
            self.client().map_err(Trouble::Lost)?.simple_query(sql).map_err(|error| told(&error))?;
        let first = |message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        Ok(answered.into_iter().filter_map(first).collect())
    }

    /// Copies rows into a table, by a statement that takes them and a writer that gives them.
    pub(crate) fn copy<T>(
        &mut self,
        sql: &str,
        rows: impl FnOnce(&mut CopyInWriter<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut writer = self.client()?.copy_in(sql).map_err(|error| told(&error).into_error())?;
        let copied = rows(&mut writer)?;
        writer.finish().map_err(|error| told(&error).into_error())?;
        Ok(copied)
    }

    /// Waits for a hint; whether there was one.
    pub(crate) fn hear(&mut self, most: Duration) -> Result<bool, Trouble> {
        let client = self.client().map_err(Trouble::Lost)?;
        let heard = client.notifications().timeout_iter(most).next().map_err(|error| told(&error))?.is_some();
        if client.is_closed() {
            return Err(Trouble::Lost(Error::Unreachable("the connection was closed".into())));
        }
        Ok(heard)
    }

    /// Other nodes are to hear of what is done in this transaction.
    pub(crate) fn tell(&mut self) {
        self.is_told = true;
    }

    /// Whether they are, since this was last asked.
    pub(crate) fn take_told(&mut self) -> bool {
        std::mem::take(&mut self.is_told)
    }

    /// Runs a statement; answers the number of rows changed.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        let changed = if self.server.is_pooled {
            self.client()?.execute_typed(&numbered(sql), &typed(values))
        } else {
            let statement = self.statement(sql)?;
            self.client()?.execute(&statement, &untyped(values))
        };
        let changed = changed.map_err(|error| self.note(&error))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Runs a statement; answers its rows.
    pub(crate) fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let rows = if self.server.is_pooled {
            self.client()?.query_typed(&numbered(sql), &typed(values))
        } else {
            let statement = self.statement(sql)?;
            self.client()?.query(&statement, &untyped(values))
        };
        rows.map_err(|error| self.note(&error))
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client()?.prepare(&numbered(sql)).map_err(|error| self.note(&error))?;
        if self.statements.len() == CACHED_STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The connection of the transaction that was begun: a new one would know nothing of it.
    fn client(&mut self) -> Result<&mut Client, Error> {
        match &self.trouble {
            None => self.client.as_mut().ok_or(Error::Stopped),
            // What follows a failure in the same transaction fails by it, and is not sent.
            Some(trouble) => Err(trouble.clone().into_error()),
        }
    }

    fn note(&mut self, error: &::postgres::Error) -> Error {
        self.trouble.insert(told(error)).clone().into_error()
    }
}

fn told(error: &::postgres::Error) -> Trouble {
    let why = reason(error);
    let Some(said) = error.as_db_error() else { return Trouble::Lost(Error::Unreachable(why)) };
    if matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) {
        return Trouble::Lost(Error::Unreachable(why));
    }
    match *said.code() {
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE => Trouble::Conflict(Error::Engine(why)),
        SqlState::UNIQUE_VIOLATION => Trouble::Taken(Error::Engine(why)),
        _ => Trouble::Failed(Error::Engine(why)),
    }
}

/// `?1` as the other engine has it, `$1` here.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

fn untyped<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

/// With their types, a statement needs no name and no round trip before it.
fn typed<'a>(values: &'a [Value<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    values.iter().map(|value| (value as _, value.type_of())).collect()
}
