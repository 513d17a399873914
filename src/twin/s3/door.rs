//! The door: who may come in, and which operation that leads to.
//!
//! A signature in the header is verified by `s3s`, which has to see the body for it, and its time
//! here, by the twin's clock. A presigned address is verified here and let through, and so is who asks without any
//! signature for what everyone may read.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::*;
use s3s::host::{S3Host, VirtualHost};
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::call::{BUCKET_REGION, Call, SignedFor, refusal};
use super::operations::check_headers;
use super::presigned::{self, Presigned};
use super::{NAME, buckets, checksum, copy, list, multipart, objects, public, read, tagging};
use crate::model::ids::Region;
use crate::twin::Twin;
use crate::twin::auth::{Authorization, Key, Refusal};
use crate::twin::error::{ApiError, Form};
use crate::twin::machines::ObjectService;
use crate::twin::operation::Operation;

/// Tells whether a request is S3's: signed for it in its header or its query, or signed by nobody and to read in a bucket.
pub(in crate::twin) fn is_asked(twin: &Twin, request: &Parts) -> bool {
    if request.headers.contains_key(AUTHORIZATION) {
        return Authorization::of(request).is_ok_and(|authorization| authorization.scope.service == "s3");
    }
    let query = request.uri.query().unwrap_or_default();
    let is_signed = form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "X-Amz-Credential" && value.ends_with("/s3/aws4_request") || name == OLD_SIGNATURE);
    let reads_in_bucket = || {
        let (bucket, _) = place(request);
        is_anyones(request) && [Method::GET, Method::HEAD].contains(&request.method) && twin.read(|state| state.s3.0.contains_key(&bucket))
    };
    is_signed || reads_in_bucket()
}

/// Tells whether nobody has signed a request.
fn is_anyones(request: &Parts) -> bool {
    let query = request.uri.query().unwrap_or_default();
    let is_presigned = || form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.starts_with("X-Amz-") || name == OLD_SIGNATURE);
    !request.headers.contains_key(AUTHORIZATION) && !is_presigned()
}

/// What addresses presigned by version 2 have, which no bucket of today takes.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingAWSSDK.html>
const OLD_SIGNATURE: &str = "AWSAccessKeyId";

/// Answers a request to S3.
pub(in crate::twin) async fn handle(twin: &Arc<Twin>, mut request: Parts, body: Body, request_id: &str) -> Response<Body> {
    complete(&mut request, &body);
    let is_anyones = is_anyones(&request);
    let mut reply = match admit(twin, &mut request) {
        Ok(()) => {
            let operation = Operation { service: NAME, name: operation(&request) };
            let refuse = |error: ApiError| error.into_reply(Form::RestXml, request_id).map(Body::from);
            // What the account may not do is denied to the account.
            if !is_anyones && twin.is_denied(&operation.to_string()) {
                return unread(refuse(ApiError::new(403, "AccessDenied", "Access Denied")));
            }
            let body = match check_headers(&operation.name, &request.headers) {
                Ok(()) => checked(&operation.name, &request, body).await,
                Err(refused) => Err(refused),
            };
            let body = match body {
                Ok(body) => body,
                Err(refused) => return unread(refuse(refused)),
            };
            let carry_out = carry_out(twin, Request::from_parts(request, body), request_id);
            twin.unless_struck(&operation, carry_out, refuse).await
        }
        Err(refused) => unread(refused.into_reply(Form::RestXml, request_id).map(Body::from)),
    };
    if let Ok(id) = HeaderValue::from_str(request_id) {
        reply.headers_mut().insert("x-amz-request-id", id);
    }
    reply
}

