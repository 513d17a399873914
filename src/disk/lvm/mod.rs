//! LVM2: physical volumes joined to a group, and linear volumes out of it.
//!
//! Other kinds of volumes (striped, mirrored, thin, cached) are not read, but told by name.

mod free;
mod label;
mod metadata;
#[cfg(test)]
mod tests;
mod text;
mod volume;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::source::BlockSource;
pub(super) use free::used;
use label::PhysicalVolume;
use metadata::Group;

/// A logical volume, or why it can't be read.
pub(super) struct LogicalVolume {
    /// Its group's name.
    pub group: String,
    /// Its own.
    pub name: String,
    /// Others are parts of one that is, such as a mirror's halves.
    pub is_visible: bool,
    /// Its bytes; a lowercase fragment where they can't be had.
    pub source: Result<Arc<dyn BlockSource>, String>,
}

/// What physical volumes come to.
pub(super) struct Assembled {
    pub volumes: Vec<LogicalVolume>,
    /// Why a physical volume, by its place in what was given, says nothing; lowercase fragments.
    pub faults: Vec<(usize, String)>,
}

/// What physical volumes tell of their groups.
struct Read {
    /// Each volume's bytes, by its id.
    parts: BTreeMap<String, Arc<dyn BlockSource>>,
    /// The newest metadata of each group, by its id.
    groups: BTreeMap<String, Group>,
    /// As [`Assembled::faults`].
    faults: Vec<(usize, String)>,
}

fn read(sources: &[Arc<dyn BlockSource>]) -> Read {
    let mut read = Read { parts: BTreeMap::new(), groups: BTreeMap::new(), faults: Vec::new() };
    for (index, source) in sources.iter().enumerate() {
        let volume = PhysicalVolume::read(&**source).and_then(|volume| Ok((volume.metadata(&**source)?, volume)));
        match volume {
            Ok((_, volume)) if read.parts.contains_key(&volume.id) => {
                read.faults.push((index, format!("another disk has the same LVM physical volume {}", volume.id)));
            }
            Ok((group, volume)) => {
                read.parts.insert(volume.id, Arc::clone(source));
                // Each has a copy, and that of a volume that was away for a while is an old one.
                match group {
                    Some(group) if read.groups.get(&group.id).is_none_or(|known| known.sequence < group.sequence) => {
                        read.groups.insert(group.id.clone(), group);
                    }
                    _ => {}
                }
            }
            Err(why) => read.faults.push((index, why)),
        }
    }
    read
}

/// Joins physical volumes and takes their logical ones out, parts of others among them: no other tells of what
/// they hold.
pub(super) fn assemble(sources: &[Arc<dyn BlockSource>]) -> Assembled {
    let Read { parts, groups, faults } = read(sources);
    let mut assembled = Assembled { volumes: Vec::new(), faults };
    // Each of them has to be one group's, or it went unseen.
    for (index, source) in sources.iter().enumerate() {
        let id = parts.iter().find(|(_, part)| Arc::ptr_eq(part, source)).map(|(id, _)| id);
        if let Some(id) = id
            && !groups.values().any(|group| group.physical.values().any(|physical| physical.id == *id))
        {
            assembled.faults.push((index, "it is an LVM physical volume of a group that no metadata describes".to_owned()));
        }
    }
    for group in groups.values() {
        for logical in &group.logical {
            let source = volume::open(group, logical, &parts);
            let (name, is_visible) = (logical.name.clone(), logical.is_visible);
            assembled.volumes.push(LogicalVolume { group: group.name.clone(), name, is_visible, source });
        }
    }
    assembled
}
