//! A running stand-in, a client of it, and assignments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Crossed, Outcome, Trouble};
use applyd_core::seal::MasterKey;
use applyd_core::terms::{Cents, Price, Terms};
use applyd_sandbox::{Behaviour, Settings, serve, submissions};
use applyd_store::account::{self, Channel};
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::{Clock, Error, Store};
use applyd_upwork::{Assignment, Consent, Endpoint, Fill, Ready, Upwork};
use tokio::net::TcpListener;
use url::Url;

use crate::fresh::Fresh;

pub(crate) const READ_TIMEOUT: Duration = Duration::from_millis(1000);

/// Settings without waiting.
pub(crate) fn fast(behaviour: Behaviour) -> Settings {
    Settings {
        settle_latency: Duration::ZERO..=Duration::ZERO,
        read_latency: Duration::ZERO..=Duration::ZERO,
        slow_answer: Duration::from_millis(300),
        unreadable_for: Duration::from_millis(200),
        deadline: Duration::from_millis(200),
        seed: Some(7),
        behaviour,
        ..Settings::default()
    }
}

/// A stand-in with one account's client.
pub(crate) struct World {
    pub(crate) upwork: Upwork,
    pub(crate) store: Store,
    pub(crate) grantee: Grantee,
    pub(crate) url: Url,
    fresh: Fresh,
}

impl World {
    pub(crate) async fn grant(&self) -> Option<Grant> {
        let grantee = self.grantee.clone();
        let found: Result<_, Error> = self.store.read(move |tx| grant::load(tx, &grantee)).await;
        found.unwrap()
    }

    pub(crate) async fn start() -> Self {
        Self::with(Behaviour::default()).await
    }

    pub(crate) async fn with(behaviour: Behaviour) -> Self {
        Self::from(fast(behaviour), Consent::ByItself).await
    }

    pub(crate) async fn from(settings: Settings, consent: Consent) -> Self {
        let fresh = Fresh::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/mcp", listener.local_addr().unwrap())).unwrap();
        let database = fresh.path().join("sandbox.db");
        tokio::spawn(
            async move { serve(listener, &database, settings, std::future::pending()).await.unwrap() },
        );
        let (store, account) = store(&fresh).await;
        let grantee = Grantee::of_account(account);
        let upwork = client(&store, &url, consent);
        Self { upwork, store, grantee, url, fresh }
    }

    /// An application to a published job, by its four digits.
    pub(crate) fn assignment(&self, number: u16) -> Assignment {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Assignment {
            queue_id: Some(QueueId::new(1_700_000_000_000, NEXT.fetch_add(1, Ordering::Relaxed).into())),
            grantee: self.grantee.clone(),
            org_uid: None,
            job: JobKey::parse(&format!("~02900000000000000{number:04}")).unwrap(),
            terms: Terms {
                cover_letter: "Dear client,\n\n  I  can do this.\n".into(),
                profile_id: None,
                price: Price::Absent,
                timeline: None,
                boost_connects: 0,
                max_connects: None,
                answers: Vec::new(),
                auto_fill: false,
            },
            default_rate: Cents::new(6500),
            fill: Fill::Sandbox,
            approved: None,
        }
    }

    pub(crate) async fn prepare(&self, number: u16) -> Result<Ready, Trouble> {
        self.upwork.prepare(&self.assignment(number), &mut None).await
    }

    /// Another handle on the store, as another process has it.
    pub(crate) fn open_again(&self) -> Store {
        self.fresh.open(Clock::System)
    }

    /// (received, accepted) by the judge's own record.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let record = submissions(&self.fresh.path().join("sandbox.db"), None, None).unwrap();
        record.iter().fold((0, 0), |sum, of_job| (sum.0 + of_job.received, sum.1 + of_job.accepted))
    }

    pub(crate) fn record(&self) -> Vec<applyd_sandbox::Proposal> {
        let record = submissions(&self.fresh.path().join("sandbox.db"), None, None).unwrap();
        record.into_iter().flat_map(|of_job| of_job.proposals).collect()
    }
}

pub(crate) async fn store(fresh: &Fresh) -> (Store, AccountId) {
    let store = fresh.open(Clock::System);
    let account = AccountId::new(1_700_000_000_000, 7);
    let id = account.clone();
    let created: Result<bool, Error> =
        store.write(move |tx| account::create(tx, &id, "agency", Channel::Sandbox)).await;
    assert!(created.unwrap());
    (store, account)
}

pub(crate) fn client(store: &Store, url: &Url, consent: Consent) -> Upwork {
    paced(store, url, consent, None, READ_TIMEOUT)
}

/// A client that shares the rate of an address.
pub(crate) fn paced(
    store: &Store,
    url: &Url,
    consent: Consent,
    egress: Option<&str>,
    read_timeout: Duration,
) -> Upwork {
    let egress = egress.map(str::to_owned);
    let endpoint = Endpoint { url: url.clone(), consent, egress, registration: None };
    Upwork::new(store.clone(), Arc::new(MasterKey::new([7; 32])), endpoint, read_timeout).unwrap()
}

/// The proof of an intent, which tests may make.
#[allow(clippy::disallowed_methods, reason = "tests")]
pub(crate) fn crossed(send_by: Duration, answer_by: Duration) -> Crossed {
    let now = Instant::now();
    Crossed::after_durable_intent(now + send_by, now + answer_by)
}

pub(crate) fn usual() -> Crossed {
    crossed(Duration::from_secs(1), Duration::from_secs(5))
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Trouble>) -> Code {
    match result {
        Err(Trouble::End(ending)) => ending.code,
        other => panic!("{other:?}"),
    }
}

/// The pair of tokens that was answered 401.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Trouble>) -> i64 {
    match result {
        Err(Trouble::Login { pair, .. }) => pair,
        other => panic!("{other:?}"),
    }
}

/// A short name of an outcome.
pub(crate) fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Submitted(submitted) => format!("submitted {}", submitted.proposal().unwrap_or("-")),
        Outcome::Refused(ending) => ending.code.as_str().into(),
        Outcome::NotSent(_) => "not sent".into(),
        Outcome::Unknown(_) => "unknown".into(),
    }
}
