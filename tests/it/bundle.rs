//! Payloads that user data has no room for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bakehouse::bake::{self, Payload, UserDataError};
use bakehouse::engine::{EngineError, Note, Observer};
use bakehouse::manifest::Workspace;
use bakehouse::model::target::TargetName;

use super::ledgers::{expired, pauses};
use crate::world::{Process, World};

/// A world whose product brings more than 16 KiB, and names a bucket for it.
pub async fn world() -> World {
    let world = World::new().await;
    let noise: String = (0..4000_u64).map(|n| format!("{:016x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    std::fs::write(world.folder.path().join("products/hello-web/files/large.txt"), noise).unwrap();
    world.edit("product.toml", "files = [\n", "files = [\n    { from = \"files/large.txt\", to = \"/usr/share/large.txt\" },\n");
    world.edit("product.toml", "deadline = \"45m\"", "deadline = \"45m\"\nbucket = \"acme-bakes\"");
    world
}

/// Lists what lies in the bucket; `None` without a bucket.
pub fn bucket(process: &Process) -> Option<Vec<String>> {
    process.twin.read(|state| state.s3.0.get("acme-bakes").map(|bucket| bucket.objects.keys().cloned().collect()))
}

#[tokio::test]
async fn a_large_payload_goes_through_the_bucket_and_leaves_nothing_there() {
    let world = world().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    assert_eq!(process.releases().await.len(), 1);
    assert_eq!(bucket(&process), Some(Vec::new()));
    // The address is in the instance's user data and nowhere else: not in journal, records or reports.
    let ledger = all_text(&world.folder.path().join("twin-ledger"));
    assert!(ledger.contains("bake.bundle") && !ledger.contains("X-Amz-"));
}

/// Changes whatever is in the twin's buckets as soon as the engine tells of a payload.
struct Tampers(PathBuf);

impl Observer for Tampers {
    fn note(&self, note: Note) {
        let note = if let Note::InStep { note, .. } = note { *note } else { note };
        if matches!(&note, Note::Done { text } if text.starts_with("payload of")) {
            for object in std::fs::read_dir(&self.0).unwrap() {
                let path = object.unwrap().path();
                let mut bytes = std::fs::read(&path).unwrap();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_payload_that_was_tampered_with_fails_the_bake() {
    let world = world().await;
    let mut process = world.open().await;
    process.engine.observer = Arc::new(Tampers(world.folder.path().join("twin/objects")));
    match process.ship().await.unwrap_err() {
        EngineError::BakeStep { step, status, .. } => assert_eq!((&*step, &*status), ("payload", "65")),
        other => panic!("{other:?}"),
    }
    assert!(process.releases().await.is_empty());
    assert_eq!(bucket(&process), Some(Vec::new()));
}

#[tokio::test]
async fn a_large_payload_without_a_bucket_is_refused_before_anything_is_made() {
    let world = world().await;
    world.edit("product.toml", "\nbucket = \"acme-bakes\"", "");
    let process = world.open().await;
    let refused = process.ship().await.unwrap_err();
    assert!(matches!(&refused, EngineError::UserData(UserDataError::NoBucket { .. })), "{refused:?}");
    assert!(process.twin.read(|state| state.regions.values().all(|region| region.instances.is_empty())));
    assert!(process.engine.ledger.runs(&process.product.variant()).await.unwrap().is_empty());
}

#[test]
fn the_second_sample_has_two_variants_with_payloads_that_need_a_bucket() {
    let workspace = Workspace::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let variants = workspace.load(&"metrics-box".parse().unwrap(), TargetName::Twin, None);
    let variants = variants.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    assert_eq!(variants.iter().map(|v| v.variant().to_string()).collect::<Vec<_>>(), ["metrics-box.x86_64", "metrics-box.arm64"]);
    for mut product in variants {
        assert!(matches!(bake::payload(&product, "n"), Ok(Payload::Bundle(_))));
        product.build.bucket = None;
        assert!(matches!(bake::payload(&product, "n"), Err(UserDataError::NoBucket { .. })));
    }
}

fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text.push_str(&if path.is_dir() { all_text(&path) } else { String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned() });
    }
    text
}

#[tokio::test]
async fn credentials_that_run_out_at_the_payload_s_bucket_are_a_pause() {
    let ways = [
        // An answer to HEAD has no room for a code: it is asked for by GET.
        vec![expired("HeadBucket", 1), expired("ListObjectsV2", 1)],
        vec![expired("CreateBucket", 1)],
        vec![expired("PutObject", 1)],
        vec![expired("HeadBucket", 2), expired("ListObjectsV2", 1)],
        vec![expired("ListObjectsV2", 1)],
        vec![expired("DeleteObjects", 1)],
    ];
    assert_eq!(pauses(&world().await, ways.clone(), async |process| process).await, ways.len());
}
