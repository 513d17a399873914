"""The Marketplace Catalog: a first listing, new versions of it, locks, tokens and refusals."""

import json
from functools import cache

from support import Case, aws, client, random_block, register, upload, wait_until

CATALOG = "AWSMarketplace"
PRODUCT, OFFER = "AmiProduct@1.0", "Offer@1.0"


def catalog():
    return client("marketplace-catalog")


def role():
    return f"arn:aws:iam::{client('sts').get_caller_identity()['Account']}:role/AWSMarketplaceAmiIngestion"


@cache
def disk():
    return upload({0: random_block("catalog")})


def image(name):
    """An image of its own; the disk may be the same."""
    return register(name, disk())


def change(kind, entity_type, details, entity=None, name=None):
    made = {"ChangeType": kind, "Entity": {"Type": entity_type}, "DetailsDocument": details}
    if entity:
        made["Entity"]["Identifier"] = entity
    if name:
        made["ChangeName"] = name
    return made


def version(title, image_id, **source):
    """What AddDeliveryOptions takes."""
    amis = {
        "AmiId": image_id,
        "AccessRoleArn": role(),
        "UserName": "admin",
        "ScanningPort": 22,
        "OperatingSystemName": "OTHERLINUX",
        "OperatingSystemVersion": "Debian 13",
    }
    option = {
        "AmiSource": {**amis, **source},
        "UsageInstructions": "Launch it and browse to port 80.",
        "AccessEndpointUrl": {"Port": 80, "Protocol": "http"},
        "RecommendedInstanceType": "t3.small",
        "SecurityGroups": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ["0.0.0.0/0"]}],
    }
    return {
        "Version": {"VersionTitle": title, "ReleaseNotes": f"Version {title}."},
        "DeliveryOptions": [{"Details": {"AmiDeliveryOptionDetails": option}}],
    }


def first_listing(title, image_id):
    product, offer = "$CreateProductChange.Entity.Identifier", "$CreateOfferChange.Entity.Identifier"
    information = {
        "ProductTitle": title,
        "ShortDescription": "A page that says hello.",
        "LongDescription": "A page that says hello, at some length.",
        "LogoUrl": "https://conformance.s3.amazonaws.com/logo.png",
        "Highlights": ["Starts in seconds"],
        "AdditionalResources": [],
        "SupportDescription": "Write to support@conformance.example.com.",
        "Categories": ["Application Servers"],
        "SearchKeywords": ["hello"],
    }
    prices = {
        "Type": "UsageBasedPricingTerm",
        "CurrencyCode": "USD",
        "RateCards": [{"RateCard": [{"DimensionKey": "t3.small", "Price": "0.02"}]}],
    }
    dimension = {"Key": "t3.small", "Name": "t3.small", "Description": "t3.small", "Types": ["Metered"], "Unit": "Hrs"}
    eula = {"Type": "LegalTerm", "Documents": [{"Type": "StandardEula", "Version": "2022-07-14"}]}
    return [
        change("CreateProduct", PRODUCT, {}, name="CreateProductChange"),
        change("UpdateInformation", PRODUCT, information, product),
        change("AddRegions", PRODUCT, {"Regions": ["us-east-1"]}, product),
        change("UpdateFutureRegionSupport", PRODUCT, {"FutureRegionSupport": {"SupportedRegions": ["None"]}}, product),
        change("AddInstanceTypes", PRODUCT, {"InstanceTypes": ["t3.small"]}, product),
        change("AddDeliveryOptions", PRODUCT, version("1.0.0", image_id), product),
        change("AddDimensions", PRODUCT, [dimension], product),
        change("UpdateTargeting", PRODUCT, {"PositiveTargeting": {"BuyerAccounts": ["210987654321"]}}, product),
        change("ReleaseProduct", PRODUCT, {}, product),
        change("CreateOffer", OFFER, {"ProductId": product}, name="CreateOfferChange"),
        change("UpdateInformation", OFFER, {"Name": f"{title}: public offer", "Description": "The public offer"}, offer),
        change("UpdatePricingTerms", OFFER, {"PricingModel": "Usage", "Terms": [prices]}, offer),
        change("UpdateLegalTerms", OFFER, {"Terms": [eula]}, offer),
        change("UpdateSupportTerms", OFFER, {"Terms": [{"Type": "SupportTerm", "RefundPolicy": "No refunds."}]}, offer),
        change("ReleaseOffer", OFFER, {}, offer),
    ]


