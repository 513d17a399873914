//! `bakehouse show PRODUCT [VERSION]`: one release with all that happened to it.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::context::Records;
use super::list::words;
use super::selection::{Selection, each};
use crate::cli::{Format, Global};
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::model::count::counted;
use crate::model::ids::{AccountId, Region, Variant};
use crate::model::image::Image;
use crate::model::record::{Record, Release};
use crate::model::version::Version;
use crate::release::{Released, history};
use crate::ui;

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// The version [default: the latest]
    pub version: Option<Version>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// A release with all that happened to it. Format 1.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    format: u32,
    target: String,
    account: &'a AccountId,
    variant: String,
    version: &'a Version,
    release: &'a Release,
    /// The image by Region, the original among them.
    images: BTreeMap<&'a Region, &'a Image>,
    /// Accounts by Region, and whether each may read the snapshots too.
    grants: BTreeMap<&'a Region, BTreeMap<&'a AccountId, bool>>,
    listing: String,
    product: Option<String>,
    offer: Option<String>,
    change_sets: Vec<String>,
    records: Vec<&'a Record>,
}

/// Prints the release.
///
/// # Errors
///
/// When there is no such release, or the ledger can't be read.
pub async fn run(global: &Global, args: &ShowArgs) -> Result<(), Failure> {
    let books = Records::open(global).await?;
    let variants = books.known().variants(&args.product).await?;
    let (found, end) = each(&variants, async |variant| {
        let released = find(&books.ledger, variant, args.version.as_ref()).await?;
        Ok((json(&books.ledger, variant, &released).await?, text(variant, &released)))
    })
    .await;
    let (documents, texts): (Vec<Value>, Vec<String>) = found.into_iter().unzip();
    match args.format {
        Format::Json => ui::print(&ui::document(&documents)),
        Format::Text => ui::print(&texts.join("\n\n")),
    }
    end
}

/// Finds a release: the one of a version, or the latest.
///
/// # Errors
///
/// When there is none.
pub async fn find(ledger: &Ledger, variant: &Variant, version: Option<&Version>) -> Result<Released, Failure> {
    let mut versions = history(&ledger.records(variant).await?);
    let has_none = versions.is_empty();
    let found = match version {
        Some(version) => versions.remove(version),
        None => versions.into_values().next_back(),
    };
    found.ok_or_else(|| {
        let what = version.filter(|_| !has_none).map_or_else(|| "no release".to_owned(), |v| format!("no release {v}"));
        let slug = &variant.product;
        let hint = if has_none { format!("bakehouse ship {slug} makes the first") } else { format!("bakehouse history {slug}") };
        Failure::other(format!("{variant} has {what} on {}", ledger.binding().target), hint)
    })
}

/// Writes a release as JSON.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn json(ledger: &Ledger, variant: &Variant, released: &Released) -> Result<Value, Failure> {
    let records = ledger.records(variant).await?;
    let mut grants: BTreeMap<&Region, BTreeMap<&AccountId, bool>> = BTreeMap::new();
    for ((region, account), snapshots) in &released.grants {
        grants.entry(region).or_default().insert(account, *snapshots);
    }
    let mut images: BTreeMap<&Region, &Image> = released.copies.iter().collect();
    images.insert(&released.release.image.region, &released.release.image);
    let mut shown = Shown {
        format: 1,
        target: ledger.binding().target.clone(),
        account: &ledger.binding().account,
        variant: variant.to_string(),
        version: &released.version,
        release: &released.release,
        images,
        grants,
        listing: words(&released.listing),
        product: None,
        offer: None,
        change_sets: Vec::new(),
        records: records.iter().filter(|r| r.version == released.version).collect(),
    };
    for record in &shown.records {
        match &record.event {
            crate::model::record::Event::Submitted { change_set, .. } => shown.change_sets.push(change_set.to_string()),
            crate::model::record::Event::Listed { product, offer, .. } => {
                shown.product = Some(product.to_string());
                shown.offer = offer.as_ref().map(ToString::to_string);
            }
            _ => {}
        }
    }
    Ok(serde_json::to_value(&shown).expect("a release is plain data"))
}

fn text(variant: &Variant, released: &Released) -> String {
    let release = &released.release;
    let mut lines = vec![
        format!("{variant} {}", released.version),
        format!("  sealed    {}", release.sealed.strftime("%Y-%m-%d %H:%M:%S UTC")),
        format!("  image     {} ({})", release.image.id, release.image.name),
    ];
    for (snapshot, digests) in &release.digests {
        lines.push(format!("  snapshot  {snapshot}: {}, {}", counted(digests.blocks, "block"), digests.disk));
    }
    lines.push(format!("  base      {} ({})", release.base.image, release.base.name));
    lines.push(format!("  inputs    {}", release.input));
    if let Some(commit) = &release.git_commit {
        lines.push(format!("  commit    {commit}"));
    }
    let scan = &release.scan;
    lines.push(format!(
        "  scan      passed ({} critical, {} high, {} medium, {} low; {})",
        scan.critical,
        scan.high,
        scan.medium,
        scan.low,
        counted(scan.packages, "package")
    ));
    for used in &scan.waivers {
        let waiver = &used.waiver;
        lines.push(format!("  waiver    {waiver}, until {}: {} ({})", waiver.expires, waiver.reason, counted(used.waived, "finding")));
    }
    if let Some(boot) = &release.boot {
        lines.push(format!(
            "  boot      passed: ready {} s after its launch on {} ({})",
            boot.ready_seconds,
            boot.instance_type,
            counted(boot.checks.len(), "check")
        ));
    }
    if let Some(seconds) = released.base_seconds {
        lines.push(format!("  base      provisioned {seconds} s after its launch, as every instance without a baked image is"));
    }
    for (region, image) in &released.copies {
        lines.push(format!("  copy      {region}: {}", image.id));
    }
    for ((region, account), snapshots) in &released.grants {
        lines.push(format!("  grant     {region}: {account}{}", if *snapshots { " (snapshots too)" } else { "" }));
    }
    lines.push(format!("  listing   {}", words(&released.listing)));
    lines.join("\n")
}
