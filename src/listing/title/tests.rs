use serde_json::json;

use super::*;
use crate::listing::fixture::live_product;
use crate::model::digest::Digest;
use crate::model::ids::Architecture;
use crate::model::ids::Variant;

const PRODUCT: &str = "prod-abcdefghijklm";
const TAKEN_IMAGE: &str = "ami-0123456789abcdef0";
const NEW_IMAGE: &str = "ami-0fedcba9876543210";

fn standings(version: &str, image: &str, records: &[Record], change_sets: &[ChangeSetDescription]) -> (Standing, Standing) {
    let (product, version, image) = (PRODUCT.parse().unwrap(), version.parse().unwrap(), image.parse().unwrap());
    let uses = uses(&Wanted { product: &product, version: &version, image: Some(&image) }, &live_product(), records, change_sets);
    (title_standing(&uses), image_standing(&uses))
}

fn record(version: &str, event: Event) -> Record {
    let variant = Variant { product: "hello".parse().unwrap(), architecture: Architecture::X86_64 };
    Record {
        format: 1,
        sequence: 1,
        previous: None,
        variant,
        version: version.parse().unwrap(),
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
        run: "r1".parse().unwrap(),
        event,
    }
}

fn submitted(version: &str, product: Option<&str>) -> Record {
    let product = product.map(|id| id.parse().unwrap());
    record(version, Event::Submitted { change_set: "cs-1".parse().unwrap(), product, request: Digest::of("request") })
}

fn listed(version: &str) -> Record {
    record(
        version,
        Event::Listed {
            change_set: "cs-1".parse().unwrap(),
            product: PRODUCT.parse().unwrap(),
            offer: None,
            sent: Default::default(),
            kept: None,
        },
    )
}

fn refused(version: &str, status: &str) -> Record {
    record(version, Event::ListingRefused { change_set: "cs-1".parse().unwrap(), status: status.into(), errors: Vec::new(), kept: None })
}

fn change_set(status: &str, intent: &str, product: &str, title: &str, image: &str) -> ChangeSetDescription {
    let details = json!({ "Version": { "VersionTitle": title },
        "DeliveryOptions": [{ "Details": { "AmiDeliveryOptionDetails": { "AmiSource": { "AmiId": image } } } }] });
    let change = json!({ "ChangeType": "AddDeliveryOptions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": product }, "Details": details.to_string() });
    let answer = json!({ "ChangeSetId": "cs-2", "Status": status, "Intent": intent, "ChangeSet": [change] });
    ChangeSetDescription::parse(&answer.to_string()).unwrap()
}

#[test]
fn the_listing_tells_titles_and_images_exactly() {
    assert_eq!(standings("1.0.0", NEW_IMAGE, &[], &[]), (Standing::Listed, Standing::Free));
    assert_eq!(standings("1.0.1", TAKEN_IMAGE, &[], &[]), (Standing::Free, Standing::Listed));
    assert_eq!(standings("1.0.0-rc.1", NEW_IMAGE, &[], &[]), (Standing::Free, Standing::Free));
}

#[test]
fn titles_of_many_kinds_tell_versions() {
    let told = |title: &str| titled_version(title).map(|version| version.to_string());
    for (title, version) in
        [("1.2.3", "1.2.3"), ("2.0.0-rc.1", "2.0.0-rc.1"), ("v1.2", "1.2.0"), ("Version 7", "7.0.0"), (" Release 2024.01.15 ", "2024.1.15")]
    {
        assert_eq!(told(title).as_deref(), Some(version), "{title}");
    }
    for title in ["", "Jammy", "1.2.3.4", "Ubuntu 22.04", "v", "1..2", "99999999999999999999"] {
        assert_eq!(told(title), None, "{title}");
    }
}

#[test]
fn the_ledger_tells_what_was_submitted_and_what_came_of_it() {
    use Standing::{Burned, Cancelled, Free, Listed, Running};
    let table: [(&[Record], Standing); 7] = [
        (&[submitted("2.0.0", Some(PRODUCT))], Running),
        (&[submitted("2.0.0", Some(PRODUCT)), refused("2.0.0", "FAILED")], Burned),
        (&[submitted("2.0.0", Some(PRODUCT)), refused("2.0.0", "CANCELLED")], Cancelled),
        (&[submitted("2.0.0", Some(PRODUCT)), listed("2.0.0")], Listed),
        (&[submitted("2.0.0", None), listed("2.0.0")], Listed),
        // No product came of it, so no title is gone.
        (&[submitted("2.0.0", None), refused("2.0.0", "FAILED")], Free),
        (&[submitted("2.0.0", Some("prod-another")), submitted("2.0.1", Some(PRODUCT))], Free),
    ];
    for (records, expected) in table {
        assert_eq!(standings("2.0.0", NEW_IMAGE, records, &[]).0, expected, "{records:?}");
    }
}

#[test]
fn change_sets_that_aws_keeps_tell_what_no_ledger_knows() {
    use Standing::{Burned, Cancelled, Free, Listed, Running};
    let table = [
        ("PREPARING", "APPLY", PRODUCT, "2.0.0", (Running, Running)),
        ("APPLYING", "APPLY", PRODUCT, "2.0.0", (Running, Running)),
        ("SUCCEEDED", "APPLY", PRODUCT, "2.0.0", (Listed, Listed)),
        // The title is gone, the image is free.
        ("FAILED", "APPLY", PRODUCT, "2.0.0", (Burned, Free)),
        ("CANCELLED", "APPLY", PRODUCT, "2.0.0", (Cancelled, Free)),
        ("FAILED", "VALIDATE", PRODUCT, "2.0.0", (Free, Free)),
        ("SUCCEEDED", "VALIDATE", PRODUCT, "2.0.0", (Free, Free)),
        ("FAILED", "APPLY", "prod-another", "2.0.0", (Free, Free)),
        ("FAILED", "APPLY", PRODUCT, "2.0.0 ", (Free, Free)),
        ("PREPARING", "APPLY", "prod-abcdefghijklm@7", "2.0.0", (Running, Running)),
        ("PREPARING", "APPLY", PRODUCT, "2.0.1", (Free, Running)),
    ];
    for (status, intent, product, title, expected) in table {
        let sets = [change_set(status, intent, product, title, NEW_IMAGE)];
        assert_eq!(standings("2.0.0", NEW_IMAGE, &[], &sets), expected, "{status} {intent} {product} {title}");
    }
}

#[test]
fn the_farthest_use_counts_and_every_use_is_named() {
    let sets = [change_set("FAILED", "APPLY", PRODUCT, "2.0.0", NEW_IMAGE), change_set("PREPARING", "APPLY", PRODUCT, "2.0.0", NEW_IMAGE)];
    assert_eq!(standings("2.0.0", NEW_IMAGE, &[], &sets).0, Standing::Running);
    let (product, version, image) = (PRODUCT.parse().unwrap(), "2.0.0".parse().unwrap(), NEW_IMAGE.parse().unwrap());
    assert_eq!(uses(&Wanted { product: &product, version: &version, image: Some(&image) }, &live_product(), &[], &sets).len(), 3);
}
