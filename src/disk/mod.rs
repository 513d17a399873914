//! Disks: bytes in, partitions, file systems and one file tree out.
//!
//! Reading is synchronous and does no I/O of its own beyond the [`BlockSource`] that it is given, so
//! the same code reads a local file, a snapshot through EBS direct, or bytes made by a test. All bytes
//! are hostile: nothing is allocated by an unchecked length and nothing is followed without a limit.

mod acl;
mod bytes;
mod cached;
mod content;
mod empty;
mod ext4;
mod fat;
mod fault;
mod file;
mod folder;
mod fstab;
mod image;
mod inodes;
mod local;
mod lvm;
mod partition;
mod qcow2;
mod raw;
mod recent;
mod source;
mod tree;
mod unallocated;
mod xfs;

#[cfg(test)]
pub(crate) mod testing;

pub use cached::{CacheLimits, Cached, Fetch};
pub use content::{Content, recognise};
pub use ext4::Ext4;
pub use fat::Fat;
pub use file::FileSource;
pub use folder::Folder;
pub(crate) use image::OS_RELEASE;
pub use image::{DiskImage, Readable, Unreadable, Volume, VolumeState, can_read, open};
pub use local::{BackingFiles, LocalDisk, LocalError, open_local};
pub use partition::{Partition, PartitionTable, Shortfall, TableKind, partitions};
pub use qcow2::{Qcow2, Qcow2Error};
pub use source::{BlockSource, Part, SourceError};
pub use tree::{Attributes, DirectoryEntry, FileKind, FileSystem, FileTree, FoundMetadata, Metadata, READ_TOGETHER, TreeError};
pub use unallocated::{Space, Stretch};
pub use xfs::Xfs;
