//! A PostgreSQL database for each test, copied from one that has the schema.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use applyd_store::{Database, Store};
use postgres::{Client, NoTls};

/// Names a server by the URL of one of its databases, for a user who may make others.
pub(crate) const SERVER: &str = "APPLYD_TEST_POSTGRES";
const SCHEMA: [&str; 2] = [
    include_str!("../../../../migrations/postgres/0001_init.sql"),
    include_str!("../../../../migrations/postgres/0002_dashboard.sql"),
];
/// Names a PgBouncer in front of it in the same way.
pub(crate) const POOLER: &str = "APPLYD_TEST_PGBOUNCER";

fn server() -> String {
    std::env::var(SERVER).expect(SERVER)
}

pub(crate) fn client() -> Client {
    Client::connect(&server(), NoTls).unwrap()
}

pub(crate) fn url(name: &str) -> String {
    beside(&server(), name)
}

/// The same database through the pooler.
pub(crate) fn pooled(name: &str) -> String {
    format!("{}?pooled=1", beside(&std::env::var(POOLER).expect(POOLER), name))
}

fn beside(url: &str, name: &str) -> String {
    let (address, _) = url.rsplit_once('/').unwrap();
    format!("{address}/{name}")
}

pub(crate) fn named(folder: &Path) -> String {
    let random = folder.file_name().unwrap().to_string_lossy().replace('.', "");
    format!("test_{random}")
}

/// A connection past the store.
pub(crate) fn raw(folder: &Path) -> Client {
    Client::connect(&url(&named(folder)), NoTls).unwrap()
}

pub(crate) fn make(folder: &Path) {
    let mut client = client();
    let template = template(&mut client);
    client.execute(&format!(r#"CREATE DATABASE "{}" TEMPLATE {template}"#, named(folder)), &[]).unwrap();
}

pub(crate) fn remove(folder: &Path) {
    client().execute(&format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, named(folder)), &[]).unwrap();
}

/// The database that all are copied from; the first test of a schema makes it.
fn template(client: &mut Client) -> String {
    let mut hasher = DefaultHasher::new();
    SCHEMA.hash(&mut hasher);
    let name = format!("applyd_template_{:x}", hasher.finish());
    client.execute("SELECT pg_advisory_lock(1)", &[]).unwrap();
    if client.query("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).unwrap().is_empty() {
        let fresh = format!("{name}_fresh");
        client.execute(&format!("DROP DATABASE IF EXISTS {fresh}"), &[]).unwrap();
        client.execute(&format!("CREATE DATABASE {fresh}"), &[]).unwrap();
        Store::migrate(&Database::parse(&url(&fresh)).unwrap()).unwrap();
        client.execute(&format!("ALTER DATABASE {fresh} RENAME TO {name}"), &[]).unwrap();
    }
    client.execute("SELECT pg_advisory_unlock(1)", &[]).unwrap();
    name
}
