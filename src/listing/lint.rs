//! What AWS would refuse in a change set, told at once instead of after an hour, and all of it
//! instead of one fault a round.
//!
//! Source: AWS Marketplace Catalog API reference, "Working with single-AMI products" and the
//! published shapes, <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::change_set::product::Dimension;
use crate::model::change_set::{Change, ChangeSet, Details, EntityRef};
use crate::model::product::Product;
use crate::rules::limits;
use rules::Rules;

pub use code::{Code, UnknownCode, change_sets_page};
pub use origin::Origin;

mod code;
mod offer;
pub(super) mod origin;
mod pricing;
mod product;
mod release;
mod rules;
mod version;

/// One thing that AWS would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault it is.
    pub code: Code,
    /// Where in the change set, such as `ChangeSet[1].DetailsDocument.Highlights`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
    /// The manifest's key that it comes from, if it comes from one.
    pub origin: Option<Origin>,
}

/// Everything that AWS would refuse in a change set; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

/// Judges a change set by everything that can be known without asking AWS.
///
/// # Errors
///
/// [`Faults`], all of them.
pub fn lint(set: &ChangeSet) -> Result<(), Faults> {
    let mut rules = Rules::default();
    whole(&mut rules, set);
    references(&mut rules, set);
    together(&mut rules, set);
    release::whole(&mut rules, set);
    for (index, change) in set.changes.iter().enumerate() {
        details(&mut rules, &format!("ChangeSet[{index}].DetailsDocument"), &change.details);
    }
    rules.into_result(set)
}

/// One change's own rules.
fn details(rules: &mut Rules, path: &str, details: &Details) {
    match details {
        Details::CreateProduct(details) => product::created(rules, path, details),
        Details::UpdateProductInformation(details) => product::information(rules, path, details),
        Details::AddRegions(details) | Details::RestrictRegions(details) => product::regions(rules, path, details),
        Details::UpdateFutureRegionSupport(details) => product::future_regions(rules, path, details),
        Details::AddInstanceTypes(details) | Details::RestrictInstanceTypes(details) => product::instance_types(rules, path, details),
        Details::AddDimensions(dimensions) => product::dimensions(rules, path, dimensions),
        Details::UpdateDimensions(updates) => product::dimension_updates(rules, path, updates),
        Details::RestrictDimensions(restrictions) => product::dimension_restrictions(rules, path, restrictions),
        Details::AddDeliveryOptions(details) => version::added(rules, path, details),
        Details::UpdateDeliveryOptions(details) => version::updated(rules, path, details),
        Details::RestrictDeliveryOptions(details) => version::restricted(rules, path, details),
        Details::UpdateProductTargeting(details) => product::targeting(rules, path, details),
        Details::UpdateVisibility(details) => product::visibility(rules, path, details),
        Details::CreateOffer(details) => offer::created(rules, path, details),
        Details::UpdateOfferInformation(details) => offer::information(rules, path, details),
        Details::UpdateOfferTargeting(details) => offer::targeting(rules, path, details),
        Details::UpdatePricingTerms(details) => pricing::terms(rules, path, details),
        Details::UpdateLegalTerms(details) => offer::legal(rules, path, details),
        Details::UpdateSupportTerms(details) => offer::support(rules, path, details),
        Details::UpdateRenewalTerms(details) => offer::renewal(rules, path, details),
        // A day is a day; the releases have nothing to say.
        Details::UpdateAvailability(_) | Details::ReleaseProduct(_) | Details::ReleaseOffer(_) => {}
    }
}

impl Faults {
    /// Says of each fault of a product's change set from which of its manifest's keys it comes.
    pub(super) fn traced(mut self, product: &Product, set: &ChangeSet) -> Self {
        for fault in &mut self.0 {
            fault.origin = origin::of(product, set, &fault.path);
        }
        self
    }
}

