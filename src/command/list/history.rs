//! `bakehouse list history PRODUCT`: the change sets of a listing, those of the ledger and all others.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use crate::cli::{Format, Global};
use crate::cloud::ChangeSetFilter;
use crate::command::context::Context;
use crate::command::selection::Selection;
use crate::engine;
use crate::failure::Failure;
use crate::listing::ChangeSetDescription;
use crate::model::ids::{ChangeSetId, RunId};
use crate::model::product::Product;
use crate::model::record::{ChangeError, Event, Record};
use crate::ui;

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
    /// The run that submitted it; none of a rehearsal, and of what the ledger doesn't know.
    run: Option<RunId>,
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
                let by = row.run.as_ref().map_or_else(|| "not in the ledger".to_owned(), ToString::to_string);
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
    if let Some(entity) = engine::listing_of(product, &records) {
        for listed in context.reader().change_sets(&ChangeSetFilter::On(entity)).await? {
            let known = rows.get(&listed.id).is_some_and(|row| row.status == listed.status);
            if known {
                continue;
            }
            if let Some(described) = context.reader().change_set(&listed.id).await? {
                let row = of_description(&described);
                let run = rows.get(&listed.id).and_then(|row| row.run.clone());
                rows.insert(listed.id, Row { run, ..row });
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
    let errors = described.changes.iter().flat_map(|change| {
        let of = format!("{} {}", change.change_type, change.entity.kind);
        change.errors.iter().map(move |e| ChangeError { change: of.clone(), code: e.code.clone(), message: e.message.clone() })
    });
    let types: Vec<&str> = described.changes.iter().map(|change| change.change_type.as_str()).collect();
    let name = described.name.clone().unwrap_or_else(|| types.join(", "));
    Row {
        variant: String::new(),
        change_set: described.id.clone(),
        at: described.start_time.clone().unwrap_or_default(),
        what: if described.is_validation() { format!("rehearsal: {name}") } else { name },
        status: described.status.clone(),
        run: None,
        errors: errors.collect(),
    }
}
