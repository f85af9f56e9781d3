//! What an operator is told, so that the next command is the right one.

use serde_json::{Value, json};

use crate::channels::account_on;
use crate::harness::Place;

fn said(place: &Place, arguments: &[&str], code: i32) -> String {
    let output = place.run(arguments);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

fn assert_said(place: &Place, arguments: &[&str], code: i32, words: &[&str]) {
    let text = said(place, arguments, code);
    for word in words {
        assert!(text.contains(word), "{arguments:?}: `{word}` is not in\n{text}");
    }
}

#[test]
fn a_key_that_decides_is_listed_with_who_answers_for_it() {
    let place = Place::with(&[]);
    place.account("agency", 0);
    let key = || place.json(&["key", "list", "agency"])["keys"][0].clone();
    let id = key()["keyId"].as_str().unwrap().to_owned();
    let told = |key: &Value| ["byRequest", "connects", "acknowledgedBy"].map(|member| key[member].clone());
    assert_eq!(told(&key()), [json!(false), Value::Null, Value::Null]);
    place.json(&["key", "by-request", &id, "--connects", "60", "--acknowledge", "--by", "Ada"]);
    let decides = key();
    assert_eq!(told(&decides), [json!(true), json!(60), json!("Ada")]);
    assert!(decides["acknowledgedAt"].as_i64() >= decides["createdAt"].as_i64(), "{decides}");
    assert_said(&place, &["key", "list", "agency"], 0, &["by request", "60", "Ada"]);
    place.json(&["key", "by-request", &id, "--off", "--by", "Ada"]);
    assert_eq!(told(&key()), [json!(false), Value::Null, Value::Null]);
}

#[test]
fn no_key_decides_at_the_desk() {
    let place = Place::with(&[]);
    account_on(&place, "paper", "desk");
    let id = place.json(&["key", "list", "paper"])["keys"][0]["keyId"].as_str().unwrap().to_owned();
    let arguments = ["key", "by-request", &id, "--connects", "6", "--acknowledge", "--by", "Ada"];
    assert_said(&place, &arguments, 1, &["desk account `paper`", "hint: "]);
    assert_eq!(place.json(&["key", "list", "paper"])["keys"][0]["byRequest"], false);
}

#[test]
fn what_still_stands_still_names_the_command_that_ends_it() {
    let place = Place::with(&[]);
    place.account("agency", 0);
    place.account("two words", 0);
    for name in ["agency", "two words"] {
        place.json(&["pause", name, "--reason", "its own"]);
    }
    place.json(&["pause", "--channel", "sandbox", "--reason", "the site is odd"]);
    place.json(&["pause", "--reason", "all of it"]);
    for (resumed, ends) in [
        (&["resume", "--channel", "upwork"][..], "`applyd resume` ends it"),
        (&["resume"], ""),
        (&["resume", "--channel", "sandbox"], ""),
        (&["resume", "agency"], ""),
    ] {
        let text = said(&place, resumed, 0);
        assert!(text.contains(ends), "{resumed:?}: {text}");
    }
    place.json(&["pause", "--channel", "sandbox", "--reason", "again"]);
    assert_said(&place, &["resume", "agency"], 0, &["`applyd resume --channel sandbox` ends it"]);
}

#[test]
fn a_number_below_what_is_allowed_is_told_the_range() {
    let place = Place::with(&[]);
    for (arguments, range) in [
        (&["account", "create", "a", "--credits", "-3"][..], "0..=1000000000"),
        (&["credits", "grant", "a", "-3"], "1..=1000000000"),
        (&["budget", "set", "a", "--per-proposal", "-1"], "must be from 0 to 1000000, or none"),
        (&["account", "approval", "a", "--approvers", "-1"], "1..=2"),
    ] {
        let text = said(&place, arguments, 1);
        assert!(text.contains(range) && !text.contains("tip:"), "{arguments:?}: {text}");
    }
}

#[test]
fn people_are_listed_with_the_name_of_their_account() {
    let place = Place::with(&[]);
    let account = account_on(&place, "paper", "desk");
    place.json(&["person", "add", "Eva", "--account", "paper"]);
    let eva = place.json(&["person", "list"])["people"][0].clone();
    assert_eq!((&eva["account"], &eva["accountId"]), (&json!("paper"), &json!(account.id)));
    assert_said(&place, &["person", "list"], 0, &["Eva", "paper"]);
    assert_said(&place, &["person", "revoke", "Eva"], 0, &["revoked", "what was declared stays"]);
}

#[test]
fn a_database_in_a_missing_folder_is_told_so() {
    let place = Place::with(&[]);
    let arguments = ["account", "create", "a", "--credits", "1", "--database", "sqlite:missing/applyd.db"];
    assert_said(&place, &arguments, 1, &["missing/applyd.db", "hint: there is no folder missing"]);
}

#[test]
fn the_desk_has_no_tools_to_agree_to() {
    let place = Place::with(&[]);
    place.account("agency", 0);
    assert_said(&place, &["upwork", "agree", "--channel", "desk"], 1, &["must be sandbox or upwork"]);
}
