//! A clear no to a request: which field, what was wrong, what is allowed.

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the shape or the meaning was wrong.
    pub kind: Kind,
    /// The member or parameter, as a path: `proposal.hourlyRate`.
    pub field: String,
    /// What was wrong and what is allowed, in plain words.
    pub message: String,
}

/// Which of the two refusals of the wire it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: missing, mistyped, malformed.
    Shape,
    /// 422: well-formed but senseless.
    Meaning,
}

impl Refusal {
    /// 400 for this field.
    #[must_use]
    pub fn shape(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: Kind::Shape, field: field.into(), message: message.into() }
    }

    /// 422 for this field.
    #[must_use]
    pub fn meaning(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: Kind::Meaning, field: field.into(), message: message.into() }
    }
}
