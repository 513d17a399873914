//! What a scan is asked.

use std::sync::Arc;

use jiff::Timestamp;

use crate::advisories::Database;
use crate::model::ids::{Region, Slug, SnapshotId};
use crate::model::image::ImageDescription;
use crate::model::product::{Product, ScanPolicy};
use crate::model::waiver::WaiverOptions;

/// What to judge an image by.
#[derive(Debug, Clone)]
pub struct Scan {
    /// What EC2 says of the image; none for a local disk or a snapshot alone.
    pub image: Option<ImageFacts>,
    /// The product whose image it is; none for what is nobody's.
    pub product: Option<Slug>,
    /// What the product lets pass.
    pub policy: ScanPolicy,
    /// What the command line says of the policy's waivers.
    pub waivers: WaiverOptions,
    /// The time of the scan: end-of-life dates and ages are judged for it.
    pub at: Timestamp,
    /// The account that a buyer logs in to; cloud-init's default user where nobody says.
    pub login_user: Option<String>,
    /// The port that AWS's scanner logs in on.
    pub scanning_port: u16,
    /// The snapshots that are read, root first; empty for a local disk.
    pub snapshots: Vec<SnapshotId>,
    /// Why what is read may be damaged, by what is known of a disk beforehand; lowercase fragments.
    pub doubts: Vec<String>,
    /// Files of the disks that are cut off, by their own account; lowercase fragments.
    pub cut_off: Vec<String>,
    /// What is known of flaws; none if there is no database, which is a finding.
    pub advisories: Option<Arc<Database>>,
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Rules of policy have judged what they read, with so many findings that fail the scan. It says nothing of what advisories
    /// say, which is asked once all packages are known; files are read next.
    Judged {
        /// Findings.
        findings: usize,
        /// Of them, those that fail the scan.
        failing: usize,
    },
    /// Files have been read. Told by any thread, in any order.
    Read {
        /// So many.
        files: u64,
        /// Of so many.
        of: u64,
    },
    /// Space that no file holds has been searched.
    Unallocated {
        /// So far through the disks, in bytes.
        bytes: u64,
        /// Of so many.
        of: u64,
    },
}

impl Scan {
    /// The port that AWS's scanner logs in on where nobody says.
    pub const SSH_PORT: u16 = 22;

    /// Judges what is nobody's by a policy and the usual terms, without advisories.
    pub fn by_policy(policy: ScanPolicy, at: Timestamp) -> Self {
        Self {
            image: None,
            product: None,
            policy,
            waivers: WaiverOptions::default(),
            at,
            login_user: None,
            scanning_port: Self::SSH_PORT,
            snapshots: Vec::new(),
            doubts: Vec::new(),
            cut_off: Vec::new(),
            advisories: None,
        }
    }

    /// Judges a disk as a product's, for a moment.
    pub fn of(product: &Product, waivers: WaiverOptions, at: Timestamp) -> Self {
        Self {
            product: Some(product.slug.clone()),
            waivers,
            login_user: Some(product.image.login_user.clone()),
            scanning_port: product.listing.scanning_port,
            ..Self::by_policy(product.scan.clone(), at)
        }
    }
}

/// What EC2 says of an image, as far as the Marketplace asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Where it is.
    pub region: Region,
    /// `x86_64`, `arm64`…
    pub architecture: String,
    /// `hvm` or `paravirtual`.
    pub virtualization: String,
    /// Whether its root device is an EBS volume.
    pub ebs_root: bool,
    /// Whether any of its snapshots is encrypted.
    pub encrypted: bool,
    /// Whether it has the ENA driver flag.
    pub ena_support: bool,
    /// Marketplace product codes.
    pub product_codes: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl From<&ImageDescription> for ImageFacts {
    fn from(image: &ImageDescription) -> Self {
        Self {
            region: image.image.region.clone(),
            architecture: image.architecture.clone(),
            virtualization: image.virtualization.clone(),
            // An image in an instance store has no snapshot behind its root.
            ebs_root: !image.image.snapshots.is_empty(),
            encrypted: image.encrypted,
            ena_support: image.ena_support,
            product_codes: image.product_codes.clone(),
            created: image.created,
        }
    }
}
