//! Waiting for a person: what is shown, approved, declined, and what of it counts.

mod left;

use applyd_core::approval::Policy;
use applyd_core::connects::{Cost, Limits};
use applyd_core::ids::{AccountId, KeyId, QueueId, ShowingId};
use applyd_core::state::{By, Event, Refused, State};
use applyd_core::time::{APPROVAL_MS, PREVIEW_MARGIN_MS};
use applyd_store::approval::{self, Approved, Person, Showing, Shown};
use applyd_store::audit::{Export, Wanted};
use applyd_store::queue::{Accept, Beside, New};
use applyd_store::{account, api_key, application, budget, queue, retention};

use crate::engine::on_each;
use crate::world::{HASH, START, T, World, arm, cross, job, terms};

const LIFE_MS: i64 = 600_000;

pub(crate) fn required(world: &World, account: &AccountId, n: u64) -> QueueId {
    let new = New { policy: Policy::Required, ..world.offer(account, &job(n)) };
    match world.ask(new) {
        Accept::Accepted { application, .. } => application.id,
        other => panic!("{other:?}"),
    }
}

fn shown(now: i64) -> Shown {
    Shown {
        cost: Cost { base: 10, boost: 0 },
        balance_connects: 500,
        preview_id: "preview_1".into(),
        preview_expires_at: now + LIFE_MS,
        agency: "42".into(),
        sha256: HASH.into(),
        terms: terms(),
        remarks: vec!["timeline: kept, not sent".into()],
        trace_ids: vec!["t1".into(), "t2".into()],
    }
}

fn ask(world: &World, id: &QueueId) -> bool {
    let id = id.clone();
    world.write(move |tx| approval::ask(tx, &id))
}

/// From the wish to look to the preview that is shown.
pub(crate) fn open(world: &World, account: &AccountId, id: &QueueId) {
    assert!(ask(world, id));
    let taken = world.claim(account, "w1").unwrap();
    assert_eq!((&taken.id, taken.progress.state), (id, State::AwaitingApproval));
    show(world, id, By::Worker(taken.progress.epoch), shown(world.now())).unwrap();
}

fn show(world: &World, id: &QueueId, by: By, shown: Shown) -> Result<application::Application, Refused> {
    let id = id.clone();
    world.write(move |tx| approval::show(tx, &id, by, &T, &shown, Some("A job")))
}

fn last_shown(world: &World, id: &QueueId) -> Option<Showing> {
    let id = id.clone();
    world.read(move |tx| approval::last_shown(tx, &id))
}

fn approve_seen(world: &World, id: &QueueId, name: &'static str, seen: &ShowingId) -> Approved {
    let (id, seen) = (id.clone(), seen.clone());
    let person = Person { name, address: "command line" };
    world.write(move |tx| approval::approve(tx, &id, &seen, person, &T))
}

/// What was shown last; nothing that exists where nothing was.
fn approve_as(world: &World, id: &QueueId, name: &'static str) -> Approved {
    let seen = last_shown(world, id).map_or_else(|| ShowingId::new(START, 9), |showing| showing.id);
    approve_seen(world, id, name, &seen)
}

pub(crate) fn approve(world: &World, id: &QueueId) -> Approved {
    approve_as(world, id, "Ada")
}

#[test]
fn what_waits_for_a_person_is_not_taken_until_one_has_approved_it() {
    on_each(|world: &World| {
        let account = world.account("a", 3);
        let id = required(world, &account, 1);
        assert_eq!(world.load(&id).answer().application_status_message, "Waiting for approval by a person");
        assert!(world.claim(&account, "w1").is_none());
        open(world, &account, &id);
        assert!(world.claim(&account, "w1").is_none(), "shown is not approved");
        world.pass(5_000);
        assert!(matches!(approve(world, &id), Approved::Queued(_)));
        let taken = world.claim(&account, "w1").unwrap();
        let by = By::Worker(taken.progress.epoch);
        assert_eq!(taken.progress.cutoff, START + 5_000 + T.intent_cutoff_ms);
        let other = Event::Arm { terms_sha256: "other".into() };
        assert_eq!(world.try_advance(&id, other, by).unwrap_err(), Refused::Unapproved);
        world.advance(&id, arm(), by);
        let other = Event::Cross { terms_sha256: "other".into() };
        assert_eq!(world.try_advance(&id, other, by).unwrap_err(), Refused::Unapproved);
        assert_eq!(world.advance(&id, cross(), by).progress.state, State::Intent);
        world.assert_clean();
    });
}

