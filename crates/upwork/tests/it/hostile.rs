//! Each misfortune of a hostile day, met by every call before the confirm.

use std::time::Duration;

use applyd_core::outcome::Trouble;
use applyd_sandbox::{Behaviour, Hostility, Misfortune};

use crate::world::{READ_TIMEOUT, World};

async fn met(misfortune: Misfortune) -> String {
    let hostility = Hostility {
        calls: 1000,
        tools: 1000,
        late: READ_TIMEOUT + Duration::from_millis(200),
        only: vec![misfortune],
        ..Hostility::default()
    };
    let world = World::with(Behaviour { hostility: Some(hostility), ..Behaviour::default() }).await;
    let prepared = world.prepare(1).await;
    assert_eq!(world.counts(), (0, 0), "{misfortune:?}");
    match prepared {
        Ok(_) => "ready".into(),
        Err(Trouble::End(ending)) => ending.code.as_str().into(),
        Err(Trouble::Passing { .. }) => "passing".into(),
        Err(other) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn each_misfortune_before_the_confirm_is_survived_or_told() {
    for (misfortune, told) in [
        (Misfortune::Slow, "ready"),
        (Misfortune::Twice, "ready"),
        (Misfortune::Disordered, "ready"),
        (Misfortune::Lagging, "ready"),
        (Misfortune::Mixed, "ready"),
        (Misfortune::Empty, "ready"),
        (Misfortune::Miscounted, "ready"),
        (Misfortune::RowMissing, "ready"),
        (Misfortune::Dropped, "passing"),
        (Misfortune::Lost, "passing"),
        (Misfortune::Cut, "passing"),
        (Misfortune::Late, "passing"),
        (Misfortune::Superseded, "passing"),
        (Misfortune::Expired, "passing"),
        (Misfortune::TermsDiffer, "terms_changed"),
        (Misfortune::PriorProposal, "already_applied"),
        (Misfortune::Renamed, "upstream_changed"),
        (Misfortune::Demanding, "upstream_changed"),
        (Misfortune::Compact, "upstream_changed"),
    ] {
        assert_eq!(met(misfortune).await, told, "{misfortune:?}");
    }
}
