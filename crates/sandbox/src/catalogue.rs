//! The catalogue: made-up clients with jobs and a history, written for people who try the data reads.
//!
//! Its jobs are ordinary ones: only their contents differ from those made of an id.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chance::hex;
use crate::error::Error;

/// Before the two digits of the client and the place of the job; below 2^63, for callers that read ids as numbers.
const JOB_PREFIX: &str = "9100000000000000";
/// The same for jobs of the history, which are over.
const PAST_JOB_PREFIX: &str = "9110000000000000";
/// Before the two digits of the client.
const COMPANY_PREFIX: &str = "81000000000000000";

const FILES: [(&str, &str); 4] = [
    ("software.json", include_str!("../catalogue/software.json")),
    ("data.json", include_str!("../catalogue/data.json")),
    ("design.json", include_str!("../catalogue/design.json")),
    ("business.json", include_str!("../catalogue/business.json")),
];

/// Read once; what is wrong with the files is told at the start.
static CLIENTS: LazyLock<Result<Vec<Client>, String>> = LazyLock::new(read);

/// A client with its jobs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) number: u8,
    pub(crate) name: String,
    pub(crate) city: String,
    pub(crate) country: String,
    pub(crate) timezone: String,
    /// A date.
    pub(crate) since: String,
    pub(crate) verified: bool,
    pub(crate) jobs: Vec<Listed>,
    pub(crate) history: Vec<Contract>,
}

/// An open job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    pub(crate) title: String,
    pub(crate) text: String,
    /// The range of an hourly job, in US dollars.
    pub(crate) hourly: Option<[u32; 2]>,
    /// The budget of any other, in US dollars.
    pub(crate) fixed: Option<u32>,
    /// 1 entry, 2 intermediate, 3 expert.
    pub(crate) level: u8,
    pub(crate) weeks: u32,
    /// A date.
    pub(crate) posted: String,
    #[serde(default)]
    pub(crate) interviewing: u32,
    #[serde(default)]
    pub(crate) invites: u32,
    #[serde(default)]
    pub(crate) hired: u32,
    #[serde(default)]
    pub(crate) questions: Vec<String>,
    /// Where the client would like freelancers to be.
    #[serde(default)]
    pub(crate) countries: Vec<String>,
}

/// A contract of the client, for a job that is over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contract {
    pub(crate) title: String,
    /// The freelancer.
    pub(crate) by: String,
    /// US dollars by the hour; none for a fixed price.
    pub(crate) rate: Option<u32>,
    pub(crate) hours: Option<f64>,
    /// US dollars.
    pub(crate) paid: u32,
    /// A date.
    pub(crate) from: String,
    /// A date; none while it runs.
    pub(crate) to: Option<String>,
    /// The client's of the freelancer.
    pub(crate) score: Option<f64>,
    pub(crate) comment: Option<String>,
    /// The freelancer's of the client.
    pub(crate) client_score: Option<f64>,
    pub(crate) client_comment: Option<String>,
    /// The feedback is not shown.
    #[serde(default)]
    pub(crate) suppressed: bool,
    /// Nobody else sees what it is about.
    #[serde(default)]
    pub(crate) private: bool,
}

/// A job of the catalogue, as a list shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueJob {
    /// Its ciphertext.
    pub job_id: String,
    /// Its title.
    pub title: String,
    /// `HOURLY` or `FIXED`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The client's name.
    pub client: String,
    /// The client's id.
    pub company_id: String,
}

impl Client {
    pub(crate) fn id(&self) -> String {
        format!("{COMPANY_PREFIX}{:02}", self.number)
    }

    /// The id of a job of the history, by its place.
    pub(crate) fn past_job_id(&self, place: usize) -> String {
        format!("{PAST_JOB_PREFIX}{:02}{}", self.number, place + 1)
    }
}

impl Listed {
    /// How Upwork names the way of paying.
    pub(crate) fn kind(&self) -> &'static str {
        if self.fixed.is_some() { "FIXED" } else { "HOURLY" }
    }
}

impl Contract {
    /// The freelancer's ciphertext, made of the name.
    pub(crate) fn freelancer_ciphertext(&self) -> String {
        const DIGITS: usize = 18;
        format!("~01{}", &hex(&Sha256::digest(&self.by))[..DIGITS])
    }
}

/// Whether the catalogue can be read at all.
pub(crate) fn check() -> Result<(), Error> {
    CLIENTS.as_ref().map(|_| ()).map_err(|error| Error::Catalogue(error.clone()))
}

