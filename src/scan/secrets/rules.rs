//! The rules of `rules/*.toml`, read and checked.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::super::packages::Builder;
use super::check::Check;
use super::searcher::OVERLAP_BYTES;
use crate::model::report::Severity;

/// The embedded rules.
pub(super) static RULES: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::parse(EMBEDDED).expect("a test reads the embedded rules"));

/// The rules for space that no file holds.
pub(super) static UNALLOCATED_RULES: LazyLock<RuleBook> =
    LazyLock::new(|| RuleBook::parse_unallocated(UNALLOCATED).expect("a test reads the embedded rules"));

const UNALLOCATED: &str = include_str!("rules/unallocated.toml");

/// One document in several files; rules of the first have precedence.
const EMBEDDED: &str = concat!(
    include_str!("rules/keys.toml"),
    include_str!("rules/tokens.toml"),
    include_str!("rules/programs.toml"),
    include_str!("rules/files.toml"),
    include_str!("rules/known.toml")
);

/// How much a pattern may take when compiled.
const LARGEST_PATTERN_BYTES: usize = 4 << 20;

/// The shortest keyword that all files are searched for: shorter ones would be everywhere.
const SHORTEST_KEYWORD: usize = 3;

/// All rules, in order of precedence, and what is no secret though it looks like one.
#[derive(Debug)]
pub(super) struct RuleBook {
    pub(super) rules: Vec<SecretRule>,
    /// SHA-256 of secrets that everybody knows.
    pub(super) known: BTreeSet<[u8; 32]>,
}

/// What one kind of secret looks like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::scan) struct SecretRule {
    /// Its stable name.
    pub(in crate::scan) id: String,
    /// What it finds, with its article.
    pub(in crate::scan) title: String,
    /// Which finding it becomes.
    pub(in crate::scan) family: Family,
    /// How bad it is to find it.
    pub(in crate::scan) severity: Severity,
    /// Who is trusted most among those in whose packages' unchanged files it is told of; what it finds in the files of who
    /// is trusted more is taken for an example.
    #[serde(default)]
    pub(in crate::scan) packages_of: Builder,
    #[serde(default)]
    pub(super) keywords: Vec<String>,
    #[serde(default)]
    regex: Option<String>,
    #[serde(default = "before")]
    pub(super) before: usize,
    #[serde(default = "after")]
    pub(super) after: usize,
    #[serde(default)]
    behind: Option<Behind>,
    /// The shortest value that the pattern takes behind an assignment.
    #[serde(default)]
    shortest: usize,
    #[serde(default)]
    pub(super) scope: Scope,
    #[serde(default)]
    pub(super) files: Vec<String>,
    #[serde(default)]
    pub(super) random: bool,
    #[serde(default)]
    pub(super) check: Option<Check>,
    /// Its place among the rules: of two that find the same, the first tells.
    #[serde(skip)]
    pub(super) order: usize,
    #[serde(skip)]
    compiled: OnceLock<Regex>,
}

/// Kinds of findings that secrets become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::scan) enum Family {
    /// Credentials of AWS.
    Aws,
    /// Private keys and stores of keys.
    Key,
    /// Files that hold credentials by their nature.
    File,
    /// Tokens and other secrets, anywhere.
    Token,
    /// Passwords of applications, the same for every instance.
    Application,
    /// What asks its user for AWS keys.
    Request,
}

/// Where a rule looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scope {
    #[default]
    Any,
    /// Any file but those of accounts, which rules of their own look at.
    NoAccounts,
    Config,
    /// Configuration, scripts and programs' source, libraries aside.
    Text,
}

/// What has to stand behind a keyword, told at a glance: most common words are no keywords of anything, and a pattern takes a
/// hundred times as long to find that out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Behind {
    /// The rest of a name, and what gives it a value.
    Assignment,
    /// The rest of a name of several words, and what gives it a value.
    Label,
    /// The rest of a name, and another named `value`.
    Value,
    /// The rest of a name, and of the tag that it stands in.
    Element,
    /// A user and a password, before a host.
    Credentials,
}

impl Behind {
    /// The longest that patterns let stand between a keyword's beginning and what it is told by.
    const MOST_BYTES: usize = 512;

    /// How far behind a name its type stands at most, if it has one.
    const TYPE_BYTES: usize = 64;

