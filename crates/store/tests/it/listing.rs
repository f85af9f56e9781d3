//! What people find of an account's applications.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::Code;
use applyd_core::state::State;
use applyd_store::listing::{self, Page, Wanted};
use applyd_store::queue::{self, New};

use crate::engine::on_each;
use crate::world::{World, job};

fn page(world: &World, account: &AccountId, wanted: &Wanted, before: Option<&QueueId>, most: usize) -> Page {
    let (account, wanted, before) = (account.clone(), wanted.clone(), before.cloned());
    world.read(move |tx| listing::page(tx, &account, &wanted, before.as_ref(), most))
}

/// All pages, one after the other.
fn all(world: &World, account: &AccountId, wanted: &Wanted, most: usize) -> Vec<QueueId> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let page = page(world, account, wanted, next.as_ref(), most);
        assert!(page.rows.len() <= most);
        found.extend(page.rows.into_iter().map(|row| row.id));
        next = page.next;
        if next.is_none() {
            return found;
        }
    }
}

/// Some that wait, some that failed, one that was applied and one that is lost from sight; the newest first.
fn some(world: &World, account: &AccountId) -> Vec<QueueId> {
    let mut ids = vec![world.accept(account, &job(1))];
    world.apply(account, "w");
    for n in 2..=7 {
        world.pass(1000);
        let id = world.accept(account, &job(n));
        if n % 2 == 0 {
            world.end(&id, Code::JobClosed);
        }
        ids.push(id);
    }
    ids.reverse();
    ids
}

#[test]
fn everything_is_found_newest_first_on_pages_of_any_size() {
    on_each(|world| {
        let account = world.account("a", 100);
        let other = world.account("b", 100);
        let ids = some(world, &account);
        some(world, &other);
        for most in [1, 2, 3, 7, 50] {
            assert_eq!(all(world, &account, &Wanted::default(), most), ids, "{most} at once");
        }
        let last = page(world, &account, &Wanted::default(), None, 7);
        assert_eq!(last.next, None, "a full page with nothing behind it is the last");
        let id = ids[0].clone();
        let (one, none) =
            world.read(move |tx| Ok((listing::one(tx, &account, &id)?, listing::one(tx, &other, &id)?)));
        assert_eq!((one.as_ref(), none), (last.rows.first(), None), "one by itself, for its own account");
    });
}

#[test]
fn each_filter_keeps_what_it_says_and_they_hold_together() {
    on_each(|world| {
        let account = world.account("a", 100);
        let ids = some(world, &account);
        let of = |keep: fn(usize) -> bool| -> Vec<_> {
            ids.iter().enumerate().filter(|(at, _)| keep(ids.len() - at)).map(|(_, id)| id.clone()).collect()
        };
        let found = |wanted: &Wanted| all(world, &account, wanted, 2);
        let states = |states: &[State]| Wanted { states: states.to_vec(), ..Wanted::default() };
        assert_eq!(found(&states(&[State::Applied])), of(|n| n == 1));
        assert_eq!(found(&states(&[State::Queued])), of(|n| n > 1 && n % 2 == 1));
        assert_eq!(found(&states(&[State::NotAvailable, State::Applied])), of(|n| n == 1 || n % 2 == 0));
        assert_eq!(found(&states(&[State::NotAvailable, State::Queued])), of(|n| n > 1));
        assert_eq!(found(&states(&[State::LoggedOut])), []);

        let since = world.load(&ids[2]).accepted_at;
        let late = Wanted { since: Some(since), ..Wanted::default() };
        assert_eq!(found(&late), ids[..3]);
        let early = Wanted { until: Some(since), ..Wanted::default() };
        assert_eq!(found(&early), ids[3..]);
        let both = Wanted { since: Some(since), states: vec![State::Queued], ..Wanted::default() };
        assert_eq!(found(&both), [ids[0].clone(), ids[2].clone()]);
    });
}

#[test]
fn a_job_is_found_with_all_that_was_tried_for_it() {
    on_each(|world| {
        let account = world.account("a", 100);
        let mut tries: Vec<_> = (0..3)
            .map(|_| {
                world.pass(1000);
                let id = world.accept(&account, &job(1));
                world.end(&id, Code::JobClosed);
                id
            })
            .collect();
        tries.push(world.accept(&account, &job(1)));
        world.accept(&account, &job(2));
        tries.reverse();
        let wanted = Wanted { job: JobKey::parse(&job(1)), ..Wanted::default() };
        for most in [1, 3, 10] {
            assert_eq!(all(world, &account, &wanted, most), tries);
        }
        let queued = Wanted { states: vec![State::Queued], ..wanted };
        assert_eq!(all(world, &account, &queued, 10), tries[..1]);
    });
}

#[test]
fn a_letter_is_found_by_a_part_of_it_and_a_freelancer_by_their_profile() {
    on_each(|world| {
        let account = world.account("a", 100);
        let ask = |n: u64, request: &str| {
            world.pass(1000);
            let new = New { request: request.replace("JOB", &job(n)), ..world.offer(&account, &job(n)) };
            let id = new.id.clone();
            world.ask(new);
            id
        };
        let plain = ask(1, r#"{"jobId":"JOB","coverLetter":"Wir bauen Brücken"}"#);
        let escaped = ask(2, r#"{"jobId":"JOB","coverLetter":"Br\u00fccken, 100% by hand"}"#);
        let other = ask(3, r#"{"jobId":"JOB","coverLetter":"Houses","profileId":"pf_3"}"#);
        let text = |text: &str| Wanted { text: Some(text.to_owned()), ..Wanted::default() };
        let found = |wanted: &Wanted| all(world, &account, wanted, 10);
        assert_eq!(found(&text("BRÜCKEN")), [escaped.clone(), plain.clone()]);
        assert_eq!(found(&text("100%")), std::slice::from_ref(&escaped), "a sign is itself");
        assert_eq!(found(&text(plain.as_str())), std::slice::from_ref(&plain), "an id is text");
        assert_eq!(found(&text("bridges")), []);
        let of = |freelancer: &str| Wanted { freelancer: Some(freelancer.to_owned()), ..Wanted::default() };
        assert_eq!(found(&of("fl_2")), [other]);
        assert_eq!(found(&of("fl_1")), [escaped, plain], "who names no profile applies with the default one");
        let rows = page(world, &account, &Wanted::default(), None, 1).rows;
        assert_eq!((rows[0].freelancer.as_deref(), rows[0].letter.as_deref()), (Some("Ben"), Some("Houses")));
    });
}

/// A page that finds nothing among the first thousands says where to go on, and a search that goes on finds all.
#[test]
fn what_is_far_down_is_found_by_going_on() {
    on_each(|world| {
        let account = world.account("a", 10_000);
        let first = world.accept(&account, &job(1));
        let others: Vec<_> = (0..2100)
            .map(|n| {
                world.pass(1);
                let request = r#"{"jobId":"~021","coverLetter":"Something else"}"#.to_owned();
                New { one_takes_ms: None, request, ..world.offer(&account, &job(10 + n)) }
            })
            .collect();
        world.write(move |tx| others.iter().try_for_each(|new| queue::accept(tx, new).map(drop)));
        let wanted = Wanted { text: Some("hello".to_owned()), ..Wanted::default() };
        let page = page(world, &account, &wanted, None, 10);
        assert_eq!((page.rows.len(), page.next.is_some()), (0, true));
        assert_eq!(all(world, &account, &wanted, 10), [first]);
    });
}
