//! The Catalog through its door, on a clock that the tests drive.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::handle;
use crate::clock::Clock;
use crate::twin::machines::Machines;
use crate::twin::state::{BlockDevice, Image, Snapshot, State, Tags};
use crate::twin::{Call, Options, Twin};

const HOUR: Duration = Duration::from_secs(3600);

/// A twin with two images of the account, `ami-…1` and `ami-…2`.
struct Bench {
    twin: Arc<Twin>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
        let options = Options { seed: Some("catalog".to_owned()), limit_rates: false, ..Options::new(clock, Machines::None) };
        Self::of(options)
    }

    fn of(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let twin = Twin::open(folder.path(), options).unwrap();
        let bench = Self { twin, _folder: folder };
        bench.change(|state| {
            for number in 1..=3 {
                put_image(state, number);
            }
        });
        bench
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.twin
            .change(|state| {
                change(state);
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
    }

    async fn call_in(&self, region: &str, method: &str, uri: &str, body: &Value) -> (u16, Value) {
        let call = Call {
            region: region.parse().unwrap(),
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers: http::HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        };
        let reply = handle(&self.twin, &call).await;
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap())
    }

    async fn post(&self, operation: &str, body: Value) -> (u16, Value) {
        self.call_in("us-east-1", "POST", &format!("/{operation}"), &body).await
    }

    async fn get(&self, operation: &str, name: &str, id: &str) -> (u16, Value) {
        self.call_in("us-east-1", "GET", &format!("/{operation}?catalog=AWSMarketplace&{name}={id}"), &Value::Null).await
    }

    async fn start(&self, changes: &[Value]) -> (u16, Value) {
        self.post("StartChangeSet", json!({ "Catalog": "AWSMarketplace", "ChangeSet": changes })).await
    }

    async fn set(&self, id: &str) -> Value {
        let (status, set) = self.get("DescribeChangeSet", "changeSetId", id).await;
        assert_eq!(status, 200, "{set}");
        set
    }

    async fn entity(&self, id: &str) -> Value {
        let (status, entity) = self.get("DescribeEntity", "entityId", id).await;
        assert_eq!(status, 200, "{entity}");
        entity
    }

    /// Starts a set, waits for its end, and describes it.
    async fn finish(&self, changes: &[Value]) -> Value {
        let (status, answer) = self.start(changes).await;
        assert_eq!(status, 200, "{answer}");
        self.twin.clock().sleep(HOUR).await;
        self.set(answer["ChangeSetId"].as_str().unwrap()).await
    }

    /// Lists the first product; returns its id and its offer's.
    async fn listed(&self) -> (String, String) {
        let set = self.finish(&first_listing(self)).await;
        assert_eq!(set["Status"], "SUCCEEDED", "{set:#}");
        let id = |index: usize| set["ChangeSet"][index]["Entity"]["Identifier"].as_str().unwrap().trim_end_matches("@1").to_owned();
        (id(0), id(9))
    }

    fn role(&self) -> String {
        format!("arn:aws:iam::{}:role/AWSMarketplaceAmiIngestion", self.twin.account())
    }
}

fn image_id(number: u64) -> String {
    format!("ami-{number:017}")
}

fn put_image(state: &mut State, number: u64) {
    let owner = state.account.clone();
    let made: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
    let region = state.regions.entry("us-east-1".parse().unwrap()).or_default();
    let snapshot = format!("snap-{number:017}");
    region.snapshots.insert(
        snapshot.clone(),
        Snapshot {
            id: snapshot.clone(),
            description: String::new(),
            owner: owner.clone(),
            volume: "vol-ffffffff".to_owned(),
            size_gib: 8,
            encrypted: false,
            kms_key: None,
            parent: None,
            copied_from: None,
            created: made,
            ready_at: Some(made),
            failed: None,
            readers: Default::default(),
            public: false,
            tags: Tags::new(),
        },
    );
    let image = Image {
        id: image_id(number),
        name: format!("acme-stove-{number}"),
        description: String::new(),
        owner,
        launch_permissions: Default::default(),
        public: false,
        architecture: "x86_64".to_owned(),
        root_device: "/dev/xvda".to_owned(),
        devices: vec![BlockDevice {
            name: "/dev/xvda".to_owned(),
            snapshot,
            size_gib: 8,
            volume_type: "gp3".to_owned(),
            delete_on_termination: true,
        }],
        boot_mode: None,
        ena_support: true,
        imds_support: None,
        product_codes: Default::default(),
        created: made,
        ready_at: made,
        failed: None,
        source: None,
        source_region: None,
        tags: Tags::new(),
    };
    region.images.insert(image.id.clone(), image);
}

