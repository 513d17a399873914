//! Objects' bytes: files that are written once and never changed.

use std::collections::BTreeSet;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream;
use md5::{Digest as _, Md5};
use s3s::dto::StreamingBlob;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use super::call::Call;
use super::checksum::{Summing, expect_md5};
use super::state::{Algorithm, Buckets, Checksum, Object};
use crate::twin::Twin;
use crate::twin::error::ApiError;

/// The largest body of one request in bytes: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
const MOST_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// How much is read from a file at once.
const CHUNK_BYTES: usize = 128 * 1024;

/// What the client says about the bytes it sends.
#[derive(Default)]
pub(super) struct Claims {
    pub size_bytes: Option<i64>,
    pub md5: Option<String>,
    pub checksum: Option<(Algorithm, String)>,
    /// The algorithm to use if no checksum is given.
    pub algorithm: Option<Algorithm>,
}

/// Bytes that have come, in a file that goes away unless it is kept.
pub(super) struct Received {
    draft: NamedTempFile<()>,
    pub size_bytes: u64,
    pub md5: [u8; 16],
    pub checksum: Checksum,
}

impl Received {
    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }

    /// Names the file, before it is kept.
    pub fn file(&self) -> String {
        file_name(&self.draft)
    }

    /// Keeps the file: something in the state names it now.
    pub fn keep(self) {
        keep(self.draft);
    }
}

/// Writes a body into a file and holds it against what the client says.
pub(super) async fn receive(call: &Call<'_>, body: Option<StreamingBlob>, claims: Claims) -> Result<Received, ApiError> {
    let trailing = call.trailer.as_ref().map(|(algorithm, _)| *algorithm);
    let claimed = claims.checksum.as_ref().map(|(algorithm, _)| *algorithm);
    let algorithm = claimed.or(trailing).or(claims.algorithm).unwrap_or(Algorithm::Crc64nvme);
    let (draft, mut file) = new_file(call.twin).await?;
    let (mut md5, mut summing, mut size_bytes) = (Md5::new(), Summing::new(algorithm), 0);
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| broken_body(&*error))?;
            size_bytes += chunk.len() as u64;
            if size_bytes > MOST_BYTES {
                return Err(ApiError::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"));
            }
            md5.update(&chunk);
            summing.update(&chunk);
            file.write_all(&chunk).await?;
        }
    }
    file.flush().await?;
    let received = Received { draft, size_bytes, md5: md5.finalize().into(), checksum: summing.done() };
    if claims.size_bytes.is_some_and(|size| u64::try_from(size) != Ok(size_bytes)) {
        let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
        return Err(ApiError::new(400, "IncompleteBody", message));
    }
    expect_md5(&received.md5, claims.md5.as_deref())?;
    received.checksum.expect(claims.checksum.as_ref().map(|(_, value)| &**value))?;
    if let Some((algorithm, trailers)) = &call.trailer {
        let value = trailers.read(|headers| headers.get(algorithm.header()).and_then(|value| value.to_str().ok()).map(str::to_owned));
        received.checksum.expect(Some(&value.flatten().unwrap_or_default()))?;
    }
    Ok(received)
}

/// Writes the contents of files one after the other into one.
pub(super) async fn join(twin: &Twin, files: &[&str], algorithm: Algorithm) -> Result<Received, ApiError> {
    let (draft, mut whole) = new_file(twin).await?;
    let (mut summing, mut size_bytes, mut buffer) = (Summing::new(algorithm), 0, vec![0; CHUNK_BYTES]);
    for name in files {
        let mut part = File::open(path(twin, name)).await?;
        loop {
            let count = part.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            summing.update(&buffer[..count]);
            size_bytes += count as u64;
            whole.write_all(&buffer[..count]).await?;
        }
    }
    whole.flush().await?;
    Ok(Received { draft, size_bytes, md5: [0; 16], checksum: summing.done() })
}

/// Another name for a file's content.
pub(super) struct Link(NamedTempFile<()>);

impl Link {
    pub fn to(twin: &Twin, name: &str) -> Result<Self, ApiError> {
        let draft = tempfile::Builder::new().prefix("").make_in(folder(twin)?, |link| std::fs::hard_link(path(twin, name), link))?;
        Ok(Self(draft))
    }

    pub fn file(&self) -> String {
        file_name(&self.0)
    }

    pub fn keep(self) {
        keep(self.0);
    }
}

/// Reads a range of a file.
pub(super) async fn read(twin: &Twin, name: &str, range: Range<u64>) -> Result<StreamingBlob, ApiError> {
    let mut file = File::open(path(twin, name)).await?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let left = range.end.saturating_sub(range.start);
    Ok(StreamingBlob::wrap(stream::try_unfold((file, left), |(mut file, left)| async move {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        if most == 0 {
            return Ok(None);
        }
        let mut chunk = BytesMut::with_capacity(most);
        let count = (&mut file).take(most as u64).read_buf(&mut chunk).await?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok::<_, io::Error>(Some((Bytes::from(chunk), (file, left - count as u64))))
    })))
}

/// Reads the whole content of an object of a twin's folder.
pub(in crate::twin) fn content(folder: &Path, object: &Object) -> io::Result<Vec<u8>> {
    std::fs::read(folder.join("objects").join(&object.file))
}

/// Removes a content that nothing names any more; readers that have it open read on.
pub(super) fn remove(twin: &Twin, name: &str) {
    if let Err(error) = std::fs::remove_file(path(twin, name)) {
        tracing::warn!(%error, file = name, "could not remove an object's content; the next start does");
    }
}

/// Removes the files that a process which died has left without a name in the state.
pub(in crate::twin) fn sweep(folder: &Path, buckets: &Buckets) -> io::Result<()> {
    let known: BTreeSet<&str> = buckets.files().collect();
    let entries = match std::fs::read_dir(folder.join("objects")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| known.contains(name)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn folder(twin: &Twin) -> io::Result<PathBuf> {
    let folder = twin.folder().join("objects");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn path(twin: &Twin, name: &str) -> PathBuf {
    twin.folder().join("objects").join(name)
}

async fn new_file(twin: &Twin) -> Result<(NamedTempFile<()>, File), ApiError> {
    let (file, path) = tempfile::Builder::new().prefix("").tempfile_in(folder(twin)?)?.into_parts();
    Ok((NamedTempFile::from_parts((), path), File::from_std(file)))
}

fn file_name(draft: &NamedTempFile<()>) -> String {
    draft.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn keep(draft: NamedTempFile<()>) {
    // Keeping fails on systems alone that mark temporary files, which is not done here.
    if let Err(error) = draft.into_temp_path().keep() {
        tracing::warn!(%error, "could not keep an object's content");
    }
}

/// `s3s` checks signatures and digests of bodies as they are read; what went wrong it says in words alone.
fn broken_body(error: &dyn std::error::Error) -> ApiError {
    let said = error.to_string();
    if said.contains("Sha256Mismatch") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        ApiError::new(400, "XAmzContentSHA256Mismatch", message)
    } else if said.contains("SignatureMismatch") {
        ApiError::new(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
    } else {
        ApiError::new(400, "IncompleteBody", "The request body terminated unexpectedly")
    }
}
