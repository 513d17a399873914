//! IAM documents: the least that commands need, and the role that the Marketplace takes on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::objects::PAYLOADS;
use super::permissions::{CHANGE_TYPES, Command, Kind, Scope, operations};
use crate::model::ids::{AccountId, Region, RoleArn, Slug};
use crate::model::image::tag;
use crate::model::target::BucketPlace;

/// Characters that a managed policy has at most, white space not counted.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const MOST_POLICY_CHARACTERS: usize = 6_144;

/// The principal that copies images for the Marketplace.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/ami-single-ami-products.html>
pub const INGESTION_PRINCIPAL: &str = "assets.marketplace.amazonaws.com";

/// The managed policy that lets it do so.
pub const INGESTION_POLICY: &str = "arn:aws:iam::aws:policy/AWSMarketplaceAmiIngestion";

/// The version of the language that policies are written in.
const VERSION: &str = "2012-10-17";

/// What a policy is held to, beside the commands it is for.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The account, or what stands for it in a template (`${AWS::AccountId}`, `*`).
    pub account: String,
    /// The Regions worked in.
    pub regions: BTreeSet<Region>,
    /// The products worked on; any when there are none.
    pub products: BTreeSet<Slug>,
    /// Parameters of the account's own that name base images.
    pub parameters: BTreeSet<String>,
    /// The roles that the Marketplace takes on.
    pub ingestion_roles: BTreeSet<RoleArn>,
    /// The buckets that payloads of bakes lie in.
    pub payload_buckets: BTreeSet<String>,
    /// The buckets where the files lie that the Marketplace fetches.
    pub media_buckets: BTreeSet<String>,
    /// The ledger, where it lies in a bucket.
    pub ledger: Option<BucketPlace>,
}

/// Makes the policies that commands need: more than one where one would be too long.
pub fn policies(commands: &[Command], bounds: &Bounds) -> Vec<Value> {
    let mut documents: Vec<Vec<Value>> = vec![Vec::new()];
    for statement in statements(commands, bounds) {
        let last = documents.last_mut().expect("there is always one");
        last.push(statement);
        if !last.is_empty() && characters(&document(last)) > MOST_POLICY_CHARACTERS && last.len() > 1 {
            let statement = last.pop().expect("it was just pushed");
            documents.push(vec![statement]);
        }
    }
    documents.iter().filter(|statements| !statements.is_empty()).map(|statements| document(statements)).collect()
}

/// A question to IAM: may these things be done to something of a kind, under these conditions?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is to be done.
    pub actions: BTreeSet<String>,
    /// To what: an ARN as such a thing has it, or `*`.
    pub resource: String,
    /// What the request would bring along, by condition key.
    pub conditions: BTreeMap<String, String>,
}

/// Makes the questions whose answers tell whether commands would be let do their work.
pub fn probes(commands: &[Command], bounds: &Bounds) -> Vec<Probe> {
    let product = bounds.products.iter().next().map_or("a-product", |slug| slug.as_str());
    let mut probes: BTreeMap<(String, BTreeMap<String, String>), BTreeSet<String>> = BTreeMap::new();
    for operation in operations(commands) {
        for (action, scope) in operation.grants {
            let mut conditions = BTreeMap::from([("aws:RequestedRegion".to_owned(), Region::marketplace().to_string())]);
            let mut bring = |key: String, value: &str| conditions.insert(key, value.to_owned());
            match scope {
                Scope::Made(_) => drop(bring(format!("aws:RequestTag/{}", tag::PRODUCT), product)),
                Scope::Ours(_) | Scope::OursUnreleased(_) => drop(bring(format!("aws:ResourceTag/{}", tag::PRODUCT), product)),
                Scope::TagsWhenMade(_) => drop(bring("ec2:CreateAction".to_owned(), operation.name)),
                Scope::ChangesOfEntities => drop(bring("catalog:ChangeType".to_owned(), "AddDeliveryOptions")),
                Scope::IngestionRole => drop(bring("iam:PassedToService".to_owned(), INGESTION_PRINCIPAL)),
                Scope::PayloadBuckets => drop(bring("s3:prefix".to_owned(), &format!("{PAYLOADS}/"))),
                Scope::All | Scope::Others(_) | Scope::Parameters | Scope::Entities | Scope::ChangeSets => {}
                Scope::Payloads | Scope::Media | Scope::LedgerBucket | Scope::Ledger => {}
            }
            for resource in resources(*scope, bounds) {
                probes.entry((example(&resource), conditions.clone())).or_default().insert((*action).to_owned());
            }
        }
    }
    probes.into_iter().map(|((resource, conditions), actions)| Probe { actions, resource, conditions }).collect()
}

