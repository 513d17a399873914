//! `[listing]` and `[listing.pricing]`.

#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;

use super::forms::{
    AccountId, Cidr, Country, InstanceType, LongText, ParameterName, Path, Port, Price, Rates, Region, S3Url, Text, nothing_required,
};
use crate::rules::limits;

/// `[listing]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Listing {
    /// The product's id, when it exists in the Marketplace already.
    #[schemars(regex(pattern = "^(prod-[a-zA-Z0-9]{13}|prod-[a-zA-Z0-9]{25}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"))]
    product_id: String,
    /// What buyers do after launching; must speak of sensitive data, encryption, key rotation, backup, health, quotas and costs.
    usage_instructions: LongText<{ limits::USAGE_INSTRUCTIONS }>,
    /// Notes of the version being made; made from version and product by default.
    release_notes: LongText<{ limits::RELEASE_NOTES }>,
    /// Instance types on sale.
    #[schemars(length(min = 1, max = *limits::INSTANCE_TYPES.end()))]
    instance_types: Vec<InstanceType>,
    /// One of `instance-types`.
    recommended_instance_type: InstanceType,
    /// Whether buyers may launch the image by itself; with `false` by templates alone.
    #[schemars(extend("default" = true))]
    image_alone: bool,
    /// CloudFormation templates that buyers may launch the image by.
    #[schemars(length(max = limits::TEMPLATES), extend("default" = []))]
    template: Vec<Template>,
    /// Rules of the security group that buyers are offered who launch the image by itself.
    #[schemars(length(min = 1, max = *limits::SECURITY_GROUPS.end()))]
    security_groups: Vec<SecurityGroup>,
    /// Where the software answers.
    access_endpoint: AccessEndpoint,
    /// The port that AWS's scanner logs in on.
    #[schemars(extend("default" = 22))]
    scanning_port: Port,
    /// Regions on sale.
    #[schemars(length(min = 1, max = *limits::REGIONS.end()))]
    regions: Vec<Region>,
    /// Whether Regions that AWS opens later are added by themselves.
    #[schemars(extend("default" = "none"))]
    future_regions: FutureRegions,
    /// What the product costs.
    pricing: Pricing,
    /// What the public offer is called, and where it holds.
    offer: Offer,
    /// The bucket that logo, licence, templates and diagrams are uploaded to when they are files; the Marketplace fetches them there.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"))]
    media_bucket: String,
    /// Whether and how buyers get their money back.
    refund_policy: LongText<{ limits::REFUND_POLICY }>,
    /// Accounts that see the product while it is limited.
    #[schemars(length(max = *limits::BUYER_ACCOUNTS.end()), extend("default" = []))]
    allowed_accounts: Vec<AccountId>,
}

/// A CloudFormation template that buyers launch the image by: `file` or `url`, `diagram` or `diagram-url`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("required" = ["title", "short-description", "long-description"]))]
struct Template {
    /// What buyers choose it by.
    title: Text<{ limits::DELIVERY_OPTION_TITLE }>,
    /// What it makes, in short.
    short_description: Text<{ limits::SHORT_DESCRIPTION }>,
    /// What it makes.
    long_description: LongText<{ limits::LONG_DESCRIPTION }>,
    /// What buyers do with it; must speak of what the listing's speak of, and of roles, network and deployment. The listing's by default.
    usage_instructions: LongText<{ limits::USAGE_INSTRUCTIONS }>,
    /// One of `instance-types`; the listing's by default.
    recommended_instance_type: InstanceType,
    /// The template, in YAML or JSON.
    file: Path,
    /// The template's address in S3, in place of a file.
    url: S3Url,
    /// A picture of what it makes: png, jpg or gif of 1560 x 878 or 1560 x 3120 pixels.
    diagram: Path,
    /// The picture's address in S3, in place of a file.
    diagram_url: S3Url,
    /// The template's parameters that get the image.
    #[schemars(length(min = *limits::IMAGE_PARAMETERS.start(), max = *limits::IMAGE_PARAMETERS.end()), extend("default" = ["ImageId"]))]
    image_parameters: Vec<ParameterName>,
}

