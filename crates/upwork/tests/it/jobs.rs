//! The published jobs, by the table of sandbox-jobs.md.

use applyd_core::ids::QueueId;
use applyd_core::outcome::{Code, Trouble};
use applyd_core::terms::{Answer, Cents, Milestone, Price, sha256_hex};
use applyd_sandbox::{Behaviour, Era, Replies};
use applyd_upwork::Fill;

use crate::world::{World, code, name, refused, usual};

#[tokio::test]
async fn plain_success_keeps_the_letter_as_it_was_given() {
    let world = World::start().await;
    let assignment = world.assignment(1);
    let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
    assert_eq!((ready.cost_connects, ready.balance_connects), (10, 500));
    assert_eq!(ready.terms.price, Price::Hourly(Cents::new(6500)));
    assert_eq!(ready.job, assignment.job);
    assert_eq!(world.counts(), (0, 0));
    assert_eq!(name(&ready.confirm(usual()).await), "submitted sbp_1");
    assert_eq!(world.counts(), (1, 1));
    let proposal = &world.record()[0];
    assert_eq!(proposal.cover_letter_sha256, sha256_hex(assignment.terms.cover_letter.as_bytes()));
    assert_eq!(proposal.queue_id.as_deref(), assignment.queue_id.as_ref().map(QueueId::as_str));
    assert!(world.grant().await.unwrap().org_uid.is_some());
}

#[tokio::test]
async fn every_form_of_reply_and_every_era_works() {
    let plain = Behaviour::default();
    for behaviour in [
        Behaviour { replies: Replies::EventStream, ..plain.clone() },
        Behaviour { structured: false, extra_members: true, ..plain.clone() },
        Behaviour { era: Era::August, ..plain.clone() },
        Behaviour { role: applyd_sandbox::Role::Agency, ..plain.clone() },
    ] {
        let told = format!("{behaviour:?}");
        let world = World::with(behaviour).await;
        let outcome = world.prepare(1).await.unwrap().confirm(usual()).await;
        assert!(name(&outcome).starts_with("submitted"), "{outcome:?}: {told}");
        assert_eq!(world.counts(), (1, 1));
    }
}

#[tokio::test]
async fn what_a_read_decides_is_never_submitted() {
    let world = World::start().await;
    for (number, expected) in [
        (3, Code::JobClosed),
        (4, Code::NotEligible),
        (5, Code::NotEnoughConnects),
        (13, Code::MissingAnswer),
        (14, Code::InputRejected),
        (16, Code::JobClosed),
    ] {
        assert_eq!(code(world.prepare(number).await), expected, "{number}");
    }
    assert_eq!(world.counts(), (0, 0));
}

#[tokio::test]
async fn definite_refusals_are_told_apart() {
    let world = World::start().await;
    assert_eq!(name(&world.prepare(2).await.unwrap().confirm(usual()).await), "refused");
    assert_eq!(name(&world.prepare(15).await.unwrap().confirm(usual()).await), "job_closed");
    assert_eq!(world.counts(), (2, 0));
}

#[tokio::test]
async fn a_login_that_stays_lost_is_trouble_each_time() {
    let world = World::start().await;
    let assignment = world.assignment(6);
    for _ in 0..2 {
        let pair = refused(world.upwork.prepare(&assignment, &mut None).await);
        world.upwork.renew(&world.grantee, pair).await.unwrap();
    }
    assert!(world.prepare(1).await.is_ok(), "the grant stays good");
}

#[tokio::test]
async fn three_failing_reads_pass() {
    let world = World::start().await;
    let assignment = world.assignment(7);
    for _ in 0..3 {
        assert!(matches!(world.upwork.prepare(&assignment, &mut None).await, Err(Trouble::Passing { .. })));
    }
    assert_eq!(
        name(&world.upwork.prepare(&assignment, &mut None).await.unwrap().confirm(usual()).await),
        "submitted sbp_1"
    );
}

