//! What is in tar archives: backups, and the layers of containers' images.
//!
//! Sources: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>,
//! <https://www.gnu.org/software/tar/manual/html_node/Standard.html>

use std::io::{self, Read};
use std::path::Path;

use super::nested::{Depth, Walk, plain};

const BLOCK_BYTES: usize = 512;

/// A name of its own, or a list of records; the system's longest path has 4096 bytes, but attributes are among them.
const LONGEST_RECORDS_BYTES: u64 = 1 << 20;

/// The fields of a header.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..263;
const PREFIX: std::ops::Range<usize> = 345..500;

/// Where GNU's headers of sparse files say that there are more of them, and where those do.
const IS_EXTENDED: usize = 482;
const IS_EXTENDED_FURTHER: usize = 504;

type Block = [u8; BLOCK_BYTES];

/// Tells an archive by its first block: its checksum is right, and it has a name.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK_BYTES>().is_some_and(|block| block[0] != 0 && is_header(block))
}

/// Old programs took bytes for signed when they added them up.
fn is_header(block: &Block) -> bool {
    let Some(said) = number(&block[CHECKSUM]) else { return false };
    let byte = |at: usize| if CHECKSUM.contains(&at) { b' ' } else { block[at] };
    let unsigned: u64 = (0..BLOCK_BYTES).map(|at| u64::from(byte(at))).sum();
    let signed: i64 = (0..BLOCK_BYTES).map(|at| i64::from(byte(at).cast_signed())).sum();
    said == unsigned || i64::try_from(said).is_ok_and(|said| said == signed)
}

/// A number in octal, or where it is too large for that, in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let digits = field.iter().enumerate().map(|(at, &byte)| if at == 0 { byte & 0x7f } else { byte });
        return digits.into_iter().try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(byte.into()));
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.split('\0').next().unwrap_or_default().trim_matches(' ');
    u64::from_str_radix(digits, 8).ok()
}

/// What headers before a file's own say of it.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    size_bytes: Option<u64>,
}

impl Walk<'_> {
    /// Walks an archive to its end; what makes all that follows unreadable is an error.
    pub(super) fn tar(&mut self, within: &Path, content: &mut dyn Read, depth: Depth) -> Result<(), String> {
        let mut said = Said::default();
        let mut has_ended = false;
        while let Some(block) = block(content).map_err(|error| error.to_string())? {
            // Archives end with two blocks of zeros; another may be appended.
            if block.iter().all(|&byte| byte == 0) {
                has_ended = true;
                continue;
            }
            if !is_header(&block) {
                return if has_ended { Ok(()) } else { Err(format!("{}what should be an entry is none", of(within))) };
            }
            self.count_entry()?;
            let kind = block[TYPE];
            let own_bytes = number(&block[SIZE]).unwrap_or(0);
            let size_bytes = match kind {
                // Links, devices, folders and pipes have no content, whatever they say of their size.
                b'1'..=b'6' => 0,
                // These say something of what follows, and so did those before them.
                b'L' | b'K' | b'x' | b'g' => own_bytes,
                _ => said.size_bytes.unwrap_or(own_bytes),
            };
            if kind == b'S' {
                sparse(&block, content).map_err(|error| error.to_string())?;
            }
            let mut entry = (&mut *content).take(size_bytes);
            match kind {
                b'L' | b'x' => {
                    let mut bytes = Vec::new();
                    entry.by_ref().take(LONGEST_RECORDS_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
                    if kind == b'L' {
                        said.name = Some(until_zero(&bytes).to_vec());
                    } else {
                        said.read(&bytes);
                    }
                }
                b'g' | b'K' => {}
                _ => {
                    let name = within.join(said.name.take().map_or_else(|| plain(&own_name(&block)), |name| plain(&name)));
                    if size_bytes > 0
                        && let Err(why) = self.content(&name, &mut entry, None, depth)
                    {
                        self.fault.get_or_insert_with(|| format!("{} in it can't be unpacked: {why}", name.display()));
                    }
                    said = Said::default();
                }
            }
            self.budget.check()?;
            skip(&mut entry, size_bytes)?;
        }
        Ok(())
    }
}

/// Reads a block; none at the end.
fn block(content: &mut dyn Read) -> io::Result<Option<Block>> {
    let mut bytes = Vec::with_capacity(BLOCK_BYTES);
    content.take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
    match Block::try_from(bytes) {
        Ok(block) => Ok(Some(block)),
        Err(bytes) if bytes.is_empty() => Ok(None),
        Err(_) => Err(io::Error::other("it breaks off")),
    }
}

/// Goes to the end of an entry and of its last block.
fn skip<R: Read>(entry: &mut io::Take<R>, size_bytes: u64) -> Result<(), String> {
    let wrong = |error: io::Error| error.to_string();
    io::copy(entry, &mut io::sink()).map_err(wrong)?;
    if entry.limit() > 0 {
        return Err("it breaks off".to_owned());
    }
    let padding = size_bytes.wrapping_neg() % BLOCK_BYTES as u64;
    io::copy(&mut entry.get_mut().by_ref().take(padding), &mut io::sink()).map_err(wrong)?;
    Ok(())
}

/// Goes past what says where a sparse file has content: what it has is searched as it comes.
fn sparse(header: &Block, content: &mut dyn Read) -> io::Result<()> {
    let mut has_more = header[IS_EXTENDED] != 0;
    while has_more {
        has_more = block(content)?.is_some_and(|block| block[IS_EXTENDED_FURTHER] != 0);
    }
    Ok(())
}

fn own_name(block: &Block) -> Vec<u8> {
    let (name, prefix) = (until_zero(&block[NAME]), until_zero(&block[PREFIX]));
    // GNU's own form has times where the prefix is in POSIX's.
    if &block[MAGIC] == b"ustar\0" && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn of(within: &Path) -> String {
    if within.as_os_str().is_empty() { String::new() } else { format!("{}: ", within.display()) }
}

impl Said {
    /// Reads records, each `LENGTH KEY=VALUE` and a line's end.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|&byte| byte == b' ') {
            let length = std::str::from_utf8(&records[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
            let Some(record) = length.and_then(|length| records.get(space + 1..length)) else { return };
            let Some(equals) = record.iter().position(|&byte| byte == b'=') else { return };
            let value = record[equals + 1..].strip_suffix(b"\n").unwrap_or_default();
            match &record[..equals] {
                b"path" if self.name.is_none() => self.name = Some(value.to_vec()),
                b"GNU.sparse.name" => self.name = Some(value.to_vec()),
                b"size" => self.size_bytes = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()),
                _ => {}
            }
            records = &records[space + 1 + record.len()..];
        }
    }
}
