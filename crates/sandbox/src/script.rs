//! What each published job does.

use crate::refusal::Refusal;

/// The script of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Plain,
    Refuse,
    Gone,
    Ineligible,
    Poor,
    LoggedOut,
    FlakyReads,
    LoginLostOnce,
    CutKept,
    CutLost,
    Slow,
    Silent,
    Questions,
    FixedPrice,
    CloseAtConfirm,
    DarkKept,
    DarkLost,
}

/// What becomes of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Stored and answered.
    Accept,
    /// Refused and answered.
    Refuse(Refusal),
    /// Stored, and the connection cut.
    CutKept,
    /// Forgotten, and the connection cut.
    CutLost,
}

impl Script {
    /// The script behind the four digits of a published job; none for a reserved number.
    pub(crate) fn of_published(number: &str) -> Option<Self> {
        Some(match number.parse::<u16>().ok()? {
            1 | 1000..=9999 => Self::Plain,
            2 => Self::Refuse,
            3 => Self::Gone,
            4 => Self::Ineligible,
            5 => Self::Poor,
            6 => Self::LoggedOut,
            7 => Self::FlakyReads,
            8 => Self::LoginLostOnce,
            9 => Self::CutKept,
            10 => Self::CutLost,
            11 => Self::Slow,
            12 => Self::Silent,
            13 => Self::Questions,
            14 => Self::FixedPrice,
            15 => Self::CloseAtConfirm,
            17 => Self::DarkKept,
            18 => Self::DarkLost,
            _ => return None,
        })
    }

    /// The script of a call that names no application: contents and refusals stay, faults do not.
    pub(crate) fn without_faults(self) -> Self {
        match self {
            Self::LoggedOut
            | Self::FlakyReads
            | Self::LoginLostOnce
            | Self::CutKept
            | Self::CutLost
            | Self::Slow
            | Self::Silent
            | Self::DarkKept
            | Self::DarkLost => Self::Plain,
            kept => kept,
        }
    }

    pub(crate) fn fate(self) -> Fate {
        match self {
            Self::Refuse => Fate::Refuse(Refusal::Refused),
            Self::Gone | Self::CloseAtConfirm => Fate::Refuse(Refusal::JobClosed),
            Self::Ineligible => Fate::Refuse(Refusal::NotEligible),
            Self::Poor => Fate::Refuse(Refusal::ConnectsShort),
            Self::CutKept | Self::DarkKept => Fate::CutKept,
            Self::CutLost | Self::DarkLost => Fate::CutLost,
            _ => Fate::Accept,
        }
    }

    /// Whether the agency cannot be read for a while after the submission.
    pub(crate) fn darkens(self) -> bool {
        matches!(self, Self::DarkKept | Self::DarkLost)
    }

    /// The text in the job's description.
    pub(crate) fn deed(self) -> &'static str {
        match self {
            Self::Plain => "plain success",
            Self::Refuse => "reads fine, refuses the submission",
            Self::Gone => "the worker's read says the job is gone",
            Self::Ineligible => "read: this agency may not apply (location)",
            Self::Poor => "read: cost 10, balance 4",
            Self::LoggedOut => "every read answers 401, after a token refresh too",
            Self::FlakyReads => "first 3 reads of the application fail (503), the 4th works",
            Self::LoginLostOnce => "the first read answers 401; after a token refresh it works",
            Self::CutKept => "takes the proposal, then cuts the connection without an answer",
            Self::CutLost => "cuts the connection without an answer and keeps nothing",
            Self::Slow => "answers the submission after 30 s",
            Self::Silent => "never answers any read; nothing is ever submitted",
            Self::Questions => "two screening questions",
            Self::FixedPrice => "fixed price, milestones allowed",
            Self::CloseAtConfirm => {
                "open at apply and in the worker's first read; the submission is refused as closed"
            }
            Self::DarkKept => {
                "takes the proposal, no answer, the job and the agency's lists and balance cannot be read until \
                 `unreadable_for` after the deadline"
            }
            Self::DarkLost => "as 0017, but the sandbox keeps nothing",
        }
    }
}
