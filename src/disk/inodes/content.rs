//! A file's bytes: in its inode, or in extents on the disk with holes between them.

use std::ops::ControlFlow;

use super::super::fault::Fault;

/// The most that is read and handed out at once.
const PIECE_BYTES: usize = 256 << 10;

/// Reads bytes of the disk at a place.
pub(in super::super) type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> Result<(), Fault>;

/// A run of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Extent {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    pub length: u64,
    /// Where it lies on the disk, in bytes; none for what is allocated but was never written, which reads as zeros.
    pub place: Option<u64>,
}

impl Extent {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// Where a regular file's bytes are.
#[derive(Debug)]
pub(in super::super) struct Content {
    pub size_bytes: u64,
    pub stored: Stored,
}

#[derive(Debug)]
pub(in super::super) enum Stored {
    /// The bytes themselves.
    Inline(Vec<u8>),
    /// In the file's order, none over another.
    Extents(Vec<Extent>),
}

impl Content {
    /// Hands out all bytes; holes and what was never written are zeros.
    pub fn stream(&self, read_at: ReadAt<'_>, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Fault> {
        let mut buffer = vec![0; self.size_bytes.min(PIECE_BYTES as u64) as usize];
        let mut position = 0;
        while position < self.size_bytes {
            let length = self.read(position, read_at, &mut buffer)?;
            // At least one byte, as the position lies in the file.
            if length == 0 || sink(&buffer[..length]).is_break() {
                break;
            }
            position += length as u64;
        }
        Ok(())
    }

    /// Fills the buffer from a place in the file on; returns how many bytes there were.
    pub fn read(&self, offset: u64, read_at: ReadAt<'_>, buffer: &mut [u8]) -> Result<usize, Fault> {
        let length = self.size_bytes.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let wanted = &mut buffer[..length];
        match &self.stored {
            Stored::Inline(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let there = length.min(bytes.len() - start);
                wanted[..there].copy_from_slice(&bytes[start..start + there]);
                wanted[there..].fill(0);
            }
            Stored::Extents(extents) => read_extents(extents, offset, read_at, wanted)?,
        }
        Ok(length)
    }
}

fn read_extents(extents: &[Extent], offset: u64, read_at: ReadAt<'_>, buffer: &mut [u8]) -> Result<(), Fault> {
    let first = extents.partition_point(|extent| extent.end() <= offset);
    let (mut at, mut rest) = (offset, buffer);
    for extent in extents.iter().skip(first) {
        let hole = extent.offset.saturating_sub(at).min(rest.len() as u64) as usize;
        rest[..hole].fill(0);
        rest = &mut rest[hole..];
        at += hole as u64;
        if rest.is_empty() {
            return Ok(());
        }
        let length = extent.end().saturating_sub(at).min(rest.len() as u64) as usize;
        let (now, later) = rest.split_at_mut(length);
        match extent.place {
            // The extent lies in the disk, so that this does not overflow.
            Some(place) => read_at(place + (at - extent.offset), now)?,
            None => now.fill(0),
        }
        (at, rest) = (at + length as u64, later);
    }
    rest.fill(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        let extent = |offset, length, place| Extent { offset, length, place };
        Content { size_bytes: 40, stored: Stored::Extents(vec![extent(4, 4, Some(100)), extent(8, 4, None), extent(16, 100, Some(50))]) }
    }

    /// A disk whose bytes are their own places.
    fn places(place: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        buffer.iter_mut().zip(place..).for_each(|(byte, place)| *byte = place as u8);
        Ok(())
    }

    #[test]
    fn holes_and_what_was_never_written_are_zeros() {
        let expected = [vec![0; 4], vec![100, 101, 102, 103], vec![0; 8], (50..74).collect()].concat();
        for start in 0..45_usize {
            for length in 0..45 {
                let mut buffer = vec![9; length];
                let count = content().read(start as u64, &places, &mut buffer).unwrap();
                let end = (start + length).min(40).max(start.min(40));
                assert_eq!(buffer[..count], expected[start.min(40)..end]);
            }
        }
        let mut streamed = Vec::new();
        content()
            .stream(&places, &mut |piece| {
                streamed.extend_from_slice(piece);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(streamed, expected);
    }
}