#[tokio::test]
async fn a_login_lost_once_is_cured_by_a_refresh() {
    let world = World::start().await;
    let assignment = world.assignment(8);
    let pair = refused(world.upwork.prepare(&assignment, &mut None).await);
    world.upwork.renew(&world.grantee, pair).await.unwrap();
    assert_eq!(
        name(&world.upwork.prepare(&assignment, &mut None).await.unwrap().confirm(usual()).await),
        "submitted sbp_1"
    );
}

#[tokio::test]
async fn a_cut_connection_is_unknown_and_counted_once() {
    let world = World::start().await;
    assert_eq!(name(&world.prepare(9).await.unwrap().confirm(usual()).await), "unknown");
    assert_eq!(world.counts(), (1, 1));
    assert_eq!(name(&world.prepare(10).await.unwrap().confirm(usual()).await), "unknown");
    assert_eq!(world.counts(), (2, 1));
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_a_silent_read_is_not() {
    let world = World::start().await;
    assert_eq!(name(&world.prepare(11).await.unwrap().confirm(usual()).await), "submitted sbp_1");
    assert!(matches!(world.prepare(12).await, Err(Trouble::Passing { .. })));
}

#[tokio::test]
async fn questions_are_answered_by_the_caller_or_filled() {
    let world = World::start().await;
    let answer = |question: &str| Answer { question: question.into(), answer: "Six ".into() };
    let mut assignment = world.assignment(13);
    assignment.terms.answers = vec![answer("Why?"), answer("  How many years have you  worked with Rust?")];
    let missing = world.upwork.prepare(&assignment, &mut None).await;
    assert!(matches!(&missing, Err(Trouble::End(ending)) if ending.message.contains("When can you start?")));
    assignment.terms.auto_fill = true;
    assignment.fill = Fill::Refuse;
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::MissingAnswer);
    assignment.fill = Fill::Sandbox;
    let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
    assert_eq!(ready.terms.answers[1].answer, "Answer by the sandbox.");
    assert!(ready.notes.iter().any(|note| note.contains("Why?")), "{:?}", ready.notes);
    assert_eq!(name(&ready.confirm(usual()).await), "submitted sbp_1");
    assert_eq!(world.record()[0].answers, 2);
}

#[tokio::test]
async fn a_fixed_price_may_have_milestones_where_they_can_be_sent() {
    let milestone = Milestone {
        description: "All".into(),
        amount: Cents::new(250_050),
        due_date: Some("2027-01-31".into()),
    };
    let price = Price::Fixed { total: Cents::new(250_050), milestones: vec![milestone] };
    let world = World::start().await;
    let mut assignment = world.assignment(14);
    assignment.terms.price = price.clone();
    assignment.terms.timeline = Some("2 weeks".into());
    let ready = world.upwork.prepare(&assignment, &mut None).await.unwrap();
    assert_eq!(ready.notes, ["timeline: kept, not sent"]);
    assert_eq!(name(&ready.confirm(usual()).await), "submitted sbp_1");
    assert_eq!(world.record()[0].price.as_f64(), Some(2500.5));
    assignment.terms.price = Price::Hourly(Cents::new(100));
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::AlreadyApplied);

    let world = World::with(Behaviour { era: Era::OctoberWithoutMilestones, ..Behaviour::default() }).await;
    let mut assignment = world.assignment(14);
    assignment.terms.price = price;
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::UnsupportedTerms);
    assignment.terms.price = Price::Hourly(Cents::new(100));
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::InputRejected);
}

#[tokio::test]
async fn a_price_of_the_other_kind_and_a_low_ceiling_end_before_the_submission() {
    let world = World::start().await;
    let mut assignment = world.assignment(1);
    assignment.terms.price = Price::Fixed { total: Cents::new(100), milestones: Vec::new() };
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::InputRejected);
    assignment.terms.max_connects = Some(13);
    assignment.terms.boost_connects = 4;
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::ConnectsCap);
    assert_eq!(world.counts(), (0, 0));
}
