//! Changing things in EC2.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::session::Writer;
use super::{CloudError, error};
use crate::model::ids::{AccountId, ImageId, InstanceId, Region, SecurityGroupId, SnapshotId, SubnetId};

/// Tags by key.
type Tags = BTreeMap<String, String>;

/// An instance to be started.
#[derive(Debug, Clone)]
pub struct InstanceSpec {
    /// The image.
    pub image: ImageId,
    /// Such as `t3.small`.
    pub instance_type: String,
    /// The image's own root device.
    pub root_device: String,
    /// Size of the root volume in GiB.
    pub root_volume_size_gib: u32,
    /// Type of the root volume.
    pub root_volume_type: String,
    /// The security group.
    pub security_group: SecurityGroupId,
    /// The subnet; the default VPC's when absent.
    pub subnet: Option<SubnetId>,
    /// Whether it gets a public address; as the subnet says when absent.
    pub public_address: Option<bool>,
    /// The key pair that its login user is opened by.
    pub key: Option<String>,
    /// User data, not encoded; empty for none.
    pub user_data: Vec<u8>,
    /// Tags of instance and volume.
    pub tags: Tags,
}

/// An image to be made from an instance.
#[derive(Debug, Clone)]
pub struct ImageFromInstance {
    /// The instance, stopped.
    pub instance: InstanceId,
    /// The image's name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Tags of image and snapshots.
    pub tags: Tags,
}

/// An image to be copied.
#[derive(Debug, Clone)]
pub struct CopySpec {
    /// Where it is.
    pub from: Region,
    /// What it is.
    pub image: ImageId,
    /// The copy's name.
    pub name: String,
    /// The copy's description.
    pub description: String,
    /// Tags of copy and snapshots.
    pub tags: Tags,
}

impl Writer {
    /// Makes a security group that lets nothing in, in the subnet's VPC or the default one.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `InvalidGroup.Duplicate` when the name is there.
    pub async fn create_security_group(
        &self,
        region: &Region,
        name: &str,
        description: &str,
        subnet: Option<&SubnetId>,
        tags: &Tags,
    ) -> Result<SecurityGroupId, CloudError> {
        let clients = self.reader().clients(region);
        let vpc = match subnet {
            None => None,
            Some(subnet) => {
                let answer = clients.ec2.describe_subnets().subnet_ids(subnet.as_str()).send().await;
                let answer = answer.map_err(error::of("DescribeSubnets", region))?;
                answer.subnets().first().and_then(|s| s.vpc_id().map(str::to_owned))
            }
        };
        let answer = clients
            .ec2
            .create_security_group()
            .group_name(name)
            .description(description)
            .set_vpc_id(vpc)
            .tag_specifications(tagged(sdk::ResourceType::SecurityGroup, tags))
            .send()
            .await
            .map_err(error::of("CreateSecurityGroup", region))?;
        made("CreateSecurityGroup", region, answer.group_id())
    }

