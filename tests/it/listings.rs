//! Listings as code: what a manifest says otherwise than the live listing is applied, and then there is nothing to do.

use std::time::Duration;

use bakehouse::cloud::BucketError;
use bakehouse::engine::{self, Engine, EngineError, Extent, Next, Stage};
use bakehouse::listing::Entity;
use bakehouse::listing::retention::{named, on_sale, restrict};
use bakehouse::listing::{AmiProduct, change_visibility};
use bakehouse::model::change_set::product::TargetVisibility;
use bakehouse::model::listing_set::ListingSet;
use bakehouse::model::plan::{Plan, Step};
use bakehouse::plan::{PlanError, Request};
use bakehouse::release::{ChangeState, listing_changes};
use bakehouse::twin::state::State;
use serde_json::json;

use super::world::{Process, World};

/// What is planned of the listing alone.
async fn plan(process: &Process) -> Plan {
    let planned = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap();
    planned.plan
}

fn sets(plan: &Plan) -> Vec<&ListingSet> {
    let changes = plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::ChangeListing { set, .. } => Some(&**set),
        _ => None,
    });
    changes.collect()
}

/// The change types of each set.
fn types(plan: &Plan) -> Vec<Vec<String>> {
    let of = |set: &ListingSet| {
        let changes = set.request["ChangeSet"].as_array().unwrap();
        let mut types: Vec<String> = changes.iter().map(|change| change["ChangeType"].as_str().unwrap().to_owned()).collect();
        types.sort();
        types
    };
    sets(plan).into_iter().map(of).collect()
}

/// Applies what there is to apply.
async fn apply(process: &Process) -> Result<(), EngineError> {
    let request = Request { listing: true, ..Request::default() };
    let next = engine::next(&process.engine, &process.product, &request).await?;
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::List)).await
}

/// Edits the manifest, sees the change types that it takes, applies them, and sees that nothing is left.
async fn is_applied(world: &World, from: &str, to: &str, expected: &[&[&str]]) {
    world.edit("product.toml", from, to);
    let process = world.open().await;
    let planned = plan(&process).await;
    assert_eq!(types(&planned), expected, "{from} → {to}: {planned:#?}");
    apply(&process).await.unwrap();
    let left = plan(&process).await;
    // Prices that are to rise are told as long as the listing has the old ones.
    let are_done = left.obstacles.is_empty() && left.notices.iter().all(|notice| notice.contains("buyers have notice"));
    assert!(left.is_empty() && are_done, "{from} → {to}: {left:#?}");
    assert_eq!(process.steps().await, Vec::<String>::new(), "ship has nothing to do either");
}

#[tokio::test]
async fn a_listing_is_changed_by_its_manifest_from_one_end_to_the_other() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    assert!(plan(&process).await.is_empty());
    drop(process);
    let annual = "model = \"hourly-annual\"\nannual-rates = { \"t3.micro\" = \"70\", \"t3.small\" = \"140\", \"m7i.large\" = \"280\", \"c7i.large\" = \"280\" }";
    is_applied(&world, "model = \"hourly\"", annual, &[&["UpdatePricingTerms"]]).await;
    // Two instance types come, with their prices.
    world.edit("product.toml", "\"c7i.large\" = \"280\" }", "\"c7i.large\" = \"280\", \"t3.large\" = \"300\", \"m7i.xlarge\" = \"500\" }");
    world.edit("product.toml", "\"c7i.large\" = \"0.04\"", "\"c7i.large\" = \"0.04\"\n\"t3.large\" = \"0.05\"\n\"m7i.xlarge\" = \"0.08\"");
    is_applied(
        &world,
        "instance-types = [\"t3.micro\", ",
        "instance-types = [\"t3.large\", \"m7i.xlarge\", \"t3.micro\", ",
        &[&["AddDimensions", "AddInstanceTypes", "UpdatePricingTerms"]],
    )
    .await;
    // One goes.
    world.edit("product.toml", "\"m7i.xlarge\" = \"0.08\"", "");
    world.edit("product.toml", ", \"m7i.xlarge\" = \"500\"", "");
    is_applied(&world, "\"m7i.xlarge\", \"t3.micro\"", "\"t3.micro\"", &[&["RestrictDimensions", "RestrictInstanceTypes"]]).await;
    is_applied(&world, "\"us-west-2\", ", "", &[&["RestrictRegions"]]).await;
    is_applied(&world, "title = \"Hello Web\"", "title = \"Hello Web Server\"", &[&["UpdateInformation"]]).await;
    is_applied(&world, "You may terminate at any time", "You can terminate at any time", &[&["UpdateSupportTerms"]]).await;
    // Two versions, the oldest of three is restricted once the product is public.
    for round in ["one", "two"] {
        world.edit("provision/20-tune.sh", "set -", &format!(": {round}\nset -"));
        world.open().await.ship().await.unwrap();
    }
    let process = world.open().await;
    change(&process, |live| change_visibility(live, TargetVisibility::Public, None).map(|set| vec![set]).unwrap()).await.unwrap();
    assert!(plan(&process).await.is_empty());
    change(&process, |live| {
        let versions = on_sale(&live.details);
        assert_eq!(versions.iter().map(|version| version.title.as_str()).collect::<Vec<_>>(), ["1.0.0", "1.0.1", "1.0.2"]);
        restrict(live, &named(&versions, &["1.0.0".to_owned()]).unwrap()).unwrap()
    })
    .await
    .unwrap();
    let left = plan(&process).await;
    assert!(left.is_empty(), "{left:#?}");
    let live = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().live.unwrap();
    let titles: Vec<String> = on_sale(&live.product.details).into_iter().map(|version| version.title).collect();
    assert_eq!(titles, ["1.0.1", "1.0.2"]);
    // The ledger tells of each change set, for AWS forgets them.
    let records = process.engine.ledger.records(&process.product.variant()).await.unwrap();
    let changes = listing_changes(&records);
    assert_eq!(changes.len(), 8, "{changes:#?}");
    assert!(changes.iter().all(|change| change.state == ChangeState::Done));
    let standings: Vec<&str> = process.releases().await.iter().map(|released| released.listing.standing()).collect();
    assert_eq!(standings, ["restricted", "listed", "listed"], "what was taken off sale is not said to be listed");
}

