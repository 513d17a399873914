//! `bakehouse sbom PRODUCT [VERSION]`: what a release is made of, from the ledger alone.

use std::fs::{File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tempfile::NamedTempFile;

use super::context::Context;
use super::selection::{Selection, one};
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
    let variants: Vec<_> = context.known().variants(&args.product).await?.into_iter().map(|variant| (variant, ())).collect();
    let (variant, ()) = one(&variants)?;
    let released = find(context.ledger(), variant, args.version.as_ref()).await.map_err(|failure| match failure {
        Failure::Other { what, .. } if args.version.is_none() => {
            Failure::other(what, format!("bakehouse scan {} --write-sbom FILE writes one of an image that is not released", args.product))
        }
        other => other,
    })?;
    let none =
        || Failure::other(format!("no report is kept of the scan of {}", released.version), "bakehouse scan makes a new one of its image");
    let report = context.ledger().report(variant, &released.version, &released.run, &released.release.scan).await?.ok_or_else(none)?;
    let version = released.version.to_string();
    ui::print(&text(&report, &Subject { name: variant.product.as_str(), version: Some(&version) }, args.format));
    Ok(())
}

/// Where a bill of materials is to be written: a file is there only once it is whole.
pub enum SbomFile {
    /// It lies beside its place until then.
    Beside {
        /// What is written, gone if nobody moves it.
        file: NamedTempFile,
        /// Its place.
        place: PathBuf,
    },
    /// What is no file, such as a pipe, takes it as it comes.
    Stream {
        /// It.
        stream: File,
        /// Its name.
        place: PathBuf,
    },
}

impl SbomFile {
    /// Makes sure that it can be written.
    ///
    /// # Errors
    ///
    /// A folder that is missing or may not be written to; what is no file and can't be opened.
    pub fn prepare(path: &Path) -> Result<Self, Failure> {
        let place = path.to_owned();
        if let Some(what) = other_content(path) {
            return Err(Failure::other(
                format!("{} is there and {what}; nothing was done", path.display()),
                "name another file: a bill of materials replaces an earlier one, and nothing else",
            ));
        }
        let is_stream = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
        let prepared = if is_stream {
            File::options().write(true).open(path).map(|stream| Self::Stream { stream, place })
        } else {
            // A link stays, and what it leads to is replaced.
            let place = place.canonicalize().unwrap_or(place);
            let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let readable_as_any = Permissions::from_mode(0o666);
            let file = tempfile::Builder::new().prefix(".bakehouse-").permissions(readable_as_any).tempfile_in(folder);
            file.map(|file| Self::Beside { file, place })
        };
        prepared.map_err(|error| unwritable(path, &error))
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// When it can't be written after all.
    pub fn write(self, report: &Report, subject: &Subject, format: SbomFormat) -> Result<(), Failure> {
        let text = text(report, subject, format);
        let (written, place) = match self {
            Self::Beside { mut file, place } => {
                let written = file.write_all(text.as_bytes());
                (written.and_then(|()| file.persist(&place).map(drop).map_err(|error| error.error)), place)
            }
            Self::Stream { mut stream, place } => (stream.write_all(text.as_bytes()), place),
        };
        written.map_err(|error| unwritable(&place, &error))
    }
}

/// Says what a file is that is no document in JSON: not one that a bill may take the place of.
fn other_content(path: &Path) -> Option<&'static str> {
    let mut head = [0; 256];
    let file = std::fs::metadata(path).ok().filter(|found| found.is_file() && found.len() > 0)?;
    let most = file.len().min(head.len() as u64);
    let read = File::open(path).and_then(|file| file.take(most).read(&mut head));
    match read {
        Ok(length) => {
            (head[..length].iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{')).then_some("holds no bill of materials")
        }
        Err(_) => Some("can't be looked into"),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("{} can't be written: {error}", path.display()), "name another file")
}

/// Writes a bill of materials as JSON for people too.
fn text(report: &Report, subject: &Subject, format: SbomFormat) -> String {
    let format = match format {
        SbomFormat::Cyclonedx => scan::SbomFormat::CycloneDx,
        SbomFormat::Spdx => scan::SbomFormat::Spdx,
    };
    format!("{:#}\n", scan::sbom(report, subject, format))
}
