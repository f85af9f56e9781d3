//! The desk, and what a person finds at the site.

use super::*;
use crate::time::{DESK_ANSWER_MS, DESK_CLAIM_MS, DESK_MS};

fn queued() -> Progress {
    Progress::accepted(START, Policy::Desk, &TIMING)
}

fn claimed() -> Progress {
    then(&queued(), Event::Claim { worker: "desk/Ada".into() }, SWEEPER, 0)
}

fn declared() -> Progress {
    let seen = then(&claimed(), arm(), FIRST, 0);
    then(&seen, cross(), FIRST, 60_000)
}

fn forgotten() -> Progress {
    then(&declared(), Event::TimeUp, SWEEPER, 60_000 + DESK_ANSWER_MS)
}

fn not_submitted() -> Event {
    Event::Declined(ending(Code::NotSubmitted))
}

#[test]
fn a_person_has_an_hour_to_begin_and_half_an_hour_to_say_what_came_of_it() {
    assert_eq!(queued().deadline, START + DESK_MS);
    let was = claimed();
    assert_eq!(was.lease_until, Some(START + DESK_CLAIM_MS));
    assert!(!was.holds_slot(), "people do not wait for each other");
    assert_eq!(overdue(&was, START + DESK_CLAIM_MS - 1, Dead::Proven), None, "no process, no proof");
    let event = overdue(&was, START + DESK_CLAIM_MS, Dead::No).unwrap();
    let back = then(&was, event, SWEEPER, DESK_CLAIM_MS);
    assert_eq!((back.state, back.lost_leases), (State::Queued, 0));
    let next = declared();
    let end = START + 60_000 + DESK_ANSWER_MS;
    assert_eq!((next.deadline, next.lease_until), (end, Some(end)));
    assert!(next.cutoff <= next.deadline, "as the store has it");
    assert_eq!(overdue(&next, end - 1, Dead::Proven), None);
    assert_eq!(overdue(&next, end, Dead::No), Some(Event::TimeUp));
}

#[test]
fn what_the_person_records_settles_it() {
    for (event, state, ledger) in [
        (Event::Accepted, State::Submitted, None),
        (Event::Declined(ending(Code::Refused)), State::Failed, Some(Kind::Release)),
        (not_submitted(), State::Failed, Some(Kind::Release)),
    ] {
        let step = try_step(&declared(), event, SENDER, 90_000).unwrap();
        assert_eq!((step.next.state, step.ledger), (state, ledger));
        assert_eq!(step.next.look_at, None, "no machine reads for the desk");
    }
    let submitted = then(&declared(), Event::Accepted, SENDER, 90_000);
    assert_eq!(then(&submitted, SEEN, By::Person, 90_000).state, State::Applied);
}

#[test]
fn a_forgotten_outcome_is_unknown_until_a_person_says_it() {
    let was = forgotten();
    assert_eq!((was.state, was.look_at), (State::Unknown, None));
    assert_eq!(due_at(&was), Some(START + 60_000 + GIVE_UP_MS));
    let after = 2 * DESK_ANSWER_MS;
    assert_eq!(then(&was, SEEN, By::Person, after).state, State::Applied);
    let step = try_step(&was, not_submitted(), By::Person, after).unwrap();
    assert_eq!(
        (step.next.code, step.ledger, step.tell),
        (Some(Code::NotSubmitted), Some(Kind::Release), Some(Tell::Corrected))
    );
    let event = overdue(&was, START + 60_000 + GIVE_UP_MS, Dead::No).unwrap();
    assert_eq!(then(&was, event, SWEEPER, 60_000 + GIVE_UP_MS).code, Some(Code::Unresolved));
}

#[test]
fn a_person_settles_what_a_machine_sent_only_when_nothing_can_follow() {
    assert_eq!(then(&unknown(), SEEN, By::Person, DEADLINE).state, State::Applied);
    assert_eq!(then(&doubted(), SEEN, By::Person, 1).state, State::Applied);
    let late = 2 * DEADLINE;
    assert_eq!(then(&unknown(), not_submitted(), By::Person, late).code, Some(Code::NotSubmitted));
    for (name, was, event, after) in [
        ("with an open permit", doubted(), not_submitted(), DRAIN),
        ("before the drain", verifying(), not_submitted(), DRAIN - 1),
        ("as refused", verifying(), Event::Declined(ending(Code::Refused)), late),
        ("what was not sent", leased(), SEEN, 1),
        ("what is under way", intent(), not_submitted(), 1),
    ] {
        assert!(try_step(&was, event, By::Person, after).is_err(), "{name}");
    }
}

#[test]
fn what_the_store_has_lost_is_read_for_by_a_person() {
    for in_time in [true, false] {
        let lost =
            Event::Recover { worker: "desk/Ada".into(), at: START, terms_sha256: String::new(), in_time };
        let was = then(&queued(), lost, SWEEPER, 1);
        assert_eq!(was.look_at, None, "no machine reads for the desk");
        let epoch = was.intent.as_ref().unwrap().epoch;
        assert_eq!(then(&was, Event::Accepted, By::Sender(epoch), 2).state, State::Applied);
        assert_eq!(then(&was, not_submitted(), By::Person, 2).code, Some(Code::NotSubmitted));
    }
}
