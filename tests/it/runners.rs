//! Two runners on the same release: one works, the other is told; who was taken over does nothing more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bakehouse::engine::{self, EngineError, Extent};
use bakehouse::ledger::{Holder, LedgerError};
use bakehouse::model::resource::ResourceKind;
use jiff::SignedDuration;

use super::crash::in_order;
use super::world::{Process, World};
use super::{end_state, gc};

/// How many turns of work lie between two points at which the other runner comes in.
const STRIDE: usize = 17;

/// A process that this machine knows nothing of.
fn elsewhere() -> Holder {
    Holder { host: "build-2".to_owned(), user: "ada".to_owned(), boot: String::new(), pid: 7, started: 0 }
}

#[tokio::test]
async fn whoever_comes_second_is_told_who_is_at_work_and_changes_nothing() {
    let mut refused = 0;
    for turns in (0..).step_by(STRIDE) {
        let world = World::new().await;
        let first = world.open_as(elsewhere()).await;
        let second = world.open_beside(&first, Holder::this_process()).await;
        let mut work = Box::pin(first.ship());
        if (Paused { work: Box::pin(work.as_mut()), left: turns }).await.is_some() {
            assert!(refused > 2, "only {refused} were refused");
            return;
        }
        let end = second.ship().await;
        let finished = work.await;
        match end {
            Err(error @ EngineError::Ledger(LedgerError::Held { .. })) => {
                refused += 1;
                finished.unwrap_or_else(|e| panic!("after {turns} turns: {e}"));
                let text = bakehouse::failure::Failure::from(error).render(false);
                assert!(text.contains("ada on build-2 (process 7)") && text.contains("bakehouse runs hello-web"), "{text}");
            }
            // The first one had not taken the lease yet, had given it back, or let its time run out: on the
            // test's clock hours pass in a wait, between two beats of a heart.
            Ok(()) => assert!(
                matches!(finished, Ok(()) | Err(EngineError::Moved { .. } | EngineError::Ledger(LedgerError::Fenced { .. }))),
                "after {turns} turns: {finished:?}"
            ),
            Err(error) => panic!("after {turns} turns: {error}"),
        }
        assert_released_once(&second, turns).await;
    }
}

#[tokio::test]
async fn whoever_was_taken_over_changes_nothing_more() {
    let mut fenced = 0;
    for turns in (0..).step_by(STRIDE) {
        let world = World::new().await;
        world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
        let first = world.open_as(elsewhere()).await;
        let second = world.open_beside(&first, Holder::this_process()).await;
        let mut work = Box::pin(first.ship());
        if (Paused { work: Box::pin(work.as_mut()), left: turns }).await.is_some() {
            assert!(fenced > 10, "only {fenced} were fenced");
            return;
        }
        // It sleeps, and its lease runs out.
        first.engine.clock.sleep(Duration::from_secs(11 * 60)).await;
        second.ship().await.unwrap_or_else(|e| panic!("after {turns} turns: {e}"));
        let records = second.engine.ledger.records(&second.product.variant()).await.unwrap();
        let state = end_state::of(&second.twin);
        // It wakes up, and goes on where it was.
        match work.await {
            Err(EngineError::Ledger(LedgerError::Fenced { by: Some(_), .. })) => fenced += 1,
            Err(EngineError::Moved { .. }) | Ok(()) => {}
            Err(other) => panic!("after {turns} turns: {other}"),
        }
        assert_eq!(second.engine.ledger.records(&second.product.variant()).await.unwrap(), records, "after {turns} turns");
        // It may have fallen asleep between its look at the journal and its call. For a group and a key pair AWS takes
        // no token: whoever comes late makes them again. They are told apart from what is another's, and collected.
        let left = gc::plan(&second, SignedDuration::ZERO).await;
        let kinds = gc::kinds(&left);
        assert!(matches!(kinds[..], [] | [ResourceKind::SecurityGroup | ResourceKind::KeyPair]), "after {turns} turns: {kinds:?}");
        gc::remove(&second, &left).await;
        assert_eq!(end_state::differences(&state, &end_state::of(&second.twin)), Vec::<String>::new(), "after {turns} turns");
        assert_released_once(&second, turns).await;
    }
}

async fn assert_released_once(process: &Process, turns: usize) {
    assert_eq!(in_order(process).await, Ok(()), "after {turns} turns");
    assert_eq!(process.releases().await.len(), 1, "after {turns} turns");
}

/// Work that stops after so many turns, and can go on.
struct Paused<F> {
    work: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for Paused<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.work.as_mut().poll(context).map(Some)
    }
}

#[tokio::test]
async fn a_run_that_can_not_begin_holds_nobody_up() {
    let world = World::new().await;
    let process = world.open_as(Holder::this_process()).await;
    let next = process.next().await.unwrap();
    // The chain breaks between the plan and the run.
    let records = world.folder.path().join("twin-ledger/hello-web.x86_64/records");
    std::fs::create_dir_all(&records).unwrap();
    std::fs::write(records.join("000001.json"), "{}").unwrap();
    let end = engine::carry_out(&process.engine, &process.product, next, Extent::Whole).await;
    assert!(matches!(&end, Err(EngineError::Ledger(_))), "{end:?}");
    let hold = process.engine.ledger.lease(&process.product.variant()).await.unwrap().unwrap();
    assert!(!hold.is_live(process.engine.clock.now()), "{hold:?}");
}
