//! The TARGET of `bakehouse scan`: whatever holds a machine's disk, and is no product's last image.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::context::{Connected, target, workspace};
use super::selection::{Selection, Variants};
use crate::advisories::Database;
use crate::advisories::vex::{LARGEST_DOCUMENT_BYTES, Statements};
use crate::cli::Global;
use crate::clock::Clock;
use crate::disk::{self, BackingFiles, FileTree, Folder, LocalError, Qcow2Error};
use crate::engine::{self, EngineError, Observer};
use crate::failure::{Failure, with_causes};
use crate::model::ids::{ImageId, Region, SnapshotId};
use crate::model::product::{Product, ScanPolicy, VexDocument, VulnerabilityPolicy};
use crate::model::report::{Report, Severity};
use crate::model::waiver::WaiverOptions;
use crate::scan::{self, ImageFacts, Progress, Scan};
use crate::ui::{self, Ui};

/// What is scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanTarget {
    /// A product's image: what was baked last, or the last release.
    Product(Selection),
    /// An AMI.
    Image(ImageId),
    /// An EBS snapshot.
    Snapshot(SnapshotId),
    /// A disk in a file, or a folder that holds a root file system.
    Local(PathBuf),
}

impl FromStr for ScanTarget {
    type Err = String;

    /// A path has a slash in it, or is none of the other forms.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_path = text.contains('/') || text == "." || text == "..";
        if let (false, Ok(image)) = (is_path, text.parse()) {
            return Ok(Self::Image(image));
        }
        if let (false, Ok(snapshot)) = (is_path, text.parse()) {
            return Ok(Self::Snapshot(snapshot));
        }
        match text.parse() {
            Ok(selection) if !is_path => Ok(Self::Product(selection)),
            _ if text.is_empty() => Err("expected a product, ami-…, snap-…, a disk in a file or a folder".to_owned()),
            _ => Ok(Self::Local(PathBuf::from(text))),
        }
    }
}

/// What a target that is no product's is judged by.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The product whose manifest says it; the usual, where there is none.
    pub product: Option<Selection>,
    /// The account that buyers log in to.
    pub login_user: Option<String>,
    /// The port that AWS's scanner logs in on.
    pub scanning_port: Option<u16>,
    /// Where an image or a snapshot is.
    pub region: Option<Region>,
    /// The severity from which on findings fail.
    pub fail_on: Option<Severity>,
    /// How many days old advisories may be.
    pub max_age_days: Option<u32>,
    /// What is said of flaws, beside what the manifest names.
    pub vex: Vec<VexDocument>,
    /// Whether other files may be opened because a disk's file names them.
    pub backing_files: BackingFiles,
    /// Whether what no file holds is searched, whatever the manifest says.
    pub unallocated: bool,
    /// How much of what is read of snapshots is kept for the next scan, in GiB; 0 removes what is kept.
    pub keep_blocks_gib: Option<u64>,
    /// What the command line says of the manifest's waivers.
    pub waivers: WaiverOptions,
    /// What is published of flaws, if there is a database of it.
    pub advisories: Option<Arc<Database>>,
}

impl Terms {
    /// Returns what it comes to.
    ///
    /// # Errors
    ///
    /// A product whose manifest can't be read.
    pub(super) fn request(&self, global: &Global) -> Result<Scan, Failure> {
        let now = Clock::System.now();
        let usual = || Scan { waivers: self.waivers, ..Scan::by_policy(ScanPolicy::failing_on(Severity::High), now) };
        let request = match &self.product {
            Some(selection) => Scan::of(&product(global, selection)?, self.waivers, now),
            None => usual(),
        };
        let mut policy = request.policy;
        policy.unallocated |= self.unallocated;
        policy.fail_on = self.fail_on.unwrap_or(policy.fail_on);
        policy.vulnerabilities.max_age_days = self.max_age_days.unwrap_or(policy.vulnerabilities.max_age_days);
        policy.vex.extend(self.vex.iter().cloned());
        Ok(Scan {
            policy,
            login_user: self.login_user.clone().or(request.login_user),
            scanning_port: self.scanning_port.unwrap_or(request.scanning_port),
            advisories: self.advisories.clone(),
            ..request
        })
    }

    /// Tells whether anything was said that a product's own manifest says.
    pub fn is_given(&self) -> bool {
        self.product.is_some()
            || self.login_user.is_some()
            || self.scanning_port.is_some()
            || self.region.is_some()
            || self.fail_on.is_some()
            || self.max_age_days.is_some()
            || !self.vex.is_empty()
            || self.backing_files == BackingFiles::Allowed
    }
}

