//! The search of one file: keywords, then the patterns of their rules around them, then checks.

use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};
use sha2::{Digest as _, Sha256};

use super::Fingerprint;
use super::check::{Candidate, Weight, line_before};
use super::prefilter::Keywords;
use super::rules::{Family, RULES, RuleBook, SecretRule, UNALLOCATED_RULES};
use super::scope::{FileScope, Form, NamedFiles};
use crate::model::report::Severity;

/// Bytes that windows of one file share. Rules look half as far around their keywords at most, so that each
/// keyword has all that its rule looks at in one of the windows.
pub(in crate::scan) const OVERLAP_BYTES: usize = 64 << 10;

/// Bytes around keywords that are looked at in one file, a byte once a rule: keywords are rare but in hostile files.
const MOST_LOOKED_AT_BYTES: usize = 64 << 20;

/// How much of a file is searched for what only configuration is: no configuration that people write is larger, and such
/// rules take several times as long as the others.
const MOST_CONFIG_BYTES: u64 = 16 << 20;

/// What of a file rules without a pattern judge it by.
const HEAD_BYTES: usize = 4096;

/// Matches of one rule and weight in one file that are kept.
const MOST_MATCHES: usize = 8;

/// A stretch of a file; the one after it begins [`OVERLAP_BYTES`] before its end.
#[derive(Debug, Clone, Copy)]
pub(in crate::scan) struct Window<'b> {
    /// Where it begins in the file.
    pub(in crate::scan) offset_bytes: u64,
    /// Its content.
    pub(in crate::scan) bytes: &'b [u8],
    /// Whether it ends the file.
    pub(in crate::scan) last: bool,
}

impl<'b> Window<'b> {
    /// Takes a whole file as one window.
    pub(in crate::scan) fn whole(bytes: &'b [u8]) -> Self {
        Self { offset_bytes: 0, bytes, last: true }
    }

    /// The range whose keywords are this window's; those beyond are of the windows beside it.
    fn core(&self) -> Range<usize> {
        let length = self.bytes.len();
        let start = if self.offset_bytes == 0 { 0 } else { (OVERLAP_BYTES / 2).min(length) };
        let end = if self.last { length } else { length.saturating_sub(OVERLAP_BYTES / 2) };
        start..end.max(start)
    }
}

/// A secret in a file.
#[derive(Debug, Clone)]
pub(in crate::scan) struct Match {
    /// What kind of secret it is.
    pub(in crate::scan) rule: &'static SecretRule,
    /// How much it weighs.
    pub(in crate::scan) weight: Weight,
    /// The line it begins on, counted from 1; none far into a big file.
    pub(in crate::scan) line: Option<u64>,
    /// Where it stands in the file.
    pub(in crate::scan) range: Range<u64>,
    /// What may be told of it.
    pub(in crate::scan) fingerprint: Fingerprint,
}

impl Match {
    /// Returns how bad it is.
    pub(in crate::scan) fn severity(&self) -> Severity {
        match self.weight {
            Weight::Full => self.rule.severity,
            Weight::UnderPassphrase => self.rule.severity.min(Severity::Medium),
            Weight::Sample => Severity::Low,
        }
    }

    fn overlaps(&self, other: &Match) -> bool {
        self.range.start < other.range.end && other.range.start < self.range.end
    }
}

/// The secrets of one file.
#[derive(Debug, Default)]
pub(in crate::scan) struct Matches {
    list: Vec<Match>,
    looked_at_bytes: usize,
    /// What the file is written in.
    form: Form,
    /// Whether it is configuration beyond what is searched as such.
    beyond_config: bool,
}

impl Matches {
    /// Returns the secrets by their places.
    pub(in crate::scan) fn into_sorted(mut self) -> Vec<Match> {
        self.list.sort_by_key(|found| (found.range.start, found.rule.order));
        self.list
    }

