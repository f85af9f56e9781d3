//! A person links anew while the server is about to submit with the login that was there before.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::channels::account_on;
use crate::harness::POLL;
use crate::link::{OPEN, apply, let_key_decide, link, linked, live, until_key_decides};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_login_that_is_replaced_under_a_lease_sends_nothing_and_the_new_one_sends_once() {
    let (mut place, _upwork) =
        live(&[("APPLYD_TIMING__INTENT_CUTOFF", "60s"), ("APPLYD_TIMING__DEADLINE", "90s")]);
    let hold = place.path("hold");
    place.set("APPLYD_HOLD_AT", "armed");
    place.set("APPLYD_HOLD", hold.to_str().unwrap());
    let account = account_on(&place, "agency", "upwork");
    let first = link(&place, &account, "Ada");
    let_key_decide(&place, &account);
    let server = place.serve();
    until_key_decides(&server, &account);
    std::fs::write(&hold, "").unwrap();
    let id = apply(&server, &account, OPEN, &json!({})).queue_id();
    let begun = Instant::now();
    while std::fs::read_to_string(&hold).unwrap() != "armed" {
        assert!(begun.elapsed() < SOON, "never armed");
        std::thread::sleep(POLL);
    }
    let second = linked(&place, &account, "Ada", &[]);
    assert_eq!(second["orgUid"], first["orgUid"]);
    std::fs::remove_file(&hold).unwrap();
    let timeline = format!("/api/auto-apply-v2/applications/{id}/timeline");
    while !server.call("GET", &timeline, &account.key, None).body.contains("handed_back") {
        assert!(begun.elapsed() < SOON, "{}", server.call("GET", &timeline, &account.key, None).body);
        std::thread::sleep(POLL);
    }
    let ended = server.ended(&account, &id, SOON);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert_eq!(place.counted(OPEN), (1, 1), "by the new login alone");
    place.assert_clean_ledger();
}