/// The set's own rules: name, count, no change type twice on an entity.
fn whole(rules: &mut Rules, set: &ChangeSet) {
    if let Some(name) = &set.name {
        rules.length_as(Code::SetName, "ChangeSetName", name, 1..=limits::CHANGE_SET_NAME);
        if name.chars().any(|c| !(c.is_alphanumeric() || c.is_whitespace() || "_+=.:@-".contains(c))) {
            rules.fault_as(Code::SetName, "ChangeSetName", "may have letters, digits, spaces and _ + = . : @ - only");
        }
    }
    rules.count("ChangeSet", set.changes.len(), limits::CHANGES);
    let mut seen = BTreeSet::new();
    for (index, change) in set.changes.iter().enumerate() {
        // Changes that make an entity each have their own.
        let Some(entity) = change.entity.as_ref().map(without_revision) else { continue };
        if !seen.insert((change.change_type(), entity.clone())) {
            let message = format!("is the second {} of {entity}; a set may have one", change.change_type());
            rules.fault_as(Code::SameTypeTwice, &format!("ChangeSet[{index}]"), &message);
        }
    }
}

/// Who is made, who is referred to, and whether the two fit.
fn references(rules: &mut Rules, set: &ChangeSet) {
    let mut made: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, change) in set.changes.iter().enumerate() {
        let path = format!("ChangeSet[{index}]");
        match (change.creates(), &change.entity) {
            (true, Some(_)) => rules.fault(&path, "makes an entity, so it can't name one"),
            (false, None) => rules.fault(&path, "names no entity to change"),
            _ => {}
        }
        let Some(name) = &change.name else { continue };
        if name.is_empty() || name.len() > 72 || !name.bytes().all(|b| b.is_ascii_alphabetic()) {
            rules.fault(&format!("{path}.ChangeName"), "must be 1 to 72 letters");
        }
        if made.insert(name, if change.creates() { change.entity_type() } else { "" }).is_some() {
            rules.fault(&format!("{path}.ChangeName"), &format!("{name} names another change already"));
        }
    }
    for (index, change) in set.changes.iter().enumerate() {
        if let Some(EntityRef::Created { by }) = &change.entity {
            refers(rules, &format!("ChangeSet[{index}].Entity.Identifier"), made.get(by.as_str()), by, change.entity_type());
        }
        if let Details::CreateOffer(offer) = &change.details
            && let EntityRef::Created { by } = &offer.product_id
        {
            let path = format!("ChangeSet[{index}].DetailsDocument.ProductId");
            refers(rules, &path, made.get(by.as_str()), by, crate::model::change_set::AMI_PRODUCT);
        }
    }
}

fn refers(rules: &mut Rules, path: &str, made: Option<&&str>, name: &str, wanted: &str) {
    match made {
        None => rules.fault_as(Code::Reference, path, &format!("refers to ${name}, but no change of the set has that name")),
        Some(&found) if found != wanted => rules.fault_as(Code::Reference, path, &format!("refers to ${name}, which makes no {wanted}")),
        Some(_) => {}
    }
}

/// Rules that span changes: what must come together and agree.
fn together(rules: &mut Rules, set: &ChangeSet) {
    let find = |wanted: fn(&Details) -> bool| set.changes.iter().position(|change| wanted(&change.details));
    let release_product = find(|d| matches!(d, Details::ReleaseProduct(_)));
    let release_offer = find(|d| matches!(d, Details::ReleaseOffer(_)));
    if let (Some(index), None) = (release_product, release_offer) {
        let message = "ReleaseProduct needs the ReleaseOffer of its public offer in the same set";
        rules.fault_as(Code::ReleaseApart, &format!("ChangeSet[{index}]"), message);
    }
    if let Some(index) = find(|d| matches!(d, Details::UpdateVisibility(_))).filter(|_| set.changes.len() > 1) {
        rules.fault_as(Code::VisibilityAlone, &format!("ChangeSet[{index}]"), "is UpdateVisibility, which must be alone in its set");
    }
    for product in set.changes.iter().filter_map(|change| change.entity.as_ref()).map(without_revision).collect::<BTreeSet<_>>() {
        instance_types_agree(rules, set, &product);
    }
    rates_agree(rules, set);
}

