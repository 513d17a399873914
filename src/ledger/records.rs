//! Claims, and each variant's chain of records.

use jiff::Timestamp;
use object_store::path::Path;

use super::store::{Ledger, LedgerError};
use crate::model::digest::Digest;
use crate::model::ids::{RunId, Variant};
use crate::model::record::{Claim, Event, Record};
use crate::model::report::Report;
use crate::model::version::Version;

impl Ledger {
    /// Reads a variant's chain, oldest first, checking that it holds together.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Chain`] for a gap or a record that does not follow from the one before.
    pub async fn records(&self, variant: &Variant) -> Result<Vec<Record>, LedgerError> {
        Ok(self.chain(variant).await?.0)
    }

    /// Appends a record, unless this run has already written the same event for this version.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Taken`] when another writer keeps winning.
    pub async fn append(
        &self,
        variant: &Variant,
        version: &Version,
        run: &RunId,
        at: Timestamp,
        event: Event,
    ) -> Result<Record, LedgerError> {
        let mut attempts = 0;
        loop {
            let (records, previous) = self.chain(variant).await?;
            if let Some(written) = records.iter().find(|r| &r.version == version && &r.run == run && r.event == event) {
                return Ok(written.clone());
            }
            let record = Record {
                format: 1,
                sequence: records.len() as u64 + 1,
                previous,
                variant: variant.clone(),
                version: version.clone(),
                at,
                run: run.clone(),
                event: event.clone(),
            };
            attempts += 1;
            match self.create(&record_path(variant, record.sequence), &record).await {
                Ok(_) => return Ok(record),
                // Someone else appended in between: read again, follow on what they wrote.
                Err(LedgerError::Taken { .. }) if attempts < 20 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads who took which version of a variant: for each version the claim that holds.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn claims(&self, variant: &Variant) -> Result<Vec<Claim>, LedgerError> {
        let mut claims: Vec<Claim> = Vec::new();
        for name in self.names(&variant_folder(variant).join("claims")).await? {
            let claim: Claim = self.get(&name).await?;
            claims.retain(|c| c.version != claim.version);
            claims.push(claim);
        }
        claims.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(claims)
    }

    /// Takes a version for a run. `after` is the claim of an ended run that it takes over from.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Taken`] when another run took it.
    pub async fn claim(&self, claim: &Claim, after: Option<&Claim>) -> Result<(), LedgerError> {
        let folder = variant_folder(&claim.variant).join("claims").join(claim.version.to_string());
        let names = self.names(&folder).await?;
        if let Some(last) = names.last() {
            let held: Claim = self.get(last).await?;
            if held.run == claim.run {
                return Ok(());
            }
            if Some(&held) != after {
                return Err(LedgerError::Taken { place: self.place().to_owned(), object: last.to_string() });
            }
        }
        self.create(&folder.join(format!("{:04}.json", names.len() + 1)), claim).await?;
        Ok(())
    }

    /// Keeps a scan's report; one kept before by the same run stays as it is.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn keep_report(&self, variant: &Variant, version: &Version, run: &RunId, report: &Report) -> Result<String, LedgerError> {
        let object = variant_folder(variant).join("reports").join(format!("{version}-{run}-{}.json", report.at.as_second()));
        match self.create(&object, report).await {
            Ok(_) | Err(LedgerError::Taken { .. }) => Ok(object.to_string()),
            Err(error) => Err(error),
        }
    }

    async fn chain(&self, variant: &Variant) -> Result<(Vec<Record>, Option<Digest>), LedgerError> {
        let mut records: Vec<Record> = Vec::new();
        let mut head = None;
        for name in self.names(&variant_folder(variant).join("records")).await? {
            let (record, digest): (Record, Digest) = self.get_with_digest(&name).await?;
            let sequence = records.len() as u64 + 1;
            let broken = |reason: &str| LedgerError::Chain {
                place: self.place().to_owned(),
                variant: variant.to_string(),
                sequence,
                reason: reason.to_owned(),
            };
            if record.sequence != sequence || name != record_path(variant, sequence) {
                return Err(broken("a record is missing or was renamed"));
            }
            if &record.variant != variant {
                return Err(broken("it belongs to another variant"));
            }
            if record.previous != head {
                return Err(broken("the record before it was changed or replaced"));
            }
            head = Some(digest);
            records.push(record);
        }
        Ok((records, head))
    }
}

fn variant_folder(variant: &Variant) -> Path {
    Path::from(variant.to_string())
}

fn record_path(variant: &Variant, sequence: u64) -> Path {
    variant_folder(variant).join("records").join(format!("{sequence:06}.json"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;
    use crate::ledger::Binding;
    use crate::model::ids::Architecture;

    fn variant() -> Variant {
        Variant { product: "hello".parse().unwrap(), architecture: Architecture::X86_64 }
    }

    fn binding(account: &str) -> Binding {
        Binding { format: 1, target: "twin".to_owned(), account: account.parse().unwrap() }
    }

    async fn ledger() -> Ledger {
        Ledger::open(Arc::new(InMemory::new()), "memory".to_owned(), binding("123456789012")).await.unwrap()
    }

    fn refused(change_set: &str) -> Event {
        Event::ListingRefused { change_set: change_set.parse().unwrap(), status: "FAILED".to_owned(), errors: Vec::new() }
    }

    #[tokio::test]
    async fn records_are_chained_and_an_event_is_written_once() {
        let ledger = ledger().await;
        let run: RunId = "run-1".parse().unwrap();
        let version = Version::new(1, 0, 0);
        for event in ["a", "b", "a"] {
            ledger.append(&variant(), &version, &run, Timestamp::UNIX_EPOCH, refused(event)).await.unwrap();
        }
        let records = ledger.records(&variant()).await.unwrap();
        assert_eq!(records.iter().map(|r| r.sequence).collect::<Vec<_>>(), [1, 2]);
        assert!(records[0].previous.is_none() && records[1].previous.is_some());
    }

    #[tokio::test]
    async fn a_changed_record_breaks_the_chain() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open_folder(folder.path(), binding("123456789012")).await.unwrap();
        let run: RunId = "run-1".parse().unwrap();
        for event in ["a", "b"] {
            ledger.append(&variant(), &Version::new(1, 0, 0), &run, Timestamp::UNIX_EPOCH, refused(event)).await.unwrap();
        }
        let first = folder.path().join("hello.x86_64/records/000001.json");
        let text = std::fs::read_to_string(&first).unwrap();
        std::fs::write(&first, text.replace("FAILED", "CANCELLED")).unwrap();
        assert!(matches!(ledger.records(&variant()).await, Err(LedgerError::Chain { sequence: 2, .. })));
        std::fs::remove_file(&first).unwrap();
        assert!(matches!(ledger.records(&variant()).await, Err(LedgerError::Chain { sequence: 1, .. })));
    }

    #[tokio::test]
    async fn a_version_is_claimed_once_unless_taken_over() {
        let ledger = ledger().await;
        let claim = |run: &str| Claim {
            format: 1,
            variant: variant(),
            version: Version::new(1, 0, 0),
            run: run.parse().unwrap(),
            input: Digest::of("x"),
            at: Timestamp::UNIX_EPOCH,
        };
        ledger.claim(&claim("run-1"), None).await.unwrap();
        ledger.claim(&claim("run-1"), None).await.unwrap();
        assert!(matches!(ledger.claim(&claim("run-2"), None).await, Err(LedgerError::Taken { .. })));
        ledger.claim(&claim("run-2"), Some(&claim("run-1"))).await.unwrap();
        assert!(matches!(ledger.claim(&claim("run-3"), Some(&claim("run-1"))).await, Err(LedgerError::Taken { .. })));
        assert_eq!(ledger.claims(&variant()).await.unwrap(), [claim("run-2")]);
    }

    #[tokio::test]
    async fn a_ledger_belongs_to_one_account() {
        let folder = tempfile::tempdir().unwrap();
        Ledger::open_folder(folder.path(), binding("123456789012")).await.unwrap();
        Ledger::open_folder(folder.path(), binding("123456789012")).await.unwrap();
        assert!(matches!(Ledger::open_folder(folder.path(), binding("210987654321")).await, Err(LedgerError::Bound { .. })));
    }
}
