//! What runs the twin's instances: QEMU, a script, or nothing.
//!
//! A machine outlives the process that launched it, as an instance outlives the tool that called
//! `RunInstances`. What a later process needs in order to find it again is the *handle*: plain
//! JSON that the caller keeps in its state and gives back to every call.

mod console;
mod forward;
mod imds;
mod network;
mod probe;
mod qemu;
mod qmp;
mod relay;
mod scripted;

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use s3s::Body;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use forward::{host_port, is_answered_by_another};
pub use imds::{Metadata, Request, Response, Tokens, answer};
pub use network::find as find_program;
pub use probe::{Accelerator, probe};
pub use qemu::{DiskBus, Qemu};
pub use relay::relay;
pub use scripted::{Boot, CommandAnswer, ConsoleText, Ends, EndsHow, Fetch, GuestFile, Page, Script};

use crate::clock::Clock;
use crate::reach::BoxStream;

/// How much of a console EC2 keeps: the last 64 KiB.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html>
pub const CONSOLE_BYTES: u64 = 64 * 1024;

/// What runs the twin's instances.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one of it")]
pub enum Machines {
    /// States only; nothing runs.
    None,
    /// Every instance plays a script, by the time passed in.
    Scripted(Script),
    /// Every instance is a virtual machine.
    Qemu(Qemu),
}

/// Where a machine's metadata comes from; asked anew for every request, `None` once the instance is gone.
///
/// Hold the twin by a [`std::sync::Weak`] inside, for the twin holds its machines.
pub type MetadataSource = Arc<dyn Fn() -> Option<Metadata> + Send + Sync>;

/// Answers what guests ask of S3.
pub type ObjectService = Arc<dyn Fn(http::Request<Body>) -> BoxFuture<'static, http::Response<Body>> + Send + Sync>;

/// What a machine is launched, or adopted, with.
#[derive(Clone)]
pub struct Launch {
    /// The instance's id: names the machine and seeds its serial number.
    pub instance: String,
    /// Folder of its own for the console, the firmware's variables and logs; made when not there.
    pub folder: PathBuf,
    /// Its root disk: a raw file, written in place.
    pub disk: PathBuf,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Number of virtual processors.
    pub cpus: u32,
    /// Its network card's address, such as `0a:12:34:56:78:9a`.
    pub mac: String,
    /// How its firmware starts the disk.
    pub boot_mode: BootMode,
    /// Such as `t3.small`: what the firmware's tables call the machine.
    pub instance_type: String,
    /// What the metadata service answers.
    pub metadata: MetadataSource,
    /// What S3 answers.
    pub objects: ObjectService,
    /// Dates the metadata service's tokens.
    pub clock: Clock,
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("instance", &self.instance)
            .field("folder", &self.folder)
            .field("disk", &self.disk)
            .finish_non_exhaustive()
    }
}

/// How a machine's firmware starts its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootMode {
    /// From the EFI system partition.
    Uefi,
    /// From the master boot record.
    LegacyBios,
}

impl BootMode {
    /// Chooses the mode for an x86 image's `BootMode`, as EC2 does: legacy BIOS unless it says otherwise.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-boot.html>
    pub fn of_image(boot_mode: Option<&str>) -> Self {
        match boot_mode {
            Some("uefi" | "uefi-preferred") => Self::Uefi,
            _ => Self::LegacyBios,
        }
    }
}

/// Whether a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It has ended; its disk holds what the guest had written.
    Ended(Ending),
}

/// How a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The guest powered itself off, or was asked to and did.
    PowerOff,
    /// The machine died under the guest.
    Crash,
}

