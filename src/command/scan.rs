//! `bakehouse scan TARGET`: a machine's disk, judged without booting it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::context::{Context, workspace};
use super::sbom::{self, SbomFormat};
use super::scan_target::{self, ScanTarget, Terms};
use super::selection::Selection;
use super::ship::{Approval, StageArgs, carry_out_all};
use crate::cli::{Global, Patience, Waivers};
use crate::clock::Clock;
use crate::disk::BackingFiles;
use crate::engine::{self, Engine, EngineError, Extent, Observer, Stage};
use crate::failure::Failure;
use crate::model::ids::Region;
use crate::model::product::{Product, ScanPolicy};
use crate::model::report::Report;
use crate::release::{Released, history};
use crate::scan::{self, Subject};
use crate::ui;

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// A product (hello-web, hello-web.arm64): its image baked last, or last release; ami-… or snap-…; a disk in a file,
    /// raw or qcow2; a folder that holds a root file system (./NAME where a product could be called so)
    #[arg(value_name = "TARGET")]
    pub disk: ScanTarget,
    /// What may pass.
    #[command(flatten)]
    pub waivers: Waivers,
    /// Search free space, journals and what lies in no partition too, for keys and credentials that were deleted: they
    /// ship with a snapshot
    #[arg(long)]
    pub unallocated: bool,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    pub format: ScanFormat,
    /// Write a bill of materials here too
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
    /// Its form
    #[arg(long, value_enum, default_value_t, requires = "sbom")]
    pub sbom_format: SbomFormat,
    /// Judge by this product's manifest
    #[arg(long, value_name = "PRODUCT", help_heading = NO_PRODUCT)]
    pub as_product: Option<Selection>,
    /// The account that buyers log in to [default: cloud-init's]
    #[arg(long, value_name = "NAME", help_heading = NO_PRODUCT, value_parser = account_name)]
    pub login_user: Option<String>,
    /// The port that AWS's scanner logs in on [default: 22]
    #[arg(long, value_name = "PORT", help_heading = NO_PRODUCT, value_parser = clap::value_parser!(u16).range(1..))]
    pub scanning_port: Option<u16>,
    /// Read files that a qcow2 file names as its backing; only if you trust whoever made it
    #[arg(long, help_heading = NO_PRODUCT)]
    pub backing_files: bool,
    /// Where the image or snapshot is [default: us-east-1]
    #[arg(long, help_heading = NO_PRODUCT)]
    pub region: Option<Region>,
}

/// How reports are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people: worst first, with what to do.
    #[default]
    Text,
    /// For programs; versioned.
    Json,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
}

/// Takes the name of an account as Linux has them.
///
/// Source: <https://man7.org/linux/man-pages/man8/useradd.8.html>
fn account_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_name = (1..=32).contains(&text.len()) && text.chars().all(plain) && !text.starts_with(['-', '.']);
    if is_name { Ok(text.to_owned()) } else { Err("an account's name has letters, digits, dots, dashes and underscores".to_owned()) }
}

const NO_PRODUCT: &str = "For a target that is no product";

/// Scans a target. Of a product, what was baked and not yet sealed, as a step of its run; else its last release, for a look.
///
/// # Errors
///
/// The scan's verdict is the exit code.
pub async fn run(global: &Global, args: &ScanArgs) -> Result<(), Failure> {
    let terms = Terms {
        product: args.as_product.clone(),
        login_user: args.login_user.clone(),
        scanning_port: args.scanning_port,
        region: args.region.clone(),
        waivers: args.waivers.into(),
        unallocated: args.unallocated,
        backing_files: if args.backing_files { BackingFiles::Allowed } else { BackingFiles::Refused },
    };
    // Before the disk is read: what can't be written then is said now.
    if let Some(path) = &args.sbom {
        std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(|error| unwritable(path, &error))?;
    }
    let (what, report) = match &args.disk {
        ScanTarget::Product(selection) => {
            if terms.is_given() {
                return Err(Failure::other(
                    "a product's own manifest says what it is judged by",
                    "leave the options for a target that is no product out",
                ));
            }
            let name = selection.to_string();
            if std::path::Path::new(&name).exists() && workspace(global).is_err() {
                let hint = format!("bakehouse scan ./{name} scans what is called so here");
                return Err(Failure::other(format!("{name} is the name of a product, and there is no workspace here"), hint));
            }
            return run_product(global, args, selection).await;
        }
        ScanTarget::Image(id) => (id.to_string(), scan_target::image(global, id, &terms).await?),
        ScanTarget::Snapshot(id) => (id.to_string(), scan_target::snapshot(global, id, &terms).await?),
        ScanTarget::Local(path) => {
            let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            (name, scan_target::local(global, path, &terms).await?)
        }
    };
    match args.format {
        ScanFormat::Json => ui::print(&ui::document(&[&report])),
        ScanFormat::Sarif => ui::print(&scan::sarif(&[&report])),
        ScanFormat::Text => ui::print(&scan::render(&report)),
    }
    write_sbom(args, &report, &Subject { name: &what, version: None })?;
    if report.passed() { Ok(()) } else { Err(Failure::Refused { what }) }
}

