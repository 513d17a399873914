//! What the check of manifests says.

use serde_json::{Value, json};

use super::super::{change, dimension, image_id, png};
use super::{Desk, Of, Set, rate};
use crate::manifest::Code;

/// A code of AWS's and the fault that says it before.
struct Case {
    code: &'static str,
    fault: Code,
    /// A part of the line that the fault stands on, in the manifest or the text it names.
    line: &'static str,
    /// What is done to the product.
    deed: fn(&Desk) -> &Desk,
    /// The same, sent to the twin.
    sent: Sent,
}

enum Sent {
    /// The first listing, otherwise.
    First(fn(&Desk, &mut Set)),
    /// Changes of a listed product and its offer.
    Later(fn(&str, &str) -> Vec<Value>),
}

use Sent::{First, Later};

const AMI: &str = "/DeliveryOptions/0/Details/AmiDeliveryOptionDetails";
const STANDARD: &str = "{ standard = \"2022-07-14\" }";
const LOGO_URL: &str = "logo-url = \"https://example-bucket.s3.amazonaws.com/stove/logo.png\"";

const fn case(code: &'static str, fault: Code, line: &'static str, deed: fn(&Desk) -> &Desk, sent: Sent) -> Case {
    Case { code, fault, line, deed, sent }
}

pub(super) fn foreseen() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.code)
}

fn texts(set: &mut Set, field: &str, value: Value) {
    set.put(Of::Product, "UpdateInformation", &format!("/{field}"), value);
}

fn option(set: &mut Set, place: &str, value: Value) {
    set.put(Of::Product, "AddDeliveryOptions", &format!("{AMI}{place}"), value);
}

fn rates(set: &mut Set) -> &mut Vec<Value> {
    set.details(Of::Offer, "UpdatePricingTerms").pointer_mut("/Terms/0/RateCards/0/RateCard").unwrap().as_array_mut().unwrap()
}

fn target(offer: &str, country: &str) -> Vec<Value> {
    vec![change("Offer", "UpdateTargeting", offer, json!({ "PositiveTargeting": { "CountryCodes": [country] } }))]
}

fn own_licence<'d>(desk: &'d Desk, content: &[u8]) -> &'d Desk {
    desk.write("eula.txt", content).edit(STANDARD, "{ file = \"eula.txt\" }").edit("[listing]", "[listing]\nmedia-bucket = \"acme\"")
}

fn licence(set: &mut Set, url: &str) {
    let document = json!({ "Type": "CustomEula", "Url": url });
    set.put(Of::Offer, "UpdateLegalTerms", "/Terms/0/Documents/0", document);
}

