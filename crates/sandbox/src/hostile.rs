//! The MCP route on a hostile day: the same calls, of which some are struck by a misfortune.

mod ask;
mod contents;
mod draw;
mod edit;

pub(crate) use draw::Misfortunes;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::json;

use self::ask::Ask;
use self::contents::{demand, rename};
use crate::behaviour::Era;
use crate::clock::millis;
use crate::connection::{HangUp, Line};
use crate::error::Error;
use crate::hostility::{Hostility, Misfortune};
use crate::memory::{previews, proposals};
use crate::oauth::json_response;
use crate::stand_in::{StandIn, pause};
use crate::{rpc, schema};

/// Statuses that a read may meet.
const STATUSES: [u16; 10] = [400, 401, 403, 404, 408, 429, 500, 502, 503, 504];
/// Statuses that come from between the client and a site which has done its work.
const STATUSES_AFTER: [u16; 3] = [500, 502, 504];
const LONGEST_MOMENT_MS: u64 = 50;
/// Replies that come as event streams although nothing is wrong.
const SHARE_OF_STREAMS: f64 = 0.3;

/// One call on its way through a misfortune.
struct Struck<'a> {
    stand_in: &'a Arc<StandIn>,
    hostility: &'a Hostility,
    line: Line,
    headers: HeaderMap,
    body: Bytes,
    ask: Ask,
    rng: fastrand::Rng,
}

/// `POST /mcp`.
pub(crate) async fn post(
    State(stand_in): State<Arc<StandIn>>,
    Extension(line): Extension<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let asked = stand_in.misfortunes.as_ref().zip(Ask::read(&headers, &body));
    let Some((misfortunes, mut ask)) = asked else { return rpc::post(&stand_in, line, headers, body).await };
    if let Some(preview_id) = ask.preview_id() {
        let job = stand_in.memory.read(move |memory| previews::job(memory, &preview_id)).await?;
        ask.subject = job.unwrap_or(ask.subject);
    }
    let (mut misfortune, rng) = misfortunes.strike(&ask);
    if contents::goes_on_disordered(&ask) {
        misfortune = Some(Misfortune::Disordered);
    }
    let hostility = &misfortunes.hostility;
    let struck = Struck { stand_in: &stand_in, hostility, line, headers, body, ask, rng };
    match misfortune {
        Some(misfortune) => {
            tracing::debug!(?misfortune, call = struck.ask.name, subject = struck.ask.subject, "struck");
            struck.suffer(misfortune).await
        }
        None => struck.spared().await,
    }
}

