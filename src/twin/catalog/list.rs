//! ListEntities and ListChangeSets: filters, order, pages.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::change_sets::{ChangeSet, time};
use super::entities::{Body, Entity, EntityKind, Offer};
use super::refusal::invalid_request;
use crate::model::digest::Digest;
use crate::model::ids::AccountId;
use crate::twin::error::ApiError;
use crate::twin::state::State;

/// Kinds of entity that AWS lists and the twin has none of.
const FOREIGN_KINDS: &[&str] = &[
    "ContainerProduct",
    "DataProduct",
    "SaaSProduct",
    "MachineLearningProduct",
    "ResaleAuthorization",
    "OfferSet",
    "SubsidiaryAuthorization",
];

/// Answers ListEntities.
pub(super) fn entities(state: &State, request: &Value) -> Result<Value, ApiError> {
    let kind = match request["EntityType"].as_str().unwrap_or_default() {
        "AmiProduct" => EntityKind::AmiProduct,
        "Offer" => EntityKind::Offer,
        foreign if FOREIGN_KINDS.contains(&foreign) => return Ok(json!({ "EntitySummaryList": [] })),
        unknown => return Err(invalid_request(format!("Entity type '{unknown}' is unknown."))),
    };
    if request["OwnershipType"] == "SHARED" {
        return Ok(json!({ "EntitySummaryList": [] }));
    }
    let filters = Filters::of_entities(kind, request)?;
    let mut found: Vec<&Entity> =
        state.catalog.entities.values().filter(|entity| entity.kind() == kind && filters.pass(&columns(entity))).collect();
    let (by, descending) = entity_order(kind, request)?;
    found.sort_by_key(|entity| (columns(entity).get(by).map(Value::to_string), entity.id.clone()));
    if descending {
        found.reverse();
    }
    let (page, next) = page(found, 20, request)?;
    let summaries: Vec<Value> = page.into_iter().map(|entity| entity_summary(&state.account, entity)).collect();
    Ok(listing("EntitySummaryList", summaries, next))
}

/// Answers ListChangeSets: the latest first, unless told otherwise.
pub(super) fn change_sets(state: &State, request: &Value, now: Timestamp) -> Result<Value, ApiError> {
    let filters = request["FilterList"].as_array().map_or(&[][..], Vec::as_slice);
    let mut found = Vec::new();
    for set in state.catalog.change_sets.values() {
        let mut passes = true;
        for filter in filters {
            passes &= set_passes(set, filter, now)?;
        }
        if passes {
            found.push(set);
        }
    }
    let end = |set: &ChangeSet| set.outcome.as_ref().map(|outcome| outcome.at);
    match request["Sort"]["SortBy"].as_str() {
        None | Some("StartTime") => found.sort_by_key(|set| (set.started, set.id.clone())),
        Some("EndTime") => found.sort_by_key(|set| (end(set), set.id.clone())),
        Some(other) => return Err(invalid_request(format!("Change sets can't be sorted by '{other}'."))),
    }
    if request["Sort"]["SortOrder"] != "ASCENDING" {
        found.reverse();
    }
    let (page, next) = page(found, 20, request)?;
    let summaries = page.into_iter().map(|set| set_summary(&state.account, set, now)).collect();
    Ok(listing("ChangeSetSummaryList", summaries, next))
}

fn set_summary(account: &AccountId, set: &ChangeSet, now: Timestamp) -> Value {
    let mut summary = set.summary(account, now);
    let mut ids: Vec<&str> = set.changes.iter().filter_map(|change| change.entity_id()).filter(|id| !id.starts_with('$')).collect();
    ids.sort_unstable();
    ids.dedup();
    summary["EntityIdList"] = json!(ids);
    summary
}

