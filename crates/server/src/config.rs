//! Settings: flag over environment over file over default.

mod duration;
mod layers;
mod letters;
mod retention;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use applyd_core::retention::Kept;
use applyd_core::time::Timing;
use applyd_store::Database;
use applyd_upwork::is_local;
use serde::Deserialize;
use url::Url;

use duration::{Span, Spread};
pub use layers::{Invalid, Overrides};
use letters::RawLetters;
pub use letters::{Chat, Key, Letters};
use retention::RawRetention;
use webhooks::RawWebhooks;
pub use webhooks::Webhooks;

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API listens; `None`: this node only works.
    pub listen: Option<SocketAddr>,
    /// The store's database.
    pub database: Database,
    /// The key that seals grants.
    pub master_key_file: PathBuf,
    /// The node's witness.
    pub witness_file: PathBuf,
    /// Applications worked on at once.
    pub workers: usize,
    /// Status answers kept in memory.
    pub status_answers: usize,
    /// Whether keys are held to the API's limits.
    pub rate_limits: bool,
    /// Where `/metrics` is served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How long it still answers after it was told to stop.
    pub stop_delay: Duration,
    /// The stand-in.
    pub sandbox: Sandbox,
    /// Upwork's own server.
    pub upwork: Upwork,
    /// Telling receivers.
    pub webhooks: Webhooks,
    /// How long what has ended is kept.
    pub retention: Kept,
    /// The protocol's limits.
    pub timing: Timing,
    /// Who writes letters.
    pub letters: Letters,
}

/// Settings of the stand-in marketplace.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Its address; `None`: in this process.
    pub endpoint: Option<Url>,
    /// Its memory.
    pub database: PathBuf,
    /// How it behaves.
    pub settings: applyd_sandbox::Settings,
}

