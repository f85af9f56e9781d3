//! The law of the credits, through the store.

use applyd_core::ids::QueueId;
use applyd_core::ledger::Kind;
use applyd_core::outcome::Code;
use applyd_store::{Error, account, ledger};

use crate::engine::on_each;
use crate::world::job;

#[test]
fn a_balance_never_goes_below_zero() {
    on_each(|world| {
        let account = world.account("a", 1);
        let post = |kind: Kind, amount: i64| {
            let (account, application) = (account.clone(), QueueId::new(world.now(), world.bits()));
            world.write(move |tx| ledger::post(tx, &account, Some(&application), kind, amount))
        };
        assert!(post(Kind::Hold, 2).is_none(), "more than there is");
        assert!(post(Kind::Release, 1).is_none(), "nothing is held");
        assert!(post(Kind::Capture, 1).is_none());
        assert_eq!(post(Kind::Hold, 1).map(|balance| balance.held), Some(1));
        assert!(post(Kind::Hold, 1).is_none(), "reserved credits cannot be reserved twice");
        assert_eq!(world.balance(&account), (0, 1, 0));
    });
}

#[test]
fn one_hold_and_one_settlement_an_application() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        let again = |kind: Kind| {
            let (account, id) = (account.clone(), id.clone());
            world.store.write_blocking(move |tx| ledger::post(tx, &account, Some(&id), kind, 1))
        };
        assert!(matches!(again(Kind::Hold), Err(Error::Engine(_))));
        world.end(&id, Code::Deadline);
        world.accept(&account, &job(2));
        for kind in [Kind::Capture, Kind::Release, Kind::WriteOff] {
            assert!(matches!(again(kind), Err(Error::Engine(_))), "{kind:?}");
        }
        assert_eq!(world.balance(&account), (8, 1, 0));
        world.assert_clean();
    });
}

#[test]
fn a_grant_is_no_applications_and_all_else_is_one() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        for (kind, application) in [(Kind::Grant, Some(id)), (Kind::Hold, None), (Kind::Release, None)] {
            let account = account.clone();
            let posted = world
                .store
                .write_blocking(move |tx| ledger::post(tx, &account, application.as_ref(), kind, 1));
            assert!(matches!(posted, Err(Error::Engine(_))), "{kind:?}");
        }
        assert_eq!(world.balance(&account), (8, 1, 0));
    });
}

/// The check must be able to fail: credits that no application accounts for are found.
#[test]
fn verify_finds_what_the_applications_do_not_explain() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        world.assert_clean();
        let (owner, asked) = (account.clone(), id.clone());
        world.write(move |tx| ledger::post(tx, &owner, Some(&asked), Kind::Release, 1));
        let report = world.read(ledger::verify);
        assert_eq!((report.accounts, report.applications), (1, 1));
        assert!(report.violations.iter().any(|said| said.contains(id.as_str())), "{report:?}");
        let stray = QueueId::new(world.now(), world.bits());
        let (owner, asked) = (account, stray.clone());
        world.write(move |tx| ledger::post(tx, &owner, Some(&asked), Kind::Hold, 1));
        let report = world.read(ledger::verify);
        assert!(report.violations.iter().any(|said| said.contains(stray.as_str())), "{report:?}");
    });
}

#[test]
fn an_account_is_found_by_name_or_id_and_its_name_is_its_own() {
    on_each(|world| {
        let id = world.account("a", 3);
        for asked in ["a", id.as_str()] {
            let asked = asked.to_owned();
            assert_eq!(world.read(move |tx| account::find(tx, &asked)).unwrap().id, id);
        }
        assert!(world.read(|tx| account::find(tx, "A")).is_none());
        let other = applyd_core::ids::AccountId::new(world.now(), world.bits());
        assert!(!world.write(move |tx| account::create(tx, &other, "a", account::Channel::Sandbox)));
        assert_eq!(world.read(account::list).len(), 1);
    });
}
