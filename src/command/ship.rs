//! `bakehouse ship PRODUCT` and its parts, each a command of its own.

use clap::Args;

use super::context::Context;
use super::plan::{VersionArgs, describe};
use super::rounds::Rounds;
use super::selection::Selection;
use crate::ci::{self, Shipped, Stopped};
use crate::cli::{Global, Patience, Waivers};
use crate::engine::{self, Engine, EngineError, Extent, Next, Stage};
use crate::failure::Failure;
use crate::ledger::Journal;
use crate::model::digest::Digest;
use crate::model::plan::{Plan, Step};
use crate::model::product::Product;
use crate::model::record::{Event, Record};
use crate::model::version::Version;
use crate::plan::Request;
use crate::release::history;

/// Arguments of `ship` and `bake`.
#[derive(Debug, Args)]
pub struct ShipArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// What version, if something is to be released.
    #[command(flatten)]
    pub version: VersionArgs,
    /// Whether irreversible steps are approved.
    #[command(flatten)]
    pub approval: Approval,
    /// Bake though the scan would stop the release for want of advisories: they come before it does
    #[arg(long)]
    pub advisories_later: bool,
    /// What may pass the scan.
    #[command(flatten)]
    pub waivers: Waivers,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// Arguments of the stages that work on what was baked.
#[derive(Debug, Args)]
pub struct StageArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// Whether irreversible steps are approved.
    #[command(flatten)]
    pub approval: Approval,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// Whether steps that can't be undone are approved.
#[derive(Debug, Clone, Args)]
pub struct Approval {
    /// Don't ask before steps that can't be undone
    #[arg(short, long)]
    pub yes: bool,
    /// Approve exactly the plan of this digest, which the plan and whoever refuses it print; once for each variant. What
    /// the plan says of each step counts too: that an image is taken over, that a waiver has ended
    #[arg(long, value_name = "DIGEST", conflicts_with = "yes")]
    pub approve: Vec<Digest>,
}

impl Approval {
    /// Tells whether a plan was approved on the command line.
    pub fn covers(&self, plan: &Digest) -> bool {
        self.yes || self.approve.contains(plan)
    }
}

/// Arguments of `release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Which, and for how long.
    #[command(flatten)]
    pub stage: StageArgs,
    /// What may pass a scan that has to be made again.
    #[command(flatten)]
    pub waivers: Waivers,
}

/// Arguments of the stages that work on what was sealed.
#[derive(Debug, Args)]
pub struct SealedArgs {
    /// Which, approved or not, and for how long.
    #[command(flatten)]
    pub stage: StageArgs,
    /// This sealed version [default: the newest]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<Version>,
}

/// Carries out everything that is left to do.
///
/// # Errors
///
/// Whatever stops it; the ledger holds what was done.
pub async fn ship(global: &Global, args: &ShipArgs) -> Result<(), Failure> {
    carry_out(global, args, Extent::Whole).await
}

/// Claims the version and makes the image.
///
/// # Errors
///
/// As [`ship`].
pub async fn bake(global: &Global, args: &ShipArgs) -> Result<(), Failure> {
    carry_out(global, args, Extent::Only(Stage::Bake)).await
}

/// Digests what was baked.
///
/// # Errors
///
/// As [`ship`].
pub async fn checksum(global: &Global, args: &StageArgs) -> Result<(), Failure> {
    stage(global, args, Stage::Checksum).await
}

/// Seals what passed. A scan of another day is made again first.
///
/// # Errors
///
/// As [`ship`].
pub async fn release(global: &Global, args: &ReleaseArgs) -> Result<(), Failure> {
    let ship = ShipArgs { waivers: args.waivers, ..args.stage.as_ship() };
    carry_out(global, &ship, Extent::Only(Stage::Release)).await
}

/// Copies and shares.
///
/// # Errors
///
/// As [`ship`].
pub async fn distribute(global: &Global, args: &SealedArgs) -> Result<(), Failure> {
    sealed(global, args, Stage::Distribute).await
}

/// Carries out one stage of what is left to do.
///
/// # Errors
///
/// As [`ship`].
pub async fn stage(global: &Global, args: &StageArgs, stage: Stage) -> Result<(), Failure> {
    carry_out(global, &args.as_ship(), Extent::Only(stage)).await
}

/// Carries out one stage of what a sealed version has left to do.
///
/// # Errors
///
/// As [`ship`].
pub async fn sealed(global: &Global, args: &SealedArgs, stage: Stage) -> Result<(), Failure> {
    let mut ship = args.stage.as_ship();
    ship.version.complete = args.version.clone();
    carry_out(global, &ship, Extent::Only(stage)).await
}