/// Ends the connection with an answer to a request whose body was not read: a client that waited to be told to go
/// on won't send it, and its next request would be taken for it.
fn unread(mut reply: Response<Body>) -> Response<Body> {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// The operations whose body is a document; `s3s` reads it, and none of its checksums.
const OF_DOCUMENTS: [&str; 4] = ["DeleteObjects", "PutBucketPolicy", "PutObjectTagging", "PutPublicAccessBlock"];
/// More than a thousand of the longest keys.
const MOST_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

/// Holds a document against its checksums; other bodies flow on as they are.
async fn checked(operation: &str, request: &Parts, body: Body) -> Result<Body, ApiError> {
    if !OF_DOCUMENTS.contains(&operation) {
        return Ok(body);
    }
    let document = http_body_util::Limited::new(body, MOST_DOCUMENT_BYTES).collect().await;
    let document = document.map_err(|_| ApiError::new(400, "MaxMessageLengthExceeded", "Your request was too big."))?.to_bytes();
    checksum::check_document(&request.headers, &document)?;
    Ok(Body::from(document))
}

async fn carry_out(twin: &Arc<Twin>, request: Request<Body>, request_id: &str) -> Response<Body> {
    match service(twin).call(request).await {
        Ok(reply) => name_region(reply).await,
        Err(_) => {
            let error = ApiError::new(500, "InternalError", "The answer could not be written.");
            error.into_reply(Form::RestXml, request_id).map(Body::from)
        }
    }
}

/// Adds the element that clients look for to go where the bucket is: `s3s` writes code and message alone.
async fn name_region(reply: Response<Body>) -> Response<Body> {
    let region = reply.headers().get(BUCKET_REGION).and_then(|region| region.to_str().ok()).map(str::to_owned);
    let Some(region) = region.filter(|_| reply.status() == http::StatusCode::BAD_REQUEST) else { return reply };
    let (mut parts, body) = reply.into_parts();
    let text = body.collect().await.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text.replace("</Error>", &format!("<Region>{region}</Region></Error>"))))
}

/// Returns the bucket and the key that a request names, empty where it names none.
fn place(request: &Parts) -> (String, String) {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| request.uri.host()).unwrap_or_default();
    let in_host = Hosts.parse_host_header(host).ok().and_then(|host| host.bucket().map(str::to_owned));
    let path = percent_encoding::percent_decode_str(request.uri.path().trim_start_matches('/')).decode_utf8_lossy();
    match in_host {
        Some(bucket) => (bucket, path.into_owned()),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
            (bucket.to_owned(), key.to_owned())
        }
    }
}

/// Names the operation that a request asks for, as far as the twin has it.
fn operation(request: &Parts) -> Cow<'static, str> {
    let (bucket, key) = place(request);
    let (bucket, key) = (!bucket.is_empty(), !key.is_empty());
    let query = request.uri.query().unwrap_or_default();
    let asks = |wanted: &str| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == wanted);
    let name = match (request.method.as_str(), bucket, key) {
        ("GET", false, _) => "ListBuckets",
        ("GET", true, false) if asks("location") => "GetBucketLocation",
        ("GET", true, false) if asks("policy") => "GetBucketPolicy",
        ("PUT", true, false) if asks("policy") => "PutBucketPolicy",
        ("DELETE", true, false) if asks("policy") => "DeleteBucketPolicy",
        ("GET", true, false) if asks("policyStatus") => "GetBucketPolicyStatus",
        ("GET", true, false) if asks("publicAccessBlock") => "GetPublicAccessBlock",
        ("PUT", true, false) if asks("publicAccessBlock") => "PutPublicAccessBlock",
        ("DELETE", true, false) if asks("publicAccessBlock") => "DeletePublicAccessBlock",
        ("GET", true, false) if asks("uploads") => "ListMultipartUploads",
        ("GET", true, false) if asks("list-type") => "ListObjectsV2",
        ("GET", true, false) => "ListObjects",
        ("HEAD", true, false) => "HeadBucket",
        ("PUT", true, false) => "CreateBucket",
        ("DELETE", true, false) => "DeleteBucket",
        ("POST", true, false) if asks("delete") => "DeleteObjects",
        ("GET", _, true) if asks("tagging") => "GetObjectTagging",
        ("PUT", _, true) if asks("tagging") => "PutObjectTagging",
        ("DELETE", _, true) if asks("tagging") => "DeleteObjectTagging",
        ("GET", _, true) if asks("uploadId") => "ListParts",
        ("PUT", _, true) if asks("uploadId") => "UploadPart",
        ("DELETE", _, true) if asks("uploadId") => "AbortMultipartUpload",
        ("POST", _, true) if asks("uploadId") => "CompleteMultipartUpload",
        ("POST", _, true) if asks("uploads") => "CreateMultipartUpload",
        ("PUT", _, true) if request.headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("GET", _, true) => "GetObject",
        ("HEAD", _, true) => "HeadObject",
        ("PUT", _, true) => "PutObject",
        ("DELETE", _, true) => "DeleteObject",
        (method, ..) => return Cow::Owned(method.to_owned()),
    };
    Cow::Borrowed(name)
}

