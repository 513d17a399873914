//! A bounded cache of blocks over a slow source, such as a snapshot behind an API.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

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
    /// Blocks fetched in one go: the one wanted and those after it that the source holds. No more than a quarter of
    /// those held, so that what is read ahead doesn't drive out what is in use.
    pub batch: usize,
}

impl Default for CacheLimits {
    /// 192 blocks of 512 KiB are 96 MiB; 32 fetched in one go, while those before are in use, hide what a round trip takes.
    /// Two batches that were used, two that are on their way, and what leads to files have room.
    fn default() -> Self {
        Self { blocks: 192, batch: 32 }
    }
}

impl CacheLimits {
    /// Blocks that may be on their way without anybody waiting: two batches, and no more than half of those held.
    fn in_flight(&self) -> usize {
        (2 * self.batch).min(self.blocks.div_ceil(2))
    }
}

/// A disk over a [`Fetch`], with the blocks used last held in memory.
///
/// No block is fetched by two threads at the same time: the second waits for the first. Whoever gets half through a batch has
/// the next one fetched by a thread of the cache's own, and whoever begins with that the one after it, so that reading in order
/// waits for the first batch alone. So are blocks that somebody foretells ([`BlockSource::prefetch`]).
pub struct Cached<F> {
    shared: Arc<Shared<F>>,
    /// Blocks to be fetched ahead, claimed; none where no thread could be had, and once the cache is dropped.
    ahead: Option<Sender<Vec<u32>>>,
    threads: Vec<JoinHandle<()>>,
}

/// Threads that fetch ahead: while one batch is on its way, the next one is asked for.
const THREADS: usize = 2;

/// What the cache shares with its threads.
struct Shared<F> {
    fetch: F,
    limits: CacheLimits,
    state: Mutex<State>,
    arrived: Condvar,
    /// Whether nobody will want what is still to be fetched ahead.
    closing: AtomicBool,
}

#[derive(Default)]
struct State {
    blocks: HashMap<u32, Slot>,
    /// Block by the time of its last use: the first is the one to let go.
    by_use: BTreeMap<u64, u32>,
    clock: u64,
}

struct Slot {
    /// None while it is being fetched.
    held: Option<Held>,
    /// Where reading goes on ahead once the block is wanted.
    next: Option<u32>,
}

struct Held {
    bytes: Bytes,
    used: u64,
}

impl<F: Fetch + 'static> Cached<F> {
    /// Puts a cache before a source.
    pub fn new(fetch: F, limits: CacheLimits) -> Self {
        let blocks = limits.blocks.max(1);
        let limits = CacheLimits { blocks, batch: limits.batch.min(blocks.div_ceil(4)).max(1) };
        let shared = Arc::new(Shared { fetch, limits, state: Mutex::default(), arrived: Condvar::new(), closing: AtomicBool::new(false) });
        let (ahead, claimed) = channel();
        let claimed = Arc::new(Mutex::new(claimed));
        let spawn = |_| {
            let (shared, claimed) = (Arc::clone(&shared), Arc::clone(&claimed));
            thread::Builder::new().name("read ahead".to_owned()).spawn(move || shared.read_ahead(&claimed)).ok()
        };
        let threads: Vec<_> = (0..THREADS).map_while(spawn).collect();
        Self { shared, ahead: (!threads.is_empty()).then_some(ahead), threads }
    }
}

impl<F> Drop for Cached<F> {
    /// Waits for the batches that are under way; those behind them are not begun.
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.ahead = None;
        // A thread that panicked has let go of its blocks.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl<F: Fetch> Cached<F> {
    /// Returns the block, or none when it is all zeros.
    fn block(&self, index: u32) -> Result<Option<Bytes>, SourceError> {
        let shared = &*self.shared;
        if !shared.fetch.has(index) {
            return Ok(None);
        }
        let mut state = shared.lock();
        loop {
            if let Some(next) = state.blocks.get_mut(&index).and_then(|slot| slot.next.take()) {
                self.read_on(&mut state, next);
            }
            if let Some(bytes) = state.touch(index) {
                return Ok(Some(bytes));
            }
            if !state.blocks.contains_key(&index) {
                break;
            }
            state = shared.arrived.wait(state).unwrap_or_else(|e| e.into_inner());
        }
        // Where the one before isn't there either, somebody reads here and there: much of what follows would drive out what is
        // in use, and itself be gone before its time.
        let is_in_order = index.checked_sub(1).is_none_or(|before| state.blocks.contains_key(&before));
        let most = if is_in_order { shared.limits.batch } else { shared.limits.batch.div_ceil(8) };
        let wanted = shared.claim(&mut state, shared.window(index), most);
        if is_in_order {
            // Not the one that is wanted now: that would be no sign of more to come.
            shared.go_on_at(&mut state, &wanted, wanted.len().div_ceil(2));
        }
        drop(state);
        shared.fetch_claimed(&wanted).transpose()
    }

