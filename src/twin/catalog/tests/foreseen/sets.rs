//! What the lint of change sets says, and the types that they are read by: whatever template made them.

use serde_json::{Value, json};

use super::super::{change, image_id, rates, template};
use super::{Desk, Of, Set};
use crate::listing::lint;
use crate::model::change_set::ChangeSet;

/// A code of AWS's, a part of what is said before, and what is sent.
type Case = (&'static str, &'static str, Sent);

enum Sent {
    /// The first listing, otherwise.
    First(fn(&mut Set)),
    /// Changes of a listed product and its offer, which has this delivery option.
    Later(fn(&Listed) -> Value),
}

use Sent::{First, Later};

struct Listed {
    product: String,
    offer: String,
    option: String,
}

pub(super) fn foreseen() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(code, ..)| *code)
}

impl Listed {
    fn product(&self, name: &str, details: Value) -> Value {
        change("AmiProduct", name, &self.product, details)
    }

    fn offer(&self, name: &str, details: Value) -> Value {
        change("Offer", name, &self.offer, details)
    }

    fn target(&self, positive: Value) -> Value {
        self.offer("UpdateTargeting", json!({ "PositiveTargeting": positive }))
    }

    fn renewal(&self, mut term: Value) -> Value {
        term["Type"] = json!("RenewalTerm");
        self.offer("UpdateRenewalTerms", json!({ "Terms": [term] }))
    }

    fn validity(&self, mut term: Value) -> Value {
        term["Type"] = json!("ValidityTerm");
        self.offer("UpdateValidityTerms", json!({ "Terms": [term] }))
    }

    fn prices(&self, edit: fn(&mut Value)) -> Value {
        let mut terms = rates(&[("t3.micro", "0.01"), ("t3.small", "0.02")]);
        edit(&mut terms);
        self.offer("UpdatePricingTerms", terms)
    }

    fn year(&self, edit: fn(&mut Value)) -> Value {
        let mut year = json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD", "RateCards": [{
            "Selector": { "Type": "Duration", "Value": "P365D" },
            "Constraints": { "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" },
            "RateCard": [{ "DimensionKey": "t3.micro", "Price": "70" }, { "DimensionKey": "t3.small", "Price": "140" }],
        }] });
        edit(&mut year);
        let mut terms = rates(&[("t3.micro", "0.01"), ("t3.small", "0.02")]);
        terms["Terms"].as_array_mut().unwrap().push(year);
        self.offer("UpdatePricingTerms", terms)
    }
}

fn dimensions(set: &mut Set) -> &mut Value {
    set.details(Of::Product, "AddDimensions")
}

/// Two options with templates instead of the one without.
fn templates(set: &mut Set, edit: impl Fn(&mut Value, usize)) {
    let details = set.details(Of::Product, "AddDeliveryOptions");
    let url = "https://acme-templates.s3.amazonaws.com/stove";
    let version = json!({ "DetailsDocument": details.clone() });
    let mut options = ["One", "Two"].map(|title| template(&version, title, &format!("{url}.yaml"), &format!("{url}.png")));
    options.iter_mut().enumerate().for_each(|(index, option)| edit(option, index));
    details["DeliveryOptions"] = json!(options);
}

fn source(set: &mut Set, members: &[(&str, Value)]) {
    let place = "/DeliveryOptions/0/Details/AmiDeliveryOptionDetails/AmiSource";
    members.iter().for_each(|(name, value)| set.put(Of::Product, "AddDeliveryOptions", &format!("{place}/{name}"), value.clone()));
}

