//! Objects' tags.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput, PutObjectTaggingInput,
    PutObjectTaggingOutput, Tag,
};

use super::call::{Call, refuse};
use super::state::no_such_key;
use crate::twin::error::ApiError;
use crate::twin::state::Tags;

const MOST_TAGS: usize = 10;
const MOST_KEY_CHARACTERS: usize = 128;
const MOST_VALUE_CHARACTERS: usize = 256;

pub(super) async fn get(call: &Call<'_>, input: GetObjectTaggingInput) -> Result<GetObjectTaggingOutput, ApiError> {
    refuse!(input: request_payer, version_id);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let tags = call.twin.read(|state| Ok::<_, ApiError>(state.s3.at(&input.bucket, &call.region)?.object(&input.key)?.tags.clone()))?;
    let tag_set = tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect();
    Ok(GetObjectTaggingOutput { tag_set, version_id: None })
}

pub(super) async fn put(call: &Call<'_>, input: PutObjectTaggingInput) -> Result<PutObjectTaggingOutput, ApiError> {
    refuse!(input: request_payer, version_id);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let pairs = input.tagging.tag_set.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    replace(call, &input.bucket, &input.key, checked(pairs)?)?;
    Ok(PutObjectTaggingOutput::default())
}

pub(super) async fn delete(call: &Call<'_>, input: DeleteObjectTaggingInput) -> Result<DeleteObjectTaggingOutput, ApiError> {
    refuse!(input: version_id);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    replace(call, &input.bucket, &input.key, Tags::new())?;
    Ok(DeleteObjectTaggingOutput::default())
}

/// Reads the tags of `x-amz-tagging`, written as a query is.
pub(super) fn of_header(header: Option<&str>) -> Result<Tags, ApiError> {
    checked(form_urlencoded::parse(header.unwrap_or_default().as_bytes()).map(|(key, value)| (key.into_owned(), value.into_owned())))
}

fn replace(call: &Call<'_>, bucket: &str, key: &str, tags: Tags) -> Result<(), ApiError> {
    call.twin.change(|state| {
        let object = state.s3.at_mut(bucket, &call.region)?.objects.get_mut(key).ok_or_else(no_such_key)?;
        object.tags = tags;
        Ok(())
    })
}

fn checked(pairs: impl Iterator<Item = (String, String)>) -> Result<Tags, ApiError> {
    let invalid = |message: &str| ApiError::new(400, "InvalidTag", message);
    let mut tags = Tags::new();
    for (key, value) in pairs {
        if !(1..=MOST_KEY_CHARACTERS).contains(&key.chars().count()) {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > MOST_VALUE_CHARACTERS {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if tags.insert(key, value).is_some() {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(ApiError::new(400, "BadRequest", "Object tags cannot be greater than 10"));
    }
    Ok(tags)
}
