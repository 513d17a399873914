//! What each command calls at AWS, and what IAM must allow for each call.
//!
//! The one table that policies are made of ([`super::policy`]). A test holds it against the calls that
//! the twin sees, another against the operations that this folder names.

use std::collections::BTreeSet;
use std::fmt;

/// A part of the work, with the operations it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Find out who one is; whatever opens a target begins with it.
    Identify,
    /// Look around before planning.
    Survey,
    /// Make an image of a base.
    Bake,
    /// Start an image and try it.
    Boot,
    /// Remove what a run made for itself alone: by the end of each, and of one that is given up for another.
    Clear,
    /// Read an image back and judge it.
    Read,
    /// Ask what has changed since a snapshot whose blocks are kept.
    Compare,
    /// Tag what was judged as rejected or released.
    Tag,
    /// Copy and share.
    Distribute,
    /// Submit to the Marketplace and follow.
    List,
    /// Look how a submission stands.
    Follow,
    /// Have a version rehearsed.
    Rehearse,
    /// Look at listings.
    Listings,
    /// Look what AWS's scans say of what is listed.
    Assess,
    /// Cancel a change set.
    Cancel,
    /// Find and remove what runs have left.
    Collect,
    /// Compare the ledger with what AWS's tags tell.
    Attest,
    /// Look for what would stand in a release's way.
    Diagnose,
    /// Read the ledger, where it lies in a bucket.
    Consult,
    /// Hold a variant and write into the ledger, where it lies in a bucket.
    Keep,
    /// Add a record to the ledger, where it lies in a bucket, and hold nothing.
    Note,
}

use Activity::{
    Assess, Attest, Bake, Boot, Cancel, Clear, Collect, Compare, Consult, Diagnose, Distribute, Follow, Identify, Keep, List, Listings,
    Note, Read, Rehearse, Survey, Tag,
};

/// A command that works on a target, and what it does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Command {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub activities: &'static [Activity],
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// The commands that work on a target. Others need no permission.
///
/// Each begins by opening the ledger. The first of all binds it to the account, which one that only
/// looks may not do in a bucket: there it is left to one that writes.
pub const COMMANDS: &[Command] = &[
    Command { name: "plan", activities: &[Identify, Consult, Survey] },
    Command { name: "ship", activities: &[Identify, Consult, Survey, Keep, Bake, Read, Boot, Clear, Tag, Distribute, List] },
    Command { name: "bake", activities: &[Identify, Consult, Survey, Keep, Bake, Clear] },
    Command { name: "scan", activities: &[Identify, Consult, Survey, Keep, Read, Compare, Clear, Tag] },
    Command { name: "boot", activities: &[Identify, Consult, Survey, Keep, Boot, Clear, Tag] },
    Command { name: "checksum", activities: &[Identify, Consult, Survey, Keep, Read, Clear] },
    Command { name: "release", activities: &[Identify, Consult, Survey, Keep, Read, Clear, Tag] },
    Command { name: "distribute", activities: &[Identify, Consult, Survey, Keep, Clear, Distribute] },
    Command { name: "list", activities: &[Identify, Consult, Survey, Keep, Clear, List] },
    Command { name: "list-plan", activities: &[Identify, Consult, Listings] },
    Command { name: "list-apply", activities: &[Identify, Consult, Listings, Keep, List] },
    Command { name: "list-validate", activities: &[Identify, Consult, Listings, Note, Rehearse] },
    Command { name: "list-restrict", activities: &[Identify, Consult, Listings, Keep, List] },
    Command { name: "list-visibility", activities: &[Identify, Consult, Listings, Keep, List] },
    Command { name: "list-cancel", activities: &[Identify, Consult, Listings, Follow, Cancel] },
    Command { name: "list-history", activities: &[Identify, Consult, Listings, Follow] },
    Command { name: "list-watch", activities: &[Identify, Consult, Listings, Assess] },
    Command { name: "list-status", activities: &[Identify, Consult, Keep, Follow] },
    Command { name: "resume", activities: &[Identify, Consult, Survey, Keep, Bake, Boot, Clear, Read, Tag, Distribute, List] },
    Command { name: "abandon", activities: &[Identify, Consult, Keep, Collect] },
    Command { name: "runs", activities: &[Identify, Consult] },
    Command { name: "ledger-verify", activities: &[Identify, Consult, Attest] },
    Command { name: "verify", activities: &[Identify, Consult, Read] },
    Command { name: "history", activities: &[Identify, Consult] },
    Command { name: "show", activities: &[Identify, Consult] },
    Command { name: "doctor", activities: &[Identify, Consult, Diagnose] },
    Command { name: "gc", activities: &[Identify, Consult, Keep, Collect] },
];

