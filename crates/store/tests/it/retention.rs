//! Thirty days after its end what was written for a task is gone, and the audit tells the same as before.

use applyd_core::ids::{AccountId, QueueId, WebhookId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::retention::KEPT_MS;
use applyd_core::state::{By, Dead, Event, State};
use applyd_core::terms::sha256_hex;
use applyd_core::webhook::Types;
use applyd_store::account::Channel;
use applyd_store::audit::{Export, Line, Wanted};
use applyd_store::grant::Grantee;
use applyd_store::intent::Login;
use applyd_store::letter;
use applyd_store::queue::{self, Accept, Beside, New};
use applyd_store::recover::{self, Known, Witnessed};
use applyd_store::resolve::{self, Finding, Resolved};
use applyd_store::retention::{self, PURGED_AT_ONCE, Wipe};
use applyd_store::stored_job::{self, Contents};
use applyd_store::webhook;
use applyd_store::{application, applied_jobs, delivery, event, timeline};
use serde_json::json;

use crate::engine::on_each;
use crate::world::{HASH, REQUEST, START, T, World, arm, cross, job, key, uuid};

const SECRET: &str = "the site's own words";

fn exported(world: &World, account: Option<&AccountId>, since: i64, until: i64) -> Vec<Line> {
    let mut export = Export::new(Wanted { account: account.cloned(), since, until });
    let mut all = Vec::new();
    loop {
        let (rest, lines) = world.read(move |tx| {
            let mut rest = export.clone();
            let lines = rest.next(tx)?;
            Ok((rest, lines))
        });
        if lines.is_empty() {
            return all;
        }
        export = rest;
        all.extend(lines);
    }
}

fn everything(world: &World) -> Vec<Line> {
    exported(world, None, 0, i64::MAX)
}

fn acts(lines: &[Line], id: &QueueId) -> Vec<String> {
    let of = lines.iter().filter(|line| line.application.as_deref() == Some(id.as_str()));
    of.map(|line| line.act.clone()).collect()
}

/// Refused by the site after the intent, with its reason.
fn refused(world: &World, account: &AccountId, n: u64) -> QueueId {
    world.accept(account, &job(n));
    let taken = world.claim(account, "w1").unwrap();
    let (id, epoch) = (taken.id.clone(), taken.progress.epoch);
    let letter = letter::sha256("Hello 🦀");
    let trace_ids = ["t1".to_owned(), "t2".to_owned()];
    world.write(move |tx| {
        let beside = Beside {
            note: Some(SECRET),
            preview: Some(("preview_1", START)),
            connects: Some(10),
            title: Some(SECRET),
            trace_ids: &trace_ids,
            ..Beside::default()
        };
        queue::advance(tx, &id, arm(), By::Worker(epoch), &T, beside)?.unwrap();
        let beside = Beside { connects: Some(10), letter_sha256: Some(&letter), ..Beside::default() };
        queue::advance(tx, &id, cross(), By::Worker(epoch), &T, beside)?.unwrap();
        let ending = Ending { trace_id: Some("t3".into()), ..Ending::because(Code::Refused, SECRET) };
        let beside = Beside { note: Some(SECRET), ..Beside::default() };
        queue::advance(tx, &id, Event::Declined(ending), By::Sender(epoch), &T, beside)?.unwrap();
        Ok(())
    });
    taken.id
}

/// Whether a text stands in anything that the product can read.
fn is_kept(world: &World, text: &'static str) -> bool {
    world.read(move |tx| stands(tx, text))
}

fn stands(tx: &applyd_store::Tx<'_>, text: &str) -> Result<bool, applyd_store::Error> {
    let mut found = false;
    for account in applyd_store::account::list(tx)? {
        let page = applied_jobs::page(tx, &account.id, None, 500, 0)?;
        for listed in page.jobs {
            let id = QueueId::parse(&listed.status.queue_id).unwrap();
            let lines = timeline::list(tx, &account.id, &id)?.unwrap();
            found |= application::request(tx, &id)?.unwrap().contains(text);
            found |= format!("{:?} {lines:?}", (listed.title, listed.status)).contains(text);
            found |= format!("{:?}", applyd_store::approval::last_shown(tx, &id)?).contains(text);
        }
        let told = event::after(tx, &account.id, None, 1000)?.unwrap();
        found |= format!("{told:?}").contains(text);
    }
    Ok(found)
}

/// Goes through all of it; answers what each portion erased.
fn wipe_all(world: &World, grantee: &Grantee, everything: bool) -> Vec<usize> {
    let (mut wipe, mut portions) = (Wipe::new(grantee, everything), Vec::new());
    loop {
        let next = wipe.clone();
        let (rest, some) = world.write(move |tx| {
            let mut rest = next.clone();
            let some = rest.next(tx)?;
            Ok((rest, some))
        });
        let Some(some) = some else { return portions };
        portions.push(some);
        wipe = rest;
    }
}

fn purge_all(world: &World) -> usize {
    let mut purged = 0;
    loop {
        let some = world.write(|tx| retention::purge(tx, KEPT_MS));
        world.write(stored_job::purge);
        purged += some;
        if some < usize::try_from(PURGED_AT_ONCE).unwrap() {
            return purged;
        }
    }
}

#[test]
fn thirty_days_after_the_end_the_words_are_gone_and_the_audit_is_the_same() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = refused(world, &account, 1);
        let before = everything(world);
        assert_eq!(acts(&before, &id), ["accepted", "preview", "intent", "answer", "end"]);
        assert!(is_kept(world, SECRET) && is_kept(world, "Hello"));
        world.pass(KEPT_MS - 1);
        assert_eq!(purge_all(world), 0, "thirty days");
        world.pass(2);
        assert_eq!((purge_all(world), purge_all(world)), (1, 0));
        assert!(!is_kept(world, SECRET) && !is_kept(world, "Hello"));
        assert_eq!(everything(world), before, "ids, times and hashes stay");
        let ended = world.load(&id);
        let plain = Ending::of(Code::Refused).message;
        assert_eq!((ended.progress.state, ended.progress.message), (State::Failed, Some(plain)));
        world.assert_clean();
        // The job may be applied to again, and the queue goes on.
        let again = world.accept(&account, &job(1));
        assert_eq!(world.claim(&account, "w1").unwrap().id, again);
    });
}

