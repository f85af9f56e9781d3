//! What changes something: only by a form of one's own session, and as the role allows.

use super::{Dashboard, csrf};

#[test]
fn no_action_is_done_without_the_forms_token_or_from_a_page_of_somebody_elses() {
    let dashboard = Dashboard::new();
    let mut ada = dashboard.signed_in("Ada", "admin");
    let mut ben = dashboard.signed_in("Ben", "admin");
    let (own, others) = (csrf(&ada.get("/dashboard")), csrf(&ben.get("/dashboard")));
    let actions = applyd_server::dashboard::actions();
    assert!(actions.len() > 4, "{actions:?}");
    let fields = "reason=x&token=x&name=Ada&password=x&next=x";
    for action in actions {
        let path = action.replace(['{', '}'], "");
        for body in
            [String::new(), fields.to_owned(), format!("csrf=&{fields}"), format!("csrf={others}&{fields}")]
        {
            let refused = ada.send("POST", &path, &[], Some(&body));
            assert_eq!(refused.status, 403, "{path}: {body}: {refused:?}");
        }
        let body = format!("csrf={own}&{fields}");
        for elsewhere in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ] {
            let refused = ada.send("POST", &path, &[elsewhere], Some(&body));
            assert_eq!(refused.status, 403, "{path}: {elsewhere:?}: {refused:?}");
        }
        let mut nobody = dashboard.browser();
        assert_eq!(nobody.send("POST", &path, &[], Some(&body)).status, 403, "{path}");
        assert_eq!(
            ada.send("GET", &path, &[], None).status / 100,
            if path == "/dashboard/sign-in" { 3 } else { 4 },
            "{path}"
        );
    }
    assert_eq!(ada.get("/dashboard").status, 200);
    assert!(dashboard.place.json(&["pause"])["pauses"].as_array().unwrap().is_empty());
}

#[test]
fn the_pause_switch_is_an_approvers_and_stops_this_account_only() {
    let dashboard = Dashboard::new();
    let pauses = || dashboard.place.json(&["pause"])["pauses"].as_array().unwrap().clone();
    for (name, role) in [("Vera", "viewer"), ("Dan", "desk")] {
        let mut browser = dashboard.signed_in(name, role);
        let page = browser.get("/dashboard");
        assert!(!page.body.contains("/dashboard/pause"), "{role}");
        for action in ["/dashboard/pause", "/dashboard/resume"] {
            let refused = browser.post(action, &csrf(&page), &[("reason", "holiday")]);
            assert!(refused.status == 403 && refused.body.contains("approver"), "{refused:?}");
        }
        assert!(pauses().is_empty());
    }
    let mut ada = dashboard.signed_in("Ada", "approver");
    let page = ada.get("/dashboard");
    let blank = ada.post("/dashboard/pause", &csrf(&page), &[("reason", "  ")]);
    assert!(blank.status == 422 && blank.body.contains("1 to 200"), "{blank:?}");
    let paused = ada.post("/dashboard/pause", &csrf(&page), &[("reason", "<b>holiday</b> & sun")]);
    assert_eq!(paused.status, 303, "{paused:?}");
    let standing = pauses();
    assert_eq!(standing[0]["scope"], format!("account:{}", dashboard.account.id));
    assert_eq!((&standing[0]["by"], standing.len()), (&"Ada".into(), 1));
    let page = ada.get("/dashboard");
    assert!(page.body.contains("Resume this account"), "{}", page.body);
    assert!(!page.body.contains("<b>holiday</b>") && page.body.contains("holiday"), "{}", page.body);
    assert_eq!(ada.post("/dashboard/resume", &csrf(&page), &[]).status, 303);
    assert!(pauses().is_empty());
}
