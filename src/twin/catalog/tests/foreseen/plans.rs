//! What the planner and the commands say of a live listing, and what they make instead of what AWS refuses.

use serde_json::{Value, json};

use super::super::super::entities::{Product, Visibility};
use super::super::{change, codes, dimension, image_id, rates, version};
use super::Desk;
use crate::listing::retention::{named, on_sale, restrict};
use crate::listing::{
    AmiProduct, Desired, Entity, Given, Live, ObstacleCode, Offer, Planned, Standing, VersionTexts, Wanted, change_visibility,
    image_standing, plan, title_standing, uses,
};
use crate::model::change_set::product::TargetVisibility;
use crate::model::image::{Image, ImageDescription};
use crate::model::price::Rise;
use crate::plan::base_faults;

/// A listing that the twin has, and the manifest that it was made of.
struct Listed {
    desk: Desk,
    product: String,
    offer: String,
}

impl Listed {
    async fn new() -> Self {
        let desk = Desk::new();
        let (product, offer) = desk.listed().await;
        Self { desk, product, offer }
    }

    fn edit(&self, from: &str, to: &str) -> &Self {
        self.desk.edit(from, to);
        self
    }

    fn product(&self, name: &str, details: Value) -> Value {
        change("AmiProduct", name, &self.product, details)
    }

    fn prices(&self, prices: &[(&str, &str)]) -> Value {
        change("Offer", "UpdatePricingTerms", &self.offer, rates(prices))
    }

    fn version(&self, title: &str, image: u64) -> Value {
        version(&self.desk.bench, &self.product, title, &image_id(image))
    }

    /// Makes another product of it, as it is and as it is read.
    fn with_product(&self, edit: impl FnOnce(&mut Product)) {
        self.desk.bench.with_product(&self.product, edit);
    }

    fn with_image(&self, number: u64, edit: impl Fn(&mut crate::twin::state::Image)) {
        self.desk
            .bench
            .change(|state| edit(state.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap().images.get_mut(&image_id(number)).unwrap()));
    }

    /// The ids of the delivery options, the oldest version's first.
    fn options(&self) -> Vec<String> {
        self.desk.bench.twin.read(|state| {
            let versions = &state.catalog.entities[&self.product].product().unwrap().versions;
            versions.iter().flat_map(|version| &version.options).map(|option| option.id.clone()).collect()
        })
    }

    async fn succeeds(&self, changes: &[Value]) {
        let set = self.desk.bench.finish(changes).await;
        assert_eq!(set["Status"], "SUCCEEDED", "{set:#}");
    }

    async fn live(&self) -> Live {
        let (product, offer) = (self.desk.bench.entity(&self.product).await, self.desk.bench.entity(&self.offer).await);
        let parts = |entity: &Value| {
            let (id, revision) = entity["EntityIdentifier"].as_str().unwrap().split_once('@').unwrap();
            (id.parse().unwrap(), revision.parse().unwrap(), entity["DetailsDocument"].to_string())
        };
        let (id, revision, details) = parts(&product);
        let product = Entity { id, revision, details: AmiProduct::parse(&details).unwrap() };
        let (id, revision, details) = parts(&offer);
        Live { product, offer: Some(Entity { id, revision, details: Offer::parse(&details).unwrap() }) }
    }

    /// What is planned for the manifest as it is now.
    async fn planned(&self, prices_rose: Option<Rise>) -> Planned {
        let product = self.desk.product();
        let now = self.desk.bench.twin.clock().now();
        // The logo and the accounts were given by the first listing.
        let given = Given { logo_url: Some(product.texts.logo_url.clone()), ..Given::default() };
        let desired = Desired { product: &product, given: &given, prices_rose, version_texts: VersionTexts::OfNewest };
        plan(&desired, &self.live().await, now)
    }
}

