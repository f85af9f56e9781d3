//! Pauses: what they keep in the queue, and that whoever waits can read why.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::state::{By, Dead, Event, State};
use applyd_store::account::Channel;
use applyd_store::approval::Approved;
use applyd_store::pause::{self, Scope};
use applyd_store::{queue, timeline};

use crate::approval;
use crate::engine::on_each;
use crate::world::{World, job};

fn pause(world: &World, scope: Scope, reason: &'static str) {
    world.write(move |tx| pause::set(tx, &scope, reason, "operator"));
}

fn ready(world: &World) -> Vec<AccountId> {
    world.read(|tx| queue::ready(tx, None, 100))
}

/// What its timeline says about pauses.
fn told(world: &World, account: &AccountId, id: &QueueId) -> Vec<String> {
    let (account, id) = (account.clone(), id.clone());
    let lines = world.read(move |tx| timeline::list(tx, &account, &id)).unwrap();
    lines.into_iter().filter(|line| line.event == "paused").filter_map(|line| line.detail).collect()
}

#[test]
fn nothing_of_a_paused_scope_is_taken_until_it_is_resumed() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        world.accept(&account, &job(1));
        world.accept(&other, &job(1));
        let own = Scope::Account(account.clone());
        pause(world, own.clone(), "holiday");
        assert_eq!(ready(world), std::slice::from_ref(&other));
        assert!(world.claim(&account, "w").is_none());
        for wide in [Scope::Channel(Channel::Sandbox), Scope::All] {
            pause(world, wide.clone(), "drift");
            assert!(ready(world).is_empty() && world.claim(&other, "w").is_none(), "{wide}");
            assert!(world.write(move |tx| pause::lift(tx, &wide)));
        }
        pause(world, Scope::Channel(Channel::Upwork), "another channel");
        assert!(world.claim(&other, "w").is_some());
        assert!(world.claim(&account, "w").is_none(), "its own pause stands");
        let again = own.clone();
        assert!(world.write(move |tx| pause::lift(tx, &again)));
        assert!(!world.write(move |tx| pause::lift(tx, &own)), "lifted already");
        assert_eq!(ready(world), std::slice::from_ref(&account));
        assert!(world.claim(&account, "w").is_some());
    });
}

#[test]
fn whoever_waits_because_of_it_is_told_once() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let (leased, queued) = (world.accept(&account, &job(1)), world.accept(&account, &job(2)));
        let elsewhere = world.accept(&other, &job(1));
        let by = By::Worker(world.claim(&account, "w").unwrap().progress.epoch);
        pause(world, Scope::Account(account.clone()), "the client called");
        let later = world.accept(&account, &job(3));
        for _ in 0..3 {
            assert!(world.claim(&account, "w").is_none());
        }
        world.advance(&leased, Event::HandBack { delay_ms: 0 }, by);
        for id in [&leased, &queued, &later] {
            let why = format!("paused (account:{account}) by operator: the client called");
            assert_eq!(told(world, &account, id), [why], "{id}");
        }
        assert!(told(world, &other, &elsewhere).is_empty());
    });
}

#[test]
fn what_a_person_approves_meanwhile_is_told_too() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = approval::required(world, &account, 1);
        approval::open(world, &account, &id);
        pause(world, Scope::All, "stop");
        assert!(matches!(approval::approve(world, &id), Approved::Queued(_)));
        assert_eq!(told(world, &account, &id), ["paused (all) by operator: stop"]);
    });
}

#[test]
fn deadlines_go_on_and_the_credit_comes_back() {
    on_each(|world| {
        let account = world.account("a", 1);
        let id = world.accept(&account, &job(1));
        pause(world, Scope::All, "all hands");
        world.set_now(world.load(&id).progress.deadline);
        world.catch_up(&id, Dead::No);
        assert_eq!(world.state(&id), State::Failed);
        assert_eq!(world.balance(&account), (1, 0, 0));
        world.assert_clean();
    });
}
