//! What listings lack, planned over one product or over many: the ledger and the Catalog are all that is read.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::failure::EngineError;
use super::settle::Ending;
use super::ship::{Next, resumable};
use super::survey::live_listings;
use super::witnesses::refuse_unknown_submissions;
use crate::cloud::{ChangeSetFilter, ListedChangeSet, SeveralOffers};
use crate::ledger::{Chain, Hold, Journal, LedgerError, Outcome};
use crate::listing::{self, ChangeSetSummary, Live};
use crate::model::ids::{EntityId, RunId};
use crate::model::listing_set::ListingSet;
use crate::model::plan::{Plan, Planned, Step};
use crate::model::product::Product;
use crate::model::record::{Head, Record};
use crate::plan::{self, Facts, Request};
use crate::release::{history, listed_product};

/// What a product's listing lacks.
#[derive(Debug)]
pub struct ListingPlan {
    /// What there is to do; its steps are of the listing alone.
    pub plan: Plan,
    /// The live listing; none while there is none.
    pub live: Option<Live>,
    /// Change sets that lock the product or its offer until they end, whoever submitted them.
    pub under_way: Vec<ChangeSetSummary>,
    /// A run of the variant that has not ended and has more to do: nothing else begins before it does.
    pub open: Option<Journal>,
    /// Where the ledger lies, and who is at work on the run that has not ended, if somebody is.
    pub(super) held: Option<(String, Box<Hold>)>,
    /// A run that has nothing left to do but to end.
    pub(super) settled: Option<Box<Ending>>,
    /// What the chain ended in.
    pub(super) head: Option<Head>,
}

impl ListingPlan {
    /// Makes it what is next.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotReady`] while a run that is not given up has not ended; [`LedgerError::Held`] while somebody is at work on it.
    pub fn begin(self, superseded: Option<Box<Ending>>) -> Result<Next, EngineError> {
        if let Some(open) = self.open.filter(|open| superseded.as_ref().is_none_or(|ending| ending.journal.run() != open.run())) {
            if let Some((place, hold)) = self.held {
                return Err(LedgerError::Held { place, hold }.into());
            }
            return Err(EngineError::NotReady {
                what: format!("run {} of {} has not ended", open.run(), self.plan.variant),
                next: format!("bakehouse resume {run} finishes it, bakehouse abandon {run} gives it up", run = open.run()),
            });
        }
        Ok(match (self.plan.is_empty(), superseded.or(self.settled)) {
            (true, None) => Next::Nothing { plan: self.plan },
            (_, superseded) => Next::Begin { plan: self.plan, superseded, head: self.head },
        })
    }
}

impl Engine {
    /// Plans what the listings of products lack, in the order of the products. Only reads, in few calls for many.
    ///
    /// # Errors
    ///
    /// When ledger or AWS can't be read; for each product when there is no plan ([`crate::plan::PlanError`]).
    pub async fn plan_listings(&self, products: &[&Product]) -> Result<Vec<Result<ListingPlan, EngineError>>, EngineError> {
        let mut chains = Vec::new();
        for product in products {
            let chain = self.ledger.chain(&product.variant()).await?;
            let entity = listing_of(product, chain.records());
            chains.push((*product, chain, entity));
        }
        let ids: BTreeSet<EntityId> = chains.iter().filter_map(|(_, _, entity)| entity.clone()).collect();
        let reader = self.writer.reader();
        let under_way = if ids.is_empty() { Vec::new() } else { reader.change_sets(&ChangeSetFilter::UnderWay).await? };
        let live = live_listings(reader, &ids.into_iter().collect::<Vec<_>>()).await?;
        let mut plans = Vec::new();
        for (product, chain, entity) in chains {
            plans.push(self.plan_of(product, &chain, entity, &live, &under_way).await);
        }
        Ok(plans)
    }

    /// Plans what the listing of one product lacks, and makes sure that the ledger knows of every submission to it.
    pub(super) async fn plan_listing(&self, product: &Product) -> Result<ListingPlan, EngineError> {
        let chain = self.ledger.chain(&product.variant()).await?;
        if let Some(entity) = listing_of(product, chain.records()) {
            let filter = ChangeSetFilter::On(entity);
            refuse_unknown_submissions(self.writer.reader(), &self.ledger, &product.variant(), &chain, &filter).await?;
        }
        self.plan_listings(&[product]).await?.remove(0)
    }

