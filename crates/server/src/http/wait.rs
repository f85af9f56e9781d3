//! The long poll: an answer is held until there is news, without a connection to the store meanwhile.

use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::refusal::Refusal;
use applyd_store::Error;
use tokio::time::Instant;

use super::App;
use super::status::current;
use super::unless::Unless;
use crate::start::told;
use crate::status_cache::Answer;

const LONGEST_S: u64 = 60;
/// What is due by now may need somebody else's word first; it is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The wait that a caller asks for: `0` to `60` whole seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, Refusal> {
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_whole && *seconds <= LONGEST_S);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Refusal::meaning("wait", format!("`wait` must be a whole number of seconds from 0 to {LONGEST_S}"))
    })
}

/// Holds an answer until it is an end, or until the caller does not have it yet; at the end of the wait, and when
/// the server stops, the current one is given.
pub(crate) async fn hold(
    app: &Arc<App>,
    account: &AccountId,
    id: &QueueId,
    answer: Answer,
    wait: Duration,
    unless: &Unless,
) -> Result<Answer, Error> {
    let is_news = |answer: &Answer| answer.ends || (unless.is_given() && !unless.has(&answer.etag));
    if is_news(&answer) {
        return Ok(answer);
    }
    let end = Instant::now() + wait;
    let mut stop = std::pin::pin!(told(app.stop.clone()));
    let mut bell = app.news.of_application.listen(id.clone());
    let mut answer = answer;
    loop {
        bell.hush();
        if let Some(current) = current(app, account, id).await? {
            answer = current;
        }
        if is_news(&answer) || Instant::now() >= end {
            return Ok(answer);
        }
        tokio::select! {
            () = bell.rung() => {}
            () = tokio::time::sleep_until(end.min(due(app, &answer))) => {}
            () = &mut stop => return Ok(answer),
        }
    }
}

/// What time alone changes is looked at in time, though every worker and sweeper be dead.
fn due(app: &App, answer: &Answer) -> Instant {
    let left_ms = answer.due_at.map(|due| u64::try_from(due - app.store.now()).unwrap_or(0));
    let left = left_ms.map_or(Duration::from_secs(LONGEST_S), Duration::from_millis);
    Instant::now() + left.max(LOOK_AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_whole_number_of_seconds_up_to_sixty() {
        for (text, seconds) in [("0", 0), ("1", 1), ("60", 60), ("007", 7)] {
            assert_eq!(parse(text).ok(), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "61", "-1", "+1", "1.5", "1s", " 1", "99999999999999999999"] {
            assert_eq!(parse(text).err().map(|refusal| refusal.field), Some("wait".to_owned()), "{text}");
        }
    }
}
