//! A fresh store with a clock that only the test moves, and short words for what tests do with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use applyd_core::approval::Policy;
use applyd_core::draft::Draft;
use applyd_core::ids::{AccountId, KeyId, QueueId};
use applyd_core::job_ref::{JobKey, JobRef};
use applyd_core::ledger::{Balance, Kind};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Dead, Event, Refused, State};
use applyd_core::terms::{Cents, Terms};
use applyd_core::time::Timing;
use applyd_store::account::{self, Channel};
use applyd_store::application::{self, Application};
use applyd_store::freelancer::{self, NewFreelancer, NewProfile};
use applyd_store::queue::{self, Accept, Beside, New};
use applyd_store::{Clock, Error, Store, Tx, event, ledger};
use tempfile::TempDir;

use crate::engine::Engine;

pub(crate) const T: Timing = Timing::DEFAULT;
pub(crate) const START: i64 = 1_800_000_000_000;
pub(crate) const REQUEST: &str = r#"{"jobId":"~021","coverLetter":"Hello 🦀"}"#;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
    clock: Arc<AtomicI64>,
    engine: Engine,
    next: AtomicU64,
}

impl Drop for World {
    fn drop(&mut self) {
        (self.engine.remove)(self.folder.path());
    }
}

/// The nth job.
pub(crate) fn job(n: u64) -> String {
    format!("~02{}", 2_000_000_000_000_000_000 + n)
}

