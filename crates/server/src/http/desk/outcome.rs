//! What a person says came of an application, parsed.

use applyd_core::outcome::{Code, Ending};
use applyd_core::refusal::Refusal;
use applyd_store::desk::Outcome;
use applyd_wire::DeskOutcome;
use url::Url;

const LONGEST_URL_BYTES: usize = 2048;
const LONGEST_REASON_CHARS: usize = 300;
/// What a site's no may be.
const CODES: [Code; 5] =
    [Code::Refused, Code::JobClosed, Code::NotEligible, Code::NotEnoughConnects, Code::AlreadyApplied];

/// Reads an outcome; a member that does not belong to it is refused, as it shows a mistake.
pub(super) fn parse(said: DeskOutcome) -> Result<Outcome, Refusal> {
    let outcome = said.outcome.ok_or_else(|| Refusal::shape("outcome", "`outcome` is missing"))?;
    let reason = said.reason.map(reason).transpose()?;
    let stray = |field: &str, is_there: bool| match is_there {
        true => Err(Refusal::meaning(field, format!("`{field}` does not go with the outcome `{outcome}`"))),
        false => Ok(()),
    };
    match outcome.as_str() {
        "submitted" => {
            stray("reason", reason.is_some())?;
            stray("code", said.code.is_some())?;
            Ok(Outcome::Submitted(said.proposal_url.map(link).transpose()?))
        }
        "refused" => {
            stray("proposalUrl", said.proposal_url.is_some())?;
            let reason = reason.ok_or_else(|| {
                Refusal::meaning("reason", "`reason` must say why the proposal was refused")
            })?;
            let code = said.code.map_or(Ok(Code::Refused), |code| self::code(&code))?;
            Ok(Outcome::Ended(Ending::because(code, &reason)))
        }
        "not_sent" => {
            stray("proposalUrl", said.proposal_url.is_some())?;
            stray("code", said.code.is_some())?;
            let reason = reason.unwrap_or_else(|| "the person at the desk did not submit it".to_owned());
            Ok(Outcome::Ended(Ending::because(Code::NotSubmitted, &reason)))
        }
        _ => Err(Refusal::meaning("outcome", "`outcome` must be submitted, refused or not_sent")),
    }
}

fn code(name: &str) -> Result<Code, Refusal> {
    CODES.into_iter().find(|code| code.as_str() == name).ok_or_else(|| {
        let all = CODES.map(Code::as_str).join(", ");
        Refusal::meaning("code", format!("`code` must be one of {all}"))
    })
}

fn reason(text: String) -> Result<String, Refusal> {
    let fits = (1..=LONGEST_REASON_CHARS).contains(&text.chars().count()) && !text.trim().is_empty();
    let rule = || format!("`reason` must have 1 to {LONGEST_REASON_CHARS} characters, and not only blanks");
    if fits { Ok(text) } else { Err(Refusal::meaning("reason", rule())) }
}

fn link(text: String) -> Result<String, Refusal> {
    let is_link = text.len() <= LONGEST_URL_BYTES
        && Url::parse(&text).is_ok_and(|url| {
            let host = url.host_str().unwrap_or_default();
            let is_upwork = host == "upwork.com" || host.ends_with(".upwork.com");
            url.scheme() == "https" && is_upwork && url.username().is_empty() && url.password().is_none()
        });
    let rule = "`proposalUrl` must be the https link of a proposal on upwork.com";
    if is_link { Ok(text) } else { Err(Refusal::meaning("proposalUrl", rule)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(outcome: &str) -> DeskOutcome {
        DeskOutcome { outcome: Some(outcome.into()), proposal_url: None, reason: None, code: None }
    }

    #[test]
    fn what_does_not_belong_to_an_outcome_is_refused_by_its_name() {
        let (url, reason) = (Some("https://www.upwork.com/nx/proposals/1".to_owned()), Some("no".to_owned()));
        for (said, field) in [
            (DeskOutcome { outcome: None, ..said("") }, "outcome"),
            (said("sent"), "outcome"),
            (said("refused"), "reason"),
            (DeskOutcome { reason: Some(" \n".into()), ..said("refused") }, "reason"),
            (DeskOutcome { reason: Some("x".repeat(301)), ..said("not_sent") }, "reason"),
            (DeskOutcome { reason: reason.clone(), ..said("submitted") }, "reason"),
            (
                DeskOutcome { reason: reason.clone(), code: Some("deadline".into()), ..said("refused") },
                "code",
            ),
            (DeskOutcome { code: Some("refused".into()), ..said("not_sent") }, "code"),
            (DeskOutcome { proposal_url: url.clone(), reason, ..said("refused") }, "proposalUrl"),
            (
                DeskOutcome { proposal_url: Some("http://www.upwork.com/1".into()), ..said("submitted") },
                "proposalUrl",
            ),
            (
                DeskOutcome {
                    proposal_url: Some("https://upwork.com.evil.example/".into()),
                    ..said("submitted")
                },
                "proposalUrl",
            ),
        ] {
            let refused = parse(said.clone()).map_err(|refusal| refusal.field);
            assert_eq!(refused.err().as_deref(), Some(field), "{said:?}");
        }
        assert!(matches!(
            parse(DeskOutcome { proposal_url: url, ..said("submitted") }),
            Ok(Outcome::Submitted(Some(_)))
        ));
        assert!(matches!(parse(said("submitted")), Ok(Outcome::Submitted(None))));
        let closed =
            DeskOutcome { reason: Some("gone".into()), code: Some("job_closed".into()), ..said("refused") };
        assert!(matches!(parse(closed), Ok(Outcome::Ended(ending)) if ending.code == Code::JobClosed));
    }
}
