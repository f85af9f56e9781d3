//! Accepting: every answer, the order of judgement, the credit, the guard of the job.

use applyd_core::ids::QueueId;
use applyd_core::outcome::Code;
use applyd_core::state::State;
use applyd_core::terms::Terms;
use applyd_store::account::Channel;
use applyd_store::queue::{Accept, New};
use applyd_store::{application, freelancer, meta};

use crate::engine::on_each;
use crate::world::{REQUEST, T, World, job, key, terms};

fn word(accept: &Accept) -> &'static str {
    match accept {
        Accept::Accepted { .. } => "accepted",
        Accept::UnknownProfile => "unknown profile",
        Accept::UnknownJob => "unknown job",
        Accept::Barred { .. } => "barred",
        Accept::NoCredit { .. } => "no credit",
        Accept::Full { .. } => "full",
        Accept::VerifyOnly => "verify only",
    }
}

#[test]
fn what_is_accepted_reads_back_whole() {
    on_each(|world| {
        let account = world.account("a", 2);
        let new = world.offer(&account, &job(1));
        let (id, uuid) = (new.id.clone(), new.fresh_job_id.clone());
        let Accept::Accepted { application, available: 1 } = world.ask(new) else { panic!("not accepted") };
        let stored = world.load(&id);
        assert_eq!(format!("{application:?}"), format!("{stored:?}"));
        assert_eq!((stored.job, stored.processed_job_id, stored.version), (key(&job(1)), uuid, 1));
        assert_eq!(stored.progress.deadline, world.now() + T.deadline_ms);
        assert_eq!(world.read(move |tx| application::request(tx, &id)).as_deref(), Some(REQUEST));
        assert_eq!(world.balance(&account), (1, 1, 0));
        world.assert_clean();
    });
}

/// Each row mends the fault that was judged first in the row before.
#[test]
fn the_first_fault_in_the_contracts_order_is_answered() {
    on_each(|world| {
        let account = world.account("a", 1);
        world.accept(&account, &job(1));
        world.write(|tx| meta::set_verify_only(tx, Some("test")));
        let broken = New { terms: as_profile("nobody"), ..world.offer(&account, "~029000000000000000016") };
        let known_profile = New { terms: as_profile("pf_3"), ..broken.clone() };
        let known_job = New { job: world.offer(&account, &job(1)).job, ..known_profile.clone() };
        let free_job = New { job: world.offer(&account, &job(2)).job, ..known_job.clone() };
        for (new, expected) in [
            (broken, "unknown profile"),
            (known_profile, "unknown job"),
            (known_job, "barred"),
            (free_job.clone(), "no credit"),
        ] {
            assert_eq!(word(&world.ask(new)), expected);
        }
        let rich = world.account("b", 1);
        let elsewhere = New { account: rich.clone(), ..free_job };
        assert_eq!(word(&world.ask(elsewhere.clone())), "verify only");
        assert_eq!((world.balance(&account), world.balance(&rich)), ((0, 1, 0), (1, 0, 0)));
        world.write(|tx| meta::set_verify_only(tx, None));
        assert_eq!(word(&world.ask(elsewhere)), "accepted");
        world.assert_clean();
    });
}

#[test]
fn refusals_say_what_a_caller_needs() {
    on_each(|world| {
        let account = world.account("a", 1);
        let first = world.accept(&account, &job(1));
        match world.ask(world.offer(&account, &job(1))) {
            Accept::Barred { by, state } => assert_eq!((by, state), (first, State::Queued)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(world.ask(world.offer(&account, &job(2))), Accept::NoCredit { available: 0 }));
    });
}

#[test]
fn one_job_is_one_job_in_every_spelling_and_only_within_its_account() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let id = world.accept(&account, &job(1));
        let digits = job(1).trim_start_matches("~02").to_owned();
        let uuid = world.load(&id).processed_job_id;
        for spelling in [
            job(1),
            format!("~02{digits}"),
            format!("~020{digits}"),
            format!("%7E02{digits}"),
            format!("https://www.upwork.com/jobs/A-Title_~02{digits}/?source=rss"),
            format!("https://www.upwork.com/nx/proposals/job/~02{digits}/apply/"),
            uuid.clone(),
            uuid.to_uppercase(),
        ] {
            let asked = world.ask(world.offer(&account, &spelling));
            assert!(matches!(asked, Accept::Barred { ref by, .. } if *by == id), "{spelling}: {asked:?}");
        }
        assert_eq!(word(&world.ask(world.offer(&other, &uuid))), "unknown job", "another account's UUID");
        assert_eq!(word(&world.ask(world.offer(&other, &job(1)))), "accepted");
        assert_eq!(world.balance(&account), (8, 1, 0));
    });
}