#[test]
fn what_was_shown_is_read_back_as_it_was() {
    on_each(|world: &World| {
        let account = world.account("a", 1);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        let showing = world.read(move |tx| approval::last_shown(tx, &id)).unwrap();
        let (content, was) = (showing.content.unwrap(), shown(START));
        assert_eq!((content.cost, content.terms, content.remarks), (was.cost, was.terms, was.remarks));
        assert_eq!((content.sha256, content.agency), (was.sha256, was.agency));
    });
}

#[test]
fn the_slot_is_its_own_while_a_person_looks_and_after_the_approval() {
    on_each(|world: &World| {
        let account = world.account("a", 3);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        let other = world.accept(&account, &job(2));
        assert!(world.claim(&account, "w1").is_none(), "another preview would replace the one that is shown");
        approve(world, &id);
        let taken = world.claim(&account, "w1").unwrap();
        assert_eq!(taken.id, id, "though the other has waited longer");
        world.advance(&id, Event::Retry { delay_ms: 1000 }, By::Worker(taken.progress.epoch));
        assert!(world.claim(&account, "w1").is_none(), "a fault does not give it away");
        world.pass(T.intent_cutoff_ms);
        world.catch_up(&id, applyd_core::state::Dead::No);
        assert_eq!(world.state(&id), State::AwaitingApproval, "the approval has expired");
        assert_ne!(world.state(&other), State::Leased);
    });
}

#[test]
fn only_what_is_shown_now_is_approved_and_by_as_many_as_must() {
    on_each(|world: &World| {
        let account = world.account("a", 3);
        let owner = account.clone();
        world.write(move |tx| account::set_approval(tx, &owner, Some(Policy::Required), 2));
        let id = required(world, &account, 1);
        assert!(matches!(approve(world, &id), Approved::NotShown), "nothing was shown");
        open(world, &account, &id);
        let other = ShowingId::new(START, 9);
        assert!(matches!(approve_seen(world, &id, "Ada", &other), Approved::NotShown), "something else");
        assert!(matches!(approve(world, &id), Approved::NeedsAnother));
        assert!(matches!(approve(world, &id), Approved::Again));
        assert!(matches!(approve_as(world, &id, "  ada"), Approved::Again), "however it is written");
        assert_eq!(world.state(&id), State::AwaitingApproval);
        // A new preview begins anew.
        world.pass(200_000);
        world.catch_up(&id, applyd_core::state::Dead::No);
        assert!(matches!(approve(world, &id), Approved::NotShown), "the slot was given back");
        open(world, &account, &id);
        assert!(matches!(approve_as(world, &id, "Ben"), Approved::NeedsAnother));
        assert!(matches!(approve(world, &id), Approved::Queued(_)));
        assert_eq!(world.state(&id), State::Queued);
    });
}

#[test]
fn an_opening_that_fails_frees_the_slot_and_says_why() {
    on_each(|world: &World| {
        let account = world.account("a", 3);
        let id = required(world, &account, 1);
        ask(world, &id);
        let epoch = world.claim(&account, "w1").unwrap().progress.epoch;
        let (failed, timing) = (id.clone(), T);
        world.write(move |tx| approval::fail(tx, &failed, By::Worker(epoch), &timing, "no answer")).unwrap();
        let asked = id.clone();
        let showing = world.read(move |tx| approval::last_shown(tx, &asked)).unwrap();
        assert_eq!(showing.content.unwrap_err(), "no answer");
        assert!(world.claim(&account, "w1").is_none(), "nobody asks any more");
        open(world, &account, &id);
    });
}

#[test]
fn a_wish_to_look_is_forgotten_and_waits_for_the_slot() {
    on_each(|world: &World| {
        let account = world.account("a", 3);
        let (id, _) = (required(world, &account, 1), world.accept(&account, &job(2)));
        ask(world, &id);
        let taken = world.claim(&account, "w1").unwrap();
        assert_eq!(taken.progress.state, State::Leased, "what is ready to be sent goes first");
        assert!(world.claim(&account, "w1").is_none());
        world.advance(&taken.id, Event::HandBack { delay_ms: 60_000 }, By::Worker(1));
        assert_eq!(world.read(|tx| queue::ready(tx, None, 10)), std::slice::from_ref(&account));
        world.pass(59_999);
        assert!(world.read(|tx| queue::ready(tx, None, 10)).contains(&account));
        world.pass(1);
        let open = world.claim(&account, "w1").unwrap();
        assert_eq!(open.id, taken.id, "the wish is over");
        assert!(!ask(world, &open.id), "only what waits is opened");
    });
}