impl StageArgs {
    /// Makes them what `ship` takes: a stage on its own begins no version by any wish.
    pub fn as_ship(&self) -> ShipArgs {
        let version = VersionArgs { bump: None, version: None, rebuild: false, complete: None };
        ShipArgs {
            product: self.product.clone(),
            version,
            approval: self.approval.clone(),
            advisories_later: false,
            waivers: Waivers::default(),
            patience: self.patience.clone(),
        }
    }
}

async fn carry_out(global: &Global, args: &ShipArgs, extent: Extent) -> Result<(), Failure> {
    let (end, made) = match carry_out_each(global, args, extent).await {
        Ok(carried_out) => carried_out,
        Err(failure) => (Err(failure), Made::default()),
    };
    match global.ci {
        Some(ci) => {
            let told = ci.report(&end, &made.shipped, &made.stopped);
            end.and(told)
        }
        None => end,
    }
}

/// What a runner is told of a command's variants.
#[derive(Debug, Default)]
struct Made {
    shipped: Vec<Shipped>,
    stopped: Vec<Stopped>,
}

/// Returns how it ended over all variants, and what a runner is told of; an error where nothing could begin.
async fn carry_out_each(global: &Global, args: &ShipArgs, extent: Extent) -> Result<(Result<(), Failure>, Made), Failure> {
    let context = Context::open_for(global, &args.product).await?;
    let _target = context.state_target();
    let variants = context.variants(&args.product)?;
    let engine = context.engine(&variants, args.patience.patience)?.agreeing_to(args.waivers.into());
    // What becomes of one variant says nothing of the other's image.
    let (ended, unread) = variants
        .each(async |product| {
            let before = context.ledger().records(&product.variant()).await?.len();
            let end = carry_out_all(&context, product, &engine, args, extent).await;
            let shipped = if global.ci.is_some() { shipped(&context, product, before).await } else { Ok(None) };
            let stopped = match &end {
                Err(failure) if global.ci.is_some() => Some(stopped(&context, product, failure).await),
                _ => None,
            };
            Ok((end, shipped, stopped))
        })
        .await;
    let (mut failures, mut made) = (Vec::new(), Made::default());
    for (end, shipped, stopped) in ended {
        failures.extend(end.err());
        made.stopped.extend(stopped);
        match shipped {
            Ok(shipped) => made.shipped.extend(shipped),
            Err(unread) => failures.push(unread),
        }
    }
    Ok((Failure::all(failures.into_iter().chain(unread.err()).collect()), made))
}

/// Returns the release that was made or taken further since the variant's chain had so many records.
async fn shipped(context: &Context, product: &Product, before: usize) -> Result<Option<Shipped>, Failure> {
    let variant = product.variant();
    let records = context.ledger().records(&variant).await?;
    let Some(last) = records.get(before..).and_then(<[Record]>::last) else { return Ok(None) };
    let submitted = records.iter().rev().filter(|record| record.version == last.version).find_map(|record| match &record.event {
        Event::Submitted { change_set, .. } => Some(change_set.clone()),
        _ => None,
    });
    Ok(history(&records).remove(&last.version).map(|released| Shipped { variant, released, change_set: submitted }))
}

/// Says what stopped a variant, and at which version its last run was.
async fn stopped(context: &Context, product: &Product, failure: &Failure) -> Stopped {
    let variant = product.variant();
    // What can't be read here has failed the command already.
    let runs = engine::runs(context.ledger(), &variant, jiff::Timestamp::now()).await.unwrap_or_default();
    Stopped { version: runs.last().map(|run| run.version.clone()), variant, why: ci::told(failure) }
}

