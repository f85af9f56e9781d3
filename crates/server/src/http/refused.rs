//! Every answer that is not a success, in one table: code, text, whether to come back. Source: uphunt-api.md §4.

use applyd_core::quota::Standing;
use applyd_core::refusal::{Kind, Refusal};
use applyd_core::webhook::MOST_WEBHOOKS;
use applyd_store::Error;
use applyd_wire::{ApplicationStatus, ErrorAnswer};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::answer::json;
use super::streams::MOST_STREAMS;

/// The contract's wait after a 503 that names no better one.
const UNAVAILABLE_RETRY_S: i64 = 60;

/// A stream that was cut off is gone from the count by then.
const STREAMS_RETRY_S: i64 = 15;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) enum Refused {
    /// 400 or 422: a field, what was wrong, what is allowed.
    Input(Refusal),
    BodyBrokeOff,
    MissingKey,
    InvalidKey,
    MissingToken,
    InvalidToken,
    NoCredit {
        available: i64,
    },
    NoSuchPath,
    NoSuchMethod,
    UnknownApplication,
    UnknownJob,
    UnknownClient,
    UnknownWebhook,
    UnknownEvent,
    NoSandbox,
    BodyTooLate,
    /// 409: an application that stands for the job.
    Barred {
        queue_id: String,
        status: ApplicationStatus,
    },
    /// 409: a test would not be sent.
    WebhookOff,
    /// 409: an application that is past what was asked.
    Past {
        error: &'static str,
        status: ApplicationStatus,
    },
    /// 409: another person has it.
    HeldBy(String),
    NotClaimed,
    NotDeclared,
    /// 409: the declaration is of something else than there is.
    Changed,
    BodyTooLong,
    TooManyWebhooks,
    /// 429; `now_s` is the time of the refusal, Unix seconds.
    Limited {
        standing: Standing,
        now_s: i64,
    },
    /// 429: of event streams that are open at once.
    TooManyStreams,
    Internal,
    StoreUnreachable,
    /// 503: what was asked for may have been done.
    StoreSilent,
    /// 503: told to stop; requests are answered a while longer.
    Leaving,
    ChannelUnreachable,
    /// The site's rate leaves no turn in the time that a caller waits.
    ChannelBusy {
        /// Whole seconds.
        retry_after_s: i64,
    },
    SandboxUnreachable,
    QueueFull {
        retry_after_s: i64,
    },
    VerifyOnly,
    /// 503: verify-only, at the desk.
    Undeclared,
    /// 503: an operator has stopped it; the sentence says who and why.
    Paused(String),
    /// 503: the witness does not have it.
    NoWitness,
    /// 503: verify-only, and a cancel would say that nothing was sent.
    Unread,
    /// The model could not be asked, or wrote nothing usable.
    NoLetter {
        retry_after_s: Option<i64>,
    },
    /// A data read's way of saying it: a code in `error`, the words in `message`.
    Coded(Box<Refused>),
}

