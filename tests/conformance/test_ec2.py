"""EC2: images and their snapshots, copies, permissions; instances as far as states go."""

from functools import cache

from support import Case, available, aws, client, download, random_block, register, upload, wait_until

BLOCKS = {0: random_block("ec2 0"), 1: random_block("ec2 1")}


@cache
def disk():
    return upload(BLOCKS)


class Images(Case):
    def test_an_image_is_told_as_it_was_registered(self):
        tags = [{"ResourceType": "image", "Tags": [{"Key": "purpose", "Value": "conformance"}]}]
        image = register("conformance told", disk(), Description="a description", ImdsSupport="v2.0", TagSpecifications=tags)
        told = aws("ec2", "describe-images", "--image-ids", image)["Images"][0]
        self.assertEqual(told["Name"], "conformance told")
        self.assertEqual(told["Description"], "a description")
        self.assertEqual(told["ImdsSupport"], "v2.0")
        self.assertEqual((told["Architecture"], told["BootMode"], told["Public"]), ("x86_64", "uefi-preferred", False))
        self.assertEqual(told["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"], disk())
        self.assertEqual(told["Tags"], [{"Key": "purpose", "Value": "conformance"}])
        filters = [{"Name": "tag:purpose", "Values": ["conform*"]}]
        found = client("ec2").describe_images(Owners=["self"], Filters=filters)["Images"]
        self.assertEqual([i["ImageId"] for i in found], [image])

    def test_a_name_is_taken_once(self):
        image = register("conformance twice", disk())
        with self.refused("InvalidAMIName.Duplicate", 400):
            register("conformance twice", disk())
        client("ec2").deregister_image(ImageId=image)
        register("conformance twice", disk())

    def test_a_snapshot_in_use_is_kept(self):
        snapshot = upload({0: random_block("in use")})
        image = register("conformance in use", snapshot)
        ec2 = client("ec2")
        with self.refused("InvalidSnapshot.InUse", 400):
            ec2.delete_snapshot(SnapshotId=snapshot)
        ec2.deregister_image(ImageId=image)
        with self.refused("InvalidAMIID.NotFound", 400):
            ec2.describe_images(ImageIds=[image])
        ec2.delete_snapshot(SnapshotId=snapshot)
        with self.refused("InvalidSnapshot.NotFound", 400):
            ec2.describe_snapshots(SnapshotIds=[snapshot])

    def test_a_copy_has_the_same_blocks(self):
        image = register("conformance source", disk())
        copied = aws(
            *("ec2", "copy-image", "--region", "eu-central-1", "--source-region", "us-east-1"),
            *("--source-image-id", image, "--name", "conformance copy"),
        )["ImageId"]
        available(copied, "eu-central-1")
        told = client("ec2", "eu-central-1").describe_images(ImageIds=[copied])["Images"][0]
        snapshot = told["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        self.assertNotEqual(snapshot, disk())
        self.assertEqual(download(snapshot, "eu-central-1"), BLOCKS)

    def test_permissions_are_given_and_taken(self):
        image, ec2 = register("conformance shared", disk()), client("ec2")
        account = {"UserId": "679593333241"}
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [account]})
        told = aws("ec2", "describe-image-attribute", "--image-id", image, "--attribute", "launchPermission")
        self.assertEqual(told["LaunchPermissions"], [account])
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Remove": [account]})
        told = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
        self.assertEqual(told["LaunchPermissions"], [])
        with self.refused("InvalidUserID.Malformed", 400):
            ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "nobody"}]})

    def test_snapshots_are_shared_by_themselves(self):
        ec2 = client("ec2")
        permission = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": ["679593333241"]}
        ec2.modify_snapshot_attribute(SnapshotId=disk(), **permission)
        told = ec2.describe_snapshot_attribute(SnapshotId=disk(), Attribute="createVolumePermission")
        self.assertEqual(told["CreateVolumePermissions"], [{"UserId": "679593333241"}])

    def test_unknown_and_malformed_ids(self):
        ec2 = client("ec2")
        with self.refused("InvalidAMIID.NotFound", 400):
            ec2.describe_images(ImageIds=["ami-00000000000000000"])
        with self.refused("InvalidAMIID.Malformed", 400):
            ec2.describe_images(ImageIds=["nonsense"])
        with self.refused("InvalidSnapshot.NotFound", 400):
            register("conformance no disk", "snap-00000000000000000")

    def test_a_dry_run_changes_nothing(self):
        image = register("conformance dry", disk())
        with self.refused("DryRunOperation", 412):
            client("ec2").deregister_image(ImageId=image, DryRun=True)
        available(image)

    def test_what_the_twin_lacks_is_refused(self):
        with self.refused("InvalidAction", 400):
            client("ec2").describe_spot_price_history()


class Instances(Case):
    def state(self, instance):
        told = client("ec2").describe_instances(InstanceIds=[instance])
        return told["Reservations"][0]["Instances"][0]["State"]["Name"]

    def wait_for(self, instance, state):
        wait_until(lambda: self.state(instance) == state, f"{instance} to be {state}")

    def test_an_instance_lives_and_becomes_an_image(self):
        ec2 = client("ec2")
        base = register("conformance base", disk())
        request = {"ImageId": base, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "ClientToken": "conformance"}
        instance = ec2.run_instances(**request)["Instances"][0]["InstanceId"]
        again = ec2.run_instances(**request)["Instances"][0]["InstanceId"]
        self.assertEqual(again, instance, "a client token makes one instance")
        with self.refused("IdempotentParameterMismatch", 400):
            ec2.run_instances(**{**request, "InstanceType": "t3.micro"})
        self.wait_for(instance, "running")
        aws("ec2", "stop-instances", "--instance-ids", instance)
        self.wait_for(instance, "stopped")
        image = available(ec2.create_image(InstanceId=instance, Name="conformance made")["ImageId"])
        told = ec2.describe_images(ImageIds=[image])["Images"][0]
        self.assertEqual(download(told["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]), BLOCKS)
        ec2.terminate_instances(InstanceIds=[instance])
        self.wait_for(instance, "terminated")
        with self.refused("IncorrectInstanceState", 400):
            ec2.start_instances(InstanceIds=[instance])

    def test_user_data_has_an_end(self):
        base = register("conformance user data", disk())
        with self.refused("InvalidParameterValue", 400):
            client("ec2").run_instances(ImageId=base, InstanceType="t3.small", MinCount=1, MaxCount=1, UserData="x" * (16 * 1024 + 1))

    def test_an_unknown_instance_type(self):
        base = register("conformance type", disk())
        # botocore lets any text through.
        with self.refused("InvalidInstanceType", 400):
            client("ec2").run_instances(ImageId=base, InstanceType="t3.enormous", MinCount=1, MaxCount=1)
