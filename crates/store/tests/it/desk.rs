//! The desk: one person has an application, and nobody else before the outcome is known.

use applyd_core::approval::Policy;
use applyd_core::ids::{AccountId, PersonId, QueueId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::role::Role;
use applyd_core::state::{Dead, State};
use applyd_core::time::{DESK_ANSWER_MS, DESK_CLAIM_MS, DESK_MS};
use applyd_store::account::Channel;
use applyd_store::application::Application;
use applyd_store::desk::{self, Case, Done, Outcome, Stop};
use applyd_store::pause::{self, Scope};
use applyd_store::person::{self, New, Person};
use applyd_store::queue::{self, Accept};
use applyd_store::resolve::{self, Finding, Resolved};
use applyd_store::{letter, meta, timeline};

use crate::engine::on_each;
use crate::world::{HASH, START, T, World, job, key, terms};

/// An account at the desk with two people and an application.
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    pub(crate) account: AccountId,
    pub(crate) ada: Person,
    pub(crate) ben: Person,
    pub(crate) id: QueueId,
}

fn person(world: &World, account: &AccountId, name: &str, byte: u8) -> Person {
    let (id, account, name) = (PersonId::new(world.now(), world.bits()), account.clone(), name.to_owned());
    world.write(move |tx| {
        let sha256 = [byte; 32];
        assert!(person::add(
            tx,
            New { id: &id, name: &name, account: &account, role: Role::Desk, sha256: &sha256 }
        )?);
        Ok(person::at_desk(tx, &sha256)?.unwrap())
    })
}

impl<'a> Desk<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        let account = world.account_on("desk", 5, Channel::Desk);
        let (ada, ben) = (person(world, &account, "Ada", 1), person(world, &account, "Ben", 2));
        let id = accept(world, &account, 1);
        Self { world, account, ada, ben, id }
    }

    fn act(
        &self,
        person: &Person,
        act: impl Fn(&applyd_store::Tx<'_>, &Person, &QueueId) -> Result<Done, applyd_store::Error>
        + Send
        + 'static,
    ) -> Result<Application, Stop> {
        let (person, id) = (person.clone(), self.id.clone());
        self.world.write(move |tx| act(tx, &person, &id)).map(|application| *application)
    }

    pub(crate) fn claim(&self, person: &Person) -> Result<Application, Stop> {
        self.act(person, |tx, person, id| desk::claim(tx, person, id, &T))
    }

    fn release(&self, person: &Person) -> Result<Application, Stop> {
        self.act(person, |tx, person, id| desk::release(tx, person, id, &T))
    }

    pub(crate) fn declare(&self, person: &Person) -> Result<Application, Stop> {
        self.act(person, |tx, person, id| desk::declare(tx, person, id, HASH, Some(HASH), &T))
    }

    fn record(&self, person: &Person, outcome: Outcome) -> Result<Application, Stop> {
        self.act(person, move |tx, person, id| desk::record(tx, person, id, &outcome, &T))
    }

    /// Claimed and declared by Ada.
    pub(crate) fn declared(world: &'a World) -> Self {
        let desk = Self::new(world);
        desk.claim(&desk.ada).unwrap();
        desk.declare(&desk.ada).unwrap();
        desk
    }

    pub(crate) fn sweep(&self) -> Option<Application> {
        self.world.catch_up(&self.id, Dead::Proven)
    }

    fn timeline(&self) -> Vec<(String, String, Option<String>)> {
        let (account, id) = (self.account.clone(), self.id.clone());
        let entries = self.world.read(move |tx| timeline::list(tx, &account, &id)).unwrap();
        entries.into_iter().map(|entry| (entry.event, entry.by, entry.detail)).collect()
    }
}

fn accept(world: &World, account: &AccountId, n: u64) -> QueueId {
    let new = queue::New {
        policy: Policy::Desk,
        channel: Channel::Desk,
        one_takes_ms: None,
        ..world.offer(account, &job(n))
    };
    match world.ask(new) {
        Accept::Accepted { application, .. } => application.id,
        other => panic!("{other:?}"),
    }
}

fn refused() -> Outcome {
    Outcome::Ended(Ending::because(Code::Refused, "only for agencies of one country"))
}

fn not_sent() -> Outcome {
    Outcome::Ended(Ending::because(Code::NotSubmitted, "no time"))
}

fn submitted() -> Outcome {
    Outcome::Submitted(Some("https://www.upwork.com/nx/proposals/1".into()))
}

