//! The stable codes of what AWS would refuse in a change set, each with AWS's own and what to do.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::listing::codes;
use crate::model::change_set::{ChangeSet, OFFER};
use crate::rules::names::nearest;

macro_rules! codes {
    ($($variant:ident $name:literal { $meaning:literal, aws: [$($aws:literal),*], remedy: $remedy:literal $(,)? })*) => {
        /// The stable code of a kind of fault of a change set.
        ///
        /// A name is never given another meaning; scripts rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the code as it is printed, such as `change-set/text`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("change-set/", $name),)*
                }
            }

            /// Returns what a fault of this kind is; one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }

            /// Returns AWS's codes for it, which come once it works on the change set; none for what it refuses at once.
            pub fn aws(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($aws),*],)*
                }
            }

            /// Returns what to do; one sentence.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Self::$variant => $remedy,)*
                }
            }
        }
    };
}

codes! {
    SetName "set-name" {
        "The change set's name is too long or has characters that AWS refuses.", aws: [],
        remedy: "Name it by 1 to 100 letters, digits, spaces and `_ + = . : @ -`.",
    }
    SetSize "set-size" {
        "The change set has no change, or more than 20.", aws: [],
        remedy: "Spread the changes over several change sets.",
    }
    SameTypeTwice "same-type-twice" {
        "Two changes of one type are of the same entity.", aws: [],
        remedy: "Put all that they say into one change, or the second one into a later change set.",
    }
    Reference "reference" {
        "A change refers to an entity that the set doesn't make, or makes otherwise, or to none.", aws: [],
        remedy: "Name the change that makes it, and refer to it as `$Name.Entity.Identifier`.",
    }
    VisibilityAlone "visibility-alone" {
        "UpdateVisibility comes with other changes.", aws: [],
        remedy: "Send it in a change set of its own.",
    }
    ReleaseApart "release-apart" {
        "A product is released without its public offer.", aws: ["INCOMPATIBLE_PRODUCT"],
        remedy: "Put the ReleaseOffer of its public offer into the same change set.",
    }
    Incomplete "incomplete" {
        "What is released lacks something that it has to have.", aws: ["MISSING_DATA"],
        remedy: "Add the changes that the message names to the set.",
    }
    EmptyChange "empty-change" {
        "A change says nothing.", aws: ["MISSING_DATA"],
        remedy: "Give it one field at least, or leave the change out.",
    }
    Text "text" {
        "A text of the product's page is missing, too long, or has characters that AWS refuses.", aws: ["INVALID_INPUT"],
        remedy: "Mend the manifest's key that the message names.",
    }
    Categories "categories" {
        "The categories are too many, none, or can't be the Marketplace's.", aws: ["INVALID_CATEGORY_NAMES"],
        remedy: "Write one to three of the Marketplace's categories in `product.categories`.",
    }
    Media "media" {
        "The logo or a video is no address that AWS takes.", aws: ["INVALID_MEDIA", "TOO_MANY_MEDIA"],
        remedy: "Give a plain https address on S3, or name a file of the product's folder, which is uploaded.",
    }
    Link "link" {
        "A link has no text or no web address, or there are too many.", aws: ["INVALID_ADDITIONAL_RESOURCES"],
        remedy: "Give each entry of `product.additional-resources` a text and an http or https address, three at most.",
    }
    VersionTitle "version-title" {
        "The version's title is too long or has characters that AWS refuses.", aws: ["INVALID_VERSION_TITLE"],
        remedy: "Keep to versions whose text has 64 characters at most.",
    }
    ReleaseNotes "release-notes" {
        "The release notes are missing, too long, or have characters that AWS refuses.", aws: ["INVALID_RELEASE_NOTES"],
        remedy: "Mend `listing.release-notes`, or the template that makes them.",
    }
    UsageInstructions "usage-instructions" {
        "Usage instructions are missing, too long, or have characters that AWS refuses.", aws: ["INVALID_USAGE_INSTRUCTIONS"],
        remedy: "Mend `listing.usage-instructions`, or those of the template.",
    }
    RecommendedInstanceType "recommended-instance-type" {
        "The recommended instance type isn't one of the product's, or none at all.",
        aws: ["INVALID_RECOMMENDED_INSTANCE_TYPE", "RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE"],
        remedy: "Recommend one of `listing.instance-types`.",
    }
    SecurityGroup "security-group" {
        "A recommended rule has ports or a protocol that AWS refuses, or there are too many rules.",
        aws: ["INVALID_SECURITY_GROUP", "INVALID_SECURITY_GROUP_PROTOCOL"],
        remedy: "Mend `listing.security-groups`: tcp or udp, ports 1 to 65535, the lower one first.",
    }
    CidrRange "cidr-range" {
        "A recommended rule's range is no CIDR range.", aws: ["INVALID_CIDR_IP"],
        remedy: "Write it as an address, a slash and the prefix's length.",
    }
    AccessEndpoint "access-endpoint" {
        "The access endpoint's port, protocol or path can't be.",
        aws: ["INVALID_ACCESS_ENDPOINT_PORT", "INVALID_ACCESS_ENDPOINT_RELATIVE_PATH"],
        remedy: "Mend `listing.access-endpoint`: http or https, a port from 1 to 65535, a path without a slash at its beginning.",
    }
    ScanningPort "scanning-port" {
        "AWS's scanner can't log in at that port.", aws: ["INVALID_SCANNING_PORT"],
        remedy: "Give the port of sshd as `listing.scanning-port`.",
    }
    OperatingSystem "operating-system" {
        "The operating system's name or version can't be.",
        aws: ["INCOMPATIBLE_OPERATING_SYSTEM_NAME", "INCOMPATIBLE_OPERATING_SYSTEM_VERSION", "INCOMPATIBLE_OPERATING_SYSTEM"],
        remedy: "Mend `image.os-name` and `image.os-version`.",
    }
    LoginUser "login-user" {
        "The account that AWS's scanner is to log in to can't be one.", aws: ["SSHAuthFailedForUserAndKeypair"],
        remedy: "Give the account that cloud-init puts keys in for as `image.login-user`.",
    }
    FpgaImages "fpga-images" {
        "FPGA images are too many, or named twice.", aws: ["MISSING_FPGA_INSTANCE_TYPE"],
        remedy: "Name each once.",
    }
    DeploymentTemplate "deployment-template" {
        "A CloudFormation template's texts, addresses or parameters can't be.", aws: ["INVALID_INPUT", "INVALID_MEDIA"],
        remedy: "Mend the `[[listing.template]]` that the message is about.",
    }
    DeliveryOptions "delivery-options" {
        "The delivery options of a version are too many, none, without a title, or don't fit each other.",
        aws: [
            "INVALID_DELIVERY_OPTIONS", "MISSING_DELIVERY_OPTION_IDS", "INVALID_DELIVERY_OPTION_IDS", "DUPLICATE_DELIVERY_OPTION_TITLES",
            "INVALID_DELIVERY_OPTION_TITLES"
        ],
        remedy: "Keep to one from the image alone and three with templates, each of these with a title of its own.",
    }
    Regions "regions" {
        "Regions are none, too many, or named twice.", aws: ["INVALID_REGIONS"],
        remedy: "Mend `listing.regions`.",
    }
    FutureRegions "future-regions" {
        "Future Region support has no setting, or more than one.", aws: ["TOO_MANY_REGIONS"],
        remedy: "Set `listing.future-regions` to one of its words.",
    }
    InstanceTypes "instance-types" {
        "Instance types are none, too many, named twice, or no instance types.", aws: ["INVALID_INSTANCE_TYPES", "DUPLICATE_INSTANCE_TYPE"],
        remedy: "Mend `listing.instance-types`.",
    }
    Dimensions "dimensions" {
        "Dimensions are malformed, or are other ones than the instance types.", aws: ["INVALID_DIMENSIONS", "MISSING_DIMENSIONS"],
        remedy: "Give each instance type a metered dimension of the same key, in hours.",
    }
    AllowedAccounts "allowed-accounts" {
        "The accounts that see a limited product are too many, or named twice.", aws: ["INVALID_BUYER_ACCOUNTS", "TOO_MANY_BUYER_ACCOUNTS"],
        remedy: "Mend `listing.allowed-accounts`.",
    }
    Replacement "replacement" {
        "A product that is not restricted names a replacement.", aws: ["INVALID_INPUT"],
        remedy: "Name one only with `list visibility PRODUCT restricted`.",
    }
    OfferText "offer-text" {
        "The offer's name or description is missing, too long, or has characters that AWS refuses.", aws: ["INVALID_INPUT"],
        remedy: "Mend `listing.offer`.",
    }
    OfferTargeting "offer-targeting" {
        "Who may accept the offer is said by no list, by two, or by a malformed one.",
        aws: ["INVALID_TARGETING", "INVALID_COUNTRY_CODES", "TOO_MANY_BUYER_ACCOUNTS"],
        remedy: "Mend `listing.offer`: countries by their codes of two capitals, each once.",
    }
    Unpriced "unpriced" {
        "A metered dimension has no price, or a price no dimension.", aws: ["UPDATE_PRICING_REQUIRED", "INVALID_RATE_CARD"],
        remedy: "Price every instance type in `listing.pricing`, and nothing else.",
    }
    Currency "currency" {
        "The currency isn't the one of public offers.", aws: ["INCOMPATIBLE_CURRENCY_CODE", "INVALID_CURRENCY_CODE"],
        remedy: "Use USD.",
    }
    RateCard "rate-card" {
        "A price, or the card that it stands on, is malformed.",
        aws: [
            "INVALID_RATE_CARD", "TOO_MANY_RATE_CARDS", "TOO_MANY_RATES", "DUPLICATE_DIMENSION_KEYS", "INCOMPATIBLE_RATE_CARD_CONSTRAINTS"
        ],
        remedy: "Mend `listing.pricing`: prices are decimals, by the hour with 8 places at most, others with 3.",
    }
    Duration "duration" {
        "A term's duration can't be.", aws: ["INVALID_DURATION", "INCOMPATIBLE_SELECTOR_DURATION", "INVALID_SELECTOR_DURATION_VALUE"],
        remedy: "Let a free trial take 5 to 31 days; annual prices are for P365D.",
    }
    Grants "grants" {
        "What a term grants is malformed, too much, or not alike.", aws: ["INVALID_GRANTS", "TOO_MANY_GRANTS"],
        remedy: "Grant every metered dimension once, and as much of each.",
    }
    PricingTerms "pricing-terms" {
        "The terms of the prices don't fit the pricing model, or each other.",
        aws: ["INCOMPATIBLE_TERMS", "DUPLICATE_TERM_TYPES", "INCOMPATIBLE_RATES"],
        remedy: "Mend `listing.pricing`: hours, and beside them annual prices or a monthly fee.",
    }
    Licence "licence" {
        "The licence is none, or named in a way that AWS doesn't take.", aws: ["INVALID_LEGAL_DOCUMENTS"],
        remedy: "Mend `product.eula`: the standard one by its version, or a file or plain address of your own.",
    }
    RefundPolicy "refund-policy" {
        "The refund policy is missing, too long, or has characters that AWS refuses.", aws: ["INVALID_INPUT"],
        remedy: "Mend `listing.refund-policy`.",
    }
    Renewal "renewal" {
        "There is more than one renewal term.", aws: ["DUPLICATE_TERM_TYPES"],
        remedy: "Keep one.",
    }
}

