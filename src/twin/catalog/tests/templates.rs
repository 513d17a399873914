//! Versions that are delivered by CloudFormation templates.

use http::Request;
use serde_json::{Value, json};

use super::{Bench, HOUR, change, codes, image_id, png, template, version};
use crate::rules::addresses::{document_fault, logo_fault};
use crate::rules::cloudformation::{LARGEST_BYTES, Rule, judge};
use crate::rules::diagram::{DiagramFault, diagram_fault};

const GOOD: &str = "\
Parameters:
  ImageId: { Type: AWS::EC2::Image::Id }
Resources:
  Server:
    Type: AWS::EC2::Instance
    Properties: { ImageId: !Ref ImageId }
";

/// A version with the options of two templates, beside the image alone or not.
fn templated(bench: &Bench, product: &str, title: &str, image: u64, alone: bool, text: &str) -> Value {
    let diagram = bench.put_object("diagram.png", &png(1560, 878));
    let url = bench.put_object("template.yaml", text.as_bytes());
    let mut version = version(bench, product, title, &image_id(image));
    let options = [template(&version, "One stove", &url, &diagram), template(&version, "Two stoves", &url, &diagram)];
    let list = version["DetailsDocument"]["DeliveryOptions"].as_array_mut().unwrap();
    if !alone {
        list.clear();
    }
    list.extend(options);
    version
}

#[tokio::test]
async fn a_version_of_an_image_and_two_templates_reads_back() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let set = bench.finish(&[templated(&bench, &product, "2.0.0", 2, true, GOOD)]).await;
    assert_eq!(set["Status"], "SUCCEEDED", "{set:#}");
    let read = bench.entity(&product).await;
    insta::assert_json_snapshot!("templated_version", read["DetailsDocument"]["Versions"][1]);
    let alone = bench.finish(&[templated(&bench, &product, "3.0.0", 3, false, GOOD)]).await;
    assert_eq!(alone["Status"], "SUCCEEDED", "a version of templates alone: {alone:#}");
}

#[tokio::test]
async fn beside_templates_an_image_names_no_port() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let mut version = templated(&bench, &product, "2.0.0", 2, true, GOOD);
    let options = &mut version["DetailsDocument"]["DeliveryOptions"];
    options[0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"]["ScanningPort"] = json!(22);
    assert_eq!(codes(&bench.finish(std::slice::from_ref(&version)).await), ["INVALID_DELIVERY_OPTIONS"]);
    let options = &mut version["DetailsDocument"]["DeliveryOptions"];
    options[1]["Details"]["DeploymentTemplateDeliveryOptionDetails"]["TemplateSources"][0]["AmiSource"]["ScanningPort"] = json!(22);
    assert_eq!(bench.start(&[version]).await.0, 422);
}

#[tokio::test]
async fn a_templates_texts_can_change_and_the_template_can_not() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    bench.finish(&[templated(&bench, &product, "2.0.0", 2, true, GOOD)]).await;
    let versions = bench.entity(&product).await["DetailsDocument"]["Versions"].clone();
    let id = |version: usize, option: usize| versions[version]["DeliveryOptions"][option]["Id"].clone();
    let update = |id: &Value, details: Value| {
        let details = json!({ "DeploymentTemplateDeliveryOptionDetails": details });
        let details = json!({ "DeliveryOptions": [{ "Id": id, "Details": details }] });
        [change("AmiProduct", "UpdateDeliveryOptions", &product, details)]
    };
    let texts = json!({ "DeliveryOptionTitle": "Three stoves", "UsageInstructions": "Wait." });
    assert_eq!(bench.finish(&update(&id(1, 1), texts)).await["Status"], "SUCCEEDED");
    let option = bench.entity(&product).await["DetailsDocument"]["Versions"][1]["DeliveryOptions"][1].clone();
    assert_eq!((&option["Title"], &option["Instructions"]["Usage"]), (&json!("Three stoves"), &json!("Wait.")));
    assert_eq!(codes(&bench.finish(&update(&id(1, 0), json!({ "UsageInstructions": "Wait." }))).await), ["INVALID_DELIVERY_OPTIONS"]);
    let taken = json!({ "DeliveryOptionTitle": "Two stoves" });
    assert_eq!(codes(&bench.finish(&update(&id(1, 1), taken)).await), ["DUPLICATE_DELIVERY_OPTION_TITLES"]);
    let (status, refused) = bench.start(&update(&id(1, 1), json!({ "Template": "https://acme.s3.amazonaws.com/x.yaml" }))).await;
    let message = refused["Message"].as_str().unwrap();
    assert!(status == 422 && message.contains("has properties which are not allowed: ['Template']"), "{message}");
    let both = json!({ "DeliveryOptions": [{ "Id": id(0, 0) }, { "Id": id(1, 0) }] });
    let both = bench.finish(&[change("AmiProduct", "UpdateDeliveryOptions", &product, both)]).await;
    assert_eq!(codes(&both), ["INVALID_DELIVERY_OPTIONS"], "of two versions");
}

