//! One port, many services: who is called is known from the signature's scope.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::DATE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use s3s::Body;

use super::auth::{Authorization, Key, Refusal};
use super::error::{ApiError, Form};
use super::faults::Fault;
use super::operation::Operation;
use super::{Twin, catalog, ebs, ec2, iam, quotas, s3, ssm, sts};
use crate::model::ids::{AccountId, Region};

/// A verified request.
#[derive(Debug, Clone)]
pub struct Call {
    /// The Region of the signature's scope.
    pub region: Region,
    /// Method.
    pub method: http::Method,
    /// Path and query.
    pub uri: http::Uri,
    /// Headers; `x-amzn-requestid` among them.
    pub headers: http::HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Call {
    /// Returns the request's id, for answers that carry it in their body; the header is added to all.
    pub fn request_id(&self) -> &str {
        self.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
    }
}

/// An answer.
pub type Reply = http::Response<Bytes>;

/// The largest body in bytes: a block and some room, or what the Catalog and EC2 take at most.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html> (a
/// request of 20 changes stays far below).
const MOST_BLOCK_BYTES: usize = 600 * 1024;
const MOST_BODY_BYTES: usize = 2 * 1024 * 1024;

/// The header that every answer has.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Says in every answer that it is no answer of AWS's, so that a client that means AWS can tell.
pub(super) const TWIN: HeaderName = HeaderName::from_static("x-bakehouse-twin");

/// Whoever signed the request, if not the account's one user; set by the door, never by a caller.
pub(super) const CALLER_ARN: HeaderName = HeaderName::from_static("x-bakehouse-caller");

/// Marks an answer that the caller must not get: its connection breaks instead.
#[derive(Debug, Clone, Copy)]
struct Lost;

/// The services there are, by the names that requests are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Ec2,
    Ebs,
    Catalog,
    Iam,
    Quotas,
    Ssm,
    Sts,
}

impl Twin {
    /// Answers a request to any of the services; a refusal is an answer too. S3's bodies flow, the
    /// others' are small.
    ///
    /// An answer that is to get lost says so in its extensions ([`is_lost`]).
    pub async fn answer(self: &Arc<Self>, request: http::Request<Body>) -> http::Response<Body> {
        let request_id = self.new_request_id();
        let (parts, body) = request.into_parts();
        let mut reply = if parts.method == Method::GET && catalog::is_findings_path(parts.uri.path()) {
            catalog::findings(self, parts.uri.path()).map(Body::from)
        } else if s3::is_asked(self, &parts) {
            s3::handle(self, parts, body, request_id.to_str().unwrap_or_default()).await
        } else {
            self.answer_whole(parts, body, &request_id).await.map(Body::from)
        };
        let headers = reply.headers_mut();
        headers.entry(REQUEST_ID).or_insert(request_id);
        headers.insert(TWIN, HeaderValue::from_static("1"));
        headers.insert(DATE, self.date());
        reply
    }

    /// Returns the time as HTTP writes it.
    fn date(&self) -> HeaderValue {
        let date = self.clock().now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        HeaderValue::try_from(date).expect("a date is letters, digits, commas and colons")
    }

    /// Answers a request whose body, and whose answer's, is small.
    pub async fn call(self: &Arc<Self>, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let (parts, body) = self.answer(request.map(Body::from)).await.into_parts();
        match body.collect().await {
            Ok(body) => Reply::from_parts(parts, body.to_bytes()),
            Err(error) => {
                let message = format!("the answer broke off: {error}");
                ApiError::new(500, "InternalError", message).into_reply(Form::RestXml, "")
            }
        }
    }

