//! `[boot]` and its checks.

#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;

use super::forms::{Cidr, Duration, InstanceType, Port, Text, nothing_required};
use crate::rules::names::LOGIN_USER_PATTERN;

/// `[boot]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Boot {
    /// Who logs in; the login user by default.
    #[schemars(regex(pattern = LOGIN_USER_PATTERN))]
    user: String,
    /// The port that SSH answers on; the listing's scanning port by default.
    port: Port,
    /// What the image is started on; the build's instance type by default.
    instance_type: InstanceType,
    /// From the launch until everything has been tried; 5 minutes to 12 hours.
    #[schemars(extend("default" = "20m"))]
    deadline: Duration,
    /// The IPv4 addresses that may connect meanwhile.
    #[schemars(extend("default" = "0.0.0.0/0"))]
    allow_from: Cidr,
    /// What must answer from outside.
    #[schemars(length(max = 50), extend("default" = []))]
    check: Vec<Check>,
}

/// Something that must answer from outside.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
struct Check {
    /// What it is called; each name once.
    name: Text<100>,
    /// "http" asks for a path, "tcp" only connects.
    #[schemars(extend("default" = "http"))]
    protocol: CheckProtocol,
    /// The port.
    #[schemars(extend("default" = 80))]
    port: Port,
    /// What is asked for, with its leading slash; for http alone.
    #[schemars(length(max = 2000), regex(pattern = "^/[^\\s]*$"), extend("default" = "/"))]
    path: String,
    /// The status that must come back; for http alone.
    #[schemars(range(min = 100, max = 599), extend("default" = 200))]
    status: u16,
    /// What the body must contain; for http alone.
    contains: Text<1000>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum CheckProtocol {
    Http,
    Tcp,
}