#[test]
fn one_person_has_it_until_it_is_released_or_the_hour_is_over() {
    on_each(|world| {
        let desk = Desk::new(world);
        assert!(matches!(desk.release(&desk.ada), Err(Stop::NotClaimed)));
        let first = desk.claim(&desk.ada).unwrap();
        assert_eq!(first.progress.processed_at, Some(START));
        world.pass(1);
        let again = desk.claim(&desk.ada).unwrap();
        assert_eq!(again.version, first.version, "a repeat changes nothing");
        assert!(matches!(desk.claim(&desk.ben), Err(Stop::HeldBy(name)) if name == "Ada"));
        assert!(matches!(desk.release(&desk.ben), Err(Stop::HeldBy(_))));
        assert!(matches!(desk.declare(&desk.ben), Err(Stop::HeldBy(_))));
        assert!(matches!(desk.record(&desk.ben, refused()), Err(Stop::HeldBy(_))));
        desk.release(&desk.ada).unwrap();
        desk.release(&desk.ada).unwrap();
        assert!(matches!(desk.declare(&desk.ada), Err(Stop::NotClaimed)));
        desk.claim(&desk.ben).unwrap();
        world.pass(DESK_CLAIM_MS - 1);
        assert!(desk.sweep().is_none());
        assert!(matches!(desk.claim(&desk.ada), Err(Stop::HeldBy(name)) if name == "Ben"));
        world.pass(1);
        assert!(matches!(desk.declare(&desk.ben), Err(Stop::NotClaimed)), "without a sweeper too");
        let now = desk.claim(&desk.ada).unwrap().progress;
        assert_eq!((now.processed_at, now.lost_leases, now.attempts), (Some(START), 0, 0));
        let claims: Vec<_> = desk.timeline().into_iter().filter(|(event, ..)| event == "claimed").collect();
        let by = |name: &str| ("claimed".to_owned(), "person".to_owned(), Some(format!("by {name}")));
        assert_eq!(claims, [by("Ada"), by("Ben"), by("Ada")]);
    });
}

#[test]
fn no_machine_takes_or_reads_it() {
    on_each(|world| {
        let desk = Desk::declared(world);
        let waiting = accept(world, &desk.account, 2);
        for passed in [0, DESK_ANSWER_MS, DESK_CLAIM_MS] {
            world.pass(passed);
            desk.sweep();
            assert!(world.read(|tx| queue::ready(tx, None, 10)).is_empty());
            assert!(world.claim(&desk.account, "w1").is_none());
            assert!(world.read(|tx| queue::to_look_at(tx, 10)).is_empty());
        }
        assert_eq!(world.state(&waiting), State::Queued);
    });
}

#[test]
fn what_was_declared_is_nobody_elses_and_no_death_ends_it() {
    on_each(|world| {
        let desk = Desk::declared(world);
        assert!(world.read(|tx| queue::of_others(tx, "w2")).contains(&desk.id));
        world.pass(DESK_ANSWER_MS - 1);
        assert!(desk.sweep().is_none(), "a new start knows of no death here");
        assert!(matches!(desk.claim(&desk.ben), Err(Stop::HeldBy(name)) if name == "Ada"));
        assert!(matches!(desk.release(&desk.ada), Err(Stop::Past(_))));
        assert!(matches!(desk.record(&desk.ben, submitted()), Err(Stop::HeldBy(_))));
        let (owner, letter) = (desk.account.clone(), terms().cover_letter);
        let other = key(&job(2));
        let origin = world.read(move |tx| letter::origin(tx, &owner, &other, &letter));
        assert_eq!(origin.sent_with.as_ref(), Some(&desk.id), "whoever writes the same again is warned");
        let repeat = desk.declare(&desk.ada).unwrap();
        assert_eq!(repeat.progress.state, State::Intent);
        let other =
            desk.act(&desk.ada, |tx, person, id| desk::declare(tx, person, id, "other", Some("other"), &T));
        assert!(matches!(other, Err(Stop::Changed)));
        assert_eq!(world.balance(&desk.account), (4, 1, 0));
        let words: Vec<_> = desk.timeline().into_iter().map(|(event, by, _)| (event, by)).collect();
        assert!(words.contains(&("intent".to_owned(), "person".to_owned())), "{words:?}");
    });
}

