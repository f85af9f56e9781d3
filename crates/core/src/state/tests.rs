//! What may happen to an application, as tables. `T…`: submission-protocol.md §3.
#![allow(clippy::unwrap_used, reason = "tests")]

mod approve;
mod desk;
mod overdue;
mod unread;

use applyd_wire::EventType as Tell;

use super::*;
use crate::ledger::Kind::{self, Capture, Release, WriteOff};
use crate::retry::{MOST_ATTEMPTS, MOST_LOST_LEASES};
use crate::time::{CONFIRM_WAIT_MS, GIVE_UP_MS, Timing};

/// When the application of each test was accepted; all other times count from here.
const START: i64 = 1_700_000_000_000;
const TIMING: Timing = Timing::DEFAULT;
const CUTOFF: i64 = TIMING.intent_cutoff_ms;
const DEADLINE: i64 = TIMING.deadline_ms;
const LEASE: i64 = TIMING.lease_ms;
const DRAIN: i64 = TIMING.drain_ms;
const SPACING: i64 = TIMING.read_spacing_ms;
const SENDER: By = By::Sender(1);
const FIRST: By = By::Worker(1);
const SWEEPER: By = By::Sweeper;
const CALLER: By = By::Caller;

fn try_step(was: &Progress, event: Event, by: By, after: i64) -> Result<Step, Refused> {
    advance(was, event, by, START + after, &TIMING)
}

fn then(was: &Progress, event: Event, by: By, after: i64) -> Progress {
    let step = try_step(was, event.clone(), by, after);
    step.unwrap_or_else(|why| panic!("{event:?} by {by:?} after {after} ms: {why:?} in {was:#?}")).next
}

fn ending(code: Code) -> Ending {
    Ending::of(code)
}

fn claim() -> Event {
    Event::Claim { worker: "first".into() }
}

fn look() -> Event {
    Event::Look { worker: "reader".into() }
}

const NOT_SEEN: Event = Event::NotSeen { settles: true, again_ms: SPACING };
const UNREADABLE: Event = Event::Unreadable { again_ms: SPACING };
const SEEN: Event = Event::Seen { site_at: None };

fn block(code: Code) -> Event {
    Event::Block { code, renewed: code == Code::LoggedOut, delay_ms: 500 }
}

/// What would be sent, and what was approved.
const HASH: &str = "7e12";

fn not_settling() -> Event {
    Event::NotSeen { settles: false, again_ms: SPACING }
}

fn arm() -> Event {
    Event::Arm { terms_sha256: HASH.into() }
}

fn cross() -> Event {
    Event::Cross { terms_sha256: HASH.into() }
}

fn queued() -> Progress {
    Progress::accepted(START, Policy::None, &TIMING)
}

fn leased() -> Progress {
    then(&queued(), claim(), SWEEPER, 0)
}

fn armed() -> Progress {
    then(&leased(), arm(), FIRST, 0)
}

fn intent() -> Progress {
    then(&armed(), cross(), FIRST, 0)
}

fn submitted() -> Progress {
    then(&intent(), Event::Accepted, SENDER, 0)
}

/// Taken from its sender, which may still send.
fn doubted() -> Progress {
    then(&intent(), Event::Doubt, SWEEPER, 0)
}

/// Given up by its sender.
fn verifying() -> Progress {
    then(&intent(), Event::Doubt, SENDER, 0)
}

fn unknown() -> Progress {
    then(&verifying(), Event::TimeUp, SWEEPER, DEADLINE)
}

/// And a read after the day is over has put off the next.
fn unreadable_for_a_day() -> Progress {
    Progress { look_at: Some(START + GIVE_UP_MS + 1), ..unknown() }
}

fn looked_at(was: &Progress, after: i64) -> Progress {
    then(was, look(), SWEEPER, after)
}

fn owner(progress: &Progress) -> By {
    By::Worker(progress.epoch)
}

