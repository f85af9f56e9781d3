//! Events as they are told: in the order of commits, by pages, of one account only.

use applyd_core::ids::{AccountId, EventId};
use applyd_core::outcome::Code;
use applyd_core::retention::KEPT_MS;
use applyd_store::event::{self, Page};
use applyd_wire::EventType;

use crate::engine::on_each;
use crate::world::{START, World, job};

fn after(world: &World, account: &AccountId, cursor: Option<&str>, most: i64) -> Option<Page> {
    let (account, cursor) = (account.clone(), cursor.map(|text| EventId::parse(text).unwrap()));
    world.read(move |tx| event::after(tx, &account, cursor.as_ref(), most))
}

fn ended(world: &World, account: &AccountId, n: u64) {
    let id = world.accept(account, &job(n));
    world.end(&id, Code::Refused);
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        for n in 1..=5 {
            ended(world, &account, n);
            ended(world, &other, n);
        }
        let whole = after(world, &account, None, 100).unwrap();
        assert_eq!((whole.events.len(), whole.has_more), (5, false));
        let first = after(world, &account, None, 2).unwrap();
        assert_eq!((&first.events[..], first.has_more), (&whole.events[..2], true));
        let rest = after(world, &account, Some(&first.events[1].id), 3).unwrap();
        assert_eq!((&rest.events[..], rest.has_more), (&whole.events[2..], false));
        let newest = world.read({
            let account = account.clone();
            move |tx| event::newest(tx, &account)
        });
        assert_eq!(newest.unwrap().as_str(), whole.events[4].id);
        let end = after(world, &account, Some(&whole.events[4].id), 3).unwrap();
        assert_eq!(end, Page { events: vec![], has_more: false });
    });
}

#[test]
fn who_waits_for_any_hears_of_all_accounts() {
    on_each(|world| {
        let accounts = [world.account("a", 9), world.account("b", 9)];
        ended(world, &accounts[0], 1);
        let reach = world.read(event::reach);
        assert!(world.read(move |tx| event::since(tx, reach, 9)).is_empty());
        accounts.iter().for_each(|account| ended(world, account, 2));
        let told = world.read(move |tx| event::since(tx, reach, 9));
        assert_eq!(
            told.iter().map(|told| told.account.as_str()).collect::<Vec<_>>(),
            accounts.each_ref().map(AccountId::as_str)
        );
        assert_eq!(told[1].seq, world.read(event::reach));
        assert_eq!(world.read(move |tx| event::since(tx, reach, 1)), told[..1]);
    });
}

#[test]
fn an_event_tells_the_status_as_it_was_then() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        let answer = world.end(&id, Code::NotEligible).answer();
        let event = after(world, &account, None, 1).unwrap().events.remove(0);
        assert_eq!(event.kind, EventType::NotEligible);
        assert_eq!(event.timestamp, applyd_core::time::iso(START));
        assert_eq!(event.data, answer);
    });
}

#[test]
fn a_place_among_the_events_is_never_given_twice() {
    on_each(|world| {
        let account = world.account("a", 9);
        ended(world, &account, 1);
        ended(world, &account, 2);
        let reach = world.read(event::reach);
        world.pass(KEPT_MS + 1);
        world.write(|tx| event::purge(tx, KEPT_MS));
        assert_eq!(world.read(event::reach), reach);
        ended(world, &account, 3);
        assert_eq!(world.read(move |tx| event::since(tx, reach, 9)).len(), 1);
    });
}

#[test]
fn a_cursor_of_another_account_is_unknown() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        ended(world, &other, 1);
        let foreign = after(world, &other, None, 1).unwrap().events.remove(0).id;
        assert_eq!(after(world, &account, Some(&foreign), 1), None);
        assert!(after(world, &other, Some(&foreign), 1).is_some());
        let nobodys = EventId::new(START, 1);
        assert_eq!(after(world, &account, Some(nobodys.as_str()), 1), None);
        assert_eq!(world.read(move |tx| event::newest(tx, &account)), None);
    });
}

#[test]
fn who_has_heard_all_can_go_on_however_quiet_it_was() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        (1..=3).for_each(|n| ended(world, &account, n));
        let heard = after(world, &account, None, 9).unwrap().events;
        world.pass(KEPT_MS + 1);
        ended(world, &other, 1);
        assert_eq!(
            world.write(|tx| event::purge(tx, KEPT_MS)),
            2,
            "the last one stays, for its id is a cursor"
        );
        assert_eq!(world.write(|tx| event::purge(tx, KEPT_MS)), 0);
        assert_eq!(after(world, &account, Some(&heard[1].id), 9), None);
        ended(world, &account, 4);
        let next = after(world, &account, Some(&heard[2].id), 9).unwrap().events;
        assert_eq!(next.len(), 1);
        world.pass(KEPT_MS + 1);
        world.write(|tx| event::purge(tx, KEPT_MS));
        assert_eq!(after(world, &account, Some(&next[0].id), 9).unwrap().events, []);
        assert_eq!(after(world, &account, Some(&heard[2].id), 9), None, "a later one speaks for it now");
    });
}
