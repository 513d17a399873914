//! Writing and deleting objects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Metadata, ObjectIdentifier,
    PutObjectInput, PutObjectOutput, ServerSideEncryption, Timestamp as When, TimestampFormat,
};

use super::call::{Call, check_storage, not_implemented, refuse, signed};
use super::checksum::{claimed, tell_checksum};
use super::conditions::WriteCondition;
use super::contents::{self, Claims, Received};
use super::state::{About, Algorithm, Object};
use super::tagging;
use crate::twin::error::ApiError;
use crate::twin::state::Tags;

/// The most bytes of user metadata, names and values together.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
const MOST_METADATA_BYTES: usize = 2 * 1024;

/// The most objects of one DeleteObjects.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const MOST_DELETED: usize = 1000;

/// Takes the headers that describe an object out of an input.
macro_rules! about {
    ($input:ident) => {
        [
            ("cache-control", $input.cache_control.take()),
            ("content-disposition", $input.content_disposition.take()),
            ("content-encoding", $crate::twin::s3::objects::without_chunking($input.content_encoding.take())),
            ("content-language", $input.content_language.take()),
            ("content-type", $input.content_type.take()),
            ("expires", $input.expires.take().as_ref().and_then($crate::twin::s3::objects::http_date)),
        ]
    };
}
pub(super) use about;

pub(super) async fn put(call: &Call<'_>, mut input: PutObjectInput) -> Result<PutObjectOutput, ApiError> {
    refuse!(
        input: acl, bucket_key_enabled, grant_full_control, grant_read, grant_read_acp, grant_write_acp, object_lock_legal_hold_status,
        object_lock_mode, object_lock_retain_until_date, request_payer, sse_customer_algorithm, sse_customer_key,
        sse_customer_key_md5, ssekms_encryption_context, ssekms_key_id, website_redirect_location, write_offset_bytes,
    );
    check_storage(input.server_side_encryption.as_ref(), input.storage_class.as_ref())?;
    call.check_bucket(&input.bucket, input.expected_bucket_owner.as_ref())?;
    let condition = WriteCondition::new(input.if_match.take(), input.if_none_match.take())?;
    let tags = tagging::of_header(input.tagging.as_deref())?;
    let about = About::new(about!(input), input.metadata.take())?;
    let claims = Claims {
        size_bytes: input.content_length,
        md5: input.content_md5.take(),
        checksum: claimed!(input),
        algorithm: Algorithm::of(input.checksum_algorithm.as_ref())?,
    };
    let received = contents::receive(call, input.body.take(), claims).await?;
    let etag = received.etag();
    let object = store(call, &input.bucket, &input.key, Content { received, etag, about, tags }, &condition)?;
    let mut output = PutObjectOutput {
        e_tag: Some(s3s::dto::ETag::Strong(object.etag.clone())),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        size: Some(signed(object.size_bytes)),
        ..PutObjectOutput::default()
    };
    tell_checksum!(output, &object.checksum);
    Ok(output)
}

/// An object about to be.
pub(super) struct Content {
    pub received: Received,
    pub etag: String,
    pub about: About,
    pub tags: Tags,
}

/// Gives a content a key; what had the key before goes away.
pub(super) fn store(call: &Call<'_>, bucket: &str, key: &str, content: Content, condition: &WriteCondition) -> Result<Object, ApiError> {
    let Content { received, etag, about, tags } = content;
    let modified = call.twin.clock().now();
    let (file, checksum) = (received.file(), received.checksum.clone());
    let object = Object { file, size_bytes: received.size_bytes, etag, modified, checksum, about, tags };
    let replaced = call.twin.change(|state| {
        let bucket = state.s3.at_mut(bucket, &call.region)?;
        condition.check(bucket.objects.get(key))?;
        Ok::<_, ApiError>(bucket.objects.insert(key.to_owned(), object.clone()))
    })?;
    received.keep();
    if let Some(replaced) = replaced {
        contents::remove(call.twin, &replaced.file);
    }
    Ok(object)
}

pub(super) async fn delete(call: &Call<'_>, input: DeleteObjectInput) -> Result<DeleteObjectOutput, ApiError> {
    refuse!(input: bypass_governance_retention, if_match_last_modified_time, if_match_size, mfa, request_payer, version_id);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let condition = WriteCondition::new(input.if_match, None)?;
    let removed = call.twin.change(|state| {
        let bucket = state.s3.at_mut(&input.bucket, &call.region)?;
        condition.check(bucket.objects.get(&input.key))?;
        Ok::<_, ApiError>(bucket.objects.remove(&input.key))
    })?;
    if let Some(removed) = removed {
        contents::remove(call.twin, &removed.file);
    }
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_many(call: &Call<'_>, input: DeleteObjectsInput) -> Result<DeleteObjectsOutput, ApiError> {
    refuse!(input: bypass_governance_retention, mfa, request_payer);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let (objects, quiet) = (input.delete.objects, input.delete.quiet == Some(true));
    if objects.is_empty() || objects.len() > MOST_DELETED {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(ApiError::new(400, "MalformedXML", message));
    }
    let asks_more = |object: &ObjectIdentifier| {
        object.version_id.is_some() || object.e_tag.is_some() || object.last_modified_time.is_some() || object.size.is_some()
    };
    if objects.iter().any(asks_more) {
        return Err(not_implemented("an object's version, ETag, time or size"));
    }
    let removed: Vec<Object> = call.twin.change(|state| {
        let bucket = state.s3.at_mut(&input.bucket, &call.region)?;
        Ok::<_, ApiError>(objects.iter().filter_map(|object| bucket.objects.remove(&object.key)).collect())
    })?;
    removed.iter().for_each(|object| contents::remove(call.twin, &object.file));
    let deleted = objects.into_iter().map(|object| DeletedObject { key: Some(object.key), ..DeletedObject::default() }).collect();
    Ok(DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), ..DeleteObjectsOutput::default() })
}

impl About {
    /// Takes over what is given of the headers, and the metadata.
    pub(super) fn new<const N: usize>(headers: [(&str, Option<String>); N], metadata: Option<Metadata>) -> Result<Self, ApiError> {
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let metadata: Tags = metadata.unwrap_or_default().into_iter().collect();
        if metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_METADATA_BYTES {
            return Err(ApiError::new(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"));
        }
        Ok(Self { headers, metadata })
    }

    /// Returns a header's value.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).cloned()
    }
}

/// Writes a date as headers do.
pub(super) fn http_date(time: &When) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// `aws-chunked` tells how the body was sent, not how the object is encoded.
pub(super) fn without_chunking(encoding: Option<String>) -> Option<String> {
    let kept: Vec<_> = encoding.as_deref()?.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