/// Returns an ARN that a pattern of [`resources`] matches.
fn example(pattern: &str) -> String {
    match pattern {
        "*" => pattern.to_owned(),
        _ => pattern
            .replace("ec2:*:", "ec2:us-east-1:")
            .replace("ssm:*:", "ssm:us-east-1:")
            .replace(".*/", ".x86_64/")
            .replace("/*", "/0123456789abcdef0"),
    }
}

/// Counts a policy's characters as IAM does: without white space.
pub fn characters(policy: &Value) -> usize {
    policy.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// Returns the trust policy of the role that the Marketplace takes on.
pub fn ingestion_trust() -> Value {
    document(&[json!({ "Effect": "Allow", "Principal": { "Service": INGESTION_PRINCIPAL }, "Action": "sts:AssumeRole" })])
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": VERSION, "Statement": statements })
}

/// One statement a scope: the actions of all operations that have it.
fn statements(commands: &[Command], bounds: &Bounds) -> Vec<Value> {
    let mut actions: BTreeMap<Scope, BTreeSet<&str>> = BTreeMap::new();
    let (mut tagged, mut tagging) = (BTreeSet::new(), BTreeSet::new());
    for operation in operations(commands) {
        for (action, scope) in operation.grants {
            if let Scope::TagsWhenMade(kinds) = scope {
                tagged.extend(kinds.iter().copied());
                tagging.insert(operation.name);
            } else {
                actions.entry(*scope).or_default().insert(action);
            }
        }
    }
    let mut statements: Vec<Value> =
        actions.iter().enumerate().filter_map(|(number, (scope, actions))| statement(number, *scope, actions, bounds)).collect();
    if !tagging.is_empty() {
        statements.push(json!({
            "Sid": "TagsWhenMade",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": tagged.iter().map(|kind| arn(*kind, bounds)).collect::<Vec<_>>(),
            "Condition": { "StringEquals": { "ec2:CreateAction": tagging } },
        }));
    }
    statements
}

/// Writes a statement; `None` where the bounds leave nothing to allow.
fn statement(number: usize, scope: Scope, actions: &BTreeSet<&str>, bounds: &Bounds) -> Option<Value> {
    let resources = resources(scope, bounds);
    let (sid, mut condition) = match scope {
        Scope::All => ("Looks", json!({})),
        Scope::Made(_) => ("Makes", of_product("aws:RequestTag", bounds)),
        Scope::Ours(_) => ("Ours", of_product("aws:ResourceTag", bounds)),
        Scope::OursUnreleased(_) => ("Unreleased", of_product("aws:ResourceTag", bounds)),
        Scope::Others(_) => ("Uses", json!({})),
        Scope::Parameters => ("Parameters", json!({})),
        Scope::Entities => ("Entities", json!({})),
        Scope::ChangesOfEntities => ("Changes", json!({ "StringEquals": { "catalog:ChangeType": CHANGE_TYPES } })),
        Scope::ChangeSets => ("ChangeSets", json!({})),
        Scope::IngestionRole => ("IngestionRole", json!({ "StringEquals": { "iam:PassedToService": INGESTION_PRINCIPAL } })),
        Scope::PayloadBuckets => ("PayloadBuckets", json!({ "StringLike": { "s3:prefix": format!("{PAYLOADS}/*") } })),
        Scope::Payloads => ("Payloads", json!({})),
        Scope::Media => ("Media", json!({})),
        // Not held to the ledger's prefix: who may not list is told of an object that isn't there that it is forbidden.
        Scope::LedgerBucket => ("LedgerBucket", json!({})),
        Scope::Ledger => ("Ledger", json!({})),
        Scope::TagsWhenMade(_) => return None,
    };
    if resources.is_empty() {
        return None;
    }
    if matches!(scope, Scope::OursUnreleased(_)) {
        condition["StringNotEquals"] = json!({ format!("aws:ResourceTag/{}", tag::STATE): "released" });
    }
    if actions.iter().any(|action| action.starts_with("ec2:Modify")) {
        // An image for sale is shared with accounts, never with everybody.
        condition["StringNotEqualsIfExists"] = json!({ "ec2:Add/group": "all" });
    }
    // IAM is nowhere; a bucket is named, wherever it is.
    if !actions.iter().all(|action| action.starts_with("iam:") || action.starts_with("s3:")) {
        condition["StringEquals"]["aws:RequestedRegion"] = json!(bounds.regions);
    }
    let mut statement = json!({ "Sid": format!("{sid}{number}"), "Effect": "Allow", "Action": actions, "Resource": resources });
    if condition.as_object().is_some_and(|condition| !condition.is_empty()) {
        statement["Condition"] = condition;
    }
    Some(statement)
}

/// Returns patterns of the ARNs that a scope is about.
fn resources(scope: Scope, bounds: &Bounds) -> Vec<String> {
    match scope {
        Scope::All => vec!["*".to_owned()],
        Scope::Made(kinds) | Scope::Ours(kinds) | Scope::OursUnreleased(kinds) | Scope::Others(kinds) | Scope::TagsWhenMade(kinds) => {
            kinds.iter().map(|kind| arn(*kind, bounds)).collect()
        }
        Scope::Parameters => parameters(bounds),
        Scope::Entities => catalog(&["AmiProduct", "Offer"], bounds),
        Scope::ChangesOfEntities => catalog(&["AmiProduct", "Offer", "ChangeSet"], bounds),
        Scope::ChangeSets => catalog(&["ChangeSet"], bounds),
        Scope::IngestionRole => roles(bounds),
        Scope::PayloadBuckets => bounds.payload_buckets.iter().map(|bucket| format!("arn:aws:s3:::{bucket}")).collect(),
        Scope::Payloads => payloads(bounds),
        Scope::Media => media(bounds),
        Scope::LedgerBucket => bounds.ledger.iter().map(|place| format!("arn:aws:s3:::{}", place.bucket)).collect(),
        Scope::Ledger => bounds.ledger.iter().map(ledger).collect(),
    }
}

/// A file's key for the Marketplace begins with its product's name: that of [`crate::model::media::MediaFile`].
fn media(bounds: &Bounds) -> Vec<String> {
    objects(&bounds.media_buckets, "bakehouse", "", bounds)
}

/// A payload's key begins with its variant's name: `bundles/PRODUCT.ARCHITECTURE/`.
fn payloads(bounds: &Bounds) -> Vec<String> {
    objects(&bounds.payload_buckets, PAYLOADS, ".*", bounds)
}

/// More objects than these are allowed as a whole: a statement that names each would be no policy's.
const MOST_NAMED: usize = 20;

/// Names what lies in a folder of buckets, in folders of the products' own.
fn objects(buckets: &BTreeSet<String>, folder: &str, suffix: &str, bounds: &Bounds) -> Vec<String> {
    let own: Vec<String> = match bounds.products.len() * buckets.len() {
        1..=MOST_NAMED => bounds.products.iter().map(|product| format!("{product}{suffix}/*")).collect(),
        _ => vec!["*".to_owned()],
    };
    buckets.iter().flat_map(|bucket| own.iter().map(move |own| format!("arn:aws:s3:::{bucket}/{folder}/{own}"))).collect()
}

fn ledger(place: &BucketPlace) -> String {
    match place.prefix.as_str() {
        "" => format!("arn:aws:s3:::{}/*", place.bucket),
        prefix => format!("arn:aws:s3:::{}/{prefix}/*", place.bucket),
    }
}

/// Returns the roles' ARNs; one of nobody's account is one of the account that the policy is for.
fn roles(bounds: &Bounds) -> Vec<String> {
    let (nobody, account) = (format!("::{}:", AccountId::placeholder()), format!("::{}:", bounds.account));
    bounds.ingestion_roles.iter().map(|role| role.as_str().replace(&nobody, &account)).collect()
}

/// The condition that something carries, or is given, a product's tag.
fn of_product(key: &str, bounds: &Bounds) -> Value {
    let key = format!("{key}/{}", tag::PRODUCT);
    if bounds.products.is_empty() { json!({ "Null": { key: "false" } }) } else { json!({ "StringEquals": { key: bounds.products } }) }
}

/// Images and snapshots have no account in their ARNs.
fn arn(kind: Kind, bounds: &Bounds) -> String {
    let (account, name) = match kind {
        Kind::Image => ("", "image"),
        Kind::Snapshot => ("", "snapshot"),
        Kind::Instance => (bounds.account.as_str(), "instance"),
        Kind::KeyPair => (bounds.account.as_str(), "key-pair"),
        Kind::NetworkInterface => (bounds.account.as_str(), "network-interface"),
        Kind::SecurityGroup => (bounds.account.as_str(), "security-group"),
        Kind::Subnet => (bounds.account.as_str(), "subnet"),
        Kind::Volume => (bounds.account.as_str(), "volume"),
        Kind::Vpc => (bounds.account.as_str(), "vpc"),
    };
    format!("arn:aws:ec2:*:{account}:{name}/*")
}

fn parameters(bounds: &Bounds) -> Vec<String> {
    let own = bounds.parameters.iter().map(|name| format!("arn:aws:ssm:*:{}:parameter/{}", bounds.account, name.trim_start_matches('/')));
    std::iter::once("arn:aws:ssm:*::parameter/aws/service/*".to_owned()).chain(own).collect()
}

fn catalog(types: &[&str], bounds: &Bounds) -> Vec<String> {
    let region = Region::marketplace();
    types.iter().map(|kind| format!("arn:aws:aws-marketplace:{region}:{}:AWSMarketplace/{kind}/*", bounds.account)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::permissions::{COMMANDS, command};
    use super::*;

    fn bounds() -> Bounds {
        Bounds {
            account: "123456789012".to_owned(),
            regions: BTreeSet::from(["us-east-1".parse().unwrap(), "eu-central-1".parse().unwrap()]),
            products: BTreeSet::from(["hello-web".parse().unwrap()]),
            parameters: BTreeSet::new(),
            ingestion_roles: BTreeSet::from(["arn:aws:iam::123456789012:role/AWSMarketplaceAmiIngestion".parse().unwrap()]),
            payload_buckets: BTreeSet::from(["acme-bakes".to_owned()]),
            media_buckets: BTreeSet::from(["acme-media".to_owned()]),
            ledger: Some("s3://acme-releases/team/ledger".parse().unwrap()),
        }
    }

    #[test]
    fn the_policy_of_ship_is_this() {
        let policies = policies(&[*command("ship").unwrap()], &bounds());
        insta::assert_json_snapshot!(policies);
    }

    #[test]
    fn what_is_released_can_t_be_removed_whoever_asks() {
        let policies = policies(&[*command("gc").unwrap()], &bounds());
        let text = policies[0].to_string();
        assert!(text.contains(r#""StringNotEquals":{"aws:ResourceTag/bakehouse:state":"released"}"#), "{text}");
        for statement in policies[0]["Statement"].as_array().unwrap() {
            let removes = statement["Action"].as_array().unwrap().iter().any(|a| a == "ec2:DeleteSnapshot" || a == "ec2:DeregisterImage");
            assert_eq!(removes, statement["Condition"].get("StringNotEquals").is_some(), "{statement}");
        }
    }

    #[test]
    fn no_policy_is_longer_than_iam_takes_and_none_is_lost_in_splitting() {
        let mut bounds = bounds();
        bounds.products = (0..150).map(|n| format!("product-{n}").parse().unwrap()).collect();
        let split = policies(COMMANDS, &bounds);
        assert!(split.len() > 1);
        assert!(split.iter().all(|policy| characters(policy) <= MOST_POLICY_CHARACTERS), "{split:#?}");
        let sids = |policies: &[Value]| -> Vec<String> {
            policies.iter().flat_map(|p| p["Statement"].as_array().unwrap()).map(|s| s["Sid"].to_string()).collect()
        };
        let all = sids(&split);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a Sid is there twice");
        assert_eq!(all.len(), statements(COMMANDS, &bounds).len());
    }

    #[test]
    fn where_nothing_lies_in_a_bucket_no_bucket_is_allowed() {
        let bounds = Bounds { payload_buckets: BTreeSet::new(), media_buckets: BTreeSet::new(), ledger: None, ..bounds() };
        assert!(!policies(COMMANDS, &bounds)[0].to_string().contains("s3:"));
    }

    #[test]
    fn what_a_bucket_holds_beside_payloads_and_ledger_is_out_of_reach() {
        let bounds = Bounds { products: BTreeSet::new(), ..bounds() };
        let policies = policies(&[*command("ship").unwrap()], &bounds);
        let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
        let objects = statements.filter(|s| s["Action"].as_array().is_some_and(|actions| actions.iter().any(|a| a == "s3:PutObject")));
        let resources: Vec<&Value> = objects.map(|statement| &statement["Resource"]).collect();
        let ours = ["arn:aws:s3:::acme-bakes/bundles/*", "arn:aws:s3:::acme-media/bakehouse/*", "arn:aws:s3:::acme-releases/team/ledger/*"];
        assert_eq!(resources, ours.map(|ours| json!([ours])).iter().collect::<Vec<_>>());
    }

    #[test]
    fn looking_needs_no_permission_to_change() {
        for (name, bounds) in [("plan", bounds()), ("verify", bounds()), ("history", bounds()), ("show", bounds())] {
            for policy in policies(&[*command(name).unwrap()], &bounds) {
                for action in policy["Statement"].as_array().unwrap().iter().flat_map(|s| s["Action"].as_array().unwrap()) {
                    let verb = action.as_str().unwrap().split_once(':').unwrap().1;
                    assert!(["BatchDescribe", "Describe", "Get", "List"].iter().any(|look| verb.starts_with(look)), "{name}: {action}");
                }
            }
        }
    }
}
