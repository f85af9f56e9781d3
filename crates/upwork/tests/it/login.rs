//! Grants: got, refreshed, lost.

use std::time::Duration;

use applyd_core::outcome::{Code, Trouble};
use applyd_sandbox::{Behaviour, Refresh};
use applyd_store::Error;
use applyd_store::grant::{self, Grant};
use applyd_upwork::Consent;

use crate::world::{World, client, code, fast, refused};

async fn grant(world: &World) -> Grant {
    world.grant().await.unwrap()
}

#[tokio::test]
async fn an_account_that_nobody_linked_is_logged_out() {
    let world = World::from(fast(Behaviour::default()), Consent::ByPerson).await;
    assert_eq!(code(world.prepare(1).await), Code::LoggedOut);
    assert!(world.grant().await.is_none());
}

#[tokio::test]
async fn a_grant_is_kept_sealed_and_used_again() {
    let world = World::start().await;
    world.prepare(1).await.unwrap();
    let first = grant(&world).await;
    assert!(!String::from_utf8_lossy(&first.sealed).contains("access_"));
    world.prepare(1).await.unwrap();
    assert_eq!(grant(&world).await.sealed, first.sealed);
}

#[tokio::test]
async fn a_token_near_its_end_is_refreshed_first() {
    let world = World::with(Behaviour { token_life: Duration::from_secs(100), ..Behaviour::default() }).await;
    world.prepare(1).await.unwrap();
    let first = grant(&world).await;
    world.prepare(1).await.unwrap();
    assert_ne!(grant(&world).await.sealed, first.sealed);
}

#[tokio::test]
async fn renewals_at_once_share_one_refresh() {
    let world = World::start().await;
    world.prepare(1).await.unwrap();
    let pair = grant(&world).await.pair;
    // A second use of the refresh token would be refused.
    let all = (0..8).map(|_| {
        let (upwork, account, pair) = (world.upwork.clone(), world.grantee.clone(), pair);
        tokio::spawn(async move { upwork.renew(&account, pair).await })
    });
    for renewed in all.collect::<Vec<_>>() {
        renewed.await.unwrap().unwrap();
    }
    world.prepare(1).await.unwrap();
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_is_a_passing_fault() {
    let world = World::with(Behaviour { refresh: Refresh::AnswerLost, ..Behaviour::default() }).await;
    world.prepare(1).await.unwrap();
    let pair = grant(&world).await.pair;
    assert!(matches!(world.upwork.renew(&world.grantee, pair).await, Err(Trouble::Reconnecting { .. })));
    assert!(!grant(&world).await.dead);
    // The next try waits a moment, whoever makes it, so that a site that is down is not hammered.
    let other = client(&world.store, &world.url, Consent::ByItself);
    let again = other.renew(&world.grantee, pair).await;
    assert!(matches!(again, Err(Trouble::Reconnecting { after_ms, .. }) if after_ms > 0), "{again:?}");
}

#[tokio::test]
async fn two_clients_of_one_store_share_a_refresh() {
    let world = World::with(Behaviour { token_life: Duration::from_secs(100), ..Behaviour::default() }).await;
    world.prepare(1).await.unwrap();
    // As in another process: what they share is the store alone.
    let other = client(&world.store, &world.url, Consent::ByItself);
    let uses = (0..8).map(|n| {
        let (upwork, job) =
            (if n % 2 == 0 { &world.upwork } else { &other }.clone(), world.assignment(1).job);
        let grantee = world.grantee.clone();
        tokio::spawn(async move { upwork.read_job(&grantee, &job).await })
    });
    for read in uses.collect::<Vec<_>>() {
        read.await.unwrap().unwrap();
    }
    assert!(!grant(&world).await.dead);
}

#[tokio::test]
async fn a_login_that_another_process_has_renewed_costs_no_refresh() {
    let world = World::start().await;
    let other = client(&world.store, &world.url, Consent::ByItself);
    // This job is answered 401 whatever the token.
    let pair = refused(world.upwork.prepare(&world.assignment(6), &mut None).await);
    other.renew(&world.grantee, pair).await.unwrap();
    let renewed = grant(&world).await;
    assert_ne!(renewed.pair, pair);
    world.upwork.renew(&world.grantee, pair).await.unwrap();
    assert_eq!(grant(&world).await.sealed, renewed.sealed);
    // What is refused with the new pair is worth another one.
    let pair = refused(world.upwork.prepare(&world.assignment(6), &mut None).await);
    assert_eq!(pair, renewed.pair);
    world.upwork.renew(&world.grantee, pair).await.unwrap();
    assert_ne!(grant(&world).await.pair, pair);
}

#[tokio::test]
async fn a_pair_that_was_used_up_ends_the_grant_and_a_new_consent_mends_it() {
    let world = World::start().await;
    world.prepare(1).await.unwrap();
    let used_up = grant(&world).await;
    world.upwork.renew(&world.grantee, used_up.pair).await.unwrap();
    // As after a crash between the refresh and the store.
    let saved: Result<(), Error> = world.store.write(move |tx| grant::save(tx, &used_up)).await;
    saved.unwrap();
    let pair = grant(&world).await.pair;
    assert_eq!(code(world.upwork.renew(&world.grantee, pair).await), Code::LoggedOut);
    assert!(grant(&world).await.dead);
    world.prepare(1).await.unwrap();
    assert!(!grant(&world).await.dead);
}

#[tokio::test]
async fn a_grant_of_another_address_is_not_used() {
    let (world, other) = (World::start().await, World::start().await);
    world.prepare(1).await.unwrap();
    let upwork = client(&world.store, &other.url, Consent::ByItself);
    upwork.prepare(&world.assignment(1), &mut None).await.unwrap();
    assert_eq!(grant(&world).await.endpoint, other.url.as_str());
}
