//! What stands against an application before anything is made or sent.

use applyd_core::outcome::{Code, Ending, Trouble};

/// One reason that would end an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The end.
    pub ending: Ending,
    /// The member of the request that would help, if one would.
    pub field: Option<&'static str>,
}

impl Objection {
    /// A reason that no member of the request could help.
    pub(crate) fn new(code: Code, reason: &str) -> Self {
        Self { ending: Ending::because(code, reason), field: None }
    }

    /// A reason that lies in a member of the request.
    pub(crate) fn in_field(code: Code, reason: &str, field: &'static str) -> Self {
        Self { field: Some(field), ..Self::new(code, reason) }
    }
}

impl From<Objection> for Trouble {
    fn from(objection: Objection) -> Self {
        Self::End(objection.ending)
    }
}

/// All reasons there are.
pub(crate) type Objections = Vec<Objection>;

/// The one that decides; there is one.
pub(crate) fn first(objections: Objections) -> Trouble {
    objections.into_iter().next().map_or_else(|| Trouble::passing("nothing stands against it"), Trouble::from)
}
