//! Faults of the twin as clients meet them, in one process and over a socket.

use std::collections::BTreeSet;

use bakehouse::cloud::{CloudError, Connect, Outcome, Reader};
use bakehouse::model::ids::Region;
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::{Twin, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

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
