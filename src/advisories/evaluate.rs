//! Whether a version is affected, by ranges of events and lists.
//!
//! Source: <https://ossf.github.io/osv-schema/#evaluation>

use std::cmp::Ordering;

use super::advisory::{AffectedVersions, Event};
use super::order::Order;

/// How a flaw stands to a version that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The first version after it that hasn't the flaw; none if none is named.
    pub fixed: Option<&'a str>,
}

impl AffectedVersions {
    /// Tells whether a version has the flaw: if any range holds it, or it is listed.
    ///
    /// Where several ranges hold it, it is mended where all are left.
    pub fn hit(&self, order: Order, version: &str) -> Option<Hit<'_>> {
        let mut found: Option<Hit> = None;
        for hit in self.ranges.iter().filter_map(|events| hit(events, order, version)) {
            found = Some(match found {
                None => hit,
                Some(other) => Hit { fixed: later(order, other.fixed, hit.fixed) },
            });
        }
        let is_listed = || self.versions.iter().any(|listed| order.compare(listed, version).is_eq());
        found.or_else(|| is_listed().then_some(Hit { fixed: None }))
    }

    /// Returns all versions that are named as the first without the flaw.
    pub fn fixes(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().flatten().filter_map(|event| match event {
            Event::Fixed(version) => Some(version.as_str()),
            _ => None,
        })
    }
}

/// Returns the later of two fixes; none if either isn't there.
fn later<'a>(order: Order, a: Option<&'a str>, b: Option<&'a str>) -> Option<&'a str> {
    let (a, b) = (a?, b?);
    Some(if order.compare(a, b).is_lt() { b } else { a })
}

/// Finds a version in a range of events.
///
/// A bound that is no version says nothing of where it is: what it would end doesn't end there, and what it begins begins
/// before all versions and is ended by what comes after it in the list alone. So a flaw may be told of a version that hasn't
/// it, and none is passed over.
fn hit<'a>(events: &'a [Event], order: Order, version: &str) -> Option<Hit<'a>> {
    let limit = |event: &'a Event| match event {
        Event::Limit(limit) if limit == "*" || order.is_version(limit) => Some(limit.as_str()),
        _ => None,
    };
    let mut limits = events.iter().filter_map(limit).peekable();
    let is_within = limits.peek().is_none() || limits.any(|limit| limit == "*" || order.compare(version, limit).is_lt());
    if !is_within {
        return None;
    }
    let begins_anywhere = |event: &Event| matches!(event, Event::Introduced(at) if at != "0" && !order.is_version(at));
    events.chunk_by(|_, next| !begins_anywhere(next)).find_map(|part| walk(part, order, version))
}

/// Walks through the events in the order of their versions, up to the version asked for; the next fix after it mends.
fn walk<'a>(events: &'a [Event], order: Order, version: &str) -> Option<Hit<'a>> {
    // An event may change nothing where it stands, so that the last before the version tells.
    let mut last: Option<(&Event, &str)> = None;
    for event in events {
        let at = match event {
            Event::Introduced(at) if is_first(order, at) || order.compare(at, version).is_le() => at,
            Event::Fixed(at) if order.is_version(at) && order.compare(at, version).is_le() => at,
            Event::LastAffected(at) if order.is_version(at) && order.compare(at, version).is_lt() => at,
            _ => continue,
        };
        if last.is_none_or(|(other, place)| compare(order, (other, place), (event, at)).is_le()) {
            last = Some((event, at));
        }
    }
    let Some((Event::Introduced(_), _)) = last else { return None };
    let after = events.iter().filter_map(|event| match event {
        Event::Fixed(at) if order.is_version(at) && order.compare(at, version).is_gt() => Some(at.as_str()),
        _ => None,
    });
    Some(Hit { fixed: after.min_by(|a, b| order.compare(a, b)) })
}

/// Tells whether what is introduced there is so before all versions.
fn is_first(order: Order, at: &str) -> bool {
    at == "0" || !order.is_version(at)
}

