//! `bakehouse verify PRODUCT [VERSION]`: read the snapshots back and compare.

use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::show::find;
use crate::cli::Global;
use crate::engine::{self, Observer, Whole};
use crate::failure::Failure;
use crate::model::ids::Slug;
use crate::model::version::Version;
use crate::ui;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The product
    pub product: Slug,
    /// The version [default: the latest]
    pub version: Option<Version>,
    /// Print SHA-256 of the whole disk too, zeros included (what `sha256sum` says of the raw disk)
    #[arg(long)]
    pub whole: bool,
}

/// Reads every block of the release's snapshots and compares their digests with the record.
///
/// # Errors
///
/// [`Failure::Mismatch`] when they differ.
pub async fn run(global: &Global, args: &VerifyArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let product = context.product(&args.product)?;
    let released = find(&context, &product, args.version.as_ref()).await?;
    let observer: Arc<dyn Observer> = context.ui.clone();
    let whole = if args.whole { Whole::Digest } else { Whole::Skip };
    let image = &released.release.image;
    let found = engine::checksum_image(context.reader(), &observer, &image.region, &image.snapshots, whole).await?;
    for (snapshot, recorded) in &released.release.digests {
        let now = found.get(snapshot).ok_or_else(|| Failure::Mismatch { what: format!("the list of snapshots of {}", image.id) })?;
        if (now.disk, now.size_bytes, now.blocks) != (recorded.disk, recorded.size_bytes, recorded.blocks) {
            return Err(Failure::Mismatch { what: format!("{snapshot} ({} instead of {})", now.disk, recorded.disk) });
        }
        ui::print(&format!("{snapshot}  {}  {} blocks as recorded", now.disk, now.blocks));
        if let Some(whole) = &now.whole {
            ui::print(&format!("{snapshot}  {whole}  whole disk of {} bytes", now.size_bytes));
        }
    }
    Ok(())
}
