//! Garbage: found by tags, judged by `plan`, removed in an order in which it can be.
//!
//! This is no run. Removing something twice is harmless, so nothing is journalled but the end of runs
//! that never ended, lest somebody goes on with one whose things are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::bundle;
use super::failure::EngineError;
use super::runs::find_run;
use crate::clock::Clock;
use crate::cloud::{CloudError, Reader, Writer};
use crate::ledger::{Holder, Journal, JournalEvent, Lease, Leaving, Ledger, LedgerError, Outcome};
use crate::model::ids::{Architecture, InstanceId, Region, RunId, Slug, Variant};
use crate::model::record::{Claim, Event, Record};
use crate::model::resource::{Resource, ResourceKind};
use crate::model::version::Version;
use crate::plan::{Garbage, GarbageFacts, GarbagePlan, RunFacts, garbage};
use crate::release::history;

/// How long an instance's end may take, and how long its group may be held up by it.
const ENDING: Duration = Duration::from_secs(15 * 60);

/// Looks for garbage, and removes it.
pub struct Collector {
    /// The target's ledger.
    pub ledger: Ledger,
    /// Who is at work, for the leases of the runs that are ended.
    pub holder: Holder,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long to wait between two looks.
    pub interval: Duration,
}

/// A run that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// The run.
    pub run: RunId,
    /// What it was for.
    pub variant: Variant,
    /// The version that it took.
    pub version: Version,
    /// When it began.
    pub began: Timestamp,
    /// Whether the ledger has its claim alone: the journal is another machine's.
    pub is_elsewhere: bool,
}

/// Where to look for what runs have left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Regions.
    pub regions: BTreeSet<Region>,
    /// Buckets of payloads.
    pub buckets: BTreeSet<String>,
}

/// What came of removing something.
#[derive(Debug)]
pub struct Removed {
    /// What it was.
    pub garbage: Garbage,
    /// Why it is still there; `None` when it is gone.
    pub error: Option<EngineError>,
}

/// What a removal works under: nobody else is at work on what it is about, and all of it was judged since.
struct Judged {
    /// Of each variant, or why it can't be had.
    leases: BTreeMap<Variant, Result<Lease, LedgerError>>,
    /// Whose each run is.
    variants: BTreeMap<RunId, Variant>,
    /// What stays after all, and why.
    kept: BTreeMap<String, String>,
}

impl Collector {
    /// Finds a run that may be given up.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotReady`] when there is none, it has ended or has sealed its release;
    /// [`LedgerError::Held`] while it is at work.
    pub async fn abandonable(&self, run: &RunId) -> Result<Abandoned, EngineError> {
        let refuse = |what: &str, next: String| Err(EngineError::NotReady { what: format!("run {run} {what}"), next });
        let Some(journal) = find_run(&self.ledger, run).await? else {
            // A claim may have come here by itself, its journal being another machine's.
            let Some(Claim { variant, version, at, .. }) = self.claim_of(run).await? else {
                let next = "bakehouse runs --all lists those that are; a run is named as 20260131-235959-1a2b3c is";
                return refuse("is not in this ledger", next.to_owned());
            };
            let abandoned = Abandoned { run: run.clone(), variant, version, began: at, is_elsewhere: true };
            self.refuse_sealed(&abandoned).await?;
            return Ok(abandoned);
        };
        let product = journal.variant().product.clone();
        let (Some((plan, _)), Some(began)) = (journal.plan(), journal.began()) else {
            return refuse("never began", format!("bakehouse runs {product}"));
        };
        match journal.outcome() {
            None => {}
            Some(Outcome::Done | Outcome::ListingRefused) => {
                return refuse("has ended, and its version is released", format!("bakehouse history {product}"));
            }
            Some(Outcome::Abandoned) => {
                return refuse("is abandoned already", format!("bakehouse gc {product} shows what it left, if anything"));
            }
            Some(_) => return refuse("has ended", "bakehouse gc --older-than 0s --apply removes what it left".to_owned()),
        }
        if let Some(hold) = self.ledger.lease(journal.variant()).await?
            && hold.is_live(self.clock.now())
        {
            return Err(LedgerError::Held { place: self.ledger.place().to_owned(), hold: Box::new(hold) }.into());
        }
        let abandoned =
            Abandoned { run: run.clone(), variant: plan.variant.clone(), version: plan.version.clone(), began, is_elsewhere: false };
        self.refuse_sealed(&abandoned).await?;
        Ok(abandoned)
    }

