//! Where the login's endpoints are: two documents, each address checked against the pinned hosts.

use serde_json::Value;
use url::Url;

use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::transport::{Transport, status_fault};

const RESOURCE_DOCUMENT: &str = "/.well-known/oauth-protected-resource";
const SERVER_DOCUMENT: &str = "/.well-known/oauth-authorization-server";

/// The endpoints of the login.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// Where this was read.
    pub(crate) documents: [Url; 2],
    /// What tokens are asked for.
    pub(super) resource: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(crate) registration_endpoint: Url,
    pub(super) revocation_endpoint: Option<Url>,
}

impl Metadata {
    /// Reads both documents.
    pub(super) async fn discover(transport: &Transport, endpoint: &Endpoint) -> Result<Self, Fault> {
        let at = endpoint.at(&format!("{RESOURCE_DOCUMENT}{}", endpoint.url.path()));
        let protected = read(transport, at.clone()).await?;
        let resource = protected["resource"].as_str().unwrap_or_default();
        if resource != endpoint.url.as_str() {
            return Err(Fault::Missing("metadata of this resource"));
        }
        let mut server_at = pinned(endpoint, &protected["authorization_servers"][0])?;
        server_at.set_path(SERVER_DOCUMENT);
        let server = read(transport, server_at.clone()).await?;
        Ok(Self {
            documents: [at, server_at],
            resource: resource.to_owned(),
            authorization_endpoint: pinned(endpoint, &server["authorization_endpoint"])?,
            token_endpoint: pinned(endpoint, &server["token_endpoint"])?,
            registration_endpoint: pinned(endpoint, &server["registration_endpoint"])?,
            revocation_endpoint: pinned(endpoint, &server["revocation_endpoint"]).ok(),
        })
    }
}

async fn read(transport: &Transport, url: Url) -> Result<Value, Fault> {
    let answer = transport.fetch(transport.client().get(url).build()?).await?;
    match answer.object() {
        Some(document) if (200..300).contains(&answer.status) => Ok(document),
        _ => Err(status_fault(answer.status, &answer.headers)),
    }
}

fn pinned(endpoint: &Endpoint, value: &Value) -> Result<Url, Fault> {
    let url = value.as_str().and_then(|text| Url::parse(text).ok());
    url.filter(|url| endpoint.admits(url)).ok_or(Fault::Missing("login address at a known host"))
}
