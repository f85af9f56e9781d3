//! The windows of limits: nodes take portions, together never more than the limit.

use std::sync::Barrier;

use applyd_core::quota::{Endpoint, Period, Portion, Wanted};
use applyd_store::{Store, rate_limit};

use crate::engine::on_each;
use crate::world::{START, World};

const KEY: &str = "key_1";

fn wanted(period: Period, limit: u32) -> Wanted {
    Wanted { window: period.window(START / 1000), limit, taken: 0 }
}

fn take(store: &Store, asker: &'static str, wanted: Wanted) -> Portion {
    let taken = store.write_blocking(move |tx| rate_limit::take(tx, asker, Endpoint::Status, &[wanted]));
    let portions = taken.unwrap();
    assert_eq!(portions.len(), 1);
    portions[0]
}

#[test]
fn portions_add_up_to_the_limit_and_the_last_is_what_is_left() {
    on_each(|world| {
        let other = world.open_again();
        let minute = wanted(Period::Minute, 100);
        let portion = |n: u32| take(if n.is_multiple_of(2) { &world.store } else { &other }, KEY, minute);
        let taken: Vec<_> = (0..35).map(&portion).map(|got| (got.requests, got.taken)).collect();
        let threes: Vec<_> = (1..=33).map(|n| (3, n * 3)).collect();
        assert_eq!(taken[..33], threes);
        assert_eq!(taken[33..], [(1, 100), (0, 100)]);
        assert_eq!(portion(1).window, minute.window);
        let of = |asker, wanted| take(&other, asker, wanted).taken;
        assert_eq!(of("key_2", minute), 3, "each asker has its own");
        assert_eq!(of(KEY, wanted(Period::Day, 100)), 3, "a minute is not the day that it ends with");
        assert_eq!(of(KEY, Wanted { limit: 200, ..minute }), 105, "a limit was raised");
        assert_eq!(take(&other, KEY, Wanted { limit: 50, ..minute }).requests, 0, "or lowered");
        let next = Wanted { window: Period::Minute.window(START / 1000 + 60), ..minute };
        assert_eq!(of(KEY, next), 3);
        let elsewhere = world.store.write_blocking(move |tx| {
            rate_limit::take(tx, KEY, Endpoint::Job, &[minute, wanted(Period::Day, 100)])
        });
        assert_eq!(elsewhere.unwrap().iter().map(|portion| portion.taken).collect::<Vec<_>>(), [3, 3]);
    });
}

#[test]
fn nodes_that_ask_at_once_never_get_more_than_the_limit() {
    const NODES: usize = 4;
    on_each(|world| {
        let stores: Vec<Store> = (0..NODES).map(|_| world.open_again()).collect();
        let barrier = Barrier::new(NODES);
        let all: u32 = std::thread::scope(|scope| {
            let node = |store: &Store| {
                let (store, barrier) = (store.clone(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let portions = std::iter::repeat_with(|| take(&store, KEY, wanted(Period::Minute, 300)));
                    portions
                        .map(|portion| portion.requests)
                        .take(400)
                        .take_while(|requests| *requests > 0)
                        .sum::<u32>()
                })
            };
            let started: Vec<_> = stores.iter().map(node).collect();
            started.into_iter().map(|node| node.join().unwrap()).sum()
        });
        assert_eq!(all, 300);
    });
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    on_each(|world| {
        let minute = wanted(Period::Minute, 2);
        (0..2).for_each(|_| assert_eq!(take(&world.store, KEY, minute).requests, 1));
        let give_back = |world: &World, requests| {
            world.write(move |tx| rate_limit::give_back(tx, KEY, Endpoint::Status, minute.window, requests));
        };
        give_back(world, 1);
        assert_eq!(take(&world.store, KEY, minute).taken, 2);
        give_back(world, 3);
        assert_eq!(take(&world.store, KEY, minute).requests, 0, "more than there is comes from nobody");
    });
}

#[test]
fn windows_that_have_ended_are_forgotten_bite_by_bite() {
    on_each(|world| {
        let at =
            |period: Period, s: i64| Wanted { window: period.window(START / 1000 + s), ..wanted(period, 40) };
        for asker in [KEY, "key_2"] {
            for s in [0, 60, 120] {
                take(&world.store, asker, at(Period::Minute, s));
            }
        }
        take(&world.store, KEY, at(Period::Day, 0));
        let purge = || world.write(rate_limit::purge);
        assert_eq!(purge(), 0);
        world.pass(121_000);
        assert_eq!([purge(), purge(), purge()], [2, 2, 0]);
        assert_eq!(take(&world.store, KEY, at(Period::Minute, 120)).taken, 2, "it goes on");
        world.pass(86_400_000);
        assert_eq!([purge(), purge(), purge()], [2, 1, 0]);
    });
}
