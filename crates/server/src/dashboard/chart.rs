//! Applications of the last days by what became of them, drawn as bars. Sizes are per mille of the drawing.

use applyd_core::state::State;
use applyd_store::glance::Day;
use jiff::Timestamp;
use jiff::tz::Offset;

/// What became of an application, as a bar's colours and the legend tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Applied,
    Open,
    Refused,
    Failed,
    Unknown,
}

impl Fate {
    /// From the bottom up.
    pub(super) const ALL: [Self; 5] = [Self::Applied, Self::Open, Self::Refused, Self::Failed, Self::Unknown];

    pub(super) fn of(state: State) -> Self {
        match state {
            State::Applied => Self::Applied,
            State::NotAvailable | State::NotEligible | State::NotEnoughConnects | State::LoggedOut => {
                Self::Refused
            }
            State::Failed => Self::Failed,
            State::Unknown => Self::Unknown,
            State::AwaitingApproval
            | State::Queued
            | State::Leased
            | State::Armed
            | State::Intent
            | State::Submitted
            | State::Verifying => Self::Open,
        }
    }

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Applied => "Applied",
            Self::Open => "Under way",
            Self::Refused => "Not possible",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    /// For the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// The drawing.
pub(super) struct Chart {
    /// Oldest first, today last.
    pub(super) bars: Vec<Bar>,
    /// Of the highest bar.
    pub(super) most: i64,
}

/// One day.
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) width: usize,
    /// `25`, and with its month where one begins.
    pub(super) label: String,
    /// `2026-11-25`.
    pub(super) date: String,
    pub(super) total: i64,
    /// Of each fate, in their order.
    pub(super) counts: [i64; Fate::ALL.len()],
    pub(super) parts: Vec<Part>,
    pub(super) is_today: bool,
}

/// What of a day shares a fate.
pub(super) struct Part {
    pub(super) fate: Fate,
    pub(super) y: i64,
    pub(super) height: i64,
    pub(super) count: i64,
}

const HEIGHT: i64 = 1000;
/// Of what a day has of the width, the rest is a gap.
const FILLED_PERCENT: usize = 72;

impl Chart {
    pub(super) fn of(days: &[Day]) -> Self {
        let counts: Vec<_> = days.iter().map(counts).collect();
        let most = counts.iter().map(|counts| counts.iter().sum()).max().unwrap_or(0);
        let step = 1000 / days.len().max(1);
        let bars = days.iter().zip(counts).enumerate().map(|(at, (day, counts))| {
            let date = Offset::UTC.to_datetime(Timestamp::from_millisecond(day.at).unwrap_or_default());
            let is_named = at == 0 || date.day() == 1;
            let width = step * FILLED_PERCENT / 100;
            Bar {
                x: at * step + (step - width) / 2,
                width,
                label: date.strftime(if is_named { "%-d %b" } else { "%-d" }).to_string(),
                date: date.strftime("%Y-%m-%d").to_string(),
                total: counts.iter().sum(),
                counts,
                parts: parts(counts, most),
                is_today: at + 1 == days.len(),
            }
        });
        Self { bars: bars.collect(), most }
    }

    /// What became of today's, in the order of the legend.
    pub(super) fn today(&self) -> impl Iterator<Item = (Fate, i64)> {
        let counts = self.bars.last().map(|bar| bar.counts).unwrap_or_default();
        Fate::ALL.into_iter().zip(counts)
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Bar> {
        self.bars.iter().rev()
    }

    pub(super) fn today_total(&self) -> i64 {
        self.bars.last().map_or(0, |bar| bar.total)
    }
}

fn counts(day: &Day) -> [i64; Fate::ALL.len()] {
    Fate::ALL.map(|fate| {
        day.states.iter().filter(|(state, _)| Fate::of(*state) == fate).map(|(_, count)| count).sum()
    })
}

/// From the bottom up; what there is at all can be seen.
fn parts(counts: [i64; Fate::ALL.len()], most: i64) -> Vec<Part> {
    const LEAST: i64 = 12;
    let mut y = HEIGHT;
    let there = Fate::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    there
        .map(|(fate, count)| {
            let height = (count.saturating_mul(HEIGHT - 5 * LEAST) / most.max(1)).max(LEAST);
            y -= height;
            Part { fate, y, height, count }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_day_and_nothing_of_it_is_lost() {
        let at = 1_800_000_000_000 - 1_800_000_000_000 % 86_400_000;
        let day =
            |ago: i64, states: &[(State, i64)]| Day { at: at - ago * 86_400_000, states: states.to_vec() };
        let chart = Chart::of(&[
            day(1, &[(State::Applied, 1_000_000), (State::Failed, 1)]),
            day(0, &[(State::Queued, 2), (State::Leased, 3), (State::NotEligible, 4), (State::Unknown, 1)]),
        ]);
        assert_eq!(chart.most, 1_000_001);
        assert_eq!(chart.bars[0].parts.len(), 2);
        assert!(chart.bars.iter().flat_map(|bar| &bar.parts).all(|part| part.height > 0 && part.y >= 0));
        assert_eq!(chart.bars[1].counts, [0, 5, 4, 0, 1]);
        assert!(chart.bars[1].is_today && chart.today_total() == 10);
        assert_eq!(Chart::of(&[day(0, &[])]).most, 0);
    }
}
