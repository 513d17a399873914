//! Where things lie in the file.

use super::super::database::DatabaseError;

/// What a database begins with.
pub const MAGIC: &[u8; 12] = b"bakehouse-db";

/// The only format there is. A database of another one is built anew, never read.
const FORMAT: u32 = 1;

/// What the file ends with: the SHA-256 of all before.
pub(crate) const DIGEST_BYTES: u64 = 32;

/// A text, or the details of an advisory or a package: kernels have some ten thousand binary packages.
pub(crate) const LARGEST_ITEM_BYTES: usize = 4 << 20;

/// The parts of the file, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// JSON: [`super::super::About`].
    About,
    /// Texts and details: length, bytes.
    Pool,
    /// Ecosystem, release, first package, packages.
    Releases,
    /// Name, first affected, affected.
    Packages,
    /// Advisory, details.
    Affected,
    /// Id, details.
    Advisories,
    /// Any id, an advisory that names it.
    Names,
    /// CVE, details.
    Exploited,
    /// CVE, score, percentile.
    Likelihoods,
    /// Product, details of its cycles.
    Products,
}

impl Section {
    pub(crate) const ALL: [Self; 10] = [
        Self::About,
        Self::Pool,
        Self::Releases,
        Self::Packages,
        Self::Affected,
        Self::Advisories,
        Self::Names,
        Self::Exploited,
        Self::Likelihoods,
        Self::Products,
    ];

    /// Returns how many numbers a row has; none for bytes.
    pub(crate) fn columns(self) -> Option<u32> {
        match self {
            Self::About | Self::Pool => None,
            Self::Releases => Some(4),
            Self::Packages | Self::Likelihoods => Some(3),
            Self::Affected | Self::Advisories | Self::Names | Self::Exploited | Self::Products => Some(2),
        }
    }
}

/// Where the sections lie.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    sections: [(u64, u64); Section::ALL.len()],
}

impl Header {
    pub(crate) const SIZE_BYTES: u64 = 16 + 16 * Section::ALL.len() as u64;

    /// Lays sections of these lengths (in bytes) one after the other.
    pub(crate) fn of_lengths(lengths: [u64; Section::ALL.len()]) -> Self {
        let mut at = Self::SIZE_BYTES;
        Self {
            sections: lengths.map(|length| {
                at += length;
                (at - length, length)
            }),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        for (offset, length) in self.sections {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(length.to_le_bytes());
        }
        bytes
    }

    /// Reads a header; sections lie in the file, and tables are of whole rows that can be counted in 32 bits.
    pub(crate) fn parse(bytes: &[u8], size_bytes: u64) -> Result<Self, DatabaseError> {
        let damaged = DatabaseError::damaged;
        if bytes.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
            return Err(DatabaseError::Foreign);
        }
        let mut rest = &bytes[MAGIC.len()..];
        let (format, after) = rest.split_first_chunk().ok_or_else(|| damaged("its header is cut off"))?;
        rest = after;
        let format = u32::from_le_bytes(*format);
        if format != FORMAT {
            return Err(DatabaseError::Format { found: format, known: FORMAT });
        }
        let mut number = || {
            let (number, after) = rest.split_first_chunk()?;
            rest = after;
            Some(u64::from_le_bytes(*number))
        };
        let mut sections = [(0, 0); Section::ALL.len()];
        for (section, place) in Section::ALL.into_iter().zip(&mut sections) {
            let (Some(offset), Some(length)) = (number(), number()) else { return Err(damaged("its header is cut off")) };
            let end = offset.checked_add(length);
            let inside = offset >= Self::SIZE_BYTES && end.is_some_and(|end| end <= size_bytes.saturating_sub(DIGEST_BYTES));
            let row_bytes = section.columns().map_or(1, |columns| u64::from(columns) * 4);
            if !inside || length % row_bytes != 0 || length / row_bytes > u64::from(u32::MAX) {
                return Err(damaged("a section doesn't lie in it"));
            }
            *place = (offset, length);
        }
        Ok(Self { sections })
    }

    /// Returns a section's place and length in bytes.
    pub(crate) fn section(&self, section: Section) -> (u64, u64) {
        self.sections[section as usize]
    }

    /// Returns how many rows a table has.
    pub(crate) fn rows(&self, section: Section) -> u32 {
        let (_, length) = self.section(section);
        // Whole rows, few enough: `parse` looked.
        section.columns().map_or(0, |columns| u32::try_from(length / (u64::from(columns) * 4)).unwrap_or(u32::MAX))
    }
}
