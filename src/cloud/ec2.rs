//! Looking at EC2.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use aws_sdk_ec2::types as sdk;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::session::{Clients, Reader};
use super::{CloudError, error};
use crate::model::ids::{AccountId, Architecture, ImageId, InstanceId, Region, RunId, SecurityGroupId, SnapshotId, Variant};
use crate::model::image::{Image, ImageDescription, tag};

/// An instance as EC2 tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceDescription {
    /// Its id.
    pub id: InstanceId,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down`, `terminated`.
    pub state: String,
    /// EC2's reason for the last change of state.
    pub state_reason: Option<String>,
    /// Its public address while it has one, else its private one.
    pub address: Option<Ipv4Addr>,
}

/// An instance type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceTypeDescription {
    /// Architectures it runs.
    pub architectures: BTreeSet<String>,
    /// `nitro` or `xen`; absent for bare metal.
    pub hypervisor: Option<String>,
    /// Boot modes it knows.
    pub boot_modes: BTreeSet<String>,
    /// Virtual processors, as quotas count them.
    pub vcpus: u32,
}

impl Reader {
    /// Describes an image; `None` when there is none of that id that the caller may see.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn image(&self, region: &Region, id: &ImageId) -> Result<Option<ImageDescription>, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.describe_images().image_ids(id.as_str()).send().await.map_err(error::of("DescribeImages", region));
        match answer {
            Ok(answer) => self.first_image(&clients, answer.images()).await,
            Err(e) if e.code.as_deref().is_some_and(|c| c.starts_with("InvalidAMIID.")) && !e.is("InvalidAMIID.Malformed") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Finds the caller's own image of a name.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn own_image_named(&self, region: &Region, name: &str) -> Result<Option<ImageDescription>, CloudError> {
        let clients = self.clients(region);
        let answer = clients
            .ec2
            .describe_images()
            .owners("self")
            .filters(filter("name", name))
            .send()
            .await
            .map_err(error::of("DescribeImages", region))?;
        let exact: Vec<_> = answer.images().iter().filter(|i| i.name() == Some(name)).cloned().collect();
        self.first_image(&clients, &exact).await
    }

    /// Lists a variant's images that are tagged as released, with their tags.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn released_images(
        &self,
        region: &Region,
        variant: &Variant,
    ) -> Result<Vec<(ImageId, BTreeMap<String, String>)>, CloudError> {
        self.tagged_as_released(region, filter(&format!("tag:{}", tag::VARIANT), &variant.to_string())).await
    }

    /// Lists the variants that have images in a Region that are tagged as released.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn released_variants(&self, region: &Region) -> Result<BTreeSet<Variant>, CloudError> {
        let images = self.tagged_as_released(region, filter("tag-key", tag::VARIANT)).await?;
        Ok(images.iter().filter_map(|(_, tags)| tags.get(tag::VARIANT)?.parse().ok()).collect())
    }

    async fn tagged_as_released(&self, region: &Region, of: sdk::Filter) -> Result<Vec<(ImageId, BTreeMap<String, String>)>, CloudError> {
        let clients = self.clients(region);
        let released = filter(&format!("tag:{}", tag::STATE), "released");
        let mut pages = clients.ec2.describe_images().owners("self").filters(of).filters(released).into_paginator().send();
        let mut images = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(error::of("DescribeImages", region))?;
            images.extend(page.images().iter().filter_map(|i| Some((i.image_id()?.parse().ok()?, tags(i.tags())))));
        }
        Ok(images)
    }

    /// Lists an owner's available images whose name matches a pattern, newest first.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub(super) async fn images_named(&self, region: &Region, owner: &str, pattern: &str) -> Result<Vec<sdk::Image>, CloudError> {
        let clients = self.clients(region);
        let mut pages = clients
            .ec2
            .describe_images()
            .owners(owner)
            .filters(filter("name", pattern))
            .filters(filter("state", "available"))
            .into_paginator()
            .send();
        let mut images = Vec::new();
        while let Some(page) = pages.next().await {
            images.extend(page.map_err(error::of("DescribeImages", region))?.images.unwrap_or_default());
        }
        // RFC 3339 dates sort as text.
        images.sort_by(|a, b| b.creation_date().cmp(&a.creation_date()));
        Ok(images)
    }

    /// Describes an instance; `None` when it is unknown (never made, or long ended).
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn instance(&self, region: &Region, id: &InstanceId) -> Result<Option<InstanceDescription>, CloudError> {
        let clients = self.clients(region);
        match clients.ec2.describe_instances().instance_ids(id.as_str()).send().await.map_err(error::of("DescribeInstances", region)) {
            Ok(answer) => Ok(instances(answer.reservations()).into_iter().next()),
            Err(e) if e.is("InvalidInstanceID.NotFound") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Lists the instances of a run that are not terminated.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn instances_of_run(&self, region: &Region, run: &RunId) -> Result<Vec<InstanceDescription>, CloudError> {
        let clients = self.clients(region);
        let answer = clients
            .ec2
            .describe_instances()
            .filters(filter(&format!("tag:{}", tag::RUN), run.as_str()))
            .send()
            .await
            .map_err(error::of("DescribeInstances", region))?;
        Ok(instances(answer.reservations()).into_iter().filter(|i| i.state != "terminated").collect())
    }

    /// Returns EC2's own checks of an instance, system and instance: `initializing`, `ok`, `impaired`…
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn instance_checks(&self, region: &Region, id: &InstanceId) -> Result<Option<(String, String)>, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.describe_instance_status().instance_ids(id.as_str()).send().await;
        let answer = answer.map_err(error::of("DescribeInstanceStatus", region))?;
        let text = |summary: Option<&sdk::InstanceStatusSummary>| summary.and_then(|s| s.status()).map_or("", |s| s.as_str()).to_owned();
        Ok(answer.instance_statuses().first().map(|status| (text(status.system_status()), text(status.instance_status()))))
    }

    /// Lists the names of a run's key pairs.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn key_pairs_of_run(&self, region: &Region, run: &RunId) -> Result<Vec<String>, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.describe_key_pairs().filters(filter(&format!("tag:{}", tag::RUN), run.as_str())).send().await;
        let answer = answer.map_err(error::of("DescribeKeyPairs", region))?;
        Ok(answer.key_pairs().iter().filter_map(|pair| pair.key_name().map(str::to_owned)).collect())
    }

    /// Lists a run's security groups.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn security_groups_of_run(&self, region: &Region, run: &RunId) -> Result<Vec<SecurityGroupId>, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.describe_security_groups().filters(filter(&format!("tag:{}", tag::RUN), run.as_str())).send().await;
        let answer = answer.map_err(error::of("DescribeSecurityGroups", region))?;
        Ok(answer.security_groups().iter().filter_map(|group| group.group_id()?.parse().ok()).collect())
    }

    /// Returns what an instance wrote to its console, as far as EC2 gives it; empty while there is nothing.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn console(&self, region: &Region, id: &InstanceId) -> Result<Vec<u8>, CloudError> {
        let clients = self.clients(region);
        let answer = clients
            .ec2
            .get_console_output()
            .instance_id(id.as_str())
            .latest(true)
            .send()
            .await
            .map_err(error::of("GetConsoleOutput", region))?;
        Ok(STANDARD.decode(answer.output().unwrap_or_default()).unwrap_or_default())
    }

    /// Tells whether the account encrypts new volumes and snapshots unless told otherwise.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn encrypts_by_default(&self, region: &Region) -> Result<bool, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.get_ebs_encryption_by_default().send().await.map_err(error::of("GetEbsEncryptionByDefault", region))?;
        Ok(answer.ebs_encryption_by_default().unwrap_or(false))
    }

    /// Describes an instance type; `None` where the Region has none of that name.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn instance_type(&self, region: &Region, name: &str) -> Result<Option<InstanceTypeDescription>, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.describe_instance_types().instance_types(sdk::InstanceType::from(name)).send().await;
        match answer.map_err(error::of("DescribeInstanceTypes", region)) {
            Ok(answer) => Ok(answer.instance_types().first().map(|t| InstanceTypeDescription {
                architectures: t
                    .processor_info()
                    .map(|p| p.supported_architectures().iter().map(|a| a.as_str().to_owned()).collect())
                    .unwrap_or_default(),
                hypervisor: t.hypervisor().map(|h| h.as_str().to_owned()),
                vcpus: t.v_cpu_info().and_then(|v| v.default_v_cpus()).and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                boot_modes: t.supported_boot_modes().iter().map(|m| m.as_str().to_owned()).collect(),
            })),
            Err(e) if e.is("InvalidInstanceType") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Finds the caller's security group of a name.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn security_group_named(&self, region: &Region, name: &str) -> Result<Option<SecurityGroupId>, CloudError> {
        let clients = self.clients(region);
        let answer = clients
            .ec2
            .describe_security_groups()
            .filters(filter("group-name", name))
            .send()
            .await
            .map_err(error::of("DescribeSecurityGroups", region))?;
        Ok(answer.security_groups().iter().find_map(|g| g.group_id()?.parse().ok()))
    }

    /// Lists the accounts that may launch an image.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn launch_permissions(&self, region: &Region, id: &ImageId) -> Result<BTreeSet<AccountId>, CloudError> {
        let clients = self.clients(region);
        let answer = clients
            .ec2
            .describe_image_attribute()
            .image_id(id.as_str())
            .attribute(sdk::ImageAttributeName::LaunchPermission)
            .send()
            .await
            .map_err(error::of("DescribeImageAttribute", region))?;
        Ok(answer.launch_permissions().iter().filter_map(|p| p.user_id()?.parse().ok()).collect())
    }

    /// Lists the accounts that may read a snapshot.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn snapshot_readers(&self, region: &Region, id: &SnapshotId) -> Result<BTreeSet<AccountId>, CloudError> {
        let clients = self.clients(region);
        let answer = clients
            .ec2
            .describe_snapshot_attribute()
            .snapshot_id(id.as_str())
            .attribute(sdk::SnapshotAttributeName::CreateVolumePermission)
            .send()
            .await
            .map_err(error::of("DescribeSnapshotAttribute", region))?;
        Ok(answer.create_volume_permissions().iter().filter_map(|p| p.user_id()?.parse().ok()).collect())
    }

    async fn first_image(&self, clients: &Clients, images: &[sdk::Image]) -> Result<Option<ImageDescription>, CloudError> {
        let Some(image) = images.first() else { return Ok(None) };
        Ok(Some(describe(&clients.region, image).map_err(|what| CloudError::incomplete("DescribeImages", &clients.region, what))?))
    }
}

pub(super) fn filter(name: &str, value: &str) -> sdk::Filter {
    sdk::Filter::builder().name(name).values(value).build()
}

fn instances(reservations: &[sdk::Reservation]) -> Vec<InstanceDescription> {
    let described = reservations.iter().flat_map(|r| r.instances()).filter_map(|i| {
        Some(InstanceDescription {
            id: i.instance_id()?.parse().ok()?,
            state: i.state()?.name()?.as_str().to_owned(),
            state_reason: i.state_reason().and_then(|r| r.message()).map(str::to_owned),
            address: i.public_ip_address().or(i.private_ip_address()).and_then(|address| address.parse().ok()),
        })
    });
    described.collect()
}

/// Takes over EC2's description of an image; says which member is missing or odd.
pub(super) fn describe(region: &Region, image: &sdk::Image) -> Result<ImageDescription, String> {
    let text = |what: &str, value: Option<&str>| value.map(str::to_owned).ok_or_else(|| format!("the image has no {what}"));
    let id = text("id", image.image_id())?.parse::<ImageId>().map_err(|e| e.to_string())?;
    let root_device = image.root_device_name().unwrap_or_default().to_owned();
    let mut disks: Vec<_> = image.block_device_mappings().iter().filter_map(|m| Some((m.device_name()?, m.ebs()?))).collect();
    disks.sort_by_key(|(name, _)| (*name != root_device, name.to_string()));
    let mut snapshots = Vec::new();
    for (_, disk) in &disks {
        // A pending image has no snapshots yet.
        if let Some(snapshot) = disk.snapshot_id() {
            snapshots.push(snapshot.parse::<SnapshotId>().map_err(|e| e.to_string())?);
        }
    }
    Ok(ImageDescription {
        state: image.state().map(|s| s.as_str().to_owned()).unwrap_or_default(),
        state_reason: image.state_reason().and_then(|r| r.message()).map(str::to_owned),
        owner: text("owner", image.owner_id())?.parse().map_err(|e: crate::model::ids::InvalidId| e.to_string())?,
        architecture: image.architecture().map(|a| a.as_str().to_owned()).unwrap_or_default(),
        root_volume_size_gib: disks
            .iter()
            .find(|(name, _)| *name == root_device)
            .and_then(|(_, d)| d.volume_size())
            .and_then(|size| u32::try_from(size).ok())
            .unwrap_or(0),
        boot_mode: image.boot_mode().map(|m| m.as_str().to_owned()),
        encrypted: disks.iter().any(|(_, d)| d.encrypted().unwrap_or(false)),
        virtualization: image.virtualization_type().map(|v| v.as_str().to_owned()).unwrap_or_default(),
        ena_support: image.ena_support().unwrap_or(false),
        product_codes: image.product_codes().iter().filter_map(|c| c.product_code_id().map(str::to_owned)).collect(),
        created: image.creation_date().and_then(|d| d.parse().ok()),
        tags: tags(image.tags()),
        image: Image { id, region: region.clone(), name: image.name().unwrap_or_default().to_owned(), snapshots },
        root_device,
    })
}

pub(super) fn tags(tags: &[sdk::Tag]) -> BTreeMap<String, String> {
    tags.iter().filter_map(|t| Some((t.key()?.to_owned(), t.value().unwrap_or_default().to_owned()))).collect()
}

impl InstanceTypeDescription {
    /// Tells whether it runs images of an architecture.
    pub fn runs(&self, architecture: Architecture) -> bool {
        self.architectures.contains(architecture.as_str())
    }
}
