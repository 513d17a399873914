//! The search of what no file holds: free space, journals, what lies between partitions. What was deleted is there still.
//!
//! One thread tells the stretches in disk order, those that touch as one, and cuts them into pieces; workers, one a
//! core, read and search them. What is found doesn't depend on which worker finds it. Nothing tells whose the bytes
//! were, so only rules that are never mistaken search them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::request::Progress;
use super::secrets::{FileScope, Fingerprint, Match, Matches, OVERLAP_BYTES, Searcher, Weight, Window};
use crate::disk::{DiskImage, Space, Stretch};

/// Longer stretches are searched in pieces that begin so far from each other.
const PIECE_BYTES: u64 = 4 << 20;

/// Pieces are handed to workers in lots of about this many bytes, and at most so many.
const LOT_BYTES: u64 = 4 << 20;
const LOT_PIECES: usize = 1024;

/// More workers than this only wait for the disk.
const MOST_WORKERS: usize = 8;

/// What is searched in one image; more can be claimed by a small file that says "the same again".
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html>, the largest volume of SSDs but one.
const MOST_BYTES: u64 = 16 << 40;

/// Places that are kept; the first ones, so that they are the same each time.
const MOST_PLACES: usize = 4096;

/// Faults that are told one by one.
const MOST_FAULTS: usize = 16;

/// What was found where no file is.
#[derive(Debug, Default)]
pub(super) struct Unallocated {
    /// Each secret once, by its first place.
    pub(super) secrets: Vec<Deleted>,
    /// What could not be searched, and why; lowercase fragments.
    pub(super) faults: Vec<String>,
    /// How much was searched; what the disks don't hold isn't counted.
    pub(super) bytes: u64,
}

/// A secret that no file holds.
#[derive(Debug)]
pub(super) struct Deleted {
    /// What it is.
    pub(super) found: Match,
    /// The first place where it stands.
    pub(super) place: Place,
    /// In how many more places it stands.
    pub(super) more: usize,
}

/// A place on a disk or volume.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The disk or volume.
    pub(super) name: Arc<str>,
    pub(super) space: Space,
    /// From the beginning of the disk or volume, in bytes.
    pub(super) offset: u64,
}

/// Searches all that no file of an image holds; a folder has nothing of the kind, and that is a fault.
///
/// `packaged` are keys that packages bring: older versions of theirs are nobody's secrets.
pub(super) fn search(image: Option<&DiskImage>, packaged: &BTreeSet<Fingerprint>, progress: &(dyn Fn(Progress) + Sync)) -> Unallocated {
    let Some(image) = image else {
        let why = "a folder holds files alone; what was deleted is found on the disk that it came from".to_owned();
        return Unallocated { faults: vec![why], ..Unallocated::default() };
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
    let (sender, receiver) = sync_channel(workers);
    let receiver = Mutex::new(receiver);
    let (told, mut found) = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| Worker::new().run(&receiver))).collect();
        let told = tell(image, sender, progress);
        let mut found = Places::default();
        for worker in workers {
            match worker.join() {
                Ok(places) => found.add(places),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        (told, found)
    });
    let mut faults = told.faults;
    faults.append(&mut found.faults);
    if found.is_full {
        faults.push(format!("more than {MOST_PLACES} places hold what looks like a secret; the first ones are told"));
    }
    Unallocated { secrets: found.into_secrets(packaged), faults: shortened(faults), bytes: told.bytes }
}

/// Damage of every group would be thousands of faults.
fn shortened(mut faults: Vec<String>) -> Vec<String> {
    faults.sort();
    faults.dedup();
    let more = faults.len().saturating_sub(MOST_FAULTS);
    faults.truncate(MOST_FAULTS);
    if more > 0 {
        faults.push(format!("and so it is with {more} more"));
    }
    faults
}

/// A part of a stretch, which a worker reads and searches at once.
struct Piece {
    stretch: Stretch,
    /// From the stretch's beginning, in bytes.
    part: Range<u64>,
}

/// What was told to the workers.
#[derive(Default)]
struct Told {
    bytes: u64,
    faults: Vec<String>,
}

