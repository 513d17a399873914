"""Every operation of EC2 that the other tests leave out: done, read back by another client and in the twin's state; refused."""

import json
from functools import cache

from support import BLOCK_BYTES, Case, aws, client, random_block, register, server, upload, wait_until

REGION = "us-east-1"


def ec2(region=REGION):
    return client("ec2", region)


def kept(region=REGION):
    """What the twin keeps of a Region."""
    return server().state()["regions"][region]


@cache
def disk():
    return upload({0: random_block("operations")})


@cache
def instance():
    """A running instance."""
    image = register("operations base", disk())
    made = ec2().run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2().get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig={"Delay": 1})
    return made


class Groups(Case):
    def test_rules_come_and_go(self):
        tags = [{"ResourceType": "security-group", "Tags": [{"Key": "purpose", "Value": "rules"}]}]
        group = ec2().create_security_group(GroupName="rules", Description="of the suite", TagSpecifications=tags)["GroupId"]
        ssh = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        ec2().authorize_security_group_ingress(GroupId=group, IpPermissions=ssh)
        with self.refused("InvalidPermission.Duplicate", 400):
            ec2().authorize_security_group_ingress(GroupId=group, IpPermissions=ssh)
        ec2().authorize_security_group_egress(GroupId=group, IpPermissions=ssh)
        with self.refused("InvalidGroup.NotFound", 400):
            ec2().authorize_security_group_egress(GroupId="sg-00000000000000000", IpPermissions=ssh)
        told = aws("ec2", "describe-security-groups", "--group-ids", group)["SecurityGroups"][0]
        state = kept()["security_groups"][group]
        self.assertEqual((told["GroupName"], told["Description"]), (state["name"], state["description"]))
        self.assertEqual((len(state["ingress"]), len(state["egress"])), (1, 2))
        rules = ec2().describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
        self.assertEqual({rule["SecurityGroupRuleId"] for rule in rules}, {r["id"] for r in state["ingress"] + state["egress"]})
        with self.refused("InvalidSecurityGroupRuleId.NotFound", 400):
            ec2().describe_security_group_rules(SecurityGroupRuleIds=["sgr-00000000000000000"])
        ec2().revoke_security_group_ingress(GroupId=group, IpPermissions=ssh)
        with self.refused("InvalidPermission.NotFound", 400):
            ec2().revoke_security_group_ingress(GroupId=group, IpPermissions=ssh)
        ec2().revoke_security_group_egress(GroupId=group, IpPermissions=ssh)
        with self.refused("InvalidPermission.NotFound", 400):
            ec2().revoke_security_group_egress(GroupId=group, IpPermissions=ssh)
        with self.refused("InvalidGroup.Duplicate", 400):
            ec2().create_security_group(GroupName="rules", Description="again")
        ec2().delete_security_group(GroupId=group)
        self.assertNotIn(group, kept()["security_groups"])
        with self.refused("InvalidGroup.NotFound", 400):
            ec2().delete_security_group(GroupId=group)
        with self.refused("InvalidGroup.NotFound", 400):
            ec2().describe_security_groups(GroupIds=[group])


