//! The journal: blocks that were written to it whole, but maybe not yet to their places.
//!
//! Each transaction is a row of blocks that describe, carry or revoke, and ends with a commit. What a
//! file system that lost power has committed counts; what it has not, does not.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/journal.html>

use std::collections::{BTreeMap, HashMap};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::{Extent, InodeNumber};
use super::device::{Device, checksum};
use super::{extents, inode};

const MAGIC: u32 = 0xc03b_3998;
const HEADER_BYTES: usize = 12;
const SUPERBLOCK_BYTES: usize = 1024;
const SUPERBLOCK_CHECKSUM_AT: usize = 0xfc;

/// Kinds of blocks.
const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const SUPERBLOCK_2: u32 = 4;
const REVOKE: u32 = 5;

const INCOMPAT_64_BIT: u32 = 0x2;
const INCOMPAT_CHECKSUM_2: u32 = 0x8;
const INCOMPAT_CHECKSUM_3: u32 = 0x10;
const INCOMPAT_FAST_COMMIT: u32 = 0x20;
const INCOMPAT_KNOWN: u32 = 0x3f;

const TAG_ESCAPED: u32 = 1;
const TAG_SAME_UUID: u32 = 2;
const TAG_LAST: u32 = 8;

/// How many blocks fast commits have where the journal doesn't say.
const FAST_COMMIT_BLOCKS: u32 = 256;
/// The first of them begins with this when there are any.
const FAST_COMMIT_HEAD: u16 = 9;

/// A longer journal is called damaged; with blocks of 4 KiB this is 16 GiB.
const MOST_BLOCKS: u32 = 1 << 22;

/// Where a block's newest content lies in the journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replacement {
    pub place: u64,
    /// It began with the journal's own magic number, which was blanked.
    is_escaped: bool,
}

impl Replacement {
    /// Puts back what was blanked in a part of the block.
    pub fn unescape(&self, within: usize, part: &mut [u8]) {
        if self.is_escaped {
            let magic = MAGIC.to_be_bytes();
            magic.iter().skip(within).zip(part).for_each(|(magic, byte)| *byte = *magic);
        }
    }
}

/// What the journal has to say of blocks.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<u64, Replacement>);

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, block: u64) -> Option<Replacement> {
        self.0.get(&block).copied()
    }

    /// Tells whether any block from `first` on and before `end` is changed.
    pub fn touch(&self, first: u64, end: u64) -> bool {
        first < end && self.0.range(first..end).next().is_some()
    }
}

/// Reads what the journal holds, and why that may not be all.
pub(super) fn read(device: &Device) -> Result<(Changes, Option<&'static str>), Fault> {
    let Some(number) = device.geometry.journal else { return Err(Fault::damaged("it has no journal, but is to be repaired by one")) };
    if number == 0 {
        return Ok((Changes::default(), Some("its journal lies on another device, and holds changes that were not carried out yet")));
    }
    let read = || {
        let inode = inode::read(device, InodeNumber(number.into()))?;
        let places = extents::read(device, &inode)?;
        let first = Log::block_at(device, &places, 0)?;
        let log = Log::parse(device, places, &first)?;
        log.replay()
    };
    read().map_err(|fault: Fault| match fault {
        Fault::Damaged(why) => Fault::Damaged(format!("its journal is damaged: {why}")),
        fault => fault,
    })
}

struct Log<'a> {
    device: &'a Device,
    places: Vec<Extent>,
    /// The first block of the log, and the block after its last.
    first: u32,
    end: u32,
    /// Where the oldest transaction begins; 0 when there is none.
    start: u32,
    sequence: u32,
    features: u32,
    checksum_seed: Option<u32>,
}

/// A change of a transaction that isn't committed yet.
struct Pending {
    block: u64,
    copy: Replacement,
    checksum: u32,
}