/// The job of a numeric id, with its client.
pub(crate) fn find(id: &str) -> Option<(&'static Client, &'static Listed)> {
    let (number, place) = id.strip_prefix(JOB_PREFIX).filter(|rest| rest.len() == 3)?.split_at(2);
    let number: u8 = number.parse().ok()?;
    let client = clients().iter().find(|client| client.number == number)?;
    let place = place.parse::<usize>().ok()?.checked_sub(1)?;
    Some((client, client.jobs.get(place)?))
}

/// Every job of the catalogue, client by client.
#[must_use]
pub fn catalogue() -> Vec<CatalogueJob> {
    let mut jobs = Vec::new();
    for client in clients() {
        for (place, job) in client.jobs.iter().enumerate() {
            jobs.push(CatalogueJob {
                job_id: format!("~02{JOB_PREFIX}{:02}{}", client.number, place + 1),
                title: job.title.clone(),
                kind: job.kind(),
                client: client.name.clone(),
                company_id: client.id(),
            });
        }
    }
    jobs
}

fn clients() -> &'static [Client] {
    CLIENTS.as_deref().unwrap_or_default()
}

fn read() -> Result<Vec<Client>, String> {
    let mut clients = Vec::new();
    for (name, text) in FILES {
        let read: Vec<Client> = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        clients.extend(read);
    }
    clients.iter().try_for_each(judge)?;
    Ok(clients)
}

/// What the forms of ids and documents need.
fn judge(client: &Client) -> Result<(), String> {
    const MOST_PLACES: usize = 9;
    let fits = (1..100).contains(&client.number)
        && (1..=MOST_PLACES).contains(&client.jobs.len())
        && (1..=MOST_PLACES).contains(&client.history.len());
    let priced = client.jobs.iter().all(|job| job.hourly.is_some() != job.fixed.is_some());
    let levelled = client.jobs.iter().all(|job| (1..=3).contains(&job.level));
    if fits && priced && levelled {
        return Ok(());
    }
    Err(format!("client {}: number, number of rows, price or level is out of range", client.number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn it_is_large_and_varied() {
        check().unwrap();
        let jobs = catalogue();
        assert!(jobs.len() >= 200 && clients().len() >= 40, "{} {}", jobs.len(), clients().len());
        let titles: HashSet<_> = jobs.iter().map(|job| &job.title).collect();
        assert_eq!(titles.len(), jobs.len(), "no title twice");
        let listed: Vec<_> = clients().iter().flat_map(|client| &client.jobs).collect();
        let openings: HashSet<_> =
            listed.iter().map(|job| job.text.split(' ').take(4).collect::<Vec<_>>()).collect();
        assert!(openings.len() > listed.len() * 9 / 10, "{} ways to begin", openings.len());
        let count = |wanted: &dyn Fn(&Listed) -> bool| listed.iter().filter(|job| wanted(job)).count();
        assert!(count(&|job| job.fixed.is_some()) > 50 && count(&|job| job.hourly.is_some()) > 50);
        assert!(count(&|job| !job.questions.is_empty()) > 30 && count(&|job| !job.countries.is_empty()) > 20);
        assert!((1..=3).all(|level| count(&|job| job.level == level) > 3));
        let history: Vec<_> = clients().iter().flat_map(|client| &client.history).collect();
        assert!(history.iter().any(|row| row.private) && history.iter().any(|row| row.suppressed));
        assert!(history.iter().any(|row| row.to.is_none()) && history.len() > 100);
        let numbers: HashSet<_> = clients().iter().map(|client| client.number).collect();
        assert_eq!(numbers.len(), clients().len());
    }

    #[test]
    fn ids_lie_outside_of_the_published_block_and_find_their_job() {
        for job in catalogue() {
            let id = job.job_id.strip_prefix("~02").unwrap();
            assert!(id.len() == 19 && !id.starts_with("900000000000000"), "{id}");
            assert!(id.parse::<i64>().is_ok(), "{id}");
            let (client, listed) = find(id).unwrap();
            assert_eq!((&listed.title, &client.name), (&job.title, &job.client));
        }
        for unknown in
            ["9100000000000000000", "9100000000000000010", "9100000000000000019", "9100000000000000991"]
        {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn dates_are_dates() {
        for client in clients() {
            let contracts =
                client.history.iter().flat_map(|row| [Some(&row.from), row.to.as_ref()]).flatten();
            let jobs = client.jobs.iter().map(|job| &job.posted);
            for date in contracts.chain(jobs).chain([&client.since]) {
                assert!(date.parse::<jiff::civil::Date>().is_ok(), "{}: {date}", client.name);
            }
        }
    }
}
