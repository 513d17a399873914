//! `bakehouse list watch`: how all listings stand: change sets under way, drift, and what AWS's scans say of what is published.

use std::collections::BTreeMap;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::chosen;
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
use crate::model::ids::EntityId;
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
    let (products, mut failures) = chosen(&context, &args.products).await?;
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
