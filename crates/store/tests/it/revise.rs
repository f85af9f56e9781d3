//! A person changes what waits for them.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::state::{By, State};
use applyd_core::terms::sha256_hex;
use applyd_store::approval::{self, Approved};
use applyd_store::audit::{Export, Wanted};
use applyd_store::revise::{Revised, revise};
use applyd_store::{application, retention};

use crate::approval::{approve, open, required};
use crate::engine::on_each;
use crate::world::{REQUEST, T, World};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const EDITED: &str = r#"{"jobId":"~021","coverLetter":"Hello, edited"}"#;

fn edit(world: &World, account: &AccountId, id: &QueueId, seen: &str, request: &'static str) -> Revised {
    let (account, id, seen) = (account.clone(), id.clone(), sha256_hex(seen.as_bytes()));
    world.write(move |tx| revise(tx, &account, &id, &seen, request, "Ada", &T))
}

/// What the audit tells of its application: acts and hashes.
fn told(world: &World) -> Vec<(String, String)> {
    let wanted = Wanted { account: None, since: 0, until: i64::MAX };
    let lines = world.read(move |tx| Export::new(wanted.clone()).next(tx));
    let of = |line: &applyd_store::audit::Line| {
        line.facts.get("requestSha256").map(|sha256| (line.act.clone(), sha256.as_str().unwrap().to_owned()))
    };
    lines.iter().filter_map(of).collect()
}

#[test]
fn what_was_shown_before_a_change_cannot_be_approved() {
    on_each(|world| {
        let account = world.account("a", 3);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        let first = id.clone();
        let (seen, before) = world.read(move |tx| {
            let seen = approval::last_shown(tx, &first)?.unwrap().id;
            Ok((seen.clone(), approval::shown_before(tx, &first, &seen)?))
        });
        assert!(before.is_none(), "it was shown once");
        assert!(matches!(edit(world, &account, &id, REQUEST, EDITED), Revised::Revised(_)));
        assert!(matches!(approve(world, &id), Approved::NotShown), "nobody has seen what would be sent now");
        world.pass(1);
        open(world, &account, &id);
        let (second, asked) = (id.clone(), id.clone());
        let before = world.read(move |tx| {
            let now = approval::last_shown(tx, &second)?.unwrap().id;
            assert!(now > seen);
            approval::shown_before(tx, &second, &now)
        });
        assert_eq!(before.unwrap().preview_id, "preview_1", "what has changed since can be told");
        assert!(!world.read(move |tx| approval::is_asked(tx, &asked)), "the wish is fulfilled");
        assert!(matches!(approve(world, &id), Approved::Queued(_)));
        let kept = id.clone();
        assert_eq!(world.read(move |tx| application::request(tx, &kept)).as_deref(), Some(EDITED));
        assert!(
            matches!(edit(world, &account, &id, EDITED, REQUEST), Revised::Past(_)),
            "approved is approved"
        );
    });
}

#[test]
fn a_change_is_made_only_of_what_was_read_and_by_its_own_account() {
    on_each(|world| {
        let account = world.account("a", 3);
        let other = world.account("b", 3);
        let id = required(world, &account, 1);
        assert!(matches!(edit(world, &other, &id, REQUEST, EDITED), Revised::Unknown));
        assert!(matches!(edit(world, &account, &id, EDITED, REQUEST), Revised::Changed));
        assert!(matches!(edit(world, &account, &id, REQUEST, REQUEST), Revised::Same));
        let asked = id.clone();
        assert!(world.write(move |tx| approval::ask(tx, &asked)));
        let taken = world.claim(&account, "w1").unwrap();
        assert!(matches!(edit(world, &account, &id, REQUEST, EDITED), Revised::BeingShown));
        let by = By::Worker(taken.progress.epoch);
        let failed = id.clone();
        world.write(move |tx| approval::fail(tx, &failed, by, &T, "no")).unwrap();
        assert!(matches!(edit(world, &account, &id, REQUEST, EDITED), Revised::Revised(_)));
        assert_eq!(world.state(&id), State::AwaitingApproval);
    });
}

/// Also when the texts are erased, and changed more than once.
#[test]
fn the_audit_tells_what_was_accepted_and_each_change() {
    on_each(|world| {
        const THIRD: &str = r#"{"jobId":"~021","coverLetter":"And again"}"#;
        let account = world.account("a", 3);
        let id = required(world, &account, 1);
        edit(world, &account, &id, REQUEST, EDITED);
        world.pass(1);
        edit(world, &account, &id, EDITED, THIRD);
        let hash = |text: &str| sha256_hex(text.as_bytes());
        let expected = [("accepted", hash(REQUEST)), ("edited", hash(EDITED)), ("edited", hash(THIRD))];
        let expected: Vec<_> = expected.map(|(act, sha256)| (act.to_owned(), sha256)).into();
        assert_eq!(told(world), expected);
        world.end(&id, applyd_core::outcome::Code::JobClosed);
        world.pass(2 * DAY_MS);
        assert_eq!(world.write(|tx| retention::purge(tx, DAY_MS)), 1);
        assert_eq!(told(world), expected);
    });
}
