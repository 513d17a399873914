//! `[distribution]`: who gets the image, beside the Marketplace's buyers.

use std::collections::BTreeMap;

use super::super::code::Code;
use super::super::context::Value;
use super::build::region;
use crate::model::ids::{AccountId, RoleArn};
use crate::model::product::{Distribution as Model, ShareSnapshots};

/// What stands for the target's account in the role's ARN.
const ACCOUNT: &str = "{account}";

/// The most accounts to share with. Source: EC2 quotas allow more; so many need an organization's ARN.
const MOST_ACCOUNTS: usize = 500;

/// What `[distribution]` says.
pub(super) struct Distribution {
    pub(super) distribution: Model,
    pub(super) ingestion_role: RoleArn,
}

/// Reads `[distribution]`.
pub(super) fn distribution(value: Value, account: &AccountId) -> Option<Distribution> {
    let reader = value.table()?;
    let ingestion_role = reader.required("ingestion-role").and_then(|value| ingestion_role(&value, account));
    let regions = reader.or("regions", Vec::new(), |value| value.list_of(0..=100, region));
    let accounts = reader.or("accounts", BTreeMap::new(), accounts);
    let share_with_marketplace = reader.or("share-with-marketplace", true, |value| value.boolean());
    reader.finish();
    let distribution =
        Model { regions: regions?.into_iter().collect(), accounts: accounts?, share_with_marketplace: share_with_marketplace? };
    Some(Distribution { distribution, ingestion_role: ingestion_role? })
}

fn ingestion_role(value: &Value, account: &AccountId) -> Option<RoleArn> {
    let text = value.string()?;
    let arn = text.replace(ACCOUNT, account.as_str()).parse().ok();
    if arn.is_none() {
        // Parsed once more as it stands, for the message shows what the writer wrote.
        return value.parse("a role ARN such as \"arn:aws:iam::{account}:role/Name\", {account} being the target's");
    }
    arn
}

/// Reads the accounts, each `{ id = "…", snapshots = true }`.
fn accounts(value: Value) -> Option<BTreeMap<AccountId, ShareSnapshots>> {
    let values = value.list(0..=MOST_ACCOUNTS)?;
    let count = values.len();
    let mut accounts = BTreeMap::new();
    let mut read = 0;
    for value in values {
        let Some((id, share)) = shared_account(&value) else { continue };
        read += 1;
        if accounts.insert(id, share).is_some() {
            value.fault(Code::Duplicate, "an account stands twice in `accounts`").expected("each account once").report();
        }
    }
    (read == count).then_some(accounts)
}

fn shared_account(value: &Value) -> Option<(AccountId, ShareSnapshots)> {
    let reader = value.table()?;
    let id = reader.required("id").and_then(|value| account_id(&value));
    let snapshots = reader.or("snapshots", false, |value| value.boolean());
    reader.finish();
    Some((id?, if snapshots? { ShareSnapshots::Yes } else { ShareSnapshots::No }))
}

/// Reads an account id.
pub(super) fn account_id(value: &Value) -> Option<AccountId> {
    value.parse("an account id of twelve digits, as a text")
}
