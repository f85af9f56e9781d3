//! The legacy path of apply, where `proposal` was called `applicationOptions`: uphunt-api.md §1.

use applyd_core::refusal::Refusal;
use serde_json::{Map, Value};

use super::apply::read;

/// The member of a request that says how much and when, as it was called.
pub(crate) const OLD: &str = "applicationOptions";
/// The same, as it is called.
pub(crate) const NEW: &str = "proposal";

/// What a body had under the old name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Options {
    /// Nothing.
    Absent,
    /// What is the proposal now.
    Renamed,
    /// Something, and a proposal too.
    Beside,
}

impl Options {
    /// Whether the body says it in one way only: a matter of its meaning, not of its shape.
    pub(crate) fn alone(self) -> Result<(), Refusal> {
        match self {
            Self::Absent | Self::Renamed => Ok(()),
            Self::Beside => {
                Err(Refusal::meaning(OLD, "`applicationOptions` and `proposal` must not both be there"))
            }
        }
    }
}

/// Gives `applicationOptions` its new name, unless that is taken: its shape is judged then all the same.
pub(crate) fn adopt(members: &mut Map<String, Value>) -> Result<Options, Refusal> {
    let Some(options) = members.remove(OLD).filter(|options| !options.is_null()) else {
        return Ok(Options::Absent);
    };
    if members.get(NEW).is_some_and(|proposal| !proposal.is_null()) {
        return read(Map::from_iter([(NEW.to_owned(), options)]))
            .map_err(in_old_words)
            .map(|_| Options::Beside);
    }
    members.insert(NEW.to_owned(), options);
    Ok(Options::Renamed)
}

/// A refusal in the words that the caller used.
pub(crate) fn in_old_words(refusal: Refusal) -> Refusal {
    match refusal.field.strip_prefix(NEW) {
        Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => Refusal {
            field: format!("{OLD}{rest}"),
            message: refusal.message.replace(&format!("`{NEW}"), &format!("`{OLD}")),
            ..refusal
        },
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn adopted(mut value: Value) -> Result<(Options, Value), Refusal> {
        let members = value.as_object_mut().unwrap();
        adopt(members).map(|options| (options, value))
    }

    #[test]
    fn options_become_the_proposal_unless_both_are_there() {
        let options = json!({"hourlyRate": 65});
        assert_eq!(
            adopted(json!({"applicationOptions": options, "proposal": null})),
            Ok((Options::Renamed, json!({"proposal": options})))
        );
        assert_eq!(
            adopted(json!({"applicationOptions": null, "proposal": options})),
            Ok((Options::Absent, json!({"proposal": options})))
        );
        let (both, _) = adopted(json!({"applicationOptions": options, "proposal": {}})).unwrap();
        assert_eq!(both.alone().unwrap_err().field, "applicationOptions");
    }

    #[test]
    fn a_refusal_names_the_member_that_was_sent() {
        let told = in_old_words(Refusal::meaning("proposal.timeline", "`proposal.timeline` must be one of"));
        assert_eq!(told.field, "applicationOptions.timeline");
        assert_eq!(told.message, "`applicationOptions.timeline` must be one of");
        assert_eq!(in_old_words(Refusal::shape("jobId", "x")).field, "jobId");
    }
}
