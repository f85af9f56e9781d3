//! The site's rate: what several processes ask together, judged by the stand-in's own clock.

use std::time::{Duration, Instant};

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::Trouble;
use applyd_core::pace::Kind;
use applyd_sandbox::{Behaviour, Rate};
use applyd_store::Error;
use applyd_store::pace::{self, Bucket};
use applyd_upwork::{Consent, Upwork};
use tokio::task::JoinSet;

use crate::world::{World, paced};

/// A little above ours, as calls are under way for a moment.
const SITE: Rate = Rate::Buckets {
    burst_calls: 5,
    sensitive_refill: Duration::from_millis(4_900),
    plain_refill: Duration::from_millis(980),
};
/// Two beyond the burst.
const READS: usize = 7;

/// No turn of an application is waited for longer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

async fn world(rate: Rate) -> World {
    World::with(Behaviour { rate, ..Behaviour::default() }).await
}

/// Clients as two processes have them: each with its own handle on the one database.
fn two(world: &World, egress: Option<&str>) -> [Upwork; 2] {
    let other = world.open_again();
    [&world.store, &other].map(|store| paced(store, &world.url, Consent::ByItself, egress, READ_TIMEOUT))
}

async fn read(world: &World, client: &Upwork) -> Result<(), Trouble> {
    client.read_job(&world.grantee, &job()).await.map(|_| ())
}

fn job() -> JobKey {
    JobKey::parse("~029000000000000000001").unwrap()
}

/// All but the first at once; what failed, and how long all took.
async fn read_all(world: &World, clients: &[Upwork; 2]) -> (Vec<Trouble>, Duration) {
    let begun = Instant::now();
    // The grant is there from then on: each read is one session and one sensitive call.
    read(world, &clients[0]).await.unwrap();
    let mut reads = JoinSet::new();
    for n in 1..READS {
        let (client, account) = (clients[n % 2].clone(), world.grantee.clone());
        reads.spawn(async move { client.read_job(&account, &job()).await });
    }
    let failed = reads.join_all().await.into_iter().filter_map(Result::err).collect();
    (failed, begun.elapsed())
}

#[tokio::test]
async fn two_processes_together_keep_to_the_rate() {
    let world = world(SITE).await;
    let (failed, took) = read_all(&world, &two(&world, Some("default"))).await;
    assert!(failed.is_empty(), "the stand-in had nothing to refuse: {failed:?}");
    assert!(took > Duration::from_secs(9), "{took:?}");
    let free = self::world(SITE).await;
    let (failed, _) = read_all(&free, &two(&free, None)).await;
    assert!(!failed.is_empty(), "without the budget they are too fast");
}

#[tokio::test]
async fn what_the_site_asks_one_process_to_wait_the_other_waits_too() {
    const MINUTE: Duration = Duration::from_secs(60);
    let slow = Rate::Buckets { burst_calls: 1, sensitive_refill: MINUTE, plain_refill: Duration::ZERO };
    let world = world(slow).await;
    let [one, other] = two(&world, Some("default"));
    read(&world, &one).await.unwrap();
    assert!(matches!(read(&world, &one).await, Err(Trouble::Passing { after_ms: Some(50_000..), .. })));
    let begun = Instant::now();
    match read(&world, &other).await {
        Err(Trouble::Passing { reason, .. }) => assert!(reason.contains("no turn"), "{reason}"),
        told => panic!("{told:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "a caller is told at once");
    assert!(matches!(
        other.prepare(&world.assignment(1), &mut None).await,
        Err(Trouble::Passing { after_ms: Some(30_000..), .. })
    ));
}

#[tokio::test]
async fn who_cannot_be_served_in_time_takes_no_turn_from_an_application() {
    let world = world(Rate::Unlimited).await;
    let [one, _] = two(&world, Some("default"));
    let bucket = Bucket { of: "egress:default".into(), kind: Kind::Sensitive };
    let held = [bucket.clone()];
    let done: Result<(), Error> = world.store.write(move |tx| pace::hold(tx, &held, 60_000)).await;
    done.unwrap();
    let plain = Bucket { kind: Kind::Plain, ..bucket };
    let wait = |calls| {
        let plain = plain.clone();
        world.store.read(move |tx| pace::wait_ms(tx, &plain, calls))
    };
    assert!(matches!(read(&world, &one).await, Err(Trouble::Passing { after_ms: Some(1..), .. })));
    assert_eq!(wait(5).await.unwrap(), 0, "the whole burst is still there");
    // An application's read waits for no more than the read timeout, and what it waited for is given back.
    let begun = Instant::now();
    let prepared = one.prepare(&world.assignment(1), &mut None).await;
    assert!(matches!(prepared, Err(Trouble::Passing { after_ms: Some(1..), .. })));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_turn_that_nobody_waits_for_any_more_is_given_back() {
    let world = world(Rate::Unlimited).await;
    let [one, _] = two(&world, Some("default"));
    read(&world, &one).await.unwrap();
    let egress = Bucket { of: "egress:default".into(), kind: Kind::Sensitive };
    let held = [egress.clone()];
    let done: Result<(), Error> = world.store.write(move |tx| pace::hold(tx, &held, 15_000)).await;
    done.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(500), read(&world, &one)).await;
    assert!(gone.is_err(), "it waits for its turn");
    // Sooner than the bucket fills by itself.
    let begun = Instant::now();
    loop {
        let egress = egress.clone();
        let wait_ms: i64 = world.store.read(move |tx| pace::wait_ms(tx, &egress, 1)).await.unwrap();
        if wait_ms <= 15_000 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{wait_ms} ms");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
