//! Admission by time: nothing is accepted that is bound to end `deadline`.

/// With how many applications of one organisation under way a new one is refused.
///
/// At least one: where nothing is ahead, nothing waits, however long the last one took. An organisation that was
/// slow once could else never show that it is not.
#[must_use]
pub fn most_ahead(intent_cutoff_ms: i64, one_takes_ms: i64) -> i64 {
    (intent_cutoff_ms / one_takes_ms.max(1)).max(1)
}

/// When to come back, in whole seconds: when the place at the end of the queue comes within reach.
#[must_use]
pub fn retry_after_s(ahead: i64, intent_cutoff_ms: i64, one_takes_ms: i64) -> i64 {
    let too_many = (ahead + 1 - most_ahead(intent_cutoff_ms, one_takes_ms)).max(1);
    (too_many.saturating_mul(one_takes_ms) / 1000).clamp(1, 60)
}

/// A running mean of how long one takes, in milliseconds; recent ones weigh more.
#[must_use]
pub fn recent_ms(before_ms: i64, took_ms: i64) -> i64 {
    const WEIGHT: i64 = 4;
    ((before_ms * (WEIGHT - 1) + took_ms) / WEIGHT).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_organisation_admits_few() {
        assert_eq!(most_ahead(200_000, 30_000), 6);
        assert_eq!(most_ahead(200_000, 10), 20_000);
        assert_eq!(most_ahead(200_000, 270_000), 1, "an empty queue takes one");
        assert_eq!(retry_after_s(6, 200_000, 30_000), 30);
        assert_eq!(retry_after_s(20_000, 200_000, 10), 1);
        assert!(recent_ms(2000, 0) < 2000 && recent_ms(1, 0) >= 1);
    }
}
