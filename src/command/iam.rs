//! `bakehouse iam`: the permissions that commands need, and the Marketplace's role, as documents.

use std::collections::BTreeSet;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::context::{known_product, workspace};
use crate::cli::Global;
use crate::cloud::{self, Bounds, COMMANDS, INGESTION_POLICY};
use crate::failure::Failure;
use crate::manifest::{Faults, Workspace};
use crate::model::ids::{AccountId, Region, Slug};
use crate::model::product::{Base, Product};
use crate::model::target::{BucketPlace, TargetName};
use crate::ui::{self, Ui};

/// Arguments of `iam`.
#[derive(Debug, Args)]
pub struct IamArgs {
    /// What is wanted.
    #[command(subcommand)]
    pub command: IamCommand,
}

/// What is wanted.
#[derive(Debug, Subcommand)]
pub enum IamCommand {
    /// Print the least that commands need
    Policy(PolicyArgs),
    /// Print the role that the Marketplace takes on to copy an image
    IngestionRole(RoleArgs),
}

/// Arguments of `iam policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// For these commands, a space in a name as a hyphen: ship,list-status,ledger-verify [default: all]
    #[arg(long = "for", value_name = "COMMANDS", value_delimiter = ',')]
    pub commands: Vec<String>,
    /// For these products alone [default: any that bakehouse has tagged]
    #[arg(long = "product", value_name = "PRODUCTS", value_delimiter = ',')]
    pub products: Vec<Slug>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Document,
    /// Print this one of several policies
    #[arg(long, value_name = "NUMBER")]
    pub part: Option<usize>,
}

/// Arguments of `iam ingestion-role`.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Document,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// As IAM takes it.
    #[default]
    Json,
    /// A CloudFormation template.
    Cloudformation,
}

/// Prints a document. Asks nobody: neither credentials nor a twin are needed.
///
/// # Errors
///
/// An unknown command or product; a faulty manifest.
pub fn run(global: &Global, args: &IamArgs) -> Result<(), Failure> {
    match &args.command {
        IamCommand::Policy(args) => policy(global, args),
        IamCommand::IngestionRole(args) => ingestion_role(global, args),
    }
}

fn policy(global: &Global, args: &PolicyArgs) -> Result<(), Failure> {
    let commands = if args.commands.is_empty() {
        COMMANDS.to_vec()
    } else {
        args.commands.iter().map(|name| cloud::command(name).copied().ok_or_else(|| unknown(name))).collect::<Result<_, _>>()?
    };
    let account = (args.format == Document::Cloudformation).then_some(ACCOUNT_OF_THE_STACK);
    let policies = cloud::policies(&commands, &bounds(global, &args.products, account)?);
    let shown = match (args.format, args.part) {
        (Document::Cloudformation, _) => template(&policies),
        (Document::Json, Some(part)) => {
            let chosen = part.checked_sub(1).and_then(|index| policies.get(index));
            chosen.cloned().ok_or_else(|| Failure::other(format!("there is no part {part}"), format!("there are {}", policies.len())))?
        }
        (Document::Json, None) if policies.len() == 1 => policies[0].clone(),
        (Document::Json, None) => {
            Ui::new().say(&format!(
                "note: {} policies, each within IAM's {} characters, to be attached together; --part 1 prints one alone",
                policies.len(),
                cloud::MOST_POLICY_CHARACTERS
            ));
            Value::Array(policies)
        }
    };
    ui::print(&pretty(&shown));
    Ok(())
}

fn ingestion_role(global: &Global, args: &RoleArgs) -> Result<(), Failure> {
    let names = role_names(&bounds(global, &[], None)?);
    let shown = match args.format {
        Document::Json => {
            Ui::new().say(&format!(
                "note: aws iam create-role --cli-input-json takes it with AssumeRolePolicyDocument as a text; then attach {INGESTION_POLICY}"
            ));
            let mut roles: Vec<Value> = names.iter().map(|name| role(name)).collect();
            for role in &mut roles {
                role["AssumeRolePolicyDocument"] = Value::String(role["AssumeRolePolicyDocument"].to_string());
            }
            if roles.len() == 1 {
                roles.remove(0)
            } else {
                Ui::new().say(&format!("note: {} roles, for the manifests name as many; one call takes one of them", roles.len()));
                Value::Array(roles)
            }
        }
        Document::Cloudformation => roles_template(&names),
    };
    ui::print(&pretty(&shown));
    Ok(())
}