    /// Says why the file was not searched to its end, if it wasn't.
    pub(in crate::scan) fn fault(&self) -> Option<&'static str> {
        (self.looked_at_bytes > MOST_LOOKED_AT_BYTES).then_some("it holds more words that stand near secrets than are looked at")
    }

    /// Says what rules did not look at, although others did.
    pub(in crate::scan) fn partial(&self) -> Option<String> {
        let why = || format!("only its first {MOST_CONFIG_BYTES} bytes were searched for the passwords that stand in configuration");
        self.beyond_config.then(why)
    }

    /// Tells whether a rule has found as much of a weight in the file as is kept. What weighs less takes no place of what
    /// weighs more: a key in the clear may come after many under a passphrase.
    fn is_full(&self, rule: &SecretRule, weight: Weight) -> bool {
        self.list.iter().filter(|known| known.rule.order == rule.order && known.weight == weight).count() >= MOST_MATCHES
    }

    /// Adds a secret, unless its rule told of it already or a rule of precedence told of what stands there.
    fn add(&mut self, new: Match) {
        let known = |known: &Match| {
            let same = known.rule.order == new.rule.order && known.fingerprint == new.fingerprint;
            same && known.weight <= new.weight || known.overlaps(&new) && known.rule.order <= new.rule.order
        };
        if !self.list.iter().any(known) {
            self.list.retain(|known| !known.overlaps(&new));
            self.list.push(new);
        }
    }
}

/// Searches files for secrets; made once, used by all threads.
#[derive(Debug)]
pub(in crate::scan) struct Searcher {
    book: &'static RuleBook,
    everywhere: Keywords,
    /// The keywords of rules for configuration and other text.
    written: Keywords,
    /// Those of rules for files of certain names: some of them are in every line, so that no other file is searched for them.
    in_named: Keywords,
    named: NamedFiles,
    /// The rules that look at every file as a whole.
    whole: Vec<usize>,
}

static SEARCHER: LazyLock<Searcher> = LazyLock::new(|| Searcher::new(&RULES));
static UNALLOCATED: LazyLock<Searcher> = LazyLock::new(|| Searcher::new(&UNALLOCATED_RULES));