/// Orders events by their places. `0` is before all versions; of events in one place that which brings the flaw counts.
fn compare(order: Order, (a, a_at): (&Event, &str), (b, b_at): (&Event, &str)) -> Ordering {
    let is_first = |event: &Event| matches!(event, Event::Introduced(at) if is_first(order, at));
    let is_introduced = |event: &Event| matches!(event, Event::Introduced(_));
    match (is_first(a), is_first(b)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        // A version that was the last with the flaw is no place where it goes: it goes behind it.
        (false, false) => order.compare(a_at, b_at).then_with(|| is_introduced(a).cmp(&is_introduced(b))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn introduced(at: &str) -> Event {
        Event::Introduced(at.to_owned())
    }

    fn fixed(at: &str) -> Event {
        Event::Fixed(at.to_owned())
    }

    fn last_affected(at: &str) -> Event {
        Event::LastAffected(at.to_owned())
    }

    fn limit(at: &str) -> Event {
        Event::Limit(at.to_owned())
    }

    fn fix(ranges: Vec<Vec<Event>>, order: Order, version: &str) -> Option<Option<String>> {
        let what = AffectedVersions { ranges, ..AffectedVersions::default() };
        what.hit(order, version).map(|hit| hit.fixed.map(str::to_owned))
    }

    fn some(version: &str) -> Option<Option<String>> {
        Some(Some(version.to_owned()))
    }

    #[test]
    fn a_range_holds_from_what_brings_the_flaw_to_what_takes_it_away() {
        let go = || vec![fixed("1.22.2"), introduced("1.22.0-0"), introduced("0"), fixed("1.21.9")];
        for (version, expected) in [
            ("1.20.0", some("1.21.9")),
            ("1.21.9", None),
            ("1.22.0-rc.1", some("1.22.2")),
            ("1.22.1", some("1.22.2")),
            ("1.22.2", None),
            ("1.23.0", None),
        ] {
            assert_eq!(fix(vec![go()], Order::SemVer, version), expected, "{version}");
        }
        assert_eq!(fix(vec![vec![introduced("0")]], Order::Deb, "0~"), Some(None));
        // What never was in a release is written so.
        assert_eq!(fix(vec![vec![introduced("0"), fixed("0")]], Order::Deb, "1"), None);
    }

    #[test]
    fn the_last_that_has_it_has_it_and_a_limit_is_the_end_of_a_branch() {
        let last = || vec![introduced("1.0"), last_affected("1.4")];
        for (version, expected) in [("0.9", None), ("1.0", Some(None)), ("1.4", Some(None)), ("1.4.1", None)] {
            assert_eq!(fix(vec![last()], Order::Pep440, version), expected, "{version}");
        }
        let limited = || vec![introduced("1.0"), limit("2.0"), fixed("3.0")];
        assert_eq!(fix(vec![limited()], Order::SemVer, "1.5"), some("3.0"));
        assert_eq!(fix(vec![limited()], Order::SemVer, "2.0"), None);
        assert_eq!(fix(vec![vec![introduced("0"), limit("*")]], Order::SemVer, "2.0"), Some(None));
    }

    #[test]
    fn a_bound_that_is_no_version_ends_nothing_and_begins_before_all_versions() {
        for order in [Order::Deb, Order::Rpm, Order::Apk, Order::Pep440, Order::SemVer, Order::NuGet, Order::Gem] {
            for end in [fixed("unknown"), last_affected("unknown"), limit("unknown"), fixed("< 2, > 3")] {
                assert_eq!(fix(vec![vec![introduced("0"), end.clone()]], order, "1.5.0"), Some(None), "{order:?} {end:?}");
            }
            assert_eq!(fix(vec![vec![introduced("unknown"), fixed("2.0.0")]], order, "1.5.0"), some("2.0.0"), "{order:?}");
            assert_eq!(fix(vec![vec![introduced("unknown"), fixed("2.0.0")]], order, "2.5.0"), None, "{order:?}");
        }
        // What ended before in the list doesn't end what begins nobody knows where.
        let again = |end: Event| vec![introduced("0"), end, introduced("2.x"), fixed("2.3.4"), introduced("x"), last_affected("0.1.0")];
        for end in [fixed("1.2.3"), last_affected("1.2.3")] {
            assert_eq!(fix(vec![again(end.clone())], Order::SemVer, "2.1.0"), some("2.3.4"));
            assert_eq!(fix(vec![again(end.clone())], Order::SemVer, "2.3.4"), None);
            assert!(fix(vec![again(end)], Order::SemVer, "0.0.1").is_some());
        }
        let wild = || vec![introduced("1.0.0"), fixed("1..x"), introduced("3.0.0"), fixed("3.1.0")];
        assert_eq!(fix(vec![wild()], Order::SemVer, "1.5.0"), some("3.1.0"));
        assert_eq!(fix(vec![wild()], Order::SemVer, "0.9.0"), None);
        assert_eq!(fix(vec![wild()], Order::SemVer, "3.1.0"), None);
    }

    #[test]
    fn an_epoch_counts_more_than_all_after_it() {
        let range = || vec![introduced("0"), fixed("1:9.2p1-2+deb12u3")];
        assert_eq!(fix(vec![range()], Order::Deb, "1:9.2p1-2+deb12u2"), some("1:9.2p1-2+deb12u3"));
        assert_eq!(fix(vec![range()], Order::Deb, "2:1.0-1"), None);
        assert_eq!(fix(vec![range()], Order::Rpm, "99-1"), some("1:9.2p1-2+deb12u3"));
    }

    #[test]
    fn of_several_ranges_the_last_fix_counts_and_a_listed_version_is_affected() {
        let ranges = || vec![vec![introduced("1"), fixed("3")], vec![introduced("2"), fixed("4")]];
        assert_eq!(fix(ranges(), Order::Gem, "1.5"), some("3"));
        assert_eq!(fix(ranges(), Order::Gem, "2.5"), some("4"));
        let listed = AffectedVersions { versions: vec!["1.0".into()], ranges: ranges(), ..AffectedVersions::default() };
        assert_eq!(listed.hit(Order::Gem, "2.5"), Some(Hit { fixed: Some("4") }));
        let listed = AffectedVersions { versions: vec!["1.0".into()], ..AffectedVersions::default() };
        assert_eq!((listed.hit(Order::Pep440, "1"), listed.hit(Order::Pep440, "1.1")), (Some(Hit { fixed: None }), None));
    }

    /// As the specification writes it: every event in its order switches the flaw on or off. Versions are numbers here.
    fn oracle(events: &[(u8, u8)], version: u8) -> bool {
        let limits: Vec<u8> = events.iter().filter(|(kind, _)| *kind == 3).map(|(_, at)| *at).collect();
        if !limits.is_empty() && !limits.iter().any(|limit| version < *limit) {
            return false;
        }
        let mut sorted: Vec<(u8, u8)> = events.iter().copied().filter(|(kind, _)| *kind != 3).collect();
        // `0` first; then by place, what brings the flaw after what takes it away.
        sorted.sort_by_key(|&(kind, at)| (!(kind == 0 && at == 0), at, kind == 0));
        let mut vulnerable = false;
        for (kind, at) in sorted {
            match kind {
                0 if version >= at => vulnerable = true,
                1 if version >= at => vulnerable = false,
                2 if version > at => vulnerable = false,
                _ => {}
            }
        }
        vulnerable
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ranges_are_evaluated_as_the_specification_says(events in proptest::collection::vec((0..4_u8, 0..12_u8), 0..8), version in 0..12_u8) {
            let range: Vec<Event> = events.iter().map(|&(kind, at)| {
                let at = at.to_string();
                [introduced(&at), fixed(&at), last_affected(&at), limit(&at)][usize::from(kind)].clone()
            }).collect();
            let found = fix(vec![range], Order::Rpm, &version.to_string());
            prop_assert_eq!(found.is_some(), oracle(&events, version));
            if let Some(Some(fixed)) = found {
                let fixed: u8 = fixed.parse().unwrap();
                let next = events.iter().filter(|&&(kind, at)| kind == 1 && at > version).map(|&(_, at)| at).min();
                prop_assert_eq!(Some(fixed), next);
            }
        }

        #[test]
        fn no_texts_make_it_panic(events in proptest::collection::vec((0..4_usize, ".{0,8}"), 0..6), version in ".{0,8}") {
            let range: Vec<Event> = events.iter().map(|(kind, at)| [introduced(at), fixed(at), last_affected(at), limit(at)][*kind].clone()).collect();
            for order in Order::ALL {
                let _ = fix(vec![range.clone()], order, &version);
            }
        }
    }
}
