//! The tools that may be called. Nothing else can be: a call takes a [`Tool`], not a name.

use serde_json::{Value, json};

/// One action of one tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// What create of a proposal takes, in the site's words.
    Help,
    /// The organisations of the grant.
    ListAccounts,
    /// One job.
    ReadJob,
    /// The client's invitations to a job.
    ListInvitations,
    /// Own proposals.
    ListProposals,
    /// One own proposal.
    ReadProposal,
    /// Makes a preview; submits nothing.
    CreatePreview,
    /// Reads a preview back.
    ReadPreview(Era),
    /// Submits a preview.
    Confirm(Era),
    /// Connects of a freelancer.
    FreelancerConnects,
    /// Connects of an agency.
    AgencyConnects,
}

/// How previews are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// `get_preview`, `confirm_preview`, `preview_id`.
    Preview,
    /// `get_draft`, `confirm_draft`, `draft_id`.
    Draft,
}

impl Era {
    /// The key of a preview's id in the confirm call.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Preview => "preview_id",
            Self::Draft => "draft_id",
        }
    }
}

impl Tool {
    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Help => "upwork__get_tool_help",
            Self::ListAccounts => "upwork__list_accounts",
            Self::ReadJob => "upwork__find_jobs",
            Self::ListInvitations | Self::ListProposals | Self::ReadProposal => {
                "upwork__list_freelancer_proposals"
            }
            Self::CreatePreview => "upwork__manage_proposals",
            Self::ReadPreview(Era::Preview) => "upwork__get_preview",
            Self::ReadPreview(Era::Draft) => "upwork__get_draft",
            Self::Confirm(Era::Preview) => "upwork__confirm_preview",
            Self::Confirm(Era::Draft) => "upwork__confirm_draft",
            Self::FreelancerConnects => "upwork__get_profile",
            Self::AgencyConnects => "upwork__get_freelancer_financials",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Help | Self::ListAccounts => "",
            Self::ReadJob | Self::ReadProposal | Self::ReadPreview(_) => "get",
            Self::ListInvitations => "invitations",
            Self::ListProposals => "list",
            Self::CreatePreview => "create",
            Self::Confirm(_) => "confirm",
            Self::FreelancerConnects | Self::AgencyConnects => "connects_balance",
        }
    }

    /// Whether a call changes nothing.
    pub(crate) fn is_read(self) -> bool {
        !matches!(self, Self::CreatePreview | Self::Confirm(_))
    }

    /// Whether calls come out of the site's tighter bucket.
    pub(crate) fn is_sensitive(self) -> bool {
        !self.is_read() || matches!(self, Self::ReadJob | Self::FreelancerConnects)
    }

    /// `params` of a `tools/call`.
    pub(crate) fn call(self, org_uid: &str, params: Value) -> Value {
        let arguments = match self {
            Self::Help => json!({"tool_name": "manage_proposals"}),
            Self::ListAccounts => json!({}),
            _ => json!({"action": self.action(), "org_uid": org_uid, "params": params}),
        };
        json!({"name": self.name(), "arguments": arguments})
    }
}
