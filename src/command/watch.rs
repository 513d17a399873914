//! `bakehouse watch [PRODUCT…]`: what is listed already, judged by the advisories of today.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::context::Records;
use super::db;
use super::list::words;
use super::scan::{ScanFormat, Told, print};
use super::scan_again::Today;
use super::selection::Selection;
use crate::cli::{Global, Waivers};
use crate::failure::Failure;
use crate::ledger::LedgerError;
use crate::model::ids::{Slug, Variant};
use crate::model::product::Product;
use crate::model::report::{Finding, Report};
use crate::model::verdict::Verdict;
use crate::model::version::Version;
use crate::release::{Listing, Released, history};
use crate::scan::{self, Changes, Subject};
use crate::ui::{self, Ui};

/// Changes of a kind that are named before the rest is counted.
const MOST_TOLD: usize = 20;

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The products, or variants of them [default: all of the workspace]
    #[arg(value_name = "PRODUCT")]
    pub products: Vec<Selection>,
    /// Every release, whether or not it is listed
    #[arg(long)]
    pub released: bool,
    /// What may pass.
    #[command(flatten)]
    pub waivers: Waivers,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    pub format: ScanFormat,
}

/// A release, judged anew, beside what was said of it before.
struct Watched {
    variant: Variant,
    version: Version,
    listing: Listing,
    report: Report,
    before: Verdict,
}

impl Watched {
    fn changes(&self) -> Changes<'_> {
        let mut changes = Changes::between(&self.before.findings, &self.report.findings);
        if self.is_blind() {
            // Nor is what the data lacks gone, where all of it is lacking.
            changes.gone.retain(|finding| finding.vulnerability.is_none() && !scan::is_of_database(finding));
        }
        changes
    }

    /// Tells whether today's verdict says nothing of flaws, for want of advisories.
    fn is_blind(&self) -> bool {
        self.report.findings.iter().any(|finding| finding.code == scan::NO_ADVISORIES)
    }
}

