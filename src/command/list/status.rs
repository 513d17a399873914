//! `bakehouse list status PRODUCT`: how the last submission stands.

use clap::Args;
use serde_json::json;

use super::words;
use crate::cli::{Format, Global};
use crate::command::context::Context;
use crate::command::selection::{Selection, each};
use crate::command::show::{find, json as shown};
use crate::engine::{self, Engine, Followed};
use crate::failure::Failure;
use crate::model::ids::Variant;
use crate::model::record::{Event, Record};
use crate::release::Listing;
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
    let engine = Engine { go_on: format!("bakehouse list status {}", args.product), ..context.follower(args.wait) };
    let (followed, end) = each(&variants, async |variant| {
        let end = follow(&context, &engine, variant).await;
        let released = find(context.ledger(), variant, None).await?;
        let refused = match &released.listing {
            Listing::None => engine::refused_submission(context.ledger(), variant, &released.version).await?,
            _ => None,
        };
        let standing = refused.map_or_else(|| words(&released.listing), |why| format!("released, submission refused: {why}"));
        let mut document = shown(context.ledger(), variant, &released).await?;
        document["listing"] = json!(standing);
        Ok((format!("{variant} {}: {standing}", released.version), document, end))
    })
    .await;
    let (mut lines, mut documents, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (line, document, end) in followed {
        lines.push(line);
        documents.push(document);
        failures.extend(end.err());
    }
    match args.format {
        Format::Text => ui::print(&lines.join("\n")),
        Format::Json => ui::print(&ui::document(&documents)),
    }
    Failure::all(failures.into_iter().chain(end.err()).collect())
}

/// Looks how the last submission stands, and records its end.
async fn follow(context: &Context, engine: &Engine, variant: &Variant) -> Result<(), Failure> {
    let released = find(context.ledger(), variant, None).await?;
    let Listing::Submitted { change_set, .. } = &released.listing else { return Ok(()) };
    // The run that submitted it, which need not be the one that sealed the release.
    let records = context.ledger().records(variant).await?;
    let submitted = |r: &&Record| matches!(&r.event, Event::Submitted { change_set: sent, .. } if sent == change_set);
    let run = records.iter().rev().find(submitted).map_or_else(|| released.run.clone(), |r| r.run.clone());
    let followed = Followed { variant: variant.clone(), version: released.version.clone(), run, change_set: change_set.clone() };
    Ok(engine::follow_listing(engine, &followed).await.map(drop)?)
}
