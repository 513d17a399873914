//! Reading a snapshot's blocks through EBS direct.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;

use super::inherited::Inherited;
use super::kept_blocks::KeptBlocks;
use super::session::{Clients, Reader};
use super::{CloudError, error};
use crate::disk::{BlockSource, CacheLimits, Cached, Fetch, SourceError};
use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::model::ids::{Region, SnapshotId};

/// A snapshot's block map; its blocks are read as they are asked for.
#[derive(Clone)]
pub struct SnapshotBlocks {
    clients: Arc<Clients>,
    snapshot: SnapshotId,
    size_bytes: u64,
    /// Token by index; blocks that were never written are absent.
    tokens: Arc<BTreeMap<u32, String>>,
    /// Of the blocks read so far, by whichever clone.
    digests: Arc<Mutex<BTreeMap<u32, Digest>>>,
    /// Why a [`SnapshotDisk`] did not give what was read of it, of whichever clone.
    missed: Arc<Mutex<Option<CloudError>>>,
    /// What readers that are not asynchronous have fetched, of whichever clone.
    kept: Arc<OnceLock<KeptBlocks>>,
    /// What earlier scans have kept, if this session keeps blocks.
    inherited: Option<Arc<Inherited>>,
}

impl Reader {
    /// Reads a snapshot's block map; if the session keeps blocks ([`Reader::keep_blocks`]), also what has changed since a
    /// snapshot whose blocks are kept.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; a snapshot with another block size than 512 KiB is an `UnexpectedAnswer`.
    pub async fn snapshot_blocks(&self, region: &Region, snapshot: &SnapshotId) -> Result<SnapshotBlocks, CloudError> {
        let clients = self.clients(region);
        let mut tokens = BTreeMap::new();
        let mut next = None;
        loop {
            let answer = clients
                .ebs
                .list_snapshot_blocks()
                .snapshot_id(snapshot.as_str())
                .max_results(10_000)
                .set_next_token(next)
                .send()
                .await
                .map_err(error::of("ListSnapshotBlocks", region))?;
            let incomplete = |what: &str| CloudError::incomplete("ListSnapshotBlocks", region, what);
            if answer.block_size().and_then(|size| usize::try_from(size).ok()) != Some(BLOCK_SIZE_BYTES) {
                return Err(incomplete("the snapshot's blocks are not of 512 KiB"));
            }
            let size_bytes = u64::try_from(answer.volume_size().unwrap_or(0)).unwrap_or(0) << 30;
            for block in answer.blocks() {
                let index = block.block_index().and_then(|i| u32::try_from(i).ok()).ok_or_else(|| incomplete("a block has no index"))?;
                tokens.insert(index, block.block_token().unwrap_or_default().to_owned());
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                let inherited = match &self.store {
                    Some(store) => Some(Arc::new(Inherited::find(store, &clients, snapshot, size_bytes).await)),
                    None => None,
                };
                return Ok(SnapshotBlocks {
                    inherited,
                    clients,
                    snapshot: snapshot.clone(),
                    size_bytes,
                    tokens: Arc::new(tokens),
                    digests: Arc::default(),
                    missed: Arc::default(),
                    kept: Arc::default(),
                });
            }
        }
    }
}

impl SnapshotBlocks {
    /// Returns whose blocks they are.
    pub fn snapshot(&self) -> &SnapshotId {
        &self.snapshot
    }

