//! What one application and one poll cost on PostgreSQL: processor time, transactions and log. These add up, and so tell
//! how many a server carries; rates of one machine on which everything runs do not.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::ACCOUNTS;
use super::counted::{asked, counted, wait};
use super::load::load;
use super::server::{Server, processor_ms};
use crate::postgres::Postgres;
use crate::run::answer;

const APPLICATIONS: usize = 1000;
const LOAD_SECONDS: u64 = 4;
const IDLE: Duration = Duration::from_secs(10);
const DATABASE: &str = "cost";
/// In the database of the other node, on which nothing is worked.
const ACCEPTING: &str = "cost_accepting";
const RUN: &str = "30";
const CONNECTIONS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
/// By table with its indexes, and partitions with theirs; nothing that is small beside it.
const STORED: &str = "SELECT regexp_replace(c.relname, '_[0-9]{4}_[0-9]{2}$|_rest$', ''),
       round(sum(pg_total_relation_size(c.oid)) / 1024.0 / applications.n, 2)
     FROM pg_class c, (SELECT count(*) AS n FROM application) applications
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
     GROUP BY 1, applications.n HAVING sum(pg_total_relation_size(c.oid)) > applications.n * 50 ORDER BY 2 DESC";

/// What had been spent at a moment.
struct Spent {
    at: Instant,
    node_ms: f64,
    database_ms: f64,
    transactions: f64,
    log_bytes: f64,
}

/// A node with its database, and what it spends in a second when nothing happens.
struct Measured<'a> {
    postgres: &'a Postgres,
    database: &'a str,
    node: Server,
    keys: Vec<String>,
    idle: [f64; 4],
}

/// Measures and prints.
///
/// # Errors
/// A program is missing or fails, or applications do not end.
pub(super) fn cost(place: &Path) -> Result<()> {
    let postgres = Postgres::durable()?;
    println!(
        "\nPostgreSQL, what it costs: {APPLICATIONS} applications from apply to end, and loads of {LOAD_SECONDS} s\n"
    );
    println!("{:<34} {:>9} {:>12} {:>12} {:>9}", "", "node ms", "database ms", "transactions", "WAL KiB");
    // What the site does is not the node's.
    let site = Server::sandbox(&place.join("site"))?;
    let mut working = Measured::start(&postgres, DATABASE, &place.join("cost"), &site, "64")?;
    // Logins of all accounts are made, and plans too. Backwards, so that each applies to another job later.
    let backwards: Vec<_> = working.keys.iter().rev().cloned().collect();
    working.node.apply_some(&backwards, ACCOUNTS)?;
    working.settled()?;
    working.be_idle()?;
    let before = working.spent()?;
    let ids = working.node.apply_some(&working.keys, APPLICATIONS)?;
    working.settled()?;
    let rate = APPLICATIONS as f64 / before.at.elapsed().as_secs_f64();
    working.print("one application, apply to end", &before, APPLICATIONS as f64)?;
    let before = working.spent()?;
    let polls = load(&working.node.url, "status", &[("IDS", &ids)], LOAD_SECONDS)?;
    working.print("one poll, read from the store", &before, polls.requests)?;
    let connections = asked(&postgres, DATABASE, CONNECTIONS)?;
    let stored = answer(postgres.client("psql").args(["-tAF", " ", "-c", STORED, DATABASE]))?;
    drop(working);

    let mut accepting = Measured::start(&postgres, ACCEPTING, &place.join("cost-accepting"), &site, "0")?;
    accepting.be_idle()?;
    let keys = accepting.node.keys_file(&accepting.keys, "keys.txt")?;
    let before = accepting.spent()?;
    let applies =
        load(&accepting.node.url, "apply", &[("KEYS", &keys), ("RUN", &RUN.to_owned())], LOAD_SECONDS)?;
    accepting.print("one apply of 64 at once, no work", &before, applies.requests)?;
    println!("\napplied to one after another and ended, all on this machine, a second: {rate:.0}");
    println!("connections of a node: {connections}");
    println!("\nKiB stored for an application, tables with their indexes\n{stored}");
    Ok(())
}

impl<'a> Measured<'a> {
    fn start(
        postgres: &'a Postgres,
        database: &'a str,
        place: &Path,
        site: &Server,
        workers: &str,
    ) -> Result<Self> {
        answer(postgres.client("createdb").arg(database))?;
        let url = postgres.url(database);
        Server::migrate(&url)?;
        let settings = [
            ("APPLYD_DATABASE", url.as_str()),
            ("APPLYD_WORKERS", workers),
            ("APPLYD_STATUS_ANSWERS", "0"),
            ("APPLYD_SANDBOX__ENDPOINT", &site.url),
        ];
        let node = Server::start(place, &settings)?;
        let keys = node.keys(ACCOUNTS)?;
        Ok(Self { postgres, database, node, keys, idle: [0.0; 4] })
    }

    /// Waits until all applications have ended.
    fn settled(&self) -> Result<()> {
        wait(self.postgres, self.database, "NOT EXISTS (SELECT 1 FROM application WHERE due_at IS NOT NULL)")
    }

    fn be_idle(&mut self) -> Result<()> {
        let before = self.spent()?;
        std::thread::sleep(IDLE);
        let after = self.spent()?;
        let seconds = (after.at - before.at).as_secs_f64();
        self.idle = before.to(&after).map(|spent| spent / seconds);
        row("a second of an idle node", self.idle);
        Ok(())
    }

    /// What each of so many cost since then, less what is spent when nothing happens.
    fn print(&self, name: &str, before: &Spent, of: f64) -> Result<()> {
        let after = self.spent()?;
        let seconds = (after.at - before.at).as_secs_f64();
        let (spent, idle) = (before.to(&after), self.idle);
        row(name, std::array::from_fn(|at| (spent[at] - idle[at] * seconds) / of));
        Ok(())
    }

    fn spent(&self) -> Result<Spent> {
        let transactions = counted(self.postgres, self.database, "xact_commit")?;
        Ok(Spent {
            at: Instant::now(),
            node_ms: processor_ms(self.node.pid())?,
            database_ms: processor_ms(self.postgres.pid())?,
            transactions,
            log_bytes: asked(
                self.postgres,
                self.database,
                "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn",
            )?,
        })
    }
}

impl Spent {
    fn to(&self, later: &Self) -> [f64; 4] {
        [
            later.node_ms - self.node_ms,
            later.database_ms - self.database_ms,
            later.transactions - self.transactions,
            later.log_bytes - self.log_bytes,
        ]
    }
}

fn row(name: &str, [node_ms, database_ms, transactions, log_bytes]: [f64; 4]) {
    let log_kib = log_bytes / 1024.0;
    println!("{name:<34} {node_ms:>9.2} {database_ms:>12.2} {transactions:>12.2} {log_kib:>9.2}");
}
