//! How an application can end, and what each step towards the end can come to.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Why an application ended as it did; the first word of `errorMessage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The site said no.
    Refused,
    /// Nothing reached the site, proven.
    NotSubmitted,
    /// Time ran out before anything was sent.
    Deadline,
    /// The caller took it back before anything was sent.
    Cancelled,
    /// A person said no.
    ApprovalDenied,
    /// No person has approved it in time.
    ApprovalExpired,
    /// What was approved and what the site shows differ.
    TermsChanged,
    /// Cost and boost are above the ceiling.
    ConnectsCap,
    /// The input does not fit the job.
    InputRejected,
    /// A screening question has no answer.
    MissingAnswer,
    /// The channel cannot carry a term.
    UnsupportedTerms,
    /// The boost is not possible at this bid.
    BoostOutbid,
    /// The account must accept a policy on the site.
    PolicyPending,
    /// All tries were used up.
    AttemptsExhausted,
    /// The site's tools changed.
    UpstreamChanged,
    /// A proposal of other origin exists.
    AlreadyApplied,
    /// The client's invitation exists.
    InvitationExists,
    /// It may have been submitted; the site could not be read in time.
    OutcomeUnknown,
    /// The outcome stayed unknown.
    Unresolved,
    /// The job is closed or gone.
    JobClosed,
    /// The agency may not apply.
    NotEligible,
    /// Too few Connects.
    NotEnoughConnects,
    /// The login was refused.
    LoggedOut,
}

/// All codes, for reading one back.
const CODES: [Code; 23] = [
    Code::Refused,
    Code::NotSubmitted,
    Code::Deadline,
    Code::Cancelled,
    Code::ApprovalDenied,
    Code::ApprovalExpired,
    Code::TermsChanged,
    Code::ConnectsCap,
    Code::InputRejected,
    Code::MissingAnswer,
    Code::UnsupportedTerms,
    Code::BoostOutbid,
    Code::PolicyPending,
    Code::AttemptsExhausted,
    Code::UpstreamChanged,
    Code::AlreadyApplied,
    Code::InvitationExists,
    Code::OutcomeUnknown,
    Code::Unresolved,
    Code::JobClosed,
    Code::NotEligible,
    Code::NotEnoughConnects,
    Code::LoggedOut,
];

impl Code {
    /// The name on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NotSubmitted => "not_submitted",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::ApprovalDenied => "approval_denied",
            Self::ApprovalExpired => "approval_expired",
            Self::TermsChanged => "terms_changed",
            Self::ConnectsCap => "connects_cap",
            Self::InputRejected => "input_rejected",
            Self::MissingAnswer => "missing_answer",
            Self::UnsupportedTerms => "unsupported_terms",
            Self::BoostOutbid => "boost_outbid",
            Self::PolicyPending => "policy_pending",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::UpstreamChanged => "upstream_changed",
            Self::AlreadyApplied => "already_applied",
            Self::InvitationExists => "invitation_exists",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Unresolved => "unresolved",
            Self::JobClosed => "job_closed",
            Self::NotEligible => "not_eligible",
            Self::NotEnoughConnects => "not_enough_connects",
            Self::LoggedOut => "logged_out",
        }
    }

    /// The code of a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        CODES.into_iter().find(|code| code.as_str() == name)
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Refused => "Upwork refused the proposal",
            Self::NotSubmitted => "The proposal did not reach Upwork",
            Self::Deadline => "Time ran out before the proposal could be sent",
            Self::Cancelled => "The caller cancelled before anything was sent",
            Self::ApprovalDenied => "A person declined it; nothing was sent",
            Self::ApprovalExpired => "No person approved it in time; nothing was sent",
            Self::TermsChanged => "What Upwork would submit differs from what was approved",
            Self::ConnectsCap => "Cost and boost are above the ceiling",
            Self::InputRejected => "The input does not fit the job",
            Self::MissingAnswer => "A screening question has no answer",
            Self::UnsupportedTerms => "The channel cannot carry a term of the proposal",
            Self::BoostOutbid => "The boost is not possible with this bid",
            Self::PolicyPending => "The account must accept a policy on upwork.com first",
            Self::AttemptsExhausted => "All tries failed before anything was sent",
            Self::UpstreamChanged => "Upwork's tools have changed; the operator must look",
            Self::AlreadyApplied => "A proposal for this job exists already",
            Self::InvitationExists => "The client's invitation to this job is pending",
            Self::OutcomeUnknown => {
                "The proposal may have been submitted and Upwork could not be read in time"
            }
            Self::Unresolved => "The outcome could not be established within 24 hours",
            Self::JobClosed => "The job is closed or no longer visible",
            Self::NotEligible => "The agency does not meet a requirement of the job",
            Self::NotEnoughConnects => "The agency has too few Connects",
            Self::LoggedOut => "Upwork refused the account's login; nothing was sent",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::OutcomeUnknown => "Do not re-apply: a correction follows.",
            Self::Unresolved => "Do not re-apply before a person has looked at Upwork.",
            Self::AlreadyApplied | Self::InvitationExists => "Re-applying is of no use.",
            _ => "Re-applying is safe.",
        }
    }
}

/// A terminal code with the sentence that callers read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub code: Code,
    /// `<code>: <sentence>`, says whether re-applying is safe.
    pub message: String,
    /// The site's id of the answer that said so, if one did.
    pub trace_id: Option<String>,
}

const LONGEST_REASON_CHARS: usize = 300;

impl Ending {
    /// The plain sentence of a code.
    #[must_use]
    pub fn of(code: Code) -> Self {
        let message = format!("{}: {}. {}", code.as_str(), code.sentence(), code.advice());
        Self { code, message, trace_id: None }
    }

