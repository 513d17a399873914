//! Every limit of a manifest: what is at it is taken, and one more is refused.
//!
//! The numbers are written here once more, from the references, so that one that is mistaken or mixed up
//! with another in the reader shows.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::super::Code::{self, *};
use super::super::Severity;
use super::*;

/// How far something goes, the code of what goes further, and the keys that go so far.
type Limit = (usize, Code, fn(usize) -> String);

/// Source: AWS Marketplace Catalog API, "Working with AMI-based products" (CreateProduct, UpdateInformation),
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-single-ami-products.html>
const PRODUCT: &[Limit] = &[
    (72, TextTooLong, |n| format!("product.title = '{}'", text("", n))),
    (1000, TextTooLong, |n| format!("product.short-description = '{}'", text("", n))),
    (5000, TextTooLong, |n| format!("product.long-description = '{}'", text("", n))),
    (3, Count, |n| format!("product.highlights = [{}]", entries(n, |i| format!("'Highlight {i}'")))),
    (500, TextTooLong, |n| format!("product.highlights = ['{}']", text("", n))),
    (15, Count, |n| format!("product.search-keywords = [{}]", entries(n, |i| format!("'keyword {i}'")))),
    (50, TextTooLong, |n| format!("product.search-keywords = ['{}']", text("", n))),
    (250, KeywordsTooLong, |n| format!("product.search-keywords = [{}]", keywords(n))),
    (3, Count, |n| format!("product.categories = [{}]", entries(n, |i| format!("'{}'", CATEGORIES[i])))),
    (100, TextTooLong, |n| format!("product.categories = ['{}']", text("", n))),
    (3, Count, |n| format!("product.additional-resources = [{}]", entries(n, |i| link(&format!("Link {i}"), "https://example.com/")))),
    (500, TextTooLong, |n| format!("product.additional-resources = [{}]", link(&text("", n), "https://example.com/"))),
    (2048, LinkUrl, |n| format!("product.additional-resources = [{}]", link("Manual", &plain("https://example.com/", n, "")))),
    (2048, LogoUrl, |n| format!("product.logo-url = '{}'", plain("https://example-bucket.s3.amazonaws.com/", n, ".png"))),
    (100, TextTooLong, |n| format!("product.sku = '{}'", text("", n))),
    (2048, LinkUrl, |n| format!("product.video-url = '{}'", plain("https://example.com/", n, ""))),
    (2000, TextTooLong, |n| format!("product.support-description = '{}'", text("Write to support@example.com. ", n))),
];

/// Source: as above (AddDeliveryOptions); the user's name is the one that a scanner logs in as.
const VERSION: &[Limit] = &[
    (100, TextTooLong, |n| format!("image.os-name = '{}'", text("", n))),
    (100, TextTooLong, |n| format!("image.os-version = '{}'", text("", n))),
    (32, UserName, |n| format!("image.login-user = '{}'", plain("", n, ""))),
    (4000, TextTooLong, |n| format!("listing.usage-instructions = '{}'", text(TOPICS, n))),
    (30_000, TextTooLong, |n| format!("listing.release-notes = '{}'", text("Critical. ", n))),
    (25, Count, |n| format!("listing.security-groups = [{}]", entries(n, |i| format!("{{ port = {} }}", 80 + i)))),
    (5, Count, |n| {
        let ranges = entries(n, |i| format!("'10.{i}.0.0/16'"));
        format!("listing.security-groups = [{{ port = 80, ranges = [{ranges}] }}]")
    }),
    (2000, EndpointPath, |n| format!("listing.access-endpoint = {{ protocol = 'http', port = 80, path = '{}' }}", plain("", n, ""))),
    (65_535, OutOfRange, |n| format!("listing.scanning-port = {n}")),
    (3, Count, |n| format!("listing.template = [{}]", entries(n, |i| template(&format!("Title {i}"), "Short.", "Long.", 1)))),
    (72, TextTooLong, |n| format!("listing.template = [{}]", template(&text("", n), "Short.", "Long.", 1))),
    (1000, TextTooLong, |n| format!("listing.template = [{}]", template("Title", &text("", n), "Long.", 1))),
    (5000, TextTooLong, |n| format!("listing.template = [{}]", template("Title", "Short.", &text("", n), 1))),
];

