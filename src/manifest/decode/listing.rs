//! `[listing]`: how the image is sold.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::code::Code;
use super::super::context::{Reader, Value, quoted};
use super::build::{check_boot, instance_type, region};
use super::distribution::account_id;
use super::media::{MediaPlace, media_bucket};
use super::offer::offer;
use super::pricing::pricing;
use super::template::{Shared, templates};
use super::texts::long_text;
use crate::model::deployment_template::DeploymentTemplate;
use crate::model::ids::{AccountId, Architecture, EntityId, Region, RoleArn};
use crate::model::product::{
    AccessEndpoint, BootMode, Eula, FreeTrial, FutureRegions, Listing as Model, Pricing, PublicOffer, SecurityGroupRule,
};
use crate::rules::addresses::{endpoint_path_fault, is_cidr};
use crate::rules::advice::{URGENCIES, missing_topics, tells_urgency};
use crate::rules::{limits, ports};

/// The port that AWS's scanner logs in on when the manifest does not say.
const SSH_PORT: u16 = 22;

/// What `[listing]` says; role and licence stand in other tables.
pub(super) struct Listing {
    product_id: Option<EntityId>,
    usage_instructions: String,
    recommended_instance_type: String,
    image_alone: bool,
    templates: Vec<DeploymentTemplate>,
    security_groups: Vec<SecurityGroupRule>,
    access_endpoint: Option<AccessEndpoint>,
    scanning_port: u16,
    instance_types: BTreeSet<String>,
    regions: BTreeSet<Region>,
    future_regions: FutureRegions,
    pricing: Pricing,
    free_trial: Option<FreeTrial>,
    offer: PublicOffer,
    refund_policy: String,
    allowed_accounts: BTreeSet<AccountId>,
    release_notes: Option<String>,
}

impl Listing {
    /// Adds what stands in other tables of the manifest.
    pub(super) fn into_listing(self, access_role: RoleArn, eula: Eula) -> Model {
        Model {
            product_id: self.product_id,
            access_role,
            usage_instructions: self.usage_instructions,
            recommended_instance_type: self.recommended_instance_type,
            image_alone: self.image_alone,
            templates: self.templates,
            security_groups: self.security_groups,
            access_endpoint: self.access_endpoint,
            scanning_port: self.scanning_port,
            instance_types: self.instance_types,
            regions: self.regions,
            future_regions: self.future_regions,
            pricing: self.pricing,
            free_trial: self.free_trial,
            offer: self.offer,
            eula,
            refund_policy: self.refund_policy,
            allowed_accounts: self.allowed_accounts,
            release_notes: self.release_notes,
        }
    }
}

/// Reads `[listing]`.
pub(super) fn listing(
    value: Value,
    place: &MediaPlace,
    architecture: Option<Architecture>,
    boot_mode: Option<BootMode>,
) -> Option<Listing> {
    let reader = value.table()?;
    let product_id = reader.maybe("product-id", |value| product_id(&value));
    if let Some(Some(_)) = product_id {
        value.context.is_listed();
    }
    let usage_instructions = reader.required("usage-instructions").and_then(|value| usage_instructions(&value));
    let release_notes = reader.maybe("release-notes", |value| release_notes(&value));
    let types = reader.required("instance-types").and_then(|value| {
        value.list_of(limits::INSTANCE_TYPES, |entry| {
            let name = instance_type(entry, architecture)?;
            check_boot(entry, &name, boot_mode);
            Some(name)
        })
    });
    let recommended = reader.required("recommended-instance-type").and_then(|value| recommended_type(&value, types.as_deref()));
    let image_alone = reader.or("image-alone", true, |value| value.boolean());
    let shared = Shared { usage_instructions: usage_instructions.as_deref(), recommended: recommended.as_deref(), types: types.as_deref() };
    let templates = reader.or("template", Vec::new(), |value| templates(&value, place, &shared));
    let (security_groups, access_endpoint) = match image_alone {
        Some(false) => (by_templates_alone(&value, &reader, templates.as_deref()), Some(None)),
        _ => {
            let rules = reader.required("security-groups").and_then(|value| value.list_of(limits::SECURITY_GROUPS, security_group));
            let endpoint = reader.maybe("access-endpoint", |value| access_endpoint(value, rules.as_deref()));
            (rules, endpoint)
        }
    };
    let scanning_port = reader.or("scanning-port", SSH_PORT, |value| scanning_port(&value, templates.as_deref()));
    let regions = reader.required("regions").and_then(|value| value.list_of(limits::REGIONS, region));
    let future_regions = reader.or("future-regions", FutureRegions::None, |value| value.choice(&FUTURE_REGIONS));
    let pricing = reader.required("pricing").and_then(|value| pricing(value, types.as_deref()));
    let offer = reader.or("offer", PublicOffer::default(), |value| offer(&value));
    let media_bucket = reader.maybe("media-bucket", |value| media_bucket(&value));
    let refund_policy = reader.required("refund-policy").and_then(|value| refund_policy(&value));
    let allowed_accounts = reader.or("allowed-accounts", Vec::new(), |value| value.list_of(limits::BUYER_ACCOUNTS, account_id));
    reader.finish();
    media_bucket?;
    let (pricing, free_trial) = pricing?;
    Some(Listing {
        product_id: product_id?,
        usage_instructions: usage_instructions?,
        recommended_instance_type: recommended?,
        image_alone: image_alone?,
        templates: templates?,
        security_groups: security_groups?,
        access_endpoint: access_endpoint?,
        scanning_port: scanning_port?,
        instance_types: types?.into_iter().collect(),
        regions: regions?.into_iter().collect(),
        future_regions: future_regions?,
        pricing,
        free_trial,
        offer: offer?,
        refund_policy: refund_policy?,
        allowed_accounts: allowed_accounts?.into_iter().collect(),
        release_notes: release_notes?,
    })
}

