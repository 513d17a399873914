//! Fetching public files: gone on with where it broke off, not fetched anew while it is unchanged, checked.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest as SdkRequest;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::clock::Clock;
use crate::model::digest::Digest;

/// All of OSV is 1 GB.
pub const LARGEST_FILE_BYTES: u64 = 16 << 30;

/// Servers lead on once or twice.
const MOST_REDIRECTS: usize = 5;

/// How often a file is tried; what came before a failure isn't fetched again.
const ATTEMPTS: u32 = 5;

/// Before the second attempt; before each further one twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// Google Cloud Storage's digests of an object: `crc32c=…` and `md5=…` in Base64.
///
/// Source: <https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash>
const GOOGLE_HASH: &str = "x-goog-hash";

/// Fetches public files, through the proxy that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
pub struct Downloads {
    connector: SharedHttpConnector,
    clock: Clock,
}

/// A file to be had.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Its address.
    pub url: &'a str,
    /// Where it is to lie. What is being fetched lies beside it until it is whole.
    pub to: &'a Path,
    /// The server's name for the content that lies there already.
    pub etag: Option<&'a str>,
    /// What its digest is to be, if that is known.
    pub digest: Option<Digest>,
    /// More isn't taken.
    pub most_bytes: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Downloaded {
    /// What lies there is what the server has.
    Unchanged,
    /// It was fetched.
    New {
        /// The server's name for its content.
        etag: Option<String>,
    },
}

/// Says why a file can't be had.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address isn't one.
    #[error("{url:?} is no address that can be asked")]
    Address {
        /// The address.
        url: String,
    },
    /// It is led to where it isn't followed.
    #[error("{url} leads to {to:?}, and {why}")]
    Led {
        /// The address that was asked last.
        url: String,
        /// Where it leads.
        to: String,
        /// Why that isn't asked; a clause.
        why: &'static str,
    },
    /// There is no answer.
    #[error("{url} gives no answer")]
    Silent {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer isn't the file.
    #[error("{url} answers {status}")]
    Status {
        /// The address.
        url: String,
        /// The answer's status.
        status: StatusCode,
    },
    /// What came isn't what the server says that it is.
    #[error("{url} came damaged: {what}")]
    Damaged {
        /// The address.
        url: String,
        /// What is wrong.
        what: String,
    },
    /// It can't be kept.
    #[error("{} can't be written", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DownloadError {
    /// Tells whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Status { status, .. } if [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::GONE].contains(status))
    }

    /// Tells whether it may go better in a moment.
    fn may_pass(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::Damaged { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || [StatusCode::TOO_MANY_REQUESTS, StatusCode::RANGE_NOT_SATISFIABLE].contains(status)
            }
            Self::Address { .. } | Self::Led { .. } | Self::Disk { .. } => false,
        }
    }
}

