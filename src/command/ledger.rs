//! `bakehouse ledger verify` and `ledger path`: whether the ledger can be believed, and where it lies.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{Context, Records};
use super::gc::places_of;
use crate::cli::{Format, Global};
use crate::cloud::ChangeSetFilter;
use crate::engine::{self, EngineError, Verified};
use crate::failure::Failure;
use crate::model::count::counted;
use crate::model::ids::{Architecture, Slug, Variant};
use crate::ui;

/// Arguments of `ledger`.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// What about the ledger.
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// What about the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Check chains, claims and reports, and compare them with what AWS's tags tell
    Verify(VerifyArgs),
    /// Print where the target's ledger lies
    Path,
}

/// Arguments of `ledger verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The product [default: all of the workspace]
    pub product: Option<Slug>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Verifies, or tells where.
///
/// # Errors
///
/// When a ledger is not to be believed; all of them are looked at first.
pub async fn run(global: &Global, args: &LedgerArgs) -> Result<(), Failure> {
    match &args.command {
        LedgerCommand::Path => {
            ui::print(Records::open(global).await?.ledger.place());
            Ok(())
        }
        LedgerCommand::Verify(args) => verify(&Context::open(global).await?, args).await,
    }
}

async fn verify(context: &Context, args: &VerifyArgs) -> Result<(), Failure> {
    let products: BTreeSet<Slug> = match &args.product {
        Some(product) => BTreeSet::from([product.clone()]),
        None => context.workspace.products()?.into_iter().collect(),
    };
    let regions = places_of(context, &products)?.regions;
    // A lost ledger knows no variants: AWS is asked for both of each product.
    let variants = products.iter().flat_map(|product| {
        [Architecture::X86_64, Architecture::Arm64].map(|architecture| Variant { product: product.clone(), architecture })
    });
    // All of them once, not anew for each variant.
    let reader = context.reader();
    let change_sets = reader.tagged(reader.change_sets(&ChangeSetFilter::All).await?).await?;
    let (mut documents, mut failures) = (Vec::new(), Vec::new());
    for variant in variants {
        let end = engine::verify_ledger(context.reader(), context.ledger(), &variant, &regions, &change_sets).await;
        documents.extend(document(&variant, &end));
        match end {
            Ok(verified) if args.format == Format::Text => tell(context, &variant, &verified),
            Ok(_) => {}
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    match args.format {
        Format::Json => ui::print(&ui::document(&documents)),
        Format::Text if documents.is_empty() && failures.is_empty() => {
            let of = args.product.as_ref().map(|product| format!(" of {product}")).unwrap_or_default();
            context.ui.say(&format!("there is no release{of} to verify, neither in the ledger nor on {}", context.target));
        }
        Format::Text => {}
    }
    Failure::all(failures)
}

fn tell(context: &Context, variant: &Variant, verified: &Verified) {
    let Verified { records, releases, witnesses } = verified;
    if *records > 0 {
        ui::print(&format!(
            "{variant}: {}, {releases} released; {} on {} in agreement",
            counted(*records, "record"),
            counted(*witnesses, "tag"),
            context.target
        ));
    }
}

/// Writes what was found of a variant; `None` for one that has no ledger, and where nothing could be found out.
fn document(variant: &Variant, end: &Result<Verified, EngineError>) -> Option<Value> {
    match end {
        Ok(Verified { records: 0, .. }) => None,
        Ok(Verified { records, releases, witnesses }) => {
            Some(json!({ "variant": variant.to_string(), "records": records, "releases": releases, "tags": witnesses, "wrong": [] }))
        }
        Err(EngineError::WrongLedger { wrong, .. }) => Some(json!({ "variant": variant.to_string(), "wrong": wrong })),
        Err(_) => None,
    }
}
