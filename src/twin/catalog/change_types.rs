//! The change types that the twin offers, and the form of their payloads.
//!
//! Source: the published schemas of the change types (AmiProduct@1.0, Offer@1.0) and the Catalog's
//! user guide; where these differ, what has been seen to pass is let pass.

use super::delays::Pace;
use super::entities::EntityKind;
use super::schema::{Member, NON_SPACE_FIRST, Shape, list, matching, optional, required, text};

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    CreateProduct,
    UpdateProductInformation,
    AddRegions,
    RestrictRegions,
    UpdateFutureRegionSupport,
    AddInstanceTypes,
    RestrictInstanceTypes,
    AddDimensions,
    RestrictDimensions,
    AddDeliveryOptions,
    UpdateDeliveryOptions,
    RestrictDeliveryOptions,
    UpdateTargeting,
    UpdateVisibility,
    ReleaseProduct,
    CreateOffer,
    UpdateOfferInformation,
    UpdatePricingTerms,
    UpdateLegalTerms,
    UpdateSupportTerms,
    UpdateRenewalTerms,
    ReleaseOffer,
}

/// A row of the table of change types.
#[derive(Debug)]
pub(super) struct ChangeType {
    pub entity: EntityKind,
    pub name: &'static str,
    pub act: Act,
    pub details: &'static Shape,
    /// Changes are carried out by rank, whatever their order in the set.
    pub rank: u8,
    pub pace: Pace,
}

impl ChangeType {
    /// Finds a change type of an entity's kind.
    pub fn find(entity: EntityKind, name: &str) -> Option<&'static Self> {
        CHANGE_TYPES.iter().find(|row| row.entity == entity && row.name == name)
    }

    /// Tells whether it makes an entity, and so takes no identifier.
    pub fn creates(&self) -> bool {
        matches!(self.act, Act::CreateProduct | Act::CreateOffer)
    }

    /// Tells whether it can be tried with the intent `VALIDATE`.
    pub fn can_be_validated(&self) -> bool {
        self.act == Act::AddDeliveryOptions
    }
}

const fn product(name: &'static str, act: Act, rank: u8, details: &'static Shape) -> ChangeType {
    ChangeType { entity: EntityKind::AmiProduct, name, act, details, rank, pace: Pace::Metadata }
}

const fn offer(name: &'static str, act: Act, rank: u8, details: &'static Shape) -> ChangeType {
    ChangeType { entity: EntityKind::Offer, name, act, details, rank, pace: Pace::Metadata }
}

/// All of them.
pub(super) static CHANGE_TYPES: &[ChangeType] = &[
    product("CreateProduct", Act::CreateProduct, 0, &CREATE_PRODUCT),
    product("UpdateInformation", Act::UpdateProductInformation, 1, &PRODUCT_INFORMATION),
    product("AddRegions", Act::AddRegions, 1, &REGIONS),
    product("UpdateFutureRegionSupport", Act::UpdateFutureRegionSupport, 1, &FUTURE_REGIONS),
    product("UpdateTargeting", Act::UpdateTargeting, 1, &TARGETING),
    product("AddDimensions", Act::AddDimensions, 1, &DIMENSIONS),
    product("AddInstanceTypes", Act::AddInstanceTypes, 2, &INSTANCE_TYPES),
    ChangeType {
        entity: EntityKind::AmiProduct,
        name: "AddDeliveryOptions",
        act: Act::AddDeliveryOptions,
        details: &ADD_VERSION,
        rank: 3,
        pace: Pace::Version,
    },
    product("UpdateDeliveryOptions", Act::UpdateDeliveryOptions, 3, &UPDATE_VERSION),
    product("RestrictDeliveryOptions", Act::RestrictDeliveryOptions, 4, &RESTRICT_OPTIONS),
    product("RestrictRegions", Act::RestrictRegions, 4, &REGIONS),
    product("RestrictInstanceTypes", Act::RestrictInstanceTypes, 4, &INSTANCE_TYPES),
    product("RestrictDimensions", Act::RestrictDimensions, 5, &RESTRICT_DIMENSIONS),
    ChangeType {
        entity: EntityKind::AmiProduct,
        name: "UpdateVisibility",
        act: Act::UpdateVisibility,
        details: &VISIBILITY,
        rank: 5,
        pace: Pace::Visibility,
    },
    offer("CreateOffer", Act::CreateOffer, 6, &CREATE_OFFER),
    offer("UpdateInformation", Act::UpdateOfferInformation, 7, &OFFER_INFORMATION),
    offer("UpdatePricingTerms", Act::UpdatePricingTerms, 7, &PRICING_TERMS),
    offer("UpdateLegalTerms", Act::UpdateLegalTerms, 7, &LEGAL_TERMS),
    offer("UpdateSupportTerms", Act::UpdateSupportTerms, 7, &SUPPORT_TERMS),
    offer("UpdateRenewalTerms", Act::UpdateRenewalTerms, 8, &RENEWAL_TERMS),
    offer("ReleaseOffer", Act::ReleaseOffer, 9, &NOTHING),
    product("ReleaseProduct", Act::ReleaseProduct, 9, &NOTHING),
];

