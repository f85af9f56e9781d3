//! The switches by which a test makes the stand-in behave as Upwork might.

use std::time::Duration;

use crate::hostility::Hostility;

/// What the stand-in does differently from a plain day at Upwork; the default is the plain day.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// The form of JSON-RPC replies.
    pub replies: Replies,
    /// Whether tool results carry `structuredContent` beside the text.
    pub structured: bool,
    /// Whether results carry members nobody documented, and whole numbers come as `10.0`.
    pub extra_members: bool,
    /// Whether a refusal is a bare sentence instead of a document.
    pub plain_text_refusals: bool,
    /// Which tools exist and how they are called.
    pub era: Era,
    /// How long a preview can be confirmed.
    pub preview_life: Duration,
    /// Whether a preview can still be read after its confirm.
    pub preview_readable_after_confirm: bool,
    /// Rate limits.
    pub rate: Rate,
    /// What becomes of the terms between create and the store.
    pub stored_terms: StoredTerms,
    /// What becomes of every confirm call.
    pub confirm: ConfirmFault,
    /// The account's standing with Upwork.
    pub standing: Standing,
    /// What the status filter of the proposal list does.
    pub status_filter: StatusFilter,
    /// What create does where a proposal for the job exists.
    pub prior_proposal: PriorProposal,
    /// Whether every job has a pending invitation.
    pub invited: bool,
    /// The role of every account.
    pub role: Role,
    /// Life of an access token.
    pub token_life: Duration,
    /// What becomes of the answer to a refresh.
    pub refresh: Refresh,
    /// What goes wrong beside all that, drawn for each call.
    pub hostility: Option<Hostility>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            replies: Replies::Json,
            structured: true,
            extra_members: false,
            plain_text_refusals: false,
            era: Era::October,
            preview_life: Duration::from_secs(600),
            preview_readable_after_confirm: false,
            rate: Rate::Unlimited,
            stored_terms: StoredTerms::Faithful,
            confirm: ConfirmFault::None,
            standing: Standing::Good,
            status_filter: StatusFilter::Honest,
            prior_proposal: PriorProposal::Tolerated,
            invited: false,
            role: Role::Talent,
            token_life: Duration::from_secs(24 * 60 * 60),
            refresh: Refresh::Answered,
            hostility: None,
        }
    }
}

/// The form of JSON-RPC replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// One JSON body.
    Json,
    /// An event stream: a comment, a notification, then the reply over several `data:` lines.
    EventStream,
}

/// Which tools exist and how they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// October 2026 names, with `milestones` in the schema of create.
    October,
    /// October 2026 names, without `milestones`.
    OctoberWithoutMilestones,
    /// October 2026 names, with a required member in the schema of create that nobody knows.
    OctoberChanged,
    /// August 2026 names: `get_draft`, `confirm_draft`, `draft_id`.
    August,
    /// The user's compact mode: four general tools only.
    Compact,
}

/// Rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// None.
    Unlimited,
    /// A bucket per organisation for the sensitive tools and another for the rest; empty is a tool error.
    Buckets {
        /// Calls that a full bucket holds.
        burst_calls: u32,
        /// Time in which a sensitive call comes back.
        sensitive_refill: Duration,
        /// Time in which any other call comes back.
        plain_refill: Duration,
    },
    /// Every tool call is answered HTTP 429.
    TooManyRequests {
        /// The header `Retry-After`.
        retry_after_seconds: u32,
    },
}

/// What becomes of the terms between create and the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredTerms {
    /// They are kept as they came.
    Faithful,
    /// The letter loses its last word.
    LetterDiffers,
    /// The amount grows by one.
    AmountDiffers,
    /// A boost that nobody asked for is added.
    BoostAdded,
    /// A team that nobody named is added.
    TeamAdded,
}

/// What becomes of every confirm call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmFault {
    /// The job's script decides.
    None,
    /// Stored, then the connection is closed without an answer.
    LostAfterCommit,
    /// Nothing stored, and the connection is closed without an answer.
    LostBeforeCommit,
    /// Stored, then HTTP 502.
    BadGatewayAfterCommit,
    /// Stored, then the connection is reset.
    ResetAfterCommit,
    /// Stored, then silence until the client goes away.
    StallAfterCommit,
    /// Nothing stored, and HTTP 403 with an HTML page.
    HtmlForbidden,
    /// Nothing stored, and a result of plain text that is no document.
    PlainText,
}

/// The account's standing with Upwork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing in the way.
    Good,
    /// Suspended: said in the account list, writes refused.
    Suspended,
    /// An identity check is due: writes refused.
    IdentityCheck,
    /// A policy is to be acknowledged on the site first: writes refused.
    PolicyPrompt,
    /// Several teams: create needs `team_org_id`.
    SeveralTeams,
    /// Every boost is outbid when it is confirmed.
    Outbid,
}

/// What the status filter of the proposal list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// It filters.
    Honest,
    /// Any filter gives the same mixed list.
    Mixed,
    /// Any filter but the default gives an empty list, and the default gives all.
    Empty,
}

/// What create does where a proposal for the job exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorProposal {
    /// It stores one more preview.
    Tolerated,
    /// It refuses with `VJ-JA-10` as the code.
    RefusedByCode,
    /// It refuses with `VJ-JA-10` within the text.
    RefusedInText,
}

/// The role of every account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A freelancer.
    Talent,
    /// A freelancer's agency.
    Agency,
}

/// What becomes of the answer to a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// It is sent.
    Answered,
    /// The pair rotates, then the connection is closed without an answer.
    AnswerLost,
}

impl Behaviour {
    /// How long a preview that is made now can be confirmed.
    pub(crate) fn life_of_a_preview(&self) -> Duration {
        self.hostility.as_ref().and_then(|hostility| hostility.preview).unwrap_or(self.preview_life)
    }
}
