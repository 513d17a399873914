//! Every code that AWS's guide has for products of images and their offers: a change set that gets it, or why none does.

use serde_json::{Value, json};

use super::super::entities::{Body, Offer, Product, Visibility};
use super::{Bench, change, codes, dimension, image_id, rates, template, version};
use crate::twin::state::{Image, State};

/// A listed product, its offer, and whatever is to be done to them.
struct Listed<'b> {
    bench: &'b Bench,
    product: String,
    offer: String,
}

impl Listed<'_> {
    fn change(&self, name: &str, details: Value) -> Vec<Value> {
        vec![change("AmiProduct", name, &self.product, details)]
    }

    fn offer(&self, name: &str, details: Value) -> Vec<Value> {
        vec![change("Offer", name, &self.offer, details)]
    }

    /// Another offer, of the terms that follow.
    fn new_offer(&self, changes: &[(&str, Value)]) -> Vec<Value> {
        let details = json!({ "ProductId": self.product });
        let create =
            json!({ "ChangeType": "CreateOffer", "ChangeName": "New", "Entity": { "Type": "Offer@1.0" }, "DetailsDocument": details });
        let rest = changes.iter().map(|(name, details)| change("Offer", name, "$New.Entity.Identifier", details.clone()));
        std::iter::once(create).chain(rest).collect()
    }

    /// A version of the second image whose option is changed.
    fn version(&self, edit: impl FnOnce(&mut Value)) -> Vec<Value> {
        let mut version = version(self.bench, &self.product, "2.0.0", &image_id(2));
        edit(&mut version["DetailsDocument"]);
        vec![version]
    }

    fn option(&self, name: &str, value: Value) -> Vec<Value> {
        self.version(|details| details["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"][name] = value)
    }

    fn source(&self, members: &[(&str, &str)]) -> Vec<Value> {
        self.version(|details| {
            let source = &mut details["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"];
            members.iter().for_each(|(name, value)| source[*name] = json!(value));
        })
    }

    fn templates(&self, edit: impl Fn(&mut Value, usize)) -> Vec<Value> {
        let base = version(self.bench, &self.product, "2.0.0", &image_id(2));
        let url = "https://acme-templates.s3.amazonaws.com/stove";
        self.version(|details| {
            let mut options = ["One", "Two"].map(|title| template(&base, title, &format!("{url}.yaml"), &format!("{url}.png")));
            options.iter_mut().enumerate().for_each(|(index, option)| edit(option, index));
            details["DeliveryOptions"] = json!(options);
        })
    }

    fn rule(&self, name: &str, value: Value) -> Vec<Value> {
        let mut rule = json!({ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ["0.0.0.0/0"] });
        rule[name] = value;
        self.option("SecurityGroups", json!([rule]))
    }

    fn prices(&self, edit: impl FnOnce(&mut Value)) -> Vec<Value> {
        let mut terms = rates(&[("t3.small", "0.1"), ("t3.large", "0.125")]);
        edit(&mut terms);
        self.offer("UpdatePricingTerms", terms)
    }

    fn more_prices(&self, term: Value) -> Vec<Value> {
        self.prices(|terms| terms["Terms"].as_array_mut().unwrap().push(term))
    }

    fn renewal(&self, mut term: Value) -> Vec<Value> {
        term["Type"] = json!("RenewalTerm");
        self.offer("UpdateRenewalTerms", json!({ "Terms": [term] }))
    }

    fn validity(&self, mut term: Value) -> Vec<Value> {
        term["Type"] = json!("ValidityTerm");
        self.offer("UpdateValidityTerms", json!({ "Terms": [term] }))
    }

    fn target(&self, targets: Value) -> Vec<Value> {
        self.offer("UpdateTargeting", json!({ "PositiveTargeting": targets }))
    }

    fn with_image(self, edit: impl FnOnce(&mut Image)) -> Self {
        self.with(|state| edit(state.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap().images.get_mut(&image_id(2)).unwrap()))
    }

    fn with_product(self, edit: impl FnOnce(&mut Product)) -> Self {
        let id = self.product.clone();
        self.with(|state| match &mut state.catalog.entities.get_mut(&id).unwrap().body {
            Body::Product(product) => edit(product),
            Body::Offer(_) => panic!("no product"),
        })
    }

    fn with_offer(self, edit: impl FnOnce(&mut Offer)) -> Self {
        let id = self.offer.clone();
        self.with(|state| match &mut state.catalog.entities.get_mut(&id).unwrap().body {
            Body::Offer(offer) => edit(offer),
            Body::Product(_) => panic!("no offer"),
        })
    }

    fn with(self, edit: impl FnOnce(&mut State)) -> Self {
        self.bench.change(edit);
        self
    }
}

