//! The documents that DescribeEntity gives: not what was written.
//!
//! Source: the entity schemas of AmiProduct@1.0 and Offer@1.0.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::entities::{Body, DeliveryKind, DeliveryOption, Entity, Offer, Product, SecurityGroupRule, Targeting, Template, Version};
use crate::model::digest::Digest;

/// Builds an entity's document.
pub(super) fn document(entity: &Entity) -> Value {
    match &entity.body {
        Body::Product(product) => product_document(&entity.id, product, &entity.revision().to_string()),
        Body::Offer(offer) => offer_document(&entity.id, offer, &entity.revision().to_string()),
    }
}

/// Gives a set an order of its own at each revision: whoever reads it must not rely on any.
fn shuffled<T>(values: impl IntoIterator<Item = T>, salt: &str, key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by_cached_key(|value| *Digest::of_parts([salt.as_bytes(), key(value).as_bytes()]).as_bytes());
    values
}

fn product_document(id: &str, product: &Product, salt: &str) -> Value {
    let information = &product.information;
    let resources = information.additional_resources.iter().flatten();
    let names = |names: &BTreeSet<String>| shuffled(names.clone(), salt, |name| name);
    let dimensions = shuffled(product.dimensions.iter().filter(|dimension| !dimension.restricted), salt, |dimension| &dimension.key);
    without_nulls(json!({
        "Versions": product.versions.iter().map(|version| version_document(id, version)).collect::<Vec<_>>(),
        "Description": {
            "ProductTitle": information.title,
            "ProductCode": product.code,
            "ShortDescription": information.short_description,
            "LongDescription": information.long_description,
            "Sku": information.sku,
            "Highlights": information.highlights,
            "SearchKeywords": information.search_keywords,
            "Visibility": product.visibility.as_str(),
            "ProductState": "Active",
            "ReplacementProductId": product.replacement,
            "Categories": information.categories,
        },
        "Targeting": { "PositiveTargeting": { "BuyerAccounts": names(&product.buyer_accounts) } },
        "Compatibility": {
            "AvailableInstanceTypes": names(&product.instance_types),
            "RestrictedInstanceTypes": names(&product.restricted_instance_types),
        },
        "PromotionalResources": {
            "LogoUrl": information.logo_url.as_deref().map(own_logo_url),
            "Videos": information.video_urls.iter().map(|url| json!({ "Type": "Link", "Title": "Product video", "Url": url })).collect::<Vec<_>>(),
            "AdditionalResources": resources.map(|r| json!({ "Type": "Link", "Text": r.text, "Url": r.url })).collect::<Vec<_>>(),
        },
        "Dimensions": dimensions.iter().map(|d| json!({
            "Name": d.name, "Description": d.description, "Key": d.key, "Unit": d.unit, "Types": d.types,
        })).collect::<Vec<_>>(),
        "SupportInformation": { "Description": information.support_description },
        "RegionAvailability": {
            "Regions": names(&product.regions),
            "Restrict": names(&product.restricted_regions),
            "FutureRegionSupport": product.future_regions,
        },
    }))
}

fn version_document(product: &str, version: &Version) -> Value {
    let source = &version.source;
    let image = json!({
        "Id": source.id,
        "Type": "AmazonMachineImage",
        "Image": source.image,
        "Architecture": source.architecture,
        "VirtualizationType": "hvm",
        "OperatingSystem": {
            "Name": source.operating_system_name,
            "Version": source.operating_system_version,
            "Username": source.user_name,
            "ScanningPort": source.scanning_port,
        },
    });
    let templates = version.options.iter().filter_map(|option| match &option.kind {
        DeliveryKind::Template(template) => Some(template_source(product, version, template)),
        DeliveryKind::Image { .. } => None,
    });
    json!({
        "Id": version.id,
        "ReleaseNotes": version.release_notes,
        "UpgradeInstructions": "",
        "VersionTitle": version.title,
        "CreationDate": date_time(version.created),
        "DeliveryOptions": version.options.iter().map(|option| option_document(product, version, option)).collect::<Vec<_>>(),
        "Sources": std::iter::once(image).chain(templates).collect::<Vec<_>>(),
    })
}

fn template_source(product: &str, version: &Version, template: &Template) -> Value {
    json!({
        "Id": template.source_id,
        "Type": "CloudFormationTemplate",
        "Template": own_url("awsmp-ingestion-cf-templates", product, &template.url),
        "NestedDocuments": template.nested,
        "ConsumedSources": [version.source.id],
        "ArchitectureDiagram": own_url("awsmp-ingestion-cf-templates", product, &template.diagram_url),
        "AWSDependentServices": template.services,
    })
}

