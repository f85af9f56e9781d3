//! What one application and one poll cost on PostgreSQL: processor time, transactions and log. These add up, and so tell
//! how many a server carries; rates of one machine on which everything runs do not.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ACCOUNTS;
use super::load::load;
use super::server::{Server, processor_ms};
use crate::postgres::Postgres;
use crate::run::quietly;

const APPLICATIONS: usize = 500;
const POLL_SECONDS: u64 = 4;
const IDLE: Duration = Duration::from_secs(10);
const SETTLE_WAIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const DATABASE: &str = "cost";

/// What had been spent at a moment.
struct Spent {
    at: Instant,
    node_ms: f64,
    database_ms: f64,
    transactions: f64,
    log_bytes: f64,
}

/// Measures and prints.
///
/// # Errors
/// A program is missing or fails, or applications do not end.
pub(super) fn cost(place: &Path) -> Result<()> {
    let postgres = Postgres::durable()?;
    quietly(postgres.client("createdb").arg(DATABASE)).context("createdb")?;
    let url = postgres.url(DATABASE);
    Server::migrate(&url)?;
    let settings = [
        ("APPLYD_DATABASE", url.as_str()),
        ("APPLYD_STATUS_ANSWERS", "0"),
        ("APPLYD_SANDBOX__SETTLE_LATENCY", "0s"),
        ("APPLYD_SANDBOX__READ_LATENCY", "0s"),
    ];
    let node = Server::start(&place.join("cost"), &settings)?;
    let keys = node.keys(ACCOUNTS)?;
    // Logins of all accounts are made, and plans too. Backwards, so that each applies to another job later.
    let backwards: Vec<_> = keys.iter().rev().cloned().collect();
    node.apply_some(&backwards, ACCOUNTS)?;
    settled(&postgres, ACCOUNTS)?;
    let spent = || spent(&postgres, &node);
    let begun = spent()?;
    std::thread::sleep(IDLE);
    let idle = spent()?;
    println!("\nPostgreSQL, what it costs: {APPLICATIONS} applications from apply to end, and polls\n");
    println!("{:<34} {:>9} {:>12} {:>12} {:>9}", "", "node ms", "database ms", "transactions", "WAL KiB");
    let each = |name: &str, from: &Spent, to: &Spent, of: f64, is_idle: bool| {
        let seconds = (to.at - from.at).as_secs_f64();
        let idle_seconds = (idle.at - begun.at).as_secs_f64();
        // Less what is spent when nothing happens.
        let of_each = |value: fn(&Spent) -> f64| {
            let idle_rate = if is_idle { 0.0 } else { (value(&idle) - value(&begun)) / idle_seconds };
            (value(to) - value(from) - idle_rate * seconds) / of
        };
        println!(
            "{name:<34} {:>9.2} {:>12.2} {:>12.2} {:>9.2}",
            of_each(|spent| spent.node_ms),
            of_each(|spent| spent.database_ms),
            of_each(|spent| spent.transactions),
            of_each(|spent| spent.log_bytes) / 1024.0
        );
    };
    each("a second of an idle node", &begun, &idle, (idle.at - begun.at).as_secs_f64(), true);
    let before = spent()?;
    let ids = node.apply_some(&keys, APPLICATIONS)?;
    settled(&postgres, ACCOUNTS + APPLICATIONS)?;
    each("one application", &before, &spent()?, APPLICATIONS as f64, false);
    let before = spent()?;
    let polls = load(&node.url, "status", &[("IDS", &ids)], POLL_SECONDS)?;
    each("one poll, read from the store", &before, &spent()?, polls.rate * POLL_SECONDS as f64, false);
    let size = asked(&postgres, "SELECT pg_database_size(current_database())")?;
    println!(
        "\nKiB of the database for each application: {:.1}",
        size / 1024.0 / (ACCOUNTS + APPLICATIONS) as f64
    );
    Ok(())
}

fn spent(postgres: &Postgres, node: &Server) -> Result<Spent> {
    Ok(Spent {
        at: Instant::now(),
        node_ms: processor_ms(node.pid())?,
        database_ms: processor_ms(postgres.pid())?,
        transactions: asked(
            postgres,
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
        )?,
        log_bytes: asked(postgres, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")?,
    })
}

/// Waits until so many have ended.
fn settled(postgres: &Postgres, applications: usize) -> Result<()> {
    let begun = Instant::now();
    while asked(postgres, "SELECT count(*) FROM application WHERE due_at IS NULL")? < applications as f64 {
        if begun.elapsed() > SETTLE_WAIT {
            anyhow::bail!("not all applications have ended");
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

fn asked(postgres: &Postgres, sql: &str) -> Result<f64> {
    let said = quietly(postgres.client("psql").args(["-tAc", sql, DATABASE])).context("psql")?;
    said.trim().parse().with_context(|| format!("psql said {said}"))
}
