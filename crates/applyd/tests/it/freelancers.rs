//! Freelancers that the operator enters, where no login tells them.

use serde_json::{Value, json};

use crate::channels::account_on;
use crate::harness::Place;
use crate::link::apply;

#[test]
fn the_operator_enters_who_applies_at_the_desk() {
    let place = Place::fast();
    let account = account_on(&place, "desk", "desk");
    let add = |title: &str, rate: &str| {
        place.run(&["freelancer", "add", "desk", "Ada", "--title", title, "--hourly-rate", rate, "--json"])
    };
    let made: Value = serde_json::from_slice(&add("Rust", "65").stdout).unwrap();
    assert!(add("Data", "70.25").status.success());
    for (title, rate) in [("Rust", "1"), ("", "1"), ("New", "0"), ("New", "1.005"), ("New", "10000")] {
        assert_eq!(add(title, rate).status.code(), Some(1), "{title} {rate}");
    }
    let server = place.serve();
    let shown = server.call("GET", "/api/auto-apply-v2/freelancers", &account.key, None).json();
    assert_eq!(shown, place.json(&["freelancer", "list", "desk"]));
    let profiles = &shown["freelancers"][0]["profiles"];
    assert_eq!((&profiles[0]["isDefault"], &profiles[1]["hourlyRate"]), (&json!(true), &json!(70.25)));
    let accepted =
        apply(&server, &account, "~022052895097657407455", &json!({"profileId": profiles[1]["profileId"]}));
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let body = json!({"jobId": "~022052895097657407456"}).to_string();
    let told = server.call("POST", "/api/auto-apply-v2/preflight", &account.key, Some(&body)).json();
    assert_eq!(
        (&told["verdict"], &told["connects"], &told["questions"]),
        (&json!("ok"), &Value::Null, &Value::Null)
    );

    let first = made["profileId"].as_str().unwrap();
    place.json(&["freelancer", "remove", "desk", first]);
    assert_eq!(place.run(&["freelancer", "remove", "desk", first]).status.code(), Some(1));
    let left = place.json(&["freelancer", "list", "desk"]);
    assert_eq!(left["freelancers"][0]["profiles"][0]["isDefault"], true, "{left}");
}