fn change(kind: &str, name: &str, entity: &str, details: Value) -> Value {
    json!({ "ChangeType": name, "Entity": { "Type": format!("{kind}@1.0"), "Identifier": entity }, "DetailsDocument": details })
}

fn version(bench: &Bench, entity: &str, title: &str, image: &str) -> Value {
    change(
        "AmiProduct",
        "AddDeliveryOptions",
        entity,
        json!({
            "Version": { "VersionTitle": title, "ReleaseNotes": "Bakes more evenly." },
            "DeliveryOptions": [{ "Details": { "AmiDeliveryOptionDetails": {
                "AmiSource": {
                    "AmiId": image,
                    "AccessRoleArn": bench.role(),
                    "UserName": "admin",
                    "OperatingSystemName": "OTHERLINUX",
                    "OperatingSystemVersion": "Debian 13",
                },
                "UsageInstructions": "Open port 443 of the instance in a browser.",
                "AccessEndpointUrl": { "Port": 443, "Protocol": "https", "RelativePath": "status" },
                "RecommendedInstanceType": "t3.small",
                "SecurityGroups": [{ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ["0.0.0.0/0"] }],
            } } }],
        }),
    )
}

fn information() -> Value {
    json!({
        "ProductTitle": "Acme Stove",
        "ShortDescription": "A web server that is ready at boot.",
        "LongDescription": "A web server with monitoring.\nReady at boot.",
        "LogoUrl": "https://acme-assets.s3.amazonaws.com/stove/logo.png",
        "Highlights": ["Starts in seconds"],
        "AdditionalResources": [],
        "SupportDescription": "Write to support@acme.example.",
        "Categories": ["Application Servers"],
        "SearchKeywords": ["web", "server"],
    })
}

fn rates(prices: &[(&str, &str)]) -> Value {
    let card: Vec<Value> = prices.iter().map(|(key, price)| json!({ "DimensionKey": key, "Price": price })).collect();
    json!({
        "PricingModel": "Usage",
        "Terms": [{ "Type": "UsageBasedPricingTerm", "CurrencyCode": "USD", "RateCards": [{ "RateCard": card }] }],
    })
}

fn dimension(key: &str) -> Value {
    json!({ "Key": key, "Name": key, "Description": key, "Unit": "Hrs", "Types": ["Metered"] })
}

