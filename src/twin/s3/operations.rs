//! S3's operations as data: the headers and the query that each takes. `s3s` reads of a request what it
//! knows and passes over the rest; so that nothing is ignored, headers are held against these rows first.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

use http::HeaderMap;

use super::call::not_implemented;
use super::state::Algorithm;
use crate::twin::error::ApiError;
use crate::twin::rates::Rate;
use crate::twin::table::{self, Judgement, Row};

/// Codes that every operation refuses with.
pub(in crate::twin) const COMMON_ERRORS: &str = "AccessDenied AuthorizationHeaderMalformed InternalError InvalidAccessKeyId InvalidRequest \
                                                InvalidToken NoSuchBucket NotImplemented RequestTimeTooSkewed SignatureDoesNotMatch";

/// What any request may have, beside what signs it.
const COMMON_HEADERS: [&str; 4] = ["x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-user-agent"];

/// The operations there are. S3 has no rate that a rehearsal could reach.
pub(in crate::twin) static OPERATIONS: &[Row] = &[
    Row::new("AbortMultipartUpload", Rate::UNLIMITED)
        .takes("uploadId x-amz-expected-bucket-owner")
        .refuses("x-amz-if-match-initiated-time x-amz-request-payer")
        .errors("NoSuchUpload"),
    Row::new("CompleteMultipartUpload", Rate::UNLIMITED)
        .takes(
            "if-match if-none-match uploadId x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme \
             x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-checksum-type x-amz-expected-bucket-owner \
             x-amz-mp-object-size",
        )
        .refuses(
            "x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 x-amz-checksum-xxhash3 \
             x-amz-checksum-xxhash64 x-amz-request-payer x-amz-server-side-encryption-customer-algorithm \
             x-amz-server-side-encryption-customer-key x-amz-server-side-encryption-customer-key-md5",
        )
        .errors(
            "BadDigest EntityTooSmall InvalidPart InvalidPartOrder MalformedXML NoSuchKey NoSuchUpload \
                 PreconditionFailed",
        ),
    Row::new("CopyObject", Rate::UNLIMITED)
        .takes(
            "cache-control content-disposition content-encoding content-language content-type expires \
             x-amz-copy-source x-amz-copy-source-if-match x-amz-copy-source-if-modified-since \
             x-amz-copy-source-if-none-match x-amz-copy-source-if-unmodified-since x-amz-expected-bucket-owner \
             x-amz-meta-NAME x-amz-metadata-directive x-amz-server-side-encryption \
             x-amz-source-expected-bucket-owner x-amz-storage-class x-amz-tagging x-amz-tagging-directive",
        )
        .refuses(
            "if-match if-none-match x-amz-acl x-amz-checksum-algorithm \
             x-amz-copy-source-server-side-encryption-customer-algorithm \
             x-amz-copy-source-server-side-encryption-customer-key \
             x-amz-copy-source-server-side-encryption-customer-key-md5 x-amz-grant-full-control x-amz-grant-read \
             x-amz-grant-read-acp x-amz-grant-write-acp x-amz-object-lock-legal-hold x-amz-object-lock-mode \
             x-amz-object-lock-retain-until-date x-amz-request-payer x-amz-server-side-encryption-aws-kms-key-id \
             x-amz-server-side-encryption-bucket-key-enabled x-amz-server-side-encryption-context \
             x-amz-server-side-encryption-customer-algorithm x-amz-server-side-encryption-customer-key \
             x-amz-server-side-encryption-customer-key-md5 x-amz-website-redirect-location",
        )
        .errors("BadRequest InvalidTag MetadataTooLarge NoSuchKey PreconditionFailed"),
    Row::new("CreateBucket", Rate::UNLIMITED)
        .takes("x-amz-bucket-object-lock-enabled")
        .refuses(
            "x-amz-acl x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write \
             x-amz-grant-write-acp x-amz-object-ownership",
        )
        .errors("BucketAlreadyOwnedByYou IllegalLocationConstraintException InvalidLocationConstraint"),
    Row::new("CreateMultipartUpload", Rate::UNLIMITED)
        .takes(
            "cache-control content-disposition content-encoding content-language content-type expires uploads \
             x-amz-checksum-algorithm x-amz-checksum-type x-amz-expected-bucket-owner x-amz-meta-NAME \
             x-amz-server-side-encryption x-amz-storage-class x-amz-tagging",
        )
        .refuses(
            "x-amz-acl x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write-acp \
             x-amz-object-lock-legal-hold x-amz-object-lock-mode x-amz-object-lock-retain-until-date \
             x-amz-request-payer x-amz-server-side-encryption-aws-kms-key-id \
             x-amz-server-side-encryption-bucket-key-enabled x-amz-server-side-encryption-context \
             x-amz-server-side-encryption-customer-algorithm x-amz-server-side-encryption-customer-key \
             x-amz-server-side-encryption-customer-key-md5 x-amz-website-redirect-location",
        )
        .errors("BadRequest InvalidTag MetadataTooLarge"),
    Row::new("DeleteBucket", Rate::UNLIMITED).takes("x-amz-expected-bucket-owner").errors("BucketNotEmpty"),
    Row::new("DeleteBucketPolicy", Rate::UNLIMITED).takes("policy x-amz-expected-bucket-owner"),
    Row::new("DeleteObject", Rate::UNLIMITED)
        .takes("if-match x-amz-expected-bucket-owner")
        .refuses(
            "versionId x-amz-bypass-governance-retention x-amz-if-match-last-modified-time x-amz-if-match-size \
             x-amz-mfa x-amz-request-payer",
        )
        .errors("NoSuchKey PreconditionFailed"),
    Row::new("DeleteObjectTagging", Rate::UNLIMITED).takes("tagging x-amz-expected-bucket-owner").refuses("versionId").errors("NoSuchKey"),
    Row::new("DeleteObjects", Rate::UNLIMITED)
        .takes(
            "content-md5 delete x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme \
             x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm",
        )
        .refuses(
            "x-amz-bypass-governance-retention x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 \
             x-amz-checksum-xxhash3 x-amz-checksum-xxhash64 x-amz-mfa x-amz-request-payer",
        )
        .errors("BadDigest InvalidDigest MalformedXML MaxMessageLengthExceeded"),
    Row::new("DeletePublicAccessBlock", Rate::UNLIMITED).takes("publicAccessBlock x-amz-expected-bucket-owner"),
    Row::new("GetBucketLocation", Rate::UNLIMITED).takes("location x-amz-expected-bucket-owner"),
    Row::new("GetBucketPolicy", Rate::UNLIMITED).takes("policy x-amz-expected-bucket-owner").errors("NoSuchBucketPolicy"),
    Row::new("GetBucketPolicyStatus", Rate::UNLIMITED).takes("policyStatus x-amz-expected-bucket-owner").errors("NoSuchBucketPolicy"),
    Row::new("GetObject", Rate::UNLIMITED)
        .takes(
            "if-match if-modified-since if-none-match if-unmodified-since range response-cache-control \
             response-content-disposition response-content-encoding response-content-language \
             response-content-type response-expires x-amz-checksum-mode x-amz-expected-bucket-owner",
        )
        .refuses(
            "partNumber versionId x-amz-request-payer x-amz-server-side-encryption-customer-algorithm \
             x-amz-server-side-encryption-customer-key x-amz-server-side-encryption-customer-key-md5",
        )
        .errors("InvalidRange NoSuchKey NotModified PreconditionFailed"),
    Row::new("GetObjectTagging", Rate::UNLIMITED)
        .takes("tagging x-amz-expected-bucket-owner")
        .refuses("versionId x-amz-request-payer")
        .errors("NoSuchKey"),
    Row::new("GetPublicAccessBlock", Rate::UNLIMITED)
        .takes("publicAccessBlock x-amz-expected-bucket-owner")
        .errors("NoSuchPublicAccessBlockConfiguration"),
    Row::new("HeadBucket", Rate::UNLIMITED).takes("x-amz-expected-bucket-owner"),
    Row::new("HeadObject", Rate::UNLIMITED)
        .takes(
            "if-match if-modified-since if-none-match if-unmodified-since range x-amz-checksum-mode \
             x-amz-expected-bucket-owner",
        )
        .refuses(
            "partNumber response-cache-control response-content-disposition response-content-encoding \
             response-content-language response-content-type response-expires versionId x-amz-request-payer \
             x-amz-server-side-encryption-customer-algorithm x-amz-server-side-encryption-customer-key \
             x-amz-server-side-encryption-customer-key-md5",
        )
        .errors("InvalidRange NoSuchKey NotModified PreconditionFailed"),
    Row::new("ListBuckets", Rate::UNLIMITED).takes("bucket-region continuation-token max-buckets prefix"),
    Row::new("ListMultipartUploads", Rate::UNLIMITED)
        .takes("max-uploads prefix uploads x-amz-expected-bucket-owner")
        .refuses("delimiter encoding-type key-marker upload-id-marker x-amz-request-payer"),
    Row::new("ListObjects", Rate::UNLIMITED)
        .takes("delimiter encoding-type marker max-keys prefix x-amz-expected-bucket-owner")
        .refuses("x-amz-optional-object-attributes x-amz-request-payer")
        .errors("InvalidArgument"),
    Row::new("ListObjectsV2", Rate::UNLIMITED)
        .takes(
            "continuation-token delimiter encoding-type fetch-owner list-type max-keys prefix start-after \
             x-amz-expected-bucket-owner",
        )
        .refuses("x-amz-optional-object-attributes x-amz-request-payer")
        .errors("InvalidArgument"),
    Row::new("ListParts", Rate::UNLIMITED)
        .takes("max-parts part-number-marker uploadId x-amz-expected-bucket-owner")
        .refuses(
            "x-amz-request-payer x-amz-server-side-encryption-customer-algorithm \
             x-amz-server-side-encryption-customer-key x-amz-server-side-encryption-customer-key-md5",
        )
        .errors("NoSuchUpload"),
    Row::new("PutBucketPolicy", Rate::UNLIMITED)
        .takes(
            "content-md5 policy x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme x-amz-checksum-sha1 \
             x-amz-checksum-sha256 x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm",
        )
        .refuses(
            "x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 x-amz-checksum-xxhash3 \
             x-amz-checksum-xxhash64 x-amz-confirm-remove-self-bucket-access",
        )
        .errors("BadDigest InvalidDigest MalformedPolicy MaxMessageLengthExceeded"),
    Row::new("PutObject", Rate::UNLIMITED)
        .takes(
            "cache-control content-disposition content-encoding content-language content-md5 content-type expires \
             if-match if-none-match x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme \
             x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-expected-bucket-owner x-amz-meta-NAME \
             x-amz-sdk-checksum-algorithm x-amz-server-side-encryption x-amz-storage-class x-amz-tagging \
             x-amz-trailer",
        )
        .refuses(
            "x-amz-acl x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 x-amz-checksum-xxhash3 \
             x-amz-checksum-xxhash64 x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp \
             x-amz-grant-write-acp x-amz-object-lock-legal-hold x-amz-object-lock-mode \
             x-amz-object-lock-retain-until-date x-amz-request-payer x-amz-server-side-encryption-aws-kms-key-id \
             x-amz-server-side-encryption-bucket-key-enabled x-amz-server-side-encryption-context \
             x-amz-server-side-encryption-customer-algorithm x-amz-server-side-encryption-customer-key \
             x-amz-server-side-encryption-customer-key-md5 x-amz-website-redirect-location \
             x-amz-write-offset-bytes",
        )
        .errors(
            "BadDigest BadRequest EntityTooLarge IncompleteBody InvalidDigest InvalidTag MetadataTooLarge \
                 NoSuchKey PreconditionFailed",
        ),
    Row::new("PutObjectTagging", Rate::UNLIMITED)
        .takes(
            "content-md5 tagging x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme \
             x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm",
        )
        .refuses(
            "versionId x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 x-amz-checksum-xxhash3 \
             x-amz-checksum-xxhash64 x-amz-request-payer",
        )
        .errors("BadDigest BadRequest InvalidDigest InvalidTag MaxMessageLengthExceeded NoSuchKey"),
    Row::new("PutPublicAccessBlock", Rate::UNLIMITED)
        .takes(
            "content-md5 publicAccessBlock x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme \
             x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm",
        )
        .refuses("x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 x-amz-checksum-xxhash3 x-amz-checksum-xxhash64")
        .errors("BadDigest InvalidDigest MalformedXML MaxMessageLengthExceeded"),
    Row::new("UploadPart", Rate::UNLIMITED)
        .takes(
            "content-md5 partNumber uploadId x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme \
             x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-expected-bucket-owner x-amz-sdk-checksum-algorithm \
             x-amz-trailer",
        )
        .refuses(
            "x-amz-checksum-md5 x-amz-checksum-sha512 x-amz-checksum-xxhash128 x-amz-checksum-xxhash3 \
             x-amz-checksum-xxhash64 x-amz-copy-source x-amz-request-payer \
             x-amz-server-side-encryption-customer-algorithm x-amz-server-side-encryption-customer-key \
             x-amz-server-side-encryption-customer-key-md5",
        )
        .errors("BadDigest EntityTooLarge IncompleteBody InvalidArgument InvalidDigest NoSuchUpload"),
];

