//! `bakehouse list cancel`: takes back a change set that AWS is still preparing.

use std::str::FromStr;

use clap::Args;

use crate::cli::Global;
use crate::cloud::{ChangeSetFilter, CloudError};
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::engine;
use crate::failure::Failure;
use crate::model::ids::ChangeSetId;

/// Arguments of `list cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// A product whose one change set under way is meant, or the change set itself
    #[arg(value_name = "PRODUCT|CHANGE-SET")]
    pub what: What,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
}

/// What is cancelled.
#[derive(Debug, Clone)]
pub enum What {
    /// The one of a product.
    Product(Selection),
    /// This one.
    ChangeSet(ChangeSetId),
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Change sets' ids have 24 or 25 letters and digits, and begin with a digit as seen; products begin with a letter.
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().map(Self::ChangeSet).map_err(|error: crate::model::ids::InvalidId| error.to_string());
        }
        text.parse().map(Self::Product).map_err(|error: crate::model::ids::InvalidId| error.to_string())
    }
}

/// Cancels, after asking.
///
/// # Errors
///
/// When there is none or there are several; when AWS is past preparing it.
pub async fn run(global: &Global, args: &CancelArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let _target = context.state_target();
    let id = match &args.what {
        What::ChangeSet(id) => id.clone(),
        What::Product(selection) => under_way(&context, selection).await?,
    };
    let Some(described) = context.reader().change_set(&id).await? else {
        return Err(Failure::other(format!("AWS does not know change set {id}"), "bakehouse list history PRODUCT lists them"));
    };
    context.ui.say(&described.to_string());
    if !args.yes {
        let (ui, word) = (context.ui.clone(), id.to_string());
        let answer = tokio::task::spawn_blocking(move || ui.confirm("A cancelled change set can't be taken up again.", &word)).await;
        if !matches!(answer, Ok(Ok(true))) {
            return Err(Failure::other("nothing was cancelled", "--yes cancels without asking"));
        }
    }
    match context.writer().cancel_change_set(&id).await {
        Ok(()) => {
            context.ui.say(&format!(
                "AWS was told to cancel change set {id}; `bakehouse list status` or the run that follows it records its end"
            ));
            Ok(())
        }
        Err(error) if is_too_late(&error) => Err(Failure::other(
            format!("change set {id} can't be cancelled any more: {}", error.message),
            "AWS cancels only what it is still preparing; wait for its end: bakehouse list status PRODUCT --wait 1h",
        )),
        Err(error) => Err(error.into()),
    }
}

fn is_too_late(error: &CloudError) -> bool {
    error.is("ResourceInUseException") || error.is("ValidationException")
}

/// Finds the one change set of a product that has not ended.
async fn under_way(context: &Context, selection: &Selection) -> Result<ChangeSetId, Failure> {
    let variants = context.variants(selection)?;
    let mut entities = Vec::new();
    for product in variants.chosen() {
        let records = context.ledger().records(&product.variant()).await?;
        entities.extend(engine::listing_of(product, &records));
        // One that creates the product names none yet: the ledger knows it.
        for released in crate::release::history(&records).into_values() {
            if let crate::release::Listing::Submitted { change_set, product: None } = released.listing {
                return Ok(change_set);
            }
        }
    }
    let offers = context.reader().public_offers(&entities).await?;
    entities.extend(offers.into_values());
    let mut found = context.reader().change_sets(&ChangeSetFilter::UnderWay).await?;
    found.retain(|set| set.entities.iter().any(|entity| entities.contains(entity)));
    match found.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(Failure::other(
            format!("no change set of {selection} is under way"),
            format!("bakehouse list history {selection} shows those that were"),
        )),
        several => {
            let names: Vec<String> = several.iter().map(|set| format!("{} \"{}\"", set.id, set.name)).collect();
            Err(Failure::other(
                format!("{} change sets of {selection} are under way", several.len()),
                format!("name one of {}", names.join(", ")),
            ))
        }
    }
}
