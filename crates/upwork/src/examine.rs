//! What is found at the site by one login, for whoever wants to know why nothing goes through. Looking changes nothing:
//! neither what is submitted with nor whether it is.

use applyd_core::outcome::Trouble;
use applyd_store::grant::Grantee;
use serde_json::json;
use url::Url;

use crate::accounts::organisations;
use crate::link::Choice;
use crate::listing::{Demand, Listing, Unfit, demands};
use crate::text::whole;
use crate::tool::Era;
use crate::upwork::Upwork;

/// Where the login is, as the site's two documents tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The two documents.
    pub documents: [Url; 2],
    /// Where clients are registered.
    pub registration: Url,
}

/// What one login finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The protocol's version that the server answered.
    pub version: String,
    /// The tools that write, or why nothing can be written with them.
    pub tools: Result<Tools, NoTools>,
    /// Where the person may propose.
    pub organisations: Vec<Choice>,
    /// Of the organisation that applies, or why it could not be read; `None`: it was not asked for.
    pub connects: Option<Result<i64, String>>,
}

/// Why nothing can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoTools {
    /// In a sentence.
    pub reason: String,
    /// The person's own switch hides the tools.
    pub is_compact: bool,
}

/// The tools that write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The key of a preview's id, which tells the names of the tools.
    pub preview_key: &'static str,
    /// They have the names that the site gives up.
    pub is_older: bool,
    /// Whether milestones are carried.
    pub milestones: bool,
    /// What each of them demands.
    pub demands: Vec<Demand>,
    /// Of their names and schemas.
    pub schema_sha256: String,
}

impl Upwork {
    /// Reads the two documents of the login.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn addresses(&self) -> Result<Addresses, String> {
        let metadata = self.grants().oauth().metadata().await.map_err(|fault| fault.to_string())?;
        let set = self.endpoint().registration.clone();
        Ok(Addresses {
            documents: metadata.documents.clone(),
            registration: set.unwrap_or_else(|| metadata.registration_endpoint.clone()),
        })
    }

    /// Looks at the site by a login, in the name of `org_uid`. One that is refused is renewed once.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn visit(&self, grantee: &Grantee, org_uid: Option<&str>) -> Result<Visit, Trouble> {
        match self.visit_once(grantee, org_uid).await {
            Err(Trouble::Login { pair, .. }) => {
                self.renew(grantee, pair).await?;
                self.visit_once(grantee, org_uid).await
            }
            visited => visited,
        }
    }

    async fn visit_once(&self, grantee: &Grantee, org_uid: Option<&str>) -> Result<Visit, Trouble> {
        let access = self.grants().access(grantee).await?;
        let session = self.session(&access, None).await?;
        let version = session.version().await;
        let listed = session.tools().await?;
        let tools = match Listing::of(&listed) {
            Ok(listing) => Ok(Tools {
                preview_key: listing.era.key(),
                is_older: listing.era == Era::Draft,
                milestones: listing.milestones,
                demands: demands(&listed, listing.era),
                schema_sha256: listing.schema_sha256,
            }),
            Err(unfit) => Err(NoTools { reason: unfit.to_string(), is_compact: unfit == Unfit::Compact }),
        };
        let found = organisations(&session).await?;
        let applying = found.iter().find(|(one, _)| org_uid == Some(one.org_uid.as_str()));
        let connects = match applying {
            // It is among the tools that compact mode hides.
            Some((one, _)) if tools.is_ok() => {
                let told = session.call(one.role.connects(), &one.org_uid, json!({"limit": 1})).await;
                let balance = |document: serde_json::Value| {
                    whole(&document["balance"]["connectsBalance"]).ok_or("the answer has none".to_owned())
                };
                Some(told.map_err(|fault| fault.to_string()).and_then(balance))
            }
            _ => None,
        };
        let organisations = found.into_iter().map(Choice::from).collect();
        Ok(Visit { version, tools, organisations, connects })
    }
}
