//! `bakehouse history PRODUCT`: its releases.

use clap::Args;
use serde_json::{Value, json};

use super::context::Records;
use super::list::words;
use super::selection::{Selection, each};
use crate::cli::{Format, Global};
use crate::failure::Failure;
use crate::model::ids::Variant;
use crate::model::record::Record;
use crate::release::{Released, history};
use crate::ui;

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Prints the releases, newest first; as JSON each variant's whole chain, oldest first.
///
/// # Errors
///
/// When the ledger can't be read or does not hold together.
pub async fn run(global: &Global, args: &HistoryArgs) -> Result<(), Failure> {
    let books = Records::open(global).await?;
    let variants = books.known().variants(&args.product).await?;
    let (chains, end) = each(variants, async |variant| {
        let records = books.ledger.records(&variant).await?;
        Ok((variant, records))
    })
    .await;
    match args.format {
        Format::Json => {
            let chains: Vec<Value> =
                chains.iter().map(|(variant, records)| json!({ "variant": variant.to_string(), "records": records })).collect();
            ui::print(&ui::document(&chains));
        }
        Format::Text => {
            for (variant, records) in &chains {
                if records.is_empty() {
                    books.ui.say(&format!("{variant} has no release on {}", books.target));
                }
            }
            let rows: Vec<Vec<String>> = chains.iter().flat_map(|(variant, records)| rows(variant, records)).collect();
            if !rows.is_empty() {
                ui::print(&ui::table(&["VARIANT", "VERSION", "SEALED (UTC)", "IMAGE", "REGIONS", "GRANTS", "WAIVERS", "LISTING"], &rows));
            }
        }
    }
    end
}

fn rows(variant: &Variant, records: &[Record]) -> Vec<Vec<String>> {
    let row = |released: &Released| {
        vec![
            variant.to_string(),
            released.version.to_string(),
            released.release.sealed.strftime("%Y-%m-%d %H:%M").to_string(),
            released.release.image.id.to_string(),
            released.regions().len().to_string(),
            released.grants.len().to_string(),
            released.release.scan.waivers.len().to_string(),
            words(&released.listing),
        ]
    };
    history(records).values().rev().map(row).collect()
}
