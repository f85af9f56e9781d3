//! The queue of approvals: exactly what a person has seen is submitted, once, and nobody of another account decides.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Browser, Dashboard, csrf};
use crate::harness::{Account, Place, Reply, job};

const LONG: Duration = Duration::from_secs(20);

/// With an account whose applications each wait for a person.
pub(super) fn required() -> Dashboard {
    let mut place = Place::fast();
    place.set("APPLYD_RATE_LIMITS", "off");
    let sandbox = place.sandbox();
    let account = place.account("acme", 500);
    place.json(&["account", "approval", "acme", "--policy", "required"]);
    let server = place.serve();
    Dashboard { place, server, account, _sandbox: Some(sandbox) }
}

impl Dashboard {
    fn ask(&self, account: &Account, number: u16) -> String {
        let body = json!({"jobId": job(number), "coverLetter": "Dear <b>client</b>, hello."}).to_string();
        self.server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body)).queue_id()
    }

    /// Has a preview made; answers the sheet with it.
    fn opened(&self, browser: &mut Browser<'_>, id: &str) -> Reply {
        let path = format!("/dashboard/approvals/{id}");
        let sheet = browser.get(&path);
        let asked = browser.post(&format!("{path}/open"), &csrf(&sheet), &[]);
        assert_eq!((asked.status, asked.header("location")), (303, Some(path.as_str())), "{asked:?}");
        let begun = Instant::now();
        loop {
            let sheet = browser.get(&path);
            if sheet.body.contains("name=\"showing\"") {
                return sheet;
            }
            assert!(begun.elapsed() < LONG, "{}", sheet.body);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn showing(sheet: &Reply) -> String {
    let (_, rest) = sheet.body.split_once("name=\"showing\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn what_was_seen_is_approved_and_submitted_once() {
    let dashboard = required();
    let id = dashboard.ask(&dashboard.account, 1000);
    let mut ada = dashboard.signed_in("Ada", "approver");
    let queue = ada.get("/dashboard/approvals");
    assert!(queue.body.contains(&id) && !queue.body.contains("<b>client</b>"), "{}", queue.body);
    let sheet = dashboard.opened(&mut ada, &id);
    for told in ["Sandbox job 1000", "10 <span", "500 are there", "Ada Sandbox", "client"] {
        assert!(sheet.body.contains(told), "{told}: {}", sheet.body);
    }
    assert!(!sheet.body.contains("<b>client</b>"), "{}", sheet.body);
    assert_eq!(dashboard.place.counted(&job(1000)), (0, 0), "a preview submits nothing");
    let path = format!("/dashboard/approvals/{id}/approve");
    let other = ada.post(&path, &csrf(&sheet), &[("showing", "show_01JD8Z0R7N5Q3T9V2X4B6C8D0F")]);
    assert!(other.status == 409 && other.body.contains("not what is shown now"), "{other:?}");
    let approved = ada.post(&path, &csrf(&sheet), &[("showing", &showing(&sheet))]);
    assert_eq!(approved.status, 303, "{approved:?}");
    let again = ada.post(&path, &csrf(&sheet), &[("showing", &showing(&sheet))]);
    assert_eq!(again.status, 409, "{again:?}");
    assert_eq!(dashboard.server.ended(&dashboard.account, &id, LONG)["applicationStatus"], "applied");
    assert_eq!(dashboard.place.counted(&job(1000)), (1, 1));
    let detail = ada.get(&format!("/dashboard/applications/{id}"));
    for told in ["approved", "by Ada", "dashboard, 127.0.0.1", "10 Connects", "capture", "Applied"] {
        assert!(detail.body.contains(told), "{told}: {}", detail.body);
    }
    dashboard.place.assert_clean_ledger();
}

#[test]
fn what_was_edited_is_shown_anew_before_it_can_be_approved() {
    let dashboard = required();
    let id = dashboard.ask(&dashboard.account, 1000);
    let mut ada = dashboard.signed_in("Ada", "approver");
    let before = dashboard.opened(&mut ada, &id);
    let path = format!("/dashboard/approvals/{id}");
    let form = ada.get(&format!("{path}/edit"));
    let (_, rest) = form.body.split_once("name=\"seen\" value=\"").unwrap();
    let seen = rest.split('"').next().unwrap();
    let edit = |ada: &mut Browser<'_>, letter: &str, rate: &str| {
        let fields = [("seen", seen), ("letter", letter), ("hourly_rate", rate)];
        ada.post(&format!("{path}/edit"), &csrf(&form), &fields)
    };
    let wrong = edit(&mut ada, "A better letter", "lots");
    assert!(wrong.status == 422 && wrong.body.contains("hourlyRate"), "{wrong:?}");
    assert!(wrong.body.contains("A better letter"), "what was typed is not lost");
    assert_eq!(edit(&mut ada, "A better letter", "77.5").status, 303);
    let stale = edit(&mut ada, "Another one", "");
    assert!(stale.status == 409 && stale.body.contains("somebody else"), "{stale:?}");
    let fields = [("showing", showing(&before))];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(ada.post(&format!("{path}/approve"), &csrf(&before), &fields).status, 409);
    let sheet = dashboard.opened(&mut ada, &id);
    for told in ["A better letter", "$77.50", "The letter is another.", "The price is another."] {
        assert!(sheet.body.contains(told), "{told}: {}", sheet.body);
    }
    let approved = ada.post(&format!("{path}/approve"), &csrf(&sheet), &[("showing", &showing(&sheet))]);
    assert_eq!(approved.status, 303, "{approved:?}");
    dashboard.server.ended(&dashboard.account, &id, LONG);
    let sent = dashboard.place.submissions();
    let [proposal] = sent[0]["proposals"].as_array().unwrap().as_slice() else { panic!("{sent:?}") };
    let letter = applyd_core::terms::sha256_hex(b"A better letter");
    assert_eq!((&proposal["coverLetterSha256"], &proposal["price"]), (&json!(letter), &json!(77.5)));
}

#[test]
fn a_decline_ends_it_with_its_reason_and_the_credit_comes_back() {
    let dashboard = required();
    let id = dashboard.ask(&dashboard.account, 1000);
    let mut ada = dashboard.signed_in("Ada", "approver");
    let path = format!("/dashboard/approvals/{id}");
    let sheet = ada.get(&path);
    let blank = ada.post(&format!("{path}/decline"), &csrf(&sheet), &[("reason", " ")]);
    assert!(blank.status == 422 && blank.body.contains("reason"), "{blank:?}");
    let declined = ada.post(&format!("{path}/decline"), &csrf(&sheet), &[("reason", "wrong tone")]);
    let next = format!("/dashboard/approvals?last={id}");
    assert_eq!((declined.status, declined.header("location")), (303, Some(next.as_str())));
    assert_eq!(dashboard.server.status(&dashboard.account, &id)["applicationStatus"], "failed");
    assert_eq!(dashboard.place.balance(&dashboard.account), (500, 0, 0));
    assert_eq!(dashboard.place.counted(&job(1000)), (0, 0));
    assert!(ada.get(&next).body.contains("Nothing waits for you"));
    let gone = ada.get(&path);
    assert_eq!(
        (gone.status, gone.header("location")),
        (303, Some(format!("/dashboard/applications/{id}").as_str()))
    );
}

#[test]
fn who_only_looks_or_is_of_another_account_decides_nothing() {
    let dashboard = required();
    let other = dashboard.place.account("other", 10);
    dashboard.place.json(&["account", "approval", "other", "--policy", "required"]);
    let (own, foreign) = (dashboard.ask(&dashboard.account, 1000), dashboard.ask(&other, 1001));
    let mut vera = dashboard.signed_in("Vera", "viewer");
    let mut ada = dashboard.signed_in("Ada", "admin");
    let page = vera.get("/dashboard/approvals");
    assert!(page.body.contains(&own) && !page.body.contains(&foreign));
    assert!(
        !vera.get(&format!("/dashboard/approvals/{own}")).body.contains("/decline"),
        "what one may not is not shown"
    );
    let token = csrf(&ada.get("/dashboard"));
    for act in ["open", "close", "approve", "decline", "edit"] {
        let fields = [("showing", "show_01JD8Z0R7N5Q3T9V2X4B6C8D0F"), ("reason", "no"), ("letter", "x")];
        let refused = vera.post(&format!("/dashboard/approvals/{own}/{act}"), &csrf(&page), &fields);
        assert!(refused.status == 403 && refused.body.contains("approver"), "{act}: {refused:?}");
        let absent = ada.post(&format!("/dashboard/approvals/{foreign}/{act}"), &token, &fields);
        let expected = if act == "close" { 303 } else { 404 };
        assert_eq!(absent.status, expected, "{act}: {absent:?}");
    }
    assert_eq!(ada.get(&format!("/dashboard/approvals/{foreign}")).status, 404);
    assert_eq!(
        dashboard.server.status(&other, &foreign)["applicationStatusMessage"],
        "Waiting for approval by a person"
    );
}
