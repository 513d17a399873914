//! What was submitted of a listing is followed, whoever asks, and told as what became of it.

use std::time::Duration;

use bakehouse::clock::Clock;
use bakehouse::cloud::{Assessed, ChangeSetFilter, Connect, Reader, Writer};
use bakehouse::engine::{self, Engine, EngineError, Extent, Stage};
use bakehouse::listing::KeptChangeSet;
use bakehouse::model::ids::EntityId;
use bakehouse::plan::Request;
use bakehouse::release::Listing;
use bakehouse::twin::faults::{Fault, FaultRule, RESCAN, ScanFinding};
use bakehouse::twin::machines::Machines;
use bakehouse::twin::{self, Twin};
use serde_json::{Value, json};

use super::scratch::{Ended, Scratch};
use super::world::{Fate, Process, World};

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A product that is listed, and its id at the Marketplace.
fn listed() -> (Scratch, EntityId) {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    scratch.done("bakehouse ship my-app --yes");
    let watched = json_of(&scratch.done("bakehouse list watch my-app --format json"));
    let id = watched["variants"][0]["product"].as_str().unwrap_or_else(|| panic!("{watched:#}")).parse().unwrap();
    (scratch, id)
}

/// Runs a command that has to end with a code, and returns all that it said.
fn ends(scratch: &Scratch, code: i32, command: &str) -> String {
    let Ended { code: found, out, err } = scratch.run(command, None);
    assert_eq!(found, Some(code), "{command}: {out}{err}");
    out + &err
}

/// Has changes of visibility be refused.
fn refusing(scratch: &Scratch, code: &str, message: &str) -> String {
    let rule = json!({ "change_type": "UpdateVisibility", "fault": { "refusal": { "code": code, "message": message } } });
    let file = scratch.folder().join(format!("{code}.json"));
    std::fs::write(&file, json!({ "format": 1, "rules": [rule] }).to_string()).unwrap();
    format!("bakehouse --faults {code}.json")
}

#[test]
fn a_change_of_the_listing_is_followed_by_whoever_asks() {
    let (scratch, _) = listed();
    ends(&scratch, 5, "bakehouse list visibility my-app public --yes --patience 0s");
    let pending = ends(&scratch, 5, "bakehouse list status my-app");
    assert!(pending.contains("my-app.x86_64 1.0.0: listed in prod-") && pending.contains("UNDER_WAY"), "{pending}");
    let ended = ends(&scratch, 0, "bakehouse list status my-app --wait 1m --format json");
    let document = &json_of(&ended[..ended.rfind('}').unwrap() + 1])["variants"][0];
    assert_eq!((&document["version"], &document["changes"][0]["status"]), (&json!("1.0.0"), &json!("SUCCEEDED")), "{document:#}");
    let history = json_of(&scratch.done("bakehouse list history my-app --format json"));
    assert_eq!((&history["variants"][0]["status"], &history["variants"][0]["kept"]), (&json!("SUCCEEDED"), &json!(true)), "{history:#}");
    // That was all that the run waited for: it has ended too.
    assert!(ends(&scratch, 1, "bakehouse resume my-app --yes").contains("there is no open run"));
    let runs = ends(&scratch, 0, "bakehouse runs my-app");
    assert!(!runs.contains("pending") && !runs.contains("APPLYING"), "{runs}");
    ends(&scratch, 0, "bakehouse ledger verify my-app");
    assert!(!ends(&scratch, 0, "bakehouse list status my-app").contains("UNDER_WAY"));

    let bakehouse = refusing(&scratch, "AUDIT_ERROR", "The logo is another company's.");
    let refused = ends(&scratch, 6, &format!("{bakehouse} list visibility my-app limited --yes"));
    assert!(refused.contains("the Marketplace refused") && refused.contains("AWS Marketplace Seller Operations"), "{refused}");
    let told = ends(&scratch, 0, "bakehouse list status my-app");
    assert!(told.contains("FAILED AUDIT_ERROR: The logo is another company's."), "{told}");
}

