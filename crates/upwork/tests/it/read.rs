//! One job read for a caller: contents without tags, and no fault that scripts keep for applications.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Trouble};
use applyd_sandbox::{Behaviour, Replies};
use applyd_upwork::JobDocument;

use crate::world::World;

async fn read(world: &World, job: &str) -> Result<JobDocument, Trouble> {
    world.upwork.read_job(&world.grantee, &JobKey::parse(job).unwrap()).await
}

fn published(number: u16) -> String {
    format!("~02900000000000000{number:04}")
}

#[tokio::test]
async fn every_published_job_can_be_read_whatever_it_does_to_applications() {
    let world = World::start().await;
    for number in (1..=15).chain([17, 18, 1000]) {
        let read =
            read(&world, &published(number)).await.unwrap_or_else(|trouble| panic!("{number}: {trouble:?}"));
        assert_eq!(read.title(), format!("Sandbox job {number:04}"));
        assert_eq!(read.is_open(), number != 3, "{number}");
        let opening = &read.job.opening;
        assert_eq!(opening.posted_on.as_deref(), Some("2026-01-01T00:00:00.000Z"));
        let kind = if number == 14 { "FIXED" } else { "HOURLY" };
        assert_eq!(opening.info.kind.as_deref(), Some(kind), "{number}");
        let company = &read.buyer.company;
        assert_eq!(company.company_id, Some(format!("800000000000000{number:04}")));
        assert_eq!(company.name, Some(format!("Sandbox Client {number:04}")));
        assert_eq!(read.buyer.phone_verification_status.unwrap().status, "VERIFIED");
        assert!(read.auth.buyer.work_history.is_empty());
        assert_eq!(read.auth.opening.questions.len(), if number == 13 { 2 } else { 0 });
    }
    assert_eq!(world.counts(), (0, 0));
}

#[tokio::test]
async fn a_reserved_job_is_told_as_gone() {
    let world = World::start().await;
    match read(&world, &published(16)).await {
        Err(Trouble::End(ending)) => assert_eq!(ending.code, Code::JobClosed),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_whole_catalogue_can_be_read_and_no_tag_is_left() {
    let behaviour = Behaviour { replies: Replies::EventStream, extra_members: true, ..Behaviour::default() };
    let world = World::with(behaviour).await;
    for listed in applyd_sandbox::catalogue() {
        let read =
            read(&world, &listed.job_id).await.unwrap_or_else(|trouble| panic!("{listed:?}: {trouble:?}"));
        assert_eq!((read.title(), read.is_open()), (listed.title.as_str(), true));
        assert_eq!(read.buyer.company.company_id.as_deref(), Some(listed.company_id.as_str()));
        assert!(!read.auth.buyer.work_history.is_empty() && read.job.opening.engagement_duration.is_some());
        let text = serde_json::to_string(&read).unwrap();
        assert!(!text.contains("participant_content") && !text.contains("standin"), "{text}");
    }
}

#[tokio::test]
async fn an_old_ciphertext_names_its_job_by_the_new_one() {
    let world = World::start().await;
    let read = read(&world, "~01abc123def456").await.unwrap();
    let info = &read.job.opening.info;
    assert_eq!(info.ciphertext, format!("~02{}", info.id));
}

#[tokio::test]
async fn the_grant_and_the_organisation_are_got_at_the_first_use() {
    let world = World::start().await;
    assert!(world.grant().await.is_none());
    read(&world, &published(1)).await.unwrap();
    assert!(world.grant().await.unwrap().org_uid.is_some());
}