impl Searcher {
    /// Returns the searcher of the embedded rules.
    pub(in crate::scan) fn embedded() -> &'static Self {
        &SEARCHER
    }

    /// Returns the searcher for space that no file holds, by rules that are never mistaken.
    pub(in crate::scan) fn unallocated() -> &'static Self {
        &UNALLOCATED
    }

    fn new(book: &'static RuleBook) -> Self {
        let keywords = |chosen: fn(&SecretRule) -> bool| {
            let rules = book.rules.iter().enumerate().filter(move |(_, rule)| chosen(rule));
            rules.flat_map(|(index, rule)| rule.keywords.iter().map(move |keyword| (keyword.as_str(), index)))
        };
        let whole = book.rules.iter().enumerate().filter(|(_, rule)| rule.everywhere() && rule.keywords.is_empty());
        Self {
            book,
            everywhere: Keywords::as_written(keywords(SecretRule::everywhere)),
            written: Keywords::in_any_case(keywords(SecretRule::is_for_what_is_written)),
            in_named: Keywords::in_any_case(keywords(|rule| !rule.files.is_empty())),
            named: NamedFiles::new(&book.rules),
            whole: whole.map(|(index, _)| index).collect(),
        }
    }

    /// Tells which rules look at a file, by all its names; each is absolute in the image.
    pub(in crate::scan) fn scope<'p>(&self, names: impl Iterator<Item = &'p Path>) -> FileScope {
        FileScope::new(&self.named, names)
    }

    /// Searches a window of a file.
    ///
    /// Windows come in order, each sharing [`OVERLAP_BYTES`] with the one before. What is found doesn't depend on
    /// where they are cut.
    pub(in crate::scan) fn search(&self, scope: &FileScope, window: &Window, found: &mut Matches) {
        if window.offset_bytes == 0 {
            found.form = Form::of(window.bytes);
            self.judge_whole(scope, window, found);
        }
        let form = found.form;
        let mut regions = Regions::new(self.book, window.bytes.len());
        let mut look = |rule: usize, place| {
            let data = &self.book.rules[rule];
            if scope.has(rule, data, form) && data.can_fit(&window.bytes[place..]) {
                regions.add(rule, place);
            }
        };
        let within = window.core();
        self.everywhere.hits(window.bytes, within.clone(), &mut look);
        // Where configuration ends, in this window.
        let most = usize::try_from(MOST_CONFIG_BYTES.saturating_sub(window.offset_bytes)).unwrap_or(usize::MAX);
        let is_written = scope.is_config(form) || scope.is_text(form);
        found.beyond_config |= is_written && within.end > most;
        if is_written && within.start < most {
            self.written.hits(window.bytes, within.start..within.end.min(most), &mut look);
        }
        if scope.named().next().is_some() {
            self.in_named.hits(window.bytes, within, &mut look);
        }
        for (rule, regions) in regions.joined() {
            let rule = &self.book.rules[rule];
            let Some(pattern) = rule.pattern() else { continue };
            for region in regions {
                found.looked_at_bytes = found.looked_at_bytes.saturating_add(region.len());
                if found.fault().is_some() {
                    return;
                }
                self.judge(scope, (rule, pattern), region, window, found);
            }
        }
    }

    /// Lets rules without a pattern judge a file by its beginning.
    fn judge_whole(&self, scope: &FileScope, window: &Window, found: &mut Matches) {
        let head = &window.bytes[..window.bytes.len().min(HEAD_BYTES)];
        let rules = scope.named().chain(self.whole.iter().copied()).map(|rule| &self.book.rules[rule]);
        for rule in rules.filter(|rule| rule.keywords.is_empty()) {
            let candidate = Candidate { value: head, matched: head, before: &[], line: &[], around: head, has_starred_comments: false };
            if let Some(weight) = self.weigh(rule, scope, &candidate) {
                found.add(Match { rule, weight, line: None, range: 0..head.len() as u64, fingerprint: Fingerprint::of(head) });
            }
        }
    }

    /// Tries a rule's pattern on a region of a window.
    fn judge(
        &self,
        scope: &FileScope,
        (rule, pattern): (&'static SecretRule, &Regex),
        region: Range<usize>,
        window: &Window,
        found: &mut Matches,
    ) {
        // Cut at its end alone, so that the pattern sees what stands before it.
        let text = &window.bytes[..region.end];
        let mut at = region.start;
        while let Some(captures) = pattern.captures_at(text, at) {
            let (Some(matched), Some(secret)) = (captures.get(0), secret(&captures)) else { return };
            at = secret.end().max(at + 1);
            // What follows can't weigh more.
            if found.is_full(rule, Weight::Full) {
                return;
            }
            // As far as the rule looks from any keyword: where many stand close together, a region is as long as the file.
            let start = region.start.max(secret.start().saturating_sub(rule.before + rule.after));
            let end = text.len().min(secret.end().saturating_add(rule.before + rule.after));
            let candidate = Candidate {
                value: secret.as_bytes(),
                matched: matched.as_bytes(),
                before: &text[start..secret.start()],
                line: line_before(text, secret.start()),
                around: &text[start..end],
                has_starred_comments: scope.has_starred_comments(),
            };
            let Some(weight) = self.weigh(rule, scope, &candidate) else { continue };
            if found.is_full(rule, weight) {
                continue;
            }
            let offset = |place: usize| window.offset_bytes + place as u64;
            found.add(Match {
                rule,
                weight,
                line: (window.offset_bytes == 0).then(|| line(text, matched.start(), secret.start(), rule)),
                range: offset(secret.start())..offset(secret.end()),
                fingerprint: Fingerprint::of(&candidate.plain()),
            });
        }
    }

    /// Weighs what a rule found: none if it is no secret.
    fn weigh(&self, rule: &SecretRule, scope: &FileScope, candidate: &Candidate) -> Option<Weight> {
        let weight = candidate.judge(rule)?;
        let digest: [u8; 32] = Sha256::digest(candidate.plain()).into();
        if self.book.known.contains(&digest) {
            return None;
        }
        // Of files that are credentials by their names, none is a sample.
        Some(if rule.everywhere() && scope.is_sample() { Weight::Sample } else { weight })
    }
}

