//! How long, how many, how large: the numbers of AWS's references.
//!
//! Lengths are in characters, counts in entries.
//!
//! Source, unless another is named: AWS Marketplace Catalog API, "Working with AMI-based products"
//! and the published shapes, <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-single-ami-products.html>.

use std::ops::RangeInclusive;

/// The longest `ProductTitle`.
pub const TITLE: usize = 72;
/// The longest `ShortDescription`.
pub const SHORT_DESCRIPTION: usize = 1000;
/// The longest `LongDescription`.
pub const LONG_DESCRIPTION: usize = 5000;
/// The longest `Sku`.
pub const SKU: usize = 100;
/// The longest `SupportDescription`.
pub const SUPPORT_DESCRIPTION: usize = 2000;
/// The number of `Highlights`.
pub const HIGHLIGHTS: RangeInclusive<usize> = 1..=3;
/// The longest of the `Highlights`.
pub const HIGHLIGHT: usize = 500;
/// The number of `SearchKeywords`.
pub const KEYWORDS: RangeInclusive<usize> = 1..=15;
/// The longest of the `SearchKeywords`.
pub const KEYWORD: usize = 50;
/// The `SearchKeywords` together.
pub const KEYWORDS_TOGETHER: usize = 250;
/// The number of `Categories`.
pub const CATEGORIES: RangeInclusive<usize> = 1..=3;
/// The longest of the `Categories`.
pub const CATEGORY: usize = 100;
/// The number of `AdditionalResources`.
pub const LINKS: RangeInclusive<usize> = 0..=3;
/// The longest `Text` of an additional resource.
pub const LINK_TEXT: usize = 500;
/// The most `VideoUrls`.
pub const VIDEOS: RangeInclusive<usize> = 0..=1;
/// The longest address of media and links (`INVALID_MEDIA`).
pub const URL: usize = 2048;

/// The longest `VersionTitle`.
pub const VERSION_TITLE: usize = 64;
/// The longest `ReleaseNotes`.
pub const RELEASE_NOTES: usize = 30_000;
/// The longest `UsageInstructions`.
pub const USAGE_INSTRUCTIONS: usize = 4000;
/// The longest `OperatingSystemName` and `OperatingSystemVersion`.
pub const OS: usize = 100;
/// The number of `SecurityGroups`.
pub const SECURITY_GROUPS: RangeInclusive<usize> = 1..=25;
/// The number of `IpRanges` of a security group.
pub const IP_RANGES: RangeInclusive<usize> = 1..=5;
/// The longest `RelativePath` of an access endpoint.
pub const ENDPOINT_PATH: usize = 2000;

/// The most delivery options of a version that have a template.
pub const TEMPLATES: usize = 3;
/// The number of parameters of a template that get the image: bakehouse's own end of a list that AWS tells none of.
pub const IMAGE_PARAMETERS: RangeInclusive<usize> = 1..=10;
/// The longest `DeliveryOptionTitle`: the shapes don't tell, so as long as a product's.
pub const DELIVERY_OPTION_TITLE: usize = 72;
/// The longest id of a delivery option.
pub const DELIVERY_OPTION_ID: usize = 36;
/// The number of `DeliveryOptionIds` that are restricted in one change.
pub const RESTRICTED_DELIVERY_OPTIONS: RangeInclusive<usize> = 1..=50;
/// The number of `AfiIds` of an image.
pub const FPGA_IMAGES: RangeInclusive<usize> = 0..=15;

/// The number of `Regions` in one change.
pub const REGIONS: RangeInclusive<usize> = 1..=100;
/// The number of `InstanceTypes` in one change.
pub const INSTANCE_TYPES: RangeInclusive<usize> = 1..=1500;
/// The longest name of an instance type.
pub const INSTANCE_TYPE: usize = 24;
/// The number of `BuyerAccounts` that a limited product is shown to.
pub const BUYER_ACCOUNTS: RangeInclusive<usize> = 0..=100;
/// The number of entitled or externally metered dimensions that are updated or restricted in one change: a product has 200
/// of them at most (`INVALID_DIMENSION`). Of those that AWS meters by the hour it has one an instance type.
pub const DIMENSIONS: RangeInclusive<usize> = 1..=200;
/// The longest `Name` of a dimension.
pub const DIMENSION_NAME: usize = 500;
/// The longest `Description` of a dimension.
pub const DIMENSION_DESCRIPTION: usize = 1000;
/// The longest `Key` of a dimension.
pub const DIMENSION_KEY: usize = 100;
/// The longest `Unit` of a dimension.
pub const DIMENSION_UNIT: usize = 20;

/// The longest `Name` of an offer.
pub const OFFER_NAME: usize = 150;
/// The longest `Description` of an offer.
pub const OFFER_DESCRIPTION: usize = 255;
/// The number of rates in a `RateCard`.
pub const RATES: RangeInclusive<usize> = 1..=800;
/// The number of `Grants` of a `FixedUpfrontPricingTerm`.
pub const FIXED_UPFRONT_GRANTS: RangeInclusive<usize> = 1..=200;
/// The days of a free trial.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-agreements_FreeTrialPricingTerm.html>
pub const FREE_TRIAL_DAYS: RangeInclusive<u32> = 5..=31;
/// The number of `BuyerAccounts` of a private offer.
pub const OFFER_ACCOUNTS: RangeInclusive<usize> = 1..=26;
/// The `MaxQuantity` of a grant.
pub const GRANT: RangeInclusive<u32> = 1..=2_147_483_647;
/// The number of `CountryCodes` that an offer is for, or is not for.
pub const COUNTRIES: RangeInclusive<usize> = 1..=244;
/// The most decimals of a price that is not by use: in advance, or a fee.
pub const FEE_DECIMALS: usize = 3;
/// The duration that an AMI's price in advance is for: a year.
pub const YEAR: &str = "P365D";
/// The longest `RefundPolicy`.
pub const REFUND_POLICY: usize = 500;
/// The one version of the standard contract that new offers may name.
pub const STANDARD_EULA: &str = "2022-07-14";

/// The number of changes in a set.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
pub const CHANGES: RangeInclusive<usize> = 1..=20;
/// The longest `ChangeSetName`.
pub const CHANGE_SET_NAME: usize = 100;
