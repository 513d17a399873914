//! Listings that somebody else changes at the same time.

use std::time::Duration;

use bakehouse::engine::{self, Engine, EngineError, Extent, RunState, Stage};
use bakehouse::model::ids::{ChangeSetId, EntityId};
use bakehouse::model::plan::Step;
use bakehouse::plan::Request;
use bakehouse::release::listing_changes;
use bakehouse::twin::faults::{Fault, FaultRule};
use serde_json::{Value, json};

use super::world::{Fate, Process, World};

/// Submits a change of the product or its offer, as a colleague does at the portal.
async fn colleague(process: &Process, kind: &str, change_type: &str, entity: &EntityId, details: Value) -> ChangeSetId {
    let change = json!({
        "ChangeType": change_type, "Entity": { "Type": format!("{kind}@1.0"), "Identifier": entity }, "DetailsDocument": details,
    });
    let request = json!({ "ChangeSetName": "colleague", "ChangeSet": [change] });
    process.engine.writer.start_change_set(&request, false, &format!("colleague-{change_type}")).await.unwrap()
}

/// The product and its public offer.
async fn entities(process: &Process) -> (EntityId, EntityId) {
    let live = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().live.unwrap();
    (live.product.id, live.offer.unwrap().id)
}

async fn apply(process: &Process, engine: &Engine) -> Result<(), EngineError> {
    let request = Request { listing: true, ..Request::default() };
    let next = engine::next(engine, &process.product, &request).await?;
    engine::carry_out(engine, &process.product, next, Extent::Only(Stage::List)).await
}

async fn is_left(process: &Process) -> Vec<Step> {
    let planned = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap();
    planned.plan.steps.into_iter().map(|planned| planned.step).collect()
}

#[tokio::test]
async fn whoever_waited_for_a_lock_plans_anew_when_it_has_changed_the_listing() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"\nsku = \"COLLEAGUE-1\"");
    let process = world.open().await;
    let (product, _) = entities(&process).await;
    let theirs = colleague(&process, "AmiProduct", "UpdateInformation", &product, json!({ "Sku": "COLLEAGUE-1" })).await;

    let moved = apply(&process, &process.engine).await;
    assert!(matches!(&moved, Err(EngineError::ListingMoved { entity, .. }) if *entity == product), "{moved:?}");
    let ended = process.engine.writer.reader().change_set(&theirs).await.unwrap().unwrap();
    assert_eq!(ended.status, "SUCCEEDED", "it was waited for");

    apply(&process, &process.engine).await.unwrap();
    assert_eq!(is_left(&process).await, []);
    let live = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().live.unwrap();
    assert_eq!(live.product.details.description.sku.as_deref(), Some("COLLEAGUE-1"));
}

#[tokio::test]
async fn what_somebody_changes_between_two_sets_of_a_run_is_not_undone() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    // One price falls, another rises: two sets.
    world.edit("product.toml", "\"t3.micro\" = \"0.01\"", "\"t3.micro\" = \"0.008\"");
    world.edit("product.toml", "\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.025\"");
    let process = world.open().await;
    assert_eq!(is_left(&process).await.len(), 2);
    let impatient = Engine { until: process.engine.clock.now(), ..process.engine.clone() };
    let pending = apply(&process, &impatient).await;
    assert!(matches!(pending, Err(EngineError::Pending { .. })), "{pending:?}");
    process.engine.clock.sleep(Duration::from_secs(6 * 60 * 60)).await;

    // Over night somebody lowers the price further.
    let (_, offer) = entities(&process).await;
    let terms = process.engine.writer.reader().entity(&offer).await.unwrap().unwrap();
    let mut terms: Value = serde_json::from_str(&terms.details).unwrap();
    let pricing = terms["Terms"].as_array_mut().unwrap().iter_mut().find(|term| term["Type"] == "UsageBasedPricingTerm").unwrap();
    pricing.as_object_mut().unwrap().remove("Id");
    for rate in pricing["RateCards"][0]["RateCard"].as_array_mut().unwrap() {
        if rate["DimensionKey"] == "t3.micro" {
            rate["Price"] = json!("0.006");
        }
    }
    let details = json!({ "PricingModel": "Usage", "Terms": [pricing.clone()] });
    let theirs = colleague(&process, "Offer", "UpdatePricingTerms", &offer, details).await;
    process.engine.clock.sleep(Duration::from_secs(6 * 60 * 60)).await;
    let ended = process.engine.writer.reader().change_set(&theirs).await.unwrap().unwrap();
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");

    drop(impatient);
    let process = world.reopened(process).await;
    let moved = apply(&process, &process.engine).await;
    assert!(matches!(moved, Err(EngineError::ListingMoved { .. })), "{moved:?}");
    let live = process.engine.writer.reader().entity(&offer).await.unwrap().unwrap().details;
    assert!(live.contains("0.006") && !live.contains("0.008"), "{live}");
}

