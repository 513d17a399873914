//! EBS direct as a client sees it: by signed requests.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::twin::Reply;
use crate::twin::testing::TestTwin;

fn block(fill: u8) -> Bytes {
    vec![fill; BLOCK_SIZE_BYTES].into()
}

fn checksum(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(Digest::of(bytes).as_bytes())
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body()).unwrap()
}

fn refusal(reply: &Reply) -> (u16, String, String) {
    let code = reply.headers()["x-amzn-errortype"].to_str().unwrap().to_owned();
    (reply.status().as_u16(), code, body(reply)["Reason"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str, reason: &str) -> (u16, String, String) {
    (status, code.to_owned(), reason.to_owned())
}

fn invalid(reason: &str) -> (u16, String, String) {
    refused(400, "ValidationException", reason)
}

impl TestTwin {
    async fn get(&self, uri: &str) -> Reply {
        self.send("ebs", Method::GET, uri, &[], "").await
    }

    async fn start(&self, request: Value) -> Reply {
        self.send("ebs", Method::POST, "/snapshots", &[("content-type", "application/json")], request.to_string()).await
    }

    async fn started(&self, request: Value) -> String {
        let reply = self.start(request).await;
        assert_eq!(reply.status(), 201, "{}", body(&reply));
        body(&reply)["SnapshotId"].as_str().unwrap().to_owned()
    }

    async fn put(&self, snapshot: &str, index: u32, block: &Bytes) -> Reply {
        let sum = checksum(block);
        let length = block.len().to_string();
        let headers = [("x-amz-data-length", &*length), ("x-amz-checksum", &sum), ("x-amz-checksum-algorithm", "SHA256")];
        self.send("ebs", Method::PUT, &format!("/snapshots/{snapshot}/blocks/{index}"), &headers, block.clone()).await
    }

    async fn complete(&self, snapshot: &str, count: usize) -> Reply {
        let headers = [("x-amz-changedblockscount", &*count.to_string())];
        self.send("ebs", Method::POST, &format!("/snapshots/completion/{snapshot}"), &headers, "").await
    }

    /// Makes a complete snapshot of 1 GiB, of the kind the request says.
    async fn snapshot(&self, request: Value, blocks: &[(u32, u8)]) -> String {
        let snapshot = self.started(request).await;
        for (index, fill) in blocks {
            assert_eq!(self.put(&snapshot, *index, &block(*fill)).await.status(), 201);
        }
        assert_eq!(body(&self.complete(&snapshot, blocks.len()).await), json!({ "Status": "pending" }));
        self.clock.sleep(Duration::from_secs(60)).await;
        snapshot
    }

    async fn indexes(&self, snapshot: &str) -> Vec<u64> {
        let listed = body(&self.get(&format!("/snapshots/{snapshot}/blocks")).await);
        listed["Blocks"].as_array().unwrap().iter().map(|block| block["BlockIndex"].as_u64().unwrap()).collect()
    }
}

fn encoded(token: &Value) -> String {
    form_urlencoded::byte_serialize(token.as_str().unwrap().as_bytes()).collect()
}

#[tokio::test]
async fn blocks_are_read_back_as_they_were_written_even_after_a_restart() {
    let twin = TestTwin::new();
    let snapshot = twin.started(json!({ "VolumeSize": 1, "Description": "d", "Tags": [{ "Key": "k", "Value": "v" }] })).await;
    let reply = twin.put(&snapshot, 3, &block(3)).await;
    assert_eq!(reply.headers()["x-amz-checksum"].to_str().unwrap(), checksum(block(3)));

    let twin = twin.restarted();
    assert_eq!(twin.put(&snapshot, 2047, &block(7)).await.status(), 201);
    assert_eq!(twin.put(&snapshot, 5, &block(0)).await.status(), 201);
    let linear: Vec<u8> = [3, 0, 7].iter().flat_map(|fill| *Digest::of(block(*fill)).as_bytes()).collect();
    let (sum, other) = (checksum(linear), checksum("other"));
    let uri = format!("/snapshots/completion/{snapshot}");
    let headers = |sum| {
        [
            ("x-amz-changedblockscount", "3"),
            ("x-amz-checksum", sum),
            ("x-amz-checksum-algorithm", "SHA256"),
            ("x-amz-checksum-aggregation-method", "LINEAR"),
        ]
    };
    let reply = twin.send("ebs", Method::POST, &uri, &headers(&other), "").await;
    assert_eq!(refusal(&reply), invalid("INVALID_PARAMETER_VALUE"));
    let reply = twin.send("ebs", Method::POST, &uri, &headers(&sum), "").await;
    assert_eq!((reply.status().as_u16(), body(&reply)), (202, json!({ "Status": "pending" })));

    let listing = format!("/snapshots/{snapshot}/blocks");
    assert_eq!(refusal(&twin.get(&listing).await), invalid("INVALID_SNAPSHOT_ID"), "it is pending");
    twin.clock.sleep(Duration::from_secs(60)).await;
    let twin = twin.restarted();
    let listed = body(&twin.get(&listing).await);
    assert_eq!((&listed["VolumeSize"], &listed["BlockSize"]), (&json!(1), &json!(524_288)));
    assert_eq!(twin.indexes(&snapshot).await, [3, 2047], "a block of zeros is as good as none");
    let reply = twin.get(&format!("{listing}/3?blockToken={}", encoded(&listed["Blocks"][0]["BlockToken"]))).await;
    assert_eq!(*reply.body(), block(3));
    assert_eq!(reply.headers()["x-amz-data-length"], "524288");
    assert_eq!(reply.headers()["x-amz-checksum"].to_str().unwrap(), checksum(block(3)));
}

#[tokio::test]
async fn a_block_is_only_given_for_its_own_token_while_that_is_valid() {
    let twin = TestTwin::new();
    let one = twin.snapshot(json!({ "VolumeSize": 1 }), &[(0, 1), (1, 2)]).await;
    let two = twin.snapshot(json!({ "VolumeSize": 1 }), &[(0, 1)]).await;
    let listed = body(&twin.get(&format!("/snapshots/{one}/blocks")).await);
    let token = encoded(&listed["Blocks"][0]["BlockToken"]);
    let get = |snapshot: &str, index: u32, token: &str| format!("/snapshots/{snapshot}/blocks/{index}?blockToken={token}");
    assert_eq!(twin.get(&get(&one, 0, &token)).await.status(), 200);
    let forged = format!("AAAA{}", &token[4..]);
    for uri in [get(&one, 1, &token), get(&two, 0, &token), get(&one, 0, &forged), get(&one, 0, ""), format!("/snapshots/{one}/blocks/0")] {
        assert_eq!(refusal(&twin.get(&uri).await), invalid("INVALID_BLOCK_TOKEN"), "{uri}");
    }
    twin.clock.sleep(Duration::from_secs(7 * 24 * 3600)).await;
    assert_eq!(refusal(&twin.get(&get(&one, 0, &token)).await), invalid("INVALID_BLOCK_TOKEN"));
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let twin = TestTwin::new();
    let fills: Vec<(u32, u8)> = (0..250).map(|index| (index * 2, 1)).collect();
    let snapshot = twin.snapshot(json!({ "VolumeSize": 1 }), &fills).await;
    let mut uri = format!("/snapshots/{snapshot}/blocks?maxResults=100");
    let (mut indexes, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = body(&twin.get(&uri).await);
        let blocks = page["Blocks"].as_array().unwrap();
        pages.push(blocks.len());
        indexes.extend(blocks.iter().map(|block| block["BlockIndex"].as_u64().unwrap()));
        let Some(token) = page.get("NextToken") else { break };
        uri = format!("/snapshots/{snapshot}/blocks?maxResults=100&pageToken={}", encoded(token));
    }
    assert_eq!(pages, [100, 100, 50]);
    assert_eq!(indexes, (0..250).map(|index| index * 2).collect::<Vec<_>>());
    let from = body(&twin.get(&format!("/snapshots/{snapshot}/blocks?startingBlockIndex=495")).await);
    assert_eq!(from["Blocks"].as_array().unwrap().len(), 2);
    let few = body(&twin.get(&format!("/snapshots/{snapshot}/blocks?maxResults=1")).await);
    assert_eq!(few["Blocks"].as_array().unwrap().len(), 100, "fewer than 100 can't be asked for");
    twin.clock.sleep(Duration::from_secs(3601)).await;
    assert_eq!(refusal(&twin.get(&uri).await), invalid("INVALID_PAGE_TOKEN"));
    for (parameter, reason) in [
        ("maxResults=10001", "INVALID_PARAMETER_VALUE"),
        ("maxResults=x", "INVALID_PARAMETER_VALUE"),
        ("other=1", "INVALID_PARAMETER_VALUE"),
        ("startingBlockIndex=-1", "INVALID_BLOCK"),
        ("pageToken=AAAA", "INVALID_PAGE_TOKEN"),
    ] {
        assert_eq!(refusal(&twin.get(&format!("/snapshots/{snapshot}/blocks?{parameter}")).await), invalid(reason), "{parameter}");
    }
}

#[tokio::test]
async fn a_child_has_its_parents_blocks_and_the_changes_are_listed() {
    let twin = TestTwin::new();
    let parent = twin.snapshot(json!({ "VolumeSize": 1 }), &[(0, 1), (1, 1), (2, 1)]).await;
    let child = twin.snapshot(json!({ "VolumeSize": 2, "ParentSnapshotId": parent }), &[(1, 0), (2, 2), (9, 1)]).await;
    assert_eq!(twin.indexes(&child).await, [0, 2, 9]);
    let listed = body(&twin.get(&format!("/snapshots/{child}/changedblocks?firstSnapshotId={parent}")).await);
    let changes: Vec<_> = listed["ChangedBlocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            (change["BlockIndex"].as_u64().unwrap(), change.get("FirstBlockToken").is_some(), change.get("SecondBlockToken").is_some())
        })
        .collect();
    assert_eq!(changes, [(1, true, false), (2, true, true), (9, false, true)]);
    let token = encoded(&listed["ChangedBlocks"][1]["SecondBlockToken"]);
    assert_eq!(*twin.get(&format!("/snapshots/{child}/blocks/2?blockToken={token}")).await.body(), block(2));

    let sibling = twin.snapshot(json!({ "VolumeSize": 2, "ParentSnapshotId": parent }), &[(1, 0)]).await;
    let between = body(&twin.get(&format!("/snapshots/{child}/changedblocks?firstSnapshotId={sibling}")).await);
    assert_eq!(between["ChangedBlocks"].as_array().unwrap().len(), 2);
    let other = twin.snapshot(json!({ "VolumeSize": 1 }), &[]).await;
    let reply = twin.get(&format!("/snapshots/{child}/changedblocks?firstSnapshotId={other}")).await;
    assert_eq!(refusal(&reply), invalid("UNRELATED_SNAPSHOTS"));
    assert_eq!(refusal(&twin.get(&format!("/snapshots/{child}/changedblocks")).await), invalid("INVALID_PARAMETER_VALUE"));
}

#[tokio::test]
async fn a_page_of_changes_without_any_is_empty_and_followed_by_others() {
    let twin = TestTwin::new();
    let blocks: Vec<(u32, u8)> = (0..150).map(|index| (index, 1)).collect();
    let parent = twin.snapshot(json!({ "VolumeSize": 1 }), &blocks).await;
    let child = twin.snapshot(json!({ "VolumeSize": 1, "ParentSnapshotId": parent }), &[(149, 2)]).await;
    let place = format!("/snapshots/{child}/changedblocks?firstSnapshotId={parent}&maxResults=100");
    let first = body(&twin.get(&place).await);
    assert_eq!(first["ChangedBlocks"], json!([]));
    let second = body(&twin.get(&format!("{place}&pageToken={}", encoded(&first["NextToken"]))).await);
    assert_eq!((&second["ChangedBlocks"][0]["BlockIndex"], second.get("NextToken")), (&json!(149), None));
}

#[tokio::test]
async fn a_client_token_makes_one_snapshot() {
    let twin = TestTwin::new();
    let request = |size: u64| json!({ "VolumeSize": size, "ClientToken": "t" });
    let first = twin.started(request(1)).await;
    assert_eq!(twin.started(request(1)).await, first);
    assert_eq!(refusal(&twin.start(request(2)).await), refused(409, "ConflictException", ""));
    assert_ne!(twin.started(json!({ "VolumeSize": 1 })).await, first);
}

#[tokio::test]
async fn what_does_not_make_a_snapshot_is_refused() {
    let twin = TestTwin::new();
    let parent = twin.snapshot(json!({ "VolumeSize": 2 }), &[]).await;
    let key = "arn:aws:kms:us-east-1:123456789012:key/1";
    for (request, reason) in [
        (json!({}), "INVALID_PARAMETER_VALUE"),
        (json!({ "VolumeSize": 0 }), "INVALID_VOLUME_SIZE"),
        (json!({ "VolumeSize": 65_537 }), "INVALID_VOLUME_SIZE"),
        (json!({ "VolumeSize": 1, "ParentSnapshotId": parent }), "INVALID_VOLUME_SIZE"),
        (json!({ "VolumeSize": 2, "ParentSnapshotId": parent, "Encrypted": true }), "INVALID_PARAMETER_VALUE"),
        (json!({ "VolumeSize": 1, "ParentSnapshotId": "snap-x" }), "INVALID_SNAPSHOT_ID"),
        (json!({ "VolumeSize": 1, "KmsKeyArn": key }), "INVALID_PARAMETER_VALUE"),
        (json!({ "VolumeSize": 1, "Encrypted": true, "KmsKeyArn": "x" }), "INVALID_CUSTOMER_KEY"),
        (json!({ "VolumeSize": 1, "Timeout": 9 }), "INVALID_PARAMETER_VALUE"),
        (json!({ "VolumeSize": 1, "Tags": [{ "Key": "aws:x", "Value": "" }] }), "INVALID_TAG"),
        (json!({ "VolumeSize": 1, "NewThing": 1 }), "INVALID_PARAMETER_VALUE"),
    ] {
        assert_eq!(refusal(&twin.start(request.clone()).await), invalid(reason), "{request}");
    }
    let reply = twin.start(json!({ "VolumeSize": 1, "ParentSnapshotId": "snap-0123456789abcdef0" })).await;
    assert_eq!(refusal(&reply), refused(404, "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND"));
    for _ in 0..100 {
        twin.started(json!({ "VolumeSize": 1 })).await;
    }
    let reply = twin.start(json!({ "VolumeSize": 1 })).await;
    assert_eq!(refusal(&reply), refused(402, "ServiceQuotaExceededException", "DEPENDENCY_SERVICE_QUOTA_EXCEEDED"));
}

#[tokio::test]
async fn a_block_that_is_not_what_it_says_is_refused() {
    let twin = TestTwin::new();
    let snapshot = twin.started(json!({ "VolumeSize": 1 })).await;
    let uri = format!("/snapshots/{snapshot}/blocks/0");
    let sum = checksum(block(1));
    let good = [("x-amz-data-length", "524288"), ("x-amz-checksum", &*sum), ("x-amz-checksum-algorithm", "SHA256")];
    for (number, header) in
        [("x-amz-data-length", "1"), ("x-amz-checksum", "AAAA"), ("x-amz-checksum-algorithm", "MD5"), ("x-amz-progress", "101")]
            .into_iter()
            .enumerate()
    {
        let mut headers: Vec<_> = good.into_iter().filter(|(name, _)| *name != header.0).collect();
        if number < 3 {
            let reply = twin.send("ebs", Method::PUT, &uri, &headers, block(1)).await;
            assert_eq!(refusal(&reply), invalid("INVALID_PARAMETER_VALUE"), "without {}", header.0);
        }
        headers.push(header);
        let reply = twin.send("ebs", Method::PUT, &uri, &headers, block(1)).await;
        assert_eq!(refusal(&reply), invalid("INVALID_PARAMETER_VALUE"), "{header:?}");
    }
    let reply = twin.send("ebs", Method::PUT, &uri, &good, "short").await;
    assert_eq!(refusal(&reply), invalid("INVALID_BLOCK"));
    assert_eq!(refusal(&twin.put(&snapshot, 2048, &block(1)).await), invalid("INVALID_BLOCK"));
    assert_eq!(refusal(&twin.complete(&snapshot, 1).await), invalid("INVALID_PARAMETER_VALUE"), "none was written");
    assert_eq!(twin.complete(&snapshot, 0).await.status(), 202);
    assert_eq!(refusal(&twin.put(&snapshot, 0, &block(1)).await), invalid("INVALID_SNAPSHOT_ID"), "it is complete");
    assert_eq!(refusal(&twin.complete(&snapshot, 0).await), invalid("INVALID_SNAPSHOT_ID"));
}

#[tokio::test]
async fn an_upload_left_alone_fails() {
    let twin = TestTwin::new();
    let snapshot = twin.started(json!({ "VolumeSize": 1, "Timeout": 10 })).await;
    twin.clock.sleep(Duration::from_secs(9 * 60)).await;
    assert_eq!(twin.put(&snapshot, 0, &block(1)).await.status(), 201);
    twin.clock.sleep(Duration::from_secs(9 * 60)).await;
    assert_eq!(twin.put(&snapshot, 1, &block(1)).await.status(), 201, "each block is a sign of life");
    twin.clock.sleep(Duration::from_secs(11 * 60)).await;
    assert_eq!(refusal(&twin.complete(&snapshot, 2).await), invalid("INVALID_SNAPSHOT_ID"));
    assert!(twin.twin.read(|state| state.regions.values().next().unwrap().snapshots[&snapshot].failed.is_some()));
}

#[tokio::test]
async fn only_what_is_owned_or_shared_explicitly_is_read() {
    let twin = TestTwin::new();
    let snapshot = twin.snapshot(json!({ "VolumeSize": 1 }), &[(0, 1)]).await;
    let uri = format!("/snapshots/{snapshot}/blocks");
    let change = |change: fn(&mut crate::twin::state::Snapshot, String)| {
        let changed = twin.twin.change(|state| {
            let account = state.account.to_string();
            change(state.regions.values_mut().next().unwrap().snapshots.get_mut(&snapshot).unwrap(), account);
            Ok::<_, std::io::Error>(())
        });
        changed.unwrap();
    };
    change(|snapshot, _| {
        snapshot.owner = "999999999999".parse().unwrap();
        snapshot.public = true;
    });
    assert_eq!(refusal(&twin.get(&uri).await), refused(403, "AccessDeniedException", "UNAUTHORIZED_ACCOUNT"));
    change(|snapshot, account| snapshot.readers.extend([account]));
    assert_eq!(twin.get(&uri).await.status(), 200);
    assert_eq!(refusal(&twin.put(&snapshot, 0, &block(1)).await), refused(403, "AccessDeniedException", "UNAUTHORIZED_ACCOUNT"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let twin = TestTwin::new();
    let reply = twin.get("/snapshots/snap-0123456789abcdef0/blocks").await;
    assert_eq!(refusal(&reply), refused(404, "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND"));
    assert_eq!(refusal(&twin.get("/snapshots/snap-X/blocks").await), invalid("INVALID_SNAPSHOT_ID"));
    assert_eq!(refusal(&twin.get("/snapshots").await).1, "UnknownOperationException");
}

#[tokio::test]
async fn a_damaged_block_is_an_internal_error() {
    let twin = TestTwin::new();
    let snapshot = twin.snapshot(json!({ "VolumeSize": 1 }), &[(0, 1)]).await;
    std::fs::write(twin.twin.blocks().block_path(&Digest::of(block(1))), block(2)).unwrap();
    let listed = body(&twin.get(&format!("/snapshots/{snapshot}/blocks")).await);
    let token = encoded(&listed["Blocks"][0]["BlockToken"]);
    let reply = twin.get(&format!("/snapshots/{snapshot}/blocks/0?blockToken={token}")).await;
    assert_eq!(refusal(&reply), refused(500, "InternalServerException", ""));
}

#[tokio::test]
async fn an_encrypted_snapshot_says_its_key_and_passes_it_on() {
    let twin = TestTwin::new();
    let reply = twin.start(json!({ "VolumeSize": 1, "Encrypted": true })).await;
    assert!(body(&reply)["KmsKeyArn"].as_str().unwrap().ends_with(":alias/aws/ebs"));
    let parent = twin.snapshot(json!({ "VolumeSize": 1, "Encrypted": true }), &[]).await;
    let child = twin.start(json!({ "VolumeSize": 1, "ParentSnapshotId": parent })).await;
    assert!(body(&child).get("KmsKeyArn").is_some());

    let by_default = twin.twin.change(|state| {
        state.regions.values_mut().for_each(|here| here.encrypt_by_default = true);
        Ok::<_, std::io::Error>(())
    });
    by_default.unwrap();
    assert!(body(&twin.start(json!({ "VolumeSize": 1 })).await).get("KmsKeyArn").is_some());
    let reply = twin.start(json!({ "VolumeSize": 1, "Encrypted": false })).await;
    assert_eq!(refusal(&reply), invalid("INVALID_PARAMETER_VALUE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_write_and_read_at_once() {
    let twin = TestTwin::new();
    let snapshot = twin.started(json!({ "VolumeSize": 1 })).await;
    let blocks: Vec<(u32, Bytes)> = (0..64).map(|index| (index, block(index as u8 % 16))).collect();
    let puts = futures::future::join_all(blocks.iter().map(|(index, block)| twin.put(&snapshot, *index, block))).await;
    assert!(puts.iter().all(|reply| reply.status() == 201));
    assert_eq!(twin.complete(&snapshot, 64).await.status(), 202);
    twin.clock.sleep(Duration::from_secs(60)).await;
    let listed = body(&twin.get(&format!("/snapshots/{snapshot}/blocks")).await);
    let uris: Vec<_> = listed["Blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| format!("/snapshots/{snapshot}/blocks/{}?blockToken={}", block["BlockIndex"], encoded(&block["BlockToken"])))
        .collect();
    let read = futures::future::join_all(uris.iter().map(|uri| twin.get(uri))).await;
    let written = blocks.iter().map(|(_, block)| block).filter(|block| block[0] != 0);
    assert!(read.iter().map(|reply| reply.body()).eq(written));
}
