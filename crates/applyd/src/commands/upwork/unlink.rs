//! `applyd upwork unlink`.

use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::retention::Wipe;
use applyd_store::{Error, Store, application, audit};
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
    let (grant, is_last) = store.write_blocking(move |tx| {
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
        let is_last = grant::of_persons(tx, &account)?.is_empty();
        Ok((grant, is_last))
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
    let erased = wipe(&store, Wipe::new(&grantee, is_last))?;
    let told = json!({
        "accountId": grantee.account.as_str(), "freelancerId": grantee.freelancer, "orgUid": org_uid,
        "revoked": revoked, "erased": erased,
    });
    output::print(global.json, &told, |told| {
        let end = if revoked { "and revoked at Upwork" } else { "but NOT revoked at Upwork" };
        format!("{} is unlinked {end}", output::shown(&told["freelancerId"]))
    })
}

/// In portions, so that a server beside this can write in between.
fn wipe(store: &Store, mut wipe: Wipe) -> Result<usize, Failure> {
    let mut erased = 0;
    loop {
        let next = wipe.clone();
        let (rest, some) = store.write_blocking(move |tx| {
            let mut rest = next.clone();
            let some = rest.next(tx)?;
            Ok::<_, Error>((rest, some))
        })?;
        let Some(some) = some else { return Ok(erased) };
        (wipe, erased) = (rest, erased + some);
    }
}

fn not_linked(grantee: &Grantee) -> Failure {
    let who = grantee.freelancer.as_deref().unwrap_or("nobody of this account");
    let verb = if grantee.freelancer.is_some() { "is not" } else { "is" };
    Failure::hinted(format!("{who} {verb} linked to Upwork"), "`applyd upwork accounts` shows who is")
}
