//! `bakehouse list status PRODUCT`: how what was submitted of a listing stands.

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::{entities, words};
use crate::cli::{Format, Global};
use crate::cloud::ChangeSetFilter;
use crate::command::context::Context;
use crate::command::selection::{Selection, each};
use crate::command::show::json as shown;
use crate::engine::{self, Engine, Followed};
use crate::failure::Failure;
use crate::listing::ChangeSetSummary;
use crate::model::ids::{ChangeSetId, EntityId, RunId, Variant};
use crate::model::product::Product;
use crate::model::record::{ChangeError, Event, Record};
use crate::release::{ChangeState, Listing, ListingChange, Released, history, listed_product, listing_changes};
use crate::ui;

/// Arguments of `list status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// Wait for the end this long
    #[arg(long, value_name = "TIME", value_parser = crate::cli::parse_duration, default_value = "0s")]
    pub wait: std::time::Duration,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Looks, records what has ended, and prints.
///
/// # Errors
///
/// Pending has an exit code of its own; a refused listing too.
pub async fn run(global: &Global, args: &StatusArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let variants = context.known().variants(&args.product).await?;
    // Errors are told with the manifest's lines, where it can be read; where not, it was just said.
    let products = context.variants(&args.product).map(|variants| variants.all().to_vec()).unwrap_or_default();
    let follower = context.follower(args.wait);
    let engine = Engine { go_on: format!("bakehouse list status {}", args.product), variants: products, ..follower };
    let (standing, end) = each(&variants, async |variant| Standing::find(&context, &engine, variant).await).await;
    match args.format {
        Format::Text => ui::print(&standing.iter().map(Standing::text).collect::<Vec<_>>().join("\n")),
        Format::Json => {
            let mut documents = Vec::new();
            for one in &standing {
                documents.push(one.document(&context).await?);
            }
            ui::print(&ui::document(&documents));
        }
    }
    Failure::all(standing.into_iter().flat_map(|one| one.failures).chain(end.err()).collect())
}

/// How a variant's listing stands.
struct Standing {
    variant: Variant,
    /// The newest release; a product that was imported has none.
    released: Option<Released>,
    /// How the listing of the newest release stands, in words.
    listing: String,
    /// Changes of the listing that were under way, and the last one unless it took effect.
    changes: Vec<Changed>,
    /// Change sets that this ledger knows nothing of and that lock the listing.
    others: Vec<ChangeSetSummary>,
    /// What of all that is pending or was found refused now.
    failures: Vec<Failure>,
}

/// A change of the listing, for whoever asks.
#[derive(Serialize)]
struct Changed {
    change_set: ChangeSetId,
    what: String,
    /// `UNDER_WAY`, `SUCCEEDED`, `FAILED`, `CANCELLED`.
    status: String,
    errors: Vec<ChangeError>,
}

impl Standing {
    /// Follows what is under way of a variant, records what has ended, and says how it stands then.
    async fn find(context: &Context, engine: &Engine, variant: &Variant) -> Result<Self, Failure> {
        let before = context.ledger().records(variant).await?;
        let mut failures = Vec::new();
        for (released, change_set) in submissions(&before) {
            let followed = Followed {
                variant: variant.clone(),
                version: released.version.clone(),
                run: run_of(&before, &released, &change_set),
                change_set,
            };
            failures.extend(engine::follow_listing(engine, &followed).await.err().map(Failure::from));
        }
        let open: Vec<ListingChange> =
            listing_changes(&before).into_iter().filter(|change| change.state == ChangeState::UnderWay).collect();
        for change in &open {
            failures.extend(engine::follow_change(engine, variant, change).await.err().map(Failure::from));
        }
        engine::settle(engine, variant).await?;
        let records = context.ledger().records(variant).await?;
        let versions = history(&records);
        let released = versions.values().next_back().cloned();
        let product = engine.variants.iter().find(|product| product.variant() == *variant);
        let listing = match &released {
            Some(released) => of_release(engine, variant, released).await?,
            None => of_none(variant, product)?,
        };
        let all = listing_changes(&records);
        let is_told = |index: usize, change: &ListingChange| {
            let was_open = open.iter().any(|open| open.change_set == change.change_set);
            was_open || (index + 1 == all.len() && change.state != ChangeState::Done)
        };
        let changes = all.iter().enumerate().filter(|(index, change)| is_told(*index, change)).map(|(_, change)| Changed::of(change));
        let entity = product.map_or_else(|| listed_product(&versions), |product| engine::listing_of(product, &records));
        let others = others(context, entities(context, entity).await?, &records).await?;
        Ok(Self { variant: variant.clone(), released, listing, changes: changes.collect(), others, failures })
    }

