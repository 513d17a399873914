//! `bakehouse list history PRODUCT`: the change sets of a listing, those of the ledger and all others.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::entities;
use crate::cli::{Format, Global};
use crate::cloud::ChangeSetFilter;
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::engine;
use crate::failure::Failure;
use crate::listing::{ChangeSetDescription, KeptChangeSet, Outcome, REHEARSAL, Refusal, outcome};
use crate::model::ids::{ChangeSetId, RunId};
use crate::model::product::Product;
use crate::model::record::{ChangeError, Event, Record};
use crate::ui;

/// What the findings of AWS's scan are errors of.
const SCAN: &str = "scan";

/// Arguments of `list history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// A change set of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    variant: String,
    change_set: ChangeSetId,
    /// When it was submitted, as AWS or the record tells.
    at: String,
    what: String,
    /// `PREPARING`, `APPLYING`, `SUCCEEDED`, `FAILED`, `CANCELLED`.
    status: String,
    /// The run that submitted it; none of a rehearsal by itself, and of what the ledger doesn't know.
    run: Option<RunId>,
    /// Whether the ledger keeps it: it is bakehouse's own.
    kept: bool,
    /// AWS's codes and messages, and what its scan found.
    errors: Vec<ChangeError>,
}

/// Prints a listing's change sets, newest first: what the ledger keeps for good, and what AWS tells of the last 90 days.
///
/// # Errors
///
/// When ledger or AWS can't be read.
pub async fn run(global: &Global, args: &HistoryArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, &args.product).await?;
    let variants = context.variants(&args.product)?;
    let (rows, end) = variants.each(async |product| rows(&context, product).await).await;
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    match args.format {
        Format::Json => ui::print(&ui::document(&rows.iter().map(|row| serde_json::json!(row)).collect::<Vec<_>>())),
        Format::Text if rows.is_empty() => context.ui.say("nothing was submitted, as far as ledger and AWS tell"),
        Format::Text => {
            let cells = |row: &Row| {
                let by = match (&row.run, row.kept) {
                    (Some(run), _) => run.to_string(),
                    (None, true) => "list validate".to_owned(),
                    (None, false) => "not in the ledger".to_owned(),
                };
                let codes: Vec<&str> = row.errors.iter().map(|error| error.code.as_str()).collect();
                vec![row.at.clone(), row.change_set.to_string(), row.what.clone(), by, row.status.clone(), codes.join(", ")]
            };
            let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
            ui::print(&ui::table(&["SUBMITTED (UTC)", "CHANGE SET", "WHAT", "BY", "STATE", "ERRORS"], &table));
        }
    }
    end
}

async fn rows(context: &Context, product: &Product) -> Result<Vec<Row>, Failure> {
    let variant = product.variant();
    let records = context.ledger().records(&variant).await?;
    let mut rows = of_records(&records);
    for kept in context.ledger().kept_change_sets::<KeptChangeSet>(&variant).await? {
        let of_kept = || Row { run: kept.run.clone(), kept: true, ..of_description(&kept.end) };
        let row = rows.entry(kept.change_set.clone()).or_insert_with(of_kept);
        let found = kept.findings.iter().map(|found| ChangeError {
            change: SCAN.to_owned(),
            code: found.code.clone(),
            message: found.message.clone(),
        });
        // The record has them already, unless they were fetched later.
        let found: Vec<ChangeError> = found.filter(|found| !row.errors.iter().any(|known| known.message == found.message)).collect();
        row.errors.extend(found);
    }
    // What changes the offer alone is no change set on the product.
    for entity in entities(context, engine::listing_of(product, &records)).await? {
        for listed in context.reader().change_sets(&ChangeSetFilter::On(entity)).await? {
            if rows.get(&listed.id).is_some_and(|row| row.status == listed.status) {
                continue;
            }
            if let Some(described) = context.reader().change_set(&listed.id).await? {
                let run = rows.get(&listed.id).and_then(|row| row.run.clone());
                rows.insert(listed.id, Row { kept: run.is_some(), run, ..of_description(&described) });
            }
        }
    }
    let mut rows: Vec<Row> = rows.into_values().map(|row| Row { variant: variant.to_string(), ..row }).collect();
    rows.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.change_set.cmp(&b.change_set)));
    Ok(rows)
}

fn of_records(records: &[Record]) -> BTreeMap<ChangeSetId, Row> {
    let mut rows: BTreeMap<ChangeSetId, Row> = BTreeMap::new();
    for record in records {
        let (change_set, end) = match &record.event {
            Event::Submitted { change_set, .. } | Event::ChangeSubmitted { change_set, .. } => {
                let what = match &record.event {
                    Event::ChangeSubmitted { what, .. } => what.clone(),
                    _ => format!("version {}", record.version),
                };
                let row = Row {
                    variant: String::new(),
                    change_set: change_set.clone(),
                    at: record.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                    what,
                    // Until its end is recorded it is under way, as far as the ledger tells.
                    status: "PREPARING".to_owned(),
                    run: Some(record.run.clone()),
                    kept: true,
                    errors: Vec::new(),
                };
                rows.insert(change_set.clone(), row);
                continue;
            }
            Event::Listed { change_set, .. } | Event::ListingChanged { change_set, .. } => (change_set, ("SUCCEEDED", &[][..])),
            Event::ListingRefused { change_set, status, errors, .. } | Event::ChangeRefused { change_set, status, errors, .. } => {
                (change_set, (status.as_str(), errors.as_slice()))
            }
            _ => continue,
        };
        if let Some(row) = rows.get_mut(change_set) {
            row.status = end.0.to_owned();
            row.errors = end.1.to_vec();
        }
    }
    rows
}

fn of_description(described: &ChangeSetDescription) -> Row {
    let errors = match outcome(described) {
        Ok(Outcome::Refused { errors, .. }) => errors.iter().flat_map(Refusal::to_records).collect(),
        _ => Vec::new(),
    };
    let types: Vec<&str> = described.changes.iter().map(|change| change.change_type.as_str()).collect();
    let name = described.name.clone().unwrap_or_else(|| types.join(", "));
    Row {
        variant: String::new(),
        change_set: described.id.clone(),
        at: described.start_time.clone().unwrap_or_default(),
        what: if described.is_validation() { format!("{REHEARSAL}: {}", name.trim_end_matches(&format!(": {REHEARSAL}"))) } else { name },
        status: described.status.clone(),
        run: None,
        kept: false,
        errors,
    }
}
