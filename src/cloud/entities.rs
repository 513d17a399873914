//! Many entities of the Catalog at once: what plans over all products read, within AWS's rates.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_marketplacecatalog::types as sdk;

use super::catalog::{CATALOG, EntityDescription, split_revision};
use super::document::json_of;
use super::session::Reader;
use super::{CloudError, error};
use crate::model::ids::{EntityId, Region};

/// The most entities that one call describes.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_BatchDescribeEntities.html>
const ENTITIES_AT_ONCE: usize = 20;

/// The most products that offers are asked for at once.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_OfferProductIdFilter.html>
const PRODUCTS_AT_ONCE: usize = 10;

/// The released public offers of products.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicOffers(BTreeMap<EntityId, BTreeSet<EntityId>>);

/// A product has several released public offers, where it is to have one: which of them buyers accept can't be told.
///
/// Source: `TOO_MANY_OFFERS` in
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-public-offers.html>
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("AWS lists {} released public offers of {product}, where a product has one: {}", offers.len(), listed(offers))]
pub struct SeveralOffers {
    /// The product.
    pub product: EntityId,
    /// Its offers; at least two.
    pub offers: BTreeSet<EntityId>,
}

impl SeveralOffers {
    /// What to do about it.
    pub const REMEDY: &str = "see in the Management Portal (Offers) which of them buyers accept, and have AWS Marketplace Seller Operations \
                              withdraw the others; until AWS lists one alone, bakehouse changes nothing of this product";
}

fn listed(offers: &BTreeSet<EntityId>) -> String {
    offers.iter().map(EntityId::as_str).collect::<Vec<_>>().join(", ")
}

impl PublicOffers {
    /// Returns a product's offer, if it has one.
    ///
    /// # Errors
    ///
    /// [`SeveralOffers`]: taking any of them could change the wrong one.
    pub fn of(&self, product: &EntityId) -> Result<Option<&EntityId>, SeveralOffers> {
        match self.0.get(product) {
            Some(offers) if offers.len() > 1 => Err(SeveralOffers { product: product.clone(), offers: offers.clone() }),
            offers => Ok(offers.and_then(|offers| offers.first())),
        }
    }

    /// Returns all of them, of all products, for whoever only looks.
    pub fn all(&self) -> impl Iterator<Item = &EntityId> {
        self.0.values().flatten()
    }
}

impl Reader {
    /// Reads entities, twenty with a call; those that there are none of are left out.
    ///
    /// # Errors
    ///
    /// [`CloudError`], also when AWS can't describe one of them.
    pub async fn entities(&self, ids: &[EntityId]) -> Result<BTreeMap<EntityId, EntityDescription>, CloudError> {
        let region = Region::marketplace();
        let mut found = BTreeMap::new();
        for ids in ids.chunks(ENTITIES_AT_ONCE) {
            let requests = ids.iter().map(|id| sdk::EntityRequest::builder().catalog(CATALOG).entity_id(id.as_str()).build());
            let requests = requests
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| CloudError::incomplete("BatchDescribeEntities", &region, e.to_string()))?;
            let call = self.clients(&region).catalog.batch_describe_entities().set_entity_request_list(Some(requests));
            let answer = call.send().await.map_err(error::of("BatchDescribeEntities", &region))?;
            for id in ids {
                let (details, refused) = (answer.entity_details(), answer.errors());
                if let Some(detail) = details.and_then(|details| details.get(id.as_str())) {
                    found.insert(id.clone(), description(id, detail));
                    continue;
                }
                let refused = refused.and_then(|refused| refused.get(id.as_str()));
                let code = refused.and_then(|refused| refused.error_code()).unwrap_or_default();
                if !code.starts_with("ResourceNotFound") {
                    let words = refused.and_then(|refused| refused.error_message()).unwrap_or("the answer does not name it");
                    return Err(CloudError::incomplete(
                        "BatchDescribeEntities",
                        &region,
                        format!("{id}: {words} {code}").trim_end().to_owned(),
                    ));
                }
            }
        }
        Ok(found)
    }

    /// Finds the released public offers of products: those that are for everybody, or for some countries.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn public_offers(&self, products: &[EntityId]) -> Result<PublicOffers, CloudError> {
        self.offers(products, sdk::OfferStateString::Released).await
    }

    /// Finds the public offer of a product that is not released yet, if it has one; of several drafts the first by its id.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn draft_offer(&self, product: &EntityId) -> Result<Option<EntityId>, CloudError> {
        let mut drafts = self.offers(std::slice::from_ref(product), sdk::OfferStateString::Draft).await?;
        Ok(drafts.0.remove(product).and_then(|offers| offers.into_iter().next()))
    }

    async fn offers(&self, products: &[EntityId], state: sdk::OfferStateString) -> Result<PublicOffers, CloudError> {
        let region = Region::marketplace();
        let mut offers: BTreeMap<EntityId, BTreeSet<EntityId>> = BTreeMap::new();
        for products in products.chunks(PRODUCTS_AT_ONCE) {
            let of_products = products.iter().fold(sdk::OfferProductIdFilter::builder(), |filter, id| filter.value_list(id.as_str()));
            let in_state = sdk::OfferStateFilter::builder().value_list(state.clone()).build();
            let public = sdk::OfferTargetingFilter::builder()
                .value_list(sdk::OfferTargetingString::None)
                .value_list(sdk::OfferTargetingString::CountryCodes)
                .build();
            let filters = sdk::OfferFilters::builder().product_id(of_products.build()).state(in_state).targeting(public).build();
            let mut next = None;
            loop {
                let call = self.clients(&region).catalog.list_entities().catalog(CATALOG).entity_type("Offer");
                let call = call.entity_type_filters(sdk::EntityTypeFilters::OfferFilters(filters.clone())).set_next_token(next);
                let answer = call.send().await.map_err(error::of("ListEntities", &region))?;
                for entity in answer.entity_summary_list() {
                    let product = entity.offer_summary().and_then(|summary| summary.product_id()?.parse().ok());
                    let offer = entity.entity_id().and_then(|id| split_revision(id).0.parse().ok());
                    if let (Some(product), Some(offer)) = (product, offer) {
                        offers.entry(product).or_default().insert(offer);
                    }
                }
                next = answer.next_token().map(str::to_owned);
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(PublicOffers(offers))
    }
}

fn description(id: &EntityId, detail: &sdk::EntityDetail) -> EntityDescription {
    let (_, revision) = split_revision(detail.entity_identifier().unwrap_or_default());
    let details = detail.details_document().map_or_else(|| "{}".to_owned(), |document| json_of(document).to_string());
    EntityDescription { id: id.clone(), revision, entity_type: detail.entity_type().unwrap_or_default().to_owned(), details }
}
