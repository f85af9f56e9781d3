//! The organisations of a grant, and the one that applies.

use applyd_core::outcome::{Code, Trouble};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::session::Session;
use crate::text::untag;
use crate::tool::Tool;

/// In whose name a proposal is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Organisation {
    pub(crate) org_uid: String,
    pub(crate) role: Role,
    pub(crate) is_suspended: bool,
}

/// Who may propose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `TALENT`.
    Freelancer,
    /// `FL_AGENCY`.
    Agency,
}

impl Role {
    /// The tool that shows the Connects of this role.
    pub(crate) fn connects(self) -> Tool {
        match self {
            Self::Freelancer => Tool::FreelancerConnects,
            Self::Agency => Tool::AgencyConnects,
        }
    }
}

/// The organisation of the grant.
///
/// # Errors
/// `not_eligible` when none of its organisations may propose.
pub(crate) async fn organisation(session: &Session, bound: Option<&str>) -> Result<Organisation, Trouble> {
    let document = session.call(Tool::ListAccounts, "", json!({})).await?;
    let accounts = document["accounts"].as_array().ok_or(Fault::Missing("accounts"))?;
    pick(accounts, bound)
        .ok_or_else(|| Trouble::end(Code::NotEligible, "the grant has no freelancer or agency"))
}

/// The bound one; else a freelancer before an agency, as the grant is a person's.
fn pick(accounts: &[Value], bound: Option<&str>) -> Option<Organisation> {
    let candidates: Vec<Organisation> = accounts.iter().filter_map(parse).collect();
    match bound {
        Some(bound) => candidates.into_iter().find(|candidate| candidate.org_uid == bound),
        None => candidates
            .into_iter()
            .min_by_key(|candidate| (candidate.is_suspended, candidate.role == Role::Agency)),
    }
}

/// All organisations that may propose, each with its name.
///
/// # Errors
/// The call's.
pub(crate) async fn organisations(session: &Session) -> Result<Vec<(Organisation, String)>, Fault> {
    let document = session.call(Tool::ListAccounts, "", json!({})).await?;
    let accounts = document["accounts"].as_array().ok_or(Fault::Missing("accounts"))?;
    let named =
        |account: &Value| Some((parse(account)?, untag(account["name"].as_str().unwrap_or_default())));
    Ok(accounts.iter().filter_map(named).collect())
}

fn parse(account: &Value) -> Option<Organisation> {
    let role = match account["role"].as_str()? {
        "TALENT" => Role::Freelancer,
        "FL_AGENCY" => Role::Agency,
        _ => return None,
    };
    let is_suspended = account["suspended"].as_bool().unwrap_or(false);
    Some(Organisation { org_uid: account["org_uid"].as_str()?.to_owned(), role, is_suspended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_organisation_wins_then_the_freelancer() {
        let accounts = [
            json!({"org_uid": "1", "role": "CLIENT"}),
            json!({"org_uid": "2", "role": "FL_AGENCY"}),
            json!({"org_uid": "3", "role": "TALENT"}),
        ];
        let uid = |bound| pick(&accounts, bound).map(|picked| picked.org_uid);
        assert_eq!(uid(None).as_deref(), Some("3"));
        assert_eq!(uid(Some("2")).as_deref(), Some("2"));
        assert_eq!(uid(Some("1")), None);
    }
}
