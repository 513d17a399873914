//! OpenVEX.
//!
//! Source: <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>; before 0.2.0 vulnerabilities, products and
//! subcomponents were texts: <https://github.com/openvex/go-vex/blob/main/pkg/vex/compat.go>

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json::{Faults, OrName, decode, words};
use super::product::{Component, Product};
use super::purl::is_of_range;
use super::statement::Statement;
use crate::advisories::Fault;
use crate::advisories::sources::term::Term;
use crate::model::vex::{Justification, VexStatus};

/// What contexts begin with; a version follows, except in the first documents.
const CONTEXT: &str = "https://openvex.dev/ns";

#[derive(Deserialize)]
struct Document {
    author: Term,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    last_updated: Option<Timestamp>,
    statements: Vec<RawStatement>,
}

/// What isn't known could narrow what a statement is of: it is refused, here and in components.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStatement {
    vulnerability: OrName<Vulnerability>,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    last_updated: Option<Timestamp>,
    #[serde(default)]
    products: Option<Vec<OrName<RawComponent>>>,
    /// Of all products: where documents before 0.2.0 have them.
    #[serde(default)]
    subcomponents: Option<Vec<OrName<RawComponent>>>,
    status: Status,
    #[serde(default)]
    justification: Option<Justification>,
    #[serde(default)]
    impact_statement: Option<String>,
    #[serde(default)]
    action_statement: Option<String>,
    #[serde(rename = "@id", default)]
    _id: IgnoredAny,
    #[serde(rename = "version", default)]
    _version: IgnoredAny,
    #[serde(rename = "supplier", default)]
    _supplier: IgnoredAny,
    #[serde(rename = "status_notes", default)]
    _notes: IgnoredAny,
    #[serde(rename = "vuln_description", default)]
    _description: IgnoredAny,
    #[serde(rename = "action_statement_timestamp", default)]
    _action_at: IgnoredAny,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Status {
    NotAffected,
    Affected,
    Fixed,
    UnderInvestigation,
}

#[derive(Deserialize)]
struct Vulnerability {
    name: Term,
    #[serde(default)]
    aliases: Option<Vec<Term>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    #[serde(rename = "@id", default)]
    id: Option<String>,
    #[serde(default)]
    identifiers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    subcomponents: Option<Vec<OrName<RawComponent>>>,
    #[serde(rename = "hashes", default)]
    _hashes: IgnoredAny,
    #[serde(rename = "supplier", default)]
    _supplier: IgnoredAny,
}

impl TryFrom<String> for Vulnerability {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Ok(Self { name: Term::try_from(std::borrow::Cow::Owned(name))?, aliases: None })
    }
}

impl From<String> for RawComponent {
    fn from(id: String) -> Self {
        Self { id: Some(id), ..Self::default() }
    }
}

/// Reads a document with this context.
pub(super) fn read(context: &str, json: &[u8], faults: &mut Faults<'_>) -> Result<Vec<Statement>, Fault> {
    let version = context.strip_prefix(CONTEXT).map(|version| version.trim_end_matches('/'));
    if !version.is_some_and(|version| version.is_empty() || ["/v0.0.", "/v0.1.", "/v0.2."].iter().any(|known| version.starts_with(known))) {
        return Err(faults.at("@context".to_owned(), format!("it is no OpenVEX up to 0.2: {}", words(context).unwrap_or_default())));
    }
    let document: Document = decode(json, faults)?;
    let (author, name): (Arc<str>, Arc<str>) = (document.author.0.into(), faults.document().into());
    // A statement with a time of its own keeps it when the document is updated for the sake of others.
    let inherited = document.last_updated.or(document.timestamp);
    let mut statements = Vec::new();
    for (number, raw) in document.statements.into_iter().enumerate() {
        let path = format!("statements[{number}]");
        let Some(at) = raw.last_updated.or(raw.timestamp).or(inherited) else {
            return Err(faults.at(path, "neither it nor the document has a `timestamp`".to_owned()));
        };
        let Some(status) = status(&raw) else {
            faults.tell(path, "it says `not_affected`, and neither a justification nor an impact statement says why".to_owned());
            continue;
        };
        let products = products(&raw, &path, faults);
        if !products.is_empty() {
            let Vulnerability { name: Term(id), aliases } = raw.vulnerability.0;
            let ids = std::iter::once(id).chain(aliases.unwrap_or_default().into_iter().map(|Term(alias)| alias)).collect();
            let (author, document) = (Arc::clone(&author), Arc::clone(&name));
            statements.push(Statement { ids, products, status, author, at, document, place: path });
        }
    }
    Ok(statements)
}

/// None if it isn't affected and not said why: authors owe that.
fn status(raw: &RawStatement) -> Option<VexStatus> {
    let said = |text: &Option<String>| text.as_deref().and_then(words);
    Some(match raw.status {
        Status::Fixed => VexStatus::Fixed,
        Status::UnderInvestigation => VexStatus::UnderInvestigation,
        Status::Affected => VexStatus::Affected { action: said(&raw.action_statement) },
        Status::NotAffected => {
            let (justification, impact) = (raw.justification, said(&raw.impact_statement));
            (justification.is_some() || impact.is_some()).then_some(VexStatus::NotAffected { justification, impact })?
        }
    })
}

/// The products that have names; of those with subcomponents, one for each of them.
fn products(raw: &RawStatement, path: &str, faults: &mut Faults<'_>) -> Vec<Product> {
    let named = raw.products.as_deref().unwrap_or_default();
    if named.is_empty() {
        faults.tell(path.to_owned(), "it has no products".to_owned());
    }
    // One list may be of many products.
    let of_all: Vec<Option<Arc<Component>>> = parts(raw.subcomponents.as_deref(), &format!("{path}.subcomponents"), faults);
    let mut products = Vec::new();
    for (number, OrName(product)) in named.iter().enumerate() {
        let path = format!("{path}.products[{number}]");
        let Some(whole) = component(product, &path, faults) else { continue };
        let own = parts(product.subcomponents.as_deref(), &format!("{path}.subcomponents"), faults);
        if own.is_empty() && of_all.is_empty() {
            products.push(Product { component: whole, within: Vec::new() });
            continue;
        }
        let of_it = own.iter().chain(&of_all).flatten();
        products.extend(of_it.map(|part| Product { component: Arc::clone(part), within: vec![Arc::clone(&whole)] }));
    }
    products
}

/// What is named as parts, none where a name isn't understood: a statement on something of a product isn't one on all of it.
fn parts(raw: Option<&[OrName<RawComponent>]>, path: &str, faults: &mut Faults<'_>) -> Vec<Option<Arc<Component>>> {
    let raw = raw.unwrap_or_default().iter().enumerate();
    raw.map(|(number, OrName(part))| component(part, &format!("{path}[{number}]"), faults)).collect()
}

fn component(raw: &RawComponent, path: &str, faults: &mut Faults<'_>) -> Option<Arc<Component>> {
    let mut component = Component::default();
    let names = || raw.id.iter().chain(raw.identifiers.iter().flat_map(BTreeMap::values));
    if names().any(|name| is_of_range(name)) {
        faults.tell(path.to_owned(), "it is of a range of versions (`vers`), which is not understood".to_owned());
        return None;
    }
    for name in names() {
        component.add(name);
    }
    if component.is_nameless() {
        faults.tell(path.to_owned(), "it has no package URL and no CPE name that is understood".to_owned());
        return None;
    }
    Some(Arc::new(component))
}
