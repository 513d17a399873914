//! One record in the OSV format.
//!
//! Source: <https://ossf.github.io/osv-schema/>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use jiff::Timestamp;
use serde::Deserialize;

use super::super::about::Fault;
use super::super::advisory::{Advisory, AffectedVersions, Event, Severity};
use super::super::ecosystem::Ecosystem;
use super::archive::LARGEST_RECORD_BYTES;
use super::term::{Term, Word, summary};

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::advisories) struct Record {
    pub(in crate::advisories) advisory: Advisory,
    /// Whether it was taken back: then it says nothing but that.
    pub(in crate::advisories) withdrawn: bool,
    /// Packages of ecosystems that scans know, with versions that can be compared.
    pub(in crate::advisories) affected: Vec<RecordOf>,
}

/// What a record says of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::advisories) struct RecordOf {
    pub(in crate::advisories) ecosystem: Ecosystem,
    pub(in crate::advisories) release: String,
    pub(in crate::advisories) package: String,
    pub(in crate::advisories) what: AffectedVersions,
}

#[derive(Deserialize)]
struct Osv<'a> {
    id: Term,
    modified: Timestamp,
    #[serde(default)]
    published: Option<Timestamp>,
    #[serde(default)]
    withdrawn: Option<Timestamp>,
    #[serde(default)]
    aliases: Option<Vec<Term>>,
    #[serde(default)]
    upstream: Option<Vec<Term>>,
    #[serde(default)]
    related: Option<Vec<Term>>,
    #[serde(default, borrow)]
    summary: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    details: Option<Cow<'a, str>>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    affected: Option<Vec<Package>>,
    #[serde(default)]
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct Score {
    #[serde(rename = "type")]
    kind: Term,
    score: Term,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    package: Option<Name>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    ranges: Option<Vec<Range>>,
    #[serde(default)]
    versions: Option<Vec<Term>>,
    #[serde(default)]
    ecosystem_specific: Option<Specific>,
    #[serde(default)]
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct Name {
    ecosystem: Term,
    name: Term,
    #[serde(default)]
    purl: Option<Term>,
}

#[derive(Deserialize)]
#[serde(try_from = "RawRange")]
struct Range {
    /// None for a range of commits.
    events: Option<Vec<Event>>,
}

#[derive(Deserialize)]
struct RawRange {
    #[serde(rename = "type")]
    kind: RangeKind,
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum RangeKind {
    Semver,
    Ecosystem,
    Git,
}

/// A kind of event that isn't known would change what a range means: it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent {
    #[serde(default)]
    introduced: Option<Term>,
    #[serde(default)]
    fixed: Option<Term>,
    #[serde(default)]
    last_affected: Option<Term>,
    #[serde(default)]
    limit: Option<Term>,
}

/// What ecosystems and databases add: of it, words for how bad it is, and binary packages.
#[derive(Deserialize, Default)]
struct Specific {
    #[serde(default)]
    severity: Word,
    /// Debian's.
    #[serde(default)]
    urgency: Word,
    /// Ubuntu's, in records of before its severities were scores.
    #[serde(default)]
    ubuntu_priority: Word,
    #[serde(default)]
    binaries: Option<Binaries>,
}

/// Ubuntu's binary packages: with their names as values or, of old, as keys.
#[derive(Deserialize)]
#[serde(untagged)]
enum Binaries {
    Listed(Vec<BTreeMap<String, Word>>),
    Named(BTreeMap<String, Word>),
    Other(serde::de::IgnoredAny),
}

impl TryFrom<RawRange> for Range {
    type Error = &'static str;

    fn try_from(raw: RawRange) -> Result<Self, &'static str> {
        if matches!(raw.kind, RangeKind::Git) {
            return Ok(Self { events: None });
        }
        let events = raw.events.into_iter().map(Event::try_from).collect::<Result<Vec<Event>, _>>()?;
        if !events.iter().any(|event| matches!(event, Event::Introduced(_))) {
            return Err("a range has no `introduced` event");
        }
        Ok(Self { events: Some(events) })
    }
}

impl TryFrom<RawEvent> for Event {
    type Error = &'static str;

