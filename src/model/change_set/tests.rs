use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const VERSION: &str = r#"{
  "Catalog": "AWSMarketplace", "ChangeSetName": "hello 1.0.0",
  "ChangeSet": [{ "ChangeType": "AddDeliveryOptions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": "prod-abcdefghijklm@7" },
    "DetailsDocument": { "Version": { "VersionTitle": "1.0.0", "ReleaseNotes": "First" }, "DeliveryOptions": [{ "Details": {
      "AmiDeliveryOptionDetails": {
        "AmiSource": { "AmiId": "ami-0123456789abcdef0", "AccessRoleArn": "arn:aws:iam::123456789012:role/Ingest", "UserName": "admin",
          "ScanningPort": 22, "OperatingSystemName": "OTHERLINUX", "OperatingSystemVersion": "Debian 13" },
        "UsageInstructions": "Browse to it.", "RecommendedInstanceType": "t3.small",
        "SecurityGroups": [{ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ["0.0.0.0/0"] }] } } }] } }] }"#;

#[test]
fn a_document_is_written_as_it_was_read() {
    let set = ChangeSet::parse(VERSION).unwrap();
    assert_eq!(set.to_json(), serde_json::from_str::<Value>(VERSION).unwrap());
    assert_eq!(ChangeSet::parse(&set.to_json().to_string()).unwrap().digest(), set.digest());
    assert_eq!((set.changes[0].change_type(), set.changes[0].entity_type()), ("AddDeliveryOptions", AMI_PRODUCT));
}

#[test]
fn what_is_not_known_is_refused_with_its_path() {
    let refusals = [
        (
            r#""ScanningPort": 22"#,
            r#""ScaningPort": 22"#,
            "ChangeSet[0].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AmiSource.ScaningPort",
        ),
        (
            r#""ami-0123456789abcdef0""#,
            r#""ami-1""#,
            "ChangeSet[0].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AmiSource.AmiId",
        ),
        (r#""VersionTitle": "1.0.0","#, "", "ChangeSet[0].DetailsDocument.Version"),
        (
            r#""ToPort": 80"#,
            r#""ToPort": 70000"#,
            "ChangeSet[0].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.SecurityGroups[0].ToPort",
        ),
        (r#""prod-abcdefghijklm@7""#, r#""$Create.Identifier""#, "ChangeSet[0].Entity.Identifier"),
        (r#""Catalog": "AWSMarketplace","#, r#""Intent": "APPLY","#, "Intent"),
    ];
    for (good, bad, expected) in refusals {
        assert!(VERSION.contains(good));
        match ChangeSet::parse(&VERSION.replace(good, bad)) {
            Err(InvalidChangeSet::Shape { path, .. }) => assert_eq!(path, expected),
            other => panic!("{bad}: {other:?}"),
        }
    }
    let unknown = ChangeSet::parse(&VERSION.replace("AddDeliveryOptions", "DropEverything")).unwrap_err();
    assert_eq!(unknown.to_string(), r#"ChangeSet[0] is change type "DropEverything" of "AmiProduct@1.0", which bakehouse does not know"#);
    assert!(ChangeSet::parse(&VERSION.replace("AmiProduct@1.0", "Offer@1.0")).is_err());
    assert!(ChangeSet::parse(&VERSION.replace("AWSMarketplace", "Elsewhere")).is_err());
    assert!(ChangeSet::parse(&format!("{VERSION} x")).is_err());
}

/// Every change type and every field of each, once.
const EVERY: &str = include_str!("tests/every-change-type.json");

#[test]
fn every_change_type_is_written_as_it_was_read() {
    let set = ChangeSet::parse(EVERY).unwrap();
    assert_eq!(set.to_json(), serde_json::from_str::<Value>(EVERY).unwrap());
    let found: BTreeSet<_> = set.changes.iter().map(|change| (change.change_type(), change.entity_type())).collect();
    assert_eq!(found, Details::KINDS.iter().copied().collect());
}

/// Every object of a document, by its JSON pointer.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            fields.iter().for_each(|(name, field)| objects(field, &format!("{at}/{name}"), found));
        }
        Value::Array(entries) => entries.iter().enumerate().for_each(|(index, entry)| objects(entry, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

#[test]
fn an_unknown_field_is_refused_anywhere_and_named() {
    let document: Value = serde_json::from_str(EVERY).unwrap();
    let mut places = Vec::new();
    objects(&document, "", &mut places);
    assert!(places.len() > 100);
    for place in places {
        let mut document = document.clone();
        document.pointer_mut(&place).unwrap()["Surprise"] = json!(1);
        let refusal = ChangeSet::parse(&document.to_string()).unwrap_err();
        let InvalidChangeSet::Shape { path, source } = &refusal else { panic!("{place}: {refusal}") };
        let change = place.split('/').nth(2).map(|index| format!("ChangeSet[{index}]")).unwrap_or_default();
        assert!(path.starts_with(&change), "{place}: {path}");
        // Where one of several kinds stands, a second key is one too many.
        let named = path.ends_with("Surprise") || source.to_string().contains("`Surprise`") || source.to_string().contains("single key");
        assert!(named, "{place}: {path}: {source}");
    }
}

#[test]
fn days_are_days_and_nothing_else() {
    for bad in ["2027-02-29", "2027-2-1", "2027-02-01T00:00:00", "20270201", ""] {
        assert!(ChangeSet::parse(&EVERY.replace("2027-02-28", bad)).is_err(), "{bad}");
    }
}

/// Change sets of the every-change-type document's changes: any of them, in any order, with any of
/// their optional fields gone and any text another.
fn generated() -> impl Strategy<Value = Value> {
    let changes = serde_json::from_str::<Value>(EVERY).unwrap()["ChangeSet"].as_array().unwrap().clone();
    let edited = prop::sample::select(changes)
        .prop_flat_map(|change| (Just(change), prop::collection::vec((any::<prop::sample::Index>(), ".{0,8}"), 0..6)));
    prop::collection::vec(
        edited.prop_map(|(change, edits)| edits.into_iter().fold(change, |change, (place, text)| edit(change, place, &text))),
        0..20,
    )
    .prop_map(|changes| json!({ "Catalog": CATALOG, "ChangeSet": changes }))
}

/// Changes one field, if the document can still be read then: another text, or the field gone.
fn edit(change: Value, place: prop::sample::Index, text: &str) -> Value {
    let mut places = Vec::new();
    objects(&change["DetailsDocument"], "/DetailsDocument", &mut places);
    if places.is_empty() {
        return change;
    }
    let at = place.get(&places);
    let mut edited = change.clone();
    let fields = edited.pointer_mut(at).unwrap().as_object_mut().unwrap();
    let Some(name) = fields.keys().nth(place.index(fields.len().max(1))).cloned() else { return change };
    match fields.get_mut(&name) {
        Some(Value::String(value)) if !text.is_empty() => *value = text.to_owned(),
        _ => drop(fields.shift_remove(&name)),
    }
    let alone = json!({ "ChangeSet": [edited] });
    if ChangeSet::parse(&alone.to_string()).is_ok() { edited } else { change }
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_as_it_was(document in generated()) {
        let set = ChangeSet::parse(&document.to_string()).unwrap();
        prop_assert_eq!(set.to_json(), document);
        prop_assert_eq!(ChangeSet::parse(&set.to_json().to_string()).unwrap(), set);
    }
}
