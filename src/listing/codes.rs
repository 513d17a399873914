//! AWS's error codes of change sets: what each comes from, and what to do.
//!
//! Source: AWS Marketplace Catalog API reference, the tables of asynchronous errors of each change
//! type, <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html> and
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-public-offers.html>.
//! AWS's misspelt codes (`IINVALID_TYPE`, `DIMENSIONS_NOT_RESTICTED`) are as it sends them.

use serde::Serialize;

/// What an error code comes from, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The cause; a sentence fragment.
    pub cause: &'static str,
    /// The remedy; a sentence fragment.
    pub remedy: &'static str,
}

/// Returns what is known about a code; nothing for one that isn't known.
pub fn advice(code: &str) -> Option<Advice> {
    let found = TABLES.into_iter().flatten().find(|(known, ..)| *known == code);
    found.map(|&(_, cause, remedy)| Advice { cause, remedy })
}

/// A code, its cause, its remedy.
type Row = (&'static str, &'static str, &'static str);

const TABLES: [&[Row]; 8] = [SETS, TEXTS_AND_MEDIA, VERSIONS, COMPONENTS, REGIONS_AND_TYPES, DIMENSIONS, RELEASE, OFFERS];

/// What AWS says of a change set as a whole.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_DescribeChangeSet.html>
const SETS: &[Row] = &[
    ("SERVER_FAULT", "AWS's own systems failed; nothing is wrong with the request", "start it again"),
    ("CLIENT_ERROR", "AWS refuses the change set as a whole", "mend what the message says"),
];

const TEXTS_AND_MEDIA: &[Row] = &[
    ("MISSING_DATA", "a field that this change needs is not there", "fill in the field that the message names"),
    (
        "INVALID_INPUT",
        "a text is missing, too long, inappropriate or has characters that AWS refuses",
        "mend the field that the message names; use plain ASCII, and no space before a trademark symbol",
    ),
    (
        "INVALID_ADDITIONAL_RESOURCES",
        "a link has no text or no valid address",
        "give each link a text and an http or https address, three at most",
    ),
    (
        "INVALID_CATEGORY_NAMES",
        "a category is not in the Marketplace's list",
        "write one to three categories exactly as the Marketplace does",
    ),
    ("InvalidImageProperties", "the logo is no png, jpg or gif", "upload the logo in one of these formats"),
    ("EXPLICIT_CONTENT", "AWS judged an image to be explicit", "use another image, or appeal to AWS Marketplace Seller Operations"),
    (
        "INVALID_MEDIA",
        "a file can't be fetched: it is not on S3, not public, over 5 MB, its address over 2048 characters, or malware",
        "put it on S3 with public read and give its plain https address without a query",
    ),
    ("TOO_MANY_MEDIA", "the product has more than 15 media files", "take some away"),
    ("DUPLICATE_MEDIA", "the same media file is named twice", "name it once"),
];

const VERSIONS: &[Row] = &[
    (
        "INVALID_AMI_NAME",
        "the image's name does not begin with the seller's name",
        "set the manifest's vendor to the name in the seller profile and bake a new version",
    ),
    (
        "INVALID_PRODUCT",
        "the product is in a state that does not take this change",
        "add versions to limited or public products; restrict only public ones",
    ),
    (
        "DUPLICATE_VERSION_TITLE",
        "the product has had a version of this title, perhaps one that was refused",
        "release the next version; a title is used up for ever",
    ),
    (
        "INVALID_VERSION_TITLE",
        "the version's title is too long or has characters that AWS refuses",
        "keep the title to 64 plain characters",
    ),
    (
        "INVALID_RELEASE_NOTES",
        "the release notes are too long or have characters that AWS refuses",
        "keep them to 30000 plain ASCII characters, not beginning with a space",
    ),
    (
        "INVALID_USAGE_INSTRUCTIONS",
        "the usage instructions are too long or have characters that AWS refuses",
        "keep them to 4000 plain ASCII characters, not beginning with a space",
    ),
    (
        "RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE",
        "the recommended instance type is not on sale",
        "recommend one of the product's instance types, or add it to them first",
    ),
    (
        "INVALID_RECOMMENDED_INSTANCE_TYPE",
        "the recommended instance type does not exist or can't run the image",
        "recommend an instance type of the image's architecture",
    ),
    (
        "INVALID_SECURITY_GROUP",
        "a recommended rule has no CIDR range, or ports outside 1 to 65535 or in the wrong order",
        "mend the rule that the message names",
    ),
    ("INVALID_SECURITY_GROUP_PROTOCOL", "a recommended rule's protocol is neither tcp nor udp", "use tcp or udp"),
    ("INVALID_CIDR_IP", "a recommended rule's range is no CIDR", "write it as an address, a slash and the prefix length"),
    ("INVALID_ACCESS_ENDPOINT_PORT", "the access endpoint's port is not 1 to 65535", "give the port that the software listens on"),
    (
        "INVALID_ACCESS_ENDPOINT_RELATIVE_PATH",
        "the access endpoint's path begins with a slash, has spaces or is too long",
        "write it without the leading slash",
    ),
    (
        "INCOMPATIBLE_OPERATING_SYSTEM",
        "the operating system does not fit the image, the product's other versions or its instance types",
        "name the system that the image really has",
    ),
    (
        "INCOMPATIBLE_OPERATING_SYSTEM_NAME",
        "the operating system's name is none that AWS knows",
        "use one of the Marketplace's words, such as AMAZONLINUX, UBUNTU or OTHERLINUX",
    ),
    (
        "INCOMPATIBLE_OPERATING_SYSTEM_VERSION",
        "the operating system's version does not fit its name",
        "give the version that the image really has",
    ),
    ("INVALID_SCANNING_PORT", "AWS's scanner can't use that port", "give the port that sshd listens on, usually 22"),
    (
        "INVALID_AMI_ID",
        "there is no such image in us-east-1, or another version of the product has it already",
        "bake a new image for each version, in us-east-1",
    ),
    (
        "EXISTING_AMI_PRODUCT_CODE",
        "the image carries a product code: it was built from another Marketplace image",
        "bake from a base without a product code",
    ),
    (
        "INVALID_AMI_ARCHITECTURE",
        "the image's architecture is not the one of the product and its instance types",
        "keep one architecture a listing and offer its instance types alone",
    ),
    ("INVALID_AMI_VIRTUALIZATION_TYPE", "the image is not hvm", "bake from an hvm base"),
    (
        "INCOMPATIBLE_AMI",
        "the image's architecture, virtualization or missing ENA support rules out instance types of the product",
        "bake from an hvm base with ENA support, and offer instance types of its architecture alone",
    ),
    (
        "ASSET_NOT_FOUND",
        "AWS can't see the image: it is not in us-east-1 of the account, or the access role can't share it",
        "check that the role is in the image's account, trusts assets.marketplace.amazonaws.com and has AWSMarketplaceAmiIngestion without a permissions boundary",
    ),
    (
        "ASSET_ACCESS_EXCEPTION",
        "AWS can't copy the image, mostly because a snapshot is encrypted",
        "switch EBS encryption by default off for the build and bake a new version; check the role's snapshot permissions",
    ),
    (
        "SCAN_ERROR",
        "AWS's scan found vulnerabilities, keys, passwords, or could not log in",
        "fetch the findings that the message links to (for 60 days), mend the image and release the next version",
    ),
    (
        "SSHAuthFailedForUserAndKeypair",
        "AWS's scanner could not log in with the key that it gave the instance",
        "name the login user that cloud-init puts keys in for, and let sshd answer on the scanning port",
    ),
    ("MISSING_FPGA_INSTANCE_TYPE", "the version has an FPGA image, but no FPGA instance type is on sale", "add an FPGA instance type"),
    ("MISSING_DELIVERY_OPTION_IDS", "no delivery option is named", "name the ids of the version's delivery options"),
    ("INVALID_DELIVERY_OPTION_IDS", "a delivery option's id is not one of the product's", "take the ids from the live entity"),
    ("INVALID_DELIVERY_OPTIONS", "the delivery options belong to more than one version", "change one version at a time"),
    ("INVALID_DELIVERY_OPTION", "the delivery option is not public", "restrict only what is public"),
    ("ALL_DELIVERY_OPTIONS_RESTRICTED", "this would restrict the last public version", "keep one version public, or restrict the product"),
];

/// Of delivery options of an image product that are components of EC2 Image Builder.
const COMPONENTS: &[Row] = &[
    ("DUPLICATE_DELIVERY_OPTION_TITLES", "two delivery options have one title", "give each a title of its own"),
    (
        "INVALID_DELIVERY_OPTION_TITLES",
        "a delivery option's title is too long or has characters that AWS refuses",
        "write a short title of plain ASCII characters",
    ),
    ("DUPLICATE_COMPONENT_ARN", "a version of the product has this component already", "build another component for each version"),
    ("DUPLICATE_COMPONENT_NAME", "another product has a component of this name", "give the component a name of its own"),
    ("INVALID_COMPONENT_NAME", "the component's name is too long or has characters that AWS refuses", "write a plain name"),
    ("TOO_MANY_IMAGE_BUILDER_COMPONENTS", "the product has components of more than five names", "keep to the names that it has"),
    (
        "INVALID_IB_COMPONENT",
        "there is no such component in us-east-1, or the role can't read it",
        "check the ARN and the role's permissions",
    ),
    ("INVALID_IMAGE_BUILDER_COMPONENT_PACKAGE", "the component's document can't be used", "mend what the message names and build it anew"),
    (
        "INVALID_IB_COMPONENT_BUILD_VERSION",
        "the component's build version is not 1",
        "raise the component's own version; its first build is taken",
    ),
    ("MISSING_IB_COMPONENT_PARAMETER", "the component lacks a parameter that it has to have", "add the parameter that the message names"),
    ("INVALID_IB_COMPONENT_PARAMETER", "a parameter of the component has no default, or none of its type", "give each parameter a default"),
    ("INVALID_DESCRIPTION", "the component's description is missing or over 1024 characters", "describe it in 1 to 1024 characters"),
    (
        "INVALID_SUPPORTED_OS_VERSION",
        "a system that the component is said to support is none that AWS knows",
        "name systems as Image Builder does",
    ),
    ("INCOMPATIBLE_OS_TYPE", "the component is not for the product's operating system", "build it for the product's: Linux or Windows"),
    ("INVALID_PATH_FORMAT", "a path in the component's document is malformed", "mend the path that the message names"),
    (
        "FAILED_LAUNCH_TEST",
        "an instance with the component did not start as it should",
        "try the component in Image Builder, then submit again",
    ),
    ("INCOMPLETE_SELLER_PUBLIC_PROFILE", "the seller's public profile lacks something", "complete it in the Management Portal"),
];

const REGIONS_AND_TYPES: &[Row] = &[
    ("INVALID_REGIONS", "a Region is none that the Marketplace sells in", "take Regions from the list in the message"),
    ("TOO_MANY_REGIONS", "future Region support has more than one setting", "set one of All, US or None"),
    (
        "INVALID_INSTANCE_TYPES",
        "an instance type does not exist, or the Marketplace does not sell it",
        "take the types that the message names from the manifest",
    ),
    ("INVALID_INSTANCE_VIRTUALIZATION", "an instance type can't run the image's virtualization", "offer types that run hvm images"),
    ("INVALID_PRODUCT_TYPE", "the product is of a kind that does not take this change", "change instance types of AMI products alone"),
    (
        "INVALID_ENA_SETTING",
        "an instance type needs ENA support, which a version's image lacks",
        "bake from a base with ENA support, or leave the type out",
    ),
    ("INVALID_DIMENSIONS", "dimensions and instance types don't agree", "give each instance type a metered dimension of the same key"),
    (
        "MISSING_DIMENSIONS",
        "instance types were added without their dimensions",
        "add dimensions for the same types in the same change set",
    ),
    (
        "UPDATE_PRICING_REQUIRED",
        "instance types were added without prices",
        "send the whole rate card, old rates and new, in the same change set",
    ),
    ("DUPLICATE_INSTANCE_TYPE", "an instance type is named twice", "name it once"),
    ("UNAVAILABLE_INSTANCE_TYPE", "an instance type to be restricted is not on sale", "take it out of the change"),
    (
        "RECOMMENDED_INSTANCE_TYPE_RESTRICTED",
        "a version recommends an instance type that is to be restricted",
        "recommend another type in every version first",
    ),
    (
        "DIMENSIONS_NOT_RESTICTED",
        "instance types were restricted without their dimensions",
        "restrict the dimensions of the same keys in the same change set",
    ),
    ("REGION_NO_INSTANCES", "a Region would be left without an instance type", "restrict the Region too, or keep a type that it has"),
    ("INCOMPATIBLE_RESTRICTION", "a version with an FPGA image needs the instance type", "restrict that version first"),
];

const DIMENSIONS: &[Row] = &[
    (
        "INVALID_DIMENSION",
        "a dimension is a duplicate, in the wrong state, incomplete, of types that don't go together, or one too many",
        "mend the dimension that the message names; 200 are allowed, restricted ones among them",
    ),
    ("IINVALID_TYPE", "a dimension's type is none that AWS knows or the product takes", "use Metered for hourly prices"),
    ("INVALID_UNIT", "a dimension's unit does not fit its type", "use Hrs for metered dimensions"),
];

const RELEASE: &[Row] = &[
    (
        "INVALID_PRODUCT_VISIBILITY",
        "the product's visibility does not take this change",
        "allow-list accounts only while the product is limited",
    ),
    ("INVALID_AWS_ACCOUNT_IDS", "an allow-listed account does not exist", "check the accounts that the message names"),
    (
        "INVALID_PRODUCT_STATE",
        "the product is in a state that has no such visibility",
        "release the draft first; wait until another request has ended",
    ),
    (
        "INVALID_TARGET_VISIBILITY",
        "the product can't go from its visibility to this one",
        "go by way of the visibility that the message names",
    ),
    ("EMPTY_TARGET_VISIBILITY", "no visibility is named", "name Public, Limited or Restricted"),
    (
        "INVALID_REPLACEMENT_PRODUCT_ID",
        "the replacement is no public product of the seller",
        "name a public product, and only when restricting",
    ),
    (
        "AUDIT_ERROR",
        "a person at AWS reviewed the change and refused it",
        "mend what the reviewer's text names and submit again: it is reviewed anew; what the text leaves open, AWS Marketplace Seller Operations answers (the Management Portal's Contact us)",
    ),
    (
        "MISSING_SELLER_PROFILE_INFORMATION",
        "the seller's public profile, tax or bank information is incomplete",
        "complete it in the AWS Marketplace Management Portal",
    ),
    (
        "VALIDATION_FAILED",
        "the product lacks information that a release needs",
        "add what the message names: description, versions, dimensions, regions or instance types",
    ),
];

const OFFERS: &[Row] = &[
    ("MISSING_NAME", "the offer has no name", "send UpdateInformation with a name before the release"),
    ("MISSING_DESCRIPTION", "the offer has no description", "send UpdateInformation with a description before the release"),
    ("MISSING_MANDATORY_TERMS", "the offer lacks a term that its release needs", "add the term that the message names"),
    ("MISSING_BUYER_ACCOUNTS", "a private offer names no account", "name the buyers' accounts"),
    ("MISSING_COUNTRY_CODES", "targeting by country names no country", "name countries, or leave the targeting out"),
    ("MISSING_DURATION", "a term needs a duration", "give it as ISO 8601, such as P12M"),
    ("MISSING_AVAILABILITY_END_DATE", "the offer needs an end date", "give the date until which it can be accepted"),
    ("MISSING_AGREEMENT_START_DATE", "the agreement needs a start date", "give the date"),
    ("MISSING_AGREEMENT_END_DATE", "the agreement needs an end date", "give the date"),
    ("MISSING_ADJUSTMENT_DEADLINE", "a renewal with a price range needs an adjustment deadline", "give the deadline"),
    ("MISSING_PAYMENT_SCHEDULE_TERM_TEMPLATE", "a renewal of an offer with a payment schedule needs its template", "add the template"),
    ("MISSING_PRICE_INCREASE", "the renewal needs a price increase", "give it, zero if there is none"),
    ("INCOMPATIBLE_PRE_EXISTING_AGREEMENT", "an offer that is released can't name an earlier agreement", "make a new offer"),
    (
        "INVALID_LEGAL_DOCUMENTS",
        "the licence can't be fetched, or the standard contract's version is old",
        "use the standard EULA of 2022-07-14, or a text on S3 that AWS can read",
    ),
    ("LIMIT_EXCEEDED_LEGAL_DOCUMENT_SIZE", "the licence is too large", "shorten the document"),
    ("DUPLICATE_DIMENSION_KEYS", "a dimension is priced twice", "price each dimension once"),
    ("DUPLICATE_SELECTORS", "two rate cards are for the same duration", "keep one for each duration"),
    ("DUPLICATE_TERM_TYPES", "two terms are of the same type", "keep one of each type"),
    ("INCOMPATIBLE_AGREEMENT", "the offer does not fit the agreement that it replaces", "start from the agreement's own terms"),
    ("INCOMPATIBLE_CURRENCY_CODE", "the currency does not fit the offer", "use USD for public offers"),
    (
        "INCOMPATIBLE_PAYMENT_SETTINGS",
        "the seller's payment settings don't allow this offer",
        "set up disbursement in the AWS Marketplace Management Portal",
    ),
    (
        "INCOMPATIBLE_PRODUCT",
        "the product can't have such an offer, or lacks its public offer",
        "create the public offer first; check that the pricing fits the product",
    ),
    (
        "INCOMPATIBLE_RATE_CARD_CONSTRAINTS",
        "a rate card's constraints contradict each other or another card's",
        "set both constraints alike on every card",
    ),
    ("INCOMPATIBLE_RATES", "prices don't fit the pricing model", "price everything at zero in a free offer, and nothing else so"),
    ("INCOMPATIBLE_RESALE_AUTHORIZATION", "the offer does not fit its resale authorization", "keep to what the authorization allows"),
    (
        "INCOMPATIBLE_SELECTOR_DURATION",
        "a rate card's duration does not fit the product or the other cards",
        "use a duration that the product takes: P365D for annual prices of images",
    ),
    (
        "INCOMPATIBLE_SELLER_VERIFICATION",
        "the seller is not verified for this offer",
        "complete the verification in the AWS Marketplace Management Portal",
    ),
    (
        "INCOMPATIBLE_TERMS",
        "terms contradict each other, or were added to or taken from a released offer",
        "send the same types of terms as the live offer has",
    ),
    (
        "INCOMPATIBLE_PRICING_MODEL",
        "the pricing model of a released offer can't change",
        "keep the model; AWS Marketplace Seller Operations changes it on request",
    ),
    ("INVALID_CURRENCY_CODE", "the currency is none that AWS knows", "use USD"),
    ("INVALID_DURATION", "a term's duration is malformed or out of range", "write it as ISO 8601; free trials take 5 to 31 days"),
    ("INVALID_GRANTS", "a term's grants don't fit the product's dimensions", "grant every metered dimension alike"),
    (
        "INVALID_PRICE_CHANGE",
        "prices were raised too soon, or raised and lowered at once, or a rate was left out",
        "lower first, raise in a change set of its own, keep every rate; after a raise wait 90 to 120 days",
    ),
    ("INVALID_RATE_CARD", "a rate card has a missing dimension or a malformed price", "price every metered dimension as a decimal text"),
    ("INVALID_SELECTOR_DURATION_VALUE", "a rate card's duration is malformed", "write it as ISO 8601, such as P365D"),
    (
        "INVALID_UPDATE_REQUEST",
        "the offer's state does not take this change",
        "read the offer again; a released or expired one takes few changes",
    ),
    ("TOO_MANY_GRANTS", "a term has too many grants", "keep to one for each dimension"),
    ("TOO_MANY_RATE_CARDS", "a term has too many rate cards", "keep one for prices by use, five for prices by duration"),
    ("TOO_MANY_RATES", "a rate card has too many rates", "keep to the product's dimensions"),
    ("TOO_MANY_OFFERS", "the product has its public offer already", "change the live offer instead of creating another"),
    (
        "INCOMPATIBLE_TARGETING",
        "a released offer's accounts can't change, or the targeting does not fit the offer",
        "make a new offer for other accounts",
    ),
    (
        "INVALID_TAX_INFORMATION",
        "the seller's tax information is missing or does not fit",
        "complete it in the AWS Marketplace Management Portal",
    ),
    ("INVALID_BUYER_ACCOUNTS", "a buyer's account does not exist", "check the accounts that the message names"),
    ("INVALID_COUNTRY_CODES", "a country's code is none that AWS knows", "use ISO 3166-1 codes of two letters"),
    ("INVALID_TARGETING", "the targeting is malformed, or both names and excludes", "either name or exclude"),
    ("TOO_MANY_BUYER_ACCOUNTS", "the offer names too many accounts", "keep to the number in the message"),
    ("INCOMPATIBLE_COUNTRY_CODES", "countries don't fit the offer or its accounts", "leave the targeting by country out"),
    ("INCOMPATIBLE_BUYER_ACCOUNTS", "accounts don't fit the offer", "leave them out of public offers"),
    (
        "INVALID_AVAILABILITY_END_DATE",
        "the end date is malformed or does not fit the offer",
        "write it as YYYY-MM-DD, for private offers alone",
    ),
    ("DUPLICATE_CHARGE_DATES", "two charges are on one day", "keep one charge a day"),
    ("INCOMPATIBLE_MARKUP_PERCENTAGE", "the markup does not fit the resale authorization", "keep to what the authorization allows"),
    ("INVALID_CHARGE_DATES", "a charge's date is out of the agreement's time", "move it into the agreement's time"),
    ("TOO_MANY_BACKDATED_CHARGES", "more than one charge is due before the offer ends", "keep one charge before the availability end date"),
    ("TOO_MANY_CHARGES", "the payment schedule has more than 60 charges", "merge charges"),
    ("INVALID_PAYMENT_DUE_PERIOD", "the payment period is none that AWS takes", "use P15D, P30D, P45D, P60D, P90D or P120D"),
    ("DUPLICATE_CHARGE_DATE_OFFSETS", "two charges of a renewal have one offset", "keep one charge an offset"),
    (
        "INVALID_ADJUSTMENT_DEADLINE",
        "the renewal's adjustment deadline is malformed or after its lock-out",
        "set it before the lock-out period",
    ),
    ("INVALID_CHARGE_DATE_OFFSETS", "a renewal's charge offset is out of its time", "move it into the renewal's time"),
    ("INVALID_CHARGE_PERCENTAGES", "a renewal's charges don't add up to 100 per cent", "make them add up"),
    ("INVALID_DAY_OF_MONTH", "a renewal's day of the month does not exist", "use a day that every month has"),
    ("INVALID_LOCKOUT_PERIOD", "the renewal's lock-out period is malformed or too long", "write it in days, shorter than the agreement"),
    ("INVALID_PERCENTAGE_RANGE", "the renewal's price range is out of order", "order minimum, default, maximum"),
    ("INVALID_AGREEMENT_DURATION", "the agreement's duration is malformed or out of range", "write it as ISO 8601, such as P12M"),
    ("INVALID_AGREEMENT_START_DATE", "the agreement's start date is malformed or too far away", "write it as YYYY-MM-DD"),
    ("INVALID_AGREEMENT_END_DATE", "the agreement's end date is malformed or before its start", "write it as YYYY-MM-DD, after the start"),
    ("INVALID_AGREEMENT_TIME_INTERVAL", "the agreement's start and end don't fit each other", "put the end after the start"),
    ("INCOMPATIBLE_AGREEMENT_START_DATE", "the start date does not fit the pricing", "leave the start date out"),
    ("INCOMPATIBLE_AGREEMENT_END_DATE", "the end date contradicts the duration", "give a duration or an end date, not both"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every code that AWS's documentation of the change types names, in its order.
    const DOCUMENTED: &str = "
        SERVER_FAULT CLIENT_ERROR

        MISSING_DATA INVALID_INPUT INVALID_ADDITIONAL_RESOURCES INVALID_CATEGORY_NAMES InvalidImageProperties EXPLICIT_CONTENT INVALID_MEDIA
        TOO_MANY_MEDIA DUPLICATE_MEDIA

        INVALID_AMI_NAME INVALID_PRODUCT DUPLICATE_VERSION_TITLE INVALID_VERSION_TITLE INVALID_RELEASE_NOTES INVALID_USAGE_INSTRUCTIONS
        RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE INVALID_RECOMMENDED_INSTANCE_TYPE INVALID_SECURITY_GROUP INVALID_SECURITY_GROUP_PROTOCOL
        INVALID_CIDR_IP INVALID_ACCESS_ENDPOINT_PORT INVALID_ACCESS_ENDPOINT_RELATIVE_PATH INCOMPATIBLE_OPERATING_SYSTEM
        INCOMPATIBLE_OPERATING_SYSTEM_NAME INCOMPATIBLE_OPERATING_SYSTEM_VERSION INVALID_SCANNING_PORT INVALID_AMI_ID EXISTING_AMI_PRODUCT_CODE
        INVALID_AMI_ARCHITECTURE INVALID_AMI_VIRTUALIZATION_TYPE INCOMPATIBLE_AMI ASSET_NOT_FOUND ASSET_ACCESS_EXCEPTION SCAN_ERROR
        MISSING_FPGA_INSTANCE_TYPE MISSING_DELIVERY_OPTION_IDS INVALID_DELIVERY_OPTION_IDS INVALID_DELIVERY_OPTIONS
        ALL_DELIVERY_OPTIONS_RESTRICTED INVALID_DELIVERY_OPTION SSHAuthFailedForUserAndKeypair

        DUPLICATE_COMPONENT_NAME DUPLICATE_COMPONENT_ARN INVALID_IMAGE_BUILDER_COMPONENT_PACKAGE TOO_MANY_IMAGE_BUILDER_COMPONENTS
        INCOMPLETE_SELLER_PUBLIC_PROFILE INVALID_DESCRIPTION INVALID_COMPONENT_NAME INVALID_SUPPORTED_OS_VERSION INVALID_PATH_FORMAT
        INCOMPATIBLE_OS_TYPE INVALID_IB_COMPONENT_BUILD_VERSION INVALID_IB_COMPONENT_PARAMETER MISSING_IB_COMPONENT_PARAMETER
        FAILED_LAUNCH_TEST INVALID_IB_COMPONENT DUPLICATE_DELIVERY_OPTION_TITLES INVALID_DELIVERY_OPTION_TITLES

        INVALID_REGIONS TOO_MANY_REGIONS INVALID_INSTANCE_TYPES INVALID_INSTANCE_VIRTUALIZATION INVALID_PRODUCT_TYPE INVALID_ENA_SETTING
        INVALID_DIMENSIONS MISSING_DIMENSIONS UPDATE_PRICING_REQUIRED DUPLICATE_INSTANCE_TYPE UNAVAILABLE_INSTANCE_TYPE
        RECOMMENDED_INSTANCE_TYPE_RESTRICTED DIMENSIONS_NOT_RESTICTED REGION_NO_INSTANCES INCOMPATIBLE_RESTRICTION

        INVALID_DIMENSION IINVALID_TYPE INVALID_UNIT

        INVALID_PRODUCT_VISIBILITY INVALID_AWS_ACCOUNT_IDS INVALID_PRODUCT_STATE INVALID_TARGET_VISIBILITY EMPTY_TARGET_VISIBILITY
        INVALID_REPLACEMENT_PRODUCT_ID AUDIT_ERROR MISSING_SELLER_PROFILE_INFORMATION VALIDATION_FAILED

        INCOMPATIBLE_PRE_EXISTING_AGREEMENT INVALID_LEGAL_DOCUMENTS LIMIT_EXCEEDED_LEGAL_DOCUMENT_SIZE DUPLICATE_DIMENSION_KEYS
        DUPLICATE_SELECTORS DUPLICATE_TERM_TYPES INCOMPATIBLE_AGREEMENT INCOMPATIBLE_CURRENCY_CODE INCOMPATIBLE_PAYMENT_SETTINGS
        INCOMPATIBLE_PRODUCT INCOMPATIBLE_RATE_CARD_CONSTRAINTS INCOMPATIBLE_RATES INCOMPATIBLE_RESALE_AUTHORIZATION
        INCOMPATIBLE_SELECTOR_DURATION INCOMPATIBLE_SELLER_VERIFICATION INCOMPATIBLE_TERMS INCOMPATIBLE_PRICING_MODEL
        INVALID_AGREEMENT_DURATION INVALID_CURRENCY_CODE INVALID_DURATION INVALID_GRANTS INVALID_PRICE_CHANGE INVALID_RATE_CARD
        INVALID_SELECTOR_DURATION_VALUE INVALID_UPDATE_REQUEST MISSING_DURATION MISSING_MANDATORY_TERMS TOO_MANY_GRANTS TOO_MANY_RATE_CARDS
        TOO_MANY_RATES INCOMPATIBLE_TARGETING INVALID_TAX_INFORMATION MISSING_AGREEMENT_END_DATE MISSING_AVAILABILITY_END_DATE
        MISSING_BUYER_ACCOUNTS MISSING_DESCRIPTION MISSING_NAME TOO_MANY_OFFERS INVALID_BUYER_ACCOUNTS INVALID_COUNTRY_CODES
        INVALID_TARGETING TOO_MANY_BUYER_ACCOUNTS MISSING_COUNTRY_CODES INCOMPATIBLE_COUNTRY_CODES INCOMPATIBLE_BUYER_ACCOUNTS
        INVALID_AVAILABILITY_END_DATE DUPLICATE_CHARGE_DATES INCOMPATIBLE_MARKUP_PERCENTAGE INVALID_CHARGE_DATES TOO_MANY_BACKDATED_CHARGES
        TOO_MANY_CHARGES INVALID_PAYMENT_DUE_PERIOD DUPLICATE_CHARGE_DATE_OFFSETS INVALID_ADJUSTMENT_DEADLINE INVALID_CHARGE_DATE_OFFSETS
        INVALID_CHARGE_PERCENTAGES INVALID_DAY_OF_MONTH INVALID_LOCKOUT_PERIOD INVALID_PERCENTAGE_RANGE MISSING_ADJUSTMENT_DEADLINE
        MISSING_PAYMENT_SCHEDULE_TERM_TEMPLATE MISSING_PRICE_INCREASE INVALID_AGREEMENT_START_DATE INVALID_AGREEMENT_END_DATE
        INVALID_AGREEMENT_TIME_INTERVAL INCOMPATIBLE_AGREEMENT_START_DATE INCOMPATIBLE_AGREEMENT_END_DATE MISSING_AGREEMENT_START_DATE";

    #[test]
    fn every_documented_code_has_advice_once() {
        let documented: BTreeSet<&str> = DOCUMENTED.split_whitespace().collect();
        let known: Vec<&str> = TABLES.into_iter().flatten().map(|row| row.0).collect();
        assert_eq!(known.iter().copied().collect::<BTreeSet<_>>(), documented);
        assert_eq!(known.len(), documented.len(), "a code stands twice");
    }

    #[test]
    fn advice_is_written_as_fragments() {
        for (code, cause, remedy) in TABLES.into_iter().flatten() {
            for text in [cause, remedy] {
                assert!(!text.is_empty() && !text.ends_with('.') && text.trim() == *text, "{code}: {text}");
            }
        }
        assert_eq!(advice("NEVER_SEEN"), None);
    }
}
