use crate::model::ids::Region;
use crate::twin::ec2::operations::OPERATIONS;
use crate::twin::ec2::testing::{Bench, run};
use crate::twin::limits;

/// Names the first of each list.
fn first(name: &str) -> String {
    name.split('.').map(|part| if part == "N" { "1" } else { part }).collect::<Vec<_>>().join(".")
}

/// Values that a parameter may have, by the end of its name.
fn sample(parameter: &str) -> &'static str {
    let last = parameter.rsplit('.').find(|part| *part != "1").unwrap_or_default();
    match last {
        "Architecture" => "x86_64",
        "Attribute" => "launchPermission",
        "BootMode" => "uefi",
        "CidrIp" => "10.0.0.0/8",
        "CidrIpv6" => "fd00::/8",
        "DestinationRegion" => "us-east-1",
        "DeviceIndex" => "0",
        "Group" | "UserGroup" => "all",
        "GroupId" | "SecurityGroupId" => "sg-0123456789abcdef0",
        "HttpEndpoint" => "enabled",
        "HttpTokens" => "required",
        "ImageId" | "SourceImageId" => "ami-0123456789abcdef0",
        "ImdsSupport" => "v2.0",
        "InstanceId" => "i-0123456789abcdef0",
        "InstanceInitiatedShutdownBehavior" => "stop",
        "InstanceType" => "t3.small",
        "IpProtocol" => "tcp",
        "KeyFormat" => "pem",
        "KeyType" => "ed25519",
        "MaxResults" => "10",
        "NextToken" => "YWZ0ZXIgYQ",
        "OperationType" => "add",
        "ResourceId" => "i-0123456789abcdef0",
        "SnapshotId" | "SourceSnapshotId" => "snap-0123456789abcdef0",
        "SourceRegion" => "us-east-1",
        "SubnetId" => "subnet-0123456789abcdef0",
        "UserData" => "YQ==",
        "UserId" => "679593333241",
        "VirtualizationType" => "hvm",
        "VolumeId" => "vol-0123456789abcdef0",
        "VolumeType" => "gp3",
        "VpcId" => "vpc-0123456789abcdef0",
        "FromPort" | "ToPort" | "HttpPutResponseHopLimit" | "VolumeSize" | "MinCount" | "MaxCount" => "1",
        "AllAvailabilityZones"
        | "AllRegions"
        | "AssociatePublicIpAddress"
        | "CopyImageTags"
        | "DeleteAssociatedSnapshots"
        | "DeleteOnTermination"
        | "EnaSupport"
        | "Encrypted"
        | "Force"
        | "IncludeAllInstances"
        | "IncludePublicKey"
        | "IncludeDeprecated"
        | "IncludeDisabled"
        | "Latest"
        | "NoReboot" => "true",
        _ => "some",
    }
}

/// What an operation can't do without, beside the parameter that is tried.
fn needed(operation: &str, parameter: &str) -> Vec<String> {
    let permission = || ["GroupId", "IpPermissions.1.IpProtocol", "IpPermissions.1.FromPort", "IpPermissions.1.ToPort"];
    let mut needed: Vec<&str> = match operation {
        "AuthorizeSecurityGroupEgress" | "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupEgress" | "RevokeSecurityGroupIngress" => {
            let old = !parameter.contains('.');
            if old {
                vec!["GroupId", "CidrIp", "IpProtocol", "FromPort", "ToPort"]
            } else {
                let peer = if parameter.contains("Ipv6") {
                    "IpPermissions.1.Ipv6Ranges.1.CidrIpv6"
                } else if parameter.contains("Groups") {
                    "IpPermissions.1.Groups.1.GroupId"
                } else {
                    "IpPermissions.1.IpRanges.1.CidrIp"
                };
                permission().into_iter().chain([peer]).collect()
            }
        }
        "CreateKeyPair" => vec!["KeyName", "KeyType"],
        "ImportKeyPair" => vec!["KeyName", "PublicKeyMaterial"],
        "DeleteKeyPair" => vec!["KeyName"],
        "DeleteVolume" => vec!["VolumeId"],
        "CopyImage" => vec!["SourceImageId", "SourceRegion", "Name"],
        "CopySnapshot" => vec!["SourceSnapshotId", "SourceRegion"],
        "CreateImage" => vec!["InstanceId", "Name"],
        "CreateSecurityGroup" => vec!["GroupName", "GroupDescription"],
        "CreateSnapshot" => vec!["VolumeId"],
        "CreateTags" | "DeleteTags" => vec!["ResourceId.1", "Tag.1.Key"],
        "DeleteSnapshot" => vec!["SnapshotId"],
        "DeregisterImage" => vec!["ImageId"],
        "DescribeImageAttribute" | "ResetImageAttribute" => vec!["ImageId", "Attribute"],
        "GetConsoleOutput" => vec!["InstanceId"],
        "ModifyImageAttribute" => vec!["ImageId", "LaunchPermission.1"],
        "ModifySnapshotAttribute" => vec!["SnapshotId"],
        "RegisterImage" => {
            vec![
                "Name",
                "Architecture",
                "VirtualizationType",
                "RootDeviceName",
                "BlockDeviceMapping.1.DeviceName",
                "BlockDeviceMapping.1.Ebs.SnapshotId",
            ]
        }
        "RunInstances" => vec!["ImageId", "InstanceType", "MinCount", "MaxCount"],
        "StartInstances" | "StopInstances" | "TerminateInstances" => vec!["InstanceId.1"],
        _ => vec![],
    };
    needed.retain(|name| *name != "LaunchPermission.1");
    let mut needed: Vec<String> = needed.into_iter().map(str::to_owned).collect();
    for (under, with) in [
        ("TagSpecification.", "TagSpecification.1.ResourceType"),
        ("TagSpecification.1.Tag.", "TagSpecification.1.Tag.1.Key"),
        ("Filter.", "Filter.1.Name"),
        ("Filter.", "Filter.1.Value.1"),
        ("BlockDeviceMapping.", "BlockDeviceMapping.1.DeviceName"),
        ("NetworkInterface.", "NetworkInterface.1.DeviceIndex"),
        ("UserId.", "OperationType"),
        ("UserGroup.", "OperationType"),
    ] {
        if parameter.starts_with(under) {
            needed.push(with.to_owned());
        }
    }
    if parameter == "Value" {
        needed.push("Attribute".to_owned());
    }
    needed
}

