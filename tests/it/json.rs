//! What commands write for programs: one object with a format, whatever there is to say.

use serde_json::Value;

use super::scratch::Scratch;

#[test]
fn every_stage_runs_by_itself_and_what_is_asked_for_as_json_is_one_object() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    assert_eq!(json(&scratch, "bakehouse check --format json")["faults"], Value::Array(Vec::new()));
    for stage in ["bake", "scan", "boot", "checksum", "release", "distribute"] {
        scratch.done(&format!("bakehouse {stage} my-app"));
    }
    let dry = json(&scratch, "bakehouse list my-app --dry-run --format json");
    assert_eq!(dry["variants"][0]["change_set"]["Catalog"], "AWSMarketplace", "{dry}");
    scratch.done("bakehouse list my-app --yes");
    let dry = json(&scratch, "bakehouse list my-app --dry-run --format json");
    assert_eq!(dry["variants"], Value::Array(Vec::new()), "nothing is left to submit");
    let ledger = json(&scratch, "bakehouse ledger verify --format json");
    assert_eq!((&ledger["variants"][0]["releases"], &ledger["variants"][0]["tags"]), (&Value::from(1), &Value::from(2)), "{ledger}");
    for command in ["verify my-app", "show my-app", "history my-app", "list status my-app", "runs", "gc", "plan my-app", "scan my-app"] {
        json(&scratch, &format!("bakehouse {command} --format json"));
    }
}

fn json(scratch: &Scratch, command: &str) -> Value {
    let said = scratch.done(command);
    let value: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{command}: {e}: {said}"));
    assert_eq!(value["format"], 1, "{command}: {said}");
    value
}
