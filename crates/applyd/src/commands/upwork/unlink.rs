//! `applyd upwork unlink`.

use applyd_core::ids::AccountId;
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::{Store, application, audit, retention};
use serde_json::json;

use crate::cli::{Global, operator};
use crate::commands::serve;
use crate::failure::Failure;
use crate::output;

pub(super) fn unlink(
    global: &Global,
    account: String,
    freelancer: Option<String>,
    force: bool,
) -> Result<(), Failure> {
    let settings = global.settings()?;
    let store = crate::commands::store(global, false)?;
    let upwork = super::client(&store, &settings)?;
    let grant = store.write_blocking(move |tx| {
        let account = crate::commands::account_of(tx, &account)?.id;
        let nobody = || not_linked(&Grantee::of_account(account.clone()));
        let grantee = super::grantee(tx, &account, freelancer.as_deref())?.ok_or_else(nobody)?;
        let unsettled = application::unsettled(tx, &account)?;
        if unsettled > 0 && !force {
            return Err(Failure::hinted(
                format!("{unsettled} submission(s) of this account have no known outcome yet"),
                "they are settled by reading Upwork with this login; wait for them, or use --force",
            ));
        }
        let grant = grant::remove(tx, &grantee)?.ok_or_else(|| not_linked(&grantee))?;
        let facts = json!({"freelancerId": grant.grantee.freelancer, "orgUid": grant.org_uid});
        audit::note(tx, "unlinked", &operator(), Some(&account), &facts)?;
        Ok(grant)
    })?;
    // Gone here first: whatever the site says, nothing is done with it any more.
    let Grant { grantee, org_uid, .. } = grant.clone();
    let mut revoked = true;
    let done = &mut revoked;
    serve::run(async move {
        if let Err(error) = upwork.revoke(&grant).await {
            output::note(&format!(
                "Upwork was not told: {error}\nhint: the person can end the access under Connected Apps on upwork.com"
            ));
            *done = false;
        }
        Ok(())
    })?;
    let erased = wipe(&store, &grantee.account)?;
    let told = json!({
        "accountId": grantee.account.as_str(), "freelancerId": grantee.freelancer, "orgUid": org_uid,
        "revoked": revoked, "erased": erased,
    });
    output::print(global.json, &told, |told| {
        let end = if revoked { "and revoked at Upwork" } else { "but NOT revoked at Upwork" };
        format!("{} is unlinked {end}", output::shown(&told["freelancerId"]))
    })
}

/// Erases what the account has of the site's contents, in portions, so that a server beside this can write in between.
fn wipe(store: &Store, account: &AccountId) -> Result<usize, Failure> {
    let mut erased = 0;
    loop {
        let account = account.clone();
        match store.write_blocking(move |tx| retention::wipe(tx, &account))? {
            0 => return Ok(erased),
            more => erased += more,
        }
    }
}

fn not_linked(grantee: &Grantee) -> Failure {
    let who = grantee.freelancer.as_deref().unwrap_or("nobody of this account");
    let verb = if grantee.freelancer.is_some() { "is not" } else { "is" };
    Failure::hinted(format!("{who} {verb} linked to Upwork"), "`applyd upwork accounts` shows who is")
}
