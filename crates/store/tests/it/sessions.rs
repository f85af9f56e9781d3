//! Signing in to the dashboard: links, sessions and their tokens, wrong passwords.

use applyd_core::ids::{AccountId, PersonId};
use applyd_core::role::Role;
use applyd_core::sign_in::{
    IDLE_MS, LINK_LIVES_MS, MOST_WRONG_OF_ADDRESS, MOST_WRONG_OF_NAME, PREVIOUS_LIVES_MS, SESSION_LIVES_MS,
    WRONG_COUNTS_MS,
};
use applyd_store::person::{self, New};
use applyd_store::session::{self, Session};
use applyd_store::sign_in::{self, Attempt};

use crate::engine::on_each;
use crate::world::{T, World};

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

fn person(world: &World, account: &AccountId, name: &'static str, byte: u8) -> PersonId {
    let (id, account) = (PersonId::new(world.now(), world.bits()), account.clone());
    world.write(move |tx| {
        let new = New { id: &id, name, account: &account, role: Role::Approver, sha256: &[byte; 32] };
        assert!(person::add(tx, new)?);
        Ok(id.clone())
    })
}

fn begin(world: &World, person: &PersonId, sha256: [u8; 32]) {
    let person = person.clone();
    world.write(move |tx| session::begin(tx, &person, &sha256, "form"));
}

fn found(world: &World, sha256: [u8; 32]) -> Option<Session> {
    world.read(move |tx| session::find(tx, &sha256))
}

#[test]
fn a_session_is_its_persons_until_it_is_idle_or_old_or_ended() {
    on_each(|world| {
        let account = world.account("a", 0);
        let ada = person(world, &account, "Ada", 7);
        begin(world, &ada, OLD);
        let session = found(world, OLD).unwrap();
        assert_eq!(
            (session.person, session.name.as_str(), session.role),
            (ada.clone(), "Ada", Role::Approver)
        );
        assert_eq!((session.account.id, session.csrf.as_str()), (account, "form"));
        let id = session.id;
        world.pass(IDLE_MS - 1);
        assert!(found(world, OLD).is_some() && world.read(move |tx| session::stands(tx, id)));
        world.write(move |tx| session::saw(tx, id));
        world.pass(IDLE_MS);
        assert!(found(world, OLD).is_none() && !world.read(move |tx| session::stands(tx, id)));
        assert_eq!(world.write(session::purge), 1);

        begin(world, &ada, NEW);
        let id = found(world, NEW).unwrap().id;
        for _ in 0..SESSION_LIVES_MS / (IDLE_MS - 1) {
            world.pass(IDLE_MS - 1);
            assert!(found(world, NEW).is_some());
            world.write(move |tx| session::saw(tx, id));
        }
        world.pass(IDLE_MS - 1);
        assert!(found(world, NEW).is_none(), "however much it is used");
    });
}

#[test]
fn a_token_is_replaced_once_and_the_one_before_it_is_good_for_a_minute() {
    on_each(|world| {
        let account = world.account("a", 0);
        let ada = person(world, &account, "Ada", 7);
        begin(world, &ada, OLD);
        assert!(world.write(|tx| session::rotate(tx, &OLD, &NEW)));
        assert!(!world.write(|tx| session::rotate(tx, &OLD, &[3; 32])), "two at once: one wins");
        assert!(!found(world, NEW).unwrap().is_previous);
        assert!(found(world, OLD).unwrap().is_previous);
        world.pass(PREVIOUS_LIVES_MS);
        assert!(found(world, OLD).is_none() && found(world, NEW).is_some());
    });
}

