//! What an application would meet, told without making one.

use applyd_core::outcome::{Code, Trouble};
use applyd_core::terms::{Answer, Cents, Milestone, Price};
use applyd_sandbox::{Behaviour, Era, Rate, Standing};
use applyd_upwork::{Assignment, Preflight};

use crate::world::{World, code, name, usual};

async fn told(world: &World, assignment: &Assignment) -> Preflight {
    let asked = Assignment { queue_id: None, ..assignment.clone() };
    world.upwork.preflight(&asked).await.unwrap()
}

fn codes(told: &Preflight) -> Vec<Code> {
    told.objections.iter().map(|objection| objection.ending.code).collect()
}

#[tokio::test]
async fn the_first_objection_is_what_prepare_ends_with() {
    let world = World::start().await;
    for number in [3, 4, 5, 13, 14] {
        let assignment = world.assignment(number);
        let told = told(&world, &assignment).await;
        let met = code(world.upwork.prepare(&assignment, &mut None).await);
        assert_eq!(codes(&told).first(), Some(&met), "{number}");
    }
    for number in [1, 2, 9, 10, 11, 15, 17, 18, 1000] {
        assert_eq!(codes(&told(&world, &world.assignment(number)).await), [], "{number}");
    }
    for number in [6, 7, 8, 12] {
        assert_eq!(codes(&told(&world, &world.assignment(number)).await), [], "no application, no fault");
    }
    assert_eq!(world.counts(), (0, 0));
}

#[tokio::test]
async fn all_that_stands_against_it_is_told_at_once() {
    let world = World::start().await;
    let mut assignment = world.assignment(13);
    assignment.terms.price = Price::Fixed { total: Cents::new(500), milestones: Vec::new() };
    assignment.terms.max_connects = Some(9);
    assignment.terms.answers = vec![Answer { question: "When  can you start?".into(), answer: "Now".into() }];
    let told = told(&world, &assignment).await;
    assert_eq!(codes(&told), [Code::ConnectsCap, Code::InputRejected, Code::MissingAnswer]);
    let fields: Vec<_> = told.objections.iter().filter_map(|objection| objection.field).collect();
    assert_eq!(fields, ["proposal.maxConnects", "proposal.fixedPrice", "questionAnswers"]);
    let facts = told.seen.unwrap().facts.unwrap();
    assert_eq!((facts.cost_connects, facts.balance_connects), (10, 500));
    let answered: Vec<_> = facts.questions.iter().map(|(_, answered)| *answered).collect();
    assert_eq!(answered, [false, true]);
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::ConnectsCap);
}

#[tokio::test]
async fn an_earlier_proposal_is_told_once() {
    let world = World::start().await;
    let ready = world.prepare(1).await.unwrap();
    assert!(name(&ready.confirm(usual()).await).starts_with("submitted"));
    assert_eq!(codes(&told(&world, &world.assignment(1)).await), [Code::AlreadyApplied]);
}

#[tokio::test]
async fn milestones_need_a_channel_that_carries_them() {
    let part = Milestone { description: "a".into(), amount: Cents::new(500), due_date: None };
    let price = Price::Fixed { total: Cents::new(500), milestones: vec![part] };
    for (era, expected) in
        [(Era::October, vec![]), (Era::OctoberWithoutMilestones, vec![Code::UnsupportedTerms])]
    {
        let world = World::with(Behaviour { era, ..Behaviour::default() }).await;
        let mut assignment = world.assignment(14);
        assignment.terms.price = price.clone();
        assert_eq!(codes(&told(&world, &assignment).await), expected, "{era:?}");
    }
}

#[tokio::test]
async fn the_accounts_standing_and_a_changed_site_are_objections_and_a_limit_is_none() {
    let world = World::with(Behaviour { standing: Standing::Suspended, ..Behaviour::default() }).await;
    assert_eq!(codes(&told(&world, &world.assignment(1)).await), [Code::NotEligible]);
    let world = World::with(Behaviour { era: Era::Compact, ..Behaviour::default() }).await;
    assert_eq!(codes(&told(&world, &world.assignment(1)).await), [Code::UpstreamChanged]);
    let rate = Rate::TooManyRequests { retry_after_seconds: 7 };
    let world = World::with(Behaviour { rate, ..Behaviour::default() }).await;
    let asked = Assignment { queue_id: None, ..world.assignment(1) };
    assert!(matches!(world.upwork.preflight(&asked).await, Err(Trouble::Passing { .. })));
}
