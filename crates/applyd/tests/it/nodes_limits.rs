//! The limits of a key, and the key itself, over several nodes of one database. PostgreSQL only.

use std::time::{Duration, Instant};

use crate::fresh::postgres;
use crate::harness::{Account, POLL, Place, Process, Reply, is_postgres};
use crate::limits::{early_in_a_minute, number};

const STATUS: &str = "/api/auto-apply-v2/status?queueId=queue_x";
const NODES: [&str; 4] = ["a", "b", "c", "d"];
/// Of the contract.
const PER_MINUTE: u64 = 300;
/// A tenth less.
const LEAST: u64 = 270;
/// For all portions, and one more look by each node.
const MOST_WRITES: i64 = 44;
/// A revocation is known within this.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// A node of the place's database, with a folder for what only it has.
pub(crate) fn node(place: &Place, name: &str, settings: &[(&str, &str)]) -> Process {
    std::fs::create_dir_all(place.path(name)).unwrap();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("APPLYD_WITNESS_FILE", place.path(name).join("witness"));
    command.envs(settings.iter().copied());
    Process::start(command)
}

/// Limits on; nothing is worked on.
fn stage() -> (Place, [Process; 4]) {
    let mut place = Place::fast();
    place.set("APPLYD_RATE_LIMITS", "on");
    place.set("APPLYD_WORKERS", "0");
    // Nobody asks it; a stand-in in each node would want the same file.
    place.set("APPLYD_SANDBOX__ENDPOINT", "http://127.0.0.1:9/mcp");
    let nodes = NODES.map(|name| node(&place, name, &[]));
    (place, nodes)
}

fn poll(node: &Process, account: &Account) -> Reply {
    node.call("GET", STATUS, &account.key, None)
}

/// Polls until it is refused; answers how often it was not.
fn exhaust(node: &Process, account: &Account) -> u64 {
    let mut count = 0;
    loop {
        let reply = poll(node, account);
        if reply.status == 429 {
            assert_eq!(number(&reply, "x-ratelimit-remaining"), 0);
            return count;
        }
        assert_eq!(reply.status, 404, "{reply:?}");
        assert_eq!(number(&reply, "x-ratelimit-limit"), PER_MINUTE);
        count += 1;
    }
}

/// Counts what is written about limits.
struct Written(::postgres::Client);

impl Written {
    fn on(place: &Place) -> Self {
        let mut client = postgres::raw(&place.path(""));
        client
            .batch_execute(
                "CREATE TABLE written (at BIGINT);
                 CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO written VALUES (NEW.ends_at_s); RETURN NULL; END $$;
                 CREATE TRIGGER note AFTER INSERT OR UPDATE ON rate_window FOR EACH ROW EXECUTE FUNCTION note()",
            )
            .unwrap();
        Self(client)
    }

    fn count(&mut self) -> i64 {
        self.0.query_one("SELECT count(*) FROM written", &[]).unwrap().get(0)
    }
}

#[test]
fn four_nodes_hold_a_key_to_its_limit_without_a_write_for_each_request() {
    if !is_postgres() {
        return;
    }
    let (place, nodes) = stage();
    let (all, one) = (place.account("all", 1), place.account("one", 1));
    let mut written = Written::on(&place);
    early_in_a_minute();
    let passed: u64 = std::thread::scope(|scope| {
        let started: Vec<_> = nodes.iter().map(|node| scope.spawn(|| exhaust(node, &all))).collect();
        started.into_iter().map(|node| node.join().unwrap()).sum()
    });
    assert!((LEAST..=PER_MINUTE).contains(&passed), "all nodes let {passed} through");
    let writes = written.count();
    assert!((1..=MOST_WRITES).contains(&writes), "{writes} for {passed}");
    for node in &nodes {
        (0..5).for_each(|_| assert_eq!(poll(node, &all).status, 429));
    }
    assert_eq!(written.count(), writes, "what is refused writes nothing");
    // Each of the others has a portion, of which it spends one.
    early_in_a_minute();
    nodes[1..].iter().for_each(|node| assert_eq!(poll(node, &one).status, 404));
    let passed = exhaust(&nodes[0], &one) + 3;
    assert!((LEAST..=PER_MINUTE).contains(&passed), "one node let {passed} through");
    let left: u64 = nodes[1..].iter().map(|node| exhaust(node, &one)).sum();
    assert_eq!(passed + left, PER_MINUTE, "the others let the rest through");
}

#[test]
fn what_a_stopped_node_has_not_spent_is_there_for_the_others() {
    if !is_postgres() {
        return;
    }
    let (place, [stopped, other, ..]) = stage();
    let account = place.account("agency", 1);
    early_in_a_minute();
    assert_eq!(poll(&stopped, &account).status, 404);
    assert_eq!(stopped.stop(), Some(0));
    assert_eq!(exhaust(&other, &account), PER_MINUTE - 1);
}

#[test]
fn a_revoked_key_is_known_at_every_node_within_a_second() {
    if !is_postgres() {
        return;
    }
    let (place, nodes) = stage();
    let account = place.account("agency", 1);
    let listed = place.json(&["key", "list", &account.name]);
    let id = listed["keys"][0]["keyId"].as_str().unwrap().to_owned();
    nodes.iter().for_each(|node| assert_eq!(poll(node, &account).status, 404));
    place.json(&["key", "revoke", &id]);
    let begun = Instant::now();
    for node in &nodes {
        while poll(node, &account).status != 401 {
            assert!(begun.elapsed() < KNOWN_WITHIN, "still taken");
            std::thread::sleep(POLL);
        }
    }
}
