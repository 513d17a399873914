//! `bakehouse ledger verify` and `ledger path`: whether the ledger can be believed, and where it lies.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};

use super::context::Context;
use super::gc::places_of;
use crate::cli::Global;
use crate::engine::{self, Verified};
use crate::failure::Failure;
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
}

/// Verifies, or tells where.
///
/// # Errors
///
/// When a ledger is not to be believed; all of them are looked at first.
pub async fn run(global: &Global, args: &LedgerArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    match &args.command {
        LedgerCommand::Path => {
            ui::print(context.ledger().place());
            Ok(())
        }
        LedgerCommand::Verify(args) => verify(&context, args.product.as_ref()).await,
    }
}

async fn verify(context: &Context, product: Option<&Slug>) -> Result<(), Failure> {
    let products: BTreeSet<Slug> = match product {
        Some(product) => BTreeSet::from([product.clone()]),
        None => context.workspace.products()?.into_iter().collect(),
    };
    let regions = places_of(context, &products)?.regions;
    // A lost ledger knows no variants: AWS is asked for both of each product.
    let variants = products.iter().flat_map(|product| {
        [Architecture::X86_64, Architecture::Arm64].map(|architecture| Variant { product: product.clone(), architecture })
    });
    // All of them once, not anew for each variant.
    let change_sets = context.reader().tagged_change_sets().await?;
    let mut failures = Vec::new();
    for variant in variants {
        match engine::verify_ledger(context.reader(), context.ledger(), &variant, &regions, &change_sets).await {
            Ok(Verified { records: 0, .. }) => {}
            Ok(Verified { records, releases, witnesses }) => {
                ui::print(&format!("{variant}: {records} records, {releases} released; {witnesses} tags on {} agree", context.target));
            }
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    Failure::all(failures)
}
