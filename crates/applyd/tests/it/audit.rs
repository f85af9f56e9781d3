//! What the operator can show of each application: who, which key, which hash, what was sent, what came back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, job};

const LONG: Duration = Duration::from_secs(20);
const LETTER: &str = "Dear client, hello.";

fn apply(server: &Process, account: &Account, job: &str) -> String {
    let body = json!({"jobId": job, "coverLetter": LETTER}).to_string();
    server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body)).queue_id()
}

/// Shown and approved; answers its hash and preview.
fn approve(place: &Place, id: &str) -> (Value, Value) {
    let shown = place.json(&["approve", id, "--show"]);
    place.json(&["approve", id, "--showing", shown["showingId"].as_str().unwrap(), "--by", "Ada"]);
    (shown["sha256"].clone(), shown["previewId"].clone())
}

fn export(place: &Place, more: &[&str]) -> (Vec<Value>, String) {
    let output = place.run(&[&["audit", "export"], more].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), text)
}

/// Act, who, and the members that are asked for.
fn told(lines: &[Value], id: &str, members: &[&str]) -> Value {
    let of = lines.iter().filter(|line| line["queueId"] == id);
    of.map(|line| {
        let members = members.iter().filter_map(|name| line.get(*name)).cloned();
        [line["act"].clone(), line["by"].clone()].into_iter().chain(members).collect::<Value>()
    })
    .collect()
}

#[test]
fn one_application_of_each_kind_is_told_line_by_line() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    place.set("USER", "olga");
    let (a, b) = (place.account("a", 50), place.account("b", 50));
    place.json(&["account", "approval", "a", "--policy", "required"]);
    let keys = [&a, &b].map(|of| place.json(&["key", "list", &of.id])["keys"][0]["keyId"].clone());
    let [key_a, key_b] = &keys;
    let of_b = key_b.as_str().unwrap();
    place.json(&["key", "by-request", of_b, "--connects", "14", "--acknowledge", "--by", "Ben"]);
    let server = place.serve();

    let approved = apply(&server, &a, &job(1000));
    let (hash, preview) = approve(&place, &approved);
    assert_eq!(server.ended(&a, &approved, LONG)["applicationStatus"], "applied");
    let declined = apply(&server, &a, &job(1001));
    place.json(&["decline", &declined, "--by", "Ada", "--reason", "not our kind of work"]);
    let by_request = apply(&server, &b, &job(1002));
    assert_eq!(server.ended(&b, &by_request, LONG)["applicationStatus"], "applied");
    let refused = apply(&server, &a, &job(2));
    let (refused_hash, refused_preview) = approve(&place, &refused);
    assert_eq!(server.ended(&a, &refused, LONG)["applicationStatus"], "failed");
    let lost = apply(&server, &a, &job(9));
    let shown = place.json(&["approve", &lost, "--show"]);
    assert_eq!(shown["letterSentWith"], approved.as_str(), "the same letter went to another job");
    assert!(shown["remarks"].to_string().contains("same cover letter"), "{shown}");
    assert_eq!(shown["letterGenerated"], false);
    let (lost_hash, lost_preview) = approve(&place, &lost);
    assert_eq!(server.ended(&a, &lost, LONG)["applicationStatus"], "applied");

    let (lines, text) = export(&place, &[]);
    let members =
        ["sha256", "previewId", "connects", "address", "reason", "answer", "found", "status", "code"];
    let shown = |hash: &Value, preview: &Value| json!(["shown", "worker", hash, preview]);
    let yes =
        |hash: &Value, preview: &Value| json!(["approved", "Ada", hash, preview, 10, "command line", null]);
    let ready = |preview: &Value| json!(["preview", "worker", preview, 10]);
    let intent = |hash: &Value, preview: &Value| json!(["intent", "worker", hash, preview, 10]);
    let accepted = |key: &Value| json!(["accepted", key]);
    let applied = |by: &str| json!(["end", by, "applied", null]);
    let read = json!(["read", "reconciler", true]);
    assert_eq!(
        told(&lines, &approved, &members),
        json!([
            accepted(key_a),
            shown(&hash, &preview),
            yes(&hash, &preview),
            ready(&preview),
            intent(&hash, &preview),
            ["answer", "worker", "accepted"],
            read,
            applied("reconciler"),
        ])
    );
    assert_eq!(
        told(&lines, &declined, &members),
        json!([
            accepted(key_a),
            ["declined", "Ada", null, null, null, "command line", "not our kind of work"],
            ["end", "person", "failed", "approval_denied"],
        ])
    );
    let own = lines.iter().find(|line| line["act"] == "by_request").unwrap()["sha256"].clone();
    let intent_b =
        lines.iter().find(|line| line["act"] == "intent" && line["queueId"] == by_request.as_str());
    let sent = intent_b.unwrap()["previewId"].clone();
    assert_eq!(
        told(&lines, &by_request, &members),
        json!([
            accepted(key_b),
            ["by_request", key_b, own, null, null, "api", null],
            ready(&sent),
            intent(&own, &sent),
            ["answer", "worker", "accepted"],
            read,
            applied("reconciler"),
        ])
    );
    assert_eq!(
        told(&lines, &refused, &members),
        json!([
            accepted(key_a),
            shown(&refused_hash, &refused_preview),
            yes(&refused_hash, &refused_preview),
            ready(&refused_preview),
            intent(&refused_hash, &refused_preview),
            ["answer", "worker", "refused"],
            ["end", "worker", "failed", "refused"],
        ])
    );
    assert_eq!(
        told(&lines, &lost, &members),
        json!([
            accepted(key_a),
            shown(&lost_hash, &lost_preview),
            yes(&lost_hash, &lost_preview),
            ready(&lost_preview),
            intent(&lost_hash, &lost_preview),
            ["answer", "worker", "ambiguous"],
            read,
            applied("reconciler"),
        ])
    );
    for line in lines.iter().filter(|line| line["act"] == "shown" || line["act"] == "preview") {
        assert!(line["traceIds"][0].as_str().is_some_and(|id| id.len() == 32), "{line}");
    }
    let answers = lines.iter().filter(|line| line["act"] == "answer" && line["answer"] != "ambiguous");
    assert!(answers.clone().all(|line| line["traceIds"][0].is_string()) && answers.count() == 3);
    // Neither letters nor keys, nor what the site has said.
    for secret in [LETTER, &a.key, &b.key, "settings turned"] {
        assert!(!text.contains(secret), "{secret}");
    }
    place.assert_clean_ledger();

    let operator = lines.iter().filter(|line| line["queueId"].is_null());
    let operator: Vec<Value> =
        operator.map(|line| json!([line["act"], line["by"], line["accountId"]])).collect();
    assert_eq!(
        json!(operator),
        json!([
            ["account_created", "olga", a.id],
            ["key_created", "olga", a.id],
            ["account_created", "olga", b.id],
            ["key_created", "olga", b.id],
            ["approval_set", "olga", a.id],
            ["by_request_set", "Ben", b.id],
        ])
    );
    assert!(lines.is_sorted_by_key(|line| line["at"].as_str().unwrap().to_owned()));
    let (of_b, _) = export(&place, &["--account", "b"]);
    assert!(of_b.iter().all(|line| line["accountId"] == b.id.as_str()) && of_b.len() == 10, "{of_b:?}");
    let since = lines[10]["at"].as_str().unwrap();
    let (after, _) = export(&place, &["--since", since]);
    let (before, _) = export(&place, &["--until", since]);
    assert_eq!([before, after].concat(), lines);
    assert_eq!(place.run(&["audit", "export", "--since", "yesterday"]).status.code(), Some(1));
}

