//! What time brings about: the sweeper's list, the catching up, the looks.

use std::slice;

use applyd_core::approval::Policy;
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::Code;
use applyd_core::state::{By, Dead, Event, Refused, State};
use applyd_core::time::{CONFIRM_WAIT_MS, GIVE_UP_MS};
use applyd_store::account::Channel;
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::queue::{self, Accept, New};
use applyd_store::refresh;

use crate::engine::on_each;
use crate::world::{T, World, job};

fn overdue(world: &World) -> Vec<QueueId> {
    world.read(|tx| queue::overdue(tx, 100))
}

fn to_look_at(world: &World) -> Vec<QueueId> {
    world.read(|tx| queue::to_look_at(tx, 100))
}

/// The list of the sweeper has an application from its due time on, and not before.
fn due_exactly_at(world: &World, id: &QueueId, at: i64) {
    world.set_now(at - 1);
    assert!(!overdue(world).contains(id), "due too early");
    assert!(world.catch_up(id, Dead::No).is_none(), "changed too early");
    world.set_now(at);
    assert_eq!(overdue(world), slice::from_ref(id), "not due in time");
}

#[test]
fn at_the_deadline_what_was_not_sent_ends_and_what_was_is_unknown() {
    on_each(|world| {
        let account = world.account("a", 9);
        let queued = world.accept(&account, &job(1));
        due_exactly_at(world, &queued, world.load(&queued).progress.deadline);
        let ended = world.catch_up(&queued, Dead::No).unwrap();
        assert_eq!((ended.progress.state, ended.progress.code), (State::Failed, Some(Code::Deadline)));
        assert!(overdue(world).is_empty() && world.catch_up(&queued, Dead::No).is_none(), "once");

        world.accept(&account, &job(2));
        let (sent, epoch) = world.cross(&account, "w");
        world.advance(&sent, Event::Doubt, By::Sender(epoch));
        due_exactly_at(world, &sent, world.load(&sent).progress.deadline);
        let unknown = world.catch_up(&sent, Dead::No).unwrap();
        assert_eq!(unknown.progress.state, State::Unknown);
        assert_eq!(world.events(&sent), ["application.failed"]);
        assert_eq!(world.balance(&account), (8, 1, 0), "held while the outcome is open");

        world.set_now(unknown.progress.permit_closed_at.unwrap() + GIVE_UP_MS);
        assert!(world.catch_up(&sent, Dead::Proven).is_none(), "nobody has read after the day");
        world.read_in_vain(&sent);
        let given_up = world.catch_up(&sent, Dead::No).unwrap();
        assert_eq!(given_up.progress.code, Some(Code::Unresolved));
        assert_eq!(world.events(&sent), ["application.failed", "application.corrected"]);
        assert_eq!(world.balance(&account), (9, 0, 0), "written off");
        world.assert_clean();
    });
}

#[test]
fn a_lease_that_ends_before_the_intent_goes_back_and_counts() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        for lost in 1..=3 {
            world.claim(&account, "w").unwrap();
            due_exactly_at(world, &id, world.now() + T.lease_ms);
            let progress = world.catch_up(&id, Dead::No).unwrap().progress;
            assert_eq!(progress.lost_leases, lost);
            let (state, code) =
                if lost < 3 { (State::Queued, None) } else { (State::Failed, Some(Code::AttemptsExhausted)) };
            assert_eq!((progress.state, progress.code), (state, code), "lost {lost}");
        }
        assert_eq!(world.balance(&account), (9, 0, 0));
    });
}

#[test]
fn after_the_intent_it_is_verified_and_never_queued() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, _) = world.cross(&account, "w");
        due_exactly_at(world, &id, world.now() + T.lease_ms);
        let doubted = world.catch_up(&id, Dead::No).unwrap().progress;
        assert_eq!((doubted.state, doubted.permit_closed_at), (State::Verifying, None));
        assert!(to_look_at(world).is_empty(), "a sender that may live may still send");
        assert!(world.catch_up(&id, Dead::No).is_none());
        let dead = world.catch_up(&id, Dead::Proven).unwrap().progress;
        assert_eq!(dead.permit_closed_at, Some(world.now()));
        assert_eq!(to_look_at(world), slice::from_ref(&id));
    });
}