impl Code {
    /// Tells the code of a fault by where it is.
    pub(super) fn at(set: &ChangeSet, path: &str) -> Self {
        let place = path.strip_prefix("ChangeSet[").and_then(|rest| rest.split_once(']'));
        let change = place.and_then(|(index, field)| Some((set.changes.get(index.parse::<usize>().ok()?)?, field)));
        let Some((change, field)) = change else { return Self::SetSize };
        let Some(field) = field.strip_prefix(".DetailsDocument") else { return Self::Reference };
        match (change.change_type(), change.entity_type() == OFFER) {
            ("CreateProduct" | "UpdateInformation", false) => of_texts(field),
            ("CreateOffer" | "UpdateInformation", true) if field.is_empty() => Self::EmptyChange,
            ("CreateOffer" | "UpdateInformation", true) => Self::OfferText,
            ("AddRegions" | "RestrictRegions", _) => Self::Regions,
            ("UpdateFutureRegionSupport", _) => Self::FutureRegions,
            ("AddInstanceTypes" | "RestrictInstanceTypes", _) => Self::InstanceTypes,
            ("AddDimensions" | "UpdateDimensions" | "RestrictDimensions", _) => Self::Dimensions,
            ("UpdateTargeting", false) => Self::AllowedAccounts,
            ("UpdateTargeting", true) => Self::OfferTargeting,
            ("UpdateVisibility", _) => Self::Replacement,
            ("UpdatePricingTerms", _) => of_prices(field),
            ("UpdateLegalTerms", _) => Self::Licence,
            ("UpdateSupportTerms", _) => Self::RefundPolicy,
            ("UpdateRenewalTerms", _) => Self::Renewal,
            _ => of_version(field),
        }
    }

