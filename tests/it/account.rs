//! The account: what commands are allowed to call is what they call; what stands in the way is found before.

use std::collections::{BTreeMap, BTreeSet};

use bakehouse::cloud::{self, Bounds};
use bakehouse::doctor::{self, Check, Health};
use bakehouse::engine::{self, EngineError, Extent, Stage, Whole};
use bakehouse::model::ids::Region;
use bakehouse::plan::Request;
use bakehouse::twin::state::State;
use jiff::SignedDuration;

use super::bundle;
use super::gc::plan as garbage;
use super::ledgers::in_bucket;
use super::world::{Process, World, file, good_guest};

/// The commands that a stage is, in the order of a release.
const STAGES: [(&str, Stage); 7] = [
    ("bake", Stage::Bake),
    ("scan", Stage::Scan),
    ("boot", Stage::Boot),
    ("checksum", Stage::Checksum),
    ("release", Stage::Release),
    ("distribute", Stage::Distribute),
    ("list", Stage::List),
];

/// The commands that plan.
const SURVEYORS: &[&str] = &["plan", "ship", "bake", "scan", "boot", "checksum", "release", "distribute", "list", "resume"];

/// The commands that find a run which another has to give way to, and what it may have left.
const SUPERSEDERS: &[&str] = &["scan", "checksum", "release", "distribute", "list"];
const OF_ANOTHER_RUN: &str = "when it supersedes a run that was left with an instance";

/// What a command calls on ways that this test doesn't go, and which.
const RARE: &[(&[&str], &str, &str)] = &[
    (&["bake"], "ec2:DeleteKeyPair", "when the run that it supersedes crashed in a boot"),
    (&["boot"], "ec2:CreateTags", "when the image fails it, and is tagged as rejected"),
    (&["boot"], "s3:DeleteObjects", "when the bake was killed before its payload was removed"),
    (SUPERSEDERS, "ec2:DescribeInstances", OF_ANOTHER_RUN),
    (SUPERSEDERS, "ec2:DescribeKeyPairs", OF_ANOTHER_RUN),
    (SUPERSEDERS, "ec2:DescribeSecurityGroups", OF_ANOTHER_RUN),
    (SUPERSEDERS, "ec2:TerminateInstances", OF_ANOTHER_RUN),
    (SUPERSEDERS, "ec2:DeleteKeyPair", OF_ANOTHER_RUN),
    (SUPERSEDERS, "ec2:DeleteSecurityGroup", OF_ANOTHER_RUN),
    (SUPERSEDERS, "s3:ListObjectsV2", OF_ANOTHER_RUN),
    (SUPERSEDERS, "s3:DeleteObjects", OF_ANOTHER_RUN),
    (&["release"], "ebs:ListSnapshotBlocks", "when the image was judged on another day, and is scanned again"),
    (&["release"], "ebs:GetSnapshotBlock", "when the image was judged on another day, and is scanned again"),
    (&["doctor"], "s3:ListObjectsV2", "but who may not list is told that what isn't there is forbidden"),
    (SURVEYORS, "aws-marketplace:ListTagsForResource", "when the Marketplace has a submission that the ledger lacks"),
    // What gc removes is held by its own tests; here it only looks.
    (&["gc"], "ec2:DeleteKeyPair", "with --apply"),
    (&["gc"], "ec2:DeleteSecurityGroup", "with --apply"),
    (&["gc"], "ec2:DeleteSnapshot", "with --apply"),
    (&["gc"], "ec2:DeleteVolume", "with --apply"),
    (&["gc"], "ec2:DeregisterImage", "with --apply"),
    (&["gc"], "ec2:TerminateInstances", "with --apply"),
    (&["gc"], "s3:PutObject", "with --apply"),
    (&["gc"], "s3:DeleteObjects", "with --apply"),
];