    async fn plan_of(
        &self,
        product: &Product,
        chain: &Chain,
        entity: Option<EntityId>,
        live: &BTreeMap<EntityId, Result<Live, SeveralOffers>>,
        under_way: &[ListedChangeSet],
    ) -> Result<ListingPlan, EngineError> {
        let found = entity.as_ref().and_then(|entity| live.get(entity)).cloned().transpose()?;
        if let (Some(entity), None) = (&entity, &found) {
            return Err(EngineError::NotReady {
                what: format!("the product {entity} is not in the Marketplace"),
                next: "bakehouse check, after mending listing.product-id".to_owned(),
            });
        }
        let titled = match entity {
            None => self.writer.reader().ami_products_titled(&product.texts.title).await?,
            Some(_) => Vec::new(),
        };
        let facts = Facts {
            target: self.target,
            account: &self.account,
            product,
            records: chain.records(),
            siblings: &[],
            base: None,
            encrypted_regions: &BTreeSet::new(),
            titled: &titled,
            live: found.as_ref(),
            draft: None,
            now: self.clock.now(),
        };
        let mut plan = plan::make(&facts, &Request { listing: true, ..Request::default() }).map_err(EngineError::Plan)?;
        if self.target == "aws" {
            plan.notices.extend(listing::placeholders(product));
        }
        let entities: Vec<&EntityId> = found.iter().flat_map(Live::entities).collect();
        let locks = |set: &&ListedChangeSet| set.entities.iter().any(|entity| entities.contains(&entity));
        let mut told = Vec::new();
        for set in under_way.iter().filter(locks) {
            told.extend(self.writer.reader().change_set(&set.id).await?.as_ref().map(ChangeSetSummary::from));
        }
        let open = self.unfinished(product).await?;
        let settled = open.as_ref().and_then(|open| Ending::settled(open, chain.records()));
        let open = open.filter(|_| settled.is_none());
        let held = match &open {
            Some(open) => self.ledger.lease(open.variant()).await?.filter(|hold| &hold.run == open.run() && hold.is_live(self.clock.now())),
            None => None,
        };
        let held = held.map(|hold| (self.ledger.place().to_owned(), Box::new(hold)));
        Ok(ListingPlan { plan, live: found, under_way: told, open, held, settled, head: chain.head() })
    }

    /// Makes a plan of change sets that somebody asked for, whatever the manifest says.
    ///
    /// # Errors
    ///
    /// When ledger or AWS can't be read, or a run has not ended.
    pub async fn plan_asked(&self, product: &Product, sets: Vec<ListingSet>) -> Result<ListingPlan, EngineError> {
        let mut planned = self.plan_listing(product).await?;
        let step = |set: ListingSet| Planned {
            irreversible: !set.irreversible.is_empty(),
            step: Step::ChangeListing { set: Box::new(set), asked: true },
            why: "it was asked for".to_owned(),
        };
        planned.plan.steps = sets.into_iter().map(step).collect();
        (planned.plan.notices, planned.plan.obstacles) = (Vec::new(), Vec::new());
        Ok(planned)
    }

    /// Makes a plan that was saved what is next: a run of it that was left goes on, else one begins.
    ///
    /// # Errors
    ///
    /// As [`Engine::plan_saved`] and [`ListingPlan::begin`].
    pub async fn next_saved(&self, product: &Product, saved: &Plan) -> Result<Next, EngineError> {
        let records = self.ledger.records(&product.variant()).await?;
        let goes_on = |open: &Journal| open.plan().is_some_and(|(plan, _)| plan == saved) && Ending::settled(open, &records).is_none();
        match self.unfinished(product).await?.filter(goes_on) {
            Some(open) => Ok(Next::Continue { journal: Box::new(resumable(self, product, open).await?), plan: saved.clone() }),
            None => self.plan_saved(product, saved.clone()).await?.begin(None),
        }
    }

    /// Names the run that has carried out a plan that was saved, if one has.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn carried_out(&self, product: &Product, saved: &Plan) -> Result<Option<RunId>, EngineError> {
        let variant = product.variant();
        let records = self.ledger.records(&variant).await?;
        for run in self.ledger.runs(&variant).await?.into_iter().rev() {
            let journal = self.ledger.journal(&variant, &run).await?;
            let is_done = || journal.outcome() == Some(Outcome::Done) || has_settled(&journal, &records);
            if journal.plan().is_some_and(|(plan, _)| plan == saved) && is_done() {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// Takes up a plan that was saved, if what it changes is as it was then.
    ///
    /// # Errors
    ///
    /// [`EngineError::ListingMoved`]; when it is another account's; when ledger or AWS can't be read.
    pub async fn plan_saved(&self, product: &Product, saved: Plan) -> Result<ListingPlan, EngineError> {
        let refuse = |what: String| EngineError::NotReady { what, next: format!("bakehouse list plan {}", saved.variant) };
        if saved.target != self.target || saved.account != self.account {
            return Err(refuse(format!("the plan is for {} (account {})", saved.target, saved.account)));
        }
        let mut planned = self.plan_listing(product).await?;
        let live = planned.live.iter().flat_map(|live| {
            let offer = live.offer.as_ref().map(|offer| (&offer.id, offer.revision));
            std::iter::once((&live.product.id, live.product.revision)).chain(offer)
        });
        let live: BTreeMap<&EntityId, u64> = live.collect();
        for planned in &saved.steps {
            let Step::ChangeListing { set, .. } = &planned.step else { continue };
            for (entity, planned) in &set.based_on {
                match live.get(entity) {
                    Some(found) if found == planned => {}
                    Some(found) => return Err(EngineError::ListingMoved { entity: entity.clone(), planned: *planned, found: *found }),
                    None => return Err(refuse(format!("{entity}, which the plan changes, is not this product's listing"))),
                }
            }
        }
        if saved.version != planned.plan.version {
            return Err(refuse(format!("the plan is of {}, and {} was released since", saved.version, planned.plan.version)));
        }
        planned.plan = saved;
        Ok(planned)
    }
}

/// Tells whether all of a run's plan is recorded though nobody has ended it.
fn has_settled(journal: &Journal, records: &[Record]) -> bool {
    Ending::settled(journal, records).is_some_and(|ending| ending.outcome == Outcome::Done)
}

/// Names the product at the Marketplace that is a variant's listing, by its manifest or its chain.
pub fn listing_of(product: &Product, records: &[Record]) -> Option<EntityId> {
    product.listing.product_id.clone().or_else(|| listed_product(&history(records)))
}
