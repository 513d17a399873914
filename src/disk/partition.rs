//! Partition tables: GPT, MBR with logical partitions, or none.

use std::collections::BTreeSet;
use std::fmt;

use super::source::{BlockSource, SourceError};

/// What kind of table a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// A GUID partition table.
    Gpt,
    /// A DOS table.
    Mbr,
    /// None: the disk is one file system, or nothing known.
    None,
}

/// A disk's partitions, with what is wrong with their table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionTable {
    /// The table's kind.
    pub kind: TableKind,
    /// By number. A disk without a table counts as one partition, number 0.
    pub partitions: Vec<Partition>,
    /// Damages that were worked around, and entries that could not be used; lowercase fragments.
    pub faults: Vec<String>,
    /// How much of the disk is missing at its end, if the table tells of more than there is.
    pub shortfall: Option<Shortfall>,
}

/// What a disk lacks that ends before its table does, such as a file that was copied in part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// How much, in bytes.
    pub missing_bytes: u64,
    /// Partitions that reach into it, and are left out.
    pub partitions: Vec<u32>,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is {} bytes shorter than its partition table says", self.missing_bytes)?;
        for (index, number) in self.partitions.iter().enumerate() {
            write!(f, "{}{number}", if index == 0 { ", which cuts off partition " } else { ", " })?;
        }
        Ok(())
    }
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number, from 1; 0 for a disk without a table.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start_bytes: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its GPT type, as a lower-case UUID, or its MBR type as two hexadecimal digits; empty without a table.
    pub kind: String,
    /// Its unique id (`PARTUUID` on Linux); empty without a GPT.
    pub uuid: String,
    /// Its GPT name; empty without one.
    pub name: String,
}

impl Partition {
    /// Tells whether the partition holds boot code by its type, without a file system: the BIOS boot
    /// partition of GRUB, or PReP.
    ///
    /// Source: <https://uapi-group.org/specifications/specs/discoverable_partitions_specification/> and
    /// <https://www.gnu.org/software/grub/manual/grub/html_node/BIOS-installation.html>
    pub fn is_boot_code(&self) -> bool {
        matches!(self.kind.as_str(), "21686148-6449-6e6f-744e-656564454649" | "9e1a2d38-c612-4316-aa26-8b49521e5a8b" | "41")
    }

