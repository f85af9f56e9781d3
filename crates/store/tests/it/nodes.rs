//! What only a shared database has: a network to it, other nodes, and answers to a COMMIT that are lost.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use applyd_core::ids::AccountId;
use applyd_core::ledger::Kind;
use applyd_store::account::{self, Channel};
use applyd_store::{Clock, Database, Error, Store, Tx, application, freelancer, ledger, meta, queue};

use crate::engine::on_postgres;
use crate::group::{add, block_on, names};
use crate::postgres;
use crate::wire::{Fate, Wire};
use crate::world::{FREELANCERS, World, job};

/// Of its patience with a database that it cannot reach.
const PATIENCE: Duration = Duration::from_secs(10);

const LOOKS: usize = 100;

/// A node of its own on the world's database, with a network between.
fn node(world: &World) -> (Wire, Store) {
    let url = postgres::url(&postgres::named(world.folder.path()));
    let (user, rest) = url.trim_start_matches("postgres://").split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let wire = Wire::to(server.to_owned());
    let database = Database::parse(&format!("postgres://{user}@127.0.0.1:{}/{name}", wire.port)).unwrap();
    let store = Store::open(&database, Clock::System).unwrap();
    (wire, store)
}

fn grant(store: &Store, account: &AccountId, runs: &Arc<AtomicUsize>) -> Result<(), Error> {
    let (account, runs) = (account.clone(), Arc::clone(runs));
    store.write_blocking(move |tx| {
        runs.fetch_add(1, Ordering::SeqCst);
        ledger::post(tx, &account, None, Kind::Grant, 1).map(|_| ())
    })
}

#[test]
fn a_commit_whose_answer_is_lost_is_made_once_and_told_as_made() {
    on_postgres(|world| {
        let account = world.account("a", 0);
        let (wire, store) = node(world);
        for (turn, fate) in [Fate::BreakAfter, Fate::BreakBefore, Fate::Swallow].into_iter().enumerate() {
            let runs = Arc::new(AtomicUsize::new(0));
            wire.set(fate);
            grant(&store, &account, &runs).unwrap_or_else(|error| panic!("{fate:?}: {error}"));
            assert_eq!(wire.befallen(), turn as u64 + 1, "{fate:?} befell a commit");
            assert_eq!(world.balance(&account).0, turn as i64 + 1, "{fate:?}: neither lost nor made twice");
            let expected = if fate == Fate::BreakAfter { 1 } else { 2 };
            assert_eq!(runs.load(Ordering::SeqCst), expected, "{fate:?}: run again only where it was undone");
        }
    });
}

/// As a synchronous standby that is waited for in vain: the server says so by a warning at the COMMIT.
#[test]
fn a_commit_that_may_not_last_is_told_as_made_only_when_a_later_one_lasts() {
    on_postgres(|world| {
        let account = world.account("a", 0);
        let mut raw = postgres::raw(world.folder.path());
        raw.batch_execute(
            "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE WARNING 'might not have been replicated'; RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON ledger_entry
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()",
        )
        .unwrap();
        let runs = Arc::default();
        grant(&world.store, &account, &runs).unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 1, "a later commit without a warning proves it");
        raw.batch_execute(
            "CREATE CONSTRAINT TRIGGER warn AFTER INSERT OR UPDATE ON write_group
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()",
        )
        .unwrap();
        let told = grant(&world.store, &account, &runs);
        assert!(matches!(told, Err(Error::Unknown)), "{told:?}");
        raw.batch_execute("DROP FUNCTION warn() CASCADE").unwrap();
        grant(&world.store, &account, &runs).unwrap();
    });
}

#[test]
fn a_database_that_comes_back_in_time_is_waited_for_and_one_that_does_not_is_named() {
    on_postgres(|world| {
        let (wire, store) = node(world);
        store.write_blocking(|tx| add(tx, 1)).unwrap();
        wire.set(Fate::Down);
        let (begun, waiting) = (Instant::now(), store.clone());
        let write = std::thread::spawn(move || waiting.write_blocking(|tx| add(tx, 2)));
        let read = store.read_blocking(account::list);
        assert!(matches!(read, Err(Error::Unreachable(_))), "{read:?}");
        let write = write.join().unwrap();
        assert!(matches!(write, Err(Error::Unreachable(_))), "{write:?}");
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 3, "{:?}", begun.elapsed());
        let waiting = store.clone();
        let write = std::thread::spawn(move || waiting.write_blocking(|tx| add(tx, 3)));
        wire.set(Fate::Pass);
        write.join().unwrap().unwrap();
        assert_eq!(names(&store), ["a1", "a3"], "what was told as not made is not made");
    });
}

