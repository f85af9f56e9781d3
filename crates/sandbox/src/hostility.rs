//! How hostile the site is: what may go wrong with the calls that are made for applications, and how often.
//!
//! All of it can happen at Upwork. What was accepted stays accepted and shows in reads within [`Hostility::lag`];
//! a refusal that is worded as definite is true: nothing was stored, and nothing will be.

use std::str::FromStr;
use std::time::Duration;

/// Calls of which a share is told.
const SHARES_OF: u32 = 1000;

/// How often things go wrong, and by which draws. Calls that name no application are spared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostility {
    /// The same seed strikes the same calls: by application or job, kind of call, and how often it was made.
    pub seed: u64,
    /// Of 1,000 calls before the confirm or after it, so many are struck.
    pub calls: u32,
    /// Of 1,000 confirms.
    pub confirms: u32,
    /// Of 1,000 refreshes so many answers are lost; of 1,000 access tokens so many die before their time.
    pub logins: u32,
    /// Of 1,000 lists of tools, so many have changed.
    pub tools: u32,
    /// An answer that is late comes after this: longer than any client waits.
    pub late: Duration,
    /// An accepted proposal shows after this at the latest.
    pub lag: Duration,
    /// A preview lives so long, if not as the behaviour says.
    pub preview: Option<Duration>,
    /// If there are any, nothing else happens.
    pub only: Vec<Misfortune>,
}

impl Default for Hostility {
    fn default() -> Self {
        Self {
            seed: 1,
            calls: 0,
            confirms: 0,
            logins: 0,
            tools: 0,
            late: Duration::from_secs(60),
            lag: Duration::from_millis(100),
            preview: None,
            only: Vec::new(),
        }
    }
}

impl FromStr for Hostility {
    type Err = String;

    /// Reads `seed=7,calls=30,confirms=250,logins=100,tools=2,late_ms=2000,lag_ms=100,preview_ms=45000`;
    /// what is missing is default.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut hostility = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let read = part.split_once('=').and_then(|(key, value)| Some((key, value.parse::<u64>().ok()?)));
            let (key, value) = read.ok_or_else(|| format!("{part} is not a name and a whole number"))?;
            let share = || match u32::try_from(value) {
                Ok(share) if share <= SHARES_OF => Ok(share),
                _ => Err(format!("{key} must be from 0 to {SHARES_OF}")),
            };
            match key {
                "seed" => hostility.seed = value,
                "calls" => hostility.calls = share()?,
                "confirms" => hostility.confirms = share()?,
                "logins" => hostility.logins = share()?,
                "tools" => hostility.tools = share()?,
                "late_ms" => hostility.late = Duration::from_millis(value),
                "lag_ms" => hostility.lag = Duration::from_millis(value),
                "preview_ms" => hostility.preview = Some(Duration::from_millis(value)),
                _ => return Err(format!("{key} is unknown")),
            }
        }
        Ok(hostility)
    }
}

/// What can go wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfortune {
    /// Any call: an HTTP status and no document.
    Status,
    /// Any call: a page for people.
    Page,
    /// Any call: the connection ends before anything was done.
    Dropped,
    /// Any call: it is done, and the connection ends without an answer.
    Lost,
    /// Any call: it is done, and the answer ends after any number of its bytes.
    Cut,
    /// Any call: it is done, and the answer comes when nobody waits for it.
    Late,
    /// Any call: it is done, after a moment.
    Slow,
    /// Any call: an event stream with replies to others, and the reply twice.
    Twice,
    /// Any call: an error in words that prove nothing.
    Vague,
    /// The list of tools: one that is needed has another name.
    Renamed,
    /// The list of tools: one demands what nobody knows.
    Demanding,
    /// The list of tools: that of the user's compact mode.
    Compact,
    /// Create: what is stored differs from what was sent.
    TermsDiffer,
    /// Create: refused, as an invitation exists that no list shows.
    PriorProposal,
    /// Create, or the read of a preview: it is then replaced by another.
    Superseded,
    /// Create, or the read of a preview: it is then too old.
    Expired,
    /// A list: oldest first.
    Disordered,
    /// A list, or a job: without what is new.
    Lagging,
    /// A list: of all statuses, whichever was asked for.
    Mixed,
    /// A list: empty, whatever there is.
    Empty,
    /// A list: with a wrong total.
    Miscounted,
    /// The balance: without its history.
    RowMissing,
    /// The confirm: a definite no.
    Refused,
    /// The confirm: the connection ends, and then the proposal is stored.
    StoredLate,
}
