//! The legacy path of apply, where `proposal` was called `applicationOptions`: uphunt-api.md §1.

use applyd_core::refusal::Refusal;
use serde_json::{Map, Value};

const OLD: &str = "applicationOptions";
const NEW: &str = "proposal";

/// Gives `applicationOptions` its new name; answers whether it was there.
pub(crate) fn adopt(members: &mut Map<String, Value>) -> Result<bool, Refusal> {
    let Some(options) = members.remove(OLD).filter(|options| !options.is_null()) else { return Ok(false) };
    if members.get(NEW).is_some_and(|proposal| !proposal.is_null()) {
        return Err(Refusal::meaning(OLD, "`applicationOptions` and `proposal` must not both be there"));
    }
    members.insert(NEW.to_owned(), options);
    Ok(true)
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

    fn adopted(mut value: Value) -> Result<(bool, Value), Refusal> {
        let members = value.as_object_mut().unwrap();
        adopt(members).map(|is| (is, value))
    }

    #[test]
    fn options_become_the_proposal_unless_both_are_there() {
        let options = json!({"hourlyRate": 65});
        assert_eq!(
            adopted(json!({"applicationOptions": options, "proposal": null})),
            Ok((true, json!({"proposal": options})))
        );
        assert_eq!(
            adopted(json!({"applicationOptions": null, "proposal": options})),
            Ok((false, json!({"proposal": options})))
        );
        let both = adopted(json!({"applicationOptions": options, "proposal": {}}));
        assert_eq!(both.unwrap_err().field, "applicationOptions");
    }

    #[test]
    fn a_refusal_names_the_member_that_was_sent() {
        let told = in_old_words(Refusal::meaning("proposal.timeline", "`proposal.timeline` must be one of"));
        assert_eq!(told.field, "applicationOptions.timeline");
        assert_eq!(told.message, "`applicationOptions.timeline` must be one of");
        assert_eq!(in_old_words(Refusal::shape("jobId", "x")).field, "jobId");
    }
}
