//! Three nodes on one database, under load, while they are killed, frozen and restarted. PostgreSQL only.

use std::time::Duration;

use crate::cluster::Server;
use crate::fleet::{Fleet, NODES, SERVERS};
use crate::harness::is_postgres;
use crate::history::caller::Lag;
use crate::network::Network;

/// Printed when the test fails; decides all that the test itself draws.
const SEED: u64 = 20_261_125;
const ACCOUNTS: u64 = 8;
/// Of each kind, for each node.
const ROUNDS: usize = 1;

/// How long things take, by the timing of the nodes.
struct Rhythm {
    settings: &'static [(&'static str, &'static str)],
    /// Longer than a lease.
    frozen: Duration,
    /// Between two blows.
    calm_ms: (u64, u64),
    lag: Lag,
    rest_within: Duration,
}

const FAST: Rhythm = Rhythm {
    settings: &[],
    frozen: Duration::from_secs(4),
    calm_ms: (500, 2_000),
    lag: Lag::NODES,
    rest_within: Duration::from_secs(40),
};

/// With `--long` the limits are those that operators have.
const LONG: Rhythm = Rhythm {
    settings: &[
        ("APPLYD_TIMING__INTENT_CUTOFF", "200s"),
        ("APPLYD_TIMING__DEADLINE", "270s"),
        ("APPLYD_TIMING__ANSWER_BY", "60s"),
        ("APPLYD_TIMING__SEND_BY", "10s"),
        ("APPLYD_TIMING__LEASE", "30s"),
        ("APPLYD_TIMING__HEARTBEAT", "10s"),
        ("APPLYD_TIMING__DRAIN", "20s"),
        ("APPLYD_TIMING__READ_SPACING", "10s"),
    ],
    frozen: Duration::from_secs(40),
    calm_ms: (500, 10_000),
    lag: Lag { ended_after: Duration::from_secs(281), ..Lag::NODES },
    rest_within: Duration::from_secs(400),
};

/// What befalls a node.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// SIGKILL, and a new start.
    Kill,
    /// SIGSTOP, for longer than a lease.
    Freeze,
    /// SIGSTOP for longer than a lease, and then it never wakes.
    FreezeAndKill,
    /// SIGTERM, and a new start.
    Restart,
}

#[test]
fn nodes_that_die_freeze_and_come_back_lose_nothing_and_repeat_nothing() {
    if !is_postgres() {
        return;
    }
    let is_long = std::env::var_os("APPLYD_TEST_LONG").is_some();
    let (rhythm, rounds) = if is_long { (LONG, ROUNDS * 6) } else { (FAST, ROUNDS) };
    let network = Network::loopback();
    let server = Server::primary(network.hosts()[0].clone());
    let mut fleet = Fleet::start(&server.url(), rhythm.settings);
    let load = fleet.load(ACCOUNTS, SEED, rhythm.lag);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let blows = [Blow::Kill, Blow::Freeze, Blow::FreezeAndKill, Blow::Restart];
    let each = (0..rounds).flat_map(|_| blows).flat_map(|blow| (0..NODES.len()).map(move |n| (blow, n)));
    let mut all: Vec<_> = each.collect();
    rng.shuffle(&mut all);
    let dealt = all.len();
    for (blow, n) in all {
        // Now and then a second one dies meanwhile, the only other that serves among them.
        let other = (n + 1 + rng.usize(..NODES.len() - 1)) % NODES.len();
        let other = rng.bool().then_some(other);
        println!("{blow:?} {}{}", NODES[n], other.map_or(String::new(), |n| format!(", kill {}", NODES[n])));
        strike(&mut fleet, blow, n, other, &rhythm);
        std::thread::sleep(Duration::from_millis(rng.u64(rhythm.calm_ms.0..rhythm.calm_ms.1)));
    }
    (0..SERVERS).for_each(|n| fleet.proxy.sees(NODES[n], "UP"));
    let evidence = fleet.conclude(load, rhythm.rest_within);
    let applied = evidence.counted.values().map(|counted| counted.accepted).sum::<u64>();
    assert!(applied >= dealt as u64, "hardly any load: {applied} applied");
}

fn strike(fleet: &mut Fleet, blow: Blow, n: usize, other: Option<usize>, rhythm: &Rhythm) {
    if let Blow::Freeze | Blow::FreezeAndKill = blow {
        fleet.node(n).signal("STOP");
    }
    if let Some(other) = other {
        fleet.kill(other);
        fleet.restart(other);
    }
    match blow {
        Blow::Kill => {
            fleet.kill(n);
            fleet.restart(n);
        }
        Blow::Restart => {
            fleet.stop(n);
            fleet.restart(n);
        }
        Blow::Freeze => {
            std::thread::sleep(rhythm.frozen);
            fleet.node(n).signal("CONT");
        }
        Blow::FreezeAndKill => {
            std::thread::sleep(rhythm.frozen);
            fleet.kill(n);
            fleet.restart(n);
        }
    }
}