/// Source: as above (AddRegions, AddInstanceTypes, UpdateTargeting), the last by the published shapes.
const AVAILABILITY: &[Limit] = &[
    (100, Count, |n| format!("listing.regions = [{}]", regions(n))),
    (1500, Count, |n| format!("listing.pricing = {{ model = 'byol' }}\n{}", types(n))),
    (24, InstanceType, |n| format!("image.build = {{ instance-type = '{}' }}", plain("t3.", n, ""))),
    (100, Count, |n| format!("listing.allowed-accounts = [{}]", entries(n, |i| format!("'{i:012}'")))),
];

/// Source: Catalog API, "Working with offers" (UpdatePricingTerms, UpdateSupportTerms),
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-offers.html>
const OFFER: &[Limit] = &[
    (800, Count, |n| format!("{}\nlisting.pricing = {{ model = 'hourly', rates = {{ {} }} }}", types(n), rates(n))),
    (8, Price, |n| format!("listing.pricing = {{ model = 'hourly', rates = {{ {} }} }}", prices(n))),
    (3, Price, |n| {
        format!("listing.pricing = {{ model = 'hourly-annual', rates = {{ {} }}, annual-rates = {{ {} }} }}", prices(2), prices(n))
    }),
    (3, Price, |n| format!("listing.pricing = {{ model = 'hourly-monthly', rates = {{ {} }}, monthly-fee = '{}' }}", prices(2), price(n))),
    (31, OutOfRange, |n| format!("listing.pricing = {{ model = 'hourly', rates = {{ {} }}, free-trial = {{ days = {n} }} }}", prices(2))),
    (2_147_483_647, OutOfRange, |n| {
        let trial = format!("{{ days = 5, max-quantity = {n} }}");
        format!("listing.pricing = {{ model = 'hourly', rates = {{ {} }}, free-trial = {trial} }}", prices(2))
    }),
    (150, TextTooLong, |n| format!("listing.offer = {{ name = '{}' }}", text("", n))),
    (255, TextTooLong, |n| format!("listing.offer = {{ description = '{}' }}", text("", n))),
    (500, TextTooLong, |n| format!("listing.refund-policy = '{}'", text("", n))),
];

/// Sources: EC2's DescribeImages (a name), PutParameter, EBS's volume types, S3's bucket names, the Tag Editor's manual.
const OTHER_SERVICES: &[Limit] = &[
    (128, Malformed, |n| format!("image.base = {{ owner = 'amazon', name = '{}' }}", plain("", n, "*"))),
    (1011, Malformed, |n| format!("image.base = {{ parameter = '{}' }}", plain("/", n, ""))),
    (16_384, OutOfRange, |n| format!("image.root-volume = {{ size-gib = {n} }}")),
    (63, Malformed, |n| format!("image.build = {{ instance-type = 't3.small', bucket = '{}' }}", plain("", n, ""))),
    (128, Tag, |n| format!("tags = {{ '{}' = '' }}", plain("", n, ""))),
    (256, Tag, |n| format!("tags = {{ a = '{}' }}", plain("", n, ""))),
];

