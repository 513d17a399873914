//! Which of physical volumes is in use.

use std::ops::Range;
use std::sync::Arc;

use super::super::source::BlockSource;
use super::metadata::Group;
use super::{Read, read};

/// Returns, for each physical volume, the ranges (in bytes) that logical volumes lie in, in no order; a lowercase
/// fragment where that can't be told.
pub(in super::super) fn used(sources: &[Arc<dyn BlockSource>]) -> Vec<Result<Vec<Range<u64>>, String>> {
    let Read { parts, groups, .. } = read(sources);
    let of = |source: &Arc<dyn BlockSource>| {
        let id = parts.iter().find(|(_, part)| Arc::ptr_eq(part, source)).map(|(id, _)| id)?;
        groups.values().find_map(|group| Some((group, group.physical.iter().find(|(_, physical)| physical.id == *id)?)))
    };
    let used = sources.iter().map(|source| match of(source) {
        Some((group, (name, physical))) => extents(group, name, physical.start_bytes),
        None => Err("which of its extents are free can't be told".to_owned()),
    });
    used.collect()
}

/// The places of a group's logical volumes on one of its physical ones.
fn extents(group: &Group, physical: &str, start_bytes: u64) -> Result<Vec<Range<u64>>, String> {
    let mut used = Vec::new();
    for logical in &group.logical {
        let unknown = |why: &str| format!("which of its extents are free can't be told, for the logical volume {}: {why}", logical.name);
        let segments = logical.segments.as_ref().map_err(|why| unknown(why))?;
        for segment in segments.iter().filter(|segment| segment.physical == physical) {
            let place = |extent: u64| extent.checked_mul(group.extent_bytes)?.checked_add(start_bytes);
            let range = place(segment.physical_start).zip(segment.physical_start.checked_add(segment.count).and_then(place));
            let (start, end) = range.ok_or_else(|| unknown("it reaches beyond what disks can be"))?;
            used.push(start..end);
        }
    }
    Ok(used)
}
