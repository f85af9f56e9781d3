//! Servers that stand still, stop in the middle, come back at once, or never work.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Account, POLL, Place, Process, job};
use crate::poll::{accepted, has_failed_with, settled};

const SEED: u64 = 20_261_124;
const CREDITS: u32 = 100;

/// With the fast settings, but with time enough for what is held up.
fn patient() -> Place {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "25s");
    place.set("APPLYD_TIMING__DEADLINE", "35s");
    place
}

/// Waits until the stand-in has received the one submission of this job.
fn received(place: &Place, number: u16) {
    let begun = Instant::now();
    while place.counted(&job(number)) != (1, 1) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{number} was never submitted");
        std::thread::sleep(POLL);
    }
}

/// Every end is what the site has, and nothing was sent twice.
fn assert_truthful(place: &Place, ends: &[(String, Value)]) {
    let submissions = place.submissions();
    let proposals: Vec<&str> = submissions
        .iter()
        .flat_map(|row| row["proposals"].as_array().unwrap())
        .map(|proposal| proposal["queueId"].as_str().unwrap())
        .collect();
    for row in &submissions {
        assert!(row["accepted"].as_i64() <= Some(1) && row["received"].as_i64() <= Some(1), "{row}");
    }
    for (id, status) in ends {
        let sent = proposals.iter().filter(|proposal| **proposal == id).count();
        assert_eq!(status["applicationStatus"] == "applied", sent == 1, "{sent} sent: {status}");
    }
    place.assert_clean_ledger();
}

#[test]
fn a_server_that_was_frozen_longer_than_its_leases_submits_once() {
    const FREEZE: Duration = Duration::from_secs(5);
    let mut place = patient();
    // Each application passes slowly through its states, so that a freeze meets them in many.
    place.set("APPLYD_SANDBOX__READ_LATENCY", "0ms..60ms");
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "0ms..600ms");
    let _sandbox = place.sandbox();
    let server = place.serve();
    let accounts: Vec<Account> =
        (0..8).map(|number| place.account(&format!("agency {number}"), CREDITS)).collect();
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut ends = Vec::new();
    for round in 0..3 {
        let mut open = Vec::new();
        for (number, account) in (0..).zip(&accounts) {
            // Answered slowly, cut off, or plain.
            let first = [11, 9, 1][(number + round) % 3];
            let plain = 1000 + u16::try_from(round).unwrap();
            open.push((account, accepted(&server, account, first)));
            open.push((account, accepted(&server, account, plain)));
            std::thread::sleep(Duration::from_millis(rng.u64(0..150)));
        }
        server.signal("STOP");
        std::thread::sleep(FREEZE);
        server.signal("CONT");
        for (account, id) in open {
            let status = settled(&server, account, &id);
            ends.push((id, status));
        }
    }
    assert_truthful(&place, &ends);
    let applied = ends.iter().filter(|(_, status)| status["applicationStatus"] == "applied").count();
    assert!(applied > ends.len() / 2, "{ends:?}");
}

#[test]
fn an_orderly_stop_leaves_what_is_unanswered_to_be_verified() {
    let mut place = Place::fast();
    for (name, value) in [
        ("APPLYD_TIMING__INTENT_CUTOFF", "100s"),
        ("APPLYD_TIMING__DEADLINE", "200s"),
        ("APPLYD_TIMING__ANSWER_BY", "60s"),
        // Longer than a stop may take.
        ("APPLYD_SANDBOX__SLOW_ANSWER", "50s"),
        ("APPLYD_SANDBOX__READ_LATENCY", "300ms"),
    ] {
        place.set(name, value);
    }
    let _sandbox = place.sandbox();
    let server = place.serve();
    let (slow, queued) = (place.account("slow", CREDITS), place.account("queued", CREDITS));
    let unanswered = accepted(&server, &slow, 11);
    received(&place, 11);
    let handed_back = accepted(&server, &queued, 1000);
    let begun = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(place.counted(&job(1000)), (0, 0), "submitted while stopping");
    let server = place.serve();
    let ends = [(&slow, unanswered), (&queued, handed_back)].map(|(account, id)| {
        let status = settled(&server, account, &id);
        assert_eq!(status["applicationStatus"], "applied", "{status}");
        (id, status)
    });
    assert_truthful(&place, &ends);
    assert_eq!((place.balance(&slow).2, place.balance(&queued).2), (1, 1));
}