impl Downloads {
    /// Asks servers over TLS, or in clear where an address says so; waits on the clock.
    pub fn new(clock: Clock) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(20)).read_timeout(Duration::from_secs(60));
        let connector = Connector::builder()
            .connector_settings(settings.build())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build();
        Self { connector: SharedHttpConnector::new(connector), clock }
    }

    /// Fetches a file, unless it is there already.
    ///
    /// # Errors
    ///
    /// [`DownloadError`]; what has come stays, and the next call goes on with it.
    pub async fn fetch(&self, wanted: &Wanted<'_>) -> Result<Downloaded, DownloadError> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt(wanted).await {
                Err(error) if error.may_pass() => self.clock.sleep(pause).await,
                outcome => return outcome,
            }
            pause *= 2;
        }
        self.attempt(wanted).await
    }

    async fn attempt(&self, wanted: &Wanted<'_>) -> Result<Downloaded, DownloadError> {
        let draft = Draft::of(wanted.to);
        let begun = draft.begun().await;
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| value.parse().is_ok_and(|value| headers.insert(name, value).is_none());
        match (&begun, wanted.etag) {
            (Some((length, etag)), _) => {
                set(RANGE, &format!("bytes={length}-"));
                set(IF_RANGE, etag);
            }
            (None, Some(etag)) if is_had(wanted).await => {
                set(IF_NONE_MATCH, etag);
            }
            _ => {}
        }
        let answer = self.ask(wanted.url, &headers).await?;
        let etag = text(answer.headers(), &ETAG);
        let (at, whole) = match (answer.status(), &begun) {
            (StatusCode::NOT_MODIFIED, _) if headers.contains_key(IF_NONE_MATCH) => return Ok(Downloaded::Unchanged),
            (StatusCode::OK, _) => (0, None),
            (StatusCode::PARTIAL_CONTENT, Some((length, known))) => {
                if etag.as_ref().is_some_and(|etag| etag != known) {
                    draft.remove().await;
                    return Err(DownloadError::Damaged { url: wanted.url.to_owned(), what: "another file's part came".to_owned() });
                }
                let Some(whole) = resumed(&answer, *length) else {
                    draft.remove().await;
                    return Err(DownloadError::Damaged {
                        url: wanted.url.to_owned(),
                        what: "another part came than was asked for".to_owned(),
                    });
                };
                (*length, whole)
            }
            (status, _) => {
                if status == StatusCode::RANGE_NOT_SATISFIABLE {
                    draft.remove().await;
                }
                return Err(DownloadError::Status { url: wanted.url.to_owned(), status });
            }
        };
        let md5 = google_md5(answer.headers());
        draft.receive(answer, (at, whole), etag.as_deref(), wanted).await?;
        if let Err(error) = draft.check(md5, wanted).await {
            draft.remove().await;
            return Err(error);
        }
        draft.keep(wanted.to).await?;
        Ok(Downloaded::New { etag })
    }

    /// Asks, and follows where it is led; never from TLS into the clear.
    async fn ask(&self, url: &str, headers: &HeaderMap) -> Result<Response<SdkBody>, DownloadError> {
        let mut url = url.to_owned();
        let mut followed = 0;
        loop {
            let answer = self.ask_once(&url, headers).await?;
            let led = answer.status().is_redirection() && answer.status() != StatusCode::NOT_MODIFIED;
            let Some(location) = text(answer.headers(), &LOCATION).filter(|_| led) else { return Ok(answer) };
            match joined(&url, &location) {
                None => return Err(DownloadError::Led { url, to: location, why: "that is no address" }),
                Some(next) if is_secure(&url) && !is_secure(&next) => {
                    return Err(DownloadError::Led { url, to: location, why: "that is asked in clear" });
                }
                Some(_) if followed == MOST_REDIRECTS => {
                    return Err(DownloadError::Led { url, to: location, why: "it was led on too often" });
                }
                Some(next) => url = next,
            }
            followed += 1;
        }
    }

    async fn ask_once(&self, url: &str, headers: &HeaderMap) -> Result<Response<SdkBody>, DownloadError> {
        let address = || DownloadError::Address { url: url.to_owned() };
        let mut request = Request::get(url).header(USER_AGENT, concat!("bakehouse/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().ok_or_else(address)?.extend(headers.clone());
        let request = request.body(SdkBody::empty()).map_err(|_| address())?;
        let request = SdkRequest::try_from(request).map_err(|_| address())?;
        let silent = |source: Box<dyn std::error::Error + Send + Sync>| DownloadError::Silent { url: url.to_owned(), source };
        let answer = self.connector.call(request).await.map_err(|error| silent(error.into()))?;
        answer.try_into_http1x().map_err(|error| silent(error.into()))
    }
}

/// A file that isn't whole yet, and beside it the server's name for its content.
struct Draft {
    part: PathBuf,
    etag: PathBuf,
}

impl Draft {
    fn of(to: &Path) -> Self {
        let beside = |ending: &str| {
            let mut name = to.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self { part: beside(".part"), etag: beside(".part.etag") }
    }

    /// Returns how much has come, and of what; none if nothing that could be gone on with.
    async fn begun(&self) -> Option<(u64, String)> {
        let length = fs::metadata(&self.part).await.ok()?.len();
        let etag = fs::read_to_string(&self.etag).await.ok()?;
        // A weak one doesn't tell whether bytes are the same.
        (length > 0 && !etag.is_empty() && !etag.starts_with("W/")).then_some((length, etag))
    }

    /// Keeps what comes from a place on, and holds it against the whole file's size where that is known.
    async fn receive(
        &self,
        answer: Response<SdkBody>,
        (at, whole): (u64, Option<u64>),
        etag: Option<&str>,
        wanted: &Wanted<'_>,
    ) -> Result<(), DownloadError> {
        let url = wanted.url;
        let disk = |source| DownloadError::Disk { path: self.part.clone(), source };
        if let Some(folder) = self.part.parent() {
            fs::create_dir_all(folder).await.map_err(disk)?;
        }
        let mut file = OpenOptions::new().create(true).write(true).truncate(at == 0).append(at > 0).open(&self.part).await.map_err(disk)?;
        // Once the old part is gone: its bytes would pass for this file's.
        fs::write(&self.etag, etag.unwrap_or_default()).await.map_err(disk)?;
        let announced = text(answer.headers(), &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let mut body = pin!(answer.into_body());
        let mut received = 0_u64;
        let outcome = loop {
            let frame = match body.frame().await {
                None => break Ok(()),
                Some(Ok(frame)) => frame,
                Some(Err(source)) => break Err(DownloadError::Silent { url: url.to_owned(), source }),
            };
            let Ok(bytes) = frame.into_data() else { continue };
            received += bytes.len() as u64;
            if at + received > wanted.most_bytes {
                break Err(DownloadError::Damaged { url: url.to_owned(), what: "it is too large".to_owned() });
            }
            file.write_all(&bytes).await.map_err(disk)?;
        };
        // Also what broke off: the next attempt goes on from here.
        file.flush().await.map_err(disk)?;
        file.sync_all().await.map_err(disk)?;
        outcome?;
        // A server may send less than was asked for, and say so.
        match whole.map(|whole| whole.saturating_sub(at)).or(announced) {
            Some(expected) if expected != received => {
                Err(DownloadError::Damaged { url: url.to_owned(), what: format!("{received} of {expected} bytes came") })
            }
            _ => Ok(()),
        }
    }

    async fn check(&self, md5: Option<[u8; 16]>, wanted: &Wanted<'_>) -> Result<(), DownloadError> {
        if md5.is_none() && wanted.digest.is_none() {
            return Ok(());
        }
        let (old, new) = digests(&self.part).await.map_err(|source| DownloadError::Disk { path: self.part.clone(), source })?;
        let damaged = |what: String| DownloadError::Damaged { url: wanted.url.to_owned(), what };
        if md5.is_some_and(|md5| md5 != old) {
            return Err(damaged("its MD5 is not what the server says".to_owned()));
        }
        match wanted.digest {
            Some(digest) if digest != new => Err(damaged(format!("its digest is {new}, and {digest} is expected"))),
            _ => Ok(()),
        }
    }

    async fn keep(&self, to: &Path) -> Result<(), DownloadError> {
        fs::rename(&self.part, to).await.map_err(|source| DownloadError::Disk { path: to.to_owned(), source })?;
        self.remove().await;
        Ok(())
    }

    /// What isn't there needs no removing.
    async fn remove(&self) {
        let _ = fs::remove_file(&self.part).await;
        let _ = fs::remove_file(&self.etag).await;
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Returns the size of the whole file that a partial answer is of, if it tells one; nothing of a part that begins elsewhere.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#field.content-range>
fn resumed(answer: &Response<SdkBody>, length: u64) -> Option<Option<u64>> {
    let range = text(answer.headers(), &CONTENT_RANGE)?;
    let (part, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
    let start: u64 = part.split_once('-')?.0.parse().ok()?;
    let whole = if whole == "*" { None } else { Some(whole.parse().ok()?) };
    (start == length).then_some(whole)
}

fn google_md5(headers: &HeaderMap) -> Option<[u8; 16]> {
    let hashes = headers.get_all(GOOGLE_HASH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let md5 = hashes.filter_map(|hash| hash.trim().strip_prefix("md5=")).next()?;
    STANDARD.decode(md5).ok()?.try_into().ok()
}

/// Tells whether what is wanted lies there, as it is to be where that is known.
async fn is_had(wanted: &Wanted<'_>) -> bool {
    match wanted.digest {
        Some(digest) => digests(wanted.to).await.is_ok_and(|(_, found)| found == digest),
        None => fs::try_exists(wanted.to).await.unwrap_or(false),
    }
}

/// Returns a file's MD5 and SHA-256.
async fn digests(path: &Path) -> io::Result<([u8; 16], Digest)> {
    let mut file = File::open(path).await?;
    let (mut old, mut new) = (Md5::new(), Sha256::new());
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok((old.finalize().into(), Digest::from_bytes(new.finalize().into())));
        }
        old.update(&buffer[..count]);
        new.update(&buffer[..count]);
    }
}

fn is_secure(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// Joins an address with the one that it leads to, whole or relative; none but HTTP's.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#field.location>
fn joined(url: &str, location: &str) -> Option<String> {
    let next = Url::parse(url).ok()?.join(location).ok()?;
    matches!(next.scheme(), "http" | "https").then(|| next.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_address_leads_is_joined_with_it_and_is_https_or_http() {
        let from = |location: &str| joined("https://host.example/a/b?c", location);
        for (location, next) in [
            ("d/e?f", "https://host.example/a/d/e?f"),
            ("../e", "https://host.example/e"),
            ("/e", "https://host.example/e"),
            ("?g", "https://host.example/a/b?g"),
            ("//other.example/e", "https://other.example/e"),
            ("HTTP://other.example/e", "http://other.example/e"),
        ] {
            assert_eq!(from(location).as_deref(), Some(next), "{location}");
        }
        for location in ["file:///etc/passwd", "ftp://other.example/", "https://", "javascript:alert(1)"] {
            assert_eq!(from(location), None, "{location}");
        }
        assert!(is_secure(&from("HTTPS://x.example/").unwrap()) && !is_secure(&from("hTTp://x.example/").unwrap()));
    }
}
