//! How long an image's file must be, told by its reference counts: they are looked at for nothing else.
//!
//! Source: <https://www.qemu.org/docs/master/interop/qcow2.html> (host cluster management)

use super::super::bytes::Bytes;
use super::super::source::BlockSource;
use super::header::Header;

/// What QEMU reads of the table at most.
const MOST_TABLE_BYTES: u64 = 8 << 20;

/// Bits of an entry that are no part of its offset.
const RESERVED: u64 = 0x1ff;

/// Returns how many bytes the file needs to hold the beginning of the last cluster in use, or of a table of counts; none where the
/// counts don't tell.
///
/// Of the last cluster there may be less than all: what follows in it was never written.
pub fn least_bytes(image: &dyn BlockSource, header: &Header) -> Option<u64> {
    let cluster_size = header.cluster_size() as u64;
    let length = u64::from(header.refcount_table_clusters).checked_mul(cluster_size).filter(|length| *length <= MOST_TABLE_BYTES)?;
    let table = match read(image, header.refcount_table_offset, length)? {
        Ok(table) => table,
        Err(end) => return Some(end),
    };
    let entries = table.chunks_exact(8).map(|entry| Bytes(entry).u64(0).unwrap_or_default() & !RESERVED);
    let (index, block) = (0_u64..).zip(entries).filter(|(_, block)| *block != 0).last()?;
    let counts = match read(image, block, cluster_size)? {
        Ok(counts) => counts,
        Err(end) => return Some(end),
    };
    let last = counts.iter().rposition(|&byte| byte != 0)? as u64;
    let of_block = |bytes: u64| (bytes * 8) >> header.refcount_order;
    let cluster = index.checked_mul(of_block(cluster_size))?.checked_add(of_block(last))?;
    cluster.checked_mul(cluster_size)?.checked_add(1)
}

/// Reads a stretch of the file; where that ends before it does, its end. None if neither can be.
fn read(image: &dyn BlockSource, offset: u64, length: u64) -> Option<Result<Vec<u8>, u64>> {
    let end = offset.checked_add(length)?;
    if end > image.size_bytes() {
        return Some(Err(end));
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    image.read_at(offset, &mut bytes).ok()?;
    Some(Ok(bytes))
}
