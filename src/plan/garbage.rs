//! What may be removed of all that runs have made, and why; and what may not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::cost::MonthlyCost;
use crate::model::digest::Digest;
use crate::model::ids::{Region, RunId, Slug, Variant};
use crate::model::image::tag;
use crate::model::record::Record;
use crate::model::resource::{Resource, ResourceKind};
use crate::release::history;

/// A run that wrote nothing for this long is at work no more, whatever age is asked for. It is longer
/// than anything that a run waits for without a word.
const QUIET: SignedDuration = SignedDuration::from_hours(6);

/// Everything that the judgement is made of.
pub struct GarbageFacts<'a> {
    /// The time.
    pub now: Timestamp,
    /// What is younger is left alone.
    pub older_than: SignedDuration,
    /// The products that are asked about.
    pub products: &'a BTreeSet<Slug>,
    /// Everything tagged as bakehouse's, of any product.
    pub resources: &'a [Resource],
    /// The runs that the tags name, as the ledger knows them; absent are those that it doesn't know.
    pub runs: &'a BTreeMap<RunId, RunFacts>,
    /// Each variant's chain.
    pub records: &'a BTreeMap<Variant, Vec<Record>>,
}

/// A run as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// When it began.
    pub began: Timestamp,
    /// When it last wrote something.
    pub last: Timestamp,
    /// How it ended, in words; `None` when it has not.
    pub ended: Option<String>,
    /// Whether a living process is known to be at work on it.
    pub held: bool,
    /// Whether it was left in order, paused or pending: somebody is to go on with it, however late.
    pub waits: bool,
    /// Ids that its journal names as made or taken over by it.
    pub owns: BTreeSet<String>,
}

impl RunFacts {
    /// A run that somebody gives up, whatever its journal says.
    pub fn given_up(began: Timestamp) -> Self {
        Self { began, last: began, ended: Some("is given up".to_owned()), held: false, waits: false, owns: BTreeSet::new() }
    }
}

/// What is to be removed, what is not, and why. Format 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GarbagePlan {
    /// The format of this document: 1.
    pub format: u32,
    /// The day of the prices, which are those of us-east-1.
    pub prices_of: &'static str,
    /// What is to be removed, in the order in which it can be.
    pub garbage: Vec<Garbage>,
    /// Runs that never ended and are at work no more: they are ended first, so that nobody goes on with them.
    pub ends: BTreeSet<RunId>,
    /// What stays.
    pub kept: Vec<Kept>,
    /// Products of which nothing is removed, for the ledger can't be theirs.
    pub refused: BTreeMap<Slug, Vec<Unknown>>,
    /// What all of it costs a month, as far as prices are known.
    pub monthly_usd: MonthlyCost,
}

/// Something to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Garbage {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// Where it is.
    pub region: Region,
    /// The product it was made for.
    pub product: Slug,
    /// The version it was made for.
    pub version: Option<String>,
    /// The run that made it.
    pub run: RunId,
    /// Why it is garbage.
    pub why: String,
    /// Seconds since it was made.
    pub age_seconds: i64,
    /// What it costs a month if it stays; absent where no price is known.
    pub monthly_usd: Option<MonthlyCost>,
}

/// Something that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// Where it is.
    pub region: Region,
    /// Why it stays.
    pub why: String,
}

/// A released image that the ledger knows nothing of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub region: Region,
    /// The version that it is tagged with.
    pub version: Option<String>,
}

impl GarbagePlan {
    /// Digests what is to be removed, for an approval; ages and costs don't count.
    pub fn digest(&self) -> Digest {
        let parts = self.garbage.iter().map(|g| format!("{} {} {}\n", g.kind, g.id, g.region));
        Digest::of(parts.collect::<String>())
    }
}

/// Judges everything that was found. Same facts, same plan.
pub fn garbage(facts: &GarbageFacts) -> GarbagePlan {
    let refused = refused(facts);
    let mut garbage = Vec::new();
    let mut kept = Vec::new();
    let mut ends = BTreeSet::new();
    let mut judged: Vec<(&Resource, Result<Verdict, String>)> =
        facts.resources.iter().filter(|r| r.tags.contains_key(tag::PRODUCT)).map(|r| (r, judge(facts, &refused, r))).collect();
    // A snapshot stays with any image that stays.
    let needed: BTreeSet<String> = judged
        .iter()
        .filter(|(_, verdict)| verdict.is_err())
        .flat_map(|(image, _)| image.snapshots.iter().map(|s| s.as_str().to_owned()))
        .collect();
    judged.sort_by(|(a, _), (b, _)| (a.kind, &a.region, &a.id).cmp(&(b.kind, &b.region, &b.id)));
    for (resource, verdict) in judged {
        let verdict = match verdict {
            Ok(_) if needed.contains(&resource.id) => Err("an image that stays is made of it".to_owned()),
            verdict => verdict,
        };
        match verdict {
            Ok(verdict) => {
                ends.extend(verdict.ends.then(|| verdict.run.clone()));
                garbage.push(described(resource, verdict));
            }
            Err(why) => kept.push(Kept { kind: resource.kind, id: resource.id.clone(), region: resource.region.clone(), why }),
        }
    }
    let monthly_usd = garbage.iter().filter_map(|g| g.monthly_usd).sum();
    GarbagePlan { format: 1, prices_of: super::cost::PRICES_OF, garbage, ends, kept, refused, monthly_usd }
}