    fn try_from(raw: RawEvent) -> Result<Self, &'static str> {
        match (raw.introduced, raw.fixed, raw.last_affected, raw.limit) {
            (Some(Term(version)), None, None, None) => Ok(Self::Introduced(version)),
            (None, Some(Term(version)), None, None) => Ok(Self::Fixed(version)),
            (None, None, Some(Term(version)), None) => Ok(Self::LastAffected(version)),
            (None, None, None, Some(Term(version))) => Ok(Self::Limit(version)),
            _ => Err("an event is to have one of `introduced`, `fixed`, `last_affected` and `limit`"),
        }
    }
}

/// Reads the JSON of a file that is one record.
///
/// # Errors
///
/// When it can't be read, or is too large.
pub(in crate::advisories) fn read_one(from: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    match from.take(LARGEST_RECORD_BYTES + 1).read_to_end(&mut json)? as u64 {
        0..=LARGEST_RECORD_BYTES => Ok(json),
        _ => Err(io::Error::other(format!("it has more than {LARGEST_RECORD_BYTES} bytes"))),
    }
}

/// Reads a record.
///
/// # Errors
///
/// A [`Fault`] that names what is wrong and where; one of several, for the reader stops there.
pub(in crate::advisories) fn read_record(file: &str, entry: Option<&str>, json: &[u8]) -> Result<Record, Fault> {
    let osv: Osv<'_> = serde_json::from_slice(json).map_err(|error| fault(file, entry, json, &error))?;
    Ok(record(osv))
}

/// Reads once more to tell which key is at fault: the fast way doesn't note it.
fn fault(file: &str, entry: Option<&str>, json: &[u8], error: &serde_json::Error) -> Fault {
    let told: Result<Osv<'_>, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(json));
    let path = told.err().map(|error| error.path().to_string()).filter(|path| ![".", "?"].contains(&path.as_str()));
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    // What a record says may be in the reason, and the reason is printed.
    let reason = summary(&path.map_or(reason.to_owned(), |path| format!("{path}: {reason}")));
    Fault { file: file.to_owned(), record: entry.map(str::to_owned), place: Some((error.line() as u64, error.column() as u64)), reason }
}

fn record(osv: Osv<'_>) -> Record {
    let summary = match [&osv.summary, &osv.details].into_iter().flatten().find(|text| !text.trim().is_empty()) {
        Some(text) => summary(text),
        None => String::new(),
    };
    let mut severity = severity(osv.severity, [osv.database_specific.unwrap_or_default()]);
    if severity.word.is_none() {
        severity.word = word_before(&summary);
    }
    let withdrawn = osv.withdrawn.is_some();
    let affected = if withdrawn { Vec::new() } else { osv.affected.unwrap_or_default().into_iter().filter_map(package).collect() };
    let mut advisory = Advisory {
        id: osv.id.0,
        aliases: ids(osv.aliases),
        upstream: ids(osv.upstream),
        related: ids(osv.related),
        summary,
        published: osv.published,
        modified: osv.modified,
        severity,
    };
    advisory.aliases.retain(|id| *id != advisory.id);
    Record { advisory, withdrawn, affected }
}

/// What is said of a package; none where no version of it can be compared, or no scan finds it.
fn package(package: Package) -> Option<RecordOf> {
    let name = package.package?;
    let (ecosystem, release) = Ecosystem::parse(&name.ecosystem.0)?;
    let ranges: Vec<Vec<Event>> = package.ranges.unwrap_or_default().into_iter().filter_map(|range| range.events).collect();
    let mut versions: Vec<String> = package.versions.unwrap_or_default().into_iter().map(|Term(version)| version).collect();
    // Distributions' are ranges written out: all that was ever built, for each advisory anew.
    if ecosystem.is_distribution() && !ranges.is_empty() {
        versions.clear();
    }
    if ranges.is_empty() && versions.is_empty() {
        return None;
    }
    versions.sort_unstable();
    versions.dedup();
    let mut specific = package.ecosystem_specific.unwrap_or_default();
    let binaries = specific.binaries.take().map(Binaries::names).unwrap_or_default();
    Some(RecordOf {
        ecosystem,
        release: release.to_owned(),
        package: ecosystem.normalised(&name.name.0),
        what: AffectedVersions {
            ranges,
            versions,
            module: name.purl.as_ref().and_then(|Term(purl)| module(purl)),
            architectures: Vec::new(),
            repository: None,
            binaries,
            severity: severity(package.severity, [specific, package.database_specific.unwrap_or_default()]),
        },
    })
}

