//! EC2's refusals: its codes and texts, in one place.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use std::fmt::Display;

use crate::twin::error::ApiError;

/// A client's fault (HTTP 400), by code and text.
pub(super) fn of(code: &str, text: impl Into<String>) -> ApiError {
    ApiError::new(400, code, text)
}

pub(super) fn missing(parameter: &str) -> ApiError {
    of("MissingParameter", format!("The request must contain the parameter {parameter}"))
}

pub(super) fn unknown_parameter(parameter: &str) -> ApiError {
    of("UnknownParameter", format!("The parameter {parameter} is not recognized"))
}

pub(super) fn unsupported_parameter(parameter: &str, operation: &str) -> ApiError {
    of("UnsupportedOperation", format!("The parameter {parameter} is not supported by the twin in {operation}"))
}

pub(super) fn unsupported(text: impl Into<String>) -> ApiError {
    of("UnsupportedOperation", text)
}

pub(super) fn invalid_value(parameter: &str, why: impl Display) -> ApiError {
    of("InvalidParameterValue", format!("The value for parameter {parameter} is invalid: {why}"))
}

pub(super) fn combination(text: impl Into<String>) -> ApiError {
    of("InvalidParameterCombination", text)
}

pub(super) fn dry_run() -> ApiError {
    ApiError::new(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
}

pub(super) fn next_token() -> ApiError {
    of("InvalidNextToken", "The specified NextToken is not valid.")
}

pub(super) fn idempotent_mismatch() -> ApiError {
    of("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

/// What kind of thing an id names: its prefix, and the codes of its refusals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    prefix: &'static str,
    malformed: &'static str,
    not_found: &'static str,
    noun: &'static str,
}

/// Images.
pub(super) const IMAGE: Kind =
    Kind { prefix: "ami-", malformed: "InvalidAMIID.Malformed", not_found: "InvalidAMIID.NotFound", noun: "image id" };
/// Instances.
pub(super) const INSTANCE: Kind =
    Kind { prefix: "i-", malformed: "InvalidInstanceID.Malformed", not_found: "InvalidInstanceID.NotFound", noun: "instance ID" };
/// Snapshots.
pub(super) const SNAPSHOT: Kind =
    Kind { prefix: "snap-", malformed: "InvalidSnapshotID.Malformed", not_found: "InvalidSnapshot.NotFound", noun: "snapshot" };
/// Volumes.
pub(super) const VOLUME: Kind =
    Kind { prefix: "vol-", malformed: "InvalidVolumeID.Malformed", not_found: "InvalidVolume.NotFound", noun: "volume" };
/// Security groups.
pub(super) const GROUP: Kind =
    Kind { prefix: "sg-", malformed: "InvalidGroupId.Malformed", not_found: "InvalidGroup.NotFound", noun: "security group" };
/// Key pairs.
pub(super) const KEY_PAIR: Kind =
    Kind { prefix: "key-", malformed: "InvalidParameterValue", not_found: "InvalidKeyPair.NotFound", noun: "key pair" };
/// Subnets.
pub(super) const SUBNET: Kind =
    Kind { prefix: "subnet-", malformed: "InvalidSubnetID.Malformed", not_found: "InvalidSubnetID.NotFound", noun: "subnet ID" };
/// VPCs.
pub(super) const VPC: Kind =
    Kind { prefix: "vpc-", malformed: "InvalidVpcID.Malformed", not_found: "InvalidVpcID.NotFound", noun: "vpc ID" };

impl Kind {
    /// Returns the kind of thing that an id names by its prefix.
    pub(super) fn of(id: &str) -> Option<Self> {
        [IMAGE, INSTANCE, SNAPSHOT, VOLUME, GROUP, KEY_PAIR].into_iter().find(|kind| id.starts_with(kind.prefix))
    }

    /// Refuses an id that can't be one of this kind.
    pub(super) fn check(self, id: &str) -> Result<(), ApiError> {
        let digits = id.strip_prefix(self.prefix).unwrap_or("");
        if matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Ok(());
        }
        Err(of(self.malformed, format!("Invalid id: \"{id}\" (expecting \"{}...\")", self.prefix)))
    }

    /// Refuses the first id that can't be one of this kind.
    pub(super) fn check_all(self, ids: &[String]) -> Result<(), ApiError> {
        ids.iter().try_for_each(|id| self.check(id))
    }

    /// Says that nothing has this id; several are separated by commas.
    pub(super) fn not_found(self, ids: &str) -> ApiError {
        let several = ids.contains(',');
        let text = match (self.prefix, several) {
            ("ami-", false) => format!("The image id '[{ids}]' does not exist"),
            ("ami-", true) => format!("The image ids '[{ids}]' do not exist"),
            (_, false) => format!("The {} '{ids}' does not exist", self.noun),
            (_, true) => format!("The {}s '{ids}' do not exist", self.noun),
        };
        of(self.not_found, text)
    }
}
