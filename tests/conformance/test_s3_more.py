"""S3: what the other tests leave out of each operation: refusals, and what clients read compared with the twin's state."""

import json
import re
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from support import Case, aws, client, server

BUCKET = "bakehouse-twin"
NOWHERE = "conformance-nowhere"
SOMEBODY_ELSE = "999999999999"


def s3():
    return client("s3")


def kept(bucket=BUCKET):
    """What the twin keeps of a bucket."""
    return server().state()["s3"][bucket]


def put(key, body=b"x", **options):
    return s3().put_object(Bucket=BUCKET, Key=key, Body=body, **options)


class Told(Case):
    """What clients read is what the twin keeps."""

    def test_an_object(self):
        put("told/object", b"content", ContentType="text/x", Metadata={"kind": "told"}, ChecksumAlgorithm="SHA256")
        state = kept()["objects"]["told/object"]
        head = aws("s3api", "head-object", "--bucket", BUCKET, "--key", "told/object", "--checksum-mode", "ENABLED")
        self.assertEqual((head["ContentLength"], head["ETag"].strip('"')), (state["size_bytes"], state["etag"]))
        self.assertEqual((head["ContentType"], head["Metadata"]), (state["headers"]["content-type"], state["metadata"]))
        self.assertEqual(head["ChecksumSHA256"], state["checksum"]["value"])

    def test_a_copy(self):
        put("told/from", b"to be copied", Metadata={"kind": "told"}, Tagging="t=1")
        s3().copy_object(Bucket=BUCKET, Key="told/to", CopySource={"Bucket": BUCKET, "Key": "told/from"})
        here, there = (kept()["objects"][f"told/{key}"] for key in ("from", "to"))
        self.assertNotEqual(here.pop("file"), there.pop("file"), "a content of its own")
        del here["modified"], there["modified"]
        self.assertEqual(here, there)

    def test_tags(self):
        put("told/tags", Tagging="a=1")
        s3().put_object_tagging(Bucket=BUCKET, Key="told/tags", Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
        told = aws("s3api", "get-object-tagging", "--bucket", BUCKET, "--key", "told/tags")["TagSet"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in told}, kept()["objects"]["told/tags"]["tags"])
        s3().delete_object_tagging(Bucket=BUCKET, Key="told/tags")
        self.assertEqual(kept()["objects"]["told/tags"]["tags"], {})

    def test_lists(self):
        put("told/list/a", b"1")
        put("told/list/b", b"22")
        sizes = {key: entry["size_bytes"] for key, entry in kept()["objects"].items() if key.startswith("told/list/")}
        for operation in ("list-objects", "list-objects-v2"):
            told = aws("s3api", operation, "--bucket", BUCKET, "--prefix", "told/list/")["Contents"]
            self.assertEqual({entry["Key"]: entry["Size"] for entry in told}, sizes, operation)
        told = [bucket["Name"] for bucket in s3().list_buckets()["Buckets"]]
        self.assertEqual(told, sorted(server().state()["s3"]))

    def test_uploads_and_their_parts(self):
        where = {"Bucket": BUCKET, "Key": "told/parts"}
        upload = s3().create_multipart_upload(**where)["UploadId"]
        etag = s3().upload_part(**where, UploadId=upload, PartNumber=7, Body=b"part")["ETag"].strip('"')
        state = kept()["uploads"][upload]
        [told] = s3().list_multipart_uploads(Bucket=BUCKET, Prefix="told/parts")["Uploads"]
        self.assertEqual((told["UploadId"], told["Key"]), (upload, state["key"]))
        [part] = s3().list_parts(**where, UploadId=upload)["Parts"]
        self.assertEqual((part["PartNumber"], part["ETag"].strip('"')), (7, etag))
        self.assertEqual((state["parts"]["7"]["etag"], state["parts"]["7"]["size_bytes"]), (etag, part["Size"]))
        s3().abort_multipart_upload(**where, UploadId=upload)
        self.assertNotIn(upload, kept()["uploads"])

    def test_deletions(self):
        for key in ("told/1", "told/2", "told/3"):
            put(key)
        s3().delete_object(Bucket=BUCKET, Key="told/1")
        s3().delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "told/2"}]})
        self.assertEqual({"told/1", "told/2", "told/3"} & set(kept()["objects"]), {"told/3"})


