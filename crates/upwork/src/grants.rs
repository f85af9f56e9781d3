//! Grants: opened for use, refreshed before they end, and never in two hands at once.
//!
//! A refresh token is good for one use. So whoever refreshes takes the grant in the store first, where other processes
//! see it, and stores the new pair before anybody uses it. Never while a submission of the account is under way.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use applyd_core::outcome::{Code, Trouble};
use applyd_core::seal::MasterKey;
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::refresh::{self, Begun};
use applyd_store::{Error, Store, oauth_client};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::endpoint::{Consent, Endpoint};
use crate::fault::Fault;
use crate::oauth::{Denied, OAuth, Pair};

/// An access token must live this long when an application starts.
const LEAST_LIFE_MS: i64 = 300_000;
/// Locks; grants share them by hash, so that their number stays bounded.
const LOCKS: usize = 64;
/// What a refresh may take beside its one request, before others may try.
const REFRESH_MARGIN: Duration = Duration::from_secs(15);
/// Between two looks at a refresh of another process.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Until the next try where nothing says better.
const LOGIN_PAUSE_MS: i64 = 1_000;

/// The grants of one endpoint.
pub(crate) struct Grants {
    store: Store,
    key: Arc<MasterKey>,
    endpoint: Arc<Endpoint>,
    oauth: OAuth,
    /// This process, as others see it in the store.
    owner: String,
    refresh_timeout: Duration,
    locks: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// A grant in use.
pub(crate) struct Access {
    /// Which grant it is, for the rate at which it may be used.
    pub(crate) grant: String,
    pub(crate) bearer: SecretString,
    pub(crate) org_uid: Option<String>,
    /// The pair of tokens that it is of.
    pub(crate) pair: i64,
}

/// The right to spend a refresh token, by both clocks as they were before it was taken: one stands still while the
/// machine sleeps, the other can be set.
#[derive(Clone, Copy)]
struct Hold {
    since: Instant,
    since_ms: i64,
}

impl Hold {
    /// Whether enough of it is left for one whole request.
    fn is_fresh(&self, now: i64) -> bool {
        self.since.elapsed() <= REFRESH_MARGIN && now - self.since_ms <= REFRESH_MARGIN.as_millis() as i64
    }
}

/// The tokens of a grant.
pub(crate) struct Tokens {
    pub(crate) access: SecretString,
    pub(crate) refresh: SecretString,
}

impl Grants {
    /// The grants for `endpoint` that `store` keeps, sealed with `key`. A refresh is one request within `read_timeout`.
    pub(crate) fn new(
        store: Store,
        key: Arc<MasterKey>,
        endpoint: Arc<Endpoint>,
        oauth: OAuth,
        read_timeout: Duration,
    ) -> Self {
        let locks = std::array::from_fn(|_| Mutex::new(()));
        let hasher = RandomState::new();
        let owner = format!("{:016x}", hasher.hash_one(std::process::id()));
        let refresh_timeout = read_timeout + REFRESH_MARGIN;
        Self { store, key, endpoint, oauth, owner, refresh_timeout, locks, hasher }
    }

    /// The login itself.
    pub(crate) fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    /// A token that lives long enough: refreshed, or with the stand-in's consent got, where it is not there.
    pub(crate) async fn access(self: &Arc<Self>, grantee: &Grantee) -> Result<Access, Trouble> {
        match self.usable(grantee).await? {
            Some(grant) if self.lives(&grant) => self.open(grant),
            _ => {
                self.apart(grantee, |grants, grantee| async move { grants.access_alone(&grantee).await })
                    .await
            }
        }
    }

    /// A new token in the place of the pair that was answered 401; the call that came first refreshes for the others.
    pub(crate) async fn renew(self: &Arc<Self>, grantee: &Grantee, refused: i64) -> Result<(), Trouble> {
        self.apart(grantee, move |grants, grantee| async move {
            let _alone = grants.lock(&grantee).await;
            match grants.usable(&grantee).await? {
                Some(grant) if grant.pair != refused => Ok(()),
                Some(grant) => match grants.refresh(grant).await? {
                    Some(_) => Ok(()),
                    None => Err(reconnecting("a submission is under way with this login", LOGIN_PAUSE_MS)),
                },
                None => grants.consent(&grantee).await.map(|_| ()),
            }
        })
        .await
    }

    /// Remembers the organisation that the grant speaks for.
    pub(crate) async fn bind(&self, grantee: &Grantee, org_uid: &str) -> Result<(), Trouble> {
        let (grantee, org_uid) = (grantee.clone(), org_uid.to_owned());
        let bound = self.store.write(move |tx| grant::bind(tx, &grantee, &org_uid));
        bound.await.map_err(|error| unstored(&error))
    }

