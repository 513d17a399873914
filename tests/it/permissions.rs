//! Least privilege: what commands are allowed to call is what they call, on the usual ways and on the odd ones.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bakehouse::cloud::{self, Activity, Assessed, COMMANDS, ChangeSetFilter};
use bakehouse::engine::{self, Engine, EngineError, Extent, Followed, ListingPlan, Next, Stage, Whole};
use bakehouse::listing::Entity;
use bakehouse::listing::retention::{on_sale, restrict};
use bakehouse::listing::{AmiProduct, change_visibility};
use bakehouse::model::change_set::product::TargetVisibility;
use bakehouse::model::ids::Region;
use bakehouse::model::listing_set::ListingSet;
use bakehouse::model::record::Event;
use bakehouse::plan::Request;
use bakehouse::release::Listing;
use bakehouse::twin::faults::{Fault, FaultRule};
use jiff::SignedDuration;

use super::account::diagnose;
use super::compare::compare;
use super::ledgers::in_bucket;
use super::world::{Fate, Process, World, file, good_guest};
use super::{bundle, gc};

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

/// The commands that are all stages, one after the other: what a stage calls on its odd ways they do too.
const WHOLE: [&str; 2] = ["ship", "resume"];

/// The commands that plan.
const SURVEYORS: &[&str] = &["plan", "ship", "bake", "scan", "boot", "checksum", "release", "distribute", "list", "resume"];

/// Those of them that follow no change set.
const PREPARERS: &[&str] = &["plan", "bake", "scan", "boot", "checksum", "release", "distribute"];

/// The commands that start no instance, and end those of a run that has to give way.
const CLEARERS: &[&str] = &["scan", "checksum", "release", "distribute", "list"];

/// The commands that upload files for the Marketplace.
const LISTERS: &[&str] = &["list", "list-apply", "list-restrict", "list-validate", "list-visibility"];

/// What a command calls on ways that this test doesn't go, and which.
const RARE: &[(&[&str], &str, &str)] = &[
    (CLEARERS, "ec2:TerminateInstances", "when the run that it supersedes has left an instance"),
    (CLEARERS, "ec2:DeleteKeyPair", "when the run that it supersedes has left a key pair"),
    (CLEARERS, "ec2:DeleteSecurityGroup", "when the run that it supersedes has left a group"),
    (&["boot"], "ec2:CreateTags", "when the image fails it, and is tagged as rejected"),
    (&["doctor"], "s3:ListObjectsV2", "but who may not list is told that what isn't there is forbidden"),
    (SURVEYORS, "aws-marketplace:ListTagsForResource", "when the Marketplace has a submission that the ledger lacks"),
    (PREPARERS, "aws-marketplace:DescribeChangeSet", "when a change set on the listing was refused, or is under way"),
    (&["list-watch"], "aws-marketplace:DescribeAssessment", "when an assessment did not pass"),
    (&["list-plan"], "aws-marketplace:DescribeChangeSet", "when a change set locks the listing"),
    (LISTERS, "s3:CreateBucket", "when a rehearsal's twin lacks the bucket for media"),
    (LISTERS, "s3:DeletePublicAccessBlock", "when a rehearsal's twin lacks the bucket for media"),
    (LISTERS, "s3:PutBucketPolicy", "when a rehearsal's twin lacks the bucket for media"),
    (&WHOLE, "s3:DeletePublicAccessBlock", "when a rehearsal's twin lacks the bucket for media"),
    (&WHOLE, "s3:PutBucketPolicy", "when a rehearsal's twin lacks the bucket for media"),
    (&["scan"], "ebs:ListChangedBlocks", "with --keep-blocks, once blocks of another snapshot are kept"),
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
    // On the heap: a test's stack has no room for so many commands.
    Box::pin(releases(&mut seen)).await;
    Box::pin(rejected_images(&mut seen)).await;
    Box::pin(runs_that_were_left(&mut seen)).await;
    Box::pin(runs_of_yesterday(&mut seen)).await;
    let wrong = seen.wrong();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let commands: BTreeSet<&str> = COMMANDS.iter().map(|command| command.name).collect();
    assert_eq!(seen.0.keys().copied().collect::<BTreeSet<_>>(), commands);
}