#[tokio::test]
async fn each_command_calls_what_its_permissions_name_and_nothing_else() {
    let mut seen = Seen::default();
    // A first and a second release, its payload in a bucket, in a subnet of its own, copied to another Region.
    let world = bundle::world().await;
    let subnet = world.open().await.twin.read(|state| state.regions[&Region::marketplace()].subnets.keys().next().cloned());
    let subnet = subnet.expect("the default VPC has subnets");
    world.edit("product.toml", "deadline = \"45m\"\n", &format!("deadline = \"45m\"\nsubnet = \"{subnet}\"\n"));
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    // The first opening binds the ledger to the account, which is left to a command that writes.
    drop(in_bucket(world.open().await).await);
    for release in 0..2 {
        if release == 1 {
            world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
        }
        seen.look(&world, "plan", async |process| drop(process.next().await.unwrap())).await;
        // Out of turn a command looks around too, before it finds that it has nothing to work on.
        for (command, stage) in &STAGES[1..] {
            seen.look(&world, command, async |process| assert!(only(process, *stage).await.is_err())).await;
        }
        for (command, stage) in STAGES {
            seen.look(&world, command, async |process| only(process, stage).await.unwrap()).await;
        }
    }
    seen.look(&world, "verify", async |process| {
        let release = &process.releases().await[0].release;
        let (reader, observer) = (process.engine.writer.reader(), &process.engine.observer);
        let image = &release.image;
        engine::checksum_image(reader, observer, &image.region, &image.snapshots, Whole::Skip).await.unwrap();
    })
    .await;
    // A copy that can't be used, removed and made anew.
    let there: Region = "eu-central-1".parse().unwrap();
    world.edit("provision/20-tune.sh", "set -", ": and again\nset -");
    for (command, stage) in &STAGES[..5] {
        seen.look(&world, command, async |process| only(process, *stage).await.unwrap()).await;
    }
    for encrypted in [true, false] {
        seen.look(&world, "distribute", async |process| {
            // No plan is made for a Region that encrypts by default already.
            encrypt(process, &there, false);
            let next = process.next().await.unwrap();
            encrypt(process, &there, encrypted);
            let end = Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Distribute))).await;
            assert_eq!(matches!(end, Err(EngineError::CopyUnusable { .. })), encrypted, "{end:?}");
        })
        .await;
    }
    // A rejected image, taken over by the next bake, then baked anew and collected.
    let mut guest = good_guest();
    guest.files.push(file("/etc/shadow", "root:$6$salt$hash:20000:0:99999:7:::\n", 0o640));
    let mut world = bundle::world().await;
    world.play(guest);
    seen.look(&world, "bake", async |process| only(process, Stage::Bake).await.unwrap()).await;
    seen.look(&world, "scan", async |process| {
        assert!(matches!(only(process, Stage::Scan).await, Err(EngineError::Rejected { .. })));
    })
    .await;
    seen.look(&world, "bake", async |process| only(process, Stage::Bake).await.unwrap()).await;
    seen.look(&world, "scan", async |process| assert!(only(process, Stage::Scan).await.is_err())).await;
    seen.look(&world, "bake", async |process| {
        let rebuild = Request { rebuild: true, ..Request::default() };
        let next = engine::next(&process.engine, &process.product, &rebuild).await.unwrap();
        Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Bake))).await.unwrap();
    })
    .await;
    seen.look(&world, "gc", async |process| drop(garbage(process, SignedDuration::ZERO).await)).await;
    seen.look(&world, "doctor", async |process| drop(diagnose(process).await)).await;

    let mut wrong = Vec::new();
    for (command, calls) in &seen.0 {
        let operations = cloud::operations(&[*cloud::command(command).unwrap()]);
        let allowed: BTreeSet<String> = operations.iter().map(|o| format!("{}:{}", o.service, o.name)).collect();
        let rare = RARE.iter().filter(|(commands, _, _)| commands.contains(command)).map(|(_, operation, _)| *operation);
        let rare: BTreeSet<String> = rare.map(str::to_owned).collect();
        wrong.extend(calls.difference(&allowed).map(|missing| format!("{command} calls {missing} without permission")));
        wrong.extend(allowed.difference(calls).filter(|o| !rare.contains(*o)).map(|more| format!("{command} never calls {more}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen.0.len(), 11);
}

#[tokio::test]
async fn a_healthy_account_has_no_failure() {
    let world = World::new().await;
    let checks = diagnose(&world.open().await).await;
    let failed: Vec<&Check> = checks.iter().filter(|check| check.health >= Health::Unknown).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for name in ["credentials", "account", "clock", "permissions", "dry run", "ingestion role", "region", "encryption", "network", "quota"]
    {
        assert!(checks.iter().any(|check| check.name == name), "{name} is not looked at");
    }
}

#[tokio::test]
async fn what_would_stop_a_release_is_found_with_its_remedy() {
    type Harm = fn(&mut State);
    let cases: [(&str, Health, &str, Harm); 7] = [
        ("encryption", Health::Fail, "disable-ebs-encryption-by-default", |s| us(s).encrypt_by_default = true),
        ("ingestion role", Health::Fail, "iam ingestion-role", |s| s.roles.clear()),
        ("ingestion role", Health::Fail, "trust policy", |s| s.roles.values_mut().for_each(|role| role.trusts.clear())),
        ("permissions", Health::Fail, "iam policy", |s| deny(s, "ec2:RunInstances")),
        ("dry run", Health::Fail, "iam policy", |s| deny(s, "ec2:CreateSecurityGroup")),
        ("permissions", Health::Unknown, "iam:SimulatePrincipalPolicy", |s| deny(s, "iam:SimulatePrincipalPolicy")),
        ("base image", Health::Fail, "bakehouse plan hello-web", |s| us(s).parameters.clear()),
    ];
    let world = World::new().await;
    for (name, health, remedy, harm) in cases {
        let process = world.open().await;
        let before = process.twin.read(Clone::clone);
        process
            .twin
            .change(|state| {
                harm(state);
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
        let checks = diagnose(&process).await;
        let found = checks.iter().find(|check| check.name == name && check.health == health);
        let found = found.unwrap_or_else(|| panic!("{name} is not {health:?}: {checks:#?}"));
        assert!(found.remedy.as_deref().is_some_and(|text| text.contains(remedy)), "{found:?}");
        process
            .twin
            .change(|state| {
                *state = before;
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
    }
}

fn encrypt(process: &Process, region: &Region, encrypted: bool) {
    let set = process.twin.change(|state| {
        state.regions.get_mut(region).unwrap().encrypt_by_default = encrypted;
        Ok::<_, std::io::Error>(())
    });
    set.unwrap();
}

fn deny(state: &mut State, operation: &str) {
    state.denied.insert(operation.to_owned());
}

fn us(state: &mut State) -> &mut bakehouse::twin::state::RegionState {
    state.regions.get_mut(&Region::marketplace()).unwrap()
}

async fn diagnose(process: &Process) -> Vec<Check> {
    let (reader, products) = (process.engine.writer.reader(), [process.product.clone()]);
    let caller = doctor::caller(reader, None, false, process.engine.clock.now()).await;
    let identity = caller.identity.expect("the twin knows its caller");
    let bounds = Bounds {
        account: identity.account.to_string(),
        regions: BTreeSet::from([Region::marketplace()]),
        products: BTreeSet::new(),
        parameters: BTreeSet::new(),
        ingestion_roles: BTreeSet::from([process.product.listing.access_role.clone()]),
        payload_buckets: process.product.build.bucket.iter().cloned().collect(),
        ledger: None,
    };
    let mut checks = caller.checks;
    checks.extend(doctor::permissions(reader, &identity, &[*cloud::command("ship").unwrap()], &bounds, &products).await);
    checks.extend(doctor::roles(reader, &identity.account, &bounds.ingestion_roles).await);
    checks.extend(doctor::account(reader, &products).await);
    checks
}

async fn only(process: &Process, stage: Stage) -> Result<(), EngineError> {
    let next = process.next().await?;
    Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage))).await
}

/// The operations that the twin saw, by the command that called them.
#[derive(Default)]
struct Seen(BTreeMap<&'static str, BTreeSet<String>>);

impl Seen {
    /// Has a fresh process do something, as a command would, with its ledger in a bucket.
    async fn look(&mut self, world: &World, command: &'static str, act: impl AsyncFnOnce(&Process)) {
        // On the heap: a test's stack has no room for so many commands.
        let process = Box::pin(async { in_bucket(world.open().await).await }).await;
        Box::pin(act(&process)).await;
        let calls = process.twin.calls();
        self.0.entry(command).or_default().extend(calls.keys().map(ToString::to_string));
    }
}