    async fn answer_whole(self: &Arc<Self>, parts: Parts, body: Body, request_id: &HeaderValue) -> Reply {
        let is_block = parts.method == Method::PUT && parts.uri.path().starts_with("/snapshots/");
        let most_bytes = if is_block { MOST_BLOCK_BYTES } else { MOST_BODY_BYTES };
        let body = match Limited::new(body, most_bytes).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                let what = if error.is::<LengthLimitError>() { "longer than" } else { "cut off, or longer than" };
                let mut reply = Reply::new(format!("the body is {what} {most_bytes} bytes").into());
                *reply.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                return reply;
            }
        };
        match self.admit(parts, body, request_id.to_str().unwrap_or_default()) {
            Ok((service, mut call)) => {
                call.headers.insert(REQUEST_ID, request_id.clone());
                self.dispatch(service, &call).await
            }
            Err(refused) => *refused,
        }
    }

    async fn dispatch(self: &Arc<Self>, service: Service, call: &Call) -> Reply {
        // What became due since the last call happens before this one.
        if let Err(error) = self.expire_uploads() {
            return error.into_reply(service.form(), call.request_id());
        }
        let refuse = |error: ApiError| error.into_reply(service.form(), call.request_id());
        let operation = Operation::of(service.name(), call);
        if self.is_denied(&operation.to_string()) {
            return refuse(service.deny(&operation, &self.account()));
        }
        self.unless_struck(&operation, self.carry_out(service, call), refuse).await
    }

    /// Carries out an operation, unless a fault strikes it.
    pub(super) async fn unless_struck<B: Default>(
        &self,
        operation: &Operation,
        carry_out: impl Future<Output = http::Response<B>>,
        refuse: impl FnOnce(ApiError) -> http::Response<B>,
    ) -> http::Response<B> {
        match self.faults().strike(operation) {
            None | Some(Fault::Refusal { .. } | Fault::ScanFindings(_)) => carry_out.await,
            Some(Fault::LostRequest) => lost(),
            Some(Fault::LostAnswer) => {
                carry_out.await;
                lost()
            }
            Some(Fault::Silence) => {
                carry_out.await;
                self.faults().stay_silent().await
            }
            Some(Fault::Latency { milliseconds }) => {
                self.clock().sleep(Duration::from_millis(u64::from(*milliseconds))).await;
                carry_out.await
            }
            Some(Fault::Answer { status, code, message }) => refuse(ApiError::new(*status, code, message)),
        }
    }

    async fn carry_out(self: &Arc<Self>, service: Service, call: &Call) -> Reply {
        match service {
            Service::Ec2 => ec2::handle(self, call).await,
            Service::Ebs => ebs::handle(self, call).await,
            Service::Catalog => catalog::handle(self, call).await,
            Service::Iam => iam::handle(self, call).await,
            Service::Quotas => quotas::handle(self, call).await,
            Service::Ssm => ssm::handle(self, call).await,
            Service::Sts => sts::handle(self, call).await,
        }
    }

    fn admit(&self, parts: Parts, body: Bytes, request_id: &str) -> Result<(Service, Call), Box<Reply>> {
        let authorization = Authorization::of(&parts).map_err(|refusal| {
            let service = Service::guess(&parts, &body);
            Box::new(service.refuse(refusal).into_reply(service.form(), request_id))
        })?;
        let scope = &authorization.scope;
        let Some(service) = Service::named(&scope.service) else {
            let message = format!(
                "The twin has no service {:?}: it has ec2, ebs, iam, s3, servicequotas, ssm, sts and aws-marketplace.",
                scope.service
            );
            let form = Service::guess(&parts, &body).form();
            return Err(Box::new(ApiError::new(400, "UnknownService", message).into_reply(form, request_id)));
        };
        let refuse = |refusal| Box::new(service.refuse(refusal).into_reply(service.form(), request_id));
        let (key_id, secret) = self.credentials();
        let now = self.checks_request_time().then(|| self.clock().now());
        let session = self.read(|state| state.sessions.get(authorization.key_id()).cloned());
        let key = match &session {
            Some(session) => Key { id: authorization.key_id(), secret: &session.secret_access_key, token: Some(&session.token) },
            None => Key { id: &key_id, secret: &secret, token: None },
        };
        authorization.verify(&parts, &body, &key, now).map_err(refuse)?;
        if session.as_ref().is_some_and(|session| session.ends_at <= self.clock().now()) {
            return Err(Box::new(service.expired().into_reply(service.form(), request_id)));
        }
        let region = scope
            .region
            .parse()
            .map_err(|_| refuse(Refusal::Mismatch(format!("Credential should be scoped to a valid region, not {:?}.", scope.region))))?;
        let Parts { method, uri, mut headers, .. } = parts;
        headers.remove(CALLER_ARN);
        if let Some(arn) = session.and_then(|session| HeaderValue::try_from(session.arn).ok()) {
            headers.insert(CALLER_ARN, arn);
        }
        Ok((service, Call { region, method, uri, headers, body }))
    }
}

