//! An image's attributes: who may launch it, its description, its metadata support.

use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::state::{Image, RegionState, State};

use super::context::Context;
use super::fault;
use super::images;
use super::params::{Fields, Params};
use super::tags::done;
use super::xml::Xml;

/// Whom something is shared with, or no longer.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// Accounts and groups to add.
    pub(super) add: Vec<Sharer>,
    /// Accounts and groups to remove.
    pub(super) remove: Vec<Sharer>,
}

/// One that something is shared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sharer {
    /// An account.
    Account(String),
    /// The group `all`.
    Everybody,
}

impl Sharing {
    /// Takes both forms: `NAME.Add.N.UserId` and `OperationType` with `UserId.N`.
    pub(super) fn take(fields: &mut Fields, name: &str, operation: Option<&str>) -> Result<Self, ApiError> {
        let mut sharing = fields
            .within(name, |permission| {
                Ok(Self { add: permission.each("Add", take_sharer)?, remove: permission.each("Remove", take_sharer)? })
            })?
            .unwrap_or_default();
        let accounts = fields.list("UserId")?.into_iter().map(account);
        let groups = fields.list("UserGroup")?.into_iter().map(group);
        let named = accounts.chain(groups).collect::<Result<Vec<_>, _>>()?;
        match operation {
            Some("add") => sharing.add.extend(named),
            Some(_) => sharing.remove.extend(named),
            None if named.is_empty() => {}
            None => return Err(fault::missing("OperationType")),
        }
        Ok(sharing)
    }

    /// Tells whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// Changes a list of accounts and the flag for everybody.
    pub(super) fn apply(&self, accounts: &mut std::collections::BTreeSet<String>, everybody: &mut bool) {
        for sharer in &self.add {
            match sharer {
                Sharer::Account(id) => drop(accounts.insert(id.clone())),
                Sharer::Everybody => *everybody = true,
            }
        }
        for sharer in &self.remove {
            match sharer {
                Sharer::Account(id) => drop(accounts.remove(id)),
                Sharer::Everybody => *everybody = false,
            }
        }
    }
}

fn take_sharer(fields: &mut Fields) -> Result<Sharer, ApiError> {
    match (fields.text("UserId"), fields.text("Group")) {
        (Some(id), None) => account(id),
        (None, Some(name)) => group(name),
        _ => Err(fault::combination("Either UserId or Group must be given, and not both")),
    }
}

fn account(id: String) -> Result<Sharer, ApiError> {
    match id.parse::<crate::model::ids::AccountId>() {
        Ok(_) => Ok(Sharer::Account(id)),
        Err(_) => Err(fault::of("InvalidUserID.Malformed", format!("Invalid user id: \"{id}\""))),
    }
}

fn group(name: String) -> Result<Sharer, ApiError> {
    match name.as_str() {
        "all" => Ok(Sharer::Everybody),
        _ => Err(fault::of("InvalidUserGroup.Malformed", format!("Invalid user group: \"{name}\" (expecting \"all\")"))),
    }
}

/// `DescribeImageAttribute`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    const ATTRIBUTES: &[&str] = &["launchPermission", "description", "imdsSupport", "bootMode", "productCodes", "blockDeviceMapping"];
    let (id, attribute) = params.read(|p| {
        let id = p.required("ImageId")?;
        Ok((id, p.one_of("Attribute", ATTRIBUTES)?.ok_or_else(|| fault::missing("Attribute"))?))
    })?;
    context.look(|state, here| {
        let image = own(state, here, &id)?;
        let mut xml = Xml::new();
        xml.text("imageId", &image.id);
        let value = |xml: &mut Xml, value: Option<&str>| {
            xml.within(attribute, |xml| {
                xml.optional("value", value);
            });
        };
        match attribute {
            "launchPermission" => write_sharers(&mut xml, attribute, &image.launch_permissions, image.public),
            "description" => value(&mut xml, Some(&image.description)),
            "imdsSupport" => value(&mut xml, image.imds_support.as_deref()),
            "bootMode" => value(&mut xml, image.boot_mode.as_deref()),
            "productCodes" => images::write_product_codes(&mut xml, image),
            _ => images::write_devices(&mut xml, image, here),
        }
        Ok(xml)
    })
}

/// Writes whom something is shared with.
pub(super) fn write_sharers(xml: &mut Xml, name: &str, accounts: &std::collections::BTreeSet<String>, everybody: bool) {
    let everybody = everybody.then_some(("group", "all"));
    let accounts = accounts.iter().map(|id| ("userId", id.as_str()));
    xml.list(name, everybody.into_iter().chain(accounts), |xml, (member, value)| {
        xml.text(member, value);
    });
}

