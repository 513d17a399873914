//! What an input is, told by its content and never by its name; what is packed is unpacked on the way.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::super::about::SourceKind;
use crate::disk::BlockSource;

/// What of an input tells its kind.
const HEAD_BYTES: usize = 4096;

/// What an input may unpack to.
const LARGEST_UNPACKED_BYTES: u64 = 8 << 30;

/// An input that was recognised.
pub(in crate::advisories) enum Opened<'a> {
    /// A ZIP archive, of OSV records.
    Archive,
    /// Anything else, unpacked.
    Text(SourceKind, Box<dyn BufRead + 'a>),
}

/// Opens an input.
///
/// # Errors
///
/// When it can't be read, or is of no kind that is known.
pub(in crate::advisories) fn open(bytes: &dyn BlockSource) -> io::Result<Opened<'_>> {
    let mut packed = BufReader::with_capacity(1 << 16, Stream { bytes, at: 0 });
    let head = packed.fill_buf()?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Opened::Archive);
    }
    let is_packed = head.starts_with(&[0x1f, 0x8b]);
    let inner: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(packed)) } else { Box::new(packed) };
    let mut text = BufReader::with_capacity(1 << 16, Bounded { inner, left: LARGEST_UNPACKED_BYTES });
    let head = text.fill_buf()?;
    let kind = recognise(&head[..head.len().min(HEAD_BYTES)])
        .ok_or_else(|| io::Error::other("it is of no kind that is known: OSV, updateinfo.xml, KEV, EPSS, endoflife.date, distro-info"))?;
    Ok(Opened::Text(kind, Box::new(text)))
}

/// Tells what kind of input it is.
///
/// # Errors
///
/// As [`open`].
pub(in crate::advisories) fn kind(bytes: &dyn BlockSource) -> io::Result<SourceKind> {
    open(bytes).map(|opened| match opened {
        Opened::Archive => SourceKind::Osv,
        Opened::Text(kind, _) => kind,
    })
}

fn recognise(head: &[u8]) -> Option<SourceKind> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    match text.as_bytes().first()? {
        b'<' if text.contains("<updates") => Some(SourceKind::Updateinfo),
        b'{' if has("catalogVersion") => Some(SourceKind::Kev),
        b'{' if has("result") && has("schema_version") && !has("modified") => Some(SourceKind::EndOfLife),
        b'{' if ["id", "schema_version", "modified", "affected", "summary", "details", "aliases"].into_iter().any(has) => {
            Some(SourceKind::Osv)
        }
        b'[' if has("cycle") => Some(SourceKind::EndOfLife),
        _ if text.starts_with("#model_version") || text.starts_with("cve,epss") => Some(SourceKind::Epss),
        _ if text.starts_with("version,codename,series") => Some(SourceKind::DistroInfo),
        _ => None,
    }
}

/// Returns the bytes of a source, in order.
pub(in crate::advisories) fn stream(bytes: &dyn BlockSource) -> impl Read + '_ {
    Stream { bytes, at: 0 }
}

struct Stream<'a> {
    bytes: &'a dyn BlockSource,
    at: u64,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.size_bytes().saturating_sub(self.at);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.bytes.read_at(self.at, &mut buffer[..length]).map_err(io::Error::other)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// Ends with an error, not silently, where a source is larger than it may be.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other("it is too large"))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        for (head, kind) in [
            ("<?xml version=\"1.0\" ?>\n<updates>", Some(SourceKind::Updateinfo)),
            ("{\"title\": \"x\", \"catalogVersion\": \"2026.01.01\"", Some(SourceKind::Kev)),
            ("{\"schema_version\": \"1.3.1\", \"id\": \"GO-2020-0001\", \"modified\": \"\"", Some(SourceKind::Osv)),
            ("{\"schema_version\":\"1.2.0\",\"generated_at\":\"\",\"total\":1,\"result\":[]}", Some(SourceKind::EndOfLife)),
            ("[{\"cycle\":\"12\"", Some(SourceKind::EndOfLife)),
            ("#model_version:v2025.03.14,score_date:x\ncve,epss,percentile\n", Some(SourceKind::Epss)),
            ("version,codename,series,created,release,eol,eol-lts,eol-elts\n", Some(SourceKind::DistroInfo)),
            ("<html>", None),
            ("{\"source\": \"a table of ours\", \"products\": {}}", None),
            ("", None),
        ] {
            assert_eq!(recognise(head.as_bytes()), kind, "{head}");
        }
    }
}