fn year(edit: impl FnOnce(&mut Value)) -> Value {
    let card: Vec<Value> = ["t3.small", "t3.large"].map(|key| json!({ "DimensionKey": key, "Price": "100" })).into();
    let mut term = json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD", "RateCards": [{
        "Selector": { "Type": "Duration", "Value": "P365D" },
        "Constraints": { "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" },
        "RateCard": card,
    }] });
    edit(&mut term);
    term
}

fn trial(duration: &str, keys: &[&str]) -> Value {
    let grants: Vec<Value> = keys.iter().map(|key| json!({ "DimensionKey": key })).collect();
    json!({ "Type": "FreeTrialPricingTerm", "Duration": duration, "Grants": grants })
}

type Case = (&'static str, fn(Listed<'_>) -> Vec<Value>);

/// Who gets which code.
static CASES: &[Case] = &[
    // UpdateInformation of a product.
    ("MISSING_DATA", |l| l.change("UpdateInformation", json!({}))),
    ("INVALID_INPUT", |l| l.change("UpdateInformation", json!({ "ShortDescription": "Fast \u{2014} and small" }))),
    ("INVALID_ADDITIONAL_RESOURCES", |l| {
        l.change("UpdateInformation", json!({ "AdditionalResources": [{ "Text": "\u{2022} Guide", "Url": "https://acme.example/" }] }))
    }),
    ("INVALID_CATEGORY_NAMES", |l| l.change("UpdateInformation", json!({ "Categories": ["Stoves"] }))),
    ("InvalidImageProperties", |l| l.change("UpdateInformation", json!({ "LogoUrl": "https://acme.s3.amazonaws.com/logo.svg" }))),
    ("INVALID_MEDIA", |l| l.change("UpdateInformation", json!({ "LogoUrl": "https://acme.example/logo.png" }))),
    // AddDeliveryOptions.
    ("INVALID_PRODUCT", |l| l.with_product(|product| product.visibility = Visibility::Restricted).version(|_| {})),
    ("DUPLICATE_VERSION_TITLE", |l| l.version(|details| details["Version"]["VersionTitle"] = json!("1.0.0"))),
    ("INVALID_VERSION_TITLE", |l| l.version(|details| details["Version"]["VersionTitle"] = json!("Two \u{2122}"))),
    ("INVALID_RELEASE_NOTES", |l| l.version(|details| details["Version"]["ReleaseNotes"] = json!("\u{1f600}"))),
    ("INVALID_USAGE_INSTRUCTIONS", |l| l.option("UsageInstructions", json!("\u{201c}Open\u{201d} it."))),
    ("RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE", |l| l.option("RecommendedInstanceType", json!("m5.large"))),
    ("INVALID_RECOMMENDED_INSTANCE_TYPE", |l| l.option("RecommendedInstanceType", json!("huge"))),
    ("INVALID_SECURITY_GROUP", |l| l.rule("FromPort", json!(444))),
    ("INVALID_SECURITY_GROUP_PROTOCOL", |l| l.rule("IpProtocol", json!("gre"))),
    ("INVALID_CIDR_IP", |l| l.rule("IpRanges", json!(["10.0.0.0/33"]))),
    ("INVALID_ACCESS_ENDPOINT_PORT", |l| l.option("AccessEndpointUrl", json!({ "Port": 21, "Protocol": "ftp" }))),
    ("INVALID_ACCESS_ENDPOINT_RELATIVE_PATH", |l| {
        l.option("AccessEndpointUrl", json!({ "Port": 443, "Protocol": "https", "RelativePath": "a<b" }))
    }),
    ("INCOMPATIBLE_OPERATING_SYSTEM", |l| l.source(&[("OperatingSystemName", "WINDOWS")])),
    ("INCOMPATIBLE_OPERATING_SYSTEM_NAME", |l| l.source(&[("OperatingSystemName", "TEMPLEOS")])),
    ("INCOMPATIBLE_OPERATING_SYSTEM_VERSION", |l| l.source(&[("OperatingSystemVersion", "-")])),
    ("INVALID_SCANNING_PORT", |l| {
        let mut set = l.source(&[("OperatingSystemName", "WINDOWS"), ("UserName", "Administrator")]);
        set[0]["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"]["ScanningPort"] = json!(22);
        set
    }),
    ("INVALID_AMI_ID", |l| l.source(&[("AmiId", &image_id(1))])),
    ("EXISTING_AMI_PRODUCT_CODE", |l| l.with_image(|image| image.product_codes = ["code".to_owned()].into()).version(|_| {})),
    ("INVALID_AMI_ARCHITECTURE", |l| l.with_image(|image| image.architecture = "arm64".to_owned()).version(|_| {})),
    ("INCOMPATIBLE_AMI", |l| l.with_image(|image| image.ena_support = false).version(|_| {})),
    ("ASSET_NOT_FOUND", |l| l.source(&[("AmiId", &image_id(9))])),
    ("ASSET_ACCESS_EXCEPTION", |l| l.with_image(|image| image.devices[0].snapshot = "snap-0".to_owned()).version(|_| {})),
    ("SCAN_ERROR", |l| l.with_image(|image| image.created = "2024-01-01T00:00:00Z".parse().unwrap()).version(|_| {})),
    ("MISSING_FPGA_INSTANCE_TYPE", |l| {
        l.version(|details| {
            details["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"]["AfiIds"] = json!(["afi-00000000000000001"]);
        })
    }),
    ("INVALID_DELIVERY_OPTIONS", |l| {
        l.templates(|option, index| {
            let sources = &mut option["Details"]["DeploymentTemplateDeliveryOptionDetails"]["TemplateSources"];
            sources[0]["AmiSource"]["AmiId"] = json!(image_id(2 + index as u64));
        })
    }),
    ("DUPLICATE_DELIVERY_OPTION_TITLES", |l| l.templates(|option, _| option["DeliveryOptionTitle"] = json!("Same"))),
    ("INVALID_DELIVERY_OPTION_TITLES", |l| {
        l.templates(|option, _| drop(option.as_object_mut().unwrap().shift_remove("DeliveryOptionTitle")))
    }),
    ("INVALID_DESCRIPTION", |l| {
        l.templates(|option, _| option["Details"]["DeploymentTemplateDeliveryOptionDetails"]["LongDescription"] = json!("\u{2026}"))
    }),
    // UpdateDeliveryOptions, RestrictDeliveryOptions.
    ("MISSING_DELIVERY_OPTION_IDS", |l| l.change("UpdateDeliveryOptions", json!({ "Version": { "ReleaseNotes": "Better." } }))),
    ("INVALID_DELIVERY_OPTION_IDS", |l| {
        l.change("UpdateDeliveryOptions", json!({ "DeliveryOptions": [{ "Id": "00000000-0000-4000-8000-000000000000" }] }))
    }),
    ("INVALID_DELIVERY_OPTION", |l| {
        let l = l.with_product(|product| {
            product.visibility = Visibility::Public;
            product.versions[0].options[0].restricted = true;
        });
        let id = l.bench.twin.read(|state| state.catalog.entities[&l.product].product().unwrap().versions[0].options[0].id.clone());
        l.change("RestrictDeliveryOptions", json!({ "DeliveryOptionIds": [id] }))
    }),
    ("ALL_DELIVERY_OPTIONS_RESTRICTED", |l| {
        let l = l.with_product(|product| product.visibility = Visibility::Public);
        let id = l.bench.twin.read(|state| state.catalog.entities[&l.product].product().unwrap().versions[0].options[0].id.clone());
        l.change("RestrictDeliveryOptions", json!({ "DeliveryOptionIds": [id] }))
    }),
    // Regions and instance types.
    ("INVALID_REGIONS", |l| l.change("AddRegions", json!({ "Regions": ["moon-1"] }))),
    ("TOO_MANY_REGIONS", |l| {
        l.change("UpdateFutureRegionSupport", json!({ "FutureRegionSupport": { "SupportedRegions": ["All", "US"] } }))
    }),
    ("INVALID_INSTANCE_TYPES", |l| l.change("AddInstanceTypes", json!({ "InstanceTypes": ["huge"] }))),
    ("MISSING_DIMENSIONS", |l| l.change("AddInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }))),
    ("UPDATE_PRICING_REQUIRED", |l| l.change("AddInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }))),
    ("INVALID_ENA_SETTING", |l| {
        let l = l
            .with(|state| state.regions.values_mut().flat_map(|here| here.images.values_mut()).for_each(|image| image.ena_support = false));
        l.change("AddInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }))
    }),
    ("INVALID_DIMENSIONS", |l| {
        let mut set = l.change("AddInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }));
        set.extend(l.change("AddDimensions", json!([dimension("m5.xlarge")])));
        set.extend(l.prices(|_| {}));
        set
    }),
    ("DUPLICATE_INSTANCE_TYPE", |l| l.change("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.large", "t3.large"] }))),
    ("UNAVAILABLE_INSTANCE_TYPE", |l| l.change("RestrictInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }))),
    ("RECOMMENDED_INSTANCE_TYPE_RESTRICTED", |l| l.change("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.small"] }))),
    ("DIMENSIONS_NOT_RESTICTED", |l| l.change("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.large"] }))),
    ("REGION_NO_INSTANCES", |l| l.change("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.small", "t3.large"] }))),
    // Dimensions.
    ("INVALID_DIMENSION", |l| l.change("AddDimensions", json!([dimension("t3.small")]))),
    ("IINVALID_TYPE", |l| {
        let mut twice = dimension("m5.large");
        twice["Types"] = json!(["Metered", "Metered"]);
        l.change("AddDimensions", json!([twice]))
    }),
    ("INVALID_UNIT", |l| {
        let mut days = dimension("m5.large");
        days["Unit"] = json!("Days");
        l.change("AddDimensions", json!([days]))
    }),
    // Targeting, visibility and release of a product.
    ("INVALID_PRODUCT_VISIBILITY", |l| {
        let l = l.with_product(|product| product.visibility = Visibility::Public);
        l.change("UpdateTargeting", json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } }))
    }),
    ("INVALID_AWS_ACCOUNT_IDS", |l| l.change("UpdateTargeting", json!({ "PositiveTargeting": { "BuyerAccounts": ["friend"] } }))),
    ("INVALID_PRODUCT_STATE", |l| {
        let l = l.with_product(|product| product.visibility = Visibility::Draft);
        l.change("UpdateVisibility", json!({ "TargetVisibility": "Public" }))
    }),
    ("INVALID_TARGET_VISIBILITY", |l| l.change("UpdateVisibility", json!({ "TargetVisibility": "Limited" }))),
    ("INVALID_REPLACEMENT_PRODUCT_ID", |l| {
        l.change("UpdateVisibility", json!({ "TargetVisibility": "Restricted", "ReplacementProductId": "prod-0000000000000" }))
    }),
    ("VALIDATION_FAILED", |l| l.change("ReleaseProduct", json!({}))),
    // Offers: making, describing and releasing them.
    ("INCOMPATIBLE_PRODUCT", |l| l.with_product(|product| product.visibility = Visibility::Restricted).new_offer(&[])),
    ("INCOMPATIBLE_PRE_EXISTING_AGREEMENT", |l| {
        l.offer("UpdateInformation", json!({ "PreExistingAgreement": { "AcquisitionChannel": "External", "PricingModel": "Usage" } }))
    }),
    ("MISSING_NAME", |l| l.new_offer(&[("ReleaseOffer", json!({}))])),
    ("MISSING_DESCRIPTION", |l| l.new_offer(&[("ReleaseOffer", json!({}))])),
    ("MISSING_MANDATORY_TERMS", |l| l.new_offer(&[("ReleaseOffer", json!({}))])),
    ("TOO_MANY_OFFERS", |l| l.new_offer(&[("ReleaseOffer", json!({}))])),
    ("MISSING_AVAILABILITY_END_DATE", |l| {
        let targets = json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } });
        l.new_offer(&[("UpdateTargeting", targets), ("ReleaseOffer", json!({}))])
    }),
    ("MISSING_BUYER_ACCOUNTS", |l| {
        let l = l.with_offer(|offer| (offer.released, offer.available_until) = (None, Some("2026-06-30".parse().unwrap())));
        l.offer("ReleaseOffer", json!({}))
    }),
    ("INVALID_UPDATE_REQUEST", |l| l.offer("ReleaseOffer", json!({}))),
    // Targeting and availability of an offer.
    ("INVALID_BUYER_ACCOUNTS", |l| l.target(json!({ "BuyerAccounts": ["friend"] }))),
    ("TOO_MANY_BUYER_ACCOUNTS", |l| l.target(json!({ "BuyerAccounts": (0..27).map(|n| format!("{n:012}")).collect::<Vec<_>>() }))),
    ("INVALID_COUNTRY_CODES", |l| l.target(json!({ "CountryCodes": ["usa"] }))),
    ("INCOMPATIBLE_COUNTRY_CODES", |l| l.target(json!({ "CountryCodes": ["KP"] }))),
    ("MISSING_COUNTRY_CODES", |l| l.target(json!({}))),
    ("INVALID_TARGETING", |l| {
        let countries = json!({ "CountryCodes": ["US"] });
        l.offer("UpdateTargeting", json!({ "PositiveTargeting": countries, "NegativeTargeting": countries }))
    }),
    ("INCOMPATIBLE_TARGETING", |l| l.target(json!({ "BuyerAccounts": ["111122223333"] }))),
    ("INVALID_AVAILABILITY_END_DATE", |l| l.offer("UpdateAvailability", json!({ "AvailabilityEndDate": "2026-12-31" }))),
    // Terms that are no prices.
    ("INVALID_LEGAL_DOCUMENTS", |l| {
        let document = json!({ "Type": "CustomEula", "Url": "https://acme.example/eula.txt" });
        l.offer("UpdateLegalTerms", json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [document] }] }))
    }),
    ("LIMIT_EXCEEDED_LEGAL_DOCUMENT_SIZE", |l| {
        let document = json!({ "Type": "CustomEula", "Url": l.bench.put_object("eula.txt", &vec![b' '; 5 * 1024 * 1024 + 1]) });
        l.offer("UpdateLegalTerms", json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [document] }] }))
    }),
    ("INCOMPATIBLE_TERMS", |l| l.offer("UpdateSupportTerms", json!({ "Terms": [] }))),
    ("INVALID_LOCKOUT_PERIOD", |l| l.renewal(json!({ "LockoutPeriod": "P0D" }))),
    ("INVALID_ADJUSTMENT_DEADLINE", |l| l.renewal(json!({ "LockoutPeriod": "P30D", "AdjustmentDeadline": "P30D" }))),
    ("MISSING_PRICE_INCREASE", |l| l.renewal(json!({ "AdjustmentDeadline": "P30D" }))),
    ("MISSING_ADJUSTMENT_DEADLINE", |l| {
        l.renewal(
            json!({ "PriceIncrease": { "Type": "PercentageRange", "Range": { "MinValue": "1", "MaxValue": "3", "DefaultValue": "2" } } }),
        )
    }),
    ("INVALID_PERCENTAGE_RANGE", |l| {
        l.renewal(
            json!({ "PriceIncrease": { "Type": "PercentageRange", "Range": { "MinValue": "5", "MaxValue": "3", "DefaultValue": "2" } } }),
        )
    }),
    ("INVALID_AGREEMENT_DURATION", |l| l.validity(json!({ "AgreementDuration": "P0D" }))),
    ("INVALID_AGREEMENT_START_DATE", |l| l.validity(json!({ "AgreementStartDate": "2026-02-30", "AgreementDuration": "P1Y" }))),
    ("INVALID_AGREEMENT_END_DATE", |l| l.validity(json!({ "AgreementEndDate": "2026-02-30" }))),
    ("INVALID_AGREEMENT_TIME_INTERVAL", |l| l.validity(json!({ "AgreementStartDate": "2026-05-01", "AgreementEndDate": "2026-04-01" }))),
    ("INCOMPATIBLE_AGREEMENT_START_DATE", |l| l.validity(json!({ "AgreementStartDate": "2026-05-01" }))),
    ("INCOMPATIBLE_AGREEMENT_END_DATE", |l| l.validity(json!({ "AgreementDuration": "P1Y", "AgreementEndDate": "2027-05-01" }))),
    // Prices.
    ("DUPLICATE_DIMENSION_KEYS", |l| {
        l.prices(|terms| terms["Terms"][0]["RateCards"][0]["RateCard"][1]["DimensionKey"] = json!("t3.small"))
    }),
    ("DUPLICATE_SELECTORS", |l| {
        l.more_prices(year(|term| {
            let card = term["RateCards"][0].clone();
            term["RateCards"].as_array_mut().unwrap().push(card);
        }))
    }),
    ("DUPLICATE_TERM_TYPES", |l| l.more_prices(rates(&[("t3.small", "0.1"), ("t3.large", "0.125")])["Terms"][0].clone())),
    ("INCOMPATIBLE_CURRENCY_CODE", |l| l.prices(|terms| terms["Terms"][0]["CurrencyCode"] = json!("EUR"))),
    ("INCOMPATIBLE_RATE_CARD_CONSTRAINTS", |l| {
        l.more_prices(year(|term| term["RateCards"][0]["Constraints"]["QuantityConfiguration"] = json!("Disallowed")))
    }),
    ("INCOMPATIBLE_RATES", |l| l.prices(|terms| drop(terms["Terms"][0]["RateCards"][0]["RateCard"].as_array_mut().unwrap().pop()))),
    ("INVALID_RATE_CARD", |l| l.prices(|terms| terms["Terms"][0]["RateCards"][0]["RateCard"][1]["DimensionKey"] = json!("m5.large"))),
    ("INCOMPATIBLE_SELECTOR_DURATION", |l| l.more_prices(year(|term| term["RateCards"][0]["Selector"]["Value"] = json!("P30D")))),
    ("INVALID_SELECTOR_DURATION_VALUE", |l| l.more_prices(year(|term| term["RateCards"][0]["Selector"]["Value"] = json!("P1D")))),
    ("INCOMPATIBLE_PRICING_MODEL", |l| l.prices(|terms| terms["PricingModel"] = json!("Free"))),
    ("INVALID_DURATION", |l| l.more_prices(trial("P60D", &["t3.small", "t3.large"]))),
    ("INVALID_GRANTS", |l| l.more_prices(trial("P7D", &["t3.small"]))),
    ("TOO_MANY_GRANTS", |l| {
        let grants: Vec<Value> = (0..201).map(|n| json!({ "DimensionKey": format!("d{n}"), "MaxQuantity": 1 })).collect();
        l.more_prices(json!({ "Type": "FixedUpfrontPricingTerm", "CurrencyCode": "USD", "Price": "1", "Grants": grants }))
    }),
    ("INVALID_PRICE_CHANGE", |l| {
        l.prices(|terms| {
            let card = &mut terms["Terms"][0]["RateCards"][0]["RateCard"];
            (card[0]["Price"], card[1]["Price"]) = (json!("0.2"), json!("0.1"));
        })
    }),
];

