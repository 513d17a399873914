//! From a plan to its end, by whatever is not done yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Engine;
use super::bake::{is_in_the_way, is_of_no_use, is_rejected, origin};
use super::boot;
use super::change::{is_changing, is_made};
use super::failure::EngineError;
use super::observer::{Note, StepObserver};
use super::run::Run;
use super::settle::{Ending, Recorded};
use super::survey::survey;
use crate::bake;
use crate::ledger::{Effect, Journal, Outcome};
use crate::listing;
use crate::model::boot::BootSummary;
use crate::model::ids::Region;
use crate::model::image::{Image, ImageDescription};
use crate::model::plan::{Plan, Planned, Step};
use crate::model::product::Product;
use crate::model::record::{Event, Head, Record};
use crate::model::version::Version;
use crate::model::waiver::{Waiver, WaiverState};
use crate::plan::{self, PlanError, Request};
use crate::release;

/// Steps that go on at the same time at most. Source: EC2 takes 100 copies at once into a Region, and
/// throttles calls that change something to a few a second; steps mostly wait.
const STEPS_AT_ONCE: usize = 8;

/// A part of the pipeline that is a command of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Claim and bake.
    Bake,
    /// Scan.
    Scan,
    /// Start it and try it.
    Boot,
    /// Checksum.
    Checksum,
    /// Seal.
    Release,
    /// Copies and grants.
    Distribute,
    /// Listing.
    List,
}

/// How much of a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// One stage; what it needs must be done.
    Only(Stage),
}

impl Extent {
    /// Tells whether a step is carried out.
    pub fn takes(self, step: &Step) -> bool {
        match self {
            Self::Whole => true,
            Self::Only(stage) => stage_of(step) == stage,
        }
    }
}

/// What there is to do next for a product.
#[derive(Debug)]
pub enum Next {
    /// A run that has not ended goes on.
    Continue {
        /// Its journal.
        journal: Box<Journal>,
        /// Its plan.
        plan: Plan,
    },
    /// A new run begins.
    Begin {
        /// The plan.
        plan: Plan,
        /// A run that is ended first: of other inputs and never sealed (an image it made is kept), or one that has nothing left to do.
        superseded: Option<Box<Ending>>,
        /// What the variant's chain ended in when the plan was made.
        head: Option<Head>,
    },
    /// Nothing; the plan has no steps, maybe notices.
    Nothing {
        /// The plan.
        plan: Plan,
    },
}

impl Next {
    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Continue { plan, .. } | Self::Begin { plan, .. } | Self::Nothing { plan } => plan,
        }
    }
}

/// Tells whether a run is known to have a step behind it; of steps that are seen at AWS alone it isn't.
pub fn is_done(journal: &Journal, step: &Step) -> bool {
    let done = |effect: &str| matches!(journal.effect(effect), Effect::Done(_));
    match step {
        Step::Claim => done("claim"),
        Step::Bake { .. } => done("baked"),
        Step::MeasureBase { .. } => done("measure"),
        Step::Scan => done("scan"),
        Step::Checksum => done("checksum"),
        Step::Release => done("release.tag"),
        Step::ChangeListing { set, .. } => is_made(journal, set),
        Step::Boot
        | Step::Copy { .. }
        | Step::Grant { .. }
        | Step::CreateListing { .. }
        | Step::AddVersion { .. }
        | Step::FollowChangeSet { .. } => false,
    }
}

/// Finds out what there is to do next. Only reads.
///
/// # Errors
///
/// When ledger or AWS can't be read, or there is no plan ([`crate::plan::PlanError`]).
pub async fn next(engine: &Engine, product: &Product, request: &Request) -> Result<Next, EngineError> {
    find_next(engine, product, request).await.map_err(|error| error.or_pause(&engine.go_on))
}

