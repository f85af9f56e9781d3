//! `applyd upwork doctor`: what it tells of a healthy login and of each way in which one is not; it only looks.

use std::time::{Duration, Instant};

use applyd_sandbox::Era;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::channels::account_on;
use crate::drift::StandIn;
use crate::harness::{POLL, Place};
use crate::link::{link, live};

const SOON: Duration = Duration::from_secs(20);

/// What it told, and whether it exited as that says.
fn examined(place: &Place) -> Value {
    let output = place.run(&["upwork", "doctor", "--account", "agency", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let is_problem = told["checks"].as_array().unwrap().iter().any(|check| check["verdict"] == "problem");
    assert_eq!(
        (told["ok"] == json!(false), output.status.code() == Some(1)),
        (is_problem, is_problem),
        "{told}"
    );
    for secret in ["access_", "refresh_"] {
        assert!(!told.to_string().contains(secret), "{told}");
    }
    told
}

/// Verdict and finding of the one check of a name.
fn of<'a>(told: &'a Value, name: &str) -> (&'a str, &'a str) {
    let mut found = told["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name);
    let (Some(check), None) = (found.next(), found.next()) else { panic!("not one {name}: {told}") };
    (check["verdict"].as_str().unwrap(), check["found"].as_str().unwrap())
}

fn hint<'a>(told: &'a Value, name: &str) -> &'a str {
    let check = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    check.and_then(|check| check["hint"].as_str()).unwrap_or_else(|| panic!("{name}: {told}"))
}

/// Nothing at the site or here has come of looking.
fn assert_only_looked(place: &Place) {
    let site = Connection::open(place.path("sandbox.db")).unwrap();
    let made: i64 = site.query_row("SELECT count(*) FROM previews", [], |row| row.get(0)).unwrap();
    assert_eq!((made, place.submissions().len()), (0, 0));
    assert_eq!(place.json(&["pause"])["pauses"], json!([]));
}

fn pinned(place: &Place) -> Vec<String> {
    place.raw().texts("SELECT pinned_sha256 || ' ' || seen_sha256 FROM tool_schema")
}

