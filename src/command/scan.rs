//! `bakehouse scan TARGET`: a machine's disk, judged without booting it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::context::workspace;
use super::db;
use super::sbom::{SbomFile, SbomFormat};
use super::scan_again;
use super::scan_product;
use super::scan_target::{self, ScanTarget, Terms};
use super::selection::Selection;
use crate::cli::{Global, Waivers};
use crate::disk::BackingFiles;
use crate::failure::Failure;
use crate::model::ids::Region;
use crate::model::report::{Report, Severity};
use crate::model::version::Version;
use crate::scan::{self, Subject};
use crate::ui::{self, Ui};

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// A product (hello-web, hello-web.arm64): its image baked last, or last release; ami-… or snap-…; a disk in a file,
    /// raw or qcow2; a folder that holds a root file system (./NAME where a product could be called so)
    #[arg(value_name = "TARGET", required_unless_present = "sbom")]
    pub disk: Option<ScanTarget>,
    /// A release of the product [default: what was baked last, or the last release]
    pub version: Option<Version>,
    /// Judge what the ledger keeps of a release's scan by the advisories and waivers of today, and read no image
    #[arg(long, conflicts_with_all = ["unallocated", "sbom"])]
    pub again: bool,
    /// Judge a bill of materials (CycloneDX or SPDX, JSON) by the advisories of today: its packages, for it tells nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["disk", "unallocated"])]
    pub sbom: Option<PathBuf>,
    /// What may pass.
    #[command(flatten)]
    pub waivers: Waivers,
    /// Search free space, journals and what lies in no partition too, for keys and credentials that were deleted: they
    /// ship with a snapshot
    #[arg(long)]
    pub unallocated: bool,
    /// Keep the blocks of snapshots that are read in the cache folder, up to so many GiB: a later scan of the same
    /// snapshot fetches none of them again, one of a child only what has changed. They are the image's content. 0 removes
    /// what is kept
    #[arg(long, value_name = "GIB", env = "BAKEHOUSE_KEEP_BLOCKS", value_parser = clap::value_parser!(u64).range(..=MOST_KEPT_GIB))]
    pub keep_blocks: Option<u64>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    pub format: ScanFormat,
    /// Write a bill of materials here too
    #[arg(long, value_name = "FILE")]
    pub write_sbom: Option<PathBuf>,
    /// Its form
    #[arg(long, value_enum, default_value_t, requires = "write_sbom")]
    pub sbom_format: SbomFormat,
    /// Judge by this product's manifest
    #[arg(long, value_name = "PRODUCT", help_heading = NO_PRODUCT)]
    pub as_product: Option<Selection>,
    /// The account that buyers log in to [default: cloud-init's]
    #[arg(long, value_name = "NAME", help_heading = NO_PRODUCT, value_parser = account_name)]
    pub login_user: Option<String>,
    /// The port that AWS's scanner logs in on [default: 22]
    #[arg(long, value_name = "PORT", help_heading = NO_PRODUCT, value_parser = clap::value_parser!(u16).range(1..))]
    pub scanning_port: Option<u16>,
    /// Fail on findings of this severity and worse: low, medium, high, critical [default: high]
    #[arg(long, value_name = "SEVERITY", help_heading = NO_PRODUCT, value_parser = scan_target::severity)]
    pub fail_on: Option<Severity>,
    /// How many days old advisories may be [default: 7d]
    #[arg(long, value_name = "DAYS", help_heading = NO_PRODUCT, value_parser = scan_target::days)]
    pub max_age: Option<u32>,
    /// Take what this VEX document says (OpenVEX, CSAF 2.0) into account; as often as is wanted
    #[arg(long, value_name = "FILE", help_heading = NO_PRODUCT)]
    pub vex: Vec<PathBuf>,
    /// Read files that a qcow2 file names as its backing; only if you trust whoever made it
    #[arg(long, help_heading = NO_PRODUCT)]
    pub backing_files: bool,
    /// Where the image or snapshot is [default: us-east-1]
    #[arg(long, help_heading = NO_PRODUCT)]
    pub region: Option<Region>,
}

/// How reports are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people: worst first, with what to do.
    #[default]
    Text,
    /// For programs; versioned.
    Json,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
    /// JUnit's XML, for CI systems: a test a rule.
    Junit,
    /// A web page of one file that loads nothing, for people.
    Html,
}

/// Takes the name of an account as Linux has them.
///
/// Source: <https://man7.org/linux/man-pages/man8/useradd.8.html>
fn account_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_name = (1..=32).contains(&text.len()) && text.chars().all(plain) && !text.starts_with(['-', '.']);
    if is_name { Ok(text.to_owned()) } else { Err("an account's name has letters, digits, dots, dashes and underscores".to_owned()) }
}

