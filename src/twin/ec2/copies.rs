//! Copies of images and snapshots, from any Region to the request's.

use std::collections::BTreeSet;

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::state::{ClientToken, Image, RegionState, Snapshot, State, Tags};

use super::context::{Context, here, here_mut};
use super::fault;
use super::images;
use super::params::{Fields, Params};
use super::regions;
use super::snapshots::{self, later};
use super::tags;
use super::xml::Xml;

struct Input {
    source: String,
    from: Region,
    name: String,
    description: Option<String>,
    encrypted: Option<bool>,
    copy_tags: bool,
    image_tags: Tags,
    snapshot_tags: Tags,
    token: Option<String>,
}

/// `CopyImage`: permissions are not copied.
pub(super) async fn image(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let digest = params.digest();
    let input = params.read(take)?;
    regions::check(&input.from)?;
    if let Some(description) = &input.description {
        images::check_description(description)?;
    }
    let used = |here: &RegionState| used_token(here, input.token.as_deref(), &digest);
    if let Some(id) = context.look(|_, here| used(here))? {
        return Ok(image_id(&id));
    }
    let source = context.twin.read(|state| check(state, context, &input).cloned())?;
    let mut copies = Vec::new();
    for device in &source.devices {
        let [id] = context.new_ids(["snap-"])?;
        copy_blocks(context, &input.from, &device.snapshot, &id).await?;
        copies.push(id);
    }
    let stored = context.twin.change(|state| {
        // The same request may have come twice at a time.
        if let Some(id) = used(here(state, context.region)?)? {
            return Ok((id, false));
        }
        let id = store(state, context, &input, &copies)?;
        if let Some(token) = &input.token {
            let used = ClientToken { parameters: digest, made: id.clone() };
            here_mut(state, context.region).client_tokens.insert(token.clone(), used);
        }
        Ok::<_, ApiError>((id, true))
    });
    if !matches!(stored, Ok((_, true))) {
        snapshots::forget_blocks(context, copies).await?;
    }
    Ok(image_id(&stored?.0))
}

fn take(p: &mut Fields) -> Result<Input, ApiError> {
    let mut tags = tags::take_specifications(p, &["image", "snapshot"])?;
    Ok(Input {
        source: p.required("SourceImageId")?,
        from: take_region(p)?,
        name: p.required("Name")?,
        description: p.text("Description"),
        encrypted: p.boolean("Encrypted")?,
        copy_tags: p.boolean("CopyImageTags")?.unwrap_or(false),
        image_tags: tags.remove("image").unwrap_or_default(),
        snapshot_tags: tags.remove("snapshot").unwrap_or_default(),
        token: p.text("ClientToken"),
    })
}

fn take_region(p: &mut Fields) -> Result<Region, ApiError> {
    p.required("SourceRegion")?.parse().map_err(|e| fault::invalid_value("SourceRegion", e))
}

/// Returns what a client token has made already; refuses it with other parameters.
pub(super) fn used_token(
    here: &RegionState,
    token: Option<&str>,
    parameters: &crate::model::digest::Digest,
) -> Result<Option<String>, ApiError> {
    match token.and_then(|token| here.client_tokens.get(token)) {
        Some(used) if used.parameters != *parameters => Err(fault::idempotent_mismatch()),
        used => Ok(used.map(|used| used.made.clone())),
    }
}

/// Refuses what can't be copied; returns the source image.
fn check<'s>(state: &'s State, context: &Context<'_>, input: &Input) -> Result<&'s Image, ApiError> {
    fault::IMAGE.check(&input.source)?;
    // A Region that was never used has no images.
    let there = state.regions.get(&input.from).ok_or_else(|| fault::IMAGE.not_found(&input.source))?;
    let source = images::launchable(state, there, &input.source)?;
    images::require_available(source, context.now)?;
    for device in &source.devices {
        // Launching another's image takes no right to its snapshots; copying does.
        if there.snapshots.get(&device.snapshot).is_none_or(|s| !s.is_for(state.account.as_str())) {
            return Err(fault::of("InvalidRequest", "You do not have permission to access the storage of this ami"));
        }
    }
    if !source.product_codes.is_empty() && source.owner != state.account {
        return Err(fault::of("InvalidRequest", format!("The image {} has product codes and can't be copied", source.id)));
    }
    let here = here(state, context.region)?;
    check_copies(state, here, context, source.devices.len())?;
    images::check_name(here, state.account.as_str(), &input.name)?;
    images::check_count(state, here)?;
    Ok(source)
}

fn check_copies(state: &State, here: &RegionState, context: &Context<'_>, more: usize) -> Result<(), ApiError> {
    let most = state.quota(&limits::SNAPSHOT_COPIES);
    let pending = here.snapshots.values().filter(|s| s.copied_from.is_some() && s.state_at(context.now) == "pending").count();
    if pending + more > most {
        let text = format!("Too many snapshot copies in progress. The limit is {most} for this destination region.");
        return Err(fault::of("ResourceLimitExceeded", text));
    }
    Ok(())
}

