//! The twin's folder: its lock, its state file, and the doors to both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};

use super::blocks::Blocks;
use super::catalog::{CatalogDelays, Inspectors};
use super::consistency::Windows;
use super::ec2::Delays;
use super::faults::{FaultRule, Faults, Tally};
use super::machines::Machines;
use super::operation::Operation;
use super::rates::Levels;
use super::state::State;
use super::{s3, serve};
use crate::clock::Clock;
use crate::model::digest::Digest;
use crate::model::ids::AccountId;

/// AWS on this machine.
pub struct Twin {
    folder: PathBuf,
    state: Mutex<State>,
    clock: Clock,
    blocks: Blocks,
    machines: Machines,
    delays: Delays,
    /// Done once this process has taken up the machines that an earlier one started.
    adoption: tokio::sync::OnceCell<()>,
    /// The ports that this process has seen to, by instance: those that its groups open.
    forwarded: Mutex<Forwarded>,
    /// The tasks that inspect submitted images.
    inspectors: Inspectors,
    check_request_time: bool,
    upload_delay: SignedDuration,
    windows: Windows,
    limit_rates: bool,
    denied: BTreeSet<String>,
    levels: Levels,
    /// Counts the requests of this process.
    requests: AtomicU64,
    faults: Faults,
    /// Held for reading while a block is put into an open upload, for writing while one is completed.
    pub(super) uploading: RwLock<()>,
    /// Held for as long as the process lives; the system lets go of it when the process dies.
    _lock: File,
}

/// Before the ids of instances that no account sees: those that ingestion starts.
pub(crate) const INGESTED: &str = "ingested ";

/// Ports that instances answer on, by instance.
pub(super) type Forwarded = BTreeMap<String, BTreeSet<u16>>;

/// How a twin is opened.
pub struct Options {
    /// Where the time comes from.
    pub clock: Clock,
    /// What runs its instances.
    pub machines: Machines,
    /// Seed of the ids of a new twin; random unless a test fixes it. An existing twin keeps its own.
    pub seed: Option<String>,
    /// How long EC2's asynchronous things take.
    pub delays: Delays,
    /// Whether requests signed more than 15 minutes from the clock's time are refused, as AWS does.
    pub check_request_time: bool,
    /// How long an uploaded snapshot stays `pending` once its upload is complete.
    pub upload_delay: SignedDuration,
    /// What goes wrong on purpose.
    pub faults: Vec<FaultRule>,
    /// How long what was just made or tagged is not seen.
    pub windows: Windows,
    /// Whether operations can be called as often as AWS lets them be, and no more.
    pub limit_rates: bool,
    /// Operations that the caller may not do, in IAM's words: `ec2:CopyImage`.
    pub denied: BTreeSet<String>,
}

impl Options {
    /// Takes the usual options: random ids; the time of requests is checked unless a test drives the
    /// clock, for clients sign with the machine's. Who waits on a real clock waits shortly.
    pub fn new(clock: Clock, machines: Machines) -> Self {
        let check_request_time = matches!(clock, Clock::System);
        let delays = if check_request_time { Delays::short() } else { Delays::aws_like() };
        let upload_delay = SignedDuration::from_secs(if check_request_time { 1 } else { 10 });
        Self {
            clock,
            machines,
            seed: None,
            delays,
            check_request_time,
            upload_delay,
            windows: Windows::default(),
            limit_rates: true,
            denied: BTreeSet::new(),
            faults: Vec::new(),
        }
    }
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
    /// The state file is of another version of bakehouse.
    #[error("the twin's state {path} has format {found}, not {STATE_FORMAT}; `bakehouse twin reset` starts afresh")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

/// The format of the state file that this version reads and writes.
const STATE_FORMAT: u32 = 2;

/// Who callers of a twin are.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// Access key id and secret.
    pub credentials: (String, String),
}

