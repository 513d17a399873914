//! A disk in a local file, raw or qcow2: told by its content and never by its name.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::FileSource;
use super::qcow2::{Qcow2, Qcow2Error};
use super::source::{BlockSource, SourceError};

/// Files that one disk is read from, each holding what differs from the next.
const MOST_LAYERS: usize = 16;

/// Whether other files may be opened because an image names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackingFiles {
    /// None is.
    Refused,
    /// Those on this machine are: whoever made the image chooses which of the user's files are read.
    Allowed,
}

/// A local disk.
pub struct LocalDisk {
    /// What it holds.
    pub source: Arc<dyn BlockSource>,
    /// Why what is read may be damaged, by the image's own account; lowercase fragments.
    pub doubts: Vec<String>,
    /// Files that are shorter than they should be by their own account; lowercase fragments.
    pub cut_off: Vec<String>,
}

/// Says why a local disk can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The file can't be opened.
    #[error("{} can't be opened", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is neither a file nor a block device, but a pipe, a socket or a terminal: to open it would wait for ever.
    #[error("{} is no disk: neither a file nor a block device", path.display())]
    Kind {
        /// Which.
        path: PathBuf,
    },
    /// Its beginning can't be read.
    #[error("{} can't be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// It is no raw disk, but of a format that isn't read.
    #[error("{} is {format}, which can't be read; {}", path.display(), what_helps(format))]
    Format {
        /// Which.
        path: PathBuf,
        /// What it is, with its article.
        format: &'static str,
    },
    /// It holds nothing.
    #[error("{} is empty", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// It is a qcow2 image that can't be read, or may not be.
    #[error("{} can't be read", path.display())]
    Qcow2 {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Qcow2Error,
    },
    /// It names a file that is on no disk of this machine, or too many of them.
    #[error("{} needs {name:?}: {why}", path.display())]
    Backing {
        /// Which.
        path: PathBuf,
        /// The file that it names.
        name: String,
        /// Why that one isn't opened.
        why: &'static str,
    },
}

fn what_helps(format: &str) -> &'static str {
    let is_packed = format.starts_with("compressed") || format.ends_with("archive");
    if is_packed { "unpack it first" } else { "convert it, for instance with `qemu-img convert -O raw`" }
}

/// Formats that a raw disk does not begin with: name, offset in bytes, bytes.
///
/// Source: QEMU, block/ (each format's probe), and the formats' own specifications.
const FOREIGN: &[(&str, usize, &[u8])] = &[
    ("a VMDK image", 0, b"KDMV"),
    ("a VMDK image", 0, b"COWD"),
    ("a VMDK image", 0, b"# Disk DescriptorFile"),
    ("a VHDX image", 0, b"vhdxfile"),
    ("a VHD image", 0, b"conectix"),
    ("a VDI image", 64, &[0x7f, 0x10, 0xda, 0xbe]),
    ("a QED image", 0, b"QED\0"),
    ("a Parallels image", 0, b"WithoutFreeSpace"),
    ("a Parallels image", 0, b"WithouFreSpacExt"),
    ("compressed by gzip", 0, &[0x1f, 0x8b]),
    ("compressed by xz", 0, b"\xfd7zXZ\0"),
    ("compressed by Zstandard", 0, &[0x28, 0xb5, 0x2f, 0xfd]),
    ("compressed by bzip2", 0, b"BZh"),
    ("a ZIP archive", 0, b"PK\x03\x04"),
    ("a tar archive", 257, b"ustar"),
];

/// Opens a disk in a local file.
///
/// # Errors
///
/// [`LocalError`].
pub fn open_local(path: &Path, backing: BackingFiles) -> Result<LocalDisk, LocalError> {
    let mut told = Told::default();
    let source = open_layer(path, backing, None, MOST_LAYERS, &mut told)?;
    Ok(LocalDisk { source, doubts: told.doubts, cut_off: told.cut_off })
}

/// What files say of themselves.
#[derive(Default)]
struct Told {
    doubts: Vec<String>,
    cut_off: Vec<String>,
}

