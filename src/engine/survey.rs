//! Looking around before planning. Only reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Engine;
use super::failure::{EngineError, MissingBase};
use super::list::refuse_used;
use super::listing::listing_of;
use super::witnesses::{refuse_unknown_submissions, trusted_chain};
use crate::bake;
use crate::cloud::{BaseError, ChangeSetFilter, EntityDescription, InstanceTypeDescription, ListedChangeSet, Reader, SeveralOffers};
use crate::ledger::{Chain, Journal, Ledger};
use crate::listing::{self, AmiProduct, Entity, InvalidEntity, Live, Offer, Wanted};
use crate::model::ids::{AccountId, EntityId, Region};
use crate::model::image::ImageDescription;
use crate::model::plan::{Plan, Step};
use crate::model::product::Product;
use crate::model::record::Head;
use crate::model::version::Version;
use crate::plan::{self, Facts, PlanError, Request, Sibling};

/// What a plan is made of, as it is found.
#[derive(Debug, Clone)]
pub struct Survey {
    chain: Chain,
    siblings: Vec<Sibling>,
    base: Result<ImageDescription, BaseError>,
    encrypted_regions: BTreeSet<Region>,
    titled: Vec<(EntityId, String)>,
    live: Option<Live>,
    /// The draft of its title and the draft's offer.
    draft: Option<Live>,
    /// The product at the Marketplace, as far as there is one: its own, or the one of its title.
    entity: Option<EntityId>,
    /// The change sets on it.
    change_sets: Vec<ListedChangeSet>,
}

/// Looks at the ledger and at AWS. Takes a [`Reader`]: a survey can't change anything.
///
/// # Errors
///
/// When either can't be read, or what AWS tells contradicts the ledger.
pub async fn survey(reader: &Reader, ledger: &Ledger, product: &Product, siblings: Vec<Sibling>) -> Result<Survey, EngineError> {
    let variant = product.variant();
    let chain = trusted_chain(reader, ledger, &variant, &BTreeSet::from([product.build.region.clone()])).await?;
    let build = &product.build.region;
    let base = match reader.base(build, &product.image.base).await {
        // Only a bake needs it.
        base @ (Ok(_) | Err(BaseError::NotFound { .. } | BaseError::NotAnImage { .. })) => base,
        Err(error) => return Err(error.into()),
    };
    let mut encrypted_regions = BTreeSet::new();
    for region in product.distribution.regions.iter().chain([build]) {
        if reader.encrypts_by_default(region).await? {
            encrypted_regions.insert(region.clone());
        }
    }
    let listed = listing_of(product, chain.records());
    let (titled, live) = match &listed {
        None => (reader.ami_products_titled(&product.texts.title).await?, None),
        Some(id) => (Vec::new(), Some(live_listing(reader, id).await?)),
    };
    let entity = listed.or_else(|| titled.first().map(|(id, _)| id.clone()));
    let change_sets = match &entity {
        Some(entity) => refuse_unknown_submissions(reader, ledger, &variant, &chain, &ChangeSetFilter::On(entity.clone())).await?,
        None => Vec::new(),
    };
    let draft = match titled.first() {
        Some((id, visibility)) if visibility == "Draft" => draft(reader, id).await?,
        _ => None,
    };
    Ok(Survey { chain, siblings, base, encrypted_regions, titled, live, draft, entity, change_sets })
}

impl Survey {
    /// Returns the head of the variant's chain.
    pub fn head(&self) -> Option<Head> {
        self.chain.head()
    }

    /// Makes the plan of what was found.
    ///
    /// # Errors
    ///
    /// [`crate::plan::PlanError`].
    pub fn plan(
        &self,
        target: &str,
        account: &AccountId,
        product: &Product,
        request: &Request,
        now: Timestamp,
    ) -> Result<Plan, EngineError> {
        let facts = Facts {
            target,
            account,
            product,
            records: self.chain.records(),
            siblings: &self.siblings,
            base: self.base.as_ref().ok(),
            encrypted_regions: &self.encrypted_regions,
            titled: &self.titled,
            live: self.live.as_ref(),
            draft: self.draft.as_ref(),
            now,
        };
        plan::make(&facts, request).map_err(|error| match (&self.base, error) {
            (Err(source @ BaseError::NotFound { .. }), PlanError::NoBase) => EngineError::NoBase(Box::new(MissingBase {
                variant: product.variant(),
                target: target.to_owned(),
                boot_mode: product.image.boot_mode,
                base: product.image.base.clone(),
                source: source.clone(),
            })),
            (Err(base), PlanError::NoBase) => EngineError::Base(base.clone()),
            (_, error) => EngineError::Plan(error),
        })
    }

    /// Makes sure that nothing stands in a plan's way that is known before it is carried out. Only reads.
    ///
    /// # Errors
    ///
    /// When ledger or AWS can't be read; a submission that the ledger does not know; a title that the listing would not take; an
    /// instance type, or a payload, with which nothing can be baked.
    pub(super) async fn clear(&self, reader: &Reader, ledger: &Ledger, product: &Product, plan: &Plan) -> Result<(), EngineError> {
        if plan.is_empty() {
            return Ok(());
        }
        if self.entity.is_none() {
            // Nothing is known that could be listed by: what this version would be submitted as is looked for by its name.
            let name = listing::change_set_name(&product.slug, &plan.version, listing::FIRST_LISTING);
            refuse_unknown_submissions(reader, ledger, &plan.variant, &self.chain, &ChangeSetFilter::Named(name)).await?;
        }
        self.refuse_used_title(reader, plan).await?;
        let Some(region) = plan.bake_region() else { return Ok(()) };
        // Too much for user data is known now; the nonce has its length.
        bake::payload(product, &"0".repeat(16)).map_err(EngineError::UserData)?;
        check_instance_type(product, reader.instance_type(region, &product.build.instance_type).await?)
    }

