//! What runs have made, found by its tags, and removed.

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;

use super::ec2::{filter, tags};
use super::session::{Clients, Reader, Writer};
use super::{CloudError, error};
use crate::model::ids::Region;
use crate::model::image::tag;
use crate::model::resource::{Billed, Resource, ResourceKind};

impl Reader {
    /// Lists everything in a Region that is tagged as bakehouse's, terminated instances left out.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn resources(&self, region: &Region) -> Result<Vec<Resource>, CloudError> {
        let clients = self.clients(region);
        let mut found = instances(&clients).await?;
        found.extend(volumes(&clients).await?);
        found.extend(security_groups(&clients).await?);
        found.extend(key_pairs(&clients).await?);
        found.extend(images(&clients).await?);
        found.extend(snapshots(&clients).await?);
        Ok(found)
    }
}

impl Writer {
    /// Removes something; what is gone already is no error.
    ///
    /// An image's snapshots stay: they are resources of their own.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `DependencyViolation`, `VolumeInUse`, `InvalidSnapshot.InUse` while something uses it.
    pub async fn remove(&self, region: &Region, kind: ResourceKind, id: &str) -> Result<(), CloudError> {
        let ec2 = &self.reader().clients(region).ec2;
        let done = match kind {
            ResourceKind::Payload => self.remove_payload(region, id).await,
            ResourceKind::Instance => {
                ec2.terminate_instances().instance_ids(id).send().await.map(drop).map_err(error::of("TerminateInstances", region))
            }
            ResourceKind::Volume => ec2.delete_volume().volume_id(id).send().await.map(drop).map_err(error::of("DeleteVolume", region)),
            ResourceKind::SecurityGroup => {
                ec2.delete_security_group().group_id(id).send().await.map(drop).map_err(error::of("DeleteSecurityGroup", region))
            }
            ResourceKind::KeyPair => {
                ec2.delete_key_pair().key_pair_id(id).send().await.map(drop).map_err(error::of("DeleteKeyPair", region))
            }
            ResourceKind::Image => ec2.deregister_image().image_id(id).send().await.map(drop).map_err(error::of("DeregisterImage", region)),
            ResourceKind::Snapshot => {
                ec2.delete_snapshot().snapshot_id(id).send().await.map(drop).map_err(error::of("DeleteSnapshot", region))
            }
        };
        match done {
            Err(e) if e.code.as_deref().is_some_and(|code| GONE.contains(&code)) => Ok(()),
            done => done,
        }
    }
}

/// What EC2 says of things that are not there any more.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const GONE: &[&str] = &[
    "InvalidAMIID.NotFound",
    "InvalidAMIID.Unavailable",
    "InvalidGroup.NotFound",
    "InvalidInstanceID.NotFound",
    "InvalidSnapshot.NotFound",
    "InvalidVolume.NotFound",
];

/// What carries a product's tag is bakehouse's.
fn ours() -> sdk::Filter {
    filter("tag-key", tag::PRODUCT)
}

async fn instances(clients: &Clients) -> Result<Vec<Resource>, CloudError> {
    let mut pages = clients.ec2.describe_instances().filters(ours()).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(error::of("DescribeInstances", &clients.region))?;
        for instance in page.reservations().iter().flat_map(|r| r.instances()) {
            let state = instance.state().and_then(|s| s.name()).map_or("", |name| name.as_str());
            let Some(id) = instance.instance_id().filter(|_| state != "terminated") else { continue };
            let instance_type = instance.instance_type().map_or("", |t| t.as_str()).to_owned();
            found.push(Resource {
                created: instance.launch_time().and_then(timestamp),
                // A stopped instance costs nothing but its volumes.
                billed: if state == "stopped" { Billed::Nothing } else { Billed::Instance { instance_type } },
                ..resource(clients, ResourceKind::Instance, id, instance.tags())
            });
        }
    }
    Ok(found)
}

async fn volumes(clients: &Clients) -> Result<Vec<Resource>, CloudError> {
    let mut pages = clients.ec2.describe_volumes().filters(ours()).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(error::of("DescribeVolumes", &clients.region))?;
        for volume in page.volumes() {
            let Some(id) = volume.volume_id() else { continue };
            let volume_type = volume.volume_type().map_or("", |t| t.as_str()).to_owned();
            found.push(Resource {
                created: volume.create_time().and_then(timestamp),
                billed: Billed::Volume { volume_type, size_gib: gib(volume.size()) },
                ..resource(clients, ResourceKind::Volume, id, volume.tags())
            });
        }
    }
    Ok(found)
}

async fn security_groups(clients: &Clients) -> Result<Vec<Resource>, CloudError> {
    let mut pages = clients.ec2.describe_security_groups().filters(ours()).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(error::of("DescribeSecurityGroups", &clients.region))?;
        let groups = page.security_groups().iter();
        found.extend(groups.filter_map(|group| Some(resource(clients, ResourceKind::SecurityGroup, group.group_id()?, group.tags()))));
    }
    Ok(found)
}

async fn key_pairs(clients: &Clients) -> Result<Vec<Resource>, CloudError> {
    let answer = clients.ec2.describe_key_pairs().filters(ours()).send().await.map_err(error::of("DescribeKeyPairs", &clients.region))?;
    let pairs = answer.key_pairs().iter().filter_map(|pair| {
        let created = pair.create_time().and_then(timestamp);
        Some(Resource { created, ..resource(clients, ResourceKind::KeyPair, pair.key_pair_id()?, pair.tags()) })
    });
    Ok(pairs.collect())
}

async fn images(clients: &Clients) -> Result<Vec<Resource>, CloudError> {
    let mut pages = clients.ec2.describe_images().owners("self").filters(ours()).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(error::of("DescribeImages", &clients.region))?;
        for image in page.images() {
            let Some(id) = image.image_id() else { continue };
            let snapshots = image.block_device_mappings().iter().filter_map(|m| m.ebs()?.snapshot_id()?.parse().ok());
            found.push(Resource {
                created: image.creation_date().and_then(|date| date.parse().ok()),
                snapshots: snapshots.collect(),
                ..resource(clients, ResourceKind::Image, id, image.tags())
            });
        }
    }
    Ok(found)
}

async fn snapshots(clients: &Clients) -> Result<Vec<Resource>, CloudError> {
    let mut pages = clients.ec2.describe_snapshots().owner_ids("self").filters(ours()).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(error::of("DescribeSnapshots", &clients.region))?;
        for snapshot in page.snapshots() {
            let Some(id) = snapshot.snapshot_id() else { continue };
            found.push(Resource {
                created: snapshot.start_time().and_then(timestamp),
                billed: Billed::Snapshot { size_gib: gib(snapshot.volume_size()) },
                ..resource(clients, ResourceKind::Snapshot, id, snapshot.tags())
            });
        }
    }
    Ok(found)
}

fn resource(clients: &Clients, kind: ResourceKind, id: &str, its_tags: &[sdk::Tag]) -> Resource {
    let (region, tags) = (clients.region.clone(), tags(its_tags));
    Resource { kind, id: id.to_owned(), region, tags, created: None, billed: Billed::Nothing, snapshots: Vec::new() }
}

fn timestamp(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn gib(size: Option<i32>) -> u32 {
    size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0)
}
