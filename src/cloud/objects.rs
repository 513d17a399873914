//! Buckets as object stores: `object_store` speaks S3, over the SDK's HTTP and with its credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest as SdkRequest;
use aws_smithy_types::body::SdkBody;
use futures::TryStreamExt as _;
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService};
use object_store::path::Path;
use object_store::{ClientOptions, CredentialProvider, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutOptions, RetryConfig, TagSet};

use super::error::NO_CREDENTIALS;
use super::guard;
use super::session::{Reader, Session, Writer};
use super::{CloudError, Outcome};
use crate::model::ids::Region;
use crate::model::image::tag;
use crate::model::resource::{Billed, Resource, ResourceKind};

/// A bucket that could not be found or opened.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// There is no such bucket.
    #[error("there is no bucket {bucket}")]
    Missing {
        /// Its name.
        bucket: String,
    },
    /// There is no valid credential to ask with.
    #[error("the bucket {bucket} can't be asked for without credentials")]
    Credentials {
        /// Its name.
        bucket: String,
        /// Why.
        #[source]
        source: CredentialsError,
    },
    /// Nobody answered, or not as S3 does.
    #[error("the bucket {bucket} can't be reached: {reason}")]
    Unreachable {
        /// Its name.
        bucket: String,
        /// What happened.
        reason: String,
    },
    /// S3 refuses to tell of the bucket, or to make it.
    #[error("S3 refuses what was asked of the bucket {bucket}: {code}")]
    Refused {
        /// Its name.
        bucket: String,
        /// S3's code.
        code: String,
    },
    /// An object could not be written or removed.
    #[error("{key} in the bucket {bucket} can't be used")]
    Object {
        /// The bucket.
        bucket: String,
        /// The object, or the beginning of their keys.
        key: String,
        /// Why.
        #[source]
        source: Box<object_store::Error>,
    },
    /// Not everyone may read an object that everyone has to.
    #[error("not everyone may read {key} in the bucket {bucket}: asked without credentials, as the Marketplace does, S3 answers {code}")]
    NotPublic {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
        /// S3's code.
        code: String,
    },
    /// The settings don't make a client.
    #[error("the bucket {bucket} can't be opened")]
    Open {
        /// Its name.
        bucket: String,
        /// Why.
        #[source]
        source: Box<object_store::Error>,
    },
}

impl Reader {
    /// Opens a bucket of a Region. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`BucketError::Open`] if the name or the endpoint can't be used.
    pub fn objects(&self, bucket: &str, region: &Region) -> Result<Arc<dyn ObjectStore>, BucketError> {
        Ok(Arc::new(self.s3(bucket, region)?))
    }