/// Reads who callers of the twin in a folder are, without opening it: another process may have it.
///
/// # Errors
///
/// [`OpenError`]: there is none, or its state can't be read.
pub fn peek(folder: &Path) -> Result<Caller, OpenError> {
    let path = folder.join("state.json");
    let bytes = std::fs::read(&path).map_err(|source| OpenError::Io { path: path.clone(), source })?;
    let state = parse_state(&bytes, &path)?;
    Ok(Caller { account: state.account, credentials: (state.access_key_id, state.secret_access_key) })
}

impl Twin {
    /// Removes the twin in a folder with all it holds, its running machines first.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: in use by another process, or a file that can't be removed.
    pub async fn remove(folder: &Path, machines: &Machines, now: Timestamp) -> Result<(), OpenError> {
        let _lock = lock(folder)?;
        // A state that can't be read is what a reset is for; its machines can't be found then.
        if let Ok(bytes) = std::fs::read(folder.join("state.json"))
            && let Ok(state) = serde_json::from_slice::<State>(&bytes)
        {
            let instances = state.regions.values().flat_map(|region| region.instances.values());
            for handle in instances.filter_map(|instance| instance.machine.as_ref()).chain(state.catalog.machines()) {
                // Of another kind, or gone already: nothing to end.
                let _ = machines.kill(handle, now).await;
            }
        }
        std::fs::remove_dir_all(folder).map_err(|source| OpenError::Io { path: folder.to_owned(), source })
    }

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
        let lock = lock(folder)?;
        // Left by a server that was killed: whoever holds the lock now is not it.
        serve::forget(folder).map_err(io(folder))?;
        let state_path = folder.join("state.json");
        let state = match std::fs::read(&state_path) {
            Ok(bytes) => parse_state(&bytes, &state_path)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let mut state = State::new(options.seed.clone());
                if matches!(options.clock, Clock::System) {
                    state.catalog.set_delays(CatalogDelays::short());
                }
                state
            }
            Err(source) => return Err(OpenError::Io { path: state_path, source }),
        };
        s3::sweep(folder, &state.s3).map_err(io(&folder.join("objects")))?;
        let blocks = Blocks::open(&folder.join("blocks")).map_err(io(&folder.join("blocks")))?;
        // Images that are not published are nobody else's on this machine.
        for disks in ["blocks", "volumes"].map(|name| folder.join(name)) {
            std::fs::create_dir_all(&disks).map_err(io(&disks))?;
            std::fs::set_permissions(&disks, Permissions::from_mode(0o700)).map_err(io(&disks))?;
        }
        let twin = Arc::new(Self {
            folder: folder.to_owned(),
            state: Mutex::new(state),
            clock: options.clock,
            blocks,
            machines: options.machines,
            delays: options.delays,
            adoption: tokio::sync::OnceCell::new(),
            forwarded: Mutex::default(),
            inspectors: Inspectors::default(),
            check_request_time: options.check_request_time,
            upload_delay: options.upload_delay,
            windows: options.windows,
            limit_rates: options.limit_rates,
            denied: options.denied,
            levels: Levels::default(),
            requests: AtomicU64::new(0),
            faults: Faults::new(options.faults),
            uploading: RwLock::default(),
            _lock: lock,
        });
        twin.save(&twin.lock()).map_err(io(&state_path))?;
        Ok(twin)
    }

    /// Returns the folder that everything lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
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

    /// Returns whether machines that an earlier process started were taken up.
    pub(super) fn adoption(&self) -> &tokio::sync::OnceCell<()> {
        &self.adoption
    }

    /// Returns the ports that this process has seen to.
    pub(super) fn forwarded(&self) -> MutexGuard<'_, Forwarded> {
        self.forwarded.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Returns the tasks that inspect submitted images.
    pub(super) fn inspectors(&self) -> &Inspectors {
        &self.inspectors
    }

    /// Returns how long EC2's asynchronous things take.
    pub fn delays(&self) -> &Delays {
        &self.delays
    }

    /// Returns how long an uploaded snapshot stays `pending` once its upload is complete.
    pub fn upload_delay(&self) -> SignedDuration {
        self.upload_delay
    }

    /// Returns how long what was just made or tagged is not seen.
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Says whether operations can be called only so often.
    pub(super) fn limits_rates(&self) -> bool {
        self.limit_rates
    }

    /// Returns what the caller may not do.
    pub(super) fn denied(&self) -> &BTreeSet<String> {
        &self.denied
    }

    /// Tells whether the caller may not do something: by this process's options, or by the state.
    pub(super) fn is_denied(&self, operation: &str) -> bool {
        self.denied.contains(operation) || self.read(|state| state.denied.contains(operation))
    }

    /// Returns the faults that were given, and what came of each so far.
    pub fn faults_met(&self) -> Arc<Tally> {
        self.faults.tally()
    }

    /// Returns what is left in the buckets of requests.
    pub(super) fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Says whether the time that requests were signed at is checked.
    pub(super) fn checks_request_time(&self) -> bool {
        self.check_request_time
    }

    /// Returns how often each operation was called in this process, refusals among them.
    pub fn calls(&self) -> BTreeMap<Operation, u64> {
        self.faults.calls()
    }

    /// Waits until a call is met with silence ([`super::faults::Fault::Silence`]).
    pub async fn silenced(&self) {
        self.faults.silenced().await;
    }

    /// Returns what goes wrong on purpose.
    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Gives out a request id: 32 hexadecimal digits with dashes, as a UUID has.
    pub(super) fn new_request_id(&self) -> HeaderValue {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now().as_nanosecond();
        let digits = Digest::of_parts([self.credentials().1.as_bytes(), b"request", &now.to_le_bytes(), &count.to_le_bytes()]).short(32);
        let id = format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
        HeaderValue::try_from(id).expect("an id is hexadecimal digits and dashes")
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
        // It holds the secret that keeps this machine's other users out.
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(state).expect("the state is plain data"))?;
        std::fs::rename(fresh, path)
    }
}