    /// Finds what a run has left. Only reads.
    ///
    /// # Errors
    ///
    /// As [`Collector::plan`].
    pub async fn plan_of_run(
        &self,
        reader: &Reader,
        products: &BTreeSet<Slug>,
        places: &Places,
        abandoned: &Abandoned,
    ) -> Result<GarbagePlan, EngineError> {
        let mut found = self.find(reader, products, places).await?;
        let began = abandoned.began;
        found.runs.insert(abandoned.run.clone(), RunFacts::given_up(began));
        found.resources.retain(|resource| resource.run().as_ref() == Some(&abandoned.run));
        Ok(found.judge(self.clock.now(), SignedDuration::ZERO, products))
    }

    /// Ends a run for good and gives its version back.
    ///
    /// # Errors
    ///
    /// As [`Collector::abandonable`], for what has happened since.
    pub async fn abandon(&self, abandoned: &Abandoned) -> Result<(), EngineError> {
        if abandoned.is_elsewhere {
            return Ok(self.ledger.give_back(&abandoned.variant, &abandoned.version, &abandoned.run, self.clock.now()).await?);
        }
        self.end(&abandoned.run).await
    }

    /// Finds what may be removed of some products, in the places given and in those that the ledger names for
    /// their releases and runs. Only reads.
    ///
    /// # Errors
    ///
    /// When ledger or AWS can't be read.
    pub async fn plan(
        &self,
        reader: &Reader,
        products: &BTreeSet<Slug>,
        places: &Places,
        older_than: SignedDuration,
    ) -> Result<GarbagePlan, EngineError> {
        Ok(self.find(reader, products, places).await?.judge(self.clock.now(), older_than, products))
    }

    /// Removes what a plan names. What can't be removed doesn't hold up the rest.
    ///
    /// The plan may be old by now: the variants' leases are taken and everything is judged again, and what
    /// somebody has gone on with, sealed or taken over since stays.
    ///
    /// # Errors
    ///
    /// When a run can't be ended in the ledger, or ledger or AWS can't be read; nothing is removed then.
    pub async fn remove(&self, writer: &Writer, plan: &GarbagePlan) -> Result<Vec<Removed>, EngineError> {
        for run in &plan.ends {
            self.end(run).await?;
        }
        let mut judged = self.hold(plan).await?;
        let again = self.judge_again(writer.reader(), plan).await;
        let mut removed = Vec::new();
        if let Ok(again) = &again {
            judged.kept = again.kept.iter().map(|kept| (kept.id.clone(), kept.why.clone())).collect();
            for garbage in &plan.garbage {
                let error = self.remove_judged(writer, garbage, &mut judged).await.err();
                removed.push(Removed { garbage: garbage.clone(), error });
            }
        }
        for lease in judged.leases.values_mut().flatten() {
            // That it can't be given back hides nothing; it ends by itself too.
            let _ = lease.release(self.clock.now()).await;
        }
        again.map(|_| removed)
    }

    /// Takes the leases of all variants that a plan is about; one that somebody holds keeps what is its own.
    async fn hold(&self, plan: &GarbagePlan) -> Result<Judged, EngineError> {
        let mut variants = BTreeMap::new();
        for garbage in &plan.garbage {
            if let Some(variant) = self.variant_of(&garbage.run).await? {
                variants.insert(garbage.run.clone(), variant);
            }
        }
        let mut leases = BTreeMap::new();
        for (run, variant) in &variants {
            if !leases.contains_key(variant) {
                let lease = self.ledger.take_lease(variant, run, &self.holder, self.clock.now()).await;
                leases.insert(variant.clone(), lease);
            }
        }
        Ok(Judged { leases, variants, kept: BTreeMap::new() })
    }

    /// Finds whose a run is: by its journal, or by the claim that came here without it.
    async fn variant_of(&self, run: &RunId) -> Result<Option<Variant>, EngineError> {
        if let Some(journal) = find_run(&self.ledger, run).await? {
            return Ok(Some(journal.variant().clone()));
        }
        for variant in self.ledger.variants().await? {
            if self.ledger.claims(&variant).await?.iter().any(|claim| &claim.run == run) {
                return Ok(Some(variant));
            }
        }
        Ok(None)
    }