    /// Asks S3 where a bucket lies.
    ///
    /// # Errors
    ///
    /// [`BucketError::Missing`] if it is nowhere; [`BucketError::Refused`], [`BucketError::Unreachable`] without an answer.
    pub async fn bucket_region(&self, bucket: &str, now: Timestamp) -> Result<Region, BucketError> {
        let address = self.presigned_bucket("HEAD", bucket, "", now).await?;
        let answer = self.send(http::Method::HEAD, bucket, &address, SdkBody::empty()).await?;
        // Asked in the wrong Region, or by somebody who may not look, S3 still says where it is.
        match answer.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok()?.parse().ok()) {
            Some(region) => Ok(region),
            None if answer.status() == 404 => Err(BucketError::Missing { bucket: bucket.to_owned() }),
            None => Err(self.why_not(bucket, now).await?),
        }
    }

    /// Asks why S3 says nothing of a bucket: what it answers to HEAD has no room for a code.
    async fn why_not(&self, bucket: &str, now: Timestamp) -> Result<BucketError, BucketError> {
        let address = self.presigned_bucket("GET", bucket, "?list-type=2&max-keys=0", now).await?;
        Ok(not_so(bucket, self.send(http::Method::GET, bucket, &address, SdkBody::empty()).await?).await)
    }

    /// Lists the payloads of runs in a bucket; a bucket that is not there holds none.
    ///
    /// Payloads lie under `bundles/VARIANT/RUN/`, which says whose they are.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn payloads(&self, bucket: &str, now: Timestamp) -> Result<Vec<Resource>, CloudError> {
        let region = match self.bucket_region(bucket, now).await {
            Ok(region) => region,
            Err(BucketError::Missing { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.of("HeadBucket", &Region::marketplace())),
        };
        let objects = self.s3(bucket, &region).map_err(|e| e.of("ListObjectsV2", &region))?;
        let found: Vec<_> = objects
            .list(Some(&Path::from(PAYLOADS)))
            .try_collect()
            .await
            .map_err(object_error(bucket, PAYLOADS))
            .map_err(|e| e.of("ListObjectsV2", &region))?;
        Ok(found.iter().filter_map(|object| payload(bucket, &region, object)).collect())
    }

    /// Sends a request to an address that says itself who may, or needs nobody to.
    pub(super) async fn send(
        &self,
        method: http::Method,
        bucket: &str,
        address: &str,
        body: SdkBody,
    ) -> Result<http::Response<SdkBody>, BucketError> {
        let unreachable = |reason: String| BucketError::Unreachable { bucket: bucket.to_owned(), reason };
        let request = http::Request::builder().method(method).uri(address).body(body);
        let request = SdkRequest::try_from(request.map_err(|e| unreachable(e.to_string()))?).map_err(|e| unreachable(e.to_string()))?;
        let answer = self.session.connector().call(request).await.map_err(|e| unreachable(chain(&e)))?;
        if !self.session.twin && guard::is_twins(answer.headers()) {
            return Err(unreachable(guard::TwinAnswered.to_string()));
        }
        answer.try_into_http1x().map_err(|e| unreachable(e.to_string()))
    }

    fn s3(&self, bucket: &str, region: &Region) -> Result<AmazonS3, BucketError> {
        let session = &self.session;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region.as_str())
            .with_http_connector(Sender { connector: session.connector(), refuse_twin: !session.twin })
            .with_retry(RetryConfig { max_retries: 4, retry_timeout: Duration::from_secs(60), ..RetryConfig::default() });
        if let Some(endpoint) = session.s3_endpoint() {
            builder = builder.with_allow_http(endpoint.starts_with("http:")).with_endpoint(endpoint);
        }
        if let Some(provider) = session.config.credentials_provider() {
            builder = builder.with_credentials(Arc::new(Chain { provider, known: Mutex::new(None) }));
        }
        builder.build().map_err(|source| BucketError::Open { bucket: bucket.to_owned(), source: Box::new(source) })
    }
}

impl Writer {
    /// Writes an object, with tags.
    ///
    /// # Errors
    ///
    /// [`BucketError::Object`].
    pub async fn put_object(
        &self,
        bucket: &str,
        region: &Region,
        key: &str,
        bytes: &[u8],
        tags: &BTreeMap<String, String>,
    ) -> Result<(), BucketError> {
        let mut set = TagSet::default();
        tags.iter().for_each(|(key, value)| set.push(key, value));
        let options = PutOptions { tags: set, ..PutOptions::default() };
        let written = self.reader().s3(bucket, region)?.put_opts(&Path::from(key), bytes.to_vec().into(), options).await;
        written.map(|_| ()).map_err(object_error(bucket, key))
    }

    /// Removes the objects in a folder.
    ///
    /// # Errors
    ///
    /// [`BucketError::Object`].
    pub async fn remove_objects(&self, bucket: &str, region: &Region, prefix: &str) -> Result<(), BucketError> {
        let objects = self.reader().s3(bucket, region)?;
        let found: Vec<_> = objects.list(Some(&Path::from(prefix))).try_collect().await.map_err(object_error(bucket, prefix))?;
        for object in found {
            remove(&objects, bucket, &object.location).await?;
        }
        Ok(())
    }

