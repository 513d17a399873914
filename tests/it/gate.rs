//! What stops a release: the scan, a failing step, a guest that breaks off.

use std::sync::Arc;
use std::time::Duration;

use bakehouse::engine::{self, EngineError, Extent, Next, Note, Observer, Stage};
use bakehouse::failure::{Failure, exit};
use bakehouse::model::ids::{ImageId, Region};
use bakehouse::model::version::{Bump, Version};
use bakehouse::plan::{PlanError, Request};
use bakehouse::twin::Twin;
use bakehouse::twin::ec2::DEBIAN_ACCOUNT;
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::machines::{Ends, EndsHow};
use bakehouse::twin::state::{Image, RegionState, State};

use super::crash::in_order;
use super::world::{Fate, Process, World, file, good_guest, said};

#[tokio::test]
async fn a_key_or_a_password_hash_stops_the_release_before_anything_is_shared() {
    let mut guest = good_guest();
    guest.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n", 0o600));
    guest.files.push(file("/etc/shadow", "root:$6$salt$hash:20000:0:99999:7:::\n", 0o640));
    let mut world = World::with_guest(guest).await;
    let process = world.open().await;
    let Err(EngineError::Rejected { image, report, .. }) = process.ship().await else { panic!("it must be rejected") };
    let found: Vec<(&str, Option<&str>)> = report.findings.iter().map(|f| (f.code.as_str(), f.path.as_deref())).collect();
    assert!(found.contains(&("AMI-SSH-006", Some("/root/.ssh/authorized_keys"))), "{found:?}");
    assert!(found.contains(&("AMI-PWD-002", Some("/etc/shadow"))), "{found:?}");
    let told = bakehouse::scan::render(&report);
    assert!(told.contains("/root/.ssh/authorized_keys") && !told.contains("AAAAC3NzaC1lZDI1NTE5"), "{told}");

    assert!(process.releases().await.is_empty());
    let region = Region::marketplace();
    let reader = process.engine.writer.reader();
    assert!(reader.launch_permissions(&region, &image).await.unwrap().is_empty());
    assert_eq!(reader.image(&region, &image).await.unwrap().unwrap().tags["bakehouse:state"], "rejected");
    assert!(reader.ami_products_titled("Hello Web").await.unwrap().is_empty());

    // Mended, the same version is released after all: a rejected run gives its claim back.
    drop(process);
    world.play(good_guest());
    world.edit("provision/20-tune.sh", "set -", ": mended\nset -");
    let process = world.open().await;
    process.ship().await.unwrap();
    let releases = process.releases().await;
    assert_eq!(releases.iter().map(|r| r.version.to_string()).collect::<Vec<_>>(), ["1.0.0"]);
    assert_ne!(releases[0].release.image.id, image);
}

#[tokio::test]
async fn a_failing_step_is_told_with_its_status_and_last_lines_and_leaves_nothing() {
    let mut guest = good_guest();
    guest.console = vec![
        said(10, "BAKEHOUSE {nonce} begin"),
        said(20, "BAKEHOUSE {nonce} step 2 begin script provision/20-tune.sh"),
        said(30, "| \u{1b}[31mE: no such package\u{1b}[0m\n| nearly there\nBAKEHOUSE {nonce} step 2 failed 17"),
    ];
    let world = World::with_guest(guest).await;
    let process = world.open().await;
    let Err(EngineError::BakeStep { step, status, tail, kept }) = process.ship().await else { panic!("the step must fail") };
    assert_eq!((step.as_str(), status.as_str()), ("script provision/20-tune.sh", "17"));
    // Its own last lines never came: what it had printed is told, without what would act on a terminal.
    assert_eq!(tail, ["E: no such package", "nearly there"]);
    let kept = std::fs::read_to_string(world.folder.path().join("twin-ledger").join(kept)).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["failed"], "script provision/20-tune.sh failed with status 17");
    assert!(kept["console"].as_array().unwrap().contains(&"| nearly there".into()), "{kept:#}");
    assert_nothing_is_left(&process);
}

