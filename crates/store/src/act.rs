//! What of a step the audit keeps for good: ids, hashes, numbers and codes, never the site's words.

use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, Progress, State};
use serde_json::{Value, json};

use crate::queue::Beside;

/// What a step is for the audit, as far as the event alone tells it.
pub(crate) enum Act {
    /// Only where it ends, if it does.
    Other,
    Void(Ending),
    AskPerson,
    Preview,
    Intent,
    Answer {
        class: &'static str,
        trace_id: Option<String>,
    },
    Read {
        found: bool,
    },
    Finding(&'static str),
    Recovered,
    Ended {
        trace_id: Option<String>,
    },
}

impl Act {
    pub(crate) fn of(event: &Event, by: By) -> Self {
        match event {
            Event::Void(ending) => Self::Void(ending.clone()),
            Event::AskPerson => Self::AskPerson,
            Event::Arm { .. } => Self::Preview,
            Event::Cross { .. } => Self::Intent,
            Event::Accepted => Self::Answer { class: "accepted", trace_id: None },
            Event::Declined(_) if by == By::Person => Self::Finding("not_submitted"),
            Event::Declined(ending) => {
                let class = if ending.code == Code::NotSubmitted { "not_sent" } else { "refused" };
                Self::Answer { class, trace_id: ending.trace_id.clone() }
            }
            Event::Doubt if matches!(by, By::Sender(_)) => {
                Self::Answer { class: "ambiguous", trace_id: None }
            }
            Event::Doubt => Self::Answer { class: "none", trace_id: None },
            Event::Seen { .. } if by == By::Person => Self::Finding("submitted"),
            Event::Seen { .. } => Self::Read { found: true },
            Event::NotSeen { .. } => Self::Read { found: false },
            Event::Recover { .. } => Self::Recovered,
            Event::End(ending) => Self::Ended { trace_id: ending.trace_id.clone() },
            _ => Self::Other,
        }
    }

    /// The act, and the end where it is one; nothing where the audit keeps nothing of it.
    pub(crate) fn facts(&self, was: &Progress, now: &Progress, beside: &Beside<'_>) -> Vec<Value> {
        let is_over = was.state != now.state && now.state.is_terminal();
        let end = is_over.then(|| {
            let act = if was.state == State::Unknown { "corrected" } else { "end" };
            let trace_id = if let Self::Ended { trace_id } = self { trace_id.as_deref() } else { None };
            json!({"act": act, "status": now.state.status().as_str(), "code": now.code.map(Code::as_str),
                   "traceIds": traces(trace_id, beside)})
        });
        let own = self.own(now, beside);
        [beside.facts.cloned(), own, end].into_iter().flatten().collect()
    }

    fn own(&self, now: &Progress, beside: &Beside<'_>) -> Option<Value> {
        let intent = now.intent.as_ref();
        let terms_sha256 = intent.map(|intent| intent.terms_sha256.as_str());
        let worker = intent.map(|intent| intent.worker.as_str());
        Some(match self {
            Self::Other | Self::Ended { .. } => return None,
            Self::Void(ending) => {
                json!({"act": "void", "code": ending.code.as_str(),
                       "traceIds": traces(ending.trace_id.as_deref(), beside)})
            }
            Self::AskPerson => json!({"act": "approval_needed"}),
            Self::Preview => {
                json!({"act": "preview", "previewId": beside.preview.map(|(id, _)| id),
                       "connects": beside.connects, "traceIds": traces(None, beside)})
            }
            Self::Intent => {
                json!({"act": "intent", "epoch": now.epoch, "sha256": terms_sha256, "worker": worker,
                       "connects": beside.connects})
            }
            Self::Answer { class, trace_id } => {
                json!({"act": "answer", "answer": class, "proposalId": beside.proposal,
                       "traceIds": traces(trace_id.as_deref(), beside)})
            }
            Self::Read { found: true } => {
                json!({"act": "read", "found": true, "evidence": beside.note, "proposalId": beside.proposal})
            }
            Self::Read { found: false } => json!({"act": "read", "found": false}),
            Self::Finding(finding) => json!({"act": "resolved", "finding": finding}),
            Self::Recovered => json!({"act": "recovered", "sha256": terms_sha256, "worker": worker}),
        })
    }
}

/// Null where there is none.
fn traces(own: Option<&str>, beside: &Beside<'_>) -> Value {
    let all: Vec<&str> = own.into_iter().chain(beside.trace_ids.iter().map(String::as_str)).collect();
    if all.is_empty() { Value::Null } else { json!(all) }
}
