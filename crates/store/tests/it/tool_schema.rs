//! What is submitted with: the first that was seen, until the operator agrees to another.

use applyd_store::account::Channel;
use applyd_store::tool_schema::{self, ToolSchema};

use crate::engine::on_each;
use crate::world::World;

fn see(world: &World, sha256: &'static str) -> bool {
    world.write(move |tx| tool_schema::see(tx, Channel::Upwork, sha256))
}

fn load(world: &World) -> ToolSchema {
    world.read(|tx| tool_schema::load(tx, Channel::Upwork)).unwrap()
}

#[test]
fn the_first_is_kept_until_the_operator_agrees_to_another() {
    on_each(|world| {
        assert!(see(world, "a") && see(world, "a"));
        world.pass(1000);
        assert!(!see(world, "b"));
        let known = load(world);
        assert_eq!((known.pinned_sha256.as_str(), known.seen_sha256.as_str()), ("a", "b"));
        assert_eq!(known.seen_at, known.pinned_at + 1000);
        assert!(see(world, "a"), "it has changed back");
        assert!(!see(world, "b"));
        let other = world.open_again();
        let agreed = other.write_blocking(|tx| tool_schema::agree(tx, Channel::Upwork)).unwrap();
        assert!(agreed.is_some_and(|agreed| agreed.agrees()));
        assert!(see(world, "b") && !see(world, "a"));
        assert!(world.read(|tx| tool_schema::load(tx, Channel::Sandbox)).is_none(), "each channel its own");
        world.write(|tx| tool_schema::forget(tx, Channel::Upwork));
        assert!(see(world, "c"));
    });
}
