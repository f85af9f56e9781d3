//! What was read from a channel: shown for a day, erased after thirty, each account's own.

use applyd_core::ids::AccountId;
use applyd_core::job_ref::JobRef;
use applyd_core::retention::{CACHED_MS, KEPT_MS};
use applyd_core::state::By;
use applyd_store::account::Channel;
use applyd_store::queue::{self, Beside};
use applyd_store::stored_job::{self, Contents, StoredJob};

use crate::engine::on_each;
use crate::world::{T, World, arm, job, key, uuid};

impl World {
    fn keep(&self, account: &AccountId, job: &str, company: &str, document: &str) -> StoredJob {
        let (account, job, fresh) = (account.clone(), key(job), uuid(self.bits()));
        let (company, document) = (company.to_owned(), document.to_owned());
        self.write(move |tx| {
            let contents = Contents { company_id: Some(&company), title: "A title", document: &document };
            stored_job::save(tx, &account, Channel::Sandbox, &job, &fresh, contents)
        })
    }

    fn kept(&self, account: &AccountId, job: &str) -> Option<StoredJob> {
        let (account, job) = (account.clone(), key(job));
        self.read(move |tx| stored_job::find(tx, &account, &job))
    }

    fn titles(&self, account: &AccountId) -> Vec<Option<String>> {
        let account = account.clone();
        let page = self.read(move |tx| applyd_store::applied_jobs::page(tx, &account, None, 100, 0));
        page.jobs.into_iter().map(|job| job.title).collect()
    }
}

#[test]
fn what_was_read_is_shown_for_a_day_and_asking_does_not_prolong_it() {
    on_each(|world| {
        let account = world.account("a", 0);
        let first = world.keep(&account, &job(1), "8", "first");
        assert_eq!((first.synced_at, first.expires_at), (world.now(), world.now() + CACHED_MS));
        world.pass(CACHED_MS - 1);
        assert_eq!(world.keep(&account, &job(1), "8", "second"), first, "still fresh, so it stands as it is");
        world.pass(1);
        let stale = world.kept(&account, &job(1)).unwrap();
        assert!(!stale.is_fresh(world.now()), "{stale:?}");
        let again = world.keep(&account, &job(1), "8", "second");
        assert_eq!((again.document.as_str(), again.synced_at), ("second", world.now()));
        assert_eq!(again.processed_job_id, first.processed_job_id, "a job keeps its UUID");
    });
}

#[test]
fn contents_and_titles_are_erased_after_thirty_days_and_the_uuid_stays() {
    on_each(|world| {
        let account = world.account("a", 1);
        let stored = world.keep(&account, &job(1), "8", "text");
        world.accept(&account, &job(1));
        world.pass(KEPT_MS);
        assert_eq!(world.write(stored_job::purge), 0, "thirty days at least");
        assert_eq!(world.titles(&account), [Some("A title".to_owned())]);
        world.pass(1);
        assert_eq!((world.write(stored_job::purge), world.write(stored_job::purge)), (1, 0));
        assert_eq!(world.kept(&account, &job(1)), None);
        assert_eq!(world.titles(&account), [None]);
        assert_eq!(world.keep(&account, &job(1), "8", "new").processed_job_id, stored.processed_job_id);
    });
}

#[test]
fn purges_come_in_portions() {
    on_each(|world| {
        let account = world.account("a", 0);
        for n in 0..1100 {
            world.keep(&account, &job(n), "8", "text");
        }
        world.pass(KEPT_MS + 1);
        let portions: Vec<_> = (0..4).map(|_| world.write(stored_job::purge)).collect();
        assert_eq!(portions, [500, 500, 100, 0]);
    });
}

#[test]
fn a_read_and_an_application_agree_on_the_uuid() {
    on_each(|world| {
        let account = world.account("a", 9);
        let read_first = world.keep(&account, &job(1), "8", "text").processed_job_id;
        let applied = world.load(&world.accept(&account, &job(1)));
        assert_eq!(applied.processed_job_id, read_first);
        let applied_first = world.load(&world.accept(&account, &job(2))).processed_job_id;
        assert_eq!(world.keep(&account, &job(2), "8", "text").processed_job_id, applied_first);
        let published = world.keep(&account, "~029000000000000000007", "8", "text");
        assert_eq!(published.processed_job_id, "90000000-0000-4000-8000-000000000007");

        world.keep(&account, &job(3), "8", "text");
        let uuid = world.kept(&account, &job(3)).unwrap().processed_job_id;
        let named = JobRef::parse(&uuid).unwrap();
        let (asker, asked) = (account, named.clone());
        let resolve =
            move |tx: &applyd_store::Tx<'_>| stored_job::resolve(tx, &asker, Channel::Sandbox, &asked);
        assert_eq!(world.read(resolve), Some(key(&job(3))), "a UUID that a read gave names the job");
        let other = world.account("b", 0);
        assert_eq!(world.read(move |tx| stored_job::resolve(tx, &other, Channel::Sandbox, &named)), None);
    });
}

#[test]
fn a_client_has_the_jobs_that_this_account_read_newest_first() {
    on_each(|world| {
        let (account, other) = (world.account("a", 0), world.account("b", 0));
        world.keep(&account, &job(1), "8", "old");
        world.pass(10);
        world.keep(&account, &job(2), "8", "new");
        world.keep(&account, &job(3), "9", "another client's");
        let of = |account: &AccountId, company: &'static str| {
            let account = account.clone();
            let found = world.read(move |tx| stored_job::of_company(tx, &account, company));
            found.into_iter().map(|stored| stored.document).collect::<Vec<_>>()
        };
        assert_eq!(of(&account, "8"), ["new", "old"]);
        assert!(of(&other, "8").is_empty() && of(&account, "7").is_empty());
        assert_eq!(world.kept(&other, &job(1)), None);
    });
}

#[test]
fn a_workers_read_leaves_the_title_and_does_not_touch_contents() {
    on_each(|world| {
        let account = world.account("a", 9);
        for n in [1, 2] {
            world.accept(&account, &job(n));
        }
        let stored = world.keep(&account, &job(2), "8", "text");
        for _ in 0..2 {
            let leased = world.claim(&account, "w").unwrap();
            let (id, epoch) = (leased.id.clone(), leased.progress.epoch);
            world
                .write(move |tx| {
                    let beside = Beside { title: Some("Read by a worker"), ..Beside::default() };
                    queue::advance(tx, &id, arm(), By::Worker(epoch), &T, beside)
                })
                .unwrap();
            world.end(&leased.id, applyd_core::outcome::Code::NotEligible);
        }
        assert_eq!(world.titles(&account), [Some("A title".to_owned()), Some("Read by a worker".to_owned())]);
        assert_eq!((world.kept(&account, &job(1)), world.kept(&account, &job(2))), (None, Some(stored)));
    });
}
