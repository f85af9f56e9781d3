//! The operator of a run: agrees to what the drift guard has stopped for, lets an account go on whose user has left the
//! compact mode, and nothing else.

use std::time::Duration;

use applyd_core::time::iso;

use super::caller::Wire;
use crate::harness::Place;

const POLL: Duration = Duration::from_millis(300);

/// The channel stood still, or one account, by the times of the servers.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// `None`: all of the channel.
    pub(super) account: Option<String>,
    /// The guard has stopped it.
    pub(super) since: String,
    /// The operator is about to agree.
    pub(super) until: String,
}

/// Watches until the run is over; answers what stood still meanwhile.
pub(super) fn operate(place: &Place, wire: &Wire) -> Vec<Stop> {
    let mut stops = Vec::new();
    while !wire.is_over() {
        let pauses = place.json(&["pause"])["pauses"].as_array().unwrap().clone();
        for pause in pauses.iter().filter(|pause| pause["by"] == "drift guard") {
            let until = iso(jiff::Timestamp::now().as_millisecond());
            let account = pause["scope"].as_str().unwrap().strip_prefix("account:").map(str::to_owned);
            match &account {
                Some(account) => place.json(&["resume", account]),
                None => place.json(&["upwork", "agree", "--channel", "sandbox"]),
            };
            stops.push(Stop { account, since: iso(pause["at"].as_i64().unwrap()), until });
        }
        std::thread::sleep(POLL);
    }
    stops
}
