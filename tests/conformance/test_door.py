"""Who is let in, and what is there: signatures, STS, Regions, parameters, restarts."""

import urllib.error
import urllib.request

from support import Case, aws, aws_process, client, server


class Door(Case):
    def test_the_caller_is_the_twins_own_user(self):
        identity = client("sts").get_caller_identity()
        self.assertRegex(identity["Account"], r"^\d{12}$")
        self.assertEqual(identity["Arn"], f"arn:aws:iam::{identity['Account']}:user/bakehouse-twin")
        self.assertEqual(aws("sts", "get-caller-identity")["Account"], identity["Account"])

    def test_a_wrong_secret_is_refused_by_every_service(self):
        wrong = {"aws_secret_access_key": "not-the-secret-of-this-twin"}
        with self.refused("SignatureDoesNotMatch", 403):
            client("sts", **wrong).get_caller_identity()
        with self.refused("SignatureDoesNotMatch", 403):
            client("iam", **wrong).get_user()
        with self.refused("SignatureDoesNotMatch", 403):
            client("s3", **wrong).list_buckets()
        with self.refused("InvalidSignatureException"):
            client("service-quotas", **wrong).list_service_quotas(ServiceCode="ec2")
        with self.refused("AuthFailure", 401):
            client("ec2", **wrong).describe_regions()
        with self.refused("InvalidSignatureException"):
            client("ssm", **wrong).get_parameter(Name="/x")
        with self.refused("InvalidSignatureException"):
            client("marketplace-catalog", **wrong).list_entities(Catalog="AWSMarketplace", EntityType="AmiProduct")

    def test_an_unknown_key_is_refused(self):
        with self.refused("InvalidClientTokenId", 403):
            client("sts", aws_access_key_id="AKIAZZZZZZZZZZZZZZZZ").get_caller_identity()

    def test_an_unsigned_request_is_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server().url}/?Action=DescribeImages&Version=2016-11-15")
        with refused.exception as answer:
            self.assertIn(answer.code, (401, 403))

    def test_the_cli_says_the_code_of_a_refusal(self):
        done = aws_process("ec2", "describe-images", "--image-ids", "ami-00000000000000000")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("(InvalidAMIID.NotFound)", done.stderr)

    def test_regions_are_told(self):
        names = {region["RegionName"] for region in client("ec2").describe_regions()["Regions"]}
        self.assertLessEqual({"us-east-1", "us-west-2", "eu-central-1"}, names)


class Parameters(Case):
    def test_a_parameter_is_kept_with_its_versions(self):
        ssm = client("ssm")
        self.assertEqual(ssm.put_parameter(Name="/conformance/a", Value="1", Type="String")["Version"], 1)
        with self.refused("ParameterAlreadyExists"):
            ssm.put_parameter(Name="/conformance/a", Value="2", Type="String")
        self.assertEqual(ssm.put_parameter(Name="/conformance/a", Value="2", Type="String", Overwrite=True)["Version"], 2)
        told = aws("ssm", "get-parameter", "--name", "/conformance/a")["Parameter"]
        self.assertEqual((told["Value"], told["Version"], told["Type"]), ("2", 2, "String"))
        found = ssm.get_parameters(Names=["/conformance/a", "/conformance/none"])
        self.assertEqual(found["InvalidParameters"], ["/conformance/none"])
        ssm.delete_parameter(Name="/conformance/a")
        with self.refused("ParameterNotFound"):
            ssm.get_parameter(Name="/conformance/a")

    def test_a_parameter_is_of_its_region(self):
        client("ssm").put_parameter(Name="/conformance/b", Value="1", Type="String")
        with self.refused("ParameterNotFound"):
            client("ssm", "eu-central-1").get_parameter(Name="/conformance/b")
