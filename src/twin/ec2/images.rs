//! Images: their states, who sees them, and `DescribeImages`.

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::state::{Image, RegionState, Snapshot, State};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::params::Params;
use super::tags;
use super::xml::{Xml, format_time};

impl Image {
    /// Returns `pending`, `available` or `failed`.
    pub(super) fn state_at(&self, now: jiff::Timestamp) -> &'static str {
        match () {
            () if self.failed.is_some() => "failed",
            () if now < self.ready_at => "pending",
            () => "available",
        }
    }

    /// Tells whether an account may see and launch it.
    pub(super) fn is_for(&self, account: &str) -> bool {
        self.public || self.owner.as_str() == account || self.launch_permissions.contains(account)
    }

    /// Returns `amazon` or `aws-marketplace` for the accounts that have these names.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/finding-an-ami.html>
    fn owner_alias(&self) -> Option<&'static str> {
        match self.owner.as_str() {
            "137112412989" | "801119661308" => Some("amazon"),
            "679593333241" => Some("aws-marketplace"),
            _ => None,
        }
    }
}

/// Returns an image that the account may launch; others' private images look as if they weren't there.
pub(super) fn launchable<'h>(state: &State, here: &'h RegionState, id: &str) -> Result<&'h Image, ApiError> {
    fault::IMAGE.check(id)?;
    here.images.get(id).filter(|image| image.is_for(state.account.as_str())).ok_or_else(|| fault::IMAGE.not_found(id))
}

/// Refuses an image that isn't `available`.
pub(super) fn require_available(image: &Image, now: jiff::Timestamp) -> Result<(), ApiError> {
    match image.state_at(now) {
        "available" => Ok(()),
        state => Err(fault::of("InvalidAMIID.Unavailable", format!("The image ID '{}' is {state} and is not available for use", image.id))),
    }
}

/// Refuses what the account does not own: `AuthFailure` for what it can see, as if not there for what it can't.
pub(super) fn require_own(image: &Image, account: &str) -> Result<(), ApiError> {
    if image.owner.as_str() == account {
        return Ok(());
    }
    Err(fault::of("AuthFailure", format!("Not authorized for image:{}", image.id)))
}

