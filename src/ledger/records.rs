//! Claims, and each variant's chain of records.

use jiff::Timestamp;
use object_store::path::Path;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::{Ledger, LedgerError, written};
use crate::model::bake::BakeReport;
use crate::model::boot::BootReport;
use crate::model::digest::Digest;
use crate::model::ids::{RunId, Variant};
use crate::model::record::{Claim, Event, Head, Record};
use crate::model::report::{Report, ScanSummary};
use crate::model::verdict::Verdict;
use crate::model::version::Version;

impl Ledger {
    /// Reads a variant's chain, oldest first, checking that it holds together.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Chain`] for a gap or a record that does not follow from the one before.
    pub async fn records(&self, variant: &Variant) -> Result<Vec<Record>, LedgerError> {
        Ok(self.chain(variant).await?.records)
    }

    /// Returns the head of a variant's chain; `None` while it is empty.
    ///
    /// # Errors
    ///
    /// As [`Ledger::records`].
    pub async fn head(&self, variant: &Variant) -> Result<Option<Head>, LedgerError> {
        Ok(self.chain(variant).await?.head())
    }

    /// Appends a record of a fact, unless the chain tells it already; returns the chain's head up to it.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Taken`] when another writer keeps winning.
    pub async fn append(&self, fact: &Fact) -> Result<Head, LedgerError> {
        self.append_while(fact, async || Ok(())).await
    }

    /// Appends a record as [`Ledger::append`] does, as long as `held` finds the writer's lease its own.
    ///
    /// It is asked between the look at the chain and the write, which only follows on what was seen: whoever
    /// sleeps after the answer finds the record's number taken by what the next holder wrote.
    ///
    /// # Errors
    ///
    /// As [`Ledger::append`], and those of `held`.
    pub async fn append_while(&self, fact: &Fact, held: impl AsyncFn() -> Result<(), LedgerError>) -> Result<Head, LedgerError> {
        let mut attempts = 0;
        loop {
            let chain = self.chain(&fact.variant).await?;
            held().await?;
            if let Some(index) = chain.records.iter().position(|record| fact.is_told_by(record)) {
                return Ok(chain.heads().swap_remove(index));
            }
            let record = fact.clone().after(&chain);
            attempts += 1;
            match self.create(&record_path(&fact.variant, record.sequence), &record).await {
                Ok(digest) => return Ok(Head { sequence: record.sequence, digest }),
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
        let names = self.names(&variant_folder(variant).join("claims")).await?;
        for (claim, _) in self.get_all::<Claim>(&names).await? {
            claims.retain(|c| c.version != claim.version);
            claims.push(claim);
        }
        claims.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(claims)
    }

    /// Takes a version for a run: one that nobody had, or that was given back, be it by the same run.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Claimed`] when another run has it.
    pub async fn claim(&self, claim: &Claim) -> Result<(), LedgerError> {
        self.write_claim(claim, |held| match held {
            Some(held) if held.given_back => Ok(Wanted::Write),
            Some(held) if held.run == claim.run => Ok(Wanted::Nothing),
            Some(held) => Err(LedgerError::Claimed { place: self.place().to_owned(), held: Box::new(held.clone()) }),
            None => Ok(Wanted::Write),
        })
        .await
    }

    /// Gives a version back that a run took and did not seal; a version that it does not have stays as it is.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn give_back(&self, variant: &Variant, version: &Version, run: &RunId, at: Timestamp) -> Result<(), LedgerError> {
        let Some(held) = self.claims(variant).await?.into_iter().find(|c| &c.version == version && &c.run == run) else {
            return Ok(());
        };
        let back = Claim { at, given_back: true, ..held };
        self.write_claim(&back, |held| match held {
            Some(held) if &held.run == run && !held.given_back => Ok(Wanted::Write),
            _ => Ok(Wanted::Nothing),
        })
        .await
    }

    /// Writes the next claim of a version if, by the last one, it is wanted.
    async fn write_claim(&self, claim: &Claim, wanted: impl Fn(Option<&Claim>) -> Result<Wanted, LedgerError>) -> Result<(), LedgerError> {
        let folder = variant_folder(&claim.variant).join("claims").join(claim.version.to_string());
        let mut attempts = 0;
        loop {
            let names = self.names(&folder).await?;
            let held: Option<Claim> = match names.last() {
                Some(last) => Some(self.get(last).await?),
                None => None,
            };
            match wanted(held.as_ref())? {
                Wanted::Nothing => return Ok(()),
                Wanted::Write => {}
            }
            attempts += 1;
            match self.create(&folder.clone().join(format!("{:04}.json", names.len() + 1)), claim).await {
                // Another wrote in between: see what.
                Err(LedgerError::Taken { .. }) if attempts < 20 => {}
                other => return other.map(drop),
            }
        }
    }

    /// Keeps a scan's report, and returns its digest.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn keep_report(&self, variant: &Variant, version: &Version, run: &RunId, report: &Report) -> Result<Digest, LedgerError> {
        Ok(self.keep(Kept::Report, variant, version, run, report).await?.1)
    }

