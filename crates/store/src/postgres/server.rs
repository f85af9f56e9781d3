//! A PostgreSQL server as the operator names it, and a connection to it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use ::postgres::config::{Host, TargetSessionAttrs};
use ::postgres::error::SqlState;
use ::postgres::{Client, Config, SimpleQueryMessage};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Error, fault};

/// A network that swallows everything is noticed after so long.
const SILENCE: Duration = Duration::from_secs(5);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(2);
const KEEPALIVES_LOST: u32 = 2;
/// SQL that is used here is known since then.
const OLDEST_VERSION: u32 = 140_000;
static FSYNC_OFF: Once = Once::new();
/// Our own word in the URL; the rest of it is PostgreSQL's.
const POOLED: &str = "pooled";

/// A PostgreSQL server, checked as far as a text can be.
#[derive(Debug, Clone)]
pub struct Server {
    config: Config,
    /// A pooler lends a connection for one transaction: nothing may be left on it, and nothing is heard by it.
    pub(crate) is_pooled: bool,
}

impl Server {
    /// Reads a URL as libpq knows it, with one word more: `pooled=1`.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (url, is_pooled) = without_pooled(url)?;
        // The parser's own words may repeat a part of what it was given.
        let mut config: Config = url.parse().map_err(|_| {
            "must be postgres://USER:PASSWORD@HOST:PORT/NAME, with the options of a PostgreSQL URL such as \
             ?sslmode=require"
                .to_owned()
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("names no host".into());
        }
        if config.get_user().is_none() {
            return Err("names no user".into());
        }
        if config.get_application_name().is_none() {
            config.application_name("applyd");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(SILENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        config.keepalives_idle(KEEPALIVE_EVERY).keepalives_interval(KEEPALIVE_EVERY);
        config.keepalives_retries(KEEPALIVES_LOST);
        // A standby, and a primary that has become one, are not for us.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, is_pooled })
    }

    /// Connects, and sees that what is committed there is durable. `warned` is set by a warning that a commit may
    /// not be.
    pub(crate) fn connect(&self, warned: &Arc<AtomicBool>) -> Result<Client, Error> {
        let mut config = self.config.clone();
        let warned = Arc::clone(warned);
        config.notice_callback(move |notice| {
            if *notice.code() == SqlState::WARNING && !fault::is_told("last_anyway") {
                tracing::warn!(notice = notice.message(), "the database warns");
                warned.store(true, Ordering::SeqCst);
            }
        });
        let mut client = config.connect(tls()?).map_err(|error| Error::Unreachable(reason(&error)))?;
        check(&mut client)?;
        Ok(client)
    }
}

/// Takes our own word out of the URL.
fn without_pooled(url: &str) -> Result<(String, bool), String> {
    let Some((address, options)) = url.split_once('?') else { return Ok((url.to_owned(), false)) };
    let (ours, theirs): (Vec<_>, Vec<_>) =
        options.split('&').partition(|option| option.split('=').next() == Some(POOLED));
    let is_pooled = match ours[..] {
        [] | ["pooled=0"] => false,
        ["pooled=1"] => true,
        _ => return Err("may say pooled=1 or pooled=0, once".into()),
    };
    Ok((format!("{address}?{}", theirs.join("&")), is_pooled))
}

fn tls() -> Result<MakeRustlsConnect, Error> {
    let broken = |error: rustls::Error| Error::Engine(format!("TLS cannot be set up: {error}"));
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(broken)?;
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// The protocol stands on commits that outlive a crash, and on text that is what it was.
fn check(client: &mut Client) -> Result<(), Error> {
    let asked = client
        .simple_query(
            "SELECT current_setting('server_version_num'), current_setting('server_encoding'), \
             current_setting('synchronous_commit'), current_setting('fsync')",
        )
        .map_err(|error| Error::Unreachable(reason(&error)))?;
    let Some(SimpleQueryMessage::Row(row)) =
        asked.iter().find(|message| matches!(message, SimpleQueryMessage::Row(_)))
    else {
        return Err(Error::Unreachable("it does not say how it is set up".into()));
    };
    let said = |at| row.get(at).unwrap_or_default();
    if said(0).parse::<u32>().is_ok_and(|version| version < OLDEST_VERSION) {
        return Err(Error::Engine("PostgreSQL 14 or newer is needed".into()));
    }
    if said(1) != "UTF8" {
        return Err(Error::Engine(format!("the database must have the encoding UTF8, it has {}", said(1))));
    }
    if said(2) == "off" {
        return Err(Error::Engine("synchronous_commit is off: what was committed could be lost".into()));
    }
    if said(3) == "off" {
        FSYNC_OFF.call_once(|| {
            tracing::warn!("the server runs with fsync=off: only for tests, a power cut destroys it");
        });
    }
    Ok(())
}

/// What the server said, or why it was not heard.
pub(crate) fn reason(error: &::postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// Without user and password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        });
        let addresses = self.config.get_hostaddrs().iter().map(ToString::to_string);
        let ports = self.config.get_ports();
        let named =
            hosts.chain(addresses).enumerate().map(|(at, host)| match ports.get(at).or(ports.first()) {
                Some(port) => format!("{host}:{port}"),
                None => host,
            });
        let named = named.collect::<Vec<_>>().join(",");
        write!(f, "postgres://{named}/{}", self.config.get_dbname().unwrap_or_default())
    }
}