impl<'a> Log<'a> {
    fn parse(device: &'a Device, places: Vec<Extent>, bytes: &[u8]) -> Result<Self, Fault> {
        let at = Bytes(bytes);
        let log = Self::fields(device, places, at).ok_or_else(|| cut_off("its superblock"))?;
        if at.u32(0) != Some(MAGIC) || !matches!(at.u32(4), Some(3 | SUPERBLOCK_2)) || at.u32(12) != Some(device.geometry.block_size) {
            return Err(Fault::damaged("its superblock is none"));
        }
        if log.features & !INCOMPAT_KNOWN != 0 {
            return Err(Fault::damaged(format!("it uses features {:#x}, which aren't known", log.features)));
        }
        let sealed = bytes.get(..SUPERBLOCK_BYTES).ok_or_else(|| cut_off("its superblock"))?;
        if log.checksum_seed.is_some() && device.verifies {
            let parts = [&sealed[..SUPERBLOCK_CHECKSUM_AT], &[0; 4], &sealed[SUPERBLOCK_CHECKSUM_AT + 4..]];
            if at.u32(SUPERBLOCK_CHECKSUM_AT) != Some(checksum(u32::MAX, &parts)) {
                return Err(Fault::damaged("the checksum of its superblock is wrong"));
            }
        }
        if log.first == 0 || log.first >= log.end || log.end > MOST_BLOCKS || log.start >= log.end {
            return Err(Fault::damaged(format!("it claims blocks {} to {}, beginning at {}", log.first, log.end, log.start)));
        }
        Ok(log)
    }

    /// None when the bytes are too few.
    fn fields(device: &'a Device, places: Vec<Extent>, at: Bytes<'_>) -> Option<Self> {
        // The first version has no features.
        let features = if at.u32(4)? == SUPERBLOCK_2 { at.u32(40)? } else { 0 };
        let has_checksums = features & (INCOMPAT_CHECKSUM_2 | INCOMPAT_CHECKSUM_3) != 0;
        let fast = match at.u32(84)? {
            _ if features & INCOMPAT_FAST_COMMIT == 0 => 0,
            0 => FAST_COMMIT_BLOCKS,
            blocks => blocks,
        };
        Some(Self {
            device,
            places,
            first: at.u32(20)?,
            end: at.u32(16)?.saturating_sub(fast),
            start: at.u32(28)?,
            sequence: at.u32(24)?,
            features,
            checksum_seed: if has_checksums { Some(checksum(u32::MAX, &[&at.uuid(48)?])) } else { None },
        })
    }

    fn replay(&self) -> Result<(Changes, Option<&'static str>), Fault> {
        let mut changes = BTreeMap::new();
        let mut revoked: HashMap<u64, u32> = HashMap::new();
        let mut pending: Vec<Pending> = Vec::new();
        let mut pending_revoked = Vec::new();
        let (mut at, mut sequence, mut read) = (self.start, self.sequence, 0);
        // Each block is looked at once: a log that goes round in a circle ends here.
        while self.start != 0 && read < self.end - self.first {
            read += 1;
            let block = self.block(at)?;
            at = self.next(at);
            let header = Bytes(&block);
            if header.u32(0) != Some(MAGIC) || header.u32(8) != Some(sequence) || !self.is_sealed(&block) {
                break;
            }
            match header.u32(4) {
                Some(DESCRIPTOR) => {
                    let tags = self.tags(&block).ok_or_else(|| cut_off("a descriptor"))?;
                    for (block, flags, checksum) in tags {
                        read += 1;
                        let copy = Replacement { place: self.place(at)?, is_escaped: flags & TAG_ESCAPED != 0 };
                        at = self.next(at);
                        pending.push(Pending { block, copy, checksum });
                    }
                    if read > self.end - self.first {
                        break;
                    }
                }
                Some(REVOKE) => pending_revoked.extend(self.revoked(&block).ok_or_else(|| cut_off("a list of revoked blocks"))?),
                Some(COMMIT) => {
                    for change in pending.drain(..) {
                        self.verify(&change, sequence)?;
                        changes.insert(change.block, (sequence, change.copy));
                    }
                    revoked.extend(pending_revoked.drain(..).map(|block| (block, sequence)));
                    sequence = sequence.wrapping_add(1);
                }
                _ => break,
            }
        }
        // Sequences may wrap.
        let is_newer = |sequence: u32, than: u32| sequence.wrapping_sub(than) as i32 > 0;
        changes.retain(|block, (sequence, _)| revoked.get(block).is_none_or(|&revoked| is_newer(*sequence, revoked)));
        let changes = changes.into_iter().map(|(block, (_, copy))| (block, copy)).collect();
        Ok((Changes(changes), self.fast_commits(sequence)?))
    }

