//! A scripted guest's files: written into the ext4 of its disk, without mounting it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MachineError, sbin};

const SECTOR: u64 = 512;
/// Where ext4's magic number lies in its file system, and the number.
///
/// Source: <https://docs.kernel.org/filesystems/ext4/globals.html#super-block>
const EXT4_MAGIC_AT: u64 = 1024 + 0x38;
const EXT4_MAGIC: [u8; 2] = [0x53, 0xef];

/// A file that a guest leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestFile {
    /// Absolute path; missing folders are made.
    pub path: String,
    /// Its content.
    pub content: String,
    /// Permission bits, such as `0o644` (420).
    #[serde(default = "plain_mode")]
    pub mode: u32,
}

fn plain_mode() -> u32 {
    0o644
}

/// Removes and writes files in the first ext4 of a raw disk; all belong to root and are dated `now`.
pub fn write(disk: &Path, files: &[GuestFile], removes: &[String], work: &Path, now: Timestamp) -> Result<(), MachineError> {
    if files.is_empty() && removes.is_empty() {
        return Ok(());
    }
    let mut commands = format!("set_current_time @{}\n", now.as_second());
    for path in removes {
        let _ = writeln!(commands, "rm {}", quote(path)?);
    }
    let contents = work.join("guest-files");
    std::fs::create_dir_all(&contents).map_err(MachineError::io("making a folder for the guest's files"))?;
    for (index, file) in files.iter().enumerate() {
        let content = contents.join(index.to_string());
        std::fs::write(&content, &file.content).map_err(MachineError::io("putting down a guest's file"))?;
        add(&mut commands, file, &content)?;
    }
    run_debugfs(disk, root_offset(disk)?, &commands, work)?;
    std::fs::remove_dir_all(&contents).map_err(MachineError::io("removing the copies of the guest's files"))
}

fn add(commands: &mut String, file: &GuestFile, content: &Path) -> Result<(), MachineError> {
    let path = quote(&file.path)?;
    for (end, _) in file.path.match_indices('/').skip(1) {
        let _ = writeln!(commands, "mkdir {}", quote(&file.path[..end])?);
    }
    let content = content.to_str().ok_or(MachineError::Path { path: content.to_owned(), reason: "it is not text" })?;
    let _ = writeln!(commands, "rm {path}\nwrite {} {path}", quote(content)?);
    let _ = writeln!(commands, "set_inode_field {path} mode 0{:o}", 0o100_000 | (file.mode & 0o7777));
    let _ = writeln!(commands, "set_inode_field {path} uid 0\nset_inode_field {path} gid 0");
    Ok(())
}

/// debugfs splits its lines at blanks and takes double quotes, but has no escape for one.
fn quote(path: &str) -> Result<String, MachineError> {
    if path.starts_with('/') && !path.contains(['"', '\n', '\0']) {
        Ok(format!("\"{path}\""))
    } else {
        Err(MachineError::Script { reason: format!("{path:?} is not an absolute path without quotes") })
    }
}

fn run_debugfs(disk: &Path, offset: u64, commands: &str, work: &Path) -> Result<(), MachineError> {
    let list = work.join("debugfs-commands");
    std::fs::write(&list, commands).map_err(MachineError::io("writing debugfs's commands"))?;
    let mut device = disk.as_os_str().to_owned();
    device.push(format!("?offset={offset}"));
    let output = match Command::new(sbin("debugfs")).arg("-w").arg("-f").arg(&list).arg(&device).output() {
        Ok(output) => output,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(MachineError::Missing { program: "debugfs".to_owned(), package: "e2fsprogs" });
        }
        Err(e) => return Err(MachineError::io("running debugfs")(e)),
    };
    // debugfs says what failed and still ends with 0; folders that are there and files that are not are expected.
    let text = String::from_utf8_lossy(&output.stderr);
    let fault = text.lines().filter(|line| !line.starts_with("debugfs 1.") && !line.trim().is_empty()).find(|line| {
        !(line.starts_with("mkdir:") && line.contains("already exists") || line.starts_with("rm:") && line.contains("not found"))
    });
    match fault {
        None if output.status.success() => Ok(()),
        fault => Err(MachineError::Script { reason: format!("debugfs: {}", fault.unwrap_or("it failed")) }),
    }
}

/// Finds where the first ext4 of a disk begins: a bare file system, or a partition of a GPT or an MBR.
fn root_offset(disk: &Path) -> Result<u64, MachineError> {
    let mut file = File::open(disk).map_err(MachineError::io("opening the guest's disk"))?;
    let mut starts = vec![0];
    starts.extend(gpt_starts(&mut file).unwrap_or_default());
    starts.extend(mbr_starts(&mut file).unwrap_or_default());
    let is_ext4 = |start: &u64| start.checked_add(EXT4_MAGIC_AT).and_then(|at| read_at::<2>(&mut file, at)) == Some(EXT4_MAGIC);
    starts.into_iter().find(is_ext4).ok_or_else(|| MachineError::Script { reason: "the disk has no ext4 file system".to_owned() })
}

/// Source: UEFI Specification 2.10, 5.3.2 and 5.3.3.
fn gpt_starts(file: &mut File) -> Option<Vec<u64>> {
    let header = read_at::<92>(file, SECTOR)?;
    if &header[..8] != b"EFI PART" {
        return None;
    }
    let table = u64::from_le_bytes(header[72..80].try_into().ok()?).checked_mul(SECTOR)?;
    let count = u64::from(u32::from_le_bytes(header[80..84].try_into().ok()?)).min(1024);
    let size = u64::from(u32::from_le_bytes(header[84..88].try_into().ok()?));
    let start = |index| {
        let entry = read_at::<40>(file, table.checked_add(size.checked_mul(index)?)?)?;
        let used = entry[..16].iter().any(|byte| *byte != 0);
        used.then(|| u64::from_le_bytes(entry[32..40].try_into().unwrap_or_default()))?.checked_mul(SECTOR)
    };
    Some((0..count).filter_map(start).collect())
}

fn mbr_starts(file: &mut File) -> Option<Vec<u64>> {
    let sector = read_at::<512>(file, 0)?;
    if sector[510..] != [0x55, 0xaa] {
        return None;
    }
    let start = |entry: &[u8]| u64::from(u32::from_le_bytes([entry[8], entry[9], entry[10], entry[11]])) * SECTOR;
    Some(sector[446..510].chunks_exact(16).filter(|entry| entry[4] != 0).map(start).collect())
}

fn read_at<const N: usize>(file: &mut File, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
