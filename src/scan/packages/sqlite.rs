//! Reads the rows of a table out of an SQLite database's bytes, as far as rpm's database asks for it: ordinary tables,
//! overflow pages, no indexes, no SQL.
//!
//! The well-kept readers are SQLite's own C, which is not to be let loose on foreign bytes here.
//!
//! Source: <https://www.sqlite.org/fileformat2.html>

use super::bytes::{Budget, Damaged, Order, Visited, damaged, size_at, slice, u16_at};
use super::database::Database;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// The header of the database, which stands before the first page's own.
const HEADER_BYTES: usize = 100;

/// A b-tree that is deeper holds more rows than fit a file.
const DEEPEST: usize = 20;

const INTERIOR: u8 = 0x05;
const LEAF: u8 = 0x0d;

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'r> {
    Integer(i64),
    Bytes(&'r [u8]),
    /// NULL or a number with a fraction, which nothing here asks for.
    Other,
}

/// Hands out the records of a table in the order of their row numbers, one at a time; [`values`] takes one apart.
///
/// # Errors
///
/// What is wrong; the records before it were handed out.
pub(super) fn rows(database: &mut Database, table: &str, each: &mut dyn FnMut(&[u8]) -> Result<(), Damaged>) -> Result<(), Damaged> {
    let mut reader = Reader::open(database)?;
    let mut root = None;
    reader.table(1, &mut |row| {
        root = root.or_else(|| root_of(row, table));
        Ok(())
    })?;
    let root = root.ok_or_else(|| damaged(format!("it has no table {table}")))?;
    reader.table(root, each)
}

/// The root page of the table, if this row of the schema is about it.
fn root_of(row: &[u8], table: &str) -> Option<usize> {
    // type, name, tbl_name, rootpage, sql
    match values(row).ok()?.as_slice() {
        [Value::Bytes(b"table"), Value::Bytes(name), _, Value::Integer(root), ..] if *name == table.as_bytes() => {
            usize::try_from(*root).ok()
        }
        _ => None,
    }
}

struct Reader<'d, 'f> {
    database: &'d mut Database<'f>,
    page_bytes: usize,
    /// What of a page is used; the rest belongs to extensions.
    usable_bytes: usize,
    visited: Visited,
    budget: Budget,
}

impl<'d, 'f> Reader<'d, 'f> {
    fn open(database: &'d mut Database<'f>) -> Result<Self, Damaged> {
        let head = database.read(0, HEADER_BYTES)?;
        if !head.starts_with(MAGIC) {
            return Err(damaged("it is no SQLite database"));
        }
        let page_bytes = match u16_at(&head, 16, Order::Big)? {
            1 => 65536,
            size => usize::from(size),
        };
        if !page_bytes.is_power_of_two() || page_bytes < 512 {
            return Err(damaged(format!("its pages are said to have {page_bytes} bytes")));
        }
        let usable_bytes = page_bytes - usize::from(head[20]);
        if usable_bytes < 480 {
            return Err(damaged("its pages have no room"));
        }
        let (visited, budget) = (Visited::none_of(database.size_bytes() / page_bytes + 1), Budget::of(database.size_bytes()));
        Ok(Self { database, page_bytes, usable_bytes, visited, budget })
    }

    /// A page by its number, counted from 1.
    fn page(&mut self, number: usize) -> Result<Vec<u8>, Damaged> {
        let index = number.checked_sub(1).ok_or_else(|| damaged("a page has number 0"))?;
        self.visited.visit(index)?;
        let at = index.checked_mul(self.page_bytes).ok_or_else(|| damaged("a page is beyond its end"))?;
        let mut page = self.database.read(at, self.page_bytes)?;
        page.truncate(self.usable_bytes);
        Ok(page)
    }

