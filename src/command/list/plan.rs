//! `bakehouse list plan [PRODUCT…]`: what the listings lack, as a diff; `list apply`: that, carried out.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::{Format, Global, Patience};
use crate::command::changes;
use crate::command::context::Context;
use crate::command::plan::{describe, json};
use crate::command::rounds::Rounds;
use crate::command::selection::Selection;
use crate::command::ship::{Approval, carry_out_next};
use crate::engine::{self, Engine, EngineError, Extent, Next, Stage};
use crate::failure::{Failure, with_causes};
use crate::model::digest::Digest;
use crate::model::plan::Plan;
use crate::model::product::Product;
use crate::plan::Request;
use crate::ui;

/// The most bytes that a saved plan is read of.
const LARGEST_PLAN_BYTES: u64 = 16 << 20;

/// Arguments of `list plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The products, or variants of them [default: all of the workspace that are listed]
    #[arg(value_name = "PRODUCT")]
    pub products: Vec<Selection>,
    /// How to write the plans
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Save the plans, for `list apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `list apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The product, a variant of it, or a file of plans that `list plan --out` saved
    #[arg(value_name = "PRODUCT|FILE")]
    pub what: What,
    /// Whether irreversible steps are approved.
    #[command(flatten)]
    pub approval: Approval,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// What is applied.
#[derive(Debug, Clone)]
pub enum What {
    /// What a product's manifest says.
    Product(Selection),
    /// Plans that were saved.
    File(PathBuf),
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No product's name has a slash, and of its dots the one before the architecture alone.
        if text.contains(['/', '\\']) || text.ends_with(".json") || Path::new(text).is_file() {
            return Ok(Self::File(text.into()));
        }
        text.parse().map(Self::Product).map_err(|error: crate::model::ids::InvalidId| error.to_string())
    }
}

/// Plans as they are saved.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    /// Of the plans, so that what is applied is what was planned and looked at.
    digest: Digest,
    plans: Vec<Plan>,
}

impl Saved {
    fn digest_of(plans: &[Plan]) -> Digest {
        Digest::of(serde_json::to_vec(plans).expect("plans are plain data"))
    }
}