    /// Tells whether firmware looks for its loader there, whether or not a system mounts it.
    ///
    /// Source: UEFI Specification 2.10, §5.2.2 and §5.3.3.
    pub fn is_efi_system(&self) -> bool {
        matches!(self.kind.as_str(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" | "ef")
    }
}

/// Sector sizes that tables are looked for at.
const SECTOR_SIZES: [u64; 2] = [512, 4096];

/// Linux names no more partitions than this by GPT entry.
const MOST_ENTRIES: u32 = 4096;

/// Logical partitions followed in an extended one before it is called damaged.
const MOST_LOGICAL: usize = 128;

/// Reads a disk's partition table.
///
/// A GPT is read from its primary header, or from its backup when that one is damaged; the fault is
/// told. Entries that do not lie in the disk are left out and told, and how much of the disk is missing.
///
/// # Errors
///
/// [`SourceError`] when the sectors of the table can't be read.
pub fn partitions(source: &dyn BlockSource) -> Result<PartitionTable, SourceError> {
    let whole = |faults| PartitionTable {
        kind: TableKind::None,
        partitions: vec![Partition {
            number: 0,
            start_bytes: 0,
            size_bytes: source.size_bytes(),
            kind: String::new(),
            uuid: String::new(),
            name: String::new(),
        }],
        faults,
        shortfall: None,
    };
    if source.size_bytes() < 2 * 512 {
        return Ok(whole(Vec::new()));
    }
    if let Some(table) = read_gpt(source)? {
        return Ok(table);
    }
    let mut sector = [0; 512];
    source.read_at(0, &mut sector)?;
    let Some(entries) = mbr_entries(&sector) else { return Ok(whole(Vec::new())) };
    // A protective MBR without a GPT: neither the table nor a bare file system can be trusted.
    if entries.iter().any(|entry| entry.kind == 0xee) {
        let faults = vec!["the disk has a protective MBR but neither GPT header is whole".to_owned()];
        return Ok(PartitionTable::new(TableKind::Gpt, faults));
    }
    read_mbr(source, &entries)
}

impl PartitionTable {
    fn new(kind: TableKind, faults: Vec<String>) -> Self {
        Self { kind, partitions: Vec::new(), faults, shortfall: None }
    }

    /// Takes what the table says of a place (in bytes) up to which there is a disk.
    fn reaches(&mut self, end: u64, disk_bytes: u64, partition: Option<u32>) {
        if end <= disk_bytes {
            return;
        }
        let shortfall = self.shortfall.get_or_insert_default();
        shortfall.missing_bytes = shortfall.missing_bytes.max(end - disk_bytes);
        shortfall.partitions.extend(partition);
    }
}

// --- GPT. Source: UEFI Specification 2.10, §5.3.

struct GptHeader {
    my_lba: u64,
    /// Where the other copy lies: of the first one, the disk's end.
    other_lba: u64,
    entries_lba: u64,
    entry_count: u32,
    entry_size: u32,
    entries_crc: u32,
}

fn read_gpt(source: &dyn BlockSource) -> Result<Option<PartitionTable>, SourceError> {
    let mut damaged = Vec::new();
    for sector_size in SECTOR_SIZES {
        let last_lba = (source.size_bytes() / sector_size).saturating_sub(1);
        let primary = read_gpt_side(source, sector_size, 1)?;
        if let Side::Absent = primary
            && sector_size != 512
        {
            continue;
        }
        let backup = read_gpt_side(source, sector_size, last_lba)?;
        let (entries, faults) = match (primary, backup) {
            (Side::Whole(entries), Side::Whole(backup)) if entries.are_those_of(&backup) => (entries, Vec::new()),
            (Side::Whole(entries), Side::Whole(_)) => (entries, vec!["the GPT's two copies differ; the first was used".to_owned()]),
            // An image grown to a larger volume keeps its backup where the old end was: common and harmless.
            (Side::Whole(entries), Side::Absent) => (entries, Vec::new()),
            (Side::Whole(entries), Side::Damaged(why)) => (entries, vec![format!("the GPT's backup is damaged: {why}")]),
            (Side::Damaged(why), Side::Whole(entries)) => {
                (entries, vec![format!("the GPT's first copy is damaged ({why}); its backup was used")])
            }
            (Side::Absent, Side::Whole(entries)) => (entries, vec!["the GPT's first copy is gone; its backup was used".to_owned()]),
            (Side::Damaged(why), _) | (Side::Absent, Side::Damaged(why)) => {
                damaged.push(why);
                continue;
            }
            (Side::Absent, Side::Absent) => continue,
        };
        return Ok(Some(gpt_table(&entries, sector_size, source.size_bytes(), faults)));
    }
    let Some(why) = damaged.into_iter().next() else { return Ok(None) };
    let faults = vec![format!("the GPT is damaged and has no usable backup: {why}")];
    Ok(Some(PartitionTable::new(TableKind::Gpt, faults)))
}

enum Side {
    Absent,
    Damaged(String),
    /// The raw entries: their size and bytes.
    Whole(GptEntries),
}

struct GptEntries {
    entry_size: usize,
    bytes: Vec<u8>,
    /// The last sector that either copy says there is.
    last_lba: u64,
}

impl GptEntries {
    fn are_those_of(&self, other: &Self) -> bool {
        (self.entry_size, &self.bytes) == (other.entry_size, &other.bytes)
    }
}

fn read_gpt_side(source: &dyn BlockSource, sector_size: u64, lba: u64) -> Result<Side, SourceError> {
    let size = source.size_bytes();
    let Some(offset) = lba.checked_mul(sector_size).filter(|offset| *offset > 0 && offset + sector_size <= size) else {
        return Ok(Side::Absent);
    };
    let mut sector = vec![0; sector_size as usize];
    source.read_at(offset, &mut sector)?;
    if !sector.starts_with(b"EFI PART") {
        return Ok(Side::Absent);
    }
    let header = match parse_gpt_header(&mut sector, lba) {
        Ok(header) => header,
        Err(why) => return Ok(Side::Damaged(why)),
    };
    let length = u64::from(header.entry_count) * u64::from(header.entry_size);
    let start = header.entries_lba.checked_mul(sector_size);
    let Some(start) = start.filter(|start| start.checked_add(length).is_some_and(|end| end <= size)) else {
        return Ok(Side::Damaged("its entries lie outside the disk".to_owned()));
    };
    // At most 4096 entries of 4096 bytes: 16 MiB.
    let mut bytes = vec![0; length as usize];
    source.read_at(start, &mut bytes)?;
    if crc32(&bytes) != header.entries_crc {
        return Ok(Side::Damaged("the checksum of its entries is wrong".to_owned()));
    }
    Ok(Side::Whole(GptEntries { entry_size: header.entry_size as usize, bytes, last_lba: header.my_lba.max(header.other_lba) }))
}

fn parse_gpt_header(sector: &mut [u8], lba: u64) -> Result<GptHeader, String> {
    let header_size = u32_at(sector, 12) as usize;
    if !(92..=sector.len()).contains(&header_size) {
        return Err(format!("its header's size is {header_size}"));
    }
    let crc = u32_at(sector, 16);
    sector[16..20].fill(0);
    if crc32(&sector[..header_size]) != crc {
        return Err("the checksum of its header is wrong".to_owned());
    }
    let header = GptHeader {
        my_lba: u64_at(sector, 24),
        other_lba: u64_at(sector, 32),
        entries_lba: u64_at(sector, 72),
        entry_count: u32_at(sector, 80),
        entry_size: u32_at(sector, 84),
        entries_crc: u32_at(sector, 88),
    };
    if header.my_lba != lba {
        return Err("its header is of another place".to_owned());
    }
    if header.entry_count > MOST_ENTRIES || !(128..=4096).contains(&header.entry_size) {
        return Err(format!("it has {} entries of {} bytes", header.entry_count, header.entry_size));
    }
    Ok(header)
}

fn gpt_table(entries: &GptEntries, sector_size: u64, disk_bytes: u64, faults: Vec<String>) -> PartitionTable {
    let mut table = PartitionTable::new(TableKind::Gpt, faults);
    table.reaches(entries.last_lba.saturating_add(1).saturating_mul(sector_size), disk_bytes, None);
    for (number, entry) in (1..).zip(entries.bytes.chunks_exact(entries.entry_size)) {
        if entry[..16].iter().all(|&byte| byte == 0) {
            continue;
        }
        let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
        let range = first.checked_mul(sector_size).zip(last.checked_add(1).and_then(|end| end.checked_mul(sector_size)));
        let Some((start, end)) = range.filter(|(start, end)| start < end) else {
            table.faults.push(format!("partition {number} ends before it begins"));
            continue;
        };
        if end > disk_bytes {
            table.reaches(end, disk_bytes, Some(number));
            continue;
        }
        let name: Vec<u16> = entry[56..128].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        let name = String::from_utf16_lossy(name.split(|&unit| unit == 0).next().unwrap_or_default());
        table.partitions.push(Partition {
            number,
            start_bytes: start,
            size_bytes: end - start,
            kind: gpt_uuid(&entry[..16]),
            uuid: gpt_uuid(&entry[16..32]),
            name,
        });
    }
    table
}

/// Writes a GPT's UUID, whose first three fields are little endian.
fn gpt_uuid(b: &[u8]) -> String {
    let swapped = [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]];
    uuid_text(&swapped)
}

/// Writes a UUID in its usual form.
pub(super) fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

// --- MBR.

struct MbrEntry {
    kind: u8,
    first: u64,
    count: u64,
}

/// Returns the four entries if the sector is a partition table.
///
/// A boot sector of FAT or NTFS has the same mark at its end, and boot code where a table has its
/// entries; so an entry's status must be 0x00 or 0x80 and one at least must be used.
fn mbr_entries(sector: &[u8; 512]) -> Option<Vec<MbrEntry>> {
    if sector[510..] != [0x55, 0xaa] {
        return None;
    }
    let raw: Vec<&[u8]> = sector[446..510].chunks_exact(16).collect();
    let plausible = raw.iter().all(|entry| entry[0] & 0x7f == 0);
    let entries: Vec<_> = raw
        .iter()
        .map(|entry| MbrEntry { kind: entry[4], first: u64::from(u32_at(entry, 8)), count: u64::from(u32_at(entry, 12)) })
        .collect();
    (plausible && entries.iter().any(|entry| entry.kind != 0 && entry.count > 0)).then_some(entries)
}

fn is_extended(kind: u8) -> bool {
    matches!(kind, 0x05 | 0x0f | 0x85)
}

fn read_mbr(source: &dyn BlockSource, entries: &[MbrEntry]) -> Result<PartitionTable, SourceError> {
    let mut table = PartitionTable::new(TableKind::Mbr, Vec::new());
    for (number, entry) in (1..).zip(entries) {
        if entry.kind == 0 || entry.count == 0 {
            continue;
        }
        if is_extended(entry.kind) {
            read_logical(source, entry.first, &mut table)?;
        } else {
            push_mbr(&mut table, number, entry.kind, entry.first, entry.count, source.size_bytes());
        }
    }
    table.partitions.sort_by_key(|partition| partition.number);
    Ok(table)
}

/// Follows the chain of boot records in an extended partition: a loop or a wrong link ends it, told as a fault.
fn read_logical(source: &dyn BlockSource, extended: u64, table: &mut PartitionTable) -> Result<(), SourceError> {
    let mut seen = BTreeSet::new();
    let mut next = extended;
    let mut number = 5;
    loop {
        let mut sector = [0; 512];
        // Two 32-bit numbers, in sectors: no overflow in 64 bits.
        table.reaches((next + 1) * 512, source.size_bytes(), None);
        let inside = Some(next * 512).filter(|offset| offset + 512 <= source.size_bytes());
        let Some(offset) = inside.filter(|_| seen.len() < MOST_LOGICAL && seen.insert(next)) else {
            table.faults.push("the chain of logical partitions is broken".to_owned());
            return Ok(());
        };
        source.read_at(offset, &mut sector)?;
        let Some(entries) = mbr_entries(&sector) else {
            // An extended partition without any logical one is empty, not broken.
            if seen.len() > 1 {
                table.faults.push("the chain of logical partitions is broken".to_owned());
            }
            return Ok(());
        };
        if entries[0].kind != 0 && entries[0].count > 0 {
            push_mbr(table, number, entries[0].kind, next + entries[0].first, entries[0].count, source.size_bytes());
            number += 1;
        }
        if !is_extended(entries[1].kind) {
            return Ok(());
        }
        next = extended + entries[1].first;
    }
}

fn push_mbr(table: &mut PartitionTable, number: u32, kind: u8, first: u64, count: u64, disk_bytes: u64) {
    // Two 32-bit numbers and a sector size: no overflow in 64 bits.
    let (start_bytes, size_bytes) = (first * 512, count * 512);
    if start_bytes == 0 {
        table.faults.push(format!("partition {number} begins where the table itself lies"));
        return;
    }
    if start_bytes + size_bytes > disk_bytes {
        table.reaches(start_bytes + size_bytes, disk_bytes, Some(number));
        return;
    }
    let kind = format!("{kind:02x}");
    table.partitions.push(Partition { number, start_bytes, size_bytes, kind, uuid: String::new(), name: String::new() });
}

// --- Numbers; the callers have checked the lengths.

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// GPT and gzip use the same polynomial.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests;
