//! `bakehouse list PRODUCT`: a sealed release into the Marketplace; its subcommands: what the listing says, and how it stands.

mod cancel;
mod history;
mod import;
mod plan;
mod restrict;
mod status;
mod validate;
mod watch;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::selection::Selection;
use super::ship::{Approval, SealedArgs, StageArgs, sealed};
use super::show::find;
use crate::cli::{Format, Global, Patience};
use crate::engine::{self, Engine, Stage};
use crate::failure::Failure;
use crate::listing::{Blame, Refusal};
use crate::model::ids::EntityId;
use crate::model::plan::Step;
use crate::model::product::Product;
use crate::model::version::Version;
use crate::plan::Request;
use crate::release::Listing;
use crate::ui;

/// Arguments of `list`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ListArgs {
    /// What about the listing, if not submitting.
    #[command(subcommand)]
    pub command: Option<ListCommand>,
    /// The product, or a variant of it: hello-web, hello-web.arm64
    #[arg(required = true)]
    pub product: Option<Selection>,
    /// This sealed version [default: the newest]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<Version>,
    /// Show the change set; submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to write what --dry-run shows; a change set is JSON in either
    #[arg(long, value_enum, default_value_t, requires = "dry_run")]
    pub format: Format,
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
    /// Show what the listings lack, as a diff: what the manifests say against what is live; reads only
    Plan(plan::PlanArgs),
    /// Carry that out, or plans that were saved
    Apply(plan::ApplyArgs),
    /// Have AWS rehearse the sealed version that isn't listed yet; it uses no title up
    Validate(validate::ValidateArgs),
    /// Take versions off sale: named ones, or all that a rule does not keep
    Restrict(restrict::RestrictArgs),
    /// Say who sees the product; people at AWS review it
    Visibility(restrict::VisibilityArgs),
    /// Look how what was submitted stands, versions and changes, and record what has ended
    Status(status::StatusArgs),
    /// Cancel a change set that AWS is still preparing
    Cancel(cancel::CancelArgs),
    /// Show the change sets of a listing, also those that AWS has forgotten, and others'
    History(history::HistoryArgs),
    /// Write the manifest of a product that is in the Marketplace already, or what one lacks
    Import(import::ImportArgs),
    /// Look at all listings: what is under way, what the manifests want, what AWS's scans say of published versions
    Watch(watch::WatchArgs),
}

/// Submits, shows, or looks.
///
/// # Errors
///
/// As `ship`; pending has an exit code of its own.
pub async fn run(global: &Global, args: &ListArgs) -> Result<(), Failure> {
    match &args.command {
        Some(ListCommand::Plan(args)) => return plan::plan(global, args).await,
        Some(ListCommand::Apply(args)) => return plan::apply(global, args).await,
        Some(ListCommand::Validate(args)) => return validate::run(global, args).await,
        Some(ListCommand::Restrict(args)) => return restrict::restrict(global, args).await,
        Some(ListCommand::Visibility(args)) => return restrict::visibility(global, args).await,
        Some(ListCommand::Status(args)) => return status::run(global, args).await,
        Some(ListCommand::Cancel(args)) => return cancel::run(global, args).await,
        Some(ListCommand::History(args)) => return history::run(global, args).await,
        Some(ListCommand::Import(args)) => return import::run(global, args).await,
        Some(ListCommand::Watch(args)) => return watch::run(global, args).await,
        None => {}
    }
    let product = args.product.clone().expect("clap requires it without a subcommand");
    if args.dry_run {
        return dry_run(global, &product, args).await;
    }
    let stage = StageArgs { product, approval: args.approval.clone(), patience: args.patience.clone() };
    sealed(global, &SealedArgs { stage, version: args.version.clone() }, Stage::List).await
}

async fn dry_run(global: &Global, selection: &Selection, args: &ListArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, selection).await?;
    let variants = context.variants(selection)?;
    let engine = context.engine(&variants, std::time::Duration::ZERO)?;
    let (sets, end) = variants.each(async |product| change_set(&context, &engine, product, args.version.as_ref()).await).await;
    let sets: Vec<Value> = sets.into_iter().flatten().collect();
    // A program is told even that there is nothing.
    if args.format == Format::Json || !sets.is_empty() {
        ui::print(&ui::document(&sets));
    }
    end
}

/// Composes what would be submitted for a variant, if anything is left to submit.
async fn change_set(context: &Context, engine: &Engine, product: &Product, version: Option<&Version>) -> Result<Option<Value>, Failure> {
    let variant = product.variant();
    let released = find(context.ledger(), &variant, version).await?;
    let request = Request { complete: version.cloned(), ..Request::default() };
    let next = engine::next(engine, product, &request).await?;
    if next.plan().version != released.version {
        return Err(Failure::other(
            format!("version {} of {variant} would be listed, and it is not sealed yet", next.plan().version),
            format!("bakehouse ship {variant}, or bake, scan, boot, checksum and release it first"),
        ));
    }
    let planned = next.plan().steps.iter().find_map(|p| match &p.step {
        Step::CreateListing { draft, .. } => Some(engine::first_listing(engine, product, &released, draft.as_ref())),
        Step::AddVersion { product: entity } => Some(engine::add_version(engine, product, &released, entity)),
        _ => None,
    });
    let Some(set) = planned.transpose()? else {
        context.ui.say(&format!("nothing to submit: {variant} {} is {}", released.version, words(&released.listing)));
        return Ok(None);
    };
    Ok(Some(json!({ "variant": variant.to_string(), "version": released.version, "change_set": set.to_json() })))
}

/// Adds to a product at the Marketplace its public offer; all of them, should AWS list several.
async fn entities(context: &Context, product: Option<EntityId>) -> Result<Vec<EntityId>, Failure> {
    let mut entities: Vec<EntityId> = product.into_iter().collect();
    if !entities.is_empty() {
        let offers = context.reader().public_offers(&entities).await?;
        entities.extend(offers.all().cloned());
    }
    Ok(entities)
}

/// Says where a listing stands.
pub fn words(listing: &Listing) -> String {
    match listing {
        Listing::None => "released, not listed".to_owned(),
        Listing::Submitted { change_set, .. } => format!("submitted, change set {change_set} under way"),
        Listing::Listed { product, restricted: None, product_restricted: None, .. } => format!("listed in {product}"),
        Listing::Listed { product, restricted: None, product_restricted: Some(since), .. } => {
            format!("listed in {product}, which is restricted as a whole since {}", since.strftime("%Y-%m-%d"))
        }
        Listing::Listed { product, restricted: Some(since), .. } => {
            format!("restricted in {product} since {}", since.strftime("%Y-%m-%d"))
        }
        Listing::Refused { change_set, status, errors, .. } => {
            let codes: Vec<&str> = errors.iter().map(|e| e.code.as_str()).collect();
            let refusals: Vec<Refusal> = errors.iter().map(Refusal::of_record).collect();
            match Blame::of(status, &refusals) {
                Blame::Cancelled => format!("released, change set {change_set} was cancelled"),
                Blame::Aws => format!("released, change set {change_set} failed by AWS's own fault: {}", codes.join(", ")),
                Blame::Request | Blame::Unknown => {
                    format!("released, listing refused by change set {change_set}: {}", codes.join(", "))
                }
            }
        }
    }
}
