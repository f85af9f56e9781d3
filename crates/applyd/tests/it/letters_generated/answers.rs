//! Answers that a caller leaves to the server: the model writes them, a person reads them, and exactly those are sent.

use serde_json::json;

use super::model::{Model, completion, ok};
use crate::channels::account_on;
use crate::harness::{Place, Process};
use crate::link::{apply, link, live};

/// The first of the catalogue; it asks questions.
const JOB: &str = "~029100000000000000011";

fn place(model: Option<&Model>) -> (Place, Process) {
    let (mut place, upwork) = live(&[]);
    if let Some(model) = model {
        place.set("APPLYD_LETTERS__ENDPOINT", &model.url);
        place.set("APPLYD_LETTERS__MODEL", "writer-1");
    }
    (place, upwork)
}

#[test]
fn a_person_reads_what_the_model_answers_and_that_is_sent() {
    // Each answer is another one: what is sent must be what was read.
    let model = Model::start(|_, before| ok(&completion(&format!("Answer number {before}."))));
    let (place, _upwork) = place(Some(&model));
    let server = place.serve();
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "Ada");
    let body = json!({"jobId": JOB, "autoFillOtherQuestions": true});
    let before =
        server.call("POST", "/api/auto-apply-v2/preflight", &account.key, Some(&body.to_string())).json();
    assert_eq!((&before["verdict"], &before["problems"]), (&json!("ok"), &json!([])), "{before}");
    let id = apply(&server, &account, JOB, &json!({"autoFillOtherQuestions": true})).queue_id();
    let shown = place.json(&["approve", &id, "--show"]);
    let answers = shown["answers"].as_array().unwrap();
    assert!(answers.len() >= 2 && answers[0]["answer"] == "Answer number 0.", "{shown}");
    let remarks = shown["remarks"].to_string();
    assert!(remarks.contains("answer written by writer-1"), "{remarks}");
    let hash = shown["showingId"].as_str().unwrap();
    place.json(&["approve", &id, "--showing", hash, "--by", "Ada"]);
    let ended = server.ended(&account, &id, std::time::Duration::from_secs(20));
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert_eq!(model.seen().len(), answers.len(), "asked once for each question");
    let kept = place.submissions().into_iter().find(|row| row["jobId"] == JOB).unwrap();
    assert_eq!(kept["proposals"][0]["answers"], answers.len());
    // What a stranger wrote is in the marked block alone.
    let asked = &model.seen()[0];
    assert!(asked.message("system").contains("screening question"));
    assert!(asked.message("user").contains("Hello from a test."));
}

#[test]
fn without_a_model_nobody_answers_and_a_model_that_fails_is_told() {
    let (place, _upwork) = place(None);
    let server = place.serve();
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "Ada");
    let id = apply(&server, &account, JOB, &json!({"autoFillOtherQuestions": true})).queue_id();
    assert_eq!(place.run(&["approve", &id, "--show"]).status.code(), Some(1));
    let ended = server.ended(&account, &id, std::time::Duration::from_secs(20));
    assert!(ended["errorMessage"].as_str().unwrap().starts_with("missing_answer: "), "{ended}");

    let silent = Model::writing("");
    let (place, _upwork) = self::place(Some(&silent));
    let server = place.serve();
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "Ada");
    let id = apply(&server, &account, JOB, &json!({"autoFillOtherQuestions": true})).queue_id();
    let failed = place.run(&["approve", &id, "--show"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(failed.status.code() == Some(1) && said.contains("no answer was written"), "{said}");
    assert_eq!(server.status(&account, &id)["applicationStatus"], "processing", "it goes on waiting");
}
