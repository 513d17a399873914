//! The files that the Marketplace fetches: put into the vendor's bucket before a change set names them.

use serde_json::Value;

use super::Engine;
use super::failure::EngineError;
use super::run::Run;
use crate::cloud::BucketError;
use crate::model::count::counted;
use crate::model::digest::Digest;
use crate::model::ids::Region;
use crate::model::image::tag;
use crate::model::media::MediaFile;
use crate::model::product::Product;

impl Run<'_> {
    /// Puts the files that a request names where it says that they are, and sees that the Marketplace can read them; each
    /// once, for its key is made of its content.
    pub(super) async fn upload_media(&self, request: &Value) -> Result<(), EngineError> {
        refuse_changed(self.product, request)?;
        for media in named(self.product, request) {
            let effect = format!("list.media.{}", Digest::of(media.url()).short(16));
            let _: String = self
                .effect(&effect, &(&media.bucket, &media.key), async |_| {
                    self.engine.put_media(self.product, media).await?;
                    self.done_note(format!("{} ({}) is at {}", media.path, counted(media.content.len(), "byte"), media.url()));
                    Ok(media.url())
                })
                .await?;
        }
        Ok(())
    }
}

impl Engine {
    /// Puts the files that a rehearsal's request names where it says that they are.
    pub(super) async fn put_all_media(&self, product: &Product, request: &Value) -> Result<(), EngineError> {
        refuse_changed(product, request)?;
        for media in named(product, request) {
            self.put_media(product, media).await?;
        }
        Ok(())
    }

    /// Puts a file, and asks for it as the Marketplace will: what that can't read it refuses only minutes later, with the
    /// whole change set (`INVALID_MEDIA`). S3 takes ten tags, and the workspace's own may be more.
    async fn put_media(&self, product: &Product, media: &MediaFile) -> Result<(), EngineError> {
        let region = self.media_region(&media.bucket).await?;
        let variant = product.variant();
        let tags = [(tag::PRODUCT.to_owned(), variant.product.to_string()), (tag::VARIANT.to_owned(), variant.to_string())].into();
        self.writer.put_object(&media.bucket, &region, &media.key, &media.content, &tags).await?;
        Ok(self.writer.reader().check_public(&media.bucket, &region, &media.key).await?)
    }

    /// Finds the bucket, as [`Engine::bucket_region`] does.
    async fn media_region(&self, bucket: &str) -> Result<Region, EngineError> {
        let now = self.clock.now();
        match self.writer.reader().bucket_region(bucket, now).await {
            Err(BucketError::Missing { .. }) if self.target == "twin" => Ok(self.writer.create_media_bucket(bucket, now).await?),
            found => Ok(found?),
        }
    }
}

/// Refuses a request that names a file which the product doesn't have so any more: its address is of another content.
fn refuse_changed(product: &Product, request: &Value) -> Result<(), EngineError> {
    let (known, own) = (product.media(), format!(".s3.amazonaws.com/{}/", MediaFile::folder(&product.slug)));
    let mut missing = Vec::new();
    for_each_text(request, &mut |text| {
        if text.contains(&own) && !known.iter().any(|media| media.url() == text) {
            missing.push(text.to_owned());
        }
    });
    match missing.pop() {
        None => Ok(()),
        Some(url) => Err(EngineError::NotReady {
            what: format!("{url} was planned with, and the file that is to be there has changed since"),
            next: format!("bakehouse list plan {} shows what is left to change by now", product.slug),
        }),
    }
}

fn for_each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(values) => values.iter().for_each(|value| for_each_text(value, look)),
        Value::Object(fields) => fields.values().for_each(|value| for_each_text(value, look)),
        _ => {}
    }
}

/// The product's files whose addresses a request has.
fn named<'a>(product: &'a Product, request: &Value) -> Vec<&'a MediaFile> {
    let request = request.to_string();
    product.media().into_iter().filter(|media| request.contains(&media.url())).collect()
}