#[test]
fn a_person_declines_with_a_reason_and_the_credit_comes_back() {
    on_each(|world: &World| {
        let account = world.account("a", 1);
        let id = required(world, &account, 1);
        let declined = id.clone();
        let person = Person { name: "Ada", address: "command line" };
        let now = world.write(move |tx| approval::decline(tx, &declined, person, "too cheap", &T)).unwrap();
        assert!(now.progress.message.unwrap().starts_with("approval_denied: "));
        assert_eq!(world.balance(&account), (1, 0, 0));
        assert_eq!(world.events(&id), ["application.failed"]);
        world.assert_clean();
    });
}

#[test]
fn nobody_came_in_a_day() {
    on_each(|world: &World| {
        let account = world.account("a", 1);
        let id = required(world, &account, 1);
        world.pass(APPROVAL_MS - 1);
        assert!(world.catch_up(&id, applyd_core::state::Dead::No).is_none());
        world.pass(1);
        let now = world.catch_up(&id, applyd_core::state::Dead::No).unwrap();
        assert!(now.progress.message.unwrap().starts_with("approval_expired: "));
        assert_eq!(world.balance(&account), (1, 0, 0));
    });
}

#[test]
fn a_callers_own_decision_is_bound_to_the_rate_of_its_day() {
    on_each(|world: &World| {
        let account = world.account("a", 3);
        let asked = |n| New {
            policy: Policy::ByRequest,
            ceiling_connects: Some(16),
            ..world.offer(&account, &job(n))
        };
        let Accept::Accepted { application: first, .. } = world.ask(asked(1)) else { panic!("refused") };
        let bound = first.progress.approval.clone().unwrap();
        assert_eq!((first.progress.state, bound.expires_at), (State::Queued, START + T.intent_cutoff_ms));
        let other = New { ceiling_connects: Some(17), ..asked(2) };
        let Accept::Accepted { application: second, .. } = world.ask(other) else { panic!("refused") };
        assert_ne!(second.progress.approval.unwrap().sha256, bound.sha256);
        let taken = world.claim(&account, "w1").unwrap();
        let by = By::Worker(taken.progress.epoch);
        assert_eq!(world.try_advance(&taken.id, arm(), by).unwrap_err(), Refused::Unapproved);
        let same = Event::Arm { terms_sha256: bound.sha256 };
        assert_eq!(world.advance(&taken.id, same, by).progress.state, State::Armed);
    });
}

/// Sends one that costs ten Connects.
fn send(world: &World, account: &AccountId, n: u64) -> (QueueId, By) {
    world.accept(account, &job(n));
    let taken = world.claim(account, "w1").unwrap();
    let (id, epoch) = (taken.id, taken.progress.epoch);
    world.advance(&id, arm(), By::Worker(epoch));
    let crossed = id.clone();
    world
        .write(move |tx| {
            let beside = Beside { connects: Some(10), ..Beside::default() };
            queue::advance(tx, &crossed, cross(), By::Worker(epoch), &T, beside)
        })
        .unwrap();
    (id, By::Sender(epoch))
}

fn check(world: &World, id: &QueueId, base: i64) -> Result<(), String> {
    let id = id.clone();
    world.read(move |tx| {
        let application = application::load(tx, &id)?.unwrap();
        budget::check(tx, &application, Cost { base, boost: 0 })
    })
}

#[test]
fn a_days_connects_count_what_is_not_known_to_have_failed() {
    on_each(|world: &World| {
        let account = world.account("a", 9);
        let owner = account.clone();
        let limits = Limits { per_day: Some(20), ..Limits::default() };
        world.write(move |tx| budget::set(tx, &owner, None, limits));
        let (first, sender) = send(world, &account, 1);
        let waiting = required(world, &account, 2);
        assert_eq!(check(world, &waiting, 10), Ok(()));
        assert!(check(world, &waiting, 11).unwrap_err().contains("20 Connects a day, 10 are spent"));
        let (other, asked) = (world.open_again(), waiting.clone());
        let elsewhere = other.read_blocking(move |tx| {
            let application = application::load(tx, &asked)?.unwrap();
            budget::check(tx, &application, Cost { base: 11, boost: 0 })
        });
        assert!(elsewhere.unwrap().is_err(), "what one node has spent, no other spends");
        assert_eq!(check(world, &first, 20), Ok(()), "its own is not counted twice");
        world.advance(&first, Event::Accepted, sender);
        world.advance(&first, Event::Seen { site_at: None }, By::Sweeper);
        assert!(check(world, &waiting, 11).is_err());
        let (refused, sender) = send(world, &account, 3);
        assert!(check(world, &waiting, 1).is_err());
        let no = applyd_core::outcome::Ending::of(applyd_core::outcome::Code::Refused);
        world.advance(&refused, Event::Declined(no), sender);
        assert_eq!(check(world, &waiting, 10), Ok(()), "what was refused is not spent");
        world.pass(24 * 60 * 60 * 1000);
        assert_eq!(check(world, &waiting, 20), Ok(()), "another day");
    });
}