#[test]
fn what_the_operator_keeps_for_less_goes_earlier() {
    on_each(|world| {
        let account = world.account("a", 9);
        refused(world, &account, 1);
        world.pass(999);
        assert_eq!(world.write(|tx| retention::purge(tx, 1000)), 0);
        world.pass(1);
        assert_eq!(world.write(|tx| retention::purge(tx, 1000)), 1);
        assert!(!is_kept(world, "Hello"));
        world.pass(KEPT_MS);
        refused(world, &account, 2);
        assert_eq!(world.write(|tx| event::purge(tx, 2 * KEPT_MS)), 0, "kept for longer");
    });
}

#[test]
fn what_a_line_says_is_what_happened() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = refused(world, &account, 1);
        let lines = everything(world);
        let facts: Vec<_> = lines.into_iter().map(|line| json!([line.act, line.by, line.facts])).collect();
        let key = applyd_core::ids::KeyId::new(START, 1);
        assert_eq!(
            json!(facts),
            json!([
                ["accepted", key.as_str(), {"channel": "sandbox", "jobId": job(1), "policy": "none",
                    "requestSha256": sha256_hex(REQUEST.as_bytes()), "letterSha256": letter::sha256("Hello 🦀")}],
                ["preview", "worker", {"previewId": "preview_1", "connects": 10, "traceIds": ["t1", "t2"]}],
                ["intent", "worker", {"epoch": 1, "sha256": HASH, "worker": "w1", "connects": 10,
                    "previewId": "preview_1"}],
                ["answer", "worker", {"answer": "refused", "proposalId": null, "traceIds": ["t3"]}],
                ["end", "worker", {"status": "failed", "code": "refused", "traceIds": null}],
            ])
        );
        assert!(exported(world, None, START + 1, i64::MAX).is_empty());
        assert!(exported(world, None, 0, START).is_empty());
        let other = world.account("b", 0);
        assert!(exported(world, Some(&other), 0, i64::MAX).is_empty());
        assert_eq!(acts(&exported(world, Some(&account), START, START + 1), &id).len(), 5);
    });
}

