use std::fmt::Display;

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
    /// The database server cannot be reached: nothing was changed.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database took the change and did not say what became of it: it may be durable.
    #[error("the database has not said whether the change was made")]
    Unknown,
    /// The database is of an older applyd, and is not migrated by a start.
    #[error("the database has schema {found}, this applyd needs {known}")]
    Older {
        /// Schema of the database.
        found: i64,
        /// Schema needed here.
        known: i64,
    },
    /// The database cannot be opened: no such folder, no database, damage.
    #[error("cannot open the database {database}: {reason}")]
    Unopened {
        /// Its file, or its server.
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
    /// The database was moved to another one, which has been worked with since.
    #[error("this database was moved to {0}")]
    Moved(String),
    /// The lock of a server cannot be taken: no such folder, or it may not be written to.
    #[error("cannot take the lock beside {path}: {reason}")]
    Unlocked {
        /// The database's file, or the witness of a node.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another process serves it.
    #[error("another `applyd serve` has {0} open")]
    Served(String),
    /// It must be had alone, and somebody else has it.
    #[error("{0}")]
    InUse(String),
}

impl Error {
    /// What failed while a database was opened names its file or its server.
    pub(crate) fn opening(database: impl Display) -> impl Fn(Self) -> Self {
        move |error| match error {
            Self::Engine(reason) | Self::Unreachable(reason) => {
                Self::Unopened { database: database.to_string(), reason }
            }
            error => error,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}
