//! bakehouse.toml.

#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;

use super::forms::{AccountId, Region};

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
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum Target {
    /// The stand-in for AWS on this machine.
    Twin,
    /// AWS.
    Aws,
}
