//! What can stop the stand-in.

/// Why the stand-in could not start, go on, or read its memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The memory file cannot be opened, read or written.
    #[error("the sandbox's memory failed: {0}")]
    Memory(#[from] rusqlite::Error),
    /// The memory file cannot be made.
    #[error("the sandbox's memory cannot be made: {0}")]
    Unmade(std::io::Error),
    /// The memory file is not of the kind that outlives a power cut.
    #[error("the sandbox's memory is not durable: {0}")]
    NotDurable(String),
    /// A row of the memory holds something that this version never wrote.
    #[error("the sandbox's memory holds an unreadable row: {0}")]
    Corrupt(#[from] serde_json::Error),
    /// The list of made-up clients and jobs that is part of the program.
    #[error("the sandbox's catalogue cannot be read: {0}")]
    Catalogue(String),
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// A task of the stand-in panicked.
    #[error("a task of the sandbox ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}