/// Makes what guests reach at [`GUEST_ENDPOINT`](super::GUEST_ENDPOINT): S3 and no other service.
pub(in crate::twin) fn for_guests(twin: Weak<Twin>) -> ObjectService {
    Arc::new(move |request| {
        let twin = twin.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match twin.upgrade() {
                Some(twin) if is_asked(&twin, &parts) => twin.answer(Request::from_parts(parts, body)).await,
                Some(_) => refuse(Refusal::Missing).into_reply(Form::RestXml, "").map(Body::from),
                None => ApiError::new(503, "ServiceUnavailable", "The twin is ending.").into_reply(Form::RestXml, "").map(Body::from),
            }
        })
    })
}

/// A request that never went through a socket has its host in the address alone, and its length in
/// its body.
fn complete(request: &mut Parts, body: &Body) {
    if let (false, Some(length)) = (request.headers.contains_key(CONTENT_LENGTH), s3s::stream::ByteStream::remaining_length(body).exact()) {
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if !request.headers.contains_key(HOST)
        && let Some(authority) = request.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str().strip_suffix(":80").unwrap_or(authority.as_str()))
    {
        request.headers.insert(HOST, host);
    }
}

/// Marks a request that may come in without a signature in its header.
#[derive(Debug, Clone)]
struct Admitted;

fn admit(twin: &Twin, request: &mut Parts) -> Result<(), ApiError> {
    let now = twin.clock().now();
    if request.headers.contains_key(AUTHORIZATION) {
        let authorization = Authorization::of(request).map_err(refuse)?;
        authorization
            .check_signed_headers(request)
            .map_err(|_| ApiError::new(403, "AccessDenied", "There were headers present in the request which were not signed"))?;
        authorization.check_date(request, twin.checks_request_time().then_some(now)).map_err(refuse)?;
        if request.headers.contains_key("x-amz-security-token") {
            return Err(ApiError::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid."));
        }
        let region: Region = authorization.scope.region.parse().map_err(|_| {
            let message = format!("The authorization header is malformed; the region '{}' is wrong", authorization.scope.region);
            ApiError::new(400, "AuthorizationHeaderMalformed", message)
        })?;
        request.extensions.insert(SignedFor(region));
        return Ok(());
    }
    if request.uri.query().is_some_and(|query| query.contains(OLD_SIGNATURE)) {
        let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
        return Err(ApiError::new(400, "InvalidRequest", message));
    }
    if is_anyones(request) {
        return admit_anyone(twin, request);
    }
    let (id, secret) = twin.credentials();
    let region = Presigned::of(request)?.verify(request, &Key { id: &id, secret: &secret, token: None }, now)?;
    request.extensions.insert(SignedFor(region));
    request.extensions.insert(Admitted);
    presigned::unfold(request)
}

/// Lets everyone read what a bucket's policy opens, and nothing else; whether an object is there nobody else is told.
fn admit_anyone(twin: &Twin, request: &mut Parts) -> Result<(), ApiError> {
    let (name, key) = place(request);
    let operation = operation(request);
    let region =
        twin.read(|state| state.s3.0.get(&name).filter(|bucket| bucket.is_readable(&name, &key)).map(|bucket| bucket.region.clone()));
    let region = region.filter(|_| ["GetObject", "HeadObject"].contains(&&*operation)).ok_or_else(|| refuse(Refusal::Missing))?;
    if request.uri.query().is_some_and(|query| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.starts_with("response-"))) {
        let message = "Request specific response headers cannot be used for anonymous GET requests.";
        return Err(ApiError::new(400, "InvalidRequest", message));
    }
    request.extensions.insert(SignedFor(region));
    request.extensions.insert(Admitted);
    Ok(())
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn refuse(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => ApiError::new(403, "AccessDenied", "Access Denied"),
        Refusal::Incomplete(message) => ApiError::new(400, "AuthorizationHeaderMalformed", message),
        Refusal::UnknownKey => {
            ApiError::new(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        }
        Refusal::Mismatch(message) => ApiError::new(403, "SignatureDoesNotMatch", message),
        Refusal::Skewed(_) => {
            ApiError::new(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
        }
    }
}

fn service(twin: &Arc<Twin>) -> s3s::service::S3Service {
    let mut builder = S3ServiceBuilder::new(Service(twin.clone()));
    builder.set_auth(Keys(twin.credentials()));
    builder.set_access(Access);
    builder.set_host(Hosts);
    // Times are checked by the twin's clock, above; `s3s` knows the machine's alone.
    let mut config = S3Config::default();
    config.presigned_url_max_skew_time_secs = u32::MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.build()
}

struct Keys((String, String));

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let (id, secret) = &self.0;
        if access_key == id {
            return Ok(SecretKey::from(secret.clone()));
        }
        Err(s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
    }
}

struct Access;

#[async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_some() || context.extensions_mut().get::<Admitted>().is_some() {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

/// Finds the bucket in hosts such as `BUCKET.localhost` or `BUCKET.s3.eu-west-1.amazonaws.com`.
struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let bucket = ["localhost", "twin.invalid"]
            .iter()
            .find_map(|domain| name.strip_suffix(domain)?.strip_suffix('.'))
            .or_else(|| name.strip_suffix(".amazonaws.com").and_then(before_s3))
            .map(|before| before.strip_suffix(".s3").unwrap_or(before))
            // No bucket has so short a name: what is left is the service's.
            .filter(|before| before.len() >= 3);
        let domain = VirtualHost::new(name);
        Ok(if let Some(bucket) = bucket { domain.with_bucket(bucket) } else { domain })
    }
}

