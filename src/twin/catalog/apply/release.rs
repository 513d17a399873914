//! How products and offers come into the open, and leave it.

use serde::Deserialize;

use super::pricing::PRICING_TERMS;
use super::{Faults, Step, Work, typed};
use crate::twin::catalog::change_types::Act;
use crate::twin::catalog::entities::{Entity, Product, Visibility};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityUpdate {
    target_visibility: String,
    replacement_product_id: Option<String>,
}

pub(super) fn update_visibility(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(VisibilityUpdate { target_visibility, replacement_product_id: replacement }) = typed(step, faults) else { return };
    let replaced_by_product = replacement.as_ref().is_none_or(|id| work.entities.get(id).and_then(Entity::product).is_some());
    work.change_product(step, faults, |product, faults| {
        let target = match target_visibility.as_str() {
            "Public" => Visibility::Public,
            "Limited" => Visibility::Limited,
            _ => Visibility::Restricted,
        };
        if product.visibility == Visibility::Draft {
            return faults.add("INVALID_PRODUCT_STATE", "Release the product first.");
        }
        if product.visibility == target {
            faults.add("INVALID_TARGET_VISIBILITY", format!("The product is {target_visibility} already."));
        }
        if replacement.is_some() && (target != Visibility::Restricted || !replaced_by_product) {
            faults.add("INVALID_REPLACEMENT_PRODUCT_ID", "Provide a valid replacement only for a product that becomes restricted.");
        }
        product.visibility = target;
        product.replacement = replacement;
    });
}

pub(super) fn release_product(work: &mut Work, step: &Step, faults: &mut Faults) {
    let with_offer = work.offers(&step.entity).any(|(id, _)| work.does(Act::ReleaseOffer, id));
    work.change_product(step, faults, |product, faults| {
        if product.visibility != Visibility::Draft {
            return faults.add("VALIDATION_FAILED", "The product is released already.");
        }
        let missing = missing_parts(product);
        if !missing.is_empty() {
            faults.add("VALIDATION_FAILED", format!("Provide {} information.", missing.join(" | ")));
        }
        if !with_offer {
            faults.add("VALIDATION_FAILED", "Release the public offer of the product in the same change set.");
        }
        product.visibility = Visibility::Limited;
    });
}

fn missing_parts(product: &Product) -> Vec<&'static str> {
    let information = &product.information;
    let parts = [
        ("Description", information.title.is_none() || information.short_description.is_none() || information.long_description.is_none()),
        ("PromotionalResources", information.logo_url.is_none()),
        ("SupportInformation", information.support_description.is_none()),
        ("Versions", product.versions.is_empty()),
        ("RegionAvailability", product.regions.is_empty()),
        ("Compatibility", product.instance_types.is_empty()),
    ];
    parts.into_iter().filter(|(_, missing)| *missing).map(|(part, _)| part).collect()
}

pub(super) fn release_offer(work: &mut Work, step: &Step, faults: &mut Faults) {
    let product_id = work.entities.get(&step.entity).and_then(Entity::offer).map(|offer| offer.product.clone()).unwrap_or_default();
    let has_other = work.offers(&product_id).any(|(id, offer)| id != step.entity && offer.released.is_some() && !offer.is_private());
    let releases_product = work.does(Act::ReleaseProduct, &product_id);
    let at = work.at;
    work.change_offer(step, faults, |offer, product, faults| {
        if offer.released.is_some() {
            return faults.add("INVALID_UPDATE_REQUEST", "The offer is released already.");
        }
        if product.visibility == Visibility::Draft && !releases_product {
            faults.add("INCOMPATIBLE_PRODUCT", "Release the product in the same change set.");
        }
        if has_other && !offer.is_private() {
            faults.add("TOO_MANY_OFFERS", "A product can have one public offer.");
        }
        if offer.is_private() && !has_other {
            faults.add("INCOMPATIBLE_PRODUCT", "First create a public offer for the product.");
        }
        if offer.is_private() && offer.available_until.is_none() {
            faults.add("MISSING_AVAILABILITY_END_DATE", "Provide an availability end date for the private offer.");
        }
        if !offer.is_private() && offer.available_until.is_some() {
            faults.add("MISSING_BUYER_ACCOUNTS", "Provide buyer accounts for an offer with an availability end date.");
        }
        if offer.name.is_none() {
            faults.add("MISSING_NAME", "Provide a name for the offer.");
        }
        if offer.description.is_none() {
            faults.add("MISSING_DESCRIPTION", "Provide a description for the offer.");
        }
        if !PRICING_TERMS.iter().any(|kind| offer.terms.contains_key(*kind)) {
            faults.add("MISSING_MANDATORY_TERMS", "Add a pricing term to the offer.");
        }
        let needed: &[&str] = if offer.is_private() { &["LegalTerm"] } else { &["LegalTerm", "SupportTerm"] };
        for kind in needed {
            if !offer.terms.contains_key(*kind) {
                faults.add("MISSING_MANDATORY_TERMS", format!("Add {kind} to the offer."));
            }
        }
        if offer.pricing_model.as_deref() == Some("Contract") && !offer.terms.contains_key("RenewalTerm") {
            faults.add("MISSING_MANDATORY_TERMS", "Provide a RenewalTerm for public offers with contract pricing");
        }
        offer.released = Some(at);
    });
}
