//! The search for keywords: all of them at once, at the speed of memory.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::packed::{self, MatchKind};
use aho_corasick::{AhoCorasick, Span};

/// Keywords that a vectorised searcher takes at once: with more, several passes are faster than one that stops at what
/// only begins like a keyword. No processor's searcher takes fewer.
const GROUP: usize = 24;

/// Searches for keywords as they are written, in any file.
#[derive(Debug)]
pub(super) struct Everywhere {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    searcher: Searcher,
    /// The rules of each keyword.
    rules: Vec<Vec<usize>>,
}

#[derive(Debug)]
enum Searcher {
    Packed(Box<packed::Searcher>),
    /// Where the processor has no vectors that serve.
    Automaton(Box<AhoCorasick>),
}

impl Everywhere {
    /// Builds the search from pairs of a keyword and its rule.
    pub(super) fn new<'k>(keywords: impl Iterator<Item = (&'k str, usize)>) -> Self {
        let mut rules: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (keyword, rule) in keywords {
            rules.entry(keyword.as_bytes()).or_default().push(rule);
        }
        // A keyword that begins with another would be hidden by it: the shorter one stands for both.
        let mut heads: Vec<(&[u8], Vec<usize>)> = Vec::new();
        for (keyword, rules) in rules {
            match heads.last_mut() {
                Some((head, of_head)) if keyword.starts_with(head) => of_head.extend(rules),
                _ => heads.push((keyword, rules)),
            }
        }
        // Of like length, so that each group is told apart by as many bytes as it can.
        heads.sort_by_key(|(keyword, _)| keyword.len().min(4));
        Self { groups: heads.chunks(GROUP).map(Group::new).collect() }
    }

    /// Calls back with each keyword that begins in a range, and the place.
    pub(super) fn hits(&self, bytes: &[u8], within: Range<usize>, mut hit: impl FnMut(usize, usize)) {
        for group in &self.groups {
            let mut at = within.start;
            while let Some((pattern, place)) = group.find(bytes, at).filter(|(_, place)| *place < within.end) {
                group.rules[pattern].iter().for_each(|&rule| hit(rule, place));
                at = place + 1;
            }
        }
    }
}

impl Group {
    fn new(keywords: &[(&[u8], Vec<usize>)]) -> Self {
        let patterns = || keywords.iter().map(|(keyword, _)| keyword);
        let packed = packed::Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(patterns()).build();
        let searcher = match packed {
            Some(searcher) => Searcher::Packed(Box::new(searcher)),
            None => Searcher::Automaton(Box::new(AhoCorasick::new(patterns()).expect("few short keywords fit an automaton"))),
        };
        Self { searcher, rules: keywords.iter().map(|(_, rules)| rules.clone()).collect() }
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

/// Searches for keywords in either case, in files that are small or few.
#[derive(Debug)]
pub(super) struct Narrow {
    automaton: AhoCorasick,
    rules: Vec<usize>,
}

impl Narrow {
    /// Builds the search from pairs of a keyword and its rule.
    pub(super) fn new<'k>(keywords: impl Iterator<Item = (&'k str, usize)>) -> Self {
        let (keywords, rules): (Vec<_>, _) = keywords.unzip();
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(keywords);
        Self { automaton: automaton.expect("few short keywords fit an automaton"), rules }
    }

    /// Calls back with each keyword that begins in a range, and the place.
    pub(super) fn hits(&self, bytes: &[u8], within: Range<usize>, mut hit: impl FnMut(usize, usize)) {
        let found = self.automaton.find_overlapping_iter(&bytes[within.start..]);
        // They come by their ends; the longest keyword is far shorter than windows overlap.
        let found = found.map(|found| (found.pattern().as_usize(), within.start + found.start()));
        found.filter(|(_, place)| *place < within.end).for_each(|(pattern, place)| hit(self.rules[pattern], place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(search: impl Fn(&mut dyn FnMut(usize, usize))) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        search(&mut |rule, place| hits.push((rule, place)));
        hits.sort_unstable();
        hits
    }

    #[test]
    fn every_keyword_is_found_where_it_begins() {
        let everywhere = Everywhere::new([("abc", 0), ("abcd", 1), ("bcx", 2), ("abc", 3)].into_iter());
        let text = b"abcd-abcx-ABC";
        let found = hits(|hit| everywhere.hits(text, 0..text.len(), hit));
        // `abc` stands for `abcd` too; whether that is there is for the rule to see.
        assert_eq!(found, [(0, 0), (0, 5), (1, 0), (1, 5), (2, 6), (3, 0), (3, 5)]);
        assert_eq!(hits(|hit| everywhere.hits(text, 1..6, hit)), [(0, 5), (1, 5), (3, 5)]);
    }

    #[test]
    fn narrow_keywords_are_found_in_either_case() {
        let narrow = Narrow::new([("pass", 0), ("password", 1)].into_iter());
        let text = b"PassWord pass";
        assert_eq!(hits(|hit| narrow.hits(text, 0..text.len(), hit)), [(0, 0), (0, 9), (1, 0)]);
    }
}
