//! Space that no file holds, but that a snapshot ships all the same: what was deleted is still in it.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::content::Content;
use super::ext4::Ext4;
use super::fat::Fat;
use super::fault::with_causes;
use super::image::{DiskImage, VolumeState};
use super::lvm;
use super::source::BlockSource;
use super::tree::TreeError;
use super::xfs::Xfs;

/// Why space holds no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// The file system has it free.
    Free,
    /// The file system keeps copies of its blocks there.
    Journal,
    /// It lies behind the file system's end.
    Behind,
    /// It lies in no partition.
    Unpartitioned,
    /// It lies in no logical volume.
    FreeExtents,
}

impl fmt::Display for Space {
    /// Writes it as a noun phrase without an article.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "free space",
            Self::Journal => "the journal",
            Self::Behind => "space behind the end",
            Self::Unpartitioned => "unpartitioned space",
            Self::FreeExtents => "free extents",
        })
    }
}

/// What a file system hands its stretches to, in bytes of its partition; a lowercase fragment for what can't be told.
pub(super) type Sink<'s> = &'s mut dyn FnMut(Result<(Space, Range<u64>), String>) -> ControlFlow<()>;

/// A file system that tells where it holds no file.
pub(super) trait Unallocated {
    /// Hands out all stretches that hold no file, in disk order for each kind of space, until a break. What
    /// can't be told is handed out as a fault, and the rest goes on.
    fn unallocated(&self, sink: Sink<'_>) -> ControlFlow<()>;
}

/// Opens the file system of a volume; none for content that is none.
fn open(content: Content, source: Arc<dyn BlockSource>) -> Result<Option<Box<dyn Unallocated>>, TreeError> {
    Ok(match content {
        Content::Ext => Some(Box::new(Ext4::open(source)?)),
        Content::Xfs => Some(Box::new(Xfs::open(source)?)),
        Content::Fat => Some(Box::new(Fat::open(source)?)),
        _ => None,
    })
}

/// A stretch of an image that holds no file.
#[derive(Clone)]
pub struct Stretch {
    /// The disk or volume that it is of, by its place in the image: disks first.
    pub of: usize,
    /// Its name.
    pub name: Arc<str>,
    /// Why it holds no file.
    pub space: Space,
    /// The bytes of the disk or volume.
    pub source: Arc<dyn BlockSource>,
    /// Which of them.
    pub range: Range<u64>,
}

impl DiskImage {
    /// Hands out all stretches that no file holds, until a break: of each disk and volume in disk order for each kind
    /// of space, as far as its source may hold anything but zeros there. Stretches that touch are one.
    ///
    /// Volumes that can't be read are left out: [`VolumeState::Unread`] tells of them. What else can't be told is
    /// handed out as a fault, a lowercase fragment.
    pub fn unallocated(&self, sink: &mut dyn FnMut(Result<Stretch, String>) -> ControlFlow<()>) {
        let mut joined = Joined { sink, last: None };
        let _ = self.each_unallocated(&mut joined).is_continue() && joined.flush().is_continue();
    }

    fn each_unallocated(&self, joined: &mut Joined) -> ControlFlow<()> {
        for (index, disk) in self.disks.iter().enumerate() {
            let stretch = Stretch {
                of: index,
                name: format!("disk {}", index + 1).into(),
                space: Space::Unpartitioned,
                source: Arc::clone(disk),
                range: 0..0,
            };
            let used = self.volumes.iter().filter(|volume| volume.disk == index + 1 && volume.logical.is_none());
            let used = used.map(|volume| volume.partition.start_bytes..volume.partition.start_bytes + volume.partition.size_bytes);
            for range in between(used.collect(), disk.size_bytes()) {
                joined.take(Stretch { range, ..stretch.clone() })?;
            }
        }
        let mut physical = Vec::new();
        for (index, (volume, source)) in self.volumes.iter().zip(&self.sources).enumerate() {
            let Some(source) = source else { continue };
            let stretch = Stretch {
                of: self.disks.len() + index,
                name: volume.to_string().into(),
                space: Space::Free,
                source: Arc::clone(source),
                range: 0..source.size_bytes(),
            };
            match volume.state {
                VolumeState::Divided => physical.push(stretch),
                VolumeState::Mounted { .. } | VolumeState::Loose { .. } => {
                    let fs = match open(volume.content, Arc::clone(source)) {
                        Ok(fs) => fs,
                        Err(error) => {
                            joined.fault(format!("{volume} can't be opened again: {}", with_causes(&error)))?;
                            continue;
                        }
                    };
                    let Some(fs) = fs else { continue };
                    fs.unallocated(&mut |found| match found {
                        Ok((space, range)) => joined.take(Stretch { space, range, ..stretch.clone() }),
                        Err(why) => joined.fault(format!("{volume}: {why}")),
                    })?;
                }
                // What holds no files is searched as one, with all files.
                VolumeState::NoFiles | VolumeState::Unread { .. } => {}
            }
        }
        self.free_extents(&physical, joined)
    }

