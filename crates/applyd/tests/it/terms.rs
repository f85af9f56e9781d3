//! What is promised in an application is what the site has, and what does not fit the job is told.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Account, Place, Process, job};
use crate::poller::{apply, code, end};

const YEARS: &str = "How many years have you worked with Rust?";
const START: &str = "When can you start?";

/// What the stand-in has stored of an application.
struct Kept {
    price: Value,
    answers: u64,
    boost: u64,
}

/// How an application with these members ends: with this proposal on the site, or with this status, code and words.
enum End {
    Applied(Kept),
    Not(&'static str, &'static str, &'static str),
}

fn kept(price: impl Into<Value>, answers: u64, boost: u64) -> End {
    End::Applied(Kept { price: price.into(), answers, boost })
}

fn failed(code: &'static str) -> End {
    End::Not("failed", code, "")
}

fn answered(answers: &[(&str, &str)], auto_fill: bool) -> Value {
    let answers: Vec<_> =
        answers.iter().map(|(question, answer)| json!({"question": question, "answer": answer})).collect();
    json!({"questionAnswers": answers, "autoFillOtherQuestions": auto_fill})
}

/// sandbox-jobs.md §3, the questions of 0013.
fn answers() -> Vec<(u16, Value, End)> {
    let (years, start) = ((YEARS, "Nine."), (START, "On Monday."));
    let missing = |question| End::Not("failed", "missing_answer", question);
    vec![
        (13, answered(&[years, start], false), kept(65, 2, 0)),
        (13, answered(&[start, years], true), kept(65, 2, 0)),
        (13, answered(&[years], false), missing(START)),
        (13, answered(&[start], false), missing(YEARS)),
        (13, answered(&[], false), missing(YEARS)),
        (13, json!({}), missing(YEARS)),
        (13, answered(&[years], true), kept(65, 2, 0)),
        (13, answered(&[], true), kept(65, 2, 0)),
        (13, answered(&[years, start, ("Are you a robot?", "No.")], false), kept(65, 2, 0)),
        (
            13,
            answered(&[("\t How  many years have\nyou worked with Rust? ", "9"), start], false),
            kept(65, 2, 0),
        ),
        (1001, answered(&[("Are you a robot?", "No.")], false), kept(65, 0, 0)),
    ]
}

/// 0014 has a fixed price, all others are paid by the hour.
fn prices() -> Vec<(u16, Value, End)> {
    let milestones = json!([{"description": "Half", "amount": 1000, "dueDate": "2027-01-31"},
        {"description": "Rest", "amount": 2000.5}]);
    let wrong = || failed("input_rejected");
    vec![
        (14, json!({"proposal": {"fixedPrice": 3000}}), kept(3000, 0, 0)),
        (14, json!({"proposal": {"milestones": milestones}}), kept(3000.5, 0, 0)),
        (14, json!({"proposal": {"fixedPrice": 3000.5, "milestones": milestones}}), kept(3000.5, 0, 0)),
        (14, json!({}), wrong()),
        (14, json!({"proposal": {"hourlyRate": 65}}), wrong()),
        (1002, json!({}), kept(65, 0, 0)),
        (1003, json!({"profileId": "pf_sandbox_1"}), kept(65, 0, 0)),
        (1004, json!({"profileId": "pf_sandbox_2"}), kept(70, 0, 0)),
        (1005, json!({"profileId": "pf_sandbox_3"}), kept(40, 0, 0)),
        (1006, json!({"proposal": {"hourlyRate": 72.5}}), kept(72.5, 0, 0)),
        (1007, json!({"profileId": "pf_sandbox_2", "proposal": {"hourlyRate": 55}}), kept(55, 0, 0)),
        (1008, json!({"proposal": {"fixedPrice": 3000}}), wrong()),
        (1009, json!({"proposal": {"milestones": milestones}}), wrong()),
        (
            1010,
            json!({"proposal": {"hourlyRate": 65, "timeline": "1 to 3 months", "mood": "good"}}),
            kept(65, 0, 0),
        ),
    ]
}

/// An application costs 10 Connects. The ceiling is judged after the job, the balance and the agency.
fn connects() -> Vec<(u16, Value, End)> {
    let proposal = |boost: u32, most: u32| json!({"proposal": {"boostConnects": boost, "maxConnects": most}});
    vec![
        (1011, json!({"proposal": {"boostConnects": 7}}), kept(65, 0, 7)),
        (1017, json!({"proposal": {"boostConnects": 3}}), failed("boost_outbid")),
        (1012, proposal(4, 14), kept(65, 0, 4)),
        (1013, proposal(4, 13), failed("connects_cap")),
        (1014, proposal(0, 10), kept(65, 0, 0)),
        (1015, proposal(0, 9), failed("connects_cap")),
        (1, proposal(0, 9), failed("connects_cap")),
        (1016, json!({"proposal": {"fixedPrice": 5, "maxConnects": 9}}), failed("connects_cap")),
        (3, proposal(0, 0), End::Not("not_available", "job_closed", "")),
        (4, proposal(0, 0), End::Not("not_eligible", "not_eligible", "")),
        (5, proposal(0, 0), End::Not("not_enough_connects", "not_enough_connects", "")),
    ]
}

#[test]
fn screening_questions_need_answers() {
    play_all(&answers());
}

#[test]
fn a_price_must_fit_the_job() {
    play_all(&prices());
}

#[test]
fn connects_are_spent_up_to_the_ceiling() {
    play_all(&connects());
}

/// Each row on an account of its own, all at once.
fn play_all(rows: &[(u16, Value, End)]) {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    std::thread::scope(|scope| {
        for (index, (number, members, end)) in rows.iter().enumerate() {
            let (place, server) = (&place, &server);
            scope.spawn(move || {
                let account = place.account(&format!("agency {index}"), 1);
                play(server, &account, *number, members, end);
                let spent = i64::from(matches!(end, End::Applied(_)));
                assert_eq!(place.balance(&account), (1 - spent, 0, spent), "{members}");
            });
        }
    });
}

fn play(server: &Process, account: &Account, number: u16, members: &Value, expected: &End) {
    let letter = format!(" Dear client,\r\n\r\n«{members}» – naïve & <b>bold</b>, 你好 🦀\n");
    let mut whole = members.clone();
    whole["coverLetter"] = letter.as_str().into();
    let accepted = apply(server, account, &job(number), &whole);
    let ended = end(server, account, &accepted);
    let status = ended["applicationStatus"].as_str().unwrap();
    let site = server.call("GET", "/sandbox/submissions", &account.key, None).json();
    match expected {
        End::Not(expected, word, reason) => {
            assert_eq!((status, code(&ended)), (*expected, Some(*word)), "{members}: {ended}");
            assert!(ended["errorMessage"].as_str().unwrap().contains(reason), "{reason:?}: {ended}");
            assert_eq!(site, json!({"submissions": []}), "{members}: nothing was sent");
        }
        End::Applied(kept) => {
            assert_eq!(status, "applied", "{members}: {ended}");
            let row = &site["submissions"][0];
            assert_eq!((&row["received"], &row["accepted"]), (&json!(1), &json!(1)), "{site}");
            let proposal = &row["proposals"][0];
            let sha256: String = Sha256::digest(&letter).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(proposal["coverLetterSha256"], sha256.as_str(), "{members}: {proposal}");
            assert_eq!(proposal["queueId"], accepted.queue_id().as_str(), "{proposal}");
            assert_eq!(proposal["price"].as_f64(), kept.price.as_f64(), "{members}: {proposal}");
            assert_eq!(proposal["answers"].as_u64(), Some(kept.answers), "{members}: {proposal}");
            assert_eq!(proposal["boostConnects"].as_u64(), Some(kept.boost), "{members}: {proposal}");
        }
    }
}

#[test]
fn terms_that_cannot_be_meant_are_refused_at_once() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    let unequal = json!({"fixedPrice": 3000, "milestones": [{"description": "All", "amount": 2999}]});
    for (members, field) in [
        (json!({"proposal": unequal}), "proposal.milestones"),
        (json!({"profileId": "pf_sandbox_4"}), "profileId"),
        (json!({"proposal": {"boostConnects": 5, "maxConnects": 4}}), "proposal.boostConnects"),
        (json!({"proposal": {"hourlyRate": 65, "fixedPrice": 3000}}), "proposal.fixedPrice"),
    ] {
        let refused = apply(&server, &account, &job(14), &members);
        assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some(field)), "{refused:?}");
    }
    assert_eq!((place.balance(&account), place.submissions().len()), ((1, 0, 0), 0));
}
