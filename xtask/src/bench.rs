//! `cargo xtask bench`: the built binary beside what it could at best be, in one run, as ratios.
//!
//! The load generator shares the machine's cores with the server: only ratios of one run mean anything.

mod cost;
mod counted;
mod held;
mod load;
mod nodes;
mod server;
mod told;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::run::{answer, cargo, command, root, run};
use load::{Load, load};
use server::{Server, pss_mib};

const ROUNDS: usize = 3;
const SECONDS: u64 = 4;
const ACCOUNTS: usize = 100;
const PICKUPS: usize = 200;
/// Longer than one takes, so that none waits for the work on another.
const PICKUP_PAUSE: Duration = Duration::from_millis(40);

/// A part of what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Page {
    /// One machine on SQLite.
    Sqlite,
    /// What one application and one poll cost on PostgreSQL.
    Cost,
    /// One node and three on PostgreSQL.
    Nodes,
    /// What a snapshot that is held open does to taking up work on PostgreSQL.
    Held,
}

/// What one round measured. Requests or commits a second.
struct Round {
    bare: Load,
    cached: Load,
    missed: Load,
    apply: Load,
    apply_busy: Load,
    one_by_one: f64,
}

/// Measures and prints; all pages where none is named. A long run holds the snapshot for ten minutes.
///
/// # Errors
/// A program is missing or fails, or a load had answers that were no successes.
pub(crate) fn bench(pages: &[Page], is_long: bool) -> Result<()> {
    run(&mut cargo(&["build", "--release", "-p", "applyd", "--bins", "--examples"]))?;
    let place = root().join("target/bench");
    drop(std::fs::remove_dir_all(&place));
    std::fs::create_dir_all(&place)?;
    let is_wanted = |page| pages.is_empty() || pages.contains(&page);
    if is_wanted(Page::Sqlite) {
        sqlite(&place)?;
    }
    if is_wanted(Page::Cost) {
        cost::cost(&place)?;
    }
    if is_wanted(Page::Nodes) {
        nodes::nodes(&place)?;
    }
    if is_wanted(Page::Held) {
        held::held(&place, is_long)?;
    }
    Ok(())
}

fn sqlite(place: &Path) -> Result<()> {
    let mut rounds = Vec::new();
    for number in 0..ROUNDS {
        let place = place.join(format!("round-{number}"));
        std::fs::create_dir_all(&place)?;
        rounds.push(round(&place)?);
    }
    print(&rounds);
    idle(place)?;
    pickup(place)?;
    told::told(place)
}

fn round(place: &Path) -> Result<Round> {
    let server = Server::start(&place.join("cached"), &[("APPLYD_WORKERS", "0")])?;
    let keys = server.keys(ACCOUNTS)?;
    let ids = server.apply_some(&keys, ACCOUNTS)?;
    let sample = server.status_body(&ids)?;
    let cached = load(&server.url, "status", &[("IDS", &ids)], SECONDS)?;
    let bare = {
        let route = Server::example("bare_route", place, &[&sample])?;
        load(&route.url, "status", &[("IDS", &ids)], SECONDS)?
    };
    let (run_a, run_b) = ("10".to_owned(), "11".to_owned());
    let keys_file = server.keys_file(&keys, "keys.txt")?;
    let apply = load(&server.url, "apply", &[("KEYS", &keys_file), ("RUN", &run_a)], SECONDS)?;
    drop(server);
    let one_by_one = one_by_one(place)?;
    let server = Server::start(&place.join("busy"), &[("APPLYD_WORKERS", "0")])?;
    let busy_file = server.keys_file(&server.keys(1)?, "busy.txt")?;
    let apply_busy = load(&server.url, "apply", &[("KEYS", &busy_file), ("RUN", &run_b)], SECONDS)?;
    drop(server);
    let uncached = [("APPLYD_WORKERS", "0"), ("APPLYD_STATUS_ANSWERS", "0")];
    let server = Server::start(&place.join("missed"), &uncached)?;
    let ids = server.apply_some(&server.keys(ACCOUNTS)?, ACCOUNTS * 20)?;
    let missed = load(&server.url, "status", &[("IDS", &ids)], SECONDS)?;
    Ok(Round { bare, cached, missed, apply, apply_busy, one_by_one })
}