/// One of every way to end.
fn ended() -> Vec<Progress> {
    vec![
        then(&submitted(), SEEN, SWEEPER, 1),
        then(&unreadable_for_a_day(), Event::TimeUp, SWEEPER, GIVE_UP_MS),
        then(&leased(), Event::End(ending(Code::JobClosed)), FIRST, 1),
        then(&leased(), Event::End(ending(Code::NotEligible)), FIRST, 1),
        then(&leased(), Event::End(ending(Code::NotEnoughConnects)), FIRST, 1),
        then(&leased(), Event::End(ending(Code::LoggedOut)), FIRST, 1),
        then(&leased(), Event::Cancel, CALLER, 1),
        then(&intent(), Event::Declined(ending(Code::Refused)), SENDER, 1),
    ]
}

/// One of every event.
fn events() -> Vec<Event> {
    vec![
        claim(),
        look(),
        Event::Heartbeat,
        Event::Retry { delay_ms: 0 },
        Event::LeaseLost,
        Event::HandBack { delay_ms: 0 },
        block(Code::LoggedOut),
        Event::End(ending(Code::JobClosed)),
        arm(),
        cross(),
        Event::Accepted,
        Event::Declined(ending(Code::Refused)),
        Event::Recover { worker: "dead".into(), at: START, terms_sha256: String::new(), in_time: true },
        Event::Doubt,
        Event::PermitClosed,
        SEEN,
        NOT_SEEN,
        UNREADABLE,
        Event::TimeUp,
        Event::Cancel,
    ]
}

