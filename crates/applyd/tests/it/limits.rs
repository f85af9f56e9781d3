//! The limits of each key, as a caller meets them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::harness::{Account, Place, Process, Reply, job};

const STATUS: &str = "/api/auto-apply-v2/status?queueId=queue_x";

/// Limits on; nothing is worked on.
fn stage() -> (Place, Process, Account) {
    let mut place = Place::fast();
    place.set("APPLYD_RATE_LIMITS", "on");
    place.set("APPLYD_WORKERS", "0");
    let account = place.account("agency", 10_000);
    let server = place.serve();
    (place, server, account)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A window must not end in the middle of what is counted.
pub(crate) fn early_in_a_minute() {
    while now_s() % 60 > 50 {
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn number(reply: &Reply, header: &str) -> u64 {
    reply.header(header).unwrap_or_else(|| panic!("no {header}: {reply:?}")).parse().unwrap()
}

#[test]
fn a_minute_is_used_up_told_and_begins_anew() {
    let (place, server, account) = stage();
    place.json(&["limits", "set", &account.name, "status", "--per-minute", "3"]);
    early_in_a_minute();
    for remaining in [2, 1, 0] {
        let reply = server.call("GET", STATUS, &account.key, None);
        assert_eq!((reply.status, number(&reply, "x-ratelimit-remaining")), (404, remaining));
        assert_eq!(number(&reply, "x-ratelimit-limit"), 3);
        assert_eq!(number(&reply, "x-ratelimit-reset"), (now_s() / 60 + 1) * 60);
    }
    let refused = server.call("GET", STATUS, &account.key, None);
    assert_eq!(refused.status, 429);
    let (body, wait) = (refused.json(), number(&refused, "retry-after"));
    assert_eq!((&body["error"], &body["limit"]), (&"Rate limit exceeded".into(), &3.into()));
    assert!(body["resetsAt"].as_str().unwrap().ends_with(":00.000Z"), "{body}");
    assert!((1..=60).contains(&wait), "{refused:?}");
    assert_eq!(server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some("{}")).status, 400);
    place.json(&["limits", "reset", &account.name, "status"]);
    let begun = std::time::Instant::now();
    while server.call("GET", STATUS, &account.key, None).status == 429 {
        assert!(begun.elapsed() < Duration::from_secs(3), "a running server follows a change");
    }
}

#[test]
fn every_authenticated_answer_tells_its_standing_and_no_other() {
    let (_place, server, account) = stage();
    let bad = server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some("no json"));
    assert_eq!((bad.status, number(&bad, "x-ratelimit-limit")), (400, 60));
    let unknown = server.call("GET", STATUS, "sk_uphunt_x", None);
    assert_eq!((unknown.status, unknown.header("x-ratelimit-limit")), (401, None));
    let open = server.call("GET", "/healthz", &account.key, None);
    assert_eq!((open.status, open.header("x-ratelimit-limit")), (200, None));
}

#[test]
fn aliases_and_keys_share_what_the_contract_says() {
    let (place, server, account) = stage();
    place.json(&["limits", "set", &account.name, "apply", "--per-minute", "2"]);
    let other = place.json(&["key", "create", &account.name, "--name", "other"]);
    let other = other["apiKey"].as_str().unwrap();
    early_in_a_minute();
    let legacy = |key: &str| server.call("POST", "/api/auto-apply/external", key, Some("{}")).status;
    assert_eq!(server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some("{}")).status, 400);
    assert_eq!((legacy(&account.key), legacy(&account.key)), (400, 429), "aliases share a window");
    assert_eq!(legacy(other), 400, "each key has windows of its own");
}

#[test]
fn a_days_limit_outlives_the_process() {
    let (place, server, account) = stage();
    place.json(&["limits", "set", &account.name, "apply", "--per-minute", "50", "--per-day", "2"]);
    let first = server.apply(&account, &job(1000));
    assert_eq!((first.status, number(&first, "x-ratelimit-remaining")), (200, 1));
    assert_eq!(number(&first, "x-ratelimit-reset") % 86_400, 0, "the day is the tighter window");
    assert_eq!(server.stop(), Some(0));
    let server = place.serve();
    assert_eq!(server.apply(&account, &job(1001)).status, 200);
    let refused = server.apply(&account, &job(1002));
    assert_eq!((refused.status, number(&refused, "x-ratelimit-limit")), (429, 2));
    assert_eq!(place.balance(&account).1, 2, "a refused request holds no credit");
}

#[test]
fn data_reads_refuse_by_codes() {
    let (place, server, account) = stage();
    place.json(&["limits", "set", &account.name, "job", "--per-minute", "1"]);
    early_in_a_minute();
    let read = || server.call("GET", "/api/jobs/by-ciphertext", &account.key, None);
    let told = |reply: &Reply| (reply.status, reply.json()["error"].clone(), reply.json()["message"].clone());
    assert_eq!(told(&read()), (400, "invalid_request".into(), "`cipher` is required".into()));
    let refused = read();
    assert_eq!(told(&refused), (429, "rate_limit_exceeded".into(), "Rate limit exceeded".into()));
    assert_eq!(refused.json()["limit"], 1);
}

#[test]
fn the_table_can_be_listed_and_a_wrong_name_is_told() {
    let (place, _server, account) = stage();
    let listed = place.json(&["limits", "list", &account.name]);
    let apply = listed["limits"].as_array().unwrap().iter().find(|row| row["endpoint"] == "apply").unwrap();
    assert_eq!(
        apply,
        &serde_json::json!({"endpoint": "apply", "perMinute": 60, "perDay": 1000, "set": false})
    );
    let set = |more: &[&str]| {
        place.json(&[&["limits", "set", &account.name, "apply", "--per-minute", "100"], more].concat())["perDay"].clone()
    };
    assert_eq!(set(&[]), 1000, "who raises the minute does not lift the day");
    assert_eq!((set(&["--per-day", "none"]), set(&[])), (serde_json::Value::Null, serde_json::Value::Null));
    let wrong = place.run(&["limits", "set", &account.name, "aply", "--per-minute", "1"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("must be one of apply, status"));
}
