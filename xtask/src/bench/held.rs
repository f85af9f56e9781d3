//! A snapshot that is held open for long: nothing that was changed since can be removed, and every look at an index
//! meets all of it. Two databases on one server are worked on at once, one of them under such a snapshot: whatever else
//! the machine does meets both.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::ACCOUNTS;
use super::server::Server;
use crate::postgres::Postgres;
use crate::run::quietly;

const SECONDS: u64 = 20;
const LONG_SECONDS: u64 = 600;
/// Applications end between two of one account, so that none waits for the work on another.
const PAUSE: Duration = Duration::from_millis(25);
/// What is said of the end is said of this part of the time.
const END: u64 = 10;
const DATABASES: [&str; 2] = ["free", "held"];

/// A transaction that does nothing, but see everything as it was; ended when it goes out of scope.
struct Snapshot(Child);

impl Snapshot {
    fn hold(postgres: &Postgres, database: &str) -> Result<Self> {
        let mut psql = postgres.client("psql");
        psql.args([
            "-q",
            "-c",
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            "-c",
            "SELECT count(*) FROM application",
        ]);
        psql.args(["-c", "SELECT pg_sleep(86400)", database]);
        Ok(Self(psql.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("psql")?))
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Gone already: then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Milliseconds from one step to a later one.
struct Waits {
    p50: f64,
    p99: f64,
}

/// What one database showed.
struct Seen {
    applications: f64,
    dead: f64,
    claimed: Waits,
    claimed_at_end: Waits,
    ended: Waits,
}

/// Measures and prints.
///
/// # Errors
/// A program is missing or fails, or applications do not end.
pub(super) fn held(place: &Path, is_long: bool) -> Result<()> {
    let time = Duration::from_secs(if is_long { LONG_SECONDS } else { SECONDS });
    let postgres = Postgres::durable()?;
    let nodes = DATABASES.map(|database| node(&postgres, database, &place.join(database)));
    let nodes = nodes.into_iter().collect::<Result<Vec<_>>>()?;
    let snapshot = Snapshot::hold(&postgres, DATABASES[1])?;
    let begun = asked(&postgres, DATABASES[0], "SELECT extract(epoch FROM clock_timestamp()) * 1000")?;
    std::thread::scope(|scope| {
        let running: Vec<_> = nodes.iter().map(|node| scope.spawn(|| load(node, time))).collect();
        running.into_iter().try_for_each(|load| load.join().unwrap_or_else(|_| bail!("a load panicked")))
    })?;
    let seen = DATABASES.map(|database| look(&postgres, database, begun, time));
    let [free, held] = seen;
    print(time, &free?, &held?);
    drop(snapshot);
    Ok(())
}

/// One that works, with its accounts' keys.
fn node(postgres: &Postgres, database: &str, place: &Path) -> Result<(Server, Vec<String>)> {
    quietly(postgres.client("createdb").arg(database)).context("createdb")?;
    let url = postgres.url(database);
    Server::migrate(&url)?;
    let settings = [
        ("APPLYD_DATABASE", url.as_str()),
        ("APPLYD_SANDBOX__SETTLE_LATENCY", "0s"),
        ("APPLYD_SANDBOX__READ_LATENCY", "0s"),
    ];
    let node = Server::start(place, &settings)?;
    let keys = node.keys(ACCOUNTS)?;
    // Logins and plans are made before.
    node.apply_one_by_one(&keys, ACCOUNTS, PAUSE)?;
    Ok((node, keys))
}

fn load((node, keys): &(Server, Vec<String>), time: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut first = ACCOUNTS;
    while begun.elapsed() < time {
        node.apply_from(keys, first, ACCOUNTS, PAUSE)?;
        first += ACCOUNTS;
    }
    Ok(())
}

fn look(postgres: &Postgres, database: &str, begun: f64, time: Duration) -> Result<Seen> {
    let ended = begun + time.as_millis() as f64;
    let near_end = ended - (time.as_millis() / u128::from(END)) as f64;
    let of = |step: &str, from: f64| {
        let waited = |part: f64| {
            let sql = format!(
                "SELECT percentile_disc({part}) WITHIN GROUP (ORDER BY {step} - accepted_at) FROM application
                 WHERE accepted_at >= {from} AND accepted_at < {ended} - 1000"
            );
            asked(postgres, database, &sql)
        };
        Ok::<_, anyhow::Error>(Waits { p50: waited(0.5)?, p99: waited(0.99)? })
    };
    Ok(Seen {
        applications: asked(
            postgres,
            database,
            &format!("SELECT count(*) FROM application WHERE accepted_at >= {begun}"),
        )?,
        dead: asked(
            postgres,
            database,
            "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'application'",
        )?,
        claimed: of("processed_at", begun)?,
        claimed_at_end: of("processed_at", near_end)?,
        // What has not ended is the slowest.
        ended: of("coalesce(ended_at, 1e15)", begun)?,
    })
}

fn asked(postgres: &Postgres, database: &str, sql: &str) -> Result<f64> {
    let said = quietly(postgres.client("psql").args(["-tAc", sql, database])).context("psql")?;
    said.trim().parse().with_context(|| format!("psql said {said}"))
}

fn print(time: Duration, free: &Seen, held: &Seen) {
    println!("\nPostgreSQL, a snapshot held for {} s, beside the same load without one\n", time.as_secs());
    println!("{:<34} {:>9} {:>9} {:>7}", "", "without", "held", "ratio");
    let line = |name: &str, value: fn(&Seen) -> f64| {
        let (free, held) = (value(free), value(held));
        println!("{name:<34} {free:>9.0} {held:>9.0} {:>7.2}", held / free);
    };
    line("applications", |seen| seen.applications);
    line("dead versions of them at the end", |seen| seen.dead);
    line("accepted to claimed, p50 ms", |seen| seen.claimed.p50);
    line("accepted to claimed, p99 ms", |seen| seen.claimed.p99);
    line("  in the last tenth, p50 ms", |seen| seen.claimed_at_end.p50);
    line("  in the last tenth, p99 ms", |seen| seen.claimed_at_end.p99);
    line("accepted to ended, p50 ms", |seen| seen.ended.p50);
    line("accepted to ended, p99 ms", |seen| seen.ended.p99);
}