#[test]
fn a_limit_ends_what_it_forbids_before_a_person_sees_it_and_stops_the_approval() {
    on_each(|world: &World| {
        let account = world.account("a", 9);
        let set = |key: Option<KeyId>, limits| {
            let owner = account.clone();
            world.write(move |tx| budget::set(tx, &owner, key.as_ref(), limits));
        };
        let id = required(world, &account, 1);
        open(world, &account, &id);
        set(Some(KeyId::new(START, 1)), Limits { per_proposal: Some(9), ..Limits::default() });
        let Approved::OverBudget(limit) = approve(world, &id) else { panic!("approved") };
        assert!(limit.contains("the key's limit is 9 Connects"), "{limit}");
        set(None, Limits { per_proposal: Some(8), ..Limits::default() });
        world.pass(200_000);
        world.catch_up(&id, applyd_core::state::Dead::No);
        ask(world, &id);
        let epoch = world.claim(&account, "w1").unwrap().progress.epoch;
        let now = show(world, &id, By::Worker(epoch), shown(world.now())).unwrap();
        assert!(now.progress.message.unwrap().starts_with("connects_cap: "));
        let limits = world.read({
            let account = account.clone();
            move |tx| budget::list(tx, &account)
        });
        assert_eq!(limits.len(), 2);
        assert_eq!(limits[0].0, None);
    });
}

#[test]
fn an_approval_ends_before_its_preview() {
    on_each(|world: &World| {
        let account = world.account("a", 1);
        let id = required(world, &account, 1);
        ask(world, &id);
        let epoch = world.claim(&account, "w1").unwrap().progress.epoch;
        let short = Shown { preview_expires_at: START + 60_000, ..shown(START) };
        show(world, &id, By::Worker(epoch), short).unwrap();
        let Approved::Queued(queued) = approve(world, &id) else { panic!("not approved") };
        assert_eq!(queued.progress.approval.unwrap().expires_at, START + 60_000 - PREVIEW_MARGIN_MS);
    });
}

#[test]
fn what_was_shown_is_erased_with_its_task_and_the_decision_stays() {
    on_each(|world: &World| {
        let account = world.account("a", 1);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        let asked = id.clone();
        world
            .write(move |tx| {
                let person = Person { name: "Ada", address: "command line" };
                approval::decline(tx, &asked, person, "not our kind of work", &T)
            })
            .unwrap();
        let decision = |world: &World| {
            let wanted = Wanted { account: None, since: 0, until: i64::MAX };
            let lines = world.read(move |tx| Export::new(wanted.clone()).next(tx));
            lines.into_iter().map(|line| (line.act, line.by, line.facts)).collect::<Vec<_>>()
        };
        let before = decision(world);
        assert!(before.iter().any(|(act, by, _)| act == "declined" && by.as_deref() == Some("Ada")));
        assert!(before.iter().any(|(act, _, facts)| act == "shown" && facts["traceIds"][1] == "t2"));
        world.pass(applyd_core::retention::KEPT_MS + 1);
        assert_eq!(world.write(|tx| retention::purge(tx, applyd_core::retention::KEPT_MS)), 1);
        let asked = id.clone();
        let showing = world.read(move |tx| approval::last_shown(tx, &asked)).unwrap();
        assert_eq!(showing.content.unwrap_err(), "it is erased");
        assert_eq!(decision(world), before);
        assert!(matches!(approve(world, &id), Approved::NotShown));
    });
}

