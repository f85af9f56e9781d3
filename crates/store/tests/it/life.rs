//! One application's life: what is written beside each step, and who may write.

use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Closed, Event, Refused, State};
use applyd_store::intent::{self, Login};
use applyd_store::queue::{self, Beside};
use applyd_store::{Error, application, timeline};

use crate::engine::on_each;
use crate::world::{T, World, arm, cross, job};

#[test]
fn a_life_to_applied_leaves_its_rows() {
    on_each(|world| {
        let account = world.account("a", 2);
        let accepted = world.accept(&account, &job(1));
        world.pass(10);
        let (id, epoch) = world.cross(&account, "w");
        assert_eq!(id, accepted);
        let intent = world.load(&id).progress.intent.unwrap();
        assert_eq!((intent.worker.as_str(), intent.epoch, intent.closed), ("w", epoch, Closed::Open));
        assert_eq!((intent.at, intent.answer_by), (world.now(), world.now() + T.answer_by_ms));
        assert_eq!((world.balance(&account), world.events(&id).len()), ((1, 1, 0), 0));

        world.pass(10);
        world.advance(&id, Event::Accepted, By::Sender(epoch));
        world.pass(10);
        let told = world.advance(&id, Event::Seen { site_at: None }, By::Worker(epoch));
        let read = world.load(&id);
        assert!(told.has_ended && !read.has_ended, "an end is told by its step alone");
        let stored = application::Application { has_ended: true, ..read };
        assert_eq!(format!("{told:?}"), format!("{stored:?}"), "what advance answers is what is stored");

        let progress = &stored.progress;
        assert_eq!(progress.state, State::Applied);
        assert_eq!(progress.processed_at, Some(stored.accepted_at + 10));
        assert_eq!(progress.applied_at, Some(stored.accepted_at + 30));
        assert_eq!(progress.intent.as_ref().map(|intent| intent.closed), Some(Closed::Submitted));
        assert_eq!((&progress.worker, progress.lease_until), (&None, None));
        assert_eq!(stored.version, 1 + 5, "raised by each change");
        assert_eq!(world.balance(&account), (1, 0, 1));
        assert_eq!(world.events(&id), ["application.applied"]);
        let (asked, owner) = (id.clone(), account.clone());
        let status = world.read(move |tx| application::status(tx, &owner, &asked)).unwrap();
        assert_eq!((&status.answer, status.due_at), (&stored.answer(), None));
        let lines = world.read(move |tx| timeline::list(tx, &account, &id)).unwrap();
        let words: Vec<_> = lines.iter().map(|line| (line.event.as_str(), line.by.as_str())).collect();
        let by_worker = ["claimed", "armed", "intent", "answer"].map(|word| (word, "worker"));
        assert_eq!(words[0], ("accepted", "caller"));
        assert_eq!(words[1..5], by_worker);
        assert_eq!(words[5..], [("applied", "reconciler")]);
        assert_eq!(lines[0].at, stored.accepted_at);
        world.assert_clean();
    });
}

#[test]
fn an_intent_keeps_whose_login_sent_whatever_comes_later() {
    on_each(|world| {
        let account = world.account("a", 9);
        for login in [
            Some(Login { freelancer: Some("fl_2".into()), org_uid: "77".into() }),
            Some(Login { freelancer: None, org_uid: "78".into() }),
            None,
        ] {
            let id = world.accept(&account, &job(world.bits() as u64));
            let epoch = world.claim(&account, "w").unwrap().progress.epoch;
            world.advance(&id, arm(), By::Worker(epoch));
            let (asked, kept) = (id.clone(), login.clone());
            let crossed = world.write(move |tx| {
                let beside = Beside { login: kept.as_ref(), ..Beside::default() };
                queue::advance(tx, &asked, cross(), By::Worker(epoch), &T, beside)
            });
            assert!(crossed.is_ok());
            let told = || {
                let asked = id.clone();
                world.read(move |tx| intent::login(tx, &asked))
            };
            assert_eq!(told(), login);
            world.advance(&id, Event::Declined(Ending::of(Code::Refused)), By::Sender(epoch));
            assert_eq!(told(), login);
        }
        world.assert_clean();
    });
}

