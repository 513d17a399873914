//! Blocks that are kept between scans: a child costs what has changed, and nothing is judged otherwise for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bakehouse::cloud::{BlockStore, Connect, Reader, Writer};
use bakehouse::engine::Engine;
use bakehouse::model::digest::Digest;
use bakehouse::model::image::Image;
use bakehouse::model::report::Report;

use super::world::{Process, World, file, good_guest};

/// Two releases of one base, the second with another file and a secret.
struct Releases {
    process: Process,
    images: [Image; 2],
    store: tempfile::TempDir,
    _world: World,
}

const GIB: u64 = 1 << 30;

impl Releases {
    async fn new() -> Self {
        let mut world = World::new().await;
        world.open().await.ship().await.unwrap();
        let mut guest = good_guest();
        guest.files.push(file("/opt/notes", &"changed since\n".repeat(40_000), 0o644));
        world.play(guest);
        world.edit("provision/20-tune.sh", "set -eu", "set -eu\n: changed");
        let process = world.open().await;
        process.ship().await.unwrap();
        let images: Vec<Image> = process.releases().await.into_iter().map(|released| released.release.image).collect();
        Self { process, images: images.try_into().unwrap(), store: tempfile::tempdir().unwrap(), _world: world }
    }

    async fn reader(&self) -> Reader {
        Reader::connect(Connect::Twin(self.process.twin.clone())).await
    }

    /// Scans as a process of its own and returns how many blocks it has fetched.
    async fn scan(&self, image: &Image, most_bytes: Option<u64>) -> (Report, u64) {
        let reader = self.reader().await;
        let reader = match most_bytes {
            Some(most_bytes) => reader.keep_blocks(BlockStore::open(&self.store.path().join("blocks"), most_bytes).unwrap()),
            None => reader,
        };
        let before = self.fetched();
        let engine = Engine { writer: Writer::new(reader), ..self.process.engine.clone() };
        let report = engine.look(image, &self.process.product).await.unwrap();
        (report, self.fetched() - before)
    }

    fn fetched(&self) -> u64 {
        self.calls("GetSnapshotBlock")
    }

    fn calls(&self, operation: &str) -> u64 {
        let calls = self.process.twin.calls();
        calls.iter().filter(|(called, _)| called.name == operation).map(|(_, count)| count).sum()
    }

    async fn digests(&self, image: &Image) -> BTreeMap<u32, Digest> {
        let blocks = self.reader().await.snapshot_blocks(&image.region, &image.snapshots[0]).await.unwrap();
        let mut digests = BTreeMap::new();
        for index in blocks.indices() {
            digests.insert(index, blocks.block(index).await.unwrap().1);
        }
        digests
    }

    /// Where it is kept which blocks of an image are known.
    fn map(&self, image: &Image) -> PathBuf {
        self.store.path().join("blocks/maps/us-east-1").join(format!("{}.json", image.snapshots[0]))
    }

