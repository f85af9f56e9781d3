//! Copies of an SQLite database: what is in them, what is no usable one, and whose log is whose.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use applyd_store::meta::Taken;
use applyd_store::{Clock, Error, Store, backup, meta};
use rusqlite::Connection;

use crate::engine::on_sqlite;
use crate::world::{START, World, job};

fn database(world: &World) -> PathBuf {
    world.folder.path().join("applyd.db")
}

fn open(path: &Path) -> Result<Store, Error> {
    Store::open_sqlite(path, Clock::System)
}

/// A marked copy of the world's database.
fn copied(world: &World) -> PathBuf {
    let copy = world.folder.path().join("copy.db");
    backup::copy(&database(world), &copy).unwrap();
    backup::mark(&copy, START).unwrap();
    copy
}

fn reason(path: &Path) -> Option<String> {
    open(path).unwrap().read_blocking(meta::verify_only).unwrap()
}

#[test]
fn a_copy_has_what_was_committed_before_while_others_go_on_writing() {
    on_sqlite(|world| {
        let account = world.account("a", 10_000);
        let (stop, mut seen) = (AtomicBool::new(false), 0);
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..2)
                .map(|writer| {
                    let (store, stop, account) = (world.open_again(), &stop, &account);
                    scope.spawn(move || {
                        let mut written = 0;
                        while !stop.load(Ordering::SeqCst) {
                            let new = world.offer(account, &job(writer * 100_000 + written));
                            store.write_blocking(move |tx| applyd_store::queue::accept(tx, &new)).unwrap();
                            written += 1;
                        }
                        written
                    })
                })
                .collect();
            for n in 0..5 {
                let before = backup::check(&database(world)).unwrap().applications;
                let copy = world.folder.path().join(format!("copy{n}.db"));
                backup::copy(&database(world), &copy).unwrap();
                let contents = backup::check(&copy).unwrap();
                assert!(contents.applications >= before.max(seen), "{contents:?}, {before} before");
                assert_eq!(contents.violations, Vec::<String>::new());
                seen = contents.applications;
            }
            stop.store(true, Ordering::SeqCst);
            let written: u64 = others.into_iter().map(|other| other.join().unwrap()).sum();
            assert!(seen > 0 && written > 0, "{seen}, {written}");
        });
    });
}

#[test]
fn a_copy_is_one_file_whose_every_start_is_verify_only() {
    on_sqlite(|world| {
        let account = world.account("a", 2);
        world.accept(&account, &job(1));
        let copy = copied(world);
        let contents = backup::check(&copy).unwrap();
        assert_eq!((contents.accounts, contents.applications), (1, 1));
        assert_eq!(contents.taken, Some(Taken { at: START, schema: contents.schema }));
        assert!(!backup::log_of(&copy).exists());
        let said = reason(&copy).unwrap();
        assert!(said.contains("backup of 2027-01-15T08:00:00"), "{said}");
        assert_eq!(reason(&copy), Some(said), "the next start too");
        assert_eq!(world.read(meta::verify_only), None, "not the one it was made of");
        open(&copy).unwrap().write_blocking(|tx| meta::set_verify_only(tx, None)).unwrap();
        let gone_on = backup::check(&copy).unwrap();
        assert_eq!((gone_on.taken, reason(&copy)), (None, None), "the operator ended it");
    });
}

#[test]
fn what_was_erased_is_in_no_copy() {
    on_sqlite(|world| {
        let raw = Connection::open(database(world)).unwrap();
        let secret = "these words were erased ".repeat(500);
        raw.execute("INSERT INTO meta VALUES ('letter', ?1)", [&secret]).unwrap();
        raw.execute("DELETE FROM meta WHERE name = 'letter'", []).unwrap();
        raw.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let has = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(24).any(|words| words == &secret.as_bytes()[..24])
        };
        assert!(has(&database(world)), "it is still in a free page");
        assert!(!has(&copied(world)));
    });
}

