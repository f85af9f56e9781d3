//! Deliveries of events to webhook endpoints: when one is tried again, and when an endpoint is given up.

/// Attempts under way at one endpoint.
const AT_ONCE: i64 = 4;
/// The same where the last attempt failed: many dead endpoints must not take the places of the living.
const AT_ONCE_FAILING: i64 = 1;
/// A retry comes up to this share of its delay later, so that what failed together does not come back together.
const JITTER: f64 = 0.1;

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
    fn a_failing_endpoint_is_tried_one_at_a_time() {
        assert_eq!((room(0, false), room(3, false), room(4, false), room(9, false)), (4, 1, 0, 0));
        assert_eq!((room(0, true), room(1, true)), (1, 0));
    }
}