/// What an operation works on, and under which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Things that IAM can't tell apart; it only looks.
    All,
    /// Things that it makes, tagged with their product as they are made.
    Made(&'static [Kind]),
    /// Things tagged with a product.
    Ours(&'static [Kind]),
    /// Things tagged with a product and not as released.
    OursUnreleased(&'static [Kind]),
    /// Others' things that it uses.
    Others(&'static [Kind]),
    /// Tags on things in the call that makes them.
    TagsWhenMade(&'static [Kind]),
    /// Public parameters, and those that manifests name.
    Parameters,
    /// The seller's products and offers.
    Entities,
    /// Change sets, of the types that bakehouse makes.
    ChangesOfEntities,
    /// Change sets.
    ChangeSets,
    /// The role that the Marketplace takes on to copy an image.
    IngestionRole,
    /// The buckets that manifests name, where the payloads of bakes lie.
    PayloadBuckets,
    /// The payloads of bakes.
    Payloads,
    /// The files that the Marketplace fetches.
    Media,
    /// The bucket of the ledger.
    LedgerBucket,
    /// What the ledger holds.
    Ledger,
}

/// A kind of thing in EC2, as ARNs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `image/*`, of no account.
    Image,
    /// `instance/*`.
    Instance,
    /// `key-pair/*`.
    KeyPair,
    /// `network-interface/*`.
    NetworkInterface,
    /// `security-group/*`.
    SecurityGroup,
    /// `snapshot/*`, of no account.
    Snapshot,
    /// `subnet/*`.
    Subnet,
    /// `volume/*`.
    Volume,
    /// `vpc/*`.
    Vpc,
}

use Kind::{Image, Instance, KeyPair, NetworkInterface, SecurityGroup, Snapshot, Subnet, Volume, Vpc};

/// An operation of AWS's, who calls it, and what IAM must allow.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The service, as requests are signed for it.
    pub service: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Who calls it.
    pub activities: &'static [Activity],
    /// IAM's action and what on; none where no permission is needed.
    pub grants: &'static [(&'static str, Scope)],
}

