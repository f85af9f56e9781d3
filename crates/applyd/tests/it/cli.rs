//! The commands: what they print, where, and how they end.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Account, POLL, Place, Process, is_postgres, job};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Ends with this code, says all of `said` on stderr and nothing on stdout.
fn fails(output: &Output, code: i32, said: &[&str]) {
    let err = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(code), ""), "{err}");
    for said in said {
        assert!(err.contains(said), "`{said}` is not in\n{err}");
    }
    assert!(!err.contains("panicked"), "{err}");
}

/// A place with account `agency`, one application applied and nothing running.
fn lived_in() -> (Place, Account) {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 3);
    let queue_id = server.apply(&account, &job(1)).queue_id();
    server.ended(&account, &queue_id, Duration::from_secs(9));
    assert_eq!(server.stop(), Some(0));
    (place, account)
}

#[test]
fn json_has_the_contracts_keys_and_text_the_same_facts() {
    let (place, account) = lived_in();
    let id = account.id.as_str();
    let created = place.json(&["account", "create", "second", "--credits", "0", "--channel", "sandbox"]);
    assert_eq!(keys(&created), ["accountId", "apiKey", "channel", "credits", "name"]);
    assert_eq!(
        (&created["name"], &created["channel"], &created["credits"]),
        (&"second".into(), &"sandbox".into(), &0.into())
    );
    assert!(created["apiKey"].as_str().is_some_and(|key| key.starts_with("sk_uphunt_") && key.len() == 53));

    let listed = place.json(&["account", "list"]);
    assert_eq!(keys(&listed), ["accounts"]);
    let first = &listed["accounts"][0];
    assert_eq!((&first["accountId"], &first["name"]), (&id.into(), &"agency".into()));
    assert_eq!(first["credits"], serde_json::json!({"available": 2, "held": 0, "spent": 1}));

    let key = place.json(&["key", "create", id, "--name", "ci"]);
    assert!(key["keyId"].as_str().is_some_and(|id| id.starts_with("key_")) && key["apiKey"].is_string());
    let key_id = key["keyId"].as_str().unwrap();
    let granted = place.json(&["credits", "grant", "agency", "5"]);
    assert_eq!(granted, serde_json::json!({"available": 7, "held": 0, "spent": 1}));
    let verified = place.json(&["ledger", "verify"]);
    assert_eq!(verified, serde_json::json!({"ok": true, "accounts": 2, "applications": 1, "violations": []}));
    let counted = place.json(&["sandbox", "submissions"]);
    assert_eq!(keys(&counted), ["submissions"]);
    let row = &counted["submissions"][0];
    assert_eq!((&row["jobId"], &row["received"], &row["accepted"]), (&job(1).into(), &1.into(), &1.into()));
    assert!(row["agency"].is_string());
    let ended = place.json(&["verify-only", "end"]);
    assert_eq!((&ended["ended"], &ended["unverified"]), (&true.into(), &serde_json::json!([])));

    for (arguments, shown) in [
        (&["account", "create", "third", "--credits", "4"][..], &["third", "4", "sk_uphunt_"][..]),
        (&["account", "list"], &["agency", id, "available", "sandbox", "7"]),
        (&["key", "create", "agency"], &["key_", "default", "sk_uphunt_"]),
        (&["key", "list", "agency"], &[key_id, "ci", "true", "false"]),
        (&["key", "revoke", key_id], &[key_id, "revoked"]),
        (&["credits", "grant", id, "1"], &["available 8", "held 0", "spent 1"]),
        (&["ledger", "verify"], &["clean", "3 accounts", "1 applications"]),
        (&["sandbox", "submissions"], &[job(1).as_str(), "received", "accepted"]),
        (&["verify-only", "end"], &["verify-only"]),
    ] {
        let output = place.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && err.is_empty(), "{arguments:?}: {out}{err}");
        assert!(out.ends_with('\n') && serde_json::from_str::<Value>(&out).is_err(), "{arguments:?}: {out}");
        for shown in shown {
            assert!(out.contains(shown), "{arguments:?}: `{shown}` is not in\n{out}");
        }
    }
    let gone = place.json(&["key", "list", "agency"]);
    let revoked = gone["keys"].as_array().unwrap().iter().find(|row| row["keyId"] == key_id).unwrap();
    assert_eq!(revoked["active"], false);
    assert!(!gone.to_string().contains("sk_uphunt_"), "a key is shown once");
}

