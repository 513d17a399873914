//! The search for keywords: all of them at once, at the speed of memory.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::packed::{self, MatchKind};
use aho_corasick::{AhoCorasick, Span};

/// Keywords that a vectorised searcher takes at once: with more, several passes are faster than one that stops at what
/// only begins like a keyword. No processor's searcher takes fewer.
const GROUP: usize = 24;

/// Bytes that a vectorised searcher tells keywords apart by, if the shortest of its group has as many.
const TOLD_BY: usize = 4;

/// Searches for keywords.
#[derive(Debug)]
pub(super) struct Keywords {
    groups: Vec<Group>,
    /// Whether capitals count as small letters; the keywords are in small ones then.
    any_case: bool,
    longest: usize,
}

#[derive(Debug)]
struct Group {
    searcher: Searcher,
    heads: Vec<Head>,
}

/// Keywords that begin with the first of them, by their order.
type Head = Vec<Keyword>;

#[derive(Debug, Clone)]
struct Keyword {
    text: Vec<u8>,
    rules: Vec<usize>,
}

#[derive(Debug)]
enum Searcher {
    Packed(Box<packed::Searcher>),
    /// Where the processor has no vectors that serve.
    Automaton(Box<AhoCorasick>),
}

impl Keywords {
    /// Builds the search for keywords as they are written, from pairs of a keyword and its rule.
    pub(super) fn as_written<'k>(keywords: impl Iterator<Item = (&'k str, usize)>) -> Self {
        Self::new(keywords.map(|(keyword, rule)| (keyword.to_owned(), rule)), false)
    }

    /// Builds the search for keywords in either case of ASCII.
    pub(super) fn in_any_case<'k>(keywords: impl Iterator<Item = (&'k str, usize)>) -> Self {
        Self::new(keywords.map(|(keyword, rule)| (keyword.to_ascii_lowercase(), rule)), true)
    }

    fn new(keywords: impl Iterator<Item = (String, usize)>, any_case: bool) -> Self {
        let mut rules: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (keyword, rule) in keywords {
            let rules = rules.entry(keyword.into_bytes()).or_default();
            // In small letters two of a rule's keywords may be one.
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        let longest = rules.keys().map(Vec::len).max().unwrap_or_default();
        // A keyword that begins with another would be hidden by it: the shorter one is looked for, and the longer one at it.
        let mut heads: Vec<Head> = Vec::new();
        for (text, rules) in rules {
            match heads.last_mut() {
                Some(head) if text.starts_with(&head[0].text) => head.push(Keyword { text, rules }),
                _ => heads.push(vec![Keyword { text, rules }]),
            }
        }
        // Of like length, so that each group is told apart by as many bytes as it can.
        let told_by = |head: &Head| head[0].text.len().min(TOLD_BY);
        heads.sort_by_key(told_by);
        let alike = heads.chunk_by(|one, other| told_by(one) == told_by(other));
        Self { groups: alike.flat_map(|heads| heads.chunks(GROUP)).map(Group::new).collect(), any_case, longest }
    }

    /// Calls back with each keyword that begins in a range, and the place; a group's places come in order.
    pub(super) fn hits(&self, bytes: &[u8], within: Range<usize>, mut hit: impl FnMut(usize, usize)) {
        let end = within.end.saturating_add(self.longest).min(bytes.len());
        if self.any_case {
            let small = bytes[within.start..end].to_ascii_lowercase();
            self.hits_in(&small, 0..within.len(), |rule, place| hit(rule, within.start + place));
        } else {
            self.hits_in(&bytes[..end], within, hit);
        }
    }

    fn hits_in(&self, bytes: &[u8], within: Range<usize>, mut hit: impl FnMut(usize, usize)) {
        for group in &self.groups {
            let mut at = within.start;
            while let Some((head, place)) = group.find(bytes, at).filter(|(_, place)| *place < within.end) {
                let there = group.heads[head].iter().filter(|keyword| bytes[place..].starts_with(&keyword.text));
                there.flat_map(|keyword| &keyword.rules).for_each(|&rule| hit(rule, place));
                at = place + 1;
            }
        }
    }
}

impl Group {
    fn new(heads: &[Head]) -> Self {
        let patterns = || heads.iter().map(|head| &head[0].text);
        let packed = packed::Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(patterns()).build();
        let searcher = match packed {
            Some(searcher) => Searcher::Packed(Box::new(searcher)),
            None => Searcher::Automaton(Box::new(AhoCorasick::new(patterns()).expect("few short keywords fit an automaton"))),
        };
        Self { searcher, heads: heads.to_vec() }
    }

    fn find(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span::from(from..bytes.len());
        let found = match &self.searcher {
            Searcher::Packed(searcher) => searcher.find_in(bytes, span),
            Searcher::Automaton(searcher) => searcher.find(aho_corasick::Input::new(bytes).span(span)),
        }?;
        Some((found.pattern().as_usize(), found.start()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hits(keywords: &Keywords, text: &[u8], within: Range<usize>) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        keywords.hits(text, within, |rule, place| hits.push((rule, place)));
        hits.sort_unstable();
        hits
    }

    #[test]
    fn every_keyword_is_found_where_it_begins() {
        let keywords = Keywords::as_written([("abc", 0), ("abcd", 1), ("bcx", 2), ("abc", 3)].into_iter());
        let text = b"abcd-abcx-ABC";
        assert_eq!(hits(&keywords, text, 0..text.len()), [(0, 0), (0, 5), (1, 0), (2, 6), (3, 0), (3, 5)]);
        assert_eq!(hits(&keywords, text, 1..6), [(0, 5), (3, 5)]);
        // What begins in the range may end behind it.
        assert_eq!(hits(&keywords, text, 0..1), [(0, 0), (1, 0), (3, 0)]);
    }

    #[test]
    fn keywords_are_found_in_either_case_where_that_is_asked_for() {
        let keywords = Keywords::in_any_case([("Pass", 0), ("password", 1), ("pass", 0)].into_iter());
        let text = b"PassWord pass";
        assert_eq!(hits(&keywords, text, 0..text.len()), [(0, 0), (0, 9), (1, 0)]);
        assert_eq!(hits(&keywords, text, 1..text.len()), [(0, 9)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_found_is_what_stands_there(
            keywords in prop::collection::vec("[abAB]{1,6}", 1..60),
            text in "[abAB-]{0,200}",
            any_case in any::<bool>(),
            (from, to) in (0_usize..200, 0_usize..200),
        ) {
            let within = from.min(text.len())..to.clamp(from, 200).min(text.len());
            let pairs = || keywords.iter().enumerate().map(|(rule, keyword)| (keyword.as_str(), rule));
            let search = if any_case { Keywords::in_any_case(pairs()) } else { Keywords::as_written(pairs()) };
            let is_there = |keyword: &str, place: usize| {
                let there = text.get(place..place + keyword.len());
                there.is_some_and(|there| if any_case { there.eq_ignore_ascii_case(keyword) } else { there == keyword })
            };
            let expected = pairs().flat_map(|(keyword, rule)| within.clone().filter(move |&place| is_there(keyword, place)).map(move |place| (rule, place)));
            prop_assert_eq!(hits(&search, text.as_bytes(), within.clone()), expected.collect::<Vec<_>>());
        }
    }
}
