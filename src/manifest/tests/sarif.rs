//! The SARIF log: what its schema requires, and that places and fingerprints are right.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn log(bench: &Bench) -> Value {
    serde_json::from_str(&bench.check().to_sarif()).unwrap()
}

fn faulty() -> Bench {
    let bench = Bench::new();
    bench.write("product.toml", include_str!("twenty-faults.toml")).write("provision/tune.sh", "echo no shebang\r\n");
    bench
}

/// What the published schema requires of the objects that are written; none of them takes other keys.
///
/// Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json>
#[test]
fn every_object_has_what_the_schema_requires_and_nothing_else() {
    let log = log(&faulty());
    shape(&log, &["version", "runs"], &["$schema"]);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    shape(run, &["tool"], &["originalUriBaseIds", "columnKind", "results"]);
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
    shape(&run["tool"], &["driver"], &[]);
    shape(&run["tool"]["driver"], &["name"], &["semanticVersion", "rules"]);
    for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
        shape(rule, &["id"], &["shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"]);
        for message in ["shortDescription", "fullDescription", "help"] {
            shape(&rule[message], &["text"], &["markdown"]);
        }
        assert!(["none", "note", "warning", "error"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 20);
    for result in results {
        shape(result, &["message"], &["ruleId", "ruleIndex", "level", "locations", "partialFingerprints"]);
        shape(&result["message"], &["text"], &[]);
        let place = &result["locations"][0]["physicalLocation"];
        shape(place, &["artifactLocation"], &["region"]);
        shape(&place["artifactLocation"], &["uri", "uriBaseId"], &[]);
        assert!(run["originalUriBaseIds"].get(place["artifactLocation"]["uriBaseId"].as_str().unwrap()).is_some());
        let number = |key: &str| place["region"][key].as_u64().filter(|number| *number >= 1).unwrap();
        assert!((number("endLine"), number("endColumn")) >= (number("startLine"), number("startColumn")));
        let rule = &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
    }
}

fn shape(object: &Value, required: &[&str], optional: &[&str]) {
    let keys: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    for key in required {
        assert!(keys.contains(key), "{key} is missing: {object}");
    }
    let allowed: BTreeSet<&str> = required.iter().chain(optional).copied().collect();
    assert!(keys.is_subset(&allowed), "{keys:?}");
}

#[test]
fn a_result_points_at_the_value() {
    let bench = Bench::new();
    bench.edit("title = \"Demo\"", "title = \"\"");
    let log = log(&bench);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "manifest/text-empty");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "products/demo/product.toml");
    assert_eq!(place["region"], serde_json::json!({ "startLine": 9, "startColumn": 9, "endLine": 9, "endColumn": 11 }));
}

#[test]
fn fingerprints_differ_from_each_other_and_stay_when_lines_move() {
    let prints = |bench: &Bench| -> Vec<String> {
        let log = log(bench);
        let results = log["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|result| result["partialFingerprints"]["fault/v1"].as_str().unwrap().to_owned()).collect()
    };
    let bench = faulty();
    let before = prints(&bench);
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
    bench.edit("format = 1", "# moved\n\nformat = 1");
    assert_eq!(prints(&bench), before);
}

#[test]
fn nothing_wrong_is_a_log_without_results() {
    assert_eq!(log(&Bench::new())["runs"][0]["results"], serde_json::json!([]));
}