/// `ModifyImageAttribute`: exactly one attribute at a time.
pub(super) fn modify(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (id, sharing, description, imds) = params.read(|p| {
        let id = p.required("ImageId")?;
        let attribute = p.one_of("Attribute", &["launchPermission", "description", "imdsSupport"])?;
        let operation = p.one_of("OperationType", &["add", "remove"])?;
        let sharing = Sharing::take(p, "LaunchPermission", operation)?;
        let value = p.text("Value");
        let mut description = p.within("Description", |d| Ok(d.text("Value").unwrap_or_default()))?;
        let mut imds = p.within("ImdsSupport", |i| i.required("Value"))?;
        match (attribute, value) {
            (Some("description"), value) => description = description.or(value).or(Some(String::new())),
            (Some("imdsSupport"), value) => imds = imds.or(value),
            (_, Some(_)) => return Err(fault::combination("Value is only for the attributes description and imdsSupport")),
            _ => {}
        }
        Ok((id, sharing, description, imds))
    })?;
    let given = usize::from(!sharing.is_empty()) + usize::from(description.is_some()) + usize::from(imds.is_some());
    if given != 1 {
        return Err(fault::combination("Exactly one attribute must be modified: launchPermission, description or imdsSupport"));
    }
    if let Some(description) = &description {
        images::check_description(description)?;
    }
    if let Some(other) = imds.as_deref().filter(|value| *value != "v2.0") {
        return Err(fault::of(
            "InvalidParameterValue",
            format!("Invalid value '{other}' for ImdsSupport: v2.0 is the only one, and can't be undone"),
        ));
    }
    context.twin.change(|state| {
        let here = super::context::here(state, context.region)?;
        let image = own(state, here, &id)?;
        images::require_available(image, context.now)?;
        check_sharing(image, here, &sharing)?;
        check_quotas(state, here, image, &sharing)?;
        if sharing.add.contains(&Sharer::Everybody) {
            super::public_access::check_image(here)?;
        }
        let here = super::context::here_mut(state, context.region);
        let image = here.images.get_mut(&id).ok_or_else(|| fault::IMAGE.not_found(&id))?;
        sharing.apply(&mut image.launch_permissions, &mut image.public);
        image.description = description.unwrap_or(std::mem::take(&mut image.description));
        image.imds_support = imds.or(image.imds_support.take());
        Ok(done())
    })
}

/// `ResetImageAttribute`: nobody but the owner may launch it any more.
pub(super) fn reset(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let id = params.read(|p| {
        p.one_of("Attribute", &["launchPermission"])?.ok_or_else(|| fault::missing("Attribute"))?;
        p.required("ImageId")
    })?;
    context.twin.change(|state| {
        own(state, super::context::here(state, context.region)?, &id)?;
        if let Some(image) = super::context::here_mut(state, context.region).images.get_mut(&id) {
            image.launch_permissions.clear();
            image.public = false;
        }
        Ok(done())
    })
}

fn own<'h>(state: &State, here: &'h RegionState, id: &str) -> Result<&'h Image, ApiError> {
    let image = images::launchable(state, here, id)?;
    images::require_own(image, state.account.as_str())?;
    Ok(image)
}

/// Refuses what can't be shared: nothing encrypted publicly, nothing under the default key at all, no product codes publicly.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-explicit.html>
fn check_sharing(image: &Image, here: &RegionState, sharing: &Sharing) -> Result<(), ApiError> {
    if sharing.add.is_empty() {
        return Ok(());
    }
    let public = sharing.add.contains(&Sharer::Everybody);
    if public && !image.product_codes.is_empty() {
        return Err(fault::of("OperationNotPermitted", format!("Image {} has product codes and cannot be made public", image.id)));
    }
    let encrypted = image.devices.iter().filter_map(|device| here.snapshots.get(&device.snapshot)).any(|s| s.encrypted);
    match (encrypted, public) {
        (false, _) => Ok(()),
        (true, true) => Err(fault::of("InvalidParameter", "Images with encrypted snapshots can't be made public.")),
        // The twin has no other keys than the default ones.
        (true, false) => {
            Err(fault::of("InvalidParameter", "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot."))
        }
    }
}

