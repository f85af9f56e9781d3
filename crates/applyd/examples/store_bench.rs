//! For `cargo xtask bench`: what only the store can tell.
//!
//! `one-by-one DATABASE SECONDS` accepts applications with a commit each and prints how many a second;
//! `pickups DATABASE` prints the median time from acceptance to claim, in milliseconds.
#![allow(clippy::print_stdout, reason = "prints its figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use applyd_core::approval::Policy;
use applyd_core::draft::Draft;
use applyd_core::ids::{AccountId, KeyId, QueueId};
use applyd_core::job_ref::{JobKey, JobRef};
use applyd_core::ledger::Kind;
use applyd_core::terms::{Cents, Terms};
use applyd_core::time::Timing;
use applyd_store::account::{self, Channel};
use applyd_store::freelancer::{self, NewFreelancer, NewProfile};
use applyd_store::queue::{self, Accept, New};
use applyd_store::{Clock, Error, Store, application, ledger};

const ACCOUNTS: usize = 100;
const REQUEST: &str = r#"{"jobId":"~022000000000000000000","coverLetter":"Hello from the bench: a letter of a usual kind, some lines long, with a greeting, what was done before, and a question about the job.","proposal":{"hourlyRate":65}}"#;

const FREELANCERS: &[NewFreelancer<'_>] = &[NewFreelancer {
    id: "fl_1",
    name: "Ada",
    profiles: &[NewProfile { id: "pf_1", title: "Rust", hourly_rate: Cents::new(6500), is_default: true }],
}];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["one-by-one", database, seconds] => one_by_one(Path::new(database), seconds.parse()?),
        ["pickups", database] => pickups(Path::new(database)),
        _ => bail!("usage: store_bench one-by-one DATABASE SECONDS | pickups DATABASE"),
    }
}

fn one_by_one(database: &Path, seconds: u64) -> Result<()> {
    let store = Store::open_sqlite(database, Clock::System)?;
    let accounts = store.write_blocking(|tx| {
        let made = (0..ACCOUNTS).map(|number| {
            let id = AccountId::new(tx.now(), fastrand::u128(..));
            account::create(tx, &id, &format!("bench-{number}"), Channel::Sandbox)?;
            freelancer::add(tx, &id, FREELANCERS)?;
            ledger::post(tx, &id, None, Kind::Grant, 1_000_000)?;
            Ok::<_, Error>(id)
        });
        made.collect::<Result<Vec<_>, Error>>()
    })?;
    let (begun, mut done) = (Instant::now(), 0_u64);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let account = &accounts[done as usize % ACCOUNTS];
        let new = application(&store, account, done)?;
        let accepted = store.write_blocking(move |tx| queue::accept(tx, &new))?;
        if !matches!(accepted, Accept::Accepted { .. }) {
            bail!("not accepted: {accepted:?}");
        }
        done += 1;
    }
    println!("{:.0}", done as f64 / begun.elapsed().as_secs_f64());
    Ok(())
}

fn application(store: &Store, account: &AccountId, number: u64) -> Result<New> {
    let job = JobKey::from_numeric(&(2_000_000_000_000_000_000 + number).to_string()).context("a job id")?;
    Ok(New {
        id: QueueId::new(store.now(), fastrand::u128(..)),
        account: account.clone(),
        channel: Channel::Sandbox,
        job: JobRef::Key(job),
        key: KeyId::new(store.now(), 1),
        policy: Policy::None,
        ceiling_connects: None,
        terms: terms()?,
        fresh_job_id: format!("{:032x}", fastrand::u128(..)),
        request: REQUEST.to_owned(),
        timing: Timing::DEFAULT,
        one_takes_ms: Some(1),
    })
}

/// What the request asks for.
fn terms() -> Result<Terms> {
    let request = serde_json::from_str(REQUEST)?;
    Ok(Draft::parse(request).map_err(|refusal| anyhow!("{refusal:?}"))?.terms)
}

fn pickups(database: &Path) -> Result<()> {
    let store = Store::open_sqlite(database, Clock::System)?;
    let mut waits = store.read_blocking(application::pickups_ms)?;
    waits.sort_unstable();
    let median = waits.get(waits.len() / 2).context("nothing was picked up")?;
    println!("{median} {}", waits.iter().sum::<i64>() as f64 / waits.len() as f64);
    Ok(())
}
