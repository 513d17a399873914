//! Reading a database: what is asked for, and nothing else.

use std::cmp::Ordering;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::about::About;
use super::advisory::{Advisory, AdvisoryNumber, Affected, AffectedVersions, Cycle, Exploited, Likelihood};
use super::ecosystem::Ecosystem;
use super::recalled::Recalled;
use super::store::{DIGEST_BYTES, Handle, Header, LARGEST_ITEM_BYTES, Pages, Pooled, Section, Texts};
use crate::disk::{BlockSource, SourceError};
use crate::model::digest::Digest;

/// What is read at a time when all is.
const CHUNK_BYTES: u64 = 1 << 20;

/// JSON on sources; of many damaged records the first are told.
const LARGEST_ABOUT_BYTES: u64 = 64 << 20;

/// Advisories of one package, or of one id. The kernel of a release has some thousands.
const MOST_FOUND: u32 = 1 << 20;

/// A database of advisories that was built before.
///
/// Nothing but its header is read when it is opened; every question reads what answers it. Threads share it. Whoever decides by
/// it calls [`Database::verify`] first, which reads all of it, and takes as long as that does.
///
/// Its bytes are read where they are asked for (`pread`), and not mapped into memory: a mapping is unsafe in Rust, for whoever
/// writes to the file meanwhile changes what is taken for constant, or ends the process where the file is cut off (`SIGBUS`), and
/// this crate forbids unsafe code. The kernel's cache serves both; the pages that questions share are kept besides.
pub struct Database {
    pages: Pages,
    header: Header,
    digest: Digest,
    recalled: Mutex<Recalled>,
}

/// Says why a database can't be read, or built.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It is something else.
    #[error("it is no database of advisories")]
    Foreign,
    /// Another release of bakehouse built it.
    #[error("its format is {found}, and {known} is what is read; build it anew")]
    Format {
        /// Its format.
        found: u32,
        /// The one that is known.
        known: u32,
    },
    /// Its bytes don't make sense.
    #[error("it is damaged: {what}; build it anew")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Its digest is not that of its bytes.
    #[error("it is damaged: its digest is to be {wanted}, and its bytes have {found}; build it anew")]
    Digest {
        /// What it says of itself.
        wanted: Digest,
        /// What it is.
        found: Digest,
    },
    /// It holds more than the format can.
    #[error("there is more to it than a database can hold")]
    TooLarge,
    /// Its bytes can't be had.
    #[error("it can't be read")]
    Read {
        /// Why.
        #[source]
        source: SourceError,
    },
    /// It can't be written.
    #[error("it can't be written")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DatabaseError {
    pub(super) fn damaged(what: &str) -> Self {
        Self::Damaged { what: what.to_owned() }
    }
}

impl Database {
    /// Opens a database; reads its header and its digest.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] for anything that isn't one, or of another format.
    pub fn open(source: Arc<dyn BlockSource>) -> Result<Self, DatabaseError> {
        let pages = Pages::new(source);
        let size_bytes = pages.size_bytes();
        if size_bytes < Header::SIZE_BYTES + DIGEST_BYTES {
            return Err(DatabaseError::Foreign);
        }
        let header = Header::parse(&pages.bytes(0, Header::SIZE_BYTES as usize)?, size_bytes)?;
        let mut digest = [0; DIGEST_BYTES as usize];
        pages.bytes(size_bytes - DIGEST_BYTES, digest.len())?.copy_to_slice(&mut digest);
        Ok(Self { pages, header, digest: Digest::from_bytes(digest), recalled: Mutex::default() })
    }

    /// Returns the digest of the whole, which it ends with: the same inputs make the same one.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Reads all of it and compares the digest.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Digest`] when it was changed, [`DatabaseError::Read`].
    pub fn verify(&self) -> Result<(), DatabaseError> {
        let end = self.pages.size_bytes() - DIGEST_BYTES;
        let mut hasher = Sha256::new();
        for start in (0..end).step_by(CHUNK_BYTES as usize) {
            hasher.update(self.pages.unheld(start, (end - start).min(CHUNK_BYTES) as usize)?);
        }
        let found = Digest::from_bytes(hasher.finalize().into());
        if found == self.digest { Ok(()) } else { Err(DatabaseError::Digest { wanted: self.digest, found }) }
    }

    /// Tells what it was made of.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Damaged`], [`DatabaseError::Read`]; so all that follow.
    pub fn about(&self) -> Result<About, DatabaseError> {
        let (offset, length) = self.header.section(Section::About);
        if length > LARGEST_ABOUT_BYTES {
            return Err(DatabaseError::damaged("what is said of its sources is too long"));
        }
        let bytes = self.pages.unheld(offset, length as usize)?;
        serde_json::from_slice(&bytes).map_err(|error| DatabaseError::Damaged { what: format!("its sources: {error}") })
    }