#[test]
fn each_transition_moves_the_credit_once_and_tells_its_end() {
    use State::*;
    let blocked = then(&leased(), block(Code::LoggedOut), FIRST, 1);
    let policy = then(&leased(), block(Code::PolicyPending), FIRST, 1);
    let last_try = Progress { attempts: MOST_ATTEMPTS - 1, ..leased() };
    let last_lease = Progress { lost_leases: MOST_LOST_LEASES - 1, ..armed() };
    let reading = looked_at(&verifying(), DRAIN);
    let last_read = Progress { negative_reads: 1, ..reading.clone() };
    let late = looked_at(&unknown(), DEADLINE);
    let late_read = Progress { negative_reads: 1, ..late.clone() };
    let recover = |in_time| Event::Recover {
        worker: "dead".into(),
        at: START - 1,
        terms_sha256: String::new(),
        in_time,
    };
    let declined = |code| Event::Declined(ending(code));
    type Row = (&'static str, Progress, Event, By, i64, State, Option<Code>, Option<Kind>, Option<Tell>);
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("T2 claimed",             queued(),  claim(),                      SWEEPER, 0, Leased, None, None, None),
        ("T3 heartbeat",           leased(),  Event::Heartbeat,             FIRST, 9, Leased, None, None, None),
        ("T4 transient error",     armed(),   Event::Retry { delay_ms: 7 }, FIRST, 9, Queued, None, None, None),
        ("T4 worker gone",         armed(),   Event::LeaseLost,             SWEEPER, 9, Queued, None, None, None),
        ("T4 handed back",         leased(),  Event::HandBack { delay_ms: 7 }, FIRST, 9, Queued, None, None, None),
        ("T4 login lost",          leased(),  block(Code::LoggedOut),       FIRST, 9, Queued, None, None, None),
        ("T5 six tries failed",    last_try,  Event::Retry { delay_ms: 0 }, FIRST, 9, Failed, Some(Code::AttemptsExhausted), Some(Release), Some(Tell::Failed)),
        ("T5 three workers died",  last_lease, Event::LeaseLost,            SWEEPER, 9, Failed, Some(Code::AttemptsExhausted), Some(Release), Some(Tell::Failed)),
        ("T5 job gone",            leased(),  Event::End(ending(Code::JobClosed)), FIRST, 9, NotAvailable, Some(Code::JobClosed), Some(Release), Some(Tell::NotAvailable)),
        ("T5 not eligible",        leased(),  Event::End(ending(Code::NotEligible)), FIRST, 9, NotEligible, Some(Code::NotEligible), Some(Release), Some(Tell::NotEligible)),
        ("T5 too few Connects",    armed(),   Event::End(ending(Code::NotEnoughConnects)), FIRST, 9, NotEnoughConnects, Some(Code::NotEnoughConnects), Some(Release), Some(Tell::NotEnoughConnects)),
        ("T5 terms changed",       armed(),   Event::End(ending(Code::TermsChanged)), FIRST, 9, Failed, Some(Code::TermsChanged), Some(Release), Some(Tell::Failed)),
        ("T5 policy not accepted", policy,    Event::TimeUp,                SWEEPER, CUTOFF, Failed, Some(Code::PolicyPending), Some(Release), Some(Tell::Failed)),
        ("T6 login refused",       queued(),  Event::End(ending(Code::LoggedOut)), SWEEPER, 9, LoggedOut, Some(Code::LoggedOut), Some(Release), Some(Tell::LoggedOut)),
        ("T6 login not restored",  blocked,   Event::TimeUp,                SWEEPER, CUTOFF, LoggedOut, Some(Code::LoggedOut), Some(Release), Some(Tell::LoggedOut)),
        ("T7 preview agreed",      leased(),  arm(),                   FIRST, 9, Armed, None, None, None),
        ("T8 crossed",             armed(),   cross(),                 FIRST, 9, Intent, None, None, None),
        ("T9 accepted",            intent(),  Event::Accepted,              SENDER, 9, Submitted, None, None, None),
        ("T10 a read agrees",      submitted(), SEEN,                       FIRST, 9, Applied, None, Some(Capture), Some(Tell::Applied)),
        ("T10 20 s passed",        submitted(), Event::TimeUp,              SWEEPER, CONFIRM_WAIT_MS, Applied, None, Some(Capture), Some(Tell::Applied)),
        ("T10 deadline",           Progress { submitted_at: Some(START + DEADLINE - 1), ..submitted() }, Event::TimeUp, SWEEPER, DEADLINE, Applied, None, Some(Capture), Some(Tell::Applied)),
        ("T11 refused",            intent(),  declined(Code::Refused),      SENDER, 9, Failed, Some(Code::Refused), Some(Release), Some(Tell::Failed)),
        ("T11 refused as closed",  intent(),  declined(Code::JobClosed),    SENDER, 9, NotAvailable, Some(Code::JobClosed), Some(Release), Some(Tell::NotAvailable)),
        ("T11 no byte left",       intent(),  declined(Code::NotSubmitted), SENDER, 9, Failed, Some(Code::NotSubmitted), Some(Release), Some(Tell::Failed)),
        ("T11 late refusal",       doubted(), declined(Code::Refused),      SENDER, 9, Failed, Some(Code::Refused), Some(Release), Some(Tell::Failed)),
        ("T12 sender gives up",    intent(),  Event::Doubt,                 SENDER, 9, Verifying, None, None, None),
        ("T12 sender overdue",     intent(),  Event::Doubt,                 SWEEPER, 9, Verifying, None, None, None),
        ("T13 found",              reading.clone(), SEEN,                   owner(&reading), DRAIN, Applied, None, Some(Capture), Some(Tell::Applied)),
        ("T13 late success",       doubted(), Event::Accepted,              SENDER, 9, Applied, None, Some(Capture), Some(Tell::Applied)),
        ("T14 first not found",    reading.clone(), NOT_SEEN,               owner(&reading), DRAIN, Verifying, None, None, None),
        ("T14 not found again",    last_read.clone(), NOT_SEEN,             owner(&last_read), DRAIN, Failed, Some(Code::NotSubmitted), Some(Release), Some(Tell::Failed)),
        ("T14 needs a person",     last_read.clone(), not_settling(), owner(&last_read), DRAIN, Verifying, None, None, None),
        ("T15 queued too long",    queued(),  Event::TimeUp,                SWEEPER, DEADLINE, Failed, Some(Code::Deadline), Some(Release), Some(Tell::Failed)),
        ("T15 armed too long",     armed(),   Event::TimeUp,                SWEEPER, DEADLINE, Failed, Some(Code::Deadline), Some(Release), Some(Tell::Failed)),
        ("T16 no answer in time",  intent(),  Event::TimeUp,                SWEEPER, DEADLINE, Unknown, Some(Code::OutcomeUnknown), None, Some(Tell::Failed)),
        ("T16 unreadable in time", doubted(), Event::TimeUp,                SWEEPER, DEADLINE, Unknown, Some(Code::OutcomeUnknown), None, Some(Tell::Failed)),
        ("T17 found after all",    late.clone(), SEEN,                      owner(&late), DEADLINE, Applied, None, Some(Capture), Some(Tell::Corrected)),
        ("T17 success after all",  unknown(), Event::Accepted,              SENDER, DEADLINE, Applied, None, Some(Capture), Some(Tell::Corrected)),
        ("T18 nothing after all",  late_read.clone(), NOT_SEEN,             owner(&late_read), DEADLINE, Failed, Some(Code::NotSubmitted), Some(Release), Some(Tell::Corrected)),
        ("T18 refused after all",  unknown(), declined(Code::Refused),      SENDER, DEADLINE, Failed, Some(Code::NotSubmitted), Some(Release), Some(Tell::Corrected)),
        ("T19 given up",           unreadable_for_a_day(), Event::TimeUp,                SWEEPER, GIVE_UP_MS, Failed, Some(Code::Unresolved), Some(WriteOff), Some(Tell::Corrected)),
        ("T20 cancelled in the queue", queued(), Event::Cancel,             CALLER, 9, Failed, Some(Code::Cancelled), Some(Release), Some(Tell::Failed)),
        ("T20 taken from a worker", leased(), Event::Cancel,                CALLER, 9, Failed, Some(Code::Cancelled), Some(Release), Some(Tell::Failed)),
        ("T20 at the last moment", armed(),   Event::Cancel,                CALLER, 9, Failed, Some(Code::Cancelled), Some(Release), Some(Tell::Failed)),
        ("restored in time",       armed(),   recover(true),                    SWEEPER, 9, Verifying, None, None, None),
        ("restored too late",      armed(),   recover(false),             SWEEPER, 9, Unknown, Some(Code::OutcomeUnknown), None, Some(Tell::Failed)),
        ("taken for a read",       verifying(), look(),                     SWEEPER, 9, Verifying, None, None, None),
        ("permit proven closed",   doubted(), Event::PermitClosed,          SWEEPER, 9, Verifying, None, None, None),
        ("site unreadable",        reading.clone(), UNREADABLE,      owner(&reading), DRAIN, Verifying, None, None, None),
    ];
    for (name, was, event, by, after, state, code, ledger, tell) in rows {
        let step = try_step(&was, event, by, after).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        let next = step.next;
        assert_eq!((next.state, next.code, step.ledger, step.tell), (state, code, ledger, tell), "{name}");
        assert_eq!(next.message.is_some(), next.is_failure(), "{name}: the caller is told why");
        assert!(next.state.is_terminal() <= (next.lease_until.is_none() && next.worker.is_none()), "{name}");
        assert!(next.epoch >= was.epoch, "{name}");
    }
}