    /// Has the batch after one that is in use fetched, without waiting for it; none while as many as may be are on their way.
    fn read_on(&self, state: &mut State, first: u32) {
        let shared = &*self.shared;
        let Some(ahead) = self.ahead.as_ref().filter(|_| state.in_flight() < shared.limits.in_flight()) else { return };
        let batch = shared.claim(state, shared.window(first), shared.limits.batch);
        shared.go_on_at(state, &batch, 0);
        fetch_ahead(ahead, state, batch);
    }
}

/// Has claimed blocks fetched, without waiting for them.
fn fetch_ahead(ahead: &Sender<Vec<u32>>, state: &mut State, wanted: Vec<u32>) {
    if wanted.is_empty() {
        return;
    }
    if let Err(SendError(wanted)) = ahead.send(wanted) {
        // The threads have panicked: whoever wants the blocks fetches them.
        state.release(&wanted);
    }
}

impl<F: Fetch> Shared<F> {
    /// Fetches claimed blocks until nobody will want more.
    fn read_ahead(&self, claimed: &Mutex<Receiver<Vec<u32>>>) {
        loop {
            let next = claimed.lock().unwrap_or_else(|e| e.into_inner()).recv();
            match next {
                Ok(wanted) if !self.closing.load(Ordering::Relaxed) => drop(self.fetch_claimed(&wanted)),
                _ => return,
            }
        }
    }

    /// Where the batch that begins with a block may lie: holes and what is held already are passed over.
    fn window(&self, first: u32) -> Range<u32> {
        let end = self.fetch.size_bytes().div_ceil(u64::from(self.fetch.block_size().max(1)));
        let length = u32::try_from(2 * self.limits.batch).unwrap_or(u32::MAX);
        first..first.saturating_add(length).min(u32::try_from(end).unwrap_or(u32::MAX))
    }

    /// Marks so many of a window's blocks as being fetched, as far as nobody has or fetches them.
    fn claim(&self, state: &mut State, window: Range<u32>, most: usize) -> Vec<u32> {
        let absent = window.filter(|index| self.fetch.has(*index) && !state.blocks.contains_key(index));
        let wanted: Vec<u32> = absent.take(most).collect();
        state.blocks.extend(wanted.iter().map(|&index| (index, Slot { held: None, next: None })));
        wanted
    }

    /// Has the batch after this one be fetched once somebody wants this one's block at a place.
    fn go_on_at(&self, state: &mut State, batch: &[u32], place: usize) {
        let slot = batch.get(place).and_then(|index| state.blocks.get_mut(index));
        if let (Some(slot), Some(last)) = (slot, batch.last()) {
            slot.next = last.checked_add(1);
        }
    }

    /// Fetches claimed blocks and returns the first of them. A failure of another block is not kept:
    /// whoever wants that block tries again.
    fn fetch_claimed(&self, wanted: &[u32]) -> Option<Result<Bytes, SourceError>> {
        let mut claim = Claim { shared: self, wanted };
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
        // What did not arrive is let go of at once: after the lock somebody else may have claimed it.
        state.release(std::mem::take(&mut claim.wanted));
        drop(state);
        self.arrived.notify_all();
        first
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn missing(index: u32) -> SourceError {
    SourceError::Read { offset: u64::from(index), source: "the source returned fewer blocks than were asked for".into() }
}

/// Lets go of blocks marked as in flight that did not arrive, if the fetch ended in a panic.
struct Claim<'a, F: Fetch> {
    shared: &'a Shared<F>,
    wanted: &'a [u32],
}

impl<F: Fetch> Drop for Claim<'_, F> {
    fn drop(&mut self) {
        self.shared.lock().release(self.wanted);
        self.shared.arrived.notify_all();
    }
}

impl State {
    /// Tells how many blocks are being fetched, or are to be.
    fn in_flight(&self) -> usize {
        self.blocks.len().saturating_sub(self.by_use.len())
    }

    /// Lets go of claimed blocks that did not arrive.
    fn release(&mut self, claimed: &[u32]) {
        for index in claimed {
            if self.blocks.get(index).is_some_and(|slot| slot.held.is_none()) {
                self.blocks.remove(index);
            }
        }
    }

    fn touch(&mut self, index: u32) -> Option<Bytes> {
        let held = self.blocks.get_mut(&index)?.held.as_mut()?;
        self.clock += 1;
        self.by_use.remove(&held.used);
        held.used = self.clock;
        self.by_use.insert(self.clock, index);
        Some(held.bytes.clone())
    }

