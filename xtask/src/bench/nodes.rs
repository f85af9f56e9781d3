//! One node and three on PostgreSQL, beside pgbench with the statements of an acceptance, on the same server.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::counted::counted;
use super::load::{Load, load};
use super::server::Server;
use super::{ACCOUNTS, ROUNDS, SECONDS, median};
use crate::postgres::Postgres;
use crate::run::{answer, root};

const NODES: usize = 3;
/// Each load applies to jobs of its own; two digits.
const FIRST_RUN: usize = 20;
/// As many as one node's largest group, so that both have something to do while the disk works.
const PGBENCH_CLIENTS: &str = "64";
/// What the program says at the beginning of each transaction.
const PGBENCH_SETTINGS: &str =
    "-c lock_timeout=5s -c idle_in_transaction_session_timeout=5s -c enable_seqscan=off -c jit=off";

/// Requests or transactions a second of one round, and what a poll costs the database.
struct Round {
    pgbench: f64,
    apply: Load,
    apply_of_three: f64,
    status: Load,
    status_of_three: f64,
    conflicts: f64,
}

/// Measures and prints.
///
/// # Errors
/// A program is missing or fails, or a load had answers that were no successes.
pub(super) fn nodes(place: &Path) -> Result<()> {
    let postgres = Postgres::durable()?;
    let rounds = (0..ROUNDS).map(|number| round(&postgres, &place.join(format!("nodes-{number}")), number));
    print(&rounds.collect::<Result<Vec<_>>>()?);
    Ok(())
}

fn round(postgres: &Postgres, place: &Path, number: usize) -> Result<Round> {
    let name = format!("bench_{number}");
    answer(postgres.client("createdb").arg(&name))?;
    let url = postgres.url(&name);
    Server::migrate(&url)?;
    let settings =
        [("APPLYD_DATABASE", url.as_str()), ("APPLYD_WORKERS", "0"), ("APPLYD_STATUS_ANSWERS", "0")];
    let started = (0..NODES).map(|node| Server::start(&place.join(node.to_string()), &settings));
    let nodes = started.collect::<Result<Vec<_>>>()?;
    let first = &nodes[0];
    let keys = first.keys(ACCOUNTS)?;
    let keys_file = first.keys_file(&keys, "keys.txt")?;
    // Each node has accounts of its own: two nodes that write to one account have to come one after the other.
    let shares = keys.chunks(ACCOUNTS.div_ceil(NODES)).zip(&nodes);
    let shares = shares.map(|(keys, node)| node.keys_file(keys, "share.txt")).collect::<Result<Vec<_>>>()?;
    let ids = first.apply_some(&keys, ACCOUNTS * 20)?;
    let apply = load(
        &first.url,
        "apply",
        &[("KEYS", &keys_file), ("RUN", &(FIRST_RUN + NODES).to_string())],
        SECONDS,
    )?;
    let status = load(&first.url, "status", &[("IDS", &ids)], SECONDS)?;
    let before = rollbacks(postgres, &name)?;
    let apply_of_three = together(&nodes, |node, number| {
        let run = (FIRST_RUN + number).to_string();
        load(&node.url, "apply", &[("KEYS", &shares[number]), ("RUN", &run)], SECONDS)
    })?;
    let conflicts = (rollbacks(postgres, &name)? - before) / (apply_of_three * SECONDS as f64);
    let status_of_three = together(&nodes, |node, _| load(&node.url, "status", &[("IDS", &ids)], SECONDS))?;
    drop(nodes);
    let pgbench = pgbench(postgres, &name)?;
    Ok(Round { pgbench, apply, apply_of_three, status, status_of_three, conflicts })
}

/// The sum of what all nodes answered a second.
fn together(nodes: &[Server], one: impl Fn(&Server, usize) -> Result<Load> + Sync) -> Result<f64> {
    let one = &one;
    std::thread::scope(|scope| {
        let running: Vec<_> =
            nodes.iter().enumerate().map(|(number, node)| scope.spawn(move || one(node, number))).collect();
        let loads = running.into_iter().map(|load| load.join().unwrap_or_else(|_| bail!("a load panicked")));
        Ok(loads.collect::<Result<Vec<_>>>()?.iter().map(|load| load.rate).sum())
    })
}

/// Transactions that were undone: those that met, and were run again.
fn rollbacks(postgres: &Postgres, name: &str) -> Result<f64> {
    counted(postgres, name, "xact_rollback")
}

fn pgbench(postgres: &Postgres, name: &str) -> Result<f64> {
    let mut pgbench = postgres.client("pgbench");
    pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", PGBENCH_CLIENTS, "-T", &SECONDS.to_string()]);
    // Of two that meet one is run again, as in the program.
    pgbench.args(["--max-tries", "20", "-f"]).arg(root().join("xtask/bench/accept.sql")).arg(name);
    let out = answer(pgbench.env("PGOPTIONS", PGBENCH_SETTINGS))?;
    let rate = out.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rest| rest.split(' ').next()).with_context(|| format!("no tps in:\n{out}"))?;
    Ok(rate.parse()?)
}

fn print(rounds: &[Round]) {
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    println!("\nPostgreSQL on the same machine, medians of {ROUNDS} rounds of {SECONDS} s\n");
    println!("{:<46} {:>9} {:>9} {:>9}", "", "a second", "p50 ms", "p99 ms");
    let line = |name: &str, load: fn(&Round) -> &Load| {
        let median_of =
            |value: fn(&Load) -> f64| median(rounds.iter().map(|round| value(load(round))).collect());
        let (rate, p50, p99) = (median_of(|l| l.rate), median_of(|l| l.p50_ms), median_of(|l| l.p99_ms));
        println!("{name:<46} {rate:>9.0} {p50:>9.2} {p99:>9.2}");
    };
    line("durable apply, 1 node", |round| &round.apply);
    println!("{:<46} {:>9.0}", "durable apply, 3 nodes together", of(|round| round.apply_of_three));
    println!("{:<46} {:>9.0}", "the same statements by pgbench, 64 clients", of(|round| round.pgbench));
    line("status from the store, 1 node", |round| &round.status);
    println!("{:<46} {:>9.0}", "status from the store, 3 nodes together", of(|round| round.status_of_three));
    println!("\n{:<46} {:>7} {:>7}", "ratio", "", "here");
    let ratio = |name: &str, value: f64| println!("{name:<46} {:>7} {value:>7.2}", "");
    ratio("durable apply, 1 node / pgbench", of(|round| round.apply.rate / round.pgbench));
    ratio("durable apply, 3 nodes / 1 node", of(|round| round.apply_of_three / round.apply.rate));
    ratio("status, 3 nodes / 1 node", of(|round| round.status_of_three / round.status.rate));
    ratio("undone transactions / apply, 3 nodes", of(|round| round.conflicts));
}