#[test]
fn an_unknown_outcome_keeps_everything_until_it_is_known() {
    on_each(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let (id, epoch) = world.cross(&account, "w1");
        world.advance(&id, Event::Doubt, By::Sender(epoch));
        world.pass(T.deadline_ms + 1);
        world.catch_up(&id, Dead::Proven);
        assert_eq!(world.state(&id), State::Unknown);
        world.pass(KEPT_MS * 2);
        assert_eq!(purge_all(world), 0);
        let all = wipe_all(world, &Grantee::of_account(account), true);
        assert_eq!(all.iter().sum::<usize>(), 0, "it is under way");
        let asked = id.clone();
        assert_eq!(world.read(move |tx| application::request(tx, &asked)).as_deref(), Some(REQUEST));
        // A person has looked.
        world.advance(&id, Event::Seen { site_at: None }, By::Person);
        assert_eq!(purge_all(world), 0, "its task has only now ended");
        world.pass(KEPT_MS + 1);
        assert_eq!(purge_all(world), 1);
        let told = acts(&everything(world), &id);
        assert_eq!(told, ["accepted", "preview", "intent", "answer", "end", "resolved", "corrected"]);
        world.assert_clean();
    });
}

#[test]
fn the_witness_of_an_erased_application_changes_nothing() {
    on_each(|world| {
        let account = world.account("a", 9);
        let id = refused(world, &account, 1);
        world.pass(KEPT_MS + 1);
        purge_all(world);
        let witnessed = Witnessed {
            id: id.clone(),
            account,
            channel: Channel::Sandbox,
            job: key(&job(1)),
            processed_job_id: uuid(1),
            accepted_at: START,
            at: START,
            worker: "w1".into(),
            terms_sha256: HASH.into(),
            request: REQUEST.into(),
            login: None,
        };
        assert_eq!(world.write(move |tx| recover::recover(tx, &witnessed, &T)), Known::Yes);
        assert!(world.read(move |tx| retention::is_erased(tx, &id)));
        assert!(!is_kept(world, "Hello"));
    });
}

#[test]
fn a_wipe_takes_one_accounts_words_at_once_whatever_their_age() {
    on_each(|world| {
        let (account, other) = (world.account("a", 900), world.account("b", 9));
        for n in 1..=105 {
            refused(world, &account, n);
        }
        let others = refused(world, &other, 1);
        let waits = world.accept(&account, &job(500));
        let (owner, fresh) = (account.clone(), uuid(7));
        world.write(move |tx| {
            let contents = Contents { company_id: Some("8"), title: SECRET, document: SECRET };
            stored_job::save(tx, &owner, Channel::Sandbox, &key(&job(600)), &fresh, contents)
        });
        let before = everything(world);
        let portions = wipe_all(world, &Grantee::of_account(account.clone()), true);
        let most = usize::try_from(PURGED_AT_ONCE).unwrap();
        assert!(portions.iter().all(|some| *some <= most), "{portions:?}");
        assert_eq!(portions.iter().sum::<usize>(), 105 + 106, "its tasks and its jobs: {portions:?}");
        let stored = world.read({
            let owner = account.clone();
            move |tx| stored_job::find(tx, &owner, &key(&job(600)))
        });
        assert!(stored.is_none());
        let request = |id: &QueueId| {
            let id = id.clone();
            world.read(move |tx| application::request(tx, &id)).unwrap()
        };
        assert_eq!((request(&waits).as_str(), request(&others).as_str()), (REQUEST, REQUEST));
        let told = world.read({
            let owner = account.clone();
            move |tx| event::after(tx, &owner, None, 1000)
        });
        assert!(!format!("{told:?}").contains(SECRET), "what webhooks are told again has no words either");
        assert!(is_kept(world, SECRET), "another account's stand");
        assert_eq!(everything(world), before);
        assert_eq!(world.claim(&account, "w1").unwrap().id, waits);
        world.assert_clean();
    });
}

