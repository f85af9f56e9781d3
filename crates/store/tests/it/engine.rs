//! The engines that the suite runs on.

use std::path::Path;

use applyd_store::{Clock, Database, Error, Store};

use crate::postgres;
use crate::world::World;

/// One engine: how a database of its own, named after a folder, is made, opened and removed.
#[derive(Clone, Copy)]
pub(crate) struct Engine {
    name: &'static str,
    pub(crate) make: fn(&Path),
    pub(crate) open: fn(&Path, Clock) -> Result<Store, Error>,
    pub(crate) remove: fn(&Path),
}

const SQLITE: Engine = Engine {
    name: "sqlite",
    make: |_| {},
    open: |folder, clock| Store::open_sqlite(&folder.join("applyd.db"), clock),
    remove: |_| {},
};

const POSTGRES: Engine = Engine {
    name: "postgres",
    make: postgres::make,
    open: |folder, clock| Store::open(&database(folder), clock),
    remove: postgres::remove,
};

/// PostgreSQL through a PgBouncer that lends a connection for one transaction.
const PGBOUNCER: Engine = Engine {
    name: "pgbouncer",
    make: postgres::make,
    open: |folder, clock| Store::open(&pooled(folder), clock),
    remove: postgres::remove,
};

fn database(folder: &Path) -> Database {
    Database::parse(&postgres::url(&postgres::named(folder))).unwrap()
}

fn pooled(folder: &Path) -> Database {
    Database::parse(&postgres::pooled(&postgres::named(folder))).unwrap()
}

/// Runs a test on each engine, each time in a fresh world. PostgreSQL is one where a server is named, and once more
/// where a pooler is: `cargo xtask test` starts both.
pub(crate) fn on_each(test: impl Fn(&World)) {
    on(SQLITE, &test);
    on_postgres(&test);
    if std::env::var(postgres::POOLER).is_ok() {
        on(PGBOUNCER, &test);
    }
}

/// For what only a shared database has.
pub(crate) fn on_postgres(test: impl Fn(&World)) {
    if std::env::var(postgres::SERVER).is_ok() {
        on(POSTGRES, &test);
    }
}

/// For what only SQLite has.
pub(crate) fn on_sqlite(test: impl Fn(&World)) {
    on(SQLITE, &test);
}

#[expect(clippy::print_stderr, reason = "tells which engine a test failed on")]
fn on(engine: Engine, test: &impl Fn(&World)) {
    eprintln!("engine {}", engine.name);
    test(&World::new(engine));
}