/// A Limited product with its public offer, in one set.
fn first_listing(bench: &Bench) -> Vec<Value> {
    let product = "$Stove.Entity.Identifier";
    let offer = "$Deal.Entity.Identifier";
    let buyers = json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } });
    let legal = json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [{ "Type": "StandardEula", "Version": "2022-07-14" }] }] });
    let support = json!({ "Terms": [{ "Type": "SupportTerm", "RefundPolicy": "No refunds." }] });
    vec![
        json!({ "ChangeType": "CreateProduct", "ChangeName": "Stove", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": {} }),
        change("AmiProduct", "ReleaseProduct", product, json!({})),
        change("AmiProduct", "UpdateInformation", product, information()),
        change("AmiProduct", "AddRegions", product, json!({ "Regions": ["us-east-1", "eu-west-1"] })),
        change("AmiProduct", "UpdateFutureRegionSupport", product, json!({ "FutureRegionSupport": { "SupportedRegions": ["All"] } })),
        change("AmiProduct", "AddInstanceTypes", product, json!({ "InstanceTypes": ["t3.small", "t3.large"] })),
        version(bench, product, "1.0.0", &image_id(1)),
        change("AmiProduct", "AddDimensions", product, json!([dimension("t3.small"), dimension("t3.large")])),
        change("AmiProduct", "UpdateTargeting", product, buyers),
        json!({
            "ChangeType": "CreateOffer", "ChangeName": "Deal", "Entity": { "Type": "Offer@1.0" },
            "DetailsDocument": { "ProductId": product },
        }),
        change("Offer", "UpdateInformation", offer, json!({ "Name": "Stove, by the hour", "Description": "For everybody." })),
        change("Offer", "UpdatePricingTerms", offer, rates(&[("t3.small", "0.1"), ("t3.large", "0.125")])),
        change("Offer", "UpdateLegalTerms", offer, legal),
        change("Offer", "UpdateSupportTerms", offer, support),
        change("Offer", "ReleaseOffer", offer, json!({})),
    ]
}

/// Returns the codes of all errors of a set.
fn codes(set: &Value) -> Vec<&str> {
    let changes = set["ChangeSet"].as_array().unwrap();
    changes.iter().flat_map(|change| change["ErrorDetailList"].as_array().unwrap()).map(|e| e["ErrorCode"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_first_product_is_listed_in_one_set_and_reads_back() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let read = bench.entity(&product).await;
    assert_eq!(read["EntityIdentifier"], format!("{product}@1"));
    assert_eq!(read["EntityType"], "AmiProduct@1.0");
    assert_eq!(read["LastModifiedDate"], "2026-03-01T10:45:00Z");
    let document: Value = serde_json::from_str(read["Details"].as_str().unwrap()).unwrap();
    assert_eq!(document, read["DetailsDocument"]);
    insta::assert_json_snapshot!("first_product", document);
    insta::assert_json_snapshot!("first_offer", bench.entity(&offer).await["DetailsDocument"]);
}

#[tokio::test]
async fn a_set_prepares_applies_and_ends_by_the_clock() {
    let bench = Bench::new();
    let (_, answer) = bench.start(&first_listing(&bench)).await;
    let id = answer["ChangeSetId"].as_str().unwrap();
    let mut seen = Vec::new();
    for minutes in [0, 1, 43, 1] {
        bench.twin.clock().sleep(Duration::from_secs(60 * minutes)).await;
        let set = bench.set(id).await;
        seen.push((set["Status"].as_str().unwrap().to_owned(), set.get("EndTime").cloned()));
    }
    let open = |status: &str| (status.to_owned(), None);
    let end = ("SUCCEEDED".to_owned(), Some(json!("2026-03-01T10:45:00Z")));
    assert_eq!(seen, [open("PREPARING"), open("APPLYING"), open("APPLYING"), end]);
}

#[tokio::test]
async fn the_same_token_gives_the_same_set_for_ever_and_refuses_another_payload() {
    let bench = Bench::new();
    let request = |title: &str| {
        let create =
            json!({ "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": { "ProductTitle": title } });
        json!({ "Catalog": "AWSMarketplace", "ChangeSet": [create], "ClientRequestToken": "token-1" })
    };
    let (_, first) = bench.post("StartChangeSet", request("A")).await;
    bench.twin.clock().sleep(HOUR * 24 * 100).await;
    assert_eq!(bench.post("StartChangeSet", request("A")).await, (200, first.clone()));
    let (status, refused) = bench.post("StartChangeSet", request("B")).await;
    assert_eq!((status, refused["__type"].as_str()), (422, Some("ValidationException")));
    bench.twin.clock().sleep(HOUR * 24 * 100).await;
    assert_eq!(bench.get("DescribeChangeSet", "changeSetId", first["ChangeSetId"].as_str().unwrap()).await.0, 404);
    assert_eq!(bench.post("StartChangeSet", request("A")).await, (200, first));
}

#[tokio::test]
async fn a_new_version_is_validated_then_applied_and_a_rejected_one_burns_its_title() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let validate = |image: u64| {
        let changes = [version(&bench, &product, "1.1.0", &image_id(image))];
        json!({ "Catalog": "AWSMarketplace", "ChangeSet": changes, "Intent": "VALIDATE" })
    };
    for (image, status) in [(9, "FAILED"), (2, "SUCCEEDED")] {
        let (_, answer) = bench.post("StartChangeSet", validate(image)).await;
        bench.twin.clock().sleep(HOUR).await;
        assert_eq!(bench.set(answer["ChangeSetId"].as_str().unwrap()).await["Status"], status);
    }
    assert_eq!(bench.entity(&product).await["EntityIdentifier"], format!("{product}@1"), "validating changes nothing");

    let failed = bench.finish(&[version(&bench, &product, "1.1.0", &image_id(9))]).await;
    assert_eq!((codes(&failed), &failed["FailureCode"]), (vec!["ASSET_NOT_FOUND"], &json!("CLIENT_ERROR")));
    let again = bench.finish(&[version(&bench, &product, "1.1.0", &image_id(2))]).await;
    assert_eq!(codes(&again), ["DUPLICATE_VERSION_TITLE"]);
    let same_image = bench.finish(&[version(&bench, &product, "1.1.1", &image_id(1))]).await;
    assert_eq!(codes(&same_image), ["INVALID_AMI_ID"]);

    assert_eq!(bench.finish(&[version(&bench, &product, "1.1.2", &image_id(2))]).await["Status"], "SUCCEEDED");
    let read = bench.entity(&product).await;
    assert_eq!(read["EntityIdentifier"], format!("{product}@2"));
    let titles: Vec<&Value> = read["DetailsDocument"]["Versions"].as_array().unwrap().iter().map(|v| &v["VersionTitle"]).collect();
    assert_eq!(titles, ["1.0.0", "1.1.2"]);
    let before = bench.entity(&format!("{product}@1")).await;
    assert_eq!(before["DetailsDocument"]["Versions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn images_that_the_marketplace_cant_take_are_refused() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let cases: [(&str, fn(&mut State)); 6] = [
        ("ASSET_ACCESS_EXCEPTION", |state| {
            let region = state.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap();
            region.snapshots.values_mut().for_each(|s| s.encrypted = true);
        }),
        ("EXISTING_AMI_PRODUCT_CODE", |state| image(state).product_codes = ["code".to_owned()].into()),
        ("INCOMPATIBLE_AMI", |state| image(state).ena_support = false),
        ("ASSET_NOT_FOUND", |state| image(state).owner = "999999999999".parse().unwrap()),
        ("ASSET_NOT_FOUND", |state| image(state).failed = Some("no".to_owned())),
        ("ASSET_NOT_FOUND", |state| state.roles.values_mut().for_each(|role| role.trusts.clear())),
    ];
    fn image(state: &mut State) -> &mut Image {
        state.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap().images.get_mut(&image_id(2)).unwrap()
    }
    for (number, (code, spoil)) in cases.into_iter().enumerate() {
        let good = bench.twin.read(State::clone);
        bench.change(spoil);
        let failed = bench.finish(&[version(&bench, &product, &format!("2.0.{number}"), &image_id(2))]).await;
        assert_eq!(codes(&failed), [code], "{failed:#}");
        bench.change(|state| (state.regions, state.roles) = (good.regions, good.roles));
    }
}

#[tokio::test]
async fn a_set_that_fails_in_one_change_changes_nothing() {
    let bench = Bench::new();
    let mut changes = first_listing(&bench);
    changes[2]["DetailsDocument"]["Categories"] = json!(["Developer Tools"]);
    changes[2]["DetailsDocument"]["ShortDescription"] = json!("Fast \u{2014} and small");
    let failed = bench.finish(&changes).await;
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(codes(&failed), ["INVALID_INPUT", "INVALID_CATEGORY_NAMES"]);
    let (_, listing) = bench.post("ListEntities", json!({ "Catalog": "AWSMarketplace", "EntityType": "AmiProduct" })).await;
    assert_eq!(listing["EntitySummaryList"], json!([]));
}

#[tokio::test]
async fn dropping_any_needed_change_fails_the_first_listing() {
    let whole = first_listing(&Bench::new());
    let needed = [
        ("ReleaseProduct", "INCOMPATIBLE_PRODUCT"),
        ("UpdateInformation", "VALIDATION_FAILED"),
        ("AddRegions", "VALIDATION_FAILED"),
        ("AddInstanceTypes", "RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE"),
        ("AddDeliveryOptions", "VALIDATION_FAILED"),
        ("AddDimensions", "INVALID_RATE_CARD"),
        ("UpdatePricingTerms", "MISSING_MANDATORY_TERMS"),
        ("UpdateLegalTerms", "MISSING_MANDATORY_TERMS"),
        ("UpdateSupportTerms", "MISSING_MANDATORY_TERMS"),
        ("ReleaseOffer", "VALIDATION_FAILED"),
    ];
    for (name, code) in needed {
        let bench = Bench::new();
        let mut changes = first_listing(&bench);
        let index = changes.iter().position(|change| change["ChangeType"] == name).unwrap();
        changes.remove(index);
        let failed = bench.finish(&changes).await;
        assert_eq!(failed["Status"], "FAILED", "without {name}");
        assert!(codes(&failed).contains(&code), "without {name}: {:?}", codes(&failed));
    }
    assert_eq!(whole.len(), 15);
}

#[tokio::test]
async fn malformed_changes_are_refused_at_once_with_their_fields() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let mut no_role = version(&bench, &product, "2.0.0", &image_id(2));
    let source = &mut no_role["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"];
    source.as_object_mut().unwrap().shift_remove("AccessRoleArn");
    source["Template"] = json!("x");
    let (status, refused) = bench.start(&[no_role]).await;
    assert_eq!((status, refused["__type"].as_str()), (422, Some("ValidationException")));
    insta::assert_json_snapshot!("refused_fields", refused);
}

#[tokio::test]
async fn sets_that_dont_hang_together_are_refused_at_once() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let regions = |entity: &str| change("AmiProduct", "AddRegions", entity, json!({ "Regions": ["us-west-2"] }));
    let visibility = change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": "Public" }));
    let both = json!({ "ChangeType": "AddRegions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": product }, "Details": "{}", "DetailsDocument": {} });
    let foreign = change("AmiProduct", "UpdatePricingTerms", &product, rates(&[("t3.small", "1")]));
    let cases = [
        (vec![regions(&product), regions(&format!("{product}@1"))], "more than once"),
        (vec![regions("$Nobody.Entity.Identifier")], "is to no change that makes an entity"),
        (vec![regions("$Nobody")], "is no reference"),
        (vec![visibility, regions(&product)], "UpdateVisibility must be the only change"),
        (vec![both], "can't both be given"),
        (vec![foreign], "Change type 'UpdatePricingTerms' is not supported for entity type 'AmiProduct@1.0'"),
        (vec![regions(&format!("{product}@7"))], &format!("latest revision, which is '{product}@1'")),
        (Vec::new(), "has 0 elements, not 1 to 20"),
    ];
    for (changes, text) in cases {
        let (status, refused) = bench.start(&changes).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused["Message"].as_str().unwrap().contains(text), "{refused}");
    }
    assert_eq!(bench.start(&[regions("prod-0000000000000")]).await.0, 404);
    assert_eq!(bench.start(&[regions(&offer)]).await.0, 404, "an offer is no product");
}

