//! Reads the headers of installed packages out of a Berkeley DB hash (`Packages`): RHEL up to 8, Amazon Linux 2.
//!
//! All pages are looked through, rather than bucket by bucket: every entry is wanted, and none is looked up.
//!
//! Source: <https://github.com/berkeleydb/libdb/blob/master/src/dbinc/db_page.h>

use super::bytes::{Budget, Damaged, Order, Visited, damaged, size_at, slice, u16_at, u32_at};
use super::database::Database;

const HASH_MAGIC: u32 = 0x0006_1561;
const PAGE_HEADER_BYTES: usize = 26;

/// What of the first page tells how the others are read.
const HEAD_BYTES: usize = 36;

/// Kinds of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Kinds of entries.
const INLINE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Hands out the headers in the order of the pages that point to them.
///
/// # Errors
///
/// What is wrong; the headers before it were handed out.
pub(super) fn headers(database: &mut Database, each: &mut dyn FnMut(&[u8])) -> Result<(), Damaged> {
    let mut reader = Reader::open(database)?;
    for number in 1..reader.page_count {
        let page = reader.page(number)?;
        if matches!(page[25], HASH_UNSORTED | HASH) {
            reader.hash_page(&page, each)?;
        }
    }
    Ok(())
}

struct Reader<'d, 'f> {
    database: &'d mut Database<'f>,
    order: Order,
    page_bytes: usize,
    page_count: usize,
    /// Overflow pages that belong to an entry.
    visited: Visited,
    budget: Budget,
}

impl<'d, 'f> Reader<'d, 'f> {
    fn open(database: &'d mut Database<'f>) -> Result<Self, Damaged> {
        let head = database.read(0, HEAD_BYTES)?;
        let order = match (u32_at(&head, 12, Order::Little)?, u32_at(&head, 12, Order::Big)?) {
            (HASH_MAGIC, _) => Order::Little,
            (_, HASH_MAGIC) => Order::Big,
            _ => return Err(damaged("it is no hash of Berkeley DB")),
        };
        let page_bytes = size_at(&head, 20, order)?;
        if !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
            return Err(damaged(format!("its pages are said to have {page_bytes} bytes")));
        }
        if slice(&head, 24, 1)?[0] != 0 {
            return Err(damaged("it is encrypted"));
        }
        // What stands behind the last page is not in use.
        let last = size_at(&head, 32, order)?;
        let page_count = last.checked_add(1).filter(|&count| count <= database.size_bytes() / page_bytes);
        let page_count = page_count.ok_or_else(|| damaged("it is cut off"))?;
        let budget = Budget::of(database.size_bytes());
        Ok(Self { database, order, page_bytes, page_count, visited: Visited::none_of(page_count), budget })
    }

    fn page(&mut self, number: usize) -> Result<Vec<u8>, Damaged> {
        let at = number.checked_mul(self.page_bytes).ok_or_else(|| damaged(format!("page {number} is beyond its end")))?;
        self.database.read(at, self.page_bytes)
    }

    /// Hands out what a page's entries hold: keys and values by turns.
    fn hash_page(&mut self, page: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Damaged> {
        let entries = usize::from(u16_at(page, 20, self.order)?);
        for pair in 0..entries / 2 {
            let key = self.entry(page, 2 * pair)?;
            let value = self.entry(page, 2 * pair + 1)?;
            // The entry of number 0 holds the number that the next package gets.
            if key.first() == Some(&INLINE) && key[1..].iter().all(|&byte| byte == 0) {
                continue;
            }
            each(&self.content(value)?);
        }
        Ok(())
    }

    /// An entry with its kind. Entries fill a page from its end: each reaches to where the one before begins.
    fn entry<'p>(&self, page: &'p [u8], index: usize) -> Result<&'p [u8], Damaged> {
        let offset = |index: usize| u16_at(page, PAGE_HEADER_BYTES + 2 * index, self.order).map(usize::from);
        let start = offset(index)?;
        let end = if index == 0 { page.len() } else { offset(index - 1)? };
        let length = end.checked_sub(start).ok_or_else(|| damaged("an entry ends before it begins"))?;
        slice(page, start, length)
    }

    fn content(&mut self, entry: &[u8]) -> Result<Vec<u8>, Damaged> {
        match entry.first() {
            Some(&INLINE) => {
                self.budget.take(entry.len())?;
                Ok(entry[1..].to_vec())
            }
            Some(&OFF_PAGE) => self.off_page(size_at(entry, 4, self.order)?, size_at(entry, 8, self.order)?),
            _ => Err(damaged("an entry is of an unknown kind")),
        }
    }

    /// Brings a value together from its chain of pages.
    fn off_page(&mut self, first: usize, length: usize) -> Result<Vec<u8>, Damaged> {
        self.budget.take(length)?;
        let mut content = Vec::new();
        let mut next = first;
        while content.len() < length {
            self.visited.visit(next)?;
            let page = self.page(next)?;
            if page[25] != OVERFLOW {
                return Err(damaged(format!("page {next} holds no part of a value")));
            }
            let part = usize::from(u16_at(&page, 22, self.order)?).min(length - content.len());
            content.extend_from_slice(slice(&page, PAGE_HEADER_BYTES, part)?);
            next = size_at(&page, 16, self.order)?;
        }
        Ok(content)
    }
}