impl Binaries {
    fn names(self) -> Vec<String> {
        let mut names = match self {
            Self::Named(names) => names.into_keys().collect(),
            Self::Listed(list) => list.into_iter().flat_map(Self::listed).collect(),
            Self::Other(_) => Vec::new(),
        };
        names.retain(|name| super::term::check(name).is_ok());
        names.sort_unstable();
        names.dedup();
        names
    }

    fn listed(mut binary: BTreeMap<String, Word>) -> Vec<String> {
        match binary.remove("binary_name") {
            Some(Word(name)) => name.into_iter().collect(),
            None => binary.into_keys().collect(),
        }
    }
}

/// CVSS vectors, and the word of whoever keeps the data: Ubuntu writes its own as a score.
fn severity(scores: Option<Vec<Score>>, specific: impl IntoIterator<Item = Specific>) -> Severity {
    let mut severity = Severity::default();
    for Score { kind: Term(kind), score: Term(score) } in scores.unwrap_or_default() {
        if kind.starts_with("CVSS_") {
            severity.vectors.push(score);
        } else {
            severity.word.get_or_insert(score.to_lowercase());
        }
    }
    for specific in specific {
        let word = [specific.severity, specific.ubuntu_priority, specific.urgency].into_iter().find_map(|Word(word)| word);
        severity.word = severity.word.or(word);
    }
    severity
}

/// The word that summaries of distributions with rpm begin with: `Important: firefox security update`.
fn word_before(summary: &str) -> Option<String> {
    let (word, _) = summary.split_once(':')?;
    let word = word.to_lowercase();
    ["critical", "important", "moderate", "low"].contains(&word.as_str()).then_some(word)
}

/// The module and its stream that a package URL names, without the build: `rpmmod=nodejs:18:8100020240613122040:25e700aa`.
fn module(purl: &str) -> Option<String> {
    let (_, qualifiers) = purl.split_once('?')?;
    let module = qualifiers.split(['&', '#']).find_map(|qualifier| qualifier.strip_prefix("rpmmod="))?;
    let module = module.replace("%3A", ":").replace("%3a", ":");
    let parts: Vec<&str> = module.splitn(3, ':').take(2).collect();
    (parts.len() == 2).then(|| parts.join(":"))
}

