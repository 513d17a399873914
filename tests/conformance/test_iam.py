"""IAM and Service Quotas: roles and what they may do, limits; done, read back and compared with the twin's state; refused."""

import json

from support import Case, aws, client, server

POLICY = "arn:aws:iam::aws:policy/AWSMarketplaceAmiIngestion"


def iam():
    return client("iam")


def trust(service):
    """A document that lets a service take a role on."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def roles():
    """The roles that the twin keeps, by ARN."""
    return server().state()["roles"]


def made(name, path="/conformance/"):
    return iam().create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))["Role"]["Arn"]


class Roles(Case):
    def test_a_role_is_made_told_and_removed(self):
        arn = made("Made")
        told = aws("iam", "get-role", "--role-name", "Made")["Role"]
        self.assertEqual((told["Arn"], told["Path"]), (arn, "/conformance/"))
        trusted = told["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        self.assertEqual(trusted, roles()[arn]["trusts"])
        iam().delete_role(RoleName="Made")
        self.assertNotIn(arn, roles())
        for ask in (iam().get_role, iam().delete_role):
            with self.refused("NoSuchEntity", 404):
                ask(RoleName="Made")

    def test_a_name_is_given_once_and_a_document_must_be_one(self):
        made("Twice")
        before = roles()
        # A role's name is its own whatever its path.
        with self.refused("EntityAlreadyExists", 409):
            made("Twice", path="/")
        with self.refused("MalformedPolicyDocument", 400):
            iam().create_role(RoleName="Odd", AssumeRolePolicyDocument="{")
        self.assertEqual(roles(), before)

    def test_policies_are_attached_told_and_detached(self):
        arn = made("Policies")
        iam().attach_role_policy(RoleName="Policies", PolicyArn=POLICY)
        told = aws("iam", "list-attached-role-policies", "--role-name", "Policies")["AttachedPolicies"]
        self.assertEqual([policy["PolicyArn"] for policy in told], roles()[arn]["policies"])
        with self.refused("DeleteConflict", 409):
            iam().delete_role(RoleName="Policies")
        iam().detach_role_policy(RoleName="Policies", PolicyArn=POLICY)
        self.assertEqual(roles()[arn]["policies"], [])
        with self.refused("NoSuchEntity", 404):
            iam().detach_role_policy(RoleName="Policies", PolicyArn=POLICY)
        for change in (iam().attach_role_policy, iam().detach_role_policy):
            with self.refused("NoSuchEntity", 404):
                change(RoleName="Nobody", PolicyArn=POLICY)
        with self.refused("NoSuchEntity", 404):
            iam().list_attached_role_policies(RoleName="Nobody")


class Caller(Case):
    def test_the_caller_is_a_user(self):
        arn = client("sts").get_caller_identity()["Arn"]
        self.assertEqual(iam().get_user()["User"]["Arn"], arn)
        self.assertEqual(iam().get_user(UserName="bakehouse-twin")["User"]["Arn"], arn)
        with self.refused("NoSuchEntity", 404):
            iam().get_user(UserName="nobody")

    def test_what_somebody_may_do_is_simulated(self):
        caller = client("sts").get_caller_identity()["Arn"]
        self.assertEqual(self.decisions(caller, "ec2:RunInstances", "ec2:CreateImage"), ["allowed", "allowed"])
        self.assertEqual(server().state()["denied"], [])
        self.assertEqual(self.decisions(made("Idle"), "ec2:RunInstances"), ["implicitDeny"])
        with self.refused("NoSuchEntity", 404):
            self.decisions(f"{caller}-of-another-name", "ec2:RunInstances")
        with self.refused("InvalidInput", 400):
            self.decisions(caller, "RunInstances")

    def decisions(self, principal, *actions):
        told = iam().simulate_principal_policy(PolicySourceArn=principal, ActionNames=list(actions))["EvaluationResults"]
        self.assertEqual([result["EvalActionName"] for result in told], list(actions))
        return [result["EvalDecision"] for result in told]


class Quotas(Case):
    def test_a_quota_is_the_one_that_the_twin_holds_anybody_to(self):
        quotas = client("service-quotas")
        listed = {quota["QuotaCode"]: quota for quota in quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]}
        told = aws("service-quotas", "get-service-quota", "--service-code", "ec2", "--quota-code", "L-1216C47A")["Quota"]
        self.assertEqual(told, listed["L-1216C47A"])
        self.assertEqual(told["Value"], server().state()["quotas"][told["QuotaName"]], "this account was given more")
        # `test_five_images_are_public_and_no_more` meets it.
        self.assertEqual((listed["L-0E3CBAB9"]["QuotaName"], listed["L-0E3CBAB9"]["Value"]), ("Public AMIs", 5))

    def test_what_there_is_not(self):
        quotas = client("service-quotas")
        with self.refused("NoSuchResourceException", 400):
            quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")
        with self.refused("NoSuchResourceException", 400):
            quotas.list_service_quotas(ServiceCode="spoons")
        with self.refused("IllegalArgumentException", 400):
            quotas.list_service_quotas(ServiceCode="ec2", MaxResults=1)
