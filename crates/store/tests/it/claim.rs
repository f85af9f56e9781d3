//! Taking from the queue: one slot an account, first in first out, within its times.

use std::slice;
use std::sync::Barrier;

use applyd_core::ids::AccountId;
use applyd_core::outcome::Code;
use applyd_core::state::{By, Event, State};
use applyd_store::account::Channel;
use applyd_store::approval;
use applyd_store::queue::{self, New};

use crate::approval::required;
use crate::engine::on_each;
use crate::world::{T, World, arm, cross, job};

fn ready(world: &World) -> Vec<AccountId> {
    world.read(|tx| queue::ready(tx, None, 100))
}

#[test]
fn first_come_first_served_one_at_a_time() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let ids: Vec<_> = (1..=3).map(|n| world.accept(&account, &job(n))).collect();
        world.accept(&other, &job(1));
        for id in &ids {
            let taken = world.claim(&account, "w").unwrap();
            assert_eq!(taken.id, *id);
            assert_eq!((taken.progress.state, taken.progress.epoch), (State::Leased, 1));
            assert_eq!(taken.progress.processed_at, Some(world.now()));
            assert!(world.claim(&account, "w2").is_none(), "the slot is taken");
            world.end(id, Code::InputRejected);
        }
        assert!(world.claim(&account, "w").is_none(), "the queue is empty");
        assert!(world.claim(&other, "w").is_some(), "a slot is an account's own");
    });
}

#[test]
fn every_state_with_a_lease_or_an_open_intent_holds_the_slot() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        world.accept(&account, &job(2));
        let taken = || world.claim(&account, "w").is_none();
        let by = By::Worker(world.claim(&account, "w").unwrap().progress.epoch);
        assert!(taken(), "leased");
        world.advance(&id, arm(), by);
        assert!(taken(), "armed");
        world.advance(&id, cross(), by);
        assert!(taken(), "intent");
        world.advance(&id, Event::Doubt, By::Sender(1));
        assert!(taken(), "verifying");
        world.advance(&id, Event::Seen { site_at: None }, By::Sweeper);
        assert_eq!(world.state(&id), State::Applied);
        assert!(!taken(), "applied");
    });
}

#[test]
fn of_more_accounts_than_one_look_takes_each_has_its_turn() {
    on_each(|world| {
        let names = ["a", "b", "c", "d", "e"];
        let accounts: Vec<_> = names.into_iter().map(|name| world.account(name, 9)).collect();
        for (n, account) in (1..).zip(accounts.iter().rev()) {
            world.accept(account, &job(n));
        }
        // One of them has a preview too that a person wants to see; each account is told once.
        let asked = required(world, &accounts[2], 9);
        assert!(world.write(move |tx| approval::ask(tx, &asked)));
        let (mut after, mut looks) = (None, Vec::new());
        loop {
            let from = after.clone();
            let look = world.read(move |tx| queue::ready(tx, from.as_ref(), 2));
            after = look.last().cloned();
            if look.is_empty() {
                break;
            }
            looks.push(look);
        }
        assert_eq!(looks.concat(), accounts, "in order, from where the last look ended");
        assert_eq!(looks.len(), 3);
    });
}

#[test]
fn not_before_its_time_and_not_from_the_cutoff_on() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        let epoch = world.claim(&account, "w").unwrap().progress.epoch;
        world.advance(&id, Event::Retry { delay_ms: 1000 }, By::Worker(epoch));
        assert!(ready(world).is_empty());
        world.pass(999);
        assert!(world.claim(&account, "w").is_none(), "1 ms early");
        world.pass(1);
        assert_eq!(ready(world), slice::from_ref(&account));
        let again = world.claim(&account, "w").unwrap();
        assert_eq!((again.progress.epoch, again.progress.attempts), (epoch + 1, 1));
        assert_eq!(again.progress.processed_at, Some(again.accepted_at), "the first time stands");
        world.advance(&id, Event::HandBack { delay_ms: 0 }, By::Worker(epoch + 1));
        world.set_now(again.progress.cutoff - 1);
        assert_eq!(ready(world).len(), 1);
        world.pass(1);
        assert!(ready(world).is_empty());
        assert!(world.claim(&account, "w").is_none(), "at the cutoff");
    });
}

#[test]
fn what_waits_for_longer_does_not_wait_behind_a_delayed_one() {
    on_each(|world| {
        let account = world.account("a", 9);
        let (first, second) = (world.accept(&account, &job(1)), world.accept(&account, &job(2)));
        let epoch = world.claim(&account, "w").unwrap().progress.epoch;
        world.advance(&first, Event::Retry { delay_ms: 1000 }, By::Worker(epoch));
        assert_eq!(world.claim(&account, "w").unwrap().id, second);
    });
}

#[test]
fn a_persons_queue_is_not_a_workers() {
    on_each(|world| {
        let desk = world.account_on("desk", 9, Channel::Desk);
        let new = New { channel: Channel::Desk, one_takes_ms: None, ..world.offer(&desk, &job(1)) };
        world.ask(new);
        assert!(ready(world).is_empty() && world.claim(&desk, "w").is_none());
    });
}

#[test]
fn of_many_that_reach_for_one_application_one_gets_it() {
    const CLAIMERS: usize = 8;
    on_each(|world| {
        let account = world.account("a", 9);
        let (id, other) = (world.accept(&account, &job(1)), world.open_again());
        let barrier = Barrier::new(CLAIMERS);
        let won: Vec<_> = std::thread::scope(|scope| {
            let claim = |n: usize| {
                let store = if n.is_multiple_of(2) { world.store.clone() } else { other.clone() };
                let (account, barrier) = (account.clone(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    store.write_blocking(move |tx| queue::claim(tx, &account, &format!("w{n}"), &T)).unwrap()
                })
            };
            let threads: Vec<_> = (0..CLAIMERS).map(claim).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(won.len(), 1, "two handles, two processes or eight threads: one lease");
        assert_eq!(world.load(&id).progress.worker, won[0].progress.worker);
    });
}