#[test]
fn whoever_is_revoked_or_signs_out_everywhere_is_out_at_once() {
    on_each(|world| {
        let account = world.account("a", 0);
        let (ada, ben) = (person(world, &account, "Ada", 7), person(world, &account, "Ben", 8));
        begin(world, &ada, OLD);
        begin(world, &ben, NEW);
        let of = ada.clone();
        world.write(move |tx| sign_in::make_link(tx, &of, &[9; 32]));
        assert_eq!(world.write(move |tx| session::end_all(tx, &ada)), 1);
        assert!(found(world, OLD).is_none() && found(world, NEW).is_some());
        assert!(world.write(|tx| sign_in::use_link(tx, &[9; 32])).is_none(), "nor is a link left");
        world.write(|tx| person::revoke(tx, "Ben", &T));
        assert!(found(world, NEW).is_none());
    });
}

#[test]
fn a_person_has_so_many_sessions_and_the_next_one_ends_the_oldest() {
    on_each(|world| {
        let account = world.account("a", 0);
        let ada = person(world, &account, "Ada", 7);
        for byte in 100..121 {
            begin(world, &ada, [byte; 32]);
        }
        assert!(found(world, [100; 32]).is_none());
        assert!((101..121).all(|byte| found(world, [byte; 32]).is_some()));
    });
}

#[test]
fn a_link_is_good_once_and_for_a_quarter_of_an_hour() {
    on_each(|world| {
        let account = world.account("a", 0);
        let ada = person(world, &account, "Ada", 7);
        let make = |byte: u8| {
            let ada = ada.clone();
            world.write(move |tx| sign_in::make_link(tx, &ada, &[byte; 32]));
        };
        make(1);
        for _ in 0..2 {
            assert_eq!(
                world.read(|tx| sign_in::look_at_link(tx, &[1; 32])).unwrap().1,
                "Ada",
                "a look is no use"
            );
        }
        assert_eq!(world.write(|tx| sign_in::use_link(tx, &[1; 32])).unwrap().0, ada);
        assert!(world.write(|tx| sign_in::use_link(tx, &[1; 32])).is_none());
        make(2);
        world.pass(LINK_LIVES_MS);
        assert!(world.write(|tx| sign_in::use_link(tx, &[2; 32])).is_none());
        make(3);
        world.pass(LINK_LIVES_MS);
        assert_eq!(world.write(sign_in::purge), 1);
    });
}

#[test]
fn wrong_passwords_make_a_name_and_an_address_wait_whoever_it_is() {
    on_each(|world| {
        let account = world.account("a", 0);
        let ada = person(world, &account, "Ada", 7);
        let of = ada.clone();
        world.write(move |tx| sign_in::set_password(tx, &of, "hash"));
        let attempt = |name: &'static str, address: &'static str| {
            world.write(move |tx| sign_in::attempt(tx, name, address))
        };
        for name in ["Ada", "nobody"] {
            for _ in 0..MOST_WRONG_OF_NAME {
                let Attempt::Counted(found) = attempt(name, "1.1.1.1") else { panic!("{name} waits") };
                assert_eq!(found.map(|(person, _)| person), (name == "Ada").then(|| ada.clone()));
            }
            let until = world.now() + WRONG_COUNTS_MS;
            assert!(matches!(attempt(name, "2.2.2.2"), Attempt::Wait(at) if at == until), "{name}");
        }
        world.write(|tx| sign_in::right(tx, "Ada"));
        assert!(matches!(attempt("Ada", "2.2.2.2"), Attempt::Counted(Some(_))));
        world.write(|tx| sign_in::right(tx, "Ada"));

        world.pass(WRONG_COUNTS_MS);
        assert!(world.write(sign_in::purge) > 0);
        const NAMES: [&str; 21] = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s",
            "t", "u",
        ];
        for name in &NAMES[..MOST_WRONG_OF_ADDRESS] {
            assert!(matches!(attempt(name, "3.3.3.3"), Attempt::Counted(None)));
        }
        assert!(matches!(attempt(NAMES[20], "3.3.3.3"), Attempt::Wait(_)));
        assert!(matches!(attempt(NAMES[20], "4.4.4.4"), Attempt::Counted(None)));
    });
}
