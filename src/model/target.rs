//! Where a command works: on the twin or on AWS.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::RoleArn;

/// What a command works on, by its name in manifests and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetName {
    /// The local stand-in for AWS.
    Twin,
    /// An AWS account.
    Aws,
}

impl TargetName {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Twin, Self::Aws];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twin => "twin",
            Self::Aws => "aws",
        }
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A place in a bucket: `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPlace {
    /// The bucket's name.
    pub bucket: String,
    /// What names in it begin with, without slashes at either end; may be empty.
    pub prefix: String,
}

/// A text that is no place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a place in a bucket such as s3://my-bucket/ledger")]
pub struct InvalidPlace {
    /// The text.
    pub value: String,
}

impl FromStr for BucketPlace {
    type Err = InvalidPlace;

    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
    fn from_str(value: &str) -> Result<Self, InvalidPlace> {
        let invalid = || InvalidPlace { value: value.to_owned() };
        let rest = value.strip_prefix("s3://").ok_or_else(invalid)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let named = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
            && bucket.starts_with(|c: char| c.is_ascii_alphanumeric())
            && bucket.ends_with(|c: char| c.is_ascii_alphanumeric());
        let plain = |part: &str| {
            !part.is_empty() && ![".", ".."].contains(&part) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=".contains(&b))
        };
        if !named || !(prefix.is_empty() || prefix.split('/').all(plain)) {
            return Err(invalid());
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}

/// As whom a target is worked on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// A profile of the AWS configuration: keys, SSO, a role of its own.
    pub profile: Option<String>,
    /// A role that is taken on with what the profile gives.
    pub role: Option<RoleArn>,
    /// What the role's trust policy asks for, if it does.
    pub external_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_bucket_is_written_as_it_is_read() {
        for good in ["s3://my-bucket", "s3://my-bucket/ledger", "s3://a.b.c/team/a_b"] {
            assert_eq!(good.parse::<BucketPlace>().unwrap().to_string(), good);
        }
        assert_eq!("s3://my-bucket/x/".parse::<BucketPlace>().unwrap().prefix, "x");
        for bad in ["", "my-bucket", "s3://", "s3://x", "s3://My-Bucket", "s3://-ab-", "s3://abc//x", "s3://abc/../x", "s3://abc/x y"] {
            assert!(bad.parse::<BucketPlace>().is_err(), "{bad:?}");
        }
    }
}
