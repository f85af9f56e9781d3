//! The whole drill under load: backup, more applications, kill, restore, verify-only, its end, and on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value;

use super::verified;
use crate::harness::{Account, POLL, Place, Process, job, try_call};
use crate::poll::{LONGEST, applied, has_failed_with, settled, until};

const ACCOUNTS: usize = 3;
/// What one account lets wait, so that some wait at each moment.
const MOST_OPEN: usize = 3;
/// Applied between the backup and the kill.
const DANGEROUS: usize = 12;

/// The jobs of what was accepted, by `queueId`, and whose.
type Accepted = Mutex<BTreeMap<String, (usize, u16)>>;

/// Applies and polls until the server is gone.
fn load(url: &str, accounts: &[Account], nth: usize, accepted: &Accepted, stop: &AtomicBool) {
    let account = &accounts[nth];
    let mut open: Vec<String> = Vec::new();
    let mut number = 1000 + 1000 * u16::try_from(nth).unwrap();
    while !stop.load(Ordering::SeqCst) {
        if open.len() < MOST_OPEN {
            let body =
                serde_json::json!({"jobId": job(number), "coverLetter": "Hello from a test."}).to_string();
            let headers = [("x-api-key", account.key.as_str())];
            let sent = try_call(url, "POST", "/api/auto-apply-v2/apply", &headers, Some(body.as_bytes()));
            match sent {
                Ok(reply) if reply.status == 200 => {
                    accepted.lock().unwrap().insert(reply.queue_id(), (nth, number));
                    open.push(reply.queue_id());
                    number += 1;
                }
                // Too many wait; or it was killed, and whoever asked does not know.
                _ => std::thread::sleep(POLL),
            }
        }
        open.retain(|id| is_open(url, account, id));
        std::thread::sleep(POLL / 5);
    }
}

fn is_open(url: &str, account: &Account, id: &str) -> bool {
    let path = format!("/api/auto-apply-v2/status?queueId={id}");
    let reply = try_call(url, "GET", &path, &[("x-api-key", &account.key)], None);
    reply.is_ok_and(|reply| reply.json()["applicationStatus"] == "processing")
}

/// The applications of a backup, by whether they had ended.
fn of_backup(place: &Place) -> (BTreeSet<String>, BTreeSet<String>) {
    let raw = Connection::open(place.path("b.db")).unwrap();
    let mut statement = raw.prepare("SELECT id, state = 'applied' FROM application").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))).unwrap();
    let (ended, open): (Vec<_>, Vec<_>) = rows.map(Result::unwrap).partition(|(_, ended)| *ended);
    let ids = |rows: Vec<(String, bool)>| rows.into_iter().map(|(id, _)| id).collect();
    (ids(ended), ids(open))
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONGEST, "{what}");
        std::thread::sleep(POLL);
    }
}

fn accepted_at_site(rows: &[Value]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row["jobId"].as_str().unwrap().to_owned()).or_default() +=
            row["accepted"].as_i64().unwrap();
    }
    counts
}

/// Applied at the site so far.
fn sent(place: &Place) -> usize {
    accepted_at_site(&place.submissions()).values().filter(|count| **count > 0).count()
}

#[test]
fn a_restore_under_load_sends_nothing_twice_and_tells_the_truth() {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "100s");
    place.set("APPLYD_TIMING__DEADLINE", "120s");
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "20ms..120ms");
    let _sandbox = place.sandbox();
    let accounts: Vec<_> = (0..ACCOUNTS).map(|n| place.account(&format!("agency {n}"), 1000)).collect();
    let (known, stop) = (Accepted::default(), AtomicBool::new(false));
    let server = place.serve();
    std::thread::scope(|scope| {
        for nth in 0..ACCOUNTS {
            let (url, accounts, known, stop) = (server.url.clone(), &accounts, &known, &stop);
            scope.spawn(move || load(&url, accounts, nth, known, stop));
        }
        wait_for("no load", || sent(&place) >= 6);
        let before: BTreeSet<String> = known.lock().unwrap().keys().cloned().collect();
        place.json(&["backup", "b.db"]);
        let (ended, open) = of_backup(&place);
        let missing: Vec<_> = before.difference(&(&ended | &open)).cloned().collect();
        assert_eq!(missing, Vec::<String>::new(), "accepted before the backup, and not in it");
        let then = sent(&place);
        wait_for("no load after the backup", || sent(&place) >= then + DANGEROUS);
        server.kill();
        stop.store(true, Ordering::SeqCst);
    });
    let told = place.json(&["restore", "b.db"]);
    assert_eq!(told["verifyOnly"], true, "{told}");
    let before = place.submissions();

    let server = place.serve();
    let reply = server.apply(&accounts[0], &job(9000));
    assert_eq!(reply.status, 503, "{reply:?}");
    let found = tell_all(&place, &server, &accounts, &known.lock().unwrap(), &before);
    // The danger was there: sent, and told as waiting or not at all by the backup.
    let (_, open) = of_backup(&place);
    let was_open = found.iter().filter(|id| open.contains(*id)).count();
    assert!(was_open > 0 && found.len() - was_open >= DANGEROUS / 2, "{was_open} of {}", found.len());
    assert_eq!(place.submissions(), before, "something was sent");
    place.assert_clean_ledger();

    verified(&place);
    for (n, account) in (9000..).zip(&accounts) {
        applied(&server, account, n);
    }
    for (id, (nth, number)) in known.lock().unwrap().iter().filter(|(id, _)| open.contains(*id)) {
        let status = settled(&server, &accounts[*nth], id);
        assert_eq!(status["applicationStatus"], "applied", "{number}: {status}");
    }
    for (job, count) in accepted_at_site(&place.submissions()) {
        assert!(count <= 1, "{job}: {count} times");
    }
    place.assert_clean_ledger();
}

/// Every caller is told what the site has, as long as the store can know of it; answers what was sent and is not in
/// the backup as applied.
fn tell_all(
    place: &Place,
    server: &Process,
    accounts: &[Account],
    known: &BTreeMap<String, (usize, u16)>,
    site: &[Value],
) -> BTreeSet<String> {
    let (counts, (ended, open)) = (accepted_at_site(site), of_backup(place));
    let mut found = BTreeSet::new();
    for (id, (nth, number)) in known {
        let account = &accounts[*nth];
        if counts.get(&job(*number)).is_some_and(|count| *count == 1) {
            let status = settled(server, account, id);
            assert_eq!(status["applicationStatus"], "applied", "{number}: {status}");
            if !ended.contains(id) {
                found.insert(id.clone());
            }
        } else if open.contains(id) {
            // Read for, not there, and kept for the end of the mode.
            let status = server.status(account, id);
            assert_eq!(status["applicationStatus"], "processing", "{number}: {status}");
        } else {
            // Accepted after the backup: unknown where it never came to an intent, else found not to be there.
            let is_over = |status: &Value| status["applicationStatus"] != "processing";
            let status = until(server, account, id, is_over);
            let is_unsent = status["applicationStatus"].is_null()
                || has_failed_with(&status, "not_submitted")
                || has_failed_with(&status, "outcome_unknown");
            assert!(is_unsent, "{number}: {status}");
        }
    }
    found
}
