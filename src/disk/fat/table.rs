//! The table: which cluster comes after which.
//!
//! Source: fatgen103, "FAT Data Structure".

use std::ops::ControlFlow;

use super::super::fault::Fault;
use super::Device;
use super::boot_sector::{FIRST_CLUSTER, Width};

/// What is read of a table at once.
const WINDOW_BYTES: u64 = 4096;

/// Runs of one file; a file of more is called damaged. As extents they take 40 bytes each.
const MOST_RUNS: usize = 1 << 22;

/// Clusters that lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub first: u32,
    pub count: u32,
}

/// Finds a file's clusters, so and so many.
pub(super) fn file(device: &Device, first: u32, clusters: u64) -> Result<Vec<Run>, Fault> {
    // Also the end of whoever goes round in a circle.
    if clusters > device.geometry.clusters {
        return Err(Fault::damaged(format!("it claims {clusters} clusters, more than there are")));
    }
    let (mut chain, mut runs) = (Chain::new(device), Vec::new());
    let mut next = Some(first);
    for count in 0..clusters {
        let cluster = next.ok_or_else(|| Fault::damaged(format!("its chain ends after {count} of {clusters} clusters")))?;
        push(&mut runs, cluster)?;
        if count + 1 < clusters {
            next = chain.next(cluster)?;
        }
    }
    check_once(&runs)?;
    Ok(runs)
}

/// Finds the clusters of a directory, which says nowhere how large it is: up to so and so many.
pub(super) fn directory(device: &Device, first: u32, most_clusters: u64) -> Result<Vec<Run>, Fault> {
    let (mut chain, mut runs) = (Chain::new(device), Vec::new());
    let mut next = Some(first);
    for _ in 0..most_clusters {
        let Some(cluster) = next else { return Ok(runs) };
        push(&mut runs, cluster)?;
        next = chain.next(cluster)?;
    }
    if next.is_some() { Err(Fault::damaged("the directory is larger than directories can be")) } else { Ok(runs) }
}

/// Hands out the runs of clusters that are nobody's, in order, until a break or what of the table can't be read.
pub(super) fn each_free(device: &Device, sink: &mut dyn FnMut(Result<Run, Fault>) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut chain = Chain::new(device);
    let mut run: Option<Run> = None;
    let first = FIRST_CLUSTER as u32;
    // The boot sector's geometry has no more clusters than a table's number can name.
    for cluster in first..first.saturating_add(device.geometry.clusters.try_into().unwrap_or(u32::MAX)) {
        match chain.value(cluster) {
            Ok((0, _)) => run.get_or_insert(Run { first: cluster, count: 0 }).count += 1,
            Ok(_) => run.take().map_or(ControlFlow::Continue(()), |run| sink(Ok(run)))?,
            Err(fault) => {
                run.take().map_or(ControlFlow::Continue(()), |run| sink(Ok(run)))?;
                return sink(Err(fault));
            }
        }
    }
    run.map_or(ControlFlow::Continue(()), |run| sink(Ok(run)))
}

fn push(runs: &mut Vec<Run>, cluster: u32) -> Result<(), Fault> {
    if let Some(run) = runs.last_mut()
        && run.first.checked_add(run.count) == Some(cluster)
    {
        run.count += 1;
        return Ok(());
    }
    if runs.len() == MOST_RUNS {
        return Err(Fault::damaged(format!("it has more than {MOST_RUNS} runs of clusters")));
    }
    runs.push(Run { first: cluster, count: 1 });
    Ok(())
}

/// A cluster is a file's once.
fn check_once(runs: &[Run]) -> Result<(), Fault> {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable();
    let overlaps = |pair: &[Run]| matches!(pair, [a, b] if u64::from(a.first) + u64::from(a.count) > b.first.into());
    if sorted.windows(2).any(overlaps) { Err(Fault::damaged("its chain goes round in a circle")) } else { Ok(()) }
}

/// Follows links, with what was read of the table last.
struct Chain<'a> {
    device: &'a Device,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Chain<'a> {
    fn new(device: &'a Device) -> Self {
        Self { device, window: Vec::new(), window_at: 0 }
    }

    /// Returns the cluster after another one, which is checked to be there; none after the last.
    fn next(&mut self, cluster: u32) -> Result<Option<u32>, Fault> {
        let geometry = &self.device.geometry;
        geometry.place(cluster.into(), 1)?;
        let (value, bad) = self.value(cluster)?;
        match value {
            _ if value > bad => Ok(None),
            _ if u64::from(value) < FIRST_CLUSTER || value == bad => {
                Err(Fault::damaged(format!("its chain leads from cluster {cluster} to {value}, which is no file's")))
            }
            _ => geometry.place(value.into(), 1).map(|_| Some(value)),
        }
    }

    /// Returns what the table says of a cluster, and what it would say of a bad one.
    fn value(&mut self, cluster: u32) -> Result<(u32, u32), Fault> {
        let number = u64::from(cluster);
        Ok(match self.device.geometry.width {
            Width::Fat12 => {
                let [low, high] = self.bytes(number + number / 2)?;
                let pair = u16::from_le_bytes([low, high]);
                (u32::from(if cluster.is_multiple_of(2) { pair & 0xfff } else { pair >> 4 }), 0xff7)
            }
            Width::Fat16 => (u16::from_le_bytes(self.bytes(number * 2)?).into(), 0xfff7),
            // The upper four bits are not the number's.
            Width::Fat32 => (u32::from_le_bytes(self.bytes(number * 4)?) & 0x0fff_ffff, 0x0fff_fff7),
        })
    }

    /// Bytes of the table at an offset in it.
    fn bytes<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Fault> {
        if let Some(found) = self.kept(offset) {
            return Ok(found);
        }
        let table = &self.device.geometry.table;
        let length = (table.end - table.start).saturating_sub(offset).min(WINDOW_BYTES);
        self.window = self.device.read_vec(table.start + offset, length as usize)?;
        self.window_at = offset;
        self.kept(offset).ok_or_else(|| Fault::damaged("its table ends too early"))
    }

    fn kept<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let at = usize::try_from(offset.checked_sub(self.window_at)?).ok()?;
        self.window.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}
