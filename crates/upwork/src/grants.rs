//! The grants of accounts: opened for use, refreshed before they end, and never in two hands at once.
//!
//! A refresh token is good for one use, so a refresh holds its account's lock, reads the grant again under it,
//! and stores the new pair before anybody uses it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use applyd_core::ids::AccountId;
use applyd_core::outcome::{Code, Trouble};
use applyd_core::seal::MasterKey;
use applyd_store::grant::{self, Grant};
use applyd_store::{Error, Store};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::endpoint::{Consent, Endpoint};
use crate::fault::Fault;
use crate::oauth::{Denied, OAuth, Pair};

/// An access token must live this long when an application starts.
const LEAST_LIFE_MS: i64 = 300_000;
/// Locks; accounts share them by hash, so that their number stays bounded.
const LOCKS: usize = 64;

/// The grants of one endpoint.
pub(crate) struct Grants {
    store: Store,
    key: Arc<MasterKey>,
    endpoint: Arc<Endpoint>,
    oauth: OAuth,
    locks: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// A grant in use.
pub(crate) struct Access {
    /// Which grant it is, for the rate at which it may be used.
    pub(crate) grant: String,
    pub(crate) bearer: SecretString,
    pub(crate) org_uid: Option<String>,
}

/// The tokens of a grant.
struct Tokens {
    access: SecretString,
    refresh: SecretString,
}

impl Grants {
    /// The grants for `endpoint` that `store` keeps, sealed with `key`.
    pub(crate) fn new(store: Store, key: Arc<MasterKey>, endpoint: Arc<Endpoint>, oauth: OAuth) -> Self {
        let locks = std::array::from_fn(|_| Mutex::new(()));
        Self { store, key, endpoint, oauth, locks, hasher: RandomState::new() }
    }

    /// A token that lives long enough: refreshed, or with the stand-in's consent got, where it is not there.
    pub(crate) async fn access(self: &Arc<Self>, account: &AccountId) -> Result<Access, Trouble> {
        match self.usable(account).await? {
            Some(grant) if self.lives(&grant) => self.open(grant),
            _ => {
                self.apart(account, |grants, account| async move { grants.access_alone(&account).await })
                    .await
            }
        }
    }

    /// A new token after a 401; the call that came first refreshes for those that waited.
    pub(crate) async fn renew(self: &Arc<Self>, account: &AccountId) -> Result<(), Trouble> {
        let seen = self.usable(account).await?.map(|grant| grant.sealed);
        self.apart(account, |grants, account| async move {
            let _alone = grants.lock(&account).await;
            match grants.usable(&account).await? {
                Some(grant) if seen.as_ref().is_some_and(|seen| *seen != grant.sealed) => Ok(()),
                Some(grant) => grants.refresh(grant).await.map(|_| ()),
                None => grants.consent(&account).await.map(|_| ()),
            }
        })
        .await
    }

    /// Remembers the organisation that the grant speaks for.
    pub(crate) async fn bind(&self, account: &AccountId, org_uid: &str) -> Result<(), Trouble> {
        let (account, org_uid, now_ms) = (account.clone(), org_uid.to_owned(), self.store.now());
        let bound = self.store.write(move |tx| match grant::load(tx, &account)? {
            Some(found) => grant::save(tx, &Grant { org_uid: Some(org_uid), ..found }, now_ms),
            None => Ok(()),
        });
        bound.await.map_err(|error| unstored(&error))
    }

    /// The account's grant, whatever its state.
    pub(crate) async fn load(&self, account: &AccountId) -> Result<Option<Grant>, Error> {
        let account = account.clone();
        self.store.read(move |tx| grant::load(tx, &account)).await
    }

    async fn access_alone(&self, account: &AccountId) -> Result<Access, Trouble> {
        let _alone = self.lock(account).await;
        match self.usable(account).await? {
            Some(grant) if self.lives(&grant) => self.open(grant),
            Some(grant) => self.refresh(grant).await,
            None => self.consent(account).await,
        }
    }

    /// Runs `work` in a task of its own: who stops waiting must not lose a pair between its answer and the store.
    async fn apart<T, F>(
        self: &Arc<Self>,
        account: &AccountId,
        work: impl FnOnce(Arc<Self>, AccountId) -> F,
    ) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let task = tokio::spawn(work(self.clone(), account.clone()));
        task.await.unwrap_or_else(|error| Err(Trouble::passing(format!("the login broke off: {error}"))))
    }

