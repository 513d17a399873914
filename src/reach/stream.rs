//! A connection, whatever carries it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

/// A connection to a machine's port.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection, whatever carries it.
pub type BoxStream = Box<dyn Stream>;

/// How long a forwarder takes at most to notice that nobody listens behind it.
const SETTLING: Duration = Duration::from_secs(2);

/// Tells whether somebody is at the other end: what is only forwarded connects first and is closed then.
pub async fn stays_open(mut stream: BoxStream) -> bool {
    let mut byte = [0];
    match tokio::time::timeout(SETTLING, stream.read(&mut byte)).await {
        // Silence is what a service does that waits for its client to begin.
        Err(_) => true,
        Ok(read) => read.is_ok_and(|count| count > 0),
    }
}