    /// Fast commits tell changes of files rather than of blocks; they are not replayed.
    fn fast_commits(&self, sequence: u32) -> Result<Option<&'static str>, Fault> {
        if self.features & INCOMPAT_FAST_COMMIT == 0 {
            return Ok(None);
        }
        let block = self.block(self.end + 1)?;
        let at = Bytes(&block);
        // Tag, length, features, then the transaction that they follow.
        let holds = at.u16_le(0) == Some(FAST_COMMIT_HEAD) && at.u32_le(8) == Some(sequence);
        Ok(holds.then_some("its journal holds fast commits, which were not carried out yet"))
    }

    /// Returns each tag's block, flags and checksum.
    fn tags(&self, block: &[u8]) -> Option<Vec<(u64, u32, u32)>> {
        let (has_64_bit, is_3) = (self.features & INCOMPAT_64_BIT != 0, self.features & INCOMPAT_CHECKSUM_3 != 0);
        let is_2 = self.features & INCOMPAT_CHECKSUM_2 != 0;
        let size = if is_3 { 16 } else { 8 + if has_64_bit { 4 } else { 0 } + if is_2 { 2 } else { 0 } };
        let end = block.len() - if self.checksum_seed.is_some() { 4 } else { 0 };
        let at = Bytes(block);
        let mut tags = Vec::new();
        let mut position = HEADER_BYTES;
        while position + size <= end {
            let flags = if is_3 { at.u32(position + 4)? } else { at.u16(position + 6)?.into() };
            let sum = if is_3 { at.u32(position + 12)? } else { at.u16(position + 4)?.into() };
            let high = if has_64_bit { at.u32(position + 8)? } else { 0 };
            tags.push((u64::from(at.u32(position)?) | u64::from(high) << 32, flags, sum));
            position += size + if flags & TAG_SAME_UUID == 0 { 16 } else { 0 };
            if flags & TAG_LAST != 0 {
                break;
            }
        }
        Some(tags)
    }

    fn revoked(&self, block: &[u8]) -> Option<Vec<u64>> {
        let at = Bytes(block);
        let numbers = block.get(HEADER_BYTES + 4..at.u32(HEADER_BYTES)? as usize)?;
        Some(match self.features & INCOMPAT_64_BIT != 0 {
            true => numbers.chunks_exact(8).filter_map(|number| Bytes(number).u64(0)).collect(),
            false => numbers.chunks_exact(4).filter_map(|number| Bytes(number).u32(0)).map(u64::from).collect(),
        })
    }

    /// Tells whether a block has its checksum; one that lacks it was not written to the end.
    fn is_sealed(&self, block: &[u8]) -> bool {
        let Some(seed) = self.checksum_seed.filter(|_| self.device.verifies) else { return true };
        let at = if Bytes(block).u32(4) == Some(COMMIT) { 16 } else { block.len() - 4 };
        Bytes(block).u32(at) == Some(checksum(seed, &[&block[..at], &[0; 4], &block[at + 4..]]))
    }

    fn verify(&self, change: &Pending, sequence: u32) -> Result<(), Fault> {
        self.device.place(change.block, 1).or_else(|fault| if change.block == 0 { Ok(0) } else { Err(fault) })?;
        let Some(seed) = self.checksum_seed.filter(|_| self.device.verifies) else { return Ok(()) };
        let block = self.device.read_vec(change.copy.place, self.device.geometry.block_size as usize)?;
        let sum = checksum(seed, &[&sequence.to_be_bytes(), &block]);
        let sum = if self.features & INCOMPAT_CHECKSUM_3 != 0 { sum } else { sum & 0xffff };
        if sum == change.checksum { Ok(()) } else { Err(Fault::damaged("the checksum of a block in it is wrong")) }
    }

    fn next(&self, block: u32) -> u32 {
        if block + 1 >= self.end { self.first } else { block + 1 }
    }

    fn place(&self, block: u32) -> Result<u64, Fault> {
        Self::place_at(self.device, &self.places, block)
    }

    fn block(&self, block: u32) -> Result<Vec<u8>, Fault> {
        Self::block_at(self.device, &self.places, block)
    }

    fn place_at(device: &Device, places: &[Extent], block: u32) -> Result<u64, Fault> {
        let offset = u64::from(block) * u64::from(device.geometry.block_size);
        let extent = places.get(places.partition_point(|extent| extent.offset + extent.length <= offset));
        let place = extent.filter(|extent| extent.offset <= offset).and_then(|extent| Some(extent.place? + (offset - extent.offset)));
        place.ok_or_else(|| cut_off("it"))
    }

    fn block_at(device: &Device, places: &[Extent], block: u32) -> Result<Vec<u8>, Fault> {
        device.read_vec(Self::place_at(device, places, block)?, device.geometry.block_size as usize)
    }
}