    async fn load(&self, grantee: &Grantee) -> Result<Option<Grant>, Trouble> {
        let grantee = grantee.clone();
        let found = self.store.read(move |tx| grant::load(tx, &grantee)).await;
        found.map_err(|error| unstored(&error))
    }

    async fn access_alone(&self, grantee: &Grantee) -> Result<Access, Trouble> {
        let _alone = self.lock(grantee).await;
        let Some(grant) = self.usable(grantee).await? else { return self.consent(grantee).await };
        if self.lives(&grant) {
            return self.open(grant);
        }
        match self.refresh(grant.clone()).await? {
            Some(access) => Ok(access),
            // Long enough for a read.
            None if grant.expires_at > self.store.now() => self.open(grant),
            None => Err(reconnecting("a submission is under way with this login", LOGIN_PAUSE_MS)),
        }
    }

    /// Runs `work` in a task of its own: who stops waiting must not lose a pair between its answer and the store.
    async fn apart<T, F>(
        self: &Arc<Self>,
        grantee: &Grantee,
        work: impl FnOnce(Arc<Self>, Grantee) -> F,
    ) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let task = tokio::spawn(work(self.clone(), grantee.clone()));
        task.await.unwrap_or_else(|error| Err(Trouble::passing(format!("the login broke off: {error}"))))
    }

