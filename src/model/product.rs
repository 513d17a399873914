//! A product as its manifest describes it, with every file it names already read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::deployment_template::DeploymentTemplate;
use super::digest::Digest;
use super::ids::{AccountId, Architecture, EntityId, ImageId, Region, RoleArn, Slug, SubnetId, Variant};
use super::media::MediaFile;
use super::report::Severity;
use super::waiver::{Family, Waiver};

/// What a vendor sells: one folder in `products/`, for one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    /// The folder's name, and the product's in commands, tags and image names.
    pub slug: Slug,
    /// The vendor's name as image names begin with it (a Marketplace rule).
    pub vendor: String,
    /// What the listing says of the product.
    pub texts: Texts,
    /// What the image is made of.
    pub image: ImageSpec,
    /// What is done to the base, in order.
    pub provision: Vec<Provision>,
    /// Whether pending security updates are installed first.
    pub security_updates: bool,
    /// Where and on what the image is built.
    pub build: Build,
    /// Who gets the image, beside the Marketplace's buyers.
    pub distribution: Distribution,
    /// How an image is tried before it is released.
    pub boot: BootPolicy,
    /// How it is sold.
    pub listing: Listing,
    /// What the scan lets pass.
    pub scan: ScanPolicy,
    /// Tags for everything that is made.
    pub tags: BTreeMap<String, String>,
    /// Digest of the manifest as it holds for this target, workspace defaults included.
    pub manifest_digest: Digest,
    /// Digest of each file that goes into the image, by its path in the product's folder.
    pub inputs: BTreeMap<String, Digest>,
    /// Where each key of the manifest's tables stands, such as `product.title`: for what is found wrong with it later.
    #[serde(skip)]
    pub places: BTreeMap<String, Place>,
    /// The keys, such as `listing.refund-policy`, that only hold a place: [`FILL_IN`] stands above them or in them.
    #[serde(skip)]
    pub to_fill_in: BTreeSet<String>,
}

/// How the comment begins above a key that only holds a place, until somebody fills it in and takes the comment away.
pub const FILL_IN: &str = "# fill in: ";

/// A line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, from the workspace's root, with slashes.
    pub file: String,
    /// The line, from one.
    pub line: usize,
}

impl Product {
    /// Returns the one variant.
    pub fn variant(&self) -> Variant {
        Variant { product: self.slug.clone(), architecture: self.image.architecture }
    }

    /// Returns the files of its folder that the Marketplace fetches from a bucket.
    pub fn media(&self) -> Vec<&MediaFile> {
        let eula = match &self.listing.eula {
            Eula::Custom { file, .. } => file.as_ref(),
            Eula::Standard { .. } => None,
        };
        let templates = self.listing.templates.iter().flat_map(DeploymentTemplate::media);
        self.texts.logo.iter().chain(eula).chain(templates).collect()
    }

    /// Returns the public offer's name; one made of the title unless the manifest has one.
    pub fn offer_name(&self) -> String {
        self.listing.offer.name.clone().unwrap_or_else(|| format!("{}: public offer", self.texts.title))
    }

    /// Returns the public offer's description; one made of the title unless the manifest has one.
    pub fn offer_description(&self) -> String {
        self.listing.offer.description.clone().unwrap_or_else(|| format!("Worldwide public offer of {}", self.texts.title))
    }
}

/// The texts and media of a listing. Source of the limits: Catalog API, `UpdateInformation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// At most 72 characters.
    pub title: String,
    /// At most 1,000 characters.
    pub short_description: String,
    /// At most 5,000 characters.
    pub long_description: String,
    /// One to three, of at most 500 characters.
    pub highlights: Vec<String>,
    /// One to fifteen, together at most 250 characters.
    pub search_keywords: Vec<String>,
    /// One to three of the Marketplace's closed list.
    pub categories: Vec<String>,
    /// The seller's own number; at most 100 characters.
    pub sku: Option<String>,
    /// An S3 URL of a png, jpg or gif: the vendor's own, or where [`Self::logo`] will lie.
    pub logo_url: String,
    /// The logo's file, when it is one of the product's folder.
    pub logo: Option<MediaFile>,
    /// The address of a video.
    pub video_url: Option<String>,
    /// Links: text and URL, at most three.
    pub additional_resources: Vec<Link>,
    /// How a buyer gets support; at most 2,000 characters.
    pub support_description: String,
    /// Whether others' open source is sold with a charge (its short description has a prescribed beginning).
    pub repackaged_open_source: bool,
}

