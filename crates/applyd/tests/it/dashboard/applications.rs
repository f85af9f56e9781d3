//! The list of applications and each of them: found by what one remembers, told whole, and of one's own account only.

use std::time::Duration;

use serde_json::json;

use super::{Dashboard, csrf};
use crate::harness::{Account, job};

const LONG: Duration = Duration::from_secs(20);

impl Dashboard {
    fn ended(&self, account: &Account, job: &str, letter: &str) -> String {
        let body = json!({"jobId": job, "coverLetter": letter}).to_string();
        let id = self.server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body)).queue_id();
        self.server.ended(account, &id, LONG);
        id
    }
}

/// Ids of applications in a page, in its order.
fn ids(body: &str) -> Vec<String> {
    let links = body.split("href=\"/dashboard/applications/").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn applications_are_found_by_what_one_remembers_of_them() {
    let dashboard = Dashboard::new();
    let other = dashboard.place.account("other", 10);
    let account = &dashboard.account;
    let first = dashboard.ended(account, &job(1000), "A letter about <script>bridges</script>");
    let second = dashboard.ended(account, &job(1001), "A letter about houses");
    let foreign = dashboard.ended(&other, &job(1000), "A letter about bridges");
    let mut ada = dashboard.signed_in("Ada", "viewer");
    let mut found = |query: &str| ids(&ada.get(&format!("/dashboard/applications{query}")).body);
    assert_eq!(found(""), [second.clone(), first.clone()], "newest first, and none of {foreign}");
    assert_eq!(found("?q=BRIDGES"), std::slice::from_ref(&first));
    assert_eq!(found(&format!("?job={}", job(1001))), std::slice::from_ref(&second));
    assert_eq!(
        found("?job=https%3A%2F%2Fwww.upwork.com%2Fjobs%2F~029000000000000001000"),
        std::slice::from_ref(&first)
    );
    assert_eq!(found("?status=applied&q=letter"), [second.clone(), first.clone()]);
    assert_eq!(found("?status=failed"), [""; 0]);
    assert_eq!(found("?since=2020-01-01&until=2020-12-31"), [""; 0]);
    assert_eq!(found(&format!("?before={second}")), std::slice::from_ref(&first));
    for (query, says) in
        [("?since=yesterday", "YYYY-MM-DD"), ("?status=gone", "Pick one"), ("?job=x", "ciphertext")]
    {
        let refused = ada.get(&format!("/dashboard/applications{query}"));
        assert!(refused.status == 422 && refused.body.contains(says), "{query}: {refused:?}");
    }

    let told = ada.get(&format!("/dashboard/applications/{first}"));
    assert!(!told.body.contains("<script>bridges"), "{}", told.body);
    for word in ["Sandbox job 1000", "bridges", "accepted", "applied", "hold", "capture", "sbp_"] {
        assert!(told.body.contains(word), "{word}: {}", told.body);
    }
    assert_eq!(ada.get(&format!("/dashboard/applications/{foreign}")).status, 404);
    assert_eq!(ada.get("/dashboard/applications/queue_x").status, 404);
}

#[test]
fn what_was_not_sent_is_cancelled_by_an_approver_of_its_account() {
    let dashboard = Dashboard::new();
    let other = dashboard.place.account("other", 10);
    for name in ["acme", "other"] {
        dashboard.place.json(&["account", "approval", name, "--policy", "required"]);
    }
    let own = dashboard.server.apply(&dashboard.account, &job(1000)).queue_id();
    let foreign = dashboard.server.apply(&other, &job(1000)).queue_id();
    let mut dan = dashboard.signed_in("Dan", "desk");
    let mut ada = dashboard.signed_in("Ada", "approver");
    let path = |id: &str, act: &str| format!("/dashboard/applications/{id}/{act}");
    let (dans, adas) = (csrf(&dan.get("/dashboard")), csrf(&ada.get("/dashboard")));
    assert_eq!(dan.post(&path(&own, "cancel"), &dans, &[]).status, 403);
    assert_eq!(ada.post(&path(&foreign, "cancel"), &adas, &[]).status, 404);
    let found = [("finding", "submitted"), ("note", "seen")];
    assert_eq!(dan.post(&path(&own, "resolve"), &dans, &found).status, 403);
    assert_eq!(ada.post(&path(&foreign, "resolve"), &adas, &found).status, 404);
    let certain = ada.post(&path(&own, "resolve"), &adas, &found);
    assert!(certain.status == 409 && certain.body.contains("not in doubt"), "{certain:?}");
    assert_eq!(ada.post(&path(&own, "cancel"), &adas, &[]).status, 303);
    assert_eq!(dashboard.place.balance(&dashboard.account), (100, 0, 0));
    let again = ada.get(&format!("/dashboard/applications/{own}"));
    assert!(again.body.contains("cancelled") && !again.body.contains("Cancel this"), "{}", again.body);
    assert_eq!(dashboard.place.balance(&other), (9, 1, 0), "another account's goes on waiting");
}
