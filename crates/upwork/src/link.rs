//! Linking a freelancer to the site: a person consents in a browser, and the grant is kept for that person.

mod callback;

use applyd_core::outcome::Trouble;
use applyd_store::grant::{Grant, Grantee};
use applyd_store::{Error, Store, oauth_client};
use url::Url;

use crate::accounts::{Organisation, Role, organisations};
use crate::fault::Fault;
use crate::grants::Access;
use crate::oauth::{Denied, Pair, Question, REDIRECT_URI};
use crate::upwork::Upwork;
pub use callback::Callback;

/// Why a linking came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unlinked {
    /// The person, or the site, said no.
    #[error("{0}")]
    Refused(String),
    /// Another try may work.
    #[error("{0}")]
    Unreachable(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A login that waits for a person.
pub struct Linking(Question);

/// A login that a person gave, before it is kept.
pub struct Linked {
    client_id: String,
    pair: Pair,
    /// Where the person may propose.
    pub organisations: Vec<Choice>,
}

/// An organisation that a person may propose for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its id at the site.
    pub org_uid: String,
    /// Its name there.
    pub name: String,
    /// Whether it is an agency rather than the person's own.
    pub is_agency: bool,
    /// Suspended by the site.
    pub is_suspended: bool,
}

impl Linking {
    /// Where the person consents.
    #[must_use]
    pub fn address(&self) -> &Url {
        &self.0.address
    }

    /// Whether the browser was sent to this address with the answer.
    #[must_use]
    pub fn is_answered_by(&self, came_back: &Url) -> bool {
        self.0.is_answered_by(came_back)
    }

    fn state(&self) -> &str {
        self.0.state()
    }
}

impl Upwork {
    /// Begins a login that is answered at `callback`, or in an address that the person pastes.
    ///
    /// # Errors
    /// [`Unlinked`].
    pub async fn ask_person(&self, callback: Option<&Callback>) -> Result<Linking, Unlinked> {
        let redirect = callback.map_or(REDIRECT_URI.to_owned(), Callback::address);
        let (client_id, _) = self.grants().client().await?;
        Ok(Linking(self.grants().oauth().ask(&client_id, &redirect).await.map_err(Denied::from)?))
    }

    /// Finishes a login with the address that the browser was sent to, and reads whom it speaks for.
    ///
    /// # Errors
    /// [`Unlinked`].
    pub async fn link(&self, store: &Store, linking: Linking, came_back: &Url) -> Result<Linked, Unlinked> {
        let Linking(question) = linking;
        let pair = match self.grants().oauth().redeem(&question, came_back).await {
            Err(Denied::UnknownClient) => {
                let endpoint = self.endpoint().url.as_str().to_owned();
                store.write(move |tx| oauth_client::forget(tx, &endpoint)).await?;
                let reason = "the site does not know this installation any more; it is registered anew at the next try";
                return Err(Unlinked::Refused(reason.to_owned()));
            }
            pair => pair?,
        };
        // Not stored yet, so that it has no name.
        let grant = "linking".to_owned();
        let access = Access { grant, bearer: pair.access.clone(), org_uid: None, pair: 0 };
        let session = self.session(&access, None).await.map_err(Denied::from)?;
        let found = organisations(&session).await.map_err(Denied::from)?;
        let organisations = found.into_iter().map(Choice::from).collect();
        Ok(Linked { client_id: question.client_id, pair, organisations })
    }

    /// The grant of a login, sealed for the person who gave it.
    ///
    /// # Errors
    /// The server gave no refresh token.
    pub fn granted(&self, linked: Linked, grantee: &Grantee, org_uid: &str) -> Result<Grant, Unlinked> {
        let granted = self.grants().granted(grantee, linked.client_id, linked.pair, Some(org_uid.to_owned()));
        granted.map_err(|trouble| Unlinked::Unreachable(trouble.reason()))
    }

    /// Ends a grant at the site.
    ///
    /// # Errors
    /// It could not be revoked.
    pub async fn revoke(&self, grant: &Grant) -> Result<(), Unlinked> {
        let tokens =
            self.grants().unseal(grant).map_err(|trouble| Unlinked::Unreachable(trouble.reason()))?;
        Ok(self.grants().oauth().revoke(&grant.client_id, &tokens.refresh).await.map_err(Denied::from)?)
    }

    /// Asks the site whom a grant speaks for. A login that is refused is renewed once.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn check(&self, grantee: &Grantee) -> Result<(), Trouble> {
        match self.check_once(grantee).await {
            Err(Trouble::Login { pair, .. }) => {
                self.renew(grantee, pair).await?;
                self.check_once(grantee).await
            }
            checked => checked,
        }
    }

    async fn check_once(&self, grantee: &Grantee) -> Result<(), Trouble> {
        let access = self.grants().access(grantee).await?;
        let session = self.session(&access, None).await?;
        organisations(&session).await?;
        Ok(())
    }
}

impl From<(Organisation, String)> for Choice {
    fn from((organisation, name): (Organisation, String)) -> Self {
        Self {
            is_agency: organisation.role == Role::Agency,
            is_suspended: organisation.is_suspended,
            org_uid: organisation.org_uid,
            name,
        }
    }
}

impl From<Denied> for Unlinked {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Fault(
                fault @ (Fault::Refused(_) | Fault::Login { .. } | Fault::Status { status: 403, .. }),
            ) => Self::Refused(fault.to_string()),
            Denied::Fault(fault) => Self::Unreachable(fault.to_string()),
            Denied::UnknownClient | Denied::Refused { .. } => Self::Refused(denied.to_string()),
        }
    }
}