/// Bakehouse's own, so that nothing is without end.
const OWN: &[Limit] = &[
    (40, Malformed, |n| format!("product.vendor = '{}'", plain("", n, ""))),
    // The scaffold has one.
    (40, Count, |n| format!("tags = {{ {} }}", entries(n - 1, |i| format!("tag-{i} = ''")))),
    (100, Count, |n| format!("image.provision = [{}]", entries(n, |_| "{ run = 'true' }".to_owned()))),
    (500, Count, |n| format!("image.provision = [{{ packages = [{}] }}]", entries(n, |i| format!("'package{i}'")))),
    (200, PackageName, |n| format!("image.provision = [{{ packages = ['{}'] }}]", plain("", n, ""))),
    (500, Count, |n| format!("image.provision = [{{ files = [{}] }}]", entries(n, |i| file(&format!("/opt/{i}"))))),
    (4095, FileTarget, |n| format!("image.provision = [{{ files = [{}] }}]", file(&plain("/", n, "")))),
    (720, OutOfRange, |n| format!("image.build = {{ instance-type = 't3.small', deadline = '{n}m' }}")),
    (720, OutOfRange, |n| format!("boot.deadline = '{n}m'")),
    (50, Count, |n| format!("boot.check = [{}]", entries(n, |i| format!("{{ name = 'Check {i}' }}")))),
    (100, TextTooLong, |n| format!("boot.check = [{{ name = '{}' }}]", text("", n))),
    (1000, TextTooLong, |n| format!("boot.check = [{{ name = 'Page', contains = '{}' }}]", text("", n))),
    (2000, EndpointPath, |n| format!("boot.check = [{{ name = 'Page', path = '{}' }}]", plain("/", n, ""))),
    (599, OutOfRange, |n| format!("boot.check = [{{ name = 'Page', status = {n} }}]")),
    (100, Count, |n| format!("distribution.regions = [{}]", regions(n))),
    (10, Count, |n| format!("listing.template = [{}]", template("Title", "Short.", "Long.", n))),
    (500, Count, |n| format!("distribution.accounts = [{}]", entries(n, |i| format!("{{ id = '{i:012}' }}")))),
    (100, Count, |n| format!("scan.waiver = [{}]", entries(n, |i| waiver(&format!("/opt/{i}"), "Reason", "Owner")))),
    (500, WaiverTarget, |n| format!("scan.waiver = [{}]", waiver(&plain("/", n, ""), "Reason", "Owner"))),
    (500, TextTooLong, |n| format!("scan.waiver = [{}]", waiver("/opt", &text("", n), "Owner"))),
    (500, TextTooLong, |n| format!("scan.waiver = [{}]", waiver("/opt", "Reason", &text("", n)))),
];

/// Lists that can't be empty. Source: as above.
const AT_LEAST_ONE: &[&str] = &[
    "product.highlights = []",
    "product.search-keywords = []",
    "product.categories = []",
    "image.architectures = []",
    "image.provision = [{ packages = [] }]",
    "image.provision = [{ files = [] }]",
    "listing.security-groups = []",
    "listing.security-groups = [{ port = 80, ranges = [] }]",
    "listing.instance-types = []",
    "listing.regions = []",
    "listing.offer = { countries = [] }",
    "listing.template = [{ image-parameters = [] }]",
];

#[test]
fn what_is_at_a_limit_is_taken_and_one_more_is_not() {
    for (most, code, keys) in [PRODUCT, VERSION, AVAILABILITY, OFFER, OTHER_SERVICES, OWN].into_iter().flatten() {
        let told = abridged(&keys(*most));
        assert_eq!(errors(&keys(*most)), BTreeSet::new(), "{most} are refused: {told}");
        assert_eq!(errors(&keys(most + 1)), BTreeSet::from([*code]), "one more than {most}: {told}");
    }
}

#[test]
fn fifty_scripts_are_run_and_no_more() {
    let bench = Bench::new();
    let count = fs::read_dir(bench.product().join("tests")).unwrap().count();
    for n in count..50 {
        bench.write(&format!("tests/{n}.sh"), "#!/bin/sh\n");
    }
    assert_eq!(bench.codes(), []);
    bench.write("tests/51.sh", "#!/bin/sh\n");
    assert_eq!(bench.codes(), [Count]);
}

#[test]
fn a_list_that_must_have_an_entry_has_one() {
    for keys in AT_LEAST_ONE {
        assert!(errors(keys).contains(&Count), "{keys}");
    }
}

/// Writes keys into a product that nothing is wrong with, and tells what stops it then.
fn errors(keys: &str) -> BTreeSet<Code> {
    let bench = Bench::new();
    let path = bench.product().join("product.toml");
    let mut manifest: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    for (name, section) in keys.parse::<Table>().unwrap() {
        let Value::Table(section) = section else { panic!("{name} is no section") };
        let own = manifest.entry(name).or_insert_with(|| Table::new().into());
        let own = own.as_table_mut().unwrap();
        if section.contains_key("architectures") {
            own.remove("architecture");
        }
        own.extend(section);
    }
    fs::write(path, manifest.to_string()).unwrap();
    bench.codes().into_iter().filter(|code| code.severity() == Severity::Error).collect()
}