#[test]
fn a_refusal_that_was_told_is_not_told_again_by_what_comes_next() {
    let (scratch, _) = listed();
    let manifest = scratch.folder().join("products/my-app/product.toml");
    let edit = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&manifest, text.replace(from, to)).unwrap();
    };
    let title = std::fs::read_to_string(&manifest).unwrap().lines().find(|line| line.starts_with("title")).unwrap().to_owned();
    edit(&title, "title = \"A title that is refused\"");
    let fault = json!({ "refusal": { "code": "INVALID_INPUT", "message": "Not this title." } });
    let rules = json!({ "format": 1, "rules": [{ "change_type": "UpdateInformation", "fault": fault }] });
    std::fs::write(scratch.folder().join("faults.json"), rules.to_string()).unwrap();
    ends(&scratch, 5, "bakehouse --faults faults.json list apply my-app --yes --patience 0s");
    let refused = ends(&scratch, 6, "bakehouse --faults faults.json list status my-app --wait 1m");
    assert!(refused.contains("INVALID_INPUT"), "{refused}");
    assert!(ends(&scratch, 0, "bakehouse runs my-app").contains("refused"));
    edit("title = \"A title that is refused\"", "title = \"A title that is taken\"");
    let planned = ends(&scratch, 0, "bakehouse list plan my-app");
    assert!(!planned.contains("has not ended") && planned.contains("A title that is taken"), "{planned}");
    let applied = ends(&scratch, 0, "bakehouse list apply my-app --yes");
    assert!(!applied.contains("INVALID_INPUT") && applied.contains("the listing is changed"), "{applied}");
}

/// Has a version be sealed that is not listed yet.
fn sealed_beside_listing(scratch: &Scratch) {
    let folder = scratch.folder().join("products/my-app/provision");
    let script = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap();
    let text = std::fs::read_to_string(&script).unwrap();
    std::fs::write(script, text + "\n: again\n").unwrap();
    for stage in ["bake", "scan", "boot", "checksum", "release", "distribute"] {
        scratch.done(&format!("bakehouse {stage} my-app"));
    }
}

#[test]
fn a_sealed_version_is_planned_as_it_is_applied_and_rehearsed_once() {
    let (scratch, _) = listed();
    sealed_beside_listing(&scratch);
    let pending = ends(&scratch, 5, "bakehouse list validate my-app --patience 0s");
    assert!(pending.contains("bakehouse list validate my-app") && !pending.contains("bakehouse ship"), "{pending}");
    ends(&scratch, 0, "bakehouse list validate my-app");
    let document = json_of(&scratch.done("bakehouse list plan my-app --format json"));
    let planned = &document["variants"][0];
    assert_eq!(planned["steps"].as_array().unwrap().len(), 1, "{planned:#}");
    let digest = planned["digest"].as_str().unwrap();
    let applied = ends(&scratch, 0, &format!("bakehouse list apply my-app --approve {digest}"));
    assert!(applied.contains("of the same succeeded already, and is taken over"), "{applied}");
}

#[test]
fn what_a_run_has_rehearsed_the_next_takes_over() {
    let (scratch, _) = listed();
    sealed_beside_listing(&scratch);
    // The second is the submission itself.
    let refused = json!({ "answer": { "status": 422, "code": "ValidationException", "message": "Not so." } });
    let rules = json!({ "format": 1, "rules": [{ "operation": "StartChangeSet", "nth": 2, "fault": refused }] });
    std::fs::write(scratch.folder().join("faults.json"), rules.to_string()).unwrap();
    let stopped = ends(&scratch, 6, "bakehouse --faults faults.json list my-app --yes");
    assert!(stopped.contains("AWS's rehearsal ") && stopped.contains("Not so."), "{stopped}");
    let applied = ends(&scratch, 0, "bakehouse list my-app --yes");
    assert!(applied.contains("of the same succeeded already, and is taken over"), "{applied}");
}

#[test]
fn a_plan_says_when_it_cannot_tell_what_a_run_does_first() {
    let (scratch, _) = listed();
    sealed_beside_listing(&scratch);
    let answer = json!({ "answer": { "status": 403, "code": "UnauthorizedOperation", "message": "Not you." } });
    let rules = json!({ "format": 1, "rules": [{ "service": "ec2", "times": 100, "fault": answer }] });
    std::fs::write(scratch.folder().join("faults.json"), rules.to_string()).unwrap();
    let planned = ends(&scratch, 0, "bakehouse --faults faults.json list plan my-app");
    let warning = planned.lines().find(|line| line.starts_with("warning: ")).unwrap_or_else(|| panic!("{planned}"));
    assert!(warning.contains("does first can't be told") && warning.contains("UnauthorizedOperation"), "{planned}");
    let document = json_of(&scratch.done("bakehouse --faults faults.json list plan my-app --format json"));
    let planned = &document["variants"][0];
    assert!(planned["warnings"][0].as_str().unwrap().contains("UnauthorizedOperation"), "{planned:#}");
    assert!(planned["unfinished_run"].is_string(), "{planned:#}");
    let untroubled = json_of(&scratch.done("bakehouse list plan my-app --format json"));
    assert_eq!(untroubled["variants"][0]["warnings"], json!([]), "{untroubled:#}");
}

