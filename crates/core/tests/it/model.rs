//! submission-protocol.md §10: every order of events of one job, two applications, two workers, a site.
//!
//! The model drives the real `advance` and `overdue`; its own part is what surrounds them: processes that
//! stall and die, requests under way, a site that may answer or not. Each mutation breaks one protection on
//! purpose; the invariants must notice, or they prove nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

mod actions;
mod world;

use std::collections::BTreeSet;

use applyd_core::outcome::Code;
use applyd_core::state::State;
use stateright::{Checker, HasDiscoveries, Model, Property};

use actions::Action;
use world::{Application, Credit, Job, World};

/// One protection taken away, numbered as in the contract's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    /// None of them: what ships.
    None,
    /// 1: an application whose lease ended goes back to the queue although it has an intent.
    RequeueIntent,
    /// 2: a worker sends before its intent is durable.
    SendBeforeIntent,
    /// 3: the site is read although a byte may still follow.
    ReadWithPermitOpen,
    /// 4: a read counts at once after the permit is closed.
    NoDrain,
    /// 5: a second application is accepted while the first is unknown.
    ReapplyWhileUnknown,
    /// 6: at the deadline the credit comes back although the intent is open.
    ReleaseAtDeadline,
    /// 7: the store loses an acknowledged intent and goes on.
    LoseIntent,
    /// 8: a worker may write although its lease is another's.
    NoEpoch,
    /// 9: as 8, whatever the state and the time.
    NoChecks,
    /// 10: what is being verified may be tried again although a byte may still follow.
    SecondIntent,
    /// 11: the caller cancels although a byte may still follow.
    CancelIntent,
    /// 12: a store that was set back ends what has no intent as if nothing had been sent.
    EndUnread,
}

/// The protocol under test.
#[derive(Debug, Clone)]
struct Protocol {
    mutation: Mutation,
    /// The store was set back: verify-only.
    restored: bool,
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        if self.restored { World::restored() } else { vec![World::new()] }
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions::possible(world, self.mutation, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        actions::perform(&mut next, action, self.mutation)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        type P = Property<Protocol>;
        // The contract's names; at the end what it does not ask for but the model must reach to mean something.
        let mut all = vec![
            P::always("I1", |_, world| world.applications.iter().map(|a| a.accepted).sum::<u8>() <= 1),
            P::always("I2", |_, world| !world.flaws.sent_without_intent),
            P::always("I3", |_, world| {
                each(world, |a| a.progress.state != State::Applied || (a.sent, a.accepted) == (1, 1))
            }),
            P::always("I4", |_, world| {
                (0..world.applications.len()).all(|index| {
                    let a = &world.applications[index];
                    let quiet = a.requests.is_empty() && !world.may_send(index);
                    a.credit != Credit::Released || (a.accepted == 0 && quiet)
                })
            }),
            P::always("I5", |_, world| {
                each(world, |a| (a.credit == Credit::Captured) == (a.progress.state == State::Applied))
            }),
            P::always("I6", |_, world| {
                !world.flaws.settled_twice
                    && each(world, |a| {
                        let open = !a.progress.state.is_terminal() || a.progress.state == State::Unknown;
                        (a.credit == Credit::Held) == open
                    })
            }),
            P::always("I7", |_, world| !world.flaws.revived),
            P::always("I8", |_, world| {
                each(world, |a| a.progress.state != State::LoggedOut || !(a.crossed || a.sent > 0))
            }),
            P::always("I9", |_, world| each(world, |a| a.ends_in_time(world.now()))),
            P::always("what is due is allowed", |_, world| !world.flaws.stuck),
            P::sometimes("R1", |_, world| each(world, |a| a.progress.state == State::Applied)),
            P::sometimes("verified as absent", |_, world| {
                each(world, |a| a.progress.negative_reads == 2 && a.credit == Credit::Released)
            }),
        ];
        if self.restored {
            return all;
        }
        all.extend([
            P::sometimes("R2", |_, world| each(world, |a| a.progress.state == State::Unknown)),
            P::sometimes("R3", |_, world| {
                let [first, second] = &world.applications[..] else { return false };
                first.crossed && second.progress.state == State::Applied
            }),
            P::sometimes("R4", |_, world| {
                let found = |a: &Application| a.orphaned && a.progress.state == State::Applied;
                world.applications.iter().any(found)
            }),
            P::sometimes("T20", |_, world| {
                let armed = |a: &Application| world.cancelled_under(a, Job::Armed);
                world.applications.iter().any(armed)
            }),
            P::sometimes("written off", |_, world| {
                each(world, |a| a.progress.code == Some(Code::Unresolved) && a.credit == Credit::WrittenOff)
            }),
        ]);
        all
    }
}

