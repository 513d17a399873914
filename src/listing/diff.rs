//! What the live listing says otherwise than the manifest: compared by meaning, since AWS writes
//! again what it is given.
//!
//! Logo, EULA text and video come back at AWS's own addresses, so they can't be compared yet;
//! accounts that AWS adds to an allow-list, the order of lists and the spelling of prices don't
//! count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::Serialize;

use super::entity::{AmiProduct, DeliveryOption, Offer, Source};
use crate::model::price::Price;
use crate::model::product::{Eula, FutureRegions, Listing, Pricing, Product, SecurityGroupRule};

/// How a missing value is shown.
const NOTHING: &str = "(nothing)";

/// One thing that manifest and live listing say differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The manifest's word for it.
    pub field: &'static str,
    /// What it takes to apply it.
    pub scope: Scope,
    /// What the manifest says.
    pub manifest: String,
    /// What the listing says.
    pub live: String,
}

/// What it takes to apply a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A change of the product.
    Product,
    /// A change of its newest version; the next version has it by itself.
    Version,
    /// A change of its public offer.
    Offer,
}

/// Compares a manifest with the live product and, if it was found, its public offer.
pub fn differences(product: &Product, live: &AmiProduct, offer: Option<&Offer>) -> Vec<Difference> {
    let mut found = Found::default();
    texts(&mut found, product, live);
    availability(&mut found, &product.listing, live);
    if let Some((option, source)) = live.newest_version().and_then(|version| version.ami_option()) {
        version(&mut found, product, option, source);
    }
    if let Some(offer) = offer {
        pricing(&mut found, &product.listing.pricing, offer);
        terms(&mut found, &product.listing, offer);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn text(&mut self, scope: Scope, field: &'static str, manifest: &str, live: Option<&str>) {
        // AWS drops white space at the ends.
        if manifest.trim() != live.unwrap_or_default().trim() {
            self.push(scope, field, manifest.to_owned(), live.unwrap_or(NOTHING).to_owned());
        }
    }

    fn set<T: Ord + Display>(&mut self, scope: Scope, field: &'static str, manifest: &BTreeSet<T>, live: &BTreeSet<T>) {
        if manifest != live {
            self.push(scope, field, listed(manifest), listed(live));
        }
    }

    fn value<T: PartialEq + Display>(&mut self, scope: Scope, field: &'static str, manifest: T, live: Option<T>) {
        if live.as_ref() != Some(&manifest) {
            self.push(scope, field, manifest.to_string(), live.map_or_else(|| NOTHING.to_owned(), |live| live.to_string()));
        }
    }

    fn prices(&mut self, field: &'static str, wanted: &BTreeMap<String, String>, live: &BTreeMap<&str, Option<Price>>) {
        let wanted: BTreeMap<&str, Option<Price>> = wanted.iter().map(|(key, price)| (key.as_str(), price.parse().ok())).collect();
        // A price that can't be read is never taken for equal, not even to another such.
        if wanted != *live || wanted.values().any(Option::is_none) {
            self.push(Scope::Offer, field, prices(&wanted), prices(live));
        }
    }

    fn push(&mut self, scope: Scope, field: &'static str, manifest: String, live: String) {
        self.0.push(Difference { field, scope, manifest, live });
    }
}

fn texts(found: &mut Found, product: &Product, live: &AmiProduct) {
    let (texts, description) = (&product.texts, &live.description);
    found.text(Scope::Product, "title", &texts.title, description.product_title.as_deref());
    found.text(Scope::Product, "short-description", &texts.short_description, description.short_description.as_deref());
    found.text(Scope::Product, "long-description", &texts.long_description, description.long_description.as_deref());
    found.text(Scope::Product, "support", &texts.support_description, live.support_information.description.as_deref());
    // Buyers see the highlights in their order, so here it counts.
    found.text(Scope::Product, "highlights", &texts.highlights.join("\n"), Some(&description.highlights.join("\n")));
    found.set(Scope::Product, "search-keywords", &words(&texts.search_keywords), &words(&description.search_keywords));
    found.set(Scope::Product, "categories", &words(&texts.categories), &words(&description.categories));
    let links = texts.additional_resources.iter().map(|link| format!("{} <{}>", link.text, link.url)).collect();
    let live_links = live.promotional_resources.additional_resources.iter();
    let live_links = live_links
        .map(|link| format!("{} <{}>", link.text.as_deref().unwrap_or_default(), link.url.as_deref().unwrap_or_default()))
        .collect();
    found.set(Scope::Product, "additional-resources", &links, &live_links);
}

fn availability(found: &mut Found, listing: &Listing, live: &AmiProduct) {
    let types = listing.instance_types.iter().map(String::as_str).collect();
    found.set(Scope::Product, "instance-types", &types, &live.available_instance_types());
    let regions = listing.regions.iter().map(|region| region.as_str()).collect();
    found.set(Scope::Product, "regions", &regions, &live.available_regions());
    let future = match listing.future_regions {
        FutureRegions::All => "All",
        FutureRegions::Us => "US",
        FutureRegions::None => "None",
    };
    // AWS says nothing where nothing was set, and then adds nothing.
    let live_future = live.region_availability.future_region_support.as_deref().unwrap_or("None");
    found.value(Scope::Product, "future-regions", future, Some(live_future));
    // AWS adds accounts of its own, so only those that are missing tell anything.
    let (wanted, allowed): (BTreeSet<&str>, _) =
        (listing.allowed_accounts.iter().map(|account| account.as_str()).collect(), live.allowed_accounts());
    if !wanted.is_subset(&allowed) {
        found.push(Scope::Product, "allowed-accounts", listed(&wanted), listed(&allowed));
    }
}

fn version(found: &mut Found, product: &Product, option: &DeliveryOption, source: Option<&Source>) {
    let listing = &product.listing;
    found.text(Scope::Version, "usage-instructions", &listing.usage_instructions, option.instructions.usage.as_deref());
    let recommended = option.recommendations.instance_type.as_deref();
    found.text(Scope::Version, "recommended-instance-type", &listing.recommended_instance_type, recommended);
    let rules = listing.security_groups.iter().map(rule).collect();
    let live_rules = option.recommendations.security_groups.iter().map(|group| {
        let (protocol, from, to) = (group.protocol.as_deref().unwrap_or("?"), group.from_port.unwrap_or(0), group.to_port.unwrap_or(0));
        format!("{protocol} {from}-{to} from {}", listed(&words(&group.cidr_ips)))
    });
    found.set(Scope::Version, "security-groups", &rules, &live_rules.collect());
    let endpoint = |protocol: &str, port: u16, path: &str| format!("{protocol} port {port} path /{path}");
    let wanted = listing.access_endpoint.as_ref().map(|e| endpoint(&e.protocol, e.port, e.path.as_deref().unwrap_or_default()));
    let live_access = option.instructions.access.as_ref().map(|access| {
        endpoint(access.protocol.as_deref().unwrap_or("?"), access.port.unwrap_or(0), access.relative_path.as_deref().unwrap_or_default())
    });
    if wanted != live_access {
        let shown = |endpoint: Option<String>| endpoint.unwrap_or_else(|| NOTHING.to_owned());
        found.push(Scope::Version, "access-endpoint", shown(wanted), shown(live_access));
    }
    let Some(system) = source.map(|source| &source.operating_system) else { return };
    found.text(Scope::Version, "os-name", &product.image.os_name, system.name.as_deref());
    found.text(Scope::Version, "os-version", &product.image.os_version, system.version.as_deref());
    found.text(Scope::Version, "login-user", &product.image.login_user, system.username.as_deref());
    found.value(Scope::Version, "scanning-port", listing.scanning_port, system.scanning_port);
}

fn pricing(found: &mut Found, pricing: &Pricing, offer: &Offer) {
    let others = offer.other_pricing_terms();
    if !others.is_empty() {
        found.push(Scope::Offer, "pricing", pricing.name().to_owned(), listed(&others));
    }
    let live = live_model(offer);
    found.value(Scope::Offer, "pricing", pricing.name(), Some(live));
    if let Some(rates) = pricing.rates().filter(|_| !matches!(live, "byol" | "free")) {
        found.prices("hourly-rates", rates, &offer.hourly_prices());
    }
    match pricing {
        Pricing::HourlyAnnual { annual_rates, .. } if live == pricing.name() => {
            found.prices("annual-rates", annual_rates, &offer.annual_prices());
        }
        Pricing::HourlyMonthly { monthly_fee, .. } if live == pricing.name() => {
            let (wanted, live) = (monthly_fee.parse::<Price>().ok(), offer.monthly_fee().flatten());
            if wanted.is_none() || wanted != live {
                found.push(Scope::Offer, "monthly-fee", shown(wanted), shown(live));
            }
        }
        _ => {}
    }
}

/// Tells the model by the terms: the model itself isn't told by AWS.
fn live_model(offer: &Offer) -> &'static str {
    let hourly = offer.hourly_prices();
    let (annual, monthly) = (!offer.annual_prices().is_empty(), offer.monthly_fee().is_some());
    if offer.is_byol() {
        "byol"
    } else if annual {
        "hourly-annual"
    } else if monthly {
        "hourly-monthly"
    } else if hourly.is_empty() {
        NOTHING
    } else if hourly.values().all(|price| price.is_some_and(Price::is_zero)) {
        "free"
    } else {
        "hourly"
    }
}

