//! The pause switch, as an operator uses it beside a running server; what was submitted is counted at the stand-in.

use std::time::Duration;

use crate::harness::{Place, job};

const SOON: Duration = Duration::from_secs(20);

/// With a cutoff that the operator's commands do not reach.
fn patient() -> Place {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "60s");
    place.set("APPLYD_TIMING__DEADLINE", "90s");
    place
}

#[test]
fn what_is_paused_ends_at_its_deadline_and_its_credit_comes_back() {
    let place = Place::fast();
    let account = place.account("agency", 1);
    let server = place.serve();
    let paused = place.json(&["pause", "agency", "--reason", "the client called"]);
    assert_eq!(paused["scope"], format!("account:{}", account.id));
    let queue_id = server.apply(&account, &job(1)).queue_id();
    let ended = server.ended(&account, &queue_id, SOON);
    assert_eq!(ended["applicationStatus"], "failed");
    assert!(ended["errorMessage"].as_str().unwrap().starts_with("deadline: "), "{ended}");
    assert_eq!(place.counted(&job(1)), (0, 0));
    assert_eq!(place.balance(&account), (1, 0, 0));
    let timeline = format!("/api/auto-apply-v2/applications/{queue_id}/timeline");
    let told = server.call("GET", &timeline, &account.key, None).body;
    assert_eq!(told.matches("by operator: the client called").count(), 1, "{told}");
    place.assert_clean_ledger();
}

#[test]
fn a_running_server_resumes_what_waits() {
    let place = patient();
    let account = place.account("agency", 2);
    let server = place.serve();
    place.json(&["pause", "--reason", "all hands"]);
    place.json(&["pause", "--channel", "sandbox", "--reason", "the site is odd"]);
    let queue_id = server.apply(&account, &job(1)).queue_id();
    assert_eq!(place.json(&["pause"])["pauses"].as_array().unwrap().len(), 2);
    let resumed = place.json(&["resume"]);
    assert_eq!((&resumed["wasPaused"], &resumed["stillPaused"]), (&true.into(), &serde_json::Value::Null));
    let resumed = place.json(&["resume", "agency"]);
    assert!(resumed["stillPaused"].as_str().unwrap().contains("the site is odd"), "{resumed}");
    assert_eq!(server.status(&account, &queue_id)["processedAt"], serde_json::Value::Null);
    place.json(&["resume", "--channel", "sandbox"]);
    assert_eq!(server.ended(&account, &queue_id, SOON)["applicationStatus"], "applied");
    assert_eq!(place.counted(&job(1)), (1, 1));
}

#[test]
fn a_pause_says_why_and_whom() {
    let place = Place::fast();
    place.account("agency", 1);
    for arguments in
        [&["pause", "agency"][..], &["pause", "nobody", "--reason", "x"], &["pause", "--reason", " \n "]]
    {
        let output = place.run(arguments);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {output:?}");
    }
    assert_eq!(place.json(&["pause"])["pauses"], serde_json::json!([]));
}

/// Armed, with the confirm's connection open, is as late as a pause can come.
#[cfg(feature = "failpoints")]
#[test]
fn a_pause_between_armed_and_intent_lets_nothing_out() {
    let mut place = patient();
    let hold = place.path("hold");
    std::fs::write(&hold, "").unwrap();
    place.set("APPLYD_HOLD_AT", "armed");
    place.set("APPLYD_HOLD", hold.to_str().unwrap());
    let account = place.account("agency", 1);
    let server = place.serve();
    let queue_id = server.apply(&account, &job(1)).queue_id();
    let begun = std::time::Instant::now();
    while std::fs::read_to_string(&hold).unwrap() != "armed" {
        assert!(begun.elapsed() < SOON, "never armed");
        std::thread::sleep(crate::harness::POLL);
    }
    place.json(&["pause", "--reason", "stop the press"]);
    std::fs::remove_file(&hold).unwrap();
    let timeline = format!("/api/auto-apply-v2/applications/{queue_id}/timeline");
    while !server.call("GET", &timeline, &account.key, None).body.contains("handed_back") {
        assert!(begun.elapsed() < SOON, "neither handed back nor ended");
        std::thread::sleep(crate::harness::POLL);
    }
    assert_eq!(place.counted(&job(1)), (0, 0), "nothing was received");
    place.json(&["resume"]);
    assert_eq!(server.ended(&account, &queue_id, SOON)["applicationStatus"], "applied");
    assert_eq!(place.counted(&job(1)), (1, 1));
    assert_eq!(place.balance(&account), (0, 0, 1));
}
