//! The pre-flight: what an application would come to, and nothing else happens.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, Reply, job};

const PATH: &str = "/api/auto-apply-v2/preflight";
const WAIT: Duration = Duration::from_secs(20);

fn stage() -> (Place, Process, Account) {
    let place = Place::fast();
    let account = place.account("agency", 100);
    let server = place.serve();
    (place, server, account)
}

fn ask(server: &Process, account: &Account, body: &Value) -> Reply {
    server.call("POST", PATH, &account.key, Some(&body.to_string()))
}

fn told(server: &Process, account: &Account, body: &Value) -> Value {
    let reply = ask(server, account, body);
    assert_eq!(reply.status, 200, "{body}: {reply:?}");
    reply.json()
}

/// Previews that the stand-in holds.
fn previews(place: &Place) -> i64 {
    let memory = place.path("sandbox.db");
    let memory = Connection::open_with_flags(memory, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    memory.query_row("SELECT count(*) FROM previews", [], |row| row.get(0)).unwrap()
}

fn codes(told: &Value) -> Vec<&str> {
    told["problems"].as_array().unwrap().iter().map(|problem| problem["code"].as_str().unwrap()).collect()
}

#[test]
fn it_spends_nothing_and_its_verdict_is_the_end_of_the_application() {
    let (place, server, account) = stage();
    let letterless = |number| json!({"jobId": job(number)});
    // What only the submission itself shows, or the faults that are kept for applications, cannot be told.
    let knowable = [1, 3, 4, 5, 7, 8, 9, 11, 13, 14, 1000];
    let verdicts: Vec<_> = knowable
        .map(|number| told(&server, &account, &letterless(number))["verdict"].as_str().unwrap().to_owned())
        .to_vec();
    for unknowable in [2, 6, 10, 12, 15, 17, 18] {
        assert_eq!(told(&server, &account, &letterless(unknowable))["verdict"], "ok", "{unknowable}");
    }
    assert_eq!(place.balance(&account), (100, 0, 0));
    assert_eq!((place.submissions(), previews(&place)), (Vec::new(), 0));
    let list = server.call("GET", "/api/auto-apply-v2/applied-jobs", &account.key, None).json();
    assert_eq!(list["total"], 0, "no application is kept");

    for (number, verdict) in knowable.into_iter().zip(verdicts) {
        let id = server.apply(&account, &job(number)).queue_id();
        let end = server.ended(&account, &id, WAIT)["applicationStatus"].clone();
        let expected = if verdict == "ok" { "applied" } else { verdict.as_str() };
        assert_eq!(end, expected, "{number}");
    }
    assert!(previews(&place) > 0, "the control: an application makes previews");
}

#[test]
fn it_tells_what_decides() {
    let (_place, server, account) = stage();
    let plain = told(
        &server,
        &account,
        &json!({"jobId": job(1), "proposal": {"boostConnects": 5, "maxConnects": 20}}),
    );
    assert_eq!(
        plain,
        json!({"jobId": job(1), "processedJobId": "90000000-0000-4000-8000-000000000001", "verdict": "ok",
            "approval": "none", "contractType": "HOURLY",
            "connects": {"cost": 10, "boost": 5, "total": 15, "balance": 500, "max": 20},
            "questions": [], "milestonesAllowed": null, "problems": []})
    );
    let fixed = told(&server, &account, &json!({"jobId": job(14), "proposal": {"fixedPrice": 500}}));
    assert_eq!(
        (&fixed["verdict"], &fixed["contractType"], &fixed["milestonesAllowed"]),
        (&json!("ok"), &json!("FIXED"), &json!(true))
    );
    let gone = told(&server, &account, &json!({"jobId": job(3)}));
    assert_eq!(
        (&gone["verdict"], &gone["connects"], &gone["questions"]),
        (&json!("not_available"), &Value::Null, &Value::Null)
    );
    assert_eq!((codes(&gone), &gone["contractType"]), (vec!["job_closed"], &json!("HOURLY")));
}

#[test]
fn every_problem_is_named_with_its_field() {
    let (_place, server, account) = stage();
    let asked = told(
        &server,
        &account,
        &json!({"jobId": job(13), "proposal": {"fixedPrice": 5, "maxConnects": 9},
            "questionAnswers": [{"question": "When can  you start?", "answer": "Now"}]}),
    );
    assert_eq!(asked["verdict"], "failed");
    assert_eq!(codes(&asked), ["connects_cap", "input_rejected", "missing_answer"]);
    let fields: Vec<_> =
        asked["problems"].as_array().unwrap().iter().map(|problem| &problem["field"]).collect();
    assert_eq!(fields, ["proposal.maxConnects", "proposal.fixedPrice", "questionAnswers"]);
    assert!(asked["problems"][2]["message"].as_str().unwrap().contains("How many years"), "{asked}");
    assert_eq!(
        asked["questions"],
        json!([{"position": 0, "question": "How many years have you worked with Rust?", "answered": false},
            {"position": 1, "question": "When can you start?", "answered": true}])
    );
    let filled = told(&server, &account, &json!({"jobId": job(13), "autoFillOtherQuestions": true}));
    assert_eq!((&filled["verdict"], codes(&filled).len()), (&json!("ok"), 0));
    let unpriced = told(&server, &account, &json!({"jobId": job(14), "proposal": {"hourlyRate": 5}}));
    assert_eq!(
        (codes(&unpriced), &unpriced["problems"][0]["field"]),
        (vec!["input_rejected"], &json!("proposal.hourlyRate"))
    );
}

#[test]
fn a_duplicate_and_a_missing_credit_are_problems_and_no_refusals() {
    let (place, server, account) = stage();
    let id = server.apply(&account, &job(1)).queue_id();
    server.ended(&account, &id, WAIT);
    let again = told(&server, &account, &json!({"jobId": job(1)}));
    assert_eq!(codes(&again), ["duplicate", "already_applied"]);
    assert_eq!(again["problems"][0]["message"], "Already applied to this job");
    let poor = place.account("poor", 0);
    let told = told(&server, &poor, &json!({"jobId": job(1)}));
    assert_eq!((&told["verdict"], codes(&told)), (&json!("ok"), vec!["no_credit"]));
}

#[test]
fn the_steps_before_the_reads_refuse_as_apply_does() {
    let (_place, server, account) = stage();
    for (body, status, field) in [
        (json!({}), 400, "jobId"),
        (json!({"jobId": "nonsense"}), 400, "jobId"),
        (json!({"jobId": job(1), "coverLetter": " "}), 422, "coverLetter"),
        (json!({"jobId": job(1), "proposal": {"timeline": "soon"}}), 422, "proposal.timeline"),
        (json!({"jobId": job(1), "profileId": "pf_of_nobody"}), 422, "profileId"),
    ] {
        let reply = ask(&server, &account, &body);
        assert_eq!((reply.status, &reply.json()["field"]), (status, &json!(field)), "{body}");
    }
    assert_eq!(ask(&server, &account, &json!({"jobId": job(16)})).status, 404);
    assert_eq!(server.call("POST", PATH, &account.key, Some("[]")).status, 400);
    assert_eq!(server.call("GET", PATH, &account.key, None).status, 405);
}

#[test]
fn without_the_marketplace_it_says_so() {
    let mut place = Place::fast();
    let sandbox = place.sandbox();
    let account = place.account("agency", 1);
    let server = place.serve();
    sandbox.kill();
    let reply = ask(&server, &account, &json!({"jobId": job(1)}));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("60")), "{reply:?}");
}
