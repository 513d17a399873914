//! S3 as its clients see it.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::twin::Reply;
use crate::twin::testing::TestTwin;

fn code(reply: &Reply) -> String {
    let body = String::from_utf8_lossy(reply.body());
    body.split("<Code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.body()).into_owned()
}

impl TestTwin {
    async fn s3(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> Reply {
        let digest = crate::model::digest::Digest::of(body).to_hex();
        let length = body.len().to_string();
        let mut all = vec![("x-amz-content-sha256", &*digest), ("content-length", &*length)];
        all.extend(headers);
        self.send("s3", method, path, &all, body).await
    }
}

#[tokio::test]
async fn what_is_put_can_be_got_in_whole_and_in_part() {
    let test = TestTwin::new();
    let put =
        test.s3(Method::PUT, "/bakehouse-twin/a%20b/c", &[("x-amz-meta-kind", "text"), ("content-type", "text/plain")], "0123456789").await;
    assert_eq!(put.status(), 200, "{}", text(&put));
    assert_eq!(put.headers()["etag"], "\"781e5e245d69b566979b86e28d23f2c7\"");
    let got = test.s3(Method::GET, "/bakehouse-twin/a%20b/c", &[], "").await;
    assert_eq!((got.status(), &*text(&got)), (StatusCode::OK, "0123456789"));
    assert_eq!(
        (&got.headers()["x-amz-meta-kind"], &got.headers()["content-type"]),
        (&"text".parse().unwrap(), &"text/plain".parse().unwrap())
    );
    let part = test.s3(Method::GET, "/bakehouse-twin/a%20b/c", &[("range", "bytes=3-5")], "").await;
    assert_eq!((part.status(), &*text(&part)), (StatusCode::PARTIAL_CONTENT, "345"));
    assert_eq!(part.headers()["content-range"], "bytes 3-5/10");
    let beyond = test.s3(Method::GET, "/bakehouse-twin/a%20b/c", &[("range", "bytes=10-")], "").await;
    assert_eq!((beyond.status().as_u16(), &*code(&beyond)), (416, "InvalidRange"));
}

#[tokio::test]
async fn an_object_outlives_the_process_and_goes_with_its_deletion() {
    let test = TestTwin::new();
    test.s3(Method::PUT, "/bakehouse-twin/kept", &[], "x").await;
    test.s3(Method::PUT, "/bakehouse-twin/kept", &[], "y").await;
    let files = |test: &TestTwin| std::fs::read_dir(test.twin.folder().join("objects")).unwrap().count();
    assert_eq!(files(&test), 1, "what is replaced is removed");
    std::fs::write(test.twin.folder().join("objects/left-by-a-crash"), "z").unwrap();
    let test = test.restarted();
    assert_eq!(files(&test), 1, "what nothing names is swept");
    assert_eq!(text(&test.s3(Method::GET, "/bakehouse-twin/kept", &[], "").await), "y");
    assert_eq!(test.s3(Method::DELETE, "/bakehouse-twin/kept", &[], "").await.status(), 204);
    assert_eq!(files(&test), 0);
    assert_eq!(code(&test.s3(Method::GET, "/bakehouse-twin/kept", &[], "").await), "NoSuchKey");
    assert_eq!(test.s3(Method::DELETE, "/bakehouse-twin/kept", &[], "").await.status(), 204, "deleting nothing is no error");
}

#[tokio::test]
async fn a_key_is_taken_once_by_who_asks_for_that() {
    let test = TestTwin::new();
    let once = [("if-none-match", "*")];
    assert_eq!(test.s3(Method::PUT, "/bakehouse-twin/k", &once, "1").await.status(), 200);
    let again = test.s3(Method::PUT, "/bakehouse-twin/k", &once, "2").await;
    assert_eq!((again.status().as_u16(), &*code(&again)), (412, "PreconditionFailed"));
    let etag = |value: &'static str| [("if-match", value)];
    let right = "\"c4ca4238a0b923820dcc509a6f75849b\"";
    assert_eq!(code(&test.s3(Method::PUT, "/bakehouse-twin/k", &etag("\"0\""), "3").await), "PreconditionFailed");
    assert_eq!(test.s3(Method::PUT, "/bakehouse-twin/k", &etag(right), "3").await.status(), 200);
    assert_eq!(code(&test.s3(Method::PUT, "/bakehouse-twin/none", &etag(right), "3").await), "NoSuchKey");
    assert_eq!(code(&test.s3(Method::PUT, "/bakehouse-twin/k", &[("if-none-match", right)], "4").await), "NotImplemented");
}

#[tokio::test]
async fn bytes_that_are_not_what_was_said_are_refused_and_leave_nothing() {
    let test = TestTwin::new();
    for (header, value, expected) in [
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-sha256", "AAAA", "BadDigest"),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        ("content-md5", "nonsense", "InvalidDigest"),
    ] {
        let reply = test.s3(Method::PUT, "/bakehouse-twin/k", &[(header, value)], "x").await;
        assert_eq!((reply.status().as_u16(), &*code(&reply)), (400, expected), "{header}");
    }
    let (other, (id, secret)) = ("0".repeat(64), test.twin.credentials());
    let request = test.unsigned(Method::PUT, "/bakehouse-twin/k", &[("x-amz-content-sha256", &other), ("content-length", "1")], "x");
    let request = test.sign(request, "s3", &id, &secret, aws_sigv4::http_request::SignableBody::Precomputed(other.clone()));
    assert_eq!(code(&test.twin.call(request).await), "XAmzContentSHA256Mismatch");
    assert_eq!(std::fs::read_dir(test.twin.folder().join("objects")).unwrap().count(), 0);
    assert_eq!(code(&test.s3(Method::GET, "/bakehouse-twin/k", &[], "").await), "NoSuchKey");
}

#[tokio::test]
async fn a_copy_is_made_if_its_source_is_what_the_client_thinks() {
    let test = TestTwin::new();
    let put = test.s3(Method::PUT, "/bakehouse-twin/k", &[], "1").await;
    let etag = put.headers()["etag"].to_str().unwrap().to_owned();
    for (header, value, expected) in [
        ("x-amz-copy-source-if-match", &*etag, 200),
        ("x-amz-copy-source-if-match", "\"0\"", 412),
        ("x-amz-copy-source-if-none-match", &etag, 412),
        ("x-amz-copy-source-if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT", 412),
        ("x-amz-copy-source-if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT", 412),
    ] {
        let reply = test.s3(Method::PUT, "/bakehouse-twin/copy", &[("x-amz-copy-source", "bakehouse-twin/k"), (header, value)], "").await;
        assert_eq!(reply.status(), expected, "{header}: {value}: {}", text(&reply));
    }
}

#[tokio::test]
async fn checksums_are_one_and_of_documents_too() {
    let test = TestTwin::new();
    let two = [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-sha1", "AAAA")];
    assert_eq!(code(&test.s3(Method::PUT, "/bakehouse-twin/k", &two, "x").await), "InvalidRequest");
    let crc32 = ("x-amz-checksum-crc32", "jNwWgw==");
    let other = [crc32, ("x-amz-sdk-checksum-algorithm", "SHA256")];
    assert_eq!(code(&test.s3(Method::PUT, "/bakehouse-twin/k", &other, "x").await), "BadDigest");
    let announced = [crc32, ("x-amz-sdk-checksum-algorithm", "CRC32")];
    assert_eq!(test.s3(Method::PUT, "/bakehouse-twin/k", &announced, "x").await.status(), 200);
    test.s3(Method::PUT, "/bakehouse-twin/k", &[], "x").await;
    let document = "<Delete><Object><Key>k</Key></Object></Delete>";
    for (header, value, expected) in [
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        ("content-md5", "nonsense", "InvalidDigest"),
    ] {
        assert_eq!(code(&test.s3(Method::POST, "/bakehouse-twin?delete", &[(header, value)], document).await), expected, "{header}");
    }
    assert_eq!(test.s3(Method::GET, "/bakehouse-twin/k", &[], "").await.status(), 200, "nothing was deleted");
}

#[tokio::test]
async fn a_bucket_is_its_regions() {
    let test = TestTwin::new();
    let configuration = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-west-1\
                         </LocationConstraint></CreateBucketConfiguration>";
    let elsewhere = test.s3(Method::PUT, "/of-europe", &[], configuration).await;
    assert_eq!(code(&elsewhere), "IllegalLocationConstraintException");
    assert_eq!(test.s3(Method::PUT, "/of-america", &[], "").await.status(), 200);
    assert_eq!(test.s3(Method::PUT, "/of-america", &[], "").await.status(), 200, "us-east-1 says yes again");
    test.twin
        .change(|state| {
            state.s3.0.get_mut("of-america").unwrap().region = "eu-west-1".parse().unwrap();
            Ok::<_, std::io::Error>(())
        })
        .unwrap();
    let wrong = test.s3(Method::GET, "/of-america/k", &[], "").await;
    assert_eq!((wrong.status().as_u16(), &*code(&wrong)), (400, "AuthorizationHeaderMalformed"));
    assert_eq!(wrong.headers()["x-amz-bucket-region"], "eu-west-1");
    assert!(text(&wrong).contains("<Region>eu-west-1</Region></Error>"), "{}", text(&wrong));
    let location = test.s3(Method::GET, "/of-america?location", &[], "").await;
    assert!(text(&location).contains("eu-west-1"), "{}", text(&location));
    assert_eq!(code(&test.s3(Method::HEAD, "/nowhere", &[], "").await), "NoSuchBucket");
}

#[tokio::test]
async fn a_bucket_in_use_stays() {
    let test = TestTwin::new();
    test.s3(Method::PUT, "/bakehouse-twin/k", &[], "x").await;
    let reply = test.s3(Method::DELETE, "/bakehouse-twin", &[], "").await;
    assert_eq!((reply.status().as_u16(), &*code(&reply)), (409, "BucketNotEmpty"));
    test.s3(Method::DELETE, "/bakehouse-twin/k", &[], "").await;
    assert_eq!(test.s3(Method::DELETE, "/bakehouse-twin", &[], "").await.status(), 204);
}

#[tokio::test]
async fn what_is_not_implemented_is_refused() {
    let test = TestTwin::new();
    for (method, path, headers) in [
        (Method::GET, "/bakehouse-twin?versioning", &[][..]),
        (Method::GET, "/bakehouse-twin?acl", &[]),
        (Method::PUT, "/bakehouse-twin/k", &[("x-amz-acl", "public-read")]),
        (Method::PUT, "/bakehouse-twin/k", &[("x-amz-server-side-encryption", "aws:kms")]),
        (Method::PUT, "/bakehouse-twin/k", &[("x-amz-storage-class", "GLACIER")]),
        (Method::GET, "/bakehouse-twin/k?versionId=1", &[]),
        (Method::PUT, "/bakehouse-twin/k", &[("x-amz-checksum-xxhash3", "AAAAAAAAAAA=")]),
        (Method::PUT, "/bakehouse-twin/k", &[("x-amz-copy-source", "bakehouse-twin/k"), ("if-none-match", "*")]),
        (Method::PUT, "/bakehouse-twin/k?partNumber=1&uploadId=u", &[("x-amz-copy-source", "bakehouse-twin/k")]),
        (Method::DELETE, "/bakehouse-twin/k", &[("x-amz-bypass-governance-retention", "true")]),
    ] {
        let reply = test.s3(method, path, headers, "").await;
        assert_eq!((reply.status().as_u16(), &*code(&reply)), (501, "NotImplemented"), "{path} {headers:?}");
    }
}

#[tokio::test]
async fn signatures_are_checked_in_s3s_words() {
    let test = TestTwin::new();
    let empty = crate::model::digest::Digest::of("").to_hex();
    let headers = [("x-amz-content-sha256", &*empty)];
    let (id, secret) = test.twin.credentials();
    for (id, secret, expected) in [("AKIAOTHER", &*secret, "InvalidAccessKeyId"), (&*id, "wrong", "SignatureDoesNotMatch")] {
        let request = test.unsigned(Method::GET, "/bakehouse-twin/k", &headers, "");
        let request = test.sign(request, "s3", id, secret, aws_sigv4::http_request::SignableBody::Bytes(b""));
        let reply = test.twin.call(request).await;
        assert_eq!((reply.status().as_u16(), &*code(&reply)), (403, expected));
    }
    let old = test.unsigned(Method::GET, "/bakehouse-twin/k?AWSAccessKeyId=AKIA&Signature=x&Expires=1", &[], "");
    assert_eq!(code(&test.twin.call(old).await), "InvalidRequest");
    let request = test.signed("s3", Method::GET, "/bakehouse-twin/k", &headers, "");
    test.clock.sleep(Duration::from_secs(15 * 60 + 1)).await;
    assert_eq!(code(&test.twin.call(request).await), "RequestTimeTooSkewed");
}

#[tokio::test]
async fn a_request_that_is_refused_with_its_body_unread_ends_its_connection() {
    let test = TestTwin::new();
    let refused = test.s3(Method::PUT, "/bakehouse-twin/k", &[("x-amz-acl", "private")], "x").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["connection"]), (501, &"close".parse().unwrap()));
    assert!(!test.s3(Method::PUT, "/bakehouse-twin/k", &[], "x").await.headers().contains_key("connection"));
}
