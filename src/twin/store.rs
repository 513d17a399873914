//! The twin's folder: its lock, its state file, and the doors to both.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::blocks::Blocks;
use super::machines::Machines;
use super::state::State;
use crate::clock::Clock;
use crate::model::ids::AccountId;

/// AWS on this machine.
pub struct Twin {
    folder: PathBuf,
    state: Mutex<State>,
    clock: Clock,
    blocks: Blocks,
    machines: Machines,
    /// Held for as long as the process lives; the system lets go of it when the process dies.
    _lock: File,
}

/// How a twin is opened.
pub struct Options {
    /// Where the time comes from.
    pub clock: Clock,
    /// What runs its instances.
    pub machines: Machines,
    /// Seed of the ids of a new twin; random unless a test fixes it. An existing twin keeps its own.
    pub seed: Option<String>,
}

/// A twin that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns it.
    #[error("the twin in {folder} is in use by another process")]
    InUse {
        /// Its folder.
        folder: PathBuf,
    },
    /// Reading or writing failed.
    #[error("the twin's file {path} can't be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The state file does not parse.
    #[error("the twin's state {path} can't be read; `bakehouse twin reset` starts afresh")]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Twin {
    /// Opens the twin in a folder, making it when it is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: in use by another process, unreadable, or not the twin's.
    pub fn open(folder: &Path, options: Options) -> Result<Arc<Self>, OpenError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let lock_path = folder.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(OpenError::InUse { folder: folder.to_owned() }),
            Err(std::fs::TryLockError::Error(source)) => return Err(OpenError::Io { path: lock_path, source }),
        }
        let state_path = folder.join("state.json");
        let state = match std::fs::read(&state_path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| OpenError::State { path: state_path.clone(), source })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => State::new(options.seed.clone()),
            Err(source) => return Err(OpenError::Io { path: state_path, source }),
        };
        let blocks = Blocks::open(&folder.join("blocks")).map_err(io(&folder.join("blocks")))?;
        let twin = Arc::new(Self {
            folder: folder.to_owned(),
            state: Mutex::new(state),
            clock: options.clock,
            blocks,
            machines: options.machines,
            _lock: lock,
        });
        twin.save(&twin.lock()).map_err(io(&state_path))?;
        Ok(twin)
    }

    /// Returns the account that callers belong to.
    pub fn account(&self) -> AccountId {
        self.lock().account.clone()
    }

    /// Returns the access key id and secret that callers sign with.
    pub fn credentials(&self) -> (String, String) {
        let state = self.lock();
        (state.access_key_id.clone(), state.secret_access_key.clone())
    }

    /// Returns where the time comes from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the store of blocks.
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Returns what runs the instances.
    pub fn machines(&self) -> &Machines {
        &self.machines
    }

    /// Returns the file that a volume's bytes lie in.
    pub fn volume_path(&self, volume: &str) -> PathBuf {
        self.folder.join("volumes").join(volume)
    }

    /// Returns the folder that an instance's console and sockets lie in.
    pub fn instance_folder(&self, instance: &str) -> PathBuf {
        self.folder.join("instances").join(instance)
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state and writes it, unless `change` refuses; a refusal leaves everything as it was.
    ///
    /// # Errors
    ///
    /// What `change` refuses with; a failed write is an `InternalError`, and the change is undone.
    pub fn change<T, E: From<std::io::Error>>(&self, change: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.lock();
        let mut changed = state.clone();
        let value = change(&mut changed)?;
        self.save(&changed)?;
        *state = changed;
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn save(&self, state: &State) -> std::io::Result<()> {
        let path = self.folder.join("state.json");
        let fresh = self.folder.join("state.json.new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(state).expect("the state is plain data"))?;
        std::fs::rename(fresh, path)
    }
}