    fn insert(&mut self, index: u32, bytes: Bytes, most: usize) {
        self.clock += 1;
        let slot = self.blocks.entry(index).or_insert(Slot { held: None, next: None });
        if let Some(before) = slot.held.replace(Held { bytes, used: self.clock }) {
            self.by_use.remove(&before.used);
        }
        self.by_use.insert(self.clock, index);
        while self.by_use.len() > most {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.blocks.remove(&oldest);
        }
    }
}

impl<F: Fetch> BlockSource for Cached<F> {
    fn size_bytes(&self) -> u64 {
        self.shared.fetch.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        check_range(offset, buffer.len(), self.size_bytes())?;
        let block_size = u64::from(self.shared.fetch.block_size().max(1));
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
        let block_size = u64::from(self.shared.fetch.block_size().max(1));
        let size_bytes = self.size_bytes();
        let has = |index: u64| u32::try_from(index).is_ok_and(|index| self.shared.fetch.has(index));
        let end = size_bytes.div_ceil(block_size);
        let Some(first) = (offset / block_size..end).find(|&index| has(index)) else { return Ok(None) };
        let last = (first..end).find(|&index| !has(index)).unwrap_or(end);
        let range = (first * block_size).max(offset)..last.saturating_mul(block_size).min(size_bytes);
        Ok((range.start < range.end).then_some(range))
    }

    /// Of each range a batch at most, and of all together two: who wants more says so again as it gets on. Wherever they lie,
    /// they are one fetch.
    fn prefetch(&self, ranges: &[Range<u64>]) {
        let Some(ahead) = &self.ahead else { return };
        let block_size = u64::from(self.shared.fetch.block_size().max(1));
        let batch = u64::try_from(self.shared.limits.batch).unwrap_or(u64::MAX);
        let index = |index: u64| u32::try_from(index).unwrap_or(u32::MAX);
        let mut state = self.shared.lock();
        let mut wanted = Vec::new();
        for range in ranges {
            let room = self.shared.limits.in_flight().saturating_sub(state.in_flight());
            if room == 0 {
                break;
            }
            let start = range.start / block_size;
            let end = range.end.min(self.size_bytes()).div_ceil(block_size).min(start.saturating_add(batch));
            wanted.extend(self.shared.claim(&mut state, index(start)..index(end), room));
        }
        wanted.sort_unstable();
        fetch_ahead(ahead, &mut state, wanted);
    }

    fn heeds_prefetch(&self) -> bool {
        self.ahead.is_some()
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
        assert_eq!(*cached.shared.fetch.fetched.lock().unwrap(), [2]);
    }

