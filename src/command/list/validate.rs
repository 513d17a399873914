//! `bakehouse list validate PRODUCT`: AWS's own rehearsal of the version that would be listed (Intent VALIDATE).

use clap::Args;

use super::plan::going_on;
use crate::cli::{Global, Patience};
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::command::show::find;
use crate::engine;
use crate::failure::Failure;
use crate::model::plan::Step;
use crate::model::product::Product;

/// Arguments of `list validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// Has AWS rehearse the sealed version that is not listed yet: it copies and scans the image, and uses no title up.
///
/// # Errors
///
/// When there is nothing to rehearse; what AWS would refuse.
pub async fn run(global: &Global, args: &ValidateArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, &args.product).await?;
    let _target = context.state_target();
    let variants = context.variants(&args.product)?;
    let engine = going_on(context.engine(&variants, args.patience.patience)?, format!("bakehouse list validate {}", args.product));
    let (_, end) = variants.each(async |product| rehearse(&context, &engine, product).await).await;
    end
}

async fn rehearse(context: &Context, engine: &engine::Engine, product: &Product) -> Result<(), Failure> {
    let variant = product.variant();
    let planned = engine.plan_listings(&[product]).await?.remove(0)?;
    let entity = planned.plan.steps.iter().find_map(|planned| match &planned.step {
        Step::AddVersion { product } => Some(product.clone()),
        _ => None,
    });
    let Some(entity) = entity else {
        return Err(Failure::other(
            format!("{variant} has no version that would be added to a listing"),
            "AWS rehearses a new version of a product that is listed, and nothing else; other changes are checked here: bakehouse list plan",
        ));
    };
    let revision = planned.live.as_ref().map_or(0, |live| live.product.revision);
    let released = find(context.ledger(), &variant, Some(&planned.plan.version)).await?;
    let set = engine::add_version(engine, product, &released, &entity)?;
    let change_set = engine.rehearse(product, &released.version, &set, revision).await?;
    context.ui.say(&format!("AWS's rehearsal of {variant} {} succeeded (change set {change_set})", released.version));
    Ok(())
}