    /// Keeps the bill of materials that a scan's report makes, and returns its digest.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn keep_sbom(
        &self,
        variant: &Variant,
        version: &Version,
        run: &RunId,
        document: &serde_json::Value,
    ) -> Result<Digest, LedgerError> {
        Ok(self.keep(Kept::Sbom, variant, version, run, document).await?.1)
    }

    /// Reads the report of a release's scan back; none if none was kept.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read, or the report isn't the one that the record names.
    pub async fn report(
        &self,
        variant: &Variant,
        version: &Version,
        run: &RunId,
        scan: &ScanSummary,
    ) -> Result<Option<Report>, LedgerError> {
        let Some(digest) = scan.report else { return Ok(None) };
        let object = Kept::Report.path(variant, version, run.as_str(), &digest);
        let (report, found) = self.get_with_digest(&object).await?;
        if found == digest {
            return Ok(Some(report));
        }
        Err(LedgerError::Changed { place: self.place().to_owned(), object: object.to_string() })
    }

    /// Keeps what came of starting an image, and returns where and its digest.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn keep_boot(
        &self,
        variant: &Variant,
        version: &Version,
        run: &RunId,
        report: &BootReport,
    ) -> Result<(String, Digest), LedgerError> {
        let (object, digest) = self.keep(Kept::Boot, variant, version, run, report).await?;
        Ok((object.to_string(), digest))
    }

    /// Keeps what was said of a release on a later day, behind what was said of it before.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written; [`LedgerError::Taken`] when somebody else says something at the same time.
    pub async fn keep_verdict(&self, variant: &Variant, version: &Version, verdict: &Verdict) -> Result<(), LedgerError> {
        let folder = verdicts(variant, version);
        let next = self.names(&folder).await?.len() + 1;
        self.create(&folder.join(format!("{next:06}.json")), verdict).await.map(drop)
    }

    /// Reads what was said of a release last; none if nothing was since its scan.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn last_verdict(&self, variant: &Variant, version: &Version) -> Result<Option<Verdict>, LedgerError> {
        match self.names(&verdicts(variant, version)).await?.last() {
            Some(last) => self.get(last).await.map(Some),
            None => Ok(None),
        }
    }

    /// Keeps what a bake failed of, and returns where.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn keep_bake(&self, variant: &Variant, version: &Version, run: &RunId, report: &BakeReport) -> Result<String, LedgerError> {
        Ok(self.keep(Kept::Bake, variant, version, run, report).await?.0.to_string())
    }

    /// Keeps a change set with its request and its end, and returns the document's digest. A rehearsal may be of no run.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn keep_change_set(
        &self,
        variant: &Variant,
        version: &Version,
        run: Option<&RunId>,
        document: &impl Serialize,
    ) -> Result<Digest, LedgerError> {
        let by = run.map_or(REHEARSAL, RunId::as_str);
        let object = Kept::ChangeSet.path(variant, version, by, &Digest::of(written(document)));
        self.create(&object, document).await
    }

    /// Reads the change sets that are kept of a variant, rehearsals among them.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read, or one of them is of another form.
    pub async fn kept_change_sets<T: DeserializeOwned>(&self, variant: &Variant) -> Result<Vec<T>, LedgerError> {
        let names = self.names(&Kept::ChangeSet.folder(variant)).await?;
        Ok(self.get_all(&names).await?.into_iter().map(|(kept, _)| kept).collect())
    }

    /// Counts the rehearsals of a version that have ended and were of no run.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn rehearsals(&self, variant: &Variant, version: &Version) -> Result<usize, LedgerError> {
        let names = self.names(&Kept::ChangeSet.folder(variant)).await?;
        let prefix = format!("{version}-{REHEARSAL}-");
        Ok(names.iter().filter(|name| name.filename().is_some_and(|name| name.starts_with(&prefix))).count())
    }

    /// Keeps a document under a name that its content has a part in: another one of the same run never stands for it.
    async fn keep(
        &self,
        kept: Kept,
        variant: &Variant,
        version: &Version,
        run: &RunId,
        document: &impl Serialize,
    ) -> Result<(Path, Digest), LedgerError> {
        let object = kept.path(variant, version, run.as_str(), &Digest::of(written(document)));
        let digest = self.create(&object, document).await?;
        Ok((object, digest))
    }

    /// Says which releases of a chain were never claimed by their runs, a line each.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn unclaimed(&self, variant: &Variant, chain: &Chain) -> Result<Vec<String>, LedgerError> {
        let claims = self.claims(variant).await?;
        let claimed = |record: &&Record| claims.iter().any(|c| c.version == record.version && c.run == record.run && !c.given_back);
        let unclaimed = chain.records.iter().filter(|r| matches!(r.event, Event::Released(_))).filter(|r| !claimed(r));
        Ok(unclaimed.map(|r| format!("{} was released by run {}, which has no claim on it", r.version, r.run)).collect())
    }

    /// Says which records of a chain have lost what is kept of them (reports of scan and boot, bills of materials, change sets), or have
    /// another, a line each.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn unreported(&self, variant: &Variant, chain: &Chain) -> Result<Vec<String>, LedgerError> {
        let mut wrong = Vec::new();
        for record in &chain.records {
            let change_set = |kept| vec![("the change set", Kept::ChangeSet, kept)];
            let kept = match &record.event {
                Event::Released(release) => vec![
                    ("the boot's report", Kept::Boot, release.boot.as_ref().and_then(|boot| boot.report)),
                    ("the scan's report", Kept::Report, release.scan.report),
                    ("the bill of materials", Kept::Sbom, release.scan.sbom),
                ],
                Event::Listed { kept, .. } | Event::ListingRefused { kept, .. } => change_set(*kept),
                Event::ListingChanged { kept, .. } | Event::ChangeRefused { kept, .. } => change_set(Some(*kept)),
                _ => continue,
            };
            for (what, kept, digest) in kept {
                let Some(digest) = digest else { continue };
                let object = kept.path(variant, &record.version, record.run.as_str(), &digest);
                let words = match self.get_with_digest::<serde_json::Value>(&object).await {
                    Ok((_, found)) if found == digest => continue,
                    Ok(_) | Err(LedgerError::Content { .. }) => "was changed",
                    Err(LedgerError::Object { source, .. }) if matches!(*source, object_store::Error::NotFound { .. }) => "is missing",
                    Err(error) => return Err(error),
                };
                wrong.push(format!("{what} of {} {words} ({object})", record.version));
            }
        }
        Ok(wrong)
    }

    /// Reads a variant's chain with its digests, checking that it holds together.
    ///
    /// # Errors
    ///
    /// As [`Ledger::records`].
    pub async fn chain(&self, variant: &Variant) -> Result<Chain, LedgerError> {
        let mut chain = Chain::default();
        let names = self.names(&variant_folder(variant).join("records")).await?;
        for ((record, digest), name) in self.get_all::<Record>(&names).await?.into_iter().zip(names) {
            let sequence = chain.records.len() as u64 + 1;
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
            if record.previous.as_ref() != chain.digests.last() {
                return Err(broken("the record before it was changed or replaced"));
            }
            chain.digests.push(digest);
            chain.records.push(record);
        }
        Ok(chain)
    }
}

