//! Webhook endpoints and deliveries: rows of the settling transaction, taken by lease, settled by epoch.

mod again;
mod fair;

use applyd_core::delivery::{Schedule, State};
use applyd_core::ids::{AccountId, EventId, QueueId, WebhookId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::retention::KEPT_MS;
use applyd_core::state::{By, Event};
use applyd_core::webhook::{MOST_WEBHOOKS, OVERLAP_MS, Types};
use applyd_store::delivery::{self, Attempt, Claimed, Delivery, Recorded};
use applyd_store::queue::{self, Beside};
use applyd_store::webhook::{self, Change, New, Reason, Webhook};
use applyd_store::{Error, event, overview};

use crate::engine::on_each;
use crate::world::{T, World, job};

const LEASE_MS: i64 = 30_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
const TAKEN: Attempt<'static> = Attempt::Taken { status: 204 };
const FAILED: Attempt<'static> = Attempt::Failed { status: Some(500), reason: "HTTP 500" };

fn schedule() -> Schedule {
    Schedule { retries_ms: vec![0, 5_000, 60_000], disable_after_ms: 10 * MINUTE }
}

impl World {
    pub(crate) fn endpoint(&self, account: &AccountId, types: &[&str]) -> WebhookId {
        let new = New {
            id: WebhookId::new(self.now(), self.bits()),
            account: account.clone(),
            url: "https://receiver.example/hook".to_owned(),
            types: Types::parse(types.iter().copied()).unwrap(),
            secret: b"sealed".to_vec(),
        };
        let id = new.id.clone();
        assert!(self.write(move |tx| webhook::create(tx, &new)));
        id
    }

    fn ended(&self, account: &AccountId, n: u64, code: Code) -> QueueId {
        let id = self.accept(account, &job(n));
        self.end(&id, code);
        id
    }

    fn due(&self, most: usize) -> Vec<Claimed> {
        self.write(move |tx| delivery::claim(tx, most, LEASE_MS))
    }

    fn is_due(&self) -> bool {
        self.read(delivery::is_due)
    }

    fn record(&self, claimed: &Claimed, attempt: Attempt<'static>) -> Recorded {
        let claimed = claimed.clone();
        self.write(move |tx| delivery::record(tx, &claimed, attempt, &schedule(), 0.0))
    }

    fn deliveries(&self, webhook: &WebhookId) -> Vec<Delivery> {
        let webhook = webhook.clone();
        self.read(move |tx| delivery::list(tx, &webhook, 100, 0)).deliveries
    }

    fn webhook(&self, account: &AccountId, id: &WebhookId) -> Option<Webhook> {
        let (account, id) = (account.clone(), id.clone());
        self.read(move |tx| webhook::find(tx, &account, &id))
    }

    fn change(&self, account: &AccountId, id: &WebhookId, change: Change) -> Option<Webhook> {
        let (account, id) = (account.clone(), id.clone());
        self.write(move |tx| webhook::update(tx, &account, &id, &change))
    }

    fn enable(&self, account: &AccountId, id: &WebhookId, enabled: bool) {
        self.change(account, id, Change { enabled: Some(enabled), ..Change::default() }).unwrap();
    }

    fn redeliver(&self, account: &AccountId, event: &str) -> Option<usize> {
        let (account, event) = (account.clone(), EventId::parse(event).unwrap());
        self.write(move |tx| delivery::redeliver(tx, &account, &event))
    }

    fn listed(&self, account: &AccountId) -> Vec<String> {
        let account = account.clone();
        let page = self.read(move |tx| event::after(tx, &account, None, 100)).unwrap();
        page.events.into_iter().map(|event| event.id).collect()
    }
}

#[test]
fn an_event_is_queued_for_each_endpoint_that_wants_it() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let all = world.endpoint(&account, &["*"]);
        let some = world.endpoint(&account, &["application.applied", "application.not_eligible"]);
        let none = world.endpoint(&account, &["application.applied"]);
        let off = world.endpoint(&account, &["*"]);
        let foreign = world.endpoint(&other, &["*"]);
        world.enable(&account, &off, false);
        assert!(!world.is_due());
        world.ended(&account, 1, Code::NotEligible);
        assert!(world.is_due());
        let queued = |id: &WebhookId| world.deliveries(id).len();
        assert_eq!([&all, &some, &none, &off, &foreign].map(queued), [1, 1, 0, 0, 0]);
        let claimed = world.due(64);
        let mut at: Vec<_> = claimed.iter().map(|claimed| &claimed.webhook).collect();
        at.sort();
        assert_eq!(at, [&all, &some]);
        assert_eq!(claimed[0].event, claimed[1].event, "one event, one body");
        assert_eq!(vec![claimed[0].event.id.clone()], world.listed(&account));
        assert!(!world.is_due());
    });
}