#[test]
fn help_is_no_fault_and_wrong_usage_is_the_users() {
    let place = Place::with(&[]);
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["--version"],
        &["help", "serve"],
        &["serve", "--help"],
        &["account", "create", "--help"],
        &["key", "revoke", "--help"],
    ] {
        let output = place.run(arguments);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
    for arguments in [
        &[][..],
        &["nonsense"],
        &["account"],
        &["account", "create"],
        &["account", "create", "a"],
        &["account", "create", "a", "--credits"],
        &["account", "create", "a", "--credits", "many"],
        &["account", "create", "a", "--credits", "-1"],
        &["account", "create", "a", "--credits", "9223372036854775807"],
        &["account", "create", "a", "--credits", "1", "--channel", "fax"],
        &["account", "list", "more"],
        &["credits", "grant", "a", "0"],
        &["credits", "grant", "a", "1.5"],
        &["key", "create", "a", "--grace", "10"],
        &["key", "create", "a", "--grace", "0s"],
        &["key", "create", "a", "--grace", "25h"],
        &["key", "create", "a", "--grace", "-1s"],
        &["serve", "--nonsense"],
        &["verify-only"],
    ] {
        let output = place.run(arguments);
        fails(&output, 1, &["--help"]);
    }
    assert!(!place.path("applyd.db").exists(), "a wrong usage has made a database");
}

#[test]
fn a_users_fault_is_named_with_a_hint() {
    let place = Place::with(&[]);
    let without_a_file = [
        &["account", "list"][..],
        &["ledger", "verify"],
        &["key", "list", "a"],
        &["key", "create", "a"],
        &["credits", "grant", "a", "1"],
        &["verify-only", "end"],
    ];
    for arguments in without_a_file.into_iter().filter(|_| !is_postgres()) {
        fails(&place.run(arguments), 1, &["error: there is no database applyd.db", "hint: ", "--database"]);
    }
    assert_eq!(place.json(&["sandbox", "submissions"])["submissions"], serde_json::json!([]));
    let account = place.account("agency", 1);
    let unknown = "error: there is no account `nobody`";
    for (arguments, said) in [
        (
            &["account", "create", "agency", "--credits", "1"][..],
            &["error: there is an account `agency`", "hint: "][..],
        ),
        (&["account", "create", "", "--credits", "1"], &["error: an account's name"]),
        (&["account", "create", " a", "--credits", "1"], &["error: an account's name"]),
        (&["account", "create", "a\nb", "--credits", "1"], &["error: an account's name"]),
        (&["key", "create", "nobody"], &[unknown, "hint: `applyd account list`"]),
        (&["key", "list", "nobody"], &[unknown, "hint: "]),
        (&["credits", "grant", "nobody", "1"], &[unknown, "hint: "]),
        (&["credits", "grant", "Agency", "1"], &["`Agency`"]),
        (&["key", "revoke", "nonsense"], &["no active key `nonsense`", "hint: `applyd key list"]),
        (&["key", "revoke", &account.key], &["no active key", "hint: "]),
        (&["key", "create", "agency", "--name", ""], &["error: a key's name"]),
    ] {
        for json in [&[][..], &["--json"]] {
            fails(&place.run(&[arguments, json].concat()), 1, said);
        }
    }
    assert_eq!(place.json(&["account", "list"])["accounts"].as_array().unwrap().len(), 1);
}

