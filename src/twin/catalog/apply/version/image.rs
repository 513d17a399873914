//! What the Marketplace wants of an image, and of its seller's role.

use jiff::{SignedDuration, Timestamp};

use super::super::Faults;
use super::AmiSource;
use crate::model::ids::Region;
use crate::twin::catalog::entities::Product;
use crate::twin::catalog::instance_types;
use crate::twin::state::{Image, State};

/// Who the ingestion role must trust.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/ami-single-ami-marketplace-ami-access.html>
const INGESTION_SERVICE: &str = "assets.marketplace.amazonaws.com";
const INGESTION_POLICY: &str = "arn:aws:iam::aws:policy/AWSMarketplaceAmiIngestion";

/// An image must not be older.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
const MOST_AGE: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// Takes on the role and looks for the image, as the Marketplace does.
pub(super) fn obtain<'a>(state: &'a State, at: Timestamp, source: &AmiSource, faults: &mut Faults) -> Option<&'a Image> {
    let role = state.roles.get(&source.access_role_arn);
    let permitted = role.is_some_and(|role| role.trusts.contains(INGESTION_SERVICE) && role.policies.contains(INGESTION_POLICY));
    let image = state.regions.get(&Region::marketplace()).and_then(|region| region.images.get(&source.ami_id));
    let image = image.filter(|image| image.owner == state.account && image.failed.is_none() && image.ready_at <= at);
    if image.is_none() || !permitted {
        faults.add(
            "ASSET_NOT_FOUND",
            format!(
                "Check if {} exists in us-east-1 Region of {} AWS account and the AccessARN provided {} has permissions to share this AMI",
                source.ami_id, state.account, source.access_role_arn
            ),
        );
        return None;
    }
    image
}

pub(super) fn check_image(state: &State, at: Timestamp, image: &Image, product: &Product, faults: &mut Faults) {
    let id = &image.id;
    let snapshots = state.regions.get(&Region::marketplace()).map(|region| &region.snapshots);
    let copyable = |snapshot: &str| {
        let snapshot = snapshots.and_then(|all| all.get(snapshot));
        snapshot.is_some_and(|s| !s.encrypted && s.failed.is_none() && s.owner == state.account)
    };
    if !image.devices.iter().all(|device| copyable(&device.snapshot)) {
        faults.add("ASSET_ACCESS_EXCEPTION", format!("Unable to copy AMI {id}."));
    }
    if image.created.duration_until(at) > MOST_AGE {
        faults.find("OUTDATED_AMI", format!("Image {id} was made more than two years ago."));
    }
    if !image.product_codes.is_empty() {
        faults.add("EXISTING_AMI_PRODUCT_CODE", format!("Remove product code attached to image {id}"));
    }
    if product.versions.last().is_some_and(|version| version.source.architecture != image.architecture) {
        faults.add("INVALID_AMI_ARCHITECTURE", format!("Image {id} has another architecture than the product's versions."));
    }
    let foreign = product.instance_types.iter().filter(|name| instance_types::architecture(name) != image.architecture);
    let foreign: Vec<&str> = foreign.map(String::as_str).collect();
    if !foreign.is_empty() {
        let message = format!("Architecture {} of image {id} doesn't go with instance types [{}].", image.architecture, foreign.join(", "));
        faults.add("INCOMPATIBLE_AMI", message);
    }
    if !image.ena_support && product.instance_types.iter().any(|name| instance_types::needs_ena(name)) {
        faults.add("INCOMPATIBLE_AMI", format!("Enable ENA support for image {id}."));
    }
}

/// The names that have been seen to be taken; AWS publishes no list.
const SYSTEMS: &[&str] =
    &["AMAZONLINUX", "CENTOS", "DEBIAN", "FREEBSD", "GENTOO", "OTHERLINUX", "RHEL", "ROCKY", "SUSE", "UBUNTU", "WINDOWS"];

/// Holds what is said of the operating system against what the Marketplace knows.
pub(super) fn check_system(source: &AmiSource, faults: &mut Faults) {
    let name = &source.operating_system_name;
    if !SYSTEMS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        faults.add("INCOMPATIBLE_OPERATING_SYSTEM_NAME", format!("Provide one of [{}], not {name}.", SYSTEMS.join(", ")));
    }
    if !source.operating_system_version.bytes().any(|b| b.is_ascii_alphanumeric()) {
        faults.add("INCOMPATIBLE_OPERATING_SYSTEM_VERSION", "Provide the version of the operating system.");
    }
    // A Windows image is logged in to by its administrator, over RDP.
    if name.eq_ignore_ascii_case("WINDOWS") && source.user_name != "Administrator" {
        faults.add("INCOMPATIBLE_OPERATING_SYSTEM", "Provide Administrator as the user name of a Windows image.");
    }
    if name.eq_ignore_ascii_case("WINDOWS") && source.scanning_port == Some(22) {
        faults.add("INVALID_SCANNING_PORT", "Provide the port of RDP for a Windows image.");
    }
}

/// Holds FPGA images against the product: they need instances with FPGAs, and the twin has none of them.
pub(super) fn check_fpga_images(source: &AmiSource, product: &Product, faults: &mut Faults) {
    if source.afi_ids.is_empty() {
        return;
    }
    if !product.instance_types.iter().any(|name| name.starts_with("f1.") || name.starts_with("f2.")) {
        faults.add("MISSING_FPGA_INSTANCE_TYPE", "Add an instance type with FPGAs to the product.");
    }
    for id in &source.afi_ids {
        faults.add("ASSET_NOT_FOUND", format!("Check if {id} exists in us-east-1 Region of your AWS account"));
    }
}