#[test]
fn a_settlement_that_is_undone_leaves_no_delivery() {
    on_each(|world| {
        let account = world.account("a", 9);
        let endpoint = world.endpoint(&account, &["*"]);
        let id = world.accept(&account, &job(1));
        let undone = world.store.write_blocking({
            let id = id.clone();
            move |tx| {
                let end = Event::End(Ending::of(Code::Refused));
                queue::advance(tx, &id, end, By::Sweeper, &T, Beside::default())?.unwrap();
                Err::<(), _>(Error::Damaged("by the test".into()))
            }
        });
        assert!(undone.is_err());
        assert!(world.deliveries(&endpoint).is_empty() && world.listed(&account).is_empty());
        assert!(!world.is_due());
        world.end(&id, Code::Refused);
        assert_eq!(world.deliveries(&endpoint).len(), 1);
    });
}

#[test]
fn failures_follow_the_schedule_to_the_end() {
    on_each(|world| {
        let account = world.account("a", 9);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        let mut bodies = Vec::new();
        for wait in [0, 0, 5_000, 60_000] {
            if wait > 0 {
                world.pass(wait - 1);
                assert!(world.due(64).is_empty(), "{wait}: too early");
                world.pass(1);
            }
            let claimed = world.due(64).remove(0);
            assert_eq!(world.record(&claimed, FAILED), Recorded::Kept);
            bodies.push(claimed.event);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "an attempt told something else: {bodies:?}");
        let ended = world.deliveries(&endpoint).remove(0);
        assert_eq!((ended.state, ended.attempts, ended.due_at), (State::Exhausted, 4, None));
        assert_eq!((ended.last_status, ended.last_failure.as_deref()), (Some(500), Some("HTTP 500")));
        world.pass(100 * HOUR);
        assert!(!world.is_due());
    });
}

#[test]
fn a_lost_lease_records_nothing() {
    on_each(|world| {
        let account = world.account("a", 9);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        let first = world.due(64).remove(0);
        world.pass(LEASE_MS - 1);
        assert!(world.due(64).is_empty(), "the lease still holds");
        world.pass(1);
        let second = world.due(64).remove(0);
        assert_eq!(second.event, first.event);
        assert_eq!(world.record(&first, FAILED), Recorded::Lost);
        assert_eq!(world.deliveries(&endpoint)[0].attempts, 0);
        assert_eq!(world.record(&second, TAKEN), Recorded::Kept);
        assert_eq!(world.record(&second, FAILED), Recorded::Lost, "a result counts once");
        let delivered = world.deliveries(&endpoint).remove(0);
        assert_eq!((delivered.state, delivered.delivered_at), (State::Delivered, Some(world.now())));
    });
}

#[test]
fn what_dead_servers_held_can_be_taken_at_once() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        let held = world.due(64).remove(0);
        assert!(!world.is_due());
        assert_eq!(world.write(delivery::release), 1);
        assert!(world.is_due());
        let taken = world.due(64).remove(0);
        assert_eq!(taken.event, held.event);
        assert_eq!(world.record(&held, TAKEN), Recorded::Lost);
    });
}

#[test]
fn an_endpoint_has_few_attempts_under_way_and_hides_no_other() {
    on_each(|world| {
        let (busy, other) = (world.account("a", 99), world.account("b", 9));
        world.endpoint(&busy, &["*"]);
        world.endpoint(&other, &["*"]);
        (1..=20).for_each(|n| drop(world.ended(&busy, n, Code::Refused)));
        world.pass(1);
        world.ended(&other, 1, Code::Refused);
        let claimed = world.due(2);
        let of_other = claimed.iter().filter(|one| world.listed(&other).contains(&one.event.id));
        assert_eq!((claimed.len(), of_other.count()), (2, 1), "no more than there are places, one for each");
        let claimed = world.due(64);
        assert_eq!(claimed.len(), 3, "three more of the busy one");
        assert!(!world.is_due() && world.due(64).is_empty());
        let first =
            claimed.into_iter().find(|claimed| world.listed(&busy).contains(&claimed.event.id)).unwrap();
        world.record(&first, TAKEN);
        assert_eq!(world.due(64).len(), 1, "a place that is free is taken");
    });
}