/// Each looks whether it may, and does: one of two at the same moment must not.
#[test]
fn two_nodes_never_both_act_on_what_only_one_may() {
    on_postgres(|world| {
        let other = world.open_again();
        for round in 0..20 {
            let account = world.account(&format!("a{round}"), 1);
            let both = Arc::new(Barrier::new(2));
            let accepted: Vec<_> = std::thread::scope(|scope| {
                let started: Vec<_> = [&world.store, &other]
                    .into_iter()
                    .zip([1, 2])
                    .map(|(store, n)| {
                        let (new, both) = (world.offer(&account, &job(round * 10 + n)), Arc::clone(&both));
                        scope.spawn(move || {
                            both.wait();
                            store.write_blocking(move |tx| queue::accept(tx, &new)).unwrap()
                        })
                    })
                    .collect();
                started.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let taken =
                accepted.iter().filter(|accept| matches!(accept, queue::Accept::Accepted { .. })).count();
            assert_eq!(
                (taken, world.balance(&account)),
                (1, (0, 1, 0)),
                "one credit, one application: {accepted:?}"
            );
        }
    });
}

/// Jobs of one group want their accounts in any order. The server breaks a circle only after a second, in which nobody
/// of it gets on.
#[test]
fn nodes_that_want_the_same_accounts_do_not_wait_in_a_circle() {
    const NODES: usize = 3;
    const CALLERS: usize = 48;
    const ROUNDS: usize = 10;
    on_postgres(|world| {
        let accounts: Vec<_> = (0..20).map(|n| world.account(&format!("a{n}"), 0)).collect();
        let mut raw = postgres::raw(world.folder.path());
        let mut number = |of: &str| -> i64 { raw.query_one(of, &[]).unwrap().get(0) };
        let connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
        let before = number(connected);
        let nodes: Vec<_> = (0..NODES).map(|_| world.open_again()).collect();
        let runs = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for (caller, node) in (0..CALLERS).flat_map(|caller| nodes.iter().map(move |node| (caller, node)))
            {
                let (accounts, runs) = (&accounts, &runs);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        grant(node, &accounts[(caller + round) % accounts.len()], runs).unwrap();
                    }
                });
            }
        });
        drop(nodes);
        // A connection tells at its end what befell it.
        while number(connected) > before {
            std::thread::yield_now();
        }
        let circles = number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
        assert!(circles <= 1, "{circles}: more than a machine that stands still for a second explains");
        let granted: i64 = accounts.iter().map(|account| world.balance(account).0).sum();
        assert_eq!(granted, (NODES * CALLERS * ROUNDS) as i64);
    });
}

/// Sums of one table go into another, on two nodes: only one after the other gives what either order would.
#[test]
fn what_two_nodes_read_and_write_is_as_if_one_came_after_the_other() {
    on_postgres(|world| {
        let other = world.open_again();
        let skewed = |tx: &Tx<'_>, name: &str| -> Result<bool, Error> {
            // Both names may be made only while there is none.
            if !account::list(tx)?.is_empty() {
                return Ok(false);
            }
            account::create(tx, &AccountId::new(tx.now(), fastrand(name)), name, Channel::Sandbox)
        };
        let both = Arc::new(Barrier::new(2));
        let made: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> = [(&world.store, "one"), (&other, "two")]
                .into_iter()
                .map(|(store, name)| {
                    let both = Arc::clone(&both);
                    scope.spawn(move || {
                        both.wait();
                        store.write_blocking(move |tx| skewed(tx, name)).unwrap()
                    })
                })
                .collect();
            started.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
        assert_eq!(names(&world.store).len(), 1);
    });
}

fn fastrand(name: &str) -> u128 {
    name.bytes().map(u128::from).sum()
}

#[test]
fn a_hint_of_one_node_is_heard_by_another() {
    on_postgres(|world| {
        let other = world.open_again();
        let account = world.account("a", 1);
        let mut hints = other.hints();
        let new = world.offer(&account, &job(1));
        let heard = block_on(async {
            // The listener's own start rings too.
            let first = tokio::time::timeout(PATIENCE, hints.next()).await;
            world.store.write(move |tx| queue::accept(tx, &new)).await.unwrap();
            first.and(tokio::time::timeout(PATIENCE, hints.next()).await)
        });
        heard.expect("no hint");
    });
}

/// As a standby, and a primary that has become one: nothing could be written there, and what is read may be old.
#[test]
fn a_server_that_takes_no_writes_is_refused_for_reads_too() {
    on_postgres(|world| {
        let name = postgres::named(world.folder.path());
        let set = |to: &str| {
            postgres::client()
                .batch_execute(&format!(
                    r#"ALTER DATABASE "{name}" SET default_transaction_read_only = {to}"#
                ))
                .unwrap();
        };
        let (wire, store) = node(world);
        set("on");
        let database = Database::parse(&postgres::url(&name)).unwrap();
        let refused = Store::open(&database, Clock::System).err().map(|error| error.to_string());
        assert!(refused.as_ref().is_some_and(|told| told.contains("does not allow writes")), "{refused:?}");
        // Connections that were there are lost in a failover, and the next ones are refused as well.
        wire.set(Fate::Down);
        wire.set(Fate::Pass);
        let read = store.read_blocking(account::list).map(|_| ());
        assert!(
            matches!(&read, Err(Error::Unreachable(why)) if why.contains("does not allow writes")),
            "{read:?}"
        );
        set("off");
        store.read_blocking(account::list).unwrap();
    });
}