#[test]
fn a_bump_that_releases_nothing_is_told() {
    let (scratch, _) = listed();
    let told = ends(&scratch, 0, "bakehouse ship my-app --bump minor --yes");
    assert!(told.contains("--bump releases nothing") && told.contains("--rebuild"), "{told}");
}

#[test]
fn a_saved_plan_is_written_over_nothing_else_and_carried_out_once() {
    let (scratch, id) = listed();
    let manifest = scratch.folder().join("products/my-app/product.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let title = text.lines().find(|line| line.starts_with("title")).unwrap();
    let edited = text.replace(title, "title = \"Another title\"");
    std::fs::write(&manifest, &edited).unwrap();
    let refused = ends(&scratch, 1, "bakehouse list plan my-app --out products/my-app/product.toml");
    assert!(refused.contains("holds no saved plans"), "{refused}");
    assert_eq!(std::fs::read_to_string(&manifest).unwrap(), edited);
    for _ in 0..2 {
        ends(&scratch, 0, "bakehouse list plan my-app --out saved.json");
    }
    ends(&scratch, 0, "bakehouse list apply saved.json --yes");
    let again = ends(&scratch, 0, "bakehouse list apply saved.json --yes");
    assert!(again.contains("was carried out by run ") && !again.contains("out of date"), "{again}");

    let edited = edited.replace("[listing]\n", &format!("[listing]\nproduct-id = \"{id}\"\n"));
    std::fs::write(&manifest, &edited).unwrap();
    let second = ends(&scratch, 1, &format!("bakehouse list import {id} --as other"));
    assert!(second.contains("is the listing of my-app already") && !scratch.folder().join("products/other").exists(), "{second}");
    // What is wrong with a manifest hides no listing that it names.
    let faulty = edited.replace("title = \"Another title\"", &format!("title = \"{}\"", "long ".repeat(80)));
    std::fs::write(&manifest, faulty).unwrap();
    let watched = ends(&scratch, 3, "bakehouse list watch");
    assert!(watched.contains(&format!("my-app.x86_64  {id}  Limited")), "{watched}");
}

#[test]
fn aws_own_faults_and_what_was_cancelled_are_no_refusals() {
    let (scratch, product) = listed();
    let bakehouse = refusing(&scratch, "SERVER_FAULT", "");
    let failed = ends(&scratch, 1, &format!("{bakehouse} list visibility my-app public --yes"));
    assert!(failed.contains("by a fault of its own") && failed.contains("starts it again") && !failed.contains("refused"), "{failed}");
    let history = json_of(&scratch.done("bakehouse list history my-app --format json"));
    let error = &history["variants"][0]["errors"][0];
    assert_eq!(error["code"], "SERVER_FAULT", "{history:#}");
    assert!(!error["message"].as_str().unwrap().is_empty());

    ends(&scratch, 5, "bakehouse list visibility my-app restricted --yes --patience 0s");
    let whose = ends(&scratch, 0, "bakehouse list cancel my-app --yes");
    assert!(whose.contains("UpdateVisibility") && whose.contains("it is of my-app.x86_64 1.0.0, submitted by run"), "{whose}");
    let cancelled = ends(&scratch, 1, "bakehouse list status my-app --wait 1m");
    assert!(cancelled.contains("CANCELLED") && cancelled.contains("was cancelled") && !cancelled.contains("refused"), "{cancelled}");
    let history = json_of(&scratch.done("bakehouse list history my-app --format json"));
    let id = history["variants"][0]["change_set"].as_str().unwrap();
    let again = ends(&scratch, 1, &format!("bakehouse list cancel {id} --yes"));
    assert!(again.contains("there is nothing to cancel") && again.contains("CANCELLED at "), "{again}");
    let none = ends(&scratch, 1, &format!("bakehouse list cancel {product} --yes"));
    assert!(none.contains(&format!("no change set of {product} is under way")), "{none}");
    // An id may begin with a letter.
    let unknown = ends(&scratch, 1, "bakehouse list cancel a7bba2dc0123456789abcdef0 --yes");
    assert!(unknown.contains("neither a product of the workspace nor a change set that AWS knows"), "{unknown}");
}

/// Opens the twin that the program's commands use, at some time.
async fn twin_of(scratch: &Scratch, clock: Clock, faults: Vec<FaultRule>) -> Reader {
    let options = twin::Options { faults, ..twin::Options::new(clock, Machines::None) };
    let twin = Twin::open(&scratch.folder().join(".bakehouse/twin"), options).unwrap();
    Reader::connect(Connect::Twin(twin)).await
}

#[tokio::test]
async fn what_others_change_of_the_offer_alone_is_told() {
    let (scratch, product) = listed();
    let reader = twin_of(&scratch, Clock::System, Vec::new()).await;
    let offer = reader.public_offers(std::slice::from_ref(&product)).await.unwrap().of(&product).unwrap().unwrap().clone();
    let change = json!({
        "ChangeType": "UpdateInformation",
        "Entity": { "Type": "Offer@1.0", "Identifier": offer },
        "DetailsDocument": { "Name": "By somebody else" },
    });
    let id = Writer::new(reader).start_change_set(&json!({ "ChangeSet": [change] }), false, "a-token-of-somebody-else").await.unwrap();
    let history = json_of(&scratch.done("bakehouse list history my-app --format json"));
    let row = history["variants"].as_array().unwrap().iter().find(|row| row["change_set"] == json!(id)).unwrap();
    assert_eq!((&row["what"], &row["kept"]), (&json!("UpdateInformation"), &json!(false)));
    let planned = json_of(&scratch.done("bakehouse list plan my-app --format json"));
    let lock = &planned["variants"][0]["under_way"][0];
    assert_eq!((&lock["change_set"], &lock["change_types"], &lock["name"]), (&json!(id), &json!(["UpdateInformation"]), &Value::Null));
    assert!(ends(&scratch, 0, "bakehouse list status my-app").contains("not of this ledger: change set"));
    let whose = ends(&scratch, 0, "bakehouse list cancel my-app --yes");
    assert!(whose.contains("somebody else has submitted it"), "{whose}");
}

#[tokio::test]
async fn a_published_version_that_fails_its_scan_is_an_alarm_and_names_the_version() {
    let (scratch, product) = listed();
    scratch.done("bakehouse list watch my-app");
    let found = Fault::ScanFindings(vec![ScanFinding { code: "CVE_FOUND".to_owned(), message: "bash".to_owned() }]);
    let month = jiff::SignedDuration::from_hours(31 * 24);
    let later = Clock::manual(jiff::Timestamp::now().checked_add(month).unwrap());
    let reader = twin_of(&scratch, later, vec![FaultRule::first_changes(RESCAN, 1, found)]).await;
    assert_eq!(reader.assessments(&Assessed::Product(product)).await.unwrap()[0].result, "FAIL");
    drop(reader);
    let told = ends(&scratch, 4, "bakehouse list watch my-app");
    assert!(told.contains("warning: AWS's assessment of version 1.0.0 (delivery option "), "{told}");
    assert!(told.contains("is FAIL: CVE_FOUND: bash"), "{told}");
}

/// Works up to what is sealed and distributed, not listed.
async fn sealed(world: &World) {
    for stage in [Stage::Bake, Stage::Scan, Stage::Boot, Stage::Checksum, Stage::Release, Stage::Distribute] {
        let process = world.open().await;
        let next = process.next().await.unwrap();
        engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage)).await.unwrap();
    }
}