    /// Refuses to bake a version that the Marketplace would not take: its title is in use.
    async fn refuse_used_title(&self, reader: &Reader, plan: &Plan) -> Result<(), EngineError> {
        let listed_in = plan.steps.iter().find_map(|planned| match &planned.step {
            Step::AddVersion { product } => Some(product),
            _ => None,
        });
        let (Some(product), Some(live)) = (listed_in.filter(|_| plan.releases()), &self.live) else { return Ok(()) };
        let wanted = Wanted { product, version: &plan.version, image: None };
        refuse_used(reader, &wanted, &live.product.details, self.chain.records(), &self.change_sets).await
    }
}

impl Engine {
    /// Looks at the ledger for the product's other variants, with which it shares its versions.
    pub(super) async fn siblings(&self, product: &Product) -> Result<Vec<Sibling>, EngineError> {
        let mut siblings = Vec::new();
        for sibling in self.variants.iter().filter(|other| other.variant() != product.variant()) {
            let records = self.ledger.records(&sibling.variant()).await?;
            let journal = self.unfinished(sibling).await?;
            let under_way = journal.as_ref().and_then(|journal| journal.plan()).map(|(plan, _)| plan.version.clone());
            siblings.push(Sibling { product: sibling.clone(), records, under_way });
        }
        Ok(siblings)
    }

    /// Lists the versions that the variant's listing has, whoever listed them, as far as their titles tell.
    pub(super) async fn listed_versions(&self, product: &Product) -> Result<Vec<Version>, EngineError> {
        let records = self.ledger.records(&product.variant()).await?;
        let Some(id) = listing_of(product, &records) else { return Ok(Vec::new()) };
        Ok(listing::titled_versions(&live_listing(self.writer.reader(), &id).await?.product.details))
    }

    /// Finds the variant's run that has not ended, if there is one (the newest).
    pub(super) async fn unfinished(&self, product: &Product) -> Result<Option<Journal>, EngineError> {
        Ok(self.ledger.open_runs(&product.variant()).await?.pop())
    }
}

fn check_instance_type(product: &Product, found: Option<InstanceTypeDescription>) -> Result<(), EngineError> {
    let refuse = |reason: String| {
        Err(EngineError::InstanceType { instance_type: product.build.instance_type.clone(), region: product.build.region.clone(), reason })
    };
    let Some(found) = found else { return refuse("is not offered there".to_owned()) };
    if !found.runs(product.image.architecture) {
        let architectures: Vec<String> = found.architectures.into_iter().collect();
        return refuse(format!("runs {}, the image is {}", architectures.join(", "), product.image.architecture));
    }
    if found.hypervisor.as_deref() == Some("xen") {
        return refuse("is not a Nitro instance type; its console can't be followed".to_owned());
    }
    Ok(())
}

/// Reads a product at the Marketplace, with its public offer.
async fn live_listing(reader: &Reader, id: &EntityId) -> Result<Live, EngineError> {
    let found = live_listings(reader, std::slice::from_ref(id)).await?.remove(id).transpose()?;
    found.ok_or_else(|| EngineError::NotReady {
        what: format!("the product {id} is not in the Marketplace"),
        next: "bakehouse check, after mending listing.product-id".to_owned(),
    })
}

/// Reads a product that is a draft, with the offer that goes with it.
async fn draft(reader: &Reader, id: &EntityId) -> Result<Option<Live>, EngineError> {
    let offer = reader.draft_offer(id).await?;
    let mut found = reader.entities(&std::iter::once(id).chain(&offer).cloned().collect::<Vec<_>>()).await?;
    let Some(product) = found.remove(id) else { return Ok(None) };
    let offer = offer.and_then(|offer| found.remove(&offer)).map(|offer| entity(offer, Offer::parse)).transpose()?;
    Ok(Some(Live { product: entity(product, AmiProduct::parse)?, offer }))
}

/// Reads products at the Marketplace, each with its public offer, in few calls; those that there are none of are left out. One
/// that has several offers stands in nobody else's way.
///
/// # Errors
///
/// When AWS can't be read, or what it tells is no product.
pub async fn live_listings(reader: &Reader, ids: &[EntityId]) -> Result<BTreeMap<EntityId, Result<Live, SeveralOffers>>, EngineError> {
    let offers = reader.public_offers(ids).await?;
    let all: Vec<EntityId> = ids.iter().chain(ids.iter().filter_map(|id| offers.of(id).ok().flatten())).cloned().collect();
    let mut found = reader.entities(&all).await?;
    let mut live = BTreeMap::new();
    for id in ids {
        let Some(product) = found.remove(id) else { continue };
        let offer = match offers.of(id) {
            Ok(offer) => offer.and_then(|offer| found.remove(offer)).map(|offer| entity(offer, Offer::parse)).transpose()?,
            Err(several) => {
                live.insert(id.clone(), Err(several));
                continue;
            }
        };
        live.insert(id.clone(), Ok(Live { product: entity(product, AmiProduct::parse)?, offer }));
    }
    Ok(live)
}

fn entity<T>(found: EntityDescription, parse: impl Fn(&str) -> Result<T, InvalidEntity>) -> Result<Entity<T>, EngineError> {
    let details = parse(&found.details).map_err(EngineError::Entity)?;
    Ok(Entity { id: found.id, revision: found.revision.unwrap_or(0), details })
}
