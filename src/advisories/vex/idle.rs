//! Statements that take no effect on what was found, and why: an author who isn't told believes that they do.

use std::collections::{BTreeMap, BTreeSet};

use super::product::{Asked, Subject};
use super::statement::Statement;
use super::statements::{Statements, is_cve};

/// A flaw that was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// All of its ids.
    pub ids: &'a [String],
    /// The package URLs of what has it.
    pub packages: &'a [String],
    /// Whether any statement counts for it.
    pub is_stated: bool,
}

/// A statement that takes no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// Why.
    pub why: Why,
}

/// Why a statement takes no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Nothing that was found has its flaw.
    Flaw,
    /// It is of nothing that has the flaw, or of a part of that alone; a clause.
    Products(String),
}

impl Statements {
    /// Returns the statements that take no effect on what was found in something, in their order.
    ///
    /// A statement that a newer or a stricter one overrides isn't among them: what it is about was found.
    pub fn idle(&self, found: &[Found<'_>], inside: &[&str]) -> Vec<Idle<'_>> {
        let mut by_id: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (place, flaw) in found.iter().enumerate() {
            for id in flaw.ids {
                by_id.entry(id.to_ascii_uppercase()).or_default().insert(place);
            }
        }
        let idle = |statement| {
            let ids = |statement: &Statement| statement.ids.iter().map(|id| id.to_ascii_uppercase()).collect::<Vec<_>>();
            let flaws: BTreeSet<usize> = ids(statement).iter().filter_map(|id| by_id.get(id)).flatten().copied().collect();
            let flaws: Vec<&Found<'_>> = flaws.into_iter().map(|place| &found[place]).collect();
            Some(Idle { statement, why: why(statement, &flaws, inside)? })
        };
        self.all().iter().filter_map(idle).collect()
    }
}

/// Says why a statement takes no effect on the flaws that it names; none if it does on any.
fn why(statement: &Statement, flaws: &[&Found<'_>], inside: &[&str]) -> Option<Why> {
    if flaws.is_empty() {
        return Some(Why::Flaw);
    }
    let mut reasons = Vec::new();
    for flaw in flaws {
        let asked = |package: &String| Some((package.clone(), Asked::read(&Subject { package, inside })?));
        let asked: Vec<(String, Asked)> = flaw.packages.iter().filter_map(asked).collect();
        let is_said_of = |(_, asked): &&(String, Asked)| statement.products.iter().any(|product| product.holds_for(asked));
        let (said, unsaid): (Vec<_>, Vec<_>) = asked.iter().partition(is_said_of);
        match (said.is_empty(), flaw.is_stated, unsaid.first()) {
            (false, true, _) => return None,
            (false, false, Some((package, _))) => {
                reasons.push(format!("{package} has the flaw too, and nothing is said of that"));
            }
            (false, false, None) => {
                let unnamed = |id: &&String| is_cve(id) && !statement.ids.iter().any(|named| named.eq_ignore_ascii_case(id));
                let others: Vec<&str> = flaw.ids.iter().filter(unnamed).map(String::as_str).collect();
                reasons.push(format!("what was found is {} too, and nothing is said of that", others.join(", ")));
            }
            (true, _, Some((package, asked))) => {
                // The nearest miss tells most; any other would be told of each product.
                let misses = statement.products.iter().map(|product| product.miss(asked));
                let miss = misses.max_by_key(|miss| miss.contains("source package"));
                reasons.extend(miss.map(|miss| format!("the flaw is in {package}: {miss}")));
            }
            (true, _, None) => {}
        }
    }
    reasons.into_iter().next().map(Why::Products)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENSSL: &str = "pkg:deb/debian/openssl@3.0.15-1?arch=amd64&distro=debian-12";
    const LIBSSL: &str = "pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&distro=debian-12&upstream=openssl";

    /// Why statements on `product` take no effect where packages have a flaw.
    fn idle(products: &[&str], ids: &[&str], packages: &[&str]) -> Vec<String> {
        let mut statements = Statements::default();
        let said: Vec<String> = products
            .iter()
            .map(|product| {
                format!(r#"{{"vulnerability": {{"name": "CVE-2026-1"}}, "products": [{{"@id": "{product}"}}], "status": "fixed"}}"#)
            })
            .collect();
        let document = format!(
            r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/1", "author": "A", "version": 1,
            "timestamp": "2026-11-20T12:00:00Z", "statements": [{}]}}"#,
            said.join(",")
        );
        statements.read("vex.json", document.as_bytes()).unwrap();
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (ids, packages) = (owned(ids), owned(packages));
        let named: Vec<&str> = ids.iter().map(String::as_str).collect();
        let is_stated = packages.iter().all(|package| statements.about(&Subject { package, inside: &[] }, &named).is_some());
        let found = [Found { ids: &ids, packages: &packages, is_stated }];
        let why = |idle: Idle| match idle.why {
            Why::Flaw => format!("{}: flaw", idle.statement.place),
            Why::Products(why) => format!("{}: {why}", idle.statement.place),
        };
        statements.idle(&found, &[]).into_iter().map(why).collect()
    }

    #[test]
    fn a_statement_on_all_that_has_the_flaw_takes_effect_as_does_one_that_it_overrides() {
        let source = "pkg:deb/debian/openssl?arch=source";
        assert_eq!(idle(&[source], &["CVE-2026-1", "DSA-1"], &[OPENSSL, LIBSSL]), [""; 0]);
        assert_eq!(idle(&[source, "pkg:deb/debian/openssl"], &["cve-2026-1"], &[OPENSSL, LIBSSL]), [""; 0]);
    }

    #[test]
    fn a_statement_on_a_part_of_what_has_the_flaw_or_of_one_flaw_of_several_takes_none() {
        let product = ["pkg:deb/debian/openssl"];
        assert_eq!(
            idle(&product, &["CVE-2026-1"], &[OPENSSL, LIBSSL]),
            [format!("statements[0]: {LIBSSL} has the flaw too, and nothing is said of that")]
        );
        assert_eq!(
            idle(&product, &["CVE-2026-1", "CVE-2026-2"], &[OPENSSL]),
            ["statements[0]: what was found is CVE-2026-2 too, and nothing is said of that"]
        );
        assert_eq!(idle(&product, &["CVE-2026-3"], &[OPENSSL]), ["statements[0]: flaw"]);
        let [of_source] = &idle(&product, &["CVE-2026-1"], &[LIBSSL])[..] else { panic!() };
        assert!(of_source.contains("that is the source package, which `?arch=source` behind it says"), "{of_source}");
        assert_eq!(idle(&product, &["CVE-2026-1"], &["no package URL"]), [""; 0], "of what can't be asked about nothing is known");
    }
}
