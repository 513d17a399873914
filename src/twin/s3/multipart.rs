//! Multipart uploads.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use md5::{Digest as _, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, ServerSideEncryption, UploadPartInput, UploadPartOutput,
};

use super::call::{Call, check_storage, refuse, signed, when};
use super::checksum::{claimed, tell_checksum};
use super::conditions::WriteCondition;
use super::contents::{self, Claims};
use super::objects::{Content, about, store};
use super::state::{About, Algorithm, Checksum, Part, Upload};
use super::{list, read, tagging};
use crate::twin::error::ApiError;

/// Parts are numbered from 1 to 10,000; each but the last has 5 MiB at least.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MOST_PARTS: i32 = 10_000;
const LEAST_PART_BYTES: u64 = 5 * 1024 * 1024;
const MOST_A_PAGE: i32 = 1000;

pub(super) async fn create(call: &Call<'_>, mut input: CreateMultipartUploadInput) -> Result<CreateMultipartUploadOutput, ApiError> {
    refuse!(
        input: acl, bucket_key_enabled, grant_full_control, grant_read, grant_read_acp, grant_write_acp, object_lock_legal_hold_status,
        object_lock_mode, object_lock_retain_until_date, request_payer, sse_customer_algorithm, sse_customer_key,
        sse_customer_key_md5, ssekms_encryption_context, ssekms_key_id, website_redirect_location,
    );
    check_storage(input.server_side_encryption.as_ref(), input.storage_class.as_ref())?;
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let algorithm = Algorithm::of(input.checksum_algorithm.as_ref())?;
    let full_object = full_object(algorithm.unwrap_or(Algorithm::Crc64nvme), input.checksum_type.as_ref())?;
    let tags = tagging::of_header(input.tagging.as_deref())?;
    let about = About::new(about!(input), input.metadata.take())?;
    let initiated = call.twin.clock().now();
    let upload = Upload { key: input.key.clone(), initiated, algorithm, full_object, about, tags, parts: Default::default() };
    let id = call.twin.change(|state| {
        let id = state.new_token(64);
        state.s3.at_mut(&input.bucket, &call.region)?.uploads.insert(id.clone(), upload);
        Ok::<_, ApiError>(id)
    })?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: algorithm.map(name),
        checksum_type: algorithm.map(|_| kind(full_object)),
        key: Some(input.key),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    })
}

/// Which algorithms a checksum of all bytes, or of the parts' checksums, can be of.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
fn full_object(algorithm: Algorithm, asked: Option<&ChecksumType>) -> Result<bool, ApiError> {
    let can_be_full = matches!(algorithm, Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Crc64nvme);
    match asked.map(ChecksumType::as_str) {
        None => Ok(algorithm == Algorithm::Crc64nvme),
        Some(ChecksumType::FULL_OBJECT) if can_be_full => Ok(true),
        Some(ChecksumType::COMPOSITE) if algorithm != Algorithm::Crc64nvme => Ok(false),
        Some(other) => {
            let message = format!("The {other} checksum type cannot be used with the {} checksum algorithm.", algorithm.name());
            Err(ApiError::new(400, "InvalidRequest", message))
        }
    }
}