/// Takes the name of a severity.
pub fn severity(text: &str) -> Result<Severity, String> {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|severity| severity.as_str() == text).ok_or_else(|| "one of low, medium, high, critical".to_owned())
}

/// Takes days, as a manifest has them: `7d`.
pub fn days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix('d').and_then(|digits| digits.parse().ok());
    days.filter(|days| (1..=VulnerabilityPolicy::MOST_DAYS).contains(days))
        .ok_or_else(|| format!("days such as 7d, at most {}d", VulnerabilityPolicy::MOST_DAYS))
}

/// Reads VEX documents. What of one that can be read holds for nothing is for the scan to tell.
///
/// # Errors
///
/// When one can't be read, or is none.
pub fn documents(files: &[PathBuf]) -> Result<Vec<VexDocument>, Failure> {
    let mut statements = Statements::default();
    let document = |file: &PathBuf| {
        let path = file.display().to_string();
        let wrong = |why: String| Failure::other(why, "--vex names an OpenVEX or a CSAF 2.0 VEX document, JSON");
        let mut bytes = Vec::new();
        // A device tells no size, and has no end.
        let read = File::open(file).and_then(|file| file.take(LARGEST_DOCUMENT_BYTES as u64 + 1).read_to_end(&mut bytes));
        if read.map_err(|error| wrong(format!("{path} can't be read: {error}")))? > LARGEST_DOCUMENT_BYTES {
            return Err(wrong(format!("{path} has more than {} MiB", LARGEST_DOCUMENT_BYTES >> 20)));
        }
        let text = String::from_utf8(bytes).map_err(|error| wrong(format!("{path} can't be read: {error}")))?;
        statements.read(&path, text.as_bytes()).map_err(|error| wrong(ui::harmless(&error.to_string()).into_owned()))?;
        Ok(VexDocument { path, text })
    };
    files.iter().map(document).collect()
}

/// The product that a disk is judged as; its first variant, if it has several.
fn product(global: &Global, selection: &Selection) -> Result<Product, Failure> {
    let workspace = workspace(global)?;
    super::context::known_product(&workspace, &selection.product)?;
    let loaded = workspace.load(&selection.product, target(global, &workspace), None).map_err(Failure::Manifest)?;
    let variants = Variants::choose(loaded, selection)?;
    let first = variants.chosen().next().cloned();
    first.ok_or_else(|| Failure::other(format!("{selection} has no variant"), format!("bakehouse check {}", selection.product)))
}

/// Scans an image by its id.
///
/// # Errors
///
/// No workspace, no credentials, no such image; blocks that AWS doesn't give.
pub async fn image(global: &Global, id: &ImageId, terms: &Terms) -> Result<Report, Failure> {
    let request = terms.request(global)?;
    let region = terms.region.clone().unwrap_or_else(Region::marketplace);
    let connected = Connected::open(global).await?.keep_blocks(terms.keep_blocks_gib)?;
    let described = connected.reader.image(&region, id).await?;
    let described = described.ok_or_else(|| absent(&format!("image {id}"), &region, terms))?;
    let snapshots = described.image.snapshots.clone();
    if snapshots.is_empty() {
        return Err(Failure::other(format!("{id} has no snapshot to read: its root is no EBS volume"), "scan an image with an EBS root"));
    }
    let request = Scan { image: Some(ImageFacts::from(&described)), snapshots, ..request };
    read(global, &connected, &region, request).await
}

/// Scans a snapshot by its id.
///
/// # Errors
///
/// No workspace, no credentials, no such snapshot; blocks that AWS doesn't give.
pub async fn snapshot(global: &Global, id: &SnapshotId, terms: &Terms) -> Result<Report, Failure> {
    let request = Scan { snapshots: vec![id.clone()], ..terms.request(global)? };
    let region = terms.region.clone().unwrap_or_else(Region::marketplace);
    let connected = Connected::open(global).await?.keep_blocks(terms.keep_blocks_gib)?;
    let is_absent = |error: &EngineError| error.code().as_deref() == Some("ResourceNotFoundException");
    read(global, &connected, &region, request).await.map_err(|failure| match failure {
        Failure::Engine(error) if is_absent(&error) => absent(&format!("snapshot {id}"), &region, terms),
        failure => failure,
    })
}

async fn read(global: &Global, connected: &Connected, region: &Region, request: Scan) -> Result<Report, Failure> {
    let observer: Arc<dyn Observer> = Arc::new(Ui::of(global));
    Ok(engine::scan_snapshots(&connected.reader, &observer, region, request).await?)
}

