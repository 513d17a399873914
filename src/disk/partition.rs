//! Partition tables: GPT, MBR with logical partitions, or none.

use std::collections::BTreeSet;

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
/// told. Entries that do not lie in the disk are left out and told.
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
        return Ok(PartitionTable { kind: TableKind::Gpt, partitions: Vec::new(), faults });
    }
    read_mbr(source, &entries)
}

// --- GPT. Source: UEFI Specification 2.10, §5.3.

struct GptHeader {
    my_lba: u64,
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
            (Side::Whole(entries), Side::Whole(backup)) if entries == backup => (entries, Vec::new()),
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
    Ok(Some(PartitionTable { kind: TableKind::Gpt, partitions: Vec::new(), faults }))
}

#[derive(PartialEq)]
enum Side {
    Absent,
    Damaged(String),
    /// The raw entries: their size and bytes.
    Whole(GptEntries),
}

#[derive(PartialEq)]
struct GptEntries {
    entry_size: usize,
    bytes: Vec<u8>,
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
    Ok(Side::Whole(GptEntries { entry_size: header.entry_size as usize, bytes }))
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

fn gpt_table(entries: &GptEntries, sector_size: u64, disk_bytes: u64, mut faults: Vec<String>) -> PartitionTable {
    let mut partitions = Vec::new();
    for (number, entry) in (1..).zip(entries.bytes.chunks_exact(entries.entry_size)) {
        if entry[..16].iter().all(|&byte| byte == 0) {
            continue;
        }
        let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
        let range = first.checked_mul(sector_size).zip(last.checked_add(1).and_then(|end| end.checked_mul(sector_size)));
        let Some((start, end)) = range.filter(|(start, end)| start < end && *end <= disk_bytes) else {
            faults.push(format!("partition {number} does not lie in the disk"));
            continue;
        };
        let name: Vec<u16> = entry[56..128].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        let name = String::from_utf16_lossy(name.split(|&unit| unit == 0).next().unwrap_or_default());
        partitions.push(Partition {
            number,
            start_bytes: start,
            size_bytes: end - start,
            kind: gpt_uuid(&entry[..16]),
            uuid: gpt_uuid(&entry[16..32]),
            name,
        });
    }
    PartitionTable { kind: TableKind::Gpt, partitions, faults }
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
    let mut table = PartitionTable { kind: TableKind::Mbr, partitions: Vec::new(), faults: Vec::new() };
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
        let inside = next.checked_mul(512).filter(|offset| offset + 512 <= source.size_bytes());
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
    if start_bytes == 0 || start_bytes + size_bytes > disk_bytes {
        table.faults.push(format!("partition {number} does not lie in the disk"));
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
mod tests {
    use super::super::testing::{partitioned, run};
    use super::*;

    const GPT: &str = "label: gpt\nstart=2048, size=1024, type=21686148-6449-6E6F-744E-656564454649, name=bios\n\
        start=4096, size=2048, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"any name\"\n";

    #[test]
    fn a_gpt_made_by_sfdisk_is_read() {
        let table = partitions(&partitioned(4 << 20, GPT)).unwrap();
        assert_eq!((table.kind, table.faults.len()), (TableKind::Gpt, 0));
        assert!(table.partitions[0].is_boot_code());
        let root = &table.partitions[1];
        assert_eq!((root.number, root.start_bytes, root.size_bytes, root.name.as_str()), (2, 4096 * 512, 2048 * 512, "any name"));
    }

    /// What a tool tells of a disk: number, start and size in bytes, type, unique id, name.
    type Told = Vec<(u64, u64, String, String, String)>;

    fn found(disk: &dyn BlockSource) -> Told {
        let table = partitions(disk).unwrap();
        assert_eq!(table.faults, Vec::<String>::new());
        table.partitions.into_iter().map(|p| (p.start_bytes, p.size_bytes, p.kind, p.uuid, p.name)).collect()
    }

    fn in_file<T>(disk: &[u8], take: impl FnOnce(&str) -> T) -> T {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), disk).unwrap();
        take(file.path().to_str().unwrap())
    }

    fn by_sfdisk(disk: &[u8]) -> Told {
        let told = in_file(disk, |file| run("sfdisk", "fdisk", &["--json", file], ""));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let is_gpt = told["partitiontable"]["label"] == "gpt";
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let partitions = told["partitiontable"]["partitions"].as_array().unwrap().iter();
        // What it calls a logical partition's container holds no file system.
        let partitions = partitions.filter(|partition| partition["type"] != "5" && partition["type"] != "f");
        let partition = |partition: &serde_json::Value| {
            let bytes = |key: &str| partition[key].as_u64().unwrap() * 512;
            let kind = text(&partition["type"]).to_lowercase();
            (
                bytes("start"),
                bytes("size"),
                if is_gpt { kind } else { format!("{kind:0>2}") },
                text(&partition["uuid"]).to_lowercase(),
                text(&partition["name"]),
            )
        };
        partitions.map(partition).collect()
    }

    #[test]
    fn sfdisk_tells_the_same() {
        let many: String = (0..60).map(|index| format!("start={}, size=20, name=\"number {index}\"\n", 2048 + index * 32)).collect();
        let logical: String = (0..30).map(|index| format!("start={}, size=100, type=83\n", 3000 + index * 200)).collect();
        let dos =
            format!("label: dos\nstart=1, size=2000, type=c\nstart=2500, size=10000, type=f\nstart=13000, size=1000, type=82\n{logical}");
        for script in [GPT.to_owned(), format!("label: gpt\n{many}"), format!("label: gpt\ntable-length: 8\n{}", &GPT[11..]), dos] {
            let disk = partitioned(8 << 20, &script);
            let mut expected = by_sfdisk(&disk);
            // An MBR has no unique ids, and the order is that of numbers.
            let found = found(&disk);
            if script.contains("dos") {
                expected.iter_mut().for_each(|partition| partition.3.clear());
            }
            expected.sort();
            let mut sorted = found.clone();
            sorted.sort();
            assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn a_gpt_of_sectors_of_4096_bytes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("disk");
        std::fs::write(&file, vec![0; 16 << 20]).unwrap();
        let file = file.to_str().unwrap();
        run("fdisk", "fdisk", &["-b", "4096", file], "g\nn\n\n512\n+1M\nn\n\n1024\n+2M\nw\n");
        let told = run("fdisk", "fdisk", &["-b", "4096", "-l", "-o", "Start,Sectors,Type-UUID,UUID", file], "");
        let lines = told.lines().filter(|line| line.trim_start().starts_with(|first: char| first.is_ascii_digit()));
        let expected: Told = lines
            .map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let bytes = |field: &str| field.parse::<u64>().unwrap() * 4096;
                (bytes(fields[0]), bytes(fields[1]), fields[2].to_lowercase(), fields[3].to_lowercase(), String::new())
            })
            .collect();
        assert_eq!(expected.len(), 2, "{told}");
        let mut disk = std::fs::read(file).unwrap();
        assert_eq!(found(&disk), expected);
        disk[4096 + 30] ^= 1;
        let table = partitions(&disk).unwrap();
        assert_eq!((table.partitions.len(), table.faults.len()), (2, 1), "its backup is used, and that is told");
    }