#[test]
fn another_accounts_status_is_nobodys() {
    on_each(|world| {
        let (account, other) = (world.account("a", 1), world.account("b", 1));
        let id = world.accept(&account, &job(1));
        assert!(world.read(move |tx| application::status(tx, &other, &id)).is_none());
    });
}

#[test]
fn each_end_has_one_event_and_gives_the_credit_back() {
    on_each(|world| {
        let account = world.account("a", 1);
        for (code, event) in [
            (Code::Refused, "application.failed"),
            (Code::JobClosed, "application.not_available"),
            (Code::NotEligible, "application.not_eligible"),
            (Code::NotEnoughConnects, "application.not_enough_connects"),
            (Code::LoggedOut, "application.logged_out"),
        ] {
            world.pass(1);
            let id = world.accept(&account, &job(1));
            world.end(&id, code);
            let again = Event::End(Ending::of(Code::Deadline));
            assert_eq!(world.try_advance(&id, again, By::Sweeper).unwrap_err(), Refused::State);
            assert_eq!(world.events(&id), [event]);
            assert_eq!(world.load(&id).progress.code, Some(code), "the first end stands");
        }
        assert_eq!(world.balance(&account), (1, 0, 0));
        world.assert_clean();
    });
}

#[test]
fn the_last_line_of_a_timeline_is_told_from_earlier_ones() {
    on_each(|world| {
        let account = world.account("a", 1);
        let id = world.accept(&account, &job(1));
        let ends_with = |detail: &'static str| {
            let id = id.clone();
            world.read(move |tx| timeline::ends_with(tx, &id, detail))
        };
        assert!(!ends_with("why not"), "nothing is written yet");
        let epoch = world.claim(&account, "w").unwrap().progress.epoch;
        for detail in ["why not", "because"] {
            let (id, by) = (id.clone(), By::Worker(epoch));
            let beside = Beside { note: Some(detail), ..Beside::default() };
            let moved = world.write(move |tx| queue::advance(tx, &id, Event::Heartbeat, by, &T, beside));
            assert!(moved.is_ok() && ends_with(detail), "{detail}");
        }
        assert!(!ends_with("why not"));
    });
}

/// Leased with epoch 2; epoch 1 was lost.
fn second_lease(world: &World) -> (applyd_core::ids::QueueId, applyd_core::ids::AccountId) {
    let account = world.account("a", 9);
    let id = world.accept(&account, &job(1));
    world.claim(&account, "w1").unwrap();
    world.advance(&id, Event::LeaseLost, By::Sweeper);
    assert_eq!(world.claim(&account, "w2").unwrap().progress.epoch, 2);
    (id, account)
}

#[test]
fn a_worker_of_an_earlier_epoch_changes_nothing() {
    on_each(|world| {
        let (id, _) = second_lease(world);
        let before = format!("{:?}", world.load(&id));
        for event in [
            Event::Heartbeat,
            arm(),
            Event::Retry { delay_ms: 0 },
            Event::HandBack { delay_ms: 0 },
            Event::Block { code: Code::LoggedOut, renewed: true, delay_ms: 0 },
            Event::End(Ending::of(Code::Refused)),
        ] {
            for by in [By::Worker(1), By::Worker(3), By::Sender(1), By::Sender(2)] {
                let refused = world.try_advance(&id, event.clone(), by);
                assert_eq!(refused.unwrap_err(), Refused::Lease, "{event:?} {by:?}");
            }
        }
        assert_eq!(before, format!("{:?}", world.load(&id)));
        assert!(world.events(&id).is_empty());
    });
}

#[test]
fn a_lease_that_ran_out_is_lost_to_its_own_worker() {
    on_each(|world| {
        let (id, _) = second_lease(world);
        world.pass(T.lease_ms - 1);
        let renewed = world.advance(&id, Event::Heartbeat, By::Worker(2));
        assert_eq!(renewed.progress.lease_until, Some(world.now() + T.lease_ms));
        world.pass(T.lease_ms);
        for event in [Event::Heartbeat, arm(), Event::Retry { delay_ms: 0 }] {
            let refused = world.try_advance(&id, event, By::Worker(2)).unwrap_err();
            assert_eq!(refused, Refused::Lease);
        }
    });
}