    /// Judges what a plan would remove by what is so now; it was old enough then.
    async fn judge_again(&self, reader: &Reader, plan: &GarbagePlan) -> Result<GarbagePlan, EngineError> {
        let products = plan.garbage.iter().map(|garbage| garbage.product.clone()).collect();
        let regions = plan.garbage.iter().map(|garbage| garbage.region.clone()).collect();
        let payloads = plan.garbage.iter().filter(|garbage| garbage.kind == ResourceKind::Payload);
        let buckets = payloads.filter_map(|payload| Some(payload.id.split_once('/')?.0.to_owned())).collect();
        let mut found = self.find(reader, &products, &Places { regions, buckets }).await?;
        let now = self.clock.now();
        for garbage in &plan.garbage {
            // One whose journal is elsewhere is in a plan only once it was given up.
            found.runs.entry(garbage.run.clone()).or_insert_with(|| RunFacts::given_up(now));
        }
        Ok(found.judge(now, SignedDuration::ZERO, &products))
    }

    /// Removes something unless it is to stay after all, or its variant is another's by now.
    ///
    /// What is not to be seen any more is removed all the same: it mostly went with something else.
    async fn remove_judged(&self, writer: &Writer, garbage: &Garbage, judged: &mut Judged) -> Result<(), EngineError> {
        if let Some(variant) = judged.variants.get(&garbage.run)
            && let Some(lease) = judged.leases.get_mut(variant)
        {
            match lease {
                Ok(lease) => lease.keep(self.clock.now()).await?,
                Err(held) => return Err(EngineError::NotReady { what: held.to_string(), next: "bakehouse runs".to_owned() }),
            }
        }
        if let Some(why) = judged.kept.get(&garbage.id) {
            return Err(EngineError::NotReady { what: why.clone(), next: format!("bakehouse gc {}", garbage.product) });
        }
        Ok(self.remove_one(writer, garbage).await?)
    }

    /// Ends a run that nobody is at work on, and gives its version back.
    async fn end(&self, run: &RunId) -> Result<(), EngineError> {
        let Some(mut journal) = find_run(&self.ledger, run).await? else { return Ok(()) };
        let now = self.clock.now();
        let mut lease = self.ledger.take_lease(journal.variant(), run, &self.holder, now).await?;
        let ended = self.end_held(&mut journal, lease.epoch(), now).await;
        lease.release(now).await?;
        ended
    }

    async fn end_held(&self, journal: &mut Journal, epoch: u64, now: Timestamp) -> Result<(), EngineError> {
        journal.resume(now, epoch, &self.holder).await?;
        let (Some((plan, _)), Some(began)) = (journal.plan(), journal.began()) else { return Ok(()) };
        if journal.outcome().is_some() {
            return Ok(());
        }
        let (run, variant, version) = (journal.run().clone(), plan.variant.clone(), plan.version.clone());
        self.refuse_sealed(&Abandoned { run: run.clone(), variant: variant.clone(), version: version.clone(), began, is_elsewhere: false })
            .await?;
        self.ledger.give_back(&variant, &version, &run, now).await?;
        Ok(journal.write(now, epoch, JournalEvent::Ended { outcome: Outcome::Abandoned }).await?)
    }

    async fn refuse_sealed(&self, abandoned: &Abandoned) -> Result<(), EngineError> {
        let records = self.ledger.records(&abandoned.variant).await?;
        if !records.iter().any(|r| r.run == abandoned.run && matches!(r.event, Event::Released(_))) {
            return Ok(());
        }
        Err(EngineError::NotReady {
            what: format!("run {} has sealed {} {}, which stays", abandoned.run, abandoned.variant, abandoned.version),
            next: format!("bakehouse resume {} finishes it", abandoned.run),
        })
    }

