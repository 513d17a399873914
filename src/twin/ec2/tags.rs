//! Tags: given at creation, changed later, described.

use std::collections::BTreeMap;

use crate::twin::error::ApiError;
use crate::twin::state::{RegionState, Tags};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page};
use super::params::{Fields, Params};
use super::xml::Xml;

/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// Takes `TagSpecification.N`: tags for what the operation makes, by kind of resource; only `kinds` are made.
pub(super) fn take_specifications(fields: &mut Fields, kinds: &[&'static str]) -> Result<BTreeMap<&'static str, Tags>, ApiError> {
    let given = fields.each("TagSpecification", |specification| {
        let kind = specification.required("ResourceType")?;
        let Some(kind) = kinds.iter().find(|k| **k == kind) else {
            let text = format!("'{kind}' is not a valid taggable resource type for this operation.");
            return Err(fault::of("InvalidParameterValue", text));
        };
        Ok((*kind, take(specification)?))
    })?;
    let mut tags = BTreeMap::new();
    for (kind, these) in given {
        if tags.insert(kind, these).is_some() {
            return Err(fault::of("InvalidParameterValue", format!("Tag specification resource type '{kind}' is given more than once")));
        }
    }
    Ok(tags)
}

/// Takes `Tag.N.Key` and `Tag.N.Value`.
fn take(fields: &mut Fields) -> Result<Tags, ApiError> {
    let pairs = fields.each("Tag", |tag| Ok((tag.required("Key")?, tag.text("Value").unwrap_or_default())))?;
    let mut tags = Tags::new();
    for (key, value) in pairs {
        check(&key, &value)?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(fault::of("InvalidParameterValue", format!("Duplicate tag key '{key}' specified.")));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(fault::of("InvalidParameterValue", format!("Tag keys starting with 'aws:' are reserved for internal use: {key}")));
    }
    if key.chars().count() > LONGEST_KEY {
        return Err(fault::of("InvalidParameterValue", format!("Tag key exceeds the maximum length of {LONGEST_KEY} characters")));
    }
    if value.chars().count() > LONGEST_VALUE {
        return Err(fault::of("InvalidParameterValue", format!("Tag value exceeds the maximum length of {LONGEST_VALUE} characters")));
    }
    Ok(())
}

fn check_count(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        return Err(fault::of("TagLimitExceeded", format!("The maximum number of tags for a resource is {MOST_TAGS}")));
    }
    Ok(())
}

/// Writes `tagSet`.
pub(super) fn write(xml: &mut Xml, tags: &Tags) {
    xml.list("tagSet", tags, |xml, (key, value)| {
        xml.text("key", key).text("value", value);
    });
}

/// `CreateTags`.
pub(super) fn create(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, tags) = params.read(|p| Ok((resource_ids(p)?, take(p)?)))?;
    if tags.is_empty() {
        return Err(fault::missing("Tag"));
    }
    let account = context.twin.account();
    context.change(|here| {
        for id in &ids {
            let own = owned_tags(here, account.as_str(), id)?;
            let before = own.clone();
            own.extend(tags.clone());
            check_count(own)?;
            here.retagged(id, before, context.twin.windows(), context.now);
        }
        Ok(())
    })?;
    Ok(done())
}

/// `DeleteTags`: by key, or by key and value.
pub(super) fn delete(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, tags) = params.read(|p| {
        let ids = resource_ids(p)?;
        Ok((ids, p.each("Tag", |tag| Ok((tag.required("Key")?, tag.text("Value"))))?))
    })?;
    if let Some((key, _)) = tags.iter().find(|(key, _)| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(fault::of("InvalidParameterValue", format!("Tag keys starting with 'aws:' are reserved for internal use: {key}")));
    }
    let account = context.twin.account();
    context.change(|here| {
        for id in &ids {
            let own = owned_tags(here, account.as_str(), id)?;
            let before = own.clone();
            if tags.is_empty() {
                own.clear();
            }
            own.retain(|key, value| !tags.iter().any(|(k, v)| k == key && v.as_ref().is_none_or(|v| v == value)));
            here.retagged(id, before, context.twin.windows(), context.now);
        }
        Ok(())
    })?;
    Ok(done())
}

