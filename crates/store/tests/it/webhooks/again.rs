//! Redelivery.

use super::*;

#[test]
fn an_event_can_be_delivered_again_under_its_id() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        let event = world.listed(&account).remove(0);
        assert_eq!(world.redeliver(&account, &event), Some(1), "what waits begins anew");
        assert_eq!(world.deliveries(&endpoint).len(), 1);
        let first = world.due(64).remove(0);
        world.record(&first, TAKEN);
        world.endpoint(&account, &["application.applied"]);
        assert_eq!(world.redeliver(&account, &event), Some(1));
        assert_eq!(world.due(64).remove(0).event, first.event);
        let once_more = world.deliveries(&endpoint);
        assert_eq!(once_more.len(), 1, "however often it is asked for");
        assert_eq!((once_more[0].state, once_more[0].attempts), (State::Pending, 0));
        assert_eq!(once_more[0].delivered_at, None);
        assert_eq!(world.redeliver(&other, &event), None);
        assert_eq!(world.redeliver(&account, EventId::new(1, 1).as_str()), None);
    });
}

#[test]
fn what_was_asked_for_during_an_attempt_follows_it() {
    on_each(|world| {
        let account = world.account("a", 9);
        let endpoint = world.endpoint(&account, &["*"]);
        world.ended(&account, 1, Code::Refused);
        let event = world.listed(&account).remove(0);
        for result in [TAKEN, FAILED] {
            let under_way = world.due(64).remove(0);
            assert_eq!(world.redeliver(&account, &event), Some(1));
            assert!(world.due(64).is_empty(), "not twice at once");
            assert_eq!(world.record(&under_way, result), Recorded::Kept);
            let next = world.deliveries(&endpoint).remove(0);
            assert_eq!((next.state, next.attempts), (State::Pending, 0), "{result:?}");
        }
        world.record(&world.due(64)[0], TAKEN);
        assert_eq!(world.deliveries(&endpoint)[0].state, State::Delivered);
        assert!(!world.is_due(), "once for each time that it was asked for");
    });
}

#[test]
fn a_result_of_what_was_forgotten_settles_nothing_else() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.ended(&account, 1, Code::Refused);
        world.ended(&account, 2, Code::Refused);
        let events = world.listed(&account);
        let endpoint = world.endpoint(&account, &["*"]);
        world.redeliver(&account, &events[0]);
        let forgotten = world.due(64).remove(0);
        world.pass(KEPT_MS + 1);
        assert_eq!(world.write(|tx| event::purge(tx, KEPT_MS)), 1);
        world.redeliver(&account, &events[1]);
        let taken = world.due(64).remove(0);
        assert_eq!(world.record(&forgotten, TAKEN), Recorded::Lost);
        assert_eq!(world.deliveries(&endpoint)[0].state, State::Pending);
        assert_eq!(world.record(&taken, TAKEN), Recorded::Kept);
    });
}
