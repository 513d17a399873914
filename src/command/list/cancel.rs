//! `bakehouse list cancel`: takes back a change set that AWS is still preparing.

use clap::Args;

use super::entities;
use crate::cli::Global;
use crate::cloud::{ChangeSetFilter, CloudError};
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::engine;
use crate::failure::Failure;
use crate::listing::ChangeSetDescription;
use crate::model::ids::{ChangeSetId, EntityId};
use crate::release::{Listing, history};

/// Arguments of `list cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// A product (of the workspace, or prod-… at the Marketplace) whose one change set under way is meant, or the change set itself
    #[arg(value_name = "PRODUCT|CHANGE-SET")]
    pub what: String,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Cancels, after asking.
///
/// # Errors
///
/// When there is none or there are several; when AWS is past preparing it.
pub async fn run(global: &Global, args: &CancelArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let _target = context.state_target();
    let described = meant(&context, &args.what).await?;
    let id = &described.id;
    if matches!(described.status.as_str(), "SUCCEEDED" | "FAILED" | "CANCELLED") {
        return Err(Failure::other(
            format!("there is nothing to cancel: {described}"),
            "bakehouse list history PRODUCT tells what came of it",
        ));
    }
    context.ui.say(&described.to_string());
    context.ui.say(&whose(&context, &described).await?);
    if described.status != "PREPARING" {
        return Err(too_late(id, &format!("it is {}", described.status)));
    }
    if !args.yes {
        let (ui, word) = (context.ui.clone(), id.to_string());
        let answer = tokio::task::spawn_blocking(move || ui.confirm("A cancelled change set can't be taken up again.", &word)).await;
        if !matches!(answer, Ok(Ok(true))) {
            return Err(Failure::other("nothing was cancelled", "--yes cancels without asking"));
        }
    }
    match context.writer().cancel_change_set(id).await {
        Ok(()) => {
            context.ui.say(&format!(
                "AWS was told to cancel change set {id}; `bakehouse list status` or the run that follows it records its end"
            ));
            Ok(())
        }
        Err(error) if is_too_late(&error) => Err(too_late(id, &error.message)),
        Err(error) => Err(error.into()),
    }
}

fn too_late(id: &ChangeSetId, why: &str) -> Failure {
    Failure::other(
        format!("change set {id} can't be cancelled any more: {why}"),
        "AWS cancels only what it is still preparing; wait for its end: bakehouse list status PRODUCT --wait 1h",
    )
}

fn is_too_late(error: &CloudError) -> bool {
    error.is("ResourceInUseException") || error.is("ValidationException")
}

/// Finds the change set that is meant: of a product of the workspace, of an entity at the Marketplace, or by its id.
async fn meant(context: &Context, what: &str) -> Result<ChangeSetDescription, Failure> {
    // Ids of change sets are made like names of products, so that the workspace decides.
    let selection = what.parse::<Selection>().ok();
    let id = match selection {
        Some(selection) if context.workspace.products()?.contains(&selection.product) => under_way(context, &selection).await?,
        _ if what.starts_with("prod-") || what.starts_with("offer-") => {
            let entity: EntityId = what.parse().map_err(|_| unknown(what))?;
            let entities = if what.starts_with("prod-") { entities(context, Some(entity)).await? } else { vec![entity] };
            the_one_on(context, &entities, what).await?
        }
        _ => what.parse().map_err(|_| unknown(what))?,
    };
    context.reader().change_set(&id).await?.ok_or_else(|| unknown(what))
}

fn unknown(what: &str) -> Failure {
    Failure::other(
        format!("{what} is neither a product of the workspace nor a change set that AWS knows"),
        "bakehouse list history PRODUCT lists a product's change sets",
    )
}

/// Says whether the ledger knows of a change set, and of what release it is.
async fn whose(context: &Context, described: &ChangeSetDescription) -> Result<String, Failure> {
    for variant in context.ledger().variants().await? {
        let records = context.ledger().records(&variant).await?;
        if let Some(record) = records.iter().find(|record| record.event.submission() == Some(&described.id)) {
            return Ok(format!("it is of {variant} {}, submitted by run {}", record.version, record.run));
        }
    }
    Ok(match described.is_validation() {
        true => "it is a rehearsal: it changes nothing".to_owned(),
        false => "this ledger does not know it: somebody else has submitted it, or a run that has not recorded it yet".to_owned(),
    })
}

/// Finds the one change set of a product of the workspace that has not ended.
async fn under_way(context: &Context, selection: &Selection) -> Result<ChangeSetId, Failure> {
    let variants = context.variants(selection)?;
    let mut listed = Vec::new();
    for product in variants.chosen() {
        let records = context.ledger().records(&product.variant()).await?;
        listed.extend(entities(context, engine::listing_of(product, &records)).await?);
        // One that creates the product names none yet: the ledger knows it.
        for released in history(&records).into_values() {
            if let Listing::Submitted { change_set, product: None } = released.listing {
                return Ok(change_set);
            }
        }
    }
    the_one_on(context, &listed, &selection.to_string()).await
}

async fn the_one_on(context: &Context, entities: &[EntityId], of: &str) -> Result<ChangeSetId, Failure> {
    let mut found = context.reader().change_sets(&ChangeSetFilter::UnderWay).await?;
    found.retain(|set| set.entities.iter().any(|entity| entities.contains(entity)));
    match found.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(Failure::other(format!("no change set of {of} is under way"), "bakehouse list history PRODUCT shows those that were")),
        several => {
            let names: Vec<String> = several.iter().map(|set| format!("{} {}", set.id, set.name).trim_end().to_owned()).collect();
            Err(Failure::other(format!("{} change sets of {of} are under way", several.len()), format!("name one of {}", names.join(", "))))
        }
    }
}