/// Carries out what somebody asks for.
async fn change(process: &Process, make: impl Fn(&Entity<AmiProduct>) -> Vec<ListingSet>) -> Result<(), EngineError> {
    let found = process.engine.plan_listings(&[&process.product]).await?.remove(0)?;
    let sets = make(&found.live.unwrap().product);
    let next: Next = process.engine.plan_asked(&process.product, sets).await?.begin(None)?;
    // People take their time.
    let until = process.engine.clock.now().saturating_add(Duration::from_secs(40 * 24 * 60 * 60)).unwrap();
    engine::carry_out(&Engine { until, ..process.engine.clone() }, &process.product, next, Extent::Whole).await
}

#[tokio::test]
async fn a_restricted_product_is_given_no_version_and_the_plan_says_so() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    assert_eq!(process.releases().await[0].listing.standing(), "listed");
    change(&process, |live| change_visibility(live, TargetVisibility::Restricted, None).map(|set| vec![set]).unwrap()).await.unwrap();
    assert_eq!(process.releases().await[0].listing.standing(), "restricted", "buyers can't have it, whichever version it is");
    change(&process, |live| change_visibility(live, TargetVisibility::Limited, None).map(|set| vec![set]).unwrap()).await.unwrap();
    assert_eq!(process.releases().await[0].listing.standing(), "listed", "there is a way back");
    change(&process, |live| change_visibility(live, TargetVisibility::Restricted, None).map(|set| vec![set]).unwrap()).await.unwrap();
    drop(process);
    world.edit("provision/20-tune.sh", "set -", ": again\nset -");
    let next = world.open().await.next().await.unwrap();
    let plan = next.plan();
    assert!(!plan.steps.iter().any(|planned| matches!(planned.step, Step::AddVersion { .. })), "{plan:#?}");
    assert!(plan.notices.iter().any(|notice| notice.contains("1.0.1 is not listed until")), "{:?}", plan.notices);
}

#[tokio::test]
async fn a_saved_plan_is_refused_once_the_live_listing_has_moved() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    let process = world.open().await;
    let saved = plan(&process).await;
    let text = serde_json::to_string(&saved).unwrap();
    let saved: Plan = serde_json::from_str(&text).unwrap();
    process.engine.plan_saved(&process.product, saved.clone()).await.unwrap();
    // Somebody changes the product otherwise.
    drop(process);
    world.edit("product.toml", "\"us-west-2\", ", "");
    let process = world.open().await;
    apply(&process).await.unwrap();
    let refused = process.engine.plan_saved(&process.product, saved).await.map(drop);
    assert!(matches!(refused, Err(EngineError::ListingMoved { .. })), "{refused:?}");
}

