//! `Idempotency-Key`: the first answer to a key is the answer to its repeats.

use applyd_core::ids::AccountId;
use applyd_core::refusal::Refusal;
use applyd_core::terms::sha256_hex;
use applyd_store::idempotency::{self, Saved};
use applyd_store::{Error, Tx};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};

use super::answer::ready;
use super::refused::Refused;

const HEADER: &str = "idempotency-key";
const LONGEST_KEY_CHARS: usize = 255;

/// A key with what it was sent for.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    key: String,
    sha256: String,
}

impl Key {
    /// Reads the header, if it is there. `path` is the route, one for all its aliases.
    pub(crate) fn read(
        headers: &HeaderMap,
        path: &str,
        body: &Map<String, Value>,
    ) -> Result<Option<Self>, Refused> {
        let mut given = headers.get_all(HEADER).iter();
        let Some(key) = given.next() else { return Ok(None) };
        let printable = |key: &&str| {
            (1..=LONGEST_KEY_CHARS).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        let key =
            key.to_str().ok().filter(printable).filter(|_| given.next().is_none()).ok_or_else(|| {
                let rule = "`Idempotency-Key` must stand once, with 1 to 255 printable ASCII characters";
                Refusal::shape("Idempotency-Key", rule)
            })?;
        // Members are sorted in a `Map`, so equal JSON values have equal text.
        let canonical = Value::Object(body.clone()).to_string();
        Ok(Some(Self { key: key.to_owned(), sha256: sha256_hex(format!("{path}\n{canonical}").as_bytes()) }))
    }

    /// The first answer, if this key has one.
    pub(crate) fn replay(&self, tx: &Tx<'_>, account: &AccountId) -> Result<Option<Replay>, Error> {
        let saved = idempotency::find(tx, account, &self.key)?;
        Ok(saved.map(|saved| if saved.sha256 == self.sha256 { Replay::Same(saved) } else { Replay::Other }))
    }

    /// Keeps the first answer.
    pub(crate) fn save(
        &self,
        tx: &Tx<'_>,
        account: &AccountId,
        status: StatusCode,
        body: &str,
    ) -> Result<(), Error> {
        let status = i64::from(status.as_u16());
        let saved = Saved { sha256: self.sha256.clone(), status, body: body.to_owned() };
        idempotency::save(tx, account, &self.key, &saved)
    }
}

/// What a key was answered before.
pub(crate) enum Replay {
    /// To the same body.
    Same(Saved),
    /// To another body.
    Other,
}

impl Replay {
    pub(crate) fn answer(self) -> Result<Response, Refused> {
        match self {
            Self::Same(saved) => {
                let status =
                    u16::try_from(saved.status).ok().and_then(|code| StatusCode::from_u16(code).ok());
                let mut response = ready(status.unwrap_or(StatusCode::OK), saved.body.into());
                response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
                Ok(response)
            }
            Self::Other => {
                Err(Refusal::meaning("Idempotency-Key", "Idempotency-Key was used with another body").into())
            }
        }
    }
}