/// Has AWS rehearse the newest version.
async fn rehearse(process: &Process, engine: &Engine) -> Result<bakehouse::model::ids::ChangeSetId, EngineError> {
    let releases = process.releases().await;
    let Listing::Listed { product, .. } = &releases[0].listing else { panic!("{releases:?}") };
    let newest = releases.last().unwrap();
    let set = engine::add_version(engine, &process.product, newest, product).unwrap();
    let revision = engine.writer.reader().entity(product).await?.unwrap().revision.unwrap();
    engine.rehearse(&process.product, &newest.version, &set, revision).await
}

fn scanned() -> Fault {
    Fault::ScanFindings(vec![ScanFinding { code: "KEYS_FOUND".to_owned(), message: "/root/.ssh/authorized_keys".to_owned() }])
}

#[tokio::test]
async fn rehearsals_are_kept_and_each_is_a_new_one_unless_it_was_cut_off() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": again\nset -");
    sealed(&world).await;
    let faults = vec![FaultRule::first_changes("AddDeliveryOptions", 1, scanned())];
    let process = world.open_to(Fate { faults, ..Fate::default() }).await;
    // Cut off, it is taken up again.
    let impatient = Engine { until: process.engine.clock.now(), ..process.engine.clone() };
    assert!(matches!(rehearse(&process, &impatient).await, Err(EngineError::Pending { .. })));
    let refused = rehearse(&process, &process.engine).await;
    let Err(EngineError::ListingRefused { change_set: first, validation: true, .. }) = refused else { panic!("{refused:?}") };
    let filter = ChangeSetFilter::All;
    assert_eq!(process.engine.writer.reader().change_sets(&filter).await.unwrap().len(), 2, "the first listing and one rehearsal");
    // It has ended: what comes next is another, within the same hour too.
    let second = rehearse(&process, &process.engine).await.unwrap();
    assert_ne!(first, second);
    process.ship().await.unwrap();
    let kept: Vec<KeptChangeSet> = process.engine.ledger.kept_change_sets(&process.product.variant()).await.unwrap();
    let rehearsals: Vec<&KeptChangeSet> = kept.iter().filter(|kept| kept.end.is_validation()).collect();
    assert_eq!(rehearsals.len(), 2, "ship takes over the second");
    let of_first = rehearsals.iter().find(|kept| kept.change_set == first).unwrap();
    assert_eq!((of_first.findings[0].code.as_str(), of_first.end.status.as_str()), ("KEYS_FOUND", "FAILED"));
    assert_eq!(of_first.request["ChangeSet"][0]["ChangeType"], "AddDeliveryOptions");
    assert_eq!(rehearsals.iter().filter(|kept| kept.run.is_some()).count(), 0);
}