impl Progress {
    fn is_failure(&self) -> bool {
        self.state.is_terminal() && self.state != State::Applied
    }
}

#[test]
fn each_refusal_leaves_the_application_alone() {
    use Refused::{Lease, State, Time};
    let half = LEASE / 2;
    let beaten = |after| Progress { lease_until: Some(START + after + LEASE), ..armed() };
    let reading = looked_at(&verifying(), 0);
    let retrying = then(&leased(), Event::Retry { delay_ms: 500 }, FIRST, 0);
    let reader = owner(&reading);
    let again = Progress { state: super::State::Armed, ..intent() };
    type Row = (&'static str, Progress, Event, By, i64, Refused);
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("claimed at the cutoff",         queued(), claim(), SWEEPER, CUTOFF, Time),
        ("claimed within the delay",      retrying, claim(), SWEEPER, 499, Time),
        ("claimed twice",                 leased(), claim(), SWEEPER, 1, State),
        ("an older epoch",                leased(), arm(), By::Worker(0), 1, Lease),
        ("an expired lease",              leased(), arm(), FIRST, LEASE, Lease),
        ("a heartbeat too late",          leased(), Event::Heartbeat, FIRST, LEASE, Lease),
        ("no lease at all",               queued(), Event::Heartbeat, By::Worker(0), 1, Lease),
        ("crossed without a preview",     leased(), cross(), FIRST, 1, State),
        ("crossed past the cutoff",       beaten(CUTOFF), cross(), FIRST, CUTOFF + 1, Time),
        ("crossed with a short lease",    armed(), cross(), FIRST, half + 1, Time),
        ("a second intent",               again, cross(), FIRST, 1, Time),
        ("crossed twice",                 intent(), cross(), FIRST, 1, State),
        ("ended after the intent",        intent(), Event::End(ending(Code::JobClosed)), FIRST, 1, State),
        ("requeued after the intent",     intent(), Event::Retry { delay_ms: 0 }, FIRST, 1, State),
        ("lease lost after the intent",   intent(), Event::LeaseLost, SWEEPER, LEASE, State),
        ("login lost after the intent",   intent(), block(Code::LoggedOut), FIRST, 1, State),
        ("logged out after the intent",   intent(), Event::Declined(ending(Code::LoggedOut)), SENDER, 1, State),
        ("unknown without an intent",     leased(), Event::End(ending(Code::OutcomeUnknown)), FIRST, 1, State),
        ("written off without an intent", leased(), Event::End(ending(Code::Unresolved)), FIRST, 1, State),
        ("blocked for an unknown end",    leased(), block(Code::OutcomeUnknown), FIRST, 1, State),
        ("the answer of another sender",  intent(), Event::Accepted, By::Sender(2), 1, Lease),
        ("an answer no sender brings",    intent(), Event::Accepted, SWEEPER, 1, Lease),
        ("a refusal no sender brings",    doubted(), Event::Declined(ending(Code::Refused)), SWEEPER, 1, Lease),
        ("a heartbeat of no owner",       doubted(), Event::Heartbeat, SENDER, 1, Lease),
        ("armed by the sweeper",          leased(), arm(), SWEEPER, 1, Lease),
        ("crossed by the sweeper",        armed(), cross(), SWEEPER, 1, Lease),
        ("read while a byte may follow",  doubted(), look(), SWEEPER, DRAIN, Time),
        ("seen while a byte may follow",  doubted(), SEEN, SWEEPER, DRAIN, State),
        ("a negative read of no reader",  verifying(), NOT_SEEN, SENDER, DRAIN, Lease),
        ("permit closed twice",           verifying(), Event::PermitClosed, SWEEPER, 1, State),
        ("two readers at once",           reading.clone(), look(), SWEEPER, 1, Time),
        ("a reader whose lease is over",  reading, NOT_SEEN, reader, LEASE, Lease),
        ("restored twice",                verifying(), Event::Recover { worker: "dead".into(), at: START, terms_sha256: String::new(), in_time: true }, SWEEPER, 1, State),
        ("cancelled after the intent",    intent(), Event::Cancel, CALLER, 1, State),
        ("cancelled after the yes",       submitted(), Event::Cancel, CALLER, 1, State),
        ("cancelled while verifying",     verifying(), Event::Cancel, CALLER, 1, State),
        ("cancelled while unknown",       unknown(), Event::Cancel, CALLER, DEADLINE, State),
        ("cancelled by its worker",       leased(), Event::Cancel, FIRST, 1, Lease),
        ("cancelled by the sweeper",      queued(), Event::Cancel, SWEEPER, 1, Lease),
        ("ended as if cancelled",         leased(), Event::End(ending(Code::Cancelled)), FIRST, 1, State),
        ("refused as if cancelled",       intent(), Event::Declined(ending(Code::Cancelled)), SENDER, 1, State),
        ("a caller that does more",       leased(), Event::End(ending(Code::Refused)), CALLER, 1, Lease),
        ("crossed after the cancel",      then(&armed(), Event::Cancel, CALLER, 0), cross(), FIRST, 1, Lease),
        ("given up early",                unreadable_for_a_day(), Event::TimeUp, SWEEPER, GIVE_UP_MS - 1, Time),
        ("given up unread",               unknown(), Event::TimeUp, SWEEPER, 3 * GIVE_UP_MS, Time),
        ("given up while it is read",     Progress { lease_until: Some(i64::MAX), ..unreadable_for_a_day() }, Event::TimeUp, SWEEPER, GIVE_UP_MS, Time),
        ("given up with an open permit",  Progress { permit_closed_at: None, ..unreadable_for_a_day() }, Event::TimeUp, SWEEPER, GIVE_UP_MS, Time),
        ("applied too early",             submitted(), Event::TimeUp, SWEEPER, CONFIRM_WAIT_MS - 1, Time),
        ("out of time too early",         queued(), Event::TimeUp, SWEEPER, DEADLINE - 1, Time),
        ("unknown too early",             intent(), Event::TimeUp, SWEEPER, DEADLINE - 1, Time),
    ];
    for (name, was, event, by, after, why) in rows {
        assert_eq!(try_step(&was, event, by, after), Err(why), "{name}");
    }
}

