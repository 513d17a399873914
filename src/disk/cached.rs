//! A bounded cache of blocks over a slow source, such as a snapshot behind an API.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard};

use bytes::Bytes;

use super::source::{BlockSource, SourceError, check_range};

/// A source of whole blocks.
///
/// Called from blocking threads; an asynchronous client blocks on its runtime here.
pub trait Fetch: Send + Sync {
    /// Returns the disk's size in bytes.
    fn size_bytes(&self) -> u64;

    /// Returns the size of a block in bytes; not zero.
    fn block_size(&self) -> u32;

    /// Tells whether the source holds the block; one that it does not hold reads as zeros.
    fn has(&self, index: u32) -> bool;

    /// Fetches a block that the source holds.
    ///
    /// # Errors
    ///
    /// [`SourceError::Read`] when it can't be had.
    fn fetch(&self, index: u32) -> Result<Bytes, SourceError>;

    /// Fetches several blocks that the source holds, in the order given, at best all at once.
    fn fetch_many(&self, indices: &[u32]) -> Vec<Result<Bytes, SourceError>> {
        indices.iter().map(|&index| self.fetch(index)).collect()
    }
}

/// How much a cache holds and how far it reads ahead.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// Blocks held; at least one is.
    pub blocks: usize,
    /// Blocks fetched in one go: the one wanted and those after it that the source holds.
    pub batch: usize,
}

impl Default for CacheLimits {
    /// 128 blocks of 512 KiB are 64 MiB; 64 fetched in one go hide what a round trip takes.
    fn default() -> Self {
        Self { blocks: 128, batch: 64 }
    }
}

/// A disk over a [`Fetch`], with the blocks used last held in memory.
///
/// No block is fetched by two threads at the same time: the second waits for the first.
pub struct Cached<F> {
    fetch: F,
    limits: CacheLimits,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    blocks: HashMap<u32, Slot>,
    /// Block by the time of its last use: the first is the one to let go.
    by_use: BTreeMap<u64, u32>,
    clock: u64,
}

enum Slot {
    InFlight,
    Held { bytes: Bytes, used: u64 },
}

impl<F: Fetch> Cached<F> {
    /// Puts a cache before a source.
    pub fn new(fetch: F, limits: CacheLimits) -> Self {
        let limits = CacheLimits { blocks: limits.blocks.max(1), batch: limits.batch.max(1) };
        Self { fetch, limits, state: Mutex::default(), arrived: Condvar::new() }
    }

    /// Returns the block, or none when it is all zeros.
    fn block(&self, index: u32) -> Result<Option<Bytes>, SourceError> {
        if !self.fetch.has(index) {
            return Ok(None);
        }
        let mut state = self.lock();
        loop {
            if let Some(bytes) = state.touch(index) {
                return Ok(Some(bytes));
            }
            if !state.blocks.contains_key(&index) {
                break;
            }
            state = self.arrived.wait(state).unwrap_or_else(|e| e.into_inner());
        }
        let wanted = self.claim(&mut state, index);
        drop(state);
        self.fetch_claimed(&wanted).transpose()
    }

    /// Marks the block and those after it as being fetched, as far as nobody has or fetches them.
    fn claim(&self, state: &mut State, first: u32) -> Vec<u32> {
        let batch = self.limits.batch.min(self.limits.blocks);
        let end = self.fetch.size_bytes().div_ceil(u64::from(self.fetch.block_size()));
        let window = (u64::from(first)..end).take(batch).map_while(|index| u32::try_from(index).ok());
        let wanted: Vec<u32> = window.filter(|&index| self.fetch.has(index) && !state.blocks.contains_key(&index)).collect();
        state.blocks.extend(wanted.iter().map(|&index| (index, Slot::InFlight)));
        wanted
    }

    /// Fetches claimed blocks and returns the first of them. A failure of another block is not kept:
    /// whoever wants that block tries again.
    fn fetch_claimed(&self, wanted: &[u32]) -> Option<Result<Bytes, SourceError>> {
        let claim = Claim { cache: self, wanted };
        let mut results = self.fetch.fetch_many(wanted).into_iter();
        let mut state = self.lock();
        let mut first = None;
        for (position, &index) in wanted.iter().enumerate() {
            let result = results.next().unwrap_or_else(|| Err(missing(index)));
            if let Ok(bytes) = &result {
                state.insert(index, bytes.clone(), self.limits.blocks);
            }
            if position == 0 {
                first = Some(result);
            }
        }
        drop(state);
        drop(claim);
        first
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn missing(index: u32) -> SourceError {
    SourceError::Read { offset: u64::from(index), source: "the source returned fewer blocks than were asked for".into() }
}

/// Lets go of blocks marked as in flight that did not arrive, however the fetch ended.
struct Claim<'a, F: Fetch> {
    cache: &'a Cached<F>,
    wanted: &'a [u32],
}

impl<F: Fetch> Drop for Claim<'_, F> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        for index in self.wanted {
            if matches!(state.blocks.get(index), Some(Slot::InFlight)) {
                state.blocks.remove(index);
            }
        }
        drop(state);
        self.cache.arrived.notify_all();
    }
}

impl State {
    fn touch(&mut self, index: u32) -> Option<Bytes> {
        let Some(Slot::Held { bytes, used }) = self.blocks.get_mut(&index) else { return None };
        self.clock += 1;
        self.by_use.remove(used);
        *used = self.clock;
        self.by_use.insert(self.clock, index);
        Some(bytes.clone())
    }

