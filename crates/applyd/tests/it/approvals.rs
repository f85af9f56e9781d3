//! A person decides: nothing leaves before the approval, and nothing but what was approved.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, job};
use crate::poller::code;

const LONG: Duration = Duration::from_secs(20);
const WAITING: &str = "Waiting for approval by a person";

struct Desk {
    place: Place,
    server: Process,
    account: Account,
    _sandbox: Process,
}

impl Desk {
    fn new() -> Self {
        let mut place = Place::fast();
        let sandbox = place.sandbox();
        let account = place.account("a", 50);
        place.json(&["account", "approval", "a", "--policy", "required"]);
        let server = place.serve();
        Self { place, server, account, _sandbox: sandbox }
    }

    fn apply(&self, job: &str, more: Value) -> String {
        let mut body = json!({"jobId": job, "coverLetter": "Dear client, hello."});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = "/api/auto-apply-v2/apply";
        self.server.call("POST", path, &self.account.key, Some(&body.to_string())).queue_id()
    }

    fn show(&self, id: &str) -> Value {
        self.place.json(&["approve", id, "--show"])
    }

    fn approve(&self, id: &str, hash: &str, by: &str) -> Result<Value, String> {
        let output = self.place.run(&["approve", id, "--showing", hash, "--by", by, "--json"]);
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            false => Err(String::from_utf8(output.stderr).unwrap()),
        }
    }

    fn show_and_approve(&self, id: &str) {
        let shown = self.show(id);
        self.approve(id, shown["showingId"].as_str().unwrap(), "Ada").unwrap();
    }

    fn ended(&self, id: &str) -> Value {
        self.server.ended(&self.account, id, LONG)
    }

    fn status(&self, id: &str) -> Value {
        self.server.status(&self.account, id)
    }

    fn timeline(&self, id: &str) -> Vec<(String, String, String)> {
        let path = format!("/api/auto-apply-v2/applications/{id}/timeline");
        let told = self.server.call("GET", &path, &self.account.key, None).json();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let entries = told["entries"].as_array().unwrap().iter();
        entries.map(|of| (text(of, "event"), text(of, "by"), text(of, "detail"))).collect()
    }
}

#[test]
fn what_is_shown_is_approved_and_exactly_that_is_submitted() {
    let desk = Desk::new();
    let more = json!({"proposal": {"hourlyRate": 70, "boostConnects": 4, "timeline": "1 to 3 months"}});
    let id = desk.apply(&job(1000), more);
    assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);
    assert_eq!(desk.place.json(&["approvals"])["approvals"][0]["queueId"], id.as_str());
    let shown = desk.show(&id);
    assert_eq!(shown["coverLetter"], "Dear client, hello.");
    assert_eq!(shown["price"], json!({"hourlyRate": 70}));
    assert_eq!(shown["connects"], json!({"cost": 10, "boost": 4, "total": 14, "max": 14, "balance": 500}));
    assert_eq!(desk.place.counted(&job(1000)), (0, 0));
    let hash = shown["showingId"].as_str().unwrap();
    assert_eq!((&shown["freelancer"], &shown["title"]), (&json!("Ada Sandbox"), &json!("Sandbox job 1000")));
    let job_url = format!("https://www.upwork.com/jobs/{}", job(1000));
    assert_eq!((&shown["account"], &shown["jobUrl"]), (&json!("a"), &json!(job_url)));
    let wrong = desk.approve(&id, "show_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "Ada").unwrap_err();
    assert!(wrong.contains("not what is shown"), "{wrong}");
    assert_eq!(desk.approve(&id, hash, "Ada").unwrap()["verdict"], "approved");
    assert_eq!(desk.ended(&id)["applicationStatus"], "applied");
    assert_eq!(desk.place.counted(&job(1000)), (1, 1));
    assert!(desk.timeline(&id).contains(&("approved".into(), "person".into(), "by Ada".into())));
    assert!(desk.place.json(&["approvals"])["approvals"].as_array().unwrap().is_empty());
    desk.place.assert_clean_ledger();
}