/// What a record is to tell, before it has its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Whose chain.
    pub variant: Variant,
    /// The version that it is about.
    pub version: Version,
    /// The run that tells it.
    pub run: RunId,
    /// When it is told.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

impl Fact {
    /// Tells whether a record is of this: the same event of the same run and version, whenever that was.
    fn is_told_by(&self, record: &Record) -> bool {
        record.version == self.version && record.run == self.run && record.event == self.event
    }

    /// Makes the record that follows on a chain.
    fn after(self, chain: &Chain) -> Record {
        let Self { variant, version, run, at, event } = self;
        let (sequence, previous) = (chain.records.len() as u64 + 1, chain.digests.last().copied());
        Record { format: 1, sequence, previous, variant, version, at, run, event }
    }
}

/// A variant's records, oldest first, each with the digest that the next one carries.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    records: Vec<Record>,
    digests: Vec<Digest>,
}

impl Chain {
    /// Returns the records, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the head that the chain had after each record.
    pub fn heads(&self) -> Vec<Head> {
        (1..).zip(&self.digests).map(|(sequence, digest)| Head { sequence, digest: *digest }).collect()
    }

    /// Returns the head; `None` while the chain is empty.
    pub fn head(&self) -> Option<Head> {
        self.heads().pop()
    }
}

