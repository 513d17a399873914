"""What bakehouse renders, sent by boto3: each request of a listing's life reads back as it was sent.

The requests are the snapshot of `src/listing/documents.rs`, where they are held against the schemas. Here they name
what this twin has: its product, offer, images and role in place of the snapshot's.
"""

import json
from pathlib import Path

from support import Case
from test_catalog import OFFER, PRODUCT, catalog, details, follow, image, role

SNAPSHOT = Path(__file__).parents[2] / "src/listing/snapshots/bakehouse__listing__documents__story.snap"
# What the snapshot calls the first listing's product, offer and the option of its first version.
PRODUCT_ID, OFFER_ID, OPTION_ID = "prod-abc", "offer-abc", "22222222-0000-4000-8000-000000000000"
# What only a product's own template says, of what this listing hasn't got: read, and refused for that.
OF_ONES_OWN = {"UpdateDimensions", "UpdateRenewalTerms", "UpdateAvailability"}


def story():
    _, _, document = SNAPSHOT.read_text().split("---\n", 2)
    return json.loads(document)


def renamed(value, names):
    """A document with every text that is a name replaced by what is called so here."""
    if isinstance(value, dict):
        return {key: renamed(member, names) for key, member in value.items()}
    if isinstance(value, list):
        return [renamed(entry, names) for entry in value]
    return names.get(value, value) if isinstance(value, str) else value


def texts(value):
    """Every text of a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for entry in value for text in texts(entry)]
    return [value] if isinstance(value, str) else []


def created(told):
    """The ids of what a change set made, by entity type."""
    made = (c["Entity"] for c in told["ChangeSet"] if c["ChangeType"].startswith("Create"))
    return {entity["Type"]: entity["Identifier"].split("@")[0] for entity in made}


class Rendered(Case):
    def test_what_is_sent_reads_back(self):
        names = {"arn:aws:iam::123456789012:role/Ingest": role()}
        for number, request in enumerate(story()):
            # No two versions have the same image.
            amis = {text for text in texts(request) if text.startswith("ami-")}
            fitted = renamed(request, names | {ami: image(f"rendered {number}") for ami in amis})
            with self.subTest(number=number, name=request["ChangeSetName"]):
                told = self.reads_back(fitted)
                kinds = {change["ChangeType"] for change in request["ChangeSet"]}
                self.assertEqual(told["Status"], "FAILED" if kinds == OF_ONES_OWN else "SUCCEEDED", told)
            if number == 0:
                made = created(told)
                option = details(made[PRODUCT])["Versions"][0]["DeliveryOptions"][0]["Id"]
                names |= {PRODUCT_ID: made[PRODUCT], OFFER_ID: made[OFFER], OPTION_ID: option}

    def reads_back(self, request):
        begun = catalog().start_change_set(**request)
        told = follow(begun["ChangeSetId"])
        self.assertEqual(told["ChangeSetName"], request["ChangeSetName"])
        self.assertEqual(len(told["ChangeSet"]), len(request["ChangeSet"]))
        for sent, read in zip(request["ChangeSet"], told["ChangeSet"]):
            self.assertEqual(read["ChangeType"], sent["ChangeType"])
            self.assertEqual(read["Entity"]["Type"], sent["Entity"]["Type"])
            self.assertEqual(read.get("ChangeName"), sent.get("ChangeName"))
            self.assertEqual(read["DetailsDocument"], sent["DetailsDocument"])
            self.assertEqual(json.loads(read["Details"]), sent["DetailsDocument"])
        return told
