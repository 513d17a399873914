//! What the twin remembers: everything but the blocks of its disks.
//!
//! Plain data, written whole as JSON after each change. Times that lie ahead (`ready_at`) are how
//! asynchronous things become ready: a state is computed from the time, never stored twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::consistency::Unsettled;
use super::limits;
use crate::model::digest::Digest;
use crate::model::ids::{AccountId, Region};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Everything the twin remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The format of the state file: 2.
    pub format: u32,
    /// The account that all callers belong to.
    pub account: AccountId,
    /// The one access key that is valid.
    pub access_key_id: String,
    /// Its secret; good for this twin alone.
    pub secret_access_key: String,
    /// Ids are the digest of this seed and a counter, so that a test can fix them.
    pub seed: String,
    /// Counts the ids given out.
    pub ids: u64,
    /// What lies in each Region.
    pub regions: BTreeMap<Region, RegionState>,
    /// What the account was given of quotas, by their names; the others are at their defaults.
    #[serde(default)]
    pub quotas: BTreeMap<String, u64>,
    /// IAM roles by ARN (roles are global).
    pub roles: BTreeMap<String, Role>,
    /// Credentials that were given out for roles, by access key id.
    #[serde(default)]
    pub sessions: BTreeMap<String, Session>,
    /// What the caller may not do, as `service:Operation`.
    #[serde(default)]
    pub denied: BTreeSet<String>,
    /// Marketplace entities and change sets (us-east-1 alone). Owned by `twin::catalog`.
    pub catalog: super::catalog::Catalog,
    /// S3's buckets. Owned by `twin::s3`.
    #[serde(default)]
    pub s3: super::s3::Buckets,
}

impl State {
    /// Makes the state of a new twin: an account, its credentials, one bucket, nothing else in any Region.
    ///
    /// Regions come into being when first used; the ingestion role is there from the start.
    pub fn new(seed: Option<String>) -> Self {
        let seed = seed.unwrap_or_else(|| {
            let mut random = [0; 16];
            getrandom::fill(&mut random).expect("the system gives random bytes");
            hex::encode(random)
        });
        let digits = |what: &str, count: usize| -> String {
            Digest::of_parts([seed.as_bytes(), what.as_bytes()]).as_bytes().iter().map(|b| char::from(b'0' + b % 10)).take(count).collect()
        };
        let account: AccountId = format!("1{}", digits("account", 11)).parse().expect("twelve digits");
        let role = Role {
            trusts: BTreeSet::from(["assets.marketplace.amazonaws.com".to_owned()]),
            policies: BTreeSet::from(["arn:aws:iam::aws:policy/AWSMarketplaceAmiIngestion".to_owned()]),
        };
        Self {
            format: 2,
            access_key_id: format!("AKIA{}", &Digest::of_parts([seed.as_bytes(), b"access key"]).to_hex().to_uppercase()[..16]),
            secret_access_key: Digest::of_parts([seed.as_bytes(), b"secret"]).to_hex()[..40].to_owned(),
            // As much as an account has that is not new.
            quotas: BTreeMap::from([(limits::STANDARD_VCPUS.name.to_owned(), 32)]),
            roles: BTreeMap::from([(format!("arn:aws:iam::{account}:role/AWSMarketplaceAmiIngestion"), role)]),
            sessions: BTreeMap::new(),
            denied: BTreeSet::new(),
            account,
            seed,
            ids: 0,
            regions: BTreeMap::new(),
            catalog: super::catalog::Catalog::default(),
            s3: super::s3::Buckets::first(),
        }
    }

    /// Gives out a new resource id: the prefix and 17 hexadecimal digits.
    pub fn new_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.new_token(17))
    }

    /// Gives out `length` (at most 64) hexadecimal digits that were never given out before.
    pub fn new_token(&mut self, length: usize) -> String {
        self.ids += 1;
        Digest::of_parts([self.seed.as_bytes(), &self.ids.to_le_bytes()]).short(length)
    }
}

/// Credentials of a role that was taken on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The secret that requests are signed with.
    pub secret_access_key: String,
    /// What goes along with each request.
    pub token: String,
    /// `arn:aws:sts::…:assumed-role/Role/name`
    pub arn: String,
    /// When they end.
    pub ends_at: Timestamp,
}

/// An IAM role as far as the Marketplace's ingestion looks at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    /// Who may take it on: services such as `assets.marketplace.amazonaws.com`, accounts as `arn:aws:iam::…:root`.
    pub trusts: BTreeSet<String>,
    /// ARNs of attached managed policies.
    pub policies: BTreeSet<String>,
}