    /// Returns the releases of an ecosystem that advisories are of, sorted. Of a language it is the empty one.
    pub fn releases(&self, ecosystem: Ecosystem) -> Result<Vec<String>, DatabaseError> {
        let rows = 0..self.header.rows(Section::Releases);
        let found = self.equal(Section::Releases, rows, |row: [u32; 4]| Ok(row[0].cmp(&(ecosystem as u32))))?;
        found.map(|row| self.text(self.row::<4>(Section::Releases, row)?[1])).collect()
    }

    /// Returns the packages of a release that there are advisories of, sorted.
    pub fn packages(&self, ecosystem: Ecosystem, release: &str) -> Result<Vec<String>, DatabaseError> {
        let Some(rows) = self.rows_of(ecosystem, release)? else { return Ok(Vec::new()) };
        rows.map(|row| self.text(self.row::<3>(Section::Packages, row)?[0])).collect()
    }

    /// Returns what is affected of a package, by advisory.
    ///
    /// The release is one of [`Self::releases`], word for word; none is another's beginning. The package is named as
    /// the ecosystem does: by source, or by binary package. The last answers are kept: images have packages in common.
    pub fn affected(&self, ecosystem: Ecosystem, release: &str, package: &str) -> Result<Arc<[Affected]>, DatabaseError> {
        let asked = (ecosystem, release.to_owned(), ecosystem.normalised(package));
        if let Some(known) = self.recalled().affected(&asked) {
            return Ok(known);
        }
        let found: Arc<[Affected]> = self.read_affected(&asked)?.into();
        self.recalled().keep_affected(asked, found.clone());
        Ok(found)
    }

    fn read_affected(&self, (ecosystem, release, package): &(Ecosystem, String, String)) -> Result<Vec<Affected>, DatabaseError> {
        let Some(rows) = self.rows_of(*ecosystem, release)? else { return Ok(Vec::new()) };
        let found = self.one(Section::Packages, rows, |row: [u32; 3]| self.compare(row[0], package))?;
        let Some([_, first, count]) = found else { return Ok(Vec::new()) };
        self.range(Section::Affected, first, count)?.map(|row| self.affected_at(row)).collect()
    }

    /// Returns where a release's packages stand.
    fn rows_of(&self, ecosystem: Ecosystem, release: &str) -> Result<Option<Range<u32>>, DatabaseError> {
        let rows = 0..self.header.rows(Section::Releases);
        let found =
            self.one(Section::Releases, rows, |row: [u32; 4]| Ok(row[0].cmp(&(ecosystem as u32)).then(self.compare(row[1], release)?)))?;
        found.map(|[_, _, first, count]| self.range(Section::Packages, first, count)).transpose()
    }

    fn affected_at(&self, row: u32) -> Result<Affected, DatabaseError> {
        let [advisory, details] = self.row(Section::Affected, row)?;
        Ok(Affected { advisory: AdvisoryNumber(advisory), what: AffectedVersions::of(details, self)? })
    }

    /// Returns an advisory's own id, without reading the rest.
    pub fn id(&self, number: AdvisoryNumber) -> Result<String, DatabaseError> {
        let [id, _] = self.row(Section::Advisories, number.0)?;
        self.text(id)
    }

    /// Returns an advisory. The last ones are kept.
    pub fn advisory(&self, number: AdvisoryNumber) -> Result<Arc<Advisory>, DatabaseError> {
        if let Some(known) = self.recalled().advisory(number) {
            return Ok(known);
        }
        let [_, details] = self.row(Section::Advisories, number.0)?;
        let advisory = Arc::new(Advisory::of(details, self)?);
        self.recalled().keep_advisory(number, advisory.clone());
        Ok(advisory)
    }

    /// What is kept is whole, whatever a thread was at when it ended.
    fn recalled(&self) -> MutexGuard<'_, Recalled> {
        self.recalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the advisories that have an id: as their own, among their aliases, or those that they come from or
    /// have to do with.
    pub fn named(&self, id: &str) -> Result<Vec<AdvisoryNumber>, DatabaseError> {
        let rows = 0..self.header.rows(Section::Names);
        let found = self.equal(Section::Names, rows, |row: [u32; 2]| self.compare(row[0], id))?;
        let found = self.range(Section::Names, found.start, found.end - found.start)?;
        found.map(|row| Ok(AdvisoryNumber(self.row::<2>(Section::Names, row)?[1]))).collect()
    }

    /// Tells whether a flaw is known to be used by attackers.
    pub fn exploited(&self, cve: &str) -> Result<Option<Exploited>, DatabaseError> {
        let rows = 0..self.header.rows(Section::Exploited);
        let found = self.one(Section::Exploited, rows, |row: [u32; 2]| self.compare(row[0], cve))?;
        found.map(|[_, details]| Exploited::of(details, self)).transpose()
    }

