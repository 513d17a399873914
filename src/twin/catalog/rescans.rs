//! Scans of published versions: AWS repeats them, for what was clean once has flaws found later.
//!
//! The twin finds nothing of its own: a script of faults says what is found, or that a scan is left out, so that
//! the assessment before it expires.

use jiff::{SignedDuration, Timestamp};

use super::assessments::Assessment;
use super::change_sets::ErrorDetail;
use super::entities::{Entity, Version, Visibility};
use super::state::Catalog;
use crate::twin::faults::{Fault, Faults, RESCAN};

/// How long AWS waits between two scans, about; it promises nothing but that it goes on.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
const INTERVAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Tells whether a scan has come due.
pub(super) fn is_due(catalog: &Catalog, now: Timestamp) -> bool {
    published(catalog).any(|(_, version)| due_at(catalog, version, now).is_some())
}

/// Carries out the scans that have come due: of several of one version, the last.
pub(super) fn carry_out(catalog: &mut Catalog, now: Timestamp, faults: &Faults) {
    let due = |(entity, version): (&Entity, &Version)| {
        let at = due_at(catalog, version, now)?;
        Some((entity.id.clone(), version.option_id().to_owned(), version.source.image.clone(), at))
    };
    let due: Vec<_> = published(catalog).filter_map(due).collect();
    for (product, option, image, at) in due {
        catalog.rescanned.insert(option.clone(), at);
        let found: Vec<ErrorDetail> = match faults.strike_change(RESCAN) {
            Some(Fault::LostRequest) => continue,
            Some(Fault::ScanFindings(found)) => found.iter().map(ErrorDetail::from).collect(),
            _ => Vec::new(),
        };
        let assessment = Assessment::again(product, option, image, found, at);
        catalog.assessments.insert(assessment.id().to_owned(), assessment);
    }
}

/// Lists the versions that somebody can have, with their products.
fn published(catalog: &Catalog) -> impl Iterator<Item = (&Entity, &Version)> {
    let products = catalog.entities.values().filter_map(|entity| Some((entity, entity.product()?)));
    let visible = products.filter(|(_, product)| matches!(product.visibility, Visibility::Limited | Visibility::Public));
    visible.flat_map(|(entity, product)| product.versions.iter().filter(|version| !version.is_restricted()).map(move |v| (entity, v)))
}

/// Returns when the latest scan came due that has not been carried out.
fn due_at(catalog: &Catalog, version: &Version, now: Timestamp) -> Option<Timestamp> {
    let last = catalog.rescanned.get(version.option_id()).copied().unwrap_or(version.created);
    let times = last.duration_until(now).as_secs() / INTERVAL.as_secs();
    (times > 0).then(|| last.saturating_add(INTERVAL.saturating_mul(i32::try_from(times).unwrap_or(i32::MAX))).unwrap_or(now))
}
