//! The budget of calls: one for all processes on a store.

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