/// Takes `.s3` or `.s3.REGION` off a host's end.
fn before_s3(name: &str) -> Option<&str> {
    name.strip_suffix(".s3").or_else(|| name.rsplit_once('.').and_then(|(front, _)| front.strip_suffix(".s3")))
}

/// The operations that there are; `s3s` refuses the others as not implemented.
struct Service(Arc<Twin>);

macro_rules! operations {
    ($($name:ident: $input:ident => $output:ident = $function:path;)+) => {
        #[async_trait]
        impl S3 for Service {
            $(async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let call = Call::of(&self.0, &request);
                $function(&call, request.input).await.map(S3Response::new).map_err(refusal)
            })+
        }
    };
}

operations! {
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput = multipart::abort;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput = multipart::complete;
    copy_object: CopyObjectInput => CopyObjectOutput = copy::copy;
    create_bucket: CreateBucketInput => CreateBucketOutput = buckets::create;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput = multipart::create;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput = buckets::delete;
    delete_bucket_policy: DeleteBucketPolicyInput => DeleteBucketPolicyOutput = public::delete_policy;
    delete_object: DeleteObjectInput => DeleteObjectOutput = objects::delete;
    delete_object_tagging: DeleteObjectTaggingInput => DeleteObjectTaggingOutput = tagging::delete;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput = objects::delete_many;
    delete_public_access_block: DeletePublicAccessBlockInput => DeletePublicAccessBlockOutput = public::delete_block;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput = buckets::location;
    get_bucket_policy: GetBucketPolicyInput => GetBucketPolicyOutput = public::policy;
    get_bucket_policy_status: GetBucketPolicyStatusInput => GetBucketPolicyStatusOutput = public::policy_status;
    get_object: GetObjectInput => GetObjectOutput = read::get;
    get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput = tagging::get;
    get_public_access_block: GetPublicAccessBlockInput => GetPublicAccessBlockOutput = public::block;
    head_bucket: HeadBucketInput => HeadBucketOutput = buckets::head;
    head_object: HeadObjectInput => HeadObjectOutput = read::head;
    list_buckets: ListBucketsInput => ListBucketsOutput = buckets::list;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput = multipart::list_uploads;
    list_objects: ListObjectsInput => ListObjectsOutput = list::objects_first_version;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output = list::objects;
    list_parts: ListPartsInput => ListPartsOutput = multipart::list_parts;
    put_bucket_policy: PutBucketPolicyInput => PutBucketPolicyOutput = public::put_policy;
    put_object: PutObjectInput => PutObjectOutput = objects::put;
    put_object_tagging: PutObjectTaggingInput => PutObjectTaggingOutput = tagging::put;
    put_public_access_block: PutPublicAccessBlockInput => PutPublicAccessBlockOutput = public::put_block;
    upload_part: UploadPartInput => UploadPartOutput = multipart::upload_part;
}