#[test]
fn each_outcome_settles_it_once() {
    type Row = (fn() -> Outcome, &'static str, &'static str, (i64, i64, i64));
    let rows: [Row; 3] = [
        (submitted, "applied", "application.applied", (4, 0, 1)),
        (refused, "refused", "application.failed", (5, 0, 0)),
        (not_sent, "not_submitted", "application.failed", (5, 0, 0)),
    ];
    for (outcome, word, event, balance) in rows {
        on_each(|world| {
            let desk = Desk::declared(world);
            let now = desk.record(&desk.ada, outcome()).unwrap();
            assert_eq!(now.progress.code.map_or("applied", Code::as_str), word);
            assert_eq!(world.balance(&desk.account), balance, "{word}");
            assert_eq!(desk.record(&desk.ada, outcome()).unwrap().version, now.version, "a repeat");
            let other = if word == "applied" { refused() } else { submitted() };
            assert!(matches!(desk.record(&desk.ada, other), Err(Stop::Past(_))));
            assert!(matches!(desk.record(&desk.ben, outcome()), Err(Stop::Past(_))));
            assert!(matches!(desk.declare(&desk.ada), Err(Stop::Past(_))));
            assert_eq!(world.events(&desk.id), [event]);
            let last = desk.timeline().pop().unwrap();
            assert!(last.1 == "person" && last.2.unwrap().starts_with("by Ada"), "{word}");
            world.assert_clean();
        });
    }
}

#[test]
fn before_the_declaration_only_a_no_of_the_site_is_an_outcome() {
    on_each(|world| {
        let desk = Desk::new(world);
        assert!(matches!(desk.record(&desk.ada, refused()), Err(Stop::NotClaimed)));
        desk.claim(&desk.ada).unwrap();
        assert!(matches!(desk.record(&desk.ada, submitted()), Err(Stop::NotDeclared)));
        assert!(matches!(desk.record(&desk.ada, not_sent()), Err(Stop::NotDeclared)));
        let closed = || Outcome::Ended(Ending::because(Code::JobClosed, "gone"));
        let now = desk.record(&desk.ada, closed()).unwrap();
        assert_eq!(now.progress.state, State::NotAvailable);
        desk.record(&desk.ada, closed()).unwrap();
        assert!(matches!(desk.record(&desk.ben, closed()), Err(Stop::Past(_))));
        assert_eq!(world.events(&desk.id), ["application.not_available"]);
        assert_eq!(world.balance(&desk.account), (5, 0, 0));
        world.assert_clean();
    });
}

#[test]
fn a_forgotten_outcome_is_unknown_and_its_person_may_still_say_it() {
    for (outcome, code, balance) in
        [(submitted(), None, (4, 0, 1)), (refused(), Some(Code::NotSubmitted), (5, 0, 0))]
    {
        on_each(|world| {
            let desk = Desk::declared(world);
            world.pass(DESK_ANSWER_MS);
            assert_eq!(desk.sweep().unwrap().progress.state, State::Unknown);
            assert_eq!(world.balance(&desk.account), (4, 1, 0), "held");
            assert!(matches!(desk.claim(&desk.ben), Err(Stop::Past(_))));
            assert!(matches!(desk.record(&desk.ben, outcome.clone()), Err(Stop::HeldBy(_))));
            let now = desk.record(&desk.ada, outcome.clone()).unwrap();
            assert_eq!(now.progress.code, code);
            desk.record(&desk.ada, outcome.clone()).unwrap();
            assert_eq!(world.events(&desk.id), ["application.failed", "application.corrected"]);
            assert_eq!(world.balance(&desk.account), balance);
            world.assert_clean();
        });
    }
}

#[test]
fn what_nobody_submits_in_a_day_ends_and_its_credit_comes_back() {
    on_each(|world| {
        let desk = Desk::new(world);
        world.pass(DESK_MS - 1);
        desk.claim(&desk.ada).unwrap();
        world.pass(1);
        assert!(matches!(desk.declare(&desk.ada), Err(Stop::Past(_))));
        assert_eq!(world.events(&desk.id), ["application.failed"]);
        assert_eq!(world.balance(&desk.account), (5, 0, 0));
    });
}

