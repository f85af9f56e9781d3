//! What one looks for in the list of applications, as the address says it.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::{JobKey, JobRef};
use applyd_core::state::State;
use applyd_store::listing::Wanted;
use applyd_store::{Error, Tx, application};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

const LONGEST_CHARS: usize = 200;

/// A choice of states: its name in the address, for people, and what is in it.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    states: &'static [State],
}

/// In their order.
pub(super) const CHOICES: &[Choice] = &[
    Choice { value: "", name: "Any status", states: &[] },
    Choice { value: "awaiting_approval", name: "Awaits approval", states: &[State::AwaitingApproval] },
    Choice {
        value: "under_way",
        name: "Under way",
        states: &[
            State::Queued,
            State::Leased,
            State::Armed,
            State::Intent,
            State::Submitted,
            State::Verifying,
        ],
    },
    Choice { value: "unknown", name: "Outcome unknown", states: &[State::Unknown] },
    Choice { value: "applied", name: "Applied", states: &[State::Applied] },
    Choice { value: "failed", name: "Failed", states: &[State::Failed] },
    Choice { value: "not_available", name: "Job not available", states: &[State::NotAvailable] },
    Choice { value: "not_eligible", name: "Not eligible", states: &[State::NotEligible] },
    Choice { value: "not_enough_connects", name: "Not enough Connects", states: &[State::NotEnoughConnects] },
    Choice { value: "logged_out", name: "Logged out", states: &[State::LoggedOut] },
];

/// The fields as they were filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Pick {
    pub(super) status: String,
    pub(super) job: String,
    pub(super) freelancer: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) q: String,
    /// Only older ones than this.
    before: String,
}

/// A field that is none of what is allowed, and what is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) says: &'static str,
}

/// What is looked for, but for the job, which the store has to know.
#[derive(Debug)]
pub(super) struct Parsed {
    wanted: Wanted,
    job: Option<JobRef>,
    pub(super) before: Option<QueueId>,
}

impl Pick {
    /// Whether anything is looked for.
    pub(super) fn is_any(&self) -> bool {
        *self == Self { before: self.before.clone(), ..Self::default() }
    }

    pub(super) fn is_first(&self) -> bool {
        self.before.is_empty()
    }

    pub(super) fn parse(&self) -> Result<Parsed, Wrong> {
        let wrong = |field, says| Wrong { field, says };
        let choice = CHOICES.iter().find(|choice| choice.value == self.status);
        let choice = choice.ok_or_else(|| wrong("status", "Pick one of the list."))?;
        let job = given(&self.job).map(|job| {
            JobRef::parse(job).ok_or_else(|| {
                wrong("job", "A job is its address at Upwork, its ciphertext (~02…) or its UUID.")
            })
        });
        let (freelancer, text) = (given(&self.freelancer), given(&self.q));
        for (field, value) in [("freelancer", freelancer), ("q", text)] {
            if value.is_some_and(|value| value.chars().count() > LONGEST_CHARS) {
                return Err(wrong(field, "At most 200 characters."));
            }
        }
        let before = given(&self.before)
            .map(|id| QueueId::parse(id).ok_or_else(|| wrong("q", "Begin at the newest.")));
        let wanted = Wanted {
            states: choice.states.to_vec(),
            job: None,
            since: given(&self.since).map(|day| midnight(day, 0, "since")).transpose()?,
            until: given(&self.until).map(|day| midnight(day, 1, "until")).transpose()?,
            freelancer: freelancer.map(str::to_owned),
            text: text.map(str::to_owned),
        };
        Ok(Parsed { wanted, job: job.transpose()?, before: before.transpose()? })
    }

    /// The address of this, from the beginning or from below an application.
    pub(super) fn address(&self, before: Option<&QueueId>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("status", &self.status),
            ("job", &self.job),
            ("freelancer", &self.freelancer),
            ("since", &self.since),
            ("until", &self.until),
            ("q", &self.q),
        ];
        for (name, value) in fields {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", before.as_str());
        }
        let query = query.finish();
        if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
    }
}

const PATH: &str = "/dashboard/applications";

impl Parsed {
    /// With the job as the account knows it; `None`: it knows none like that, so that nothing can be found.
    pub(super) fn wanted(&self, tx: &Tx<'_>, account: &AccountId) -> Result<Option<Wanted>, Error> {
        let job = match &self.job {
            None => return Ok(Some(self.wanted.clone())),
            Some(JobRef::Key(key)) => Some(key.clone()),
            Some(JobRef::Processed(uuid)) => application::job_of_uuid(tx, account, &uuid.to_string())?
                .or_else(|| JobKey::of_published_uuid(uuid)),
        };
        Ok(job.map(|job| Wanted { job: Some(job), ..self.wanted.clone() }))
    }
}

fn given(field: &str) -> Option<&str> {
    Some(field.trim()).filter(|field| !field.is_empty())
}

/// The beginning of a day, or of one after it, in UTC.
fn midnight(day: &str, days_after: i64, field: &'static str) -> Result<i64, Wrong> {
    let wrong = || Wrong { field, says: "A day is written YYYY-MM-DD." };
    let date: Date = day.parse().map_err(|_| wrong())?;
    let date = date.checked_add(jiff::Span::new().days(days_after)).map_err(|_| wrong())?;
    let midnight =
        TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).map_err(|_| wrong())?;
    Ok(midnight.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_was_picked_and_nothing_else() {
        let pick = Pick { status: "applied".into(), q: "a b&c".into(), ..Pick::default() };
        assert_eq!(pick.address(None), "/dashboard/applications?status=applied&q=a+b%26c");
        assert_eq!(Pick::default().address(None), "/dashboard/applications");
        let older = Pick { before: QueueId::new(1, 1).to_string(), ..Pick::default() };
        assert!(older.is_any() && !older.is_first());
    }

    #[test]
    fn a_day_is_whole() {
        let pick = Pick { since: "2026-11-25".into(), until: "2026-11-25".into(), ..Pick::default() };
        let wanted = pick.parse().unwrap().wanted;
        assert_eq!(wanted.until.unwrap() - wanted.since.unwrap(), 24 * 60 * 60 * 1000);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |pick: Pick| pick.parse().unwrap_err().field;
        assert_eq!(wrong(Pick { status: "gone".into(), ..Pick::default() }), "status");
        assert_eq!(wrong(Pick { job: "x".into(), ..Pick::default() }), "job");
        assert_eq!(wrong(Pick { since: "yesterday".into(), ..Pick::default() }), "since");
        assert_eq!(wrong(Pick { until: "2026-02-30".into(), ..Pick::default() }), "until");
        assert_eq!(wrong(Pick { q: "x".repeat(201), ..Pick::default() }), "q");
    }
}