OPEN = json.dumps({
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::conformance-open/open/*"},
})


class Public(Case):
    """What a bucket's policy opens everyone may read, and nothing else."""

    def setUp(self):
        s3().create_bucket(Bucket="conformance-open")
        for key in ("open/a b.txt", "shut.txt"):
            s3().put_object(Bucket="conformance-open", Key=key, Body=b"content")

    def tearDown(self):
        for key in ("open/a b.txt", "shut.txt"):
            s3().delete_object(Bucket="conformance-open", Key=key)
        s3().delete_bucket(Bucket="conformance-open")

    def read(self, key, method="GET"):
        """Asks without credentials; returns the status and the content or the code."""
        address = f"{server().environment['AWS_ENDPOINT_URL']}/conformance-open/{quote(key)}"
        try:
            with urlopen(Request(address, method=method)) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refusal:
            with refusal:
                return refusal.code, "".join(re.findall("<Code>(.*)</Code>", refusal.read().decode()))

    def test_a_bucket_is_shut_until_its_policy_opens_it(self):
        refused = (403, "AccessDenied")
        self.assertEqual(self.read("open/a b.txt"), refused)
        block = s3().get_public_access_block(Bucket="conformance-open")["PublicAccessBlockConfiguration"]
        self.assertEqual(set(block.values()), {True})
        with self.refused("AccessDenied", 403):
            s3().put_bucket_policy(Bucket="conformance-open", Policy=OPEN)
        shut = {**block, "BlockPublicPolicy": False}
        s3().put_public_access_block(Bucket="conformance-open", PublicAccessBlockConfiguration=shut)
        s3().put_bucket_policy(Bucket="conformance-open", Policy=OPEN)
        self.assertEqual(self.read("open/a b.txt"), refused, "RestrictPublicBuckets")
        s3().delete_public_access_block(Bucket="conformance-open")

        self.assertEqual(self.read("open/a b.txt"), (200, "content"))
        self.assertEqual(self.read("open/a b.txt", "HEAD"), (200, ""))
        for key in ("shut.txt", "open/none.txt", ""):
            self.assertEqual(self.read(key), refused, key)
        for method in ("PUT", "DELETE"):
            self.assertEqual(self.read("open/a b.txt", method)[0], 403, method)
        self.assertEqual(s3().get_bucket_policy(Bucket="conformance-open")["Policy"], OPEN)
        self.assertEqual(s3().get_bucket_policy_status(Bucket="conformance-open")["PolicyStatus"], {"IsPublic": True})
        self.assertEqual(kept("conformance-open")["policy"], OPEN)

        s3().delete_bucket_policy(Bucket="conformance-open")
        self.assertEqual(self.read("open/a b.txt"), refused)

    def test_what_there_is_none_of(self):
        with self.refused("NoSuchBucketPolicy", 404):
            s3().get_bucket_policy(Bucket="conformance-open")
        with self.refused("NoSuchBucketPolicy", 404):
            s3().get_bucket_policy_status(Bucket="conformance-open")
        s3().delete_public_access_block(Bucket="conformance-open")
        with self.refused("NoSuchPublicAccessBlockConfiguration", 404):
            s3().get_public_access_block(Bucket="conformance-open")

    def test_a_policy_that_s3_does_not_take(self):
        for policy in ("nonsense", OPEN.replace("/open/*", ""), OPEN.replace("conformance-open", "another")):
            with self.refused("MalformedPolicy", 400):
                s3().put_bucket_policy(Bucket="conformance-open", Policy=policy)
        with self.refused("NotImplemented", 501):
            s3().put_bucket_policy(Bucket="conformance-open", Policy=OPEN.replace("Allow", "Deny"))


class Refused(Case):
    """Each operation is refused, and changes nothing."""

    def setUp(self):
        put("refused/there", b"there", Tagging="a=1")
        self.before = server().state()["s3"]

    def tearDown(self):
        self.assertEqual(server().state()["s3"], self.before)

    def test_a_bucket_that_is_not_there(self):
        absent = {"Bucket": NOWHERE}
        for ask in (
            lambda: s3().get_bucket_location(**absent),
            lambda: s3().list_multipart_uploads(**absent),
            lambda: s3().list_objects(**absent),
            lambda: s3().list_objects_v2(**absent),
            lambda: s3().delete_bucket(**absent),
            lambda: s3().create_multipart_upload(**absent, Key="k"),
            lambda: s3().put_object(**absent, Key="k", Body=b""),
            lambda: s3().copy_object(**absent, Key="k", CopySource={"Bucket": BUCKET, "Key": "refused/there"}),
            lambda: s3().delete_object(**absent, Key="k"),
            lambda: s3().delete_objects(**absent, Delete={"Objects": [{"Key": "k"}]}),
            lambda: s3().put_bucket_policy(**absent, Policy=OPEN.replace("conformance-open", NOWHERE)),
            lambda: s3().delete_bucket_policy(**absent),
            lambda: s3().put_public_access_block(**absent, PublicAccessBlockConfiguration={}),
            lambda: s3().delete_public_access_block(**absent),
        ):
            with self.refused("NoSuchBucket", 404):
                ask()
        with self.refused("404", 404):
            s3().head_bucket(**absent)

    def test_an_object_that_is_not_there(self):
        absent = {"Bucket": BUCKET, "Key": "refused/absent"}
        for ask in (
            lambda: s3().get_object(**absent),
            lambda: s3().copy_object(Bucket=BUCKET, Key="refused/copy", CopySource=absent),
            lambda: s3().get_object_tagging(**absent),
            lambda: s3().put_object_tagging(**absent, Tagging={"TagSet": []}),
            lambda: s3().delete_object_tagging(**absent),
            lambda: s3().delete_object(**absent, IfMatch='"0"'),
        ):
            with self.refused("NoSuchKey", 404):
                ask()
        with self.refused("404", 404):
            s3().head_object(**absent)
        # Without a condition it is as if it had been there.
        self.assertEqual(s3().delete_object(**absent)["ResponseMetadata"]["HTTPStatusCode"], 204)

    def test_an_upload_that_is_not_there(self):
        absent = {"Bucket": BUCKET, "Key": "refused/upload", "UploadId": "none"}
        for ask in (
            lambda: s3().upload_part(**absent, PartNumber=1, Body=b"x"),
            lambda: s3().list_parts(**absent),
            lambda: s3().complete_multipart_upload(**absent, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}),
            lambda: s3().abort_multipart_upload(**absent),
        ):
            with self.refused("NoSuchUpload", 404):
                ask()

    def test_a_condition_that_does_not_hold(self):
        there, other = {"Bucket": BUCKET, "Key": "refused/there"}, '"0"'
        for code, ask in (
            ("PreconditionFailed", lambda: s3().get_object(**there, IfMatch=other)),
            ("PreconditionFailed", lambda: s3().put_object(**there, Body=b"", IfMatch=other)),
            ("PreconditionFailed", lambda: s3().put_object(**there, Body=b"", IfNoneMatch="*")),
            ("PreconditionFailed", lambda: s3().delete_object(**there, IfMatch=other)),
            ("PreconditionFailed", lambda: s3().copy_object(Bucket=BUCKET, Key="k", CopySource=there, CopySourceIfMatch=other)),
            ("412", lambda: s3().head_object(**there, IfMatch=other)),
        ):
            with self.refused(code, 412):
                ask()

    def test_what_s3_does_not_take(self):
        there = {"Bucket": BUCKET, "Key": "refused/there"}
        eleven = [{"Key": str(n), "Value": ""} for n in range(11)]
        for code, ask in (
            ("InvalidRequest", lambda: s3().copy_object(**there, CopySource=there)),
            ("BadRequest", lambda: s3().put_object_tagging(**there, Tagging={"TagSet": eleven})),
            ("MetadataTooLarge", lambda: s3().put_object(**there, Body=b"", Metadata={"m": "x" * 2048})),
            ("MetadataTooLarge", lambda: s3().create_multipart_upload(**there, Metadata={"m": "x" * 2048})),
            ("MalformedXML", lambda: s3().delete_objects(Bucket=BUCKET, Delete={"Objects": []})),
            ("InvalidArgument", lambda: s3().list_objects_v2(Bucket=BUCKET, ContinuationToken="made up")),
            ("InvalidLocationConstraint", lambda: self.create("us-east-1")),
        ):
            with self.refused(code, 400):
                ask()

    def create(self, location):
        return s3().create_bucket(Bucket="conformance-refused", CreateBucketConfiguration={"LocationConstraint": location})

    def test_a_bucket_is_made_once(self):
        europe = client("s3", "eu-west-1")
        here = {"Bucket": "conformance-once", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        europe.create_bucket(**here)
        with self.refused("BucketAlreadyOwnedByYou", 409):
            europe.create_bucket(**here)
        europe.delete_bucket(Bucket="conformance-once")

    def test_a_bucket_of_somebody_else(self):
        theirs = {"Bucket": BUCKET, "ExpectedBucketOwner": SOMEBODY_ELSE}
        for ask in (s3().get_bucket_location, s3().list_objects, s3().list_objects_v2, s3().list_multipart_uploads, s3().delete_bucket):
            with self.refused("AccessDenied", 403):
                ask(**theirs)
        with self.refused("403", 403):
            s3().head_bucket(**theirs)
