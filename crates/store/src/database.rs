//! Which database: one file of this machine, or a server that several nodes share.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::postgres::Server;

/// Where the store's data is.
#[derive(Debug, Clone)]
pub enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<Server>),
}

impl Database {
    /// Reads `sqlite:PATH` or a `postgres://` URL.
    ///
    /// # Errors
    /// What was wrong and what is allowed; never the password that may stand in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(Path::new(path).to_path_buf())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Box::new(Server::parse(text)?))),
            _ => Err("must be sqlite:PATH or postgres://USER@HOST:PORT/NAME".into()),
        }
    }

    /// The file, where there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

/// Without user and password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}
