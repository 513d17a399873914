//! Building a database: inputs are read one after the other, what they say is collected, sorted and written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, Read as _};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::about::{Fault, Source, SourceKind, Stock};
use super::advisory::{Advisory, Cycle, Event, Exploited, Likelihood};
use super::database::DatabaseError;
use super::ecosystem::Ecosystem;
use super::licence::licence;
use super::sources::{self, Opened, Record, RecordOf};
use super::store::{Handle, Pool, Pooled};
use crate::disk::BlockSource;
use crate::model::digest::Digest;

/// Faults that are kept of an input; those after are counted.
const MOST_FAULTS: usize = 100_000;

/// What is shown of a bound that is no version.
const MOST_SHOWN_CHARS: usize = 60;

/// Something that a database is built of.
pub struct Input<'a> {
    /// What it is called, in faults and among the sources: a path below the folder that it is from.
    pub file: String,
    /// Where it was had from, if that is known.
    pub url: Option<String>,
    /// When it was had from there, if that is known.
    pub retrieved: Option<Timestamp>,
    /// What it holds.
    pub content: Content<'a>,
}

/// What an input holds.
pub enum Content<'a> {
    /// A file, whose bytes tell what it is.
    File(&'a dyn BlockSource),
    /// OSV records one by one, as a folder holds them: name and JSON, in the order of their names. They are one input.
    Records(&'a mut dyn Iterator<Item = (String, io::Result<Vec<u8>>)>),
}

/// Collects what inputs say, in bounded room: about a kilobyte for an advisory.
pub struct Builder {
    pub(super) pool: Pool,
    pub(super) advisories: Vec<Staged>,
    pub(super) affected: Vec<StagedOf>,
    pub(super) exploited: BTreeMap<String, Exploited>,
    /// With the time of the scores.
    pub(super) likelihoods: HashMap<Handle, (Option<Timestamp>, Likelihood)>,
    pub(super) cycles: BTreeMap<String, BTreeMap<String, Cycle>>,
    pub(super) sources: Vec<Source>,
    misnumbered: BTreeMap<Ecosystem, Misnumbered>,
}

/// Bounds of ranges that can't be versions in their ecosystem. They are kept; no version is free of a flaw by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misnumbered {
    /// How many there are.
    pub count: u64,
    /// The input of the first.
    pub file: String,
    /// Its record's id.
    pub record: String,
    /// The bound.
    pub value: String,
}

/// An advisory as one input has it.
pub(super) struct Staged {
    pub(super) id: Handle,
    pub(super) details: Handle,
    pub(super) modified: Timestamp,
    pub(super) withdrawn: bool,
    /// Files of it each have a part: they add to each other.
    pub(super) partial: bool,
}

/// What one input's advisory says of one package.
#[derive(Clone, Copy)]
pub(super) struct StagedOf {
    pub(super) ecosystem: Ecosystem,
    pub(super) release: Handle,
    pub(super) package: Handle,
    /// Its place among those staged.
    pub(super) advisory: u32,
    pub(super) details: Handle,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Begins with nothing.
    pub fn new() -> Self {
        Self {
            pool: Pool::new(),
            advisories: Vec::new(),
            affected: Vec::new(),
            exploited: BTreeMap::new(),
            likelihoods: HashMap::new(),
            cycles: BTreeMap::new(),
            sources: Vec::new(),
            misnumbered: BTreeMap::new(),
        }
    }

    /// Reads an input. What of it can't be read is left out and told by [`Self::faults`]; the rest counts.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::TooLarge`].
    pub fn add(&mut self, input: Input<'_>) -> Result<(), DatabaseError> {
        let mut tally = Tally::new(&input);
        match input.content {
            Content::File(bytes) => {
                tally.source.size_bytes = bytes.size_bytes();
                match digest(bytes) {
                    Ok(digest) => tally.source.digest = digest,
                    Err(error) => tally.fault_of(error.to_string()),
                }
                self.add_file(bytes, &mut tally)?;
            }
            Content::Records(records) => self.add_records(records, &mut tally)?,
        }
        self.sources.push(tally.source);
        Ok(())
    }

