//! Faults of the twin as clients meet them, in one process and over a socket.

use std::collections::BTreeSet;

use bakehouse::cloud::{ChangeSetFilter, CloudError, Connect, Outcome, Reader};
use bakehouse::engine::Kind;
use bakehouse::model::ids::Region;
use bakehouse::release::Listing;
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::{Twin, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::crash::in_order;
use super::world::{Fate, World};

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_until_the_sdk_gives_up() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        for over_a_socket in [false, true] {
            let world = World::new().await;
            let once = FaultRule::first_calls("DescribeSecurityGroups", 1, fault.clone());
            let for_ever = FaultRule { times: u64::MAX, ..FaultRule::first_calls("CreateSecurityGroup", 1, fault.clone()) };
            let process = world.open_to(Fate { faults: vec![once, for_ever], ..Fate::default() }).await;
            let (client, stop) = connect(&process.twin, over_a_socket).await;
            let region = Region::marketplace();
            assert_eq!(client.security_group_named(&region, "none").await, Ok(None), "{fault:?}");
            let writer = bakehouse::cloud::Writer::new(client.clone());
            let lost: CloudError = writer.create_security_group(&region, "lost", "x", None, &[].into()).await.unwrap_err();
            let _ = stop.send(());
            let calls: BTreeSet<(String, u64)> =
                process.twin.calls().into_iter().map(|(operation, count)| (operation.name.into_owned(), count)).collect();
            assert!(calls.contains(&("DescribeSecurityGroups".to_owned(), 2)), "{calls:?}");
            assert!(calls.contains(&("CreateSecurityGroup".to_owned(), 5)), "{calls:?}");
            assert_eq!((lost.outcome, &lost.code), (Outcome::Unknown, &None), "{fault:?}, over a socket: {over_a_socket}");
            let made = process.twin.read(|state| state.regions[&region].security_groups.values().filter(|g| g.name == "lost").count());
            assert_eq!(made, usize::from(fault == Fault::LostAnswer));
        }
    }
}

#[tokio::test]
async fn a_call_that_is_long_on_its_way_is_answered_as_usual() {
    let world = World::new().await;
    let late = FaultRule { times: 2, ..FaultRule::first_calls("DescribeSecurityGroups", 1, Fault::Latency { milliseconds: 1500 }) };
    let process = world.open_to(Fate { faults: vec![late], ..Fate::default() }).await;
    let (region, reader) = (Region::marketplace(), process.engine.writer.reader());
    let began = process.engine.clock.now();
    for taken in [1500, 3000, 3000] {
        assert_eq!(reader.security_group_named(&region, "none").await, Ok(None));
        assert_eq!(process.engine.clock.now().duration_since(began).as_millis(), taken);
    }
}

#[tokio::test]
async fn an_error_of_aws_s_comes_with_its_code_in_each_service_s_form() {
    let world = World::new().await;
    let answer = |code: &str| Fault::Answer { status: 400, code: code.to_owned(), message: "So it is.".to_owned() };
    let faults = ["DescribeImages", "ListEntities", "ListSnapshotBlocks"];
    let faults = faults.map(|operation| FaultRule { times: u64::MAX, ..FaultRule::first_calls(operation, 1, answer("SomeCode")) });
    let process = world.open_to(Fate { faults: faults.to_vec(), ..Fate::default() }).await;
    let (region, reader) = (Region::marketplace(), process.engine.writer.reader());
    let errors = [
        reader.image(&region, &"ami-0123456789abcdef0".parse().unwrap()).await.unwrap_err(),
        reader.ami_products_titled("x").await.unwrap_err(),
        reader.snapshot_blocks(&region, &"snap-0123456789abcdef0".parse().unwrap()).await.err().unwrap(),
    ];
    for error in errors {
        assert_eq!((error.code.as_deref(), error.outcome, error.message.as_str()), (Some("SomeCode"), Outcome::Refused, "So it is."));
    }
}

/// Connects to a twin; by a socket, until `stop` is told.
async fn connect(twin: &std::sync::Arc<Twin>, over_a_socket: bool) -> (Reader, oneshot::Sender<()>) {
    let (stop, stopped) = oneshot::channel();
    if !over_a_socket {
        return (Reader::connect(Connect::Twin(twin.clone())).await, stop);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve::serve(twin.clone(), listener, async { drop(stopped.await) }));
    (Reader::connect(Connect::TwinServer { url, credentials: twin.credentials() }).await, stop)
}

/// A first call whose answer is lost, and others that are throttled: what the SDK comes back with is the last.
fn lost_then_throttled(operation: &str) -> Vec<FaultRule> {
    let throttled = Fault::Answer { status: 400, code: "ThrottlingException".to_owned(), message: "Rate exceeded".to_owned() };
    let lost = FaultRule::first_calls(operation, 1, Fault::LostAnswer);
    vec![lost, FaultRule { nth: 2, times: 4, ..FaultRule::first_calls(operation, 1, throttled) }]
}

#[tokio::test]
async fn what_follows_a_lost_answer_within_a_call_is_no_refusal() {
    let world = World::new().await;
    let region = Region::marketplace();
    let faults = lost_then_throttled("CreateSecurityGroup");
    for (faults, outcome) in [(faults[1..].to_vec(), Outcome::Refused), (faults, Outcome::Unknown)] {
        let faults = faults.into_iter().map(|rule| if outcome == Outcome::Refused { FaultRule { nth: 1, times: 9, ..rule } } else { rule });
        let process = world.open_to(Fate { faults: faults.collect(), ..Fate::default() }).await;
        let made = process.engine.writer.create_security_group(&region, "lost", "x", None, &[].into()).await;
        let error = made.unwrap_err();
        assert_eq!((error.code.as_deref(), error.outcome), (Some("ThrottlingException"), outcome));
    }
}

#[tokio::test]
async fn a_change_set_whose_answer_was_lost_before_it_was_throttled_is_not_started_twice() {
    let world = World::new().await;
    let process = world.open_to(Fate { faults: lost_then_throttled("StartChangeSet"), ..Fate::default() }).await;
    let Err(error) = process.ship().await else { panic!("all attempts of the call must fail") };
    assert!(error.to_string().contains("ThrottlingException"), "{error}");
    let process = world.reopened(process).await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
    let Listing::Listed { product, .. } = process.releases().await.remove(0).listing else { panic!("it is not listed") };
    assert_eq!(process.engine.writer.reader().change_sets(&ChangeSetFilter::On(product)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn blocks_that_aws_does_not_give_are_no_verdict_on_the_image() {
    let world = World::new().await;
    let unavailable = Fault::Answer { status: 503, code: "ServiceUnavailable".to_owned(), message: "Not now.".to_owned() };
    let unread = FaultRule { times: 40, ..FaultRule::first_calls("GetSnapshotBlock", 1, unavailable) };
    let process = world.open_to(Fate { faults: vec![unread], ..Fate::default() }).await;
    let Err(error) = process.ship().await else { panic!("the image can't be read") };
    assert!(error.to_string().contains("ServiceUnavailable") && error.kind() == Kind::Failed, "{error}");
    let process = world.reopened(process).await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
    assert_eq!(process.engine.ledger.runs(&process.product.variant()).await.unwrap().len(), 1, "the run went on");
}
