//! `bakehouse gc [PRODUCT]`: what runs have left behind, and its removal.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;

use super::context::Context;
use super::ship::Approval;
use crate::cli::{Format, Global, parse_duration};
use crate::engine::{Places, Removed};
use crate::failure::Failure;
use crate::model::count::counted;
use crate::model::ids::{AccountId, Region, Slug};
use crate::plan::{Garbage, GarbagePlan, Unknown};
use crate::ui;

/// Arguments of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// The product [default: all of workspace and ledger]
    pub product: Option<Slug>,
    /// Leave alone what is younger: 24h, 90m
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    pub older_than: Duration,
    /// Remove what is listed, after asking
    #[arg(long)]
    pub apply: bool,
    /// Whether the removal is approved.
    #[command(flatten)]
    pub approval: Approval,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What was found, and what came of it. Format 1.
#[derive(Debug, Serialize)]
struct Document<'a> {
    target: String,
    account: &'a AccountId,
    #[serde(flatten)]
    plan: &'a GarbagePlan,
    /// Absent unless something was to be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Vec<Line<'a>>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    region: &'a Region,
    /// Why it is still there; `null` when it is gone.
    error: Option<String>,
}

/// Lists what may be removed, and removes it if asked to.
///
/// # Errors
///
/// When something can't be read or removed, and when a product's ledger can't be its own.
pub async fn run(global: &Global, args: &GcArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let products = match &args.product {
        Some(product) => {
            context.known().know(product).await?;
            BTreeSet::from([product.clone()])
        }
        None => context.known().products().await?,
    };
    let places = places_of(&context, &products);
    let collector = context.collector();
    let older_than = SignedDuration::try_from(args.older_than).unwrap_or(SignedDuration::MAX);
    let plan = collector.plan(context.reader(), &products, &places, older_than).await?;
    if args.format == Format::Text {
        describe(&context, &plan);
    }
    let (mut removed, mut _target) = (None, None);
    if args.apply && !plan.garbage.is_empty() {
        _target = Some(context.state_target());
        approve(&context, &args.approval, &plan)?;
        removed = Some(collector.remove(&context.writer(), &plan).await?);
    }
    match args.format {
        Format::Json => print_json(&context, &plan, removed.as_deref()),
        Format::Text => tell(&context, &plan, removed.as_deref()),
    }
    let left = removed.iter().flatten().filter(|r| r.error.is_some()).count();
    if left > 0 {
        return Err(Failure::other(
            format!("{left} of {} could not be removed", plan.garbage.len()),
            "the same command tries again what is left",
        ));
    }
    match plan.refused.iter().next() {
        Some((product, unknown)) => Err(wrong_ledger(product, unknown)),
        None => Ok(()),
    }
}

/// Lists the places that products use by their manifests, as far as those can be read; the ledger knows others.
pub fn places_of(context: &Context, products: &BTreeSet<Slug>) -> Places {
    let mut places = Places { regions: BTreeSet::from([Region::marketplace()]), buckets: BTreeSet::new() };
    for product in context.known().manifests(products) {
        places.regions.insert(product.build.region.clone());
        places.regions.extend(product.distribution.regions.iter().cloned());
        places.buckets.extend(product.build.bucket.clone());
    }
    places
}

/// Shows what is to be removed and why the rest stays.
pub fn describe(context: &Context, plan: &GarbagePlan) {
    if !plan.garbage.is_empty() {
        let header = ["KIND", "ID", "REGION", "PRODUCT", "VERSION", "AGE", "USD/MONTH", "WHY"];
        ui::print(&ui::table(&header, &plan.garbage.iter().map(row).collect::<Vec<_>>()));
    }
    let mut kept: Vec<(&str, usize)> = Vec::new();
    for thing in &plan.kept {
        match kept.iter_mut().find(|(why, _)| *why == thing.why) {
            Some((_, count)) => *count += 1,
            None => kept.push((&thing.why, 1)),
        }
    }
    for (why, count) in kept {
        context.ui.say(&format!("kept: {}, because {why}", counted(count, "thing")));
    }
    if plan.garbage.is_empty() {
        context.ui.say(&format!("nothing to remove on {}", context.target));
    } else {
        context.ui.say(&format!(
            "{} to remove, at most {} USD a month (prices of us-east-1, {})",
            plan.garbage.len(),
            plan.monthly_usd,
            plan.prices_of
        ));
    }
}

fn row(garbage: &Garbage) -> Vec<String> {
    vec![
        garbage.kind.to_string(),
        garbage.id.clone(),
        garbage.region.to_string(),
        garbage.product.to_string(),
        garbage.version.clone().unwrap_or_default(),
        age(garbage.age_seconds),
        garbage.monthly_usd.map_or_else(|| "runs".to_owned(), |cost| cost.to_string()),
        garbage.why.clone(),
    ]
}

/// Writes an age in its largest unit.
fn age(seconds: i64) -> String {
    match seconds {
        ..3600 => format!("{} min", seconds.max(0) / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Asks before anything is removed, unless that was approved.
fn approve(context: &Context, approval: &Approval, plan: &GarbagePlan) -> Result<(), Failure> {
    if approval.covers(&plan.digest()) {
        return Ok(());
    }
    let asked = approval.approve.is_empty() && context.ui.confirm("What is listed above is removed for good.", "remove").unwrap_or(false);
    if asked { Ok(()) } else { Err(Failure::NotApproved { plan: plan.digest() }) }
}

/// Says what came of a removal.
pub fn tell(context: &Context, plan: &GarbagePlan, removed: Option<&[Removed]>) {
    let Some(removed) = removed else {
        if !plan.garbage.is_empty() {
            context.ui.say("nothing was removed; --apply removes it");
        }
        return;
    };
    for Removed { garbage, error } in removed {
        match error {
            None => context.ui.say(&format!("removed {} {} in {}", garbage.kind, garbage.id, garbage.region)),
            Some(error) => context.ui.say(&format!("left {} {} in {}: {error}", garbage.kind, garbage.id, garbage.region)),
        }
    }
}

fn print_json(context: &Context, plan: &GarbagePlan, removed: Option<&[Removed]>) {
    let line = |r| {
        let Removed { garbage, error }: &Removed = r;
        Line { id: garbage.id.as_str(), region: &garbage.region, error: error.as_ref().map(ToString::to_string) }
    };
    let document = Document {
        target: context.target.to_string(),
        account: &context.identity.account,
        plan,
        removed: removed.map(|removed| removed.iter().map(line).collect()),
    };
    ui::print(&serde_json::to_string_pretty(&document).expect("garbage is plain data"));
}

fn wrong_ledger(product: &Slug, unknown: &[Unknown]) -> Failure {
    let images: Vec<String> = unknown
        .iter()
        .map(|image| format!("{} in {} ({})", image.id, image.region, image.version.as_deref().unwrap_or("no version")))
        .collect();
    Failure::other(
        format!("nothing of {product} is removed: its released {} unknown to this ledger: {}", are(images.len()), images.join(", ")),
        "this is not the product's ledger, or it was lost: find the right one before anything is removed or released",
    )
}

fn are(count: usize) -> &'static str {
    if count == 1 { "image is" } else { "images are" }
}