    /// Returns all that is to be said of the code, for a terminal.
    pub fn explanation(self) -> String {
        format!("{self}\n\n{}\n\nwhy: {}\nwhat to do: {}\n", self.meaning(), self.why(), self.remedy())
    }

    /// Says how AWS refuses it: with which of its codes, and when.
    fn why(self) -> String {
        let Some((last, first)) = self.aws().split_last() else {
            return "AWS refuses the request as it is submitted.".to_owned();
        };
        let codes = if first.is_empty() { (*last).to_owned() } else { format!("{} or {last}", first.join(", ")) };
        let causes: Vec<&str> = self.aws().iter().filter_map(|code| Some(codes::advice(code)?.cause)).collect();
        format!("AWS refuses it while it works on the change set, minutes to an hour after submission, as {codes}: {}.", causes.join("; "))
    }
}

fn of_texts(field: &str) -> Code {
    match field {
        "" => Code::EmptyChange,
        field if field.starts_with(".LogoUrl") || field.starts_with(".VideoUrls") => Code::Media,
        field if field.starts_with(".AdditionalResources") => Code::Link,
        field if field.starts_with(".Categories") => Code::Categories,
        _ => Code::Text,
    }
}

/// What a part of a path in a version is about, the first that is there.
const VERSION: &[(&str, Code)] = &[
    (".VersionTitle", Code::VersionTitle),
    (".ReleaseNotes", Code::ReleaseNotes),
    (".UsageInstructions", Code::UsageInstructions),
    (".RecommendedInstanceType", Code::RecommendedInstanceType),
    (".IpRanges[", Code::CidrRange),
    (".SecurityGroups", Code::SecurityGroup),
    (".AccessEndpointUrl", Code::AccessEndpoint),
    (".ScanningPort", Code::ScanningPort),
    (".OperatingSystem", Code::OperatingSystem),
    (".UserName", Code::LoginUser),
    (".AfiIds", Code::FpgaImages),
    (".DeploymentTemplateDeliveryOptionDetails", Code::DeploymentTemplate),
];