#[tokio::test]
async fn only_new_versions_can_be_validated() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let changes = [change("AmiProduct", "UpdateDeliveryOptions", &product, json!({ "DeliveryOptions": [] }))];
    let request = json!({ "Catalog": "AWSMarketplace", "Intent": "VALIDATE", "ChangeSet": changes });
    let (_, empty) = bench.post("StartChangeSet", request).await;
    assert!(empty["Message"].as_str().unwrap().contains("has 0 elements"), "{empty}");
    let option = bench.entity(&product).await["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Id"].clone();
    let details = json!({ "Version": { "ReleaseNotes": "Better." }, "DeliveryOptions": [{ "Id": option }] });
    let update = change("AmiProduct", "UpdateDeliveryOptions", &product, details);
    let request = json!({ "Catalog": "AWSMarketplace", "Intent": "VALIDATE", "ChangeSet": [update] });
    let (status, refused) = bench.post("StartChangeSet", request).await;
    assert_eq!((status, refused["Message"].as_str()), (422, Some("Intent not supported for change type 'UpdateDeliveryOptions'")));
    assert_eq!(bench.finish(&[update]).await["Status"], "SUCCEEDED");
    assert_eq!(bench.entity(&product).await["DetailsDocument"]["Versions"][0]["ReleaseNotes"], "Better.");
}

