//! What matches, laid together: one flaw of one source package, whatever advisories tell of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::kernel::Booted;
use super::severity::{self, is_rated, rated, scored};
use super::subject::Group;
use crate::advisories::order::Order;
use crate::advisories::{Advisory, AdvisoryNumber, Database, DatabaseError, Severity as Words};
use crate::model::report::{Finding, OperatingSystem, Package, Severity};
use crate::model::vulnerability::{Cvss, Exploited, Likelihood, Share, Vulnerability};
use crate::scan::packages::purl;

/// Binary packages that are named before the rest is counted.
const MOST_NAMED: usize = 3;

/// Advisories of other publishers that are asked for a score where the distribution's have none, until one has it: a flaw that
/// is in everything has some hundreds.
const MOST_OTHERS: usize = 2048;

/// Whose scores are asked for first: the beginning of their ids. Chainguard has one for each of its packages.
const BEST_SCORED: [&str; 5] = ["CVE-", "GHSA-", "DEBIAN-CVE-", "UBUNTU-CVE-", "RHSA-"];

/// An advisory that holds for packages.
#[derive(Debug)]
pub(super) struct Match<'a> {
    pub(super) advisory: AdvisoryNumber,
    /// The version that was compared.
    pub(super) version: &'a str,
    pub(super) packages: Vec<&'a Package>,
    pub(super) fixed: Option<String>,
    /// How bad it is in this package, where that is told.
    pub(super) severity: Words,
}

/// A flaw, ready to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scan) struct Flaw {
    /// The code of the rule that tells it.
    pub(in crate::scan) code: &'static str,
    pub(in crate::scan) severity: Severity,
    /// The file that a language's package was found in.
    pub(in crate::scan) path: Option<String>,
    pub(in crate::scan) vulnerability: Vulnerability,
    /// One sentence.
    pub(in crate::scan) reason: String,
}

/// Lays matches together.
pub(super) struct Flaws<'d> {
    database: &'d Database,
    os: Option<&'d OperatingSystem>,
    booted: &'d Booted<'d>,
}

/// What an advisory is of.
struct Told<'m, 'a> {
    found: &'m Match<'a>,
    advisory: Arc<Advisory>,
    /// Whether it tells of other flaws too, so that its word is for the worst of them.
    is_collection: bool,
}

impl<'d> Flaws<'d> {
    pub(super) fn new(database: &'d Database, os: Option<&'d OperatingSystem>, booted: &'d Booted<'d>) -> Self {
        Self { database, os, booted }
    }

    /// Makes the flaws of all groups, in the order of these, then of their ids.
    pub(super) fn of(self, matches: BTreeMap<Group<'_>, Vec<Match<'_>>>) -> Result<Vec<Flaw>, DatabaseError> {
        let mut flaws = Vec::new();
        for (group, matches) in &matches {
            for (ids, told) in self.by_flaw(group, matches)? {
                flaws.push(self.flaw(group, ids, &told)?);
            }
        }
        Ok(flaws)
    }