#[test]
fn a_pause_and_the_verify_only_mode_stop_what_begins_and_nothing_that_ends() {
    on_each(|world| {
        let desk = Desk::new(world);
        world.write(|tx| pause::set(tx, &Scope::Channel(Channel::Desk), "stop", "operator"));
        assert!(matches!(desk.claim(&desk.ada), Err(Stop::Paused(_))));
        world.write(|tx| pause::lift(tx, &Scope::Channel(Channel::Desk)));
        desk.claim(&desk.ada).unwrap();
        let scope = Scope::Account(desk.account.clone());
        world.write(move |tx| pause::set(tx, &scope, "stop", "operator"));
        assert!(matches!(desk.declare(&desk.ada), Err(Stop::Paused(_))));
        desk.claim(&desk.ada).unwrap();
        desk.release(&desk.ada).unwrap();
        let scope = Scope::Account(desk.account.clone());
        world.write(move |tx| pause::lift(tx, &scope));
        world.write(|tx| meta::set_verify_only(tx, Some("restored")));
        desk.claim(&desk.ada).unwrap();
        assert!(matches!(desk.declare(&desk.ada), Err(Stop::VerifyOnly)));
        world.write(|tx| meta::set_verify_only(tx, None));
        desk.declare(&desk.ada).unwrap();
        world.write(|tx| pause::set(tx, &Scope::All, "stop", "operator"));
        desk.declare(&desk.ada).unwrap();
        desk.record(&desk.ada, submitted()).unwrap();
    });
}

#[test]
fn what_was_seen_must_be_what_is_there() {
    on_each(|world| {
        let desk = Desk::new(world);
        desk.claim(&desk.ada).unwrap();
        for now in [Some("other"), None] {
            let stopped =
                desk.act(&desk.ada, move |tx, person, id| desk::declare(tx, person, id, HASH, now, &T));
            assert!(matches!(stopped, Err(Stop::Changed)));
        }
        assert_eq!(world.state(&desk.id), State::Leased);
    });
}

#[test]
fn people_see_the_desk_of_their_own_account_alone() {
    on_each(|world| {
        let desk = Desk::new(world);
        let other = world.account_on("other", 5, Channel::Desk);
        let eve = person(world, &other, "Eve", 3);
        let seen = |person: &Person, after: Option<QueueId>, most| {
            let person = person.clone();
            let cases = world.read(move |tx| desk::list(tx, &person, after.as_ref(), most));
            cases.into_iter().map(|Case { application, .. }| application.id).collect::<Vec<_>>()
        };
        let second = accept(world, &desk.account, 2);
        assert_eq!(seen(&desk.ada, None, 10), [desk.id.clone(), second.clone()]);
        assert_eq!(seen(&desk.ada, None, 1), std::slice::from_ref(&desk.id));
        assert_eq!(seen(&desk.ada, Some(desk.id.clone()), 10), [second]);
        assert!(seen(&eve, None, 10).is_empty());
        assert!(matches!(desk.claim(&eve), Err(Stop::Unknown)));
        assert!(matches!(desk.record(&eve, refused()), Err(Stop::Unknown)));
        desk.claim(&desk.ada).unwrap();
        desk.record(&desk.ada, refused()).unwrap();
        assert!(!seen(&desk.ada, None, 10).contains(&desk.id), "it has ended");
        // A person of another channel's account finds nothing there either.
        let sandbox = world.account("sandbox", 1);
        let sandboxed = world.accept(&sandbox, &job(1));
        let sam = person(world, &sandbox, "Sam", 4);
        let found = world.read(move |tx| desk::find(tx, &sam, &sandboxed));
        assert!(found.is_none());
    });
}

#[test]
fn a_revoked_person_has_no_token_and_no_claim() {
    on_each(|world| {
        let desk = Desk::declared(world);
        let second = Desk {
            id: accept(world, &desk.account, 2),
            ada: desk.ada.clone(),
            ben: desk.ben.clone(),
            account: desk.account.clone(),
            world,
        };
        second.claim(&desk.ada).unwrap();
        let back = world.write(|tx| person::revoke(tx, "Ada", &T)).unwrap();
        assert_eq!(back.iter().map(|application| &application.id).collect::<Vec<_>>(), [&second.id]);
        assert!(world.read(|tx| person::at_desk(tx, &[1; 32])).is_none());
        assert!(world.write(|tx| person::revoke(tx, "Ada", &T)).is_none());
        second.claim(&desk.ben).unwrap();
        assert_eq!(world.state(&desk.id), State::Verifying, "what was declared is not handed on");
        let (declared, finding) = (desk.id.clone(), Finding::NotSubmitted);
        let resolved =
            world.write(move |tx| resolve::resolve(tx, &declared, &finding, "Eva", "not in the list", &T));
        assert!(matches!(resolved, Resolved::Settled(_)), "at once: {resolved:?}");
        let ada = person(world, &desk.account, "Ada", 9);
        assert_ne!(ada.id, desk.ada.id, "the name is free again");
        let (id, account) = (PersonId::new(START, 77), desk.account);
        let taken = world.write(move |tx| {
            person::add(
                tx,
                New { id: &id, name: "Ada", account: &account, role: Role::Desk, sha256: &[8; 32] },
            )
        });
        assert!(!taken);
    });
}