    /// Removes a payload by the id that [`Reader::payloads`] gives it.
    pub(super) async fn remove_payload(&self, region: &Region, id: &str) -> Result<(), CloudError> {
        let Some((bucket, key)) = id.split_once('/') else { return Ok(()) };
        let objects = self.reader().s3(bucket, region).map_err(|e| e.of("DeleteObject", region))?;
        remove(&objects, bucket, &Path::from(key)).await.map_err(|e| e.of("DeleteObject", region))
    }

    /// Makes a bucket in us-east-1 and returns where it is.
    ///
    /// # Errors
    ///
    /// [`BucketError::Unreachable`] without an answer, or with another than that it is there.
    pub async fn create_bucket(&self, bucket: &str, now: Timestamp) -> Result<Region, BucketError> {
        self.change_bucket(http::Method::PUT, bucket, "", SdkBody::empty(), now).await?;
        Ok(Region::marketplace())
    }

    /// Does something with a bucket in us-east-1; `query` is empty or begins with `?`.
    pub(super) async fn change_bucket(
        &self,
        method: http::Method,
        bucket: &str,
        query: &str,
        body: SdkBody,
        now: Timestamp,
    ) -> Result<(), BucketError> {
        let address = self.reader().presigned_bucket(method.as_str(), bucket, query, now).await?;
        let answer = self.reader().send(method, bucket, &address, body).await?;
        if answer.status().is_success() { Ok(()) } else { Err(not_so(bucket, answer).await) }
    }
}

/// What is read at most of an answer that says what went wrong.
const MOST_ERROR_BYTES: usize = 64 * 1024;

/// Where payloads lie in a bucket.
pub(super) const PAYLOADS: &str = "bundles";

fn payload(bucket: &str, region: &Region, object: &ObjectMeta) -> Option<Resource> {
    let parts: Vec<&str> = object.location.as_ref().split('/').collect();
    let [PAYLOADS, variant, run, _] = parts[..] else { return None };
    let product = variant.rsplit_once('.').map_or(variant, |(product, _)| product);
    let tags = [(tag::PRODUCT, product), (tag::VARIANT, variant), (tag::RUN, run)];
    Some(Resource {
        kind: ResourceKind::Payload,
        id: format!("{bucket}/{}", object.location),
        region: region.clone(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        created: Timestamp::from_second(object.last_modified.timestamp()).ok(),
        billed: Billed::Nothing,
        snapshots: Vec::new(),
    })
}

impl BucketError {
    /// Says what was asked where, as the other services' errors do.
    fn of(self, operation: &'static str, region: &Region) -> CloudError {
        let (code, message) = (self.code(), chain(&self));
        CloudError { operation, region: region.clone(), code, message, request_id: None, outcome: Outcome::Unknown }
    }

    /// Returns S3's code, where S3 said one.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Refused { code, .. } | Self::NotPublic { code, .. } => Some(code.clone()),
            other => object_code(other),
        }
    }
}

/// Finds the code of S3's in what an object store says, or that there were no credentials to ask it with.
///
/// `object_store` keeps an answer it can't make out as text, with S3's own document in it.
pub fn object_code(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let causes = || std::iter::successors(Some(error), |error| error.source());
    if causes().any(|cause| cause.is::<CredentialsError>()) {
        return Some(NO_CREDENTIALS.to_owned());
    }
    causes().find_map(|cause| code_in(&cause.to_string()))
}

/// Finds the code in a document of S3's that says what went wrong.
fn code_in(text: &str) -> Option<String> {
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    Some(code.to_owned())
}

async fn remove(objects: &AmazonS3, bucket: &str, location: &Path) -> Result<(), BucketError> {
    match objects.delete(location).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(object_error(bucket, location.as_ref())(error)),
    }
}

fn object_error(bucket: &str, key: &str) -> impl FnOnce(object_store::Error) -> BucketError {
    let (bucket, key) = (bucket.to_owned(), key.to_owned());
    move |source| BucketError::Object { bucket, key, source: Box::new(source) }
}

