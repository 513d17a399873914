//! Writing a database: of what was collected, each advisory once, all sorted, the same bytes for the same inputs.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use sha2::{Digest as _, Sha256};

use super::about::{About, Counts};
use super::advisory::{Advisory, AffectedVersions, Cycle};
use super::build::{Builder, Staged, StagedOf};
use super::database::DatabaseError;
use super::store::{Handle, Header, Pool, Pooled, Section};
use crate::model::digest::Digest;

impl Builder {
    /// Writes the database; whoever calls sees to it that it takes the old one's place only when it is whole. Returns
    /// its digest, and what it says of itself.
    ///
    /// The label is what it says of itself to whoever reads it, such as that it is a sample.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Write`], [`DatabaseError::TooLarge`].
    pub fn finish(mut self, label: Option<String>, to: &mut dyn Write) -> Result<(Digest, About), DatabaseError> {
        let mut tables = Tables { pool: Pool::new(), rows: BTreeMap::new() };
        let numbers = self.write_advisories(&mut tables)?;
        let releases = self.write_affected(&numbers, &mut tables)?;
        self.write_signals(&mut tables)?;
        let count = |section: Section| tables.count(section);
        let counts = Counts {
            advisories: count(Section::Advisories),
            packages: count(Section::Packages),
            affected: count(Section::Affected),
            exploited: count(Section::Exploited),
            likelihoods: count(Section::Likelihoods),
            cycles: self.cycles.values().map(|cycles| cycles.len() as u64).sum(),
        };
        self.sources.sort_by(|a, b| (&a.file, a.digest.as_bytes()).cmp(&(&b.file, b.digest.as_bytes())));
        let about = About { label, sources: self.sources, counts, releases };
        let digest = tables.write(&about, to)?;
        Ok((digest, about))
    }

    /// Writes each advisory once, by id, and the names of all; returns the number of each that was staged and counts.
    fn write_advisories(&self, tables: &mut Tables) -> Result<Vec<Option<u32>>, DatabaseError> {
        let mut by_id: Vec<u32> = (0..self.advisories.len() as u32).collect();
        let staged = |number: u32| &self.advisories[number as usize];
        by_id.sort_unstable_by(|&a, &b| self.pool.get(staged(a).id).cmp(self.pool.get(staged(b).id)));
        let mut numbers = vec![None; self.advisories.len()];
        let (mut names, mut next) = (Vec::new(), 0);
        for same in by_id.chunk_by(|&a, &b| staged(a).id == staged(b).id) {
            let counted = counted(same, staged);
            let Some(advisory) = self.best(&counted)? else { continue };
            counted.iter().for_each(|&number| numbers[number as usize] = Some(next));
            let id = tables.pool.add(advisory.id.as_bytes())?;
            let details = advisory.add(&mut tables.pool)?;
            tables.row(Section::Advisories, &[id, details]);
            for name in [&advisory.aliases, &advisory.upstream, &advisory.related].into_iter().flatten().chain([&advisory.id]) {
                names.push((tables.pool.add(name.as_bytes())?, next));
            }
            next += 1;
        }
        let ranks = ranks(names.iter().map(|(name, _)| *name), &tables.pool);
        names.sort_unstable_by_key(|(name, number)| (ranks[name], *number));
        names.dedup();
        names.into_iter().for_each(|(name, number)| tables.row(Section::Names, &[name, number]));
        Ok(numbers)
    }

    /// Of those that count the one whose words are kept: the last modified.
    fn best(&self, counted: &[u32]) -> Result<Option<Advisory>, DatabaseError> {
        let details = counted.iter().map(|&number| Advisory::of(self.advisories[number as usize].details, &self.pool));
        let advisories = details.collect::<Result<Vec<Advisory>, _>>()?;
        Ok(advisories.into_iter().max_by(|a, b| (a.modified, a).cmp(&(b.modified, b))))
    }

    /// Writes releases, packages and what is affected of them; returns how many advisories each release has.
    fn write_affected(&self, numbers: &[Option<u32>], tables: &mut Tables) -> Result<Counted, DatabaseError> {
        let texts = self.affected.iter().flat_map(|of| [of.release, of.package]);
        let ranks = ranks(texts, &self.pool);
        let staged = self.affected.iter().filter_map(|of| Some((numbers[of.advisory as usize]?, of)));
        let mut rows: Vec<(u32, &StagedOf)> = staged.collect();
        rows.sort_unstable_by_key(|(number, of)| (of.ecosystem, ranks[&of.release], ranks[&of.package], *number, of.details));
        rows.dedup_by_key(|(number, of)| (of.ecosystem, of.release, of.package, *number, of.details));
        let mut counted = BTreeMap::<_, BTreeMap<_, _>>::new();
        for of_release in rows.chunk_by(|(_, a), (_, b)| (a.ecosystem, a.release) == (b.ecosystem, b.release)) {
            let (_, StagedOf { ecosystem, release, .. }) = of_release[0];
            let text = self.pool.get(*release);
            let first = tables.count(Section::Packages) as u32;
            for of_package in of_release.chunk_by(|(_, a), (_, b)| a.package == b.package) {
                self.write_package(of_package, tables)?;
            }
            let packages = tables.count(Section::Packages) as u32 - first;
            let release = tables.pool.add(text)?;
            tables.row(Section::Releases, &[*ecosystem as u32, release, first, packages]);
            let mut advisories: Vec<u32> = of_release.iter().map(|(number, _)| *number).collect();
            advisories.sort_unstable();
            advisories.dedup();
            let releases = counted.entry(ecosystem.to_string()).or_default();
            releases.insert(String::from_utf8_lossy(text).into_owned(), advisories.len() as u64);
        }
        Ok(counted)
    }