static CASES: &[Case] = &[
    case(
        "INVALID_INPUT",
        Code::TextUnsupportedCharacter,
        "short-description",
        |d| d.edit("on Debian, ready", "on Debian \u{2014} ready"),
        First(|_, s| texts(s, "ShortDescription", json!("Stove on Debian \u{2014} ready to start."))),
    ),
    case(
        "INVALID_INPUT",
        Code::TextTrademarkSpace,
        "title = ",
        |d| d.edit("title = \"Stove\"", "title = \"Stove \u{2122}\""),
        First(|_, s| texts(s, "ProductTitle", json!("Stove \u{2122}"))),
    ),
    case(
        "INVALID_INPUT",
        Code::KeywordsTooLong,
        "search-keywords",
        |d| d.edit("search-keywords = [\"stove\"]", &format!("search-keywords = {}", json!(keywords()))),
        First(|_, s| texts(s, "SearchKeywords", json!(keywords()))),
    ),
    case(
        "INVALID_ADDITIONAL_RESOURCES",
        Code::TextUnsupportedCharacter,
        "additional-resources",
        |d| d.edit("[product]", "[product]\nadditional-resources = [{ text = \"\u{2022} Guide\", url = \"https://acme.example/\" }]"),
        First(|_, s| texts(s, "AdditionalResources", json!([{ "Text": "\u{2022} Guide", "Url": "https://acme.example/" }]))),
    ),
    case(
        "INVALID_CATEGORY_NAMES",
        Code::UnknownCategory,
        "categories",
        |d| d.edit("\"Application Servers\"", "\"Stoves\""),
        First(|_, s| texts(s, "Categories", json!(["Stoves"]))),
    ),
    case(
        "InvalidImageProperties",
        Code::LogoUrl,
        "logo-url",
        |d| d.edit("stove/logo.png", "stove/logo.svg"),
        First(|_, s| texts(s, "LogoUrl", json!("https://example-bucket.s3.amazonaws.com/stove/logo.svg"))),
    ),
    case(
        "InvalidImageProperties",
        Code::LogoFormat,
        "logo-url",
        |d| d.write("listing/logo.png", "<svg/>"),
        First(|d, s| texts(s, "LogoUrl", json!(d.bench.put_object("logo.png", b"<svg/>")))),
    ),
    case(
        "InvalidImageProperties",
        Code::LogoDimensions,
        "logo-url",
        |d| d.write("listing/logo.png", png(300, 100)),
        First(|d, s| texts(s, "LogoUrl", json!(d.bench.put_object("logo.png", &png(300, 100))))),
    ),
    case(
        "INVALID_MEDIA",
        Code::LogoUrl,
        "logo-url",
        |d| d.edit(LOGO_URL, "logo-url = \"https://acme.example/logo.png\""),
        First(|_, s| texts(s, "LogoUrl", json!("https://acme.example/logo.png"))),
    ),
    case(
        "INVALID_MEDIA",
        Code::LogoTooLarge,
        "logo-url",
        |d| d.write("listing/logo.png", heavy_logo()),
        First(|d, s| texts(s, "LogoUrl", json!(d.bench.put_object("logo.png", &heavy_logo())))),
    ),
    case(
        "INVALID_RELEASE_NOTES",
        Code::TextUnsupportedCharacter,
        "release-notes",
        |d| d.edit("[listing]", "[listing]\nrelease-notes = \"Important: \u{1f600}\""),
        First(|_, s| s.put(Of::Product, "AddDeliveryOptions", "/Version/ReleaseNotes", json!("Important: \u{1f600}"))),
    ),
    case(
        "INVALID_USAGE_INSTRUCTIONS",
        Code::TextUnsupportedCharacter,
        "Open it",
        |d| {
            let text = std::fs::read_to_string(d.path("listing/usage-instructions.md")).unwrap();
            d.write("listing/usage-instructions.md", text + "\nOpen it\u{2026}\n")
        },
        First(|_, s| option(s, "/UsageInstructions", json!("Open it\u{2026}"))),
    ),
    case(
        "RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE",
        Code::RecommendedType,
        "recommended-instance-type",
        |d| d.edit("recommended-instance-type = \"t3.small\"", "recommended-instance-type = \"m5.large\""),
        First(|_, s| option(s, "/RecommendedInstanceType", json!("m5.large"))),
    ),
    case(
        "INVALID_RECOMMENDED_INSTANCE_TYPE",
        Code::RecommendedType,
        "recommended-instance-type",
        |d| d.edit("recommended-instance-type = \"t3.small\"", "recommended-instance-type = \"huge\""),
        First(|_, s| option(s, "/RecommendedInstanceType", json!("huge"))),
    ),
    case(
        "INVALID_SECURITY_GROUP",
        Code::PortRange,
        "to-port = 21",
        |d| d.edit("port = 22", "from-port = 22, to-port = 21"),
        First(|_, s| option(s, "/SecurityGroups/1/ToPort", json!(21))),
    ),
    case(
        "INVALID_SECURITY_GROUP_PROTOCOL",
        Code::UnknownValue,
        "gre",
        |d| d.edit("{ protocol = \"tcp\", port = 22", "{ protocol = \"gre\", port = 22"),
        First(|_, s| option(s, "/SecurityGroups/1/IpProtocol", json!("gre"))),
    ),
    case(
        "INVALID_CIDR_IP",
        Code::Cidr,
        "10.0.0.0/33",
        |d| d.edit("10.0.0.0/8", "10.0.0.0/33"),
        First(|_, s| option(s, "/SecurityGroups/1/IpRanges", json!(["10.0.0.0/33"]))),
    ),
    case(
        "INVALID_ACCESS_ENDPOINT_PORT",
        Code::UnknownValue,
        "access-endpoint",
        |d| d.edit("protocol = \"http\"", "protocol = \"ftp\""),
        First(|_, s| option(s, "/AccessEndpointUrl/Protocol", json!("ftp"))),
    ),
    case(
        "INVALID_ACCESS_ENDPOINT_RELATIVE_PATH",
        Code::EndpointPath,
        "access-endpoint",
        |d| d.edit("protocol = \"http\", port", "protocol = \"http\", path = \"a b\", port"),
        First(|_, s| option(s, "/AccessEndpointUrl/RelativePath", json!("a b"))),
    ),
    case(
        "INVALID_ACCESS_ENDPOINT_RELATIVE_PATH",
        Code::EndpointPath,
        "access-endpoint",
        |d| d.edit("protocol = \"http\", port", "protocol = \"http\", path = \"a<b\", port"),
        First(|_, s| option(s, "/AccessEndpointUrl/RelativePath", json!("a<b"))),
    ),
    case(
        "INCOMPATIBLE_OPERATING_SYSTEM_NAME",
        Code::UnknownOsName,
        "os-name",
        |d| d.edit("os-name = \"OTHERLINUX\"", "os-name = \"TEMPLEOS\""),
        First(|_, s| option(s, "/AmiSource/OperatingSystemName", json!("TEMPLEOS"))),
    ),
    case(
        "INCOMPATIBLE_OPERATING_SYSTEM_VERSION",
        Code::Malformed,
        "os-version",
        |d| d.edit("os-version = \"Debian 13\"", "os-version = \"-\""),
        First(|_, s| option(s, "/AmiSource/OperatingSystemVersion", json!("-"))),
    ),
    case(
        "ASSET_NOT_FOUND",
        Code::BuildRegion,
        "region = ",
        |d| d.edit("region = \"us-east-1\"", "region = \"eu-west-1\""),
        First(|_, s| option(s, "/AmiSource/AmiId", json!(image_id(9)))),
    ),
    case(
        "INCOMPATIBLE_AMI",
        Code::InstanceArchitecture,
        "instance-types",
        |d| d.edit("[\"t3.micro\", ", "[\"t4g.micro\", ").edit("\"t3.micro\" =", "\"t4g.micro\" ="),
        First(|_, s| {
            s.put(Of::Product, "AddInstanceTypes", "/InstanceTypes/0", json!("t4g.micro"));
            s.put(Of::Product, "AddDimensions", "/0", dimension("t4g.micro"));
            rates(s)[0] = rate("t4g.micro", "0.01");
        }),
    ),
    case(
        "INVALID_AMI_ARCHITECTURE",
        Code::InstanceArchitecture,
        "instance-types",
        |d| d.edit("[\"t3.micro\", ", "[\"t4g.micro\", \"t3.micro\", ").edit("\"t3.micro\" =", "\"t4g.micro\" = \"0.01\"\n\"t3.micro\" ="),
        Later(|product, _| vec![change("AmiProduct", "AddInstanceTypes", product, json!({ "InstanceTypes": ["t4g.micro"] }))]),
    ),
    case(
        "INVALID_REGIONS",
        Code::UnknownRegion,
        "us-esat-1",
        |d| d.edit("regions = [\"us-east-1\"]", "regions = [\"us-esat-1\"]"),
        First(|_, s| s.put(Of::Product, "AddRegions", "/Regions", json!(["us-esat-1"]))),
    ),
    case(
        "INVALID_REGIONS",
        Code::Count,
        "regions = []",
        |d| d.edit("regions = [\"us-east-1\"]", "regions = []"),
        Later(|product, _| vec![change("AmiProduct", "RestrictRegions", product, json!({ "Regions": ["us-east-1"] }))]),
    ),
    case(
        "INVALID_INSTANCE_TYPES",
        Code::InstanceType,
        "instance-types",
        |d| d.edit("[\"t3.micro\", ", "[\"huge\", \"t3.micro\", ").edit("\"t3.micro\" =", "\"huge\" = \"0.01\"\n\"t3.micro\" ="),
        Later(|product, _| vec![change("AmiProduct", "AddInstanceTypes", product, json!({ "InstanceTypes": ["huge"] }))]),
    ),
    case(
        "REGION_NO_INSTANCES",
        Code::Count,
        "instance-types = []",
        |d| d.edit("[\"t3.micro\", \"t3.small\"]", "[]").edit("\"t3.micro\" = \"0.01\"\n\"t3.small\" = \"0.02\"\n", ""),
        Later(|product, _| {
            vec![change("AmiProduct", "RestrictInstanceTypes", product, json!({ "InstanceTypes": ["t3.micro", "t3.small"] }))]
        }),
    ),
    case("MISSING_DIMENSIONS", Code::MissingRate, "rates", sell_unpriced, Later(add_unpriced)),
    case("UPDATE_PRICING_REQUIRED", Code::MissingRate, "rates", sell_unpriced, Later(add_unpriced)),
    case(
        "INVALID_DIMENSIONS",
        Code::StrayRate,
        "t3.large",
        price_unsold,
        First(|_, s| {
            s.details(Of::Product, "AddDimensions").as_array_mut().unwrap().push(dimension("t3.large"));
            rates(s).push(rate("t3.large", "0.04"));
        }),
    ),
    case("INVALID_RATE_CARD", Code::StrayRate, "t3.large", price_unsold, First(|_, s| rates(s).push(rate("t3.large", "0.04")))),
    case("INVALID_RATE_CARD", Code::MissingRate, "rates", |d| d.edit("\"t3.small\" = \"0.02\"\n", ""), First(|_, s| rates(s).truncate(1))),
    case(
        "INCOMPATIBLE_RATES",
        Code::PricingModel,
        "rates",
        |d| d.edit("model = \"hourly\"", "model = \"free\""),
        First(|_, s| s.put(Of::Offer, "UpdatePricingTerms", "/PricingModel", json!("Free"))),
    ),
    case(
        "INVALID_DURATION",
        Code::OutOfRange,
        "free-trial",
        |d| d.edit("model = \"hourly\"", "model = \"hourly\"\nfree-trial = { days = 4 }"),
        First(|_, s| {
            let grants = json!([{ "DimensionKey": "t3.micro" }, { "DimensionKey": "t3.small" }]);
            let trial = json!({ "Type": "FreeTrialPricingTerm", "Duration": "P4D", "Grants": grants });
            s.details(Of::Offer, "UpdatePricingTerms")["Terms"].as_array_mut().unwrap().push(trial);
        }),
    ),
    case(
        "INVALID_AWS_ACCOUNT_IDS",
        Code::Malformed,
        "allowed-accounts",
        |d| d.edit("[listing]", "[listing]\nallowed-accounts = [\"friend\"]"),
        Later(|product, _| {
            vec![change("AmiProduct", "UpdateTargeting", product, json!({ "PositiveTargeting": { "BuyerAccounts": ["friend"] } }))]
        }),
    ),
    case(
        "INVALID_COUNTRY_CODES",
        Code::UnknownCountry,
        "countries",
        |d| d.edit("[listing]", "[listing]\noffer = { countries = [\"usa\"] }"),
        Later(|_, offer| target(offer, "usa")),
    ),
    case(
        "INCOMPATIBLE_COUNTRY_CODES",
        Code::EmbargoedCountry,
        "countries",
        |d| d.edit("[listing]", "[listing]\noffer = { countries = [\"KP\"] }"),
        Later(|_, offer| target(offer, "KP")),
    ),
    case(
        "INVALID_LEGAL_DOCUMENTS",
        Code::EulaUrl,
        "eula",
        |d| d.edit(STANDARD, "{ url = \"https://acme.example/eula.txt\" }"),
        First(|_, s| licence(s, "https://acme.example/eula.txt")),
    ),
    case(
        "LIMIT_EXCEEDED_LEGAL_DOCUMENT_SIZE",
        Code::FileTooLarge,
        "eula",
        |d| own_licence(d, &heavy_licence()),
        First(|d, s| {
            let url = d.bench.put_object("eula.txt", &heavy_licence());
            licence(s, &url);
        }),
    ),
];