    fn insert(&mut self, index: u32, bytes: Bytes, most: usize) {
        self.clock += 1;
        self.blocks.insert(index, Slot::Held { bytes, used: self.clock });
        self.by_use.insert(self.clock, index);
        while self.by_use.len() > most {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.blocks.remove(&oldest);
        }
    }
}

impl<F: Fetch> BlockSource for Cached<F> {
    fn size_bytes(&self) -> u64 {
        self.fetch.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        check_range(offset, buffer.len(), self.size_bytes())?;
        let block_size = u64::from(self.fetch.block_size().max(1));
        let mut at = offset;
        let mut rest = buffer;
        while !rest.is_empty() {
            let within = (at % block_size) as usize;
            let length = rest.len().min(block_size as usize - within);
            let (now, later) = rest.split_at_mut(length);
            let index = u32::try_from(at / block_size).map_err(|_| SourceError::OutOfBounds {
                offset: at,
                length: length as u64,
                size_bytes: self.size_bytes(),
            })?;
            match self.block(index)? {
                None => now.fill(0),
                Some(bytes) => copy_padded(now, &bytes, within),
            }
            rest = later;
            at += length as u64;
        }
        Ok(())
    }

    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        let block_size = u64::from(self.fetch.block_size().max(1));
        let size_bytes = self.size_bytes();
        let has = |index: u64| u32::try_from(index).is_ok_and(|index| self.fetch.has(index));
        let end = size_bytes.div_ceil(block_size);
        let Some(first) = (offset / block_size..end).find(|&index| has(index)) else { return Ok(None) };
        let last = (first..end).find(|&index| !has(index)).unwrap_or(end);
        let range = (first * block_size).max(offset)..last.saturating_mul(block_size).min(size_bytes);
        Ok((range.start < range.end).then_some(range))
    }

    fn prefetch(&self, ranges: &[Range<u64>]) {
        let block_size = u64::from(self.fetch.block_size().max(1));
        for range in ranges {
            let Ok(first) = u32::try_from(range.start / block_size) else { continue };
            // What fails here fails again, with its reason, when it is read.
            let _ = self.block(first);
        }
    }
}

/// Copies the block's bytes; a block shorter than its size ends in zeros.
fn copy_padded(target: &mut [u8], block: &[u8], within: usize) {
    let available = block.get(within..).unwrap_or_default();
    let length = target.len().min(available.len());
    target[..length].copy_from_slice(&available[..length]);
    target[length..].fill(0);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Blocks of four bytes, each holding its index; odd ones are absent, block 6 fails the first time.
    #[derive(Default)]
    struct Blocks {
        fetched: Mutex<Vec<u32>>,
        failures: AtomicUsize,
    }

    impl Fetch for Blocks {
        fn size_bytes(&self) -> u64 {
            40
        }
        fn block_size(&self) -> u32 {
            4
        }
        fn has(&self, index: u32) -> bool {
            index.is_multiple_of(2)
        }
        fn fetch(&self, index: u32) -> Result<Bytes, SourceError> {
            if index == 6 && self.failures.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(SourceError::Read { offset: 24, source: "throttled".into() });
            }
            self.fetched.lock().unwrap().push(index);
            Ok(Bytes::from(vec![index as u8; 4]))
        }
    }

    #[test]
    fn absent_blocks_are_zeros_and_present_ones_are_fetched_once() {
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 8, batch: 1 });
        for _ in 0..3 {
            let mut buffer = [9; 10];
            cached.read_at(6, &mut buffer).unwrap();
            assert_eq!(buffer, [0, 0, 2, 2, 2, 2, 0, 0, 0, 0]);
        }
        assert_eq!(*cached.fetch.fetched.lock().unwrap(), [2]);
    }

    #[test]
    fn the_cache_is_bounded_and_lets_the_longest_unused_go() {
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 2, batch: 1 });
        let mut byte = [0];
        for offset in [0, 8, 0, 16, 0, 8] {
            cached.read_at(offset, &mut byte).unwrap();
        }
        assert_eq!(*cached.fetch.fetched.lock().unwrap(), [0, 2, 4, 2]);
        assert_eq!(cached.lock().blocks.len(), 2);
    }

    #[test]
    fn blocks_that_are_absent_are_holes() {
        let cached = Cached::new(Blocks::default(), CacheLimits::default());
        assert_eq!(cached.next_allocated(0).unwrap(), Some(0..4));
        assert_eq!(cached.next_allocated(3).unwrap(), Some(3..4));
        assert_eq!(cached.next_allocated(4).unwrap(), Some(8..12));
        assert_eq!(cached.next_allocated(36).unwrap(), None);
        assert_eq!(cached.next_allocated(u64::MAX).unwrap(), None);
    }

    #[test]
    fn a_batch_reads_ahead_and_a_failed_block_is_tried_again() {
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 8, batch: 8 });
        let mut byte = [0];
        cached.read_at(0, &mut byte).unwrap();
        assert_eq!(*cached.fetch.fetched.lock().unwrap(), [0, 2, 4]);
        cached.read_at(24, &mut byte).unwrap();
        assert_eq!(byte, [6]);
        assert!(cached.read_at(40, &mut byte).is_err());
    }

    #[test]
    fn threads_that_want_the_same_block_share_one_fetch() {
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 8, batch: 2 });
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut buffer = [0; 20];
                    cached.read_at(0, &mut buffer).unwrap();
                });
            }
        });
        let mut fetched = cached.fetch.fetched.lock().unwrap().clone();
        fetched.sort_unstable();
        assert_eq!(fetched, [0, 2, 4]);
    }
}
