//! Which versions of a listing are restricted: named ones, or all that a rule over SemVer does not keep.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Entity;
use super::entity::{AmiProduct, Visibility};
use crate::model::change_set::version::RestrictDeliveryOptions;
use crate::model::change_set::{Change, ChangeSet, Details, EntityRef};
use crate::model::count::counted;
use crate::model::listing_set::{FieldChange, ListingSet};
use crate::model::version::Version;

/// The most delivery options that one change restricts.
///
/// Source: AWS Marketplace Catalog API, `RestrictDeliveryOptions`,
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html#ami-restrict-version>.
const OPTIONS_AT_ONCE: usize = 50;

/// How many versions are kept on sale: the newest of each kind; none given, all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Major versions.
    pub majors: Option<usize>,
    /// Minor versions of each major one.
    pub minors: Option<usize>,
    /// Patches of each minor one.
    pub patches: Option<usize>,
    /// How long a version stays after the one that took its place came, and after it came itself.
    pub grace: SignedDuration,
}

/// A version of a listing that buyers can still start anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSale {
    /// Its title.
    pub title: String,
    /// Its version, if its title is one.
    pub version: Option<Version>,
    /// When it was added, if AWS tells.
    pub created: Option<Timestamp>,
    /// Its delivery options that aren't restricted.
    pub options: Vec<String>,
}

/// Why versions can't be restricted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// There is no such version on sale.
    #[error("version {title} is not on sale; on sale are: {}", on_sale.join(", "))]
    NotOnSale {
        /// The title asked for.
        title: String,
        /// Those that are.
        on_sale: Vec<String>,
    },
    /// Nothing would be left, or not the newest.
    #[error("version {title} is the newest on sale, which is never restricted")]
    Newest {
        /// Its title.
        title: String,
    },
    /// AWS restricts versions of public products only.
    #[error("the product is {visibility}; AWS restricts versions of public products only")]
    NotPublic {
        /// What it is.
        visibility: String,
    },
}

/// Lists the versions on sale, oldest first.
pub fn on_sale(live: &AmiProduct) -> Vec<OnSale> {
    let mut versions: Vec<OnSale> = live
        .version_summaries()
        .iter()
        .map(|version| OnSale {
            title: version.title.to_owned(),
            version: version.title.parse().ok(),
            created: version.created.parse().ok(),
            options: version
                .delivery_options
                .iter()
                .filter(|(_, visibility)| **visibility != Some(&Visibility::Restricted))
                .map(|(id, _)| (*id).to_owned())
                .collect(),
        })
        .filter(|version| !version.options.is_empty())
        .collect();
    // By their own order; those whose title is no version come first, as old as AWS says.
    versions.sort_by(|a, b| (&a.version, a.created).cmp(&(&b.version, b.created)));
    versions
}

/// How long a rule lets a version stay on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// The rule keeps it, or has nothing to say of it.
    Kept,
    /// The rule does not keep it: until its grace ends, which can't be known while AWS doesn't tell when it and the next newer one came.
    Until(Option<Timestamp>),
}

/// Says how long a rule lets each version stay, newest first: the newest for good, and so those whose title is no version.
pub fn judge<'a>(versions: &'a [OnSale], rule: &Retention) -> Vec<(&'a OnSale, Stay)> {
    let mut newest_first: Vec<&OnSale> = versions.iter().collect();
    newest_first.sort_by(|a, b| b.version.cmp(&a.version));
    let mut kept: Kept = Kept::default();
    let mut newer: Option<&OnSale> = None;
    let mut judged = Vec::new();
    for on_sale in newest_first {
        let Some(version) = &on_sale.version else {
            judged.push((on_sale, Stay::Kept));
            continue;
        };
        let is_kept = kept.takes(version, rule);
        let stay = match newer {
            // Its time runs from when the next newer one came, or itself if that was later.
            Some(newer) if !is_kept => {
                let began = newer.created.zip(on_sale.created).map(|(newer, own)| newer.max(own));
                Stay::Until(began.map(|began| began.saturating_add(rule.grace).unwrap_or(Timestamp::MAX)))
            }
            _ => Stay::Kept,
        };
        judged.push((on_sale, stay));
        newer = Some(on_sale);
    }
    judged
}