fn of_version(field: &str) -> Code {
    VERSION.iter().find(|(part, _)| field.contains(part)).map_or(Code::DeliveryOptions, |(_, code)| *code)
}

/// What a part of a path in prices is about, the first that is there.
const PRICES: &[(&str, Code)] = &[
    (".CurrencyCode", Code::Currency),
    (".Duration", Code::Duration),
    (".Selector", Code::Duration),
    (".Grants", Code::Grants),
    (".RateCard", Code::RateCard),
    (".Price", Code::RateCard),
];

fn of_prices(field: &str) -> Code {
    PRICES.iter().find(|(part, _)| field.contains(part)).map_or(Code::PricingTerms, |(_, code)| *code)
}

/// Returns the part of docs/faults.md on change sets: every code with its explanation.
pub fn change_sets_page() -> String {
    let mut page = String::from(
        "# Faults of change sets\n\n\
         What AWS would refuse in a change set, told before it is submitted: by `list plan`, `list validate`, `list --dry-run` and `ship`,\n\
         with the manifest's key and line where the fault comes from one. A template of the product's own can make any of them.\n",
    );
    for code in Code::ALL {
        let _ = write!(page, "\n## {code}\n\n{}\n\n**Why.** {}\n\n**What to do.** {}\n", code.meaning(), code.why(), code.remedy());
    }
    page
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that there is no code of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no code {found:?}{}", .nearest.map_or_else(String::new, |code| format!("; did you mean {code}?")))]
pub struct UnknownCode {
    found: String,
    nearest: Option<Code>,
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let named = |name: &str| Self::ALL.iter().copied().find(|code| code.as_str() == name);
        named(text).ok_or_else(|| {
            let near = nearest(text, Self::ALL.iter().map(|code| code.as_str()));
            UnknownCode { found: text.chars().take(60).collect(), nearest: near.as_deref().and_then(named) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_one_and_is_explained_by_codes_of_aws_that_are_known() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            for sentence in [code.meaning().to_owned(), code.why(), code.remedy().to_owned()] {
                assert!(sentence.ends_with('.') && sentence.starts_with(|c: char| c.is_uppercase()), "{code}: {sentence}");
            }
            for aws in code.aws() {
                assert!(codes::advice(aws).is_some(), "{code}: {aws} is no code of AWS's that is known");
            }
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
        let misspelt = "change-set/txt".parse::<Code>().unwrap_err().to_string();
        assert!(misspelt.contains("did you mean change-set/text?"), "{misspelt}");
    }
}