fn option_document(product: &str, version: &Version, option: &DeliveryOption) -> Value {
    let visibility = if option.restricted { "Restricted" } else { "Public" };
    match &option.kind {
        DeliveryKind::Image { access_endpoint, security_groups } => {
            let mut instructions = json!({ "Usage": option.usage_instructions });
            if let Some(endpoint) = access_endpoint {
                let mut access = json!({ "Type": "Endpoint", "Port": endpoint.port, "Protocol": endpoint.protocol });
                if let Some(path) = &endpoint.relative_path {
                    access["RelativePath"] = json!(path);
                }
                instructions["Access"] = access;
            }
            json!({
                "Id": option.id,
                "Type": "AmazonMachineImage",
                "SourceId": version.source.id,
                "Title": format!("({}) Amazon Machine Image", version.source.architecture),
                "ShortDescription": "",
                "LongDescription": "",
                "Instructions": instructions,
                "Recommendations": {
                    "SecurityGroups": security_groups.iter().map(rule_document).collect::<Vec<_>>(),
                    "InstanceType": option.instance_type,
                },
                "Visibility": visibility,
                "AmiAlias": format!("/aws/service/marketplace/{product}/{}", alias_part(&version.title)),
            })
        }
        DeliveryKind::Template(template) => json!({
            "Id": option.id,
            "Type": "CloudFormationTemplate",
            "SourceId": template.source_id,
            "Title": template.title,
            "ShortDescription": template.short_description,
            "LongDescription": template.long_description,
            "Instructions": { "Usage": option.usage_instructions },
            "Recommendations": { "InstanceType": option.instance_type },
            "Visibility": visibility,
        }),
    }
}

fn rule_document(rule: &SecurityGroupRule) -> Value {
    json!({ "Protocol": rule.ip_protocol, "FromPort": rule.from_port, "ToPort": rule.to_port, "CidrIps": rule.ip_ranges })
}

fn alias_part(title: &str) -> String {
    title.chars().map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' }).collect()
}

fn offer_document(id: &str, offer: &Offer, salt: &str) -> Value {
    without_nulls(json!({
        "Id": id,
        "State": offer.state(),
        "Name": offer.name,
        "Description": offer.description,
        "ProductId": offer.product,
        "PreExistingAgreement": offer.pre_existing_agreement,
        "Rules": rules(offer),
        "Terms": offer.terms.values().map(|term| term_document(id, term, salt)).collect::<Vec<_>>(),
    }))
}

fn rules(offer: &Offer) -> Vec<Value> {
    let mut rules = Vec::new();
    if offer.targeting != Targeting::default() {
        let mut rule = json!(offer.targeting);
        rule["Type"] = json!("TargetingRule");
        rules.push(rule);
    }
    if let Some(day) = offer.available_until {
        rules.push(json!({ "Type": "AvailabilityRule", "AvailabilityEndDate": format!("{day}T23:59:59.999Z") }));
    }
    rules
}

/// Rewrites a term as it reads back: prices with two decimals or more, texts of one's own moved to
/// the Marketplace's bucket.
fn term_document(offer: &str, term: &Value, salt: &str) -> Value {
    match term {
        Value::Array(values) => values.iter().map(|value| term_document(offer, value, salt)).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), value) {
                        ("Price", Value::String(price)) => json!(price_as_read(price)),
                        ("Url", Value::String(url)) => json!(own_url("awsmp-eulas", offer, url)),
                        ("AgreementStartDate" | "AgreementEndDate", Value::String(day)) => json!(format!("{day}T00:00:00.000Z")),
                        ("RateCard" | "Grants", Value::Array(rows)) => {
                            let rows = rows.iter().map(|row| term_document(offer, row, salt));
                            Value::Array(shuffled(rows, salt, |row| row["DimensionKey"].as_str().unwrap_or_default()))
                        }
                        _ => term_document(offer, value, salt),
                    };
                    (name.clone(), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn price_as_read(price: &str) -> String {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}.{fraction:0<2}")
}

fn own_logo_url(url: &str) -> String {
    own_url("awsmp-logos", "", url)
}

fn own_url(bucket: &str, salt: &str, url: &str) -> String {
    let name = Digest::of_parts([salt.as_bytes(), url.as_bytes()]).short(32);
    let file = url.rsplit('/').next().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let dot = if extension.is_empty() { "" } else { "." };
    format!("https://s3.amazonaws.com/{bucket}/{name}{dot}{extension}")
}

fn date_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// Drops members that have no value, but for the one that AWS writes as null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, value)| !value.is_null() || name == "FutureRegionSupport");
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect::<Map<_, _>>())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_read_back_with_two_decimals_or_more() {
        for (written, read) in [("300", "300.00"), ("0.1", "0.10"), ("0.012", "0.012"), ("5.", "5.00")] {
            assert_eq!(price_as_read(written), read);
        }
    }

    #[test]
    fn logos_read_back_from_the_marketplaces_bucket() {
        let url = own_logo_url("https://bucket.s3.amazonaws.com/a/logo.png");
        assert!(url.starts_with("https://s3.amazonaws.com/awsmp-logos/") && url.ends_with(".png"), "{url}");
    }
}
