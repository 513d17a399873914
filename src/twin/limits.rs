//! Quotas: how much of something an account may have, a Region.

use super::state::State;

/// A quota, as Service Quotas lists it.
#[derive(Debug, PartialEq, Eq)]
pub struct Quota {
    /// The service's code, such as `ec2`.
    pub service: &'static str,
    /// The quota's code, where one is published.
    pub code: Option<&'static str>,
    /// The quota's name.
    pub name: &'static str,
    /// What an account has unless it was given more.
    pub default: u64,
    /// Whether AWS gives more when asked.
    pub adjustable: bool,
    /// Where the number is from.
    pub source: &'static str,
}

const AMI_QUOTAS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-quotas.html";
const EBS_QUOTAS: &str = "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html";
const VPC_QUOTAS: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html";

/// Images, public and private.
pub const IMAGES: Quota =
    Quota { service: "ec2", code: Some("L-B665C33B"), name: "AMIs", default: 50_000, adjustable: true, source: AMI_QUOTAS };
/// Images that everybody may launch.
pub const PUBLIC_IMAGES: Quota =
    Quota { service: "ec2", code: Some("L-0E3CBAB9"), name: "Public AMIs", default: 5, adjustable: true, source: AMI_QUOTAS };
/// Accounts that an image is shared with.
pub const IMAGE_SHARING: Quota =
    Quota { service: "ec2", code: Some("L-70015FFA"), name: "AMI sharing", default: 1000, adjustable: true, source: AMI_QUOTAS };
/// Virtual processors of pending and running instances of the standard families, which are all the twin has.
pub const STANDARD_VCPUS: Quota = Quota {
    service: "ec2",
    code: Some("L-1216C47A"),
    name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    default: 5,
    adjustable: true,
    source: "https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html",
};
/// Snapshots that are `pending`.
pub const PENDING_SNAPSHOTS: Quota = Quota {
    service: "ebs",
    code: Some("L-94D7AB7D"),
    name: "Pending snapshots per account",
    default: 100,
    adjustable: false,
    source: EBS_QUOTAS,
};
/// Snapshots of one volume that are `pending`.
pub const PENDING_SNAPSHOTS_OF_VOLUME: Quota = Quota {
    service: "ebs",
    code: None,
    name: "Concurrent snapshots per General Purpose SSD (gp3) volume",
    default: 5,
    adjustable: false,
    source: EBS_QUOTAS,
};
/// Copies of snapshots to one Region that are going on.
pub const SNAPSHOT_COPIES: Quota = Quota {
    service: "ebs",
    code: None,
    name: "Concurrent snapshot copies per destination Region",
    default: 20,
    adjustable: false,
    source: EBS_QUOTAS,
};
/// Security groups.
pub const SECURITY_GROUPS: Quota = Quota {
    service: "vpc",
    code: Some("L-E79EC296"),
    name: "VPC security groups per Region",
    default: 2500,
    adjustable: true,
    source: VPC_QUOTAS,
};
/// Rules of a security group, each way.
pub const GROUP_RULES: Quota = Quota {
    service: "vpc",
    code: Some("L-0EA8095F"),
    name: "Inbound or outbound rules per security group",
    default: 60,
    adjustable: true,
    source: VPC_QUOTAS,
};

/// All that the twin holds anybody to.
pub const QUOTAS: &[&Quota] = &[
    &IMAGES,
    &PUBLIC_IMAGES,
    &IMAGE_SHARING,
    &STANDARD_VCPUS,
    &PENDING_SNAPSHOTS,
    &PENDING_SNAPSHOTS_OF_VOLUME,
    &SNAPSHOT_COPIES,
    &SECURITY_GROUPS,
    &GROUP_RULES,
];

/// Finds a quota by its code or its name.
pub fn find(code_or_name: &str) -> Option<&'static Quota> {
    QUOTAS.iter().copied().find(|quota| quota.code == Some(code_or_name) || quota.name == code_or_name)
}

impl State {
    /// Returns what the account has of a quota: what it was given, or the default.
    pub fn quota(&self, quota: &Quota) -> usize {
        let value = self.quotas.get(quota.name).copied().unwrap_or(quota.default);
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}
