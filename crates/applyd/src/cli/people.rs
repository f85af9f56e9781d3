//! Of people: who they are, and what they found.

use applyd_core::ids::QueueId;
use applyd_core::role::Role;
use clap::{Args, Subcommand};
use url::Url;

use super::{PersonArgs, person, queue_id, reason};

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Add a person; from the role desk on with a token for the desk, shown only now. At the desk people submit by hand:
    /// limits of Connects are not checked there, as nobody can read what a proposal costs
    Add {
        /// Unique name, as others see it
        #[arg(value_parser = person)]
        name: String,
        /// Name or id of the account that they work for
        #[arg(long)]
        account: String,
        /// What they may do, each what those before it may: viewer, desk, approver, admin
        #[arg(long, default_value = "desk", value_parser = role)]
        role: Role,
    },
    /// List all people
    List,
    /// End a person's token and sessions at once; what they have claimed goes back to the queue
    Revoke {
        /// Name or id of the person
        person: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DashboardCommand {
    /// Print a link that signs a person in, once, within 15 minutes
    Link {
        /// Name or id of the person
        person: String,
        /// Where the dashboard is for that person's browser; without it, where this machine serves it
        #[arg(long, value_name = "BASE")]
        url: Option<Url>,
    },
    /// Set a person's password, asked for on the terminal or read from stdin
    Password {
        /// Name or id of the person
        person: String,
    },
    /// End all of a person's sessions
    SignOut {
        /// Name or id of the person
        person: String,
    },
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| format!("must be one of {}", Role::ALL.map(Role::as_str).join(", ")))
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// Id of the application, as `applyd unresolved` lists it
    #[arg(value_parser = queue_id)]
    pub(crate) queue_id: QueueId,
    #[command(flatten)]
    pub(crate) finding: FindingArgs,
    /// Id or link of the proposal
    #[arg(long, value_name = "ID", requires = "submitted", value_parser = reason)]
    pub(crate) proposal: Option<String>,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    /// Where you have looked and what you saw, for the timeline
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) note: String,
}

/// What a person has found on Upwork.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct FindingArgs {
    /// The proposal is there
    #[arg(long)]
    pub(crate) submitted: bool,
    /// It is not there
    #[arg(long)]
    pub(crate) not_submitted: bool,
    /// Whatever became of it, its job may be applied to again; only of what ended as unresolved
    #[arg(long)]
    pub(crate) clear_guard: bool,
}