#[test]
fn what_a_killed_server_held_is_taken_up_by_the_next() {
    const LEASE_AND_FIVE_SECONDS: Duration = Duration::from_secs(25);
    let mut place = Place::fast();
    for (name, value) in [
        ("APPLYD_TIMING__INTENT_CUTOFF", "60s"),
        ("APPLYD_TIMING__DEADLINE", "90s"),
        ("APPLYD_TIMING__LEASE", "20s"),
        ("APPLYD_SANDBOX__READ_LATENCY", "300ms"),
    ] {
        place.set(name, value);
    }
    let _sandbox = place.sandbox();
    let server = place.serve();
    let (sent, held) = (place.account("sent", CREDITS), place.account("held", CREDITS));
    let sent_id = accepted(&server, &sent, 11);
    received(&place, 11);
    let held_id = accepted(&server, &held, 1000);
    while server.status(&held, &held_id)["processedAt"].is_null() {
        std::thread::sleep(POLL);
    }
    let begun = Instant::now();
    server.kill();
    let server = place.serve();
    assert!(begun.elapsed() < Duration::from_secs(5), "the dead one's leases should still run");
    let ends = [(&sent, sent_id), (&held, held_id)].map(|(account, id)| {
        let status = settled(&server, account, &id);
        assert_eq!(status["applicationStatus"], "applied", "{status}");
        (id, status)
    });
    assert!(begun.elapsed() < LEASE_AND_FIVE_SECONDS, "{:?}", begun.elapsed());
    assert_truthful(&place, &ends);
}

#[test]
fn a_read_ends_what_no_worker_has_taken() {
    const DEADLINE: Duration = Duration::from_millis(2_500);
    let mut place = Place::fast();
    for (name, value) in [
        ("APPLYD_WORKERS", "0"),
        ("APPLYD_TIMING__INTENT_CUTOFF", "1200ms"),
        ("APPLYD_TIMING__ANSWER_BY", "1100ms"),
        ("APPLYD_TIMING__DEADLINE", "2500ms"),
        // The sweeper then comes every two seconds only: most of these ends are the reads' own.
        ("APPLYD_TIMING__LEASE", "30s"),
    ] {
        place.set(name, value);
    }
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", CREDITS);
    let mut open = Vec::new();
    for number in 1000..1006 {
        let id = accepted(&server, &account, number);
        open.push((id, Instant::now()));
        std::thread::sleep(Duration::from_millis(300));
    }
    for (id, answered) in open {
        assert_eq!(end_in_time(&server, &account, &id, answered + DEADLINE), "failed");
    }
    assert_eq!(place.balance(&account), (i64::from(CREDITS), 0, 0));
    assert!(place.submissions().is_empty());
    place.assert_clean_ledger();
}

/// Polls; a read that begins at the deadline or later must show the end.
fn end_in_time(server: &Process, account: &Account, id: &str, deadline: Instant) -> String {
    // Two clocks, read one after the other.
    const MARGIN: Duration = Duration::from_millis(20);
    loop {
        let begun = Instant::now();
        let status = server.status(account, id);
        if status["applicationStatus"] != "processing" {
            assert!(has_failed_with(&status, "deadline") && status["processedAt"].is_null(), "{status}");
            return status["applicationStatus"].as_str().unwrap().to_owned();
        }
        assert!(begun < deadline + MARGIN, "{:?} late: {status}", begun - deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
}