const BY_SCRIPT: &str = "people or AWS's own data decide: a script of faults refuses with it";
const AT_ONCE: &str = "the schema refuses it at once, before anything is looked at";
const NOT_HERE: &str = "about what the twin doesn't offer";

/// Codes that no change set gets by itself, and why.
static ELSEWHERE: &[(&str, &str)] = &[
    ("AUDIT_ERROR", BY_SCRIPT),
    ("MISSING_SELLER_PROFILE_INFORMATION", BY_SCRIPT),
    ("EXPLICIT_CONTENT", BY_SCRIPT),
    ("INVALID_AMI_NAME", BY_SCRIPT),
    ("INCOMPATIBLE_PAYMENT_SETTINGS", BY_SCRIPT),
    ("INCOMPATIBLE_SELLER_VERIFICATION", BY_SCRIPT),
    ("INVALID_TAX_INFORMATION", BY_SCRIPT),
    ("INCOMPATIBLE_BUYER_ACCOUNTS", BY_SCRIPT),
    ("INVALID_PRODUCT_TYPE", BY_SCRIPT),
    ("TOO_MANY_MEDIA", AT_ONCE),
    ("EMPTY_TARGET_VISIBILITY", AT_ONCE),
    ("INVALID_CURRENCY_CODE", AT_ONCE),
    ("TOO_MANY_RATE_CARDS", AT_ONCE),
    ("TOO_MANY_RATES", AT_ONCE),
    ("MISSING_DURATION", AT_ONCE),
    ("DUPLICATE_MEDIA", AT_ONCE),
    ("INVALID_AMI_VIRTUALIZATION_TYPE", "all images of the twin are HVM"),
    ("INVALID_INSTANCE_VIRTUALIZATION", "all images of the twin are HVM"),
    ("INCOMPATIBLE_RESTRICTION", "about FPGA images, of which the twin has none"),
    ("INCOMPATIBLE_AGREEMENT", NOT_HERE),
    ("INCOMPATIBLE_RESALE_AUTHORIZATION", NOT_HERE),
    ("MISSING_AGREEMENT_END_DATE", NOT_HERE),
    ("MISSING_AGREEMENT_START_DATE", NOT_HERE),
    ("DUPLICATE_CHARGE_DATES", NOT_HERE),
    ("INCOMPATIBLE_MARKUP_PERCENTAGE", NOT_HERE),
    ("INVALID_CHARGE_DATES", NOT_HERE),
    ("TOO_MANY_BACKDATED_CHARGES", NOT_HERE),
    ("TOO_MANY_CHARGES", NOT_HERE),
    ("INVALID_PAYMENT_DUE_PERIOD", NOT_HERE),
    ("DUPLICATE_CHARGE_DATE_OFFSETS", NOT_HERE),
    ("INVALID_CHARGE_DATE_OFFSETS", NOT_HERE),
    ("INVALID_CHARGE_PERCENTAGES", NOT_HERE),
    ("INVALID_DAY_OF_MONTH", NOT_HERE),
    ("MISSING_PAYMENT_SCHEDULE_TERM_TEMPLATE", NOT_HERE),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(code, _)| *code).chain(ELSEWHERE.iter().map(|(code, _)| *code))
}

#[tokio::test]
async fn each_code_that_the_twin_can_know_of_is_got() {
    for (code, changes) in CASES {
        let bench = Bench::new();
        let (product, offer) = bench.listed().await;
        let changes = changes(Listed { bench: &bench, product, offer });
        let (status, answer) = bench.start(&changes).await;
        assert_eq!(status, 200, "{code}: {answer}");
        bench.twin.clock().sleep(super::HOUR * 24 * 8).await;
        let set = bench.set(answer["ChangeSetId"].as_str().unwrap()).await;
        assert!(codes(&set).contains(code), "{code}: {:?}", codes(&set));
    }
}

#[test]
fn no_code_is_listed_twice() {
    let mut seen = std::collections::BTreeSet::new();
    for code in all() {
        assert!(seen.insert(code), "{code}");
    }
    // What sections 2.2 to 2.7 of the guide have for products of images and their offers, with what Image Builder's have of titles.
    assert_eq!(seen.len(), 138);
}