#[test]
fn a_person_is_asked_on_a_terminal_and_only_a_clear_yes_counts() {
    let desk = Desk::new();
    let id = desk.apply(&job(1000), json!({}));
    let typed = |word: &str| {
        let mut command = desk.place.command(&["approve", &id, "--by", "Ada"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{word}\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let no = typed("y");
    let said = String::from_utf8_lossy(&no.stderr).into_owned();
    assert_eq!(no.status.code(), Some(1));
    assert!(said.contains("Dear client, hello.") && said.contains("not approved"), "{said}");
    assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);
    // Who has said no holds up nobody.
    let other = desk.apply(&job(1001), json!({}));
    desk.show_and_approve(&other);
    assert_eq!(desk.ended(&other)["applicationStatus"], "applied");
    let yes = typed("approve");
    assert!(yes.status.success(), "{yes:?}");
    assert_eq!(desk.ended(&id)["applicationStatus"], "applied");
}

/// Whoever goes away without an answer holds up nobody either.
#[test]
fn an_interrupted_question_gives_the_preview_back() {
    let desk = Desk::new();
    let id = desk.apply(&job(1000), json!({}));
    for signal in ["INT", "TERM"] {
        let mut command = desk.place.command(&["approve", &id, "--by", "Ada"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        let mut stderr = child.stderr.take().unwrap();
        while !said.ends_with(b"as Ada: ") {
            let mut byte = [0];
            stderr.read_exact(&mut byte).unwrap();
            said.extend(byte);
        }
        let asked = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", signal, &asked]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}");
        assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);
        let open = "SELECT count(*) FROM application WHERE opened_until IS NOT NULL";
        assert_eq!(desk.place.raw().int(open), 0, "{signal}");
    }
    let other = desk.apply(&job(1001), json!({}));
    desk.show_and_approve(&other);
    assert_eq!(desk.ended(&other)["applicationStatus"], "applied");
}

/// Nobody makes the preview, as no server runs; the wish does not outlive whoever had it.
#[test]
fn an_interrupted_wait_for_a_preview_leaves_no_wish() {
    let desk = Desk::new();
    let id = desk.apply(&job(1000), json!({}));
    let Desk { place, server, .. } = desk;
    server.kill();
    let raw = place.raw();
    let wishes = || raw.int("SELECT count(*) FROM application WHERE open_asked_at IS NOT NULL");
    for more in [&["--by", "Ada"][..], &["--show"]] {
        let mut child = place.command(&[&["approve", &id], more].concat()).spawn().unwrap();
        wait_for(|| (wishes() == 1).then_some(()));
        let asked = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", "INT", &asked]).status().unwrap().success());
        assert_eq!((child.wait().unwrap().code(), wishes()), (Some(1), 0));
    }
}

#[test]
fn a_person_declines_a_caller_cancels_and_the_credit_comes_back() {
    let desk = Desk::new();
    let declined = desk.apply(&job(1000), json!({}));
    desk.place.json(&["decline", &declined, "--by", "Ada", "--reason", "not our kind of work"]);
    let status = desk.ended(&declined);
    assert_eq!(code(&status), Some("approval_denied"));
    assert!(status["errorMessage"].as_str().unwrap().contains("not our kind of work"), "{status}");
    let cancelled = desk.apply(&job(1001), json!({}));
    desk.show(&cancelled);
    let path = format!("/api/auto-apply-v2/applications/{cancelled}");
    let told = desk.server.call("DELETE", &path, &desk.account.key, None).json();
    assert_eq!(code(&told), Some("cancelled"));
    let late = desk.place.run(&["decline", &cancelled, "--by", "Ada", "--reason", "late"]);
    assert_eq!(late.status.code(), Some(1));
    assert_eq!(desk.place.balance(&desk.account), (50, 0, 0));
    // The slot is free for the next.
    desk.show_and_approve(&desk.apply(&job(1002), json!({})));
}

#[test]
fn two_people_approve_the_same() {
    let desk = Desk::new();
    desk.place.json(&["account", "approval", "a", "--approvers", "2"]);
    let id = desk.apply(&job(1000), json!({}));
    let shown = desk.show(&id);
    let hash = shown["showingId"].as_str().unwrap();
    assert_eq!(desk.approve(&id, hash, "Ada").unwrap()["verdict"], "needs_another");
    assert!(desk.approve(&id, hash, "Ada").unwrap_err().contains("another person"));
    assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);
    assert_eq!(desk.approve(&id, hash, "Ben").unwrap()["verdict"], "approved");
    assert_eq!(desk.ended(&id)["applicationStatus"], "applied");
}

#[test]
fn every_script_ends_as_published_once_a_person_has_approved_it() {
    let desk = Desk::new();
    for (number, status, words, counts) in [
        (2, "failed", Some("refused"), (1, 0)),
        (9, "applied", None, (1, 1)),
        (10, "failed", Some("not_submitted"), (1, 0)),
        (15, "not_available", Some("job_closed"), (1, 0)),
    ] {
        let id = desk.apply(&job(number), json!({}));
        desk.show_and_approve(&id);
        let ended = desk.ended(&id);
        assert_eq!((ended["applicationStatus"].as_str(), code(&ended)), (Some(status), words), "{ended}");
        assert_eq!(desk.place.counted(&job(number)), counts, "{number}");
    }
    // What the site says no to is not shown at all.
    for (number, status, words) in [
        (3, "not_available", Some("job_closed")),
        (4, "not_eligible", Some("not_eligible")),
        (5, "not_enough_connects", Some("not_enough_connects")),
        (13, "failed", Some("missing_answer")),
        (14, "failed", Some("input_rejected")),
    ] {
        let id = desk.apply(&job(number), json!({}));
        assert_eq!(desk.place.run(&["approve", &id, "--show"]).status.code(), Some(1));
        let ended = desk.ended(&id);
        assert_eq!((ended["applicationStatus"].as_str(), code(&ended)), (Some(status), words), "{ended}");
        assert_eq!(desk.place.counted(&job(number)).0, 0, "{number}");
    }
    desk.place.assert_clean_ledger();
}

#[test]
fn a_key_that_decides_has_a_ceiling_and_no_say_over_what_the_server_writes() {
    let desk = Desk::new();
    // What is required of the account holds for each of its keys.
    desk.place.json(&["account", "approval", "a", "--policy", "none"]);
    let keys = desk.place.json(&["key", "list", "a"]);
    let key_id = keys["keys"][0]["keyId"].as_str().unwrap();
    let unread = desk.place.run(&["key", "by-request", key_id, "--connects", "14", "--by", "Ada"]);
    let said = String::from_utf8_lossy(&unread.stderr).into_owned();
    assert!(unread.status.code() == Some(1) && said.contains("person's confirmation"), "{said}");
    desk.place.json(&["key", "by-request", key_id, "--connects", "14", "--acknowledge", "--by", "Ada"]);
    // The server knows a key's policy for half a second.
    let accepted = wait_for(|| {
        let body =
            json!({"jobId": job(1000), "coverLetter": "x", "proposal": {"maxConnects": 15}}).to_string();
        let told = desk.server.call("POST", "/api/auto-apply-v2/preflight", &desk.account.key, Some(&body));
        (told.status == 422).then(|| told.json())
    });
    assert_eq!(accepted["field"], "proposal.maxConnects");
    let id = desk.apply(&job(1000), json!({"proposal": {"boostConnects": 4}}));
    assert_eq!(desk.ended(&id)["applicationStatus"], "applied");
    let over = desk.apply(&job(1001), json!({"proposal": {"boostConnects": 5}}));
    assert_eq!(code(&desk.ended(&over)), Some("connects_cap"));
    // Two questions, and the caller leaves them to the server.
    let filled = desk.apply(&job(13), json!({"autoFillOtherQuestions": true}));
    wait_for(|| (desk.status(&filled)["applicationStatusMessage"] == WAITING).then_some(()));
    assert_eq!(desk.place.counted(&job(13)), (0, 0));
    let shown = desk.show(&filled);
    assert_eq!(shown["answers"].as_array().unwrap().len(), 2);
    desk.show_and_approve(&filled);
    assert_eq!(desk.ended(&filled)["applicationStatus"], "applied");
}

#[test]
fn a_budget_holds_at_the_approval_and_just_before_the_confirm() {
    let desk = Desk::new();
    let first = desk.apply(&job(1000), json!({}));
    let shown = desk.show(&first);
    desk.place.json(&["budget", "set", "a", "--per-day", "9"]);
    let refused = desk.approve(&first, shown["showingId"].as_str().unwrap(), "Ada").unwrap_err();
    assert!(refused.contains("9 Connects a day"), "{refused}");
    desk.place.json(&["budget", "set", "a", "--per-day", "10"]);
    desk.show_and_approve(&first);
    assert_eq!(desk.ended(&first)["applicationStatus"], "applied");
    let second = desk.apply(&job(1001), json!({}));
    assert_eq!(desk.place.run(&["approve", &second, "--show"]).status.code(), Some(1));
    let ended = desk.ended(&second);
    assert_eq!(code(&ended), Some("connects_cap"));
    assert!(ended["errorMessage"].as_str().unwrap().contains("10 are spent"), "{ended}");
    assert_eq!(desk.place.counted(&job(1001)), (0, 0));
}

#[test]
fn nothing_is_shown_without_a_server_and_what_ended_is_told() {
    let desk = Desk::new();
    let id = desk.apply(&job(1000), json!({}));
    desk.show_and_approve(&id);
    desk.ended(&id);
    let ended = desk.place.run(&["approve", &id, "--show"]);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("does not wait for a person: it is applied"));
    let unknown = desk.place.run(&["approve", "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "--show"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no application"));
}

/// Asks until there is an answer.
fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < LONG, "it did not come");
        std::thread::sleep(crate::harness::POLL);
    }
}
