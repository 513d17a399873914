//! `bakehouse list watch`: how all listings stand: change sets under way, drift, and what AWS's scans say of what is published.

use std::collections::BTreeMap;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::chosen;
use crate::cli::{Format, Global};
use crate::cloud::Assessed;
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::engine::ListingPlan;
use crate::failure::Failure;
use crate::listing::Visibility;
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
    /// Change sets that have not ended, in words.
    under_way: Vec<String>,
    /// Changes that the manifest wants of the listing.
    to_change: usize,
    /// What can't be changed, or has to be known.
    notices: Vec<String>,
    /// Assessments that failed, have expired or are about to.
    warnings: Vec<String>,
    /// Whether one failed or has expired.
    fails: bool,
    assessments: Vec<Assessment>,
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
            Ok::<_, Failure>((live.product.id.clone(), reader.assessments(&Assessed::Product(live.product.id.clone())).await?))
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
    // Of each delivery option the newest tells.
    let mut newest: BTreeMap<Option<&str>, &Assessment> = BTreeMap::new();
    for assessment in &assessments {
        let kept = newest.entry(assessment.delivery_option.as_deref()).or_insert(assessment);
        if kept.created < assessment.created {
            *kept = assessment;
        }
    }
    Watched {
        variant: planned.plan.variant.to_string(),
        product: live.map(|live| live.product.id.clone()),
        visibility: live.and_then(|live| live.product.details.description.visibility.clone()),
        under_way: planned.under_way.iter().map(ToString::to_string).collect(),
        to_change: planned.plan.steps.len(),
        notices: planned.plan.obstacles.iter().map(ToString::to_string).chain(planned.plan.notices.clone()).collect(),
        fails: newest.values().any(|assessment| warning(assessment, now, now).is_some()),
        warnings: newest.into_values().filter_map(|assessment| warning(assessment, now, soon)).collect(),
        assessments,
    }
}

/// Says what is wrong with an assessment, if something is.
fn warning(assessment: &Assessment, now: Timestamp, soon: Timestamp) -> Option<String> {
    let of = assessment.delivery_option.as_deref().map(|option| format!(" of delivery option {option}")).unwrap_or_default();
    if !assessment.passed() {
        let faults = assessment.controls.iter().flat_map(|control| &control.faults);
        let faults: Vec<String> = faults.map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
        return Some(
            format!("AWS's assessment{of} is {}: {}", assessment.result, faults.join("; ")).trim_end_matches([':', ' ']).to_owned(),
        );
    }
    match assessment.expires {
        Some(expires) if expires <= now => Some(format!("AWS's assessment{of} has expired on {}", expires.strftime("%Y-%m-%d"))),
        Some(expires) if expires <= soon => Some(format!("AWS's assessment{of} expires on {}", expires.strftime("%Y-%m-%d"))),
        _ => None,
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
