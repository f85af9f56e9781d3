//! The OAuth clients of this installation, one an endpoint.

use crate::tx::values;
use crate::{Error, Tx};

/// The OAuth client registered at an endpoint.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, endpoint: &str) -> Result<Option<String>, Error> {
    tx.one("SELECT client_id FROM oauth_client WHERE endpoint = ?1", values![endpoint], |row| row.text(0))
}

/// Keeps the OAuth client registered at an endpoint.
///
/// # Errors
/// The store's.
pub fn save(tx: &Tx<'_>, endpoint: &str, client_id: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO oauth_client (endpoint, client_id, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (endpoint) DO UPDATE SET client_id = excluded.client_id, created_at = excluded.created_at",
        values![endpoint, client_id, tx.now()],
    )?;
    Ok(())
}

/// Forgets the client registered at an endpoint, which does not know it any more.
///
/// # Errors
/// The store's.
pub fn forget(tx: &Tx<'_>, endpoint: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM oauth_client WHERE endpoint = ?1", values![endpoint])?;
    Ok(())
}

/// Forgets clients that no grant uses, except at these endpoints: an embedded stand-in has another port at each start.
///
/// # Errors
/// The store's.
pub fn forget_unused(tx: &Tx<'_>, kept: [&str; 2]) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM oauth_client WHERE endpoint <> ?1 AND endpoint <> ?2 AND NOT EXISTS
           (SELECT 1 FROM oauth_grant g WHERE g.endpoint = oauth_client.endpoint AND g.freelancer_id <> '')",
        values![kept[0], kept[1]],
    )?;
    Ok(())
}
