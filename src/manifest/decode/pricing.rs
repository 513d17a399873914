//! `[listing.pricing]`: what the product costs.

use std::collections::BTreeMap;

use super::super::code::Code;
use super::super::context::{Reader, Value, quoted};
use crate::model::price::Price;
use crate::model::product::Pricing;
use crate::rules::limits;

/// Models of the Marketplace that may come later; refused by name.
const LATER_MODELS: [&str; 6] = ["hourly-annual", "hourly-monthly", "monthly", "annual", "contract", "free"];

/// Reads `{ model = "hourly", rates = { "t3.micro" = "0.01" } }` or `{ model = "byol" }`.
pub(super) fn pricing(value: Value, types: Option<&[String]>) -> Option<Pricing> {
    let reader = value.table()?;
    let model = reader.required("model");
    let pricing = match model.and_then(|value| value.string()) {
        Some("hourly") => hourly(&reader, types),
        Some("byol") => byol(&reader),
        Some(name) => {
            // Whether rates belong to a model that is not read can't be told.
            reader.optional("rates");
            model.and_then(|value| unsupported(&value, name))
        }
        None => {
            reader.optional("rates");
            None
        }
    };
    reader.finish();
    pricing
}

fn hourly(reader: &Reader, types: Option<&[String]>) -> Option<Pricing> {
    let value = reader.required("rates")?;
    let entries = value.table()?.entries();
    if entries.len() > *limits::RATES.end() {
        let message = format!("`rates` has {} entries", entries.len());
        value.fault(Code::Count, message).expected(format!("at most {}", limits::RATES.end())).report();
        return None;
    }
    let mut rates = BTreeMap::new();
    for (name, name_at, value) in entries {
        if let Some(types) = types
            && !types.iter().any(|known| known == name)
        {
            value
                .context
                .fault(Code::StrayRate, name_at, format!("{} has a price and is not on sale", quoted(name)))
                .expected("one of `instance-types`")
                .did_you_mean(name, types)
                .report();
        }
        rates.insert(name.to_owned(), price(&value).unwrap_or_default());
    }
    for missing in types.unwrap_or_default().iter().filter(|name| !rates.contains_key(*name)) {
        value
            .fault(Code::MissingRate, format!("{} is on sale and has no price", quoted(missing)))
            .expected("a price for each of `instance-types`")
            .hint(format!("add \"{missing}\" = \"…\" to [listing.pricing.rates]"))
            .report();
    }
    if !rates.is_empty() && rates.values().all(|price| is_zero(price)) {
        value.fault(Code::Price, "every price is zero").expected("a price above zero: the free model is not supported yet").report();
    }
    Some(Pricing::Hourly { rates })
}

fn is_zero(price: &str) -> bool {
    price.parse::<Price>().is_ok_and(|price| price.is_zero())
}

fn price(value: &Value) -> Option<String> {
    const EXPECTED: &str = "US dollars an hour as a text with at most 8 decimals, such as \"0.035\"";
    let text = value.string_such_as(EXPECTED)?;
    if text.parse::<Price>().is_err() {
        value.fault(Code::Price, format!("a price is {}", quoted(text))).expected(EXPECTED).report();
    }
    Some(text.to_owned())
}

fn byol(reader: &Reader) -> Option<Pricing> {
    if let Some(rates) = reader.optional("rates") {
        rates
            .fault(Code::PricingModel, "`rates` stands beside the model \"byol\"")
            .expected("no rates: buyers bring their own licence")
            .report();
    }
    Some(Pricing::Byol)
}

fn unsupported(value: &Value, name: &str) -> Option<Pricing> {
    let message = if LATER_MODELS.contains(&name) {
        format!("the pricing model {} is not supported yet", quoted(name))
    } else {
        format!("there is no pricing model {}", quoted(name))
    };
    value.fault(Code::PricingModel, message).expected("\"hourly\" or \"byol\"").did_you_mean(name, ["hourly", "byol"]).report();
    None
}
