//! Start and graceful stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use applyd_store::account::Channel;
use applyd_store::{
    Clock, Database, Error, ServeLock, Store, delivery, event, meta, oauth_client, tool_schema,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::config::{Settings, Webhooks};
use crate::dashboard::Dashboard;
use crate::http::{App, KeyCache, Quota, raise_file_limit, router, serve};
use crate::letter::Letters;
use crate::marketplaces::Marketplaces;
use crate::master_key::{has_sealed, master_key};
use crate::news::{self, News};
use crate::node;
use crate::notify::Notifier;
use crate::work::{Heartbeat, Leases, Pace, Wakes, Worker, dispatch, recover_others, sweep};
use crate::{drift, metrics, notify, verify_only};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error("{0}")]
    Store(#[from] Error),
    /// The numbers for Prometheus.
    #[error("{0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The client of the marketplace.
    #[error("{0}")]
    Upwork(#[from] applyd_upwork::Unusable),
    /// The first start could not make the key.
    #[error("cannot make the master key {file}: {source}")]
    Key {
        /// Its path.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A file or an address.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Names what was tried when an I/O error has to be told.
pub(crate) trait Tried<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, StartError>;
}

impl<T> Tried<T> for std::io::Result<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, StartError> {
        self.map_err(|source| StartError::Io { what: what(), source })
    }
}

/// A server that answers.
pub struct Running {
    /// Where the API listens, if it does.
    pub address: Option<SocketAddr>,
    leave: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    stop_delay: Duration,
    api: Option<JoinHandle<()>>,
    workers: JoinHandle<()>,
    deliveries: JoinHandle<()>,
    sweeper: JoinHandle<()>,
    follower: JoinHandle<()>,
    checker: JoinHandle<()>,
    quota: Arc<Quota>,
    store: Store,
    metrics: Option<JoinHandle<()>>,
    sandbox: Option<Embedded>,
    _heartbeat: Heartbeat,
    _lock: ServeLock,
}

struct Embedded {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Opens the store of these settings; also for commands that work beside a running server.
///
/// # Errors
/// As [`Store::open`].
pub fn open_store(database: &Database) -> Result<Store, Error> {
    Store::open(database, Clock::System)
}

/// Starts everything; the server answers when this returns.
///
/// # Errors
/// What could not be opened, read or listened on; nothing runs then.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    raise_file_limit();
    // Of a shared database each node has its own lock, beside its witness.
    let lock = ServeLock::take(settings.database.file().unwrap_or(&settings.witness_file))?;
    let letters = Arc::new(Letters::new(settings.letters.clone())?);
    let store = open_store(&settings.database)?;
    let has_sealed = store.read(has_sealed).await?;
    let key = Arc::new(master_key(&settings.master_key_file, !has_sealed)?);
    let node = node::name(&settings)?;
    let identity = identity(&store).await?;
    let witness = verify_only::check(&store, &settings, &identity).await?;
    let listener = match settings.listen {
        Some(at) => Some(TcpListener::bind(at).await.tried(|| format!("cannot listen on {at}"))?),
        None => None,
    };
    let address = listener.as_ref().map(TcpListener::local_addr).transpose();
    let address = address.tried(|| "cannot read the listening address".into())?;
    let (sandbox, embedded) = sandbox(&settings).await?;
    if embedded.is_some() {
        // A part of this program: with it, its tools may change from start to start.
        store.write(|tx| tool_schema::forget(tx, Channel::Sandbox)).await?;
    }
    let kept = [sandbox.to_string(), settings.upwork.endpoint.to_string()];
    store.write(move |tx| oauth_client::forget_unused(tx, [&kept[0], &kept[1]])).await?;

    let timing = settings.timing;
    let lease = Duration::from_millis(timing.lease_ms.unsigned_abs());
    let leases = Arc::new(Leases::new(&node, lease));
    let heartbeat = Heartbeat::start(store.clone(), Arc::clone(&leases), timing)
        .tried(|| "cannot start the heartbeat thread".into())?;
    let worker = Arc::new(Worker {
        marketplaces: Marketplaces::new(&store, &key, sandbox.clone(), &settings)?,
        store: store.clone(),
        timing,
        retention: settings.retention,
        leases: Arc::clone(&leases),
        witness,
        news: Arc::new(News::new(settings.status_answers)),
        wakes: Arc::new(Wakes::default()),
        pace: Arc::new(Pace::new(timing.assumed_ms)),
        letters: Arc::clone(&letters),
        workers: settings.workers,
        trusts_negative_reads: settings.upwork.trust_negative_reads,
    });
    // What the recovery tells is heard of too.
    let told_so_far = store.read(event::reach).await?;
    recover_others(&worker).await?;
    if settings.database.file().is_some() {
        // The lock says that whoever attempted these is dead. Of other nodes it says nothing: their leases end.
        store.write(delivery::release).await?;
    }
    let Webhooks { rules, schedule } = settings.webhooks.clone();
    let notifier = Notifier::new(store.clone(), Arc::clone(&key), rules.clone(), schedule);
    let (leave, left) = watch::channel(false);
    let (stop, stopped) = watch::channel(false);
    let metrics = metrics_of(&settings, &store, &stopped).await?;
    let quota = Arc::new(Quota::new(settings.database.file().is_some()));
    let app = App {
        store: store.clone(),
        timing,
        news: Arc::clone(&worker.news),
        leases,
        wakes: Arc::clone(&worker.wakes),
        pace: Arc::clone(&worker.pace),
        marketplaces: worker.marketplaces.clone(),
        key,
        rules,
        sandbox: submissions_of(&sandbox),
        keys: KeyCache::new(),
        letters,
        quota: Arc::clone(&quota),
        rate_limits: settings.rate_limits,
        streams: Arc::default(),
        dashboard: Dashboard::default(),
        witness: worker.witness.clone(),
        leave: left.clone(),
        stop: stopped.clone(),
    };
    let router = router(Arc::new(app));
    let follower = tokio::spawn(news::follow(store.clone(), Arc::clone(&worker.news), told_so_far));
    let checker = tokio::spawn(drift::keep_checking(
        store.clone(),
        worker.marketplaces.clone(),
        settings.upwork.endpoint.to_string(),
    ));
    let api = listener.map(|listener| tokio::spawn(serve(listener, router, told(stopped))));
    let deliveries =
        tokio::spawn(notify::dispatch(Arc::new(notifier), Arc::clone(&worker.news), told(left.clone())));
    let workers = tokio::spawn(dispatch(Arc::clone(&worker), told(left)));
    let sweeper = tokio::spawn(sweep(worker));
    Ok(Running {
        address,
        leave,
        stop,
        stop_delay: settings.stop_delay,
        api,
        workers,
        deliveries,
        sweeper,
        follower,
        checker,
        quota,
        store,
        metrics,
        sandbox: embedded,
        _heartbeat: heartbeat,
        _lock: lock,
    })
}

impl Running {
    /// Stops taking leases, finishes or hands back what is held, answers what was asked.
    pub async fn stop(self) {
        self.leave.send_replace(true);
        if self.api.is_some() {
            tokio::time::sleep(self.stop_delay).await;
        }
        self.stop.send_replace(true);
        // A task that panicked has ended as well, and has been logged.
        if let Some(api) = self.api {
            let _ = api.await;
        }
        let _ = self.workers.await;
        let _ = self.deliveries.await;
        if let Some(metrics) = self.metrics {
            let _ = metrics.await;
        }
        self.sweeper.abort();
        self.follower.abort();
        self.checker.abort();
        if let Err(error) = self.quota.give_back(&self.store).await {
            tracing::warn!(%error, "what is left of the limits could not be given back");
        }
        if let Some(embedded) = self.sandbox {
            embedded.stop.send_replace(true);
            let _ = embedded.task.await;
        }
    }
}

/// The operator's own listener, if there is to be one.
async fn metrics_of(
    settings: &Settings,
    store: &Store,
    stopped: &watch::Receiver<bool>,
) -> Result<Option<JoinHandle<()>>, StartError> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    metrics::start()?;
    let listener = TcpListener::bind(address).await.tried(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr().tried(|| "cannot read the address of the metrics".into())?;
    tracing::info!(%address, "metrics are served");
    Ok(Some(tokio::spawn(serve(listener, metrics::router(store.clone()), told(stopped.clone())))))
}

/// Waits for the stop.
pub(crate) async fn told(mut stopped: watch::Receiver<bool>) {
    // The sender going away is a stop too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn identity(store: &Store) -> Result<String, Error> {
    let fresh = format!("store-{:032x}", fastrand::u128(..));
    store.write(move |tx| meta::identity(tx, &fresh)).await
}

/// The stand-in's address; embedded, it is started here.
async fn sandbox(settings: &Settings) -> Result<(Url, Option<Embedded>), StartError> {
    if let Some(url) = &settings.sandbox.endpoint {
        return Ok((url.clone(), None));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.tried(|| "cannot listen for the sandbox".into())?;
    let address = listener.local_addr().tried(|| "cannot read the sandbox's address".into())?;
    let url = Url::parse(&format!("http://{address}/mcp"))
        .map_err(std::io::Error::other)
        .tried(|| format!("the sandbox's address {address} makes no URL"))?;
    let (stop, stopped) = watch::channel(false);
    let (database, behaviour) = (settings.sandbox.database.clone(), settings.sandbox.settings.clone());
    let task = tokio::spawn(async move {
        if let Err(error) = applyd_sandbox::serve(listener, &database, behaviour, told(stopped)).await {
            tracing::error!(%error, "the sandbox has stopped");
        }
    });
    Ok((url, Some(Embedded { stop, task })))
}

fn submissions_of(mcp: &Url) -> Url {
    let mut url = mcp.clone();
    url.set_path("/sandbox/submissions");
    url
}
