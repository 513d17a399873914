//! Machines in QEMU: started as daemons, found again by their handle, each in a network of its own.

mod arguments;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{FallocateFlags, fallocate};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::imds::{Server, Tokens};
use super::qmp::{self, QmpError};
use super::{Accelerator, BootMode, CONSOLE_BYTES, Ending, Launch, MachineError, Status, console as console_file, forward, network};
use crate::model::digest::Digest;
use process::Process;

/// The longest path of a unix socket, without its closing zero.
///
/// Source: unix(7), `sun_path`.
const SOCKET_PATH_BYTES: usize = 107;

/// Where distributions lay UEFI for virtual machines: the code, and the variables that go with it.
const FIRMWARE: [(&str, &str); 3] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
];

/// What a guest finds its root disk on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskBus {
    /// virtio: the fastest.
    #[default]
    Virtio,
    /// NVMe, as on EC2's Nitro instances.
    Nvme,
}

/// QEMU, and how its machines are made.
#[derive(Debug)]
pub struct Qemu {
    relay: PathBuf,
    accelerator: Accelerator,
    disk_bus: DiskBus,
    /// The metadata services by machine folder.
    servers: Mutex<BTreeMap<PathBuf, Server>>,
}

/// A machine's files.
struct Files {
    console: PathBuf,
    /// QEMU writes its number here, and removes the file when it ends in good order.
    pid: PathBuf,
    variables: PathBuf,
    firmware: Option<PathBuf>,
    qmp: PathBuf,
    metadata: PathBuf,
    network: PathBuf,
}

/// What a later process needs in order to find a machine.
#[derive(Debug, Serialize, Deserialize)]
struct Handle {
    process: Process,
    folder: PathBuf,
    /// Where its sockets are.
    runtime: PathBuf,
    /// Of its metadata service's tokens.
    secret: String,
}

impl Qemu {
    /// Makes machines whose metadata requests go through `RELAY twin relay SOCKET`: bakehouse itself.
    pub fn new(relay: PathBuf, accelerator: Accelerator) -> Self {
        Self { relay, accelerator, disk_bus: DiskBus::default(), servers: Mutex::default() }
    }

    /// Chooses what guests find their root disk on.
    #[must_use]
    pub fn with_disk_bus(mut self, disk_bus: DiskBus) -> Self {
        self.disk_bus = disk_bus;
        self
    }

    /// Finds QEMU for x86-64 machines.
    ///
    /// # Errors
    ///
    /// [`MachineError::Missing`].
    pub fn program() -> Result<PathBuf, MachineError> {
        let program = "qemu-system-x86_64";
        network::find(program).ok_or_else(|| MachineError::Missing { program: program.to_owned(), package: "qemu-system-x86" })
    }

    /// Returns what runs the guests' code.
    pub fn accelerator(&self) -> Accelerator {
        self.accelerator
    }

    pub(super) async fn launch(&self, launch: &Launch) -> Result<Value, MachineError> {
        let program = Self::program()?;
        std::fs::create_dir_all(&launch.folder).map_err(MachineError::io("making the machine's folder"))?;
        let runtime = runtime_folder(&launch.folder)?;
        let files = Files::of(&launch.folder, &runtime, launch.boot_mode)?;
        end_leftover(&files).await?;
        files.prepare()?;
        let secret = random()?;
        self.serve(launch, &files.metadata, &secret)?;

        let (mut command, carrier) = network::isolate(&program, &launch.folder)?;
        command.args(arguments::arguments(self, launch, &files)?);
        let (pid_file, log, control) = (files.pid.clone(), launch.folder.join("network.log"), files.network.clone());
        let started = tokio::task::spawn_blocking(move || start(command, carrier, &pid_file, &log, &control)).await;
        let process = started.map_err(|e| MachineError::Start { output: e.to_string() })?;
        let process = match process {
            Ok(process) => process,
            Err(error) => {
                self.forget(&launch.folder);
                end_leftover(&files).await?;
                return Err(error);
            }
        };
        let handle = Handle { process, folder: launch.folder.clone(), runtime, secret };
        serde_json::to_value(handle).map_err(|source| MachineError::Handle { source })
    }

    pub(super) async fn adopt(&self, launch: &Launch, handle: &Value) -> Result<(), MachineError> {
        let handle = read(handle)?;
        if handle.process.is_running() { self.serve(launch, &handle.runtime.join(METADATA), &handle.secret) } else { Ok(()) }
    }

