//! Faults as SARIF, which code hosts and editors show at the line.
//!
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::code::Code;
use super::faults::{Fault, Faults, Severity};
use crate::model::digest::Digest;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The folder that paths are told from: the workspace's root.
const ROOT: &str = "WORKSPACE";

impl Faults {
    /// Writes the faults as a SARIF 2.1.0 log with one run, whose rules are all codes.
    ///
    /// A result's fingerprint is of its code, file and message, and of how many of the same were
    /// before it: it stays when lines move.
    pub fn to_sarif(&self) -> String {
        let mut seen = BTreeMap::new();
        let results: Vec<Value> = self.list().iter().map(|fault| result(fault, &mut seen)).collect();
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "bakehouse",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
                } },
                "originalUriBaseIds": { ROOT: { "description": { "text": "The folder that holds bakehouse.toml and products/." } } },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        });
        serde_json::to_string_pretty(&log).expect("a log is plain data")
    }
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.meaning() },
        "fullDescription": { "text": code.why() },
        "help": { "text": code.explanation(), "markdown": code.markdown() },
        "defaultConfiguration": { "level": level(code.severity()) },
        "properties": { "tags": [code.area()] },
    })
}

fn result<'a>(fault: &'a Fault, seen: &mut BTreeMap<(Code, &'a str, &'a str), usize>) -> Value {
    let index = Code::ALL.iter().position(|code| *code == fault.code).expect("all codes are in the list of all codes");
    let before = seen.entry((fault.code, &fault.file, &fault.message)).or_default();
    let fingerprint = Digest::of_parts([fault.code.as_str(), &fault.file, &fault.message, &before.to_string()].map(str::as_bytes));
    *before += 1;
    let (end_line, end_column) = fault.end;
    json!({
        "ruleId": fault.code.as_str(),
        "ruleIndex": index,
        "level": level(fault.severity),
        "message": { "text": message(fault) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&fault.file), "uriBaseId": ROOT },
            "region": { "startLine": fault.line, "startColumn": fault.column, "endLine": end_line, "endColumn": end_column },
        } }],
        "partialFingerprints": { "fault/v1": fingerprint.to_string() },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn message(fault: &Fault) -> String {
    let expected = fault.expected.as_ref().map_or_else(String::new, |expected| format!("; expected {expected}"));
    let hint = fault.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("{}{expected}{hint}", fault.message)
}

/// Writes a path as a relative reference: what may not stand in one is escaped.
fn uri(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        assert_eq!(uri("products/Not A:Slug/\u{f6}.toml"), "products/Not%20A%3ASlug/%C3%B6.toml");
    }
}
