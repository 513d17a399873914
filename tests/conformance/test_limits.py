"""How often, how much, how soon, and what not at all: a twin with limits of its own."""

import unittest
from functools import cache

from botocore.config import Config

from support import Case, Server, new_client, wait_until


@cache
def strict():
    """A twin that limits rates, hides what is new, and forbids something."""
    options = ("--rates", "on", "--consistency", "group=1s,tags=1s", "--deny", "ec2:CopySnapshot", "--deny", "ebs:StartSnapshot")
    return Server(*options, "--quota", "L-E79EC296=3")


@cache
def client(service, **options):
    return new_client(strict(), service, options=options)


class Limits(Case):
    def test_a_call_too_many_is_throttled_as_each_service_does(self):
        for service, call, capacity, code, status in (
            ("ec2", lambda c: c.describe_instances(), 50, "RequestLimitExceeded", 503),
            ("ebs", lambda c: c.list_snapshot_blocks(SnapshotId="snap-00000000000000000"), 50, "RequestThrottledException", 400),
            ("ssm", lambda c: c.get_parameters(Names=["/none"]), 40, "ThrottlingException", 400),
            ("marketplace-catalog", lambda c: c.list_change_sets(Catalog="AWSMarketplace"), 5, "ThrottlingException", 429),
        ):
            codes = []
            for _ in range(10 * capacity):
                try:
                    call(client(service))
                except client(service).exceptions.ClientError as error:
                    codes.append((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))
                    if codes[-1][0] == code:
                        break
            self.assertIn((code, status), codes, service)

    def test_a_client_that_tries_again_gets_through(self):
        patient = client("marketplace-catalog", config=Config(retries={"mode": "standard", "total_max_attempts": 6}))
        for _ in range(12):
            patient.list_change_sets(Catalog="AWSMarketplace")

    def test_what_is_denied(self):
        with self.refused("UnauthorizedOperation", 403):
            client("ec2").copy_snapshot(SourceSnapshotId="snap-00000000000000000", SourceRegion="us-east-1", DryRun=True)
        with self.refused("AccessDeniedException", 403):
            client("ebs").start_snapshot(VolumeSize=1)
        # It can be asked beforehand.
        user, actions = client("iam").get_user()["User"]["Arn"], ["ec2:CopySnapshot", "ec2:CopyImage"]
        told = client("iam").simulate_principal_policy(PolicySourceArn=user, ActionNames=actions)["EvaluationResults"]
        self.assertEqual([result["EvalDecision"] for result in told], ["explicitDeny", "allowed"])

    def test_what_is_new_is_not_seen_at_once_and_a_quota_is(self):
        ec2 = client("ec2")
        group = ec2.create_security_group(GroupName="new", Description="new")["GroupId"]
        with self.refused("InvalidGroup.NotFound", 400):
            ec2.describe_security_groups(GroupIds=[group])
        named = [{"Name": "group-name", "Values": ["new"]}]
        self.assertEqual(ec2.describe_security_groups(Filters=named)["SecurityGroups"], [])
        wait_until(lambda: ec2.describe_security_groups(Filters=named)["SecurityGroups"], "the group to be seen")
        ec2.create_tags(Resources=[group], Tags=[{"Key": "a", "Value": "1"}])
        wait_until(lambda: ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0].get("Tags"), "the tag to be seen")
        ec2.create_security_group(GroupName="newer", Description="newer")
        with self.refused("SecurityGroupLimitExceeded", 400):
            ec2.create_security_group(GroupName="one too many", Description="newest")
        told = client("service-quotas").get_service_quota(ServiceCode="vpc", QuotaCode="L-E79EC296")["Quota"]
        self.assertEqual(told["Value"], 3)


if __name__ == "__main__":
    unittest.main()
