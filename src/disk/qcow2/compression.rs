//! Compressed clusters.

use std::io::Read;

use flate2::read::DeflateDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest window that a Zstandard frame may ask for: what every decoder should support.
///
/// Source: RFC 8878, 3.1.1.1.2.
const MOST_WINDOW_BYTES: u64 = 8 << 20;

/// How clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Without zlib's header.
    Deflate,
    Zstandard,
}

impl Compression {
    /// Decompresses a whole cluster; what follows it is ignored.
    pub fn decompress(self, bytes: &[u8], cluster_size: usize) -> Result<Vec<u8>, String> {
        let mut cluster = vec![0; cluster_size];
        match self {
            Self::Deflate => DeflateDecoder::new(bytes).read_exact(&mut cluster).map_err(|error| error.to_string()),
            Self::Zstandard => zstandard(bytes, &mut cluster),
        }
        .map_err(|why| format!("a cluster can't be decompressed: {why}"))?;
        Ok(cluster)
    }
}

fn zstandard(bytes: &[u8], cluster: &mut [u8]) -> Result<(), String> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MOST_WINDOW_BYTES);
    let mut stream = StreamingDecoder::new_with_decoder(bytes, decoder).map_err(|error| error.to_string())?;
    stream.read_exact(cluster).map_err(|error| error.to_string())
}