    pub(super) fn status(&self, handle: &Value) -> Status {
        let Ok(handle) = read(handle) else { return Status::Ended(Ending::Crash) };
        if handle.process.is_running() {
            return Status::Running;
        }
        self.forget(&handle.folder);
        let in_good_order = !handle.folder.join(PID).exists();
        Status::Ended(if in_good_order { Ending::PowerOff } else { Ending::Crash })
    }

    pub(super) async fn power_down(&self, handle: &Value) -> Result<(), MachineError> {
        let handle = read(handle)?;
        if !handle.process.is_running() {
            return Ok(());
        }
        match qmp::run(&handle.runtime.join(QMP), "system_powerdown").await {
            Ok(_) => Ok(()),
            Err(_) if !handle.process.is_running() => Ok(()),
            Err(QmpError::Io { source }) => Err(MachineError::io("pressing the machine's power button")(source)),
            Err(refusal) => Err(MachineError::io("pressing the machine's power button")(std::io::Error::other(refusal))),
        }
    }

    pub(super) async fn kill(&self, handle: &Value) -> Result<(), MachineError> {
        let handle = read(handle)?;
        handle.process.kill().await.map_err(MachineError::io("ending the machine"))?;
        self.forget(&handle.folder);
        Ok(())
    }

    pub(super) async fn open(&self, handle: &Value, address: Ipv4Addr, ports: &BTreeSet<u16>) -> Result<(), MachineError> {
        let handle = read(handle)?;
        if !handle.process.is_running() {
            return Ok(());
        }
        forward::set(&handle.runtime.join(NETWORK), &handle.runtime.join(QMP), address, ports).await
    }

    /// Tells whether the guest has asked for its metadata: whatever runs cloud-init does when it is up.
    pub(super) fn is_up(&self, handle: &Value) -> bool {
        read(handle).is_ok_and(|handle| handle.folder.join(ASKED).exists())
    }

    fn serve(&self, launch: &Launch, socket: &Path, secret: &str) -> Result<(), MachineError> {
        // The old service goes first: it removes its socket, which is the new one's.
        self.forget(&launch.folder);
        let asked = launch.folder.join(ASKED);
        let server = Server::start(socket, launch, Tokens::new(secret.to_owned()), asked)
            .map_err(MachineError::io("serving the machine's metadata"))?;
        self.lock().insert(launch.folder.clone(), server);
        Ok(())
    }

