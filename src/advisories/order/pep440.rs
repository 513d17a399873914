//! Python's order of versions. What is no version by its rules is before all that are.
//!
//! Source: <https://packaging.python.org/en/latest/specifications/version-specifiers/>

use std::cmp::Ordering;

use super::number::{Number, digits, is_number, run};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (normal(a), normal(b));
    Version::read(&a).cmp(&Version::read(&b))
}

/// Tells whether a text is a version by its rules.
pub(super) fn is_version(text: &str) -> bool {
    Known::read(&normal(text)).is_some()
}

/// Case, space around, and a `v` in front don't count.
fn normal(version: &str) -> String {
    let version = version.trim().to_ascii_lowercase();
    version.strip_prefix('v').map(str::to_owned).unwrap_or(version)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Version<'v> {
    Unknown(&'v str),
    Known(Known<'v>),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Known<'v> {
    epoch: Number<'v>,
    /// Without zeros at its end.
    release: Vec<Number<'v>>,
    stage: Stage<'v>,
    post: Option<Number<'v>>,
    dev: Dev<'v>,
    local: Option<Vec<Local<'v>>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stage<'v> {
    /// Development before the first alpha.
    Dev,
    Alpha(Number<'v>),
    Beta(Number<'v>),
    Candidate(Number<'v>),
    Release,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Dev<'v> {
    Before(Number<'v>),
    Done,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Local<'v> {
    Text(&'v str),
    Number(Number<'v>),
}

/// The spellings of the parts after the release, of which an earlier one isn't the beginning of a later one.
const ALPHA: [&str; 2] = ["alpha", "a"];
const BETA: [&str; 2] = ["beta", "b"];
const CANDIDATE: [&str; 4] = ["rc", "preview", "pre", "c"];
const POST: [&str; 3] = ["post", "rev", "r"];
const DEV: [&str; 1] = ["dev"];

impl<'v> Version<'v> {
    fn read(text: &'v str) -> Self {
        Known::read(text).map_or(Self::Unknown(text), Self::Known)
    }
}

impl<'v> Known<'v> {
    fn read(text: &'v str) -> Option<Self> {
        let (epoch, text) = text.split_once('!').unwrap_or(("0", text));
        let (public, local) = text.split_once('+').map_or((text, None), |(public, local)| (public, Some(local)));
        if !is_number(epoch) {
            return None;
        }
        let (release, mut rest) = release(public)?;
        let stages: [(&[&str], fn(Number<'v>) -> Stage<'v>); 3] =
            [(&ALPHA, Stage::Alpha), (&BETA, Stage::Beta), (&CANDIDATE, Stage::Candidate)];
        let stage = stages.into_iter().find_map(|(names, stage)| Some(stage(labelled(&mut rest, names)?)));
        let post = implicit_post(&mut rest).or_else(|| labelled(&mut rest, &POST));
        let dev = labelled(&mut rest, &DEV);
        let otherwise = if post.is_none() && dev.is_some() { Stage::Dev } else { Stage::Release };
        if !rest.is_empty() {
            return None;
        }
        let local = match local {
            Some(local) => Some(parse_local(local)?),
            None => None,
        };
        Some(Self {
            epoch: Number::new(epoch),
            release,
            stage: stage.unwrap_or(otherwise),
            post,
            dev: dev.map_or(Dev::Done, Dev::Before),
            local,
        })
    }
}

/// Splits the numbers off that a version begins with.
fn release(text: &str) -> Option<(Vec<Number<'_>>, &str)> {
    let mut numbers = Vec::new();
    let mut rest = text;
    loop {
        let (number, after) = digits(rest);
        if number.is_empty() {
            return None;
        }
        numbers.push(Number::new(number));
        rest = after;
        match rest.strip_prefix('.') {
            Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
            _ => break,
        }
    }
    while numbers.last().is_some_and(|number| number.is_zero()) {
        numbers.pop();
    }
    Some((numbers, rest))
}

/// Takes a part with one of several names and a number, 0 unless it is there: `.post1`, `rc`, `-beta-2`.
fn labelled<'v>(rest: &mut &'v str, names: &[&str]) -> Option<Number<'v>> {
    let text = skip_separator(rest);
    let after = names.iter().find_map(|name| text.strip_prefix(name))?;
    let (number, after) = digits(skip_separator(after));
    *rest = after;
    Some(Number::new(number))
}

/// Takes `-1`, the short form of `.post1`.
fn implicit_post<'v>(rest: &mut &'v str) -> Option<Number<'v>> {
    let (number, after) = digits(rest.strip_prefix('-')?);
    if number.is_empty() {
        return None;
    }
    *rest = after;
    Some(Number::new(number))
}

fn skip_separator(text: &str) -> &str {
    text.strip_prefix(['-', '_', '.']).unwrap_or(text)
}

fn parse_local(text: &str) -> Option<Vec<Local<'_>>> {
    let part = |part| {
        let (word, rest) = run(part, |byte| byte.is_ascii_alphanumeric());
        let local = if is_number(word) { Local::Number(Number::new(word)) } else { Local::Text(word) };
        (!word.is_empty() && rest.is_empty()).then_some(local)
    };
    text.split(['-', '_', '.']).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://packaging.python.org/en/latest/specifications/version-specifiers/#summary-of-permitted-suffixes-and-relative-ordering>
    #[test]
    fn the_examples_of_the_specification_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["not a version"],
            &["1.dev0", "1.0.dev", "v1-DEV0"],
            &["1.0.dev456"],
            &["1.0a1", "1.0-alpha.1"],
            &["1.0a2.dev456"],
            &["1.0a12.dev456"],
            &["1.0a12"],
            &["1.0b1.dev456"],
            &["1.0b2"],
            &["1.0b2.post345.dev456"],
            &["1.0b2.post345"],
            &["1.0rc1.dev456"],
            &["1.0rc1", "1.0c1", "1.0preview1", "1.0-pre-1"],
            &["1.0", "1", " v1.0.0 "],
            &["1.0+abc.5"],
            &["1.0+abc.7"],
            &["1.0+5"],
            &["1.0.post456.dev34"],
            &["1.0.post456", "1.0-456", "1.0r456"],
            &["1.0.15"],
            &["1.1.dev1"],
            &["2013.10"],
            &["1!0.1"],
        ];
        assert_ascending(Order::Pep440, groups);
    }
}