/// Whether a claim is to be written, by what is there.
enum Wanted {
    Write,
    Nothing,
}

/// Documents beside the chain; of releases, records name them by their digests.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Report,
    Sbom,
    Boot,
    Bake,
    ChangeSet,
}

impl Kept {
    /// Returns where the document of a digest lies; `by` is its run, or what it is where it has none.
    fn path(self, variant: &Variant, version: &Version, by: &str, digest: &Digest) -> Path {
        let ending = if matches!(self, Self::Sbom) { "cdx.json" } else { "json" };
        self.folder(variant).join(format!("{version}-{by}-{}.{ending}", digest.short(16)))
    }

    fn folder(self, variant: &Variant) -> Path {
        let folder = match self {
            Self::Report => "reports",
            Self::Sbom => "sboms",
            Self::Boot => "boots",
            Self::Bake => "bakes",
            Self::ChangeSet => "change-sets",
        };
        variant_folder(variant).join(folder)
    }
}

/// What stands for the run in the name of a rehearsal that is of none.
const REHEARSAL: &str = "rehearsal";

fn verdicts(variant: &Variant, version: &Version) -> Path {
    variant_folder(variant).join("verdicts").join(version.to_string())
}

fn variant_folder(variant: &Variant) -> Path {
    Path::from(variant.to_string())
}

