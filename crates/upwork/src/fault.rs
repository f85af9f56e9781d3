//! Why a call brought no document, and what that means before the intent.

use applyd_core::outcome::{Code, Trouble};

use crate::document::Refusal;
use crate::intake::Unreadable;
use crate::patterns;

/// Why a call brought no document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection, no answer, or half of one.
    #[error("no answer: {0}")]
    Transport(String),
    /// An HTTP status other than 2xx.
    #[error("HTTP {status}")]
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, in milliseconds.
        after_ms: Option<i64>,
    },
    /// HTTP 401: the access token of this pair is refused.
    #[error("HTTP 401")]
    Login {
        /// Which pair of tokens.
        pair: i64,
    },
    /// An answer that is no reply.
    #[error("unreadable answer: {0}")]
    Unreadable(#[from] Unreadable),
    /// A member that must be there is not.
    #[error("unreadable answer: no {0}")]
    Missing(&'static str),
    /// A job was asked for by its number, and the answer is about another one.
    #[error("the site answered another job")]
    AnotherJob,
    /// A JSON-RPC error.
    #[error("JSON-RPC error {code}: {message}")]
    Rpc {
        /// Its code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// The site's rate leaves no turn in time.
    #[error("the site's rate leaves no turn now")]
    Busy {
        /// It does after this, in milliseconds.
        after_ms: i64,
    },
    /// The budget of calls could not be read.
    #[error("store: {0}")]
    Store(#[from] applyd_store::Error),
    /// A document that says no.
    #[error("refused: {}", .0.reason())]
    Refused(Refusal),
}

/// JSON-RPC: the server does not know the method, or the tool or its parameters.
const UNKNOWN_TO_SERVER: [i64; 2] = [-32601, -32602];

impl Fault {
    /// The site's wish for the next try, in milliseconds.
    pub(crate) fn after_ms(&self) -> Option<i64> {
        if let Self::Status { after_ms, .. } = self { *after_ms } else { None }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        // Without the URL, as those of the login carry codes.
        Self::Transport(causes(&error.without_url()))
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        let reason = fault.to_string();
        match fault {
            Fault::Login { pair } => Self::Login { reason, pair },
            Fault::Status { status: 403, .. } => Self::end(Code::Refused, &reason),
            Fault::Status { after_ms, .. } => Self::Passing { reason, after_ms },
            Fault::Busy { after_ms } => Self::Passing { reason, after_ms: Some(after_ms) },
            Fault::Rpc { code, .. } if UNKNOWN_TO_SERVER.contains(&code) => {
                Self::end(Code::UpstreamChanged, &reason)
            }
            Fault::Refused(refusal) => patterns::trouble(&refusal),
            Fault::Transport(_)
            | Fault::Unreadable(_)
            | Fault::Missing(_)
            | Fault::AnotherJob
            | Fault::Rpc { .. }
            | Fault::Store(_) => Self::passing(reason),
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