#[test]
fn a_failing_endpoint_is_tried_one_at_a_time_until_something_works() {
    on_each(|world| {
        let account = world.account("a", 99);
        let endpoint = world.endpoint(&account, &["*"]);
        (1..=9).for_each(|n| drop(world.ended(&account, n, Code::Refused)));
        for claimed in world.due(64) {
            world.record(&claimed, FAILED);
        }
        let next = world.due(64);
        assert_eq!(next.len(), 1);
        world.record(&next[0], TAKEN);
        assert_eq!(world.webhook(&account, &endpoint).unwrap().failing_since, None);
        assert_eq!(world.due(64).len(), 4);
    });
}

#[test]
fn an_endpoint_at_which_nothing_worked_for_too_long_is_switched_off_and_on_by_hand() {
    on_each(|world| {
        let account = world.account("a", 99);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        world.ended(&account, 2, Code::Refused);
        world.record(&world.due(1)[0], FAILED);
        let since = world.now();
        for wait in [2, 2, 2, 2] {
            world.pass(wait * MINUTE);
            assert_eq!(world.record(&world.due(1)[0], FAILED), Recorded::Kept);
        }
        world.pass(2 * MINUTE - 1);
        assert_eq!(world.record(&world.due(1)[0], FAILED), Recorded::Kept);
        world.pass(1);
        assert_eq!(world.record(&world.due(1)[0], FAILED), Recorded::SwitchedOff);
        let off = world.webhook(&account, &endpoint).unwrap();
        assert_eq!((off.disabled, off.failing_since), (Some((world.now(), Reason::Failing)), Some(since)));
        let waits = world.deliveries(&endpoint).remove(0);
        assert_eq!((waits.state, waits.due_at), (State::Pending, None), "no attempt is to come");
        world.pass(60_000);
        assert!(!world.is_due() && world.due(64).is_empty(), "nothing is sent to what is off");
        let seen = world.read(overview::read);
        assert_eq!((seen.deliveries.count, seen.deliveries.late_ms, seen.given_up), (0, 0, 1));
        world.ended(&account, 3, Code::Refused);
        assert_eq!(world.deliveries(&endpoint).len(), 2, "nor is anything queued");
        world.enable(&account, &endpoint, true);
        let on = world.webhook(&account, &endpoint).unwrap();
        assert_eq!((on.disabled, on.failing_since), (None, None));
        world.pass(7);
        let seen = world.read(overview::read);
        assert_eq!((seen.deliveries.count, seen.given_up), (1, 0));
        assert!(seen.deliveries.late_ms >= 7, "{seen:?}");
        assert_eq!(world.due(64).len(), 1, "what waited goes on");
    });
}

#[test]
fn one_failure_after_a_long_silence_does_not_switch_off() {
    on_each(|world| {
        let account = world.account("a", 99);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        for wait in [0, 0, 5_000, 60_000] {
            world.pass(wait);
            world.record(&world.due(1)[0], FAILED);
        }
        world.pass(HOUR);
        world.ended(&account, 2, Code::Refused);
        assert_eq!(world.record(&world.due(1)[0], FAILED), Recorded::Kept);
        let kept = world.webhook(&account, &endpoint).unwrap();
        assert_eq!((kept.disabled, kept.failing_since), (None, Some(world.now())));
    });
}

#[test]
fn what_this_server_could_not_sign_waits_and_is_nobodys_failure() {
    on_each(|world| {
        let account = world.account("a", 99);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        assert_eq!(world.record(&world.due(64)[0], Attempt::Withheld { reason: "no key" }), Recorded::Kept);
        let held = world.deliveries(&endpoint).remove(0);
        assert_eq!((held.state, held.attempts, held.due_at), (State::Pending, 0, Some(world.now() + MINUTE)));
        assert_eq!(held.last_failure.as_deref(), Some("no key"));
        assert_eq!(world.webhook(&account, &endpoint).unwrap().failing_since, None);
        world.ended(&account, 2, Code::Refused);
        world.pass(MINUTE - 1);
        assert!(!world.is_due(), "another event would find the same key");
        world.pass(1);
        assert_eq!(world.due(64).len(), 2);
    });
}

#[test]
fn after_a_rotation_both_secrets_sign_for_a_day() {
    on_each(|world| {
        let account = world.account("a", 99);
        let endpoint = world.endpoint(&account, &["*"]);
        let rotate = |secret: &'static [u8]| {
            let (account, id) = (account.clone(), endpoint.clone());
            world.write(move |tx| webhook::rotate(tx, &account, &id, secret)).unwrap()
        };
        assert_eq!(rotate(b"second").previous_until, Some(world.now() + OVERLAP_MS));
        let secrets = |n| {
            world.ended(&account, n, Code::Refused);
            let claimed = world.due(1).remove(0);
            world.record(&claimed, TAKEN);
            (claimed.secret, claimed.previous_secret)
        };
        assert_eq!(secrets(1), (b"second".to_vec(), Some(b"sealed".to_vec())));
        rotate(b"third");
        world.pass(OVERLAP_MS - 1);
        assert_eq!(secrets(2), (b"third".to_vec(), Some(b"second".to_vec())));
        world.pass(1);
        assert_eq!(secrets(3), (b"third".to_vec(), None));
        assert_eq!(world.webhook(&account, &endpoint).unwrap().previous_until, None);
    });
}