#[test]
fn what_an_operator_does_is_kept_with_a_name() {
    let mut place = Place::fast();
    place.set("USER", "olga");
    let account = place.account("a", 1);
    place.json(&["credits", "grant", "a", "5"]);
    place.json(&["budget", "set", "a", "--per-day", "40"]);
    place.json(&["pause", "a", "--reason", "the client called"]);
    place.json(&["resume", "a"]);
    place.json(&["pause", "--reason", "all of it"]);
    let key = place.json(&["key", "create", "a", "--name", "second"]);
    place.json(&["key", "revoke", key["keyId"].as_str().unwrap()]);
    let person = place.json(&["person", "add", "Ben", "--account", "a"]);
    place.json(&["person", "revoke", "Ben"]);
    let made = place.json(&["freelancer", "add", "a", "Ada", "--title", "Rust", "--hourly-rate", "65"]);
    place.json(&["freelancer", "remove", "a", made["profileId"].as_str().unwrap()]);
    let (lines, text) = export(&place, &[]);
    assert!(lines.iter().all(|line| line["by"] == "olga"), "{text}");
    let acts: Vec<&str> = lines.iter().filter_map(|line| line["act"].as_str()).collect();
    let expected =
        ["account_created", "key_created", "credits_granted", "budget_set", "paused", "resumed", "paused"];
    let people = ["person_added", "person_revoked", "profile_added", "profile_removed"];
    assert_eq!(acts, [&expected[..], &["key_created", "key_revoked"], &people].concat());
    assert!(!text.contains(person["token"].as_str().unwrap()));
    assert_eq!((&lines[2]["credits"], &lines[3]["perDay"]), (&json!(5), &json!(40)));
    assert_eq!(
        (&lines[4]["reason"], &lines[4]["accountId"]),
        (&json!("the client called"), &json!(account.id))
    );
    assert!(lines[6]["accountId"].is_null() && lines[6]["scope"] == "all");
    assert!(!text.contains(key["apiKey"].as_str().unwrap()));
}
