//! What everyone may read: bucket policies, and the block of public access that stands above them.
//!
//! The account's own requests may do everything, so a policy matters to requests that nobody signed. What of a
//! policy would need more than that to be judged (conditions, denials) is refused and not passed over.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetBucketPolicyInput,
    GetBucketPolicyOutput, GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, GetPublicAccessBlockInput, GetPublicAccessBlockOutput,
    PolicyStatus, PublicAccessBlockConfiguration, PutBucketPolicyInput, PutBucketPolicyOutput, PutPublicAccessBlockInput,
    PutPublicAccessBlockOutput,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::{Call, not_implemented, refuse};
use super::state::Bucket;
use crate::twin::CALLER;
use crate::twin::ec2::wildcard;
use crate::twin::error::ApiError;

/// The longest policy in bytes.
const MOST_POLICY_BYTES: usize = 20 * 1024;

/// What keeps a bucket from the public whatever else it says. The twin has no access control lists, and keeps what is
/// said of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// Refuses lists of access control that open anything.
    pub block_public_acls: bool,
    /// Passes over those that there are.
    pub ignore_public_acls: bool,
    /// Refuses policies that open the bucket to everyone.
    pub block_public_policy: bool,
    /// Lets nobody in but the account, where the policy opens the bucket to everyone.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// Returns what a new bucket has: all of it.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>
    #[expect(clippy::unnecessary_wraps, reason = "a bucket need not have any")]
    pub(super) fn of_new_buckets() -> Option<Self> {
        Some(Self { block_public_acls: true, ignore_public_acls: true, block_public_policy: true, restrict_public_buckets: true })
    }
}

pub(super) async fn put_policy(call: &Call<'_>, input: PutBucketPolicyInput) -> Result<PutBucketPolicyOutput, ApiError> {
    refuse!(input: confirm_remove_self_bucket_access);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let policy = Policy::parse(&input.policy, &input.bucket)?;
    call.twin.change(|state| {
        let account = state.account.clone();
        let bucket = state.s3.at_mut(&input.bucket, &call.region)?;
        if policy.is_public() && bucket.public_access_block.is_some_and(|block| block.block_public_policy) {
            let message = format!(
                "User: arn:aws:iam::{account}:{CALLER} is not authorized to perform: s3:PutBucketPolicy on resource: \
                 \"arn:aws:s3:::{}\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
                input.bucket
            );
            return Err(ApiError::new(403, "AccessDenied", message));
        }
        bucket.policy = Some(input.policy);
        Ok(())
    })?;
    Ok(PutBucketPolicyOutput::default())
}

pub(super) async fn policy(call: &Call<'_>, input: GetBucketPolicyInput) -> Result<GetBucketPolicyOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let policy = call.twin.read(|state| state.s3.at(&input.bucket, &call.region)?.policy.clone().ok_or_else(no_policy))?;
    Ok(GetBucketPolicyOutput { policy: Some(policy) })
}

pub(super) async fn policy_status(call: &Call<'_>, input: GetBucketPolicyStatusInput) -> Result<GetBucketPolicyStatusOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let policy = call.twin.read(|state| state.s3.at(&input.bucket, &call.region)?.policy.clone().ok_or_else(no_policy))?;
    let is_public = Policy::parse(&policy, &input.bucket)?.is_public();
    Ok(GetBucketPolicyStatusOutput { policy_status: Some(PolicyStatus { is_public: Some(is_public) }) })
}

pub(super) async fn delete_policy(call: &Call<'_>, input: DeleteBucketPolicyInput) -> Result<DeleteBucketPolicyOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    call.twin.change(|state| {
        state.s3.at_mut(&input.bucket, &call.region)?.policy = None;
        Ok::<_, ApiError>(())
    })?;
    Ok(DeleteBucketPolicyOutput::default())
}

pub(super) async fn put_block(call: &Call<'_>, input: PutPublicAccessBlockInput) -> Result<PutPublicAccessBlockOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let asked = input.public_access_block_configuration;
    let block = PublicAccessBlock {
        block_public_acls: asked.block_public_acls.unwrap_or_default(),
        ignore_public_acls: asked.ignore_public_acls.unwrap_or_default(),
        block_public_policy: asked.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: asked.restrict_public_buckets.unwrap_or_default(),
    };
    set_block(call, &input.bucket, Some(block))?;
    Ok(PutPublicAccessBlockOutput::default())
}

pub(super) async fn block(call: &Call<'_>, input: GetPublicAccessBlockInput) -> Result<GetPublicAccessBlockOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let block = call.twin.read(|state| Ok::<_, ApiError>(state.s3.at(&input.bucket, &call.region)?.public_access_block))?;
    let none = || ApiError::new(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found");
    let block = block.ok_or_else(none)?;
    let configuration = PublicAccessBlockConfiguration {
        block_public_acls: Some(block.block_public_acls),
        block_public_policy: Some(block.block_public_policy),
        ignore_public_acls: Some(block.ignore_public_acls),
        restrict_public_buckets: Some(block.restrict_public_buckets),
    };
    Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(configuration) })
}