static CASES: &[Case] = &[
    // Of a product.
    ("MISSING_DATA", "says nothing", First(|s| *s.details(Of::Product, "UpdateInformation") = json!({}))),
    ("INVALID_INPUT", "lacks LogoUrl", First(|s| s.take(Of::Product, "UpdateInformation", "LogoUrl"))),
    ("VALIDATION_FAILED", "lacks AddRegions", First(|s| s.leave_out(Of::Product, "AddRegions"))),
    ("VALIDATION_FAILED", "needs the ReleaseOffer", First(|s| s.leave_out(Of::Offer, "ReleaseOffer"))),
    (
        "TOO_MANY_REGIONS",
        "has 2 entries; exactly 1",
        First(|s| s.put(Of::Product, "UpdateFutureRegionSupport", "/FutureRegionSupport/SupportedRegions", json!(["All", "US"]))),
    ),
    (
        "DUPLICATE_INSTANCE_TYPE",
        "names t3.micro twice",
        Later(|l| l.product("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.micro", "t3.micro"] }))),
    ),
    ("IINVALID_TYPE", "names a type twice", First(|s| dimensions(s)[0]["Types"] = json!(["Metered", "Metered"]))),
    ("INVALID_UNIT", "must be Hrs", First(|s| dimensions(s)[0]["Unit"] = json!("Days"))),
    (
        "INVALID_DIMENSION",
        "names t3.micro twice",
        First(|s| {
            let twice = dimensions(s)[0].clone();
            dimensions(s).as_array_mut().unwrap().push(twice);
        }),
    ),
    // Of a version.
    (
        "INVALID_VERSION_TITLE",
        "VersionTitle: white space stands before",
        First(|s| s.put(Of::Product, "AddDeliveryOptions", "/Version/VersionTitle", json!("1.0.0 \u{2122}"))),
    ),
    ("INCOMPATIBLE_OPERATING_SYSTEM", "must be Administrator", First(|s| source(s, &[("OperatingSystemName", json!("WINDOWS"))]))),
    (
        "INVALID_SCANNING_PORT",
        "can't be that of SSH",
        First(|s| {
            let members = [("OperatingSystemName", json!("WINDOWS")), ("UserName", json!("Administrator")), ("ScanningPort", json!(22))];
            source(s, &members);
        }),
    ),
    (
        "INVALID_DELIVERY_OPTIONS",
        "are of different AmiSources",
        First(|s| {
            templates(s, |option, index| {
                let sources = &mut option["Details"]["DeploymentTemplateDeliveryOptionDetails"]["TemplateSources"];
                sources[0]["AmiSource"]["AmiId"] = json!(image_id(2 + index as u64));
            });
        }),
    ),
    (
        "DUPLICATE_DELIVERY_OPTION_TITLES",
        "names Same twice",
        First(|s| templates(s, |option, _| option["DeliveryOptionTitle"] = json!("Same"))),
    ),
    (
        "INVALID_DELIVERY_OPTION_TITLES",
        "lacks the DeliveryOptionTitle",
        First(|s| templates(s, |option, _| drop(option.as_object_mut().unwrap().shift_remove("DeliveryOptionTitle")))),
    ),
    (
        "INVALID_DESCRIPTION",
        "LongDescription: holds characters",
        First(|s| {
            templates(s, |option, _| option["Details"]["DeploymentTemplateDeliveryOptionDetails"]["LongDescription"] = json!("\u{2026}"))
        }),
    ),
    (
        "MISSING_DELIVERY_OPTION_IDS",
        "names no delivery option",
        Later(|l| l.product("UpdateDeliveryOptions", json!({ "Version": { "ReleaseNotes": "Better." } }))),
    ),
    (
        "INVALID_DELIVERY_OPTION_IDS",
        "twice",
        Later(|l| l.product("UpdateDeliveryOptions", json!({ "DeliveryOptions": [{ "Id": l.option }, { "Id": l.option }] }))),
    ),
    // Of an offer.
    ("MISSING_NAME", "lacks Name", First(|s| s.take(Of::Offer, "UpdateInformation", "Name"))),
    ("MISSING_DESCRIPTION", "lacks Description", First(|s| s.take(Of::Offer, "UpdateInformation", "Description"))),
    ("MISSING_MANDATORY_TERMS", "lacks UpdateSupportTerms", First(|s| s.leave_out(Of::Offer, "UpdateSupportTerms"))),
    ("MISSING_MANDATORY_TERMS", "lacks UpdateLegalTerms", First(|s| s.leave_out(Of::Offer, "UpdateLegalTerms"))),
    (
        "MISSING_AVAILABILITY_END_DATE",
        "lacks UpdateAvailability",
        First(|s| s.push(Of::Offer, "UpdateTargeting", json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } }))),
    ),
    (
        "INVALID_AVAILABILITY_END_DATE",
        "lacks BuyerAccounts",
        First(|s| s.push(Of::Offer, "UpdateAvailability", json!({ "AvailabilityEndDate": "2026-12-31" }))),
    ),
    ("INVALID_BUYER_ACCOUNTS", "friend", Later(|l| l.target(json!({ "BuyerAccounts": ["friend"] })))),
    (
        "TOO_MANY_BUYER_ACCOUNTS",
        "has 27 entries",
        Later(|l| l.target(json!({ "BuyerAccounts": (0..27).map(|n| format!("{n:012}")).collect::<Vec<_>>() }))),
    ),
    ("MISSING_COUNTRY_CODES", "names neither", Later(|l| l.target(json!({})))),
    (
        "INVALID_TARGETING",
        "names who may and who may not",
        Later(|l| {
            let countries = json!({ "CountryCodes": ["US"] });
            l.offer("UpdateTargeting", json!({ "PositiveTargeting": countries, "NegativeTargeting": countries }))
        }),
    ),
    (
        "INVALID_AVAILABILITY_END_DATE",
        "2026-02-30",
        Later(|l| l.offer("UpdateAvailability", json!({ "AvailabilityEndDate": "2026-02-30" }))),
    ),
    // Of its prices.
    (
        "DUPLICATE_DIMENSION_KEYS",
        "names t3.micro twice",
        Later(|l| l.prices(|terms| terms["Terms"][0]["RateCards"][0]["RateCard"][1]["DimensionKey"] = json!("t3.micro"))),
    ),
    (
        "DUPLICATE_TERM_TYPES",
        "names UsageBasedPricingTerm twice",
        Later(|l| {
            l.prices(|terms| {
                let twice = terms["Terms"][0].clone();
                terms["Terms"].as_array_mut().unwrap().push(twice);
            })
        }),
    ),
    ("INCOMPATIBLE_CURRENCY_CODE", "must be USD", Later(|l| l.prices(|terms| terms["Terms"][0]["CurrencyCode"] = json!("EUR")))),
    (
        "INCOMPATIBLE_RATE_CARD_CONSTRAINTS",
        "must both say the same",
        Later(|l| l.year(|term| term["RateCards"][0]["Constraints"]["QuantityConfiguration"] = json!("Disallowed"))),
    ),
    (
        "DUPLICATE_SELECTORS",
        "has 2 entries; exactly 1",
        Later(|l| {
            l.year(|term| {
                let twice = term["RateCards"][0].clone();
                term["RateCards"].as_array_mut().unwrap().push(twice);
            })
        }),
    ),
    (
        "INCOMPATIBLE_SELECTOR_DURATION",
        "must be P365D",
        Later(|l| l.year(|term| term["RateCards"][0]["Selector"]["Value"] = json!("P30D"))),
    ),
    (
        "INVALID_SELECTOR_DURATION_VALUE",
        "must be P365D",
        Later(|l| l.year(|term| term["RateCards"][0]["Selector"]["Value"] = json!("P1D"))),
    ),
    (
        "INVALID_GRANTS",
        "differ in MaxQuantity",
        Later(|l| {
            l.prices(|terms| {
                let grants = json!([{ "DimensionKey": "t3.micro" }, { "DimensionKey": "t3.small", "MaxQuantity": 2 }]);
                let trial = json!({ "Type": "FreeTrialPricingTerm", "Duration": "P7D", "Grants": grants });
                terms["Terms"].as_array_mut().unwrap().push(trial);
            })
        }),
    ),
    (
        "TOO_MANY_GRANTS",
        "has 201 entries",
        Later(|l| {
            let grants: Vec<Value> = (0..201).map(|n| json!({ "DimensionKey": format!("d{n}"), "MaxQuantity": 1 })).collect();
            let fixed = json!({ "Type": "FixedUpfrontPricingTerm", "CurrencyCode": "USD", "Price": "1", "Grants": grants });
            l.offer("UpdatePricingTerms", json!({ "PricingModel": "Byol", "Terms": [{ "Type": "ByolPricingTerm" }, fixed] }))
        }),
    ),
    // What there is no type for is refused as it is read.
    ("INVALID_LOCKOUT_PERIOD", "LockoutPeriod", Later(|l| l.renewal(json!({ "LockoutPeriod": "P0D" })))),
    (
        "INVALID_ADJUSTMENT_DEADLINE",
        "unknown field",
        Later(|l| l.renewal(json!({ "LockoutPeriod": "P30D", "AdjustmentDeadline": "P30D" }))),
    ),
    ("MISSING_PRICE_INCREASE", "AdjustmentDeadline", Later(|l| l.renewal(json!({ "AdjustmentDeadline": "P30D" })))),
    ("MISSING_ADJUSTMENT_DEADLINE", "PriceIncrease", Later(|l| l.renewal(json!({ "PriceIncrease": increase("1") })))),
    ("INVALID_PERCENTAGE_RANGE", "PriceIncrease", Later(|l| l.renewal(json!({ "PriceIncrease": increase("5") })))),
    ("INVALID_AGREEMENT_DURATION", "UpdateValidityTerms", Later(|l| l.validity(json!({ "AgreementDuration": "P0D" })))),
    (
        "INVALID_AGREEMENT_START_DATE",
        "UpdateValidityTerms",
        Later(|l| l.validity(json!({ "AgreementStartDate": "2026-02-30", "AgreementDuration": "P1Y" }))),
    ),
    ("INVALID_AGREEMENT_END_DATE", "UpdateValidityTerms", Later(|l| l.validity(json!({ "AgreementEndDate": "2026-02-30" })))),
    (
        "INVALID_AGREEMENT_TIME_INTERVAL",
        "UpdateValidityTerms",
        Later(|l| l.validity(json!({ "AgreementStartDate": "2026-05-01", "AgreementEndDate": "2026-04-01" }))),
    ),
    ("INCOMPATIBLE_AGREEMENT_START_DATE", "UpdateValidityTerms", Later(|l| l.validity(json!({ "AgreementStartDate": "2026-05-01" })))),
    (
        "INCOMPATIBLE_AGREEMENT_END_DATE",
        "UpdateValidityTerms",
        Later(|l| l.validity(json!({ "AgreementDuration": "P1Y", "AgreementEndDate": "2027-05-01" }))),
    ),
];

