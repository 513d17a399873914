"""S3: buckets and objects, as the AWS CLI and boto3 use them."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from botocore.config import Config
from support import Case, aws, aws_process, client, server

MIB = 1024 * 1024


def state():
    """What the twin has written down."""
    return json.loads((server().workspace / ".bakehouse/twin/state.json").read_text())


def put(key, body, bucket="bakehouse-twin", **options):
    return client("s3").put_object(Bucket=bucket, Key=key, Body=body, **options)


def get(key, bucket="bakehouse-twin", **options):
    return client("s3").get_object(Bucket=bucket, Key=key, **options)


class Objects(Case):
    def test_what_is_put_comes_back_with_what_was_said_of_it(self):
        put("said/it", b"body", ContentType="text/x", Metadata={"kind": "test"}, CacheControl="no-store", Tagging="a=1&b=2")
        got = get("said/it")
        self.assertEqual((got["Body"].read(), got["ContentType"], got["Metadata"]), (b"body", "text/x", {"kind": "test"}))
        self.assertEqual((got["CacheControl"], got["TagCount"]), ("no-store", 2))
        head = client("s3").head_object(Bucket="bakehouse-twin", Key="said/it")
        self.assertEqual((head["ContentLength"], head["ETag"]), (4, got["ETag"]))
        there = state()["s3"]["bakehouse-twin"]["objects"]["said/it"]
        self.assertEqual((there["size_bytes"], there["tags"]), (4, {"a": "1", "b": "2"}))

    def test_keys_of_all_kinds(self):
        for key in ["a b+c&d=e", "ä/ü/漢字", "per%20cent", "dot/./dots/..", "semi;colon,comma'quote\"", "?#[]@!$*()~"]:
            put(f"kinds/{key}", key.encode())
            self.assertEqual(get(f"kinds/{key}")["Body"].read(), key.encode(), key)
        listed = client("s3").list_objects_v2(Bucket="bakehouse-twin", Prefix="kinds/")
        self.assertEqual(len(listed["Contents"]), 6)
        self.assertIn("kinds/ä/ü/漢字", [entry["Key"] for entry in listed["Contents"]])

    def test_ranges_and_conditions(self):
        etag = put("part", b"0123456789")["ETag"]
        self.assertEqual(get("part", Range="bytes=2-4")["Body"].read(), b"234")
        self.assertEqual(get("part", Range="bytes=-3")["Body"].read(), b"789")
        self.assertEqual(get("part", IfMatch=etag)["Body"].read(), b"0123456789")
        for options, code in [({"Range": "bytes=10-"}, "InvalidRange"), ({"IfMatch": '"0"'}, "PreconditionFailed"), ({"IfNoneMatch": etag}, "304")]:
            with self.refused(code):
                get("part", **options)

    def test_a_key_is_created_once(self):
        put("once", b"1", IfNoneMatch="*")
        with self.refused("PreconditionFailed", 412):
            put("once", b"2", IfNoneMatch="*")
        self.assertEqual(get("once")["Body"].read(), b"1")

    def test_checksums(self):
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]:
            if algorithm in ("CRC32C", "CRC64NVME"):
                # boto3 computes these with a package of their own alone.
                continue
            answer = put(f"sum/{algorithm}", b"123456789", ChecksumAlgorithm=algorithm)
            told = client("s3").head_object(Bucket="bakehouse-twin", Key=f"sum/{algorithm}", ChecksumMode="ENABLED")
            self.assertEqual(told[f"Checksum{algorithm}"], answer[f"Checksum{algorithm}"])
        with self.refused("BadDigest", 400):
            put("sum/wrong", b"1", ChecksumSHA256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")

    def test_copies_tags_and_deletions(self):
        s3 = client("s3")
        put("from", b"x", Metadata={"m": "1"}, Tagging="t=1")
        source = {"Bucket": "bakehouse-twin", "Key": "from"}
        s3.copy_object(Bucket="bakehouse-twin", Key="to", CopySource=source)
        s3.put_object_tagging(Bucket="bakehouse-twin", Key="from", Tagging={"TagSet": [{"Key": "t", "Value": "2"}]})
        s3.delete_object(Bucket="bakehouse-twin", Key="from")
        got = get("to")
        self.assertEqual((got["Body"].read(), got["Metadata"]), (b"x", {"m": "1"}))
        self.assertEqual(s3.get_object_tagging(Bucket="bakehouse-twin", Key="to")["TagSet"], [{"Key": "t", "Value": "1"}])
        with self.refused("NoSuchKey", 404):
            get("from")
        answer = s3.delete_objects(Bucket="bakehouse-twin", Delete={"Objects": [{"Key": "to"}, {"Key": "never"}]})
        self.assertEqual({entry["Key"] for entry in answer["Deleted"]}, {"to", "never"})

    def test_lists_come_folded_and_in_pages(self):
        for key in ["l/a", "l/b/1", "l/b/2", "l/c", "l/d/1"]:
            put(key, b"")
        pages = client("s3").get_paginator("list_objects_v2").paginate(
            Bucket="bakehouse-twin", Prefix="l/", Delimiter="/", PaginationConfig={"PageSize": 2}
        )
        pages = list(pages)
        self.assertEqual([len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) for page in pages], [2, 2])
        self.assertEqual([entry["Key"] for page in pages for entry in page.get("Contents", [])], ["l/a", "l/c"])
        self.assertEqual([entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])], ["l/b/", "l/d/"])
        first = client("s3").list_objects(Bucket="bakehouse-twin", Prefix="l/", MaxKeys=2)
        rest = client("s3").list_objects(Bucket="bakehouse-twin", Prefix="l/", Marker=first["Contents"][-1]["Key"])
        self.assertEqual([entry["Key"] for entry in rest["Contents"]], ["l/b/2", "l/c", "l/d/1"])


class Multipart(Case):
    def test_parts_become_an_object(self):
        s3, where = client("s3"), {"Bucket": "bakehouse-twin", "Key": "large"}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        bodies = [os.urandom(5 * MIB), b"end"]
        parts = [
            {"PartNumber": n, "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=body)["ETag"]}
            for n, body in enumerate(bodies, 1)
        ]
        self.assertEqual([p["Size"] for p in s3.list_parts(**where, UploadId=upload)["Parts"]], [5 * MIB, 3])
        self.assertEqual(len(s3.list_multipart_uploads(Bucket="bakehouse-twin")["Uploads"]), 1)
        with self.refused("InvalidPartOrder", 400):
            s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts[::-1]})
        done = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
        self.assertTrue(done["ETag"].endswith('-2"'))
        self.assertEqual(get("large")["Body"].read(), b"".join(bodies))
        with self.refused("NoSuchUpload", 404):
            s3.list_parts(**where, UploadId=upload)

    def test_small_parts_and_abandoned_uploads(self):
        s3, where = client("s3"), {"Bucket": "bakehouse-twin", "Key": "small"}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        parts = [{"PartNumber": n, "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=b"x")["ETag"]} for n in (1, 2)]
        with self.refused("EntityTooSmall", 400):
            s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
        s3.abort_multipart_upload(**where, UploadId=upload)
        self.assertEqual(state()["s3"]["bakehouse-twin"]["uploads"], {})


class Buckets(Case):
    def test_a_bucket_has_its_region(self):
        europe = client("s3", "eu-west-1")
        europe.create_bucket(Bucket="conformance-eu", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.assertEqual(europe.get_bucket_location(Bucket="conformance-eu")["LocationConstraint"], "eu-west-1")
        self.assertEqual(europe.head_bucket(Bucket="conformance-eu")["BucketRegion"], "eu-west-1")
        put("k", b"x", "conformance-eu")  # boto3 follows the Region that the refusal names
        self.assertEqual(get("k", "conformance-eu")["Body"].read(), b"x")
        with self.refused("BucketNotEmpty", 409):
            europe.delete_bucket(Bucket="conformance-eu")
        europe.delete_object(Bucket="conformance-eu", Key="k")
        europe.delete_bucket(Bucket="conformance-eu")
        names = [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
        self.assertIn("bakehouse-twin", names)
        self.assertNotIn("conformance-eu", names)

    def test_refusals(self):
        s3 = client("s3")
        with self.refused("IllegalLocationConstraintException", 400):
            s3.create_bucket(Bucket="conformance-wrong", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        with self.refused("NoSuchBucket", 404):
            s3.list_objects_v2(Bucket="conformance-nowhere")
        with self.refused("NotImplemented", 501):
            s3.get_bucket_versioning(Bucket="bakehouse-twin")
        with self.refused("NotImplemented", 501):
            put("acl", b"", ACL="public-read")


class Commands(Case):
    def test_make_copy_list_sync_remove(self):
        folder = Path(server().workspace) / "s3"
        folder.mkdir()
        (folder / "large").write_bytes(os.urandom(9 * MIB))
        (folder / "small.txt").write_text("small\n")
        run("s3", "mb", "s3://conformance-cli")
        run("s3", "cp", "--recursive", str(folder), "s3://conformance-cli/put/")
        listed = run("s3", "ls", "--recursive", "s3://conformance-cli")
        self.assertIn("put/large", listed)
        run("s3", "sync", "s3://conformance-cli/put/", str(folder / "back"))
        self.assertEqual((folder / "back/large").read_bytes(), (folder / "large").read_bytes())
        run("s3", "rm", "--recursive", "s3://conformance-cli")
        run("s3", "rb", "s3://conformance-cli")
        self.assertNotIn("conformance-cli", state()["s3"])

    def test_a_presigned_address_opens_what_it_names(self):
        # Left to themselves, both sign addresses by version 2 in us-east-1, which no new bucket takes.
        (Path(server().workspace) / ".aws").mkdir()
        (Path(server().workspace) / ".aws/config").write_text("[default]\ns3 =\n    signature_version = s3v4\n")
        put("signed", b"for you")
        address = run("s3", "presign", "s3://bakehouse-twin/signed", "--expires-in", "60").strip()
        self.assertEqual(urllib.request.urlopen(address).read(), b"for you")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address.replace("signed?", "other?"))
        self.assertEqual(refused.exception.code, 403)
        signer = client("s3", config=Config(signature_version="s3v4"))
        upload = signer.generate_presigned_url("put_object", Params={"Bucket": "bakehouse-twin", "Key": "sent"}, ExpiresIn=60)
        urllib.request.urlopen(urllib.request.Request(upload, data=b"sent", method="PUT"))
        self.assertEqual(get("sent")["Body"].read(), b"sent")

    def test_api_commands(self):
        self.assertEqual(aws("s3api", "head-bucket", "--bucket", "bakehouse-twin")["BucketRegion"], "us-east-1")
        self.assertIn("LocationConstraint", aws("s3api", "get-bucket-location", "--bucket", "bakehouse-twin"))


def run(*arguments):
    """Runs a command of the AWS CLI that prints no JSON."""
    done = aws_process(*arguments)
    if done.returncode != 0:
        raise AssertionError(f"aws {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
