//! The command line.

mod audit;
mod copies;
mod freelancer;
mod global;
mod migrate;
mod people;
mod serve;
mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use applyd_core::approval::Policy;
use applyd_core::ids::{KeyId, QueueId, ShowingId};
use applyd_core::quota::Endpoint;
use applyd_store::account::Channel;
use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;

pub(crate) use self::audit::AuditCommand;
use crate::failure::Failure;
pub(crate) use copies::{BackupArgs, RestoreArgs, VerifyOnlyCommand};
pub(crate) use freelancer::{FreelancerCommand, Link, UpworkCommand};
pub(crate) use global::Global;
pub(crate) use migrate::MigrateArgs;
pub(crate) use people::{DashboardCommand, PersonCommand, ResolveArgs};
pub(crate) use serve::{Listen, Workers};
pub(crate) use webhook::{WebhookChange, WebhookCommand};

/// The open server of the UpHunt API.
#[derive(Debug, Parser)]
#[command(name = "applyd", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run API and workers in this process
    Serve {
        #[command(flatten)]
        listen: Listen,
        #[command(flatten)]
        workers: Workers,
    },
    /// Run only workers and webhooks, beside the nodes that serve (PostgreSQL)
    Worker(Workers),
    /// Start a server with the sandbox marketplace, apply to a job and watch it
    Demo {
        #[command(flatten)]
        listen: Listen,
        /// End after the application has settled
        #[arg(long)]
        once: bool,
    },
    /// Accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Freelancers: in whose name an account applies
    #[command(subcommand)]
    Freelancer(FreelancerCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Credits
    #[command(subcommand)]
    Credits(CreditsCommand),
    /// Text settings that generated letters go by
    #[command(subcommand)]
    Feed(FeedCommand),
    /// How often an account's keys may call each endpoint
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// The ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// The stand-in marketplace as a process of its own
    Sandbox {
        #[command(subcommand)]
        command: Option<SandboxCommand>,
        #[command(flatten)]
        listen: Listen,
        /// For tests: what goes wrong with calls, e.g. seed=7,calls=30,confirms=250
        #[arg(long, hide = true)]
        hostile: Option<applyd_sandbox::Hostility>,
    },
    /// Print the description of the API, OpenAPI 3.1
    Openapi,
    /// Webhooks: where an account's events go
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// List what waits for a person's approval
    Approvals {
        /// Name or id of an account; without it, of all
        account: Option<String>,
    },
    /// Look at an application as it would be submitted, and approve it
    Approve(ApproveArgs),
    /// Decline an application that waits for approval
    Decline {
        /// Id of the application
        #[arg(value_parser = queue_id)]
        queue_id: QueueId,
        /// Why, for whoever asked for it
        #[arg(long, value_parser = reason)]
        reason: String,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// People who act under their own name, at the desk and in the dashboard
    #[command(subcommand)]
    Person(PersonCommand),
    /// Let people sign in to the dashboard
    #[command(subcommand)]
    Dashboard(DashboardCommand),
    /// Settle an unknown outcome, after you have looked at Upwork
    Resolve(ResolveArgs),
    /// List outcomes that wait for a person's word, with what is known of them
    Unresolved {
        /// Name or id of an account; without it, of all
        account: Option<String>,
    },
    /// Limits of Connects, by account and key
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// Stop submitting before the next confirm, for an account, a channel or all; without arguments, list pauses
    Pause {
        #[command(flatten)]
        scope: ScopeArgs,
        /// Why, for those who find it paused
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// End a pause
    Resume {
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// The channel upwork
    #[command(subcommand)]
    Upwork(UpworkCommand),
    /// Who did what: one JSON object a line, oldest first
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Bring the schema of the database up to date, or move a whole database to a server
    Migrate(MigrateArgs),
    /// Copy the database, of a running server or not, into one checked file; the master key is not in it
    Backup(BackupArgs),
    /// Put a backup in the place of the database, which is put aside; nothing is submitted until `verify-only end`
    Restore(RestoreArgs),
    /// The mode in which nothing is submitted
    #[command(subcommand)]
    VerifyOnly(VerifyOnlyCommand),
}

/// Who acts, as the audit names them.
#[derive(Debug, Args)]
pub(crate) struct PersonArgs {
    /// Your name; without it, that of the machine's user
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Id of the application
    #[arg(value_parser = queue_id)]
    pub(crate) queue_id: QueueId,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    /// Show it and end: nothing is approved
    #[arg(long)]
    pub(crate) show: bool,
    /// Approve without a question exactly what was shown under this id, while it is still open
    #[arg(long, value_name = "ID", conflicts_with = "show", value_parser = showing_id)]
    pub(crate) showing: Option<ShowingId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Show the limits of an account and its keys
    List {
        /// Name or id of the account
        account: String,
    },
    /// Set limits; what is not named stays as it is
    Set {
        /// Name or id of the account
        account: String,
        /// Of this key alone
        #[arg(long, value_name = "KEYID", value_parser = key_id)]
        key: Option<KeyId>,
        #[command(flatten)]
        limits: BudgetLimits,
    },
}

/// Limits of Connects: a number, or `none`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct BudgetLimits {
    /// Cost and boost of one proposal
    #[arg(long, allow_negative_numbers = true, value_parser = connects)]
    pub(crate) per_proposal: Option<MostConnects>,
    /// Boost of one proposal
    #[arg(long, allow_negative_numbers = true, value_parser = connects)]
    pub(crate) boost: Option<MostConnects>,
    /// Cost and boost of all proposals of a UTC day
    #[arg(long, allow_negative_numbers = true, value_parser = connects)]
    pub(crate) per_day: Option<MostConnects>,
}

/// A limit, or that there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MostConnects(pub(crate) Option<i64>);

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account with a first API key
    Create {
        /// Unique name
        name: String,
        /// Credits to begin with; one per application that is applied
        #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000))]
        credits: i64,
        /// Where its applications are submitted
        #[arg(long, default_value = "sandbox", value_parser = channel)]
        channel: Channel,
    },
    /// List all accounts
    List,
    /// Say who must approve an account's applications
    Approval {
        /// Name or id of the account
        account: String,
        /// `required`: a named person, each one; `none`: nobody, on the sandbox only
        #[arg(long, value_parser = policy)]
        policy: Option<Policy>,
        /// How many different people must approve one application
        #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(1..=2))]
        approvers: Option<i64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key in the place of the account's key of that name
    Create {
        /// Name or id of the account
        account: String,
        /// Name of the key
        #[arg(long, default_value = "default")]
        name: String,
        /// How long the replaced key lives on, 1s to 24h; without it, it ends at once
        #[arg(long, value_parser = grace)]
        grace: Option<Duration>,
    },
    /// List an account's keys
    List {
        /// Name or id of the account
        account: String,
    },
    /// Let a key's calls count as a person's decisions, so that nobody approves them once more
    ByRequest {
        /// Id of the key
        #[arg(value_parser = key_id)]
        key_id: KeyId,
        /// Most Connects for each proposal, its boost included
        #[arg(long, value_name = "N", allow_negative_numbers = true, required_unless_present = "off")]
        #[arg(value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
        connects: Option<i64>,
        /// You have read what this means: without it, it is printed and nothing changes
        #[arg(long)]
        acknowledge: bool,
        /// Back to a person's approval
        #[arg(long, conflicts_with_all = ["connects", "acknowledge"])]
        off: bool,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// End a key at once
    Revoke {
        /// Id of the key
        key_id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CreditsCommand {
    /// Give an account credits
    Grant {
        /// Name or id of the account
        account: String,
        /// How many
        #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
        credits: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeedCommand {
    /// Write a feed, in the place of the account's feed of that name
    Set {
        /// Name or id of the account
        account: String,
        /// Name of the feed: the `feedId` of a request
        name: String,
        /// What letters go by: who you are, what you offer, how you write
        #[arg(required_unless_present = "file", conflicts_with = "file")]
        text: Option<String>,
        /// Read the text from this file
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// List an account's feeds
    List {
        /// Name or id of the account
        account: String,
    },
    /// Remove a feed
    Delete {
        /// Name or id of the account
        account: String,
        /// Name of the feed
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LimitsCommand {
    /// Show the limits of an account
    List {
        /// Name or id of the account
        account: String,
    },
    /// Set the limits of one endpoint; a running server follows within 1 s
    Set {
        /// Name or id of the account
        account: String,
        /// Name of the endpoint, as `list` shows it
        #[arg(value_parser = endpoint)]
        endpoint: Endpoint,
        /// Requests in a minute, for each key
        #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
        per_minute: u32,
        /// Requests in a UTC day, for each key, or `none`; without it, the day's limit stays as it is
        #[arg(long, allow_negative_numbers = true, value_parser = per_day)]
        per_day: Option<PerDay>,
    },
    /// Back to the limits of the API
    Reset {
        /// Name or id of the account
        account: String,
        /// Name of the endpoint
        #[arg(value_parser = endpoint)]
        endpoint: Endpoint,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check every entry; exit 1 if any is wrong
    Verify,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// What the stand-in counted, from its own memory
    Submissions,
    /// The catalogue: ordinary jobs to read and to apply to
    Jobs,
}

/// What is paused: an account, or a channel; neither: all.
#[derive(Debug, Args)]
pub(crate) struct ScopeArgs {
    /// Name or id of the account; without it and without --channel, all
    pub(crate) account: Option<String>,
    /// All accounts of this channel
    #[arg(long, conflicts_with = "account", value_parser = channel)]
    pub(crate) channel: Option<Channel>,
}

impl PersonArgs {
    /// The name given, or that of the machine's user.
    pub(crate) fn name(self) -> Result<String, Failure> {
        let of_user = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let name = self.by.or_else(|| of_user().and_then(|name| person(&name).ok()));
        name.ok_or_else(|| Failure::hinted("nobody is named", "add --by NAME: the audit keeps who decided"))
    }
}

/// Who runs a command that names nobody, as the audit keeps it.
pub(crate) fn operator() -> String {
    PersonArgs { by: None }.name().unwrap_or_else(|_| "operator".to_owned())
}

pub(crate) fn channel(name: &str) -> Result<Channel, String> {
    Channel::parse(name).ok_or_else(|| "must be sandbox, upwork or desk".to_owned())
}

fn reason(text: &str) -> Result<String, String> {
    const LONGEST_CHARS: usize = 200;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_CHARS || text.contains(char::is_control) {
        return Err(format!("must be one line of 1 to {LONGEST_CHARS} characters"));
    }
    Ok(text.to_owned())
}

fn queue_id(text: &str) -> Result<QueueId, String> {
    QueueId::parse(text)
        .ok_or_else(|| "must be a queueId, such as queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F".to_owned())
}

fn showing_id(text: &str) -> Result<ShowingId, String> {
    ShowingId::parse(text)
        .ok_or_else(|| "must be the id of what was shown, as `approve --show` tells it".to_owned())
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).ok_or_else(|| "must be a key's id, as `applyd key list ACCOUNT` shows it".to_owned())
}

fn policy(name: &str) -> Result<Policy, String> {
    let policy = Policy::parse(name).filter(|policy| matches!(policy, Policy::None | Policy::Required));
    policy.ok_or_else(|| "must be required or none".to_owned())
}

fn person(name: &str) -> Result<String, String> {
    const LONGEST_CHARS: usize = 100;
    let is_name = name.trim() == name
        && (1..=LONGEST_CHARS).contains(&name.chars().count())
        && !name.chars().any(char::is_control);
    if is_name {
        Ok(name.to_owned())
    } else {
        Err("must have 1 to 100 characters, without blanks at its ends".into())
    }
}

fn connects(text: &str) -> Result<MostConnects, String> {
    if text == "none" {
        return Ok(MostConnects(None));
    }
    let limit = text.parse().ok().filter(|limit| (0..=1_000_000).contains(limit));
    limit
        .map(|limit| MostConnects(Some(limit)))
        .ok_or_else(|| "must be from 0 to 1000000, or none".to_owned())
}

fn endpoint(name: &str) -> Result<Endpoint, String> {
    Endpoint::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Endpoint::ALL.iter().map(|endpoint| endpoint.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// A day's limit, or that there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerDay(pub(crate) Option<u32>);

fn per_day(text: &str) -> Result<PerDay, String> {
    if text == "none" {
        return Ok(PerDay(None));
    }
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.map(|limit| PerDay(Some(limit))).ok_or_else(|| "must be a number from 1 on, or none".to_owned())
}

fn grace(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let duration = text.parse::<SignedDuration>().ok().and_then(|grace| Duration::try_from(grace).ok());
    duration
        .filter(|grace| (Duration::from_secs(1)..=LONGEST).contains(grace))
        .ok_or_else(|| "must be from 1s to 24h, such as 10m".to_owned())
}