#[test]
fn a_test_reaches_its_endpoint_only_and_is_not_listed() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let endpoint = world.endpoint(&account, &["application.applied"]);
        let bystander = world.endpoint(&account, &["*"]);
        let test = |account: &AccountId| {
            let (account, id) = (account.clone(), endpoint.clone());
            world.write(move |tx| delivery::test(tx, &account, &id))
        };
        let event = test(&account).unwrap();
        assert_eq!(test(&other), None);
        let claimed = world.due(64);
        assert_eq!((claimed.len(), &claimed[0].webhook), (1, &endpoint));
        assert_eq!(
            (claimed[0].event.id.as_str(), claimed[0].event.kind.as_str()),
            (event.as_str(), "webhook.test")
        );
        world.record(&claimed[0], TAKEN);
        assert!(world.listed(&account).is_empty());
        assert_eq!(world.redeliver(&account, event.as_str()), Some(1));
        assert_eq!((world.deliveries(&endpoint).len(), world.deliveries(&bystander).len()), (1, 0));
        world.enable(&account, &endpoint, false);
        assert_eq!(test(&account), None);
    });
}

#[test]
fn a_deleted_endpoint_gets_nothing_more() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        world.ended(&account, 2, Code::Refused);
        let under_way = world.due(1).remove(0);
        let delete = |account: &AccountId| {
            let (account, id) = (account.clone(), endpoint.clone());
            world.write(move |tx| webhook::delete(tx, &account, &id))
        };
        assert!(!delete(&other) && delete(&account) && !delete(&account));
        assert_eq!(world.record(&under_way, TAKEN), Recorded::Lost);
        assert!(!world.is_due() && world.due(64).is_empty());
        assert_eq!(world.webhook(&account, &endpoint), None);
    });
}

#[test]
fn an_account_sees_and_changes_only_its_own_and_has_a_limit() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let endpoint = world.endpoint(&account, &["*"]);
        assert_eq!(world.webhook(&other, &endpoint), None);
        assert_eq!(
            world.change(&other, &endpoint, Change { enabled: Some(false), ..Change::default() }),
            None
        );
        let (id, stranger) = (endpoint.clone(), other);
        assert_eq!(world.write(move |tx| webhook::rotate(tx, &stranger, &id, b"mine")), None);
        let kept = world.webhook(&account, &endpoint).unwrap();
        assert_eq!((kept.disabled, kept.previous_until), (None, None));
        for _ in 1..MOST_WEBHOOKS {
            world.endpoint(&account, &["*"]);
        }
        let one_more = New {
            id: WebhookId::new(1, 1),
            account: account.clone(),
            url: String::new(),
            types: Types::Every,
            secret: vec![],
        };
        assert!(!world.write(move |tx| webhook::create(tx, &one_more)));
        let listed = world.read(move |tx| webhook::list(tx, &account));
        assert_eq!((listed.len() as i64, &listed[0].id), (MOST_WEBHOOKS, &endpoint));
    });
}

#[test]
fn events_and_their_deliveries_are_forgotten_together() {
    on_each(|world| {
        let account = world.account("a", 9);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        world.ended(&account, 2, Code::Refused);
        world.pass(KEPT_MS);
        world.ended(&account, 3, Code::Refused);
        let event = world.listed(&account).remove(0);
        world.redeliver(&account, &event);
        assert_eq!(world.write(|tx| event::purge(tx, KEPT_MS)), 0, "kept that long");
        world.pass(1);
        assert_eq!(world.write(|tx| event::purge(tx, KEPT_MS)), 1);
        assert_eq!((world.listed(&account).len(), world.deliveries(&endpoint).len()), (2, 2));
        assert_eq!(world.due(64).len(), 2);
        assert!(!world.is_due());
        let newest = world.read(event::reach);
        world.pass(2 * KEPT_MS);
        world.write(|tx| event::purge(tx, KEPT_MS));
        world.ended(&account, 4, Code::Refused);
        assert!(world.read(event::reach) > newest, "the order of commits goes on");
    });
}