#[tokio::test]
async fn a_key_that_a_failing_step_prints_is_not_told() {
    let body = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v7Vpgu5rl0Axx5Uq8b0p5sVkqg8bYz1c2d3e4";
    let key = ["-----BEGIN PRIVATE KEY-----", body, "-----END PRIVATE KEY-----"];
    let told = key.map(|line| format!("BAKEHOUSE {{nonce}} tail + cat: {line}")).join("\n");
    let mut guest = good_guest();
    guest.console = vec![said(10, "BAKEHOUSE {nonce} begin"), said(30, &format!("BAKEHOUSE {{nonce}} step 2 failed 17\n{told}"))];
    let mut world = World::with_guest(guest.clone()).await;
    let Err(EngineError::BakeStep { tail, .. }) = world.open().await.ship().await else { panic!("the step must fail") };
    assert_eq!(tail, ["+ cat: ***-----END PRIVATE KEY-----"]);
    // Nor where the console breaks off.
    guest.console = vec![said(30, &key.map(|line| format!("[   12.345678] cloud-init[712]: {line}")).join("\n"))];
    world.play(guest);
    let Err(EngineError::BakeBroken { tail, .. }) = world.open().await.ship().await else { panic!("the guest must break off") };
    assert!(tail.iter().any(|line| line.contains("***-----END")) && !tail.join("\n").contains(body), "{tail:#?}");
}

#[tokio::test]
async fn a_guest_that_ends_without_a_word_makes_no_image() {
    let mut guest = good_guest();
    guest.console.truncate(1);
    guest.ends = Ends { how: EndsHow::Crash, after_seconds: 40 };
    let world = World::with_guest(guest).await;
    let process = world.open().await;
    let end = process.ship().await;
    assert!(matches!(end, Err(EngineError::BakeBroken { .. })), "{end:?}");
    assert_nothing_is_left(&process);
}

#[tokio::test]
async fn another_s_marker_on_the_console_is_not_believed() {
    let mut guest = good_guest();
    guest.console = vec![said(10, "BAKEHOUSE {nonce} begin"), said(20, "BAKEHOUSE 0123456789abcdef sealed")];
    let world = World::with_guest(guest).await;
    let process = world.open().await;
    assert!(matches!(process.ship().await, Err(EngineError::BakeBroken { .. })));
    assert!(process.releases().await.is_empty());
}

#[tokio::test]
async fn a_rejected_image_is_not_taken_over_by_a_rebuild() {
    let mut guest = good_guest();
    guest.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n", 0o600));
    let mut world = World::with_guest(guest).await;
    let process = world.open().await;
    let Err(EngineError::Rejected { image: rejected, .. }) = process.ship().await else { panic!("it must be rejected") };
    let mut run = None;
    for released in [None, Some(&Version::new(0, 9, 0))] {
        let baked = engine::rejected_after(&process.engine, &process.product, released).await.unwrap().expect("it is the newest run");
        assert_eq!((baked.version.to_string().as_str(), &baked.image.id), ("1.0.0", &rejected));
        run = Some(baked.run);
    }
    let run = run.unwrap();
    drop(process);
    world.play(good_guest());
    // What went in is the same: without --rebuild it is this very image that is judged again.
    let process = world.open().await;
    let taken = format!("{rejected} is taken over, and no new image made: run {run} left it, made of the same inputs, and scan or boot");
    let next = process.next().await.unwrap();
    let reasons: Vec<&str> = next.plan().steps.iter().map(|planned| planned.why.as_str()).collect();
    assert!(reasons.iter().any(|why| why.contains(&taken)), "{reasons:?}");
    assert!(matches!(process.ship().await, Err(EngineError::Rejected { image, .. }) if image == rejected));
    let rebuild = Request { rebuild: true, ..Request::default() };
    let next = engine::next(&process.engine, &process.product, &rebuild).await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Whole).await.unwrap();
    let releases = process.releases().await;
    let after = engine::rejected_after(&process.engine, &process.product, Some(&releases[0].version)).await.unwrap();
    assert!(after.is_none(), "what was rejected is released by now");
    assert_ne!(releases[0].release.image.id, rejected);
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        assert!(!us.images.contains_key(rejected.as_str()), "the rejected image is removed");
        let used = |id: &String| us.images.values().any(|i| i.devices.iter().any(|d| &d.snapshot == id));
        assert!(us.snapshots.keys().all(used), "and so is its snapshot");
    });
}

