//! Ledgers for tests, over each kind of store.

use std::ops::Deref;
use std::sync::Arc;

use object_store::memory::InMemory;
use tempfile::TempDir;

use super::{Binding, Ledger};
use crate::model::ids::{Architecture, Variant};

/// A ledger, and the folder that it lies in, if it lies in one.
pub struct TestLedger {
    ledger: Ledger,
    pub folder: Option<TempDir>,
}

impl Deref for TestLedger {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

/// The variant that tests are about.
pub fn variant() -> Variant {
    Variant { product: "hello".parse().unwrap(), architecture: Architecture::X86_64 }
}

/// A twin's binding to an account.
pub fn binding(account: &str) -> Binding {
    Binding { format: 1, target: "twin".to_owned(), account: account.parse().unwrap() }
}

/// An empty ledger in a folder.
pub async fn in_folder() -> TestLedger {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_folder(folder.path(), binding("123456789012")).await.unwrap();
    TestLedger { ledger, folder: Some(folder) }
}

/// An empty ledger of each kind.
pub async fn ledgers() -> Vec<TestLedger> {
    let in_memory = Ledger::open(Arc::new(InMemory::new()), "memory".to_owned(), binding("123456789012")).await.unwrap();
    vec![TestLedger { ledger: in_memory, folder: None }, in_folder().await]
}
