//! The change types that the twin offers.

use super::delays::Pace;
use super::entities::EntityKind;
use super::payloads::{offer as offers, product as products, version as versions};
use super::schema::Shape;

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
    UpdateDimensions,
    RestrictDimensions,
    AddDeliveryOptions,
    UpdateDeliveryOptions,
    RestrictDeliveryOptions,
    UpdateTargeting,
    UpdateVisibility,
    ReleaseProduct,
    CreateOffer,
    UpdateOfferInformation,
    UpdateOfferTargeting,
    UpdateAvailability,
    UpdateValidityTerms,
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
    product("CreateProduct", Act::CreateProduct, 0, &products::CREATE),
    product("UpdateInformation", Act::UpdateProductInformation, 1, &products::INFORMATION),
    product("AddRegions", Act::AddRegions, 1, &products::REGIONS),
    product("UpdateFutureRegionSupport", Act::UpdateFutureRegionSupport, 1, &products::FUTURE_REGIONS),
    product("UpdateTargeting", Act::UpdateTargeting, 1, &products::TARGETING),
    product("AddDimensions", Act::AddDimensions, 1, &products::ADD_DIMENSIONS),
    product("UpdateDimensions", Act::UpdateDimensions, 1, &products::UPDATE_DIMENSIONS),
    product("AddInstanceTypes", Act::AddInstanceTypes, 2, &products::INSTANCE_TYPES),
    ChangeType {
        entity: EntityKind::AmiProduct,
        name: "AddDeliveryOptions",
        act: Act::AddDeliveryOptions,
        details: &versions::ADD,
        rank: 3,
        pace: Pace::Version,
    },
    product("UpdateDeliveryOptions", Act::UpdateDeliveryOptions, 3, &versions::UPDATE),
    product("RestrictDeliveryOptions", Act::RestrictDeliveryOptions, 4, &versions::RESTRICT),
    product("RestrictRegions", Act::RestrictRegions, 4, &products::REGIONS),
    product("RestrictInstanceTypes", Act::RestrictInstanceTypes, 4, &products::INSTANCE_TYPES),
    product("RestrictDimensions", Act::RestrictDimensions, 5, &products::RESTRICT_DIMENSIONS),
    ChangeType {
        entity: EntityKind::AmiProduct,
        name: "UpdateVisibility",
        act: Act::UpdateVisibility,
        details: &products::VISIBILITY,
        rank: 5,
        pace: Pace::Visibility,
    },
    offer("CreateOffer", Act::CreateOffer, 6, &offers::CREATE),
    offer("UpdateInformation", Act::UpdateOfferInformation, 7, &offers::INFORMATION),
    offer("UpdateTargeting", Act::UpdateOfferTargeting, 7, &offers::TARGETING),
    offer("UpdateAvailability", Act::UpdateAvailability, 8, &offers::AVAILABILITY),
    offer("UpdatePricingTerms", Act::UpdatePricingTerms, 7, &offers::PRICING_TERMS),
    offer("UpdateLegalTerms", Act::UpdateLegalTerms, 7, &offers::LEGAL_TERMS),
    offer("UpdateSupportTerms", Act::UpdateSupportTerms, 7, &offers::SUPPORT_TERMS),
    offer("UpdateValidityTerms", Act::UpdateValidityTerms, 8, &offers::VALIDITY_TERMS),
    offer("UpdateRenewalTerms", Act::UpdateRenewalTerms, 8, &offers::RENEWAL_TERMS),
    offer("ReleaseOffer", Act::ReleaseOffer, 9, &super::payloads::NOTHING),
    product("ReleaseProduct", Act::ReleaseProduct, 9, &super::payloads::NOTHING),
];

#[cfg(test)]
mod tests {
    use super::super::schema::{check, is_match};
    use super::*;

    fn visit(shape: &Shape, seen: &mut dyn FnMut(&'static str)) {
        match shape {
            Shape::Text { pattern, .. } => seen(pattern),
            Shape::List { of, .. } | Shape::Nullable(of) => visit(of, seen),
            Shape::Object(members) | Shape::OneOf(members) => members.iter().for_each(|member| visit(&member.shape, seen)),
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