/// Refuses headers that an operation doesn't have, and more checksums than one.
pub(super) fn check_headers(operation: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    // `s3s` refuses the operations that aren't here.
    let Some(row) = table::find(OPERATIONS, operation) else { return Ok(()) };
    for name in headers.keys().map(|name| name.as_str()).filter(|name| asks_for_something(name)) {
        let named = if name.starts_with("x-amz-meta-") { "x-amz-meta-NAME" } else { name };
        if !COMMON_HEADERS.contains(&named) && row.judge(named) != Judgement::Taken {
            return Err(not_implemented(name));
        }
    }
    check_checksum(headers)
}

/// Refuses more checksums than one, and one that the twin can't compute or that isn't what was announced.
fn check_checksum(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let mut given: Vec<Algorithm> = headers.keys().filter_map(|name| Algorithm::of_header(name.as_str())).collect();
    if let Some(trailer) = value("x-amz-trailer") {
        given.push(Algorithm::of_header(trailer).ok_or_else(|| not_implemented(&format!("x-amz-trailer: {trailer}")))?);
    }
    let [.., last] = given[..] else { return Ok(()) };
    if given.len() > 1 {
        let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return Err(ApiError::new(400, "InvalidRequest", message));
    }
    match value("x-amz-sdk-checksum-algorithm").map(Algorithm::of_name) {
        Some(announced) if announced != Some(last) => {
            Err(ApiError::new(400, "BadDigest", "The checksum is not of the algorithm that x-amz-sdk-checksum-algorithm names."))
        }
        _ => Ok(()),
    }
}