class Tags(Case):
    def test_tags_are_set_and_taken_off(self):
        ec2().create_tags(Resources=[disk()], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        told = aws("ec2", "describe-tags", "--filters", f"Name=resource-id,Values={disk()}")["Tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in told}, kept()["snapshots"][disk()]["tags"])
        ec2().delete_tags(Resources=[disk()], Tags=[{"Key": "a"}])
        self.assertEqual(kept()["snapshots"][disk()]["tags"], {"b": "2"})
        for change in (ec2().create_tags, ec2().delete_tags):
            with self.refused("InvalidSnapshot.NotFound", 400):
                change(Resources=["snap-00000000000000000"], Tags=[{"Key": "a", "Value": "1"}])
        with self.refused("InvalidParameterValue", 400):
            ec2().describe_tags(Filters=[{"Name": "colour", "Values": ["blue"]}])


class Instances(Case):
    def test_an_instance_is_told_with_its_volume_and_status(self):
        made = instance()
        self.assertEqual(kept()["instances"][made]["state"], "running")
        ec2().get_waiter("instance_status_ok").wait(InstanceIds=[instance()], WaiterConfig={"Delay": 1})
        volumes = ec2().describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance()]}])["Volumes"]
        self.assertEqual([v["VolumeId"] for v in volumes], list(kept()["instances"][instance()]["volumes"].values()))
        self.assertEqual(volumes[0]["Size"], kept()["volumes"][volumes[0]["VolumeId"]]["size_gib"])
        ec2().get_console_output(InstanceId=instance())
        for ask in (ec2().describe_instances, ec2().describe_instance_status):
            with self.refused("InvalidInstanceID.NotFound", 400):
                ask(InstanceIds=["i-00000000000000000"])
        with self.refused("InvalidInstanceID.NotFound", 400):
            ec2().get_console_output(InstanceId="i-00000000000000000")
        with self.refused("InvalidVolume.NotFound", 400):
            ec2().describe_volumes(VolumeIds=["vol-00000000000000000"])

    def test_a_volume_becomes_a_snapshot_and_stays_while_attached(self):
        made = instance()
        [volume] = kept()["instances"][made]["volumes"].values()
        snapshot = ec2().create_snapshot(VolumeId=volume, Description="of a volume")["SnapshotId"]
        ec2().get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
        self.assertEqual(kept()["snapshots"][snapshot]["volume"], volume)
        with self.refused("InvalidVolume.NotFound", 400):
            ec2().create_snapshot(VolumeId="vol-00000000000000000")
        with self.refused("VolumeInUse", 400):
            ec2().delete_volume(VolumeId=volume)

    def test_it_stops_starts_and_ends_and_leaves_a_volume_that_was_to_stay(self):
        device = {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}}
        image = register("operations stays", disk())
        request = {"ImageId": image, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "BlockDeviceMappings": [device]}
        made = ec2().run_instances(**request)["Instances"][0]["InstanceId"]
        [volume] = kept()["instances"][made]["volumes"].values()

        def state():
            return ec2().describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]["State"]["Name"]

        wait_until(lambda: state() == "running", "it to run")
        ec2().stop_instances(InstanceIds=[made])
        wait_until(lambda: state() == "stopped", "it to stop")
        ec2().start_instances(InstanceIds=[made])
        wait_until(lambda: state() == "running", "it to run again")
        ec2().terminate_instances(InstanceIds=[made])
        wait_until(lambda: state() == "terminated", "it to end")
        with self.refused("IncorrectInstanceState", 400):
            ec2().stop_instances(InstanceIds=[made])
        for change in (ec2().start_instances, ec2().stop_instances, ec2().terminate_instances):
            with self.refused("InvalidInstanceID.NotFound", 400):
                change(InstanceIds=["i-00000000000000000"])
        ec2().delete_volume(VolumeId=volume)
        self.assertNotIn(volume, kept()["volumes"])

    def test_an_image_of_nothing(self):
        with self.refused("InvalidInstanceID.NotFound", 400):
            ec2().create_image(InstanceId="i-00000000000000000", Name="of nothing")

    def test_types_are_told_and_unknown_ones_are_not(self):
        told = ec2().describe_instance_types(InstanceTypes=["t3.small"])["InstanceTypes"][0]
        self.assertEqual((told["VCpuInfo"]["DefaultVCpus"], told["MemoryInfo"]["SizeInMiB"]), (2, 2048))
        with self.refused("InvalidInstanceType", 400):
            ec2().describe_instance_types(InstanceTypes=["t3.enormous"])


