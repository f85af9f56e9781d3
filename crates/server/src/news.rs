//! What commits have made: ready status answers, and word to whoever waits for it.
//!
//! Everything that changes an application tells it here, after its commit. A hint may be lost, and another process
//! may commit: one slow look at the events for all waiters makes up for both.

use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::{AccountId, QueueId};
use applyd_store::application::Application;
use applyd_store::{Store, event};
use tokio::sync::Notify;

use crate::bells::Bells;
use crate::metrics;
use crate::status_cache::{Answer, StatusCache};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Of one look; if there are more, the next follows at once.
const MOST_EVENTS: i64 = 1000;

/// The hub of one process.
pub(crate) struct News {
    pub(crate) answers: StatusCache,
    /// Rung by each change of an application.
    pub(crate) of_application: Arc<Bells<QueueId>>,
    /// Rung by each event of an account.
    pub(crate) of_account: Arc<Bells<AccountId>>,
    /// Rung by each change of anything that an account's people look at.
    pub(crate) of_members: Arc<Bells<AccountId>>,
    /// Notified of each event of any account; for one waiter, which loses none between two waits.
    pub(crate) of_events: Notify,
}

impl News {
    /// Keeps at most so many ready answers.
    pub(crate) fn new(most_answers: usize) -> Self {
        Self {
            answers: StatusCache::new(most_answers),
            of_application: Arc::default(),
            of_account: Arc::default(),
            of_members: Arc::default(),
            of_events: Notify::new(),
        }
    }

    /// Tells what a commit made, and answers the status that it now has.
    pub(crate) fn publish(&self, application: &Application) -> Answer {
        if application.has_ended {
            metrics::ended(application);
        }
        let answer = self.answers.publish(application);
        // An end, and nothing else, has an event.
        self.ring(&application.account, &application.id, application.progress.state.is_terminal());
        answer
    }

    /// Tells an account's people that something of it has changed.
    pub(crate) fn changed(&self, account: &AccountId) {
        self.of_members.ring(account);
    }

    fn ring(&self, account: &AccountId, id: &QueueId, has_event: bool) {
        self.of_application.ring(id);
        self.changed(account);
        if has_event {
            self.of_account.ring(account);
            self.of_events.notify_one();
        }
    }
}

/// Hears of events that nobody here has told, for ever; `seen` is how far the events reached at the start.
pub(crate) async fn follow(store: Store, news: Arc<News>, mut seen: i64) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut hints = store.hints();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = hints.next() => {}
        }
        let told = match store.read(move |tx| event::since(tx, seen, MOST_EVENTS)).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "the events could not be read");
                continue;
            }
        };
        for told in &told {
            seen = told.seq;
            if told.is_unknown {
                tracing::error!(
                    account = told.account,
                    application = told.application,
                    "the outcome is unknown; `applyd unresolved` shows what is known, `applyd resolve` takes a person's word"
                );
            }
            let ids = AccountId::parse(&told.account).zip(QueueId::parse(&told.application));
            let Some((account, application)) = ids else { continue };
            news.answers.forget_open(&application);
            news.ring(&account, &application, true);
        }
        if told.len() as i64 == MOST_EVENTS {
            ticks.reset_immediately();
        }
    }
}
