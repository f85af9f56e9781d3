//! The stand-in: its settings, its memory and its chance.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::catalogue;
use crate::chance::Chance;
use crate::error::Error;
use crate::hostile::Misfortunes;
use crate::memory::Memory;
use crate::refusal::Refusal;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::tools::Answer;
use crate::tools::buckets::Buckets;

/// What every handler shares.
pub(crate) struct StandIn {
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) sessions: Sessions,
    pub(crate) chance: Chance,
    pub(crate) buckets: Buckets,
    pub(crate) misfortunes: Option<Misfortunes>,
}

impl StandIn {
    pub(crate) fn open(database: &Path, settings: Settings) -> Result<Self, Error> {
        catalogue::check()?;
        Ok(Self {
            memory: Memory::open(database)?,
            sessions: Sessions::default(),
            chance: Chance::new(settings.seed),
            buckets: Buckets::default(),
            misfortunes: settings.behaviour.hostility.clone().map(Misfortunes::new),
            settings,
        })
    }

    /// Waits as long as a read takes.
    pub(crate) async fn take_time_to_read(&self) {
        pause(self.chance.span(&self.settings.read_latency)).await;
    }

    /// A document of success.
    pub(crate) fn ok(&self, mut document: Map<String, Value>) -> Answer {
        document.insert("status".into(), "ok".into());
        self.document(document)
    }

    /// A document with its trace id.
    pub(crate) fn document(&self, mut document: Map<String, Value>) -> Answer {
        document.insert("trace_id".into(), self.chance.trace_id().into());
        if self.settings.behaviour.extra_members {
            document.insert("cacheScope".into(), "session".into());
        }
        Answer::Document(document)
    }

    /// A document of refusal, in one of its wordings.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Answer {
        self.refuse_with(refusal, Map::new())
    }

    /// A document of refusal with more members.
    pub(crate) fn refuse_with(&self, refusal: Refusal, more: Map<String, Value>) -> Answer {
        self.refuse_saying(refusal, self.chance.either(refusal.wordings()), more)
    }

    /// A document that says what is wrong with the arguments.
    pub(crate) fn bad_input(&self, what: &str) -> Answer {
        let wordings = [format!("Invalid input: {what}."), format!("The arguments do not fit: {what}.")];
        self.refuse_saying(Refusal::BadInput, &self.chance.either(wordings), Map::new())
    }

    fn refuse_saying(&self, refusal: Refusal, reason: &str, mut more: Map<String, Value>) -> Answer {
        if self.settings.behaviour.plain_text_refusals {
            return Answer::Text(reason.into());
        }
        more.insert("status".into(), refusal.status().into());
        more.insert("error_code".into(), refusal.code().into());
        more.insert("reason".into(), reason.into());
        more.insert("standin".into(), true.into());
        self.document(more)
    }
}

/// Sleeps, or does nothing for no time: a timer would round it up.
pub(crate) async fn pause(span: Duration) {
    if !span.is_zero() {
        tokio::time::sleep(span).await;
    }
}
