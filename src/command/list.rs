//! `bakehouse list PRODUCT`: a sealed release into the Marketplace; `list status`: how that stands.

use clap::{Args, Subcommand};

use super::context::Context;
use super::ship::{Approval, StageArgs, stage};
use crate::cli::{Format, Global, Patience};
use crate::engine::{self, Followed, Stage};
use crate::failure::Failure;
use crate::model::ids::Slug;
use crate::model::plan::Step;
use crate::model::record::{Event, Record};
use crate::model::version::Bump;
use crate::plan::Request;
use crate::release::{Listing, Released, history};
use crate::ui;

/// Arguments of `list`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ListArgs {
    /// What about the listing, if not submitting.
    #[command(subcommand)]
    pub command: Option<ListCommand>,
    /// The product
    #[arg(required = true)]
    pub product: Option<Slug>,
    /// Show the change set; submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Whether irreversible steps are approved.
    #[command(flatten)]
    pub approval: Approval,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// What about the listing.
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Look how the last submission stands, and record its end
    Status(StatusArgs),
}

/// Arguments of `list status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The product
    pub product: Slug,
    /// Wait for the end this long
    #[arg(long, value_name = "TIME", value_parser = crate::cli::parse_duration, default_value = "0s")]
    pub wait: std::time::Duration,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Submits, shows, or looks.
///
/// # Errors
///
/// As `ship`; pending has an exit code of its own.
pub async fn run(global: &Global, args: &ListArgs) -> Result<(), Failure> {
    if let Some(ListCommand::Status(args)) = &args.command {
        return status(global, args).await;
    }
    let product = args.product.clone().expect("clap requires it without a subcommand");
    if args.dry_run {
        return dry_run(global, &product).await;
    }
    let args = StageArgs { product, approval: args.approval.clone(), patience: args.patience.clone() };
    stage(global, &args, Stage::List).await
}

async fn dry_run(global: &Global, slug: &Slug) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let product = context.product(slug)?;
    let engine = context.engine(&product, std::time::Duration::ZERO)?;
    let released = latest(&context, slug, &product.variant()).await?;
    let request = Request { bump: Bump::Patch, version: None, rebuild: false };
    let next = engine::next(&engine, &product, &request).await?;
    if next.plan().version != released.version {
        return Err(Failure::other(
            format!("version {} would be listed, and it is not sealed yet", next.plan().version),
            format!("bakehouse ship {slug}, or bake, scan, checksum and release it first"),
        ));
    }
    let planned = next.plan().steps.iter().find_map(|p| match &p.step {
        Step::CreateListing { draft, .. } => Some(engine::first_listing(&engine, &product, &released, draft.as_ref())),
        Step::AddVersion { product: entity } => Some(engine::add_version(&engine, &product, &released, entity)),
        _ => None,
    });
    match planned {
        Some(set) => ui::print(&serde_json::to_string_pretty(&set?.to_json()).expect("a change set is plain data")),
        None => context.ui.say(&format!("nothing to submit: {} {} is {}", slug, released.version, words(&released.listing))),
    }
    Ok(())
}

async fn status(global: &Global, args: &StatusArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let product = context.product(&args.product)?;
    let engine = context.engine(&product, args.wait)?;
    let released = latest(&context, &args.product, &product.variant()).await?;
    let mut end = Ok(());
    if let Listing::Submitted { change_set, .. } = &released.listing {
        // The run that submitted it, which need not be the one that sealed the release.
        let records = context.ledger().records(&product.variant()).await?;
        let submitted = |r: &&Record| matches!(&r.event, Event::Submitted { change_set: sent, .. } if sent == change_set);
        let run = records.iter().rev().find(submitted).map_or_else(|| released.run.clone(), |r| r.run.clone());
        let followed = Followed { variant: product.variant(), version: released.version.clone(), run, change_set: change_set.clone() };
        end = engine::follow_listing(&engine, &followed).await.map(drop);
    }
    let released = latest(&context, &args.product, &product.variant()).await?;
    match args.format {
        Format::Text => ui::print(&format!("{} {}: {}", product.variant(), released.version, words(&released.listing))),
        Format::Json => ui::print(&super::show::json(&context, &product, &released).await?),
    }
    Ok(end?)
}

async fn latest(context: &Context, slug: &Slug, variant: &crate::model::ids::Variant) -> Result<Released, Failure> {
    let versions = history(&context.ledger().records(variant).await?);
    versions.into_values().next_back().ok_or_else(|| Failure::other(format!("{slug} has no release"), format!("bakehouse ship {slug}")))
}

/// Says where a listing stands.
pub fn words(listing: &Listing) -> String {
    match listing {
        Listing::None => "released, not listed".to_owned(),
        Listing::Submitted { change_set, .. } => format!("submitted, change set {change_set} under way"),
        Listing::Listed { product, .. } => format!("listed in {product}"),
        Listing::Refused { change_set, errors, .. } => {
            let codes: Vec<&str> = errors.iter().map(|e| e.code.as_str()).collect();
            format!("released, listing refused by change set {change_set}: {}", codes.join(", "))
        }
    }
}
