//! Commands about where an account's events go.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Make a webhook; its secret is shown only now
    Create {
        /// Name or id of the account
        account: String,
        /// Where events go
        url: String,
        /// Types of events, separated by commas; without them, all
        #[arg(long, value_delimiter = ',')]
        types: Vec<String>,
    },
    /// List an account's webhooks
    List {
        /// Name or id of the account
        account: String,
    },
    /// Change a webhook
    Update {
        /// Id of the webhook
        webhook_id: String,
        #[command(flatten)]
        change: WebhookChange,
    },
    /// Delete a webhook; what waits there is not delivered any more
    Delete {
        /// Id of the webhook
        webhook_id: String,
    },
    /// Send a `webhook.test` event
    Test {
        /// Id of the webhook
        webhook_id: String,
    },
    /// Make a new secret; for 24 hours the old one signs too
    Rotate {
        /// Id of the webhook
        webhook_id: String,
    },
    /// List the newest deliveries
    Deliveries {
        /// Id of the webhook
        webhook_id: String,
    },
    /// Queue an event anew for every webhook that wants it
    Redeliver {
        /// Id of the event
        event_id: String,
    },
}

/// What of a webhook is to be changed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct WebhookChange {
    /// Where events go
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Types of events, separated by commas; "*" for all
    #[arg(long, value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Switch it on
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// Switch it off
    #[arg(long)]
    pub(crate) disable: bool,
}
