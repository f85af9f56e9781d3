//! What one account has at one moment: its own, counted by day, state and time.

use applyd_core::ids::AccountId;
use applyd_core::state::{By, Event, State};
use applyd_store::account::Channel;
use applyd_store::glance::{self, Day, Glance};
use applyd_store::pause::{self, Scope};

use crate::engine::on_each;
use crate::world::{World, job};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn look(world: &World, account: &AccountId) -> Glance {
    let account = account.clone();
    world.read(move |tx| glance::read(tx, &account, None))
}

#[test]
fn days_states_and_times_are_those_of_the_account() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        world.accept(&other, &job(1));
        let old = world.accept(&account, &job(1));
        world.advance(&old, Event::Cancel, By::Caller);
        world.pass(DAY_MS);
        let first = world.now();
        world.accept(&account, &job(2));
        world.pass(1000);
        let applied = world.apply(&account, "w");
        let waiting = world.accept(&account, &job(3));
        let seen = look(world, &account);
        let days: Vec<_> = seen.days.iter().map(|day| day.states.clone()).collect();
        assert_eq!(days.len(), glance::DAYS);
        assert_eq!(days[glance::DAYS - 2], [(State::Failed, 1)]);
        let mut today = days[glance::DAYS - 1].clone();
        today.sort_by_key(|(state, _)| state.as_str());
        assert_eq!(today, [(State::Applied, 1), (State::Queued, 1)]);
        assert_eq!(world.state(&applied), State::Applied);
        assert_eq!(seen.settled_ms, [1000], "yesterday's ended more than a day ago");
        assert_eq!(seen.open.len(), 1);
        assert_eq!((seen.open[0].state, seen.open[0].count), (State::Queued, 1));
        assert_eq!(seen.open[0].since, world.load(&waiting).accepted_at);
        assert!(seen.open[0].since > first);
        // What is known of the days before is believed, while they are those.
        let known: Vec<_> = seen.days[..glance::DAYS - 1]
            .iter()
            .map(|day| Day { at: day.at, states: vec![(State::Failed, 7)] })
            .collect();
        let of = account.clone();
        let again = world.read(move |tx| glance::read(tx, &of, Some(&known[..])));
        assert_eq!(again.days[glance::DAYS - 2].states, [(State::Failed, 7)]);
        assert_eq!(again.days[glance::DAYS - 1], seen.days[glance::DAYS - 1]);
        let (old, of) = (seen.days[1..glance::DAYS - 2].to_vec(), account);
        let again = world.read(move |tx| glance::read(tx, &of, Some(&old[..])));
        assert_eq!(again.days, seen.days, "of another day");
        assert_eq!((seen.account.balance.available, seen.account.balance.spent), (7, 1));
    });
}

#[test]
fn only_pauses_that_stop_the_account_are_told() {
    on_each(|world| {
        let (account, other) = (world.account("a", 1), world.account("b", 1));
        let own = account.clone();
        world.write(move |tx| {
            pause::set(tx, &Scope::Account(own.clone()), "mine", "Ada")?;
            pause::set(tx, &Scope::Account(other.clone()), "not mine", "Ada")?;
            pause::set(tx, &Scope::Channel(Channel::Upwork), "not mine", "Ada")?;
            pause::set(tx, &Scope::All, "everybody's", "operator").map(drop)
        });
        let reasons: Vec<_> = look(world, &account).pauses.into_iter().map(|pause| pause.reason).collect();
        assert_eq!(reasons, ["everybody's", "mine"]);
    });
}
