//! What AWS's tags tell of a variant's ledger, gathered and held against it. Only reads.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::EngineError;
use crate::cloud::{ChangeSetFilter, ListedChangeSet, Reader, TaggedChangeSet};
use crate::ledger::{Chain, Ledger};
use crate::listing::names_submission;
use crate::model::ids::{ChangeSetId, Region, RunId, Variant};
use crate::model::image::tag;
use crate::model::record::Event;
use crate::release::{Released, Witness, contradictions, history};

/// Reads a variant's chain, refusing one that the released images of some Regions contradict.
///
/// Change sets are left to [`refuse_unknown_submissions`].
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

/// Refuses a chain that lacks a submission of its product's; returns the change sets that were listed for that.
///
/// This is one call as a rule: of the change sets listed only what the chain doesn't know is asked for its tags, and
/// only if its name is one that bakehouse gives. One that a template of the product's own names otherwise is left to
/// [`verify_ledger`].
///
/// # Errors
///
/// [`EngineError::WrongLedger`]; when ledger or AWS can't be read.
pub(super) async fn refuse_unknown_submissions(
    reader: &Reader,
    ledger: &Ledger,
    variant: &Variant,
    known: &Chain,
    filter: &ChangeSetFilter,
) -> Result<Vec<ListedChangeSet>, EngineError> {
    let recorded = recorded(known);
    let listed = reader.change_sets(filter).await?;
    let is_unknown = |set: &&ListedChangeSet| !recorded.contains(&set.id) && names_submission(&set.name, &variant.product);
    let unknown: Vec<ListedChangeSet> = listed.iter().filter(is_unknown).cloned().collect();
    if unknown.is_empty() {
        return Ok(listed);
    }
    let change_sets = reader.tagged(unknown).await?;
    let witnesses = submissions(variant, known, &change_sets, &open_runs(ledger, variant).await?);
    // What was recorded since is known after all.
    let chain = ledger.chain(variant).await?;
    refuse(variant, contradictions(chain.records(), &chain.heads(), &witnesses))?;
    Ok(listed)
}

/// Lists the Regions that a ledger's releases are in, of every variant that it has.
///
/// A chain that can't be read names none here; [`verify_ledger`] says what is wrong with it.
///
/// # Errors
///
/// When the ledger can't be listed.
pub async fn recorded_regions(ledger: &Ledger) -> Result<BTreeSet<Region>, EngineError> {
    let mut regions = BTreeSet::new();
    for variant in ledger.variants().await? {
        let records = ledger.records(&variant).await.unwrap_or_default();
        regions.extend(history(&records).values().flat_map(Released::regions));
    }
    Ok(regions)
}

/// Lists the variants that AWS's tags name: those of released images in some Regions, and of change sets.
///
/// # Errors
///
/// When AWS can't be read.
pub async fn tagged_variants(
    reader: &Reader,
    regions: &BTreeSet<Region>,
    change_sets: &[TaggedChangeSet],
) -> Result<BTreeSet<Variant>, EngineError> {
    let submitted = change_sets.iter().filter_map(|set| set.tags.get(tag::VARIANT)?.parse().ok());
    let mut variants: BTreeSet<Variant> = submitted.collect();
    for found in futures::future::join_all(regions.iter().map(|region| reader.released_variants(region))).await {
        variants.extend(found?);
    }
    Ok(variants)
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
/// images in some Regions and in those of its releases, and of change sets (the account's, as AWS tells them).
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
    change_sets: &[TaggedChangeSet],
) -> Result<Verified, EngineError> {
    let before = ledger.chain(variant).await?;
    let known = history(before.records());
    let regions = regions.iter().cloned().chain(known.values().flat_map(|released| released.regions())).collect();
    let mut witnesses = images(reader, variant, &regions).await?;
    // Before the chain: what has ended in between is recorded.
    witnesses.extend(submissions(variant, &before, change_sets, &open_runs(ledger, variant).await?));
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

/// Takes the change sets that are a variant's, by their tags or by its chain.
///
/// One of an open run may not be recorded yet: the run does that when it goes on.
fn submissions(variant: &Variant, chain: &Chain, change_sets: &[TaggedChangeSet], open: &BTreeSet<RunId>) -> Vec<Witness> {
    let recorded = recorded(chain);
    let is_tagged = |set: &TaggedChangeSet| set.tags.get(tag::VARIANT).is_some_and(|of| *of == variant.to_string());
    let of_variant = change_sets.iter().filter(|set| recorded.contains(&set.id) || is_tagged(set));
    let is_open = |set: &TaggedChangeSet| set.tags.get(tag::RUN).is_some_and(|run| open.iter().any(|open| open.as_str() == run));
    let told = |set: &TaggedChangeSet| Witness {
        submission: (!is_open(set)).then(|| set.id.clone()),
        ..witness(format!("change set {}", set.id), &set.tags)
    };
    of_variant.map(told).collect()
}

/// Lists the change sets that a chain tells of.
fn recorded(chain: &Chain) -> BTreeSet<&ChangeSetId> {
    chain.records().iter().filter_map(|record| record.event.submission()).collect()
}

async fn open_runs(ledger: &Ledger, variant: &Variant) -> Result<BTreeSet<RunId>, EngineError> {
    Ok(ledger.open_runs(variant).await?.iter().map(|journal| journal.run().clone()).collect())
}

fn witness(what: String, tags: &BTreeMap<String, String>) -> Witness {
    Witness {
        what,
        version: tags.get(tag::VERSION).and_then(|version| version.parse().ok()),
        is_released: tags.get(tag::STATE).is_some_and(|state| state == "released"),
        head: tags.get(tag::RECORD).and_then(|head| head.parse().ok()),
        submission: None,
    }
}
