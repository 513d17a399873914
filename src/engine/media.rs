//! The files that the Marketplace fetches: put into the vendor's bucket before a change set names them.

use serde_json::Value;

use super::failure::EngineError;
use super::run::Run;
use crate::model::count::counted;
use crate::model::image::tag;

/// The tags of a file: S3 takes ten, and the workspace's own may be more.
const TAGS: [&str; 2] = [tag::PRODUCT, tag::VARIANT];

impl Run<'_> {
    /// Puts the files that a request names where it says that they are; each once, for its key is made of its content.
    ///
    /// Whether AWS can read them is the bucket's policy: what it can't read it refuses within minutes (`INVALID_MEDIA`).
    pub(super) async fn upload_media(&self, request: &Value) -> Result<(), EngineError> {
        let request = request.to_string();
        for media in self.product.media().into_iter().filter(|media| request.contains(&media.url())) {
            let effect = format!("list.media.{}", media.digest.short(16));
            let _: String = self
                .effect(&effect, &(&media.bucket, &media.key), async |_| {
                    let region = self.bucket_region(&media.bucket).await?;
                    let tags = self.tags().into_iter().filter(|(key, _)| TAGS.contains(&key.as_str())).collect();
                    self.engine.writer.put_object(&media.bucket, &region, &media.key, &media.content, &tags).await?;
                    self.done_note(format!("{} ({}) is at {}", media.path, counted(media.content.len(), "byte"), media.url()));
                    Ok(media.url())
                })
                .await?;
        }
        Ok(())
    }
}
