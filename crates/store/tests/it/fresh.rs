//! A database of a test's own on the engine of this run; shared with the tests of the crates that use the store.

#[path = "postgres.rs"]
#[allow(dead_code, reason = "no crate needs all of it")]
pub(crate) mod postgres;

use std::path::Path;

use applyd_store::{Clock, Database, Store};
use tempfile::TempDir;

/// Of the file, on SQLite: the program's own, if nothing else is said.
pub(crate) const FILE: &str = "applyd.db";

/// Whether this run of the tests is on PostgreSQL; `cargo xtask test` runs them on each engine. A test of what only
/// one has ends at once on the other.
pub(crate) fn is_postgres() -> bool {
    std::env::var("APPLYD_TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

/// On a thread of its own: the client of PostgreSQL has a runtime inside, and the test may stand in one.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// A folder with a database that goes with it.
pub(crate) struct Fresh(TempDir);

impl Fresh {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_postgres() {
            apart(|| postgres::make(folder.path()));
        }
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Also again, as another process has it.
    pub(crate) fn open(&self, clock: Clock) -> Store {
        let database = if is_postgres() {
            Database::parse(&postgres::url(&postgres::named(self.path()))).unwrap()
        } else {
            Database::Sqlite(self.path().join(FILE))
        };
        Store::open(&database, clock).unwrap()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if is_postgres() {
            apart(|| postgres::remove(self.path()));
        }
    }
}
