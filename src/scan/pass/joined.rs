//! What holds something else behind its own beginning: initial RAM disks with microcode in front, packages of Debian, scripts that
//! unpack what follows them.
//!
//! Sources: <https://docs.kernel.org/driver-api/early-userspace/buffer-format.html>,
//! <https://manpages.debian.org/trixie/dpkg-dev/deb.5.en.html>, <https://makeself.io/>

use std::io::{self, Read};
use std::path::Path;

use super::nested::{Depth, Kind, Leaf, Walk, plain};
use super::volume::HEAD_BYTES;
use crate::scan::secrets::{Packing, sealed};

/// Headers of an archive of cpio's: a magic number, and 13 numbers of eight hexadecimal digits. Which of them are the size of the
/// file and of its name, and to what both are filled up.
const CPIO: [&[u8]; 2] = [b"070701", b"070702"];
const CPIO_HEADER_BYTES: usize = 110;
const CPIO_SIZE: std::ops::Range<usize> = 54..62;
const CPIO_NAME_SIZE: std::ops::Range<usize> = 94..102;
const CPIO_ALIGNMENT: u64 = 4;

/// The name of the last entry, and how long a name may be.
const CPIO_END: &[u8] = b"TRAILER!!!\0";
const LONGEST_NAME_BYTES: u64 = 4096;

/// What packages of Debian begin with: an archive of `ar`'s whose first member says of which form it is.
const AR: &[u8] = b"!<arch>\n";
const DEBIAN: &[u8] = b"!<arch>\ndebian-binary";
const AR_HEADER_BYTES: usize = 60;
const AR_NAME: std::ops::Range<usize> = 0..16;
const AR_SIZE: std::ops::Range<usize> = 48..58;
const AR_HEADER_END: &[u8] = b"`\n";

/// What is looked at of what follows, to tell what it is.
const NEXT_BYTES: u64 = 512;

/// What is looked at of what follows a line, to tell it from text.
const PROBE_BYTES: usize = 16;

/// Tells an archive of cpio's by its first bytes.
pub(super) fn is_cpio(head: &[u8]) -> bool {
    CPIO.iter().any(|magic| head.starts_with(magic))
}

/// Tells a package of Debian by its first bytes. Archives of objects are none.
pub(super) fn is_debian(head: &[u8]) -> bool {
    head.starts_with(DEBIAN)
}

/// Returns where in a script's first bytes something packed begins, behind the end of a line.
pub(super) fn behind_script(head: &[u8]) -> Option<usize> {
    if !head.starts_with(b"#!") {
        return None;
    }
    let is_text = |byte: &u8| (b' '..0x7f).contains(byte) || matches!(byte, b'\t' | b'\n' | b'\r');
    let ends = head.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    ends.into_iter().find(|at| {
        let rest = &head[*at..];
        let is_packed = Packing::of(rest) == Some(Packing::Compressed) || sealed(rest).is_some();
        is_packed && !rest.iter().take(PROBE_BYTES).all(is_text)
    })
}

/// Tells a script that makeself made, of which nothing packed was found.
pub(super) fn is_makeself(head: &[u8]) -> bool {
    const NAME: &[u8] = b"generated using Makeself";
    head.starts_with(b"#!") && head.iter().take(1024).collect::<Vec<_>>().windows(NAME.len()).any(|part| part.iter().copied().eq(NAME))
}