/// `DescribeTags`: of one's own things.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (filters, page) = params.read(|p| Ok((Filters::take(p)?, Page::take(p, &[])?)))?;
    context.view(|state, here| {
        let mut rows = Vec::new();
        for (id, kind, tags) in all(here, state.account.as_str()) {
            rows.extend(tags.iter().map(|(key, value)| (format!("{id} {key}"), id, kind, key, value)));
        }
        rows.sort();
        let matching = rows.into_iter().filter(|(_, id, kind, key, value)| {
            let one = Tags::from([((*key).clone(), (*value).clone())]);
            filters.pass(&one, |filter| match filter {
                "resource-id" => vec![(*id).to_owned()],
                "resource-type" => vec![(*kind).to_owned()],
                "key" => vec![(*key).clone()],
                "value" => vec![(*value).clone()],
                _ => vec![],
            })
        });
        let (found, token) = page.cut(matching, |row| row.0.as_str());
        let mut xml = Xml::new();
        xml.list("tagSet", found, |xml, (_, id, kind, key, value)| {
            xml.text("resourceId", id).text("resourceType", kind).text("key", key).text("value", value);
        });
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

/// The answer of operations that have nothing to tell.
pub(super) fn done() -> Xml {
    let mut xml = Xml::new();
    xml.text("return", true);
    xml
}

fn resource_ids(fields: &mut Fields) -> Result<Vec<String>, ApiError> {
    let ids = fields.list("ResourceId")?;
    if ids.is_empty() { Err(fault::missing("ResourceId")) } else { Ok(ids) }
}

fn owned_tags<'h>(here: &'h mut RegionState, account: &str, id: &str) -> Result<&'h mut Tags, ApiError> {
    let unknown = || fault::of("InvalidID", format!("The ID '{id}' is not valid, or the twin has no tags on such things"));
    let kind = fault::Kind::of(id).ok_or_else(unknown)?;
    kind.check(id)?;
    let owner = here.images.get(id).map(|i| &i.owner).or_else(|| here.snapshots.get(id).map(|s| &s.owner));
    if owner.is_some_and(|owner| owner.as_str() != account) {
        return Err(kind.not_found(id));
    }
    here.tags_of(id).ok_or_else(|| kind.not_found(id))
}

fn all<'h>(here: &'h RegionState, account: &'h str) -> impl Iterator<Item = (&'h str, &'static str, &'h Tags)> {
    let images = here.images.values().filter(move |i| i.owner.as_str() == account).map(|i| (i.id.as_str(), "image", &i.tags));
    let snapshots = here.snapshots.values().filter(move |s| s.owner.as_str() == account).map(|s| (s.id.as_str(), "snapshot", &s.tags));
    let instances = here.instances.values().map(|i| (i.id.as_str(), "instance", &i.tags));
    let volumes = here.volumes.values().map(|v| (v.id.as_str(), "volume", &v.tags));
    let groups = here.security_groups.values().map(|g| (g.id.as_str(), "security-group", &g.tags));
    let keys = here.key_pairs.values().map(|k| (k.id.as_str(), "key-pair", &k.tags));
    images.chain(snapshots).chain(instances).chain(volumes).chain(groups).chain(keys)
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;

    #[tokio::test]
    async fn tags_are_set_described_and_deleted() {
        let bench = Bench::new();
        let group = bench.done("CreateSecurityGroup", &[("GroupName", "bake"), ("GroupDescription", "x")]).await.get("groupId");
        let id = ("ResourceId.1", group.as_str());
        bench.done("CreateTags", &[id, ("Tag.1.Key", "a"), ("Tag.1.Value", "1"), ("Tag.2.Key", "b")]).await;
        let rows = bench.done("DescribeTags", &[("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", &group)]).await;
        assert_eq!((rows.all("key").join(" "), rows.get("resourceType")), ("a b".to_owned(), "security-group".to_owned()));
        bench.done("DeleteTags", &[id, ("Tag.1.Key", "a"), ("Tag.1.Value", "2")]).await;
        bench.done("DeleteTags", &[id, ("Tag.1.Key", "b")]).await;
        assert_eq!(bench.done("DescribeTags", &[]).await.all("key"), ["a"], "another value stays");
        assert_eq!(bench.refused("CreateTags", &[id, ("Tag.1.Key", "aws:x")]).await.0, "InvalidParameterValue");
        let keys: Vec<String> = (1..=50).map(|n| format!("Tag.{n}.Key")).collect();
        let many: Vec<(&str, &str)> = std::iter::once(id).chain(keys.iter().map(|key| (key.as_str(), key.as_str()))).collect();
        assert_eq!(bench.refused("CreateTags", &many).await.0, "TagLimitExceeded");
        assert_eq!(bench.refused("CreateTags", &[("ResourceId.1", "i-0123456789abcdef0"), many[1]]).await.0, "InvalidInstanceID.NotFound");
    }
}
