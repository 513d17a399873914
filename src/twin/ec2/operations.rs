//! The operations of EC2 as data: the dispatcher holds every request against its row.
//!
//! What AWS takes, and the names it has, are those of EC2's service model, version 2016-11-15.
//! Sources of the rates: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>

use crate::twin::rates::Rate;
use crate::twin::table::Row;

/// Codes that every operation refuses with; `DryRunOperation` is the one that says yes.
pub(in crate::twin) const COMMON_ERRORS: &str = "AuthFailure DryRunOperation InternalError InvalidParameterCombination InvalidParameterValue \
    InvalidQueryParameter MissingParameter NoSuchVersion RequestLimitExceeded UnauthorizedOperation \
    UnknownParameter UnsupportedOperation";

/// What an operation draws on that changes nothing.
const NON_MUTATING: Rate = Rate::of(100, 20);
/// The same, where lists asked for without filter or page have a bucket of their own.
const UNFILTERED: Rate = NON_MUTATING.unfiltered(50, 10);
/// What an operation draws on that changes something.
const MUTATING: Rate = Rate::of(50, 5);
/// What an operation draws on that AWS counts as resource-intensive.
const RESOURCE_INTENSIVE: Rate = Rate::of(50, 5);

/// All of them, by name. `DryRun` goes without saying.
pub(in crate::twin) static OPERATIONS: &[Row] = &[
    Row::new("AuthorizeSecurityGroupEgress", MUTATING)
        .takes(
            "CidrIp FromPort GroupId IpPermissions.N.FromPort IpPermissions.N.Groups.N.Description IpPermissions.N.Groups.N.GroupId \
             IpPermissions.N.IpProtocol IpPermissions.N.IpRanges.N.CidrIp IpPermissions.N.IpRanges.N.Description \
             IpPermissions.N.Ipv6Ranges.N.CidrIpv6 IpPermissions.N.Ipv6Ranges.N.Description IpPermissions.N.ToPort IpProtocol \
             ToPort",
        )
        .refuses(
            "IpPermissions.N.Groups.N.GroupName IpPermissions.N.Groups.N.PeeringStatus IpPermissions.N.Groups.N.UserId \
             IpPermissions.N.Groups.N.VpcId IpPermissions.N.Groups.N.VpcPeeringConnectionId IpPermissions.N.PrefixListIds \
             SourceSecurityGroupName SourceSecurityGroupOwnerId TagSpecification",
        )
        .errors(
            "InvalidGroup.NotFound InvalidGroupId.Malformed InvalidPermission.Duplicate InvalidPermission.Malformed \
             RulesPerSecurityGroupLimitExceeded",
        ),
    Row::new("AuthorizeSecurityGroupIngress", RESOURCE_INTENSIVE)
        .takes(
            "CidrIp FromPort GroupId GroupName IpPermissions.N.FromPort IpPermissions.N.Groups.N.Description \
             IpPermissions.N.Groups.N.GroupId IpPermissions.N.IpProtocol IpPermissions.N.IpRanges.N.CidrIp \
             IpPermissions.N.IpRanges.N.Description IpPermissions.N.Ipv6Ranges.N.CidrIpv6 IpPermissions.N.Ipv6Ranges.N.Description \
             IpPermissions.N.ToPort IpProtocol ToPort",
        )
        .refuses(
            "IpPermissions.N.Groups.N.GroupName IpPermissions.N.Groups.N.PeeringStatus IpPermissions.N.Groups.N.UserId \
             IpPermissions.N.Groups.N.VpcId IpPermissions.N.Groups.N.VpcPeeringConnectionId IpPermissions.N.PrefixListIds \
             SourceSecurityGroupName SourceSecurityGroupOwnerId TagSpecification",
        )
        .errors(
            "InvalidGroup.NotFound InvalidGroupId.Malformed InvalidPermission.Duplicate InvalidPermission.Malformed \
             RulesPerSecurityGroupLimitExceeded",
        ),
    Row::new("CopyImage", Rate::of(100, 1))
        .takes(
            "ClientToken CopyImageTags Description Encrypted Name SourceImageId SourceRegion TagSpecification.N.ResourceType \
             TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value",
        )
        .refuses(
            "DestinationAvailabilityZone DestinationAvailabilityZoneId DestinationOutpostArn KmsKeyId \
             SnapshotCopyCompletionDurationMinutes",
        )
        .errors(
            "IdempotentParameterMismatch InvalidAMIID.Malformed InvalidAMIID.NotFound InvalidAMIID.Unavailable \
             InvalidAMIName.Duplicate InvalidAMIName.Malformed InvalidRequest ResourceLimitExceeded",
        ),
    Row::new("CopySnapshot", MUTATING)
        .takes(
            "Description DestinationRegion Encrypted PresignedUrl SourceRegion SourceSnapshotId TagSpecification.N.ResourceType \
             TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value",
        )
        .refuses("CompletionDurationMinutes DestinationAvailabilityZone DestinationOutpostArn KmsKeyId")
        .errors("IncorrectState InvalidSnapshot.NotFound InvalidSnapshotID.Malformed ResourceLimitExceeded"),
    Row::new("CreateImage", MUTATING)
        .takes(
            "Description InstanceId Name NoReboot TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key \
             TagSpecification.N.Tag.N.Value",
        )
        .refuses("BlockDeviceMapping SnapshotLocation")
        .errors(
            "IncorrectInstanceState InvalidAMIName.Duplicate InvalidAMIName.Malformed InvalidInstanceID.Malformed \
             InvalidInstanceID.NotFound InvalidVolume.NotFound PendingSnapshotLimitExceeded ResourceLimitExceeded",
        ),
    Row::new("CreateKeyPair", RESOURCE_INTENSIVE)
        .takes("KeyFormat KeyName KeyType TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value")
        .errors("InvalidKeyPair.Duplicate"),
    Row::new("CreateSecurityGroup", MUTATING)
        .takes(
            "GroupDescription GroupName TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value \
             VpcId",
        )
        .errors("InvalidGroup.Duplicate InvalidVpcID.Malformed InvalidVpcID.NotFound SecurityGroupLimitExceeded"),
    Row::new("CreateSnapshot", Rate::of(100, 5))
        .takes("Description TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value VolumeId")
        .refuses("Location OutpostArn")
        .errors("ConcurrentSnapshotLimitExceeded InvalidVolume.NotFound InvalidVolumeID.Malformed PendingSnapshotLimitExceeded"),
    Row::new("CreateTags", Rate::of(100, 10)).takes("ResourceId.N Tag.N.Key Tag.N.Value").errors(
        "InvalidAMIID.Malformed InvalidAMIID.NotFound InvalidGroup.NotFound InvalidGroupId.Malformed InvalidID \
             InvalidInstanceID.Malformed InvalidInstanceID.NotFound InvalidKeyPair.NotFound InvalidSnapshot.NotFound \
             InvalidSnapshotID.Malformed InvalidVolume.NotFound InvalidVolumeID.Malformed TagLimitExceeded",
    ),
    Row::new("DeleteKeyPair", MUTATING).takes("KeyName KeyPairId"),
    Row::new("DeleteSecurityGroup", MUTATING)
        .takes("GroupId GroupName")
        .errors("CannotDelete DependencyViolation InvalidGroup.NotFound InvalidGroupId.Malformed"),
    Row::new("DeleteSnapshot", Rate::of(100, 5))
        .takes("SnapshotId")
        .errors("InvalidSnapshot.InUse InvalidSnapshot.NotFound InvalidSnapshotID.Malformed"),
    Row::new("DeleteTags", Rate::of(100, 10)).takes("ResourceId.N Tag.N.Key Tag.N.Value").errors(
        "InvalidAMIID.Malformed InvalidAMIID.NotFound InvalidGroup.NotFound InvalidGroupId.Malformed InvalidID \
             InvalidInstanceID.Malformed InvalidInstanceID.NotFound InvalidKeyPair.NotFound InvalidSnapshot.NotFound \
             InvalidSnapshotID.Malformed InvalidVolume.NotFound InvalidVolumeID.Malformed",
    ),
    Row::new("DeleteVolume", Rate::of(100, 5)).takes("VolumeId").errors("InvalidVolume.NotFound InvalidVolumeID.Malformed VolumeInUse"),
    Row::new("DeregisterImage", Rate::of(100, 5))
        .takes("DeleteAssociatedSnapshots ImageId")
        .errors("InvalidAMIID.Malformed InvalidAMIID.NotFound"),
    Row::new("DescribeAvailabilityZones", NON_MUTATING)
        .takes("AllAvailabilityZones Filter.N.Name Filter.N.Value.N ZoneId.N ZoneName.N")
        .filters("region-name state zone-id zone-name zone-type"),
    Row::new("DescribeImageAttribute", NON_MUTATING).takes("Attribute ImageId").errors("InvalidAMIID.Malformed InvalidAMIID.NotFound"),
    Row::new("DescribeImages", NON_MUTATING)
        .takes("ExecutableBy.N Filter.N.Name Filter.N.Value.N ImageId.N IncludeDeprecated IncludeDisabled MaxResults NextToken Owner.N")
        .filters(
            "architecture block-device-mapping.snapshot-id boot-mode creation-date description ena-support hypervisor image-id \
             image-type imds-support is-public name owner-alias owner-id product-code root-device-name root-device-type \
             source-image-id source-image-region source-instance-id state tag-key tag:KEY virtualization-type",
        )
        .pages(5, 1000)
        .errors("InvalidAMIID.Malformed InvalidAMIID.NotFound InvalidNextToken InvalidUserID.Malformed"),
    Row::new("DescribeInstanceStatus", UNFILTERED)
        .takes("Filter.N.Name Filter.N.Value.N IncludeAllInstances InstanceId.N MaxResults NextToken")
        .refuses("IncludeManagedResources")
        .filters(
            "availability-zone instance-state-code instance-state-name instance-status.reachability instance-status.status \
             system-status.reachability system-status.status",
        )
        .pages(5, 1000)
        .errors("InvalidInstanceID.Malformed InvalidInstanceID.NotFound InvalidNextToken"),
    Row::new("DescribeInstanceTypes", NON_MUTATING)
        .takes("Filter.N.Name Filter.N.Value.N InstanceType.N MaxResults NextToken")
        .refuses("IncludeUnsupportedInRegion")
        .filters(
            "bare-metal burstable-performance-supported current-generation hypervisor instance-type memory-info.size-in-mib \
             network-info.ena-support processor-info.supported-architecture supported-boot-mode vcpu-info.default-vcpus",
        )
        .pages(5, 100)
        .errors("InvalidInstanceType InvalidNextToken"),
    Row::new("DescribeInstances", UNFILTERED)
        .takes("Filter.N.Name Filter.N.Value.N InstanceId.N MaxResults NextToken")
        .refuses("IncludeManagedResources")
        .filters(
            "architecture availability-zone client-token image-id instance-id instance-state-code instance-state-name instance-type \
             instance.group-id ip-address key-name launch-time owner-id private-ip-address reservation-id root-device-name \
             subnet-id tag-key tag:KEY vpc-id",
        )
        .pages(5, 1000)
        .errors("InvalidInstanceID.Malformed InvalidInstanceID.NotFound InvalidNextToken"),
    Row::new("DescribeKeyPairs", NON_MUTATING)
        .takes("Filter.N.Name Filter.N.Value.N IncludePublicKey KeyName.N KeyPairId.N")
        .filters("fingerprint key-name key-pair-id tag-key tag:KEY")
        .errors("InvalidKeyPair.NotFound"),
    Row::new("DescribeRegions", NON_MUTATING)
        .takes("AllRegions Filter.N.Name Filter.N.Value.N RegionName.N")
        .filters("endpoint opt-in-status region-name"),
    Row::new("DescribeSecurityGroupRules", NON_MUTATING)
        .takes("Filter.N.Name Filter.N.Value.N MaxResults NextToken SecurityGroupRuleId.N")
        .filters("group-id security-group-rule-id")
        .pages(5, 1000)
        .errors("InvalidNextToken InvalidSecurityGroupRuleId.NotFound"),
    Row::new("DescribeSecurityGroups", UNFILTERED)
        .takes("Filter.N.Name Filter.N.Value.N GroupId.N GroupName.N MaxResults NextToken")
        .filters("description group-id group-name owner-id tag-key tag:KEY vpc-id")
        .pages(5, 1000)
        .errors("InvalidGroup.NotFound InvalidGroupId.Malformed InvalidNextToken"),
    Row::new("DescribeSnapshotAttribute", NON_MUTATING)
        .takes("Attribute SnapshotId")
        .errors("InvalidSnapshot.NotFound InvalidSnapshotID.Malformed"),
    Row::new("DescribeSnapshots", UNFILTERED)
        .takes("Filter.N.Name Filter.N.Value.N MaxResults NextToken Owner.N RestorableBy.N SnapshotId.N")
        .filters(
            "description encrypted owner-alias owner-id progress snapshot-id start-time status tag-key tag:KEY volume-id \
             volume-size",
        )
        .pages(5, 1000)
        .errors("InvalidNextToken InvalidSnapshot.NotFound InvalidSnapshotID.Malformed InvalidUserID.Malformed"),
    Row::new("DescribeSubnets", NON_MUTATING)
        .takes("Filter.N.Name Filter.N.Value.N MaxResults NextToken SubnetId.N")
        .filters("availability-zone availabilityZone default-for-az defaultForAz state subnet-id tag-key tag:KEY vpc-id")
        .pages(5, 1000)
        .errors("InvalidNextToken InvalidSubnetID.Malformed InvalidSubnetID.NotFound"),
    Row::new("DescribeTags", NON_MUTATING)
        .takes("Filter.N.Name Filter.N.Value.N MaxResults NextToken")
        .filters("key resource-id resource-type tag:KEY value")
        .pages(5, 1000)
        .errors("InvalidNextToken"),
    Row::new("DescribeVolumes", UNFILTERED)
        .takes("Filter.N.Name Filter.N.Value.N MaxResults NextToken VolumeId.N")
        .refuses("IncludeManagedResources")
        .filters(
            "attachment.delete-on-termination attachment.device attachment.instance-id attachment.status availability-zone \
             create-time encrypted size snapshot-id status tag-key tag:KEY volume-id volume-type",
        )
        .pages(5, 1000)
        .errors("InvalidNextToken InvalidVolume.NotFound InvalidVolumeID.Malformed"),
    Row::new("DescribeVpcs", NON_MUTATING)
        .takes("Filter.N.Name Filter.N.Value.N MaxResults NextToken VpcId.N")
        .filters("cidr is-default isDefault state tag-key tag:KEY vpc-id")
        .pages(5, 1000)
        .errors("InvalidNextToken InvalidVpcID.Malformed InvalidVpcID.NotFound"),
    Row::new("DisableEbsEncryptionByDefault", MUTATING),
    Row::new("DisableImageBlockPublicAccess", MUTATING),
    Row::new("DisableSnapshotBlockPublicAccess", MUTATING),
    Row::new("EnableEbsEncryptionByDefault", MUTATING),
    Row::new("EnableImageBlockPublicAccess", MUTATING).takes("ImageBlockPublicAccessState"),
    Row::new("EnableSnapshotBlockPublicAccess", MUTATING).takes("State"),
    Row::new("GetConsoleOutput", NON_MUTATING).takes("InstanceId Latest").errors("InvalidInstanceID.Malformed InvalidInstanceID.NotFound"),
    Row::new("GetEbsEncryptionByDefault", NON_MUTATING),
    Row::new("GetImageBlockPublicAccessState", NON_MUTATING),
    Row::new("GetSnapshotBlockPublicAccessState", NON_MUTATING),
    Row::new("ImportKeyPair", MUTATING)
        .takes("KeyName PublicKeyMaterial TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value")
        .errors("InvalidKey.Format InvalidKeyPair.Duplicate"),
    Row::new("ModifyImageAttribute", Rate::of(100, 5))
        .takes(
            "Attribute Description.Value ImageId ImdsSupport.Value LaunchPermission.Add.N.Group LaunchPermission.Add.N.UserId \
             LaunchPermission.Remove.N.Group LaunchPermission.Remove.N.UserId OperationType UserGroup.N UserId.N Value",
        )
        .refuses(
            "LaunchPermission.Add.N.OrganizationArn LaunchPermission.Add.N.OrganizationalUnitArn \
             LaunchPermission.Remove.N.OrganizationArn LaunchPermission.Remove.N.OrganizationalUnitArn OrganizationArn \
             OrganizationalUnitArn ProductCode",
        )
        .errors(
            "InvalidAMIID.Malformed InvalidAMIID.NotFound InvalidAMIID.Unavailable InvalidParameter InvalidUserGroup.Malformed \
             InvalidUserID.Malformed OperationNotPermitted ResourceLimitExceeded",
        ),
    Row::new("ModifySnapshotAttribute", Rate::of(100, 5))
        .takes(
            "Attribute CreateVolumePermission.Add.N.Group CreateVolumePermission.Add.N.UserId CreateVolumePermission.Remove.N.Group \
             CreateVolumePermission.Remove.N.UserId OperationType SnapshotId UserGroup.N UserId.N",
        )
        .errors(
            "IncorrectState InvalidSnapshot.NotFound InvalidSnapshotID.Malformed InvalidUserGroup.Malformed InvalidUserID.Malformed \
             OperationNotPermitted",
        ),
    Row::new("RegisterImage", MUTATING)
        .takes(
            "Architecture BlockDeviceMapping.N.DeviceName BlockDeviceMapping.N.Ebs.DeleteOnTermination \
             BlockDeviceMapping.N.Ebs.SnapshotId BlockDeviceMapping.N.Ebs.VolumeSize BlockDeviceMapping.N.Ebs.VolumeType BootMode \
             Description EnaSupport ImdsSupport Name RootDeviceName TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key \
             TagSpecification.N.Tag.N.Value VirtualizationType",
        )
        .refuses(
            "BillingProduct BlockDeviceMapping.N.Ebs.AvailabilityZone BlockDeviceMapping.N.Ebs.AvailabilityZoneId \
             BlockDeviceMapping.N.Ebs.EbsCardIndex BlockDeviceMapping.N.Ebs.Encrypted BlockDeviceMapping.N.Ebs.Iops \
             BlockDeviceMapping.N.Ebs.KmsKeyId BlockDeviceMapping.N.Ebs.OutpostArn BlockDeviceMapping.N.Ebs.Throughput \
             BlockDeviceMapping.N.Ebs.VolumeInitializationRate BlockDeviceMapping.N.NoDevice BlockDeviceMapping.N.VirtualName \
             ImageLocation KernelId RamdiskId SriovNetSupport TpmSupport UefiData",
        )
        .errors(
            "IncorrectState InvalidAMIName.Duplicate InvalidAMIName.Malformed InvalidBlockDeviceMapping InvalidSnapshot.NotFound \
             InvalidSnapshotID.Malformed ResourceLimitExceeded",
        ),
    Row::new("ResetImageAttribute", MUTATING).takes("Attribute ImageId").errors("InvalidAMIID.Malformed InvalidAMIID.NotFound"),
    Row::new("RevokeSecurityGroupEgress", MUTATING)
        .takes(
            "CidrIp FromPort GroupId IpPermissions.N.FromPort IpPermissions.N.Groups.N.Description IpPermissions.N.Groups.N.GroupId \
             IpPermissions.N.IpProtocol IpPermissions.N.IpRanges.N.CidrIp IpPermissions.N.IpRanges.N.Description \
             IpPermissions.N.Ipv6Ranges.N.CidrIpv6 IpPermissions.N.Ipv6Ranges.N.Description IpPermissions.N.ToPort IpProtocol \
             SecurityGroupRuleId.N ToPort",
        )
        .refuses(
            "IpPermissions.N.Groups.N.GroupName IpPermissions.N.Groups.N.PeeringStatus IpPermissions.N.Groups.N.UserId \
             IpPermissions.N.Groups.N.VpcId IpPermissions.N.Groups.N.VpcPeeringConnectionId IpPermissions.N.PrefixListIds \
             SourceSecurityGroupName SourceSecurityGroupOwnerId",
        )
        .errors(
            "InvalidGroup.NotFound InvalidGroupId.Malformed InvalidPermission.Malformed InvalidPermission.NotFound \
             InvalidSecurityGroupRuleId.NotFound",
        ),
    Row::new("RevokeSecurityGroupIngress", RESOURCE_INTENSIVE)
        .takes(
            "CidrIp FromPort GroupId GroupName IpPermissions.N.FromPort IpPermissions.N.Groups.N.Description \
             IpPermissions.N.Groups.N.GroupId IpPermissions.N.IpProtocol IpPermissions.N.IpRanges.N.CidrIp \
             IpPermissions.N.IpRanges.N.Description IpPermissions.N.Ipv6Ranges.N.CidrIpv6 IpPermissions.N.Ipv6Ranges.N.Description \
             IpPermissions.N.ToPort IpProtocol SecurityGroupRuleId.N ToPort",
        )
        .refuses(
            "IpPermissions.N.Groups.N.GroupName IpPermissions.N.Groups.N.PeeringStatus IpPermissions.N.Groups.N.UserId \
             IpPermissions.N.Groups.N.VpcId IpPermissions.N.Groups.N.VpcPeeringConnectionId IpPermissions.N.PrefixListIds \
             SourceSecurityGroupName SourceSecurityGroupOwnerId",
        )
        .errors(
            "InvalidGroup.NotFound InvalidGroupId.Malformed InvalidPermission.Malformed InvalidPermission.NotFound \
             InvalidSecurityGroupRuleId.NotFound",
        ),
    Row::new("RunInstances", Rate::of(5, 2).with_resources(1000, 2))
        .takes(
            "BlockDeviceMapping.N.DeviceName BlockDeviceMapping.N.Ebs.DeleteOnTermination BlockDeviceMapping.N.Ebs.Encrypted \
             BlockDeviceMapping.N.Ebs.VolumeSize BlockDeviceMapping.N.Ebs.VolumeType ClientToken ImageId \
             InstanceInitiatedShutdownBehavior InstanceType KeyName MaxCount MetadataOptions.HttpEndpoint \
             MetadataOptions.HttpPutResponseHopLimit MetadataOptions.HttpTokens MinCount \
             NetworkInterface.N.AssociatePublicIpAddress NetworkInterface.N.DeleteOnTermination NetworkInterface.N.DeviceIndex \
             NetworkInterface.N.SecurityGroupId.N NetworkInterface.N.SubnetId Placement.AvailabilityZone SecurityGroupId.N SubnetId \
             TagSpecification.N.ResourceType TagSpecification.N.Tag.N.Key TagSpecification.N.Tag.N.Value UserData",
        )
        .refuses(
            "AdditionalInfo BlockDeviceMapping.N.Ebs.AvailabilityZone BlockDeviceMapping.N.Ebs.AvailabilityZoneId \
             BlockDeviceMapping.N.Ebs.EbsCardIndex BlockDeviceMapping.N.Ebs.Iops BlockDeviceMapping.N.Ebs.KmsKeyId \
             BlockDeviceMapping.N.Ebs.OutpostArn BlockDeviceMapping.N.Ebs.SnapshotId BlockDeviceMapping.N.Ebs.Throughput \
             BlockDeviceMapping.N.Ebs.VolumeInitializationRate BlockDeviceMapping.N.NoDevice BlockDeviceMapping.N.VirtualName \
             CapacityReservationSpecification CpuOptions CreditSpecification DisableApiStop DisableApiTermination EbsOptimized \
             ElasticGpuSpecification ElasticInferenceAccelerator EnablePrimaryIpv6 EnclaveOptions HibernationOptions \
             IamInstanceProfile InstanceMarketOptions Ipv6Address Ipv6AddressCount KernelId LaunchTemplate LicenseSpecification \
             MaintenanceOptions MetadataOptions.HttpProtocolIpv6 MetadataOptions.InstanceMetadataTags Monitoring \
             NetworkInterface.N.AssociateCarrierIpAddress NetworkInterface.N.ConnectionTrackingSpecification \
             NetworkInterface.N.Description NetworkInterface.N.EnaQueueCount NetworkInterface.N.EnaSrdSpecification \
             NetworkInterface.N.InterfaceType NetworkInterface.N.Ipv4Prefix NetworkInterface.N.Ipv4PrefixCount \
             NetworkInterface.N.Ipv6AddressCount NetworkInterface.N.Ipv6Addresses NetworkInterface.N.Ipv6Prefix \
             NetworkInterface.N.Ipv6PrefixCount NetworkInterface.N.NetworkCardIndex NetworkInterface.N.NetworkInterfaceId \
             NetworkInterface.N.PrimaryIpv6 NetworkInterface.N.PrivateIpAddress NetworkInterface.N.PrivateIpAddresses \
             NetworkInterface.N.SecondaryPrivateIpAddressCount NetworkPerformanceOptions Operator Placement.Affinity \
             Placement.AvailabilityZoneId Placement.GroupId Placement.GroupName Placement.HostId Placement.HostResourceGroupArn \
             Placement.PartitionNumber Placement.SpreadDomain Placement.Tenancy PrivateDnsNameOptions PrivateIpAddress RamdiskId \
             SecondaryInterface SecurityGroup",
        )
        .errors(
            "IdempotentInstanceTerminated IdempotentParameterMismatch InsufficientFreeAddressesInSubnet InvalidAMIID.Malformed \
             InvalidAMIID.NotFound InvalidAMIID.Unavailable InvalidBlockDeviceMapping InvalidGroup.NotFound \
             InvalidGroupId.Malformed InvalidInstanceType InvalidKeyPair.NotFound InvalidSubnetID.Malformed \
             InvalidSubnetID.NotFound InvalidUserData.Malformed OptInRequired Server.InternalError Unsupported VcpuLimitExceeded",
        ),
    Row::new("StartInstances", Rate::of(5, 2).with_resources(1000, 2))
        .takes("InstanceId.N")
        .refuses("AdditionalInfo")
        .errors("IncorrectInstanceState InvalidInstanceID.Malformed InvalidInstanceID.NotFound Server.InternalError VcpuLimitExceeded"),
    Row::new("StopInstances", MUTATING.with_resources(1000, 20))
        .takes("Force InstanceId.N")
        .refuses("Hibernate SkipOsShutdown")
        .errors("IncorrectInstanceState InvalidInstanceID.Malformed InvalidInstanceID.NotFound"),
    Row::new("TerminateInstances", Rate::of(100, 5).with_resources(1000, 20))
        .takes("InstanceId.N")
        .refuses("Force SkipOsShutdown")
        .errors("InvalidInstanceID.Malformed InvalidInstanceID.NotFound"),
];
