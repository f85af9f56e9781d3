//! What the operator sees: numbers, readiness, log lines.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Place, Process, is_postgres, job, try_call};

const LOG_WAIT: Duration = Duration::from_secs(10);

/// A server whose log lines come through a channel.
pub(crate) fn serve_with_log(place: &Place) -> (Process, Receiver<Value>) {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Process::spawn_with(command.stderr(Stdio::piped()));
    let stderr = BufReader::new(server.child.stderr.take().unwrap());
    let (lines, log) = channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            // The test may have seen enough.
            let _ = lines.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
        }
    });
    assert!(server.is_ready());
    (server, log)
}

pub(crate) fn line(log: &Receiver<Value>, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let line = log.recv_timeout(LOG_WAIT).expect("the line came in time");
        if is_it(&line) {
            return line;
        }
    }
}

#[test]
fn each_line_about_a_request_has_the_id_of_its_answer() {
    let mut place = Place::fast();
    place.set("RUST_LOG", "applyd_server=debug");
    let account = place.account("agency", 1);
    let (server, log) = serve_with_log(&place);
    for path in ["/healthz", "/api/auto-apply-v2/status?queueId=queue_x", "/nowhere"] {
        let reply = server.call("GET", path, &account.key, None);
        let id = reply.header("x-request-id").unwrap();
        let said = line(&log, |line| line["message"] == "answered");
        assert_eq!((&said["request_id"], &said["status"]), (&id.into(), &reply.status.into()), "{said}");
    }
}

#[test]
fn the_numbers_tell_what_happened() {
    let mut place = Place::fast();
    place.set("APPLYD_METRICS_LISTEN", "127.0.0.1:0");
    let account = place.account("agency", 5);
    let (server, log) = serve_with_log(&place);
    let address = line(&log, |line| line["message"] == "metrics are served")["address"].clone();
    let metrics = format!("http://{}", address.as_str().unwrap());
    let ended = ["applied", "failed"].map(|status| {
        let number = if status == "applied" { 1 } else { 2 };
        let accepted = server.apply(&account, &job(number));
        server.ended(&account, &accepted.queue_id(), Duration::from_secs(20))
    });
    assert_eq!(ended.map(|end| end["applicationStatus"].clone()), ["applied", "failed"]);
    for method in ["BREW", "M".repeat(20_000).as_str()] {
        assert_eq!(server.call_with(method, "/healthz", &[], None).status, 405);
    }
    let reply = try_call(&metrics, "GET", "/metrics", &[], None).unwrap();
    assert_eq!(reply.status, 200);
    for line in [
        r#"applyd_applications_ended_total{status="applied",code=""} 1"#,
        r#"applyd_applications_ended_total{status="failed",code="refused"} 1"#,
        r#"applyd_application_settle_seconds_count{status="applied"} 1"#,
        r#"applyd_http_requests_total{method="POST",endpoint="apply",status="200"} 2"#,
        r#"applyd_http_requests_total{method="other",endpoint="open",status="405"} 2"#,
        r#"applyd_applications_under_way{state="queued"} 0"#,
        r#"applyd_credits{kind="available"} 4"#,
        r#"applyd_credits{kind="spent"} 1"#,
    ] {
        assert!(reply.body.lines().any(|told| told == line), "no {line} in\n{}", reply.body);
    }
    assert_eq!(server.call_with("GET", "/metrics", &[], None).status, 404, "not on the API's own address");
    assert_eq!(try_call(&metrics, "GET", "/api/webhooks", &[], None).unwrap().status, 404);
}

#[test]
fn an_unknown_outcome_is_counted_once_however_often_it_is_looked_at() {
    let mut place = Place::fast();
    for (name, value) in [
        ("TIMING__INTENT_CUTOFF", "700ms"),
        ("TIMING__ANSWER_BY", "1200ms"),
        ("TIMING__DEADLINE", "2s"),
        ("SANDBOX__UNREADABLE_FOR", "60s"),
        ("METRICS_LISTEN", "127.0.0.1:0"),
    ] {
        place.set(&format!("APPLYD_{name}"), value);
    }
    let account = place.account("agency", 1);
    let (server, log) = serve_with_log(&place);
    let address = line(&log, |line| line["message"] == "metrics are served")["address"].clone();
    let accepted = server.apply(&account, &job(17));
    let ended = server.ended(&account, &accepted.queue_id(), LOG_WAIT);
    assert!(ended["errorMessage"].as_str().unwrap().starts_with("outcome_unknown: "), "{ended}");
    // What was logged before the end is no matter: so many looks do not fit into that time.
    for _ in 0..40 {
        line(&log, |line| line["message"] == "the site could not be read");
    }
    let metrics = format!("http://{}", address.as_str().unwrap());
    let told = try_call(&metrics, "GET", "/metrics", &[], None).unwrap().body;
    let one = r#"applyd_applications_ended_total{status="failed",code="outcome_unknown"} 1"#;
    assert!(told.lines().any(|line| line == one), "{told}");
}

#[test]
fn it_is_ready_while_it_can_write() {
    let place = Place::fast();
    let server = place.serve();
    let ready = server.call_with("GET", "/readyz", &[], None);
    assert_eq!((ready.status, ready.body.as_str()), (200, r#"{"status":"ok"}"#));
    // Whoever holds the write lock for longer than the store waits keeps every writer away.
    let other = place.raw();
    other.execute(if is_postgres() {
        "BEGIN; LOCK TABLE write_group IN EXCLUSIVE MODE"
    } else {
        "BEGIN IMMEDIATE"
    });
    let begun = std::time::Instant::now();
    let blocked = loop {
        let reply = server.call_with("GET", "/readyz", &[], None);
        if reply.status != 200 || begun.elapsed() > LOG_WAIT {
            break reply;
        }
    };
    assert_eq!((blocked.status, blocked.header("retry-after")), (503, Some("60")), "{blocked:?}");
    assert_eq!(server.call_with("GET", "/healthz", &[], None).status, 200);
    other.execute("ROLLBACK");
    let begun = std::time::Instant::now();
    while server.call_with("GET", "/readyz", &[], None).status != 200 {
        assert!(begun.elapsed() < LOG_WAIT);
    }
}

#[test]
fn strangers_who_ask_whether_it_is_ready_make_it_write_once_a_second_at_most() {
    const CALLERS: usize = 8;
    const CALLS: usize = 50;
    // There a look is the mark of its group, as any other write has one.
    if is_postgres() {
        return;
    }
    let place = Place::fast();
    let server = place.serve();
    let store = place.raw();
    let touched = || store.texts("SELECT value FROM meta WHERE name = 'touched'");
    let begun = std::time::Instant::now();
    let mut writes = std::collections::HashSet::new();
    for _ in 0..CALLS {
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| assert_eq!(server.call_with("GET", "/readyz", &[], None).status, 200));
            }
        });
        writes.insert(touched());
    }
    let seconds = begun.elapsed().as_secs() as usize + 1;
    assert!(writes.len() <= seconds, "{} writes within {seconds} s", writes.len());
}