#[tokio::test]
async fn locks_hold_by_change_type_while_preparing_and_wholly_while_applying() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let name = change("Offer", "UpdateInformation", &offer, json!({ "Name": "Another name" }));
    let regions = change("AmiProduct", "AddRegions", &product, json!({ "Regions": ["us-west-2"] }));
    let (_, first) = bench.start(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
    let (status, refused) = bench.start(&[version(&bench, &product, "2.0.1", &image_id(3))]).await;
    let blocker = first["ChangeSetId"].as_str().unwrap();
    let text = format!("Requested change set has entities locked by change sets - entity: '{product}'  change sets: {blocker}");
    assert_eq!(
        (status, refused["__type"].as_str(), refused["Message"].as_str()),
        (423, Some("ResourceInUseException"), Some(text.as_str()))
    );
    assert_eq!(bench.start(std::slice::from_ref(&name)).await.0, 200, "the offer is another entity");
    assert_eq!(bench.start(&[name]).await.0, 423, "an offer is held wholly");
    assert_eq!(bench.start(std::slice::from_ref(&regions)).await.0, 200, "another change type, still preparing");
    bench.twin.clock().sleep(Duration::from_secs(600)).await;
    assert_eq!(bench.start(std::slice::from_ref(&regions)).await.0, 423, "applying");
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!(bench.start(&[regions]).await.0, 200);
}

#[tokio::test]
async fn a_set_can_be_cancelled_while_preparing_only() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let cancel = async |id: &str| {
        let uri = format!("/CancelChangeSet?catalog=AWSMarketplace&changeSetId={id}");
        bench.call_in("us-east-1", "PATCH", &uri, &Value::Null).await.0
    };
    let mut last = String::new();
    for (seconds, expected) in [(10, 200), (90, 423)] {
        let (_, answer) = bench.start(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
        last = answer["ChangeSetId"].as_str().unwrap().to_owned();
        bench.twin.clock().sleep(Duration::from_secs(seconds)).await;
        assert_eq!(cancel(&last).await, expected);
    }
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!((cancel(&last).await, cancel("none").await), (422, 404));
    let request = json!({ "Catalog": "AWSMarketplace", "FilterList": [{ "Name": "EntityId", "ValueList": [product] }] });
    let (_, sets) = bench.post("ListChangeSets", request).await;
    let statuses: Vec<&Value> = sets["ChangeSetSummaryList"].as_array().unwrap().iter().map(|set| &set["Status"]).collect();
    assert_eq!(statuses, ["SUCCEEDED", "CANCELLED", "SUCCEEDED"], "the latest first");
}

