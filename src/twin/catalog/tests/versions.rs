//! Versions and their images.

use serde_json::{Value, json};

use super::{Bench, HOUR, codes, image_id, version};
use crate::twin::state::{Image, State};

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
    let (_, later) = bench.post("ListAssessments", list(json!({ "EntityId": product }))).await;
    let left = later["AssessmentSummaryList"].as_array().unwrap();
    assert_eq!(left.len(), 3, "what has expired is told as such: {later:#}");
    assert_eq!(left[0]["AssessmentTargetSummary"], json!({ "EntityId": product }), "what is published was scanned again");
    let now = crate::twin::catalog::change_sets::time(bench.twin.clock().now());
    let expired: Vec<bool> = left.iter().map(|one| one["ExpiresAt"].as_str().unwrap() <= now.as_str()).collect();
    assert_eq!(expired, [false, true, true]);
    bench.twin.clock().sleep(HOUR * 24 * 60).await;
    let (_, gone) = bench.post("ListAssessments", list(json!({ "ChangeSetId": failed["ChangeSetId"] }))).await;
    assert_eq!(gone["AssessmentSummaryList"], json!([]));
}
