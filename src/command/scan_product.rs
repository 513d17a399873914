//! `bakehouse scan PRODUCT`: of each variant the image that was baked last.

use super::context::Context;
use super::sbom::SbomFile;
use super::scan::{ScanArgs, ScanFormat, Told, print};
use super::selection::Selection;
use super::ship::{Approval, StageArgs, carry_out_all};
use super::show::find;
use crate::cli::{Global, Patience};
use crate::engine::{self, Baked, Engine, EngineError, Extent, Stage};
use crate::failure::Failure;
use crate::model::image::Image;
use crate::model::product::{Product, ScanPolicy};
use crate::model::report::Report;
use crate::model::version::Version;
use crate::release::{Released, history};
use crate::scan::Subject;

/// What was scanned, and what came of it.
struct Scanned {
    variant: String,
    version: String,
    report: Report,
    end: Result<(), Failure>,
}

impl Scanned {
    fn subject<'a>(&'a self, name: &'a str) -> Subject<'a> {
        Subject { name, version: Some(&self.version) }
    }
}

/// Scans what was baked and not yet sealed, as a step of its run; else, for a look, what was rejected since the last
/// release, or that release.
///
/// # Errors
///
/// The scan's verdict is the exit code.
pub async fn run(global: &Global, args: &ScanArgs, selection: &Selection, sbom: Option<SbomFile>) -> Result<(), Failure> {
    let context = Context::open_for(global, selection).await?.keep_blocks(args.keep_blocks)?;
    let variants = context.variants(selection)?;
    if sbom.is_some() {
        variants.one()?;
    }
    let engine = Engine { waivers: args.waivers.into(), ..context.engine(&variants, std::time::Duration::ZERO)? };
    let (scanned, end) = variants
        .each(async |product| {
            // More than the manifest says: what the gate doesn't ask of every scan can't decide over one.
            let asks_more = args.unallocated && !product.scan.unallocated;
            let unallocated = product.scan.unallocated || args.unallocated;
            let product = Product { scan: ScanPolicy { unallocated, ..product.scan.clone() }, ..product.clone() };
            match &args.version {
                Some(version) => {
                    let released = find(context.ledger(), &product.variant(), Some(version)).await?;
                    look_at_release(&context, &engine, &product, released).await
                }
                None => scan(&context, &engine, &product, asks_more).await,
            }
        })
        .await;
    let manifest = format!("products/{}/product.toml", selection.product);
    // A step that was rejected has its report in its failure, as of every command that makes it.
    let is_told = |scanned: &&Scanned| args.format != ScanFormat::Text || !matches!(scanned.end, Err(Failure::Engine(_)));
    let told: Vec<Told> = scanned
        .iter()
        .filter(is_told)
        .map(|scanned| Told { report: &scanned.report, subject: scanned.subject(&scanned.variant), place: &manifest })
        .collect();
    print(args.format, &told);
    if let (Some(sbom), [scanned]) = (sbom, scanned.as_slice()) {
        sbom.write(&scanned.report, &scanned.subject(selection.product.as_str()), args.sbom_format)?;
    }
    Failure::all(scanned.into_iter().filter_map(|scanned| scanned.end.err()).chain(end.err()).collect())
}

async fn scan(context: &Context, engine: &Engine, product: &Product, asks_more: bool) -> Result<Scanned, Failure> {
    let baking = engine::baking(engine, product).await?;
    let released = history(&context.ledger().records(&product.variant()).await?).into_values().next_back();
    let variant = product.variant();
    if let Some(Baked { run, version, image }) = &baking {
        context.ui.say(&format!("{variant} {version} (not sealed yet), image {} in {}, of run {run}", image.id, image.region));
        if asks_more {
            context.ui.say(
                "note: nothing follows from a scan with --unallocated; `[scan] unallocated = true` in the manifest has every scan of the product \
                 search what was deleted, and what it finds stop the release",
            );
            return look(engine, product, version.clone(), image).await;
        }
        return step(context, engine, product, version).await;
    }
    if let Some(Baked { run, version, image }) = engine::rejected_after(engine, product, released.as_ref().map(|r| &r.version)).await? {
        let place = format!("{variant} {version} (rejected), image {} in {}, of run {run}", image.id, image.region);
        if context.reader().image(&image.region, &image.id).await?.is_some() {
            context.ui.say(&place);
            context.ui.say(&format!(
                "note: nothing follows from this scan; bakehouse ship {} judges the image again, or makes another if its inputs have changed",
                product.slug
            ));
            return look(engine, product, version, &image).await;
        }
        context.ui.say(&format!("note: {place}, is gone"));
    }
    match released {
        Some(released) => look_at_release(context, engine, product, released).await,
        None => {
            Err(EngineError::NotReady { what: format!("nothing is baked of {variant}"), next: format!("bakehouse bake {}", product.slug) }
                .into())
        }
    }
}

/// Scans as a step of the run, which goes on from there or ends.
async fn step(context: &Context, engine: &Engine, product: &Product, version: &Version) -> Result<Scanned, Failure> {
    let _target = context.state_target();
    let stage = StageArgs {
        product: Selection { product: product.slug.clone(), architecture: Some(product.image.architecture) },
        approval: Approval { yes: false, approve: Vec::new() },
        patience: Patience { patience: std::time::Duration::ZERO },
    };
    let end = carry_out_all(context, product, engine, &stage.as_ship(), Extent::Only(Stage::Scan)).await;
    let report = match &end {
        Ok(()) => engine::passed_scan(engine, product).await?,
        Err(Failure::Engine(error)) => match error.as_ref() {
            EngineError::Rejected { report, .. } => Some(report.as_ref().clone()),
            _ => None,
        },
        Err(_) => None,
    };
    let Some(report) = report else {
        end?;
        return Err(Failure::other(format!("the run of {} {version} has no scan", product.variant()), "bakehouse runs"));
    };
    Ok(Scanned { variant: product.variant().to_string(), version: version.to_string(), report, end })
}

async fn look_at_release(context: &Context, engine: &Engine, product: &Product, released: Released) -> Result<Scanned, Failure> {
    let image = &released.release.image;
    context.ui.say(&format!("{} {} (released), image {} in {}", product.variant(), released.version, image.id, image.region));
    look(engine, product, released.version.clone(), image).await
}

/// Scans an image of which nothing else comes.
async fn look(engine: &Engine, product: &Product, version: Version, image: &Image) -> Result<Scanned, Failure> {
    let report = engine.look(image, product).await?;
    let what = format!("{} {version} ({})", product.variant(), image.id);
    let end = if report.passed() { Ok(()) } else { Err(Failure::Refused { what }) };
    Ok(Scanned { variant: product.variant().to_string(), version: version.to_string(), report, end })
}
