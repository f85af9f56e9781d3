//! The store lost its tail: what the witness kept comes back.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::Code;
use applyd_core::state::{By, Closed, Dead, Event, State};
use applyd_store::account::Channel;
use applyd_store::intent::{self, Login};
use applyd_store::meta;
use applyd_store::queue::{self, Accept};
use applyd_store::recover::{self, Known, Witnessed};

use crate::engine::on_each;
use crate::world::{REQUEST, START, T, World, job, key, uuid};

fn witnessed(world: &World, account: &AccountId, n: u64) -> Witnessed {
    Witnessed {
        id: QueueId::new(START, world.bits()),
        account: account.clone(),
        channel: Channel::Sandbox,
        job: key(&job(n)),
        processed_job_id: uuid(world.bits()),
        accepted_at: START,
        at: START + 1,
        worker: "dead".into(),
        terms_sha256: "terms".into(),
        request: REQUEST.into(),
        login: None,
    }
}

fn recover(world: &World, witnessed: &Witnessed) -> Known {
    let witnessed = witnessed.clone();
    world.write(move |tx| recover::recover(tx, &witnessed, &T))
}

fn is_lost(world: &World, id: &QueueId) -> bool {
    let id = id.clone();
    world.read(move |tx| recover::is_lost(tx, &id))
}

#[test]
fn an_intent_of_a_known_application_is_brought_back_to_be_verified() {
    on_each(|world| {
        let account = world.account("a", 9);
        assert!(world.read(recover::is_empty));
        let id = world.accept(&account, &job(1));
        assert!(!world.read(recover::is_empty));
        let login = Some(Login { freelancer: Some("fl_1".into()), org_uid: "77".into() });
        let lost = Witnessed { id: id.clone(), login: login.clone(), ..witnessed(world, &account, 1) };
        assert!(is_lost(world, &id));
        assert_eq!(recover(world, &lost), Known::Recovered);
        assert!(!is_lost(world, &id));
        let asked = id.clone();
        assert_eq!(
            world.read(move |tx| intent::login(tx, &asked)),
            login,
            "it is read for by whose login sent"
        );
        let progress = world.load(&id).progress;
        assert_eq!(progress.state, State::Verifying);
        let intent = progress.intent.unwrap();
        assert_eq!((intent.worker.as_str(), intent.at, intent.closed), ("dead", START + 1, Closed::Open));
        assert_eq!(progress.permit_closed_at, Some(world.now()), "its sender is known to be dead");
        assert_eq!(recover(world, &lost), Known::Yes, "a second start finds it");
        assert!(world.claim(&account, "w").is_none(), "never sent again");
        assert_eq!(world.balance(&account), (8, 1, 0));
        world.assert_clean();
    });
}

#[test]
fn an_application_that_is_lost_too_comes_back_with_its_credit() {
    on_each(|world| {
        let rich = world.account("rich", 1);
        let poor = world.account("poor", 0);
        for account in [&rich, &poor] {
            let lost = witnessed(world, account, 1);
            assert_eq!(recover(world, &lost), Known::Recovered);
            let back = world.load(&lost.id);
            assert_eq!((back.progress.state, back.accepted_at), (State::Verifying, START));
            assert_eq!(back.processed_job_id, lost.processed_job_id);
            assert_eq!(world.balance(account), (0, 1, 0), "a lost grant is brought back with it");
        }
        world.assert_clean();
    });
}

#[test]
fn what_comes_back_late_or_beside_another_is_unknown_at_once() {
    on_each(|world| {
        let account = world.account("a", 9);
        let (first, second) = (witnessed(world, &account, 1), witnessed(world, &account, 2));
        assert_eq!(recover(world, &first), Known::Recovered);
        assert_eq!(recover(world, &second), Known::Recovered);
        assert_eq!((world.state(&first.id), world.state(&second.id)), (State::Verifying, State::Unknown));
        let other = world.account("b", 9);
        let late = witnessed(world, &other, 1);
        world.pass(T.deadline_ms);
        assert_eq!(recover(world, &late), Known::Recovered);
        assert_eq!((world.state(&late.id), world.events(&late.id).len()), (State::Unknown, 1));
        assert_eq!((world.balance(&account), world.balance(&other)), ((7, 2, 0), (8, 1, 0)));
        world.assert_clean();
    });
}