/// Every operation that `cloud` calls.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/copy-ami-permissions.html>,
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/catalog-api-access-control.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
pub const OPERATIONS: &[Operation] = &[
    // Anybody may ask who he is.
    Operation { service: "sts", name: "GetCallerIdentity", activities: &[Identify], grants: &[] },
    looks("DescribeImages", &[Survey, Bake, Boot, Distribute, Collect, Attest, Diagnose], &[("ec2:DescribeImages", Scope::All)]),
    looks("DescribeInstanceTypes", &[Survey, Diagnose], &[("ec2:DescribeInstanceTypes", Scope::All)]),
    looks("DescribeInstances", &[Bake, Boot, Clear, Collect], &[("ec2:DescribeInstances", Scope::All)]),
    looks("DescribeInstanceStatus", &[Boot], &[("ec2:DescribeInstanceStatus", Scope::All)]),
    looks("DescribeKeyPairs", &[Bake, Boot, Clear, Collect], &[("ec2:DescribeKeyPairs", Scope::All)]),
    looks("DescribeSecurityGroups", &[Bake, Boot, Clear, Collect], &[("ec2:DescribeSecurityGroups", Scope::All)]),
    looks("DescribeSnapshots", &[Collect], &[("ec2:DescribeSnapshots", Scope::All)]),
    looks("DescribeRegions", &[Diagnose], &[("ec2:DescribeRegions", Scope::All)]),
    looks("DescribeSubnets", &[Bake, Boot, Diagnose], &[("ec2:DescribeSubnets", Scope::All)]),
    looks("DescribeVolumes", &[Collect], &[("ec2:DescribeVolumes", Scope::All)]),
    looks("DescribeImageAttribute", &[], &[("ec2:DescribeImageAttribute", Scope::All)]),
    looks("DescribeSnapshotAttribute", &[], &[("ec2:DescribeSnapshotAttribute", Scope::All)]),
    looks("GetConsoleOutput", &[Bake, Boot], &[("ec2:GetConsoleOutput", Scope::Ours(&[Instance]))]),
    looks("GetEbsEncryptionByDefault", &[Survey, Diagnose], &[("ec2:GetEbsEncryptionByDefault", Scope::All)]),
    looks("GetImageBlockPublicAccessState", &[Diagnose], &[("ec2:GetImageBlockPublicAccessState", Scope::All)]),
    looks("GetSnapshotBlockPublicAccessState", &[Diagnose], &[("ec2:GetSnapshotBlockPublicAccessState", Scope::All)]),
    // Dry runs: the answer is whether it is allowed, so nothing need be.
    looks("RunInstances", &[Diagnose], &[]),
    looks("CreateSecurityGroup", &[Diagnose], &[]),
    Operation { service: "iam", name: "GetRole", activities: &[Diagnose], grants: &[("iam:GetRole", Scope::All)] },
    Operation {
        service: "iam",
        name: "ListAttachedRolePolicies",
        activities: &[Diagnose],
        grants: &[("iam:ListAttachedRolePolicies", Scope::All)],
    },
    Operation {
        service: "iam",
        name: "SimulatePrincipalPolicy",
        activities: &[Diagnose],
        grants: &[("iam:SimulatePrincipalPolicy", Scope::All)],
    },
    Operation {
        service: "servicequotas",
        name: "GetServiceQuota",
        activities: &[Diagnose],
        grants: &[("servicequotas:GetServiceQuota", Scope::All)],
    },
    Operation {
        service: "ec2",
        name: "CreateSecurityGroup",
        activities: &[Bake, Boot],
        grants: &[
            ("ec2:CreateSecurityGroup", Scope::Made(&[SecurityGroup])),
            ("ec2:CreateSecurityGroup", Scope::Others(&[Vpc])),
            ("ec2:CreateTags", Scope::TagsWhenMade(&[SecurityGroup])),
        ],
    },
    Operation {
        service: "ec2",
        name: "AuthorizeSecurityGroupIngress",
        activities: &[Boot],
        grants: &[("ec2:AuthorizeSecurityGroupIngress", Scope::Ours(&[SecurityGroup]))],
    },
    Operation {
        service: "ec2",
        name: "ImportKeyPair",
        activities: &[Boot],
        grants: &[("ec2:ImportKeyPair", Scope::Made(&[KeyPair])), ("ec2:CreateTags", Scope::TagsWhenMade(&[KeyPair]))],
    },
    Operation {
        service: "ec2",
        name: "RunInstances",
        activities: &[Bake, Boot],
        grants: &[
            ("ec2:RunInstances", Scope::Made(&[Instance, Volume])),
            ("ec2:RunInstances", Scope::Ours(&[KeyPair, SecurityGroup])),
            ("ec2:RunInstances", Scope::Others(&[Image, NetworkInterface, Subnet])),
            ("ec2:CreateTags", Scope::TagsWhenMade(&[Instance, Volume])),
        ],
    },
    Operation {
        service: "ec2",
        name: "CreateImage",
        activities: &[Bake],
        grants: &[
            ("ec2:CreateImage", Scope::Made(&[Image, Snapshot])),
            ("ec2:CreateImage", Scope::Ours(&[Instance])),
            ("ec2:CreateTags", Scope::TagsWhenMade(&[Image, Snapshot])),
        ],
    },
    Operation {
        service: "ec2",
        name: "CopyImage",
        activities: &[Distribute],
        grants: &[
            ("ec2:CopyImage", Scope::Made(&[Image, Snapshot])),
            ("ec2:CopyImage", Scope::Ours(&[Image, Snapshot])),
            ("ec2:CreateTags", Scope::TagsWhenMade(&[Image, Snapshot])),
        ],
    },
    Operation {
        service: "ec2",
        name: "CreateTags",
        activities: &[Bake, Tag, Distribute],
        grants: &[("ec2:CreateTags", Scope::Ours(&[Image, Snapshot]))],
    },
    Operation {
        service: "ec2",
        name: "ModifyImageAttribute",
        activities: &[Bake, Distribute],
        grants: &[("ec2:ModifyImageAttribute", Scope::Ours(&[Image]))],
    },
    Operation {
        service: "ec2",
        name: "ModifySnapshotAttribute",
        activities: &[Distribute],
        grants: &[("ec2:ModifySnapshotAttribute", Scope::Ours(&[Snapshot]))],
    },
    removes("TerminateInstances", &[Clear, Collect], &[("ec2:TerminateInstances", Scope::Ours(&[Instance]))]),
    removes("DeleteSecurityGroup", &[Clear, Collect], &[("ec2:DeleteSecurityGroup", Scope::Ours(&[SecurityGroup]))]),
    removes("DeleteKeyPair", &[Clear, Collect], &[("ec2:DeleteKeyPair", Scope::Ours(&[KeyPair]))]),
    removes("DeleteVolume", &[Collect], &[("ec2:DeleteVolume", Scope::Ours(&[Volume]))]),
    removes("DeregisterImage", &[Bake, Distribute, Collect], &[("ec2:DeregisterImage", Scope::OursUnreleased(&[Image]))]),
    removes("DeleteSnapshot", &[Bake, Distribute, Collect], &[("ec2:DeleteSnapshot", Scope::OursUnreleased(&[Snapshot]))]),
    Operation {
        service: "ebs",
        name: "ListSnapshotBlocks",
        activities: &[Read],
        grants: &[("ebs:ListSnapshotBlocks", Scope::Ours(&[Snapshot]))],
    },
    Operation {
        service: "ebs",
        name: "GetSnapshotBlock",
        activities: &[Read],
        grants: &[("ebs:GetSnapshotBlock", Scope::Ours(&[Snapshot]))],
    },
    Operation {
        service: "ebs",
        name: "ListChangedBlocks",
        activities: &[Compare],
        grants: &[("ebs:ListChangedBlocks", Scope::Ours(&[Snapshot]))],
    },
    Operation { service: "ssm", name: "GetParameter", activities: &[Survey, Diagnose], grants: &[("ssm:GetParameter", Scope::Parameters)] },
    Operation {
        service: "aws-marketplace",
        name: "ListEntities",
        activities: &[Survey, List, Listings, Follow],
        grants: &[("aws-marketplace:ListEntities", Scope::All)],
    },
    Operation {
        service: "aws-marketplace",
        name: "DescribeEntity",
        activities: &[List],
        grants: &[("aws-marketplace:DescribeEntity", Scope::Entities)],
    },
    Operation {
        service: "aws-marketplace",
        name: "BatchDescribeEntities",
        activities: &[Survey, Listings],
        grants: &[("aws-marketplace:BatchDescribeEntities", Scope::Entities)],
    },
    Operation {
        service: "aws-marketplace",
        name: "ListAssessments",
        activities: &[Assess],
        grants: &[("aws-marketplace:ListAssessments", Scope::All)],
    },
    Operation {
        service: "aws-marketplace",
        name: "DescribeAssessment",
        activities: &[Assess],
        grants: &[("aws-marketplace:DescribeAssessment", Scope::All)],
    },
    Operation {
        service: "aws-marketplace",
        name: "CancelChangeSet",
        activities: &[Cancel],
        grants: &[("aws-marketplace:CancelChangeSet", Scope::ChangeSets)],
    },
    Operation {
        service: "aws-marketplace",
        name: "ListChangeSets",
        activities: &[Survey, List, Attest, Listings, Follow],
        grants: &[("aws-marketplace:ListChangeSets", Scope::All)],
    },
    Operation {
        service: "aws-marketplace",
        name: "DescribeChangeSet",
        activities: &[Survey, List, Rehearse, Follow, Listings],
        grants: &[("aws-marketplace:DescribeChangeSet", Scope::ChangeSets)],
    },
    Operation {
        service: "aws-marketplace",
        name: "ListTagsForResource",
        activities: &[Survey, Attest],
        grants: &[("aws-marketplace:ListTagsForResource", Scope::ChangeSets)],
    },
    Operation {
        service: "aws-marketplace",
        name: "StartChangeSet",
        activities: &[List, Rehearse],
        grants: &[
            ("aws-marketplace:StartChangeSet", Scope::ChangesOfEntities),
            ("aws-marketplace:TagResource", Scope::ChangeSets),
            ("iam:PassRole", Scope::IngestionRole),
        ],
    },
    // Where a bucket lies S3 tells even whom it refuses; buckets are made on the twin alone.
    stores("HeadBucket", &[Consult, Bake, Boot, Clear, Collect, List, Rehearse], &[]),
    stores("CreateBucket", &[Bake, List, Rehearse], &[]),
    stores("DeletePublicAccessBlock", &[List, Rehearse], &[]),
    stores("PutBucketPolicy", &[List, Rehearse], &[]),
    stores("GetObject", &[Consult], &[("s3:GetObject", Scope::Ledger)]),
    stores("ListObjectsV2", &[Consult], &[("s3:ListBucket", Scope::LedgerBucket)]),
    stores("PutObject", &[Keep, Note], &[("s3:PutObject", Scope::Ledger)]),
    stores("DeleteObjects", &[Keep], &[("s3:DeleteObject", Scope::Ledger)]),
    // A boot may set the base beside the image, with the bake's payload. The guest gets it by an address that is good for what its signer may do.
    stores("GetObject", &[Bake, Boot], &[("s3:GetObject", Scope::Payloads)]),
    stores("PutObject", &[Bake, Boot], &[("s3:PutObject", Scope::Payloads), ("s3:PutObjectTagging", Scope::Payloads)]),
    // Media are asked for as by the Marketplace, without credentials.
    stores("GetObject", &[List, Rehearse], &[]),
    stores("PutObject", &[List, Rehearse], &[("s3:PutObject", Scope::Media), ("s3:PutObjectTagging", Scope::Media)]),
    stores("ListObjectsV2", &[Bake, Boot, Clear, Collect], &[("s3:ListBucket", Scope::PayloadBuckets)]),
    stores("DeleteObjects", &[Clear, Collect], &[("s3:DeleteObject", Scope::Payloads)]),
];

