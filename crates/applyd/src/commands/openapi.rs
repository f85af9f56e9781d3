//! `applyd openapi`.

use crate::failure::Failure;
use crate::output;

/// What `/openapi.json` serves, laid out for people.
pub(super) fn run() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&applyd_server::description()).map_err(anyhow::Error::new)?;
    output::line(&text)
}
