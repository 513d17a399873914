//! What AWS would refuse in a product's changes.

use super::rules::{KEY, Rules};
use crate::model::change_set::product::{
    CreateProduct, Dimension, DimensionRestriction, DimensionType, DimensionUpdate, InstanceTypes, Regions, TargetVisibility,
    UpdateFutureRegionSupport, UpdateInformation, UpdateTargeting, UpdateVisibility,
};
use crate::rules::instances::InstanceType;
use crate::rules::{addresses, limits};

pub(super) fn created(rules: &mut Rules, path: &str, details: &CreateProduct) {
    if let Some(title) = &details.product_title {
        rules.text(&format!("{path}.ProductTitle"), title, limits::TITLE);
    }
}

/// Tells whether AWS measures the dimension.
pub(super) fn is_metered(dimension: &Dimension) -> bool {
    dimension.types.contains(&DimensionType::Metered)
}

pub(super) fn information(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    if *details == UpdateInformation::default() {
        rules.fault(path, "says nothing; a change needs one field at least");
    }
    let texts = [
        ("ProductTitle", &details.product_title, limits::TITLE),
        ("ShortDescription", &details.short_description, limits::SHORT_DESCRIPTION),
        ("LongDescription", &details.long_description, limits::LONG_DESCRIPTION),
        ("SupportDescription", &details.support_description, limits::SUPPORT_DESCRIPTION),
    ];
    for (field, text, longest) in texts {
        if let Some(text) = text {
            rules.text(&format!("{path}.{field}"), text, longest);
        }
    }
    if let Some(Some(sku)) = &details.sku {
        rules.text(&format!("{path}.Sku"), sku, limits::SKU);
    }
    let lists = [
        ("Highlights", &details.highlights, limits::HIGHLIGHTS, limits::HIGHLIGHT),
        ("Categories", &details.categories, limits::CATEGORIES, limits::CATEGORY),
        ("SearchKeywords", &details.search_keywords, limits::KEYWORDS, limits::KEYWORD),
    ];
    for (field, list, count, longest) in lists {
        if let Some(list) = list {
            rules.texts(&format!("{path}.{field}"), list, count, longest);
        }
    }
    if let Some(keywords) = &details.search_keywords {
        let together: usize = keywords.iter().map(|keyword| keyword.chars().count()).sum();
        if together > limits::KEYWORDS_TOGETHER {
            rules.fault(
                &format!("{path}.SearchKeywords"),
                &format!("has {together} characters together; at most {} are allowed", limits::KEYWORDS_TOGETHER),
            );
        }
    }
    media(rules, path, details);
}

fn media(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    if let Some(url) = &details.logo_url {
        rules.keeps(&format!("{path}.LogoUrl"), "can't be the logo's address", addresses::logo_fault(url));
    }
    if let Some(urls) = &details.video_urls {
        rules.count(&format!("{path}.VideoUrls"), urls.len(), limits::VIDEOS);
    }
    let Some(resources) = &details.additional_resources else { return };
    rules.count(&format!("{path}.AdditionalResources"), resources.len(), limits::LINKS);
    for (index, resource) in resources.iter().enumerate() {
        let path = format!("{path}.AdditionalResources[{index}]");
        rules.text(&format!("{path}.Text"), &resource.text, limits::LINK_TEXT);
        if !addresses::is_link(&resource.url) {
            rules.fault(&format!("{path}.Url"), &format!("{:?} is not a web address", resource.url));
        }
    }
}

pub(super) fn regions(rules: &mut Rules, path: &str, details: &Regions) {
    let path = format!("{path}.Regions");
    rules.count(&path, details.regions.len(), limits::REGIONS);
    rules.unique(&path, details.regions.iter().map(|region| region.as_str()));
}

pub(super) fn future_regions(rules: &mut Rules, path: &str, details: &UpdateFutureRegionSupport) {
    let path = format!("{path}.FutureRegionSupport.SupportedRegions");
    rules.count(&path, details.future_region_support.supported_regions.len(), 1..=1);
}