    fn write_package(&self, rows: &[(u32, &StagedOf)], tables: &mut Tables) -> Result<(), DatabaseError> {
        let first = tables.count(Section::Affected) as u32;
        for same in rows.chunk_by(|(a, _), (b, _)| a == b) {
            let mut details = same.iter().map(|(_, of)| AffectedVersions::of(of.details, &self.pool)).collect::<Result<Vec<_>, _>>()?;
            // Handles tell which came first; what they stand for doesn't.
            details.sort_unstable();
            for what in merged(details) {
                let details = what.add(&mut tables.pool)?;
                tables.row(Section::Affected, &[same[0].0, details]);
            }
        }
        let name = tables.pool.add(self.pool.get(rows[0].1.package))?;
        let count = tables.count(Section::Affected) as u32 - first;
        tables.row(Section::Packages, &[name, first, count]);
        Ok(())
    }

    fn write_signals(&self, tables: &mut Tables) -> Result<(), DatabaseError> {
        for (cve, flaw) in &self.exploited {
            let (cve, details) = (tables.pool.add(cve.as_bytes())?, flaw.add(&mut tables.pool)?);
            tables.row(Section::Exploited, &[cve, details]);
        }
        let mut likelihoods: Vec<_> = self.likelihoods.iter().map(|(&cve, (_, likelihood))| (self.pool.get(cve), likelihood)).collect();
        likelihoods.sort_unstable();
        for (cve, likelihood) in likelihoods {
            let cve = tables.pool.add(cve)?;
            tables.row(Section::Likelihoods, &[cve, likelihood.score_billionths, likelihood.percentile_billionths]);
        }
        for (product, cycles) in &self.cycles {
            let cycles: Vec<Cycle> = cycles.values().cloned().collect();
            let (product, details) = (tables.pool.add(product.as_bytes())?, cycles.add(&mut tables.pool)?);
            tables.row(Section::Products, &[product, details]);
        }
        Ok(())
    }
}

/// Advisories by ecosystem and release.
type Counted = BTreeMap<String, BTreeMap<String, u64>>;

/// Of advisories of one id those that count: the last modified, unless that one is withdrawn; where each of them is a part
/// of the same, all.
fn counted<'a>(same: &[u32], staged: impl Fn(u32) -> &'a Staged) -> Vec<u32> {
    let last = same.iter().map(|&number| (staged(number).modified, staged(number).withdrawn)).max();
    let counts = |number: &u32| {
        let it = staged(*number);
        !it.withdrawn && (it.partial || last.is_some_and(|(modified, withdrawn)| !withdrawn && it.modified == modified))
    };
    same.iter().copied().filter(counts).collect()
}

/// What is the same but for the architecture becomes one.
fn merged(details: Vec<AffectedVersions>) -> Vec<AffectedVersions> {
    let mut merged: Vec<AffectedVersions> = Vec::new();
    for mut what in details {
        let architectures = std::mem::take(&mut what.architectures);
        let same = merged.iter_mut().find(|known| {
            known.architectures.is_empty() == architectures.is_empty()
                && AffectedVersions { architectures: Vec::new(), ..(*known).clone() } == what
        });
        match same {
            Some(known) => known.architectures.extend(architectures),
            None => merged.push(AffectedVersions { architectures, ..what }),
        }
    }
    for what in &mut merged {
        what.architectures.sort_unstable();
        what.architectures.dedup();
    }
    merged
}

/// Returns the place of each text in their order: comparing numbers is faster, and there are many.
fn ranks(handles: impl Iterator<Item = Handle>, pool: &Pool) -> HashMap<Handle, u32> {
    let mut handles: Vec<Handle> = handles.collect();
    handles.sort_unstable();
    handles.dedup();
    handles.sort_unstable_by_key(|&handle| pool.get(handle));
    handles.into_iter().zip(0..).collect()
}

/// The tables as they are filled, and the texts that they name.
struct Tables {
    pool: Pool,
    rows: BTreeMap<u8, Vec<u8>>,
}

impl Tables {
    fn row(&mut self, section: Section, numbers: &[u32]) {
        let bytes = self.rows.entry(section as u8).or_default();
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    }

    fn bytes(&self, section: Section) -> &[u8] {
        self.rows.get(&(section as u8)).map_or(&[], Vec::as_slice)
    }

    /// Returns how many rows a table has.
    fn count(&self, section: Section) -> u64 {
        section.columns().map_or(0, |columns| self.bytes(section).len() as u64 / (u64::from(columns) * 4))
    }

    fn write(&self, about: &About, to: &mut dyn Write) -> Result<Digest, DatabaseError> {
        // Strings, numbers and times: nothing of it can't be JSON.
        let about = serde_json::to_vec(about).map_err(|error| DatabaseError::Write { source: error.into() })?;
        let sections = Section::ALL.map(|section| match section {
            Section::About => about.as_slice(),
            Section::Pool => self.pool.as_bytes(),
            table => self.bytes(table),
        });
        if Section::ALL.iter().any(|&section| self.count(section) > u64::from(u32::MAX)) {
            return Err(DatabaseError::TooLarge);
        }
        let header = Header::of_lengths(sections.map(|bytes| bytes.len() as u64)).to_bytes();
        let mut hasher = Sha256::new();
        for bytes in std::iter::once(header.as_slice()).chain(sections) {
            hasher.update(bytes);
            to.write_all(bytes).map_err(|source| DatabaseError::Write { source })?;
        }
        let digest = Digest::from_bytes(hasher.finalize().into());
        to.write_all(digest.as_bytes()).map_err(|source| DatabaseError::Write { source })?;
        Ok(digest)
    }
}
