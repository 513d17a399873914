//! Copies and grants of a sealed release.

use std::collections::BTreeMap;

use super::bake::is_of_no_use;
use super::failure::EngineError;
use super::run::Run;
use crate::bake;
use crate::cloud::CopySpec;
use crate::ledger::JournalEvent;
use crate::model::ids::{AccountId, ImageId, Region};
use crate::model::image::{Image, tag};
use crate::model::record::Event;
use crate::release::Released;

impl Run<'_> {
    /// Copies the image to a Region; the copy is recorded when it can be used.
    pub(super) async fn copy(&self, region: &Region) -> Result<(), EngineError> {
        let released = self.released().await?;
        let source = &released.release.image;
        let mut tags = self.tags();
        tags.insert(tag::VERSION.to_owned(), released.version.to_string());
        tags.insert(tag::INPUT.to_owned(), released.release.input.to_string());
        // Only what a record names is released; a copy that nobody goes on with is garbage.
        tags.insert(tag::STATE.to_owned(), "copying".to_owned());
        // That of the release, which stays as it is: what is tried again must say the same.
        tags.extend(self.sealed().await?.map(|(_, head)| (tag::RECORD.to_owned(), head.to_string())));
        let spec = CopySpec {
            from: source.region.clone(),
            image: source.id.clone(),
            name: source.name.clone(),
            description: bake::description(self.product),
            tags,
        };
        let payload = (&spec.image, region, &spec.name);
        let effect = format!("copy.{region}");
        let id: ImageId = self
            .effect(&effect, &payload, async |token| {
                // A copy of that name made of the same inputs is this one, by an attempt long past its token.
                let found = self.engine.writer.reader().own_image_named(region, &spec.name).await?;
                if let Some(found) = found.as_ref().filter(|found| found.tags.get(tag::INPUT) != spec.tags.get(tag::INPUT)) {
                    return Err(EngineError::NameTaken { name: spec.name.clone(), region: region.clone(), image: found.image.id.clone() });
                }
                let (unwanted, found): (Option<_>, Option<_>) = match found {
                    Some(found) if is_of_no_use(&found) => (Some(found.image), None),
                    found => (None, found),
                };
                self.discard(region, unwanted).await?;
                if let Some(found) = found {
                    return Ok(found.image.id);
                }
                Ok(self.engine.writer.copy_image(region, &spec, &token).await?)
            })
            .await?;
        let copy = match self.available(region, &id).await {
            Ok(copy) if copy.encrypted => {
                let reason = "has encrypted snapshots, which the Marketplace refuses: turn encryption by default off there";
                return self.refuse_copy(&effect, region, id, reason.to_owned()).await;
            }
            Err(EngineError::ImageState { image, state, reason }) => {
                return self.refuse_copy(&effect, region, image, format!("is {state}: {reason}")).await;
            }
            Err(EngineError::ImageGone { image, .. }) => {
                return self.refuse_copy(&effect, region, image, "is not to be seen any more".to_owned()).await;
            }
            copy => copy?.image,
        };
        self.record(Event::Copied { image: copy.clone() }).await?;
        self.effect(&format!("{effect}.tag"), &id, async |_| {
            let released = BTreeMap::from([(tag::STATE.to_owned(), "released".to_owned())]);
            Ok(self.engine.writer.tag(region, &super::bake::resources(&copy), &released).await?)
        })
        .await?;
        self.done_note(format!("{id} in {region}"));
        Ok(())
    }

    /// Writes down that a copy is of no use, so that whoever goes on makes another.
    async fn refuse_copy(&self, effect: &str, region: &Region, image: ImageId, reason: String) -> Result<(), EngineError> {
        let error = EngineError::CopyUnusable { region: region.clone(), image, reason };
        self.write(JournalEvent::Refused { effect: effect.to_owned(), reason: error.to_string() }).await?;
        Err(error)
    }

    /// Lets an account at the image of a Region, and at its snapshots if so planned.
    pub(super) async fn grant(&self, region: &Region, account: &AccountId, snapshots: bool) -> Result<(), EngineError> {
        let released = self.released().await?;
        let image = self.image_of(&released, region)?;
        let writer = &self.engine.writer;
        self.effect(&format!("grant.{region}.{account}.image"), &image.id, async |_| {
            Ok(writer.share_image(region, &image.id, account).await?)
        })
        .await?;
        let readable = if snapshots { image.snapshots.clone() } else { Vec::new() };
        for snapshot in &readable {
            let name = format!("grant.{region}.{account}.{snapshot}");
            self.effect(&name, snapshot, async |_| Ok(writer.share_snapshot(region, snapshot, account).await?)).await?;
        }
        self.record(Event::Granted { region: region.clone(), image: image.id.clone(), snapshots: readable, account: account.clone() })
            .await?;
        self.done_note(format!("{} may use {} in {region}", account.known_as(), image.id));
        Ok(())
    }

    /// Reads the sealed release that the plan is about; only a record can be shared or listed.
    pub(super) async fn released(&self) -> Result<Released, EngineError> {
        let records = self.engine.ledger.records(self.variant()).await?;
        let mut versions: BTreeMap<_, _> = crate::release::history(&records);
        versions.remove(&self.plan.version).ok_or_else(|| EngineError::NotReady {
            what: format!("{} {} is not sealed", self.variant(), self.plan.version),
            next: format!("bakehouse release {}", self.product.slug),
        })
    }

    fn image_of(&self, released: &Released, region: &Region) -> Result<Image, EngineError> {
        released.image_in(region).cloned().ok_or_else(|| EngineError::NotReady {
            what: format!("{} {} has no image in {region}", self.variant(), self.plan.version),
            next: format!("bakehouse distribute {}", self.product.slug),
        })
    }
}
