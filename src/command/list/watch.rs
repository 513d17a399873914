//! `bakehouse list watch`: how all listings stand: change sets under way, drift, and what AWS's scans say of what is published.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::{chosen, chosen_of};
use crate::cli::{Format, Global};
use crate::cloud;
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::engine::ListingPlan;
use crate::failure::Failure;
use crate::listing::assessed::{published, warnings};
use crate::listing::{ChangeSetSummary, Visibility};
use crate::model::assessment::Assessment;
use crate::model::count::counted;
use crate::model::ids::{EntityId, Slug};
use crate::model::product::Product;
use crate::ui;

/// Products whose assessments are asked for at the same time.
const AT_ONCE: usize = 4;

/// Arguments of `list watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The products, or variants of them [default: all of the workspace that are listed]
    #[arg(value_name = "PRODUCT")]
    pub products: Vec<Selection>,
    /// Warn of assessments that expire within this time
    #[arg(long, value_name = "TIME", value_parser = crate::cli::parse_duration, default_value = "14d")]
    pub warn: std::time::Duration,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How a listing stands.
#[derive(Debug, Serialize)]
struct Watched {
    variant: String,
    product: Option<EntityId>,
    visibility: Option<Visibility>,
    /// Change sets that have not ended, whoever submitted them.
    under_way: Vec<ChangeSetSummary>,
    /// Changes that the manifest wants of the listing.
    to_change: usize,
    /// What can't be changed, or has to be known.
    notices: Vec<String>,
    /// Assessments of what is published that failed, have expired or are about to.
    warnings: Vec<String>,
    /// Whether one failed or has expired.
    fails: bool,
    assessments: Vec<Assessed>,
}

/// An assessment, and what it is of.
#[derive(Debug, Serialize)]
struct Assessed {
    /// The version, while buyers can have it; none of a rehearsal, of what was refused or is restricted.
    published_version: Option<String>,
    #[serde(flatten)]
    assessment: Assessment,
}

/// Looks at all listings and says what needs somebody. Only reads.
///
/// # Errors
///
/// Exit code 4 when an assessment of what is published fails or has expired: buyers may no longer see it.
pub async fn run(global: &Global, args: &WatchArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let (products, mut failures) = watchable(&context, &args.products).await?;
    let engine = context.follower(std::time::Duration::ZERO);
    let plans = engine.plan_listings(&products.iter().collect::<Vec<_>>()).await?;
    let mut listed = Vec::new();
    for planned in plans {
        match planned {
            Ok(planned) => listed.push(planned),
            Err(error) => failures.push(error.into()),
        }
    }
    let reader = context.reader();
    let assessments: BTreeMap<EntityId, Vec<Assessment>> = futures::stream::iter(listed.iter().filter_map(|planned| planned.live.as_ref()))
        .map(|live| async move {
            Ok::<_, Failure>((live.product.id.clone(), reader.assessments(&cloud::Assessed::Product(live.product.id.clone())).await?))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let now = Timestamp::now();
    let warn = SignedDuration::try_from(args.warn).unwrap_or(SignedDuration::MAX);
    let soon = now.checked_add(warn).unwrap_or(Timestamp::MAX);
    let watched: Vec<Watched> = listed.iter().map(|planned| watched(planned, &assessments, now, soon)).collect();
    match args.format {
        Format::Json => ui::print(&ui::document(&watched.iter().map(|one| serde_json::json!(one)).collect::<Vec<_>>())),
        Format::Text => ui::print(&watched.iter().map(text).collect::<Vec<_>>().join("\n")),
    }
    let failing = watched.iter().filter(|one| one.fails);
    failures.extend(failing.map(|one| Failure::Refused { what: format!("what is published of {}", one.variant) }));
    Failure::all(failures)
}

/// Returns the products to look at, those among them whose manifests are faulty but name a listing, and what is wrong with those.
async fn watchable(context: &Context, selections: &[Selection]) -> Result<(Vec<Product>, Vec<Failure>), Failure> {
    let slugs: Vec<Slug> = match selections {
        [] => context.workspace.products()?,
        some => some.iter().map(|selection| selection.product.clone()).collect(),
    };
    let (mut products, mut failures, mut sound) = (Vec::new(), Vec::new(), Vec::new());
    for slug in slugs.into_iter().collect::<BTreeSet<_>>() {
        let of_product: Vec<&Selection> = selections.iter().filter(|selection| selection.product == slug).collect();
        let (variants, faults) = context.workspace.load_faulty(&slug, context.target, Some(&context.identity.account));
        let named = |product: &Product| {
            let is_meant = |selection: &&Selection| selection.architecture.is_none_or(|wanted| wanted == product.image.architecture);
            product.listing.product_id.is_some() && (of_product.is_empty() || of_product.iter().any(is_meant))
        };
        let listed: Vec<Product> = variants.into_iter().filter(named).collect();
        if faults.errors() == 0 || listed.is_empty() {
            sound.extend(if of_product.is_empty() { vec![slug.into()] } else { of_product.into_iter().cloned().collect() });
            continue;
        }
        products.extend(listed);
        failures.push(Failure::Manifest(faults));
    }
    if !sound.is_empty() || products.is_empty() {
        let (more, others) = if selections.is_empty() { chosen_of(context, sound).await? } else { chosen(context, &sound).await? };
        products.extend(more);
        failures.extend(others);
    }
    Ok((products, failures))
}

fn watched(planned: &ListingPlan, assessments: &BTreeMap<EntityId, Vec<Assessment>>, now: Timestamp, soon: Timestamp) -> Watched {
    let live = planned.live.as_ref();
    let assessments = live.and_then(|live| assessments.get(&live.product.id)).cloned().unwrap_or_default();
    let published = live.map(|live| published(&live.product.details)).unwrap_or_default();
    let warnings = warnings(&published, &assessments, now, soon);
    let version_of = |assessment: &Assessment| published.get(assessment.delivery_option.as_ref()?).cloned();
    Watched {
        variant: planned.plan.variant.to_string(),
        product: live.map(|live| live.product.id.clone()),
        visibility: live.and_then(|live| live.product.details.description.visibility.clone()),
        under_way: planned.under_way.clone(),
        to_change: planned.plan.steps.len(),
        notices: planned.plan.obstacles.iter().map(ToString::to_string).chain(planned.plan.notices.clone()).collect(),
        fails: warnings.iter().any(|warning| warning.fails),
        warnings: warnings.into_iter().map(|warning| warning.text).collect(),
        assessments: assessments
            .into_iter()
            .map(|assessment| Assessed { published_version: version_of(&assessment), assessment })
            .collect(),
    }
}

fn text(watched: &Watched) -> String {
    let product = watched.product.as_ref().map_or_else(|| "not listed".to_owned(), ToString::to_string);
    let mut text =
        format!("{}  {product}  {}\n", watched.variant, watched.visibility.as_ref().map(ToString::to_string).unwrap_or_default());
    for set in &watched.under_way {
        text.push_str(&format!("  under way: {set}\n"));
    }
    if watched.to_change > 0 {
        text.push_str(&format!("  to change: {} (bakehouse list plan {})\n", counted(watched.to_change, "step"), watched.variant));
    }
    text.extend(watched.notices.iter().map(|notice| format!("  note: {notice}\n")));
    text.extend(watched.warnings.iter().map(|warning| format!("  warning: {warning}\n")));
    text
}
