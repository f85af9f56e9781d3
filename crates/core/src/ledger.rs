//! The law of the credits: double entry, append-only, one hold and at most one settlement an application.

use std::collections::BTreeMap;

use serde::Serialize;

/// Kinds of ledger entries. Each moves credits from one place to another and so sums to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Operator to available.
    Grant,
    /// Available to held.
    Hold,
    /// Held to spent: the post.
    Capture,
    /// Held to available: the void.
    Release,
    /// Held to available, reported as our loss: a void.
    WriteOff,
}

impl Kind {
    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::WriteOff => "write_off",
        }
    }

    /// The kind of a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Grant, Self::Hold, Self::Capture, Self::Release, Self::WriteOff]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// What one entry of `amount` credits changes: available, held, spent.
    #[must_use]
    pub fn moves(self, amount: i64) -> Balance {
        let (available, held, spent) = match self {
            Self::Grant => (amount, 0, 0),
            Self::Hold => (-amount, amount, 0),
            Self::Capture => (0, -amount, amount),
            Self::Release | Self::WriteOff => (amount, -amount, 0),
        };
        Balance { available, held, spent }
    }

    fn settles(self) -> bool {
        matches!(self, Self::Capture | Self::Release | Self::WriteOff)
    }
}

/// Credits of one account, by place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// May be held.
    pub available: i64,
    /// Reserved by applications under way or of unknown outcome.
    pub held: i64,
    /// Captured by applications that were applied.
    pub spent: i64,
}

impl Balance {
    /// The balance after a change.
    #[must_use]
    pub fn plus(self, change: Self) -> Self {
        Self {
            available: self.available + change.available,
            held: self.held + change.held,
            spent: self.spent + change.spent,
        }
    }
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub account: String,
    /// For which application; grants have none.
    pub application: Option<String>,
    /// What.
    pub kind: Kind,
    /// Credits, above 0.
    pub amount: i64,
}

/// What an application's state says must be true of its credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Under way or of unknown outcome.
    Held,
    /// Applied.
    Captured,
    /// Ended without a submission.
    Released,
    /// Unknown for good.
    WrittenOff,
}

impl Expected {
    fn settlement(self) -> Option<Kind> {
        match self {
            Self::Held => None,
            Self::Captured => Some(Kind::Capture),
            Self::Released => Some(Kind::Release),
            Self::WrittenOff => Some(Kind::WriteOff),
        }
    }
}

/// Checks a whole ledger, oldest entry first, against the balances and the applications.
/// Answers one sentence for each violation.
#[must_use]
pub fn verify(
    entries: &[Entry],
    balances: &BTreeMap<String, Balance>,
    applications: &BTreeMap<String, Expected>,
) -> Vec<String> {
    let mut violations = Vec::new();
    let mut sums: BTreeMap<&str, Balance> = BTreeMap::new();
    let mut history: BTreeMap<&str, Vec<Kind>> = BTreeMap::new();
    for entry in entries {
        let sum = sums.entry(&entry.account).or_default();
        *sum = sum.plus(entry.kind.moves(entry.amount));
        if entry.amount <= 0 || sum.available < 0 || sum.held < 0 || sum.spent < 0 {
            violations.push(format!("account {}: {:?} after {}", entry.account, sum, entry.kind.as_str()));
        }
        match &entry.application {
            Some(application) => history.entry(application).or_default().push(entry.kind),
            None if entry.kind != Kind::Grant => {
                violations.push(format!(
                    "account {}: {} without an application",
                    entry.account,
                    entry.kind.as_str()
                ));
            }
            None => {}
        }
    }
    for (account, balance) in balances {
        let sum = sums.get(account.as_str()).copied().unwrap_or_default();
        if sum != *balance {
            violations
                .push(format!("account {account}: the ledger makes {sum:?}, the balance is {balance:?}"));
        }
    }
    for (application, expected) in applications {
        let kinds = history.remove(application.as_str()).unwrap_or_default();
        let settlements: Vec<Kind> = kinds.iter().copied().filter(|kind| kind.settles()).collect();
        let wanted: Vec<Kind> = expected.settlement().into_iter().collect();
        if kinds.first() != Some(&Kind::Hold) || kinds.len() != 1 + settlements.len() || settlements != wanted
        {
            violations.push(format!("application {application}: {kinds:?}, but it is {expected:?}"));
        }
    }
    violations.extend(
        history.keys().map(|application| format!("application {application}: entries without a row")),
    );
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, application: Option<&str>) -> Entry {
        Entry { account: "a".into(), application: application.map(Into::into), kind, amount: 1 }
    }

    fn check(entries: &[Entry], available: i64, held: i64, spent: i64, expected: Expected) -> usize {
        let balances = BTreeMap::from([("a".to_owned(), Balance { available, held, spent })]);
        verify(entries, &balances, &BTreeMap::from([("q".to_owned(), expected)])).len()
    }

    #[test]
    fn a_clean_ledger_has_no_violation_and_each_fault_has_one() {
        let grant = entry(Kind::Grant, None);
        let hold = entry(Kind::Hold, Some("q"));
        let capture = entry(Kind::Capture, Some("q"));
        let release = entry(Kind::Release, Some("q"));
        let clean = [grant.clone(), hold.clone(), capture.clone()];
        assert_eq!(check(&clean, 0, 0, 1, Expected::Captured), 0);
        assert_eq!(check(&clean[..2], 0, 1, 0, Expected::Held), 0);
        assert_eq!(check(&clean, 0, 0, 1, Expected::Released), 1, "settled the wrong way");
        assert_eq!(check(&clean, 1, 0, 1, Expected::Captured), 1, "balance differs");
        assert_eq!(check(&clean[..2], 0, 1, 0, Expected::Released), 1, "not settled");
        assert!(check(&[grant.clone(), hold.clone(), capture, release], 1, -1, 1, Expected::Captured) > 1);
        assert!(check(std::slice::from_ref(&hold), -1, 1, 0, Expected::Held) >= 1, "held what was not there");
        assert!(check(&[grant, hold.clone(), hold], -1, 2, 0, Expected::Held) >= 2, "held twice");
    }
}
