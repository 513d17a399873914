//! A base image from a file: a cloud image, raw or qcow2.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BuildError, tool};
use crate::disk::{BlockSource, FileSource, Unreadable, can_read, open};

/// EC2 counts volumes in GiB; the twin does too.
const GIB: u64 = 1024 * 1024 * 1024;

/// A disk as it is, which is copied without QEMU.
const RAW: &str = "raw";

/// As many zeros in a row become a hole, as by `qemu-img convert -S 64k`.
const SPARSE_BLOCK: usize = 64 << 10;

/// Where distributions have cloud-init's command, and its configuration.
const CLOUD_INIT: [&str; 2] = ["/usr/bin/cloud-init", "/etc/cloud/cloud.cfg"];

/// A file that could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is a disk in another format, or none.
    #[error("{path} is {format}, not a raw or qcow2 disk")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        format: &'static str,
    },
    /// It needs another file, which an import would have to trust its word for.
    #[error("{path} builds on another file ({backing}); flatten it with qemu-img convert first")]
    Backing {
        /// The file.
        path: PathBuf,
        /// What it builds on.
        backing: &'static str,
    },
    /// Converting failed.
    #[error("{path} can't be converted")]
    Convert {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: BuildError,
    },
    /// There is no system on it that a scan could read, so that nothing baked from it could ever be released.
    #[error("{path} is no disk to start from")]
    NoSystem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Unreadable,
    },
    /// A file could not be used.
    #[error("reading or writing {path} failed")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ImportError {
    /// Says what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoSystem { .. } => {
                "give a disk that a machine starts from, with its partition table and a root on ext4 or XFS: a distribution's cloud image, say"
            }
            Self::Convert { source: BuildError::Missing { .. }, .. } => {
                "qemu-img is in Debian's package qemu-utils: apt-get install qemu-utils; raw disks are imported without it"
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => "is the path right?",
            _ => "raw and qcow2 disks without a backing file are taken",
        }
    }
}

/// A disk that was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Its size: whole GiB, as on EC2.
    pub size_bytes: u64,
    /// Whether cloud-init is installed on it, which takes up user data: without, nothing can be baked from it.
    pub has_cloud_init: bool,
}

/// Makes a sparse raw disk at `disk` of a raw or qcow2 file.
///
/// # Errors
///
/// [`ImportError`]: another format, a qcow2 that builds on another file or can't be converted by `qemu-img`, a disk without
/// a root file system that can be read.
pub fn import(file: &Path, disk: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Imported, ImportError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| ImportError::Io { path, source }
    };
    let format = detect(file)?;
    let convert = |source| ImportError::Convert { path: file.to_owned(), source };
    let fresh = disk.with_extension("new");
    if format == RAW {
        copy_sparse(file, &fresh).map_err(io(file))?;
    } else {
        tool::require(&[("qemu-img", "qemu-utils")]).map_err(convert)?;
        // The formats are named: qemu-img guessing would let a raw disk pass itself off as a qcow2.
        let mut command = tool::command("qemu-img");
        command.args(["convert", "-f", format, "-O", "raw", "-S", "64k"]).arg(file).arg(&fresh);
        tool::run("converting the disk", &mut command, progress).map_err(convert)?;
    }
    let raw = File::options().write(true).open(&fresh).map_err(io(&fresh))?;
    let size_bytes = raw.metadata().map_err(io(&fresh))?.len().div_ceil(GIB).max(1) * GIB;
    raw.set_len(size_bytes).map_err(io(&fresh))?;
    let converted = FileSource::open(&fresh).map_err(io(&fresh))?;
    let converted: Arc<dyn BlockSource> = Arc::new(converted);
    can_read(converted.clone()).map_err(|source| ImportError::NoSystem { path: file.to_owned(), source })?;
    let has_cloud_init = open(&[converted]).tree.is_some_and(|tree| CLOUD_INIT.iter().any(|path| tree.exists(Path::new(path))));
    std::fs::rename(&fresh, disk).map_err(io(disk))?;
    Ok(Imported { size_bytes, has_cloud_init })
}

/// Copies a disk; blocks of zeros become holes.
fn copy_sparse(from: &Path, to: &Path) -> std::io::Result<()> {
    let (mut from, to) = (File::open(from)?, File::create(to)?);
    let (mut block, mut offset) = (vec![0; SPARSE_BLOCK], 0);
    loop {
        let mut read = 0;
        while read < block.len() {
            match from.read(&mut block[read..])? {
                0 => break,
                more => read += more,
            }
        }
        if read == 0 {
            return to.set_len(offset);
        }
        if block[..read].iter().any(|byte| *byte != 0) {
            to.write_all_at(&block[..read], offset)?;
        }
        offset += read as u64;
    }
}