/// Cuts all stretches into pieces, until the workers are gone.
fn tell(image: &DiskImage, sender: SyncSender<Vec<Piece>>, progress: &(dyn Fn(Progress) + Sync)) -> Told {
    let (mut told, mut lot, mut lot_bytes) = (Told::default(), Vec::new(), 0);
    let mut course = Course::new(image, progress);
    image.unallocated(&mut |found| {
        let stretch = match found {
            Ok(stretch) => stretch,
            Err(why) => {
                // Enough to be told, and to say that there are more.
                if told.faults.len() < 100 * MOST_FAULTS {
                    told.faults.push(why);
                }
                return ControlFlow::Continue(());
            }
        };
        for part in parts(stretch.range.end - stretch.range.start) {
            if told.bytes > MOST_BYTES {
                told.faults.push(format!("the search ended after {MOST_BYTES} bytes"));
                return ControlFlow::Break(());
            }
            course.tell(&stretch, part.start);
            told.bytes += (part.end - part.start).min(PIECE_BYTES);
            // While the workers are at lots before it, of which few are on their way.
            let place = stretch.range.start + part.start..stretch.range.start + part.end;
            stretch.source.prefetch(std::slice::from_ref(&place));
            lot_bytes += part.end - part.start;
            lot.push(Piece { stretch: stretch.clone(), part });
            if lot_bytes >= LOT_BYTES || lot.len() >= LOT_PIECES {
                lot_bytes = 0;
                if sender.send(std::mem::take(&mut lot)).is_err() {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    });
    // Workers that are gone have panicked, which whoever joins them sees.
    let _ = sender.send(lot);
    course.end();
    told
}

/// Cuts a stretch as windows of a file are cut: each piece shares its end with the next one's beginning.
fn parts(length: u64) -> impl Iterator<Item = Range<u64>> {
    let overlap = OVERLAP_BYTES as u64;
    let count = length.saturating_sub(overlap).div_ceil(PIECE_BYTES).max(1);
    (0..count).map(move |index| index * PIECE_BYTES..length.min((index + 1) * PIECE_BYTES + overlap))
}

/// How far through the image's disks and volumes the search is.
struct Course<'p> {
    progress: &'p (dyn Fn(Progress) + Sync),
    /// The disk or volume, and the place in it, that was told last.
    last: (usize, u64),
    before: u64,
    of: u64,
}

impl<'p> Course<'p> {
    /// Tells of each so many bytes.
    const STEP_BYTES: u64 = 64 << 20;

    fn new(image: &DiskImage, progress: &'p (dyn Fn(Progress) + Sync)) -> Self {
        Self { progress, last: (0, 0), before: 0, of: image.volumes.iter().map(|volume| volume.partition.size_bytes).sum() }
    }

    fn tell(&mut self, stretch: &Stretch, offset: u64) {
        let place = stretch.range.start + offset;
        if stretch.of != self.last.0 {
            self.before += self.last.1;
            self.last = (stretch.of, 0);
        }
        // Disks themselves have nothing but what lies between their partitions, and journals lie behind what was told.
        if stretch.space != Space::Unpartitioned && place > self.last.1 + Self::STEP_BYTES {
            self.last.1 = place;
            (self.progress)(Progress::Unallocated { bytes: (self.before + place).min(self.of.saturating_sub(1)), of: self.of });
        }
    }

    fn end(&self) {
        (self.progress)(Progress::Unallocated { bytes: self.of, of: self.of });
    }
}

/// Secrets by their places: the number of the disk or volume, and the bytes that they take.
#[derive(Default)]
struct Places {
    list: BTreeMap<(usize, u64, u64), (Place, Match)>,
    is_full: bool,
    faults: Vec<String>,
}

impl Places {
    fn put(&mut self, key: (usize, u64, u64), found: (Place, Match)) {
        self.list.entry(key).or_insert(found);
        if self.list.len() > MOST_PLACES {
            self.list.pop_last();
            self.is_full = true;
        }
    }

    fn add(&mut self, other: Self) {
        self.is_full |= other.is_full;
        self.faults.extend(other.faults);
        other.list.into_iter().for_each(|(key, found)| self.put(key, found));
    }

    /// Tells each secret once.
    fn into_secrets(self, packaged: &BTreeSet<Fingerprint>) -> Vec<Deleted> {
        let mut known: BTreeMap<(Fingerprint, Weight), usize> = BTreeMap::new();
        let mut secrets: Vec<Deleted> = Vec::new();
        for (place, found) in self.list.into_values().filter(|(_, found)| !packaged.contains(&found.fingerprint)) {
            let index = *known.entry((found.fingerprint.clone(), found.weight)).or_insert(secrets.len());
            match secrets.get_mut(index) {
                Some(secret) => secret.more += 1,
                None => secrets.push(Deleted { found, place, more: 0 }),
            }
        }
        secrets
    }
}

struct Worker {
    /// What has no name is no file of any known kind.
    scope: FileScope,
    buffer: Vec<u8>,
    found: Places,
}

impl Worker {
    fn new() -> Self {
        let scope = Searcher::unallocated().scope(std::iter::once(Path::new("")));
        Self { scope, buffer: Vec::new(), found: Places::default() }
    }

    fn run(mut self, lots: &Mutex<Receiver<Vec<Piece>>>) -> Places {
        loop {
            let lot = lots.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(lot) = lot else { return self.found };
            for piece in lot {
                self.look(&piece);
            }
        }
    }

    fn look(&mut self, Piece { stretch, part }: &Piece) {
        let start = stretch.range.start + part.start;
        // At most a piece and what it shares with the next one.
        let length = (part.end - part.start) as usize;
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        let bytes = &mut self.buffer[..length];
        if let Err(error) = stretch.source.read_at(start, bytes) {
            self.found.faults.push(format!("{}: {error}", stretch.name));
            return;
        }
        let size_bytes = stretch.range.end - stretch.range.start;
        let mut matches = Matches::default();
        let window = Window { offset_bytes: part.start, bytes, last: part.end == size_bytes };
        Searcher::unallocated().search(&self.scope, &window, &mut matches);
        if let Some(why) = matches.fault() {
            self.found.faults.push(format!("{} at byte {start}: {why}", stretch.name));
        }
        for found in matches.into_sorted() {
            let offset = stretch.range.start + found.range.start;
            let key = (stretch.of, offset, stretch.range.start + found.range.end);
            self.found.put(key, (Place { name: Arc::clone(&stretch.name), space: stretch.space, offset }, found));
        }
    }
}