const ENTITY_ID: &str = r"^[a-zA-Z0-9][.a-zA-Z0-9/-]+[a-zA-Z0-9]$";
const PORT: Shape = Shape::Integer { least: 1, most: 65535 };
const DURATION: Shape = matching(20, r"^P(\d+Y)?(\d+M)?(\d+D)?$");
const KEY: Shape = matching(100, r"^[A-Za-z0-9_.-]+$");
const UPFRONT_PRICE: Shape = matching(13, r"^((100000000(\.0{0,3})?)|(\d{1,8}(\.\d{0,3})?))$");
const RATE: Shape = matching(18, r"^((100000000(\.0{0,8})?)|(\d{1,8}(\.\d{0,8})?))$");
const ALLOWED: Shape = Shape::Choice(&["Allowed", "Disallowed"]);
const CURRENCY: Shape = Shape::Choice(&["USD", "EUR", "GBP", "AUD", "JPY", "CAD"]);

static NOTHING: Shape = Shape::Object(&[]);
static SHORT: Shape = text(255);
static CREATE_PRODUCT: Shape = Shape::Object(&[optional("ProductTitle", text(72))]);

static HIGHLIGHT: Shape = text(500);
static KEYWORD: Shape = text(50);
static SKU: Shape = text(100);
static VIDEO_URL: Shape = matching(2048, NON_SPACE_FIRST);
static RESOURCE: Shape = Shape::Object(&[
    required("Text", text(500)),
    required(
        "Url",
        matching(2048, r"^https?://(www\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{2,63}\b([-a-zA-Z0-9()@:%_+.~#?&/=, ]*)$"),
    ),
]);
static PRODUCT_INFORMATION: Shape = Shape::Object(&[
    optional("ProductTitle", text(72)),
    optional("ShortDescription", text(1000)),
    optional("LongDescription", text(5000)),
    optional("Sku", Shape::Nullable(&SKU)),
    optional("LogoUrl", matching(4096, r"^https://(www\.)?[-a-zA-Z0-9@._]{1,256}\.[a-zA-Z0-9()]{2,63}\b([-a-zA-Z0-9@_+./]*)$")),
    optional("VideoUrls", list(&VIDEO_URL, 0, 1)),
    optional("Highlights", list(&HIGHLIGHT, 1, 3)),
    optional("AdditionalResources", list(&RESOURCE, 0, 3)),
    optional("SupportDescription", text(2000)),
    optional("Categories", list(&SHORT, 1, 3)),
    optional("SearchKeywords", list(&KEYWORD, 1, 15)),
]);

static REGIONS: Shape = Shape::Object(&[required("Regions", list(&SHORT, 1, 100))]);
static SUPPORTED_REGION: Shape = Shape::Choice(&["All", "US", "None"]);
static FUTURE_REGION_MEMBERS: &[Member] = &[required("SupportedRegions", list(&SUPPORTED_REGION, 1, 1))];
static FUTURE_REGIONS: Shape = Shape::Object(&[required("FutureRegionSupport", Shape::Object(FUTURE_REGION_MEMBERS))]);
static INSTANCE_TYPE: Shape = matching(24, r"^[A-Za-z0-9_.-]+$");
static INSTANCE_TYPES: Shape = Shape::Object(&[required("InstanceTypes", list(&INSTANCE_TYPE, 1, 1500))]);
static ACCOUNT: Shape = Shape::Text { least: 1, most: 255, pattern: "" };
static TARGETING_MEMBERS: &[Member] = &[required("BuyerAccounts", list(&ACCOUNT, 0, 5000))];
static TARGETING: Shape = Shape::Object(&[required("PositiveTargeting", Shape::Object(TARGETING_MEMBERS))]);
static VISIBILITY: Shape = Shape::Object(&[
    required("TargetVisibility", Shape::Choice(&["Public", "Restricted", "Limited"])),
    optional("ReplacementProductId", matching(50, ENTITY_ID)),
]);