async fn find_next(engine: &Engine, product: &Product, request: &Request) -> Result<Next, EngineError> {
    let mut superseded = None;
    if let Some(journal) = engine.unfinished(product).await? {
        superseded = Ending::settled(&journal, &engine.ledger.records(&product.variant()).await?);
        if superseded.is_none() {
            let (plan, _) = journal.plan().expect("an unfinished run is found by its plan");
            let plan = plan.clone();
            if still_wanted(engine, product, &journal, &plan).await? {
                refuse_another_version(engine, product, &journal, &plan, request).await?;
                return Ok(Next::Continue { journal: Box::new(journal), plan });
            }
            superseded = Some(Ending::superseded(journal));
        }
    }
    if request.listing {
        // A run that makes images is given up by who makes others, not by who looks after the listing.
        let gives_way =
            |ending: &Ending| ending.outcome != Outcome::Superseded || ending.journal.plan().is_some_and(|(plan, _)| is_of_listing(plan));
        return engine.plan_listing(product).await?.begin(superseded.filter(|ending| gives_way(ending)));
    }
    let siblings = engine.siblings(product).await?;
    let found = survey(engine.writer.reader(), &engine.ledger, product, siblings).await?;
    let mut plan = found.plan(engine.target, &engine.account, product, request, engine.clock.now())?;
    take_over(engine, &mut plan).await?;
    plan.notices.extend(ending_waivers(product, engine.clock.now()));
    if plan.releases() {
        let lacks = engine.lacks(product, plan.base()).await?;
        plan.notices.extend(lacks.into_iter().map(|lack| format!("{}. {}", lack.what, lack.cure)));
    }
    if engine.target == "aws" {
        plan.notices.extend(listing::placeholders(product));
    }
    found.clear(engine.writer.reader(), &engine.ledger, product, &plan).await?;
    Ok(match (plan.is_empty(), superseded) {
        (true, None) => Next::Nothing { plan },
        (_, superseded) => Next::Begin { plan, superseded, head: found.head() },
    })
}

/// Has the step that bakes say whose image is judged instead of a new one, if the account has one of the same inputs.
async fn take_over(engine: &Engine, plan: &mut Plan) -> Result<(), EngineError> {
    let bake = plan.steps.iter_mut().find_map(|Planned { step, why, .. }| match step {
        Step::Bake { image_name, region, anew, .. } => Some((image_name, region, *anew, why)),
        _ => None,
    });
    let Some((name, region, anew, why)) = bake else { return Ok(()) };
    let found = engine.writer.reader().own_image_named(region, name).await?;
    let unfit = |found: &ImageDescription| is_in_the_way(found, &plan.input) || is_of_no_use(found) || (anew && is_rejected(found));
    if let Some(found) = found.filter(|found| !unfit(found)) {
        let anew = if is_rejected(&found) { "; it is judged again, and --rebuild makes another" } else { "" };
        *why = format!("{why}; {} is taken over, and no new image made: {}{anew}", found.image.id, origin(&found));
    }
    Ok(())
}

/// Says which of the manifest's waivers are over or end soon. A plan that ends with them is to be seen before it does.
fn ending_waivers(product: &Product, now: Timestamp) -> Vec<String> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let notice = |waiver: &Waiver| match waiver.state(today) {
        WaiverState::Expired => Some(format!("the waiver {waiver} ended on {}: what it let pass counts again", waiver.expires)),
        WaiverState::Expiring => Some(format!("the waiver {waiver} ends on {}", waiver.expires)),
        WaiverState::Active | WaiverState::NotYet | WaiverState::NotAllowed => None,
    };
    product.scan.waivers.iter().filter_map(notice).collect()
}

/// Refuses to go on with a run when the user asks for a version that is not the run's.
///
/// What a bump comes to is counted from what was released before the run's version, so that the
/// command that began the run can be given again. Of a run whose version is there already (it completes
/// what is sealed, or catches up with another variant) a bump says nothing, nor does a higher version:
/// both are for what comes next.
async fn refuse_another_version(
    engine: &Engine,
    product: &Product,
    journal: &Journal,
    plan: &Plan,
    request: &Request,
) -> Result<(), EngineError> {
    let named = request.version.as_ref().or(request.complete.as_ref());
    if named.is_none() && request.bump.is_none() {
        return Ok(());
    }
    let siblings = engine.siblings(product).await?.into_iter().flat_map(|sibling| sibling.records);
    let records = engine.ledger.records(&plan.variant).await?.into_iter().chain(siblings);
    let taken: Vec<Version> = records.map(|record| record.version).filter(|version| *version != Version::UNRELEASED).collect();
    let is_there = !plan.releases() || taken.contains(&plan.version);
    let wanted = match named {
        None if is_there => return Ok(()),
        None => {
            let listed = engine.listed_versions(product).await?;
            let before: Vec<_> = taken.into_iter().chain(listed).filter(|version| *version < plan.version).collect();
            request.next_version(&before).map_err(PlanError::Version)?
        }
        Some(named) if is_there && request.version.is_some() && *named > plan.version => return Ok(()),
        Some(named) => named.clone(),
    };
    if wanted == plan.version {
        return Ok(());
    }
    Err(EngineError::NotReady {
        what: format!("run {} of version {} is not finished, so {wanted} can't begin", journal.run(), plan.version),
        next: format!(
            "finish it first: bakehouse ship {slug}; or give it up: bakehouse abandon {run}",
            slug = product.slug,
            run = journal.run()
        ),
    })
}

