//! A1 to A4: waiting for a person, under each policy.

use super::*;
use crate::time::{APPROVAL_MS, OPENING_MS};

const PERSON: By = By::Person;
/// The preview that is shown counts until then, after the acceptance.
const PREVIEW: i64 = 150_000;

fn awaiting() -> Progress {
    Progress::accepted(START, Policy::Required, &TIMING)
}

fn opening() -> Progress {
    then(&awaiting(), Event::Open { worker: "first".into() }, SWEEPER, 0)
}

fn shown() -> Progress {
    then(&opening(), Event::Show { until: START + PREVIEW }, FIRST, 0)
}

fn approve() -> Event {
    Event::Approve { sha256: HASH.into(), expires_at: START + PREVIEW }
}

fn approved() -> Progress {
    then(&shown(), approve(), PERSON, 0)
}

fn approved_leased() -> Progress {
    then(&approved(), claim(), SWEEPER, 0)
}

fn owned(was: &Progress) -> By {
    By::Worker(was.epoch)
}

fn void() -> Event {
    Event::Void(ending(Code::TermsChanged))
}

#[test]
fn a_person_looks_approves_and_only_then_it_is_queued() {
    let was = awaiting();
    assert_eq!(
        (was.state, was.cutoff, was.deadline),
        (State::AwaitingApproval, START + APPROVAL_MS, START + APPROVAL_MS)
    );
    assert!(!was.holds_slot() && opening().holds_slot() && shown().holds_slot());
    assert_eq!(opening().opened_until, Some(START + OPENING_MS));
    assert_eq!((shown().opened_until, shown().worker), (Some(START + PREVIEW), None));
    // Later, so that the clock of the submission shows.
    let next = then(&shown(), approve(), PERSON, 9_000);
    assert_eq!((next.state, next.cutoff), (State::Queued, START + 9_000 + CUTOFF));
    assert_eq!(next.deadline, START + 9_000 + DEADLINE);
    assert!(next.holds_slot(), "nobody else's preview may replace the approved one");
    let taken = then(&next, claim(), SWEEPER, 9_000);
    let ready = then(&taken, arm(), owned(&taken), 9_000);
    assert_eq!(then(&ready, cross(), owned(&ready), 9_000).intent.unwrap().terms_sha256, HASH);
}

#[test]
fn an_approval_ends_with_the_cutoff_or_before_the_preview() {
    assert_eq!(approved().approval.unwrap().expires_at, START + PREVIEW);
    let long = Event::Approve { sha256: HASH.into(), expires_at: START + APPROVAL_MS };
    assert_eq!(then(&shown(), long, PERSON, 0).approval.unwrap().expires_at, START + CUTOFF);
    for was in [approved(), approved_leased()] {
        let was = Progress { lease_until: was.lease_until.map(|_| i64::MAX), ..was };
        assert_eq!(overdue(&was, START + PREVIEW - 1, Dead::No), None);
        let event = overdue(&was, START + PREVIEW, Dead::No).unwrap();
        assert_eq!(due_at(&was), Some(START + PREVIEW));
        let next = then(&was, event, SWEEPER, PREVIEW);
        assert_eq!((next.state, next.approval, next.opened_until), (State::AwaitingApproval, None, None));
        assert_eq!(next.deadline, START + APPROVAL_MS, "not extended");
    }
}

#[test]
fn what_was_not_approved_is_neither_armed_nor_sent() {
    let other = || "0000".to_owned();
    let leased = approved_leased();
    let armed = then(&leased, arm(), owned(&leased), 0);
    let unapproved = Progress { approval: None, ..leased.clone() };
    let kept = |was: &Progress| Progress { lease_until: Some(i64::MAX), ..was.clone() };
    for (name, was, event, after) in [
        ("armed with other terms", leased.clone(), Event::Arm { terms_sha256: other() }, 1),
        ("armed without an approval", unapproved.clone(), arm(), 1),
        ("armed too late", kept(&leased), arm(), PREVIEW),
        ("sent with other terms", armed.clone(), Event::Cross { terms_sha256: other() }, 1),
        ("sent without an approval", Progress { approval: None, ..armed.clone() }, cross(), 1),
        ("sent too late", kept(&armed), cross(), PREVIEW),
    ] {
        let by = owned(&was);
        assert_eq!(try_step(&was, event, by, after), Err(Refused::Unapproved), "{name}");
    }
    let by_request = Progress { policy: Policy::ByRequest, ..unapproved };
    assert_eq!(try_step(&by_request, arm(), owned(&by_request), 1), Err(Refused::Unapproved));
}

#[test]
fn a_void_approval_waits_for_another_or_ends_where_nobody_gives_one() {
    for was in [approved(), approved_leased(), then(&approved_leased(), arm(), By::Worker(2), 0)] {
        let next = then(&was, void(), SWEEPER, 1);
        assert_eq!((next.state, next.deadline), (State::AwaitingApproval, START + APPROVAL_MS));
        assert!(next.epoch > was.epoch && !next.holds_slot() && next.worker.is_none());
        assert!(try_step(&next, arm(), owned(&was), 1).is_err(), "who held it has lost it");
    }
    let asked = Progress { policy: Policy::ByRequest, ..leased() };
    let step = try_step(&asked, void(), FIRST, 1).unwrap();
    assert_eq!((step.next.code, step.ledger), (Some(Code::TermsChanged), Some(Kind::Release)));
    assert_eq!(try_step(&leased(), void(), FIRST, 1).unwrap().next.code, Some(Code::TermsChanged));
}