    /// The sentence with a reason; what others wrote is cut and freed of control characters.
    #[must_use]
    pub fn because(code: Code, reason: &str) -> Self {
        let reason: String = crate::terms::folded(reason)
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_REASON_CHARS)
            .collect();
        let reason = reason.trim_end_matches('.');
        if reason.is_empty() {
            return Self::of(code);
        }
        let stop = if reason.ends_with(['?', '!']) { "" } else { "." };
        let message = format!("{}: {}: {reason}{stop} {}", code.as_str(), code.sentence(), code.advice());
        Self { code, message, trace_id: None }
    }
}

/// Why a step before the intent did not come through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A passing fault; another try may work.
    Passing {
        /// For the timeline and the log.
        reason: String,
        /// The site's own wish, in milliseconds.
        after_ms: Option<i64>,
    },
    /// The login was not accepted and may be restored.
    Login {
        /// For the timeline and the log.
        reason: String,
        /// The pair of tokens that it was; another one may be in its place by now.
        pair: i64,
    },
    /// The login is being restored.
    Reconnecting {
        /// For the timeline and the log.
        reason: String,
        /// When the next try may be made, in milliseconds from now.
        after_ms: i64,
    },
    /// A policy prompt waits for a person on the site.
    Policy {
        /// For the timeline and the log.
        reason: String,
    },
    /// A person must approve what the server would write.
    Person,
    /// It ends here.
    End(Ending),
}

impl Trouble {
    /// A passing fault without a wish.
    #[must_use]
    pub fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), after_ms: None }
    }

    /// What it is about, in a sentence.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Self::Passing { reason, .. }
            | Self::Login { reason, .. }
            | Self::Reconnecting { reason, .. }
            | Self::Policy { reason } => reason,
            Self::Person => "a person must approve it".into(),
            Self::End(ending) => ending.message,
        }
    }

    /// An end with a reason.
    #[must_use]
    pub fn end(code: Code, reason: &str) -> Self {
        Self::End(Ending::because(code, reason))
    }
}

/// Proof that the intent is durable. Without one nothing is sent, and no outcome of a sending exists.
///
/// Not `Clone`: one proof, one send.
#[derive(Debug)]
pub struct Crossed {
    send_by: Instant,
    answer_by: Instant,
}

impl Crossed {
    /// Only `gate.cross()` may call this, after the commit and the witness line; a lint holds all others off.
    #[must_use]
    pub fn after_durable_intent(send_by: Instant, answer_by: Instant) -> Self {
        Self { send_by, answer_by }
    }

    /// The sender does not begin to write later.
    #[must_use]
    pub fn send_by(&self) -> Instant {
        self.send_by
    }

    /// The sender does not wait longer.
    #[must_use]
    pub fn answer_by(&self) -> Instant {
        self.answer_by
    }
}

/// What the one send came to.
#[derive(Debug)]
pub enum Outcome {
    /// The site said yes.
    Submitted(Submitted),
    /// The site said a definite no.
    Refused(Ending),
    /// Proven by the sender: no byte was written.
    NotSent(String),
    /// Anything else: only reading can tell.
    Unknown(Unknown),
}

/// A success; only to be had from [`Crossed`].
#[derive(Debug)]
pub struct Submitted {
    proposal: Option<String>,
    trace_id: Option<String>,
}

impl Submitted {
    /// The site's id of the proposal, if it told one.
    #[must_use]
    pub fn proposal(&self) -> Option<&str> {
        self.proposal.as_deref()
    }

    /// The site's id of its answer, if it told one.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

/// A doubt; only to be had from [`Crossed`].
#[derive(Debug)]
pub struct Unknown {
    reason: String,
    trace_id: Option<String>,
}

impl Unknown {
    /// What happened instead of an answer.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The site's id of its answer, if there was one that told it.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

impl Outcome {
    /// The site said yes.
    #[must_use]
    pub fn submitted(_proof: Crossed, proposal: Option<String>, trace_id: Option<String>) -> Self {
        Self::Submitted(Submitted { proposal, trace_id })
    }

    /// No definite answer.
    #[must_use]
    pub fn unknown(_proof: Crossed, reason: impl Into<String>, trace_id: Option<String>) -> Self {
        Self::Unknown(Unknown { reason: reason.into(), trace_id })
    }
}

/// What a read after the intent showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// The site has the proposal.
    Found {
        /// Its id there, if told.
        proposal: Option<String>,
        /// Its time there, Unix milliseconds, if told.
        created_at: Option<i64>,
        /// What showed it.
        evidence: String,
    },
    /// Every source answered completely and none has it.
    Absent,
    /// At least one source could not be read.
    Unreadable {
        /// For the timeline and the log.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_says_whether_reapplying_is_safe() {
        for code in CODES {
            assert_eq!(Code::parse(code.as_str()), Some(code));
            let message = Ending::of(code).message;
            assert!(message.starts_with(&format!("{}: ", code.as_str())), "{message}");
            assert!(message.to_lowercase().contains("re-apply"), "{message}");
        }
    }

    #[test]
    fn a_reason_of_others_is_cut_and_cleaned() {
        let ending = Ending::because(Code::Refused, &format!("no\r\n\u{7}{}", "x".repeat(1000)));
        let asked = Ending::because(Code::MissingAnswer, "When can you start?");
        assert!(asked.message.contains("start? Re-applying"), "{asked:?}");
        assert!(ending.message.len() < 400 && !ending.message.contains(['\n', '\u{7}']), "{ending:?}");
    }
}