pub(super) async fn upload_part(call: &Call<'_>, mut input: UploadPartInput) -> Result<UploadPartOutput, ApiError> {
    refuse!(input: request_payer, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    if !(1..=MOST_PARTS).contains(&input.part_number) {
        return Err(ApiError::new(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"));
    }
    let algorithm = find(call, &input.bucket, &input.upload_id, &input.key)?.algorithm;
    let claims = Claims { size_bytes: input.content_length, md5: input.content_md5.take(), checksum: claimed!(input), algorithm };
    let received = contents::receive(call, input.body.take(), claims).await?;
    if let Some(expected) = algorithm.filter(|expected| *expected != received.checksum.algorithm) {
        let message = format!("Checksum Type mismatch occurred, expected checksum Type: {}", expected.name());
        return Err(ApiError::new(400, "InvalidRequest", message));
    }
    let part = Part {
        file: received.file(),
        size_bytes: received.size_bytes,
        etag: received.etag(),
        checksum: received.checksum.clone(),
        modified: call.twin.clock().now(),
    };
    let mut output = UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..UploadPartOutput::default()
    };
    tell_checksum!(output, &part.checksum);
    let replaced = call.twin.change(|state| {
        let bucket = state.s3.at_mut(&input.bucket, &call.region)?;
        bucket.upload(&input.upload_id, &input.key)?;
        Ok::<_, ApiError>(bucket.uploads.get_mut(&input.upload_id).and_then(|upload| upload.parts.insert(input.part_number, part)))
    })?;
    received.keep();
    if let Some(replaced) = replaced {
        contents::remove(call.twin, &replaced.file);
    }
    Ok(output)
}

pub(super) async fn complete(call: &Call<'_>, mut input: CompleteMultipartUploadInput) -> Result<CompleteMultipartUploadOutput, ApiError> {
    refuse!(input: request_payer, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let condition = WriteCondition::new(input.if_match.take(), input.if_none_match.take())?;
    let upload = find(call, &input.bucket, &input.upload_id, &input.key)?;
    let named = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
    let parts = chosen(&upload, &named)?;
    if input.mpu_object_size.is_some_and(|size| size != signed(parts.iter().map(|part| part.size_bytes).sum())) {
        return Err(ApiError::new(400, "InvalidRequest", "The provided object size does not match the size of the parts."));
    }
    let files: Vec<&str> = parts.iter().map(|part| &*part.file).collect();
    let algorithm = upload.algorithm.unwrap_or(Algorithm::Crc64nvme);
    let mut received = contents::join(call.twin, &files, algorithm).await?;
    if !upload.full_object {
        received.checksum = Checksum::of_parts(algorithm, parts.iter().map(|part| &part.checksum));
    }
    expect_type(input.checksum_type.as_ref(), upload.full_object)?;
    let claimed: Option<(Algorithm, String)> = claimed!(input);
    if claimed.as_ref().is_some_and(|(claimed, _)| *claimed != algorithm) {
        return Err(ApiError::new(400, "InvalidRequest", "The checksum is not of the algorithm that the upload was created with."));
    }
    received.checksum.expect(claimed.as_ref().map(|(_, value)| &**value))?;
    let content = Content { received, etag: etag(&parts), about: upload.about.clone(), tags: upload.tags.clone() };
    let object = store(call, &input.bucket, &input.key, content, &condition)?;
    forget(call, &input.bucket, &input.upload_id)?;
    let mut output = CompleteMultipartUploadOutput {
        checksum_type: Some(read::kind(&object.checksum)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..CompleteMultipartUploadOutput::default()
    };
    tell_checksum!(output, &object.checksum);
    Ok(output)
}

/// Refuses a completion by another type of checksum than the upload was created with.
fn expect_type(asked: Option<&ChecksumType>, full_object: bool) -> Result<(), ApiError> {
    let created = kind(full_object);
    match asked {
        Some(asked) if asked.as_str() != created.as_str() => {
            let message = format!("The upload was created using the {} checksum mode.", created.as_str());
            Err(ApiError::new(400, "InvalidRequest", message))
        }
        _ => Ok(()),
    }
}

/// Tells whether a part has the checksum that the client names, if it names one.
fn is_of_checksum(part: &Part, named: &CompletedPart) -> bool {
    let mut named = named.clone();
    let claimed: Option<(Algorithm, String)> = claimed!(named);
    claimed.is_none_or(|(algorithm, value)| part.checksum == Checksum { algorithm, value })
}

/// Finds the parts that the client names, in their order.
fn chosen<'a>(upload: &'a Upload, named: &[CompletedPart]) -> Result<Vec<&'a Part>, ApiError> {
    let refused = |code: &str, message: &str| ApiError::new(400, code, message);
    if named.is_empty() {
        return Err(refused("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"));
    }
    if !named.windows(2).all(|pair| pair[0].part_number < pair[1].part_number) {
        return Err(refused("InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number."));
    }
    let part = |named: &CompletedPart| {
        let part = upload.parts.get(&named.part_number.unwrap_or_default());
        let is_named = |part: &&Part| named.e_tag.as_ref().is_some_and(|etag| etag.value() == part.etag) && is_of_checksum(part, named);
        part.filter(is_named).ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified \
                           entity tag may not match the part's entity tag.";
            refused("InvalidPart", message)
        })
    };
    let parts: Vec<&Part> = named.iter().map(part).collect::<Result<_, _>>()?;
    if parts.iter().rev().skip(1).any(|part| part.size_bytes < LEAST_PART_BYTES) {
        return Err(refused("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"));
    }
    Ok(parts)
}

