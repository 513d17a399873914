//! The schema and the reader know the same keys and values; each is asked about every table of a
//! manifest that has all keys.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::super::{product_schema, scaffold_workspace, schema_text, workspace_schema};
use super::*;

/// A manifest with every key, in each of its forms where there are several.
const EVERY_KEY: &str = include_str!("every-key.toml");
/// A bakehouse.toml with every key.
const EVERY_SETTING: &str = include_str!("every-setting.toml");

#[test]
fn the_schemas_of_the_repository_are_the_ones_that_are_printed() {
    for (name, schema) in [("product", product_schema()), ("workspace", workspace_schema())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == schema_text(&schema), "schema/{name}.json is stale: `bakehouse schema {name} > schema/{name}.json`");
    }
}

#[test]
fn good_manifests_are_valid_and_the_faulty_one_is_not() {
    let product = validator(product_schema());
    let scaffolded = Bench::new();
    let mut manifests = vec![EVERY_KEY.to_owned(), fs::read_to_string(scaffolded.product().join("product.toml")).unwrap()];
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("products")).unwrap() {
        manifests.push(fs::read_to_string(folder.unwrap().path().join("product.toml")).unwrap());
    }
    for manifest in &manifests {
        product(&manifest.parse().unwrap()).unwrap();
    }
    assert!(product(&include_str!("twenty-faults.toml").parse().unwrap()).is_err());

    let workspace = validator(workspace_schema());
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bakehouse.toml")).unwrap();
    for settings in [scaffold_workspace(), EVERY_SETTING, &own] {
        workspace(&settings.parse().unwrap()).unwrap();
    }
}

/// What the reader refuses by form alone, the schema refuses too: the examples of these codes.
#[test]
fn what_is_refused_by_form_is_refused_by_the_schema() {
    let valid = validator(product_schema());
    let formal = [
        Code::Format,
        Code::UnknownKey,
        Code::WrongType,
        Code::UnknownValue,
        Code::OutOfRange,
        Code::Count,
        Code::Alternatives,
        Code::TextEmpty,
        Code::TextTooLong,
        Code::TextOuterSpace,
        Code::LinkUrl,
        Code::EulaVersion,
        Code::Malformed,
        Code::InstanceType,
        Code::BuildRegion,
        Code::PackageName,
        Code::FileMode,
        Code::FileOwner,
        Code::EndpointPath,
        Code::Price,
        Code::WaiverTarget,
    ];
    for code in formal {
        let super::super::explain::Example::Edit { right, wrong } = code.example() else { panic!("{code} has an example to try") };
        let bench = Bench::new();
        bench.edit(right, wrong);
        let manifest = fs::read_to_string(bench.product().join("product.toml")).unwrap().parse().unwrap();
        assert!(valid(&manifest).is_err(), "{code}: {wrong}");
    }
}