/// Makes sure that a run can go on as it was planned.
///
/// # Errors
///
/// [`EngineError::NotReady`] when it has ended, or what it was for has changed; when ledger or AWS can't be read.
pub async fn resumable(engine: &Engine, product: &Product, journal: Journal) -> Result<Journal, EngineError> {
    let (run, slug) = (journal.run(), &product.slug);
    let plan = journal.plan().filter(|_| journal.outcome().is_none()).map(|(plan, _)| plan);
    let Some(plan) = plan else {
        return Err(EngineError::NotReady {
            what: format!("run {run} has ended"),
            next: format!("bakehouse plan {slug} tells what is left"),
        });
    };
    if !still_wanted(engine, product, &journal, plan).await? {
        return Err(EngineError::NotReady {
            what: format!("what run {run} was for has changed since it began"),
            next: format!("bakehouse ship {slug} ends it and begins anew; bakehouse abandon {run} ends it"),
        });
    }
    Ok(journal)
}

/// Carries out what is next.
///
/// # Errors
///
/// [`EngineError`]; whatever was done is in the journal, and [`next`] goes on from there.
pub async fn carry_out(engine: &Engine, product: &Product, next: Next, extent: Extent) -> Result<(), EngineError> {
    // The ledger may be where they are found to have run out: between two effects, or before the first.
    begin_or_continue(engine, product, next, extent).await.map_err(|error| error.or_pause(&engine.go_on))
}

async fn begin_or_continue(engine: &Engine, product: &Product, next: Next, extent: Extent) -> Result<(), EngineError> {
    let observer = Arc::new(StepObserver(engine.observer.clone()));
    let engine = &Engine { observer, leave: engine.leave.heeded(), ..engine.clone() };
    engine.may_begin()?;
    let run = match next {
        Next::Nothing { .. } => return Ok(()),
        Next::Continue { journal, .. } => {
            let run = Run::resume(engine, product, *journal).await?;
            run.note(Note::Run { text: format!("continuing run {} ({})", run.id(), run.plan.subject()) });
            run
        }
        Next::Begin { plan, superseded, head } => {
            if let Extent::Only(stage) = extent {
                refuse_without_predecessor(product, &plan, stage)?;
            }
            if let Some(ending) = superseded {
                ending.carry_out(engine, product).await?;
            }
            if plan.is_empty() {
                return Ok(());
            }
            if !plan.steps.iter().any(|planned| extent.takes(&planned.step)) {
                engine.observer.note(Note::Notice { text: "nothing is left to do at this stage".to_owned() });
                return Ok(());
            }
            let run = Run::begin(engine, product, plan, head.as_ref()).await?;
            run.note(Note::Run { text: format!("run {} ({})", run.id(), run.plan.subject()) });
            run
        }
    };
    run.at_work(run.carry_out(extent)).await
}