#[test]
fn no_usable_copy_is_told_as_what_it_is() {
    on_sqlite(|world| {
        let account = world.account("a", 2);
        for n in 0..2 {
            world.accept(&account, &job(n));
        }
        let copy = copied(world);
        let whole = std::fs::read(&copy).unwrap();
        let beside = |name: &str, bytes: &[u8]| {
            let path = world.folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let foreign = world.folder.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE meta (x)").unwrap();
        let unsorted = beside("unsorted.db", &whole);
        Connection::open(&unsorted)
            .unwrap()
            .execute_batch(
                "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'application_look'",
            )
            .unwrap();
        for (path, said) in [
            (beside("text.db", &b"no database, but a text ".repeat(100)), "not a database"),
            (beside("empty.db", b""), "no database of applyd"),
            (beside("short.db", &whole[..whole.len() / 2]), "malformed"),
            (foreign, "no database of applyd"),
            (unsorted, "it is damaged"),
            (world.folder.path().join("missing.db"), "no such file"),
        ] {
            let refused = backup::check(&path).unwrap_err();
            let text = refused.to_string();
            assert!(matches!(refused, Error::Unopened { .. }), "{refused:?}");
            assert!(text.contains(said) && text.contains(&path.display().to_string()), "{text}");
        }
        let newer = beside("newer.db", &whole);
        Connection::open(&newer)
            .unwrap()
            .execute("INSERT INTO schema_migration VALUES (999, 0)", [])
            .unwrap();
        assert!(matches!(backup::check(&newer), Err(Error::Newer { found: 999, .. })));
        let poorer = beside("poorer.db", &whole);
        Connection::open(&poorer).unwrap().execute("UPDATE account SET available = 7", []).unwrap();
        let contents = backup::check(&poorer).unwrap();
        assert_ne!(contents.violations, Vec::<String>::new(), "told, and left to whoever asked");
    });
}

#[test]
fn one_that_somebody_has_open_is_not_had_alone() {
    on_sqlite(|world| {
        let refused = backup::alone(&database(world)).err().expect("taken");
        assert!(matches!(refused, Error::InUse(_)), "{refused:?}");
        assert!(refused.to_string().contains("applyd.db"), "{refused}");
        world.account("a", 1);
        world.assert_clean();
    });
}

#[test]
fn one_had_alone_is_all_in_its_file_and_nobody_gets_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let (killed, path) = (folder.path().join("killed.db"), folder.path().join("applyd.db"));
    let store = open(&killed).unwrap();
    store.write_blocking(|tx| meta::set_verify_only(tx, Some("a look"))).unwrap();
    // As a killed process leaves it: what was committed lies in the log.
    std::fs::copy(&killed, &path).unwrap();
    std::fs::copy(backup::log_of(&killed), backup::log_of(&path)).unwrap();
    let alone = backup::alone(&path).unwrap().expect("whole");
    assert!(!backup::log_of(&path).exists());
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    let read = || other.query_row("SELECT value FROM meta WHERE name = 'verify_only'", [], |row| row.get(0));
    assert!(read().unwrap_err().to_string().contains("locked"));
    drop(alone);
    assert_eq!(read().map(|reason: String| reason), Ok("a look".to_owned()));
}

#[test]
fn the_log_of_another_database_is_never_replayed() {
    on_sqlite(|world| {
        let account = world.account("a", 2);
        let copy = copied(world);
        let whole = std::fs::read(&copy).unwrap();
        world.accept(&account, &job(1));
        assert!(!backup::has_stray_log(&database(world)), "this one is its own");
        std::fs::copy(backup::log_of(&database(world)), backup::log_of(&copy)).unwrap();
        for refused in [open(&copy).err(), backup::check(&copy).err()] {
            let text = refused.expect("opened").to_string();
            assert!(text.contains("copy.db-wal is the log of another database"), "{text}");
        }
        assert!(backup::alone(&copy).unwrap().is_none());
        assert_eq!(std::fs::read(&copy).unwrap(), whole, "untouched");
    });
}