    /// Returns the disk's size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the indices of the blocks that were written, ascending.
    pub fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        self.tokens.keys().copied()
    }

    /// Tells whether a block was written; one that was not is all zeros.
    pub fn has(&self, index: u32) -> bool {
        self.tokens.contains_key(&index)
    }

    /// Reads a block that was written, checks it against the checksum sent along, returns both.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; a block that does not match its checksum is an `UnexpectedAnswer`.
    pub async fn block(&self, index: u32) -> Result<(Bytes, Digest), CloudError> {
        let region = &self.clients.region;
        let incomplete = |what: String| CloudError::incomplete("GetSnapshotBlock", region, what);
        // Nobody closes it.
        let _one_of_few = self.clients.block_requests.acquire().await.map_err(|_| incomplete("no request may be made".to_owned()))?;
        let token = self.tokens.get(&index).ok_or_else(|| incomplete(format!("{} has no block {index}", self.snapshot)))?;
        let answer = self
            .clients
            .ebs
            .get_snapshot_block()
            .snapshot_id(self.snapshot.as_str())
            .block_index(i32::try_from(index).map_err(|_| incomplete(format!("there is no block {index}")))?)
            .block_token(token)
            .send()
            .await
            .map_err(error::of("GetSnapshotBlock", region))?;
        let checksum = answer.checksum().map(str::to_owned);
        let content = answer.block_data.collect().await.map_err(|e| incomplete(format!("block {index} broke off: {e}")))?.into_bytes();
        if content.len() != BLOCK_SIZE_BYTES {
            return Err(incomplete(format!("block {index} has {} bytes", content.len())));
        }
        let digest = Digest::of(&content);
        if checksum != Some(STANDARD.encode(digest.as_bytes())) {
            return Err(incomplete(format!("block {index} of {} does not match its checksum", self.snapshot)));
        }
        if let Some(inherited) = self.inherited.as_ref().filter(|inherited| inherited.digest(index).is_some_and(|kept| kept != digest)) {
            inherited.distrust(region);
        }
        self.known().insert(index, digest);
        Ok((content, digest))
    }

    /// Returns a block's digest, if it came from AWS already: nobody has to read it twice to tell it again.
    pub fn known_digest(&self, index: u32) -> Option<Digest> {
        self.known().get(&index).copied()
    }

    /// Returns the snapshot whose blocks are kept from an earlier scan, and how many of this one's they are.
    pub fn inherited(&self) -> Option<(&SnapshotId, usize)> {
        self.inherited.as_ref()?.origin()
    }

    /// Has the next scan, of this snapshot or of a child, know which blocks are kept. Without it they would be fetched again,
    /// so that what fails here is no error.
    pub fn remember(&self) {
        if let Some(inherited) = &self.inherited {
            inherited.remember(&self.clients.region, &self.snapshot, self.size_bytes, &self.known());
        }
    }

    /// Returns a block that this scan or an earlier one has kept.
    fn kept(&self, index: u32) -> Option<Bytes> {
        let stored = || {
            let inherited = self.inherited.as_ref()?;
            inherited.store().get(&self.known_digest(index).or_else(|| inherited.digest(index))?)
        };
        self.kept.get_or_init(KeptBlocks::new).get(index).or_else(stored)
    }

    /// Keeps a block for the next scan, or where that can't be for this one.
    fn keep(&self, index: u32, content: &[u8], digest: &Digest) {
        if !self.inherited.as_ref().is_some_and(|inherited| inherited.keep(digest, content)) {
            self.kept.get_or_init(KeptBlocks::new).keep(index, content);
        }
    }

    /// Tells whether what is kept of an earlier scan turned out to be of other blocks since this was last asked: what was
    /// read until then may be wrong.
    pub fn take_misled(&self) -> bool {
        self.inherited.as_ref().is_some_and(|inherited| inherited.take_misled())
    }

    /// Takes why a [`SnapshotDisk`] could not be read somewhere since this was last asked. What was fetched ahead, and nobody
    /// has wanted, is not missed.
    ///
    /// Whoever reads the disk sees a block that can't be read, which an image may be judged by; that AWS
    /// didn't give it says nothing of the image.
    pub fn take_missed(&self) -> Option<CloudError> {
        self.missed.lock().unwrap_or_else(|e| e.into_inner()).take()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u32, Digest>> {
        self.digests.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// A snapshot as a disk, for a reader that is not asynchronous: it works on a blocking thread and waits here.
pub struct SnapshotDisk {
    cached: Cached<BlockingBlocks>,
    missed: Arc<Mutex<Option<CloudError>>>,
}

impl BlockSource for SnapshotDisk {
    fn size_bytes(&self) -> u64 {
        self.cached.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.cached.read_at(offset, buffer).inspect_err(|error| {
            if let SourceError::Read { source, .. } = error
                && let Some(error) = source.downcast_ref::<CloudError>()
            {
                self.missed.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert_with(|| error.clone());
            }
        })
    }

    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        self.cached.next_allocated(offset)
    }

    fn prefetch(&self, ranges: &[Range<u64>]) {
        self.cached.prefetch(ranges);
    }

    fn heeds_prefetch(&self) -> bool {
        self.cached.heeds_prefetch()
    }
}

struct BlockingBlocks {
    blocks: SnapshotBlocks,
    runtime: tokio::runtime::Handle,
}

/// Blocks asked for at once in a Region, by whomever: enough to reach AWS's 1,000 requests a second for a snapshot
/// at the 50 ms that a block takes; what it refuses beyond is asked for again.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html>
pub(super) const IN_FLIGHT: usize = 64;

impl SnapshotBlocks {
    /// Gives the blocks to a reader that is not asynchronous. Call from within the runtime.
    pub fn disk(&self) -> SnapshotDisk {
        let blocks = BlockingBlocks { blocks: self.clone(), runtime: tokio::runtime::Handle::current() };
        SnapshotDisk { cached: Cached::new(blocks, CacheLimits::default()), missed: Arc::clone(&self.missed) }
    }
}

impl Fetch for BlockingBlocks {
    fn size_bytes(&self) -> u64 {
        self.blocks.size_bytes()
    }

    fn block_size(&self) -> u32 {
        u32::try_from(BLOCK_SIZE_BYTES).expect("512 KiB")
    }

    fn has(&self, index: u32) -> bool {
        self.blocks.has(index)
    }

    fn fetch(&self, index: u32) -> Result<Bytes, SourceError> {
        self.fetch_many(&[index]).pop().unwrap_or_else(|| Err(read_error(index, std::io::Error::other("nothing came back"))))
    }

    fn fetch_many(&self, indices: &[u32]) -> Vec<Result<Bytes, SourceError>> {
        let fetched = futures::stream::iter(indices.iter().copied()).map(|index| {
            let (blocks, kept) = (self.blocks.clone(), self.blocks.kept(index));
            async move {
                match kept {
                    Some(content) => Ok(Ok((content, None))),
                    // A task each, so that both cores check what arrived.
                    None => tokio::spawn(async move { blocks.block(index).await.map(|(content, digest)| (content, Some(digest))) }).await,
                }
            }
        });
        let fetched: Vec<_> = self.runtime.block_on(fetched.buffered(IN_FLIGHT).collect());
        let content = |(&index, result): (&u32, Result<Result<(Bytes, Option<Digest>), CloudError>, tokio::task::JoinError>)| match result {
            Ok(Ok((content, new))) => {
                if let Some(digest) = new {
                    self.blocks.keep(index, &content, &digest);
                }
                Ok(content)
            }
            Ok(Err(error)) => Err(read_error(index, error)),
            Err(broken) => Err(read_error(index, broken)),
        };
        indices.iter().zip(fetched).map(content).collect()
    }
}

fn read_error(index: u32, error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Read { offset: u64::from(index) * BLOCK_SIZE_BYTES as u64, source: Box::new(error) }
}