fn record_path(variant: &Variant, sequence: u64) -> Path {
    variant_folder(variant).join("records").join(format!("{sequence:06}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{self, binding, variant};

    fn refused(change_set: &str) -> Event {
        Event::ListingRefused { change_set: change_set.parse().unwrap(), status: "FAILED".to_owned(), errors: Vec::new(), kept: None }
    }

    fn report(at: &str, files: u64) -> Report {
        let text = format!(
            r#"{{ "format": 1, "at": "{at}", "snapshots": [], "operating_system": null, "packages": [], "findings": [],
            "fail_on": "high", "files": {files} }}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn fact(run: &RunId, event: Event) -> Fact {
        Fact { variant: variant(), version: Version::new(1, 0, 0), run: run.clone(), at: Timestamp::UNIX_EPOCH, event }
    }

    #[tokio::test]
    async fn records_are_chained_and_an_event_is_written_once() {
        for ledger in testing::ledgers().await {
            let run: RunId = "run-1".parse().unwrap();
            for event in ["a", "b", "a"] {
                ledger.append(&fact(&run, refused(event))).await.unwrap();
            }
            let records = ledger.records(&variant()).await.unwrap();
            assert_eq!(records.iter().map(|r| r.sequence).collect::<Vec<_>>(), [1, 2]);
            assert!(records[0].previous.is_none() && records[1].previous.is_some());
        }
    }

    #[tokio::test]
    async fn whoever_slept_through_anothers_record_follows_on_it_only_while_the_lease_is_held() {
        for ledger in testing::ledgers().await {
            let (run, other): (RunId, RunId) = ("run-1".parse().unwrap(), "run-2".parse().unwrap());
            let looks = std::sync::atomic::AtomicU32::new(0);
            let held = async || {
                if looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
                    return Err(LedgerError::Fenced { place: String::new(), run: run.clone(), by: None });
                }
                // The lease is still held by its time, and another one takes it right after.
                ledger.append(&fact(&other, refused("theirs"))).await.map(drop)
            };
            let end = ledger.append_while(&fact(&run, refused("mine")), held).await;
            assert!(end.is_err(), "{end:?}");
            let records = ledger.records(&variant()).await.unwrap();
            assert_eq!(records.iter().map(|r| r.event.clone()).collect::<Vec<_>>(), [refused("theirs")]);
        }
    }

    #[tokio::test]
    async fn a_changed_record_breaks_the_chain() {
        let ledger = testing::in_folder().await;
        let folder = ledger.folder.as_ref().unwrap();
        let run: RunId = "run-1".parse().unwrap();
        for event in ["a", "b"] {
            ledger.append(&fact(&run, refused(event))).await.unwrap();
        }
        let first = folder.path().join("hello.x86_64/records/000001.json");
        let text = std::fs::read_to_string(&first).unwrap();
        std::fs::write(&first, text.replace("FAILED", "CANCELLED")).unwrap();
        assert!(matches!(ledger.records(&variant()).await, Err(LedgerError::Chain { sequence: 2, .. })));
        std::fs::remove_file(&first).unwrap();
        assert!(matches!(ledger.records(&variant()).await, Err(LedgerError::Chain { sequence: 1, .. })));
    }

    #[tokio::test]
    async fn a_version_is_claimed_once_unless_given_back() {
        let claim = |run: &str| Claim {
            format: 1,
            variant: variant(),
            version: Version::new(1, 0, 0),
            run: run.parse().unwrap(),
            input: Digest::of("x"),
            at: Timestamp::UNIX_EPOCH,
            given_back: false,
        };
        for ledger in testing::ledgers().await {
            let give_back = |run: &str| {
                let (ledger, run) = (&ledger, run.parse().unwrap());
                async move { ledger.give_back(&variant(), &Version::new(1, 0, 0), &run, Timestamp::UNIX_EPOCH).await.unwrap() }
            };
            ledger.claim(&claim("run-1")).await.unwrap();
            ledger.claim(&claim("run-1")).await.unwrap();
            let refused = ledger.claim(&claim("run-2")).await;
            assert!(matches!(&refused, Err(LedgerError::Claimed { held, .. }) if **held == claim("run-1")), "{refused:?}");
            give_back("run-2").await;
            assert_eq!(ledger.claims(&variant()).await.unwrap(), [claim("run-1")], "what it does not have it can't give");
            give_back("run-1").await;
            give_back("run-1").await;
            assert!(ledger.claims(&variant()).await.unwrap()[0].given_back);
            ledger.claim(&claim("run-1")).await.unwrap();
            assert_eq!(ledger.claims(&variant()).await.unwrap(), [claim("run-1")], "what it gave back it has to take again");
            give_back("run-1").await;
            ledger.claim(&claim("run-2")).await.unwrap();
            assert!(ledger.claim(&claim("run-3")).await.is_err());
            assert_eq!(ledger.claims(&variant()).await.unwrap(), [claim("run-2")]);
        }
    }

    #[tokio::test]
    async fn reports_of_one_run_and_second_are_kept_each_for_itself() {
        for ledger in testing::ledgers().await {
            let (version, run): (Version, RunId) = (Version::new(1, 0, 0), "run-1".parse().unwrap());
            let failed = report("2026-11-02T12:00:00.25Z", 1);
            let passed = report("2026-11-02T12:00:00.75Z", 2);
            for report in [&failed, &passed, &failed] {
                let digest = ledger.keep_report(&variant(), &version, &run, report).await.unwrap();
                let summary = ScanSummary { report: Some(digest), ..report.summary() };
                assert_eq!(ledger.report(&variant(), &version, &run, &summary).await.unwrap().as_ref(), Some(report));
            }
        }
    }

    #[tokio::test]
    async fn a_ledger_belongs_to_one_account() {
        let folder = tempfile::tempdir().unwrap();
        Ledger::open_folder(folder.path(), binding("123456789012")).await.unwrap();
        Ledger::open_folder(folder.path(), binding("123456789012")).await.unwrap();
        assert!(matches!(Ledger::open_folder(folder.path(), binding("210987654321")).await, Err(LedgerError::Bound { .. })));
    }
}