#[test]
fn a_later_application_for_the_job_gives_way_unless_it_was_sent() {
    on_each(|world| {
        let account = world.account("a", 9);
        let (lost, other) = (witnessed(world, &account, 1), witnessed(world, &account, 2));
        world.pass(10);
        let later = world.accept(&account, &job(1));
        assert_eq!(recover(world, &lost), Known::Recovered);
        assert_eq!(world.load(&later).progress.code, Some(Code::NotSubmitted));
        world.advance(&lost.id, Event::Seen { site_at: None }, By::Sweeper);
        assert_eq!(world.balance(&account), (8, 0, 1));

        world.accept(&account, &job(2));
        let (sent, _) = world.cross(&account, "w");
        assert!(matches!(recover(world, &other), Known::No(_)), "its own intent stands");
        assert_eq!(world.state(&sent), State::Intent);
        assert!(is_lost(world, &other.id), "and nothing of the other was written");
        world.assert_clean();
    });
}

/// The application that came back is older than one that ended: it bars the job all the same.
#[test]
fn what_came_back_bars_its_job_though_it_is_not_the_newest() {
    on_each(|world| {
        let account = world.account("a", 9);
        let lost = witnessed(world, &account, 1);
        world.pass(10);
        let later = world.accept(&account, &job(1));
        world.end(&later, Code::Deadline);
        assert_eq!(recover(world, &lost), Known::Recovered);
        match world.ask(world.offer(&account, &job(1))) {
            Accept::Barred { by, state } => assert_eq!((by, state), (lost.id, State::Verifying)),
            other => panic!("{other:?}"),
        }
        world.assert_clean();
    });
}

#[test]
fn what_cannot_come_back_says_why_and_changes_nothing() {
    on_each(|world| {
        let account = world.account("a", 9);
        let nobody = AccountId::new(START, world.bits());
        assert!(matches!(recover(world, &witnessed(world, &nobody, 1)), Known::No(_)));
        let ended = world.accept(&account, &job(1));
        world.end(&ended, Code::Deadline);
        let lost = Witnessed { id: ended.clone(), ..witnessed(world, &account, 1) };
        assert!(matches!(recover(world, &lost), Known::No(_)));
        assert_eq!((world.state(&ended), world.balance(&account)), (State::Failed, (9, 0, 0)));
        world.assert_clean();
    });
}

#[test]
fn what_is_overdue_in_verify_only_is_held_until_the_site_was_read() {
    on_each(|world| {
        let account = world.account("a", 9);
        let [found, absent] = [1, 2].map(|n| world.accept(&account, &job(n)));
        world.write(|tx| meta::set_verify_only(tx, Some("test")));
        world.claim(&account, "w").unwrap();
        world.pass(T.deadline_ms);
        for id in [&found, &absent] {
            let unknown = world.catch_up(id, Dead::No).unwrap().progress;
            assert_eq!((unknown.state, unknown.code), (State::Unknown, Some(Code::OutcomeUnknown)));
            assert_eq!(unknown.intent.unwrap().at, START, "all since its acceptance counts");
            assert!(world.catch_up(id, Dead::Proven).is_none(), "once");
        }
        assert_eq!(world.balance(&account), (7, 2, 0));
        let listed: Vec<_> = world.read(queue::unverified).into_iter().map(|(id, _)| id).collect();
        assert_eq!(listed, [found.clone(), absent.clone()]);
        assert_eq!(world.read(|tx| queue::to_look_at(tx, 9)).len(), 2);
        let read = |id: &QueueId, event| {
            let taken = world.advance(id, Event::Look { worker: "reader".into() }, By::Sweeper);
            world.advance(id, event, By::Worker(taken.progress.epoch))
        };
        assert_eq!(read(&found, Event::Seen { site_at: None }).progress.state, State::Applied);
        for _ in 0..2 {
            world.pass(T.drain_ms);
            read(&absent, Event::NotSeen { settles: true, again_ms: T.read_spacing_ms });
        }
        assert_eq!(world.load(&absent).progress.code, Some(Code::NotSubmitted));
        for id in [&found, &absent] {
            assert_eq!(world.events(id), ["application.failed", "application.corrected"]);
        }
        assert!(world.read(queue::unverified).is_empty());
        assert_eq!(world.balance(&account), (8, 0, 1));
        world.assert_clean();
    });
}

#[test]
fn the_operator_is_told_what_was_not_read_yet() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        let listed = || world.read(queue::unverified).len();
        assert_eq!(listed(), 0, "in normal operation it was never sent");
        world.write(|tx| meta::set_verify_only(tx, Some("test")));
        assert_eq!(listed(), 1);
        let epoch = world.claim(&account, "w").unwrap().progress.epoch;
        assert_eq!(listed(), 1);
        world.advance(&id, Event::NotSeen { settles: false, again_ms: T.read_spacing_ms }, By::Worker(epoch));
        assert_eq!((world.state(&id), listed()), (State::Queued, 0));
        world.pass(T.deadline_ms);
        world.catch_up(&id, Dead::No);
        assert_eq!(listed(), 1, "its outcome is open again");
        world.assert_clean();
    });
}