static DIMENSION_TYPE: Shape = Shape::Choice(&["Entitled", "Metered", "ExternallyMetered"]);
static DIMENSION: Shape = Shape::Object(&[
    required("Name", text(500)),
    required("Description", text(1000)),
    required("Key", KEY),
    required("Unit", text(20)),
    required("Types", list(&DIMENSION_TYPE, 1, 3)),
]);
static DIMENSIONS: Shape = list(&DIMENSION, 1, 1500);
static RESTRICTED_DIMENSION: Shape = Shape::Object(&[required("Key", KEY), required("Types", list(&DIMENSION_TYPE, 1, 3))]);
static RESTRICT_DIMENSIONS: Shape = list(&RESTRICTED_DIMENSION, 1, 1500);

static CIDR: Shape = Shape::Text { least: 1, most: 64, pattern: "" };
static SECURITY_GROUP: Shape = Shape::Object(&[
    required("IpProtocol", text(3)),
    required("FromPort", PORT),
    required("ToPort", PORT),
    required("IpRanges", list(&CIDR, 1, 5)),
]);
static ACCESS_ENDPOINT: &[Member] =
    &[required("Port", PORT), required("Protocol", text(5)), optional("RelativePath", matching(2000, r"^[^/\s]"))];
static AMI_SOURCE: &[Member] = &[
    required("AmiId", matching(21, r"^ami-([a-zA-Z0-9]{8}|[a-zA-Z0-9]{17})$")),
    required("AccessRoleArn", matching(2048, r"^arn:aws:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+$")),
    required("UserName", matching(32, r"^[a-zA-Z][a-zA-Z0-9_-]{0,31}$")),
    optional("ScanningPort", PORT),
    required("OperatingSystemName", text(100)),
    required("OperatingSystemVersion", text(100)),
];
static ADD_AMI_OPTION: &[Member] = &[
    required("AmiSource", Shape::Object(AMI_SOURCE)),
    required("UsageInstructions", text(4000)),
    optional("AccessEndpointUrl", Shape::Object(ACCESS_ENDPOINT)),
    required("RecommendedInstanceType", matching(24, r"^\S+$")),
    required("SecurityGroups", list(&SECURITY_GROUP, 1, 25)),
];
static ADD_DETAILS: &[Member] = &[required("AmiDeliveryOptionDetails", Shape::Object(ADD_AMI_OPTION))];
static ADD_OPTION: Shape = Shape::Object(&[required("Details", Shape::Object(ADD_DETAILS))]);
static ADD_VERSION_MEMBERS: &[Member] = &[required("VersionTitle", text(64)), required("ReleaseNotes", text(30000))];
static ADD_VERSION: Shape =
    Shape::Object(&[required("Version", Shape::Object(ADD_VERSION_MEMBERS)), required("DeliveryOptions", list(&ADD_OPTION, 1, 1))]);

static UPDATE_AMI_OPTION: &[Member] = &[
    optional("UsageInstructions", text(4000)),
    optional("AccessEndpointUrl", Shape::Object(ACCESS_ENDPOINT)),
    optional("RecommendedInstanceType", matching(24, r"^\S+$")),
    optional("SecurityGroups", list(&SECURITY_GROUP, 1, 25)),
];
const OPTION_ID: Shape = matching(36, r"^[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}$");
static UPDATE_DETAILS: &[Member] = &[required("AmiDeliveryOptionDetails", Shape::Object(UPDATE_AMI_OPTION))];
static UPDATE_OPTION: Shape = Shape::Object(&[required("Id", OPTION_ID), optional("Details", Shape::Object(UPDATE_DETAILS))]);
static UPDATE_VERSION_MEMBERS: &[Member] = &[required("ReleaseNotes", text(30000))];
static UPDATE_VERSION: Shape =
    Shape::Object(&[optional("Version", Shape::Object(UPDATE_VERSION_MEMBERS)), optional("DeliveryOptions", list(&UPDATE_OPTION, 1, 1))]);
static ANY_OPTION_ID: Shape = text(36);
static RESTRICT_OPTIONS: Shape = Shape::Object(&[required("DeliveryOptionIds", list(&ANY_OPTION_ID, 1, 50))]);

static CREATE_OFFER: Shape = Shape::Object(&[required("ProductId", matching(100, ENTITY_ID)), optional("Name", text(150))]);
static AGREEMENT: Shape = Shape::Object(&[
    required("AcquisitionChannel", Shape::Choice(&["AwsMarketplace", "External"])),
    required("PricingModel", PRICING_MODEL),
]);
static OFFER_INFORMATION: Shape = Shape::Object(&[
    optional("Name", text(150)),
    optional("Description", text(255)),
    optional("PreExistingAgreement", Shape::Nullable(&AGREEMENT)),
]);

