//! What the caller may do: by IAM's simulation where that is allowed, by dry runs in any case.

use std::collections::BTreeSet;

use super::{Check, Health};
use crate::cloud::{Bounds, CloudError, Command, Identity, Reader, probes};
use crate::model::product::Product;

/// What prints the policy that is missing.
const REMEDY: &str = "bakehouse iam policy --for ship prints what is needed";

/// Asks IAM for every action that `commands` need, and EC2 for what starts a bake of each product.
pub async fn permissions(reader: &Reader, identity: &Identity, commands: &[Command], bounds: &Bounds, products: &[Product]) -> Vec<Check> {
    let mut checks = vec![simulated(reader, identity, commands, bounds).await];
    for product in products {
        let build = &product.build;
        let subject = format!("{} in {}", product.variant(), build.region);
        checks.push(match reader.base(&build.region, &product.image.base).await {
            Ok(base) => {
                let run = reader.may_run_instance(&build.region, &base.image.id, &build.instance_type, build.subnet.as_ref()).await;
                let group = reader.may_create_security_group(&build.region).await;
                dry_run(&subject, [run, group])
            }
            Err(error) => {
                let remedy = format!("mend image.base in the manifest; bakehouse plan {} says what else there is to do", product.slug);
                Check::not(Health::Fail, "base image", subject, error.to_string(), remedy)
            }
        });
    }
    checks
}

fn dry_run(subject: &str, answers: [Result<(), CloudError>; 2]) -> Check {
    match answers.into_iter().find_map(Result::err) {
        None => Check::ok("dry run", subject, "EC2 would start the bake"),
        Some(error) if error.is_denied() => Check::not(Health::Fail, "dry run", subject, error.to_string(), REMEDY),
        Some(error) => Check::not(Health::Fail, "dry run", subject, error.to_string(), "mend what EC2 says"),
    }
}

async fn simulated(reader: &Reader, identity: &Identity, commands: &[Command], bounds: &Bounds) -> Check {
    let principal = match principal(reader, &identity.arn).await {
        Ok(principal) => principal,
        Err(check) => return check,
    };
    let mut denied = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for probe in probes(commands, bounds) {
        match reader.simulate(&principal, &probe.actions, &probe.resource, &probe.conditions).await {
            Ok(decisions) => denied.extend(decisions.into_iter().filter(|(_, allowed)| !allowed).map(|(action, _)| action)),
            Err(error) if error.is_denied() => {
                let remedy = "allow iam:SimulatePrincipalPolicy, or try a first bake";
                return Check::not(Health::Unknown, "permissions", principal, "IAM doesn't let the caller ask what it may do", remedy);
            }
            Err(error) => return Check::refused("permissions", principal, &error),
        }
        asked.extend(probe.actions);
    }
    if denied.is_empty() {
        return Check::ok("permissions", principal, format!("may do all {} actions that ship needs", asked.len()));
    }
    let denied: Vec<String> = denied.into_iter().collect();
    Check::not(Health::Fail, "permissions", principal, format!("may not {}", denied.join(", ")), REMEDY)
}

/// Finds whose policies hold: a session's are those of its role.
async fn principal(reader: &Reader, arn: &str) -> Result<String, Check> {
    let Some((_, rest)) = arn.split_once(":assumed-role/") else {
        return if arn.ends_with(":root") {
            let remedy = "make a role or user of its own: bakehouse iam policy prints what it needs";
            Err(Check::not(Health::Warn, "permissions", arn, "the root user may do everything, and should not be used", remedy))
        } else {
            Ok(arn.to_owned())
        };
    };
    let name = rest.split('/').next().unwrap_or(rest);
    match reader.role(name).await {
        Ok(Some(role)) => Ok(role.arn),
        Ok(None) => Err(Check::not(Health::Unknown, "permissions", arn, "its role is of another account", "ask there")),
        Err(error) => Err(Check::refused("permissions", arn, &error)),
    }
}
