//! A physical volume of LVM's around a text.
//!
//! Source: <https://sourceware.org/git/?p=lvm2.git;a=blob;f=lib/format_text/layout.h>

use crc_fast::{CrcAlgorithm, Digest};

const AREA_AT: usize = 4096;
const DATA_AT: usize = 1 << 20;
const AREA_BYTES: usize = DATA_AT - AREA_AT;

/// Where the text lies in its area, behind the header.
const TEXT_AT: usize = 512;

/// Its identifier, in the text with dashes: `seeds` has it too.
const ID: &[u8; 32] = b"AbCdEf0123456789abcdefGhIjKlMnOp";

/// What LVM's checksums begin with.
const FIRST: u64 = 0xf597_a6cf;

/// Makes the volume; a text that is too long is cut off.
pub fn around(text: &[u8]) -> Vec<u8> {
    let text = [&text[..text.len().min(AREA_BYTES - TEXT_AT - 1)], b"\0"].concat();
    let mut disk = vec![0; DATA_AT + (4 << 20)];
    let size = disk.len() as u64;
    let label = &mut disk[512..1024];
    label[..8].copy_from_slice(b"LABELONE");
    label[8] = 1;
    label[20] = 32;
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].copy_from_slice(ID);
    numbers(&mut label[64..], &[size, DATA_AT as u64, 0, 0, 0, AREA_AT as u64, AREA_BYTES as u64, 0, 0]);
    let sum = checksum(&label[20..]);
    label[16..20].copy_from_slice(&sum);
    let area = &mut disk[AREA_AT..DATA_AT];
    area[TEXT_AT..TEXT_AT + text.len()].copy_from_slice(&text);
    area[4..20].copy_from_slice(b" LVM2 x[5A%r0N*>");
    area[20] = 1;
    numbers(&mut area[24..], &[AREA_AT as u64, AREA_BYTES as u64, TEXT_AT as u64, text.len() as u64]);
    area[56..60].copy_from_slice(&checksum(&text));
    let sum = checksum(&area[4..512]);
    area[..4].copy_from_slice(&sum);
    disk
}

fn numbers(target: &mut [u8], numbers: &[u64]) {
    target.chunks_exact_mut(8).zip(numbers).for_each(|(bytes, number)| bytes.copy_from_slice(&number.to_le_bytes()));
}

/// The usual CRC, begun with another number and not inverted at its end.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32IsoHdlc, FIRST);
    digest.update(bytes);
    (!(digest.finalize() as u32)).to_le_bytes()
}
