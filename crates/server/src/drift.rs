//! Looks at the tools of the live channel once it can be asked, and once a day: a change shall not wait for the next
//! application to be found. Nothing else is read in the background.

use std::time::Duration;

use applyd_core::outcome::Trouble;
use applyd_store::account::Channel;
use applyd_store::{Store, grant};
use applyd_upwork::Upwork;

use crate::marketplaces::Marketplaces;

/// While nobody has linked an account.
const UNLINKED: Duration = Duration::from_secs(60);
const UNREACHABLE: Duration = Duration::from_secs(60 * 60);
const LONGEST: Duration = Duration::from_secs(120);
const DAILY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks for ever.
pub(crate) async fn keep_checking(store: Store, marketplaces: Marketplaces, endpoint: String) {
    let Some(upwork) = marketplaces.of(Channel::Upwork) else { return };
    loop {
        tokio::time::sleep(check(&store, upwork, endpoint.clone()).await).await;
    }
}

/// Checks by any login that works; answers after what time the next one is due.
async fn check(store: &Store, upwork: &Upwork, endpoint: String) -> Duration {
    let grantee = match store.read(move |tx| grant::first_alive(tx, &endpoint)).await {
        Ok(Some(grantee)) => grantee,
        Ok(None) => return UNLINKED,
        Err(error) => {
            tracing::warn!(%error, "the logins could not be read");
            return UNLINKED;
        }
    };
    let checked = tokio::time::timeout(LONGEST, upwork.check_tools(&grantee)).await;
    match checked.unwrap_or_else(|_| Err(Trouble::passing("no answer in time"))) {
        Ok(()) => {
            tracing::info!("the tools of the channel upwork are what they were");
            DAILY
        }
        // The guard has raised its alarm.
        Err(Trouble::End(_)) => DAILY,
        Err(trouble) => {
            tracing::warn!(?trouble, "the tools of the channel upwork could not be looked at");
            UNREACHABLE
        }
    }
}