#[tokio::test]
async fn a_refused_listing_stands_until_something_changes() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let mut process = world.open().await;
    // The rehearsal passes; then the ingestion role is gone.
    process.engine.observer = Meddler::at("rehearsal", &process, |state| state.roles.clear());
    assert!(matches!(process.ship().await, Err(EngineError::ListingRefused { validation: false, .. })));
    assert!(process.steps().await.is_empty(), "there is nothing to do for this version");
    let refused = engine::standing_refusal(&process.product, &process.releases().await[1]);
    let Some(EngineError::ListingRefused { errors, .. }) = refused else { panic!("{refused:?}") };
    assert!(!errors.is_empty());
    assert!(engine::standing_refusal(&process.product, &process.releases().await[0]).is_none());
}

#[tokio::test]
async fn an_image_that_fails_is_told_and_the_next_ship_makes_it_anew() {
    let world = World::new().await;
    let mut process = world.open().await;
    process.engine.observer =
        Meddler::at(" is pending\"", &process, |state| own_image(state).failed = Some("Client.InternalError".to_owned()));
    let Err(error) = process.ship().await else { panic!("the image must fail") };
    let EngineError::ImageState { image, .. } = &error else { panic!("{error}") };
    let useless = image.clone();
    assert_only_the_image_is_left(&process, error, &useless);
    let process = world.reopened(process).await;
    released_instead_of(&process, &useless).await;
}

#[tokio::test]
async fn an_image_that_comes_out_encrypted_is_told_and_the_next_ship_makes_it_anew() {
    let world = World::new().await;
    let mut process = world.open().await;
    // The plan was made before.
    process.engine.observer = Meddler::at("run ", &process, |state| here(state).encrypt_by_default = true);
    let Err(error) = process.ship().await else { panic!("the image must be encrypted") };
    let EngineError::Encrypted { image } = &error else { panic!("{error}") };
    let useless = image.clone();
    assert_only_the_image_is_left(&process, error, &useless);
    let process = world.reopened(process).await;
    // What was told has to be done first; nothing is begun before.
    let refused = process.ship().await;
    assert!(matches!(refused, Err(EngineError::Plan(PlanError::EncryptsByDefault { .. }))), "{refused:?}");
    change(&process.twin, |state| here(state).encrypt_by_default = false);
    released_instead_of(&process, &useless).await;
}

#[tokio::test]
async fn an_image_that_fails_while_nobody_looks_ends_its_run_and_is_made_anew_by_the_next() {
    let world = World::new().await;
    let faults = vec![FaultRule::first_calls("CreateImage", 1, Fault::Silence)];
    let process = world.open_to(Fate { faults, ..Fate::default() }).await;
    assert!(process.ship_until_death().await.is_none());
    change(&process.twin, |state| own_image(state).failed = Some("Client.InternalError".to_owned()));
    let process = world.reopened(process).await;
    let end = process.ship().await;
    let Err(EngineError::ImageState { image, .. }) = end else { panic!("the image has failed: {end:?}") };
    released_instead_of(&process, &image).await;
}

#[tokio::test]
async fn an_image_that_somebody_has_removed_ends_its_run_and_is_made_anew_by_the_next() {
    let world = World::new().await;
    let process = world.open().await;
    let next = process.next().await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Bake)).await.unwrap();
    change(&process.twin, |state| {
        let id = own_image(state).id.clone();
        here(state).images.remove(&id);
        here(state).snapshots.retain(|_, snapshot| snapshot.owner.as_str() == DEBIAN_ACCOUNT);
    });
    let process = world.reopened(process).await;
    let end = process.ship().await;
    let Err(EngineError::ImageGone { image, .. }) = end else { panic!("the image is gone: {end:?}") };
    released_instead_of(&process, &image).await;
}

