//! The refusals whose real codes nobody has seen: marked as invented, in two wordings each.

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    ConnectsShort,
    JobClosed,
    JobNotVisible,
    NotEligible,
    Suspended,
    Identity,
    PolicyPrompt,
    BoostTooLow,
    BoostOutbid,
    TeamRequired,
    AnswersMissing,
    PreviewUnknown,
    PreviewExpired,
    PreviewSuperseded,
    PreviewUsed,
    ExtraPayload,
    WrongRole,
    BadInput,
    NotBuilt,
    Refused,
}

struct Facts(&'static str, &'static str, [&'static str; 2]);

impl Refusal {
    pub(crate) fn code(self) -> &'static str {
        self.facts().0
    }

    pub(crate) fn status(self) -> &'static str {
        self.facts().1
    }

    pub(crate) fn wordings(self) -> [&'static str; 2] {
        self.facts().2
    }

    // No wording of a definite refusal may hold a word that makes it doubtful (upwork-mcp.md §6.7).
    fn facts(self) -> Facts {
        match self {
            Self::ConnectsShort => Facts(
                "STANDIN_CONNECTS_SHORT",
                "rejected",
                [
                    "You do not have enough Connects for this proposal.",
                    "This job costs 10 Connects; you need 6 more.",
                ],
            ),
            Self::JobClosed => Facts(
                "STANDIN_JOB_CLOSED",
                "rejected",
                ["This job is closed.", "The posting is no longer open to new proposals."],
            ),
            Self::JobNotVisible => Facts(
                "STANDIN_JOB_NOT_VISIBLE",
                "error",
                ["This job is not visible to you.", "Job not found."],
            ),
            Self::NotEligible => Facts(
                "STANDIN_NOT_ELIGIBLE",
                "rejected",
                [
                    "You are not eligible: the client hires in another location.",
                    "Only freelancers of other countries may apply.",
                ],
            ),
            Self::Suspended => Facts(
                "STANDIN_SUSPENDED",
                "rejected",
                ["Your account is suspended.", "A suspended account cannot send proposals."],
            ),
            Self::Identity => Facts(
                "STANDIN_IDENTITY",
                "rejected",
                ["Verify your identity first.", "An identity check is due for this account."],
            ),
            Self::PolicyPrompt => Facts(
                "STANDIN_POLICY_PROMPT",
                "rejected",
                ["Acknowledge the policy on upwork.com first.", "A policy waits for your acknowledgement."],
            ),
            Self::BoostTooLow => Facts(
                "STANDIN_BOOST_TOO_LOW",
                "rejected",
                ["The boost is below the recommended bid.", "Bid more Connects to boost this proposal."],
            ),
            Self::BoostOutbid => Facts(
                "STANDIN_BOOST_OUTBID",
                "rejected",
                [
                    "Your boost was outbid; nothing was submitted.",
                    "Others bid a higher boost; the proposal was not sent.",
                ],
            ),
            Self::TeamRequired => Facts(
                "STANDIN_TEAM_REQUIRED",
                "needs_details",
                [
                    "Choose a team: team_org_id is missing.",
                    "This agency has several teams, name one by team_org_id.",
                ],
            ),
            Self::AnswersMissing => Facts(
                "STANDIN_ANSWERS_MISSING",
                "needs_details",
                [
                    "The client's screening questions need answers.",
                    "Answer each screening question of this job.",
                ],
            ),
            Self::PreviewUnknown => {
                Facts("STANDIN_PREVIEW_UNKNOWN", "error", ["There is no such preview.", "Preview not found."])
            }
            Self::PreviewExpired => Facts(
                "STANDIN_PREVIEW_EXPIRED",
                "error",
                ["The preview has expired.", "This preview is too old, create a new one."],
            ),
            Self::PreviewSuperseded => Facts(
                "STANDIN_PREVIEW_SUPERSEDED",
                "error",
                ["A newer preview took the place of this one.", "This preview was superseded."],
            ),
            Self::PreviewUsed => Facts(
                "STANDIN_PREVIEW_USED",
                "error",
                ["The preview was used.", "This preview was already confirmed."],
            ),
            Self::ExtraPayload => Facts(
                "STANDIN_EXTRA_PAYLOAD",
                "error",
                ["confirm takes type and preview_id and nothing else.", "Unexpected members in params."],
            ),
            Self::WrongRole => Facts(
                "STANDIN_WRONG_ROLE",
                "error",
                ["This account's role cannot call this tool.", "Wrong role for this tool."],
            ),
            Self::BadInput => Facts(
                "STANDIN_BAD_INPUT",
                "error",
                ["Invalid input.", "The arguments do not fit the schema."],
            ),
            Self::NotBuilt => Facts(
                "STANDIN_NOT_BUILT",
                "error",
                ["The stand-in does not play this tool.", "This call is not part of the stand-in."],
            ),
            Self::Refused => Facts(
                "STANDIN_REFUSED",
                "rejected",
                ["The client's settings turned this proposal down.", "This proposal was not taken."],
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    /// Words that make an answer to a confirm doubtful (upwork-mcp.md §6.7).
    const DOUBTFUL: [&str; 13] = [
        "time out",
        "timeout",
        "internal",
        "upstream",
        "unavailable",
        "rate limit",
        "retry",
        "already",
        "duplicate",
        "existing",
        "used",
        "vj-ja-10",
        "prior",
    ];

    #[test]
    fn definite_refusals_hold_no_doubtful_word() {
        for refusal in [
            Refusal::ConnectsShort,
            Refusal::JobClosed,
            Refusal::NotEligible,
            Refusal::Suspended,
            Refusal::Identity,
            Refusal::PolicyPrompt,
            Refusal::BoostOutbid,
            Refusal::Refused,
        ] {
            let [one, other] = refusal.wordings();
            assert_ne!(one, other);
            for text in [refusal.code(), one, other] {
                let words = format!(
                    " {} ",
                    text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != '-', " ")
                );
                let doubtful = DOUBTFUL.iter().find(|word| words.contains(&format!(" {word} ")));
                assert_eq!(doubtful, None, "{text}");
            }
        }
    }
}
