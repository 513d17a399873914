//! `bakehouse verify PRODUCT [VERSION]`: read the snapshots back and compare.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::selection::{Selection, each};
use super::show::find;
use crate::cli::{Format, Global};
use crate::engine::{self, Observer, Whole};
use crate::failure::Failure;
use crate::model::count::counted;
use crate::model::digest::DiskDigests;
use crate::model::ids::{ImageId, SnapshotId, Variant};
use crate::model::version::Version;
use crate::release::Released;
use crate::ui;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// The version [default: the latest]
    pub version: Option<Version>,
    /// Print SHA-256 of the whole disk too, zeros included (what `sha256sum` says of the raw disk)
    #[arg(long)]
    pub whole: bool,
    /// How to write what was read
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What was read back of a release.
#[derive(Debug, Serialize)]
struct Verified {
    variant: String,
    version: Version,
    image: ImageId,
    snapshots: BTreeMap<SnapshotId, Compared>,
}

/// A snapshot as it is, and whether it is as it was.
#[derive(Debug, Serialize)]
struct Compared {
    /// `null` when the snapshot is in the record and was not found.
    found: Option<DiskDigests>,
    recorded: DiskDigests,
    as_recorded: bool,
}

/// Reads every block of the release's snapshots and compares their digests with the record.
///
/// # Errors
///
/// [`Failure::Mismatch`] when they differ.
pub async fn run(global: &Global, args: &VerifyArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let variants = context.known().variants(&args.product).await?;
    let whole = if args.whole { Whole::Digest } else { Whole::Skip };
    let (verified, end) = each(&variants, async |variant| {
        let released = find(context.ledger(), variant, args.version.as_ref()).await?;
        verify(&context, variant, &released, whole).await
    })
    .await;
    match args.format {
        Format::Json => ui::print(&ui::document(&verified)),
        Format::Text => verified.iter().for_each(|verified| ui::print(&verified.text())),
    }
    Failure::all(verified.iter().filter_map(Verified::mismatch).chain(end.err()).collect())
}

async fn verify(context: &Context, variant: &Variant, released: &Released, whole: Whole) -> Result<Verified, Failure> {
    let observer: Arc<dyn Observer> = context.ui.clone();
    let image = &released.release.image;
    let found = engine::checksum_image(context.reader(), &observer, &image.region, &image.snapshots, whole).await?;
    let compared = |snapshot: &SnapshotId, recorded: &DiskDigests| {
        let found = found.get(snapshot).cloned();
        let same = |now: &DiskDigests| (now.disk, now.size_bytes, now.blocks) == (recorded.disk, recorded.size_bytes, recorded.blocks);
        Compared { as_recorded: found.as_ref().is_some_and(same), found, recorded: recorded.clone() }
    };
    Ok(Verified {
        variant: variant.to_string(),
        version: released.version.clone(),
        image: image.id.clone(),
        snapshots: released.release.digests.iter().map(|(id, recorded)| (id.clone(), compared(id, recorded))).collect(),
    })
}

impl Verified {
    fn text(&self) -> String {
        let mut lines = vec![format!("{} {}  {}", self.variant, self.version, self.image)];
        for (snapshot, Compared { found, recorded, as_recorded }) in &self.snapshots {
            let Some(now) = found else {
                lines.push(format!("{snapshot}  not found; recorded is {}", recorded.disk));
                continue;
            };
            let verdict = if *as_recorded { "as recorded".to_owned() } else { format!("RECORDED IS {}", recorded.disk) };
            lines.push(format!("{snapshot}  {}  {}, {verdict}", now.disk, counted(now.blocks, "block")));
            if let Some(whole) = &now.whole {
                lines.push(format!("{snapshot}  {whole}  whole disk of {} bytes", now.size_bytes));
            }
        }
        lines.join("\n")
    }

    fn mismatch(&self) -> Option<Failure> {
        let differing: Vec<&str> = self.snapshots.iter().filter(|(_, c)| !c.as_recorded).map(|(id, _)| id.as_str()).collect();
        let what = format!("{} {}: {}", self.variant, self.version, differing.join(", "));
        (!differing.is_empty()).then_some(Failure::Mismatch { what })
    }
}