fn each(world: &World, holds: impl Fn(&Application) -> bool) -> bool {
    world.applications.iter().all(holds)
}

fn check(mutation: Mutation, finish: HasDiscoveries) -> impl Checker<Protocol> {
    let restored = mutation == Mutation::EndUnread;
    run(Protocol { mutation, restored }, finish)
}

fn run(protocol: Protocol, finish: HasDiscoveries) -> impl Checker<Protocol> {
    protocol.checker().threads(2).finish_when(finish).spawn_bfs().join()
}

#[test]
fn every_invariant_holds_in_every_order_of_events() {
    let checker = check(Mutation::None, HasDiscoveries::AllFailures);
    checker.assert_properties();
    // Far fewer would mean that something the model is about has become impossible.
    assert!(checker.unique_state_count() > 150_000, "only {} states", checker.unique_state_count());
}

#[test]
fn every_invariant_holds_in_a_store_that_was_set_back() {
    let protocol = Protocol { mutation: Mutation::None, restored: true };
    let checker = run(protocol, HasDiscoveries::AllFailures);
    checker.assert_properties();
    assert!(checker.unique_state_count() > 1_000, "only {} states", checker.unique_state_count());
}

/// Runs until each named invariant is broken, and shows that it can be.
fn caught(mutation: Mutation, invariants: &[&'static str]) {
    let named: BTreeSet<_> = invariants.iter().copied().collect();
    let checker = check(mutation, HasDiscoveries::AllOf(named));
    for invariant in invariants {
        assert!(checker.discovery(invariant).is_some(), "{mutation:?} does not break {invariant}");
    }
}

#[test]
fn a_lease_that_ends_after_the_intent_must_not_requeue() {
    caught(Mutation::RequeueIntent, &["I1", "I3", "I4", "I8"]);
}

#[test]
fn nothing_is_sent_before_the_intent_is_durable() {
    caught(Mutation::SendBeforeIntent, &["I1", "I2", "I3", "I4", "I8"]);
}

#[test]
fn the_site_is_read_only_after_the_permit_is_closed() {
    caught(Mutation::ReadWithPermitOpen, &["I1", "I4"]);
}

#[test]
fn a_read_counts_only_after_the_drain() {
    caught(Mutation::NoDrain, &["I1", "I4"]);
}

#[test]
fn an_unknown_outcome_keeps_its_job_guarded() {
    caught(Mutation::ReapplyWhileUnknown, &["I1"]);
}

#[test]
fn an_open_intent_keeps_its_credit_held() {
    caught(Mutation::ReleaseAtDeadline, &["I1", "I4"]);
}

#[test]
fn an_acknowledged_intent_is_never_lost() {
    caught(Mutation::LoseIntent, &["I1", "I2", "I3", "I4", "I8"]);
}

#[test]
fn only_the_owner_writes() {
    // I8 stands without the epoch too: no state after the intent leads to LOGGED_OUT.
    caught(Mutation::NoEpoch, &["I1", "I2", "I4"]);
}

#[test]
fn only_the_owner_writes_in_state_and_in_time() {
    caught(Mutation::NoChecks, &["I1", "I4", "I6", "I8", "I9"]);
}

#[test]
fn what_has_an_intent_is_not_cancelled() {
    caught(Mutation::CancelIntent, &["I1", "I4"]);
}

#[test]
fn there_is_no_second_intent() {
    caught(Mutation::SecondIntent, &["I1", "I3", "I4", "I8"]);
}

#[test]
fn what_may_have_lost_its_intent_does_not_end_as_unsent() {
    caught(Mutation::EndUnread, &["I4"]);
}
