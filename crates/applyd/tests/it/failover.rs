//! The database's primary dies, or its network does, and the standby is promoted: nodes find it by themselves.
//! PostgreSQL only.

pub(crate) mod standby;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::{self, Server};
use crate::fleet::{Fleet, Load};
use crate::harness::{POLL, is_postgres, job};
use crate::history::caller::{Caller, Lag};
use crate::history::judge::is_final;
use crate::history::witnessed;
use crate::network::Network;
use standby::Pair;

/// Printed when the test fails; decides all that the test itself draws.
const SEED: u64 = 20_261_126;
const ACCOUNTS: u64 = 6;
const DRILLS: usize = 10;
/// From the promotion to the next application that has gone all the way.
const BACK_WITHIN: Duration = Duration::from_secs(15);
const REST_WITHIN: Duration = Duration::from_secs(40);
/// The prober's own jobs.
const FIRST_JOB: u16 = 8000;

/// Applies when the standby has been promoted, and sees how long that takes.
struct Prober {
    caller: Caller,
    next: u16,
}

impl Prober {
    fn new(fleet: &Fleet, load: &Load) -> Self {
        let account = fleet.place.account("prober", crate::fleet::CREDITS);
        Self { caller: Caller::new(account, &load.wire, SEED, Lag::NODES), next: FIRST_JOB }
    }

    /// Applies until one is accepted; answers its job.
    fn is_accepted(&mut self) -> String {
        self.next += 1;
        self.caller.apply(self.next);
        job(self.next)
    }

    /// Until one of its applications has gone all the way; answers how long the first acceptance took, and all of it.
    /// What it met on the way is printed: the limits of applications are shorter than that of the drill.
    fn is_served(&mut self) -> (Duration, Duration) {
        let begun = Instant::now();
        let mut job = self.is_accepted();
        let accepted = begun.elapsed();
        let mut met = Value::Null;
        loop {
            let known = self.caller.known.iter().find(|(_, known)| known.job == job);
            let (id, status) = known.map(|(id, known)| (id.clone(), known.status.clone())).unwrap();
            if status["applicationStatus"] == "applied" {
                return (accepted, begun.elapsed());
            }
            if met != status["errorMessage"] {
                met = status["errorMessage"].clone();
                println!("after {:?}, {id}: {met}", begun.elapsed());
            }
            if is_final(&status) {
                job = self.is_accepted();
            } else {
                std::thread::sleep(POLL);
                self.caller.read(&id);
            }
        }
    }
}

#[test]
fn a_failover_loses_nothing_and_repeats_nothing() {
    if !is_postgres() {
        return;
    }
    let is_long = std::env::var_os("APPLYD_TEST_LONG").is_some();
    let drills = if is_long { DRILLS * 10 } else { DRILLS };
    let network = Network::make();
    let mut pair = Pair::new(&network);
    let fleet = Fleet::start(&cluster::url(&network), &[]);
    let mut load = fleet.load(ACCOUNTS, SEED, Lag::NODES);
    let mut prober = Prober::new(&fleet, &load);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut slowest = Duration::ZERO;
    for drill in 0..drills {
        std::thread::sleep(Duration::from_millis(rng.u64(500..2_000)));
        let is_silent = network.has_namespaces() && drill % 2 == 1;
        if is_silent {
            pair.primary().host.cut_off();
        } else {
            pair.primary().kill();
        }
        pair.standby().promote();
        let (accepts, back) = prober.is_served();
        let name = if is_silent { "silence" } else { "death" };
        println!("drill {drill}, {name}: accepts after {accepts:?}, applies after {back:?}");
        assert!(back < BACK_WITHIN, "{}", fleet.logs());
        slowest = slowest.max(back);
        // What promotes a standby sees to it that the old primary ends before it can be reached again.
        pair.primary().kill();
        if is_silent {
            pair.primary().host.connect();
        }
        pair.rebuild();
    }
    println!("{drills} drills, applies after {slowest:?} at most");
    load.others.push(prober.caller);
    let evidence = fleet.conclude(load, REST_WITHIN);
    let rows = pair.primary().database().query("SELECT application_id FROM intent", &[]).unwrap();
    let intents: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for application in evidence.intents.values().flatten() {
        assert!(intents.contains(application), "the intent of {application} is lost");
    }
    let applied = evidence.counted.values().map(|counted| counted.accepted).sum::<u64>();
    assert!(applied >= drills as u64, "hardly any load: {applied} applied");
}

/// Each way to end the wait of a COMMIT for a standby that is gone.
const CANCELS: [&str; 2] = ["pg_cancel_backend", "pg_terminate_backend"];
/// Whether an intent is just about to be committed when the standby goes, is luck.
const MOST_TRIES: usize = 12;
/// Of the fast settings: an intent is sent within that time or never.
const SEND_BY: Duration = Duration::from_secs(1);

#[test]
fn nothing_is_sent_on_a_commit_whose_wait_for_the_standby_was_cancelled() {
    if !is_postgres() {
        return;
    }
    let network = Network::loopback();
    let pair = Pair::new(&network);
    let fleet = Fleet::start(&cluster::url(&network), &[]);
    let load = fleet.load(ACCOUNTS * 3, SEED, Lag::NODES);
    cluster::until("load", || received(&fleet) > ACCOUNTS as i64);
    for cancel in CANCELS {
        let mut intents = 0;
        for _ in 0..MOST_TRIES {
            intents += in_vain(&fleet, &pair, cancel);
            if intents > 0 {
                break;
            }
        }
        assert!(intents > 0, "no intent was about to be committed");
    }
    fleet.conclude(load, REST_WITHIN);
}

/// The standby is gone for a while, and each wait for it is cancelled; answers how many intents nobody may act on.
fn in_vain(fleet: &Fleet, pair: &Pair, cancel: &str) -> usize {
    let mut armed = pair.primary().database();
    cluster::until("armed applications", || {
        let sql = "SELECT 1 FROM application WHERE state = 'armed'";
        (0..1000).any(|_| armed.query(sql, &[]).unwrap().len() > 1)
    });
    pair.standby().kill();
    std::thread::sleep(SEND_BY * 2);
    let sent = received(fleet);
    let sql = format!("SELECT count({cancel}(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    let (begun, mut client, mut cancelled) = (Instant::now(), pair.primary().client(), 0);
    while begun.elapsed() < SEND_BY * 3 {
        cancelled += client.query_one(&sql, &[]).unwrap().get::<_, i64>(0);
        std::thread::sleep(POLL);
    }
    let intents = unwitnessed(fleet, pair.primary());
    println!("{cancel}: {cancelled} waits, {intents} intents");
    assert!(cancelled > 0, "nobody waited for the standby");
    assert_eq!(received(fleet), sent, "{cancel}\n{}", fleet.logs());
    pair.standby().start();
    pair.primary().wait_for_standby();
    cluster::until("load again", || received(fleet) > sent + ACCOUNTS as i64);
    intents
}

fn received(fleet: &Fleet) -> i64 {
    fleet.place.submissions().iter().map(|row| row["received"].as_i64().unwrap()).sum()
}

/// Committed as others see it, and not for those who asked: whoever may act on an intent witnesses it first.
fn unwitnessed(fleet: &Fleet, server: &Server) -> usize {
    let lines: Vec<_> = fleet.witnesses().iter().flat_map(|file| witnessed(file)).collect();
    let rows = server.database().query("SELECT application_id FROM intent", &[]).unwrap();
    let ids = rows.iter().map(|row| row.get::<_, String>(0));
    ids.filter(|id| lines.iter().all(|line| line["application"] != id.as_str())).count()
}