    /// Sorts matches by flaw: those whose ids are of one are laid together, and an advisory of several flaws is told with
    /// each of them.
    fn by_flaw<'m, 'a>(
        &self,
        group: &Group,
        matches: &'m [Match<'a>],
    ) -> Result<Vec<(BTreeSet<String>, Vec<Told<'m, 'a>>)>, DatabaseError> {
        let mut same = Same::default();
        let mut read = Vec::new();
        for found in matches {
            let advisory = self.database.advisory(found.advisory)?;
            let flaws = flaws_of(&advisory, group.ecosystem.is_distribution());
            flaws.iter().for_each(|ids| same.join(ids));
            read.push((found, advisory, flaws));
        }
        let mut by_flaw: BTreeMap<usize, (BTreeSet<String>, Vec<Told>)> = BTreeMap::new();
        for (found, advisory, flaws) in read {
            let is_collection = flaws.len() > 1;
            // Several of its ids may have turned out to be of one flaw.
            let roots: BTreeSet<usize> = flaws.iter().filter_map(|ids| same.root_of(ids.first()?)).collect();
            for root in roots {
                let (ids, told) = by_flaw.entry(root).or_default();
                ids.insert(advisory.id.clone());
                told.push(Told { found, advisory: advisory.clone(), is_collection });
            }
        }
        for (id, root) in same.all() {
            if let Some((ids, _)) = by_flaw.get_mut(&root) {
                ids.insert(id);
            }
        }
        let mut flaws: Vec<_> = by_flaw.into_values().collect();
        flaws.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(flaws)
    }

    fn flaw(&self, group: &Group, ids: BTreeSet<String>, told: &[Told]) -> Result<Flaw, DatabaseError> {
        let (cves, others): (Vec<String>, Vec<String>) = ids.iter().cloned().partition(|id| id.starts_with("CVE-"));
        let mut packages: Vec<&Package> = told.iter().flat_map(|told| told.found.packages.iter().copied()).collect();
        let dormant = packages.iter().all(|package| self.booted.is_dormant(package));
        if !dormant {
            packages.retain(|package| !self.booted.is_dormant(package));
        }
        // The one that stands for all is called as their source.
        packages.sort_by_key(|package| (package.name != group.source, *package));
        packages.dedup();
        let first = packages.first().copied();
        let of_first = || told.iter().filter(|told| told.found.packages.iter().any(|package| Some(*package) == first));
        let order = group.ecosystem.order();
        let fixed = of_first().filter_map(|told| told.found.fixed.as_deref()).max_by(|a, b| order.compare(a, b)).map(str::to_owned);
        let installed = of_first().map(|told| told.found.version).next().unwrap_or_default().to_owned();
        let updates: BTreeSet<&String> = told.iter().filter(|told| told.is_collection).map(|told| &told.advisory.id).collect();
        let updates: Vec<String> = updates.into_iter().cloned().collect();
        let (word, cvss) = self.severity(told, &ids, group)?;
        let exploited = self.exploited(&cves)?;
        let is_used = exploited.is_some() && !dormant;
        let rating = rated(word.as_deref(), cvss.as_ref());
        let unrated = !is_rated(word.as_deref(), cvss.as_ref());
        let vulnerability = Vulnerability {
            summary: summary(told),
            package: group.source.clone().into_owned(),
            installed,
            packages: packages.iter().map(|package| self.purl(package)).collect(),
            word,
            cvss,
            exploited,
            likelihood: self.likelihood(&cves)?,
            unrated,
            dormant,
            ids: [cves, others].concat(),
            updates,
            fixed,
        };
        Ok(Flaw {
            code: match &vulnerability.fixed {
                _ if is_used => Finding::EXPLOITED,
                Some(_) => Finding::FIXABLE,
                None => Finding::UNFIXED,
            },
            severity: match rating {
                _ if is_used => Severity::Critical,
                rating if dormant => rating.min(severity::DORMANT),
                rating => rating,
            },
            path: group.path.map(str::to_owned),
            reason: reason(&vulnerability, &packages, group),
            vulnerability,
        })
    }

    /// Word and score: of what was matched, or else of what others say of the same flaw, which is the same everywhere; of a
    /// collection at last. The word of another publisher is none of a distribution's.
    fn severity(&self, told: &[Told], ids: &BTreeSet<String>, group: &Group) -> Result<(Option<String>, Option<Cvss>), DatabaseError> {
        let of = |is_collection: bool| {
            let told = told.iter().filter(move |told| told.is_collection == is_collection);
            scored(told.flat_map(|told| vectors(&told.found.severity).chain(vectors(&told.advisory.severity))))
        };
        let own = word(told);
        if let Some(cvss) = of(false) {
            return Ok((own, Some(cvss)));
        }
        let (elsewhere, cvss) = self.severity_elsewhere(ids)?;
        let is_wordless = own.as_deref().and_then(severity::of_word).is_none() && !group.ecosystem.is_distribution();
        let word = if is_wordless { elsewhere.or(own) } else { own };
        Ok((word, cvss.or_else(|| of(true))))
    }

    /// What other publishers say of a flaw of these ids: the worst of the records that have these names, since Go's have no
    /// score and the others that they name do; or else the first that has any, the best known publishers asked first.
    fn severity_elsewhere(&self, ids: &BTreeSet<String>) -> Result<(Option<String>, Option<Cvss>), DatabaseError> {
        let mut others = BTreeSet::new();
        for id in ids {
            for number in self.database.named(id)?.into_iter().take(MOST_OTHERS) {
                let id = self.database.id(number)?;
                let rank = BEST_SCORED.iter().position(|start| id.starts_with(start)).unwrap_or(BEST_SCORED.len());
                others.insert((!ids.contains(&id), rank, id, number));
            }
        }
        let (mut worst_word, mut worst): (Option<String>, Option<Cvss>) = (None, None);
        for (is_other, _, _, number) in others {
            if is_other && (worst.is_some() || worst_word.is_some()) {
                break;
            }
            let advisory = self.database.advisory(number)?;
            if !matches!(flaws_of(&advisory, true).as_slice(), [of_one] if of_one.iter().any(|id| ids.contains(id))) {
                continue;
            }
            let said = worst.iter().map(|cvss| cvss.vector.as_str()).chain(vectors(&advisory.severity));
            worst = scored(said);
            let rates = |word: &&String| severity::of_word(word).is_some();
            let word = advisory.severity.word.as_ref().filter(rates).filter(|_| !is_other);
            worst_word = worst_word.iter().chain(word).max_by_key(|word| severity::of_word(word)).cloned();
        }
        Ok((worst_word, worst))
    }

    fn exploited(&self, cves: &[String]) -> Result<Option<Exploited>, DatabaseError> {
        for cve in cves {
            if let Some(known) = self.database.exploited(cve)? {
                return Ok(Some(Exploited { added: known.added, due: known.due, ransomware: known.by_ransomware }));
            }
        }
        Ok(None)
    }

    fn likelihood(&self, cves: &[String]) -> Result<Option<Likelihood>, DatabaseError> {
        let mut most = None;
        for cve in cves {
            most = most.max(self.database.likelihood(cve)?);
        }
        Ok(most.map(|most| Likelihood {
            score: Share { billionths: most.score_billionths },
            percentile: Share { billionths: most.percentile_billionths },
        }))
    }

    /// Reports of before have packages without a URL.
    fn purl(&self, package: &Package) -> String {
        if package.purl.is_empty() { purl(package, self.os) } else { package.purl.clone() }
    }
}

