//! Who is signed in, and what they may do.

use std::sync::Arc;

use applyd_core::ids::AccountId;
use applyd_core::role::Role;
use applyd_store::session::Session;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::page::{Section, Shell};
use super::refused::Refused;
use super::visitor::Visitor;

/// A person who is signed in; sees one account and no other.
pub(super) struct Member(pub(super) Arc<Session>);

impl Member {
    /// Sees that this person may do what a role may.
    pub(super) fn may(&self, role: Role) -> Result<(), Refused> {
        if self.0.role >= role { Ok(()) } else { Err(Refused::Forbidden { needs: role }) }
    }

    /// The account that everything is read from.
    pub(super) fn account(&self) -> AccountId {
        self.0.account.id.clone()
    }

    /// What all pages show around their own.
    pub(super) fn shell(&self, section: Section) -> Shell {
        Shell { session: Arc::clone(&self.0), section }
    }
}

impl<S: Sync> FromRequestParts<S> for Member {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
        let signed_out = || Refused::signed_out(&visitor);
        visitor.session.clone().map(Self).ok_or_else(signed_out)
    }
}
