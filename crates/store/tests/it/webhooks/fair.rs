//! Who is served when there is more to do than there are places.

use super::*;

/// All of them, and those of one account.
const PLACES: usize = 64;
const OF_ACCOUNT: usize = 16;
/// At failing endpoints.
const OF_FAILING: usize = 32;

impl World {
    /// An account with so many endpoints, and so many deliveries at each.
    fn busy(&self, name: &str, endpoints: usize, events: u64) -> AccountId {
        let account = self.account(name, 99);
        for _ in 0..endpoints {
            self.endpoint(&account, &["*"]);
        }
        (1..=events).for_each(|n| drop(self.ended(&account, n, Code::Refused)));
        account
    }

    fn count(&self, claimed: &[Claimed], account: &AccountId) -> usize {
        let (account, claimed) = (account.clone(), claimed.to_vec());
        self.read(move |tx| {
            let own: Vec<_> = webhook::list(tx, &account)?.into_iter().map(|webhook| webhook.id).collect();
            Ok(claimed.iter().filter(|claimed| own.contains(&claimed.webhook)).count())
        })
    }
}

#[test]
fn an_account_with_many_slow_receivers_holds_up_nobody() {
    on_each(|world| {
        let slow = world.busy("slow", 20, 5);
        assert_eq!(world.due(PLACES).len(), OF_ACCOUNT);
        assert!(
            !world.is_due() && world.due(PLACES).is_empty(),
            "what has to wait is not asked for again and again"
        );
        world.pass(1);
        let other = world.busy("other", 1, 1);
        assert!(world.is_due());
        let claimed = world.due(PLACES - OF_ACCOUNT);
        assert_eq!((claimed.len(), world.count(&claimed, &other)), (1, 1));
        world.pass(LEASE_MS);
        let mut claimed = world.due(PLACES);
        assert_eq!((world.count(&claimed, &slow), world.count(&claimed, &other)), (OF_ACCOUNT, 1));
        claimed.retain(|one| world.count(std::slice::from_ref(one), &slow) == 1);
        world.record(&claimed[0], TAKEN);
        assert!(world.is_due(), "a result lets the next one of the account begin");
        let next = world.due(PLACES);
        assert_eq!((next.len(), world.count(&next, &slow)), (1, 1));
    });
}

#[test]
fn accounts_are_served_in_turn_whoever_came_first() {
    on_each(|world| {
        let first = world.busy("a", 9, 9);
        world.pass(MINUTE);
        let accounts = [first, world.busy("b", 1, 9), world.busy("c", 3, 9)];
        let claimed = world.due(3);
        assert_eq!(accounts.each_ref().map(|account| world.count(&claimed, account)), [1, 1, 1]);
        let claimed = world.due(6);
        assert_eq!(accounts.each_ref().map(|account| world.count(&claimed, account)), [2, 2, 2]);
        let last = world.busy("d", 1, 1);
        assert_eq!(world.count(&world.due(1), &last), 1, "the next place is for who has none");
    });
}

#[test]
fn the_endpoints_of_an_account_are_served_in_turn() {
    on_each(|world| {
        world.busy("a", 5, 9);
        let endpoints = |claimed: Vec<Claimed>| {
            let mut at: Vec<_> = claimed.into_iter().map(|claimed| claimed.webhook).collect();
            at.sort();
            at.dedup();
            at.len()
        };
        assert_eq!(endpoints(world.due(5)), 5);
    });
}

#[test]
fn many_failing_endpoints_leave_places_for_the_living() {
    on_each(|world| {
        for n in 0..40 {
            world.busy(&format!("failing {n}"), 1, 2);
            world.record(&world.due(1)[0], FAILED);
        }
        let tried = world.due(PLACES);
        assert_eq!(tried.len(), OF_FAILING);
        assert!(!world.is_due() && world.due(PLACES).is_empty());
        world.pass(1);
        let living = world.busy("living", 9, 2);
        assert_eq!(world.count(&world.due(PLACES - OF_FAILING), &living), OF_ACCOUNT);
        world.record(&tried[0], FAILED);
        assert_eq!(world.due(PLACES).len(), 1, "the next of the failing");
    });
}

#[test]
fn a_deleted_endpoint_keeps_its_places_until_its_attempts_have_ended() {
    on_each(|world| {
        let account = world.busy("a", 20, 1);
        assert_eq!(world.due(PLACES).len(), OF_ACCOUNT);
        let own = account.clone();
        world.write(move |tx| {
            for webhook in webhook::list(tx, &own)? {
                webhook::delete(tx, &own, &webhook.id)?;
            }
            Ok(())
        });
        world.endpoint(&account, &["*"]);
        world.ended(&account, 9, Code::Refused);
        assert!(!world.is_due() && world.due(PLACES).is_empty());
        world.pass(LEASE_MS);
        assert_eq!(world.due(PLACES).len(), 1);
    });
}

#[test]
fn a_lease_that_ended_beside_others_asks_for_no_empty_claims() {
    on_each(|world| {
        world.busy("a", 1, 5);
        let lost = world.due(1);
        world.pass(LEASE_MS / 2);
        let claimed = world.due(2);
        world.record(&claimed[0], FAILED);
        world.pass(LEASE_MS / 2);
        assert!(world.due(PLACES).is_empty(), "at a failing endpoint one is under way");
        assert!(!world.is_due());
        world.record(&claimed[1], FAILED);
        let next = world.due(PLACES).remove(0);
        assert_ne!(next.event, claimed[1].event, "who was lost has waited longer: {lost:?}");
    });
}

#[test]
fn nodes_that_claim_at_once_take_nothing_twice_and_keep_the_places_together() {
    const NODES: usize = 4;
    on_each(|world| {
        let accounts = [world.busy("a", 9, 3), world.busy("b", 9, 3)];
        let stores: Vec<_> = (0..NODES).map(|_| world.open_again()).collect();
        let barrier = std::sync::Barrier::new(NODES);
        let claimed: Vec<Claimed> = std::thread::scope(|scope| {
            let node = |store: &applyd_store::Store| {
                let (store, barrier) = (store.clone(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    store.write_blocking(|tx| delivery::claim(tx, PLACES, LEASE_MS)).unwrap()
                })
            };
            let started: Vec<_> = stores.iter().map(node).collect();
            started.into_iter().flat_map(|node| node.join().unwrap()).collect()
        });
        let mut taken: Vec<_> = claimed.iter().map(|one| (&one.webhook, &one.event.id)).collect();
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), claimed.len(), "no delivery is attempted twice at once");
        for account in &accounts {
            assert_eq!(world.count(&claimed, account), OF_ACCOUNT);
        }
        // The leases of all of them end; another takes over, and what comes late is not kept.
        world.pass(LEASE_MS);
        let again = stores[0].write_blocking(|tx| delivery::claim(tx, PLACES, LEASE_MS)).unwrap();
        assert_eq!(again.len(), claimed.len());
        let is_taken_over = |late: &&Claimed| {
            again.iter().any(|one| (&one.webhook, &one.event.id) == (&late.webhook, &late.event.id))
        };
        let late = claimed.iter().find(is_taken_over).unwrap();
        assert_eq!(world.record(late, TAKEN), Recorded::Lost);
    });
}
