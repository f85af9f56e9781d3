//! A person's word about what nobody knew.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::Code;
use applyd_core::state::{By, Dead, Event, State};
use applyd_core::time::{DESK_ANSWER_MS, GIVE_UP_MS};
use applyd_store::queue::Accept;
use applyd_store::resolve::{self, Finding, Resolved};
use applyd_store::timeline;

use crate::desk::Desk;
use crate::engine::on_each;
use crate::world::{T, World, job};

fn resolve(world: &World, id: &QueueId, finding: Finding) -> Resolved {
    let id = id.clone();
    world.write(move |tx| resolve::resolve(tx, &id, &finding, "Ada", "looked at the list", &T))
}

fn open(world: &World) -> Vec<QueueId> {
    let open = world.read(|tx| resolve::list(tx, None));
    open.into_iter().map(|open| open.application.id).collect()
}

fn last_line(world: &World, account: &AccountId, id: &QueueId) -> (String, String, String) {
    let (account, id) = (account.clone(), id.clone());
    let last = world.read(move |tx| timeline::list(tx, &account, &id)).unwrap().pop().unwrap();
    (last.event, last.by, last.detail.unwrap())
}

/// Sent, and no answer came.
fn doubted(world: &World) -> (AccountId, QueueId) {
    let account = world.account("a", 2);
    world.accept(&account, &job(1));
    let (id, _) = world.cross(&account, "w1");
    world.advance(&id, Event::Doubt, By::Sweeper);
    (account, id)
}

#[test]
fn not_submitted_waits_until_nothing_can_follow() {
    on_each(|world| {
        let (account, id) = doubted(world);
        assert_eq!(open(world), std::slice::from_ref(&id));
        assert!(matches!(resolve(world, &id, Finding::NotSubmitted), Resolved::TooEarly(None)));
        assert!(matches!(resolve(world, &id, Finding::ClearGuard), Resolved::NotUnresolved(_)));
        world.advance(&id, Event::PermitClosed, By::Sweeper);
        let from = world.now() + T.drain_ms;
        world.pass(T.drain_ms - 1);
        let early = resolve(world, &id, Finding::NotSubmitted);
        assert!(matches!(early, Resolved::TooEarly(Some(at)) if at == from), "{early:?}");
        world.pass(1);
        assert!(matches!(resolve(world, &id, Finding::NotSubmitted), Resolved::Settled(_)));
        assert_eq!(world.load(&id).progress.code, Some(Code::NotSubmitted));
        assert_eq!(world.balance(&account), (2, 0, 0));
        assert_eq!(world.events(&id), ["application.failed"]);
        let line = ("not_submitted".into(), "person".into(), "by Ada: looked at the list".into());
        assert_eq!(last_line(world, &account, &id), line);
        assert!(matches!(resolve(world, &id, Finding::NotSubmitted), Resolved::NotOpen(_)), "once");
        assert!(open(world).is_empty());
        world.assert_clean();
    });
}

#[test]
fn submitted_counts_at_once() {
    on_each(|world| {
        let (account, id) = doubted(world);
        let settled = resolve(world, &id, Finding::Submitted(Some("p9".into())));
        assert!(matches!(settled, Resolved::Settled(now) if now.progress.state == State::Applied));
        assert_eq!(world.balance(&account), (1, 0, 1));
        assert_eq!(world.events(&id), ["application.applied"]);
        world.assert_clean();
    });
}

#[test]
fn nothing_else_is_resolved() {
    on_each(|world| {
        let account = world.account("a", 2);
        let id = world.accept(&account, &job(1));
        let findings = || [Finding::Submitted(None), Finding::NotSubmitted, Finding::ClearGuard];
        for finding in findings() {
            assert!(matches!(resolve(world, &id, finding), Resolved::NotOpen(_)), "it waits");
        }
        world.apply(&account, "w1");
        for finding in findings() {
            assert!(matches!(resolve(world, &id, finding), Resolved::NotOpen(_)), "it is applied");
        }
        let nobodys = QueueId::new(1, 1);
        assert!(matches!(resolve(world, &nobodys, Finding::NotSubmitted), Resolved::Unknown));
    });
}

#[test]
fn an_outcome_that_was_forgotten_at_the_desk_is_settled_by_another() {
    for (finding, balance) in [(Finding::Submitted(None), (4, 0, 1)), (Finding::NotSubmitted, (5, 0, 0))] {
        on_each(|world| {
            let desk = Desk::declared(world);
            let early = resolve(world, &desk.id, finding.clone());
            assert!(matches!(early, Resolved::NotOpen(_)), "it is the person's to say");
            world.pass(DESK_ANSWER_MS);
            desk.sweep();
            assert!(matches!(resolve(world, &desk.id, finding.clone()), Resolved::Settled(_)));
            assert_eq!(world.balance(&desk.account), balance);
            assert_eq!(world.events(&desk.id), ["application.failed", "application.corrected"]);
            world.assert_clean();
        });
    }
}

#[test]
fn after_a_day_a_finding_is_kept_and_only_the_guard_may_be_cleared() {
    on_each(|world| {
        let desk = Desk::declared(world);
        world.pass(DESK_ANSWER_MS);
        desk.sweep();
        world.pass(GIVE_UP_MS);
        assert_eq!(desk.sweep().unwrap().progress.code, Some(Code::Unresolved));
        let (before, told) = (world.load(&desk.id), world.events(&desk.id));
        assert_eq!(open(world), std::slice::from_ref(&desk.id));
        assert!(matches!(resolve(world, &desk.id, Finding::NotSubmitted), Resolved::Noted));
        let again = || world.ask(world.offer(&desk.account, &job(1)));
        assert!(matches!(again(), Accept::Barred { .. }));
        assert!(matches!(resolve(world, &desk.id, Finding::ClearGuard), Resolved::GuardCleared));
        assert_eq!(last_line(world, &desk.account, &desk.id).0, "guard_cleared");
        assert!(matches!(again(), Accept::Accepted { .. }));
        let after = world.load(&desk.id);
        assert_eq!((after.answer(), world.events(&desk.id)), (before.answer(), told), "nothing on the wire");
        assert!(open(world).is_empty());
        assert!(world.catch_up(&desk.id, Dead::Proven).is_none());
        world.assert_clean();
    });
}