#[tokio::test]
async fn prices_fall_before_they_rise_and_then_rest() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "\"t3.micro\" = \"0.01\"", "\"t3.micro\" = \"0.008\"");
    is_applied(&world, "\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.025\"", &[&["UpdatePricingTerms"], &["UpdatePricingTerms"]]).await;
    world.edit("product.toml", "\"t3.small\" = \"0.025\"", "\"t3.small\" = \"0.03\"");
    let planned = plan(&world.open().await).await;
    assert!(planned.is_empty() && planned.obstacles.len() == 1, "{planned:#?}");
}

/// A template that launches hello-web, which keeps all rules.
const TEMPLATE: &str = "\
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  ImageId: { Type: 'AWS::EC2::Image::Id' }
Resources:
  Server:
    Type: AWS::EC2::Instance
    Properties: { ImageId: !Ref ImageId }
";

/// The beginning of a GIF of a diagram's size, with something behind it.
fn diagram(content: &str) -> Vec<u8> {
    [b"GIF89a".as_slice(), &1560_u16.to_le_bytes(), &878_u16.to_le_bytes(), &[0; 8], content.as_bytes()].concat()
}

#[tokio::test]
async fn a_template_comes_with_its_version_and_its_texts_change_later() {
    let world = World::new().await;
    let own = world.folder.path().join("products/hello-web/listing");
    std::fs::write(own.join("server.yaml"), TEMPLATE).unwrap();
    std::fs::write(own.join("server.gif"), diagram("one")).unwrap();
    let table = "\
[[listing.template]]
title = \"One server\"
short-description = \"A server.\"
long-description = \"A server in the default network.\"
file = \"listing/server.yaml\"
diagram = \"listing/server.gif\"

[listing.pricing]";
    world.edit("product.toml", "[listing.pricing]\n", &format!("{table}\n"));
    world.edit("product.toml", "[listing]\n", "[listing]\nmedia-bucket = \"bakehouse-twin\"\n");
    let process = world.open().await;
    process.ship().await.unwrap();
    let planned = plan(&process).await;
    assert!(planned.is_empty() && planned.notices.is_empty(), "{planned:#?}");
    let live = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().live.unwrap();
    let version = live.product.details.newest_version().unwrap();
    let kinds: Vec<&str> = version.delivery_options.iter().filter_map(|option| option.kind.as_deref()).collect();
    assert_eq!(kinds, ["AmazonMachineImage", "CloudFormationTemplate"]);
    let source = version.template_options().next().unwrap().1.unwrap();
    assert!(source.template.as_ref().unwrap().contains("awsmp"), "AWS keeps a copy: {source:?}");
    drop(process);

    // Its words are put right at once, under another title too.
    is_applied(&world, "\"A server.\"", "\"A server of your own.\"", &[&["UpdateDeliveryOptions"]]).await;
    is_applied(&world, "\"One server\"", "\"A server\"", &[&["UpdateDeliveryOptions"]]).await;

    // Its diagram comes with the next version.
    std::fs::write(own.join("server.gif"), diagram("two")).unwrap();
    let planned = plan(&world.open().await).await;
    let told = ["A server template.diagram-url: a version keeps what it was added with; it comes with the next version"];
    let found: Vec<String> = planned.obstacles.iter().map(ToString::to_string).collect();
    assert_eq!((planned.steps.len(), found), (0, told.map(str::to_owned).to_vec()));
    world.edit("provision/20-tune.sh", "set -", ": again\nset -");
    for stage in [Stage::Bake, Stage::Scan, Stage::Boot, Stage::Checksum, Stage::Release, Stage::Distribute] {
        let process = world.open().await;
        let next = process.next().await.unwrap();
        engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage)).await.unwrap();
    }
    let process = world.open().await;
    let (version, listing) = (process.releases().await.pop().unwrap(), live.product.id);
    let set = engine::add_version(&process.engine, &process.product, &version, &listing).unwrap();
    process.engine.rehearse(&process.product, &version.version, &set, live.product.revision).await.unwrap();
    process.ship().await.unwrap();
    let planned = plan(&process).await;
    assert!(planned.is_empty() && planned.notices.is_empty(), "{planned:#?}");
}