#[tokio::test]
async fn an_image_of_that_name_made_of_something_else_is_in_the_way_and_stays() {
    let world = World::new().await;
    let faults = vec![FaultRule::first_calls("CreateImage", 1, Fault::Silence)];
    let process = world.open_to(Fate { faults, ..Fate::default() }).await;
    assert!(process.ship_until_death().await.is_none());
    change(&process.twin, |state| drop(own_image(state).tags.insert("bakehouse:input".to_owned(), "another".to_owned())));
    let process = world.reopened(process).await;
    let Err(error) = process.ship().await else { panic!("the name is taken") };
    let EngineError::NameTaken { image, .. } = &error else { panic!("{error}") };
    let deregister = format!("aws ec2 deregister-image --region us-east-1 --image-id {image}");
    let told = Failure::from(error).render(false);
    assert!(told.contains(&deregister), "{told}");
    // The command that it names.
    change(&process.twin, |state| {
        let id = own_image(state).id.clone();
        here(state).images.remove(&id);
    });
    process.ship().await.unwrap();
    assert_eq!(process.releases().await.len(), 1);
}

/// Of a bake that came to nothing the image alone is left, and what is told says so.
fn assert_only_the_image_is_left(process: &Process, error: EngineError, image: &ImageId) {
    let told = Failure::from(error).render(false);
    assert!(told.contains(&format!("state: {image} is kept, unshared, until the next ship needs its name")), "{told}");
    assert!(told.trim_end().ends_with("ship again"), "{told}");
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        let own: Vec<&str> = us.images.values().filter(|i| !i.public).map(|i| i.id.as_str()).collect();
        assert_eq!(own, [image.as_str()]);
        assert!(us.volumes.is_empty(), "a volume is left");
        assert!(us.security_groups.values().all(|g| !g.name.starts_with("bakehouse-")), "a group is left");
    });
}

/// Ships, and sees that the same version is released of another image, and nothing left of the first.
async fn released_instead_of(process: &Process, useless: &ImageId) {
    process.ship().await.unwrap();
    let releases = process.releases().await;
    assert_eq!(releases.iter().map(|r| r.version.to_string()).collect::<Vec<_>>(), ["1.0.0"]);
    assert_ne!(&releases[0].release.image.id, useless);
    assert_eq!(in_order(process).await, Ok(()));
    process.twin.read(|state| assert!(!state.regions[&Region::marketplace()].images.contains_key(useless.as_str()), "{useless} is left"));
}

/// Has a bake leave an encrypted image, whose name the next one needs.
pub async fn left_with_an_encrypted_image() -> World {
    let world = World::new().await;
    let mut process = world.open().await;
    process.engine.observer = Meddler::at("run ", &process, |state| here(state).encrypt_by_default = true);
    assert!(matches!(process.ship().await, Err(EngineError::Encrypted { .. })));
    change(&process.twin, |state| here(state).encrypt_by_default = false);
    world
}

fn here(state: &mut State) -> &mut RegionState {
    state.regions.get_mut(&Region::marketplace()).unwrap()
}

fn own_image(state: &mut State) -> &mut Image {
    here(state).images.values_mut().find(|image| !image.public).unwrap()
}

fn change(twin: &Twin, meddle: impl FnOnce(&mut State)) {
    twin.change(|state| {
        meddle(state);
        Ok::<_, std::io::Error>(())
    })
    .unwrap();
}

/// Changes something at the twin as soon as certain words are said.
struct Meddler {
    twin: Arc<Twin>,
    words: &'static str,
    meddle: fn(&mut State),
}

impl Meddler {
    fn at(words: &'static str, process: &Process, meddle: fn(&mut State)) -> Arc<Self> {
        Arc::new(Self { twin: process.twin.clone(), words, meddle })
    }
}

impl Observer for Meddler {
    fn note(&self, note: Note) {
        if format!("{note:?}").contains(self.words) {
            change(&self.twin, self.meddle);
        }
    }
}

fn assert_nothing_is_left(process: &Process) {
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        assert!(us.images.values().all(|i| i.public), "an image is left");
        assert!(us.volumes.is_empty(), "a volume is left");
        assert!(us.security_groups.values().all(|g| !g.name.starts_with("bakehouse-")), "a group is left");
    });
}

