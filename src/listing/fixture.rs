//! A product, its release and its live listing, for the tests of this folder.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::compose::ReleaseFacts;
use super::entity::{AmiProduct, Offer};
use crate::model::deployment_template::DeploymentTemplate;
use crate::model::digest::Digest;
use crate::model::product::*;
use crate::model::report::Severity;

pub(super) fn product() -> Product {
    Product {
        slug: "hello".parse().unwrap(),
        vendor: "Acme".into(),
        texts: Texts {
            title: "Acme Hello".into(),
            short_description: "A page that says hello.".into(),
            long_description: "First line.\nSecond \"line\".".into(),
            highlights: vec!["Starts in seconds".into()],
            search_keywords: vec!["hello".into(), "web".into()],
            categories: vec!["Application Servers".into()],
            sku: None,
            logo_url: "https://acme.s3.amazonaws.com/logo.png".into(),
            logo: None,
            video_url: None,
            additional_resources: vec![Link { text: "Manual".into(), url: "https://acme.example.com/manual".into() }],
            support_description: "Write to support@acme.example.com.".into(),
            repackaged_open_source: false,
        },
        image: ImageSpec {
            architecture: crate::model::ids::Architecture::X86_64,
            os_name: "OTHERLINUX".into(),
            os_version: "Debian 13".into(),
            login_user: "admin".into(),
            base: Base::Newest { owner: "136693071363".into(), name: "debian-13-amd64-*".into() },
            root_volume_size_gib: 8,
            root_volume_type: "gp3".into(),
            boot_mode: BootMode::UefiPreferred,
        },
        provision: Vec::new(),
        security_updates: true,
        build: Build {
            region: "us-east-1".parse().unwrap(),
            instance_type: "t3.small".into(),
            subnet: None,
            public_address: None,
            deadline: Duration::from_secs(1800),
            bucket: None,
        },
        distribution: Distribution { regions: BTreeSet::new(), accounts: BTreeMap::new(), share_with_marketplace: true },
        boot: BootPolicy {
            user: "admin".to_owned(),
            port: 22,
            instance_type: "t3.small".to_owned(),
            deadline: Duration::from_secs(1200),
            allow_from: "0.0.0.0/0".to_owned(),
            checks: Vec::new(),
            tests: Vec::new(),
        },
        listing: Listing {
            product_id: None,
            access_role: "arn:aws:iam::123456789012:role/Ingest".parse().unwrap(),
            usage_instructions: "Launch it and browse to port 80.".into(),
            recommended_instance_type: "t3.small".into(),
            image_alone: true,
            templates: Vec::new(),
            security_groups: vec![SecurityGroupRule {
                protocol: "tcp".into(),
                from_port: 80,
                to_port: 80,
                ranges: vec!["0.0.0.0/0".into()],
            }],
            access_endpoint: Some(AccessEndpoint { protocol: "http".into(), port: 80, path: None }),
            scanning_port: 22,
            instance_types: BTreeSet::from(["t3.small".into(), "t3.medium".into()]),
            regions: BTreeSet::from(["us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap()]),
            future_regions: FutureRegions::All,
            pricing: Pricing::Hourly { rates: BTreeMap::from([("t3.small".into(), "0.02".into()), ("t3.medium".into(), "0.04".into())]) },
            free_trial: None,
            offer: PublicOffer::default(),
            eula: Eula::Standard { version: "2022-07-14".into() },
            refund_policy: "No refunds.".into(),
            allowed_accounts: BTreeSet::from(["210987654321".parse().unwrap()]),
            release_notes: None,
        },
        scan: ScanPolicy::failing_on(Severity::High),
        tags: BTreeMap::new(),
        manifest_digest: Digest::of("manifest"),
        inputs: BTreeMap::new(),
        places: BTreeMap::new(),
        to_fill_in: BTreeSet::new(),
    }
}

pub(super) fn template(title: &str) -> DeploymentTemplate {
    let url = |ending: &str| format!("https://acme.s3.amazonaws.com/{}.{ending}", title.replace(' ', "-"));
    DeploymentTemplate {
        title: title.into(),
        short_description: "A network and a server in it.".into(),
        long_description: "A network.\nA server in it.".into(),
        usage_instructions: "Launch the stack.".into(),
        recommended_instance_type: "t3.small".into(),
        url: url("yaml"),
        file: None,
        diagram_url: url("png"),
        diagram: None,
        image_parameters: vec!["ImageId".into()],
    }
}

pub(super) fn release(version: &str) -> ReleaseFacts {
    ReleaseFacts {
        version: version.parse().unwrap(),
        image: "ami-0123456789abcdef0".parse().unwrap(),
        base: Some("debian-13-amd64-20261101".into()),
    }
}

/// What AWS tells of [`product`] once it is listed: rewritten, reordered, added to.
pub(super) fn live_product() -> AmiProduct {
    AmiProduct::parse(&live_product_json().to_string()).unwrap()
}

pub(super) fn live_product_json() -> Value {
    json!({
        "Versions": [{
            "Id": "11111111-0000-4000-8000-000000000000", "VersionTitle": "1.0.0", "ReleaseNotes": "First.", "CreationDate": "2026-11-01T10:00:00.000Z",
            "DeliveryOptions": [{
                "Id": "22222222-0000-4000-8000-000000000000", "Type": "AmazonMachineImage", "SourceId": "33333333-0000-4000-8000-000000000000",
                "Title": "(x86_64) Amazon Machine Image", "Visibility": "Limited", "AmiAlias": "/aws/service/marketplace/prod-abc/1.0.0",
                "Instructions": { "Usage": "Launch it and browse to port 80.", "Access": { "Type": "Endpoint", "Port": "80", "Protocol": "http" } },
                "Recommendations": { "InstanceType": "t3.small",
                    "SecurityGroups": [{ "Protocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIps": ["0.0.0.0/0"] }] },
            }],
            "Sources": [{
                "Id": "33333333-0000-4000-8000-000000000000", "Type": "AmazonMachineImage", "Image": "ami-0123456789abcdef0", "Architecture": "x86_64",
                "VirtualizationType": "hvm",
                "OperatingSystem": { "Name": "OTHERLINUX", "Version": "Debian 13", "Username": "admin", "ScanningPort": 22 },
            }],
        }],
        "Description": {
            "ProductTitle": "Acme Hello", "ProductCode": "abc123", "ShortDescription": "A page that says hello.", "Manufacturer": "Acme",
            "LongDescription": "First line.\nSecond \"line\".", "Sku": null, "Highlights": ["Starts in seconds"], "SearchKeywords": ["web", "hello"],
            "Visibility": "Limited", "ProductState": "Active", "Categories": ["Application Servers"],
        },
        "PromotionalResources": { "LogoUrl": "https://s3.amazonaws.com/awsmp-logos/x.png", "Videos": null,
            "AdditionalResources": [{ "Type": "Link", "Text": "Manual", "Url": "https://acme.example.com/manual" }] },
        "SupportInformation": { "Description": "Write to support@acme.example.com.", "Resources": [] },
        "RegionAvailability": { "Regions": ["us-east-1", "eu-west-1", "ap-south-1"], "Restrict": ["ap-south-1"], "FutureRegionSupport": "All" },
        "Dimensions": [],
        "Targeting": { "PositiveTargeting": { "BuyerAccounts": ["210987654321", "999999999999"] } },
        "Compatibility": { "AvailableInstanceTypes": ["t3.small", "t3.medium", "t2.small"], "RestrictedInstanceTypes": ["t2.small"] },
    })
}

/// What AWS tells of the public offer of [`product`].
pub(super) fn live_offer() -> Offer {
    Offer::parse(&live_offer_json().to_string()).unwrap()
}

pub(super) fn live_offer_json() -> Value {
    json!({
        "Id": "offer-abc", "State": "Released", "Name": "Acme Hello: public offer", "ProductId": "prod-abc", "OfferSetId": null,
        "Terms": [
            { "Type": "UsageBasedPricingTerm", "Id": "term-1", "CurrencyCode": "USD",
              "RateCards": [{ "RateCard": [{ "DimensionKey": "t3.medium", "Price": "0.040" }, { "DimensionKey": "t3.small", "Price": "0.0200" }] }] },
            { "Type": "LegalTerm", "Documents": [{ "Type": "StandardEula", "Version": "2022-07-14" }] },
            { "Type": "SupportTerm", "RefundPolicy": "No refunds." },
        ],
        "Rules": [{ "Type": "TargetingRule", "PositiveTargeting": { "CountryCodes": ["US"] } }],
    })
}