/// A link shown on the listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// At most 500 characters.
    pub text: String,
    /// Its address.
    pub url: String,
}

/// What the image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// The processor architecture.
    pub architecture: Architecture,
    /// The operating system's name in the Marketplace's words: `AMAZONLINUX`, `UBUNTU`, `OTHERLINUX`…
    pub os_name: String,
    /// The version shown to buyers.
    pub os_version: String,
    /// The user that buyers log in as.
    pub login_user: String,
    /// The image that the bake starts from.
    pub base: Base,
    /// Size of the root volume in GiB.
    pub root_volume_size_gib: u32,
    /// Type of the root volume, as EC2 names it: `gp3`, `gp2`.
    pub root_volume_type: String,
    /// How the image starts.
    pub boot_mode: BootMode,
}

/// How an image starts, in EC2's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootMode {
    /// BIOS.
    LegacyBios,
    /// UEFI.
    Uefi,
    /// UEFI where the instance type has it, else BIOS.
    UefiPreferred,
}

impl BootMode {
    /// Returns EC2's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LegacyBios => "legacy-bios",
            Self::Uefi => "uefi",
            Self::UefiPreferred => "uefi-preferred",
        }
    }
}

/// Where a base image is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// By its id.
    Image {
        /// The id, in the build Region.
        id: ImageId,
    },
    /// By a public parameter that holds its id.
    Parameter {
        /// The SSM parameter's name.
        name: String,
    },
    /// The newest image of an owner whose name matches.
    Newest {
        /// An account id, or `amazon`, `self`, `aws-marketplace`.
        owner: String,
        /// A name with `*` and `?`.
        name: String,
    },
}

/// One step of provisioning, its content already read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provision {
    /// Packages from the image's own package manager.
    Packages {
        /// Their names.
        names: Vec<String>,
    },
    /// Shell text of the manifest, run by `sh -eu` as root.
    Shell {
        /// The text.
        run: String,
    },
    /// A script of the product's folder, run as root by what its first line names.
    Script {
        /// Its path in the product's folder.
        path: String,
        /// Its content.
        #[serde(skip)]
        content: Vec<u8>,
    },
    /// Files of the product's folder that are put into the image.
    Files {
        /// In the manifest's order.
        files: Vec<FileCopy>,
    },
}

impl Provision {
    /// Returns a short name for progress and error messages.
    pub fn label(&self) -> String {
        match self {
            Self::Packages { names } => format!("packages {}", names.join(" ")),
            Self::Shell { run } => format!("shell {}", run.lines().find(|l| !l.trim().is_empty()).unwrap_or("").trim()),
            Self::Script { path, .. } => format!("script {path}"),
            Self::Files { files } => format!("files {}", files.iter().map(|f| f.to.as_str()).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// A file that is put into the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileCopy {
    /// Its path in the product's folder.
    pub from: String,
    /// Its absolute path in the image.
    pub to: String,
    /// `user` or `user:group`.
    pub owner: String,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
    /// Its content.
    #[serde(skip)]
    pub content: Vec<u8>,
}

/// Where and on what the image is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The Region; a listing needs us-east-1.
    pub region: Region,
    /// A Nitro instance type of the image's architecture.
    pub instance_type: String,
    /// The subnet; by default the default VPC's.
    pub subnet: Option<SubnetId>,
    /// Whether the instance gets a public address; by default as the subnet says.
    pub public_address: Option<bool>,
    /// After this time the instance powers itself off and the bake has failed.
    pub deadline: Duration,
    /// The bucket that a payload too large for user data goes through.
    pub bucket: Option<String>,
}

/// How an image is started and tried, as a buyer would, before it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootPolicy {
    /// Who logs in.
    pub user: String,
    /// The port that SSH answers on.
    pub port: u16,
    /// What the image is started on.
    pub instance_type: String,
    /// How long it may take from the launch until everything has been tried.
    pub deadline: Duration,
    /// The addresses that the instance's ports are open to, in CIDR notation.
    pub allow_from: String,
    /// What must answer from outside.
    pub checks: Vec<BootCheck>,
    /// Scripts that the login user runs on the instance, in order.
    pub tests: Vec<BootTest>,
}

/// Something of an instance that must answer from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootCheck {
    /// What it is called.
    pub name: String,
    /// The TCP port.
    pub port: u16,
    /// What must answer there.
    pub expects: Expectation,
}

