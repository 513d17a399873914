//! Whether KVM runs guests here: `/dev/kvm` can be there, open, make a machine, and run nothing.

mod guest;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use guest::GUEST;
use serde::{Deserialize, Serialize};

/// A working KVM takes well under a second.
const DEADLINE: Duration = Duration::from_secs(5);

/// What QEMU makes of the 42 that the guest writes to its debug-exit port: value × 2 + 1.
///
/// Source: QEMU, hw/misc/debugexit.c
const RAN: i32 = 42 * 2 + 1;

/// How machines are run on KVM, and so how it is probed.
const KVM: [&str; 4] = ["-accel", "kvm", "-cpu", "host"];

/// What runs the guests' code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU's translator: runs anywhere, about ten times slower.
    Tcg,
}

/// Finds out what can run guests on this machine, and remembers it in `cache` until the next start of the machine.
///
/// # Errors
///
/// When QEMU can't be run at all or a file can't be written; a KVM that does not work is no error.
pub fn probe(qemu: &Path, cache: &Path) -> std::io::Result<Accelerator> {
    let boot = boot_id();
    if let Some(known) = read(cache).filter(|known| known.boot == boot && known.qemu == qemu.display().to_string()) {
        return Ok(known.accelerator);
    }
    let accelerator = if Path::new("/dev/kvm").exists() && runs(qemu, KVM)? { Accelerator::Kvm } else { Accelerator::Tcg };
    let known = Known { boot, qemu: qemu.display().to_string(), accelerator };
    if let Some(folder) = cache.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(cache, serde_json::to_vec(&known).expect("the answer is plain data"))?;
    Ok(accelerator)
}

/// Returns what tells this start of the machine from the others.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[derive(Serialize, Deserialize)]
struct Known {
    boot: String,
    qemu: String,
    accelerator: Accelerator,
}

fn read(cache: &Path) -> Option<Known> {
    serde_json::from_slice(&std::fs::read(cache).ok()?).ok()
}

/// Runs the guest and tells whether it got to its end in time.
fn runs(qemu: &Path, accelerator: [&str; 4]) -> std::io::Result<bool> {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("disk");
    let mut sector = [0; 512];
    sector[..GUEST.len()].copy_from_slice(&GUEST);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let mut file = File::create(&disk)?;
    file.write_all(&sector)?;
    // A disk of one cylinder at least, or the firmware does not boot from it.
    file.set_len(1024 * 1024)?;
    let mut drive = std::ffi::OsString::from("format=raw,if=ide,file=");
    drive.push(&disk);
    let mut guest = Command::new(qemu)
        .args(accelerator)
        .args(["-machine", "pc", "-m", "32", "-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-drive"])
        .arg(drive)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if let Some(status) = guest.try_wait()? {
            return Ok(status.code() == Some(RAN));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    guest.kill()?;
    guest.wait()?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_gets_to_its_end_where_machines_run() {
        let qemu = crate::twin::machines::Qemu::program().unwrap();
        assert!(runs(&qemu, ["-accel", "tcg", "-cpu", "qemu64"]).unwrap());
        assert!(!runs(&qemu, ["-accel", "tcg", "-cpu", "qemu32"]).unwrap(), "64-bit code needs a 64-bit processor");
    }
}