/// A ledger in a folder leaves S3 to the payloads: what is allowed for a ledger's bucket can't stand in for theirs.
#[tokio::test]
async fn what_is_done_to_payloads_is_allowed_for_payloads() {
    let (world, mut seen) = (bundle::world().await, Seen::default());
    let mut process = world.open().await;
    for (command, stage) in STAGES {
        only(&process, stage).await.unwrap();
        seen.note(command, &process);
        process = world.reopened(process).await;
    }
    compare(&process).await.unwrap();
    seen.note("boot", &process);
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let left = world.fork();
    leave_at(&left, "CreateImage", async |process| process).await;
    let process = left.open().await;
    abandon(&process).await;
    seen.note("abandon", &process);

    for (command, calls) in &seen.0 {
        let of_payloads = |activity: &Activity| !matches!(activity, Activity::Consult | Activity::Keep | Activity::Note);
        let activities = cloud::command(command).unwrap().activities.iter().copied().filter(of_payloads).collect::<Vec<_>>();
        let allowed = |call: &&String| {
            cloud::OPERATIONS.iter().any(|o| named(o) == **call && o.activities.iter().any(|activity| activities.contains(activity)))
        };
        let wrong: Vec<&String> = calls.iter().filter(|call| call.starts_with("s3:")).filter(|call| !allowed(call)).collect();
        assert!(wrong.is_empty(), "{command} calls {wrong:?} without permission");
    }
    for (command, call) in [("bake", "s3:PutObject"), ("boot", "s3:PutObject"), ("abandon", "s3:DeleteObjects")] {
        assert!(seen.0[command].contains(call), "{command} has nothing to do with a payload");
    }
}

