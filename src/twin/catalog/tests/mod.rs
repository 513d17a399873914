//! The Catalog through its door, on a clock that the tests drive.

mod codes;
mod foreseen;
mod inspections;
mod limits;
mod listing;
mod media;
mod offers;
mod pricing;
mod reading;
mod refusals;
mod reviews;
mod sets;
mod templates;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::entities::{Body, Product};
use super::handle;
use super::read::document;
use crate::clock::Clock;
use crate::twin::machines::Machines;
use crate::twin::s3::FIRST_BUCKET;
use crate::twin::state::{BlockDevice, Image, Snapshot, State, Tags};
use crate::twin::{Call, Options, Twin};

const HOUR: Duration = Duration::from_secs(3600);

/// A twin with two images of the account, `ami-…1` and `ami-…2`.
struct Bench {
    twin: Arc<Twin>,
    folder: tempfile::TempDir,
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
        let bench = Self { twin, folder };
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

    /// Makes another product of one, as it is and as it is read.
    fn with_product(&self, id: &str, edit: impl FnOnce(&mut Product)) {
        self.change(|state| {
            let entity = state.catalog.entities.get_mut(id).unwrap();
            let Body::Product(product) = &mut entity.body else { panic!("no product") };
            edit(product);
            let document = document(entity);
            entity.revisions.last_mut().unwrap().document = document;
        });
    }

    /// Puts an object where everyone may read it: into the account's first bucket; returns its address.
    fn put_object(&self, key: &str, bytes: &[u8]) -> String {
        let objects = self.twin.folder().join("objects");
        std::fs::create_dir_all(&objects).unwrap();
        let file = key.replace('/', "-");
        std::fs::write(objects.join(&file), bytes).unwrap();
        let object = json!({
            "file": file, "size_bytes": bytes.len(), "etag": "", "modified": "2026-03-01T10:00:00Z",
            "checksum": { "algorithm": "CRC64NVME", "value": "" },
        });
        self.change(|state| {
            let bucket = state.s3.0.get_mut(FIRST_BUCKET).unwrap();
            bucket.objects.insert(format!("bakehouse/{key}"), serde_json::from_value(object).unwrap());
        });
        address(key)
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

/// The address of an object of the account's first bucket.
fn address(key: &str) -> String {
    format!("https://{FIRST_BUCKET}.s3.amazonaws.com/bakehouse/{key}")
}

/// As much of a PNG as tells its size.
fn png(width: u32, height: u32) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x02\0\0\0"].concat()
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

/// A delivery option by a template, of the image of a version.
fn template(version: &Value, title: &str, template: &str, diagram: &str) -> Value {
    let mut source = version["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"].clone();
    source.as_object_mut().unwrap().shift_remove("ScanningPort");
    json!({
        "DeliveryOptionTitle": title,
        "Details": { "DeploymentTemplateDeliveryOptionDetails": {
            "ShortDescription": "A stove in a network of its own.",
            "LongDescription": "A network, and a stove in it.",
            "UsageInstructions": "Launch the stack.",
            "RecommendedInstanceType": "t3.small",
            "ArchitectureDiagram": diagram,
            "Template": template,
            "TemplateSources": [{ "ParameterName": "ImageId", "AmiSource": source }],
        } },
    })
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
