//! Reads the headers of installed packages out of rpm's own database format (`Packages.db`), which SUSE uses.
//!
//! Source: <https://github.com/rpm-software-management/rpm/blob/master/lib/backend/ndb/rpmpkg.c>

use super::bytes::{Budget, Damaged, Order, damaged, size_at, slice};
use super::database::Database;

const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
/// The database's header takes the place of the first two slots.
const FIRST_SLOT: usize = 2;
const BLOB_HEAD_BYTES: usize = 16;
const BLOB_TAIL_BYTES: usize = 12;

/// Hands out the headers in the order of their slots.
///
/// # Errors
///
/// What is wrong; the headers before it were handed out.
pub(super) fn headers(database: &mut Database, each: &mut dyn FnMut(&[u8])) -> Result<(), Damaged> {
    let head = database.read(0, FIRST_SLOT * SLOT_BYTES)?;
    if !head.starts_with(b"RpmP") {
        return Err(damaged("it is no package database of rpm's own format"));
    }
    let version = size_at(&head, 4, Order::Little)?;
    if version != 0 {
        return Err(damaged(format!("its version {version} is unknown")));
    }
    let slot_pages = size_at(&head, 12, Order::Little)?;
    let mut budget = Budget::of(database.size_bytes());
    for number in 0..slot_pages {
        let at = number.checked_mul(PAGE_BYTES).ok_or_else(|| damaged("it has too many slots"))?;
        let page = database.read(at, PAGE_BYTES)?;
        for slot in page.chunks_exact(SLOT_BYTES).skip(if number == 0 { FIRST_SLOT } else { 0 }) {
            if !slot.starts_with(b"Slot") {
                return Err(damaged("a slot has no mark"));
            }
            // Number 0 marks a slot that is free.
            let package = size_at(slot, 4, Order::Little)?;
            if package != 0 {
                let blob = blob(database, slot, package, &mut budget)?;
                each(content(&blob, package)?);
            }
        }
    }
    Ok(())
}

/// A slot's blob.
fn blob(database: &mut Database, slot: &[u8], number: usize, budget: &mut Budget) -> Result<Vec<u8>, Damaged> {
    let beyond = || damaged(format!("package {number} is beyond its end"));
    let at = size_at(slot, 8, Order::Little)?.checked_mul(BLOCK_BYTES).ok_or_else(beyond)?;
    let length = size_at(slot, 12, Order::Little)?.checked_mul(BLOCK_BYTES).ok_or_else(beyond)?;
    budget.take(length)?;
    database.read(at, length)
}

/// The content of a blob, its sum checked.
fn content(blob: &[u8], number: usize) -> Result<&[u8], Damaged> {
    let length = blob.len();
    let content_bytes = size_at(blob, 12, Order::Little)?;
    let is_it = blob.starts_with(b"BlbS") && blob.ends_with(b"BlbE") && size_at(blob, 4, Order::Little)? == number;
    let fits = length.checked_sub(BLOB_HEAD_BYTES + BLOB_TAIL_BYTES).is_some_and(|room| content_bytes <= room);
    if !is_it || !fits {
        return Err(damaged(format!("package {number} is not where its slot says")));
    }
    let summed = length - BLOB_TAIL_BYTES;
    if adler32(&blob[..summed]) != super::bytes::u32_at(blob, summed, Order::Little)? {
        return Err(damaged(format!("package {number} has another checksum than it was written with")));
    }
    slice(blob, BLOB_HEAD_BYTES, content_bytes)
}

/// Source: RFC 1950, 8.2
pub(super) fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65521;
    let (mut a, mut b) = (1, 0);
    // 5552 bytes are the most whose sums fit 32 bits.
    for part in bytes.chunks(5552) {
        for &byte in part {
            a += u32::from(byte);
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    b << 16 | a
}
