//! What the operations have in common: who calls from where, and how they refuse.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{AccountId, ServerSideEncryption, StorageClass, Timestamp as When};
use s3s::{S3Error, S3ErrorCode, S3Request, TrailingHeaders};

use super::state::Algorithm;
use crate::model::ids::Region;
use crate::twin::Twin;
use crate::twin::error::ApiError;

/// The header, and the detail of a refusal, that says where a bucket lies.
pub(super) const BUCKET_REGION: &str = "x-amz-bucket-region";

/// The Region that a request was signed for: goes along with the request.
#[derive(Debug, Clone)]
pub(super) struct SignedFor(pub Region);

/// A request's circumstances.
pub(super) struct Call<'a> {
    pub twin: &'a Arc<Twin>,
    /// The Region it was signed for.
    pub region: Region,
    /// The checksum that follows the body: its algorithm, and where it will be.
    pub trailer: Option<(Algorithm, TrailingHeaders)>,
}

impl<'a> Call<'a> {
    pub fn of<T>(twin: &'a Arc<Twin>, request: &S3Request<T>) -> Self {
        let region = request.extensions.get::<SignedFor>().map_or_else(Region::marketplace, |signed| signed.0.clone());
        let named = request.headers.get("x-amz-trailer").and_then(|name| name.to_str().ok()).and_then(Algorithm::of_header);
        Self { twin, region, trailer: named.zip(request.trailing_headers.clone()) }
    }

    /// Refuses a bucket that is not there, lies elsewhere, or whose owner is not who the caller thinks.
    pub fn check_bucket(&self, name: &str, owner: Option<&AccountId>) -> Result<(), ApiError> {
        self.check_owner(owner)?;
        self.twin.read(|state| state.s3.at(name, &self.region).map(|_| ()))
    }

    /// Refuses if the one account isn't who the caller thinks.
    pub fn check_owner(&self, expected: Option<&AccountId>) -> Result<(), ApiError> {
        match expected {
            Some(owner) if *owner != self.twin.account().to_string() => Err(ApiError::new(403, "AccessDenied", "Access Denied")),
            _ => Ok(()),
        }
    }
}

/// Refuses parameters that the twin doesn't implement.
macro_rules! refuse {
    ($input:ident: $($field:ident),+ $(,)?) => {
        $(if $input.$field.is_some() {
            return Err($crate::twin::s3::call::not_implemented(stringify!($field)));
        })+
    };
}
pub(super) use refuse;

pub(super) fn not_implemented(what: &str) -> ApiError {
    let message = format!("A header or query you provided implies functionality that is not implemented: {}", what.replace('_', "-"));
    ApiError::new(501, "NotImplemented", message)
}

/// Lets through what every object has anyway.
pub(super) fn check_storage(encryption: Option<&ServerSideEncryption>, class: Option<&StorageClass>) -> Result<(), ApiError> {
    if encryption.is_some_and(|encryption| encryption.as_str() != ServerSideEncryption::AES256) {
        return Err(not_implemented("server_side_encryption"));
    }
    if class.is_some_and(|class| class.as_str() != StorageClass::STANDARD) {
        return Err(not_implemented("storage_class"));
    }
    Ok(())
}

/// Gives a refusal the form that `s3s` writes.
pub(super) fn refusal(error: ApiError) -> S3Error {
    let code = S3ErrorCode::from_bytes(error.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut refusal = S3Error::with_message(code, error.message);
    if let Ok(status) = http::StatusCode::from_u16(error.status) {
        refusal.set_status_code(status);
    }
    if let Some(region) = error.details.get(BUCKET_REGION).and_then(|region| region.as_str())
        && let Ok(region) = HeaderValue::from_str(region)
    {
        refusal.set_headers(HeaderMap::from_iter([(HeaderName::from_static(BUCKET_REGION), region)]));
    }
    refusal
}

pub(super) fn when(time: jiff::Timestamp) -> When {
    When::from(std::time::SystemTime::from(time))
}

/// Sizes and counts are signed in S3's model.
pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