/// Refuses one more public image, or more accounts for an image, than the account may have.
fn check_quotas(state: &State, here: &RegionState, image: &Image, sharing: &Sharing) -> Result<(), ApiError> {
    let most = state.quota(&limits::PUBLIC_IMAGES);
    let public = here.images.values().filter(|image| image.public && image.owner == state.account).count();
    if !image.public && sharing.add.contains(&Sharer::Everybody) && public >= most {
        let text = format!(
            "You have reached your quota of {most} for the number of public images allowed in this Region. Deregister unused public images or make them private, or request an increase in your public AMIs quota."
        );
        return Err(fault::of("ResourceLimitExceeded", text));
    }
    let (mut accounts, mut everybody) = (image.launch_permissions.clone(), image.public);
    sharing.apply(&mut accounts, &mut everybody);
    let most = state.quota(&limits::IMAGE_SHARING);
    if accounts.len() > most {
        let text =
            format!("You have reached your quota of {most} for the number of entities that an image can be shared with in this Region.");
        return Err(fault::of("ResourceLimitExceeded", text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;

    #[tokio::test]
    async fn launch_permissions_are_added_and_removed_in_both_forms() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        let id = ("ImageId", image.as_str());
        let add = [id, ("LaunchPermission.Add.1.UserId", "679593333241"), ("LaunchPermission.Add.2.Group", "all")];
        bench.done("ModifyImageAttribute", &add).await;
        let old = [id, ("Attribute", "launchPermission"), ("OperationType", "add"), ("UserId.1", "111122223333")];
        bench.done("ModifyImageAttribute", &old).await;
        let described = bench.done("DescribeImageAttribute", &[id, ("Attribute", "launchPermission")]).await;
        assert_eq!((described.all("userId").join(" "), described.get("group")), ("111122223333 679593333241".to_owned(), "all".to_owned()));
        bench.done("ModifyImageAttribute", &[id, ("LaunchPermission.Remove.1.UserId", "679593333241")]).await;
        bench.done("ResetImageAttribute", &[id, ("Attribute", "launchPermission")]).await;
        assert!(bench.done("DescribeImageAttribute", &[id, ("Attribute", "launchPermission")]).await.all("userId").is_empty());
        let bad = bench.refused("ModifyImageAttribute", &[id, ("LaunchPermission.Add.1.UserId", "me")]).await;
        assert_eq!(bad.0, "InvalidUserID.Malformed");
    }

    #[tokio::test]
    async fn description_and_metadata_support_are_set_one_at_a_time() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        let id = ("ImageId", image.as_str());
        bench.done("ModifyImageAttribute", &[id, ("Description.Value", "a & b")]).await;
        bench.done("ModifyImageAttribute", &[id, ("ImdsSupport.Value", "v2.0")]).await;
        let described = bench.done("DescribeImages", &[("ImageId.1", &image)]).await;
        assert_eq!((described.get("description"), described.get("imdsSupport")), ("a & b".to_owned(), "v2.0".to_owned()));
        let both = [id, ("Description.Value", "x"), ("ImdsSupport.Value", "v2.0")];
        assert_eq!(bench.refused("ModifyImageAttribute", &both).await.0, "InvalidParameterCombination");
    }

    #[tokio::test]
    async fn what_is_encrypted_is_shared_with_nobody() {
        let bench = Bench::new();
        bench.done("EnableEbsEncryptionByDefault", &[]).await;
        let (_, image) = bench.baked("acme-web").await;
        let described = bench.done("DescribeImages", &[("ImageId.1", &image)]).await;
        assert_eq!(described.get("encrypted"), "true");
        let account = [("ImageId", image.as_str()), ("LaunchPermission.Add.1.UserId", "679593333241")];
        assert_eq!(bench.refused("ModifyImageAttribute", &account).await.0, "InvalidParameter");
        let snapshot = described.get("snapshotId");
        for whom in [("CreateVolumePermission.Add.1.UserId", "679593333241"), ("CreateVolumePermission.Add.1.Group", "all")] {
            let refusal = bench.refused("ModifySnapshotAttribute", &[("SnapshotId", &snapshot), whom]).await;
            assert_eq!(refusal.0, "OperationNotPermitted");
        }
    }

    #[tokio::test]
    async fn another_account_s_image_can_be_seen_but_not_changed() {
        let bench = Bench::new();
        let base = bench.base().await;
        assert_eq!(bench.refused("ModifyImageAttribute", &[("ImageId", &base), ("Description.Value", "mine")]).await.0, "AuthFailure");
        assert_eq!(bench.refused("DeregisterImage", &[("ImageId", &base)]).await.0, "AuthFailure");
    }

    #[tokio::test]
    async fn snapshots_are_shared_with_accounts() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        let snapshot = bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("snapshotId");
        let id = ("SnapshotId", snapshot.as_str());
        let add = [id, ("Attribute", "createVolumePermission"), ("OperationType", "add"), ("UserId.1", "679593333241")];
        bench.done("ModifySnapshotAttribute", &add).await;
        let described = bench.done("DescribeSnapshotAttribute", &[id, ("Attribute", "createVolumePermission")]).await;
        assert_eq!(described.get("userId"), "679593333241");
    }
}
