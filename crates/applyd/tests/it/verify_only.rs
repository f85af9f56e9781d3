//! A store that is set back: what the witness knows is found by reading, and nothing is sent meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::time::Instant;

use serde_json::Value;

use crate::harness::{Account, POLL, Place, Process, is_postgres, job};
use crate::poll::{LONGEST, accepted, applied, has_failed_with, settled, until};

/// What waits in the queue outlives the test's own doings.
fn patient() -> Place {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "100s");
    place.set("APPLYD_TIMING__DEADLINE", "120s");
    place
}

/// Accepts and does nothing.
fn without_workers(place: &mut Place, work: impl FnOnce(&Process)) {
    place.set("APPLYD_WORKERS", "0");
    let server = place.serve();
    work(&server);
    assert_eq!(server.stop(), Some(0));
    place.set("APPLYD_WORKERS", "8");
}

fn serve_with_log(place: &Place, log: &str) -> Process {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.stderr(File::create(place.path(log)).unwrap());
    Process::start(command)
}

fn read(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

fn witness(place: &Place) -> String {
    fs::read_to_string(place.witness()).unwrap()
}

/// Whether the log says that an application was taken up, looked for, and put back.
fn has_stayed(place: &Place, id: &str) -> bool {
    read(place, "log").lines().any(|line| line.contains("nothing was submitted") && line.contains(id))
}

/// `verify-only end`: its exit code and what it printed.
fn end(place: &Place, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = place.run(&[&["verify-only", "end", "--json"], arguments].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_store_set_back_sends_nothing_and_finds_what_the_site_has() {
    let mut place = patient();
    let sandbox = place.sandbox();
    let (one, two) = (place.account("one", 20), place.account("two", 20));
    let server = place.serve();
    let kept = applied(&server, &one, 1);
    assert_eq!(server.stop(), Some(0));
    let (mut queued, mut hanging, mut waiting) = (String::new(), String::new(), String::new());
    without_workers(&mut place, |server| {
        queued = accepted(server, &one, 1001);
        // Its reads hang, so that the one behind it is not submitted in the lost history either.
        hanging = accepted(server, &two, 12);
        waiting = accepted(server, &two, 1002);
    });
    place.save();

    let server = place.serve();
    assert_eq!(settled(&server, &one, &queued)["applicationStatus"], "applied");
    let mut lost = vec![queued, applied(&server, &one, 9), applied(&server, &one, 1003)];
    let refused = accepted(&server, &one, 10);
    assert!(has_failed_with(&settled(&server, &one, &refused), "not_submitted"));
    // The last one is at the site, and nobody has heard its answer.
    lost.push(accepted(&server, &one, 11));
    let begun = Instant::now();
    while place.counted(&job(11)) != (1, 1) {
        assert!(begun.elapsed() < LONGEST);
        std::thread::sleep(POLL);
    }
    server.kill();
    place.set_back();
    let before = place.submissions();

    sandbox.signal("STOP");
    place.set("APPLYD_TIMING__READ_TIMEOUT", "1s");
    let server = serve_with_log(&place, "log");
    assert!(read(&place, "log").contains("verify-only"), "{}", read(&place, "log"));
    let (code, told) = end(&place, &[]);
    assert_eq!((code, &told["ended"]), (Some(1), &Value::Bool(false)), "{told}");
    for id in lost.iter().chain([&refused]) {
        let listed = told["unverified"].as_array().unwrap().iter().any(|row| row["queueId"] == id.as_str());
        assert!(listed, "{id}: {told}");
    }

    sandbox.signal("CONT");
    for id in &lost {
        let status = settled(&server, &one, id);
        assert_eq!(status["applicationStatus"], "applied", "{status}");
    }
    assert!(has_failed_with(&settled(&server, &one, &refused), "not_submitted"));
    assert_eq!(server.status(&one, &kept)["applicationStatus"], "applied");
    until(&server, &two, &waiting, |_| has_stayed(&place, &waiting));
    assert_eq!(server.status(&two, &waiting)["applicationStatus"], "processing");
    let reply = server.apply(&one, &job(1004));
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert_eq!(place.submissions(), before, "something was sent");
    place.assert_clean_ledger();
    // Granted 20, one application before the copy and four since.
    assert_eq!(place.balance(&one), (15, 0, 5));

    // What nobody could read is not verified.
    let (code, told) = end(&place, &[]);
    let left: Vec<_> = told["unverified"].as_array().unwrap().iter().map(|row| &row["queueId"]).collect();
    assert_eq!((code, left), (Some(1), vec![&Value::from(hanging)]), "{told}");
    let (code, told) = end(&place, &["--force"]);
    assert_eq!((code, &told["ended"]), (Some(0), &Value::Bool(true)), "{told}");
    applied(&server, &one, 1004);
    assert_eq!(settled(&server, &two, &waiting)["applicationStatus"], "applied");
    assert_eq!(server.stop(), Some(0));
    let server = place.serve();
    applied(&server, &one, 1005);
    assert!(place.submissions().iter().all(|row| row["accepted"].as_i64() <= Some(1)));
    place.assert_clean_ledger();
}

#[test]
fn the_operator_can_end_it_by_force() {
    let mut place = patient();
    let sandbox = place.sandbox();
    let one = place.account("one", 20);
    let server = place.serve();
    applied(&server, &one, 1);
    assert_eq!(server.stop(), Some(0));
    place.save();
    let server = place.serve();
    let lost = applied(&server, &one, 1000);
    assert_eq!(server.stop(), Some(0));
    place.set_back();
    sandbox.signal("STOP");
    let server = place.serve();
    assert_eq!(server.apply(&one, &job(1001)).status, 503);
    assert_eq!(end(&place, &[]).0, Some(1));
    assert_eq!(end(&place, &["--force"]).0, Some(0));
    let next = accepted(&server, &one, 1001);
    sandbox.signal("CONT");
    assert_eq!(settled(&server, &one, &next)["applicationStatus"], "applied");
    assert_eq!(settled(&server, &one, &lost)["applicationStatus"], "applied");
    assert_eq!((place.counted(&job(1000)), place.counted(&job(1001))), ((1, 1), (1, 1)));
}

#[test]
fn without_a_witness_the_site_is_read_before_anything_is_sent() {
    let mut place = patient();
    let _sandbox = place.sandbox();
    let one = place.account("one", 20);
    let mut queued = String::new();
    without_workers(&mut place, |server| queued = accepted(server, &one, 1000));
    place.save();
    let server = place.serve();
    assert_eq!(settled(&server, &one, &queued)["applicationStatus"], "applied");
    assert_eq!(server.stop(), Some(0));
    place.set_back();
    fs::remove_file(place.witness()).unwrap();
    let server = place.serve();
    let status = settled(&server, &one, &queued);
    assert!(has_failed_with(&status, "already_applied"), "{status}");
    assert_eq!(place.counted(&job(1000)), (1, 1));
    place.assert_clean_ledger();
}

#[test]
fn what_the_site_has_is_found_though_its_line_is_damaged() {
    let mut place = patient();
    let _sandbox = place.sandbox();
    let one = place.account("one", 20);
    let mut queued = String::new();
    without_workers(&mut place, |server| queued = accepted(server, &one, 1000));
    place.save();
    let server = place.serve();
    assert_eq!(settled(&server, &one, &queued)["applicationStatus"], "applied");
    assert_eq!(server.stop(), Some(0));
    place.set_back();
    let damaged = witness(&place).replace(&queued, "queue_?");
    fs::write(place.witness(), damaged).unwrap();
    let server = place.serve();
    assert_eq!(server.apply(&one, &job(1001)).status, 503);
    assert_eq!(settled(&server, &one, &queued)["applicationStatus"], "applied");
    assert_eq!((place.counted(&job(1000)), place.balance(&one)), ((1, 1), (19, 0, 1)));
    place.assert_clean_ledger();
}

/// Waiting in the store that is set back, with its outcomes at the site and a witness that knows nothing of it.
fn forgotten<const N: usize>(place: &mut Place, account: &Account, numbers: [u16; N]) -> [String; N] {
    let mut ids = numbers.map(|_| String::new());
    without_workers(place, |server| ids = numbers.map(|number| accepted(server, account, number)));
    place.save();
    let server = place.serve();
    for id in &ids {
        settled(&server, account, id);
    }
    assert_eq!(server.stop(), Some(0));
    place.set_back();
    let stranger = format!("{{\"store\":\"store-{}\"}}\n", "0".repeat(32));
    fs::write(place.witness(), stranger).unwrap();
    ids
}

#[test]
fn what_may_have_been_sent_cannot_be_cancelled() {
    let mut place = patient();
    let sandbox = place.sandbox();
    let one = place.account("one", 20);
    let [queued] = forgotten(&mut place, &one, [1000]);
    sandbox.signal("STOP");
    let server = place.serve();
    until(&server, &one, &queued, |status| !status["processedAt"].is_null());
    let reply = server.call("DELETE", &format!("/api/auto-apply-v2/applications/{queued}"), &one.key, None);
    sandbox.signal("CONT");
    let status = settled(&server, &one, &queued);
    assert_eq!(status["applicationStatus"], "applied", "{status}, cancelled: {reply:?}");
    assert_eq!((place.counted(&job(1000)), place.balance(&one)), ((1, 1), (19, 0, 1)));
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert_eq!(end(&place, &[]).0, Some(0));
    place.assert_clean_ledger();
}

#[test]
fn what_may_have_been_sent_is_unknown_at_its_deadline() {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "15s");
    place.set("APPLYD_TIMING__DEADLINE", "20s");
    let sandbox = place.sandbox();
    let one = place.account("one", 20);
    // The last one is not at the site.
    let ids = forgotten(&mut place, &one, [1000, 1001, 10]);
    let before = place.submissions();
    // The first is being read all the time, the others wait for it.
    sandbox.signal("STOP");
    let server = place.serve();
    for id in &ids {
        let status = until(&server, &one, id, |status| status["applicationStatus"] != "processing");
        assert!(has_failed_with(&status, "outcome_unknown"), "{status}");
    }
    assert_eq!(place.balance(&one), (17, 3, 0));
    assert_eq!(server.apply(&one, &job(1000)).status, 409);
    let (code, told) = end(&place, &[]);
    assert_eq!((code, told["unverified"].as_array().map(Vec::len)), (Some(1), Some(3)), "{told}");

    sandbox.signal("CONT");
    for id in &ids[..2] {
        assert_eq!(settled(&server, &one, id)["applicationStatus"], "applied");
    }
    assert!(has_failed_with(&settled(&server, &one, &ids[2]), "not_submitted"));
    assert_eq!(place.balance(&one), (18, 0, 2));
    assert_eq!(place.submissions(), before, "something was sent");
    assert_eq!([1000, 1001, 10].map(|number| place.counted(&job(number))), [(1, 1), (1, 1), (1, 0)]);
    assert_eq!(end(&place, &[]).0, Some(0));
    place.assert_clean_ledger();
}

#[test]
fn an_empty_store_puts_the_old_witness_aside() {
    let mut place = patient();
    let _sandbox = place.sandbox();
    let one = place.account("one", 20);
    let server = place.serve();
    let old = applied(&server, &one, 1);
    assert_eq!(server.stop(), Some(0));
    place.empty();
    let two = place.account("two", 20);
    let server = serve_with_log(&place, "log");
    assert!(read(&place, "log").contains("kept aside"), "{}", read(&place, "log"));
    let new = applied(&server, &two, 1);
    let aside: Vec<_> = fs::read_dir(place.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "old"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(fs::read_to_string(&aside[0]).unwrap().contains(&old));
    assert!(witness(&place).contains(&new) && !witness(&place).contains(&old));
}

#[test]
fn two_databases_in_one_folder_keep_their_own_witness() {
    if is_postgres() {
        // There the witness is a node's, and has a folder of its own.
        return;
    }
    let mut place = patient();
    let _sandbox = place.sandbox();
    let one = place.account("one", 20);
    let first = place.serve();
    let before = applied(&first, &one, 1);
    place.set("APPLYD_DATABASE", "sqlite:other.db");
    let two = place.account("two", 20);
    let second = place.serve();
    let other = applied(&second, &two, 1);
    let after = applied(&first, &one, 1000);
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    let (ours, theirs) = (witness(&place), read(&place, "other.db.witness"));
    assert!(ours.contains(&before) && ours.contains(&after) && !ours.contains(&other), "{ours}");
    assert!(theirs.contains(&other) && !theirs.contains(&before), "{theirs}");
}

#[test]
fn a_torn_last_line_of_the_witness_is_none() {
    let mut place = patient();
    let _sandbox = place.sandbox();
    let one = place.account("one", 20);
    let server = place.serve();
    applied(&server, &one, 1);
    assert_eq!(server.stop(), Some(0));
    append(&place, r#"{"application":"queue_01M87QYZKN"#);
    // Nor is it one for later starts, when whole lines stand behind it.
    for number in [1000, 1001] {
        let server = place.serve();
        applied(&server, &one, number);
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn a_damaged_witness_is_a_reason_once() {
    let mut place = patient();
    let _sandbox = place.sandbox();
    let one = place.account("one", 20);
    let server = place.serve();
    let first = applied(&server, &one, 1);
    assert_eq!(server.stop(), Some(0));
    append(&place, "{\"application\":\"queue_01M8\u{0}\n");
    let server = place.serve();
    assert_eq!(server.apply(&one, &job(1000)).status, 503);
    assert_eq!(server.stop(), Some(0));
    let server = place.serve();
    assert_eq!(server.apply(&one, &job(1000)).status, 503, "the operator has not looked");
    assert_eq!(end(&place, &[]).0, Some(0));
    applied(&server, &one, 1000);
    assert_eq!(server.stop(), Some(0));
    let server = place.serve();
    applied(&server, &one, 1001);
    assert!(witness(&place).contains(&first));
}

fn append(place: &Place, text: &str) {
    let mut witness = OpenOptions::new().append(true).open(place.witness()).unwrap();
    witness.write_all(text.as_bytes()).unwrap();
}
