//! T20: taken back while nothing was sent, whoever has it at that moment; never after.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::Code;
use applyd_core::state::{By, Dead, Event, Refused, State};
use applyd_store::cancel::{self, Cancel};
use applyd_store::{meta, timeline};

use crate::engine::on_each;
use crate::world::{T, World, arm, cross, job};

fn cancel(world: &World, account: &AccountId, id: &QueueId) -> Option<Cancel> {
    let (account, id) = (account.clone(), id.clone());
    world.write(move |tx| cancel::cancel(tx, &account, &id, &T, |_| Dead::No))
}

#[test]
fn a_cancel_gives_the_credit_back_once_and_says_so_again() {
    on_each(|world| {
        let account = world.account("a", 1);
        let id = world.accept(&account, &job(1));
        for _ in 0..2 {
            let Some(Cancel::Cancelled(now)) = cancel(world, &account, &id) else { panic!("not cancelled") };
            assert_eq!((now.progress.state, now.progress.code), (State::Failed, Some(Code::Cancelled)));
            assert!(now.progress.message.as_deref().is_some_and(|text| text.starts_with("cancelled: ")));
        }
        assert_eq!(world.events(&id), ["application.failed"]);
        assert_eq!(world.balance(&account), (1, 0, 0));
        world.assert_clean();
        // The job is free for another try.
        world.accept(&account, &job(1));
    });
}

#[test]
fn a_worker_that_has_it_never_crosses() {
    on_each(|world| {
        let account = world.account("a", 9);
        for (n, is_armed) in [(1, false), (2, true)] {
            let id = world.accept(&account, &job(n));
            let epoch = world.claim(&account, "w").unwrap().progress.epoch;
            if is_armed {
                world.advance(&id, arm(), By::Worker(epoch));
            }
            assert!(matches!(cancel(world, &account, &id), Some(Cancel::Cancelled(_))));
            for event in [arm(), cross(), Event::Heartbeat, Event::Retry { delay_ms: 0 }] {
                let refused = world.try_advance(&id, event, By::Worker(epoch)).unwrap_err();
                assert_eq!(refused, Refused::Lease);
            }
            assert!(world.load(&id).progress.intent.is_none());
        }
        assert_eq!(world.balance(&account), (9, 0, 0));
        world.assert_clean();
    });
}

#[test]
fn after_the_intent_and_after_an_end_it_is_too_late() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        let before = format!("{:?}", world.load(&id));
        assert!(matches!(cancel(world, &account, &id), Some(Cancel::Started(_))));
        assert_eq!(before, format!("{:?}", world.load(&id)));
        world.advance(&id, Event::Accepted, By::Sender(epoch));
        assert!(matches!(cancel(world, &account, &id), Some(Cancel::Started(_))));
        world.advance(&id, Event::Seen { site_at: None }, By::Sweeper);
        assert!(matches!(cancel(world, &account, &id), Some(Cancel::Ended(_))));

        // Its deadline has passed, though nobody has said so yet.
        let late = world.accept(&account, &job(2));
        world.pass(T.deadline_ms);
        let Some(Cancel::Ended(late)) = cancel(world, &account, &late) else { panic!("not ended") };
        assert_eq!(late.progress.code, Some(Code::Deadline));
        world.assert_clean();
    });
}

#[test]
fn what_may_have_been_sent_stays_as_it_is() {
    on_each(|world| {
        let account = world.account("a", 9);
        let before = world.accept(&account, &job(1));
        cancel(world, &account, &before);
        world.accept(&account, &job(2));
        let (sent, _) = world.cross(&account, "w");
        world.advance(&sent, Event::Doubt, By::Sender(1));
        world.advance(&sent, Event::Seen { site_at: None }, By::Sweeper);
        let waiting = world.accept(&account, &job(3));
        world.write(|tx| meta::set_verify_only(tx, Some("test")));
        for event in [None, Some(arm())] {
            assert!(matches!(cancel(world, &account, &waiting), Some(Cancel::Unread(_))));
            let epoch = world.claim(&account, "w").map_or(1, |taken| taken.progress.epoch);
            assert!(matches!(cancel(world, &account, &waiting), Some(Cancel::Unread(_))));
            if let Some(arm) = event {
                world.advance(&waiting, arm, By::Worker(epoch));
            }
        }
        assert!(matches!(cancel(world, &account, &waiting), Some(Cancel::Unread(_))));
        assert_eq!(world.state(&waiting), State::Armed, "its worker keeps it");
        assert_eq!(world.balance(&account), (7, 1, 1));
        // What had ended before, or is overdue now, is told as ever.
        assert!(matches!(cancel(world, &account, &before), Some(Cancel::Cancelled(_))));
        world.pass(T.deadline_ms);
        let Some(Cancel::Ended(now)) = cancel(world, &account, &waiting) else { panic!("not ended") };
        assert_eq!(now.progress.state, State::Unknown);
        world.assert_clean();

        world.write(|tx| meta::set_verify_only(tx, None));
        let free = world.accept(&account, &job(4));
        assert!(matches!(cancel(world, &account, &free), Some(Cancel::Cancelled(_))));
    });
}

#[test]
fn another_accounts_application_is_nobodys() {
    on_each(|world| {
        let (account, other) = (world.account("a", 1), world.account("b", 1));
        let id = world.accept(&account, &job(1));
        assert!(cancel(world, &other, &id).is_none());
        assert_eq!(world.state(&id), State::Queued);
        let asked = id;
        assert!(world.read(move |tx| timeline::list(tx, &other, &asked)).is_none());
        assert!(cancel(world, &account, &QueueId::new(world.now(), world.bits())).is_none());
    });
}

#[test]
fn a_timeline_names_who_and_why() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        world.claim(&account, "w").unwrap();
        world.pass(T.lease_ms);
        world.catch_up(&id, Dead::No);
        cancel(world, &account, &id);
        let lines = world.read(move |tx| timeline::list(tx, &account, &id)).unwrap();
        let words: Vec<_> = lines.iter().map(|line| (line.event.as_str(), line.by.as_str())).collect();
        assert_eq!(
            words,
            [
                ("accepted", "caller"),
                ("claimed", "worker"),
                ("lease_lost", "sweeper"),
                ("cancelled", "caller")
            ]
        );
        assert!(lines[3].detail.as_deref().is_some_and(|why| why.starts_with("cancelled: ")));
        assert!(lines.is_sorted_by_key(|line| line.at));
    });
}
