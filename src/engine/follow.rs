//! Following what was submitted of a listing to its end, whoever does: the run that submitted it, or somebody who asks.

use serde_json::Value;

use super::Engine;
use super::change;
use super::failure::EngineError;
use super::list::{Followed, keep};
use super::observer::Note;
use crate::ledger::{Effect, Fact};
use crate::listing::{self, ErrorDetail, KeptChangeSet, Refusal};
use crate::model::ids::Variant;
use crate::model::record::Event;
use crate::release::{Listing, ListingChange, Released};

/// Follows a change of a listing to its end and records it.
///
/// # Errors
///
/// [`EngineError::Pending`] when it outlasts the engine's patience, [`EngineError::ChangeRefused`].
pub async fn follow_change(engine: &Engine, variant: &Variant, change: &ListingChange) -> Result<(), EngineError> {
    let journal = engine.ledger.journal(variant, &change.run).await?;
    let request = match journal.effect(&change::effect(change.wish, "request")) {
        Effect::Done(request) => request.clone(),
        _ => Value::Null,
    };
    let followed = Followed {
        variant: variant.clone(),
        version: change.version.clone(),
        run: change.run.clone(),
        change_set: change.change_set.clone(),
    };
    end_of_change(engine, &followed, &change.what, &request).await
}

/// As [`follow_change`], with the request at hand.
pub(super) async fn end_of_change(engine: &Engine, of: &Followed, what: &str, request: &Value) -> Result<(), EngineError> {
    let id = &of.change_set;
    let end = engine.change_set_end(&of.variant, id).await?;
    let kept = keep(engine, of, request, &end).await?;
    let record = async |event| {
        let (variant, version, run) = (of.variant.clone(), of.version.clone(), of.run.clone());
        engine.ledger.append(&Fact { variant, version, run, at: engine.clock.now(), event }).await
    };
    match end.0 {
        listing::Outcome::Succeeded { .. } => {
            record(Event::ListingChanged { change_set: id.clone(), sent: listing::sent(request), kept }).await?;
            Ok(())
        }
        listing::Outcome::Refused { status, errors } => {
            let told = errors.iter().flat_map(Refusal::to_records).collect();
            record(Event::ChangeRefused { change_set: id.clone(), status: status.clone(), errors: told, kept }).await?;
            Err(EngineError::ChangeRefused { what: what.to_owned(), change_set: id.clone(), status, errors })
        }
        listing::Outcome::Running { status } => {
            Err(EngineError::Pending { what: format!("change set {id} is {status}"), next: engine.go_on.clone() })
        }
    }
}

/// Returns what AWS's scan found in a version that was refused: from the ledger, else from AWS's address while that holds, and then
/// the ledger keeps it.
///
/// # Errors
///
/// When the ledger can't be read or written. That the address doesn't answer is noted.
pub async fn findings(engine: &Engine, variant: &Variant, released: &Released) -> Result<Vec<ErrorDetail>, EngineError> {
    let Listing::Refused { change_set, errors, .. } = &released.listing else { return Ok(Vec::new()) };
    let addresses: Vec<String> = errors.iter().filter_map(|error| Refusal::of_record(error).findings_url).collect();
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let kept = engine.ledger.kept_change_sets::<KeptChangeSet>(variant).await?;
    let mut kept: Vec<KeptChangeSet> = kept.into_iter().filter(|kept| &kept.change_set == change_set).collect();
    if let Some(known) = kept.iter().find(|kept| !kept.findings.is_empty()) {
        return Ok(known.findings.clone());
    }
    let mut found = Vec::new();
    for address in &addresses {
        match engine.writer.reader().scan_findings(address).await {
            Ok(findings) => found.extend(findings),
            Err(none) => engine.observer.note(Note::Notice { text: none.to_string() }),
        }
    }
    if let Some(kept) = kept.pop().filter(|_| !found.is_empty()) {
        let kept = KeptChangeSet { findings: found.clone(), ..kept };
        engine.ledger.keep_change_set(variant, &released.version, kept.run.as_ref(), &kept).await?;
    }
    Ok(found)
}
