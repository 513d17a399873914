//! Whether a variant is released anew, and as which version: all variants of a product have one.

use std::collections::{BTreeMap, BTreeSet};

use super::make::{Facts, Request};
use crate::bake;
use crate::listing::titled_versions;
use crate::model::digest::Digest;
use crate::model::product::Product;
use crate::model::record::Record;
use crate::model::version::Version;
use crate::release::{NextVersionError, Released, history};

/// Another variant of the product, as far as the version depends on it.
#[derive(Debug, Clone)]
pub struct Sibling {
    /// What the manifest says of it.
    pub product: Product,
    /// Its chain.
    pub records: Vec<Record>,
    /// The version of its run that has not ended, if there is one.
    pub under_way: Option<Version>,
}

/// What is to become of a variant.
pub(super) enum Course<'a> {
    /// What is released stays, and gets what it still lacks.
    Complete(&'a Released),
    /// A release of this version.
    Release(Version),
}

/// Decides what becomes of the variant of the facts.
pub(super) fn course<'a>(
    facts: &Facts,
    versions: &'a BTreeMap<Version, Released>,
    request: &Request,
) -> Result<Course<'a>, NextVersionError> {
    let listed = facts.live.map(|live| titled_versions(&live.product.details)).unwrap_or_default();
    let own = Standing { listed, ..Standing::new(facts.product, versions, None) };
    let siblings: Vec<Standing> = facts.siblings.iter().map(Standing::of).collect();
    Ok(match (next_version(&own, &siblings, request)?, versions.values().next_back()) {
        (None, Some(latest)) => Course::Complete(latest),
        (Some(version), _) => Course::Release(version),
        // What was never released is always behind.
        (None, None) => Course::Release(Version::new(1, 0, 0)),
    })
}

/// Decides over all variants together, so that each of them, asked alone and in any order, comes to
/// the same version; `None` when nothing is to be released.
///
/// The product's version is the highest that any variant has, or is about to have. A variant that is
/// behind it catches up with it. The product goes on to a next version when one that has it is to
/// be made anew; then the others follow, changed or not. What the variant's own listing has is taken too,
/// whoever listed it, and what is released comes after it.
fn next_version(own: &Standing, siblings: &[Standing], request: &Request) -> Result<Option<Version>, NextVersionError> {
    let highest = siblings.iter().filter_map(Standing::version).chain(own.latest()).max();
    let anew = siblings.iter().any(|sibling| sibling.changed && sibling.latest() == highest);
    let has_it = own.latest() == highest;
    let taken: Vec<Version> = siblings.iter().flat_map(|sibling| &sibling.sealed).chain(&own.sealed).chain(&own.listed).cloned().collect();
    let follows = |version: &Version| own.listed.iter().all(|listed| listed < version);
    // Whether or not there is anything to release: who names a version is told what is wrong with it.
    // The one that the product has, or is about to have, is no wish for another.
    if request.version.is_some() && request.version.as_ref() != highest {
        request.next_version(&taken)?;
    }
    match highest {
        Some(_) if has_it && !anew && !own.changed && !request.rebuild => Ok(None),
        Some(highest) if !has_it && !anew && follows(highest) => Ok(Some(highest.clone())),
        _ => request.next_version(&taken).map(Some),
    }
}

/// Says why a variant is released, for the plan's reader. The same before and after its siblings
/// have gone ahead: who approved a plan has approved it in whatever order the variants are shipped.
pub(super) fn reason(facts: &Facts, latest: Option<&Released>, request: &Request) -> String {
    let Some(latest) = latest else { return "nothing was released yet".to_owned() };
    let changed = changes(facts.product, latest);
    if !changed.is_empty() {
        return format!("changed since {}: {}", latest.version, changed.join(", "));
    }
    let siblings: Vec<String> = facts.siblings.iter().map(|sibling| sibling.product.variant().to_string()).collect();
    if request.rebuild || siblings.is_empty() {
        return format!("released anew, unchanged since {}", latest.version);
    }
    format!("unchanged since {}; all variants of a product have one version, and {} goes on", latest.version, siblings.join(", "))
}

/// Names what of the image's making has changed since a release: files by their paths, the rest by the manifest's keys.
fn changes(product: &Product, latest: &Released) -> Vec<String> {
    let mut changed = differing(&latest.release.inputs, &product.inputs);
    let parts = differing(&latest.release.parts, &bake::input_parts(product, &latest.release.base));
    // A step whose file has changed is told by its file.
    let told = !changed.is_empty();
    changed.extend(parts.into_iter().filter(|part| !(told && part.starts_with("provision["))));
    changed
}

/// Lists the names of which two sets of digests differ.
fn differing(old: &BTreeMap<String, Digest>, new: &BTreeMap<String, Digest>) -> Vec<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}