#[test]
fn a_healthy_login_is_told_check_by_check_also_beside_a_server() {
    let (place, upwork) = live(&[]);
    let account = account_on(&place, "agency", "upwork");
    let linked = link(&place, &account, "Ada");
    let told = examined(&place);
    assert_eq!(told["ok"], true, "{told}");
    let root = upwork.url.trim_end_matches("/mcp");
    for (name, found) in [
        ("endpoint", upwork.url.clone()),
        ("pause", "nothing is paused".into()),
        ("resource", format!("{root}/.well-known/oauth-protected-resource/mcp")),
        ("login server", format!("{root}/.well-known/oauth-authorization-server")),
        ("registration", format!("{root}/register")),
        ("protocol", "2025-06-18".into()),
        ("tools", "full list".into()),
        ("era", "the names with preview_id".into()),
        ("milestones", "carried".into()),
        ("connects", "500".into()),
    ] {
        assert_eq!(of(&told, name), ("ok", found.as_str()), "{name}");
    }
    assert!(of(&told, "token").1.starts_with("it lives for "), "{told}");
    let (verdict, organisation) = of(&told, "organisation");
    assert!(verdict == "ok" && organisation.starts_with(linked["orgUid"].as_str().unwrap()), "{told}");
    let demands = told["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "demands");
    let demands: Vec<_> = demands.map(|check| check["found"].as_str().unwrap()).collect();
    assert!(
        demands.len() == 3 && demands.contains(&"upwork__confirm_preview: type, preview_id"),
        "{demands:?}"
    );
    assert_eq!(of(&told, "schema").0, "warning", "no server has gone by one yet");
    assert!(pinned(&place).is_empty(), "looking agrees to nothing");

    let _server = place.serve();
    let begun = Instant::now();
    while of(&examined(&place), "schema").0 != "ok" {
        assert!(begun.elapsed() < SOON, "a server goes by what it sees");
        std::thread::sleep(POLL);
    }
    place.json(&["pause", "agency", "--reason", "holiday"]);
    let told = examined(&place);
    assert!(of(&told, "pause").1.ends_with("holiday") && told["ok"] == json!(true), "{told}");
    assert_eq!(hint(&told, "pause"), "`applyd resume agency` ends it");
    place.json(&["resume", "agency"]);
    assert_only_looked(&place);
    let people = place.run(&["upwork", "doctor", "--account", "agency", "--freelancer", "Ada"]);
    let text = String::from_utf8(people.stdout).unwrap();
    assert!(text.contains("ok        connects") && people.status.success(), "{text}");
}

#[test]
fn whoever_is_not_linked_or_no_longer_is_told_to_link() {
    let (place, _upwork) = live(&[]);
    let account = account_on(&place, "agency", "upwork");
    let told = examined(&place);
    assert_eq!(of(&told, "login"), ("problem", "nobody is linked"));
    assert!(hint(&told, "login").contains("upwork link") && of(&told, "registration").0 == "ok", "{told}");

    let linked = link(&place, &account, "Ada");
    let site = Connection::open(place.path("sandbox.db")).unwrap();
    let org_uid = linked["orgUid"].as_str().unwrap();
    // The access token alone is lost: looking renews it as any read does.
    site.execute("UPDATE tokens SET expires_ms = 0 WHERE org_uid = ?1", [org_uid]).unwrap();
    assert_eq!(examined(&place)["ok"], true);
    // The person withdraws the access.
    assert!(site.execute("DELETE FROM tokens WHERE org_uid = ?1", [org_uid]).unwrap() > 0);
    for _ in 0..2 {
        let told = examined(&place);
        assert_eq!(of(&told, "login"), ("problem", "Upwork refuses it for good"));
        assert!(hint(&told, "login").contains("upwork link"), "{told}");
    }
    assert_only_looked(&place);
    for (arguments, words) in [
        (&["--account", "nobody"][..], "no account"),
        (&["--account", "agency", "--freelancer", "Cy"], "no freelancer"),
    ] {
        let output = place.run(&[&["upwork", "doctor"], arguments].concat());
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && err.contains(words) && err.contains("hint:"), "{err}");
    }
}

#[test]
fn tools_that_are_not_what_they_were_are_told_and_nothing_is_stopped() {
    let mut place = Place::fast();
    let mut stand_in = StandIn::start(&place, "127.0.0.1:0".parse().unwrap(), Era::October);
    place.set("APPLYD_UPWORK__ENDPOINT", &stand_in.url());
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "Ada");
    let server = place.serve();
    let begun = Instant::now();
    while of(&examined(&place), "schema").0 != "ok" {
        assert!(begun.elapsed() < SOON, "a server goes by what it sees");
        std::thread::sleep(POLL);
    }
    server.stop();
    let known = pinned(&place);

    stand_in = stand_in.change(&place, Era::OctoberWithoutMilestones);
    let told = examined(&place);
    assert_eq!((of(&told, "schema").0, of(&told, "milestones").0), ("problem", "warning"), "{told}");
    assert!(hint(&told, "schema").contains("upwork agree"), "{told}");

    stand_in = stand_in.change(&place, Era::August);
    assert_eq!(of(&examined(&place), "era"), ("warning", "the names with draft_id"));

    stand_in = stand_in.change(&place, Era::OctoberChanged);
    assert_eq!(of(&examined(&place), "tools").0, "problem");

    stand_in = stand_in.change(&place, Era::Compact);
    let told = examined(&place);
    assert_eq!(of(&told, "tools"), ("problem", "compact mode"));
    assert!(hint(&told, "tools").contains("full_list") && of(&told, "organisation").0 == "ok", "{told}");
    assert_only_looked(&place);
    assert_eq!(pinned(&place), known, "neither agreed to nor noted");

    drop(stand_in);
    let told = examined(&place);
    assert_eq!((of(&told, "login server").0, of(&told, "session").0), ("problem", "problem"), "{told}");
    assert_eq!(of(&told, "login").0, "ok", "what is not reachable is not refused");
}
