//! Claiming a version, and sealing what was made of it.

use std::collections::BTreeMap;

use super::failure::EngineError;
use super::run::Run;
use crate::ledger::{LedgerError, Outcome};
use crate::model::boot::BootSummary;
use crate::model::digest::DiskDigests;
use crate::model::ids::SnapshotId;
use crate::model::image::{Image, tag};
use crate::model::record::{BaseRecord, Claim, Event, Release};
use crate::model::report::ScanSummary;

impl Run<'_> {
    /// Takes the version; a run that finds it taken by another ends.
    pub(super) async fn claim(&self) -> Result<(), EngineError> {
        let ledger = &self.engine.ledger;
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
        let claimed = self.effect("claim", &self.plan.version, async |_| Ok(ledger.claim(&claim).await?)).await;
        if let Err(EngineError::Ledger(LedgerError::Claimed { .. })) = &claimed {
            self.end(Outcome::Superseded).await?;
        }
        claimed?;
        self.done_note(format!("{} {} is run {}'s", self.variant(), self.plan.version, self.id()));
        Ok(())
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
            input: self.plan.input,
            git_commit: self.engine.git_commit.clone(),
            started: self.began().await,
            sealed,
        };
        let payload = (&image.id, &self.plan.version);
        self.effect("release.record", &payload, async |_| {
            // Another attempt of this run may have sealed it, its answer lost.
            let records = self.engine.ledger.records(self.variant()).await?;
            let sealed = records.iter().find(|r| r.version == self.plan.version && matches!(r.event, Event::Released(_)));
            match sealed {
                Some(record) if &record.run == self.id() => return Ok(()),
                Some(record) => {
                    let reason = format!("{} was sealed by run {}", self.plan.version, record.run);
                    return Err(EngineError::Run { run: self.id().clone(), reason });
                }
                None => {}
            }
            self.record(Event::Released(Box::new(release))).await?;
            Ok::<(), EngineError>(())
        })
        .await?;
        self.effect("release.tag", &image.id, async |_| {
            let released = BTreeMap::from([(tag::STATE.to_owned(), "released".to_owned())]);
            Ok(self.engine.writer.tag(&image.region, &super::bake::resources(image), &released).await?)
        })
        .await?;
        self.done_note(format!("{} {} is sealed", self.variant(), self.plan.version));
        Ok(())
    }
}