/// The public offer.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, transform = nothing_required)]
struct Offer {
    /// Its name; made of the title by default.
    name: Text<{ limits::OFFER_NAME }>,
    /// Its description; made of the title by default.
    description: Text<{ limits::OFFER_DESCRIPTION }>,
    /// The countries whose buyers may accept it, by ISO 3166-1 alpha-2; all of them by default.
    #[schemars(length(min = 1, max = *limits::COUNTRIES.end()))]
    countries: Vec<Country>,
}

/// A time in which buyers pay nothing for the software.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("required" = ["days"]))]
struct FreeTrial {
    /// How many days.
    #[schemars(range(min = *limits::FREE_TRIAL_DAYS.start(), max = *limits::FREE_TRIAL_DAYS.end()))]
    days: u32,
    /// How much of each instance type is free; without limit by default.
    #[schemars(range(min = *limits::GRANT.start(), max = *limits::GRANT.end()))]
    max_quantity: u32,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum FutureRegions {
    /// All of them.
    All,
    /// Those in the United States.
    Us,
    /// None.
    None,
}

/// A rule of the security group: `port`, or `from-port` and `to-port`.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum SecurityGroup {
    One(OnePort),
    Range(PortRange),
}

/// A rule for one port.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["port"]))]
struct OnePort {
    /// The protocol.
    #[schemars(extend("default" = "tcp"))]
    protocol: Protocol,
    /// The port.
    port: Port,
    /// Whom it is opened to.
    #[schemars(length(min = 1, max = *limits::IP_RANGES.end()), extend("default" = ["0.0.0.0/0"]))]
    ranges: Vec<Cidr>,
}

/// A rule for a range of ports.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("required" = ["from-port", "to-port"]))]
struct PortRange {
    /// The protocol.
    #[schemars(extend("default" = "tcp"))]
    protocol: Protocol,
    /// The first port.
    from_port: Port,
    /// The last port.
    to_port: Port,
    /// Whom they are opened to.
    #[schemars(length(min = 1, max = *limits::IP_RANGES.end()), extend("default" = ["0.0.0.0/0"]))]
    ranges: Vec<Cidr>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum Protocol {
    Tcp,
    Udp,
}

/// Where the software answers.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["protocol", "port"]))]
struct AccessEndpoint {
    /// The protocol.
    protocol: WebProtocol,
    /// The port.
    port: Port,
    /// The path, without a leading slash.
    #[schemars(length(min = 1, max = limits::ENDPOINT_PATH), regex(pattern = "^[^/\\s][^\\s]*$"))]
    path: String,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum WebProtocol {
    Http,
    Https,
}

/// `[listing.pricing]`.
#[derive(JsonSchema)]
#[schemars(tag = "model", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum Pricing {
    /// A price an hour for each instance type.
    Hourly {
        /// US dollars an hour by instance type, as texts.
        rates: Rates,
        /// A time in which buyers pay nothing for the software.
        free_trial: Option<FreeTrial>,
    },
    /// A price an hour, and one for a year, for each instance type.
    HourlyAnnual {
        /// US dollars an hour by instance type, as texts.
        rates: Rates,
        /// US dollars a year by instance type, as texts of at most 3 decimals.
        annual_rates: Rates,
        /// A time in which buyers pay nothing for the software.
        free_trial: Option<FreeTrial>,
    },
    /// A price an hour for each instance type, and a fee a month.
    HourlyMonthly {
        /// US dollars an hour by instance type, as texts.
        rates: Rates,
        /// US dollars a month, as a text of at most 3 decimals.
        monthly_fee: Price,
        /// A time in which buyers pay nothing for the software.
        free_trial: Option<FreeTrial>,
    },
    /// Buyers bring their own licence.
    Byol,
    /// Nothing is paid for the software.
    Free,
}
