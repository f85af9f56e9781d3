//! Links, passwords, sessions and their ends.

use std::io::Write as _;
use std::process::Stdio;

use super::{Dashboard, csrf};

const PASSWORD: &str = "correct horse battery";

impl Dashboard {
    fn set_password(&self, name: &str, password: &str) -> bool {
        let mut command = self.place.command(&["dashboard", "password", name]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
        child.wait().unwrap().success()
    }
}

#[test]
fn a_link_signs_in_once_and_a_preview_of_it_does_not_use_it_up() {
    let dashboard = Dashboard::new();
    dashboard.person("Ada", "viewer");
    let link = dashboard.link("Ada");
    for _ in 0..3 {
        let preview = dashboard.browser().get(&link);
        assert!(preview.status == 200 && preview.body.contains("Sign in as Ada"), "{preview:?}");
    }
    let mut ada = dashboard.browser();
    assert_eq!(ada.follow(&link).status, 303);
    assert_eq!(ada.get("/dashboard").status, 200);
    let again = dashboard.browser().get(&link);
    assert!(again.status == 410 && again.body.contains("This link is over"), "{again:?}");
    // With the form of an older look at it.
    let mut late = dashboard.browser();
    let form = late.get("/dashboard/sign-in");
    let token = link.rsplit('/').next().unwrap();
    let refused = late.post("/dashboard/link", &csrf(&form), &[("token", token)]);
    assert!(refused.status == 410 && late.token().is_none(), "{refused:?}");
    let none = dashboard.browser().get("/dashboard/link/%3Cscript%3E");
    assert!(none.status == 410 && !none.body.contains("<script>"), "{none:?}");
}

#[test]
fn a_password_signs_in_and_wrong_ones_make_the_name_wait_whether_it_is_anybodys_or_not() {
    let dashboard = Dashboard::new();
    dashboard.person("Ada", "viewer");
    assert!(!dashboard.set_password("Ada", "too short"));
    assert!(dashboard.set_password("Ada", PASSWORD));
    let mut ada = dashboard.browser();
    let form = csrf(&ada.get("/dashboard/sign-in?next=%2Fdashboard%3Fa%3Db"));
    let fields = |name, password| [("name", name), ("password", password), ("next", "/dashboard?a=b")];
    let entered = ada.post("/dashboard/sign-in", &form, &fields("Ada", PASSWORD));
    assert_eq!((entered.status, entered.header("location")), (303, Some("/dashboard?a=b")), "{entered:?}");

    let mut stranger = dashboard.browser();
    let form = csrf(&stranger.get("/dashboard/sign-in"));
    let mut answers = Vec::new();
    for name in ["Ada", "nobody"] {
        for _ in 0..5 {
            let wrong = stranger.post("/dashboard/sign-in", &form, &fields(name, "wrong wrong wrong"));
            assert_eq!(wrong.status, 401);
            answers.push(wrong.body.replace(name, "NAME"));
        }
        // Right or wrong: nothing is looked at any more.
        let waits = stranger.post("/dashboard/sign-in", &form, &fields(name, PASSWORD));
        assert!(waits.status == 429 && waits.body.contains("Try again <time"), "{waits:?}");
        assert!(waits.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() > 800));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the same answer for all names");
    assert_eq!(stranger.follow(&dashboard.link("Ada")).status, 303, "a link goes on");
}

#[test]
fn a_session_begins_with_a_token_of_its_own_and_ends_for_good() {
    let dashboard = Dashboard::new();
    let mut ada = dashboard.signed_in("Ada", "viewer");
    let first = ada.token().unwrap().to_owned();
    ada.follow(&dashboard.link("Ada"));
    assert_ne!(ada.token().unwrap(), first, "a new one at each sign-in");
    let mut old = dashboard.browser();
    old.cookies = vec![("applyd_session".into(), first)];
    assert_eq!(old.get("/dashboard").status, 303, "the one before it is over");
    // A token that somebody else has chosen is nobody's.
    let chosen = "a".repeat(43);
    let mut fixed = dashboard.browser();
    fixed.cookies = vec![("applyd_session".into(), chosen.clone())];
    assert_eq!(fixed.follow(&dashboard.link("Ada")).status, 303);
    assert_ne!(fixed.token().unwrap(), chosen);

    let page = ada.get("/dashboard");
    let out = ada.post("/dashboard/sign-out", &csrf(&page), &[]);
    assert_eq!((out.status, ada.token()), (303, None), "{out:?}");
    assert_eq!(fixed.get("/dashboard").status, 200, "here only");
    let mut third = dashboard.browser();
    third.follow(&dashboard.link("Ada"));
    let page = third.get("/dashboard");
    third.post("/dashboard/sign-out-everywhere", &csrf(&page), &[]);
    assert_eq!(fixed.get("/dashboard").status, 303, "and everywhere");
    fixed.follow(&dashboard.link("Ada"));
    dashboard.place.json(&["dashboard", "sign-out", "Ada"]);
    assert_eq!(fixed.get("/dashboard").status, 303, "by command too");
}

#[test]
fn a_revoked_person_is_out_at_once() {
    let dashboard = Dashboard::new();
    let mut ada = dashboard.signed_in("Ada", "admin");
    let page = ada.get("/dashboard");
    let link = dashboard.link("Ada");
    dashboard.place.json(&["person", "revoke", "Ada"]);
    let out = ada.get("/dashboard?x=y");
    let to = "/dashboard/sign-in?next=%2Fdashboard%3Fx%3Dy&ended=1";
    assert_eq!((out.status, out.header("location")), (303, Some(to)));
    let out = ada.post("/dashboard/pause", &csrf(&page), &[("reason", "revenge")]);
    assert_eq!(out.status, 303, "{out:?}");
    assert!(dashboard.place.json(&["pause"])["pauses"].as_array().unwrap().is_empty());
    assert_eq!(dashboard.browser().get(&link).status, 410);
}

#[test]
fn a_token_is_replaced_each_hour_while_an_open_form_stays_good_and_an_idle_session_ends() {
    const HOUR_MS: i64 = 60 * 60 * 1000;
    let dashboard = Dashboard::new();
    let mut ada = dashboard.signed_in("Ada", "approver");
    let age = |column: &str, ms: i64| {
        let raw = dashboard.place.raw();
        assert_eq!(raw.execute(&format!("UPDATE session SET {column} = {column} - {ms}")), 1);
    };
    let (first, form) = (ada.token().unwrap().to_owned(), csrf(&ada.get("/dashboard")));
    assert_eq!(ada.token(), Some(first.as_str()), "not at each request");
    age("rotated_at", HOUR_MS);
    // What a page fetches by itself changes nothing.
    ada.send("GET", "/dashboard", &[("hx-trigger", "live")], None);
    assert_eq!(ada.token(), Some(first.as_str()));
    ada.get("/dashboard");
    let second = ada.token().unwrap().to_owned();
    assert_ne!(second, first);
    let mut late = dashboard.browser();
    late.cookies = vec![("applyd_session".into(), first)];
    assert_eq!(late.get("/dashboard").status, 200, "what was under way");
    age("rotated_at", 60_000);
    assert_eq!(late.get("/dashboard").status, 303);
    assert_eq!(ada.post("/dashboard/pause", &form, &[("reason", "by an old form")]).status, 303);
    assert_eq!(dashboard.place.json(&["pause"])["pauses"].as_array().unwrap().len(), 1);
    age("seen_at", 12 * HOUR_MS);
    let ended = ada.get("/dashboard");
    assert_eq!(ended.header("location"), Some("/dashboard/sign-in?ended=1"), "{ended:?}");
}