#[test]
fn a_person_who_leaves_takes_only_what_their_login_brought_in() {
    on_each(|world| {
        let account = world.account_on("a", 9, Channel::Upwork);
        let asked = |n: u64, profile: Option<&str>| {
            let request = match profile {
                Some(profile) => format!(r#"{{"coverLetter":"letter {n}","profileId":"{profile}"}}"#),
                None => format!(r#"{{"coverLetter":"letter {n}"}}"#),
            };
            let new = New { channel: Channel::Upwork, request, ..world.offer(&account, &job(n)) };
            let Accept::Accepted { application, .. } = world.ask(new) else { panic!() };
            application.id
        };
        let sent = |n: u64, by: &str| {
            let id = asked(n, Some("pf_2"));
            let epoch = world.claim(&account, "w").unwrap().progress.epoch;
            world.advance(&id, arm(), By::Worker(epoch));
            let (crossed, login) = (id.clone(), Login { freelancer: Some(by.into()), org_uid: "1".into() });
            world
                .write(move |tx| {
                    let beside = Beside { login: Some(&login), ..Beside::default() };
                    queue::advance(tx, &crossed, cross(), By::Worker(epoch), &T, beside)
                })
                .unwrap();
            world.advance(&id, Event::Declined(Ending::of(Code::Refused)), By::Sender(epoch));
            id
        };
        let by_ben = sent(1, "fl_2");
        let by_ada = sent(2, "fl_1");
        // Never sent: Ada's default profile, Ada's, Ben's, and one of nobody who is still here.
        let unsent = [None, Some("pf_1"), Some("pf_3"), Some("pf_9")].map(|profile| {
            world.pass(1);
            let id = asked(world.now().unsigned_abs() % 1000 + 10, profile);
            world.end(&id, Code::JobClosed);
            id
        });
        let erased = wipe_all(world, &Grantee { account, freelancer: Some("fl_2".into()) }, false);
        assert_eq!(erased.iter().sum::<usize>(), 3, "{erased:?}");
        let is_erased = |id: &QueueId| {
            let id = id.clone();
            world.read(move |tx| retention::is_erased(tx, &id))
        };
        assert!(
            is_erased(&by_ben) && !is_erased(&by_ada),
            "whose login sent it, though the profile is Ada's"
        );
        assert_eq!(
            unsent.each_ref().map(is_erased),
            [false, false, true, true],
            "what nobody can tell goes too"
        );
    });
}

#[test]
fn what_is_erased_can_be_delivered_again_without_its_words_and_then_not_at_all() {
    on_each(|world| {
        let account = world.account("a", 9);
        let new = webhook::New {
            id: WebhookId::new(world.now(), world.bits()),
            account: account.clone(),
            url: "https://receiver.example/hook".to_owned(),
            types: Types::parse(["*"]).unwrap(),
            secret: b"sealed".to_vec(),
        };
        assert!(world.write(move |tx| webhook::create(tx, &new)));
        refused(world, &account, 1);
        let event = world.read({
            let owner = account.clone();
            move |tx| event::newest(tx, &owner)
        });
        let event = event.unwrap();
        let again = || {
            let (owner, event) = (account.clone(), event.clone());
            world.write(move |tx| delivery::redeliver(tx, &owner, &event))
        };
        wipe_all(world, &Grantee::of_account(account.clone()), true);
        assert_eq!(again(), Some(1));
        let sent = world.write(|tx| delivery::claim(tx, 9, 30_000));
        let data = &sent[0].event.data;
        assert_eq!(data.error_message, Some(Ending::of(Code::Refused).message), "{data:?}");
        // The last event stays as a cursor; one that another has followed goes.
        refused(world, &account, 2);
        world.pass(KEPT_MS + 1);
        refused(world, &account, 3);
        world.write(|tx| event::purge(tx, KEPT_MS));
        assert_eq!(again(), None, "there is no such event any more");
    });
}

#[test]
fn what_is_erased_has_nothing_to_resolve_but_its_guard() {
    on_each(|world| {
        let account = world.account("a", 9);
        let known = refused(world, &account, 1);
        world.accept(&account, &job(2));
        let (id, epoch) = world.cross(&account, "w1");
        world.advance(&id, Event::Doubt, By::Sender(epoch));
        world.pass(T.deadline_ms + 1);
        world.catch_up(&id, Dead::Proven);
        world.pass(applyd_core::time::GIVE_UP_MS);
        world.read_in_vain(&id);
        world.catch_up(&id, Dead::No);
        assert_eq!(world.load(&id).progress.code, Some(Code::Unresolved));
        world.pass(KEPT_MS + 1);
        assert_eq!(purge_all(world), 2);
        let say = |id: &QueueId, finding: Finding| {
            let id = id.clone();
            world.write(move |tx| resolve::resolve(tx, &id, &finding, "Eva", "looked", &T))
        };
        for finding in [Finding::Submitted(None), Finding::NotSubmitted, Finding::ClearGuard] {
            assert!(matches!(say(&known, finding), Resolved::NotOpen(_)), "it has ended for certain");
        }
        let job_is_free = || matches!(world.ask(world.offer(&account, &job(2))), Accept::Accepted { .. });
        assert!(matches!(say(&id, Finding::Submitted(Some("p9".into()))), Resolved::Noted));
        assert!(!job_is_free(), "the guard outlives what was erased");
        assert!(matches!(say(&id, Finding::ClearGuard), Resolved::GuardCleared));
        assert!(job_is_free());
        let told = acts(&everything(world), &id);
        assert!(told.ends_with(&["end", "corrected", "resolved", "resolved"].map(String::from)), "{told:?}");
        assert_eq!(world.load(&id).progress.code, Some(Code::Unresolved), "what was told stays");
        world.assert_clean();
    });
}

#[test]
fn a_long_audit_comes_in_order_and_whole() {
    on_each(|world| {
        let account = world.account("a", 5000);
        let owner = account.clone();
        world.write(move |tx| {
            let by_hand = |n: i64| json!({ "n": n });
            (0..1700)
                .try_for_each(|n| applyd_store::audit::note(tx, "paused", "Ada", Some(&owner), &by_hand(n)))
        });
        for n in 1..=1300 {
            world.pass(1);
            let new = New { one_takes_ms: None, ..world.offer(&account, &job(n)) };
            assert!(matches!(world.ask(new), Accept::Accepted { .. }));
        }
        for _ in 0..600 {
            world.pass(1);
            let next = world.claim(&account, "w1").unwrap();
            world.end(&next.id, Code::JobClosed);
        }
        let lines = everything(world);
        assert_eq!(lines.len(), 1700 + 1300 + 600);
        assert!(lines.is_sorted_by_key(|line| line.at));
        let numbers = lines.iter().filter_map(|line| line.facts.get("n")?.as_i64());
        assert!(numbers.eq(0..1700));
    });
}

#[test]
fn an_approver_hears_of_a_letter_that_went_to_another_job_and_of_who_wrote_it() {
    on_each(|world| {
        let (account, other) = (world.account("a", 9), world.account("b", 9));
        let origin = |account: &AccountId, n: u64, text: &'static str| {
            let account = account.clone();
            world.read(move |tx| letter::origin(tx, &account, &key(&job(n)), text))
        };
        assert_eq!(origin(&account, 2, "Hello 🦀"), letter::Origin::default());
        refused(world, &account, 1);
        assert_eq!(origin(&account, 2, "Hello 🦀").sent_with, None, "it did not arrive");
        world.accept(&account, &job(3));
        let taken = world.claim(&account, "w1").unwrap();
        let (id, epoch) = (taken.id.clone(), taken.progress.epoch);
        let hash = letter::sha256("Hello 🦀");
        world.advance(&id, arm(), By::Worker(epoch));
        world
            .write(move |tx| {
                let beside = Beside { letter_sha256: Some(&hash), ..Beside::default() };
                queue::advance(tx, &id, cross(), By::Worker(epoch), &T, beside)
            })
            .unwrap();
        assert_eq!(origin(&account, 2, " Hello\n🦀").sent_with, Some(taken.id));
        assert_eq!(origin(&account, 3, "Hello 🦀").sent_with, None, "the same job");
        assert_eq!(origin(&other, 2, "Hello 🦀"), letter::Origin::default(), "another account");
        let owner = account.clone();
        world.write(move |tx| letter::remember(tx, &owner, "Written here", "m-1"));
        let written = origin(&account, 2, "Written here");
        assert_eq!((written.model.as_deref(), written.remarks().len()), (Some("m-1"), 1));
    });
}