/// Instance types, metered dimensions and recommended type of one product.
fn instance_types_agree(rules: &mut Rules, set: &ChangeSet, product: &EntityRef) {
    let of_product =
        || set.changes.iter().enumerate().filter(|(_, change)| change.entity.as_ref().map(without_revision).as_ref() == Some(product));
    let Some(types) = of_product().find_map(|(_, change)| match &change.details {
        Details::AddInstanceTypes(details) => Some(&details.instance_types),
        _ => None,
    }) else {
        return;
    };
    // Only for a product made here are these all the types that it has.
    let complete = matches!(product, EntityRef::Created { .. });
    for (index, change) in of_product() {
        match &change.details {
            Details::AddDeliveryOptions(version) if complete => {
                for (option, (kind, wanted)) in version.delivery_options.iter().map(version::recommended).enumerate() {
                    if !types.iter().any(|known| known == wanted) {
                        let path =
                            format!("ChangeSet[{index}].DetailsDocument.DeliveryOptions[{option}].Details.{kind}.RecommendedInstanceType");
                        rules.fault(&path, &format!("{wanted} is not among the product's instance types"));
                    }
                }
            }
            Details::AddDimensions(dimensions) => {
                let metered: BTreeSet<&str> = dimensions.iter().filter(|d| product::is_metered(d)).map(|d| d.key.as_str()).collect();
                let types: BTreeSet<&str> = types.iter().map(String::as_str).collect();
                if !metered.is_empty() && metered != types {
                    let path = format!("ChangeSet[{index}].DetailsDocument");
                    rules.fault(
                        &path,
                        &format!(
                            "metered dimensions and instance types differ by {}",
                            listed(metered.symmetric_difference(&types).copied())
                        ),
                    );
                }
            }
            _ => {}
        }
    }
}

/// Every metered dimension that is added has a price, and none is priced that isn't there.
fn rates_agree(rules: &mut Rules, set: &ChangeSet) {
    let added: Vec<&Dimension> = set.changes.iter().flat_map(dimensions).filter(|d| product::is_metered(d)).collect();
    let Some((index, rates)) = set.changes.iter().enumerate().find_map(|(index, change)| Some((index, pricing::usage_rates(change)?)))
    else {
        if let Some(dimension) = added.first() {
            let message = format!("dimension {} is metered, but no UpdatePricingTerms prices it", dimension.key);
            rules.fault_as(Code::Unpriced, "ChangeSet", &message);
        }
        return;
    };
    let keys: BTreeSet<&str> = added.iter().map(|d| d.key.as_str()).collect();
    let path = format!("ChangeSet[{index}].DetailsDocument.Terms");
    for key in keys.difference(&rates) {
        rules.fault_as(Code::Unpriced, &path, &format!("dimension {key} has no price"));
    }
    // Of a product that exists already other dimensions may be there.
    if set.changes.iter().any(|change| matches!(change.details, Details::CreateProduct(_))) {
        for key in rates.difference(&keys) {
            rules.fault_as(Code::Unpriced, &path, &format!("{key} has a price, but is no metered dimension of the product"));
        }
    }
}

fn without_revision(entity: &EntityRef) -> EntityRef {
    match entity {
        EntityRef::Existing { id, .. } => EntityRef::Existing { id: id.clone(), revision: None },
        EntityRef::Created { .. } => entity.clone(),
    }
}

fn dimensions(change: &Change) -> &[Dimension] {
    match &change.details {
        Details::AddDimensions(dimensions) => dimensions,
        _ => &[],
    }
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        self.origin.iter().try_for_each(|origin| write!(f, " ({origin})"))?;
        write!(f, " [{}]", self.code)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
