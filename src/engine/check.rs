//! Reading an image back: the scan and the digests.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::Engine;
use super::failure::EngineError;
use super::observer::{Note, Observer};
use super::run::Run;
use crate::cloud::{Reader, SnapshotBlocks};
use crate::disk;
use crate::ledger::{JournalEvent, Outcome};
use crate::model::count::counted;
use crate::model::digest::{BLOCK_SIZE_BYTES, Digest, DiskDigest, DiskDigests};
use crate::model::ids::{Region, SnapshotId};
use crate::model::image::{Image, tag};
use crate::model::product::Product;
use crate::model::report::{Report, ScanSummary};
use crate::scan::{self, ImageFacts, SbomFormat, Scan, Subject};

/// Blocks in flight while a whole snapshot is read. Source: EBS direct allows about 1,000 requests a
/// second a snapshot; 32 keep both cores busy on the twin and a fast link full on AWS.
const BLOCKS_IN_FLIGHT: usize = 32;

/// Problems that may pass and are named before the rest is counted.
const MOST_TOLD: usize = 10;

impl Run<'_> {
    /// Scans the image; a finding at the threshold ends the run, the image kept and tagged.
    pub(super) async fn scan(&self, image: &Image) -> Result<ScanSummary, EngineError> {
        let summary = self.verdict(image).await?;
        let waived = if summary.waivers.is_empty() { String::new() } else { format!(", by {}", counted(summary.waivers.len(), "waiver")) };
        self.done_note(format!(
            "passed: {}, {} that may pass{waived}",
            counted(summary.packages, "package"),
            counted(findings(&summary), "finding")
        ));
        Ok(summary)
    }

    /// Returns the verdict on the image as it is today, by a scan if there is none.
    pub(super) async fn verdict(&self, image: &Image) -> Result<ScanSummary, EngineError> {
        let engine = self.engine;
        self.forget_past_verdict().await?;
        // Only a passed scan is journalled: one that stopped is made again, with today's waivers.
        let summary = self
            .effect("scan", &image.id, async |_| {
                let blocks = self.blocks(image).await?;
                engine.verify_advisories().await?;
                let request = engine.terms(image, self.product).await?;
                // It only reads: whoever leaves drops it.
                let report = engine.unless_left(scan_blocks(&engine.observer, blocks, request)).await?;
                let kept = engine.ledger.keep_report(self.variant(), &self.plan.version, self.id(), &report).await?;
                if report.passed() {
                    self.tell_tolerated(&report);
                    let version = self.plan.version.to_string();
                    let subject = Subject { name: self.product.slug.as_str(), version: Some(&version) };
                    let sbom = scan::sbom(&report, &subject, SbomFormat::CycloneDx);
                    let sbom = engine.ledger.keep_sbom(self.variant(), &self.plan.version, self.id(), &sbom).await?;
                    let manifest = Some(self.product.manifest_digest);
                    let options = engine.waivers;
                    return Ok(ScanSummary { manifest, options, report: Some(kept), sbom: Some(sbom), ..report.summary() });
                }
                let rejected = BTreeMap::from([(tag::STATE.to_owned(), "rejected".to_owned())]);
                engine.writer.tag(&image.region, &super::bake::resources(image), &rejected).await?;
                Err(EngineError::Rejected { version: self.plan.version.clone(), image: image.id.clone(), report: Box::new(report) })
            })
            .await;
        if let Err(EngineError::Rejected { .. }) = &summary {
            self.end_later(Outcome::Rejected).await;
        }
        summary
    }

    /// Has the image scanned again if the run passed its scan on another day, by another manifest or by laxer options, and
    /// is not sealed.
    async fn forget_past_verdict(&self) -> Result<(), EngineError> {
        let Some(summary) = self.done::<ScanSummary>("scan").await else { return Ok(()) };
        if self.engine.is_of_today(&summary, self.product) || self.sealed().await?.is_some() {
            return Ok(());
        }
        let reason = format!(
            "the scan of {:.0} is of another day, manifest or database of advisories, or allowed more, and is made again",
            summary.at
        );
        self.note(Note::Notice { text: reason.clone() });
        self.write(JournalEvent::Refused { effect: "scan".to_owned(), reason }).await
    }

    /// Names what was found and may pass: who releases an image is to know it.
    fn tell_tolerated(&self, report: &Report) {
        let headlines = scan::headlines(report);
        for headline in headlines.iter().take(MOST_TOLD) {
            self.done_note(headline.clone());
        }
        if headlines.len() > MOST_TOLD {
            self.done_note(format!("and {} more; the report has all", headlines.len() - MOST_TOLD));
        }
    }

    /// Digests every block of every snapshot.
    pub(super) async fn checksum(&self, image: &Image) -> Result<BTreeMap<SnapshotId, DiskDigests>, EngineError> {
        let engine = self.engine;
        let digests = self
            .effect("checksum", &image.id, async |_| {
                let blocks = self.blocks(image).await?;
                engine.unless_left(checksum_blocks(&engine.observer, blocks, Whole::Skip)).await
            })
            .await?;
        for (snapshot, digests) in &digests {
            self.done_note(format!("{snapshot}: {}, {}", counted(digests.blocks, "block"), digests.disk));
        }
        Ok(digests)
    }
}

