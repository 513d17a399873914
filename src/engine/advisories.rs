//! What a scan will lack of the database of advisories: told before an image is baked for it.

use std::sync::Arc;

use super::{Engine, EngineError};
use crate::advisories::{About, Age, Database, Ecosystem};
use crate::ledger::{Ledger, LedgerError};
use crate::model::product::Product;
use crate::model::record::BaseRecord;
use crate::model::report::OperatingSystem;
use crate::plan;
use crate::release;
use crate::scan::{self, Scan};

/// What a scan will lack, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// What, and what comes of it; a clause.
    pub what: String,
    /// What to do about it; a sentence.
    pub cure: String,
    /// Whether the scan is certain to stop the release for it: what packages an image will have isn't known before.
    pub is_certain: bool,
}

/// Tells what the scan of an image that is baked from a base will lack, first what is certain. The database is taken for whole.
///
/// Waivers, thresholds and the age that a product allows count, as they will in the scan.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn lacks(ledger: &Ledger, product: &Product, base: Option<&BaseRecord>, request: &Scan) -> Result<Vec<Lack>, EngineError> {
    let system = match base {
        Some(base) => known_system(ledger, product, base).await?,
        None => None,
    };
    let certain = scan::foresee(system.as_ref(), request).into_iter().map(|finding| Lack {
        what: format!("{}: the scan stops the release ({})", finding.reason, finding.code),
        cure: finding.remedy,
        is_certain: true,
    });
    let about = request.advisories.as_ref().and_then(|database| database.about().ok());
    let possible = about.map(|about| possible(&about, system.as_ref(), base, request)).unwrap_or_default();
    Ok(certain.chain(possible).collect())
}

/// Refuses to begin what the scan is certain to stop for what the database lacks.
///
/// # Errors
///
/// [`EngineError::NotReady`]; when the ledger can't be read.
pub async fn refuse_lacking_advisories(engine: &Engine, product: &Product, base: Option<&BaseRecord>) -> Result<(), EngineError> {
    match engine.lacks(product, base).await?.into_iter().find(|lack| lack.is_certain) {
        Some(Lack { what, cure, .. }) => Err(EngineError::NotReady {
            what: format!("nothing is baked: {what}"),
            next: format!("{cure} If they come before the scan does, --advisories-later bakes all the same."),
        }),
        None => Ok(()),
    }
}

impl Engine {
    /// Tells what the scan of a product's next image will lack: all of it, where the database's bytes have changed.
    pub(super) async fn lacks(&self, product: &Product, base: Option<&BaseRecord>) -> Result<Vec<Lack>, EngineError> {
        if let Some(damage) = damage(self.advisories.clone()).await? {
            return Ok(vec![damage]);
        }
        let request = Scan { advisories: self.advisories.clone(), ..Scan::of(product, self.waivers, self.clock.now()) };
        lacks(&self.ledger, product, base, &request).await
    }

    /// Makes sure that the advisories are those that somebody built, before they decide over a release.
    pub(super) async fn verify_advisories(&self) -> Result<(), EngineError> {
        match damage(self.advisories.clone()).await? {
            Some(Lack { what, cure, .. }) => Err(EngineError::NotReady { what, next: cure }),
            None => Ok(()),
        }
    }
}

/// Holds a database against its digest, for which all of it is read; none where it is as it was built.
async fn damage(database: Option<Arc<Database>>) -> Result<Option<Lack>, EngineError> {
    let Some(database) = database else { return Ok(None) };
    let verified = tokio::task::spawn_blocking(move || database.verify()).await;
    let verified = verified.map_err(|error| EngineError::ScanTask(error.to_string()))?;
    Ok(verified.err().map(|error| Lack {
        what: format!("the database of advisories can't be used: {error}"),
        cure: "Build it anew: bakehouse db update, or bakehouse db build --from FOLDER.".to_owned(),
        is_certain: true,
    }))
}

/// Tells which operating system an image that is baked from a base will have: what a scan has found in a release of the very
/// same base, or else what the base's publisher calls it. None where neither tells.
async fn known_system(ledger: &Ledger, product: &Product, base: &BaseRecord) -> Result<Option<OperatingSystem>, LedgerError> {
    let variant = product.variant();
    let released = release::history(&ledger.records(&variant).await?).into_values();
    if let Some(of_it) = released.rev().find(|released| released.release.base.image == base.image) {
        // A report that was changed tells nothing here; whoever checks the ledger is told of it.
        let report = ledger.report(&variant, &of_it.version, &of_it.run, &of_it.release.scan).await.ok().flatten();
        if let Some(system) = report.and_then(|report| report.operating_system) {
            return Ok(Some(system));
        }
    }
    Ok(plan::system_of(base))
}

/// Tells what is lacking for some images, of which the next may be one: old advisories of languages, and, where the system isn't
/// known, of systems.
fn possible(about: &About, system: Option<&OperatingSystem>, base: Option<&BaseRecord>, request: &Scan) -> Vec<Lack> {
    let known = |ecosystem: &Ecosystem| about.age(*ecosystem, &[], request.at) != Age::Absent;
    let mut lacks = Vec::new();
    if system.is_none() {
        let systems: Vec<&str> =
            Ecosystem::all().filter(|ecosystem| ecosystem.is_distribution()).filter(known).map(Ecosystem::as_str).collect();
        let base = base.map_or("the base", |base| base.name.as_str());
        lacks.push(Lack {
            what: format!(
                "which system {base} holds isn't known before the scan, which stops the release if that is none of those that the database \
                 has advisories of ({}; COV-ADV-001)",
                if systems.is_empty() { "none".to_owned() } else { systems.join(", ") }
            ),
            cure: "See that its system and release are among what `bakehouse db info` lists.".to_owned(),
            is_certain: false,
        });
    }
    let most_days = request.policy.vulnerabilities.max_age_days;
    let is_open = |ecosystem: &Ecosystem| system.is_none() || !ecosystem.is_distribution();
    let is_old = |ecosystem: &Ecosystem| match about.age(*ecosystem, &[], request.at) {
        Age::Of(day) => request.at.duration_since(day).as_hours() / 24 > i64::from(most_days),
        Age::Untold => true,
        Age::Absent => false,
    };
    let old: Vec<&str> = Ecosystem::all().filter(is_open).filter(is_old).map(Ecosystem::as_str).collect();
    if !old.is_empty() {
        lacks.push(Lack {
            what: format!(
                "the advisories of {} are older than the {most_days} days that they may be, or of an untold day: the scan stops the release \
                 if the image has packages of those (COV-ADV-002)",
                old.join(", ")
            ),
            cure: "Update the database: bakehouse db update.".to_owned(),
            is_certain: false,
        });
    }
    lacks
}