/// The line that a secret is told to stand on: a key's begins with its header.
fn line(text: &[u8], matched: usize, secret: usize, rule: &SecretRule) -> u64 {
    let start = if rule.family == Family::Key { matched } else { secret };
    1 + memchr::memchr_iter(b'\n', &text[..start]).count() as u64
}

/// The secret among what a pattern captured: alternatives have groups of their own.
fn secret<'t>(captures: &Captures<'t>) -> Option<regex::bytes::Match<'t>> {
    ["secret", "secret2", "secret3", "secret4"].into_iter().find_map(|name| captures.name(name)).filter(|secret| !secret.is_empty())
}

/// What rules look at in a window: around their keywords, each byte once a rule.
struct Regions {
    book: &'static RuleBook,
    end: usize,
    by_rule: BTreeMap<usize, Vec<Range<usize>>>,
}

impl Regions {
    fn new(book: &'static RuleBook, end: usize) -> Self {
        Self { book, end, by_rule: BTreeMap::new() }
    }

    fn add(&mut self, rule: usize, place: usize) {
        let SecretRule { before, after, .. } = &self.book.rules[rule];
        let region = place.saturating_sub(*before)..place.saturating_add(*after).min(self.end);
        let regions = self.by_rule.entry(rule).or_default();
        match regions.last_mut() {
            Some(last) if region.start <= last.end && region.start >= last.start => last.end = last.end.max(region.end),
            _ => regions.push(region),
        }
    }

    /// Returns each rule's regions in their order: keywords don't all come by their places.
    fn joined(self) -> impl Iterator<Item = (usize, Vec<Range<usize>>)> {
        self.by_rule.into_iter().map(|(rule, mut regions)| {
            regions.sort_unstable_by_key(|region| region.start);
            regions.dedup_by(|next, last| {
                let touches = next.start <= last.end;
                if touches {
                    last.end = last.end.max(next.end);
                }
                touches
            });
            (rule, regions)
        })
    }
}

/// Finds the secrets of a whole file.
pub(in crate::scan) fn find(path: &Path, bytes: &[u8]) -> Vec<Match> {
    let (searcher, mut found) = (Searcher::embedded(), Matches::default());
    searcher.search(&searcher.scope(std::iter::once(path)), &Window::whole(bytes), &mut found);
    found.into_sorted()
}

/// Counts the secrets in a file's content, as a scan finds them; the file is taken to be owned by no package.
pub fn count_secrets(path: &Path, content: &[u8]) -> usize {
    find(path, content).len()
}

/// Finds where AWS secret keys and session tokens stand.
pub(in crate::scan) fn aws_credentials(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let aws = |found: &Match| found.rule.family == Family::Aws;
    find(Path::new(""), bytes).into_iter().filter(aws).map(|found| found.range.start as usize..found.range.end as usize)
}

/// The pattern of an embedded rule.
pub(in crate::scan) struct Pattern(LazyLock<&'static Regex>);

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.0
    }
}

/// The header of a PEM block and at least 64 characters of its body.
pub(in crate::scan) static PEM: Pattern = Pattern(LazyLock::new(|| pattern("pem-key")));

/// A private key of PuTTY's.
pub(in crate::scan) static PUTTY: Pattern = Pattern(LazyLock::new(|| pattern("putty-key")));

fn pattern(id: &str) -> &'static Regex {
    RULES.rules.iter().find(|rule| rule.id == id).and_then(SecretRule::pattern).expect("a test finds the rule")
}
