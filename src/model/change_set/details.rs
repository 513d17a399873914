//! The change types that are known: one row each, from which everything else about them follows.

use serde_json::Value;

use super::{AMI_PRODUCT, InvalidChangeSet, OFFER, offer, pricing, product, read, version};

/// Makes [`Details`] of its rows: what it says, the type of its document, its name, its entity type.
macro_rules! details {
    ($($(#[$doc:meta])* $variant:ident($document:ty) is $change_type:literal of $entity_type:ident,)*) => {
        /// What a change says, by change type and entity type.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Details {
            $($(#[$doc])* $variant($document),)*
        }

        impl Details {
            /// Every change type that is known, with its entity type.
            pub const KINDS: &[(&str, &str)] = &[$(($change_type, $entity_type)),*];

            /// Returns the document that goes into `DetailsDocument`.
            pub fn to_json(&self) -> Value {
                let document = match self {
                    $(Self::$variant(document) => serde_json::to_value(document),)*
                };
                document.expect("details are texts, numbers and lists of them")
            }

            /// Returns change type and entity type in AWS's words.
            pub fn kind(&self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$variant(_) => ($change_type, $entity_type),)*
                }
            }

            pub(super) fn read(path: &str, change_type: &str, entity_type: &str, document: Value) -> Result<Self, InvalidChangeSet> {
                match (change_type, entity_type) {
                    $(($change_type, $entity_type) => Ok(Self::$variant(read(document, path)?)),)*
                    _ => Err(InvalidChangeSet::UnknownChangeType {
                        path: path.replace(".DetailsDocument", ""),
                        change_type: change_type.to_owned(),
                        entity_type: entity_type.to_owned(),
                    }),
                }
            }
        }
    };
}

details! {
    /// Makes a draft product.
    CreateProduct(product::CreateProduct) is "CreateProduct" of AMI_PRODUCT,
    /// Texts and media of a product.
    UpdateProductInformation(product::UpdateInformation) is "UpdateInformation" of AMI_PRODUCT,
    /// Regions that a product is sold in, or again.
    AddRegions(product::Regions) is "AddRegions" of AMI_PRODUCT,
    /// Regions that it is no longer sold in.
    RestrictRegions(product::Regions) is "RestrictRegions" of AMI_PRODUCT,
    /// Whether Regions that AWS opens later are added.
    UpdateFutureRegionSupport(product::UpdateFutureRegionSupport) is "UpdateFutureRegionSupport" of AMI_PRODUCT,
    /// Instance types that a product is sold on, or again.
    AddInstanceTypes(product::InstanceTypes) is "AddInstanceTypes" of AMI_PRODUCT,
    /// Instance types that it is no longer sold on.
    RestrictInstanceTypes(product::InstanceTypes) is "RestrictInstanceTypes" of AMI_PRODUCT,
    /// What is priced; the document of dimensions is an array.
    AddDimensions(Vec<product::Dimension>) is "AddDimensions" of AMI_PRODUCT,
    /// Names and descriptions of what is priced; not of what AWS meters.
    UpdateDimensions(Vec<product::DimensionUpdate>) is "UpdateDimensions" of AMI_PRODUCT,
    /// What is no longer priced.
    RestrictDimensions(Vec<product::DimensionRestriction>) is "RestrictDimensions" of AMI_PRODUCT,
    /// A new version.
    AddDeliveryOptions(version::AddDeliveryOptions) is "AddDeliveryOptions" of AMI_PRODUCT,
    /// Texts of a version.
    UpdateDeliveryOptions(version::UpdateDeliveryOptions) is "UpdateDeliveryOptions" of AMI_PRODUCT,
    /// Ways of launching that are taken from new buyers, for ever.
    RestrictDeliveryOptions(version::RestrictDeliveryOptions) is "RestrictDeliveryOptions" of AMI_PRODUCT,
    /// Who sees a product while it is limited.
    UpdateProductTargeting(product::UpdateTargeting) is "UpdateTargeting" of AMI_PRODUCT,
    /// Who sees a product at all; judged by people, and alone in its set.
    UpdateVisibility(product::UpdateVisibility) is "UpdateVisibility" of AMI_PRODUCT,
    /// From draft to limited.
    ReleaseProduct(product::ReleaseProduct) is "ReleaseProduct" of AMI_PRODUCT,
    /// Makes a draft offer.
    CreateOffer(offer::CreateOffer) is "CreateOffer" of OFFER,
    /// Name and description of an offer.
    UpdateOfferInformation(offer::UpdateInformation) is "UpdateInformation" of OFFER,
    /// Who may accept an offer.
    UpdateOfferTargeting(offer::UpdateTargeting) is "UpdateTargeting" of OFFER,
    /// What buyers pay.
    UpdatePricingTerms(pricing::UpdatePricingTerms) is "UpdatePricingTerms" of OFFER,
    /// The licence.
    UpdateLegalTerms(offer::UpdateLegalTerms) is "UpdateLegalTerms" of OFFER,
    /// The refund policy.
    UpdateSupportTerms(offer::UpdateSupportTerms) is "UpdateSupportTerms" of OFFER,
    /// Whether agreements go on by themselves.
    UpdateRenewalTerms(offer::UpdateRenewalTerms) is "UpdateRenewalTerms" of OFFER,
    /// Until when an offer can be accepted.
    UpdateAvailability(offer::UpdateAvailability) is "UpdateAvailability" of OFFER,
    /// From draft to released.
    ReleaseOffer(offer::ReleaseOffer) is "ReleaseOffer" of OFFER,
}
