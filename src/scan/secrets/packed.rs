//! What is in a file under a packing: gzip, Zstandard, and text in UTF-16.
//!
//! Sources: <https://www.rfc-editor.org/rfc/rfc1952>, <https://www.rfc-editor.org/rfc/rfc8878>,
//! <https://www.rfc-editor.org/rfc/rfc2781>

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// What is read at once.
const PIECE_BYTES: usize = 256 << 10;

/// The largest window that a frame may ask for. Every decoder should support 8 MiB; 128 MiB are what `zstd --ultra` asks
/// for, which would be held by each worker. What is packed in what is packed is held beside it.
pub(in crate::scan) const MOST_WINDOW_BYTES: u64 = 32 << 20;
pub(in crate::scan) const MOST_INNER_WINDOW_BYTES: u64 = 8 << 20;

/// What begins a member of gzip with the only method that there is, a frame of Zstandard, and, but for its low four bits,
/// a frame that is to be skipped.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
const ZSTANDARD: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
const SKIPPABLE: u32 = 0x184d_2a50;

/// What text in UTF-16 begins with, and is not part of it.
const BYTE_ORDER_MARK_BYTES: usize = 2;

/// Members and frames of a file: what packs blocks of 64 KiB makes that many of 6 GiB.
const MOST_MEMBERS: usize = 100_000;

/// Endings that tools take off when they unpack.
const ENDINGS: [&str; 4] = ["gz", "z", "zst", "zstd"];

/// How a file's content is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Packing {
    /// Members of gzip and frames of Zstandard, one after the other, with zeros between them.
    Compressed,
    /// UTF-16 with a byte order mark, of the low byte first.
    Utf16Little,
    /// UTF-16 with a byte order mark, of the high byte first.
    Utf16Big,
}

impl Packing {
    /// Tells by a file's first bytes how it is packed.
    pub(in crate::scan) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, ..] => Some(Self::Utf16Little),
            [0xfe, 0xff, ..] => Some(Self::Utf16Big),
            _ if head.starts_with(&GZIP) || head.starts_with(&ZSTANDARD) => Some(Self::Compressed),
            _ => None,
        }
    }

    /// Returns a reader of what is packed, in order, up to `most_window_bytes` of which a frame may ask for at once.
    ///
    /// Its errors say why it can't be unpacked to its end, as lower-case fragments. What comes before was handed out.
    pub(in crate::scan) fn reader<'r>(self, packed: impl Read + 'r, most_window_bytes: u64) -> Box<dyn Read + 'r> {
        match self {
            Self::Compressed => {
                let packed = Ahead { rest: BufReader::with_capacity(PIECE_BYTES, packed), again: Vec::new() };
                Box::new(Members { state: State::Between(packed), left: MOST_MEMBERS, most_window_bytes })
            }
            Self::Utf16Little => Box::new(Utf16::new(packed, u16::from_le_bytes)),
            Self::Utf16Big => Box::new(Utf16::new(packed, u16::from_be_bytes)),
        }
    }
}

/// What begins files whose packing is not undone, and what they are called.
///
/// Sources: <https://tukaani.org/xz/xz-file-format.txt>, <https://sourceware.org/bzip2/>,
/// <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md> (the usual frame and the kernel's legacy one),
/// <https://www.7-zip.org/7z.html>, <https://docs.kernel.org/filesystems/squashfs.html>,
/// <https://rpm-software-management.github.io/rpm/manual/format_lead.html>, <https://www.rarlab.com/technote.htm>,
/// <https://www.nongnu.org/lzip/manual/lzip_manual.html>, <https://learn.microsoft.com/en-us/previous-versions/bb417343(v=msdn.10)>,
/// lzop, src/lzop.c, OpenSSL, apps/enc.c
const SEALED: [(&[u8], &str); 11] = [
    (b"\xfd7zXZ\0", "xz"),
    (&0x184d_2204_u32.to_le_bytes(), "LZ4"),
    (&0x184c_2102_u32.to_le_bytes(), "LZ4"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"hsqs", "squashfs"),
    (b"\xed\xab\xee\xdb", "rpm"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"LZIP\x01", "lzip"),
    (b"MSCF\0\0\0\0", "cabinet"),
    (b"\x89LZO\0\r\n\x1a\n", "LZO"),
    (b"Salted__", "OpenSSL"),
];

