//! Tools that change under way, as any process on the store sees them.

use applyd_core::outcome::{Code, Trouble};
use applyd_sandbox::{Behaviour, Era};
use applyd_store::account::Channel;
use applyd_store::pause::{self, DRIFT_GUARD, Pause, Scope};
use applyd_store::{Error, tool_schema};
use applyd_upwork::{Consent, Upwork};

use crate::world::{World, client, code};

/// A stand-in of this era, and a client of it on the store of `world`, as another process has it.
async fn era(world: &World, era: Era) -> (World, Upwork) {
    let other = World::with(Behaviour { era, ..Behaviour::default() }).await;
    let store = world.open_again();
    let client = client(&store, &other.url, Consent::ByItself);
    (other, client)
}

async fn pauses(world: &World) -> Vec<Pause> {
    let found: Result<_, Error> = world.store.read(pause::list).await;
    found.unwrap()
}

async fn agree(world: &World) {
    let done: Result<_, Error> = world
        .store
        .write(|tx| {
            tool_schema::agree(tx, Channel::Sandbox)?;
            pause::lift(tx, &Scope::Channel(Channel::Sandbox))
        })
        .await;
    assert!(done.unwrap(), "a pause stood");
}

async fn prepare(world: &World, client: &Upwork) -> Result<(), Trouble> {
    client.prepare(&world.assignment(1), &mut None).await.map(|_| ())
}

#[tokio::test]
async fn a_changed_schema_stops_every_process_until_the_operator_agrees() {
    let world = World::start().await;
    prepare(&world, &world.upwork).await.unwrap();
    let (_changed, client) = era(&world, Era::OctoberWithoutMilestones).await;
    assert_eq!(code(prepare(&world, &client).await), Code::UpstreamChanged);
    let standing = pauses(&world).await;
    assert_eq!(standing.len(), 1);
    assert_eq!(
        (&standing[0].scope, standing[0].set_by.as_str()),
        (&Scope::Channel(Channel::Sandbox), DRIFT_GUARD)
    );
    assert!(standing[0].reason.contains("applyd upwork agree"), "{}", standing[0].reason);
    assert!(matches!(client.check_tools(&world.grantee).await, Err(Trouble::End(_))), "a check sees it too");
    assert_eq!(pauses(&world).await, standing, "told once");
    agree(&world).await;
    prepare(&world, &client).await.unwrap();
    client.check_tools(&world.grantee).await.unwrap();
    assert_eq!(code(prepare(&world, &world.upwork).await), Code::UpstreamChanged, "back is a change too");
}

#[tokio::test]
async fn what_cannot_be_written_with_stays_stopped_whatever_is_agreed_to() {
    let world = World::start().await;
    let (_changed, client) = era(&world, Era::OctoberChanged).await;
    for _ in 0..2 {
        assert_eq!(code(prepare(&world, &client).await), Code::UpstreamChanged);
        let standing = pauses(&world).await;
        assert!(standing[0].reason.contains("engagement_token"), "{}", standing[0].reason);
        agree(&world).await;
    }
}

#[tokio::test]
async fn one_accounts_compact_mode_stops_nobody_else() {
    let world = World::start().await;
    let (_compact, client) = era(&world, Era::Compact).await;
    assert_eq!(code(prepare(&world, &client).await), Code::UpstreamChanged);
    let standing = pauses(&world).await;
    assert_eq!(
        standing.iter().map(|pause| &pause.scope).collect::<Vec<_>>(),
        [&Scope::Account(world.grantee.account.clone())]
    );
    assert!(standing[0].reason.contains("full_list"), "{}", standing[0].reason);
}

#[tokio::test]
async fn older_names_are_agreed_to_where_they_are_the_first() {
    let world = World::start().await;
    let (_august, client) = era(&world, Era::August).await;
    prepare(&world, &client).await.unwrap();
    client.check_tools(&world.grantee).await.unwrap();
    assert!(pauses(&world).await.is_empty());
}