#[test]
fn what_the_server_writes_for_a_caller_needs_a_person() {
    let asked = Progress { policy: Policy::ByRequest, ..leased() };
    let next = then(&asked, Event::AskPerson, FIRST, 5);
    assert_eq!((next.state, next.policy), (State::AwaitingApproval, Policy::Required));
    assert_eq!(next.deadline, START + APPROVAL_MS);
}

#[test]
fn the_slot_is_kept_for_a_person_only_so_long() {
    let late = then(&opening(), Event::Show { until: START + APPROVAL_MS }, FIRST, 0);
    assert_eq!(late.opened_until, Some(START + OPENING_MS));
    assert_eq!(overdue(&late, START + OPENING_MS - 1, Dead::No), None);
    let event = overdue(&late, START + OPENING_MS, Dead::No).unwrap();
    let next = then(&late, event, SWEEPER, OPENING_MS);
    assert!(!next.holds_slot() && next.state == State::AwaitingApproval);
    // Whoever opened it is dead or too slow.
    let event = overdue(&opening(), START + LEASE, Dead::No).unwrap();
    let next = then(&opening(), event, SWEEPER, LEASE);
    assert!(!next.holds_slot());
    assert_eq!(try_step(&next, Event::Show { until: START + PREVIEW }, FIRST, LEASE), Err(Refused::Lease));
    assert!(overdue(&opening(), START + 1, Dead::Proven).is_some());
}

#[test]
fn each_end_without_an_approval_gives_the_credit_back() {
    let denied = || Event::End(ending(Code::ApprovalDenied));
    for (name, was, event, by, after, code) in [
        ("A3 declined unseen", awaiting(), denied(), PERSON, 1, Code::ApprovalDenied),
        ("A3 declined", shown(), denied(), PERSON, 1, Code::ApprovalDenied),
        ("A3 nobody came", awaiting(), Event::TimeUp, SWEEPER, APPROVAL_MS, Code::ApprovalExpired),
        ("A3 nobody decided", shown(), Event::TimeUp, SWEEPER, APPROVAL_MS, Code::ApprovalExpired),
        ("T5 while it was opened", opening(), Event::End(ending(Code::JobClosed)), FIRST, 1, Code::JobClosed),
        ("T20 unseen", awaiting(), Event::Cancel, CALLER, 1, Code::Cancelled),
        ("T20 while a person looks", shown(), Event::Cancel, CALLER, 1, Code::Cancelled),
        ("T20 after the approval", approved(), Event::Cancel, CALLER, 1, Code::Cancelled),
    ] {
        let step = try_step(&was, event, by, after).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        assert_eq!((step.next.code, step.ledger), (Some(code), Some(Kind::Release)), "{name}");
        assert!(!step.next.holds_slot() && step.next.worker.is_none(), "{name}");
    }
}

#[test]
fn nobody_else_approves_and_nobody_approves_what_is_not_shown() {
    use Refused::{Lease, State as Where, Time};
    let denied = || Event::End(ending(Code::ApprovalDenied));
    for (name, was, event, by, after, why) in [
        ("approved by a caller", shown(), approve(), CALLER, 1, Lease),
        ("approved by a worker", opening(), approve(), FIRST, 1, Lease),
        ("approved by the sweeper", shown(), approve(), SWEEPER, 1, Lease),
        ("approved unseen", awaiting(), approve(), PERSON, 1, Time),
        ("approved while it is made", opening(), approve(), PERSON, 1, Time),
        ("approved too late", shown(), approve(), PERSON, PREVIEW, Time),
        ("approved twice", approved(), approve(), PERSON, 1, Where),
        ("declined by a worker", opening(), denied(), FIRST, 1, Lease),
        ("claimed without an approval", shown(), claim(), SWEEPER, 1, Where),
        ("logged out while it waits", opening(), Event::End(ending(Code::LoggedOut)), FIRST, 1, Where),
        ("opened twice", shown(), Event::Open { worker: "b".into() }, SWEEPER, 1, Time),
        ("opened too late", awaiting(), Event::Open { worker: "b".into() }, SWEEPER, APPROVAL_MS, Time),
        ("expired early", awaiting(), Event::TimeUp, SWEEPER, APPROVAL_MS - 1, Time),
        ("a person that claims", approved(), claim(), PERSON, 1, Lease),
        ("a person that cancels", awaiting(), Event::Cancel, PERSON, 1, Lease),
    ] {
        assert_eq!(try_step(&was, event, by, after), Err(why), "{name}");
    }
}

#[test]
fn a_fault_after_the_approval_keeps_the_slot_for_the_next_try() {
    let was = approved_leased();
    let next = then(&was, Event::Retry { delay_ms: 10 }, owned(&was), 1);
    assert!(next.holds_slot() && next.approval.is_some() && next.state == State::Queued);
}