    /// Tells how likely a flaw is to be used by attackers.
    pub fn likelihood(&self, cve: &str) -> Result<Option<Likelihood>, DatabaseError> {
        if let Some(known) = self.recalled().likelihood(cve) {
            return Ok(known);
        }
        let rows = 0..self.header.rows(Section::Likelihoods);
        let found = self.one(Section::Likelihoods, rows, |row: [u32; 3]| self.compare(row[0], cve))?;
        let found = found.map(|[_, score_billionths, percentile_billionths]| Likelihood { score_billionths, percentile_billionths });
        self.recalled().keep_likelihood(cve, found);
        Ok(found)
    }

    /// Returns the series of releases of a product, by name; a product is called as endoflife.date calls it.
    pub fn cycles(&self, product: &str) -> Result<Vec<Cycle>, DatabaseError> {
        let rows = 0..self.header.rows(Section::Products);
        let found = self.one(Section::Products, rows, |row: [u32; 2]| self.compare(row[0], product))?;
        Ok(found.map(|[_, details]| Vec::of(details, self)).transpose()?.unwrap_or_default())
    }

    /// Returns the first of the sorted rows that compares as equal.
    fn one<const COLUMNS: usize>(
        &self,
        section: Section,
        rows: Range<u32>,
        compare: impl Fn([u32; COLUMNS]) -> Result<Ordering, DatabaseError>,
    ) -> Result<Option<[u32; COLUMNS]>, DatabaseError> {
        let end = rows.end;
        let at = self.partition(section, rows, |row| Ok(compare(row)?.is_lt()))?;
        if at >= end {
            return Ok(None);
        }
        let row = self.row(section, at)?;
        Ok(compare(row)?.is_eq().then_some(row))
    }

    /// Returns those of the sorted rows that compare as equal.
    fn equal<const COLUMNS: usize>(
        &self,
        section: Section,
        rows: Range<u32>,
        compare: impl Fn([u32; COLUMNS]) -> Result<Ordering, DatabaseError>,
    ) -> Result<Range<u32>, DatabaseError> {
        let start = self.partition(section, rows.clone(), |row| Ok(compare(row)?.is_lt()))?;
        let end = self.partition(section, start..rows.end, |row| Ok(compare(row)?.is_le()))?;
        Ok(start..end)
    }

    /// Returns the first row that isn't before.
    fn partition<const COLUMNS: usize>(
        &self,
        section: Section,
        rows: Range<u32>,
        is_before: impl Fn([u32; COLUMNS]) -> Result<bool, DatabaseError>,
    ) -> Result<u32, DatabaseError> {
        let Range { mut start, mut end } = rows;
        while start < end {
            let middle = start + (end - start) / 2;
            if is_before(self.row(section, middle)?)? {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        Ok(start)
    }

    fn row<const COLUMNS: usize>(&self, section: Section, row: u32) -> Result<[u32; COLUMNS], DatabaseError> {
        if row >= self.header.rows(section) || section.columns() != Some(COLUMNS as u32) {
            return Err(DatabaseError::damaged("a row is named that isn't there"));
        }
        let (offset, _) = self.header.section(section);
        let mut bytes = self.pages.bytes(offset + u64::from(row) * 4 * COLUMNS as u64, 4 * COLUMNS)?;
        Ok(std::array::from_fn(|_| bytes.get_u32_le()))
    }

    /// Checks that rows are there.
    fn range(&self, section: Section, first: u32, count: u32) -> Result<Range<u32>, DatabaseError> {
        match first.checked_add(count) {
            Some(end) if end <= self.header.rows(section) && (count <= MOST_FOUND || section == Section::Packages) => Ok(first..end),
            _ => Err(DatabaseError::damaged("rows are named that aren't there")),
        }
    }

    fn compare(&self, handle: Handle, text: &str) -> Result<Ordering, DatabaseError> {
        Ok(self.item(handle)?.as_ref().cmp(text.as_bytes()))
    }
}

/// By its digest: it is large.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Texts for Database {
    fn item(&self, handle: Handle) -> Result<Bytes, DatabaseError> {
        let (offset, length) = self.header.section(Section::Pool);
        let left = length.checked_sub(u64::from(handle)).ok_or_else(|| DatabaseError::damaged("a text is named that isn't there"))?;
        let at = offset + u64::from(handle);
        // A length has four bytes at most: more than what is allowed.
        let head = self.pages.bytes(at, left.min(4) as usize)?;
        let mut rest = head.as_ref();
        let item_length = super::store::read_number(&mut rest).filter(|&length| length <= LARGEST_ITEM_BYTES as u64);
        let head_bytes = (head.len() - rest.len()) as u64;
        match item_length {
            Some(item_length) if head_bytes + item_length <= left => self.pages.bytes(at + head_bytes, item_length as usize),
            _ => Err(DatabaseError::damaged("a text is longer than what holds it")),
        }
    }
}
