//! The plan: which version, which steps, and why each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::base::{BaseFault, base_faults};
use super::course::{Course, Sibling, course, reason};
use crate::bake;
use crate::listing::{self, Desired, Given, Live, VersionTexts, Visibility};
use crate::model::count::counted;
use crate::model::digest::Digest;
use crate::model::ids::{AccountId, ChangeSetId, EntityId, Region};
use crate::model::image::ImageDescription;
use crate::model::media::MediaFile;
use crate::model::obstacle::Obstacle;
use crate::model::plan::{Plan, Planned, Step};
use crate::model::product::{Product, ShareSnapshots};
use crate::model::record::{BaseRecord, Record};
use crate::model::version::{Bump, Version};
use crate::release::{Listing, NextVersionError, Released, history, last_rise, listed_product, next_version, sent};

/// What the user asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// How the version goes up, if something is to be released; by a patch when the user does not say.
    pub bump: Option<Bump>,
    /// The version, when the user names it.
    pub version: Option<Version>,
    /// Release anew even if nothing that goes into the image has changed (takes the newest base).
    pub rebuild: bool,
    /// Completes this sealed version, whatever has changed since.
    pub complete: Option<Version>,
    /// Only what the listing lacks, of what is sealed and of what the manifest says of it.
    pub listing: bool,
}

impl Request {
    /// Returns the version that is released next after those that are `taken`.
    ///
    /// # Errors
    ///
    /// [`NextVersionError`] when the user names one that is taken or does not follow the latest.
    pub fn next_version(&self, taken: &[Version]) -> Result<Version, NextVersionError> {
        next_version(taken, self.bump.unwrap_or(Bump::Patch), self.version.as_ref())
    }
}

/// Everything a plan is made of.
pub struct Facts<'a> {
    /// `twin` or `aws`.
    pub target: &'a str,
    /// The account.
    pub account: &'a AccountId,
    /// The product.
    pub product: &'a Product,
    /// The variant's chain.
    pub records: &'a [Record],
    /// The product's other variants, with which it shares its versions.
    pub siblings: &'a [Sibling],
    /// The image that a bake would start from today; `None` when there is none.
    pub base: Option<&'a ImageDescription>,
    /// Regions among those used where the account encrypts EBS by default.
    pub encrypted_regions: &'a BTreeSet<Region>,
    /// The seller's products of this title, with their visibility.
    pub titled: &'a [(EntityId, String)],
    /// The live listing; none while there is none.
    pub live: Option<&'a Live>,
    /// The first of `titled` and its offer, if it is a draft: what a first listing fills.
    pub draft: Option<&'a Live>,
    /// What time it is: prices may not rise at any.
    pub now: Timestamp,
}

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The base can't be baked from.
    #[error("the base image {base} can't be used:{}", faults.iter().map(|f| format!("\n  - {f}")).collect::<String>())]
    Base {
        /// Its id and name.
        base: String,
        /// Everything that speaks against it.
        faults: Vec<BaseFault>,
    },
    /// Something is to be baked, and there is nothing to bake it from.
    #[error("there is no base image")]
    NoBase,
    /// The version to be completed is none.
    #[error("{version} is not sealed")]
    NotSealed {
        /// The version.
        version: Version,
    },
    /// New snapshots would be encrypted.
    #[error("the account encrypts EBS volumes by default in {}; the Marketplace refuses encrypted images", join(regions))]
    EncryptsByDefault {
        /// Where.
        regions: Vec<Region>,
    },
    /// The version can't be released.
    #[error(transparent)]
    Version(NextVersionError),
    /// The version would be made of what was released before.
    #[error("nothing that goes into the image has changed since {latest}, so {wanted} isn't released")]
    Unchanged {
        /// What was asked for.
        wanted: Version,
        /// The latest release.
        latest: Version,
    },
    /// The product's listing is being created; a second version has no product to go to yet.
    #[error("the listing is still being created by change set {change_set} for version {version}")]
    ListingUnderWay {
        /// The version that creates it.
        version: Version,
        /// The change set.
        change_set: ChangeSetId,
    },
    /// Nothing is released, and the manifest names no product of the Marketplace.
    #[error("nothing is released yet, and listing.product-id names no product of the Marketplace")]
    NothingListed,
    /// The draft that has the title is not empty.
    #[error("the draft {draft} has the title and is not empty ({}); AWS adds nothing twice, and would refuse the first listing after the bake", has.join(", "))]
    DraftFilled {
        /// The draft.
        draft: EntityId,
        /// What it has.
        has: Vec<String>,
    },
    /// Another product has the title.
    #[error("the seller has a product titled {title:?} already: {product} ({visibility})")]
    TitleTaken {
        /// The title.
        title: String,
        /// The product.
        product: EntityId,
        /// Its visibility.
        visibility: String,
    },
}

