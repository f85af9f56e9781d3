//! What only SQLite has: its schema's own refusals, its file, its migrations.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use applyd_core::quota::{Endpoint, Period, Wanted};
use applyd_store::grant::{self, Grantee};
use applyd_store::{Clock, Error, Store, rate_limit};
use rusqlite::Connection;

use crate::engine::on_sqlite;
use crate::group::{add, block_on, hand_over, hold_up, names};
use crate::world::{START, World, job};

fn raw(world: &World) -> Connection {
    Connection::open(world.folder.path().join("applyd.db")).unwrap()
}

fn open(path: &Path) -> Result<Store, Error> {
    Store::open_sqlite(path, Clock::Manual(Arc::new(AtomicI64::new(START))))
}

#[test]
fn no_hand_can_rewrite_the_ledger_or_an_intent() {
    on_sqlite(|world| {
        let account = world.account("a", 2);
        world.accept(&account, &job(1));
        world.cross(&account, "w");
        let raw = raw(world);
        for (sql, said) in [
            ("UPDATE ledger_entry SET amount = 2", "append-only"),
            ("UPDATE ledger_entry SET at = at", "append-only"),
            ("DELETE FROM ledger_entry", "append-only"),
            ("DELETE FROM intent", "never deleted"),
            ("UPDATE intent SET epoch = 9", "written once"),
            ("UPDATE intent SET at = 9", "written once"),
            ("UPDATE intent SET freelancer_id = 'x'", "written once"),
            ("UPDATE intent SET org_uid = 'x'", "written once"),
            ("UPDATE intent SET worker = 'x'", "written once"),
            ("UPDATE account SET available = -1", "CHECK"),
            ("UPDATE application SET state = 'sent'", "CHECK"),
            ("UPDATE application SET state = 'applied'", "CHECK"),
            ("UPDATE application SET state = 'failed'", "CHECK"),
            ("INSERT INTO intent SELECT * FROM intent", "UNIQUE"),
        ] {
            let refused = raw.execute(sql, []).expect_err(sql).to_string();
            assert!(refused.contains(said), "{sql}: {refused}");
        }
        raw.execute("UPDATE intent SET closed = 'absent'", []).unwrap();
        let twice = raw.execute("UPDATE intent SET closed = 'submitted'", []).unwrap_err();
        assert!(twice.to_string().contains("closed once"), "{twice}");
    });
}

/// The two partial unique indexes stand behind the rules in Rust.
#[test]
fn the_indexes_hold_where_no_rule_looks() {
    on_sqlite(|world| {
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        world.accept(&account, &job(2));
        world.cross(&account, "w");
        let raw = raw(world);
        let doubled =
            raw.execute("UPDATE application SET job_key = (SELECT min(job_key) FROM application)", []);
        assert!(doubled.unwrap_err().to_string().contains("application.job_key"));
        let slot = raw.execute(
            "UPDATE application SET state = 'leased', worker = 'x', lease_until = 1 WHERE state = 'queued'",
            [],
        );
        assert!(slot.unwrap_err().to_string().contains("application.account_id"));
    });
}

#[test]
fn the_file_is_in_wal_mode_and_stays_so() {
    on_sqlite(|world| {
        let mode: String = raw(world).query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    });
}

/// The assertion at the start must be able to fail: a memory database knows no WAL.
#[test]
fn a_database_without_wal_is_refused() {
    let refused = open(Path::new(":memory:")).err().expect("opened").to_string();
    assert!(refused.contains("journal_mode=WAL") && refused.contains("memory"), "{refused}");
}

