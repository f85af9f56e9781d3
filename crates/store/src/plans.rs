//! Which index serves which hot statement: the engine is asked, about the very statements that the functions run.

use std::cell::RefCell;

use applyd_core::ids::{AccountId, PersonId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::state::State;
use applyd_core::time::Timing;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::grant::Grantee;
use crate::person::Person;
use crate::tx::On;
use crate::{
    Error, Tx, application, approval, desk, glance, listing, meta, migrate, overview, queue, resolve,
    retention, sqlite,
};

const ACCOUNT: &str = "sqlite_autoindex_account_1";
const APPLICATION: &str = "sqlite_autoindex_application_1";
const INTENT: &str = "sqlite_autoindex_intent_1";
const META: &str = "sqlite_autoindex_meta_1";
const SORT: &str = "USE TEMP B-TREE FOR ORDER BY";

thread_local! {
    static RUN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(statement, _) = event {
        RUN.with_borrow_mut(|run| run.push(statement.sql().into_owned()));
    }
}

/// A database with today's schema, and an account, an application and a job that it has not.
struct Empty {
    connection: Connection,
    _folder: tempfile::TempDir,
    account: AccountId,
    id: QueueId,
    job: JobKey,
}

impl Empty {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = sqlite::connect(&folder.path().join("applyd.db"), 1024).unwrap();
        migrate::sqlite(&connection, 1).unwrap();
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
        let (account, id) = (AccountId::new(1, 1), QueueId::new(1, 1));
        let job = JobKey::parse("~022000000000000000001").unwrap();
        Self { connection, _folder: folder, account, id, job }
    }

    /// What the engine goes by in all statements that `work` runs, step by step: an index, or what it does without one.
    fn plan<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, Error>) -> Vec<String> {
        RUN.take();
        work(&Tx::new(On::Sqlite(&self.connection), 1)).unwrap();
        let mut steps = Vec::new();
        for sql in RUN.take() {
            let mut explained = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let details = explained.raw_query().mapped(|row| row.get::<_, String>(3));
            steps.extend(details.map(|step| short(&step.unwrap())));
        }
        steps
    }
}

fn short(step: &str) -> String {
    let index = step.split_once("INDEX ").and_then(|(_, rest)| rest.split(' ').next());
    index.unwrap_or(step).to_owned()
}

#[test]
fn what_is_taken_next_is_found_by_what_is_queued() {
    let db = Empty::new();
    let found = db.plan(|tx| queue::claim(tx, &db.account, "w", &Timing::DEFAULT));
    assert_eq!(found, ["application_slot", "application_ready", META, "application_awaiting", SORT]);
    assert_eq!(db.plan(|tx| application::ahead(tx, &db.account)), ["application_ready", "application_slot"]);
    assert_eq!(db.plan(|tx| application::is_submitting(tx, &db.account)), ["application_slot"]);
    let found = db.plan(|tx| queue::ready(tx, None, 9));
    assert_eq!(found[..4], [META, "application_awaiting", "CO-ROUTINE ready", "application_ready"]);
    assert!(found[4..].iter().all(|step| !step.contains("application")), "{found:?}");
    db.plan(|tx| meta::set_verify_only(tx, Some("a look")));
    assert_eq!(db.plan(|tx| approval::to_open(tx, &db.account)), [META, "application_awaiting"]);
    assert_eq!(db.plan(|tx| approval::waiting_to_open(tx, "", 9)), [META, "application_awaiting"]);
}

#[test]
fn what_time_brings_is_found_by_its_time() {
    let db = Empty::new();
    assert_eq!(db.plan(|tx| queue::to_look_at(tx, 9)), ["application_look"]);
    assert_eq!(db.plan(|tx| queue::overdue(tx, 9)), ["application_due"]);
    assert_eq!(db.plan(|tx| queue::kept_back(tx, 9))[0], "application_ready");
    assert_eq!(db.plan(|tx| queue::overdue_of(tx, &db.account, 9)), ["application_due"]);
    assert_eq!(db.plan(|tx| queue::of_others(tx, "w")), ["application_due", INTENT]);
    assert_eq!(db.plan(|tx| retention::purge(tx, 1)), ["application_to_erase"]);
    assert_eq!(db.plan(overview::read)[0], "application_due");
}