const FUTURE_REGIONS: [(&str, FutureRegions); 3] = [("all", FutureRegions::All), ("us", FutureRegions::Us), ("none", FutureRegions::None)];

/// Reads the usage instructions, which must speak of certain topics.
fn usage_instructions(value: &Value) -> Option<String> {
    let text = long_text(value, limits::USAGE_INSTRUCTIONS)?;
    let missing = missing_topics(&text);
    if !missing.is_empty() {
        value
            .fault(Code::UsageTopics, format!("`usage-instructions` say nothing of {}", missing.join(", ")))
            .expected("a sentence for each")
            .report();
    }
    Some(text)
}

/// Reads the release notes, which must say how urgent the update is.
fn release_notes(value: &Value) -> Option<String> {
    let notes = long_text(value, limits::RELEASE_NOTES)?;
    if !tells_urgency(&notes) {
        value
            .fault(Code::ReleaseNotesLabel, "`release-notes` don't say how urgent the update is")
            .expected(format!("one of the words {}", URGENCIES.join(", ")))
            .report();
    }
    Some(notes)
}

// Source: Catalog API, UpdateVisibility, ReplacementProductId (older products have a UUID). A revision
// would pin the product as it was; the plan asks for the live one.
static PRODUCT_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(?:prod-[a-zA-Z0-9]{13}|prod-[a-zA-Z0-9]{25}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
        .expect("the pattern is a constant")
});

fn product_id(value: &Value) -> Option<EntityId> {
    const EXPECTED: &str = "a product id such as \"prod-abcdefghijklm\", without a revision";
    let id: EntityId = value.parse(EXPECTED)?;
    if !PRODUCT_ID.is_match(id.as_str()) {
        value.fault(Code::Malformed, format!("`product-id` is {}", quoted(id.as_str()))).expected(EXPECTED).report();
        return None;
    }
    Some(id)
}

pub(super) fn recommended_type(value: &Value, types: Option<&[String]>) -> Option<String> {
    let name = value.string()?;
    if let Some(types) = types
        && !types.iter().any(|known| known == name)
    {
        value
            .fault(Code::RecommendedType, format!("{} is not on sale", quoted(name)))
            .expected("one of `instance-types`")
            .did_you_mean(name, types)
            .report();
    }
    Some(name.to_owned())
}

/// Reads what there is to say where nobody launches the image by itself: nothing of its ports, but a template.
fn by_templates_alone(listing: &Value, reader: &Reader, templates: Option<&[DeploymentTemplate]>) -> Option<Vec<SecurityGroupRule>> {
    for key in ["security-groups", "access-endpoint"] {
        if let Some(value) = reader.optional(key) {
            value
                .fault(Code::Alternatives, format!("`{key}` stands beside `image-alone = false`"))
                .expected("neither, for a template opens its own ports")
                .report();
        }
    }
    if templates.is_some_and(<[_]>::is_empty) {
        listing
            .fault(Code::MissingKey, "`image-alone` is false, and `listing` lacks `template`")
            .expected("a way of launching the image")
            .report();
    }
    Some(Vec::new())
}