impl Run<'_> {
    /// Returns the image's blocks: one map for scan and digests, so that no block has to be read for both.
    async fn blocks(&self, image: &Image) -> Result<&[SnapshotBlocks], EngineError> {
        // What follows from a verdict follows from what AWS has, not from what an earlier scan left on this machine.
        let reader = self.engine.writer.reader().without_kept_blocks();
        let opened = self.blocks.get_or_try_init(|| open_blocks(&reader, &image.region, &image.snapshots)).await?;
        Ok(opened)
    }
}

async fn open_blocks(reader: &Reader, region: &Region, snapshots: &[SnapshotId]) -> Result<Vec<SnapshotBlocks>, EngineError> {
    let mut blocks = Vec::new();
    for snapshot in snapshots {
        blocks.push(reader.snapshot_blocks(region, snapshot).await?);
    }
    Ok(blocks)
}

/// Whether the digest of the whole disk, zeros included, is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Also over the whole disk.
    Digest,
    /// Blocks alone.
    Skip,
}

impl Engine {
    /// Reads an image's snapshots through EBS direct, without booting it, and judges it as a product's. Nothing follows from it.
    ///
    /// # Errors
    ///
    /// When AWS does not give the blocks; whatever the blocks hold is a finding, not an error.
    pub async fn look(&self, image: &Image, product: &Product) -> Result<Report, EngineError> {
        scan_snapshots(self.writer.reader(), &self.observer, &image.region, self.terms(image, product).await?).await
    }

    /// Tells whether a verdict is what a scan would come to now.
    pub(super) fn is_of_today(&self, summary: &ScanSummary, product: &Product) -> bool {
        let advisories = self.advisories.as_ref().map(|database| database.digest());
        summary.stands(self.clock.now(), &product.manifest_digest, advisories, self.waivers)
    }

    /// What a product's image is judged by.
    async fn terms(&self, image: &Image, product: &Product) -> Result<Scan, EngineError> {
        let described = self.writer.reader().image(&image.region, &image.id).await?;
        let described = described.ok_or_else(|| EngineError::NotReady {
            what: format!("image {} is not in {} any more", image.id, image.region),
            next: format!("bakehouse ship {}", product.slug),
        })?;
        Ok(Scan {
            image: Some(ImageFacts::from(&described)),
            snapshots: image.snapshots.clone(),
            advisories: self.advisories.clone(),
            ..Scan::of(product, self.waivers, self.clock.now())
        })
    }
}

/// Reads the snapshots that a request names through EBS direct, and judges what they hold.
///
/// # Errors
///
/// When AWS does not give the blocks; whatever the blocks hold is a finding, not an error.
pub async fn scan_snapshots(reader: &Reader, observer: &Arc<dyn Observer>, region: &Region, request: Scan) -> Result<Report, EngineError> {
    let blocks = open_blocks(reader, region, &request.snapshots).await?;
    scan_blocks(observer, &blocks, request).await
}

async fn scan_blocks(observer: &Arc<dyn Observer>, blocks: &[SnapshotBlocks], request: Scan) -> Result<Report, EngineError> {
    for blocks in blocks {
        let (snapshot, count) = (blocks.snapshot(), blocks.indices().count());
        let kept = blocks.inherited().map(|(from, kept)| format!(", {kept} of them kept of {from}")).unwrap_or_default();
        observer
            .note(Note::Notice { text: format!("reading {snapshot} through EBS direct ({} with data{kept})", counted(count, "block")) });
    }
    let request = Arc::new(request);
    let report = loop {
        let disks: Vec<Arc<dyn disk::BlockSource>> = blocks.iter().map(|blocks| Arc::new(blocks.disk()) as _).collect();
        let (request, watcher) = (Arc::clone(&request), Arc::clone(observer));
        let scanned = tokio::task::spawn_blocking(move || scan::scan(&disks, &request, &|progress| watcher.note(progress.into())));
        let report = scanned.await.map_err(|e| EngineError::ScanTask(e.to_string()))?;
        // Once at most for each snapshot: what has misled is gone.
        if !blocks.iter().map(SnapshotBlocks::take_misled).fold(false, |any, misled| any | misled) {
            break report;
        }
        observer.note(Note::Notice { text: "kept blocks are not the snapshot's, and it is read anew".to_owned() });
    };
    blocks.iter().for_each(SnapshotBlocks::remember);
    // What could not be fetched would be held against the image: that is no verdict, and is read again.
    match blocks.iter().filter_map(SnapshotBlocks::take_missed).next() {
        Some(missed) => Err(missed.into()),
        None => Ok(report),
    }
}