    /// Removes a security group; one that is gone already is no error.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `DependencyViolation` while it is in use.
    pub async fn delete_security_group(&self, region: &Region, id: &SecurityGroupId) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        let answer = clients.ec2.delete_security_group().group_id(id.as_str()).send().await;
        unless_gone(answer.map_err(error::of("DeleteSecurityGroup", region)), &["InvalidGroup.NotFound"])
    }

    /// Has a security group let TCP connections in to ports, from a range of addresses.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn open_ports(&self, region: &Region, id: &SecurityGroupId, ports: &BTreeSet<u16>, from: &str) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        let permissions = ports.iter().map(|port| {
            let range = sdk::IpRange::builder().cidr_ip(from).build();
            let port = i32::from(*port);
            sdk::IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
        });
        let request = clients.ec2.authorize_security_group_ingress().group_id(id.as_str());
        let answer = request.set_ip_permissions(Some(permissions.collect())).send().await;
        match answer.map_err(error::of("AuthorizeSecurityGroupIngress", region)) {
            // An attempt whose answer was lost has done it.
            Err(e) if !e.is("InvalidPermission.Duplicate") => Err(e),
            _ => Ok(()),
        }
    }

    /// Makes a key pair known by its public half.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `InvalidKeyPair.Duplicate` when the name is there.
    pub async fn import_key_pair(&self, region: &Region, name: &str, public: &str, tags: &Tags) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        let request = clients.ec2.import_key_pair().key_name(name).public_key_material(public.as_bytes().to_vec().into());
        let answer = request.tag_specifications(tagged(sdk::ResourceType::KeyPair, tags)).send().await;
        answer.map_err(error::of("ImportKeyPair", region)).map(drop)
    }

    /// Removes a key pair; one that is gone already is no error.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn delete_key_pair(&self, region: &Region, name: &str) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        clients.ec2.delete_key_pair().key_name(name).send().await.map_err(error::of("DeleteKeyPair", region)).map(drop)
    }

    /// Starts an instance: metadata by token only, root volume gone with it, a power-off from within
    /// stops it.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn run_instance(&self, region: &Region, spec: &InstanceSpec, token: &str) -> Result<InstanceId, CloudError> {
        let root = sdk::EbsBlockDevice::builder()
            .volume_size(i32::try_from(spec.root_volume_size_gib).unwrap_or(i32::MAX))
            .volume_type(sdk::VolumeType::from(spec.root_volume_type.as_str()))
            .delete_on_termination(true)
            .build();
        let metadata = sdk::InstanceMetadataOptionsRequest::builder().http_tokens(sdk::HttpTokensState::Required).build();
        let mut request = self
            .reader()
            .clients(region)
            .ec2
            .run_instances()
            .min_count(1)
            .max_count(1)
            .image_id(spec.image.as_str())
            .instance_type(sdk::InstanceType::from(spec.instance_type.as_str()))
            .client_token(token)
            .set_key_name(spec.key.clone())
            .set_user_data((!spec.user_data.is_empty()).then(|| STANDARD.encode(&spec.user_data)))
            .metadata_options(metadata)
            .instance_initiated_shutdown_behavior(sdk::ShutdownBehavior::Stop)
            .block_device_mappings(sdk::BlockDeviceMapping::builder().device_name(&spec.root_device).ebs(root).build())
            .tag_specifications(tagged(sdk::ResourceType::Instance, &spec.tags))
            .tag_specifications(tagged(sdk::ResourceType::Volume, &spec.tags));
        request = if let Some(public) = spec.public_address {
            // Asking for or against a public address is done on the network interface, with the group on it.
            let card = sdk::InstanceNetworkInterfaceSpecification::builder()
                .device_index(0)
                .associate_public_ip_address(public)
                .groups(spec.security_group.as_str())
                .set_subnet_id(spec.subnet.as_ref().map(|s| s.as_str().to_owned()));
            request.network_interfaces(card.build())
        } else {
            request.security_group_ids(spec.security_group.as_str()).set_subnet_id(spec.subnet.as_ref().map(|s| s.as_str().to_owned()))
        };
        let answer = request.send().await.map_err(error::of("RunInstances", region))?;
        made("RunInstances", region, answer.instances().first().and_then(|i| i.instance_id()))
    }

    /// Ends an instance; one that is gone already is no error.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn terminate_instance(&self, region: &Region, id: &InstanceId) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        let answer = clients.ec2.terminate_instances().instance_ids(id.as_str()).send().await;
        unless_gone(answer.map_err(error::of("TerminateInstances", region)), &["InvalidInstanceID.NotFound"])
    }

    /// Makes an image of a stopped instance.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `InvalidAMIName.Duplicate` when the name is there.
    pub async fn create_image(&self, region: &Region, spec: &ImageFromInstance) -> Result<ImageId, CloudError> {
        let clients = self.reader().clients(region);
        let answer = clients
            .ec2
            .create_image()
            .instance_id(spec.instance.as_str())
            .name(&spec.name)
            .description(&spec.description)
            .tag_specifications(tagged(sdk::ResourceType::Image, &spec.tags))
            .tag_specifications(tagged(sdk::ResourceType::Snapshot, &spec.tags))
            .send()
            .await
            .map_err(error::of("CreateImage", region))?;
        made("CreateImage", region, answer.image_id())
    }

    /// Has instances of an image demand tokens of who asks for metadata. Can't be taken back.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn require_imds_v2(&self, region: &Region, id: &ImageId) -> Result<(), CloudError> {
        let value = sdk::AttributeValue::builder().value("v2.0").build();
        let clients = self.reader().clients(region);
        let answer = clients.ec2.modify_image_attribute().image_id(id.as_str()).imds_support(value).send().await;
        answer.map_err(error::of("ModifyImageAttribute", region))?;
        Ok(())
    }

    /// Sets tags on resources.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn tag(&self, region: &Region, resources: &[String], tags: &Tags) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        let request = clients.ec2.create_tags().set_resources(Some(resources.to_vec())).set_tags(Some(sdk_tags(tags)));
        request.send().await.map_err(error::of("CreateTags", region))?;
        Ok(())
    }

    /// Copies an image to a Region.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `ResourceLimitExceeded` when too many copies to the Region are under way.
    pub async fn copy_image(&self, region: &Region, spec: &CopySpec, token: &str) -> Result<ImageId, CloudError> {
        let clients = self.reader().clients(region);
        let answer = clients
            .ec2
            .copy_image()
            .source_region(spec.from.as_str())
            .source_image_id(spec.image.as_str())
            .name(&spec.name)
            .description(&spec.description)
            .client_token(token)
            .tag_specifications(tagged(sdk::ResourceType::Image, &spec.tags))
            .tag_specifications(tagged(sdk::ResourceType::Snapshot, &spec.tags))
            .send()
            .await
            .map_err(error::of("CopyImage", region))?;
        made("CopyImage", region, answer.image_id())
    }

    /// Lets an account launch an image.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn share_image(&self, region: &Region, id: &ImageId, account: &AccountId) -> Result<(), CloudError> {
        let permission = sdk::LaunchPermission::builder().user_id(account.as_str()).build();
        let change = sdk::LaunchPermissionModifications::builder().add(permission).build();
        let clients = self.reader().clients(region);
        let answer = clients.ec2.modify_image_attribute().image_id(id.as_str()).launch_permission(change).send().await;
        answer.map_err(error::of("ModifyImageAttribute", region))?;
        Ok(())
    }

    /// Lets an account read a snapshot.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn share_snapshot(&self, region: &Region, id: &SnapshotId, account: &AccountId) -> Result<(), CloudError> {
        let clients = self.reader().clients(region);
        let answer = clients
            .ec2
            .modify_snapshot_attribute()
            .snapshot_id(id.as_str())
            .attribute(sdk::SnapshotAttributeName::CreateVolumePermission)
            .operation_type(sdk::OperationType::Add)
            .user_ids(account.as_str())
            .send()
            .await;
        answer.map_err(error::of("ModifySnapshotAttribute", region))?;
        Ok(())
    }
}

fn sdk_tags(tags: &Tags) -> Vec<sdk::Tag> {
    tags.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

fn tagged(kind: sdk::ResourceType, tags: &Tags) -> sdk::TagSpecification {
    sdk::TagSpecification::builder().resource_type(kind).set_tags(Some(sdk_tags(tags))).build()
}

fn made<T: std::str::FromStr<Err = crate::model::ids::InvalidId>>(
    operation: &'static str,
    region: &Region,
    id: Option<&str>,
) -> Result<T, CloudError> {
    let id = id.ok_or_else(|| CloudError::incomplete(operation, region, "the answer names no id"))?;
    id.parse().map_err(|e: crate::model::ids::InvalidId| CloudError::incomplete(operation, region, e.to_string()))
}

fn unless_gone<T>(answer: Result<T, CloudError>, gone: &[&str]) -> Result<(), CloudError> {
    match answer {
        Err(e) if !e.code.as_deref().is_some_and(|code| gone.contains(&code)) => Err(e),
        _ => Ok(()),
    }
}
