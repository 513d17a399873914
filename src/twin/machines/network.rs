//! A network of its own for each machine: out into the world, never to this machine's loopback.
//!
//! QEMU's user networking maps the gateway's address to the loopback of whoever runs QEMU and
//! can't be told not to. So QEMU runs in a network namespace whose loopback is empty, and
//! slirp4netns carries what leaves it. Unix sockets go by path and cross over: the metadata does.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::MachineError;

/// The name server that slirp4netns offers inside; it asks those of this machine, local ones too.
///
/// Source: slirp4netns(1).
const NAME_SERVER: &str = "nameserver 10.0.2.3\n";
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs inside: takes the name server's file as its first argument and the program as the rest.
/// Descriptor 9 holds the pipe's end whose closing tells slirp4netns that the program has ended.
const INSIDE: &str = r#"
if [ -e /etc/resolv.conf ]; then mount --bind "$1" "$(readlink -f /etc/resolv.conf)" || exit 125; fi
shift
exec 9<&0 </dev/null
exec "$@"
"#;

/// What carries a namespace's packages, before it has a namespace.
pub struct Carrier {
    ended: std::io::PipeReader,
}

/// Makes a command that runs `program` in a new network namespace, and the carrier for it.
///
/// # Errors
///
/// [`MachineError`] when a program is missing or a file can't be written.
pub fn isolate(program: &Path, folder: &Path) -> Result<(Command, Carrier), MachineError> {
    for (tool, package) in [("unshare", "util-linux"), ("slirp4netns", "slirp4netns")] {
        find(tool).ok_or_else(|| MachineError::Missing { program: tool.to_owned(), package })?;
    }
    let name_server = folder.join("resolv.conf");
    std::fs::write(&name_server, NAME_SERVER).map_err(MachineError::io("writing the name server's file"))?;
    let (ended, alive) = std::io::pipe().map_err(MachineError::io("making a pipe"))?;
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--", "sh", "-c", INSIDE, "sh"]).arg(&name_server).arg(program);
    command.stdin(alive);
    Ok((command, Carrier { ended }))
}

impl Carrier {
    /// Connects the namespace of a running process with the world, for as long as the process lives.
    ///
    /// `control` is the socket on which ports are opened later.
    ///
    /// # Errors
    ///
    /// [`MachineError::Network`] with what slirp4netns said.
    pub fn connect(self, pid: u32, log: &Path, control: &Path) -> Result<(), MachineError> {
        use std::os::unix::process::CommandExt as _;

        let said = File::create(log).map_err(MachineError::io("making the network's log"))?;
        let also = said.try_clone().map_err(MachineError::io("making the network's log"))?;
        let mut carrier = Command::new("slirp4netns")
            .args(["--configure", "--mtu=65520", "--disable-host-loopback", "--exit-fd=0", "--api-socket"])
            .arg(control)
            .arg(pid.to_string())
            .arg("tap0")
            .stdin(self.ended)
            .stdout(said)
            .stderr(also)
            // An interrupt at the terminal is for bakehouse; the machines live on.
            .process_group(0)
            .spawn()
            .map_err(MachineError::io("starting slirp4netns"))?;
        let waits = PATIENCE.as_millis() / 20;
        for _ in 0..waits {
            if has_route(pid) {
                // Reaped when it ends, if this process lives that long.
                std::thread::spawn(move || carrier.wait());
                return Ok(());
            }
            if !matches!(carrier.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = carrier.kill();
        let _ = carrier.wait();
        Err(MachineError::Network { output: std::fs::read_to_string(log).unwrap_or_default().trim().to_owned() })
    }
}

/// Finds a program on the search path, or where the system's own programs lie.
pub fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(Into::into));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Tells whether a process's namespace has its way out: slirp4netns sets the default route last.
fn has_route(pid: u32) -> bool {
    let routes = std::fs::read_to_string(format!("/proc/{pid}/net/route")).unwrap_or_default();
    routes.lines().any(|line| line.starts_with("tap0\t00000000\t"))
}
