//! Payloads about offers and their terms.

use super::{DURATION, ENTITY_ID};
use crate::twin::catalog::schema::{Member, Shape, list, matching, optional, required, text};

pub(in super::super) static CREATE: Shape = Shape::Object(&[required("ProductId", matching(100, ENTITY_ID)), optional("Name", text(150))]);
static AGREEMENT: Shape = Shape::Object(&[
    required("AcquisitionChannel", Shape::Choice(&["AwsMarketplace", "External"])),
    required("PricingModel", PRICING_MODEL),
]);
pub(in super::super) static INFORMATION: Shape = Shape::Object(&[
    optional("Name", text(150)),
    optional("Description", text(255)),
    optional("PreExistingAgreement", Shape::Nullable(&AGREEMENT)),
]);

/// Whether it is a country or an account is found out later.
static TARGET: Shape = Shape::Text { least: 1, most: 255, pattern: "" };
const COUNTRIES: Member = optional("CountryCodes", list(&TARGET, 1, 244));
static POSITIVE: &[Member] = &[COUNTRIES, optional("BuyerAccounts", list(&TARGET, 1, 100))];
static NEGATIVE: &[Member] = &[COUNTRIES];
pub(in super::super) static TARGETING: Shape =
    Shape::Object(&[optional("PositiveTargeting", Shape::Object(POSITIVE)), optional("NegativeTargeting", Shape::Object(NEGATIVE))]);

const DATE: Shape = matching(10, r"^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$");
pub(in super::super) static AVAILABILITY: Shape = Shape::Object(&[required("AvailabilityEndDate", DATE)]);

const PRICING_MODEL: Shape = Shape::Choice(&["Byol", "Free", "Usage", "Contract"]);
const UPFRONT_PRICE: Shape = matching(13, r"^((100000000(\.0{0,3})?)|(\d{1,8}(\.\d{0,3})?))$");
const RATE: Shape = matching(18, r"^((100000000(\.0{0,8})?)|(\d{1,8}(\.\d{0,8})?))$");
const ALLOWED: Shape = Shape::Choice(&["Allowed", "Disallowed"]);
const CURRENCY: Shape = Shape::Choice(&["USD", "EUR", "GBP", "AUD", "JPY", "CAD"]);
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
const QUANTITY: Shape = Shape::Integer { least: 1, most: 2_147_483_646 };
static TRIAL_GRANT: Shape = Shape::Object(&[required("DimensionKey", text(100)), optional("MaxQuantity", QUANTITY)]);
static FIXED_GRANT: Shape = Shape::Object(&[required("DimensionKey", text(100)), required("MaxQuantity", QUANTITY)]);
/// A term has no Id of its own when it is written.
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
        (
            "FixedUpfrontPricingTerm",
            &[
                required("CurrencyCode", CURRENCY),
                required("Price", UPFRONT_PRICE),
                optional("Duration", DURATION),
                required("Grants", list(&FIXED_GRANT, 1, 800)),
            ],
        ),
        ("FreeTrialPricingTerm", &[required("Duration", DURATION), required("Grants", list(&TRIAL_GRANT, 1, 800))]),
    ],
};
pub(in super::super) static PRICING_TERMS: Shape =
    Shape::Object(&[required("PricingModel", PRICING_MODEL), required("Terms", list(&PRICING_TERM, 1, 6))]);

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
pub(in super::super) static LEGAL_TERMS: Shape = Shape::Object(&[required("Terms", list(&LEGAL_TERM, 1, 1))]);
static SUPPORT_TERM: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[("SupportTerm", &[required("RefundPolicy", matching(500, r"^[\x{0}-\x{7E}\x{A9}\x{AE}\x{2122}\x{A2}-\x{A5}]+$"))])],
};
pub(in super::super) static SUPPORT_TERMS: Shape = Shape::Object(&[required("Terms", list(&SUPPORT_TERM, 0, 1))]);

const DAYS: Shape = matching(10, r"^P\d+D$");
const PER_CENT: Shape = matching(10, r"^\d{1,5}(\.\d{1,2})?$");
static PER_CENTS: &[Member] = &[required("MinValue", PER_CENT), required("MaxValue", PER_CENT), required("DefaultValue", PER_CENT)];
const PRICE_INCREASE: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[("FixedPercentage", &[required("Value", PER_CENT)]), ("PercentageRange", &[required("Range", Shape::Object(PER_CENTS))])],
};
static RENEWAL_TERM: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[(
        "RenewalTerm",
        &[
            optional("LockoutPeriod", DAYS),
            optional("AdjustmentDeadline", DAYS),
            optional("MaxRenewals", QUANTITY),
            optional("PriceIncrease", PRICE_INCREASE),
        ],
    )],
};
pub(in super::super) static RENEWAL_TERMS: Shape = Shape::Object(&[required("Terms", list(&RENEWAL_TERM, 0, 1))]);
static VALIDITY_TERM: Shape = Shape::Tagged {
    tag: "Type",
    cases: &[(
        "ValidityTerm",
        &[optional("AgreementDuration", DURATION), optional("AgreementStartDate", DATE), optional("AgreementEndDate", DATE)],
    )],
};
pub(in super::super) static VALIDITY_TERMS: Shape = Shape::Object(&[required("Terms", list(&VALIDITY_TERM, 0, 1))]);
