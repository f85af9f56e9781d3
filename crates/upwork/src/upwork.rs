//! The client of one MCP server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::QueueId;
use applyd_core::outcome::Trouble;
use applyd_core::seal::MasterKey;
use applyd_store::Store;
use applyd_store::grant::Grantee;

use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::grants::{Access, Grants};
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
    pace: Option<Arc<Pace>>,
    store: Store,
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
        let pace = endpoint.egress.clone().map(|egress| Arc::new(Pace::new(store.clone(), egress)));
        let transport = Arc::new(Transport::new(&endpoint.url, read_timeout)?);
        let endpoint = Arc::new(endpoint);
        let oauth = OAuth::new(transport.clone(), endpoint.clone());
        let grants = Arc::new(Grants::new(store.clone(), key, endpoint.clone(), oauth, read_timeout));
        Ok(Self { inner: Arc::new(Inner { endpoint, transport, grants, pace, store }) })
    }

    /// Refreshes a grant whose pair of tokens was answered 401, unless another is in its place already: calls at the
    /// same time share one refresh, whichever process makes it.
    ///
    /// # Errors
    /// `logged_out` when the server refuses for good; [`Trouble::Reconnecting`] when another try may work.
    pub async fn renew(&self, grantee: &Grantee, refused: i64) -> Result<(), Trouble> {
        self.grants().renew(grantee, refused).await
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(crate) fn grants(&self) -> &Arc<Grants> {
        &self.inner.grants
    }

    /// A new session whose calls are labelled with the id of the application, if they are made for one.
    pub(crate) async fn session(&self, access: &Access, label: Option<&QueueId>) -> Result<Session, Fault> {
        let turns = match (&self.inner.pace, label) {
            (None, _) => None,
            (Some(pace), Some(_)) => Some(pace.patient(&access.grant, self.inner.transport.read_timeout)),
            (Some(pace), None) => Some(pace.hurried(&access.grant).await?),
        };
        let (label, url) = (label.map(QueueId::as_str), self.inner.endpoint.url.clone());
        Session::open(self.inner.transport.clone(), url, access, label, turns).await
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
