//! The one call that submits.

use std::fmt;
use std::time::Instant;

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Crossed, Outcome};
use applyd_core::terms::Terms;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::Value;

use crate::classify::{Verdict, verdict};
use crate::document::Reading;
use crate::line::Line;
use crate::pace::Turns;
use crate::tool::Tool;

/// An application that is prepared up to the last call. Dropping it sends nothing and closes its connection.
pub struct Ready {
    /// The pair of tokens of the one call; see [`applyd_store::refresh::stands`].
    pub login: i64,
    /// The preview that was compared and would be confirmed.
    pub preview_id: String,
    /// From then on the site refuses the preview; Unix milliseconds.
    pub preview_expires_at: i64,
    /// The job's key as the site tells it: to be compared with the key that duplicates are told by.
    pub job: JobKey,
    /// The organisation that submits.
    pub org_uid: String,
    /// The terms as sent: with the profile's rate and with all answers.
    pub terms: Terms,
    /// What the proposal costs without its boost, in Connects.
    pub cost_connects: i64,
    /// What the organisation has, in Connects.
    pub balance_connects: i64,
    /// What people should know: what was kept and not sent.
    pub notes: Vec<String>,
    /// The site's ids of the answers about the preview.
    pub trace_ids: Vec<String>,
    pub(crate) call: Call,
}

/// The confirm call and the connection that waits for it.
pub(crate) struct Call {
    pub(crate) line: Line,
    pub(crate) id: u64,
    pub(crate) request: http::Request<Full<Bytes>>,
    pub(crate) tool: Tool,
    pub(crate) turns: Option<Turns>,
}

impl Ready {
    /// Sends the confirm call: once, on its own connection, not after `send_by`, waiting until `answer_by`.
    ///
    /// Never refreshes, begins a session anew or repeats. The connection is closed on return.
    pub async fn confirm(self, crossed: Crossed) -> Outcome {
        let Call { line, id, request, tool, turns } = self.call;
        let gate = line.gate();
        if Instant::now() > crossed.send_by() {
            return Outcome::NotSent("the time to send had passed".into());
        }
        let exchange = line.exchange(request, id, crossed.send_by());
        let failure = match tokio::time::timeout_at(crossed.answer_by().into(), exchange).await {
            Ok(Ok(heard)) => {
                if let (Some(turns), Some((tool, after_ms))) = (turns, heard.wait(tool)) {
                    turns.hold(tool, after_ms).await;
                }
                return outcome(crossed, verdict(heard.status, &heard.reply), traced(&heard.reply));
            }
            Ok(Err(reason)) => reason,
            Err(_) => "no answer in time".into(),
        };
        if gate.is_untouched() { Outcome::NotSent(failure) } else { Outcome::unknown(crossed, failure, None) }
    }
}

fn outcome(crossed: Crossed, verdict: Verdict, trace_id: Option<String>) -> Outcome {
    match verdict {
        Verdict::Accepted(proposal) => Outcome::submitted(crossed, proposal, trace_id),
        Verdict::Refused(ending) => Outcome::Refused(ending),
        Verdict::Ambiguous(reason) => Outcome::unknown(crossed, reason, trace_id),
    }
}

fn traced(reply: &Value) -> Option<String> {
    Reading::of(reply.get("result")?).trace_id()
}

impl fmt::Debug for Ready {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ready").field("preview_id", &self.preview_id).finish_non_exhaustive()
    }
}
