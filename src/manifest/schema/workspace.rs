//! bakehouse.toml.

#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;

use super::forms::{AccountId, Region, nothing_required};

/// bakehouse.toml; `defaults` is added where layers are put together.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["format"]))]
pub(super) struct Workspace {
    /// Where commands work unless told otherwise (`--on`).
    #[schemars(extend("default" = "twin"))]
    target: Target,
    /// The account that commands on AWS must find themselves in.
    account: AccountId,
    /// The Region of calls that belong to none.
    #[schemars(extend("default" = "us-east-1"))]
    region: Region,
    /// What differs between the targets.
    on: Targets,
}

/// What differs between the targets.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, transform = nothing_required)]
struct Targets {
    /// The stand-in for AWS on this machine.
    twin: OnTarget,
    /// AWS.
    aws: OnTarget,
}

/// How to work on a target.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
struct OnTarget {
    /// Where the ledger is kept: a place in a bucket, for a team.
    #[schemars(regex(pattern = "^s3://[a-z0-9][a-z0-9.-]*"))]
    ledger: String,
    /// The profile of the AWS configuration.
    #[schemars(length(min = 1))]
    profile: String,
    /// The role to take on.
    #[schemars(regex(pattern = "^arn:aws:iam::[0-9]{12}:role/[a-zA-Z0-9_+=,.@/-]+$"))]
    role: String,
    /// The external id that the role asks for.
    #[schemars(length(min = 2, max = 1224))]
    external_id: String,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum Target {
    /// The stand-in for AWS on this machine.
    Twin,
    /// AWS.
    Aws,
}
