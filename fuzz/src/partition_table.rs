//! A disk whose GPT has the right checksums, so that its content is looked at.

use crc_fast::{CrcAlgorithm, checksum};

const SECTOR_BYTES: usize = 512;

/// A header's fields, from its start, and the shortest that there is.
///
/// Source: <https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html>
const LENGTH_AT: usize = 12;
const CHECKSUM_AT: usize = 16;
const ENTRIES_AT: usize = 72;
const COUNT_AT: usize = 80;
const SIZE_AT: usize = 84;
const ENTRIES_CHECKSUM_AT: usize = 88;
const SHORTEST_BYTES: usize = 92;

/// Puts the checksums of every header right, wherever one lies.
pub fn with_checksums(input: &[u8]) -> Vec<u8> {
    let mut disk = input.to_vec();
    let headers = (0..disk.len()).step_by(SECTOR_BYTES).filter(|at| disk[*at..].starts_with(b"EFI PART"));
    for at in headers.collect::<Vec<_>>() {
        if disk.len() - at < SECTOR_BYTES {
            continue;
        }
        let header = &disk[at..at + SECTOR_BYTES];
        let number = |field: usize| u32::from_le_bytes([header[field], header[field + 1], header[field + 2], header[field + 3]]) as usize;
        let length = number(LENGTH_AT).clamp(SHORTEST_BYTES, SECTOR_BYTES);
        let start = number(ENTRIES_AT).saturating_mul(SECTOR_BYTES);
        let end = number(COUNT_AT).saturating_mul(number(SIZE_AT)).saturating_add(start);
        if let Some(entries) = disk.get(start..end) {
            let sum = crc32(entries);
            disk[at + ENTRIES_CHECKSUM_AT..][..4].copy_from_slice(&sum);
        }
        disk[at + CHECKSUM_AT..][..4].fill(0);
        let sum = crc32(&disk[at..at + length]);
        disk[at + CHECKSUM_AT..][..4].copy_from_slice(&sum);
    }
    disk
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    // A CRC of 32 bits, whatever it is handed out as.
    (checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32).to_le_bytes()
}