/// A first and a second release, its payload in a bucket, in a subnet of its own, copied to another Region; then others,
/// whole, and what looks at them.
async fn releases(seen: &mut Seen) {
    let world = bundle::world().await;
    let subnet = world.open().await.twin.read(|state| state.regions[&Region::marketplace()].subnets.keys().next().cloned());
    let subnet = subnet.expect("the default VPC has subnets");
    world.edit("product.toml", "deadline = \"45m\"\n", &format!("deadline = \"45m\"\nsubnet = \"{subnet}\"\n"));
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    // The first opening binds the ledger to the account, which is left to a command that writes.
    drop(in_bucket(world.open().await).await);
    for release in 0..2 {
        if release == 1 {
            change(&world);
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
    readers(seen, &world).await;
    copies_that_are_of_no_use(seen, &world).await;
    seen.look(&world, "ship", async |process| process.ship().await.unwrap()).await;
    change(&world);
    seen.look(&world, "ship", async |process| process.ship().await.unwrap()).await;
    change(&world);
    for (command, stage) in &STAGES[..6] {
        seen.look(&world, command, async |process| only(process, *stage).await.unwrap()).await;
    }
    seen.look(&world, "list", async |process| submit(process).await).await;
    seen.look(&world, "list-status", async |process| {
        follow(process).await;
        engine::settle(&process.engine, &process.product.variant()).await.unwrap();
        assert!(process.engine.ledger.open_runs(&process.product.variant()).await.unwrap().is_empty());
        let records = process.engine.ledger.records(&process.product.variant()).await.unwrap();
        let (reader, entity) = (process.engine.writer.reader(), engine::listing_of(&process.product, &records).unwrap());
        reader.public_offers(&[entity]).await.unwrap();
        reader.change_sets(&ChangeSetFilter::UnderWay).await.unwrap();
    })
    .await;
    listings(seen, &world).await;
    seen.look(&world, "gc", async |process| drop(gc::plan(process, SignedDuration::ZERO).await)).await;
    seen.look(&world, "doctor", async |process| drop(diagnose(process).await)).await;
}

/// The commands that look after a listing.
async fn listings(seen: &mut Seen, world: &World) {
    async fn plan(process: &Process) -> ListingPlan {
        process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap()
    }
    async fn carry_out(process: &Process, next: Next) {
        Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::List))).await.unwrap();
    }
    async fn ask(process: &Process, make: impl Fn(&Entity<AmiProduct>) -> Vec<ListingSet>) {
        let live = plan(process).await.live.unwrap();
        let planned = process.engine.plan_asked(&process.product, make(&live.product)).await.unwrap();
        let until = process.engine.clock.now().saturating_add(Duration::from_secs(40 * 24 * 60 * 60)).unwrap();
        let engine = Engine { until, ..process.engine.clone() };
        Box::pin(engine::carry_out(&engine, &process.product, planned.begin(None).unwrap(), Extent::Whole)).await.unwrap();
    }
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    seen.look(world, "list-plan", async |process| assert!(!plan(process).await.plan.is_empty())).await;
    seen.look(world, "list-apply", async |process| {
        // A version that is sealed and not listed is added first, in a run of its own.
        let request = Request { listing: true, ..Request::default() };
        for _ in 0..2 {
            let next = engine::next(&process.engine, &process.product, &request).await.unwrap();
            carry_out(process, next).await;
        }
        let left = plan(process).await.plan;
        assert!(left.is_empty(), "{left:#?}");
    })
    .await;
    seen.look(world, "list-visibility", async |process| {
        ask(process, |live| vec![change_visibility(live, TargetVisibility::Public, None).unwrap()]).await;
    })
    .await;
    seen.look(world, "list-restrict", async |process| {
        ask(process, |live| {
            let versions = on_sale(&live.details);
            restrict(live, &[&versions[0]]).unwrap()
        })
        .await;
    })
    .await;
    change(world);
    for (_, stage) in &STAGES[..6] {
        only(&in_bucket(world.open().await).await, *stage).await.unwrap();
    }
    seen.look(world, "list-validate", async |process| {
        let planned = plan(process).await;
        let released = process.releases().await.pop().unwrap();
        let live = planned.live.unwrap().product;
        let entity = live.id;
        let set = engine::add_version(&process.engine, &process.product, &released, &entity).unwrap();
        process.engine.rehearse(&process.product, &released.version, &set, live.revision).await.unwrap();
    })
    .await;
    submit(&in_bucket(world.open().await).await).await;
    let under_way = async |process: &Process| {
        let reader = process.engine.writer.reader();
        reader.change_sets(&ChangeSetFilter::UnderWay).await.unwrap().pop().unwrap().id
    };
    seen.look(world, "list-history", async |process| {
        let reader = process.engine.writer.reader();
        let live = plan(process).await.live.unwrap();
        for listed in reader.change_sets(&ChangeSetFilter::On(live.product.id)).await.unwrap() {
            reader.change_set(&listed.id).await.unwrap();
        }
    })
    .await;
    seen.look(world, "list-watch", async |process| {
        let live = plan(process).await.live.unwrap();
        process.engine.writer.reader().assessments(&Assessed::Product(live.product.id)).await.unwrap();
    })
    .await;
    seen.look(world, "list-cancel", async |process| {
        plan(process).await;
        let id = under_way(process).await;
        process.engine.writer.reader().change_set(&id).await.unwrap();
        // AWS cancels what it is still preparing; asking is what takes the permission.
        drop(process.engine.writer.cancel_change_set(&id).await);
    })
    .await;
}

/// The commands that only look at what was released.
async fn readers(seen: &mut Seen, world: &World) {
    seen.look(world, "verify", async |process| {
        let release = &process.releases().await[0].release;
        let (reader, observer) = (process.engine.writer.reader(), &process.engine.observer);
        let image = &release.image;
        engine::checksum_image(reader, observer, &image.region, &image.snapshots, Whole::Skip).await.unwrap();
    })
    .await;
    seen.look(world, "ledger-verify", async |process| {
        let reader = process.engine.writer.reader();
        let change_sets = reader.tagged(reader.change_sets(&ChangeSetFilter::All).await.unwrap()).await.unwrap();
        let (ledger, regions) = (&process.engine.ledger, BTreeSet::from([Region::marketplace()]));
        engine::verify_ledger(reader, ledger, &process.product.variant(), &regions, &change_sets).await.unwrap();
    })
    .await;
    seen.look(world, "runs", async |process| {
        let ledger = &process.engine.ledger;
        let variants = ledger.variants_with_runs().await.unwrap();
        assert_eq!(variants, [process.product.variant()]);
        assert!(!engine::runs(ledger, &variants[0], process.engine.clock.now()).await.unwrap().is_empty());
    })
    .await;
    for command in ["history", "show"] {
        seen.look(world, command, async |process| assert_eq!(process.releases().await.len(), 2)).await;
    }
}