/// Opens a file of a known format, or of the one that it tells itself.
fn open_layer(
    path: &Path,
    backing: BackingFiles,
    format: Option<&str>,
    layers: usize,
    told: &mut Told,
) -> Result<Arc<dyn BlockSource>, LocalError> {
    let open = |source| LocalError::Open { path: path.to_owned(), source };
    let kind = std::fs::metadata(path).map_err(open)?.file_type();
    if !kind.is_file() && !kind.is_block_device() && !kind.is_dir() {
        return Err(LocalError::Kind { path: path.to_owned() });
    }
    let file = FileSource::open(path).map_err(open)?;
    let file: Arc<dyn BlockSource> = Arc::new(file);
    // A raw disk's beginning is its guest's, who must not choose what it is taken for.
    if format == Some("raw") {
        return Ok(file);
    }
    let mut head = vec![0; file.size_bytes().min(512) as usize];
    file.read_at(0, &mut head).map_err(|source| LocalError::Read { path: path.to_owned(), source })?;
    if !Qcow2::is_magic(&head) {
        let foreign = FOREIGN.iter().find(|(_, offset, magic)| head.get(*offset..).is_some_and(|rest| rest.starts_with(magic)));
        return match foreign {
            Some((format, ..)) => Err(LocalError::Format { path: path.to_owned(), format }),
            None if file.size_bytes() == 0 => Err(LocalError::Empty { path: path.to_owned() }),
            None => Ok(file),
        };
    }
    let failed = |source| LocalError::Qcow2 { path: path.to_owned(), source };
    let disk = match Qcow2::open(Arc::clone(&file)) {
        Err(Qcow2Error::BackingFile { name, format }) if backing == BackingFiles::Allowed => {
            let place = backing_place(path, &name, layers)?;
            let below = open_layer(&place, backing, format.as_deref(), layers - 1, told)?;
            Qcow2::open_over(file, below)
        }
        opened => opened,
    };
    let disk = disk.map_err(failed)?;
    told.doubts.extend(disk.doubt().map(|why| format!("{}: {why}", path.display())));
    told.cut_off.extend(disk.shortfall().map(|why| format!("{} is cut off: {why}", path.display())));
    Ok(Arc::new(disk))
}

/// A relative name is meant from the image's own folder.
fn backing_place(path: &Path, name: &str, layers: usize) -> Result<PathBuf, LocalError> {
    let refused = |why| Err(LocalError::Backing { path: path.to_owned(), name: name.to_owned(), why });
    // As QEMU tells protocols from paths: a colon before any slash.
    let local = name.strip_prefix("file:").unwrap_or(name);
    if local.find(':').is_some_and(|colon| local.find('/').is_none_or(|slash| colon < slash)) {
        return refused("only files of this machine are opened");
    }
    if layers <= 1 {
        return refused("too many files lie over each other");
    }
    Ok(path.parent().unwrap_or(Path::new(".")).join(local))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::run;
    use super::*;

    fn qemu_img(arguments: &[&str]) {
        run("qemu-img", "qemu-utils", arguments, "");
    }

    fn first_bytes(disk: &LocalDisk) -> [u8; 4] {
        let mut bytes = [0; 4];
        disk.source.read_at(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn raw_and_qcow2_are_told_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("raw"), [b"disk".as_slice(), &[0; 4092]].concat()).unwrap();
        let (raw, image) = (path("raw"), path("misnamed.raw"));
        qemu_img(&["convert", "-f", "raw", "-O", "qcow2", raw.to_str().unwrap(), image.to_str().unwrap()]);
        for path in [raw, image] {
            let disk = open_local(&path, BackingFiles::Refused).unwrap();
            assert_eq!((first_bytes(&disk), disk.source.size_bytes(), disk.doubts.len()), (*b"disk", 4096, 0));
        }
        assert!(matches!(open_local(&path("none"), BackingFiles::Refused), Err(LocalError::Open { .. })));
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).unwrap();
        for pipe in [path("pipe"), PathBuf::from("/dev/null")] {
            assert!(matches!(open_local(&pipe, BackingFiles::Refused), Err(LocalError::Kind { .. })), "{}", pipe.display());
        }
    }

    #[test]
    fn other_formats_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for (format, name) in
            [("vmdk", "VMDK"), ("vdi", "VDI"), ("vhdx", "VHDX"), ("vpc", "VHD"), ("qed", "QED"), ("parallels", "Parallels")]
        {
            let path = folder.path().join(format);
            qemu_img(&["create", "-q", "-f", format, path.to_str().unwrap(), "8M"]);
            let error = open_local(&path, BackingFiles::Refused).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn backing_files_are_opened_where_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        // The guest wrote it, and it must stay raw.
        fs::write(path("raw"), [b"QFI\xfb".as_slice(), &[0; 4092]].concat()).unwrap();
        for (name, below, format) in [("middle", "raw", "raw"), ("top", "middle", "qcow2")] {
            qemu_img(&["create", "-q", "-f", "qcow2", "-b", below, "-F", format, path(name).to_str().unwrap()]);
        }
        let refusal = open_local(&path("top"), BackingFiles::Refused).map(|_| ()).unwrap_err();
        assert!(matches!(&refusal, LocalError::Qcow2 { source: Qcow2Error::BackingFile { name, .. }, .. } if name == "middle"));
        assert_eq!(first_bytes(&open_local(&path("top"), BackingFiles::Allowed).unwrap()), *b"QFI\xfb");
    }

    #[test]
    fn circles_and_the_network_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        for (backing, word) in [("image", "too many"), ("nbd://host/export", "this machine"), ("json:{}", "this machine")] {
            qemu_img(&["create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", "qcow2", image.to_str().unwrap(), "1M"]);
            let refusal = open_local(&image, BackingFiles::Allowed).map(|_| ()).unwrap_err();
            assert!(refusal.to_string().contains(word), "{refusal}");
        }
    }
}