#[test]
fn reader_and_schema_know_the_same_keys_of_every_table() {
    let schema = product_schema();
    let visited = compare_keys(&schema, EVERY_KEY, &[], |manifest| {
        let bench = Bench::new();
        lay_out(&bench, manifest);
        bench.check()
    });
    all_visited(&schema, &visited);
    compare_keys(&workspace_schema(), EVERY_SETTING, &["defaults"], |settings| {
        let bench = Bench::new();
        fs::write(bench.root().join("bakehouse.toml"), settings).unwrap();
        match Workspace::find(bench.root()) {
            Err(super::super::WorkspaceError::Faulty { faults }) => faults,
            Ok(workspace) => workspace.check(&slug(), None, &JUDGE),
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn reader_and_schema_know_the_same_values_of_every_choice() {
    let schema = product_schema();
    let manifest: Table = EVERY_KEY.parse().unwrap();
    let mut compared = 0;
    for path in leaves(&Value::Table(manifest.clone())) {
        let mut changed = Value::Table(manifest.clone());
        *at(&mut changed, &path) = Value::String("zzz".into());
        let bench = Bench::new();
        lay_out(&bench, &toml::to_string(&changed).unwrap());
        let faults = bench.check();
        let unknown = faults.list().iter().find(|fault| [Code::UnknownValue, Code::PricingModel].contains(&fault.code));
        let known = unknown.map_or_else(BTreeSet::new, |fault| names(fault.expected.as_deref().unwrap()));
        let described = choices(&nodes(&schema, &path));
        // One value alone is told by a code of its own.
        if described.len() > 1 || !known.is_empty() {
            assert_eq!(described, known, "{path:?}: {}", faults.render(false));
            compared += 1;
        }
    }
    assert!(compared >= 9, "{compared} choices were found");
}

/// A step from a value into it.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

/// Puts a key that means nothing into each table and compares what reader and schema know there.
///
/// `manifest` is where in the document a manifest stands.
fn compare_keys<'a>(schema: &'a Json, text: &str, manifest: &[&str], check: impl Fn(&str) -> Faults) -> Vec<&'a Json> {
    let document: Table = text.parse().unwrap();
    let clean = check(text);
    assert_eq!(clean.errors(), 0, "{}", clean.render(false));
    let valid = validator(schema.clone());
    let mut visited = Vec::new();
    for path in tables(&Value::Table(document.clone())) {
        let mut changed = Value::Table(document.clone());
        at(&mut changed, &path).as_table_mut().unwrap().insert("zzz".into(), Value::Table(Table::new()));
        let faults = check(&toml::to_string(&changed).unwrap());
        let here = nodes(schema, &path);
        let told = faults.list().iter().find(|fault| fault.code == Code::UnknownKey && fault.message.starts_with("\"zzz\""));
        let Some(told) = told else {
            // The writer's own keys, such as tags.
            assert!(
                here.iter().all(|node| node.get("additionalProperties").is_some_and(Json::is_object)),
                "{path:?}: {}",
                faults.render(false)
            );
            continue;
        };
        let mut known = names(told.expected.as_deref().unwrap());
        // Layers are taken apart before the rest is read.
        known.extend(["on", "variant"].into_iter().filter(|key| is_layer(&path, manifest) && !above(&path, key)).map(str::to_owned));
        if is_layer(&path, manifest) && !path.is_empty() {
            known.remove("format");
        }
        let described: BTreeSet<String> = here.iter().flat_map(|node| properties(node)).cloned().collect();
        assert_eq!(described, known, "{path:?}");
        assert!(valid(changed.as_table().unwrap()).is_err(), "{path:?} takes an unknown key");
        visited.extend(here);
    }
    visited
}

/// Tells whether a path leads to the whole manifest, or to what differs of it.
fn is_layer(path: &[Step], manifest: &[&str]) -> bool {
    let keys: Vec<&str> = path.iter().map(|step| if let Step::Key(key) = step { key.as_str() } else { "" }).collect();
    keys.strip_prefix(manifest)
        .is_some_and(|inner| inner.len() % 2 == 0 && inner.chunks(2).all(|pair| ["on", "variant"].contains(&pair[0])))
}

fn above(path: &[Step], key: &str) -> bool {
    path.iter().any(|step| matches!(step, Step::Key(found) if found == key))
}

/// Writes the manifest and the files that it names.
fn lay_out(bench: &Bench, manifest: &str) {
    bench.write("product.toml", manifest);
    bench.write("listing/logo.gif", codes::gif(200, 200));
    bench.write("listing/server.gif", codes::gif(1560, 878));
    bench.write("listing/server.yaml", include_str!("server.yaml"));
    bench.write("template.md", "Sensitive data, encryption, rotation, backup, health, quotas, costs; roles, network, launch.\n");
    bench.write("support.md", "Write to support@example.com.").write("refunds.md", "None.").write("notes.md", "Optional update.");
}

/// Names every definition that was not looked at.
fn all_visited(schema: &Json, visited: &[&Json]) {
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        let described = expanded(schema, definition);
        for node in described.into_iter().filter(|node| node.get("properties").is_some()) {
            assert!(visited.iter().any(|seen| std::ptr::eq(*seen, node)), "every-key.toml has nothing of {name}");
        }
    }
}

/// Returns what the schema says at a path: all alternatives.
fn nodes<'a>(schema: &'a Json, path: &[Step]) -> Vec<&'a Json> {
    let mut here = expanded(schema, schema);
    for step in path {
        let next = |node: &&'a Json| match step {
            Step::Key(key) => node
                .get("properties")
                .and_then(|properties| properties.get(key))
                .or_else(|| node.get("additionalProperties").filter(|others| others.is_object())),
            Step::Index(_) => node.get("items"),
        };
        here = here.iter().filter_map(next).flat_map(|node| expanded(schema, node)).collect();
    }
    here
}