    /// Hands out what of physical volumes is in no logical one.
    fn free_extents(&self, physical: &[Stretch], joined: &mut Joined) -> ControlFlow<()> {
        let sources: Vec<_> = physical.iter().map(|stretch| Arc::clone(&stretch.source)).collect();
        for (stretch, used) in physical.iter().zip(lvm::used(&sources)) {
            match used {
                Ok(used) => {
                    for range in between(used, stretch.source.size_bytes()) {
                        joined.take(Stretch { space: Space::FreeExtents, range, ..stretch.clone() })?;
                    }
                }
                Err(why) => joined.fault(format!("{}: {why}", stretch.name))?,
            }
        }
        ControlFlow::Continue(())
    }
}

/// What lies between ranges, in order; they may overlap.
fn between(mut used: Vec<Range<u64>>, size_bytes: u64) -> Vec<Range<u64>> {
    used.sort_unstable_by_key(|range| range.start);
    let mut free = Vec::new();
    let mut reached = 0;
    for range in used {
        if reached < range.start {
            free.push(reached..range.start.min(size_bytes));
        }
        reached = reached.max(range.end);
    }
    free.push(reached..size_bytes);
    free.retain(|range| range.start < range.end);
    free
}

/// Stretches on their way: holes taken out, what touches put together.
struct Joined<'s> {
    sink: &'s mut dyn FnMut(Result<Stretch, String>) -> ControlFlow<()>,
    last: Option<Stretch>,
}

impl Joined<'_> {
    /// Takes what the source may hold of a stretch.
    fn take(&mut self, stretch: Stretch) -> ControlFlow<()> {
        let end = stretch.range.end.min(stretch.source.size_bytes());
        let mut at = stretch.range.start;
        while at < end {
            match stretch.source.next_allocated(at) {
                Ok(Some(found)) if found.start < end && found.end > at => {
                    let range = found.start.max(at)..found.end.min(end);
                    at = range.end;
                    self.join(Stretch { range, ..stretch.clone() })?;
                }
                Ok(_) => break,
                Err(error) => return self.fault(format!("{}: {}", stretch.name, with_causes(&error))),
            }
        }
        ControlFlow::Continue(())
    }

    fn join(&mut self, stretch: Stretch) -> ControlFlow<()> {
        match &mut self.last {
            Some(last) if (last.of, last.space, last.range.end) == (stretch.of, stretch.space, stretch.range.start) => {
                last.range.end = stretch.range.end;
                ControlFlow::Continue(())
            }
            _ => {
                self.flush()?;
                self.last = Some(stretch);
                ControlFlow::Continue(())
            }
        }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        self.last.take().map_or(ControlFlow::Continue(()), |last| (self.sink)(Ok(last)))
    }

    fn fault(&mut self, why: String) -> ControlFlow<()> {
        (self.sink)(Err(why))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::source::SourceError;
    use super::super::testing::{disk_with, ext4};
    use super::*;

    /// A disk that nobody can read any more from some time on.
    struct Failing {
        disk: Vec<u8>,
        fails: AtomicBool,
    }

    impl BlockSource for Failing {
        fn size_bytes(&self) -> u64 {
            self.disk.size_bytes()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
            if self.fails.load(Ordering::Relaxed) {
                return Err(SourceError::Read { offset, source: "it is gone".into() });
            }
            self.disk.read_at(offset, buffer)
        }
    }

    #[test]
    fn a_file_system_that_can_not_be_opened_again_is_told() {
        let disk = disk_with(&[&ext4(&[("etc/os-release", "ID=debian\n")])]);
        let source = Arc::new(Failing { disk, fails: AtomicBool::new(false) });
        let image = super::super::open(&[Arc::clone(&source) as Arc<dyn BlockSource>]);
        source.fails.store(true, Ordering::Relaxed);
        let mut faults = Vec::new();
        image.unallocated(&mut |found| {
            faults.extend(found.err());
            ControlFlow::Continue(())
        });
        assert!(matches!(&faults[..], [why] if why.contains("partition 1 can't be opened again: ")), "{faults:?}");
    }
}