/// Judges all that is listed by today's data, tells what has changed since it was judged last, and keeps that in the ledger.
///
/// No image is read, and the target isn't asked: packages are those that the scan of each release found. What was told is
/// kept after it was: whoever is cut off is told again.
///
/// # Errors
///
/// Exit code 4 when any of them fails today. Whatever is wrong with one release or product, the others are judged.
pub async fn run(global: &Global, args: &WatchArgs) -> Result<(), Failure> {
    let books = Records::open(global).await?;
    let today = Today::new(db::open_whole(&db::place(global), &Ui::of(global))?, args.waivers);
    let (mut watched, mut failures) = (Vec::new(), Vec::new());
    let selections = match args.products.as_slice() {
        [] => {
            let (selections, strangers) = all(&books).await?;
            failures.extend(strangers);
            selections
        }
        named => named.to_vec(),
    };
    for selection in &selections {
        let variants = match books.variants(selection) {
            Ok(variants) => variants,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        let (found, end) = variants.each(async |product| look(&books, product, &today, args.released).await).await;
        for release in found.into_iter().flatten() {
            match release {
                Ok(release) => watched.push(release),
                Err(failure) => failures.push(failure),
            }
        }
        failures.extend(end.err());
    }
    // That nothing is listed is no answer where what was asked for isn't there.
    if !watched.is_empty() || failures.is_empty() || args.format != ScanFormat::Text {
        tell(&books, args.format, &watched);
    }
    for release in &watched {
        failures.extend(keep(&books, release).await.err());
    }
    let refused = watched.iter().filter(|watched| !watched.report.passed());
    let refused: Vec<Failure> =
        refused.map(|Watched { variant, version, .. }| Failure::Refused { what: format!("{variant} {version}, judged again,") }).collect();
    // What fails today is the answer to what was asked, whatever else went wrong: it is told too.
    if !refused.is_empty() {
        failures.iter().for_each(|failure| books.ui.fail(failure));
        failures = refused;
    }
    Failure::all(failures)
}

/// Returns the products of the workspace, and a failure for each other one that the ledger has releases of: nobody says by
/// what they are to be judged.
async fn all(books: &Records) -> Result<(Vec<Selection>, Vec<Failure>), Failure> {
    let products = books.products()?;
    let mut strangers = BTreeSet::new();
    for variant in books.ledger.variants().await? {
        if !products.contains(&variant.product) && !books.ledger.records(&variant).await?.is_empty() {
            strangers.insert(variant.product);
        }
    }
    let unwatched = |product: &Slug| {
        let hint = format!("bring products/{product} back, and its manifest says by what it is judged");
        Failure::other(format!("{product} has releases on {} and is not in the workspace: it was not judged", books.target), hint)
    };
    Ok((products.into_iter().map(Selection::from).collect(), strangers.iter().map(unwatched).collect()))
}

/// Judges the releases of a variant that are listed, newest first, as many at once as there are processors.
async fn look(books: &Records, product: &Product, today: &Today, unlisted_too: bool) -> Result<Vec<Result<Watched, Failure>>, Failure> {
    let versions = history(&books.ledger.records(&product.variant()).await?);
    let is_wanted = |released: &&Released| unlisted_too || matches!(released.listing, Listing::Listed { .. });
    let wanted: Vec<&Released> = versions.values().rev().filter(is_wanted).collect();
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let judged = wanted.into_iter().map(|released| look_at(books, product, today, released));
    Ok(futures::stream::iter(judged).buffered(at_once).collect().await)
}

async fn look_at(books: &Records, product: &Product, today: &Today, released: &Released) -> Result<Watched, Failure> {
    let (variant, version) = (product.variant(), released.version.clone());
    let (first, report) = today.judge(&books.ledger, product, released).await?;
    let before = books.ledger.last_verdict(&variant, &version).await?.unwrap_or_else(|| Verdict::of(&first));
    Ok(Watched { variant, version, listing: released.listing.clone(), report, before })
}

/// Keeps what was told, if anything has changed. A verdict without advisories says nothing of flaws, and is no news of them.
async fn keep(books: &Records, watched: &Watched) -> Result<(), Failure> {
    if watched.changes().is_empty() || watched.is_blind() {
        return Ok(());
    }
    match books.ledger.keep_verdict(&watched.variant, &watched.version, &Verdict::of(&watched.report)).await {
        // Somebody else watches at the same time, and has told it.
        Err(LedgerError::Taken { .. }) => Ok(()),
        end => Ok(end?),
    }
}

fn tell(books: &Records, format: ScanFormat, watched: &[Watched]) {
    match format {
        ScanFormat::Json => {
            let documents: Vec<Value> = watched.iter().map(document).collect();
            ui::print(&format!(
                "{:#}\n",
                json!({ "format": 1, "target": books.target.to_string(), "account": books.account, "watched": documents })
            ));
        }
        ScanFormat::Text if watched.is_empty() => {
            books.ui.say(&format!("nothing is listed on {}: there is nothing to watch", books.target))
        }
        ScanFormat::Text => watched.iter().for_each(|watched| ui::print(&text(watched))),
        other => {
            let names: Vec<(String, String)> =
                watched.iter().map(|watched| (watched.variant.to_string(), watched.version.to_string())).collect();
            let places: Vec<String> = watched.iter().map(|watched| format!("products/{}/product.toml", watched.variant.product)).collect();
            let told: Vec<Told> = watched
                .iter()
                .zip(&names)
                .zip(&places)
                .map(|((watched, (name, version)), place)| Told {
                    report: &watched.report,
                    subject: Subject { name, version: Some(version) },
                    place,
                })
                .collect();
            print(other, &told);
        }
    }
}

fn document(watched: &Watched) -> Value {
    let (changes, report) = (watched.changes(), &watched.report);
    let today = |finding: &Finding| scan::json_finding(report, finding);
    let gone = |finding: &&Finding| {
        let mut gone = json!(finding);
        watched.changes().why_gone(finding).into_iter().for_each(|why| gone["why_gone"] = json!(why));
        gone
    };
    json!({
        "variant": watched.variant.to_string(),
        "version": watched.version,
        "listing": words(&watched.listing),
        "standing": watched.listing.standing(),
        "passed": report.passed(),
        "verdict": scan::json_verdict(report),
        "since": watched.before.at,
        "new": changes.new.iter().map(|finding| today(finding)).collect::<Vec<_>>(),
        "changed": changes.changed.iter().map(|(before, after)| json!({ "before": before, "after": today(after) })).collect::<Vec<_>>(),
        "gone": changes.gone.iter().map(gone).collect::<Vec<_>>(),
        "report": scan::json_report(report),
    })
}

/// A release's verdict in a line, and what has changed.
fn text(watched: &Watched) -> String {
    let Watched { variant, version, listing, report, before } = watched;
    let mut text = format!("{variant} {version} ({}): {}\n", words(listing), scan::outcome(report));
    let since = before.at.strftime("%Y-%m-%d %H:%M UTC");
    let changes = watched.changes();
    if changes.is_empty() {
        text.push_str(&format!("  nothing has changed since {since}\n"));
    }
    let kinds: BTreeMap<&str, Vec<String>> = [
        ("1 new", changes.new.iter().map(|finding| headline(finding)).collect()),
        ("2 now", changes.changed.iter().map(|(_, after)| headline(after)).collect()),
        ("3 gone", changes.gone.iter().map(|finding| headline(finding) + &why_gone(watched, finding)).collect()),
    ]
    .into();
    for (kind, lines) in kinds {
        let kind = &kind[2..];
        lines.iter().take(MOST_TOLD).for_each(|line| text.push_str(&format!("  {kind:<5}{line}\n")));
        if lines.len() > MOST_TOLD {
            text.push_str(&format!("  {kind:<5}{} more\n", lines.len() - MOST_TOLD));
        }
    }
    text.push_str(&format!("  → bakehouse scan {variant} {version} --again shows all of it\n"));
    text
}

fn why_gone(watched: &Watched, finding: &Finding) -> String {
    watched.changes().why_gone(finding).map_or_else(String::new, |why| format!(" ({why})"))
}

fn headline(finding: &Finding) -> String {
    let waived = if finding.is_waived() { " (waived)" } else { "" };
    format!("{} {}: {}{waived}", finding.severity, finding.code, finding.reason)
}
