//! Which of an image's packages have known flaws: packages against a database of advisories.
//!
//! The system's packages are asked about as its distribution names them, and those of languages by their ecosystem. What
//! matches is laid together by flaw and source package, whatever number of advisories tell of it. What can't be judged is
//! a gap, never silence.

mod artifact;
mod distribution;
mod flaw;
mod gap;
mod kernel;
mod severity;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub(super) use flaw::Flaw;
pub(super) use gap::{Gap, GapKind};

use crate::advisories::{About, Affected, Age, Database, DatabaseError, Ecosystem, Hit};
use crate::model::report::{OperatingSystem, Origin, Package, Report};
use crate::model::vulnerability::AdvisoryData;
use crate::scan::packages::is_marked;
use crate::scan::request::Scan;
use crate::scan::sbom::Bill;
use distribution::{Distribution, language, manager};
use flaw::{Flaws, Match};
use kernel::Booted;
use subject::{Group, Subject};

/// What a database says of an image's packages.
#[derive(Debug, Default)]
pub(super) struct Assessment {
    /// The flaws that they have, each once for a source package.
    pub(super) flaws: Vec<Flaw>,
    /// What can't be told.
    pub(super) gaps: Vec<Gap>,
    /// The database; none without one that can be read.
    pub(super) data: Option<AdvisoryData>,
}

impl Assessment {
    /// Judges the packages of a report by the database and for the day of a request.
    pub(super) fn of(report: &Report, request: &Scan, gaps: Vec<Gap>) -> Self {
        let mut assessment = Self { gaps, ..Self::default() };
        let Some(database) = request.advisories.as_deref() else {
            assessment.gaps.push(Gap::NoDatabase);
            return assessment;
        };
        // The gaps that were found before the database turned out to be damaged are kept.
        if let Err(error) = assessment.assess(report, request, database) {
            assessment.gaps.push(Gap::unreadable(&error));
        }
        assessment.gaps.sort();
        assessment
    }

    fn assess(&mut self, report: &Report, request: &Scan, database: &Database) -> Result<(), DatabaseError> {
        let about = database.about()?;
        let (at, most) = (request.at, request.policy.vulnerabilities.max_age_days);
        self.data = Some(data(database, &about, report.operating_system.as_ref(), at));
        self.gaps.extend(gap::of_catalogue(&about, at, most));
        let artifacts = artifact::artifacts(&report.packages, database)?;
        let mut matcher = Matcher::new(database);
        self.assess_system(report, &about, (at, most), &mut matcher)?;
        self.assess_languages(report, &artifacts, &about, (at, most), &mut matcher)?;
        let booted = Booted::of(&report.packages, report.kernel.as_deref());
        self.flaws = Flaws::new(database, report.operating_system.as_ref(), &booted).of(matcher.matches)?;
        Ok(())
    }

