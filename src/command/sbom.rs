//! `bakehouse sbom PRODUCT [VERSION]`: what a release is made of, from the ledger alone.

use clap::{Args, ValueEnum};

use super::context::Context;
use super::selection::Selection;
use super::show::find;
use crate::cli::Global;
use crate::failure::Failure;
use crate::model::report::Report;
use crate::model::version::Version;
use crate::scan::{self, Subject};
use crate::ui;

/// Arguments of `sbom`.
#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// The version [default: the latest]
    pub version: Option<Version>,
    /// Which form
    #[arg(long, value_enum, default_value_t)]
    pub format: SbomFormat,
}

/// The form of a bill of materials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SbomFormat {
    /// CycloneDX 1.6, JSON.
    #[default]
    Cyclonedx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// Prints the bill of materials of a release, made of the report of its scan.
///
/// # Errors
///
/// No such release; a report that is missing or was changed; several variants.
pub async fn run(global: &Global, args: &SbomArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let variants = context.variants(&args.product)?;
    let chosen: Vec<_> = variants.chosen().collect();
    let [product] = chosen.as_slice() else {
        let names: Vec<String> = chosen.iter().map(|product| product.variant().to_string()).collect();
        return Err(Failure::other("a bill of materials is of one variant", format!("name one of {}", names.join(", "))));
    };
    let released = find(context.ledger(), product, args.version.as_ref()).await?;
    let none =
        || Failure::other(format!("no report is kept of the scan of {}", released.version), "bakehouse scan makes a new one of its image");
    let report =
        context.ledger().report(&product.variant(), &released.version, &released.run, &released.release.scan).await?.ok_or_else(none)?;
    let version = released.version.to_string();
    ui::print(&text(&report, &Subject { name: product.slug.as_str(), version: Some(&version) }, args.format));
    Ok(())
}

/// Writes a bill of materials as JSON for people too.
pub fn text(report: &Report, subject: &Subject, format: SbomFormat) -> String {
    let format = match format {
        SbomFormat::Cyclonedx => scan::SbomFormat::CycloneDx,
        SbomFormat::Spdx => scan::SbomFormat::Spdx,
    };
    format!("{:#}\n", scan::sbom(report, subject, format))
}