    /// Tells whether it stands there; what is assigned has as many bytes as the shortest value.
    fn stands_in(self, text: &[u8], shortest: usize) -> bool {
        let text = &text[..text.len().min(Self::MOST_BYTES)];
        let named =
            |space| behind(text, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') || space && byte == b' ');
        let closed = |rest| behind(rest, |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b']'));
        match self {
            Self::Assignment => {
                let rest = closed(named(false));
                match rest.first() {
                    // A type may come first.
                    Some(b':') if rest[1..].iter().take(Self::TYPE_BYTES).any(|&byte| byte == b'=') => true,
                    Some(b':' | b'=' | b',') => has_value(&rest[1..], shortest),
                    _ => rest.starts_with(b"string"),
                }
            }
            Self::Label => matches!(closed(named(true)).first(), Some(b':' | b'=')),
            Self::Value => {
                let rest = behind(named(false), |byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b','));
                rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"value"))
            }
            Self::Element => {
                let rest = named(false);
                let is_name =
                    rest.first().is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'>' | b'<' | b'/'));
                is_name && (rest.starts_with(b"</name") || rest.iter().find(|byte| matches!(byte, b'<' | b'>')) == Some(&b'>'))
            }
            Self::Credentials => {
                let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'@' | b'"' | b'\'' | b'`' | b'<' | b'>');
                let rest = text.strip_prefix(b"://").unwrap_or(text);
                rest.iter().find(|&&byte| ends(byte)) == Some(&b'@')
            }
        }
    }
}

/// Tells whether a value stands behind the first byte of what assigns it: what quotes hold, or all up to a space.
fn has_value(text: &[u8], shortest: usize) -> bool {
    let rest = behind(text, |byte| byte.is_ascii_whitespace() || matches!(byte, b':' | b'=' | b'>'));
    let (value, quote) = match rest.split_first() {
        Some((&quote @ (b'"' | b'\''), value)) => (value, Some(quote)),
        _ => (rest, None),
    };
    let ends =
        |byte: u8| quote.map_or_else(|| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\''), |quote| byte == quote || byte == b'\n');
    // Cut by how far is looked, it may go on.
    value.iter().position(|&byte| ends(byte)).is_none_or(|length| length >= shortest)
}

/// Returns what stands behind the bytes that go on.
fn behind(text: &[u8], goes_on: impl Fn(u8) -> bool) -> &[u8] {
    &text[text.iter().position(|&byte| !goes_on(byte)).unwrap_or(text.len())..]
}

fn before() -> usize {
    64
}

fn after() -> usize {
    512
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    rule: Vec<SecretRule>,
    known: Vec<Known>,
}

/// Rules beside some of the embedded ones.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    /// Ids of embedded rules.
    rules: Vec<String>,
    rule: Vec<SecretRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[expect(dead_code, reason = "said for the reader of the file")]
    what: String,
    #[expect(dead_code, reason = "said for the reader of the file")]
    source: String,
    sha256: String,
}

/// Says what is wrong with rules.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidRules {
    #[error("the rules can't be read")]
    Toml(#[source] Box<toml::de::Error>),
    #[error("the rule {id} {why}")]
    Rule { id: String, why: String },
    #[error("{0} is no SHA-256")]
    Known(String),
    #[error("there is no rule {0}")]
    Unknown(String),
}

impl RuleBook {
    /// Reads rules. Their patterns are compiled when first used; [`RuleBook::check`] tries them all.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidRules> {
        Self::of(toml::from_str(text).map_err(|source| InvalidRules::Toml(Box::new(source)))?)
    }

    /// Reads rules that stand beside some of the embedded ones.
    fn parse_unallocated(text: &str) -> Result<Self, InvalidRules> {
        let read = |source| InvalidRules::Toml(Box::new(source));
        let selection: Selection = toml::from_str(text).map_err(read)?;
        let mut document: Document = toml::from_str(EMBEDDED).map_err(read)?;
        if let Some(unknown) = selection.rules.iter().find(|id| !document.rule.iter().any(|rule| rule.id == **id)) {
            return Err(InvalidRules::Unknown(unknown.clone()));
        }
        document.rule.retain(|rule| selection.rules.contains(&rule.id));
        document.rule.extend(selection.rule);
        Self::of(document)
    }

    fn of(mut document: Document) -> Result<Self, InvalidRules> {
        let mut known = BTreeSet::new();
        for Known { sha256, .. } in document.known {
            let mut digest = [0; 32];
            hex::decode_to_slice(&sha256, &mut digest).map_err(|_| InvalidRules::Known(sha256))?;
            known.insert(digest);
        }
        let mut ids = BTreeSet::new();
        for rule in &document.rule {
            let invalid = |why: &str| Err(InvalidRules::Rule { id: rule.id.clone(), why: why.to_owned() });
            if !ids.insert(rule.id.as_str()) {
                return invalid("stands there twice");
            }
            if rule.keywords.is_empty() != rule.regex.is_none() {
                return invalid("has keywords without a pattern, or a pattern without keywords");
            }
            if rule.regex.is_none() && rule.check.is_none() {
                return invalid("has neither pattern nor check");
            }
            if rule.before.max(rule.after) > OVERLAP_BYTES / 2 {
                return invalid("looks further than windows overlap");
            }
            let short = |keyword: &String| keyword.is_empty() || rule.everywhere() && keyword.len() < SHORTEST_KEYWORD;
            if rule.keywords.iter().any(short) {
                return invalid("has a keyword that is too short");
            }
        }
        document.rule.iter_mut().enumerate().for_each(|(order, rule)| rule.order = order);
        Ok(Self { rules: document.rule, known })
    }
}

