//! `bakehouse boot PRODUCT [VERSION]`: start the image as a buyer would, and try it.

use clap::Args;

use super::context::Context;
use super::selection::Selection;
use super::show::find;
use crate::cli::{Global, Patience};
use crate::engine::{self, Engine, Extent, Stage};
use crate::failure::Failure;
use crate::model::plan::Plan;
use crate::model::product::Product;
use crate::model::version::Version;
use crate::plan::Request;
use crate::release::Released;

/// Arguments of `boot`.
#[derive(Debug, Args)]
pub struct BootArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// A released version [default: what was baked and is not sealed yet, else the latest release]
    pub version: Option<Version>,
    /// Start the base too, provisioned at its launch instead of baked, and show how long that takes
    #[arg(long)]
    pub compare_base: bool,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// Boots what was baked and not yet sealed, as a step of its run; else a release, for a look.
///
/// # Errors
///
/// What did not work is the failure, with the exit code of a rejection.
pub async fn run(global: &Global, args: &BootArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, &args.product).await?;
    let _target = context.state_target();
    let variants = context.variants(&args.product)?;
    let engine = Engine { go_on: go_on(args), ..context.engine(&variants, args.patience.patience)? };
    context.expect_machines()?;
    let (_, end) = variants.each(async |product| boot(&context, product, &engine, args).await).await;
    end
}

/// The command that goes on where this one was left.
fn go_on(args: &BootArgs) -> String {
    let version = args.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    format!("bakehouse boot {}{version}{}", args.product, if args.compare_base { " --compare-base" } else { "" })
}

async fn boot(context: &Context, product: &Product, engine: &Engine, args: &BootArgs) -> Result<(), Failure> {
    if args.version.is_none() && engine::baking(engine, product).await?.is_some() {
        if args.compare_base {
            return Err(Failure::other(
                format!("{} was baked and is not released, and only a release is compared", product.variant()),
                format!("bakehouse ship {}, then boot --compare-base", product.slug),
            ));
        }
        let next = engine::next(engine, product, &Request::default()).await?;
        return Ok(engine::carry_out(engine, product, next, Extent::Only(Stage::Boot)).await?);
    }
    let found = find(context.ledger(), &product.variant(), args.version.as_ref()).await;
    if args.version.is_none() {
        say_which(context, engine, product, found.as_ref().ok()).await?;
    }
    let Released { version, release, .. } = found?;
    look(engine, product, engine::boot_plan(engine, product, &version, &release)).await?;
    if args.compare_base {
        look(engine, product, engine::measure_plan(engine, product, &version, &release.base)).await?;
    }
    Ok(())
}

/// Says which release is started, and what was baked later and rejected.
async fn say_which(context: &Context, engine: &Engine, product: &Product, released: Option<&Released>) -> Result<(), Failure> {
    let slug = &product.slug;
    if let Some(Released { version, release, .. }) = released {
        context.ui.say(&format!("{} {version} (released), image {} in {}", product.variant(), release.image.id, release.image.region));
    }
    if let Some(rejected) = engine::rejected_after(engine, product, released.map(|released| &released.version)).await? {
        context.ui.say(&format!(
            "note: {} ({}, run {}) was baked last and rejected, and is not what is started; bakehouse scan {slug} looks at it, \
             bakehouse ship {slug} goes on to that version",
            rejected.image.id, rejected.version, rejected.run,
        ));
    }
    Ok(())
}

async fn look(engine: &Engine, product: &Product, plan: Plan) -> Result<(), Failure> {
    let next = engine::next_look(engine, plan).await?;
    Ok(engine::carry_out(engine, product, next, Extent::Whole).await?)
}