#[tokio::test]
async fn media_that_the_marketplace_can_not_read_are_told_before_anything_is_submitted() {
    let world = World::new().await;
    let own = world.folder.path().join("products/hello-web");
    std::fs::write(own.join("eula.txt"), "Be fair.").unwrap();
    world.edit("product.toml", "[product]\n", "[product]\neula = { file = \"eula.txt\" }\n");
    world.edit("product.toml", "[listing]\n", "[listing]\nmedia-bucket = \"bakehouse-twin\"\n");
    let process = world.open().await;
    let policy = process.twin.change(|state| Ok::<_, std::io::Error>(state.s3.0.get_mut("bakehouse-twin").unwrap().policy.take())).unwrap();

    let error = process.ship().await.unwrap_err();
    let EngineError::Bucket(BucketError::NotPublic { bucket, key, code }) = &error else { panic!("{error:?}") };
    assert_eq!((&**bucket, &**code), ("bakehouse-twin", "AccessDenied"));
    assert!(key.starts_with("bakehouse/hello-web/") && key.ends_with("-eula.txt"), "{key}");
    let submissions = process.twin.calls().into_keys().filter(|operation| operation.name == "StartChangeSet").count();
    assert_eq!(submissions, 0, "nothing was submitted");

    let open = |state: &mut State| {
        state.s3.0.get_mut("bakehouse-twin").unwrap().policy = policy;
        Ok::<_, std::io::Error>(())
    };
    process.twin.change(open).unwrap();
    let process = world.reopened(process).await;
    process.ship().await.unwrap();
    assert!(plan(&process).await.is_empty());
}

/// A rehearsal needs no set-up: where the twin lacks the bucket it is made as the vendor's has to be.
#[tokio::test]
async fn a_rehearsal_makes_the_bucket_for_media() {
    let world = World::new().await;
    std::fs::write(world.folder.path().join("products/hello-web/eula.txt"), "Be fair.").unwrap();
    world.edit("product.toml", "[product]\n", "[product]\neula = { file = \"eula.txt\" }\n");
    world.edit("product.toml", "[listing]\n", "[listing]\nmedia-bucket = \"acme-media\"\n");
    let process = world.open().await;
    process.ship().await.unwrap();
    assert!(plan(&process).await.is_empty());
    assert!(process.twin.read(|state| state.s3.0["acme-media"].policy.is_some()));
}

#[tokio::test]
async fn a_product_is_sold_by_a_template_alone() {
    let world = World::new().await;
    std::fs::write(world.folder.path().join("products/hello-web/listing/server.yaml"), TEMPLATE).unwrap();
    let template = "template = [{ title = \"One server\", short-description = \"A server.\", long-description = \"A server.\", \
                    file = \"listing/server.yaml\", diagram-url = \"https://acme.s3.amazonaws.com/server.png\" }]";
    world.edit("product.toml", "[listing]\n", &format!("[listing]\nmedia-bucket = \"bakehouse-twin\"\nimage-alone = false\n{template}\n"));
    let rules = "security-groups = [\n    { protocol = \"tcp\", port = 80, ranges = [\"0.0.0.0/0\"] },\n    { protocol = \"tcp\", port = 22, ranges = [\"10.0.0.0/8\"] },\n]\naccess-endpoint = { protocol = \"http\", port = 80 }\n";
    world.edit("product.toml", rules, "");
    world.open().await.ship().await.unwrap();
    let planned = plan(&world.open().await).await;
    assert!(planned.is_empty() && planned.notices.is_empty(), "{planned:#?}");
    is_applied(
        &world,
        "recommended-instance-type = \"t3.small\"",
        "recommended-instance-type = \"t3.micro\"",
        &[&["UpdateDeliveryOptions"]],
    )
    .await;
}

#[tokio::test]
async fn a_draft_that_is_not_empty_is_told_before_anything_is_baked() {
    let world = World::new().await;
    let process = world.open().await;
    let made = |kind: &str, change: &str, name: &str, details: serde_json::Value| json!({ "ChangeType": change, "ChangeName": name, "Entity": { "Type": kind }, "DetailsDocument": details });
    let dimension = json!({ "Key": "t3.micro", "Name": "t3.micro", "Description": "t3.micro", "Unit": "Hrs", "Types": ["Metered"] });
    let mut dimensions = made("AmiProduct@1.0", "AddDimensions", "Dimensions", json!([dimension]));
    dimensions["Entity"]["Identifier"] = json!("$Draft.Entity.Identifier");
    let request = json!({ "Catalog": "AWSMarketplace", "ChangeSetName": "by hand", "ChangeSet": [
        made("AmiProduct@1.0", "CreateProduct", "Draft", json!({ "ProductTitle": process.product.texts.title })),
        dimensions,
        made("Offer@1.0", "CreateOffer", "Offer", json!({ "ProductId": "$Draft.Entity.Identifier", "Name": "Begun" })),
    ] });
    process.engine.writer.start_change_set(&request, false, "by-hand").await.unwrap();
    process.engine.clock.sleep(Duration::from_secs(24 * 60 * 60)).await;
    let refused = process.next().await.unwrap_err();
    let EngineError::Plan(PlanError::DraftFilled { has, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(has, ["1 dimension", "1 public offer"]);
}