#[test]
fn a_dead_sender_is_caught_up_with_in_one_go() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, _) = world.cross(&account, "w");
        assert_eq!(world.read(|tx| queue::of_others(tx, "w2")), slice::from_ref(&id));
        assert!(world.read(|tx| queue::of_others(tx, "w")).is_empty());
        let progress = world.catch_up(&id, Dead::Proven).unwrap().progress;
        assert_eq!((progress.state, progress.permit_closed_at), (State::Verifying, Some(world.now())));
    });
}

#[test]
fn a_success_that_no_read_confirms_is_final_after_its_wait() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        world.advance(&id, Event::Accepted, By::Sender(epoch));
        due_exactly_at(world, &id, world.now() + CONFIRM_WAIT_MS);
        assert_eq!(world.catch_up(&id, Dead::No).unwrap().progress.state, State::Applied);
        assert_eq!(world.balance(&account), (8, 0, 1));
    });
}

#[test]
fn two_negative_reads_after_the_drain_settle() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        world.advance(&id, Event::Doubt, By::Sender(epoch));
        let mut reads = 0;
        while world.state(&id) == State::Verifying {
            assert_eq!(to_look_at(world), slice::from_ref(&id), "read {reads}");
            let look = world.advance(&id, Event::Look { worker: "w".into() }, By::Sweeper);
            assert!(to_look_at(world).is_empty(), "somebody looks");
            let second = world.try_advance(&id, Event::Look { worker: "v".into() }, By::Sweeper);
            assert_eq!(second.unwrap_err(), Refused::Time);
            let by = By::Worker(look.progress.epoch);
            let seen = world
                .advance(&id, Event::NotSeen { settles: true, again_ms: T.read_spacing_ms }, by)
                .progress;
            reads += 1;
            if let Some(next) = seen.look_at {
                assert_eq!(next, world.now() + T.read_spacing_ms);
                world.set_now(next - 1);
                assert!(to_look_at(world).is_empty(), "too early");
                world.pass(1);
            }
        }
        assert_eq!(
            (reads, world.load(&id).progress.code),
            (4, Some(Code::NotSubmitted)),
            "at 0, 10, 20, 30 s"
        );
        assert_eq!(world.balance(&account), (9, 0, 0));
    });
}

#[test]
fn a_reader_that_died_leaves_its_look_to_the_next() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        world.advance(&id, Event::Accepted, By::Sender(epoch));
        world.advance(&id, Event::HandBack { delay_ms: 0 }, By::Worker(epoch));
        assert_eq!(to_look_at(world), slice::from_ref(&id));
        world.advance(&id, Event::Look { worker: "w".into() }, By::Sweeper);
        assert!(to_look_at(world).is_empty());
        world.pass(T.lease_ms);
        assert_eq!(to_look_at(world), slice::from_ref(&id), "its lease is over");
    });
}

#[test]
fn a_late_read_corrects_an_unknown_outcome_once() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w");
        let sent_at = world.now();
        world.advance(&id, Event::Doubt, By::Sender(epoch));
        world.pass(T.deadline_ms);
        world.catch_up(&id, Dead::No).unwrap();
        let unverified = world.read(queue::unverified);
        assert_eq!(unverified.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&id]);
        let found = world.advance(&id, Event::Seen { site_at: Some(sent_at + 5) }, By::Sweeper).progress;
        assert_eq!((found.applied_at, found.message), (Some(sent_at + 5), None), "the site's own time");
        assert_eq!(world.events(&id), ["application.failed", "application.corrected"]);
        assert!(world.read(queue::unverified).is_empty());
        assert_eq!(world.balance(&account), (8, 0, 1));
        world.assert_clean();
    });
}