/// Source: Marketplace Catalog API, ListChangeSets, FilterList.
fn set_passes(set: &ChangeSet, filter: &Value, now: Timestamp) -> Result<bool, ApiError> {
    let values: Vec<&str> = filter["ValueList"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let bound = || -> Result<Timestamp, ApiError> {
        let value = values.first().copied().unwrap_or_default();
        value.parse().map_err(|_| invalid_request(format!("'{value}' is no time such as 2026-01-31T23:59:59Z.")))
    };
    let end = set.outcome.as_ref().map(|outcome| outcome.at);
    Ok(match filter["Name"].as_str().unwrap_or_default() {
        "EntityId" => set.changes.iter().filter_map(|change| change.entity_id()).any(|id| values.contains(&id)),
        "ChangeSetName" => set.name.as_deref().is_some_and(|name| values.contains(&name)),
        "Status" => values.contains(&set.status(now).as_str()),
        "BeforeStartTime" => set.started < bound()?,
        "AfterStartTime" => set.started > bound()?,
        "BeforeEndTime" => end.is_some_and(|end| bound().is_ok_and(|bound| end < bound)),
        "AfterEndTime" => end.is_some_and(|end| bound().is_ok_and(|bound| end > bound)),
        other => return Err(invalid_request(format!("Change sets can't be filtered by '{other}'."))),
    })
}

/// What an entity is filtered and sorted by.
fn columns(entity: &Entity) -> Map<String, Value> {
    let mut columns = Map::new();
    let mut put = |name: &str, value: Value| columns.insert(name.to_owned(), value);
    put("EntityId", json!(entity.id));
    put("LastModifiedDate", json!(time(entity.modified())));
    match &entity.body {
        Body::Product(product) => {
            put("ProductTitle", json!(product.information.title));
            put("Visibility", json!(product.visibility.as_str()));
        }
        Body::Offer(offer) => {
            put("Name", json!(offer.name));
            put("ProductId", json!(offer.product));
            put("State", json!(offer.state()));
            put("ReleaseDate", json!(offer.released.map(time)));
            put("Targeting", json!(target(offer)));
            put("BuyerAccounts", Some(offer.targeting.buyer_accounts().join(" ")).filter(|text| !text.is_empty()).into());
            put("AvailabilityEndDate", json!(offer.available_until.map(|day| format!("{day}T23:59:59Z"))));
        }
    }
    columns
}

/// Names what an offer is targeted at.
fn target(offer: &Offer) -> &'static str {
    if offer.is_private() {
        "BuyerAccounts"
    } else if offer.targeting.country_codes().next().is_some() {
        "CountryCodes"
    } else {
        "None"
    }
}

/// All filters of a request: an entity has to pass each.
struct Filters(Vec<(String, Test)>);

enum Test {
    OneOf(Vec<String>),
    Contains(String),
    Between { after: Option<String>, before: Option<String> },
}

impl Filters {
    fn of_entities(kind: EntityKind, request: &Value) -> Result<Self, ApiError> {
        let own = format!("{}Filters", kind.name());
        let mut filters = Vec::new();
        for (family, typed) in request["EntityTypeFilters"].as_object().into_iter().flatten() {
            if *family != own {
                return Err(invalid_request(format!("{family} don't go with entity type '{}'.", kind.name())));
            }
            for (name, filter) in typed.as_object().into_iter().flatten() {
                filters.extend(typed_tests(filter).into_iter().map(|test| (name.clone(), test)));
            }
        }
        for filter in request["FilterList"].as_array().into_iter().flatten() {
            let name = filter["Name"].as_str().unwrap_or_default();
            let known: &[&str] = match kind {
                EntityKind::AmiProduct => &["EntityId", "ProductTitle", "Visibility"],
                EntityKind::Offer => &["EntityId", "Name", "ProductId", "State", "Targeting"],
            };
            if !known.contains(&name) {
                return Err(invalid_request(format!("Entities of type '{}' can't be filtered by '{name}'.", kind.name())));
            }
            filters.push((name.to_owned(), Test::OneOf(strings(&filter["ValueList"]))));
        }
        Ok(Self(filters))
    }

    fn pass(&self, columns: &Map<String, Value>) -> bool {
        self.0.iter().all(|(name, test)| {
            let Some(value) = columns.get(name).and_then(Value::as_str) else { return false };
            match test {
                Test::OneOf(values) => values.iter().any(|wanted| wanted == value),
                Test::Contains(part) => value.to_lowercase().contains(&part.to_lowercase()),
                // Both are written alike, so that their order is that of the times.
                Test::Between { after, before } => {
                    after.as_deref().is_none_or(|after| value > after) && before.as_deref().is_none_or(|before| value < before)
                }
            }
        })
    }
}

