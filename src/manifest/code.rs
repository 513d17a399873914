//! The stable codes of what can be wrong with a manifest.

use std::fmt;

use serde::{Serialize, Serializer};

use super::faults::Severity;

macro_rules! codes {
    ($($severity:ident $variant:ident $name:literal $meaning:literal)*) => {
        /// The stable code of a kind of fault.
        ///
        /// A name is never given another meaning; scripts and suppressions rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the code as it is printed, such as `manifest/unknown-key`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("manifest/", $name),)*
                }
            }

            /// Returns what a fault of this kind is; one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }

            /// Returns how bad it is.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    Error Unreadable "unreadable" "The manifest is missing or can't be read."
    Error TooLarge "too-large" "The manifest is larger than 1 MiB."
    Error NotUtf8 "not-utf8" "A text is not UTF-8."
    Error Syntax "syntax" "The manifest is not TOML."
    Error TooDeep "too-deep" "Keys or values are nested deeper than any manifest needs."
    Error Format "format" "The manifest's format is not one that this version reads."
    Error UnknownKey "unknown-key" "A key has no meaning where it stands."
    Error MissingKey "missing-key" "A key is required and not there."
    Error WrongType "wrong-type" "A value is of another type than the key takes."
    Error UnknownValue "unknown-value" "A value is none of those that the key takes."
    Error Malformed "malformed" "A value does not have the form that the key takes."
    Error OutOfRange "out-of-range" "A number or duration is too small or too large."
    Error Count "count" "A list has too few or too many entries."
    Error Duplicate "duplicate" "A value stands twice where each may stand once."
    Error Alternatives "alternatives" "None or several of keys are set of which exactly one must be."
    Error TooManyFaults "too-many-faults" "There are more faults than are told."
    Error Slug "slug" "A product's folder has no valid name, or the manifest another one."

    Error TextEmpty "text-empty" "A text is empty."
    Error TextTooLong "text-too-long" "A text is longer than the Marketplace takes."
    Error TextOuterSpace "text-outer-space" "A text starts (or, where that is refused, ends) with white space."
    Error TextControlCharacter "text-control-character" "A text holds a control character."
    Error TextUnsupportedCharacter "text-unsupported-character" "A text holds a character that the Marketplace refuses."
    Error TextTrademarkSpace "text-trademark-space" "White space stands before a trademark sign."
    Error TitleCharacter "title-character" "The title holds a character that an offer's name can't have."
    Error KeywordsTooLong "keywords-too-long" "The search keywords together are longer than the Marketplace takes."
    Warning UnknownCategory "unknown-category" "A category is not one that is known of the Marketplace."
    Error OpenSourceSentence "open-source-sentence" "The short description of repackaged open source does not begin as prescribed."
    Error LogoUrl "logo-url" "The logo's address is not one that the Marketplace takes."
    Error EulaUrl "eula-url" "The licence's address is not one that the Marketplace takes."
    Error EulaVersion "eula-version" "The version of the standard contract is not one for new offers."
    Error LinkUrl "link-url" "A link is not an https or http address."

    Error SeveralArchitectures "several-architectures" "A product has more than one architecture."
    Warning UnknownOsName "unknown-os-name" "The operating system's name is not one that the Marketplace is known to take."
    Error BootMode "boot-mode" "The boot mode does not fit the architecture or the build instance."
    Error UserName "user-name" "The login user is not a name that the Marketplace takes."
    Error PackageName "package-name" "A package's name is not one that a package manager takes."
    Error FileMissing "file-missing" "A file that the manifest names is not there or can't be read."
    Error FileOutside "file-outside" "A path leads out of the product's folder."
    Error FileKind "file-kind" "A path names something else than a regular file."
    Error FileTooLarge "file-too-large" "A file is larger than 1 MiB."
    Error FileTarget "file-target" "A file would be put where it can't be kept in the image."
    Error FileMode "file-mode" "A file's mode is not made of permission bits."
    Error FileOwner "file-owner" "A file's owner is not a user, or a user and a group."
    Error ScriptShebang "script-shebang" "A script's first line does not name its interpreter."
    Error ScriptCrlf "script-crlf" "A script has Windows line ends, which its interpreter reads as text."
    Error Secret "secret" "A secret stands where anyone who may describe the instance can read it."

    Error InstanceType "instance-type" "An instance type does not have the form of one."
    Error InstanceArchitecture "instance-architecture" "An instance type can't run images of the product's architecture."
    Error InstanceNotNitro "instance-not-nitro" "The build's instance type is of a generation before Nitro."
    Warning UnknownRegion "unknown-region" "A region is not one that is known."
    Error BuildRegion "build-region" "The image is not built in the region that the Marketplace takes images from."
    Error Tag "tag" "A tag is not one that AWS takes, or is kept for bakehouse."

    Error RecommendedType "recommended-type" "The recommended instance type is not on sale."
    Error MissingRate "missing-rate" "An instance type on sale has no price."
    Error StrayRate "stray-rate" "An instance type has a price and is not on sale."
    Error PricingModel "pricing-model" "The pricing model is not supported yet, or there is none of that name."
    Error Price "price" "A price is not one that the Marketplace takes."
    Error PortRange "port-range" "A range of ports ends before it starts."
    Error Cidr "cidr" "An address range is not in CIDR notation."
    Error EndpointPath "endpoint-path" "The access endpoint's path is not one that the Marketplace takes."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
