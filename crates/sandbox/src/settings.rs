//! How fast the stand-in is, and how it behaves.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::behaviour::Behaviour;

/// Timing and behaviour of one stand-in. Latency changes when a result comes, never which.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From the arrival of a submission to its answer (or to the cut), drawn for each; not for job 0011.
    pub settle_latency: RangeInclusive<Duration>,
    /// The same for reads.
    pub read_latency: RangeInclusive<Duration>,
    /// Replaces the settle latency for job 0011.
    pub slow_answer: Duration,
    /// Until an accepted proposal shows in reads.
    pub list_lag: Duration,
    /// Jobs 0017 and 0018 can be read again `deadline` plus this long after the submission arrived.
    pub unreadable_for: Duration,
    /// The deadline of an application at the server under test (`timing.deadline`).
    pub deadline: Duration,
    /// Makes the draws of latencies and wordings repeatable.
    pub seed: Option<u64>,
    /// What the server does differently from a plain day at Upwork.
    pub behaviour: Behaviour,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            settle_latency: Duration::from_secs(1)..=Duration::from_secs(3),
            read_latency: Duration::ZERO..=Duration::from_millis(200),
            slow_answer: Duration::from_secs(30),
            list_lag: Duration::ZERO,
            unreadable_for: Duration::from_secs(60),
            deadline: Duration::from_secs(270),
            seed: None,
            behaviour: Behaviour::default(),
        }
    }
}