impl Run<'_> {
    async fn carry_out(&self, extent: Extent) -> Result<(), EngineError> {
        let steps = &self.plan.steps;
        let chosen = |place: usize| extent.takes(&steps[place].step);
        // What another command has done, or has to do, is no step of this one: the steps say themselves if it is missing.
        let mut needs: BTreeMap<usize, BTreeSet<usize>> =
            plan::needs(steps).into_iter().enumerate().filter(|(place, _)| chosen(*place)).collect();
        let places: BTreeSet<usize> = needs.keys().copied().collect();
        needs.values_mut().for_each(|needed| needed.retain(|place| places.contains(place)));
        let (mut going, mut errors) = (FuturesUnordered::new(), Vec::new());
        loop {
            // After a failure nothing new is begun; what is under way comes to its end.
            while errors.is_empty() && !self.engine.leave.is_asked() && going.len() < STEPS_AT_ONCE {
                let Some(place) = needs.iter().find(|(_, needed)| needed.is_empty()).map(|(place, _)| *place) else { break };
                needs.remove(&place);
                going.push(self.numbered_step(place));
            }
            let Some((place, end)) = going.next().await else { break };
            match end {
                Ok(()) => {
                    for needed in needs.values_mut() {
                        needed.remove(&place);
                    }
                }
                Err(error) => errors.push(error.at_step(&steps[place].step.to_string())),
            }
        }
        if errors.is_empty() && !needs.is_empty() {
            self.engine.may_begin()?;
        }
        let ended = self.end_if_wanted(errors.len()).await;
        // Why the steps failed is told even if that could not be written down.
        EngineError::of_all(errors, &self.engine.go_on)?;
        ended?;
        let whole = extent == Extent::Whole || self.is_complete().await?;
        if whole {
            self.end(Outcome::Done).await?;
        }
        Ok(())
    }

    async fn numbered_step(&self, place: usize) -> (usize, Result<(), EngineError>) {
        let (number, step) = (place + 1, &self.plan.steps[place].step);
        self.note(Note::Step { number, of: self.plan.steps.len(), text: step.to_string() });
        let end = StepObserver::in_step(number, self.step(step)).await;
        self.note(Note::StepEnd { number });
        (place, end)
    }

    async fn step(&self, step: &Step) -> Result<(), EngineError> {
        match step {
            Step::Claim => self.claim().await,
            // What is sealed is baked no more, whatever has become of its image since.
            Step::Bake { .. } if self.sealed().await?.is_some_and(|(run, _)| &run == self.id()) => Ok(()),
            Step::Bake { base, image_name, region, anew } => {
                self.make_room(region, image_name, |found| is_of_no_use(found) || (*anew && is_rejected(found))).await?;
                let image = self.bake(region, base, image_name).await?;
                self.effect("baked", &image.id, async |_| Ok(image.clone())).await.map(drop)
            }
            Step::Scan => self.scan(&self.baked().await?).await.map(drop),
            Step::Boot => self.boot().await.map(drop),
            Step::MeasureBase { base } => self.measure_base(base).await.map(drop),
            Step::Checksum => self.checksum(&self.baked().await?).await.map(drop),
            Step::Release => self.release().await,
            Step::Copy { region } => self.copy(region).await,
            Step::Grant { region, account, snapshots } => self.grant(region, account, *snapshots).await,
            Step::CreateListing { draft, .. } => self.create_listing(draft.as_ref()).await,
            Step::AddVersion { product } => self.add_version(product).await,
            Step::ChangeListing { set, .. } => self.change_listing(set).await,
            Step::FollowChangeSet { change_set } => self.follow(change_set).await,
        }
    }

    async fn release(&self) -> Result<(), EngineError> {
        let image = self.baked().await?;
        // A verdict that stands no more is made anew, as often as somebody leaves in the middle of that.
        let scanned = self.was_done("scan").await;
        let digests = self.done("checksum").await;
        let base = self.plan.steps.iter().find_map(|planned| match &planned.step {
            Step::Bake { base, .. } => Some(base.clone()),
            _ => None,
        });
        // Runs that were planned before images were started have no such step.
        let boot: Option<BootSummary> = self.done(boot::DONE).await;
        let unbooted = boot.is_none() && self.plan.steps.iter().any(|planned| planned.step == Step::Boot);
        match (scanned, digests, base) {
            (true, ..) if unbooted => Err(self.not_ready("was not booted", "boot")),
            (true, Some(digests), Some(base)) => {
                // The boot may have taken the run past midnight, and a paused one lies for weeks.
                let scan = self.verdict(&image).await?;
                self.seal(&image, &base, scan, boot, digests).await
            }
            (false, ..) => Err(self.not_ready("was not scanned", "scan")),
            _ => Err(self.not_ready("was not checksummed", "checksum")),
        }
    }

    /// Returns where the run starts instances: where its image is, whatever the manifest says by now.
    pub(super) async fn working_region(&self) -> Region {
        let boots = self.plan.steps.iter().any(|planned| matches!(planned.step, Step::Boot | Step::MeasureBase { .. }));
        match (self.plan.bake_region(), self.released().await) {
            (Some(region), _) => region.clone(),
            (None, Ok(released)) if boots => released.release.image.region,
            _ => self.product.build.region.clone(),
        }
    }

    pub(super) async fn baked(&self) -> Result<Image, EngineError> {
        self.done("baked").await.ok_or_else(|| self.not_ready("is not baked", "bake"))
    }

    pub(super) fn not_ready(&self, what: &str, command: &str) -> EngineError {
        EngineError::NotReady {
            what: format!("{} {} {what}", self.variant(), self.plan.version),
            next: format!("bakehouse {command} {}", self.product.slug),
        }
    }

    /// Tells whether all that the plan wanted has been recorded, whichever commands did it.
    async fn is_complete(&self) -> Result<bool, EngineError> {
        let told = Recorded::of(&self.engine.ledger.records(self.variant()).await?, &self.plan.version, self.id());
        Ok(self.plan.steps.iter().all(|planned| told.has(&planned.step)))
    }
}

