//! The schemas of `tests/schemas/catalog`, compiled.

use std::collections::{BTreeMap, BTreeSet};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::kind;
use crate::model::change_set::{AMI_PRODUCT, Details, OFFER};

const REQUEST: &str = include_str!("../../../tests/schemas/catalog/start-change-set.json");
/// By entity type: one definition a change type, beside smaller ones whose names are in lower case.
const DETAILS: [(&str, &str); 2] = [
    (AMI_PRODUCT, include_str!("../../../tests/schemas/catalog/ami-product.json")),
    (OFFER, include_str!("../../../tests/schemas/catalog/offer.json")),
];

struct Catalog {
    schemas: Schemas,
    request: SchemaIndex,
    details: BTreeMap<(String, String), SchemaIndex>,
}

thread_local! {
    static CATALOG: Catalog = Catalog::compile();
}

/// What the schemas have against a request: against what is round its changes, and against each change's details.
pub(super) fn faults(request: &Value) -> Vec<String> {
    let details = super::changes(request).iter().flat_map(details_faults);
    request_faults(request).into_iter().chain(details).collect()
}

/// What the schema of a request has against it, whatever its changes say.
pub(super) fn request_faults(request: &Value) -> Vec<String> {
    CATALOG.with(|catalog| catalog.faults(request, catalog.request))
}

/// What the schema of a change's type has against its details.
pub(super) fn details_faults(change: &Value) -> Vec<String> {
    let (change_type, entity_type) = kind(change);
    CATALOG.with(|catalog| match catalog.details.get(&(change_type.to_owned(), entity_type.to_owned())) {
        Some(schema) => catalog.faults(&change["DetailsDocument"], *schema),
        None => vec![format!("there is no schema of {change_type} of {entity_type}")],
    })
}

impl Catalog {
    fn compile() -> Self {
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        let place = |name: &str| format!("memory:///{name}");
        compiler.add_resource(&place("request"), serde_json::from_str(REQUEST).unwrap()).unwrap();
        let mut details = BTreeMap::new();
        for (entity_type, text) in DETAILS {
            let document: Value = serde_json::from_str(text).unwrap();
            let definitions: Vec<String> = document["$defs"].as_object().unwrap().keys().cloned().collect();
            compiler.add_resource(&place(entity_type), document).unwrap();
            for definition in definitions.into_iter().filter(|name| name.starts_with(char::is_uppercase)) {
                let pointer = place(&format!("{entity_type}#/$defs/{definition}"));
                let schema = compiler.compile(&pointer, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
                details.insert((definition, entity_type.to_owned()), schema);
            }
        }
        let request = compiler.compile(&place("request"), &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, request, details }
    }

    fn faults(&self, document: &Value, schema: SchemaIndex) -> Vec<String> {
        self.schemas.validate(document, schema).err().map(|error| format!("{error:#}")).into_iter().collect()
    }
}

#[test]
fn there_is_a_schema_of_each_change_type_and_no_other() {
    let known = Details::KINDS.iter().map(|(change, entity)| ((*change).to_owned(), (*entity).to_owned()));
    CATALOG.with(|catalog| assert_eq!(catalog.details.keys().cloned().collect::<BTreeSet<_>>(), known.collect()));
}
