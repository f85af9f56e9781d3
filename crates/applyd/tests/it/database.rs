//! The database of a place past the program, on either engine.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use applyd_store::{Clock, Store};
use postgres::SimpleQueryMessage;
use rusqlite::types::ValueRef;

use crate::fresh::{FILE, postgres as server};
use crate::harness::{Place, is_postgres};

/// The program's data if nothing else is said, on SQLite.
pub(crate) const FILES: [&str; 3] = [FILE, "applyd.db-wal", "applyd.db-shm"];

/// A connection of its own; statements have no parameters.
pub(crate) enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(RefCell<postgres::Client>),
}

impl Place {
    /// A connection past the program.
    pub(crate) fn raw(&self) -> Raw {
        if is_postgres() {
            return Raw::Postgres(RefCell::new(server::raw(&self.path(""))));
        }
        let connection = rusqlite::Connection::open(self.path(FILES[0])).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        Raw::Sqlite(connection)
    }

    /// The store itself, beside the program.
    pub(crate) fn store(&self) -> Store {
        self.fresh.open(Clock::System)
    }

    /// Keeps a copy of a database that no server uses.
    pub(crate) fn save(&self) {
        if is_postgres() {
            return copy(&self.name(), &old(self));
        }
        std::fs::create_dir(self.path("old")).unwrap();
        copy_files(&self.path(""), &self.path("old"));
    }

    /// The copy is the database again.
    pub(crate) fn set_back(&self) {
        self.lose();
        if is_postgres() {
            return copy(&old(self), &self.name());
        }
        copy_files(&self.path("old"), &self.path(""));
    }

    /// A new database in the old one's place, with nothing in it.
    pub(crate) fn empty(&self) {
        self.lose();
        if is_postgres() {
            server::make(&self.path(""));
        }
    }

    /// On PostgreSQL.
    pub(crate) fn name(&self) -> String {
        server::named(&self.path(""))
    }

    /// On PostgreSQL; the database itself goes with the folder.
    pub(crate) fn forget_copy(&self) {
        let drop = format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, old(self));
        server::client().execute(&drop, &[]).unwrap();
    }

    fn lose(&self) {
        if is_postgres() {
            return server::remove(&self.path(""));
        }
        for file in FILES.iter().filter(|file| self.path(file).exists()) {
            std::fs::remove_file(self.path(file)).unwrap();
        }
    }

    /// The witness, if nothing else is said.
    pub(crate) fn witness(&self) -> PathBuf {
        self.path(if is_postgres() { "applyd.witness" } else { "applyd.db.witness" })
    }
}

/// Name of the copy, on PostgreSQL.
fn old(place: &Place) -> String {
    format!("{}_old", place.name())
}

fn copy(from: &str, to: &str) {
    server::client().execute(&format!(r#"CREATE DATABASE "{to}" TEMPLATE "{from}""#), &[]).unwrap();
}

fn copy_files(from: &Path, to: &Path) {
    for file in FILES.iter().filter(|file| from.join(file).exists()) {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

impl Raw {
    /// Runs statements; answers how many rows the last one changed.
    pub(crate) fn execute(&self, sql: &str) -> u64 {
        match self {
            Self::Sqlite(connection) => {
                connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                connection.changes()
            }
            Self::Postgres(client) => {
                let counts = asked(client, sql).into_iter().filter_map(|message| match message {
                    SimpleQueryMessage::CommandComplete(rows) => Some(rows),
                    _ => None,
                });
                counts.last().unwrap()
            }
        }
    }

    /// The first column of each row, as text.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Sqlite(connection) => {
                let mut rows = connection.prepare(sql).unwrap();
                let text = |row: &rusqlite::Row<'_>| {
                    Ok(match row.get_ref(0)? {
                        ValueRef::Integer(value) => value.to_string(),
                        other => other.as_str()?.to_owned(),
                    })
                };
                rows.query_map([], text).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(client) => {
                let rows = asked(client, sql).into_iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap().to_owned()),
                    _ => None,
                });
                rows.collect()
            }
        }
    }

    /// The one whole number.
    pub(crate) fn int(&self, sql: &str) -> i64 {
        let texts = self.texts(sql);
        assert_eq!(texts.len(), 1, "{sql}: {texts:?}");
        texts[0].parse().unwrap()
    }
}

fn asked(client: &RefCell<postgres::Client>, sql: &str) -> Vec<SimpleQueryMessage> {
    client.borrow_mut().simple_query(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

/// Text as it stands in a statement.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