    fn assess_system<'a>(
        &mut self,
        report: &'a Report,
        about: &About,
        (at, most): (Timestamp, u32),
        matcher: &mut Matcher<'a>,
    ) -> Result<(), DatabaseError> {
        let packages: Vec<&Package> = report.packages.iter().filter(|package| language(package.origin).is_none()).collect();
        let Some(os) = &report.operating_system else {
            if !packages.is_empty() {
                self.gaps.push(Gap::NoSystem { packages: packages.len() });
            }
            return Ok(());
        };
        let Some(distribution) = Distribution::of(os, &report.packages, matcher.database)? else {
            self.gaps.push(Gap::Unpublished { os: os.name.clone() });
            return Ok(());
        };
        let ecosystem = distribution.ecosystem;
        if distribution.releases.is_empty() {
            self.gaps.push(Gap::NoRelease { os: os.name.clone(), ecosystem });
            return Ok(());
        }
        self.gaps.extend(gap::of_sources(about, ecosystem, &distribution.releases, at, most));
        let (own, foreign): (Vec<&Package>, Vec<&Package>) =
            packages.into_iter().partition(|package| Some(package.origin) == manager(ecosystem));
        if !foreign.is_empty() {
            self.gaps.push(Gap::Foreign { first: gap::names(foreign.iter().copied()), packages: foreign.len() });
        }
        let elsewhere = own.iter().copied().filter(|package| package.vendor.is_some() || is_marked(package));
        let count = elsewhere.clone().count();
        if count > 0 {
            self.gaps.push(Gap::Elsewhere { first: gap::names(elsewhere), packages: count });
        }
        self.gaps.extend(matcher.doubtful(&distribution, &own)?);
        let subjects = own.into_iter().map(|package| (Subject::of_system(package, ecosystem), package));
        self.ask(subjects, ecosystem, matcher, |matcher, subject, packages| matcher.system(&distribution, subject, packages))
    }

    fn assess_languages<'a>(
        &mut self,
        report: &'a Report,
        artifacts: &'a BTreeMap<String, String>,
        about: &About,
        (at, most): (Timestamp, u32),
        matcher: &mut Matcher<'a>,
    ) -> Result<(), DatabaseError> {
        let mut by_ecosystem: BTreeMap<Ecosystem, Vec<&Package>> = BTreeMap::new();
        for package in &report.packages {
            if let Some(ecosystem) = language(package.origin) {
                by_ecosystem.entry(ecosystem).or_default().push(package);
            }
        }
        for (ecosystem, packages) in by_ecosystem {
            if matcher.database.releases(ecosystem)?.is_empty() {
                self.gaps.push(Gap::NoLanguage { ecosystem: ecosystem.as_str(), packages: packages.len() });
                continue;
            }
            self.gaps.extend(gap::of_sources(about, ecosystem, &[], at, most));
            let taken_for = |package: &Package| {
                let name = artifacts.get(&package.name).filter(|_| ecosystem == Ecosystem::Maven);
                name.map(String::as_str)
            };
            let subjects = packages.into_iter().map(|package| (Subject::of_language(package, ecosystem, taken_for(package)), package));
            self.ask(subjects, ecosystem, matcher, |matcher, subject, packages| matcher.language(subject, packages))?;
        }
        Ok(())
    }

    /// Asks about packages, those of one source and version together; those that can't be compared are a gap.
    fn ask<'a>(
        &mut self,
        subjects: impl Iterator<Item = (Subject<'a>, &'a Package)>,
        ecosystem: Ecosystem,
        matcher: &mut Matcher<'a>,
        ask: impl Fn(&mut Matcher<'a>, Subject<'a>, &[&'a Package]) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let (mut together, mut incomparable) = (BTreeMap::<Subject, Vec<&Package>>::new(), Vec::new());
        for (subject, package) in subjects {
            if subject.is_comparable() {
                together.entry(subject).or_default().push(package);
            } else {
                incomparable.push(package);
            }
        }
        if !incomparable.is_empty() {
            let first = gap::names(incomparable.iter().copied());
            self.gaps.push(Gap::Incomparable { ecosystem: ecosystem.as_str(), first, packages: incomparable.len() });
        }
        together.into_iter().try_for_each(|(subject, packages)| ask(matcher, subject, &packages))
    }
}

/// Tells what can't be told by a bill, whatever the database holds: an image has a system and packages of it, and without
/// their sources most of Debian's, Ubuntu's and Alpine's advisories are of none of them.
pub(super) fn gaps_of(bill: &Bill) -> Vec<Gap> {
    let of_system = bill.packages.iter().filter(|package| language(package.origin).is_none());
    let by_source = of_system.clone().filter(|package| package.origin != Origin::Rpm).count();
    let mut gaps = Vec::new();
    if bill.operating_system.is_none() || of_system.count() == 0 {
        gaps.push(Gap::Unlisted { system: bill.operating_system.as_ref().map(|os| os.name.clone()) });
    }
    if by_source > 0 && !bill.tells_sources {
        gaps.push(Gap::NoSources { packages: by_source });
    }
    gaps
}

