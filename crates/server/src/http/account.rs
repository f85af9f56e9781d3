//! Who asks, and how much: the key of a request, proven and counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use applyd_core::ids::looks_like_api_key;
use applyd_core::quota::{Endpoint, Limits};
use applyd_store::api_key::{self, Holder};
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::App;
use super::quota::{self, Asker, Usage};
use super::refused::Refused;
use crate::request::Answering;

const HEADER: &str = "x-api-key";
const MOST_KEYS: usize = 4096;
/// A revocation by command is known within this.
const KNOWN_FOR: Duration = Duration::from_millis(500);

type Hash = [u8; 32];

/// Keys that were found valid a moment ago. What was not found is asked again, so a new key works at once.
pub(crate) struct KeyCache(Cache<Hash, Known>);

#[derive(Clone)]
struct Known {
    holder: Arc<Holder>,
    usage: Arc<Usage>,
    at: Instant,
}

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_KEYS))
    }

    fn get(&self, hash: &Hash, now: i64) -> Option<Known> {
        let known = self.0.get(hash)?;
        let valid = known.holder.expires_at.is_none_or(|end| now < end);
        (valid && known.at.elapsed() < KNOWN_FOR).then_some(known)
    }
}

/// The holder of the request's one valid key, whose request is counted and within its limit.
pub(crate) struct Caller(pub(crate) Arc<Holder>);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let endpoint = asked(parts)?;
        let admitted = admit(parts, app, endpoint).await;
        admitted.map_err(|refused| if endpoint.is_data_read() { refused.coded() } else { refused })
    }
}

/// The endpoint of a route whose callers are counted.
pub(super) fn asked(parts: &Parts) -> Result<Endpoint, Refused> {
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let Some(endpoint) = quota::endpoint(&parts.method, route) else {
        tracing::error!(method = %parts.method, route, "a route with a key has no limit");
        return Err(Refused::Internal);
    };
    Answering::asks(endpoint);
    Ok(endpoint)
}

/// Counts a request, unless nobody is held to limits.
pub(super) async fn count(
    app: &App,
    usage: &Usage,
    endpoint: Endpoint,
    limits: Limits,
) -> Result<(), Refused> {
    if app.rate_limits {
        let taken = usage.take(&app.store, endpoint, limits).await?;
        let (Ok(standing) | Err(standing)) = taken;
        Answering::counted(standing);
        taken.map_err(|standing| Refused::Limited { standing, now_s: app.store.now() / 1000 })?;
    }
    Ok(())
}

async fn admit(parts: &Parts, app: &App, endpoint: Endpoint) -> Result<Caller, Refused> {
    let known = known(parts, app).await?;
    count(app, &known.usage, endpoint, known.holder.limits_of(endpoint)).await?;
    Ok(Caller(known.holder))
}

async fn known(parts: &Parts, app: &App) -> Result<Known, Refused> {
    let mut keys = parts.headers.get_all(HEADER).iter();
    let key = keys.next().ok_or(Refused::MissingKey)?;
    let key = key.to_str().ok().filter(|key| looks_like_api_key(key)).ok_or(Refused::InvalidKey)?;
    if keys.next().is_some() {
        return Err(Refused::InvalidKey);
    }
    let hash: Hash = Sha256::digest(key.as_bytes()).into();
    if let Some(known) = app.keys.get(&hash, app.store.now()) {
        return Ok(known);
    }
    let found = app.store.read(move |tx| api_key::holder(tx, &hash)).await?;
    let holder = found.ok_or(Refused::InvalidKey)?;
    let usage = app.quota.of(Asker::Key(holder.key.clone()), app.store.now());
    let known = Known { holder: Arc::new(holder), usage, at: Instant::now() };
    app.keys.0.insert(hash, known.clone());
    Ok(known)
}