/// What begins files of `compress`, the bits of its third byte that are free, and how long its codes may be.
const COMPRESS: [u8; 2] = [0x1f, 0x9d];
const COMPRESS_FREE: u8 = 0x60;
const COMPRESS_BITS: std::ops::RangeInclusive<u8> = 9..=16;

/// What begins files of the old form of LZMA with the usual properties; a dictionary's size and the content's follow. Nothing
/// larger than 256 GiB was ever made so.
///
/// Source: XZ Utils, doc/lzma-file-format.txt
const LZMA: [u8; 3] = [0x5d, 0, 0];
const LZMA_SIZE: std::ops::Range<usize> = 5..13;
const LZMA_UNKNOWN: u64 = u64::MAX;
const LZMA_LARGEST_BYTES: u64 = 1 << 38;

/// What begins a block of bzip2, behind `BZh` and the size of blocks from 1 to 9, and what ends a file without one.
const BZIP2: [[u8; 6]; 2] = [[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]];

/// Tells by a file's first bytes that it is packed in a way that is not undone, and which.
pub(in crate::scan) fn sealed(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] if BZIP2.iter().any(|magic| block.starts_with(magic)) => Some("bzip2"),
        _ if head.starts_with(&COMPRESS) && head.get(2).is_some_and(is_compress) => Some("compress"),
        _ if is_lzma(head) => Some("LZMA"),
        _ => SEALED.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name),
    }
}

fn is_compress(flags: &u8) -> bool {
    flags & COMPRESS_FREE == 0 && COMPRESS_BITS.contains(&(flags & 0x1f))
}

/// It has no magic number: its dictionary is of 2^n or 2^n + 2^(n-1) bytes, as all programs make it.
fn is_lzma(head: &[u8]) -> bool {
    let Some(size) = head.get(LZMA_SIZE).and_then(|field| field.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes)) else {
        return false;
    };
    let dictionary = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
    let is_usual = dictionary.count_ones() == 1 || dictionary.count_ones() == 2 && (dictionary << dictionary.leading_zeros()) == 3 << 30;
    head.starts_with(&LZMA) && is_usual && (size == LZMA_UNKNOWN || size < LZMA_LARGEST_BYTES)
}

/// Returns the name that a file has when it is unpacked.
pub(in crate::scan) fn unpacked_name(path: &Path) -> PathBuf {
    let is_packed = |ending: &OsStr| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    if path.extension().is_some_and(is_packed) { path.with_extension("") } else { path.to_owned() }
}

/// A content of which the first bytes may be given back.
struct Ahead<R: Read> {
    rest: BufReader<R>,
    /// What was given back.
    again: Vec<u8>,
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.again.is_empty() { self.rest.fill_buf() } else { Ok(&self.again) }
    }

    fn consume(&mut self, length: usize) {
        if self.again.is_empty() {
            self.rest.consume(length);
        } else {
            self.again.drain(..length.min(self.again.len()));
        }
    }
}

/// What members and frames unpack to, until the end.
struct Members<R: Read> {
    state: State<R>,
    /// How many more may follow.
    left: usize,
    most_window_bytes: u64,
}

enum State<R: Read> {
    Between(Ahead<R>),
    Gzip(GzDecoder<Ahead<R>>),
    Zstandard(Box<StreamingDecoder<Ahead<R>, FrameDecoder>>),
    Ended,
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = match &mut self.state {
                State::Gzip(member) => member.read(buffer)?,
                State::Zstandard(frame) => frame.read(buffer)?,
                State::Between(_) => 0,
                State::Ended => return Ok(0),
            };
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.state = match std::mem::replace(&mut self.state, State::Ended) {
                State::Gzip(member) => State::Between(member.into_inner()),
                State::Zstandard(frame) => State::Between(frame.into_inner()),
                State::Between(packed) => self.next(packed)?,
                State::Ended => State::Ended,
            };
        }
    }
}