fn vectors(words: &Words) -> impl Iterator<Item = &str> {
    words.vectors.iter().map(String::as_str)
}

/// The word that counts: of an advisory that is of this flaw alone, or else of one that tells of several; the worst.
fn word(told: &[Told]) -> Option<String> {
    let of = |is_collection: bool| {
        let words = told
            .iter()
            .filter(|told| told.is_collection == is_collection)
            .filter_map(|told| told.found.severity.word.as_ref().or(told.advisory.severity.word.as_ref()));
        words.max_by_key(|word| (severity::of_word(word), (*word).clone())).cloned()
    };
    of(false).or_else(|| of(true))
}

fn summary(told: &[Told]) -> String {
    let told = told.iter().filter(|told| !told.advisory.summary.is_empty());
    told.min_by_key(|told| (told.is_collection, &told.advisory.id)).map_or_else(String::new, |told| told.advisory.summary.clone())
}

fn reason(vulnerability: &Vulnerability, packages: &[&Package], group: &Group) -> String {
    let Vulnerability { package, installed, summary, fixed, .. } = vulnerability;
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).filter(|name| name != package).collect();
    let mut text = format!("{package} {installed}");
    if !names.is_empty() {
        let more = names.len().saturating_sub(MOST_NAMED);
        let named = names.into_iter().take(MOST_NAMED).collect::<Vec<_>>().join(", ");
        text += &if more > 0 { format!(" ({named} and {more} more)") } else { format!(" ({named})") };
    }
    match (group.taken_for, packages.first().is_some_and(|package| package.by_file_name)) {
        (Some(name), true) => {
            text += &format!(" (told by its file's name alone; its group is guessed: {name} is the only one that advisories have)")
        }
        (Some(name), false) => text += &format!(" (its group is guessed: {name} is the only one that advisories have of this name)"),
        (None, true) => text += " (told by its file's name alone)",
        (None, false) => {}
    }
    text += &format!(" has {}", vulnerability.id());
    if !summary.is_empty() {
        text += &format!(" ({summary})");
    }
    text += &match fixed {
        Some(fixed) if group.ecosystem.order() == Order::Rpm || packages.len() < 2 => format!(", fixed in {fixed}"),
        Some(fixed) => format!(", fixed in {fixed} of the source package"),
        None => ", and there is no fix yet".to_owned(),
    };
    if vulnerability.unrated {
        text += "; nobody has said how bad it is, so that it counts as high";
    }
    if vulnerability.dormant {
        text += "; it is in what is installed of a kernel that doesn't boot";
    } else if let Some(exploited) = &vulnerability.exploited {
        text += &format!("; attackers are known to use it since {}", exploited.added);
    }
    text
}