#[tokio::test]
async fn every_row_leads_somewhere_and_takes_what_it_says() {
    let bench = Bench::new();
    for row in OPERATIONS {
        for parameter in row.takes.split_whitespace().map(first) {
            let mut names = needed(row.name, &parameter);
            names.push(parameter.clone());
            names.sort();
            names.dedup();
            if row.name.starts_with("Describe") && row.name.ends_with("SnapshotAttribute") {
                names = vec!["SnapshotId".to_owned(), "Attribute".to_owned()];
            }
            if row.name.ends_with("SecurityGroup") && parameter == "GroupName" && row.name != "CreateSecurityGroup" {
                names = vec!["GroupName".to_owned()];
            }
            let kind = match row.name {
                "CopySnapshot" | "CreateSnapshot" => "snapshot",
                "CreateSecurityGroup" => "security-group",
                "RunInstances" => "instance",
                "CreateKeyPair" | "ImportKeyPair" => "key-pair",
                _ => "image",
            };
            let value = |name: &str| match name {
                "TagSpecification.1.ResourceType" => kind,
                "Filter.1.Name" => row.filters.split_whitespace().next().unwrap_or("none"),
                "Attribute" if row.name.contains("Snapshot") => "createVolumePermission",
                "Attribute" if parameter == "Value" => "description",
                "ImdsSupport.Value" => "v2.0",
                "ImageBlockPublicAccessState" | "State" => "block-new-sharing",
                name => sample(name),
            };
            let values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), value(name))).chain([("DryRun", "true")]).collect();
            let (code, text) = bench.refused(row.name, &values).await;
            // What isn't there may be missed before the dry run's answer; nothing else may be wrong.
            assert!(code == "DryRunOperation" || code.ends_with(".NotFound"), "{} {parameter}: {code}: {text} {values:?}", row.name);
        }
        let (code, _) = bench.refused(row.name, &[("NoSuchThing", "1")]).await;
        assert_eq!(code, "UnknownParameter", "{}", row.name);
        for parameter in row.refuses.split_whitespace().map(first) {
            assert_eq!(bench.refused(row.name, &[(&parameter, "1")]).await.0, "UnsupportedOperation", "{} {parameter}", row.name);
        }
    }
}

#[tokio::test]
async fn every_filter_of_a_row_is_known_and_others_are_not() {
    let bench = Bench::new();
    let (_, image) = bench.baked("acme-web").await;
    bench.done("CreateTags", &[("ResourceId.1", &image), ("Tag.1.Key", "KEY"), ("Tag.1.Value", "v")]).await;
    bench.done("CreateKeyPair", &[("KeyName", "me"), ("KeyType", "ed25519")]).await;
    for row in OPERATIONS.iter().filter(|row| !row.filters.is_empty()) {
        for filter in row.filters.split_whitespace() {
            let all = bench.done(row.name, &[]).await.0.len();
            let some = bench.done(row.name, &[("Filter.1.Name", filter), ("Filter.1.Value.1", "no such value")]).await.0.len();
            assert!(some < all, "{} {filter} lets everything through", row.name);
        }
        for filter in ["no-such-filter", "tag", "Name"] {
            let refused = bench.refused(row.name, &[("Filter.1.Name", filter), ("Filter.1.Value.1", "x")]).await;
            assert_eq!(refused.0, "InvalidParameterValue", "{}", row.name);
        }
    }
}

