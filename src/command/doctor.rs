//! `bakehouse doctor`: what stands in a release's way, and what to do about it.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use super::context::{Connected, known_product};
use super::db;
use super::iam::bounds_of;
use crate::cli::{Format, Global};
use crate::cloud;
use crate::doctor::{self, Check, Health};
use crate::engine;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::listing;
use crate::manifest::Faults;
use crate::model::count::counted;
use crate::model::ids::{AccountId, Slug};
use crate::model::product::Product;
use crate::model::record::BaseRecord;
use crate::model::target::TargetName;
use crate::model::waiver::WaiverOptions;
use crate::scan::Scan;
use crate::ui;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Look at what this product needs [default: all of the workspace]
    pub product: Option<Slug>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What was looked at. Format 1.
#[derive(Debug, Serialize)]
struct Diagnosis {
    format: u32,
    target: String,
    account: Option<String>,
    health: Health,
    checks: Vec<Check>,
}

/// Looks at everything, in an order in which one thing needs the other.
///
/// # Errors
///
/// When a check failed; no workspace.
pub async fn run(global: &Global, args: &DoctorArgs) -> Result<(), Failure> {
    let connected = Connected::open(global).await?;
    let target = connected.target;
    let mut checks = doctor::machine(&connected.workspace.root, target);
    let settings = &connected.workspace.settings;
    let expected = settings.account.as_ref().filter(|_| target == TargetName::Aws);
    let caller = doctor::caller(&connected.reader, expected, target == TargetName::Aws, jiff::Timestamp::now()).await;
    checks.extend(caller.checks);
    if let Some(identity) = &caller.identity {
        let ledger = connected.ledger(identity).await;
        checks.push(match &ledger {
            Ok(ledger) => Check::ok("ledger", "", format!("{}, bound to {target} {}", ledger.place(), identity.account)),
            Err(error) => doctor::unopened(error),
        });
        let (products, manifests) = products(&connected, args.product.as_ref(), &identity.account)?;
        checks.push(manifests);
        checks.extend(advisories(global, &connected, ledger.as_ref().ok(), &products).await?);
        let bounds = bounds_of(&products, identity.account.to_string(), BTreeSet::new(), settings.ledgers.get(&target));
        let ship: Vec<_> = cloud::command("ship").into_iter().copied().collect();
        checks.extend(doctor::permissions(&connected.reader, identity, &ship, &bounds, &products).await);
        checks.extend(doctor::roles(&connected.reader, &identity.account, &bounds.ingestion_roles).await);
        checks.extend(doctor::account(&connected.reader, &products).await);
        if target == TargetName::Aws {
            checks.extend(products.iter().flat_map(placeholders));
        }
    }
    let health = checks.iter().map(|check| check.health).max().unwrap_or(Health::Ok);
    let failed = checks.iter().filter(|check| check.health == Health::Fail).count();
    let account = caller.identity.map(|identity| identity.account.to_string());
    let diagnosis = Diagnosis { format: 1, target: target.to_string(), account, health, checks };
    match args.format {
        Format::Json => ui::print(&serde_json::to_string_pretty(&diagnosis).expect("a diagnosis is plain data")),
        Format::Text => ui::print(&text(&diagnosis.checks)),
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::other(
            format!("{failed} of {} failed", counted(diagnosis.checks.len(), "check")),
            "do what the arrows say, then look again",
        )),
    }
}

/// Looks at the database, and, if it can be asked, at what the scan of each product's next image will lack of it.
async fn advisories(global: &Global, connected: &Connected, ledger: Option<&Ledger>, products: &[Product]) -> Result<Vec<Check>, Failure> {
    let now = jiff::Timestamp::now();
    let opened = db::open(&db::place(global));
    let asked = opened.as_ref().map(Option::as_deref).map_err(|failure| failure.render(false).trim_end().to_owned());
    let mut checks = vec![doctor::advisories(asked, now)];
    let (Ok(database @ Some(_)), Some(ledger), Health::Ok) = (opened, ledger, checks[0].health) else { return Ok(checks) };
    for product in products {
        // A base that isn't there is told by its own check.
        let base = connected.reader.base(&product.build.region, &product.image.base).await.ok();
        let base = base.map(|base| BaseRecord { image: base.image.id, name: base.image.name, owner: base.owner });
        let request = Scan { advisories: database.clone(), ..Scan::of(product, WaiverOptions::default(), now) };
        let lacks = engine::lacks(ledger, product, base.as_ref(), &request).await?;
        if lacks.is_empty() {
            checks.push(Check::ok(doctor::ADVISORIES, product.variant(), "there are recent ones of the base's system"));
        }
        checks.extend(lacks.into_iter().map(|lack| {
            let health = if lack.is_certain { Health::Fail } else { Health::Warn };
            Check::not(health, doctor::ADVISORIES, product.variant(), lack.what, lack.cure)
        }));
    }
    Ok(checks)
}

/// Loads the products; those whose manifests are faulty are left out, and said to be.
fn products(connected: &Connected, only: Option<&Slug>, account: &AccountId) -> Result<(Vec<Product>, Check), Failure> {
    let slugs = match only {
        Some(slug) => {
            known_product(&connected.workspace, slug)?;
            vec![slug.clone()]
        }
        None => connected.workspace.products()?,
    };
    let (mut products, mut faults) = (Vec::new(), Faults::default());
    for slug in &slugs {
        match connected.workspace.load(slug, connected.target, Some(account)) {
            Ok(variants) => products.extend(variants),
            Err(found) => faults.append(found),
        }
    }
    let check = match faults.errors() {
        0 => Check::ok("manifests", "", format!("{} without a fault", products.len())),
        errors => Check::not(Health::Fail, "manifests", "", counted(errors, "fault"), "bakehouse check"),
    };
    Ok((products, check))
}

/// What `init` wrote in the vendor's stead is fine for a rehearsal, and not for the Marketplace.
fn placeholders(product: &Product) -> Vec<Check> {
    let check = |found| Check::not(Health::Warn, "placeholder", product.variant(), found, "write your own: buyers would see it");
    listing::placeholders(product).into_iter().map(check).collect()
}

fn text(checks: &[Check]) -> String {
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| vec![check.health.as_str().to_owned(), check.name.to_owned(), check.subject.clone(), check.found.clone()])
        .collect();
    let table = ui::table(&["", "CHECK", "OF", "FOUND"], &rows);
    let mut lines = table.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (line, check) in lines.zip(checks) {
        text.push_str(line);
        text.push('\n');
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("         → {remedy}\n"));
        }
    }
    text
}