    /// Hands out the records of the table at a root page. The stack holds what is yet to be visited, the next one last.
    fn table(&mut self, root: usize, each: &mut dyn FnMut(&[u8]) -> Result<(), Damaged>) -> Result<(), Damaged> {
        let mut stack = vec![(root, 0)];
        while let Some((number, depth)) = stack.pop() {
            let page = self.page(number)?;
            let start = if number == 1 { HEADER_BYTES } else { 0 };
            let cells = usize::from(u16_at(&page, start + 3, Order::Big)?);
            match slice(&page, start, 1)?[0] {
                LEAF => {
                    for cell in 0..cells {
                        let at = usize::from(u16_at(&page, start + 8 + 2 * cell, Order::Big)?);
                        each(&self.record(&page, at)?)?;
                    }
                }
                INTERIOR if depth < DEEPEST => {
                    stack.push((size_at(&page, start + 8, Order::Big)?, depth + 1));
                    for cell in (0..cells).rev() {
                        let at = usize::from(u16_at(&page, start + 12 + 2 * cell, Order::Big)?);
                        stack.push((size_at(&page, at, Order::Big)?, depth + 1));
                    }
                }
                INTERIOR => return Err(damaged("its b-tree is too deep")),
                kind => return Err(damaged(format!("page {number} of a table is of kind {kind}"))),
            }
        }
        Ok(())
    }

    /// The record of a leaf's cell, brought together with its overflow pages.
    fn record(&mut self, page: &[u8], at: usize) -> Result<Vec<u8>, Damaged> {
        let (length, after) = varint(page, at)?;
        let (_row, after) = varint(page, after)?;
        let length = usize::try_from(length).map_err(|_| damaged("a record has a negative length"))?;
        // At least one byte, so that cells without content cost something too.
        self.budget.take(length.max(1))?;
        let local = self.local_bytes(length);
        let mut record = slice(page, after, local)?.to_vec();
        if local == length {
            return Ok(record);
        }
        let mut next = size_at(page, after + local, Order::Big)?;
        while record.len() < length {
            let overflow = self.page(next)?;
            next = size_at(&overflow, 0, Order::Big)?;
            let part = (length - record.len()).min(overflow.len() - 4);
            record.extend_from_slice(slice(&overflow, 4, part)?);
        }
        Ok(record)
    }

    /// How much of a record stands in its leaf.
    fn local_bytes(&self, length: usize) -> usize {
        let usable = self.usable_bytes;
        let most = usable - 35;
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (usable - 4);
        if local <= most { local } else { least }
    }
}

/// Reads a number of one to nine bytes; returns what stands after it too.
fn varint(bytes: &[u8], at: usize) -> Result<(i64, usize), Damaged> {
    let mut value: u64 = 0;
    for (index, &byte) in bytes.get(at..).unwrap_or_default().iter().take(9).enumerate() {
        if index == 8 {
            return Ok(((value << 8 | u64::from(byte)).cast_signed(), at + 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((value.cast_signed(), at + index + 1));
        }
    }
    Err(damaged("a number is cut off"))
}

/// Takes a record apart.
pub(super) fn values(record: &[u8]) -> Result<Vec<Value<'_>>, Damaged> {
    let (header, mut at) = varint(record, 0)?;
    let header = usize::try_from(header).ok().filter(|&length| length <= record.len());
    let header = header.ok_or_else(|| damaged("a record's header is longer than the record"))?;
    let mut content = header;
    let mut values = Vec::new();
    while at < header {
        let (kind, after) = varint(record, at)?;
        at = after;
        let (value, length) = value(record, content, kind)?;
        values.push(value);
        content += length;
    }
    Ok(values)
}

/// Reads a value of a serial type; returns its length too.
fn value(record: &[u8], at: usize, kind: i64) -> Result<(Value<'_>, usize), Damaged> {
    let number_bytes = match kind {
        1..=4 => usize::try_from(kind).unwrap_or_default(),
        5 => 6,
        6 => 8,
        8 => return Ok((Value::Integer(0), 0)),
        9 => return Ok((Value::Integer(1), 0)),
        0 => return Ok((Value::Other, 0)),
        7 => return Ok((Value::Other, 8)),
        12.. => {
            let length = usize::try_from((kind - 12) / 2).map_err(|_| damaged("a value is too long"))?;
            return Ok((Value::Bytes(slice(record, at, length)?), length));
        }
        _ => return Err(damaged("a value is of an unknown kind")),
    };
    let bytes = slice(record, at, number_bytes)?;
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
    let number = bytes.iter().fold(sign, |number: i64, &byte| number << 8 | i64::from(byte));
    Ok((Value::Integer(number), number_bytes))
}