#[test]
fn the_limits_themselves_are_still_in_time() {
    let kept = Progress { lease_until: Some(START + CUTOFF + LEASE / 2), ..armed() };
    assert_eq!(then(&kept, cross(), FIRST, CUTOFF).state, State::Intent);
    assert_eq!(then(&queued(), claim(), SWEEPER, CUTOFF - 1).state, State::Leased);
    assert_eq!(then(&leased(), Event::Heartbeat, FIRST, LEASE - 1).lease_until, Some(START + 2 * LEASE - 1));
}

#[test]
fn an_end_is_final_for_everyone() {
    // Whatever else its row may say.
    let due = |was: Progress| Progress { look_at: Some(START), ..was };
    let held = |was: &Progress| Progress { lease_until: Some(i64::MAX), ..was.clone() };
    for was in ended().into_iter().map(due).flat_map(|was| [held(&was), was]) {
        for event in events() {
            for by in [SWEEPER, SENDER, CALLER, owner(&was)] {
                for after in [0, DEADLINE, 2 * GIVE_UP_MS] {
                    let step = try_step(&was, event.clone(), by, after);
                    assert!(step.is_err(), "{event:?} by {by:?} revived {:?}", was.state);
                }
            }
        }
        assert_eq!(overdue(&was, START + 2 * GIVE_UP_MS, Dead::Proven), None, "{:?}", was.state);
    }
}