impl<R: Read> Members<R> {
    /// Begins the next member or frame.
    fn next(&mut self, mut packed: Ahead<R>) -> io::Result<State<R>> {
        // Archives of the initial RAM disk are filled up with zeros.
        while packed.fill_buf()?.first() == Some(&0) {
            let zeros = packed.fill_buf()?.iter().take_while(|&&byte| byte == 0).count();
            packed.consume(zeros);
        }
        let mut magic = Vec::with_capacity(ZSTANDARD.len());
        packed.by_ref().take(ZSTANDARD.len() as u64).read_to_end(&mut magic)?;
        if magic.is_empty() {
            return Ok(State::Ended);
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other(format!("it is of more than {MOST_MEMBERS} members")))?;
        match <[u8; 4]>::try_from(magic.as_slice()).map(u32::from_le_bytes) {
            Ok(word) if word & !0xf == SKIPPABLE => {
                let mut length = [0; 4];
                packed.read_exact(&mut length)?;
                io::copy(&mut packed.by_ref().take(u32::from_le_bytes(length).into()), &mut io::sink())?;
                Ok(State::Between(packed))
            }
            _ if magic == ZSTANDARD => {
                packed.again = magic;
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(self.most_window_bytes);
                let frame = StreamingDecoder::new_with_decoder(packed, decoder);
                Ok(State::Zstandard(Box::new(frame.map_err(|error| io::Error::other(error.to_string()))?)))
            }
            _ if magic.starts_with(&GZIP) => {
                packed.again = magic;
                Ok(State::Gzip(GzDecoder::new(packed)))
            }
            _ => Err(io::Error::other("what follows its packed content is neither gzip nor Zstandard")),
        }
    }
}

/// Text in UTF-16 as UTF-8; what is no character becomes U+FFFD.
struct Utf16<R> {
    text: R,
    unit: fn([u8; 2]) -> u16,
    /// What is decoded next, of which the first bytes were kept.
    piece: Vec<u8>,
    kept: usize,
    /// What is decoded, and how much of it was handed out.
    decoded: String,
    taken: usize,
    has_begun: bool,
    has_ended: bool,
}

impl<R: Read> Utf16<R> {
    fn new(text: R, unit: fn([u8; 2]) -> u16) -> Self {
        let piece = vec![0; PIECE_BYTES];
        Self { text, unit, piece, kept: 0, decoded: String::new(), taken: 0, has_begun: false, has_ended: false }
    }