/// Tells whether an unfinished run is to go on: it was sealed, or the inputs are still the same.
async fn still_wanted(engine: &Engine, product: &Product, journal: &Journal, plan: &Plan) -> Result<bool, EngineError> {
    let records = engine.ledger.records(&plan.variant).await?;
    let sealed = records.iter().any(|r| &r.run == journal.run() && matches!(r.event, Event::Released(_)));
    let is_elsewhere = plan.bake_region().is_some_and(|region| region != &product.build.region);
    match plan.base() {
        Some(_) if !sealed && is_elsewhere => Ok(false),
        Some(base) if !sealed => Ok(bake::input_digest(product, base) == plan.input && !overtaken(engine, product, plan).await?),
        _ => completion_is_wanted(engine, product, journal, plan, &records).await,
    }
}

/// Tells whether another variant has gone on to a later version, which this one would have to follow at once.
async fn overtaken(engine: &Engine, product: &Product, plan: &Plan) -> Result<bool, EngineError> {
    let siblings = engine.siblings(product).await?;
    Ok(siblings.iter().any(|sibling| release::history(&sibling.records).keys().any(|version| *version > plan.version)))
}

/// Tells whether what a sealed release's run has left to do is still what the manifest wants.
///
/// A submission that may have reached AWS is always followed: its token is the run's.
async fn completion_is_wanted(
    engine: &Engine,
    product: &Product,
    journal: &Journal,
    plan: &Plan,
    records: &[Record],
) -> Result<bool, EngineError> {
    let submitted = !matches!(journal.effect("list.apply"), Effect::Open { .. }) || is_changing(journal);
    let untagged = matches!(journal.effect("release.record"), Effect::Done(_)) && !matches!(journal.effect("release.tag"), Effect::Done(_));
    if submitted || untagged {
        return Ok(true);
    }
    if plan.steps.iter().all(|planned| matches!(planned.step, Step::ChangeListing { asked: true, .. })) {
        return Ok(true);
    }
    let recorded = Recorded::of(records, &plan.version, journal.run());
    if recorded.released.is_none() && plan.releases() {
        return Ok(true);
    }
    let today = if is_of_listing(plan) {
        engine.plan_listing(product).await?.plan
    } else {
        let siblings = engine.siblings(product).await?;
        let found = survey(engine.writer.reader(), &engine.ledger, product, siblings).await?;
        found.plan(engine.target, &engine.account, product, &Request::default(), engine.clock.now())?
    };
    if today.version != plan.version {
        // The inputs have moved on too: this release is completed as it was planned.
        return Ok(true);
    }
    let wanted = |step: &Step| recorded.has(step) || today.steps.iter().any(|planned| planned.step.is_wish(step));
    Ok(plan.steps.iter().all(|planned| wanted(&planned.step)))
}

/// Tells whether a plan is of nothing but the listing.
pub(super) fn is_of_listing(plan: &Plan) -> bool {
    plan.steps.iter().all(|planned| stage_of(&planned.step) == Stage::List)
}

/// A stage that begins a run must be its first: `bake` for a new version, any for a sealed one.
fn refuse_without_predecessor(product: &Product, plan: &Plan, stage: Stage) -> Result<(), EngineError> {
    let first = plan.steps.iter().map(|planned| stage_of(&planned.step)).min();
    let bakes = first == Some(Stage::Bake);
    if bakes && stage != Stage::Bake {
        return Err(EngineError::NotReady {
            what: format!("{} {} is not baked", plan.variant, plan.version),
            next: format!("bakehouse bake {}", product.slug),
        });
    }
    Ok(())
}

/// Returns the part of the pipeline that a step belongs to.
pub(super) fn stage_of(step: &Step) -> Stage {
    match step {
        Step::Claim | Step::Bake { .. } => Stage::Bake,
        Step::Scan => Stage::Scan,
        Step::Boot | Step::MeasureBase { .. } => Stage::Boot,
        Step::Checksum => Stage::Checksum,
        Step::Release => Stage::Release,
        Step::Copy { .. } | Step::Grant { .. } => Stage::Distribute,
        Step::CreateListing { .. } | Step::AddVersion { .. } | Step::ChangeListing { .. } | Step::FollowChangeSet { .. } => Stage::List,
    }
}