fn expanded<'a>(schema: &'a Json, node: &'a Json) -> Vec<&'a Json> {
    let mut found = Vec::new();
    if let Some(name) = node.get("$ref").and_then(Json::as_str) {
        found.extend(expanded(schema, schema.pointer(name.trim_start_matches('#')).unwrap()));
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for alternative in node.get(key).and_then(Json::as_array).into_iter().flatten() {
            found.extend(expanded(schema, alternative));
        }
    }
    if found.is_empty() {
        found.push(node);
    }
    found
}

fn properties(node: &Json) -> impl Iterator<Item = &String> {
    node.get("properties").and_then(Json::as_object).into_iter().flat_map(|properties| properties.keys())
}

/// Returns the values of a closed list; nothing when others are taken too.
fn choices(nodes: &[&Json]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for node in nodes {
        let values: Vec<&Json> = match (node.get("const"), node.get("enum").and_then(Json::as_array)) {
            (Some(value), _) => vec![value],
            (None, Some(values)) => values.iter().collect(),
            (None, None) => return BTreeSet::new(),
        };
        found.extend(values.into_iter().filter_map(Json::as_str).map(str::to_owned));
    }
    found
}

/// Takes the names out of "one of `a`, `b`".
fn names(expected: &str) -> BTreeSet<String> {
    expected.split(['`', '"']).skip(1).step_by(2).map(str::to_owned).collect()
}

fn tables(value: &Value) -> Vec<Vec<Step>> {
    places(value).into_iter().filter(|(_, value)| value.is_table()).map(|(path, _)| path).collect()
}

fn leaves(value: &Value) -> Vec<Vec<Step>> {
    places(value).into_iter().filter(|(_, value)| value.is_str()).map(|(path, _)| path).collect()
}

fn places(value: &Value) -> Vec<(Vec<Step>, &Value)> {
    let inner: Vec<(Step, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect(),
        Value::Array(values) => values.iter().enumerate().map(|(index, value)| (Step::Index(index), value)).collect(),
        _ => Vec::new(),
    };
    let mut found = vec![(Vec::new(), value)];
    for (step, value) in inner {
        found.extend(places(value).into_iter().map(|(path, value)| ([vec![step.clone()], path].concat(), value)));
    }
    found
}

fn at<'a>(value: &'a mut Value, path: &[Step]) -> &'a mut Value {
    path.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Index(index) => &mut value[*index],
    })
}

/// Compiles a schema; what comes back tells whether a document is valid by it.
fn validator(schema: Json) -> impl Fn(&Table) -> Result<(), String> {
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    compiler.add_resource("memory:///schema.json", schema).unwrap();
    let index = compiler.compile("memory:///schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    move |document| schemas.validate(&as_editors_see(&Value::Table(document.clone())), index).map_err(|error| format!("{error:#}"))
}

/// Makes JSON of TOML as editors do: dates become texts.
fn as_editors_see(value: &Value) -> Json {
    match value {
        Value::Datetime(date) => json!(date.to_string()),
        Value::Array(values) => values.iter().map(as_editors_see).collect(),
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_editors_see(value))).collect(),
        plain => json!(plain),
    }
}