/// Says what another answer than the one that was hoped for is.
pub(super) async fn not_so(bucket: &str, answer: http::Response<SdkBody>) -> BucketError {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MOST_ERROR_BYTES).collect().await;
    match body.ok().and_then(|body| code_in(&String::from_utf8_lossy(&body.to_bytes()))) {
        Some(code) => BucketError::Refused { bucket: bucket.to_owned(), code },
        None => BucketError::Unreachable { bucket: bucket.to_owned(), reason: format!("S3 answered {status}") },
    }
}

impl Session {
    /// Returns the endpoint in the place of AWS's: S3's own, or the one for all services.
    pub fn s3_endpoint(&self) -> Option<String> {
        let own = if self.twin { None } else { std::env::var("AWS_ENDPOINT_URL_S3").ok().filter(|url| !url.is_empty()) };
        own.or_else(|| self.config.endpoint_url().map(str::to_owned))
    }

    pub(super) fn connector(&self) -> SharedHttpConnector {
        let settings =
            HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(5)).read_timeout(Duration::from_secs(30)).build();
        self.wire.connector(settings)
    }
}

/// The SDK's chain of credentials; asked again shortly before what it gave expires.
#[derive(Debug)]
struct Chain {
    provider: SharedCredentialsProvider,
    known: Mutex<Option<Credentials>>,
}

/// How long before their end credentials are renewed.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let known = self.known.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let credentials = match known.filter(|known| known.expiry().is_none_or(|end| end > SystemTime::now() + RENEWED_BEFORE)) {
            Some(known) => known,
            None => {
                let given = self.provider.provide_credentials().await;
                let given = given.map_err(|source| object_store::Error::Generic { store: "S3", source: Box::new(source) })?;
                *self.known.lock().unwrap_or_else(|e| e.into_inner()) = Some(given.clone());
                given
            }
        };
        Ok(Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        }))
    }
}

/// Sends `object_store`'s requests the SDK's way.
#[derive(Debug, Clone)]
struct Sender {
    connector: SharedHttpConnector,
    refuse_twin: bool,
}