    async fn lock(&self, grantee: &Grantee) -> tokio::sync::MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(grantee) % LOCKS as u64;
        self.locks[place as usize].lock().await
    }

    /// The grant unless it is another endpoint's or dead.
    async fn usable(&self, grantee: &Grantee) -> Result<Option<Grant>, Trouble> {
        let found = self.load(grantee).await?;
        Ok(found.filter(|grant| !grant.dead && grant.endpoint == self.endpoint.url.as_str()))
    }

    fn lives(&self, grant: &Grant) -> bool {
        grant.expires_at - self.store.now() >= LEAST_LIFE_MS
    }

    fn open(&self, grant: Grant) -> Result<Access, Trouble> {
        let (grantee, bearer) = (grant.grantee.to_string(), self.unseal(&grant)?.access);
        Ok(Access { grant: grantee, bearer, org_uid: grant.org_uid, pair: grant.pair })
    }

    /// Trades the pair for a new one, or waits for whoever does; none while a submission is under way with it.
    async fn refresh(&self, mut grant: Grant) -> Result<Option<Access>, Trouble> {
        let end = Instant::now() + self.refresh_timeout;
        // Before the pair is taken, so that then one request is all.
        self.oauth.metadata().await.map_err(|fault| lost(&fault))?;
        loop {
            let wait_ms = grant.retry_at.unwrap_or(0) - self.store.now();
            if wait_ms > 0 {
                return Err(reconnecting("the login could not be renewed a moment ago", wait_ms));
            }
            let hold = Hold { since: Instant::now(), since_ms: self.store.now() };
            match self.begin(&grant, hold).await? {
                Begun::Mine => return self.spend(grant, hold).await.map(Some),
                Begun::Submitting => return Ok(None),
                Begun::Held if Instant::now() >= end => {
                    return Err(reconnecting("another process renews the login", LOGIN_PAUSE_MS));
                }
                Begun::Held => tokio::time::sleep(LOOK_EVERY).await,
                Begun::Changed => {}
            }
            match self.usable(&grant.grantee).await? {
                Some(now) if now.pair != grant.pair => return self.open(now).map(Some),
                Some(now) => grant = now,
                None => return Err(logged_out("the login was refused or unlinked meanwhile")),
            }
        }
    }

    async fn begin(&self, grant: &Grant, hold: Hold) -> Result<Begun, Trouble> {
        let (grant, owner) = (grant.clone(), self.owner.clone());
        let until = hold.since_ms + self.refresh_timeout.as_millis() as i64;
        let begun = self.store.write(move |tx| refresh::begin(tx, &grant, &owner, until)).await;
        begun.map_err(|error| unstored(&error))
    }

    /// The one use of a refresh token. Whoever stood still since it was taken may not be alone with it until the
    /// request's end.
    async fn spend(&self, grant: Grant, hold: Hold) -> Result<Access, Trouble> {
        let old = self.unseal(&grant)?.refresh;
        if !hold.is_fresh(self.store.now()) {
            let owner = self.owner.clone();
            let given_back = self.store.write(move |tx| refresh::failed(tx, &grant, &owner, None)).await;
            given_back.map_err(|error| unstored(&error))?;
            return Err(reconnecting("this process stood still while it renewed the login", LOGIN_PAUSE_MS));
        }
        let denied = match self.oauth.refresh(&grant.client_id, &old).await {
            Ok(pair) => return self.renewed(grant, pair, old).await,
            Err(denied) => denied,
        };
        let (owner, reason) = (self.owner.clone(), denied.to_string());
        if denied.is_final() {
            tracing::warn!(grantee = %grant.grantee, %denied, "the grant is dead");
            let is_client_unknown = matches!(denied, Denied::UnknownClient);
            let died = self.store.write(move |tx| {
                if is_client_unknown {
                    oauth_client::forget(tx, &grant.endpoint)?;
                }
                refresh::died(tx, &grant, &owner)
            });
            let died = died.await;
            died.map_err(|error| unstored(&error))?;
            return Err(logged_out("the refresh was refused"));
        }
        tracing::warn!(grantee = %grant.grantee, %denied, "the login could not be renewed");
        let after_ms = denied.after_ms();
        let failed = self.store.write(move |tx| refresh::failed(tx, &grant, &owner, after_ms)).await;
        let retry_at = failed.map_err(|error| unstored(&error))?;
        Err(reconnecting(&reason, retry_at - self.store.now()))
    }

    /// Stores the pair that was given for another, and only then gives it out.
    async fn renewed(&self, spent: Grant, pair: Pair, old: SecretString) -> Result<Access, Trouble> {
        let tokens = Tokens { access: pair.access, refresh: pair.refresh.unwrap_or(old) };
        let sealed = self.seal(&spent.grantee, &tokens)?;
        let expires_at = self.store.now().saturating_add(pair.life_ms);
        let (grantee, org_uid, pair) = (spent.grantee.to_string(), spent.org_uid.clone(), spent.pair + 1);
        let kept = self.store.write(move |tx| refresh::renewed(tx, &spent, &sealed, expires_at)).await;
        if !kept.map_err(|error| unstored(&error))? {
            return Err(reconnecting("the account was linked anew or unlinked meanwhile", LOGIN_PAUSE_MS));
        }
        Ok(Access { grant: grantee, bearer: tokens.access, org_uid, pair })
    }

    /// Gets a grant by the stand-in's consent; with people it takes a linking of the account.
    async fn consent(&self, grantee: &Grantee) -> Result<Access, Trouble> {
        if self.endpoint.consent == Consent::ByPerson {
            return Err(logged_out("the freelancer is not linked to Upwork, or was refused by it"));
        }
        let (mut client_id, is_known) = self.client().await.map_err(|denied| refused(&denied))?;
        let mut pair = self.oauth.consent(&client_id, grantee.account.as_str()).await;
        if matches!(pair, Err(Denied::UnknownClient)) && is_known {
            // The server has forgotten what it knew when the client was kept.
            client_id = self.register().await.map_err(|denied| refused(&denied))?;
            pair = self.oauth.consent(&client_id, grantee.account.as_str()).await;
        }
        let pair = pair.map_err(|denied| refused(&denied))?;
        // The stand-in knows the account by its id: a new grant speaks for the same organisation.
        let org_uid = self.load(grantee).await?.and_then(|grant| grant.org_uid);
        let grant = self.granted(grantee, client_id, pair, org_uid)?;
        let saved = self.store.write(move |tx| {
            grant::save(tx, &grant)?;
            grant::load(tx, &grant.grantee)
        });
        let kept = saved.await.map_err(|error: Error| unstored(&error))?;
        self.open(kept.ok_or_else(|| logged_out("the grant was removed meanwhile"))?)
    }

    /// A grant just given, sealed.
    pub(crate) fn granted(
        &self,
        grantee: &Grantee,
        client_id: String,
        pair: Pair,
        org_uid: Option<String>,
    ) -> Result<Grant, Trouble> {
        let refresh = pair.refresh.ok_or_else(|| lost(&Fault::Missing("refresh_token")))?;
        Ok(Grant {
            grantee: grantee.clone(),
            endpoint: self.endpoint.url.as_str().to_owned(),
            org_uid,
            client_id,
            sealed: self.seal(grantee, &Tokens { access: pair.access, refresh })?,
            pair: 0,
            expires_at: self.store.now().saturating_add(pair.life_ms),
            dead: false,
            retry_at: None,
        })
    }

    /// The client of this installation, registered now if there was none; and whether there was one.
    pub(crate) async fn client(&self) -> Result<(String, bool), Denied> {
        let endpoint = self.endpoint.url.as_str().to_owned();
        let found = self.store.read(move |tx| oauth_client::find(tx, &endpoint)).await;
        match found.map_err(|error: Error| Fault::Store(error))? {
            Some(client_id) => Ok((client_id, true)),
            None => Ok((self.register().await?, false)),
        }
    }

    async fn register(&self) -> Result<String, Denied> {
        let client_id = self.oauth.register().await?;
        let (endpoint, kept) = (self.endpoint.url.as_str().to_owned(), client_id.clone());
        let saved = self.store.write(move |tx| oauth_client::save(tx, &endpoint, &kept)).await;
        saved.map_err(|error: Error| Fault::Store(error))?;
        Ok(client_id)
    }

    fn seal(&self, grantee: &Grantee, tokens: &Tokens) -> Result<Vec<u8>, Trouble> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| lost(&Fault::Missing("random numbers")))?;
        let plain = json!({
            "access_token": tokens.access.expose_secret(),
            "refresh_token": tokens.refresh.expose_secret(),
        });
        Ok(self.key.seal(nonce, &place(grantee), plain.to_string().as_bytes()))
    }

    /// The tokens of a grant.
    pub(crate) fn unseal(&self, grant: &Grant) -> Result<Tokens, Trouble> {
        let plain = self.key.open(&place(&grant.grantee), &grant.sealed);
        let plain = plain.map_err(|error| Trouble::passing(format!("the stored grant {error}")))?;
        let tokens: Value = serde_json::from_slice(&plain).unwrap_or_default();
        match (tokens["access_token"].as_str(), tokens["refresh_token"].as_str()) {
            (Some(access), Some(refresh)) => Ok(Tokens { access: access.into(), refresh: refresh.into() }),
            _ => Err(Trouble::passing("the stored grant holds no tokens")),
        }
    }
}

