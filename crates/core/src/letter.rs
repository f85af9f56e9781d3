//! A request for a letter, parsed into what cannot be wrong, or refused by field.

mod text;

use applyd_wire::LetterRequest;

use crate::job_ref::JobRef;
use crate::refusal::Refusal;
use text::{visible, visible_line};

/// Longest letter, as apply takes it.
pub const LONGEST_LETTER_CHARS: usize = 5000;
const LONGEST_TITLE_CHARS: usize = 300;
const LONGEST_DESCRIPTION_CHARS: usize = 20_000;

/// What a letter is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The job it is for.
    pub subject: Subject,
    /// Name of the text settings to go by.
    pub feed: Option<String>,
    /// How hard the model may think.
    pub effort: Effort,
}

/// The job of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Yet to be read.
    Named(JobRef),
    /// As the caller gave it.
    Given(Job),
}

/// The text of a job: visible characters only, none of the two is blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    title: String,
    description: String,
}

/// How hard the model may think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Little.
    Low,
    /// As usual.
    Medium,
    /// Much.
    High,
}

impl Order {
    /// Judges a request: first its shape (400), then its meaning (422).
    ///
    /// # Errors
    /// The first refusal in the contract's order.
    pub fn parse(request: LetterRequest) -> Result<Self, Refusal> {
        let subject = match (request.job_id, request.job_title, request.job_description) {
            (Some(id), None, None) => Subject::Named(named(&id)?),
            (None, Some(title), Some(description)) => Subject::Given(Job::given(&title, &description)?),
            (None, Some(_), None) => return Err(one_way("jobDescription")),
            (None, None, Some(_)) => return Err(one_way("jobTitle")),
            _ => return Err(one_way("jobId")),
        };
        let effort = request.reasoning_effort.as_deref().map_or(Ok(Effort::Medium), Effort::parse)?;
        Ok(Self { subject, feed: request.feed_id, effort })
    }
}

fn one_way(field: &str) -> Refusal {
    Refusal::shape(field, "Provide either `jobId`, or `jobTitle` and `jobDescription`")
}

fn named(id: &str) -> Result<JobRef, Refusal> {
    JobRef::parse(id).ok_or_else(|| {
        Refusal::shape(
            "jobId",
            "`jobId` must be an Upwork job URL, a ciphertext (~01… or ~02…) or a processed-job UUID",
        )
    })
}

impl Job {
    /// From a caller, who can mend what is too long.
    fn given(title: &str, description: &str) -> Result<Self, Refusal> {
        bounded(title, "jobTitle", LONGEST_TITLE_CHARS)?;
        bounded(description, "jobDescription", LONGEST_DESCRIPTION_CHARS)?;
        let (title, description) = (visible_line(title), visible(description));
        for (text, field) in [(&title, "jobTitle"), (&description, "jobDescription")] {
            if text.is_empty() {
                return Err(Refusal::meaning(field, format!("`{field}` must not be blank")));
            }
        }
        Ok(Self { title, description })
    }

    /// As the site tells it. The beginning of a text that is too long will do: nobody here could shorten it.
    /// `None` when there is nothing to write about.
    #[must_use]
    pub fn told(title: &str, description: &str) -> Option<Self> {
        let cut = |text: &str, chars: usize| text.chars().take(chars).collect::<String>();
        let title = visible_line(&cut(title, LONGEST_TITLE_CHARS));
        let description = visible(&cut(description, LONGEST_DESCRIPTION_CHARS));
        (!title.is_empty() && !description.is_empty()).then_some(Self { title, description })
    }

    /// One line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Lines end in `\n`.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
}

fn bounded(text: &str, field: &str, longest_chars: usize) -> Result<(), Refusal> {
    let chars = text.chars().count();
    if chars > longest_chars {
        let message = format!("`{field}` must have 1 to {longest_chars} characters, it has {chars}");
        return Err(Refusal::meaning(field, message));
    }
    Ok(())
}

impl Effort {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    fn parse(word: &str) -> Result<Self, Refusal> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|effort| effort.as_str() == word).ok_or_else(
            || {
                let message = "`reasoningEffort` must be one of \"low\", \"medium\", \"high\"";
                Refusal::meaning("reasoningEffort", message)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;
    use crate::refusal::Kind;

    fn parse(body: Value) -> Result<Order, Refusal> {
        Order::parse(serde_json::from_value(body).unwrap())
    }

    #[test]
    fn each_refusal_names_its_field() {
        let given =
            |title: &str, description: &str| json!({"jobTitle": title, "jobDescription": description});
        for (body, kind, field) in [
            (json!({}), Kind::Shape, "jobId"),
            (json!({"jobId": null}), Kind::Shape, "jobId"),
            (json!({"jobId": "~021", "jobTitle": "a", "jobDescription": "b"}), Kind::Shape, "jobId"),
            (json!({"jobId": "~021", "jobTitle": "a"}), Kind::Shape, "jobId"),
            (json!({"jobTitle": "a"}), Kind::Shape, "jobDescription"),
            (json!({"jobDescription": "b"}), Kind::Shape, "jobTitle"),
            (json!({"jobId": "nonsense"}), Kind::Shape, "jobId"),
            (given("", "b"), Kind::Meaning, "jobTitle"),
            (given("a", " \u{200b}\u{feff}\u{1}\n"), Kind::Meaning, "jobDescription"),
            (given(&"x".repeat(301), "b"), Kind::Meaning, "jobTitle"),
            (given("a", &"🦀".repeat(20_001)), Kind::Meaning, "jobDescription"),
            (json!({"jobId": "~021", "reasoningEffort": "High"}), Kind::Meaning, "reasoningEffort"),
            (json!({"jobId": "~021", "reasoningEffort": ""}), Kind::Meaning, "reasoningEffort"),
        ] {
            let refusal = parse(body.clone()).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, field), "{body}");
            assert!(refusal.message.contains(&format!("`{field}`")), "{refusal:?}");
        }
    }

    #[test]
    fn null_is_absent_and_medium_is_the_default() {
        let order = parse(json!({"jobId": null, "jobTitle": "a", "jobDescription": "🦀".repeat(20_000),
            "feedId": null, "reasoningEffort": null}));
        let order = order.unwrap();
        assert_eq!((order.effort, order.feed), (Effort::Medium, None));
        assert!(matches!(order.subject, Subject::Given(_)));
        let order = parse(json!({"jobId": "~021", "feedId": "rust", "reasoningEffort": "low"})).unwrap();
        assert_eq!((order.effort.as_str(), order.feed.as_deref()), ("low", Some("rust")));
    }

    #[test]
    fn what_the_site_tells_is_cut_and_not_refused() {
        let job = Job::told(&"a b\n".repeat(200), &"x".repeat(30_000)).unwrap();
        assert_eq!(job.description().chars().count(), LONGEST_DESCRIPTION_CHARS);
        assert!(!job.title().contains('\n'));
        assert_eq!(Job::told("a", "\u{200b}"), None);
    }
}
