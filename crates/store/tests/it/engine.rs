//! The engines that the suite runs on.

use std::path::Path;

use applyd_store::{Clock, Error, Store};

use crate::world::World;

/// One engine: how a store is opened in a folder of its own.
#[derive(Clone, Copy)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) open: fn(&Path, Clock) -> Result<Store, Error>,
}

/// A second engine is one more line here.
const ENGINES: &[Engine] =
    &[Engine { name: "sqlite", open: |folder, clock| Store::open_sqlite(&folder.join("applyd.db"), clock) }];

/// Runs a test on each engine, each time in a fresh world.
#[expect(clippy::print_stderr, reason = "tells which engine a test failed on")]
pub(crate) fn on_each(test: impl Fn(&World)) {
    for engine in ENGINES {
        eprintln!("engine {}", engine.name);
        test(&World::new(*engine));
    }
}