/// Returns the roles' names with their paths; one of AWS's own examples where no manifest names any.
fn role_names(bounds: &Bounds) -> BTreeSet<String> {
    let named = bounds.ingestion_roles.iter().filter_map(|arn| arn.as_str().split_once(":role/"));
    let names: BTreeSet<String> = named.map(|(_, name)| name.to_owned()).collect();
    if names.is_empty() { BTreeSet::from(["AWSMarketplaceAmiIngestion".to_owned()]) } else { names }
}

fn role(name: &str) -> Value {
    let (path, name) = name.rsplit_once('/').map_or(("/".to_owned(), name), |(path, name)| (format!("/{path}/"), name));
    json!({
        "Path": path,
        "RoleName": name,
        "Description": "Lets AWS Marketplace copy the images that are submitted to it",
        "AssumeRolePolicyDocument": cloud::ingestion_trust(),
    })
}

fn roles_template(names: &BTreeSet<String>) -> Value {
    let resources = names.iter().enumerate().map(|(index, name)| {
        let mut properties = role(name);
        properties["ManagedPolicyArns"] = json!([INGESTION_POLICY]);
        let logical = if index == 0 { "IngestionRole".to_owned() } else { format!("IngestionRole{}", index + 1) };
        (logical, json!({ "Type": "AWS::IAM::Role", "Properties": properties }))
    });
    stack(Value::Object(resources.collect()))
}

/// What CloudFormation calls the account that it works in.
const ACCOUNT_OF_THE_STACK: &str = "${AWS::AccountId}";

/// Reads off the manifests which Regions, parameters and roles are used on AWS: IAM is nowhere else.
fn bounds(global: &Global, only: &[Slug], account: Option<&str>) -> Result<Bounds, Failure> {
    bounds_in(&workspace(global)?, only, account)
}

fn bounds_in(workspace: &Workspace, only: &[Slug], account: Option<&str>) -> Result<Bounds, Failure> {
    only.iter().try_for_each(|slug| known_product(workspace, slug))?;
    let slugs = if only.is_empty() { workspace.products()? } else { only.to_vec() };
    let account = account.map(str::to_owned).or_else(|| workspace.settings.account.as_ref().map(ToString::to_string));
    // `{account}` in a role's ARN is read as nobody's, which the policy replaces by what stands for the account.
    let nobody = AccountId::placeholder();
    let (mut products, mut faults) = (Vec::new(), Faults::default());
    for slug in &slugs {
        match workspace.load(slug, TargetName::Aws, Some(&nobody)) {
            Ok(variants) => products.extend(variants),
            Err(found) => faults.append(found),
        }
    }
    if faults.errors() > 0 {
        return Err(Failure::Manifest(faults));
    }
    let ledger = workspace.settings.ledgers.get(&TargetName::Aws);
    Ok(bounds_of(&products, account.unwrap_or_else(|| "*".to_owned()), only.iter().cloned().collect(), ledger))
}

/// Holds policies to what manifests use: their Regions, parameters, roles and buckets, and the ledger's
/// bucket if it lies in one. `only` are the products that tags are held to.
pub fn bounds_of(products: &[Product], account: String, only: BTreeSet<Slug>, ledger: Option<&BucketPlace>) -> Bounds {
    let mut bounds = Bounds {
        account,
        regions: BTreeSet::from([Region::marketplace()]),
        products: only,
        parameters: BTreeSet::new(),
        ingestion_roles: BTreeSet::new(),
        payload_buckets: BTreeSet::new(),
        media_buckets: BTreeSet::new(),
        ledger: ledger.cloned(),
    };
    for product in products {
        bounds.regions.insert(product.build.region.clone());
        bounds.regions.extend(product.distribution.regions.iter().cloned());
        bounds.ingestion_roles.insert(product.listing.access_role.clone());
        bounds.payload_buckets.extend(product.build.bucket.clone());
        bounds.media_buckets.extend(product.media().into_iter().map(|media| media.bucket.clone()));
        if let Base::Parameter { name } = &product.image.base
            && !name.starts_with("/aws/service/")
        {
            bounds.parameters.insert(name.clone());
        }
    }
    bounds
}