#[tokio::test]
async fn released_prices_fall_at_once_rise_alone_and_are_never_removed() {
    let bench = Bench::new();
    let (_, offer) = bench.listed().await;
    let reprice = |prices: &[(&str, &str)]| [change("Offer", "UpdatePricingTerms", &offer, rates(prices))];
    let up_and_down = bench.finish(&reprice(&[("t3.small", "0.2"), ("t3.large", "0.1")])).await;
    assert_eq!(codes(&up_and_down), ["INVALID_PRICE_CHANGE"]);
    let removed = bench.finish(&reprice(&[("t3.small", "0.1")])).await;
    assert_eq!(codes(&removed), ["INVALID_RATE_CARD", "INCOMPATIBLE_RATES"]);
    let cheaper = [("t3.small", "0.05"), ("t3.large", "0.125")];
    assert_eq!(bench.finish(&reprice(&cheaper)).await["Status"], "SUCCEEDED");
    let dearer = [("t3.small", "0.06"), ("t3.large", "0.125")];
    assert_eq!(bench.finish(&reprice(&dearer)).await["Status"], "SUCCEEDED");
    assert_eq!(codes(&bench.finish(&reprice(&[("t3.small", "0.07"), ("t3.large", "0.125")])).await), ["INVALID_PRICE_CHANGE"]);
}

#[tokio::test]
async fn years_and_monthly_fees_come_beside_hours_one_of_the_two() {
    let year = |duration: &str| {
        let allowed = json!({ "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" });
        let card: Vec<Value> = ["t3.small", "t3.large"].map(|key| json!({ "DimensionKey": key, "Price": "100.00" })).into();
        json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD",
            "RateCards": [{ "Selector": { "Type": "Duration", "Value": duration }, "Constraints": allowed, "RateCard": card }] })
    };
    let month = json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "10.00" });
    for (model, terms, expected) in [
        ("Usage", vec![year("P365D")], vec![]),
        ("Usage", vec![month.clone()], vec![]),
        ("Usage", vec![year("P30D")], vec!["INCOMPATIBLE_SELECTOR_DURATION"]),
        ("Usage", vec![year("P365D"), month.clone()], vec!["INCOMPATIBLE_TERMS"]),
        ("Free", vec![month], vec!["INCOMPATIBLE_RATES", "INCOMPATIBLE_TERMS"]),
    ] {
        let bench = Bench::new();
        let mut set = first_listing(&bench);
        let pricing = set.iter_mut().find(|change| change["ChangeType"] == "UpdatePricingTerms").unwrap();
        pricing["DetailsDocument"]["PricingModel"] = json!(model);
        pricing["DetailsDocument"]["Terms"].as_array_mut().unwrap().extend(terms.clone());
        assert_eq!(codes(&bench.finish(&set).await), expected, "{model} {terms:?}");
    }
}

#[tokio::test]
async fn an_instance_type_of_an_hourly_product_comes_with_dimension_and_price() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let add = |name: &str| change("AmiProduct", "AddInstanceTypes", &product, json!({ "InstanceTypes": [name] }));
    let dimension = |name: &str| change("AmiProduct", "AddDimensions", &product, json!([dimension(name)]));
    let prices = rates(&[("t3.small", "0.1"), ("t3.large", "0.125"), ("m5.large", "0.2")]);
    let reprice = change("Offer", "UpdatePricingTerms", &offer, prices);
    assert_eq!(codes(&bench.finish(&[add("m5.large")]).await), ["MISSING_DIMENSIONS", "UPDATE_PRICING_REQUIRED"]);
    assert_eq!(codes(&bench.finish(&[add("m5.large"), dimension("m5.large")]).await), ["UPDATE_PRICING_REQUIRED"]);
    assert_eq!(bench.finish(&[add("m5.large"), dimension("m5.large"), reprice]).await["Status"], "SUCCEEDED");
    assert!(codes(&bench.finish(&[add("m6g.large")]).await).contains(&"INVALID_AMI_ARCHITECTURE"));
}