/// What a plan says beside its steps.
#[derive(Default)]
struct Told {
    notices: Vec<String>,
    obstacles: Vec<Obstacle>,
}

/// Makes the plan. Same facts, same plan.
///
/// # Errors
///
/// [`PlanError`]: what would be refused later is refused here.
pub fn make(facts: &Facts, request: &Request) -> Result<Plan, PlanError> {
    let versions = history(facts.records);
    let mut told = Told::default();
    let plan = |version: Version, input, steps: Vec<Planned>, told: Told| Plan {
        format: Plan::FORMAT,
        target: facts.target.to_owned(),
        account: facts.account.clone(),
        variant: facts.product.variant(),
        version,
        input,
        notices: told.notices.into_iter().chain(of_steps(facts, &steps)).collect(),
        obstacles: told.obstacles,
        steps,
    };
    if request.listing {
        let latest = versions.values().next_back();
        if latest.is_none() && facts.live.is_none() {
            return Err(PlanError::NothingListed);
        }
        let steps = of_listing(facts, &versions, latest, &mut told)?;
        let (version, input) = latest.map_or((Version::UNRELEASED, Digest::of("")), |l| (l.version.clone(), l.release.input));
        return Ok(plan(version, input, steps, told));
    }
    if let Some(version) = &request.complete {
        let released = versions.get(version).ok_or_else(|| PlanError::NotSealed { version: version.clone() })?;
        let steps = completion(facts, &versions, released, &mut told)?;
        let made = plan(version.clone(), released.release.input, steps, told);
        refuse_encryption(facts, &made)?;
        return Ok(made);
    }
    let made = match course(facts, &versions, request).map_err(PlanError::Version)? {
        Course::Complete(latest) => {
            if let Some(wanted) = request.version.as_ref().filter(|wanted| **wanted != latest.version) {
                return Err(PlanError::Unchanged { wanted: wanted.clone(), latest: latest.version.clone() });
            }
            if request.bump.is_some() {
                told.notices.push(format!(
                    "--bump releases nothing: what goes into the image hasn't changed since {}; --rebuild releases it anew",
                    latest.version
                ));
            }
            match facts.base {
                None => told.notices.push("the base image can't be found any more; nothing needs it just now".to_owned()),
                Some(base) if base.image.id != latest.release.base.image => told.notices.push(format!(
                    "a newer base is there: {} {} (the release has {}); --rebuild releases anew with it",
                    base.image.id, base.image.name, latest.release.base.image
                )),
                Some(_) => {}
            }
            let steps = completion(facts, &versions, latest, &mut told)?;
            plan(latest.version.clone(), latest.release.input, steps, told)
        }
        Course::Release(version) => {
            let described = facts.base.ok_or(PlanError::NoBase)?;
            let input = bake::input_digest(facts.product, &base_record(described));
            if let Some(wanted) = request.version.as_ref().filter(|wanted| **wanted != version) {
                told.notices.push(format!("{wanted} waits: first this variant catches up with {version}, which the product has already"));
            }
            let steps = release_steps(facts, &versions, request, &version, described, &mut told)?;
            plan(version, input, steps, told)
        }
    };
    refuse_encryption(facts, &made)?;
    Ok(made)
}

