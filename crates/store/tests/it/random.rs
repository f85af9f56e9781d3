//! Random lives: whatever happens in whatever order, the invariants of submission-protocol.md §10 hold.

use std::collections::BTreeMap;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Closed, Dead, Event, State};
use applyd_core::time::GIVE_UP_MS;
use applyd_store::queue::Accept;
use proptest::prelude::*;

use crate::engine::on_each;
use crate::world::{T, World, arm, cross, job};

const JOBS: u64 = 3;
const CREDITS: i64 = 4;

/// What the test remembers to judge by.
#[derive(Default)]
struct Seen {
    ids: Vec<QueueId>,
    /// Terminal states as they were first seen.
    ended: BTreeMap<QueueId, State>,
}

#[derive(Debug, Clone)]
enum Op {
    Apply(u64),
    Claim,
    Move { which: usize, event: Event, by: By },
    CatchUp { which: usize, dead: bool },
    Pass(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let code = prop::sample::select(vec![
        Code::Refused,
        Code::NotSubmitted,
        Code::JobClosed,
        Code::LoggedOut,
        Code::OutcomeUnknown,
        Code::Unresolved,
    ]);
    prop_oneof![
        4 => Just(arm()),
        4 => Just(cross()),
        3 => Just(Event::Accepted),
        2 => code.clone().prop_map(|code| Event::Declined(Ending::of(code))),
        1 => code.prop_map(|code| Event::End(Ending::of(code))),
        2 => Just(Event::Doubt),
        1 => Just(Event::Heartbeat),
        1 => Just(Event::Retry { delay_ms: 5 }),
        1 => Just(Event::HandBack { delay_ms: 0 }),
        1 => Just(Event::LeaseLost),
        1 => Just(Event::Block { code: Code::LoggedOut, renewed: true, delay_ms: 0 }),
        2 => Just(Event::Look { worker: "w".into() }),
        2 => Just(Event::Seen { site_at: None }),
        3 => Just(Event::NotSeen { settles: true, again_ms: T.read_spacing_ms }),
        1 => Just(Event::Unreadable { again_ms: T.read_spacing_ms }),
        1 => Just(Event::PermitClosed),
        1 => Just(Event::TimeUp),
        2 => Just(Event::Cancel),
    ]
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![
        4 => (1_i64..6).prop_map(By::Worker),
        3 => (1_i64..6).prop_map(By::Sender),
        2 => Just(By::Sweeper),
        1 => Just(By::Caller),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..JOBS).prop_map(Op::Apply),
        3 => Just(Op::Claim),
        9 => (any::<prop::sample::Index>(), event(), by())
            .prop_map(|(which, event, by)| Op::Move { which: which.index(8), event, by }),
        2 => (0_usize..8, any::<bool>()).prop_map(|(which, dead)| Op::CatchUp { which, dead }),
        2 => prop::sample::select(vec![1, 5000, T.lease_ms, T.intent_cutoff_ms, T.deadline_ms, GIVE_UP_MS])
            .prop_map(Op::Pass),
    ]
}

fn play(world: &World, account: &AccountId, seen: &mut Seen, op: Op) {
    let of = |which: usize| seen.ids.iter().rev().nth(which % seen.ids.len().max(1)).cloned();
    match op {
        Op::Apply(n) => {
            if let Accept::Accepted { application, .. } = world.ask(world.offer(account, &job(n))) {
                seen.ids.push(application.id);
            }
        }
        Op::Claim => drop(world.claim(account, "w")),
        Op::Move { which, event, by } => {
            if let Some(id) = of(which) {
                // A refusal is an answer like any other here.
                let _ = world.try_advance(&id, event, by);
            }
        }
        Op::CatchUp { which, dead } => {
            if let Some(id) = of(which) {
                world.catch_up(&id, if dead { Dead::Proven } else { Dead::No });
            }
        }
        Op::Pass(ms) => world.pass(ms),
    }
}

fn judge(world: &World, account: &AccountId, seen: &mut Seen) {
    world.assert_clean();
    let (available, held, spent) = world.balance(account);
    assert_eq!(available + held + spent, CREDITS, "I11: nothing comes from nowhere");
    let (mut open, mut applied, mut slots) = (0, 0, 0);
    let mut guarded = BTreeMap::new();
    for id in &seen.ids {
        let found = world.load(id);
        let (progress, state) = (&found.progress, found.progress.state);
        open += i64::from(!state.is_terminal() || state == State::Unknown);
        applied += i64::from(state == State::Applied);
        slots += usize::from(state.holds_slot());
        let unresolved = progress.code == Some(Code::Unresolved);
        if !state.is_terminal() || matches!(state, State::Applied | State::Unknown) || unresolved {
            assert_eq!(guarded.insert(found.job.clone(), id), None, "I1: two bar one job");
        }
        let closed = progress.intent.as_ref().map(|intent| intent.closed);
        if state == State::Applied {
            assert_eq!(closed, Some(Closed::Submitted), "I3");
        }
        if state == State::LoggedOut {
            assert_eq!(closed, None, "I8: never an intent");
        }
        assert_eq!(state.is_terminal() && state != State::Applied, progress.message.is_some(), "I9");
        let events = world.events(id);
        let corrected = events.iter().filter(|kind| *kind == "application.corrected").count();
        assert_eq!(events.len(), usize::from(state.is_terminal()) + corrected, "I12: {events:?}");
        assert!(corrected <= 1, "I7: one correction");
        if let Some(first) = seen.ended.get(id) {
            assert!(*first == state || *first == State::Unknown, "I7: {first:?} became {state:?}");
        } else if state.is_terminal() {
            seen.ended.insert(id.clone(), state);
        }
    }
    assert_eq!((held, spent), (open, applied), "I5, I6");
    assert!(slots <= 1, "one application at a time an organisation");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_keeps_the_books(ops in prop::collection::vec(op(), 1..60)) {
        on_each(|world| {
            let (account, mut seen) = (world.account("a", CREDITS), Seen::default());
            for op in ops.clone() {
                play(world, &account, &mut seen, op);
                judge(world, &account, &mut seen);
            }
        });
    }
}