impl SecretRule {
    /// Tells whether all files are searched for its keywords.
    pub(super) fn everywhere(&self) -> bool {
        matches!(self.scope, Scope::Any | Scope::NoAccounts) && self.files.is_empty()
    }

    /// Tells whether it is for any file of configuration or other text.
    pub(super) fn is_for_what_is_written(&self) -> bool {
        matches!(self.scope, Scope::Config | Scope::Text) && self.files.is_empty()
    }

    /// Tells whether its pattern can fit at a keyword, by what stands from there on.
    #[inline]
    pub(super) fn can_fit(&self, from_keyword: &[u8]) -> bool {
        self.behind.is_none_or(|behind| behind.stands_in(from_keyword, self.shortest))
    }

    /// Returns its pattern; none if it judges files as a whole.
    pub(super) fn pattern(&self) -> Option<&Regex> {
        let regex = self.regex.as_deref()?;
        Some(self.compiled.get_or_init(|| self::regex(regex)))
    }
}

/// Compiles a pattern of this crate's own.
pub(in crate::scan) fn regex(pattern: &str) -> Regex {
    compile(pattern).expect("a test compiles every pattern")
}

/// Compiles a pattern over bytes; classes such as `\w` are of ASCII.
fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(LARGEST_PATTERN_BYTES).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_rule_is_valid() {
        for rule in RULES.rules.iter().chain(&UNALLOCATED_RULES.rules) {
            let Some(pattern) = &rule.regex else { continue };
            let compiled = compile(pattern).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
            assert!(compiled.capture_names().flatten().any(|name| name == "secret"), "{} captures no secret", rule.id);
            assert!(!compiled.is_match(b""), "{} fits nothing", rule.id);
        }
    }

    #[test]
    fn a_glance_tells_what_no_pattern_can_fit() {
        let tell = |behind: Behind, text: &str| behind.stands_in(text.as_bytes(), 6);
        let assigns = |text: &str| tell(Behind::Assignment, text);
        for text in [
            "password=abcdef",
            "pass_2: abcdef",
            "pass\"] = \"a bcde\"",
            "pass', 'abc def'",
            "pass := abcdef,",
            "pass => 'abcdef'",
            "pass=abc",
        ] {
            assert!(assigns(text), "{text}");
        }
        for text in ["password: str = ''", "password string = \"x\"", "pass: \n abcdef"] {
            assert!(assigns(text), "{text}");
        }
        for text in ["password=None,\n", "password='abcde'", "password: \"\"\nabcdefgh", "passing", "pass the salt", "pass(abcdef)"] {
            assert!(!assigns(text), "{text}");
        }
        assert!(tell(Behind::Label, "licence key no = x") && !tell(Behind::Label, "licence.\nx = y"));
        assert!(tell(Behind::Value, "PASS_WORD\",\n  \"value\": \"x\"") && !tell(Behind::Value, "PASSWORD: value"));
    }

    #[test]
    fn what_no_file_holds_is_searched_everywhere_for_known_rules() {
        let rules = &UNALLOCATED_RULES.rules;
        assert!(rules.iter().all(|rule| rule.everywhere() && rule.regex.is_some()));
        assert!(rules.len() < RULES.rules.len() && rules.iter().any(|rule| rule.id == "shadow-line"));
        let missing = RuleBook::parse_unallocated("rules = ['colour']\nrule = []").unwrap_err();
        assert_eq!(missing.to_string(), "there is no rule colour");
    }

    #[test]
    fn rules_that_could_find_nothing_are_refused() {
        let rule = |rest: &str| format!("known = []\n[[rule]]\nid = 'x'\ntitle = 'x'\nfamily = 'token'\nseverity = 'high'\n{rest}");
        let why = |rest: &str| RuleBook::parse(&rule(rest)).unwrap_err().to_string();
        assert_eq!(why("keywords = ['abc']"), "the rule x has keywords without a pattern, or a pattern without keywords");
        assert_eq!(why("regex = 'a'"), "the rule x has keywords without a pattern, or a pattern without keywords");
        assert_eq!(why(""), "the rule x has neither pattern nor check");
        assert_eq!(why("keywords = ['ab']\nregex = 'ab'"), "the rule x has a keyword that is too short");
        assert_eq!(why("keywords = ['abc']\nregex = 'abc'\nafter = 40000"), "the rule x looks further than windows overlap");
        assert_eq!(why("colour = 'red'"), "the rules can't be read");
        assert!(RuleBook::parse("rule = []\n[[known]]\nwhat = 'x'\nsource = 'x'\nsha256 = 'x'").is_err());
    }
}