impl Refused {
    /// As data reads say it.
    pub(crate) fn coded(self) -> Self {
        match self {
            Self::Coded(_) => self,
            plain => Self::Coded(Box::new(plain)),
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Input(Refusal { kind: Kind::Shape, .. }) | Self::BodyBrokeOff => StatusCode::BAD_REQUEST,
            Self::MissingKey | Self::InvalidKey | Self::MissingToken | Self::InvalidToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::NoCredit { .. } => StatusCode::PAYMENT_REQUIRED,
            Self::NoSuchPath
            | Self::UnknownApplication
            | Self::UnknownJob
            | Self::UnknownClient
            | Self::UnknownWebhook
            | Self::UnknownEvent
            | Self::NoSandbox => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLate => StatusCode::REQUEST_TIMEOUT,
            Self::Barred { .. }
            | Self::Past { .. }
            | Self::HeldBy(_)
            | Self::NotClaimed
            | Self::NotDeclared
            | Self::Changed
            | Self::WebhookOff => StatusCode::CONFLICT,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Input(Refusal { kind: Kind::Meaning, .. }) | Self::TooManyWebhooks => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Limited { .. } | Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::StoreUnreachable
            | Self::StoreSilent
            | Self::Leaving
            | Self::ChannelUnreachable
            | Self::ChannelBusy { .. }
            | Self::SandboxUnreachable
            | Self::QueueFull { .. }
            | Self::VerifyOnly
            | Self::Undeclared
            | Self::Paused(_)
            | Self::NoWitness
            | Self::Unread
            | Self::NoLetter { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Coded(plain) => plain.status(),
        }
    }

    /// The JSON of the answer.
    pub(crate) fn body(&self) -> ErrorAnswer {
        let text = |text: &str| ErrorAnswer::text(text);
        match self {
            Self::Input(refusal) => {
                ErrorAnswer { field: Some(refusal.field.clone()), ..text(&refusal.message) }
            }
            Self::BodyBrokeOff => text("The body broke off"),
            Self::MissingKey => text("Missing x-api-key"),
            Self::InvalidKey => text("Invalid x-api-key"),
            Self::MissingToken => text("Missing Authorization: Bearer person_…"),
            Self::InvalidToken => text("Invalid token of a person"),
            Self::NoCredit { available } => ErrorAnswer {
                credits_remaining: Some(*available),
                needs_credits: Some(true),
                ..text("Insufficient auto-apply credits")
            },
            Self::NoSuchPath => text("No such path"),
            Self::NoSuchMethod => text("No such method on this path"),
            Self::UnknownApplication => text("Application not found"),
            Self::UnknownJob => text("Job not found"),
            Self::UnknownClient => text("Client not found"),
            Self::UnknownWebhook => text("Webhook not found"),
            Self::UnknownEvent => text("Event not found"),
            Self::NoSandbox => text("Only accounts of the channel sandbox have this"),
            Self::BodyTooLate => text("The body was not complete within 5 seconds"),
            Self::Barred { queue_id, status } => ErrorAnswer {
                queue_id: Some(queue_id.clone()),
                application_status: Some(*status),
                ..text(match status {
                    ApplicationStatus::Applied => "Already applied to this job",
                    ApplicationStatus::Processing => "An application for this job is in progress",
                    _ => "The outcome of an earlier application for this job is unknown",
                })
            },
            Self::WebhookOff => text("The webhook is switched off; switch it on first"),
            Self::TooManyWebhooks => text(&format!("An account may have {MOST_WEBHOOKS} webhooks")),
            Self::Past { error, status } => ErrorAnswer { application_status: Some(*status), ..text(error) },
            Self::HeldBy(name) => {
                ErrorAnswer { held_by: Some(name.clone()), ..text(&format!("{name} has this application")) }
            }
            Self::NotClaimed => text("Nobody has claimed this application; claim it first"),
            Self::NotDeclared => {
                text("Nothing was declared: say that you submit before you do, or release the claim")
            }
            Self::Changed => text("This is not what is there now; read it again, and submit nothing yet"),
            Self::BodyTooLong => text("The body must not be longer than 256 KiB (262144 bytes)"),
            Self::Limited { standing, .. } => ErrorAnswer {
                limit: Some(standing.limit),
                resets_at: Timestamp::from_second(standing.resets_at_s).ok().map(|at| format!("{at:.3}")),
                ..text("Rate limit exceeded")
            },
            Self::TooManyStreams => {
                text(&format!("A key may have {MOST_STREAMS} event streams open at once"))
            }
            Self::Internal => text("Internal error"),
            Self::StoreUnreachable => text("The store is not reachable"),
            Self::StoreSilent => text(
                "The store has not said whether this was done; the same request again does nothing twice",
            ),
            Self::Leaving => text("The server is about to stop"),
            Self::ChannelUnreachable | Self::ChannelBusy { .. } => {
                text("The marketplace could not be read now")
            }
            Self::SandboxUnreachable => text("The sandbox is not reachable"),
            Self::QueueFull { .. } => text("The queue of this account is full for now; nothing was accepted"),
            Self::VerifyOnly => {
                text("The server only verifies until its operator has looked; nothing was accepted")
            }
            Self::Undeclared => {
                text("The server only verifies until its operator has looked; submit nothing")
            }
            Self::Paused(pause) => text(pause),
            Self::NoWitness => {
                text("The declaration could not be written down; submit nothing, and declare it again")
            }
            Self::Unread => {
                text("The server only verifies until its operator has looked; nothing was cancelled")
            }
            Self::NoLetter { .. } => text("No letter could be written now"),
            Self::Coded(plain) => {
                let body = plain.body();
                let code = code_of(plain.status()).to_owned();
                ErrorAnswer { error: code, message: Some(body.error), ..body }
            }
        }
    }

    /// As a person reads it.
    pub(crate) fn says(&self) -> String {
        self.body().error
    }

    /// Whole seconds after which it may go better.
    fn retry_after_s(&self) -> Option<i64> {
        match self {
            Self::Limited { standing, now_s } => Some((standing.resets_at_s - now_s).max(1)),
            Self::QueueFull { retry_after_s }
            | Self::ChannelBusy { retry_after_s }
            | Self::NoLetter { retry_after_s: Some(retry_after_s) } => Some(*retry_after_s),
            Self::TooManyStreams => Some(STREAMS_RETRY_S),
            Self::Coded(plain) => plain.retry_after_s(),
            other => (other.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(UNAVAILABLE_RETRY_S),
        }
    }
}

/// The word that a data read has for a status.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        StatusCode::INTERNAL_SERVER_ERROR => "internal_error",
        _ => "invalid_request",
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Input(refusal)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Panicked | Error::Damaged(_) => {
                tracing::error!(%error, "a request failed by our fault");
                Self::Internal
            }
            Error::Unknown => {
                tracing::error!(%error, "a request may have been done");
                Self::StoreSilent
            }
            error => {
                tracing::error!(%error, "the store is not reachable");
                Self::StoreUnreachable
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = json(self.status(), &self.body());
        if let Some(seconds) = self.retry_after_s() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