    /// Returns what can't be read, of all inputs, in their order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.sources.iter().flat_map(|source| &source.faults)
    }

    /// Returns how much can't be read: more than [`Self::faults`] has, where there is very much.
    pub fn damaged(&self) -> u64 {
        self.sources.iter().map(|source| source.damaged).sum()
    }

    /// Returns how many bounds of ranges can't be versions, by ecosystem, with the first of each.
    pub fn misnumbered(&self) -> &BTreeMap<Ecosystem, Misnumbered> {
        &self.misnumbered
    }

    /// Tells whether nothing that a database is asked for was in the inputs.
    pub fn is_empty(&self) -> bool {
        self.advisories.is_empty() && self.exploited.is_empty() && self.likelihoods.is_empty() && self.cycles.is_empty()
    }

    fn add_file(&mut self, bytes: &dyn BlockSource, tally: &mut Tally) -> Result<(), DatabaseError> {
        let file = tally.source.file.clone();
        match sources::open(bytes) {
            Err(error) => tally.fault_of(error.to_string()),
            Ok(Opened::Archive) => {
                let mut outcome = Ok(());
                let others = sources::for_each_record(&file, bytes, |entry, json| match json {
                    Ok(json) if outcome.is_ok() => outcome = self.add_json(Some(entry), json, tally),
                    Ok(_) => {}
                    Err(fault) => tally.fault(fault),
                });
                outcome?;
                match others {
                    Ok(others) => tally.source.foreign += others,
                    Err(fault) => tally.fault(fault),
                }
            }
            Ok(Opened::Text(kind, mut text)) => {
                tally.source.kind = kind;
                self.add_text(kind, text.as_mut(), tally)?;
            }
        }
        Ok(())
    }

    fn add_text(&mut self, kind: SourceKind, text: &mut dyn BufRead, tally: &mut Tally) -> Result<(), DatabaseError> {
        let file = tally.source.file.clone();
        match kind {
            SourceKind::Osv => match sources::read_one(text) {
                Ok(json) => self.add_json(None, &json, tally)?,
                Err(error) => tally.fault_of(error.to_string()),
            },
            SourceKind::Updateinfo => {
                let mut outcome = Ok(());
                let end = sources::read_updateinfo(&file, text, |record| match record {
                    Ok(record) if outcome.is_ok() => outcome = self.add_record(&record, true, tally),
                    Ok(_) => {}
                    Err(fault) => tally.fault(fault),
                });
                outcome?;
                end.unwrap_or_else(|fault| tally.fault(fault));
            }
            SourceKind::Kev => match sources::read_kev(&file, text) {
                Ok(kev) => {
                    tally.source.records += kev.flaws.len() as u64;
                    tally.newest(kev.released);
                    for (cve, flaw) in kev.flaws {
                        // Of two catalogues the later date of a flaw counts, whichever is read first.
                        let known = self.exploited.entry(cve).or_insert_with(|| flaw.clone());
                        *known = flaw.max(known.clone());
                    }
                }
                Err(fault) => tally.fault(fault),
            },
            SourceKind::Epss => {
                let epss = sources::read_epss(&file, text);
                tally.source.records += epss.flaws.len() as u64;
                epss.scored.into_iter().for_each(|scored| tally.newest(scored));
                for (cve, likelihood) in epss.flaws {
                    let known = self.likelihoods.entry(self.pool.add(cve.as_bytes())?).or_insert((epss.scored, likelihood));
                    *known = (epss.scored, likelihood).max(*known);
                }
                epss.faults.into_iter().for_each(|fault| tally.fault(fault));
            }
            SourceKind::EndOfLife => match sources::read_end_of_life(&file, text) {
                Ok(found) => self.add_cycles(found, tally),
                Err(fault) => tally.fault(fault),
            },
            SourceKind::DistroInfo => self.add_cycles(sources::read_distro_info(&file, text), tally),
        }
        Ok(())
    }

    fn add_cycles(&mut self, found: sources::EndOfLife, tally: &mut Tally) {
        tally.source.records += found.cycles.len() as u64;
        found.newest.into_iter().for_each(|time| tally.newest(time));
        for (product, cycle) in found.cycles {
            let cycles = self.cycles.entry(product).or_default();
            // Of two tables the later end counts, whichever is read first: both are right, one is newer.
            let known = cycles.entry(cycle.name.clone()).or_insert_with(|| cycle.clone());
            if (cycle.security, cycle.extended, cycle.released) > (known.security, known.extended, known.released) {
                *known = cycle;
            }
        }
        found.faults.into_iter().for_each(|fault| tally.fault(fault));
    }

    /// The digest is over names and digests: the folder's files, however they are packed.
    fn add_records(
        &mut self,
        records: &mut dyn Iterator<Item = (String, io::Result<Vec<u8>>)>,
        tally: &mut Tally,
    ) -> Result<(), DatabaseError> {
        let mut hasher = Sha256::new();
        for (name, json) in records {
            match json {
                Ok(json) => {
                    tally.source.size_bytes += json.len() as u64;
                    hasher.update((name.len() as u64).to_le_bytes());
                    hasher.update(name.as_bytes());
                    hasher.update(Digest::of(&json).as_bytes());
                    self.add_json(Some(&name), &json, tally)?;
                }
                Err(error) => {
                    let (file, reason) = (tally.source.file.clone(), error.to_string());
                    tally.fault(Fault { file, record: Some(name), place: None, reason });
                }
            }
        }
        tally.source.digest = Digest::from_bytes(hasher.finalize().into());
        Ok(())
    }

    fn add_json(&mut self, entry: Option<&str>, json: &[u8], tally: &mut Tally) -> Result<(), DatabaseError> {
        match sources::read_record(&tally.source.file, entry, json) {
            Ok(record) => self.add_record(&record, false, tally),
            Err(fault) => {
                tally.fault(fault);
                Ok(())
            }
        }
    }

    fn count_misnumbered(&mut self, record: &Record, file: &str) {
        for of in &record.affected {
            let order = of.ecosystem.order();
            for value in of.what.ranges.iter().flatten().filter_map(bound).filter(|version| !order.is_version(version)) {
                let first = || Misnumbered {
                    count: 0,
                    file: file.to_owned(),
                    record: record.advisory.id.clone(),
                    value: value.chars().take(MOST_SHOWN_CHARS).collect(),
                };
                self.misnumbered.entry(of.ecosystem).or_insert_with(first).count += 1;
            }
        }
    }

    fn add_record(&mut self, record: &Record, partial: bool, tally: &mut Tally) -> Result<(), DatabaseError> {
        let Record { advisory, withdrawn, affected } = record;
        tally.record(advisory, *withdrawn, affected);
        self.count_misnumbered(record, &tally.source.file);
        if affected.is_empty() && !withdrawn {
            return Ok(());
        }
        let number = u32::try_from(self.advisories.len()).map_err(|_| DatabaseError::TooLarge)?;
        self.advisories.push(Staged {
            id: self.pool.add(advisory.id.as_bytes())?,
            details: advisory.add(&mut self.pool)?,
            modified: advisory.modified,
            withdrawn: *withdrawn,
            partial,
        });
        for of in affected {
            self.affected.push(StagedOf {
                ecosystem: of.ecosystem,
                release: self.pool.add(of.release.as_bytes())?,
                package: self.pool.add(of.package.as_bytes())?,
                advisory: number,
                details: of.what.add(&mut self.pool)?,
            });
        }
        Ok(())
    }
}