class Images(Case):
    def test_permissions_are_reset(self):
        image = register("operations reset", disk())
        ec2().modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "111122223333"}]})
        self.assertEqual(kept()["images"][image]["launch_permissions"], ["111122223333"])
        ec2().reset_image_attribute(ImageId=image, Attribute="launchPermission")
        self.assertEqual(kept()["images"][image]["launch_permissions"], [])
        absent = "ami-00000000000000000"
        with self.refused("InvalidAMIID.NotFound", 400):
            ec2().reset_image_attribute(ImageId=absent, Attribute="launchPermission")
        with self.refused("InvalidAMIID.NotFound", 400):
            ec2().describe_image_attribute(ImageId=absent, Attribute="launchPermission")
        with self.refused("InvalidAMIID.NotFound", 400):
            ec2().copy_image(SourceImageId=absent, SourceRegion=REGION, Name="a copy")

    def test_a_snapshot_is_copied(self):
        there = ec2("eu-west-1")
        copy = there.copy_snapshot(SourceSnapshotId=disk(), SourceRegion=REGION, Description="a copy")["SnapshotId"]
        there.get_waiter("snapshot_completed").wait(SnapshotIds=[copy], WaiterConfig={"Delay": 1})
        self.assertEqual(kept("eu-west-1")["snapshots"][copy]["copied_from"], disk())
        absent = "snap-00000000000000000"
        with self.refused("InvalidSnapshot.NotFound", 400):
            there.copy_snapshot(SourceSnapshotId=absent, SourceRegion=REGION)
        with self.refused("InvalidSnapshot.NotFound", 400):
            ec2().describe_snapshot_attribute(SnapshotId=absent, Attribute="createVolumePermission")
        with self.refused("InvalidSnapshot.NotFound", 400):
            ec2().modify_snapshot_attribute(
                SnapshotId=absent, Attribute="createVolumePermission", OperationType="add", UserIds=["111122223333"]
            )

    def test_five_images_are_public_and_no_more(self):
        images = [register(f"operations public {n}", disk()) for n in range(6)]
        share = {"LaunchPermission": {"Add": [{"Group": "all"}]}}
        for image in images[:5]:
            ec2("us-east-1").modify_image_attribute(ImageId=image, **share)
        with self.refused("ResourceLimitExceeded", 400) as error:
            ec2().modify_image_attribute(ImageId=images[5], **share)
        self.assertIn("quota of 5 for the number of public images", error["Error"]["Message"])