    #[test]
    fn a_damaged_first_copy_is_replaced_by_the_backup() {
        let disk = partitioned(4 << 20, GPT);
        let whole = partitions(&disk).unwrap().partitions;
        for damage in [512, 512 + 24, 1024 + 40] {
            let mut disk = disk.clone();
            disk[damage] ^= 1;
            let table = partitions(&disk).unwrap();
            assert_eq!(table.partitions, whole);
            assert_eq!(table.faults.len(), 1, "{damage}");
        }
    }

    #[test]
    fn a_gpt_without_a_whole_copy_has_no_partitions_and_says_so() {
        let mut disk = partitioned(4 << 20, GPT);
        disk[1024] ^= 1;
        let end = disk.len() - 512 + 20;
        disk[end - 4] ^= 1;
        let table = partitions(&disk).unwrap();
        assert!(table.partitions.is_empty() && table.faults.len() == 1, "{table:?}");
    }

    #[test]
    fn an_mbr_with_logical_partitions_is_read() {
        let script = "label: dos\nstart=2048, size=1024, type=83\nstart=4096, size=4000, type=5\nstart=4160, size=100, type=83\n\
            start=4400, size=100, type=82\n";
        let table = partitions(&partitioned(8 << 20, script)).unwrap();
        let found: Vec<_> = table.partitions.iter().map(|p| (p.number, p.start_bytes / 512, p.kind.as_str())).collect();
        assert_eq!(found, [(1, 2048, "83"), (5, 4160, "83"), (6, 4400, "82")]);
        assert!(table.faults.is_empty());
    }

    #[test]
    fn a_loop_of_logical_partitions_ends() {
        let mut disk = partitioned(8 << 20, "label: dos\nstart=2048, size=4000, type=5\nstart=2200, size=100, type=83\n");
        // The boot record's second entry points back at itself.
        let at = 2048 * 512 + 446 + 16;
        disk[at + 4] = 5;
        disk[at + 12] = 1;
        assert_eq!(partitions(&disk).unwrap().faults, ["the chain of logical partitions is broken"]);
    }

    #[test]
    fn a_disk_without_a_table_is_one_partition() {
        let table = partitions(&vec![0; 4096]).unwrap();
        assert_eq!((table.kind, table.partitions[0].size_bytes), (TableKind::None, 4096));
        assert_eq!(partitions(&Vec::new()).unwrap().kind, TableKind::None);
    }

    #[test]
    fn flipped_bits_and_cut_ends_never_panic() {
        let mut disk = partitioned(2 << 20, "label: gpt\nstart=2048, size=1024\n");
        for at in (0..2048).chain(disk.len() - 512..disk.len()) {
            disk[at] ^= 0xff;
            let _ = partitions(&disk);
            disk[at] ^= 0xff;
        }
        for length in [4095, 2048, 1025, 1024, 1023, 513, 512, 511, 1] {
            disk.truncate(length);
            let _ = partitions(&disk);
        }
    }
}
