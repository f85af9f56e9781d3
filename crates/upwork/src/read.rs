//! One job read by a caller's direction: for no application, so without a label.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::Trouble;
use applyd_store::grant::Grantee;

use crate::accounts::organisation;
use crate::job;
use crate::job_document::JobDocument;
use crate::upwork::Upwork;

impl Upwork {
    /// Reads a job as the data reads show it. A login that is refused is renewed once.
    ///
    /// # Errors
    /// [`Trouble`]: an end with `job_closed` or `refused` says that the account cannot see it.
    pub async fn read_job(&self, grantee: &Grantee, job: &JobKey) -> Result<JobDocument, Trouble> {
        match self.read_job_once(grantee, job).await {
            Err(Trouble::Login { pair, .. }) => {
                self.renew(grantee, pair).await?;
                self.read_job_once(grantee, job).await
            }
            read => read,
        }
    }

    async fn read_job_once(&self, grantee: &Grantee, job: &JobKey) -> Result<JobDocument, Trouble> {
        let access = self.grants().access(grantee).await?;
        let session = self.session(&access, None).await?;
        let org_uid = match access.org_uid {
            Some(org_uid) => org_uid,
            None => {
                let org_uid = organisation(&session, None).await?.org_uid;
                self.grants().bind(grantee, &org_uid).await?;
                org_uid
            }
        };
        Ok(JobDocument::of(&job::read(&session, &org_uid, job).await?)?)
    }
}
