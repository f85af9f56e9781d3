//! What one node settles, told by another: streams, held polls, webhooks. PostgreSQL only.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::events::Reader;
use crate::harness::{Account, POLL, Place, Process, is_postgres};
use crate::nodes_limits::node;
use crate::receiver::{Answer, Receiver, allow};
use crate::wait::{now_ms, status};
use crate::webhooks;

const JOBS: u64 = 12;
/// A look each second, and what a busy machine needs.
const SOON_MS: i64 = 1_500;
const WAIT: Duration = Duration::from_secs(20);
/// Of a node's attempt, and what it takes another to notice its end.
const LEASE: Duration = Duration::from_secs(40);

/// One node that only tells, one that also works, and the stand-in.
struct Pair {
    place: Place,
    teller: Process,
    worker: Process,
    _sandbox: Process,
}

fn pair(mut place: Place) -> Pair {
    // What is accepted at once is not refused for its wait.
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "200s");
    place.set("APPLYD_TIMING__DEADLINE", "270s");
    let sandbox = place.sandbox();
    let teller = node(&place, "teller", &[("APPLYD_WORKERS", "0")]);
    let worker = node(&place, "worker", &[]);
    Pair { place, teller, worker, _sandbox: sandbox }
}

fn apply(node: &Process, account: &Account, n: u64) -> String {
    let reply = node.apply(account, &format!("~02{}", 4_100_000_000_000_000_000 + n));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.queue_id()
}

/// How long ago an application has ended.
fn late_ms(status: &Value) -> i64 {
    now_ms() - status["appliedAt"].as_i64().unwrap_or_else(|| panic!("not applied: {status}"))
}

fn listed(node: &Process, account: &Account) -> Vec<Value> {
    webhooks::listed(node, account, "?limit=100")["events"].as_array().unwrap().clone()
}

#[test]
fn a_stream_tells_what_another_node_settles_in_the_order_of_commits_and_can_be_read_on_at_any() {
    if !is_postgres() {
        return;
    }
    let Pair { place, teller, worker, .. } = &pair(Place::fast());
    let account = place.account("agency", 99);
    let mut reader = Reader::of(teller, &account, "");
    assert_eq!(reader.next().unwrap().id, "start");
    // Accepted here and there, settled there.
    let mut late = Vec::new();
    let mut told = Vec::new();
    for n in 0..JOBS {
        let node = if n.is_multiple_of(2) { worker } else { teller };
        apply(node, &account, n);
        let event = reader.take(1).remove(0);
        late.push(late_ms(&event["data"]));
        told.push(event);
    }
    println!("milliseconds after the commit: {late:?}");
    assert!(late.iter().all(|late| *late < SOON_MS), "milliseconds after the commit: {late:?}");
    for n in JOBS..2 * JOBS {
        apply(worker, &account, n);
    }
    told.extend(reader.take(JOBS as usize));
    for node in [worker, teller] {
        assert_eq!(Reader::of(node, &account, "?after=start").take(told.len()), told);
        assert_eq!(listed(node, &account).len(), told.len());
        let last = format!("Last-Event-ID: {}\r\n", told[4]["id"].as_str().unwrap());
        let (opened, _, mut again) = Reader::open(node, &account.key, "", &last);
        assert_eq!((opened, again.take(told.len() - 5)), (200, told[5..].to_vec()));
    }
}

#[test]
fn a_held_poll_is_answered_by_what_another_node_settles() {
    if !is_postgres() {
        return;
    }
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "100ms..1100ms");
    let Pair { place, teller, worker, .. } = &pair(place);
    let account = place.account("agency", 99);
    let late: Vec<i64> = (0..JOBS)
        .map(|n| {
            let id = apply(if n.is_multiple_of(2) { worker } else { teller }, &account, n);
            let held = status(teller, &account, &format!("queueId={id}&wait=30"), None).json();
            assert_eq!(held["applicationStatus"], "applied", "{held}");
            // Who asks the other one is told the same.
            assert_eq!(status(worker, &account, &format!("queueId={id}"), None).json(), held);
            late_ms(&held)
        })
        .collect();
    println!("milliseconds after the commit: {late:?}");
    assert!(late.iter().all(|late| *late < SOON_MS), "milliseconds after the commit: {late:?}");
}

fn ids(receiver: &Receiver) -> Vec<String> {
    receiver.got().iter().map(|got| got.id().to_owned()).collect()
}

/// Waits until nothing is left to be delivered.
fn all_delivered(node: &Process, account: &Account, webhook: &str, most: usize) {
    let begun = std::time::Instant::now();
    loop {
        let path = format!("/api/webhooks/{webhook}/deliveries?limit=100");
        let listed = node.call("GET", &path, &account.key, None).json();
        let rows = listed["deliveries"].as_array().unwrap();
        if rows.len() == most && rows.iter().all(|row| row["state"] == "delivered") {
            return;
        }
        assert!(begun.elapsed() < WAIT, "{listed}");
        std::thread::sleep(POLL);
    }
}

#[test]
fn two_nodes_deliver_each_webhook_once() {
    if !is_postgres() {
        return;
    }
    let mut place = Place::fast();
    allow(&mut place);
    let Pair { place, teller, worker, .. } = &pair(place);
    let (account, receiver) = (place.account("agency", 99), Receiver::start(Answer::Status(200)));
    let (id, _) = webhooks::create(teller, &account, &receiver.url);
    for n in 0..JOBS * 2 {
        apply(worker, &account, n);
    }
    let most = JOBS as usize * 2;
    receiver.wait_for(most, WAIT);
    all_delivered(worker, &account, &id, most);
    let got = ids(&receiver);
    assert_eq!((got.len(), got.iter().collect::<BTreeSet<_>>().len()), (most, most), "each once: {got:?}");
}

#[test]
fn what_a_node_that_dies_was_delivering_another_delivers_after_its_lease() {
    if !is_postgres() {
        return;
    }
    let mut place = Place::fast();
    allow(&mut place);
    let Pair { place, teller, worker, _sandbox } = pair(place);
    let (account, receiver) = (place.account("agency", 99), Receiver::start(Answer::Hang));
    webhooks::create(&teller, &account, &receiver.url);
    // Whoever has it is the one that is killed: the other is not there yet.
    teller.kill();
    apply(&worker, &account, 1);
    let first = receiver.wait_for(1, WAIT).remove(0);
    let other = node(&place, "other", &[]);
    worker.kill();
    receiver.answer(Answer::Status(200));
    let got = receiver.wait_for(2, LEASE);
    assert_eq!((got.len(), got[1].id(), &got[1].body), (2, first.id(), &first.body));
    assert_eq!(listed(&other, &account).len(), 1);
}