/// The MD5 of the parts' MD5s, and how many there are.
fn etag(parts: &[&Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

pub(super) async fn abort(call: &Call<'_>, input: AbortMultipartUploadInput) -> Result<AbortMultipartUploadOutput, ApiError> {
    refuse!(input: if_match_initiated_time, request_payer);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    find(call, &input.bucket, &input.upload_id, &input.key)?;
    forget(call, &input.bucket, &input.upload_id)?;
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(call: &Call<'_>, input: ListPartsInput) -> Result<ListPartsOutput, ApiError> {
    refuse!(input: request_payer, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let upload = find(call, &input.bucket, &input.upload_id, &input.key)?;
    let after = input.part_number_marker.unwrap_or(0);
    let most = usize::try_from(input.max_parts.unwrap_or(MOST_A_PAGE).clamp(0, MOST_A_PAGE)).unwrap_or(0);
    let mut found = upload.parts.range(after.saturating_add(1)..);
    let parts: Vec<_> = found.by_ref().take(most).map(|(number, part)| told(*number, part)).collect();
    let more = found.next().is_some();
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: upload.algorithm.map(name),
        checksum_type: upload.algorithm.map(|_| kind(upload.full_object)),
        is_truncated: Some(more),
        key: Some(input.key),
        max_parts: i32::try_from(most).ok(),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        owner: Some(list::owner(call)),
        part_number_marker: Some(after),
        parts: Some(parts),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    })
}

fn told(number: i32, part: &Part) -> s3s::dto::Part {
    let mut told = s3s::dto::Part {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        last_modified: Some(when(part.modified)),
        part_number: Some(number),
        size: Some(signed(part.size_bytes)),
        ..s3s::dto::Part::default()
    };
    tell_checksum!(told, &part.checksum);
    told
}

pub(super) async fn list_uploads(call: &Call<'_>, input: ListMultipartUploadsInput) -> Result<ListMultipartUploadsOutput, ApiError> {
    refuse!(input: delimiter, encoding_type, key_marker, request_payer, upload_id_marker);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let mut uploads: Vec<MultipartUpload> = call.twin.read(|state| {
        let uploads = state.s3.at(&input.bucket, &call.region)?.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&prefix));
        let told = uploads.map(|(id, upload)| MultipartUpload {
            checksum_algorithm: upload.algorithm.map(name),
            checksum_type: upload.algorithm.map(|_| kind(upload.full_object)),
            initiated: Some(when(upload.initiated)),
            key: Some(upload.key.clone()),
            owner: Some(list::owner_of(state.account.as_str())),
            upload_id: Some(id.clone()),
            ..MultipartUpload::default()
        });
        Ok::<_, ApiError>(told.collect())
    })?;
    uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
    if uploads.len() > usize::try_from(input.max_uploads.unwrap_or(MOST_A_PAGE)).unwrap_or(0) {
        return Err(super::call::not_implemented("more uploads than one page holds"));
    }
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        is_truncated: Some(false),
        max_uploads: Some(input.max_uploads.unwrap_or(MOST_A_PAGE)),
        prefix: input.prefix,
        uploads: Some(uploads),
        ..ListMultipartUploadsOutput::default()
    })
}

fn find(call: &Call<'_>, bucket: &str, id: &str, key: &str) -> Result<Upload, ApiError> {
    call.twin.read(|state| state.s3.at(bucket, &call.region)?.upload(id, key).cloned())
}

/// Removes an upload and its parts.
fn forget(call: &Call<'_>, bucket: &str, id: &str) -> Result<(), ApiError> {
    let upload = call.twin.change(|state| Ok::<_, ApiError>(state.s3.at_mut(bucket, &call.region)?.uploads.remove(id)))?;
    upload.iter().flat_map(|upload| upload.parts.values()).for_each(|part| contents::remove(call.twin, &part.file));
    Ok(())
}

fn name(algorithm: Algorithm) -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(algorithm.name())
}

fn kind(full_object: bool) -> ChecksumType {
    ChecksumType::from_static(if full_object { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE })
}
