//! The budget of calls: one for all processes on a store.

use std::sync::Barrier;

use applyd_core::pace::Kind;
use applyd_store::Store;
use applyd_store::pace::{self, Bucket, Turn};

use crate::engine::on_each;

const MOST_MS: i64 = 45_000;

fn buckets() -> [Bucket; 2] {
    ["grant:a", "egress:default"].map(|of| Bucket { of: of.to_owned(), kind: Kind::Sensitive })
}

fn take(store: &Store, buckets: &[Bucket], most_ms: i64) -> Turn {
    let buckets = buckets.to_vec();
    store.write_blocking(move |tx| pace::take(tx, &buckets, most_ms)).unwrap()
}

#[test]
fn processes_share_a_burst_and_then_take_turns() {
    on_each(|world| {
        let other = world.open_again();
        let turns: Vec<Turn> = (0..7)
            .map(|n| take(if n % 2 == 0 { &world.store } else { &other }, &buckets(), MOST_MS))
            .collect();
        assert_eq!(turns, [0, 0, 0, 0, 0, 5_000, 10_000].map(Turn::In));
        let elsewhere = Bucket { of: "grant:b".into(), kind: Kind::Sensitive };
        assert_eq!(take(&other, std::slice::from_ref(&elsewhere), MOST_MS), Turn::In(0), "a grant's own");
        let [_, egress] = buckets();
        assert_eq!(take(&other, &[elsewhere, egress], MOST_MS), Turn::In(15_000), "the fuller one decides");
        world.pass(60_000);
        assert_eq!(take(&world.store, &buckets(), MOST_MS), Turn::In(0), "it has filled meanwhile");
    });
}

#[test]
fn two_that_ask_at_once_never_get_the_same_turn() {
    const EACH: usize = 8;
    on_each(|world| {
        let other = world.open_again();
        let barrier = Barrier::new(2);
        let mut turns: Vec<i64> = std::thread::scope(|scope| {
            let ask = |store: &Store| {
                let (store, barrier) = (store.clone(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let turn = || match take(&store, &buckets(), MOST_MS * 2) {
                        Turn::In(ms) => ms,
                        Turn::TooLate(ms) => panic!("{ms}"),
                    };
                    std::iter::repeat_with(turn).take(EACH).collect::<Vec<_>>()
                })
            };
            let started = [&world.store, &other].map(ask);
            started.into_iter().flat_map(|asked| asked.join().unwrap()).collect()
        });
        turns.sort_unstable();
        let expected: Vec<i64> = (0..2 * EACH as i64).map(|n| (n - 4).max(0) * 5_000).collect();
        assert_eq!(turns, expected);
    });
}

#[test]
fn a_turn_that_comes_too_late_or_is_given_back_takes_nothing() {
    on_each(|world| {
        (0..5).for_each(|_| assert_eq!(take(&world.store, &buckets(), 0), Turn::In(0)));
        for _ in 0..3 {
            assert_eq!(take(&world.store, &buckets(), 4_999), Turn::TooLate(5_000));
        }
        assert_eq!(take(&world.store, &buckets(), 5_000), Turn::In(5_000));
        world.write(|tx| pace::give_back(tx, &buckets()));
        assert_eq!(take(&world.store, &buckets(), 5_000), Turn::In(5_000));
    });
}

#[test]
fn what_the_site_asks_for_holds_for_everybody() {
    on_each(|world| {
        world.write(|tx| pace::hold(tx, &buckets(), 60_000));
        let other = world.open_again();
        assert_eq!(take(&other, &buckets(), MOST_MS), Turn::TooLate(60_000));
        world.pass(60_000);
        assert_eq!(take(&other, &buckets(), MOST_MS), Turn::In(0));
        assert_eq!(take(&other, &buckets(), MOST_MS), Turn::In(5_000), "the burst is spent");
    });
}
