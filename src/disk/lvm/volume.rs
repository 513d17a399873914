//! A linear volume: stretches of physical volumes, one after the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::super::source::{BlockSource, Part, SourceError, check_range};
use super::metadata::{Group, Logical};

/// A linear volume.
struct Linear {
    /// Where each stretch begins in the volume, in order, and its bytes.
    stretches: Vec<(u64, Part)>,
    size_bytes: u64,
}

/// Opens a volume; the error is a lowercase fragment.
pub(super) fn open(
    group: &Group,
    logical: &Logical,
    parts: &BTreeMap<String, Arc<dyn BlockSource>>,
) -> Result<Arc<dyn BlockSource>, String> {
    let mut linear = Linear { stretches: Vec::new(), size_bytes: 0 };
    for segment in logical.segments.as_ref().map_err(Clone::clone)? {
        let physical =
            group.physical.get(&segment.physical).ok_or_else(|| format!("it lies on {:?}, which its group lacks", segment.physical))?;
        let part = parts.get(&physical.id);
        let part = part.ok_or_else(|| format!("it lies on the physical volume {}, which is not among the disks", physical.id))?;
        let is_there = segment.physical_start.checked_add(segment.count).is_some_and(|end| end <= physical.extents);
        let length = segment.count.checked_mul(group.extent_bytes);
        let start = segment.physical_start.checked_mul(group.extent_bytes).and_then(|start| start.checked_add(physical.start_bytes));
        let place =
            start.zip(length).filter(|(start, length)| start.checked_add(*length).is_some_and(|end| is_there && end <= part.size_bytes()));
        let (start, length) = place.ok_or("it reaches beyond its physical volume")?;
        linear.stretches.push((linear.size_bytes, Part::new(Arc::clone(part), start, length)));
        linear.size_bytes = linear.size_bytes.checked_add(length).ok_or("it is larger than disks can be")?;
    }
    Ok(Arc::new(linear))
}

impl Linear {
    /// The stretches from the one on that holds a place of the volume.
    fn after(&self, offset: u64) -> impl Iterator<Item = &(u64, Part)> {
        self.stretches.iter().skip(self.first_after(offset))
    }

    fn first_after(&self, offset: u64) -> usize {
        self.stretches.partition_point(|(start, part)| start + part.size_bytes() <= offset)
    }
}

impl BlockSource for Linear {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        check_range(offset, buffer.len(), self.size_bytes)?;
        let (mut at, mut rest) = (offset, buffer);
        for (start, part) in self.after(offset) {
            if rest.is_empty() {
                break;
            }
            let within = at - start;
            let length = (part.size_bytes() - within).min(rest.len() as u64) as usize;
            let (now, later) = rest.split_at_mut(length);
            part.read_at(within, now)?;
            (at, rest) = (at + length as u64, later);
        }
        Ok(())
    }

    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        for (start, part) in self.after(offset) {
            if let Some(range) = part.next_allocated(offset.saturating_sub(*start))? {
                return Ok(Some(start + range.start..start + range.end));
            }
        }
        Ok(None)
    }

    fn prefetch(&self, ranges: &[Range<u64>]) {
        let mut wanted = BTreeMap::<usize, Vec<Range<u64>>>::new();
        for range in ranges {
            let first = self.first_after(range.start);
            for (index, (start, _)) in self.stretches.iter().enumerate().skip(first).take_while(|(_, (start, _))| *start < range.end) {
                wanted.entry(index).or_default().push(range.start.saturating_sub(*start)..range.end - start);
            }
        }
        for (index, ranges) in wanted {
            self.stretches[index].1.prefetch(&ranges);
        }
    }

    fn heeds_prefetch(&self) -> bool {
        self.stretches.iter().any(|(_, part)| part.heeds_prefetch())
    }
}
