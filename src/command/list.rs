//! `bakehouse list PRODUCT`: a sealed release into the Marketplace; `list status`: how that stands.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::selection::{Selection, each};
use super::ship::{Approval, SealedArgs, StageArgs, sealed};
use super::show::find;
use crate::cli::{Format, Global, Patience};
use crate::engine::{self, Engine, Followed, Stage};
use crate::failure::Failure;
use crate::model::ids::Variant;
use crate::model::plan::Step;
use crate::model::product::Product;
use crate::model::record::{Event, Record};
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
    /// Look how the last submission stands, and record its end
    Status(StatusArgs),
    /// Write the manifest of a product that is in the Marketplace already, or what one lacks
    Import(super::list_import::ImportArgs),
}

/// Arguments of `list status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
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
    match &args.command {
        Some(ListCommand::Status(args)) => return status(global, args).await,
        Some(ListCommand::Import(args)) => return super::list_import::run(global, args).await,
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

async fn status(global: &Global, args: &StatusArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let variants = context.known().variants(&args.product).await?;
    let engine = Engine { go_on: format!("bakehouse list status {}", args.product), ..context.follower(args.wait) };
    let (followed, end) = each(&variants, async |variant| {
        let end = follow(&context, &engine, variant).await;
        let released = find(context.ledger(), variant, None).await?;
        let refused = match &released.listing {
            Listing::None => engine::refused_submission(context.ledger(), variant, &released.version).await?,
            _ => None,
        };
        let standing = refused.map_or_else(|| words(&released.listing), |why| format!("released, submission refused: {why}"));
        let mut document = super::show::json(context.ledger(), variant, &released).await?;
        document["listing"] = json!(standing);
        Ok((format!("{variant} {}: {standing}", released.version), document, end))
    })
    .await;
    let (mut lines, mut documents, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (line, document, end) in followed {
        lines.push(line);
        documents.push(document);
        failures.extend(end.err());
    }
    match args.format {
        Format::Text => ui::print(&lines.join("\n")),
        Format::Json => ui::print(&ui::document(&documents)),
    }
    Failure::all(failures.into_iter().chain(end.err()).collect())
}

/// Looks how the last submission stands, and records its end.
async fn follow(context: &Context, engine: &Engine, variant: &Variant) -> Result<(), Failure> {
    let released = find(context.ledger(), variant, None).await?;
    let Listing::Submitted { change_set, .. } = &released.listing else { return Ok(()) };
    // The run that submitted it, which need not be the one that sealed the release.
    let records = context.ledger().records(variant).await?;
    let submitted = |r: &&Record| matches!(&r.event, Event::Submitted { change_set: sent, .. } if sent == change_set);
    let run = records.iter().rev().find(submitted).map_or_else(|| released.run.clone(), |r| r.run.clone());
    let followed = Followed { variant: variant.clone(), version: released.version.clone(), run, change_set: change_set.clone() };
    Ok(engine::follow_listing(engine, &followed).await.map(drop)?)
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
