//! Reading after the intent.

use std::time::Duration;

use applyd_core::ids::AccountId;
use applyd_core::outcome::Sighting;
use applyd_sandbox::{Behaviour, ConfirmFault, StatusFilter};
use applyd_store::Error;
use applyd_store::account::{self, Channel};
use applyd_store::grant::Grantee;
use applyd_upwork::{Assignment, Since};

use crate::world::{World, name, usual};

fn now_ms(world: &World) -> i64 {
    world.store.now()
}

#[tokio::test]
async fn a_proposal_is_found_however_the_lists_lie() {
    for status_filter in [StatusFilter::Honest, StatusFilter::Mixed, StatusFilter::Empty] {
        let world = World::with(Behaviour { status_filter, ..Behaviour::default() }).await;
        let (assignment, since_ms) = (world.assignment(9), now_ms(&world));
        assert_eq!(world.upwork.look(&assignment, Since::Intent(since_ms)).await, Sighting::Absent);
        let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
        assert_eq!(name(&ready.confirm(usual()).await), "unknown");
        match world.upwork.look(&assignment, Since::Intent(since_ms)).await {
            Sighting::Found { proposal, created_at, .. } if status_filter != StatusFilter::Empty => {
                assert_eq!(proposal.as_deref(), Some("sbp_1"));
                assert!(created_at.unwrap() >= since_ms);
            }
            Sighting::Found { proposal: None, evidence, .. } => {
                assert!(evidence.contains("job"), "{evidence}")
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn without_an_intent_the_flag_alone_is_not_ours() {
    let behaviour = Behaviour { status_filter: StatusFilter::Empty, ..Behaviour::default() };
    let world = World::with(behaviour).await;
    let (assignment, before_ms) = (world.assignment(1), now_ms(&world));
    let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
    assert!(name(&ready.confirm(usual()).await).starts_with("submitted"));
    let later_ms = before_ms + 10 * 60 * 1000;
    let seen = world.upwork.look(&assignment, Since::Acceptance(later_ms)).await;
    assert!(matches!(seen, Sighting::Unreadable { .. }), "{seen:?}");
    let seen = world.upwork.look(&assignment, Since::Intent(later_ms)).await;
    assert!(matches!(seen, Sighting::Found { .. }), "{seen:?}");
}

#[tokio::test]
async fn nothing_kept_is_absent() {
    let world =
        World::with(Behaviour { confirm: ConfirmFault::LostBeforeCommit, ..Behaviour::default() }).await;
    let (assignment, since_ms) = (world.assignment(1), now_ms(&world));
    let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
    assert_eq!(name(&ready.confirm(usual()).await), "unknown");
    assert_eq!(world.upwork.look(&assignment, Since::Intent(since_ms)).await, Sighting::Absent);
}

#[tokio::test]
async fn nothing_is_absent_among_many_others_too() {
    let world = World::start().await;
    let since_ms = now_ms(&world);
    for number in 1000..1025 {
        let ready = world.upwork.prepare(&world.assignment(number), &mut None).await.unwrap();
        assert!(name(&ready.confirm(usual()).await).starts_with("submitted"));
    }
    assert_eq!(world.upwork.look(&world.assignment(1025), Since::Intent(since_ms)).await, Sighting::Absent);
}

#[tokio::test]
async fn a_dark_site_is_unreadable_until_it_is_light() {
    for (number, is_kept) in [(17, true), (18, false)] {
        let world = World::start().await;
        let (assignment, since_ms) = (world.assignment(number), now_ms(&world));
        let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
        assert_eq!(name(&ready.confirm(usual()).await), "unknown");
        let dark = world.upwork.look(&assignment, Since::Intent(since_ms)).await;
        assert!(matches!(dark, Sighting::Unreadable { .. }), "{dark:?}");
        tokio::time::sleep(Duration::from_millis(600)).await;
        let light = world.upwork.look(&assignment, Since::Intent(since_ms)).await;
        assert_eq!(matches!(light, Sighting::Found { .. }), is_kept, "{light:?}");
        assert_eq!(matches!(light, Sighting::Absent), !is_kept, "{light:?}");
    }
}

#[tokio::test]
async fn a_proposal_with_another_letter_is_neither_ours_nor_none() {
    let world = World::start().await;
    let (mut assignment, since_ms) = (world.assignment(1), now_ms(&world));
    let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
    assert!(name(&ready.confirm(usual()).await).starts_with("submitted"));
    assignment.terms.cover_letter = "Another letter".into();
    let seen = world.upwork.look(&assignment, Since::Intent(since_ms)).await;
    assert!(matches!(seen, Sighting::Unreadable { .. }), "{seen:?}");
}

#[tokio::test]
async fn a_lost_login_is_renewed_by_the_look() {
    let world = World::start().await;
    let seen = world.upwork.look(&world.assignment(8), Since::Intent(now_ms(&world))).await;
    assert_eq!(seen, Sighting::Absent);
    let seen = world.upwork.look(&world.assignment(6), Since::Intent(now_ms(&world))).await;
    assert!(matches!(seen, Sighting::Unreadable { .. }), "{seen:?}");
}

/// A person links another organisation while the outcome is open: its lists say nothing of what the first one sent.
#[tokio::test]
async fn what_one_organisation_sent_is_not_looked_for_in_another() {
    for confirm in [ConfirmFault::LostAfterCommit, ConfirmFault::LostBeforeCommit] {
        let world = World::with(Behaviour { confirm, ..Behaviour::default() }).await;
        let (mut assignment, since) = (world.assignment(1), Since::Intent(now_ms(&world)));
        let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
        assignment.org_uid = Some(ready.org_uid.clone());
        assert_eq!(name(&ready.confirm(usual()).await), "unknown");
        let own = world.grant().await.unwrap();

        let other = AccountId::new(1_700_000_000_000, 8);
        let made = other.clone();
        let created: Result<bool, Error> =
            world.store.write(move |tx| account::create(tx, &made, "other", Channel::Sandbox)).await;
        assert!(created.unwrap());
        let other = Grantee::of_account(other);
        world.upwork.read_job(&other, &assignment.job).await.unwrap();
        let sent = Assignment { org_uid: None, ..assignment.clone() };
        let elsewhere = Assignment { grantee: other, ..assignment.clone() };
        let seen = world.upwork.look(&Assignment { org_uid: None, ..elsewhere.clone() }, since).await;
        assert_eq!(seen, Sighting::Absent, "the other organisation has applied to nothing");
        let seen = world.upwork.look(&elsewhere, since).await;
        assert!(
            matches!(&seen, Sighting::Unreadable { reason } if reason.contains("organisation")),
            "{seen:?}"
        );
        assert_eq!(world.grant().await.unwrap().org_uid, own.org_uid);
        let own = world.upwork.look(&assignment, since).await;
        assert_eq!(
            std::mem::discriminant(&own),
            std::mem::discriminant(&world.upwork.look(&sent, since).await)
        );
        assert_eq!(
            matches!(own, Sighting::Found { .. }),
            confirm == ConfirmFault::LostAfterCommit,
            "{own:?}"
        );
    }
}