fn absent(what: &str, region: &Region, terms: &Terms) -> Failure {
    let hint = match terms.region {
        Some(_) => "see that the id, the Region and the account are right",
        None => "--region says where it is; see that the id and the account are right",
    };
    Failure::other(format!("there is no {what} in {region} that the account may see"), hint)
}

/// Scans a disk in a file, or a folder that holds a root file system.
///
/// # Errors
///
/// When there is nothing of that name, or it can't be opened.
pub async fn local(global: &Global, path: &Path, terms: &Terms) -> Result<Report, Failure> {
    let request = terms.request(global)?;
    let (path, allowed, ui) = (path.to_owned(), terms.backing_files, Ui::of(global));
    if terms.keep_blocks_gib.is_some() {
        ui.say("note: --keep-blocks does nothing here: it is for snapshots, and nothing is kept of what lies on this machine");
    }
    let scanned = tokio::task::spawn_blocking(move || local_blocking(&path, allowed, request, &ui)).await;
    scanned.map_err(|error| Failure::other(format!("the scan broke off: {error}"), "report this as a defect of bakehouse"))?
}

fn local_blocking(path: &Path, backing: BackingFiles, request: Scan, ui: &Ui) -> Result<Report, Failure> {
    let progress = |progress: Progress| ui.note(progress.into());
    let found = std::fs::metadata(path).map_err(|error| {
        let hint = "a target is a product, ami-…, snap-…, a disk in a file or a folder with a root file system";
        Failure::other(format!("{} can't be scanned: {error}", path.display()), hint)
    })?;
    if found.is_dir() {
        return Ok(scan::scan_tree(&|| FileTree::new(Box::new(Folder::new(path))), &request, &progress));
    }
    let disk = disk::open_local(path, backing).map_err(|error| {
        let hint = match &error {
            LocalError::Qcow2 { source: Qcow2Error::BackingFile { .. }, .. } => {
                Some("--backing-files lets it be opened, if you trust whoever made the image")
            }
            LocalError::Qcow2 { source: Qcow2Error::Encrypted { .. }, .. } => Some(
                "decrypt it first, by whoever has its key: qemu-img convert --object secret,id=key,file=KEY-FILE \
                 --image-opts driver=qcow2,encrypt.key-secret=key,file.filename=FILE -O qcow2 PLAIN.qcow2",
            ),
            LocalError::Open { .. } | LocalError::Read { .. } => Some("see that you may read it"),
            // What can't be read says itself what would help.
            _ => None,
        };
        Failure::Other { what: with_causes(&error), hint: hint.map(str::to_owned) }
    })?;
    Ok(scan::scan(&[disk.source], &Scan { doubts: disk.doubts, cut_off: disk.cut_off, ..request }, &progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart_by_their_form() {
        let target = |text: &str| text.parse::<ScanTarget>().unwrap();
        assert!(matches!(target("hello-web"), ScanTarget::Product(_)));
        assert!(matches!(target("hello-web.arm64"), ScanTarget::Product(_)));
        assert!(matches!(target("ami-0123456789abcdef0"), ScanTarget::Image(_)));
        assert!(matches!(target("snap-0123456789abcdef0"), ScanTarget::Snapshot(_)));
        for path in ["./hello-web", "/mnt", "disk.img", "Disk", "a/ami-0123456789abcdef0", ".", "disk_1.raw"] {
            assert_eq!(target(path), ScanTarget::Local(path.into()));
        }
        assert!("".parse::<ScanTarget>().is_err());
    }

    #[test]
    fn what_no_manifest_tells_the_command_line_does() {
        assert_eq!((severity("medium"), days("30d")), (Ok(Severity::Medium), Ok(30)));
        for wrong in ["", "7", "0d", "366d", "-1d", "7h"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
        assert!(severity("none").is_err());
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let vex = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/1", "author": "A", "version": 1,
            "timestamp": "2026-11-20T12:00:00Z", "statements": []}"#;
        let documents_of = |path: PathBuf| documents(&[path]);
        assert_eq!(documents_of(write("vex.json", vex)).unwrap().len(), 1);
        for (path, why) in [
            (write("other.json", "{}"), "neither OpenVEX"),
            (folder.path().join("none.json"), "No such file"),
            (PathBuf::from("/dev/zero"), "more than 64 MiB"),
        ] {
            let refused = documents_of(path).unwrap_err().render(false);
            assert!(refused.contains(why) && refused.contains("--vex names"), "{refused}");
        }
    }
}