/// Why something may go.
struct Verdict {
    product: Slug,
    run: RunId,
    why: String,
    age: SignedDuration,
    /// Whether its run must be ended first.
    ends: bool,
}

fn described(resource: &Resource, verdict: Verdict) -> Garbage {
    Garbage {
        kind: resource.kind,
        id: resource.id.clone(),
        region: resource.region.clone(),
        product: verdict.product,
        version: resource.tags.get(tag::VERSION).cloned(),
        run: verdict.run,
        why: verdict.why,
        age_seconds: verdict.age.as_secs(),
        monthly_usd: MonthlyCost::of(&resource.billed),
    }
}

/// Says why something may go, or why it must stay. Whatever is in doubt stays.
fn judge(facts: &GarbageFacts, refused: &BTreeMap<Slug, Vec<Unknown>>, resource: &Resource) -> Result<Verdict, String> {
    let stays = |why: &str| Err(why.to_owned());
    let Some(product) = resource.product() else { return stays("its tags can't be read") };
    if !facts.products.contains(&product) {
        return Err(format!("it belongs to {product}"));
    }
    if resource.is_released() {
        return stays("it is released");
    }
    if is_recorded(facts, resource) {
        return stays("the ledger has it as released");
    }
    if refused.contains_key(&product) {
        return Err(format!("the ledger can't be that of {product}"));
    }
    let Some(run) = resource.run() else { return stays("its tags name no run") };
    let Some(known) = facts.runs.get(&run) else { return Err(format!("run {run} is not in this ledger: it may be at work elsewhere")) };
    let age = facts.now.duration_since(resource.created.unwrap_or(known.began));
    let owner = facts.runs.iter().find(|(other, r)| **other != run && r.owns.contains(&resource.id) && at_work(facts, r));
    if let Some((owner, _)) = owner {
        return Err(format!("run {owner} has taken it over"));
    }
    let (why, ends) = match &known.ended {
        Some(how) => (format!("run {run} {how}"), false),
        None if known.held => return Err(format!("run {run} is at work")),
        None if is_sealed(facts, &run) => return Err(format!("run {run} has sealed its release: bakehouse ship {product} finishes it")),
        None if at_work(facts, known) => {
            return Err(format!("run {run} was left, to be gone on with: bakehouse resume {run}, or bakehouse abandon {run}"));
        }
        None => (format!("run {run} stopped in the middle and was never continued"), true),
    };
    if age < facts.older_than {
        return Err(format!("it is younger than {:#} (--older-than)", facts.older_than));
    }
    Ok(Verdict { product, run, why, age, ends })
}

/// A run counts as at work while its lease is held, it waits for somebody to go on, or it wrote something not long ago:
/// whoever left it, killed or not, is to find what it made.
fn at_work(facts: &GarbageFacts, run: &RunFacts) -> bool {
    run.ended.is_none() && (run.held || run.waits || facts.now.duration_since(run.last) < facts.older_than.max(QUIET))
}

fn is_sealed(facts: &GarbageFacts, run: &RunId) -> bool {
    facts.records.values().flatten().any(|record| &record.run == run)
}

/// Tells whether a record names it: the image, a copy, a snapshot of either.
fn is_recorded(facts: &GarbageFacts, resource: &Resource) -> bool {
    facts.records.values().flat_map(|records| history(records).into_values()).any(|released| {
        let images = released.copies.values().chain([&released.release.image]);
        images.into_iter().any(|image| image.id.as_str() == resource.id || image.snapshots.iter().any(|s| s.as_str() == resource.id))
    })
}

/// Finds released images of versions that the ledger never heard of: it is not their product's ledger.
fn refused(facts: &GarbageFacts) -> BTreeMap<Slug, Vec<Unknown>> {
    let mut refused: BTreeMap<Slug, Vec<Unknown>> = BTreeMap::new();
    for image in facts.resources.iter().filter(|r| r.kind == ResourceKind::Image && r.is_released()) {
        let Some(product) = image.product().filter(|product| facts.products.contains(product)) else { continue };
        let version = image.tags.get(tag::VERSION);
        let of_product = facts.records.iter().filter(|(variant, _)| variant.product == product);
        let known = of_product.flat_map(|(_, records)| history(records).into_keys()).any(|v| Some(&v.to_string()) == version);
        if !known && !is_recorded(facts, image) {
            let unknown = Unknown { id: image.id.clone(), region: image.region.clone(), version: version.cloned() };
            refused.entry(product).or_default().push(unknown);
        }
    }
    refused
}