/// Returns the version that an event names; none of one that names none or all.
fn bound(event: &Event) -> Option<&str> {
    match event {
        Event::Introduced(version) | Event::Fixed(version) | Event::LastAffected(version) => Some(version),
        Event::Limit(version) => Some(version.as_str()).filter(|version| *version != "*"),
    }
}

/// What is counted of an input while it is read.
struct Tally {
    source: Source,
}

impl Tally {
    fn new(input: &Input<'_>) -> Self {
        Self {
            source: Source {
                file: input.file.clone(),
                kind: SourceKind::Osv,
                url: input.url.clone(),
                retrieved: input.retrieved,
                newest: None,
                size_bytes: 0,
                digest: Digest::of([]),
                records: 0,
                withdrawn: 0,
                foreign: 0,
                ecosystems: BTreeMap::new(),
                damaged: 0,
                faults: Vec::new(),
            },
        }
    }

    fn record(&mut self, advisory: &Advisory, withdrawn: bool, affected: &[RecordOf]) {
        self.source.records += 1;
        self.source.withdrawn += u64::from(withdrawn);
        self.source.foreign += u64::from(affected.is_empty() && !withdrawn);
        // Go's own files give the year 1 for when they were modified.
        let time = advisory.published.map_or(advisory.modified, |published| published.max(advisory.modified));
        self.newest(time);
        let mut releases: Vec<(Ecosystem, &str)> = affected.iter().map(|of| (of.ecosystem, of.release.as_str())).collect();
        releases.sort_unstable();
        releases.dedup();
        for of_one in releases.chunk_by(|(a, _), (b, _)| a == b) {
            let Some(&(ecosystem, _)) = of_one.first() else { continue };
            let stock = self.source.ecosystems.entry(ecosystem.to_string());
            let stock = stock.or_insert_with(|| Stock {
                records: 0,
                releases: BTreeSet::new(),
                newest: time,
                licence: licence(ecosystem).to_owned(),
            });
            stock.records += 1;
            stock.newest = stock.newest.max(time);
            for (_, release) in of_one.iter().filter(|(_, release)| !release.is_empty()) {
                if !stock.releases.contains(*release) {
                    stock.releases.insert((*release).to_owned());
                }
            }
        }
    }

    fn newest(&mut self, time: Timestamp) {
        self.source.newest = self.source.newest.max(Some(time));
    }

    fn fault_of(&mut self, reason: String) {
        self.fault(Fault { file: self.source.file.clone(), record: None, place: None, reason });
    }

    fn fault(&mut self, fault: Fault) {
        self.source.damaged += 1;
        if self.source.faults.len() < MOST_FAULTS {
            self.source.faults.push(fault);
        }
    }
}

fn digest(bytes: &dyn BlockSource) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut stream = sources::stream(bytes);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
}
