//! Who inspects: one task an inspection. It belongs to the twin, and not to the call that it began in.
//!
//! On the machine's clock a task goes on by itself until its inspection has ended, and no call waits for it. On
//! a clock that is driven it takes one turn and ends; a call begins the turns that are due at its time and waits
//! for them, so that what it is told is a matter of that time alone.
//!
//! Between turns a task doesn't hold the twin. In a turn it does, and with it the lock of the folder: whoever
//! opens the folder next finds nothing at work in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::inspection::{self, Place, Turn};
use crate::clock::Clock;
use crate::twin::Twin;

/// How long a task waits between two turns.
const PAUSE: Duration = Duration::from_millis(500);

/// The tasks that are at work in this process.
#[derive(Default)]
pub(in crate::twin) struct Inspectors {
    /// A task's channel closes with it, however it ends.
    tasks: Mutex<BTreeMap<Place, watch::Receiver<()>>>,
}

impl Inspectors {
    fn at_work(&self) -> MutexGuard<'_, BTreeMap<Place, watch::Receiver<()>>> {
        let mut tasks = self.tasks.lock().unwrap_or_else(|e| e.into_inner());
        tasks.retain(|_, task| task.has_changed().is_ok());
        tasks
    }

    /// Waits until the tasks that are at work now have ended.
    async fn rest(&self) {
        let tasks: Vec<_> = self.at_work().values().cloned().collect();
        for mut task in tasks {
            while task.changed().await.is_ok() {}
        }
    }
}

/// Sees to it that each open inspection has its task.
///
/// A caller that is dropped in the middle takes nothing with it.
pub(in crate::twin) async fn attend(twin: &Arc<Twin>) {
    match twin.clock() {
        Clock::System => begin(twin, Some(PAUSE)),
        Clock::Manual(_) => {
            // A turn that began earlier may not have seen this time yet.
            twin.inspectors().rest().await;
            begin(twin, None);
            twin.inspectors().rest().await;
        }
    }
}

fn begin(twin: &Arc<Twin>, pause: Option<Duration>) {
    let open = twin.read(inspection::unfinished);
    let mut tasks = twin.inspectors().at_work();
    for place in open {
        tasks.entry(place).or_insert_with_key(|place| {
            let (ended, task) = watch::channel(());
            let work = work(Arc::downgrade(twin), place.clone(), pause);
            tokio::spawn(async move {
                work.await;
                drop(ended);
            });
            task
        });
    }
}

async fn work(twin: Weak<Twin>, place: Place, pause: Option<Duration>) {
    while let Some(twin) = twin.upgrade() {
        let turn = inspection::turn(&twin, &place).await;
        drop(twin);
        match (turn, pause) {
            (Ok(Turn::Waiting), Some(pause)) => tokio::time::sleep(pause).await,
            (Ok(_), _) => return,
            // The next call to the Catalog begins it again.
            (Err(error), _) => return tracing::error!(?place, ?error, "an inspection could not go on"),
        }
    }
}
