//! `bakehouse list restrict`: takes versions off sale; `list visibility`: says who sees a product.

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::plan::going_on;
use crate::cli::{Global, Patience};
use crate::command::context::Context;
use crate::command::selection::{Selection, Variants};
use crate::command::ship::{Approval, carry_out_next};
use crate::engine::{Engine, Extent, ListingPlan};
use crate::failure::Failure;
use crate::listing::Entity;
use crate::listing::retention::{self, OnSale, Retention, Stay};
use crate::listing::{AmiProduct, change_visibility};
use crate::model::change_set::product::TargetVisibility;
use crate::model::count::counted;
use crate::model::ids::EntityId;
use crate::model::listing_set::ListingSet;
use crate::model::product::Product;

/// Arguments of `list restrict`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub struct RestrictArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// The versions, as their titles on the Marketplace say
    #[arg(group = "which", value_name = "VERSION")]
    pub versions: Vec<String>,
    /// Restrict all but the versions of the newest N major ones
    #[arg(long, value_name = "N", group = "which", conflicts_with = "versions", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep_majors: Option<u16>,
    /// Restrict all but the newest N minor versions of each major one
    #[arg(long, value_name = "N", group = "which", conflicts_with = "versions", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep_minors: Option<u16>,
    /// Restrict all but the newest N patches of each minor version
    #[arg(long, value_name = "N", group = "which", conflicts_with = "versions", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep_patches: Option<u16>,
    /// How long a version stays after the one that took its place came, and after it came itself
    #[arg(long, value_name = "TIME", value_parser = crate::cli::parse_duration, default_value = "90d")]
    pub grace: std::time::Duration,
    /// Show what would be restricted; submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Whether it is approved: it can't be undone.
    #[command(flatten)]
    pub approval: Approval,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// Arguments of `list visibility`.
#[derive(Debug, Args)]
pub struct VisibilityArgs {
    /// The product, or a variant of it: hello-web, hello-web.arm64
    pub product: Selection,
    /// Who is to see it
    #[arg(value_enum)]
    pub visibility: Target,
    /// The product that buyers of a restricted one are pointed to
    #[arg(long, value_name = "PRODUCT-ID")]
    pub replacement: Option<EntityId>,
    /// Whether it is approved.
    #[command(flatten)]
    pub approval: Approval,
    /// How long to follow.
    #[command(flatten)]
    pub patience: Patience,
}

/// Who is to see a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Everybody
    Public,
    /// The accounts that the manifest names
    Limited,
    /// Nobody new; who has it keeps it
    Restricted,
}

impl From<Target> for TargetVisibility {
    fn from(target: Target) -> Self {
        match target {
            Target::Public => Self::Public,
            Target::Limited => Self::Limited,
            Target::Restricted => Self::Restricted,
        }
    }
}

/// Takes versions off sale.
///
/// # Errors
///
/// When one isn't on sale or is the newest; as `ship`.
pub async fn restrict(global: &Global, args: &RestrictArgs) -> Result<(), Failure> {
    let make = |live: &Entity<AmiProduct>, now: Timestamp| {
        let versions = retention::on_sale(&live.details);
        let (chosen, told) = if args.versions.is_empty() {
            (retention::outdated(&versions, &rule(args), now), staying(&versions, &rule(args), now))
        } else {
            (retention::named(&versions, &args.versions).map_err(|error| refused(&args.product, error.to_string()))?, Vec::new())
        };
        if chosen.is_empty() {
            return Ok(Asked { sets: Vec::new(), told });
        }
        let sets = retention::restrict(live, &chosen).map_err(|error| refused(&args.product, error.to_string()))?;
        Ok(Asked { sets, told })
    };
    asked(global, &args.product, &args.approval, &args.patience, How { dry_run: args.dry_run, replacement: None }, make).await
}

/// Says who sees a product.
///
/// # Errors
///
/// When it is so already, or AWS takes no such step; as `ship`.
pub async fn visibility(global: &Global, args: &VisibilityArgs) -> Result<(), Failure> {
    let make = |live: &Entity<AmiProduct>, _: Timestamp| {
        let set = change_visibility(live, args.visibility.into(), args.replacement.clone());
        set.map(|set| Asked { sets: vec![set], told: Vec::new() }).map_err(|error| refused(&args.product, error.to_string()))
    };
    let how = How { dry_run: false, replacement: args.replacement.as_ref() };
    asked(global, &args.product, &args.approval, &args.patience, how, make).await
}