/// Leaves a run whose one change set somebody has followed to its end, and recorded it, without ending the run.
async fn followed_by_somebody(world: &World, rules: Vec<FaultRule>) -> Process {
    let process = world.open_to(Fate { faults: rules, ..Fate::default() }).await;
    let impatient = Engine { until: process.engine.clock.now(), ..process.engine.clone() };
    let pending = apply(&process, &impatient).await;
    assert!(matches!(pending, Err(EngineError::Pending { .. })), "{pending:?}");
    let variant = process.product.variant();
    let change = listing_changes(&process.engine.ledger.records(&variant).await.unwrap()).pop().unwrap();
    let _ = engine::follow_change(&process.engine, &variant, &change).await;
    assert_eq!(process.engine.ledger.open_runs(&variant).await.unwrap().len(), 1);
    process
}

#[tokio::test]
async fn a_run_whose_refusal_is_recorded_is_ended_by_what_comes_next() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    let refusal = Fault::Refusal { code: "INVALID_INPUT".to_owned(), message: String::new() };
    let process = followed_by_somebody(&world, vec![FaultRule::first_changes("UpdateInformation", 1, refusal)]).await;
    let planned = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap();
    assert!(planned.open.is_none(), "nothing waits for it");

    world.edit("product.toml", "title = \"Hello Web Server\"", "title = \"Hello Server\"");
    let process = world.reopened(process).await;
    apply(&process, &process.engine).await.unwrap();
    assert_eq!(is_left(&process).await, []);
    let runs = engine::runs(&process.engine.ledger, &process.product.variant(), process.engine.clock.now()).await.unwrap();
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Done, RunState::ListingRefused, RunState::Done]);
}

#[tokio::test]
async fn a_run_whose_success_is_recorded_stands_in_the_way_of_nothing() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    let process = followed_by_somebody(&world, Vec::new()).await;
    let planned = process.engine.plan_asked(&process.product, Vec::new()).await.unwrap();
    engine::carry_out(&process.engine, &process.product, planned.begin(None).unwrap(), Extent::Whole).await.unwrap();
    let runs = engine::runs(&process.engine.ledger, &process.product.variant(), process.engine.clock.now()).await.unwrap();
    assert_eq!(runs.last().unwrap().state, RunState::Done);
}

#[tokio::test]
async fn a_run_with_more_to_do_than_was_recorded_goes_on() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "\"t3.micro\" = \"0.01\"", "\"t3.micro\" = \"0.008\"");
    world.edit("product.toml", "\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.025\"");
    let process = followed_by_somebody(&world, Vec::new()).await;
    engine::settle(&process.engine, &process.product.variant()).await.unwrap();
    let planned = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap();
    assert!(planned.open.is_some());
    apply(&process, &process.engine).await.unwrap();
    assert_eq!(is_left(&process).await, []);
}

#[tokio::test]
async fn a_saved_plan_goes_on_where_it_was_left() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "\"t3.micro\" = \"0.01\"", "\"t3.micro\" = \"0.008\"");
    world.edit("product.toml", "\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.025\"");
    let process = world.open().await;
    let saved = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().plan;
    let impatient = Engine { until: process.engine.clock.now(), ..process.engine.clone() };
    let next = process.engine.next_saved(&process.product, &saved).await.unwrap();
    let pending = engine::carry_out(&impatient, &process.product, next, Extent::Whole).await;
    assert!(matches!(pending, Err(EngineError::Pending { .. })), "{pending:?}");

    drop(impatient);
    let process = world.reopened(process).await;
    let next = process.engine.next_saved(&process.product, &saved).await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Whole).await.unwrap();
    assert_eq!(is_left(&process).await, []);
    let again = process.engine.next_saved(&process.product, &saved).await.map(drop);
    assert!(matches!(again, Err(EngineError::ListingMoved { .. })), "{again:?}");
}

#[tokio::test]
async fn a_file_that_was_changed_since_the_plan_is_not_passed_off_as_the_planned_one() {
    let world = World::new().await;
    let own = world.folder.path().join("products/hello-web");
    std::fs::write(own.join("eula.txt"), "Be fair.").unwrap();
    world.edit("product.toml", "[listing]\n", "[listing]\nmedia-bucket = \"bakehouse-twin\"\n");
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "[product]\n", "[product]\neula = { file = \"eula.txt\" }\n");
    let process = world.open().await;
    let saved = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().plan;
    assert_eq!(saved.steps.len(), 1);
    std::fs::write(own.join("eula.txt"), "Be kind.").unwrap();
    let process = world.reopened(process).await;
    let next = process.engine.next_saved(&process.product, &saved).await.unwrap();
    let refused = engine::carry_out(&process.engine, &process.product, next, Extent::Whole).await;
    assert!(matches!(&refused, Err(EngineError::NotReady { what, .. }) if what.contains("has changed since")), "{refused:?}");
}