#[test]
fn the_intent_outlives_its_worker() {
    let intent = intent();
    assert_eq!(intent.responsible(), Some("first"));
    let reading = looked_at(&verifying(), DRAIN);
    assert_eq!((reading.worker.as_deref(), reading.responsible()), (Some("reader"), Some("first")));
    for (event, closed) in [
        (Event::Accepted, Closed::Submitted),
        (Event::Declined(ending(Code::Refused)), Closed::Refused),
        (Event::Declined(ending(Code::NotSubmitted)), Closed::Absent),
        (Event::Doubt, Closed::Open),
    ] {
        assert_eq!(then(&intent, event, SENDER, 1).intent.unwrap().closed, closed);
    }
}

#[test]
fn only_the_senders_own_word_closes_the_permit_with_the_doubt() {
    assert_eq!((verifying().permit_closed_at, verifying().look_at), (Some(START), Some(START)));
    assert_eq!((doubted().permit_closed_at, doubted().look_at), (None, None));
    let closed = then(&doubted(), Event::PermitClosed, SENDER, 7);
    assert_eq!((closed.permit_closed_at, closed.look_at), (Some(START + 7), Some(START + 7)));
    for event in [NOT_SEEN, UNREADABLE, SEEN] {
        let doubted = Progress { lease_until: Some(START + LEASE), ..doubted() };
        assert_eq!(try_step(&doubted, event, owner(&doubted), 1), Err(Refused::State), "a byte may follow");
    }
}

#[test]
fn nothing_found_counts_only_after_the_drain_and_at_a_distance() {
    // Begun a moment too early: what left the sender last may not have arrived when the site was read.
    let early = looked_at(&verifying(), DRAIN - 1);
    let first = then(&early, NOT_SEEN, owner(&early), DRAIN + 5);
    assert_eq!((first.negative_reads, first.lease_until), (0, None));
    let due = DRAIN + 5 + SPACING;
    assert_eq!(try_step(&first, look(), SWEEPER, due - 1), Err(Refused::Time));
    let second = looked_at(&first, due);
    assert_eq!(then(&second, NOT_SEEN, owner(&second), due).negative_reads, 1);
}