impl Struck<'_> {
    async fn spared(mut self) -> Result<Response, Error> {
        let is_stream = self.hostility.only.is_empty() && self.rng.f64() < SHARE_OF_STREAMS;
        let answer = self.done().await?;
        Ok(if is_stream { edit::streamed(answer, false).await } else { answer })
    }

    /// The call as it is on any other day.
    async fn done(&self) -> Result<Response, Error> {
        rpc::post(self.stand_in, self.line.clone(), self.headers.clone(), self.body.clone()).await
    }

    /// Nothing is done; but that a whole confirm has arrived counts all the same.
    async fn undone(&self) -> Result<(), Error> {
        rpc::count(self.stand_in, &self.body).await
    }

    /// Done or not, as is drawn.
    async fn perhaps(&mut self) -> Result<bool, Error> {
        let is_done = self.rng.bool();
        if is_done {
            drop(self.done().await?)
        } else {
            self.undone().await?
        }
        Ok(is_done)
    }

    fn end_of_line(&mut self) -> HangUp {
        if self.rng.bool() { HangUp::Close } else { HangUp::Reset }
    }

    async fn suffer(mut self, misfortune: Misfortune) -> Result<Response, Error> {
        match misfortune {
            Misfortune::Status => self.status().await,
            Misfortune::Page => {
                let is_done = self.perhaps().await?;
                let statuses = if is_done { [200, 502] } else { [200, 403] };
                Ok(edit::page(status(self.rng.choice(statuses))))
            }
            Misfortune::Dropped => {
                self.undone().await?;
                self.hang_up().await
            }
            Misfortune::Lost => {
                drop(self.done().await?);
                self.hang_up().await
            }
            Misfortune::Cut => {
                let share = self.rng.f64();
                let answer = self.in_a_form().await?;
                self.line.cut(share);
                Ok(answer)
            }
            Misfortune::Late => {
                let answer = self.in_a_form().await?;
                pause(self.hostility.late).await;
                Ok(answer)
            }
            Misfortune::Slow => {
                pause(std::time::Duration::from_millis(self.rng.u64(0..LONGEST_MOMENT_MS))).await;
                self.in_a_form().await
            }
            Misfortune::Twice => Ok(edit::streamed(self.done().await?, true).await),
            Misfortune::Vague => {
                self.perhaps().await?;
                let texts =
                    ["Internal error, please retry.", "The upstream service is unavailable.", "TIMEOUT"];
                Ok(self.document("error", self.rng.clone().choice(texts).unwrap_or_default()))
            }
            Misfortune::Renamed => self.tools("upwork__manage_proposals", rename).await,
            Misfortune::Demanding => self.tools("upwork__manage_proposals", demand).await,
            Misfortune::Compact => {
                let compact = schema::list(Era::Compact);
                Ok(edit::edited(self.done().await?, |reply| reply["result"]["tools"] = compact.into()).await)
            }
            Misfortune::TermsDiffer => self.terms_differ().await,
            Misfortune::PriorProposal => {
                Ok(self.document("rejected", "VJ-JA-10: an invitation exists for this job."))
            }
            Misfortune::Superseded => self.and_then_the_preview(previews::supersede).await,
            Misfortune::Expired => self.and_then_the_preview(previews::expire).await,
            Misfortune::Disordered => self.disordered().await,
            Misfortune::Empty => {
                self.listed(|list, _| *list = json!({"edges": [], "pageInfo": {"hasNextPage": false}})).await
            }
            Misfortune::Miscounted => {
                self.listed(|list, rng| list["totalCount"] = rng.u32(0..1000).into()).await
            }
            Misfortune::Lagging => self.lagging().await,
            Misfortune::Mixed => self.with_params(|params, _| params["status"] = "Pending".into()).await,
            Misfortune::RowMissing => {
                Ok(edit::redocumented(self.done().await?, |document| document["history"] = json!([])).await)
            }
            Misfortune::Refused => {
                self.undone().await?;
                let texts = ["This job is closed.", "The client's settings turned this proposal down."];
                Ok(self.document("rejected", self.rng.clone().choice(texts).unwrap_or_default()))
            }
            Misfortune::StoredLate => self.stored_late().await,
        }
    }

    /// For the reader it is stored later; whatever else the client does meanwhile, it will be.
    async fn stored_late(mut self) -> Result<Response, Error> {
        drop(self.done().await?);
        // The other half is what lists may lag behind.
        let quarter = self.hostility.lag / 4;
        let later_ms = millis(quarter + quarter.mul_f64(self.rng.f64()));
        let label = self.ask.label.clone();
        self.stand_in.memory.write(move |memory| proposals::postpone(memory, &label, later_ms)).await?;
        self.hang_up().await
    }

    async fn hang_up(mut self) -> Result<Response, Error> {
        let how = self.end_of_line();
        self.line.hang_up(how).await;
        Ok(StatusCode::BAD_GATEWAY.into_response())
    }

    async fn in_a_form(&mut self) -> Result<Response, Error> {
        let is_stream = self.rng.bool();
        let answer = self.done().await?;
        Ok(if is_stream { edit::streamed(answer, false).await } else { answer })
    }

    async fn status(mut self) -> Result<Response, Error> {
        let is_done = self.perhaps().await?;
        let code = if is_done { self.rng.choice(STATUSES_AFTER) } else { self.rng.choice(STATUSES) };
        let mut answer = status(code).into_response();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            answer.headers_mut().insert(RETRY_AFTER, u32::from(self.rng.bool()).into());
        }
        Ok(answer)
    }

    fn document(&self, status: &str, reason: &str) -> Response {
        let document = json!({"status": status, "error_code": "STANDIN_HOSTILE", "reason": reason, "standin": true,
            "trace_id": self.stand_in.chance.trace_id()});
        let result = json!({"content": [{"type": "text", "text": document.to_string()}],
            "isError": status == "error", "structuredContent": document});
        let reply = json!({"jsonrpc": "2.0", "id": self.ask.message["id"], "result": result});
        json_response(StatusCode::OK, &reply)
    }
}

fn status(code: Option<u16>) -> StatusCode {
    code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::BAD_GATEWAY)
}
