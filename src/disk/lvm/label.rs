//! The label of a physical volume, and where its metadata lies.
//!
//! Source: LVM2, lib/format_text/layout.h and lib/label/label.h; libvslvm, "Logical Volume Manager (LVM)
//! format", <https://github.com/libyal/libvslvm/tree/main/documentation>

use super::super::bytes::Bytes;
use super::super::source::BlockSource;
use super::metadata::Group;

/// The label stands in one of the first four sectors.
const LABEL_SECTORS: u64 = 4;
const SECTOR_BYTES: usize = 512;

const AREA_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
const AREA_HEADER_BYTES: usize = 512;

/// Metadata is a text; a longer one is called damaged.
const LONGEST_TEXT_BYTES: u64 = 4 << 20;

/// Areas are listed until one that is empty; more are damage.
const MOST_AREAS: usize = 16;

/// Where an area's text is told, and what marks it as not in use.
const TEXT_AT: usize = 40;
const TEXT_IGNORED: u32 = 1;

/// What a CRC-32 of LVM begins with; it is not inverted at the end.
const CHECKSUM_SEED: u32 = 0xf597_a6cf;

/// A physical volume's label.
#[derive(Debug)]
pub(super) struct PhysicalVolume {
    /// Its id, without hyphens.
    pub id: String,
    /// Where metadata may lie: start and size in bytes.
    areas: Vec<(u64, u64)>,
}

impl PhysicalVolume {
    /// Finds and reads the label.
    pub fn read(source: &dyn BlockSource) -> Result<Self, String> {
        let mut sector = vec![0; SECTOR_BYTES];
        for number in 0..LABEL_SECTORS {
            read_at(source, number * SECTOR_BYTES as u64, &mut sector)?;
            if sector.starts_with(b"LABELONE") && Bytes(&sector).slice(24, 8) == Some(b"LVM2 001".as_slice()) {
                if Bytes(&sector).u64_le(8) != Some(number) || Bytes(&sector).u32_le(16) != Some(checksum(&sector[20..])) {
                    return Err("the label of the LVM physical volume is damaged".to_owned());
                }
                return Self::parse(Bytes(&sector)).ok_or_else(|| "the label of the LVM physical volume is cut off".to_owned());
            }
        }
        Err("it has no label of an LVM physical volume".to_owned())
    }

    /// None when the bytes are too few.
    fn parse(at: Bytes<'_>) -> Option<Self> {
        let header = at.u32_le(20)? as usize;
        let id = String::from_utf8_lossy(at.slice(header, 32)?).into_owned();
        let mut position = header.checked_add(40)?;
        // Areas of data, then areas of metadata, each list ending with an empty one.
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            for _ in 0..=MOST_AREAS {
                let (start, size) = (at.u64_le(position)?, at.u64_le(position + 8)?);
                position += 16;
                if start == 0 {
                    break;
                }
                list.push((start, size));
            }
        }
        let [_, areas] = lists;
        Some(Self { id, areas })
    }

    /// Reads the newest metadata that can be read; none where the volume has none of its own.
    pub fn metadata(&self, source: &dyn BlockSource) -> Result<Option<Group>, String> {
        let mut newest: Option<Group> = None;
        let mut fault = None;
        for &(start, size) in &self.areas {
            match read_area(source, start, size) {
                Ok(Some(group)) if newest.as_ref().is_none_or(|newest| newest.sequence < group.sequence) => newest = Some(group),
                Ok(_) => {}
                Err(why) => fault = Some(why),
            }
        }
        match (newest, fault) {
            (None, Some(why)) => Err(format!("the metadata of the LVM physical volume is damaged: {why}")),
            (newest, _) => Ok(newest),
        }
    }
}

/// Reads an area's text, which goes round to the area's beginning where it reaches its end.
fn read_area(source: &dyn BlockSource, start: u64, size: u64) -> Result<Option<Group>, String> {
    let mut header = vec![0; AREA_HEADER_BYTES];
    read_at(source, start, &mut header)?;
    let at = Bytes(&header);
    if at.slice(4, 16) != Some(AREA_MAGIC) || at.u32_le(0) != Some(checksum(&header[4..])) {
        return Err("its header is none".to_owned());
    }
    let fields = (|| Some((at.u64_le(TEXT_AT)?, at.u64_le(TEXT_AT + 8)?, at.u32_le(TEXT_AT + 16)?, at.u32_le(TEXT_AT + 20)?)))();
    let Some((offset, length, sum, flags)) = fields.filter(|(offset, ..)| *offset != 0) else { return Ok(None) };
    if flags & TEXT_IGNORED != 0 {
        return Ok(None);
    }
    let header_bytes = AREA_HEADER_BYTES as u64;
    if length > LONGEST_TEXT_BYTES || size < header_bytes || length > size - header_bytes || !(header_bytes..size).contains(&offset) {
        return Err(format!("it claims {length} bytes at {offset} of {size}"));
    }
    let mut text = vec![0; length as usize];
    let (first, wrapped) = text.split_at_mut(length.min(size - offset) as usize);
    read_at(source, start.saturating_add(offset), first)?;
    read_at(source, start.saturating_add(header_bytes), wrapped)?;
    if checksum(&text) != sum {
        return Err("the checksum of its text is wrong".to_owned());
    }
    Group::parse(&text).map(Some)
}

fn read_at(source: &dyn BlockSource, place: u64, buffer: &mut [u8]) -> Result<(), String> {
    if buffer.is_empty() {
        return Ok(());
    }
    source.read_at(place, buffer).map_err(|error| error.to_string())
}

pub(super) fn checksum(bytes: &[u8]) -> u32 {
    // One CRC goes on where another ended, and neither's inversions are wanted.
    let mut digest = crc_fast::Digest::new_with_init_state(crc_fast::CrcAlgorithm::Crc32IsoHdlc, CHECKSUM_SEED.into());
    digest.update(bytes);
    !(digest.finalize() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by zlib's `crc32`, begun and ended with its inversions taken back.
    #[test]
    fn checksums_are_those_of_zlib_with_another_beginning() {
        assert_eq!(checksum(b"123456789"), 0x4991_cf02);
    }

    /// A label that LVM itself wrote, put together again from a published dump of its first 64 bytes, the size
    /// of its volume and LVM's usual areas: that its checksum is the published one proves them all.
    #[test]
    fn a_label_that_lvm_wrote_is_read() {
        let mut disk = vec![0; 4096];
        let label = &mut disk[512..1024];
        label[..8].copy_from_slice(b"LABELONE");
        label[8] = 1;
        label[16..24].copy_from_slice(&[0x53, 0xbf, 0x78, 0x2f, 0x20, 0, 0, 0]);
        label[24..64].copy_from_slice(b"LVM2 001Uw7ssSJaP6gCDBMaQ2JW92qofqYGVWoh");
        let size_bytes = 115_132_208 * 512;
        for (position, number) in (64..).step_by(8).zip([size_bytes, 1 << 20, 0, 0, 0, 4096, (1 << 20) - 4096, 0, 0, 2 | 1 << 32_u64]) {
            label[position..position + 8].copy_from_slice(&u64::to_le_bytes(number));
        }
        let volume = PhysicalVolume::read(&disk).unwrap();
        assert_eq!((volume.id.as_str(), volume.areas), ("Uw7ssSJaP6gCDBMaQ2JW92qofqYGVWoh", vec![(4096, (1 << 20) - 4096)]));
    }
}