    async fn claim_of(&self, run: &RunId) -> Result<Option<Claim>, EngineError> {
        for variant in self.ledger.variants().await? {
            if let Some(claim) = self.ledger.claims(&variant).await?.into_iter().find(|c| &c.run == run && !c.given_back) {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    async fn find(&self, reader: &Reader, products: &BTreeSet<Slug>, places: &Places) -> Result<Found, EngineError> {
        let mut records = BTreeMap::new();
        for product in products {
            for architecture in [Architecture::X86_64, Architecture::Arm64] {
                let variant = Variant { product: product.clone(), architecture };
                let chain = self.ledger.records(&variant).await?;
                records.insert(variant, chain);
            }
        }
        let mut runs = BTreeMap::new();
        let (mut planned, mut buckets) = (BTreeSet::new(), places.buckets.clone());
        let now = self.clock.now();
        for variant in self.ledger.variants_with_runs().await? {
            let held = self.ledger.lease(&variant).await?.filter(|hold| hold.is_live(now)).map(|hold| hold.run);
            for run in self.ledger.runs(&variant).await? {
                let journal = self.ledger.journal(&variant, &run).await?;
                if products.contains(&variant.product) {
                    planned.extend(journal.plan().map(|(plan, _)| plan.image_regions()).unwrap_or_default());
                    buckets.extend(bundle::buckets(&journal));
                }
                if let Some(facts) = run_facts(&journal, held.as_ref()) {
                    runs.insert(run, facts);
                }
            }
        }
        let released = records.values().flat_map(|chain| history(chain).into_values()).flat_map(|r| r.regions());
        let regions: BTreeSet<Region> = released.chain(planned).chain(places.regions.iter().cloned()).collect();
        let mut resources = Vec::new();
        for found in futures::future::join_all(regions.iter().map(|region| reader.resources(region))).await {
            resources.extend(found?);
        }
        for bucket in &buckets {
            resources.extend(reader.payloads(bucket, self.clock.now()).await?);
        }
        Ok(Found { records, resources, runs })
    }

    async fn remove_one(&self, writer: &Writer, garbage: &Garbage) -> Result<(), CloudError> {
        let Garbage { kind, id, region, .. } = garbage;
        let began = self.clock.now();
        loop {
            match writer.remove(region, *kind, id).await {
                // The instance that uses it is on its way out.
                Err(e) if e.is("DependencyViolation") || e.is("VolumeInUse") => {
                    if !self.has_time(began) {
                        return Err(e);
                    }
                    self.clock.sleep(self.interval).await;
                }
                Err(e) => return Err(e),
                Ok(()) if *kind == ResourceKind::Instance => return self.ended(writer.reader(), region, id).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Waits until an instance is gone: volume and group can't go before.
    async fn ended(&self, reader: &Reader, region: &Region, id: &str) -> Result<(), CloudError> {
        let Ok(id) = id.parse::<InstanceId>() else { return Ok(()) };
        let began = self.clock.now();
        while reader.instance(region, &id).await?.is_some_and(|i| i.state != "terminated") && self.has_time(began) {
            self.clock.sleep(self.interval).await;
        }
        Ok(())
    }

    fn has_time(&self, since: Timestamp) -> bool {
        self.clock.now().duration_since(since) < SignedDuration::try_from(ENDING).unwrap_or(SignedDuration::MAX)
    }
}

/// Everything that is judged.
struct Found {
    records: BTreeMap<Variant, Vec<Record>>,
    resources: Vec<Resource>,
    runs: BTreeMap<RunId, RunFacts>,
}

impl Found {
    fn judge(&self, now: Timestamp, older_than: SignedDuration, products: &BTreeSet<Slug>) -> GarbagePlan {
        let Self { records, resources, runs } = self;
        garbage(&GarbageFacts { now, older_than, products, resources, runs, records })
    }
}

/// What a journal tells the judgement; `None` for one that never began.
fn run_facts(journal: &Journal, held: Option<&RunId>) -> Option<RunFacts> {
    let ended = journal.outcome().map(|outcome| {
        match outcome {
            Outcome::Done => "is done",
            Outcome::Rejected => "was rejected by scan or boot",
            Outcome::BakeFailed => "failed to bake",
            Outcome::ListingRefused => "was refused by the Marketplace",
            Outcome::Superseded => "was superseded",
            Outcome::Abandoned => "was abandoned",
        }
        .to_owned()
    });
    let mut owns = BTreeSet::new();
    journal.done().for_each(|(_, value)| texts(value, &mut owns));
    let last = journal.entries().last()?;
    let waits = matches!(last.event, JournalEvent::Left { why: Leaving::Paused | Leaving::Pending, .. });
    Some(RunFacts { began: journal.began()?, last: last.at, ended, held: held == Some(journal.run()), waits, owns })
}

/// Collects every text of a value; ids are among them.
fn texts(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => drop(found.insert(text.clone())),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        serde_json::Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}