#[test]
fn migrations_run_once_and_a_newer_database_is_left_alone() {
    on_sqlite(|world| {
        let account = world.account("a", 1);
        drop(world.open_again());
        let raw = raw(world);
        let versions = || {
            raw.query_row("SELECT count(*), max(version) FROM schema_migration", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
        };
        let (rows, newest) = versions().unwrap();
        assert_eq!(rows, newest, "one row a version");
        assert_eq!(world.balance(&account), (1, 0, 0));
        raw.execute("INSERT INTO schema_migration (version, at) VALUES (?1, 0)", [newest + 1]).unwrap();
        let refused = open(&world.folder.path().join("applyd.db")).err();
        let expected = (newest + 1, newest);
        assert!(
            matches!(refused, Some(Error::Newer { found, known }) if (found, known) == expected),
            "{refused:?}"
        );
        assert_eq!(versions().unwrap(), (rows + 1, newest + 1), "untouched");
    });
}

#[test]
fn what_cannot_be_opened_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (text, missing) = (folder.path().join("text.db"), folder.path().join("no/such/applyd.db"));
    std::fs::write(&text, "this is no database, but a text of some length ".repeat(100)).unwrap();
    for path in [&text, &missing, &folder.path().to_path_buf()] {
        let refused = open(path).err().expect("opened").to_string();
        assert!(refused.contains(&path.display().to_string()), "{refused}");
    }
    assert!(std::fs::read(text).unwrap().starts_with(b"this is no database"), "not overwritten");
}

/// A full disk undoes the whole transaction under the group: what is told is what is stored all the same.
#[test]
fn a_group_that_the_engine_undoes_is_told_so() {
    on_sqlite(|world| {
        raw(world)
            .execute_batch(
                "CREATE TRIGGER full BEFORE INSERT ON account WHEN NEW.name = 'a2'
                 BEGIN SELECT RAISE(ROLLBACK, 'as if the disk were full'); END",
            )
            .unwrap();
        let (go, held) = hold_up(&world.store);
        let waiting: Vec<_> = (0..5).map(|n| hand_over(&world.store, move |tx| add(tx, n))).collect();
        go.send(()).unwrap();
        assert!(block_on(held).is_err(), "it was of the same group");
        let answers: Vec<_> = waiting.into_iter().map(block_on).collect();
        let told: Vec<_> = (0..5).filter(|n| answers[*n].is_ok()).map(|n| format!("a{n}")).collect();
        assert_eq!((&told, told.len()), (&names(&world.store), 2), "{answers:?}");
    });
}

/// A long reader, a checkpoint and a foreign writer: no caller ever hears of a busy database (P17).
#[test]
fn nobody_hears_of_a_busy_database() {
    on_sqlite(|world| {
        let account = world.account("a", 100);
        let reader = raw(world);
        reader.execute_batch("BEGIN").unwrap();
        let seen: i64 = reader.query_row("SELECT count(*) FROM application", [], |row| row.get(0)).unwrap();
        let other = world.open_again();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let store = if n % 2 == 0 { world.store.clone() } else { other.clone() };
                let new = world.offer(&account, &job(n));
                scope.spawn(move || {
                    let accepted = store.write_blocking(move |tx| applyd_store::queue::accept(tx, &new));
                    assert!(accepted.is_ok(), "{accepted:?}");
                });
            }
            scope.spawn(|| raw(world).execute_batch("PRAGMA wal_checkpoint(PASSIVE)").unwrap());
        });
        let still: i64 = reader.query_row("SELECT count(*) FROM application", [], |row| row.get(0)).unwrap();
        assert_eq!((seen, still), (0, 0), "the long reader keeps its moment");
        assert_eq!(world.balance(&account), (84, 16, 0));
    });
}

/// The schema as it was before a migration, with all that came before it.
fn before(path: &Path, migrations: &[&str]) -> Connection {
    let raw = Connection::open(path).unwrap();
    raw.execute_batch(
        "CREATE TABLE schema_migration (version INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL) STRICT",
    )
    .unwrap();
    for (version, sql) in (1..).zip(migrations) {
        raw.execute_batch(sql).unwrap();
        raw.execute("INSERT INTO schema_migration (version, at) VALUES (?1, 1)", [version]).unwrap();
    }
    raw
}

