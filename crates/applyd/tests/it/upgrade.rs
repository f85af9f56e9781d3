//! Nodes of two versions beside each other, as in an upgrade without a pause. PostgreSQL only.

use std::time::Duration;

use crate::cluster::Server;
use crate::fleet::{Fleet, NODES, SERVERS};
use crate::harness::{Place, is_postgres};
use crate::history::caller::Lag;
use crate::network::Network;

/// Names the program of the previous commit; `cargo xtask test` makes it.
const PREVIOUS: &str = "APPLYD_TEST_PREVIOUS";
const SEED: u64 = 20_261_127;
const ACCOUNTS: u64 = 6;
/// Under load as it is.
const CALM: Duration = Duration::from_secs(2);
const REST_WITHIN: Duration = Duration::from_secs(40);

#[test]
fn an_upgrade_node_by_node_and_back_loses_nothing_and_repeats_nothing() {
    let Some(previous) = std::env::var_os(PREVIOUS).filter(|_| is_postgres()) else { return };
    let network = Network::loopback();
    let server = Server::primary(network.hosts()[0].clone());
    let mut place = Place::fast();
    let this = std::mem::replace(&mut place.program, previous.into());
    let mut fleet = Fleet::start_in(place, &server.url(), &[]);
    let load = fleet.load(ACCOUNTS, SEED, Lag::NODES);
    std::thread::sleep(CALM);
    let previous = std::mem::replace(&mut fleet.place.program, this.clone());
    fleet.place.json(&["migrate"]);
    std::thread::sleep(CALM);
    // One goes back once more: the schema stays, and the old program has to know it.
    let steps = [(0, &this), (1, &this), (2, &this), (0, &previous), (0, &this)];
    for (n, program) in steps {
        fleet.place.program.clone_from(program);
        fleet.stop(n);
        fleet.restart(n);
        if n < SERVERS {
            fleet.proxy.sees(NODES[n], "UP");
        }
        std::thread::sleep(CALM);
    }
    let evidence = fleet.conclude(load, REST_WITHIN);
    let applied = evidence.counted.values().map(|counted| counted.accepted).sum::<u64>();
    assert!(applied >= ACCOUNTS, "hardly any load: {applied} applied");
}
