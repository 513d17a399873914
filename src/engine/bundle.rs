//! A payload too large for user data: put into the bucket, fetched by the guest, removed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::failure::EngineError;
use super::run::Run;
use crate::bake::{Bundle, Payload};
use crate::cloud::BucketError;
use crate::ledger::Journal;
use crate::model::ids::Region;
use crate::model::image::tag;

/// How much longer than the bake's deadline the address holds: an instance takes a while to start.
const GRACE: Duration = Duration::from_secs(30 * 60);

/// Whose it is: an object takes ten tags at most, and a product's own may be more.
const TAGS: [&str; 4] = [tag::PRODUCT, tag::VARIANT, tag::VERSION, tag::RUN];

/// The name of the effect that holds where a bake's payload lies.
pub(super) const BUNDLE: &str = "bake.bundle";

/// Where a payload lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    bucket: String,
    region: Region,
    key: String,
}

/// Names the buckets that a run has put payloads into.
pub(super) fn buckets(journal: &Journal) -> BTreeSet<String> {
    journal.done().filter_map(|(_, value)| serde_json::from_value::<Stored>(value.clone()).ok()).map(|stored| stored.bucket).collect()
}

impl Run<'_> {
    /// Makes an instance's user data; what it has no room for is put into the bucket first, once under
    /// the name of an effect.
    ///
    /// The address in it lets whoever has it read the payload: it goes to EC2 and nowhere else.
    pub(super) async fn user_data(&self, payload: &Payload, effect: &str) -> Result<Vec<u8>, EngineError> {
        let bundle = match payload {
            Payload::UserData(bytes) => return Ok(bytes.clone()),
            Payload::Bundle(bundle) => bundle,
        };
        let stored = self.store(bundle, effect).await?;
        let valid = self.product.build.deadline + GRACE;
        let reader = self.engine.writer.reader();
        let address = reader.presigned_for_guest(&stored.bucket, &stored.region, &stored.key, self.engine.clock.now(), valid).await?;
        bundle.user_data(&address).map_err(EngineError::UserData)
    }

    async fn store(&self, bundle: &Bundle, effect: &str) -> Result<Stored, EngineError> {
        let bucket = self.product.build.bucket.clone().unwrap_or_default();
        let key = format!("{}{}", self.prefix(), bundle.digest.to_hex());
        let stored = self
            .effect(effect, &(&bucket, &key), async |_| {
                let region = self.engine.bucket_region(&bucket).await?;
                // The key is the token: the same bytes under the same key, however often.
                let tags = self.tags().into_iter().filter(|(key, _)| TAGS.contains(&key.as_str())).collect();
                self.engine.writer.put_object(&bucket, &region, &key, &bundle.bytes, &tags).await?;
                Ok(Stored { bucket: bucket.clone(), region, key: key.clone() })
            })
            .await?;
        self.done_note(format!("payload of {} KiB in the bucket {}, {}", bundle.bytes.len().div_ceil(1024), stored.bucket, bundle.digest));
        Ok(stored)
    }

    /// Removes whatever this run has put into the bucket, an attempt's whose answer was lost too; how
    /// often it is called makes no difference.
    pub(super) async fn remove_bundle(&self) -> Result<(), EngineError> {
        let writer = &self.engine.writer;
        let stored: Option<Stored> = self.done(BUNDLE).await;
        let buckets: BTreeSet<String> = stored.map(|stored| stored.bucket).into_iter().chain(self.product.build.bucket.clone()).collect();
        for bucket in buckets {
            match writer.reader().bucket_region(&bucket, self.engine.clock.now()).await {
                Ok(region) => writer.remove_objects(&bucket, &region, &self.prefix()).await?,
                // Gone with all that was in it.
                Err(BucketError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn prefix(&self) -> String {
        format!("bundles/{}/{}/", self.variant(), self.id())
    }
}

impl Engine {
    /// Finds the bucket. A twin's account is a rehearsal's, which needs no set-up: there it is made.
    pub(super) async fn bucket_region(&self, bucket: &str) -> Result<Region, EngineError> {
        let (writer, now) = (&self.writer, self.clock.now());
        match writer.reader().bucket_region(bucket, now).await {
            Err(BucketError::Missing { .. }) if self.target == "twin" => Ok(writer.create_bucket(bucket, now).await?),
            found => Ok(found?),
        }
    }
}