/// Chooses the versions that a rule does not keep and whose grace has ended, oldest first.
pub fn outdated<'a>(versions: &'a [OnSale], rule: &Retention, now: Timestamp) -> Vec<&'a OnSale> {
    let is_over = |stay: &Stay| matches!(stay, Stay::Until(Some(until)) if *until <= now);
    judge(versions, rule).into_iter().rev().filter(|(_, stay)| is_over(stay)).map(|(on_sale, _)| on_sale).collect()
}

/// What was kept so far, from the newest on.
#[derive(Default)]
struct Kept {
    /// By major version the minor ones, and of each how many patches.
    majors: BTreeMap<u64, BTreeMap<u64, usize>>,
}

impl Kept {
    /// Tells whether a version is kept, older than all before.
    fn takes(&mut self, version: &Version, rule: &Retention) -> bool {
        let version = version.semver();
        let has_room = |most: Option<usize>, known: bool, count: usize| known || most.is_none_or(|most| count < most);
        let known = self.majors.contains_key(&version.major);
        if !has_room(rule.majors, known, self.majors.len()) {
            return false;
        }
        let minors = self.majors.entry(version.major).or_default();
        let known = minors.contains_key(&version.minor);
        if !has_room(rule.minors, known, minors.len()) {
            return false;
        }
        let patches = minors.entry(version.minor).or_default();
        let is_kept = rule.patches.is_none_or(|most| *patches < most);
        *patches += usize::from(is_kept);
        is_kept
    }
}

/// Finds versions by their titles.
///
/// # Errors
///
/// [`RetentionError`] for one that isn't on sale, and for the newest.
pub fn named<'a>(versions: &'a [OnSale], titles: &[String]) -> Result<Vec<&'a OnSale>, RetentionError> {
    let find = |title: &String| {
        let found = versions.iter().find(|version| &version.title == title).ok_or_else(|| RetentionError::NotOnSale {
            title: title.clone(),
            on_sale: versions.iter().map(|version| version.title.clone()).collect(),
        })?;
        match versions.last() {
            Some(newest) if newest == found => Err(RetentionError::Newest { title: title.clone() }),
            _ => Ok(found),
        }
    };
    titles.iter().map(find).collect()
}

