//! Who acts at the desk: the token of a person, proven and counted. It is no key, and a key is no token.

use std::sync::Arc;

use applyd_core::ids::looks_like_person_token;
use applyd_core::quota::{Endpoint, Limits};
use applyd_store::person;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use super::App;
use super::account::{asked, count};
use super::quota::Asker;
use super::refused::Refused;

const SCHEME: &str = "bearer";

/// The person of the request's one valid token. People are slow and few: the store is asked each time, so that a
/// revocation counts at once.
pub(crate) struct Person(pub(crate) person::Person);

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let endpoint = asked(parts)?;
        let hash = Sha256::digest(token(parts)?.as_bytes()).into();
        let found = app.store.read(move |tx| person::at_desk(tx, &hash)).await?;
        let person = found.ok_or(Refused::InvalidToken)?;
        let usage = app.quota.of(Asker::Person(person.id.clone()), app.store.now());
        count(app, &usage, endpoint, limits(&person, endpoint)).await?;
        Ok(Self(person))
    }
}

/// The one token, as RFC 6750 writes it.
fn token(parts: &Parts) -> Result<&str, Refused> {
    let mut all = parts.headers.get_all(AUTHORIZATION).iter();
    let only = all.next().ok_or(Refused::MissingToken)?;
    if all.next().is_some() {
        return Err(Refused::InvalidToken);
    }
    let (scheme, token) =
        only.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refused::InvalidToken)?;
    let is_token = scheme.eq_ignore_ascii_case(SCHEME) && looks_like_person_token(token);
    if is_token { Ok(token) } else { Err(Refused::InvalidToken) }
}

fn limits(person: &person::Person, endpoint: Endpoint) -> Limits {
    let own = person.limits.iter().find(|(of, _)| *of == endpoint);
    own.map_or_else(|| endpoint.limits(), |(_, limits)| *limits)
}
