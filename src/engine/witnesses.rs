//! What AWS's tags tell of a variant's ledger, gathered and held against it. Only reads.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::EngineError;
use crate::cloud::Reader;
use crate::ledger::{Chain, Ledger};
use crate::model::ids::{Region, Variant};
use crate::model::image::tag;
use crate::model::record::Event;
use crate::release::{Witness, contradictions, history};

/// Reads a variant's chain, refusing one that the released images of some Regions contradict.
///
/// # Errors
///
/// [`EngineError::WrongLedger`]; when either can't be read.
pub(super) async fn trusted_chain(
    reader: &Reader,
    ledger: &Ledger,
    variant: &Variant,
    regions: &BTreeSet<Region>,
) -> Result<Chain, EngineError> {
    // AWS first: what is sealed in between is in the ledger before it is tagged.
    let witnesses = images(reader, variant, regions).await?;
    let chain = ledger.chain(variant).await?;
    refuse(variant, contradictions(chain.records(), &chain.heads(), &witnesses))?;
    Ok(chain)
}

/// What was found sound about a variant's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of records.
    pub records: usize,
    /// Number of releases among them.
    pub releases: usize,
    /// Tags at AWS that agree.
    pub witnesses: usize,
}

/// Checks all that can be known of a variant's ledger: its chain, its claims, its reports, and the tags of
/// images in some Regions and in those of its releases, and of its change sets.
///
/// # Errors
///
/// [`EngineError::WrongLedger`] with everything that is wrong; a chain that does not hold together; when ledger
/// or AWS can't be read.
pub async fn verify_ledger(
    reader: &Reader,
    ledger: &Ledger,
    variant: &Variant,
    regions: &BTreeSet<Region>,
) -> Result<Verified, EngineError> {
    let before = ledger.chain(variant).await?;
    let known = history(before.records());
    let regions = regions.iter().cloned().chain(known.values().flat_map(|released| released.regions())).collect();
    let mut witnesses = images(reader, variant, &regions).await?;
    witnesses.extend(change_sets(reader, &before).await?);
    let chain = ledger.chain(variant).await?;
    let mut wrong = contradictions(chain.records(), &chain.heads(), &witnesses);
    wrong.extend(ledger.unclaimed(variant, &chain).await?);
    wrong.extend(ledger.unreported(variant, &chain).await?);
    refuse(variant, wrong)?;
    let releases = chain.records().iter().filter(|r| matches!(r.event, Event::Released(_))).count();
    Ok(Verified { records: chain.records().len(), releases, witnesses: witnesses.len() })
}

fn refuse(variant: &Variant, wrong: Vec<String>) -> Result<(), EngineError> {
    if wrong.is_empty() { Ok(()) } else { Err(EngineError::WrongLedger { variant: variant.clone(), wrong }) }
}

async fn images(reader: &Reader, variant: &Variant, regions: &BTreeSet<Region>) -> Result<Vec<Witness>, EngineError> {
    let found = futures::future::join_all(regions.iter().map(|region| reader.released_images(region, variant))).await;
    let mut witnesses = Vec::new();
    for (region, images) in regions.iter().zip(found) {
        witnesses.extend(images?.iter().map(|(id, tags)| witness(format!("image {id} in {region}"), tags)));
    }
    Ok(witnesses)
}

async fn change_sets(reader: &Reader, chain: &Chain) -> Result<Vec<Witness>, EngineError> {
    let submitted = chain.records().iter().filter_map(|record| match &record.event {
        Event::Submitted { change_set, .. } => Some(change_set),
        _ => None,
    });
    let mut witnesses = Vec::new();
    for id in submitted.collect::<BTreeSet<_>>() {
        // AWS keeps them for 90 days.
        if let Some(tags) = reader.change_set_tags(id).await? {
            witnesses.push(witness(format!("change set {id}"), &tags));
        }
    }
    Ok(witnesses)
}

fn witness(what: String, tags: &BTreeMap<String, String>) -> Witness {
    Witness {
        what,
        version: tags.get(tag::VERSION).and_then(|version| version.parse().ok()),
        is_released: tags.get(tag::STATE).is_some_and(|state| state == "released"),
        head: tags.get(tag::RECORD).and_then(|head| head.parse().ok()),
    }
}
