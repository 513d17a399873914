//! A listing that change sets are applied to: written for these tests alone, by the reference, and as
//! strict as AWS where the planner has rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::listing::entity::{AmiProduct, Offer};
use crate::listing::lint;
use crate::listing::planner::{Entity, Given, Live};
use crate::model::change_set::{ChangeSet, OFFER};
use crate::model::deployment_template::DeploymentTemplate;
use crate::model::listing_set::ListingSet;
use crate::model::price::Price;
use crate::model::product::{Eula, FutureRegions, Pricing, Product};
use crate::model::record::SentTemplate;

/// An account that AWS adds to every allow-list.
const OF_AWS: &str = "679593333241";

#[derive(Debug, Clone)]
pub(in crate::listing) struct World {
    pub product: Value,
    pub offer: Value,
    /// Whether the product has its offer; without one nothing is known of prices.
    pub is_offered: bool,
    pub given: Given,
}

/// How far a listing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listing) enum Progress {
    /// It is out.
    Released,
    /// It is a draft, maybe with an offer that is one too, maybe with a version.
    Draft { offer: bool, version: bool },
}

impl World {
    /// A released, limited listing of a product, written as AWS writes it.
    pub fn of(product: &Product) -> Self {
        let listing = &product.listing;
        let given = Given { regions: listing.regions.clone(), ..Given::default() };
        let offer = json!({ "State": "Released", "Terms": [] });
        let mut world = Self { product: json!({}), offer, is_offered: true, given };
        world.product = json!({
            "Versions": [{
                "Id": "version-1", "VersionTitle": "1.0.0", "ReleaseNotes": "First.", "CreationDate": "2026-11-01T10:00:00.000Z",
                "DeliveryOptions": [{ "Id": "22222222-0000-4000-8000-000000000000", "Type": "AmazonMachineImage", "SourceId": "source-1", "Visibility": "Limited",
                    "Instructions": { "Usage": listing.usage_instructions },
                    "Recommendations": { "InstanceType": listing.recommended_instance_type, "SecurityGroups": listing.security_groups.iter().map(|rule|
                        json!({ "Protocol": rule.protocol, "FromPort": rule.from_port, "ToPort": rule.to_port, "CidrIps": rule.ranges })).collect::<Vec<_>>() } }],
                "Sources": [{ "Id": "source-1", "Type": "AmazonMachineImage", "Image": "ami-0123456789abcdef0",
                    "OperatingSystem": { "Name": product.image.os_name, "Version": product.image.os_version, "Username": product.image.login_user, "ScanningPort": listing.scanning_port } }],
            }],
            "Description": { "Visibility": "Limited", "ProductState": "Active", "Manufacturer": "Acme" },
            "Targeting": { "PositiveTargeting": { "BuyerAccounts": [] } },
            "RegionAvailability": { "Regions": [], "Restrict": [], "FutureRegionSupport": null },
            "Compatibility": { "AvailableInstanceTypes": [], "RestrictedInstanceTypes": [] },
            "Dimensions": null,
        });
        if let Some(endpoint) = &listing.access_endpoint {
            world.product["Versions"][0]["DeliveryOptions"][0]["Instructions"]["Access"] =
                json!({ "Type": "Endpoint", "Port": endpoint.port, "Protocol": endpoint.protocol, "RelativePath": endpoint.path });
        }
        for (index, template) in listing.templates.iter().enumerate() {
            world.template(index, template);
        }
        let texts = &product.texts;
        world.change("UpdateInformation", &json!({
            "ProductTitle": texts.title, "ShortDescription": texts.short_description, "LongDescription": texts.long_description,
            "LogoUrl": texts.logo_url, "Highlights": texts.highlights, "SearchKeywords": texts.search_keywords, "Categories": texts.categories,
            "SupportDescription": texts.support_description,
            "Sku": texts.sku, "VideoUrls": texts.video_url.iter().collect::<Vec<_>>(),
            "AdditionalResources": texts.additional_resources.iter().map(|l| json!({ "Text": l.text, "Url": l.url })).collect::<Vec<_>>(),
        }));
        world.change("AddRegions", &json!({ "Regions": listing.regions }));
        let future = match listing.future_regions {
            FutureRegions::All => "All",
            FutureRegions::Us => "US",
            FutureRegions::None => "None",
        };
        world.change("UpdateFutureRegionSupport", &json!({ "FutureRegionSupport": { "SupportedRegions": [future] } }));
        world.change("AddInstanceTypes", &json!({ "InstanceTypes": listing.instance_types }));
        world.change("UpdateTargeting", &json!({ "PositiveTargeting": { "BuyerAccounts": listing.allowed_accounts } }));
        let document = match &listing.eula {
            Eula::Standard { version } => json!({ "Type": "StandardEula", "Version": version }),
            Eula::Custom { url, .. } => json!({ "Type": "CustomEula", "Url": url }),
        };
        world.change("UpdateLegalTerms", &json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [document] }] }));
        world.change("UpdateSupportTerms", &json!({ "Terms": [{ "Type": "SupportTerm", "RefundPolicy": listing.refund_policy }] }));
        let free: BTreeMap<String, String> = listing.instance_types.iter().map(|key| (key.clone(), "0".into())).collect();
        let hourly = match &listing.pricing {
            Pricing::Free => Some(&free),
            pricing => pricing.rates(),
        };
        let card = |rates: &BTreeMap<String, String>| {
            rates.iter().map(|(key, price)| json!({ "DimensionKey": key, "Price": price })).collect::<Vec<_>>()
        };
        let mut terms: Vec<Value> = hourly
            .iter()
            .map(|rates| json!({ "Type": "UsageBasedPricingTerm", "CurrencyCode": "USD", "RateCards": [{ "RateCard": card(rates) }] }))
            .collect();
        match &listing.pricing {
            Pricing::HourlyAnnual { annual_rates, .. } => terms.push(json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD",
                "RateCards": [{ "Selector": { "Type": "Duration", "Value": "P365D" },
                    "Constraints": { "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" }, "RateCard": card(annual_rates) }] })),
            Pricing::HourlyMonthly { monthly_fee, .. } => {
                terms.push(json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": monthly_fee }));
            }
            Pricing::Byol => terms.push(json!({ "Type": "ByolPricingTerm" })),
            Pricing::Hourly { .. } | Pricing::Free => {}
        }
        if let Some(trial) = listing.free_trial {
            let grants: Vec<Value> = listing
                .instance_types
                .iter()
                .map(|key| json!({ "DimensionKey": key, "MaxQuantity": trial.max_quantity.unwrap_or(1) }))
                .collect();
            terms.push(json!({ "Type": "FreeTrialPricingTerm", "Duration": format!("P{}D", trial.days), "Grants": grants }));
        }
        world.offer["Name"] = json!(listing.offer.name);
        if !listing.offer.countries.is_empty() {
            world.offer_targeting(&json!({ "PositiveTargeting": { "CountryCodes": listing.offer.countries } }));
        }
        if hourly.is_some() {
            world.change("AddDimensions", &listing.instance_types.iter().map(|key| json!({ "Key": key, "Types": ["Metered"] })).collect());
        }
        world.change("UpdatePricingTerms", &json!({ "Terms": terms }));
        world
    }

    /// Takes a listing back to where it was before it was released.
    pub fn at(mut self, progress: Progress) -> Self {
        let Progress::Draft { offer, version } = progress else { return self };
        self.product["Description"]["Visibility"] = json!("Draft");
        self.product["Description"]["ProductState"] = json!("Draft");
        self.offer["State"] = json!("Draft");
        self.is_offered = offer;
        if !version {
            self.product["Versions"] = json!([]);
        }
        self
    }

    fn is_released(&self) -> bool {
        self.offer["State"] == "Released"
    }

    pub fn live(&self) -> Live {
        Live {
            product: Entity {
                id: "prod-abc".parse().unwrap(),
                revision: 7,
                details: AmiProduct::parse(&self.product.to_string()).unwrap(),
            },
            offer: self.is_offered.then(|| Entity {
                id: "offer-abc".parse().unwrap(),
                revision: 3,
                details: Offer::parse(&self.offer.to_string()).unwrap(),
            }),
        }
    }

    /// Applies a set, and refuses what AWS would.
    pub fn apply(&mut self, set: &ListingSet) {
        let changes = ChangeSet::parse(&set.request.to_string()).unwrap();
        lint(&changes).unwrap();
        assert!(!set.changes.is_empty() && !set.name.is_empty() && set.name.len() <= 100, "{set:?}");
        let before = self.rates();
        let adds = changes.changes.iter().any(|change| change.change_type() == "AddDimensions");
        for change in &changes.changes {
            assert!(self.is_offered || change.entity_type() != OFFER, "there is no offer to be changed: {set:?}");
            match (change.change_type(), change.entity_type()) {
                ("UpdateInformation", OFFER) => self.offer_information(&change.details.to_json()),
                ("UpdateTargeting", OFFER) => self.offer_targeting(&change.details.to_json()),
                (change_type, _) => self.change(change_type, &change.details.to_json()),
            }
        }
        self.check();
        let after = self.rates();
        let (mut rises, mut falls) = (false, false);
        for (key, price) in &before {
            let now = after.get(key).or_else(|| (!self.is_released()).then_some(price));
            let now = now.unwrap_or_else(|| panic!("the rate of {key:?} was removed: {set:?}"));
            rises |= now > price;
            falls |= now < price;
        }
        assert!(!(rises && (falls || adds)), "prices rise beside others that fall or are new: {set:?}");
    }

    /// What must hold after every set.
    fn check(&self) {
        let live = self.live().product.details;
        let types = live.available_instance_types();
        assert!(!types.is_empty() && !live.available_regions().is_empty());
        for version in &live.versions {
            for option in &version.delivery_options {
                let recommended = option.recommendations.instance_type.as_deref().unwrap();
                assert!(types.contains(recommended), "{recommended} is recommended and not on sale");
            }
        }
        let hourly: BTreeSet<String> =
            self.rates().into_keys().filter(|(kind, _)| kind == "UsageBasedPricingTerm").map(|(_, key)| key).collect();
        if !hourly.is_empty() {
            assert!(types.iter().all(|name| hourly.contains(*name)), "an instance type has no price");
            assert!(types.iter().all(|name| live.metered_dimensions().contains(name)), "an instance type has no dimension");
        }
    }

    /// Every price, by its term's type and its dimension.
    fn rates(&self) -> BTreeMap<(String, String), Price> {
        let mut rates = BTreeMap::new();
        for term in self.offer["Terms"].as_array().unwrap() {
            let kind = term["Type"].as_str().unwrap().to_owned();
            if let Some(price) = term["Price"].as_str() {
                rates.insert((kind.clone(), String::new()), price.parse().unwrap());
            }
            for rate in term["RateCards"].as_array().into_iter().flatten().flat_map(|card| card["RateCard"].as_array().unwrap()) {
                rates.insert(
                    (kind.clone(), rate["DimensionKey"].as_str().unwrap().to_owned()),
                    rate["Price"].as_str().unwrap().parse().unwrap(),
                );
            }
        }
        rates
    }

    fn change(&mut self, change_type: &str, details: &Value) {
        let product = &mut self.product;
        match change_type {
            "UpdateInformation" => self.information(details),
            "AddRegions" => {
                add(&mut product["RegionAvailability"]["Regions"], &details["Regions"]);
                remove(&mut product["RegionAvailability"]["Restrict"], &details["Regions"]);
            }
            "RestrictRegions" => add(&mut product["RegionAvailability"]["Restrict"], &details["Regions"]),
            "UpdateFutureRegionSupport" => {
                product["RegionAvailability"]["FutureRegionSupport"] = details["FutureRegionSupport"]["SupportedRegions"][0].clone();
            }
            "AddInstanceTypes" => {
                add(&mut product["Compatibility"]["AvailableInstanceTypes"], &details["InstanceTypes"]);
                remove(&mut product["Compatibility"]["RestrictedInstanceTypes"], &details["InstanceTypes"]);
            }
            "RestrictInstanceTypes" => {
                add(&mut product["Compatibility"]["RestrictedInstanceTypes"], &details["InstanceTypes"]);
                remove(&mut product["Compatibility"]["AvailableInstanceTypes"], &details["InstanceTypes"]);
            }
            "AddDimensions" => add(&mut product["Dimensions"], details),
            "RestrictDimensions" => {}
            "UpdateTargeting" => {
                let accounts = &details["PositiveTargeting"]["BuyerAccounts"];
                self.given.allowed_accounts = Some(serde_json::from_value(accounts.clone()).unwrap());
                product["Targeting"]["PositiveTargeting"]["BuyerAccounts"] = json!([OF_AWS]);
                add(&mut product["Targeting"]["PositiveTargeting"]["BuyerAccounts"], accounts);
            }
            "UpdateDeliveryOptions" => self.version(details),
            "UpdateVisibility" => product["Description"]["Visibility"] = details["TargetVisibility"].clone(),
            "UpdatePricingTerms" => self.terms(
                &[
                    "UsageBasedPricingTerm",
                    "ConfigurableUpfrontPricingTerm",
                    "RecurringPaymentTerm",
                    "ByolPricingTerm",
                    "FreeTrialPricingTerm",
                ],
                details,
            ),
            "UpdateLegalTerms" => {
                self.given.eula_url = details["Terms"][0]["Documents"][0]["Url"].as_str().map(str::to_owned).or(self.given.eula_url.take());
                self.terms(&["LegalTerm"], details);
            }
            "UpdateSupportTerms" => self.terms(&["SupportTerm"], details),
            other => panic!("{other} is not planned"),
        }
    }

    fn information(&mut self, details: &Value) {
        for (field, value) in details.as_object().unwrap() {
            match field.as_str() {
                "LogoUrl" => {
                    self.given.logo_url = Some(value.as_str().unwrap().to_owned());
                    self.product["PromotionalResources"]["LogoUrl"] = json!("https://s3.amazonaws.com/awsmp-logos/x.png");
                }
                "VideoUrls" => {
                    self.given.video_url = value[0].as_str().map(str::to_owned);
                    let videos: Vec<Value> = self
                        .given
                        .video_url
                        .iter()
                        .map(|_| json!({ "Type": "Link", "Url": "https://awsmp-media.s3.amazonaws.com/x.mp4" }))
                        .collect();
                    self.product["PromotionalResources"]["Videos"] = json!(videos);
                }
                "SupportDescription" => self.product["SupportInformation"]["Description"] = value.clone(),
                "AdditionalResources" => self.product["PromotionalResources"]["AdditionalResources"] = reversed(value),
                "SearchKeywords" | "Categories" => self.product["Description"][field] = reversed(value),
                _ => self.product["Description"][field] = value.clone(),
            }
        }
    }

    fn offer_information(&mut self, details: &Value) {
        for (field, value) in details.as_object().unwrap() {
            self.offer[field] = value.clone();
        }
    }

    fn offer_targeting(&mut self, details: &Value) {
        assert!(details["PositiveTargeting"]["CountryCodes"].as_array().is_some_and(|codes| !codes.is_empty()));
        self.offer["Rules"] = json!([{ "Type": "TargetingRule", "PositiveTargeting": { "CountryCodes": reversed(&details["PositiveTargeting"]["CountryCodes"]) } }]);
    }

    /// Adds a template to the version, with addresses of AWS's own.
    fn template(&mut self, index: usize, template: &DeploymentTemplate) {
        let (id, source) = (format!("00000000-0000-4000-8000-{index:012x}"), format!("template-source-{index}"));
        let version = &mut self.product["Versions"][0];
        version["DeliveryOptions"].as_array_mut().unwrap().push(json!({
            "Id": id, "Type": "CloudFormationTemplate", "SourceId": source, "Visibility": "Limited", "Title": template.title,
            "ShortDescription": template.short_description, "LongDescription": template.long_description,
            "Instructions": { "Usage": template.usage_instructions }, "Recommendations": { "InstanceType": template.recommended_instance_type },
        }));
        version["Sources"].as_array_mut().unwrap().push(json!({ "Id": source, "Type": "CloudFormationTemplate",
            "Template": "https://s3.amazonaws.com/awsmp-templates/x.yaml", "ArchitectureDiagram": "https://s3.amazonaws.com/awsmp-templates/x.png" }));
        let image_parameters = template.image_parameters.iter().cloned().collect();
        let sent = SentTemplate { url: template.url.clone(), diagram_url: template.diagram_url.clone(), image_parameters };
        self.given.templates.insert(template.title.clone(), sent);
    }

    fn version(&mut self, details: &Value) {
        let version = &mut self.product["Versions"][0];
        if let Some(notes) = details.pointer("/Version/ReleaseNotes") {
            version["ReleaseNotes"] = notes.clone();
        }
        for update in details["DeliveryOptions"].as_array().into_iter().flatten() {
            let options = version["DeliveryOptions"].as_array_mut().unwrap();
            let option = options.iter_mut().find(|option| option["Id"] == update["Id"]).unwrap();
            let kind = match option["Type"].as_str() {
                Some("AmazonMachineImage") => "AmiDeliveryOptionDetails",
                _ => "DeploymentTemplateDeliveryOptionDetails",
            };
            if let Some(details) = update.get("Details") {
                update_option(option, &details[kind]);
            }
        }
    }

    /// Replaces the terms of some types, prices written otherwise than they were given.
    fn terms(&mut self, kinds: &[&str], details: &Value) {
        let is_released = self.is_released();
        let terms = self.offer["Terms"].as_array_mut().unwrap();
        let had: BTreeSet<String> =
            terms.iter().filter(|term| kinds.contains(&term["Type"].as_str().unwrap())).map(|term| term["Type"].to_string()).collect();
        terms.retain(|term| !kinds.contains(&term["Type"].as_str().unwrap()));
        let mut new = details["Terms"].as_array().unwrap().clone();
        let has: BTreeSet<String> = new.iter().map(|term| term["Type"].to_string()).collect();
        // Source: Catalog API, `INCOMPATIBLE_TERMS`: of a released offer no term goes.
        assert!(had.is_subset(&has) || !is_released, "a term went: {had:?} {has:?}");
        for term in &mut new {
            term["Id"] = json!("term-1");
            for card in term.get_mut("RateCards").and_then(Value::as_array_mut).into_iter().flatten() {
                let rates = card["RateCard"].as_array_mut().unwrap();
                rates.reverse();
                rates.iter_mut().for_each(|rate| {
                    rate["Price"] = json!(format!("{:0<10}", rate["Price"].as_str().unwrap().parse::<Price>().unwrap().to_string()))
                });
            }
            for document in
                term.get_mut("Documents").and_then(Value::as_array_mut).into_iter().flatten().filter(|document| document["Url"].is_string())
            {
                document["Url"] = json!("https://awsmp-eulas.s3.amazonaws.com/x.txt");
            }
        }
        self.offer["Terms"].as_array_mut().unwrap().extend(new);
    }
}

