//! The desk in the dashboard: claimed by one, declared before it is sent, told as any other end.

use std::time::Duration;

use super::{Browser, Dashboard, csrf};
use crate::desk::desk_account;
use crate::harness::Place;

const JOBS: [&str; 2] = ["~022052895097657407455", "~022052895097657407456"];
const LONG: Duration = Duration::from_secs(20);

fn desk() -> Dashboard {
    let place = Place::fast();
    let account = desk_account(&place, "hands");
    let server = place.serve();
    Dashboard { place, server, account, _sandbox: None }
}

fn act(browser: &mut Browser<'_>, id: &str, act: &str, fields: &[(&str, &str)]) -> (u16, Option<String>) {
    let page = browser.get("/dashboard/desk");
    let done = browser.post(&format!("/dashboard/desk/{id}/{act}"), &csrf(&page), fields);
    (done.status, done.header("location").map(str::to_owned))
}

#[test]
fn a_person_claims_declares_and_records_and_the_next_one_comes() {
    let dashboard = desk();
    let [first, second] = JOBS.map(|job| dashboard.server.apply(&dashboard.account, job).queue_id());
    let mut ada = dashboard.signed_in("Ada", "desk");
    let mut ben = dashboard.signed_in("Ben", "desk");
    let listed = ada.get("/dashboard/desk");
    assert!(listed.body.find(&first) < listed.body.find(&second), "oldest first: {}", listed.body);
    let path = |id: &str| format!("/dashboard/desk/{id}");
    assert_eq!(act(&mut ada, &first, "claim", &[]), (303, Some(path(&first))));
    let taken = act(&mut ben, &first, "claim", &[]);
    assert_eq!(taken.0, 409, "one has it");
    let sheet = ada.get(&path(&first)).body;
    for told in
        ["Ada Example", "Rust engineer", "I am submitting now", "upwork.com/jobs/~022052895097657407455"]
    {
        assert!(sheet.contains(told), "{told}: {sheet}");
    }
    assert!(!sheet.contains("It is submitted"), "not before the declaration");
    let (_, rest) = sheet.split_once("name=\"sha256\" value=\"").unwrap();
    let sha256 = rest.split('"').next().unwrap().to_owned();
    assert_eq!(act(&mut ada, &first, "declare", &[("sha256", &"0".repeat(64))]).0, 409, "what was not read");
    assert_eq!(act(&mut ben, &first, "declare", &[("sha256", &sha256)]).0, 409);
    assert_eq!(act(&mut ada, &first, "declare", &[("sha256", &sha256)]).0, 303);
    assert!(ada.get(&path(&first)).body.contains("It is submitted"));
    let wrong = [("outcome", "submitted"), ("proposal_url", "https://evil.example/1"), ("code", "refused")];
    assert_eq!(act(&mut ada, &first, "outcome", &wrong).0, 422);
    let right = [
        ("outcome", "submitted"),
        ("proposal_url", "https://www.upwork.com/nx/proposals/1"),
        ("code", "refused"),
    ];
    assert_eq!(act(&mut ada, &first, "outcome", &right), (303, Some(path(&second))), "on to the next");
    assert_eq!(dashboard.server.ended(&dashboard.account, &first, LONG)["applicationStatus"], "applied");
    dashboard.place.assert_clean_ledger();
}

#[test]
fn who_may_only_look_has_no_desk_and_no_account_sees_anothers() {
    let dashboard = desk();
    let id = dashboard.server.apply(&dashboard.account, JOBS[0]).queue_id();
    let mut vera = dashboard.signed_in("Vera", "viewer");
    let page = vera.get("/dashboard");
    assert!(!page.body.contains("/dashboard/desk"));
    assert_eq!(vera.get("/dashboard/desk").status, 403);
    assert_eq!(vera.post(&format!("/dashboard/desk/{id}/claim"), &csrf(&page), &[]).status, 403);
    dashboard.place.account("other", 1);
    dashboard.place.json(&["person", "add", "Olga", "--account", "other", "--role", "admin"]);
    let mut olga = dashboard.browser();
    olga.follow(&dashboard.link("Olga"));
    assert!(olga.get("/dashboard/desk").body.contains("no desk"));
    assert_eq!(olga.get(&format!("/dashboard/desk/{id}")).status, 404);
    let page = olga.get("/dashboard");
    assert_eq!(olga.post(&format!("/dashboard/desk/{id}/claim"), &csrf(&page), &[]).status, 404);
}