#[test]
fn a_password_is_never_told() {
    let parsed =
        Database::parse("postgres://ada:s3cret@db.example:6432,other:1/applyd?sslmode=require").unwrap();
    assert_eq!(parsed.to_string(), "postgres://db.example:6432,other:1/applyd");
    assert!(!format!("{parsed:?}").contains("s3cret"));
    for wrong in [
        "postgres://ada:s3cret@db.example:port/applyd",
        "postgres://ada:s3cret@db.example/applyd?sslmode=s3cret",
        "postgres://ada:s3cret@db.example/applyd?pooled=maybe",
        "postgres:///applyd",
        "mysql://ada:s3cret@db.example/applyd",
        "sqlite:",
    ] {
        let refused = Database::parse(wrong).err().unwrap_or_else(|| panic!("{wrong} was taken"));
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}

#[test]
fn a_database_is_moved_whole_and_its_old_file_is_not_worked_with_any_more() {
    on_postgres(|world| {
        // The world's own database is the new one; the old one is a file in its folder.
        let file = world.folder.path().join("old.db");
        let old = Store::open_sqlite(&file, Clock::Manual(Arc::new(AtomicI64::new(world.now())))).unwrap();
        let account = AccountId::new(world.now(), 7);
        let strange = "Tab\t, line\nand \\ back\\N slash: Žluťoučký 🦀".to_owned();
        let (of, named) = (account.clone(), strange.clone());
        old.write_blocking(move |tx| {
            account::create(tx, &of, &named, Channel::Sandbox)?;
            freelancer::add(tx, &of, FREELANCERS)?;
            ledger::post(tx, &of, None, Kind::Grant, 5)
        })
        .unwrap();
        for n in 1..=3 {
            let new = world.offer(&account, &job(n));
            old.write_blocking(move |tx| queue::accept(tx, &new)).unwrap();
        }
        let first = old.read_blocking(move |tx| queue::overdue(tx, 10)).unwrap();
        assert!(first.is_empty());
        let applications = |store: &Store| {
            let account = account.clone();
            store.read_blocking(move |tx| application::unsettled(tx, &account)).unwrap()
        };
        let before = format!("{:?}", applications(&old));
        drop(old);
        let to = Database::parse(&postgres::url(&postgres::named(world.folder.path()))).unwrap();
        let moved = applyd_store::transfer(&file, &to, |_| {}).unwrap();
        assert_eq!((moved.accounts, moved.applications), (1, 3));
        assert_eq!(names(&world.store), [strange]);
        assert_eq!(world.balance(&account), (2, 3, 0));
        assert_eq!(format!("{:?}", applications(&world.store)), before);
        let refused = Store::open_sqlite(&file, Clock::System).err();
        assert!(matches!(refused, Some(Error::Moved(ref place)) if *place == to.to_string()), "{refused:?}");
        let again = applyd_store::transfer(&file, &to, |_| {}).unwrap_err().to_string();
        assert!(again.contains("is not empty"), "{again}");
        // What counts by itself goes on after what was brought along.
        world.write(move |tx| ledger::post(tx, &account, None, Kind::Grant, 1).map(|_| ()));
    });
}

/// Whether writing works is asked of each node every second.
#[test]
fn nodes_that_look_whether_writing_works_are_not_in_each_other_s_way() {
    on_postgres(|world| {
        let (other, runs, both) = (world.open_again(), Arc::new(AtomicUsize::new(0)), Barrier::new(2));
        std::thread::scope(|scope| {
            for store in [&world.store, &other] {
                scope.spawn(|| {
                    for _ in 0..LOOKS {
                        both.wait();
                        let runs = Arc::clone(&runs);
                        let look = move |tx: &Tx<'_>| {
                            runs.fetch_add(1, Ordering::SeqCst);
                            meta::touch(tx)
                        };
                        store.write_blocking(look).unwrap();
                    }
                });
            }
        });
        assert_eq!(runs.load(Ordering::SeqCst), 2 * LOOKS, "none was undone for the other's sake");
        // It is a look all the same: nothing can be written, and it says so.
        let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'no space left'; END $$;
             CREATE TRIGGER full_disk BEFORE INSERT ON write_group FOR EACH ROW EXECUTE FUNCTION full_disk()";
        postgres::raw(world.folder.path()).batch_execute(full).unwrap();
        let told = world.store.write_blocking(meta::touch);
        assert!(matches!(&told, Err(Error::Engine(why)) if why.contains("no space left")), "{told:?}");
    });
}