fn place(grantee: &Grantee) -> String {
    format!("grant/{grantee}")
}

/// Login calls that fail pass, whatever their status: the word that ends a grant is judged before.
fn lost(fault: &Fault) -> Trouble {
    reconnecting(&format!("login: {fault}"), fault.after_ms().unwrap_or(LOGIN_PAUSE_MS))
}

fn refused(denied: &Denied) -> Trouble {
    match denied {
        Denied::Fault(fault) => lost(fault),
        Denied::UnknownClient | Denied::Refused { .. } => logged_out(&denied.to_string()),
    }
}

fn reconnecting(reason: &str, after_ms: i64) -> Trouble {
    Trouble::Reconnecting { reason: reason.to_owned(), after_ms: after_ms.max(0) }
}

fn logged_out(reason: &str) -> Trouble {
    Trouble::end(Code::LoggedOut, reason)
}

fn unstored(error: &Error) -> Trouble {
    Trouble::passing(format!("store: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use applyd_core::ids::AccountId;
    use applyd_store::Clock;
    use applyd_store::account::{self, Channel};

    use super::*;
    use crate::fresh::Fresh;
    use crate::upwork::Upwork;

    /// As after SIGSTOP, or the sleep of the machine, between taking the right and the request.
    #[tokio::test]
    async fn who_stood_still_sends_nothing_and_gives_the_login_back() {
        let fresh = Fresh::new();
        let store = fresh.open(Clock::System);
        let account = AccountId::new(1_700_000_000_000, 7);
        let grantee = Grantee::of_account(account.clone());
        // Nobody listens there: a request would be told as lost.
        let url = url::Url::parse("http://127.0.0.1:9/mcp").unwrap();
        let endpoint = Endpoint { url, consent: Consent::ByPerson, egress: None, registration: None };
        let key = Arc::new(MasterKey::new([7; 32]));
        let upwork = Upwork::new(store.clone(), key, endpoint, Duration::from_secs(1)).unwrap();
        let grants = upwork.grants();
        let pair = Pair { access: "a".into(), refresh: Some("r".into()), life_ms: 0 };
        let grant = grants.granted(&grantee, "client".into(), pair, None).unwrap();
        let kept: Result<_, Error> = store
            .write(move |tx| {
                account::create(tx, &account, "agency", Channel::Upwork)?;
                grant::save(tx, &grant)?;
                grant::load(tx, &grant.grantee)
            })
            .await;
        let mut grant = kept.unwrap().unwrap();
        let fresh = || Hold { since: Instant::now(), since_ms: store.now() };
        let late = REFRESH_MARGIN + Duration::from_secs(1);
        for stale in [
            Hold { since: Instant::now().checked_sub(late).unwrap(), ..fresh() },
            Hold { since_ms: store.now() - late.as_millis() as i64, ..fresh() },
        ] {
            assert_eq!(grants.begin(&grant, fresh()).await.unwrap(), Begun::Mine);
            match grants.spend(grant.clone(), stale).await {
                Err(Trouble::Reconnecting { reason, .. }) => {
                    assert!(reason.contains("stood still"), "{reason}")
                }
                other => panic!("{:?}", other.err()),
            }
            let now = grants.load(&grantee).await.unwrap().unwrap();
            assert!(now.pair == grant.pair && !now.dead);
            grant = now;
        }
        assert_eq!(grants.begin(&grant, fresh()).await.unwrap(), Begun::Mine, "it was given back");
    }
}
