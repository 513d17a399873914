//! `bakehouse scan PRODUCT`: the image that was baked last, judged.

use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::selection::Selection;
use super::ship::{Approval, StageArgs, carry_out_all};
use crate::cli::{Format, Global, Patience};
use crate::clock::Clock;
use crate::engine::{self, EngineError, Extent, Observer, Stage};
use crate::failure::Failure;
use crate::model::product::Product;
use crate::model::report::Report;
use crate::release::{Released, history};
use crate::ui;

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Scans what was baked and not yet sealed, as a step of its run; else the last release, for a look.
///
/// # Errors
///
/// The scan's verdict is the exit code.
pub async fn run(global: &Global, args: &ScanArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, &args.product).await?;
    let variants = context.variants(&args.product)?;
    let engine = context.engine(&variants, std::time::Duration::ZERO)?;
    let stage = StageArgs {
        product: args.product.clone(),
        approval: Approval { yes: false, approve: Vec::new() },
        patience: Patience { patience: std::time::Duration::ZERO },
    };
    let (reports, end) = variants
        .each(async |product| {
            let versions = history(&context.ledger().records(&product.variant()).await?);
            match versions.into_values().next_back() {
                Some(released) if !engine::baking(&engine, product).await? => look(&context, product, &released).await.map(Some),
                _ => {
                    context.state_target();
                    carry_out_all(&context, product, &engine, &stage.as_ship(), Extent::Only(Stage::Scan)).await.map(|()| None)
                }
            }
        })
        .await;
    let looks: Vec<&(Released, Report)> = reports.iter().flatten().collect();
    match args.format {
        Format::Json => ui::print(&ui::document(&looks.iter().map(|(_, report)| report).collect::<Vec<_>>())),
        Format::Text => looks.iter().for_each(|(_, report)| ui::print(&crate::scan::render(report))),
    }
    let rejected = |(released, report): &&(Released, Report)| {
        (!report.passed()).then(|| {
            let (version, image) = (released.version.clone(), released.release.image.id.clone());
            Failure::from(EngineError::Rejected { version, image, report: Box::new(report.clone()) })
        })
    };
    Failure::all(looks.iter().filter_map(rejected).chain(end.err()).collect())
}

async fn look(context: &Context, product: &Product, released: &Released) -> Result<(Released, Report), Failure> {
    let observer: Arc<dyn Observer> = context.ui.clone();
    let report = engine::scan_image(context.reader(), &observer, &released.release.image, product, Clock::System.now()).await?;
    Ok((released.clone(), report))
}
