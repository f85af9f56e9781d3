//! Commands about the persons in whose name an account applies.

use std::time::Duration;

use applyd_core::draft::HIGHEST_RATE;
use applyd_core::terms::Cents;
use applyd_store::account::Channel;
use clap::{Args, Subcommand};
use jiff::SignedDuration;

#[derive(Debug, Subcommand)]
pub(crate) enum UpworkCommand {
    /// Link a freelancer: the person consents in a browser
    Link(Link),
    /// List the freelancers of the channel upwork and how their logins stand
    Accounts {
        /// Ask Upwork as each of them
        #[arg(long)]
        check: bool,
    },
    /// Look at a freelancer's login, the site's tools and what stands against submitting; changes nothing. Exit 1 on a
    /// problem
    Doctor {
        /// Name or id of the account
        #[arg(long)]
        account: String,
        /// Name or id of the freelancer; without it, the only one that is linked
        #[arg(long)]
        freelancer: Option<String>,
    },
    /// End a freelancer's login at Upwork and erase what was read with it
    Unlink {
        /// Name or id of the account
        #[arg(long)]
        account: String,
        /// Name or id of the freelancer; without it, the only one that is linked
        #[arg(long)]
        freelancer: Option<String>,
        /// Also while the outcome of a submission is open, which nobody can read then
        #[arg(long)]
        force: bool,
    },
    /// Go by the site's tools as they were seen last, and submit again
    Agree {
        /// The channel whose tools have changed
        #[arg(long, default_value = "upwork", value_parser = site)]
        channel: Channel,
    },
}

/// What a linking needs to know.
#[derive(Debug, Clone, Args)]
pub(crate) struct Link {
    /// Name or id of the account
    #[arg(long)]
    pub(crate) account: String,
    /// Name or id of the freelancer; without it, the name that Upwork shows
    #[arg(long)]
    pub(crate) freelancer: Option<String>,
    /// What the first profile of a new freelancer offers
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// The usual rate of a new freelancer, in dollars
    #[arg(long, allow_negative_numbers = true, value_parser = rate)]
    pub(crate) hourly_rate: Option<Cents>,
    /// The organisation to propose for, where the person has several
    #[arg(long, value_name = "UID")]
    pub(crate) org: Option<String>,
    /// Paste the address that the browser ends at, as on a machine without one
    #[arg(long)]
    pub(crate) paste: bool,
    /// Print the address only
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// How long the person may take, 1s to 1h
    #[arg(long, default_value = "10m", value_parser = patience)]
    pub(crate) wait: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FreelancerCommand {
    /// Add a freelancer with a first profile, or one more profile to a freelancer
    Add {
        /// Name or id of the account
        account: String,
        /// Name of the freelancer; one of that name gets one more profile
        name: String,
        /// What the profile offers
        #[arg(long)]
        title: String,
        /// Its usual rate, in dollars
        #[arg(long, allow_negative_numbers = true, value_parser = rate)]
        hourly_rate: Cents,
    },
    /// List an account's freelancers and their profiles
    List {
        /// Name or id of the account
        account: String,
    },
    /// Remove a profile; the freelancer goes with the last one
    Remove {
        /// Name or id of the account
        account: String,
        /// Id of the profile
        profile_id: String,
    },
}

/// The desk has no tools that could change.
fn site(name: &str) -> Result<Channel, String> {
    Channel::parse(name)
        .filter(|channel| *channel != Channel::Desk)
        .ok_or_else(|| "must be sandbox or upwork: the desk has no tools".to_owned())
}

fn rate(text: &str) -> Result<Cents, String> {
    let cents = text.parse().ok().and_then(Cents::from_dollars);
    cents
        .filter(|cents| (1..=HIGHEST_RATE.get()).contains(&cents.get()))
        .ok_or_else(|| "must be dollars above 0 and up to 9999.99, with at most two decimals".to_owned())
}

fn patience(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(60 * 60);
    let duration = text.parse::<SignedDuration>().ok().and_then(|wait| Duration::try_from(wait).ok());
    duration
        .filter(|wait| (Duration::from_secs(1)..=LONGEST).contains(wait))
        .ok_or_else(|| "must be from 1s to 1h, such as 10m".to_owned())
}
