#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Instant;

use applyd_core::delivery::State;
use applyd_core::ids::{AccountId, WebhookId};
use applyd_core::signature::verify;
use applyd_core::webhook::Types;
use applyd_store::account::{self, Channel};
use applyd_store::delivery::{Delivery, list};
use applyd_store::webhook::{self, New};
use applyd_store::{Clock, Tx};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::*;
use crate::fresh::Fresh;
use crate::news::News;
use crate::notify::dispatch;

struct World {
    store: Store,
    notifier: Arc<Notifier>,
    _fresh: Fresh,
}

impl World {
    fn new() -> Self {
        let fresh = Fresh::new();
        let store = fresh.open(Clock::System);
        let allowed_networks = vec!["127.0.0.1/32".parse().unwrap()];
        let rules = Rules { allow_http: true, allowed_networks };
        let schedule = Schedule { retries_ms: vec![0, 60_000], disable_after_ms: 60_000 };
        let key = Arc::new(MasterKey::new([1; 32]));
        let notifier = Arc::new(Notifier::new(store.clone(), key, rules, schedule));
        Self { store, notifier, _fresh: fresh }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write(work).await.unwrap()
    }

    /// A webhook of an account of its own, with so many events waiting.
    async fn webhook(&self, url: String, events: usize) -> (WebhookId, Secret) {
        self.webhooks(url, 1, events).await.remove(0)
    }

    /// So many of one account, with so many events waiting at each.
    async fn webhooks(&self, url: String, count: usize, events: usize) -> Vec<(WebhookId, Secret)> {
        let account = AccountId::new(self.store.now(), fastrand::u128(..));
        let mut made = Vec::new();
        let mut all = Vec::new();
        for _ in 0..count {
            let id = WebhookId::new(self.store.now(), fastrand::u128(..));
            let (secret, sealed) = secret::make(&self.notifier.key, &id).unwrap();
            let (account, url) = (account.clone(), url.clone());
            all.push(New { id: id.clone(), account, url, types: Types::Every, secret: sealed });
            made.push((id, secret));
        }
        self.write(move |tx| {
            account::create(tx, &account, account.as_str(), Channel::Sandbox)?;
            for new in &all {
                assert!(webhook::create(tx, new)?);
                for _ in 0..events {
                    assert!(delivery::test(tx, &account, &new.id)?.is_some());
                }
            }
            Ok(())
        })
        .await;
        made
    }

    async fn deliveries(&self, webhook: &WebhookId) -> Vec<Delivery> {
        let webhook = webhook.clone();
        self.store.read(move |tx| list(tx, &webhook, 1000, 0)).await.unwrap().deliveries
    }
}

/// Answers each request with 200 and tells what it was.
async fn receiver() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
                while !bytes.ends_with(b"}}") {
                    let read = stream.read(&mut some).await.unwrap();
                    assert_ne!(read, 0, "broken off");
                    bytes.extend_from_slice(&some[..read]);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                // Not every test listens.
                let _ = tell.send(String::from_utf8(bytes).unwrap());
            });
        }
    });
    (url, told)
}

/// Takes connections and never answers.
async fn hanging() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn one_step_delivers_what_is_due_and_signs_it() {
    let (world, (url, mut told)) = (World::new(), receiver().await);
    let (id, secret) = world.webhook(url, 1).await;
    let mut tasks = JoinSet::new();
    assert_eq!(step(&world.notifier, &mut tasks).await.unwrap(), 1);
    assert_eq!(step(&world.notifier, &mut tasks).await.unwrap(), 0, "it is leased");
    tasks.join_all().await;
    let request = told.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let all = head.lines().filter_map(|line| line.split_once(": "));
        all.filter(|(found, _)| *found == name).map(|(_, value)| value).next().unwrap()
    };
    let (at, signature) = (header("webhook-timestamp").parse().unwrap(), header("webhook-signature"));
    let now = world.store.now() / 1000;
    assert_eq!(verify(&secret, header("webhook-id"), at, body.as_bytes(), signature, now), Ok(()));
    let delivered = world.deliveries(&id).await.remove(0);
    assert_eq!((delivered.state, delivered.attempts), (State::Delivered, 1));
    assert_eq!(step(&world.notifier, &mut JoinSet::new()).await.unwrap(), 0);
}