fn template(policies: &[Value]) -> Value {
    let resources = policies.iter().enumerate().map(|(index, policy)| {
        let properties = json!({
            "Description": "What bakehouse needs (made by bakehouse iam policy)",
            "PolicyDocument": substituted(policy),
        });
        (format!("Bakehouse{}", index + 1), json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": properties }))
    });
    stack(Value::Object(resources.collect()))
}

fn stack(resources: Value) -> Value {
    json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources })
}

/// Has CloudFormation put its account in where a text asks for it.
fn substituted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains(ACCOUNT_OF_THE_STACK) => json!({ "Fn::Sub": text }),
        Value::Array(items) => items.iter().map(substituted).collect(),
        Value::Object(members) => Value::Object(members.iter().map(|(key, value)| (key.clone(), substituted(value))).collect()),
        other => other.clone(),
    }
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    Failure::other(format!("{name:?} is no command that works on a target"), format!("there are: {}", names.join(", ")))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a document is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::scaffold;

    fn workspace(folder: &tempfile::TempDir, settings: &str, roles: &[&str]) -> Workspace {
        std::fs::write(folder.path().join("bakehouse.toml"), format!("format = 1\n{settings}")).unwrap();
        for (index, role) in roles.iter().enumerate() {
            for (path, content) in scaffold(&format!("demo-{index}").parse().unwrap()) {
                let content = String::from_utf8_lossy(&content).replace("role/AWSMarketplaceAmiIngestion", &format!("role/{role}"));
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
        }
        Workspace::open(folder.path()).unwrap()
    }

    /// Returns what the policy of `list` lets be passed on.
    fn passed(workspace: &Workspace, account: Option<&str>) -> Value {
        let policies = cloud::policies(&[*cloud::command("list").unwrap()], &bounds_in(workspace, &[], account).unwrap());
        let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
        let mut roles = statements.filter(|statement| statement["Action"] == json!(["iam:PassRole"]));
        roles.next().expect("a role is passed on")["Resource"].clone()
    }

    #[test]
    fn the_role_passed_on_is_of_the_account_that_the_policy_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let unknown = workspace(&folder, "", &["Ingest"]);
        assert_eq!(passed(&unknown, None), json!(["arn:aws:iam::*:role/Ingest"]));
        assert_eq!(passed(&unknown, Some(ACCOUNT_OF_THE_STACK)), json!(["arn:aws:iam::${AWS::AccountId}:role/Ingest"]));
        let known = workspace(&folder, "account = \"123456789012\"\n", &["Ingest"]);
        assert_eq!(passed(&known, None), json!(["arn:aws:iam::123456789012:role/Ingest"]));
        assert_eq!(passed(&known, Some(ACCOUNT_OF_THE_STACK)), json!(["arn:aws:iam::${AWS::AccountId}:role/Ingest"]));
    }

    #[test]
    fn the_buckets_are_those_of_manifests_and_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(&folder, "[on.aws]\nledger = \"s3://acme-releases/ledger\"\n", &["Ingest"]);
        let manifest = folder.path().join("products/demo-0/product.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("\n[image.build]\n"));
        std::fs::write(&manifest, text.replace("\n[image.build]\n", "\n[image.build]\nbucket = \"acme-bakes\"\n")).unwrap();
        let bounds = bounds_in(&workspace, &[], None).unwrap();
        assert_eq!(bounds.payload_buckets, BTreeSet::from(["acme-bakes".to_owned()]));
        assert_eq!(bounds.ledger.map(|place| place.to_string()).as_deref(), Some("s3://acme-releases/ledger"));
    }

    #[test]
    fn each_role_of_the_manifests_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let names = role_names(&bounds_in(&workspace(&folder, "", &["Ingest", "team/Other"]), &[], None).unwrap());
        let template = roles_template(&names);
        let roles: Vec<(&Value, &Value)> = template["Resources"]
            .as_object()
            .unwrap()
            .values()
            .map(|resource| (&resource["Properties"]["Path"], &resource["Properties"]["RoleName"]))
            .collect();
        assert_eq!(roles, [(&json!("/"), &json!("Ingest")), (&json!("/team/"), &json!("Other"))]);
    }
}