class Account(Case):
    def test_encryption_by_default_is_a_region_s_own(self):
        there = ec2("eu-north-1")
        there.enable_ebs_encryption_by_default()
        self.assertTrue(there.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
        self.assertTrue(kept("eu-north-1")["encrypt_by_default"])
        snapshot = upload({0: random_block("encrypted")}, region="eu-north-1")
        self.assertTrue(there.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Encrypted"])
        there.disable_ebs_encryption_by_default()
        self.assertFalse(kept("eu-north-1")["encrypt_by_default"])

    def test_key_pairs(self):
        made = ec2().create_key_pair(KeyName="suite", KeyType="ed25519")
        public = aws("ec2", "describe-key-pairs", "--key-names", "suite", "--include-public-key")["KeyPairs"][0]["PublicKey"]
        self.assertEqual(public, kept()["key_pairs"]["suite"]["public_key"])
        with self.refused("InvalidKeyPair.Duplicate", 400):
            ec2().create_key_pair(KeyName="suite", KeyType="ed25519")
        ec2().import_key_pair(KeyName="imported", PublicKeyMaterial=public.encode())
        self.assertEqual(kept()["key_pairs"]["imported"]["fingerprint"], made["KeyFingerprint"])
        with self.refused("InvalidKey.Format", 400):
            ec2().import_key_pair(KeyName="nonsense", PublicKeyMaterial=b"nonsense")
        ec2().delete_key_pair(KeyName="imported")
        self.assertNotIn("imported", kept()["key_pairs"])
        with self.refused("InvalidKeyPair.NotFound", 400):
            ec2().describe_key_pairs(KeyNames=["imported"])
        with self.refused("DryRunOperation", 412):
            ec2().delete_key_pair(KeyName="suite", DryRun=True)

    def test_the_network_is_the_default_one(self):
        here = kept()
        [vpc] = ec2().describe_vpcs()["Vpcs"]
        self.assertEqual(vpc["VpcId"], here["vpc"])
        self.assertEqual({s["SubnetId"] for s in ec2().describe_subnets()["Subnets"]}, set(here["subnets"]))
        zones = [z["ZoneName"] for z in ec2().describe_availability_zones()["AvailabilityZones"]]
        self.assertEqual(zones, sorted(s["zone"] for s in here["subnets"].values()))
        with self.refused("InvalidVpcID.NotFound", 400):
            ec2().describe_vpcs(VpcIds=["vpc-00000000000000000"])
        with self.refused("InvalidSubnetID.NotFound", 400):
            ec2().describe_subnets(SubnetIds=["subnet-00000000000000000"])
        with self.refused("InvalidParameterValue", 400):
            ec2().describe_availability_zones(ZoneNames=["us-east-1z"])
        with self.refused("InvalidParameterValue", 400):
            ec2().describe_regions(RegionNames=["us-moon-1"])

    def test_a_dry_run_of_what_can_hardly_be_refused(self):
        for ask in (
            ec2().enable_ebs_encryption_by_default,
            ec2().disable_ebs_encryption_by_default,
            ec2().get_ebs_encryption_by_default,
        ):
            with self.refused("DryRunOperation", 412):
                ask(DryRun=True)
        self.assertFalse(kept()["encrypt_by_default"])

    def test_images_and_snapshots_can_be_kept_from_the_public(self):
        asks = (
            (ec2().enable_image_block_public_access, {"ImageBlockPublicAccessState": "block-new-sharing"}),
            (ec2().get_image_block_public_access_state, {}),
            (ec2().disable_image_block_public_access, {}),
            (ec2().enable_snapshot_block_public_access, {"State": "block-new-sharing"}),
            (ec2().get_snapshot_block_public_access_state, {}),
            (ec2().disable_snapshot_block_public_access, {}),
        )
        for ask, parameters in asks:
            with self.refused("DryRunOperation", 412):
                ask(DryRun=True, **parameters)
            self.assertEqual(ask(**parameters)["ResponseMetadata"]["HTTPStatusCode"], 200)
        self.assertEqual(ec2().get_image_block_public_access_state()["ImageBlockPublicAccessState"], "unblocked")
        self.assertEqual(ec2().get_snapshot_block_public_access_state()["State"], "unblocked")

    def test_a_role_is_taken_on(self):
        account = client("sts").get_caller_identity()["Account"]
        statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = client("iam").create_role(RoleName="Release", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        taken = client("sts").assume_role(RoleArn=role, RoleSessionName="suite")
        self.assertIn("assumed-role/Release/suite", taken["AssumedRoleUser"]["Arn"])
        with self.refused("AccessDenied", 403):
            client("sts").assume_role(RoleArn=role.replace("Release", "Nobody"), RoleSessionName="suite")


class Pages(Case):
    def test_a_list_in_pages_is_the_whole_list(self):
        whole = [i["InstanceType"] for i in ec2().describe_instance_types()["InstanceTypes"]]
        pages = ec2().get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 7})
        self.assertEqual([i["InstanceType"] for page in pages for i in page["InstanceTypes"]], whole)
        with self.refused("InvalidParameterValue", 400):
            ec2().describe_images(MaxResults=4)
        with self.refused("InvalidNextToken", 400):
            ec2().describe_images(NextToken="made up")

    def test_what_ec2_has_and_the_twin_has_not_is_refused_by_name(self):
        with self.refused("UnsupportedOperation", 400) as error:
            ec2().copy_image(SourceImageId="ami-00000000000000000", SourceRegion=REGION, Name="a copy", KmsKeyId="key")
        self.assertIn("KmsKeyId", error["Error"]["Message"])


class Blocks(Case):
    def test_each_operation_on_a_snapshot_that_is_not_there(self):
        ebs, absent = client("ebs"), "snap-00000000000000000"
        for call in (
            lambda: ebs.complete_snapshot(SnapshotId=absent, ChangedBlocksCount=0),
            lambda: ebs.list_changed_blocks(FirstSnapshotId=disk(), SecondSnapshotId=absent),
            lambda: ebs.get_snapshot_block(SnapshotId=absent, BlockIndex=0, BlockToken="YQ=="),
        ):
            with self.refused("ResourceNotFoundException", 404):
                call()
        with self.refused("ValidationException", 400):
            ebs.start_snapshot(VolumeSize=1, Timeout=11, Tags=[{"Key": "aws:x", "Value": "y"}])
        self.assertEqual(kept()["snapshots"][disk()]["size_gib"] * 1024**3 // BLOCK_BYTES, 2048)


class Parameters(Case):
    def test_each_operation_is_refused(self):
        ssm = client("ssm")
        with self.refused("ParameterNotFound"):
            ssm.delete_parameter(Name="/operations/none")
        with self.refused("ValidationException"):
            ssm.get_parameters(Names=[f"/operations/{n}" for n in range(11)])
        ssm.put_parameter(Name="/operations/a", Value="1", Type="String")
        self.assertEqual(kept()["parameters"]["/operations/a"]["value"], "1")