    #[test]
    fn the_cache_is_bounded_and_lets_the_longest_unused_go() {
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 2, batch: 1 });
        let mut byte = [0];
        for offset in [0, 8, 0, 16, 0, 8] {
            cached.read_at(offset, &mut byte).unwrap();
        }
        assert_eq!(*cached.shared.fetch.fetched.lock().unwrap(), [0, 2, 4, 2]);
        assert_eq!(cached.shared.lock().blocks.len(), 2);
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
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 16, batch: 4 });
        let mut byte = [0];
        cached.read_at(0, &mut byte).unwrap();
        assert_eq!(*cached.shared.fetch.fetched.lock().unwrap(), [0, 2, 4]);
        cached.read_at(24, &mut byte).unwrap();
        assert_eq!(byte, [6]);
        assert!(cached.read_at(40, &mut byte).is_err());
    }

    #[test]
    fn threads_that_want_the_same_block_share_one_fetch() {
        let cached = Cached::new(Blocks::default(), CacheLimits { blocks: 16, batch: 2 });
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut buffer = [0; 20];
                    cached.read_at(0, &mut buffer).unwrap();
                });
            }
        });
        let mut fetched = cached.shared.fetch.fetched.lock().unwrap().clone();
        fetched.sort_unstable();
        fetched.dedup();
        assert_eq!(fetched.len(), cached.shared.fetch.fetched.lock().unwrap().len());
        assert!(fetched.starts_with(&[0, 2, 4]), "{fetched:?}");
    }

    /// Blocks of one byte that come when they are let.
    struct Gate {
        open: Mutex<Receiver<()>>,
        asked: Sender<Vec<u32>>,
    }

    impl Fetch for Gate {
        fn size_bytes(&self) -> u64 {
            64
        }
        fn block_size(&self) -> u32 {
            1
        }
        fn has(&self, index: u32) -> bool {
            !(16..24).contains(&index)
        }
        fn fetch(&self, index: u32) -> Result<Bytes, SourceError> {
            self.fetch_many(&[index]).pop().unwrap()
        }
        fn fetch_many(&self, indices: &[u32]) -> Vec<Result<Bytes, SourceError>> {
            self.asked.send(indices.to_vec()).unwrap();
            self.open.lock().unwrap().recv().unwrap();
            indices.iter().map(|&index| Ok(vec![index as u8].into())).collect()
        }
    }

    /// A cache of 64 blocks that fetches eight at once, what lets a batch come, and what tells of each that is asked for.
    fn gated() -> (Cached<Gate>, Sender<()>, Receiver<Vec<u32>>) {
        let ((open, opened), (asked, told)) = (channel(), channel());
        let gate = Gate { open: Mutex::new(opened), asked };
        (Cached::new(gate, CacheLimits { blocks: 64, batch: 8 }), open, told)
    }

    #[test]
    fn who_gets_half_through_a_batch_has_the_next_one_fetched_without_waiting() {
        let (cached, open, told) = gated();
        let read = |offset: u64| {
            let mut byte = [0];
            cached.read_at(offset, &mut byte).unwrap();
            assert_eq!(u64::from(byte[0]), offset);
        };
        open.send(()).unwrap();
        (0..4).for_each(read);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [(0..8).collect::<Vec<_>>()]);
        // The gate is closed, and this comes back all the same.
        (4..8).for_each(read);
        assert_eq!(told.recv().unwrap(), (8..16).collect::<Vec<_>>());
        open.send(()).unwrap();
        read(8);
        // A hole is passed over.
        assert_eq!(told.recv().unwrap(), (24..32).collect::<Vec<_>>());
        open.send(()).unwrap();
    }

    #[test]
    fn what_will_be_wanted_is_fetched_without_waiting_and_no_more_than_two_batches_at_once() {
        let (cached, open, told) = gated();
        let ranges = [0..3, 30..31, 24..28, 40..48, 48..64, 56..64, 60..64, 8..16];
        cached.prefetch(&ranges);
        // In one fetch, and none of the later ones, for which there is no room.
        let asked = [0..3, 24..28, 30..31, 40..48].map(Vec::from_iter).concat();
        assert_eq!(told.recv().unwrap(), asked);
        open.send(()).unwrap();
        drop(cached);
        assert!(told.recv().is_err());
    }

    #[test]
    fn what_is_foretold_of_places_outside_of_the_disk_is_nothing() {
        let (cached, open, told) = gated();
        let reversed = Range { start: 50, end: 40 };
        cached.prefetch(&[64..65, u64::MAX - 1..u64::MAX, 1 << 40..1 << 50, reversed, 10..10, 62..u64::MAX]);
        assert_eq!(told.recv().unwrap(), [62, 63]);
        open.send(()).unwrap();
        cached.read_at(62, &mut [0]).unwrap();
        // Nor is more fetched than there is room for, however often it is said.
        cached.prefetch(&(0..100_000).map(|place| place % 64..u64::MAX).collect::<Vec<_>>());
        assert_eq!(told.recv().unwrap().len(), 16);
        open.send(()).unwrap();
        drop(cached);
        assert!(told.recv().is_err());
    }

    #[test]
    fn who_reads_here_and_there_fetches_little_beyond() {
        let (cached, open, told) = gated();
        for (offset, fetched) in [(40, vec![40]), (30, vec![30]), (31, (31..39).collect()), (0, (0..8).collect())] {
            open.send(()).unwrap();
            cached.read_at(offset, &mut [0]).unwrap();
            assert_eq!(told.recv().unwrap(), fetched);
        }
        drop((cached, open));
    }

    #[test]
    fn what_is_to_be_fetched_ahead_is_not_begun_once_nobody_wants_it() {
        let (cached, open, told) = gated();
        [0..8, 8..12, 24..28].into_iter().for_each(|range| cached.prefetch(&[range]));
        let mut begun = [told.recv().unwrap(), told.recv().unwrap()];
        begun.sort();
        assert_eq!(begun, [Vec::from_iter(0..8), Vec::from_iter(8..12)]);
        // As when it is dropped, which waits for what is under way.
        cached.shared.closing.store(true, Ordering::Relaxed);
        (0..THREADS).for_each(|_| open.send(()).unwrap());
        drop(cached);
        assert!(told.recv().is_err());
    }

    #[test]
    fn a_block_that_is_held_already_counts_once() {
        let mut state = State::default();
        (0..3).for_each(|_| state.insert(7, Bytes::from_static(b"7"), 1));
        assert_eq!((state.blocks.len(), state.by_use.len()), (1, 1));
        assert!(state.touch(7).is_some());
    }
}
