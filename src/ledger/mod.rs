//! What was done: records, claims and journals, on an object store.
//!
//! Nothing written here is ever changed: each object is created under a name that did not exist, so
//! two writers can't both win. Layout, below the ledger's folder or prefix:
//!
//! ```text
//! ledger.json                                   the target and account it is bound to
//! <slug>.<arch>/records/000001.json …           the variant's chain
//! <slug>.<arch>/claims/<version>/0001.json …    who took the version, or gave it back; the last one holds
//! <slug>.<arch>/reports/<version>-<run>-<digest>.json  what the scan said
//! <slug>.<arch>/sboms/<version>-<run>-<digest>.cdx.json  its bill of materials
//! <slug>.<arch>/boots/<version>-<run>-<digest>.json    what came of starting the image
//! <slug>.<arch>/verdicts/<version>/000001.json …    what was said of a release on later days, when that changed
//! <slug>.<arch>/bakes/<version>-<run>-<digest>.json    what a bake failed of, with the console
//! runs/                                         who works on what; not to be committed:
//! runs/<slug>.<arch>/journals/<run>/000001.json …    a run's journal
//! runs/<slug>.<arch>/open/<run>.json                 there while the run has not ended
//! runs/<slug>.<arch>/lease/000001.json …             who works on the variant; the last one holds
//! ```

mod holder;
mod journal;
mod lease;
mod records;
mod store;
#[cfg(test)]
mod testing;

pub use holder::Holder;
pub use journal::{Effect, Entry, Journal, JournalEvent, Leaving, Outcome};
pub use lease::{Hold, Lease};
pub use records::{Chain, Fact};
pub use store::{Binding, Ledger, LedgerError};
