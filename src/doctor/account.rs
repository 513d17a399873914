//! What the account has switched on where products are made, and how much it may have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Health};
use crate::cloud::Reader;
use crate::model::ids::Region;
use crate::model::product::Product;

/// Quotas of each Region where images are built: service, code, name.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-quotas.html>,
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>
const VCPUS: (&str, &str, &str) = ("ec2", "L-1216C47A", "vCPUs of running instances");
const IMAGES: (&str, &str, &str) = ("ec2", "L-B665C33B", "AMIs");

/// Instance families that [`VCPUS`] counts.
const STANDARD_FAMILIES: &str = "acdhimrtz";

/// Looks at every Region that products are built in or copied to.
pub async fn account(reader: &Reader, products: &[Product]) -> Vec<Check> {
    let build: BTreeSet<Region> = products.iter().map(|p| p.build.region.clone()).chain([Region::marketplace()]).collect();
    let copies = products.iter().flat_map(|p| p.distribution.regions.iter().cloned());
    let all: BTreeSet<Region> = build.iter().cloned().chain(copies).collect();
    let known = match reader.regions().await {
        Ok(known) => known,
        Err(error) => return vec![Check::refused("regions", "", &error)],
    };
    let mut checks = Vec::new();
    for region in &all {
        let enabled = enabled(region, &known);
        let usable = enabled.health == Health::Ok;
        checks.push(enabled);
        if usable {
            checks.push(encryption(reader, region).await);
            checks.push(public_access(reader, region).await);
        }
    }
    for region in build.iter().filter(|region| known.get(*region).is_some_and(|status| status != "not-opted-in")) {
        checks.push(images(reader, region).await);
    }
    for product in products {
        checks.push(network(reader, product).await);
        checks.push(vcpus(reader, product).await);
    }
    checks
}

fn enabled(region: &Region, known: &BTreeMap<Region, String>) -> Check {
    match known.get(region).map(String::as_str) {
        Some("not-opted-in") => {
            let remedy = format!("aws account enable-region --region-name {region}, and wait some minutes");
            Check::not(Health::Fail, "region", region, "the account has not opted in", remedy)
        }
        Some(_) => Check::ok("region", region, "enabled"),
        None => Check::not(Health::Fail, "region", region, "AWS has no such Region", "mend build.region or distribution.regions"),
    }
}

async fn encryption(reader: &Reader, region: &Region) -> Check {
    match reader.encrypts_by_default(region).await {
        Ok(false) => Check::ok("encryption", region, "EBS volumes are not encrypted by default"),
        Ok(true) => {
            let found = "EBS volumes are encrypted by default: an encrypted image can't be shared or listed";
            let remedy = format!("aws ec2 disable-ebs-encryption-by-default --region {region}, or bake in another account");
            Check::not(Health::Fail, "encryption", region, found, remedy)
        }
        Err(error) => Check::refused("encryption", region, &error),
    }
}

/// Images for sale are shared with accounts; making one public is a mistake that AWS can keep one from.
async fn public_access(reader: &Reader, region: &Region) -> Check {
    let (images, snapshots) = (reader.public_image_block(region).await, reader.public_snapshot_block(region).await);
    let (images, snapshots) = match (images, snapshots) {
        (Ok(images), Ok(snapshots)) => (images, snapshots),
        (Err(error), _) | (_, Err(error)) => return Check::refused("public access", region, &error),
    };
    let found = format!("images {images}, snapshots {snapshots}");
    if images == "unblocked" || snapshots == "unblocked" {
        let remedy = format!(
            "aws ec2 enable-image-block-public-access --image-block-public-access-state block-new-sharing --region {region}; \
             aws ec2 enable-snapshot-block-public-access --state block-new-sharing --region {region}"
        );
        return Check::not(Health::Warn, "public access", region, found, remedy);
    }
    Check::ok("public access", region, found)
}

async fn network(reader: &Reader, product: &Product) -> Check {
    let (region, subnet) = (&product.build.region, product.build.subnet.as_ref());
    let subject = format!("{} in {region}", product.variant());
    match (reader.subnets(region, subnet).await, subnet) {
        (Ok(0), Some(subnet)) => Check::not(Health::Fail, "network", subject, format!("{subnet} is not there"), "mend build.subnet"),
        (Ok(0), None) => {
            let remedy = format!("aws ec2 create-default-vpc --region {region}, or name one with build.subnet");
            Check::not(Health::Fail, "network", subject, "there is no default subnet", remedy)
        }
        (Ok(_), Some(subnet)) => Check::ok("network", subject, format!("{subnet} is there")),
        (Ok(count), None) => Check::ok("network", subject, format!("{count} default subnets")),
        (Err(error), _) => Check::refused("network", subject, &error),
    }
}

async fn vcpus(reader: &Reader, product: &Product) -> Check {
    let (region, name) = (&product.build.region, product.build.instance_type.as_str());
    let subject = format!("{name} in {region}");
    let needed = match reader.instance_type(region, name).await {
        Ok(Some(found)) => found.vcpus,
        Ok(None) => return Check::not(Health::Fail, "quota", subject, "the Region has no such instance type", "mend build.instance-type"),
        Err(error) => return Check::refused("quota", subject, &error),
    };
    if !name.starts_with(|c| STANDARD_FAMILIES.contains(c)) {
        let remedy = "compare it in the Service Quotas console";
        return Check::not(Health::Unknown, "quota", subject, "its family has a quota of its own", remedy);
    }
    quota(reader, region, subject, VCPUS, f64::from(needed)).await
}

async fn images(reader: &Reader, region: &Region) -> Check {
    match reader.own_images(region).await {
        // What is there, and one more. No account has so many that a float couldn't count them.
        Ok(count) => quota(reader, region, region.to_string(), IMAGES, f64::from(u32::try_from(count).unwrap_or(u32::MAX)) + 1.0).await,
        Err(error) => Check::refused("quota", region, &error),
    }
}

async fn quota(reader: &Reader, region: &Region, subject: String, (service, code, name): (&str, &str, &str), needed: f64) -> Check {
    let remedy = format!(
        "aws service-quotas request-service-quota-increase --region {region} --service-code {service} --quota-code {code} --desired-value …"
    );
    match reader.quota(region, service, code).await {
        Ok(Some(allowed)) if allowed < needed => {
            Check::not(Health::Fail, "quota", subject, format!("{name}: {needed} needed, {allowed} allowed"), remedy)
        }
        Ok(Some(allowed)) => Check::ok("quota", subject, format!("{name}: {needed} needed, {allowed} allowed")),
        Ok(None) => Check::not(Health::Unknown, "quota", subject, format!("Service Quotas does not tell {name}"), "look in its console"),
        Err(error) => Check::refused("quota", subject, &error),
    }
}
