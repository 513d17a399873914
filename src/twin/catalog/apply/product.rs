//! A product's texts, Regions, instance types and allow-list.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::media::{Use, fetch};
use super::text::check;
use super::{Faults, Step, Work, typed};
use crate::model::digest::Digest;
use crate::model::ids::Region;
use crate::twin::catalog::change_types::Act;
use crate::twin::catalog::entities::{Body, Information, Product, Resource, Visibility};
use crate::twin::catalog::instance_types;
use crate::twin::catalog::schema::is_match;

/// The Marketplace adds accounts of its own to every allow-list; this is its image account.
const OWN_ACCOUNT: &str = "679593333241";

/// Regions that products can be sold in.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/supported-regions.html>
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Source: the Catalog's published category names, as sellers have collected them.
const CATEGORIES: &[&str] = &[
    "Backup & Recovery",
    "Data Analytics",
    "High Performance Computing",
    "Migration",
    "Network Infrastructure",
    "Operating Systems",
    "Security",
    "Storage",
    "Agile Lifecycle Management",
    "Application Development",
    "Application Servers",
    "Application Stacks",
    "Continuous Integration and Continuous Delivery",
    "Infrastructure as Code",
    "Issue & Bug Tracking",
    "Monitoring",
    "Log Analysis",
    "Source Control",
    "Testing",
    "Blockchain",
    "Collaboration & Productivity",
    "Contact Center",
    "Content Management",
    "CRM",
    "eCommerce",
    "eLearning",
    "Human Resources",
    "IT Business Management",
    "Business Intelligence",
    "Project Management",
    "Human Review Services",
    "ML Solutions",
    "Data Labeling Services",
    "Computer Vision",
    "Natural Language Processing",
    "Speech Recognition",
    "Text",
    "Image",
    "Video",
    "Audio",
    "Structured",
    "Intelligent Automation",
    "Financial Services Data",
    "Healthcare & Life Sciences Data",
    "Media & Entertainment Data",
    "Telecommunications Data",
    "Gaming Data",
    "Automotive Data",
    "Manufacturing Data",
    "Resources Data",
    "Retail, Location & Marketing Data",
    "Public Sector Data",
    "Environmental Data",
    "Analytics",
    "Applications",
    "Device Connectivity",
    "Device Management",
    "Device Security",
    "Industrial IoT",
    "Smart Home & City",
    "Assessments",
    "Implementation",
    "Managed Services",
    "Premium Support",
    "Training",
    "Education & Research",
    "Financial Services",
    "Healthcare & Life Sciences",
    "Media & Entertainment",
    "Industrial",
    "Energy",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewProduct {
    product_title: Option<String>,
}

pub(super) fn create(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(NewProduct { product_title }) = typed(step, faults) else { return };
    if let Some(title) = &product_title {
        check("ProductTitle", title, "INVALID_INPUT", faults);
    }
    let code = Digest::of_parts([step.entity.as_bytes(), b"product code"]).short(25);
    let information = Information { title: product_title, ..Information::default() };
    work.make(&step.entity, Body::Product(Box::new(Product { code, information, ..Product::default() })));
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InformationUpdate {
    product_title: Option<String>,
    short_description: Option<String>,
    long_description: Option<String>,
    logo_url: Option<String>,
    video_urls: Option<Vec<String>>,
    highlights: Option<Vec<String>>,
    additional_resources: Option<Vec<Resource>>,
    support_description: Option<String>,
    categories: Option<Vec<String>>,
    search_keywords: Option<Vec<String>>,
}

pub(super) fn update_information(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(update) = typed::<InformationUpdate>(step, faults) else { return };
    let sku = step.details.get("Sku");
    if step.details.as_object().is_some_and(serde_json::Map::is_empty) {
        return faults.add("MISSING_DATA", "Provide at least one field to update.");
    }
    check_texts(&update, faults);
    check_lists(&update, faults);
    if let Some(url) = &update.logo_url {
        fetch(work, url, Use::Logo, faults);
    }
    work.change_product(step, faults, |product, faults| {
        take_over(&mut product.information, update, sku);
        if product.visibility == Visibility::Draft {
            check_complete(&product.information, faults);
        }
    });
}

fn check_texts(update: &InformationUpdate, faults: &mut Faults) {
    let singles = [
        ("ProductTitle", &update.product_title),
        ("ShortDescription", &update.short_description),
        ("LongDescription", &update.long_description),
        ("SupportDescription", &update.support_description),
    ];
    for (field, text) in singles {
        if let Some(text) = text {
            check(field, text, "INVALID_INPUT", faults);
        }
    }
    for (field, texts) in [("Highlights", &update.highlights), ("SearchKeywords", &update.search_keywords)] {
        texts.iter().flatten().for_each(|text| check(field, text, "INVALID_INPUT", faults));
    }
    update
        .additional_resources
        .iter()
        .flatten()
        .for_each(|r| check("AdditionalResources", &r.text, "INVALID_ADDITIONAL_RESOURCES", faults));
}

fn check_lists(update: &InformationUpdate, faults: &mut Faults) {
    let unknown: Vec<&str> =
        update.categories.iter().flatten().map(String::as_str).filter(|category| !CATEGORIES.contains(category)).collect();
    if !unknown.is_empty() {
        faults.add("INVALID_CATEGORY_NAMES", format!("Provide valid category names. Invalid names: [{}].", unknown.join(", ")));
    }
    if update.search_keywords.iter().flatten().map(|keyword| keyword.chars().count()).sum::<usize>() > 250 {
        faults.add("INVALID_INPUT", "Search keywords must be no more than 250 combined characters.");
    }
}

fn take_over(information: &mut Information, update: InformationUpdate, sku: Option<&Value>) {
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    set(&mut information.title, update.product_title.map(Some));
    set(&mut information.short_description, update.short_description.map(Some));
    set(&mut information.long_description, update.long_description.map(Some));
    set(&mut information.logo_url, update.logo_url.map(Some));
    set(&mut information.video_urls, update.video_urls);
    set(&mut information.highlights, update.highlights);
    set(&mut information.additional_resources, update.additional_resources.map(Some));
    set(&mut information.support_description, update.support_description.map(Some));
    set(&mut information.categories, update.categories);
    set(&mut information.search_keywords, update.search_keywords);
    // Null unsets it; absence leaves it.
    set(&mut information.sku, sku.map(|sku| sku.as_str().map(str::to_owned)));
}

/// The first texts of a draft must be all of them.
fn check_complete(information: &Information, faults: &mut Faults) {
    let missing = [
        ("Provide ProductTitle.", information.title.is_none()),
        ("Provide ShortDescription.", information.short_description.is_none()),
        ("Provide LongDescription.", information.long_description.is_none()),
        ("Provide LogoUrl.", information.logo_url.is_none()),
        ("Provide at least one highlight.", information.highlights.is_empty()),
        ("Provide AdditionalResources.", information.additional_resources.is_none()),
        ("Provide SupportDescription.", information.support_description.is_none()),
        ("Provide between 1 and 3 product categories.", information.categories.is_empty()),
        ("Provide at least one search keyword.", information.search_keywords.is_empty()),
    ];
    for (message, _) in missing.into_iter().filter(|(_, missing)| *missing) {
        faults.add("INVALID_INPUT", message);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegionList {
    regions: Vec<String>,
}

pub(super) fn add_regions(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(RegionList { regions }) = typed(step, faults) else { return };
    if let Some(unknown) = regions.iter().find(|region| !REGIONS.contains(&region.as_str())) {
        return faults.add("INVALID_REGIONS", format!("Region {unknown} is not supported. Supported regions: [{}].", REGIONS.join(", ")));
    }
    work.change_product(step, faults, |product, _| {
        for region in regions {
            product.restricted_regions.remove(&region);
            product.regions.insert(region);
        }
    });
}

pub(super) fn restrict_regions(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(RegionList { regions }) = typed(step, faults) else { return };
    work.change_product(step, faults, |product, faults| {
        for region in regions {
            if product.regions.remove(&region) {
                product.restricted_regions.insert(region);
            } else {
                faults.add("INVALID_REGIONS", format!("Region {region} is not among the product's regions."));
            }
        }
        if product.regions.is_empty() {
            faults.add("INVALID_REGIONS", "A product needs a region.");
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FutureRegions {
    future_region_support: SupportedRegions,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SupportedRegions {
    supported_regions: Vec<String>,
}

pub(super) fn update_future_regions(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(update) = typed::<FutureRegions>(step, faults) else { return };
    if update.future_region_support.supported_regions.len() > 1 {
        return faults.add("TOO_MANY_REGIONS", "Provide exactly one of All, US and None.");
    }
    work.change_product(step, faults, |product, _| {
        product.future_regions = update.future_region_support.supported_regions.into_iter().next();
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceTypes {
    instance_types: Vec<String>,
}

pub(super) fn add_instance_types(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(InstanceTypes { instance_types: added }) = typed(step, faults) else { return };
    let behind = work.leaves_prices_behind(&step.entity);
    let images = work.state.regions.get(&Region::marketplace()).map(|region| &region.images);
    let unknown: Vec<&str> = added.iter().map(String::as_str).filter(|name| !instance_types::is_instance_type(name)).collect();
    if !unknown.is_empty() {
        faults.add("INVALID_INSTANCE_TYPES", format!("Provide valid instance types. Invalid types: [{}].", unknown.join(", ")));
    }
    work.change_product(step, faults, |product, faults| {
        if let Some(version) = product.versions.last() {
            check_architecture(&version.source.architecture, &added, faults);
            let image = images.and_then(|images| images.get(&version.source.image));
            let needy: Vec<&str> = added.iter().map(String::as_str).filter(|name| instance_types::needs_ena(name)).collect();
            if image.is_some_and(|image| !image.ena_support) && !needy.is_empty() {
                faults.add("INVALID_ENA_SETTING", format!("Enable ENA support for instance types [{}].", needy.join(", ")));
            }
        }
        let metered = product.metered_keys();
        if !metered.is_empty() {
            let bare: Vec<&str> = added.iter().map(String::as_str).filter(|name| !metered.contains(name)).collect();
            if !bare.is_empty() {
                faults.add("MISSING_DIMENSIONS", format!("Add dimensions for instance types [{}].", bare.join(", ")));
            }
            if behind {
                faults.add("UPDATE_PRICING_REQUIRED", "Update the pricing terms of the offer in the same change set.");
            }
        }
        for name in added {
            product.restricted_instance_types.remove(&name);
            product.instance_types.insert(name);
        }
        let idle: Vec<&str> = product.metered_keys().into_iter().filter(|key| !product.instance_types.contains(*key)).collect();
        if !idle.is_empty() {
            faults.add("INVALID_DIMENSIONS", format!("Dimensions [{}] are for no instance type of the product.", idle.join(", ")));
        }
    });
}

fn check_architecture(architecture: &str, names: &[String], faults: &mut Faults) {
    let foreign: Vec<&str> = names.iter().map(String::as_str).filter(|name| instance_types::architecture(name) != architecture).collect();
    if !foreign.is_empty() {
        let message = format!("Instance types [{}] don't run images of architecture {architecture}.", foreign.join(", "));
        faults.add("INVALID_AMI_ARCHITECTURE", message);
    }
}

pub(super) fn restrict_instance_types(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(InstanceTypes { instance_types: restricted }) = typed(step, faults) else { return };
    let restricts_dimensions = work.does(Act::RestrictDimensions, &step.entity);
    if restricted.iter().collect::<BTreeSet<_>>().len() < restricted.len() {
        return faults.add("DUPLICATE_INSTANCE_TYPE", "Provide each instance type once.");
    }
    let unknown: Vec<&str> = restricted.iter().map(String::as_str).filter(|name| !instance_types::is_instance_type(name)).collect();
    if !unknown.is_empty() {
        return faults.add("INVALID_INSTANCE_TYPES", format!("Provide valid instance types. Invalid types: [{}].", unknown.join(", ")));
    }
    work.change_product(step, faults, |product, faults| {
        for name in restricted {
            let mut options = product.versions.iter().flat_map(|version| &version.options);
            if options.any(|option| !option.restricted && option.instance_type == name) {
                faults.add("RECOMMENDED_INSTANCE_TYPE_RESTRICTED", format!("{name} is the recommended instance type of a version."));
            }
            if product.metered_keys().contains(name.as_str()) && !restricts_dimensions {
                faults.add("DIMENSIONS_NOT_RESTICTED", format!("Restrict the dimension {name} in the same change set."));
            }
            if product.instance_types.remove(&name) {
                product.restricted_instance_types.insert(name);
            } else {
                faults.add("UNAVAILABLE_INSTANCE_TYPE", format!("{name} is not among the product's instance types."));
            }
        }
        if product.instance_types.is_empty() {
            faults.add("REGION_NO_INSTANCES", "A product needs an instance type in each of its regions.");
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Targeting {
    positive_targeting: PositiveTargeting,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PositiveTargeting {
    buyer_accounts: Vec<String>,
}

pub(super) fn update_targeting(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(Targeting { positive_targeting: PositiveTargeting { buyer_accounts } }) = typed(step, faults) else { return };
    let malformed: Vec<&str> = buyer_accounts.iter().map(String::as_str).filter(|account| !is_match(r"^\d{12}$", account)).collect();
    if !malformed.is_empty() {
        faults.add("INVALID_AWS_ACCOUNT_IDS", format!("Provide valid AWS account ids. Invalid ids: [{}].", malformed.join(", ")));
    }
    work.change_product(step, faults, |product, faults| {
        if !matches!(product.visibility, Visibility::Draft | Visibility::Limited) {
            return faults.add("INVALID_PRODUCT_VISIBILITY", "Use a product whose visibility is limited.");
        }
        let wanted = buyer_accounts.into_iter().chain([OWN_ACCOUNT.to_owned()]).collect();
        if product.buyer_accounts == wanted {
            return faults.add("INVALID_AWS_ACCOUNT_IDS", "Provide accounts that differ from those of the product.");
        }
        product.buyer_accounts = wanted;
    });
}