#[tokio::test]
async fn pages_are_bounded_as_the_row_says() {
    let bench = Bench::new();
    for row in OPERATIONS {
        let Some((least, most)) = row.pages else { continue };
        for wrong in [least - 1, most + 1] {
            assert_eq!(bench.refused(row.name, &[("MaxResults", &wrong.to_string())]).await.0, "InvalidParameterValue", "{}", row.name);
        }
        bench.done(row.name, &[("MaxResults", &most.to_string())]).await;
        assert_eq!(bench.refused(row.name, &[("NextToken", "made up")]).await.0, "InvalidNextToken", "{}", row.name);
    }
}

#[tokio::test]
async fn unknown_actions_are_refused() {
    assert_eq!(Bench::new().refused("LaunchRocket", &[]).await.0, "InvalidAction");
}

#[tokio::test]
async fn what_is_denied_is_denied_to_a_dry_run_too() {
    let bench = Bench::denying(&["ec2:DescribeRegions"]);
    for params in [&[][..], &[("DryRun", "true")]] {
        assert_eq!(bench.refused("DescribeRegions", params).await.0, "UnauthorizedOperation");
    }
    assert_eq!(bench.refused("DescribeVpcs", &[("DryRun", "true")]).await.0, "DryRunOperation");
}

#[tokio::test]
async fn an_operation_is_called_as_often_as_its_bucket_lets_it_be() {
    let bench = Bench::limited();
    let wide = [("GroupName", "x"), ("GroupDescription", "x"), ("DryRun", "true")];
    for (action, params, capacity, refill) in [
        ("DescribeInstances", &[][..], 50, 10),
        ("DescribeInstances", &[("MaxResults", "5")][..], 100, 20),
        ("DescribeImages", &[][..], 100, 20),
        ("CreateSecurityGroup", &wide[..], 50, 5),
        ("RunInstances", &[("DryRun", "true")][..], 5, 2),
    ] {
        let mut counts = Vec::new();
        for _ in 0..2 {
            let mut admitted = 0;
            while bench.call("us-east-1", action, params).await.0 != 503 {
                admitted += 1;
                assert!(admitted <= capacity, "{action} is never throttled");
            }
            counts.push(admitted);
            bench.wait(1).await;
        }
        assert_eq!(counts, [capacity, refill], "{action}");
        assert_ne!(bench.call("eu-west-1", action, params).await.0, 503, "{action}: each Region has its own bucket");
    }
}

#[tokio::test]
async fn what_was_just_made_is_not_seen_until_its_window_is_over() {
    let bench = Bench::unsettled(30);
    let base = bench.base().await;
    let group = bench.done("CreateSecurityGroup", &[("GroupName", "bake"), ("GroupDescription", "x")]).await.get("groupId");
    let with_group = [run(&base), vec![("SecurityGroupId.1", group.as_str())]].concat();
    assert_eq!(bench.refused("RunInstances", &with_group).await.0, "InvalidGroup.NotFound");
    assert_eq!(bench.refused("CreateSecurityGroup", &[("GroupName", "bake"), ("GroupDescription", "x")]).await.0, "InvalidGroup.Duplicate");
    bench.wait(30).await;
    let token = [with_group, vec![("ClientToken", "t")]].concat();
    let instance = bench.done("RunInstances", &token).await.get("instanceId");
    assert_eq!(bench.done("RunInstances", &token).await.get("instanceId"), instance, "tokens are known at once");
    let by_id = [("InstanceId.1", instance.as_str())];
    let by_filter = [("Filter.1.Name", "instance-id"), ("Filter.1.Value.1", instance.as_str())];
    assert_eq!(bench.refused("DescribeInstances", &by_id).await.0, "InvalidInstanceID.NotFound");
    assert_eq!(bench.refused("TerminateInstances", &by_id).await.0, "InvalidInstanceID.NotFound");
    assert!(bench.done("DescribeInstances", &by_filter).await.all("instanceId").is_empty());
    assert!(bench.done("DescribeVolumes", &[]).await.all("volumeId").is_empty());
    bench.wait(30).await;
    assert_eq!(bench.done("DescribeInstances", &by_filter).await.get("instanceId"), instance);
    bench.done("CreateTags", &[("ResourceId.1", &instance), ("Tag.1.Key", "new")]).await;
    assert!(bench.done("DescribeInstances", &by_id).await.tags().is_empty());
    bench.wait(30).await;
    assert!(bench.done("DescribeInstances", &by_id).await.tags().contains_key("new"));
    let image = bench.done("CreateImage", &[("InstanceId", &instance), ("Name", "acme"), ("NoReboot", "true")]).await.get("imageId");
    assert_eq!(bench.refused("DescribeImages", &[("ImageId.1", &image)]).await.0, "InvalidAMIID.NotFound");
    bench.wait(30).await;
    assert_eq!(bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("imageState"), "pending");
}

