//! The header: sizes, features, and which other files an image needs.
//!
//! Source: <https://www.qemu.org/docs/master/interop/qcow2.html>

use super::super::bytes::Bytes;
use super::super::source::{BlockSource, SourceError};
use super::compression::Compression;

pub(super) const MAGIC: [u8; 4] = *b"QFI\xfb";

/// The largest table of the first level that QEMU opens.
const MOST_L1_BYTES: u64 = 32 << 20;

/// The longest name of another file.
const MOST_NAME_BYTES: usize = 1023;

/// Extensions looked at.
const MOST_EXTENSIONS: usize = 64;

const INCOMPATIBLE_DIRTY: u64 = 1 << 0;
const INCOMPATIBLE_CORRUPT: u64 = 1 << 1;
const INCOMPATIBLE_EXTERNAL_DATA: u64 = 1 << 2;
const INCOMPATIBLE_COMPRESSION: u64 = 1 << 3;
const INCOMPATIBLE_EXTENDED_L2: u64 = 1 << 4;
const INCOMPATIBLE_KNOWN: u64 = (1 << 5) - 1;

const EXTENSION_END: u32 = 0;
const EXTENSION_BACKING_FORMAT: u32 = 0xe279_2aca;
const EXTENSION_FEATURE_NAMES: u32 = 0x6803_f857;
const EXTENSION_EXTERNAL_DATA: u32 = 0x4441_5441;

/// A row of the table of feature names: type, bit, name.
const FEATURE_NAME_BYTES: usize = 48;

/// Says why a qcow2 image can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum Qcow2Error {
    /// It contradicts itself or is cut off.
    #[error("the qcow2 image is damaged: {why}")]
    Damaged {
        /// What is wrong; a lowercase fragment.
        why: String,
    },
    /// It uses what isn't read here.
    #[error("the qcow2 image uses {what}, which can't be read")]
    Unsupported {
        /// What.
        what: String,
    },
    /// It is encrypted.
    #[error("the qcow2 image is encrypted by {method}")]
    Encrypted {
        /// By what.
        method: &'static str,
    },
    /// It holds only what differs from another image.
    #[error("the qcow2 image holds only what differs from its backing file {name:?}")]
    BackingFile {
        /// The other image, as it is named there: usually a path, relative to the image's own folder.
        name: String,
        /// Its format; none where that is not told.
        format: Option<String>,
    },
    /// Its content lies in another file.
    #[error("the qcow2 image keeps its content in another file, {name:?}")]
    ExternalData {
        /// The other file, as it is named there; empty where it isn't.
        name: String,
    },
    /// Its bytes can't be had.
    #[error("the qcow2 image can't be read")]
    Source {
        /// Why.
        #[from]
        source: SourceError,
    },
}

pub(super) fn damaged(why: impl Into<String>) -> Qcow2Error {
    Qcow2Error::Damaged { why: why.into() }
}

/// What an image's header tells.
#[derive(Debug)]
pub(super) struct Header {
    pub size_bytes: u64,
    pub cluster_bits: u32,
    pub l1_offset: u64,
    pub l1_entries: u32,
    pub has_subclusters: bool,
    /// Version 2 has no clusters that only read as zeros.
    pub has_zero_clusters: bool,
    pub compression: Compression,
    pub is_dirty: bool,
    pub is_corrupt: bool,
    pub refcount_table_offset: u64,
    pub refcount_table_clusters: u32,
    /// log2 of the bits of a reference count.
    pub refcount_order: u32,
    pub backing_file: Option<String>,
    pub backing_format: Option<String>,
}

impl Header {
    /// Reads and checks the header of an image.
    pub fn read(image: &dyn BlockSource) -> Result<Self, Qcow2Error> {
        // Extensions and names end with the first cluster, of which the smallest part is enough.
        let mut head = vec![0; image.size_bytes().min(64 << 10) as usize];
        image.read_at(0, &mut head)?;
        let at = Bytes(&head);
        let header = Self::parse(at).ok_or_else(|| damaged("its header is cut off"))??;
        header.check(image.size_bytes())?;
        Ok(header)
    }

    /// None when the bytes are too few.
    fn parse(at: Bytes<'_>) -> Option<Result<Self, Qcow2Error>> {
        if at.slice(0, 4)? != MAGIC {
            return Some(Err(damaged("it has no magic number")));
        }
        let version = at.u32(4)?;
        let (features, header_bytes) = match version {
            2 => (0, 72),
            3 => (at.u64(72)?, at.u32(100)?),
            _ => return Some(Err(Qcow2Error::Unsupported { what: format!("version {version}") })),
        };
        let cluster_bits = at.u32(20)?;
        if !(9..=21).contains(&cluster_bits) {
            return Some(Err(damaged(format!("it claims clusters of 2^{cluster_bits} bytes"))));
        }
        if version == 3 && (header_bytes < 104 || header_bytes % 8 != 0 || header_bytes as usize > at.0.len()) {
            return Some(Err(damaged(format!("it claims a header of {header_bytes} bytes"))));
        }
        let extensions = Extensions::parse(at, header_bytes as usize, 1 << cluster_bits);
        if let Err(error) = refuse(features, at.u32(32)?, &extensions) {
            return Some(Err(error));
        }
        let compression_type = if version == 3 && header_bytes > 104 { at.u8(104)? } else { 0 };
        let compression = match (compression_type, features & INCOMPATIBLE_COMPRESSION != 0) {
            (0, false) => Compression::Deflate,
            (1, true) => Compression::Zstandard,
            (kind, _) => return Some(Err(Qcow2Error::Unsupported { what: format!("compression of type {kind}") })),
        };
        let backing_file = match (at.u64(8)?, at.u32(16)? as usize) {
            (0, _) => None,
            (offset, length) => {
                match usize::try_from(offset).ok().filter(|_| length <= MOST_NAME_BYTES).and_then(|o| at.slice(o, length)) {
                    Some(name) => Some(text(name)),
                    None => return Some(Err(damaged("the name of its backing file does not lie in its header"))),
                }
            }
        };
        let refcount_order = if version == 3 { at.u32(96)? } else { 4 };
        if refcount_order > 6 {
            return Some(Err(damaged(format!("it claims reference counts of 2^{refcount_order} bits"))));
        }
        Some(Ok(Self {
            size_bytes: at.u64(24)?,
            refcount_table_offset: at.u64(48)?,
            refcount_table_clusters: at.u32(56)?,
            refcount_order,
            cluster_bits,
            l1_offset: at.u64(40)?,
            l1_entries: at.u32(36)?,
            has_subclusters: features & INCOMPATIBLE_EXTENDED_L2 != 0,
            has_zero_clusters: version == 3,
            compression,
            is_dirty: features & INCOMPATIBLE_DIRTY != 0,
            is_corrupt: features & INCOMPATIBLE_CORRUPT != 0,
            backing_file,
            backing_format: extensions.backing_format,
        }))
    }

