//! AWS's error codes of calls: what each comes from, and what to do.
//!
//! Those of change sets, which come later, are [`crate::listing`]'s. Sources:
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
//! <https://docs.aws.amazon.com/ebs/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/CommonErrors.html>.

use super::error::NO_CREDENTIALS;
use crate::listing::Advice;

/// Returns what is known about the code of a call that failed; nothing for one that isn't known.
pub fn call_advice(code: &str) -> Option<Advice> {
    let found = TABLES.into_iter().flatten().find(|(known, ..)| *known == code);
    found.map(|&(_, cause, remedy)| Advice { cause, remedy })
}

/// A code, its cause, its remedy.
type Row = (&'static str, &'static str, &'static str);

const TABLES: [&[Row]; 9] = [CREDENTIALS, RATES_AND_FAULTS, QUOTAS, NOT_THERE, IN_THE_WAY, STATES, REQUESTS, S3, ACCOUNT];

const LOG_IN: &str = "log in again (aws sso login, aws configure) or name a profile that exists with --profile";
const ALLOW: &str = "let the caller do it: bakehouse iam policy --for COMMAND prints what the command needs";
const CLOCK: &str = "set this machine's clock (NTP); AWS takes requests signed within five minutes of its own time";
const AGAIN: &str = "go on later; bakehouse repeats the call under the same name or token";
const REPORT: &str = "this is bakehouse's fault or a newer AWS's: report it with the request's id";
const SEE_AGAIN: &str =
    "go on in a minute: what AWS made a moment ago may not be seen yet; if it was removed by hand, the plan makes it anew";

const CREDENTIALS: &[Row] = &[
    (NO_CREDENTIALS, "the chain that credentials come from has none: no profile, no role, or a login that has run out", LOG_IN),
    ("ExpiredToken", "the session that the credentials are of has expired", LOG_IN),
    ("ExpiredTokenException", "the session that the credentials are of has expired", LOG_IN),
    ("UnrecognizedClientException", "AWS does not know the access key: it was removed, or is of another partition", LOG_IN),
    ("InvalidClientTokenId", "AWS does not know the access key: it was removed, or is of another partition", LOG_IN),
    ("AuthFailure", "AWS does not know the access key, or the thing belongs to another account", LOG_IN),
    ("MissingAuthenticationToken", "the request was not signed", LOG_IN),
    ("MissingAuthenticationTokenException", "the request was not signed", LOG_IN),
    ("IncompleteSignature", "the request's signature lacks a part", REPORT),
    ("IncompleteSignatureException", "the request's signature lacks a part", REPORT),
    ("SignatureDoesNotMatch", "the secret key is not the access key's, or the clock is wrong", LOG_IN),
    ("InvalidSignatureException", "the secret key is not the access key's, or the clock is wrong", LOG_IN),
    ("RequestExpired", "the request was signed too long ago: this machine's clock is wrong, or its network very slow", CLOCK),
    (
        "OptInRequired",
        "the account has not enabled this Region or service",
        "enable the Region in the account's settings, or leave it out of the manifest",
    ),
    ("UnauthorizedOperation", "the caller's policies don't allow the call", ALLOW),
    ("AccessDenied", "the caller's policies don't allow the call", ALLOW),
    ("AccessDeniedException", "the caller's policies don't allow the call, or the thing is another account's", ALLOW),
    (
        "OperationNotPermitted",
        "the thing's own settings forbid the call: termination protection, say",
        "take the protection off the thing that the message names",
    ),
];

const RATES_AND_FAULTS: &[Row] = &[
    ("RequestLimitExceeded", "the account calls EC2 more often than AWS takes", AGAIN),
    ("Throttling", "the account calls more often than AWS takes", AGAIN),
    ("ThrottlingException", "the account calls more often than AWS takes", AGAIN),
    ("RequestThrottledException", "a snapshot's blocks are asked for more often than AWS takes", AGAIN),
    ("InternalError", "a fault on AWS's side", AGAIN),
    ("Server.InternalError", "the instance could not be started for a fault on AWS's side", AGAIN),
    ("InternalFailure", "a fault on AWS's side", AGAIN),
    ("InternalServerException", "a fault on AWS's side", AGAIN),
    ("InternalServerError", "a fault on AWS's side", AGAIN),
    ("InternalServiceException", "a fault on AWS's side", AGAIN),
    ("ServiceUnavailable", "the service does not answer in this Region just now", AGAIN),
    ("Unavailable", "the service does not answer in this Region just now", AGAIN),
    (
        "InsufficientInstanceCapacity",
        "AWS has no free machine of this type there just now",
        "go on later, or bake with another instance type or in another subnet (image.build)",
    ),
    ("UnexpectedAnswer", "AWS's answer lacks what it must have, or doesn't match its checksum", AGAIN),
];

const QUOTAS: &[Row] = &[
    (
        "InstanceLimitExceeded",
        "the account may run no more instances of this family there",
        "end some, or raise the quota in Service Quotas",
    ),
    (
        "VcpuLimitExceeded",
        "the account may run no more processors of this family there",
        "end some instances, or raise the quota in Service Quotas",
    ),
    ("VolumeLimitExceeded", "the account may hold no more volumes there", "remove some, or raise the quota in Service Quotas"),
    (
        "SnapshotLimitExceeded",
        "the account may hold no more snapshots there",
        "bakehouse gc --older-than 0s --apply removes what crashed runs left; else raise the quota",
    ),
    (
        "SecurityGroupLimitExceeded",
        "the VPC may hold no more security groups",
        "bakehouse gc --older-than 0s --apply removes what crashed runs left; else raise the quota",
    ),
    (
        "ResourceLimitExceeded",
        "too many of these at once: 20 snapshot copies go on into a Region at the same time",
        "go on when some have ended",
    ),
    ("ConcurrentSnapshotLimitExceeded", "too many snapshots of the volume are being made", "go on when some have ended"),
    (
        "PendingSnapshotLimitExceeded",
        "the account has too many snapshots that aren't complete",
        "go on when some have ended; remove uploads that were given up",
    ),
    (
        "ServiceQuotaExceededException",
        "a quota of the account is used up: of uploads that are open (100 in a Region), or of change sets and offers under way",
        "go on when some have ended, or raise the quota in Service Quotas",
    ),
    ("InsufficientFreeAddressesInSubnet", "the subnet has no free address", "name another subnet (image.build.subnet)"),
    (
        "RulesPerSecurityGroupLimitExceeded",
        "the security group may hold no more rules",
        "open fewer ports or ranges, or raise the quota in Service Quotas",
    ),
    ("ParameterLimitExceeded", "the Region holds 10,000 parameters already", "remove some"),
    ("HierarchyLevelLimitExceededException", "a parameter's name has more than 15 levels", "choose a shorter name"),
];

const NOT_THERE: &[Row] = &[
    ("InvalidAMIID.NotFound", "there is no such image in the Region, or the account may not see it", SEE_AGAIN),
    ("InvalidAMIID.Unavailable", "the image was deregistered, or is not ready", SEE_AGAIN),
    ("InvalidInstanceID.NotFound", "there is no such instance in the Region", SEE_AGAIN),
    ("InvalidSnapshot.NotFound", "there is no such snapshot in the Region, or the account may not see it", SEE_AGAIN),
    ("InvalidVolume.NotFound", "there is no such volume in the Region", SEE_AGAIN),
    ("InvalidGroup.NotFound", "there is no such security group in the VPC", SEE_AGAIN),
    ("InvalidPermission.NotFound", "the security group has no such rule", "nothing: what was to go is gone"),
    ("InvalidSecurityGroupRuleId.NotFound", "the security group has no such rule", "nothing: what was to go is gone"),
    ("InvalidKeyPair.NotFound", "there is no such key pair in the Region", SEE_AGAIN),
    (
        "InvalidSubnetID.NotFound",
        "there is no such subnet in the Region",
        "name one that is there (image.build.subnet), or none for the default VPC's",
    ),
    ("InvalidVpcID.NotFound", "there is no such VPC in the Region", "name a subnet that is there (image.build.subnet)"),
    ("VPCIdNotSpecified", "the Region has no default VPC", "make one (aws ec2 create-default-vpc) or name a subnet (image.build.subnet)"),
    (
        "DefaultVpcDoesNotExist",
        "the Region has no default VPC",
        "make one (aws ec2 create-default-vpc) or name a subnet (image.build.subnet)",
    ),
    (
        "ParameterNotFound",
        "there is no such parameter in the Region",
        "mend image.base.parameter; Debian, Ubuntu and Amazon publish theirs below /aws/service/",
    ),
    ("ParameterVersionNotFound", "the parameter has no such version", "name another version, or none for the newest"),
    (
        "ResourceNotFoundException",
        "the Marketplace, or EBS, has nothing of that id that the account may see",
        "mend listing.product-id; products are the seller account's, in us-east-1",
    ),
    ("ResourceNotSupportedException", "the Catalog does not take such entities", "mend listing.product-id: it must be an AMI product"),
];

const IN_THE_WAY: &[Row] = &[
    (
        "InvalidAMIName.Duplicate",
        "the account has an image of that name in the Region",
        "bakehouse gc --older-than 0s --apply removes one that a failed run left; deregister another's that nobody needs: its name holds the digest of what it was made of",
    ),
    (
        "InvalidGroup.Duplicate",
        "the VPC has a security group of that name",
        "bakehouse gc --older-than 0s --apply removes what crashed runs left",
    ),
    (
        "InvalidKeyPair.Duplicate",
        "the Region has a key pair of that name",
        "bakehouse gc --older-than 0s --apply removes what crashed runs left",
    ),
    ("InvalidPermission.Duplicate", "the security group has that rule already", "nothing: what was wanted is there"),
    ("DependencyViolation", "something else uses it: a group goes some time after its instance", "go on in a minute"),
    ("InvalidSnapshot.InUse", "an image uses the snapshot", "deregister that image first"),
    ("VolumeInUse", "an instance has the volume", "go on once the instance has ended"),
    ("ResourceInUseException", "another change set is at work on the product", "go on once that one has ended: the message names it"),
    ("ConflictException", "the same token was used for something else, or another change came in between", AGAIN),
    (
        "IdempotentParameterMismatch",
        "the same token was used for another request: an older bakehouse has begun this run",
        "go on with the bakehouse that began the run, or let the run be superseded by a changed input",
    ),
    ("IdempotentInstanceTerminated", "the instance that the token stands for has ended", "go on: the bake begins anew"),
    ("ParameterAlreadyExists", "there is a parameter of that name", "choose another name"),
];

const STATES: &[Row] = &[
    ("IncorrectInstanceState", "the instance is in a state that does not take the call", "go on in a minute"),
    ("IncorrectState", "the thing is in a state that does not take the call", "go on in a minute"),
    ("InvalidImageProperties", "the image's boot mode or architecture does not fit the call", "mend image.boot-mode or the instance type"),
];

const REQUESTS: &[Row] = &[
    ("DryRunOperation", "it was asked only whether it would work, and it would", "nothing"),
    ("InvalidInstanceType", "the instance type is not offered there", "choose another one (image.build.instance-type)"),
    (
        "Unsupported",
        "the instance type, the image and the zone don't fit each other",
        "choose another instance type (image.build.instance-type) or subnet",
    ),
    ("UnsupportedOperation", "AWS, or the twin, does not do this", "see the message; the twin refuses what it does not do"),
    (
        "InvalidUserData.Malformed",
        "the user data is longer than 16 KiB or not encoded",
        "make the provisioning smaller: files of some size belong into packages",
    ),
    (
        "InvalidBlockDeviceMapping",
        "the root volume does not fit the base image",
        "mend image.root-volume: at least as large as the base's disk",
    ),
    ("InvalidParameterValue", "a value is not one that AWS takes", "mend what the message names, if it is the manifest's"),
    ("InvalidParameterCombination", "two parameters don't go together", REPORT),
    ("InvalidParameter", "a value is not one that AWS takes", "mend what the message names, if it is the manifest's"),
    ("InvalidRequest", "the request makes no sense to AWS", REPORT),
    ("InvalidUserID.Malformed", "an account's id is not one", "mend distribution.accounts"),
    ("InvalidUserGroup.Malformed", "a group's name is not one", REPORT),
    ("InvalidSubnetID.Malformed", "the subnet's id is not one", "mend image.build.subnet"),
    ("InvalidVpcID.Malformed", "the VPC's id is not one", REPORT),
    ("InvalidAMIID.Malformed", "the image's id is not one", "mend image.base"),
    (
        "InvalidAMIName.Malformed",
        "the image's name has characters that EC2 refuses",
        "mend the vendor's name: letters, digits, spaces and ()[]./-'@_ are taken",
    ),
    ("InvalidInstanceID.Malformed", "the instance's id is not one", REPORT),
    ("InvalidSnapshotID.Malformed", "the snapshot's id is not one", REPORT),
    ("InvalidVolumeID.Malformed", "the volume's id is not one", REPORT),
    ("InvalidGroupId.Malformed", "the security group's id is not one", REPORT),
    ("InvalidPermission.Malformed", "a security group's rule is not one", REPORT),
    ("InvalidKey.Format", "the public key is not in a form that EC2 takes", REPORT),
    ("InvalidID", "an id is of no kind that can be tagged", REPORT),
    ("InvalidNextToken", "the list changed while it was being read", AGAIN),
    ("InvalidAction", "the service has no such operation", REPORT),
    ("InvalidQueryParameter", "the service has no such parameter", REPORT),
    ("UnknownParameter", "the service has no such parameter", REPORT),
    ("UnknownOperation", "the service has no such operation", REPORT),
    ("UnknownOperationException", "the service has no such operation", REPORT),
    ("UnknownService", "the twin has no such service", "--on aws has all; the twin has what bakehouse needs"),
    ("MissingParameter", "the request lacks a parameter", REPORT),
    ("MissingAction", "the request names no operation", REPORT),
    ("ValidationError", "a value is not one that AWS takes", REPORT),
    ("ValidationException", "AWS refuses the request for its form", "mend the fields that the message names, if they are the manifest's"),
    ("UnsupportedParameterType", "SSM does not keep such a parameter", REPORT),
];

/// IAM's and Service Quotas'. Sources: <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/CommonErrors.html>
const ACCOUNT: &[Row] = &[
    ("NoSuchEntity", "the account has no role or user of that name", "make it (bakehouse iam ingestion-role), or mend its name"),
    ("EntityAlreadyExists", "the account has a role of that name", "nothing, if it is the one that was wanted; else choose another name"),
    ("MalformedPolicyDocument", "the policy is none that IAM takes", "print it anew: bakehouse iam policy, bakehouse iam ingestion-role"),
    ("DeleteConflict", "the role has policies still", "detach them first"),
    ("InvalidInput", "IAM does not take a value of the request", REPORT),
    ("NoSuchResourceException", "Service Quotas knows no such quota", REPORT),
    ("IllegalArgumentException", "Service Quotas does not take a value of the request", REPORT),
    ("SerializationException", "the service can't read the request", REPORT),
];

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
const S3: &[Row] = &[
    ("InvalidAccessKeyId", "AWS does not know the access key", LOG_IN),
    ("InvalidToken", "the session that the credentials are of has expired or is another's", LOG_IN),
    ("RequestTimeTooSkewed", "this machine's clock is more than 15 minutes off", CLOCK),
    ("AuthorizationHeaderMalformed", "the request was signed for another Region than the bucket's", "name the bucket's Region"),
    ("AuthorizationQueryParametersError", "a pre-signed address lacks a part, or is good for more than a week", REPORT),
    ("SlowDown", "the bucket is used more often than AWS takes", AGAIN),
    ("NoSuchBucket", "there is no such bucket", "make it, or mend its name; buckets are seen from every Region"),
    ("NoSuchBucketPolicy", "the bucket has no policy", "put one, if it is to have one"),
    ("NoSuchKey", "the bucket has no such object", SEE_AGAIN),
    ("NoSuchPublicAccessBlockConfiguration", "nothing keeps the bucket from the public", "put a public access block, if it is to have one"),
    ("MalformedPolicy", "the bucket's policy isn't one that S3 takes", "mend what it says: the bucket's own ARN, actions of S3"),
    ("NoSuchVersion", "the object has no such version", SEE_AGAIN),
    ("NoSuchUpload", "the upload was completed or given up", AGAIN),
    ("BucketAlreadyOwnedByYou", "the account has the bucket already", "nothing: what was wanted is there"),
    ("BucketAlreadyExists", "another account has a bucket of that name", "choose another name: they are shared by all accounts"),
    ("BucketNotEmpty", "the bucket holds objects", "empty it first"),
    (
        "PreconditionFailed",
        "the object is there already, or was changed in between",
        "go on: another bakehouse was at work at the same time",
    ),
    ("NotModified", "the object is as it was", "nothing"),
    ("BadDigest", "what arrived is not what was sent", AGAIN),
    ("IncompleteBody", "less arrived than was announced", AGAIN),
    ("InvalidDigest", "the digest sent along is not one", REPORT),
    ("InvalidRange", "the object is shorter than the part asked for", REPORT),
    ("InvalidArgument", "a value is not one that S3 takes", REPORT),
    ("InvalidTag", "a tag's key or value is not one that S3 takes", "mend the tags of the manifest or the workspace"),
    (
        "TagLimitExceeded",
        "there are more tags than AWS takes (50; 10 on an object)",
        "take some of the manifest's or the workspace's tags away",
    ),
    ("MetadataTooLarge", "an object's metadata is over 2 KiB", REPORT),
    ("MaxMessageLengthExceeded", "the request's document is larger than S3 takes", REPORT),
    ("EntityTooLarge", "an object is larger than S3 takes at once", REPORT),
    ("MalformedXML", "the request's document is not in S3's form", REPORT),
    ("BadRequest", "the request makes no sense to S3", REPORT),
    ("NotImplemented", "S3, or the twin, does not do this", "see the message; the twin refuses what it does not do"),
    ("CannotDelete", "the thing is AWS's own and stays", "nothing"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    /// Looks for codes where the twin's source makes refusals.
    fn codes_of_the_twin() -> BTreeSet<String> {
        let makes = Regex::new(
            r#"(?:fault::of|ApiError::new|\bof|malformed:|not_found:)\s*\(?\s*(?:\d{3},\s*)?"([A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]+)?)""#,
        )
        .unwrap();
        let mut codes = BTreeSet::new();
        for_each_source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/twin"), &mut |text| {
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            codes.extend(makes.captures_iter(code).map(|found| found[1].to_owned()));
        });
        codes
    }

    fn for_each_source(folder: &Path, look: &mut impl FnMut(&str)) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") {
                continue;
            }
            if path.is_dir() {
                for_each_source(&path, look);
            } else if !path.ends_with("tests.rs") && !path.ends_with("testing.rs") {
                look(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_code_that_the_twin_answers_is_explained() {
        let codes = codes_of_the_twin();
        assert!(codes.len() > 50 && codes.contains("DependencyViolation") && codes.contains("ResourceInUseException"), "{codes:?}");
        let unknown: Vec<&String> = codes.iter().filter(|code| call_advice(code).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn each_code_stands_once_and_says_something() {
        let mut seen = BTreeSet::new();
        for (code, cause, remedy) in TABLES.into_iter().flatten() {
            assert!(seen.insert(code), "{code} stands twice");
            assert!(!cause.is_empty() && !remedy.is_empty() && !cause.ends_with('.') && !remedy.ends_with('.'), "{code}");
        }
    }
}
