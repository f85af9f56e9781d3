//! The site's rate as callers see it: what cannot be answered in time is a 503 that says when to come again.

use std::time::{Duration, Instant};

use applyd_core::pace::Kind;
use applyd_store::Error;
use applyd_store::pace::{self, Bucket};
use serde_json::json;

use crate::channels::account_on;
use crate::link::{OPEN, apply, link, live};

#[test]
fn a_caller_whom_the_rate_leaves_no_turn_is_told_at_once_when_to_come_again() {
    let (place, _upwork) = live(&[("APPLYD_UPWORK__PACE", "on"), ("APPLYD_UPWORK__EGRESS", "office")]);
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "Ada");
    let server = place.serve();
    let store = place.store();
    let bucket = [Bucket { of: "egress:office".into(), kind: Kind::Plain }];
    let held: Result<(), Error> = store.write_blocking(move |tx| pace::hold(tx, &bucket, 90_000));
    held.unwrap();

    let body = |job: &str| json!({"jobId": job, "coverLetter": "Hello"}).to_string();
    let read = format!("/api/jobs/by-ciphertext?cipher={OPEN}");
    let old = "~01a1b2c3d4e5f60718";
    for (method, path, body) in [
        ("GET", read.as_str(), None),
        ("POST", "/api/auto-apply-v2/preflight", Some(body(OPEN))),
        ("POST", "/api/auto-apply-v2/apply", Some(body(old))),
    ] {
        let begun = Instant::now();
        let told = server.call(method, path, &account.key, body.as_deref());
        let after_s: Option<u64> = told.header("retry-after").and_then(|seconds| seconds.parse().ok());
        assert_eq!(told.status, 503, "{path}: {told:?}");
        // Of the 90 s a caller could have waited 25.
        assert!(after_s.is_some_and(|seconds| (50..=90).contains(&seconds)), "{path}: {told:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}: at once");
    }
    assert_eq!(place.balance(&account), (5, 0, 0), "nothing is held for what was not accepted");
    assert_eq!(apply(&server, &account, OPEN, &json!({})).status, 200, "what needs no read is accepted");
}