#[tokio::test]
async fn findings_that_could_not_be_had_are_fetched_later_and_kept() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": again\nset -");
    let rule = FaultRule { nth: 2, ..FaultRule::first_changes("AddDeliveryOptions", 1, scanned()) };
    let process = world.open_to(Fate { faults: vec![rule], ..Fate::default() }).await;
    assert!(matches!(process.ship().await, Err(EngineError::ListingRefused { validation: false, .. })));
    let (ledger, variant) = (&process.engine.ledger, process.product.variant());
    let refused = process.releases().await.pop().unwrap();
    // As if the address had not answered.
    let kept: Vec<KeptChangeSet> = ledger.kept_change_sets(&variant).await.unwrap();
    let with = kept.into_iter().find(|kept| !kept.findings.is_empty()).unwrap();
    let folder = world.folder.path().join("twin-ledger").join(variant.to_string()).join("change-sets");
    for file in std::fs::read_dir(&folder).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let without = KeptChangeSet { findings: Vec::new(), ..with };
    ledger.keep_change_set(&variant, &refused.version, without.run.as_ref(), &without).await.unwrap();
    let found = engine::findings(&process.engine, &variant, &refused).await.unwrap();
    assert_eq!(found[0].code, "KEYS_FOUND");
    // AWS's address holds for 60 days, the ledger for good.
    process.engine.clock.sleep(Duration::from_secs(61 * 24 * 60 * 60)).await;
    assert_eq!(engine::findings(&process.engine, &variant, &refused).await.unwrap(), found);
}

#[tokio::test]
async fn what_aws_refuses_is_told_with_the_manifests_line() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    let refusal = Fault::Refusal { code: "INVALID_CATEGORY_NAMES".to_owned(), message: "Monitorin".to_owned() };
    let faults = vec![FaultRule::first_changes("UpdateInformation", 1, refusal)];
    let process = world.open_to(Fate { faults, ..Fate::default() }).await;
    let next = engine::next(&process.engine, &process.product, &Request { listing: true, ..Request::default() }).await.unwrap();
    let end = engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::List)).await;
    let Err(EngineError::ChangeRefused { errors, .. }) = end else { panic!("{end:?}") };
    let origin = errors[0].origin.as_ref().unwrap();
    let manifest = std::fs::read_to_string(world.folder.path().join("products/hello-web/product.toml")).unwrap();
    let line = manifest.lines().position(|line| line.starts_with("categories")).unwrap() + 1;
    assert_eq!((origin.key, origin.place.line), ("product.categories", line), "{origin}");
}