/// The same statements, a commit each.
fn one_by_one(place: &Path) -> Result<f64> {
    let database = place.join("one-by-one.db");
    let mut bench = command(root().join("target/release/examples/store_bench"));
    let rate =
        answer(bench.arg("one-by-one").arg(database).arg(SECONDS.to_string())).context("store_bench")?;
    rate.trim().parse().with_context(|| format!("store_bench printed {rate}"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(rounds: &[Round]) {
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    println!("\nmedians of {ROUNDS} rounds of {SECONDS} s, wrk with 64 connections on the same machine\n");
    println!("{:<34} {:>9} {:>9} {:>9}", "", "a second", "p50 ms", "p99 ms");
    let line = |name: &str, load: fn(&Round) -> &Load| {
        let median_of =
            |value: fn(&Load) -> f64| median(rounds.iter().map(|round| value(load(round))).collect());
        let (rate, p50, p99) = (median_of(|l| l.rate), median_of(|l| l.p50_ms), median_of(|l| l.p99_ms));
        println!("{name:<34} {rate:>9.0} {p50:>9.2} {p99:>9.2}");
    };
    line("bare axum route", |round| &round.bare);
    line("status from the cache", |round| &round.cached);
    line("status from the store", |round| &round.missed);
    line("durable apply, 100 accounts", |round| &round.apply);
    line("durable apply, 1 account", |round| &round.apply_busy);
    println!("{:<34} {:>9.0}", "same statements, a commit each", of(|round| round.one_by_one));
    println!("\n{:<46} {:>7} {:>7}", "ratio", "aim", "here");
    let ratio = |name: &str, aim: &str, value: f64| println!("{name:<46} {aim:>7} {value:>7.2}");
    ratio("status from the cache / bare route", ">= 0.70", of(|round| round.cached.rate / round.bare.rate));
    ratio("status from the store / bare route", ">= 0.45", of(|round| round.missed.rate / round.bare.rate));
    ratio("durable apply / a commit each", ">= 4.00", of(|round| round.apply.rate / round.one_by_one));
    ratio("apply, 1 account / 100 accounts", "~  1.00", of(|round| round.apply_busy.rate / round.apply.rate));
}

/// Start and memory of a server that nobody asks for anything.
fn idle(place: &Path) -> Result<()> {
    let mut starts = Vec::new();
    let mut memory = Vec::new();
    for number in 0..5 {
        let begun = Instant::now();
        let server = Server::start(&place.join(format!("idle-{number}")), &[])?;
        server.first_answer()?;
        starts.push(begun.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_secs(2));
        memory.push(pss_mib(server.pid())?);
    }
    println!("{:<46} {:>7} {:>7.0}", "start to first answer, ms", "<= 150", median(starts));
    println!("{:<46} {:>7} {:>7.1}", "idle memory, MiB (stand-in embedded)", "<= 20", median(memory));
    Ok(())
}

/// From acceptance to claim, one application at a time on accounts that wait for nothing.
fn pickup(place: &Path) -> Result<()> {
    let home = place.join("pickup");
    let instant = [("APPLYD_SANDBOX__SETTLE_LATENCY", "0s"), ("APPLYD_SANDBOX__READ_LATENCY", "0s")];
    let server = Server::start(&home, &instant)?;
    server.apply_one_by_one(&server.keys(ACCOUNTS)?, PICKUPS, PICKUP_PAUSE)?;
    drop(server);
    let mut bench = command(root().join("target/release/examples/store_bench"));
    let waits = answer(bench.arg("pickups").arg(home.join("applyd.db"))).context("store_bench")?;
    let (median, mean) = waits.trim().split_once(' ').context("store_bench pickups")?;
    println!("{:<46} {:>7} {:>7}", "accepted to claimed, median ms (whole numbers)", "<= 1", median);
    println!("{:<46} {:>7} {:>7.2}", "accepted to claimed, mean ms", "", mean.parse::<f64>()?);
    Ok(())
}