#[test]
fn what_waits_for_a_person_is_found_among_what_waits() {
    let db = Empty::new();
    assert_eq!(db.plan(|tx| approval::waiting(tx, Some(&db.account))), [ACCOUNT, "application_awaiting"]);
    assert_eq!(db.plan(|tx| approval::waiting(tx, None)), ["application_awaiting", ACCOUNT, SORT]);
    assert_eq!(db.plan(queue::unverified), [META, "application_due", SORT]);
    assert_eq!(db.plan(|tx| resolve::list(tx, Some(&db.account))), ["application_unresolved", ACCOUNT]);
    assert_eq!(db.plan(|tx| resolve::list(tx, None)), ["application_unresolved", ACCOUNT]);
    let (id, name) = (PersonId::new(1, 1), "Ada".to_owned());
    let person = Person { id, name, account: db.account.clone(), limits: Vec::new() };
    assert_eq!(db.plan(|tx| desk::list(tx, &person, None, 9)), ["application_at_desk"]);
    let found = db.plan(|tx| application::unsettled(tx, &db.account));
    let scans: Vec<_> = found.iter().filter(|step| step.contains("_")).collect();
    assert_eq!(scans, ["application_due", "intent_open", "sqlite_autoindex_application_1"], "{found:?}");
}

/// However many applications an account has.
#[test]
fn a_glance_goes_by_indexes_that_have_all_it_counts() {
    let db = Empty::new();
    db.connection
        .execute_batch(&format!(
            "INSERT INTO account (id, name, channel, created_at) VALUES ('{}', 'a', 'sandbox', 1)",
            db.account
        ))
        .unwrap();
    let found = db.plan(|tx| glance::read(tx, &db.account, None));
    let of_application: Vec<_> = found.iter().filter(|step| step.starts_with("application")).collect();
    let (days, rest) = of_application.split_at(glance::DAYS);
    assert!(days.iter().all(|step| *step == "application_newest"), "{found:?}");
    assert_eq!(rest[0], "application_settled");
    assert!(rest[1..].iter().all(|step| *step == "application_open"), "{found:?}");
    assert!(!found.iter().any(|step| step.starts_with("SCAN")), "{found:?}");
    assert!(found.contains(&"intent_of_account".to_owned()), "{found:?}");
}

/// Each portion of a wipe begins where the last one ended, however much there is.
#[test]
fn a_wipe_goes_on_from_where_it_was() {
    let db = Empty::new();
    let grantee = Grantee { account: db.account.clone(), freelancer: Some("fl_1".into()) };
    let mut wipe = retention::Wipe::new(&grantee, false);
    assert_eq!(db.plan(|tx| wipe.next(tx)), ["sqlite_autoindex_stored_job_1"]);
    assert_eq!(db.plan(|tx| wipe.next(tx)), ["application_newest"]);
}

#[test]
fn one_application_is_found_by_its_id_or_its_job() {
    let db = Empty::new();
    assert_eq!(db.plan(|tx| application::status(tx, &db.account, &db.id)), [APPLICATION]);
    let by_job = ["application_job_guard", "application_ended"];
    assert_eq!(db.plan(|tx| application::status_of_job(tx, &db.account, &db.job)), by_job);
    assert_eq!(db.plan(|tx| application::foremost(tx, &db.account, &db.job)), by_job);
    assert_eq!(db.plan(|tx| application::job_of_uuid(tx, &db.account, "u")), ["application_of_uuid"]);
}

#[test]
fn people_find_applications_by_index_whatever_they_look_for() {
    let db = Empty::new();
    let list = |wanted: listing::Wanted| {
        let found = db.plan(|tx| listing::page(tx, &db.account, &wanted, Some(&db.id), 50));
        // Before them, the few freelancers are sorted; within them, a job's title is read.
        let of_applications = found.into_iter().skip_while(|step| !step.starts_with("application"));
        of_applications.filter(|step| step.starts_with("application") || step == SORT).collect::<Vec<_>>()
    };
    let states = vec![State::Applied, State::Queued];
    assert_eq!(list(listing::Wanted::default()), ["application_newest"]);
    let both = ["application_open", "application_over"];
    assert_eq!(list(listing::Wanted { states: states.clone(), ..Default::default() }), [both, both].concat());
    let of_job = list(listing::Wanted { job: Some(db.job.clone()), states, ..Default::default() });
    assert_eq!(of_job, ["application_job_guard", "application_ended"]);
}
