//! Reading objects.

use s3s::dto::{
    ChecksumMode, ChecksumType, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Range, ServerSideEncryption,
    Timestamp as When, TimestampFormat,
};

use super::call::{Call, refuse, signed, when};
use super::checksum::tell_checksum;
use super::conditions::ReadCondition;
use super::contents;
use super::state::{Checksum, Object};
use crate::twin::error::ApiError;

/// The type of an object that was given none.
const NO_TYPE: &str = "binary/octet-stream";

/// Fills what GetObject and HeadObject tell alike.
macro_rules! tell {
    ($output:ident, $object:expr, $selection:expr, $checksum:expr) => {{
        let (object, selection): (&Object, &Selection) = ($object, $selection);
        let about = &object.about;
        $output.accept_ranges = Some("bytes".to_owned());
        $output.cache_control = about.header("cache-control");
        $output.content_disposition = about.header("content-disposition");
        $output.content_encoding = about.header("content-encoding");
        $output.content_language = about.header("content-language");
        $output.content_length = Some(signed(selection.bytes.end - selection.bytes.start));
        $output.content_range = selection.content_range.clone();
        $output.content_type = Some(about.header("content-type").unwrap_or_else(|| NO_TYPE.to_owned()));
        $output.e_tag = Some(ETag::Strong(object.etag.clone()));
        $output.expires = about.headers.get("expires").and_then(|date| When::parse(TimestampFormat::HttpDate, date).ok());
        $output.last_modified = Some(when(object.modified));
        $output.metadata = (!about.metadata.is_empty()).then(|| about.metadata.clone().into_iter().collect());
        $output.server_side_encryption = Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256));
        if $checksum {
            tell_checksum!($output, &object.checksum);
            $output.checksum_type = Some(kind(&object.checksum));
        }
    }};
}

pub(super) async fn get(call: &Call<'_>, input: GetObjectInput) -> Result<GetObjectOutput, ApiError> {
    refuse!(input: part_number, request_payer, sse_customer_algorithm, sse_customer_key, sse_customer_key_md5, version_id);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let object = find(call, &input.bucket, &input.key)?;
    ReadCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    }
    .check(&object.etag, object.modified)?;
    let selection = Selection::of(input.range, object.size_bytes)?;
    let mut output = GetObjectOutput::default();
    // A part's checksum is not the whole's.
    let whole = selection.content_range.is_none();
    tell!(output, &object, &selection, whole && wants_checksum(input.checksum_mode.as_ref()));
    output.tag_count = i32::try_from(object.tags.len()).ok().filter(|count| *count > 0);
    output.body = Some(contents::read(call.twin, &object.file, selection.bytes).await?);
    Ok(output)
}

pub(super) async fn head(call: &Call<'_>, input: HeadObjectInput) -> Result<HeadObjectOutput, ApiError> {
    refuse!(
        input: part_number, request_payer, response_cache_control, response_content_disposition, response_content_encoding,
        response_content_language, response_content_type, response_expires, sse_customer_algorithm, sse_customer_key,
        sse_customer_key_md5, version_id,
    );
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let object = find(call, &input.bucket, &input.key)?;
    ReadCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    }
    .check(&object.etag, object.modified)?;
    let selection = Selection::of(input.range, object.size_bytes)?;
    let mut output = HeadObjectOutput::default();
    tell!(output, &object, &selection, wants_checksum(input.checksum_mode.as_ref()));
    Ok(output)
}

fn find(call: &Call<'_>, bucket: &str, key: &str) -> Result<Object, ApiError> {
    call.twin.read(|state| state.s3.at(bucket, &call.region)?.object(key).cloned())
}

/// The bytes asked for.
struct Selection {
    bytes: std::ops::Range<u64>,
    content_range: Option<String>,
}

impl Selection {
    fn of(range: Option<Range>, size: u64) -> Result<Self, ApiError> {
        let Some(range) = range else { return Ok(Self { bytes: 0..size, content_range: None }) };
        let bytes = range.check(size).ok().filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| ApiError::new(416, "InvalidRange", "The requested range is not satisfiable"))?;
        let content_range = Some(format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1));
        Ok(Self { bytes, content_range })
    }
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

/// Tells whether a checksum is of the bytes or of the parts' checksums.
pub(super) fn kind(checksum: &Checksum) -> ChecksumType {
    let composite = checksum.value.contains('-');
    ChecksumType::from_static(if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}
