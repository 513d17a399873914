//! `scan PRODUCT [VERSION] --again` and `scan --sbom FILE`: what is known of packages, judged by the data of today.

use std::path::Path;
use std::sync::Arc;

use super::context::Records;
use super::sbom::SbomFile;
use super::scan::{ScanArgs, Told, print};
use super::scan_target::Terms;
use super::selection::Selection;
use super::show::find;
use crate::advisories::Database;
use crate::cli::{Global, Waivers};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::model::product::Product;
use crate::model::report::Report;
use crate::model::waiver::WaiverOptions;
use crate::release::Released;
use crate::scan::{self, Scan, Subject};

/// The largest bill of materials that is read. Those of whole images are of some MB.
const LARGEST_BILL_BYTES: u64 = 256 << 20;

/// What releases are judged by again.
pub struct Today {
    database: Option<Arc<Database>>,
    waivers: WaiverOptions,
    at: jiff::Timestamp,
}

impl Today {
    /// Judges by a database, now.
    pub fn new(database: Option<Arc<Database>>, waivers: Waivers) -> Self {
        Self { database, waivers: waivers.into(), at: Clock::System.now() }
    }

    /// Judges a release by what the ledger keeps of its scan; returns that report, and what it is today.
    ///
    /// # Errors
    ///
    /// When no report is kept, or it was changed.
    pub async fn judge(&self, ledger: &Ledger, product: &Product, released: &Released) -> Result<(Report, Report), Failure> {
        let variant = product.variant();
        let Released { version, run, release, .. } = released;
        let kept = ledger.report(&variant, version, run, &release.scan).await?.ok_or_else(|| {
            let hint = format!("bakehouse scan {variant} {version} looks at its image");
            Failure::other(format!("no report is kept of the scan of {variant} {version}"), hint)
        })?;
        let request = Scan { advisories: self.database.clone(), ..Scan::of(product, self.waivers, self.at) };
        let before = kept.clone();
        let judged = tokio::task::spawn_blocking(move || scan::judge_again(&kept, &request)).await;
        let judged =
            judged.map_err(|error| Failure::other(format!("the judgement broke off: {error}"), "report this as a defect of bakehouse"))?;
        Ok((before, judged))
    }
}

/// Judges a product's release again.
///
/// # Errors
///
/// No such release; the verdict is the exit code.
pub async fn release(
    global: &Global,
    args: &ScanArgs,
    selection: &Selection,
    advisories: Option<Arc<Database>>,
    sbom: Option<SbomFile>,
) -> Result<(), Failure> {
    let books = Records::open(global).await?;
    let today = Today::new(advisories, args.waivers);
    let variants = books.variants(selection)?;
    if sbom.is_some() {
        variants.one()?;
    }
    let (judged, end) = variants
        .each(async |product| {
            let released = find(&books.ledger, &product.variant(), args.version.as_ref()).await?;
            let (_, report) = today.judge(&books.ledger, product, &released).await?;
            Ok((product.variant().to_string(), released.version.to_string(), report))
        })
        .await;
    let place = format!("products/{}/product.toml", selection.product);
    let told = judged.iter().map(|(variant, version, report)| {
        let subject = Subject { name: variant, version: Some(version) };
        Told { report, subject, place: &place }
    });
    print(args.format, &told.collect::<Vec<_>>());
    if let (Some(sbom), [(_, version, report)]) = (sbom, judged.as_slice()) {
        let subject = Subject { name: selection.product.as_str(), version: Some(version) };
        sbom.write(report, &subject, args.sbom_format)?;
    }
    let refused = judged.iter().filter(|(_, _, report)| !report.passed());
    let refused = refused.map(|(variant, version, _)| Failure::Refused { what: format!("{variant} {version}, judged again,") });
    Failure::all(refused.chain(end.err()).collect())
}

/// Judges a bill of materials.
///
/// # Errors
///
/// A file that can't be read, or is no bill; the verdict is the exit code.
pub fn bill(global: &Global, args: &ScanArgs, path: &Path, terms: &Terms, sbom: Option<SbomFile>) -> Result<(), Failure> {
    let place = path.display().to_string();
    let wrong =
        |why: &dyn std::fmt::Display| Failure::other(format!("{place} can't be read: {why}"), "name a CycloneDX or SPDX file in JSON");
    let size_bytes = std::fs::metadata(path).map_err(|error| wrong(&error))?.len();
    if size_bytes > LARGEST_BILL_BYTES {
        return Err(wrong(&format!("it has more than {} MiB", LARGEST_BILL_BYTES >> 20)));
    }
    let bill = scan::read_sbom(&std::fs::read(path).map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    let report = scan::judge_bill(&bill, &terms.request(global)?);
    let subject = Subject { name: if bill.name.is_empty() { &place } else { &bill.name }, version: bill.version.as_deref() };
    print(args.format, &[Told { report: &report, subject, place: &place }]);
    if let Some(sbom) = sbom {
        sbom.write(&report, &subject, args.sbom_format)?;
    }
    if report.passed() { Ok(()) } else { Err(Failure::Refused { what: place }) }
}