fn ids(ids: Option<Vec<Term>>) -> Vec<String> {
    let mut ids: Vec<String> = ids.unwrap_or_default().into_iter().map(|Term(id)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Record {
        read_record("all.zip", Some("X.json"), json.as_bytes()).unwrap()
    }

    fn refusal(json: &str) -> String {
        read_record("all.zip", Some("X.json"), json.as_bytes()).unwrap_err().to_string()
    }

    fn of(affected: &str) -> String {
        format!(r#"{{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [{affected}]}}"#)
    }

    #[test]
    fn ubuntus_record_has_its_word_its_streams_and_its_binaries() {
        let record = read(
            r#"{"id": "UBUNTU-CVE-2025-29769", "modified": "2025-07-18T17:02:45Z", "upstream": ["CVE-2025-29769"], "aliases": [],
            "details": "\n libvips writes behind a buffer.\nMore.", "severity": [
              {"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"}, {"type": "Ubuntu", "score": "medium"}],
            "affected": [{"package": {"ecosystem": "Ubuntu:Pro:22.04:LTS", "name": "vips"}, "versions": ["8.12.1-1"],
              "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "8.12.1-1ubuntu0.1~esm1"}]}],
              "ecosystem_specific": {"binaries": [{"binary_name": "libvips42", "binary_version": "8.12.1-1ubuntu0.1~esm1"}]}},
              {"package": {"ecosystem": "Ubuntu:14.04:LTS", "name": "vips"}, "versions": ["7.38.5-2"],
              "ecosystem_specific": {"ubuntu_priority": "low", "binaries": [{"libvips37": "7.38.5-2"}]}}]}"#,
        );
        assert_eq!(record.advisory.upstream, ["CVE-2025-29769"]);
        assert_eq!(record.advisory.summary, "libvips writes behind a buffer.");
        assert_eq!((record.advisory.severity.word.as_deref(), record.advisory.severity.vectors.len()), (Some("medium"), 1));
        let [pro, old] = &record.affected[..] else { panic!("{record:?}") };
        assert_eq!((pro.ecosystem, pro.release.as_str(), pro.what.versions.len()), (Ecosystem::Ubuntu, "Pro:22.04:LTS", 0));
        assert_eq!(pro.what.ranges[0][1], Event::Fixed("8.12.1-1ubuntu0.1~esm1".into()));
        assert_eq!((&pro.what.binaries[..], &old.what.binaries[..]), (&["libvips42".to_owned()][..], &["libvips37".to_owned()][..]));
        assert_eq!((&old.what.versions[..], old.what.severity.word.as_deref()), (&["7.38.5-2".to_owned()][..], Some("low")));
    }

    #[test]
    fn ranges_of_commits_and_other_ecosystems_are_left_out() {
        let git = r#"{"ranges": [{"type": "GIT", "repo": "https://x", "events": [{"introduced": "0"}, {"fixed": "abc"}]}]}"#;
        let both = r#"{"package": {"ecosystem": "PyPI", "name": "Zope.Interface"}, "versions": ["2", "1", "1"], "ranges": [
            {"type": "GIT", "repo": "https://x", "events": [{"introduced": "0"}]},
            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "2"}]}]}"#;
        let android = r#"{"package": {"ecosystem": "Android", "name": "x"}, "versions": ["1"]}"#;
        let [found] = &read(&of(&[git, both, android].join(","))).affected[..] else { panic!() };
        assert_eq!((found.package.as_str(), found.what.ranges.len()), ("zope-interface", 1));
        assert_eq!(found.what.versions, ["1", "2"]);
    }

    #[test]
    fn what_is_withdrawn_says_nothing_else() {
        let json = r#"{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "withdrawn": "2026-01-02T00:00:00Z",
            "affected": [{"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1"]}]}"#;
        assert!(read(json).withdrawn && read(json).affected.is_empty());
    }

    #[test]
    fn words_and_modules_are_found_where_distributions_write_them() {
        let json = r#"{"id": "RHSA-1", "modified": "2026-01-01T00:00:00Z", "summary": "Important: nodejs:18 security update", "affected": [
            {"package": {"ecosystem": "Red Hat:enterprise_linux:8::appstream", "name": "nodejs", "purl": "pkg:rpm/redhat/nodejs?rpmmod=nodejs:18:81:2a"},
             "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}"#;
        let record = read(json);
        assert_eq!(record.advisory.severity.word.as_deref(), Some("important"));
        assert_eq!(record.affected[0].what.module.as_deref(), Some("nodejs:18"));
        assert_eq!(record.affected[0].release, "enterprise_linux:8::appstream");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let range = |events: &str| {
            of(&format!(
                "\n{{\"package\": {{\"ecosystem\": \"Go\", \"name\": \"x\"}}, \"ranges\": [{{\"type\": \"SEMVER\", \"events\": [{events}]}}]}}"
            ))
        };
        assert!(read(&range(r#"{"introduced": "0"}, {"limit": "2"}"#)).affected.len() == 1);
        for (json, reason) in [
            (range(r#"{"fixed": "1"}"#), "all.zip: X.json:2:104: affected[0].ranges[0]: a range has no `introduced` event"),
            (range(r#"{"introduced": "0", "fixed": "1"}"#), "an event is to have one of"),
            (range(r#"{"introduced": "0"}, {"repaired": "1"}"#), "unknown field `repaired`"),
            (range(r#"{"introduced": ""}"#), "is empty"),
            (of("7"), "affected[0]: invalid type: integer `7`"),
            ("{\"id\": \"X\"}".to_owned(), "X.json:1:11: missing field `modified`"),
            (r#"{"id": "X", "id": "Y"}"#.to_owned(), "duplicate field `id`"),
            (r#"{"id": "X\u001b[31m", "modified": "2026-01-01T00:00:00Z"}"#.to_owned(), "control characters"),
            (r#"{"id": "X", "modified": "yesterday"}"#.to_owned(), "modified: "),
            ("".to_owned(), "EOF"),
            ("[".repeat(100_000), "invalid"),
        ] {
            let found = refusal(&json);
            assert!(found.contains(reason), "{found} has no {reason}");
        }
    }
}
