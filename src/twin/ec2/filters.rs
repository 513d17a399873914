//! What all `Describe…` operations share: ids, filters with wildcards, pages.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::twin::error::ApiError;
use crate::twin::state::Tags;

use super::fault;
use super::params::Fields;

/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>
const MOST_FILTER_VALUES: usize = 200;

/// The filters of a request: all must hold; of one filter's values, one.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Takes `Filter.N`, refusing names that the operation doesn't know.
    pub(super) fn take(fields: &mut Fields) -> Result<Self, ApiError> {
        let filters = fields.each("Filter", |f| Ok((f.required("Name")?, f.list("Value")?)))?;
        for (name, values) in &filters {
            if !fields.operation().takes_filter(name) {
                return Err(fault::of("InvalidParameterValue", format!("The filter '{name}' is invalid")));
            }
            if values.is_empty() || values.len() > MOST_FILTER_VALUES {
                let text = format!("The filter '{name}' must have 1 to {MOST_FILTER_VALUES} values");
                return Err(fault::of("InvalidParameterValue", text));
            }
        }
        Ok(Self(filters))
    }

    /// Tells whether something with these tags passes; `values` gives its values for a filter's name.
    pub(super) fn pass(&self, tags: &Tags, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let values = match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).cloned().into_iter().collect(),
                None if name == "tag-key" => tags.keys().cloned().collect(),
                None => values(name),
            };
            values.iter().any(|value| patterns.iter().any(|pattern| wildcard(pattern, value)))
        })
    }
}

/// Tells whether a text matches a pattern: `*` any text, `?` any character, `\` takes away their meaning.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    #[derive(PartialEq)]
    enum Part {
        Any,
        One,
        Just(char),
    }
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::Just(characters.next().unwrap_or('\\')),
            c => Part::Just(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    // On a mismatch only the last star can give: linear memory, at worst quadratic time.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if parts.get(p) == Some(&Part::Any) {
            star = Some((p, t));
            p += 1;
        } else if parts.get(p).is_some_and(|part| *part == Part::One || *part == Part::Just(text[t])) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    parts[p..].iter().all(|part| *part == Part::Any)
}

/// Which part of the answer is asked for.
#[derive(Debug)]
pub(super) struct Page {
    most: usize,
    after: Option<String>,
}

impl Page {
    /// Takes `MaxResults`, bounded by the operation, and `NextToken`; the former doesn't go with a list of `ids`.
    pub(super) fn take(fields: &mut Fields, ids: &[String]) -> Result<Self, ApiError> {
        let most = fields.number::<usize>("MaxResults")?;
        if let Some(most) = most {
            let (lowest, highest) = fields.operation().pages.unwrap_or((1, usize::MAX));
            if !(lowest..=highest).contains(&most) {
                let text =
                    format!("Value ( {most} ) for parameter maxResults is invalid. Expecting a value between {lowest} and {highest}.");
                return Err(fault::of("InvalidParameterValue", text));
            }
            if !ids.is_empty() {
                return Err(fault::combination("The parameter maxResults cannot be used with a list of ids"));
            }
        }
        let after = fields.text("NextToken").map(|token| decode(&token).ok_or_else(fault::next_token)).transpose()?;
        Ok(Self { most: most.unwrap_or(usize::MAX), after })
    }

    /// Cuts the page out of `items`, which are sorted by `key`; returns the next page's token.
    pub(super) fn cut<T>(&self, items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let mut rest = items.into_iter().filter(|item| self.after.as_deref().is_none_or(|after| key(item) > after));
        let page: Vec<T> = rest.by_ref().take(self.most).collect();
        let more = rest.next().is_some();
        let token = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(format!("after {}", key(last))));
        (page, token)
    }
}

fn decode(token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix("after ").map(str::to_owned)
}

/// Refuses malformed ids, then those that are not among `found`.
pub(super) fn require_all<'a>(
    ids: &[String],
    found: impl IntoIterator<Item = &'a str>,
    not_found: impl Fn(&str) -> ApiError,
) -> Result<(), ApiError> {
    let found: BTreeSet<&str> = found.into_iter().collect();
    let missing: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !found.contains(id)).collect();
    if missing.is_empty() { Ok(()) } else { Err(not_found(&missing.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_texts() {
        for (pattern, text) in
            [("*", ""), ("debian-*", "debian-13"), ("a?c", "abc"), ("*b*d", "abcbd"), (r"a\*", "a*"), ("", ""), ("é?", "éx")]
        {
            assert!(wildcard(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("debian", "debian-13"), ("a?c", "ac"), (r"a\*", "ab"), ("", "x"), ("*b", "abc"), ("?", "")] {
            assert!(!wildcard(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        assert!(!wildcard(&"*a".repeat(100), &"a".repeat(99)));
    }

    #[test]
    fn pages_follow_each_other_without_gap() {
        let items: Vec<String> = (0..12).map(|n| format!("{n:02}")).collect();
        let first = Page { most: 5, after: None };
        let (page, token) = first.cut(&items, |i| i.as_str());
        assert_eq!(page.len(), 5);
        let second = Page { most: 7, after: decode(&token.unwrap()) };
        let (page, token) = second.cut(&items, |i| i.as_str());
        assert_eq!((page[0].as_str(), page.len(), token), ("05", 7, None));
    }
}