/// What lies in one Region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RegionState {
    /// Images by id, other owners' public ones among them.
    pub images: BTreeMap<String, Image>,
    /// Snapshots by id.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// Volumes by id.
    pub volumes: BTreeMap<String, Volume>,
    /// Instances by id; terminated ones stay for an hour.
    pub instances: BTreeMap<String, Instance>,
    /// Security groups by id; the default one is made with the Region.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Key pairs by name.
    #[serde(default)]
    pub key_pairs: BTreeMap<String, KeyPair>,
    /// The default VPC's id.
    pub vpc: String,
    /// Subnets by id (all of the default VPC).
    pub subnets: BTreeMap<String, Subnet>,
    /// SSM parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Whether new volumes and snapshots are encrypted unless told otherwise.
    pub encrypt_by_default: bool,
    /// Whether images can't be made public any more.
    #[serde(default)]
    pub block_public_images: bool,
    /// How far snapshots can't be public: `block-all-sharing` or `block-new-sharing`; not at all when absent.
    #[serde(default)]
    pub block_public_snapshots: Option<String>,
    /// Client tokens of EC2: token to (digest of the parameters, id of what was made).
    pub client_tokens: BTreeMap<String, ClientToken>,
    /// Client tokens of EBS direct's StartSnapshot, likewise.
    pub snapshot_tokens: BTreeMap<String, ClientToken>,
    /// Uploads that are not yet complete, by the snapshot's id.
    #[serde(default)]
    pub uploads: BTreeMap<String, Upload>,
    /// What is not yet seen by everybody, by its id.
    #[serde(default)]
    pub unsettled: BTreeMap<String, Unsettled>,
}

/// An upload through EBS direct that is not yet complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upload {
    /// Minutes without a block after which it is given up.
    pub timeout_minutes: u32,
    /// When it was started or got a block, to the minute.
    pub touched: Timestamp,
}

/// What a client token was used for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientToken {
    /// Operation and digest of its parameters, to tell reuse with other parameters.
    pub parameters: Digest,
    /// Id of what was made.
    pub made: String,
}

/// An AMI.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// `ami-…`
    pub id: String,
    /// Unique to owner and Region.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The owner.
    pub owner: AccountId,
    /// Who may launch it besides the owner.
    pub launch_permissions: BTreeSet<String>,
    /// Whether everybody may launch it.
    pub public: bool,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Such as `/dev/xvda`.
    pub root_device: String,
    /// Block devices in order.
    pub devices: Vec<BlockDevice>,
    /// `legacy-bios`, `uefi`, `uefi-preferred`, or none given.
    pub boot_mode: Option<String>,
    /// The ENA flag.
    pub ena_support: bool,
    /// `v2.0` once set; can't be unset.
    pub imds_support: Option<String>,
    /// Marketplace product codes.
    pub product_codes: BTreeSet<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Before this it is `pending`, then `available`.
    pub ready_at: Timestamp,
    /// Set when it failed: the reason.
    pub failed: Option<String>,
    /// The instance or image it was made from.
    pub source: Option<String>,
    /// The Region of the image it was copied from.
    pub source_region: Option<Region>,
    /// Tags.
    pub tags: Tags,
}

/// A block device of an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockDevice {
    /// Such as `/dev/xvda`.
    pub name: String,
    /// Its snapshot.
    pub snapshot: String,
    /// Size in GiB.
    pub size_gib: u64,
    /// `gp3`, `gp2`…
    pub volume_type: String,
    /// Whether the volume goes with the instance.
    pub delete_on_termination: bool,
}

/// An EBS snapshot. Its blocks lie in the block store, its block map in a file of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// `snap-…`
    pub id: String,
    /// Free text.
    pub description: String,
    /// The owner.
    pub owner: AccountId,
    /// The volume it was made from; `vol-ffffffff` for copies and uploads, as on AWS.
    pub volume: String,
    /// Size of the disk in GiB.
    pub size_gib: u64,
    /// Whether it is encrypted (the twin keeps the blocks in the clear; what counts is the refusal).
    pub encrypted: bool,
    /// The key, when encrypted.
    pub kms_key: Option<String>,
    /// The snapshot that its blocks come from: that which an upload builds on, or which its volume was made from.
    pub parent: Option<String>,
    /// The snapshot it was copied from.
    #[serde(default)]
    pub copied_from: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// `None` while an upload is open; then `pending` before this time, `completed` after.
    pub ready_at: Option<Timestamp>,
    /// Set when it failed: the reason.
    pub failed: Option<String>,
    /// Accounts that may read it besides the owner.
    pub readers: BTreeSet<String>,
    /// Whether everybody may read it.
    pub public: bool,
    /// Tags.
    pub tags: Tags,
}

