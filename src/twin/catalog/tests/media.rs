//! Files in the seller's buckets.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, address, change, codes, png};
use crate::twin::s3::FIRST_BUCKET;

fn logo(product: &str, url: &str) -> [Value; 1] {
    [change("AmiProduct", "UpdateInformation", product, json!({ "LogoUrl": url }))]
}

#[tokio::test]
async fn a_logo_in_a_bucket_of_the_twin_is_looked_at() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let virus = [png(300, 300), br"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*".to_vec()].concat();
    let cases = [
        ("good.png", Some(png(300, 300)), None),
        ("wide.png", Some(png(400, 200)), None),
        ("missing.png", None, Some("INVALID_MEDIA")),
        ("virus.png", Some(virus), Some("INVALID_MEDIA")),
        ("large.png", Some(vec![0; 5 * 1024 * 1024 + 1]), Some("INVALID_MEDIA")),
        ("text.png", Some(b"<svg/>".to_vec()), Some("InvalidImageProperties")),
        ("small.png", Some(png(100, 100)), Some("InvalidImageProperties")),
        ("tall.png", Some(png(120, 130)), Some("InvalidImageProperties")),
        ("vector.svg", Some(b"<svg/>".to_vec()), Some("InvalidImageProperties")),
    ];
    for (key, bytes, expected) in cases {
        if let Some(bytes) = bytes {
            bench.put_object(key, &bytes);
        }
        let set = bench.finish(&logo(&product, &address(key))).await;
        assert_eq!(codes(&set), expected.into_iter().collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test]
async fn what_not_everyone_may_read_the_marketplace_can_not_read_either() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let url = bench.put_object("logo.png", &png(300, 300));
    let licence = bench.put_object("eula.txt", b"Be fair.");
    bench.change(|state| state.s3.0.get_mut(FIRST_BUCKET).unwrap().policy = None);
    assert_eq!(codes(&bench.finish(&logo(&product, &url)).await), ["INVALID_MEDIA"]);
    let terms = json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [{ "Type": "CustomEula", "Url": licence }] }] });
    assert_eq!(codes(&bench.finish(&[change("Offer", "UpdateLegalTerms", &offer, terms)]).await), ["INVALID_LEGAL_DOCUMENTS"]);
}

#[tokio::test]
async fn what_lies_elsewhere_in_s3_passes_and_what_lies_elsewhere_does_not() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let set = bench.finish(&logo(&product, "https://acme-media.s3.eu-west-1.amazonaws.com/logo.png")).await;
    assert_eq!(set["Status"], "SUCCEEDED");
    for url in ["https://raw.githubusercontent.com/acme/stove/logo.png", "https://acme.example/amazonaws.com/logo.png"] {
        assert_eq!(codes(&bench.finish(&logo(&product, url)).await), ["INVALID_MEDIA"], "{url}");
    }
}

#[tokio::test]
async fn a_licence_is_read_as_long_as_its_address_is_good() {
    let bench = Bench::new();
    let (_, offer) = bench.listed().await;
    let url = bench.put_object("eula.txt", b"Be fair.");
    bench.put_object("long.txt", &vec![b' '; 5 * 1024 * 1024 + 1]);
    let terms = |url: &str| {
        let terms = json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [{ "Type": "CustomEula", "Url": url }] }] });
        [change("Offer", "UpdateLegalTerms", &offer, terms)]
    };
    let presigned = |url: &str, seconds: u64| {
        let at = "2026-03-01T10:00:00Z".parse().unwrap();
        crate::twin::testing::presigned(&bench.twin, url, at, Duration::from_secs(seconds))
    };
    for (url, expected) in [
        (url.clone(), None),
        (presigned(&url, 604_800), None),
        (presigned(&url, 60), Some("INVALID_LEGAL_DOCUMENTS")),
        (presigned(&address("none.txt"), 604_800), Some("INVALID_LEGAL_DOCUMENTS")),
        (presigned(&address("none.txt"), 604_800).replace("none", "eula"), Some("INVALID_LEGAL_DOCUMENTS")),
        (address("none.txt"), Some("INVALID_LEGAL_DOCUMENTS")),
        (address("long.txt"), Some("LIMIT_EXCEEDED_LEGAL_DOCUMENT_SIZE")),
    ] {
        assert_eq!(codes(&bench.finish(&terms(&url)).await), expected.into_iter().collect::<Vec<_>>(), "{url}");
    }
    let read = &bench.entity(&offer).await["DetailsDocument"];
    let legal = read["Terms"].as_array().unwrap().iter().find(|term| term["Type"] == "LegalTerm").unwrap();
    let rewritten = legal["Documents"][0]["Url"].as_str().unwrap();
    assert!(rewritten.starts_with("https://s3.amazonaws.com/awsmp-eulas/"), "{rewritten}");
}
