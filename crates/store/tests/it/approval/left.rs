//! Whoever wanted to look has left.

use super::*;

#[test]
fn who_leaves_before_the_preview_is_there_is_shown_none() {
    on_each(|world: &World| {
        let account = world.account("a", 2);
        let id = required(world, &account, 1);
        let leave = || {
            let left = id.clone();
            world.write(move |tx| approval::close(tx, &left, &T))
        };
        ask(world, &id);
        assert!(!leave());
        assert!(world.claim(&account, "w1").is_none(), "nobody wants it any more");
        ask(world, &id);
        let epoch = world.claim(&account, "w1").unwrap().progress.epoch;
        assert!(!leave(), "its preview is being made");
        world.accept(&account, &job(2));
        assert!(world.claim(&account, "w2").is_none(), "no second write beside it");
        assert_eq!(
            show(world, &id, By::Worker(epoch), shown(world.now())).unwrap().progress.opened_until,
            None
        );
        assert!(
            last_shown(world, &id).is_none() && world.claim(&account, "w1").is_some(),
            "the slot is free"
        );
    });
}
