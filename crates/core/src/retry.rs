//! Delays of repeated tries: doubling, full jitter, capped. One layer only: nothing below repeats by itself.

/// Passing faults reported by a live worker.
pub const MOST_ATTEMPTS: i64 = 6;
/// Leases lost by dead workers.
pub const MOST_LOST_LEASES: i64 = 3;
const LONGEST_DELAY_MS: i64 = 20_000;

/// The delay before the next try. `failed` counts the tries before, `draw` is an even random number in 0..1.
#[must_use]
pub fn delay_ms(base_ms: i64, failed: i64, draw: f64) -> i64 {
    let doublings = u32::try_from(failed.clamp(0, 30)).unwrap_or(30);
    let ceiling = base_ms.saturating_mul(1_i64 << doublings).clamp(0, LONGEST_DELAY_MS);
    (ceiling as f64 * draw.clamp(0.0, 1.0)) as i64
}

const MINUTE_MS: i64 = 60_000;
/// When a live site is read for a lost answer, after the intent; then every hour.
const LOOKS_MS: [i64; 5] = [5_000, 30_000, 2 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS];

/// The wait before the next read of a live site, so long after the intent: submission-protocol.md §5.
#[must_use]
pub fn look_again_ms(since_intent_ms: i64) -> i64 {
    let next = LOOKS_MS.into_iter().find(|at| *at > since_intent_ms);
    next.map_or(60 * MINUTE_MS, |at| at - since_intent_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_site_is_read_ever_less_often() {
        for (since_ms, wait_ms) in
            [(0, 5_000), (5_000, 25_000), (31_000, 89_000), (600_000, 1_200_000), (1_800_000, 3_600_000)]
        {
            assert_eq!(look_again_ms(since_ms), wait_ms, "{since_ms}");
        }
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        assert_eq!(delay_ms(1000, 0, 1.0), 1000);
        assert_eq!(delay_ms(1000, 3, 1.0), 8000);
        assert_eq!(delay_ms(1000, 60, 1.0), LONGEST_DELAY_MS);
        assert_eq!(delay_ms(1000, 3, 0.5), 4000);
        assert_eq!(delay_ms(0, 3, 1.0), 0);
    }
}
