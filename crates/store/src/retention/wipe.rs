//! The end of a login: what it has brought in is erased, whatever its age.

use applyd_core::ids::{AccountId, QueueId};
use serde_json::Value;

use super::{ENDED, Ended, PURGED_AT_ONCE, erase, read};
use crate::account::Channel;
use crate::grant::Grantee;
use crate::tx::values;
use crate::{Error, Tx, freelancer, intent};

/// A wipe under way: it goes once through what there is, in portions, and reads nothing twice. The grant is revoked
/// before, so that nothing is read anew meanwhile.
#[derive(Debug, Clone)]
pub struct Wipe {
    account: AccountId,
    /// Whose tasks alone; `None`: all of the account.
    person: Option<String>,
    at: At,
}

/// How far it has come: after this job or application.
#[derive(Debug, Clone)]
enum At {
    Jobs(String),
    Applications(String),
    End,
}

impl Wipe {
    /// Of what this person's login has brought in, or with `everything` of what the account has.
    #[must_use]
    pub fn new(grantee: &Grantee, everything: bool) -> Self {
        let person = grantee.freelancer.clone().filter(|_| !everything);
        Self { account: grantee.account.clone(), person, at: At::Jobs(String::new()) }
    }

    /// Erases some; answers how many, or `None` when it has come to its end.
    ///
    /// # Errors
    /// The store's.
    pub fn next(&mut self, tx: &Tx<'_>) -> Result<Option<usize>, Error> {
        match self.at.clone() {
            At::Jobs(after) => self.jobs(tx, &after).map(Some),
            At::Applications(after) => self.applications(tx, &after).map(Some),
            At::End => Ok(None),
        }
    }

    /// Nothing tells whose login has read a job, and who still may reads it anew: all of them go.
    fn jobs(&mut self, tx: &Tx<'_>, after: &str) -> Result<usize, Error> {
        let jobs = tx.all(
            "SELECT job_key FROM stored_job WHERE account_id = ?1 AND job_key > ?2 ORDER BY job_key LIMIT ?3",
            values![self.account.as_str(), after, PURGED_AT_ONCE],
            |row| row.text(0),
        )?;
        let Some(last) = jobs.last() else {
            self.at = At::Applications(String::new());
            return Ok(0);
        };
        let erased = tx.execute(
            "UPDATE stored_job SET company_id = NULL, title = NULL, document = NULL
             WHERE account_id = ?1 AND job_key > ?2 AND job_key <= ?3 AND title IS NOT NULL",
            values![self.account.as_str(), after, last.as_str()],
        )?;
        self.at = At::Jobs(last.clone());
        Ok(erased)
    }

    fn applications(&mut self, tx: &Tx<'_>, after: &str) -> Result<usize, Error> {
        let ids = tx.all(
            "SELECT id FROM application WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            values![self.account.as_str(), after, PURGED_AT_ONCE],
            |row| row.parsed(0, QueueId::parse),
        )?;
        let mut erased = 0;
        for id in &ids {
            let Some(ended) = tx.one(&format!("{ENDED} AND id = ?1"), values![id.as_str()], read)? else {
                continue;
            };
            if self.is_meant(tx, &ended)? {
                erase(tx, &ended)?;
                erased += 1;
            }
        }
        self.at = ids.last().map_or(At::End, |last| At::Applications(last.as_str().to_owned()));
        Ok(erased)
    }

    /// By the login that sent, else by the profile asked for. What cannot be told counts as this person's: rather too
    /// much is erased than too little.
    fn is_meant(&self, tx: &Tx<'_>, ended: &Ended) -> Result<bool, Error> {
        let Some(person) = &self.person else { return Ok(true) };
        if let Some(login) = intent::login(tx, &ended.id)? {
            return Ok(login.freelancer.is_none_or(|sender| sender == *person));
        }
        let request: Option<Value> = serde_json::from_str(&ended.request).ok();
        let named = request.as_ref().and_then(|request| request.get("profileId")?.as_str());
        let profile = freelancer::profile(tx, &self.account, named)?;
        let asked = profile.and_then(|profile| profile.grantee(Channel::Upwork, &self.account).freelancer);
        Ok(asked.is_none_or(|asked| asked == *person))
    }
}