impl Walk<'_> {
    /// Walks archives of cpio's and what follows them, packed or not. What isn't packed of a file itself was searched with it.
    pub(super) fn cpio(&mut self, name: &Path, content: &mut dyn Read, depth: Depth) -> Result<(), String> {
        let mut content = content;
        let mut head = Vec::new();
        loop {
            self.count_entry()?;
            let mut joined = head.as_slice().chain(&mut content);
            let mut archive = Cpio { content: &mut joined, piece: Vec::new(), taken: 0, left_bytes: 0, state: State::Header };
            let mut beginning = Vec::new();
            archive.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut beginning).map_err(|error| error.to_string())?;
            let mut whole = beginning.as_slice().chain(&mut archive);
            if is_searched(name, depth) {
                io::copy(&mut whole, &mut io::sink()).map_err(|error| error.to_string())?;
            } else {
                let mut leaf = Leaf { name, packings: depth.own_packings(), head: &beginning, content: &mut whole };
                (self.take)(&mut leaf).map_err(|error| error.to_string())?;
            }
            let mut next = Vec::new();
            after_zeros(&mut joined, &mut next).map_err(|error| error.to_string())?;
            if !is_cpio(&next) {
                return self.behind(name, &next, &mut joined, depth);
            }
            let (left, _) = joined.get_ref();
            head = [&next, *left].concat();
        }
    }

    /// Hands out what a script unpacks.
    pub(super) fn script(&mut self, name: &Path, at: usize, content: &mut dyn Read, depth: Depth) -> Result<(), String> {
        let wrong = |error: io::Error| error.to_string();
        let (mut text, mut next) = (Vec::new(), Vec::new());
        content.take(at as u64).read_to_end(&mut text).map_err(wrong)?;
        if !is_searched(name, depth) {
            // It is opened: nothing is to be told by its head.
            let mut leaf = Leaf { name, packings: depth.own_packings(), head: &[], content: &mut text.as_slice() };
            (self.take)(&mut leaf).map_err(wrong)?;
        }
        content.take(NEXT_BYTES).read_to_end(&mut next).map_err(wrong)?;
        self.behind(name, &next, content, depth)
    }

    /// Hands out what follows, of which some was read.
    fn behind(&mut self, name: &Path, next: &[u8], rest: &mut dyn Read, depth: Depth) -> Result<(), String> {
        if next.is_empty() {
            return Ok(());
        }
        if is_searched(name, depth) && Kind::of(next).is_none() {
            let mut leaf = Leaf { name, packings: depth.own_packings(), head: next, content: &mut io::empty() };
            return (self.take)(&mut leaf).map_err(|error| error.to_string());
        }
        self.content(name, &mut next.chain(rest), None, depth)
    }

    /// Walks a package of Debian: each member is a file below its name.
    pub(super) fn debian(&mut self, within: &Path, content: &mut dyn Read, depth: Depth) -> Result<(), String> {
        let wrong = |error: io::Error| error.to_string();
        io::copy(&mut content.take(AR.len() as u64), &mut io::sink()).map_err(wrong)?;
        loop {
            let mut header = Vec::with_capacity(AR_HEADER_BYTES);
            content.take(AR_HEADER_BYTES as u64).read_to_end(&mut header).map_err(wrong)?;
            if header.iter().all(|&byte| byte == b'\n') {
                return Ok(());
            }
            let number = |field: &[u8]| std::str::from_utf8(field).ok().and_then(|digits| digits.trim_end().parse::<u64>().ok());
            let size_bytes = header.get(AR_SIZE).filter(|_| header.ends_with(AR_HEADER_END)).and_then(number);
            let Some(size_bytes) = size_bytes.filter(|_| header.len() == AR_HEADER_BYTES) else {
                return Err("what should be a member is none".to_owned());
            };
            self.count_entry()?;
            let name = within.join(plain(header[AR_NAME].trim_ascii_end().strip_suffix(b"/").unwrap_or(header[AR_NAME].trim_ascii_end())));
            let mut member = content.take(size_bytes);
            if let Err(why) = self.content(&name, &mut member, None, depth) {
                self.fault.get_or_insert_with(|| format!("{} in it can't be unpacked: {why}", name.display()));
            }
            self.budget.check()?;
            io::copy(&mut member, &mut io::sink()).map_err(wrong)?;
            if member.limit() > 0 {
                return Err("it breaks off".to_owned());
            }
            io::copy(&mut content.take(size_bytes % 2), &mut io::sink()).map_err(wrong)?;
        }
    }
}

/// Tells that a content is a file's own, which was searched as it is.
fn is_searched(name: &Path, depth: Depth) -> bool {
    name.as_os_str().is_empty() && depth.is_top()
}

/// Goes past zeros, and returns the first bytes behind them; none at the end.
fn after_zeros(content: &mut impl Read, next: &mut Vec<u8>) -> io::Result<()> {
    let mut block = [0; NEXT_BYTES as usize];
    loop {
        let length = content.read(&mut block)?;
        if length == 0 {
            return Ok(());
        }
        if let Some(at) = block[..length].iter().position(|&byte| byte != 0) {
            next.extend_from_slice(&block[at..length]);
            content.take(NEXT_BYTES).read_to_end(next)?;
            return Ok(());
        }
    }
}

/// An archive of cpio's as it is, up to its end. What is damaged goes on to the end of all.
struct Cpio<R> {
    content: R,
    /// A header and a name, as they are handed out.
    piece: Vec<u8>,
    taken: usize,
    /// What is left of a file.
    left_bytes: u64,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Header,
    Ended,
    Damaged,
}

impl<R: Read> Cpio<R> {
    fn header(&mut self) -> io::Result<()> {
        self.piece.clear();
        self.taken = 0;
        self.content.by_ref().take(CPIO_HEADER_BYTES as u64).read_to_end(&mut self.piece)?;
        if self.piece.is_empty() {
            self.state = State::Ended;
            return Ok(());
        }
        let number = |field: std::ops::Range<usize>| {
            let digits = self.piece.get(field).filter(|_| is_cpio(&self.piece) && self.piece.len() == CPIO_HEADER_BYTES)?;
            u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        };
        let (Some(size_bytes), Some(name_bytes)) = (number(CPIO_SIZE), number(CPIO_NAME_SIZE).filter(|it| *it <= LONGEST_NAME_BYTES))
        else {
            self.state = State::Damaged;
            return Ok(());
        };
        let filled = (CPIO_HEADER_BYTES as u64 + name_bytes).next_multiple_of(CPIO_ALIGNMENT) - CPIO_HEADER_BYTES as u64;
        self.content.by_ref().take(filled).read_to_end(&mut self.piece)?;
        self.left_bytes = size_bytes.next_multiple_of(CPIO_ALIGNMENT);
        if self.piece[CPIO_HEADER_BYTES..].starts_with(CPIO_END) {
            self.state = State::Ended;
        }
        Ok(())
    }
}

impl<R: Read> Read for Cpio<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.taken < self.piece.len() {
                let length = (&self.piece[self.taken..]).read(buffer)?;
                self.taken += length;
                return Ok(length);
            }
            match self.state {
                State::Ended => return Ok(0),
                State::Damaged => return self.content.read(buffer),
                State::Header if self.left_bytes > 0 => {
                    let length = self.content.by_ref().take(self.left_bytes).read(buffer)?;
                    // What breaks off has no next header.
                    self.left_bytes = if length == 0 && !buffer.is_empty() { 0 } else { self.left_bytes - length as u64 };
                    if length > 0 || buffer.is_empty() {
                        return Ok(length);
                    }
                }
                State::Header => self.header()?,
            }
        }
    }
}