/// Tells a disk's format by its first bytes.
fn detect(path: &Path) -> Result<&'static str, ImportError> {
    let io = |source| ImportError::Io { path: path.to_owned(), source };
    let mut start = Vec::new();
    File::open(path).map_err(io)?.take(512).read_to_end(&mut start).map_err(io)?;
    let other = |format| Err(ImportError::Format { path: path.to_owned(), format });
    match start.as_slice() {
        // Source: QEMU, docs/interop/qcow2.rst: magic, version, offset of the backing file's name.
        [b'Q', b'F', b'I', 0xfb, header @ ..] => {
            let backed = header.get(4..12).is_some_and(|offset| offset.iter().any(|byte| *byte != 0));
            if backed {
                return Err(ImportError::Backing { path: path.to_owned(), backing: "a backing file" });
            }
            // A data file would be opened by the name that the image gives: bit 2 of the incompatible features.
            let version_3 = header.get(..4) == Some(&[0, 0, 0, 3]);
            if version_3 && header.get(75).is_none_or(|features| features & 4 != 0) {
                return Err(ImportError::Backing { path: path.to_owned(), backing: "a data file" });
            }
            Ok("qcow2")
        }
        [b'K', b'D', b'M', b'V', ..] => other("a VMDK"),
        [b'v', b'h', b'd', b'x', ..] | [b'c', b'o', b'n', b'e', b'c', b't', b'i', b'x', ..] => other("a VHD"),
        [0x1f, 0x8b, ..] | [0xfd, b'7', b'z', b'X', b'Z', ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => other("compressed"),
        start if start.len() == 512 => Ok(RAW),
        _ => other("shorter than a sector"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::{disk_with, ext4};

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let mut qcow2 = vec![0; 512];
        qcow2[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        std::fs::write(&path, &qcow2).unwrap();
        assert_eq!(detect(&path).unwrap(), "qcow2");
        qcow2[15] = 9;
        std::fs::write(&path, &qcow2).unwrap();
        assert!(matches!(detect(&path), Err(ImportError::Backing { .. })));
        qcow2[15] = 0;
        qcow2[79] = 4;
        std::fs::write(&path, &qcow2).unwrap();
        assert!(matches!(detect(&path), Err(ImportError::Backing { .. })));
        std::fs::write(&path, vec![0; 1024]).unwrap();
        assert_eq!(detect(&path).unwrap(), "raw");
        for bad in [b"KDMV".as_slice(), b"vhdxfile", b"\x1f\x8b", b"", b"QFI\xfb\0\0\0\x03"] {
            std::fs::write(&path, bad).unwrap();
            assert!(detect(&path).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_no_machine_starts_from_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, disk) = (folder.path().join("notes.toml"), folder.path().join("disk"));
        for content in [vec![b'#'; 4096], ext4(&[("srv/data", "no system")]), disk_with(&[&vec![0; 1 << 20]])] {
            std::fs::write(&file, content).unwrap();
            let refusal = import(&file, &disk, &|_| {}).unwrap_err();
            assert!(matches!(refusal, ImportError::NoSystem { .. }) && refusal.hint().contains("partition table"), "{refusal}");
            assert!(!disk.exists());
        }
    }

    #[test]
    fn a_qcow2_becomes_a_raw_disk_of_whole_gib() {
        let folder = tempfile::tempdir().unwrap();
        let (raw, qcow2, disk) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        let system = disk_with(&[&ext4(&[("etc/os-release", "ID=debian\n")])]);
        std::fs::write(&raw, &system).unwrap();
        let made = std::process::Command::new("qemu-img").args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(&qcow2).status();
        assert!(made.unwrap().success());
        for source in [&raw, &qcow2] {
            assert_eq!(import(source, &disk, &|_| {}).unwrap(), Imported { size_bytes: GIB, has_cloud_init: false });
            let mut start = vec![0; 512];
            File::open(&disk).unwrap().read_exact(&mut start).unwrap();
            assert_eq!(start, system[..512]);
            use std::os::unix::fs::MetadataExt as _;
            assert!(std::fs::metadata(&disk).unwrap().blocks() * 512 < GIB / 4, "it is sparse");
        }
    }
}