    fn text(&self) -> String {
        let version = self.released.as_ref().map(|released| format!(" {}", released.version)).unwrap_or_default();
        let mut lines = vec![format!("{}{version}: {}", self.variant, self.listing)];
        lines.extend(self.changes.iter().map(|change| {
            let codes: Vec<String> = change.errors.iter().map(|error| format!("{}: {}", error.code, error.message)).collect();
            let line = format!("  {} (change set {}): {} {}", change.what, change.change_set, change.status, codes.join("; "));
            line.trim_end().to_owned()
        }));
        lines.extend(self.others.iter().map(|set| format!("  not of this ledger: change set {set}")));
        lines.join("\n")
    }

    async fn document(&self, context: &Context) -> Result<Value, Failure> {
        let mut document = match &self.released {
            Some(released) => shown(context.ledger(), &self.variant, released).await?,
            None => json!({ "variant": self.variant.to_string(), "version": null }),
        };
        document["listing"] = json!(self.listing);
        document["changes"] = json!(self.changes);
        document["others_under_way"] = json!(self.others);
        Ok(document)
    }
}

impl Changed {
    fn of(change: &ListingChange) -> Self {
        let (status, errors): (&str, Vec<ChangeError>) = match &change.state {
            ChangeState::UnderWay => ("UNDER_WAY", Vec::new()),
            ChangeState::Done => ("SUCCEEDED", Vec::new()),
            ChangeState::Refused { status, errors } => (status.as_str(), errors.clone()),
        };
        Self { change_set: change.change_set.clone(), what: change.what.clone(), status: status.to_owned(), errors }
    }
}

/// Lists the versions that are under way into the listing.
fn submissions(records: &[Record]) -> Vec<(Released, ChangeSetId)> {
    let under_way = |released: Released| match &released.listing {
        Listing::Submitted { change_set, .. } => Some((released.clone(), change_set.clone())),
        _ => None,
    };
    history(records).into_values().filter_map(under_way).collect()
}

/// Finds the run that submitted a change set, which need not be the one that sealed the release.
fn run_of(records: &[Record], released: &Released, change_set: &ChangeSetId) -> RunId {
    let submitted = |r: &&Record| matches!(&r.event, Event::Submitted { change_set: sent, .. } if sent == change_set);
    records.iter().rev().find(submitted).map_or_else(|| released.run.clone(), |record| record.run.clone())
}

/// Says how a release's listing stands, with what AWS's scan found.
async fn of_release(engine: &Engine, variant: &Variant, released: &Released) -> Result<String, Failure> {
    if let Listing::None = released.listing
        && let Some(why) = engine::refused_submission(&engine.ledger, variant, &released.version).await?
    {
        return Ok(format!("released, submission refused: {why}"));
    }
    let findings = engine::findings(engine, variant, released).await?;
    let found = findings.iter().map(|finding| format!("\n  found: {}: {}", finding.code, finding.message));
    Ok(words(&released.listing) + &found.collect::<String>())
}

/// Says how the listing of a product stands that nothing was released of here.
fn of_none(variant: &Variant, product: Option<&Product>) -> Result<String, Failure> {
    match product.and_then(|product| product.listing.product_id.as_ref()) {
        Some(id) => Ok(format!("listed in {id} by its manifest; nothing was released from here")),
        None => Err(Failure::other(format!("{variant} has no release"), format!("bakehouse ship {} makes the first", variant.product))),
    }
}

/// Lists the change sets under way on entities that a chain knows nothing of.
async fn others(context: &Context, entities: Vec<EntityId>, records: &[Record]) -> Result<Vec<ChangeSetSummary>, Failure> {
    let mut others = Vec::new();
    if entities.is_empty() {
        return Ok(others);
    }
    for set in context.reader().change_sets(&ChangeSetFilter::UnderWay).await? {
        let is_own = records.iter().any(|record| record.event.submission() == Some(&set.id));
        if !is_own && set.entities.iter().any(|entity| entities.contains(entity)) {
            let described = context.reader().change_set(&set.id).await?;
            others.extend(described.as_ref().map(ChangeSetSummary::from));
        }
    }
    Ok(others)
}