/// Takes the folder's lock; it goes with the file that is returned.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(|source| OpenError::Io { path: path.clone(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

/// Reads the state; its format first, for another format has other members.
fn parse_state(bytes: &[u8], path: &Path) -> Result<State, OpenError> {
    #[derive(serde::Deserialize)]
    struct Formatted {
        format: u32,
    }
    let unreadable = |source| OpenError::State { path: path.to_owned(), source };
    let Formatted { format: found } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if found != STATE_FORMAT {
        return Err(OpenError::Format { path: path.to_owned(), found });
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::twin::testing::TestTwin;

    fn open(folder: &Path) -> Result<Arc<Twin>, OpenError> {
        Twin::open(folder, Options::new(Clock::System, Machines::None))
    }

    #[test]
    fn a_twin_opened_again_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        let (account, credentials) = (first.account(), first.credentials());
        drop(first);
        let again = open(folder.path()).unwrap();
        assert_eq!((again.account(), again.credentials()), (account, credentials));
    }

    #[test]
    fn a_twin_has_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let _first = open(folder.path()).unwrap();
        assert!(matches!(open(folder.path()), Err(OpenError::InUse { .. })));
    }

    #[test]
    fn a_refused_change_changes_nothing() {
        let test = TestTwin::new();
        let refused = test.twin.change(|state| {
            state.new_id("snap-");
            Err::<(), _>(std::io::Error::other("refused"))
        });
        assert!(refused.is_err());
        assert_eq!(test.twin.read(|state| state.ids), 0);
    }

    #[test]
    fn a_state_that_is_not_understood_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        std::fs::write(&path, "{\"format\": 3}").unwrap();
        assert!(matches!(open(folder.path()), Err(OpenError::Format { found: 3, .. })));
        std::fs::write(&path, "{\"format\": 2}").unwrap();
        assert!(matches!(open(folder.path()), Err(OpenError::State { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"format\": 2}");
    }

    #[test]
    fn the_secret_is_the_owners_to_read() {
        let test = TestTwin::new();
        let mode = std::fs::metadata(test.twin.folder().join("state.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for disks in ["blocks", "volumes"] {
            let mode = std::fs::metadata(test.twin.folder().join(disks)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{disks}");
        }
    }
}