/// Blocks are shared by all Regions: what is copied is the map that names them.
async fn copy_blocks(context: &Context<'_>, from: &Region, source: &str, made: &str) -> Result<(), ApiError> {
    let (from, to, source, made) = (from.clone(), context.region.clone(), source.to_owned(), made.to_owned());
    context
        .on_disk(move |twin| {
            let map = twin.blocks().map(&from, &source)?;
            twin.blocks().save_map(&to, &made, &map)
        })
        .await
}

/// Checks again, for things may have changed since, and adds image and snapshots in one step.
fn store(state: &mut State, context: &Context<'_>, input: &Input, copies: &[String]) -> Result<String, ApiError> {
    let source = check(state, context, input)?.clone();
    let id = state.new_id("ami-");
    let mut made = Vec::new();
    for (device, copy) in source.devices.iter().zip(copies) {
        let original =
            here(state, &input.from)?.snapshots.get(&device.snapshot).ok_or_else(|| fault::SNAPSHOT.not_found(&device.snapshot))?;
        let description = format!("Copied for DestinationAmi {id} from SourceAmi {} for SourceSnapshot {}.", source.id, original.id);
        made.push(copy_of(state, context, original, copy, input.encrypted, description, input.snapshot_tags.clone())?);
    }
    let mut tags = if input.copy_tags && source.owner == state.account { source.tags.clone() } else { Tags::new() };
    tags.extend(input.image_tags.clone());
    let mut devices = source.devices;
    devices.iter_mut().zip(copies).for_each(|(device, copy)| device.snapshot.clone_from(copy));
    let image = Image {
        id: id.clone(),
        name: input.name.clone(),
        description: input.description.clone().unwrap_or(format!("[Copied {} from {}] {}", source.id, input.from, source.name)),
        owner: state.account.clone(),
        launch_permissions: BTreeSet::new(),
        public: false,
        devices,
        created: context.now,
        ready_at: later(context.now, context.delays().copy),
        source: Some(source.id),
        source_region: Some(input.from.clone()),
        tags,
        architecture: source.architecture,
        root_device: source.root_device,
        boot_mode: source.boot_mode,
        ena_support: source.ena_support,
        imds_support: source.imds_support,
        product_codes: source.product_codes,
        failed: None,
    };
    let region = here_mut(state, context.region);
    context.born(region, made.iter().map(|snapshot| &snapshot.id).chain([&id]));
    region.snapshots.extend(made.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)));
    region.images.insert(id.clone(), image);
    Ok(id)
}

fn copy_of(
    state: &State,
    context: &Context<'_>,
    original: &Snapshot,
    id: &str,
    encrypted: Option<bool>,
    description: String,
    tags: Tags,
) -> Result<Snapshot, ApiError> {
    let key = regions::key_for(state, here(state, context.region)?, context.region, encrypted, original.encrypted);
    Ok(Snapshot {
        description,
        encrypted: key.is_some(),
        kms_key: key,
        copied_from: Some(original.id.clone()),
        ready_at: Some(later(context.now, context.delays().copy)),
        tags,
        ..snapshots::blank(id.to_owned(), original.size_gib, context.now, state.account.clone())
    })
}

fn image_id(id: &str) -> Xml {
    let mut xml = Xml::new();
    xml.text("imageId", id);
    xml
}