const PRICING_MODEL: Shape = Shape::Choice(&["Byol", "Free", "Usage", "Contract"]);
static USAGE_RATE: Shape = Shape::Object(&[required("DimensionKey", text(100)), required("Price", RATE)]);
static USAGE_CARD: Shape = Shape::Object(&[required("RateCard", list(&USAGE_RATE, 1, 800))]);
static UPFRONT_RATE: Shape = Shape::Object(&[required("DimensionKey", text(100)), required("Price", UPFRONT_PRICE)]);
static SELECTOR: &[Member] = &[required("Type", Shape::Choice(&["Duration"])), required("Value", DURATION)];
static CONSTRAINTS: &[Member] = &[required("MultipleDimensionSelection", ALLOWED), required("QuantityConfiguration", ALLOWED)];
static UPFRONT_CARD: Shape = Shape::Object(&[
    required("Selector", Shape::Object(SELECTOR)),
    required("Constraints", Shape::Object(CONSTRAINTS)),
    required("RateCard", list(&UPFRONT_RATE, 1, 800)),
]);
static GRANT: Shape =
    Shape::Object(&[required("DimensionKey", text(100)), optional("MaxQuantity", Shape::Integer { least: 1, most: 2_147_483_646 })]);
static PRICING_TERM: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[
        ("UsageBasedPricingTerm", &[required("CurrencyCode", CURRENCY), required("RateCards", list(&USAGE_CARD, 1, 1))]),
        ("ConfigurableUpfrontPricingTerm", &[required("CurrencyCode", CURRENCY), required("RateCards", list(&UPFRONT_CARD, 1, 5))]),
        ("ByolPricingTerm", &[]),
        (
            "RecurringPaymentTerm",
            &[required("CurrencyCode", CURRENCY), required("BillingPeriod", Shape::Choice(&["Monthly"])), required("Price", UPFRONT_PRICE)],
        ),
        ("FreeTrialPricingTerm", &[required("Duration", DURATION), required("Grants", list(&GRANT, 1, 800))]),
    ],
};
static PRICING_TERMS: Shape = Shape::Object(&[required("PricingModel", PRICING_MODEL), required("Terms", list(&PRICING_TERM, 1, 5))]);

static LEGAL_DOCUMENT: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[
        (
            "CustomEula",
            &[required("Url", matching(32000, r"^https?://(www\.)?[-a-zA-Z0-9@._]{1,256}\.[a-zA-Z0-9()]{2,63}\b([-a-zA-Z0-9@_+./]*)"))],
        ),
        ("StandardEula", &[required("Version", Shape::Choice(&["2019-04-24", "2022-07-14"]))]),
    ],
};
static LEGAL_TERM: Shape = Shape::Tagged { tag: "Type", cases: &[("LegalTerm", &[required("Documents", list(&LEGAL_DOCUMENT, 1, 1))])] };
static LEGAL_TERMS: Shape = Shape::Object(&[required("Terms", list(&LEGAL_TERM, 1, 1))]);
static SUPPORT_TERM: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[("SupportTerm", &[required("RefundPolicy", matching(500, r"^[\x{0}-\x{7E}\x{A9}\x{AE}\x{2122}\x{A2}-\x{A5}]+$"))])],
};
static SUPPORT_TERMS: Shape = Shape::Object(&[required("Terms", list(&SUPPORT_TERM, 0, 1))]);
static RENEWAL_TERM: Shape = Shape::Tagged { tag: "Type", cases: &[("RenewalTerm", &[])] };
static RENEWAL_TERMS: Shape = Shape::Object(&[required("Terms", list(&RENEWAL_TERM, 0, 1))]);

#[cfg(test)]
mod tests {
    use super::super::schema::{check, is_match};
    use super::*;

    fn visit(shape: &Shape, seen: &mut dyn FnMut(&'static str)) {
        match shape {
            Shape::Text { pattern, .. } => seen(pattern),
            Shape::List { of, .. } | Shape::Nullable(of) => visit(of, seen),
            Shape::Object(members) => members.iter().for_each(|member| visit(&member.shape, seen)),
            Shape::Tagged { cases, .. } => {
                cases.iter().for_each(|(_, members)| members.iter().for_each(|member| visit(&member.shape, seen)));
            }
            Shape::Choice(_) | Shape::Integer { .. } | Shape::Any => {}
        }
    }

    #[test]
    fn all_patterns_compile() {
        for row in CHANGE_TYPES {
            visit(row.details, &mut |pattern| {
                is_match(pattern, "");
            });
        }
    }

    #[test]
    fn details_are_held_to_the_schema_of_their_change_type() {
        let row = ChangeType::find(EntityKind::AmiProduct, "UpdateVisibility").unwrap();
        assert!(check(row.details, &serde_json::json!({"TargetVisibility": "Public"}), "D").is_empty());
        assert_eq!(check(row.details, &serde_json::json!({"TargetVisibility": "Draft"}), "D").len(), 1);
        assert!(ChangeType::find(EntityKind::Offer, "UpdateVisibility").is_none());
    }
}
