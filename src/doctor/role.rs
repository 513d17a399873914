//! The role that the Marketplace takes on to copy an image.

use std::collections::BTreeSet;

use super::{Check, Health};
use crate::cloud::{CloudError, INGESTION_POLICY, INGESTION_PRINCIPAL, Reader, RoleDescription};
use crate::model::ids::{AccountId, RoleArn};

/// Looks at each role that manifests name.
pub async fn roles(reader: &Reader, account: &AccountId, roles: &BTreeSet<RoleArn>) -> Vec<Check> {
    let mut checks = Vec::new();
    for arn in roles {
        checks.push(match own_name(arn, account) {
            Some(name) => judge(arn, reader.role(name).await),
            None => Check::not(
                Health::Fail,
                "ingestion role",
                arn,
                format!("is not of account {account}; the Marketplace takes the image's owner's alone"),
                "mend distribution.ingestion-role",
            ),
        });
    }
    checks
}

/// Returns the name of a role of the account: what follows the last slash of its ARN.
fn own_name<'a>(arn: &'a RoleArn, account: &AccountId) -> Option<&'a str> {
    let (owner, path) = arn.as_str().strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    (owner == account.as_str()).then(|| path.rsplit('/').next().unwrap_or(path))
}

fn judge(arn: &RoleArn, answer: Result<Option<RoleDescription>, CloudError>) -> Check {
    let make = "bakehouse iam ingestion-role prints it; make it in this account";
    let bad = |found: String, remedy: &str| Check::not(Health::Fail, "ingestion role", arn, found, remedy);
    let role = match answer {
        Ok(Some(role)) => role,
        Ok(None) => return bad("is not there".to_owned(), make),
        Err(error) => return Check::refused("ingestion role", arn, &error),
    };
    if role.arn != arn.as_str() {
        return bad(format!("is {} in truth", role.arn), "write its whole path into distribution.ingestion-role");
    }
    if !role.trusts.contains(INGESTION_PRINCIPAL) {
        return bad(format!("does not trust {INGESTION_PRINCIPAL}"), "give it the trust policy that bakehouse iam ingestion-role prints");
    }
    if !role.policies.contains(INGESTION_POLICY) {
        // Its permissions may come from elsewhere, which can't be judged from here.
        let remedy = format!("attach {INGESTION_POLICY}, unless a policy of your own allows the same");
        return Check::not(Health::Warn, "ingestion role", arn, "lacks the managed policy AWSMarketplaceAmiIngestion", remedy);
    }
    Check::ok("ingestion role", arn, format!("trusts {INGESTION_PRINCIPAL} and has its policy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_judged_by_path_trust_and_policies() {
        let arn: RoleArn = "arn:aws:iam::123456789012:role/market/Copy".parse().unwrap();
        let role = |arn: &str, trusts: &str, policy: &str| {
            let one = |text: &str| BTreeSet::from([text.to_owned()]);
            Ok(Some(RoleDescription { arn: arn.to_owned(), trusts: one(trusts), policies: one(policy) }))
        };
        for (answer, health) in [
            (role(arn.as_str(), INGESTION_PRINCIPAL, INGESTION_POLICY), Health::Ok),
            (role(arn.as_str(), INGESTION_PRINCIPAL, "arn:aws:iam::aws:policy/Other"), Health::Warn),
            (role(arn.as_str(), "ec2.amazonaws.com", INGESTION_POLICY), Health::Fail),
            (role("arn:aws:iam::123456789012:role/Copy", INGESTION_PRINCIPAL, INGESTION_POLICY), Health::Fail),
            (Ok(None), Health::Fail),
        ] {
            assert_eq!(judge(&arn, answer.clone()).health, health, "{answer:?}");
        }
        assert_eq!(own_name(&arn, &"123456789012".parse().unwrap()), Some("Copy"));
        assert_eq!(own_name(&arn, &"210987654321".parse().unwrap()), None);
    }
}