#[tokio::test]
async fn a_run_under_way_takes_no_bump_that_comes_to_another_version() {
    let world = World::new().await;
    let process = world.open().await;
    let next = process.next().await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Whole).await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let process = world.reopened(process).await;
    let next = process.next().await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Bake)).await.unwrap();
    let asked = async |bump| {
        let request = Request { bump, ..Request::default() };
        engine::next(&process.engine, &process.product, &request).await.map(|next| next.plan().version.to_string())
    };
    assert_eq!(asked(None).await.unwrap(), "1.0.1");
    assert_eq!(asked(Some(Bump::Patch)).await.unwrap(), "1.0.1", "the command that began it can be given again");
    let Err(EngineError::NotReady { what, .. }) = asked(Some(Bump::Major)).await else { panic!("1.0.1 is no major version") };
    assert!(what.ends_with("of version 1.0.1 is not finished, so 2.0.0 can't begin"), "{what}");
}

#[tokio::test]
async fn a_run_that_completes_what_is_sealed_goes_on_whatever_bump_is_asked_for() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    world.edit("product.toml", "[distribution]", "[distribution]\nregions = [\"us-east-1\", \"sa-east-1\"]");
    let mut process = world.reopened(process).await;
    // Nobody waits for the copy.
    process.patience = Duration::ZERO;
    assert!(matches!(process.ship().await, Err(EngineError::Pending { .. })));
    for bump in [Bump::Major, Bump::Minor, Bump::Patch] {
        let request = Request { bump: Some(bump), ..Request::default() };
        let next = engine::next(&process.engine, &process.product, &request).await.unwrap();
        assert!(matches!(next, Next::Continue { .. }), "{next:?}");
    }
}

#[tokio::test]
async fn a_run_that_has_sealed_its_version_takes_wishes_for_what_comes_next() {
    let world = World::new().await;
    world.edit("product.toml", "[distribution]", "[distribution]\nregions = [\"us-east-1\", \"sa-east-1\"]");
    let mut process = world.open().await;
    for stage in [Stage::Bake, Stage::Scan, Stage::Boot, Stage::Checksum, Stage::Release] {
        let next = process.next().await.unwrap();
        engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage)).await.unwrap();
    }
    // Nobody waits for the copy.
    process.patience = Duration::ZERO;
    assert!(matches!(process.ship().await, Err(EngineError::Pending { .. })));
    assert_eq!(process.releases().await.len(), 1, "it is sealed");
    let asked = async |request: Request| engine::next(&process.engine, &process.product, &request).await;
    let higher = Request { version: Some(Version::new(3, 0, 0)), ..Request::default() };
    for request in [Request { bump: Some(Bump::Minor), ..Request::default() }, higher] {
        let next = asked(request).await.unwrap();
        assert!(matches!(next, Next::Continue { .. }) && next.plan().version == Version::new(1, 0, 0), "{next:?}");
    }
    let lower = asked(Request { version: Some(Version::new(0, 9, 0)), ..Request::default() }).await;
    assert!(matches!(lower, Err(EngineError::NotReady { .. })), "{lower:?}");
}

#[tokio::test]
async fn a_version_that_nothing_has_changed_for_is_refused_and_says_how_it_is_released_all_the_same() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    let asked = async |version: &str, rebuild| {
        let request = Request { version: Some(version.parse().unwrap()), rebuild, ..Request::default() };
        engine::next(&process.engine, &process.product, &request).await
    };
    let unchanged = Failure::from(asked("1.1.0", false).await.unwrap_err());
    assert_eq!(unchanged.exit_code(), exit::UNCHANGED);
    assert!(unchanged.render(false).contains("--rebuild --version 1.1.0"), "{}", unchanged.render(false));
    let lower = asked("0.9.0", false).await;
    assert!(matches!(lower, Err(EngineError::Plan(PlanError::Version(_)))), "{lower:?}");
    assert!(matches!(asked("1.0.0", false).await.unwrap(), Next::Nothing { .. }), "what was asked for is there");
    assert_eq!(asked("1.1.0", true).await.unwrap().plan().version.to_string(), "1.1.0");
}