/// Plans and prints; saves if asked to. The target is only read.
///
/// # Errors
///
/// When ledger or AWS can't be read, or a product has no plan; the others are planned all the same.
pub async fn plan(global: &Global, args: &PlanArgs) -> Result<(), Failure> {
    args.out.as_deref().map(refuse_foreign).transpose()?;
    let context = Context::open(global).await?;
    let (products, mut failures) = chosen(&context, &args.products).await?;
    let engine = context.follower(std::time::Duration::ZERO);
    let (mut plans, mut texts, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    for (product, planned) in products.iter().zip(engine.plan_listings(&products.iter().collect::<Vec<_>>()).await?) {
        match planned {
            Ok(planned) => {
                let first = First::find(&context, product, &planned).await;
                texts.push(text(&planned, &first));
                documents.push(document(&planned, &first));
                plans.push(first.next().map_or(planned.plan, |next| next.plan().clone()));
            }
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    match args.format {
        Format::Text => ui::print(&texts.join("\n")),
        Format::Json => ui::print(&ui::document(&documents)),
    }
    if let Some(file) = &args.out {
        save(file, plans)?;
        context.ui.say(&format!("saved: bakehouse list apply {}", file.display()));
    }
    Failure::all(failures)
}

/// What `list apply` does before what the listing lacks: a run with a part in the listing that has not ended goes on.
enum First {
    /// Nothing, or nothing that it could do.
    Nothing,
    /// What goes on.
    Step(Box<Next>),
    /// It can't be told; why, and what that means for the plan.
    Untold(String),
}

impl First {
    async fn find(context: &Context, product: &Product, planned: &engine::ListingPlan) -> Self {
        let Some(open) = &planned.open else { return Self::Nothing };
        // One that has sealed nothing yet goes on by `ship` alone.
        if open.plan().is_some_and(|(plan, _)| plan.releases()) && !open.was_done("release.record") {
            return Self::Nothing;
        }
        match Self::next_of(context, product).await {
            Ok(next) => Self::Step(Box::new(next)),
            // What the listing lacks is told all the same.
            Err(failure) => Self::Untold(format!(
                "what run {run} of {variant} does first can't be told: {why}; shown is what the listing lacks beside it, and \
                 `bakehouse list apply` ends that run before it changes anything else",
                run = open.run(),
                variant = planned.plan.variant,
                why = with_causes(&failure),
            )),
        }
    }

    async fn next_of(context: &Context, product: &Product) -> Result<Next, Failure> {
        let variants = context.variants(&product.slug.clone().into())?;
        let engine = context.engine(&variants, std::time::Duration::ZERO)?;
        Ok(engine::next(&engine, product, &Request { listing: true, ..Request::default() }).await?)
    }

    fn next(&self) -> Option<&Next> {
        match self {
            Self::Step(next) => Some(next),
            Self::Nothing | Self::Untold(_) => None,
        }
    }

    fn warning(&self) -> Option<&str> {
        match self {
            Self::Untold(why) => Some(why),
            Self::Nothing | Self::Step(_) => None,
        }
    }
}

/// Carries out what a manifest says of its listing, or plans that were saved.
///
/// # Errors
///
/// As `ship`; when the live listing has moved since a plan was saved.
pub async fn apply(global: &Global, args: &ApplyArgs) -> Result<(), Failure> {
    match &args.what {
        What::Product(selection) => apply_product(global, selection, args).await,
        What::File(file) => apply_file(global, file, args).await,
    }
}

async fn apply_product(global: &Global, selection: &Selection, args: &ApplyArgs) -> Result<(), Failure> {
    let context = Context::open_for(global, selection).await?;
    let _target = context.state_target();
    let variants = context.variants(selection)?;
    let engine = going_on(context.engine(&variants, args.patience.patience)?, format!("bakehouse list apply {selection}"));
    let (_, end) = variants.each(async |product| apply_all(&context, &engine, product, &args.approval).await).await;
    end
}

/// Carries out what is left of a listing, a run that was left first.
async fn apply_all(context: &Context, engine: &Engine, product: &Product, approval: &Approval) -> Result<(), Failure> {
    let request = Request { listing: true, ..Request::default() };
    let mut rounds = Rounds::default();
    loop {
        engine.may_begin()?;
        let next = engine::next(engine, product, &request).await?;
        let (plan, is_first) = (next.plan().clone(), rounds.is_first());
        if !rounds.take(&next)? {
            if is_first {
                context.ui.say(describe(&next, Extent::Only(Stage::List)).trim_end());
            }
            return Ok(());
        }
        let approval = rounds.approval(approval, &plan);
        let end = carry_out_next(context, product, engine, &approval, next, Extent::Only(Stage::List)).await;
        rounds.end(&plan, end, &context.ui)?;
    }
}

/// Carries out the plans of a file; none of them, if one is out of date.
async fn apply_file(global: &Global, file: &Path, args: &ApplyArgs) -> Result<(), Failure> {
    let saved = read(file)?;
    let plans: Vec<&Plan> = saved.plans.iter().filter(|plan| !plan.is_empty()).collect();
    for (carries_out, plan) in [false, true].into_iter().flat_map(|second| plans.iter().map(move |plan| (second, plan))) {
        // One that was looked at alone is looked at again before it begins.
        if carries_out || plans.len() > 1 {
            apply_saved(global, plan, file, args, carries_out).await.map_err(|failure| of_file(failure, file))?;
        }
    }
    Ok(())
}

/// Takes up a saved plan, from where a run of it was left, and carries it out if asked to.
async fn apply_saved(global: &Global, plan: &Plan, file: &Path, args: &ApplyArgs, carries_out: bool) -> Result<(), Failure> {
    let selection = Selection { product: plan.variant.product.clone(), architecture: Some(plan.variant.architecture) };
    let context = Context::open_for(global, &selection).await?;
    let variants = context.variants(&selection)?;
    let go_on = format!("bakehouse list apply {}", file.display());
    let engine = going_on(context.engine(&variants, args.patience.patience)?, go_on);
    if let Some(run) = engine.carried_out(variants.one()?, plan).await? {
        if carries_out {
            engine::settle(&engine, &plan.variant).await?;
            context.ui.say(&format!("nothing to do: the plan of {} in {} was carried out by run {run}", plan.variant, file.display()));
        }
        return Ok(());
    }
    let next = engine.next_saved(variants.one()?, plan).await?;
    if !carries_out {
        return Ok(());
    }
    let _target = context.state_target();
    carry_out_next(&context, variants.one()?, &engine, &args.approval, next, Extent::Whole).await
}

fn of_file(failure: Failure, file: &Path) -> Failure {
    match failure {
        Failure::Engine(moved) if matches!(*moved, EngineError::ListingMoved { .. }) => Failure::other(
            format!("{} is out of date: {moved}", file.display()),
            "look at what has changed: `bakehouse list plan --out` makes a new one",
        ),
        failure => failure,
    }
}

/// Returns the products asked for, each once; without any, all of the workspace, and what is wrong with those that can't be read.
///
/// # Errors
///
/// When one that was asked for can't be read.
pub async fn chosen(context: &Context, selections: &[Selection]) -> Result<(Vec<Product>, Vec<Failure>), Failure> {
    if selections.is_empty() {
        let (products, failures) = chosen_of(context, context.workspace.products()?.into_iter().map(Selection::from).collect()).await?;
        if products.is_empty() && failures.is_empty() {
            context.ui.say("no product of the workspace is listed");
        }
        return Ok((products, failures));
    }
    let (mut products, mut chosen) = (Vec::new(), BTreeSet::new());
    for selection in selections {
        products.extend(context.variants(selection)?.chosen().filter(|product| chosen.insert(product.variant())).cloned());
    }
    Ok((products, Vec::new()))
}

/// Returns those of some products that are listed, and what is wrong with those that can't be read.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn chosen_of(context: &Context, selections: Vec<Selection>) -> Result<(Vec<Product>, Vec<Failure>), Failure> {
    let (mut products, mut failures) = (Vec::new(), Vec::new());
    for selection in selections {
        match context.variants(&selection) {
            Ok(variants) => {
                for product in variants.chosen() {
                    let records = context.ledger().records(&product.variant()).await?;
                    if engine::listing_of(product, &records).is_some() {
                        products.push(product.clone());
                    }
                }
            }
            Err(failure) => failures.push(failure),
        }
    }
    Ok((products, failures))
}

/// Has an engine name another command to go on with.
pub fn going_on(engine: Engine, go_on: String) -> Engine {
    Engine { go_on, ..engine }
}

fn text(planned: &engine::ListingPlan, told: &First) -> String {
    let (plan, first) = (&planned.plan, told.next());
    let mut text = match (&planned.live, plan.is_empty()) {
        _ if let Some(first) = first => describe(first, Extent::Only(Stage::List)),
        (Some(live), true) => {
            let stands = match plan.obstacles.as_slice() {
                [] => format!("{} is as the manifest says\n", live.product.id),
                _ => format!("{}: {}", live.product.id, changes::held_back(plan)),
            };
            format!("{} on {} (account {})\n{stands}", plan.variant, plan.target, plan.account)
        }
        _ => describe(&Next::Begin { plan: plan.clone(), superseded: None, head: None }, Extent::Whole),
    };
    if plan.is_empty() && first.is_none() {
        text.extend(plan.notices.iter().map(|notice| format!("note: {notice}\n")));
    }
    text.extend(planned.under_way.iter().map(|set| format!("note: locked by change set {set}; what is applied waits for its end\n")));
    if let Some(open) = planned.open.as_ref().filter(|_| first.is_none()) {
        text.push_str(&format!("note: run {} has not ended; nothing else begins before it does\n", open.run()));
    }
    text.extend(told.warning().map(|warning| format!("warning: {warning}\n")));
    text
}

fn document(planned: &engine::ListingPlan, first: &First) -> Value {
    let plan = first.next().map_or(&planned.plan, Next::plan);
    let mut document = json(plan);
    // Of a run that goes on, what belongs to the listing is carried out.
    let of_listing = plan.steps.iter().filter(|planned| Extent::Only(Stage::List).takes(&planned.step));
    document["steps"] = of_listing.map(|planned| serde_json::json!(planned)).collect();
    document["under_way"] = planned.under_way.iter().map(|set| serde_json::json!(set)).collect();
    document["warnings"] = first.warning().into_iter().map(Value::from).collect();
    document["unfinished_run"] = planned.open.as_ref().map(|open| open.run().to_string()).into();
    document
}

fn no_file(what: &str, file: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("{} can't be {what}: {error}", file.display()), "mind the file's name and place, then the same command again")
}

/// Refuses to write over what is no saved plan.
fn refuse_foreign(file: &Path) -> Result<(), Failure> {
    let Ok(found) = std::fs::metadata(file) else { return Ok(()) };
    if !found.is_file() || found.len() == 0 {
        return Ok(());
    }
    let is_plan =
        found.len() <= LARGEST_PLAN_BYTES && std::fs::read_to_string(file).is_ok_and(|text| serde_json::from_str::<Saved>(&text).is_ok());
    if is_plan {
        return Ok(());
    }
    Err(Failure::other(
        format!("{} is there and holds no saved plans; nothing was written over it", file.display()),
        "name another file: --out writes over an earlier plan, and nothing else",
    ))
}

fn save(file: &Path, plans: Vec<Plan>) -> Result<(), Failure> {
    let document =
        serde_json::to_string_pretty(&Saved { format: 1, digest: Saved::digest_of(&plans), plans }).expect("plans are plain data") + "\n";
    let is_stream = std::fs::metadata(file).is_ok_and(|found| !found.is_file());
    let written = if is_stream { std::fs::write(file, document) } else { replace(file, &document) };
    written.map_err(|error| no_file("written", file, &error))
}

/// Writes a file beside the one that it then takes the place of, whole or not at all.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    // A link stays, and what it leads to is replaced.
    let place = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let readable_as_any = std::fs::Permissions::from_mode(0o666);
    let mut draft = tempfile::Builder::new().prefix(".bakehouse-").permissions(readable_as_any).tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.persist(&place).map(drop).map_err(|error| error.error)
}

fn read(file: &Path) -> Result<Saved, Failure> {
    let unreadable =
        |why: String| Failure::other(format!("{} holds no plans: {why}", file.display()), "bakehouse list plan --out FILE saves some");
    let metadata = std::fs::metadata(file).map_err(|error| no_file("read", file, &error))?;
    if metadata.len() > LARGEST_PLAN_BYTES {
        return Err(unreadable(format!("it has {} bytes, and {LARGEST_PLAN_BYTES} is the most", metadata.len())));
    }
    let text = std::fs::read_to_string(file).map_err(|error| no_file("read", file, &error))?;
    let saved: Saved = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    match saved.format {
        1 if saved.digest != Saved::digest_of(&saved.plans) => Err(unreadable("it was edited since it was saved".to_owned())),
        1 => Ok(saved),
        other => Err(unreadable(format!("its format is {other}; this bakehouse reads 1"))),
    }
}
