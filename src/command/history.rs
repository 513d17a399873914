//! `bakehouse history PRODUCT`: its releases.

use clap::Args;

use super::context::Context;
use super::list::words;
use crate::cli::{Format, Global};
use crate::failure::Failure;
use crate::model::ids::Slug;
use crate::release::history;
use crate::ui;

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The product
    pub product: Slug,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Prints the releases, newest first; as JSON the variant's whole chain, oldest first.
///
/// # Errors
///
/// When the ledger can't be read or does not hold together.
pub async fn run(global: &Global, args: &HistoryArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let product = context.product(&args.product)?;
    let records = context.ledger().records(&product.variant()).await?;
    if args.format == Format::Json {
        ui::print(&serde_json::to_string_pretty(&records).expect("records are plain data"));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = history(&records)
        .values()
        .rev()
        .map(|released| {
            vec![
                released.version.to_string(),
                released.release.sealed.strftime("%Y-%m-%d %H:%M").to_string(),
                released.release.image.id.to_string(),
                released.regions().len().to_string(),
                released.grants.len().to_string(),
                words(&released.listing),
            ]
        })
        .collect();
    if rows.is_empty() {
        context.ui.say(&format!("{} has no release on {}", args.product, context.target));
    } else {
        ui::print(&ui::table(&["VERSION", "SEALED (UTC)", "IMAGE", "REGIONS", "GRANTS", "LISTING"], &rows));
    }
    Ok(())
}