/// The change types that bakehouse's change sets are made of.
pub const CHANGE_TYPES: &[&str] = &[
    "AddDeliveryOptions",
    "AddDimensions",
    "AddInstanceTypes",
    "AddRegions",
    "CreateOffer",
    "CreateProduct",
    "ReleaseOffer",
    "ReleaseProduct",
    "RestrictDeliveryOptions",
    "RestrictDimensions",
    "RestrictInstanceTypes",
    "RestrictRegions",
    "UpdateDeliveryOptions",
    "UpdateFutureRegionSupport",
    "UpdateInformation",
    "UpdateLegalTerms",
    "UpdatePricingTerms",
    "UpdateSupportTerms",
    "UpdateTargeting",
    "UpdateVisibility",
];

/// Finds a command by its name.
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Lists the operations that commands call.
pub fn operations(commands: &[Command]) -> Vec<&'static Operation> {
    let activities: BTreeSet<Activity> = commands.iter().flat_map(|command| command.activities.iter().copied()).collect();
    OPERATIONS.iter().filter(|operation| operation.activities.iter().any(|a| activities.contains(a))).collect()
}

const fn looks(name: &'static str, activities: &'static [Activity], grants: &'static [(&'static str, Scope)]) -> Operation {
    Operation { service: "ec2", name, activities, grants }
}