#[tokio::test]
async fn an_address_that_the_rules_no_longer_allow_is_not_reached() {
    let (world, (listener, url)) = (World::new(), hanging().await);
    let guarded = url.replace("127.0.0.1", "127.0.0.2");
    let (id, _) = world.webhook(guarded, 1).await;
    let mut tasks = JoinSet::new();
    step(&world.notifier, &mut tasks).await.unwrap();
    tasks.join_all().await;
    let failed = world.deliveries(&id).await.remove(0);
    assert_eq!((failed.state, failed.attempts, failed.last_status), (State::Pending, 1, None));
    assert!(failed.last_failure.unwrap().contains("address"));
    drop(listener);
}

#[tokio::test]
async fn a_secret_of_another_key_is_no_failure_of_the_receiver() {
    let (world, (url, mut told)) = (World::new(), receiver().await);
    let (id, _) = world.webhook(url, 1).await;
    let Notifier { store, rules, schedule, .. } = &*world.notifier;
    let key = Arc::new(MasterKey::new([2; 32]));
    let wrong = Arc::new(Notifier::new(store.clone(), key, rules.clone(), schedule.clone()));
    let mut tasks = JoinSet::new();
    assert_eq!(step(&wrong, &mut tasks).await.unwrap(), 1);
    tasks.join_all().await;
    let held = world.deliveries(&id).await.remove(0);
    assert_eq!((held.state, held.attempts), (State::Pending, 0));
    assert!(held.last_failure.unwrap().contains("cannot open the secret"));
    assert!(held.due_at.unwrap() > store.now() + 30_000, "not at once");
    let owner = id.clone();
    let found = store.read(move |tx| {
        let account = webhook::owner(tx, &owner)?.unwrap();
        webhook::find(tx, &account, &owner)
    });
    assert_eq!(found.await.unwrap().unwrap().failing_since, None);
    assert!(told.try_recv().is_err(), "nothing is sent unsigned");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_receivers_of_one_account_do_not_hold_up_another() {
    let (world, (listener, slow)) = (World::new(), hanging().await);
    world.webhooks(slow, 20, 4).await;
    let (stop, mut stopped) = watch::channel(false);
    let running = tokio::spawn(dispatch(Arc::clone(&world.notifier), Arc::new(News::new(1)), async move {
        stopped.changed().await.unwrap();
    }));
    let _held = listener.accept().await.unwrap();
    let (url, mut told) = receiver().await;
    world.webhook(url, 1).await;
    let arrived = tokio::time::timeout(LONGEST_EXCHANGE / 3, told.recv()).await;
    assert!(arrived.is_ok(), "it waits for receivers of another account");
    stop.send(true).unwrap();
    running.await.unwrap();
}

/// submission-protocol.md P22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_for_a_dead_receiver_do_not_hold_up_the_others() {
    const EACH: usize = 20;
    let (world, (_listener, dead)) = (World::new(), hanging().await);
    world.webhook(dead, 10_000).await;
    let (url, mut told) = receiver().await;
    let mut living = Vec::new();
    for _ in 0..20 {
        living.push(world.webhook(url.clone(), EACH).await.0);
    }
    let (stop, mut stopped) = watch::channel(false);
    let begun = Instant::now();
    let running = tokio::spawn(dispatch(Arc::clone(&world.notifier), Arc::new(News::new(1)), async move {
        stopped.changed().await.unwrap();
    }));
    for _ in 0..living.len() * EACH {
        told.recv().await.unwrap();
    }
    let took = begun.elapsed();
    stop.send(true).unwrap();
    running.await.unwrap();
    let mut waits = Vec::new();
    for id in &living {
        let deliveries = world.deliveries(id).await;
        waits.extend(deliveries.iter().map(|one| one.delivered_at.unwrap() - one.created_at));
    }
    waits.sort_unstable();
    let p95 = waits[waits.len() * 95 / 100];
    assert!(p95 <= 5_000, "p95 {p95} ms, all within {took:?}");
}