#[test]
fn an_intent_is_written_once_and_only_its_sender_answers() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        let crossed = world.try_advance(&id, cross(), By::Worker(epoch));
        assert_eq!(crossed.unwrap_err(), Refused::State);
        for by in [By::Worker(epoch), By::Sender(epoch + 1), By::Sweeper] {
            let refused = world.try_advance(&id, Event::Accepted, by).unwrap_err();
            assert_eq!(refused, Refused::Lease, "{by:?}");
        }
        world.advance(&id, Event::Doubt, By::Sender(epoch));
        let late = world.advance(&id, Event::Accepted, By::Sender(epoch));
        assert_eq!(late.progress.state, State::Applied, "the sender's own late answer counts");
        let refusal = Event::Declined(Ending::of(Code::Refused));
        assert!(world.try_advance(&id, refusal, By::Sender(epoch)).is_err());
        assert_eq!(world.balance(&account), (8, 0, 1));
        world.assert_clean();
    });
}

#[test]
fn no_intent_after_the_cutoff_or_late_in_the_lease() {
    on_each(|world| {
        let account = world.account("a", 9);
        let armed = |n: u64| {
            let id = world.accept(&account, &job(n));
            let epoch = world.claim(&account, "w").unwrap().progress.epoch;
            world.advance(&id, arm(), By::Worker(epoch));
            (id, By::Worker(epoch))
        };
        let (id, by) = armed(1);
        world.pass(T.lease_ms / 2 + 1);
        assert_eq!(world.try_advance(&id, cross(), by).unwrap_err(), Refused::Time);
        world.advance(&id, Event::Heartbeat, by);
        world.set_now(world.load(&id).progress.cutoff - 1);
        // The lease ran out long ago; a fresh one begins in time and ends past the cutoff.
        world.advance(&id, Event::LeaseLost, By::Sweeper);
        let epoch = world.claim(&account, "w").unwrap().progress.epoch;
        world.advance(&id, arm(), By::Worker(epoch));
        world.pass(2);
        assert_eq!(world.try_advance(&id, cross(), By::Worker(epoch)).unwrap_err(), Refused::Time);
        world.pass(-1);
        world.advance(&id, cross(), By::Worker(epoch));
    });
}

#[test]
fn a_refusal_and_a_proof_of_absence_close_the_intent_each_in_its_way() {
    on_each(|world| {
        let account = world.account("a", 9);
        for (n, code, closed) in
            [(1, Code::Refused, Closed::Refused), (2, Code::NotSubmitted, Closed::Absent)]
        {
            world.accept(&account, &job(n));
            let (id, epoch) = world.cross(&account, "w");
            world.advance(&id, Event::Declined(Ending::of(code)), By::Sender(epoch));
            let intent = world.load(&id).progress.intent.unwrap();
            assert_eq!((intent.closed, world.events(&id).len()), (closed, 1));
        }
        assert_eq!(world.balance(&account), (9, 0, 0));
        world.assert_clean();
    });
}

#[test]
fn a_step_whose_transaction_fails_has_not_happened() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        world.advance(&id, Event::Accepted, By::Sender(epoch));
        let (before, asked) = (format!("{:?}", world.load(&id)), id.clone());
        let undone: Result<(), Error> = world.store.write_blocking(move |tx| {
            let seen = Event::Seen { site_at: None };
            queue::advance(tx, &asked, seen, By::Sweeper, &T, Beside::default())?.unwrap();
            Err(Error::Damaged("wanted".into()))
        });
        assert!(undone.is_err());
        assert_eq!(before, format!("{:?}", world.load(&id)));
        assert!(world.events(&id).is_empty(), "no event of a change that did not happen");
        assert_eq!(world.balance(&account), (8, 1, 0));
    });
}

#[test]
fn an_application_that_does_not_exist_is_refused() {
    on_each(|world| {
        let nobody = applyd_core::ids::QueueId::new(world.now(), world.bits());
        assert_eq!(world.try_advance(&nobody, Event::Heartbeat, By::Sweeper).unwrap_err(), Refused::State);
    });
}
