//! The seam itself: groups of writes, failures that stay alone, reads of one moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::{LazyLock, mpsc};
use std::task::{Context, Poll, Waker};

use applyd_core::ids::AccountId;
use applyd_store::account::{self, Channel};
use applyd_store::{Error, Store, Tx, meta};

use tokio::runtime::Runtime;

use crate::engine::on_each;

/// More than one group holds.
const WRITES: usize = 600;

/// A wait for the store has a limit, and that needs a clock.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap());

pub(crate) type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

/// Hands a write over to the store now; what it answers comes later.
pub(crate) fn hand_over<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Waiting<T> {
    let store = store.clone();
    let mut waiting: Waiting<T> = Box::pin(async move { store.write(work).await });
    let _entered = RUNTIME.enter();
    let polled = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "answered before the commit");
    waiting
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

pub(crate) fn add(tx: &Tx<'_>, n: usize) -> Result<(), Error> {
    let id = AccountId::new(tx.now(), n as u128);
    assert!(account::create(tx, &id, &format!("a{n}"), Channel::Sandbox)?, "a{n} twice");
    Ok(())
}

pub(crate) fn names(store: &Store) -> Vec<String> {
    let all = store.read_blocking(account::list).unwrap();
    all.into_iter().map(|account| account.name).collect()
}

/// A write that stands in the writer until it is let go.
pub(crate) fn hold_up(store: &Store) -> (mpsc::Sender<()>, Waiting<()>) {
    let (go, wait) = mpsc::channel();
    let held = hand_over(store, move |_| {
        wait.recv().unwrap();
        Ok(())
    });
    (go, held)
}

#[test]
fn in_a_group_each_failure_undoes_only_itself() {
    on_each(|world| {
        let (go, held) = hold_up(&world.store);
        let waiting: Vec<_> = (0..WRITES)
            .map(|n| {
                hand_over(&world.store, move |tx| {
                    add(tx, n)?;
                    match n % 3 {
                        1 => Err(Error::Damaged("wanted".into())),
                        2 => panic!("wanted"),
                        _ => Ok(n),
                    }
                })
            })
            .collect();
        go.send(()).unwrap();
        block_on(held).unwrap();
        for (n, waiting) in waiting.into_iter().enumerate() {
            let answer = block_on(waiting);
            match n % 3 {
                0 => assert_eq!(answer.unwrap(), n),
                1 => assert!(matches!(answer, Err(Error::Damaged(_))), "{answer:?}"),
                _ => assert!(matches!(answer, Err(Error::Panicked)), "{answer:?}"),
            }
        }
        let expected: Vec<_> = (0..WRITES).step_by(3).map(|n| format!("a{n}")).collect();
        assert_eq!(names(&world.store), expected);
        assert_eq!(names(&world.open_again()), expected, "as another process sees it");
    });
}

#[test]
fn a_broken_rule_of_the_schema_undoes_its_whole_closure() {
    on_each(|world| {
        let broken: Result<(), Error> = world.store.write_blocking(|tx| {
            add(tx, 1)?;
            let taken = AccountId::new(tx.now(), 1);
            account::create(tx, &taken, "other", Channel::Sandbox)?;
            Ok(())
        });
        assert!(matches!(broken, Err(Error::Engine(_))), "{broken:?}");
        assert!(names(&world.store).is_empty());
    });
}

#[test]
fn what_was_answered_is_seen_by_every_later_read() {
    on_each(|world| {
        let other = world.open_again();
        for n in 0..50 {
            world.write(move |tx| meta::set_verify_only(tx, Some(&n.to_string())));
            // Both readers of the handle and those of the other one.
            for store in [&world.store, &world.store, &other, &other] {
                let seen = store.read_blocking(meta::verify_only).unwrap();
                assert_eq!(seen, Some(n.to_string()));
            }
        }
    });
}

/// Two statements of one closure see one moment, even when a write was committed between them.
#[test]
fn a_read_is_of_one_moment() {
    on_each(|world| {
        world.write(|tx| meta::set_verify_only(tx, Some("before")));
        let (begun, has_begun) = mpsc::channel();
        let (go, wait) = mpsc::channel();
        let store = world.store.clone();
        let reader = std::thread::spawn(move || {
            store.read_blocking(move |tx| {
                let first = meta::verify_only(tx)?;
                begun.send(()).unwrap();
                wait.recv().unwrap();
                Ok::<_, Error>((first, meta::verify_only(tx)?))
            })
        });
        has_begun.recv().unwrap();
        world.write(|tx| meta::set_verify_only(tx, Some("after")));
        go.send(()).unwrap();
        let (first, second) = reader.join().unwrap().unwrap();
        assert_eq!((first.as_deref(), second.as_deref()), (Some("before"), Some("before")));
        assert_eq!(world.read(meta::verify_only).as_deref(), Some("after"), "and the next read is fresh");
    });
}

#[test]
fn a_reader_survives_a_panic_and_changes_nothing() {
    on_each(|world| {
        for _ in 0..4 {
            let panicked = world.store.read_blocking(|_| -> Result<(), Error> { panic!("wanted") });
            assert!(matches!(panicked, Err(Error::Panicked)), "{panicked:?}");
        }
        let refused = world.store.read_blocking(|tx| add(tx, 1));
        assert!(matches!(refused, Err(Error::Engine(_))), "a read wrote: {refused:?}");
        assert!(names(&world.store).is_empty());
        world.write(|tx| add(tx, 2));
        assert_eq!(names(&world.store), ["a2"]);
    });
}

#[test]
fn what_was_taken_in_is_finished_when_the_store_is_dropped() {
    on_each(|world| {
        let store = world.open_again();
        let (go, held) = hold_up(&store);
        let waiting: Vec<_> = (0..10).map(|n| hand_over(&store, move |tx| add(tx, n))).collect();
        // The callers go away without their answers; the last handle goes after them.
        drop((held, waiting));
        let dropping = std::thread::spawn(move || drop(store));
        go.send(()).unwrap();
        dropping.join().unwrap();
        assert_eq!(names(&world.store).len(), 10);
    });
}

#[test]
fn a_full_queue_says_so_at_once() {
    on_each(|world| {
        let (go, held) = hold_up(&world.store);
        let mut waiting = Vec::new();
        let full = loop {
            let n = waiting.len();
            let store = world.store.clone();
            let mut next: Waiting<()> = Box::pin(async move { store.write(move |tx| add(tx, n)).await });
            let _entered = RUNTIME.enter();
            match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => waiting.push(next),
                Poll::Ready(answer) => break answer,
            }
            assert!(waiting.len() < 100_000, "the queue has no limit");
        };
        assert!(matches!(full, Err(Error::Busy)), "{full:?}");
        go.send(()).unwrap();
        block_on(held).unwrap();
        let taken = waiting.len();
        waiting.into_iter().for_each(|waiting| block_on(waiting).unwrap());
        assert_eq!(names(&world.store).len(), taken, "what was taken in is done, no more and no less");
    });
}
