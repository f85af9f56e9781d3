//! How often a key may call each endpoint: fixed windows on Unix time. Source: uphunt-api.md §5.

mod window;

pub use window::{Period, Portion, Short, Standing, Used, Wanted, Window};

/// How many requests are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In each minute of Unix time.
    pub per_minute: u32,
    /// In each UTC day.
    pub per_day: Option<u32>,
}

impl Limits {
    /// How many in a period; `None`: any number.
    #[must_use]
    pub const fn of(self, period: Period) -> Option<u32> {
        match period {
            Period::Minute => Some(self.per_minute),
            Period::Day => self.per_day,
        }
    }
}

const fn minute(per_minute: u32) -> Limits {
    Limits { per_minute, per_day: None }
}

const fn day(per_minute: u32, per_day: u32) -> Limits {
    Limits { per_minute, per_day: Some(per_day) }
}

macro_rules! endpoints {
    ($($(#[$doc:meta])* $variant:ident $name:literal $limits:expr;)*) => {
        /// Whatever has a count of its own; aliases share it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Endpoint { $($(#[$doc])* $variant,)* }

        impl Endpoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in commands and metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The limits of the contract.
            #[must_use]
            pub const fn limits(self) -> Limits {
                match self { $(Self::$variant => $limits),* }
            }
        }
    };
}

endpoints! {
    /// POST apply and its legacy path.
    Apply "apply" day(60, 1000);
    /// GET status.
    Status "status" minute(300);
    /// GET applied-jobs.
    AppliedJobs "applied-jobs" minute(60);
    /// POST generate-proposal.
    GenerateProposal "generate-proposal" day(30, 500);
    /// GET freelancers.
    Freelancers "freelancers" minute(30);
    /// GET jobs/by-ciphertext.
    Job "job" minute(60);
    /// GET clients/:companyId/jobs.
    ClientJobs "client-jobs" minute(60);
    /// POST preflight.
    Preflight "preflight" minute(30);
    /// DELETE of an application.
    Cancel "cancel" minute(60);
    /// GET the timeline of an application.
    Timeline "timeline" minute(60);
    /// GET the stream of events.
    Events "events" minute(60);
    /// GET webhooks.
    WebhookList "webhook-list" minute(60);
    /// POST webhooks.
    WebhookCreate "webhook-create" minute(60);
    /// GET one webhook.
    WebhookRead "webhook-read" minute(60);
    /// PATCH one webhook.
    WebhookUpdate "webhook-update" minute(60);
    /// DELETE one webhook.
    WebhookDelete "webhook-delete" minute(60);
    /// POST a test event.
    WebhookTest "webhook-test" minute(60);
    /// POST a new secret.
    WebhookRotate "webhook-rotate" minute(60);
    /// GET deliveries of one webhook.
    WebhookDeliveries "webhook-deliveries" minute(60);
    /// GET events with a cursor.
    WebhookEvents "webhook-events" minute(60);
    /// POST a redelivery.
    WebhookRedeliver "webhook-redeliver" minute(60);
    /// GET the stand-in's counts.
    Submissions "submissions" minute(60);
    /// GET what waits at the desk; like all of the desk's counted by person.
    DeskList "desk-list" minute(60);
    /// GET one application at the desk.
    DeskRead "desk-read" minute(60);
    /// POST a person's claim.
    DeskClaim "desk-claim" minute(60);
    /// POST that a person hands a claim back.
    DeskRelease "desk-release" minute(60);
    /// POST a person's declaration.
    DeskDeclare "desk-declare" minute(60);
    /// POST the outcome.
    DeskRecord "desk-record" minute(60);
}

impl Endpoint {
    /// The endpoint of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|endpoint| endpoint.name() == name)
    }

    /// Whether its refusals put codes into `error` and words into `message`: uphunt-api.md §4.
    #[must_use]
    pub fn is_data_read(self) -> bool {
        matches!(self, Self::Job | Self::ClientJobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_contract_and_names_are_unique() {
        assert_eq!(Endpoint::Apply.limits(), day(60, 1000));
        assert_eq!(Endpoint::Status.limits(), minute(300));
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::parse(endpoint.name()), Some(*endpoint));
        }
    }
}