/// A copy that can't be used, removed and made anew.
async fn copies_that_are_of_no_use(seen: &mut Seen, world: &World) {
    let there: Region = "eu-central-1".parse().unwrap();
    change(world);
    for (command, stage) in &STAGES[..5] {
        seen.look(world, command, async |process| only(process, *stage).await.unwrap()).await;
    }
    for encrypted in [true, false] {
        seen.look(world, "distribute", async |process| {
            // No plan is made for a Region that encrypts by default already.
            encrypt(process, &there, false);
            let next = process.next().await.unwrap();
            encrypt(process, &there, encrypted);
            let end = Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Distribute))).await;
            assert_eq!(matches!(end, Err(EngineError::CopyUnusable { .. })), encrypted, "{end:?}");
        })
        .await;
    }
}

/// A rejected image, taken over by the next bake, then baked anew.
async fn rejected_images(seen: &mut Seen) {
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
}

/// Runs killed in a bake and in a boot: gone on with, given up, superseded.
async fn runs_that_were_left(seen: &mut Seen) {
    for operation in ["CreateImage", "DescribeInstanceStatus"] {
        let world = bundle::world().await;
        leave_at(&world, operation, in_bucket).await;
        let resumed = world.fork();
        seen.look(&resumed, "resume", async |process| {
            let engine = &process.engine;
            let journal = engine.ledger.open_runs(&process.product.variant()).await.unwrap().remove(0);
            let journal = Box::new(engine::resumable(engine, &process.product, journal).await.unwrap());
            let plan = journal.plan().unwrap().0.clone();
            Box::pin(engine::carry_out(engine, &process.product, Next::Continue { plan, journal }, Extent::Whole)).await.unwrap();
        })
        .await;
        let abandoned = world.fork();
        seen.look(&abandoned, "abandon", async |process| abandon(process).await).await;
        change(&world);
        seen.look(&world, "bake", async |process| only(process, Stage::Bake).await.unwrap()).await;
    }
}

/// An image that was judged on another day, and runs whose release is to be distributed otherwise by now.
async fn runs_of_yesterday(seen: &mut Seen) {
    let world = bundle::world().await;
    for (command, stage) in &STAGES[..4] {
        seen.look(&world, command, async |process| only(process, *stage).await.unwrap()).await;
    }
    world.open().await.engine.clock.sleep(Duration::from_secs(25 * 60 * 60)).await;
    seen.look(&world, "release", async |process| only(process, Stage::Release).await.unwrap()).await;
    world.edit("product.toml", "share-with-marketplace = true", "share-with-marketplace = false");
    for (command, stage) in &STAGES[1..] {
        let fork = world.fork();
        seen.look(&fork, command, async |process| {
            let next = process.next().await.unwrap();
            assert!(matches!(next, Next::Begin { superseded: Some(_), .. }), "{next:?}");
            Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(*stage))).await.unwrap();
        })
        .await;
    }
}

fn change(world: &World) {
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
}

fn encrypt(process: &Process, region: &Region, encrypted: bool) {
    let set = process.twin.change(|state| {
        state.regions.get_mut(region).unwrap().encrypt_by_default = encrypted;
        Ok::<_, std::io::Error>(())
    });
    set.unwrap();
}

async fn only(process: &Process, stage: Stage) -> Result<(), EngineError> {
    let next = process.next().await?;
    Box::pin(engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage))).await
}

