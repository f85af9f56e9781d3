//! Who asks: the key of a request, proven.

use std::sync::Arc;
use std::time::{Duration, Instant};

use applyd_core::ids::looks_like_api_key;
use applyd_store::api_key::{self, Holder};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::App;
use super::answer::Refused;

const HEADER: &str = "x-api-key";
const MOST_KEYS: usize = 4096;
/// A revocation by command is known within this.
const KNOWN_FOR: Duration = Duration::from_millis(500);

type Hash = [u8; 32];

/// Keys that were found valid a moment ago. What was not found is asked again, so a new key works at once.
pub(crate) struct KeyCache(Cache<Hash, (Arc<Holder>, Instant)>);

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_KEYS))
    }

    fn get(&self, hash: &Hash, now: i64) -> Option<Arc<Holder>> {
        let (holder, at) = self.0.get(hash)?;
        let valid = holder.expires_at.is_none_or(|end| now < end);
        (valid && at.elapsed() < KNOWN_FOR).then_some(holder)
    }
}

/// The holder of the request's one valid key.
pub(crate) struct Caller(pub(crate) Arc<Holder>);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let invalid = || Refused::new(StatusCode::UNAUTHORIZED, "Invalid x-api-key");
        let mut keys = parts.headers.get_all(HEADER).iter();
        let key = keys.next().ok_or_else(|| Refused::new(StatusCode::UNAUTHORIZED, "Missing x-api-key"))?;
        let key = key.to_str().ok().filter(|key| looks_like_api_key(key)).ok_or_else(invalid)?;
        if keys.next().is_some() {
            return Err(invalid());
        }
        let hash: Hash = Sha256::digest(key.as_bytes()).into();
        if let Some(holder) = app.keys.get(&hash, app.store.now()) {
            return Ok(Self(holder));
        }
        let found = app.store.read(move |tx| api_key::holder(tx, &hash)).await?;
        let holder = Arc::new(found.ok_or_else(invalid)?);
        app.keys.0.insert(hash, (Arc::clone(&holder), Instant::now()));
        Ok(Self(holder))
    }
}
