//! What a product and an offer must have by the time that they are released, of those that the set itself makes.
//!
//! Of a draft that was there before it isn't known what it has already.

use super::Code;
use super::rules::Rules;
use crate::model::change_set::offer::UpdateInformation;
use crate::model::change_set::{ChangeSet, Details, EntityRef};

/// Says of each release what is missing.
///
/// Source: Catalog API, "Update information" of a product (the first one fills all in), `ReleaseProduct` and `ReleaseOffer`.
pub(super) fn whole(rules: &mut Rules, set: &ChangeSet) {
    for (index, change) in set.changes.iter().enumerate() {
        let Some(EntityRef::Created { by }) = &change.entity else { continue };
        let missing = match &change.details {
            Details::ReleaseProduct(_) => missing_of_product(&made(set, by)),
            Details::ReleaseOffer(_) => missing_of_offer(&made(set, by)),
            _ => continue,
        };
        if !missing.is_empty() {
            let message = format!("releases what lacks {}", missing.join(", "));
            rules.fault_as(Code::Incomplete, &format!("ChangeSet[{index}]"), &message);
        }
    }
}

/// All that the set says of an entity that it makes, the making first.
fn made<'a>(set: &'a ChangeSet, name: &str) -> Vec<&'a Details> {
    let is_of = |entity: &Option<EntityRef>| matches!(entity, Some(EntityRef::Created { by }) if by == name);
    let making = set.changes.iter().filter(|change| change.creates() && change.name.as_deref() == Some(name));
    making.chain(set.changes.iter().filter(|change| is_of(&change.entity))).map(|change| &change.details).collect()
}

fn missing_of_product(details: &[&Details]) -> Vec<&'static str> {
    let has = |wanted: fn(&Details) -> bool| details.iter().any(|details| wanted(details));
    let titled = has(|d| matches!(d, Details::CreateProduct(new) if new.product_title.is_some()));
    let texts = details.iter().find_map(|details| match details {
        Details::UpdateProductInformation(texts) => Some(texts),
        _ => None,
    });
    let texts = texts.cloned().unwrap_or_default();
    let parts = [
        ("ProductTitle", titled || texts.product_title.is_some()),
        ("ShortDescription", texts.short_description.is_some()),
        ("LongDescription", texts.long_description.is_some()),
        ("LogoUrl", texts.logo_url.is_some()),
        ("Highlights", texts.highlights.is_some()),
        ("AdditionalResources", texts.additional_resources.is_some()),
        ("SupportDescription", texts.support_description.is_some()),
        ("Categories", texts.categories.is_some()),
        ("SearchKeywords", texts.search_keywords.is_some()),
        ("AddRegions", has(|d| matches!(d, Details::AddRegions(_)))),
        ("AddInstanceTypes", has(|d| matches!(d, Details::AddInstanceTypes(_)))),
        ("AddDeliveryOptions", has(|d| matches!(d, Details::AddDeliveryOptions(_)))),
    ];
    names(&parts)
}

fn missing_of_offer(details: &[&Details]) -> Vec<&'static str> {
    let has = |wanted: fn(&Details) -> bool| details.iter().any(|details| wanted(details));
    let named = has(|d| matches!(d, Details::CreateOffer(new) if new.name.is_some()))
        || has(|d| matches!(d, Details::UpdateOfferInformation(UpdateInformation { name: Some(_), .. })));
    let described = has(|d| matches!(d, Details::UpdateOfferInformation(UpdateInformation { description: Some(_), .. })));
    let is_private = has(|d| match d {
        Details::UpdateOfferTargeting(targets) => targets.positive_targeting.as_ref().is_some_and(|who| who.buyer_accounts.is_some()),
        _ => false,
    });
    let ends = has(|d| matches!(d, Details::UpdateAvailability(_)));
    let parts = [
        ("Name", named),
        ("Description", described),
        ("UpdatePricingTerms", has(|d| matches!(d, Details::UpdatePricingTerms(_)))),
        ("UpdateLegalTerms", has(|d| matches!(d, Details::UpdateLegalTerms(_)))),
        ("UpdateSupportTerms", is_private || has(|d| matches!(d, Details::UpdateSupportTerms(_)))),
        ("UpdateAvailability, which an offer for some accounts needs", !is_private || ends),
        ("BuyerAccounts, which an offer that ends needs", is_private || !ends),
    ];
    names(&parts)
}

fn names(parts: &[(&'static str, bool)]) -> Vec<&'static str> {
    parts.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect()
}