/// Of each block that is kept some 100 bytes lie in memory.
const MOST_KEPT_GIB: u64 = 1024;

const NO_PRODUCT: &str = "For a target that is no product";

/// Scans a target.
///
/// # Errors
///
/// The scan's verdict is the exit code.
pub async fn run(global: &Global, args: &ScanArgs) -> Result<(), Failure> {
    // Before anything is read: what can't be asked or written then is said now.
    let advisories = db::open_whole(&db::place(global), &Ui::of(global))?;
    let sbom = args.write_sbom.as_deref().map(SbomFile::prepare).transpose()?;
    let terms = Terms {
        product: args.as_product.clone(),
        login_user: args.login_user.clone(),
        scanning_port: args.scanning_port,
        region: args.region.clone(),
        fail_on: args.fail_on,
        max_age_days: args.max_age,
        vex: scan_target::documents(&args.vex)?,
        waivers: args.waivers.into(),
        advisories: advisories.clone(),
        unallocated: args.unallocated,
        keep_blocks_gib: args.keep_blocks,
        backing_files: if args.backing_files { BackingFiles::Allowed } else { BackingFiles::Refused },
    };
    let target = match (&args.disk, &args.sbom) {
        (None, Some(bill)) => return scan_again::bill(global, args, bill, &terms, sbom),
        (target, _) => target.as_ref().expect("the command line has one of the two"),
    };
    if !matches!(target, ScanTarget::Product(_)) && (args.again || args.version.is_some()) {
        return Err(Failure::other("only a product has releases", "name the product, and its version behind it"));
    }
    let (what, report) = match target {
        ScanTarget::Product(selection) => {
            if terms.is_given() {
                return Err(Failure::other(
                    "a product's own manifest says what it is judged by",
                    "leave the options for a target that is no product out",
                ));
            }
            let name = selection.to_string();
            if let Some((kind, letters)) = of_aws(&name).filter(|_| !is_known(global, selection)) {
                let hint = format!("an id is {letters} and 8 or 17 of 0-9 and a-f");
                return Err(Failure::other(format!("{name} is no id of {kind}, nor is there a product of that name"), hint));
            }
            if std::path::Path::new(&name).exists() && !is_known(global, selection) {
                let hint = format!("bakehouse scan ./{name} scans what is called so here");
                return Err(Failure::other(format!("{name} is taken for the name of a product, and there is none of that name"), hint));
            }
            if args.again {
                return scan_again::release(global, args, selection, advisories, sbom).await;
            }
            return scan_product::run(global, args, selection, sbom).await;
        }
        ScanTarget::Image(id) => (id.to_string(), scan_target::image(global, id, &terms).await?),
        ScanTarget::Snapshot(id) => (id.to_string(), scan_target::snapshot(global, id, &terms).await?),
        ScanTarget::Local(path) => {
            let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            (name, scan_target::local(global, path, &terms).await?)
        }
    };
    let subject = Subject { name: &what, version: None };
    print(args.format, &[Told { report: &report, subject, place: &what }]);
    if let Some(sbom) = sbom {
        sbom.write(&report, &subject, args.sbom_format)?;
    }
    if report.passed() { Ok(()) } else { Err(Failure::Refused { what }) }
}

/// Tells a name that begins as AWS's ids do: what it would be the id of, and how that begins.
fn of_aws(name: &str) -> Option<(&'static str, &'static str)> {
    [("an image", "ami-"), ("a snapshot", "snap-")].into_iter().find(|(_, letters)| name.starts_with(letters))
}

/// Tells whether there is a workspace that has the product.
fn is_known(global: &Global, selection: &Selection) -> bool {
    let products = workspace(global).ok().and_then(|workspace| workspace.products().ok());
    products.is_some_and(|products| products.contains(&selection.product))
}

/// A report to be printed.
pub struct Told<'a> {
    /// What the scan said.
    pub report: &'a Report,
    /// What was scanned.
    pub subject: Subject<'a>,
    /// The file that stands for the image as a whole, where findings are told by files.
    pub place: &'a str,
}

/// Prints reports.
pub fn print(format: ScanFormat, told: &[Told]) {
    let titled = || told.iter().map(|told| (told.subject, told.report)).collect::<Vec<_>>();
    match format {
        ScanFormat::Json => ui::print(&scan::json(&titled())),
        ScanFormat::Sarif => ui::print(&scan::sarif(&told.iter().map(|told| (told.report, told.place)).collect::<Vec<_>>())),
        ScanFormat::Junit => ui::print(&scan::junit(&titled())),
        ScanFormat::Html => ui::print(&scan::html(&titled())),
        ScanFormat::Text => told.iter().for_each(|told| ui::print(&scan::render(told.report))),
    }
}
