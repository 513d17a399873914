//! The boot sector: the numbers that all else is computed from, checked against each other.
//!
//! Source: fatgen103, "Boot Sector and BPB"; Linux, fs/fat/inode.c (`fat_read_bpb`, `fat_fill_super`), whose
//! reading is taken where others differ.

use std::ops::Range;

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};

/// What is read of it.
pub(super) const BOOT_SECTOR_BYTES: usize = 512;

/// FAT12 has fewer clusters than this.
const LEAST_FAT16_CLUSTERS: u64 = 4085;

/// Tables number clusters from here.
pub(super) const FIRST_CLUSTER: u64 = 2;

/// How many bits a table has for a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// Where the root directory lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Root {
    /// In a place of its own, in bytes.
    Region(Range<u64>),
    /// In clusters, as others do.
    Cluster(u32),
}

/// A file system's shape.
#[derive(Debug)]
pub(super) struct Geometry {
    pub width: Width,
    pub cluster_bytes: u32,
    /// The first table, in bytes.
    pub table: Range<u64>,
    pub root: Root,
    /// Where the first cluster begins, in bytes.
    data_start: u64,
    /// Clusters that are there and that the table can tell of.
    pub clusters: u64,
    /// Its serial number as udev writes it: `1A2B-3C4D`.
    pub uuid: String,
    /// As it was named when it was made; empty without one.
    pub label: String,
}

/// The fields as they stand there.
struct Fields {
    sector_bytes: u64,
    cluster_sectors: u64,
    reserved_sectors: u64,
    tables: u64,
    root_entries: u64,
    sectors: u64,
    table_sectors: u64,
    is_fat32: bool,
    /// FAT32: which table is in use, if they are not all the same.
    flags: u16,
    root_cluster: u32,
}

/// Tells whether a sector begins with the jump that boot sectors begin with.
pub(super) fn begins_with_jump(sector: &[u8]) -> bool {
    matches!(sector, [0xeb, _, 0x90, ..] | [0xe9, ..])
}

impl Geometry {
    /// Takes a boot sector apart.
    pub fn parse(sector: &[u8], source_bytes: u64) -> Result<Self, Fault> {
        let at = Bytes(sector);
        let fields = Fields::parse(at).ok_or_else(|| cut_off("its boot sector"))?;
        fields.check(source_bytes)?;
        // All are products of numbers of 32 bits at most, so that nothing overflows.
        let bytes = |sectors: u64| sectors * fields.sector_bytes;
        let table_start = bytes(fields.reserved_sectors);
        let root_start = table_start + bytes(fields.tables * fields.table_sectors);
        let root_sectors = (fields.root_entries * 32).div_ceil(fields.sector_bytes);
        let data_start = root_start + bytes(root_sectors);
        let cluster_bytes = bytes(fields.cluster_sectors);
        let clusters = bytes(fields.sectors).checked_sub(data_start).map(|data| data / cluster_bytes).filter(|clusters| *clusters > 0);
        let clusters = clusters.ok_or_else(|| Fault::damaged("its tables leave no room for files"))?;
        let width = match fields.is_fat32 {
            true => Width::Fat32,
            false if clusters < LEAST_FAT16_CLUSTERS => Width::Fat12,
            false => Width::Fat16,
        };
        let table_bytes = bytes(fields.table_sectors);
        let capacity = table_bytes * 8 / width.bits();
        let root = match fields.is_fat32 {
            true => Root::Cluster(fields.root_cluster),
            false => Root::Region(root_start..root_start + fields.root_entries * 32),
        };
        let (serial, label) = if fields.is_fat32 { (67, 71) } else { (39, 43) };
        let serial = at.u32_le(serial).unwrap_or_default();
        let label = String::from_utf8_lossy(at.slice(label, 11).unwrap_or_default()).trim_end().to_owned();
        Ok(Self {
            width,
            cluster_bytes: u32::try_from(cluster_bytes).map_err(|_| Fault::damaged("its clusters are too large"))?,
            table: table_start..table_start + table_bytes,
            root,
            data_start,
            clusters: clusters.min(capacity.saturating_sub(FIRST_CLUSTER)),
            uuid: format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff),
            label: if label == "NO NAME" { String::new() } else { label },
        })
    }

    /// Returns where a run of clusters begins, in bytes, if all of it is there.
    pub fn place(&self, first: u64, count: u64) -> Result<u64, Fault> {
        let is_there = first >= FIRST_CLUSTER && first.checked_add(count).is_some_and(|end| end <= self.clusters + FIRST_CLUSTER);
        if !is_there {
            return Err(Fault::damaged(format!("it refers to {count} clusters from {first} on, which are not there")));
        }
        Ok(self.data_start + (first - FIRST_CLUSTER) * u64::from(self.cluster_bytes))
    }

    /// Returns where the last cluster ends, in bytes.
    pub fn end(&self) -> u64 {
        self.data_start + self.clusters * u64::from(self.cluster_bytes)
    }
}

impl Width {
    pub fn bits(self) -> u64 {
        match self {
            Self::Fat12 => 12,
            Self::Fat16 => 16,
            Self::Fat32 => 32,
        }
    }
}

impl Fields {
    /// None when the bytes are too few.
    fn parse(at: Bytes<'_>) -> Option<Self> {
        let (sectors, table_sectors) = (at.u16_le(19)?, at.u16_le(22)?);
        // As Linux has it; by the number of clusters alone, small FAT32 would be taken for FAT16.
        let is_fat32 = table_sectors == 0;
        Some(Self {
            sector_bytes: at.u16_le(11)?.into(),
            cluster_sectors: at.u8(13)?.into(),
            reserved_sectors: at.u16_le(14)?.into(),
            tables: at.u8(16)?.into(),
            root_entries: if is_fat32 { 0 } else { at.u16_le(17)?.into() },
            sectors: if sectors == 0 { at.u32_le(32)?.into() } else { sectors.into() },
            table_sectors: if is_fat32 { at.u32_le(36)?.into() } else { table_sectors.into() },
            is_fat32,
            flags: if is_fat32 { at.u16_le(40)? } else { 0 },
            root_cluster: at.u32_le(44)?,
        })
    }

    fn check(&self, source_bytes: u64) -> Result<(), Fault> {
        let Self { sector_bytes, cluster_sectors, reserved_sectors, tables, table_sectors, sectors, .. } = *self;
        if !(512..=4096).contains(&sector_bytes) || !sector_bytes.is_power_of_two() {
            return Err(Fault::damaged(format!("it claims sectors of {sector_bytes} bytes")));
        }
        if !cluster_sectors.is_power_of_two() {
            return Err(Fault::damaged(format!("it claims clusters of {cluster_sectors} sectors")));
        }
        if reserved_sectors == 0 || tables == 0 || table_sectors == 0 {
            return Err(Fault::damaged(format!("it claims {tables} tables of {table_sectors} sectors from sector {reserved_sectors} on")));
        }
        if sectors * sector_bytes > source_bytes {
            return Err(Fault::damaged(format!("it claims {sectors} sectors of {sector_bytes} bytes, more than its partition holds")));
        }
        // Linux reads the first table whatever stands here; what another one tells would go unseen.
        if self.flags & 0x80 != 0 && self.flags & 0xf != 0 {
            return Err(Fault::damaged(format!("only its table {} is in use, which Linux doesn't read", self.flags & 0xf)));
        }
        Ok(())
    }
}