/// Where a variant stands.
#[derive(Debug, Clone)]
struct Standing {
    /// Its releases, oldest first.
    sealed: Vec<Version>,
    /// The versions that its listing has, as far as their titles tell; not known of other variants.
    listed: Vec<Version>,
    under_way: Option<Version>,
    /// Whether what its last release was made of has changed since.
    changed: bool,
}

impl Standing {
    fn of(sibling: &Sibling) -> Self {
        Self::new(&sibling.product, &history(&sibling.records), sibling.under_way.clone())
    }

    fn new(product: &Product, versions: &BTreeMap<Version, Released>, under_way: Option<Version>) -> Self {
        let changed = versions.values().next_back().is_some_and(|latest| is_changed(product, latest));
        Self { sealed: versions.keys().cloned().collect(), listed: Vec::new(), under_way, changed }
    }

    fn latest(&self) -> Option<&Version> {
        self.sealed.last()
    }

    /// The version that it has, or is about to have.
    fn version(&self) -> Option<&Version> {
        self.latest().max(self.under_way.as_ref())
    }
}

/// Tells whether what a release was made of has changed; a newer base does not count.
fn is_changed(product: &Product, released: &Released) -> bool {
    bake::input_digest(product, &released.release.base) != released.release.input
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::version::Bump;

    const PATCH: Request = Request { bump: None, version: None, rebuild: false, complete: None, listing: false };

    fn standing(sealed: &[&str], changed: bool) -> Standing {
        Standing { sealed: sealed.iter().map(|version| version.parse().unwrap()).collect(), listed: Vec::new(), under_way: None, changed }
    }

    fn next(own: &Standing, sibling: &Standing, request: &Request) -> Option<String> {
        next_version(own, std::slice::from_ref(sibling), request).unwrap().map(|version| version.to_string())
    }

    #[test]
    fn a_variant_follows_the_other_changed_or_not() {
        let (still, changed) = (standing(&["1.0.0"], false), standing(&["1.0.0"], true));
        assert_eq!(next(&still, &still, &PATCH), None);
        assert_eq!(next(&still, &changed, &PATCH).as_deref(), Some("1.0.1"));
        assert_eq!(next(&changed, &still, &PATCH).as_deref(), Some("1.0.1"));
        let minor = Request { bump: Some(Bump::Minor), ..PATCH };
        assert_eq!(next(&still, &changed, &minor).as_deref(), Some("1.1.0"));
    }

    #[test]
    fn a_variant_that_is_behind_catches_up_with_the_version_that_is_there() {
        let ahead = standing(&["1.0.0", "1.1.0"], false);
        assert_eq!(next(&standing(&[], false), &ahead, &PATCH).as_deref(), Some("1.1.0"));
        assert_eq!(next(&standing(&["1.0.0"], true), &ahead, &PATCH).as_deref(), Some("1.1.0"));
        let rebuild = Request { rebuild: true, ..PATCH };
        assert_eq!(next(&standing(&["1.0.0"], false), &ahead, &rebuild).as_deref(), Some("1.1.0"));
        assert_eq!(next(&ahead, &standing(&[], false), &PATCH), None, "who is ahead does not wait");
    }

    #[test]
    fn what_changed_again_goes_on_without_filling_the_gap() {
        let ahead = standing(&["1.0.0", "1.1.0"], true);
        let behind = standing(&["1.0.0"], true);
        assert_eq!(next(&behind, &ahead, &PATCH).as_deref(), Some("1.1.1"));
        assert_eq!(next(&ahead, &behind, &PATCH).as_deref(), Some("1.1.1"));
    }

    #[test]
    fn a_version_that_the_other_is_about_to_have_is_taken_too() {
        let under_way = Standing { under_way: Some("2.0.0".parse().unwrap()), ..standing(&["1.0.0"], true) };
        assert_eq!(next(&standing(&["1.0.0"], true), &under_way, &PATCH).as_deref(), Some("2.0.0"));
        assert_eq!(next(&standing(&["1.0.0"], false), &under_way, &PATCH).as_deref(), Some("2.0.0"));
    }

    #[test]
    fn a_version_that_is_asked_for_is_everyones() {
        let named = Request { version: Some("3.0.0".parse().unwrap()), ..PATCH };
        let (still, changed) = (standing(&["1.0.0"], false), standing(&["1.0.0"], true));
        assert_eq!(next(&still, &changed, &named).as_deref(), Some("3.0.0"));
        let gone_ahead = standing(&["1.0.0", "3.0.0"], false);
        assert_eq!(next(&still, &gone_ahead, &named).as_deref(), Some("3.0.0"));
        assert_eq!(next(&gone_ahead, &gone_ahead, &named), None, "they have it");
    }

    #[test]
    fn a_version_that_cannot_follow_is_refused_even_if_nothing_is_to_be_released() {
        let named = |version: &str| Request { version: Some(version.parse().unwrap()), ..PATCH };
        let (still, ahead) = (standing(&["1.0.0", "1.1.0"], false), standing(&["1.0.0", "2.0.0"], false));
        let refused = |own: &Standing, sibling: &Standing, version| next_version(own, std::slice::from_ref(sibling), &named(version));
        assert!(matches!(refused(&still, &still, "0.9.0"), Err(NextVersionError::NotAfter { .. })));
        assert!(matches!(refused(&still, &still, "1.0.0"), Err(NextVersionError::Taken(_))));
        assert!(matches!(refused(&still, &ahead, "1.5.0"), Err(NextVersionError::NotAfter { .. })), "it would catch up with 2.0.0");
    }

    #[test]
    fn what_the_listing_has_already_is_taken_and_followed() {
        let imported = |listed: &[&str], sealed: &[&str]| Standing {
            listed: listed.iter().map(|version| version.parse().unwrap()).collect(),
            ..standing(sealed, false)
        };
        let alone = |own: &Standing, request: &Request| next_version(own, &[], request);
        let first = imported(&["1.0.0", "1.0.1"], &[]);
        assert_eq!(alone(&first, &PATCH).unwrap(), Some("1.0.2".parse().unwrap()));
        let named = |version: &str| Request { version: Some(version.parse().unwrap()), ..PATCH };
        assert!(matches!(alone(&first, &named("1.0.1")), Err(NextVersionError::Taken(_))));
        assert!(matches!(alone(&first, &named("1.0.0-rc.1")), Err(NextVersionError::NotAfter { .. })));
        assert_eq!(alone(&imported(&["1.0.0", "1.0.1"], &["1.0.0"]), &PATCH).unwrap(), None, "nothing has changed");
        let rebuild = Request { rebuild: true, ..PATCH };
        assert_eq!(alone(&imported(&["1.0.0", "1.0.1"], &["1.0.0"]), &rebuild).unwrap(), Some("1.0.2".parse().unwrap()));
        // Of two variants the one that is behind catches up with what its own listing does not have.
        assert_eq!(next(&imported(&["1.1.0"], &["1.0.0"]), &standing(&["1.1.0"], false), &PATCH).as_deref(), Some("1.1.1"));
        assert_eq!(next(&imported(&["1.0.0"], &["1.0.0"]), &standing(&["1.1.0"], false), &PATCH).as_deref(), Some("1.1.0"));
    }

    prop_compose! {
        fn any_standing()(versions in proptest::collection::btree_set((0u64..3, 0u64..3), 0..4), changed: bool) -> Standing {
            let sealed: Vec<Version> = versions.into_iter().map(|(minor, patch)| Version::new(1, minor, patch)).collect();
            Standing { changed: changed && !sealed.is_empty(), sealed, listed: Vec::new(), under_way: None }
        }
    }

    proptest! {
        /// However they stand: shipped one after the other, in either order, by the same wish, both end as
        /// the plan of each said before, with one version, and then nothing is left to do.
        #[test]
        fn both_come_to_one_version(a in any_standing(), b in any_standing(), first_is_a: bool, rebuild: bool, bump in 0..3) {
            let request = Request { bump: Some([Bump::Major, Bump::Minor, Bump::Patch][bump as usize]), rebuild, ..Request::default() };
            let (mut first, mut second) = if first_is_a { (a, b) } else { (b, a) };
            let level = first.latest() == second.latest();
            let planned = (next(&first, &second, &request), next(&second, &first, &request));
            let ship = |own: &mut Standing, other: &Standing| {
                let version = next(own, other, &request)?;
                own.sealed.push(version.parse().unwrap());
                own.changed = false;
                Some(version)
            };
            let first_shipped = ship(&mut first, &second);
            prop_assert_eq!(&first_shipped, &planned.0);
            let second_shipped = ship(&mut second, &first);
            // A rebuild takes one that is ahead further, and one that is behind only as far as the other is.
            if first_shipped.is_some() && (level || !rebuild) {
                prop_assert_eq!(&second_shipped, &planned.1);
            }
            // What is left is left by a rebuild alone.
            for _ in 0..2 {
                for flip in [true, false] {
                    let (own, other) = if flip { (&mut first, &second) } else { (&mut second, &first) };
                    if let Some(version) = next(own, other, &PATCH) {
                        own.sealed.push(version.parse().unwrap());
                        own.changed = false;
                    }
                }
            }
            prop_assert_eq!(first.latest(), second.latest());
            prop_assert_eq!((next(&first, &second, &PATCH), next(&second, &first, &PATCH)), (None, None));
            prop_assert!(first.sealed.is_sorted() && second.sealed.is_sorted());
        }
    }
}