impl World {
    pub(crate) fn new(engine: Engine) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(START)));
        (engine.make)(folder.path());
        let store = (engine.open)(folder.path(), Clock::Manual(Arc::clone(&clock))).unwrap();
        Self { store, folder, clock, engine, next: AtomicU64::new(1) }
    }

    /// Another handle on the same database, as a command beside a running server has.
    pub(crate) fn open_again(&self) -> Store {
        (self.engine.open)(self.folder.path(), Clock::Manual(Arc::clone(&self.clock))).unwrap()
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn set_now(&self, now: i64) {
        self.clock.store(now, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> i64 {
        self.store.now()
    }

    /// Bits that grow, so that ids of one millisecond keep their order.
    pub(crate) fn bits(&self) -> u128 {
        u128::from(self.next.fetch_add(1, Ordering::SeqCst))
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write_blocking(work).unwrap()
    }

    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.read_blocking(work).unwrap()
    }

    pub(crate) fn account(&self, name: &str, credits: i64) -> AccountId {
        self.account_on(name, credits, Channel::Sandbox)
    }

    pub(crate) fn account_on(&self, name: &str, credits: i64, channel: Channel) -> AccountId {
        let (id, name) = (AccountId::new(self.now(), self.bits()), name.to_owned());
        self.write(move |tx| {
            assert!(account::create(tx, &id, &name, channel)?);
            freelancer::add(tx, &id, FREELANCERS)?;
            if credits > 0 {
                ledger::post(tx, &id, None, Kind::Grant, credits)?;
            }
            Ok(id.clone())
        })
    }

    pub(crate) fn offer(&self, account: &AccountId, job: &str) -> New {
        New {
            id: QueueId::new(self.now(), self.bits()),
            account: account.clone(),
            channel: Channel::Sandbox,
            key: KeyId::new(START, 1),
            policy: Policy::None,
            ceiling_connects: None,
            job: JobRef::parse(job).unwrap(),
            terms: terms(),
            fresh_job_id: uuid(self.bits()),
            request: REQUEST.to_owned(),
            timing: T,
            one_takes_ms: Some(T.assumed_ms),
        }
    }

    pub(crate) fn ask(&self, new: New) -> Accept {
        self.write(move |tx| queue::accept(tx, &new))
    }

    /// Accepts what must be acceptable.
    pub(crate) fn accept(&self, account: &AccountId, job: &str) -> QueueId {
        match self.ask(self.offer(account, job)) {
            Accept::Accepted { application, .. } => application.id,
            other => panic!("{job}: {other:?}"),
        }
    }

    pub(crate) fn claim(&self, account: &AccountId, worker: &str) -> Option<Application> {
        let (account, worker) = (account.clone(), worker.to_owned());
        self.write(move |tx| queue::claim(tx, &account, &worker, &T))
    }

    pub(crate) fn try_advance(&self, id: &QueueId, event: Event, by: By) -> Result<Application, Refused> {
        let id = id.clone();
        self.write(move |tx| {
            let beside = Beside { proposal: Some("p1"), ..Beside::default() };
            queue::advance(tx, &id, event.clone(), by, &T, beside)
        })
    }

    pub(crate) fn advance(&self, id: &QueueId, event: Event, by: By) -> Application {
        let said = format!("{event:?} by {by:?}");
        self.try_advance(id, event, by).unwrap_or_else(|refused| panic!("{said}: {refused:?}"))
    }

    /// From the queue to a durable intent; answers the epoch of its sender.
    pub(crate) fn cross(&self, account: &AccountId, worker: &str) -> (QueueId, i64) {
        let leased = self.claim(account, worker).unwrap();
        let epoch = leased.progress.epoch;
        self.advance(&leased.id, arm(), By::Worker(epoch));
        self.advance(&leased.id, cross(), By::Worker(epoch));
        (leased.id, epoch)
    }

    /// From the queue to applied.
    pub(crate) fn apply(&self, account: &AccountId, worker: &str) -> QueueId {
        let (id, epoch) = self.cross(account, worker);
        self.advance(&id, Event::Accepted, By::Sender(epoch));
        self.advance(&id, Event::Seen { site_at: None }, By::Sweeper);
        id
    }

    /// Ends what is not yet sent.
    pub(crate) fn end(&self, id: &QueueId, code: Code) -> Application {
        self.advance(id, Event::End(Ending::of(code)), By::Sweeper)
    }

    pub(crate) fn catch_up(&self, id: &QueueId, dead: Dead) -> Option<Application> {
        let id = id.clone();
        self.write(move |tx| queue::catch_up(tx, &id, &T, |_| dead))
    }

    /// One read of the site that does not answer.
    pub(crate) fn read_in_vain(&self, id: &QueueId) {
        let taken = self.advance(id, Event::Look { worker: "reader".into() }, By::Sweeper);
        self.advance(id, Event::Unreadable { again_ms: T.read_spacing_ms }, By::Worker(taken.progress.epoch));
    }

    pub(crate) fn load(&self, id: &QueueId) -> Application {
        let id = id.clone();
        self.read(move |tx| application::load(tx, &id)).unwrap()
    }

    pub(crate) fn state(&self, id: &QueueId) -> State {
        self.load(id).progress.state
    }

    pub(crate) fn events(&self, id: &QueueId) -> Vec<String> {
        let id = id.clone();
        self.read(move |tx| event::types(tx, &id))
    }

    pub(crate) fn balance(&self, account: &AccountId) -> (i64, i64, i64) {
        let name = account.as_str().to_owned();
        let Balance { available, held, spent } =
            self.read(move |tx| account::find(tx, &name)).unwrap().balance;
        (available, held, spent)
    }

    pub(crate) fn assert_clean(&self) {
        let report = self.read(ledger::verify);
        assert!(report.violations.is_empty(), "{:?}", report.violations);
    }
}

pub(crate) const HASH: &str = "7e12";

pub(crate) fn arm() -> Event {
    Event::Arm { terms_sha256: HASH.into() }
}

pub(crate) fn cross() -> Event {
    Event::Cross { terms_sha256: HASH.into() }
}

/// What the request asks for.
pub(crate) fn terms() -> Terms {
    let members = applyd_core::json::object(REQUEST.as_bytes()).unwrap();
    let request = serde_json::from_value(serde_json::Value::Object(members)).unwrap();
    Draft::parse(request).unwrap().terms
}

pub(crate) fn uuid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

pub(crate) fn key(job: &str) -> JobKey {
    JobKey::parse(job).unwrap()
}

pub(crate) const FREELANCERS: &[NewFreelancer<'_>] = &[
    NewFreelancer {
        id: "fl_1",
        name: "Ada",
        profiles: &[
            NewProfile { id: "pf_1", title: "Data", hourly_rate: Cents::new(7000), is_default: false },
            NewProfile { id: "pf_2", title: "Rust", hourly_rate: Cents::new(6500), is_default: true },
        ],
    },
    NewFreelancer {
        id: "fl_2",
        name: "Ben",
        profiles: &[NewProfile {
            id: "pf_3",
            title: "Text",
            hourly_rate: Cents::new(4000),
            is_default: true,
        }],
    },
];
