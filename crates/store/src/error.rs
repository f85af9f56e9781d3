use std::path::Path;

/// What can go wrong in the store. None of it is the caller's request: that is judged before.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The bounded queue of the store is full.
    #[error("the store's queue is full")]
    Busy,
    /// The store's thread has stopped.
    #[error("the store has stopped")]
    Stopped,
    /// The engine said no: a broken rule of the schema, a full disk, damage.
    #[error("{0}")]
    Engine(String),
    /// The database cannot be opened: no such folder, no database, damage.
    #[error("cannot open the database {database}: {reason}")]
    Unopened {
        /// Its file.
        database: String,
        /// Why not.
        reason: String,
    },
    /// A stored value cannot be read back.
    #[error("stored value cannot be read: {0}")]
    Damaged(String),
    /// The closure panicked; its changes were undone.
    #[error("a store operation panicked")]
    Panicked,
    /// The database is of a newer applyd.
    #[error("the database has schema {found}, this applyd knows {known}: use the newer program")]
    Newer {
        /// Schema of the database.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// Another process serves it.
    #[error("another `applyd serve` has this database open ({0})")]
    Served(String),
    /// It must be had alone, and somebody else has it.
    #[error("{0}")]
    InUse(String),
}

impl Error {
    /// What failed while a database was opened names its file.
    pub(crate) fn opening(database: &Path) -> impl Fn(Self) -> Self {
        move |error| match error {
            Self::Engine(reason) => Self::Unopened { database: database.display().to_string(), reason },
            error => error,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}
