//! The twin behind a port of this machine, for any client.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::Twin;
use super::service::is_lost;

/// A twin that is being served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Where, such as `http://127.0.0.1:4566`.
    pub url: String,
    /// The process.
    pub pid: u32,
}

/// What the twin's folder says about its server.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    format: u32,
    url: String,
    pid: u32,
}

/// Serves the twin until `shutdown` is done; then finishes what was begun.
///
/// While it serves, the twin's folder says where, so that [`running`] finds it.
///
/// # Errors
///
/// `InvalidInput` when the listener can be reached from other machines; else when the folder can't
/// be written.
pub async fn serve(twin: Arc<Twin>, listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let message = format!("the twin is served on this machine alone, and {address} can be reached from others");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let _announced = Announced::new(twin.folder(), &format!("http://{address}"))?;
    // Machines that were left running have their metadata again before anybody asks for anything.
    if let Err(error) = super::ec2::adopt(&twin).await {
        tracing::warn!(%error, "could not take up the machines that were left running");
    }
    super::catalog::attend(&twin).await;
    let collecting = Arc::clone(&twin);
    // Nobody waits for it: what the reads and writes of the meantime need is spared.
    tokio::task::spawn_blocking(move || match collecting.blocks().collect_garbage() {
        Ok(collected) => tracing::debug!(blocks = collected.blocks, "removed blocks that no snapshot has"),
        Err(error) => tracing::warn!(%error, "could not remove the blocks that no snapshot has"),
    });
    let router = Router::new().fallback(answer).with_state(twin);
    let listener = listener.tap_io(|connection| {
        // Small answers on a kept connection would otherwise wait for the client's acknowledgement.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

/// Finds the server of the twin in a folder, if there is one.
///
/// The word of a process that has died counts for nothing: the twin's lock must be held.
pub fn running(folder: &Path) -> Option<Running> {
    let file: ServerFile = serde_json::from_slice(&std::fs::read(path(folder)).ok()?).ok()?;
    let lock = std::fs::File::open(folder.join("lock")).ok()?;
    match lock.try_lock_shared() {
        Err(std::fs::TryLockError::WouldBlock) if file.format == 1 => Some(Running { url: file.url, pid: file.pid }),
        _ => None,
    }
}

/// Removes what a server that died has left.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(path(folder)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("server.json")
}

/// Says in the folder where the server is, until dropped.
struct Announced {
    folder: PathBuf,
}

impl Announced {
    fn new(folder: &Path, url: &str) -> io::Result<Self> {
        let file = ServerFile { format: 1, url: url.to_owned(), pid: std::process::id() };
        let new = folder.join("server.json.new");
        std::fs::write(&new, serde_json::to_vec_pretty(&file)?)?;
        std::fs::rename(new, path(folder))?;
        Ok(Self { folder: folder.to_owned() })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // The next to open the twin removes it if this fails.
        let _ = forget(&self.folder);
    }
}

async fn answer(State(twin): State<Arc<Twin>>, request: Request) -> Response {
    if request.method() == http::Method::CONNECT {
        return super::door::open(&twin, request).await;
    }
    let reply = twin.answer(request.map(s3s::Body::http_body_unsync)).await;
    if is_lost(&reply) { broken_off() } else { reply.map(Body::new) }
}

/// Makes an answer in the middle of which the connection is closed: that is how the service under it
/// takes a body that fails.
fn broken_off() -> Response {
    let broken = futures::stream::once(async { Err::<bytes::Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    let mut reply = Response::new(Body::from_stream(broken));
    reply.headers_mut().insert(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("1"));
    reply
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;
    use crate::twin::testing::TestTwin;

    #[tokio::test]
    async fn a_server_is_found_while_it_serves_and_keeps_connections() {
        let test = TestTwin::new();
        let folder = test.twin.folder().to_owned();
        assert_eq!(running(&folder), None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(Arc::clone(&test.twin), listener, async { drop(stopped.await) }));

        let mut connection = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            connection.write_all(b"GET /snapshots HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") {
                assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "the connection is kept");
            }
            assert!(answer.starts_with(b"HTTP/1.1 403"));
        }
        let found = running(&folder).unwrap();
        assert_eq!((found.url, found.pid), (format!("http://{address}"), std::process::id()));
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0, "an idle connection is closed at the end");
        assert_eq!(running(&folder), None);
    }

    #[tokio::test]
    async fn other_machines_are_kept_out() {
        let test = TestTwin::new();
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let refused = serve(Arc::clone(&test.twin), listener, async {}).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_server_that_died_is_not_found() {
        let test = TestTwin::new();
        let folder = test.twin.folder().to_owned();
        std::mem::forget(Announced::new(&folder, "http://127.0.0.1:1").unwrap());
        assert!(running(&folder).is_some());
        let test = test.restarted();
        assert_eq!(running(&folder), None, "the next one cleans up");
        std::mem::forget(Announced::new(&folder, "http://127.0.0.1:1").unwrap());
        drop(test.twin);
        assert_eq!(running(&folder), None, "nobody holds the lock");
    }
}
