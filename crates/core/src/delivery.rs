//! Deliveries of events to webhook endpoints: when one is tried again, and when an endpoint is given up.

/// Attempts under way, over all endpoints of all accounts.
pub const MOST_AT_ONCE: usize = 64;
/// Of them at the endpoints of one account, however slow they are: no account holds up the others.
pub const MOST_OF_ACCOUNT: i64 = 16;
/// Of them at all endpoints where the last attempt failed: the dead of many accounts leave room for the living.
const MOST_AT_FAILING: i64 = 32;
/// Attempts under way at one endpoint.
const AT_ONCE: i64 = 4;
/// The same where the last attempt failed: many dead endpoints must not take the places of the living.
const AT_ONCE_FAILING: i64 = 1;
/// A retry comes up to this share of its delay later, so that what failed together does not come back together.
const JITTER: f64 = 0.1;
/// A retry may come and end this much later than its time: it waits for a place, and for its receiver.
const LATE_MS: i64 = 60_000;
/// When a message that cannot be signed is looked at again, in milliseconds.
pub const WITHHELD_MS: i64 = 60_000;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// To be attempted.
    Pending,
    /// A receiver took it.
    Delivered,
    /// Every attempt failed.
    Exhausted,
}

/// The operator's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Delay of each retry after the failure before it, in milliseconds.
    pub retries_ms: Vec<i64>,
    /// An endpoint at which every attempt failed for this long is switched off, in milliseconds.
    pub disable_after_ms: i64,
}

impl State {
    /// The name in the store and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Exhausted].into_iter().find(|state| state.as_str() == name)
    }
}

impl Schedule {
    /// The wait after so many failed attempts; `None`: that was the last. `draw` is an even random number in 0..1.
    #[must_use]
    pub fn retry_in_ms(&self, failed: i64, draw: f64) -> Option<i64> {
        let nth = usize::try_from(failed - 1).ok()?;
        let delay = *self.retries_ms.get(nth)?;
        Some(delay + (delay as f64 * JITTER * draw.clamp(0.0, 1.0)) as i64)
    }

    /// Since when an endpoint fails at which an attempt fails now; `before` is since when it failed, and when it
    /// did so last. A silence longer than any wait for a retry says nothing about it, so the count begins anew.
    #[must_use]
    pub fn failing_since(&self, before: Option<(i64, i64)>, now_ms: i64) -> i64 {
        let longest = self.retries_ms.iter().max().copied().unwrap_or(0);
        let gap = longest + (longest as f64 * JITTER) as i64 + LATE_MS;
        before.filter(|(_, last)| now_ms - last <= gap).map_or(now_ms, |(since, _)| since)
    }

    /// Whether a failure now is one too many for an endpoint at which nothing has worked since then.
    #[must_use]
    pub fn gives_up(&self, failing_since_ms: i64, now_ms: i64) -> bool {
        now_ms - failing_since_ms >= self.disable_after_ms
    }
}

/// How many more attempts may begin at an endpoint.
#[must_use]
pub fn room(under_way: i64, is_failing: bool) -> i64 {
    let most = if is_failing { AT_ONCE_FAILING } else { AT_ONCE };
    (most - under_way).max(0)
}

/// An endpoint at which something is due, and what is under way around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Whether the last attempt there failed.
    pub is_failing: bool,
    /// Attempts under way there.
    pub here: i64,
    /// Attempts under way at all endpoints of its account.
    pub of_account: i64,
}

/// Whether an attempt may begin at a failing endpoint while so many are under way at such.
#[must_use]
pub fn admits_failing(at_failing: i64) -> bool {
    at_failing < MOST_AT_FAILING
}

/// Which of these is served next, where so many attempts are under way at failing endpoints: one of the account
/// that has the fewest, and of those the one that stands first. `None`: none may be.
#[must_use]
pub fn turn<'a>(waiting: impl IntoIterator<Item = &'a Waiting>, at_failing: i64) -> Option<usize> {
    let may_be = |waiting: &Waiting| {
        waiting.of_account < MOST_OF_ACCOUNT && (!waiting.is_failing || admits_failing(at_failing))
    };
    let all = waiting.into_iter().enumerate().filter(|(_, waiting)| may_be(waiting));
    let next = all.min_by_key(|(_, waiting)| (waiting.of_account, waiting.is_failing, waiting.here));
    next.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn contract() -> Schedule {
        let retries_ms = vec![0, 5_000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
        Schedule { retries_ms, disable_after_ms: 120 * HOUR }
    }

    #[test]
    fn each_failure_has_its_wait_and_the_ninth_has_none() {
        let schedule = contract();
        let waits: Vec<_> = (1..=9).map(|failed| schedule.retry_in_ms(failed, 0.0)).collect();
        let given = schedule.retries_ms.iter().map(|ms| Some(*ms)).chain([None]).collect::<Vec<_>>();
        assert_eq!(waits, given);
        assert_eq!(schedule.retry_in_ms(2, 1.0), Some(5_500));
        assert_eq!(schedule.retry_in_ms(0, 0.0), None);
    }

    #[test]
    fn five_days_of_failures_are_enough() {
        assert!(!contract().gives_up(0, 120 * HOUR - 1));
        assert!(contract().gives_up(0, 120 * HOUR));
    }

    #[test]
    fn only_failures_that_follow_each_other_count_as_one_span() {
        let schedule = contract();
        let longest = 11 * HOUR + LATE_MS;
        assert_eq!(schedule.failing_since(None, 7), 7);
        assert_eq!(schedule.failing_since(Some((3, 100)), 100 + longest), 3);
        assert_eq!(schedule.failing_since(Some((3, 100)), 101 + longest), 101 + longest);
    }

    fn waiting(of_account: i64, is_failing: bool, here: i64) -> Waiting {
        Waiting { is_failing, here, of_account }
    }

    #[test]
    fn who_has_the_fewest_under_way_is_next() {
        let first = |all: &[Waiting]| turn(all, 0);
        assert_eq!(first(&[waiting(9, false, 1), waiting(0, true, 0), waiting(3, false, 0)]), Some(1));
        assert_eq!(first(&[waiting(2, true, 0), waiting(2, false, 2), waiting(2, false, 1)]), Some(2));
        assert_eq!(first(&[waiting(1, false, 1), waiting(1, false, 1)]), Some(0), "who waits longer");
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn neither_an_account_nor_the_failing_take_every_place() {
        assert_eq!(turn(&[waiting(MOST_OF_ACCOUNT, false, 0)], 0), None);
        assert_eq!(turn(&[waiting(MOST_OF_ACCOUNT - 1, false, 0)], 0), Some(0));
        assert_eq!(turn(&[waiting(0, true, 0)], MOST_AT_FAILING - 1), Some(0));
        assert_eq!(turn(&[waiting(0, true, 0), waiting(9, false, 0)], MOST_AT_FAILING), Some(1));
    }

    #[test]
    fn a_failing_endpoint_is_tried_one_at_a_time() {
        assert_eq!((room(0, false), room(3, false), room(4, false), room(9, false)), (4, 1, 0, 0));
        assert_eq!((room(0, true), room(1, true)), (1, 0));
    }
}
