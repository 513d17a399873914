//! `bakehouse resume [RUN|PRODUCT]`: exactly that run goes on.

use std::str::FromStr;

use clap::Args;

use super::context::Context;
use super::selection::Selection;
use super::ship::{Approval, carry_out_next};
use crate::cli::{Global, Patience, Waivers};
use crate::engine::{self, Extent, Next};
use crate::failure::Failure;
use crate::ledger::Journal;
use crate::model::ids::{RunId, Variant};

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run, or a product that has one open run [default: the one open run there is]
    #[arg(value_name = "RUN|PRODUCT")]
    pub which: Option<Which>,
    /// Whether irreversible steps are approved.
    #[command(flatten)]
    pub approval: Approval,
    /// What may pass the scan.
    #[command(flatten)]
    pub waivers: Waivers,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// A run, or the product that has it.
#[derive(Debug, Clone)]
pub enum Which {
    /// A run.
    Run(RunId),
    /// A product, or a variant of it.
    Product(Selection),
}

impl Which {
    fn is_of(&self, variant: &Variant) -> bool {
        match self {
            Self::Run(_) => true,
            Self::Product(wanted) => {
                wanted.product == variant.product && wanted.architecture.is_none_or(|architecture| architecture == variant.architecture)
            }
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Products begin with a letter, runs with the year they began in.
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().map(Self::Run).map_err(|e: crate::model::ids::InvalidId| e.to_string());
        }
        text.parse().map(Self::Product).map_err(|e: crate::model::ids::InvalidId| e.to_string())
    }
}

/// Goes on with a run until its plan is done.
///
/// # Errors
///
/// When there is no such run or it has ended; when its inputs have changed; as `ship`.
pub async fn run(global: &Global, args: &ResumeArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let _target = context.state_target();
    let journal = find(&context, args.which.as_ref()).await?;
    let variant = journal.variant().clone();
    let variants = context.variants(&Selection { product: variant.product, architecture: Some(variant.architecture) })?;
    let product = variants.chosen().next().expect("a selection without a variant is refused");
    let engine = context.engine(&variants, args.patience.patience)?.agreeing_to(args.waivers.into());
    match engine::resumable(&engine, product, journal).await {
        Ok(journal) => {
            let (plan, _) = journal.plan().expect("a run that can go on has a plan");
            let next = Next::Continue { plan: plan.clone(), journal: Box::new(journal) };
            carry_out_next(&context, product, &engine, &args.approval, next, Extent::Whole).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn find(context: &Context, which: Option<&Which>) -> Result<Journal, Failure> {
    let ledger = context.ledger();
    if let Some(Which::Run(run)) = which {
        let found = engine::find_run(ledger, run).await?;
        return found
            .ok_or_else(|| Failure::other(format!("run {run} is not in the ledger in {}", ledger.place()), "bakehouse runs --all"));
    }
    let mut open = Vec::new();
    for variant in ledger.variants_with_runs().await? {
        if which.is_none_or(|which| which.is_of(&variant)) {
            open.extend(ledger.open_runs(&variant).await?);
        }
    }
    match open.len() {
        0 => {
            if let Some(Which::Product(wanted)) = which {
                context.known().know(&wanted.product).await?;
            }
            Err(Failure::other("there is no open run to go on with", "bakehouse runs shows those that were"))
        }
        1 => Ok(open.remove(0)),
        _ => {
            let runs: Vec<&str> = open.iter().map(|journal| journal.run().as_str()).collect();
            Err(Failure::other(format!("there are several open runs: {}", runs.join(", ")), "name one of them"))
        }
    }
}