/// Returns the flaws that an advisory is of, each with its ids.
///
/// Aliases are names of the same flaw; so is what an advisory comes from, if that is one. A distribution's update that
/// comes from several mends each of them. AlmaLinux names its CVEs among what is related.
fn flaws_of(advisory: &Advisory, is_distribution: bool) -> Vec<Vec<String>> {
    let distinct = |ids: &[String]| ids.iter().map(|id| canonical(id)).collect::<BTreeSet<String>>();
    let mut own: Vec<String> = vec![canonical(&advisory.id)];
    own.extend(advisory.aliases.iter().map(|id| canonical(id)));
    let is_cve = |id: &String| id.starts_with("CVE-");
    let mut of = distinct(&advisory.upstream);
    if of.is_empty() && is_distribution && !own.iter().any(is_cve) {
        of = distinct(&advisory.related).into_iter().filter(is_cve).collect();
    }
    if of.iter().any(is_cve) {
        of.retain(is_cve);
    }
    of.retain(|id| !own.contains(id));
    match of.len() {
        // A record of a CVE stays that, whatever else it comes from.
        0 => vec![own],
        1 => vec![own.into_iter().chain(of).collect()],
        _ if own.iter().any(is_cve) => vec![own],
        _ => of.into_iter().map(|id| vec![id]).collect(),
    }
}

/// Returns the CVE of which an id is a distribution's own record: `UBUNTU-CVE-2024-6387`, `DEBIAN-CVE-2024-6387`.
fn canonical(id: &str) -> String {
    match id.split_once("-CVE-") {
        Some((distribution, number)) if distribution.bytes().all(|byte| byte.is_ascii_uppercase()) => format!("CVE-{number}"),
        _ => id.to_owned(),
    }
}

/// Ids of which some are the same flaw's.
#[derive(Default)]
struct Same {
    numbers: HashMap<String, usize>,
    /// Of each id another one of the same flaw; itself, if it stands for the flaw.
    parents: Vec<usize>,
}

impl Same {
    fn join(&mut self, ids: &[String]) {
        let numbers: Vec<usize> = ids.iter().map(|id| self.number(id)).collect();
        for pair in numbers.windows(2) {
            let (a, b) = (self.root(pair[0]), self.root(pair[1]));
            self.parents[a.max(b)] = a.min(b);
        }
    }

    fn number(&mut self, id: &str) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.parents.len();
        self.parents.push(number);
        self.numbers.insert(id.to_owned(), number);
        number
    }

    /// Finds the one that stands for the flaw, and shortens the way there for those who come after.
    fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    fn root_of(&mut self, id: &str) -> Option<usize> {
        let number = *self.numbers.get(id)?;
        Some(self.root(number))
    }

    /// Returns all ids with the number of their flaw.
    fn all(mut self) -> Vec<(String, usize)> {
        let numbers = std::mem::take(&mut self.numbers);
        numbers.into_iter().map(|(id, number)| (id, self.root(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(id: &str, aliases: &[&str], upstream: &[&str], related: &[&str]) -> Advisory {
        let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Advisory {
            id: id.to_owned(),
            aliases: own(aliases),
            upstream: own(upstream),
            related: own(related),
            summary: String::new(),
            published: None,
            modified: jiff::Timestamp::UNIX_EPOCH,
            severity: Words::default(),
        }
    }

    #[test]
    fn an_advisory_is_of_one_flaw_by_its_names_or_of_all_that_it_comes_from() {
        let one = |advisory: &Advisory| flaws_of(advisory, true).len() == 1;
        assert!(one(&advisory("GHSA-j8r2-6x86-q33q", &["CVE-2023-32681", "PYSEC-2023-74"], &[], &["CVE-2023-1"])));
        assert_eq!(flaws_of(&advisory("DSA-5724-1", &[], &["CVE-2024-6387"], &[]), true), [["DSA-5724-1", "CVE-2024-6387"]]);
        assert_eq!(flaws_of(&advisory("UBUNTU-CVE-2024-1", &[], &["CVE-2024-1"], &["USN-1"]), true), [["CVE-2024-1"]]);
        let update = advisory("USN-1-1", &[], &["CVE-2024-1", "UBUNTU-CVE-2024-1", "CVE-2024-2"], &[]);
        assert_eq!(flaws_of(&update, true), [["CVE-2024-1"], ["CVE-2024-2"]]);
        let alma = advisory("ALSA-2025:1", &[], &[], &["CVE-2024-1", "CVE-2024-2", "BUG-1"]);
        assert_eq!((flaws_of(&alma, true).len(), flaws_of(&alma, false).len()), (2, 1));
    }

    #[test]
    fn ids_that_are_joined_in_any_order_are_one_flaws() {
        let (a, b, c) = (["A".to_owned(), "B".to_owned()], ["C".to_owned(), "D".to_owned()], ["D".to_owned(), "A".to_owned()]);
        let mut same = Same::default();
        for ids in [&a, &b, &c] {
            same.join(ids);
        }
        same.join(&["E".to_owned()]);
        let roots: BTreeSet<usize> = ["A", "B", "C", "D"].iter().filter_map(|id| same.root_of(id)).collect();
        assert_eq!(roots.len(), 1);
        assert!(!roots.contains(&same.root_of("E").unwrap()));
    }
}
