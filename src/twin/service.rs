//! One port, many services: who is called is known from the signature's scope.

use bytes::Bytes;

use crate::model::ids::Region;

/// A verified request.
pub struct Call {
    /// The Region of the signature's scope.
    pub region: Region,
    /// Method.
    pub method: http::Method,
    /// Path and query.
    pub uri: http::Uri,
    /// Headers.
    pub headers: http::HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// An answer.
pub type Reply = http::Response<Bytes>;