impl HttpConnector for Sender {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Sender {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let request = http::Request::from_parts(head, SdkBody::from(body));
        let request = SdkRequest::try_from(request).map_err(|e| HttpError::new(HttpErrorKind::Unknown, e))?;
        let answer = self.connector.call(request).await.map_err(|error| {
            let kind = if error.is_timeout() {
                HttpErrorKind::Timeout
            } else if error.is_io() {
                HttpErrorKind::Interrupted
            } else {
                HttpErrorKind::Unknown
            };
            HttpError::new(kind, error)
        })?;
        if self.refuse_twin && guard::is_twins(answer.headers()) {
            return Err(HttpError::new(HttpErrorKind::Unknown, guard::TwinAnswered));
        }
        let answer = answer.try_into_http1x().map_err(|e| HttpError::new(HttpErrorKind::Decode, e))?;
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(|e| HttpError::new_boxed(HttpErrorKind::Interrupted, e)))))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use object_store::PutMode;

    use super::*;
    use crate::clock::Clock;
    use crate::cloud::Connect;
    use crate::twin::machines::Machines;
    use crate::twin::s3::FIRST_BUCKET;
    use crate::twin::{Options, Twin};

    fn twin() -> (tempfile::TempDir, Arc<Twin>) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-23T12:00:00Z".parse().unwrap());
        let twin = Twin::open(&folder.path().join("twin"), Options::new(clock, Machines::None)).unwrap();
        (folder, twin)
    }

    async fn is_a_store(reader: &Reader) {
        let objects = reader.objects(FIRST_BUCKET, &Region::marketplace()).unwrap();
        let name = Path::from("a ledger/runs/000001.json");
        objects.put_opts(&name, "one".into(), PutMode::Create.into()).await.unwrap();
        let again = objects.put_opts(&name, "two".into(), PutMode::Create.into()).await.unwrap_err();
        assert!(matches!(again, object_store::Error::AlreadyExists { .. }), "{again:?}");
        assert_eq!(objects.get(&name).await.unwrap().bytes().await.unwrap(), "one");
        objects.put(&Path::from("a ledger/other.json"), "x".into()).await.unwrap();
        let mut listed: Vec<_> = objects.list(Some(&Path::from("a ledger"))).try_collect().await.unwrap();
        listed.sort_by(|a, b| a.location.cmp(&b.location));
        assert_eq!(
            listed.iter().map(|meta| (meta.location.as_ref(), meta.size)).collect::<Vec<_>>(),
            [("a ledger/other.json", 1), (name.as_ref(), 3)]
        );
        let folders = objects.list_with_delimiter(Some(&Path::from("a ledger"))).await.unwrap();
        assert_eq!(folders.common_prefixes, [Path::from("a ledger/runs")]);
        for meta in listed {
            objects.delete(&meta.location).await.unwrap();
        }
        assert!(matches!(objects.get(&name).await, Err(object_store::Error::NotFound { .. })));
    }

    #[tokio::test]
    async fn a_bucket_of_a_twin_in_this_process_is_an_object_store() {
        let (_folder, twin) = twin();
        is_a_store(&Reader::connect(Connect::Twin(twin)).await).await;
    }

    #[tokio::test]
    async fn a_bucket_of_a_twin_that_is_served_is_an_object_store() {
        let (_folder, twin) = twin();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let credentials = twin.credentials();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(crate::twin::serve::serve(twin, listener, async { drop(stopped.await) }));
        let reader = Reader::connect(Connect::TwinServer { url, credentials }).await;
        is_a_store(&reader).await;
        drop(reader);
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_bucket_tells_where_it_is_or_that_it_is_not() {
        let (_folder, twin) = twin();
        twin.change(|state| {
            state.s3.0.get_mut(FIRST_BUCKET).unwrap().region = "eu-west-1".parse().unwrap();
            Ok::<_, std::io::Error>(())
        })
        .unwrap();
        let now = twin.clock().now();
        let reader = Reader::connect(Connect::Twin(twin)).await;
        assert_eq!(reader.bucket_region(FIRST_BUCKET, now).await.unwrap().as_str(), "eu-west-1");
        assert!(matches!(reader.bucket_region("no-such-bucket", now).await, Err(BucketError::Missing { .. })));
    }

    #[tokio::test]
    async fn a_presigned_address_opens_one_object_for_a_while() {
        let (_folder, twin) = twin();
        let (now, region) = (twin.clock().now(), Region::marketplace());
        let reader = Reader::connect(Connect::Twin(twin.clone())).await;
        let objects = reader.objects(FIRST_BUCKET, &region).unwrap();
        objects.put(&Path::from("bundles/a b+c"), "bytes".into()).await.unwrap();
        let address = reader.presigned_for_guest(FIRST_BUCKET, &region, "bundles/a b+c", now, Duration::from_secs(60)).await.unwrap();
        assert!(address.starts_with(crate::twin::s3::GUEST_ENDPOINT), "{address}");
        let get = |address: String| {
            let twin = twin.clone();
            async move { twin.call(http::Request::get(address).body(bytes::Bytes::new()).unwrap()).await }
        };
        let got = get(address.clone()).await;
        assert_eq!((got.status().as_u16(), &got.body()[..]), (200, &b"bytes"[..]));
        for other in [address.replace("%20", "%21"), address.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), format!("{address}&x=1")] {
            let refused = get(other).await;
            assert_eq!(refused.status(), 403, "{}", String::from_utf8_lossy(refused.body()));
        }
        twin.clock().sleep(Duration::from_secs(61)).await;
        let late = get(address).await;
        assert_eq!(late.status(), 403);
        assert!(String::from_utf8_lossy(late.body()).contains("Request has expired"));
    }
}