#[tokio::test]
async fn visibility_takes_days_holds_the_product_and_lets_versions_be_restricted() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let (_, answer) = bench.start(&[change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": "Public" }))]).await;
    assert_eq!(bench.start(&[version(&bench, &product, "2.0.0", &image_id(2))]).await.0, 423);
    bench.twin.clock().sleep(HOUR * 24 * 8).await;
    assert_eq!(bench.set(answer["ChangeSetId"].as_str().unwrap()).await["Status"], "SUCCEEDED");
    let option = bench.entity(&product).await["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Id"].clone();
    let restrict = change("AmiProduct", "RestrictDeliveryOptions", &product, json!({ "DeliveryOptionIds": [option] }));
    assert_eq!(codes(&bench.finish(std::slice::from_ref(&restrict)).await), ["ALL_DELIVERY_OPTIONS_RESTRICTED"]);
    bench.finish(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
    assert_eq!(bench.finish(&[restrict]).await["Status"], "SUCCEEDED");
    assert_eq!(bench.entity(&product).await["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Visibility"], "Restricted");
}

#[tokio::test]
async fn entities_are_found_by_typed_filters_and_in_pages() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let create = json!({ "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": { "ProductTitle": "Acme Oven" } });
    bench.finish(&[create.clone(), create]).await;
    let list = async |kind: &str, extra: Value| {
        let mut request = json!({ "Catalog": "AWSMarketplace", "EntityType": kind });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (status, answer) = bench.post("ListEntities", request).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let count = |answer: &Value| answer["EntitySummaryList"].as_array().unwrap().len();
    let filters = json!({ "EntityTypeFilters": { "OfferFilters": {
        "ProductId": { "ValueList": [product] }, "State": { "ValueList": ["Released"] }, "Targeting": { "ValueList": ["None"] },
    } } });
    let offers = list("Offer", filters).await;
    assert_eq!((count(&offers), &offers["EntitySummaryList"][0]["EntityId"]), (1, &json!(offer)));
    let titled = |filter: Value| json!({ "EntityTypeFilters": { "AmiProductFilters": { "ProductTitle": filter } } });
    assert_eq!(count(&list("AmiProduct", titled(json!({ "ValueList": ["Acme Stove"] }))).await), 1);
    assert_eq!(count(&list("AmiProduct", titled(json!({ "WildCardValue": "acme" }))).await), 3);
    let first = list("AmiProduct", json!({ "MaxResults": 2 })).await;
    let rest = list("AmiProduct", json!({ "MaxResults": 2, "NextToken": first["NextToken"] })).await;
    assert_eq!((count(&first), count(&rest), rest.get("NextToken")), (2, 1, None));
    assert_eq!(count(&list("ContainerProduct", json!({})).await), 0);
    let foreign = json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer", "NextToken": first["NextToken"] });
    assert_eq!(bench.post("ListEntities", foreign).await.0, 422);
}

#[tokio::test]
async fn tags_come_with_the_set_and_can_be_changed() {
    let bench = Bench::new();
    let mut changes = first_listing(&bench);
    changes[0]["EntityTags"] = json!([{ "Key": "product", "Value": "stove" }]);
    let set = bench.finish(&changes).await;
    let id = set["ChangeSet"][0]["Entity"]["Identifier"].as_str().unwrap();
    let arn = bench.entity(id).await["EntityArn"].clone();
    let tags = async || bench.post("ListTagsForResource", json!({ "ResourceArn": arn })).await.1["Tags"].clone();
    assert_eq!(tags().await, json!([{ "Key": "product", "Value": "stove" }]));
    bench.post("TagResource", json!({ "ResourceArn": arn, "Tags": [{ "Key": "run", "Value": "1" }] })).await;
    bench.post("UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["product"] })).await;
    assert_eq!(tags().await, json!([{ "Key": "run", "Value": "1" }]));
    let nobody = json!({ "ResourceArn": format!("{}x", arn.as_str().unwrap()) });
    assert_eq!(bench.post("ListTagsForResource", nobody).await.0, 404);
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let bench = Bench::new();
    assert_eq!(bench.post("ListInvoices", json!({ "Catalog": "AWSMarketplace" })).await.0, 404);
    assert_eq!(bench.call_in("eu-west-1", "POST", "/ListEntities", &json!({})).await.0, 403);
    let (status, refused) = bench.post("ListEntities", json!({ "Catalog": "Other", "EntityType": "Offer", "More": 1 })).await;
    assert_eq!((status, refused["ValidationExceptionFieldList"].as_array().unwrap().len()), (422, 2));
    let batch = json!({ "EntityRequestList": [{ "Catalog": "AWSMarketplace", "EntityId": "prod-none" }] });
    let (status, answer) = bench.post("BatchDescribeEntities", batch).await;
    assert_eq!((status, &answer["Errors"]["prod-none"]["ErrorCode"]), (200, &json!("ResourceNotFoundException")));
}

#[tokio::test]
async fn at_most_250_sets_are_open() {
    let bench = Bench::new();
    let create = json!({ "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": {} });
    for _ in 0..250 {
        assert_eq!(bench.start(std::slice::from_ref(&create)).await.0, 200);
    }
    assert_eq!(bench.start(std::slice::from_ref(&create)).await.0, 402);
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!(bench.start(&[create]).await.0, 200);
}

#[tokio::test]
async fn what_came_of_an_image_can_be_read() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    bench.change(|state| {
        let here = state.regions.get_mut(&crate::model::ids::Region::marketplace()).unwrap();
        here.images.get_mut(&image_id(2)).unwrap().product_codes.insert("abc".to_owned());
    });
    let failed = bench.finish(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
    assert_eq!(failed["Status"], "FAILED");
    let list = |filter: Value| json!({ "Catalog": "AWSMarketplace", "FrameworkId": "AMISecurity", "AssessmentTargetFilter": filter });
    let (_, all) = bench.post("ListAssessments", list(json!({ "EntityId": product }))).await;
    let results: Vec<&Value> = all["AssessmentSummaryList"].as_array().unwrap().iter().map(|a| &a["AssessmentResult"]).collect();
    assert_eq!(results, ["FAIL", "PASS"], "the latest first");
    let (_, of_set) = bench.post("ListAssessments", list(json!({ "ChangeSetId": failed["ChangeSetId"] }))).await;
    let summary = &of_set["AssessmentSummaryList"][0];
    for identifier in ["AssessmentId", "AssessmentArn"] {
        let request = json!({ "Catalog": "AWSMarketplace", "AssessmentIdentifier": summary[identifier] });
        let (status, told) = bench.post("DescribeAssessment", request).await;
        let control = &told["ControlAssessments"][1];
        assert_eq!((status, &control["ControlAssessmentResult"]), (200, &json!("FAIL")), "{told:#}");
        assert_eq!(control["Errors"][0]["Code"], "EXISTING_AMI_PRODUCT_CODE");
        assert_eq!(control["Errors"][0]["Scope"][0]["Value"], json!(image_id(2)));
    }
    let unknown = json!({ "Catalog": "AWSMarketplace", "AssessmentIdentifier": "assessment-0" });
    assert_eq!(bench.post("DescribeAssessment", unknown).await.0, 404);
    bench.twin.clock().sleep(HOUR * 24 * 61).await;
    let (_, none) = bench.post("ListAssessments", list(json!({ "EntityId": product }))).await;
    assert_eq!(none["AssessmentSummaryList"], json!([]), "they expire");
}

#[tokio::test]
async fn an_entity_has_one_policy_or_none() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let arn = bench.entity(&product).await["EntityArn"].as_str().unwrap().to_owned();
    let of = |method: &'static str, operation: &str| {
        let uri = format!("/{operation}?resourceArn={arn}");
        let bench = &bench;
        async move { bench.call_in("us-east-1", method, &uri, &Value::Null).await }
    };
    assert_eq!(of("GET", "GetResourcePolicy").await.0, 404);
    let put = |policy: &str| json!({ "ResourceArn": arn, "Policy": policy });
    assert_eq!(bench.post("PutResourcePolicy", put("nonsense")).await.0, 422);
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    assert_eq!(bench.post("PutResourcePolicy", put(policy)).await.0, 200);
    assert_eq!(of("GET", "GetResourcePolicy").await.1["Policy"], policy);
    assert_eq!(of("DELETE", "DeleteResourcePolicy").await.0, 200);
    assert_eq!(of("DELETE", "DeleteResourcePolicy").await.0, 404);
    let other = json!({ "ResourceArn": format!("{arn}0"), "Policy": policy });
    assert_eq!(bench.post("PutResourcePolicy", other).await.0, 404);
}

#[tokio::test]
async fn so_many_offers_at_a_time_and_so_many_calls_a_second() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let offer = json!({ "ChangeType": "CreateOffer", "Entity": { "Type": "Offer@1.0" }, "DetailsDocument": { "ProductId": product } });
    for _ in 0..20 {
        assert_eq!(bench.start(std::slice::from_ref(&offer)).await.0, 200);
    }
    assert_eq!(bench.start(std::slice::from_ref(&offer)).await.0, 402);

    let clock = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
    let limited = Bench::of(Options::new(clock.clone(), Machines::None));
    let list = || limited.post("ListEntities", json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer" }));
    for _ in 0..10 {
        assert_eq!(list().await.0, 200);
    }
    let (status, refused) = list().await;
    assert_eq!((status, &refused["__type"]), (429, &json!("ThrottlingException")));
    clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(list().await.0, 200);

    let denied = ["aws-marketplace:ListEntities".to_owned()].into();
    let denying = Bench::of(Options { denied, ..Options::new(clock, Machines::None) });
    let (status, refused) = denying.post("ListEntities", json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer" })).await;
    assert_eq!((status, &refused["__type"]), (403, &json!("AccessDeniedException")));
}