fn increase(least: &str) -> Value {
    json!({ "Type": "PercentageRange", "Range": { "MinValue": least, "MaxValue": "3", "DefaultValue": "2" } })
}

/// What bakehouse says of changes.
fn said(changes: &[Value]) -> String {
    let document = json!({ "Catalog": "AWSMarketplace", "ChangeSet": changes }).to_string();
    match ChangeSet::parse(&document) {
        Err(error) => crate::failure::with_causes(&error),
        Ok(set) => lint(&set).map_or_else(|faults| faults.to_string(), |()| "nothing".to_owned()),
    }
}

#[tokio::test]
async fn what_the_lint_says_the_twin_refuses_later() {
    let mut wrong = Vec::new();
    for (code, part, sent) in CASES {
        let desk = Desk::new();
        let mut changes = desk.first_listing();
        match sent {
            First(edit) => edit(&mut changes),
            Later(change) => {
                let (product, offer) = desk.listed().await;
                let entity = desk.bench.entity(&product).await;
                let option = entity["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Id"].as_str().unwrap().to_owned();
                changes = Set(vec![change(&Listed { product, offer, option })]);
            }
        }
        let said = said(&changes.0);
        if !said.contains(part) {
            wrong.push(format!("{code}: {said}"));
        }
        wrong.extend(desk.unless_refused(code, &changes.0).await);
    }
    assert_eq!(wrong, Vec::<String>::new());
}