/// An EBS volume: a sparse file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Volume {
    /// `vol-…`
    pub id: String,
    /// Size in GiB.
    pub size_gib: u64,
    /// `gp3`, `gp2`…
    pub volume_type: String,
    /// The snapshot it was made from.
    pub snapshot: Option<String>,
    /// The availability zone.
    pub zone: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key, when encrypted.
    pub kms_key: Option<String>,
    /// The instance it is attached to, and as which device.
    pub attachment: Option<Attachment>,
    /// When it was made.
    pub created: Timestamp,
    /// Tags.
    pub tags: Tags,
}

/// Where a volume is attached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attachment {
    /// `i-…`
    pub instance: String,
    /// Such as `/dev/xvda`.
    pub device: String,
    /// Whether the volume goes with the instance.
    pub delete_on_termination: bool,
}

/// An instance's life, in EC2's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Being started.
    Pending,
    /// Running.
    Running,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// Being ended.
    ShuttingDown,
    /// Ended.
    Terminated,
}

/// An EC2 instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// `r-…`
    pub reservation: String,
    /// The image it was started from.
    pub image: String,
    /// Such as `t3.small`.
    pub instance_type: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Boot mode, from the image.
    pub boot_mode: Option<String>,
    /// The ENA flag, from the image.
    pub ena_support: bool,
    /// Marketplace product codes, from the image.
    pub product_codes: BTreeSet<String>,
    /// The client token it was started with.
    pub client_token: Option<String>,
    /// Its root device's name.
    pub root_device: String,
    /// Where it stands.
    pub state: InstanceState,
    /// When `Pending`, `Stopping` and `ShuttingDown` end at the earliest.
    pub settles_at: Timestamp,
    /// EC2's code and text for the last change, such as `Client.UserInitiatedShutdown`.
    pub state_reason: Option<(String, String)>,
    /// Whether a power-off from within ends it (`terminate`) or stops it (`stop`).
    pub terminate_on_shutdown: bool,
    /// User data as given, decoded from base64.
    #[serde(with = "base64_bytes")]
    pub user_data: Vec<u8>,
    /// Whether the metadata service answers at all.
    pub imds_enabled: bool,
    /// Whether the metadata service demands tokens.
    pub imds_tokens_required: bool,
    /// The metadata service's hop limit.
    pub imds_hop_limit: u8,
    /// Key pair's name and public key, if one was given.
    pub key: Option<(String, String)>,
    /// Security groups' ids.
    pub security_groups: Vec<String>,
    /// Its subnet.
    pub subnet: String,
    /// Its private address.
    pub private_ip: String,
    /// Its public address, if it has one.
    pub public_ip: Option<String>,
    /// Its network card's address.
    pub mac: String,
    /// The availability zone.
    pub zone: String,
    /// When it was started.
    pub launched: Timestamp,
    /// The volumes attached, by device.
    pub volumes: BTreeMap<String, String>,
    /// The machine that runs it, as `twin::machines` left it; absent unless one was started.
    pub machine: Option<serde_json::Value>,
    /// Tags.
    pub tags: Tags,
}

/// A security group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Unique to its VPC.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its VPC.
    pub vpc: String,
    /// What may come in.
    pub ingress: Vec<Rule>,
    /// What may go out; a new group lets everything out.
    pub egress: Vec<Rule>,
    /// Tags.
    pub tags: Tags,
}

/// A rule of a security group, for one peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// `sgr-…`
    pub id: String,
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    /// First port, or ICMP type; none for all protocols.
    pub from_port: Option<i32>,
    /// Last port, or ICMP code.
    pub to_port: Option<i32>,
    /// The other side.
    pub peer: Peer,
    /// Free text.
    pub description: Option<String>,
}

/// The other side of a security group's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// A range of IPv4 addresses.
    Ipv4(String),
    /// A range of IPv6 addresses.
    Ipv6(String),
    /// The members of a group.
    Group(String),
}

/// The public half of a key pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyPair {
    /// `key-…`
    pub id: String,
    /// Unique to the Region.
    pub name: String,
    /// `rsa` or `ed25519`.
    pub kind: String,
    /// The public key, as `authorized_keys` has it.
    pub public_key: String,
    /// As EC2 computes it.
    pub fingerprint: String,
    /// When it was made or imported.
    pub created: Timestamp,
    /// Tags.
    pub tags: Tags,
}

/// A subnet of the default VPC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// Its range.
    pub cidr: String,
}

/// An SSM parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, with slashes.
    pub name: String,
    /// `String`, `StringList`, `SecureString`.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Counts its changes from 1.
    pub version: u64,
    /// `text` or `aws:ec2:image`.
    pub data_type: String,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
