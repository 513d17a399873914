"""The Marketplace Catalog: what is read in batches, cancelled, assessed, shared, tagged; each refused too."""

import json
from functools import cache
from urllib.request import urlopen

from support import Case, client, server
from test_catalog import CATALOG, PRODUCT, add, catalog, change, follow, image, listed, start, version


def arn(product):
    return catalog().describe_entity(Catalog=CATALOG, EntityId=product)["EntityArn"]


@cache
def rejected():
    """A change set whose image was looked at and rejected."""
    ami = image("catalog rejected")
    details = {"AccessRoleArn": "arn:aws:iam::999999999999:role/Nobody"}
    return follow(add(listed(), "20.0.0", ami, source=details))


class Entities(Case):
    def test_a_batch_tells_what_is_there_and_what_is_not(self):
        wanted = [{"Catalog": CATALOG, "EntityId": entity} for entity in (listed(), "prod-none")]
        told = catalog().batch_describe_entities(EntityRequestList=wanted)
        self.assertEqual(told["EntityDetails"][listed()]["EntityType"], "AmiProduct@1.0")
        self.assertEqual(told["Errors"]["prod-none"]["ErrorCode"], "ResourceNotFoundException")
        with self.refused("ValidationException", 422):
            catalog().batch_describe_entities(EntityRequestList=wanted * 11)

    def test_lists_are_filtered_and_bounded(self):
        filters = {"AmiProductFilters": {"EntityId": {"ValueList": [listed()]}}}
        found = catalog().list_entities(Catalog=CATALOG, EntityType="AmiProduct", EntityTypeFilters=filters)
        self.assertEqual([e["EntityId"].split("@")[0] for e in found["EntitySummaryList"]], [listed()])
        with self.refused("ValidationException", 422):
            catalog().list_entities(Catalog=CATALOG, EntityType="Spoon")
        with self.refused("ValidationException", 422):
            catalog().list_change_sets(Catalog=CATALOG, FilterList=[{"Name": "Colour", "ValueList": ["blue"]}])

    def test_a_set_is_cancelled_while_preparing_and_not_twice(self):
        begun = add(listed(), "21.0.0", image("catalog cancelled"))
        catalog().cancel_change_set(Catalog=CATALOG, ChangeSetId=begun)
        self.assertEqual(follow(begun)["Status"], "CANCELLED")
        self.assertEqual(server().state()["catalog"]["change_sets"][begun]["outcome"]["status"], "Cancelled")
        with self.refused("ValidationException", 422):
            catalog().cancel_change_set(Catalog=CATALOG, ChangeSetId=begun)
        with self.refused("ResourceNotFoundException", 404):
            catalog().cancel_change_set(Catalog=CATALOG, ChangeSetId="none")


class Assessments(Case):
    def test_what_came_of_an_image_is_told_control_by_control(self):
        target = {"ChangeSetId": rejected()["ChangeSetId"]}
        listing = catalog().list_assessments(Catalog=CATALOG, FrameworkId="AMISecurity", AssessmentTargetFilter=target)
        [summary] = listing["AssessmentSummaryList"]
        self.assertEqual(summary["AssessmentResult"], "FAIL")
        told = catalog().describe_assessment(Catalog=CATALOG, AssessmentIdentifier=summary["AssessmentArn"])
        results = [control["ControlAssessmentResult"] for control in told["ControlAssessments"]]
        self.assertEqual((results[0], set(results[1:])), ("FAIL", {"NOT_EXECUTED"}))
        codes = {e["ErrorCode"] for e in rejected()["ChangeSet"][0]["ErrorDetailList"]}
        self.assertLessEqual({e["Code"] for e in told["ControlAssessments"][0]["Errors"]}, codes)
        self.assertIn(summary["AssessmentId"], server().state()["catalog"]["assessments"])
        with self.refused("ResourceNotFoundException", 404):
            catalog().describe_assessment(Catalog=CATALOG, AssessmentIdentifier="assessment-0")
        with self.refused("ValidationException", 422):
            catalog().list_assessments(Catalog=CATALOG, NextToken="made-up")


class Templates(Case):
    TEMPLATE = """
Parameters:
  ImageId: { Type: AWS::EC2::Image::Id }
  Admins: { Type: String, Default: 0.0.0.0/0 }
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress: [{ IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref Admins }]
  Server: { Type: AWS::EC2::Instance, Properties: { ImageId: !Ref ImageId } }
"""

    def test_what_a_scan_finds_in_a_template_lies_behind_an_address(self):
        client("s3").put_object(Bucket="bakehouse-twin", Key="bakehouse/template.yaml", Body=self.TEMPLATE.encode())
        details = version("22.0.0", image("catalog template"))
        source = details["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"]
        option = {
            "ShortDescription": "A page in a network.",
            "LongDescription": "A page in a network of its own.",
            "UsageInstructions": "Launch the stack.",
            "RecommendedInstanceType": "t3.small",
            "ArchitectureDiagram": "https://conformance.s3.amazonaws.com/diagram.png",
            "Template": "https://bakehouse-twin.s3.amazonaws.com/bakehouse/template.yaml",
            "TemplateSources": [{"ParameterName": "ImageId", "AmiSource": source}],
        }
        source.pop("ScanningPort", None)
        kind = "DeploymentTemplateDeliveryOptionDetails"
        details["DeliveryOptions"].append({"DeliveryOptionTitle": "A stack", "Details": {kind: option}})
        told = follow(start([change("AddDeliveryOptions", PRODUCT, details, listed())]))
        [error] = told["ChangeSet"][0]["ErrorDetailList"]
        self.assertEqual((told["Status"], error["ErrorCode"]), ("FAILED", "SCAN_ERROR"), told)
        with urlopen(error["ErrorMessage"]) as answer:
            found = json.load(answer)
        self.assertEqual([finding["ErrorCode"] for finding in found], ["OPEN_ACCESS"])


class Policies(Case):
    def test_an_entity_is_shared_by_a_policy(self):
        policy = json.dumps({"Version": "2012-10-17", "Statement": []})
        catalog().put_resource_policy(ResourceArn=arn(listed()), Policy=policy)
        self.assertEqual(catalog().get_resource_policy(ResourceArn=arn(listed()))["Policy"], policy)
        self.assertEqual(server().state()["catalog"]["policies"][listed()], policy)
        catalog().delete_resource_policy(ResourceArn=arn(listed()))
        for call in (catalog().get_resource_policy, catalog().delete_resource_policy):
            with self.refused("ResourceNotFoundException", 404):
                call(ResourceArn=arn(listed()))
        with self.refused("ValidationException", 422):
            catalog().put_resource_policy(ResourceArn=arn(listed()), Policy="nonsense")


class Tags(Case):
    def test_tags_are_set_and_taken_off(self):
        of = arn(listed())
        catalog().tag_resource(ResourceArn=of, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        catalog().untag_resource(ResourceArn=of, TagKeys=["a"])
        self.assertEqual(catalog().list_tags_for_resource(ResourceArn=of)["Tags"], [{"Key": "b", "Value": "2"}])
        self.assertEqual(server().state()["catalog"]["entities"][listed()]["tags"], {"b": "2"})
        absent = of.replace(listed(), "prod-none")
        for call, more in (
            (catalog().tag_resource, {"Tags": [{"Key": "a", "Value": "1"}]}),
            (catalog().untag_resource, {"TagKeys": ["a"]}),
            (catalog().list_tags_for_resource, {}),
        ):
            with self.refused("ResourceNotFoundException", 404):
                call(ResourceArn=absent, **more)