/// What somebody asks for, and what is to be known of it.
struct Asked {
    sets: Vec<ListingSet>,
    told: Vec<String>,
}

/// Says of each version that stays on sale why, or until when.
fn staying(versions: &[OnSale], rule: &Retention, now: jiff::Timestamp) -> Vec<String> {
    let line = |(version, stay): (&OnSale, Stay)| match stay {
        Stay::Kept => Some(format!("{} is kept", version.title)),
        Stay::Until(Some(until)) if until <= now => None,
        Stay::Until(Some(until)) => {
            Some(format!("{} is not kept, and stays until its grace ends on {}", version.title, until.strftime("%Y-%m-%d")))
        }
        Stay::Until(None) => Some(format!("{} is not kept, and stays: AWS does not tell when it or the next one came", version.title)),
    };
    retention::judge(versions, rule).into_iter().filter_map(line).collect()
}

fn rule(args: &RestrictArgs) -> Retention {
    Retention {
        majors: args.keep_majors.map(usize::from),
        minors: args.keep_minors.map(usize::from),
        patches: args.keep_patches.map(usize::from),
        grace: SignedDuration::try_from(args.grace).unwrap_or(SignedDuration::MAX),
    }
}

fn refused(product: &Selection, what: String) -> Failure {
    Failure::other(what, format!("bakehouse list watch {product} shows how the listing stands; nothing was submitted"))
}

/// How change sets are carried out.
struct How<'a> {
    /// Whether they are shown alone.
    dry_run: bool,
    /// A product that must be there.
    replacement: Option<&'a EntityId>,
}

/// Carries out change sets that somebody asked for, made from what is live.
async fn asked(
    global: &Global,
    selection: &Selection,
    approval: &Approval,
    patience: &Patience,
    How { dry_run, replacement }: How<'_>,
    make: impl Fn(&Entity<AmiProduct>, Timestamp) -> Result<Asked, Failure>,
) -> Result<(), Failure> {
    let context = Context::open_for(global, selection).await?;
    let _target = context.state_target();
    let variants: Variants = context.variants(selection)?;
    if let Some(id) = replacement {
        let found = context.reader().entity(id).await?;
        if found.is_none_or(|found| !found.entity_type.starts_with("AmiProduct")) {
            return Err(refused(selection, format!("the replacement {id} is no AMI product that this account can see")));
        }
    }
    let engine = going_on(context.engine(&variants, patience.patience)?, format!("bakehouse resume {selection}"));
    let (_, end) = variants
        .each(async |product| {
            let planned = plan(&context, &engine, product, &make).await?;
            let Some(planned) = planned else { return Ok(()) };
            if dry_run {
                let shown = crate::engine::Next::Begin { plan: planned.plan, superseded: None, head: None };
                crate::ui::print(&crate::command::plan::describe(&shown, Extent::Whole));
                return Ok(());
            }
            carry_out_next(&context, product, &engine, approval, planned.begin(None)?, Extent::Whole).await
        })
        .await;
    end
}

async fn plan(
    context: &Context,
    engine: &Engine,
    product: &Product,
    make: &impl Fn(&Entity<AmiProduct>, Timestamp) -> Result<Asked, Failure>,
) -> Result<Option<ListingPlan>, Failure> {
    let found = engine.plan_listings(&[product]).await?.remove(0)?;
    let Some(live) = &found.live else {
        let variant = product.variant();
        return Err(Failure::other(format!("{variant} is not listed"), format!("bakehouse ship {variant} lists it")));
    };
    let Asked { sets, told } = make(&live.product, engine.clock.now()).inspect_err(|_| {
        // What is under way may be why.
        found.under_way.iter().for_each(|set| context.ui.say(&format!("under way, and not in what is live yet: change set {set}")));
    })?;
    told.iter().for_each(|line| context.ui.say(line));
    if sets.is_empty() {
        context.ui.say(&format!("nothing to restrict: {} stays as it is", product.variant()));
        return Ok(None);
    }
    context.ui.say(&counted(sets.len(), "change set"));
    Ok(Some(engine.plan_asked(product, sets).await?))
}
