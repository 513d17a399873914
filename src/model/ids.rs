//! Identifiers, each its own type, each checked where it enters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Says which identifier was malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidId {
    /// What the identifier should have looked like, with its article.
    pub expected: &'static str,
    /// What was found.
    pub value: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the identifier as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(value) {
                    Ok(Self(value.to_owned()))
                } else {
                    Err(InvalidId { expected: $expected, value: value.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                value.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

/// EC2's resource ids: a prefix and 8 or 17 hexadecimal digits.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
fn is_resource_id(prefix: &str, value: &str) -> bool {
    value
        .strip_prefix(prefix)
        .is_some_and(|hex| matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

fn is_token(value: &str, longest: usize) -> bool {
    !value.is_empty() && value.len() <= longest && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b))
}

id!(
    /// An Amazon Machine Image.
    ImageId, "an image id such as ami-0123456789abcdef0", |v| is_resource_id("ami-", v)
);
id!(
    /// An Amazon FPGA image.
    FpgaImageId, "an FPGA image id such as afi-0123456789abcdef0", |v| is_resource_id("afi-", v)
);
id!(
    /// An EBS snapshot.
    SnapshotId, "a snapshot id such as snap-0123456789abcdef0", |v| is_resource_id("snap-", v)
);
id!(
    /// An EC2 instance.
    InstanceId, "an instance id such as i-0123456789abcdef0", |v| is_resource_id("i-", v)
);
id!(
    /// A security group.
    SecurityGroupId, "a security group id such as sg-0123456789abcdef0", |v| is_resource_id("sg-", v)
);
id!(
    /// A VPC subnet.
    SubnetId, "a subnet id such as subnet-0123456789abcdef0", |v| is_resource_id("subnet-", v)
);
id!(
    /// An AWS account: twelve digits.
    AccountId, "an account id of twelve digits", |v| v.len() == 12 && v.bytes().all(|b| b.is_ascii_digit())
);
impl AccountId {
    /// Stands for the account where none is known: twelve zeros, which are nobody's.
    pub fn placeholder() -> Self {
        Self("000000000000".to_owned())
    }

    /// Returns the account that AWS Marketplace's images belong to.
    ///
    /// Source: published Marketplace images are owned by it (alias `aws-marketplace`).
    pub fn marketplace() -> Self {
        Self("679593333241".to_owned())
    }

    /// Names the account as people know it: `AWS Marketplace (679593333241)`, or its digits.
    pub fn known_as(&self) -> String {
        if *self == Self::marketplace() { format!("AWS Marketplace ({self})") } else { self.to_string() }
    }
}

id!(
    /// A Region such as `us-east-1`.
    Region, "a region such as us-east-1", |v| {
        let parts: Vec<&str> = v.split('-').collect();
        parts.len() >= 3
            && parts[..parts.len() - 1].iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
            && parts[parts.len() - 1].bytes().all(|b| b.is_ascii_digit())
            && !parts[parts.len() - 1].is_empty()
    }
);
id!(
    /// An IAM role's ARN, in the form that the Marketplace takes.
    ///
    /// Source: AWS Marketplace Catalog API, `AmiSource.AccessRoleArn`.
    RoleArn, "a role ARN such as arn:aws:iam::123456789012:role/Name", |v| {
        v.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/")).is_some_and(|(account, name)| {
            account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b))
        })
    }
);
id!(
    /// A Marketplace entity without its revision: `prod-…`, `offer-…`.
    EntityId, "an entity id such as prod-abcdefghijklm", |v| is_token(v, 255)
);
id!(
    /// A Marketplace change set.
    ChangeSetId, "a change set id", |v| is_token(v, 255)
);
id!(
    /// One attempt to carry out a plan; sorts by the time it began.
    RunId, "a run id such as 20260131-235959-1a2b3c", |v| is_token(v, 64)
);
id!(
    /// A product's folder name: lower-case letters, digits and single hyphens, starting with a letter.
    Slug, "a slug of lower-case letters, digits and hyphens, starting with a letter (at most 40)", |v| {
        v.len() <= 40
            && v.starts_with(|c: char| c.is_ascii_lowercase())
            && !v.ends_with('-')
            && !v.contains("--")
            && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

impl Region {
    /// Returns the Region that the Marketplace works in: its API, and the images given to it.
    ///
    /// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/welcome.html>
    pub fn marketplace() -> Self {
        Self("us-east-1".to_owned())
    }
}

/// The processor architecture of an image, as EC2 names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// All of them, in their order.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// Returns EC2's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

impl FromStr for Architecture {
    type Err = InvalidId;

    fn from_str(value: &str) -> Result<Self, InvalidId> {
        let named = Self::ALL.into_iter().find(|known| known.as_str() == value);
        named.ok_or_else(|| InvalidId { expected: "an architecture: x86_64 or arm64", value: value.to_owned() })
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A product on one architecture: what one listing sells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Variant {
    /// The product.
    pub product: Slug,
    /// Its architecture.
    pub architecture: Architecture,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.product, self.architecture))
    }
}

impl FromStr for Variant {
    type Err = InvalidId;

    fn from_str(value: &str) -> Result<Self, InvalidId> {
        let expected = "a variant such as my-product.x86_64";
        let (product, architecture) = value.split_once('.').ok_or_else(|| InvalidId { expected, value: value.to_owned() })?;
        Ok(Self { product: product.parse()?, architecture: architecture.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_ids_take_both_lengths_and_nothing_else() {
        for good in ["ami-12345678", "ami-0123456789abcdef0"] {
            assert_eq!(good.parse::<ImageId>().unwrap().to_string(), good);
        }
        for bad in ["", "ami-", "ami-1234567", "ami-0123456789ABCDEF0", "snap-12345678", "ami-12345678\n"] {
            assert!(bad.parse::<ImageId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn regions_and_slugs_are_checked() {
        for good in ["us-east-1", "us-gov-west-1", "ap-southeast-12"] {
            good.parse::<Region>().unwrap();
        }
        for bad in ["", "us-east", "us-east-", "US-EAST-1", "us--1", "us-east-1 "] {
            assert!(bad.parse::<Region>().is_err(), "{bad:?}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "1a", "../x"] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?}");
        }
    }
}