/// Tells S3's own headers from those that any request has on its way.
fn asks_for_something(header: &str) -> bool {
    header.starts_with("x-amz-") || header.starts_with("if-") || matches!(header, "content-md5" | "range")
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn checked(operation: &str, header: &str, value: &'static str) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_bytes(header.as_bytes()).unwrap(), HeaderValue::from_static(value));
        check_headers(operation, &headers).map_err(|error| error.code)
    }

    #[test]
    fn headers_are_taken_or_refused_and_never_ignored() {
        for row in OPERATIONS {
            for header in row.refuses.split_whitespace().filter(|word| asks_for_something(word)) {
                assert_eq!(checked(row.name, header, "1"), Err("NotImplemented".to_owned()), "{} {header}", row.name);
            }
            for header in row.takes.split_whitespace().filter(|word| asks_for_something(word) && *word != "x-amz-trailer") {
                assert_eq!(checked(row.name, &header.to_lowercase(), "1"), Ok(()), "{} {header}", row.name);
            }
            assert!(checked(row.name, "x-amz-of-tomorrow", "1").is_err(), "{}", row.name);
            assert!(checked(row.name, "x-amz-date", "1").is_ok() && checked(row.name, "accept", "1").is_ok());
        }
        assert!(checked("PutObject", "x-amz-trailer", "x-amz-checksum-crc32").is_ok());
        assert!(checked("PutObject", "x-amz-trailer", "x-amz-checksum-xxhash3").is_err());
    }
}
