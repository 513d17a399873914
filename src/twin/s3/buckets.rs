//! Buckets.

use s3s::dto::{
    BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
};

use super::call::{Call, refuse, when};
use super::state::{Bucket, no_such_bucket};
use crate::model::ids::Region;
use crate::twin::error::ApiError;

/// How many buckets a page has at most.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
const MOST_A_PAGE: i32 = 10_000;

pub(super) async fn create(call: &Call<'_>, input: CreateBucketInput) -> Result<CreateBucketOutput, ApiError> {
    refuse!(input: acl, grant_full_control, grant_read, grant_read_acp, grant_write, grant_write_acp, object_ownership);
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(super::call::not_implemented("object_lock_enabled_for_bucket"));
    }
    check_location(call, input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint))?;
    let (region, created) = (call.region.clone(), call.twin.clock().now());
    call.twin.change(|state| match state.s3.0.get(&input.bucket) {
        // A habit of the oldest Region.
        Some(bucket) if bucket.region == region && region == Region::marketplace() => Ok(()),
        Some(_) => {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            Err(ApiError::new(409, "BucketAlreadyOwnedByYou", message))
        }
        None => {
            state.s3.0.insert(input.bucket.clone(), Bucket::new(region, created));
            Ok(())
        }
    })?;
    Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
}

/// A bucket is made where the request was signed for; only us-east-1 goes without saying.
fn check_location(call: &Call<'_>, constraint: Option<BucketLocationConstraint>) -> Result<(), ApiError> {
    let refused = |code: &str, message: String| Err(ApiError::new(400, code, message));
    match constraint.as_ref().map(BucketLocationConstraint::as_str).filter(|constraint| !constraint.is_empty()) {
        None if call.region == Region::marketplace() => Ok(()),
        Some("us-east-1") => refused("InvalidLocationConstraint", "The specified location-constraint is not valid".to_owned()),
        Some(constraint) if constraint == call.region.as_str() => Ok(()),
        other => refused(
            "IllegalLocationConstraintException",
            format!(
                "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
                other.unwrap_or("unspecified")
            ),
        ),
    }
}

pub(super) async fn head(call: &Call<'_>, input: HeadBucketInput) -> Result<HeadBucketOutput, ApiError> {
    call.check_bucket(&input.bucket, input.expected_bucket_owner.as_ref())?;
    Ok(HeadBucketOutput { bucket_region: Some(call.region.to_string()), ..HeadBucketOutput::default() })
}

pub(super) async fn location(call: &Call<'_>, input: GetBucketLocationInput) -> Result<GetBucketLocationOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let region = call.twin.read(|state| state.s3.0.get(&input.bucket).map(|bucket| bucket.region.clone())).ok_or_else(no_such_bucket)?;
    let named = region != Region::marketplace();
    Ok(GetBucketLocationOutput { location_constraint: named.then(|| BucketLocationConstraint::from(region.to_string())) })
}

pub(super) async fn delete(call: &Call<'_>, input: DeleteBucketInput) -> Result<DeleteBucketOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    call.twin.change(|state| {
        let bucket = state.s3.at(&input.bucket, &call.region)?;
        if !bucket.objects.is_empty() || !bucket.uploads.is_empty() {
            return Err(ApiError::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty"));
        }
        state.s3.0.remove(&input.bucket);
        Ok(())
    })?;
    Ok(DeleteBucketOutput::default())
}

pub(super) async fn list(call: &Call<'_>, input: ListBucketsInput) -> Result<ListBucketsOutput, ApiError> {
    let most = usize::try_from(input.max_buckets.unwrap_or(MOST_A_PAGE).clamp(1, MOST_A_PAGE)).unwrap_or(1);
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.unwrap_or_default();
    let found: Vec<_> = call.twin.read(|state| {
        let wanted = |name: &str, bucket: &Bucket| {
            name.starts_with(&prefix)
                && name > after.as_str()
                && input.bucket_region.as_ref().is_none_or(|region| region == bucket.region.as_str())
        };
        let entry = |(name, bucket): (&String, &Bucket)| s3s::dto::Bucket {
            bucket_region: Some(bucket.region.to_string()),
            creation_date: Some(when(bucket.created)),
            name: Some(name.clone()),
        };
        state.s3.0.iter().filter(|(name, bucket)| wanted(name, bucket)).map(entry).take(most + 1).collect()
    });
    let page: Vec<_> = found.iter().take(most).cloned().collect();
    let more = found.len() > most;
    Ok(ListBucketsOutput {
        continuation_token: page.last().filter(|_| more).and_then(|bucket| bucket.name.clone()),
        buckets: Some(page),
        owner: Some(Owner { display_name: None, id: Some(call.twin.account().to_string()) }),
        prefix: input.prefix,
    })
}
