//! What time alone brings about, and when.

use super::*;

#[test]
fn time_alone_acts_at_the_boundary_and_not_before() {
    use Dead::{No, Proven};
    let blocked = then(&leased(), block(Code::LoggedOut), FIRST, 0);
    let patient = |was: Progress| Progress { lease_until: Some(START + GIVE_UP_MS), ..was };
    let asked = |was: Progress, answer_by: i64| {
        let mut was = patient(was);
        was.intent.as_mut().unwrap().answer_by = START + answer_by;
        was
    };
    let reading = looked_at(&verifying(), 0);
    let back = Event::HandBack { delay_ms: 0 };
    type Row = (&'static str, Progress, Dead, i64, Event);
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("queued to the deadline",       queued(), Proven, DEADLINE, Event::TimeUp),
        ("login not back by the cutoff", blocked, No, CUTOFF, Event::TimeUp),
        ("lease over",                   leased(), No, LEASE, Event::LeaseLost),
        ("armed lease over",             armed(), No, LEASE, Event::LeaseLost),
        ("kept to the deadline",         patient(leased()), No, DEADLINE, Event::TimeUp),
        ("answer overdue",               patient(intent()), No, TIMING.answer_by_ms, Event::Doubt),
        ("sender's lease over",          intent(), No, LEASE, Event::Doubt),
        ("asked to the deadline",        asked(intent(), GIVE_UP_MS), No, DEADLINE, Event::TimeUp),
        ("verified to the deadline",     patient(verifying()), No, DEADLINE, Event::TimeUp),
        ("success long enough",          patient(submitted()), No, CONFIRM_WAIT_MS, Event::TimeUp),
        ("success at the deadline",      Progress { submitted_at: Some(START + DEADLINE), ..patient(submitted()) }, No, DEADLINE, Event::TimeUp),
        ("reader's lease over",          reading, No, LEASE, back),
        ("unknown for a day",            unreadable_for_a_day(), No, GIVE_UP_MS, Event::TimeUp),
    ];
    for (name, was, dead, after, event) in rows {
        assert_eq!(overdue(&was, START + after - 1, dead), None, "{name}: too early");
        assert_eq!(overdue(&was, START + after, dead), Some(event.clone()), "{name}");
        assert_eq!(due_at(&was), Some(START + after), "{name}: nobody looks before");
        try_step(&was, event, SWEEPER, after).unwrap_or_else(|why| panic!("{name}: {why:?}"));
    }
}

#[test]
fn a_worker_that_is_proven_dead_is_not_waited_for() {
    let open = then(&doubted(), Event::TimeUp, SWEEPER, DEADLINE);
    for (was, after, event) in [
        (leased(), 1, Event::LeaseLost),
        (armed(), 1, Event::LeaseLost),
        (intent(), 1, Event::Doubt),
        (doubted(), 1, Event::PermitClosed),
        (open, DEADLINE, Event::PermitClosed),
    ] {
        assert_eq!(overdue(&was, START + after, Dead::No), None, "{:?}", was.state);
        assert_eq!(overdue(&was, START + after, Dead::Proven), Some(event), "{:?}", was.state);
    }
}

#[test]
fn a_live_reader_keeps_its_look_though_the_sender_is_dead() {
    for reading in [looked_at(&verifying(), DRAIN), looked_at(&unknown(), DEADLINE)] {
        let now = reading.lease_until.unwrap() - 1;
        let reading = Progress { deadline: now + 1, ..reading };
        assert_eq!(overdue(&reading, now, Dead::Proven), None, "{:?}", reading.state);
    }
}