#[test]
fn the_deadline_does_not_shorten_the_distance_between_reads() {
    let reading = looked_at(&verifying(), DEADLINE - 2);
    let first = then(&reading, NOT_SEEN, owner(&reading), DEADLINE - 1);
    let unknown = then(&first, Event::TimeUp, SWEEPER, DEADLINE);
    assert_eq!((unknown.negative_reads, unknown.look_at), (1, Some(START + DEADLINE - 1 + SPACING)));
    let interrupted = then(&looked_at(&verifying(), 5), Event::TimeUp, SWEEPER, DEADLINE);
    assert!(interrupted.look_at.unwrap() <= START + DEADLINE, "read again at once");
}

#[test]
fn each_kind_of_fault_has_its_own_count() {
    for (event, counts, delay) in [
        (Event::Retry { delay_ms: 500 }, (1, 0, 0), 500),
        (Event::LeaseLost, (0, 1, 0), 0),
        (Event::HandBack { delay_ms: 500 }, (0, 0, 0), 500),
        (block(Code::LoggedOut), (0, 0, 1), 500),
        (block(Code::PolicyPending), (0, 0, 0), 500),
    ] {
        let next = then(&armed(), event.clone(), FIRST, 1);
        assert_eq!((next.attempts, next.lost_leases, next.logins_renewed), counts, "{event:?}");
        assert_eq!((next.state, next.not_before), (State::Queued, START + 1 + delay), "{event:?}");
        let claimed = then(&next, claim(), SWEEPER, 1 + delay);
        assert_eq!((claimed.epoch, claimed.blocked, claimed.processed_at), (2, None, Some(START)));
    }
}

#[test]
fn the_sites_time_counts_only_for_what_was_told_too_late() {
    let site = Event::Seen { site_at: Some(START + 3) };
    let late = looked_at(&unknown(), DEADLINE);
    assert_eq!(then(&late, site.clone(), owner(&late), DEADLINE).applied_at, Some(START + 3));
    let reading = looked_at(&verifying(), DRAIN);
    assert_eq!(then(&reading, site, owner(&reading), DRAIN).applied_at, Some(START + DRAIN));
    let ahead = Event::Seen { site_at: Some(START + GIVE_UP_MS) };
    assert_eq!(then(&late, ahead, owner(&late), DEADLINE).applied_at, Some(START + DEADLINE));
}

#[test]
fn a_lost_intent_comes_back_as_one_to_be_verified() {
    for was in [queued(), leased(), armed()] {
        let event = Event::Recover {
            worker: "dead".into(),
            at: START - 5,
            terms_sha256: String::new(),
            in_time: true,
        };
        let next = then(&was, event, SWEEPER, 9);
        assert_eq!((next.state, next.responsible()), (State::Verifying, Some("dead")));
        assert_eq!((next.permit_closed_at, next.look_at), (Some(START + 9), Some(START + 9)));
        assert!(next.epoch > was.epoch && try_step(&next, arm(), owner(&was), 10).is_err());
    }
}

#[test]
fn every_name_reads_back() {
    for state in STATES {
        assert_eq!(State::parse(state.as_str()), Some(state));
        assert_eq!(state.event().is_some(), state.is_terminal());
    }
    for closed in [Closed::Open, Closed::Submitted, Closed::Refused, Closed::Absent] {
        assert_eq!(Closed::parse(closed.as_str()), Some(closed));
    }
}

#[test]
fn however_long_the_site_wants_us_to_wait_the_next_time_is_one() {
    let delay_ms = i64::MAX;
    for event in [
        Event::Retry { delay_ms },
        Event::HandBack { delay_ms },
        Event::Block { code: Code::LoggedOut, renewed: false, delay_ms },
    ] {
        assert_eq!(then(&leased(), event, FIRST, 0).not_before, i64::MAX);
    }
    let taken = then(&verifying(), look(), SWEEPER, 0);
    let worker = By::Worker(taken.epoch);
    assert_eq!(then(&taken, Event::Unreadable { again_ms: i64::MAX }, worker, 0).look_at, Some(i64::MAX));
}