/// Reads the port that AWS's scanner logs in on, which a version with a template can't tell it.
fn scanning_port(value: &Value, templates: Option<&[DeploymentTemplate]>) -> Option<u16> {
    let port = value.port()?;
    if port != SSH_PORT && templates.is_some_and(|templates| !templates.is_empty()) {
        value
            .fault(Code::TemplateScanningPort, format!("`scanning-port` is {port}, and the version has templates"))
            .expected(format!("{SSH_PORT}"))
            .report();
    }
    Some(port)
}

fn security_group(value: &Value) -> Option<SecurityGroupRule> {
    let reader = value.table()?;
    let protocols = ["tcp", "udp"].map(|name| (name, name));
    let protocol = reader.or("protocol", "tcp", |value| value.choice(&protocols));
    let ports = port_range(&reader);
    let ranges = reader.or("ranges", vec!["0.0.0.0/0".to_owned()], |value| value.list_of(limits::IP_RANGES, range));
    reader.finish();
    let (from_port, to_port) = ports?;
    let rule = SecurityGroupRule { protocol: protocol?.to_owned(), from_port, to_port, ranges: ranges? };
    report_open_port(value, &rule);
    Some(rule)
}

fn report_open_port(value: &Value, rule: &SecurityGroupRule) {
    let is_open = rule.ranges.iter().any(|range| ports::is_anywhere(range));
    if let (true, "tcp", Some((port, name))) = (is_open, rule.protocol.as_str(), ports::guarded(rule.from_port, rule.to_port)) {
        value
            .fault(Code::OpenPort, format!("port {port} ({name}) is recommended to be open to the whole internet"))
            .expected("`ranges` of private addresses, such as \"10.0.0.0/8\"; the buyer widens them")
            .report();
    }
}

/// Reads `port`, or `from-port` and `to-port`.
fn port_range(reader: &Reader) -> Option<(u16, u16)> {
    let one = reader.exactly_one(&["port", "from-port"]);
    let last = reader.optional("to-port");
    let one = one?;
    let first = one.port();
    if one.name == "port" {
        if let Some(last) = last {
            last.fault(Code::Alternatives, "`to-port` stands beside `port`").expected("`to-port` beside `from-port` alone").report();
        }
        return Some((first?, first?));
    }
    let last = reader.required("to-port")?;
    let (first, last_port) = (first?, last.port()?);
    if first > last_port {
        last.fault(Code::PortRange, format!("the ports start at {first} and end at {last_port}"))
            .expected(format!("at least {first}"))
            .report();
    }
    Some((first, last_port))
}

fn range(value: &Value) -> Option<String> {
    let range = value.string()?;
    if !is_cidr(range) {
        value
            .fault(Code::Cidr, format!("{} is no range of addresses", quoted(range)))
            .expected("CIDR notation without bits below the mask, such as \"10.0.0.0/8\"")
            .report();
    }
    Some(range.to_owned())
}

/// Reads `{ protocol = "https", port = 443, path = "index.html" }`.
fn access_endpoint(value: Value, rules: Option<&[SecurityGroupRule]>) -> Option<AccessEndpoint> {
    let reader = value.table()?;
    let protocols = ["http", "https"].map(|name| (name, name));
    let protocol = reader.required("protocol").and_then(|value| value.choice(&protocols));
    let port = reader.required("port").and_then(|value| value.port());
    let path = reader.maybe("path", |value| endpoint_path(&value));
    reader.finish();
    if let (Some(port), Some(rules)) = (port, rules)
        && !rules.iter().any(|rule| rule.protocol == "tcp" && (rule.from_port..=rule.to_port).contains(&port))
    {
        value
            .fault(Code::EndpointClosed, format!("no rule of `security-groups` opens port {port}"))
            .expected("a port that is open")
            .report();
    }
    Some(AccessEndpoint { protocol: protocol?.to_owned(), port: port?, path: path? })
}

fn endpoint_path(value: &Value) -> Option<String> {
    let path = value.string()?;
    if let Some(fault) = endpoint_path_fault(path) {
        value
            .fault(Code::EndpointPath, format!("`path` can't be {}: {fault}", quoted(path)))
            .expected("a path of at most 2,000 characters without a leading slash and without spaces")
            .report();
    }
    Some(path.to_owned())
}

/// Reads the refund policy, which may not end in white space either. Source: Catalog API, UpdateSupportTerms.
fn refund_policy(value: &Value) -> Option<String> {
    if !value.is_table()
        && let Some(text) = value.string()
        && text.ends_with(char::is_whitespace)
    {
        value.fault(Code::TextOuterSpace, "`refund-policy` ends with white space").expected("a text that ends with a word").report();
    }
    long_text(value, limits::REFUND_POLICY)
}