/// Refuses to make what the Region would encrypt.
fn refuse_encryption(facts: &Facts, plan: &Plan) -> Result<(), PlanError> {
    let made_in = plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::Bake { .. } => Some(&facts.product.build.region),
        Step::Copy { region } => Some(region),
        _ => None,
    });
    let regions: Vec<Region> = made_in.filter(|region| facts.encrypted_regions.contains(*region)).cloned().collect();
    if regions.is_empty() { Ok(()) } else { Err(PlanError::EncryptsByDefault { regions }) }
}

/// Everything from the claim to the listing.
fn release_steps(
    facts: &Facts,
    versions: &BTreeMap<Version, Released>,
    request: &Request,
    version: &Version,
    described: &ImageDescription,
    told: &mut Told,
) -> Result<Vec<Planned>, PlanError> {
    let faults = base_faults(facts.product, described);
    if !faults.is_empty() {
        return Err(PlanError::Base { base: format!("{} ({})", described.image.id, described.image.name), faults });
    }
    let base = base_record(described);
    let input = bake::input_digest(facts.product, &base);
    let why = reason(facts, versions.values().next_back(), request);
    let image_name = bake::image_name(facts.product, version, &input);
    let mut steps = vec![
        step(Step::Claim, "a version belongs to one run".to_owned()),
        step(Step::Bake { base, image_name, region: facts.product.build.region.clone(), anew: request.rebuild }, why),
        step(Step::Scan, "only what passed is released".to_owned()),
        step(Step::Boot, "only what a buyer can log in to is released".to_owned()),
        step(Step::Checksum, "a release can be told again by its digests".to_owned()),
        step(Step::Release, "the record is what is shared and listed".to_owned()),
    ];
    steps.extend(distribution(facts, None));
    // What belongs to a version comes with the new one.
    steps.extend(changes(facts, true, told));
    steps.extend(submission(facts, versions, version, &Listing::None, told)?);
    Ok(steps)
}

/// What a sealed version still lacks.
fn completion(
    facts: &Facts,
    versions: &BTreeMap<Version, Released>,
    latest: &Released,
    told: &mut Told,
) -> Result<Vec<Planned>, PlanError> {
    let wanted = wanted_grants(facts);
    for (region, account) in latest.grants.keys() {
        if !wanted.contains_key(&(region.clone(), account.clone())) {
            told.notices.push(format!("can't be applied yet: {account} is no longer in the manifest but may use the image in {region}"));
        }
    }
    for region in latest.copies.keys().filter(|r| !facts.product.distribution.regions.contains(*r)) {
        told.notices.push(format!("can't be applied yet: {region} is no longer in the manifest but has a copy"));
    }
    let mut steps = distribution(facts, Some(latest));
    steps.extend(of_listing(facts, versions, Some(latest), told)?);
    Ok(steps)
}

/// What the listing lacks: changes of what it says, and a sealed version that it does not have.
fn of_listing(
    facts: &Facts,
    versions: &BTreeMap<Version, Released>,
    latest: Option<&Released>,
    told: &mut Told,
) -> Result<Vec<Planned>, PlanError> {
    let mut of_version = Told::default();
    let version = match latest {
        Some(latest) => submission(facts, versions, &latest.version, &latest.listing, &mut of_version)?,
        None => None,
    };
    // What belongs to a version comes with that one, and the one before stays as it is.
    let mut steps = changes(facts, version.is_some(), told);
    steps.extend(version);
    told.notices.extend(of_version.notices);
    told.obstacles.extend(of_version.obstacles);
    Ok(steps)
}