    fn check(&self, image_bytes: u64) -> Result<(), Qcow2Error> {
        if self.has_subclusters && self.cluster_bits < 14 {
            return Err(damaged(format!("it claims subclusters in clusters of {} bytes", self.cluster_size())));
        }
        let l1_bytes = u64::from(self.l1_entries) * 8;
        let end = self.l1_offset.checked_add(l1_bytes);
        if let Some(end) = end.filter(|end| l1_bytes <= MOST_L1_BYTES && *end > image_bytes) {
            return Err(damaged(format!("its file is cut off: it has {image_bytes} bytes, and a table in it ends at byte {end}")));
        }
        if l1_bytes > MOST_L1_BYTES || end.is_none() || !self.l1_offset.is_multiple_of(self.cluster_size() as u64) {
            return Err(damaged(format!("it claims a table of {} entries at byte {}", self.l1_entries, self.l1_offset)));
        }
        // i64::MAX is the largest file that Linux has, and keeps sums from overflowing.
        let covered = u128::from(self.l1_entries) << (self.cluster_bits + self.l2_entries_log());
        if self.size_bytes > i64::MAX as u64 || u128::from(self.size_bytes) > covered {
            return Err(damaged(format!("its tables do not cover its {} bytes", self.size_bytes)));
        }
        Ok(())
    }

    /// Bytes of a cluster: at most 2 MiB.
    pub fn cluster_size(&self) -> usize {
        1 << self.cluster_bits
    }

    /// log2 of the entries in a table of the second level, which fills a cluster.
    pub fn l2_entries_log(&self) -> u32 {
        self.cluster_bits - if self.has_subclusters { 4 } else { 3 }
    }
}

/// Refuses what can't be read, by name.
fn refuse(features: u64, encryption: u32, extensions: &Extensions) -> Result<(), Qcow2Error> {
    let unknown = features & !INCOMPATIBLE_KNOWN;
    if unknown != 0 {
        let bit = unknown.trailing_zeros();
        let name = extensions.incompatible.iter().find(|(known, _)| u32::from(*known) == bit).map(|(_, name)| name);
        let what = name.map_or_else(|| format!("incompatible feature bit {bit}"), |name| format!("the incompatible feature {name:?}"));
        return Err(Qcow2Error::Unsupported { what });
    }
    if features & INCOMPATIBLE_EXTERNAL_DATA != 0 {
        return Err(Qcow2Error::ExternalData { name: extensions.external_data.clone().unwrap_or_default() });
    }
    match encryption {
        0 => Ok(()),
        1 => Err(Qcow2Error::Encrypted { method: "AES" }),
        2 => Err(Qcow2Error::Encrypted { method: "LUKS" }),
        other => Err(Qcow2Error::Unsupported { what: format!("encryption of type {other}") }),
    }
}

#[derive(Debug, Default)]
struct Extensions {
    backing_format: Option<String>,
    external_data: Option<String>,
    /// Bit and name.
    incompatible: Vec<(u8, String)>,
}

impl Extensions {
    /// Takes what can be taken: nothing here decides what is read, only what is said.
    fn parse(at: Bytes<'_>, start: usize, cluster_size: usize) -> Self {
        let mut found = Self::default();
        let mut position = start;
        for _ in 0..MOST_EXTENSIONS {
            let Some((kind, length)) = at.u32(position).zip(at.u32(position + 4)) else { break };
            let Some(data) = at.slice(position + 8, length as usize).filter(|_| position < cluster_size && kind != EXTENSION_END) else {
                break;
            };
            match kind {
                EXTENSION_BACKING_FORMAT => found.backing_format = Some(text(data)),
                EXTENSION_EXTERNAL_DATA => found.external_data = Some(text(data)),
                EXTENSION_FEATURE_NAMES => {
                    let rows = data.chunks_exact(FEATURE_NAME_BYTES).filter(|row| row[0] == 0);
                    found.incompatible = rows.map(|row| (row[1], text(&row[2..]))).collect();
                }
                _ => {}
            }
            // The slice was there, so that this does not overflow.
            position += 8 + (length as usize).next_multiple_of(8);
        }
        found
    }
}

fn text(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MOST_NAME_BYTES)];
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