/// What must answer on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// Anything that keeps a connection open.
    Tcp,
    /// A web server.
    Http {
        /// What it is asked for, with its leading slash.
        path: String,
        /// The status that it must answer with.
        status: u16,
        /// What its body must contain.
        contains: Option<String>,
    },
}

/// A script of the product's `tests/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootTest {
    /// Its path in the product's folder.
    pub path: String,
    /// What runs it, as its first line names it.
    pub interpreter: String,
    /// Its content.
    #[serde(skip)]
    pub content: Vec<u8>,
}

/// Who gets the image, beside the Marketplace's buyers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Regions to copy to, for one's own use (the Marketplace copies by itself).
    pub regions: BTreeSet<Region>,
    /// Accounts that may launch the image, and whether each may also read the snapshots.
    pub accounts: BTreeMap<AccountId, ShareSnapshots>,
    /// Whether image and snapshots are shared with AWS Marketplace's account.
    pub share_with_marketplace: bool,
}

/// Whether an account may read the snapshots beside launching the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareSnapshots {
    /// Launch only.
    No,
    /// Snapshots too.
    Yes,
}

/// How the image is sold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The product entity, when there is one already.
    pub product_id: Option<EntityId>,
    /// The role that the Marketplace takes on to copy the image.
    pub access_role: RoleArn,
    /// What a buyer does with the image; at most 4,000 characters.
    pub usage_instructions: String,
    /// One of `instance_types`.
    pub recommended_instance_type: String,
    /// Whether buyers may launch the image by itself.
    pub image_alone: bool,
    /// CloudFormation templates that buyers may launch it by; at most three.
    pub templates: Vec<DeploymentTemplate>,
    /// Ports that the recommended security group opens; none where no image is launched by itself.
    pub security_groups: Vec<SecurityGroupRule>,
    /// Where the software answers, if it does.
    pub access_endpoint: Option<AccessEndpoint>,
    /// The port that AWS's scanner logs in on.
    pub scanning_port: u16,
    /// Instance types on sale.
    pub instance_types: BTreeSet<String>,
    /// Regions on sale.
    pub regions: BTreeSet<Region>,
    /// Whether regions that AWS opens later are added: `All`, `US`, `None`.
    pub future_regions: FutureRegions,
    /// What it costs.
    pub pricing: Pricing,
    /// How long a buyer pays nothing at first; of models with hourly prices alone.
    pub free_trial: Option<FreeTrial>,
    /// What the public offer is called, and where it holds.
    pub offer: PublicOffer,
    /// The licence that buyers accept.
    pub eula: Eula,
    /// At most 500 characters.
    pub refund_policy: String,
    /// Accounts that see a limited product.
    pub allowed_accounts: BTreeSet<AccountId>,
    /// Release notes of the version being made; a template over version and product by default.
    pub release_notes: Option<String>,
}

/// Whether regions that AWS opens later are added by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FutureRegions {
    /// All of them.
    All,
    /// Those in the United States.
    #[serde(rename = "US")]
    Us,
    /// None.
    None,
}

/// A rule of the recommended security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// First port.
    pub from_port: u16,
    /// Last port.
    pub to_port: u16,
    /// One to five CIDR ranges.
    pub ranges: Vec<String>,
}

/// Where the software answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessEndpoint {
    /// `http` or `https`.
    pub protocol: String,
    /// The port.
    pub port: u16,
    /// Path without a leading slash.
    pub path: Option<String>,
}

