//! The body of a request, bounded in bytes and time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::refused::Refused;

const LONGEST_BODY_BYTES: usize = 256 * 1024;
/// What is read of a body that is too long, so that its sender can hear the answer.
const DRAINED_BODY_BYTES: usize = 8 * 1024 * 1024;
/// A little less than the contract's 5 s, so that the answer is there within them.
const BODY_WAIT: Duration = Duration::from_millis(4_800);

/// The whole body.
pub(crate) struct Whole(pub(crate) Bytes);

impl<S: Sync> FromRequest<S> for Whole {
    type Rejection = Refused;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refused> {
        let whole = tokio::time::timeout(BODY_WAIT, read(request.into_body()));
        whole.await.unwrap_or(Err(Refused::BodyTooLate))
    }
}

async fn read(mut body: Body) -> Result<Whole, Refused> {
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::BodyBrokeOff)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= LONGEST_BODY_BYTES {
            whole.extend_from_slice(&data);
        } else if length > DRAINED_BODY_BYTES {
            break;
        }
    }
    if length > LONGEST_BODY_BYTES {
        return Err(Refused::BodyTooLong);
    }
    Ok(Whole(whole.freeze()))
}