    fn forget(&self, folder: &Path) {
        self.lock().remove(folder);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Server>> {
        self.servers.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Reads the end of a machine's console, and gives back the disk space of what came long before.
pub fn console(handle: &Value) -> std::io::Result<Vec<u8>> {
    let handle = read(handle).map_err(std::io::Error::other)?;
    let path = handle.folder.join(CONSOLE);
    trim(&path)?;
    console_file::tail(&path, CONSOLE_BYTES)
}

/// A guest may print for as long as it likes. QEMU goes on appending, so the file keeps its length
/// and only what lies more than 1 MiB back loses its blocks.
fn trim(path: &Path) -> std::io::Result<()> {
    const KEPT_BYTES: u64 = 1024 * 1024;
    const STEP_BYTES: u64 = 4 * 1024 * 1024;
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.blocks() * 512 < KEPT_BYTES + STEP_BYTES {
        return Ok(());
    }
    let file = File::options().write(true).open(path)?;
    match fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, metadata.len().saturating_sub(KEPT_BYTES)) {
        // A file system without holes keeps it all; nothing is lost by that.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
        punched => Ok(punched?),
    }
}

const CONSOLE: &str = "console";
const PID: &str = "pid";
const QMP: &str = "qmp";
const METADATA: &str = "metadata";
const NETWORK: &str = "network";
/// There once the guest has asked for its metadata.
const ASKED: &str = "asked";

impl Files {
    fn of(folder: &Path, runtime: &Path, boot_mode: BootMode) -> Result<Self, MachineError> {
        let firmware = match boot_mode {
            BootMode::LegacyBios => None,
            BootMode::Uefi => Some(firmware()?.0),
        };
        Ok(Self {
            console: folder.join(CONSOLE),
            pid: folder.join(PID),
            variables: folder.join("variables"),
            firmware,
            qmp: runtime.join(QMP),
            metadata: runtime.join(METADATA),
            network: runtime.join(NETWORK),
        })
    }

    /// Lays out what QEMU expects. The firmware's variables stay from one start to the next.
    fn prepare(&self) -> Result<(), MachineError> {
        if self.firmware.is_some() && !self.variables.exists() {
            std::fs::copy(firmware()?.1, &self.variables).map_err(MachineError::io("copying the firmware's variables"))?;
        }
        let asked = self.console.with_file_name(ASKED);
        for path in [&self.console, &self.pid, &self.qmp, &self.network, &asked] {
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(MachineError::io("removing an old machine's file")(e)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn firmware() -> Result<(PathBuf, PathBuf), MachineError> {
    let found =
        FIRMWARE.into_iter().map(|(code, variables)| (PathBuf::from(code), PathBuf::from(variables))).find(|(code, _)| code.exists());
    found.ok_or(MachineError::Missing { program: "UEFI for virtual machines (OVMF)".to_owned(), package: "ovmf" })
}

/// Makes the folder of a machine's sockets: short, for their paths are limited, and for this user alone.
fn runtime_folder(folder: &Path) -> Result<PathBuf, MachineError> {
    let user = rustix::process::geteuid();
    let base = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir()) {
        Some(runtime) => runtime.join("bakehouse"),
        None => std::env::temp_dir().join(format!("bakehouse-{}", user.as_raw())),
    };
    let absolute = std::path::absolute(folder).map_err(MachineError::io("finding the machine's folder"))?;
    let name = Digest::of_parts([b"runtime".as_slice(), absolute.as_os_str().as_encoded_bytes()]).short(12);
    let runtime = base.join(name);
    for folder in [&base, &runtime] {
        match std::fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(MachineError::io(format!("making {}", folder.display()))(e));
            }
            _ => {}
        }
        // The temporary folder is everybody's: someone else may have been first.
        let metadata = std::fs::symlink_metadata(folder).map_err(MachineError::io("looking at the sockets' folder"))?;
        if !metadata.is_dir() || metadata.uid() != user.as_raw() || metadata.mode() & 0o077 != 0 {
            return Err(MachineError::Path { path: folder.clone(), reason: "others have access to it" });
        }
    }
    if runtime.join(METADATA).as_os_str().len() > SOCKET_PATH_BYTES {
        return Err(MachineError::Path { path: runtime, reason: "it is too long for a socket; set XDG_RUNTIME_DIR to a shorter one" });
    }
    Ok(runtime)
}

/// Ends what an earlier launch left: bakehouse may have been killed before it could note the handle.
async fn end_leftover(files: &Files) -> Result<(), MachineError> {
    let Ok(text) = std::fs::read_to_string(&files.pid) else { return Ok(()) };
    let Some(process) = text.trim().parse().ok().and_then(Process::of) else { return Ok(()) };
    let command = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    let wanted = files.pid.as_os_str().as_encoded_bytes();
    if command.split(|byte| *byte == 0).any(|argument| argument == wanted) {
        process.kill().await.map_err(MachineError::io("ending a machine left over"))?;
    }
    Ok(())
}

/// Starts QEMU, which returns once the machine stands, and connects its network.
fn start(
    mut command: std::process::Command,
    carrier: network::Carrier,
    pid_file: &Path,
    log: &Path,
    control: &Path,
) -> Result<Process, MachineError> {
    let output = command.output().map_err(MachineError::io("running unshare"))?;
    // The command holds the pipe's end that must be the machine's alone.
    drop(command);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let before_qemu = said.starts_with("unshare:") || said.starts_with("mount:") || output.status.code() == Some(125);
        return Err(if before_qemu { MachineError::Network { output: said } } else { MachineError::Start { output: said } });
    }
    let process = std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok()).and_then(Process::of);
    let Some(process) = process else { return Err(MachineError::Start { output: "it ended at once".to_owned() }) };
    carrier.connect(process.pid, log, control)?;
    Ok(process)
}

fn random() -> Result<String, MachineError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| MachineError::io("taking random bytes")(std::io::Error::other(e.to_string())))?;
    Ok(hex::encode(bytes))
}

fn read(handle: &Value) -> Result<Handle, MachineError> {
    serde_json::from_value(handle.clone()).map_err(|source| MachineError::Handle { source })
}