fn typed_tests(filter: &Value) -> Vec<Test> {
    let owned = |value: &Value| value.as_str().map(str::to_owned);
    let mut tests = Vec::new();
    if filter.get("ValueList").is_some() {
        tests.push(Test::OneOf(strings(&filter["ValueList"])));
    }
    tests.extend(owned(&filter["WildCardValue"]).map(Test::Contains));
    if let Some(range) = filter.get("DateRange") {
        tests.push(Test::Between { after: owned(&range["AfterValue"]), before: owned(&range["BeforeValue"]) });
    }
    tests
}

fn strings(json: &Value) -> Vec<String> {
    json.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns the column to sort by and whether the order is descending: the latest first by default.
fn entity_order(kind: EntityKind, request: &Value) -> Result<(&str, bool), ApiError> {
    let own = format!("{}Sort", kind.name());
    let typed = &request["EntityTypeSort"];
    if let Some(foreign) = typed.as_object().into_iter().flatten().map(|(name, _)| name).find(|name| **name != own) {
        return Err(invalid_request(format!("{foreign} doesn't go with entity type '{}'.", kind.name())));
    }
    let sort = if typed.get(&own).is_some() { &typed[&own] } else { &request["Sort"] };
    let by = sort["SortBy"].as_str().unwrap_or("LastModifiedDate");
    let known = columns(&Entity::new(
        String::new(),
        match kind {
            EntityKind::AmiProduct => Body::Product(Box::default()),
            EntityKind::Offer => Body::Offer(Box::default()),
        },
    ));
    if !known.contains_key(by) {
        return Err(invalid_request(format!("Entities of type '{}' can't be sorted by '{by}'.", kind.name())));
    }
    Ok((by, sort["SortOrder"] != "ASCENDING"))
}

fn entity_summary(account: &AccountId, entity: &Entity) -> Value {
    let mut summary = json!({
        "EntityType": entity.kind().name(),
        "EntityId": entity.id,
        "EntityArn": entity.arn(account),
        "LastModifiedDate": time(entity.modified()),
    });
    let present = |members: &[(&str, Option<String>)]| -> Value {
        members.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!(value.as_ref()?)))).collect::<Map<_, _>>().into()
    };
    let name = match &entity.body {
        Body::Product(product) => {
            let visibility = product.visibility.as_str();
            summary["Visibility"] = json!(visibility);
            let members = [("ProductTitle", product.information.title.clone()), ("Visibility", Some(visibility.to_owned()))];
            summary["AmiProductSummary"] = present(&members);
            &product.information.title
        }
        Body::Offer(offer) => {
            let members = [
                ("Name", offer.name.clone()),
                ("ProductId", Some(offer.product.clone())),
                ("State", Some(offer.state().to_owned())),
                ("ReleaseDate", offer.released.map(time)),
                ("AvailabilityEndDate", offer.available_until.map(|day| format!("{day}T23:59:59Z"))),
                ("CreatedBySource", Some("Seller".to_owned())),
            ];
            summary["OfferSummary"] = present(&members);
            summary["OfferSummary"]["BuyerAccounts"] = json!(offer.targeting.buyer_accounts());
            summary["OfferSummary"]["Targeting"] = json!([target(offer)]);
            &offer.name
        }
    };
    if let Some(name) = name {
        summary["Name"] = json!(name);
    }
    summary
}

fn listing(name: &str, summaries: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = json!({ name: summaries });
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    answer
}

/// Cuts out the page that a request asks for; the token carries the offset, bound to the query.
pub(super) fn page<T>(found: Vec<T>, default: usize, request: &Value) -> Result<(Vec<T>, Option<String>), ApiError> {
    let mut query = request.clone();
    if let Some(members) = query.as_object_mut() {
        members.retain(|name, _| name != "NextToken" && name != "MaxResults");
    }
    let query = Digest::of(query.to_string()).short(16);
    let size = request["MaxResults"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(default);
    let offset = match request["NextToken"].as_str() {
        None => 0,
        Some(token) => token
            .split_once(':')
            .filter(|(of, _)| *of == query)
            .and_then(|(_, offset)| offset.parse::<usize>().ok())
            .ok_or_else(|| invalid_request("The NextToken is not of this request."))?,
    };
    let end = offset.saturating_add(size);
    let next = (end < found.len()).then(|| format!("{query}:{end}"));
    Ok((found.into_iter().skip(offset).take(size).collect(), next))
}
