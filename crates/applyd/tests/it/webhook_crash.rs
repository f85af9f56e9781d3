//! The server is killed again and again while it delivers; the receivers, of which many are bad, live on.

mod load;
mod receivers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Account, POLL, Place, Process};
use crate::receiver::{Answer, Got, Receiver};
use crate::webhooks;
use load::Load;
use receivers::{Kind, Subscribed};

/// Printed when the test fails; decides all that the test itself draws.
const SEED: u64 = 20_261_125;
const ACCOUNTS: usize = 20;
const KILLS: usize = 20;
/// Applications of one account, and at least as many events.
const EACH: usize = 50;
/// Until the last application is settled, its correction included.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// Until the last event is delivered after that.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

struct Trial {
    place: Place,
    accounts: Vec<Account>,
    rng: fastrand::Rng,
    kills: BTreeMap<&'static str, u32>,
}

#[test]
fn crashes_lose_no_webhook_and_change_none() {
    let times = if std::env::var_os("APPLYD_TEST_LONG").is_some() { 10 } else { 1 };
    let mut place = webhooks::place();
    place.set("APPLYD_WEBHOOKS__RETRIES", "0s,100ms,200ms,500ms,1s,2s");
    let _sandbox = place.sandbox();
    let guarded = Receiver::start_at("127.0.0.2", Answer::Status(200));
    let accounts: Vec<Account> =
        (0..ACCOUNTS).map(|n| place.account(&format!("agency {n}"), 2 * (EACH * times) as u32)).collect();
    let mut subscribed: Vec<Subscribed> = accounts
        .iter()
        .enumerate()
        .flat_map(|(n, account)| [Kind::Well, Kind::BAD[n % Kind::BAD.len()]].map(|kind| (account, kind)))
        .map(|(account, kind)| Subscribed::new(&place, account, kind, &guarded))
        .collect();
    let load = Arc::new(Load::default());
    let callers: Vec<_> = accounts.iter().map(|account| load.spawn(account.clone(), EACH * times)).collect();
    let mut trial = Trial { place, accounts, rng: fastrand::Rng::with_seed(SEED), kills: BTreeMap::new() };
    for life in 0..KILLS * times {
        load.allow((life + 1) * EACH / KILLS + 1);
        trial.live(&load);
        if life == KILLS * times / 2 {
            subscribed.iter_mut().filter(|one| one.kind == Kind::Dying).for_each(Subscribed::die);
        }
    }
    let server = Process::start(trial.serve(false));
    load.is_at(&server.url);
    load.allow(EACH * times);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    println!("{}", trial.conclude(&server, &subscribed, &guarded, ACCOUNTS * EACH * times));
}

impl Trial {
    /// One life of the server: until a random moment, or until it has posted and not yet recorded that.
    fn live(&mut self, load: &Load) {
        let is_told = self.rng.bool();
        let mut server = Process::spawn(self.serve(is_told));
        if server.is_ready() {
            load.is_at(&server.url);
            let end = Instant::now() + Duration::from_millis(self.rng.u64(300..1500));
            while Instant::now() < end && server.child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let is_alive = server.child.try_wait().unwrap().is_none();
        server.child.kill().unwrap();
        let status = server.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "ended by itself ({status}); {}", self.log());
        *self.kills.entry(if is_alive { "anytime" } else { "told" }).or_default() += 1;
    }

    fn serve(&self, is_told: bool) -> std::process::Command {
        let mut command = self.place.command(&["serve", "--listen", "127.0.0.1:0"]);
        if is_told {
            command.env("APPLYD_CRASH_AT", "told=0.02");
        }
        let log = OpenOptions::new().create(true).append(true).open(self.place.path("log")).unwrap();
        command.stderr(log);
        command
    }

    fn conclude(
        &self,
        server: &Process,
        subscribed: &[Subscribed],
        guarded: &Receiver,
        least: usize,
    ) -> String {
        self.settle();
        let feeds: BTreeMap<String, Vec<Value>> =
            self.accounts.iter().map(|account| (account.id.clone(), feed(server, account))).collect();
        let events: usize = feeds.values().map(Vec::len).sum();
        assert!(events >= least, "only {events} events; {}", self.log());
        for one in subscribed.iter().filter(|one| one.kind.gets_all()) {
            self.told_all(one, &feeds[&one.account.id]);
        }
        let broken: Vec<String> =
            subscribed.iter().flat_map(|one| one.broken(&feeds[&one.account.id])).collect();
        assert!(broken.is_empty(), "seed {SEED}\n{}\n{}", broken.join("\n"), self.log());
        assert!(guarded.got().is_empty(), "a redirect was followed to a guarded address");
        guarded.is_listening();
        let report = self.report(subscribed, events);
        for kind in Kind::ALL {
            let attempts: usize =
                subscribed.iter().filter(|one| one.kind == kind).map(|one| one.got().len()).sum();
            assert!(attempts > 0, "{kind:?} was never tried\n{report}");
        }
        for death in ["anytime", "told"] {
            assert!(self.kills.contains_key(death), "never killed {death}\n{report}");
        }
        report
    }

    /// Waits until no application holds a credit: everything has its last event.
    fn settle(&self) {
        let begun = Instant::now();
        loop {
            let all = self.place.json(&["account", "list"]);
            let held = |row: &Value| row["credits"]["held"].as_i64().unwrap();
            let held: i64 = all["accounts"].as_array().unwrap().iter().map(held).sum();
            if held == 0 {
                return;
            }
            assert!(begun.elapsed() < SETTLED_WITHIN, "{held} are not settled; {}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// What arrived is what the feed lists, neither less nor more.
    fn told_all(&self, one: &Subscribed, feed: &[Value]) {
        let wanted: BTreeSet<&str> = feed.iter().map(|event| event["id"].as_str().unwrap()).collect();
        let begun = Instant::now();
        loop {
            let got = one.got();
            let arrived: BTreeSet<&str> = got.iter().map(Got::id).collect();
            if arrived == wanted {
                return;
            }
            let lost: Vec<_> = wanted.difference(&arrived).collect();
            let alien: Vec<_> = arrived.difference(&wanted).collect();
            assert!(alien.is_empty(), "{:?}: not in the feed: {alien:?}", one.kind);
            assert!(begun.elapsed() < TOLD_WITHIN, "{:?}: lost {lost:?}\n{}", one.kind, self.log());
            std::thread::sleep(POLL);
        }
    }

    fn report(&self, subscribed: &[Subscribed], events: usize) -> String {
        let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
        for one in subscribed {
            *attempts.entry(format!("{:?}", one.kind)).or_default() += one.got().len();
        }
        format!("{events} events, kills {:?}, attempts {attempts:?}", self.kills)
    }

    /// The end of the servers' log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.place.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// All events of an account, page by page.
fn feed(server: &Process, account: &Account) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), String::new());
    loop {
        let page = webhooks::listed(server, account, &format!("?limit=40{after}"));
        events.extend(page["events"].as_array().unwrap().clone());
        if page["hasMore"] == false {
            return events;
        }
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
}
