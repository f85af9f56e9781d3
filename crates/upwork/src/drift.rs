//! The guard against drift: what is submitted with is what the operator goes by, whichever process sees it.

use applyd_core::ids::AccountId;
use applyd_core::outcome::Trouble;
use applyd_store::account::Channel;
use applyd_store::grant::Grantee;
use applyd_store::pause::{self, DRIFT_GUARD, Scope};
use applyd_store::{Error, audit, tool_schema};
use serde_json::{Value, json};

use crate::listing::{Listing, Unfit, changed};
use crate::tool::Tool;
use crate::upwork::Upwork;

const NOT_AGREED: &str =
    "the schema of a tool that writes has changed; `applyd upwork agree` accepts it, after you have looked";

impl Upwork {
    /// What the tools are good for, if they are what the operator goes by; the first that are seen are.
    ///
    /// # Errors
    /// `upstream_changed`; then nothing more is submitted either, until the operator agrees.
    pub(crate) async fn guarded(&self, account: &AccountId, tools: &[Value]) -> Result<Listing, Trouble> {
        let channel = self.endpoint().channel();
        let listing = match Listing::of(tools) {
            Ok(listing) => listing,
            // The account's own switch, and nobody else's business.
            Err(unfit @ Unfit::Compact) => {
                return Err(self.stop(Scope::Account(account.clone()), unfit.to_string()).await);
            }
            Err(unfit) => return Err(self.stop(Scope::Channel(channel), unfit.to_string()).await),
        };
        if self.agrees(channel, &listing).await.map_err(|error| unstored(&error))? {
            return Ok(listing);
        }
        Err(self.stop(Scope::Channel(channel), NOT_AGREED.to_owned()).await)
    }

    /// Reads the tools and their help, for no application: has anything changed that one would meet?
    ///
    /// # Errors
    /// As [`Self::guarded`], or [`Trouble`] of a read.
    pub async fn check_tools(&self, grantee: &Grantee) -> Result<(), Trouble> {
        let access = self.grants().access(grantee).await?;
        let session = self.session(&access, None).await?;
        self.guarded(&grantee.account, &session.tools().await?).await?;
        session.call(Tool::Help, "", json!({})).await?;
        Ok(())
    }

    async fn agrees(&self, channel: Channel, listing: &Listing) -> Result<bool, Error> {
        let known = self.store().read(move |tx| tool_schema::load(tx, channel)).await?;
        // The usual case writes nothing.
        if known.is_some_and(|known| known.agrees() && known.pinned_sha256 == listing.schema_sha256) {
            return Ok(true);
        }
        let sha256 = listing.schema_sha256.clone();
        self.store().write(move |tx| tool_schema::see(tx, channel, &sha256)).await
    }

    /// Nothing is tried against what is not understood: the pause keeps the others from it.
    async fn stop(&self, scope: Scope, reason: String) -> Trouble {
        tracing::error!(%scope, reason, "the site's tools have changed; submitting stops until the operator agrees");
        let told = reason.clone();
        let paused = self.store().write(move |tx| {
            if pause::find(tx, &scope)?.is_none() {
                let facts = json!({"scope": scope.to_string(), "reason": told});
                let account = if let Scope::Account(account) = &scope { Some(account) } else { None };
                audit::note(tx, "paused", DRIFT_GUARD, account, &facts)?;
                pause::set(tx, &scope, &told, DRIFT_GUARD)?;
            }
            Ok::<_, Error>(())
        });
        match paused.await {
            Ok(()) => changed(&reason),
            Err(error) => unstored(&error),
        }
    }
}

fn unstored(error: &Error) -> Trouble {
    Trouble::passing(format!("store: {error}"))
}
