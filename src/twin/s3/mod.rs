//! S3: buckets and objects, on the `s3s` crate, which reads requests and writes answers; what they
//! do is here.
//!
//! Contents are files of the twin's folder, written and read as streams; all else is in its state.
//! One version an object; no access control beyond the signature and what a bucket's policy opens to everyone; what isn't
//! here is refused.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

mod buckets;
mod call;
mod checksum;
mod conditions;
mod contents;
mod copy;
mod door;
mod list;
mod multipart;
mod objects;
mod operations;
mod presigned;
mod public;
mod read;
mod state;
mod tagging;
#[cfg(test)]
mod tests;

pub(super) use contents::{content, sweep};
pub(super) use door::{for_guests, handle, is_asked};
pub(super) use operations::{COMMON_ERRORS, OPERATIONS};
pub(super) use presigned::is_presigned;
pub use public::PublicAccessBlock;
pub use state::{Bucket, Buckets, Checksum, Object, Part, Upload};

/// Where guests find S3: a link-local address that leads to the twin and nowhere else.
pub const GUEST_ENDPOINT: &str = "http://169.254.169.250";
/// The same address alone.
pub(super) const GUEST_ADDRESS: &str = "169.254.169.250";

/// The name that its requests are signed for.
pub(super) const NAME: &str = "s3";

/// The bucket that a fresh account has, in us-east-1.
pub const FIRST_BUCKET: &str = "bakehouse-twin";
