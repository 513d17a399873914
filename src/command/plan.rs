//! `bakehouse plan PRODUCT`: what `ship` would do, and why.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::changes;
use super::context::Context;
use super::selection::Selection;
use crate::cli::{Format, Global};
use crate::engine::{self, Extent, Next};
use crate::failure::Failure;
use crate::ledger::Journal;
use crate::model::plan::{Plan, Step};
use crate::model::version::{self, Version};
use crate::plan::Request;
use crate::ui;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// What version, if something is to be released.
    #[command(flatten)]
    pub version: VersionArgs,
    /// How to write the plan
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Which version comes next.
#[derive(Debug, Clone, Args)]
pub struct VersionArgs {
    /// How the version goes up, if something is to be released; the first is 1.0.0, or what follows those that are listed [default: patch]
    #[arg(long, value_enum)]
    pub bump: Option<Bump>,
    /// Release as this version, which has to follow the latest: 2.0.0, 2.1.0-rc.1
    #[arg(long, value_name = "VERSION", conflicts_with = "bump")]
    pub version: Option<Version>,
    /// Release anew even if nothing that goes into the image has changed, with the newest base
    #[arg(long)]
    pub rebuild: bool,
    /// A sealed version that is completed instead; commands that do that say so themselves.
    #[arg(skip)]
    pub complete: Option<Version>,
}

/// How the version goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bump {
    /// 1.4.2 → 2.0.0
    Major,
    /// 1.4.2 → 1.5.0
    Minor,
    /// 1.4.2 → 1.4.3
    Patch,
}

impl From<&VersionArgs> for Request {
    fn from(args: &VersionArgs) -> Self {
        let bump = args.bump.map(|bump| match bump {
            Bump::Major => version::Bump::Major,
            Bump::Minor => version::Bump::Minor,
            Bump::Patch => version::Bump::Patch,
        });
        Self { bump, version: args.version.clone(), rebuild: args.rebuild, complete: args.complete.clone(), listing: false }
    }
}

/// What a version does to a product.
const FOR_GOOD: &str = "a version's title is used up, by a refused one too, and a version can be restricted, not removed";

/// Plans and prints.
///
/// # Errors
///
/// What would be refused later is refused here.
pub async fn run(global: &Global, args: &PlanArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, &args.product).await?;
    let variants = context.variants(&args.product)?;
    let engine = context.engine(&variants, std::time::Duration::ZERO)?;
    let (nexts, end) = variants.each(async |product| Ok(engine::next(&engine, product, &Request::from(&args.version)).await?)).await;
    match args.format {
        Format::Json => ui::print(&ui::document(&nexts.iter().map(|next| json(next.plan())).collect::<Vec<_>>())),
        Format::Text => ui::print(&nexts.iter().map(|next| describe(next, Extent::Whole)).collect::<Vec<_>>().join("\n")),
    }
    end
}

pub(super) fn json(plan: &Plan) -> Value {
    let mut json = serde_json::to_value(plan).expect("a plan is plain data");
    // What `--approve` takes.
    json["digest"] = serde_json::to_value(plan.digest()).expect("a digest is a text");
    json
}

/// Writes what comes next for people: of a plan's steps those that are carried out now.
pub fn describe(next: &Next, extent: Extent) -> String {
    let plan = next.plan();
    let plan_of_run = if extent == Extent::Whole { "its plan" } else { "of its plan, now" };
    let mut text = format!("{} on {} (account {})\n", plan.variant, plan.target, plan.account);
    match next {
        Next::Nothing { .. } if plan.obstacles.is_empty() => {
            text.push_str(&format!("nothing to do: {} is as the manifest says\n", said(&plan.version)));
        }
        Next::Nothing { .. } => {}
        Next::Continue { journal, .. } => {
            text.push_str(&format!("run {} of {} goes on; {plan_of_run}:\n", journal.run(), plan.version.named()))
        }
        Next::Begin { superseded, .. } => {
            if let Some(ending) = superseded {
                text.push_str(&format!("first run {} is ended: {}\n", ending.journal.run(), ending.why()));
            }
            text.push_str(&format!("{}\n", plan.version.named()));
        }
    }
    let journal = match next {
        Next::Continue { journal, .. } => Some(&**journal),
        Next::Begin { .. } | Next::Nothing { .. } => None,
    };
    text.push_str(&steps(plan, extent, journal));
    text.push_str(&changes::held_back(plan));
    for notice in &plan.notices {
        text.push_str(&format!("note: {notice}\n"));
    }
    if !plan.is_empty() {
        text.push_str(&format!("plan {}\n", plan.digest()));
    }
    text
}

/// Names what is released; before anything is, the listing.
fn said(version: &Version) -> String {
    if *version == Version::UNRELEASED { "the listing".to_owned() } else { version.to_string() }
}

fn steps(plan: &Plan, extent: Extent, journal: Option<&Journal>) -> String {
    let chosen = plan.steps.iter().enumerate().filter(|(_, planned)| extent.takes(&planned.step));
    let lines = chosen.map(|(index, planned)| {
        let mark = match (journal.is_some_and(|journal| engine::is_done(journal, &planned.step)), planned.irreversible) {
            (true, _) => " [done]",
            (false, true) => " [can't be undone]",
            (false, false) => "",
        };
        format!("  {:>2}. {}{mark}\n      because {}\n{}", index + 1, planned.step, planned.why, details(&planned.step))
    });
    lines.collect()
}

/// What a step of the listing changes, what it takes, and what of it is for good.
///
/// Source: AWS Marketplace seller guide, "Adding a new version", <https://docs.aws.amazon.com/marketplace/latest/userguide/single-ami-versions.html>.
fn details(step: &Step) -> String {
    let (shown, takes, irreversible) = match step {
        Step::ChangeListing { set, .. } => {
            let shown = set.changes.iter().map(|change| changes::change(change, "        ")).collect();
            (shown, set.takes.as_str(), set.irreversible.iter().map(String::as_str).collect())
        }
        Step::AddVersion { .. } => (String::new(), "hours", vec![FOR_GOOD]),
        Step::CreateListing { .. } => (String::new(), "hours", vec!["AWS never deletes a product, drafts included", FOR_GOOD]),
        _ => return String::new(),
    };
    let mut text = shown + &format!("        takes as a rule {takes}\n");
    text.extend(irreversible.into_iter().map(|what| format!("        can't be undone: {what}\n")));
    text
}