#[tokio::test]
async fn what_a_scan_finds_in_a_template_lies_behind_an_address_for_60_days() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let text = GOOD.replace("!Ref ImageId", "ami-0123456789abcdef0");
    let failed = bench.finish(&[templated(&bench, &product, "2.0.0", 2, false, &text)]).await;
    assert_eq!(codes(&failed), ["SCAN_ERROR"]);
    let url = failed["ChangeSet"][0]["ErrorDetailList"][0]["ErrorMessage"].as_str().unwrap();
    let fetch = async || {
        let reply = bench.twin.call(Request::get(url).body(bytes::Bytes::new()).unwrap()).await;
        (reply.status().as_u16(), serde_json::from_slice::<Value>(reply.body()).unwrap())
    };
    let (status, list) = fetch().await;
    let found: Vec<&str> = list.as_array().unwrap().iter().map(|finding| finding["ErrorCode"].as_str().unwrap()).collect();
    assert_eq!((status, found), (200, ["UNUSED_AMI_PARAMETER", "FOREIGN_AMI"].repeat(2)));
    bench.twin.clock().sleep(HOUR * 24 * 61).await;
    assert_eq!(fetch().await.0, 403);
}

#[tokio::test]
async fn media_of_templates_are_looked_at() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let mut small = templated(&bench, &product, "2.0.0", 2, false, GOOD);
    bench.put_object("diagram.png", &png(1560, 900));
    assert_eq!(codes(&bench.finish(std::slice::from_ref(&small)).await), ["InvalidImageProperties", "InvalidImageProperties"]);
    bench.put_object("diagram.png", &png(1560, 3120));
    let options = small["DetailsDocument"]["DeliveryOptions"].as_array_mut().unwrap();
    options.truncate(1);
    options[0]["Details"]["DeploymentTemplateDeliveryOptionDetails"]["Template"] = json!(super::address("none.yaml"));
    small["DetailsDocument"]["Version"]["VersionTitle"] = json!("2.0.1");
    assert_eq!(codes(&bench.finish(&[small]).await), ["INVALID_MEDIA"]);
}

/// A template that keeps all rules, with something for each of them.
const WHOLE: &str = "\
Parameters:
  ImageId: { Type: AWS::EC2::Image::Id }
  Admins: { Type: String, Default: 10.0.0.0/8 }
  Password: { Type: String, NoEcho: true }
  MPS3BucketName: { Type: String, Default: acme }
  MPS3BucketRegion: { Type: String, Default: us-east-1 }
  MPS3KeyPrefix: { Type: String, Default: stove/ }
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref Admins }
  Server:
    Type: AWS::EC2::Instance
    Properties: { ImageId: !Ref ImageId }
  Code:
    Type: AWS::Lambda::Function
    Properties: { Code: { ZipFile: 'x' } }
  Network:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: !Sub 'https://${MPS3BucketName}.s3.amazonaws.com/${MPS3KeyPrefix}network.yaml' }
";

