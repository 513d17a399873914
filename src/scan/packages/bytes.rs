//! Looking into a database's bytes, none of which is trusted: every access is checked, and what is collected is
//! bounded by the database's own size.

/// Why a database, or a part of one, can't be read; a lower-case fragment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::scan) struct Damaged(pub(in crate::scan) String);

/// Makes the error for what is wrong.
pub(in crate::scan) fn damaged(why: impl Into<String>) -> Damaged {
    Damaged(why.into())
}

/// The order of bytes in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Order {
    Little,
    Big,
}

/// Returns `length` bytes at a place.
pub(in crate::scan) fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Damaged> {
    let end = at.checked_add(length);
    end.and_then(|end| bytes.get(at..end)).ok_or_else(|| damaged(format!("{length} bytes at {at} are beyond its end")))
}

/// Returns a number of two bytes.
pub(in crate::scan) fn u16_at(bytes: &[u8], at: usize, order: Order) -> Result<u16, Damaged> {
    let pair = slice(bytes, at, 2)?;
    let pair = [pair[0], pair[1]];
    Ok(if order == Order::Little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
}

/// Returns a number of four bytes.
pub(in crate::scan) fn u32_at(bytes: &[u8], at: usize, order: Order) -> Result<u32, Damaged> {
    let four = slice(bytes, at, 4)?;
    let four = [four[0], four[1], four[2], four[3]];
    Ok(if order == Order::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
}

/// Returns a number of eight bytes.
pub(in crate::scan) fn u64_at(bytes: &[u8], at: usize, order: Order) -> Result<u64, Damaged> {
    let (first, second) = (u32_at(bytes, at, order)?, u32_at(bytes, at.saturating_add(4), order)?);
    let (low, high) = if order == Order::Little { (first, second) } else { (second, first) };
    Ok(u64::from(high) << 32 | u64::from(low))
}

/// Returns a number of four bytes as a place or a length.
pub(in crate::scan) fn size_at(bytes: &[u8], at: usize, order: Order) -> Result<usize, Damaged> {
    usize::try_from(u32_at(bytes, at, order)?).map_err(|_| damaged(format!("the number at {at} is too large")))
}

/// The longest entry that is read: the header of a package with 100,000 files has some 15 MB.
const LONGEST_ENTRY_BYTES: usize = 64 << 20;

/// What may still be copied out of a database. A hostile one may point to the same bytes many times; an honest one
/// holds no byte twice.
pub(in crate::scan) struct Budget {
    left: usize,
}

impl Budget {
    /// Allows as much as the database is long.
    pub(in crate::scan) fn of(database_bytes: usize) -> Self {
        Self { left: database_bytes }
    }

    /// Takes an entry from the budget.
    pub(in crate::scan) fn take(&mut self, length: usize) -> Result<(), Damaged> {
        if length > LONGEST_ENTRY_BYTES {
            return Err(damaged(format!("an entry of {length} bytes is longer than the {LONGEST_ENTRY_BYTES} that are read")));
        }
        self.left = self.left.checked_sub(length).ok_or_else(|| damaged("its entries are longer than itself"))?;
        Ok(())
    }
}

/// Pages that were visited: none is twice, so that every walk ends.
pub(in crate::scan) struct Visited {
    pages: Vec<bool>,
}

impl Visited {
    /// None of `count` pages.
    pub(in crate::scan) fn none_of(count: usize) -> Self {
        Self { pages: vec![false; count] }
    }

    /// Notes a page, counted from 0.
    pub(in crate::scan) fn visit(&mut self, page: usize) -> Result<(), Damaged> {
        match self.pages.get_mut(page) {
            Some(visited) if !*visited => {
                *visited = true;
                Ok(())
            }
            Some(_) => Err(damaged(format!("page {page} is used twice"))),
            None => Err(damaged(format!("page {page} is beyond its end"))),
        }
    }
}
