//! Organisations, OAuth clients, codes and tokens.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;

/// Finds or makes the organisation of an account.
pub(crate) fn organisation(connection: &Connection, login_hint: &str) -> Result<String, Error> {
    let found = connection
        .query_row("SELECT org_uid FROM organisations WHERE login_hint = ?1", [login_hint], |row| row.get(0))
        .optional()?;
    if let Some(org_uid) = found {
        return Ok(org_uid);
    }
    let number: i64 =
        connection
            .query_row("SELECT COALESCE(MAX(number), 0) + 1 FROM organisations", [], |row| row.get(0))?;
    let org_uid = format!("7{number:017}");
    connection.execute(
        "INSERT INTO organisations (number, org_uid, login_hint) VALUES (?1, ?2, ?3)",
        params![number, org_uid, login_hint],
    )?;
    Ok(org_uid)
}

/// Keeps a new client with its redirect addresses.
pub(crate) fn add_client(
    connection: &Connection,
    client_id: &str,
    redirects: &[String],
) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO clients (client_id, redirect_uris) VALUES (?1, ?2)",
        params![client_id, serde_json::to_string(redirects)?],
    )?;
    Ok(())
}

/// The redirect addresses of a client; none for an unknown client.
pub(crate) fn redirects(connection: &Connection, client_id: &str) -> Result<Option<Vec<String>>, Error> {
    let stored: Option<String> = connection
        .query_row("SELECT redirect_uris FROM clients WHERE client_id = ?1", [client_id], |row| row.get(0))
        .optional()?;
    Ok(stored.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// A code that a person's consent gave, and what it is bound to.
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) resource: String,
    pub(crate) org_uid: String,
    pub(crate) expires_ms: i64,
}

/// Keeps a code.
pub(crate) fn add_code(connection: &Connection, code: &Code) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO codes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            code.code,
            code.client_id,
            code.redirect_uri,
            code.challenge,
            code.resource,
            code.org_uid,
            code.expires_ms
        ],
    )?;
    Ok(())
}

/// Takes a code, which is gone then, whatever its taker does with it.
pub(crate) fn take_code(connection: &Connection, code: &str) -> Result<Option<Code>, Error> {
    let read = |row: &Row<'_>| {
        Ok(Code {
            code: row.get(0)?,
            client_id: row.get(1)?,
            redirect_uri: row.get(2)?,
            challenge: row.get(3)?,
            resource: row.get(4)?,
            org_uid: row.get(5)?,
            expires_ms: row.get(6)?,
        })
    };
    Ok(connection.query_row("DELETE FROM codes WHERE code = ?1 RETURNING *", [code], read).optional()?)
}

/// A pair of tokens.
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_ms: i64,
}

/// Keeps a pair of a grant.
pub(crate) fn add_pair(
    connection: &Connection,
    pair: &Pair,
    grant_id: &str,
    client_id: &str,
    org_uid: &str,
) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO tokens (access, refresh, grant_id, client_id, org_uid, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![pair.access, pair.refresh, grant_id, client_id, org_uid, pair.expires_ms],
    )?;
    Ok(())
}

/// Uses up a refresh token for a new pair; false if it is unknown, of another client, or used.
pub(crate) fn rotate(
    connection: &Connection,
    refresh: &str,
    client_id: &str,
    pair: &Pair,
) -> Result<bool, Error> {
    let used = connection
        .query_row(
            "UPDATE tokens SET refreshed = 1 WHERE refresh = ?1 AND client_id = ?2 AND refreshed = 0
             RETURNING grant_id, org_uid",
            [refresh, client_id],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )
        .optional()?;
    let Some((grant_id, org_uid)) = used else {
        connection.execute(
            "UPDATE tokens SET refreshed = refreshed + 1 WHERE refresh = ?1 AND client_id = ?2",
            [refresh, client_id],
        )?;
        return Ok(false);
    };
    add_pair(connection, pair, &grant_id, client_id, &org_uid)?;
    Ok(true)
}

/// How often refresh tokens were sent, and how often one that was used up before.
pub(crate) fn refreshes(connection: &Connection) -> Result<(i64, i64), Error> {
    Ok(connection.query_row(
        "SELECT COALESCE(SUM(refreshed), 0), COALESCE(SUM(MAX(refreshed - 1, 0)), 0) FROM tokens",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?)
}

/// Ends the grant that a token of either kind belongs to.
pub(crate) fn revoke(connection: &Connection, token: &str) -> Result<(), Error> {
    connection.execute(
        "DELETE FROM tokens WHERE grant_id IN (SELECT grant_id FROM tokens WHERE access = ?1 OR refresh = ?1)",
        [token],
    )?;
    Ok(())
}

/// The organisation that an access token speaks for, while it lives.
pub(crate) fn owner(connection: &Connection, access: &str, now_ms: i64) -> Result<Option<String>, Error> {
    Ok(connection
        .prepare_cached("SELECT org_uid FROM tokens WHERE access = ?1 AND expires_ms > ?2")?
        .query_row(params![access, now_ms], |row| row.get(0))
        .optional()?)
}