/// What a report keeps of the database: how recent it is for the image's system, or else its oldest advisories.
fn data(database: &Database, about: &About, os: Option<&OperatingSystem>, at: Timestamp) -> AdvisoryData {
    let as_of = |ecosystem: Ecosystem, releases: &[String]| match about.age(ecosystem, releases, at) {
        Age::Of(as_of) => Some(as_of),
        Age::Absent | Age::Untold => None,
    };
    let ecosystems = || Ecosystem::all().filter_map(|ecosystem| as_of(ecosystem, &[]));
    let of_system = os
        .and_then(|os| Distribution::of(os, &[], database).ok()?)
        .and_then(|distribution| as_of(distribution.ecosystem, &distribution.releases));
    AdvisoryData {
        digest: database.digest(),
        as_of: of_system.or_else(|| ecosystems().min()),
        label: about.label.clone(),
        advisories: about.counts.advisories,
    }
}

/// Asks a database.
struct Matcher<'a> {
    database: &'a Database,
    matches: BTreeMap<Group<'a>, Vec<Match<'a>>>,
}

impl<'a> Matcher<'a> {
    fn new(database: &'a Database) -> Self {
        Self { database, matches: BTreeMap::new() }
    }

    fn system(&mut self, distribution: &Distribution, subject: Subject<'a>, packages: &[&'a Package]) -> Result<(), DatabaseError> {
        let preferred = match &distribution.preferred {
            Some(release) => self.database.affected(distribution.ecosystem, release, &subject.name)?,
            None => Default::default(),
        };
        self.add(&subject, packages, preferred.iter())?;
        for release in &distribution.releases {
            let all = self.database.affected(distribution.ecosystem, release, &subject.name)?;
            let rest = all.iter().filter(|affected| preferred.iter().all(|other| other.advisory != affected.advisory));
            self.add(&subject, packages, rest)?;
        }
        Ok(())
    }

    /// Tells of packages that may be somebody else's build of what the distribution has advisories of.
    fn doubtful(&self, distribution: &Distribution, packages: &[&Package]) -> Result<Option<Gap>, DatabaseError> {
        let mut doubtful = Vec::new();
        for package in packages.iter().copied().filter(|package| package.maintainer.is_some()) {
            let name = Subject::of_system(package, distribution.ecosystem).name;
            for release in &distribution.releases {
                if !self.database.affected(distribution.ecosystem, release, &name)?.is_empty() {
                    doubtful.push(package);
                    break;
                }
            }
        }
        let gap = Gap::Doubtful { first: gap::names(doubtful.iter().copied()), packages: doubtful.len() };
        Ok(Some(gap).filter(|_| !doubtful.is_empty()))
    }

    fn language(&mut self, subject: Subject<'a>, packages: &[&'a Package]) -> Result<(), DatabaseError> {
        let all = self.database.affected(subject.group.ecosystem, "", &subject.name)?;
        self.add(&subject, packages, all.iter())
    }

    fn add<'f>(
        &mut self,
        subject: &Subject<'a>,
        packages: &[&'a Package],
        all: impl IntoIterator<Item = &'f Affected> + Clone,
    ) -> Result<(), DatabaseError> {
        let order = subject.group.ecosystem.order();
        let repositories = all.clone().into_iter().map(|affected| affected.what.repository.as_deref()).collect();
        for Affected { advisory, what } in all {
            if !subject.is_meant(what, &repositories) {
                continue;
            }
            let Some(Hit { fixed }) = what.hit(order, subject.version) else { continue };
            if subject.is_streamless(what) && !subject.is_of_stream(&self.database.advisory(*advisory)?.summary) {
                continue;
            }
            // A kernel's binary packages have its release in their names: those of the fix are others.
            let is_told = |package: &&Package| {
                what.binaries.is_empty() || what.binaries.contains(&package.name) || subject.group.source.starts_with("linux")
            };
            let packages: Vec<&Package> = packages.iter().copied().filter(is_told).collect();
            if packages.is_empty() {
                continue;
            }
            let found = Match {
                advisory: *advisory,
                version: subject.version,
                packages,
                fixed: fixed.map(str::to_owned),
                severity: what.severity.clone(),
            };
            self.matches.entry(subject.group.clone()).or_default().push(found);
        }
        Ok(())
    }
}