/// Ships until no answer comes to an operation.
async fn leave_at(world: &World, operation: &str, place: impl AsyncFnOnce(Process) -> Process) {
    let faults = vec![FaultRule::first_calls(operation, 1, Fault::Silence)];
    let process = Box::pin(async { place(world.open_to(Fate { faults, ..Fate::default() }).await).await }).await;
    assert!(Box::pin(process.ship_until_death()).await.is_none(), "{operation} is never called");
    drop(process);
    // Once the twin is free, nothing of that process is at work any more.
    drop(world.open().await);
}

async fn abandon(process: &Process) {
    let (engine, collector) = (&process.engine, gc::collector(process));
    let journal = engine.ledger.open_runs(&process.product.variant()).await.unwrap().remove(0);
    let abandoned = collector.abandonable(journal.run()).await.unwrap();
    let products = BTreeSet::from([process.product.slug.clone()]);
    let left = collector.plan_of_run(engine.writer.reader(), &products, &gc::places(process), &abandoned).await.unwrap();
    collector.abandon(&abandoned).await.unwrap();
    gc::remove(process, &left).await;
}

/// Waits no longer than until the change set is submitted.
async fn submit(process: &Process) {
    for _ in 0..48 {
        let until = process.engine.clock.now().saturating_add(Duration::from_secs(10 * 60)).unwrap();
        let next = process.next().await.unwrap();
        let engine = Engine { until, ..process.engine.clone() };
        Box::pin(engine::carry_out(&engine, &process.product, next, Extent::Only(Stage::List))).await.unwrap_err();
        if matches!(process.releases().await.last().unwrap().listing, Listing::Submitted { .. }) {
            return;
        }
    }
    panic!("it is never submitted");
}

async fn follow(process: &Process) {
    let variant = process.product.variant();
    let records = process.engine.ledger.records(&variant).await.unwrap();
    let submitted = records.into_iter().rev().find_map(|record| match record.event {
        Event::Submitted { change_set, .. } => {
            Some(Followed { variant: variant.clone(), version: record.version, run: record.run, change_set })
        }
        _ => None,
    });
    engine::follow_listing(&process.engine, &submitted.unwrap()).await.unwrap();
    assert!(matches!(process.releases().await.last().unwrap().listing, Listing::Listed { .. }));
}

fn named(operation: &cloud::Operation) -> String {
    format!("{}:{}", operation.service, operation.name)
}

/// The operations that the twin saw, by the command that called them.
#[derive(Default)]
struct Seen(BTreeMap<&'static str, BTreeSet<String>>);

impl Seen {
    /// Has a fresh process do something, as a command would, with its ledger in a bucket.
    async fn look(&mut self, world: &World, command: &'static str, act: impl AsyncFnOnce(&Process)) {
        let process = Box::pin(async { in_bucket(world.open().await).await }).await;
        Box::pin(act(&process)).await;
        self.note(command, &process);
    }

    fn note(&mut self, command: &'static str, process: &Process) {
        self.0.entry(command).or_default().extend(process.twin.calls().keys().map(ToString::to_string));
    }

    /// Says what is called without permission, and what permission nobody needs.
    fn wrong(&self) -> Vec<String> {
        let of_stages: BTreeSet<&String> = STAGES.iter().filter_map(|(command, _)| self.0.get(command)).flatten().collect();
        let mut wrong = Vec::new();
        for (command, calls) in &self.0 {
            let allowed: BTreeSet<String> = cloud::operations(&[*cloud::command(command).unwrap()]).into_iter().map(named).collect();
            let rare = |operation: &String| RARE.iter().any(|(commands, rare, _)| commands.contains(command) && rare == operation);
            let elsewhere = |operation: &String| WHOLE.contains(command) && of_stages.contains(operation);
            wrong.extend(calls.difference(&allowed).map(|missing| format!("{command} calls {missing} without permission")));
            let idle = allowed.difference(calls).filter(|operation| !rare(operation) && !elsewhere(operation));
            wrong.extend(idle.map(|more| format!("{command} never calls {more}")));
            wrong.extend(
                calls.iter().filter(|operation| rare(operation)).map(|usual| format!("{command} calls {usual}, which is not rare")),
            );
        }
        wrong
    }
}