/// Two readings of the reference: what the lint tells at once, the Marketplace would refuse an hour later.
#[tokio::test]
async fn what_the_lint_says_of_a_template_the_scan_finds_too() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let image_type = "ImageId: { Type: AWS::EC2::Image::Id }";
    let cases = [
        (Rule::Syntax, "Resources:", "Resources: [", "INVALID_TEMPLATE"),
        (Rule::Syntax, "Parameters:", "Parameters: &a\nOther: *a\nMore:", "INVALID_TEMPLATE"),
        (Rule::Syntax, "Resources:", "Parameters:", "INVALID_TEMPLATE"),
        (Rule::Resources, "Resources:", "Outputs:", "INVALID_TEMPLATE"),
        (Rule::ImageParameterMissing, image_type, "Image: { Type: String }", "MISSING_AMI_PARAMETER"),
        (Rule::ImageParameterType, image_type, "ImageId: { Type: String }", "INVALID_AMI_PARAMETER"),
        (Rule::ImageParameterUnused, "{ ImageId: !Ref ImageId }", "{ KeyName: x }", "UNUSED_AMI_PARAMETER"),
        (Rule::ForeignImage, "ImageId: !Ref ImageId", "ImageId: ami-0123456789abcdef0, Tag: !Ref ImageId", "FOREIGN_AMI"),
        (Rule::OwnParameterStore, "Admins: { Type: String,", "Admins: { Type: 'AWS::SSM::Parameter::Value<String>',", "SSM_PARAMETER"),
        (Rule::DefaultPassword, "NoEcho: true }", "NoEcho: true, Default: changeme }", "DEFAULT_PASSWORD"),
        (Rule::OpenAccess, "Default: 10.0.0.0/8", "Default: 0.0.0.0/0", "OPEN_ACCESS"),
        (Rule::OpenAccess, "FromPort: 22, ToPort: 22, CidrIp: !Ref Admins", "FromPort: 0, ToPort: 9999, CidrIpv6: '::/0'", "OPEN_ACCESS"),
        (Rule::ExternalCode, "{ ZipFile: 'x' }", "{ S3Bucket: acme, S3Key: code.zip }", "EXTERNAL_CODE"),
        (Rule::Nesting, "MPS3KeyPrefix: {", "Prefix: {", "MISSING_NESTING_PARAMETERS"),
        (Rule::Nesting, "${MPS3KeyPrefix}", "", "INVALID_NESTED_TEMPLATE"),
    ];
    assert_eq!(judge(WHOLE, &["ImageId"]), []);
    for (index, (rule, from, to, code)) in cases.into_iter().enumerate() {
        assert!(WHOLE.contains(from), "{from}");
        let text = WHOLE.replacen(from, to, 1);
        let told: Vec<Rule> = judge(&text, &["ImageId"]).into_iter().map(|fault| fault.rule).collect();
        assert_eq!(told.first(), Some(&rule), "{to}");
        let failed = bench.finish(&[templated(&bench, &product, &format!("2.0.{index}"), 2, false, &text)]).await;
        assert_eq!(codes(&failed), ["SCAN_ERROR"], "{to}");
        let url = failed["ChangeSet"][0]["ErrorDetailList"][0]["ErrorMessage"].as_str().unwrap();
        let reply = bench.twin.call(Request::get(url).body(bytes::Bytes::new()).unwrap()).await;
        let found: Value = serde_json::from_slice(reply.body()).unwrap();
        assert!(found.as_array().unwrap().iter().any(|finding| finding["ErrorCode"] == code), "{to}: {found:#}");
    }
    let passed = bench.finish(&[templated(&bench, &product, "3.0.0", 2, false, WHOLE)]).await;
    assert_eq!(passed["Status"], "SUCCEEDED", "{passed:#}");
}

/// The same of pictures, addresses, sizes and titles.
#[tokio::test]
async fn what_the_lint_says_of_a_templates_media_is_refused_too() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let version = templated(&bench, &product, "2.0.0", 2, false, GOOD);
    let with = |number: usize, field: &str, value: &str| {
        let mut version = version.clone();
        version["DetailsDocument"]["Version"]["VersionTitle"] = json!(format!("2.0.{number}"));
        let options = version["DetailsDocument"]["DeliveryOptions"].as_array_mut().unwrap();
        options.truncate(1);
        options[0]["Details"]["DeploymentTemplateDeliveryOptionDetails"][field] = json!(value);
        version
    };
    assert!(matches!(diagram_fault(b"<svg/>", "png"), Some(DiagramFault::Format(_))));
    assert!(matches!(diagram_fault(&png(1560, 900), "png"), Some(DiagramFault::Dimensions(_))));
    let long = vec![b' '; usize::try_from(LARGEST_BYTES).unwrap() + 1];
    let heavy = [png(1560, 878), vec![0; 5 * 1024 * 1024]].concat();
    for (index, (field, content, code)) in [
        ("ArchitectureDiagram", b"<svg/>".to_vec(), "InvalidImageProperties"),
        ("ArchitectureDiagram", png(1560, 900), "InvalidImageProperties"),
        ("ArchitectureDiagram", heavy, "INVALID_MEDIA"),
        ("Template", long, "INVALID_MEDIA"),
    ]
    .into_iter()
    .enumerate()
    {
        let url = bench.put_object(&format!("{index}.png"), &content);
        assert_eq!(codes(&bench.finish(&[with(index, field, &url)]).await), [code], "{field}");
    }
    let elsewhere = "https://example.com/x.png";
    assert!(document_fault(elsewhere).is_some() && logo_fault(elsewhere).is_some());
    for (index, field) in ["ArchitectureDiagram", "Template"].into_iter().enumerate() {
        assert_eq!(codes(&bench.finish(&[with(10 + index, field, elsewhere)]).await), ["INVALID_MEDIA"], "{field}");
    }
    let mut twice = version.clone();
    twice["DetailsDocument"]["Version"]["VersionTitle"] = json!("3.0.0");
    twice["DetailsDocument"]["DeliveryOptions"][1]["DeliveryOptionTitle"] = json!("One stove");
    assert_eq!(codes(&bench.finish(&[twice]).await), ["DUPLICATE_DELIVERY_OPTION_TITLES"]);
    let mut many = with(20, "ShortDescription", "A stove.");
    let options = many["DetailsDocument"]["DeliveryOptions"].as_array_mut().unwrap();
    for title in ["Two", "Three", "Four"] {
        options.push(options[0].clone());
        options.last_mut().unwrap()["DeliveryOptionTitle"] = json!(title);
    }
    assert_eq!(codes(&bench.finish(&[many]).await), ["INVALID_DELIVERY_OPTIONS"]);
}
