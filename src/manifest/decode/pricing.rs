//! `[listing.pricing]`: what the product costs.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::super::code::Code;
use super::super::context::{Reader, Value, quoted};
use crate::model::price::Price;
use crate::model::product::{FreeTrial, Pricing};
use crate::rules::limits;

/// A pricing model, and which of the keys beside `model` it takes; it takes no other.
struct Model {
    name: &'static str,
    keys: &'static [&'static str],
}

/// The models that suit an image. Source: Catalog API, UpdatePricingTerms.
static MODELS: [Model; 5] = [
    Model { name: "hourly", keys: &[RATES, FREE_TRIAL] },
    Model { name: "hourly-annual", keys: &[RATES, ANNUAL_RATES, FREE_TRIAL] },
    Model { name: "hourly-monthly", keys: &[RATES, MONTHLY_FEE, FREE_TRIAL] },
    Model { name: "byol", keys: &[] },
    Model { name: "free", keys: &[] },
];

const RATES: &str = "rates";
const ANNUAL_RATES: &str = "annual-rates";
const MONTHLY_FEE: &str = "monthly-fee";
const FREE_TRIAL: &str = "free-trial";

/// Reads `{ model = "hourly", rates = { "t3.micro" = "0.01" } }`, `{ model = "byol" }` and the others.
///
/// The models with hourly prices may have a free trial beside.
pub(super) fn pricing(value: Value, types: Option<&[String]>) -> Option<(Pricing, Option<FreeTrial>)> {
    let reader = value.table()?;
    let model = reader.required("model").and_then(|value| model(&value));
    for key in [RATES, ANNUAL_RATES, MONTHLY_FEE, FREE_TRIAL] {
        // Whether a key belongs to a model that is not known can't be told.
        if let (Some(value), Some(model)) = (reader.optional(key), model)
            && !model.keys.contains(&key)
        {
            stray_key(&value, key, model);
        }
    }
    let pricing = model.and_then(|model| match model.name {
        "hourly" => Some(Pricing::Hourly { rates: hourly(&reader, types)? }),
        "hourly-annual" => {
            let (rates, annual_rates) = (hourly(&reader, types), annual(&reader, types));
            Some(Pricing::HourlyAnnual { rates: rates?, annual_rates: annual_rates? })
        }
        "hourly-monthly" => {
            let (rates, monthly_fee) = (hourly(&reader, types), reader.required(MONTHLY_FEE).and_then(|value| monthly(&value)));
            Some(Pricing::HourlyMonthly { rates: rates?, monthly_fee: monthly_fee? })
        }
        "byol" => Some(Pricing::Byol),
        _ => Some(Pricing::Free),
    });
    let free_trial = reader.maybe(FREE_TRIAL, |value| free_trial(&value));
    reader.finish();
    Some((pricing?, free_trial?))
}

/// Reads `{ days = 14, max-quantity = 1 }`.
fn free_trial(value: &Value) -> Option<FreeTrial> {
    let reader = value.table()?;
    let days = reader.required("days").and_then(|value| count(&value, limits::FREE_TRIAL_DAYS));
    let max_quantity = reader.maybe("max-quantity", |value| count(&value, limits::GRANT));
    reader.finish();
    Some(FreeTrial { days: days?, max_quantity: max_quantity? })
}

fn count(value: &Value, range: RangeInclusive<u32>) -> Option<u32> {
    value.integer(i64::from(*range.start())..=i64::from(*range.end())).and_then(|number| u32::try_from(number).ok())
}

fn model(value: &Value) -> Option<&'static Model> {
    let name = value.string()?;
    let found = MODELS.iter().find(|model| model.name == name);
    if found.is_none() {
        let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        value
            .fault(Code::PricingModel, format!("there is no pricing model {} for an image", quoted(name)))
            .expected(format!("one of {}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")))
            .did_you_mean(name, names)
            .report();
    }
    found
}

fn stray_key(value: &Value, key: &str, model: &Model) {
    let fitting: Vec<String> = MODELS.iter().filter(|other| other.keys.contains(&key)).map(|other| format!("\"{}\"", other.name)).collect();
    let expected = match model.keys {
        [] => "no prices".to_owned(),
        keys => format!("{} alone", keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ")),
    };
    value
        .fault(Code::PricingModel, format!("`{key}` stands beside the model \"{}\"", model.name))
        .expected(expected)
        .hint(format!("`{key}` belongs to {}", fitting.join(", ")))
        .report();
}

fn hourly(reader: &Reader, types: Option<&[String]>) -> Option<BTreeMap<String, String>> {
    const EXPECTED: &str = "US dollars an hour as a text with at most 8 decimals, such as \"0.035\"";
    let value = reader.required(RATES)?;
    let rates = rates(&value, RATES, types, |value| price(value, EXPECTED))?;
    refuse_all_zero(&value, &rates);
    Some(rates)
}

fn annual(reader: &Reader, types: Option<&[String]>) -> Option<BTreeMap<String, String>> {
    const EXPECTED: &str = "US dollars a year as a text with at most 3 decimals, such as \"210.00\"";
    let value = reader.required(ANNUAL_RATES)?;
    let rates = rates(&value, ANNUAL_RATES, types, |value| fee(value, EXPECTED))?;
    refuse_all_zero(&value, &rates);
    Some(rates)
}

fn monthly(value: &Value) -> Option<String> {
    const EXPECTED: &str = "US dollars a month as a text with at most 3 decimals, such as \"25.00\"";
    let fee = fee(value, EXPECTED)?;
    if is_zero(&fee) {
        value.fault(Code::Price, "`monthly-fee` is zero").expected("a fee above zero, or the model \"hourly\"").report();
    }
    Some(fee)
}

/// Reads prices by instance type, one for each that is on sale and no other.
fn rates(
    value: &Value,
    table: &str,
    types: Option<&[String]>,
    price: impl Fn(&Value) -> Option<String>,
) -> Option<BTreeMap<String, String>> {
    let entries = value.table()?.entries();
    if entries.len() > *limits::RATES.end() {
        let message = format!("`{table}` has {} entries", entries.len());
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
            .hint(format!("add \"{missing}\" = \"…\" to [listing.pricing.{table}]"))
            .report();
    }
    Some(rates)
}

fn refuse_all_zero(value: &Value, rates: &BTreeMap<String, String>) {
    if !rates.is_empty() && rates.values().all(|price| is_zero(price)) {
        value.fault(Code::Price, "every price is zero").expected("a price above zero, or the model \"free\"").report();
    }
}

fn is_zero(price: &str) -> bool {
    price.parse::<Price>().is_ok_and(|price| price.is_zero())
}

fn price(value: &Value, expected: &str) -> Option<String> {
    let text = value.string_such_as(expected)?;
    if text.parse::<Price>().is_err() {
        value.fault(Code::Price, format!("a price is {}", quoted(text))).expected(expected).report();
    }
    Some(text.to_owned())
}

/// Reads a price that is not by use, which takes fewer decimals.
fn fee(value: &Value, expected: &str) -> Option<String> {
    let text = price(value, expected)?;
    if text.parse::<Price>().is_ok_and(|price| price.decimals() > limits::FEE_DECIMALS) {
        value.fault(Code::Price, format!("a price is {}", quoted(&text))).expected(expected).report();
    }
    Some(text)
}
