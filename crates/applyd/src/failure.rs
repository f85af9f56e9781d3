//! What a command could not do, and whose fault it is.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use applyd_server::config::Invalid;
use applyd_server::{CopyError, StartError};

/// Exit code of a fault that the user can mend.
pub(crate) const USER: u8 = 1;
/// Exit code of a fault of ours, or of the machine's.
pub(crate) const OURS: u8 = 2;

/// PostgreSQL servers often have a certificate that nobody has signed.
const STRANGER: &str = "name the authority that signed it by SSL_CERT_FILE, or add ?sslmode=disable where the network \
                        is your own";

/// A command that could not be done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user's fault: a message, and a hint where one helps.
    User { message: String, hint: Option<String> },
    /// Ours.
    Ours(anyhow::Error),
}

impl Failure {
    pub(crate) fn user(message: impl Into<String>) -> Self {
        Self::User { message: message.into(), hint: None }
    }

    pub(crate) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::User { message: message.into(), hint: Some(hint.into()) }
    }

    pub(crate) fn tell(self) -> ExitCode {
        let mut err = std::io::stderr().lock();
        // A closed stderr leaves nobody to tell.
        match self {
            Self::User { message, hint } => {
                let _ = writeln!(err, "error: {message}");
                if let Some(hint) = hint {
                    let _ = writeln!(err, "hint: {hint}");
                }
                ExitCode::from(USER)
            }
            Self::Ours(error) => {
                let _ = writeln!(err, "error: {error:#}");
                ExitCode::from(OURS)
            }
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::hinted(invalid.to_string(), "applyd.default.toml lists every setting with its default")
    }
}

impl From<applyd_store::Error> for Failure {
    fn from(error: applyd_store::Error) -> Self {
        match error {
            applyd_store::Error::Served(_) => Self::hinted(
                error.to_string(),
                "stop it first, or give this one another --database, or on PostgreSQL another witness_file",
            ),
            applyd_store::Error::Unopened { ref database, ref reason }
                if database.starts_with("postgres") =>
            {
                let is_stranger = reason.contains("certificate");
                let hint = is_stranger.then(|| STRANGER.to_owned());
                Self::User { message: error.to_string(), hint }
            }
            applyd_store::Error::Unopened { database: ref path, .. }
            | applyd_store::Error::Unlocked { ref path, .. } => {
                let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
                let hint = folder
                    .filter(|folder| !folder.exists())
                    .map(|folder| format!("there is no folder {}: make it first", folder.display()));
                Self::User { message: error.to_string(), hint }
            }
            applyd_store::Error::InUse(_) => {
                Self::hinted(error.to_string(), "wait until that has ended, or end it, and try again")
            }
            applyd_store::Error::Newer { .. } => Self::user(error.to_string()),
            applyd_store::Error::Older { .. } => {
                Self::hinted(error.to_string(), "`applyd migrate` brings it up to date")
            }
            applyd_store::Error::Moved(_) => {
                Self::hinted(error.to_string(), "name that one with --database; this one is only kept")
            }
            applyd_store::Error::Unknown => {
                Self::hinted(error.to_string(), "look whether it was made before you do it again")
            }
            error => Self::Ours(anyhow::Error::new(error).context("the store")),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Metrics(error) => Self::Ours(anyhow::Error::new(error)),
            StartError::Upwork(error) => Self::Ours(anyhow::Error::new(error)),
            // A folder that is not there, or not to be written to, is a wrong setting.
            StartError::Key { ref source, .. }
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
            {
                Self::user(error.to_string())
            }
            error @ StartError::Key { .. } => Self::Ours(anyhow::Error::new(error)),
            StartError::Io { ref what, ref source } => Self::user(format!("{what}: {source}")),
        }
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        // A place that is not there, or not to be written to, is a wrong argument; a full disk is no fault of the user.
        let is_wrong_place = |kind| {
            use ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
            matches!(kind, IsADirectory | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem)
        };
        match error {
            CopyError::Store(error) => error.into(),
            CopyError::Refused { message, hint } => Self::hinted(message, hint),
            CopyError::Io { ref source, .. } if is_wrong_place(source.kind()) => {
                Self::user(error.to_string())
            }
            error @ CopyError::Io { .. } => Self::Ours(anyhow::Error::new(error)),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Ours(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Ours(error.into())
    }
}