/// Tells whether an answer is to get lost on its way.
pub fn is_lost<B>(reply: &http::Response<B>) -> bool {
    reply.extensions().get::<Lost>().is_some()
}

fn lost<B: Default>() -> http::Response<B> {
    let mut reply = http::Response::<B>::default();
    reply.extensions_mut().insert(Lost);
    reply
}

/// Tells whether there is a service that requests are signed for by this name.
pub(super) fn is_known(service: &str) -> bool {
    service == s3::NAME || Service::named(service).is_some()
}

impl Service {
    const ALL: [Self; 7] = [Self::Ec2, Self::Ebs, Self::Catalog, Self::Iam, Self::Quotas, Self::Ssm, Self::Sts];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Ebs => "ebs",
            Self::Catalog => "aws-marketplace",
            Self::Iam => "iam",
            Self::Quotas => "servicequotas",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }

    /// Guesses whom an unsigned request was for, so that its refusal has a form that the client reads.
    fn guess(parts: &Parts, body: &Bytes) -> Self {
        let is_form = parts.headers.get(http::header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/x-www-form"));
        if parts.headers.contains_key("x-amz-target") {
            Self::Ssm
        } else if is_form && body.windows(18).any(|window| window == b"Version=2011-06-15") {
            Self::Sts
        } else if is_form {
            Self::Ec2
        } else if parts.uri.path().starts_with("/snapshots") {
            Self::Ebs
        } else {
            Self::Catalog
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Ec2 => Form::Ec2,
            Self::Ebs | Self::Catalog => Form::RestJson("Message"),
            Self::Ssm | Self::Quotas => Form::Json,
            Self::Sts => Form::Query(sts::NAMESPACE),
            Self::Iam => Form::Query(iam::NAMESPACE),
        }
    }

    /// Refuses credentials that have ended, in the service's own words.
    fn expired(self) -> ApiError {
        match self {
            Self::Ec2 => ApiError::new(400, "RequestExpired", "Request has expired."),
            Self::Sts | Self::Iam => ApiError::new(403, "ExpiredToken", "The security token included in the request is expired"),
            Self::Ssm | Self::Quotas => {
                ApiError::new(400, "ExpiredTokenException", "The security token included in the request is expired")
            }
            Self::Ebs | Self::Catalog => {
                ApiError::new(403, "ExpiredTokenException", "The security token included in the request is expired")
            }
        }
    }

    /// Refuses what the caller may not do, in the service's own words.
    fn deny(self, operation: &Operation, account: &AccountId) -> ApiError {
        let caller = format!("arn:aws:iam::{account}:{}", sts::CALLER);
        let message = format!("User: {caller} is not authorized to perform: {operation} with an explicit deny in an identity-based policy");
        match self {
            Self::Ec2 => {
                ApiError::new(403, "UnauthorizedOperation", format!("You are not authorized to perform this operation. {message}"))
            }
            Self::Iam | Self::Sts => ApiError::new(403, "AccessDenied", message),
            Self::Ssm | Self::Quotas => ApiError::new(400, "AccessDeniedException", message),
            Self::Ebs | Self::Catalog => ApiError::new(403, "AccessDeniedException", message),
        }
    }

    /// Gives a refusal the service's own code: they differ for historical reasons.
    ///
    /// Sources: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>,
    /// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html>
    fn refuse(self, refusal: Refusal) -> ApiError {
        const INVALID_TOKEN: &str = "The security token included in the request is invalid.";
        const AUTH_FAILURE: &str = "AWS was not able to validate the provided access credentials";
        let json_status = if matches!(self, Self::Ssm | Self::Quotas) { 400 } else { 403 };
        match (self, refusal) {
            (Self::Ec2 | Self::Sts | Self::Iam, Refusal::Missing) => {
                ApiError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            (Self::Ec2, Refusal::UnknownKey) => ApiError::new(401, "AuthFailure", AUTH_FAILURE),
            (Self::Ec2, Refusal::Mismatch(_)) => ApiError::new(401, "AuthFailure", AUTH_FAILURE),
            (Self::Ec2, Refusal::Skewed(message)) => ApiError::new(400, "RequestExpired", message),
            (Self::Ec2 | Self::Sts | Self::Iam, Refusal::Incomplete(message)) => ApiError::new(400, "IncompleteSignature", message),
            (Self::Sts | Self::Iam, Refusal::UnknownKey) => ApiError::new(403, "InvalidClientTokenId", INVALID_TOKEN),
            (Self::Sts | Self::Iam, Refusal::Mismatch(message) | Refusal::Skewed(message)) => {
                ApiError::new(403, "SignatureDoesNotMatch", message)
            }
            (_, Refusal::Missing) => ApiError::new(json_status, "MissingAuthenticationTokenException", "Missing Authentication Token"),
            (_, Refusal::Incomplete(message)) => ApiError::new(json_status, "IncompleteSignatureException", message),
            (_, Refusal::UnknownKey) => ApiError::new(json_status, "UnrecognizedClientException", INVALID_TOKEN),
            (_, Refusal::Mismatch(message) | Refusal::Skewed(message)) => ApiError::new(json_status, "InvalidSignatureException", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sigv4::http_request::SignableBody;
    use http::{HeaderValue, Method, Request};

    use super::*;
    use crate::twin::testing::TestTwin;

    const IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
    const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

    fn text(reply: &Reply) -> String {
        String::from_utf8(reply.body().to_vec()).unwrap()
    }

    async fn refusal(twin: &TestTwin, request: Request<Bytes>) -> (u16, String) {
        let reply = twin.twin.call(request).await;
        assert!(reply.headers().contains_key("x-amzn-requestid"));
        let body = text(&reply);
        let code = match reply.headers().get("x-amzn-errortype") {
            Some(code) => code.to_str().unwrap().to_owned(),
            None if body.starts_with('{') => {
                serde_json::from_str::<serde_json::Value>(&body).unwrap()["__type"].as_str().unwrap().to_owned()
            }
            None => body.split("<Code>").nth(1).unwrap().split('<').next().unwrap().to_owned(),
        };
        (reply.status().as_u16(), code)
    }

    #[tokio::test]
    async fn a_signed_request_is_answered() {
        let twin = TestTwin::new();
        let reply = twin.send("sts", Method::POST, "/", &FORM, IDENTITY).await;
        assert_eq!(reply.status(), 200);
        assert!(text(&reply).contains(&format!("<Account>{}</Account>", twin.twin.account())));
    }

    #[tokio::test]
    async fn paths_queries_and_headers_that_need_care_are_signed_alike() {
        let twin = TestTwin::new();
        for uri in ["/a%20b/%2Fc?x=%2B%20+&b=2&a=1&a=0&e", "/a/./b/../c/", "//d", "/~-_.?q=%7E%C3%A4"] {
            let headers = [("x-amz-odd", "  two   spaces "), ("x-more", "1"), ("x-more", "2")];
            let reply = twin.send("ebs", Method::GET, uri, &headers, "").await;
            assert_ne!(reply.status(), 403, "{uri}: {}", text(&reply));
        }
    }

    #[tokio::test]
    async fn each_service_refuses_a_wrong_secret_in_its_own_words() {
        let twin = TestTwin::new();
        let (id, secret) = twin.twin.credentials();
        for (service, id, secret, expected) in [
            ("ec2", &*id, "wrong", (401, "AuthFailure")),
            ("ec2", "AKIAOTHER", &*secret, (401, "AuthFailure")),
            ("sts", &id, "wrong", (403, "SignatureDoesNotMatch")),
            ("sts", "AKIAOTHER", &secret, (403, "InvalidClientTokenId")),
            ("ssm", &id, "wrong", (400, "InvalidSignatureException")),
            ("ssm", "AKIAOTHER", &secret, (400, "UnrecognizedClientException")),
            ("ebs", &id, "wrong", (403, "InvalidSignatureException")),
            ("aws-marketplace", "AKIAOTHER", &secret, (403, "UnrecognizedClientException")),
            ("iam", &id, "wrong", (403, "SignatureDoesNotMatch")),
            ("rds", &id, &secret, (400, "UnknownService")),
        ] {
            let request = twin.sign(twin.unsigned(Method::POST, "/", &[], ""), service, id, secret, SignableBody::Bytes(b""));
            assert_eq!(refusal(&twin, request).await, (expected.0, expected.1.to_owned()), "{service}");
        }
    }

    #[tokio::test]
    async fn an_unsigned_request_is_refused_in_a_form_that_its_client_reads() {
        let twin = TestTwin::new();
        let missing = |headers: &[(&str, &str)], uri: &str, body: &'static str| twin.unsigned(Method::POST, uri, headers, body);
        let old = (403, "MissingAuthenticationToken".to_owned());
        assert_eq!(refusal(&twin, missing(&FORM, "/", IDENTITY)).await, old);
        assert_eq!(refusal(&twin, missing(&FORM, "/", "Action=DescribeImages&Version=2016-11-15")).await, old);
        let target = [("x-amz-target", "AmazonSSM.GetParameter")];
        assert_eq!(refusal(&twin, missing(&target, "/", "{}")).await, (400, "MissingAuthenticationTokenException".to_owned()));
        assert_eq!(refusal(&twin, missing(&[], "/snapshots", "{}")).await, (403, "MissingAuthenticationTokenException".to_owned()));
    }

    #[tokio::test]
    async fn what_was_changed_after_signing_is_refused() {
        let twin = TestTwin::new();
        let signed = || twin.signed("sts", Method::POST, "/?a=1", &[FORM[0], ("x-amz-more", "1")], IDENTITY);
        let changes: [fn(&mut Request<Bytes>); 5] = [
            |request| *request.body_mut() = Bytes::from_static(b"Action=Other"),
            |request| *request.uri_mut() = "http://127.0.0.1:4566/?a=2".parse().unwrap(),
            |request| *request.uri_mut() = "http://127.0.0.1:4567/?a=1".parse().unwrap(),
            |request| *request.method_mut() = Method::PUT,
            |request| drop(request.headers_mut().insert("x-amz-more", HeaderValue::from_static("2"))),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut request = signed();
            change(&mut request);
            assert_eq!(refusal(&twin, request).await, (403, "SignatureDoesNotMatch".to_owned()), "change {number}");
        }
        let mut request = signed();
        request.headers_mut().insert("x-amz-added", HeaderValue::from_static("1"));
        assert_eq!(refusal(&twin, request).await, (400, "IncompleteSignature".to_owned()));
    }

    #[tokio::test]
    async fn the_digest_in_the_header_must_be_the_bodys() {
        let twin = TestTwin::new();
        let of_another = "0".repeat(64);
        let request = twin.signed("sts", Method::POST, "/", &[("x-amz-content-sha256", &of_another)], IDENTITY);
        assert_eq!(refusal(&twin, request).await, (403, "SignatureDoesNotMatch".to_owned()));
        let (id, secret) = twin.twin.credentials();
        let request = twin.unsigned(Method::POST, "/", &[FORM[0], ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], IDENTITY);
        let request = twin.sign(request, "sts", &id, &secret, SignableBody::UnsignedPayload);
        assert_eq!(twin.twin.call(request).await.status(), 200);
    }

    #[tokio::test]
    async fn a_request_is_good_for_a_quarter_of_an_hour() {
        let twin = TestTwin::new();
        for (seconds, expected) in [(15 * 60, None), (15 * 60 + 1, Some("SignatureDoesNotMatch"))] {
            let request = twin.signed("sts", Method::POST, "/", &FORM, IDENTITY);
            twin.clock.sleep(Duration::from_secs(seconds)).await;
            match expected {
                None => assert_eq!(twin.twin.call(request).await.status(), 200),
                Some(code) => assert_eq!(refusal(&twin, request).await, (403, code.to_owned())),
            }
        }
    }

    #[tokio::test]
    async fn hostile_headers_are_refused() {
        let twin = TestTwin::new();
        for header in [
            "",
            "Basic abc",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=, Signature=",
            "AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/sts/aws4_request, Signature=0",
            "AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date",
        ] {
            let request = twin.unsigned(Method::POST, "/", &[FORM[0], ("authorization", header)], IDENTITY);
            assert_eq!(refusal(&twin, request).await, (400, "IncompleteSignature".to_owned()), "{header:?}");
        }
        let presigned = twin.unsigned(Method::POST, "/?X-Amz-Signature=0", &FORM, IDENTITY);
        assert_eq!(refusal(&twin, presigned).await.0, 400);
    }

    #[tokio::test]
    async fn what_a_service_does_not_have_is_refused() {
        let twin = TestTwin::new();
        let request = twin.signed("sts", Method::POST, "/", &FORM, "Action=GetFederationToken&Version=2011-06-15");
        assert_eq!(refusal(&twin, request).await, (400, "InvalidAction".to_owned()));
    }
}
