//! The list of an account's applications.

use applyd_core::ids::AccountId;
use applyd_core::outcome::Code;
use applyd_store::applied_jobs::{self, Page};
use applyd_wire::ApplicationStatus;

use crate::engine::on_each;
use crate::world::{T, World, job};

impl World {
    fn page(&self, account: &AccountId, status: Option<ApplicationStatus>, limit: i64, offset: i64) -> Page {
        let account = account.clone();
        self.read(move |tx| applied_jobs::page(tx, &account, status, limit, offset))
    }
}

#[test]
fn pages_come_newest_first_with_the_total_of_the_filter() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let failed = world.accept(&account, &job(1));
        world.end(&failed, Code::Refused);
        let gone = world.accept(&account, &job(2));
        world.end(&gone, Code::JobClosed);
        let applied = world.accept(&account, &job(3));
        world.apply(&account, "w");
        let waiting = world.accept(&account, &job(4));
        world.accept(&other, &job(1));

        let ids = |page: &Page| page.jobs.iter().map(|job| job.status.queue_id.clone()).collect::<Vec<_>>();
        let newest_first = [&waiting, &applied, &gone, &failed].map(|id| id.as_str().to_owned());
        let all = world.page(&account, None, 50, 0);
        assert_eq!((ids(&all), all.total), (newest_first.to_vec(), 4));
        let middle = world.page(&account, None, 2, 1);
        assert_eq!((ids(&middle), middle.total), (newest_first[1..3].to_vec(), 4));
        assert_eq!(ids(&world.page(&account, None, 50, 4)).len(), 0);
        for (status, expected) in [
            (ApplicationStatus::Failed, &failed),
            (ApplicationStatus::NotAvailable, &gone),
            (ApplicationStatus::Applied, &applied),
            (ApplicationStatus::Processing, &waiting),
        ] {
            let page = world.page(&account, Some(status), 50, 0);
            assert_eq!((ids(&page), page.total), (vec![expected.as_str().to_owned()], 1), "{status:?}");
        }
        assert_eq!(world.page(&account, Some(ApplicationStatus::LoggedOut), 50, 0).total, 0);
    });
}

#[test]
fn an_unknown_outcome_is_listed_as_failed_and_what_is_overdue_is_named() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, _) = world.cross(&account, "w");
        let late = world.accept(&account, &job(2));
        world.pass(T.deadline_ms);
        let page = world.page(&account, None, 50, 0);
        assert!(page.overdue.contains(&id) && page.overdue.contains(&late), "{page:?}");
        for id in [&id, &late] {
            world.catch_up(id, applyd_core::state::Dead::No);
        }
        assert_eq!(world.page(&account, Some(ApplicationStatus::Failed), 50, 0).total, 2);
    });
}

#[test]
fn what_is_overdue_is_named_though_the_page_does_not_show_it() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let late = [1, 2].map(|n| world.accept(&account, &job(n)));
        world.accept(&other, &job(1));
        world.pass(T.deadline_ms);
        world.accept(&account, &job(3));
        for page in
            [world.page(&account, Some(ApplicationStatus::Failed), 50, 0), world.page(&account, None, 1, 0)]
        {
            let mut overdue = page.overdue;
            overdue.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
            assert_eq!(overdue, late);
        }
    });
}