#[test]
fn a_lost_login_ends_at_the_cutoff_with_its_own_word() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        let epoch = world.claim(&account, "w").unwrap().progress.epoch;
        world.advance(
            &id,
            Event::Block { code: Code::LoggedOut, renewed: true, delay_ms: 1000 },
            By::Worker(epoch),
        );
        due_exactly_at(world, &id, world.load(&id).progress.cutoff);
        assert_eq!(world.catch_up(&id, Dead::No).unwrap().progress.state, State::LoggedOut);
        assert_eq!(world.events(&id), ["application.logged_out"]);
        assert_eq!(world.balance(&account), (9, 0, 0));
    });
}

/// The account's login waits for its next try until `retry_at`.
fn login_down_until(world: &World, account: &AccountId, retry_at: i64) {
    let grant = Grant {
        grantee: Grantee { account: account.clone(), freelancer: Some("fl_1".into()) },
        endpoint: "https://example.com/mcp".into(),
        org_uid: Some("1".into()),
        client_id: "client".into(),
        sealed: b"pair".to_vec(),
        pair: 0,
        expires_at: world.now() + 1_000,
        dead: false,
        retry_at: None,
    };
    let after_ms = retry_at - world.now();
    let wait = world.write(move |tx| {
        grant::save(tx, &grant)?;
        let grant = grant::load(tx, &grant.grantee)?.unwrap();
        refresh::begin(tx, &grant, "w", tx.now() + 60_000)?;
        refresh::failed(tx, &grant, "w", Some(after_ms))
    });
    assert_eq!(wait, retry_at);
}

#[test]
fn what_a_lost_login_kept_from_its_turn_ends_at_the_cutoff_as_logged_out() {
    on_each(|world| {
        for (number, policy) in (1..).zip([Policy::None, Policy::ByRequest]) {
            let account = world.account_on(policy.as_str(), 9, Channel::Upwork);
            let offer = New { channel: Channel::Upwork, policy, ..world.offer(&account, &job(number)) };
            let Accept::Accepted { application, .. } = world.ask(offer) else { panic!() };
            let (id, cutoff) = (application.id, application.progress.cutoff);
            login_down_until(world, &account, cutoff + 1);
            assert!(world.claim(&account, "w").is_none(), "leases pause");
            world.set_now(cutoff - 1);
            assert!(world.read(|tx| queue::kept_back(tx, 9)).is_empty());
            assert!(world.catch_up(&id, Dead::No).is_none(), "too early");
            world.set_now(cutoff);
            assert_eq!(world.read(|tx| queue::kept_back(tx, 9)), slice::from_ref(&id));
            assert_eq!(world.catch_up(&id, Dead::No).unwrap().progress.state, State::LoggedOut);
            assert_eq!(world.events(&id), ["application.logged_out"]);
            assert_eq!(world.balance(&account), (9, 0, 0));
        }
    });
}

#[test]
fn a_login_that_is_back_by_the_cutoff_is_no_reason() {
    on_each(|world| {
        let account = world.account_on("a", 9, Channel::Upwork);
        let offer = New { channel: Channel::Upwork, ..world.offer(&account, &job(1)) };
        let Accept::Accepted { application, .. } = world.ask(offer) else { panic!() };
        let (id, progress) = (application.id, application.progress);
        login_down_until(world, &account, progress.cutoff);
        world.set_now(progress.cutoff);
        assert!(world.read(|tx| queue::kept_back(tx, 9)).is_empty());
        assert!(world.catch_up(&id, Dead::No).is_none());
        world.set_now(progress.deadline);
        assert_eq!(world.catch_up(&id, Dead::No).unwrap().progress.code, Some(Code::Deadline));
    });
}

#[test]
fn one_bad_row_is_one_row_of_the_list() {
    on_each(|world| {
        let account = world.account("a", 9);
        let ids: Vec<_> = (1..=5)
            .map(|n| {
                world.pass(1);
                world.accept(&account, &job(n))
            })
            .collect();
        world.pass(T.deadline_ms);
        assert_eq!(overdue(world), ids, "the longest due first");
        assert_eq!(world.read(|tx| queue::overdue(tx, 2)), ids[..2], "bounded");
    });
}
