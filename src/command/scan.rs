//! `bakehouse scan PRODUCT`: the image that was baked last, judged.

use clap::Args;

use super::context::Context;
use super::ship::{Approval, StageArgs, stage};
use crate::cli::{Format, Global, Patience};
use crate::clock::Clock;
use crate::engine::{self, Stage};
use crate::failure::Failure;
use crate::model::ids::Slug;
use crate::release::history;
use crate::ui;

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// The product
    pub product: Slug,
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
    let released = {
        let context = Context::open(global).await?;
        let product = context.product(&args.product)?;
        let engine = context.engine(&product, std::time::Duration::ZERO)?;
        let baking = engine::baking(&engine, &product).await?;
        let versions = history(&context.ledger().records(&product.variant()).await?);
        match versions.into_values().next_back() {
            Some(released) if !baking => {
                let observer: std::sync::Arc<dyn crate::engine::Observer> = context.ui.clone();
                let image = &released.release.image;
                let report = engine::scan_image(context.reader(), &observer, image, &product, Clock::System.now()).await?;
                match args.format {
                    Format::Json => ui::print(&serde_json::to_string_pretty(&report).expect("a report is plain data")),
                    Format::Text => ui::print(&crate::scan::render(&report)),
                }
                if !report.passed() {
                    let rejected = crate::engine::EngineError::Rejected {
                        version: released.version.clone(),
                        image: image.id.clone(),
                        report: Box::new(report),
                    };
                    return Err(rejected.into());
                }
                true
            }
            _ => false,
        }
    };
    if released {
        return Ok(());
    }
    let args = StageArgs {
        product: args.product.clone(),
        approval: Approval { yes: false, approve: None },
        patience: Patience { patience: std::time::Duration::ZERO },
    };
    stage(global, &args, Stage::Scan).await
}
