//! What a path names.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// The one variable part of a path. What is no text names nothing, and is answered like any unknown name.
pub(crate) struct Named(pub(crate) String);

impl<S: Sync + Send> FromRequestParts<S> for Named {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let named = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(named.map_or_else(|_| String::new(), |Path(name)| name)))
    }
}