/// The migrations of before.
const OLD: [&str; 14] = [
    include_str!("../../../../migrations/sqlite/0001_init.sql"),
    include_str!("../../../../migrations/sqlite/0002_webhook.sql"),
    include_str!("../../../../migrations/sqlite/0003_stored_job.sql"),
    include_str!("../../../../migrations/sqlite/0004_rate_limit.sql"),
    include_str!("../../../../migrations/sqlite/0005_letter.sql"),
    include_str!("../../../../migrations/sqlite/0006_event_index.sql"),
    include_str!("../../../../migrations/sqlite/0007_timeline_actor.sql"),
    include_str!("../../../../migrations/sqlite/0008_grant_of_person.sql"),
    include_str!("../../../../migrations/sqlite/0009_pause_and_pace.sql"),
    include_str!("../../../../migrations/sqlite/0010_approval.sql"),
    include_str!("../../../../migrations/sqlite/0011_desk.sql"),
    include_str!("../../../../migrations/sqlite/0012_audit.sql"),
    include_str!("../../../../migrations/sqlite/0013_intent_login.sql"),
    include_str!("../../../../migrations/sqlite/0014_open_intent.sql"),
];

#[test]
fn the_grants_of_accounts_become_those_of_their_own_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("applyd.db");
    let account = applyd_core::ids::AccountId::new(START, 1);
    let raw = before(&path, &OLD[..7]);
    raw.execute(
        "INSERT INTO account (id, name, channel, created_at) VALUES (?1, 'a', 'sandbox', 1)",
        [account.as_str()],
    )
    .unwrap();
    raw.execute(
        "INSERT INTO oauth_grant VALUES (?1, 'http://127.0.0.1:1/mcp', '71', 'client', x'00ff', 9, 0, 1)",
        [account.as_str()],
    )
    .unwrap();
    drop(raw);
    let store = open(&path).unwrap();
    let kept: Result<_, Error> =
        store.read_blocking(move |tx| grant::load(tx, &Grantee::of_account(account.clone())));
    let kept = kept.unwrap().unwrap();
    assert_eq!((kept.org_uid.as_deref(), kept.sealed, kept.expires_at), (Some("71"), vec![0, 255], 9));
    assert!(!kept.dead && kept.grantee.freelancer.is_none());
}

#[test]
fn what_a_key_has_used_of_its_day_stays_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("applyd.db");
    let raw = before(&path, &OLD);
    raw.execute_batch(
        "INSERT INTO account (id, name, channel, created_at) VALUES ('acc_1', 'a', 'sandbox', 1);
         INSERT INTO api_key (id, account_id, name, sha256, created_at)
         VALUES ('key_1', 'acc_1', 'default', zeroblob(32), 1);
         INSERT INTO day_count (key_id, endpoint, day, used) VALUES ('key_1', 'apply', 20000, 999)",
    )
    .unwrap();
    drop(raw);
    let store = open(&path).unwrap();
    let day = Wanted { window: Period::Day.window(20_000 * 86_400), limit: 1000, taken: 0 };
    let left =
        store.write_blocking(move |tx| rate_limit::take(tx, "key_1", Endpoint::Apply, &[day])).unwrap();
    assert_eq!((left[0].requests, left[0].taken), (1, 1000));
}

#[test]
fn what_was_done_is_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("applyd.db");
    let store = Store::open_sqlite(&path, Clock::System).unwrap();
    store
        .write_blocking(|tx| {
            applyd_store::audit::note(tx, "paused", "Ada", None, &serde_json::json!({"reason": "a look"}))
        })
        .unwrap();
    drop(store);
    let beside = rusqlite::Connection::open(&path).unwrap();
    beside
        .execute(
            "INSERT INTO timeline (application_id, at, event, detail) VALUES ('q', 1, 'read', 'words')",
            [],
        )
        .unwrap();
    for change in [
        "UPDATE audit SET done_by = 'Ben'",
        "DELETE FROM audit",
        "UPDATE timeline SET at = 2",
        "UPDATE timeline SET detail = 'other words'",
        "UPDATE timeline SET facts = '[]', detail = NULL",
        "DELETE FROM timeline",
    ] {
        assert!(beside.execute(change, []).is_err(), "{change}");
    }
    assert_eq!(beside.execute("UPDATE timeline SET detail = NULL", []).unwrap(), 1, "words may be erased");
}