pub(super) fn targeting(rules: &mut Rules, path: &str, details: &UpdateTargeting) {
    let path = format!("{path}.PositiveTargeting.BuyerAccounts");
    let accounts = &details.positive_targeting.buyer_accounts;
    rules.count(&path, accounts.len(), limits::BUYER_ACCOUNTS);
    rules.unique(&path, accounts.iter().map(|account| account.as_str()));
}

pub(super) fn visibility(rules: &mut Rules, path: &str, details: &UpdateVisibility) {
    if details.replacement_product_id.is_some() && details.target_visibility != TargetVisibility::Restricted {
        rules.fault(&format!("{path}.ReplacementProductId"), "is for products that become restricted");
    }
}

pub(super) fn instance_types(rules: &mut Rules, path: &str, details: &InstanceTypes) {
    let (path, types) = (&format!("{path}.InstanceTypes"), &details.instance_types);
    rules.count(path, types.len(), limits::INSTANCE_TYPES);
    rules.unique(path, types.iter().map(String::as_str));
    for (index, instance_type) in types.iter().enumerate() {
        if InstanceType::parse(instance_type).is_none() {
            rules.fault(&format!("{path}[{index}]"), &format!("{instance_type:?} is not an instance type"));
        }
    }
}

pub(super) fn dimensions(rules: &mut Rules, path: &str, dimensions: &[Dimension]) {
    rules.count(path, dimensions.len(), limits::INSTANCE_TYPES);
    rules.unique(path, dimensions.iter().map(|dimension| dimension.key.as_str()));
    for (index, dimension) in dimensions.iter().enumerate() {
        let path = format!("{path}[{index}]");
        key(rules, &path, &dimension.key, &dimension.types);
        rules.text(&format!("{path}.Name"), &dimension.name, limits::DIMENSION_NAME);
        rules.text(&format!("{path}.Description"), &dimension.description, limits::DIMENSION_DESCRIPTION);
        rules.text(&format!("{path}.Unit"), &dimension.unit, limits::DIMENSION_UNIT);
        if is_metered(dimension) && dimension.unit != "Hrs" {
            rules.fault(&format!("{path}.Unit"), "must be Hrs, since AWS meters hours");
        }
    }
}

pub(super) fn dimension_updates(rules: &mut Rules, path: &str, updates: &[DimensionUpdate]) {
    rules.count(path, updates.len(), limits::DIMENSIONS);
    rules.unique(path, updates.iter().map(|update| update.key.as_str()));
    for (index, update) in updates.iter().enumerate() {
        let path = format!("{path}[{index}]");
        key(rules, &path, &update.key, &update.types);
        if update.types.contains(&DimensionType::Metered) {
            rules.fault(&path, "is of a dimension that AWS meters; those can't be updated");
        }
        if let Some(name) = &update.name {
            rules.text(&format!("{path}.Name"), name, limits::DIMENSION_NAME);
        }
        if let Some(description) = &update.description {
            rules.text(&format!("{path}.Description"), description, limits::DIMENSION_DESCRIPTION);
        }
        if update.name.is_none() && update.description.is_none() {
            rules.fault(&path, "says nothing; an update needs a name or a description");
        }
    }
}

pub(super) fn dimension_restrictions(rules: &mut Rules, path: &str, restrictions: &[DimensionRestriction]) {
    // Of what AWS meters there is a dimension an instance type.
    let is_metered = restrictions.iter().any(|restriction| restriction.types.contains(&DimensionType::Metered));
    rules.count(path, restrictions.len(), if is_metered { limits::INSTANCE_TYPES } else { limits::DIMENSIONS });
    rules.unique(path, restrictions.iter().map(|restriction| restriction.key.as_str()));
    for (index, restriction) in restrictions.iter().enumerate() {
        key(rules, &format!("{path}[{index}]"), &restriction.key, &restriction.types);
    }
}

fn key(rules: &mut Rules, path: &str, key: &str, types: &[DimensionType]) {
    rules.length(&format!("{path}.Key"), key, 1..=limits::DIMENSION_KEY);
    rules.pattern(&format!("{path}.Key"), key, &KEY, "a dimension's key");
    rules.count(&format!("{path}.Types"), types.len(), 1..=3);
    if types.iter().enumerate().any(|(index, kind)| types[..index].contains(kind)) {
        rules.fault(&format!("{path}.Types"), "names a type twice");
    }
}
