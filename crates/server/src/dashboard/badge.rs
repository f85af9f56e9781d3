//! Where an application stands, for people: a word and a colour.

use std::fmt;

use applyd_core::state::State;
use askama::filters::HtmlSafe;

use super::chart::Fate;

/// The element of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Badge(pub(super) State);

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<span class="badge {}">{}</span>"#, Fate::of(self.0).class(), name(self.0))
    }
}

// Made of our own words only.
impl HtmlSafe for Badge {}

/// Its state, for people.
pub(super) fn name(state: State) -> &'static str {
    match state {
        State::AwaitingApproval => "Awaits approval",
        State::Queued => "Queued",
        State::Leased => "Preparing",
        State::Armed => "Ready to send",
        State::Intent => "Sending",
        State::Submitted => "Sent",
        State::Verifying => "Verifying",
        State::Unknown => "Outcome unknown",
        State::Applied => "Applied",
        State::NotAvailable => "Job not available",
        State::NotEligible => "Not eligible",
        State::NotEnoughConnects => "Not enough Connects",
        State::LoggedOut => "Logged out",
        State::Failed => "Failed",
    }
}
