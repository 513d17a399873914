//! `listing.offer`: what the public offer is called, and where it holds.

use super::super::code::Code;
use super::super::context::{Value, quoted};
use super::texts::text;
use crate::model::product::PublicOffer;
use crate::rules::limits;
use crate::rules::names::{is_country, is_embargoed};

/// Reads `{ name = "…", description = "…", countries = ["DE", "AT"] }`.
pub(super) fn offer(value: &Value) -> Option<PublicOffer> {
    let reader = value.table()?;
    let name = reader.maybe("name", |value| name(&value));
    let description = reader.maybe("description", |value| text(&value, limits::OFFER_DESCRIPTION));
    let countries = reader.or("countries", Vec::new(), |value| value.list_of(limits::COUNTRIES, country));
    reader.finish();
    Some(PublicOffer { name: name?, description: description?, countries: countries?.into_iter().collect() })
}

/// Source: Catalog API, CreateOffer, Name.
fn name(value: &Value) -> Option<String> {
    let name = text(value, limits::OFFER_NAME)?;
    if let Some(found) = name.chars().find(|&c| matches!(c, '\\' | '<' | '>' | '\n' | '\t')) {
        value.fault(Code::TitleCharacter, format!("`name` holds {found:?}")).expected("one line without \\, < and >").report();
    }
    Some(name)
}

fn country(value: &Value) -> Option<String> {
    let code = value.string()?;
    if !is_country(code) {
        value
            .fault(Code::UnknownCountry, format!("{} is no country's code", quoted(code)))
            .expected("two capital letters of ISO 3166-1, such as \"DE\"")
            .report();
    } else if is_embargoed(code) {
        value
            .fault(Code::EmbargoedCountry, format!("{} is a country that nothing is sold to", quoted(code)))
            .expected("countries that AWS sells to")
            .report();
    }
    Some(code.to_owned())
}