/// Copies, then grants, as far as `done` does not have them.
fn distribution(facts: &Facts, done: Option<&Released>) -> Vec<Planned> {
    let build = &facts.product.build.region;
    let copies =
        facts.product.distribution.regions.iter().filter(|region| *region != build && done.is_none_or(|d| d.image_in(region).is_none()));
    let mut steps: Vec<Planned> =
        copies.map(|region| step(Step::Copy { region: region.clone() }, "the manifest names the region".to_owned())).collect();
    for ((region, account), snapshots) in wanted_grants(facts) {
        let has = done.and_then(|d| d.grants.get(&(region.clone(), account.clone())));
        // Launch alone, where snapshots are wanted too, is not enough; the other way round is.
        if has.is_none_or(|had_snapshots| snapshots && !had_snapshots) {
            let why = if account == AccountId::marketplace() { "share-with-marketplace" } else { "the manifest names the account" };
            steps.push(step(Step::Grant { region, account, snapshots }, why.to_owned()));
        }
    }
    steps
}

fn wanted_grants(facts: &Facts) -> BTreeMap<(Region, AccountId), bool> {
    let build = &facts.product.build.region;
    let distribution = &facts.product.distribution;
    let mut grants = BTreeMap::new();
    for region in distribution.regions.iter().chain([build]) {
        for (account, snapshots) in &distribution.accounts {
            grants.insert((region.clone(), account.clone()), *snapshots == ShareSnapshots::Yes);
        }
    }
    if distribution.share_with_marketplace {
        grants.insert((Region::marketplace(), AccountId::marketplace()), true);
    }
    grants
}

/// What the live listing says otherwise than the manifest, as far as it can be changed; the rest is told.
fn changes(facts: &Facts, version_comes: bool, told: &mut Told) -> Vec<Planned> {
    let Some(live) = facts.live else { return Vec::new() };
    let given = Given::from(sent(facts.records));
    let version_texts = if version_comes { VersionTexts::ComeWithNext } else { VersionTexts::OfNewest };
    let prices_rose = last_rise(facts.records);
    let desired = Desired { product: facts.product, given: &given, prices_rose, version_texts };
    let planned = listing::plan(&desired, live, facts.now);
    told.obstacles.extend(planned.obstacles);
    told.notices.extend(planned.notices);
    let steps = planned.sets.into_iter().map(|set| Planned {
        why: "the manifest says otherwise than the listing".to_owned(),
        irreversible: !set.irreversible.is_empty(),
        step: Step::ChangeListing { set: Box::new(set), asked: false },
    });
    steps.collect()
}

/// What steps of the listing bring about beside: names that may be refused, and files that are uploaded.
fn of_steps(facts: &Facts, steps: &[Planned]) -> Vec<String> {
    let product = facts.product;
    let of_listing =
        |planned: &&Planned| matches!(planned.step, Step::CreateListing { .. } | Step::AddVersion { .. } | Step::ChangeListing { .. });
    if !steps.iter().any(|planned| of_listing(&planned)) {
        return Vec::new();
    }
    let names = |step: &Step, media: &MediaFile| match step {
        Step::CreateListing { .. } => true,
        Step::AddVersion { .. } => product.listing.templates.iter().any(|template| template.media().any(|of_version| of_version == media)),
        Step::ChangeListing { set, .. } => set.request.to_string().contains(&media.url()),
        _ => false,
    };
    let uploaded = product.media().into_iter().filter(|media| steps.iter().any(|planned| names(&planned.step, media)));
    let upload = |media: &MediaFile| {
        let size = counted(media.content.len(), "byte");
        format!("{} ({size}) is uploaded to s3://{}/{} unless it is there, and everybody can read it", media.path, media.bucket, media.key)
    };
    let doubts = listing::doubts(product, facts.live.map(|live| &live.product.details));
    doubts.into_iter().chain(uploaded.map(upload)).collect()
}