async fn run_product(global: &Global, args: &ScanArgs, selection: &Selection) -> Result<(), Failure> {
    let context = Context::open_for(global, selection).await?;
    let variants = context.variants(selection)?;
    let engine = Engine { waivers: args.waivers.into(), ..context.engine(&variants, std::time::Duration::ZERO)? };
    let stage = StageArgs {
        product: selection.clone(),
        approval: Approval { yes: false, approve: Vec::new() },
        patience: Patience { patience: std::time::Duration::ZERO },
    };
    let (reports, end) = variants
        .each(async |product| {
            let unallocated = product.scan.unallocated || args.unallocated;
            let product = &Product { scan: ScanPolicy { unallocated, ..product.scan.clone() }, ..product.clone() };
            let versions = history(&context.ledger().records(&product.variant()).await?);
            match versions.into_values().next_back() {
                Some(released) if !engine::baking(&engine, product).await? => {
                    say_which(&context, &engine, product, &released).await?;
                    look(&context, product, &released, args.waivers).await.map(Some)
                }
                _ => {
                    context.state_target();
                    carry_out_all(&context, product, &engine, &stage.as_ship(), Extent::Only(Stage::Scan)).await.map(|()| None)
                }
            }
        })
        .await;
    let looks: Vec<&(Released, Report)> = reports.iter().flatten().collect();
    match args.format {
        ScanFormat::Json => ui::print(&ui::document(&looks.iter().map(|(_, report)| report).collect::<Vec<_>>())),
        ScanFormat::Sarif => ui::print(&scan::sarif(&looks.iter().map(|(_, report)| report).collect::<Vec<_>>())),
        ScanFormat::Text => looks.iter().for_each(|(_, report)| ui::print(&scan::render(report))),
    }
    if let [(released, report)] = looks.as_slice() {
        let version = released.version.to_string();
        write_sbom(args, report, &Subject { name: selection.product.as_str(), version: Some(&version) })?;
    } else if args.sbom.is_some() && end.is_ok() {
        return Err(Failure::other(
            "a bill of materials is written of one released variant, and there is another number of them here",
            "name the variant (hello-web.x86_64), or scan its image by its id",
        ));
    }
    let rejected = |(released, report): &&(Released, Report)| {
        (!report.passed()).then(|| {
            let (version, image) = (released.version.clone(), released.release.image.id.clone());
            Failure::from(EngineError::Rejected { version, image, report: Box::new(report.clone()) })
        })
    };
    Failure::all(looks.iter().filter_map(rejected).chain(end.err()).collect())
}

fn write_sbom(args: &ScanArgs, report: &Report, subject: &Subject) -> Result<(), Failure> {
    let Some(path) = &args.sbom else { return Ok(()) };
    std::fs::write(path, sbom::text(report, subject, args.sbom_format)).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("{} can't be written: {error}", path.display()), "name another file")
}

/// Says that it is a release that is looked at, and what was baked later and rejected.
pub async fn say_which(context: &Context, engine: &engine::Engine, product: &Product, released: &Released) -> Result<(), Failure> {
    let image = &released.release.image;
    context.ui.say(&format!("{} {} (released), image {} in {}", product.variant(), released.version, image.id, image.region));
    if let Some(journal) = engine::rejected_after(engine, product, &released.version).await?
        && let Some((plan, _)) = journal.plan()
    {
        context.ui.say(&format!(
            "note: run {} of {} was rejected after that, and is not what is looked at; bakehouse ship {} goes on to that version",
            journal.run(),
            plan.version,
            product.slug
        ));
    }
    Ok(())
}

async fn look(context: &Context, product: &Product, released: &Released, waivers: Waivers) -> Result<(Released, Report), Failure> {
    let observer: Arc<dyn Observer> = context.ui.clone();
    let report =
        engine::scan_image(context.reader(), &observer, &released.release.image, product, waivers.into(), Clock::System.now()).await?;
    Ok((released.clone(), report))
}
