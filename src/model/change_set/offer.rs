//! Details of the changes of a product's public offer.
//!
//! Source: AWS's published shapes of `Offer@1.0`.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};

use super::pricing::PricingModel;
use super::{EntityRef, nullable};
use crate::model::ids::AccountId;

/// Makes a draft offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateOffer {
    /// The product it sells.
    pub product_id: EntityRef,
    /// 1 to 150 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The set of offers that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_set_id: Option<String>,
}

/// Name and description; both are needed before a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateInformation {
    /// 1 to 150 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What buyers had before; `Some(None)` takes it away. Fixed once the offer is released.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub pre_existing_agreement: Option<Option<PreExistingAgreement>>,
}

/// What the buyers of an offer had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PreExistingAgreement {
    /// Where they bought it.
    pub acquisition_channel: AcquisitionChannel,
    /// How they paid.
    pub pricing_model: PricingModel,
}

/// Where something was bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcquisitionChannel {
    /// On AWS Marketplace.
    AwsMarketplace,
    /// Elsewhere.
    External,
}

/// Who may accept an offer: replaces what was said; one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateTargeting {
    /// These alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_targeting: Option<PositiveTargeting>,
    /// All but these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_targeting: Option<NegativeTargeting>,
}

/// Who alone may accept an offer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PositiveTargeting {
    /// 1 to 244 countries, by two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_codes: Option<Vec<String>>,
    /// 1 to 26 accounts; they make the offer a private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_accounts: Option<Vec<AccountId>>,
}

/// Who may not accept an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NegativeTargeting {
    /// 1 to 244 countries, by two letters.
    pub country_codes: Vec<String>,
}

/// Until when a private offer can be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateAvailability {
    /// The last day; one that is past ends it at once.
    #[serde(deserialize_with = "day")]
    pub availability_end_date: Date,
}

/// The licence: replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateLegalTerms {
    /// Exactly one.
    pub terms: Vec<LegalTerm>,
}

/// The licence that buyers accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LegalTerm {
    #[serde(rename = "Type")]
    kind: LegalTermType,
    /// Exactly one.
    pub documents: Vec<LegalDocument>,
}

/// A licence document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LegalDocument {
    /// Whose text it is.
    #[serde(rename = "Type")]
    pub kind: LegalDocumentType,
    /// The date of AWS's contract; only for [`LegalDocumentType::StandardEula`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where AWS reads it; only for [`LegalDocumentType::CustomEula`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Whose text a licence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegalDocumentType {
    /// AWS's contract.
    StandardEula,
    /// The vendor's own.
    CustomEula,
}

/// The refund policy: replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateSupportTerms {
    /// Exactly one for a public offer of an AMI.
    pub terms: Vec<SupportTerm>,
}

/// The refund policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SupportTerm {
    #[serde(rename = "Type")]
    kind: SupportTermType,
    /// 1 to 500 characters, no white space around.
    pub refund_policy: String,
}

/// Whether agreements go on by themselves: replaces what was said; no term takes it away.
///
/// Of a public offer only the bare term is taken; what private offers add to it isn't known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateRenewalTerms {
    /// At most one; public offers with contract prices need it.
    pub terms: Vec<RenewalTerm>,
}

/// Agreements go on by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RenewalTerm {
    #[serde(rename = "Type")]
    kind: RenewalTermType,
}

/// Takes a draft offer to released; it has nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOffer {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum LegalTermType {
    LegalTerm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum SupportTermType {
    SupportTerm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum RenewalTermType {
    RenewalTerm,
}

impl LegalTerm {
    /// Returns the term of one document.
    pub fn new(document: LegalDocument) -> Self {
        Self { kind: LegalTermType::LegalTerm, documents: vec![document] }
    }
}

impl SupportTerm {
    /// Returns the term of a refund policy.
    pub fn new(refund_policy: String) -> Self {
        Self { kind: SupportTermType::SupportTerm, refund_policy }
    }
}

impl RenewalTerm {
    /// Returns the one that there is.
    pub fn new() -> Self {
        Self { kind: RenewalTermType::RenewalTerm }
    }
}

impl Default for RenewalTerm {
    fn default() -> Self {
        Self::new()
    }
}

/// A day as AWS takes it, which is narrower than what dates can be read from.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    use serde::de::Error;
    let text = String::deserialize(deserializer)?;
    let day = text.parse().ok().filter(|day: &Date| day.to_string() == text);
    day.ok_or_else(|| D::Error::custom(format_args!("{text:?} is not a day such as 2026-12-31")))
}