    async fn lock(&self, account: &AccountId) -> tokio::sync::MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(account.as_str()) % LOCKS as u64;
        self.locks[place as usize].lock().await
    }

    /// The account's grant unless it is another endpoint's or dead.
    async fn usable(&self, account: &AccountId) -> Result<Option<Grant>, Trouble> {
        let found = self.load(account).await.map_err(|error| unstored(&error))?;
        Ok(found.filter(|grant| !grant.dead && grant.endpoint == self.endpoint.url.as_str()))
    }

    fn lives(&self, grant: &Grant) -> bool {
        grant.expires_at - self.store.now() >= LEAST_LIFE_MS
    }

    fn open(&self, grant: Grant) -> Result<Access, Trouble> {
        let bearer = self.unseal(&grant)?.access;
        Ok(Access { grant: grant.account.to_string(), bearer, org_uid: grant.org_uid })
    }

    async fn refresh(&self, grant: Grant) -> Result<Access, Trouble> {
        let old = self.unseal(&grant)?;
        match self.oauth.refresh(&grant.client_id, &old.refresh).await {
            Ok(pair) => self.keep(grant, pair, Some(old.refresh)).await,
            Err(Denied::Fault(fault)) => Err(passing(&fault)),
            Err(denied) => {
                tracing::warn!(account = %grant.account, %denied, "the grant is dead");
                self.save(Grant { dead: true, ..grant }).await?;
                Err(logged_out("the refresh was refused"))
            }
        }
    }

    /// Gets a grant by the stand-in's consent; with people it takes a linking of the account.
    async fn consent(&self, account: &AccountId) -> Result<Access, Trouble> {
        if self.endpoint.consent == Consent::ByPerson {
            return Err(logged_out("the account is not linked to Upwork"));
        }
        let known = self.registration().await?;
        let client_id = match known.clone() {
            Some(client_id) => client_id,
            None => self.register().await?,
        };
        let (client_id, pair) = match self.oauth.consent(&client_id, account.as_str()).await {
            // The server has forgotten what it knew when the client was kept.
            Err(Denied::UnknownClient) if known.is_some() => {
                let client_id = self.register().await?;
                let pair = self.oauth.consent(&client_id, account.as_str()).await;
                (client_id, pair)
            }
            pair => (client_id, pair),
        };
        let pair = pair.map_err(|denied| refused(&denied))?;
        // The stand-in knows the account by its id: a new grant speaks for the same organisation.
        let before = self.load(account).await.map_err(|error| unstored(&error))?;
        let grant = Grant {
            account: account.clone(),
            endpoint: self.endpoint.url.as_str().to_owned(),
            org_uid: before.and_then(|grant| grant.org_uid),
            client_id,
            sealed: Vec::new(),
            expires_at: 0,
            dead: false,
        };
        self.keep(grant, pair, None).await
    }

    async fn registration(&self) -> Result<Option<String>, Trouble> {
        let endpoint = self.endpoint.url.as_str().to_owned();
        let found = self.store.read(move |tx| grant::registration(tx, &endpoint));
        found.await.map_err(|error: Error| unstored(&error))
    }

    async fn register(&self) -> Result<String, Trouble> {
        let client_id = self.oauth.register().await.map_err(|denied| refused(&denied))?;
        let (endpoint, kept, now_ms) =
            (self.endpoint.url.as_str().to_owned(), client_id.clone(), self.store.now());
        let saved = self.store.write(move |tx| grant::save_registration(tx, &endpoint, &kept, now_ms));
        saved.await.map_err(|error: Error| unstored(&error))?;
        Ok(client_id)
    }

    /// Stores a new pair, and only then gives it out.
    async fn keep(&self, grant: Grant, pair: Pair, old: Option<SecretString>) -> Result<Access, Trouble> {
        let refresh = pair.refresh.or(old).ok_or_else(|| passing(&Fault::Missing("refresh_token")))?;
        let tokens = Tokens { access: pair.access, refresh };
        let sealed = self.seal(&grant.account, &tokens)?;
        let expires_at = self.store.now().saturating_add(pair.life_ms);
        let named = grant.account.to_string();
        let access = Access { grant: named, bearer: tokens.access, org_uid: grant.org_uid.clone() };
        self.save(Grant { sealed, expires_at, ..grant }).await?;
        Ok(access)
    }

    async fn save(&self, grant: Grant) -> Result<(), Trouble> {
        let now_ms = self.store.now();
        let saved = self.store.write(move |tx| grant::save(tx, &grant, now_ms));
        saved.await.map_err(|error: Error| unstored(&error))
    }

    fn seal(&self, account: &AccountId, tokens: &Tokens) -> Result<Vec<u8>, Trouble> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| passing(&Fault::Missing("random numbers")))?;
        let plain = json!({
            "access_token": tokens.access.expose_secret(),
            "refresh_token": tokens.refresh.expose_secret(),
        });
        Ok(self.key.seal(nonce, &place(account), plain.to_string().as_bytes()))
    }

    fn unseal(&self, grant: &Grant) -> Result<Tokens, Trouble> {
        let plain = self.key.open(&place(&grant.account), &grant.sealed);
        let plain = plain.map_err(|error| Trouble::passing(format!("the stored grant {error}")))?;
        let tokens: Value = serde_json::from_slice(&plain).unwrap_or_default();
        match (tokens["access_token"].as_str(), tokens["refresh_token"].as_str()) {
            (Some(access), Some(refresh)) => Ok(Tokens { access: access.into(), refresh: refresh.into() }),
            _ => Err(Trouble::passing("the stored grant holds no tokens")),
        }
    }
}

fn place(account: &AccountId) -> String {
    format!("grant/{account}")
}

/// Login calls that fail pass, whatever their status: the word that ends a grant is judged before.
fn passing(fault: &Fault) -> Trouble {
    let after_ms = if let Fault::Status { after_ms, .. } = fault { *after_ms } else { None };
    Trouble::Passing { reason: format!("login: {fault}"), after_ms }
}

fn refused(denied: &Denied) -> Trouble {
    match denied {
        Denied::Fault(fault) => passing(fault),
        Denied::UnknownClient | Denied::Refused(_) => logged_out(&denied.to_string()),
    }
}

fn logged_out(reason: &str) -> Trouble {
    Trouble::end(Code::LoggedOut, reason)
}

fn unstored(error: &Error) -> Trouble {
    Trouble::passing(format!("store: {error}"))
}
