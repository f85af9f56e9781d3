//! The long poll and the ETag: an answer is held until there is news, and not sent twice.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::harness::{Account, Place, Process, Reply, job};

/// A hint's way to a caller; a look each second would take half a second on average.
const SOON_MS: i64 = 200;

pub(crate) fn status(server: &Process, account: &Account, query: &str, known: Option<&str>) -> Reply {
    let path = format!("/api/auto-apply-v2/status?{query}");
    let headers = [("x-api-key", account.key.as_str()), ("if-none-match", known.unwrap_or_default())];
    server.call_with("GET", &path, &headers[..1 + usize::from(known.is_some())], None)
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A server whose queue nobody works on, and one application in it.
fn waiting() -> (Place, Process, Account, String) {
    let mut place = Place::fast();
    place.set("APPLYD_WORKERS", "0");
    let account = place.account("agency", 9);
    let server = place.serve();
    let id = server.apply(&account, &job(1)).queue_id();
    (place, server, account, id)
}

#[test]
fn a_held_status_is_answered_by_the_commit_and_not_by_a_look() {
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "100ms..1100ms");
    let account = place.account("agency", 20);
    let server = place.serve();
    let mut late: Vec<i64> = (1..=9)
        .map(|n| {
            let id = server.apply(&account, &format!("~0220000000000000000{n:02}")).queue_id();
            let status = status(&server, &account, &format!("queueId={id}&wait=30"), None).json();
            assert_eq!(status["applicationStatus"], "applied", "{status}");
            now_ms() - status["appliedAt"].as_i64().unwrap()
        })
        .collect();
    late.sort_unstable();
    println!("milliseconds after the commit: {late:?}");
    assert!(late[4] < SOON_MS, "milliseconds after the commit: {late:?}");
}

#[test]
fn a_wait_is_up_to_a_minute_and_ends_with_the_current_state() {
    let (_place, server, account, id) = waiting();
    for wait in ["61", "-1", "1.5", "x", ""] {
        let refused = status(&server, &account, &format!("queueId={id}&wait={wait}"), None);
        assert_eq!((refused.status, &refused.json()["field"]), (422, &Value::from("wait")), "{wait}");
    }
    let begun = Instant::now();
    let held = status(&server, &account, &format!("queueId={id}&wait=1"), None);
    assert_eq!(held.json()["applicationStatus"], "processing");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(status(&server, &account, &format!("queueId={id}&wait=0"), None).status, 200);
    let unknown = status(&server, &account, "queueId=queue_00000000000000000000000000&wait=60", None);
    assert_eq!(unknown.status, 404);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_wait_across_the_deadline_reads_the_end() {
    let (_place, server, account, _) = waiting();
    // The job's newest application, by the job's name this time.
    let held = status(&server, &account, &format!("jobId={}&wait=30", job(1)), None).json();
    assert!(held["errorMessage"].as_str().is_some_and(|why| why.starts_with("deadline: ")), "{held}");
}

#[test]
fn an_etag_stands_for_all_eight_values() {
    let (place, server, account, id) = waiting();
    let query = format!("queueId={id}");
    let first = status(&server, &account, &query, None);
    let etag = first.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "strong: {etag}");
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let unchanged = status(&server, &account, &query, Some(&known));
        assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""), "{known}");
        assert_eq!(unchanged.header("etag"), Some(etag.as_str()));
    }
    assert_eq!(status(&server, &account, &query, Some("\"x\"")).status, 200);
    // Held for as long as nothing changes, and answered when a worker takes it up.
    let begun = Instant::now();
    assert_eq!(status(&server, &account, &format!("{query}&wait=1"), Some(&etag)).status, 304);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let held = std::thread::scope(|scope| {
        let held = scope.spawn(|| status(&server, &account, &format!("{query}&wait=60"), Some(&etag)));
        server.call("DELETE", &format!("/api/auto-apply-v2/applications/{id}"), &account.key, None);
        held.join().unwrap()
    });
    assert_eq!((held.status, &held.json()["applicationStatus"]), (200, &Value::from("failed")));
    assert_ne!(held.header("etag"), Some(etag.as_str()));
    let head = server.call("HEAD", &format!("/api/auto-apply-v2/status?{query}"), &account.key, None);
    assert_eq!((head.body.as_str(), head.header("etag")), ("", held.header("etag")));
    assert_eq!(server.stop(), Some(0));
    // The same state has the same tag after a restart.
    let again = status(&place.serve(), &account, &query, held.header("etag"));
    assert_eq!(again.status, 304);
}

#[test]
fn being_taken_up_is_news_to_who_has_the_first_answer() {
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "3s");
    let account = place.account("agency", 9);
    let server = place.serve();
    let id = server.apply(&account, &job(1)).queue_id();
    let mut tags = Vec::new();
    let ended = loop {
        let known = tags.last().cloned();
        let reply = status(
            &server,
            &account,
            &format!("queueId={id}&wait=20"),
            Some(known.as_deref().unwrap_or("\"none\"")),
        );
        assert_eq!(reply.status, 200, "each answer is news");
        tags.push(reply.header("etag").unwrap().to_owned());
        if reply.json()["applicationStatus"] != "processing" {
            break reply.json();
        }
        assert!(tags.len() < 4, "heartbeats and retries are none");
    };
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert!(tags.len() >= 2, "it was told as processing first");
}

#[test]
fn a_held_request_counts_once() {
    let mut place = Place::fast();
    place.set("APPLYD_RATE_LIMITS", "on");
    place.set("APPLYD_WORKERS", "0");
    let account = place.account("agency", 9);
    let server = place.serve();
    let id = server.apply(&account, &job(1)).queue_id();
    let left = |query: String| {
        let reply = status(&server, &account, &query, None);
        (
            reply.header("x-ratelimit-reset").unwrap().to_owned(),
            reply.header("x-ratelimit-remaining").unwrap().parse::<i64>().unwrap(),
        )
    };
    // Unless a new minute begins between the two.
    let counted = (0..3).any(|_| {
        let (minute, before) = left(format!("queueId={id}"));
        let (same, after) = left(format!("queueId={id}&wait=1"));
        let (end, last) = left(format!("queueId={id}"));
        minute == end && same == end && (before - after, after - last) == (1, 1)
    });
    assert!(counted);
}

#[test]
fn a_stop_answers_what_is_held() {
    let (_place, server, account, id) = waiting();
    let (url, key) = (server.url.clone(), account.key);
    let held = std::thread::spawn(move || {
        let path = format!("/api/auto-apply-v2/status?queueId={id}&wait=60");
        crate::harness::try_call(&url, "GET", &path, &[("x-api-key", &key)], None)
    });
    // Another request that was sent later has been answered: the first is held by now, or will be told at once.
    assert_eq!(server.call("GET", "/healthz", "", None).status, 200);
    let begun = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // Refused, if the stop came before the request.
    if let Ok(reply) = held.join().unwrap() {
        assert_eq!(reply.json()["applicationStatus"], "processing");
    }
}
