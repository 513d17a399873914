//! This machine: its disk and its programs; and the ledger.

use std::path::Path;

use super::{Check, Health};
use crate::model::target::TargetName;
use crate::twin::machines::find_program;

/// Free bytes below which records can't be relied on to be written.
const LEAST_BYTES: u64 = 256 << 20;

/// Free bytes below which a bake on the twin may not find room: a base, a volume, an image's blocks.
const TWIN_BYTES: u64 = 10 << 30;

/// What the twin starts, with the Debian package that has it, and what for.
const TWIN_PROGRAMS: &[(&str, &str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86", "instances"),
    ("slirp4netns", "slirp4netns", "instances"),
    ("unshare", "util-linux", "instances"),
    ("qemu-img", "qemu-utils", "twin base import"),
    ("mmdebstrap", "mmdebstrap", "twin base build"),
    ("mke2fs", "e2fsprogs", "twin base build"),
    ("sfdisk", "fdisk", "twin base build"),
];

/// Looks at the disk that the workspace lies on, and at the programs that the target needs.
pub fn machine(workspace: &Path, target: TargetName) -> Vec<Check> {
    let mut checks = vec![disk(workspace, target)];
    if target == TargetName::Twin {
        checks.extend(TWIN_PROGRAMS.iter().map(|(program, package, what_for)| match find_program(program) {
            Some(path) => Check::ok("tool", program, path.display().to_string()),
            None => Check::not(
                Health::Warn,
                "tool",
                program,
                format!("is not installed; {what_for} need it"),
                format!("apt-get install {package}"),
            ),
        }));
    }
    checks
}

/// Says why the ledger can't be used.
pub fn unopened(error: &dyn std::error::Error) -> Check {
    let mut found = error.to_string();
    if let Some(cause) = error.source() {
        found = format!("{found}: {cause}");
    }
    let remedy = "mend what is said, or choose other credentials or another workspace; nothing can be released without it";
    Check::not(Health::Fail, "ledger", "", found, remedy)
}

fn disk(folder: &Path, target: TargetName) -> Check {
    let needed = if target == TargetName::Twin { TWIN_BYTES } else { LEAST_BYTES };
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Check::not(Health::Unknown, "disk", folder.display(), error.to_string(), "mend the folder"),
    };
    let found = format!("{} GiB free", free >> 30);
    match free {
        ..LEAST_BYTES => Check::not(Health::Fail, "disk", folder.display(), format!("{} MiB free", free >> 20), "make room"),
        free if free < needed => {
            Check::not(Health::Warn, "disk", folder.display(), found, format!("make room: a bake here takes up to {} GiB", needed >> 30))
        }
        _ => Check::ok("disk", folder.display(), found),
    }
}
