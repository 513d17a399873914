//! What people and repeated scans make of products, as a script says.

use serde_json::{Value, json};

use super::super::entities::{Body, Visibility};
use super::{Bench, HOUR, change, codes, first_listing, image_id, version};
use crate::clock::Clock;
use crate::twin::Options;
use crate::twin::faults::{Fault, FaultRule, RESCAN, ScanFinding};
use crate::twin::machines::Machines;

fn bench(faults: Vec<FaultRule>) -> Bench {
    let clock = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
    Bench::of(Options { seed: Some("catalog".to_owned()), limit_rates: false, faults, ..Options::new(clock, Machines::None) })
}

fn refusal(code: &str, message: &str) -> Fault {
    Fault::Refusal { code: code.to_owned(), message: message.to_owned() }
}

fn findings(code: &str, message: &str) -> Fault {
    Fault::ScanFindings(vec![ScanFinding { code: code.to_owned(), message: message.to_owned() }])
}

#[tokio::test]
async fn a_reviewer_refuses_with_words_and_then_lets_pass() {
    let bench = bench(vec![FaultRule::first_changes("UpdateVisibility", 1, refusal("AUDIT_ERROR", "The logo is another company's."))]);
    let (product, _) = bench.listed().await;
    for (status, visibility) in [("FAILED", "Limited"), ("SUCCEEDED", "Public")] {
        let publish = change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": "Public" }));
        let (_, answer) = bench.start(&[publish]).await;
        let id = answer["ChangeSetId"].as_str().unwrap();
        bench.twin.clock().sleep(HOUR * 24 * 6).await;
        assert_eq!(bench.set(id).await["Status"], "APPLYING", "it takes days");
        bench.twin.clock().sleep(HOUR * 24).await;
        let set = bench.set(id).await;
        assert_eq!(
            (&set["Status"], &bench.entity(&product).await["DetailsDocument"]["Description"]["Visibility"]),
            (&json!(status), &json!(visibility))
        );
        if status == "FAILED" {
            let error = &set["ChangeSet"][0]["ErrorDetailList"][0];
            assert_eq!(error, &json!({ "ErrorCode": "AUDIT_ERROR", "ErrorMessage": "The logo is another company's." }));
        }
    }
}

#[tokio::test]
async fn a_restriction_can_be_thought_better_of_for_a_day() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    for (target, hours, expected) in [("Restricted", 23, 200), ("Restricted", 24, 423), ("Public", 1, 423)] {
        let (status, answer) =
            bench.start(&[change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": target }))]).await;
        assert_eq!(status, 200, "{answer}");
        let id = answer["ChangeSetId"].as_str().unwrap();
        bench.twin.clock().sleep(HOUR * hours).await;
        let uri = format!("/CancelChangeSet?catalog=AWSMarketplace&changeSetId={id}");
        assert_eq!(bench.call_in("us-east-1", "PATCH", &uri, &Value::Null).await.0, expected, "{target} after {hours} hours");
        bench.twin.clock().sleep(HOUR * 24 * 8).await;
    }
}

#[tokio::test]
async fn a_fault_of_aws_is_told_as_one_and_burns_no_code() {
    let bench = bench(vec![FaultRule::first_changes("UpdateTargeting", 1, refusal("SERVER_FAULT", ""))]);
    let (status, answer) = bench.start(&first_listing(&bench)).await;
    assert_eq!(status, 200);
    bench.twin.clock().sleep(HOUR).await;
    let set = bench.set(answer["ChangeSetId"].as_str().unwrap()).await;
    assert_eq!((&set["Status"], &set["FailureCode"], codes(&set).len()), (&json!("FAILED"), &json!("SERVER_FAULT"), 0));
}

#[tokio::test]
async fn a_scan_that_finds_something_fails_set_and_assessment() {
    let bench = bench(vec![FaultRule {
        nth: 2,
        ..FaultRule::first_changes("AddDeliveryOptions", 1, findings("CVE", "openssl 1.0 has CVE-2026-1."))
    }]);
    let (product, _) = bench.listed().await;
    let failed = bench.finish(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
    assert_eq!(codes(&failed), ["SCAN_ERROR"]);
    let request = json!({ "Catalog": "AWSMarketplace", "FrameworkId": "AMISecurity", "AssessmentTargetFilter": { "ChangeSetId": failed["ChangeSetId"] } });
    let (_, list) = bench.post("ListAssessments", request).await;
    let request = json!({ "Catalog": "AWSMarketplace", "AssessmentIdentifier": list["AssessmentSummaryList"][0]["AssessmentId"] });
    let (_, told) = bench.post("DescribeAssessment", request).await;
    let error = &told["ControlAssessments"][3]["Errors"][0];
    assert_eq!(
        (&told["AssessmentResult"], &error["Code"], &error["Message"]),
        (&json!("FAIL"), &json!("CVE"), &json!("openssl 1.0 has CVE-2026-1."))
    );
}

#[tokio::test]
async fn published_versions_are_scanned_again_and_may_come_to_fail_or_to_be_forgotten() {
    // The first scan passes, the second fails, the third and the fourth are left out.
    let fails = FaultRule { nth: 2, ..FaultRule::first_changes(RESCAN, 1, findings("CVE", "openssl has CVE-2026-2.")) };
    let left_out = FaultRule { nth: 3, times: 2, ..FaultRule::first_changes(RESCAN, 1, Fault::LostRequest) };
    let bench = bench(vec![fails, left_out]);
    let (product, _) = bench.listed().await;
    let results = async || {
        let request =
            json!({ "Catalog": "AWSMarketplace", "FrameworkId": "AMISecurity", "AssessmentTargetFilter": { "EntityId": product } });
        let (_, list) = bench.post("ListAssessments", request).await;
        list["AssessmentSummaryList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["AssessmentResult"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut seen = Vec::new();
    for _ in 0..5 {
        bench.twin.clock().sleep(HOUR * 24 * 30).await;
        seen.push(results().await.join(" "));
    }
    assert_eq!(seen, ["PASS PASS", "FAIL PASS PASS", "FAIL PASS PASS", "FAIL PASS", "PASS FAIL"], "the latest first");
}

#[tokio::test]
async fn at_most_75_products_are_public() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    bench.change(|state| {
        let mut copy = state.catalog.entities[&product].clone();
        let Body::Product(body) = &mut copy.body else { panic!("a product") };
        body.visibility = Visibility::Public;
        for number in 0..75 {
            copy.id = format!("prod-{number:013}");
            state.catalog.entities.insert(copy.id.clone(), copy.clone());
        }
    });
    let publish = change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": "Public" }));
    let (status, refused) = bench.start(&[publish]).await;
    assert_eq!((status, &refused["__type"]), (402, &json!("ServiceQuotaExceededException")));
}
