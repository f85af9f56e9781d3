//! `GET /dashboard`: what the account has at this moment, and the pause switch.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use applyd_core::ids::AccountId;
use applyd_core::role::Role;
use applyd_core::state::State;
use applyd_store::glance::{self, Day, Glance, Health, Login};
use applyd_store::pause::{Pause, Scope};
use askama::Template;
use axum::extract::State as Shared;
use axum::response::Response;
use quick_cache::sync::Cache;

use super::chart::{Chart, Fate};
use super::copied::Copied;
use super::member::Member;
use super::page::{Section, Shell, page};
use super::refused::Refused;
use super::when::{Count, Took, When};
use crate::http::App;

const MOST_ACCOUNTS: usize = 1000;
/// A late correction of an earlier day shows after this.
const KNOWN_FOR: Duration = Duration::from_secs(60);

#[derive(Template)]
#[template(path = "dashboard/glance.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    now: i64,
    chart: Chart,
    settled: Option<Settled>,
    /// What waits and what is under way: count and oldest.
    waiting: Depth,
    approvals: Depth,
    unknown: Depth,
    seen: Glance,
}

/// How long what has ended took.
struct Settled {
    half: Took,
    most: Took,
}

/// How many, and since when.
#[derive(Default)]
struct Depth {
    count: i64,
    since: Option<i64>,
}

pub(super) async fn glance(Shared(app): Shared<Arc<App>>, member: Member) -> Result<Response, Refused> {
    let account = member.account();
    let known = app.dashboard.past_days.of(&account);
    let is_known = known.is_some();
    let seen = app.store.read(move |tx| glance::read(tx, &account, known.as_deref())).await?;
    if !is_known {
        app.dashboard.past_days.keep(&seen);
    }
    let of = |wanted: fn(State) -> bool| {
        let found = seen.open.iter().filter(|open| wanted(open.state));
        found.fold(Depth::default(), |depth, open| Depth {
            count: depth.count + open.count,
            since: Some(depth.since.map_or(open.since, |since| since.min(open.since))),
        })
    };
    let is_waiting =
        |state| state != State::AwaitingApproval && state != State::Unknown && Fate::of(state) == Fate::Open;
    let waiting = of(is_waiting);
    let (approvals, unknown) =
        (of(|state| state == State::AwaitingApproval), of(|state| state == State::Unknown));
    Ok(page(&Page {
        shell: member.shell(Section::Overview),
        now: app.store.now(),
        chart: Chart::of(&seen.days),
        settled: Settled::of(&seen.settled_ms),
        waiting,
        approvals,
        unknown,
        seen,
    }))
}

/// What the accounts had on the days before today, counted a moment ago: with a million applications that takes longer
/// than all else on the page.
pub(super) struct PastDays(Cache<AccountId, (Instant, Arc<[Day]>)>);

impl PastDays {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST_ACCOUNTS))
    }

    fn of(&self, account: &AccountId) -> Option<Arc<[Day]>> {
        let (at, days) = self.0.get(account)?;
        (at.elapsed() < KNOWN_FOR).then_some(days)
    }

    fn keep(&self, seen: &Glance) {
        let past = seen.days.split_last().map_or(&[][..], |(_, past)| past);
        self.0.insert(seen.account.id.clone(), (Instant::now(), past.into()));
    }
}

impl Settled {
    /// Of rising times.
    fn of(took_ms: &[i64]) -> Option<Self> {
        let rank = |percent: usize| took_ms.get((took_ms.len() * percent).div_ceil(100).checked_sub(1)?);
        let (half, most) = rank(50).zip(rank(95))?;
        Some(Self { half: Took(*half), most: Took(*most) })
    }
}

impl Page {
    // A template hands a number over in several ways.
    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn count(&self, count: impl Borrow<i64>) -> Count {
        Count(*count.borrow())
    }

    fn id(&self) -> Copied<'_> {
        Copied(self.seen.account.id.as_str())
    }

    /// The pause that this page can end.
    fn own_pause(&self) -> Option<&Pause> {
        self.seen.pauses.iter().find(|pause| matches!(pause.scope, Scope::Account(_)))
    }

    fn may_pause(&self) -> bool {
        self.shell.may(Role::Approver)
    }

    fn has_broken(&self) -> bool {
        self.seen.logins.iter().any(|login| login.health == Health::Broken)
    }

    /// Of today's limit of Connects, as far as there is one.
    fn connects_percent(&self) -> Option<i64> {
        let limit = self.seen.limits.per_day.filter(|limit| *limit > 0)?;
        Some((self.seen.connects_today.saturating_mul(100) / limit).clamp(0, 100))
    }
}

/// What a pause stops, for people.
fn scope(pause: &Pause) -> String {
    match &pause.scope {
        Scope::All => "everything".to_owned(),
        Scope::Channel(channel) => format!("the channel {}", channel.as_str()),
        Scope::Account(_) => "this account".to_owned(),
    }
}

fn health(login: &Login) -> (&'static str, &'static str) {
    match login.health {
        Health::Linked => ("good", "Linked"),
        Health::Renewing => ("warn", "Renewing"),
        Health::Broken => ("bad", "Broken"),
        Health::Missing => ("idle", "Not linked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        assert!(Settled::of(&[]).is_none());
        let told = |all: &[i64]| Settled::of(all).map(|settled| (settled.half.0, settled.most.0));
        assert_eq!(told(&[7]), Some((7, 7)));
        assert_eq!(told(&(1..=100).collect::<Vec<_>>()), Some((50, 95)));
        assert_eq!(told(&[1, 2]), Some((1, 2)));
    }
}