pub(super) async fn delete_block(call: &Call<'_>, input: DeletePublicAccessBlockInput) -> Result<DeletePublicAccessBlockOutput, ApiError> {
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    set_block(call, &input.bucket, None)?;
    Ok(DeletePublicAccessBlockOutput::default())
}

fn set_block(call: &Call<'_>, bucket: &str, block: Option<PublicAccessBlock>) -> Result<(), ApiError> {
    call.twin.change(|state| {
        state.s3.at_mut(bucket, &call.region)?.public_access_block = block;
        Ok(())
    })
}

fn no_policy() -> ApiError {
    ApiError::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
}

impl Bucket {
    /// Tells whether everyone may read an object, and it is there.
    pub(in crate::twin) fn is_readable(&self, name: &str, key: &str) -> bool {
        let is_restricted = self.public_access_block.is_some_and(|block| block.restrict_public_buckets);
        let policy = self.policy.as_deref().and_then(|policy| Policy::parse(policy, name).ok());
        !is_restricted && self.objects.contains_key(key) && policy.is_some_and(|policy| policy.lets_everyone_read(name, key))
    }
}

/// The policy by which the Marketplace reads what bakehouse uploads for it; the first bucket of a fresh account has it.
pub(super) fn of_media(bucket: &str) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "MarketplaceMedia",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{bucket}/bakehouse/*"),
        }],
    })
    .to_string()
}

/// A bucket's policy, as far as the twin judges one.
#[derive(Debug, PartialEq, Eq)]
struct Policy {
    statements: Vec<Statement>,
}

/// What a statement allows.
#[derive(Debug, PartialEq, Eq)]
struct Statement {
    everyone: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

impl Policy {
    /// Reads a policy of a bucket, as S3 does when it is put.
    fn parse(text: &str, bucket: &str) -> Result<Self, ApiError> {
        if text.len() > MOST_POLICY_BYTES {
            return Err(malformed("Policy exceeds the maximum allowed document size."));
        }
        let document: Map<String, Value> = serde_json::from_str(text)
            .ok()
            .filter(|_| text.starts_with('{'))
            .ok_or_else(|| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
        if let Some(unknown) = document.keys().find(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
            return Err(malformed(format!("Unknown field {unknown}")));
        }
        if document.get("Version").is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
            return Err(malformed("The policy must contain a valid version string"));
        }
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
            Some(statement @ Value::Object(_)) => vec![statement],
            _ => return Err(malformed("Missing required field Statement")),
        };
        let statements = statements.into_iter().map(|statement| Statement::parse(statement, bucket)).collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }

    fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| statement.everyone)
    }

    fn lets_everyone_read(&self, bucket: &str, key: &str) -> bool {
        let object = format!("arn:aws:s3:::{bucket}/{key}");
        self.statements.iter().filter(|statement| statement.everyone).any(|statement| {
            // Names of actions have no case.
            statement.actions.iter().any(|action| wildcard(&action.to_ascii_lowercase(), "s3:getobject"))
                && statement.resources.iter().any(|resource| wildcard(resource, &object))
        })
    }
}

impl Statement {
    fn parse(statement: &Value, bucket: &str) -> Result<Self, ApiError> {
        let Value::Object(fields) = statement else { return Err(malformed("Missing required field Effect")) };
        for field in fields.keys() {
            match field.as_str() {
                "Sid" | "Effect" | "Principal" | "Action" | "Resource" => {}
                "Condition" | "NotPrincipal" | "NotAction" | "NotResource" => return Err(not_implemented(&format!("{field} of a policy"))),
                unknown => return Err(malformed(format!("Unknown field {unknown}"))),
            }
        }
        match fields.get("Effect").and_then(Value::as_str) {
            Some("Allow") => {}
            Some("Deny") => return Err(not_implemented("Deny of a policy")),
            Some(other) => return Err(malformed(format!("Invalid effect: {other}"))),
            None => return Err(malformed("Missing required field Effect")),
        }
        let field = |name: &str| fields.get(name).ok_or_else(|| malformed(format!("Missing required field {name}")));
        let everyone = is_everyone(field("Principal")?)?;
        let (actions, resources) = (texts(field("Action")?), texts(field("Resource")?));
        let (of_bucket, of_objects) = (format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/"));
        if resources.is_empty() || !resources.iter().all(|resource| *resource == of_bucket || resource.starts_with(&of_objects)) {
            return Err(malformed("Policy has invalid resource"));
        }
        if actions.is_empty() || !actions.iter().all(|action| action == "*" || is_of_s3(action)) {
            return Err(malformed("Policy has invalid action"));
        }
        let applies = |action: &String| match Level::of(action) {
            Level::Any => true,
            Level::Objects => resources.iter().any(|resource| *resource != of_bucket),
            Level::Bucket => resources.contains(&of_bucket),
        };
        if !actions.iter().all(applies) {
            return Err(malformed("Action does not apply to any resource(s) in statement"));
        }
        Ok(Self { everyone, actions, resources })
    }
}

/// What an action is done to.
enum Level {
    Bucket,
    Objects,
    Any,
}

impl Level {
    /// Tells it from an action's name; one with a wildcard may be several.
    fn of(action: &str) -> Self {
        let action = action.to_ascii_lowercase();
        let is_of_objects = action.contains("object") && !action.contains("bucketobjectlock")
            || ["s3:abortmultipartupload", "s3:listmultipartuploadparts", "s3:bypassgovernanceretention"].contains(&&*action);
        match action.contains(['*', '?']) {
            true => Self::Any,
            false if is_of_objects => Self::Objects,
            false => Self::Bucket,
        }
    }
}

/// Tells whether everyone is among those that are named.
fn is_everyone(principal: &Value) -> Result<bool, ApiError> {
    match principal {
        Value::String(everyone) if everyone == "*" => Ok(true),
        Value::Object(kinds) if !kinds.is_empty() => {
            let known = ["AWS", "CanonicalUser", "Federated", "Service"];
            if !kinds.iter().all(|(kind, named)| known.contains(&kind.as_str()) && !texts(named).is_empty()) {
                return Err(malformed("Invalid policy syntax."));
            }
            Ok(kinds.get("AWS").is_some_and(|named| texts(named).iter().any(|name| name == "*")))
        }
        _ => Err(malformed("Invalid policy syntax.")),
    }
}

fn is_of_s3(action: &str) -> bool {
    let name = action.get(..3).filter(|service| service.eq_ignore_ascii_case("s3:")).and_then(|_| action.get(3..));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "*?".contains(c)))
}

/// Reads one text or a list of them; none where there is anything else.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => {
            let texts: Option<Vec<_>> = list.iter().map(|text| text.as_str().map(str::to_owned)).collect();
            texts.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "MalformedPolicy", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(field: &str, value: Value) -> String {
        let mut policy: Value = serde_json::from_str(&of_media("acme")).unwrap();
        policy["Statement"][0][field] = value;
        policy.to_string()
    }

    #[test]
    fn what_everyone_may_read_is_told_by_principal_action_and_resource() {
        let reads = |policy: &str| Policy::parse(policy, "acme").unwrap().lets_everyone_read("acme", "bakehouse/web/logo.png");
        assert!(reads(&of_media("acme")));
        for (field, value, expected) in [
            ("Principal", json!({ "AWS": "*" }), true),
            ("Principal", json!({ "AWS": ["111122223333", "*"] }), true),
            ("Principal", json!({ "AWS": "111122223333" }), false),
            ("Principal", json!({ "Service": "cloudfront.amazonaws.com" }), false),
            ("Action", json!("S3:getobject"), true),
            ("Action", json!(["s3:PutObject", "s3:Get*"]), true),
            ("Action", json!("*"), true),
            ("Action", json!("s3:PutObject"), false),
            ("Resource", json!("arn:aws:s3:::acme/*/web/*.png"), true),
            ("Resource", json!(["arn:aws:s3:::acme/other/*", "arn:aws:s3:::acme/bakehouse/web/logo.png"]), true),
            ("Resource", json!("arn:aws:s3:::acme/other/*"), false),
        ] {
            assert_eq!(reads(&with(field, value.clone())), expected, "{field} {value}");
        }
    }

    #[test]
    fn policies_that_s3_would_not_take_are_refused() {
        let refusal = |policy: &str| Policy::parse(policy, "acme").unwrap_err();
        for (policy, message) in [
            ("nonsense".to_owned(), "Policies must be valid JSON and the first byte must be '{'"),
            (format!(" {}", of_media("acme")), "Policies must be valid JSON and the first byte must be '{'"),
            ("{}".to_owned(), "Missing required field Statement"),
            (json!({ "Statement": [], "Why": 1 }).to_string(), "Unknown field Why"),
            (json!({ "Version": "2026-01-01", "Statement": [] }).to_string(), "The policy must contain a valid version string"),
            (with("Effect", json!("Perhaps")), "Invalid effect: Perhaps"),
            (with("Principal", json!("acme")), "Invalid policy syntax."),
            (with("Action", json!("ec2:RunInstances")), "Policy has invalid action"),
            (with("Resource", json!("arn:aws:s3:::other/*")), "Policy has invalid resource"),
            (with("Resource", json!("arn:aws:s3:::acme")), "Action does not apply to any resource(s) in statement"),
            (with("Action", json!(["s3:GetObject", "s3:ListBucket"])), "Action does not apply to any resource(s) in statement"),
            (with("Sid", json!("x".repeat(MOST_POLICY_BYTES))), "Policy exceeds the maximum allowed document size."),
        ] {
            assert_eq!((&*refusal(&policy).code, &*refusal(&policy).message), ("MalformedPolicy", message), "{policy}");
        }
        for policy in [with("Effect", json!("Deny")), with("Condition", json!({})), with("NotAction", json!("s3:GetObject"))] {
            assert_eq!(refusal(&policy).code, "NotImplemented", "{policy}");
        }
    }
}
