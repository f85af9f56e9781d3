//! How often a key may call each endpoint: fixed windows on Unix time. Source: uphunt-api.md §5.

const MINUTE_S: i64 = 60;
const DAY_S: i64 = 86_400;

/// How many requests are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In each minute of Unix time.
    pub per_minute: u32,
    /// In each UTC day.
    pub per_day: Option<u32>,
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

/// What of its limits a key has used in the windows of its last request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    minute: i64,
    in_minute: u32,
    day: i64,
    in_day: u32,
}

/// Where a key stands after a request: the window with the fewest left, in a tie the one that ends later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The window's limit.
    pub limit: u32,
    /// What is left of it.
    pub remaining: u32,
    /// Its end, Unix seconds.
    pub resets_at_s: i64,
}

/// The UTC day of a time in Unix seconds.
#[must_use]
pub fn day_of(now_s: i64) -> i64 {
    now_s.div_euclid(DAY_S)
}

impl Used {
    /// As it was counted for a day before.
    #[must_use]
    pub fn on_day(day: i64, in_day: u32) -> Self {
        Self { day, in_day, ..Self::default() }
    }

    /// Requests counted on this day.
    #[must_use]
    pub fn in_day(&self, day: i64) -> u32 {
        if self.day == day { self.in_day } else { 0 }
    }

    /// Takes over the sum of a day that others have added to.
    pub fn raise_day(&mut self, day: i64, in_day: u32) {
        if self.day == day {
            self.in_day = self.in_day.max(in_day);
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// A window is used up: then nothing is counted, and the standing is that of the one that ends last.
    pub fn take(&mut self, now_s: i64, limits: Limits) -> Result<Standing, Standing> {
        let (minute, day) = (now_s.div_euclid(MINUTE_S), day_of(now_s));
        if self.minute != minute {
            (self.minute, self.in_minute) = (minute, 0);
        }
        if self.day != day {
            (self.day, self.in_day) = (day, 0);
        }
        let exhausted = self.in_minute >= limits.per_minute
            || limits.per_day.is_some_and(|per_day| self.in_day >= per_day);
        if exhausted {
            return Err(self.standing(limits));
        }
        self.in_minute += 1;
        self.in_day = self.in_day.saturating_add(1);
        Ok(self.standing(limits))
    }

    fn standing(&self, limits: Limits) -> Standing {
        let of = |limit: u32, used: u32, resets_at_s| Standing {
            limit,
            remaining: limit.saturating_sub(used),
            resets_at_s,
        };
        let minute = of(limits.per_minute, self.in_minute, (self.minute + 1) * MINUTE_S);
        match limits.per_day.map(|per_day| of(per_day, self.in_day, (self.day + 1) * DAY_S)) {
            Some(day) if (day.remaining, -day.resets_at_s) <= (minute.remaining, -minute.resets_at_s) => day,
            _ => minute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minute and a day begin here.
    const START: i64 = 20_000 * DAY_S;

    #[test]
    fn a_minute_is_a_fixed_window() {
        let (mut used, limits) = (Used::default(), minute(2));
        let standing = |remaining| Standing { limit: 2, remaining, resets_at_s: START + 60 };
        assert_eq!(used.take(START + 59, limits), Ok(standing(1)));
        assert_eq!(used.take(START + 59, limits), Ok(standing(0)));
        assert_eq!(used.take(START + 59, limits), Err(standing(0)));
        assert_eq!(used.take(START + 60, limits), Ok(Standing { resets_at_s: START + 120, ..standing(1) }));
    }

    #[test]
    fn the_tighter_window_is_told_and_a_tie_goes_to_the_later_end() {
        let (mut used, limits) = (Used::default(), day(2, 3));
        assert_eq!(used.take(START, limits).map(|s| (s.limit, s.remaining)), Ok((2, 1)));
        assert_eq!(used.take(START, limits).map(|s| (s.limit, s.remaining)), Ok((2, 0)));
        assert_eq!(used.take(START, limits).map_err(|s| s.resets_at_s), Err(START + 60));
        let both = Standing { limit: 3, remaining: 0, resets_at_s: START + DAY_S };
        assert_eq!(used.take(START + 60, limits), Ok(both), "a refused request is not counted");
        assert_eq!(used.take(START + 60, limits), Err(both));
        assert_eq!(used.take(START + DAY_S, limits).map(|s| s.remaining), Ok(1));
        assert_eq!(used.in_day(day_of(START)), 0);
    }

    #[test]
    fn a_tie_is_told_as_the_day() {
        let (mut used, limits) = (Used::default(), day(2, 2));
        assert_eq!(used.take(START, limits).map(|s| s.resets_at_s), Ok(START + DAY_S));
    }

    #[test]
    fn a_day_goes_on_where_it_was_counted() {
        let mut used = Used::on_day(day_of(START), 3);
        assert!(used.take(START, day(2, 3)).is_err());
        assert_eq!(used.take(START + DAY_S, day(2, 3)).map(|s| s.remaining), Ok(1));
    }

    #[test]
    fn the_table_is_the_contract_and_names_are_unique() {
        assert_eq!(Endpoint::Apply.limits(), day(60, 1000));
        assert_eq!(Endpoint::Status.limits(), minute(300));
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::parse(endpoint.name()), Some(*endpoint));
        }
    }
}