/// Settings of the channel `upwork`.
#[derive(Debug, Clone)]
pub struct Upwork {
    /// Its MCP server; a stand-in on this machine for tests.
    pub endpoint: Url,
    /// The name of the address that it is asked from, at a shared rate; `None`: without waiting.
    pub egress: Option<String>,
    /// Where this installation is registered, if not where the server says.
    pub registration_endpoint: Option<Url>,
    /// Whether complete reads that find nothing settle a lost answer.
    pub trust_negative_reads: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    listen: String,
    database: String,
    master_key_file: String,
    witness_file: String,
    workers: usize,
    status_answers: usize,
    rate_limits: Switch,
    metrics_listen: String,
    stop_delay: Span,
    sandbox: RawSandbox,
    upwork: RawUpwork,
    webhooks: RawWebhooks,
    retention: RawRetention,
    timing: RawTiming,
    letters: RawLetters,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    Off,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSandbox {
    endpoint: String,
    database: String,
    settle_latency: Spread,
    read_latency: Spread,
    slow_answer: Span,
    list_lag: Span,
    unreadable_for: Span,
    token_life: Span,
    seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUpwork {
    endpoint: String,
    pace: RawPace,
    egress: String,
    registration_endpoint: String,
    trust_negative_reads: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawPace {
    Auto,
    On,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTiming {
    intent_cutoff: Span,
    deadline: Span,
    send_by: Span,
    answer_by: Span,
    lease: Span,
    heartbeat: Span,
    drain: Span,
    read_spacing: Span,
    read_timeout: Span,
    retry_base: Span,
    assumed: Span,
}

const MOST_WORKERS: usize = 1024;
const MOST_STATUS_ANSWERS: usize = 1 << 20;
/// With what comes after it, the stop ends within its 30 s.
const LONGEST_STOP_DELAY_MS: i64 = 20_000;

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    /// The key that is wrong, what was found and what is allowed.
    pub fn load(overrides: &Overrides) -> Result<Self, Invalid> {
        let raw: Raw = layers::merged(overrides)?;
        let listen = Some(address("listen", &raw.listen)?);
        let metrics_listen = Some(raw.metrics_listen.as_str()).filter(|given| !given.is_empty());
        let metrics_listen = metrics_listen.map(|given| address("metrics_listen", given)).transpose()?;
        let database = Database::parse(&raw.database).map_err(|rule| Invalid::new("database", &rule))?;
        let beside = |given: &str, name: &str| match database.file() {
            Some(file) if given.is_empty() => file.with_file_name(name),
            // Beside a database on a server is where the server's node was started.
            _ => PathBuf::from(if given.is_empty() { name } else { given }),
        };
        if raw.workers > MOST_WORKERS {
            return Err(Invalid::new("workers", "must be from 0 to 1024"));
        }
        if raw.status_answers > MOST_STATUS_ANSWERS {
            return Err(Invalid::new("status_answers", "must be from 0 to 1048576"));
        }
        if raw.stop_delay.ms() > LONGEST_STOP_DELAY_MS {
            return Err(Invalid::new("stop_delay", "must be from 0s to 20s"));
        }
        let timing = raw.timing.checked()?;
        Ok(Self {
            listen,
            master_key_file: beside(&raw.master_key_file, "master.key"),
            witness_file: beside(&raw.witness_file, &witness_name(database.file())),
            workers: raw.workers,
            status_answers: raw.status_answers,
            rate_limits: matches!(raw.rate_limits, Switch::On),
            metrics_listen,
            stop_delay: Duration::from_millis(raw.stop_delay.ms().unsigned_abs()),
            sandbox: raw.sandbox.checked(&timing, beside)?,
            upwork: raw.upwork.checked()?,
            webhooks: raw.webhooks.checked()?,
            retention: raw.retention.checked()?,
            timing,
            letters: raw.letters.checked()?,
            database,
        })
    }
}

fn address(key: &str, given: &str) -> Result<SocketAddr, Invalid> {
    given.parse().map_err(|_| Invalid::new(key, "must be an address and a port such as 127.0.0.1:8080"))
}

/// Named after its database: two databases in one folder are two stores.
fn witness_name(file: Option<&Path>) -> String {
    let name = file.and_then(Path::file_name).map(|name| name.to_string_lossy());
    format!("{}.witness", name.as_deref().unwrap_or("applyd"))
}

impl RawTiming {
    fn checked(&self) -> Result<Timing, Invalid> {
        let timing = Timing {
            intent_cutoff_ms: self.intent_cutoff.ms(),
            deadline_ms: self.deadline.ms(),
            send_by_ms: self.send_by.ms(),
            answer_by_ms: self.answer_by.ms(),
            lease_ms: self.lease.ms(),
            heartbeat_ms: self.heartbeat.ms(),
            drain_ms: self.drain.ms(),
            read_spacing_ms: self.read_spacing.ms(),
            read_timeout_ms: self.read_timeout.ms(),
            retry_base_ms: self.retry_base.ms(),
            assumed_ms: self.assumed.ms(),
        };
        timing.checked().map_err(|(key, rule)| Invalid::new(&format!("timing.{key}"), rule))
    }
}

impl RawSandbox {
    fn checked(self, timing: &Timing, beside: impl Fn(&str, &str) -> PathBuf) -> Result<Sandbox, Invalid> {
        let endpoint = match self.endpoint.as_str() {
            "embedded" => None,
            address => Some(Url::parse(address).map_err(|_| {
                Invalid::new(
                    "sandbox.endpoint",
                    "must be \"embedded\" or a URL such as http://127.0.0.1:9000/mcp",
                )
            })?),
        };
        if self.slow_answer.ms() >= timing.answer_by_ms {
            return Err(Invalid::new("sandbox.slow_answer", "must be below timing.answer_by"));
        }
        Ok(Sandbox {
            endpoint,
            database: beside(&self.database, "sandbox.db"),
            settings: applyd_sandbox::Settings {
                settle_latency: self.settle_latency.into(),
                read_latency: self.read_latency.into(),
                slow_answer: self.slow_answer.into(),
                list_lag: self.list_lag.into(),
                unreadable_for: self.unreadable_for.into(),
                deadline: Duration::from_millis(timing.deadline_ms.unsigned_abs()),
                seed: (self.seed != 0).then_some(self.seed),
                behaviour: applyd_sandbox::Behaviour {
                    token_life: self.token_life.into(),
                    ..applyd_sandbox::Behaviour::default()
                },
            },
        })
    }
}

impl RawUpwork {
    fn checked(self) -> Result<Upwork, Invalid> {
        let given = Some(self.registration_endpoint).filter(|given| !given.is_empty());
        let registration = given.map(|given| safe("upwork.registration_endpoint", &given)).transpose()?;
        let endpoint = safe("upwork.endpoint", &self.endpoint)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(1..=64).contains(&self.egress.len()) || !self.egress.chars().all(is_name) {
            return Err(Invalid::new("upwork.egress", "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -"));
        }
        let is_paced = matches!(self.pace, RawPace::On) || !is_local(&endpoint);
        Ok(Upwork {
            endpoint,
            egress: is_paced.then_some(self.egress),
            registration_endpoint: registration,
            trust_negative_reads: self.trust_negative_reads,
        })
    }
}

fn safe(key: &str, given: &str) -> Result<Url, Invalid> {
    let rule = "must be an https URL such as https://mcp.upwork.com/mcp; plain http for this machine only";
    Url::parse(given).ok().filter(is_safe).ok_or_else(|| Invalid::new(key, rule))
}

/// Tokens travel encrypted, or stay on this machine; an address holds none.
fn is_safe(url: &Url) -> bool {
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_bare && (url.scheme() == "https" && url.has_host() || is_local(url))
}