/// A machine that could not be launched, reached or read.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A program is missing that running machines takes.
    #[error("{program} is not installed")]
    Missing {
        /// The program or file.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// Its own network could not be made. A guest never runs without: it would reach this machine's loopback.
    #[error("a network of its own can't be made for the machine: {output}")]
    Network {
        /// What the tool said.
        output: String,
    },
    /// QEMU refused to start.
    #[error("the virtual machine did not start: {output}")]
    Start {
        /// What it said.
        output: String,
    },
    /// A port of the machine could not be opened on this one.
    #[error("port {port} of the machine can't be reached at {address}: {reason}")]
    Port {
        /// The machine's address.
        address: Ipv4Addr,
        /// The machine's port.
        port: u16,
        /// Why.
        reason: String,
    },
    /// The script can't be played.
    #[error("the guest's script can't be played: {reason}")]
    Script {
        /// Why.
        reason: String,
    },
    /// A path is too long for a socket, or not text.
    #[error("{path} can't be used for a machine: {reason}")]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The handle is not one of this kind of machine's.
    #[error("the machine's handle is not one of these machines'")]
    Handle {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A file, socket or process could not be used.
    #[error("{what} failed")]
    Io {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl MachineError {
    /// Returns what the user can do about it, where something is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { package, .. } => Some(format!("install it: apt-get install {package}")),
            Self::Network { .. } => Some(
                "run as root, or allow it for this user: /dev/net/tun readable and writable for all (as udev makes it), and user \
                 namespaces for all (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl Machines {
    /// Starts a machine and returns its handle; what an earlier launch into the same folder left running is ended first.
    ///
    /// With [`Machines::None`] nothing runs and the handle is `null`.
    ///
    /// # Errors
    ///
    /// [`MachineError`]: a missing program, no network of its own, a refusal of QEMU's, an unreadable script.
    pub async fn launch(&self, launch: &Launch, now: Timestamp) -> Result<Value, MachineError> {
        match self {
            Self::None => Ok(Value::Null),
            Self::Scripted(script) => script.launch(launch, now).await,
            Self::Qemu(qemu) => qemu.launch(launch).await,
        }
    }

    /// Takes up a machine that an earlier process launched: serves its metadata again.
    ///
    /// # Errors
    ///
    /// [`MachineError`] when the handle is foreign or the socket can't be made.
    pub async fn adopt(&self, launch: &Launch, handle: &Value) -> Result<(), MachineError> {
        match self {
            Self::None | Self::Scripted(_) => Ok(()),
            Self::Qemu(qemu) => qemu.adopt(launch, handle).await,
        }
    }

    /// Tells whether a machine runs.
    ///
    /// A handle that these machines can't read counts as a crash: nothing runs behind it.
    pub fn status(&self, handle: &Value, now: Timestamp) -> Status {
        match self {
            Self::None => Status::Running,
            Self::Scripted(_) => scripted::status(handle, now),
            Self::Qemu(qemu) => qemu.status(handle),
        }
    }

    /// Presses the power button; the guest decides what it does about it.
    ///
    /// # Errors
    ///
    /// [`MachineError`] when the machine runs and can't be reached. One that has ended is no error.
    pub async fn power_down(&self, handle: &Value, now: Timestamp) -> Result<(), MachineError> {
        match self {
            Self::None => Ok(()),
            Self::Scripted(_) => scripted::power_down(handle, now),
            Self::Qemu(qemu) => qemu.power_down(handle).await,
        }
    }

    /// Ends a machine at once, as if its plug were pulled; returns when it is gone.
    ///
    /// # Errors
    ///
    /// [`MachineError`] when the process can't be ended. One that has ended is no error.
    pub async fn kill(&self, handle: &Value, now: Timestamp) -> Result<(), MachineError> {
        match self {
            Self::None => Ok(()),
            Self::Scripted(_) => scripted::kill(handle, now),
            Self::Qemu(qemu) => qemu.kill(handle).await,
        }
    }

    /// Reads the last [`CONSOLE_BYTES`] of a machine's console, of ended ones too.
    ///
    /// # Errors
    ///
    /// When the console's file is there and can't be read.
    pub fn console(&self, handle: &Value, now: Timestamp) -> std::io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::Scripted(_) => scripted::console(handle, now),
            Self::Qemu(_) => qemu::console(handle),
        }
    }

    /// Has exactly these TCP ports of a machine answer at an address of this machine's loopback, as
    /// [`host_port`] says. Scripted guests are only reached by [`Machines::dial`].
    ///
    /// # Errors
    ///
    /// [`MachineError`] for the first port that can't be opened; the others are.
    pub async fn open(&self, handle: &Value, address: Ipv4Addr, ports: &BTreeSet<u16>) -> Result<(), MachineError> {
        match self {
            Self::None | Self::Scripted(_) => Ok(()),
            Self::Qemu(qemu) => qemu.open(handle, address, ports).await,
        }
    }

    /// Connects to a machine's port, which [`Machines::open`] has opened.
    ///
    /// # Errors
    ///
    /// When nobody listens there, as far as that is known before the first byte.
    pub async fn dial(&self, handle: &Value, address: Ipv4Addr, port: u16, now: Timestamp) -> std::io::Result<BoxStream> {
        match self {
            Self::None => Err(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "the twin runs no machines")),
            Self::Scripted(_) => scripted::dial(handle, port, now),
            Self::Qemu(_) => Ok(Box::new(tokio::net::TcpStream::connect((address, host_port(port))).await?)),
        }
    }

    /// Tells whether a machine's guest has come up, as far as can be seen from outside.
    pub fn is_up(&self, handle: &Value, now: Timestamp) -> bool {
        match self {
            Self::None => true,
            Self::Scripted(_) => scripted::is_up(handle, now),
            Self::Qemu(qemu) => qemu.is_up(handle),
        }
    }
}
