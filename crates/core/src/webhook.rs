//! Webhook endpoints: which events one wants, and how many an account may have.

use applyd_wire::{ApplicationStatus, EventType, StatusAnswer};

use crate::ids::QueueId;
use crate::refusal::Refusal;

/// Endpoints of one account.
pub const MOST_WEBHOOKS: i64 = 20;
/// After a rotation the old secret signs beside the new one for this long.
pub const OVERLAP_MS: i64 = 24 * 60 * 60 * 1000;
/// Stands for every type, also of those to come.
const EVERY: &str = "*";

/// The types of events that an endpoint wants; `webhook.test` reaches it in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Types {
    /// Whatever there is.
    Every,
    /// These, without repetition.
    Only(Vec<EventType>),
}

impl Types {
    /// The types of these names, or a refusal of the member `types`.
    ///
    /// # Errors
    /// No name at all, an unknown one, or `*` beside another.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut names = names.into_iter().peekable();
        let first = names.next().ok_or_else(|| wrong("`types` must name at least one type"))?;
        if first == EVERY && names.peek().is_none() {
            return Ok(Self::Every);
        }
        let mut kinds = Vec::new();
        for name in std::iter::once(first).chain(names) {
            let kind = EventType::parse(name).filter(|kind| *kind != EventType::Test);
            let kind = kind.ok_or_else(|| wrong(&format!("`{}` is no type", shortened(name))))?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(Self::Only(kinds))
    }

    /// What [`Self::parse`] takes.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Every => vec![EVERY],
            Self::Only(kinds) => kinds.iter().map(|kind| kind.as_str()).collect(),
        }
    }

    /// Whether an event of this type is wanted.
    #[must_use]
    pub fn wants(&self, kind: EventType) -> bool {
        match self {
            Self::Every => true,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }
}

fn wrong(what: &str) -> Refusal {
    let all: Vec<&str> = EventType::TOLD.iter().map(|kind| kind.as_str()).collect();
    Refusal::meaning("types", format!("{what}; allowed are \"*\" alone, or some of {}", all.join(", ")))
}

/// A stranger's text, short enough to be told back.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// What a `webhook.test` tells: an application that never was.
#[must_use]
pub fn sample(now_ms: i64) -> StatusAnswer {
    StatusAnswer {
        job_id: "~022052895097657407455".to_owned(),
        processed_job_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        application_status: ApplicationStatus::Applied,
        application_status_message: "Successfully applied via auto-apply".to_owned(),
        queue_id: QueueId::new(0, 0).as_str().to_owned(),
        applied_at: Some(now_ms),
        processed_at: Some(now_ms),
        error_message: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn types_are_read_as_they_are_told() {
        for names in [vec!["*"], vec!["application.failed", "application.applied"]] {
            assert_eq!(Types::parse(names.clone()).unwrap().names(), names);
        }
        let twice = Types::parse(["application.applied", "application.applied"]).unwrap();
        assert_eq!(twice, Types::Only(vec![EventType::Applied]));
        assert!(twice.wants(EventType::Applied) && !twice.wants(EventType::Failed));
        assert!(Types::Every.wants(EventType::Corrected));
    }

    #[test]
    fn what_is_no_type_is_refused_with_the_list() {
        for names in
            [vec![], vec!["*", "application.applied"], vec!["applied"], vec!["webhook.test"], vec![""]]
        {
            let refusal = Types::parse(names.clone()).unwrap_err();
            assert_eq!(refusal.field, "types", "{names:?}");
            assert!(refusal.message.contains("application.not_enough_connects"), "{refusal:?}");
        }
    }
}
