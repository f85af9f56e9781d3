//! What a proposal promises, for people.

use applyd_core::job_ref::JobKey;
use applyd_core::terms::{Cents, Price, Terms};

/// Where people find a job by its ciphertext.
const JOBS: &str = "https://www.upwork.com/jobs/";

/// Where a job is at Upwork.
pub(super) fn job_url(job: &JobKey) -> String {
    format!("{JOBS}{job}")
}

/// Terms as a page shows them.
pub(super) struct Offer(pub(super) Terms);

impl Offer {
    pub(super) fn price(&self) -> String {
        match &self.0.price {
            Price::Absent => "The profile's rate".to_owned(),
            Price::Hourly(rate) => format!("{} an hour", dollars(*rate)),
            Price::Fixed { total, .. } => format!("{} fixed", dollars(*total)),
        }
    }

    /// What, by when, for how much.
    pub(super) fn milestones(&self) -> Vec<(&str, &str, String)> {
        let Price::Fixed { milestones, .. } = &self.0.price else { return Vec::new() };
        let told = milestones.iter().map(|part| {
            (part.description.as_str(), part.due_date.as_deref().unwrap_or("–"), dollars(part.amount))
        });
        told.collect()
    }

    pub(super) fn connects(&self) -> String {
        let boost = match self.0.boost_connects {
            0 => String::new(),
            boost => format!("{boost} for a boost, "),
        };
        match self.0.max_connects {
            Some(most) => format!("{boost}{most} in all at most"),
            None => format!("{boost}no limit of its own"),
        }
    }
}

/// `$65.00`
pub(super) fn dollars(cents: Cents) -> String {
    let cents = cents.get();
    format!("${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_with_its_cents() {
        assert_eq!(
            [5, 6_500, 100_000_000].map(|cents| dollars(Cents::new(cents))),
            ["$0.05", "$65.00", "$1000000.00"]
        );
    }
}
