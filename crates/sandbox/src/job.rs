//! The jobs of the marketplace: every well-formed id names one, with contents made from the id.

use sha2::{Digest, Sha256};

use crate::catalogue::{self, Client, Listed};
use crate::script::Script;

/// What an application costs, in Connects.
pub(crate) const COST_CONNECTS: u32 = 10;
/// What every account has, in Connects; it never falls.
pub(crate) const BALANCE_CONNECTS: u32 = 500;
/// The balance that job 0005 shows, in Connects.
const POOR_BALANCE_CONNECTS: u32 = 4;
/// The least boost that wins a slot, in Connects.
pub(crate) const RECOMMENDED_BOOST_CONNECTS: u32 = 4;
/// The greatest boost, in Connects.
pub(crate) const MAX_BOOST_CONNECTS: u32 = BALANCE_CONNECTS - COST_CONNECTS;

/// The ids of the published jobs are this and four digits.
const PUBLISHED_PREFIX: &str = "900000000000000";
const MAX_NUMERIC_DIGITS: usize = 20;
const MAX_HEX_DIGITS: usize = 32;
/// Numeric ids made for `~01` jobs lie in this range of 10^17, where no published job is.
const MADE_ID_BASE: u64 = 2_000_000_000_000_000_000;
const MADE_ID_RANGE: u64 = 100_000_000_000_000_000;

/// A job as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobRef {
    /// The numeric id, made by hash for a job of the old form.
    pub(crate) id: String,
    /// The `~01` ciphertext it was named by.
    pub(crate) old_ciphertext: Option<String>,
}

impl JobRef {
    /// Reads a numeric id, a ciphertext or a job URL.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if is_numeric_id(text) {
            return Some(Self { id: text.into(), old_ciphertext: None });
        }
        if text.starts_with("~0") {
            return Self::parse_ciphertext(text);
        }
        if !text.contains('/') {
            return None;
        }
        let path = text.replace("%7E", "~").replace("%7e", "~");
        let start = path.find("~01").or_else(|| path.find("~02"))?;
        let tail = &path[start..];
        let end = tail[1..].find(|c: char| !c.is_ascii_hexdigit()).map_or(tail.len(), |at| at + 1);
        Self::parse_ciphertext(&tail[..end])
    }

    fn parse_ciphertext(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix("~02") {
            return is_numeric_id(digits).then(|| Self { id: digits.into(), old_ciphertext: None });
        }
        let hex = text.strip_prefix("~01")?;
        let well_formed =
            (1..=MAX_HEX_DIGITS).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit());
        well_formed.then(|| {
            let ciphertext = text.to_ascii_lowercase();
            Self { id: made_id(&ciphertext), old_ciphertext: Some(ciphertext) }
        })
    }
}

fn is_numeric_id(text: &str) -> bool {
    (1..=MAX_NUMERIC_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn made_id(ciphertext: &str) -> String {
    let digest = Sha256::digest(ciphertext);
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    (MADE_ID_BASE + number % MADE_ID_RANGE).to_string()
}

/// A job with its contents.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) script: Script,
    /// What the catalogue says of it, if it is there.
    pub(crate) listed: Option<(&'static Client, &'static Listed)>,
    name: String,
}

impl Job {
    /// The job of a numeric id; none for a reserved one.
    pub(crate) fn find(id: &str) -> Option<Self> {
        let published = id.strip_prefix(PUBLISHED_PREFIX).filter(|number| number.len() == 4);
        let script = match published {
            Some(number) => Script::of_published(number)?,
            None => Script::Plain,
        };
        Some(Self {
            id: id.into(),
            script,
            listed: catalogue::find(id),
            name: published.unwrap_or(id).into(),
        })
    }

    pub(crate) fn title(&self) -> String {
        match self.listed {
            Some((_, listed)) => listed.title.clone(),
            None => format!("Sandbox job {}", self.name),
        }
    }

    pub(crate) fn description(&self) -> String {
        match self.listed {
            Some((_, listed)) => listed.text.clone(),
            None => format!("Sandbox job {}. {}", self.name, self.script.deed()),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://www.upwork.com/jobs/~02{}", self.id)
    }

    /// The client's id: one client for each job outside of the catalogue.
    pub(crate) fn company_id(&self) -> String {
        if let Some((client, _)) = self.listed {
            return client.id();
        }
        match self.id.strip_prefix(PUBLISHED_PREFIX) {
            Some(number) => format!("800000000000000{number}"),
            None => format!("8{}", self.id),
        }
    }

    pub(crate) fn company_name(&self) -> String {
        match self.listed {
            Some((client, _)) => client.name.clone(),
            None => format!("Sandbox Client {}", self.name),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.script != Script::Gone
    }

    pub(crate) fn is_eligible(&self) -> bool {
        self.script != Script::Ineligible
    }

    pub(crate) fn is_fixed_price(&self) -> bool {
        self.script == Script::FixedPrice || self.listed.is_some_and(|(_, listed)| listed.fixed.is_some())
    }

    pub(crate) fn balance_connects(&self) -> u32 {
        if self.script == Script::Poor { POOR_BALANCE_CONNECTS } else { BALANCE_CONNECTS }
    }

    pub(crate) fn questions(&self) -> Vec<&'static str> {
        match (self.script, self.listed) {
            (Script::Questions, _) => {
                vec!["How many years have you worked with Rust?", "When can you start?"]
            }
            (_, Some((_, listed))) => listed.questions.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Job, JobRef};

    #[test]
    fn every_spelling_names_one_job() {
        for text in [
            "9000000000000000001",
            "~029000000000000000001",
            "https://www.upwork.com/jobs/~029000000000000000001",
            "https://www.upwork.com/freelance-jobs/apply/A-b_%7E029000000000000000001/?x=1",
        ] {
            assert_eq!(JobRef::parse(text).unwrap().id, "9000000000000000001", "{text}");
        }
        assert_eq!(JobRef::parse("90000000-0000-4000-8000-000000000001"), None);
    }

    #[test]
    fn an_old_ciphertext_has_a_stable_numeric_id() {
        let named = JobRef::parse("~01ABC123def456").unwrap();
        assert_eq!(
            named,
            JobRef::parse("https://www.upwork.com/ab/proposals/job/~01abc123def456/apply/#/").unwrap()
        );
        assert_eq!(named.old_ciphertext.as_deref(), Some("~01abc123def456"));
        assert!(named.id.starts_with("20") && named.id.len() == 19, "{}", named.id);
    }

    #[test]
    fn reserved_numbers_are_no_jobs() {
        for number in ["0000", "0016", "0019", "0999"] {
            assert!(Job::find(&format!("900000000000000{number}")).is_none(), "{number}");
        }
        for number in ["0001", "0015", "0017", "0018", "1000", "9999"] {
            assert!(Job::find(&format!("900000000000000{number}")).is_some(), "{number}");
        }
    }
}
