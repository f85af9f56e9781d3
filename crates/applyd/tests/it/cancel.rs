//! Cancel and timeline: taken back while nothing was sent, told from the beginning.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Account, POLL, Place, Process, Reply, job};

const LETTER: &str = "Hello from a test.";

fn cancel(server: &Process, account: &Account, id: &str) -> Reply {
    server.call("DELETE", &format!("/api/auto-apply-v2/applications/{id}"), &account.key, None)
}

fn timeline(server: &Process, account: &Account, id: &str) -> Reply {
    server.call("GET", &format!("/api/auto-apply-v2/applications/{id}/timeline"), &account.key, None)
}

/// What happened and by whom.
fn steps(told: &Value) -> Vec<(String, String)> {
    let entries = told["entries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries.iter().map(|entry| (text(&entry["event"]), text(&entry["by"]))).collect()
}

#[test]
fn what_waits_is_cancelled_once_and_told_so_again() {
    let mut place = Place::fast();
    place.set("APPLYD_WORKERS", "0");
    let (account, other) = (place.account("agency", 1), place.account("other", 1));
    let server = place.serve();
    let id = server.apply(&account, &job(1)).queue_id();

    for nobodys in
        [id.to_lowercase(), "queue_1".into(), "queue_00000000000000000000000000".into(), "%FF".into()]
    {
        assert_eq!(cancel(&server, &account, &nobodys).status, 404, "{nobodys}");
        assert_eq!(timeline(&server, &account, &nobodys).status, 404, "{nobodys}");
    }
    assert_eq!(cancel(&server, &other, &id).json(), json!({"error": "Application not found"}));
    assert_eq!(timeline(&server, &other, &id).status, 404);
    assert_eq!(server.status(&account, &id)["applicationStatus"], "processing");

    let first = cancel(&server, &account, &id);
    assert_eq!(first.status, 200);
    let told = first.json();
    assert_eq!(told["applicationStatus"], "failed");
    assert!(told["errorMessage"].as_str().is_some_and(|why| why.starts_with("cancelled: ")), "{told}");
    assert_eq!(told.as_object().unwrap().len(), 8);
    assert_eq!(told, server.status(&account, &id));
    assert_eq!(cancel(&server, &account, &id).body, first.body);
    assert_eq!(place.balance(&account), (1, 0, 0));

    let told = timeline(&server, &account, &id).json();
    assert_eq!(told["queueId"], id.as_str());
    let by_caller = |word: &str| (word.to_owned(), "caller".to_owned());
    assert_eq!(steps(&told), [by_caller("accepted"), by_caller("cancelled")]);
    assert!(told["entries"][0]["at"].as_i64() <= told["entries"][1]["at"].as_i64());

    // The job is free again, and the credit as well.
    assert_eq!(server.apply(&account, &job(1)).status, 200);
    place.assert_clean_ledger();
}

#[test]
fn what_was_sent_or_has_ended_is_refused() {
    let place = Place::fast();
    let account = place.account("agency", 9);
    let server = place.serve();
    let ended = server.apply(&account, &job(1)).queue_id();
    server.ended(&account, &ended, Duration::from_secs(8));
    let refused = cancel(&server, &account, &ended);
    let why = |error: &str, status: &str| json!({"error": error, "applicationStatus": status});
    assert_eq!((refused.status, refused.json()), (409, why("Application has ended", "applied")));

    // Job 0011 is answered a second after it arrived.
    let sent = server.apply(&account, &job(11)).queue_id();
    let begun = Instant::now();
    while !steps(&timeline(&server, &account, &sent).json()).iter().any(|(event, _)| event == "intent") {
        assert!(begun.elapsed() < Duration::from_secs(8), "it was never sent");
        std::thread::sleep(POLL);
    }
    let refused = cancel(&server, &account, &sent);
    assert_eq!((refused.status, refused.json()), (409, why("Submission has started", "processing")));
    assert_eq!(server.ended(&account, &sent, Duration::from_secs(8))["applicationStatus"], "applied");
}

#[test]
fn a_timeline_tells_each_step_and_no_letter() {
    let place = Place::fast();
    let account = place.account("agency", 9);
    let server = place.serve();
    let id = server.apply(&account, &job(1)).queue_id();
    server.ended(&account, &id, Duration::from_secs(8));
    let reply = timeline(&server, &account, &id);
    let words: Vec<String> = steps(&reply.json()).into_iter().map(|(event, _)| event).collect();
    assert_eq!(words, ["accepted", "claimed", "armed", "intent", "answer", "applied"]);
    assert!(!reply.body.contains(LETTER), "{}", reply.body);
}

/// At whatever moment it comes: what was answered as cancelled never reached the site.
#[test]
fn a_cancel_beside_a_worker_is_won_by_one_of_them() {
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__READ_LATENCY", "0ms..8ms");
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "0ms..8ms");
    let _sandbox = place.sandbox();
    let accounts: Vec<Account> = (0..6).map(|n| place.account(&format!("agency {n}"), 100)).collect();
    let server = place.serve();
    let outcomes: Vec<(String, bool, bool)> = std::thread::scope(|scope| {
        let racers: Vec<_> = accounts
            .iter()
            .enumerate()
            .map(|(seed, account)| {
                scope.spawn({
                    let server = &server;
                    move || race(server, account, seed as u64)
                })
            })
            .collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect()
    });
    let (mut cancelled, mut under_way, mut applied) = (0, 0, 0);
    for (job, was_cancelled, was_claimed) in &outcomes {
        let counted = place.counted(job);
        if *was_cancelled {
            assert_eq!(counted, (0, 0), "{job} was cancelled");
            cancelled += 1;
            under_way += i32::from(*was_claimed);
        } else {
            assert_eq!(counted, (1, 1), "{job} was not");
            applied += 1;
        }
    }
    for account in &accounts {
        let (available, held, spent) = place.balance(account);
        assert_eq!((available + spent, held), (100, 0));
    }
    place.assert_clean_ledger();
    // Else nothing was put to the test.
    assert!(
        under_way >= 5 && applied >= 5,
        "{cancelled} cancelled, {under_way} of them under way, {applied} applied"
    );
}

/// Applies and cancels after a moment; answers job, whether the cancel won, and whether a worker had it then.
fn race(server: &Process, account: &Account, seed: u64) -> Vec<(String, bool, bool)> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..20)
        .map(|n| {
            let job = format!("~02{}", 3_000_000_000_000_000_000 + seed * 1000 + n);
            let id = server.apply(account, &job).queue_id();
            // Of each order of magnitude some: what is at once and what is late depends on the machine.
            std::thread::sleep(Duration::from_micros(rng.u64(0..1000 << (n % 11))));
            let reply = cancel(server, account, &id);
            assert!(matches!(reply.status, 200 | 409), "{reply:?}");
            let ended = server.ended(account, &id, Duration::from_secs(10));
            assert_eq!(
                ended["applicationStatus"],
                if reply.status == 200 { "failed" } else { "applied" },
                "{ended}"
            );
            (job, reply.status == 200, ended["processedAt"].is_i64())
        })
        .collect()
}