    fn known(&self, image: &Image) -> BTreeMap<u32, Digest> {
        let text = std::fs::read_to_string(self.map(image)).unwrap();
        let map: serde_json::Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
        serde_json::from_value(map["blocks"].clone()).unwrap()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let folders = entries(&self.store.path().join("blocks/blocks"));
        folders.iter().flat_map(|folder| entries(folder)).collect()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_child_what_has_changed_is_fetched_and_nothing_is_judged_otherwise() {
    let releases = Releases::new().await;
    let [first, second] = &releases.images;
    let (old, new) = (releases.digests(first).await, releases.digests(second).await);
    let (without, all) = releases.scan(second, None).await;

    let (_, fetched) = releases.scan(first, Some(GIB)).await;
    assert_eq!(fetched, releases.known(first).len() as u64);
    assert_eq!(releases.calls("ListChangedBlocks"), 0);
    let (with, fetched) = releases.scan(second, Some(GIB)).await;
    assert_eq!((with, releases.calls("ListChangedBlocks")), (without.clone(), 1));
    // Of the first one a block or two may not have been wanted.
    let (before, known) = (releases.known(first), releases.known(second));
    assert!(known.iter().all(|(index, digest)| new[index] == *digest));
    let missing = known.iter().filter(|(index, digest)| before.get(index) != Some(digest)).count() as u64;
    let changed = known.iter().filter(|(index, digest)| old.get(index) != Some(digest)).count() as u64;
    assert_eq!(fetched, missing);
    assert!(0 < changed && changed <= fetched && fetched < all, "{changed} changed, {fetched} were fetched, of {all}");
    assert_eq!(releases.scan(second, Some(GIB)).await, (without, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_foreign_is_not_believed() {
    let releases = Releases::new().await;
    let [image, other] = &releases.images;
    let (report, all) = releases.scan(image, Some(GIB)).await;
    // The right length, and another content.
    let block = &releases.kept()[0];
    let mut content = std::fs::read(block).unwrap();
    content[1000] ^= 1;
    std::fs::write(block, content).unwrap();
    assert_eq!(releases.scan(image, Some(GIB)).await, (report.clone(), 1));
    assert_eq!(releases.scan(image, Some(GIB)).await, (report.clone(), 0), "it was kept again");

    // A map that says of one block that it is another one, and of a snapshot that is not there: no kin of anybody's.
    let map = releases.map(image);
    let text = std::fs::read_to_string(&map).unwrap();
    let digests: Vec<&str> = text.split('"').filter(|word| word.starts_with("sha256:")).collect();
    std::fs::write(&map, text.replace(digests[0], digests[1])).unwrap();
    assert_eq!(releases.scan(image, Some(GIB)).await, (report.clone(), all));
    std::fs::rename(&map, map.with_file_name("snap-0123456789abcdef0.json")).unwrap();
    let (report, all) = releases.scan(other, None).await;
    assert_eq!(releases.scan(other, Some(GIB)).await, (report, all));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_aws_contradicts_is_removed_and_the_snapshot_read_anew() {
    let releases = Releases::new().await;
    let [image, _] = &releases.images;
    let (report, all) = releases.scan(image, Some(GIB)).await;
    let (map, right) = (releases.map(image), releases.known(image));
    let aws = releases.digests(image).await;

    // One block is said to be another that is kept, one to be none that is.
    let mut wrong = right.clone();
    let (first, second, last) = (*right.keys().next().unwrap(), *right.keys().nth(1).unwrap(), *right.keys().next_back().unwrap());
    wrong.insert(second, right[&first]);
    wrong.insert(last, Digest::of("none"));
    let text = std::fs::read_to_string(&map).unwrap();
    let mut content: serde_json::Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    content["blocks"] = serde_json::to_value(&wrong).unwrap();
    let content = content.to_string();
    std::fs::write(&map, format!("{}\n{content}", Digest::of(&content))).unwrap();

    let (again, fetched) = releases.scan(image, Some(GIB)).await;
    assert_eq!(again, report, "nothing of it was judged by the wrong block");
    assert!((1..=all).contains(&fetched), "{fetched}");
    assert!(releases.known(image).iter().all(|(index, digest)| aws[index] == *digest));
    assert_eq!(releases.scan(image, Some(GIB)).await.0, report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_a_release_follows_from_has_nothing_of_what_is_kept() {
    let world = World::new().await;
    let mut process = world.open().await;
    let store = tempfile::tempdir().unwrap();
    let folder = store.path().join("blocks");
    let reader = Reader::connect(Connect::Twin(process.twin.clone())).await;
    process.engine.writer = Writer::new(reader.keep_blocks(BlockStore::open(&folder, GIB).unwrap()));
    process.ship().await.unwrap();
    assert!(entries(&folder.join("blocks")).is_empty() && entries(&folder.join("maps")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_blocks_go_and_a_folder_that_others_may_use_is_not_used() {
    use std::os::unix::fs::PermissionsExt;

    let releases = Releases::new().await;
    let [image, _] = &releases.images;
    let (_, all) = releases.scan(image, Some(GIB)).await;
    let folder = releases.store.path().join("blocks");
    for path in [folder.clone(), folder.join("maps"), folder.join("blocks")] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
    assert_eq!(std::fs::metadata(&releases.kept()[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, fetched) = releases.scan(image, Some(5 * 512 * 1024)).await;
    assert_eq!((releases.kept().len(), fetched), (5, all - 5));

    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o750)).unwrap();
    let refused = BlockStore::open(&folder, GIB).err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
}