/// `CopySnapshot`.
pub(super) async fn snapshot(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (source, from, description, encrypted, tags) = params.read(|p| {
        let source = p.required("SourceSnapshotId")?;
        let from = take_region(p)?;
        let to = p.text("DestinationRegion");
        if to.is_some_and(|to| to != context.region.as_str()) {
            return Err(fault::invalid_value("DestinationRegion", "it is not the region that the request was sent to"));
        }
        // Clients sign the request to the source Region in it; the twin has both Regions and needs no proof.
        p.text("PresignedUrl");
        let tags = tags::take_specifications(p, &["snapshot"])?.remove("snapshot").unwrap_or_default();
        Ok((source, from, p.text("Description").unwrap_or_default(), p.boolean("Encrypted")?, tags))
    })?;
    regions::check(&from)?;
    images::check_description(&description)?;
    let original = |state: &State| {
        let there = state.regions.get(&from).ok_or_else(|| fault::SNAPSHOT.not_found(&source))?;
        let original = snapshots::readable(state, there, &source)?;
        snapshots::require_completed(original, context.now)?;
        check_copies(state, here(state, context.region)?, context, 1)?;
        Ok::<_, ApiError>(original.clone())
    };
    context.twin.read(original)?;
    let [id] = context.new_ids(["snap-"])?;
    copy_blocks(context, &from, &source, &id).await?;
    let stored = context.twin.change(|state| {
        let copy = copy_of(state, context, &original(state)?, &id, encrypted, description, tags.clone())?;
        let region = here_mut(state, context.region);
        context.born(region, [&id]);
        region.snapshots.insert(id.clone(), copy);
        Ok::<_, ApiError>(())
    });
    if stored.is_err() {
        snapshots::forget_blocks(context, vec![id.clone()]).await?;
    }
    stored?;
    let mut xml = Xml::new();
    xml.text("snapshotId", id);
    tags::write(&mut xml, &tags);
    Ok(xml)
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::{Answer, Bench};

    async fn copy(bench: &Bench, to: &str, params: &[(&str, &str)]) -> Result<String, String> {
        let (status, body) = bench.call(to, "CopyImage", params).await;
        let answer = Answer(body);
        if status == 200 { Ok(answer.get("imageId")) } else { Err(answer.get("Code")) }
    }

    #[tokio::test]
    async fn a_copy_has_the_same_blocks_and_nobody_s_permissions() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        bench.done("ModifyImageAttribute", &[("ImageId", &image), ("LaunchPermission.Add.1.UserId", "679593333241")]).await;
        let params = [("SourceImageId", image.as_str()), ("SourceRegion", "us-east-1"), ("Name", "acme-web"), ("ClientToken", "t")];
        let made = copy(&bench, "eu-west-1", &params).await.unwrap();
        assert_eq!(copy(&bench, "eu-west-1", &params).await.unwrap(), made, "the token makes nothing twice");
        let described = Answer(bench.call("eu-west-1", "DescribeImages", &[("ImageId.1", &made)]).await.1);
        assert_eq!((described.get("imageState"), described.get("isPublic")), ("pending".to_owned(), "false".to_owned()));
        assert_eq!((described.get("sourceImageId"), described.get("sourceImageRegion")), (image.clone(), "us-east-1".to_owned()));
        bench.wait(300).await;
        let described = Answer(bench.call("eu-west-1", "DescribeImages", &[("ImageId.1", &made)]).await.1);
        assert_eq!(described.get("imageState"), "available");
        let original = bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("snapshotId");
        let map = |region: &str, snapshot: &str| bench.twin.blocks().map(&region.parse().unwrap(), snapshot).unwrap();
        assert_eq!(map("eu-west-1", &described.get("snapshotId")), map("us-east-1", &original));
        let attribute = bench.call("eu-west-1", "DescribeImageAttribute", &[("ImageId", &made), ("Attribute", "launchPermission")]).await.1;
        assert!(Answer(attribute).all("userId").is_empty());
        let other = [&params[..2], &[("Name", "other-name"), ("ClientToken", "t")]].concat();
        assert_eq!(copy(&bench, "eu-west-1", &other).await.unwrap_err(), "IdempotentParameterMismatch");
    }

    #[tokio::test]
    async fn what_cannot_be_read_cannot_be_copied() {
        let bench = Bench::new();
        let base = bench.base().await;
        let source = [("SourceImageId", base.as_str()), ("SourceRegion", "us-east-1"), ("Name", "acme-web")];
        assert_eq!(copy(&bench, "eu-west-1", &source).await.unwrap_err(), "InvalidRequest");
        let elsewhere = [("SourceImageId", base.as_str()), ("SourceRegion", "us-west-2"), ("Name", "acme-web")];
        assert_eq!(copy(&bench, "eu-west-1", &elsewhere).await.unwrap_err(), "InvalidAMIID.NotFound");
    }

    #[tokio::test]
    async fn more_than_twenty_copies_at_a_time_are_too_many() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        for n in 0..20 {
            let name = format!("copy-{n}");
            let params = [("SourceImageId", image.as_str()), ("SourceRegion", "us-east-1"), ("Name", &name)];
            copy(&bench, "eu-west-1", &params).await.unwrap();
        }
        let params = [("SourceImageId", image.as_str()), ("SourceRegion", "us-east-1"), ("Name", "copy-20")];
        assert_eq!(copy(&bench, "eu-west-1", &params).await.unwrap_err(), "ResourceLimitExceeded");
        bench.wait(300).await;
        copy(&bench, "eu-west-1", &params).await.unwrap();
    }

    #[tokio::test]
    async fn snapshots_are_copied_encrypted_where_that_is_the_default() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        let snapshot = bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("snapshotId");
        bench.call("eu-west-1", "EnableEbsEncryptionByDefault", &[]).await;
        let params = [("SourceSnapshotId", snapshot.as_str()), ("SourceRegion", "us-east-1")];
        let copy = Answer(bench.call("eu-west-1", "CopySnapshot", &params).await.1).get("snapshotId");
        let described = Answer(bench.call("eu-west-1", "DescribeSnapshots", &[("SnapshotId.1", &copy)]).await.1);
        assert_eq!((described.get("encrypted"), described.get("volumeId")), ("true".to_owned(), "vol-ffffffff".to_owned()));
        assert!(described.get("kmsKeyId").starts_with("arn:aws:kms:eu-west-1:"));
    }
}
