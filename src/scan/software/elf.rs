//! ELF programs: their sections by name, their bytes by the address that they are loaded to.
//!
//! Source: <https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html> and the chapters after it

use super::file;
use crate::disk::BlockSource;
use crate::scan::packages::bytes::{Damaged, Order, damaged, size_at, slice, u16_at, u32_at, u64_at};

/// More headers than any program has; Go's and Rust's have some 40 sections.
const MOST_HEADERS_BYTES: u64 = 4 << 20;

/// The names of all sections together.
const MOST_NAMES_BYTES: u64 = 1 << 20;

/// Types of files: programs, and programs that can be loaded anywhere, as libraries are.
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;

const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;
const PF_W: u32 = 2;

/// A section without bytes in the file, and the flag of one whose bytes are compressed.
const SHT_NOBITS: u32 = 8;
const SHF_COMPRESSED: u64 = 0x800;

/// The index that says that the real one is in the first section header.
const SHN_XINDEX: u16 = 0xffff;

/// Tells by its first bytes whether a file is a program or a library.
pub(super) fn is_program(head: &[u8]) -> bool {
    shape(head).is_ok_and(|(_, order)| u16_at(head, 16, order).is_ok_and(|kind| matches!(kind, ET_EXEC | ET_DYN)))
}

/// A program's headers.
pub(super) struct Elf<'f> {
    pub(super) file: &'f dyn BlockSource,
    /// Whether addresses have eight bytes.
    pub(super) is_64: bool,
    pub(super) order: Order,
    pub(super) sections: Vec<Section>,
    segments: Vec<Segment>,
}

/// A part of the file with a name.
pub(super) struct Section {
    pub(super) name: Vec<u8>,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
    compressed: bool,
}

/// A part of the file that is loaded.
struct Segment {
    flags: u32,
    offset: u64,
    address: u64,
    size_bytes: u64,
}

/// Reads the headers.
pub(super) fn open(file: &dyn BlockSource) -> Result<Elf<'_>, Damaged> {
    let head = file::range(file, 0, file.size_bytes().min(64), 64)?;
    let (is_64, order) = shape(&head)?;
    let word = |at_32: usize, at_64: usize| word(&head, if is_64 { at_64 } else { at_32 }, is_64, order);
    let half = |at_32: usize, at_64: usize| u16_at(&head, if is_64 { at_64 } else { at_32 }, order);
    let segments = Table { at: word(28, 32)?, size: half(42, 54)?, count: half(44, 56)?.into(), least: if is_64 { 56 } else { 32 } };
    let mut sections = Table { at: word(32, 40)?, size: half(46, 58)?, count: half(48, 60)?.into(), least: if is_64 { 64 } else { 40 } };
    let mut elf = Elf { file, is_64, order, sections: Vec::new(), segments: Vec::new() };
    for header in segments.read(file)?.chunks_exact(segments.size.max(1).into()) {
        elf.segments.extend(elf.segment(header)?);
    }
    if sections.at == 0 {
        return Ok(elf);
    }
    let mut names = usize::from(half(50, 62)?);
    if sections.count == 0 || names == usize::from(SHN_XINDEX) {
        // Where numbers don't fit into two bytes, the first header's otherwise unused fields hold them.
        let first = Table { count: 1, ..sections }.read(file)?;
        if sections.count == 0 {
            sections.count = self::word(&first, if is_64 { 32 } else { 20 }, is_64, order)?;
        }
        if names == usize::from(SHN_XINDEX) {
            names = size_at(&first, if is_64 { 40 } else { 24 }, order)?;
        }
    }
    elf.read_sections(&sections, names)?;
    Ok(elf)
}

/// A table of headers, as the ELF header describes it.
#[derive(Clone, Copy)]
struct Table {
    at: u64,
    size: u16,
    count: u64,
    /// The size of a header that has all fields.
    least: u16,
}

impl Table {
    fn read(&self, file: &dyn BlockSource) -> Result<Vec<u8>, Damaged> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        if self.size < self.least {
            return Err(damaged(format!("its headers are said to have {} bytes", self.size)));
        }
        file::range(file, self.at, self.count.saturating_mul(self.size.into()), MOST_HEADERS_BYTES)
    }
}

impl Elf<'_> {
    /// Finds a section that has bytes in the file.
    pub(super) fn section(&self, name: &[u8]) -> Result<Option<&Section>, Damaged> {
        match self.sections.iter().find(|section| section.name == name) {
            Some(section) if section.compressed => Err(damaged(format!("its section {} is compressed", name.escape_ascii()))),
            section => Ok(section),
        }
    }

    /// Returns the place in the file of the first data that the program may write.
    pub(super) fn first_data(&self) -> Option<(u64, u64)> {
        let data = self.segments.iter().find(|segment| segment.flags & (PF_X | PF_W) == PF_W);
        data.map(|segment| (segment.offset, segment.size_bytes))
    }

    /// Returns the place in the file of what is loaded to an address, if that many bytes are.
    pub(super) fn loaded(&self, address: u64, length: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            let end = within.checked_add(length)?;
            if end <= segment.size_bytes { segment.offset.checked_add(within) } else { None }
        })
    }

    /// Reads a segment's header; none if it isn't loaded.
    fn segment(&self, header: &[u8]) -> Result<Option<Segment>, Damaged> {
        let word = |at_32: usize, at_64: usize| word(header, if self.is_64 { at_64 } else { at_32 }, self.is_64, self.order);
        if u32_at(header, 0, self.order)? != PT_LOAD {
            return Ok(None);
        }
        let flags = u32_at(header, if self.is_64 { 4 } else { 24 }, self.order)?;
        Ok(Some(Segment { flags, offset: word(4, 8)?, address: word(8, 16)?, size_bytes: word(16, 32)? }))
    }

    fn read_sections(&mut self, table: &Table, names: usize) -> Result<(), Damaged> {
        let headers = table.read(self.file)?;
        let size = usize::from(table.size.max(1));
        let word = |header: &[u8], at_32: usize, at_64: usize| word(header, if self.is_64 { at_64 } else { at_32 }, self.is_64, self.order);
        let Some(header) = headers.chunks_exact(size).nth(names) else { return Ok(()) };
        let texts = file::range(self.file, word(header, 16, 24)?, word(header, 20, 32)?, MOST_NAMES_BYTES)?;
        for header in headers.chunks_exact(size) {
            let name = texts.get(size_at(header, 0, self.order)?..).unwrap_or_default();
            // Names overlap, so that a hostile table could have each of its sections a long one.
            let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
            if name.len() > 64 || u32_at(header, 4, self.order)? == SHT_NOBITS {
                continue;
            }
            self.sections.push(Section {
                name: name.to_vec(),
                offset: word(header, 16, 24)?,
                size_bytes: word(header, 20, 32)?,
                compressed: word(header, 8, 8)? & SHF_COMPRESSED != 0,
            });
        }
        Ok(())
    }
}

/// Whether addresses have eight bytes, and their order.
fn shape(head: &[u8]) -> Result<(bool, Order), Damaged> {
    match slice(head, 0, 6)? {
        [0x7f, b'E', b'L', b'F', class @ 1..=2, order @ 1..=2] => Ok((*class == 2, if *order == 1 { Order::Little } else { Order::Big })),
        _ => Err(damaged("it is no ELF file")),
    }
}

/// A number as wide as an address.
pub(super) fn word(bytes: &[u8], at: usize, is_64: bool, order: Order) -> Result<u64, Damaged> {
    if is_64 { u64_at(bytes, at, order) } else { u32_at(bytes, at, order).map(u64::from) }
}
