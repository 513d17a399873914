//! Claiming a version, and sealing what was made of it.

use std::collections::BTreeMap;

use super::failure::EngineError;
use super::run::Run;
use crate::bake;
use crate::ledger::{LedgerError, Outcome};
use crate::model::boot::BootSummary;
use crate::model::digest::DiskDigests;
use crate::model::ids::{RunId, SnapshotId};
use crate::model::image::{Image, tag};
use crate::model::record::{BaseRecord, Claim, Event, Head, Record, Release};
use crate::model::report::ScanSummary;

impl Run<'_> {
    /// Takes the version; a run that finds it taken by another ends.
    pub(super) async fn claim(&self) -> Result<(), EngineError> {
        let was_claimed = self.done::<()>("claim").await.is_some();
        let claimed = self.effect("claim", &self.plan.version, async |_| self.take_version().await).await;
        // A process that died as it ended the run may have given the version back already.
        let claimed = if was_claimed && self.sealed().await?.is_none() { self.take_version().await } else { claimed };
        if let Err(EngineError::Ledger(LedgerError::Claimed { .. })) = &claimed {
            self.end(Outcome::Superseded).await?;
        }
        claimed?;
        self.done_note(format!("{} {} is run {}'s", self.variant(), self.plan.version, self.id()));
        Ok(())
    }

    /// Takes the version in the ledger, unless this run has it.
    async fn take_version(&self) -> Result<(), EngineError> {
        let at = self.engine.clock.now();
        let claim = Claim {
            format: 1,
            variant: self.variant().clone(),
            version: self.plan.version.clone(),
            run: self.id().clone(),
            input: self.plan.input,
            at,
            given_back: false,
        };
        Ok(self.engine.ledger.claim(&claim).await?)
    }

    /// Seals the record, then tags image and snapshots as released.
    pub(super) async fn seal(
        &self,
        image: &Image,
        base: &BaseRecord,
        scan: ScanSummary,
        boot: Option<BootSummary>,
        digests: BTreeMap<SnapshotId, DiskDigests>,
    ) -> Result<(), EngineError> {
        let same_snapshots =
            scan.snapshots == image.snapshots && digests.keys().eq(image.snapshots.iter().collect::<std::collections::BTreeSet<_>>());
        if !scan.passed || !same_snapshots {
            return Err(EngineError::Run {
                run: self.id().clone(),
                reason: format!("scan and digests are not of the snapshots of {}", image.id),
            });
        }
        let sealed = self.engine.clock.now();
        let release = Release {
            image: image.clone(),
            account: self.engine.account.clone(),
            digests,
            scan,
            boot,
            base: base.clone(),
            manifest: self.product.manifest_digest,
            inputs: self.product.inputs.clone(),
            parts: bake::input_parts(self.product, base),
            input: self.plan.input,
            git_commit: self.engine.git_commit.clone(),
            started: self.began().await,
            sealed,
        };
        let payload = (&image.id, &self.plan.version);
        let head: Head = self
            .effect("release.record", &payload, async |_| {
                // Another attempt of this run may have sealed it, its answer lost.
                match self.sealed().await? {
                    Some((run, head)) if &run == self.id() => Ok(head),
                    Some((run, _)) => {
                        let reason = format!("{} was sealed by run {run}", self.plan.version);
                        Err(EngineError::Run { run: self.id().clone(), reason })
                    }
                    None => {
                        // Only what is claimed is sealed, whichever command was run and whatever came before.
                        self.take_version().await?;
                        self.record(Event::Released(Box::new(release))).await
                    }
                }
            })
            .await?;
        self.effect("release.tag", &image.id, async |_| {
            let released = BTreeMap::from([(tag::STATE.to_owned(), "released".to_owned()), (tag::RECORD.to_owned(), head.to_string())]);
            Ok(self.engine.writer.tag(&image.region, &super::bake::resources(image), &released).await?)
        })
        .await?;
        self.done_note(format!("{} {} is sealed", self.variant(), self.plan.version));
        Ok(())
    }

    /// Finds who sealed the version, and the chain's head up to that record.
    pub(super) async fn sealed(&self) -> Result<Option<(RunId, Head)>, EngineError> {
        let chain = self.engine.ledger.chain(self.variant()).await?;
        let sealed = |r: &Record| r.version == self.plan.version && matches!(r.event, Event::Released(_));
        let found = chain.records().iter().zip(chain.heads()).find(|(record, _)| sealed(record));
        Ok(found.map(|(record, head)| (record.run.clone(), head)))
    }
}
