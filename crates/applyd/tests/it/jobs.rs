//! The published jobs: each ends as sandbox-jobs.md §2 says, by every account it can be told from.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Place, Process, Reply, job};
use crate::poller::{code, end, until};

const CREDITS: i64 = 10;
const ALREADY_APPLIED: &str = "Already applied to this job";
const IN_PROGRESS: &str = "An application for this job is in progress";
const UNKNOWN: &str = "The outcome of an earlier application for this job is unknown";

/// A row of the table.
struct Row {
    job: String,
    /// Status and the code of `errorMessage`.
    ends: (&'static str, Option<&'static str>),
    /// Received and accepted, as the stand-in counts.
    counted: (i64, i64),
}

const APPLIED: (&str, Option<&str>) = ("applied", None);

fn row(
    job: impl Into<String>,
    ends: (&'static str, Option<&'static str>),
    received: i64,
    accepted: i64,
) -> Row {
    Row { job: job.into(), ends, counted: (received, accepted) }
}

fn table() -> Vec<Row> {
    let failed = |code| ("failed", Some(code));
    vec![
        row(job(1), APPLIED, 1, 1),
        row(job(2), failed("refused"), 1, 0),
        row(job(3), ("not_available", Some("job_closed")), 0, 0),
        row(job(4), ("not_eligible", Some("not_eligible")), 0, 0),
        row(job(5), ("not_enough_connects", Some("not_enough_connects")), 0, 0),
        row(job(6), ("logged_out", Some("logged_out")), 0, 0),
        row(job(7), APPLIED, 1, 1),
        row(job(8), APPLIED, 1, 1),
        row(job(9), APPLIED, 1, 1),
        row(job(10), failed("not_submitted"), 1, 0),
        row(job(11), APPLIED, 1, 1),
        row(job(13), failed("missing_answer"), 0, 0),
        row(job(14), failed("input_rejected"), 0, 0),
        row(job(15), ("not_available", Some("job_closed")), 1, 0),
        row(job(1000), APPLIED, 1, 1),
        row("~01abc123def456", APPLIED, 1, 1),
        row(
            format!("~02{}", fastrand::u64(1_000_000_000_000_000_000..3_000_000_000_000_000_000)),
            APPLIED,
            1,
            1,
        ),
    ]
}

#[test]
fn every_job_ends_as_published_and_once_more() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    std::thread::scope(|scope| {
        for row in table() {
            let (place, server) = (&place, &server);
            scope.spawn(move || play(place, server, &row));
        }
    });
    place.assert_clean_ledger();
}

/// One row on an account of its own: the end, the count, the credit, and what a second application gets.
fn play(place: &Place, server: &Process, row: &Row) {
    let account = place.account(&format!("agency {}", row.job), CREDITS as u32);
    let accepted = server.apply(&account, &row.job);
    assert_eq!(accepted.status, 200, "{}: {accepted:?}", row.job);
    let answer = accepted.json();
    assert_eq!(
        (&answer["success"], &answer["jobId"], &answer["applicationStatus"], &answer["creditsRemaining"]),
        (&json!(true), &json!(row.job), &json!("processing"), &json!(CREDITS - 1)),
        "{}",
        row.job
    );
    let ended = end(server, &account, &accepted);
    assert_eq!((ended["applicationStatus"].as_str().unwrap(), code(&ended)), row.ends, "{ended}");
    assert!(ended["processedAt"].is_i64(), "a worker had it: {ended}");
    assert_eq!(place.counted(&row.job), row.counted, "{}", row.job);
    let (received, spent) = row.counted;
    assert_eq!(place.balance(&account), (CREDITS - spent, 0, spent), "{}", row.job);

    let again = server.apply(&account, &row.job);
    if row.ends == APPLIED {
        assert_barred(&again, &accepted.queue_id(), ALREADY_APPLIED, "applied");
        assert_eq!(place.counted(&row.job), row.counted, "{}", row.job);
    } else {
        let ended = end(server, &account, &again);
        assert_ne!(again.queue_id(), accepted.queue_id());
        assert_eq!((ended["applicationStatus"].as_str().unwrap(), code(&ended)), row.ends, "{ended}");
        assert_eq!(place.counted(&row.job), (received * 2, 0), "{}", row.job);
    }
    assert_eq!(place.balance(&account), (CREDITS - spent, 0, spent), "{}", row.job);
}

fn assert_barred(reply: &Reply, queue_id: &str, error: &str, status: &str) {
    let body = json!({"error": error, "queueId": queue_id, "applicationStatus": status});
    assert_eq!((reply.status, reply.json()), (409, body));
}

