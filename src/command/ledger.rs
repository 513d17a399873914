//! `bakehouse ledger verify` and `ledger path`: whether the ledger can be believed, and where it lies.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{Context, Records};
use super::gc::places_of;
use crate::cli::{Format, Global};
use crate::cloud::ChangeSetFilter;
use crate::engine::{self, EngineError, Verified};
use crate::failure::Failure;
use crate::model::count::counted;
use crate::model::ids::{Slug, Variant};
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
    /// The product [default: all of workspace, ledger and target]
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
    let is_asked = |product: &Slug| args.product.as_ref().is_none_or(|asked| asked == product);
    let products = context.known().products().await?.into_iter().filter(is_asked).collect();
    let regions = engine::recorded_regions(context.ledger()).await?.into_iter().chain(places_of(context, &products).regions).collect();
    // All of them once, not anew for each variant.
    let reader = context.reader();
    let change_sets = reader.tagged(reader.change_sets(&ChangeSetFilter::All).await?).await?;
    // A lost ledger knows no variants, and a workspace may have lost its products: the target's tags name theirs.
    let mut variants = engine::tagged_variants(reader, &regions, &change_sets).await?;
    variants.extend(context.ledger().variants().await?);
    variants.retain(|variant| is_asked(&variant.product));
    if let Some(product) = args.product.as_ref().filter(|_| variants.is_empty()) {
        context.known().know(product).await?;
    }
    let (mut documents, mut failures) = (Vec::new(), Vec::new());
    for variant in variants {
        let end = engine::verify_ledger(reader, context.ledger(), &variant, &regions, &change_sets).await;
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
