//! First answers, and the store's own facts.

use applyd_store::idempotency::{self, KEPT_MS, Saved};
use applyd_store::{Error, meta};

use crate::engine::on_each;

fn saved(body: &str) -> Saved {
    Saved { sha256: "s".into(), status: 409, body: body.into() }
}

#[test]
fn the_first_answer_to_a_key_stands_and_is_the_accounts_own() {
    on_each(|world| {
        let (a, b) = (world.account("a", 0), world.account("b", 0));
        let save = |account: &applyd_core::ids::AccountId, body: &'static str| {
            let account = account.clone();
            world.store.write_blocking(move |tx| idempotency::save(tx, &account, "k", &saved(body)))
        };
        let find = |account: &applyd_core::ids::AccountId| {
            let account = account.clone();
            world.read(move |tx| idempotency::find(tx, &account, "k"))
        };
        save(&a, "first").unwrap();
        assert!(matches!(save(&a, "second"), Err(Error::Engine(_))));
        assert_eq!((find(&a), find(&b)), (Some(saved("first")), None));
        save(&b, "other").unwrap();
        assert_eq!(find(&b), Some(saved("other")));
    });
}

#[test]
fn answers_are_kept_for_a_day_and_purged_in_portions() {
    const ANSWERS: usize = 1200;
    on_each(|world| {
        let account = world.account("a", 0);
        let owner = account.clone();
        world.write(move |tx| {
            (0..ANSWERS).try_for_each(|n| idempotency::save(tx, &owner, &format!("k{n}"), &saved("x")))
        });
        world.pass(KEPT_MS);
        assert_eq!(world.write(idempotency::purge), 0, "24 h at least");
        let owner = account.clone();
        world.write(move |tx| idempotency::save(tx, &owner, "young", &saved("y")));
        world.pass(1);
        let portions: Vec<_> = (0..4).map(|_| world.write(idempotency::purge)).collect();
        assert_eq!(portions, [500, 500, 200, 0]);
        assert_eq!(world.read(move |tx| idempotency::find(tx, &account, "young")), Some(saved("y")));
    });
}

#[test]
fn a_store_has_one_identity_and_at_most_one_reason_to_verify_only() {
    on_each(|world| {
        assert_eq!(world.write(|tx| meta::identity(tx, "one")), "one");
        assert_eq!(world.write(|tx| meta::identity(tx, "two")), "one");
        assert_eq!(world.read(meta::verify_only), None);
        for reason in [Some("restored"), Some("again"), None, None] {
            world.write(move |tx| meta::set_verify_only(tx, reason));
            assert_eq!(world.read(meta::verify_only).as_deref(), reason);
        }
    });
}
