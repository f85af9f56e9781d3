//! Step after step: woken by commits, by results, and by the clock where a hint was lost.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::step::{Notifier, step};
use crate::news::News;

/// How late a retry, or what a command queued, may be noticed.
const POLL: Duration = Duration::from_millis(500);
/// What is not finished by then keeps its lease and is attempted again by the next server.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Delivers until `stop`, then waits a little for what is under way.
pub(crate) async fn dispatch(notifier: Arc<Notifier>, news: Arc<News>, stop: impl Future<Output = ()>) {
    let mut tasks = JoinSet::new();
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            () = news.of_events.notified() => {}
            _ = poll.tick() => {}
            Some(_) = tasks.join_next() => {}
        }
        while tasks.try_join_next().is_some() {}
        if let Err(error) = step(&notifier, &mut tasks).await {
            tracing::warn!(%error, "the deliveries could not be read");
        }
    }
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_WAIT, finished).await.is_err() {
        tasks.shutdown().await;
    }
}
