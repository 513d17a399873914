//! `bakehouse abandon RUN`: what the run made is removed, its version given back.

use std::collections::BTreeSet;

use clap::Args;

use super::context::Context;
use super::gc::{describe, places_of, tell};
use crate::cli::Global;
use crate::engine::Removed;
use crate::failure::Failure;
use crate::model::ids::RunId;

/// Arguments of `abandon`.
#[derive(Debug, Args)]
pub struct AbandonArgs {
    /// The run, as `bakehouse runs` shows it
    pub run: RunId,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Gives a run up: shows what it left, ends it, removes that.
///
/// # Errors
///
/// When there is no such run, it has ended, is at work or has sealed its release; when something can't be removed.
pub async fn run(global: &Global, args: &AbandonArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let _target = context.state_target();
    let collector = context.collector();
    let abandoned = collector.abandonable(&args.run).await?;
    let product = abandoned.variant.product.clone();
    let products = BTreeSet::from([product]);
    let plan = collector.plan_of_run(context.reader(), &products, &places_of(&context, &products), &abandoned).await?;
    describe(&context, &plan);
    if abandoned.is_elsewhere {
        context
            .ui
            .say(&format!("note: the journal of {} is not here; another machine may be at work on it, and nobody can tell", args.run));
    }
    let question = format!("Run {} is ended for good and {} given back.", args.run, abandoned.version);
    if !args.yes && !context.ui.confirm(&question, args.run.as_str()).unwrap_or(false) {
        return Err(Failure::Unconfirmed { what: "nothing was abandoned", hint: "--yes abandons without asking" });
    }
    collector.abandon(&abandoned).await?;
    context.ui.say(&format!("run {} is abandoned; version {} is free", args.run, abandoned.version));
    let removed = collector.remove(&context.writer(), &plan).await?;
    tell(&context, &plan, Some(&removed));
    let left = removed.iter().filter(|Removed { error, .. }| error.is_some()).count();
    if left == 0 {
        return Ok(());
    }
    Err(Failure::other(format!("{left} of {} could not be removed", removed.len()), "bakehouse gc --older-than 0s --apply tries again"))
}
