//! Letters: by a model that is asked over HTTP, or by a template where none is configured.
//!
//! The model gets the job's text and the account's own feed, and answers text. It is told no key, no id, no
//! credit and nothing of another account, and it chooses neither price nor profile nor job.

mod chat;
mod key;
mod prompt;
mod template;

use std::time::Duration;

use applyd_core::letter::{Effort, Job};
use tokio::time::Instant;

use crate::config;
use crate::start::StartError;
use chat::Chat;
use prompt::Prompt;

/// A letter that is usable as `coverLetter`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) text: String,
    /// Who wrote it.
    pub(crate) model: String,
    /// What the model counted, if it did.
    pub(crate) tokens: Tokens,
}

/// What a letter took.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) prompt: Option<u64>,
    pub(crate) completion: Option<u64>,
}

/// Why there is no letter. Nothing of what the endpoint said is in it: that may hold the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    /// Limiting, down, or not there.
    #[error("the model cannot be asked now: {reason}")]
    Away {
        /// A status, or what failed on the way.
        reason: String,
        /// Its own `Retry-After`.
        after: Option<Duration>,
    },
    /// A status that another try does not change: most often a setting.
    #[error("the model's server refused the request with HTTP {0}")]
    Refused(u16),
    /// An answer that is no letter.
    #[error("the model's answer is unusable: {0}")]
    Unusable(&'static str),
}

/// Who writes letters.
pub(crate) struct Letters {
    /// From the request to the answer.
    pub(crate) timeout: Duration,
    chat: Option<Chat>,
}

impl Letters {
    /// By these settings; a key file is read now.
    pub(crate) fn new(settings: config::Letters) -> Result<Self, StartError> {
        let chat = settings.chat.map(Chat::new).transpose()?;
        Ok(Self { timeout: settings.timeout, chat })
    }

    /// Writes a letter for this job; tries are repeated only while they can end before `end`.
    pub(crate) async fn write(
        &self,
        job: &Job,
        feed: Option<&str>,
        effort: Effort,
        end: Instant,
    ) -> Result<Letter, Unwritten> {
        match &self.chat {
            Some(chat) => chat.ask(&Prompt::new(job, feed), effort, end).await,
            None => Ok(template::letter(job)),
        }
    }

    /// Whether a model is set up.
    pub(crate) fn is_model(&self) -> bool {
        self.chat.is_some()
    }

    /// Answers a screening question; none where no model is set up, as a template knows no answer.
    pub(crate) async fn answer(
        &self,
        job: &Job,
        question: &str,
        letter: &str,
        end: Instant,
    ) -> Option<Result<Letter, Unwritten>> {
        let chat = self.chat.as_ref()?;
        let prompt = Prompt::answer(job, question, letter);
        let asked = tokio::time::timeout_at(end, chat.ask(&prompt, Effort::Medium, end)).await;
        Some(asked.unwrap_or(Err(Unwritten::Unusable("it was not there in time"))))
    }
}