#[test]
fn a_yes_to_an_older_preview_does_not_approve_a_dearer_one_of_the_same_terms() {
    on_each(|world: &World| {
        let account = world.account("a", 1);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        let seen = last_shown(world, &id).unwrap().id;
        world.pass(180_000);
        world.catch_up(&id, applyd_core::state::Dead::No);
        ask(world, &id);
        let epoch = world.claim(&account, "w1").unwrap().progress.epoch;
        let dearer = Shown { cost: Cost { base: 18, boost: 0 }, ..shown(world.now()) };
        show(world, &id, By::Worker(epoch), dearer).unwrap();
        assert!(matches!(approve_seen(world, &id, "Ada", &seen), Approved::NotShown));
        assert!(matches!(approve(world, &id), Approved::Queued(_)));
    });
}

#[test]
fn who_says_no_frees_the_slot_at_once() {
    on_each(|world: &World| {
        let account = world.account("a", 2);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        let other = world.accept(&account, &job(2));
        let asked = other.clone();
        let keeper = world.read(move |tx| approval::in_the_way(tx, &asked)).unwrap();
        assert_eq!((&keeper.0, keeper.1.is_some()), (&id, true));
        let closed = id.clone();
        assert!(world.write(move |tx| approval::close(tx, &closed, &T)));
        assert_eq!(world.claim(&account, "w1").unwrap().id, other);
        assert!(matches!(approve(world, &id), Approved::NotShown));
    });
}

#[test]
fn what_a_recovered_intent_has_cost_is_taken_for_the_most() {
    on_each(|world: &World| {
        let account = world.account("a", 9);
        let owner = account.clone();
        let limits = Limits { per_day: Some(20), ..Limits::default() };
        world.write(move |tx| budget::set(tx, &owner, None, limits));
        let id = world.accept(&account, &job(1));
        let (worker, terms_sha256) = ("dead".to_owned(), String::new());
        let lost = Event::Recover { worker, at: world.now(), terms_sha256, in_time: true };
        world.advance(&id, lost, By::Sweeper);
        let waiting = required(world, &account, 2);
        assert!(check(world, &waiting, 1).is_err(), "nobody knows what the other has cost");
    });
}

#[test]
fn a_key_that_replaces_another_has_its_limits_and_what_it_has_spent() {
    on_each(|world: &World| {
        let account = world.account("a", 9);
        let (old, new) = (KeyId::new(START, 1), KeyId::new(START, 2));
        let replace = |id: &KeyId, hash: [u8; 32]| {
            let (owner, id) = (account.clone(), id.clone());
            world.write(move |tx| api_key::replace(tx, &owner, "default", &id, &hash, 0));
        };
        replace(&old, [1; 32]);
        let (owner, limited) = (account.clone(), old);
        let limits = Limits { per_day: Some(20), ..Limits::default() };
        world.write(move |tx| budget::set(tx, &owner, Some(&limited), limits));
        send(world, &account, 1);
        replace(&new, [2; 32]);
        let by_new = New { key: new, policy: Policy::Required, ..world.offer(&account, &job(2)) };
        let Accept::Accepted { application, .. } = world.ask(by_new) else { panic!("refused") };
        assert_eq!(check(world, &application.id, 10), Ok(()));
        assert!(check(world, &application.id, 11).unwrap_err().contains("10 are spent"));
    });
}

#[test]
fn a_key_decides_as_long_as_it_stands_and_nobody_has_said_otherwise() {
    on_each(|world: &World| {
        let account = world.account("a", 9);
        let key = KeyId::new(START, 1);
        let (owner, id) = (account.clone(), key.clone());
        world.write(move |tx| api_key::replace(tx, &owner, "default", &id, &[1; 32], 0));
        let set = |ceiling| {
            let id = key.clone();
            world.write(move |tx| api_key::set_by_request(tx, &id, ceiling, "Ada"));
        };
        let new =
            New { policy: Policy::ByRequest, ceiling_connects: Some(16), ..world.offer(&account, &job(1)) };
        let Accept::Accepted { application, .. } = world.ask(new) else { panic!("refused") };
        let decides = || {
            let id = application.id.clone();
            world.read(move |tx| approval::still_decides(tx, &id))
        };
        assert!(!decides(), "never said");
        set(Some(16));
        assert!(decides());
        set(None);
        assert!(!decides(), "taken back");
        set(Some(16));
        let id = key.clone();
        world.write(move |tx| api_key::revoke(tx, &id));
        assert!(!decides(), "revoked");
        let policy = |account| approval::policy_of(applyd_store::account::Channel::Upwork, account, true);
        assert_eq!(policy(None), Policy::ByRequest);
        assert_eq!(policy(Some(Policy::Required)), Policy::Required, "what was said of the account holds");
    });
}