fn abridged(keys: &str) -> String {
    keys.chars().take(100).collect()
}

/// A text of so many characters, of which the last has two bytes.
fn text(begin: &str, length: usize) -> String {
    plain(begin, length, "®")
}

fn plain(begin: &str, length: usize, end: &str) -> String {
    let rest = length - begin.chars().count() - end.chars().count();
    format!("{begin}{}{end}", "x".repeat(rest))
}

fn entries(count: usize, entry: impl Fn(usize) -> String) -> String {
    (0..count).map(entry).collect::<Vec<_>>().join(", ")
}

/// What usage instructions must speak of.
const TOPICS: &str = "Sensitive data. Encryption. Keys are rotated. Backup. Health. Service quotas. Costs. ";

/// Source: "Product categories", <https://docs.aws.amazon.com/marketplace/latest/buyerguide/buyer-product-categories.html>
const CATEGORIES: &[&str] = &["Application Servers", "Databases & Caching", "Network Infrastructure", "Operating Systems"];

/// Keywords of at most 50 characters that have so many together.
fn keywords(together: usize) -> String {
    entries(together.div_ceil(50), |i| format!("'{i}{}'", "x".repeat(49.min(together - 50 * i - 1))))
}

fn link(text: &str, url: &str) -> String {
    format!("{{ text = '{text}', url = '{url}' }}")
}

fn regions(count: usize) -> String {
    entries(count, |i| format!("'xx-north-{}'", i + 1))
}

/// Instance types that a manifest may name, more than any has.
fn instance_types(count: usize) -> Vec<String> {
    const FAMILIES: &str = "c5 c5a c5ad c5d c5n c6a c6i c6id c6in c7a c7i c8a c8i d3 d3en g4dn g5 g6 i3en i4i i7i i7ie m5 m5a m5ad m5d \
                            m5dn m5n m5zn m6a m6i m6id m7a m7i m8a m8i r5 r5a r5b r6i r7i";
    const SIZES: &str = "nano micro small medium large xlarge 2xlarge 3xlarge 4xlarge 6xlarge 8xlarge 9xlarge 10xlarge 12xlarge 16xlarge \
                         18xlarge 24xlarge 32xlarge 36xlarge 48xlarge 56xlarge 64xlarge 72xlarge 96xlarge 112xlarge 192xlarge 224xlarge \
                         240xlarge 480xlarge 896xlarge 1920xlarge metal metal-16xl metal-24xl metal-32xl metal-48xl metal-96xl";
    let all = FAMILIES.split_whitespace().flat_map(|family| SIZES.split_whitespace().map(move |size| format!("{family}.{size}")));
    let types: Vec<String> = all.take(count).collect();
    assert_eq!(types.len(), count);
    types
}

fn types(count: usize) -> String {
    let types = instance_types(count);
    format!("listing.instance-types = {types:?}\nlisting.recommended-instance-type = {:?}", types[0])
}

fn rates(count: usize) -> String {
    instance_types(count).iter().map(|name| format!("{name:?} = '0.01'")).collect::<Vec<_>>().join(", ")
}

/// Prices of the scaffold's instance types.
fn prices(decimals: usize) -> String {
    format!("'t3.micro' = '{0}', 't3.small' = '{0}'", price(decimals))
}

fn price(decimals: usize) -> String {
    format!("0.{:0>decimals$}", 1)
}

fn file(to: &str) -> String {
    format!("{{ from = 'provision/10-setup.sh', to = '{to}' }}")
}

/// A template by addresses, with so many parameters that get the image.
fn template(title: &str, short: &str, long: &str, parameters: usize) -> String {
    let (place, parameters) = ("https://example-bucket.s3.amazonaws.com", entries(parameters, |i| format!("'Image{i}'")));
    format!(
        "{{ title = '{title}', short-description = '{short}', long-description = '{long}', url = '{place}/x.yaml', \
         diagram-url = '{place}/x.png', image-parameters = [{parameters}] }}"
    )
}

fn waiver(target: &str, reason: &str, owner: &str) -> String {
    format!(
        "{{ id = 'AMI-SEC-005', target = '{target}', reason = '{reason}', owner = '{owner}', created = 2026-11-02, expires = 2027-02-01 }}"
    )
}
