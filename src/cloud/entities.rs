//! Many entities of the Catalog at once: what plans over all products read, within AWS's rates.

use std::collections::BTreeMap;

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

    /// Finds the released public offer of each product that has one: those that are for everybody, or for some countries.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn public_offers(&self, products: &[EntityId]) -> Result<BTreeMap<EntityId, EntityId>, CloudError> {
        self.offers(products, sdk::OfferStateString::Released).await
    }

    /// Finds the public offer of a product that is not released yet, if it has one.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn draft_offer(&self, product: &EntityId) -> Result<Option<EntityId>, CloudError> {
        Ok(self.offers(std::slice::from_ref(product), sdk::OfferStateString::Draft).await?.remove(product))
    }

    async fn offers(&self, products: &[EntityId], state: sdk::OfferStateString) -> Result<BTreeMap<EntityId, EntityId>, CloudError> {
        let region = Region::marketplace();
        let mut offers = BTreeMap::new();
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
                        offers.entry(product).or_insert(offer);
                    }
                }
                next = answer.next_token().map(str::to_owned);
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(offers)
    }
}

fn description(id: &EntityId, detail: &sdk::EntityDetail) -> EntityDescription {
    let (_, revision) = split_revision(detail.entity_identifier().unwrap_or_default());
    let details = detail.details_document().map_or_else(|| "{}".to_owned(), |document| json_of(document).to_string());
    EntityDescription { id: id.clone(), revision, entity_type: detail.entity_type().unwrap_or_default().to_owned(), details }
}
