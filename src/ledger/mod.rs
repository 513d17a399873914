//! What was done: records, claims and journals, on an object store.
//!
//! Nothing written here is ever changed: each object is created under a name that did not exist, so
//! two writers can't both win. Layout, below the ledger's folder:
//!
//! ```text
//! ledger.json                                   the target and account it is bound to
//! <slug>.<arch>/records/000001.json …           the variant's chain
//! <slug>.<arch>/claims/<version>/0001.json …    who took the version; the last one holds
//! <slug>.<arch>/reports/<version>-<run>-<time>.json  what the scan said
//! runs/<run>/000001.json …                      the run's journal (not to be committed)
//! ```

mod journal;
mod records;
mod store;

pub use journal::{Effect, Entry, Journal, JournalEvent, Outcome};
pub use store::{Binding, Ledger, LedgerError};