    /// Decodes the next piece.
    fn decode(&mut self) -> io::Result<()> {
        if !self.has_begun {
            self.text.read_exact(&mut self.piece[..BYTE_ORDER_MARK_BYTES])?;
            self.has_begun = true;
        }
        let length = self.text.read(&mut self.piece[self.kept..])?;
        let end = self.kept + length;
        let units: Vec<u16> = self.piece[..end].chunks_exact(2).map(|pair| (self.unit)([pair[0], pair[1]])).collect();
        // The first half of a character waits for its second, as does half a unit.
        let half = units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) && length > 0;
        let whole = units.len() - usize::from(half);
        self.decoded = char::decode_utf16(units[..whole].iter().copied()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.taken = 0;
        self.has_ended = length == 0;
        self.piece.copy_within(2 * whole..end, 0);
        self.kept = end - 2 * whole;
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.decoded.len() && !self.has_ended {
            self.decode()?;
        }
        let length = (&self.decoded.as_bytes()[self.taken..]).read(buffer)?;
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::disk::testing::spoiled;

    /// Packs by a public tool.
    fn packed(tool: &str, content: &[u8]) -> Vec<u8> {
        let child = Command::new(tool).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("this test needs {tool}: {error}"));
        child.stdin.take().unwrap().write_all(content).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    fn unpacked(bytes: &[u8]) -> (Vec<u8>, Result<(), String>) {
        let mut content = Vec::new();
        let packing = Packing::of(bytes).expect("it is packed");
        let outcome = packing.reader(bytes, MOST_WINDOW_BYTES).read_to_end(&mut content);
        (content, outcome.map(drop).map_err(|error| error.to_string()))
    }

    #[test]
    fn members_and_frames_are_unpacked_one_after_the_other() {
        let (gzip, zstandard) = (packed("gzip", b"one"), packed("zstd", b"two"));
        let skipped = [SKIPPABLE.to_le_bytes().as_slice(), &3_u32.to_le_bytes(), b"xyz"].concat();
        let all = [gzip.as_slice(), &[0; 512], &zstandard, &skipped, &gzip, &[0; 4]].concat();
        assert_eq!(unpacked(&all), (b"onetwoone".to_vec(), Ok(())));
    }

    #[test]
    fn what_breaks_off_or_goes_on_is_told_and_what_came_before_handed_out() {
        let content = vec![b'x'; 1 << 20];
        for tool in ["gzip", "zstd"] {
            let whole = packed(tool, &content);
            let (_, outcome) = unpacked(&whole[..whole.len() / 2]);
            assert!(outcome.is_err(), "{tool}");
            let (found, outcome) = unpacked(&[whole.as_slice(), b"more"].concat());
            assert_eq!(
                (found.len(), outcome.unwrap_err().as_str()),
                (1 << 20, "what follows its packed content is neither gzip nor Zstandard")
            );
        }
    }

    #[test]
    fn text_in_utf_16_is_decoded_in_either_order_across_pieces() {
        let text = "\u{feff}a\u{1f600}".repeat(PIECE_BYTES / 5);
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [&little, &big] {
            assert_eq!(unpacked(bytes), (text.as_bytes()[3..].to_vec(), Ok(())));
        }
        assert_eq!(unpacked(&[0xff, 0xfe, b'a', 0, 0, 0xd8, 1]).0, "a\u{fffd}".as_bytes());
    }

    #[test]
    fn names_lose_the_ending_that_unpacking_takes_off() {
        let name = |path: &str| unpacked_name(Path::new(path)).to_str().unwrap().to_owned();
        assert_eq!(["/a/x.sql.gz", "/a/.env.ZST", "/a/x.log", "/a/gz"].map(name), ["/a/x.sql", "/a/.env", "/a/x.log", "/a/gz"]);
    }

    #[test]
    fn what_is_not_unpacked_is_known_by_its_first_bytes() {
        for (tool, name) in [("xz", Some("xz")), ("bzip2", Some("bzip2")), ("lz4", Some("LZ4")), ("gzip", None), ("zstd", None)] {
            assert_eq!(sealed(&packed(tool, b"one")), name, "{tool}");
        }
        assert_eq!(sealed(&packed("bzip2", b"")), Some("bzip2"));
        assert_eq!(sealed(b"7z\xbc\xaf\x27\x1c\0\x04"), Some("7-Zip"));
        assert_eq!(sealed(b"hsqs\x01\0\0\0"), Some("squashfs"));
        for (magic, name) in SEALED {
            assert_eq!((sealed(magic), sealed(&magic[..magic.len() - 1])), (Some(name), None));
        }
        assert_eq!(sealed(&[0x1f, 0x9d, 0x90, 1]), Some("compress"));
        for flags in [0x95, 0x88, 0xf0] {
            assert_eq!(sealed(&[0x1f, 0x9d, flags, 1]), None, "{flags:x}");
        }
        let child = Command::new("xz").args(["--format=lzma", "-c", "/proc/self/cmdline"]).output().unwrap();
        assert_eq!(sealed(&child.stdout), Some("LZMA"), "{:?}", child.stdout);
        assert_eq!(sealed(&[0x5d, 0, 0, 0x11, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(sealed(&[0x5d, 0, 0, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8]), None);
        for text in ["BZh9 is what begins it", "hsq", "7z", ""] {
            assert_eq!(sealed(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn spoiled_files_are_no_trouble() {
        for tool in ["gzip", "zstd"] {
            let whole = packed(tool, &b"lorem ipsum dolor sit amet ".repeat(300));
            for seed in 0..3_000 {
                let bytes = spoiled(&whole, seed);
                if let Some(packing) = Packing::of(&bytes) {
                    let _ = io::copy(&mut packing.reader(bytes.as_slice(), MOST_WINDOW_BYTES).take(1 << 20), &mut io::sink());
                }
            }
        }
    }
}
