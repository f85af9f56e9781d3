//! What stands in the way before the intent.

use applyd_core::outcome::{Code, Trouble};
use applyd_sandbox::{Behaviour, Era, PriorProposal, Rate, Standing, StatusFilter, StoredTerms};

use crate::world::{World, code, name, usual};

async fn ends(behaviour: Behaviour) -> Code {
    let world = World::with(behaviour).await;
    let code = code(world.prepare(1).await);
    assert_eq!(world.counts(), (0, 0));
    code
}

#[tokio::test]
async fn stored_terms_that_differ_are_never_confirmed() {
    for stored_terms in [
        StoredTerms::LetterDiffers,
        StoredTerms::AmountDiffers,
        StoredTerms::BoostAdded,
        StoredTerms::TeamAdded,
    ] {
        assert_eq!(
            ends(Behaviour { stored_terms, ..Behaviour::default() }).await,
            Code::TermsChanged,
            "{stored_terms:?}"
        );
    }
}

#[tokio::test]
async fn drift_and_compact_mode_stop_writes() {
    for era in [Era::Compact, Era::OctoberChanged] {
        assert_eq!(ends(Behaviour { era, ..Behaviour::default() }).await, Code::UpstreamChanged, "{era:?}");
    }
}

#[tokio::test]
async fn the_accounts_standing_decides() {
    for (standing, expected) in [
        (Standing::Suspended, Code::NotEligible),
        (Standing::IdentityCheck, Code::NotEligible),
        (Standing::SeveralTeams, Code::InputRejected),
    ] {
        assert_eq!(ends(Behaviour { standing, ..Behaviour::default() }).await, expected, "{standing:?}");
    }
    let world = World::with(Behaviour { standing: Standing::PolicyPrompt, ..Behaviour::default() }).await;
    assert!(matches!(world.prepare(1).await, Err(Trouble::Policy { .. })));
}

#[tokio::test]
async fn an_invitation_and_an_earlier_proposal_end_it() {
    assert_eq!(ends(Behaviour { invited: true, ..Behaviour::default() }).await, Code::InvitationExists);
    for status_filter in [StatusFilter::Honest, StatusFilter::Mixed, StatusFilter::Empty] {
        let world = World::with(Behaviour { status_filter, ..Behaviour::default() }).await;
        assert!(name(&world.prepare(1).await.unwrap().confirm(usual()).await).starts_with("submitted"));
        assert_eq!(code(world.prepare(1).await), Code::AlreadyApplied, "{status_filter:?}");
    }
}

#[tokio::test]
async fn a_create_refused_for_an_earlier_proposal_is_told_as_such() {
    // A proposal that no read shows yet: only create knows of it.
    for prior_proposal in [PriorProposal::RefusedByCode, PriorProposal::RefusedInText] {
        let behaviour = Behaviour { prior_proposal, ..Behaviour::default() };
        let settings = applyd_sandbox::Settings {
            list_lag: std::time::Duration::from_secs(60),
            ..crate::world::fast(behaviour)
        };
        let world = World::from(settings, applyd_upwork::Consent::ByItself).await;
        assert!(name(&world.prepare(1).await.unwrap().confirm(usual()).await).starts_with("submitted"));
        assert_eq!(code(world.prepare(1).await), Code::AlreadyApplied, "{prior_proposal:?}");
    }
}

#[tokio::test]
async fn rate_limits_pass_and_say_how_long() {
    let world = World::with(Behaviour {
        rate: Rate::TooManyRequests { retry_after_seconds: 7 },
        ..Behaviour::default()
    })
    .await;
    assert!(matches!(world.prepare(1).await, Err(Trouble::Passing { after_ms: Some(7000), .. })));
    let second = std::time::Duration::from_secs(3);
    let rate = Rate::Buckets { burst_calls: 1, sensitive_refill: second, plain_refill: second };
    let world = World::with(Behaviour { rate, ..Behaviour::default() }).await;
    match world.prepare(1).await {
        Err(Trouble::Passing { after_ms: Some(after_ms), .. }) => assert!(after_ms > 0),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_boost_must_be_possible_and_an_outbid_one_is_not_submitted() {
    let world = World::with(Behaviour { standing: Standing::Outbid, ..Behaviour::default() }).await;
    let mut assignment = world.assignment(1);
    assignment.terms.boost_connects = 3;
    assert_eq!(code(world.upwork.prepare(&assignment, &mut None).await), Code::BoostOutbid);
    assignment.terms.boost_connects = 4;
    assert_eq!(
        name(&world.upwork.prepare(&assignment, &mut None).await.unwrap().confirm(usual()).await),
        "boost_outbid"
    );
    assert_eq!(world.counts(), (1, 0));
}

#[tokio::test]
async fn refusals_in_plain_text_are_read_too() {
    let world = World::with(Behaviour {
        plain_text_refusals: true,
        standing: Standing::Suspended,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(code(world.prepare(1).await), Code::NotEligible);
}