fn update_option(option: &mut Value, details: &Value) {
    for (field, value) in details.as_object().unwrap() {
        match field.as_str() {
            "UsageInstructions" => option["Instructions"]["Usage"] = value.clone(),
            "AccessEndpointUrl" => {
                option["Instructions"]["Access"] = value.clone();
                option["Instructions"]["Access"]["Type"] = json!("Endpoint");
            }
            "RecommendedInstanceType" => option["Recommendations"]["InstanceType"] = value.clone(),
            "SecurityGroups" => {
                let groups = value.as_array().unwrap().iter().map(|group| {
                    json!({ "Protocol": group["IpProtocol"], "FromPort": group["FromPort"], "ToPort": group["ToPort"], "CidrIps": group["IpRanges"] })
                });
                option["Recommendations"]["SecurityGroups"] = groups.rev().collect();
            }
            "DeliveryOptionTitle" => option["Title"] = value.clone(),
            "ShortDescription" | "LongDescription" => option[field] = value.clone(),
            other => panic!("{other} can't be updated"),
        }
    }
}

fn add(list: &mut Value, entries: &Value) {
    let entries = entries.as_array().unwrap().iter().rev().cloned();
    match list.as_array_mut() {
        Some(list) => {
            let new: Vec<Value> = entries.filter(|entry| !list.contains(entry)).collect();
            list.extend(new);
        }
        None => *list = entries.collect(),
    }
}

fn remove(list: &mut Value, entries: &Value) {
    list.as_array_mut().unwrap().retain(|entry| !entries.as_array().unwrap().contains(entry));
}

fn reversed(list: &Value) -> Value {
    list.as_array().unwrap().iter().rev().cloned().collect()
}
