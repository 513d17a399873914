//! Time passes: what has come due is carried out, what is long past is forgotten.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::apply::{self, Verdict, rises};
use super::assessments::Assessment;
use super::change_sets::{ChangeSet, ErrorDetail, Intent, Outcome, Status};
use super::change_types::Act;
use super::rescans;
use super::state::Catalog;
use crate::twin::faults::{Fault, Faults};
use crate::twin::state::State;

/// Change sets are kept for 90 days after their end.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html>
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Tells whether something has come due.
pub(super) fn is_due(catalog: &Catalog, now: Timestamp) -> bool {
    next_due(catalog, now).is_some()
        || catalog.entities.values().any(|entity| rises::is_due(entity, now))
        || rescans::is_due(catalog, now)
        || catalog.change_sets.values().any(|set| is_past(set.outcome.as_ref(), now))
}

/// Carries out all sets that have come due, the earliest first, scans again what is published, and forgets what is long past.
///
/// `folder` is the twin's; `faults` say what the scans find.
pub(super) fn settle(state: &mut State, now: Timestamp, folder: &Path, faults: &Faults) {
    while let Some(id) = next_due(&state.catalog, now) {
        let ends_at = state.catalog.change_sets.get(&id).map_or(now, |set| set.ends_at);
        raise(&mut state.catalog, ends_at);
        conclude(state, &id, folder);
    }
    raise(&mut state.catalog, now);
    rescans::carry_out(&mut state.catalog, now, faults);
    state.catalog.change_sets.retain(|_, set| !is_past(set.outcome.as_ref(), now));
    state.catalog.findings.forget(now);
    state.catalog.assessments.retain(|_, assessment| !assessment.is_past(now));
}

/// Raises the prices that have come to rise.
fn raise(catalog: &mut Catalog, now: Timestamp) {
    catalog.entities.values_mut().filter(|entity| rises::is_due(entity, now)).for_each(rises::carry_out);
}

fn next_due(catalog: &Catalog, now: Timestamp) -> Option<String> {
    let due = catalog.change_sets.values().filter(|set| set.is_due(now));
    due.min_by_key(|set| (set.ends_at, set.id.as_str())).map(|set| set.id.clone())
}

fn is_past(outcome: Option<&Outcome>, now: Timestamp) -> bool {
    outcome.is_some_and(|outcome| outcome.at.duration_until(now) > RETENTION)
}

fn conclude(state: &mut State, id: &str, folder: &Path) {
    let Some(mut set) = state.catalog.change_sets.remove(id) else { return };
    let Verdict { entities, identifiers, errors, mut findings } = apply::judge(state, &set, folder);
    for inspection in &set.inspections {
        if let Some(found) = findings.get_mut(inspection.change) {
            found.extend(inspection.findings());
        }
    }
    for (change, found) in set.changes.iter_mut().zip(errors) {
        change.errors = found;
    }
    let server_fault = meet(&mut set, &mut findings);
    for (index, (change, found)) in set.changes.iter_mut().zip(&findings).enumerate().filter(|(_, (_, found))| !found.is_empty()) {
        for ErrorDetail { code, message } in found {
            // Whoever has the twin in its own process has no host to ask.
            tracing::warn!(set = set.id, code, message, "a scan has found something");
        }
        let message = state.catalog.findings.keep(&set.id, index, found.clone(), set.ends_at);
        change.errors.push(ErrorDetail { code: "SCAN_ERROR".to_owned(), message });
    }
    let failed = server_fault || set.changes.iter().any(|change| !change.errors.is_empty());
    if !failed && set.intent == Intent::Apply {
        state.catalog.entities = entities;
        for (change, identifier) in set.changes.iter_mut().zip(identifiers) {
            change.identifier = identifier;
        }
    }
    if failed && set.intent == Intent::Apply {
        burn_titles(&mut state.catalog, &set.changes);
    }
    assess(&mut state.catalog, &set, &findings);
    let status = if failed { Status::Failed } else { Status::Succeeded };
    set.outcome = Some(Outcome { status, at: set.ends_at, server_fault });
    state.catalog.change_sets.insert(set.id.clone(), set);
}

/// Adds what was decreed of the changes; tells whether the set fails by AWS's own fault.
fn meet(set: &mut ChangeSet, findings: &mut [Vec<ErrorDetail>]) -> bool {
    let mut server_fault = false;
    for (index, fault) in &set.decreed {
        let (Some(change), Some(found)) = (set.changes.get_mut(*index), findings.get_mut(*index)) else { continue };
        match fault {
            Fault::Refusal { code, .. } if code == "SERVER_FAULT" => server_fault = true,
            Fault::Refusal { code, message } => change.errors.push(ErrorDetail { code: code.clone(), message: message.clone() }),
            Fault::ScanFindings(scanned) => found.extend(scanned.iter().map(ErrorDetail::from)),
            _ => {}
        }
    }
    server_fault
}

/// Keeps what came of the images that were looked at.
fn assess(catalog: &mut Catalog, set: &ChangeSet, findings: &[Vec<ErrorDetail>]) {
    for (index, change) in set.changes.iter().enumerate().filter(|(_, change)| apply::act(change) == Some(Act::AddDeliveryOptions)) {
        let product = change.entity_id().and_then(|id| catalog.entities.get(id)?.product());
        let title = change.details["Version"]["VersionTitle"].as_str();
        let version = product.and_then(|product| product.versions.iter().find(|version| Some(version.title.as_str()) == title));
        let option = version.filter(|_| change.errors.is_empty()).map(|version| version.option_id().to_owned());
        if let Some(assessment) =
            Assessment::of(&set.id, index, change, findings.get(index).cloned().unwrap_or_default(), option, set.ends_at)
        {
            catalog.assessments.insert(assessment.id().to_owned(), assessment);
        }
    }
}

/// A rejected version uses up its title all the same; one that was only validated does not.
fn burn_titles(catalog: &mut Catalog, changes: &[super::change_sets::Change]) {
    for change in changes.iter().filter(|change| apply::act(change) == Some(Act::AddDeliveryOptions)) {
        let (Some(id), Some(title)) = (change.entity_id(), change.details["Version"]["VersionTitle"].as_str()) else { continue };
        if let Some(super::entities::Body::Product(product)) = catalog.entities.get_mut(id).map(|entity| &mut entity.body) {
            product.burned_titles.insert(title.to_owned());
        }
    }
}
