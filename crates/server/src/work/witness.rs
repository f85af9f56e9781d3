//! The witness: one fsynced line an intent, outside of the store and its backups.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_store::account::Channel;
use applyd_store::intent::Login;
use applyd_store::recover::Witnessed;
use serde::{Deserialize, Serialize};

/// How long lines of settled applications are kept, in milliseconds.
pub const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The node's witness file, open for appending.
#[derive(Clone)]
pub struct Witness {
    file: Arc<Mutex<File>>,
    path: Arc<Path>,
    /// A torn line stands at its end.
    broken: Arc<AtomicBool>,
}

/// First line: which store it belongs to.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    store: String,
}

/// One intent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    application: String,
    account: String,
    channel: String,
    job: String,
    processed_job_id: String,
    accepted_at: i64,
    at: i64,
    worker: String,
    terms_sha256: String,
    request: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    freelancer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org_uid: Option<String>,
}

/// What a witness file says.
#[derive(Debug, Default)]
pub struct Testimony {
    /// The store that it belongs to; `None`: there is no witness.
    pub store: Option<String>,
    /// Its intents, oldest first.
    pub intents: Vec<Witnessed>,
    /// Whole lines that cannot be read.
    pub damaged: usize,
}

impl Witness {
    /// Reads a witness file. An unfinished last line is an append that was never acknowledged.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(path: &Path) -> io::Result<Testimony> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Testimony::default()),
            Err(error) => return Err(error),
        };
        let mut testimony = Testimony::default();
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            if line.ends_with(b"\n") {
                testimony.take(&line);
            }
            line.clear();
        }
        Ok(testimony)
    }

    /// Opens the file for appending; a new one gets its first line. An unfinished last line goes: completed by a
    /// line end it would count as damage from then on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, store: &str) -> io::Result<Self> {
        let mut file = Self::open_file(path)?;
        let whole = whole_lines(&mut file)?;
        file.set_len(whole)?;
        if whole == 0 {
            file.write_all(&line(&Head { store: store.to_owned() })?)?;
        }
        file.sync_all()?;
        sync_folder(path)?;
        Ok(Self { file: Arc::new(Mutex::new(file)), path: path.into(), broken: Arc::default() })
    }

    fn open_file(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        private(&mut options);
        let file = options.open(path)?;
        file.try_lock().map_err(|_| io::Error::other("another server writes it"))?;
        Ok(file)
    }

    /// What the file says now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn testimony(&self) -> io::Result<Testimony> {
        Self::read(&self.path)
    }

    /// Takes these applications out of the file; nothing is appended meanwhile.
    ///
    /// # Errors
    /// When it cannot be written; the old file stands then, or nothing more is acknowledged.
    pub(crate) fn forget(&self, settled: &HashSet<QueueId>) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut testimony = Self::read(&self.path)?;
        // What cannot be read is for the next start and the operator.
        let (Some(store), 0) = (testimony.store.take(), testimony.damaged) else { return Ok(()) };
        testimony.intents.retain(|intent| !settled.contains(&intent.id));
        Self::rewrite(&self.path, &store, &testimony.intents)?;
        // From here on the open file is not the witness any more.
        match Self::open_file(&self.path) {
            Ok(fresh) => *file = fresh,
            Err(error) => {
                self.broken.store(true, Ordering::SeqCst);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes the file anew with these intents only.
    ///
    /// # Errors
    /// When it cannot be written; the old file stands then.
    pub fn rewrite(path: &Path, store: &str, intents: &[Witnessed]) -> io::Result<()> {
        let fresh = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        private(&mut options);
        let mut file = options.open(&fresh)?;
        file.write_all(&line(&Head { store: store.to_owned() })?)?;
        for intent in intents {
            file.write_all(&line(&Line::of(intent))?)?;
        }
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        sync_folder(path)
    }

    /// Puts a file of another store aside; answers where it is.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn set_aside(path: &Path, store: &str) -> io::Result<PathBuf> {
        let aside = path.with_extension(format!("{store}.old"));
        std::fs::rename(path, &aside)?;
        sync_folder(&aside)?;
        Ok(aside)
    }

    /// Copies the file as it is; answers where the copy is.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy(path: &Path, now: i64) -> io::Result<PathBuf> {
        let copy = path.with_extension(format!("{now}.old"));
        std::fs::copy(path, &copy)?;
        File::open(&copy)?.sync_all()?;
        Ok(copy)
    }

    /// Appends one intent; on disk when this returns.
    ///
    /// # Errors
    /// When it is not known to be on disk.
    pub async fn append(&self, intent: &Witnessed) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("an earlier line could not be written or cut off"));
        }
        let (file, broken, bytes) =
            (Arc::clone(&self.file), Arc::clone(&self.broken), line(&Line::of(intent))?);
        let written = tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if broken.load(Ordering::SeqCst) {
                return Err(io::Error::other("the file is not the witness any more"));
            }
            let whole = file.metadata()?.len();
            // A torn line would swallow the next good one; where it cannot be cut off, none is acknowledged again.
            file.write_all(&bytes).and_then(|()| file.sync_data()).inspect_err(|_| {
                if file.set_len(whole).and_then(|()| file.sync_data()).is_err() {
                    broken.store(true, Ordering::SeqCst);
                }
            })
        });
        written.await.map_err(io::Error::other)?
    }
}

impl Testimony {
    fn take(&mut self, line: &[u8]) {
        if line == b"\n" {
            return;
        }
        if let Ok(head) = serde_json::from_slice::<Head>(line) {
            self.store = Some(head.store);
            return;
        }
        match serde_json::from_slice::<Line>(line).ok().and_then(Line::witnessed) {
            Some(intent) => self.intents.push(intent),
            None => self.damaged += 1,
        }
    }
}

impl Line {
    fn of(intent: &Witnessed) -> Self {
        Self {
            application: intent.id.as_str().to_owned(),
            account: intent.account.as_str().to_owned(),
            channel: intent.channel.as_str().to_owned(),
            job: intent.job.as_str().to_owned(),
            processed_job_id: intent.processed_job_id.clone(),
            accepted_at: intent.accepted_at,
            at: intent.at,
            worker: intent.worker.clone(),
            terms_sha256: intent.terms_sha256.clone(),
            request: intent.request.clone(),
            freelancer: intent.login.as_ref().and_then(|login| login.freelancer.clone()),
            org_uid: intent.login.as_ref().map(|login| login.org_uid.clone()),
        }
    }

    fn witnessed(self) -> Option<Witnessed> {
        Some(Witnessed {
            id: QueueId::parse(&self.application)?,
            account: AccountId::parse(&self.account)?,
            channel: Channel::parse(&self.channel)?,
            job: JobKey::parse(&self.job)?,
            processed_job_id: self.processed_job_id,
            accepted_at: self.accepted_at,
            at: self.at,
            worker: self.worker,
            terms_sha256: self.terms_sha256,
            request: self.request,
            login: self.org_uid.map(|org_uid| Login { freelancer: self.freelancer, org_uid }),
        })
    }
}

/// A new name is durable only with its folder.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Letters stand in it: only the owner may read it.
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// How many bytes the whole lines take.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let (mut lines, mut line, mut whole) = (BufReader::new(file), Vec::new(), 0);
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok(whole);
        }
        whole += read as u64;
    }
}