/// Refuses a name that EC2 would refuse, or that another of the account's images has.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html>
pub(super) fn check_name(here: &RegionState, account: &str, name: &str) -> Result<(), ApiError> {
    let valid = |c: char| c.is_ascii_alphanumeric() || " ()[]./-'@_".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(valid) {
        let text = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, spaces, '(', ')', '[', ']', '.', '-', '/', ''', '@' and '_'";
        return Err(fault::of("InvalidAMIName.Malformed", text));
    }
    if let Some(other) = here.images.values().find(|image| image.name == name && image.owner.as_str() == account) {
        return Err(fault::of("InvalidAMIName.Duplicate", format!("AMI name {name} is already in use by AMI {}", other.id)));
    }
    Ok(())
}

/// Refuses one more image than the account may have.
pub(super) fn check_count(state: &State, here: &RegionState) -> Result<(), ApiError> {
    let most = state.quota(&limits::IMAGES);
    if here.images.values().filter(|image| image.owner == state.account).count() < most {
        return Ok(());
    }
    let text = format!(
        "You have reached your quota of {most} for the number of public and private images allowed in this Region. Deregister unused images, or request an increase in your AMIs quota."
    );
    Err(fault::of("ResourceLimitExceeded", text))
}

/// Refuses a description that EC2 would refuse: at most 255 characters of ASCII.
pub(super) fn check_description(description: &str) -> Result<(), ApiError> {
    if !description.is_ascii() {
        return Err(fault::of("InvalidParameterValue", "Character sets beyond ASCII are not supported in a description."));
    }
    if description.len() > 255 {
        return Err(fault::of("InvalidParameterValue", "Invalid parameter 'description'. Length exceeds maximum of 255."));
    }
    Ok(())
}

/// `DescribeImages`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, owners, executable_by, filters, page) = params.read(|p| {
        let ids = p.list("ImageId")?;
        // The twin neither deprecates nor disables images, so including them makes no difference.
        p.boolean("IncludeDeprecated")?;
        p.boolean("IncludeDisabled")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, p.list("Owner")?, p.list("ExecutableBy")?, Filters::take(p)?, page))
    })?;
    fault::IMAGE.check_all(&ids)?;
    check_accounts(&owners, &["self", "amazon", "aws-marketplace"])?;
    check_accounts(&executable_by, &["self", "all"])?;
    context.view(|state, here| {
        let account = state.account.as_str();
        let visible: Vec<&Image> = here.images.values().filter(|image| image.is_for(account)).collect();
        require_all(&ids, visible.iter().map(|image| image.id.as_str()), |id| fault::IMAGE.not_found(id))?;
        let matching = visible.into_iter().filter(|image| {
            (ids.is_empty() || ids.contains(&image.id))
                && (owners.is_empty() || owners.iter().any(|owner| owned_by(image, owner, account)))
                && (executable_by.is_empty() || executable_by.iter().any(|user| executable(image, user, account)))
                && filters.pass(&image.tags, |name| filter_values(image, name, context.now))
        });
        let (found, token) = page.cut(matching, |image| image.id.as_str());
        let mut xml = Xml::new();
        xml.list("imagesSet", found, |xml, image| write(xml, image, here, context));
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

fn check_accounts(given: &[String], words: &[&str]) -> Result<(), ApiError> {
    let wrong = given.iter().find(|g| !(words.contains(&g.as_str()) || g.parse::<crate::model::ids::AccountId>().is_ok()));
    wrong.map_or(Ok(()), |g| Err(fault::of("InvalidUserID.Malformed", format!("Invalid user id: \"{g}\""))))
}

fn owned_by(image: &Image, owner: &str, account: &str) -> bool {
    match owner {
        "self" => image.owner.as_str() == account,
        "amazon" | "aws-marketplace" => image.owner_alias() == Some(owner),
        id => image.owner.as_str() == id,
    }
}

fn executable(image: &Image, user: &str, account: &str) -> bool {
    match user {
        "all" => image.public,
        "self" => image.launch_permissions.contains(account),
        id => image.launch_permissions.contains(id),
    }
}

fn filter_values(image: &Image, name: &str, now: jiff::Timestamp) -> Vec<String> {
    let one = |value: &str| vec![value.to_owned()];
    let optional = |value: Option<&str>| value.map(str::to_owned).into_iter().collect();
    let from_instance = image.source.as_deref().filter(|source| source.starts_with("i-"));
    let from_image = image.source.as_deref().filter(|source| source.starts_with("ami-"));
    match name {
        "architecture" => one(&image.architecture),
        "block-device-mapping.snapshot-id" => image.devices.iter().map(|device| device.snapshot.clone()).collect(),
        "boot-mode" => optional(image.boot_mode.as_deref()),
        "creation-date" => vec![format_time(image.created)],
        "description" => one(&image.description),
        "ena-support" => vec![image.ena_support.to_string()],
        "hypervisor" => one("xen"),
        "image-id" => one(&image.id),
        "image-type" => one("machine"),
        "imds-support" => optional(image.imds_support.as_deref()),
        "is-public" => vec![image.public.to_string()],
        "name" => one(&image.name),
        "owner-alias" => optional(image.owner_alias()),
        "owner-id" => one(image.owner.as_str()),
        "product-code" => image.product_codes.iter().cloned().collect(),
        "root-device-name" => one(&image.root_device),
        "root-device-type" => one("ebs"),
        "source-image-id" => optional(from_image),
        "source-image-region" => optional(image.source_region.as_ref().map(Region::as_str)),
        "source-instance-id" => optional(from_instance),
        "state" => one(image.state_at(now)),
        "virtualization-type" => one("hvm"),
        _ => vec![],
    }
}

fn write(xml: &mut Xml, image: &Image, here: &RegionState, context: &Context<'_>) {
    xml.text("imageId", &image.id).text("imageLocation", format!("{}/{}", image.owner, image.name));
    xml.text("imageState", image.state_at(context.now)).text("imageOwnerId", &image.owner).time("creationDate", image.created);
    xml.text("isPublic", image.public).text("architecture", &image.architecture).text("imageType", "machine");
    xml.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances").text("name", &image.name);
    xml.optional("imageOwnerAlias", image.owner_alias());
    xml.optional("description", Some(&image.description).filter(|d| !d.is_empty()));
    xml.text("rootDeviceName", &image.root_device).text("rootDeviceType", "ebs");
    write_devices(xml, image, here);
    xml.text("virtualizationType", "hvm").text("hypervisor", "xen").text("enaSupport", image.ena_support);
    xml.optional("bootMode", image.boot_mode.as_deref()).optional("imdsSupport", image.imds_support.as_deref());
    write_product_codes(xml, image);
    match &image.source {
        Some(source) if source.starts_with("i-") => xml.text("sourceInstanceId", source),
        source => xml.optional("sourceImageId", source.as_deref()),
    };
    xml.optional("sourceImageRegion", image.source_region.as_ref());
    if let Some(reason) = &image.failed {
        xml.within("stateReason", |xml| {
            xml.text("code", "Server.InternalError").text("message", reason);
        });
    }
    tags::write(xml, &image.tags);
}

/// Writes an image's product codes.
pub(super) fn write_product_codes(xml: &mut Xml, image: &Image) {
    xml.list("productCodes", &image.product_codes, |xml, code| {
        xml.text("productCode", code).text("type", "marketplace");
    });
}

/// Writes an image's block devices.
pub(super) fn write_devices(xml: &mut Xml, image: &Image, here: &RegionState) {
    xml.list("blockDeviceMapping", &image.devices, |xml, device| {
        let snapshot: Option<&Snapshot> = here.snapshots.get(&device.snapshot);
        xml.text("deviceName", &device.name).within("ebs", |xml| {
            xml.text("snapshotId", &device.snapshot).text("volumeSize", device.size_gib).text("volumeType", &device.volume_type);
            xml.text("deleteOnTermination", device.delete_on_termination);
            xml.text("encrypted", snapshot.is_some_and(|s| s.encrypted));
        });
    });
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;

    #[tokio::test]
    async fn an_image_is_made_of_the_instance_s_blocks_and_becomes_available() {
        let bench = Bench::new();
        let base = bench.base().await;
        let instance = bench.run(&base, &[]).await;
        bench.wait(10).await;
        let tagged = [
            ("InstanceId", instance.as_str()),
            ("Name", "acme-web-1.0.0"),
            ("TagSpecification.1.ResourceType", "image"),
            ("TagSpecification.1.Tag.1.Key", "version"),
            ("TagSpecification.1.Tag.1.Value", "1.0.0"),
            ("TagSpecification.2.ResourceType", "snapshot"),
            ("TagSpecification.2.Tag.1.Key", "of"),
            ("TagSpecification.2.Tag.1.Value", "web"),
        ];
        let image = bench.done("CreateImage", &tagged).await.get("imageId");
        let described = bench.done("DescribeImages", &[("ImageId.1", &image)]).await;
        assert_eq!((described.get("imageState"), described.get("sourceInstanceId")), ("pending".to_owned(), instance));
        assert_eq!(described.tags()["version"], "1.0.0");
        bench.wait(60).await;
        let described = bench.done("DescribeImages", &[("ImageId.1", &image)]).await;
        assert_eq!(described.get("imageState"), "available");
        let snapshot = described.get("snapshotId");
        let described = bench.done("DescribeSnapshots", &[("SnapshotId.1", &snapshot)]).await;
        assert_eq!((described.get("status"), described.get("encrypted")), ("completed".to_owned(), "false".to_owned()));
        assert_eq!(described.tags()["of"], "web");
        let map = bench.twin.blocks().map(&"us-east-1".parse().unwrap(), &snapshot).unwrap();
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), [0, 2]);
    }

    #[tokio::test]
    async fn images_are_found_by_owner_name_and_tag() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web-1.0.0").await;
        bench.done("CreateTags", &[("ResourceId.1", &image), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")]).await;
        for (params, found) in [
            (vec![("Owner.1", "self")], 1),
            (vec![("Owner.1", "136693071363")], 1),
            (vec![("Owner.1", "amazon")], 0),
            (vec![("Owner.1", "self"), ("Filter.1.Name", "name"), ("Filter.1.Value.1", "acme-*-1.0.?")], 1),
            (vec![("Filter.1.Name", "tag:k"), ("Filter.1.Value.1", "v")], 1),
            (vec![("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", "nothing")], 0),
            (vec![("Filter.1.Name", "is-public"), ("Filter.1.Value.1", "true"), ("Filter.1.Value.2", "false")], 2),
            (vec![("ExecutableBy.1", "all")], 1),
        ] {
            assert_eq!(bench.done("DescribeImages", &params).await.all("imageId").len(), found, "{params:?}");
        }
        assert_eq!(
            bench.refused("DescribeImages", &[("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")]).await.0,
            "InvalidParameterValue"
        );
    }

    #[tokio::test]
    async fn names_are_checked_and_unique() {
        let bench = Bench::new();
        let (instance, _) = bench.baked("acme-web").await;
        for (name, code) in
            [("ab", "InvalidAMIName.Malformed"), ("a&b", "InvalidAMIName.Malformed"), ("acme-web", "InvalidAMIName.Duplicate")]
        {
            assert_eq!(bench.refused("CreateImage", &[("InstanceId", &instance), ("Name", name)]).await.0, code);
        }
    }

    #[tokio::test]
    async fn unknown_and_malformed_images_are_refused() {
        let bench = Bench::new();
        assert_eq!(
            bench.refused("DescribeImages", &[("ImageId.1", "ami-0123456789abcdef0")]).await,
            ("InvalidAMIID.NotFound".to_owned(), "The image id '[ami-0123456789abcdef0]' does not exist".to_owned())
        );
        assert_eq!(bench.refused("DescribeImages", &[("ImageId.1", "ami-xyz")]).await.0, "InvalidAMIID.Malformed");
    }

    #[tokio::test]
    async fn an_image_s_snapshot_is_in_use_until_the_image_is_gone() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        let snapshot = bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("snapshotId");
        let refusal = bench.refused("DeleteSnapshot", &[("SnapshotId", &snapshot)]).await;
        assert_eq!(refusal, ("InvalidSnapshot.InUse".to_owned(), format!("The snapshot {snapshot} is currently in use by {image}")));
        bench.done("DeregisterImage", &[("ImageId", &image)]).await;
        bench.done("DeleteSnapshot", &[("SnapshotId", &snapshot)]).await;
        assert!(bench.twin.blocks().map(&"us-east-1".parse().unwrap(), &snapshot).is_err());
        assert_eq!(bench.refused("DescribeSnapshots", &[("SnapshotId.1", &snapshot)]).await.0, "InvalidSnapshot.NotFound");
    }

    #[tokio::test]
    async fn an_image_is_registered_from_a_snapshot_and_goes_with_it() {
        let bench = Bench::new();
        let (_, image) = bench.baked("acme-web").await;
        let snapshot = bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("snapshotId");
        let mut params = vec![
            ("Name", "acme-raw"),
            ("Architecture", "x86_64"),
            ("VirtualizationType", "hvm"),
            ("BootMode", "uefi"),
            ("EnaSupport", "true"),
            ("RootDeviceName", "/dev/xvda"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", &snapshot),
        ];
        let registered = bench.done("RegisterImage", &params).await.get("imageId");
        let gone = bench.done("DeregisterImage", &[("ImageId", &registered), ("DeleteAssociatedSnapshots", "true")]).await;
        assert_eq!(gone.get("returnCode"), "skipped", "another image uses it");
        params[5] = ("RootDeviceName", "/dev/sda1");
        assert_eq!(bench.refused("RegisterImage", &params).await.0, "InvalidBlockDeviceMapping");
        let gone = bench.done("DeregisterImage", &[("ImageId", &image), ("DeleteAssociatedSnapshots", "true")]).await;
        assert_eq!((gone.get("snapshotId"), gone.get("returnCode")), (snapshot, "success".to_owned()));
    }

    #[tokio::test]
    async fn a_base_of_the_same_name_replaces_the_older_one() {
        let bench = Bench::new();
        let (first, second) = (bench.base().await, bench.base().await);
        assert_ne!(first, second);
        assert_eq!(bench.done("DescribeImages", &[("Owner.1", "136693071363")]).await.all("imageId"), [second]);
    }
}
