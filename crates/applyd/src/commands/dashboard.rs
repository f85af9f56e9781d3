//! `applyd dashboard …`: how people sign in. Only hashes are stored.

use std::io::{BufRead, IsTerminal, Read};

use applyd_core::ids::{self, AccountId, PersonId};
use applyd_core::sign_in::{LINK_LIVES_MS, check_password};
use applyd_server::password;
use applyd_store::{Tx, audit, person, session, sign_in};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::cli::{DashboardCommand, Global, operator};
use crate::failure::Failure;
use crate::output;

/// A person, and the account that they work for.
type Member = (PersonId, AccountId);

const LONGEST_LINE_BYTES: u64 = 4096;

pub(super) fn run(global: &Global, command: DashboardCommand) -> Result<(), Failure> {
    match command {
        DashboardCommand::Link { person, url } => link(global, person, url),
        DashboardCommand::Password { person } => set_password(global, person),
        DashboardCommand::SignOut { person } => sign_out(global, person),
    }
}

fn link(global: &Global, person: String, url: Option<Url>) -> Result<(), Failure> {
    let listen = global.settings()?.listen;
    let base = match (url, listen) {
        (Some(url), _) if url.has_host() => url.origin().ascii_serialization(),
        (None, Some(address)) if address.port() != 0 => format!("http://{address}"),
        _ => {
            let hint =
                "add --url with the address that `applyd serve` printed, or that of the proxy before it";
            return Err(Failure::hinted("nobody knows where the dashboard is", hint));
        }
    };
    let told = super::store(global, false)?.write_blocking(move |tx| {
        let member = person_of(tx, &person)?;
        let link = make_link(tx, &member, &base)?;
        Ok::<_, Failure>(json!({
            "person": member.0.as_str(), "link": link, "expiresAt": tx.now() + LINK_LIVES_MS,
        }))
    })?;
    output::print(global.json, &told, |told| output::shown(&told["link"]))
}

/// A link for a person, noted in the audit.
pub(super) fn make_link(tx: &Tx<'_>, (person, account): &Member, base: &str) -> Result<String, Failure> {
    let token = ids::secret(super::random()?);
    sign_in::make_link(tx, person, &Sha256::digest(token.as_bytes()).into())?;
    audit::note(tx, "sign_in_link_made", &operator(), Some(account), &json!({"personId": person.as_str()}))?;
    Ok(format!("{base}/dashboard/link/{token}"))
}

fn set_password(global: &Global, person: String) -> Result<(), Failure> {
    let store = super::store(global, false)?;
    let (person, account) = store.read_blocking(move |tx| person_of(tx, &person))?;
    let text = asked()?;
    check_password(&text).map_err(|allowed| Failure::user(format!("the password {allowed}")))?;
    let hash = password::hash(&text).map_err(|error| Failure::Ours(error.into()))?;
    let told = store.write_blocking(move |tx| {
        sign_in::set_password(tx, &person, &hash)?;
        let ended = session::end_all(tx, &person)?;
        let facts = json!({"personId": person.as_str(), "sessionsEnded": ended});
        audit::note(tx, "password_set", &operator(), Some(&account), &facts)?;
        Ok::<Value, Failure>(json!({"person": person.as_str(), "sessionsEnded": ended}))
    })?;
    output::print(global.json, &told, |told| {
        format!("the password is set; {} sessions are over", output::shown(&told["sessionsEnded"]))
    })
}

/// Without an echo on a terminal, and twice; else the first line of stdin.
fn asked() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        let text = rpassword::prompt_password("password: ")?;
        if rpassword::prompt_password("once more: ")? != text {
            return Err(Failure::user("these were two different passwords; nothing has changed"));
        }
        return Ok(text);
    }
    let mut line = String::new();
    std::io::stdin().lock().take(LONGEST_LINE_BYTES).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

fn sign_out(global: &Global, person: String) -> Result<(), Failure> {
    let told = super::store(global, false)?.write_blocking(move |tx| {
        let (person, account) = person_of(tx, &person)?;
        let ended = session::end_all(tx, &person)?;
        let facts = json!({"personId": person.as_str(), "sessionsEnded": ended});
        audit::note(tx, "signed_out", &operator(), Some(&account), &facts)?;
        Ok::<Value, Failure>(json!({"person": person.as_str(), "sessionsEnded": ended}))
    })?;
    output::print(global.json, &told, |told| {
        format!("{} sessions are over", output::shown(&told["sessionsEnded"]))
    })
}

/// The person of a name or an id.
pub(super) fn person_of(tx: &Tx<'_>, name: &str) -> Result<Member, Failure> {
    person::find(tx, name)?.ok_or_else(|| {
        let hint = "`applyd person list` shows them, `applyd person add` makes one";
        Failure::hinted(format!("there is no active person `{name}`"), hint)
    })
}
