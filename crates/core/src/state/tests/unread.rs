//! What no intent is known of, while the store may have lost it.

use super::*;
use crate::state::advance_unread;

const ACCEPTED: i64 = START - 5;

fn try_unread(was: &Progress, event: Event, by: By, after: i64) -> Result<Step, Refused> {
    advance_unread(was, event, by, ACCEPTED, START + after, &TIMING)
}

#[test]
fn what_would_end_unsent_is_taken_for_sent() {
    let blocked = |code| then(&leased(), block(code), FIRST, 0);
    let tired = |was: Progress| Progress { attempts: MOST_ATTEMPTS - 1, ..was };
    let orphaned = |was: Progress| Progress { lost_leases: MOST_LOST_LEASES - 1, ..was };
    let kept = |was: Progress| Progress { lease_until: Some(i64::MAX), ..was };
    let refused = |code| Event::End(ending(code));
    type Row = (&'static str, Progress, Event, By, i64, State);
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("queued too long",      queued(), Event::TimeUp,                      SWEEPER, DEADLINE, State::Unknown),
        ("read too long",        leased(), Event::TimeUp,                      SWEEPER, DEADLINE, State::Unknown),
        ("armed too long",       armed(),  Event::TimeUp,                      SWEEPER, DEADLINE, State::Unknown),
        ("login not back",       blocked(Code::LoggedOut), Event::TimeUp,      SWEEPER, CUTOFF, State::Unknown),
        ("policy not cleared",   blocked(Code::PolicyPending), Event::TimeUp,  SWEEPER, CUTOFF, State::Unknown),
        ("tries used up",        tired(leased()), Event::Retry { delay_ms: 0 }, FIRST, 1, State::Verifying),
        ("tries used up, armed", tired(armed()), Event::Retry { delay_ms: 0 }, FIRST, 1, State::Verifying),
        ("and too late",         kept(tired(leased())), Event::Retry { delay_ms: 0 }, FIRST, DEADLINE, State::Unknown),
        ("leases used up",       orphaned(leased()), Event::LeaseLost,         SWEEPER, LEASE, State::Verifying),
        ("login refused",        leased(), refused(Code::LoggedOut),           FIRST, 1, State::Verifying),
        ("job closed",           armed(),  refused(Code::JobClosed),           FIRST, 1, State::Verifying),
    ];
    for (name, was, event, by, after, state) in rows {
        let plain = try_step(&was, event.clone(), by, after).unwrap();
        assert_eq!(plain.ledger, Some(Release), "{name}: clean in normal operation");
        let step = try_unread(&was, event, by, after).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        let tell = (state == State::Unknown).then_some(Tell::Failed);
        assert_eq!((step.next.state, step.ledger, step.tell), (state, None, tell), "{name}");
        assert_eq!(step.next.code, tell.map(|_| Code::OutcomeUnknown), "{name}");
        let intent = step.next.intent.as_ref().unwrap();
        assert_eq!(
            (intent.at, intent.closed),
            (ACCEPTED, Closed::Open),
            "{name}: found from its acceptance on"
        );
        assert_eq!(
            (step.next.permit_closed_at, step.next.look_at),
            (Some(START + after), Some(START + after))
        );
        assert!(step.next.epoch > was.epoch && step.next.lease_until.is_none(), "{name}: nobody's any more");
        assert!(try_step(&step.next, cross(), owner(&was), after).is_err(), "{name}: never sent");
    }
}

#[test]
fn reads_settle_what_was_taken_for_sent() {
    let unknown = try_unread(&queued(), Event::TimeUp, SWEEPER, DEADLINE).unwrap().next;
    let early = looked_at(&unknown, DEADLINE);
    let found = try_step(&early, SEEN, owner(&early), DEADLINE).unwrap();
    assert_eq!(
        (found.next.state, found.ledger, found.tell),
        (State::Applied, Some(Capture), Some(Tell::Corrected))
    );
    // Nothing counts before the drain.
    let mut read = then(&early, NOT_SEEN, owner(&early), DEADLINE);
    assert_eq!(read.negative_reads, 0);
    for after in [DEADLINE + DRAIN, DEADLINE + DRAIN + SPACING] {
        assert_eq!(read.state, State::Unknown);
        let reading = looked_at(&read, after);
        read = then(&reading, NOT_SEEN, owner(&reading), after);
    }
    assert_eq!((read.state, read.code), (State::Failed, Some(Code::NotSubmitted)));
}

#[test]
fn what_may_have_been_sent_is_not_cancelled() {
    for was in [queued(), leased(), armed()] {
        assert_eq!(try_unread(&was, Event::Cancel, CALLER, 9), Err(Refused::Unread), "{:?}", was.state);
    }
    assert_eq!(try_unread(&intent(), Event::Cancel, CALLER, 9), Err(Refused::State));
}

#[test]
fn all_else_goes_on_as_ever() {
    let known = Event::End(ending(Code::NotSubmitted));
    let ended = try_unread(&queued(), known, SWEEPER, 1).unwrap();
    assert_eq!((ended.next.state, ended.ledger), (State::Failed, Some(Release)), "a later one took its job");
    let all = [queued(), leased(), armed(), intent(), submitted(), doubted(), verifying(), unknown()];
    for was in all.into_iter().chain(super::ended()) {
        for event in events() {
            for by in [SWEEPER, SENDER, CALLER, owner(&was)] {
                for after in [0, LEASE, DEADLINE] {
                    let plain = try_step(&was, event.clone(), by, after);
                    let unsent = |step: &Step| step.ledger == Some(Release) && step.next.intent.is_none();
                    if !plain.as_ref().is_ok_and(unsent) {
                        assert_eq!(try_unread(&was, event.clone(), by, after), plain, "{event:?} by {by:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_read_that_finds_nothing_before_the_intent_settles_nothing() {
    let back = then(&leased(), NOT_SEEN, FIRST, 1);
    assert_eq!((back.state, back.negative_reads, back.not_before), (State::Queued, 1, START + 1 + SPACING));
    let again = then(&then(&back, claim(), SWEEPER, SPACING + 1), NOT_SEEN, By::Worker(2), SPACING + 2);
    assert_eq!((again.state, again.negative_reads), (State::Queued, 1));
    // Nor does it count for what comes after.
    let taken = then(&again, claim(), SWEEPER, 3 * SPACING);
    let crossed = then(&then(&taken, arm(), By::Worker(3), 3 * SPACING), cross(), By::Worker(3), 3 * SPACING);
    let unknown = try_unread(&again, Event::TimeUp, SWEEPER, DEADLINE).unwrap().next;
    assert_eq!((crossed.negative_reads, unknown.negative_reads), (0, 0));
}
