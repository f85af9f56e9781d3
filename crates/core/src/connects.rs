//! How many Connects may be spent: the operator's limits for an account or a key.

/// Limits in Connects; `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Cost and boost of one proposal.
    pub per_proposal: Option<i64>,
    /// Boost of one proposal.
    pub boost: Option<i64>,
    /// Cost and boost of all proposals of a UTC day, those of unknown outcome included.
    pub per_day: Option<i64>,
}

/// What one proposal costs, in Connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Without the boost.
    pub base: i64,
    /// The bid.
    pub boost: i64,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn total(self) -> i64 {
        self.base.saturating_add(self.boost)
    }
}

impl Limits {
    /// Whether a proposal may be sent where `spent_today` went before it.
    ///
    /// # Errors
    /// The limit that stands against it, as a sentence; `whose` begins it.
    pub fn admit(self, cost: Cost, spent_today: i64, whose: &str) -> Result<(), String> {
        let total = cost.total();
        let above = |limit: Option<i64>, asked: i64| limit.filter(|limit| asked > *limit);
        if let Some(limit) = above(self.boost, cost.boost) {
            return Err(format!("{whose} limit is a boost of {limit} Connects, it bids {}", cost.boost));
        }
        if let Some(limit) = above(self.per_proposal, total) {
            return Err(format!("{whose} limit is {limit} Connects a proposal, it costs {total}"));
        }
        if let Some(limit) = above(self.per_day, spent_today.saturating_add(total)) {
            return Err(format!(
                "{whose} limit is {limit} Connects a day, {spent_today} are spent and it costs {total}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_reached_and_not_passed() {
        let limits = Limits { per_proposal: Some(14), boost: Some(4), per_day: Some(30) };
        let cost = |base, boost| Cost { base, boost };
        assert!(limits.admit(cost(10, 4), 16, "the account's").is_ok());
        for (cost, spent, word) in
            [(cost(11, 4), 0, "a proposal"), (cost(1, 5), 0, "boost of 4"), (cost(10, 4), 17, "a day")]
        {
            let said = limits.admit(cost, spent, "the account's").unwrap_err();
            assert!(said.contains(word) && said.starts_with("the account's limit"), "{said}");
        }
        assert!(Limits::default().admit(cost(i64::MAX, i64::MAX), i64::MAX, "").is_ok());
    }
}