/// Makes the change sets that restrict versions; few where there are few.
///
/// # Errors
///
/// [`RetentionError::NotPublic`].
pub fn restrict(product: &Entity<AmiProduct>, versions: &[&OnSale]) -> Result<Vec<ListingSet>, RetentionError> {
    if product.details.visibility() != Some(&Visibility::Public) {
        let visibility = product.details.visibility().map(ToString::to_string).unwrap_or_else(|| "of unknown visibility".to_owned());
        return Err(RetentionError::NotPublic { visibility });
    }
    let options: Vec<(&OnSale, &String)> =
        versions.iter().flat_map(|version| version.options.iter().map(move |id| (*version, id))).collect();
    let sets = options.chunks(OPTIONS_AT_ONCE).map(|options| {
        let delivery_option_ids: Vec<String> = options.iter().map(|(_, id)| (*id).clone()).collect();
        let mut titles: Vec<&str> = options.iter().map(|(version, _)| version.title.as_str()).collect();
        titles.dedup();
        let change = Change {
            entity: Some(EntityRef::Existing { id: product.id.clone(), revision: None }),
            name: None,
            details: Details::RestrictDeliveryOptions(RestrictDeliveryOptions { delivery_option_ids }),
        };
        ListingSet {
            name: format!("restrict {}", if titles.len() == 1 { titles[0].to_owned() } else { counted(titles.len(), "version") }),
            request: ChangeSet { name: None, changes: vec![change] }.to_json(),
            based_on: BTreeMap::from([(product.id.clone(), product.revision)]),
            changes: titles.iter().map(|title| FieldChange::restriction(title)).collect(),
            takes: "minutes, and up to three days until buyers see it".to_owned(),
            irreversible: vec!["a restricted version can't be put on sale again; who runs it is owed 90 days of support".to_owned()],
            rises: Vec::new(),
        }
    });
    Ok(sets.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(title: &str, day: u32) -> OnSale {
        let created = format!("2026-01-{day:02}T00:00:00Z").parse().ok();
        OnSale { title: title.to_owned(), version: title.parse().ok(), created, options: vec![format!("option-of-{title}")] }
    }

    fn outdated_of(titles: &[&str], rule: Retention) -> Vec<String> {
        let versions: Vec<OnSale> = (1..).zip(titles).map(|(day, title)| version(title, day)).collect();
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        outdated(&versions, &rule, now).into_iter().map(|version| version.title.clone()).collect()
    }

    const ALL: Retention = Retention { majors: None, minors: None, patches: None, grace: SignedDuration::ZERO };

    #[test]
    fn the_newest_of_each_kind_are_kept() {
        let titles = ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.0.1", "2.1.0", "2.1.1"];
        assert_eq!(outdated_of(&titles, ALL), [""; 0]);
        assert_eq!(outdated_of(&titles, Retention { majors: Some(1), ..ALL }), ["1.0.0", "1.0.1", "1.1.0"]);
        assert_eq!(outdated_of(&titles, Retention { minors: Some(1), ..ALL }), ["1.0.0", "1.0.1", "2.0.0", "2.0.1"]);
        assert_eq!(outdated_of(&titles, Retention { patches: Some(1), ..ALL }), ["1.0.0", "2.0.0", "2.1.0"]);
        let strict = Retention { majors: Some(1), minors: Some(1), patches: Some(1), ..ALL };
        assert_eq!(outdated_of(&titles, strict), ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.0.1", "2.1.0"]);
    }

    #[test]
    fn the_newest_stays_whatever_the_rule_and_what_is_no_version_too() {
        let none = Retention { majors: Some(0), minors: Some(0), patches: Some(0), ..ALL };
        assert_eq!(outdated_of(&["Spring edition", "1.0.0", "1.1.0"], none), ["1.0.0"]);
        assert_eq!(outdated_of(&["1.0.0"], none), [""; 0]);
    }

    #[test]
    fn a_version_stays_for_its_grace_after_the_next_one_came() {
        let versions = [version("1.0.0", 1), version("1.0.1", 10), version("1.0.2", 20)];
        let rule = Retention { patches: Some(1), grace: SignedDuration::from_hours(24 * 30), ..ALL };
        let at = |day: &str| -> Vec<String> {
            let now = format!("{day}T00:00:00Z").parse().unwrap();
            outdated(&versions, &rule, now).into_iter().map(|version| version.title.clone()).collect()
        };
        assert_eq!(at("2026-02-08"), [""; 0]);
        assert_eq!(at("2026-02-09"), ["1.0.0"], "30 days after 1.0.1 came");
        assert_eq!(at("2026-02-19"), ["1.0.0", "1.0.1"]);
    }

    #[test]
    fn a_version_that_came_after_its_successor_has_its_own_time() {
        // A backport of today to a major version that was replaced long ago.
        let mut versions: Vec<OnSale> = vec![version("1.0.0", 1), version("1.0.1", 30), version("2.0.0", 2)];
        let rule = Retention { majors: Some(1), minors: None, patches: None, grace: SignedDuration::from_hours(20 * 24) };
        let until = |day: &str| Stay::Until(format!("{day}T00:00:00Z").parse().ok());
        let stays = |versions: &[OnSale]| judge(versions, &rule).into_iter().map(|(_, stay)| stay).collect::<Vec<_>>();
        assert_eq!(stays(&versions), [Stay::Kept, until("2026-02-19"), until("2026-02-19")]);
        versions[1].created = None;
        assert_eq!(stays(&versions), [Stay::Kept, Stay::Until(None), Stay::Until(None)]);
    }

    #[test]
    fn named_versions_must_be_on_sale_and_not_the_newest() {
        let versions = [version("1.0.0", 1), version("1.0.1", 2)];
        assert_eq!(named(&versions, &["1.0.0".to_owned()]).unwrap(), [&versions[0]]);
        assert!(matches!(named(&versions, &["1.0.1".to_owned()]), Err(RetentionError::Newest { .. })));
        assert!(matches!(named(&versions, &["0.9.0".to_owned()]), Err(RetentionError::NotOnSale { .. })));
    }
}