/// Reads every block of each snapshot and digests it.
///
/// # Errors
///
/// When a block can't be read or does not match its checksum.
pub async fn checksum_image(
    reader: &Reader,
    observer: &Arc<dyn Observer>,
    region: &Region,
    snapshots: &[SnapshotId],
    whole: Whole,
) -> Result<BTreeMap<SnapshotId, DiskDigests>, EngineError> {
    let blocks = open_blocks(reader, region, snapshots).await?;
    checksum_blocks(observer, &blocks, whole).await
}

async fn checksum_blocks(
    observer: &Arc<dyn Observer>,
    blocks: &[SnapshotBlocks],
    whole: Whole,
) -> Result<BTreeMap<SnapshotId, DiskDigests>, EngineError> {
    let mut digests = BTreeMap::new();
    for blocks in blocks {
        digests.insert(blocks.snapshot().clone(), checksum_snapshot(observer, blocks, whole).await?);
    }
    Ok(digests)
}

async fn checksum_snapshot(observer: &Arc<dyn Observer>, blocks: &SnapshotBlocks, whole: Whole) -> Result<DiskDigests, EngineError> {
    let indices: Vec<u32> = blocks.indices().collect();
    let (size_bytes, total) = (blocks.size_bytes(), indices.len() as u64);
    // Blocks that hold only zeros may have been written; they count as if they had not been.
    let zeros = Digest::of(vec![0; BLOCK_SIZE_BYTES]);
    let mut disk = DiskDigest::new(size_bytes);
    let mut whole_disk = (whole == Whole::Digest).then(|| WholeDisk { hasher: Sha256::new(), at: 0 });
    let fetched = futures::stream::iter(indices).map(|index| {
        let blocks = blocks.clone();
        async move {
            // The scan has read it already; only the whole disk's digest needs its content again.
            if let (Some(digest), Whole::Skip) = (blocks.known_digest(index), whole) {
                return Ok(Ok((index, (Bytes::new(), digest))));
            }
            // A task each, so that both cores check blocks while others are on their way.
            tokio::spawn(async move { blocks.block(index).await.map(|block| (index, block)) }).await
        }
    });
    let mut fetched = fetched.buffered(BLOCKS_IN_FLIGHT).map_err(|e| EngineError::ScanTask(e.to_string()));
    let mut done = 0;
    while let Some(block) = fetched.try_next().await? {
        let (index, (content, digest)) = block?;
        if digest != zeros {
            disk.add(u64::from(index), &digest);
        }
        if let Some(whole) = &mut whole_disk {
            whole.add(u64::from(index) * BLOCK_SIZE_BYTES as u64, &content);
        }
        done += 1;
        if done % 64 == 0 || done == total {
            observer.note(Note::Progress { what: "blocks read back", done, total });
        }
    }
    let blocks = disk.blocks();
    Ok(DiskDigests { disk: disk.finish(), size_bytes, blocks, whole: whole_disk.map(|w| w.finish(size_bytes)) })
}

/// SHA-256 over a disk of which only the blocks with data are given.
struct WholeDisk {
    hasher: Sha256,
    at: u64,
}

impl WholeDisk {
    fn add(&mut self, offset: u64, content: &[u8]) {
        self.zeros_until(offset);
        self.hasher.update(content);
        self.at += content.len() as u64;
    }

    fn finish(mut self, size_bytes: u64) -> Digest {
        self.zeros_until(size_bytes);
        Digest::from_bytes(self.hasher.finalize().into())
    }

    fn zeros_until(&mut self, offset: u64) {
        let zeros = [0; 64 * 1024];
        while self.at < offset {
            let step = usize::try_from(offset - self.at).unwrap_or(usize::MAX).min(zeros.len());
            self.hasher.update(&zeros[..step]);
            self.at += step as u64;
        }
    }
}

fn findings(summary: &ScanSummary) -> usize {
    summary.critical + summary.high + summary.medium + summary.low
}