#[test]
fn published_jobs_exist_on_the_sandbox_only() {
    on_each(|world| {
        let account = world.account("a", 9);
        let Accept::Accepted { application, .. } =
            world.ask(world.offer(&account, "90000000-0000-4000-8000-000000000001"))
        else {
            panic!("not accepted")
        };
        assert_eq!(application.job, key("~029000000000000000001"));
        assert_eq!(application.processed_job_id, "90000000-0000-4000-8000-000000000001");
        for channel in [Channel::Upwork, Channel::Desk] {
            let elsewhere = world.account_on(channel.as_str(), 9, channel);
            let new = New { channel, ..world.offer(&elsewhere, "~029000000000000000001") };
            assert_eq!(word(&world.ask(new)), "unknown job", "{channel:?}");
        }
    });
}

#[test]
fn a_clean_end_frees_the_job_and_keeps_its_uuid() {
    on_each(|world| {
        let account = world.account("a", 1);
        let mut before = None;
        for code in
            [Code::Deadline, Code::JobClosed, Code::NotEligible, Code::NotEnoughConnects, Code::LoggedOut]
        {
            world.pass(1);
            let id = world.accept(&account, &job(1));
            let ended = world.end(&id, code);
            assert_eq!(world.balance(&account), (1, 0, 0), "{code:?}");
            let uuid = before.get_or_insert_with(|| ended.processed_job_id.clone());
            assert_eq!(*uuid, ended.processed_job_id, "one UUID for one (account, job)");
        }
        let newest = world.read(move |tx| application::status_of_job(tx, &account, &key(&job(1)))).unwrap();
        assert_eq!(newest.answer.application_status.as_str(), "logged_out", "the newest wins");
        world.assert_clean();
    });
}

#[test]
fn applied_unknown_and_unresolved_bar_another_one() {
    on_each(|world| {
        let account = world.account("a", 9);
        let barred = |n: u64, id: &QueueId, state: State| match world.ask(world.offer(&account, &job(n))) {
            Accept::Barred { by, state: told } => assert_eq!((&by, told), (id, state)),
            other => panic!("job {n}: {other:?}"),
        };
        world.accept(&account, &job(1));
        let applied = world.apply(&account, "w");
        barred(1, &applied, State::Applied);
        world.accept(&account, &job(2));
        let (unknown, _) = world.cross(&account, "w");
        world.pass(T.deadline_ms);
        world.catch_up(&unknown, applyd_core::state::Dead::No).unwrap();
        barred(2, &unknown, State::Unknown);
        assert_eq!(world.balance(&account), (7, 1, 1), "the outcome is open, so is the credit");
        world.catch_up(&unknown, applyd_core::state::Dead::Proven).unwrap();
        world.pass(applyd_core::time::GIVE_UP_MS);
        world.read_in_vain(&unknown);
        world.catch_up(&unknown, applyd_core::state::Dead::No).unwrap();
        barred(2, &unknown, State::Failed);
        assert_eq!(world.balance(&account), (8, 0, 1));
        world.assert_clean();
    });
}

#[test]
fn a_queue_that_would_end_in_deadlines_takes_no_more() {
    on_each(|world| {
        let account = world.account("a", 9);
        let slow = |n| New { one_takes_ms: Some(T.intent_cutoff_ms / 2), ..world.offer(&account, &job(n)) };
        assert_eq!(word(&world.ask(slow(1))), "accepted");
        assert_eq!(word(&world.ask(slow(2))), "accepted");
        match world.ask(slow(3)) {
            Accept::Full { retry_after_s } => assert!((1..=60).contains(&retry_after_s)),
            other => panic!("{other:?}"),
        }
        let desk = New { one_takes_ms: None, ..world.offer(&account, &job(4)) };
        assert_eq!(word(&world.ask(desk)), "accepted", "nothing waits for a person's turn");
    });
}

/// The rule reads before it writes; two processes could both read. Then the schema decides.
#[test]
fn the_schema_refuses_what_the_rule_would_miss() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = world.accept(&account, &job(1));
        let twice = New { id, ..world.offer(&account, &job(2)) };
        let refused = world.store.write_blocking(move |tx| applyd_store::queue::accept(tx, &twice));
        assert!(refused.is_err(), "one id, two applications: {refused:?}");
        assert_eq!(world.balance(&account), (8, 1, 0), "the hold went with it");
        world.assert_clean();
    });
}

#[test]
fn the_rate_is_the_named_profiles_or_the_first_freelancers_default() {
    on_each(|world: &World| {
        let account = world.account("a", 0);
        for (profile, cents) in [(None, Some(6500)), (Some("pf_3"), Some(4000)), (Some("pf_9"), None)] {
            let asked = account.clone();
            let chosen = world.read(move |tx| freelancer::profile(tx, &asked, profile));
            assert_eq!(chosen.map(|chosen| chosen.rate.get()), cents, "{profile:?}");
        }
    });
}

fn as_profile(id: &str) -> Terms {
    Terms { profile_id: Some(id.to_owned()), ..terms() }
}
