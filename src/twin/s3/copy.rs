//! Copying an object: the content is shared, for it never changes.

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, MetadataDirective, ServerSideEncryption, TaggingDirective,
};

use super::call::{Call, check_storage, not_implemented, refuse, when};
use super::checksum::tell_checksum;
use super::conditions::ReadCondition;
use super::contents::{self, Link};
use super::objects::about;
use super::state::{About, Object, no_such_bucket};
use super::{read, tagging};
use crate::twin::error::ApiError;

pub(super) async fn copy(call: &Call<'_>, mut input: CopyObjectInput) -> Result<CopyObjectOutput, ApiError> {
    refuse!(
        input: acl, bucket_key_enabled, checksum_algorithm, copy_source_sse_customer_algorithm, copy_source_sse_customer_key,
        copy_source_sse_customer_key_md5, grant_full_control, grant_read, grant_read_acp, grant_write_acp,
        object_lock_legal_hold_status, object_lock_mode, object_lock_retain_until_date, request_payer, sse_customer_algorithm,
        sse_customer_key, sse_customer_key_md5, ssekms_encryption_context, ssekms_key_id, website_redirect_location,
    );
    check_storage(input.server_side_encryption.as_ref(), input.storage_class.as_ref())?;
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    call.check_owner(input.expected_source_bucket_owner.as_ref())?;
    let (from, source) = source(call, &input.copy_source)?;
    ReadCondition {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    }
    .check(&source.etag, source.modified)
    .map_err(|refused| if refused.status == 304 { super::conditions::precondition_failed() } else { refused })?;

    let replaces = |directive: Option<&str>, replace: &str| directive.is_some_and(|directive| directive == replace);
    let new_about = replaces(input.metadata_directive.as_ref().map(MetadataDirective::as_str), MetadataDirective::REPLACE);
    let new_tags = replaces(input.tagging_directive.as_ref().map(TaggingDirective::as_str), TaggingDirective::REPLACE);
    if from == (input.bucket.clone(), input.key.clone()) && !new_about {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
                       metadata, storage class, website redirect location or encryption attributes.";
        return Err(ApiError::new(400, "InvalidRequest", message));
    }
    let about = if new_about { About::new(about!(input), input.metadata.take())? } else { source.about };
    let tags = if new_tags { tagging::of_header(input.tagging.as_deref())? } else { source.tags };
    let link = Link::to(call.twin, &source.file)?;
    let object = Object { file: link.file(), modified: call.twin.clock().now(), about, tags, ..source };
    let replaced = call.twin.change(|state| {
        let bucket = state.s3.at_mut(&input.bucket, &call.region)?;
        Ok::<_, ApiError>(bucket.objects.insert(input.key.clone(), object.clone()))
    })?;
    link.keep();
    if let Some(replaced) = replaced {
        contents::remove(call.twin, &replaced.file);
    }
    Ok(output(&object))
}

/// Finds what is to be copied, in any Region, and its bucket and key.
fn source(call: &Call<'_>, source: &CopySource) -> Result<((String, String), Object), ApiError> {
    let CopySource::Bucket { bucket, key, version_id: None } = source else {
        return Err(not_implemented("a copy source other than BUCKET/KEY"));
    };
    let object = call.twin.read(|state| state.s3.0.get(&**bucket).ok_or_else(no_such_bucket)?.object(key).cloned())?;
    Ok(((bucket.to_string(), key.to_string()), object))
}

fn output(object: &Object) -> CopyObjectOutput {
    let mut result = CopyObjectResult {
        checksum_type: Some(read::kind(&object.checksum)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(when(object.modified)),
        ..CopyObjectResult::default()
    };
    tell_checksum!(result, &object.checksum);
    CopyObjectOutput {
        copy_object_result: Some(result),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..CopyObjectOutput::default()
    }
}