fn keywords() -> Vec<String> {
    (0..6).map(|n| format!("{n}{}", "k".repeat(45))).collect()
}

fn heavy_logo() -> Vec<u8> {
    [png(300, 300), vec![0; 5 * 1024 * 1024]].concat()
}

fn heavy_licence() -> Vec<u8> {
    vec![b'x'; 5 * 1024 * 1024 + 1]
}

fn sell_unpriced(desk: &Desk) -> &Desk {
    desk.edit("[\"t3.micro\", ", "[\"m5.large\", \"t3.micro\", ")
}

fn add_unpriced(product: &str, _: &str) -> Vec<Value> {
    vec![change("AmiProduct", "AddInstanceTypes", product, json!({ "InstanceTypes": ["m5.large"] }))]
}

fn price_unsold(desk: &Desk) -> &Desk {
    desk.edit("\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.02\"\n\"t3.large\" = \"0.04\"")
}

#[tokio::test]
async fn what_the_check_says_the_twin_refuses_later() {
    let mut wrong = Vec::new();
    for case in CASES {
        let desk = Desk::new();
        let mut sent = desk.first_listing();
        (case.deed)(&desk);
        let faults = desk.check();
        let fault = faults.list().iter().find(|fault| fault.code == case.fault);
        let fault = fault.unwrap_or_else(|| panic!("{}: {}", case.code, faults.render(false)));
        let text = std::fs::read_to_string(desk.folder.path().join(&fault.file)).unwrap();
        let line = text.lines().nth(fault.line - 1).unwrap();
        assert!(line.contains(case.line), "{}: {} stands on line {}: {line}", case.code, case.fault, fault.line);

        let desk = Desk::new();
        match case.sent {
            First(edit) => edit(&desk, &mut sent),
            Later(changes) => {
                let (product, offer) = desk.listed().await;
                sent = Set(changes(&product, &offer));
            }
        }
        wrong.extend(desk.unless_refused(case.code, &sent.0).await);
    }
    assert_eq!(wrong, Vec::<String>::new());
}
