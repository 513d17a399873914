//! What AWS's assessments say of the versions that buyers can have.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entity::{AmiProduct, Visibility};
use super::retention::on_sale;
use crate::model::assessment::Assessment;

/// What is wrong with a version that buyers can have, or soon will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// In words.
    pub text: String,
    /// Whether it failed or has expired: AWS may take the version off sale.
    pub fails: bool,
}

/// Returns the version of each delivery option that is published and not restricted.
pub fn published(live: &AmiProduct) -> BTreeMap<String, String> {
    // What a draft or a restricted product has, nobody can begin to use.
    if matches!(live.description.visibility, None | Some(Visibility::Draft | Visibility::Restricted)) {
        return BTreeMap::new();
    }
    let versions = on_sale(live).into_iter();
    versions.flat_map(|version| version.options.into_iter().map(move |option| (option, version.title.clone()))).collect()
}

/// Says what is wrong with the newest assessment of each delivery option that is published, or will be by `soon`.
///
/// Those of rehearsals, of versions that were refused and of restricted ones tell nothing of what buyers can have.
pub fn warnings(published: &BTreeMap<String, String>, assessments: &[Assessment], now: Timestamp, soon: Timestamp) -> Vec<Warning> {
    let mut newest: BTreeMap<&str, (&str, &Assessment)> = BTreeMap::new();
    for assessment in assessments {
        let Some((option, version)) = assessment.delivery_option.as_ref().and_then(|option| published.get_key_value(option)) else {
            continue;
        };
        let (_, known) = newest.entry(option).or_insert((version, assessment));
        if known.created < assessment.created {
            *known = assessment;
        }
    }
    newest.iter().filter_map(|(option, (version, assessment))| warning(option, version, assessment, now, soon)).collect()
}

fn warning(option: &str, version: &str, assessment: &Assessment, now: Timestamp, soon: Timestamp) -> Option<Warning> {
    let of = format!("AWS's assessment of version {version} (delivery option {option})");
    if !assessment.passed() {
        let faults = assessment.controls.iter().flat_map(|control| &control.faults);
        let faults: Vec<String> = faults.map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
        let text = format!("{of} is {}: {}", assessment.result, faults.join("; "));
        return Some(Warning { text: text.trim_end_matches([':', ' ']).to_owned(), fails: true });
    }
    let day = |at: Timestamp| at.strftime("%Y-%m-%d");
    match assessment.expires {
        Some(at) if at <= now => Some(Warning { text: format!("{of} has expired on {}", day(at)), fails: true }),
        Some(at) if at <= soon => Some(Warning { text: format!("{of} expires on {}", day(at)), fails: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn live(visibility: &str) -> AmiProduct {
        let option = |id: &str, visibility: &str| json!({ "Id": id, "Visibility": visibility });
        let version = |title: &str, options: Value| json!({ "Id": title, "VersionTitle": title, "DeliveryOptions": options });
        let versions = [version("1.0.0", json!([option("do-old", "Restricted")])), version("1.0.1", json!([option("do-new", "Public")]))];
        AmiProduct::parse(&json!({ "Description": { "Visibility": visibility }, "Versions": versions }).to_string()).unwrap()
    }

    fn assessment(option: Option<&str>, result: &str, day: u32) -> Assessment {
        let at = |month: u32| format!("2026-{month:02}-{day:02}T00:00:00Z").parse().ok();
        let (created, expires) = (at(1), at(3));
        let delivery_option = option.map(str::to_owned);
        Assessment { id: format!("assessment-{day}"), delivery_option, result: result.to_owned(), created, expires, controls: Vec::new() }
    }

    fn told(visibility: &str, assessments: &[Assessment], now: &str) -> Vec<(String, bool)> {
        let at = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap();
        let soon = at(now).checked_add(jiff::SignedDuration::from_hours(14 * 24)).unwrap();
        let warnings = warnings(&published(&live(visibility)), assessments, at(now), soon);
        warnings.into_iter().map(|warning| (warning.text, warning.fails)).collect()
    }

    const OF: &str = "AWS's assessment of version 1.0.1 (delivery option do-new)";

    #[test]
    fn only_what_buyers_can_have_is_warned_of() {
        let unpublished = [assessment(None, "FAIL", 1), assessment(Some("do-old"), "FAIL", 2), assessment(Some("do-gone"), "FAIL", 3)];
        assert_eq!(told("Limited", &unpublished, "2026-01-10"), []);
        let failed = [assessment(Some("do-new"), "FAIL", 1)];
        assert_eq!(told("Limited", &failed, "2026-01-10"), [(format!("{OF} is FAIL"), true)]);
        assert_eq!(told("Restricted", &failed, "2026-01-10"), []);
    }

    #[test]
    fn the_newest_tells_and_expires() {
        let again = [assessment(Some("do-new"), "FAIL", 1), assessment(Some("do-new"), "PASS", 2)];
        assert_eq!(told("Public", &again, "2026-01-10"), []);
        assert_eq!(told("Public", &again, "2026-02-20"), [(format!("{OF} expires on 2026-03-02"), false)]);
        assert_eq!(told("Public", &again, "2026-03-02"), [(format!("{OF} has expired on 2026-03-02"), true)]);
    }
}