def follow(change_set):
    """Waits for the end of a change set; returns its description."""

    def ended():
        told = catalog().describe_change_set(Catalog=CATALOG, ChangeSetId=change_set)
        return told if told["Status"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    return wait_until(ended, f"change set {change_set} to end")


def start(changes, **options):
    return catalog().start_change_set(Catalog=CATALOG, ChangeSet=changes, **options)["ChangeSetId"]


def add(product, title, image_id, **options):
    """Starts a set that adds a version; the source's particulars go by `source`."""
    details = version(title, image_id, **options.pop("source", {}))
    return start([change("AddDeliveryOptions", PRODUCT, details, product)], **options)


@cache
def listed():
    """A product that is listed with version 1.0.0; returns its id."""
    told = follow(start(first_listing("Conformance Hello", image("catalog first")), ChangeSetName="first listing"))
    assert told["Status"] == "SUCCEEDED", told
    return told["ChangeSet"][0]["Entity"]["Identifier"].split("@")[0]


def details(entity):
    return catalog().describe_entity(Catalog=CATALOG, EntityId=entity)["DetailsDocument"]


def titles(product):
    return [v["VersionTitle"] for v in details(product)["Versions"]]


class Listing(Case):
    def test_a_first_listing_reads_back(self):
        product = listed()
        told = aws("marketplace-catalog", "describe-entity", "--catalog", CATALOG, "--entity-id", product)
        self.assertEqual(told["EntityType"], PRODUCT)
        self.assertRegex(told["EntityIdentifier"], rf"^{product}@\d+$")
        document = json.loads(told["Details"])
        self.assertEqual(document["Description"]["ProductTitle"], "Conformance Hello")
        self.assertEqual(document["Description"]["Visibility"], "Limited")
        self.assertIn("1.0.0", titles(product))
        offers = catalog().list_entities(Catalog=CATALOG, EntityType="Offer")["EntitySummaryList"]
        self.assertIn("Conformance Hello: public offer", [offer["Name"] for offer in offers])
        sets = catalog().list_change_sets(Catalog=CATALOG)["ChangeSetSummaryList"]
        self.assertIn("first listing", [s.get("ChangeSetName") for s in sets])

    def test_a_new_version_is_validated_then_applied(self):
        product, ami = listed(), image("catalog second")
        validated = follow(add(product, "1.1.0", ami, Intent="VALIDATE"))
        self.assertEqual((validated["Status"], validated["Intent"]), ("SUCCEEDED", "VALIDATE"), validated)
        self.assertNotIn("1.1.0", titles(product))
        changes = [{**change("AddDeliveryOptions", PRODUCT, version("1.1.0", ami), product)}]
        begun = aws("marketplace-catalog", "start-change-set", "--catalog", CATALOG, "--change-set", json.dumps(changes))
        applied = follow(begun["ChangeSetId"])
        self.assertEqual((applied["Status"], applied["Intent"]), ("SUCCEEDED", "APPLY"), applied)
        self.assertIn("1.1.0", titles(product))
        source = next(v for v in details(product)["Versions"] if v["VersionTitle"] == "1.1.0")["Sources"][0]
        self.assertEqual(source["Image"], ami)

    def test_an_image_is_sold_in_one_version(self):
        product, ami = listed(), image("catalog once")
        self.assertEqual(follow(add(product, "1.2.0", ami))["Status"], "SUCCEEDED")
        told = follow(add(product, "1.2.1", ami))
        self.assertEqual((told["Status"], told["FailureCode"]), ("FAILED", "CLIENT_ERROR"), told)
        self.assertNotIn("1.2.1", titles(product))

    def test_a_refused_version_burns_its_title(self):
        product = listed()
        strange = {"AccessRoleArn": "arn:aws:iam::999999999999:role/Nobody"}
        told = follow(add(product, "1.3.0", image("catalog burnt"), source=strange))
        self.assertEqual(told["Status"], "FAILED", told)
        self.assertTrue(told["ChangeSet"][0]["ErrorDetailList"][0]["ErrorCode"])
        told = follow(add(product, "1.3.0", image("catalog after the fire")))
        self.assertEqual(told["Status"], "FAILED", told)
        self.assertNotIn("1.3.0", titles(product))


class Refusals(Case):
    def test_an_entity_that_is_being_changed_is_locked(self):
        product = listed()
        first = add(product, "2.0.0", image("catalog lock"))
        with self.refused("ResourceInUseException", 423) as error:
            add(product, "2.0.1", "ami-00000000000000000")
        self.assertIn(first, error["Error"]["Message"])
        follow(first)

    def test_a_token_makes_one_change_set(self):
        product, ami = listed(), image("catalog token")
        token = {"ClientRequestToken": "conformance-token"}
        first = add(product, "3.0.0", ami, **token)
        self.assertEqual(add(product, "3.0.0", ami, **token), first)
        with self.refused("ValidationException", 422):
            add(product, "3.0.1", ami, **token)
        self.assertEqual(follow(first)["Status"], "SUCCEEDED")
        self.assertEqual(add(product, "3.0.0", ami, **token), first, "for ever")

    def test_unknown_members_are_refused_at_once(self):
        details = version("4.0.0", "ami-00000000000000000")
        details["Version"]["Colour"] = "blue"
        with self.refused("ValidationException", 422) as error:
            start([change("AddDeliveryOptions", PRODUCT, details, listed())])
        self.assertIn("Colour", json.dumps(error, default=str))

    def test_the_role_is_required(self):
        details = version("4.0.0", "ami-00000000000000000")
        del details["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"]["AccessRoleArn"]
        with self.refused("ValidationException", 422):
            start([change("AddDeliveryOptions", PRODUCT, details, listed())])

    def test_what_is_not_there_is_not_found(self):
        with self.refused("ResourceNotFoundException", 404):
            catalog().describe_entity(Catalog=CATALOG, EntityId="prod-0000000000000")
        with self.refused("ResourceNotFoundException", 404):
            catalog().describe_change_set(Catalog=CATALOG, ChangeSetId="0000000000000000000000000")

    def test_the_catalog_is_in_one_region(self):
        endpoint = {"region": "eu-central-1"}
        with self.refused("InvalidSignatureException", 403):
            client("marketplace-catalog", **endpoint).list_entities(Catalog=CATALOG, EntityType="AmiProduct")
