//! What runs have baked and not sealed.

use super::Engine;
use super::failure::EngineError;
use crate::ledger::{Effect, Journal, Outcome};
use crate::model::ids::RunId;
use crate::model::image::Image;
use crate::model::product::Product;
use crate::model::report::{Report, ScanSummary};
use crate::model::version::Version;

/// An image that a run has baked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baked {
    /// The run.
    pub run: RunId,
    /// The version that it is to be.
    pub version: Version,
    /// The image, which somebody may have removed since.
    pub image: Image,
}

impl Baked {
    fn of(journal: &Journal) -> Option<Self> {
        let (plan, _) = journal.plan()?;
        let Effect::Done(image) = journal.effect("baked") else { return None };
        let image = serde_json::from_value(image.clone()).ok()?;
        Some(Self { run: journal.run().clone(), version: plan.version.clone(), image })
    }
}

/// Finds the image that was baked, for these inputs or others, by a run that has not ended and not sealed it.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn baking(engine: &Engine, product: &Product) -> Result<Option<Baked>, EngineError> {
    let journal = engine.unfinished(product).await?;
    let sealed = |journal: &Journal| matches!(journal.effect("release.record"), Effect::Done(_));
    Ok(journal.filter(|journal| !sealed(journal)).as_ref().and_then(Baked::of))
}

/// Finds the newest image that scan or boot have rejected and that would have followed `released`, if anything was.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn rejected_after(engine: &Engine, product: &Product, released: Option<&Version>) -> Result<Option<Baked>, EngineError> {
    let variant = product.variant();
    for run in engine.ledger.runs(&variant).await?.iter().rev() {
        let journal = engine.ledger.journal(&variant, run).await?;
        // A run that only looks at a release makes no version.
        let Some((plan, _)) = journal.plan().filter(|(plan, _)| plan.releases()) else { continue };
        // Versions only go up: what is older than this run is older than the release.
        if released.is_some_and(|released| plan.version <= *released) {
            return Ok(None);
        }
        if journal.outcome() == Some(Outcome::Rejected) {
            return Ok(Baked::of(&journal));
        }
    }
    Ok(None)
}

/// Reads the report of the scan that the run under way has passed, if its verdict stands.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn passed_scan(engine: &Engine, product: &Product) -> Result<Option<Report>, EngineError> {
    let Some(journal) = engine.unfinished(product).await? else { return Ok(None) };
    let (Some((plan, _)), Effect::Done(summary)) = (journal.plan(), journal.effect("scan")) else { return Ok(None) };
    let Ok(summary) = serde_json::from_value::<ScanSummary>(summary.clone()) else { return Ok(None) };
    if !engine.is_of_today(&summary, product) {
        return Ok(None);
    }
    Ok(engine.ledger.report(&plan.variant, &plan.version, journal.run(), &summary).await?)
}