#[test]
fn jobs_that_do_not_exist_are_told_so_and_cost_nothing() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    for number in [0, 16, 19, 999] {
        let uuid = format!("90000000-0000-4000-8000-00000000{number:04}");
        for spelling in [job(number), format!("https://www.upwork.com/jobs/{}", job(number)), uuid] {
            let refused = server.apply(&account, &spelling);
            assert_eq!(
                (refused.status, refused.json()),
                (404, json!({"error": "Job not found"})),
                "{spelling}"
            );
        }
    }
    let unknown = server.apply(&account, "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e");
    assert_eq!(unknown.status, 404, "{unknown:?}");
    assert_eq!((place.balance(&account), place.submissions().len()), ((1, 0, 0), 0));
}

#[test]
fn trouble_of_one_application_is_not_its_neighbours() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 10);
    let rows = table();
    let chosen = [5, 0, 7, 1, 6, 14].map(|index: usize| &rows[index]);
    let accepted = chosen.map(|row| (row, server.apply(&account, &row.job)));
    for (row, accepted) in accepted {
        let ended = end(&server, &account, &accepted);
        assert_eq!((ended["applicationStatus"].as_str().unwrap(), code(&ended)), row.ends, "{ended}");
        assert_eq!(place.counted(&row.job), row.counted, "{}", row.job);
    }
    assert_eq!(place.balance(&account), (6, 0, 4));
}

#[test]
fn a_slow_answer_is_waited_for() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    let accepted = server.apply(&account, &job(11));
    assert_barred(&server.apply(&account, &job(11)), &accepted.queue_id(), IN_PROGRESS, "processing");
    let ended = end(&server, &account, &accepted);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    let took = ended["appliedAt"].as_i64().unwrap() - ended["processedAt"].as_i64().unwrap();
    assert!((1000..3000).contains(&took), "slow_answer is 1 s, it took {took} ms: {ended}");
}

#[test]
fn a_job_that_never_answers_ends_at_the_deadline() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", CREDITS as u32);
    let accepted = server.apply(&account, &job(12));
    let ended = end(&server, &account, &accepted);
    assert_eq!((ended["applicationStatus"].as_str(), code(&ended)), (Some("failed"), Some("deadline")));
    assert_eq!((place.counted(&job(12)), place.balance(&account)), ((0, 0), (CREDITS, 0, 0)));
    let again = server.apply(&account, &job(12));
    assert_eq!(again.status, 200, "{again:?}");
    assert_ne!(again.queue_id(), accepted.queue_id());
}

#[test]
fn an_unknown_outcome_holds_the_job_and_the_credit_until_it_is_corrected() {
    let mut place = Place::fast();
    // Long enough to look at what is held in between.
    place.set("APPLYD_SANDBOX__UNREADABLE_FOR", "3s");
    let _sandbox = place.sandbox();
    let server = place.serve();
    std::thread::scope(|scope| {
        for row in [row(job(17), APPLIED, 1, 1), row(job(18), ("failed", Some("not_submitted")), 1, 0)] {
            let (place, server) = (&place, &server);
            scope.spawn(move || correct(place, server, &row));
        }
    });
    place.assert_clean_ledger();
}

fn correct(place: &Place, server: &Process, row: &Row) {
    const CORRECTED_WITHIN: Duration = Duration::from_secs(15);
    let account = place.account(&format!("agency {}", row.job), CREDITS as u32);
    let accepted = server.apply(&account, &row.job);
    let doubtful = end(server, &account, &accepted);
    assert_eq!(
        (doubtful["applicationStatus"].as_str(), code(&doubtful)),
        (Some("failed"), Some("outcome_unknown"))
    );
    assert_barred(&server.apply(&account, &row.job), &accepted.queue_id(), UNKNOWN, "failed");
    assert_eq!(place.balance(&account), (CREDITS - 1, 1, 0), "{}", row.job);
    // Whoever has to resolve it reads why the site could not be, and not once for each of the dozens of reads.
    let path = format!("/api/auto-apply-v2/applications/{}/timeline", accepted.queue_id());
    let timeline = server.call("GET", &path, &account.key, None).json();
    let unread =
        |entry: &&Value| entry["detail"].as_str().unwrap_or_default().contains("could not be read: ");
    let unread = timeline["entries"].as_array().unwrap().iter().filter(unread).count();
    assert!((1..=3).contains(&unread), "{timeline}");

    let corrected = until(server, &account, &accepted, CORRECTED_WITHIN, |status| {
        code(status) != Some("outcome_unknown")
    });
    assert_eq!((corrected["applicationStatus"].as_str().unwrap(), code(&corrected)), row.ends, "{corrected}");
    assert_eq!(place.counted(&row.job), row.counted, "{}", row.job);
    let spent = row.counted.1;
    assert_eq!(place.balance(&account), (CREDITS - spent, 0, spent), "{}", row.job);
    let again = server.apply(&account, &row.job);
    if row.ends == APPLIED {
        assert_barred(&again, &accepted.queue_id(), ALREADY_APPLIED, "applied");
    } else {
        assert_eq!(again.status, 200, "{again:?}");
        assert_ne!(again.queue_id(), accepted.queue_id());
    }
}