/// A code of AWS's, the obstacle that says it before, what is done first, what is done to the manifest, and the same
/// sent to the twin.
type Obstructed = (&'static str, ObstacleCode, fn(&Listed) -> Vec<Value>, fn(&Listed) -> &Listed, fn(&Listed) -> Vec<Value>);

static OBSTRUCTED: &[Obstructed] = &[
    (
        "INCOMPATIBLE_PRICING_MODEL",
        ObstacleCode::PricingModel,
        |_| Vec::new(),
        |l| l.edit("model = \"hourly\"", "model = \"byol\"").edit(RATES, ""),
        |l| {
            vec![change(
                "Offer",
                "UpdatePricingTerms",
                &l.offer,
                json!({ "PricingModel": "Byol", "Terms": [{ "Type": "ByolPricingTerm" }] }),
            )]
        },
    ),
    (
        "INCOMPATIBLE_TERMS",
        ObstacleCode::PricingTerms,
        |_| Vec::new(),
        |l| l.edit("model = \"hourly\"", "model = \"hourly-monthly\"\nmonthly-fee = \"25\""),
        |l| {
            let mut prices = l.prices(&[("t3.micro", "0.01"), ("t3.small", "0.02")]);
            let fee = json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "25" });
            prices["DetailsDocument"]["Terms"].as_array_mut().unwrap().push(fee);
            vec![prices]
        },
    ),
    (
        "INVALID_PRICE_CHANGE",
        ObstacleCode::PriceLocked,
        |l| vec![l.prices(&[("t3.micro", "0.015"), ("t3.small", "0.02")])],
        |l| l.edit("\"0.01\"", "\"0.015\"").edit("\"0.02\"", "\"0.03\""),
        |l| vec![l.prices(&[("t3.micro", "0.015"), ("t3.small", "0.03")])],
    ),
    (
        "INVALID_DIMENSION",
        ObstacleCode::RestrictedDimension,
        restrict_micro,
        |listed| listed,
        |l| {
            vec![
                l.product("AddInstanceTypes", json!({ "InstanceTypes": ["t3.micro"] })),
                l.product("AddDimensions", json!([dimension("t3.micro")])),
                l.prices(&[("t3.micro", "0.01"), ("t3.small", "0.02")]),
            ]
        },
    ),
    (
        "RECOMMENDED_INSTANCE_TYPE_RESTRICTED",
        ObstacleCode::RecommendedInstanceType,
        |l| {
            let mut version = l.version("2.0.0", 3);
            version["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["RecommendedInstanceType"] =
                json!("t3.micro");
            vec![version]
        },
        |l| {
            l.edit("[\"t3.micro\", \"t3.small\"]", "[\"t3.micro\"]").edit("\"t3.small\" = \"0.02\"\n", "");
            l.edit("recommended-instance-type = \"t3.small\"", "recommended-instance-type = \"t3.micro\"")
        },
        |l| restricted(l, "t3.small"),
    ),
];

const RATES: &str = "[listing.pricing.rates]\n\"t3.micro\" = \"0.01\"\n\"t3.small\" = \"0.02\"\n";

fn restricted(listed: &Listed, name: &str) -> Vec<Value> {
    vec![
        listed.product("RestrictInstanceTypes", json!({ "InstanceTypes": [name] })),
        listed.product("RestrictDimensions", json!([{ "Key": name, "Types": ["Metered"] }])),
    ]
}

fn restrict_micro(listed: &Listed) -> Vec<Value> {
    restricted(listed, "t3.micro")
}

fn drop_micro(listed: &Listed) -> &Listed {
    listed.edit("[\"t3.micro\", \"t3.small\"]", "[\"t3.small\"]").edit("\"t3.micro\" = \"0.01\"\n", "")
}

/// A code of AWS's, what is done first, what is done to the manifest, and what would be sent by who doesn't know better:
/// the planner gets to the same without.
type Avoided = (&'static str, fn(&Listed) -> Vec<Value>, fn(&Listed) -> &Listed, fn(&Listed) -> Vec<Value>);

static AVOIDED: &[Avoided] = &[
    (
        "DIMENSIONS_NOT_RESTICTED",
        |_| Vec::new(),
        drop_micro,
        |l| vec![l.product("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.micro"] }))],
    ),
    ("UNAVAILABLE_INSTANCE_TYPE", restrict_micro, drop_micro, |l| {
        vec![l.product("RestrictInstanceTypes", json!({ "InstanceTypes": ["t3.micro"] }))]
    }),
    (
        "INVALID_PRICE_CHANGE",
        |_| Vec::new(),
        |l| l.edit("\"0.01\"", "\"0.008\"").edit("\"0.02\"", "\"0.025\""),
        |l| vec![l.prices(&[("t3.micro", "0.008"), ("t3.small", "0.025")])],
    ),
    ("INCOMPATIBLE_RATES", restrict_micro, |l| drop_micro(l).edit("\"0.02\"", "\"0.015\""), |l| vec![l.prices(&[("t3.small", "0.015")])]),
    (
        "MISSING_DELIVERY_OPTION_IDS",
        |_| Vec::new(),
        |l| l.edit("[listing]", "[listing]\nrelease-notes = \"Important: it bakes more evenly.\""),
        |l| vec![l.product("UpdateDeliveryOptions", json!({ "Version": { "ReleaseNotes": "Important: it bakes more evenly." } }))],
    ),
    (
        "INVALID_PRODUCT_VISIBILITY",
        |l| {
            l.with_product(|product| product.visibility = Visibility::Public);
            Vec::new()
        },
        |l| l.edit("[listing]", "[listing]\nallowed-accounts = [\"111122223333\"]"),
        |l| vec![l.product("UpdateTargeting", json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } }))],
    ),
];

