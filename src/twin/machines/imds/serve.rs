//! The metadata service on a unix socket, one for each machine; its guest finds S3 there too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use s3s::Body;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::{Request, Response, Tokens, answer};
use crate::clock::Clock;
use crate::twin::machines::{Launch, MetadataSource, ObjectService};
use crate::twin::s3::GUEST_ADDRESS;

const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_SECONDS: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A running metadata service; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    socket: PathBuf,
}

#[derive(Clone)]
struct Service {
    metadata: MetadataSource,
    objects: ObjectService,
    tokens: Tokens,
    clock: Clock,
    /// The file that says that somebody has asked.
    asked: Arc<PathBuf>,
}

impl Server {
    /// Serves a machine's metadata on `socket`, in place of whoever served there before.
    ///
    /// With the first request for metadata the file `asked` comes into being.
    ///
    /// # Errors
    ///
    /// When the socket can't be made.
    pub fn start(socket: &Path, launch: &Launch, tokens: Tokens, asked: PathBuf) -> std::io::Result<Self> {
        match std::fs::remove_file(socket) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        let (metadata, objects, clock) = (launch.metadata.clone(), launch.objects.clone(), launch.clock.clone());
        let router = Router::new().fallback(respond).with_state(Service { metadata, objects, tokens, clock, asked: Arc::new(asked) });
        let task = tokio::spawn(async move {
            // Only a listener that can't accept any more ends the service; the next adoption makes a new one.
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the metadata service ended");
            }
        });
        Ok(Self { task, socket: socket.to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn respond(State(service): State<Service>, request: axum::extract::Request) -> axum::response::Response {
    if request.headers().get(http::header::HOST).is_some_and(|host| host == GUEST_ADDRESS) {
        return (service.objects)(request.map(Body::http_body_unsync)).await.map(axum::body::Body::new);
    }
    let (parts, _) = request.into_parts();
    metadata(&service, parts.method, &parts.uri, &parts.headers).await.into_response()
}

async fn metadata(service: &Service, method: Method, uri: &Uri, headers: &HeaderMap) -> impl IntoResponse {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Request {
        method,
        path: uri.path().to_owned(),
        token: text(&TOKEN),
        token_seconds: text(&TOKEN_SECONDS),
        forwarded: headers.contains_key(FORWARDED),
    };
    if !service.asked.exists() {
        // What can't be noted now is noted with the next request.
        let _ = std::fs::File::create(&*service.asked);
    }
    let response = match (service.metadata)() {
        Some(metadata) => answer(&metadata, &service.tokens, &request, service.clock.now()),
        // The machine is up before its launch has reached the state: such a guest asks again.
        None => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Response { status: StatusCode::SERVICE_UNAVAILABLE, token_seconds: None, body: Vec::new() }
        }
    };
    tracing::debug!(method = %request.method, path = request.path, status = response.status.as_u16(), "metadata");
    let mut head = HeaderMap::new();
    head.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    if let Some(seconds) = response.token_seconds {
        head.insert(TOKEN_SECONDS, seconds.into());
    }
    (response.status, head, response.body)
}
