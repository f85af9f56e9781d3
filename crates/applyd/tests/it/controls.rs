//! Nodes that lie: what the drills of several nodes are for is seen by their judge. PostgreSQL only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cluster::{self, Server, until};
use crate::failover::standby::Pair;
use crate::fleet::{CREDITS, Fleet, Load, NODES, SERVERS};
use crate::harness::{POLL, Place, is_postgres, job};
use crate::history::caller::{Caller, Lag};
use crate::history::judge::is_final;
use crate::network::Network;

const SEED: u64 = 20_261_129;
const JOB: u16 = 1000;
const REST_WITHIN: Duration = Duration::from_secs(20);

/// Nodes that tell this lie, with a caller that is driven by hand.
fn stage(mut place: Place, database: &str, fault: &str) -> (Fleet, Load, Caller) {
    place.set("APPLYD_FAULT", fault);
    let fleet = Fleet::start_in(place, database, &[]);
    let load = fleet.load(0, SEED, Lag::NODES);
    let caller = Caller::new(fleet.place.account("agency", CREDITS), &load.wire, SEED, Lag::NODES);
    (fleet, load, caller)
}

/// The judge must say so.
fn found(fleet: &Fleet, mut load: Load, caller: Caller, lie: &str) {
    load.others.push(caller);
    let (_, broken) = fleet.judged(load, REST_WITHIN);
    assert!(broken.iter().any(|line| line.contains(lie)), "{lie}: {broken:?}\n{}", fleet.logs());
}

/// Waits for the end of its one application.
fn is_ended(caller: &mut Caller) {
    let id = caller.known.keys().next().unwrap().clone();
    until("an end", || {
        caller.read(&id);
        is_final(&caller.known[&id].status)
    });
}

/// Which node has it.
fn owner(fleet: &Fleet, server: &Server) -> usize {
    let row = server.database().query_one("SELECT worker FROM application", &[]).unwrap();
    let incarnation: String = row.get(0);
    let name = |node: &str| std::fs::read_to_string(fleet.place.path(node).join("witness.node")).unwrap();
    NODES.iter().position(|node| incarnation.contains(name(node).trim())).unwrap()
}

/// As a node that was frozen for longer than its lease, and does not look whether it still has it.
#[test]
fn nodes_of_which_one_sends_without_its_lease_are_found() {
    if !is_postgres() {
        return;
    }
    let network = Network::loopback();
    let server = Server::primary(network.hosts()[0].clone());
    let mut place = Place::fast();
    let hold = place.path("hold");
    place.set("APPLYD_HOLD", hold.to_str().unwrap());
    place.set("APPLYD_HOLD_AT", "armed");
    let (fleet, load, mut caller) = stage(place, &server.url(), "cross_anyway");
    std::fs::write(&hold, "").unwrap();
    caller.apply(JOB);
    until("an armed application", || std::fs::read_to_string(&hold).unwrap() == "armed");
    let frozen = owner(&fleet, &server);
    fleet.node(frozen).signal("STOP");
    std::fs::remove_file(&hold).unwrap();
    load.wire.is_at(&fleet.node((frozen + 1) % SERVERS).url);
    is_ended(&mut caller);
    fleet.node(frozen).signal("CONT");
    until("a second send", || fleet.place.counted(&job(JOB)).0 == 2);
    found(&fleet, load, caller, "2 received, 1 intents");
}

/// As a node that takes a commit for one that lasts although its server warns.
#[test]
fn a_commit_that_is_told_although_it_may_not_last_is_found_after_the_failover() {
    if !is_postgres() {
        return;
    }
    let network = Network::loopback();
    let pair = Pair::new(&network);
    let (fleet, load, mut caller) = stage(Place::fast(), &cluster::url(&network), "last_anyway");
    pair.standby().kill();
    let is_told = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = pair.primary().client();
            let sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            while !is_told.load(Ordering::SeqCst) {
                client.query(sql, &[]).unwrap();
                std::thread::sleep(POLL);
            }
        });
        caller.apply(JOB);
        is_told.store(true, Ordering::SeqCst);
    });
    pair.primary().kill();
    pair.standby().start();
    pair.standby().promote();
    found(&fleet, load, caller, "is lost");
}

/// As a version that does not write what it says; the other one never saw it.
#[test]
fn a_version_that_forgets_what_it_has_answered_is_found_in_an_upgrade() {
    if !is_postgres() {
        return;
    }
    let network = Network::loopback();
    let server = Server::primary(network.hosts()[0].clone());
    let (mut fleet, load, mut caller) = stage(Place::fast(), &server.url(), "");
    fleet.place.set("APPLYD_FAULT", "forget");
    fleet.stop(0);
    fleet.restart(0);
    load.wire.is_at(&fleet.node(0).url);
    caller.apply(JOB);
    fleet.place.set("APPLYD_FAULT", "");
    fleet.stop(0);
    fleet.restart(0);
    found(&fleet, load, caller, "is lost");
}