/// A code of AWS's, what is done first, what is said then and a part of it, and the same sent to the twin.
type Told = (&'static str, fn(&Listed), fn(&Listed, &Live) -> String, &'static str, fn(&Listed) -> Vec<Value>);

static TOLD: &[Told] = &[
    (
        "INVALID_PRODUCT",
        |_| {},
        |_, live| restrict(&live.product, &[]).unwrap_err().to_string(),
        "restricts versions of public products only",
        restrict_all,
    ),
    (
        "INVALID_DELIVERY_OPTION",
        |l| {
            l.with_product(|product| {
                product.visibility = Visibility::Public;
                product.versions[0].options[0].restricted = true;
            });
        },
        restricting,
        "1.0.0 is not on sale",
        restrict_all,
    ),
    (
        "ALL_DELIVERY_OPTIONS_RESTRICTED",
        |l| l.with_product(|product| product.visibility = Visibility::Public),
        restricting,
        "which is never restricted",
        restrict_all,
    ),
    (
        "INVALID_TARGET_VISIBILITY",
        |_| {},
        |_, live| change_visibility(&live.product, TargetVisibility::Limited, None).unwrap_err().to_string(),
        "is Limited already",
        |l| vec![l.product("UpdateVisibility", json!({ "TargetVisibility": "Limited" }))],
    ),
    (
        "INVALID_REPLACEMENT_PRODUCT_ID",
        |_| {},
        |_, live| change_visibility(&live.product, TargetVisibility::Public, Some(live.product.id.clone())).unwrap_err().to_string(),
        "a replacement is named",
        |l| vec![l.product("UpdateVisibility", json!({ "TargetVisibility": "Public", "ReplacementProductId": l.product }))],
    ),
    (
        "INVALID_PRODUCT_STATE",
        |l| l.with_product(|product| product.visibility = Visibility::Draft),
        |_, live| change_visibility(&live.product, TargetVisibility::Public, None).unwrap_err().to_string(),
        "a Draft product can't be made Public",
        |l| vec![l.product("UpdateVisibility", json!({ "TargetVisibility": "Public" }))],
    ),
    (
        "DUPLICATE_VERSION_TITLE",
        |_| {},
        |_, live| format!("{:?}", title_standing(&uses_of(live, "1.0.0", 3))),
        "Listed",
        |l| vec![l.version("1.0.0", 3)],
    ),
    (
        "INVALID_AMI_ID",
        |_| {},
        |_, live| format!("{:?}", image_standing(&uses_of(live, "2.0.0", 2))),
        "Listed",
        |l| vec![l.version("2.0.0", 2)],
    ),
    (
        "EXISTING_AMI_PRODUCT_CODE",
        |l| l.with_image(3, |image| image.product_codes = ["code".to_owned()].into()),
        |l, _| base(l, |image| image.product_codes.push("code".to_owned())),
        "carries the product code code",
        |l| vec![l.version("2.0.0", 3)],
    ),
    (
        "ASSET_ACCESS_EXCEPTION",
        |l| {
            l.desk.bench.change(|state| {
                let snapshots = &mut state.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap().snapshots;
                snapshots.get_mut("snap-00000000000000003").unwrap().encrypted = true;
            });
        },
        |l, _| base(l, |image| image.encrypted = true),
        "its snapshots are encrypted",
        |l| vec![l.version("2.0.0", 3)],
    ),
    (
        "INCOMPATIBLE_AMI",
        |l| l.with_image(3, |image| image.ena_support = false),
        |l, _| base(l, |image| image.ena_support = false),
        "it has no ENA support",
        |l| vec![l.version("2.0.0", 3)],
    ),
    (
        "INVALID_ENA_SETTING",
        |l| l.with_image(2, |image| image.ena_support = false),
        |l, _| base(l, |image| image.ena_support = false),
        "it has no ENA support",
        |l| vec![l.product("AddInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }))],
    ),
];

fn restrict_all(listed: &Listed) -> Vec<Value> {
    vec![listed.product("RestrictDeliveryOptions", json!({ "DeliveryOptionIds": listed.options() }))]
}

fn restricting(_: &Listed, live: &Live) -> String {
    named(&on_sale(&live.product.details), &["1.0.0".to_owned()]).unwrap_err().to_string()
}

fn uses_of(live: &Live, version: &str, image: u64) -> Vec<crate::listing::Use> {
    let (version, image) = (version.parse().unwrap(), image_id(image).parse().unwrap());
    let found = uses(&Wanted { product: &live.product.id, version: &version, image: Some(&image) }, &live.product.details, &[], &[]);
    assert!(found.iter().all(|found| found.standing == Standing::Listed));
    found
}

/// What speaks against a base: what is baked from it would be as it is.
fn base(listed: &Listed, edit: impl Fn(&mut ImageDescription)) -> String {
    let product = listed.desk.product();
    let mut found = ImageDescription {
        image: Image {
            id: image_id(1).parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            name: "debian-13-amd64".to_owned(),
            snapshots: Vec::new(),
        },
        state: "available".to_owned(),
        state_reason: None,
        owner: listed.desk.bench.twin.account(),
        architecture: "x86_64".to_owned(),
        root_device: "/dev/xvda".to_owned(),
        root_volume_size_gib: 8,
        boot_mode: Some("uefi-preferred".to_owned()),
        encrypted: false,
        virtualization: "hvm".to_owned(),
        ena_support: true,
        product_codes: Vec::new(),
        created: None,
        tags: Default::default(),
    };
    assert_eq!(base_faults(&product, &found), []);
    edit(&mut found);
    base_faults(&product, &found).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) fn foreseen() -> impl Iterator<Item = &'static str> {
    let obstructed = OBSTRUCTED.iter().map(|(code, ..)| *code);
    obstructed.chain(AVOIDED.iter().map(|(code, ..)| *code)).chain(TOLD.iter().map(|(code, ..)| *code))
}

#[tokio::test]
async fn what_is_planned_for_the_manifest_of_the_listing_is_nothing() {
    let planned = Listed::new().await.planned(None).await;
    assert_eq!(planned, Planned::default());
}

#[tokio::test]
async fn what_the_planner_names_as_an_obstacle_the_twin_refuses_later() {
    let mut wrong = Vec::new();
    for (code, obstacle, first, edit, sent) in OBSTRUCTED {
        let listed = Listed::new().await;
        let before = first(&listed);
        if !before.is_empty() {
            listed.succeeds(&before).await;
        }
        edit(&listed);
        let risen = Rise { at: listed.desk.bench.twin.clock().now(), prices: Vec::new() };
        let planned = listed.planned((*obstacle == ObstacleCode::PriceLocked).then_some(risen)).await;
        if !planned.obstacles.iter().any(|found| found.code == *obstacle) {
            wrong.push(format!("{code}: {planned:#?}"));
        }
        wrong.extend(listed.desk.unless_refused(code, &sent(&listed)).await);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn what_would_be_refused_later_the_planner_does_otherwise() {
    let mut wrong = Vec::new();
    for (code, first, edit, naive) in AVOIDED {
        let listed = Listed::new().await;
        let before = first(&listed);
        if !before.is_empty() {
            listed.succeeds(&before).await;
        }
        edit(&listed);
        wrong.extend(listed.desk.unless_refused(code, &naive(&listed)).await);
        let mut risen = None;
        for set in listed.planned(None).await.sets {
            let done = listed.desk.bench.finish(set.request["ChangeSet"].as_array().unwrap()).await;
            if done["Status"] != "SUCCEEDED" {
                wrong.push(format!("{code}: {} is refused: {:?}", set.name, codes(&done)));
            }
            if set.raises_prices() {
                risen = Some(Rise { at: listed.desk.bench.twin.clock().now(), prices: set.rises.clone() });
            }
        }
        let left = listed.planned(risen).await;
        if !left.sets.is_empty() || !left.obstacles.is_empty() {
            wrong.push(format!("{code}: {left:#?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn what_plans_and_commands_say_the_twin_refuses_later() {
    let mut wrong = Vec::new();
    for (code, first, said, part, sent) in TOLD {
        let listed = Listed::new().await;
        first(&listed);
        let live = listed.live().await;
        let said = said(&listed, &live);
        if !said.contains(part) {
            wrong.push(format!("{code}: {said}"));
        }
        wrong.extend(listed.desk.unless_refused(code, &sent(&listed)).await);
    }
    assert_eq!(wrong, Vec::<String>::new());
}
