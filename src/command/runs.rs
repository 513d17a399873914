//! `bakehouse runs [PRODUCT]`: where runs stand, and what to do next.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;

use super::context::Records;
use super::known::Unread;
use crate::cli::{Format, Global};
use crate::engine::{self, RunState, RunSummary};
use crate::failure::Failure;
use crate::model::ids::{AccountId, Slug};
use crate::ui;

/// How many ended runs of a variant are shown unless all are asked for.
const ENDED_SHOWN: usize = 5;

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// The product [default: all]
    pub product: Option<Slug>,
    /// Show every run that ended, not only the last ones
    #[arg(long)]
    pub all: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Runs, oldest first by variant. Format 1.
#[derive(Debug, Serialize)]
struct Runs<'a> {
    format: u32,
    target: String,
    account: &'a AccountId,
    runs: Vec<RunSummary>,
}

/// Prints the runs.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn run(global: &Global, args: &RunsArgs) -> Result<(), Failure> {
    let books = Records::open(global).await?;
    let mut runs = Vec::new();
    for variant in books.ledger.variants_with_runs().await? {
        if args.product.as_ref().is_none_or(|product| &variant.product == product) {
            let found = engine::runs(&books.ledger, &variant, jiff::Timestamp::now()).await?;
            runs.extend(if args.all { found } else { latest(found) });
        }
    }
    let unread = unread(&books, &mut runs);
    if args.format == Format::Json {
        let runs = Runs { format: 1, target: books.target.to_string(), account: &books.account, runs };
        ui::print(&serde_json::to_string_pretty(&runs).expect("runs are plain data"));
    } else if runs.is_empty() {
        books.ui.say(&format!("there are no runs on {}", books.target));
    } else {
        ui::print(&ui::table(
            &["RUN", "VARIANT", "VERSION", "STATE", "BEGAN (UTC)", "LAST (UTC)"],
            &runs.iter().map(row).collect::<Vec<_>>(),
        ));
        for run in runs.iter().filter(|run| run.next.is_some()) {
            ui::print(&told(run, unread.get(&run.variant.product)));
        }
    }
    Ok(())
}

/// Keeps what has not ended, and the last ones that have.
fn latest(runs: Vec<RunSummary>) -> Vec<RunSummary> {
    let ended = runs.iter().filter(|run| run.next.is_none()).count();
    let mut passed_over = ended.saturating_sub(ENDED_SHOWN);
    let shown = |run: &RunSummary| {
        let over = run.next.is_none() && passed_over > 0;
        passed_over -= usize::from(over);
        !over
    };
    runs.into_iter().filter(shown).collect()
}

fn row(run: &RunSummary) -> Vec<String> {
    let minute = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    vec![
        run.run.to_string(),
        run.variant.to_string(),
        run.version.to_string(),
        word(run.state).to_owned(),
        minute(run.began),
        minute(run.heard),
    ]
}

/// Finds the products with an open run whose manifests can't be read, and has their runs name a command that works without.
fn unread(books: &Records, runs: &mut [RunSummary]) -> BTreeMap<Slug, Unread> {
    let open: BTreeSet<&Slug> = runs.iter().filter(|run| run.next.is_some()).map(|run| &run.variant.product).collect();
    let unread: BTreeMap<Slug, Unread> = open.into_iter().filter_map(|slug| Some((slug.clone(), books.known().unread(slug)?))).collect();
    for run in runs.iter_mut().filter(|run| run.next.is_some() && run.state != RunState::Going) {
        run.next = match unread.get(&run.variant.product) {
            None => continue,
            Some(Unread::Faulty(_)) => Some(format!("bakehouse check {}", run.variant.product)),
            Some(Unread::Gone) => Some(format!("bakehouse abandon {}", run.run)),
        };
    }
    unread
}

/// Says where an open run stands and what to do.
fn told(run: &RunSummary, unread: Option<&Unread>) -> String {
    let mut text = format!("\n{} is {}: {}\n", run.run, word(run.state), run.last);
    if let Some(holder) = &run.holder {
        text.push_str(&format!("  {holder} is at work on it\n"));
    }
    let next = run.next.as_deref().unwrap_or_default();
    match (run.state, unread) {
        (RunState::Going, _) => text.push_str(&format!("  → {next}\n")),
        (_, Some(unread)) => {
            let slug = &run.variant.product;
            text.push_str(&format!("  {}\n", unread.of(slug)));
            let go_on = format!("bakehouse resume {}", run.run);
            text.push_str(&format!("  → {}, then {go_on}; or bakehouse abandon {} while it is not sealed\n", unread.remedy(slug), run.run));
        }
        _ => text.push_str(&format!("  → {next}, or bakehouse abandon {} while it is not sealed\n", run.run)),
    }
    text
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Going => "going",
        RunState::Pending => "pending",
        RunState::Paused => "paused",
        RunState::Stopped => "stopped",
        RunState::Dead => "dead",
        RunState::Done => "done",
        RunState::Rejected => "rejected",
        RunState::BakeFailed => "bake failed",
        RunState::ListingRefused => "listing refused",
        RunState::Superseded => "superseded",
        RunState::Abandoned => "abandoned",
    }
}
