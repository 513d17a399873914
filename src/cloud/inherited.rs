//! What a snapshot has in common with one whose blocks are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::block_store::{BlockMap, BlockStore};
use super::session::Clients;
use super::{CloudError, error};
use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::model::ids::{Region, SnapshotId};

/// Snapshots asked whether they are a snapshot's kin: each costs a request, of which there are 50 a second.
///
/// Source: <https://docs.aws.amazon.com/general/latest/gr/ebs-service.html>
const MOST_PARENTS: usize = 4;

/// Blocks of a snapshot that the store has, as far as it is known.
pub(super) struct Inherited {
    store: Arc<BlockStore>,
    /// Whose blocks they are: the snapshot itself, or one of its kin.
    from: Option<SnapshotId>,
    /// Digest by index; nothing once one was found to be wrong.
    blocks: RwLock<BTreeMap<u32, Digest>>,
    /// Whether that was found since it was last asked.
    misled: AtomicBool,
}

impl Inherited {
    /// Finds what need not be fetched of a snapshot: all that the store has of it, or of one of its kin what AWS doesn't list as
    /// changed. Block tokens tell nothing of that: they are a snapshot's own, and expire.
    ///
    /// Nothing is inherited where AWS refuses to compare, for instance since the snapshots are no kin.
    ///
    /// Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListChangedBlocks.html>
    pub(super) async fn find(store: &Arc<BlockStore>, clients: &Clients, snapshot: &SnapshotId, size_bytes: u64) -> Self {
        let of = |from: Option<SnapshotId>, blocks: BTreeMap<u32, Digest>| {
            store.claim(blocks.values());
            Self { store: Arc::clone(store), from, blocks: RwLock::new(blocks), misled: AtomicBool::new(false) }
        };
        let map = |snapshot: &SnapshotId| store.map(&clients.region, snapshot).filter(|map| map.size_bytes == size_bytes);
        if let Some(map) = map(snapshot) {
            return of(Some(snapshot.clone()), map.blocks);
        }
        let held = store.snapshots(&clients.region).into_iter();
        for (parent, BlockMap { mut blocks, .. }) in held.filter_map(|parent| map(&parent).map(|map| (parent, map))).take(MOST_PARENTS) {
            match changed(clients, &parent, snapshot).await {
                Ok(changed) => {
                    blocks.retain(|index, _| !changed.contains(index));
                    return of(Some(parent), blocks);
                }
                Err(error) => tracing::debug!(%error, %parent, "the snapshots are not compared"),
            }
        }
        of(None, BTreeMap::new())
    }

    pub(super) fn store(&self) -> &BlockStore {
        &self.store
    }

    /// Returns the snapshot that blocks are inherited from, and how many.
    pub(super) fn origin(&self) -> Option<(&SnapshotId, usize)> {
        self.from.as_ref().map(|from| (from, self.blocks().len()))
    }

    /// Returns the digest of a block that is inherited; whether the store has it still is not said.
    pub(super) fn digest(&self, index: u32) -> Option<Digest> {
        self.blocks().get(&index).copied()
    }

    /// Believes nothing of what was inherited any more, and removes the map that it came from: AWS has another block.
    pub(super) fn distrust(&self, region: &Region) {
        self.blocks.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.misled.store(true, Ordering::Relaxed);
        let Some(from) = &self.from else { return };
        tracing::debug!(%from, "what is kept is not what AWS has");
        if let Err(error) = self.store.forget_map(region, from) {
            tracing::debug!(%error, "which blocks were kept can't be removed");
        }
    }

    /// Tells whether that happened since this was last asked.
    pub(super) fn take_misled(&self) -> bool {
        self.misled.swap(false, Ordering::Relaxed)
    }

    fn blocks(&self) -> RwLockReadGuard<'_, BTreeMap<u32, Digest>> {
        self.blocks.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a block, and tells whether it is kept.
    pub(super) fn keep(&self, digest: &Digest, content: &[u8]) -> bool {
        self.store.keep(digest, content).unwrap_or_else(|error| {
            tracing::debug!(%error, "a block can't be kept for the next scan");
            false
        })
    }

    /// Keeps which blocks the snapshot has: those inherited, and those read.
    pub(super) fn remember(&self, region: &Region, snapshot: &SnapshotId, size_bytes: u64, read: &BTreeMap<u32, Digest>) {
        let mut blocks = self.blocks().clone();
        blocks.extend(read);
        if let Err(error) = self.store.keep_map(region, snapshot, &BlockMap::new(size_bytes, blocks)) {
            tracing::debug!(%error, "which blocks were kept can't be written");
        }
    }
}

/// Lists the blocks that two snapshots of one lineage do not have in common, all of them.
async fn changed(clients: &Clients, first: &SnapshotId, second: &SnapshotId) -> Result<BTreeSet<u32>, CloudError> {
    let (mut changed, mut next) = (BTreeSet::new(), None);
    loop {
        let request = clients.ebs.list_changed_blocks().first_snapshot_id(first.as_str()).second_snapshot_id(second.as_str());
        let answer = request.max_results(10_000).set_next_token(next).send().await;
        let answer = answer.map_err(error::of("ListChangedBlocks", &clients.region))?;
        let incomplete = |what: &str| CloudError::incomplete("ListChangedBlocks", &clients.region, what);
        if answer.block_size().and_then(|size| usize::try_from(size).ok()) != Some(BLOCK_SIZE_BYTES) {
            return Err(incomplete("the snapshots' blocks are not of 512 KiB"));
        }
        for block in answer.changed_blocks() {
            let index = block.block_index().and_then(|index| u32::try_from(index).ok());
            changed.insert(index.ok_or_else(|| incomplete("a block has no index"))?);
        }
        next = answer.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(changed);
        }
    }
}
