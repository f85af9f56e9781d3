//! The client of one MCP server.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use applyd_core::ids::QueueId;
use applyd_core::outcome::Trouble;
use applyd_core::seal::MasterKey;
use applyd_store::Store;
use applyd_store::grant::Grantee;

use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::grants::{Access, Grants};
use crate::listing::{Listing, changed};
use crate::oauth::OAuth;
use crate::pace::Pace;
use crate::session::Session;
use crate::transport::{Transport, Unusable};

/// The client of one MCP server; cheap to clone.
#[derive(Clone)]
pub struct Upwork {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Arc<Endpoint>,
    transport: Arc<Transport>,
    grants: Arc<Grants>,
    /// Of the tools that write, as first seen by this process.
    schema_sha256: OnceLock<String>,
}

impl Upwork {
    /// A client for the server at `endpoint`, with the grants that `store` keeps sealed by `key`. No read is
    /// waited for longer than `read_timeout`.
    ///
    /// # Errors
    /// [`Unusable`]: the HTTP client cannot be set up.
    pub fn new(
        store: Store,
        key: Arc<MasterKey>,
        endpoint: Endpoint,
        read_timeout: Duration,
    ) -> Result<Self, Unusable> {
        let pace = (!endpoint.is_local()).then(Pace::new);
        let transport = Arc::new(Transport::new(&endpoint.url, pace, read_timeout)?);
        let endpoint = Arc::new(endpoint);
        let oauth = OAuth::new(transport.clone(), endpoint.clone());
        let grants = Arc::new(Grants::new(store, key, endpoint.clone(), oauth, read_timeout));
        Ok(Self { inner: Arc::new(Inner { endpoint, transport, grants, schema_sha256: OnceLock::new() }) })
    }

    /// Refreshes a grant after a 401; calls at the same time share one refresh.
    ///
    /// # Errors
    /// `logged_out` when the server refuses for good; [`Trouble::Reconnecting`] when another try may work.
    pub async fn renew(&self, grantee: &Grantee) -> Result<(), Trouble> {
        self.grants().renew(grantee).await
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(crate) fn grants(&self) -> &Arc<Grants> {
        &self.inner.grants
    }

    /// A new session whose calls are labelled with the id of the application, if they are made for one.
    pub(crate) async fn session(&self, access: &Access, label: Option<&QueueId>) -> Result<Session, Fault> {
        let label = label.map(QueueId::as_str);
        let url = self.inner.endpoint.url.clone();
        Session::open(self.inner.transport.clone(), url, &access.bearer, label).await
    }

    /// Holds the tools that write to what this process has seen first; a restart accepts the change.
    pub(crate) fn pin_schemas(&self, listing: &Listing) -> Result<(), Trouble> {
        let seen = self.inner.schema_sha256.get_or_init(|| listing.schema_sha256.clone());
        if *seen == listing.schema_sha256 {
            return Ok(());
        }
        Err(changed("the schema of a tool that writes has changed since the start"))
    }
}

impl fmt::Debug for Upwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Upwork")
            .field("endpoint", &self.inner.endpoint.url.as_str())
            .finish_non_exhaustive()
    }
}