#[tokio::test]
async fn an_account_has_so_much_of_each_thing_and_no_more() {
    let bench = Bench::new();
    let (instance, image) = bench.baked("acme-web").await;
    let base = bench.base().await;

    bench.allow(&limits::STANDARD_VCPUS, 3);
    assert_eq!(bench.refused("RunInstances", &run(&base)).await.0, "VcpuLimitExceeded");
    bench.done("StopInstances", &[("InstanceId.1", &instance)]).await;
    bench.wait(20).await;
    let other = bench.run(&base, &[]).await;
    assert_eq!(bench.refused("StartInstances", &[("InstanceId.1", &instance)]).await.0, "VcpuLimitExceeded");

    bench.allow(&limits::PUBLIC_IMAGES, 0);
    let public = [("ImageId", image.as_str()), ("LaunchPermission.Add.1.Group", "all")];
    let refused = bench.refused("ModifyImageAttribute", &public).await;
    assert!(refused.0 == "ResourceLimitExceeded" && refused.1.contains("quota of 0 for the number of public images"), "{refused:?}");
    bench.allow(&limits::IMAGE_SHARING, 1);
    let shared =
        [("ImageId", image.as_str()), ("LaunchPermission.Add.1.UserId", "679593333241"), ("LaunchPermission.Add.2.UserId", "111122223333")];
    assert_eq!(bench.refused("ModifyImageAttribute", &shared).await.0, "ResourceLimitExceeded");
    bench.done("ModifyImageAttribute", &shared[..2]).await;

    let volume =
        bench.done("DescribeVolumes", &[("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", &other)]).await.get("volumeId");
    for _ in 0..5 {
        bench.done("CreateSnapshot", &[("VolumeId", &volume)]).await;
    }
    assert_eq!(bench.refused("CreateSnapshot", &[("VolumeId", &volume)]).await.0, "ConcurrentSnapshotLimitExceeded");
    bench.allow(&limits::PENDING_SNAPSHOTS, 5);
    let again = [("InstanceId", instance.as_str()), ("Name", "acme-web-2")];
    assert_eq!(bench.refused("CreateImage", &again).await.0, "PendingSnapshotLimitExceeded");
    bench.wait(30).await;
    bench.allow(&limits::IMAGES, 1);
    assert_eq!(bench.refused("CreateImage", &again).await.0, "ResourceLimitExceeded");

    bench.allow(&limits::SECURITY_GROUPS, 1);
    assert_eq!(
        bench.refused("CreateSecurityGroup", &[("GroupName", "x"), ("GroupDescription", "x")]).await.0,
        "SecurityGroupLimitExceeded"
    );
    bench.allow(&limits::GROUP_RULES, 1);
    let rule = |range: &'static str| [("GroupName", "default"), ("IpProtocol", "-1"), ("CidrIp", range)];
    // The group's own rule counts as one.
    assert_eq!(bench.refused("AuthorizeSecurityGroupIngress", &rule("10.0.0.0/8")).await.0, "RulesPerSecurityGroupLimitExceeded");
}

#[tokio::test]
async fn a_base_takes_the_place_of_the_one_of_its_name_and_its_public_parameters() {
    let bench = Bench::new();
    let (first, here) = (bench.base().await, Region::marketplace());
    for (parameter, value) in [("/aws/service/debian/13", first.as_str()), ("/aws/service/other", "ami-0123456789abcdef0")] {
        crate::twin::publish_parameter(&bench.twin, &here, parameter, value).unwrap();
    }
    let second = bench.base().await;
    assert_eq!(bench.refused("DescribeImages", &[("ImageId.1", &first)]).await.0, "InvalidAMIID.NotFound");
    bench.twin.read(|state| {
        let parameters = &state.regions[&here].parameters;
        assert_eq!((&parameters["/aws/service/debian/13"].value, parameters["/aws/service/debian/13"].version), (&second, 2));
        assert_eq!(parameters["/aws/service/other"].value, "ami-0123456789abcdef0");
    });
}