const fn removes(name: &'static str, activities: &'static [Activity], grants: &'static [(&'static str, Scope)]) -> Operation {
    Operation { service: "ec2", name, activities, grants }
}

const fn stores(name: &'static str, activities: &'static [Activity], grants: &'static [(&'static str, Scope)]) -> Operation {
    Operation { service: "s3", name, activities, grants }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_operation_that_the_clients_name_has_a_row_and_every_row_is_named() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cloud");
        let mut named = BTreeSet::new();
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            let text = std::fs::read_to_string(file).unwrap();
            let operations = text.split("error::of(\"").skip(1).filter_map(|rest| rest.split_once('"'));
            named.extend(operations.map(|(name, _)| name.to_owned()));
        }
        // `object_store` calls S3; what it calls is held against the twin's calls alone.
        let rows = OPERATIONS.iter().filter(|operation| operation.service != "s3");
        assert_eq!(named, rows.map(|operation| operation.name.to_owned()).collect());
        let granting: Vec<(&str, &str, Scope)> = OPERATIONS
            .iter()
            .flat_map(|operation| operation.grants.iter().map(|(action, scope)| (operation.name, *action, *scope)))
            .collect();
        assert_eq!(granting.iter().collect::<BTreeSet<_>>().len(), granting.len(), "an operation is granted twice");
    }

    #[test]
    fn the_change_types_are_those_of_the_templates_and_of_what_makes_change_sets() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let files = |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut found = BTreeSet::new();
        for file in files("templates/change-sets") {
            let text = read(&file);
            let types = text.split("\"ChangeType\": \"").skip(1).filter_map(|rest| rest.split_once('"'));
            found.extend(types.map(|(name, _)| name.to_owned()));
        }
        // Such as `AddRegions(product::Regions) is "AddRegions" of AMI_PRODUCT,`
        let table = read(&root.join("src/model/change_set/details.rs"));
        let rows = table.lines().filter_map(|line| {
            let (variant, rest) = line.trim().split_once('(')?;
            Some((variant.to_owned(), rest.split_once(" is \"")?.1.split_once('"')?.0.to_owned()))
        });
        let names: std::collections::BTreeMap<String, String> = rows.collect();
        let makers = files("src/listing/planner").chain(["retention.rs", "visibility.rs"].map(|file| root.join("src/listing").join(file)));
        for file in makers.filter(|file| file.is_file()) {
            let text = read(&file);
            let variants = text.split("Details::").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
            let made = variants.filter_map(|variant| names.get(variant));
            found.extend(made.cloned());
        }
        assert_eq!(found, CHANGE_TYPES.iter().map(|name| (*name).to_owned()).collect());
    }
}