/// What the product costs. Prices are US dollars, decimal texts as AWS takes them, by instance type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pricing {
    /// By the hour.
    Hourly {
        /// An hour's price.
        rates: BTreeMap<String, String>,
    },
    /// By the hour, or for a year in advance.
    HourlyAnnual {
        /// An hour's price.
        rates: BTreeMap<String, String>,
        /// A year's price.
        annual_rates: BTreeMap<String, String>,
    },
    /// By the hour, and a fee each month.
    HourlyMonthly {
        /// An hour's price.
        rates: BTreeMap<String, String>,
        /// A month's fee, whatever runs.
        monthly_fee: String,
    },
    /// Buyers bring their own licence.
    Byol,
    /// Nothing is to be paid for the software.
    Free,
}

impl Pricing {
    /// Returns the model's name in manifests.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hourly { .. } => "hourly",
            Self::HourlyAnnual { .. } => "hourly-annual",
            Self::HourlyMonthly { .. } => "hourly-monthly",
            Self::Byol => "byol",
            Self::Free => "free",
        }
    }

    /// Returns an hour's price by instance type, for the models that have one.
    pub fn rates(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Hourly { rates } | Self::HourlyAnnual { rates, .. } | Self::HourlyMonthly { rates, .. } => Some(rates),
            Self::Byol | Self::Free => None,
        }
    }
}

/// A time at the beginning in which a buyer pays nothing for the software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeTrial {
    /// 5 to 31.
    pub days: u32,
    /// How much of each instance type is free; without limit unless set.
    pub max_quantity: Option<u32>,
}

/// The words of the public offer, and where it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicOffer {
    /// At most 150 characters; made of the title unless set.
    pub name: Option<String>,
    /// At most 255 characters; made of the title unless set.
    pub description: Option<String>,
    /// The countries whose buyers may accept it, by ISO 3166-1 alpha-2; all of them when empty.
    pub countries: BTreeSet<String>,
}

/// The licence that buyers accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eula {
    /// AWS's standard contract, by its date.
    Standard {
        /// Such as `2022-07-14`.
        version: String,
    },
    /// The vendor's own text.
    Custom {
        /// Its S3 URL: the vendor's own, or where `file` will lie.
        url: String,
        /// The text, when it is a file of the product's folder.
        file: Option<MediaFile>,
    },
}

/// What the scan lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPolicy {
    /// A finding of this severity or a worse one stops the release.
    pub fail_on: Severity,
    /// The same for families of rules that have a threshold of their own.
    pub thresholds: BTreeMap<Family, Severity>,
    /// Findings that are let pass for a while.
    pub waivers: Vec<Waiver>,
    /// Whether what no file holds is searched too: free space and journals, with what was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unallocated: bool,
    /// What it says of vulnerabilities.
    #[serde(default, skip_serializing_if = "VulnerabilityPolicy::is_usual")]
    pub vulnerabilities: VulnerabilityPolicy,
    /// VEX documents that say which flaws aren't the product's, in the order of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vex: Vec<VexDocument>,
}

/// A VEX document of a product's folder, that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VexDocument {
    /// Its path in the product's folder.
    pub path: String,
    /// Its content: OpenVEX or CSAF, JSON.
    pub text: String,
}

/// What a product's policy says of vulnerabilities, beside their family's threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VulnerabilityPolicy {
    /// The most days that advisories may be old; from then on nothing can be said of what they don't know.
    pub max_age_days: u32,
    /// Whether flaws that nobody has mended yet stop a release too.
    pub unfixed: bool,
}

impl Default for VulnerabilityPolicy {
    fn default() -> Self {
        Self { max_age_days: 7, unfixed: false }
    }
}

impl VulnerabilityPolicy {
    /// The most days that advisories may be let be old. Who waits longer doesn't look.
    pub const MOST_DAYS: u32 = 365;

    /// Tells whether a policy said nothing of its own.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl ScanPolicy {
    /// Makes a policy of one threshold for all.
    pub fn failing_on(severity: Severity) -> Self {
        Self {
            fail_on: severity,
            thresholds: BTreeMap::new(),
            waivers: Vec::new(),
            unallocated: false,
            vulnerabilities: VulnerabilityPolicy::default(),
            vex: Vec::new(),
        }
    }
}