#[test]
fn a_ledger_that_is_wrong_is_exit_1_and_says_where() {
    use applyd_core::{ids::QueueId, ledger::Kind};
    use applyd_store::ledger;
    let (place, _) = lived_in();
    let store = place.store();
    let stray = QueueId::new(1, 1);
    let posted = stray.clone();
    store
        .write_blocking(move |tx| {
            let account = applyd_store::account::find(tx, "agency")?.unwrap();
            ledger::post(tx, &account.id, Some(&posted), Kind::Hold, 1)
        })
        .unwrap();
    let output = place.run(&["ledger", "verify", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["ok"]), (Some(1), &false.into()));
    assert!(report["violations"][0].as_str().unwrap().contains(stray.as_str()), "{report}");
    let output = place.run(&["ledger", "verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("NOT clean"));
}

fn answers(server: &Process, key: &str) -> u16 {
    server.call("GET", "/api/auto-apply-v2/status?queueId=x", key, None).status
}

/// Polls until this key gets this answer.
fn becomes(server: &Process, key: &str, status: u16, within: Duration) {
    let begun = Instant::now();
    while answers(server, key) != status {
        assert!(begun.elapsed() < within, "not {status} within {within:?}");
        std::thread::sleep(POLL);
    }
}

#[test]
fn a_running_server_knows_at_once_and_forgets_within_a_second() {
    const AT_ONCE: u16 = 404;
    const SECOND: Duration = Duration::from_secs(1);
    let place = Place::with(&[("APPLYD_WORKERS", "0")]);
    place.account("first", 0);
    let server = place.serve();
    let account = place.account("agency", 0);
    assert_eq!(answers(&server, &account.key), AT_ONCE, "a new account");
    let refused = server.apply(&account, "~021");
    let no_credit = r#"{"error":"Insufficient auto-apply credits","creditsRemaining":0,"needsCredits":true}"#;
    let told: Value = serde_json::from_str(no_credit).unwrap();
    assert_eq!((refused.status, refused.json()), (402, told));
    place.json(&["credits", "grant", &account.name, "1"]);
    assert_eq!(server.apply(&account, "~021").status, 200, "new credit");

    let create = |more: &[&str]| {
        let made = place.json(&[&["key", "create", "agency"], more].concat());
        (made["keyId"].as_str().unwrap().to_owned(), made["apiKey"].as_str().unwrap().to_owned())
    };
    let (_, second) = create(&[]);
    assert_eq!(answers(&server, &second), AT_ONCE, "a new key");
    becomes(&server, &account.key, 401, SECOND);
    let (_, third) = create(&["--grace", "10m"]);
    let (other_id, other) = create(&["--name", "other"]);
    for key in [&second, &third, &other] {
        assert_eq!(answers(&server, key), AT_ONCE, "a grace, and a name of its own");
    }
    let revoked = place.json(&["key", "revoke", &other_id]);
    assert_eq!(revoked["keyId"], other_id.as_str());
    becomes(&server, &other, 401, SECOND);
    let (_, fourth) = create(&["--grace", "1s"]);
    assert_eq!(answers(&server, &third), AT_ONCE);
    becomes(&server, &third, 401, 2 * SECOND);
    assert_eq!(answers(&server, &second), 401, "a shorter grace is for all that it replaces");
    assert_eq!(answers(&server, &fourth), AT_ONCE);
    fails(&place.run(&["key", "revoke", &other_id]), 1, &["no active key"]);
}

#[test]
fn the_verify_only_mode_does_not_end_while_an_outcome_is_open() {
    let mut place = Place::fast();
    for (name, value) in
        [("INTENT_CUTOFF", "700ms"), ("ANSWER_BY", "1200ms"), ("SEND_BY", "1s"), ("DEADLINE", "2s")]
    {
        place.set(&format!("APPLYD_TIMING__{name}"), value);
    }
    place.set("APPLYD_SANDBOX__UNREADABLE_FOR", "60s");
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    let queue_id = server.apply(&account, &job(17)).queue_id();
    let ended = server.ended(&account, &queue_id, Duration::from_secs(5));
    assert!(ended["errorMessage"].as_str().unwrap().starts_with("outcome_unknown: "), "{ended}");
    let output = place.run(&["verify-only", "end", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["ended"]), (Some(1), &false.into()));
    assert_eq!(told["unverified"][0]["queueId"], queue_id.as_str());
    assert!(text(&place.run(&["verify-only", "end"]).stdout).contains(&queue_id));
    let forced = place.json(&["verify-only", "end", "--force"]);
    assert_eq!(
        (&forced["ended"], &forced["unverified"][0]["queueId"]),
        (&true.into(), &queue_id.as_str().into())
    );
    place.assert_clean_ledger();
    assert_eq!(place.balance(&account), (0, 1, 0));
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let place = Place::with(&[]);
    place.account("agency", 1);
    for arguments in
        [&["account", "list"][..], &["account", "list", "--json"], &["--help"], &["ledger", "verify"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command: Command = place.command(arguments);
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
    }
}