/// Carries out what is left to do for one variant.
///
/// # Errors
///
/// As [`ship`].
pub async fn carry_out_all(context: &Context, product: &Product, engine: &Engine, args: &ShipArgs, extent: Extent) -> Result<(), Failure> {
    let mut request = Request::from(&args.version);
    let mut rounds = Rounds::default();
    // A run that was left is finished first; what the manifest wants beyond it is planned after.
    loop {
        engine.may_begin()?;
        if matches!(extent, Extent::Only(stage) if stage != Stage::Bake) {
            refuse_unbaked(engine, product).await?;
        }
        let next = engine::next(engine, product, &request).await?;
        let plan = next.plan().clone();
        let is_first = rounds.is_first();
        if !rounds.take(&next)? {
            if is_first {
                context.ui.say(describe(&next, extent).trim_end());
            }
            if matches!(extent, Extent::Whole | Extent::Only(Stage::List)) {
                refuse_standing(engine, product, &plan.version).await?;
            }
            break;
        }
        if let (Next::Continue { journal, .. }, Extent::Only(Stage::Bake)) = (&next, extent) {
            refuse_for_bake(product, journal, &plan, &request)?;
        }
        let bakes = plan.steps.iter().any(|planned| matches!(planned.step, Step::Bake { .. }) && extent.takes(&planned.step));
        if bakes && matches!(next, Next::Begin { .. }) && !args.advisories_later {
            engine::refuse_lacking_advisories(engine, product, plan.base()).await?;
        }
        let goes_on = matches!(next, Next::Continue { .. });
        let end = carry_out_next(context, product, engine, &rounds.approval(&args.approval, &plan), next, extent).await;
        rounds.end(&plan, end, &context.ui)?;
        if extent != Extent::Whole {
            break;
        }
        // A wish is had once a version was released as wished for; until then it is for what comes next. So is a bump
        // given anew to a run that went on: what has changed since is released by it.
        if plan.releases() && request.version.as_ref().is_none_or(|wanted| *wanted == plan.version) {
            request = Request { bump: request.bump.filter(|_| goes_on), ..Request::default() };
        }
    }
    Ok(())
}

/// Refuses a stage that needs an image where there is none, whatever a bake would lack.
async fn refuse_unbaked(engine: &Engine, product: &Product) -> Result<(), Failure> {
    let variant = product.variant();
    if !engine.ledger.open_runs(&variant).await?.is_empty() || !history(&engine.ledger.records(&variant).await?).is_empty() {
        return Ok(());
    }
    Err(EngineError::NotReady { what: format!("nothing is baked of {variant}"), next: format!("bakehouse bake {}", product.slug) }.into())
}

/// Refuses to take a run that is under way for the bake that was asked for: `ship` finishes it and goes on to that.
fn refuse_for_bake(product: &Product, journal: &Journal, plan: &Plan, request: &Request) -> Result<(), Failure> {
    let is_sealed = journal.was_done("release.record");
    let is_another = request.version.as_ref().is_some_and(|wanted| *wanted != plan.version);
    if !is_another && !(is_sealed && (request.bump.is_some() || request.rebuild)) {
        return Ok(());
    }
    let state = if is_sealed { "is sealed and has to be distributed and listed" } else { "is under way" };
    Err(Failure::other(
        format!("run {} of {} {} {state} first, so that nothing else is baked", journal.run(), plan.variant, plan.version),
        format!("bakehouse ship {} finishes it", product.slug),
    ))
}

/// Tells whether a step starts an instance.
pub fn takes_machine(step: &Step) -> bool {
    matches!(step, Step::Bake { .. } | Step::Boot | Step::MeasureBase { .. })
}

/// Shows what is next, has it approved and carries it out.
///
/// # Errors
///
/// As [`ship`].
pub async fn carry_out_next(
    context: &Context,
    product: &Product,
    engine: &Engine,
    approval: &Approval,
    next: Next,
    extent: Extent,
) -> Result<(), Failure> {
    context.ui.say(describe(&next, extent).trim_end());
    approve(context, approval, next.plan(), extent).await?;
    if next.plan().steps.iter().any(|planned| takes_machine(&planned.step)) {
        context.expect_machines()?;
    }
    let carried_out = engine::carry_out(engine, product, next, extent).await;
    context.ui.end_group();
    Ok(carried_out?)
}

/// A listing that stands refused is no success, however little is left to do.
async fn refuse_standing(engine: &Engine, product: &Product, version: &Version) -> Result<(), Failure> {
    let records = engine.ledger.records(&product.variant()).await?;
    match history(&records).get(version).and_then(|released| engine::standing_refusal(product, released)) {
        Some(refused) => Err(refused.into()),
        None => Ok(()),
    }
}

/// Asks before steps that can't be undone, unless they were approved.
async fn approve(context: &Context, approval: &Approval, plan: &Plan, extent: Extent) -> Result<(), Failure> {
    let irreversible = plan.has_irreversible_step() && matches!(extent, Extent::Whole | Extent::Only(Stage::List));
    if !irreversible || approval.covers(&plan.digest()) {
        return Ok(());
    }
    if approval.approve.is_empty() {
        // A plan of a listing that nothing was released of has no version to name.
        let released = plan.version != Version::UNRELEASED;
        let (ui, word) = (context.ui.clone(), if released { plan.version.to_string() } else { plan.variant.product.to_string() });
        // On a thread of its own: whoever is asked can still be interrupted.
        let answer = tokio::task::spawn_blocking(move || ui.confirm("Steps of this plan can't be undone.", &word)).await;
        if matches!(answer, Ok(Ok(true))) {
            return Ok(());
        }
    }
    Err(Failure::NotApproved { plan: plan.digest() })
}
