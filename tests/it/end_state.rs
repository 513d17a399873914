//! What a twin holds, without what differs from one run of the same plan to the next.

use std::collections::BTreeMap;

use bakehouse::twin::Twin;
use regex::Regex;
use serde_json::{Map, Value};

/// Members that are drawn anew whenever something is made, or say how the twin went about it.
const DRAWN: &[&str] = &[
    "unsettled",
    "ids",
    "client_tokens",
    "client_token",
    "tokens",
    "token",
    "user_data",
    "machine",
    "private_ip",
    "public_ip",
    "mac",
    "reservation",
];

/// Reads everything that a twin holds: ids replaced by what they are of, times and drawn texts dropped.
pub fn of(twin: &Twin) -> Value {
    let mut state = twin.read(|state| serde_json::to_value(state).unwrap());
    forget_attempts(&mut state);
    let names = names(&state);
    let patterns = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( ?GMT|Z)?", "<time>"),
        (r"\b\d{8}-\d{6}-[0-9a-f]{6}\b", "<run>"),
        // How far the chain had come depends on what went on beside.
        (r"\b\d+@sha256:[0-9a-f]{64}\b", "<record>"),
        (r"\b[0-9a-f]{64}\b", "<digest>"),
        (r"\b([a-z]+)-[0-9a-f]{17}\b", "<$1>"),
        (r"\b(prod|offer|ver|do|term|resaleauthorization|agmt)-[a-z0-9]{13}\b", "<$1>"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
        (r"^[a-z0-9]{20,32}$", "<code>"),
    ];
    let patterns = patterns.map(|(pattern, name)| (Regex::new(pattern).unwrap(), name));
    let tell = |text: &str| {
        let named = names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id.as_str(), name));
        patterns.iter().fold(named, |text, (pattern, name)| pattern.replace_all(&text, *name).into_owned())
    };
    normal(&state, &tell)
}

/// Takes out the instances that images were tried on: a process that is killed takes its key along, so the next one
/// ends what it had started and starts another.
fn forget_attempts(state: &mut Value) {
    for here in state["regions"].as_object_mut().unwrap().values_mut() {
        let was_tried = |instance: &Value| {
            instance["state"] == "terminated" && instance["tags"]["Name"].as_str().is_some_and(|name| name.starts_with("bakehouse boots "))
        };
        here["instances"].as_object_mut().unwrap().retain(|_, instance| !was_tried(instance));
    }
}

/// Names images and snapshots, so that who refers to which can be compared.
fn names(state: &Value) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (region, here) in state["regions"].as_object().unwrap() {
        for (id, image) in here["images"].as_object().unwrap() {
            let name = image["name"].as_str().unwrap();
            names.insert(id.clone(), format!("<{name} in {region}>"));
            for device in image["devices"].as_array().unwrap() {
                let snapshot = device["snapshot"].as_str().unwrap();
                names.insert(snapshot.to_owned(), format!("<{} of {name} in {region}>", device["name"].as_str().unwrap()));
            }
        }
    }
    names
}

fn normal(value: &Value, tell: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => tell(text).into(),
        Value::Array(values) => values.iter().map(|value| normal(value, tell)).collect(),
        Value::Object(members) => {
            let members: Vec<(String, Value)> = members
                .iter()
                .filter(|(key, value)| !DRAWN.contains(&key.as_str()) && !is_time(value))
                .map(|(key, value)| (tell(key), normal(value, tell)))
                .collect();
            if members.iter().any(|(key, _)| key.starts_with('<')) {
                // Told by ids: their order says nothing.
                let mut members: Vec<Value> = members.into_iter().map(|(key, value)| Value::Array(vec![key.into(), value])).collect();
                members.sort_by_key(Value::to_string);
                Value::Array(members)
            } else {
                Value::Object(Map::from_iter(members))
            }
        }
        other => other.clone(),
    }
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok())
}

/// Says where two states differ, a line each.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    compare("", expected, found, &mut differences);
    differences
}

fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                compare(&format!("{path}/{key}"), a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}/{index}"), a, b, differences);
            }
        }
        (Value::Array(a), Value::Array(b)) => differences.push(format!("{path}: {} became {}", a.len(), b.len())),
        (a, b) if a != b => differences.push(format!("{path}: {a} became {b}")),
        _ => {}
    }
}
