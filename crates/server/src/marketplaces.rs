//! The clients of the marketplaces, by channel.

use std::sync::Arc;
use std::time::Duration;

use applyd_core::seal::MasterKey;
use applyd_store::Store;
use applyd_store::account::Channel;
use applyd_upwork::{Consent, Endpoint, Fill, Unusable, Upwork};
use url::Url;

use crate::config::Settings;

/// One client for each channel that a machine submits on.
#[derive(Clone)]
pub(crate) struct Marketplaces {
    sandbox: Upwork,
    upwork: Upwork,
}

impl Marketplaces {
    /// Clients for the stand-in at `sandbox` and for Upwork's server; nothing is asked yet.
    pub(crate) fn new(
        store: &Store,
        key: &Arc<MasterKey>,
        sandbox: Url,
        settings: &Settings,
    ) -> Result<Self, Unusable> {
        let sandbox = Endpoint { url: sandbox, consent: Consent::ByItself, egress: None, registration: None };
        Ok(Self { sandbox: client(store, key, sandbox, settings)?, upwork: upwork(store, key, settings)? })
    }

    /// The client of a channel; the desk has none.
    pub(crate) fn of(&self, channel: Channel) -> Option<&Upwork> {
        match channel {
            Channel::Sandbox => Some(&self.sandbox),
            Channel::Upwork => Some(&self.upwork),
            Channel::Desk => None,
        }
    }
}

/// The client of Upwork's server; nothing is asked yet.
///
/// # Errors
/// [`Unusable`].
pub fn upwork(store: &Store, key: &Arc<MasterKey>, settings: &Settings) -> Result<Upwork, Unusable> {
    let endpoint = Endpoint {
        url: settings.upwork.endpoint.clone(),
        consent: Consent::ByPerson,
        egress: settings.upwork.egress.clone(),
        registration: settings.upwork.registration_endpoint.clone(),
    };
    client(store, key, endpoint, settings)
}

fn client(
    store: &Store,
    key: &Arc<MasterKey>,
    endpoint: Endpoint,
    settings: &Settings,
) -> Result<Upwork, Unusable> {
    let read_timeout = Duration::from_millis(settings.timing.read_timeout_ms.unsigned_abs());
    Upwork::new(store.clone(), Arc::clone(key), endpoint, read_timeout)
}

/// What becomes of unanswered questions: only the sandbox has a sentence for them.
pub(crate) fn fill(channel: Channel) -> Fill {
    match channel {
        Channel::Sandbox => Fill::Sandbox,
        Channel::Upwork | Channel::Desk => Fill::Refuse,
    }
}