/// Getting the version into the listing, as far as it isn't.
fn submission(
    facts: &Facts,
    versions: &BTreeMap<Version, Released>,
    version: &Version,
    state: &Listing,
    told: &mut Told,
) -> Result<Option<Planned>, PlanError> {
    match state {
        Listing::Listed { .. } => return Ok(None),
        Listing::Submitted { change_set, .. } => {
            let follow = Step::FollowChangeSet { change_set: change_set.clone() };
            return Ok(Some(step(follow, "its change set was submitted and its end is not known".to_owned())));
        }
        Listing::Refused { errors, .. } if state.is_used_up() => {
            let errors: Vec<String> = errors.iter().map(|e| e.code.clone()).collect();
            told.notices.push(format!(
                "version {version} is released, its listing was refused ({}) and the refusal used up its title; ship with --rebuild to list it as a new version",
                errors.join(", ")
            ));
            return Ok(None);
        }
        Listing::Refused { .. } | Listing::None => {}
    }
    if version.is_prerelease() {
        told.notices.push(format!("{version} is a pre-release and is not listed"));
        return Ok(None);
    }
    // Somebody has listed another image by this title: AWS would refuse it (`DUPLICATE_VERSION_TITLE`).
    if let Some(live) =
        facts.live.filter(|live| live.product.details.version_summaries().iter().any(|v| v.title == listing::version_title(version)))
    {
        told.notices.push(format!(
            "{version} is not listed: {} has a version of that title already; ship with --rebuild to release and list a later one",
            live.product.id
        ));
        return Ok(None);
    }
    let known = facts.product.listing.product_id.clone().or_else(|| listed_product(versions));
    if let Some(product) = known {
        // Source: Catalog API, AddDeliveryOptions, `INVALID_PRODUCT`.
        if facts.live.is_some_and(|live| live.product.details.visibility() == Some(&Visibility::Restricted)) {
            told.notices.push(format!(
                "the product {product} is Restricted, and AWS takes no version of it: {version} is not listed until `bakehouse list visibility` has made it limited or public"
            ));
            return Ok(None);
        }
        let add = Step::AddVersion { product };
        return Ok(Some(Planned { step: add, why: "the version is not in the listing".to_owned(), irreversible: true }));
    }
    let under_way = versions.values().find_map(|v| match &v.listing {
        Listing::Submitted { change_set, product: None } => Some((v.version.clone(), change_set.clone())),
        _ => None,
    });
    if let Some((version, change_set)) = under_way {
        return Err(PlanError::ListingUnderWay { version, change_set });
    }
    if let Some((product, visibility)) = facts.titled.iter().find(|(_, visibility)| visibility != "Draft") {
        return Err(PlanError::TitleTaken {
            title: facts.product.texts.title.clone(),
            product: product.clone(),
            visibility: visibility.clone(),
        });
    }
    let has = facts.draft.map(Live::holdings).unwrap_or_default();
    if let (Some(draft), false) = (facts.draft, has.is_empty()) {
        return Err(PlanError::DraftFilled { draft: draft.product.id.clone(), has });
    }
    let draft = facts.titled.first().map(|(id, _)| id.clone());
    let why = match &draft {
        Some(draft) => format!("the product is not listed; the draft {draft} has its title"),
        None => "the product is not listed".to_owned(),
    };
    let create = Step::CreateListing { draft, regions: facts.product.listing.regions.clone() };
    Ok(Some(Planned { step: create, why, irreversible: true }))
}

fn base_record(base: &ImageDescription) -> BaseRecord {
    BaseRecord { image: base.image.id.clone(), name: base.image.name.clone(), owner: base.owner.clone() }
}

fn step(step: Step, why: String) -> Planned {
    Planned { step, why, irreversible: false }
}

fn join(regions: &[Region]) -> String {
    regions.iter().map(Region::as_str).collect::<Vec<_>>().join(", ")
}
