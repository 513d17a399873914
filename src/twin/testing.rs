//! A twin for tests: in a folder of its own, on a clock that stands still, called by signed requests.
//!
//! Requests are signed as the AWS SDK signs them, so the twin's own reading of the signature's
//! reference is held against another.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::Method;

use super::machines::Machines;
use super::{Options, Reply, Twin};
use crate::clock::Clock;

/// A twin and its folder.
pub(super) struct TestTwin {
    pub(super) twin: Arc<Twin>,
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Clock,
}

impl TestTwin {
    /// Makes an empty one; requests' time is checked against its clock.
    pub(super) fn new() -> Self {
        Self::denying(BTreeSet::new())
    }

    /// Makes an empty one whose process denies the caller some operations.
    pub(super) fn denying(denied: BTreeSet<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-23T12:00:00Z".parse().unwrap());
        let twin = open(folder.path(), &clock, denied);
        Self { twin, folder, clock }
    }

    /// Ends the process, as it were, and starts another.
    pub(super) fn restarted(self) -> Self {
        let Self { twin, folder, clock } = self;
        assert_eq!(Arc::strong_count(&twin), 1, "nobody else holds the twin");
        drop(twin);
        let twin = open(folder.path(), &clock, BTreeSet::new());
        Self { twin, folder, clock }
    }

    /// Calls a service.
    pub(super) async fn send(&self, service: &str, method: Method, uri: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        self.twin.call(self.signed(service, method, uri, headers, body)).await
    }

    /// Signs a request with the twin's credentials.
    pub(super) fn signed(
        &self,
        service: &str,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Request<Bytes> {
        let (id, secret) = self.twin.credentials();
        let body = body.into();
        let signed_body = body.clone();
        let request = self.unsigned(method, uri, headers, body);
        self.sign(request, service, &id, &secret, SignableBody::Bytes(&signed_body))
    }

    /// Makes a request that is not signed.
    pub(super) fn unsigned(&self, method: Method, uri: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> http::Request<Bytes> {
        let mut request = http::Request::builder().method(method).uri(format!("http://127.0.0.1:4566{uri}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.into()).unwrap()
    }

    /// Signs a request with any credentials and any idea of its body.
    pub(super) fn sign(
        &self,
        mut request: http::Request<Bytes>,
        service: &str,
        id: &str,
        secret: &str,
        body: SignableBody<'_>,
    ) -> http::Request<Bytes> {
        let identity = Credentials::new(id, secret, None, None, "test").into();
        let mut settings = SigningSettings::default();
        if service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(self.clock.now().into())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = request.uri().to_string();
        let headers: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

/// Signs an address of S3 for whoever has it.
pub(super) fn presigned(twin: &Twin, url: &str, at: jiff::Timestamp, valid: std::time::Duration) -> String {
    let (id, secret) = twin.credentials();
    let identity = Credentials::new(id, secret, None, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(valid);
    let parameters = SigningParams::builder().identity(&identity).region("us-east-1").name("s3").time(at.into()).settings(settings);
    let parameters = parameters.build().unwrap().into();
    let signable = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    let mut request = http::Request::get(url).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().to_string()
}

fn open(folder: &std::path::Path, clock: &Clock, denied: BTreeSet<String>) -> Arc<Twin> {
    // Their clock stands still: rates are the matter of their own tests.
    let options = Options {
        seed: Some("test".to_owned()),
        check_request_time: true,
        limit_rates: false,
        denied,
        ..Options::new(clock.clone(), Machines::None)
    };
    Twin::open(&folder.join("twin"), options).unwrap()
}