fn terms(found: &mut Found, listing: &Listing, offer: &Offer) {
    found.text(Scope::Offer, "refund-policy", &listing.refund_policy, offer.refund_policy());
    let wanted = match &listing.eula {
        Eula::Standard { version } => format!("standard {version}"),
        // AWS serves its own copy, so that there is one is all that can be told.
        Eula::Custom { .. } => "custom".to_owned(),
    };
    let live: BTreeSet<String> = offer
        .legal_documents()
        .map(|document| match document.kind.as_deref() {
            Some("StandardEula") => format!("standard {}", document.version.as_deref().unwrap_or("?")),
            Some("CustomEula") => "custom".to_owned(),
            other => other.unwrap_or("?").to_owned(),
        })
        .collect();
    found.set(Scope::Offer, "eula", &BTreeSet::from([wanted]), &live);
}

fn rule(rule: &SecurityGroupRule) -> String {
    format!("{} {}-{} from {}", rule.protocol, rule.from_port, rule.to_port, listed(&words(&rule.ranges)))
}

fn prices(prices: &BTreeMap<&str, Option<Price>>) -> String {
    prices.iter().map(|(key, price)| format!("{key} {}", shown(*price))).collect::<Vec<_>>().join(", ")
}

fn shown(price: Option<Price>) -> String {
    price.map_or_else(|| "?".to_owned(), |price| price.to_string())
}

fn words(texts: &[String]) -> BTreeSet<&str> {
    texts.iter().map(|text| text.trim()).collect()
}

fn listed<T: Display>(entries: &BTreeSet<T>) -> String {
    if entries.is_empty() {
        return NOTHING.to_owned();
    }
    entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
